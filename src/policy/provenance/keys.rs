//! Public keys and their signatures; and the secret ones that bundles are
//! signed with.
//!
//! A key is taken from its SubjectPublicKeyInfo, compared byte by byte with the
//! one DER form there is for its kind (an uncompressed point on a named curve,
//! or an Ed25519 key): the same key has one form, one fingerprint, and counts
//! once.
//!
//! ```text
//! P-256  SHA-256     P-384  SHA-384     P-521  SHA-512     Ed25519
//! ```
//!
//! Attacks: an Ed25519 key of small order lets one signature fit many messages,
//! so such keys are refused when they are added, and `verify_strict` is the only
//! way of verifying; an ECDSA signature in a lax encoding has many spellings, so
//! it must be DER to the byte.

use super::{dsse, ssh};
use crate::model::digest::{Digest, sha256};
use crate::model::signer::SignerId;
use crate::model::time::Timestamp;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use sha2::Digest as _;
use std::fmt;

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// NIST P-256, with SHA-256.
    P256,
    /// NIST P-384, with SHA-384.
    P384,
    /// NIST P-521, with SHA-512.
    P521,
    /// Ed25519, strictly.
    Ed25519,
}

/// DER up to the key itself (RFC 5480, RFC 8410).
const FORMS: &[(Kind, &[u8], usize)] = &[
    (Kind::P256, b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00", 65),
    (Kind::P384, b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00", 97),
    (Kind::P521, b"\x30\x81\x9b\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23\x03\x81\x86\x00", 133),
    (Kind::Ed25519, b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", 32),
];

/// The DER that stands before a key of that kind.
fn prefix(kind: Kind) -> &'static [u8] {
    FORMS.iter().find(|(form, ..)| *form == kind).map_or(&[], |(_, prefix, _)| prefix)
}

impl Kind {
    /// The name for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
            Self::Ed25519 => "Ed25519",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A hash that ECDSA is done over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// The hash of a message.
    #[must_use]
    pub fn of(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => sha256(&[message]).as_bytes().to_vec(),
            Self::Sha384 => sha2::Sha384::digest(message).to_vec(),
            Self::Sha512 => sha2::Sha512::digest(message).to_vec(),
        }
    }
}

/// Since when, and until when, somebody is believed. The first second is
/// inside; the end is not, as in the terms of an anchor (`model::tuf::layout`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// None: from the beginning.
    pub from: Option<Timestamp>,
    /// Not from then on; none: for ever.
    pub until: Option<Timestamp>,
}

impl Window {
    /// No limit.
    pub const ALWAYS: Self = Self { from: None, until: None };

    /// Whether that moment is inside.
    ///
    /// # Errors
    /// Why not, with both times.
    pub fn holds(self, at: Timestamp) -> Result<(), String> {
        match (self.from, self.until) {
            (Some(from), _) if at < from => Err(format!("it begins {from}, and the evidence is of {at}")),
            (_, Some(until)) if at >= until => Err(format!("it ended {until}, and the evidence is of {at}")),
            _ => Ok(()),
        }
    }
}

/// A public key that can verify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    kind: Kind,
    spki: Vec<u8>,
}

/// Why a key is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// Something else.
    #[error("not a public key in PEM form (`-----BEGIN PUBLIC KEY-----`)")]
    NotPem,
    /// RSA, another curve, another encoding.
    #[error("not a P-256, P-384, P-521 or Ed25519 key in its one DER form")]
    Unsupported,
    /// No point of its curve.
    #[error("not a point of its curve")]
    NotAPoint,
    /// Of small order.
    #[error("a weak Ed25519 key: one signature by it fits many messages")]
    Weak,
    /// No secret key.
    #[error("not a secret P-256, P-384 or P-521 key in PEM form")]
    NotSecret,
}

/// The signature is not by that key over that message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature is not by that key over these bytes")]
pub struct BadSignature;

impl PublicKey {
    /// Takes a key from its DER SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// [`KeyFault`].
    pub fn from_spki(spki: &[u8]) -> Result<Self, KeyFault> {
        let form = FORMS
            .iter()
            .find(|(_, prefix, size)| spki.starts_with(prefix) && spki.len() == prefix.len() + size);
        let (kind, prefix, _) = form.ok_or(KeyFault::Unsupported)?;
        let key = Self { kind: *kind, spki: spki.to_vec() };
        let point = &spki[prefix.len()..];
        match kind {
            Kind::Ed25519 => {
                let bytes = point.try_into().map_err(|_| KeyFault::Unsupported)?;
                let inner =
                    ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| KeyFault::NotAPoint)?;
                if inner.is_weak() { Err(KeyFault::Weak) } else { Ok(key) }
            }
            // 4 stands for an uncompressed point; any other form would be a second spelling.
            _ if point.first() != Some(&4) => Err(KeyFault::Unsupported),
            Kind::P256 => p256::ecdsa::VerifyingKey::from_sec1_bytes(point)
                .map(|_| key)
                .map_err(|_| KeyFault::NotAPoint),
            Kind::P384 => p384::ecdsa::VerifyingKey::from_sec1_bytes(point)
                .map(|_| key)
                .map_err(|_| KeyFault::NotAPoint),
            Kind::P521 => p521::ecdsa::VerifyingKey::from_sec1_bytes(point)
                .map(|_| key)
                .map_err(|_| KeyFault::NotAPoint),
        }
    }

    /// Takes a key from its curve and point, in the form that SPKI and OpenSSH
    /// share.
    ///
    /// # Errors
    /// [`KeyFault`].
    pub fn from_point(kind: Kind, point: &[u8]) -> Result<Self, KeyFault> {
        Self::from_spki(&[prefix(kind), point].concat())
    }

    /// Takes a key from a PEM text that holds it and nothing else.
    ///
    /// # Errors
    /// [`KeyFault`].
    pub fn from_pem(text: &str) -> Result<Self, KeyFault> {
        let blocks = pem("PUBLIC KEY", text).ok_or(KeyFault::NotPem)?;
        let [spki] = blocks.as_slice() else { return Err(KeyFault::NotPem) };
        Self::from_spki(spki)
    }

    /// Which kind it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Its DER SubjectPublicKeyInfo.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// SHA-256 of its DER form.
    #[must_use]
    pub fn fingerprint(&self) -> Digest {
        sha256(&[&self.spki])
    }

    /// The signer that it is. Of one key, whatever it is encoded as, there is
    /// one such id.
    #[must_use]
    pub fn id(&self) -> SignerId {
        SignerId::key(&self.fingerprint())
    }

    /// Every id by which a list may name this key: its own, and that of the same
    /// point as a key of OpenSSH.
    ///
    /// Attack: a key is revoked as `ssh:…`, and goes on signing as `key:…`.
    #[must_use]
    pub fn names(&self) -> Vec<SignerId> {
        vec![self.id(), SignerId::ssh(&sha256(&[&ssh::key::plain_blob(self.kind, self.point())]))]
    }

    /// Its PEM text, as OpenSSL writes it.
    #[must_use]
    pub fn pem(&self) -> String {
        let body = dsse::encode(&self.spki);
        let mut out = "-----BEGIN PUBLIC KEY-----\n".to_owned();
        // Base64 is ASCII: every byte is a character.
        for line in body.as_bytes().chunks(64) {
            out.extend(line.iter().map(|byte| char::from(*byte)));
            out.push('\n');
        }
        out + "-----END PUBLIC KEY-----\n"
    }

    /// SHA-256 of [`Self::pem`], which is what OMS bundles name a key by.
    #[must_use]
    pub fn pem_digest(&self) -> Digest {
        sha256(&[self.pem().as_bytes()])
    }

    /// Verifies; the hash follows the curve.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        let hash = match self.kind {
            Kind::P256 => Hash::Sha256,
            Kind::P384 => Hash::Sha384,
            Kind::P521 => Hash::Sha512,
            Kind::Ed25519 => {
                let bytes = self.point().try_into().map_err(|_| BadSignature)?;
                let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| BadSignature)?;
                let signature = ed25519_dalek::Signature::from_slice(signature).map_err(|_| BadSignature)?;
                return key.verify_strict(message, &signature).map_err(|_| BadSignature);
            }
        };
        ecdsa(self.kind, hash, self.point(), message, signature)
    }

    /// Verifies ECDSA with a hash of the caller's choice, as time stamps need it.
    ///
    /// # Errors
    /// [`BadSignature`], always for Ed25519.
    pub fn verify_with(&self, hash: Hash, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        ecdsa(self.kind, hash, self.point(), message, signature)
    }

    /// The point itself, as it stands at the end of the DER form.
    #[must_use]
    pub fn point(&self) -> &[u8] {
        let size = FORMS.iter().find(|(kind, ..)| *kind == self.kind).map_or(0, |(_, _, size)| *size);
        &self.spki[self.spki.len() - size..]
    }
}

/// Verifies a DER signature under a SEC1 point, with a hash of the caller's choice:
/// certificates are signed with other pairs of curve and hash than bundles.
///
/// # Errors
/// [`BadSignature`], also for what is no point and for a P-521 key with a hash
/// of less than half its size.
pub fn ecdsa(
    kind: Kind,
    hash: Hash,
    point: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), BadSignature> {
    macro_rules! with {
        ($curve:ident) => {{
            let key = $curve::ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(|_| BadSignature)?;
            let signature = $curve::ecdsa::Signature::from_der(signature).map_err(|_| BadSignature)?;
            // The encoding is compared, so that there is one spelling and no more.
            key.verify_prehash(&hash.of(message), &signature).map_err(|_| BadSignature)?;
            signature.to_der().as_bytes().to_vec()
        }};
    }
    let spelt = match kind {
        Kind::P256 => with!(p256),
        Kind::P384 => with!(p384),
        Kind::P521 => with!(p521),
        Kind::Ed25519 => return Err(BadSignature),
    };
    if spelt == signature { Ok(()) } else { Err(BadSignature) }
}

/// The contents of every PEM block with that label; `None` if there is none, if
/// one is damaged, or if there is a block with another label.
#[must_use]
pub fn pem(label: &str, text: &str) -> Option<Vec<Vec<u8>>> {
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let (mut blocks, mut open): (Vec<_>, Option<String>) = (Vec::new(), None);
    for line in text.lines().map(str::trim_end) {
        match &mut open {
            None if line == begin => open = Some(String::new()),
            // Text around blocks is a comment, as OpenSSL prints it.
            None if line.starts_with("-----") => return None,
            None => {}
            Some(body) if line == end => {
                blocks.push(dsse::decode(body)?);
                open = None;
            }
            Some(body) => body.push_str(line),
        }
    }
    (open.is_none() && !blocks.is_empty()).then_some(blocks)
}

/// A secret key that bundles and envelopes can be signed with. Where it lies, and who may use
/// it, is the caller's matter; it is wiped when it is dropped.
pub enum SecretKey {
    /// On P-256.
    P256(p256::ecdsa::SigningKey),
    /// On P-384.
    P384(p384::ecdsa::SigningKey),
    /// On P-521.
    P521(p521::ecdsa::SigningKey),
    /// Ed25519, for DSSE envelopes alone: OMS has no such keys.
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

/// Never its content.
impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.public().kind())
    }
}

impl SecretKey {
    /// From the 32 bytes of a P-256 scalar.
    ///
    /// # Errors
    /// [`KeyFault::NotSecret`] for 0 and for what is not below the order.
    pub fn p256(scalar: &[u8; 32]) -> Result<Self, KeyFault> {
        p256::ecdsa::SigningKey::from_slice(scalar).map(Self::P256).map_err(|_| KeyFault::NotSecret)
    }

    /// From the 48 bytes of a P-384 scalar.
    ///
    /// # Errors
    /// [`KeyFault::NotSecret`] for 0 and for what is not below the order.
    pub fn p384(scalar: &[u8; 48]) -> Result<Self, KeyFault> {
        p384::ecdsa::SigningKey::from_slice(scalar).map(Self::P384).map_err(|_| KeyFault::NotSecret)
    }

    /// From the 32 bytes of an Ed25519 seed.
    #[must_use]
    pub fn ed25519(seed: &[u8; 32]) -> Self {
        Self::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(seed)))
    }

    /// From PEM, as OpenSSL writes it: `PRIVATE KEY` or `EC PRIVATE KEY`.
    ///
    /// # Errors
    /// [`KeyFault::NotSecret`], also for a key that is encrypted.
    pub fn from_pem(text: &str) -> Result<Self, KeyFault> {
        macro_rules! one {
            ($curve:ident, $variant:ident) => {{
                use p256::pkcs8::DecodePrivateKey as _;
                let key = $curve::SecretKey::from_pkcs8_pem(text)
                    .or_else(|_| $curve::SecretKey::from_sec1_pem(text));
                if let Ok(key) = key {
                    return Ok(Self::$variant(key.into()));
                }
            }};
        }
        one!(p256, P256);
        one!(p384, P384);
        one!(p521, P521);
        Err(KeyFault::NotSecret)
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        let (kind, point) = match self {
            Self::P256(key) => (Kind::P256, key.verifying_key().to_sec1_point(false).as_bytes().to_vec()),
            Self::P384(key) => (Kind::P384, key.verifying_key().to_sec1_point(false).as_bytes().to_vec()),
            Self::P521(key) => (Kind::P521, key.verifying_key().to_sec1_point(false).as_bytes().to_vec()),
            Self::Ed25519(key) => (Kind::Ed25519, key.verifying_key().as_bytes().to_vec()),
        };
        PublicKey { kind, spki: [prefix(kind), &point].concat() }
    }

    /// Signs, without randomness (RFC 6979), in DER; the hash follows the curve.
    ///
    /// # Errors
    /// [`BadSignature`] if what was signed does not verify: a fault of the
    /// machine, whose signature could give the key away.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, BadSignature> {
        let signature = match self {
            Self::P256(key) => {
                let signature: p256::ecdsa::DerSignature = key.try_sign(message).map_err(|_| BadSignature)?;
                signature.as_bytes().to_vec()
            }
            Self::P384(key) => {
                let signature: p384::ecdsa::DerSignature = key.try_sign(message).map_err(|_| BadSignature)?;
                signature.as_bytes().to_vec()
            }
            Self::P521(key) => {
                let signature: p521::ecdsa::DerSignature = key.try_sign(message).map_err(|_| BadSignature)?;
                signature.as_bytes().to_vec()
            }
            Self::Ed25519(key) => key.try_sign(message).map_err(|_| BadSignature)?.to_bytes().to_vec(),
        };
        self.public().verify(message, &signature)?;
        Ok(signature)
    }
}

#[cfg(test)]
pub(super) mod tests;
