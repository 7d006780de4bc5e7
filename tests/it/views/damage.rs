//! What the commands show when the home cannot be relied on.

use super::{Place, revision};
use std::fs;

#[test]
fn an_edited_log_is_told_apart_from_a_sound_one() {
    let place = Place::new();
    place.enable();
    let stored = fs::read_to_string(place.log()).unwrap();
    // One letter of an early line: the end still agrees.
    fs::write(place.log(), stored.replacen("home created", "home creat\u{e9}", 1)).unwrap();
    place.run(&["audit", "verify"]).with(7);
    fs::write(place.log(), stored.replacen("home created", "home craeted", 1)).unwrap();
    let said = place.run(&["audit", "verify"]).with(7);
    assert!(said.err.contains("the log by itself holds for 1 records"), "{said:#?}");
    place.run(&["verify"]).with(7).has(&["tampered"]);
    place.run(&["doctor"]).with(7).has(&["bad    log"]);
    let shown = place.run(&["audit", "show"]).with(7).has(&["home craeted", "NOT IN THE LEDGER"]);
    assert!(shown.err.contains("1 are not what the ledger has"), "{shown:#?}");
    fs::write(place.log(), &stored).unwrap();
    place.run(&["verify"]).with(0);
}

#[test]
fn a_forged_line_is_shown_and_marked_and_not_obeyed() {
    let place = Place::new();
    place.install();
    let mut log = fs::read(place.log()).unwrap();
    log.extend_from_slice("{\"x\":\"\u{1b}[2K\u{202e}\"}\nhalf a line\u{7}".as_bytes());
    fs::write(place.log(), &log).unwrap();
    let shown = place.run(&["audit", "show"]).with(7).has(&["not a record", "\\u{1b}[2K"]);
    assert!(shown.err.contains("the last line has no end") && !shown.err.contains('\u{7}'), "{shown:#?}");
    place.run(&["audit", "show", "--json"]).with(7);
    place.run(&["audit", "verify"]).with(7);
    let status = place.run(&["status"]).with(7).has(&["pdf-forms"]);
    assert!(status.err.contains("rolled-back"), "{status:#?}");
    let json = place.run(&["status", "--json"]).with(7).json("status/1");
    assert_eq!(json["problem"]["code"], "rolled-back");
    assert_eq!(json["skills"][0]["usable"], false);
    place.run(&["doctor"]).with(7);
    assert_eq!(fs::read(place.log()).unwrap(), log, "nothing was touched");
}

#[test]
fn without_a_ledger_the_log_and_the_permits_still_show() {
    let place = Place::new();
    let digest = place.enable();
    fs::write(place.home().join("ledger.db"), b"this is no database, whatever its name says").unwrap();
    let said = place.run(&["status"]).with(7).has(&[&revision(&digest), "agent/pdf-forms"]);
    assert!(said.err.contains("ledger-damaged"), "{said:#?}");
    let json = place.run(&["status", "--json"]).with(7).json("status/1");
    assert_eq!(json["permits"][0]["name"], "pdf-forms");
    let said = place.run(&["audit", "show"]).with(7).has(&["home created", "enabled"]);
    assert!(said.err.contains("not verified"), "{said:#?}");
    let said = place.run(&["audit", "verify"]).with(7);
    assert!(said.err.contains("an unbroken chain, head 4:"), "{said:#?}");
    place.run(&["verify"]).with(7);
    place.run(&["doctor"]).with(7).has(&["restore all of it"]);
    place.run(&["kill", "--all"]);
    place.run(&["status"]).with(7).has(&["STOPPED"]);
}

#[test]
fn a_missing_ledger_is_no_new_home() {
    let place = Place::new();
    place.install();
    for name in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
        let _ = fs::remove_file(place.home().join(name));
    }
    let said = place.run(&["status"]).with(7);
    assert!(said.err.contains("ledger-missing"), "{said:#?}");
    place.run(&["verify"]).with(7);
    place.run(&["audit", "show"]).with(7).has(&["home created"]);
}

#[test]
fn a_broken_policy_is_named_and_the_rest_is_shown() {
    use skill_trust::ops::{World, doctor, status};
    let place = Place::new();
    place.install();
    let policy = place.path("policy.toml");
    fs::write(&policy, "[souces]\n").unwrap();
    let mut world = World::usual("test");
    world.home = place.home();
    world.account_home = None;
    world.policy_files = vec![policy];
    let seen = status::status(&world, &status::StatusRequest::default()).unwrap();
    assert_eq!(seen.problem.unwrap().code.as_str(), "policy-broken");
    assert_eq!(seen.skills.len(), 1);
    let checks = doctor::doctor(&world, &doctor::Surroundings::default());
    assert!(checks.iter().any(|check| check.about == "policy" && check.level == doctor::Level::Bad));
}
