//! SIGKILL before every call, and before every call of the recovery after it.

use super::judge::{Judge, conclude};
use super::scenes::named;
use crate::support::faults::{Bed, Call, Dice, drawn, thinned};

/// How many of the calls that change nothing are taken.
const QUIET: usize = 12;
/// After how many of the crashes recovery itself is killed.
const CRASHES: usize = 10;
/// Before how many of its calls, each time.
const NESTED: usize = 8;
/// Recovers everything and decides nothing.
const RECOVER: &[&str] = &["kill", "--all", "--dry-run"];

/// The calls before which the program is killed.
fn points(calls: &[Call], dice: &mut Dice) -> Vec<Call> {
    let (changing, quiet): (Vec<_>, Vec<_>) = calls.iter().cloned().partition(|call| call.changes);
    let all = std::env::var_os("SKILLS_SWEEP").is_some_and(|value| value == "full");
    let quiet = if all { quiet } else { dice.some(quiet, QUIET) };
    let changing = if all { changing } else { thinned(changing, dice) };
    changing.into_iter().chain(quiet).collect()
}

fn sweep(what: &str, scenes: &[&str]) {
    sweep_some(what, scenes, 10_000);
}

/// As [`sweep`], at no more than about so many points of each sort.
fn sweep_some(what: &str, scenes: &[&str], most: usize) {
    let (mut count, mut nested, mut violations) = (0, 0, Vec::new());
    for name in scenes {
        let mut dice = Dice::new(20_261_121);
        let mut judge = Judge::new(Bed::new(), named(name));
        let points = drawn(points(&judge.calls, &mut dice), most, &mut dice);
        for call in &points {
            let ran = judge.run(&call.name, &format!("signal=KILL:when={}", call.nth));
            judge.judge(&format!("killed before {} {}", call.name, call.nth), &ran);
        }
        count += judge.points;
        // A point that is not reached would be a point that is not tested.
        let missed = judge.points - judge.killed;
        assert!(missed * 20 <= judge.points, "{name}: {missed} of {} points were not reached", judge.points);
        let changing: Vec<_> = points.into_iter().filter(|call| call.changes).collect();
        for call in dice.some(changing, CRASHES.min(most / 10)) {
            recovery(&mut judge, &call, &mut dice);
        }
        eprintln!(
            "  {name}: {} calls, {} points, {} acknowledged",
            judge.calls.len(),
            judge.points,
            judge.acknowledged
        );
        if name.starts_with("uninstall") {
            eprintln!("  {name}: {} half-removed homes were gone on with", judge.gone_on);
            assert!(judge.gone_on > 5, "{name}: only {} homes were half removed", judge.gone_on);
        }
        nested += judge.points;
        violations.extend(judge.end());
    }
    conclude(&format!("{what}, {} of them in recovery", nested - count), nested, &violations);
}

/// One crash, and recovery from it killed in turn.
fn recovery(judge: &mut Judge, call: &Call, dice: &mut Dice) {
    let ran = judge.run(&call.name, &format!("signal=KILL:when={}", call.nth));
    judge.bed.keep("crashed");
    let (_, calls) = judge.bed.trace(RECOVER);
    let changing = calls.into_iter().filter(|call| call.changes).collect();
    for inner in dice.some(changing, NESTED) {
        judge.bed.restore("crashed");
        judge.bed.run_with(&inner.name, &format!("signal=KILL:when={}", inner.nth), RECOVER);
        let point =
            format!("killed before {} {}, recovery before {} {}", call.name, call.nth, inner.name, inner.nth);
        judge.judge(&point, &ran);
    }
}

#[test]
fn a_crash_while_bytes_arrive_leaves_all_or_nothing() {
    sweep("crashes while arriving", &["first install", "install", "remove"]);
}

#[test]
fn a_crash_while_widening_leaves_all_or_nothing() {
    sweep(
        "crashes while widening",
        &["trust", "enable", "enable at a second place", "enable in place of another revision"],
    );
}

#[test]
fn a_crash_while_narrowing_leaves_all_or_nothing() {
    sweep(
        "crashes while narrowing",
        &["drift", "disable", "disable one of two", "untrust", "untrust for good"],
    );
}

#[test]
fn a_crash_of_a_kill_or_a_release_never_lets_more_run() {
    sweep(
        "crashes of kill and release",
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
fn a_crash_amid_several_skills_leaves_each_as_before_or_as_after() {
    sweep(
        "crashes amid several",
        &[
            "install several",
            "update several",
            "trust a set",
            "enable several",
            "enable updates",
            "enable in a project",
            "disable several",
            "remove several",
        ],
    );
}

#[test]
fn a_crash_of_a_repair_leaves_drift_withdrawn_or_trust_given_anew() {
    sweep("crashes of repair", &["repair"]);
}

#[test]
fn a_crash_while_everything_is_placed_again_leaves_each_copy_whole_or_gone() {
    sweep("crashes of enable --as-before", &["enable as before"]);
}

#[test]
fn a_crash_of_an_uninstall_leaves_a_working_home_or_one_that_is_gone_on_with() {
    sweep("crashes of uninstall", &["uninstall, removing", "uninstall, handing over"]);
}

#[test]
fn a_crash_while_an_original_is_replaced_leaves_it_whole_and_named() {
    sweep("crashes while replacing originals", &["enable over a folder", "enable over a link"]);
}

#[test]
fn a_crash_while_everything_is_adopted_or_cleared_away_loses_nothing() {
    if super::scenes::accounts() {
        sweep("crashes while adopting and clearing", &["adopt everything", "kill with the unmanaged"]);
    }
}

#[cfg(feature = "provenance")]
#[test]
fn a_crash_of_a_refresh_leaves_what_it_orders_to_the_next() {
    sweep("crashes of refresh", &["refresh with a kill order and a revocation"]);
}

#[cfg(feature = "provenance")]
#[test]
fn a_crash_while_a_statement_is_added_leaves_it_kept_with_its_record_or_neither() {
    sweep_some("crashes of review --add", &["add a review", "add a warning"], 40);
}
