//! `verify`, `audit` and `doctor` where the home is sound.

use super::{CARD, Place, revision};
use skill_trust::ops::{World, audit, status};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// A world below a place, as the library's callers have it.
fn world(place: &Place) -> World {
    let mut world = World::usual("test");
    world.home = place.home();
    world.account_home = Some(place.path("account"));
    world.config = Some(place.path("config"));
    world.policy_files = Vec::new();
    world
}

#[test]
fn verify_says_what_it_hashed() {
    let place = Place::new();
    place.enable();
    place.run(&["verify"]).with(0).has(&[
        "sound",
        "1 revision",
        "1 placement",
        "4 records in ledger and log alike",
        "head   4:",
    ]);
    let json = place.run(&["verify", "--json"]).with(0).json("verify/1");
    assert_eq!((json["sound"].as_bool(), json["records"].as_u64()), (Some(true), Some(4)));
    place.run(&["verify", "pdf-forms"]).with(0).has(&["sound"]);
    place.run(&["verify", "nothing-here"]).with(3);
    place.run(&["verify", "NOT A NAME"]).with(2);
}

#[test]
fn verify_declares_drift_once_and_takes_the_copy_away() {
    let place = Place::new();
    let digest = place.enable();
    let copy = place.path("agent/pdf-forms");
    fs::set_permissions(copy.join("run.py"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(copy.join("run.py"), "print(3)\n").unwrap();
    let json = place.run(&["verify", "--json"]).with(5).json("verify/1");
    let problem = &json["problems"][0];
    assert_eq!((problem["code"].as_str(), problem["declared"].as_bool()), (Some("drift"), Some(true)));
    assert!(problem["differences"].to_string().contains("run.py"), "{problem}");
    assert!(!copy.exists());
    place.run(&["verify"]).with(0);
    place.run(&["status"]).with(0).has(&["drifted, disabled"]);
    place.run(&["status", "pdf-forms"]).with(0).has(&["was trusted", "~ run.py", &digest]);
    place.run(&["audit", "show", "--skill", "pdf-forms", "--last", "1"]).with(0).has(&["drift", "[drift]"]);
}

#[test]
fn verify_finds_a_changed_store_copy_and_nobody_can_review_it() {
    let place = Place::new();
    let digest = place.install();
    let hex = &digest[7..];
    let file = place.home().join("store").join(&hex[..2]).join(hex).join("run.py");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&file, "print(\"evil\")\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).unwrap();
    place.run(&["verify"]).with(5).has(&["stored copy", &digest, "install it again"]);
    place.run(&["status"]).with(0).has(&["is not what it should be", "next: skills verify pdf-forms@"]);
    place.run(&["review", "pdf-forms"]).with(5).lacks("evil");
    assert_eq!(place.take(), digest, "installing again mends it");
    place.run(&["verify"]).with(0);
}

#[test]
fn a_folder_needs_no_home_and_has_the_digest_that_installing_finds() {
    let place = Place::new();
    place.write("pdf-forms/SKILL.md", CARD);
    place.write("pdf-forms/run.py", "print(1)\nprint(2)\n");
    let before = place.files();
    let said = place.run(&["verify", "src/pdf-forms"]).with(0).has(&["holds    2 files", "known    no"]);
    let json = place.run(&["verify", "./src/pdf-forms", "--json"]).with(0).json("folder/1");
    assert_eq!(place.files(), before);
    let digest = place.enable();
    assert!(said.out.contains(&digest));
    assert_eq!(json["digest"], digest);
    place.run(&["verify", "src/pdf-forms"]).with(0).has(&[&revision(&digest), "enabled"]);
    place.run(&["verify", "agent/pdf-forms"]).with(0).has(&[&revision(&digest)]);
    std::os::unix::fs::symlink("SKILL.md", place.path("src/pdf-forms/link")).unwrap();
    place.run(&["verify", "src/pdf-forms"]).with(5).has(&["refused", "entry-link"]);
    place.run(&["verify", "src/missing"]).with(2);
}

#[test]
fn many_folders_are_hashed_in_order_by_several_threads() {
    let place = Place::new();
    for number in 0..40 {
        let name = format!("skill-{number:02}");
        place.write(
            &format!("{name}/SKILL.md"),
            format!("---\nname: {name}\ndescription: number {number}\n---\nbody\n"),
        );
    }
    place.run(&["install", "src", "--all"]).with(0);
    place.run(&["verify"]).with(0).has(&["40 revisions", "sound"]);
    let json = place.run(&["status", "--json"]).with(0).json("status/1");
    assert!(json["skills"].as_array().unwrap().iter().all(|skill| skill["folders"][0]["sound"] == true));
}

#[test]
fn showing_the_log_gives_the_stored_bytes() {
    let place = Place::new();
    let digest = place.enable();
    let stored = fs::read_to_string(place.log()).unwrap();
    assert_eq!(place.run(&["audit", "show", "--json"]).with(0).out, stored);
    let lines: Vec<_> = stored.lines().collect();
    let last = place.run(&["audit", "show", "--json", "--last", "1"]).with(0).out;
    assert_eq!(last.trim_end(), lines[3]);
    let about = place.run(&["audit", "show", "--json", "--skill", &revision(&digest)]).with(0).out;
    assert_eq!(about.lines().count(), 3);
    place.run(&["audit", "show"]).with(0).has(&["home created", "trusted (read it)", &revision(&digest)]);
    assert_eq!(place.run(&["audit", "show", "--since", "2999-01-01"]).with(0).out, "");
    assert_eq!(place.run(&["audit", "show", "--since", "1h", "--json"]).with(0).out, stored);
    place.run(&["audit", "show", "--since", "soon"]).with(2);
    assert_eq!(place.run(&["audit", "tail", "--last", "2", "--json"]).with(0).out.lines().count(), 2);
}

#[test]
fn following_shows_what_comes_and_ends_with_its_reader() {
    let place = Place::new();
    place.install();
    let mut command = place.command(&["audit", "tail", "-f", "--json", "--last", "1"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert!(line.contains("\"install\""), "{line}");
    place.run(&["gate", "pdf-forms"]).with(3);
    line.clear();
    reader.read_line(&mut line).unwrap();
    assert!(line.contains("\"gate\""), "{line}");
    drop(reader);
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < Duration::from_secs(20), "it goes on without a reader");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_head_seen_before_must_be_continued() {
    let place = Place::new();
    place.install();
    let json = place.run(&["audit", "verify", "--json"]).with(0).json("audit-verify/1");
    let head = json["head"].as_str().unwrap().to_owned();
    place.run(&["gate", "pdf-forms"]).with(3);
    place.run(&["audit", "verify", "--head", &head]).with(0).has(&["continues"]);
    let mut other = head.clone();
    let last = if other.pop() == Some('0') { '1' } else { '0' };
    other.push(last);
    place.run(&["audit", "verify", "--head", &other]).with(7);
    place.run(&["audit", "verify", "--head", "nonsense"]).with(2);
}

#[test]
fn a_checkpoint_shows_that_a_home_was_put_back() {
    let place = Place::new();
    place.install();
    let world = world(&place);
    assert!(audit::verifier(&world).is_err(), "asking makes no key");
    assert!(!place.path("config").exists());
    let old = place.path("old");
    let copy = |from: &std::path::Path, to: &std::path::Path| {
        assert!(std::process::Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
    };
    copy(&place.home(), &old);
    place.run(&["gate", "pdf-forms"]).with(3);
    let signed = audit::checkpoint(&world).unwrap();
    assert_eq!(signed.verifier, audit::verifier(&world).unwrap());
    assert!(signed.path.exists() && signed.head.starts_with("3:"));
    assert_eq!(audit::verify(&world, None).unwrap().checkpoint, Some(3));
    // The old state comes back, with the newer checkpoint that somebody kept.
    fs::copy(&signed.path, old.join("audit/checkpoint")).unwrap();
    fs::rename(place.home(), place.path("newer")).unwrap();
    fs::rename(&old, place.home()).unwrap();
    let stop = audit::verify(&world, None).unwrap_err();
    assert_eq!(stop.code.as_str(), "rolled-back", "{stop:?}");
    assert_eq!(audit::checkpoint(&world).unwrap_err().code.as_str(), "rolled-back");
}

#[test]
fn the_doctor_says_what_is_wrong_and_repairs_what_is_ours() {
    let place = Place::new();
    place.enable();
    place.run(&["doctor"]).with(0).has(&["ok     ledger", "ok     log", "ok     clock", "ok     kill"]);
    fs::set_permissions(place.home().join("permits"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(place.log(), fs::Permissions::from_mode(0o666)).unwrap();
    fs::write(place.home().join("store/odd\u{1b}name"), "x").unwrap();
    let said = place.run(&["doctor"]).with(1);
    said.has(&[
        "mode 0666; it should be 0600",
        "mode 0755; it should be 0700",
        "skills doctor --fix",
        "odd\\u{1b}name",
    ]);
    place.run(&["doctor", "--fix"]).with(0).has(&["fixed"]);
    let json = place.run(&["doctor", "--json"]).with(0).json("doctor/1");
    let levels = json["checks"].as_array().unwrap().iter().map(|check| check["level"].as_str().unwrap());
    assert_eq!(levels.filter(|level| *level == "warn").count(), 2, "the stray, and not on PATH: {json}");
    place.run(&["verify"]).with(0).has(&["stray", "odd\\u{1b}name"]);
    fs::set_permissions(place.home(), fs::Permissions::from_mode(0o755)).unwrap();
    place.run(&["status"]).with(7);
    place.run(&["doctor", "--fix"]).with(0);
    place.run(&["status"]).with(0);
}

#[test]
fn the_doctor_names_another_program_of_our_name_and_the_agent() {
    let place = Place::new();
    let bin = place.path("bin");
    fs::create_dir(&bin).unwrap();
    fs::write(bin.join("skills"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(bin.join("skills"), fs::Permissions::from_mode(0o755)).unwrap();
    let output = place.command(&["doctor"]).env("PATH", &bin).env("CLAUDECODE", "1").output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(out.contains("warn   program") && out.contains("skill-trust"), "{out}");
    assert!(out.contains("this runs under Claude Code"), "{out}");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn the_doctor_names_a_placement_that_others_could_swap() {
    let place = Place::new();
    place.enable();
    fs::set_permissions(place.path("agent"), fs::Permissions::from_mode(0o777)).unwrap();
    place.run(&["doctor"]).with(1).has(&["bad    placement", "0777", "skills disable"]);
}

#[test]
fn an_end_of_trust_is_shown_by_status_and_declared_by_verify() {
    use skill_trust::model::time::Timestamp;
    use skill_trust::ops::verify;
    use skill_trust::system::clock::Clock;
    let place = Place::new();
    let digest = place.install();
    place.run(&["trust", "pdf-forms", "--digest", &digest, "--expires", "1d"]).with(0);
    place.run(&["enable", "pdf-forms", "--dir", "agent"]).with(0);
    let mut later = world(&place);
    later.clock = Clock::Fixed(Timestamp::from_unix(later.clock.now().unix() + 2 * 86_400));
    let seen = status::status(&later, &status::StatusRequest::default()).unwrap();
    assert_eq!(seen.skills[0].no.as_ref().unwrap().code.as_str(), "expired");
    assert!(place.path("agent/pdf-forms").exists(), "looking changes nothing");
    let found = verify::verify(&later, None).unwrap();
    assert_eq!(found.problems.len(), 1, "{found:?}");
    assert!(found.problems[0].declared);
    assert!(!place.path("agent/pdf-forms").exists());
    assert!(verify::verify(&later, None).unwrap().problems.is_empty());
    // The clock is back now, and the doctor says so.
    place.run(&["doctor"]).with(1).has(&["bad    clock"]);
}
