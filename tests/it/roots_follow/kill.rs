//! Kill orders: carried out once, in their order, as a kill at the keyboard.

use super::{add, ends, scene, state};
use crate::support::faults::{Bed, Dice, thinned};
use crate::support::team::Team;
use std::fs;
use std::process::{Command, Stdio};

fn order(what: &str) -> String {
    format!(r#"{{{what},"why":"it sends files away"}}"#)
}

fn both(bed: &Bed) -> String {
    let digest = bed.enabled("demo", "a");
    bed.enabled("other", "a");
    digest
}

#[test]
fn an_order_stops_every_home_that_follows_within_one_refresh() {
    let (bed, mut team) = scene();
    let second = Bed::new();
    for home in [&bed, &second] {
        both(home);
        ends(add(home, &team), 0, &[]);
    }
    team.order(1, &[order(r#""skill":"demo""#)]).release();
    for home in [&bed, &second] {
        let said = [
            "KILLED  name demo",
            "kill order 1 of trust root `team`",
            "it sends files away",
            "stopped",
            "release demo",
        ];
        ends(home.run(&["roots", "refresh"]), 0, &said);
        assert!(!home.gate("demo").0 && home.gate("other").0);
        assert_eq!((state(home, "demo"), state(home, "other")), ("trusted".into(), "enabled".into()));
        let log = fs::read_to_string(home.log()).unwrap();
        assert!(log.contains("kill order 1 of trust root team: it sends files away"), "{log}");
        ends(home.run(&["audit", "verify"]), 0, &[]);
    }
    // Nothing of it comes back by itself, and a person's release stands.
    let ran = ends(bed.run(&["roots", "refresh"]), 0, &["no news"]);
    assert!(!ran.out.contains("KILLED"), "{ran:?}");
    ends(bed.run(&["enable", "demo", "--dir", &bed.agent("a")]), 6, &[]);
    bed.run(&["release", "demo", "--phrase", "release name demo"]).done();
    bed.enable("demo", "a");
    ends(bed.run(&["roots", "refresh"]), 0, &["no news"]);
    assert!(bed.gate("demo").0, "the same number is carried out once");
    team.order(2, &[order(r#""skill":"demo""#)]).release();
    ends(bed.run(&["roots", "refresh"]), 0, &["KILLED", "kill order 2"]);
    assert!(!bed.gate("demo").0);
}

#[test]
fn an_order_of_everything_holds_everything() {
    let (bed, mut team) = scene();
    both(&bed);
    ends(add(&bed, &team), 0, &[]);
    team.order(1, &[order(r#""all":true"#)]).release();
    ends(bed.run(&["roots", "refresh"]), 0, &["KILLED  everything", "skills release --all"]);
    assert!(bed.has_hold() && !bed.gate("demo").0 && !bed.gate("other").0);
    assert!(bed.live().is_empty());
    // A held home still learns what is new, and what is narrower is taken too.
    team.order(2, &[order(r#""all":true"#), order(r#""skill":"other""#)]).release();
    ends(bed.run(&["roots", "refresh"]), 0, &["kill order 2", "KILLED  name other"]);
    assert_eq!(bed.look().unwrap().view.holds.len(), 2, "the name and its digest");
}

#[test]
fn orders_of_each_kind_stop_what_they_name_and_nothing_else() {
    for what in ["digest", "source", "versions"] {
        let (bed, mut team) = scene();
        let digest = both(&bed);
        ends(add(&bed, &team), 0, &[]);
        let source = bed.path("src/demo");
        let entry = match what {
            "digest" => format!(r#""digest":"{digest}""#),
            "source" => format!(r#""source":"{source}""#),
            _ => format!(r#""source":"{source}","versions":"<1.0.0""#),
        };
        team.order(1, &[order(&entry)]).release();
        ends(bed.run(&["roots", "refresh"]), 0, &["KILLED"]);
        assert!(!bed.gate("demo").0 && bed.gate("other").0, "{what}");
    }
}

#[test]
fn attack_older_and_replayed_orders_change_nothing() {
    let (bed, mut team) = scene();
    both(&bed);
    ends(add(&bed, &team), 0, &[]);
    team.order(7, &[order(r#""skill":"demo""#)]).release();
    ends(bed.run(&["roots", "refresh"]), 0, &["KILLED"]);
    for (number, said) in [(6, "rollback"), (7, "number 7 differ")] {
        team.order(number, &[order(r#""skill":"other""#)]).release();
        let ran = ends(bed.run(&["roots", "refresh"]), 5, &["missing", said, "stale"]);
        assert!(!ran.out.contains("KILLED"), "{ran:?}");
        assert!(bed.gate("other").0);
    }
    // An entry that nobody here understands refuses the list, and says so.
    team.order(8, &[order(r#""agent":"x""#)]).release();
    ends(bed.run(&["roots", "refresh"]), 5, &["kill-orders.json"]);
    assert!(bed.gate("other").0);
    team.order(9, &[order(r#""skill":"other""#)]).release();
    ends(bed.run(&["roots", "refresh"]), 0, &["kill order 9", "fresh"]);
    assert!(!bed.gate("other").0);
}

#[test]
fn a_number_that_was_driven_up_ends_with_the_key() {
    let (bed, mut team) = scene();
    both(&bed);
    ends(add(&bed, &team), 0, &[]);
    team.order(u64::from(u32::MAX), &[order(r#""skill":"demo""#)]).release();
    ends(bed.run(&["roots", "refresh"]), 0, &["KILLED"]);
    team.rotate_targets(77).order(1, &[order(r#""skill":"other""#)]).release();
    ends(bed.run(&["roots", "refresh"]), 0, &["KILLED  name other", "kill order 1"]);
    assert!(!bed.gate("other").0);
}

#[test]
fn a_root_that_is_added_with_orders_is_obeyed_at_once() {
    let (bed, mut team) = scene();
    both(&bed);
    team.order(3, &[order(r#""skill":"demo""#)]).release();
    ends(add(&bed, &team), 0, &["following", "KILLED  name demo"]);
    assert!(!bed.gate("demo").0 && bed.gate("other").0);
}

#[test]
fn attack_new_metadata_and_the_list_withheld() {
    let (bed, mut team) = scene();
    both(&bed);
    ends(add(&bed, &team), 0, &[]);
    team.order(1, &[order(r#""skill":"demo""#)]).release();
    let targets = team.folder.join("targets");
    fs::rename(&targets, team.folder.join("hidden")).unwrap();
    ends(bed.run(&["roots", "refresh"]), 5, &["it is listed, and not there", "stale"]);
    fs::rename(team.folder.join("hidden"), &targets).unwrap();
    ends(bed.run(&["roots", "refresh"]), 0, &["KILLED"]);
}

#[test]
fn what_was_remembered_is_carried_out_though_the_root_is_gone() {
    // A crash between remembering and killing, played by the reader of crashes
    // in `crash`; here every point, each followed by one refresh without a root.
    let mut dice = Dice::new(20_261_121);
    let bed = Bed::new();
    let args = crate::crash::scenes::refresh(&bed);
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    bed.keep("start");
    let (ran, calls) = bed.trace(&args);
    assert!(ran.acknowledged(), "{ran:?}");
    let after = bed.look().unwrap().view;
    let changing: Vec<_> = thinned(calls.into_iter().filter(|call| call.changes).collect(), &mut dice);
    let (mut carried, mut all) = (0, 0);
    for call in dice.some(changing, 40) {
        bed.restore("start");
        bed.run_with(&call.name, &format!("signal=KILL:when={}", call.nth), &args);
        let numbers = bed.run(&["roots", "list", "--json"]).done().out;
        let numbers: serde_json::Value = serde_json::from_str(&numbers).unwrap();
        if numbers["roots"][0]["kill_order"] == 1 {
            assert!(
                !bed.live().iter().any(|path| path.ends_with("/demo")),
                "remembered, and not done: {call:?}"
            );
        }
        let known = numbers["roots"][0]["may"]["kill_order"] == 1;
        if known {
            // The root itself is no longer needed.
            fs::rename(bed.root.join("team"), bed.root.join("gone")).unwrap();
            carried += 1;
        }
        let again = bed.run(&args);
        assert_eq!(again.code, Some(if known { 8 } else { 0 }), "{call:?}: {again:?}");
        assert_eq!(bed.look().unwrap().view, after, "{call:?}");
        all += 1;
    }
    assert!(carried > 5 && all > carried, "{carried} of {all}");
}

/// A refresh that nobody listens to.
fn quiet(bed: &Bed) -> Command {
    let mut command = bed.command(&["roots", "refresh"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

#[test]
fn attack_two_refreshes_at_once_leave_the_newer_one() {
    let (bed, mut team) = scene();
    both(&bed);
    ends(add(&bed, &team), 0, &[]);
    for version in 0..6 {
        team.order(version + 1, &[order(r#""skill":"demo""#)]).release();
        let mut children: Vec<_> = (0..3).map(|_| quiet(&bed).spawn().unwrap()).collect();
        let codes: Vec<_> = children.iter_mut().map(|child| child.wait().unwrap().code().unwrap()).collect();
        assert!(codes.iter().all(|code| [0, 9].contains(code)) && codes.contains(&0), "{codes:?}");
        let list = bed.run(&["roots", "list", "--json"]).done().out;
        let list: serde_json::Value = serde_json::from_str(&list).unwrap();
        assert_eq!(list["roots"][0]["kill_order"], version + 1);
    }
    ends(bed.run(&["audit", "verify"]), 0, &[]);
}

#[test]
fn attack_words_of_a_root_write_no_line_of_ours() {
    let (bed, _) = scene();
    both(&bed);
    let mut team = Team::new(&bed.root.join("loud"), 50);
    let why = r#""why":"a\u001b[2J\nKILLED everything\u202e""#;
    team.order(1, &[format!(r#"{{"skill":"demo",{why}}}"#)]).release();
    let ran = ends(add(&bed, &team), 0, &["KILLED  name demo"]);
    let list = bed.run(&["roots", "list"]);
    let log = fs::read_to_string(bed.log()).unwrap();
    for text in [&ran.out, &ran.err, &list.out, &log] {
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text:?}");
        assert!(!text.lines().any(|line| line.starts_with("KILLED everything")), "{text}");
    }
}
