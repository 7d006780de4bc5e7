//! Signatures as files: written into the author's own folder, or beside it, and
//! never half.
//!
//! Each file is written under another name, flushed, and then renamed. A crash leaves the old file or the new one, and perhaps a left-over
//! whose name begins with [`LEFT_OVER`]: whoever signs next is told, since it
//! would be signed as part of the skill.

use super::key_folder;
use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

/// What the name of a file begins with while it is being written.
pub const LEFT_OVER: &str = ".skill-signature.";

/// Whether a file that is there may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// It must not be there.
    New,
    /// It was looked at, and may.
    Replace,
}

/// Writes a file of that name into a folder.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`]; the system's. The old file is then what it was.
pub fn write(folder: BorrowedFd<'_>, name: &str, bytes: &[u8], over: Over) -> io::Result<()> {
    let random = key_folder::random(Path::new(name)).map_err(|fault| io::Error::other(fault.to_string()))?;
    let hex = crate::model::digest::Digest::from_bytes(random).hex();
    let temporary = format!("{LEFT_OVER}{}", &hex[..16]);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::ROTH;
    let file = rustix::fs::openat(folder, &temporary, flags, mode)?;
    let placed = place(folder, file.into(), (&temporary, name), bytes, over);
    // After a rename the name is gone; after a failure, or where no rename could do it, it goes now.
    let _ = rustix::fs::unlinkat(folder, &temporary, AtFlags::empty());
    placed?;
    Ok(rustix::fs::fsync(folder)?)
}

fn place(
    folder: BorrowedFd<'_>,
    mut file: File,
    (temporary, name): (&str, &str),
    bytes: &[u8],
    over: Over,
) -> io::Result<()> {
    // The mode passed through the umask; a signature is there to be read.
    rustix::fs::fchmod(&file, Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::ROTH)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    match over {
        // Fails if the name was taken meanwhile, by whatever.
        Over::New => key_folder::take_name(folder, temporary, name)?,
        Over::Replace => rustix::fs::renameat(folder, temporary, folder, name)?,
    }
    Ok(())
}

/// Writes a file that was named by its path, and must not be there yet.
///
/// # Errors
/// As [`write`].
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| io::Error::other("it names no file"))?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::open(parent, flags, Mode::empty())?;
    write(folder.as_fd(), name, bytes, Over::New)
}

/// What a mode says that no signature covers, if it says that: a file that
/// others may execute and its owner may not, or a folder or file that is not
/// its owner's to write.
///
/// Attack: the digest knows one executable bit, the owner's. A program that only
/// others may run would be signed as a text.
///
/// # Errors
/// The system's.
pub fn odd_mode(folder: BorrowedFd<'_>, path: &str) -> io::Result<Option<u32>> {
    let stat = match rustix::fs::statat(folder, path, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(None),
        other => other?,
    };
    let mode = stat.st_mode & 0o7777;
    let file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    let odd = file && mode & 0o100 == 0 && mode & 0o011 != 0;
    Ok(odd.then_some(mode))
}

/// Whether the owner may write into a folder: what we place in an agent's
/// folder is read-only, even where the superuser could write.
///
/// # Errors
/// The system's.
pub fn is_writable(folder: BorrowedFd<'_>) -> io::Result<bool> {
    Ok(rustix::fs::fstat(folder)?.st_mode & 0o200 != 0)
}
