//! Every command once, and python-tuf after each.

use super::{Bench, files, found, none, python};
use crate::oms::stamps::{LONG, ROOT, STAMPER};
use crate::oms::tools::Yard;
use skill_trust::model::digest::sha256;
use skill_trust::model::tuf::lists;
use skill_trust::ops::roots::{init, renew};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

const DIGEST: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

fn content(bench: &Bench, target: &str) -> Vec<u8> {
    let answer = &python(&bench.team(), &[target])[0];
    assert_eq!(answer["is"], "found", "{target}: {answer}");
    base64::Engine::decode(&base64::engine::general_purpose::STANDARD, answer["bytes"].as_str().unwrap())
        .unwrap()
}

#[test]
fn a_personal_root_is_one_command_and_others_can_follow_it() {
    let Some(bench) = Bench::new(&["ana"]) else { return };
    let said = bench.roots("ana", "init", &["--key", "ana"]).ok();
    let names: Vec<_> = files(&bench.team()).into_keys().collect();
    assert_eq!(
        names,
        [
            "metadata/1.root.json",
            "metadata/1.snapshot.json",
            "metadata/1.targets.json",
            "metadata/timestamp.json"
        ]
    );
    let pin = sha256(&[&fs::read(bench.team().join("metadata/1.root.json")).unwrap()]).hex();
    said.says(&format!("skills roots add team {} --pin sha256:{pin}", bench.arg("team")));
    none(&bench.team(), "allowed_signers");
    // For everybody to read, though all else of ours is private.
    for (path, mode) in [("", 0o755), ("metadata", 0o755), ("metadata/timestamp.json", 0o644)] {
        let found = fs::metadata(bench.team().join(path)).unwrap().permissions().mode() & 0o7777;
        assert_eq!(found, mode, "{path}");
    }
    // Without a home, and none was made.
    assert!(!bench.account("ana").join(".local").exists());
    let again = fs::read(bench.team().join("metadata/1.root.json")).unwrap();
    bench.roots("ana", "init", &["--key", "ana"]).code(3).says("holds a trust root already");
    assert_eq!(fs::read(bench.team().join("metadata/1.root.json")).unwrap(), again);
}

#[test]
fn a_root_can_have_an_anchor_and_signers_from_the_start() {
    let Some(bench) = Bench::new(&["ana"]) else { return };
    let line = bench.run_behind("ana", &[], &["publish", "keys", "list", "--json"]).ok().json();
    let allowed =
        format!("{}\n", line["keys"][0]["allowed_signers"].as_str().unwrap_or_else(|| panic!("{line}")));
    let list = bench.write("signers", &allowed);
    let key = bench.arg("ana.pub");
    let options =
        ["--key", "ana", "--anchor", &key, "--for", "https://git.example/ana/*", "--signers", &list];
    bench.roots("ana", "init", &options).ok();
    found(&bench.team(), "allowed_signers", allowed.as_bytes());
    found(&bench.team(), "anchors/ana.pem", &fs::read(&key).unwrap());
    let terms = bench.shown("ana")["targets"][1]["terms"].as_str().unwrap().to_owned();
    assert!(terms.ends_with("for https://git.example/ana/*") && terms.starts_with("from 20"), "{terms}");
}

#[test]
fn a_target_is_drafted_then_signed_then_everybodys() {
    let Some(bench) = Bench::new(&["ana"]) else { return };
    bench.roots("ana", "init", &["--key", "ana"]).ok();
    let policy = bench.write("policy.toml", "[trust]\nexpires = \"90d\"\n");
    bench
        .roots("ana", "set", &["policy.toml", &policy])
        .ok()
        .says("drafted  policy.toml comes, in targets 2")
        .says("holds for who follows:  trust.expires = \"90d\"");
    none(&bench.team(), "policy.toml");
    bench.sign("ana").ok().says("published  targets 2");
    found(&bench.team(), "policy.toml", b"[trust]\nexpires = \"90d\"\n");
    assert!(!bench.team().join("drafts/targets.json").exists());

    // What is set is told as those will have it who follow, before it is signed.
    let loose =
        bench.write("loose.toml", "[trust]\nexpires = \"9d\"\n[network]\ninternal = [\"git.example\"]\n");
    let set = bench.roots("ana", "set", &["policy.toml", &loose]).ok();
    set.says("holds for who follows:  trust.expires = \"9d\"")
        .says("ignored by who follows:  network.internal");
    let pending = bench.shown("ana")["pending"].to_string();
    for line in [
        "asks from now on: trust.expires",
        "no longer asks: trust.expires",
        "ignored by who follows: network",
    ] {
        assert!(pending.contains(line), "{pending}");
    }
    assert!(bench.shown("ana")["targets"].to_string().contains("who follows must have: trust.expires"));
    bench.roots("ana", "discard", &[]).ok();

    let key = bench.arg("ana.pub");
    let options = ["anchors/ana.pem", &key, "--for", "https://git.example/ana/*", "--until", "2030-01-01"];
    bench.roots("ana", "set", &options).ok();
    bench.roots("ana", "unset", &["policy.toml"]).ok();
    bench.sign("ana").ok().says("published  targets 3");
    found(&bench.team(), "anchors/ana.pem", &fs::read(&key).unwrap());
    none(&bench.team(), "policy.toml");

    bench.roots("ana", "set", &["policy.toml", &policy]).ok();
    bench.roots("ana", "discard", &[]).ok().says("thrown away  drafts/targets.json");
    bench.roots("ana", "sign", &["--key", "ana"]).code(2).says("nothing waits for a signature");
}

#[test]
fn an_incident_is_one_command_and_a_signature() {
    let Some(bench) = Bench::new(&["ana"]) else { return };
    bench.roots("ana", "init", &["--key", "ana"]).ok();
    let signer = format!("key:{}", "a".repeat(64));
    let stolen =
        ["--signer", &signer, "--kind", "compromised", "--since", "2026-10-01", "--why", "stolen laptop"];
    bench.roots("ana", "revoke", &stolen).ok();
    let old = ["--source", "acme/tools", "--versions", "<1.4.2", "--kind", "yanked", "--why", "leaks"];
    bench.roots("ana", "revoke", &old).ok();
    bench.roots("ana", "order", &["--digest", DIGEST, "--why", "sends files away"]).ok().says("gets order 1");
    bench.roots("ana", "order", &["--skill", "pdf-forms", "--why", "\u{1b}[2J"]).ok().says("gets order 2");
    bench.sign("ana").ok();
    let list = content(&bench, "revocations.json");
    // Worked out by hand: sorted names, the source as others have it, dates to the second.
    let wanted = format!(
        "{{\"format\":1,\"revocations\":[{{\"kind\":\"compromised\",\"signer\":\"{signer}\",\
         \"since\":\"2026-10-01T00:00:00Z\",\"why\":\"stolen laptop\"}},{{\"kind\":\"yanked\",\
         \"source\":\"https://github.com/acme/tools\",\"versions\":\"<1.4.2\",\"why\":\"leaks\"}}]}}\n"
    );
    assert_eq!(String::from_utf8(list.clone()).unwrap(), wanted);
    assert_eq!(lists::revocations(&list).unwrap().len(), 2);
    let orders = lists::kill_orders(&content(&bench, "kill-orders.json")).unwrap();
    assert_eq!((orders.order, orders.orders.len()), (2, 2));
    // The number grows over releases too.
    bench.roots("ana", "order", &["--all", "--why", "until we know more"]).ok().says("gets order 3");
    bench.roots("ana", "order", &["--all", "--why", "until we know more"]).code(2).says("already");
    bench.sign("ana").ok();
    assert_eq!(lists::kill_orders(&content(&bench, "kill-orders.json")).unwrap().order, 3);
    let gone = bench.roots("ana", "unset", &["kill-orders.json"]);
    gone.code(3).says("its number would be lost");
}

#[test]
fn a_renewal_signs_nobodys_draft() {
    let Some(bench) = Bench::new(&["ana"]) else { return };
    bench.roots("ana", "init", &["--key", "ana"]).ok();
    bench.roots("ana", "renew", &["--key", "ana"]).ok().says("published  timestamp 2");
    none(&bench.team(), "policy.toml");
    let policy = bench.write("policy.toml", "");
    bench.roots("ana", "set", &["policy.toml", &policy]).ok();
    bench.roots("ana", "renew", &["--key", "ana", "--expires", "7d"]).ok().says("drafts wait");
    none(&bench.team(), "policy.toml");
    // A timestamp beyond the snapshot's end takes a new snapshot along.
    bench.roots("ana", "renew", &["--key", "ana", "--expires", "120d"]).ok().says("snapshot and timestamp 4");
    none(&bench.team(), "policy.toml");
    assert_eq!(
        bench.shown("ana")["pending"][1],
        format!("  policy.toml comes: 0 bytes, sha256 {}", sha256(&[]).hex())
    );
}

#[test]
fn what_ends_soon_is_renewed_along() {
    let Some(bench) = Bench::new(&["ana"]) else { return };
    let policy = bench.write("policy.toml", "");
    bench.roots("ana", "init", &["--key", "ana", "--expires", "10d"]).ok();
    bench.roots("ana", "set", &["policy.toml", &policy]).ok();
    bench.sign("ana").ok();
    bench.roots("ana", "renew", &["--key", "ana"]).ok().says("published  root 2");
    let shown = bench.shown("ana");
    assert_eq!((&shown["roles"][0]["version"], &shown["roles"][1]["version"]), (&2.into(), &2.into()));
    found(&bench.team(), "policy.toml", b"");
}

#[test]
fn trying_out_changes_nothing() {
    let Some(bench) = Bench::new(&["ana", "ben"]) else { return };
    let ben = bench.arg("ben.pub");
    bench.roots("ana", "init", &["--key", "ana", "--dry-run"]).ok().says("would make");
    assert!(!bench.team().exists());
    bench.roots("ana", "init", &["--key", "ana"]).ok();
    let policy = bench.write("policy.toml", "");
    let tried = |bench: &Bench| {
        let before = crate::unmanaged::everything(&bench.team());
        bench.roots("ana", "set", &["policy.toml", &policy, "--dry-run"]).ok().says("would draft");
        let order = ["--all", "--why", "x", "--dry-run"];
        bench.roots("ana", "order", &order).ok().says("would draft");
        let revoke = ["--digest", DIGEST, "--kind", "malicious", "--why", "x", "--dry-run"];
        bench.roots("ana", "revoke", &revoke).ok().says("would draft");
        let rotate = ["--add", &ben, "--threshold", "2", "--dry-run"];
        bench.roots("ana", "rotate", &rotate).ok().says("2 must sign, instead of 1");
        bench.roots("ana", "renew", &["--key", "ana", "--dry-run"]).ok().says("would publish");
        bench.roots("ana", "discard", &["--dry-run"]).ok();
        assert_eq!(crate::unmanaged::everything(&bench.team()), before);
    };
    tried(&bench);
    bench.roots("ana", "set", &["policy.toml", &policy]).ok();
    tried(&bench);
    bench.roots("ana", "sign", &["--key", "ana", "--dry-run"]).ok().says("policy.toml comes");
    none(&bench.team(), "policy.toml");
}

#[test]
fn where_there_is_a_home_what_was_published_is_on_record() {
    let Some(bench) = Bench::new(&["ana"]) else { return };
    // As the account itself: in a name space of its own an ordinary one has no home.
    let (world, skill) = (bench.world("ana"), bench.sandbox.skill("demo").make());
    let install = ["--home", world.home.to_str().unwrap(), "install", skill.to_str().unwrap()];
    assert!(bench.sandbox.bare(&install).output().unwrap().status.success());
    let last = || {
        let log = fs::read_to_string(world.home.join("audit/audit.jsonl")).unwrap();
        let last: serde_json::Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
        assert_eq!((&last["event"], &last["decision"]), (&"publish".into(), &"done".into()), "{last}");
        last["reason"].as_str().unwrap().to_owned()
    };
    let team = bench.arg("team");
    let request =
        init::Request { folder: bench.team(), key: "ana".to_owned(), expires: None, targets: vec![] };
    let made = init::init(&world, &request, false).unwrap();
    assert_eq!(last(), format!("trust root {team}: made, with pin sha256:{}", made.pin.hex()));
    let keys = ["ana".to_owned()];
    assert_eq!(renew::renew(&world, &bench.team(), &keys, None, false).unwrap().unrecorded, None);
    let said = last();
    assert!(said.starts_with(&format!("trust root {team}: published timestamp 2, until")), "{said}");
    // What others read does not hang on our log; that it has no record is told.
    fs::set_permissions(&world.home, fs::Permissions::from_mode(0o755)).unwrap();
    let done = renew::renew(&world, &bench.team(), &keys, None, false).unwrap();
    assert!(done.unrecorded.unwrap().contains("0755") && done.released[0].starts_with("timestamp 3"));
    none(&bench.team(), "policy.toml");
}

#[test]
fn an_authority_that_stamps_times_comes_and_goes() {
    let Some(bench) = Bench::new(&["ana"]) else { return };
    bench.roots("ana", "init", &["--key", "ana"]).ok();
    let yard = Yard::new();
    yard.chain("clock", &[ROOT, STAMPER]);
    let authority = yard.arg("clock/0.pem");
    let set = |rest: &[&str]| bench.roots("ana", "set", &[&["stamp-anchors/clock.pem"], rest].concat());
    let dates = ["--from", "2026-01-01", "--until", "2090-01-01"];
    set(&[&[authority.as_str()], &dates[..]].concat())
        .ok()
        .says("drafted  stamp-anchors/clock.pem comes, in targets 2");
    let words = "from 2026-01-01T00:00:00Z until 2090-01-01T00:00:00Z for time stamps";
    bench.roots("ana", "show", &[]).ok().says(words);
    bench.sign("ana").ok().says("published  targets 2");
    found(&bench.team(), "stamp-anchors/clock.pem", &fs::read(&authority).unwrap());
    assert_eq!(bench.shown("ana")["targets"][0]["terms"], words);
    bench.roots("ana", "unset", &["stamp-anchors/clock.pem"]).ok();
    bench.sign("ana").ok().says("published  targets 3");
    none(&bench.team(), "stamp-anchors/clock.pem");

    // What clients would not take is not drafted.
    let leaf = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature";
    yard.chain("signer", &[ROOT, ("Signer", leaf, LONG)]);
    let with_key = yard.arg("with-key");
    let both = ["clock/0.key", "clock/0.pem"].map(|file| fs::read_to_string(yard.at(file)).unwrap());
    fs::write(&with_key, both.concat()).unwrap();
    let (signer, key) = (yard.arg("signer/1.pem"), bench.arg("ana.pub"));
    for (rest, why) in [
        (&[signer.as_str()][..], "its certificate is not for time stamps alone"),
        (&[key.as_str()], "not one certificate in PEM form"),
        (&[with_key.as_str()], "it holds a secret key"),
        (&[authority.as_str(), "--for", "https://git.example/*"], "a stamp anchor has no --for"),
        (&[authority.as_str(), "--from", "2026-02-01", "--until", "2026-01-01"], "ends before it starts"),
    ] {
        set(rest).code(3).says(why);
    }
    let policy = bench.write("policy.toml", "");
    bench
        .roots("ana", "set", &["policy.toml", &policy, "--from", "2026-01-01"])
        .code(3)
        .says("only an anchor has --from, --until and --for, and a stamp anchor the first two");
    assert!(!bench.team().join("drafts/targets.json").exists());
}

#[test]
fn attack_a_drafted_authority_with_terms_that_clients_refuse_is_not_signed() {
    let Some(bench) = Bench::new(&["ana"]) else { return };
    bench.roots("ana", "init", &["--key", "ana"]).ok();
    let yard = Yard::new();
    yard.chain("clock", &[ROOT, STAMPER]);
    bench.roots("ana", "set", &["stamp-anchors/clock.pem", &yard.arg("clock/0.pem")]).ok();
    let draft = bench.team().join("drafts/targets.json");
    let text = fs::read_to_string(&draft).unwrap();
    let odd = text.replace("\"validFor\":{", "\"onlyFor\":\"acme\",\"validFor\":{");
    assert_ne!(odd, text);
    fs::write(&draft, odd).unwrap();
    bench.roots("ana", "show", &[]).ok().says("no client takes it: ");
    bench.sign("ana").code(3).says("stamp-anchors/clock.pem: clients would not take it: ");
    none(&bench.team(), "stamp-anchors/clock.pem");
}

#[test]
fn an_advisory_is_shown_in_words_before_and_after_it_is_signed() {
    let Some(bench) = Bench::new(&["ana"]) else { return };
    bench.roots("ana", "init", &["--key", "ana"]).ok();
    let text = |modified: &str, more: &str| {
        format!(
            r#"{{"id":"SKA-1","modified":"{modified}","summary":"sends \u001b[2Jdata","affected":[{{"package":{{"ecosystem":"Agent Skills","name":"pdf"}},"versions":["1.0.0"]}}]{more}}}"#
        )
    };
    let words = r#""sends \u{1b}[2Jdata": skill pdf"#;
    let file = bench.write("advisory", text("2026-11-20T09:00:00Z", ""));
    bench.roots("ana", "set", &["advisories/SKA-1.json", &file]).ok();
    bench.roots("ana", "show", &[]).ok().says("advisories/SKA-1.json comes").says(words);
    bench.sign("ana").ok();
    bench.roots("ana", "show", &[]).ok().says(words);
    // A change needs a later time, a withdrawal too.
    let ended = r#","withdrawn":"2026-11-21T00:00:00Z""#;
    let file = bench.write("advisory", text("2026-11-20T09:00:00Z", ended));
    bench
        .roots("ana", "set", &["advisories/SKA-1.json", &file])
        .code(3)
        .says("each change needs a later one");
    let file = bench.write("advisory", text("2026-11-21T00:00:00Z", ended));
    bench.roots("ana", "set", &["advisories/SKA-1.json", &file]).ok();
    bench.sign("ana").ok();
    bench.roots("ana", "show", &[]).ok().says("withdrawn 2026-11-21T00:00:00Z");
}
