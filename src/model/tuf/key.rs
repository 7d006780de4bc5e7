//! Keys: `ed25519`, and `ecdsa` over P-256 with SHA-256 (section 4.2.2).
//!
//! Attack: one key is listed under two ids, by another spelling of the same
//! point, and its one holder reaches a threshold of two. So an id must be the
//! hash of the key object (a MUST of section 4.3), and thresholds count
//! [`PublicKey::content`], which is the point itself.
//!
//! Attack: a key of small order, for which one signature fits many texts. Such
//! keys are refused when they are read, and Ed25519 is verified strictly.

use super::Malformed;
use super::json::{Value, need};
use crate::model::digest::{Digest, sha256};
use crate::model::text;
use ed25519_dalek::Signer as _;
use p256::ecdsa::signature::Verifier as _;
use p256::pkcs8::{DecodePublicKey as _, EncodePublicKey as _, LineEnding};
use std::collections::BTreeMap;
use std::fmt;

/// Longest PEM text of a key, in bytes; one of P-256 has 178.
const PEM_MAX: usize = 1024;
/// Longest signature that is looked at, in bytes.
const SIGNATURE_MAX: usize = 256;

/// The id of a key: SHA-256 of the canonical form of its object, in hex.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

impl KeyId {
    /// The 64 hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn read(value: &Value) -> Result<Self, Malformed> {
        let id = value.text("a key id")?;
        match Digest::from_hex(id) {
            Ok(_) => Ok(Self(id.to_owned())),
            Err(_) => {
                Err(Malformed(format!("`{}` is no key id of 64 hex digits", text::escape_short(id, 80))))
            }
        }
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What verifies.
#[derive(Debug, Clone)]
enum Material {
    Ed25519(ed25519_dalek::VerifyingKey),
    P256(Box<p256::ecdsa::VerifyingKey>),
    /// Of a kind that we do not evaluate; never counted.
    Other,
}

/// A public key as metadata lists it.
#[derive(Debug, Clone)]
pub struct PublicKey {
    /// All of it, with what we do not know: the id covers that too.
    object: Value,
    material: Material,
}

impl PublicKey {
    /// The key of this type, scheme and text form, as metadata of ours lists it.
    ///
    /// # Errors
    /// As [`PublicKey::read`].
    pub fn of(kind: &str, scheme: &str, public: &str) -> Result<Self, Malformed> {
        Self::read(&object(kind, scheme, public))
    }

    /// Reads a key object.
    ///
    /// # Errors
    /// [`Malformed`] if it is no key, or a key of a known kind that is malformed
    /// or weak. Unknown kinds are kept, and verify nothing.
    pub fn read(object: &Value) -> Result<Self, Malformed> {
        let map = object.members("a key")?;
        let kind = need(map, "keytype")?.text("`keytype`")?;
        let scheme = need(map, "scheme")?.text("`scheme`")?;
        let value = need(map, "keyval")?.members("`keyval`")?;
        let material = match (kind, scheme) {
            ("ed25519", "ed25519") => ed25519(need(value, "public")?.text("`public`")?)?,
            // The second spelling is of before 2023; python-tuf takes it too.
            ("ecdsa" | "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256") => {
                p256_pem(need(value, "public")?.text("`public`")?)?
            }
            _ => Material::Other,
        };
        Ok(Self { object: object.clone(), material })
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> KeyId {
        KeyId(sha256(&[&self.object.canonical()]).hex())
    }

    /// The key itself, whatever object it stands in; none for kinds that we do
    /// not evaluate. Thresholds count these.
    #[must_use]
    pub fn content(&self) -> Option<Digest> {
        match &self.material {
            Material::Ed25519(key) => Some(sha256(&[b"ed25519\0", key.as_bytes()])),
            Material::P256(key) => Some(sha256(&[b"p256\0", key.to_sec1_point(true).as_bytes()])),
            Material::Other => None,
        }
    }

    /// The object, for writing.
    #[must_use]
    pub const fn object(&self) -> &Value {
        &self.object
    }

    /// Whether this key signed the message; the signature as lower-case hex.
    #[must_use]
    pub fn signed(&self, message: &[u8], signature: &str) -> bool {
        let Some(signature) = unhex(signature) else { return false };
        match &self.material {
            Material::Ed25519(key) => ed25519_dalek::Signature::from_slice(&signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
            Material::P256(key) => p256::ecdsa::Signature::from_der(&signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            Material::Other => false,
        }
    }
}

fn object(kind: &str, scheme: &str, public: &str) -> Value {
    let text = |text: &str| Value::Text(text.to_owned());
    Value::object([
        ("keytype", text(kind)),
        ("scheme", text(scheme)),
        ("keyval", Value::object([("public", text(public))])),
    ])
}

fn ed25519(hex: &str) -> Result<Material, Malformed> {
    let bad = |why: &str| Malformed(format!("an ed25519 key that is {why}"));
    let bytes = Digest::from_hex(hex).map_err(|_| bad("not 64 lower-case hex digits"))?;
    let key = ed25519_dalek::VerifyingKey::from_bytes(bytes.as_bytes()).map_err(|_| bad("no point"))?;
    if key.is_weak() {
        Err(bad("weak: one signature would fit many texts"))
    } else {
        Ok(Material::Ed25519(key))
    }
}

fn p256_pem(pem: &str) -> Result<Material, Malformed> {
    let key =
        if pem.len() > PEM_MAX { None } else { p256::ecdsa::VerifyingKey::from_public_key_pem(pem).ok() };
    key.map(|key| Material::P256(Box::new(key)))
        .ok_or_else(|| Malformed::new("an ecdsa key that is no P-256 key in PEM form"))
}

fn unhex(hex: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    };
    if hex.len() > 2 * SIGNATURE_MAX {
        return None;
    }
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    if rest.is_empty() { bytes } else { None }
}

/// The keys of a root or of a delegation, by id.
#[derive(Debug, Clone, Default)]
pub struct Keys(BTreeMap<KeyId, PublicKey>);

impl Keys {
    pub(super) fn read(value: &Value) -> Result<Self, Malformed> {
        let mut keys = BTreeMap::new();
        for (id, object) in value.members("`keys`")? {
            let key = PublicKey::read(object)?;
            let real = key.id();
            if real.as_str() != id {
                let id = text::escape_short(id, 80);
                return Err(Malformed(format!(
                    "the key `{id}` is really {real}: an id is the hash of its key"
                )));
            }
            keys.insert(real, key);
        }
        Ok(Self(keys))
    }

    /// A key by its id.
    #[must_use]
    pub fn get(&self, id: &KeyId) -> Option<&PublicKey> {
        self.0.get(id)
    }

    /// Adds a key.
    pub(super) fn add(&mut self, key: PublicKey) {
        self.0.insert(key.id(), key);
    }

    /// As metadata lists them.
    pub(super) fn to_value(&self) -> Value {
        Value::Map(self.0.iter().map(|(id, key)| (id.0.clone(), key.object.clone())).collect())
    }
}

/// A secret key. Where it is kept is not known here; the crates wipe their own
/// copy when it is dropped.
pub enum SecretKey {
    /// Ed25519.
    Ed25519(Box<ed25519_dalek::SigningKey>),
    /// ECDSA over P-256.
    P256(Box<p256::ecdsa::SigningKey>),
}

impl SecretKey {
    /// From 32 random bytes.
    #[must_use]
    pub fn ed25519(seed: &[u8; 32]) -> Self {
        Self::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(seed)))
    }

    /// From 32 random bytes, below the order of the curve.
    ///
    /// # Errors
    /// [`Malformed`] for the few numbers that are no key; take other bytes.
    pub fn p256(scalar: &[u8; 32]) -> Result<Self, Malformed> {
        let key = p256::ecdsa::SigningKey::from_slice(scalar);
        key.map(|key| Self::P256(Box::new(key))).map_err(|_| Malformed::new("no number of a P-256 key"))
    }

    /// The public half.
    ///
    /// # Errors
    /// [`Malformed`] if it cannot be written, or is weak.
    pub fn public(&self) -> Result<PublicKey, Malformed> {
        let (kind, scheme, public) = match self {
            Self::Ed25519(key) => {
                ("ed25519", "ed25519", Digest::from_bytes(key.verifying_key().to_bytes()).hex())
            }
            Self::P256(key) => {
                let pem = key.verifying_key().to_public_key_pem(LineEnding::LF);
                (
                    "ecdsa",
                    "ecdsa-sha2-nistp256",
                    pem.map_err(|_| Malformed::new("a key that has no PEM form"))?,
                )
            }
        };
        PublicKey::of(kind, scheme, &public)
    }

    /// Signs a message; lower-case hex.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> String {
        let bytes = match self {
            Self::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
            Self::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_der().as_bytes().to_vec()
            }
        };
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ids_are_those_of_the_specification() {
        // The example root of section 4.3.
        for (key, id) in [
            (
                "72378e5bc588793e58f81c8533da64a2e8f1565c1fcc7f253496394ffc52542c",
                "1bf1c6e3cdd3d3a8420b19199e27511999850f4b376c4547b2f32fba7e80fca3",
            ),
            (
                "68ead6e54a43f8f36f9717b10669d1ef0ebb38cee6b05317669341309f1069cb",
                "135c2f50e57ff11e744d234a62cebad8c38daf399604a7655661cc9199c69164",
            ),
            (
                "66dd78c5c2a78abc6fc6b267ff1a8017ba0e8bfc853dd97af351949bba021275",
                "cb3fbd83df4ba2471a736b065650878280964a98843ec13b457a99b2a21cc3b4",
            ),
            (
                "01c61f8dc7d77fcef973f4267927541e355e8ceda757e2c402818dad850f856e",
                "66676daa73bdfb4804b56070c8927ae491e2a6c2314f05b854dea94de8ff6bfc",
            ),
        ] {
            assert_eq!(PublicKey::read(&object("ed25519", "ed25519", key)).unwrap().id().as_str(), id);
        }
    }

    #[test]
    fn each_kind_signs_and_verifies_and_nothing_else_does() {
        let keys = [SecretKey::ed25519(&[7; 32]), SecretKey::p256(&[7; 32]).unwrap()];
        for key in &keys {
            let public = key.public().unwrap();
            let good = key.sign(b"text");
            assert!(public.signed(b"text", &good));
            assert!(!public.signed(b"texts", &good));
            for at in 0..good.len() {
                let mut bad = good.clone().into_bytes();
                bad[at] = if bad[at] == b'0' { b'1' } else { b'0' };
                assert!(!public.signed(b"text", &String::from_utf8(bad).unwrap()), "digit {at}");
            }
            for bad in ["", "0", &good[2..], &format!("{good}00"), &good.to_uppercase(), &"00".repeat(9000)] {
                assert!(!public.signed(b"text", bad), "{bad}");
            }
        }
        let [one, other] = &keys;
        assert!(!one.public().unwrap().signed(b"text", &other.sign(b"text")));
    }

    #[test]
    fn attack_weak_and_malformed_keys_are_refused() {
        // The neutral point, a point of order 8, and a number that is no point.
        for hex in [
            "0100000000000000000000000000000000000000000000000000000000000000",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "0200000000000000000000000000000000000000000000000000000000000000",
            "72378E5BC588793E58F81C8533DA64A2E8F1565C1FCC7F253496394FFC52542C",
            "72378e5b",
            "",
        ] {
            assert!(PublicKey::read(&object("ed25519", "ed25519", hex)).is_err(), "{hex}");
        }
        let pem = SecretKey::p256(&[7; 32]).unwrap().public().unwrap();
        let pem =
            pem.object().members("").unwrap()["keyval"].members("").unwrap()["public"].as_text().unwrap();
        for bad in ["", "04", &pem.replace('A', "B"), &format!("{pem}{}", "\n".repeat(2000))] {
            assert!(PublicKey::read(&object("ecdsa", "ecdsa-sha2-nistp256", bad)).is_err(), "{bad}");
        }
        for scalar in [[0; 32], [255; 32]] {
            assert!(SecretKey::p256(&scalar).is_err());
        }
    }

    #[test]
    fn unknown_kinds_are_kept_and_never_verify() {
        let signature = SecretKey::ed25519(&[7; 32]).sign(b"text");
        for (kind, scheme) in [("rsa", "rsassa-pss-sha256"), ("ed25519", "ed25519ph"), ("", "")] {
            let key = PublicKey::read(&object(kind, scheme, "x")).unwrap();
            assert_eq!(key.content(), None);
            assert!(!key.signed(b"text", &signature));
        }
    }

    #[test]
    fn one_key_in_two_objects_has_two_ids_and_one_content() {
        let key = SecretKey::p256(&[7; 32]).unwrap().public().unwrap();
        let Value::Map(mut map) = key.object().clone() else { panic!() };
        map.insert("note".to_owned(), Value::Int(1));
        let twin = PublicKey::read(&Value::Map(map)).unwrap();
        assert_ne!(key.id(), twin.id());
        assert_eq!(key.content(), twin.content());
    }
}
