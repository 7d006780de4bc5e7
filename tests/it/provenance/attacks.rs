//! Attempts to be somebody, to be new, or to be believed for another folder.

use super::scene::{BUNDLE, OURS, SOURCE, Scene, pinnable, time, words};
use skill_trust::model::tuf::Value;
use skill_trust::model::tuf::layout::Place;
use skill_trust::policy::provenance::examine::Beliefs;
use skill_trust::policy::provenance::verdict::{Evidenced, Verdict};

const ELSEWHERE: &str = "https://git.example/other/*";
const CA: &str = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign";
const LEAF: &str = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature";

fn said(scene: &Scene, at: usize) -> String {
    scene.ask()[at].verdict.to_string()
}

#[test]
fn attack_a_publisher_signs_for_a_source_of_somebody_else() {
    for with_key in [true, false] {
        let mut scene = Scene::new();
        scene.key("eve");
        scene.leaf("eve");
        if with_key {
            scene.bundle_with_key("eve")
        } else {
            scene.bundle_with_chain("eve", &["eve"])
        }
        let listed = if with_key { scene.spki("eve") } else { scene.bench.read("eve.pem") };
        assert_eq!(scene.words(), "OMS bundle: unknown-signer (new)");
        scene.anchor("team", "eve", &listed, ELSEWHERE);
        // Not believed here, and not to be pinned here either.
        assert_eq!(scene.words(), "OMS bundle: unknown-signer");
        assert!(said(&scene, 0).contains("known here, but not for this"), "{}", said(&scene, 0));
        scene.source.location = SOURCE.replace("acme", "other");
        assert_eq!(scene.words(), "OMS bundle: valid by team");
    }
}

#[test]
fn attack_an_authority_of_another_source_certifies_a_new_signer() {
    let mut scene = Scene::new();
    scene.key("ca");
    scene.key("eve");
    let root = scene.certificate("ca", CA, None);
    scene.certificate("eve", LEAF, Some("ca"));
    scene.bundle_with_chain("eve", &["eve"]);
    assert_eq!(scene.words(), "OMS bundle: unknown-signer (new)");
    scene.anchor("team", "other", &root, ELSEWHERE);
    assert_eq!(scene.words(), "OMS bundle: unknown-signer");
    scene.anchor("team", "acme", &root, OURS);
    assert_eq!(scene.words(), "OMS bundle: valid by team");
}

#[test]
fn attack_a_key_whose_time_is_over_comes_again_in_a_certificate_of_its_own() {
    let mut scene = Scene::new();
    scene.key("ana");
    scene.leaf("ana");
    scene.anchor_until("team", "acme", &scene.spki("ana"), OURS, "2021-01-01T00:00:00Z");
    scene.bundle("ana");
    assert_eq!(scene.words(), "OMS bundle: expired by team");
    scene.files.remove(BUNDLE);
    scene.bundle_with_chain("ana", &["ana"]);
    assert_eq!(scene.words(), "OMS bundle: unknown-signer");
    // And as a key of OpenSSH.
    scene.files.remove(BUNDLE);
    scene.pair("ana");
    assert_eq!(scene.words(), "ssh statement: unknown-signer");
}

#[test]
fn attack_a_key_let_sign_commits_alone_signs_a_statement() {
    let mut scene = Scene::new();
    scene.key("ana");
    scene.pair_beside("ana");
    scene.commit(Ok("ana"));
    scene.allow("team", &format!("ana namespaces=\"git\" {}\n", scene.bench.public("ana")));
    assert_eq!(scene.words(), "ssh statement: unknown-signer; signed commit: valid by team");
}

#[test]
fn attack_what_a_stranger_signed_is_changed_afterwards() {
    type Make = fn(&mut Scene);
    let makes: [Make; 3] =
        [|it| it.bundle_with_key("eve"), |it| it.bundle_with_chain("eve", &["eve"]), |it| it.pair("eve")];
    for make in makes {
        let mut scene = Scene::new();
        scene.key("eve");
        scene.leaf("eve");
        make(&mut scene);
        assert_eq!(scene.ask().iter().filter_map(pinnable).count(), 1);
        scene.put("SKILL.md", false, b"other words");
        assert!(scene.words().ends_with(": invalid"), "{}", scene.words());
    }
}

#[test]
fn attack_a_strangers_signature_that_is_wrong_is_not_called_unknown() {
    let mut scene = Scene::new();
    for key in ["eve", "bob"] {
        scene.key(key);
        scene.leaf(key);
    }
    // The right statement, by another key than the one that came along.
    scene.bundle_with_chain("eve", &["bob"]);
    assert!(said(&scene, 0).contains("the signature is not by key:"), "{}", said(&scene, 0));
    scene.files.remove(BUNDLE);
    scene.bundle_with_key("eve");
    let text = String::from_utf8(scene.files[BUNDLE].1.clone()).unwrap();
    let encode = skill_trust::policy::provenance::dsse::encode;
    let swapped = text.replace(&encode(&scene.spki("eve")), &encode(&scene.spki("bob")));
    assert_ne!(swapped, text);
    scene.put(BUNDLE, false, swapped.as_bytes());
    assert!(said(&scene, 0).contains("the signature is not by key:"), "{}", said(&scene, 0));
    scene.files.remove(BUNDLE);
    let (mut statement, signature) = scene.sign("eve");
    statement.push(b' ');
    scene.beside = Some((statement, signature));
    assert_eq!(scene.words(), "ssh statement: invalid");
}

#[test]
fn attack_the_hint_names_a_key_of_ours_and_the_bytes_are_a_strangers() {
    let mut scene = Scene::new();
    scene.key("eve");
    let ours = scene.key("ana");
    scene.anchor("team", "acme", &scene.spki("ana"), OURS);
    scene.bundle_with_key("eve");
    let text = String::from_utf8(scene.files[BUNDLE].1.clone()).unwrap();
    let hint = format!("\"hint\":\"{}\",\"rawBytes\"", ours.pem_digest().hex());
    scene.put(BUNDLE, false, text.replace("\"rawBytes\"", &hint).as_bytes());
    assert!(said(&scene, 0).contains("are two keys"), "{}", said(&scene, 0));
}

#[test]
fn attack_a_revoked_key_is_shown_as_somebody_new() {
    let mut scene = Scene::new();
    let key = scene.key("eve");
    scene.leaf("eve");
    scene.revoke("team", &format!(r#""signer":"{}","kind":"compromised""#, key.id()));
    scene.bundle_with_key("eve");
    scene.pair_beside("eve");
    scene.commit(Ok("eve"));
    assert_eq!(scene.words(), "OMS bundle: revoked; ssh statement: revoked; signed commit: revoked");
    scene.files.remove(BUNDLE);
    scene.bundle_with_chain("eve", &["eve"]);
    let said = said(&scene, 0);
    assert!(said.contains("the trust root `team`: lost"), "{said}");
}

#[test]
fn attack_a_list_of_revocations_is_made_unreadable() {
    let mut scene = Scene::new();
    scene.key("ana");
    scene.bundle_with_key("ana");
    scene.pair_beside("ana");
    for root in ["team", "other"] {
        scene.anchor(root, "acme", &scene.spki("ana"), OURS);
    }
    scene.allow("team", &format!("ana {}\n", scene.bench.public("ana")));
    let list = br#"{"format":1,"revocations":[{"planet":"x","kind":"retired","why":"x"}]}"#;
    let taken = scene.beliefs.add_target("team", Place::Revocations, list, None);
    assert!(taken.unwrap_err().contains("the revocations: "));
    assert_eq!(scene.words(), "OMS bundle: valid by other; ssh statement: unknown-signer");
    // Nor is what it knew new.
    scene.beliefs.keys.retain(|one| one.root == "team");
    assert_eq!(scene.words(), "OMS bundle: unknown-signer; ssh statement: unknown-signer");
}

#[test]
fn attack_the_second_reading_of_a_file_is_another() {
    let mut scene = Scene::new();
    scene.key("ana");
    scene.anchor("team", "acme", &scene.spki("ana"), OURS);
    scene.allow("team", &format!("ana {}\n", scene.bench.public("ana")));
    scene.bundle("ana");
    let (subject, manifest) = scene.walk();
    let ask = |bundle: Option<&'static [u8]>| scene.ask_with(&subject, &manifest, |it| it.bundle = bundle);
    assert_eq!(words(&ask(Some(b"{}"))), "OMS bundle: invalid");
    assert!(ask(Some(b"{}"))[0].verdict.to_string().contains("changed while it was read"));
    assert!(ask(None)[0].verdict.to_string().contains("and was not read"));
    // Another folder than the one the digest is of.
    let mut other = subject.clone();
    other.files[0].executable ^= true;
    assert_eq!(words(&scene.ask_with(&other, &manifest, |_| {})), "OMS bundle: invalid");
    let mut other = subject.clone();
    other.files.pop();
    assert_eq!(words(&scene.ask_with(&other, &manifest, |_| {})), "OMS bundle: invalid");
    assert_eq!(words(&scene.ask_with(&subject, &manifest, |_| {})), "OMS bundle: valid by team");
    let none = Scene::new();
    let (subject, manifest) = none.walk();
    let given = none.ask_with(&subject, &manifest, |it| it.bundle = Some(b"{}"));
    assert_eq!(words(&given), "OMS bundle: invalid");
}

#[test]
fn attack_the_bundle_itself_is_made_executable() {
    let mut scene = Scene::new();
    scene.key("ana");
    scene.anchor("team", "acme", &scene.spki("ana"), OURS);
    scene.bundle("ana");
    scene.files.get_mut(BUNDLE).unwrap().0 = true;
    assert!(said(&scene, 0).contains("executable, which nothing covers"), "{}", said(&scene, 0));
}

#[test]
fn attack_a_memory_of_a_time_to_come() {
    let mut scene = Scene::new();
    scene.key("ana");
    scene.anchor_until("team", "acme", &scene.spki("ana"), OURS, "2026-06-01T00:00:00Z");
    scene.bundle("ana");
    scene.first_seen = Some(time("2026-05-01T00:00:00Z"));
    assert_eq!(scene.words(), "OMS bundle: valid by team");
    let at = scene.ask()[0].verdict.vouched().unwrap().at();
    assert_eq!(at, Evidenced::FirstSeen(time("2026-05-01T00:00:00Z")));
    // The clock was ahead, and is back before the key begins.
    scene.now = time("2019-01-01T00:00:00Z");
    assert_eq!(scene.words(), "OMS bundle: expired by team");
}

#[test]
fn attack_a_restriction_beside_a_list_that_knows_none() {
    let mut scene = Scene::new();
    scene.key("ana");
    let line = format!("ana {}\n", scene.bench.public("ana"));
    let custom = Value::parse(br#"{"namespaces":["https://git.example/other/*"]}"#).unwrap();
    let taken = scene.beliefs.add_target("team", Place::AllowedSigners, line.as_bytes(), Some(&custom));
    assert!(taken.unwrap_err().contains("is not understood"));
    assert!(scene.beliefs.allowed.is_empty());
    // An anchor without its terms, or that is neither certificate nor key.
    let spki = scene.spki("ana");
    assert!(scene.beliefs.add_target("team", Place::Anchor("a"), &spki, None).is_err());
    let terms = Value::parse(
        br#"{"validFor":{"start":"2020-01-01T00:00:00Z"},"namespaces":["https://git.example/acme/*"]}"#,
    )
    .unwrap();
    for bad in [&b"x"[..], b"\xff", &[spki.clone(), spki].concat()] {
        assert!(scene.beliefs.add_target("team", Place::Anchor("a"), bad, Some(&terms)).is_err());
    }
    assert_eq!(scene.beliefs, Beliefs::default());
}

#[test]
fn attack_nobody_followed_believes_somebody() {
    let scene = Scene::new();
    assert_eq!(scene.beliefs, Beliefs::default());
    assert!(scene.beliefs.roots().is_empty() && scene.beliefs.all_revocations().is_empty());
    assert!(!scene.beliefs.first_seen_counts);
}

#[test]
fn attack_a_statement_by_a_certified_stranger_whose_certificate_is_over() {
    let mut scene = Scene::new();
    scene.key("ca");
    scene.key("eve");
    scene.bench.certify("ca", "eve", &["-n", "ana", "-V", "20200101000000Z:20210101000000Z"]);
    let (statement, _) = scene.sign("eve");
    let signature = scene.bench.sign(
        "eve-cert",
        skill_trust::policy::provenance::ssh::statement::NAMESPACE,
        &statement,
        &[],
    );
    scene.beside = Some((statement, signature));
    assert_eq!(scene.words(), "ssh statement: expired");
    scene.now = time("2020-06-01T00:00:00Z");
    let seen = scene.ask();
    assert_eq!(pinnable(&seen[0]), Some(&scene.ssh_id("eve")), "{}", seen[0].verdict);
    // Listed as an authority, for somebody else: known, and not for this.
    scene.allow("team", &format!("bea cert-authority {}\n", scene.bench.public("ca")));
    assert!(matches!(scene.ask()[0].verdict, Verdict::UnknownSigner { key: None, .. }));
}
