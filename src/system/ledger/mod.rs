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
//! short process), but an automatic one every 64 pages so that opening costs
//! the same after one commit and after ten thousand.
//!
//! No other code opens the file: closing any descriptor of it would drop this
//! process's POSIX locks.

mod state;
mod txn;

pub use state::Brakes;
pub use txn::{Sealed, Txn};

use crate::model::digest::{Digest, sha256};
use crate::model::lifecycle::{Hold, HoldScope, RevisionRow};
use crate::model::manifest::Manifest;
use crate::model::merkle::{self, Frontier, NodeId};
use crate::model::record::Draft;
use crate::model::skill::{Revision, SkillName};
use crate::model::time::Timestamp;
use crate::system::home::Home;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};
use rustix::fs::{Mode, OFlags};
use state::Hashes;
use std::collections::BTreeMap;
use std::time::Duration;

/// Name of the file in the home.
pub const FILE: &str = "ledger.db";
/// What was committed and is not in the file itself yet.
const WAL: &str = "ledger.db-wal";
/// Longest that [`WAL`] may be when it is opened: 64 pages with their headers.
const WAL_MOST: u64 = 64 * (4096 + 24);
/// Its name while it is being made.
const NEW: &str = "ledger.db.new";
/// `SKTR`, in the database header.
const APPLICATION: i32 = 0x534b_5452;
/// Version of the schema this program writes.
const SCHEMA: i32 = 1;
const SQL: &str = include_str!("../../../schema/ledger.sql");
/// How long another process is waited for.
const BUSY: Duration = Duration::from_secs(2);
/// Oldest SQLite without the WAL-reset corruption.
const SQLITE_FLOOR: i32 = 3_051_003;

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
    /// Whether the write-ahead log is to be emptied at the next occasion.
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
        drop(ledger);
        rustix::fs::renameat_with(home.dir(), NEW, home.dir(), FILE, rustix::fs::RenameFlags::NOREPLACE)
            .map_err(io)?;
        rustix::fs::fsync(home.dir()).map_err(io)
    }

    /// Opens the ledger and checks file, schema and head.
    ///
    /// # Errors
    /// [`LedgerFault`].
    pub fn open(home: &Home) -> Result<Self, LedgerFault> {
        let ahead = check_files(home)?;
        let conn = connect(home, FILE, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")?;
        Ok(Self { due: ahead > WAL_MOST, ..Self::read(conn)? })
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
        let (head, brakes, top) = read_head(&conn)?;
        Ok(Self { conn, head, brakes, top, due: false })
    }

    /// Reads head and brakes again, as the database has them now.
    ///
    /// # Errors
    /// [`LedgerFault`].
    pub fn refresh(&mut self) -> Result<(), LedgerFault> {
        let_go(&self.conn)?;
        hold(&self.conn)?;
        (self.head, self.brakes, self.top) = read_head(&self.conn)?;
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
        let (mut found, mut bodies) = (None, Vec::new());
        while let Some(row) = rows.next()? {
            // The others are proven by their bytes; reading them too would make
            // every call dearer the more skills there are.
            let wanted = row.get_ref(0)?.as_str().is_ok_and(|name| name == revision.name.as_str())
                && digest_at(row, 1)? == revision.digest;
            if wanted {
                let (parsed, body) = parse_row(row)?;
                found = Some(parsed);
                bodies.push(body);
            } else {
                bodies.push(row.get(4)?);
            }
        }
        let (group, at) = (usize::from(bucket) / state::FAN, usize::from(bucket) % state::FAN);
        if state::bucket_hash(bodies.iter().map(String::as_str)) != self.group(group)?.get(at) {
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
            let (parsed, body) = parse_row(row)?;
            buckets.entry(state::bucket_of(&parsed.revision)).or_default().push(body);
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

    /// Begins the one writing transaction there can be.
    ///
    /// # Errors
    /// [`LedgerFault`].
    pub fn begin(&mut self) -> Result<Txn<'_>, LedgerFault> {
        Txn::begin(self)
    }

    /// SQLite's own full check of the file.
    ///
    /// # Errors
    /// [`LedgerFault::Damaged`] with its first finding.
    pub fn check_integrity(&self) -> Result<(), LedgerFault> {
        let found: String = self.conn.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        if found == "ok" { Ok(()) } else { Err(LedgerFault::Damaged(found)) }
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

/// Keeps the database as it is now for every reading to come, until
/// [`let_go`]. Without that, head, hashes and rows read one after the other
/// would be of different moments while another process commits, and what is
/// only young would look damaged. Nobody waits for it.
fn hold(conn: &Connection) -> Result<(), LedgerFault> {
    if conn.is_autocommit() {
        conn.execute_batch("BEGIN")?;
    }
    Ok(())
}

/// Empties the write-ahead log, unless somebody is reading. A process that makes
/// one commit and ends would otherwise leave a log that only ever grows, and
/// that the next one reads from its start.
fn empty_wal(conn: &Connection) -> Result<(), LedgerFault> {
    conn.busy_timeout(Duration::ZERO)?;
    let emptied = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    conn.busy_timeout(BUSY)?;
    match emptied.map_err(LedgerFault::from) {
        Ok(_) | Err(LedgerFault::Busy) => Ok(()),
        Err(fault) => Err(fault),
    }
}

/// Ends what [`hold`] began.
fn let_go(conn: &Connection) -> Result<(), LedgerFault> {
    if !conn.is_autocommit() {
        conn.execute_batch("COMMIT")?;
    }
    Ok(())
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(at)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(at, number))
}

fn digest_at(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Digest> {
    Ok(Digest::from_bytes(row.get::<_, [u8; 32]>(at)?))
}

fn read_event(row: &rusqlite::Row<'_>) -> rusqlite::Result<EventRow> {
    Ok(EventRow {
        seq: unsigned(row, 0)?,
        line: row.get(1)?,
        hash: digest_at(row, 2)?,
        offset: unsigned(row, 3)?,
    })
}

fn read_hashes(conn: &Connection, id: usize) -> Result<Hashes, LedgerFault> {
    let mut query = conn.prepare_cached("SELECT hashes FROM bucket WHERE id = ?1")?;
    let bytes: Option<Vec<u8>> = query.query_row([signed(id as u64)], |row| row.get(0)).optional()?;
    let hashes = bytes.and_then(|bytes| Hashes::from_bytes(&bytes));
    hashes.ok_or_else(|| LedgerFault::Damaged(format!("bucket row {id} is missing")))
}

fn parse_row(row: &rusqlite::Row<'_>) -> Result<(RevisionRow, String), LedgerFault> {
    let name: String = row.get(0)?;
    let body: String = row.get(4)?;
    let parsed: RevisionRow = serde_json::from_str(&body).map_err(|error| {
        LedgerFault::Damaged(format!("a row of `{}`: {error}", crate::model::text::escape(&name)))
    })?;
    let same = parsed.revision.name.as_str() == name
        && parsed.revision.digest == digest_at(row, 1)?
        && state::bucket_of(&parsed.revision) == row.get::<_, u16>(2)?
        && parsed.lifecycle.state().as_str() == row.get::<_, String>(3)?;
    if same {
        Ok((parsed, body))
    } else {
        Err(LedgerFault::Damaged("a row does not agree with its body".into()))
    }
}

fn read_head(conn: &Connection) -> Result<(Head, Brakes, Hashes), LedgerFault> {
    let mut query = conn.prepare_cached(
        "SELECT size, last, frontier, bytes, settled, time, state, epoch, hold FROM head WHERE id = 1",
    )?;
    let (size, last, frontier, bytes, settled, time, state, epoch, hold) = query
        .query_row([], |row| {
            let frontier: Vec<u8> = row.get(2)?;
            let time = Timestamp::from_unix(row.get(5)?);
            let ends = (unsigned(row, 3)?, unsigned(row, 4)?);
            let hold: Option<String> = row.get(8)?;
            Ok((
                unsigned(row, 0)?,
                digest_at(row, 1)?,
                frontier,
                ends.0,
                ends.1,
                time,
                digest_at(row, 6)?,
                unsigned(row, 7)?,
                hold,
            ))
        })
        .optional()?
        .ok_or_else(|| LedgerFault::Damaged("the head is missing".into()))?;
    let frontier = Frontier::from_bytes(size, &frontier)
        .ok_or_else(|| LedgerFault::Damaged("the head's frontier does not fit its size".into()))?;
    let brakes = Brakes { epoch, hold, holds: read_holds(conn)? };
    let top = read_hashes(conn, 0)?;
    if state::state_digest(&brakes, &top) != state {
        return Err(LedgerFault::Damaged("holds, epoch or revisions were changed".into()));
    }
    Ok((Head { size, last, frontier, bytes, settled, time, state }, brakes, top))
}

fn read_holds(conn: &Connection) -> Result<Vec<Hold>, LedgerFault> {
    let mut query = conn.prepare_cached("SELECT scope, value, seq FROM hold ORDER BY scope, value")?;
    let mut rows = query.query([])?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        let (scope, value): (String, String) = (row.get(0)?, row.get(1)?);
        let scope = HoldScope::from_parts(&scope, &value)
            .ok_or_else(|| LedgerFault::Damaged("a hold cannot be read".into()))?;
        out.push(Hold { scope, seq: unsigned(row, 2)? });
    }
    Ok(out)
}

/// Attack: the ledger or one of its side files is a link, a second name or
/// somebody else's. Looked at without opening: see the module page on locks.
///
/// Returns the length of the write-ahead log.
fn check_files(home: &Home) -> Result<u64, LedgerFault> {
    let mut ahead = 0;
    let ours = rustix::process::geteuid().as_raw();
    for name in [FILE, WAL, "ledger.db-shm"] {
        let stat = match rustix::fs::statat(home.dir(), name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(rustix::io::Errno::NOENT) if name == FILE => return Err(LedgerFault::Missing),
            Err(rustix::io::Errno::NOENT) => continue,
            Err(error) => return Err(LedgerFault::Unsafe(error.to_string())),
        };
        let kind = rustix::fs::FileType::from_raw_mode(stat.st_mode);
        if kind != rustix::fs::FileType::RegularFile || stat.st_nlink != 1 || stat.st_uid != ours {
            return Err(LedgerFault::Unsafe(format!("{name} is a link, has a second name or another owner")));
        }
        if name == WAL {
            ahead = u64::try_from(stat.st_size).unwrap_or(0);
        }
    }
    Ok(ahead)
}

fn fill(conn: &Connection, now: Timestamp) -> Result<(), LedgerFault> {
    let name = random_id().map_err(|error| LedgerFault::Unsafe(error.to_string()))?;
    let txn = conn.unchecked_transaction()?;
    txn.execute_batch(SQL)?;
    txn.execute("INSERT INTO home VALUES (1, ?1, ?2)", params![name, now.unix()])?;
    let state = state::state_digest(&Brakes::default(), &Hashes::empty());
    txn.execute(
        "INSERT INTO head VALUES (1, 0, ?1, x'', 0, 0, ?2, 0, NULL, ?3)",
        params![Digest::ZERO.as_bytes(), i64::MIN, state.as_bytes()],
    )?;
    for id in 0..=64 {
        txn.execute("INSERT INTO bucket VALUES (?1, ?2)", params![id, Hashes::empty().as_bytes()])?;
    }
    txn.pragma_update(None, "application_id", APPLICATION)?;
    txn.pragma_update(None, "user_version", SCHEMA)?;
    Ok(txn.commit()?)
}

fn connect(home: &Home, file: &str, mode: &str) -> Result<Connection, LedgerFault> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let conn = Connection::open_with_flags(home.path().join(file), flags)?;
    if rusqlite::version_number() < SQLITE_FLOOR {
        return Err(LedgerFault::Damaged(format!("SQLite {} has a known corruption", rusqlite::version())));
    }
    conn.busy_timeout(BUSY)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    conn.execute_batch(mode)?;
    conn.execute_batch(
        "PRAGMA wal_autocheckpoint = 64;
         PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;",
    )?;
    Ok(conn)
}

/// Attack: a trigger or view planted in the file would run inside our own
/// statements. The schema must be ours, to the letter.
fn check_schema(conn: &Connection) -> Result<(), LedgerFault> {
    let header = |name: &str| conn.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    if header("application_id")? != APPLICATION {
        return Err(LedgerFault::Damaged("it is not a ledger of ours".into()));
    }
    let found = header("user_version")?;
    if found > SCHEMA {
        return Err(LedgerFault::Newer { found });
    }
    if found != SCHEMA || schema_text(conn)? != expected_schema() {
        return Err(LedgerFault::Damaged("its schema was changed".into()));
    }
    Ok(())
}

/// Every object's own SQL, sorted.
fn schema_text(conn: &Connection) -> Result<Vec<String>, LedgerFault> {
    let mut query = conn.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")?;
    let mut all = query.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    all.sort();
    Ok(all)
}

/// As SQLite keeps it: each statement as typed, without its last semicolon.
fn expected_schema() -> Vec<&'static str> {
    let statement =
        |part: &'static str| part.find("CREATE ").map(|at| part[at..].trim_end().trim_end_matches(';'));
    let mut all: Vec<_> = SQL.split("\n\n").filter_map(statement).collect();
    all.sort_unstable();
    all
}
