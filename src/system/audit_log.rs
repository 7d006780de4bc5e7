//! The audit log: the byte-exact JSONL projection of the ledger's events.
//!
//! The ledger commits first, then its lines are appended here and flushed,
//! then the decision is acknowledged. So after a crash the log may be behind
//! by the lines of one transaction and may end in part of a line; it can never
//! be ahead. What is found at its end therefore has exactly one meaning:
//!
//! | found | meaning | what happens |
//! |---|---|---|
//! | same length, same last line | clean | go on |
//! | shorter, by lines of the last transaction only | crash before or during the append | torn part moved aside, exact bytes appended again (see `behind`) |
//! | the same, with a change that was not announced | written into the ledger's file by somebody | deny; nothing is touched |
//! | shorter than that, or another last line | edited or shortened | deny; nothing is touched |
//! | longer | the ledger was put back | deny; nothing is touched |
//! | missing while the ledger has records | deleted | deny; never made anew |
//!
//! Compared only under the lock, in constant time. The ledger's head must also
//! be what its last record says: that record commits to the whole state.

mod behind;
pub mod export;
mod leaves;
mod lines;

pub use behind::announce;
pub use lines::{Line, Lines};

use super::home::Home;
use super::ledger::{EventRow, Ledger, LedgerFault};
use crate::model::digest::{Digest, sha256};
use crate::model::merkle::Frontier;
use crate::model::record::{Link, Record, leaf_hash};
use crate::model::time::Timestamp;
use leaves::Leaves;
use rustix::fs::{Mode, OFlags};
use std::os::fd::OwnedFd;

/// Path of the log in the home.
pub const FILE: &str = "audit/audit.jsonl";

/// Why the log cannot be relied on. All of these deny.
#[derive(Debug, thiserror::Error)]
pub enum LogFault {
    /// There is none, and there should be.
    #[error("the log is missing, and the ledger has {0} records")]
    Missing(u64),
    /// Not a plain file of ours.
    #[error("the log's file is a link, has a second name or another owner")]
    Unsafe,
    /// It has more than the ledger.
    #[error(
        "the log has {found} bytes, the ledger's last record ends at {expected}: the ledger was put back"
    )]
    Ahead {
        /// Length of the log.
        found: u64,
        /// Length it should have.
        expected: u64,
    },
    /// It has less than a crash can explain.
    #[error("the log has {found} bytes and must have at least {least}: it was shortened")]
    Shortened {
        /// Length of the log.
        found: u64,
        /// Least length after any crash.
        least: u64,
    },
    /// A line differs from its event.
    #[error("line {seq} of the log is not what the ledger recorded")]
    Edited {
        /// Which record.
        seq: u64,
    },
    /// The ledger has a change that no command announced.
    #[error("record {seq} is in the ledger alone, and no command of this program announced that change")]
    Unannounced {
        /// Its first record.
        seq: u64,
    },
    /// The chain itself is broken.
    #[error("record {seq}: {why}")]
    Broken {
        /// Which record.
        seq: u64,
        /// What is wrong.
        why: String,
    },
    /// The file system refuses writing.
    #[error("the log cannot be written: {0}")]
    Write(std::io::Error),
    /// The file system refuses reading.
    #[error("the log cannot be read: {0}")]
    Read(std::io::Error),
    /// The ledger could not be asked.
    #[error(transparent)]
    Ledger(#[from] LedgerFault),
}

/// The open log.
#[derive(Debug)]
pub struct AuditLog {
    file: OwnedFd,
}

/// What settling the end of the log did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// Nothing was to be done.
    Clean,
    /// Lines were appended again, after this many torn bytes were moved aside.
    Appended {
        /// How many records.
        records: u64,
        /// Torn bytes moved aside.
        torn: u64,
    },
}

impl AuditLog {
    /// Makes the empty log of a new home, before its ledger is made; so a
    /// ledger without a log is always a log deleted.
    ///
    /// # Errors
    /// [`LogFault::Write`].
    pub fn create(home: &Home) -> Result<(), LogFault> {
        let write = |error: rustix::io::Errno| LogFault::Write(error.into());
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        rustix::fs::openat(home.dir(), FILE, flags, Mode::RUSR | Mode::WUSR).map_err(write)?;
        let folder = home.folder("audit").map_err(LogFault::Write)?;
        rustix::fs::fsync(&folder).map_err(write)
    }

    /// Whether the log holds anything.
    ///
    /// # Errors
    /// The system's, for anything but "it is not there".
    pub fn has_records(home: &Home) -> std::io::Result<bool> {
        match rustix::fs::statat(home.dir(), FILE, rustix::fs::AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(stat.st_size > 0),
            Err(rustix::io::Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens the log.
    ///
    /// # Errors
    /// [`LogFault`].
    pub fn open(home: &Home, ledger: &Ledger) -> Result<Self, LogFault> {
        let flags = OFlags::RDWR | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(home.dir(), FILE, flags, Mode::empty()) {
            Ok(file) => file,
            Err(rustix::io::Errno::NOENT) => return Err(LogFault::Missing(ledger.head().size)),
            Err(rustix::io::Errno::LOOP) => return Err(LogFault::Unsafe),
            Err(error) => return Err(LogFault::Write(error.into())),
        };
        let stat = rustix::fs::fstat(&file).map_err(|error| LogFault::Read(error.into()))?;
        let plain = rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::RegularFile;
        if !plain || stat.st_nlink != 1 || stat.st_uid != rustix::process::geteuid().as_raw() {
            return Err(LogFault::Unsafe);
        }
        Ok(Self { file })
    }

    fn len(&self) -> Result<u64, LogFault> {
        let stat = rustix::fs::fstat(&self.file).map_err(|error| LogFault::Read(error.into()))?;
        Ok(u64::try_from(stat.st_size).unwrap_or(0))
    }

    /// Compares the end of the log with the ledger's head and puts right what
    /// a crash explains. The caller holds the lock.
    ///
    /// # Errors
    /// [`LogFault`] for everything that a crash does not explain; then nothing
    /// was touched.
    pub fn settle(&self, home: &Home, ledger: &Ledger) -> Result<Settled, LogFault> {
        let head = ledger.head();
        let found = self.len()?;
        if found > head.bytes {
            return Err(LogFault::Ahead { found, expected: head.bytes });
        }
        if found < head.settled {
            return Err(LogFault::Shortened { found, least: head.settled });
        }
        let Some(last) = ledger.event(head.size)? else {
            return if head.size == 0 { Ok(Settled::Clean) } else { Err(missing(head.size)) };
        };
        check_head(ledger, &last)?;
        if found == head.bytes {
            return match self.holds(&last)? {
                true => Ok(Settled::Clean),
                false => Err(LogFault::Edited { seq: last.seq }),
            };
        }
        self.append_again(home, ledger, found)
    }

    /// Whether the log holds exactly this event's line where it should be.
    ///
    /// # Errors
    /// [`LogFault::Read`].
    pub fn holds(&self, event: &EventRow) -> Result<bool, LogFault> {
        let mut bytes = vec![0; event.line.len() + 1];
        let read = read_at(&self.file, &mut bytes, event.offset).map_err(LogFault::Read)?;
        let starts_a_line = event.offset == 0 || {
            let mut before = [0];
            read_at(&self.file, &mut before, event.offset - 1).map_err(LogFault::Read)? == 1
                && before == *b"\n"
        };
        Ok(starts_a_line
            && read == bytes.len()
            && bytes.last() == Some(&b'\n')
            && bytes[..event.line.len()] == *event.line.as_bytes())
    }

    /// Appends the lines of one transaction and flushes them.
    ///
    /// # Errors
    /// [`LogFault::Write`]: then the records are committed and pending.
    pub fn append(&self, rows: &[EventRow]) -> Result<(), LogFault> {
        let mut bytes = Vec::with_capacity(rows.iter().map(|row| row.line.len() + 1).sum());
        for row in rows {
            bytes.extend_from_slice(row.line.as_bytes());
            bytes.push(b'\n');
        }
        write_all(&self.file, &bytes).map_err(LogFault::Write)?;
        rustix::fs::fdatasync(&self.file).map_err(|error| LogFault::Write(error.into()))
    }

    /// Reads the whole log and checks it against itself and the ledger: every
    /// line canonical, numbers gapless, chain, times, Merkle root, bytes.
    ///
    /// # Errors
    /// The first [`LogFault`].
    pub fn verify(&self, ledger: &Ledger) -> Result<Verified, LogFault> {
        let file = self.file.try_clone().map_err(LogFault::Read)?;
        rustix::fs::seek(&file, rustix::fs::SeekFrom::Start(0))
            .map_err(|error| LogFault::Read(error.into()))?;
        let mut leaves = Leaves::new(std::fs::File::from(file));
        let mut chain = Chain::default();
        let mut fault = None;
        ledger.each_line(|seq, line| {
            let step = match leaves.next(line) {
                Ok(Some(leaf)) => chain.follow(leaf),
                Ok(None) => Err(missing(seq)),
                Err(fault) => Err(fault),
            };
            fault = step.err();
            fault.is_none()
        })?;
        if let Some(fault) = fault {
            return Err(fault);
        }
        let head = ledger.head();
        if chain.frontier.root() != head.frontier.root() || chain.frontier.size() != head.size {
            return Err(LogFault::Broken {
                seq: head.size,
                why: "the Merkle root is not the ledger's".into(),
            });
        }
        let found = self.len()?;
        if found != head.bytes {
            return Err(LogFault::Ahead { found, expected: head.bytes });
        }
        Ok(Verified { records: head.size, root: head.frontier.root() })
    }
}

/// What a whole verification established.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// How many records.
    pub records: u64,
    /// Root of the Merkle tree over them.
    pub root: Digest,
}

/// The running state of a chain that is being read.
#[derive(Debug, Default)]
pub struct Chain {
    frontier: Frontier,
    last: Option<(Digest, Timestamp, u64)>,
}

impl Chain {
    /// Takes the next line without its newline.
    ///
    /// # Errors
    /// [`LogFault::Broken`] naming the record and what is wrong with it.
    pub fn step(&mut self, line: &[u8]) -> Result<(), LogFault> {
        let record = Record::parse(line).map_err(|why| self.broken(&why))?;
        self.take(leaf_hash(line), Link::from(&record))
    }

    /// As [`Chain::step`] for a line that is known to be the ledger's own: its
    /// form and its place are checked, and the rest of it is not read. It comes
    /// behind the zero byte, so that both are hashed in one piece.
    fn follow(&mut self, leaf: &[u8]) -> Result<(), LogFault> {
        let link = Link::parse(&leaf[1..]).map_err(|why| self.broken(&why))?;
        self.take(sha256(&[leaf]), link)
    }

    fn broken(&self, why: &str) -> LogFault {
        LogFault::Broken { seq: self.frontier.size() + 1, why: why.to_owned() }
    }

    fn take(&mut self, hash: Digest, link: Link) -> Result<(), LogFault> {
        let Link { epoch, prev, seq, time, lowers } = link;
        if seq != self.frontier.size() + 1 {
            return Err(self.broken(&format!("its number is {seq}")));
        }
        if prev != self.last.map_or(Digest::ZERO, |(hash, _, _)| hash) {
            return Err(self.broken("it does not follow the record before it"));
        }
        if let Some((_, before, lowest)) = self.last {
            if time < before && !lowers {
                return Err(self.broken("its time is earlier than the record before it"));
            }
            if epoch < lowest {
                return Err(self.broken("its epoch is lower than the record before it"));
            }
        }
        self.frontier.add(hash);
        self.last = Some((hash, time, epoch));
        Ok(())
    }

    /// Number of lines so far.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Root so far.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.frontier.root()
    }
}

/// The head must be what the last record says of it: hash, time, and the digest
/// of the whole state. So a ledger edited alone, however consistently, does
/// not agree with the log.
fn check_head(ledger: &Ledger, last: &EventRow) -> Result<(), LogFault> {
    let head = ledger.head();
    let agrees = Record::parse(last.line.as_bytes()).is_ok_and(|record| {
        record.state == head.state && record.time == head.time && record.epoch == ledger.brakes().epoch
    });
    let ends = last.offset + last.line.len() as u64 + 1 == head.bytes && head.settled <= last.offset;
    if agrees && ends && last.hash == head.last {
        return Ok(());
    }
    Err(LogFault::Ledger(LedgerFault::Damaged("its head is not what the last record says".into())))
}

const fn missing(seq: u64) -> LogFault {
    LogFault::Edited { seq }
}

fn read_at(file: &OwnedFd, out: &mut [u8], offset: u64) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < out.len() {
        match rustix::io::pread(file, &mut out[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(filled)
}

fn write_all(file: &OwnedFd, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(file, bytes) {
            Ok(0) => return Err(std::io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
