//! A placement while it is built, and the one rename that publishes it.
//!
//! Everything is written relative to the staged folder's handle, so that a
//! kill which moves the folder away takes the writing with it. Publishing never
//! recreates the staged folder: if it is gone, a kill took it, and that holds.
//!
//! Each `step:` is one step of the model in `tests/it/kill_model.rs`.

use super::leaf::{self, identity};
use super::target::{Target, TargetFault};
use super::withdraw::{disarm_open, split, sync_parent};
use super::{WithdrawFault, hidden_file, staged_name, take};
use crate::model::path::EntryPath;
use crate::model::skill::SkillName;
use rustix::fs::Mode;
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};

/// The card's name, once published.
const CARD: &str = "SKILL.md";

/// A staged folder that this process is filling.
#[derive(Debug)]
pub struct Staged {
    name: SkillName,
    parent: OwnedFd,
    dir: OwnedFd,
    staged: String,
    path: String,
    hidden: String,
    folders: BTreeSet<String>,
    card: bool,
}

/// Why a copy was not built.
#[derive(Debug, thiserror::Error)]
pub enum PlaceFault {
    /// The agent's folder.
    #[error(transparent)]
    Target(#[from] TargetFault),
    /// The id is not 32 lower-case hex digits.
    #[error("`{0}` is no id")]
    BadId(String),
    /// The system said no.
    #[error("{path}: {source}")]
    Io {
        /// What was being written.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// A kill took the staged folder. Its word holds.
    #[error("withdrawn by a kill while it was being enabled")]
    Withdrawn,
    /// Nothing an agent could load was written.
    #[error("the copy holds no SKILL.md")]
    NoCard,
}

/// Why a copy was not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishFault {
    /// A kill took the staged folder. Its word holds; nothing was placed.
    #[error("withdrawn by a kill while it was being enabled")]
    Withdrawn,
    /// Something stands at the final path; nothing was placed.
    #[error("{0} is already there")]
    Occupied(String),
    /// The system said no; nothing was placed.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: String,
        /// The system's words.
        source: std::io::Error,
    },
    /// It is in place, but may not be after a power cut: withdraw it.
    #[error("{path} is in place, but could not be flushed: {source}")]
    NotFlushed {
        /// The placement.
        path: String,
        /// The system's words.
        source: std::io::Error,
    },
}

impl Staged {
    /// Makes the staged folder beside the final path, and the agent's folder
    /// where it is missing. `id` is a fresh one (`placement::fresh_id`).
    ///
    /// # Errors
    /// [`PlaceFault`]; then there is no staged folder.
    pub fn begin(target: &Target, id: &str) -> Result<Self, PlaceFault> {
        if !crate::model::permit::is_id(id) {
            return Err(PlaceFault::BadId(crate::model::text::escape(id)));
        }
        let parent = target.open()?;
        let last = staged_name(target.name(), id);
        let staged = target.staged_path(id);
        let fault = |error: Errno| PlaceFault::Io { path: PathBuf::from(&staged), source: error.into() };
        // step: enable makes the staged folder
        rustix::fs::mkdirat(&parent, last.as_str(), Mode::RWXU).map_err(fault)?;
        let dir = leaf::open_folder(parent.as_fd(), &last).map_err(fault)?;
        rustix::fs::fchmod(&dir, Mode::RWXU).map_err(fault)?;
        rustix::fs::fsync(&parent).map_err(fault)?;
        Ok(Self {
            name: target.name().clone(),
            parent,
            dir,
            path: target.path(),
            hidden: hidden_file(id),
            staged,
            folders: BTreeSet::new(),
            card: false,
        })
    }

    /// Where it is built.
    #[must_use]
    pub fn staged_path(&self) -> &str {
        &self.staged
    }

    /// Where it will be.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Writes one file with its final mode, 0444 or 0555, and flushes it.
    ///
    /// # Errors
    /// [`PlaceFault::Io`], also if the file was written before.
    pub fn write(&mut self, path: &EntryPath, executable: bool, bytes: &[u8]) -> Result<(), PlaceFault> {
        let fault = |error| self.fault(path.as_str(), error);
        let mut folders = BTreeSet::new();
        let folder = self.descend(path, &mut folders).map_err(fault)?;
        let folder = folder.as_ref().unwrap_or(&self.dir);
        let is_card = path.as_str() == CARD;
        let name = if is_card { self.hidden.as_str() } else { path.file_name() };
        let mode = Mode::from_raw_mode(if executable { 0o555 } else { 0o444 });
        // step: enable writes the card under its hidden name
        leaf::write_new(folder.as_fd(), name, bytes, mode).map_err(fault)?;
        self.folders.append(&mut folders);
        self.card |= is_card;
        Ok(())
    }

    /// Opens the folder of an entry, making it where needed; none for the top.
    fn descend(&self, path: &EntryPath, made: &mut BTreeSet<String>) -> Result<Option<OwnedFd>, Errno> {
        let mut folder = None;
        let mut so_far = String::new();
        let mut parts = path.components().peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                break;
            }
            so_far = if so_far.is_empty() { part.to_owned() } else { format!("{so_far}/{part}") };
            let above = folder.as_ref().unwrap_or(&self.dir);
            let new = match rustix::fs::mkdirat(above, part, Mode::RWXU) {
                Ok(()) => true,
                Err(Errno::EXIST) => false,
                Err(error) => return Err(error),
            };
            let next = leaf::open_folder(above.as_fd(), part)?;
            if new {
                // Whatever the umask took away.
                rustix::fs::fchmod(&next, Mode::RWXU)?;
            }
            made.insert(so_far.clone());
            folder = Some(next);
        }
        Ok(folder)
    }

    /// Closes the folders inside, 0555, and flushes them. The top stays
    /// writable until it is published.
    ///
    /// # Errors
    /// [`PlaceFault`].
    pub fn seal(&mut self) -> Result<(), PlaceFault> {
        if !self.card {
            return Err(PlaceFault::NoCard);
        }
        // Longest first: a closed folder could not be passed for writing, but
        // can be for opening what is in it.
        for inner in self.folders.iter().rev() {
            let fault = |error| self.fault(inner, error);
            let folder = self.open_inner(inner).map_err(fault)?;
            rustix::fs::fchmod(&folder, Mode::from_raw_mode(0o555)).map_err(fault)?;
            rustix::fs::fsync(&folder).map_err(fault)?;
        }
        rustix::fs::fsync(&self.dir).map_err(|error| self.fault("", error))
    }

    /// What an error on `path` means: a kill closes the folder it takes.
    fn fault(&self, path: &str, error: Errno) -> PlaceFault {
        match self.is_in_place() {
            Ok(false) => PlaceFault::Withdrawn,
            _ => PlaceFault::Io { path: Path::new(&self.staged).join(path), source: error.into() },
        }
    }

    /// Whether the staged path still leads to the folder held open.
    fn is_in_place(&self) -> Result<bool, Errno> {
        let ours = rustix::fs::fstat(&self.dir)?;
        let (_, last) = split(&self.staged).ok_or(Errno::INVAL)?;
        match leaf::look(&self.parent, last) {
            Ok(found) => Ok(identity(&found) == identity(&ours)),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn open_inner(&self, inner: &str) -> Result<OwnedFd, Errno> {
        let mut folder: Option<OwnedFd> = None;
        for part in inner.split('/') {
            let above = folder.as_ref().unwrap_or(&self.dir);
            let next = rustix::fs::openat(above, part, leaf::FOLDER, Mode::empty())?;
            folder = Some(next);
        }
        folder.ok_or(Errno::INVAL)
    }

    /// Shows the copy to agents: the card gets its name, then one rename puts
    /// the folder at its final path, replacing nothing.
    ///
    /// # Errors
    /// [`PublishFault`]. Unless it says otherwise nothing is live afterwards;
    /// [`Staged::abandon`] moves aside what is left.
    pub fn publish(&self) -> Result<(), PublishFault> {
        match self.show() {
            Ok(()) => {}
            Err(fault) => {
                // What we gave its name in a folder that is not in place, in
                // whoever's hands it is now, loses it again.
                let _ = disarm_open(&self.dir, Some(&self.hidden));
                return Err(fault);
            }
        }
        match rustix::fs::fsync(&self.dir).and_then(|()| rustix::fs::fsync(&self.parent)) {
            Ok(()) => Ok(()),
            Err(error) => Err(PublishFault::NotFlushed { path: self.path.clone(), source: error.into() }),
        }
    }

    fn show(&self) -> Result<(), PublishFault> {
        let io = |error: Errno| PublishFault::Io { path: self.staged.clone(), source: error.into() };
        let (Some((_, from)), Some((_, to))) = (split(&self.staged), split(&self.path)) else {
            return Err(io(Errno::INVAL));
        };
        // step: enable checks that the staged folder is its own
        if !self.is_in_place().map_err(io)? {
            return Err(PublishFault::Withdrawn);
        }
        // step: enable gives the card its name
        match leaf::rename_new(self.dir.as_fd(), &self.hidden, CARD) {
            Ok(()) => {}
            // A kill has renamed it, or has closed the folder.
            Err(Errno::NOENT | Errno::ACCESS) => return Err(PublishFault::Withdrawn),
            Err(error) => return Err(io(error)),
        }
        rustix::fs::fchmod(&self.dir, Mode::from_raw_mode(0o555)).map_err(io)?;
        // step: enable renames staged to final
        match leaf::rename_new(self.parent.as_fd(), from, to) {
            Ok(()) => Ok(()),
            Err(Errno::NOENT) => Err(PublishFault::Withdrawn),
            Err(Errno::EXIST | Errno::NOTEMPTY | Errno::NOTDIR) => {
                Err(PublishFault::Occupied(self.path.clone()))
            }
            Err(error) => Err(io(error)),
        }
    }

    /// Gives up: the staged folder is moved aside.
    ///
    /// # Errors
    /// [`WithdrawFault`].
    pub fn abandon(self) -> Result<Option<PathBuf>, WithdrawFault> {
        let aside = take(&self.name, &self.staged, &self.staged)?;
        sync_parent(&self.staged)?;
        Ok(aside)
    }
}
