//! The log is behind the ledger: a crash, or a forgery?
//!
//! A crash after the ledger's commit leaves records that are in the ledger
//! alone; they are appended again, byte for byte. Somebody who can write the
//! ledger's file could make it look just so, with a transaction of his own. So
//! the ledger is not believed alone when it comes to a change:
//!
//! ```text
//!   seal ─▶ announce: hash of the last record, into `audit/intent`, flushed
//!        ─▶ the ledger's commit ─▶ the log
//! ```
//!
//! What is found missing is appended if it changes neither state nor clock (an
//! answer of the gate, a refusal), or if it is what was announced. The announcement is a
//! second witness, not a secret: who can write both files is told by a head
//! kept elsewhere, and by nothing else.
//!
//! The file is written in place, 65 bytes: a torn one belongs to a commit that
//! did not happen yet. It is never deleted, and a stale one means nothing.

use super::{AuditLog, LogFault, Settled, missing, read_at, write_all};
use crate::model::digest::Digest;
use crate::model::record::{Record, leaf_hash};
use crate::system::home::Home;
use crate::system::ledger::{EventRow, Ledger};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::os::fd::OwnedFd;

/// Path of the announcement in the home.
const INTENT: &str = "audit/intent";
/// 64 hex digits and a newline.
const INTENT_LEN: usize = 65;

/// Says which record is going to be the last one, before the commit that
/// changes something. Durable when this returns.
///
/// # Errors
/// [`LogFault::Write`], [`LogFault::Unsafe`]: then nothing may be committed.
pub fn announce(home: &Home, last: &Digest) -> Result<(), LogFault> {
    let write = |error: Errno| LogFault::Write(error.into());
    let file = match open(home, OFlags::WRONLY) {
        Err(Errno::NOENT) => {
            let file = open(home, OFlags::WRONLY | OFlags::CREATE).map_err(write)?;
            rustix::fs::fsync(home.folder("audit").map_err(LogFault::Write)?).map_err(write)?;
            file
        }
        Err(Errno::LOOP) => return Err(LogFault::Unsafe),
        other => other.map_err(write)?,
    };
    check(&file)?;
    write_all(&file, format!("{}\n", last.hex()).as_bytes()).map_err(LogFault::Write)?;
    rustix::fs::fdatasync(&file).map_err(write)
}

/// What was announced last; none if that cannot be told.
fn announced(home: &Home) -> Option<Digest> {
    let file = open(home, OFlags::RDONLY).ok()?;
    check(&file).ok()?;
    let mut bytes = [0; INTENT_LEN + 1];
    let read = read_at(&file, &mut bytes, 0).ok()?;
    let text = std::str::from_utf8(&bytes[..read]).ok()?;
    Digest::from_hex(text.strip_suffix('\n')?).ok()
}

fn open(home: &Home, how: OFlags) -> Result<OwnedFd, Errno> {
    let flags = how | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    rustix::fs::openat(home.dir(), INTENT, flags, Mode::RUSR | Mode::WUSR)
}

/// Attack: the announcement is a link to, or a second name of, another file of
/// ours, which writing it would spoil.
fn check(file: &OwnedFd) -> Result<(), LogFault> {
    let stat = rustix::fs::fstat(file).map_err(|error| LogFault::Read(error.into()))?;
    let plain = rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::RegularFile;
    let ours = stat.st_uid == rustix::process::geteuid().as_raw();
    if plain && ours && stat.st_nlink == 1 { Ok(()) } else { Err(LogFault::Unsafe) }
}

impl AuditLog {
    /// Appends the records of the last transaction that the log does not have.
    pub(super) fn append_again(&self, home: &Home, ledger: &Ledger, found: u64) -> Result<Settled, LogFault> {
        let settled = ledger.head().settled;
        let mut rows = Vec::new();
        let mut before = None;
        let mut seq = ledger.head().size;
        // The records of the last transaction, from the end; a crash loses no others.
        while seq > 0 {
            let row = ledger.event(seq)?.ok_or_else(|| missing(seq))?;
            if row.offset < settled || row.offset + (row.line.len() as u64) < found {
                before = Some(row);
                break;
            }
            rows.push(row);
            seq -= 1;
        }
        rows.reverse();
        if let Some(before) = &before
            && !self.holds(before)?
        {
            return Err(LogFault::Edited { seq: before.seq });
        }
        let Some(first) = rows.first() else { return Ok(Settled::Clean) };
        let changes = changes(before.as_ref(), &rows)?;
        if changes && announced(home) != Some(ledger.head().last) {
            return Err(LogFault::Unannounced { seq: first.seq });
        }
        let torn = found.saturating_sub(first.offset);
        if torn > 0 {
            self.move_aside(home, first, torn)?;
        }
        let records = rows.len() as u64;
        self.append(&rows)?;
        Ok(Settled::Appended { records, torn })
    }

    /// Keeps the torn end as a file of its own, then takes it off the log.
    fn move_aside(&self, home: &Home, first: &EventRow, torn: u64) -> Result<(), LogFault> {
        let mut bytes = vec![0; usize::try_from(torn).unwrap_or(0)];
        let read = read_at(&self.file, &mut bytes, first.offset).map_err(LogFault::Read)?;
        let expected = first.line.as_bytes();
        let written = bytes[..read].iter().zip(expected).take_while(|(a, b)| a == b).count();
        // A power cut may leave zeros where bytes were announced, nothing else.
        if bytes[written..read].iter().any(|byte| *byte != 0) {
            return Err(LogFault::Edited { seq: first.seq });
        }
        let name = format!("audit/torn-{}-{}", first.seq, &first.hash.hex()[..12]);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let write = |error: Errno| LogFault::Write(error.into());
        let aside = rustix::fs::openat(home.dir(), name, flags, Mode::RUSR | Mode::WUSR).map_err(write)?;
        write_all(&aside, &bytes[..read]).map_err(LogFault::Write)?;
        rustix::fs::fsync(&aside).map_err(write)?;
        rustix::fs::ftruncate(&self.file, first.offset).map_err(write)?;
        Ok(())
    }
}

/// Whether these records change the state, or lower the clock. They must follow
/// that one without a gap.
///
/// Attack: a forged row that repeats an old line under a new number, so that
/// an old state passes for the one before.
fn changes(before: Option<&EventRow>, rows: &[EventRow]) -> Result<bool, LogFault> {
    let mut last: Option<(Record, Digest, u64)> = None;
    let mut changes = false;
    for row in before.into_iter().chain(rows) {
        let record = Record::parse(row.line.as_bytes()).map_err(|_| missing(row.seq))?;
        let hash = leaf_hash(row.line.as_bytes());
        let state = last.as_ref().map_or_else(Ledger::empty_state, |(last, ..)| last.state);
        let first = last.is_none() && before.is_some();
        let follows = match &last {
            Some((last, hash, end)) => {
                changes |= record.time < last.time;
                record.seq == last.seq + 1 && record.prev == *hash && row.offset == *end
            }
            None => first || (record.seq == 1 && record.prev == Digest::ZERO && row.offset == 0),
        };
        changes |= !first && record.state != state;
        if record.seq != row.seq || hash != row.hash || !follows {
            return Err(missing(row.seq));
        }
        last = Some((record, hash, row.offset + row.line.len() as u64 + 1));
    }
    Ok(changes)
}
