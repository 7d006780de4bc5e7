//! Gathering: what is so right now, for the decisions to be made on.

use super::session::{Session, ledger_stop, log_stop};
use crate::model::code::{Code, Stop};
use crate::model::digest::Digest;
use crate::model::lifecycle::RevisionRow;
use crate::model::limits::{Fault, Limits, Rule};
use crate::model::record::Record;
use crate::model::skill::{RevisionRef, SkillName};
use crate::model::text;
use crate::policy::gate::{Brake, Hashed, Proven};
use crate::system::ancestors::{self, AncestorFault};
use crate::system::audit_log::AuditLog;
use crate::system::checkpoint::{Checkpoint, CheckpointFault, CheckpointKey};
use crate::system::home::Home;
use crate::system::kill::{self, KillState};
use crate::system::ledger::Ledger;
use crate::system::tree::{self, Checks, Reader, Strict};
use std::collections::BTreeSet;
use std::path::Path;

/// The home-wide brake as it is on disk.
#[must_use]
pub fn brake(home: &Home) -> Brake {
    match kill::kill_state(home.dir()) {
        KillState::Clear(permit) => Brake::Clear { epoch: permit.epoch },
        KillState::Killed(_) => Brake::Stopped("a kill of everything is in force".to_owned()),
        KillState::NoPermit => Brake::Stopped("the home permit is missing".to_owned()),
        KillState::Doubt(why) => Brake::Stopped(format!("the home permit cannot be relied on: {why}")),
    }
}

/// Whether a kill of everything left its mark in the home.
#[must_use]
pub fn is_killed(home: &Home) -> bool {
    matches!(kill::kill_state(home.dir()), KillState::Killed(_) | KillState::Doubt(_))
}

/// How a placement must look on disk.
#[must_use]
pub fn placement_checks(limits: Limits) -> Checks {
    Checks { limits, strict: Some(Strict::placement(ours())) }
}

/// How a store object must look on disk.
#[must_use]
pub fn store_checks(limits: Limits) -> Checks {
    Checks { limits, strict: Some(Strict::stored(ours())) }
}

fn ours() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Hashes a folder named by a path. For several, see `ops::look`.
#[must_use]
pub fn hash_folder(path: &str, checks: &Checks) -> Hashed {
    hash_with(&mut Reader::new(), path, checks)
}

/// As [`hash_folder`], with a reader's buffers used again.
#[must_use]
pub fn hash_with(reader: &mut Reader, path: &str, checks: &Checks) -> Hashed {
    let unreadable = |error: std::io::Error| {
        let rule = unopened(path, &error);
        Hashed { path: path.to_owned(), digest: None, faults: vec![Fault { path: ".".to_owned(), rule }] }
    };
    match tree::open_folder(Path::new(path)) {
        Err(error) => unreadable(error),
        Ok(folder) => {
            let observed = reader.read_own(&folder, checks);
            let digest = Some(observed.manifest.digest());
            Hashed { path: path.to_owned(), digest, faults: observed.faults }
        }
    }
}

/// Hashes a placement; the folders above it must still be safe.
#[must_use]
pub fn hash_placement(reader: &mut Reader, path: &str, limits: Limits) -> Hashed {
    let mut hashed = hash_with(reader, path, &placement_checks(limits));
    if let Err(fault) = ancestors::check(Path::new(path)) {
        let rule = match fault {
            AncestorFault::Foreign(foreign) => Rule::Swappable(foreign.to_string()),
            AncestorFault::Io(error) if error.kind() == std::io::ErrorKind::NotFound => Rule::Missing,
            AncestorFault::Io(error) => Rule::Unreadable(error.to_string()),
        };
        hashed.faults.insert(0, Fault { path: ".".to_owned(), rule });
    }
    hashed
}

/// What it says about a folder that it cannot be opened. A link or a file in
/// its place is drift; anything else is trouble, and tells nothing.
///
/// Attack: a placement is moved away and a link to a copy put there, or a file;
/// if that counted as trouble, nothing would ever be withdrawn.
#[must_use]
pub fn unopened(path: &str, error: &std::io::Error) -> Rule {
    match error.kind() {
        std::io::ErrorKind::NotFound => Rule::Missing,
        std::io::ErrorKind::NotADirectory => match Path::new(path).symlink_metadata() {
            Ok(meta) if meta.file_type().is_symlink() => Rule::Link,
            _ => Rule::NotAFolder,
        },
        _ => Rule::Unreadable(error.to_string()),
    }
}

/// Hashes the store copy of a revision.
#[must_use]
pub fn hash_store(home: &Home, digest: &Digest, limits: Limits) -> Hashed {
    hash_folder(&store_path(home, digest), &store_checks(limits))
}

/// Where the store copy of a digest lies, as text.
#[must_use]
pub fn store_path(home: &Home, digest: &Digest) -> String {
    let hex = digest.hex();
    home.path().join("store").join(&hex[..2]).join(&hex).to_string_lossy().into_owned()
}

/// The record with that number, if ledger and log agree on it to the byte.
///
/// # Errors
/// [`Stop`] when either cannot be read.
pub fn proven(ledger: &Ledger, log: &AuditLog, seq: u64) -> Result<Option<Proven>, Stop> {
    let Some(event) = ledger.event(seq).map_err(|fault| ledger_stop(&fault))? else { return Ok(None) };
    if !log.holds(&event).map_err(|fault| log_stop(&fault))? {
        return Ok(None);
    }
    let record = Record::parse(event.line.as_bytes());
    Ok(record.ok().map(|record| Proven { record, hash: event.hash }))
}

/// What a person meant by `NAME` or `NAME@DIGEST`.
///
/// `prefer` picks among several revisions of a bare name; if it leaves none or
/// several, the candidates are listed.
///
/// # Errors
/// [`Code::NotInstalled`], [`Code::Ambiguous`], [`Code::Usage`].
pub fn resolve(
    ledger: &Ledger,
    typed: &str,
    prefer: impl Fn(&RevisionRow) -> bool,
) -> Result<RevisionRow, Stop> {
    let wanted = parse_ref(typed)?;
    let rows = ledger.revisions_named(&wanted.name).map_err(|fault| ledger_stop(&fault))?;
    let unknown = rows.is_empty();
    let mut chosen = choose(rows, &wanted, typed, prefer);
    if let (true, Err(stop)) = (unknown, &mut chosen) {
        let all = ledger.revisions().map_err(|fault| ledger_stop(&fault))?;
        let names = all.iter().map(|row| row.revision.name.as_str());
        let near: BTreeSet<_> = names.filter(|name| text::is_near(name, wanted.name.as_str())).collect();
        if !near.is_empty() {
            let near: Vec<_> = near.into_iter().take(3).collect();
            stop.what.push_str(&format!("; there is {}", near.join(", ")));
        }
    }
    chosen
}

/// Reads a typed revision.
///
/// # Errors
/// [`Code::Usage`].
pub fn parse_ref(typed: &str) -> Result<RevisionRef, Stop> {
    RevisionRef::parse(typed).map_err(|why| {
        let typed = text::escape_short(typed, 80);
        Stop::new(Code::Usage, format!("`{typed}`: {why}"), "run: skills status")
    })
}

fn choose(
    rows: Vec<RevisionRow>,
    wanted: &RevisionRef,
    typed: &str,
    prefer: impl Fn(&RevisionRow) -> bool,
) -> Result<RevisionRow, Stop> {
    let mut rows: Vec<_> = rows.into_iter().filter(|row| wanted.matches(&row.revision)).collect();
    if rows.len() > 1 && rows.iter().filter(|row| prefer(row)).count() == 1 {
        rows.retain(|row| prefer(row));
    }
    if rows.len() > 1 {
        let list: Vec<_> =
            rows.iter().map(|row| format!("{} ({})", row.revision, row.lifecycle.state())).collect();
        let what = format!("`{typed}` means {} revisions: {}", rows.len(), list.join(", "));
        return Err(Stop::new(Code::Ambiguous, what, "name one of them in full"));
    }
    rows.pop().ok_or_else(|| {
        Stop::new(Code::NotInstalled, format!("no revision `{wanted}` is installed"), "run: skills status")
    })
}

/// The revisions of a skill, newest first.
///
/// # Errors
/// [`Stop`].
pub fn revisions(session: &Session<'_>, name: &SkillName) -> Result<Vec<RevisionRow>, Stop> {
    let mut rows = session.ledger.revisions_named(name).map_err(|fault| ledger_stop(&fault))?;
    rows.sort_by_key(|row| std::cmp::Reverse(row.arrived));
    Ok(rows)
}

/// Whether a kill covers a revision, and which.
#[must_use]
pub fn held(session: &Session<'_>, row: &RevisionRow) -> Option<String> {
    if let Brake::Stopped(why) = brake(&session.home) {
        return Some(why);
    }
    let holds = &session.ledger.brakes().holds;
    let hold = holds.iter().find(|hold| row.is_covered(&hold.scope))?;
    Some(format!("held by a kill of {} (record {})", hold.scope, hold.seq))
}

/// Whether the log continues the head `SIZE:ROOT` that somebody remembers.
///
/// # Errors
/// [`Code::Usage`] for another form; [`Stop`] when the ledger cannot be read.
pub fn extends(ledger: &Ledger, head: &str) -> Result<bool, Stop> {
    let bad = || {
        let head = text::escape_short(head, 100);
        Stop::new(Code::Usage, format!("`{head}` is not SIZE:ROOT"), "pass the `head` of an earlier answer")
    };
    let (size, root) = head.split_once(':').ok_or_else(bad)?;
    let number: u64 = size.parse().map_err(|_| bad())?;
    let root = Digest::from_hex(root).map_err(|_| bad())?;
    ledger.extends(number, &root).map_err(|fault| ledger_stop(&fault))
}

/// What a check of a whole home's records established.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// Records.
    pub records: u64,
    /// Records that the stored checkpoint vouches for.
    pub checkpoint: Option<u64>,
}

/// Checks every line, ledger against log, and the checkpoint.
///
/// # Errors
/// [`Stop`]: [`Code::Tampered`], [`Code::RolledBack`] and the like.
pub fn checked(session: &Session<'_>) -> Result<Checked, Stop> {
    session.ledger.check_integrity().map_err(|fault| ledger_stop(&fault))?;
    let verified = session.log.verify(&session.ledger).map_err(|fault| log_stop(&fault))?;
    Ok(Checked { records: verified.records, checkpoint: checkpoint(session)? })
}

/// The records that the stored checkpoint vouches for; none without one, or
/// without the key that made it.
///
/// # Errors
/// [`Code::RolledBack`] when the log does not continue it; [`Code::Tampered`]
/// when it is not signed by our key.
pub fn checkpoint(session: &Session<'_>) -> Result<Option<u64>, Stop> {
    let Some(config) = &session.world.config else { return Ok(None) };
    let Some(key) = CheckpointKey::open(config).map_err(|fault| checkpoint_stop(&fault))? else {
        return Ok(None);
    };
    let id = session.ledger.home_id().map_err(|fault| ledger_stop(&fault))?;
    let signer = key.signer(&id).map_err(|fault| checkpoint_stop(&fault))?;
    let read = Checkpoint::read(&session.home, signer.verifier()).map_err(|fault| checkpoint_stop(&fault))?;
    let Some(found) = read else { return Ok(None) };
    let (size, root) = (found.head.size, found.head.root);
    if session.ledger.extends(size, &root).map_err(|fault| ledger_stop(&fault))? {
        return Ok(Some(size));
    }
    let what = format!("the checkpoint vouches for {size} records, and the log does not continue them");
    Err(Stop::new(
        Code::RolledBack,
        what,
        "the home was put back or rewritten; keep it as it is and look into it",
    ))
}

/// A checkpoint's fault in the product's words.
#[must_use]
pub fn checkpoint_stop(fault: &CheckpointFault) -> Stop {
    let what = text::escape(&fault.to_string());
    match fault {
        CheckpointFault::Unsafe { .. } => {
            Stop::new(Code::HomeUnsafe, what, "make it private to this account (0700, 0600), or move it away")
        }
        CheckpointFault::Io { .. } => Stop::new(Code::Io, what, "run: skills doctor"),
        CheckpointFault::Backwards { .. } => {
            Stop::new(Code::RolledBack, what, "the home was put back; keep it as it is and look into it")
        }
        _ => Stop::new(Code::Tampered, what, "keep the file as it is; run: skills audit verify"),
    }
}
