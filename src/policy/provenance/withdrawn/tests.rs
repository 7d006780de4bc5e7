use super::*;
use crate::model::digest::sha256;
use crate::model::time::Timestamp;
use crate::model::tuf::lists::revocations;

const HERE: &str = "https://git.example/acme/tools";

fn list(entry: &str) -> Vec<Revocation> {
    revocations(format!(r#"{{"format":1,"revocations":[{entry}]}}"#).as_bytes()).unwrap()
}

fn feed(entry: &str) -> Vec<Feed> {
    vec![Feed { root: "team".to_owned(), list: list(entry), ..Feed::default() }]
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_unix(second)
}

fn seen(feeds: &[Feed], version: Option<&str>, signers: &[String], at: Evidenced) -> Option<Withdrawn> {
    let signers: Vec<_> = signers.iter().map(|signer| (signer.clone(), at)).collect();
    ask(feeds, version, &signers, true)
}

fn ask(
    feeds: &[Feed],
    version: Option<&str>,
    signers: &[(String, Evidenced)],
    first_seen_counts: bool,
) -> Option<Withdrawn> {
    let digest = sha256(&[b"skill"]);
    judge(feeds, &Asked { digest: &digest, source: HERE, version, signers, first_seen_counts })
}

#[test]
fn a_digest_is_that_digest_alone() {
    let digest = sha256(&[b"skill"]);
    let now = Evidenced::Now(at(9));
    for (kind, narrows) in [("malicious", true), ("yanked", false)] {
        let feeds = feed(&format!(r#"{{"digest":"{digest}","kind":"{kind}","why":"x"}}"#));
        let found = seen(&feeds, None, &[], now).unwrap();
        assert_eq!((found.narrows, found.root.as_str()), (narrows, "team"));
        assert!(found.why.contains(&format!("digest {digest}: {kind}; x")), "{}", found.why);
        let other = sha256(&[b"other"]);
        let asked =
            Asked { digest: &other, source: HERE, version: None, signers: &[], first_seen_counts: true };
        assert_eq!(judge(&feeds, &asked), None);
    }
}

#[test]
fn a_range_covers_versions_and_whatever_cannot_be_compared() {
    let feeds = feed(&format!(r#"{{"source":"{HERE}","versions":"<1.4.2","kind":"malicious","why":"x"}}"#));
    for (version, covered) in [
        (Some("1.4.1"), true),
        (Some("v1.4.1"), true),
        (Some("1.4.2"), false),
        (Some("2.0.0"), false),
        (Some("1.4.2+build"), false),
        (Some("1.4.1-rc1"), true),
        (Some("1.4.2-rc1"), true),
        (Some("1.4.3-rc1"), false),
        (Some("2.0.0-rc1"), false),
        (Some("0.0.0-a"), true),
        (Some("1.4"), true),
        (Some("newest"), true),
        (Some(""), true),
        (None, true),
    ] {
        let found = seen(&feeds, version, &[], Evidenced::Now(at(9)));
        assert_eq!(found.is_some(), covered, "{version:?}");
    }
    // Below 1.5.0 and from 1.4.0 on: what comes before 1.5.0 is below it.
    let feeds =
        feed(&format!(r#"{{"source":"{HERE}","versions":">=1.4.0, <1.5.0","kind":"malicious","why":"x"}}"#));
    for (version, covered) in
        [("1.5.0-rc1", true), ("1.4.0-rc1", true), ("1.3.9", false), ("1.5.0", false), ("1.3.9-rc1", false)]
    {
        assert_eq!(seen(&feeds, Some(version), &[], Evidenced::Now(at(9))).is_some(), covered, "{version}");
    }
}

#[test]
fn a_source_is_covered_in_every_spelling_and_no_other_is() {
    for (place, covered) in [
        (HERE, true),
        ("ssh://git@git.example/acme/tools.git", true),
        ("https://git.example/acme", true),
        ("https://git.example/acme/tool", false),
        ("https://git.example/other/tools", false),
    ] {
        let feeds = feed(&format!(r#"{{"source":"{place}","kind":"yanked","why":"x"}}"#));
        assert_eq!(seen(&feeds, None, &[], Evidenced::Now(at(9))).is_some(), covered, "{place}");
    }
}

#[test]
fn a_signer_is_judged_by_when_the_decision_saw_it() {
    let signer = SignerId::key(&sha256(&[b"key"])).to_string();
    let entry = |rest: &str| feed(&format!(r#"{{"signer":"{signer}",{rest},"why":"x"}}"#));
    let since = r#""since":"1970-01-01T00:01:40Z""#;
    for (rest, at, covered) in [
        (r#""kind":"compromised""#.to_owned(), Evidenced::FirstSeen(at(1)), true),
        (format!(r#""kind":"compromised",{since}"#), Evidenced::FirstSeen(at(99)), false),
        (format!(r#""kind":"compromised",{since}"#), Evidenced::FirstSeen(at(100)), true),
        (format!(r#""kind":"compromised",{since}"#), Evidenced::Now(at(99)), true),
        (format!(r#""kind":"retired",{since}"#), Evidenced::FirstSeen(at(99)), false),
        (format!(r#""kind":"retired",{since}"#), Evidenced::Now(at(200)), true),
    ] {
        let found = seen(&entry(&rest), None, std::slice::from_ref(&signer), at);
        assert_eq!(found.as_ref().is_some_and(|found| found.narrows), covered, "{rest} {at:?}");
        assert_eq!(seen(&entry(&rest), None, &[], at), None);
        assert_eq!(seen(&entry(&rest), None, &["ssh:x".to_owned()], at), None);
    }
}

#[test]
fn the_policy_says_whether_our_own_record_is_witness_against_a_compromise() {
    let signer = SignerId::key(&sha256(&[b"key"])).to_string();
    let since = r#""since":"1970-01-01T00:01:40Z""#;
    for (kind, at, kept, kept_without) in [
        ("compromised", Evidenced::FirstSeen(at(99)), true, false),
        ("compromised", Evidenced::FirstSeen(at(100)), false, false),
        ("compromised", Evidenced::Stamped(at(99)), true, true),
        ("compromised", Evidenced::Stamped(at(100)), false, false),
        // Nobody else has a key that is only retired, so nobody lies with it.
        ("retired", Evidenced::FirstSeen(at(99)), true, true),
    ] {
        let feeds = feed(&format!(r#"{{"signer":"{signer}","kind":"{kind}",{since},"why":"x"}}"#));
        for (counts, kept) in [(true, kept), (false, kept_without)] {
            let found = ask(&feeds, None, &[(signer.clone(), at)], counts);
            assert_eq!(found.is_none(), kept, "{kind} {at:?} {counts}");
        }
    }
}

#[test]
fn attack_the_stamp_of_one_signer_speaks_for_another() {
    let (publisher, reviewer) = (sha256(&[b"publisher"]), sha256(&[b"reviewer"]));
    let [publisher, reviewer] = [publisher, reviewer].map(|key| SignerId::key(&key).to_string());
    let feeds = feed(&format!(
        r#"{{"signer":"{reviewer}","kind":"compromised","since":"1970-01-01T00:01:40Z","why":"x"}}"#
    ));
    let stamped = (publisher, Evidenced::Stamped(at(50)));
    let found = |at| ask(&feeds, None, &[stamped.clone(), (reviewer.clone(), at)], true);
    assert!(found(Evidenced::FirstSeen(at(150))).unwrap().why.contains("first seen here"));
    assert_eq!(found(Evidenced::FirstSeen(at(99))), None);
}

#[test]
fn a_publisher_is_everybody_below_its_anchors() {
    let (key, other) = (sha256(&[b"anchor"]), sha256(&[b"another"]));
    let mut feeds = feed(r#"{"publisher":"acme","kind":"compromised","why":"x"}"#);
    feeds[0].publishers.insert("acme".to_owned(), BTreeSet::from([key]));
    feeds[0].publishers.insert("bona".to_owned(), BTreeSet::from([other]));
    let cert = |key: &Digest| SignerId::certificate(key, "CN=a").unwrap().to_string();
    for (signer, covered) in [
        (SignerId::key(&key).to_string(), true),
        (cert(&key), true),
        (SignerId::key(&other).to_string(), false),
        (cert(&other), false),
    ] {
        let found = seen(&feeds, None, std::slice::from_ref(&signer), Evidenced::FirstSeen(at(9)));
        assert_eq!(found.is_some(), covered, "{signer}");
    }
    // Another root's publisher of that name is another publisher.
    feeds[0].publishers.clear();
    let mut second = feed("");
    second[0].publishers.insert("acme".to_owned(), BTreeSet::from([key]));
    feeds.extend(second);
    assert_eq!(seen(&feeds, None, &[cert(&key)], Evidenced::FirstSeen(at(9))), None);
}

#[test]
fn attack_a_yanked_entry_before_a_malicious_one_hides_nothing_and_words_are_escaped() {
    let digest = sha256(&[b"skill"]);
    let yanked = format!(r#"{{"digest":"{digest}","kind":"yanked","why":"x"}}"#);
    let malicious = format!(r#"{{"digest":"{digest}","kind":"malicious","why":"a\u001b[2Jb"}}"#);
    let feeds = feed(&format!("{yanked},{malicious}"));
    let found = seen(&feeds, None, &[], Evidenced::Now(at(9))).unwrap();
    assert!(found.narrows);
    assert!(!found.why.contains('\u{1b}'), "{}", found.why);
}
