//! The folder of the account's secret keys, `keys` in the config folder, and
//! the private files in it.
//!
//! One set of checks for every secret: the folder is ours and 0700, a file in
//! it is ours, 0600 and a plain one. Attack: a file that others may read is a
//! key that others have; a link, or a folder that others may write, lets them
//! choose which key we sign with. Such a key is refused, never repaired: whom it
//! was shown to is not known.
//!
//! A file comes into being whole or not at all: written under a name of its
//! own, flushed, then given its name, which fails if the name is taken.

use crate::model::digest::Digest;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// The folder's name in the config folder.
pub const NAME: &str = "keys";

/// Why folder or file is not used.
#[derive(Debug, thiserror::Error)]
pub enum FolderFault {
    /// Others could read or change it, or it is no plain one.
    #[error("{path} is not safe to keep a key in: {what}")]
    Unsafe {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The system said no.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
}

fn io<E: Into<std::io::Error>>(path: &Path) -> impl Fn(E) -> FolderFault + '_ {
    move |error| FolderFault::Io { path: path.to_owned(), source: error.into() }
}

fn unsafe_path(path: &Path, what: &str) -> FolderFault {
    FolderFault::Unsafe { path: path.to_owned(), what: what.to_owned() }
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Opens the folder of the keys, made if it is missing, and checks it.
///
/// # Errors
/// [`FolderFault`].
pub fn open_or_make(config: &Path) -> Result<OwnedFd, FolderFault> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(config).map_err(io(config))?;
    let outer = outer(config)?;
    let path = config.join(NAME);
    match rustix::fs::mkdirat(&outer, NAME, Mode::RWXU) {
        Ok(()) => {
            // The mode of a new folder passes through the umask; this one does not.
            rustix::fs::chmodat(&outer, NAME, Mode::RWXU, AtFlags::empty()).map_err(io(&path))?;
            rustix::fs::fsync(&outer).map_err(io(&path))?;
        }
        Err(Errno::EXIST) => {}
        Err(error) => return Err(io(&path)(error)),
    }
    inner(&outer, &path)?.ok_or_else(|| io(&path)(Errno::NOENT))
}

/// Opens and checks the folder of the keys; none if there is none.
///
/// # Errors
/// [`FolderFault`].
pub fn open(config: &Path) -> Result<Option<OwnedFd>, FolderFault> {
    match rustix::fs::lstat(config) {
        Err(Errno::NOENT) => Ok(None),
        _ => inner(&outer(config)?, &config.join(NAME)),
    }
}

/// Others may read the config folder; whoever can write it could swap the keys.
fn outer(config: &Path) -> Result<OwnedFd, FolderFault> {
    let outer = rustix::fs::open(config, FOLDER, Mode::empty()).map_err(io(config))?;
    check(outer.as_fd(), config, FileType::Directory, 0o022, 0)?;
    Ok(outer)
}

fn inner(outer: &OwnedFd, path: &Path) -> Result<Option<OwnedFd>, FolderFault> {
    let folder = match rustix::fs::openat(outer, NAME, FOLDER | OFlags::NOFOLLOW, Mode::empty()) {
        Ok(folder) => folder,
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::NOTDIR | Errno::LOOP) => return Err(unsafe_path(path, "it is a link, or no folder")),
        Err(error) => return Err(io(path)(error)),
    };
    check(folder.as_fd(), path, FileType::Directory, 0o7777, 0o700)?;
    Ok(Some(folder))
}

/// Reads a private file, `max` bytes of it; none if it is not there. `path` is
/// for messages.
///
/// # Errors
/// [`FolderFault`].
pub fn read(folder: &OwnedFd, name: &str, path: &Path, max: u64) -> Result<Option<Vec<u8>>, FolderFault> {
    read_checked(folder, name, path, max, (0o7777, 0o600))
}

/// As [`read`], for what is no secret: others may read it, and not write it.
///
/// # Errors
/// [`FolderFault`].
#[cfg(feature = "provenance")]
pub fn read_public(
    folder: &OwnedFd,
    name: &str,
    path: &Path,
    max: u64,
) -> Result<Option<Vec<u8>>, FolderFault> {
    read_checked(folder, name, path, max, (0o7022, 0))
}

fn read_checked(
    folder: &OwnedFd,
    name: &str,
    path: &Path,
    max: u64,
    (mask, wanted): (u32, u32),
) -> Result<Option<Vec<u8>>, FolderFault> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::openat(folder, name, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::LOOP) => return Err(unsafe_path(path, "it is a link")),
        Err(error) => return Err(io(path)(error)),
    };
    check(file.as_fd(), path, FileType::RegularFile, mask, wanted)?;
    // All at once: a buffer that grows leaves copies of a secret behind.
    let mut bytes = Vec::with_capacity(usize::try_from(max).unwrap_or(0) + 64);
    File::from(file).take(max).read_to_end(&mut bytes).map_err(io(path))?;
    Ok(Some(bytes))
}

/// Adds a whole, flushed, private file; whether it did: a name that is taken
/// stays what it is.
///
/// # Errors
/// [`FolderFault::Io`]; then there is no such file.
pub fn add(folder: &OwnedFd, name: &str, path: &Path, bytes: &[u8]) -> Result<bool, FolderFault> {
    let temporary = Temporary::write(folder, name, path, bytes)?;
    let added = match take_name(folder.as_fd(), &temporary.name, name) {
        Ok(()) => true,
        Err(Errno::EXIST) => false,
        Err(error) => return Err(io(path)(error)),
    };
    drop(temporary);
    rustix::fs::fsync(folder).map_err(io(path))?;
    Ok(added)
}

/// Gives a file another name in its folder, which nothing may have yet: what is
/// there is never replaced.
///
/// In one step, where the file system can. Attack by bad luck: a link and then
/// an unlink, cut off in between, leave a secret under a second name that stays
/// when its owner removes the first, and a signature that nobody can install.
///
/// # Errors
/// [`Errno::EXIST`]; the system's.
pub fn take_name(folder: BorrowedFd<'_>, from: &str, to: &str) -> Result<(), Errno> {
    match rustix::fs::renameat_with(folder, from, folder, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            rustix::fs::linkat(folder, from, folder, to, AtFlags::empty())
        }
        done => done,
    }
}

/// Refuses anything not ours, of another kind, or whose mode under `mask` is
/// not `wanted`.
///
/// # Errors
/// [`FolderFault`].
pub fn check(
    file: BorrowedFd<'_>,
    path: &Path,
    kind: FileType,
    mask: u32,
    wanted: u32,
) -> Result<(), FolderFault> {
    let stat = rustix::fs::fstat(file).map_err(io(path))?;
    #[allow(clippy::useless_conversion, reason = "the field's width differs between targets")]
    let raw = u32::from(stat.st_mode);
    let ours = rustix::process::geteuid().as_raw();
    if FileType::from_raw_mode(stat.st_mode) != kind {
        return Err(unsafe_path(path, "it is of another kind"));
    }
    if stat.st_uid != ours {
        return Err(unsafe_path(path, &format!("it belongs to account {}, not to {ours}", stat.st_uid)));
    }
    if raw & mask != wanted {
        return Err(unsafe_path(path, &format!("its mode is {:04o}", raw & 0o7777)));
    }
    Ok(())
}

/// 32 bytes that nobody can guess. `path` is for messages.
///
/// # Errors
/// [`FolderFault::Io`].
#[cfg(target_os = "linux")]
pub fn random(path: &Path) -> Result<[u8; 32], FolderFault> {
    let mut out = [0; 32];
    let mut done = 0;
    while done < out.len() {
        let got = rustix::rand::getrandom(&mut out[done..], rustix::rand::GetRandomFlags::empty());
        match got {
            Ok(count) => done += count,
            Err(Errno::INTR) => {}
            Err(error) => return Err(io(path)(error)),
        }
    }
    Ok(out)
}

/// 32 bytes that nobody can guess. `path` is for messages.
///
/// # Errors
/// [`FolderFault::Io`].
#[cfg(not(target_os = "linux"))]
pub fn random(path: &Path) -> Result<[u8; 32], FolderFault> {
    let mut out = [0; 32];
    File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut out)).map_err(io(path))?;
    Ok(out)
}

/// A whole, flushed, private file under a name of its own, removed when dropped
/// unless it was renamed.
pub struct Temporary<'a> {
    folder: &'a OwnedFd,
    /// The name that it has for now.
    pub name: String,
}

impl<'a> Temporary<'a> {
    /// Writes one.
    ///
    /// # Errors
    /// [`FolderFault::Io`].
    pub fn write(folder: &'a OwnedFd, base: &str, path: &Path, bytes: &[u8]) -> Result<Self, FolderFault> {
        let name = format!("{base}.{}", &Digest::from_bytes(random(path)?).hex()[..16]);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = rustix::fs::openat(folder, &name, flags, mode).map_err(io(path))?;
        let temporary = Self { folder, name };
        // The mode above passes through the umask; this one does not.
        rustix::fs::fchmod(&file, mode).map_err(io(path))?;
        let mut file = File::from(file);
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io(path))?;
        Ok(temporary)
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        let _ = rustix::fs::unlinkat(self.folder, &self.name, AtFlags::empty());
    }
}
