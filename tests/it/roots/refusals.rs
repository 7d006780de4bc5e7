//! What is refused, with nothing changed.

use super::{Bench, none};
use std::fs;
use std::os::unix::fs::symlink;

/// Runs, expects this code and words, and that the folder is as it was.
fn refused(bench: &Bench, verb: &str, rest: &[&str], code: i32, says: &str) {
    let before = crate::unmanaged::everything(&bench.team());
    bench.roots("ana", verb, rest).code(code).says(says);
    assert_eq!(crate::unmanaged::everything(&bench.team()), before, "{verb} {rest:?}");
}

#[test]
fn what_clients_would_not_take_is_no_target() {
    let Some(bench) = Bench::new(&["ana"]) else { return };
    bench.roots("ana", "init", &["--key", "ana"]).ok();
    let file = |text: &str| bench.write("file", text);
    let key = bench.arg("ana.pub");
    let secret = bench.key_file("ana", "key").to_str().unwrap().to_owned();
    for (path, text, says) in [
        (
            "revocations.json",
            r#"{"format":1,"revocations":[{"signer":"x","kind":"retired","why":""}]}"#,
            "signer",
        ),
        ("revocations.json", r#"{"format":2,"revocations":[]}"#, "format 2"),
        ("kill-orders.json", r#"{"format":1,"order":0,"orders":[]}"#, "order"),
        ("allowed_signers", "ana ssh-ed25519 x\n", "line 1 lets nobody sign"),
        ("policy.toml", "[trst]\n", "trst"),
        ("policy.toml", "[enable]\nagents = [\"nobody\"]\n", "no agent we know"),
        ("policy.toml", "[[require]]\nsignatures = 1\nsigners = [\"root:team\"]\n", "this one is root:self"),
        ("advisories/SKA-1.json", r#"{"id":"SKA-2"}"#, "its name says `SKA-1`"),
        ("advisories/SKA-1.json", "{", "not JSON"),
        (
            "advisories/SKA-1.json",
            r#"{"id":"SKA-1","modified":"2026-11-20T09:00:00Z","summary":"x","affected":[{"package":{"ecosystem":"npm","name":"x"}}]}"#,
            "it covers no skill",
        ),
        (
            "advisories/SKA-1.json",
            r#"{"id":"SKA-1","modified":"2026-11-20T09:00:00Z","summary":"x","affected":[{"package":{"ecosystem":"Agent Skills","name":"pdf"},"verisons":["1.0.0"]}]}"#,
            "verisons",
        ),
        ("reviews/ana", "yes", "not JSON"),
        ("anchors/acme.pem", "x", "an anchor must say for which sources"),
        ("revocation.json", "{}", "means nothing to clients"),
        ("../policy.toml", "", "no path that clients can fetch"),
        ("anchors/../../x.pem", "", "no path that clients can fetch"),
    ] {
        refused(&bench, "set", &[path, &file(text)], 3, says);
    }
    let source = ["--for", "https://git.example/*"];
    refused(&bench, "set", &["anchors/acme.pem", &secret, source[0], source[1]], 3, "it holds a secret key");
    refused(&bench, "set", &["anchors/acme.pem", &key, "--for", "https://**"], 3, "https://**");
    refused(&bench, "set", &["policy.toml", &key, source[0], source[1]], 3, "only an anchor has");
    refused(&bench, "set", &["policy.toml", "/dev/zero"], 1, "no regular file");
    refused(&bench, "unset", &["policy.toml"], 2, "is not listed");
    none(&bench.team(), "policy.toml");
}

#[test]
fn a_broken_list_in_an_incident_is_told_before_anything_is_added_to_it() {
    let Some(bench) = Bench::new(&["ana"]) else { return };
    bench.roots("ana", "init", &["--key", "ana"]).ok();
    for about in [
        &["--signer", "ana", "--kind", "compromised"][..],
        &["--digest", "sha256:12", "--kind", "malicious"],
        &["--publisher", "acme", "--kind", "yanked"],
        &["--source", "./here", "--kind", "yanked"],
        &["--source", "https://git.example/a", "--versions", "new ones", "--kind", "yanked"],
    ] {
        let before = crate::unmanaged::everything(&bench.team());
        let output = bench.roots("ana", "revoke", &[about, &["--why", "x"]].concat());
        assert!([2, 3].contains(&output.code), "{about:?}");
        assert_eq!(crate::unmanaged::everything(&bench.team()), before, "{about:?}");
    }
    refused(&bench, "revoke", &["--kind", "yanked", "--why", "x"], 2, "--signer");
    refused(&bench, "order", &["--why", "x"], 2, "--digest");
}

#[test]
fn a_home_and_a_trust_root_are_not_in_one_another() {
    let Some(bench) = Bench::new(&["ana"]) else { return };
    let home = bench.account("ana").join(".local/share/skill-trust");
    fs::create_dir_all(&home).unwrap();
    for folder in [home.join("team"), home.clone(), home.parent().unwrap().to_owned()] {
        let before = crate::unmanaged::everything(&folder);
        let init = ["roots", "init", folder.to_str().unwrap(), "--key", "ana"];
        bench.run_behind("ana", &[], &init).code(3).says("lie in one another");
        assert_eq!(crate::unmanaged::everything(&folder), before);
    }
    let link = bench.path("link");
    symlink(&home, &link).unwrap();
    let init = ["roots", "init", link.to_str().unwrap(), "--key", "ana"];
    bench.run_behind("ana", &[], &init).code(3).says("lie in one another");
}

#[test]
fn an_agent_signs_and_drafts_nothing() {
    let Some(bench) = Bench::new(&["ana"]) else { return };
    bench.roots("ana", "init", &["--key", "ana"]).ok();
    let team = bench.arg("team");
    let before = crate::unmanaged::everything(&bench.team());
    let agent = ["env", "CLAUDECODE=1"];
    let elsewhere = bench.arg("other");
    for args in [
        &["init", elsewhere.as_str(), "--key", "ana"][..],
        &["set", &team, "policy.toml", "/dev/null"],
        &["unset", &team, "policy.toml"],
        &["revoke", &team, "--publisher", "acme", "--kind", "retired", "--why", "x"],
        &["order", &team, "--all", "--why", "x"],
        &["rotate", &team, "--key", "ana", "--threshold", "1"],
        &["renew", &team, "--key", "ana"],
        &["discard", &team],
    ] {
        bench.run_behind("ana", &agent, &[&["roots"], args].concat()).code(4);
    }
    assert_eq!(crate::unmanaged::everything(&bench.team()), before);
    assert!(!bench.path("other").exists());
    let policy = bench.write("policy.toml", "");
    bench.roots("ana", "set", &["policy.toml", &policy]).ok();
    let digest = bench.shown("ana")["digest"].as_str().unwrap().to_owned();
    let sign = ["roots", "sign", &team, "--key", "ana", "--digest", &digest];
    bench.run_behind("ana", &agent, &sign).code(4);
    none(&bench.team(), "policy.toml");
    bench.run_behind("ana", &agent, &["roots", "show", &team]).ok();
}

#[test]
fn a_rotation_that_nobody_could_sign_is_refused() {
    let Some(bench) = Bench::new(&["ana", "ben"]) else { return };
    bench.roots("ana", "init", &["--key", "ana"]).ok();
    let (ana, ben) = (bench.arg("ana.pub"), bench.arg("ben.pub"));
    let junk = bench.write("junk", "-----BEGIN PUBLIC KEY-----\n");
    refused(&bench, "rotate", &["--key", "ana", "--threshold", "2"], 2, "1 would be left");
    refused(&bench, "rotate", &["--key", "ana", "--remove", &ana], 2, "0 would be left");
    refused(&bench, "rotate", &["--key", "ana", "--add", &ben, "--threshold", "0"], 2, "at least 1");
    refused(&bench, "rotate", &["--key", "ana", "--remove", &ben], 2, "no role has such a key");
    refused(&bench, "rotate", &["--key", "ana", "--remove", "abc"], 2, "too short");
    refused(&bench, "rotate", &["--key", "ana", "--add", &junk], 2, "junk");
    refused(&bench, "rotate", &["--key", "ana"], 2, "nothing would change");
    refused(&bench, "rotate", &["--key", "none", "--add", &ben], 3, "there is no key");
}

#[test]
fn attack_targets_that_nobody_signed_are_not_built_upon() {
    let Some(bench) = Bench::new(&["ana"]) else { return };
    let policy = bench.write("policy.toml", "");
    bench.roots("ana", "init", &["--key", "ana"]).ok();
    // A pull request that changes what is published, under the old signatures.
    for (name, from, to) in [
        ("1.targets.json", "\"version\":1", "\"version\":2"),
        ("1.snapshot.json", "\"version\":1", "\"version\":2"),
        ("timestamp.json", "Z\"", "Z\",\"x\":1"),
        ("1.root.json", "Z\"", "Z\",\"x\":1"),
    ] {
        let place = bench.team().join("metadata").join(name);
        let good = fs::read_to_string(&place).unwrap();
        assert!(good.contains(from), "{name}");
        fs::write(&place, good.replacen(from, to, 1)).unwrap();
        refused(&bench, "set", &["policy.toml", &policy], 3, name);
        refused(&bench, "renew", &["--key", "ana"], 3, name);
        refused(&bench, "show", &[], 3, name);
        fs::write(&place, good).unwrap();
    }
    bench.roots("ana", "set", &["policy.toml", &policy]).ok();
}

#[test]
fn attack_a_link_in_the_folder_is_not_followed() {
    let Some(bench) = Bench::new(&["ana"]) else { return };
    let policy = bench.write("policy.toml", "");
    bench.roots("ana", "init", &["--key", "ana"]).ok();
    let aim = bench.path("aim");
    fs::create_dir(&aim).unwrap();
    fs::remove_dir(bench.team().join("drafts")).unwrap();
    symlink(&aim, bench.team().join("drafts")).unwrap();
    symlink(&aim, bench.team().join("targets")).unwrap();
    bench.roots("ana", "set", &["policy.toml", &policy]).code(1);
    assert_eq!(fs::read_dir(&aim).unwrap().count(), 0);
    fs::remove_file(bench.team().join("targets")).unwrap();
    bench.roots("ana", "set", &["policy.toml", &policy]).code(1);
    assert_eq!(fs::read_dir(&aim).unwrap().count(), 0);
}

#[test]
fn a_draft_of_before_another_release_is_told_and_can_be_thrown_away() {
    let Some(bench) = Bench::new(&["ana"]) else { return };
    let policy = bench.write("policy.toml", "");
    bench.roots("ana", "init", &["--key", "ana"]).ok();
    bench.roots("ana", "set", &["policy.toml", &policy]).ok();
    let draft = bench.team().join("drafts/targets.json");
    let old = fs::read(&draft).unwrap();
    bench.sign("ana").ok();
    bench.roots("ana", "unset", &["policy.toml"]).ok();
    bench.sign("ana").ok();
    fs::write(&draft, old).unwrap();
    refused(&bench, "show", &[], 3, "it was begun before another one was published");
    refused(&bench, "renew", &["--key", "ana"], 3, "skills roots discard");
    bench.roots("ana", "discard", &[]).ok();
    bench.roots("ana", "renew", &["--key", "ana"]).ok();
}
