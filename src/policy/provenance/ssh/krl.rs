//! Binary key revocation lists (PROTOCOL.krl), as `ssh-keygen -k` makes them.
//!
//! A list that is not understood to its last byte is an error, never a shorter
//! list: the part that was not understood may name the key in question. Its
//! signature sections are read and not believed; who may write the file is
//! settled by where it lies.

use super::Fault;
use super::cert::{Certificate, Identity};
use super::key::{self, PublicKey};
use super::wire::Reader;
use crate::model::digest::Digest;
use crate::policy::provenance::sha1::sha1;
use std::collections::BTreeSet;

/// What every list begins with.
pub const MAGIC: &[u8; 8] = b"SSHKRL\n\0";
/// Most bytes of a list that are read.
pub const KRL_MAX: usize = 64 << 20;
/// Most bytes of one bitmap of serial numbers: a million of them.
const BITMAP_MAX: usize = 128 << 10;

/// Certificates of one authority, or of all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Certificates {
    /// The authority's blob; none: every authority.
    authority: Option<Vec<u8>>,
    /// First and last.
    serials: Vec<(u64, u64)>,
    key_ids: BTreeSet<Vec<u8>>,
}

/// A list that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Krl {
    /// Its number, which its maker counts up.
    pub version: u64,
    certificates: Vec<Certificates>,
    keys: BTreeSet<Vec<u8>>,
    sha1: BTreeSet<[u8; 20]>,
    sha256: BTreeSet<Digest>,
    notes: Vec<String>,
}

impl Krl {
    /// Reads a list.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        Self::read(bytes).map_err(|fault| fault.of("the revocation list"))
    }

    fn read(bytes: &[u8]) -> Result<Self, Fault> {
        if bytes.len() > KRL_MAX {
            return Err(Fault::form("more than 64 MiB"));
        }
        let mut reader = Reader::new(bytes);
        if reader.take(MAGIC.len())? != MAGIC {
            return Err(Fault::form("it does not begin with SSHKRL"));
        }
        let format = reader.u32()?;
        if format != 1 {
            return Err(Fault::unsupported(&format!("KRL format {format}")));
        }
        let mut list = Self { version: reader.u64()?, ..Self::default() };
        let _generated = reader.u64()?;
        if reader.u64()? != 0 {
            return Err(Fault::form("flags that no definition knows"));
        }
        let (_reserved, _comment) = (reader.string()?, reader.string()?);
        let mut signed = false;
        while !reader.is_empty() {
            let kind = reader.byte()?;
            let data = reader.string()?;
            if kind == 4 {
                // What follows the key is the signature itself.
                let _signature = reader.string()?;
                signed = true;
            } else if signed {
                return Err(Fault::form("a section behind its signature"));
            } else {
                list.section(kind, Reader::new(data))?;
            }
        }
        if signed {
            list.notes.push("the revocation list is signed, which is not checked".to_owned());
        }
        Ok(list)
    }

    fn section(&mut self, kind: u8, mut data: Reader<'_>) -> Result<(), Fault> {
        match kind {
            1 => {
                let certificates = self.certificates(data)?;
                self.certificates.extend(certificates);
            }
            2 => {
                while !data.is_empty() {
                    self.keys.extend(key::bare_blob(data.string()?)?);
                }
            }
            3 => {
                while !data.is_empty() {
                    let hash = data.string()?.try_into();
                    self.sha1.insert(hash.map_err(|_| Fault::form("a SHA-1 that has not 20 bytes"))?);
                }
            }
            5 => {
                while !data.is_empty() {
                    let hash = data.string()?.try_into().map(Digest::from_bytes);
                    self.sha256.insert(hash.map_err(|_| Fault::form("a SHA-256 that has not 32 bytes"))?);
                }
            }
            255 => self.extension(data)?,
            other => return Err(Fault::unsupported(&format!("KRL section {other}"))),
        }
        Ok(())
    }

    /// Passed over if it says that it may be.
    fn extension(&mut self, mut data: Reader<'_>) -> Result<(), Fault> {
        let name = data.text()?;
        let critical = data.byte()?;
        let _contents = data.string()?;
        data.end()?;
        if critical != 0 {
            return Err(Fault::unsupported(&format!("KRL extension {name}")));
        }
        self.notes.push("the revocation list has an extension, which is passed over".to_owned());
        Ok(())
    }

    /// None if the authority is of a kind that nobody can sign with here.
    fn certificates(&mut self, mut data: Reader<'_>) -> Result<Option<Certificates>, Fault> {
        let (authority, _reserved) = (data.string()?, data.string()?);
        let mut out = Certificates::default();
        let known = if authority.is_empty() {
            true
        } else {
            out.authority = key::bare_blob(authority)?;
            out.authority.is_some()
        };
        while !data.is_empty() {
            let kind = data.byte()?;
            let mut part = Reader::new(data.string()?);
            match kind {
                0x20 => {
                    while !part.is_empty() {
                        let serial = part.u64()?;
                        out.add(serial, serial)?;
                    }
                }
                0x21 => {
                    out.add(part.u64()?, part.u64()?)?;
                    part.end()?;
                }
                0x22 => {
                    let first = part.u64()?;
                    let bitmap = part.mpint()?;
                    part.end()?;
                    out.add_bitmap(first, bitmap)?;
                }
                0x23 => {
                    while !part.is_empty() {
                        out.key_ids.insert(part.text()?.as_bytes().to_vec());
                    }
                }
                0x39 => self.extension(part)?,
                other => return Err(Fault::unsupported(&format!("KRL certificate section {other}"))),
            }
        }
        Ok(known.then_some(out))
    }

    /// Why this signer is revoked, if it is.
    #[must_use]
    pub fn revokes(&self, identity: &Identity) -> Option<String> {
        let by_key =
            |key: &PublicKey, what: &str| self.has_key(key).map(|how| format!("{what} stands in it{how}"));
        by_key(identity.key(), "the key").or_else(|| match identity {
            Identity::Key(_) => None,
            Identity::Certificate(cert) => {
                by_key(&cert.authority, "the authority's key").or_else(|| self.has_certificate(cert))
            }
        })
    }

    /// What is worth knowing about the list.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    fn has_key(&self, key: &PublicKey) -> Option<&'static str> {
        if self.keys.contains(key.blob()) {
            return Some("");
        }
        if self.sha256.contains(&key.digest()) {
            return Some(", by its SHA-256");
        }
        // A key that was made to share its SHA-1 is not told apart: revoked.
        let listed =
            !self.sha1.is_empty() && sha1(&[key.blob()]).map_or(true, |hash| self.sha1.contains(&hash));
        listed.then_some(", by its SHA-1")
    }

    fn has_certificate(&self, cert: &Certificate) -> Option<String> {
        let of_it = |list: &&Certificates| {
            list.authority.as_deref().is_none_or(|authority| authority == cert.authority.blob())
        };
        self.certificates.iter().filter(of_it).find_map(|list| {
            if list.key_ids.contains(&cert.key_id) {
                return Some("the certificate stands in it, by its key id".to_owned());
            }
            // 0 says that the authority gave no number.
            let serial = cert.serial;
            let listed =
                serial != 0 && list.serials.iter().any(|(first, last)| (*first..=*last).contains(&serial));
            listed.then(|| format!("the certificate stands in it, by its serial number {serial}"))
        })
    }
}

impl Certificates {
    fn add(&mut self, first: u64, last: u64) -> Result<(), Fault> {
        if first == 0 || first > last {
            return Err(Fault::form(format!("serial numbers from {first} to {last}")));
        }
        match self.serials.last_mut() {
            Some((_, end)) if end.checked_add(1) == Some(first) => *end = last,
            _ => self.serials.push((first, last)),
        }
        Ok(())
    }

    /// Bit n, counted from the last of the last byte, is number `first` + n.
    fn add_bitmap(&mut self, first: u64, bitmap: &[u8]) -> Result<(), Fault> {
        if bitmap.len() > BITMAP_MAX {
            return Err(Fault::form("a bitmap of more than 128 KiB"));
        }
        for (at, byte) in (0_u64..).step_by(8).zip(bitmap.iter().rev()) {
            for bit in (0..8).filter(|bit| byte >> bit & 1 == 1) {
                let serial = first.checked_add(at + bit);
                let serial = serial.ok_or_else(|| Fault::form("a bitmap beyond the last serial number"))?;
                self.add(serial, serial)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::Writer;
    use super::*;
    use proptest::prelude::*;

    fn key(seed: u8) -> PublicKey {
        let secret = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]);
        PublicKey::ed25519(secret.verifying_key().as_bytes()).unwrap()
    }

    fn head() -> Writer {
        Writer::new().raw(MAGIC).u32(1).raw(&[0; 24]).string(b"").string(b"a comment")
    }

    fn list(sections: &[(u8, Vec<u8>)]) -> Vec<u8> {
        sections.iter().fold(head(), |writer, (kind, data)| writer.raw(&[*kind]).string(data)).finish()
    }

    fn serials(parts: &[(u8, Vec<u8>)]) -> Vec<u8> {
        let start = Writer::new().string(b"").string(b"");
        parts.iter().fold(start, |writer, (kind, data)| writer.raw(&[*kind]).string(data)).finish()
    }

    fn numbers(all: &[u64]) -> Vec<u8> {
        all.iter().flat_map(|one| one.to_be_bytes()).collect()
    }

    #[test]
    fn keys_are_found_by_themselves_and_by_their_hashes() {
        let one = Identity::from(key(1));
        let by = |kind: u8, data: &[u8]| {
            Krl::parse(&list(&[(kind, Writer::new().string(data).finish())])).unwrap()
        };
        let hash = sha1(&[key(1).blob()]).unwrap();
        for list in [by(2, key(1).blob()), by(3, &hash), by(5, key(1).digest().as_bytes())] {
            assert!(list.revokes(&one).is_some());
            assert!(list.revokes(&Identity::from(key(2))).is_none());
        }
    }

    #[test]
    fn serial_numbers_come_in_three_forms() {
        let has = |parts: &[(u8, Vec<u8>)], serial: u64| {
            let list = Krl::parse(&list(&[(1, serials(parts))])).unwrap();
            list.certificates[0].serials.iter().any(|(first, last)| (*first..=*last).contains(&serial))
        };
        let bitmap = Writer::new().raw(&numbers(&[10])).string(&[0x01, 0x05]).finish();
        for (serial, listed) in [(9, false), (10, true), (11, false), (12, true), (18, true), (19, false)] {
            assert_eq!(has(&[(0x22, bitmap.clone())], serial), listed, "{serial}");
        }
        assert!(has(&[(0x20, numbers(&[5, 7]))], 7) && !has(&[(0x20, numbers(&[5, 7]))], 6));
        assert!(has(&[(0x21, numbers(&[5, u64::MAX]))], u64::MAX));
    }

    #[test]
    fn what_is_not_understood_is_an_error_and_never_a_shorter_list() {
        let extension = |critical| Writer::new().string(b"x@y").raw(&[critical]).string(b"").finish();
        let bitmap = |first, bits: &[u8]| Writer::new().raw(&numbers(&[first])).string(bits).finish();
        let bad = [
            b"SSHKRL\n".to_vec(),
            Writer::new().raw(MAGIC).u32(2).raw(&[0; 24]).string(b"").string(b"").finish(),
            Writer::new().raw(MAGIC).u32(1).raw(&[1; 24]).string(b"").string(b"").finish(),
            list(&[(6, vec![])]),
            list(&[(255, extension(1))]),
            list(&[(2, vec![0, 0, 0, 9])]),
            list(&[(2, Writer::new().string(&[key(1).blob(), &[0]].concat()).finish())]),
            list(&[(3, Writer::new().string(&[0; 19]).finish())]),
            list(&[(5, Writer::new().string(&[0; 31]).finish())]),
            list(&[(1, serials(&[(0x24, vec![])]))]),
            list(&[(1, serials(&[(0x20, numbers(&[0]))]))]),
            list(&[(1, serials(&[(0x21, numbers(&[7, 5]))]))]),
            list(&[(1, serials(&[(0x21, numbers(&[5, 7, 9]))]))]),
            list(&[(1, serials(&[(0x22, bitmap(u64::MAX, &[2]))]))]),
            list(&[(1, serials(&[(0x22, bitmap(1, &[0, 1]))]))]),
            list(&[(1, serials(&[(0x22, bitmap(1, &[1; BITMAP_MAX + 1]))]))]),
            list(&[(1, Writer::new().string(&[1]).string(b"").finish())]),
            list(&[(2, Writer::new().string(&Writer::new().string(b"ssh-new").finish()).finish())]),
            [&list(&[]), &[2][..]].concat(),
            head().raw(&[4]).string(b"key").string(b"sig").raw(&[2]).string(b"").finish(),
        ];
        for (at, bytes) in bad.iter().enumerate() {
            assert!(Krl::parse(bytes).is_err(), "{at}");
        }
        let signed = Krl::parse(&head().raw(&[4]).string(b"key").string(b"sig").finish()).unwrap();
        assert_eq!(signed.notes().len(), 1);
        assert_eq!(Krl::parse(&list(&[(255, extension(0))])).unwrap().notes().len(), 1);
    }

    #[test]
    fn keys_that_cannot_sign_here_are_passed_over() {
        let rsa = Writer::new().string(b"ssh-rsa").string(&[1]).string(&[3]).finish();
        let weak = Writer::new().string(b"ssh-ed25519").string(&[0; 32]).finish();
        let keys = Writer::new().string(&rsa).string(&weak).string(key(1).blob()).finish();
        let authority = Writer::new().string(&rsa).string(b"").finish();
        let list = Krl::parse(&list(&[(2, keys), (1, authority)])).unwrap();
        assert!(list.revokes(&Identity::from(key(1))).is_some());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(kind in 0..8_u8, bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = Krl::parse(&bytes);
            let _ = Krl::parse(&list(&[(kind, bytes.clone())]));
            let _ = Krl::parse(&list(&[(1, serials(&[(0x1f + kind, bytes)]))]));
        }
    }
}
