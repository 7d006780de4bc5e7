//! Each attack on the counting of people, tried.

use super::yard::*;
use skill_trust::model::digest::sha256;
use skill_trust::policy::provenance::dsse::{IN_TOTO, pae};
use skill_trust::policy::provenance::keys::SecretKey;
use skill_trust::policy::provenance::people::{ATTEST, People, REVIEW};
use skill_trust::policy::provenance::review::{ENVELOPES_MAX, Presented, Review, Stopped};
use skill_trust::policy::provenance::revocation::{Entry, Kind, Revocations};
use skill_trust::policy::provenance::ssh::allowed_signers::AllowedSigners;
use skill_trust::policy::provenance::verdict::Evidenced;

#[test]
fn two_people_are_two_and_a_third_is_wanted() {
    let (ana, bea, eve) = (ed(1), p256(2), ed(3));
    let people = people(&[("ana", &ana), ("bea", &bea)]);
    let apart = [signed(&positive(), &[&ana]), signed(&positive(), &[&bea])];
    let together = [signed(&positive(), &[&ana, &bea])];
    // A stranger beside them takes nothing away and adds nothing.
    let beside = [signed(&positive(), &[&eve, &ana, &bea])];
    for envelopes in [&apart[..], &together, &beside] {
        let outcome = ask(envelopes, &people, &Revocations::default());
        assert_eq!(outcome.people().keys().collect::<Vec<_>>(), ["ana", "bea"]);
        assert!(outcome.ignored().is_empty() && outcome.stops().is_ok());
        assert_eq!(outcome.people()["bea"].key, bea.public().id());
    }
    assert_eq!(
        ignored(&signed(&positive(), &[&eve]), &people),
        "nobody on our list signed it, or it was changed afterwards"
    );
    assert!(counted(&apart, &People::default()).is_empty());
}

#[test]
fn attack_one_person_with_two_keys_is_one_voice() {
    let (one, two) = (ed(1), p256(1));
    let people = people(&[("ana", &one), ("ana", &two)]);
    assert_eq!(people.names(), ["ana"]);
    for envelopes in [
        vec![signed(&positive(), &[&one, &two])],
        vec![signed(&positive(), &[&one]), signed(&positive(), &[&two])],
        vec![signed(&positive(), &[&one]); 5],
    ] {
        let outcome = ask(&envelopes, &people, &Revocations::default());
        assert_eq!(outcome.people().len(), 1);
    }
    // The same name in the lists of two roots is one person.
    let list =
        |key| AllowedSigners::parse(line("ana", r#"namespaces="skill-review@v1""#, key).as_bytes()).unwrap();
    let both = People::read(&[("team", &list(&one)), ("other", &list(&two))], REVIEW);
    assert_eq!(counted(&[signed(&positive(), &[&one, &two])], &both), ["ana"]);
}

#[test]
fn attack_one_key_under_two_names_counts_for_neither_and_still_warns() {
    let (shared, own) = (ed(1), ed(2));
    let listed = [("ana", &shared), ("eve", &shared), ("eve", &own)];
    let people = people(&listed);
    assert_eq!(
        people.faults(),
        [format!(
            "the key {} stands under `ana` and `eve`: it counts for none of them",
            shared.public().id()
        )]
    );
    assert!(ignored(&signed(&positive(), &[&shared]), &people).contains("stands under `ana` and `eve`"));
    assert_eq!(counted(&[signed(&positive(), &[&shared, &own])], &people), ["eve"]);
    let outcome = ask(&[signed(&violation(), &[&shared])], &people, &Revocations::default());
    assert_eq!(outcome.violations()[0].who, "`ana` and `eve`");
}

#[test]
fn attack_key_ids_that_lie_change_nothing() {
    let (ana, bea) = (ed(1), ed(2));
    let people = people(&[("ana", &ana), ("bea", &bea)]);
    let text = signed(&positive(), &[&ana, &bea]);
    let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let ids: Vec<_> = (0..2).map(|at| value["signatures"][at]["keyid"].clone()).collect();
    assert_ne!(ids[0], ids[1]);
    for (first, second) in [(&ids[0], &ids[0]), (&ids[1], &ids[0]), (&"".into(), &"".into())] {
        value["signatures"][0]["keyid"] = first.clone();
        value["signatures"][1]["keyid"] = second.clone();
        assert_eq!(counted(&[value.to_string()], &people), ["ana", "bea"]);
    }
    // Ana's signature under two ids is Ana's.
    value["signatures"][1] = value["signatures"][0].clone();
    value["signatures"][1]["keyid"] = ids[1].clone();
    assert_eq!(counted(&[value.to_string()], &people), ["ana"]);
}

#[test]
fn attack_a_review_of_other_bytes_under_the_same_name() {
    let ana = ed(1);
    let people = people(&[("ana", &ana)]);
    let other = Review { digest: digest(8), ..positive() };
    let why = ignored(&signed(&other, &[&ana]), &people);
    assert_eq!(why, format!("it is about {}, and this is {}", digest(8), digest(7)));
    // A warning about other bytes is none about these.
    let other = Review { digest: digest(8), ..violation() };
    assert!(ignored(&signed(&other, &[&ana]), &people).starts_with("it is about "));
    // The name is for people: the same bytes under another name are the same.
    let renamed = Review { name: "another".parse_name(), ..positive() };
    assert_eq!(counted(&[signed(&renamed, &[&ana])], &people), ["ana"]);
}

trait Named {
    fn parse_name(&self) -> skill_trust::model::skill::SkillName;
}

impl Named for str {
    fn parse_name(&self) -> skill_trust::model::skill::SkillName {
        skill_trust::model::skill::SkillName::parse(self).unwrap()
    }
}

/// What another kind of signature is over, presented as a review.
#[test]
fn attack_a_signature_that_was_made_for_something_else() {
    let ana = ed(1);
    let people = people(&[("ana", &ana)]);
    let statement = positive().to_sign().unwrap();
    let review = statement.bytes();
    let hash = sha256(&[review]);
    let ssh =
        [&b"SSHSIG\0\0\0\x0fskill-review@v1\0\0\0\0\0\0\0\x06sha256\0\0\0\x20"[..], hash.as_bytes()].concat();
    let not_signed: [(&str, Vec<u8>); 6] = [
        ("as TUF signs metadata: the bytes themselves", review.to_vec()),
        ("the bytes as a line of a checkpoint", [b"skills.example/log\n", review, b"\n"].concat()),
        ("their hash", hash.as_bytes().to_vec()),
        ("as OpenSSH signs files", ssh),
        ("as an envelope of another type", pae("application/json", review)),
        ("without the version of DSSE", pae(IN_TOTO, review)[7..].to_vec()),
    ];
    for (what, message) in not_signed {
        let text = envelope(IN_TOTO, review, &[ana.sign(&message).unwrap()]);
        assert_eq!(
            ignored(&text, &people),
            "nobody on our list signed it, or it was changed afterwards",
            "{what}"
        );
    }
    // The control: the same hands, and what is to be signed.
    let good = envelope(IN_TOTO, review, &[ana.sign(&pae(IN_TOTO, review)).unwrap()]);
    assert_eq!(counted(&[good], &people), ["ana"]);

    // Rightly signed, and no review.
    let wrap =
        |kind: &str, payload: &[u8]| envelope(kind, payload, &[ana.sign(&pae(kind, payload)).unwrap()]);
    let text = String::from_utf8(review.to_vec()).unwrap();
    let oms = text.replace("https://skill-trust/review/v1", "https://model_signing/signature/v1.0");
    let cases = [
        ("application/json", text.clone(), "the payload is a `application/json`"),
        (IN_TOTO, oms, "it is a `https://model_signing/signature/v1.0`, not a review"),
        (IN_TOTO, r#"{"_type":"root","version":1}"#.to_owned(), "the statement's type is `root`"),
        (IN_TOTO, "skills.example/log\n12\nAAAA\n".to_owned(), "not JSON with one reading"),
        (IN_TOTO, text.replace("review/v1", "review/v2"), "it is a `https://skill-trust/review/v2`"),
    ];
    for (kind, payload, said) in cases {
        let why = ignored(&wrap(kind, payload.as_bytes()), &people);
        assert!(why.contains(said), "{why}");
    }
}

#[test]
fn attack_a_review_that_ended_or_is_of_tomorrow_or_of_something_less() {
    let ana = ed(1);
    let people = people(&[("ana", &ana)]);
    let ended = Review { until: today(), ..positive() };
    assert_eq!(
        ignored(&signed(&ended, &[&ana]), &people),
        "by ana: it ended 2026-11-21T00:00:00Z, and it is 2026-11-21T00:00:00Z"
    );
    let lasts = Review { until: today().plus(1), ..positive() };
    assert_eq!(counted(&[signed(&lasts, &[&ana])], &people), ["ana"]);
    let tomorrow = Review { made: today().plus(1), ..positive() };
    assert_eq!(
        ignored(&signed(&tomorrow, &[&ana]), &people),
        "by ana: made 2026-11-21T00:00:01Z, and it is 2026-11-21T00:00:00Z: one of the two clocks is wrong"
    );
    let now = Review { made: today(), ..positive() };
    assert_eq!(counted(&[signed(&now, &[&ana])], &people), ["ana"]);
    let less = Review { criteria: criteria(&["safe-to-read"]), ..positive() };
    assert_eq!(ignored(&signed(&less, &[&ana]), &people), "by ana: not reviewed for safe-to-run");
    // Of two by one person the longer one is kept, in either order.
    for order in [[&lasts, &positive()], [&positive(), &lasts]] {
        let both = order.map(|review| signed(review, &[&ana]));
        let outcome = ask(&both, &people, &Revocations::default());
        assert_eq!(outcome.people()["ana"].review.until, positive().until);
    }
}

trait Later {
    fn plus(self, seconds: i64) -> Self;
}

impl Later for skill_trust::model::time::Timestamp {
    fn plus(self, seconds: i64) -> Self {
        Self::from_unix(self.unix() + seconds)
    }
}

#[test]
fn one_violation_stops_whatever_the_count_and_does_not_end() {
    let keys: Vec<_> = (1..6).map(ed).collect();
    let names = ["ana", "bea", "cid", "dov", "eve"];
    let listed: Vec<_> = names.iter().copied().zip(&keys).collect();
    let people = people(&listed);
    let all: Vec<&SecretKey> = keys.iter().collect();
    let praise = signed(&positive(), &all);
    assert_eq!(counted(std::slice::from_ref(&praise), &people).len(), 5);
    let ended = Review { made: at("2020-01-01"), until: at("2020-01-02"), ..violation() };
    let ahead = Review { made: today().plus(9), ..violation() };
    let less = Review { criteria: criteria(&["polite"]), ..violation() };
    for warning in [violation(), ended, ahead, less] {
        for order in [[&praise, &signed(&warning, &[&keys[4]])], [&signed(&warning, &[&keys[4]]), &praise]] {
            let outcome = ask(&order.map(Clone::clone), &people, &Revocations::default());
            assert_eq!(outcome.violations().len(), 1);
            let why = outcome.stops().unwrap_err();
            assert_eq!(
                why.to_string(),
                format!("`eve` found a violation on {}: sends the environment to a server", warning.made)
            );
        }
    }
    // By a stranger it is nothing.
    assert!(ignored(&signed(&violation(), &[&ed(9)]), &people).starts_with("nobody on our list"));
}

fn revoked(key: &SecretKey, kind: Kind, since: Option<&str>, form: usize) -> Revocations {
    let mut all = Revocations::default();
    let entry = Entry { kind, since: since.map(at), feed: "team".to_owned() };
    all.add(key.public().names()[form].clone(), entry);
    all
}

#[test]
fn attack_a_revoked_key_praises_and_warns() {
    for ana in [ed(1), p256(1)] {
        let people = people(&[("ana", &ana)]);
        let (praise, warning) = ([signed(&positive(), &[&ana])], [signed(&violation(), &[&ana])]);
        let seen = Evidenced::FirstSeen(at("2026-11-02"));
        let stamped = Evidenced::Stamped(at("2026-11-02"));
        let now = Evidenced::Now(today());
        // Both are of 2026-11-01. Kind, since, evidence; does praise count, does a warning stop?
        let table = [
            (Kind::Retired, Some("2026-11-10"), now, false, true),
            (Kind::Retired, Some("2026-11-10"), seen, true, true),
            (Kind::Retired, Some("2026-10-10"), now, false, false),
            (Kind::Retired, Some("2026-10-10"), seen, false, false),
            (Kind::Retired, None, seen, false, false),
            (Kind::Compromised, Some("2026-11-10"), now, false, false),
            (Kind::Compromised, Some("2026-11-10"), seen, false, false),
            (Kind::Compromised, Some("2026-11-10"), stamped, true, true),
            (Kind::Compromised, None, stamped, false, false),
        ];
        for (kind, since, evidence, counts, stops) in table {
            // By either of its two ids.
            for form in 0..2 {
                let list = revoked(&ana, kind, since, form);
                let say = format!("{kind:?} {since:?} {evidence:?} {form}");
                let outcome = ask_at(&praise, &people, &list, evidence, today());
                assert_eq!(outcome.people().len(), usize::from(counts), "{say}");
                let outcome = ask_at(&warning, &people, &list, evidence, today());
                assert_eq!(outcome.stops().is_err(), stops, "{say}");
                // What does not stop is told.
                assert_eq!(outcome.ignored().len(), usize::from(!stops), "{say}");
            }
        }
    }
}

#[test]
fn a_line_lets_review_from_its_first_to_its_last_second() {
    let ana = ed(1);
    let options = r#"namespaces="skill-review@v1",valid-after="20261101Z",valid-before="20261121Z""#;
    let people = people_of(&line("ana", options, &ana));
    let text = [signed(&positive(), &[&ana])];
    let on = |seconds| {
        let now = today().plus(seconds);
        ask_at(&text, &people, &Revocations::default(), Evidenced::Now(now), now)
    };
    assert_eq!(on(0).people().len(), 1);
    assert_eq!(on(1).people().len(), 0);
    assert!(
        on(1).ignored()[0].why.contains("lets it sign up to 2026-11-21T00:00:00Z"),
        "{:?}",
        on(1).ignored()
    );
    // A warning that was given while the line held stays.
    let warning = [signed(&violation(), &[&ana])];
    let now = today().plus(99);
    let outcome = ask_at(&warning, &people, &Revocations::default(), Evidenced::Now(now), now);
    assert!(outcome.stops().is_err());
    // One that says it was given before the line began does not.
    let early = Review { made: at("2026-10-31"), ..violation() };
    let outcome =
        ask_at(&[signed(&early, &[&ana])], &people, &Revocations::default(), Evidenced::Now(now), now);
    assert!(outcome.stops().is_ok());
}

#[test]
fn attack_a_line_for_something_else_makes_no_reviewer() {
    let key = ed(1);
    let options = [
        "",
        r#"namespaces="*""#,
        r#"namespaces="git""#,
        r#"namespaces="skill-attest@v1""#,
        r#"namespaces="skill-review*""#,
        r#"namespaces="skill-review@v1,!skill-*""#,
    ];
    for option in options {
        let people = people_of(&line("ana", option, &key));
        assert!(people.is_empty() && people.faults().is_empty(), "{option}");
    }
    assert!(!people_of(&line("ana", r#"namespaces="git,skill-review@v1""#, &key)).is_empty());
    let list =
        AllowedSigners::parse(line("ana", r#"namespaces="skill-review@v1""#, &key).as_bytes()).unwrap();
    assert!(People::read(&[("team", &list)], ATTEST).is_empty());
}

#[test]
fn attack_a_line_that_names_nobody_or_everybody() {
    let (key, p384) = (ed(1), SecretKey::p384(&[3; 48]).unwrap());
    let review = r#"namespaces="skill-review@v1""#;
    let cases = [
        (line("*", review, &key), "`*` is not the name of one person"),
        (line("ana,bea", review, &key), "`ana,bea` is not the name of one person"),
        (line("!ana", review, &key), "`!ana` is not the name of one person"),
        (line(&"a".repeat(201), review, &key), "is not the name of one person"),
        (line("ana", &format!("cert-authority,{review}"), &key), "an authority signs no statements"),
        (line("ana", review, &p384), "a key of kind ecdsa-sha2-nistp384 signs no envelope"),
    ];
    for (text, said) in cases {
        let people = people_of(&text);
        assert!(people.is_empty());
        let [why] = people.faults() else { panic!("{:?}", people.faults()) };
        assert!(
            why.starts_with("team, line 1 of the allowed signers, lets nobody sign for skill-review@v1: ")
        );
        assert!(why.contains(said), "{why}");
    }
}

#[test]
fn attack_endless_lists() {
    let ana = ed(1);
    let people = people(&[("ana", &ana)]);
    let text = signed(&positive(), &[&ana]);
    // More envelopes than are read: the warning may be among the rest, so none counts.
    let many = vec![text.clone(); ENVELOPES_MAX];
    assert_eq!(counted(&many, &people), ["ana"]);
    let outcome = ask(&[many, vec![text.clone()]].concat(), &people, &Revocations::default());
    assert_eq!(outcome.stops(), Err(Stopped::TooMany(ENVELOPES_MAX + 1)));
    assert!(outcome.people().is_empty());

    let statement = positive().to_sign().unwrap();
    let nine = envelope(IN_TOTO, statement.bytes(), &vec![ana.sign(&statement.signed_bytes()).unwrap(); 9]);
    assert_eq!(ignored(&nine, &people), "9 signatures; a statement has at most 8");
    let long = format!("{text}{}", " ".repeat(131_072));
    assert!(ignored(&long, &people).ends_with("bytes; an envelope has at most 131072"));

    // 257 keys: the last one is not read, and it is told.
    let seeds: Vec<_> = (0..=256_u16)
        .map(|n| SecretKey::ed25519(&[[n.to_be_bytes(); 16].concat()].concat().try_into().unwrap()))
        .collect();
    let lines: String = seeds
        .iter()
        .enumerate()
        .map(|(at, key)| line(&format!("p{at}"), r#"namespaces="skill-review@v1""#, key))
        .collect();
    let crowd = people_of(&lines);
    assert_eq!((crowd.names().len(), crowd.faults().len()), (256, 1));
    assert_eq!(counted(&[signed(&positive(), &[&seeds[255]])], &crowd), ["p255"]);
    assert!(counted(&[signed(&positive(), &[&seeds[256]])], &crowd).is_empty());
}

#[test]
fn nothing_that_is_no_envelope_counts_or_panics() {
    let people = people(&[("ana", &ed(1))]);
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    for bytes in [&b""[..], b"{}", b"null", b"\xff\xfe", deep.as_bytes(), &[b'['; 65_536]] {
        let criteria = criteria(&["safe-to-run"]);
        let none = Revocations::default();
        let asked = skill_trust::policy::provenance::review::Asked {
            digest: digest(7),
            criteria: &criteria,
            revocations: &none,
            first_seen_counts: true,
            now: today(),
        };
        let presented = [Presented { bytes, at: Evidenced::Now(today()) }];
        let outcome = skill_trust::policy::provenance::review::reviews(&presented, &people, &asked);
        assert_eq!((outcome.people().len(), outcome.ignored().len()), (0, 1));
    }
}
