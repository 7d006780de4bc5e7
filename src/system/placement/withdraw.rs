//! Taking a placement away, from wherever a permit or the ledger says it is.
//!
//! Part of kill's leaf: std and rustix alone. A folder is touched only if its
//! last part is the skill's name or its staged form and it is a real folder of
//! ours; nothing is ever deleted. What is left is a hidden sibling without a
//! `SKILL.md` that even its owner cannot enter before opening it up again.
//!
//! Each `step:` is one step of the model in `tests/it/kill_model.rs`.

use super::leaf::{self, is_folder, is_ours, look};
use super::{hidden_file, is_staged_name, staged_id};
use crate::model::lifecycle::Placement;
use crate::model::skill::SkillName;
use rustix::fs::Mode;
use rustix::io::Errno;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// How the name of a folder that was moved aside begins.
pub const ASIDE: &str = ".skill-trust-withdrawn-";

/// Why a placement was not, or not wholly, taken away.
#[derive(Debug, thiserror::Error)]
pub enum WithdrawFault {
    /// It is not a placement of this skill made by us; it was not touched.
    #[error("{path}: {why}; not touched")]
    Foreign {
        /// The path, as recorded.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The system said no on the way.
    #[error("{path}: {doing}: {source}")]
    Incomplete {
        /// The path, as recorded.
        path: String,
        /// The step that failed.
        doing: &'static str,
        /// The system's words.
        source: std::io::Error,
        /// Where it was moved, if it was.
        aside: Option<PathBuf>,
        /// Whether a `SKILL.md` may still be there for an agent to find.
        live: bool,
    },
}

/// Takes away the staged, then the final folder of a placement, and makes that
/// last. Returns where they are now (nothing where there was nothing), and
/// every fault met; what could be taken away has been.
pub fn withdraw(name: &SkillName, placement: &Placement) -> (Vec<PathBuf>, Vec<WithdrawFault>) {
    let (mut aside, mut faults) = (Vec::new(), Vec::new());
    for path in [&placement.staged, &placement.path] {
        match take(name, path, &placement.staged) {
            Ok(None) => continue,
            Ok(Some(to)) => aside.push(to),
            Err(fault) => faults.push(fault),
        }
        if let Err(fault) = sync_parent(path) {
            faults.push(fault);
        }
    }
    (aside, faults)
}

/// Takes one folder away without flushing: `path` is the staged or the final
/// one of the placement that was built at `staged`.
///
/// # Errors
/// [`WithdrawFault`].
pub(crate) fn take(name: &SkillName, path: &str, staged: &str) -> Result<Option<PathBuf>, WithdrawFault> {
    let foreign = |why| WithdrawFault::Foreign { path: path.to_owned(), why };
    let (parent, last) = split(path).ok_or_else(|| foreign("not a plain absolute path"))?;
    if last != name.as_str() && !is_staged_name(name, last) {
        return Err(foreign("its last part is not the skill's name"));
    }
    let fault = |doing, error: Errno, aside, live| WithdrawFault::Incomplete {
        path: path.to_owned(),
        doing,
        source: error.into(),
        aside,
        live,
    };
    let folder = match open_parent(parent) {
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
        Err(error) => return Err(fault("opening its parent", error, None, true)),
        Ok(folder) => folder,
    };
    let id = split(staged).and_then(|(_, last)| staged_id(name, last));
    let hidden = id.map(hidden_file);
    let (folder, hidden) = (folder.as_fd(), hidden.as_deref());
    // Where this placement is moved to, so that two kills know of each other's.
    let mut aside = format!("{ASIDE}{}", id.map_or_else(leaf::fresh_id, str::to_owned));
    // step: withdraw opens the folder
    let dir = match leaf::open_folder(folder, last) {
        Ok(dir) => dir,
        Err(Errno::NOENT) => {
            // Another kill may have moved it and not be through with it.
            return match finish(folder, &aside, hidden) {
                Ok(()) | Err(Errno::NOENT) => Ok(None),
                Err(error) => Err(fault("renaming SKILL.md", error, None, true)),
            };
        }
        Err(Errno::NOTDIR | Errno::LOOP) => return Err(foreign("a link, or not a folder")),
        Err(Errno::ACCESS) => return Err(foreign("cannot be opened by this account")),
        Err(error) => return Err(fault("opening it", error, None, true)),
    };
    let stat = rustix::fs::fstat(&dir).map_err(|error| fault("looking at it", error, None, true))?;
    if !is_folder(&stat) || !is_ours(&stat) {
        return Err(foreign("belongs to another account"));
    }
    let disarmed = disarm(dir.as_fd(), hidden);
    match move_aside(folder, last, &mut aside) {
        Ok(()) => {}
        // Published, or moved by another kill, meanwhile. The other kill may not
        // have come to its second pass and may never do, so this is ours.
        Err(Errno::NOENT) => {
            return disarm(dir.as_fd(), hidden)
                .map(|()| None)
                .map_err(|error| fault("renaming SKILL.md", error, None, true));
        }
        Err(error) => {
            // Renaming may need space in a folder; closing it needs none.
            let _ = rustix::fs::fchmod(&dir, Mode::RUSR);
            return Err(fault("moving it aside", error, None, disarmed.is_err()));
        }
    }
    let path = Path::new(parent).join(&aside);
    match finish(folder, &aside, hidden) {
        Ok(()) => Ok(Some(path)),
        // Another kill has found it there and put it into the evidence meanwhile.
        // That is no failure of this one, which still holds it open.
        Err(Errno::NOENT) => disarm_open(&dir, hidden)
            .map(|()| None)
            .map_err(|error| fault("renaming SKILL.md", error, None, true)),
        Err(error) => Err(fault("renaming SKILL.md", error, Some(path), true)),
    }
}

/// Moves a folder to the name `aside`, or to a fresh one if that is taken.
fn move_aside(folder: BorrowedFd<'_>, last: &str, aside: &mut String) -> Result<(), Errno> {
    // step: withdraw moves the folder aside
    match leaf::rename_new(folder, last, aside) {
        Err(Errno::EXIST | Errno::NOTEMPTY) => {
            *aside = format!("{ASIDE}{}", leaf::fresh_id());
            leaf::rename_new(folder, last, aside)
        }
        other => other,
    }
}

/// The second pass, through the name it has now.
///
/// Attack by bad luck: between opening and moving, an enable published another
/// folder at this path, or gave this one its `SKILL.md`. Whatever was moved is
/// disarmed here, after nobody can reach it by a path of ours any more.
fn finish(folder: BorrowedFd<'_>, aside: &str, hidden: Option<&str>) -> Result<(), Errno> {
    disarm_open(&leaf::open_folder(folder, aside)?, hidden)
}

/// Disarms a folder held open, wherever it is now, and closes it.
pub(super) fn disarm_open(dir: &OwnedFd, hidden: Option<&str>) -> Result<(), Errno> {
    disarm(dir.as_fd(), hidden)?;
    // Agents that search hidden folders too must not find a nested SKILL.md:
    // without the right to pass through, not even the owner opens what is in it.
    rustix::fs::fchmod(dir, Mode::RUSR)
}

/// Renames whatever an agent would take for the skill's card, and the card
/// that a running enable has written but not yet shown.
fn disarm(dir: BorrowedFd<'_>, hidden: Option<&str>) -> Result<(), Errno> {
    // The renames are tried all the same: they may not need it.
    let opened = rustix::fs::fchmod(dir, Mode::RWXU);
    // Order matters: an enable renames the hidden card to the live name, so
    // that is looked for first.
    if let Some(hidden) = hidden {
        // step: withdraw renames the hidden card
        disarm_one(dir, hidden)?;
    }
    // step: withdraw renames the live card
    disarm_one(dir, "SKILL.md")?;
    // Some agents read `skill.md` as well.
    for name in names_of_open(dir)?.iter().filter(|name| name.eq_ignore_ascii_case("SKILL.md")) {
        disarm_one(dir, name)?;
    }
    opened
}

/// Listing looks the folder up again, which fails while another withdrawal has
/// just closed it.
fn names_of_open(dir: BorrowedFd<'_>) -> Result<Vec<String>, Errno> {
    for _ in 0..3 {
        match leaf::names(dir) {
            Err(Errno::ACCESS) => rustix::fs::fchmod(dir, Mode::RWXU)?,
            other => return other,
        }
    }
    leaf::names(dir)
}

fn disarm_one(dir: BorrowedFd<'_>, name: &str) -> Result<(), Errno> {
    // Attack: a skill that ships a folder of the name we would choose makes
    // the rename fail. A fresh name cannot be shipped.
    let mut to = "SKILL.md.withdrawn".to_owned();
    let mut result = Ok(());
    for _ in 0..4 {
        result = leaf::rename_new(dir, name, &to);
        match result {
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            // A running enable has just set the final mode on its folder.
            Err(Errno::ACCESS) => rustix::fs::fchmod(dir, Mode::RWXU)?,
            Err(_) => to = format!("SKILL.md.withdrawn-{}", leaf::fresh_id()),
        }
    }
    result
}

/// Whether anything of a placement may still be found by an agent, at any of
/// the names that it has on its way out. Whoever asks keeps its pending record
/// then, so that the next session tries again.
#[must_use]
pub fn is_left(placement: &Placement) -> bool {
    paths(placement).iter().flatten().any(|path| has_card(path).unwrap_or(false))
}

/// Whether nothing is at any of the names that a placement has on its way out:
/// then there is nothing to withdraw. Three looks, so that recovery from a kill
/// of very many skills need not take each apart again. What cannot be told is
/// not gone.
#[must_use]
pub fn is_gone(placement: &Placement) -> bool {
    let missing = |path: &String| {
        let found = rustix::fs::lstat(path.as_str());
        split(path).is_some() && matches!(found, Err(Errno::NOENT | Errno::NOTDIR))
    };
    // In the order in which a kill moves it on, so that it is not overlooked.
    paths(placement).iter().all(|path| path.as_ref().is_some_and(missing))
}

/// The staged, the final and the withdrawn path; none for the last if the
/// staged one is not as we make it.
fn paths(placement: &Placement) -> [Option<String>; 3] {
    let aside = || {
        let (parent, last) = split(&placement.staged)?;
        let id = last.rsplit_once(".skill-trust-")?.1;
        Some(format!("{parent}/{ASIDE}{id}"))
    };
    [Some(placement.staged.clone()), Some(placement.path.clone()), aside()]
}

/// A real folder of ours with a card in it; what cannot be looked at is left
/// to whoever made it so.
fn has_card(path: &str) -> Result<bool, Errno> {
    let dir = rustix::fs::open(path, leaf::FOLDER, Mode::empty())?;
    let ours = is_ours(&rustix::fs::fstat(&dir)?);
    Ok(ours && leaf::names(dir.as_fd())?.iter().any(|name| name.eq_ignore_ascii_case("SKILL.md")))
}

/// The parent may be reached over links, as people's dotfiles have it.
fn open_parent(parent: &str) -> Result<OwnedFd, Errno> {
    use rustix::fs::OFlags;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(parent, flags, Mode::empty())
}

/// Flushes the folder that holds `path`, so that what was taken away stays
/// away after a power cut.
pub(crate) fn sync_parent(path: &str) -> Result<(), WithdrawFault> {
    let Some((parent, _)) = split(path) else { return Ok(()) };
    let synced = open_parent(parent).and_then(rustix::fs::fsync);
    match synced {
        Ok(()) | Err(Errno::NOENT | Errno::NOTDIR) => Ok(()),
        Err(error) => Err(WithdrawFault::Incomplete {
            path: path.to_owned(),
            doing: "flushing its parent",
            source: error.into(),
            aside: None,
            live: false,
        }),
    }
}

/// Parent and last part of a plain absolute path: no `.`, no `..`, no doubled
/// or trailing separator, so that one path has one spelling.
pub(crate) fn split(path: &str) -> Option<(&str, &str)> {
    let (parent, last) = path.rsplit_once('/')?;
    let rest = path.strip_prefix('/')?;
    if rest.split('/').any(|part| matches!(part, "" | "." | "..") || part.contains('\0')) {
        return None;
    }
    Some((if parent.is_empty() { "/" } else { parent }, last))
}

/// Where a folder that was moved aside ended up.
#[derive(Debug)]
pub enum Collected {
    /// In the home's `evidence/`, under this name.
    Moved(String),
    /// Still where it was: on another file system, or the system said no.
    Left(std::io::Error),
}

/// Moves a withdrawn folder into the home's `evidence/`. Never urgent: it is
/// harmless where it is.
#[must_use]
pub fn collect(home: &super::super::home::Home, aside: &Path) -> Collected {
    let done = || -> Result<String, Errno> {
        let (parent, last) = aside.to_str().and_then(split).ok_or(Errno::INVAL)?;
        if !last.starts_with(ASIDE) {
            return Err(Errno::INVAL);
        }
        let folder = open_parent(parent)?;
        let dir = leaf::open_folder(folder.as_fd(), last)?;
        let stat = rustix::fs::fstat(&dir)?;
        if !is_ours(&stat) {
            return Err(Errno::PERM);
        }
        let evidence = leaf::open_folder(home.dir(), "evidence")?;
        let to = last.trim_start_matches('.').to_owned();
        // A folder that changes its parent must itself be writable. Not on
        // another file system: there it stays closed.
        if leaf::identity(&stat).0 != leaf::identity(&rustix::fs::fstat(&evidence)?).0 {
            return Err(Errno::XDEV);
        }
        rustix::fs::fchmod(&dir, Mode::RWXU)?;
        let moved = match look(&evidence, &to) {
            Ok(_) => Err(Errno::EXIST),
            Err(_) => rustix::fs::renameat(&folder, last, &evidence, to.as_str()),
        };
        if moved.is_err() {
            rustix::fs::fchmod(&dir, Mode::RUSR)?;
        }
        moved.map(|()| to)
    };
    match done() {
        Ok(name) => Collected::Moved(name),
        Err(error) => Collected::Left(error.into()),
    }
}
