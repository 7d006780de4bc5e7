//! People, keys and reviews to play with.

use skill_trust::model::digest::Digest;
use skill_trust::model::skill::SkillName;
use skill_trust::model::time::Timestamp;
use skill_trust::policy::provenance::dsse;
use skill_trust::policy::provenance::keys::{PublicKey, SecretKey};
use skill_trust::policy::provenance::people::{People, REVIEW};
use skill_trust::policy::provenance::review::{
    Asked, Criterion, Finding, Presented, Review, ReviewOutcome, Word, reviews,
};
use skill_trust::policy::provenance::revocation::Revocations;
use skill_trust::policy::provenance::seal::seal;
use skill_trust::policy::provenance::ssh::allowed_signers::AllowedSigners;
use skill_trust::policy::provenance::ssh::key as ssh;
use skill_trust::policy::provenance::verdict::Evidenced;
use std::collections::BTreeSet;

pub(super) fn at(text: &str) -> Timestamp {
    Timestamp::parse_exact(format!("{text}T00:00:00Z").as_bytes()).unwrap()
}

/// The day on which all of this is asked.
pub(super) fn today() -> Timestamp {
    at("2026-11-21")
}

pub(super) fn digest(byte: u8) -> Digest {
    Digest::from_bytes([byte; 32])
}

pub(super) fn ed(seed: u8) -> SecretKey {
    SecretKey::ed25519(&[seed; 32])
}

pub(super) fn p256(seed: u8) -> SecretKey {
    SecretKey::p256(&[seed; 32]).unwrap()
}

/// A key as a line of a list has it.
pub(super) fn ssh_text(key: &PublicKey) -> String {
    ssh::PublicKey::parse(&ssh::plain_blob(key.kind(), key.point())).unwrap().to_text()
}

pub(super) fn line(name: &str, options: &str, key: &SecretKey) -> String {
    format!("{name} {options} {}\n", ssh_text(&key.public()))
}

pub(super) fn people_of(text: &str) -> People {
    let list = AllowedSigners::parse(text.as_bytes()).unwrap();
    assert!(list.faults().is_empty(), "{:?}", list.faults());
    People::read(&[("team", &list)], REVIEW)
}

/// Reviewers, each with a key.
pub(super) fn people(all: &[(&str, &SecretKey)]) -> People {
    let lines = all.iter().map(|(name, key)| line(name, r#"namespaces="skill-review@v1""#, key));
    people_of(&lines.collect::<String>())
}

pub(super) fn criteria(words: &[&str]) -> BTreeSet<Criterion> {
    words.iter().map(|word| Criterion::parse(word).unwrap()).collect()
}

pub(super) fn positive() -> Review {
    Review {
        name: SkillName::parse("pdf-forms").unwrap(),
        digest: digest(7),
        criteria: criteria(&["safe-to-read", "safe-to-run"]),
        word: Word::Positive,
        findings: Vec::new(),
        made: at("2026-11-01"),
        until: at("2027-05-01"),
    }
}

pub(super) fn violation() -> Review {
    let findings = vec![Finding::parse("sends the environment to a server").unwrap()];
    Review { word: Word::Violation, findings, ..positive() }
}

pub(super) fn signed(review: &Review, keys: &[&SecretKey]) -> String {
    seal(&review.to_sign().unwrap(), keys).unwrap()
}

/// An envelope around anything, with these signatures.
pub(super) fn envelope(kind: &str, payload: &[u8], signatures: &[Vec<u8>]) -> String {
    let list: Vec<_> = signatures.iter().map(|sig| format!(r#"{{"sig":"{}"}}"#, dsse::encode(sig))).collect();
    let (payload, list) = (dsse::encode(payload), list.join(","));
    format!(r#"{{"payload":"{payload}","payloadType":"{kind}","signatures":[{list}]}}"#)
}

/// Asks with both criteria, about the one digest, today.
pub(super) fn ask(envelopes: &[String], people: &People, revocations: &Revocations) -> ReviewOutcome {
    ask_at(envelopes, people, revocations, Evidenced::Now(today()), today())
}

pub(super) fn ask_at(
    envelopes: &[String],
    people: &People,
    revocations: &Revocations,
    evidence: Evidenced,
    now: Timestamp,
) -> ReviewOutcome {
    let presented: Vec<_> =
        envelopes.iter().map(|text| Presented { bytes: text.as_bytes(), at: evidence }).collect();
    let criteria = criteria(&["safe-to-run"]);
    let asked = Asked { digest: digest(7), criteria: &criteria, revocations, first_seen_counts: false, now };
    reviews(&presented, people, &asked)
}

/// The names that count, when nothing is revoked.
pub(super) fn counted(envelopes: &[String], people: &People) -> Vec<String> {
    ask(envelopes, people, &Revocations::default()).people().keys().cloned().collect()
}

/// Why the one envelope counts for nothing.
pub(super) fn ignored(envelope: &str, people: &People) -> String {
    let outcome = ask(&[envelope.to_owned()], people, &Revocations::default());
    assert!(outcome.people().is_empty() && outcome.violations().is_empty(), "it counts: {envelope}");
    let [one] = outcome.ignored() else { panic!("{:?}", outcome.ignored()) };
    one.why.clone()
}
