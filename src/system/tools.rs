//! Where what a skill needs is installed: `deps/` in the home.
//!
//! ```text
//! deps/lock                    held while something is installed
//! deps/work/                   the run's own: HOME and the temporary folder; removed after it
//! deps/<digest hex>/tools      what was installed for these bytes, in a sandbox
//! deps/<digest hex>/on-host    the same, without one
//! ```
//!
//! Two folders: what a sandboxed step left in its own, such as a link, must not
//! lead a later step that nothing holds elsewhere.
//!
//! What lies below `tools` was put there by programs that are not ours. It is
//! hashed by nobody and part of no decision: no skill's bytes, no permit. It is
//! removed with the last revision of its digest, following no link.

use super::home::Home;
use super::lock;
use super::store::remove_folder;
use crate::model::consent::Where;
use crate::model::digest::Digest;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The folder in the home.
pub const FOLDER: &str = "deps";
/// The run's own.
const WORK: &str = "work";
/// Held while something is installed.
const LOCK: &str = "lock";

/// The right to install: held until dropped, and freed by the system when its
/// holder dies.
#[derive(Debug)]
pub struct Turn {
    _file: OwnedFd,
}

/// The folders of one run.
#[derive(Debug)]
pub struct Bench {
    /// What is installed.
    pub tools: PathBuf,
    /// The steps' HOME.
    pub home: PathBuf,
    /// Their temporary folder.
    pub tmp: PathBuf,
    /// The run's own folder, of which these two are part.
    pub work: PathBuf,
}

/// What was installed there, in the digest's folder.
const fn inner(place: Where) -> &'static str {
    match place {
        Where::Bubblewrap => "tools",
        Where::Host => "on-host",
    }
}

/// All that was installed for a digest.
#[must_use]
pub fn shelf(home: &Path, digest: &Digest) -> PathBuf {
    home.join(FOLDER).join(digest.hex())
}

/// Where the tools of a digest lie.
#[must_use]
pub fn path(home: &Path, digest: &Digest, place: Where) -> PathBuf {
    shelf(home, digest).join(inner(place))
}

/// Takes the right to install; none if another process holds it.
///
/// # Errors
/// The system's.
pub fn take_turn(home: &Home) -> io::Result<Option<Turn>> {
    let dir = made(home.dir(), FOLDER)?;
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(&dir, LOCK, flags, Mode::RUSR | Mode::WUSR)?;
    // A moment's patience: see `lock::wait`.
    let got = lock::wait(file.as_fd(), Duration::from_millis(100))?;
    Ok(got.then_some(Turn { _file: file }))
}

/// As [`take_turn`], for who only looks: makes nothing. True if some living
/// process installs.
///
/// # Errors
/// The system's.
pub fn is_busy(home: &Home) -> io::Result<bool> {
    let absent = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    let dir = match home.folder(FOLDER) {
        Err(error) if absent(&error) => return Ok(false),
        opened => opened?,
    };
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(&dir, LOCK, flags, Mode::empty()) {
        Err(Errno::NOENT) => Ok(false),
        opened => Ok(!lock::wait(opened?.as_fd(), Duration::from_millis(100))?),
    }
}

/// Makes the folders of a run, its own ones anew.
///
/// # Errors
/// The system's.
pub fn lay_out(home: &Home, digest: &Digest, place: Where, _: &Turn) -> io::Result<Bench> {
    let dir = made(home.dir(), FOLDER)?;
    // Attack: a step left what cannot be removed, so that nothing is installed ever again.
    if remove_folder(dir.as_fd(), WORK.as_ref()).is_err() {
        let aside = format!("{WORK}.{}", super::ledger::random_id()?);
        rustix::fs::renameat(&dir, WORK, &dir, aside)?;
    }
    let work = made(dir.as_fd(), WORK)?;
    made(work.as_fd(), "home")?;
    made(work.as_fd(), "tmp")?;
    let shelf = made(dir.as_fd(), &digest.hex())?;
    made(shelf.as_fd(), inner(place))?;
    let work = home.path().join(FOLDER).join(WORK);
    Ok(Bench {
        tools: path(home.path(), digest, place),
        home: work.join("home"),
        tmp: work.join("tmp"),
        work,
    })
}

/// Removes what a run needed for itself. Left for the next run if it cannot be,
/// tried twice.
pub fn clear_work(home: &Home) {
    let clear = || home.folder(FOLDER).is_ok_and(|dir| remove_folder(dir.as_fd(), WORK.as_ref()).is_ok());
    let _ = clear() || clear();
}

/// Removes what was installed for a digest. What is not there is no error.
///
/// # Errors
/// The system's.
pub fn remove(home: &Home, digest: &Digest) -> io::Result<()> {
    match home.folder(FOLDER) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        opened => Ok(remove_folder(opened?.as_fd(), digest.hex().as_ref())?),
    }
}

/// A folder of ours that is there afterwards, and is a real one.
fn made(parent: std::os::fd::BorrowedFd<'_>, name: &str) -> io::Result<OwnedFd> {
    match rustix::fs::mkdirat(parent, name, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(parent, name, flags, Mode::empty())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::digest::sha256;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn home() -> (tempfile::TempDir, Home) {
        let root = tempfile::tempdir().unwrap();
        let home = Home::create(&root.path().join("home")).unwrap();
        (root, home)
    }

    #[test]
    fn one_installs_at_a_time_and_who_looks_makes_nothing() {
        let (_root, home) = home();
        assert!(!is_busy(&home).unwrap());
        assert!(!home.has(FOLDER).unwrap());
        let turn = take_turn(&home).unwrap().unwrap();
        assert!(is_busy(&home).unwrap() && take_turn(&home).unwrap().is_none());
        drop(turn);
        assert!(!is_busy(&home).unwrap() && take_turn(&home).unwrap().is_some());
    }

    /// Attack: an earlier installer left links for the removal to follow, folders
    /// that nobody may write, and things in the run's own folder.
    #[test]
    fn removing_follows_no_link_and_a_run_begins_with_an_empty_folder() {
        let (root, home) = home();
        let (digest, outside) = (sha256(&[b"x"]), root.path().join("outside"));
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("mine"), "x").unwrap();
        let turn = take_turn(&home).unwrap().unwrap();
        let bench = lay_out(&home, &digest, Where::Bubblewrap, &turn).unwrap();
        for below in [&bench.tools, &bench.home] {
            symlink(&outside, below.join("link")).unwrap();
            std::fs::create_dir_all(below.join("closed/in")).unwrap();
            std::fs::write(below.join("closed/in/file"), "x").unwrap();
            std::fs::set_permissions(below.join("closed/in"), PermissionsExt::from_mode(0o500)).unwrap();
            std::fs::set_permissions(below.join("closed"), PermissionsExt::from_mode(0o500)).unwrap();
        }
        let again = lay_out(&home, &digest, Where::Bubblewrap, &turn).unwrap();
        assert_eq!(std::fs::read_dir(&again.home).unwrap().count(), 0);
        assert_eq!(again.tools.join("closed/in/file").metadata().unwrap().len(), 1);
        remove(&home, &digest).unwrap();
        clear_work(&home);
        assert!(!again.tools.exists() && !again.work.exists());
        assert!(outside.join("mine").exists());
        remove(&home, &digest).unwrap();
    }

    /// Attack: a step leaves folders deeper than anything that we remove, and with
    /// them the end of all installing.
    #[test]
    fn what_cannot_be_removed_is_moved_aside() {
        let (_root, home) = home();
        let turn = take_turn(&home).unwrap().unwrap();
        let digest = sha256(&[b"x"]);
        let bench = lay_out(&home, &digest, Where::Bubblewrap, &turn).unwrap();
        std::fs::create_dir_all(bench.home.join("d/".repeat(80))).unwrap();
        clear_work(&home);
        assert!(bench.work.exists());
        let again = lay_out(&home, &digest, Where::Host, &turn).unwrap();
        assert_eq!(std::fs::read_dir(&again.home).unwrap().count(), 0);
        assert_ne!(again.tools, bench.tools);
    }
}
