//! Errors of the system instead of kills: once, and from then on.
//!
//! Each one of a command's calls that changes something fails in turn, with
//! "input/output error" and with "no space left". The command must do it all,
//! or say that it did not; the laws are those of a crash.

use super::judge::{Judge, conclude};
use super::scenes::named;
use crate::support::faults::{Bed, Dice, drawn, thinned};

/// How many points are taken again with a fault that stays.
const STICKY: usize = 24;
/// Calls that cannot fail in these ways, or whose failing means another thing.
const NOT_FAILED: &[&str] = &["flock"];

/// Fails every changing call of these commands; how often the answer was
/// "committed, record pending".
fn sweep(what: &str, scenes: &[&str]) -> usize {
    sweep_some(what, scenes, 10_000, STICKY)
}

/// As [`sweep`], at no more than about so many points, and so many that stay.
fn sweep_some(what: &str, scenes: &[&str], most: usize, sticky: usize) -> usize {
    let (mut points, mut pending, mut violations) = (0, 0, Vec::new());
    for name in scenes {
        let mut dice = Dice::new(5_021);
        let mut judge = Judge::new(Bed::new(), named(name));
        let changing = judge.calls.iter().filter(|call| call.changes && !NOT_FAILED.contains(&&*call.name));
        let changing = drawn(thinned(changing.cloned().collect(), &mut dice), most, &mut dice);
        let once = changing.iter().map(|call| (call.clone(), ""));
        let stay = dice.some(changing.clone(), sticky).into_iter().map(|call| (call, "+"));
        for (call, stays) in once.chain(stay) {
            for error in ["EIO", "ENOSPC"] {
                let ran = judge.run(&call.name, &format!("error={error}:when={}{stays}", call.nth));
                pending += usize::from(ran.code == Some(7) && ran.err.contains("record pending"));
                let point = format!("{error} at {} {}{stays}", call.name, call.nth);
                if ran.code.is_none_or(|code| code == 101) {
                    judge.violations.push(format!("{name}: {point}: {ran:?}"));
                }
                judge.judge(&point, &ran);
            }
        }
        eprintln!("  {name}: {} points, {} acknowledged", judge.points, judge.acknowledged);
        points += judge.points;
        violations.extend(judge.end());
    }
    conclude(&format!("{what}, {pending} times a record pending"), points, &violations);
    pending
}

#[test]
fn an_error_while_widening_fails_the_command_or_does_not_matter() {
    let pending = sweep("errors while widening", &["trust", "enable", "enable in place of another revision"]);
    assert!(pending > 0, "a log that cannot be written leaves a record pending");
}

#[test]
fn an_error_while_arriving_or_narrowing_fails_the_command_or_does_not_matter() {
    let pending = sweep(
        "errors while arriving and narrowing",
        &["install", "drift", "disable", "disable one of two", "untrust", "remove"],
    );
    assert!(pending > 0, "a log that cannot be written leaves a record pending");
}

#[test]
fn an_error_in_a_kill_or_a_release_never_lets_more_run() {
    sweep(
        "errors in kill and release",
        &[
            "kill everything",
            "kill everything again",
            "kill by name",
            "release everything",
            "release by name",
        ],
    );
}

#[test]
fn an_error_amid_several_skills_fails_the_command_or_does_not_matter() {
    let pending = sweep("errors amid several", &["update several", "trust a set", "enable several"]);
    assert!(pending > 0, "a log that cannot be written leaves a record pending");
}

#[test]
fn an_error_in_a_repair_or_an_uninstall_fails_the_command_or_does_not_matter() {
    sweep(
        "errors in repair, enable --as-before and uninstall",
        &["repair", "enable as before", "uninstall, removing", "uninstall, handing over"],
    );
}

#[test]
fn an_error_while_an_original_is_replaced_puts_it_back_or_names_it() {
    sweep("errors while replacing originals", &["enable over a folder", "enable over a link"]);
}

#[test]
fn an_error_while_everything_is_adopted_or_cleared_away_loses_nothing() {
    if super::scenes::accounts() {
        sweep("errors while adopting and clearing", &["adopt everything", "kill with the unmanaged"]);
    }
}

#[cfg(feature = "provenance")]
#[test]
fn an_error_while_a_statement_is_added_leaves_it_kept_with_its_record_or_neither() {
    sweep_some("errors of review --add", &["add a review", "add a warning"], 24, 8);
}
