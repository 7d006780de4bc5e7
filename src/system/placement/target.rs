//! Whether an agent's folder is a safe place for a placement.
//!
//! Attack: another account that can write, or rename, in any folder on the way
//! swaps what we placed for something else after every check. So every folder
//! that is passed, those that links lead through included, must belong to us
//! or root and be closed to others; a sticky one is fine, since its entries
//! are their owners' alone, and each of them is checked as well.
//!
//! Links are resolved once, here; from then on only the real path is used,
//! shown and recorded. Access lists show up in the group bits of the mode and
//! are judged by them.

use super::leaf::{self, Identity};
use super::{staged_name, worktree};
use crate::model::skill::SkillName;
use crate::model::text;
use rustix::fs::{FileType, Mode, Stat};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Component, Path, PathBuf};

/// Most links that are followed on the way.
const LINKS_MAX: usize = 32;

/// Who may write in the folders above a placement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trustees {
    /// The account that places; root is trusted beside it.
    pub uid: u32,
    /// A group that nobody but this account is in. Many systems give each
    /// account one and make its folders group-writable.
    pub private_group: Option<u32>,
}

impl Trustees {
    /// The account we run as, no group.
    #[must_use]
    pub fn ours() -> Self {
        Self { uid: rustix::process::geteuid().as_raw(), private_group: None }
    }
}

/// A folder that was found safe, and what is to be placed in it.
#[derive(Debug)]
pub struct Target {
    asked: PathBuf,
    /// The part that exists, without links.
    base: String,
    base_is: Identity,
    /// What is to be made below it.
    missing: Vec<String>,
    name: SkillName,
    trustees: Trustees,
}

/// Why a folder is no target.
#[derive(Debug, thiserror::Error)]
pub enum TargetFault {
    /// Not absolute, or with `..` where nothing is yet.
    #[error("{0} is not a plain absolute path")]
    NotPlain(PathBuf),
    /// Not UTF-8, or with characters that do not show.
    #[error("`{0}` holds characters that are hidden or not UTF-8")]
    Hidden(String),
    /// Something else stands there.
    #[error("{0} is not a folder")]
    NotAFolder(PathBuf),
    /// More links than anybody has.
    #[error("{0}: too many links on the way")]
    Links(PathBuf),
    /// Another account may change what lies there.
    #[error(
        "{path} belongs to account {owner} with mode {mode:04o}: others could swap what is placed below it"
    )]
    Unsafe {
        /// The folder or link.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// Its permission bits.
        mode: u32,
    },
    /// Changed between the check and the use.
    #[error("{0} changed while it was looked at")]
    Changed(PathBuf),
    /// A placement there would be committed, cleaned away or changed by git.
    #[error("{root} is a git work tree that does not ignore it; add `{exclude_line}` to {exclude_file}")]
    InWorkTree {
        /// The work tree.
        root: PathBuf,
        /// The line that makes git leave the placement alone.
        exclude_line: String,
        /// The file to add it to, which git never commits.
        exclude_file: PathBuf,
    },
    /// The system said no.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
}

impl TargetFault {
    pub(super) fn io(path: &Path, error: Errno) -> Self {
        Self::Io { path: path.to_owned(), source: error.into() }
    }
}

/// Checks the folder `dir`, in which `name` is to be placed. Makes nothing.
///
/// # Errors
/// [`TargetFault`], the first on the way from the root.
pub fn check_target(dir: &Path, name: &SkillName, trustees: Trustees) -> Result<Target, TargetFault> {
    clean(dir)?;
    let (base, base_is, missing) = Walk::new(trustees).run(dir)?;
    let target = Target {
        asked: dir.to_owned(),
        base: clean(&base)?.to_owned(),
        base_is,
        missing,
        name: name.clone(),
        trustees,
    };
    let git = worktree::find(Path::new(&target.folder()), name)
        .map_err(|source| TargetFault::Io { path: base.clone(), source })?;
    match git {
        None => Ok(target),
        Some(git) => {
            Err(TargetFault::InWorkTree { root: git.root, exclude_line: git.line, exclude_file: git.exclude })
        }
    }
}

impl Target {
    /// The folder as it was given.
    #[must_use]
    pub fn asked(&self) -> &Path {
        &self.asked
    }

    /// The real folder, without links.
    #[must_use]
    pub fn folder(&self) -> String {
        let mut folder = self.base.clone();
        for part in &self.missing {
            push(&mut folder, part);
        }
        folder
    }

    /// Whether links lead to it: then both paths are worth showing.
    #[must_use]
    pub fn is_linked(&self) -> bool {
        self.asked != Path::new(&self.folder())
    }

    /// Folders that would be made, outermost first.
    #[must_use]
    pub fn missing(&self) -> &[String] {
        &self.missing
    }

    /// Final path of the placement.
    #[must_use]
    pub fn path(&self) -> String {
        let mut path = self.folder();
        push(&mut path, self.name.as_str());
        path
    }

    /// Path at which it is built.
    #[must_use]
    pub fn staged_path(&self, id: &str) -> String {
        let mut path = self.folder();
        push(&mut path, &staged_name(&self.name, id));
        path
    }

    /// The skill it is for.
    #[must_use]
    pub fn name(&self) -> &SkillName {
        &self.name
    }

    /// Opens the folder, making what is missing: 0755, one level at a time.
    pub(super) fn open(&self) -> Result<OwnedFd, TargetFault> {
        let mut path = PathBuf::from(&self.base);
        let mut dir = rustix::fs::open(&path, leaf::FOLDER, Mode::empty())
            .map_err(|error| TargetFault::io(&path, error))?;
        let stat = rustix::fs::fstat(&dir).map_err(|error| TargetFault::io(&path, error))?;
        if leaf::identity(&stat) != self.base_is {
            return Err(TargetFault::Changed(path));
        }
        for part in &self.missing {
            path.push(part);
            dir = self.make(&dir, part).map_err(|error| TargetFault::io(&path, error))?;
            let stat = rustix::fs::fstat(&dir).map_err(|error| TargetFault::io(&path, error))?;
            // Attack: below a sticky folder somebody else was faster.
            check_entry(&path, &stat, self.trustees)?;
            check_folder(&path, &stat, self.trustees)?;
        }
        Ok(dir)
    }

    fn make(&self, dir: &OwnedFd, part: &str) -> Result<OwnedFd, Errno> {
        let mode = Mode::from_raw_mode(0o755);
        let made = match rustix::fs::mkdirat(dir, part, mode) {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(error) => return Err(error),
        };
        let folder = rustix::fs::openat(dir, part, leaf::FOLDER, Mode::empty())?;
        if made {
            rustix::fs::fchmod(&folder, mode)?;
            rustix::fs::fsync(dir.as_fd())?;
        }
        Ok(folder)
    }
}

fn push(path: &mut String, part: &str) {
    if !path.ends_with('/') {
        path.push('/');
    }
    path.push_str(part);
}

fn clean(path: &Path) -> Result<&str, TargetFault> {
    let text = path
        .to_str()
        .filter(|text| !text.chars().any(text::is_hidden))
        .ok_or_else(|| TargetFault::Hidden(text::escape(&path.to_string_lossy())))?;
    if path.is_absolute() { Ok(text) } else { Err(TargetFault::NotPlain(path.to_owned())) }
}

/// An entry on the way, folder or link, must be ours or root's.
fn check_entry(path: &Path, stat: &Stat, trustees: Trustees) -> Result<(), TargetFault> {
    if stat.st_uid == 0 || stat.st_uid == trustees.uid { Ok(()) } else { Err(unsafe_at(path, stat)) }
}

/// A folder on the way must be closed to others, or sticky.
fn check_folder(path: &Path, stat: &Stat, trustees: Trustees) -> Result<(), TargetFault> {
    let mode = Mode::from_raw_mode(stat.st_mode);
    let group = mode.contains(Mode::WGRP) && trustees.private_group != Some(stat.st_gid);
    let open = group || mode.contains(Mode::WOTH);
    if open && !mode.contains(Mode::SVTX) { Err(unsafe_at(path, stat)) } else { Ok(()) }
}

fn unsafe_at(path: &Path, stat: &Stat) -> TargetFault {
    #[allow(clippy::useless_conversion, reason = "the field's width differs between targets")]
    let mode = u32::from(stat.st_mode) & 0o7777;
    TargetFault::Unsafe { path: path.to_owned(), owner: stat.st_uid, mode }
}

/// The way from the root to a folder, link by link.
struct Walk {
    trustees: Trustees,
    here: PathBuf,
    links: usize,
    todo: VecDeque<String>,
}

impl Walk {
    fn new(trustees: Trustees) -> Self {
        Self { trustees, here: PathBuf::from("/"), links: 0, todo: VecDeque::new() }
    }

    /// The real path of the part that exists, what it is, and what is missing.
    fn run(mut self, dir: &Path) -> Result<(PathBuf, Identity, Vec<String>), TargetFault> {
        self.enqueue(dir)?;
        let mut stat = self.look(&PathBuf::from("/"))?.ok_or_else(|| TargetFault::NotPlain("/".into()))?;
        check_folder(&self.here, &stat, self.trustees)?;
        while let Some(part) = self.todo.pop_front() {
            if part == ".." {
                self.here.pop();
                stat = self.look(&self.here)?.ok_or_else(|| TargetFault::Changed(self.here.clone()))?;
                continue;
            }
            let next = self.here.join(&part);
            let Some(found) = self.look(&next)? else {
                self.todo.push_front(part);
                if self.todo.iter().any(|part| part == "..") {
                    return Err(TargetFault::NotPlain(dir.to_owned()));
                }
                break;
            };
            check_entry(&next, &found, self.trustees)?;
            match FileType::from_raw_mode(found.st_mode) {
                FileType::Symlink => stat = self.follow(&next, stat)?,
                FileType::Directory => {
                    check_folder(&next, &found, self.trustees)?;
                    (self.here, stat) = (next, found);
                }
                _ => return Err(TargetFault::NotAFolder(next)),
            }
        }
        Ok((self.here, leaf::identity(&stat), self.todo.into()))
    }

    /// Puts a link's parts before what is left to do.
    fn follow(&mut self, link: &Path, here: Stat) -> Result<Stat, TargetFault> {
        self.links += 1;
        if self.links > LINKS_MAX {
            return Err(TargetFault::Links(link.to_owned()));
        }
        let to =
            std::fs::read_link(link).map_err(|source| TargetFault::Io { path: link.to_owned(), source })?;
        let rest = std::mem::take(&mut self.todo);
        self.enqueue(&to)?;
        self.todo.extend(rest);
        if !to.is_absolute() {
            return Ok(here);
        }
        self.here = PathBuf::from("/");
        self.look(Path::new("/"))?.ok_or_else(|| TargetFault::Changed("/".into()))
    }

    fn enqueue(&mut self, path: &Path) -> Result<(), TargetFault> {
        for component in path.components() {
            let part = match component {
                Component::ParentDir => "..",
                Component::Normal(part) => {
                    part.to_str().ok_or_else(|| TargetFault::Hidden(text::escape(&path.to_string_lossy())))?
                }
                _ => continue,
            };
            self.todo.push_back(part.to_owned());
        }
        Ok(())
    }

    fn look(&self, path: &Path) -> Result<Option<Stat>, TargetFault> {
        match rustix::fs::lstat(path) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(TargetFault::io(path, error)),
        }
    }
}
