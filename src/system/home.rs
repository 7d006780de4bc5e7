//! The home: the folder that holds everything of ours.
//!
//! Opened once as a directory handle; everything else is reached relative to
//! it. Checked at every open: a real folder, ours, mode 0700, not on a network
//! file system (locks and flushes lie there). Attack: another local account
//! plants the folder, or a link in its place, before we first use it.

use super::ancestors::{self, AncestorFault, Foreign};
use rustix::fs::{AtFlags, Mode, OFlags};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Folders inside the home, made with it.
pub const FOLDERS: &[&str] = &["permits", "audit", "store", "evidence", "staging", "trust-roots"];

/// The file that marks a home as being removed. While it is there nothing is
/// allowed from the home and nothing but `uninstall` opens it.
pub const LEAVING: &str = "uninstalling";

/// An open, checked home.
#[derive(Debug)]
pub struct Home {
    path: PathBuf,
    dir: OwnedFd,
}

/// Why a home cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeFault {
    /// There is none.
    #[error("there is no home at {0}")]
    Missing(PathBuf),
    /// A link, or not a folder.
    #[error("{0} is not a folder of its own (a link, or something else)")]
    NotAFolder(PathBuf),
    /// Somebody else's.
    #[error("{path} belongs to account {found}, not to {ours}")]
    Owner {
        /// The home.
        path: PathBuf,
        /// Its owner.
        found: u32,
        /// Us.
        ours: u32,
    },
    /// Open to others.
    #[error("{path} has mode {mode:04o}; it must be 0700")]
    Mode {
        /// The home.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Below a folder in which another account can rename things.
    #[error("{0}")]
    Ancestor(Foreign),
    /// An uninstall has begun, and was not finished.
    #[error("{0} is being uninstalled: half of it may be gone")]
    Leaving(PathBuf),
    /// On a file system whose locks and flushes cannot be relied on.
    #[error("{0} is on a network file system")]
    Network(PathBuf),
    /// Path not absolute.
    #[error("{0} is not an absolute path")]
    Relative(PathBuf),
    /// The system said no.
    #[error("{path}: {source}")]
    Io {
        /// The home or a folder in it.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
}

impl Home {
    /// Opens an existing home and checks it.
    ///
    /// # Errors
    /// [`HomeFault`], the first that applies.
    pub fn open(path: &Path) -> Result<Self, HomeFault> {
        let home = Self::open_leaving(path)?;
        match home.has(LEAVING) {
            Ok(false) => Ok(home),
            Ok(true) => Err(HomeFault::Leaving(path.to_owned())),
            Err(source) => Err(HomeFault::Io { path: path.to_owned(), source }),
        }
    }

    /// As [`Home::open`], for `uninstall` alone: also one that is being removed.
    ///
    /// # Errors
    /// [`HomeFault`], the first that applies.
    pub fn open_leaving(path: &Path) -> Result<Self, HomeFault> {
        if !path.is_absolute() {
            return Err(HomeFault::Relative(path.to_owned()));
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| match error {
            rustix::io::Errno::NOENT => HomeFault::Missing(path.to_owned()),
            rustix::io::Errno::NOTDIR | rustix::io::Errno::LOOP => HomeFault::NotAFolder(path.to_owned()),
            other => HomeFault::Io { path: path.to_owned(), source: other.into() },
        })?;
        let home = Self { path: path.to_owned(), dir };
        home.check()?;
        Ok(home)
    }

    /// Makes the home and its folders where they are missing, then opens it.
    /// Ancestors are made 0700 too.
    ///
    /// # Errors
    /// [`HomeFault`], also for a home that exists and is unsafe.
    pub fn create(path: &Path) -> Result<Self, HomeFault> {
        use std::os::unix::fs::DirBuilderExt as _;
        if !path.is_absolute() {
            return Err(HomeFault::Relative(path.to_owned()));
        }
        let fault = |source| HomeFault::Io { path: path.to_owned(), source };
        // Attack by bad luck: root, or anybody, makes folders in another
        // account's and only then sees that it is no place for a home.
        let missing = |part: &&Path| part.symlink_metadata().is_err();
        if let Some(first) = path.ancestors().take_while(missing).last() {
            above(first, path)?;
        }
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(fault)?;
        let home = Self::open(path)?;
        for name in FOLDERS {
            match rustix::fs::mkdirat(&home.dir, *name, Mode::RWXU) {
                Ok(()) | Err(rustix::io::Errno::EXIST) => {}
                Err(error) => return Err(HomeFault::Io { path: path.join(name), source: error.into() }),
            }
        }
        Ok(home)
    }

    fn check(&self) -> Result<(), HomeFault> {
        let io = |error: rustix::io::Errno| HomeFault::Io { path: self.path.clone(), source: error.into() };
        let stat = rustix::fs::fstat(&self.dir).map_err(io)?;
        let ours = rustix::process::geteuid().as_raw();
        if stat.st_uid != ours {
            return Err(HomeFault::Owner { path: self.path.clone(), found: stat.st_uid, ours });
        }
        let mode = stat.st_mode & 0o7777;
        if mode != 0o700 {
            return Err(HomeFault::Mode { path: self.path.clone(), mode });
        }
        above(&self.path, &self.path)?;
        if is_network(&self.dir).map_err(io)? {
            return Err(HomeFault::Network(self.path.clone()));
        }
        Ok(())
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its handle.
    #[must_use]
    pub fn dir(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }

    /// Opens one of its folders, which must be a real folder of ours.
    ///
    /// # Errors
    /// The system's error; a link counts as no folder.
    pub fn folder(&self, name: &str) -> std::io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.dir, name, flags, Mode::empty())?)
    }

    /// Whether something of that name is in the home.
    ///
    /// # Errors
    /// Anything but "it is not there".
    pub fn has(&self, name: &str) -> std::io::Result<bool> {
        match rustix::fs::statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(rustix::io::Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Checks the folders above `path`, on behalf of `home`.
fn above(path: &Path, home: &Path) -> Result<(), HomeFault> {
    ancestors::check(path).map_err(|fault| match fault {
        AncestorFault::Foreign(foreign) => HomeFault::Ancestor(foreign),
        AncestorFault::Io(source) => HomeFault::Io { path: home.to_owned(), source },
    })
}

#[cfg(target_os = "linux")]
fn is_network(dir: &OwnedFd) -> rustix::io::Result<bool> {
    // See statfs(2): NFS, SMB, SMB2, CIFS, CODA, AFS, 9P, CEPH, Lustre, FUSE is not
    // listed since local FUSE file systems are common; `doctor` names it.
    const NETWORK: &[i64] = &[
        0x6969,
        0x517b,
        0xfe53_4d42,
        0xff53_4d42,
        0x7375_7245,
        0x5346_414f,
        0x0102_1997,
        0x00c3_6400,
        0x0bd0_0bd0,
    ];
    let kind = rustix::fs::fstatfs(dir)?.f_type;
    #[allow(clippy::unnecessary_cast, reason = "the field's width differs between targets")]
    Ok(NETWORK.contains(&(kind as i64 & 0xffff_ffff)))
}

#[cfg(not(target_os = "linux"))]
fn is_network(_: &OwnedFd) -> rustix::io::Result<bool> {
    Ok(false)
}
