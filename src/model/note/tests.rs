use super::*;

// Vectors of golang/mod, sumdb/note/note_test.go.
const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const PETER_SECRET: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const ENOCH: &str = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
const TEXT: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n";
const PETER_LINE: &str = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const ENOCH_LINE: &str = "\u{2014} EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";

fn key(text: &str) -> Verifier {
    Verifier::parse(text).unwrap()
}

#[test]
fn the_go_vectors_sign_and_verify() {
    let signer = Signer::parse(PETER_SECRET).unwrap();
    assert_eq!(signer.verifier(), &key(PETER));
    assert_eq!(signer.verifier().to_string(), PETER);
    assert_eq!(signer.secret_text(), PETER_SECRET);
    assert!(!format!("{signer:?}").contains("AYEKFALV"));
    let note = format!("{TEXT}\n{PETER_LINE}");
    assert_eq!(signer.sign(TEXT).unwrap(), note);
    let opened = open(note.as_bytes(), &[&key(PETER)]).unwrap();
    assert_eq!((opened.text.as_str(), opened.signers.len(), opened.unknown), (TEXT, 1, 0));

    let both = format!("{note}{ENOCH_LINE}");
    let opened = open(both.as_bytes(), &[&key(PETER)]).unwrap();
    assert_eq!((opened.signers.len(), opened.unknown), (1, 1));
    let opened = open(both.as_bytes(), &[&key(PETER), &key(ENOCH)]).unwrap();
    assert_eq!((opened.signers.len(), opened.unknown), (2, 0));
    assert_eq!(open(both.as_bytes(), &[]), Err(NoteFault::Unknown(2)));
}

#[test]
fn the_example_of_the_specification_verifies() {
    // C2SP signed-note.md, "Example".
    let spec = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    let note = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    let opened = open(note.as_bytes(), &[&key(spec)]).unwrap();
    assert_eq!(opened.text, "This is an example message.\n");
    // C2SP tlog-checkpoint.md, the example's text.
    let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    let head = TreeHead::parse(text).unwrap();
    assert_eq!((head.size, head.text().as_str()), (20_852_163, text));
}

#[test]
fn every_mangled_key_is_refused() {
    // As Go's TestNewVerifier and TestNewSigner: every part, every changed byte.
    for (text, accepted) in [
        (PETER, (|text| Verifier::parse(text).is_ok()) as fn(&str) -> bool),
        (PETER_SECRET, |text| Signer::parse(text).is_ok()),
    ] {
        assert!(accepted(text));
        for start in 0..text.len() {
            for end in start + 1..=text.len() {
                assert!((start, end) == (0, text.len()) || !accepted(&text[start..end]), "{start} {end}");
            }
        }
        for at in 0..text.len() {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] += 1;
            let changed = String::from_utf8(bytes).unwrap();
            assert!(!accepted(&changed), "{changed}");
        }
    }
    // Wrong length and unknown type, each with the hash adjusted; from the same file.
    for bad in [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ] {
        assert!(Verifier::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn weak_points_and_second_encodings_are_no_keys() {
    let mut one = [0_u8; 32];
    one[0] = 1;
    let mut one_again = [0xff_u8; 32]; // p + 1
    (one_again[0], one_again[31]) = (0xee, 0x7f);
    let mut high = one_again; // p + 3: y = 3 has a point, but not in this spelling
    high[0] = 0xf0;
    let mut three = [0_u8; 32];
    three[0] = 3;
    assert!(Verifier::of("x", &three).is_ok());
    for weak in [one, one_again, [0; 32], high] {
        assert!(Verifier::of("x", &weak).is_err(), "{weak:?}");
    }
}

#[test]
fn malformed_notes_are_refused() {
    let peter = key(PETER);
    let repeated = PETER_LINE.repeat(101);
    for bad in [
        String::new(),
        TEXT.to_owned(),
        format!("{TEXT}\n"),
        format!("{TEXT}{PETER_LINE}"),
        format!("{TEXT}\n{}", PETER_LINE.trim_end()),
        format!("\u{1}{TEXT}\n{PETER_LINE}"),
        format!("a\rb\n\n{PETER_LINE}"),
        format!("{TEXT}\n{}", PETER_LINE.replace("Peter", "Peter ")),
        format!("{TEXT}\n{}", PETER_LINE.replace("Peter", "Peter+")),
        format!("{TEXT}\n{PETER_LINE}Unexpected line.\n"),
        format!("{TEXT}\n{PETER_LINE}x"),
        format!("{TEXT}\n{PETER_LINE}\u{2014} a x08goA\n"),
        format!("{TEXT}\n{PETER_LINE}\u{2014} a x08gow==\n"),
        format!("{TEXT}\n{repeated}"),
        "x".repeat(NOTE_MAX + 1),
    ] {
        let fault = open(bad.as_bytes(), &[&peter]);
        assert!(matches!(fault, Err(NoteFault::Form(_))), "{fault:?}: {bad}");
    }
    assert!(open(&[b"\xff", TEXT.as_bytes()].concat(), &[&peter]).is_err());
    // Sixteen signatures must be read, says the specification.
    let sixteen = format!("{TEXT}\n{PETER_LINE}{}", ENOCH_LINE.repeat(15));
    assert_eq!(open(sixteen.as_bytes(), &[&peter]).unwrap().unknown, 15);
}

#[test]
fn a_known_keys_bad_signature_spoils_the_note() {
    let (peter, enoch) = (key(PETER), key(ENOCH));
    let note = format!("{TEXT}\n{PETER_LINE}");
    let changed = note.replace("answer", "Answer");
    assert_eq!(open(changed.as_bytes(), &[&peter]), Err(NoteFault::Forged(peter.id.clone())));
    let longer = note.replace("UgYN", "UgYNABCD");
    assert_eq!(open(longer.as_bytes(), &[&peter]), Err(NoteFault::Forged(peter.id.clone())));
    let mixed = format!("{note}{}", ENOCH_LINE.replace("5n2t", "5n2u"));
    assert!(open(mixed.as_bytes(), &[&peter]).is_ok());
    assert_eq!(open(mixed.as_bytes(), &[&peter, &enoch]), Err(NoteFault::Forged(enoch.id.clone())));
    let twice = format!("{note}{PETER_LINE}");
    assert_eq!(open(twice.as_bytes(), &[&peter]), Err(NoteFault::Twice(peter.id.clone())));
    assert_eq!(open(note.as_bytes(), &[&peter, &peter]), Err(NoteFault::Ambiguous(peter.id.clone())));
    // Name or hash alone do not make a key known.
    let renamed = note.replace("PeterNeumann", "CarmenSandiego");
    assert_eq!(open(renamed.as_bytes(), &[&peter]), Err(NoteFault::Unknown(1)));
    let rehashed = note.replace("x08g", "xxxx");
    assert_eq!(open(rehashed.as_bytes(), &[&peter]), Err(NoteFault::Unknown(1)));
}

#[test]
fn a_head_has_one_spelling() {
    let head = TreeHead {
        origin: origin("0123456789abcdef0123456789abcdef").unwrap(),
        size: 7,
        root: sha256(&[b"x"]),
    };
    let text = head.text();
    assert_eq!(TreeHead::parse(&text), Ok(head));
    let root = text.lines().nth(2).unwrap().to_owned();
    for bad in [
        text.replace("\n7\n", "\n07\n"),
        text.replace("\n7\n", "\n+7\n"),
        text.replace("\n7\n", "\n\n"),
        text.replace("\n7\n", "\n7 \n"),
        text.replace("\n7\n", "\n18446744073709551616\n"),
        text.replace('=', ""),
        text.replace(&root, "AAAA"),
        format!("{text}extension\n"),
        format!("{text}\n"),
        text.trim_end().to_owned(),
        format!("\n{text}"),
        text.replace("skill-trust/", "skill trust/"),
    ] {
        assert!(matches!(TreeHead::parse(&bad), Err(NoteFault::Head(_))), "{bad}");
    }
    assert_eq!(origin("0123456789ABCDEF0123456789abcdef"), None);
    assert!(Signer::from_seed("a b", &[7; 32]).is_err());
    assert!(Signer::from_seed("x", &[7; 32]).unwrap().sign("no newline").is_err());
}
