//! `audit`: reading the log, checking all of it, signing its head.
//!
//! Showing needs neither ledger nor lock: it reads the file, says so, and
//! compares each line with the ledger's where there is one. Checking and
//! signing go through a session, and a head is signed only after the whole
//! chain under it was checked.

use super::World;
use super::facts;
use super::session::{Depth, Session, home_stop, ledger_stop, log_stop};
use crate::model::code::{Code, Stop};
use crate::model::record::Record;
use crate::model::skill::RevisionRef;
use crate::model::text;
use crate::model::time::Timestamp;
use crate::system::audit_log::{Chain, Line, Lines};
use crate::system::checkpoint::{Checkpoint, CheckpointKey, NAME};
use crate::system::home::Home;
use crate::system::ledger::Ledger;
use std::collections::VecDeque;
use std::path::PathBuf;

/// Which records are wanted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// About this skill, or this revision of it.
    pub skill: Option<String>,
    /// From this time on: a date, a time, or `2d` or `3h` ago.
    pub since: Option<String>,
}

/// One line of the log, as it stands there.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The line, byte for byte.
    pub line: Vec<u8>,
    /// The record, or why it is none.
    pub record: Result<Record, String>,
    /// Whether the ledger has the same line; none if it cannot be asked.
    pub agrees: Option<bool>,
}

/// The log, opened for showing.
pub struct Reading {
    lines: Lines,
    ledger: Result<Ledger, Stop>,
    wanted: Option<RevisionRef>,
    since: Option<Timestamp>,
}

/// Opens the log.
///
/// # Errors
/// [`Stop`] when there is no log, or the filter means nothing.
pub fn read(world: &World, filter: &Filter) -> Result<Reading, Stop> {
    let wanted = filter.skill.as_deref().map(facts::parse_ref).transpose()?;
    let since = filter.since.as_deref().map(|typed| since(typed, world.clock.now())).transpose()?;
    let home = Home::open(&world.home).map_err(|fault| home_stop(&fault))?;
    let lines = Lines::open(&home).map_err(|fault| log_stop(&fault))?;
    let ledger = Ledger::open(&home).map_err(|fault| ledger_stop(&fault));
    Ok(Reading { lines, ledger, wanted, since })
}

/// Reads a start: what an end may be, or a span that lies behind.
fn since(typed: &str, now: Timestamp) -> Result<Timestamp, Stop> {
    let span = |unit: char, seconds: i64| {
        let count: u32 = typed.strip_suffix(unit)?.parse().ok()?;
        Some(Timestamp::from_unix(now.unix().saturating_sub(i64::from(count) * seconds)))
    };
    if let Some(at) = span('d', 86_400).or_else(|| span('h', 3_600)) {
        return Ok(at);
    }
    Timestamp::parse_end(typed, now).map_err(|_| {
        let what = format!("`{}` is no date, time or span", text::escape_short(typed, 40));
        Stop::new(Code::Usage, what, "examples: --since 2027-01-31, --since 2d, --since 3h")
    })
}

impl Reading {
    /// Why the ledger cannot be asked, if so: then nothing here is verified.
    #[must_use]
    pub fn unverified(&self) -> Option<&Stop> {
        self.ledger.as_ref().err()
    }

    /// The next wanted record; none at the end of the file.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn next_record(&mut self) -> Result<Option<Shown>, Stop> {
        while let Some(line) = self.lines.next_line().map_err(|fault| log_stop(&fault))? {
            let shown = self.shown(line);
            if self.is_wanted(&shown) {
                return Ok(Some(shown));
            }
        }
        Ok(None)
    }

    /// Every wanted record, or the last so many of them, and what stands after
    /// the last line end.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn each(
        &mut self,
        last: Option<usize>,
        mut each: impl FnMut(&Shown) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let mut kept = VecDeque::new();
        while let Some(shown) = self.next_record()? {
            match last {
                None => each(&shown)?,
                Some(last) => {
                    kept.push_back(shown);
                    if kept.len() > last {
                        kept.pop_front();
                    }
                }
            }
        }
        kept.iter().try_for_each(each)
    }

    /// Whether the log lost bytes that were already read.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn shrank(&self) -> Result<bool, Stop> {
        self.lines.shrank().map_err(|fault| log_stop(&fault))
    }

    /// An unfinished line at the end.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn rest(&mut self) -> Result<Option<Vec<u8>>, Stop> {
        Ok(self.lines.rest().map_err(|fault| log_stop(&fault))?.map(|line| line.bytes))
    }

    fn shown(&mut self, line: Line) -> Shown {
        let record = if line.whole {
            Record::parse(&line.bytes)
        } else {
            Err("longer than a record may be".to_owned())
        };
        let agrees = match (&mut self.ledger, &record) {
            (Ok(ledger), Ok(record)) => agrees(ledger, record.seq, &line.bytes),
            (Ok(_), Err(_)) => Some(false),
            (Err(_), _) => None,
        };
        Shown { line: line.bytes, record, agrees }
    }

    /// A line that is no record is always wanted: nobody can say what it was.
    fn is_wanted(&self, shown: &Shown) -> bool {
        let Ok(record) = &shown.record else { return true };
        let about = self.wanted.as_ref().is_none_or(|wanted| {
            record.skill.as_ref() == Some(&wanted.name)
                && match (&wanted.prefix, record.digest) {
                    (None, _) => true,
                    (Some(prefix), Some(digest)) => digest.hex().starts_with(prefix),
                    (Some(_), None) => false,
                }
        });
        about && self.since.is_none_or(|since| record.time >= since)
    }
}

fn agrees(ledger: &mut Ledger, seq: u64, line: &[u8]) -> Option<bool> {
    if ledger.head().size < seq {
        // It may have been written after the ledger was opened.
        ledger.refresh().ok()?;
    }
    let event = ledger.event(seq).ok()?;
    Some(event.is_some_and(|event| event.line.as_bytes() == line))
}

/// What a check of the whole log established.
#[derive(Debug)]
pub struct Audited {
    /// Records.
    pub records: u64,
    /// Head, `SIZE:ROOT`.
    pub head: String,
    /// Records that the stored checkpoint vouches for.
    pub checkpoint: Option<u64>,
    /// Whether it continues the head that was named, if one was.
    pub extends: Option<bool>,
}

/// Checks every line, ledger against log, and the checkpoint.
///
/// # Errors
/// [`Stop`]: [`Code::Tampered`], [`Code::RolledBack`] and the like.
pub fn verify(world: &World, head: Option<&str>) -> Result<Audited, Stop> {
    let session = Session::open(world, Depth::All)?;
    let checked = facts::checked(&session)?;
    let extends = head.map(|head| facts::extends(&session.ledger, head)).transpose()?;
    if extends == Some(false) {
        let what = format!(
            "the log, now at {}, does not continue the head that was named",
            session.ledger.head().text()
        );
        return Err(Stop::new(
            Code::RolledBack,
            what,
            "the home was put back, or the head is another home's; keep both",
        ));
    }
    let facts::Checked { records, checkpoint } = checked;
    Ok(Audited { records, head: session.ledger.head().text(), checkpoint, extends })
}

/// How far the log's own chain holds, without the ledger: records, root, and
/// what is wrong with the line after them.
///
/// # Errors
/// [`Stop`] when the log cannot be read.
pub fn chain_alone(world: &World) -> Result<(u64, String, Option<String>), Stop> {
    let home = Home::open(&world.home).map_err(|fault| home_stop(&fault))?;
    let mut lines = Lines::open(&home).map_err(|fault| log_stop(&fault))?;
    let mut chain = Chain::default();
    let mut fault = None;
    while let Some(line) = lines.next_line().map_err(|fault| log_stop(&fault))? {
        if let Err(why) = chain.step(&line.bytes) {
            fault = Some(text::escape(&why.to_string()));
            break;
        }
    }
    if fault.is_none() && lines.rest().map_err(|fault| log_stop(&fault))?.is_some() {
        fault = Some("the last line has no end".to_owned());
    }
    Ok((chain.size(), format!("{}:{}", chain.size(), chain.root().hex()), fault))
}

/// A signed checkpoint.
#[derive(Debug)]
pub struct Signed {
    /// Where it lies.
    pub path: PathBuf,
    /// Head, `SIZE:ROOT`.
    pub head: String,
    /// The key that checks it, in the form of signed notes.
    pub verifier: String,
}

/// The head that [`checkpoint`] would sign, the whole log checked; makes no key.
///
/// # Errors
/// [`Stop`].
pub fn checkpoint_plan(world: &World) -> Result<String, Stop> {
    let session = Session::open(world, Depth::All)?;
    session.log.verify(&session.ledger).map_err(|fault| log_stop(&fault))?;
    facts::checkpoint(&session)?;
    Ok(session.ledger.head().text())
}

/// Checks the whole log and signs its head.
///
/// # Errors
/// [`Stop`].
pub fn checkpoint(world: &World) -> Result<Signed, Stop> {
    let session = Session::open(world, Depth::All)?;
    let verified = session.log.verify(&session.ledger).map_err(|fault| log_stop(&fault))?;
    let key = CheckpointKey::open_or_make(config(world)?).map_err(|fault| facts::checkpoint_stop(&fault))?;
    facts::checkpoint(&session)?;
    let id = session.ledger.home_id().map_err(|fault| ledger_stop(&fault))?;
    let signer = key.signer(&id).map_err(|fault| facts::checkpoint_stop(&fault))?;
    Checkpoint::write(&session.home, &signer, verified.records, &verified.root)
        .map_err(|fault| facts::checkpoint_stop(&fault))?;
    Ok(Signed {
        path: session.home.path().join("audit").join(NAME),
        head: session.ledger.head().text(),
        verifier: signer.verifier().to_string(),
    })
}

/// The key that checks this home's checkpoints; makes none.
///
/// # Errors
/// [`Code::Usage`] if there is none yet.
pub fn verifier(world: &World) -> Result<String, Stop> {
    let session = Session::open(world, Depth::End)?;
    let key = CheckpointKey::open(config(world)?).map_err(|fault| facts::checkpoint_stop(&fault))?;
    let key = key.ok_or_else(|| {
        Stop::new(Code::Usage, "there is no checkpoint key yet", "made at first use: skills audit checkpoint")
    })?;
    let id = session.ledger.home_id().map_err(|fault| ledger_stop(&fault))?;
    let signer = key.signer(&id).map_err(|fault| facts::checkpoint_stop(&fault))?;
    Ok(signer.verifier().to_string())
}

fn config(world: &World) -> Result<&PathBuf, Stop> {
    world.config.as_ref().ok_or_else(|| {
        let what = "this account has no home folder in the account database, so no place for a key";
        Stop::new(Code::Usage, what, "run it as an account that has one")
    })
}
