//! Add, list, refresh, remove: what a person sees, and what is refused.

use super::{add, ends, scene, state};
use crate::support::faults::{Bed, SKILLS};
use crate::support::pty::Pty;
use crate::support::team::{Team, digest_entry};
use std::fs;
use std::path::Path;

const NONE: &str = "no trust root is followed";

#[test]
fn a_root_is_added_listed_refreshed_and_removed() {
    let (bed, mut team) = scene();
    let digest = bed.enabled("demo", "a");
    bed.enabled("other", "a");
    team.anchor("acme", "not a key", "github.com/acme/*").list("allowed_signers", b"").release();
    ends(
        add(&bed, &team),
        0,
        &["following", "publisher `acme` may sign for github.com/acme/*", "roots refresh"],
    );
    let pin = team.pin();
    ends(bed.run(&["roots", "list"]), 0, &["team  fresh", &pin, &team.origin(), "root ends"]);
    let list = bed.run(&["roots", "list", "team", "--json"]).done().out;
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    assert_eq!((&list["roots"][0]["state"], &list["roots"][0]["pin"]), (&"fresh".into(), &pin.into()));
    let log = fs::read_to_string(bed.log()).unwrap();
    ends(bed.run(&["roots", "refresh"]), 0, &["no news"]);
    assert_eq!(fs::read_to_string(bed.log()).unwrap(), log, "nothing new is no record");

    team.revoke(&[digest_entry(&digest, "malicious", "sends files away")]).release();
    ends(
        bed.run(&["roots", "refresh"]),
        0,
        &["news", "REVOKED  demo@", "malicious; sends files away", "taken away"],
    );
    assert_eq!((state(&bed, "demo"), state(&bed, "other")), ("installed".into(), "enabled".into()));
    let log = fs::read_to_string(bed.log()).unwrap();
    assert_eq!(log.matches("\"event\":\"revoke\"").count(), 1);
    assert!(log.contains("trust root `team` revokes digest"), "{log}");
    ends(bed.run(&["status"]), 0, &["trust withdrawn", "revoked", "sends files away"]);
    ends(bed.run(&["status", "demo"]), 0, &["revoked  trust root `team`"]);
    ends(bed.run(&["audit", "verify"]), 0, &[]);
    ends(bed.run(&["roots", "refresh"]), 0, &["no news"]);
    assert_eq!(fs::read_to_string(bed.log()).unwrap(), log, "carried out once");

    ends(bed.run(&["roots", "remove", "team"]), 4, &["skills roots remove team --phrase team"]);
    ends(bed.run(&["roots", "remove", "team", "--phrase", "x"]), 1, &[]);
    ends(bed.run(&["roots", "remove", "team", "--dry-run"]), 0, &["it revokes: 1 entry"]);
    ends(bed.run(&["roots", "remove", "team", "--phrase", "team"]), 0, &["forgotten", "stops counting"]);
    ends(bed.run(&["roots", "list"]), 0, &[NONE]);
    assert!(!bed.home().join("trust-roots/team").exists());
    // What it revoked may be trusted again, by a decision.
    bed.trust("demo", &digest);
    ends(bed.run(&["doctor"]), 0, &[]);
}

#[test]
fn what_is_refused_changes_nothing() {
    let (bed, team) = scene();
    let (origin, pin) = (team.origin(), team.pin());
    let wrong = "ab".repeat(32);
    bed.install("demo");
    let skill = bed.root.join("src/demo/root");
    Team::new(&skill, 9).release();
    let inside = bed.home().join("evidence/root");
    Team::new(&inside, 9).release();
    let empty = bed.root.join("empty");
    fs::create_dir(&empty).unwrap();
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let table: Vec<(Vec<String>, i32, &str)> = vec![
        (vec!["team".into(), origin.clone()], 2, "sha256sum metadata/1.root.json"),
        (vec!["team".into(), origin.clone(), "--pin".into(), pin[..40].into()], 2, "all of them"),
        (vec!["Team".into(), origin.clone(), "--pin".into(), pin.clone()], 2, "lower-case"),
        (
            vec!["team".into(), origin.clone(), "--pin".into(), wrong.clone()],
            5,
            "not the root that was pinned",
        ),
        (vec!["team".into(), bed.path("gone/there"), "--pin".into(), pin.clone()], 8, "gone/there"),
        (vec!["team".into(), text(&empty), "--pin".into(), pin.clone()], 5, "metadata/1.root.json"),
        (vec!["team".into(), text(&skill), "--pin".into(), pin.clone()], 3, "inside a skill"),
        (vec!["team".into(), text(&inside), "--pin".into(), pin.clone()], 3, "inside our own home"),
        (
            vec!["team".into(), "https://localhost/r/".into(), "--pin".into(), pin.clone()],
            8,
            "not a public address",
        ),
        (vec!["team".into(), "http://git.example/r".into(), "--pin".into(), pin.clone()], 3, "http"),
        (
            vec!["team".into(), "acme/trust".into(), "--pin".into(), pin.clone(), "--offline".into()],
            8,
            "--offline",
        ),
    ];
    for (args, code, word) in table {
        let args: Vec<_> = ["roots".to_owned(), "add".to_owned()].into_iter().chain(args).collect();
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        ends(bed.run(&args), code, &[word]);
        ends(bed.run(&["roots", "list"]), 0, &[NONE]);
    }
    let mut agent = bed.command(&["roots", "add", "team", &origin, "--pin", &pin]);
    let ran = crate::support::faults::Ran::of(&agent.env("CLAUDECODE", "1").output().unwrap());
    ends(ran, 4, &["an agent cannot"]);
    bed.run(&["kill", "--all"]).done();
    ends(add(&bed, &team), 6, &["nothing widens while held"]);
    bed.run(&["release", "--all", "--phrase", "release epoch 1"]).done();
    ends(bed.run(&["roots", "list"]), 0, &[NONE]);
    // Each refusal is on record but the four that could not be understood.
    let log = fs::read_to_string(bed.log()).unwrap();
    assert_eq!(log.matches("\"event\":\"roots\"").count(), 9, "{log}");

    ends(add(&bed, &team), 0, &[]);
    let before = bed.run(&["roots", "list", "--json"]).out;
    let mut second = Team::new(&bed.root.join("second"), 20);
    second.release();
    ends(add(&bed, &second), 3, &["`team` is followed already"]);
    let again = ["roots", "add", "other", &origin, "--pin", &pin];
    ends(bed.run(&again), 3, &["followed already, as `team`"]);
    assert_eq!(bed.run(&["roots", "list", "--json"]).out, before);
    ends(bed.run(&["roots", "refresh", "nobody"]), 3, &["no trust root `nobody`"]);
    ends(bed.run(&["roots", "list", "nobody"]), 3, &["no trust root `nobody`"]);
    ends(bed.run(&["roots", "remove", "nobody"]), 3, &["no trust root `nobody`"]);
}

#[test]
fn a_person_types_the_name_and_everything_else_is_no() {
    let (bed, team) = scene();
    let home = bed.home().to_string_lossy().into_owned();
    let (origin, pin) = (team.origin(), team.pin());
    let args = ["--home", &home, "roots", "add", "team", &origin, "--pin", &pin];
    for (typed, code) in [("\r", 1), ("yes\r", 1), ("y\r", 1), ("team\r", 0)] {
        let mut pty = Pty::start(Path::new(SKILLS), &args, &[("TERM", "xterm")], &bed.root, (40, 100));
        let shown = pty.wait_for("from now on: ");
        assert!(shown.contains("From now on, on its word:"), "{shown}");
        pty.send(typed);
        let (shown, ended) = pty.finish();
        assert_eq!(ended, code, "{typed:?}: {shown}");
        let words = if code == 0 { "team  fresh" } else { NONE };
        ends(bed.run(&["roots", "list"]), 0, &[words]);
    }
}

#[test]
fn trying_it_out_makes_nothing() {
    let (bed, mut team) = scene();
    team.order(3, &[r#"{"all":true,"why":"stop"}"#.to_owned()]).release();
    let (origin, pin) = (team.origin(), team.pin());
    let args = ["roots", "add", "team", &origin, "--pin", &pin, "--dry-run"];
    ends(bed.run(&args), 0, &["kill orders, number 3, are carried out here: everything (stop)"]);
    assert!(!bed.home().exists());
    ends(bed.run(&["roots", "list"]), 0, &[NONE]);
    ends(bed.run(&["roots", "refresh"]), 3, &[]);
    assert!(!bed.home().exists());
}

#[test]
fn a_delegated_role_is_walked_through_and_one_that_is_broken_makes_the_root_stale() {
    let (bed, mut team) = scene();
    bed.install("demo");
    let mut files = std::collections::BTreeMap::new();
    files.insert("reviews/ana.dsse".to_owned(), b"a review".to_vec());
    files.insert("policy.toml".to_owned(), b"not its to say".to_vec());
    team.roles.push(("ana".to_owned(), 40, vec!["reviews/*".to_owned()], files));
    team.release();
    ends(add(&bed, &team), 0, &["reviews: 1"]);
    let shown = bed.run(&["roots", "list"]).out;
    assert!(!shown.contains("policy"), "a role speaks for its paths alone: {shown}");
    team.release();
    let broken = team.folder.join(format!("metadata/{}.ana.json", team.version));
    fs::write(&broken, "{}").unwrap();
    ends(bed.run(&["roots", "refresh"]), 5, &["missing", "stale", "nothing new is granted"]);
    ends(bed.run(&["roots", "list"]), 0, &["reviews: 1", "stale"]);
    ends(bed.run(&["status"]), 0, &["team is stale", "skills roots refresh"]);
    team.release();
    ends(bed.run(&["roots", "refresh"]), 0, &["fresh"]);
    let ran = ends(bed.run(&["status"]), 0, &[]);
    assert!(!ran.out.contains("stale"), "{ran:?}");
}

#[test]
fn a_root_that_cannot_be_reached_keeps_what_it_has_and_says_so() {
    let (bed, mut team) = scene();
    let digest = bed.install("demo");
    team.revoke(&[digest_entry(&digest, "malicious", "x")]).release();
    ends(add(&bed, &team), 0, &[]);
    let away = bed.root.join("away");
    fs::rename(&team.folder, &away).unwrap();
    ends(bed.run(&["roots", "refresh"]), 8, &["kept as it was", "source-unreachable", "fresh"]);
    let trust = bed.run(&["trust", "demo", "--digest", &digest]);
    ends(trust, 3, &["revoked", "trust root `team`"]);
    fs::rename(&away, &team.folder).unwrap();
    ends(bed.run(&["roots", "refresh"]), 0, &["no news"]);
}

#[test]
fn attack_yesterdays_release_and_a_cache_that_is_gone() {
    let (bed, mut team) = scene();
    let digest = bed.enabled("demo", "a");
    ends(add(&bed, &team), 0, &[]);
    let old = bed.root.join("old");
    copy(&team.folder, &old);
    team.revoke(&[digest_entry(&digest, "malicious", "x")]).release();
    ends(bed.run(&["roots", "refresh"]), 0, &["REVOKED"]);
    fs::remove_dir_all(&team.folder).unwrap();
    fs::rename(&old, &team.folder).unwrap();
    fs::remove_dir_all(bed.home().join("trust-roots/team")).unwrap();
    ends(bed.run(&["roots", "refresh"]), 5, &["rollback", "timestamp"]);
    ends(bed.run(&["trust", "demo", "--digest", &digest]), 3, &["revoked"]);
}

#[test]
fn attack_the_ledger_alone_is_put_back() {
    let (bed, mut team) = scene();
    let digest = bed.enabled("demo", "a");
    ends(add(&bed, &team), 0, &[]);
    let ledgers = || {
        let all = fs::read_dir(bed.home()).unwrap().flatten().map(|entry| entry.path());
        all.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("ledger.db"))
    };
    let kept: Vec<_> = ledgers().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    team.revoke(&[digest_entry(&digest, "malicious", "x")]).release();
    ends(bed.run(&["roots", "refresh"]), 0, &["REVOKED"]);
    for path in ledgers().collect::<Vec<_>>() {
        fs::remove_file(path).unwrap();
    }
    for (path, bytes) in kept {
        fs::write(path, bytes).unwrap();
    }
    ends(bed.run(&["roots", "refresh"]), 7, &["rolled-back"]);
    assert!(!bed.gate("demo").0);
}

#[test]
fn attack_what_is_remembered_is_edited_or_taken_away() {
    let (bed, mut team) = scene();
    let digest = bed.install("demo");
    team.revoke(&[digest_entry(&digest, "malicious", "x")]).release();
    ends(add(&bed, &team), 0, &[]);
    bed.keep("followed");
    for (sql, word) in [
        ("DELETE FROM memory", "damaged"),
        ("UPDATE memory SET body = '[]' WHERE key = 'roots'", "damaged"),
        ("DELETE FROM blob", "gone or were changed"),
        ("UPDATE blob SET bytes = x'7b7d'", "gone or were changed"),
    ] {
        bed.restore("followed");
        let ledger = rusqlite::Connection::open(bed.home().join("ledger.db")).unwrap();
        ledger.execute_batch(sql).unwrap();
        drop(ledger);
        ends(bed.run(&["trust", "demo", "--digest", &digest]), 7, &["ledger-damaged"]);
        let ran = bed.run(&["roots", "refresh"]);
        assert_eq!(ran.code, Some(7), "{sql}: {ran:?}");
        assert!(format!("{}{}", ran.out, ran.err).contains(word) || sql.contains("memory"), "{sql}: {ran:?}");
        assert_eq!(state(&bed, "demo"), "installed");
    }
}

#[test]
fn a_list_that_was_lost_here_denies_and_comes_back_with_the_next_refresh() {
    let (bed, mut team) = scene();
    let digest = bed.install("demo");
    team.revoke(&[digest_entry(&digest, "malicious", "x")]).release();
    ends(add(&bed, &team), 0, &[]);
    let (bytes, _) = &team.files["revocations.json"];
    let lost = skill_trust::model::digest::sha256(&[bytes]);
    let ledger = rusqlite::Connection::open(bed.home().join("ledger.db")).unwrap();
    let gone = ledger.execute("DELETE FROM blob WHERE digest = ?1", [lost.as_bytes()]).unwrap();
    assert_eq!(gone, 1);
    drop(ledger);
    ends(bed.run(&["trust", "demo", "--digest", &digest]), 7, &["the revocations of `team` are gone"]);
    ends(bed.run(&["install", &bed.path("src/other")]), 7, &["the revocations of `team` are gone"]);
    ends(bed.run(&["status"]), 7, &["the revocations of `team` are gone"]);
    ends(bed.run(&["roots", "refresh"]), 0, &["news", "fresh"]);
    ends(bed.run(&["trust", "demo", "--digest", &digest]), 3, &["revoked"]);
}

pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn a_second_home_that_only_follows_is_told_of_in_one_refresh() {
    let (bed, mut team) = scene();
    let second = Bed::new();
    let digest = second.enabled("demo", "a");
    second.enabled("other", "a");
    ends(add(&bed, &team), 0, &[]);
    ends(add(&second, &team), 0, &[]);
    team.revoke(&[digest_entry(&digest, "malicious", "x")]).release();
    ends(second.run(&["roots", "refresh", "team"]), 0, &["REVOKED"]);
    assert_eq!((state(&second, "demo"), state(&second, "other")), ("installed".into(), "enabled".into()));
}
