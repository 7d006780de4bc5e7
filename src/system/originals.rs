//! Originals: what somebody else put where a skill of ours is to lie, or what
//! agents load and nobody manages. They are moved aside, whole, and kept.
//!
//! ```text
//!   mark written     `aside.ID` in the home: which paths are about to move
//!   one rename       PATH ─▶ evidence/original-ID        same bytes, modes and times
//!   recorded         by whoever moved it, or by recovery, from the mark
//!   mark removed
//! ```
//!
//! Nothing is ever deleted and no link is followed: of a link the link itself
//! moves. Into the evidence it is one rename, so that there is no moment at
//! which the original is nowhere or in two places. The evidence lies in the
//! home, which no agent reads, so what is in there keeps its `SKILL.md`.
//!
//! Where a rename cannot reach the home (another file system, or no home), a
//! folder stays beside its old place, hidden, its card renamed and closed to
//! everybody; a link is made anew in the evidence, or its text is kept in a
//! file, before the old one goes.
//!
//! Attack: between looking and moving, something else is put at the path. What
//! was moved is looked at again under its new name, and goes back if it is not
//! what was meant.

mod back;
mod mark;
mod parting;

pub use back::moved;
pub use mark::{Left, MARK, Mark, Moves, announce, announce_all, left};
pub use parting::{can_part, part, parting};

use super::home::Home;
use super::placement::leaf::{self, Identity, identity, is_ours};
use super::tree;
use rustix::fs::{AtFlags, FileType, Mode, RenameFlags};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// How the name of an original in the evidence begins.
pub const KEPT: &str = "original-";
/// How its name begins where it had to stay beside its old place.
const BESIDE: &str = ".skill-trust-original-";

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A folder.
    Folder,
    /// A link, with its text.
    Link(PathBuf),
}

/// An entry that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Original {
    /// Where it lies: a folder's real path, and a name in it.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
    identity: Identity,
    mode: u32,
}

/// An original that was moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// What it was.
    pub original: Original,
    /// Where it is now.
    pub at: PathBuf,
    /// Whether it had to stay outside the home.
    pub beside: bool,
    /// Why it may be where it was after a power cut, if so.
    pub unflushed: Option<String>,
    id: String,
}

/// Why an original was not moved.
#[derive(Debug, thiserror::Error)]
pub enum MoveFault {
    /// Neither a folder nor a link.
    #[error("it is neither a folder nor a link")]
    Odd,
    /// Not ours to move.
    #[error("it belongs to account {0}")]
    Foreign(u32),
    /// Not what was looked at.
    #[error("it changed after it was looked at")]
    Changed,
    /// Where it should go something lies.
    #[error("something lies there")]
    Taken,
    /// The system said no.
    #[error("{doing}: {source}")]
    Io {
        /// The step.
        doing: &'static str,
        /// The system's words.
        source: io::Error,
    },
}

fn fault(doing: &'static str) -> impl Fn(Errno) -> MoveFault {
    move |error| MoveFault::Io { doing, source: error.into() }
}

/// A fresh id for a move.
#[must_use]
pub fn fresh_id() -> String {
    leaf::fresh_id()
}

/// The names of the originals in the evidence. They are people's own and are
/// never ours to remove, whatever else goes.
///
/// # Errors
/// The system's.
pub fn kept(home: &Home) -> io::Result<Vec<String>> {
    let evidence = match home.folder("evidence") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        opened => opened?,
    };
    let mut names = leaf::names(evidence.as_fd())?;
    names.retain(|name| name.starts_with(KEPT));
    names.sort();
    Ok(names)
}

impl Original {
    /// Looks at a path; none if nothing is there. Links on the way are
    /// followed, the entry itself is not.
    ///
    /// # Errors
    /// [`MoveFault::Odd`], [`MoveFault::Io`].
    pub fn look(path: &Path) -> Result<Option<Self>, MoveFault> {
        let io = |source| MoveFault::Io { doing: "looking at it", source };
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(MoveFault::Odd);
        };
        let parent = match std::fs::canonicalize(parent) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            found => found.map_err(io)?,
        };
        let path = parent.join(name);
        let stat = match rustix::fs::lstat(&path) {
            Err(Errno::NOENT) => return Ok(None),
            found => found.map_err(fault("looking at it"))?,
        };
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => Kind::Folder,
            FileType::Symlink => Kind::Link(std::fs::read_link(&path).map_err(io)?),
            _ => return Err(MoveFault::Odd),
        };
        #[allow(clippy::useless_conversion, reason = "the field's width differs between targets")]
        let mode = u32::from(stat.st_mode) & 0o7777;
        Ok(Some(Self { path, kind, identity: identity(&stat), mode }))
    }

    /// Whether this very thing lies at its path.
    #[must_use]
    pub fn is_there(&self) -> bool {
        rustix::fs::lstat(&self.path).is_ok_and(|stat| identity(&stat) == self.identity)
    }

    /// Whose it is, if not ours.
    #[must_use]
    pub fn foreign(&self) -> Option<u32> {
        let stat = rustix::fs::lstat(&self.path).ok()?;
        (!is_ours(&stat)).then_some(stat.st_uid)
    }

    fn parent(&self) -> Result<OwnedFd, MoveFault> {
        let parent = self.path.parent().unwrap_or(Path::new("/"));
        tree::open_folder(parent).map_err(|source| MoveFault::Io { doing: "opening its parent", source })
    }

    fn name(&self) -> &OsStr {
        self.path.file_name().unwrap_or_default()
    }

    /// Whether this very thing is at a name.
    fn is_at(&self, dir: BorrowedFd<'_>, name: &OsStr) -> Result<bool, Errno> {
        Ok(identity(&rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?) == self.identity)
    }
}

/// Moves an original aside; see the top of this file. `id` is a fresh one.
///
/// # Errors
/// [`MoveFault`]; it lies where it lay, unless the system failed on the way:
/// [`Original::is_there`] tells, and else the mark has to stay.
pub fn take(home: Option<&Home>, original: &Original, id: &str) -> Result<Moved, MoveFault> {
    let parent = original.parent()?;
    let name = original.name();
    let stat = match rustix::fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Err(MoveFault::Changed),
        found => found.map_err(fault("looking at it"))?,
    };
    if identity(&stat) != original.identity {
        return Err(MoveFault::Changed);
    }
    // Attack: what another account left here is not ours to move, whoever we are.
    if !is_ours(&stat) {
        return Err(MoveFault::Foreign(stat.st_uid));
    }
    let moved = |at: PathBuf, beside, flushed: Result<(), Errno>| {
        let unflushed = flushed.err().map(|error| io::Error::from(error).to_string());
        Moved { original: original.clone(), at, beside, unflushed, id: id.to_owned() }
    };
    if let Some(home) = home
        && let Ok(evidence) = home.folder("evidence")
    {
        let kept = format!("{KEPT}{id}");
        match rename_whole(original, &parent, name, &evidence, OsStr::new(&kept)) {
            Ok(()) => {
                // A flush that fails does not undo the move.
                let flushed = rustix::fs::fsync(&evidence).and_then(|()| rustix::fs::fsync(&parent));
                return Ok(moved(home.path().join("evidence").join(kept), false, flushed));
            }
            Err(Failed::Fault(fault)) => return Err(fault),
            Err(Failed::OtherDisk) => {}
        }
        if let Kind::Link(text) = &original.kind {
            relink(original, text, &parent, name, &evidence, OsStr::new(&kept))?;
            let flushed = rustix::fs::fsync(&parent);
            return Ok(moved(home.path().join("evidence").join(kept), false, flushed));
        }
    }
    let aside = beside(original, id);
    let last = format!("{BESIDE}{id}");
    match &original.kind {
        Kind::Link(text) => {
            let mode = Mode::RUSR;
            leaf::write_new(parent.as_fd(), &last, text.as_os_str().as_bytes(), mode)
                .map_err(fault("keeping its text"))?;
            unlink(original, &parent, name)?;
        }
        Kind::Folder => {
            rename(&parent, name, &parent, OsStr::new(&last)).map_err(fault("moving it aside"))?;
            settled(original, &parent, name, &parent, OsStr::new(&last))?;
            if let Err(error) = close(&parent, OsStr::new(&last), id) {
                // Hidden and open it would be live, and nobody would look there.
                let _ = reopen(&parent, OsStr::new(&last), id, original.mode);
                let _ = rename(&parent, OsStr::new(&last), &parent, name);
                return Err(fault("closing it")(error));
            }
        }
    }
    let flushed = rustix::fs::fsync(&parent);
    Ok(moved(aside, true, flushed))
}

fn beside(original: &Original, id: &str) -> PathBuf {
    original.path.with_file_name(format!("{BESIDE}{id}"))
}

/// Why one rename was not enough.
enum Failed {
    OtherDisk,
    Fault(MoveFault),
}

/// One rename between two folders. A folder that gets another parent must be
/// writable for that moment; its mode is given back.
fn rename_whole(
    original: &Original,
    from: &OwnedFd,
    name: &OsStr,
    to: &OwnedFd,
    new: &OsStr,
) -> Result<(), Failed> {
    let failed = |doing| move |error| Failed::Fault(fault(doing)(error));
    let device = |dir: &OwnedFd| rustix::fs::fstat(dir).map(|stat| identity(&stat).0);
    if device(from).map_err(failed("looking at it"))? != device(to).map_err(failed("looking at it"))? {
        return Err(Failed::OtherDisk);
    }
    let closed = original.kind == Kind::Folder && original.mode & 0o200 == 0;
    let opened = |dir: &OwnedFd, name: &OsStr, mode: u32| -> Result<(), Errno> {
        if !closed {
            return Ok(());
        }
        let text = name.to_str().ok_or(Errno::ILSEQ)?;
        rustix::fs::fchmod(leaf::open_folder(dir.as_fd(), text)?, Mode::from_raw_mode(mode))
    };
    opened(from, name, original.mode | 0o700).map_err(failed("making it writable"))?;
    let result = rename(from, name, to, new);
    let (dir, last) = if result.is_ok() { (to, new) } else { (from, name) };
    let reset = opened(dir, last, original.mode);
    match result {
        Ok(()) => {}
        Err(Errno::XDEV) => return Err(Failed::OtherDisk),
        Err(Errno::EXIST | Errno::NOTEMPTY) => return Err(Failed::Fault(MoveFault::Taken)),
        Err(error) => return Err(failed("moving it")(error)),
    }
    settled(original, from, name, to, new).map_err(Failed::Fault)?;
    reset.map_err(failed("giving it its mode back"))
}

/// What was moved must be what was meant; else it goes back.
fn settled(
    original: &Original,
    from: &OwnedFd,
    name: &OsStr,
    to: &OwnedFd,
    new: &OsStr,
) -> Result<(), MoveFault> {
    if original.is_at(to.as_fd(), new).map_err(fault("looking at it"))? {
        return Ok(());
    }
    rename(to, new, from, name).map_err(fault("putting back what is not meant"))?;
    Err(MoveFault::Changed)
}

/// A rename that replaces nothing.
fn rename(from: &OwnedFd, name: &OsStr, to: &OwnedFd, new: &OsStr) -> Result<(), Errno> {
    match rustix::fs::renameat_with(from, name, to, new, RenameFlags::NOREPLACE) {
        // Where that cannot be promised: what is there must be gone first.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            match rustix::fs::statat(to, new, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => rustix::fs::renameat(from, name, to, new),
                Ok(_) => Err(Errno::EXIST),
                Err(error) => Err(error),
            }
        }
        other => other,
    }
}

/// Makes a link anew somewhere else, with its text, then takes the old away.
fn relink(
    original: &Original,
    text: &Path,
    from: &OwnedFd,
    name: &OsStr,
    to: &OwnedFd,
    new: &OsStr,
) -> Result<(), MoveFault> {
    match rustix::fs::symlinkat(text, to, new) {
        Ok(()) => {}
        Err(Errno::EXIST) => return Err(MoveFault::Taken),
        Err(error) => return Err(fault("keeping the link")(error)),
    }
    rustix::fs::fsync(to).map_err(fault("flushing its folder"))?;
    if let Err(fault) = unlink(original, from, name) {
        let _ = rustix::fs::unlinkat(to, new, AtFlags::empty());
        return Err(fault);
    }
    Ok(())
}

/// Takes a link away that is kept elsewhere.
fn unlink(original: &Original, dir: &OwnedFd, name: &OsStr) -> Result<(), MoveFault> {
    if !original.is_at(dir.as_fd(), name).map_err(fault("looking at it"))? {
        return Err(MoveFault::Changed);
    }
    rustix::fs::unlinkat(dir, name, AtFlags::empty()).map_err(fault("taking it away"))
}

/// Renames the cards in a folder that stays where agents look, and closes it.
fn close(dir: &OwnedFd, name: &OsStr, id: &str) -> Result<(), Errno> {
    let folder = leaf::open_folder(dir.as_fd(), name.to_str().ok_or(Errno::ILSEQ)?)?;
    rustix::fs::fchmod(&folder, Mode::RWXU)?;
    for card in leaf::names(folder.as_fd())?.iter().filter(|name| name.eq_ignore_ascii_case("SKILL.md")) {
        leaf::rename_new(folder.as_fd(), card, &format!("{card}.{id}"))?;
    }
    rustix::fs::fchmod(&folder, Mode::RUSR)
}

/// The reverse of [`close`].
fn reopen(dir: &OwnedFd, name: &OsStr, id: &str, mode: u32) -> Result<(), Errno> {
    let folder = leaf::open_folder(dir.as_fd(), name.to_str().ok_or(Errno::ILSEQ)?)?;
    rustix::fs::fchmod(&folder, Mode::RWXU)?;
    let end = format!(".{id}");
    for name in leaf::names(folder.as_fd())? {
        if let Some(card) = name.strip_suffix(&end) {
            leaf::rename_new(folder.as_fd(), &name, card)?;
        }
    }
    rustix::fs::fchmod(&folder, Mode::from_raw_mode(mode))
}

#[cfg(test)]
mod tests;
