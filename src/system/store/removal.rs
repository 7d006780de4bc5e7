//! Taking folders of ours away, by handle, following nothing.
//!
//! Only what belongs to our account and lies on the same mount is touched.
//! Attack: a link or a mount inside what we delete would otherwise lead the
//! deletion elsewhere.

use crate::model::digest::Digest;
use crate::system::home::Home;
use crate::system::tree;
use rustix::fs::{AtFlags, FileType, FlockOperation, Mode};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;

use super::StoreFault;

/// Deeper than any skill may be.
const DEPTH: usize = 64;

/// Removes what dead processes left in `staging/` and under passing names in
/// the store; returns how many folders that were. Those of living processes
/// are locked and stay.
///
/// # Errors
/// [`StoreFault::Io`] if the home's own folders cannot be read. What cannot be
/// removed is left for the next time.
pub fn sweep_staging(home: &Home) -> Result<usize, StoreFault> {
    let open =
        |name: &str| home.folder(name).map_err(|source| StoreFault::Io { at: name.to_owned(), source });
    let mut removed = sweep(open("staging")?.as_fd()).map_err(StoreFault::io("staging"))?;
    let store = open("store")?;
    for shelf in names(store.as_fd()).map_err(StoreFault::io("store"))? {
        if let Ok(dir) = tree::folder_at(&store, &shelf) {
            removed += sweep(dir.as_fd()).map_err(StoreFault::io("store"))?;
        }
    }
    Ok(removed)
}

fn sweep(base: BorrowedFd<'_>) -> rustix::io::Result<usize> {
    let mut removed = 0;
    for name in names(base)? {
        if name.to_str().is_some_and(|name| Digest::from_hex(name).is_ok()) {
            continue;
        }
        let Ok(dir) = tree::folder_at(base, &name) else { continue };
        // Held to the end: a process that is just making this folder sees the
        // lock taken, or the folder gone, and takes another name.
        if rustix::fs::flock(&dir, FlockOperation::NonBlockingLockExclusive).is_ok() {
            removed += usize::from(remove(base, &name).is_ok());
        }
    }
    Ok(removed)
}

/// Removes a folder and all in it. What is already gone is no error.
pub(crate) fn remove(parent: BorrowedFd<'_>, name: &OsStr) -> rustix::io::Result<()> {
    remove_at(parent, name, 0)
}

fn remove_at(parent: BorrowedFd<'_>, name: &OsStr, depth: usize) -> rustix::io::Result<()> {
    if depth > DEPTH {
        return Err(Errno::LOOP);
    }
    let gone = |result: rustix::io::Result<()>| match result {
        Err(Errno::NOENT) => Ok(()),
        done => done,
    };
    match make_writable(parent, name) {
        Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error),
        Ok(None) => gone(rustix::fs::unlinkat(parent, name, AtFlags::empty())),
        Ok(Some((dir, _))) => {
            for inner in names(dir.as_fd())? {
                remove_at(dir.as_fd(), &inner, depth + 1)?;
            }
            gone(rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR))
        }
    }
}

/// Makes a folder of ours 0700 and returns its handle and former mode; none
/// if the name is no folder.
pub(super) fn make_writable(
    parent: BorrowedFd<'_>,
    name: &OsStr,
) -> rustix::io::Result<Option<(OwnedFd, Mode)>> {
    let stat = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
    if tree::kind(&stat) != FileType::Directory {
        return Ok(None);
    }
    if stat.st_uid != rustix::process::geteuid().as_raw() {
        return Err(Errno::PERM);
    }
    let dir = match tree::folder_at(parent, name) {
        // Someone took our right to read it. Following a link here could only
        // make something else of ours readable to ourselves.
        Err(Errno::ACCESS) => {
            rustix::fs::chmodat(parent, name, Mode::RWXU, AtFlags::empty())?;
            tree::folder_at(parent, name)?
        }
        opened => opened?,
    };
    rustix::fs::fchmod(&dir, Mode::RWXU)?;
    Ok(Some((dir, Mode::from_raw_mode(stat.st_mode & 0o7777))))
}

/// The names in a folder, in no order.
pub(super) fn names(dir: BorrowedFd<'_>) -> rustix::io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(OsStr::from_bytes(name).to_owned());
        }
    }
    Ok(names)
}
