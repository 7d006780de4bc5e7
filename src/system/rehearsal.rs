//! A copy of what a kill touches, to play a kill on: the home permit and the
//! holds, the skill permits, and of each placement the names and modes of its
//! top level. A kill reads and moves nothing else.
//!
//! Every path in the copied permits leads into the copy. That is the one thing
//! that must be so: a kill goes where permits say. Attack by bad luck: a path
//! that is left as it was, and the drill takes the real copy away. So a path is
//! never kept, whatever it looks like, but put together anew from a number and
//! its last part.
//!
//! The real home and the real placements are only read, and by calls that
//! change nothing: no database is opened, nothing is made readable first. What
//! a kill would stumble over there, a copy does not have; [`obstacles`] looks
//! for it.

use super::kill::KILLED;
use super::placement::leaf::{self, ReadFault};
use super::store::remove_folder;
use crate::model::lifecycle::Placement;
use crate::model::permit::SkillPermit;
use rustix::fs::{Access, AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// A copied home and its placements.
#[derive(Debug)]
pub struct Rehearsal {
    scratch: PathBuf,
    /// Real folders, each with its number.
    folders: BTreeMap<String, usize>,
    /// The placements of permits, as they are named in the copy.
    placements: Vec<Placement>,
    permits: usize,
    obstacles: Vec<(String, String)>,
    seen: BTreeSet<String>,
}

impl Rehearsal {
    /// Copies into an empty folder of ours, whose path has no links.
    ///
    /// # Errors
    /// The system's, when the home cannot be read or the copy not be written.
    pub fn build(home: &Path, scratch: &Path) -> io::Result<Self> {
        let mut made = Self {
            scratch: scratch.to_owned(),
            folders: BTreeMap::new(),
            placements: Vec::new(),
            permits: 0,
            obstacles: Vec::new(),
            seen: BTreeSet::new(),
        };
        let real = open(home)?;
        std::fs::create_dir(made.home())?;
        std::fs::create_dir(made.places())?;
        made.obstacles_of(home, &real);
        let copy = open(&made.home())?;
        for name in leaf::names(real.as_fd())? {
            if name == "permit" || name.starts_with(KILLED) {
                made.small_file(real.as_fd(), &name, copy.as_fd(), &home.join(&name))?;
            }
        }
        let inside = home.join("permits");
        match open(&inside) {
            Ok(permits) => made.permits(&inside, &permits)?,
            Err(error) => made.obstacle(&inside, &error),
        }
        Ok(made)
    }

    /// The copied home.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.scratch.join("home")
    }

    fn places(&self) -> PathBuf {
        self.scratch.join("places")
    }

    /// How many skill permits there are.
    #[must_use]
    pub const fn permit_count(&self) -> usize {
        self.permits
    }

    /// The placements that permits name, by their paths in the copy.
    #[must_use]
    pub fn placements(&self) -> &[Placement] {
        &self.placements
    }

    /// What a kill would stumble over at the real places: path and why.
    #[must_use]
    pub fn obstacles(&self) -> &[(String, String)] {
        &self.obstacles
    }

    /// A text in which paths of the copy are the real ones again.
    #[must_use]
    pub fn real(&self, text: &str) -> String {
        let places = self.places();
        let mut text = text.to_owned();
        for (folder, number) in &self.folders {
            text = text.replace(&format!("{}/{number}/", places.display()), &format!("{folder}/"));
        }
        text
    }

    /// Removes all of it.
    ///
    /// # Errors
    /// The system's.
    pub fn clear(&self) -> io::Result<()> {
        clear(&self.scratch)
    }

    fn obstacle(&mut self, path: &Path, why: &dyn std::fmt::Display) {
        self.obstacles.push((path.to_string_lossy().into_owned(), why.to_string()));
    }

    /// What stops a folder from being written in, looked at once.
    fn obstacles_of(&mut self, path: &Path, folder: &OwnedFd) {
        if self.seen.insert(path.to_string_lossy().into_owned())
            && let Some(why) = closed(folder)
        {
            self.obstacle(path, &why);
        }
    }

    /// Copies a permit or a hold as it is. One that cannot be read is empty in
    /// the copy, so that the kill there stumbles as the real one would.
    fn small_file(
        &mut self,
        from: BorrowedFd<'_>,
        name: &str,
        to: BorrowedFd<'_>,
        real: &Path,
    ) -> io::Result<()> {
        let text = match leaf::read_text(from, name) {
            Ok((text, _)) => text,
            Err(ReadFault::System(Errno::NOENT)) => return Ok(()),
            Err(why) => {
                self.obstacle(real, &why);
                String::new()
            }
        };
        let text = match SkillPermit::parse(&text) {
            Some(permit) => self.moved(permit)?.text(),
            None => text,
        };
        Ok(leaf::write_new(to, name, text.as_bytes(), Mode::RUSR | Mode::WUSR)?)
    }

    fn permits(&mut self, path: &Path, real: &OwnedFd) -> io::Result<()> {
        self.obstacles_of(path, real);
        let to = self.home().join("permits");
        std::fs::create_dir(&to)?;
        let to = open(&to)?;
        for name in leaf::names(real.as_fd())? {
            self.permits += usize::from(crate::model::skill::Revision::from_file_name(&name).is_some());
            self.small_file(real.as_fd(), &name, to.as_fd(), &path.join(&name))?;
        }
        Ok(())
    }

    /// A permit whose placements lie in the copy, with these made.
    fn moved(&mut self, permit: SkillPermit) -> io::Result<SkillPermit> {
        let mut placements = Vec::new();
        for place in &permit.placements {
            let (path, staged) = (self.place(&place.path)?, self.place(&place.staged)?);
            placements.push(Placement { agent: place.agent.clone(), path, staged });
        }
        self.placements.extend(placements.iter().cloned());
        Ok(SkillPermit { placements, ..permit })
    }

    /// The path in the copy for a real one, with a copy of what lies there.
    fn place(&mut self, path: &str) -> io::Result<String> {
        let (folder, last) = path.rsplit_once('/').unwrap_or(("", path));
        let next = self.folders.len();
        let number = *self.folders.entry(folder.to_owned()).or_insert(next);
        let parent = self.places().join(number.to_string());
        let to = format!("{}/{last}", parent.display());
        let real = Path::new(if folder.is_empty() { "/" } else { folder });
        if parent.symlink_metadata().is_err() && real.metadata().is_ok_and(|meta| meta.is_dir()) {
            std::fs::create_dir(&parent)?;
        }
        // Nothing is copied from, or made at, a path that a kill refuses.
        let plain = super::placement::split(path).is_some();
        if !plain {
            self.obstacle(Path::new(path), &"not a plain absolute path; a kill does not touch it");
        }
        if !plain || !self.seen.insert(path.to_owned()) || parent.symlink_metadata().is_err() {
            return Ok(to);
        }
        // As a kill does: the folder above may be reached over links.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match rustix::fs::open(real, flags, Mode::empty()) {
            Ok(opened) => self.entry(real, &opened, last, Path::new(&to))?,
            Err(error) => self.obstacle(real, &error),
        }
        Ok(to)
    }

    /// Copies what lies at a place: the names and modes of its top level.
    fn entry(&mut self, real: &Path, folder: &OwnedFd, last: &str, to: &Path) -> io::Result<()> {
        let Ok(stat) = leaf::look(folder, last) else { return Ok(()) };
        let path = real.join(last);
        self.obstacles_of(real, folder);
        if !leaf::is_folder(&stat) {
            return like(&stat, to);
        }
        if !leaf::is_ours(&stat) {
            self.obstacle(&path, &"belongs to another account");
        }
        std::fs::create_dir(to)?;
        match rustix::fs::openat(folder, last, leaf::FOLDER, Mode::empty()) {
            Ok(inside) => {
                if let Some(why) = marked(&inside) {
                    self.obstacle(&path, &why);
                }
                for name in leaf::names(inside.as_fd())? {
                    // Replaced marks stand for what is not UTF-8: not a card.
                    let Ok(stat) = leaf::look(&inside, &name) else { continue };
                    like(&stat, &to.join(&name))?;
                }
            }
            // A kill opens up what is ours first.
            Err(Errno::ACCESS) => {}
            Err(error) => self.obstacle(&path, &error),
        }
        let mode = Mode::from_raw_mode(stat.st_mode & 0o777);
        Ok(rustix::fs::chmod(to, mode)?)
    }
}

/// Removes a folder of ours and all in it, following nothing.
///
/// # Errors
/// The system's.
pub fn clear(folder: &Path) -> io::Result<()> {
    let (Some(parent), Some(name)) = (folder.parent(), folder.file_name()) else { return Ok(()) };
    let parent =
        rustix::fs::open(parent, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    Ok(remove_folder(parent.as_fd(), name)?)
}

fn open(path: &Path) -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(path, leaf::FOLDER, Mode::empty())?)
}

/// Something of the same kind and mode, and of nobody's bytes.
fn like(stat: &Stat, to: &Path) -> io::Result<()> {
    let mode = Mode::from_raw_mode(stat.st_mode & 0o777);
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => {
            std::fs::create_dir(to)?;
            Ok(rustix::fs::chmod(to, mode)?)
        }
        FileType::Symlink => std::os::unix::fs::symlink("nowhere", to),
        _ => {
            let file = std::fs::File::create_new(to)?;
            Ok(rustix::fs::fchmod(&file, mode)?)
        }
    }
}

/// Why nothing in a folder could be renamed, if so.
fn closed(folder: &OwnedFd) -> Option<String> {
    if let Some(why) = marked(folder) {
        return Some(why);
    }
    let asked = rustix::fs::accessat(folder, ".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS);
    match asked {
        Ok(()) => None,
        // A kill opens up what is ours; nothing opens a file system.
        Err(Errno::ACCESS) if rustix::fs::fstat(folder).is_ok_and(|stat| leaf::is_ours(&stat)) => None,
        Err(error) => Some(format!("nothing in it can be renamed: {error}")),
    }
}

/// The marks of some file systems that stop even a folder's owner.
#[cfg(target_os = "linux")]
fn marked(folder: &OwnedFd) -> Option<String> {
    use rustix::fs::IFlags;
    let flags = rustix::fs::ioctl_getflags(folder).ok()?;
    let marks = [(IFlags::IMMUTABLE, "immutable"), (IFlags::APPEND, "append-only")];
    let found = marks.iter().find(|(flag, _)| flags.contains(*flag))?;
    Some(format!("is marked {}: nothing in it can be renamed (chattr)", found.1))
}

#[cfg(not(target_os = "linux"))]
fn marked(_: &OwnedFd) -> Option<String> {
    None
}
