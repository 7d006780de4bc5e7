//! Staging: where a skill's bytes are put together before they are anything.
//!
//! A folder `staging/<name>/`, 0700, locked while its process lives. Files are
//! made by handle, component by component, never by a joined path, and never
//! over something that is there. Attack: an archive that makes a link and then
//! writes through it, or names one file twice.

use super::removal;
use super::{StoreFault, fresh_name, rename_new};
use crate::model::limits::{Fault, Limits, Rule};
use crate::model::manifest::Manifest;
use crate::model::path::EntryPath;
use crate::system::home::Home;
use crate::system::tree::{self, Checks, Observed, Piece, Strict};
use rustix::fs::{FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::io::{self, Read};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

/// Above so many files one flush of the file system is cheaper than one each.
const SINGLY: u64 = 64;

/// A folder being filled. Dropped before [`Staging::finish`], it is removed.
#[derive(Debug)]
pub struct Staging {
    base: OwnedFd,
    name: String,
    dir: OwnedFd,
    limits: Limits,
    files: u64,
    total: u64,
    /// The folders on the way to the last file, so that a list in path order
    /// opens each folder once.
    folders: Vec<(String, OwnedFd)>,
    /// The file that [`Staging::take`] is writing.
    open: Option<OwnedFd>,
    kept: bool,
}

/// A staged folder that is complete, synced and hashed. Dropped before
/// `Store::promote`, it is removed.
#[derive(Debug)]
pub struct Staged {
    staging: Staging,
    manifest: Manifest,
}

impl Staged {
    /// What it holds, as read back from disk.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Its folder, to read and scan it.
    #[must_use]
    pub fn dir(&self) -> BorrowedFd<'_> {
        self.staging.dir.as_fd()
    }

    pub(super) fn into_staging(self) -> Staging {
        self.staging
    }
}

impl Staging {
    /// Makes an empty staging folder. `limits` bound what may be added, before
    /// it is written. Attack: an archive that unpacks to more than the disk.
    ///
    /// # Errors
    /// [`StoreFault::Io`].
    pub fn new(home: &Home, limits: Limits) -> Result<Self, StoreFault> {
        let base =
            home.folder("staging").map_err(|source| StoreFault::Io { at: "staging".to_owned(), source })?;
        for _ in 0..16 {
            let name = fresh_name();
            if let Some(dir) = make_locked(&base, &name).map_err(StoreFault::io("staging"))? {
                let (folders, open) = (Vec::new(), None);
                return Ok(Self { base, name, dir, limits, files: 0, total: 0, folders, open, kept: false });
            }
        }
        Err(StoreFault::io("staging")(Errno::AGAIN))
    }

    /// Adds a file with all the bytes of a reader.
    ///
    /// # Errors
    /// [`StoreFault::Refused`] over a limit or for a path that is there;
    /// [`StoreFault::Source`], [`StoreFault::Io`].
    pub fn add(
        &mut self,
        path: &EntryPath,
        executable: bool,
        bytes: &mut dyn Read,
    ) -> Result<(), StoreFault> {
        let file = self.create(path, executable)?;
        let mut buffer = vec![0; 64 << 10];
        let mut size = 0_u64;
        loop {
            let count = match bytes.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(StoreFault::Source { path: path.to_string(), source }),
            };
            size += count as u64;
            self.bounded(path, size, count)?;
            write_all(&file, &buffer[..count]).map_err(self.at(path))?;
        }
    }

    /// Takes one piece of a file, as `tree::copy` hands them out.
    ///
    /// # Errors
    /// As [`Staging::add`].
    pub fn take(&mut self, path: &EntryPath, executable: bool, piece: Piece<'_>) -> Result<(), StoreFault> {
        match piece {
            Piece::Start(size) => {
                self.bounded(path, size, 0)?;
                self.open = Some(self.create(path, executable)?);
            }
            Piece::Bytes(bytes) => {
                self.bounded(path, bytes.len() as u64, bytes.len())?;
                let file = self.open.as_ref().ok_or(Errno::BADF);
                file.and_then(|file| write_all(file, bytes)).map_err(self.at(path))?;
            }
            Piece::End => self.open = None,
        }
        Ok(())
    }

    /// Copies a folder: the very bytes that are hashed on the way. With any
    /// fault in the answer the copy is to be dropped.
    ///
    /// # Errors
    /// As [`Staging::add`].
    pub fn copy_from(&mut self, root: BorrowedFd<'_>, checks: &Checks) -> Result<Observed, StoreFault> {
        let mut fault = None;
        let copied = tree::copy(root, checks, &mut |path, executable, piece| {
            self.take(path, executable, piece).map_err(|why| {
                fault = Some(why);
                io::Error::from(io::ErrorKind::Other)
            })
        });
        copied.map_err(|source| fault.unwrap_or(StoreFault::Io { at: "staging".to_owned(), source }))
    }

    /// Fixes the modes, flushes everything, and reads all of it back.
    ///
    /// # Errors
    /// [`StoreFault::Refused`] with whatever is wrong with what was read back;
    /// [`StoreFault::Io`].
    pub fn finish(mut self) -> Result<Staged, StoreFault> {
        self.open = None;
        self.folders.clear();
        let singly = self.files <= SINGLY || !flush_all(&self.dir).map_err(self.here())?;
        settle(self.dir.as_fd(), singly).map_err(self.here())?;
        let owner = rustix::process::geteuid().as_raw();
        let strict = Some(Strict::stored(owner).with_root(0o700));
        let Observed { manifest, faults } =
            tree::read(self.dir.as_fd(), &Checks { limits: self.limits, strict });
        if faults.is_empty() {
            Ok(Staged { staging: self, manifest })
        } else {
            Err(StoreFault::Refused(faults))
        }
    }

    /// Moves the whole folder below another, keeping its name.
    pub(super) fn move_to(&mut self, shelf: OwnedFd, at: &str) -> Result<(), StoreFault> {
        rename_new(&self.base, &self.name, &shelf, &self.name).map_err(StoreFault::io(at))?;
        let old = std::mem::replace(&mut self.base, shelf);
        rustix::fs::fsync(&old).map_err(self.here())
    }

    /// Fixes the top folder's mode and gives it its last name, for good; false
    /// if that name is taken.
    pub(super) fn settle_as(&mut self, name: &str, at: &str) -> Result<bool, StoreFault> {
        rustix::fs::fchmod(&self.dir, Mode::RUSR | Mode::XUSR).map_err(StoreFault::io(at))?;
        rustix::fs::fsync(&self.dir).map_err(StoreFault::io(at))?;
        match rename_new(&self.base, &self.name, &self.base, name) {
            Ok(()) => self.kept = true,
            Err(Errno::EXIST | Errno::NOTEMPTY) => return Ok(false),
            Err(error) => return Err(StoreFault::io(at)(error)),
        }
        rustix::fs::fsync(&self.base).map_err(StoreFault::io(at))?;
        Ok(true)
    }

    /// Makes a new file with its final mode; the handle may still write.
    fn create(&mut self, path: &EntryPath, executable: bool) -> Result<OwnedFd, StoreFault> {
        let rule = if self.files >= self.limits.files {
            Some(Rule::TooManyFiles(self.limits.files))
        } else if path.depth() > self.limits.depth {
            Some(Rule::TooDeep(self.limits.depth))
        } else if path.as_str().len() > self.limits.path {
            Some(Rule::PathTooLong(self.limits.path))
        } else {
            None
        };
        if let Some(rule) = rule {
            return Err(refused(path, rule));
        }
        self.enter(path)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = self.folders.last().map_or(&self.dir, |(_, folder)| folder);
        let file = match rustix::fs::openat(folder, path.file_name(), flags, Mode::RUSR | Mode::WUSR) {
            Err(Errno::EXIST) => return Err(refused(path, Rule::Collision(path.to_string()))),
            opened => opened.map_err(self.at(path))?,
        };
        let mode = if executable { Mode::RUSR | Mode::XUSR } else { Mode::RUSR };
        rustix::fs::fchmod(&file, mode).map_err(self.at(path))?;
        self.files += 1;
        Ok(file)
    }

    /// Opens the folders on the way to a file, making those that are missing.
    fn enter(&mut self, path: &EntryPath) -> Result<(), StoreFault> {
        let parents: Vec<&str> = path.components().take(path.depth() - 1).collect();
        let same = self.folders.iter().zip(&parents).take_while(|((name, _), want)| name == **want).count();
        self.folders.truncate(same);
        for name in &parents[same..] {
            let above = self.folders.last().map_or(&self.dir, |(_, folder)| folder);
            match rustix::fs::mkdirat(above, *name, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(self.at(path)(error)),
            }
            let folder = match tree::folder_at(above, name) {
                Err(Errno::NOTDIR | Errno::LOOP) => {
                    return Err(refused(path, Rule::Collision((*name).to_owned())));
                }
                opened => opened.map_err(self.at(path))?,
            };
            self.folders.push(((*name).to_owned(), folder));
        }
        Ok(())
    }

    /// Counts bytes in, refusing what would be over a limit.
    fn bounded(&mut self, path: &EntryPath, file: u64, more: usize) -> Result<(), StoreFault> {
        self.total = self.total.saturating_add(more as u64);
        if file > self.limits.file {
            return Err(refused(path, Rule::FileTooLarge(file, self.limits.file)));
        }
        if self.total > self.limits.total {
            let rule = Rule::TooManyBytes(self.limits.total);
            return Err(StoreFault::Refused(vec![Fault { path: ".".to_owned(), rule }]));
        }
        Ok(())
    }

    fn here(&self) -> impl FnOnce(Errno) -> StoreFault + use<> {
        StoreFault::io(format!("staging/{}", self.name))
    }

    fn at(&self, path: &EntryPath) -> impl FnOnce(Errno) -> StoreFault + use<> {
        StoreFault::io(format!("staging/{}/{path}", self.name))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.kept {
            // What stays behind is swept later, once our lock is gone.
            let _ = removal::remove(self.base.as_fd(), self.name.as_ref());
        }
    }
}

/// Makes and locks a folder; none if the name is taken or a sweep took the
/// folder between the two.
fn make_locked(base: &OwnedFd, name: &str) -> rustix::io::Result<Option<OwnedFd>> {
    match rustix::fs::mkdirat(base, name, Mode::RWXU) {
        Ok(()) => {}
        Err(Errno::EXIST) => return Ok(None),
        Err(error) => return Err(error),
    }
    let dir = match tree::folder_at(base, name) {
        Err(Errno::NOENT) => return Ok(None),
        opened => opened?,
    };
    match rustix::fs::flock(&dir, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Ok(None),
        Err(error) => return Err(error),
    }
    // Locked, but is it still there?
    let ours = rustix::fs::fstat(&dir)?.st_ino;
    match rustix::fs::statat(base, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) if stat.st_ino == ours => Ok(Some(dir)),
        Ok(_) | Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes inner folders read-only and flushes, from the leaves up.
fn settle(dir: BorrowedFd<'_>, files: bool) -> rustix::io::Result<()> {
    for name in removal::names(dir)? {
        let stat = rustix::fs::statat(dir, &name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)?;
        match tree::kind(&stat) {
            FileType::Directory => {
                let inner = tree::folder_at(dir, &name)?;
                settle(inner.as_fd(), files)?;
                rustix::fs::fchmod(&inner, Mode::RUSR | Mode::XUSR)?;
                rustix::fs::fsync(&inner)?;
            }
            FileType::RegularFile if files => {
                let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
                rustix::fs::fsync(rustix::fs::openat(dir, &name, flags, Mode::empty())?)?;
            }
            // Anything else is not ours, and reading it back will say so.
            _ => {}
        }
    }
    rustix::fs::fsync(dir)
}

/// Flushes the whole file system; false where that cannot be asked for.
#[cfg(target_os = "linux")]
fn flush_all(dir: &OwnedFd) -> rustix::io::Result<bool> {
    rustix::fs::syncfs(dir).map(|()| true)
}

#[cfg(not(target_os = "linux"))]
fn flush_all(_: &OwnedFd) -> rustix::io::Result<bool> {
    Ok(false)
}

fn write_all(file: &OwnedFd, mut bytes: &[u8]) -> rustix::io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(file, bytes) {
            Ok(0) => return Err(Errno::IO),
            Ok(count) => bytes = &bytes[count..],
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn refused(path: &EntryPath, rule: Rule) -> StoreFault {
    StoreFault::Refused(vec![Fault { path: path.to_string(), rule }])
}
