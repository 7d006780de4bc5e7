//! Looking at our own files from outside: modes, owners, file system. For
//! `doctor`, which must be able to say what is wrong with a home that
//! `Home::open` refuses.

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// A file or folder of ours whose mode or owner is not as we write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Odd {
    /// Which.
    pub path: PathBuf,
    /// Its mode bits.
    pub mode: u32,
    /// What they should be.
    pub wanted: u32,
    /// Why it cannot be repaired by setting the mode, if so.
    pub never: Option<&'static str>,
}

/// Folders of the home whose entries are ours to check, beside the home itself.
const FOLDERS: &[&str] =
    &["permits", "audit", "store", "evidence", "staging", "trust-roots", super::tools::FOLDER];
/// Folders whose files are checked too.
const WITH_FILES: &[&str] = &["permits", "audit"];

/// Everything in a home that is not 0700 (folders) or 0600 (files), or is not
/// ours, or is a link. Store objects have modes of their own; `verify` looks
/// at them.
///
/// # Errors
/// The system's, when the home cannot be listed.
pub fn modes(home: &Path) -> io::Result<Vec<Odd>> {
    let mut odd = Vec::new();
    odd.extend(look(home, 0o700, true)?);
    for entry in std::fs::read_dir(home)? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.as_bytes().to_vec()).unwrap_or_default();
        let is_folder = FOLDERS.iter().any(|folder| folder.as_bytes() == name);
        odd.extend(look(&path, if is_folder { 0o700 } else { 0o600 }, is_folder)?);
    }
    for folder in WITH_FILES {
        for entry in std::fs::read_dir(home.join(folder)).into_iter().flatten() {
            odd.extend(look(&entry?.path(), 0o600, false)?);
        }
    }
    Ok(odd)
}

fn look(path: &Path, wanted: u32, folder: bool) -> io::Result<Option<Odd>> {
    let stat = match rustix::fs::lstat(path) {
        // It went away meanwhile: SQLite's side files do.
        Err(Errno::NOENT) => return Ok(None),
        other => other?,
    };
    let mode = stat.st_mode & 0o7777;
    let kind = FileType::from_raw_mode(stat.st_mode);
    let right = if folder { FileType::Directory } else { FileType::RegularFile };
    let never = if kind != right {
        Some("it is a link, or of another kind")
    } else if stat.st_uid != rustix::process::geteuid().as_raw() {
        Some("it belongs to another account")
    } else if !folder && stat.st_nlink != 1 {
        Some("it has a second name somewhere")
    } else {
        None
    };
    let odd = Odd { path: path.to_owned(), mode, wanted, never };
    Ok((never.is_some() || mode != wanted).then_some(odd))
}

/// Sets the mode of a file or folder of ours, by handle.
///
/// # Errors
/// The system's; what is not ours, or is a link, is refused.
pub fn repair(odd: &Odd) -> io::Result<()> {
    if let Some(why) = odd.never {
        return Err(io::Error::other(why));
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    // A database is never opened here: closing a descriptor of it would drop
    // this process's locks on it. Only its name is used, and it is no link.
    if odd.path.file_name().is_some_and(|name| name.as_bytes().starts_with(b"ledger.db")) {
        return Ok(rustix::fs::chmodat(
            rustix::fs::CWD,
            &odd.path,
            Mode::from_raw_mode(odd.wanted),
            AtFlags::empty(),
        )?);
    }
    let file = rustix::fs::open(&odd.path, flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&file)?;
    if stat.st_uid != rustix::process::geteuid().as_raw() {
        return Err(io::Error::other("it belongs to another account"));
    }
    Ok(rustix::fs::fchmod(&file, Mode::from_raw_mode(odd.wanted))?)
}

/// What is known of a file system's promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// On this machine and lasting, as far as its kind tells.
    Local(&'static str),
    /// Gone when the machine stops.
    Passing(&'static str),
    /// Served by a program or another machine: locks and flushes are its word.
    Served(&'static str),
    /// Not one of those we know; its number.
    Unknown(u64),
}

/// The kind of the file system that a folder is on.
///
/// # Errors
/// The system's.
pub fn file_system(path: &Path) -> io::Result<Kind> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir: OwnedFd = rustix::fs::open(path, flags, Mode::empty())?;
    Ok(kind_of(dir.as_fd())?)
}

#[cfg(target_os = "linux")]
fn kind_of(dir: BorrowedFd<'_>) -> rustix::io::Result<Kind> {
    #[allow(clippy::unnecessary_cast, reason = "the field's width differs between targets")]
    let number = (rustix::fs::fstatfs(dir)?.f_type as u64) & 0xffff_ffff;
    // See statfs(2).
    Ok(match number {
        0xef53 => Kind::Local("ext"),
        0x5846_5342 => Kind::Local("xfs"),
        0x9123_683e => Kind::Local("btrfs"),
        0x2fc1_2fc1 => Kind::Local("zfs"),
        0xf2f5_2010 => Kind::Local("f2fs"),
        0x794c_7630 => Kind::Local("overlayfs"),
        0x0102_1994 | 0x8584_58f6 => Kind::Passing("memory"),
        0x6573_5546 => Kind::Served("FUSE"),
        0x6969 => Kind::Served("NFS"),
        0x517b | 0xfe53_4d42 | 0xff53_4d42 => Kind::Served("SMB"),
        0x0102_1997 => Kind::Served("9P"),
        0x00c3_6400 => Kind::Served("CEPH"),
        other => Kind::Unknown(other),
    })
}

#[cfg(not(target_os = "linux"))]
fn kind_of(_: BorrowedFd<'_>) -> rustix::io::Result<Kind> {
    Ok(Kind::Local("local"))
}

/// Why others could change what a file says, if they could: its owner, its
/// mode, or that of the folder it lies in.
///
/// # Errors
/// The system's, for the file itself.
pub fn changeable(path: &Path) -> io::Result<Option<String>> {
    let parent = path.parent().unwrap_or(Path::new("/"));
    let ours = rustix::process::geteuid().as_raw();
    for one in [path, parent] {
        let stat = rustix::fs::stat(one)?;
        let mode = stat.st_mode & 0o7777;
        if stat.st_uid != ours && stat.st_uid != 0 {
            return Ok(Some(format!("{} belongs to account {}", one.display(), stat.st_uid)));
        }
        if mode & 0o022 != 0 {
            return Ok(Some(format!("{} has mode {mode:04o}, so others may write it", one.display())));
        }
    }
    Ok(None)
}

/// Whether two paths are the same file.
#[must_use]
pub fn is_same(one: &Path, other: &Path) -> bool {
    match (rustix::fs::stat(one), rustix::fs::stat(other)) {
        (Ok(one), Ok(other)) => (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino),
        _ => false,
    }
}

/// Whether a path is a file that somebody may execute.
#[must_use]
pub fn is_program(path: &Path) -> bool {
    rustix::fs::stat(path).is_ok_and(|stat| {
        FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && stat.st_mode & 0o111 != 0
    })
}
