//! Signed metadata (section 4.2.1): what it says can be had only with enough
//! signatures.
//!
//! [`Unverified`] has no way to its content but [`Unverified::verify`], so a
//! forgotten check does not compile.

use super::Malformed;
use super::json::{Value, need};
use super::key::{KeyId, Keys};
use super::role::{Head, Role};
use super::root::Root;
use crate::model::digest::{Digest, sha256};
use crate::model::text;
use std::collections::{BTreeMap, BTreeSet};

/// Most signatures of one file.
const SIGNATURES_MAX: usize = 256;

/// A kind of metadata.
pub trait Metadata: Sized {
    /// What `_type` says.
    const TYPE: &'static str;

    /// Reads the `signed` part.
    ///
    /// # Errors
    /// [`Malformed`].
    fn read(map: &BTreeMap<String, Value>) -> Result<Self, Malformed>;

    /// Version and end.
    fn head(&self) -> Head;
}

/// Metadata whose signatures were not counted yet.
#[derive(Debug)]
pub struct Unverified<T> {
    signed: T,
    canonical: Vec<u8>,
    /// By key id, hex, neither checked.
    signatures: BTreeMap<String, String>,
    bytes: Vec<u8>,
}

/// Metadata that a threshold of keys has signed.
#[derive(Debug)]
pub struct Trusted<T> {
    signed: T,
    bytes: Vec<u8>,
}

/// Not enough of the right keys signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{found} of {threshold} signatures that are needed")]
pub struct TooFewSignatures {
    /// How many different keys of the role signed.
    pub found: u64,
    /// How many must.
    pub threshold: u64,
}

impl<T: Metadata> Unverified<T> {
    /// Reads a metadata file.
    ///
    /// # Errors
    /// [`Malformed`], also for a key id that signs twice (a MUST NOT of 4.2.1).
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let value = Value::parse(bytes)?;
        let map = value.members("the file")?;
        let list = need(map, "signatures")?.elements("`signatures`")?;
        if list.len() > SIGNATURES_MAX {
            return Err(Malformed(format!("{} signatures; at most {SIGNATURES_MAX} are read", list.len())));
        }
        let mut signatures = BTreeMap::new();
        for signature in list {
            let one = signature.members("a signature")?;
            let id = need(one, "keyid")?.text("`keyid`")?;
            let hex = need(one, "sig")?.text("`sig`")?;
            if signatures.insert(id.to_owned(), hex.to_owned()).is_some() {
                let id = text::escape_short(id, 80);
                return Err(Malformed(format!("the key `{id}` stands twice among the signatures")));
            }
        }
        let signed = need(map, "signed")?;
        Ok(Self {
            signed: T::read(signed.members("`signed`")?)?,
            canonical: signed.canonical(),
            signatures,
            bytes: bytes.to_vec(),
        })
    }

    /// Which different keys of a role signed: by content, so that a key under
    /// two ids is one.
    fn signers(&self, keys: &Keys, role: &Role) -> BTreeSet<Digest> {
        let signed = |id: &&KeyId| {
            let (key, signature) = (keys.get(id), self.signatures.get(id.as_str()));
            key.zip(signature).is_some_and(|(key, hex)| key.signed(&self.canonical, hex))
        };
        role.keyids.iter().filter(signed).filter_map(|id| keys.get(id)?.content()).collect()
    }

    fn count(&self, keys: &Keys, role: &Role) -> Result<(), TooFewSignatures> {
        let found = self.signers(keys, role).len() as u64;
        let threshold = role.threshold;
        // A threshold of 0 cannot be read; were it there, it would still not be met.
        if threshold > 0 && found >= threshold { Ok(()) } else { Err(TooFewSignatures { found, threshold }) }
    }

    /// The content, if enough of the role's keys signed it.
    ///
    /// # Errors
    /// [`TooFewSignatures`].
    pub fn verify(self, keys: &Keys, role: &Role) -> Result<Trusted<T>, TooFewSignatures> {
        self.count(keys, role)?;
        Ok(Trusted { signed: self.signed, bytes: self.bytes })
    }
}

impl Unverified<Root> {
    /// The content of a root that names itself the keys that signed it, for
    /// bytes that are known to be right in another way: by a pin, or by memory.
    ///
    /// # Errors
    /// [`TooFewSignatures`].
    pub fn verify_pinned(self) -> Result<Trusted<Root>, TooFewSignatures> {
        self.count(&self.signed.keys, &self.signed.root)?;
        Ok(Trusted { signed: self.signed, bytes: self.bytes })
    }

    /// The content of a root that both its predecessor's keys and its own signed,
    /// each to their threshold (5.3.4).
    ///
    /// # Errors
    /// [`TooFewSignatures`], of the first that are too few.
    pub fn verify_next(self, previous: &Root) -> Result<Trusted<Root>, TooFewSignatures> {
        self.count(&previous.keys, &previous.root)?;
        self.verify_pinned()
    }
}

impl<T> Trusted<T> {
    /// What it says.
    #[must_use]
    pub const fn get(&self) -> &T {
        &self.signed
    }

    /// The bytes as they came.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Their SHA-256.
    #[must_use]
    pub fn digest(&self) -> Digest {
        sha256(&[&self.bytes])
    }
}
