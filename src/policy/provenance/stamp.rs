//! RFC 3161 time stamps over a signature: that it was there at that moment, by
//! the word of an authority that we believe.
//!
//! ```text
//! ContentInfo(signedData)
//!   SignedData   one signer
//!     TSTInfo        hash of the stamped bytes, and the time
//!     certificates   the authority's, and those above it
//!     SignerInfo     signedAttrs: content type, hash of TSTInfo, hash of the certificate; a signature over them
//! ```
//!
//! Only what is needed of CMS (RFC 5652) is read, in DER to the byte: definite,
//! shortest lengths, nothing left over. Taken are ECDSA authorities that name
//! their certificate by SHA-256 (RFC 5816), below one of our stamp anchors, with
//! ExtendedKeyUsage timeStamping.
//!
//! A stamp only ever adds: one that cannot be followed is as if it were not
//! there, and the verdict says so.

use super::keys::{Hash, PublicKey};
use super::x509::{self, Anchor};
use crate::model::digest::sha256;
use crate::model::signer::SignerId;
use crate::model::time::Timestamp;

/// 1.2.840.113549.1.7.2
const SIGNED_DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
/// 1.2.840.113549.1.9.16.1.4
const TST_INFO: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x04";
/// 1.2.840.113549.1.9.3
const CONTENT_TYPE: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03";
/// 1.2.840.113549.1.9.4
const MESSAGE_DIGEST: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04";
/// 1.2.840.113549.1.9.16.2.47
const SIGNING_CERTIFICATE_V2: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x2f";

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OID: u8 = 0x06;
const TIME: u8 = 0x18;
const TAG0: u8 = 0xa0;
const TAG1: u8 = 0xa1;

/// Why a stamp says nothing.
type Fault = String;

/// A stamp that was followed to an anchor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// The moment, cut to the second.
    pub time: Timestamp,
    /// The keys and certificates that vouch for it, as revocation lists name them.
    pub path: Vec<SignerId>,
}

/// Reads a stamp over these bytes and follows it.
///
/// # Errors
/// Why it cannot be followed, in words.
pub fn read(token: &[u8], stamped: &[u8], anchors: &[Anchor]) -> Result<Stamp, String> {
    let token = Token::read(token).ok_or("it is not a time stamp in the form that is read here")?;
    let info = Info::read(token.info).ok_or("what it says is not in the form that is read here")?;
    if info.imprint != info.hash.of(stamped) {
        return Err("it is over other bytes than this signature".to_owned());
    }
    let attributes =
        Attributes::read(token.attributes).ok_or("its attributes are not in the form that is read here")?;
    if attributes.digest != token.digest.of(token.info) {
        return Err("its hash of what it says is wrong".to_owned());
    }
    // Attack: certificates in the token are not signed; which one is meant, is.
    let named = |der: &&Vec<u8>| sha256(&[der]).as_bytes() == attributes.certificate;
    let leaf =
        token.certificates.iter().find(named).ok_or("it does not hold the certificate that it names")?;
    let above: Vec<_> = token.certificates.iter().filter(|der| *der != leaf).cloned().collect();
    let chain = [std::slice::from_ref(leaf), above.as_slice()].concat();
    let found = x509::certify_stamper(&chain, anchors, info.time).map_err(|verdict| verdict.to_string())?;
    signed(&found.key, &token)?;
    Ok(Stamp { time: info.time, path: found.path })
}

/// Whether the attributes were signed, as the set that they are.
fn signed(key: &PublicKey, token: &Token<'_>) -> Result<(), Fault> {
    let mut message = token.attributes_whole.to_vec();
    // Signed is the SET itself, not the field that it lies in (RFC 5652, 5.4).
    if let Some(tag) = message.first_mut() {
        *tag = SET;
    }
    key.verify_with(token.signature_hash, &message, token.signature)
        .map_err(|_| "its signature is wrong".to_owned())
}

/// A token, taken apart; nothing in it is verified.
struct Token<'a> {
    /// DER of `TSTInfo`.
    info: &'a [u8],
    certificates: Vec<Vec<u8>>,
    /// The hash over `info`.
    digest: Hash,
    /// Contents of `signedAttrs`.
    attributes: &'a [u8],
    /// The same with tag and length.
    attributes_whole: &'a [u8],
    signature_hash: Hash,
    signature: &'a [u8],
}

impl<'a> Token<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
        let mut content = Reader::all(der).only(SEQUENCE)?;
        (content.take(OID)? == SIGNED_DATA).then_some(())?;
        let mut data = Reader::all(content.last(TAG0)?).only(SEQUENCE)?;
        (data.take(INTEGER)? == [3]).then_some(())?;
        data.take(SET)?;
        let mut inner = Reader::all(data.take(SEQUENCE)?);
        (inner.take(OID)? == TST_INFO).then_some(())?;
        let info = Reader::all(inner.last(TAG0)?).last(OCTETS)?;
        let mut certificates = Vec::new();
        let mut list = Reader::all(data.optional(TAG0).unwrap_or_default());
        while !list.rest.is_empty() {
            certificates.push(list.whole(SEQUENCE)?.1.to_vec());
        }
        data.optional(TAG1);
        // Exactly one signer: with two, one program looks at this one, one at that.
        let mut signer = Reader::all(data.last(SET)?).only(SEQUENCE)?;
        let version = signer.take(INTEGER)?;
        // Which certificate is meant stands in the signed attributes too; that is believed.
        match version {
            [1] => signer.take(SEQUENCE)?,
            [3] => signer.take(0x80)?,
            _ => return None,
        };
        let digest = hash(signer.take(SEQUENCE)?)?;
        let (attributes, attributes_whole) = signer.whole(TAG0)?;
        let signature_hash = ecdsa_hash(signer.take(SEQUENCE)?)?;
        let signature = signer.take(OCTETS)?;
        signer.optional(TAG1);
        signer.end()?;
        Some(Self { info, certificates, digest, attributes, attributes_whole, signature_hash, signature })
    }
}

/// `TSTInfo`, as far as it is used.
struct Info<'a> {
    hash: Hash,
    imprint: &'a [u8],
    time: Timestamp,
}

impl<'a> Info<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
        let mut info = Reader::all(der).only(SEQUENCE)?;
        (info.take(INTEGER)? == [1]).then_some(())?;
        info.take(OID)?;
        let mut imprint = Reader::all(info.take(SEQUENCE)?);
        let hash = hash(imprint.take(SEQUENCE)?)?;
        let imprint = imprint.last(OCTETS)?;
        info.take(INTEGER)?;
        // Accuracy, ordering, nonce, name and extensions may follow.
        Some(Self { hash, imprint, time: time(info.take(TIME)?)? })
    }
}

/// The three attributes that must be signed.
struct Attributes<'a> {
    digest: &'a [u8],
    certificate: &'a [u8],
}

impl<'a> Attributes<'a> {
    fn read(contents: &'a [u8]) -> Option<Self> {
        let (mut kind, mut digest, mut certificate) = (None, None, None);
        let mut list = Reader::all(contents);
        while !list.rest.is_empty() {
            let mut one = Reader::all(list.take(SEQUENCE)?);
            let (name, value) = (one.take(OID)?, one.last(SET)?);
            let slot = match name {
                CONTENT_TYPE => &mut kind,
                MESSAGE_DIGEST => &mut digest,
                SIGNING_CERTIFICATE_V2 => &mut certificate,
                _ => continue,
            };
            // Each once.
            if slot.replace(value).is_some() {
                return None;
            }
        }
        (Reader::all(kind?).last(OID)? == TST_INFO).then_some(())?;
        // SigningCertificateV2, its list, the first ESSCertIDv2; without an
        // algorithm it is SHA-256, and with one it is not in DER.
        let mut named = Reader::all(Reader::all(certificate?).only(SEQUENCE)?.take(SEQUENCE)?);
        let certificate = Reader::all(named.take(SEQUENCE)?).take(OCTETS)?;
        Some(Self { digest: Reader::all(digest?).last(OCTETS)?, certificate })
    }
}

/// An `AlgorithmIdentifier` of a hash, without parameters or with NULL.
fn hash(algorithm: &[u8]) -> Option<Hash> {
    let mut reader = Reader::all(algorithm);
    let oid = reader.take(OID)?;
    if !reader.rest.is_empty() && reader.rest != [5, 0] {
        return None;
    }
    match oid.strip_prefix(b"\x60\x86\x48\x01\x65\x03\x04\x02")? {
        [1] => Some(Hash::Sha256),
        [2] => Some(Hash::Sha384),
        [3] => Some(Hash::Sha512),
        _ => None,
    }
}

/// An `AlgorithmIdentifier` of ECDSA with a hash.
fn ecdsa_hash(algorithm: &[u8]) -> Option<Hash> {
    match Reader::all(algorithm).last(OID)?.strip_prefix(b"\x2a\x86\x48\xce\x3d\x04\x03")? {
        [2] => Some(Hash::Sha256),
        [3] => Some(Hash::Sha384),
        [4] => Some(Hash::Sha512),
        _ => None,
    }
}

/// `YYYYMMDDHHMMSS`, perhaps a fraction, `Z`; the fraction is cut, so the moment
/// is never later than it is.
fn time(text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, part)| (whole, Some(part)));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() != 14
        || !digits(whole)
        || fraction.is_some_and(|part| !digits(part) || part.ends_with('0'))
    {
        return None;
    }
    let [date, clock] = [&whole[..8], &whole[8..]];
    let text = format!(
        "{}-{}-{}T{}:{}:{}Z",
        &date[..4],
        &date[4..6],
        &date[6..],
        &clock[..2],
        &clock[2..4],
        &clock[4..]
    );
    Timestamp::parse_exact(text.as_bytes())
}

/// What is left of some DER.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    const fn all(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    /// The next value with this tag: its contents, and all of it.
    fn whole(&mut self, tag: u8) -> Option<(&'a [u8], &'a [u8])> {
        let [found, length, rest @ ..] = self.rest else { return None };
        let (length, rest) = match *length {
            short @ 0..=0x7f => (usize::from(short), rest),
            0x81 => (usize::from(*rest.first().filter(|byte| **byte >= 0x80)?), rest.get(1..)?),
            0x82 => {
                let long = u16::from_be_bytes([*rest.first().filter(|byte| **byte != 0)?, *rest.get(1)?]);
                (usize::from(long), rest.get(2..)?)
            }
            // Indefinite, or more than 64 KiB.
            _ => return None,
        };
        let (contents, after) = rest.split_at_checked(length)?;
        if *found != tag {
            return None;
        }
        let whole = &self.rest[..self.rest.len() - after.len()];
        self.rest = after;
        Some((contents, whole))
    }

    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.whole(tag).map(|(contents, _)| contents)
    }

    /// The next value if it has this tag.
    fn optional(&mut self, tag: u8) -> Option<&'a [u8]> {
        if self.rest.first() == Some(&tag) { self.take(tag) } else { None }
    }

    /// A value with nothing behind it.
    fn last(&mut self, tag: u8) -> Option<&'a [u8]> {
        let contents = self.take(tag)?;
        self.end()?;
        Some(contents)
    }

    /// As [`Self::last`], to be read on.
    fn only(mut self, tag: u8) -> Option<Self> {
        self.last(tag).map(Self::all)
    }

    fn end(&self) -> Option<()> {
        self.rest.is_empty().then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_moment_has_one_spelling() {
        let at = |text: &str| time(text.as_bytes()).map(|at| at.to_string());
        assert_eq!(at("20261121120000Z").as_deref(), Some("2026-11-21T12:00:00Z"));
        assert_eq!(at("20261121120000.25Z").as_deref(), Some("2026-11-21T12:00:00Z"));
        for text in [
            "",
            "Z",
            "20261121120000",
            "261121120000Z",
            "20261121120000.Z",
            "20261121120000.50Z",
            "20261121120000+0000",
            "20261131120000Z",
            "20261121120060Z",
            "2026112112000 Z",
            "20261121120000.2.5Z",
            "２０２６11211200Z",
        ] {
            assert_eq!(at(text), None, "{text}");
        }
    }

    #[test]
    fn lengths_are_definite_and_shortest() {
        let read = |der: &[u8]| Reader::all(der).last(OCTETS).map(<[u8]>::len);
        assert_eq!(read(b"\x04\x01x"), Some(1));
        let long = |head: &[u8], length: usize| read(&[head, &vec![0; length]].concat());
        assert_eq!(long(b"\x04\x81\x80", 128), Some(128));
        assert_eq!(long(b"\x04\x82\x01\x00", 256), Some(256));
        assert_eq!(long(b"\x04\x81\x7f", 127), None);
        assert_eq!(long(b"\x04\x82\x00\xff", 255), None);
        for der in [
            &b""[..],
            b"\x04",
            b"\x04\x01",
            b"\x04\x02x",
            b"\x04\x01xy",
            b"\x04\x80x\x00\x00",
            b"\x05\x01x",
            b"\x04\x81",
            b"\x04\x82\x01",
            b"\x04\x83\x00\x00\x01x",
        ] {
            assert_eq!(read(der), None, "{der:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_have_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(read(&bytes, b"", &[]).is_err());
        }
    }
}
