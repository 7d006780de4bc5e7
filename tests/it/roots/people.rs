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
