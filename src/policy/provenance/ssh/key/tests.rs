use super::*;
use proptest::prelude::*;

fn signed(secret: [u8; 32], message: &[u8]) -> (PublicKey, Signature) {
    use ed25519_dalek::Signer as _;
    let secret = ed25519_dalek::SigningKey::from_bytes(&secret);
    let key = PublicKey::ed25519(secret.verifying_key().as_bytes()).unwrap();
    let body = secret.sign(message).to_bytes();
    let blob = Writer::new().string(b"ssh-ed25519").string(&body).finish();
    (key, Signature::parse(&blob).unwrap())
}

/// Attack: the same point as a plain key, as one of a device, and as SPKI.
#[test]
fn one_point_is_one_key_in_every_encoding() {
    let (plain, _) = signed([3; 32], b"");
    let bytes = match &plain.point {
        Point::Ed25519(key) => *key.as_bytes(),
        _ => unreachable!("an Ed25519 key"),
    };
    let device = Writer::new().string(Kind::SkEd25519.name().as_bytes()).string(&bytes).string(b"ssh:");
    let device = PublicKey::parse(&device.finish()).unwrap();
    assert_ne!(device.signer(), plain.signer());
    assert_eq!(device.content(), plain.content());
    assert!(device.names().contains(&plain.signer()) && device.names().contains(&device.signer()));
    let bare = plain.plain().unwrap();
    assert_eq!(bare.id(), plain.content());
    assert!(bare.names().contains(&plain.signer()) && !bare.names().contains(&device.signer()));
    // By hand: the point is what stands at the end of both encodings.
    assert!(bare.spki().ends_with(&bytes) && plain.blob().ends_with(&bytes));
    assert_eq!(plain_blob(keys::Kind::Ed25519, &bytes), plain.blob());
    let p256 = keys::SecretKey::p256(&[7; 32]).unwrap().public();
    let blob = plain_blob(keys::Kind::P256, &p256.spki()[p256.spki().len() - 65..]);
    assert_eq!(PublicKey::parse(&blob).unwrap().content(), p256.id());
}

#[test]
fn a_key_has_one_blob() {
    let (key, _) = signed([1; 32], b"");
    assert_eq!(PublicKey::parse(key.blob()), Ok(key.clone()));
    for bad in [&key.blob()[..key.blob().len() - 1], &[key.blob(), &[0]].concat(), b""] {
        assert!(PublicKey::parse(bad).is_err());
    }
    let p256 = p256::ecdsa::SigningKey::from_slice(&[3; 32]).unwrap();
    let point = |compressed| p256.verifying_key().to_sec1_point(compressed).as_bytes().to_vec();
    let blob = |curve: &[u8], point: &[u8]| {
        Writer::new().string(b"ecdsa-sha2-nistp256").string(curve).string(point).finish()
    };
    assert!(PublicKey::parse(&blob(b"nistp256", &point(false))).is_ok());
    let mut off = point(false);
    *off.last_mut().unwrap() ^= 1;
    let bad = [
        (blob(b"nistp256", &point(true)), "uncompressed"),
        (blob(b"nistp384", &point(false)), "curve"),
        (blob(b"nistp256", &off), "on the curve"),
        (blob(b"nistp256", &[0]), "uncompressed"),
    ];
    for (blob, said) in bad {
        let why = PublicKey::parse(&blob).unwrap_err().to_string();
        assert!(why.contains(said), "{why}");
    }
}

#[test]
fn a_key_with_which_one_signature_fits_many_messages_is_no_key() {
    // The points of order 1, 2, 4 and 8, as in the list of libsodium.
    let weak = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ];
    for hex in weak {
        let bytes = Digest::from_hex(hex).unwrap();
        assert_eq!(PublicKey::ed25519(bytes.as_bytes()), Err(Fault::Weak), "{hex}");
    }
}

#[test]
fn kinds_that_are_not_evaluated_say_so() {
    for name in NOT_EVALUATED.iter().chain(&["ssh-new", "ssh-ed25519-cert-v01@openssh.com"]) {
        let blob = Writer::new().string(name.as_bytes()).string(&[1]).finish();
        assert!(matches!(PublicKey::parse(&blob), Err(Fault::Unsupported(_))), "{name}");
        assert!(matches!(Signature::parse(&blob), Err(Fault::Unsupported(_))), "{name}");
    }
    assert!(is_key_name("ssh-rsa") && !is_key_name("cert-authority"));
}

#[test]
fn a_device_that_nobody_touched_signs_nothing() {
    use ed25519_dalek::Signer as _;
    let secret = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
    let name = Kind::SkEd25519.name().as_bytes();
    let blob = Writer::new().string(name).string(secret.verifying_key().as_bytes()).string(b"ssh:").finish();
    let key = PublicKey::parse(&blob).unwrap();
    let make = |flags: u8, told: u8| {
        let around = Writer::new()
            .raw(sha256(&[b"ssh:"]).as_bytes())
            .raw(&[flags])
            .u32(7)
            .raw(sha256(&[b"message"]).as_bytes())
            .finish();
        let body = secret.sign(&around).to_bytes();
        let blob = Writer::new().string(name).string(&body).raw(&[told]).u32(7).finish();
        Signature::parse(&blob).unwrap()
    };
    assert_eq!(key.verify(&make(1, 1), b"message"), Ok(()));
    assert_eq!(key.verify(&make(5, 5), b"message"), Ok(()));
    assert!(make(5, 5).device().unwrap().knew_who());
    for (flags, told, said) in [(0, 0, "not touched"), (4, 4, "not touched"), (0, 1, "does not fit")] {
        let why = key.verify(&make(flags, told), b"message").unwrap_err().to_string();
        assert!(why.contains(said), "{flags} {told}: {why}");
    }
}

#[test]
fn zero_and_too_long_numbers_are_no_ecdsa_signature() {
    let secret = p256::ecdsa::SigningKey::from_slice(&[3; 32]).unwrap();
    let point = secret.verifying_key().to_sec1_point(false);
    let name = Kind::P256.name().as_bytes();
    let key = Writer::new().string(name).string(b"nistp256").string(point.as_bytes()).finish();
    let key = PublicKey::parse(&key).unwrap();
    let sign = |r: &[u8], s: &[u8]| {
        let both = Writer::new().string(r).string(s).finish();
        Signature::parse(&Writer::new().string(name).string(&both).finish()).unwrap()
    };
    for (r, s) in [(&[][..], &[1][..]), (&[1], &[]), (&[], &[]), (&[1; 33], &[1]), (&[0x7f; 32], &[1])] {
        assert!(key.verify(&sign(r, s), b"").is_err());
    }
}

proptest! {
    #[test]
    fn only_the_message_that_was_signed_verifies(
        message in prop::collection::vec(any::<u8>(), 0..50), at in any::<prop::sample::Index>(), bit in 0..8_u8,
    ) {
        let (key, signature) = signed([5; 32], &message);
        prop_assert_eq!(key.verify(&signature, &message), Ok(()));
        prop_assert!(signed([6; 32], &message).0.verify(&signature, &message).is_err());
        let mut other = message.clone();
        if other.is_empty() {
            other.push(bit);
        } else {
            let at = at.index(other.len());
            other[at] ^= 1 << bit;
        }
        prop_assert!(key.verify(&signature, &other).is_err());
    }

    #[test]
    fn no_bytes_make_it_panic(kind in 0..6_usize, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let blob = Writer::new().string(Kind::ALL[kind].name().as_bytes()).raw(&bytes).finish();
        let _ = (PublicKey::parse(&blob), Signature::parse(&blob));
    }
}
