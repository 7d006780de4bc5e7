//! OpenSSH certificates (PROTOCOL.certkeys): an authority's word that a key
//! belongs to some principals, for a time.
//!
//! Only user certificates count, with at least one principal and a validity
//! that holds at the time in question. Critical options restrict what a
//! certificate may be used for; the only one that can be honoured where there
//! is no login is `verify-required`, so every other one refuses. Extensions
//! permit things at a login and are passed over, as their definition says.

use super::Fault;
use super::key::{Kind, PublicKey, Signature};
use super::wire::Reader;
use crate::model::text;
use crate::model::time::Timestamp;

/// Most principals in one certificate, as OpenSSH has it.
const PRINCIPALS_MAX: usize = 256;
/// The type of a user's certificate; a host's is 2.
const USER: u32 = 1;

/// A certificate; its authority's signature is checked by
/// [`Certificate::verify_authority`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The key that is certified.
    pub key: PublicKey,
    /// The authority's number for it; 0: none was given.
    pub serial: u64,
    /// The authority's name for it, as bytes: revocation lists compare these.
    pub key_id: Vec<u8>,
    /// Whom the key belongs to.
    pub principals: Vec<String>,
    /// Who says so.
    pub authority: PublicKey,
    after: u64,
    before: u64,
    verify_required: bool,
    signed: Vec<u8>,
    signature: Signature,
}

/// Why a certificate does not hold at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotThen(pub String);

impl Certificate {
    /// Whether this is the name of a certificate's kind, and of which key's.
    #[must_use]
    pub fn kind_of(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.cert_name() == name)
    }

    /// Reads a certificate's blob.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn parse(blob: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(blob);
        let name = reader.text()?;
        let kind = Self::kind_of(name).ok_or_else(|| Fault::unsupported(name))?;
        let _nonce = reader.string()?;
        let key = PublicKey::fields(kind, &mut reader)?;
        let serial = reader.u64()?;
        if reader.u32()? != USER {
            return Err(Fault::form("a certificate that is not a user's"));
        }
        let key_id = reader.text()?.as_bytes().to_vec();
        let principals = principals(reader.string()?)?;
        let (after, before) = (reader.u64()?, reader.u64()?);
        let mut verify_required = false;
        for (name, data) in options(reader.string()?)? {
            if name != "verify-required" || !data.is_empty() {
                let what =
                    format!("a certificate with the critical option `{}`", text::escape_short(name, 80));
                return Err(Fault::Unsupported(what));
            }
            verify_required = true;
        }
        let _extensions = options(reader.string()?)?;
        if !reader.string()?.is_empty() {
            return Err(Fault::form("the reserved field is not empty"));
        }
        // A certificate here would make a chain, which OpenSSH has not.
        let authority =
            PublicKey::parse(reader.string()?).map_err(|fault| fault.of("the authority's key"))?;
        let signed = blob[..blob.len() - reader.rest().len()].to_vec();
        let signature =
            Signature::parse(reader.string()?).map_err(|fault| fault.of("the authority's signature"))?;
        reader.end()?;
        Ok(Self {
            key,
            serial,
            key_id,
            principals,
            authority,
            after,
            before,
            verify_required,
            signed,
            signature,
        })
    }

    /// Checks that the authority it names has signed it.
    ///
    /// # Errors
    /// [`Fault::Form`].
    pub fn verify_authority(&self) -> Result<(), Fault> {
        self.authority.verify(&self.signature, &self.signed).map_err(|fault| fault.of("the certificate"))
    }

    /// Whether it holds then: from its first second, up to but not at its end.
    ///
    /// # Errors
    /// [`NotThen`], with both times.
    pub fn holds_at(&self, at: Timestamp) -> Result<(), NotThen> {
        let now = u64::try_from(at.unix()).unwrap_or(0);
        let shown = |time: u64| {
            i64::try_from(time)
                .map_or_else(|_| "for ever".to_owned(), |time| Timestamp::from_unix(time).to_string())
        };
        if now < self.after {
            return Err(NotThen(format!(
                "the certificate begins {}, the evidence is of {at}",
                shown(self.after)
            )));
        }
        if now >= self.before {
            return Err(NotThen(format!(
                "the certificate ended {}, the evidence is of {at}",
                shown(self.before)
            )));
        }
        Ok(())
    }

    /// Checks what the certificate asks of each signature of its key.
    ///
    /// # Errors
    /// [`Fault::Form`].
    pub fn allows(&self, signature: &Signature) -> Result<(), Fault> {
        if self.verify_required && !signature.device().is_some_and(super::key::Device::knew_who) {
            let why = "the certificate wants the device to know who touches it, and it did not";
            return Err(Fault::form(why));
        }
        Ok(())
    }
}

/// Attack: a certificate without principals would be one for everybody.
fn principals(bytes: &[u8]) -> Result<Vec<String>, Fault> {
    let (mut reader, mut out) = (Reader::new(bytes), Vec::new());
    while !reader.is_empty() {
        let name = reader.text()?;
        if name.is_empty() || name.chars().any(text::is_hidden) {
            return Err(Fault::form("a principal that is empty or holds hidden characters"));
        }
        if out.len() == PRINCIPALS_MAX {
            return Err(Fault::form("more than 256 principals"));
        }
        out.push(name.to_owned());
    }
    if out.is_empty() { Err(Fault::form("a certificate without principals")) } else { Ok(out) }
}

/// Pairs of name and data, the names in order and none twice.
fn options(bytes: &[u8]) -> Result<Vec<(&str, &[u8])>, Fault> {
    let (mut reader, mut out) = (Reader::new(bytes), Vec::<(&str, &[u8])>::new());
    while !reader.is_empty() {
        let (name, data) = (reader.text()?, reader.string()?);
        if out.last().is_some_and(|(last, _)| *last >= name) {
            return Err(Fault::form("options out of order, or one twice"));
        }
        out.push((name, data));
    }
    Ok(out)
}

/// Who signed: a bare key, or one with a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// A bare key.
    Key(Box<PublicKey>),
    /// A certified key.
    Certificate(Box<Certificate>),
}

impl From<PublicKey> for Identity {
    fn from(key: PublicKey) -> Self {
        Self::Key(Box::new(key))
    }
}

impl Identity {
    /// Reads the blob of either.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn parse(blob: &[u8]) -> Result<Self, Fault> {
        let name = Reader::new(blob).text()?;
        if Certificate::kind_of(name).is_some() {
            Certificate::parse(blob).map(|cert| Self::Certificate(Box::new(cert)))
        } else {
            PublicKey::parse(blob).map(Self::from)
        }
    }

    /// Reads a word with the kind and one with the blob in base64.
    ///
    /// # Errors
    /// [`Fault`]; also when the two tell different kinds.
    pub fn parse_text(name: &str, base64: &str) -> Result<Self, Fault> {
        let blob = super::key::from_base64(base64)?;
        if Reader::new(&blob).text()? != name {
            return Err(Fault::form("the word before the key names another kind than the key"));
        }
        Self::parse(&blob)
    }

    /// The key that signs.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        match self {
            Self::Key(key) => key,
            Self::Certificate(cert) => &cert.key,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::Writer;
    use super::*;
    use ed25519_dalek::{Signer as _, SigningKey};

    /// A certificate of key 1 by authority 2, with some of its fields changed.
    struct Parts {
        kind: u32,
        principals: Vec<u8>,
        critical: Vec<u8>,
        reserved: Vec<u8>,
        extensions: Vec<u8>,
    }

    fn parts() -> Parts {
        let principals = Writer::new().string(b"ana").finish();
        Parts { kind: USER, principals, critical: vec![], reserved: vec![], extensions: vec![] }
    }

    fn made(parts: &Parts) -> Vec<u8> {
        let (key, authority) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
        let authority_key = PublicKey::ed25519(authority.verifying_key().as_bytes()).unwrap();
        let body = Writer::new()
            .string(Kind::Ed25519.cert_name().as_bytes())
            .string(b"nonce")
            .string(key.verifying_key().as_bytes())
            .raw(&7_u64.to_be_bytes())
            .u32(parts.kind)
            .string(b"id")
            .string(&parts.principals)
            .raw(&100_u64.to_be_bytes())
            .raw(&200_u64.to_be_bytes())
            .string(&parts.critical)
            .string(&parts.extensions)
            .string(&parts.reserved)
            .string(authority_key.blob());
        let bytes = body.clone().finish();
        let signature =
            Writer::new().string(b"ssh-ed25519").string(&authority.sign(&bytes).to_bytes()).finish();
        body.string(&signature).finish()
    }

    #[test]
    fn a_certificate_holds_from_its_first_second_to_before_its_last() {
        let cert = Certificate::parse(&made(&parts())).unwrap();
        assert_eq!((cert.serial, cert.key_id.as_slice(), cert.principals.len()), (7, &b"id"[..], 1));
        cert.verify_authority().unwrap();
        for (at, holds) in [(-1, false), (99, false), (100, true), (199, true), (200, false)] {
            assert_eq!(cert.holds_at(Timestamp::from_unix(at)).is_ok(), holds, "{at}");
        }
    }

    #[test]
    fn what_restricts_or_is_odd_is_refused() {
        let option = |name: &str, data: &[u8]| Writer::new().string(name.as_bytes()).string(data).finish();
        let cases = [
            (Parts { kind: 2, ..parts() }, "not a user's"),
            (Parts { principals: vec![], ..parts() }, "without principals"),
            (Parts { principals: Writer::new().string(b"").finish(), ..parts() }, "empty or holds"),
            (Parts { principals: Writer::new().string(b"a\nb").finish(), ..parts() }, "empty or holds"),
            (Parts { principals: vec![0, 0, 0, 9], ..parts() }, "cut off"),
            (Parts { critical: option("force-command", b"x"), ..parts() }, "force-command"),
            (Parts { critical: option("source-address", b"x"), ..parts() }, "source-address"),
            (Parts { critical: option("made-up", b""), ..parts() }, "made-up"),
            (Parts { critical: option("verify-required", b"x"), ..parts() }, "verify-required"),
            (Parts { extensions: [option("b", b""), option("a", b"")].concat(), ..parts() }, "order"),
            (Parts { extensions: [option("a", b""), option("a", b"")].concat(), ..parts() }, "order"),
            (Parts { reserved: vec![1], ..parts() }, "reserved"),
        ];
        for (parts, said) in cases {
            let why = Certificate::parse(&made(&parts)).unwrap_err().to_string();
            assert!(why.contains(said), "{why}, not {said}");
        }
        let fine = Parts { extensions: [option("a", b""), option("b", b"x")].concat(), ..parts() };
        assert!(Certificate::parse(&made(&fine)).is_ok());
    }

    #[test]
    fn every_changed_byte_is_seen() {
        let good = made(&parts());
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            let judged = Certificate::parse(&bad).and_then(|cert| cert.verify_authority());
            assert!(judged.is_err(), "byte {at}");
        }
        for cut in 0..good.len() {
            assert!(Certificate::parse(&good[..cut]).is_err(), "{cut}");
        }
        assert!(Certificate::parse(&[&good[..], &[0]].concat()).is_err());
    }

    #[test]
    fn a_certificate_that_wants_to_know_who_needs_a_device_that_does() {
        let critical = Writer::new().string(b"verify-required").string(b"").finish();
        let cert = Certificate::parse(&made(&Parts { critical, ..parts() })).unwrap();
        let plain =
            Signature::parse(&Writer::new().string(b"ssh-ed25519").string(&[0; 64]).finish()).unwrap();
        assert!(cert.allows(&plain).is_err());
        for (flags, fine) in [(1, false), (5, true)] {
            let name = Kind::SkEd25519.name().as_bytes();
            let blob = Writer::new().string(name).string(&[0; 64]).raw(&[flags]).u32(1).finish();
            assert_eq!(cert.allows(&Signature::parse(&blob).unwrap()).is_ok(), fine);
        }
    }
}
