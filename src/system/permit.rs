//! Permits on disk: written by enable, renamed by whatever narrows, and the
//! home permit with its release.
//!
//! A skill permit is `permits/NAME@HEX`. Narrowing renames it to
//! `NAME@HEX.REASON`; that name is the record that is pending until its event
//! is in the ledger, and while it is there no new permit for that revision is
//! written. All functions that write here expect the caller to hold the lock,
//! but must stay right against a kill, which never takes it.
//!
//! Each `step:` is one step of the model in `tests/it/kill_model.rs`.

mod release;

pub use release::{ReleaseFault, create_home, last_epoch, release_home};

use super::home::Home;
use super::kill::{KillState, kill_state};
use super::placement::leaf::{self, ReadFault};
use crate::model::lifecycle::Event;
use crate::model::permit::{HomePermit, SkillPermit};
use crate::model::skill::Revision;
use rustix::fs::{AtFlags, Mode};
use rustix::io::Errno;
use std::os::fd::{AsFd as _, OwnedFd};

/// How the name of a file that is still being written begins.
pub(super) const UNFINISHED: &str = ".new-";

/// Why a permit was taken away: the end of its pending record's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Stopped.
    Killed,
    /// No longer placed.
    Disabled,
    /// No longer trusted.
    Untrusted,
    /// Its bytes changed.
    Drift,
    /// Its pin ended.
    Expired,
    /// The policy is no longer met.
    Unmet,
    /// Revoked.
    Revoked,
    /// An enable did not come to its end.
    Aborted,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Killed,
        Self::Disabled,
        Self::Untrusted,
        Self::Drift,
        Self::Expired,
        Self::Unmet,
        Self::Revoked,
        Self::Aborted,
    ];

    /// The word in the file's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::Disabled => "disabled",
            Self::Untrusted => "untrusted",
            Self::Drift => "drift",
            Self::Expired => "expired",
            Self::Unmet => "unmet",
            Self::Revoked => "revoked",
            Self::Aborted => "aborted",
        }
    }

    /// The event of the lifecycle that it stands for.
    #[must_use]
    pub const fn event(self) -> Event {
        match self {
            Self::Killed => Event::Kill,
            Self::Disabled | Self::Aborted => Event::Disable,
            Self::Untrusted => Event::Untrust,
            Self::Drift => Event::Drift,
            Self::Expired => Event::Expire,
            Self::Unmet => Event::Unmet,
            Self::Revoked => Event::Revoke,
        }
    }

    fn of(suffix: &str) -> Option<Self> {
        let word = suffix.split_once('.').map_or(suffix, |(word, _)| word);
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }
}

/// Why a permit could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum PermitFault {
    /// A value that would not come back as it is: it holds a line break, or
    /// the whole is larger than 64 KiB.
    #[error("the permit of {0} would not be read back as written")]
    Unwritable(Revision),
    /// Something of that name is there, but it is no permit.
    #[error("permits/{name}: {why}")]
    Malformed {
        /// File name.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// An earlier permit of this revision still waits for its event.
    #[error("permits/{0} is pending: its event is to be recorded first")]
    Pending(String),
    /// The system said no.
    #[error("permits/{name}: {source}")]
    Io {
        /// File name, or empty for the folder.
        name: String,
        /// The system's words.
        source: std::io::Error,
    },
}

impl PermitFault {
    fn io(name: impl Into<String>, error: Errno) -> Self {
        Self::Io { name: name.into(), source: error.into() }
    }
}

/// Why an enable must not go on.
#[derive(Debug, thiserror::Error)]
pub enum Blocked {
    /// A kill is in force, or the home permit is not as it should be.
    #[error("a kill is in force, or the home permit cannot be told: {0:?}")]
    Held(KillState),
    /// The home permit is of another epoch than the skill permit.
    #[error("the home is in epoch {home}, the permit was written in {permit}")]
    Epoch {
        /// Epoch of the home permit.
        home: u64,
        /// Epoch in the skill permit.
        permit: u64,
    },
    /// Something narrowed this very revision meanwhile.
    #[error("permits/{0} appeared meanwhile")]
    Narrowed(String),
    /// The permit is gone or is not the one written.
    #[error("the permit is not there as it was written")]
    Gone,
    /// It cannot be told.
    #[error(transparent)]
    Fault(#[from] PermitFault),
}

/// A permit that was taken away and whose event is not recorded yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Whose.
    pub revision: Revision,
    /// Why; none if the name ends in a word that is not ours.
    pub reason: Option<Reason>,
    /// File name in `permits/`.
    pub file: String,
    /// What it said, if it can be read. Its placements are to be withdrawn
    /// again before the event is recorded: who renamed it may not have got
    /// that far.
    pub permit: Option<SkillPermit>,
}

fn permits(home: &Home) -> Result<OwnedFd, PermitFault> {
    leaf::open_folder(home.dir(), "permits").map_err(|error| PermitFault::io("", error))
}

/// Writes a skill permit and makes it last. It replaces an earlier permit of
/// the same revision, as adding a placement does.
///
/// # Errors
/// [`PermitFault`]; then nothing has changed, unless only the last flush
/// failed.
pub fn write_skill(home: &Home, permit: &SkillPermit) -> Result<(), PermitFault> {
    let text = permit.text();
    let broken = |value: &str| value.contains(['\n', '\r']);
    let values = permit.signers.iter().chain([&permit.source]);
    let places = permit.placements.iter().flat_map(|placement| {
        [Some(&placement.path), Some(&placement.staged), placement.agent.as_ref()].into_iter().flatten()
    });
    if values.chain(places).any(|value| broken(value))
        || text.len() > leaf::PERMIT_MAX
        || SkillPermit::parse(&text).as_ref() != Some(permit)
    {
        return Err(PermitFault::Unwritable(permit.revision.clone()));
    }
    if let Some(pending) = pending_of(home, &permit.revision)?.pop() {
        return Err(PermitFault::Pending(pending.file));
    }
    let dir = permits(home)?;
    let name = permit.revision.file_name();
    let fault = |error| PermitFault::io(&name, error);
    let new = format!("{UNFINISHED}{}", leaf::fresh_id());
    leaf::write_new(dir.as_fd(), &new, text.as_bytes(), Mode::RUSR | Mode::WUSR).map_err(fault)?;
    // step: enable writes the skill permit
    if let Err(error) = rustix::fs::renameat(&dir, new.as_str(), &dir, name.as_str()) {
        let _ = rustix::fs::unlinkat(&dir, new.as_str(), AtFlags::empty());
        return Err(fault(error));
    }
    rustix::fs::fsync(&dir).map_err(fault)
}

/// The step of enable between writing its permit and copying: nothing may have
/// been killed, at large or by name.
///
/// It comes *after* the permit is written. A kill that lists the permits
/// before that has renamed the home permit earlier still, and is seen here;
/// one that lists them later finds this one. A narrow kill that took an
/// earlier permit of this revision is seen by what it left.
///
/// # Errors
/// [`Blocked`]: withdraw the permit and the staged folder.
pub fn check_clear(home: &Home, permit: &SkillPermit) -> Result<HomePermit, Blocked> {
    // step: enable checks the kill state
    let found = match kill_state(home.dir()) {
        KillState::Clear(found) => found,
        held => return Err(Blocked::Held(held)),
    };
    if found.epoch != permit.epoch {
        return Err(Blocked::Epoch { home: found.epoch, permit: permit.epoch });
    }
    if let Some(pending) = pending_of(home, &permit.revision)?.pop() {
        return Err(Blocked::Narrowed(pending.file));
    }
    if read_skill(home, &permit.revision)?.as_ref() != Some(permit) {
        return Err(Blocked::Gone);
    }
    Ok(found)
}

/// Reads the permit of a revision; none if it has none.
///
/// # Errors
/// [`PermitFault::Malformed`] for a file that is not wholly as we write it.
pub fn read_skill(home: &Home, revision: &Revision) -> Result<Option<SkillPermit>, PermitFault> {
    read(&permits(home)?, &revision.file_name(), revision)
}

fn read(dir: &OwnedFd, name: &str, revision: &Revision) -> Result<Option<SkillPermit>, PermitFault> {
    let malformed = |why: &str| PermitFault::Malformed { name: name.to_owned(), why: why.to_owned() };
    match leaf::read_text(dir.as_fd(), name) {
        Err(ReadFault::System(Errno::NOENT)) => Ok(None),
        Err(ReadFault::System(error)) => Err(PermitFault::io(name, error)),
        Err(ReadFault::Odd(why)) => Err(malformed(why)),
        Ok((text, _)) => match SkillPermit::parse(&text) {
            Some(permit) if permit.revision == *revision => Ok(Some(permit)),
            Some(_) => Err(malformed("names another revision than its file")),
            None => Err(malformed("not well-formed")),
        },
    }
}

/// Takes a permit away, for this reason, and makes that last. Returns the
/// pending record; none if there was no permit.
///
/// # Errors
/// [`PermitFault::Io`].
pub fn withdraw(home: &Home, revision: &Revision, reason: Reason) -> Result<Option<String>, PermitFault> {
    let dir = permits(home)?;
    let name = revision.file_name();
    let mut to = format!("{name}.{}", reason.as_str());
    let mut renamed = leaf::rename_new(dir.as_fd(), &name, &to);
    if renamed == Err(Errno::EXIST) {
        to = format!("{to}.{}", leaf::fresh_id());
        renamed = leaf::rename_new(dir.as_fd(), &name, &to);
    }
    match renamed {
        Ok(()) => {}
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(PermitFault::io(name, error)),
    }
    rustix::fs::fsync(&dir).map_err(|error| PermitFault::io(&to, error))?;
    Ok(Some(to))
}

/// Revisions that have a permit, sorted. Its content is not looked at.
///
/// # Errors
/// [`PermitFault::Io`].
pub fn list(home: &Home) -> Result<Vec<Revision>, PermitFault> {
    let mut found: Vec<_> =
        names(&permits(home)?)?.iter().filter_map(|name| Revision::from_file_name(name)).collect();
    found.sort();
    Ok(found)
}

/// Every pending record. Takes time in proportion to all permits; the gate
/// uses [`pending_of`].
///
/// # Errors
/// [`PermitFault::Io`].
pub fn pending(home: &Home) -> Result<Vec<Pending>, PermitFault> {
    let dir = permits(home)?;
    let mut found: Vec<_> = names(&dir)?.into_iter().filter_map(|file| as_pending(&dir, file)).collect();
    found.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(found)
}

/// Pending records of one revision, in constant time: one look per reason. A
/// record with a further suffix exists only beside the plain one, which
/// [`clear_pending`] removes last.
///
/// # Errors
/// [`PermitFault::Io`] if it cannot be told.
pub fn pending_of(home: &Home, revision: &Revision) -> Result<Vec<Pending>, PermitFault> {
    let dir = permits(home)?;
    let mut found = Vec::new();
    for reason in Reason::ALL {
        let file = format!("{}.{}", revision.file_name(), reason.as_str());
        match leaf::look(&dir, &file) {
            Ok(_) => found.extend(as_pending(&dir, file)),
            Err(Errno::NOENT) => {}
            Err(error) => return Err(PermitFault::io(file, error)),
        }
    }
    Ok(found)
}

fn as_pending(dir: &OwnedFd, file: String) -> Option<Pending> {
    let (plain, suffix) = file.split_once('.')?;
    let revision = Revision::from_file_name(plain)?;
    let permit = read(dir, &file, &revision).ok().flatten();
    Some(Pending { reason: Reason::of(suffix), permit, revision, file })
}

/// Clears pending records whose events are recorded: they go to `evidence/`,
/// and where that fails they are removed.
///
/// # Errors
/// [`PermitFault::Io`]; the rest stays pending, and may be cleared again.
pub fn clear_pending(home: &Home, pending: &[Pending]) -> Result<(), PermitFault> {
    let dir = permits(home)?;
    let mut files: Vec<&str> = pending.iter().map(|pending| pending.file.as_str()).collect();
    // Longest first: see `pending_of`.
    files.sort_by_key(|file| std::cmp::Reverse(file.len()));
    let evidence = leaf::open_folder(home.dir(), "evidence").ok();
    // A name is in the folder once, so one id makes all of them fresh.
    let id = leaf::fresh_id();
    for file in files {
        let to = format!("permit-{file}-{id}");
        let moved = match &evidence {
            Some(evidence) => rustix::fs::renameat(&dir, file, evidence, to.as_str()),
            None => Err(Errno::NOENT),
        };
        match moved.or_else(|_| rustix::fs::unlinkat(&dir, file, AtFlags::empty())) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(PermitFault::io(file, error)),
        }
    }
    rustix::fs::fsync(&dir).map_err(|error| PermitFault::io("", error))
}

/// Permits that a crash left half-made, with what they name where that can be
/// read: their staged folders are to be withdrawn. Removes the files, which
/// are not permits. Under the lock only.
///
/// # Errors
/// [`PermitFault::Io`].
pub fn clear_unfinished(home: &Home) -> Result<Vec<SkillPermit>, PermitFault> {
    let dir = permits(home)?;
    let mut found = Vec::new();
    for name in names(&dir)?.into_iter().filter(|name| name.starts_with(UNFINISHED)) {
        if let Ok((text, _)) = leaf::read_text(dir.as_fd(), &name) {
            found.extend(SkillPermit::parse(&text));
        }
        rustix::fs::unlinkat(&dir, name.as_str(), AtFlags::empty())
            .map_err(|error| PermitFault::io(name, error))?;
    }
    Ok(found)
}

/// The kill state of a home: its permit, or what a kill made of it.
#[must_use]
pub fn read_home(home: &Home) -> KillState {
    kill_state(home.dir())
}

/// The file that says which revisions are being changed, in the home.
const PLACING: &str = "placing";

/// Says of which revisions placements and permits are being changed, before
/// anything is. A process that dies on the way leaves the mark for the next
/// one.
///
/// # Errors
/// [`PermitFault::Io`].
pub fn begin_placing(home: &Home, revisions: &[&Revision]) -> Result<(), PermitFault> {
    let fault = |error| PermitFault::io(PLACING, error);
    end_placing(home)?;
    let text: String = revisions.iter().map(|revision| revision.file_name() + "\n").collect();
    leaf::write_new(home.dir(), PLACING, text.as_bytes(), Mode::RUSR | Mode::WUSR).map_err(fault)?;
    rustix::fs::fsync(home.dir()).map_err(fault)
}

/// The revisions of a change that did not come to its end; none if there is no
/// mark.
///
/// # Errors
/// [`PermitFault`]; a mark cut short by a crash names fewer, and nothing of
/// that change was made yet.
pub fn placing(home: &Home) -> Result<Option<Vec<Revision>>, PermitFault> {
    match leaf::read_text(home.dir(), PLACING) {
        Ok((text, _)) => Ok(Some(text.lines().filter_map(Revision::from_file_name).collect())),
        Err(ReadFault::System(Errno::NOENT)) => Ok(None),
        Err(ReadFault::System(error)) => Err(PermitFault::io(PLACING, error)),
        Err(ReadFault::Odd(why)) => {
            Err(PermitFault::Malformed { name: PLACING.to_owned(), why: why.to_owned() })
        }
    }
}

/// Removes the mark.
///
/// # Errors
/// [`PermitFault::Io`].
pub fn end_placing(home: &Home) -> Result<(), PermitFault> {
    match rustix::fs::unlinkat(home.dir(), PLACING, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(PermitFault::io(PLACING, error)),
    }
}

fn names(dir: &OwnedFd) -> Result<Vec<String>, PermitFault> {
    leaf::names(dir.as_fd()).map_err(|error| PermitFault::io("", error))
}
