//! Signs statements: an in-toto Statement v1 in a DSSE envelope, by one key or
//! by several.
//!
//! Only what this program states itself can be sealed: [`ToSign`] is made by
//! [`super::review`] and [`super::attestation`] alone.
//!
//! Attack: a stranger's bytes, handed over as "please sign this", that are a
//! statement about another skill.
//!
//! `keyid` is the id that TUF gives the key, by which `securesystemslib` finds
//! it. It is not signed, and nothing here ever reads it.

use super::dsse::{self, IN_TOTO, pae};
use super::keys::{Kind, PublicKey, SecretKey};
use super::statement;
use crate::model::digest::Digest;
use crate::model::json::Value;
use crate::model::tuf;
use std::collections::BTreeSet;

/// Most signatures of one envelope that are made, and that are looked at.
pub const SIGNATURES_MAX: usize = 8;

/// The bytes of a statement that one of our writers made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToSign(Vec<u8>);

impl ToSign {
    /// The statement: the payload of the envelope.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// What a signature is over, for a key that lies in a device.
    #[must_use]
    pub fn signed_bytes(&self) -> Vec<u8> {
        pae(IN_TOTO, &self.0)
    }

    /// A statement with one subject.
    pub(super) fn statement(name: &str, digest: &Digest, predicate_type: &str, predicate: Json) -> Self {
        let subject = object([("name", word(name)), ("digest", object([("gitTree", word(&digest.hex()))]))]);
        let statement = object([
            ("_type", word(statement::TYPE)),
            ("subject", list([subject])),
            ("predicateType", word(predicate_type)),
            ("predicate", predicate),
        ]);
        Self(statement.0.into_bytes())
    }
}

/// Why nothing is signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealFault {
    /// No key.
    #[error("not signed: there is no key to sign with")]
    NoKey,
    /// Too many keys.
    #[error("not signed: {0} keys; an envelope has at most {SIGNATURES_MAX} signatures")]
    TooMany(usize),
    /// One key twice.
    #[error("not signed: {0} is there twice, and counts once")]
    Twice(String),
    /// A key that signs no statements.
    #[error("not signed: {0} is a {1} key; statements are signed by Ed25519 and P-256 keys")]
    Kind(String, Kind),
    /// The machine computed wrongly.
    #[error("not signed: the signature that was made does not verify; this machine is at fault")]
    Machine,
}

/// Whether a key of that kind signs statements.
#[must_use]
pub const fn is_for_statements(kind: Kind) -> bool {
    matches!(kind, Kind::Ed25519 | Kind::P256)
}

/// Signs a statement: the envelope's whole text.
///
/// # Errors
/// [`SealFault`].
pub fn seal(statement: &ToSign, keys: &[&SecretKey]) -> Result<String, SealFault> {
    if keys.is_empty() {
        return Err(SealFault::NoKey);
    }
    if keys.len() > SIGNATURES_MAX {
        return Err(SealFault::TooMany(keys.len()));
    }
    let (message, mut seen, mut signatures) = (statement.signed_bytes(), BTreeSet::new(), Vec::new());
    for key in keys {
        let public = key.public();
        let id = public.id().to_string();
        if !is_for_statements(public.kind()) {
            return Err(SealFault::Kind(id, public.kind()));
        }
        if !seen.insert(public.id()) {
            return Err(SealFault::Twice(id));
        }
        let signature = key.sign(&message).map_err(|_| SealFault::Machine)?;
        let keyid = keyid(&public).ok_or(SealFault::Machine)?;
        signatures.push(object([("keyid", word(&keyid)), ("sig", word(&dsse::encode(&signature)))]));
    }
    let envelope = object([
        ("payload", word(&dsse::encode(statement.bytes()))),
        ("payloadType", word(IN_TOTO)),
        ("signatures", list(signatures)),
    ]);
    Ok(envelope.0)
}

/// The id that TUF gives this key.
fn keyid(key: &PublicKey) -> Option<String> {
    let (kind, scheme, public) = match key.kind() {
        Kind::Ed25519 => {
            let point = Digest::from_bytes(key.point().try_into().ok()?);
            ("ed25519", "ed25519", point.hex())
        }
        _ => ("ecdsa", "ecdsa-sha2-nistp256", key.pem()),
    };
    tuf::PublicKey::of(kind, scheme, &public).ok().map(|key| key.id().to_string())
}

/// JSON as it is written: compact, and its members in the order in which they
/// are given, as the examples of the specifications have them.
#[derive(Debug)]
pub(super) struct Json(pub(super) String);

pub(super) fn word(text: &str) -> Json {
    Json(Value::Text(text.to_owned()).to_string())
}

pub(super) fn list(items: impl IntoIterator<Item = Json>) -> Json {
    let items: Vec<_> = items.into_iter().map(|item| item.0).collect();
    Json(format!("[{}]", items.join(",")))
}

pub(super) fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    let members = members.map(|(name, value)| format!("{}:{}", word(name).0, value.0));
    Json(format!("{{{}}}", members.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement() -> ToSign {
        ToSign::statement("pdf-forms", &Digest::ZERO, "p", object([]))
    }

    #[test]
    fn whoever_may_not_sign_does_not() {
        let (one, two) = (SecretKey::ed25519(&[1; 32]), SecretKey::p256(&[2; 32]).unwrap());
        let other = SecretKey::p384(&[3; 48]).unwrap();
        assert_eq!(seal(&statement(), &[]), Err(SealFault::NoKey));
        let twice = SealFault::Twice(one.public().id().to_string());
        assert_eq!(seal(&statement(), &[&one, &two, &one]), Err(twice));
        let kind = SealFault::Kind(other.public().id().to_string(), Kind::P384);
        assert_eq!(seal(&statement(), &[&one, &other]), Err(kind));
        assert_eq!(seal(&statement(), &[&one; 9]), Err(SealFault::TooMany(9)));
    }

    #[test]
    fn what_is_sealed_is_signed_by_each_key() {
        let (one, two) = (SecretKey::ed25519(&[1; 32]), SecretKey::p256(&[2; 32]).unwrap());
        let text = seal(&statement(), &[&one, &two]).unwrap();
        let envelope = dsse::Envelope::read(&Value::evidence(text.as_bytes()).unwrap()).unwrap();
        let keys = [one.public(), two.public()];
        let (payload, signers) = envelope.verify(&keys, 2).unwrap();
        assert_eq!((payload, signers.len()), (statement().bytes(), 2));
        assert_eq!(envelope.payload_type(), IN_TOTO);
    }
}
