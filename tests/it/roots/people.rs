//! Several people, one root.

use super::{Bench, Reader, found, none};
use std::fs;

/// Ana's root, grown to two of two.
fn pair(bench: &Bench) {
    let ben = bench.arg("ben.pub");
    bench.roots("ana", "init", &["--key", "ana"]).ok();
    let said = bench.roots("ana", "rotate", &["--key", "ana", "--add", &ben, "--threshold", "2"]).ok();
    said.says("root 2: 1 of 2 signatures that are needed");
    assert_eq!(bench.shown("ana")["roles"][0]["version"], 1, "not yet");
    bench.sign("ben").ok().says("published  root 2");
}

#[test]
fn two_people_share_a_root_and_one_alone_publishes_nothing() {
    let Some(bench) = Bench::new(&["ana", "ben"]) else { return };
    pair(&bench);
    let shown = bench.shown("ana");
    for (role, threshold) in [(0, 2), (1, 2), (2, 1), (3, 1)] {
        assert_eq!(shown["roles"][role]["threshold"], threshold, "{role}");
        assert_eq!(shown["roles"][role]["keys"].as_array().unwrap().len(), 2, "{role}");
    }
    let policy = bench.write("policy.toml", "");
    bench.roots("ben", "set", &["policy.toml", &policy]).ok();
    bench.sign("ana").ok().says("waits");
    none(&bench.team(), "policy.toml");
    // The same person again adds nothing.
    bench.sign("ana").ok().says("waits");
    none(&bench.team(), "policy.toml");
    bench.sign("ben").ok().says("published  targets 3");
    found(&bench.team(), "policy.toml", b"");
}

#[test]
fn a_change_to_a_draft_takes_its_signatures_away() {
    let Some(bench) = Bench::new(&["ana", "ben"]) else { return };
    pair(&bench);
    let policy = bench.write("policy.toml", "");
    bench.roots("ana", "set", &["policy.toml", &policy]).ok();
    bench.sign("ana").ok();
    bench.roots("ben", "order", &["--all", "--why", "x"]).ok().says("1 signature under the draft before");
    bench.sign("ben").ok().says("waits");
    none(&bench.team(), "policy.toml");
    bench.sign("ana").ok().says("published");
    found(&bench.team(), "policy.toml", b"");
}

#[test]
fn a_stolen_key_is_taken_out_and_counts_no_more() {
    let Some(bench) = Bench::new(&["ana", "ben", "cy"]) else { return };
    pair(&bench);
    // Somebody read the root before, and follows it on.
    let mut reader = Reader::new(&bench.team());
    reader.refresh().unwrap();
    let (ana, cy) = (bench.arg("ana.pub"), bench.arg("cy.pub"));
    bench.roots("ben", "rotate", &["--key", "ben", "--add", &cy, "--remove", &ana]).ok().says("goes");
    bench.sign("cy").ok().says("waits");
    // Two of the old keys are needed: here hers, given up by its owner.
    bench.sign("ana").ok().says("all have signed");
    bench.roots("cy", "sign", &["--key", "cy", "--digest", &pending(&bench)]).ok().says("published  root 3");
    none(&bench.team(), "policy.toml");
    reader.files = super::files(&bench.team());
    reader.refresh().unwrap();
    bench.roots("ana", "renew", &["--key", "ana"]).code(3).says("a timestamp needs 1");
    let policy = bench.write("policy.toml", "");
    bench.roots("ana", "set", &["policy.toml", &policy]).ok();
    let digest = pending(&bench);
    bench
        .roots("ana", "sign", &["--key", "ana", "--digest", &digest])
        .code(3)
        .says("is in no role of this root");
    bench.sign("ben").ok();
    bench.sign("cy").ok().says("published");
    found(&bench.team(), "policy.toml", b"");
}

fn pending(bench: &Bench) -> String {
    bench.shown("ana")["digest"].as_str().unwrap().to_owned()
}

#[test]
fn a_machine_has_the_timestamp_and_nothing_else() {
    let Some(bench) = Bench::new(&["ana", "robot"]) else { return };
    let robot = bench.arg("robot.pub");
    bench.roots("ana", "init", &["--key", "ana"]).ok();
    let options = ["--key", "ana", "--add", &robot, "--role", "timestamp", "--role", "snapshot"];
    bench.roots("ana", "rotate", &options).ok().says("published  root 2");
    let shown = bench.shown("ana");
    let counts: Vec<_> = (0..4).map(|at| shown["roles"][at]["keys"].as_array().unwrap().len()).collect();
    assert_eq!(counts, [1, 1, 2, 2]);
    bench.roots("robot", "renew", &["--key", "robot"]).ok().says("published  timestamp");
    let policy = bench.write("policy.toml", "");
    bench.roots("robot", "set", &["policy.toml", &policy]).ok();
    bench.sign("robot").ok().says("waits");
    none(&bench.team(), "policy.toml");
    bench.sign("ana").ok().says("published  targets");
    found(&bench.team(), "policy.toml", b"");
}

#[test]
fn attack_the_draft_changes_between_reading_and_signing() {
    let Some(bench) = Bench::new(&["ana"]) else { return };
    bench.roots("ana", "init", &["--key", "ana"]).ok();
    let policy = bench.write("policy.toml", "");
    bench.roots("ana", "set", &["policy.toml", &policy]).ok();
    let read = pending(&bench);
    let key = bench.arg("ana.pub");
    bench.roots("ana", "set", &["anchors/evil.pem", &key, "--for", "https://*"]).ok();
    bench.roots("ana", "sign", &["--key", "ana", "--digest", &read]).code(5).says("you named");
    none(&bench.team(), "anchors/evil.pem");
}

#[test]
fn attack_a_draft_that_hands_paths_to_another_role_says_so() {
    let Some(bench) = Bench::new(&["ana"]) else { return };
    bench.roots("ana", "init", &["--key", "ana"]).ok();
    let policy = bench.write("policy.toml", "");
    bench.roots("ana", "set", &["policy.toml", &policy]).ok();
    let place = bench.team().join("drafts/targets.json");
    let draft = fs::read_to_string(&place).unwrap();
    let more = "\"delegations\":{\"keys\":{},\"roles\":[{\"keyids\":[],\"name\":\"evil\",\"paths\":[\"anchors/*\"],\"terminating\":true,\"threshold\":1}]},\"expires\"";
    fs::write(&place, draft.replace("\"expires\"", more)).unwrap();
    bench.roots("ana", "show", &[]).ok().says("delegations to other roles change");
}

#[test]
fn attack_a_draft_by_hand_is_read_like_any_other_before_it_is_signed() {
    let Some(bench) = Bench::new(&["ana"]) else { return };
    bench.roots("ana", "init", &["--key", "ana"]).ok();
    let policy = bench.write("policy.toml", "");
    bench.roots("ana", "set", &["policy.toml", &policy]).ok();
    let place = bench.team().join("drafts/targets.json");
    let draft = fs::read_to_string(&place).unwrap();
    // An empty file is no list of revocations, and no anchor without terms.
    for (name, says) in [
        ("revocations.json", "revocations.json: clients would not take it"),
        ("anchors/evil.pem", "an anchor needs `custom`"),
        ("notes.txt", "means nothing to clients"),
    ] {
        fs::write(&place, draft.replace("\"policy.toml\"", &format!("\"{name}\""))).unwrap();
        let file = bench.team().join("targets").join(match name.split_once('/') {
            Some((folder, file)) => format!("{folder}/{}.{file}", hash()),
            None => format!("{}.{name}", hash()),
        });
        bench.sign("ana").code(3).says("is missing or is not the one that is listed");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "").unwrap();
        bench.sign("ana").code(3).says(says);
        none(&bench.team(), name);
    }
    fs::write(&place, draft).unwrap();
    bench.sign("ana").ok();
    found(&bench.team(), "policy.toml", b"");
}

/// SHA-256 of nothing.
const fn hash() -> &'static str {
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
}

#[test]
fn attack_a_rotation_signs_no_draft_that_somebody_left() {
    let Some(bench) = Bench::new(&["ana", "ben"]) else { return };
    bench.roots("ana", "init", &["--key", "ana"]).ok();
    let (ben, policy) = (bench.arg("ben.pub"), bench.write("policy.toml", ""));
    bench.roots("ben", "set", &["policy.toml", &policy]).ok();
    let rotate = ["--key", "ana", "--add", &ben, "--threshold", "2"];
    bench.roots("ana", "rotate", &rotate).code(3).says("would be signed unseen");
    none(&bench.team(), "policy.toml");
    assert!(!bench.team().join("drafts/root.json").exists());
    // Without a key it is a draft more, and all of it is shown before it is signed.
    bench.roots("ana", "rotate", &rotate[2..]).ok().says("Not published");
    let show = bench.roots("ana", "show", &[]).ok();
    show.says("policy.toml comes").says("2 must sign, instead of 1");
    bench.sign("ana").ok();
    let key = bench.shown("ana")["roles"][0]["keys"][0]["id"].as_str().unwrap()[..12].to_owned();
    bench.roots("ana", "show", &[]).ok().says(&format!("signed by key {key}"));
}

#[test]
fn two_at_once_do_not_work_on_one_folder() {
    let Some(bench) = Bench::new(&["ana"]) else { return };
    bench.roots("ana", "init", &["--key", "ana"]).ok();
    let folder = fs::File::open(bench.team()).unwrap();
    rustix::fs::flock(&folder, rustix::fs::FlockOperation::LockExclusive).unwrap();
    bench.roots("ana", "renew", &["--key", "ana"]).code(9).says("another process works on");
    bench.roots("ana", "show", &[]).ok();
    drop(folder);
    bench.roots("ana", "renew", &["--key", "ana"]).ok();
}
