//! Public keys of OpenSSH, and whether a signature is theirs.
//!
//! Six kinds are read. Each key has exactly one blob, the one it was read
//! from: a point is uncompressed, nothing follows, and the SHA-256 of the blob
//! is the fingerprint that people compare.
//!
//! Ed25519 is verified by `verify_strict` alone, and a key of small order is
//! no key: with one, a single signature would fit many skills. ECDSA hashes by
//! its curve: P-256 SHA-256, P-384 SHA-384, P-521 SHA-512 (RFC 5656, 6.2.1).
//!
//! A security key signs the hash of the message together with flags and a
//! counter. The flag that somebody touched it must be set: without it, a
//! program alone made the signature, which is what such keys are bought
//! against. The counter orders signatures of one device and proves nothing
//! here; it is told.

use super::super::keys;
use super::Fault;
use super::wire::{Reader, Writer};
use crate::model::digest::{Digest, sha256};
use crate::model::signer::{SignerId, fingerprint};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::signature::Verifier as _;

/// The flag of a security key: somebody touched it.
const TOUCHED: u8 = 0x01;
/// The flag of a security key: it knew who (PIN or fingerprint).
const VERIFIED: u8 = 0x04;

/// Kinds of keys that are evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `ssh-ed25519`.
    Ed25519,
    /// `ecdsa-sha2-nistp256`.
    P256,
    /// `ecdsa-sha2-nistp384`.
    P384,
    /// `ecdsa-sha2-nistp521`.
    P521,
    /// `sk-ssh-ed25519@openssh.com`.
    SkEd25519,
    /// `sk-ecdsa-sha2-nistp256@openssh.com`.
    SkP256,
}

/// Kinds that are known by name and never counted. RSA: no implementation
/// without an open advisory; DSA: broken and gone; the last: browsers.
const NOT_EVALUATED: &[&str] = &[
    "ssh-rsa",
    "rsa-sha2-256",
    "rsa-sha2-512",
    "ssh-dss",
    "ssh-rsa-cert-v01@openssh.com",
    "rsa-sha2-256-cert-v01@openssh.com",
    "rsa-sha2-512-cert-v01@openssh.com",
    "ssh-dss-cert-v01@openssh.com",
    "webauthn-sk-ecdsa-sha2-nistp256@openssh.com",
];

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Ed25519, Self::P256, Self::P384, Self::P521, Self::SkEd25519, Self::SkP256];

    /// The name on the wire and in text.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ssh-ed25519",
            Self::P256 => "ecdsa-sha2-nistp256",
            Self::P384 => "ecdsa-sha2-nistp384",
            Self::P521 => "ecdsa-sha2-nistp521",
            Self::SkEd25519 => "sk-ssh-ed25519@openssh.com",
            Self::SkP256 => "sk-ecdsa-sha2-nistp256@openssh.com",
        }
    }

    /// The name of a certificate of such a key.
    #[must_use]
    pub const fn cert_name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ssh-ed25519-cert-v01@openssh.com",
            Self::P256 => "ecdsa-sha2-nistp256-cert-v01@openssh.com",
            Self::P384 => "ecdsa-sha2-nistp384-cert-v01@openssh.com",
            Self::P521 => "ecdsa-sha2-nistp521-cert-v01@openssh.com",
            Self::SkEd25519 => "sk-ssh-ed25519-cert-v01@openssh.com",
            Self::SkP256 => "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
        }
    }

    /// The curve's name on the wire; none for Ed25519.
    const fn curve(self) -> Option<&'static str> {
        match self {
            Self::Ed25519 | Self::SkEd25519 => None,
            Self::P256 | Self::SkP256 => Some("nistp256"),
            Self::P384 => Some("nistp384"),
            Self::P521 => Some("nistp521"),
        }
    }

    /// Whether the key lies in a device.
    #[must_use]
    pub const fn is_security_key(self) -> bool {
        matches!(self, Self::SkEd25519 | Self::SkP256)
    }

    /// The kind of a plain key.
    ///
    /// # Errors
    /// [`Fault::Unsupported`] for a name that is known and for one that is not.
    pub fn of_name(name: &str) -> Result<Self, Fault> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| Fault::unsupported(name))
    }
}

/// Whether this word begins a key in text form: how `ssh-keygen` tells options
/// from a key that has none.
#[must_use]
pub fn is_key_name(word: &str) -> bool {
    Kind::ALL.iter().any(|kind| word == kind.name() || word == kind.cert_name())
        || NOT_EVALUATED.contains(&word)
}

#[derive(Debug, Clone)]
enum Point {
    Ed25519(ed25519_dalek::VerifyingKey),
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    P521(p521::ecdsa::VerifyingKey),
}

/// A public key, checked to be one.
#[derive(Debug, Clone)]
pub struct PublicKey {
    kind: Kind,
    point: Point,
    application: Vec<u8>,
    blob: Vec<u8>,
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.blob == other.blob
    }
}

impl Eq for PublicKey {}

impl PublicKey {
    /// Reads a key's blob.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn parse(blob: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(blob);
        let kind = Kind::of_name(reader.text()?)?;
        let key = Self::fields(kind, &mut reader)?;
        reader.end()?;
        // Each field has one form, so this holds; it is what fingerprints and
        // revocation lists rest on.
        if key.blob == blob { Ok(key) } else { Err(Fault::form("a second form of a key")) }
    }

    /// Reads what follows the name: in a key and, after the nonce, in a
    /// certificate.
    pub(super) fn fields(kind: Kind, reader: &mut Reader<'_>) -> Result<Self, Fault> {
        let mut out = Writer::new().string(kind.name().as_bytes());
        if let Some(curve) = kind.curve() {
            if reader.text()? != curve {
                return Err(Fault::form("the curve is not the one of its kind"));
            }
            out = out.string(curve.as_bytes());
        }
        let bytes = reader.string()?;
        out = out.string(bytes);
        let point = Point::parse(kind, bytes)?;
        let mut application = Vec::new();
        if kind.is_security_key() {
            application = reader.text()?.as_bytes().to_vec();
            out = out.string(&application);
        }
        Ok(Self { kind, point, application, blob: out.finish() })
    }

    /// The Ed25519 key of 32 raw bytes.
    ///
    /// # Errors
    /// [`Fault`] if they are no key, or a weak one.
    pub fn ed25519(bytes: &[u8; 32]) -> Result<Self, Fault> {
        let blob = Writer::new().string(Kind::Ed25519.name().as_bytes()).string(bytes).finish();
        Self::parse(&blob)
    }

    /// Reads the one line of a `.pub` file: kind, key, and perhaps a comment,
    /// which says nothing.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn from_text(text: &str) -> Result<Self, Fault> {
        let mut words = text.split_ascii_whitespace();
        let (Some(name), Some(body), false) = (words.next(), words.next(), text.trim_end().contains('\n'))
        else {
            return Err(Fault::form("not one line with a kind and a key, as in a `.pub` file"));
        };
        let kind = Kind::of_name(name)?;
        let key = Self::parse(&from_base64(body)?)?;
        if key.kind == kind { Ok(key) } else { Err(Fault::form("a key of another kind than its line says")) }
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Its blob.
    #[must_use]
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// The SHA-256 of its blob.
    #[must_use]
    pub fn digest(&self) -> Digest {
        sha256(&[&self.blob])
    }

    /// As `ssh-keygen -l` prints it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.digest())
    }

    /// The signer that it alone stands for.
    #[must_use]
    pub fn signer(&self) -> SignerId {
        SignerId::ssh(&self.digest())
    }

    /// The same point as a bare key: what it is, whatever device or encoding it
    /// came in. None cannot be, but for a fault of ours.
    #[must_use]
    pub fn plain(&self) -> Option<keys::PublicKey> {
        let (kind, point) = match &self.point {
            Point::Ed25519(key) => (keys::Kind::Ed25519, key.as_bytes().to_vec()),
            Point::P256(key) => (keys::Kind::P256, key.to_sec1_point(false).as_bytes().to_vec()),
            Point::P384(key) => (keys::Kind::P384, key.to_sec1_point(false).as_bytes().to_vec()),
            Point::P521(key) => (keys::Kind::P521, key.to_sec1_point(false).as_bytes().to_vec()),
        };
        keys::PublicKey::from_point(kind, &point).ok()
    }

    /// The id of the key itself, equal for one public key in SPKI and here.
    #[must_use]
    pub fn content(&self) -> SignerId {
        self.plain().map_or_else(|| self.signer(), |key| key.id())
    }

    /// Every id by which a list may name this key.
    #[must_use]
    pub fn names(&self) -> Vec<SignerId> {
        let mut all = vec![self.signer()];
        all.extend(self.plain().into_iter().flat_map(|key| key.names()));
        all
    }

    /// The key in text form, as in a `.pub` file without comment.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{} {}", self.kind.name(), STANDARD.encode(&self.blob))
    }

    /// Checks a signature of this key over a message.
    ///
    /// # Errors
    /// [`Fault::Form`] when it is another key's, over another message, or was
    /// made without anybody touching the device.
    pub fn verify(&self, signature: &Signature, message: &[u8]) -> Result<(), Fault> {
        let wrong = || Fault::form("the signature does not fit key and content");
        if signature.kind != self.kind {
            let (key, made) = (self.kind.name(), signature.kind.name());
            return Err(Fault::form(format!("a signature of kind {made} by a key of kind {key}")));
        }
        let around;
        let message = match signature.device {
            None => message,
            Some(device) => {
                if device.flags & TOUCHED == 0 {
                    return Err(Fault::form(
                        "the security key was not touched: a program alone made the signature",
                    ));
                }
                // PROTOCOL.u2f, "SSH U2F signatures".
                around = Writer::new()
                    .raw(sha256(&[&self.application]).as_bytes())
                    .raw(&[device.flags])
                    .u32(device.counter)
                    .raw(sha256(&[message]).as_bytes())
                    .finish();
                &around
            }
        };
        let good = match (&self.point, &signature.body) {
            (Point::Ed25519(key), Body::Ed25519(body)) => {
                key.verify_strict(message, &ed25519_dalek::Signature::from_bytes(body)).is_ok()
            }
            (Point::P256(key), Body::Ecdsa(r, s)) => fixed(r, s, 32)
                .and_then(|both| p256::ecdsa::Signature::from_slice(&both).ok())
                .is_some_and(|both| key.verify(message, &both).is_ok()),
            (Point::P384(key), Body::Ecdsa(r, s)) => fixed(r, s, 48)
                .and_then(|both| p384::ecdsa::Signature::from_slice(&both).ok())
                .is_some_and(|both| key.verify(message, &both).is_ok()),
            (Point::P521(key), Body::Ecdsa(r, s)) => fixed(r, s, 66)
                .and_then(|both| p521::ecdsa::Signature::from_slice(&both).ok())
                .is_some_and(|both| key.verify(message, &both).is_ok()),
            _ => false,
        };
        if good { Ok(()) } else { Err(wrong()) }
    }
}

/// Two numbers as the curve's crate wants them, each of full width; it refuses
/// zero and what is not below the order.
fn fixed(r: &[u8], s: &[u8], width: usize) -> Option<Vec<u8>> {
    let mut out = vec![0; width * 2];
    for (half, number) in out.chunks_mut(width).zip([r, s]) {
        let from = width.checked_sub(number.len())?;
        half[from..].copy_from_slice(number);
    }
    Some(out)
}

impl Point {
    fn parse(kind: Kind, bytes: &[u8]) -> Result<Self, Fault> {
        if kind.curve().is_none() {
            let bytes = bytes.try_into().map_err(|_| Fault::form("an Ed25519 key has 32 bytes"))?;
            let key = ed25519_dalek::VerifyingKey::from_bytes(bytes)
                .map_err(|_| Fault::form("32 bytes that are no Ed25519 key"))?;
            return if key.is_weak() { Err(Fault::Weak) } else { Ok(Self::Ed25519(key)) };
        }
        // A compressed point would be a second blob, and so a second
        // fingerprint, of one key.
        if bytes.first() != Some(&4) {
            return Err(Fault::form("a point that is not in uncompressed form"));
        }
        let point = match kind {
            Kind::P384 => p384::ecdsa::VerifyingKey::from_sec1_bytes(bytes).map(Self::P384),
            Kind::P521 => p521::ecdsa::VerifyingKey::from_sec1_bytes(bytes).map(Self::P521),
            _ => p256::ecdsa::VerifyingKey::from_sec1_bytes(bytes).map(Self::P256),
        };
        point.map_err(|_| Fault::form("a point that is not on the curve"))
    }
}

/// The blob of a point as a key of OpenSSH that lies in no device.
#[must_use]
pub fn plain_blob(kind: keys::Kind, point: &[u8]) -> Vec<u8> {
    let kind = match kind {
        keys::Kind::Ed25519 => Kind::Ed25519,
        keys::Kind::P256 => Kind::P256,
        keys::Kind::P384 => Kind::P384,
        keys::Kind::P521 => Kind::P521,
    };
    let name = Writer::new().string(kind.name().as_bytes());
    kind.curve().into_iter().fold(name, |out, curve| out.string(curve.as_bytes())).string(point).finish()
}

/// The blob of the bare key in a key's or certificate's blob, for lists that
/// revoke. None for what cannot sign here at all, and so need not be revoked:
/// kinds that are named and not evaluated, and weak keys.
///
/// Attack: of a certificate nothing but its key is looked at. One that could
/// not be used here, for its authority or its restrictions, revokes its key all
/// the same.
pub(super) fn bare_blob(blob: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
    let mut reader = Reader::new(blob);
    let name = reader.text()?;
    if NOT_EVALUATED.contains(&name) {
        return Ok(None);
    }
    let read = match Kind::ALL.into_iter().find(|kind| kind.cert_name() == name) {
        None => PublicKey::parse(blob),
        Some(kind) => {
            let _nonce = reader.string()?;
            PublicKey::fields(kind, &mut reader)
        }
    };
    match read {
        Ok(key) => Ok(Some(key.blob)),
        Err(Fault::Weak) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// What a security key adds to a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Device {
    /// Bit 0: touched. Bit 2: it knew who.
    pub flags: u8,
    /// Signatures so far, as the device counts.
    pub counter: u32,
}

impl Device {
    /// Whether the device knew who touched it.
    #[must_use]
    pub const fn knew_who(self) -> bool {
        self.flags & VERIFIED != 0
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Body {
    Ed25519([u8; 64]),
    Ecdsa(Vec<u8>, Vec<u8>),
}

/// A signature as it stands on the wire, not yet checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    kind: Kind,
    body: Body,
    device: Option<Device>,
}

impl Signature {
    /// Reads a signature's blob.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn parse(blob: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(blob);
        let kind = Kind::of_name(reader.text()?)?;
        let bytes = reader.string()?;
        let body = if kind.curve().is_none() {
            Body::Ed25519(bytes.try_into().map_err(|_| Fault::form("an Ed25519 signature has 64 bytes"))?)
        } else {
            let mut both = Reader::new(bytes);
            let (r, s) = (both.mpint()?.to_vec(), both.mpint()?.to_vec());
            both.end()?;
            Body::Ecdsa(r, s)
        };
        let device = if kind.is_security_key() {
            Some(Device { flags: reader.byte()?, counter: reader.u32()? })
        } else {
            None
        };
        reader.end()?;
        Ok(Self { kind, body, device })
    }

    /// What a security key added.
    #[must_use]
    pub const fn device(&self) -> Option<Device> {
        self.device
    }
}

/// Base64 as it stands in key lines: with its padding, of one spelling.
pub(super) fn from_base64(text: &str) -> Result<Vec<u8>, Fault> {
    STANDARD.decode(text).map_err(|_| Fault::form("not base64, or with odd padding"))
}

#[cfg(test)]
mod tests;
