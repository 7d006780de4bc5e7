//! The ledger: SQLite holds the truth. The only door to rusqlite.
//!
//! It holds the append-only events, byte for byte as they stand in the log,
//! and the state that follows from them. Every value read here is checked
//! against the state digest of the head (see [`state`](self)), and the head
//! against the log by `audit_log`; so what a caller gets either agrees with
//! the last record or is an error.
//!
//! Settings: WAL with `synchronous=FULL` (measured: NORMAL loses an
//! acknowledged decision at a power cut), defensive mode, no trusted schema,
//! no memory mapping, no extensions, no checkpoint at close (a gate call is a
//! short process). SQLite's automatic one every 64 pages is not enough: how far
//! it got is known only to processes that overlap, so from one short process to
//! the next the write-ahead log would grow for ever. Who finds it long begins
//! it anew before the next commit, so that opening costs the same after one
//! commit and after ten thousand. Who finds it empty, and so perhaps new,
//! flushes its folder, whatever SQLite was built to do.
//!
//! No other code opens the file: closing any descriptor of it would drop this
//! process's POSIX locks.

mod consent;
mod memory;
mod open;
mod rows;
mod state;
mod txn;

pub use consent::{ConfirmedPlan, Spent, Unspent};
pub use state::Brakes;
pub use txn::{Sealed, Txn};

use crate::model::digest::{Digest, sha256};
use crate::model::lifecycle::RevisionRow;
use crate::model::manifest::Manifest;
use crate::model::merkle::{self, Frontier, NodeId};
use crate::model::record::Draft;
use crate::model::skill::{Revision, SkillName};
use crate::model::time::Timestamp;
use crate::system::home::Home;
use open::{NEW, SCHEMA, check_files, check_schema, connect, fill, hold, let_go, shorten_wal, to_wal};
use rows::{digest_at, parse_row, read_event, read_hashes, read_head, read_holds, signed};
use rusqlite::{Connection, OptionalExtension as _, params};
use rustix::fs::{Mode, OFlags};
use state::Hashes;
use std::collections::BTreeMap;

/// Name of the file in the home.
pub const FILE: &str = "ledger.db";

/// Why the ledger cannot answer. All of these deny.
#[derive(Debug, thiserror::Error)]
pub enum LedgerFault {
    /// There is no ledger.
    #[error("there is no ledger")]
    Missing,
    /// Written by a newer version.
    #[error("its schema is version {found}; this program knows up to {SCHEMA}")]
    Newer {
        /// Its version.
        found: i32,
    },
    /// It does not agree with itself.
    #[error("it does not agree with itself: {0}")]
    Damaged(String),
    /// Not a plain file of ours.
    #[error("its file is unsafe: {0}")]
    Unsafe(String),
    /// The file system refuses writing.
    #[error("it cannot be written: {0}")]
    ReadOnly(String),
    /// Another process holds it.
    #[error("another process holds it")]
    Busy,
    /// A record that cannot be written as one line.
    #[error("the record is too long: {0}")]
    TooLong(String),
    /// SQLite's words.
    #[error("{0}")]
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for LedgerFault {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as E;
        match error.sqlite_error_code() {
            Some(E::DatabaseBusy | E::DatabaseLocked) => Self::Busy,
            Some(E::DatabaseCorrupt | E::NotADatabase | E::ConstraintViolation | E::TypeMismatch) => {
                Self::Damaged(error.to_string())
            }
            Some(E::ReadOnly) => Self::ReadOnly(error.to_string()),
            _ => Self::Sqlite(error),
        }
    }
}

/// Where the chain ends and what stands still; one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Number of records.
    pub size: u64,
    /// Hash of the last record.
    pub last: Digest,
    /// Right edge of the Merkle tree.
    pub frontier: Frontier,
    /// Length of the log after the last record.
    pub bytes: u64,
    /// Length of the log before the last transaction's records.
    pub settled: u64,
    /// Time of the last record: no later one is earlier.
    pub time: Timestamp,
    /// Digest of the whole state.
    pub state: Digest,
}

impl Head {
    /// `SIZE:ROOT`, as callers remember it.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}:{}", self.size, self.frontier.root().hex())
    }
}

/// One event as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Its number.
    pub seq: u64,
    /// Its line without the newline.
    pub line: String,
    /// Leaf hash of the line.
    pub hash: Digest,
    /// Where its line begins in the log.
    pub offset: u64,
}

/// An open ledger.
pub struct Ledger {
    conn: Connection,
    head: Head,
    brakes: Brakes,
    top: Hashes,
    memory: Hashes,
    /// Whether the write-ahead log's length is to be looked at before the next
    /// commit: once in a process.
    due: bool,
}

impl Ledger {
    /// Makes the ledger of a home that has none, with its first record.
    ///
    /// Built under another name and renamed when complete: a crash leaves no
    /// ledger, or one with its first record.
    ///
    /// # Errors
    /// [`LedgerFault`].
    pub fn create(home: &Home, now: Timestamp, first: Draft) -> Result<(), LedgerFault> {
        let io = |error: rustix::io::Errno| LedgerFault::ReadOnly(error.to_string());
        for stale in [NEW.to_owned(), format!("{NEW}-journal")] {
            match rustix::fs::unlinkat(home.dir(), stale, rustix::fs::AtFlags::empty()) {
                Ok(()) | Err(rustix::io::Errno::NOENT) => {}
                Err(error) => return Err(io(error)),
            }
        }
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        drop(rustix::fs::openat(home.dir(), NEW, flags, Mode::RUSR | Mode::WUSR).map_err(io)?);
        let conn = connect(home, NEW, "PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA;")?;
        fill(&conn, now)?;
        let mut ledger = Self::read(conn)?;
        ledger.begin()?.seal(now, vec![first])?.commit()?;
        to_wal(ledger.conn)?;
        rustix::fs::renameat_with(home.dir(), NEW, home.dir(), FILE, rustix::fs::RenameFlags::NOREPLACE)
            .map_err(io)?;
        rustix::fs::fsync(home.dir()).map_err(io)
    }

    /// State of a ledger in which nothing has happened yet.
    #[must_use]
    pub fn empty_state() -> Digest {
        state::state_digest(&Brakes::default(), &Hashes::empty(), &Hashes::empty())
    }

    /// Opens the ledger and checks file, schema and head.
    ///
    /// # Errors
    /// [`LedgerFault`].
    pub fn open(home: &Home) -> Result<Self, LedgerFault> {
        let ahead = check_files(home)?;
        let conn = connect(home, FILE, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")?;
        let ledger = Self { due: true, ..Self::read(conn)? };
        if ahead == 0 {
            // Nobody may have committed to it yet, and so its name may not last yet.
            rustix::fs::fsync(home.dir()).map_err(|error| LedgerFault::ReadOnly(error.to_string()))?;
        }
        Ok(ledger)
    }

    /// Whether the ledger's file is there.
    ///
    /// # Errors
    /// The system's, for anything but "it is not there".
    pub fn exists(home: &Home) -> std::io::Result<bool> {
        home.has(FILE)
    }

    fn read(conn: Connection) -> Result<Self, LedgerFault> {
        hold(&conn)?;
        check_schema(&conn)?;
        let (head, brakes, top, memory) = read_head(&conn)?;
        Ok(Self { conn, head, brakes, top, memory, due: false })
    }

    /// Reads head and brakes again, as the database has them now.
    ///
    /// # Errors
    /// [`LedgerFault`].
    pub fn refresh(&mut self) -> Result<(), LedgerFault> {
        let_go(&self.conn)?;
        hold(&self.conn)?;
        (self.head, self.brakes, self.top, self.memory) = read_head(&self.conn)?;
        Ok(())
    }

    /// Where the chain ends.
    #[must_use]
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// Epoch and holds.
    #[must_use]
    pub const fn brakes(&self) -> &Brakes {
        &self.brakes
    }

    /// The random id of this home, 32 hex digits.
    ///
    /// # Errors
    /// [`LedgerFault`].
    pub fn home_id(&self) -> Result<String, LedgerFault> {
        Ok(self.conn.query_row("SELECT name FROM home", [], |row| row.get(0))?)
    }

    /// One revision, proven against the state digest.
    ///
    /// # Errors
    /// [`LedgerFault::Damaged`] when its bucket is not what the head says.
    pub fn revision(&self, revision: &Revision) -> Result<Option<RevisionRow>, LedgerFault> {
        let bucket = state::bucket_of(revision);
        let mut query = self.conn.prepare_cached(
            "SELECT name, digest, bucket, state, body FROM revision WHERE bucket = ?1 ORDER BY name, digest",
        )?;
        let mut rows = query.query([bucket])?;
        let (mut found, mut whole) = (None, state::Bucket::default());
        while let Some(row) = rows.next()? {
            whole.add(row.get_ref(4)?.as_str().map_err(rusqlite::Error::from)?);
            // The others are proven by their bytes; reading them too would make
            // every call dearer the more skills there are.
            let wanted = row.get_ref(0)?.as_str().is_ok_and(|name| name == revision.name.as_str())
                && digest_at(row, 1)? == revision.digest;
            if wanted {
                found = Some(parse_row(row)?.0);
            }
        }
        let (group, at) = (usize::from(bucket) / state::FAN, usize::from(bucket) % state::FAN);
        if whole.finish() != self.group(group)?.get(at) {
            return Err(LedgerFault::Damaged(format!("the revisions of bucket {bucket} were changed")));
        }
        Ok(found.filter(|row: &RevisionRow| row.revision == *revision))
    }

    /// All revisions of a skill, each proven. A row hidden from the look-up is
    /// missing here; that can deny, never allow.
    ///
    /// # Errors
    /// [`LedgerFault`].
    pub fn revisions_named(&self, name: &SkillName) -> Result<Vec<RevisionRow>, LedgerFault> {
        let mut query = self.conn.prepare_cached("SELECT digest FROM revision WHERE name = ?1")?;
        let digests =
            query.query_map([name.as_str()], |row| digest_at(row, 0))?.collect::<Result<Vec<_>, _>>()?;
        let revisions = digests.into_iter().map(|digest| Revision { name: name.clone(), digest });
        let rows = revisions.map(|revision| self.revision(&revision)).collect::<Result<Vec<_>, _>>()?;
        Ok(rows.into_iter().flatten().collect())
    }

    /// Every revision, the whole hash tree proven.
    ///
    /// # Errors
    /// [`LedgerFault::Damaged`] when any row is not what the head says.
    pub fn revisions(&self) -> Result<Vec<RevisionRow>, LedgerFault> {
        let mut query = self
            .conn
            .prepare_cached("SELECT name, digest, bucket, state, body FROM revision ORDER BY name, digest")?;
        let mut buckets: BTreeMap<u16, Vec<String>> = BTreeMap::new();
        let mut out = Vec::new();
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            // The column was compared with the revision's own bucket.
            let (parsed, body) = parse_row(row)?;
            buckets.entry(row.get(2)?).or_default().push(body);
            out.push(parsed);
        }
        for group in 0..state::FAN {
            let stored = self.group(group)?;
            for at in 0..state::FAN {
                let bucket = u16::try_from(group * state::FAN + at).unwrap_or(u16::MAX);
                let bodies = buckets.get(&bucket).map_or(&[][..], Vec::as_slice);
                if state::bucket_hash(bodies.iter().map(String::as_str)) != stored.get(at) {
                    return Err(LedgerFault::Damaged(format!(
                        "the revisions of bucket {bucket} were changed"
                    )));
                }
            }
        }
        Ok(out)
    }

    fn group(&self, group: usize) -> Result<Hashes, LedgerFault> {
        let hashes = read_hashes(&self.conn, group + 1)?;
        if hashes.hash() == self.top.get(group) {
            Ok(hashes)
        } else {
            Err(LedgerFault::Damaged(format!("the hashes of group {group} were changed")))
        }
    }

    /// One event, its line checked against its hash.
    ///
    /// # Errors
    /// [`LedgerFault`].
    pub fn event(&self, seq: u64) -> Result<Option<EventRow>, LedgerFault> {
        let mut query =
            self.conn.prepare_cached("SELECT seq, line, hash, offset FROM event WHERE seq = ?1")?;
        let event = query.query_row([signed(seq)], read_event).optional()?;
        match event {
            Some(event) if crate::model::record::leaf_hash(event.line.as_bytes()) != event.hash => {
                Err(LedgerFault::Damaged(format!("event {seq} was changed")))
            }
            other => Ok(other),
        }
    }

    /// Calls `each` for every event from `first` on, in order, until it says stop.
    ///
    /// # Errors
    /// [`LedgerFault`]; a gap in the numbers is damage.
    pub fn each_event(&self, first: u64, mut each: impl FnMut(EventRow) -> bool) -> Result<(), LedgerFault> {
        let mut query = self
            .conn
            .prepare_cached("SELECT seq, line, hash, offset FROM event WHERE seq >= ?1 ORDER BY seq")?;
        let mut rows = query.query([signed(first)])?;
        let mut expected = first;
        while let Some(row) = rows.next()? {
            let event = read_event(row)?;
            if event.seq != expected {
                return Err(LedgerFault::Damaged(format!("event {expected} is missing")));
            }
            expected += 1;
            if !each(event) {
                break;
            }
        }
        Ok(())
    }

    /// As [`Ledger::each_event`] for every line, number first, lent and not
    /// copied: the bytes are what is stored, and need not be text.
    ///
    /// # Errors
    /// [`LedgerFault`]; a gap in the numbers is damage.
    pub fn each_line(&self, mut each: impl FnMut(u64, &[u8]) -> bool) -> Result<(), LedgerFault> {
        let mut query = self.conn.prepare_cached("SELECT seq, line FROM event ORDER BY seq")?;
        let mut rows = query.query([])?;
        let mut expected = 1;
        while let Some(row) = rows.next()? {
            if rows::unsigned(row, 0)? != expected {
                return Err(LedgerFault::Damaged(format!("event {expected} is missing")));
            }
            let line = row.get_ref(1)?.as_bytes().map_err(rusqlite::Error::from)?;
            if !each(expected, line) {
                break;
            }
            expected += 1;
        }
        Ok(())
    }

    /// Whether this ledger's chain begins with the head somebody remembers.
    ///
    /// Proven by an RFC 6962 consistency proof from the stored nodes, so in
    /// O(log n), and checked against both roots.
    ///
    /// # Errors
    /// [`LedgerFault`] when the database cannot be read.
    pub fn extends(&self, size: u64, root: &Digest) -> Result<bool, LedgerFault> {
        if size == 0 {
            return Ok(*root == merkle::empty());
        }
        let fault = std::cell::RefCell::new(None);
        let stored = |id: NodeId| match self.node(id) {
            Ok(hash) => hash,
            Err(error) => {
                *fault.borrow_mut() = Some(error);
                None
            }
        };
        let proof = merkle::consistency_proof(size, self.head.size, &stored);
        if let Some(error) = fault.into_inner() {
            return Err(error);
        }
        let now = self.head.frontier.root();
        Ok(proof.is_some_and(|proof| merkle::verify_consistency(size, root, self.head.size, &now, &proof)))
    }

    fn node(&self, id: NodeId) -> Result<Option<Digest>, LedgerFault> {
        let mut query = if id.level == 0 {
            self.conn.prepare_cached("SELECT hash FROM event WHERE seq = ?2 + 1 AND ?1 = 0")?
        } else {
            self.conn.prepare_cached("SELECT hash FROM node WHERE level = ?1 AND idx = ?2")?
        };
        Ok(query.query_row(params![id.level, signed(id.index)], |row| digest_at(row, 0)).optional()?)
    }

    /// The manifest of a digest, if it was kept and still has that digest.
    ///
    /// # Errors
    /// [`LedgerFault`].
    pub fn manifest(&self, digest: &Digest) -> Result<Option<Manifest>, LedgerFault> {
        let mut query = self.conn.prepare_cached("SELECT body FROM manifest WHERE digest = ?1")?;
        let body: Option<String> = query.query_row([digest.as_bytes()], |row| row.get(0)).optional()?;
        let manifest = body.and_then(|body| serde_json::from_str::<Manifest>(&body).ok());
        Ok(manifest.filter(|manifest| manifest.digest() == *digest))
    }

    /// Makes room for every page that a change of all revisions touches, about
    /// 2 KiB for each. With the small cache that serves all else, each page is
    /// read several times, and written before it is complete.
    ///
    /// # Errors
    /// [`LedgerFault`].
    pub fn make_room(&self) -> Result<(), LedgerFault> {
        Ok(self.conn.execute_batch("PRAGMA cache_size = -65536")?)
    }

    /// Begins the one writing transaction there can be.
    ///
    /// # Errors
    /// [`LedgerFault`].
    pub fn begin(&mut self) -> Result<Txn<'_>, LedgerFault> {
        Txn::begin(self)
    }

    /// SQLite's own full check of the file, and of all that is remembered.
    ///
    /// # Errors
    /// [`LedgerFault::Damaged`] with the first finding.
    pub fn check_integrity(&self) -> Result<(), LedgerFault> {
        let found: String = self.conn.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        if found == "ok" { self.check_memory() } else { Err(LedgerFault::Damaged(found)) }
    }

    /// The linked SQLite's version.
    #[must_use]
    pub fn sqlite_version() -> &'static str {
        rusqlite::version()
    }
}

/// 128 random bits as 32 hex digits.
///
/// # Errors
/// The system's.
pub fn random_id() -> std::io::Result<String> {
    let mut bytes = [0; 16];
    let mut filled = 0;
    while filled < bytes.len() {
        filled += rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty())?;
    }
    Ok(sha256(&[&bytes]).hex()[..32].to_owned())
}

#[cfg(test)]
mod tests;
