//! Verification summaries: who may say so, about what, and which word is the last.

use super::yard::*;
use skill_trust::model::digest::sha256;
use skill_trust::policy::provenance::attestation::{
    Answer, Asked, AttestOutcome, Attestation, Level, Policy, attestations,
};
use skill_trust::policy::provenance::dsse::{IN_TOTO, pae};
use skill_trust::policy::provenance::keys::SecretKey;
use skill_trust::policy::provenance::people::{ATTEST, People};
use skill_trust::policy::provenance::review::Presented;
use skill_trust::policy::provenance::revocation::{Entry, Kind, Revocations};
use skill_trust::policy::provenance::seal::seal;
use skill_trust::policy::provenance::ssh::allowed_signers::AllowedSigners;
use skill_trust::policy::provenance::verdict::Evidenced;
use std::sync::LazyLock;

const CI: &str = "https://ci.example.org/skills";
const OTHER: &str = "https://other.example.org/verifier";

fn verifiers(all: &[(&str, &SecretKey)]) -> People {
    let lines: String =
        all.iter().map(|(name, key)| line(name, r#"namespaces="skill-attest@v1""#, key)).collect();
    let list = AllowedSigners::parse(lines.as_bytes()).unwrap();
    let people = People::read(&[("team", &list)], ATTEST);
    assert!(people.faults().is_empty(), "{:?}", people.faults());
    people
}

fn passed() -> Attestation {
    Attestation {
        name: "pdf-forms".to_owned(),
        digest: digest(7),
        verifier: CI.to_owned(),
        verified: at("2026-11-01"),
        resource: "https://git.example.org/skills/pdf-forms".to_owned(),
        policy: Policy { uri: "https://ci.example.org/policy.toml".to_owned(), sha256: sha256(&[b"policy"]) },
        answer: Answer::Passed,
        levels: vec![Level::parse("SLSA_BUILD_LEVEL_2").unwrap(), Level::parse("SCANNED").unwrap()],
    }
}

fn failed() -> Attestation {
    Attestation { answer: Answer::Failed, levels: Vec::new(), ..passed() }
}

fn sealed(attestation: &Attestation, key: &SecretKey) -> String {
    seal(&attestation.to_sign().unwrap(), &[key]).unwrap()
}

static NOBODY: LazyLock<Revocations> = LazyLock::new(Revocations::default);

fn judged<'a>(envelopes: &[String], people: &People, change: impl FnOnce(&mut Asked<'a>)) -> AttestOutcome {
    let presented: Vec<_> = envelopes
        .iter()
        .map(|text| Presented { bytes: text.as_bytes(), at: Evidenced::Now(today()) })
        .collect();
    let mut asked = Asked {
        digest: digest(7),
        resource: None,
        policy: None,
        levels: &[],
        revocations: &NOBODY,
        first_seen_counts: false,
        now: today(),
    };
    change(&mut asked);
    attestations(&presented, people, &asked)
}

/// Why the one envelope counts for nothing.
fn refused<'a>(envelope: &str, people: &People, change: impl FnOnce(&mut Asked<'a>)) -> String {
    let outcome = judged(&[envelope.to_owned()], people, change);
    assert!(outcome.passed().is_empty() && outcome.failed().is_empty(), "{envelope}");
    let [one] = outcome.ignored() else { panic!("{:?}", outcome.ignored()) };
    one.why.clone()
}

#[test]
fn a_verifier_on_our_list_says_that_it_passed() {
    for key in [ed(1), p256(1)] {
        let people = verifiers(&[(CI, &key)]);
        let outcome = judged(&[sealed(&passed(), &key)], &people, |_| {});
        assert_eq!(outcome.passed()[CI].attestation, passed());
        assert_eq!(outcome.passed()[CI].key, key.public().id());
        assert!(outcome.failed().is_empty() && outcome.ignored().is_empty());
    }
}

#[test]
fn a_failure_is_kept_and_never_counts() {
    let key = ed(1);
    let people = verifiers(&[(CI, &key)]);
    let outcome = judged(&[sealed(&failed(), &key)], &people, |_| {});
    assert!(outcome.passed().is_empty());
    assert_eq!(outcome.failed()[CI].attestation, failed());
}

#[test]
fn attack_yesterdays_pass_beside_todays_failure() {
    let (key, other) = (ed(1), ed(2));
    let people = verifiers(&[(CI, &key), (OTHER, &other)]);
    let later = Attestation { verified: at("2026-11-02"), ..failed() };
    let ahead = Attestation { verified: at("2099-01-01"), ..failed() };
    for failure in [&failed(), &later, &ahead] {
        let mut both = vec![sealed(&passed(), &key), sealed(failure, &key)];
        for _ in 0..2 {
            let outcome = judged(&both, &people, |_| {});
            assert!(outcome.passed().is_empty() && outcome.failed().contains_key(CI));
            both.reverse();
        }
    }
    // What failed before that is mended; and another's failure is not this one's.
    let earlier = Attestation { verified: at("2026-10-01"), ..failed() };
    let others = Attestation { verifier: OTHER.to_owned(), ..later };
    let all = [sealed(&earlier, &key), sealed(&passed(), &key), sealed(&others, &other)];
    let outcome = judged(&all, &people, |_| {});
    assert!(outcome.passed().contains_key(CI) && outcome.failed().contains_key(OTHER));
    // A failure that a stranger signed takes nothing away.
    let outcome = judged(&[sealed(&passed(), &key), sealed(&ahead, &ed(9))], &people, |_| {});
    assert!(outcome.passed().contains_key(CI));
}

#[test]
fn attack_one_verifier_speaks_for_another() {
    let (key, other) = (ed(1), ed(2));
    let people = verifiers(&[(CI, &key), (OTHER, &other)]);
    let why = refused(&sealed(&passed(), &other), &people, |_| {});
    assert_eq!(why, format!("it is said to be by {CI}, and signed by the key of `{OTHER}`"));
    // A reviewer is no verifier.
    let why = ignored(&sealed(&passed(), &key), &super::yard::people(&[(CI, &key)]));
    assert!(why.contains("not a review"), "{why}");
    let why = refused(&signed(&positive(), &[&key]), &people, |_| {});
    assert!(why.contains("not a verification summary"), "{why}");
}

#[test]
fn attack_other_bytes_another_resource_another_policy_or_less() {
    let key = ed(1);
    let people = verifiers(&[(CI, &key)]);
    let text = sealed(&passed(), &key);
    assert!(refused(&text, &people, |asked| asked.digest = digest(8)).starts_with("it is about "));
    let why = refused(&text, &people, |asked| asked.resource = Some("https://git.example.org/skills/x"));
    assert!(
        why.starts_with("it is for the resource https://git.example.org/skills/pdf-forms, and "),
        "{why}"
    );
    let why = refused(&text, &people, |asked| asked.policy = Some(sha256(&[b"another"])));
    assert!(why.starts_with("it is against the policy "), "{why}");
    let resource = passed().resource;
    let outcome = judged(std::slice::from_ref(&text), &people, |asked| {
        (asked.resource, asked.policy) = (Some(resource.as_str()), Some(sha256(&[b"policy"])));
    });
    assert!(outcome.passed().contains_key(CI));
    // Each level holds those below it, of its own track.
    let levels = |names: &[&str]| names.iter().map(|name| Level::parse(name).unwrap()).collect::<Vec<_>>();
    for (wanted, fine) in [
        (vec!["SLSA_BUILD_LEVEL_2"], true),
        (vec!["SLSA_BUILD_LEVEL_1", "SCANNED"], true),
        (vec!["SLSA_BUILD_LEVEL_3"], false),
        (vec!["SLSA_SOURCE_LEVEL_1"], false),
        (vec!["SCANNED", "READ"], false),
    ] {
        let wanted = levels(&wanted);
        let outcome = judged(std::slice::from_ref(&text), &people, |asked| asked.levels = &wanted);
        assert_eq!(outcome.passed().contains_key(CI), fine, "{wanted:?}");
        assert_eq!(outcome.ignored().is_empty(), fine, "{wanted:?}");
    }
    let ahead = Attestation { verified: at("2026-11-22"), ..passed() };
    assert!(refused(&sealed(&ahead, &key), &people, |_| {}).contains("one of the two clocks is wrong"));
    let mut revocations = Revocations::default();
    let entry = Entry { kind: Kind::Compromised, since: None, feed: "team".to_owned() };
    revocations.add(key.public().names()[1].clone(), entry);
    let presented = [Presented { bytes: text.as_bytes(), at: Evidenced::Now(today()) }];
    let asked = Asked {
        digest: digest(7),
        resource: None,
        policy: None,
        levels: &[],
        revocations: &revocations,
        first_seen_counts: true,
        now: today(),
    };
    let outcome = attestations(&presented, &people, &asked);
    assert!(outcome.passed().is_empty() && outcome.ignored()[0].why.contains("compromised"));
}

#[test]
fn attack_endless_attestations_count_for_nothing() {
    let key = ed(1);
    let outcome = judged(&vec![sealed(&passed(), &key); 129], &verifiers(&[(CI, &key)]), |_| {});
    assert!(outcome.passed().is_empty());
    assert_eq!(outcome.ignored()[0].why, "129 attestations are there, and at most 128 are read");
}

/// The specification's own example, with the digest of a skill.
const EXAMPLE: &str = r#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"out/example-1.2.3.tar.gz","digest":{"gitTree":"0707070707070707070707070707070707070707070707070707070707070707"}}],"predicateType":"https://slsa.dev/verification_summary/v1","predicate":{"verifier":{"id":"https://ci.example.org/skills"},"timeVerified":"1985-04-12T23:20:50.52Z","resourceUri":"https://example.com/example-1.2.3.tar.gz","policy":{"uri":"https://example.com/example_tarball.policy","digest":{"sha256":"1234123412341234123412341234123412341234123412341234123412341234"}},"inputAttestations":[{"uri":"https://example.com/provenances/example-1.2.3.tar.gz.intoto.jsonl","digest":{"sha256":"abcd"}}],"verificationResult":"PASSED","verifiedLevels":["SLSA_BUILD_LEVEL_3"],"dependencyLevels":{"SLSA_BUILD_LEVEL_3":5,"SLSA_BUILD_LEVEL_2":7,"SLSA_BUILD_LEVEL_1":1},"slsaVersion":"1.0"}}"#;

#[test]
fn the_form_is_the_specifications_and_an_extension_is_named_by_a_uri() {
    let key = ed(1);
    let people = verifiers(&[(CI, &key)]);
    let wrap =
        |text: &str| envelope(IN_TOTO, text.as_bytes(), &[key.sign(&pae(IN_TOTO, text.as_bytes())).unwrap()]);
    let taken = [
        ("", ""),
        (r#""slsaVersion":"#, r#""https://ci.example.org/more":{"a":[1]},"slsaVersion":"#),
        (r#""verifier":{"#, r#""verifier":{"https://ci.example.org/run":7,"#),
        (r#""policy":{"#, r#""policy":{"https://ci.example.org/x":null,"name":"n","#),
        (r#""verifier":{"#, r#""verifier":{"version":{"scanner":"3"},"#),
        (r#","slsaVersion":"1.0""#, ""),
        ("50.52Z", "50Z"),
        (r#"{"gitTree""#, r#"{"sha256":"00","gitTree""#),
        (r#"["SLSA_BUILD_LEVEL_3"]"#, r#"["SLSA_BUILD_LEVEL_3","SLSA_SOURCE_LEVEL_1","mine"]"#),
        (r#"["SLSA_BUILD_LEVEL_3"]"#, "[]"),
    ];
    for (from, to) in taken {
        let text = EXAMPLE.replacen(from, to, 1);
        let outcome = judged(&[wrap(&text)], &people, |_| {});
        assert!(outcome.passed().contains_key(CI), "{from} to {to}: {:?}", outcome.ignored());
    }
    let failure = EXAMPLE.replace("\"PASSED\"", "\"FAILED\"");
    for text in [failure.replace("SLSA_BUILD_LEVEL_3\"]", "FAILED\"]"), failure] {
        assert!(judged(&[wrap(&text)], &people, |_| {}).failed().contains_key(CI));
    }
    let cases = [
        (r#""slsaVersion":"#, r#""more":1,"slsaVersion":"#, "the unknown member `more`"),
        (r#""verifier":{"#, r#""verifier":{"key":"x","#, "`verifier` has the unknown member `key`"),
        (r#""policy":{"#, r#""policy":{"except":"x","#, "`policy` has the unknown member `except`"),
        (
            r#""verifier":{"id":"https://ci.example.org/skills"}"#,
            r#""verifier":CI"#,
            "not JSON with one reading",
        ),
        (r#""id":"https://ci.example.org/skills""#, r#""id":"ci""#, "`verifier.id` is `ci`, which is no URI"),
        (r#""id":"https://ci.example.org/skills""#, r#""version":{}"#, "`id` is no text"),
        (r#""resourceUri":"https://example.com/example-1.2.3.tar.gz","#, "", "`resourceUri` is no text"),
        (
            "https://example.com/example-1.2.3.tar.gz\",\"policy",
            "https://exa mple.com\",\"policy",
            "which is no URI",
        ),
        ("1985-04-12T23:20:50.52Z", "1985-04-12T23:20:50.52+00:00", "`timeVerified` is no time"),
        ("1985-04-12T23:20:50.52Z", "1985-04-12T23:20:50.Z", "`timeVerified` is no time"),
        (r#""uri":"https://example.com/example_tarball.policy","#, "", "`policy` has no `uri`"),
        (r#""digest":{"sha256":"1234"#, r#""digest":{"sha256":"12"#, "`policy` has no `uri`, or no `digest`"),
        (r#""PASSED""#, r#""passed""#, "neither `PASSED` nor `FAILED`"),
        (r#"["SLSA_BUILD_LEVEL_3"]"#, r#"["SLSA_BUILD_LEVEL_3","FAILED"]"#, "it passed, and `FAILED`"),
        (
            r#"["SLSA_BUILD_LEVEL_3"]"#,
            r#"["SLSA_BUILD_LEVEL_3","SLSA_BUILD_LEVEL_1"]"#,
            "second level of its track",
        ),
        (r#"["SLSA_BUILD_LEVEL_3"]"#, r#"["SLSA_WHATEVER"]"#, "`SLSA_WHATEVER` is no level"),
        (r#"["SLSA_BUILD_LEVEL_3"]"#, r#"["a b"]"#, "`a b` is no level"),
        (r#"["SLSA_BUILD_LEVEL_3"]"#, r#""SLSA_BUILD_LEVEL_3""#, "`verifiedLevels` is no list"),
        (r#"LEVEL_2":7"#, r#"LEVEL_2":-7"#, "no object of counts"),
        (r#""digest":{"sha256":"abcd"}"#, r#""digest":{}"#, "an input attestation has no digest"),
        (r#""1.0""#, r#""one""#, "`slsaVersion` is no version"),
        ("gitTree", "gitCommit", "the subject has no gitTree"),
        ("summary/v1", "summary/v0.2", "not a verification summary"),
    ];
    for (from, to, said) in cases {
        let bad = EXAMPLE.replacen(from, to, 1);
        assert_ne!(bad, EXAMPLE, "{from}");
        let why = refused(&wrap(&bad), &people, |_| {});
        assert!(why.contains(said), "{from} to {to}: {why}");
    }
}

#[test]
fn what_would_not_be_read_is_not_written() {
    let refused = |one: Attestation| one.to_sign().unwrap_err().to_string();
    assert!(refused(Attestation { verifier: "ci".to_owned(), ..passed() }).contains("no URI"));
    assert!(refused(Attestation { name: String::new(), ..passed() }).contains("the subject's name"));
    assert!(refused(Attestation { name: "a\nb".to_owned(), ..passed() }).contains("hidden"));
    assert!(refused(Attestation { answer: Answer::Failed, ..passed() }).starts_with("it failed"));
    let levels = ["SLSA_BUILD_LEVEL_1", "SLSA_BUILD_LEVEL_3"].map(|name| Level::parse(name).unwrap());
    assert!(refused(Attestation { levels: levels.to_vec(), ..passed() }).contains("second level"));
    for text in ["FAILED", "SLSA_BUILD_LEVEL_10", "SLSA__LEVEL_1", "SLSA_", "", "é"] {
        assert!(Level::parse(text).is_err(), "{text}");
    }
}
