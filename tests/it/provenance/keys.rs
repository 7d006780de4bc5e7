//! One key is one: however it is written, wherever it is listed, whoever
//! revokes it.

use super::scene::{BUNDLE, NOW, OURS, SOURCE, Scene, words};
use skill_trust::model::digest::sha256;
use skill_trust::model::provenance::{Provenance, Voucher, Witness};
use skill_trust::model::signer::SignerId;
use skill_trust::model::time::Timestamp;
use skill_trust::policy::config::Policy;
use skill_trust::policy::provenance::examine::Seen;
use skill_trust::policy::provenance::keys::pem;
use skill_trust::policy::provenance::ssh::statement::NAMESPACE;
use std::collections::BTreeSet;

const CA: &str = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign";
const LEAF: &str = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature";

/// How many people a policy takes these for.
fn people(seen: &[Seen]) -> u32 {
    let vouched = seen.iter().filter_map(|one| {
        let vouched = one.verdict.vouched()?;
        Some(Voucher {
            at: vouched.at().time(),
            key: vouched.key().to_string(),
            method: vouched.method().as_str().to_owned(),
            root: one.root.clone().unwrap(),
            signer: vouched.signer().to_string(),
            witness: Witness::Now,
        })
    });
    let there = Provenance { vouched: vouched.collect(), ..Provenance::default() };
    let enough = |wanted: &u32| {
        let policy = Policy::read(&[("p", format!("[[require]]\nsignatures = {wanted}\n"))]).unwrap();
        policy.check_provenance(SOURCE, &there, Timestamp::parse(NOW).unwrap()).is_ok()
    };
    (1..=100).take_while(enough).last().unwrap_or(0)
}

/// Under how many ids, and by how many keys.
fn ids(seen: &[Seen]) -> (usize, usize) {
    let vouched = || seen.iter().filter_map(|one| one.verdict.vouched());
    let signers: BTreeSet<_> = vouched().map(|one| one.signer().clone()).collect();
    let keys: BTreeSet<_> = vouched().map(|one| one.key().clone()).collect();
    (signers.len(), keys.len())
}

/// `ana`, who is listed as an anchor and as a key of OpenSSH.
fn listed() -> Scene {
    let mut scene = Scene::new();
    scene.key("ana");
    scene.anchor("team", "acme", &scene.spki("ana"), OURS);
    scene.allow("team", &format!("ana {}\n", scene.bench.public("ana")));
    scene.bundle("ana");
    scene.pair_beside("ana");
    scene
}

#[test]
fn attack_a_key_as_anchor_and_as_allowed_signer_is_one_person() {
    let scene = listed();
    let seen = scene.ask();
    assert_eq!(words(&seen), "OMS bundle: valid by team; ssh statement: valid by team");
    assert_eq!((people(&seen), ids(&seen)), (1, (2, 1)), "{seen:?}");
    // What openssl says that the key is.
    let der = pem("PUBLIC KEY", &String::from_utf8(scene.spki("ana")).unwrap()).unwrap().remove(0);
    assert_eq!(*seen[0].verdict.vouched().unwrap().key(), SignerId::key(&sha256(&[&der])));
}

#[test]
fn attack_a_key_in_two_roots_in_a_certificate_and_in_every_method_is_one_person() {
    let mut scene = listed();
    let certificate = scene.leaf("ana");
    for root in ["east", "west"] {
        scene.anchor(root, "acme", &certificate, OURS);
        scene.allow(root, &format!("*@{root} {}\n", scene.bench.public("ana")));
    }
    scene.files.remove(BUNDLE);
    scene.bundle_with_chain("ana", &["ana"]);
    scene.pair_beside("ana");
    scene.commit(Ok("ana"));
    let seen = scene.ask();
    assert_eq!(seen.len(), 8, "{}", words(&seen));
    assert!(seen.iter().all(|one| one.verdict.vouched().is_some()), "{}", words(&seen));
    assert_eq!(people(&seen), 1, "{}", words(&seen));
}

#[test]
fn attack_one_key_certified_for_two_principals_and_by_x509_is_one_person() {
    let mut scene = Scene::new();
    for key in ["ana", "ca"] {
        scene.key(key);
    }
    let root = scene.certificate("ca", CA, None);
    scene.certificate("ana", LEAF, Some("ca"));
    scene.anchor("team", "acme", &root, OURS);
    scene.allow("team", &format!("* cert-authority {}\n", scene.bench.public("ca")));
    scene.bundle_with_chain("ana", &["ana"]);
    let (statement, _) = scene.sign("ana");
    let mut seen = Vec::new();
    for principal in ["ana", "bea"] {
        scene.bench.certify("ca", "ana", &["-n", principal]);
        let signature = scene.bench.sign("ana-cert", NAMESPACE, &statement, &[]);
        scene.beside = Some((statement.clone(), signature));
        seen.extend(scene.ask());
    }
    assert!(seen.iter().all(|one| one.verdict.vouched().is_some()), "{}", words(&seen));
    assert_eq!(ids(&seen).0, 3, "{seen:?}");
    assert_eq!(people(&seen), 1, "{}", words(&seen));
}

#[test]
fn two_people_are_two_and_one_with_two_keys_is_one() {
    let mut scene = listed();
    scene.key("bea");
    scene.allow("team", &format!("bea {}\n", scene.bench.public("bea")));
    scene.pair_beside("bea");
    let seen = scene.ask();
    assert_eq!(people(&seen), 2, "{}", words(&seen));
    // One principal of one authority, with a new key each time.
    let mut scene = Scene::new();
    for key in ["ca", "one", "two"] {
        scene.key(key);
    }
    scene.allow("team", &format!("* cert-authority {}\n", scene.bench.public("ca")));
    let mut seen = Vec::new();
    for key in ["one", "two"] {
        scene.bench.certify("ca", key, &["-n", "ana"]);
        let (statement, _) = scene.sign(key);
        let signature = scene.bench.sign(&format!("{key}-cert"), NAMESPACE, &statement, &[]);
        scene.beside = Some((statement, signature));
        seen.extend(scene.ask());
    }
    assert_eq!((people(&seen), ids(&seen).1), (1, 2), "{seen:?}");
    assert_eq!(people(&[]), 0);
}

#[test]
fn attack_a_key_revoked_in_one_form_goes_on_in_the_other() {
    let mut scene = listed();
    let der = pem("PUBLIC KEY", &String::from_utf8(scene.spki("ana")).unwrap()).unwrap().remove(0);
    let before = scene.beliefs.clone();
    for id in [SignerId::key(&sha256(&[&der])), scene.ssh_id("ana")] {
        scene.beliefs = before.clone();
        assert_eq!(scene.words(), "OMS bundle: valid by team; ssh statement: valid by team");
        scene.revoke("other", &format!(r#""signer":"{id}","kind":"retired""#));
        assert_eq!(scene.words(), "OMS bundle: revoked; ssh statement: revoked", "{id}");
    }
}

/// The authority above a leaf, and the one above an OpenSSH certificate.
#[test]
fn attack_an_authority_revoked_in_the_other_form() {
    let mut scene = Scene::new();
    let ca = scene.key("ca");
    scene.key("ana");
    let root = scene.certificate("ca", CA, None);
    scene.certificate("ana", LEAF, Some("ca"));
    scene.anchor("team", "acme", &root, OURS);
    scene.allow("team", &format!("* cert-authority {}\n", scene.bench.public("ca")));
    scene.bundle_with_chain("ana", &["ana"]);
    scene.bench.certify("ca", "ana", &["-n", "ana"]);
    let (statement, _) = scene.sign("ana");
    let signature = scene.bench.sign("ana-cert", NAMESPACE, &statement, &[]);
    scene.beside = Some((statement, signature));
    assert_eq!(scene.words(), "OMS bundle: valid by team; ssh statement: valid by team");
    let before = scene.beliefs.clone();
    for id in [ca.id(), scene.ssh_id("ca")] {
        scene.beliefs = before.clone();
        scene.revoke("other", &format!(r#""signer":"{id}","kind":"retired""#));
        assert_eq!(scene.words(), "OMS bundle: revoked; ssh statement: revoked", "{id}");
    }
}

#[test]
fn attack_a_revoked_publisher_goes_on_under_another_root_and_as_an_ssh_key() {
    let mut scene = listed();
    let certificate = scene.leaf("ana");
    scene.anchor("west", "ana-again", &scene.spki("ana"), OURS);
    scene.anchor("west", "ana-once-more", &certificate, OURS);
    let before = scene.beliefs.clone();
    // Of another name, or by a root that does not know it: nothing.
    for (root, name) in [("team", "acme-2"), ("west", "acme"), ("none", "acme")] {
        scene.beliefs = before.clone();
        scene.revoke(root, &format!(r#""publisher":"{name}","kind":"compromised""#));
        assert!(scene.ask().iter().all(|one| one.verdict.vouched().is_some()), "{}", scene.words());
    }
    for (root, name) in [("team", "acme"), ("west", "ana-again"), ("west", "ana-once-more")] {
        scene.beliefs = before.clone();
        scene.revoke(root, &format!(r#""publisher":"{name}","kind":"compromised""#));
        assert_eq!(scene.words(), "OMS bundle: revoked; ssh statement: revoked", "{root} {name}");
    }
    // The order in which targets come does not matter, and a time is kept.
    scene.beliefs = skill_trust::policy::provenance::examine::Beliefs::default();
    scene.revoke("team", r#""publisher":"acme","kind":"retired","since":"2026-03-01T00:00:00Z""#);
    scene.anchor("team", "acme", &scene.spki("ana"), OURS);
    for (seen, word) in [("2026-02-28T23:59:59Z", "valid by team"), ("2026-03-01T00:00:00Z", "revoked")] {
        scene.first_seen = Some(super::scene::time(seen));
        assert!(scene.words().starts_with(&format!("OMS bundle: {word}")), "{}", scene.words());
    }
}
