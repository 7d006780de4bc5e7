//! Revocations: exactly what rests on what is revoked loses trust.

use super::{add, ends, scene, signed, state};
use crate::support::faults::Bed;
use crate::support::team::{Team, digest_entry};
use skill_trust::model::digest::sha256;
use skill_trust::model::signer::SignerId;
use skill_trust::policy::provenance::keys::SecretKey;

fn states(bed: &Bed) -> (String, String) {
    (state(bed, "demo"), state(bed, "other"))
}

fn enabled_only(bed: &Bed) {
    assert_eq!(states(bed), ("installed".into(), "enabled".into()));
    assert!(!bed.gate("demo").0 && bed.gate("other").0);
    let live: Vec<_> = bed.live().into_iter().collect();
    assert!(live.len() == 1 && live[0].ends_with("/other"), "{live:?}");
}

#[test]
fn a_source_and_its_versions() {
    for (versions, kind, code) in [("", "malicious", 0), (r#","versions":"<2.0.0""#, "malicious", 0)] {
        let (bed, mut team) = scene();
        bed.enabled("demo", "a");
        bed.enabled("other", "a");
        ends(add(&bed, &team), 0, &[]);
        let source = bed.path("src/demo");
        team.revoke(&[format!(r#"{{"source":"{source}"{versions},"kind":"{kind}","why":"taken over"}}"#)])
            .release();
        ends(bed.run(&["roots", "refresh"]), code, &["REVOKED  demo@", "taken over"]);
        enabled_only(&bed);
        // Nothing of it comes in or up again.
        bed.source("demo", "echo two\n");
        ends(bed.run(&["install", &source]), 3, &["revoked", "taken over"]);
        ends(bed.run(&["enable", "demo", "--dir", &bed.agent("a")]), 3, &["revoked"]);
    }
}

#[test]
fn a_key_with_and_without_a_date() {
    let signer = SignerId::key(&sha256(&[b"a key"])).to_string();
    for (since, gone) in [
        ("", true),
        (r#","since":"2020-01-01T00:00:00Z""#, true),
        (r#","since":"2100-01-01T00:00:00Z""#, false),
    ] {
        let (bed, mut team) = scene();
        signed(&bed, "demo", std::slice::from_ref(&signer));
        signed(&bed, "other", &[SignerId::key(&sha256(&[b"another"])).to_string()]);
        ends(add(&bed, &team), 0, &[]);
        team.revoke(&[format!(r#"{{"signer":"{signer}","kind":"compromised"{since},"why":"stolen"}}"#)])
            .release();
        let ran = ends(bed.run(&["roots", "refresh"]), 0, &["news"]);
        if gone {
            assert!(ran.out.contains("REVOKED  demo@") && ran.out.contains("stolen"), "{ran:?}");
            enabled_only(&bed);
        } else {
            assert_eq!(states(&bed), ("enabled".into(), "enabled".into()), "{since}");
        }
    }
}

#[test]
fn attack_a_publisher_is_revoked_and_its_anchor_taken_off_in_the_same_release() {
    let key = SecretKey::p256(&[7; 32]).unwrap().public();
    let other = SecretKey::p256(&[8; 32]).unwrap().public();
    let (bed, mut team) = scene();
    signed(&bed, "demo", &[key.id().to_string()]);
    signed(&bed, "other", &[other.id().to_string()]);
    team.anchor("acme", &key.pem(), "*").anchor("bona", &other.pem(), "*").release();
    ends(add(&bed, &team), 0, &["publisher `acme`", "publisher `bona`"]);
    team.files.remove("anchors/acme.pem");
    team.revoke(&[r#"{"publisher":"acme","kind":"compromised","why":"stolen"}"#.to_owned()]).release();
    ends(bed.run(&["roots", "refresh"]), 0, &["REVOKED  demo@", "of publisher `acme`", "stolen"]);
    enabled_only(&bed);
}

#[test]
fn yanked_keeps_the_trust_that_was_given_and_gives_none() {
    let (bed, mut team) = scene();
    let demo = bed.enabled("demo", "a");
    let other = bed.install("other");
    ends(add(&bed, &team), 0, &[]);
    team.revoke(&[digest_entry(&demo, "yanked", "a bug"), digest_entry(&other, "yanked", "a bug")]).release();
    ends(bed.run(&["roots", "refresh"]), 0, &["warning  demo@", "a bug; it stays trusted"]);
    assert_eq!(states(&bed), ("enabled".into(), "installed".into()));
    assert!(bed.gate("demo").0);
    ends(bed.run(&["status"]), 0, &["yanked"]);
    ends(bed.run(&["trust", "other", "--digest", &other]), 3, &["revoked", "a bug"]);
    // What is trusted may be placed once more; once withdrawn, it stays so.
    bed.enable("demo", "b");
    bed.run(&["untrust", "demo"]).done();
    ends(bed.run(&["trust", "demo", "--digest", &demo]), 3, &["revoked"]);
    ends(bed.run(&["install", &bed.path("src/other")]), 3, &["revoked"]);
}

#[test]
fn a_set_with_something_revoked_is_refused() {
    let (bed, mut team) = scene();
    let demo = bed.install("demo");
    bed.install("other");
    let set = bed.run(&["trust", "demo", "other", "--print-set"]).done().out;
    let file = bed.path("set");
    std::fs::write(&file, set).unwrap();
    let plan = bed.run(&["trust", "demo", "other", "--dry-run", "--json"]).done().out;
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    team.revoke(&[digest_entry(&demo, "malicious", "x")]).release();
    ends(add(&bed, &team), 0, &[]);
    let digest = plan["set"].as_str().unwrap();
    ends(bed.run(&["trust", "--set", &file, "--digest", digest]), 3, &["revoked"]);
    assert_eq!(states(&bed), ("installed".into(), "installed".into()));
}

#[test]
fn attack_a_second_root_that_says_nothing_softens_nothing() {
    let (bed, mut team) = scene();
    let demo = bed.enabled("demo", "a");
    bed.enabled("other", "a");
    team.revoke(&[digest_entry(&demo, "malicious", "x")]).release();
    let mut soft = Team::new(&bed.root.join("soft"), 30);
    soft.revoke(&[digest_entry(&demo, "yanked", "nothing much")]).release();
    let (origin, pin) = (soft.origin(), soft.pin());
    ends(bed.run(&["roots", "add", "soft", &origin, "--pin", &pin]), 0, &["it stays trusted"]);
    assert_eq!(states(&bed), ("enabled".into(), "enabled".into()));
    ends(add(&bed, &team), 0, &["REVOKED"]);
    enabled_only(&bed);
}

#[test]
fn a_skill_that_is_revoked_while_everything_is_held_stays_so_after_the_release() {
    let (bed, mut team) = scene();
    let demo = bed.enabled("demo", "a");
    bed.enabled("other", "a");
    ends(add(&bed, &team), 0, &[]);
    bed.run(&["kill", "--all"]).done();
    team.revoke(&[digest_entry(&demo, "malicious", "x")]).release();
    ends(bed.run(&["roots", "refresh"]), 0, &["REVOKED"]);
    bed.run(&["release", "--all", "--phrase", "release epoch 1"]).done();
    assert_eq!(states(&bed), ("installed".into(), "trusted".into()));
}

/// A name of three revisions, none of which may be used: the gate says why the
/// one that was decided about last may not, and does not ask which is meant.
#[test]
fn a_name_that_lost_all_trust_is_answered_with_the_revocation() {
    let (bed, mut team) = scene();
    bed.enabled("demo", "a");
    bed.source("demo", "echo two\n");
    let two = bed.enabled("demo", "a");
    bed.source("demo", "echo three\n");
    bed.run(&["update"]).done();
    ends(add(&bed, &team), 0, &[]);
    let source = bed.path("src/demo");
    team.revoke(&[format!(r#"{{"source":"{source}","kind":"malicious","why":"taken over"}}"#)]).release();
    ends(bed.run(&["roots", "refresh"]), 0, &["REVOKED  demo@", "taken over"]);
    let two = format!("demo@{}", &two["sha256:".len()..][..12]);
    let next = format!("skills update demo; who says so: skills status {two}");
    for (question, word) in [("load", "enabled"), ("enable", "trusted")] {
        let none = format!("; none of its 3 revisions is {word}");
        ends(
            bed.run(&["gate", "demo", "--question", question]),
            3,
            &["[revoked]", "taken over", &none, &two, &next],
        );
    }
    ends(bed.run(&["status", "demo"]), 0, &["[revoked]", "taken over"]);
    // What was withdrawn does not come back by itself: the record that did it is the reason still.
    team.revoke(&[]).release();
    ends(bed.run(&["roots", "refresh"]), 0, &["news"]);
    ends(bed.run(&["gate", "demo"]), 3, &["[revoked]"]);
}
