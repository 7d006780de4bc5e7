//! Bundles of our own making, whole and damaged. Those that the reference makes,
//! and what it says of forgeries, are in `tests/it/oms`.

use super::*;
use crate::model::digest::sha256;
use crate::model::skill::SkillName;
use crate::model::time::Timestamp;
use crate::policy::provenance::SubjectFile;
use crate::policy::provenance::emit::{EmitFault, Naming, emit};
use crate::policy::provenance::keys::SecretKey;
use crate::policy::provenance::revocation::{Entry, Kind as Why};
use proptest::prelude::*;

fn file(path: &str, content: &str, executable: bool) -> SubjectFile {
    SubjectFile { path: path.to_owned(), sha256: sha256(&[content.as_bytes()]), executable }
}

fn subject(files: &[(&str, &str)]) -> Subject {
    let files = files.iter().map(|(path, content)| file(path, content, path.ends_with(".sh"))).collect();
    Subject { name: SkillName::parse("pdf-forms").unwrap(), digest: Digest::ZERO, files }
}

fn skill() -> Subject {
    subject(&[("SKILL.md", "words"), ("a-b/x", "1"), ("a/x", "2"), ("run.sh", "echo")])
}

const BARE: Digest = Digest::from_bytes([3; 32]);

fn now() -> Evidenced {
    Evidenced::Now(Timestamp::from_unix(1_795_000_000))
}

fn secret() -> SecretKey {
    SecretKey::p256(&[7; 32]).unwrap()
}

fn known(key: &SecretKey) -> Vec<KnownKey> {
    vec![KnownKey { key: key.public(), window: Window::ALWAYS }]
}

fn ask_with(
    bundle: &str,
    subject: &Subject,
    keys: &[KnownKey],
    revocations: &Revocations,
    at: Evidenced,
) -> Verdict {
    let beliefs = Beliefs { keys, anchors: &[], stamp_anchors: &[], revocations, first_seen_counts: false };
    verify(bundle.as_bytes(), subject, &BARE, &beliefs, at)
}

fn ask(bundle: &str, subject: &Subject) -> Verdict {
    ask_with(bundle, subject, &known(&secret()), &Revocations::default(), now())
}

fn signed() -> String {
    emit(&skill(), &BARE, &secret(), Naming::Key).unwrap()
}

#[test]
fn what_we_sign_we_verify() {
    for key in [secret(), SecretKey::p384(&[9; 48]).unwrap()] {
        let bundle = emit(&skill(), &BARE, &key, Naming::Key).unwrap();
        let verdict = ask_with(&bundle, &skill(), &known(&key), &Revocations::default(), now());
        let vouched = verdict.vouched().unwrap_or_else(|| panic!("{verdict}"));
        assert_eq!(
            (vouched.signer(), vouched.method(), vouched.notes().len()),
            (&key.public().id(), Method::Oms, 0)
        );
        // The bundle itself may lie in the folder, and is not looked at.
        let mut with = skill();
        with.files.push(file(SIGNATURE_FILE, &bundle, false));
        assert!(ask_with(&bundle, &with, &known(&key), &Revocations::default(), now()).vouched().is_some());
        assert_eq!(emit(&with, &BARE, &key, Naming::Key).unwrap(), bundle);
    }
}

#[test]
fn a_folder_that_is_not_the_signed_one() {
    let change = |change: &dyn Fn(&mut Subject)| {
        let mut other = skill();
        change(&mut other);
        ask(&signed(), &other)
    };
    let invalid = |verdict: Verdict, words: &str| match &verdict {
        Verdict::Invalid(why) if why.contains(words) => {}
        _ => panic!("{verdict}; wanted {words}"),
    };
    invalid(
        change(&|it| it.files[0] = file("SKILL.md", "other words", false)),
        "`SKILL.md` was signed as sha256:",
    );
    invalid(change(&|it| drop(it.files.remove(2))), "`a/x` was signed and is not here");
    invalid(change(&|it| it.files[0].path = "SKILL.MD".to_owned()), "`SKILL.md` was signed and is not here");
    let added = change(&|it| it.files.push(file("evil\u{1b}[2K.sh", "rm", true)));
    let Verdict::Incomplete { uncovered, .. } = &added else { panic!("{added}") };
    assert_eq!(uncovered, &["evil\\u{1b}[2K.sh"]);
    // A bundle of the same name deeper down is a file like any other.
    assert_eq!(change(&|it| it.files.push(file("sub/skill.oms.sig", "", false))).word(), "incomplete");
    for hidden in [".github/workflows/x.yml", ".gitattributes", ".gitignore", ".git/hooks/post-checkout"] {
        assert_eq!(change(&|it| it.files.push(file(hidden, "", false))).word(), "incomplete", "{hidden}");
    }
    let many = change(&|it| it.files.extend((0..60).map(|at| file(&format!("x{at}"), "", false))));
    let Verdict::Incomplete { uncovered, .. } = &many else { panic!("{many}") };
    assert_eq!((uncovered.len(), uncovered[50].as_str()), (51, "10 more"));
    // Modes are bound by the tree that we name beside the list.
    let beliefs = Beliefs {
        keys: &known(&secret()),
        anchors: &[],
        stamp_anchors: &[],
        revocations: &Revocations::default(),
        first_seen_counts: false,
    };
    invalid(
        verify(signed().as_bytes(), &skill(), &Digest::ZERO, &beliefs, now()),
        "the tree, modes included,",
    );
    let renamed = change(&|it| it.name = SkillName::parse("other").unwrap());
    assert_eq!(renamed.vouched().unwrap().notes(), ["it was signed under the name `pdf-forms`, not `other`"]);
}

#[test]
fn a_signer_that_is_not_ours() {
    let other = SecretKey::p256(&[8; 32]).unwrap();
    let none = Revocations::default();
    assert_eq!(ask_with(&signed(), &skill(), &[], &none, now()).word(), "unknown-signer");
    assert_eq!(ask_with(&signed(), &skill(), &known(&other), &none, now()).word(), "unknown-signer");
    // Attack: the bundle names our key, and somebody else signed.
    let forged = emit(&skill(), &BARE, &other, Naming::Key).unwrap();
    let forged = forged.replace(&other.public().pem_digest().hex(), &secret().public().pem_digest().hex());
    assert_eq!(ask(&forged, &skill()).word(), "invalid");
    let (ed, _) = crate::policy::provenance::keys::tests::ed25519(&[1; 32], b"");
    let hinted = signed().replace(&secret().public().pem_digest().hex(), &ed.pem_digest().hex());
    let ed = [KnownKey { key: ed, window: Window::ALWAYS }];
    assert_eq!(ask_with(&hinted, &skill(), &ed, &none, now()).word(), "unsupported");
}

#[test]
fn windows_and_revocations_hold_for_keys() {
    let at = |second| Timestamp::from_unix(second);
    let window = Window { from: Some(at(100)), until: Some(at(200)) };
    let keys = [KnownKey { key: secret().public(), window }];
    let none = Revocations::default();
    for (evidence, word) in [
        (Evidenced::Now(at(99)), "expired"),
        (Evidenced::Now(at(100)), "valid"),
        (Evidenced::FirstSeen(at(199)), "valid"),
        (Evidenced::Stamped(at(200)), "expired"),
    ] {
        assert_eq!(ask_with(&signed(), &skill(), &keys, &none, evidence).word(), word, "{evidence:?}");
    }
    // The same key, believed again later.
    let again = [
        keys[0].clone(),
        KnownKey { key: secret().public(), window: Window { from: Some(at(300)), until: None } },
    ];
    for (second, word) in [(150, "valid"), (250, "expired"), (350, "valid")] {
        assert_eq!(ask_with(&signed(), &skill(), &again, &none, Evidenced::Now(at(second))).word(), word);
    }
    let mut list = Revocations::default();
    list.add(
        secret().public().id(),
        Entry { kind: Why::Compromised, since: Some(at(150)), feed: "a list".to_owned() },
    );
    for (evidence, word) in [
        (Evidenced::Stamped(at(149)), "valid"),
        (Evidenced::Stamped(at(150)), "revoked"),
        (Evidenced::FirstSeen(at(149)), "revoked"),
        (Evidenced::Now(at(149)), "revoked"),
    ] {
        assert_eq!(ask_with(&signed(), &skill(), &keys, &list, evidence).word(), word, "{evidence:?}");
    }
}

#[test]
fn what_would_not_be_covered_is_not_signed() {
    let refuse = |files: &[(&str, &str)]| emit(&subject(files), &BARE, &secret(), Naming::Key).unwrap_err();
    assert_eq!(refuse(&[]), EmitFault::Empty);
    assert_eq!(refuse(&[(SIGNATURE_FILE, "")]), EmitFault::Empty);
    let ed25519 = SecretKey::ed25519(&[7; 32]);
    let fault = emit(&subject(&[("SKILL.md", "")]), &BARE, &ed25519, Naming::Key);
    assert_eq!(fault, Err(EmitFault::Ed25519));
    let fault = refuse(&[("SKILL.md", ""), (".gitattributes", ""), (".github/workflows/x.yml", "")]);
    let files = vec![".gitattributes".to_owned(), ".github/workflows/x.yml".to_owned()];
    assert_eq!(fault, EmitFault::Uncovered { files });
    assert!(fault.to_string().contains("move them out of the skill"), "{fault}");
    // Other names with a dot are covered by everybody.
    assert!(
        emit(
            &subject(&[(".gitkeep", ""), (".config", ""), ("sub/.gitignore", "")]),
            &BARE,
            &secret(),
            Naming::Key
        )
        .is_ok()
    );
}

proptest! {
    /// Whatever byte is changed: the answer is never yes, unless the change lies
    /// in what is not believed anyway.
    #[test]
    fn no_changed_byte_makes_another_statement_valid(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let good = signed();
        let mut bytes = good.clone().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let beliefs = Beliefs { keys: &known(&secret()), anchors: &[], stamp_anchors: &[], revocations: &Revocations::default(), first_seen_counts: false };
        let verdict = verify(&bytes, &skill(), &BARE, &beliefs, now());
        if verdict.vouched().is_some() && bytes != good.as_bytes() {
            let (old, new) = (Bundle::read(good.as_bytes()).unwrap(), Bundle::read(&bytes).unwrap());
            prop_assert_eq!(old.envelope, new.envelope);
        }
    }

    #[test]
    fn any_text_has_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let beliefs = Beliefs { keys: &known(&secret()), anchors: &[], stamp_anchors: &[], revocations: &Revocations::default(), first_seen_counts: false };
        prop_assert_eq!(verify(&bytes, &skill(), &BARE, &beliefs, now()).word(), "invalid");
    }

    /// One file more, less or other: never valid; the same files: always.
    #[test]
    fn only_the_signed_files_are_valid(
        files in proptest::collection::btree_map("[a-c]{1,3}(/[a-c.-]{0,2}[a-c])?", "[a-z]{0,4}", 1..6),
        other in proptest::collection::btree_map("[a-c]{1,3}(/[a-c.-]{0,2}[a-c])?", "[a-z]{0,4}", 0..6),
    ) {
        let pairs = |map: &std::collections::BTreeMap<String, String>| -> Vec<(String, String)> { map.iter().map(|(a, b)| (a.clone(), b.clone())).collect() };
        let make = |pairs: &[(String, String)]| subject(&pairs.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect::<Vec<_>>());
        let bundle = emit(&make(&pairs(&files)), &BARE, &secret(), Naming::Key).unwrap();
        prop_assert!(ask(&bundle, &make(&pairs(&files))).vouched().is_some());
        prop_assert_eq!(ask(&bundle, &make(&pairs(&other))).vouched().is_some(), files == other);
    }
}
