//! The digest of the ledger's whole state.
//!
//! Every record carries it, and the log's last record is compared with the
//! ledger on every call. So a row edited, deleted or put back in the ledger
//! alone never agrees with the log, and one point read proves one row:
//!
//! ```text
//!   state = H("skill-trust state 1", epoch, hold, holds, top, memory)
//!   top   = H(hash of group 0 … 63)       one 2 KiB row
//!   group = H(hash of bucket 0 … 63)      one 2 KiB row each
//!   bucket = H(bodies of its revisions, by name and digest, lengths before)
//! ```
//!
//! A revision's bucket is the first 12 bits of SHA-256 over `NAME@` and 64 hex
//! digits. `memory` is the hash of what is remembered beside them, see there. Empty buckets and groups hash to zeros. The holds are hashed as one
//! list, so that the absence of a hold is proven too.
//!
//! Attack: someone who can write the ledger puts the row of a revision back as
//! it was before `untrust`, or deletes a hold. Without this digest only a
//! reading of the whole log would tell.

use crate::model::digest::{Digest, Hasher, sha256};
use crate::model::lifecycle::Hold;
use crate::model::skill::Revision;

/// Buckets in a group, groups in all.
pub(super) const FAN: usize = 64;

/// The bucket of a revision.
#[must_use]
pub(super) fn bucket_of(revision: &Revision) -> u16 {
    let hash = sha256(&[revision.file_name().as_bytes()]);
    let bytes = hash.as_bytes();
    u16::from_be_bytes([bytes[0], bytes[1]]) >> 4
}

/// Hash of a bucket from the bodies of its rows, in order of name and digest.
#[must_use]
pub(super) fn bucket_hash<'a>(bodies: impl Iterator<Item = &'a str>) -> Digest {
    let mut bucket = Bucket::default();
    bodies.for_each(|body| bucket.add(body));
    bucket.finish()
}

/// A bucket's hash under way.
#[derive(Default)]
pub(super) struct Bucket(Option<Hasher>);

impl Bucket {
    /// Takes the next body.
    pub(super) fn add(&mut self, body: &str) {
        let hasher = self.0.get_or_insert_with(Hasher::new);
        hasher.update(&(body.len() as u64).to_be_bytes());
        hasher.update(body.as_bytes());
    }

    /// Zeros for an empty bucket.
    pub(super) fn finish(self) -> Digest {
        self.0.map_or(Digest::ZERO, Hasher::finish)
    }
}

/// 64 hashes side by side, as stored.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Hashes(Box<[u8; FAN * 32]>);

impl Hashes {
    /// All empty.
    pub(super) fn empty() -> Self {
        Self(Box::new([0; FAN * 32]))
    }

    /// As stored.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(Box::new(bytes.try_into().ok()?)))
    }

    /// For storage.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// One of them.
    pub(super) fn get(&self, at: usize) -> Digest {
        let mut out = [0; 32];
        out.copy_from_slice(&self.0[at * 32..at * 32 + 32]);
        Digest::from_bytes(out)
    }

    /// Replaces one.
    pub(super) fn set(&mut self, at: usize, hash: Digest) {
        self.0[at * 32..at * 32 + 32].copy_from_slice(hash.as_bytes());
    }

    /// The hash of all.
    pub(super) fn hash(&self) -> Digest {
        if self.0.iter().all(|byte| *byte == 0) { Digest::ZERO } else { sha256(&[self.as_bytes()]) }
    }
}

/// What the state digest covers besides the revisions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Brakes {
    /// Number of kills so far.
    pub epoch: u64,
    /// Id of the home-wide kill that is recorded and not lifted.
    pub hold: Option<String>,
    /// Standing narrow kills, by scope and value.
    pub holds: Vec<Hold>,
}

/// The digest of the whole state.
#[must_use]
pub(super) fn state_digest(brakes: &Brakes, top: &Hashes, memory: &Hashes) -> Digest {
    let mut hasher = Hasher::new();
    hasher.update(b"skill-trust state 1\0");
    hasher.update(&brakes.epoch.to_be_bytes());
    // No hold and a hold named by no id are two things.
    hasher.update(&[u8::from(brakes.hold.is_some())]);
    hasher.update(brakes.hold.as_deref().unwrap_or_default().as_bytes());
    hasher.update(b"\0");
    for hold in &brakes.holds {
        let (scope, value) = hold.scope.parts();
        for text in [scope, &value] {
            hasher.update(&(text.len() as u64).to_be_bytes());
            hasher.update(text.as_bytes());
        }
        hasher.update(&hold.seq.to_be_bytes());
    }
    hasher.update(b"\0top\0");
    hasher.update(top.hash().as_bytes());
    hasher.update(memory.hash().as_bytes());
    hasher.finish()
}
