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
use super::json::Json;
use super::keys::{Kind, PublicKey, SecretKey};
use super::statement;
use crate::model::digest::Digest;
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
            ("subject", Json::List(vec![subject])),
            ("predicateType", word(predicate_type)),
            ("predicate", predicate),
        ]);
        Self(statement.to_string().into_bytes())
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
        ("signatures", Json::List(signatures)),
    ]);
    Ok(envelope.to_string())
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
    let text = |text: &str| tuf::Value::Text(text.to_owned());
    let object = tuf::Value::object([
        ("keytype", text(kind)),
        ("scheme", text(scheme)),
        ("keyval", tuf::Value::object([("public", text(&public))])),
    ]);
    tuf::PublicKey::read(&object).ok().map(|key| key.id().to_string())
}

pub(super) fn word(text: &str) -> Json {
    Json::Text(text.to_owned())
}

pub(super) fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    Json::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
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
        let envelope = dsse::Envelope::read(&Json::parse(text.as_bytes()).unwrap()).unwrap();
        let keys = [one.public(), two.public()];
        let (payload, signers) = envelope.verify(&keys, 2).unwrap();
        assert_eq!((payload, signers.len()), (statement().bytes(), 2));
        assert_eq!(envelope.payload_type(), IN_TOTO);
    }
}
