//! The policy of a followed root: it tightens here, and that is all it does.

use super::{add, ends, scene, state};
use crate::support::faults::{Bed, Ran};
use crate::support::team::{Team, digest_entry};
use skill_trust::model::code::Code;
use skill_trust::model::decision::{Decision, GateAnswer};
use skill_trust::model::followed::POLICIES;
use skill_trust::model::record::Outcome;
use skill_trust::ops::session::{Depth, Session};
use skill_trust::ops::{World, gate, rules};
use skill_trust::policy::config::{KEYS, layer};
use std::fs;
use std::path::Path;

const SIGNED: &str = "[[require]]\nsignatures = 1\n";

/// Publishes this policy as the next release.
fn publish<'a>(team: &'a mut Team, policy: &str) -> &'a mut Team {
    team.list("policy.toml", policy.as_bytes()).release()
}

#[track_caller]
fn denied(bed: &Bed, name: &str, pieces: &[&str]) -> Ran {
    let (allowed, ran) = bed.gate(name);
    assert!(!allowed, "{ran:?}");
    for piece in pieces {
        assert!(ran.out.contains(piece), "no `{piece}` in\n{}", ran.out);
    }
    ran
}

/// The bed's world with a policy file of its own.
fn world(bed: &Bed, policy: &str) -> World {
    let file = bed.root.join("policy.toml");
    fs::write(&file, policy).unwrap();
    World { policy_files: vec![file], ..bed.world() }
}

fn ask(world: &World, name: &str) -> GateAnswer {
    gate::ask(world, &gate::bare_request(name))
}

fn log(bed: &Bed) -> String {
    fs::read_to_string(bed.log()).unwrap()
}

#[test]
fn a_roots_demand_denies_at_the_gate_what_was_enabled_before() {
    let (bed, mut team) = scene();
    bed.enabled("demo", "a");
    ends(add(&bed, &team), 0, &[]);
    assert!(bed.gate("demo").0);
    publish(&mut team, SIGNED);
    ends(
        bed.run(&["roots", "refresh"]),
        0,
        &["news", "policy     asks from now on: [[require]] signatures = 1"],
    );
    assert!(log(&bed).contains("its policy asks from now on: [[require]] signatures = 1"));
    let shown = bed.run(&["policy", "show"]).out;
    let rule = shown.lines().find(|line| line.starts_with("require.signatures")).unwrap();
    assert_eq!(
        rule.split_whitespace().collect::<Vec<_>>(),
        ["require.signatures", "1", "trust", "root", "team"]
    );
    ends(bed.run(&["roots", "list"]), 0, &["its policy holds here: [[require]] signatures = 1"]);
    denied(&bed, "demo", &["policy-unmet", "trust root team requires 1 signature"]);
    assert_eq!(state(&bed, "demo"), "installed");
    // Nor does it come back, or anything new come up.
    let digest = bed.install("other");
    let trust = ["trust", "other", "--digest", &digest];
    ends(bed.run(&trust), 3, &["policy-unmet", "trust root team requires"]);
    ends(bed.run(&["doctor"]), 0, &[]);

    // The owners take the rule back: a person can decide again.
    publish(&mut team, "");
    ends(bed.run(&["roots", "refresh"]), 0, &["policy     no longer asks: [[require]] signatures = 1"]);
    bed.trust("other", &digest);
    bed.enable("other", "a");
    assert!(bed.gate("other").0);
    denied(&bed, "demo", &["not-trusted"]);
    ends(bed.run(&["audit", "verify"]), 0, &[]);
}

#[test]
fn every_kind_of_rule_reaches_the_gate_and_the_other_doors() {
    for (policy, code, why) in [
        ("[sources]\nallow = [\"https://github.com/acme/\"]\n", "policy-unmet", "[sources] allow"),
        ("[trust]\nmax-days = 0\n", "expired", "policy ends trust after 0 days"),
        ("[limits]\nfiles = 1\n", "drift", "1"),
    ] {
        let (bed, mut team) = scene();
        bed.enabled("demo", "a");
        publish(&mut team, policy);
        ends(add(&bed, &team), 0, &["its policy holds here: "]);
        denied(&bed, "demo", &[code, why]);
    }
    let (bed, mut team) = scene();
    bed.enabled("demo", "a");
    publish(&mut team, "[gate]\nvalid-for = 7\n[trust]\nmin-age = \"3d\"\nnote = \"required\"\n");
    ends(add(&bed, &team), 0, &[]);
    let (allowed, ran) = bed.gate("demo");
    assert!(allowed && ran.out.contains("\"valid_for\":7"), "{ran:?}");
    let digest = bed.install("other");
    let args = ["trust", "other", "--digest", &digest, "--note", "read"];
    ends(
        bed.run(&args),
        3,
        &["too-young", "3d old by trust root team", "in trust root team, under [trust]: early"],
    );
    publish(&mut team, "[sources]\ndeny = [\"/\"]\n");
    ends(
        bed.run(&["roots", "refresh"]),
        0,
        &["asks from now on: sources.deny", "no longer asks: gate.valid-for = 7"],
    );
    ends(bed.run(&["install", &bed.path("src/other"), "--as", "third"]), 3, &["policy-unmet", "deny"]);
}

#[test]
fn attack_a_root_loosens_what_the_files_say() {
    let (bed, mut team) = scene();
    bed.enabled("demo", "a");
    let denies = format!("[sources]\nallow = [\"{}\"]\n[gate]\nvalid-for = 9\n", bed.path("elsewhere"));
    let source = bed.path("src");
    publish(
        &mut team,
        &format!(
            "[sources]\nallow = [\"{source}\"]\n[gate]\nvalid-for = 900\n[limits]\nfiles = 9999\n\
             [enable]\nagents = [\"codex\"]\n[network]\ninternal = [\"localhost\"]\n[trust]\nnote = \"optional\"\n"
        ),
    );
    let said = ends(add(&bed, &team), 0, &[]);
    for what in ["enable.agents", "network.internal", "trust.note"] {
        assert!(said.out.contains(&format!("its policy, ignored here: {what}")), "{said:?}");
    }
    let world = world(&bed, &denies);
    let answer = ask(&world, "demo");
    assert_eq!((answer.decision, answer.codes), (Decision::Deny, vec![Code::PolicyUnmet]));
    let shown = rules::show(&world).unwrap();
    let held = |key: &str| -> Vec<(String, Option<String>)> {
        let lines = shown.lines.iter().filter(|line| line.key == key && line.holds);
        lines.map(|line| (line.value.clone(), line.file.clone())).collect()
    };
    let file = Some(bed.path("policy.toml"));
    assert_eq!(held("gate.valid-for"), [("9".to_owned(), file)]);
    assert_eq!(held("limits.files"), [("5000".to_owned(), None)]);
    assert_eq!(held("enable.agents"), [("none: `enable` wants a place".to_owned(), None)]);
    assert_eq!(held("network.internal")[0].1, None);
    assert_eq!(held("sources.allow").len(), 2);
    // `localhost` is inside all the same.
    let install = ["install", "https://localhost/x.git"];
    ends(bed.run(&install), 3, &["policy-unmet"]);
    publish(&mut team, "[network]\ninternal = [\"localhost\"]\n");
    ends(bed.run(&["roots", "refresh"]), 0, &["no longer asks: sources.allow"]);
    ends(bed.run(&install), 8, &["not a public address"]);
}

#[test]
fn two_roots_each_tighten_and_each_goes_alone() {
    let (bed, mut team) = scene();
    bed.enabled("demo", "a");
    let mut second = Team::new(&bed.root.join("second"), 20);
    publish(&mut team, "[gate]\nvalid-for = 30\n");
    publish(&mut second, "[gate]\nvalid-for = 20\n[trust]\nmax-days = 3\n");
    ends(add(&bed, &team), 0, &[]);
    ends(bed.run(&["roots", "add", "second", &second.origin(), "--pin", &second.pin()]), 0, &[]);
    let valid = || bed.gate("demo").1.out;
    assert!(valid().contains("\"valid_for\":20"));
    let shown = ends(bed.run(&["policy", "show", "--json"]), 0, &[]).out;
    assert!(shown.contains("trust root second") && shown.contains("trust root team"), "{shown}");
    ends(
        bed.run(&["roots", "remove", "second", "--phrase", "second", "--dry-run"]),
        0,
        &["its policy holds here: gate.valid-for = 20", "is asked no longer"],
    );
    assert!(valid().contains("\"valid_for\":20"), "looking changes nothing");
    ends(bed.run(&["roots", "remove", "second", "--phrase", "second"]), 0, &["forgotten"]);
    assert!(log(&bed).contains("its policy no longer asks: gate.valid-for = 20"));
    assert!(valid().contains("\"valid_for\":30"));
    ends(bed.run(&["roots", "remove", "team", "--phrase", "team"]), 0, &[]);
    assert!(valid().contains("\"valid_for\":60"));
    let shown = ends(bed.run(&["policy", "show"]), 0, &[]).out;
    assert!(!shown.contains("trust root team") && !shown.contains("second"), "{shown}");
    // Nothing at all is left of it in the row that the gate reads.
    let world = bed.world();
    assert!(!Session::open(&world, Depth::All).unwrap().ledger.may_remember(POLICIES));
}

#[test]
fn a_policy_that_is_not_understood_leaves_the_older_one_and_makes_the_root_stale() {
    let (bed, mut team) = scene();
    bed.enabled("demo", "a");
    publish(&mut team, "[gate]\nvalid-for = 30\n");
    ends(add(&bed, &team), 0, &[]);
    let revoked = bed.install("other");
    team.revoke(&[digest_entry(&revoked, "malicious", "poisoned")]);
    for bad in ["[tomorrow]\nrule = 1\n", "\u{1b}[31m", "[trust]\nmin-age = \"soon\"\n"] {
        publish(&mut team, bad);
        let said = ["missing", "`policy.toml`: this version does not understand it", "stale"];
        let ran = ends(bed.run(&["roots", "refresh"]), 5, &said);
        assert!(!format!("{}{}", ran.out, ran.err).contains('\u{1b}'), "{ran:?}");
        assert!(bed.gate("demo").1.out.contains("\"valid_for\":30"), "the older one holds");
    }
    // What else came with it counts: a list that stops is not kept back.
    ends(bed.run(&["trust", "other", "--digest", &revoked]), 3, &["revoked"]);
    ends(bed.run(&["roots", "list"]), 0, &["stale", "its policy holds here: gate.valid-for = 30"]);
    // Where there is no older one, nobody begins to follow it.
    let fresh = Bed::new();
    ends(add(&fresh, &team), 5, &["it is not followed", "`policy.toml`"]);
    ends(fresh.run(&["roots", "list"]), 0, &["no trust root is followed"]);
    // Mended, it is fresh again.
    publish(&mut team, "[gate]\nvalid-for = 10\n");
    ends(bed.run(&["roots", "refresh"]), 0, &["fresh", "asks from now on: gate.valid-for = 10"]);
    assert!(bed.gate("demo").1.out.contains("\"valid_for\":10"));
}

#[test]
fn without_a_network_and_with_an_empty_cache_it_holds() {
    let (bed, mut team) = scene();
    bed.enabled("demo", "a");
    publish(&mut team, SIGNED);
    ends(add(&bed, &team), 0, &[]);
    fs::remove_dir_all(bed.home().join("trust-roots")).unwrap();
    fs::rename(&team.folder, bed.root.join("away")).unwrap();
    ends(bed.run(&["roots", "refresh"]), 8, &["kept as it was"]);
    ends(bed.run(&["policy", "show"]), 0, &["trust root team"]);
    denied(&bed, "demo", &["trust root team requires"]);
}

#[test]
fn attack_an_older_release_without_the_rule_is_played_again() {
    let (bed, mut team) = scene();
    bed.enabled("demo", "a");
    let old = bed.root.join("old");
    copy(&team.folder, &old);
    publish(&mut team, "[sources]\ndeny = [\"/nowhere\"]\n");
    ends(add(&bed, &team), 0, &[]);
    publish(&mut team, SIGNED);
    ends(bed.run(&["roots", "refresh"]), 0, &["asks from now on: [[require]]"]);
    fs::remove_dir_all(&team.folder).unwrap();
    fs::rename(&old, &team.folder).unwrap();
    fs::remove_dir_all(bed.home().join("trust-roots")).unwrap();
    ends(bed.run(&["roots", "refresh"]), 5, &["rollback"]);
    denied(&bed, "demo", &["trust root team requires"]);
}

#[test]
fn attack_a_mirror_withholds_the_file() {
    let (bed, mut team) = scene();
    bed.enabled("demo", "a");
    publish(&mut team, "[gate]\nvalid-for = 30\n");
    ends(add(&bed, &team), 0, &[]);
    publish(&mut team, "[gate]\nvalid-for = 20\n");
    for entry in fs::read_dir(team.folder.join("targets")).unwrap().flatten() {
        fs::remove_file(entry.path()).unwrap();
    }
    ends(bed.run(&["roots", "refresh"]), 5, &["policy.toml", "stale"]);
    assert!(bed.gate("demo").1.out.contains("\"valid_for\":30"));
}

#[test]
fn attack_the_rules_are_edited_or_deleted_in_the_ledger() {
    let (bed, mut team) = scene();
    bed.enabled("demo", "a");
    publish(&mut team, "[gate]\nvalid-for = 30\n");
    ends(add(&bed, &team), 0, &[]);
    assert!(bed.gate("demo").0);
    bed.keep("followed");
    for sql in [
        "DELETE FROM memory WHERE key = 'policies'",
        "UPDATE memory SET body = '[]' WHERE key = 'policies'",
        "UPDATE memory SET key = 'policiez' WHERE key = 'policies'",
        "UPDATE memory SET body = replace(body, '30', '90') WHERE key = 'policies'",
        "UPDATE bucket SET hashes = zeroblob(2048) WHERE id = 65",
    ] {
        bed.restore("followed");
        let ledger = rusqlite::Connection::open(bed.home().join("ledger.db")).unwrap();
        ledger.execute_batch(sql).unwrap();
        drop(ledger);
        denied(&bed, "demo", &["ledger-damaged"]);
        ends(bed.run(&["policy", "show"]), 7, &["ledger-damaged"]);
    }
    // The bytes as they came are evidence, and no rule hangs on them.
    bed.restore("followed");
    let ledger = rusqlite::Connection::open(bed.home().join("ledger.db")).unwrap();
    ledger.execute_batch("DELETE FROM blob").unwrap();
    drop(ledger);
    assert!(bed.gate("demo").1.out.contains("\"valid_for\":30"));
}

/// Writes what is remembered, as another version would have.
fn remember(bed: &Bed, body: Option<&str>) {
    let world = bed.world();
    let mut session = Session::open_to_narrow(&world, Depth::All).unwrap();
    let draft = session.draft("test", Outcome::Done, "another version");
    session
        .commit(|txn| {
            match body {
                Some(body) => txn.remember(POLICIES, body).unwrap(),
                None => txn.forget(POLICIES).unwrap(),
            }
            Ok(vec![draft])
        })
        .unwrap();
}

#[test]
fn what_a_newer_version_remembered_denies_and_the_root_can_be_removed() {
    let (bed, mut team) = scene();
    bed.enabled("demo", "a");
    bed.enabled("other", "a");
    publish(&mut team, "[gate]\nvalid-for = 30\n");
    ends(add(&bed, &team), 0, &[]);
    let body =
        format!(r#"[{{"bytes":"sha256:{}","name":"team","text":"[tomorrow]\nx = 1\n"}}]"#, "ab".repeat(32));
    remember(&bed, Some(&body));
    denied(&bed, "demo", &["policy-broken", "trust root team", "skills roots remove team"]);
    ends(bed.run(&["doctor"]), 1, &["policy     the policy cannot be used: trust root team"]);
    // What lets less run works meanwhile.
    ends(bed.run(&["disable", "other"]), 0, &[]);
    ends(bed.run(&["roots", "remove", "team", "--phrase", "team"]), 0, &["forgotten"]);
    assert!(bed.gate("demo").0);
}

#[test]
fn what_an_older_version_let_lie_takes_effect_with_the_next_refresh_though_nothing_is_new() {
    let (bed, mut team) = scene();
    bed.enabled("demo", "a");
    publish(&mut team, SIGNED);
    ends(add(&bed, &team), 0, &[]);
    remember(&bed, None);
    assert!(bed.gate("demo").0);
    ends(bed.run(&["roots", "refresh"]), 0, &["no news"]);
    assert!(log(&bed).contains("policies of trust roots take effect; team; its policy asks from now on"));
    denied(&bed, "demo", &["trust root team requires"]);
    let before = log(&bed).len();
    ends(bed.run(&["roots", "refresh"]), 0, &["no news"]);
    assert_eq!(log(&bed).len(), before, "once");
}

#[test]
fn the_page_says_of_every_key_what_a_root_can_do_with_it() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/following-trust-roots.md");
    let page = fs::read_to_string(page).unwrap();
    for (key, stance) in KEYS.iter().zip(layer::STANCES) {
        let word = if stance.taken { "yes" } else { "no" };
        let row = format!("| `{}` | {word} | {} |", key.name, stance.why);
        assert!(page.contains(&row), "docs/following-trust-roots.md lacks\n{row}");
    }
}

fn copy(from: &Path, to: &Path) {
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
