//! Opening without following anything.
//!
//! Invariant: what is opened is the entry of that very name in that very
//! folder, on the same mount; never the target of a link. Attack: a link, or a
//! bind mount, swapped in between listing and opening.

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::CLOEXEC);

// A FIFO put in place of a file would block us for ever without NONBLOCK.
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// Opens a folder whose last component must not be a link. Links before it are
/// followed, as people's dotfiles have them.
///
/// # Errors
/// The system's error; for a link, one that says so.
pub fn open_folder(path: &Path) -> io::Result<OwnedFd> {
    // Attack: with `link/` or `link/.` the link would not be the last
    // component and NOFOLLOW would follow it. Components drop both.
    let path: PathBuf = path.components().collect();
    let error = match rustix::fs::open(&path, FOLDER, Mode::empty()) {
        Ok(dir) => return Ok(dir),
        Err(error) => error,
    };
    if matches!(error, Errno::NOTDIR | Errno::LOOP) {
        let what = match rustix::fs::lstat(&path).map(|stat| kind(&stat)) {
            Ok(FileType::Symlink) => "a symbolic link, not a folder",
            _ => "not a folder",
        };
        return Err(io::Error::new(io::ErrorKind::NotADirectory, what));
    }
    Err(error.into())
}

/// Whether an error says that a path leads nowhere this account can go: not
/// there, a link in a circle, closed. Anything else hides what is there.
#[must_use]
pub fn leads_nowhere(error: &io::Error) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied};
    let looped = error.raw_os_error() == Some(Errno::LOOP.raw_os_error());
    looped || [NotFound, NotADirectory, PermissionDenied].contains(&error.kind())
}

/// Opens a folder by one component.
pub(crate) fn folder_at(dir: impl AsFd, name: impl AsRef<OsStr>) -> rustix::io::Result<OwnedFd> {
    beneath(dir.as_fd(), name.as_ref(), FOLDER)
}

/// Opens a file by one component for reading.
pub(super) fn file_at(dir: impl AsFd, name: &str) -> rustix::io::Result<OwnedFd> {
    beneath(dir.as_fd(), OsStr::new(name), FILE)
}

/// A second handle of the same folder, with its own reading position.
pub(super) fn again(dir: BorrowedFd<'_>) -> rustix::io::Result<OwnedFd> {
    rustix::fs::openat(dir, ".", FOLDER, Mode::empty())
}

/// What a name is, without opening it.
pub(super) fn look(dir: impl AsFd, name: &str) -> rustix::io::Result<Stat> {
    rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)
}

/// The file type of a stat result.
pub(crate) fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// A single component without `/` cannot leave the folder, and NOFOLLOW covers
/// the link that it might be.
fn beneath(dir: BorrowedFd<'_>, name: &OsStr, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let raw = name.as_encoded_bytes();
    if raw.is_empty() || raw == b"." || raw == b".." || raw.contains(&b'/') {
        return Err(Errno::INVAL);
    }
    one_component(dir, name, flags)
}

/// `openat2` also refuses mounts, bind mounts of the same device among them.
#[cfg(target_os = "linux")]
fn one_component(dir: BorrowedFd<'_>, name: &OsStr, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    use rustix::fs::ResolveFlags;
    use std::sync::atomic::{AtomicBool, Ordering};
    static MISSING: AtomicBool = AtomicBool::new(false);
    if !MISSING.load(Ordering::Relaxed) {
        let resolve = ResolveFlags::NO_SYMLINKS.union(ResolveFlags::NO_XDEV);
        match rustix::fs::openat2(dir, name, flags, Mode::empty(), resolve) {
            Err(Errno::NOSYS) => MISSING.store(true, Ordering::Relaxed),
            // Some system call filters answer so to calls that they do not know.
            Err(Errno::PERM) => {}
            done => return done,
        }
    }
    plainly(dir, name, flags)
}

#[cfg(not(target_os = "linux"))]
fn one_component(dir: BorrowedFd<'_>, name: &OsStr, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    plainly(dir, name, flags)
}

/// The walk compares device numbers besides.
fn plainly(dir: BorrowedFd<'_>, name: &OsStr, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    rustix::fs::openat(dir, name, flags, Mode::empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_link_is_refused_however_it_is_spelled() {
        let base = tempfile::tempdir().unwrap();
        std::fs::create_dir(base.path().join("real")).unwrap();
        symlink("real", base.path().join("link")).unwrap();
        assert!(open_folder(&base.path().join("real/")).is_ok());
        for spelling in ["link", "link/", "link/.", "link//", "link/./"] {
            let error = open_folder(&base.path().join(spelling)).unwrap_err();
            assert!(error.to_string().contains("symbolic link"), "{spelling}: {error}");
        }
        std::fs::write(base.path().join("file"), "").unwrap();
        assert_eq!(open_folder(&base.path().join("file")).unwrap_err().to_string(), "not a folder");
        let missing = open_folder(&base.path().join("none")).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn both_ways_of_opening_refuse_links_and_ways_out() {
        let base = tempfile::tempdir().unwrap();
        std::fs::write(base.path().join("file"), "").unwrap();
        std::fs::create_dir(base.path().join("sub")).unwrap();
        symlink("file", base.path().join("link")).unwrap();
        let dir = open_folder(base.path()).unwrap();
        std::fs::write(base.path().join("sub/x"), "").unwrap();
        for open in [one_component, plainly] {
            assert!(open(dir.as_fd(), OsStr::new("file"), FILE).is_ok());
            assert!(open(dir.as_fd(), OsStr::new("sub"), FOLDER).is_ok());
            assert_eq!(open(dir.as_fd(), OsStr::new("link"), FILE).unwrap_err(), Errno::LOOP);
        }
        assert!(beneath(dir.as_fd(), OsStr::new("file"), FILE).is_ok());
        assert_eq!(beneath(dir.as_fd(), OsStr::new("link"), FILE).unwrap_err(), Errno::LOOP);
        for bad in ["..", ".", "", "/", "/etc", "sub/", "sub/x", "sub/..", "../file"] {
            assert_eq!(beneath(dir.as_fd(), OsStr::new(bad), FILE).unwrap_err(), Errno::INVAL, "{bad}");
        }
    }
}
