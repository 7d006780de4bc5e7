//! What is remembered beside revisions: which trust roots are followed and what
//! was seen of them, the highest version and the signers of each source, and
//! which statements are kept about which bytes.
//!
//! ```text
//!   state ◀── memory = H(hash of bucket 0 … 63)     one 2 KiB row
//!                bucket = H(keys and bodies, by key, lengths before)
//! ```
//!
//! A key's bucket is the first 6 bits of its SHA-256. Of all of it the gate,
//! when it is asked about loading, reads one key alone, the policies of trust
//! roots, and that only if its bucket is not empty: what follows from the rest
//! is carried out when it is learnt. So the other buckets may grow long.
//!
//! Attack: a row put back as it was lets an older release of a trust root be
//! new again, or forgets a version that must not be gone back behind. So it is
//! part of the state digest, and that it is *not* there is proven too.
//!
//! Longer bytes are kept by their digest in `blob`, which proves itself.

use super::rows::{read_hashes, signed};
use super::state::{Bucket, Hashes};
use super::{Ledger, LedgerFault, Txn};
use crate::model::digest::{Digest, sha256};
use rusqlite::{Connection, OptionalExtension as _, params};

/// The row of `bucket` that holds the hashes.
pub(super) const ROW: usize = 65;
/// How many buckets: as many as hashes fit into the row.
const BUCKETS: u8 = 64;
/// Longest key, in bytes.
const KEY_MAX: usize = 2_048;

fn bucket_of(key: &str) -> u8 {
    sha256(&[key.as_bytes()]).as_bytes()[0] >> 2
}

/// Reads a whole bucket: its hash, and the body of one key.
fn read(conn: &Connection, bucket: u8, wanted: &str) -> Result<(Digest, Option<String>), LedgerFault> {
    let mut query = conn.prepare_cached("SELECT key, body FROM memory WHERE bucket = ?1 ORDER BY key")?;
    let mut rows = query.query([bucket])?;
    let (mut whole, mut found) = (Bucket::default(), None);
    while let Some(row) = rows.next()? {
        let key = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
        let body = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        whole.add(key);
        whole.add(body);
        if key == wanted {
            found = Some(body.to_owned());
        }
    }
    Ok((whole.finish(), found))
}

impl Ledger {
    /// What is remembered under a key; also that there is nothing is proven.
    ///
    /// # Errors
    /// [`LedgerFault::Damaged`] when its bucket is not what the head says.
    pub fn memory(&self, key: &str) -> Result<Option<String>, LedgerFault> {
        let bucket = bucket_of(key);
        let (hash, found) = read(&self.conn, bucket, key)?;
        if hash == self.memory.get(usize::from(bucket)) {
            return Ok(found);
        }
        Err(LedgerFault::Damaged(format!("what is remembered in bucket {bucket} was changed")))
    }

    /// Whether anything may be remembered under a key, told without reading a
    /// row: its bucket's hash is in the head's own row.
    #[must_use]
    pub fn may_remember(&self, key: &str) -> bool {
        self.memory.get(usize::from(bucket_of(key))) != Digest::ZERO
    }

    /// Bytes that were kept as evidence, if they still have that digest.
    ///
    /// # Errors
    /// [`LedgerFault`].
    pub fn blob(&self, digest: &Digest) -> Result<Option<Vec<u8>>, LedgerFault> {
        let mut query = self.conn.prepare_cached("SELECT bytes FROM blob WHERE digest = ?1")?;
        let bytes: Option<Vec<u8>> = query.query_row([digest.as_bytes()], |row| row.get(0)).optional()?;
        Ok(bytes.filter(|bytes| sha256(&[bytes]) == *digest))
    }

    /// Whether what is remembered is what the head says, all of it.
    ///
    /// # Errors
    /// [`LedgerFault::Damaged`].
    pub fn check_memory(&self) -> Result<(), LedgerFault> {
        for bucket in 0..BUCKETS {
            if read(&self.conn, bucket, "")?.0 != self.memory.get(usize::from(bucket)) {
                return Err(LedgerFault::Damaged(format!(
                    "what is remembered in bucket {bucket} was changed"
                )));
            }
        }
        let mut query = self.conn.prepare("SELECT key, bucket FROM memory")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let key: String = row.get(0)?;
            if bucket_of(&key) != row.get::<_, u8>(1)? {
                return Err(LedgerFault::Damaged("something is remembered in a wrong bucket".into()));
            }
        }
        Ok(())
    }
}

impl Txn<'_> {
    /// Remembers a text under a key, in place of what was there.
    ///
    /// # Errors
    /// [`LedgerFault`].
    pub fn remember(&mut self, key: &str, body: &str) -> Result<(), LedgerFault> {
        if key.is_empty() || key.len() > KEY_MAX {
            return Err(LedgerFault::TooLong(format!("a key of {} bytes", key.len())));
        }
        let bucket = bucket_of(key);
        self.txn.execute(
            "INSERT INTO memory VALUES (?1, ?2, ?3) ON CONFLICT (bucket, key) DO UPDATE SET body = excluded.body",
            params![bucket, key, body],
        )?;
        self.settle_memory(bucket)
    }

    /// Forgets a key.
    ///
    /// # Errors
    /// [`LedgerFault`].
    pub fn forget(&mut self, key: &str) -> Result<(), LedgerFault> {
        let bucket = bucket_of(key);
        self.txn.execute("DELETE FROM memory WHERE bucket = ?1 AND key = ?2", params![bucket, key])?;
        self.settle_memory(bucket)
    }

    /// What is remembered under a key, with this transaction's changes.
    ///
    /// # Errors
    /// [`LedgerFault::Damaged`] as [`Ledger::memory`].
    pub fn memory(&self, key: &str) -> Result<Option<String>, LedgerFault> {
        let bucket = bucket_of(key);
        let (hash, found) = read(&self.txn, bucket, key)?;
        if hash == self.memory.get(usize::from(bucket)) {
            return Ok(found);
        }
        Err(LedgerFault::Damaged(format!("what is remembered in bucket {bucket} was changed")))
    }

    /// Keeps bytes as evidence, by their digest.
    ///
    /// # Errors
    /// [`LedgerFault`].
    pub fn keep_blob(&mut self, bytes: &[u8]) -> Result<Digest, LedgerFault> {
        let digest = sha256(&[bytes]);
        self.txn.execute("INSERT OR REPLACE INTO blob VALUES (?1, ?2)", params![digest.as_bytes(), bytes])?;
        Ok(digest)
    }

    /// Drops bytes that nothing names any more.
    ///
    /// # Errors
    /// [`LedgerFault`].
    pub fn drop_blob(&mut self, digest: &Digest) -> Result<(), LedgerFault> {
        self.txn.execute("DELETE FROM blob WHERE digest = ?1", params![digest.as_bytes()])?;
        Ok(())
    }

    fn settle_memory(&mut self, bucket: u8) -> Result<(), LedgerFault> {
        self.memory.set(usize::from(bucket), read(&self.txn, bucket, "")?.0);
        let mut update = self.txn.prepare_cached("UPDATE bucket SET hashes = ?2 WHERE id = ?1")?;
        update.execute(params![signed(ROW as u64), self.memory.as_bytes()])?;
        Ok(())
    }
}

/// The hashes of what is remembered.
pub(super) fn hashes(conn: &Connection) -> Result<Hashes, LedgerFault> {
    read_hashes(conn, ROW)
}
