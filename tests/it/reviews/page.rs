//! docs/statements.md shows what the program makes.

use super::interop::other;
use super::yard::*;
use serde_json::json;
use skill_trust::model::digest::{Digest, sha256};
use skill_trust::model::skill::SkillName;
use skill_trust::policy::provenance::attestation::{Answer, Attestation, Level, Policy};
use skill_trust::policy::provenance::keys::PublicKey;
use skill_trust::policy::provenance::review::{Finding, Review, Word};
use skill_trust::policy::provenance::seal::{ToSign, seal};

const PAGE: &str = include_str!("../../../docs/statements.md");

/// The digest that docs/provenance-ssh.md has too.
const DIGEST: &str = "76fb9ed2996764e5808ac6fecc8ac06d05e40e5a559569af863e74d5a9a090e4";

fn review() -> ToSign {
    let review = Review {
        name: SkillName::parse("pdf-forms").unwrap(),
        digest: Digest::from_hex(DIGEST).unwrap(),
        criteria: criteria(&["safe-to-read", "safe-to-run"]),
        word: Word::Positive,
        findings: vec![Finding::parse("calls pdftk, which must be installed").unwrap()],
        made: at("2026-11-21"),
        until: at("2027-05-21"),
    };
    review.to_sign().unwrap()
}

fn attestation() -> ToSign {
    let attestation = Attestation {
        name: "pdf-forms".to_owned(),
        digest: Digest::from_hex(DIGEST).unwrap(),
        verifier: "https://ci.example.org/skills".to_owned(),
        verified: at("2026-11-21"),
        resource: "https://git.example.org/skills/pdf-forms".to_owned(),
        policy: Policy { uri: "https://ci.example.org/policy.toml".to_owned(), sha256: sha256(&[b"policy"]) },
        answer: Answer::Passed,
        levels: vec![Level::parse("SLSA_BUILD_LEVEL_2").unwrap()],
    };
    attestation.to_sign().unwrap()
}

#[test]
fn the_examples_of_the_page_are_what_the_program_makes() {
    let (one, two) = (ed(1), p256(2));
    let mut lines: Vec<_> = [review(), attestation()]
        .iter()
        .map(|statement| String::from_utf8(statement.bytes().to_vec()).unwrap())
        .collect();
    lines.push(seal(&review(), &[&one, &two]).unwrap());
    for (name, option, key) in [
        ("ana", r#"namespaces="skill-review@v1""#, &one),
        ("bea", r#"namespaces="skill-review@v1",valid-before="20280101Z""#, &two),
        ("https://ci.example.org/skills", r#"namespaces="skill-attest@v1""#, &ed(3)),
    ] {
        lines.push(line(name, option, key).trim_end().to_owned());
    }
    lines.retain(|line| !PAGE.lines().any(|there| there == line));
    assert!(lines.is_empty(), "docs/statements.md should have the lines\n{}", lines.join("\n"));
}

/// What stands on the page, and not what is made here.
#[test]
fn another_program_verifies_the_envelope_of_the_page() {
    let text = PAGE.lines().find(|line| line.starts_with(r#"{"payload":"#)).unwrap();
    let keys: Vec<PublicKey> = vec![ed(1).public(), p256(2).public()];
    let pems: Vec<_> = keys.iter().map(PublicKey::pem).collect();
    let question = json!({"do": "verify", "envelope": text, "keys": pems, "thresholds": [1, 2, 3]});
    let answer = &other(&[question])[0];
    assert_eq!(answer["met"], json!([true, true, false]), "{answer}");
    let payload = answer["payload"].as_str().unwrap();
    assert!(PAGE.lines().any(|line| line == payload), "{payload}");
}
