//! Ed25519 at every door: a signature that the usual check accepts and the
//! strict one does not is refused by each verifier of ours.
//!
//! Attack: points of small order. With a key of small order one signature fits
//! every message, without any secret; with such an `R` its maker can find
//! two keys or messages for one signature. The vectors are made here, for the
//! bytes that each door signs, and the crate's own loose check says first that
//! they are what they should be. `scripts/conformance-ed25519` runs others'.

use ed25519_dalek::{Signature, SigningKey, Verifier as _, VerifyingKey};
use sha2::{Digest as _, Sha512};
use skill_trust::model::digest::{Digest, sha256};
use skill_trust::model::note::{self, TreeHead};
use skill_trust::model::time::Timestamp;
use skill_trust::model::tuf::{self, Value};
use skill_trust::policy::provenance::dsse::{self, Envelope, pae};
use skill_trust::policy::provenance::revocation::Revocations;
use skill_trust::policy::provenance::ssh::allowed_signers::AllowedSigners;
use skill_trust::policy::provenance::ssh::judge::{Beliefs, judge};
use skill_trust::policy::provenance::ssh::sig::{Hash, to_be_signed};
use skill_trust::policy::provenance::ssh::wire::Writer;
use skill_trust::policy::provenance::verdict::Evidenced;
use skill_trust::policy::provenance::{keys, ssh};

const SEED: [u8; 32] = [7; 32];

/// All encodings of points of small order that decoders accept: eight points,
/// and six more spellings of them (from the literature on Ed25519).
const SMALL: [&str; 14] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
];

/// Numbers below the order of the group, in four words, the lowest first.
type Number = [u64; 4];

/// 2^252 + 27742317777372353535851937790883648493.
const ORDER: Number = [0x5812_631a_5cf5_d3ed, 0x14de_f9de_a2f7_9cd6, 0, 0x1000_0000_0000_0000];

fn less(one: &Number, other: &Number) -> bool {
    one.iter().rev().lt(other.iter().rev())
}

/// The sum, less the order if it reaches it; neither is above 2^254.
fn add(one: &Number, other: &Number) -> Number {
    let (mut sum, mut carry) = ([0; 4], 0_u128);
    for at in 0..4 {
        carry += u128::from(one[at]) + u128::from(other[at]);
        sum[at] = carry as u64;
        carry >>= 64;
    }
    if less(&sum, &ORDER) {
        return sum;
    }
    let mut borrow = false;
    for at in 0..4 {
        let (less, first) = sum[at].overflowing_sub(ORDER[at]);
        let (less, second) = less.overflowing_sub(u64::from(borrow));
        (sum[at], borrow) = (less, first || second);
    }
    sum
}

/// Little-endian bytes times a number, modulo the order: by doubling and adding.
fn times(bytes: &[u8], number: &Number) -> Number {
    let bits = bytes.iter().rev().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1));
    bits.fold([0; 4], |sum, bit| {
        let twice = add(&sum, &sum);
        if bit { add(&twice, number) } else { twice }
    })
}

fn bytes(number: &Number) -> Vec<u8> {
    number.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// A signature with the neutral point for `R`: `S = k a`, which takes the secret
/// and no more.
fn small_r(message: &[u8]) -> [u8; 64] {
    let key = SigningKey::from_bytes(&SEED);
    let mut a: [u8; 32] = Sha512::digest(SEED)[..32].try_into().unwrap();
    a[0] &= 248;
    a[31] = a[31] & 127 | 64;
    let mut r = [0; 32];
    r[0] = 1;
    let k = Sha512::digest([&r, key.verifying_key().as_bytes().as_slice(), message].concat());
    let s = times(&k, &times(&a, &[1, 0, 0, 0]));
    let signature: [u8; 64] = [r.to_vec(), bytes(&s)].concat().try_into().unwrap();
    let loose = key.verifying_key().verify(message, &Signature::from_bytes(&signature));
    assert!(loose.is_ok(), "no vector: the loose check must accept it");
    signature
}

/// The same signature with the order added to `S`, which old checks accept.
fn large_s(message: &[u8]) -> [u8; 64] {
    use ed25519_dalek::Signer as _;
    let mut signature = SigningKey::from_bytes(&SEED).sign(message).to_bytes();
    let mut carry = 0;
    for (byte, more) in signature[32..].iter_mut().zip(bytes(&ORDER)) {
        carry += u16::from(*byte) + u16::from(more);
        *byte = carry as u8;
        carry >>= 8;
    }
    signature
}

fn good(message: &[u8]) -> [u8; 64] {
    use ed25519_dalek::Signer as _;
    SigningKey::from_bytes(&SEED).sign(message).to_bytes()
}

/// A door: whether it takes the signature that is made for its own bytes.
type Door = (&'static str, fn(&[u8; 32], &dyn Fn(&[u8]) -> [u8; 64]) -> bool);

const DOORS: &[Door] = &[("dsse", envelope), ("ssh", statement), ("tuf", metadata), ("note", checkpoint)];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn envelope(key: &[u8; 32], sign: &dyn Fn(&[u8]) -> [u8; 64]) -> bool {
    let spki = [b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00".as_slice(), key].concat();
    let Ok(key) = keys::PublicKey::from_spki(&spki) else { return false };
    let (payload, signature) = (dsse::encode(b"{}"), dsse::encode(&sign(&pae("t", b"{}"))));
    let text =
        format!(r#"{{"payload":"{payload}","payloadType":"t","signatures":[{{"sig":"{signature}"}}]}}"#);
    Envelope::read(&Value::evidence(text.as_bytes()).unwrap()).unwrap().verify(&[key], 1).is_ok()
}

fn statement(key: &[u8; 32], sign: &dyn Fn(&[u8]) -> [u8; 64]) -> bool {
    let body = sign(&to_be_signed("file", Hash::Sha512, b"message"));
    let blob = Writer::new().string(b"ssh-ed25519").string(key).finish();
    let whole = Writer::new()
        .raw(b"SSHSIG")
        .u32(1)
        .string(&blob)
        .string(b"file")
        .string(b"")
        .string(b"sha512")
        .string(&Writer::new().string(b"ssh-ed25519").string(&body).finish())
        .finish();
    let text = dsse::encode(&whole);
    let lines: Vec<_> = text.as_bytes().chunks(70).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let armour = format!("{}\n{}\n{}\n", ssh::sig::BEGIN, lines.join("\n"), ssh::sig::END);
    let list = format!("* ssh-ed25519 {}\n", dsse::encode(&blob));
    let beliefs = Beliefs {
        allowed: &AllowedSigners::parse(list.as_bytes()).unwrap(),
        revoked: &[],
        revocations: &Revocations::default(),
        at: Evidenced::Now(Timestamp::from_unix(1_795_000_000)),
        first_seen_counts: false,
        principal: None,
    };
    judge(armour.as_bytes(), b"message", "file", &beliefs).is_ok()
}

fn metadata(key: &[u8; 32], sign: &dyn Fn(&[u8]) -> [u8; 64]) -> bool {
    let text = |text: &str| Value::Text(text.to_owned());
    let object = Value::object([
        ("keytype", text("ed25519")),
        ("scheme", text("ed25519")),
        ("keyval", Value::object([("public", Value::Text(hex(key)))])),
    ]);
    tuf::PublicKey::read(&object).is_ok_and(|key| key.signed(b"{}", &hex(&sign(b"{}"))))
}

fn checkpoint(key: &[u8; 32], sign: &dyn Fn(&[u8]) -> [u8; 64]) -> bool {
    let typed = [&[1], key.as_slice()].concat();
    let id = sha256(&[b"log", b"\n", &typed]);
    let Ok(verifier) = note::Verifier::parse(&format!("log+{}+{}", &id.hex()[..8], dsse::encode(&typed)))
    else {
        return false;
    };
    let text = TreeHead { origin: "log".to_owned(), size: 1, root: Digest::ZERO }.text();
    let line = dsse::encode(&[&id.as_bytes()[..4], &sign(text.as_bytes())].concat());
    note::open(format!("{text}\n\u{2014} log {line}\n").as_bytes(), &[&verifier]).is_ok()
}

#[test]
fn attack_a_signature_with_a_point_of_small_order_is_refused_at_every_door() {
    let key = SigningKey::from_bytes(&SEED).verifying_key();
    for (name, door) in DOORS {
        assert!(door(key.as_bytes(), &good), "{name} takes no good signature, so this shows nothing");
        assert!(!door(key.as_bytes(), &small_r), "{name} takes an R of small order");
        assert!(!door(key.as_bytes(), &large_s), "{name} takes an S beyond the order");
    }
}

#[test]
fn attack_a_key_of_small_order_for_which_one_signature_fits_every_message() {
    // R is the neutral point and S is 0: for the neutral point as a key the loose
    // check accepts it over whatever is signed.
    let forged = |_: &[u8]| {
        let mut signature = [0; 64];
        signature[0] = 1;
        signature
    };
    let mut loose = 0;
    for point in SMALL {
        let point: [u8; 32] = (0..32)
            .map(|at| u8::from_str_radix(&point[2 * at..2 * at + 2], 16).unwrap())
            .collect::<Vec<_>>()
            .try_into()
            .unwrap();
        if let Ok(key) = VerifyingKey::from_bytes(&point) {
            assert!(key.is_weak(), "{point:02x?}");
            let signature = Signature::from_bytes(&forged(b""));
            loose +=
                u8::from(["a", "b", "c"].iter().all(|text| key.verify(text.as_bytes(), &signature).is_ok()));
        }
        for (name, door) in DOORS {
            assert!(!door(&point, &forged), "{name} takes the key {point:02x?}");
        }
    }
    assert!(loose > 0, "no vector: the loose check must accept it for the neutral point at least");
}
