//! Hashes of a metadata or target file, as sections 4.4 and 4.5 list them.

use super::Malformed;
use super::json::Value;
use crate::model::digest::{Digest, sha256, sha512_hex};

/// One or more hashes of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hashes {
    sha256: Option<Digest>,
    sha512: Option<String>,
    /// An algorithm or a form that we do not know: then nothing ever matches,
    /// since all that are listed must.
    odd: bool,
}

impl Hashes {
    pub(super) fn read(value: &Value, what: &str) -> Result<Self, Malformed> {
        let map = value.members(what)?;
        if map.is_empty() {
            return Err(Malformed(format!("{what} is empty")));
        }
        let mut hashes = Self { sha256: None, sha512: None, odd: false };
        for (algorithm, hash) in map {
            let hash = hash.text(what)?;
            let hex = hash.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
            match (algorithm.as_str(), hash.len()) {
                ("sha256", 64) if hex => hashes.sha256 = Digest::from_hex(hash).ok(),
                ("sha512", 128) if hex => hashes.sha512 = Some(hash.to_owned()),
                _ => hashes.odd = true,
            }
        }
        Ok(hashes)
    }

    /// Whether every hash that is listed is that of these bytes.
    #[must_use]
    pub fn fit(&self, bytes: &[u8]) -> bool {
        !self.odd
            && self.sha256.is_none_or(|wanted| wanted == sha256(&[bytes]))
            && self.sha512.as_ref().is_none_or(|wanted| *wanted == sha512_hex(bytes))
    }

    /// The one that names the file where consistent snapshots are used (5.7.3).
    #[must_use]
    pub fn prefix(&self) -> Option<String> {
        self.sha256.map(|digest| digest.hex()).or_else(|| self.sha512.clone())
    }

    /// The SHA-256, if it is listed.
    #[must_use]
    pub const fn sha256(&self) -> Option<Digest> {
        self.sha256
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // FIPS 180-4 examples for `abc`.
    const ABC_256: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const ABC_512: &str = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

    fn read(pairs: &[(&str, &str)]) -> Result<Hashes, Malformed> {
        let map = pairs.iter().map(|(a, h)| ((*a).to_owned(), Value::Text((*h).to_owned())));
        Hashes::read(&Value::Map(map.collect()), "hashes")
    }

    #[test]
    fn every_hash_that_is_listed_must_fit() {
        assert!(read(&[("sha256", ABC_256)]).unwrap().fit(b"abc"));
        assert!(read(&[("sha512", ABC_512)]).unwrap().fit(b"abc"));
        assert!(read(&[("sha256", ABC_256), ("sha512", ABC_512)]).unwrap().fit(b"abc"));
        assert!(!read(&[("sha256", ABC_256)]).unwrap().fit(b"abd"));
        assert!(!read(&[("sha512", ABC_512)]).unwrap().fit(b"abd"));
        assert!(!read(&[("sha256", &"0".repeat(64)), ("sha512", ABC_512)]).unwrap().fit(b"abc"));
        assert!(!read(&[("sha256", ABC_256), ("sha512", &"0".repeat(128))]).unwrap().fit(b"abc"));
    }

    #[test]
    fn what_cannot_be_checked_never_fits() {
        for pairs in [
            &[("md5", "900150983cd24fb0d6963f7d28e17f72")][..],
            &[("sha256", ABC_256), ("md5", "900150983cd24fb0d6963f7d28e17f72")],
            &[("sha256", &ABC_256.to_uppercase())],
            &[("sha256", &ABC_256[..63])],
            &[("SHA256", ABC_256)],
        ] {
            let hashes = read(pairs).unwrap();
            assert!(hashes.odd && !hashes.fit(b"abc"), "{pairs:?}");
        }
        assert!(read(&[]).is_err());
        assert!(Hashes::read(&Value::object([("sha256", Value::Int(1))]), "hashes").is_err());
    }
}
