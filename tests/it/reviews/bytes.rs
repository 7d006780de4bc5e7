//! The bytes of a review: each of them counts, and each has one reading.

use super::yard::*;
use proptest::prelude::*;
use skill_trust::policy::provenance::dsse::{IN_TOTO, pae};
use skill_trust::policy::provenance::review::{Criterion, Finding, Review};
use skill_trust::policy::provenance::revocation::Revocations;

/// The places of an envelope's `keyid` values, which nobody signs and nobody reads.
fn hints(text: &str) -> Vec<std::ops::Range<usize>> {
    let starts = text.match_indices(r#""keyid":""#).map(|(at, found)| at + found.len());
    starts.map(|from| from..from + 64).collect()
}

fn with(text: &str, at: usize, byte: u8) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes[at] = byte;
    bytes
}

/// Whether it counts, as bytes that need be no text.
fn counts(bytes: &[u8], people: &skill_trust::policy::provenance::people::People) -> usize {
    use skill_trust::policy::provenance::review::{Asked, Presented, reviews};
    let (criteria, revocations) = (criteria(&["safe-to-run"]), Revocations::default());
    let asked = Asked {
        digest: digest(7),
        criteria: &criteria,
        revocations: &revocations,
        first_seen_counts: true,
        now: today(),
    };
    let at = skill_trust::policy::provenance::verdict::Evidenced::Now(today());
    let outcome = reviews(&[Presented { bytes, at }], people, &asked);
    outcome.people().len() + outcome.violations().len()
}

#[test]
fn any_single_byte_changed_never_counts() {
    for (key, review) in [(ed(1), positive()), (p256(1), positive()), (ed(1), violation())] {
        let people = people(&[("ana", &key)]);
        let text = signed(&review, &[&key]);
        assert_eq!(counts(text.as_bytes(), &people), 1);
        let hints = hints(&text);
        assert_eq!(hints.len(), 1);
        for at in (0..text.len()).filter(|at| !hints[0].contains(at)) {
            let old = text.as_bytes()[at];
            for new in [old ^ 1, old ^ 1 << (at % 8), old ^ 0x20, b' '] {
                if new != old {
                    let changed = with(&text, at, new);
                    assert_eq!(
                        counts(&changed, &people),
                        0,
                        "byte {at}: {}",
                        String::from_utf8_lossy(&changed)
                    );
                }
            }
        }
        // One byte more or less is none either.
        for at in 0..text.len() {
            assert_eq!(counts(&text.as_bytes()[..at], &people), 0);
        }
    }
}

#[test]
fn a_changed_hint_changes_nothing_that_is_said() {
    let key = ed(1);
    let people = people(&[("ana", &key)]);
    let text = signed(&positive(), &[&key]);
    let first = hints(&text)[0].start;
    let changed = String::from_utf8(with(&text, first, b'x')).unwrap();
    let said = |text: &str| ask(&[text.to_owned()], &people, &Revocations::default());
    assert_eq!(said(&changed), said(&text));
}

proptest! {
    #[test]
    fn a_byte_anywhere_replaced_by_any_other_never_counts(at in any::<prop::sample::Index>(), new in any::<u8>()) {
        let key = ed(1);
        let people = people(&[("ana", &key)]);
        let text = signed(&positive(), &[&key]);
        let at = at.index(text.len());
        prop_assume!(!hints(&text)[0].contains(&at) && text.as_bytes()[at] != new);
        prop_assert_eq!(counts(&with(&text, at, new), &people), 0);
    }
}

#[test]
fn a_statement_has_one_reading() {
    let key = ed(1);
    let people = people(&[("ana", &key)]);
    let good = String::from_utf8(positive().to_sign().unwrap().bytes().to_vec()).unwrap();
    let wrap =
        |text: &str| envelope(IN_TOTO, text.as_bytes(), &[key.sign(&pae(IN_TOTO, text.as_bytes())).unwrap()]);
    assert_eq!(counted(&[wrap(&good)], &people), ["ana"]);
    // Other blanks, and another order: the same statement.
    assert_eq!(counted(&[wrap(&good.replace(",\"", ", \""))], &people), ["ana"]);
    let many = |what: &str, count: usize| {
        (0..count).map(|at| format!("\"{what}{at}\"")).collect::<Vec<_>>().join(",")
    };
    let hex = digest(7).hex();
    let deep = format!("\"findings\":[{}{}]", "[".repeat(40), "]".repeat(40));
    let cases = [
        (
            r#""result":"positive""#,
            r#""result":"violation","result":"positive""#,
            "a name twice in one object",
        ),
        (
            r#""result":"positive""#,
            r#""result":"positive","re\u0073ult":"violation""#,
            "a name twice in one object",
        ),
        (r#""result":"positive""#, r#""result":"Positive""#, "neither `positive` nor `violation`"),
        (r#""result":"positive""#, r#""result":true"#, "neither `positive` nor `violation`"),
        (r#""result":"positive","#, "", "neither `positive` nor `violation`"),
        (r#""result":"positive""#, r#""result":"positive","reviewer":"bea""#, "an unknown member `reviewer`"),
        (r#""findings":[]"#, deep.as_str(), "nested too deeply"),
        (r#""findings":[]"#, r#""findings":[""]"#, "a finding of 0 characters"),
        (r#""findings":[]"#, r#""findings":["a\nb"]"#, "line breaks or hidden characters"),
        (r#""findings":[]"#, r#""findings":"none""#, "`findings` is no list of texts"),
        (r#""findings":[]"#, r#""findings":[1]"#, "`findings` is no list of texts"),
        (r#""findings":[]"#, &format!(r#""findings":[{}]"#, many("f", 33)), "33 findings"),
        (r#""safe-to-read","#, r#""safe-to-run","#, "a criterion twice"),
        (r#""safe-to-read","#, r#""Safe","#, "`Safe` is no criterion"),
        (r#""safe-to-read","safe-to-run""#, "", "0 criteria"),
        (r#""safe-to-read","#, &format!("{},", many("c", 16)), "17 criteria"),
        ("2026-11-01T00:00:00Z", "2026-11-01T00:00:00+00:00", "`made` is no time"),
        ("2027-05-01T00:00:00Z", "2026-11-01T00:00:00Z", "it ends 2026-11-01T00:00:00Z, and was made"),
        (r#","until":"2027-05-01T00:00:00Z""#, "", "`until` is no time"),
        (r#""name":"pdf-forms""#, r#""name":"PDF forms""#, "no skill's name"),
        (
            r#""name":"pdf-forms""#,
            r#""name":"pdf-forms","uri":"x""#,
            "the subject has an unknown member `uri`",
        ),
        ("gitTree", "sha256", "the subject has no gitTree"),
        (r#""digest":{"#, r#""digest":{"sha256":"00","#, "other digests than gitTree"),
        (hex.as_str(), &hex[1..], "not 64 lower-case hex digits"),
        (r#""subject":[{"#, r#""subject":[{"name":"b","digest":{}},{"#, "2 subjects"),
    ];
    for (from, to, said) in cases {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from}");
        let why = ignored(&wrap(&bad), &people);
        assert!(why.contains(said), "{from} to {to}: {why}");
    }
    // The envelope too.
    let text = wrap(&good);
    for (from, to, said) in [
        (r#""payloadType":"#, r#""payloadType":"x","payloadType":"#, "a name twice"),
        (r#""signatures":"#, r#""signatures":[],"signatures":"#, "a name twice"),
        (r#""payload":"#, r#""payload":"","pay\u006coad":"#, "a name twice"),
        (r#"{"sig":"#, r#"{"cert":"x","sig":"#, "a member that DSSE does not know"),
    ] {
        let why = ignored(&text.replacen(from, to, 1), &people);
        assert!(why.contains(said), "{why}");
    }
}

#[test]
fn what_would_not_be_read_is_not_written() {
    let refused = |review: Review| review.to_sign().unwrap_err().to_string();
    assert!(refused(Review { criteria: criteria(&[]), ..positive() }).starts_with("0 criteria"));
    assert!(refused(Review { until: positive().made, ..positive() }).starts_with("it ends 2026-11-01"));
    assert!(
        refused(Review { findings: Vec::new(), ..violation() }).starts_with("a violation without a finding")
    );
    let many = vec![Finding::parse("x").unwrap(); 33];
    assert!(refused(Review { findings: many, ..positive() }).starts_with("33 findings"));
    for text in ["", "A", "1-safe", "safe run", "safe--run", "safe-", &"a".repeat(65)] {
        assert!(Criterion::parse(text).is_err(), "{text}");
    }
    for text in ["", "a\nb", "a\u{202e}b", "a\u{1b}[2K", &"x".repeat(501)] {
        assert!(Finding::parse(text).is_err(), "{text:?}");
    }
    // Letters of other scripts are words, and shown for what they are where they mimic.
    assert_eq!(Finding::parse("p\u{430}ypal").unwrap().to_string(), "p\\u{430}ypal");
}

#[test]
fn the_longest_review_that_is_written_is_read() {
    let keys: Vec<_> = (1..9).map(p256).collect();
    let names: Vec<_> = (1..9).map(|at| format!("p{at}")).collect();
    let listed: Vec<_> = names.iter().map(String::as_str).zip(&keys).collect();
    let words: Vec<_> = (0..15).map(|at| format!("c{at:063}")).chain(["safe-to-run".to_owned()]).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let findings = vec![Finding::parse(&"😀".repeat(500)).unwrap(); 32];
    let review = Review { criteria: criteria(&words), findings, ..positive() };
    let text = signed(&review, &keys.iter().collect::<Vec<_>>());
    assert!(text.len() > 85_000, "{}", text.len());
    assert_eq!(counted(&[text], &people(&listed)).len(), 8);
}
