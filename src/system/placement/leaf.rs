//! The few file calls that kill and withdrawing are made of.
//!
//! They use std and rustix alone, so that they still work when everything else
//! is broken: no entropy, no free space, few descriptors left, odd modes.
//! Nothing here follows a link in the last component, blocks on a FIFO, or
//! reads without a cap.

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// Most bytes that are read of a permit.
pub(crate) const PERMIT_MAX: usize = 64 * 1024;

/// Flags with which a folder is opened.
pub(crate) const FOLDER: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A fresh id: 32 lower-case hex digits.
///
/// Random where the system gives randomness at once. Otherwise time, process
/// and a counter: a kill must not wait for entropy, and an id needs to be
/// fresh, not secret.
pub(crate) fn fresh_id() -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(32);
    for byte in random().unwrap_or_else(unique) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(target_os = "linux")]
fn random() -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    let filled = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::NONBLOCK).ok()?;
    (filled == bytes.len()).then_some(bytes)
}

#[cfg(not(target_os = "linux"))]
fn random() -> Option<[u8; 16]> {
    use std::io::Read as _;
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)).ok()?;
    Some(bytes)
}

fn unique() -> [u8; 16] {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::{SystemTime, UNIX_EPOCH};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let mut bytes = nanos.to_be_bytes();
    bytes[..4].copy_from_slice(&std::process::id().to_be_bytes());
    bytes[4..8].copy_from_slice(&COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    bytes
}

/// Device and inode: whether two handles are one thing.
pub(crate) type Identity = (u64, u64);

/// The identity of what was looked at.
#[allow(
    clippy::unnecessary_cast,
    clippy::cast_sign_loss,
    trivial_numeric_casts,
    reason = "the fields' types differ between targets"
)]
pub(crate) fn identity(stat: &Stat) -> Identity {
    (stat.st_dev as u64, stat.st_ino as u64)
}

/// Whether it is a folder.
pub(crate) fn is_folder(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}

/// Whether it belongs to the account we act as.
pub(crate) fn is_ours(stat: &Stat) -> bool {
    stat.st_uid == rustix::process::geteuid().as_raw()
}

/// Looks at an entry without following it.
pub(crate) fn look(dir: impl AsFd, name: &str) -> Result<Stat, Errno> {
    rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)
}

/// Opens a folder inside a folder. One of ours that somebody made unreadable
/// is made readable first.
pub(crate) fn open_folder(dir: BorrowedFd<'_>, name: &str) -> Result<OwnedFd, Errno> {
    match rustix::fs::openat(dir, name, FOLDER, Mode::empty()) {
        Err(Errno::ACCESS) => {
            let stat = look(dir, name)?;
            if !is_folder(&stat) || !is_ours(&stat) {
                return Err(Errno::ACCESS);
            }
            rustix::fs::chmodat(dir, name, Mode::RWXU, AtFlags::empty())?;
            rustix::fs::openat(dir, name, FOLDER, Mode::empty())
        }
        other => other,
    }
}

/// Opens a folder by path, following links on the way but not at the end.
pub(crate) fn open_path(path: &Path) -> Result<OwnedFd, Errno> {
    match rustix::fs::open(path, FOLDER, Mode::empty()) {
        Err(Errno::ACCESS) => {
            let stat = rustix::fs::lstat(path)?;
            if !is_folder(&stat) || !is_ours(&stat) {
                return Err(Errno::ACCESS);
            }
            rustix::fs::chmod(path, Mode::RWXU)?;
            rustix::fs::open(path, FOLDER, Mode::empty())
        }
        other => other,
    }
}

/// The names in a folder, in no order. What is not UTF-8 is replaced by marks:
/// such a name cannot be ours, and nothing is opened by it, but it must be seen
/// (a `killed.` with rubbish behind it denies).
pub(crate) fn names(dir: BorrowedFd<'_>) -> Result<Vec<String>, Errno> {
    let mut names = Vec::new();
    let mut keep = |name: &std::ffi::CStr| {
        let name = name.to_bytes();
        if name != b"." && name != b".." {
            names.push(String::from_utf8_lossy(name).into_owned());
        }
    };
    // The caller's handle may have been listed before.
    let dir = rustix::fs::openat(dir, ".", FOLDER, Mode::empty())?;
    #[cfg(target_os = "linux")]
    {
        // On the stack: the gate lists a home three times, and the first block is all of it.
        let mut block = [std::mem::MaybeUninit::uninit(); 8 << 10];
        let mut entries = rustix::fs::RawDir::new(&dir, &mut block);
        while let Some(entry) = entries.next() {
            keep(entry?.file_name());
        }
    }
    #[cfg(not(target_os = "linux"))]
    for entry in rustix::fs::Dir::new(dir)? {
        keep(entry?.file_name());
    }
    Ok(names)
}

/// Why a small file of ours was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadFault {
    /// The system's word.
    #[error("{0}")]
    System(#[from] Errno),
    /// Not a file of ours under one name.
    #[error("{0}")]
    Odd(&'static str),
}

/// Reads a small text file and says which file it was.
pub(crate) fn read_text(dir: BorrowedFd<'_>, name: &str) -> Result<(String, Identity), ReadFault> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::openat(dir, name, flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(ReadFault::Odd("not a regular file"));
    }
    if !is_ours(&stat) {
        return Err(ReadFault::Odd("belongs to another account"));
    }
    if stat.st_nlink != 1 {
        return Err(ReadFault::Odd("has a second name"));
    }
    // Read to the end under a cap; the size that the system reports is no promise.
    let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        match rustix::io::read(&file, &mut chunk) {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if bytes.len() > PERMIT_MAX {
            return Err(ReadFault::Odd("larger than 64 KiB"));
        }
    }
    let text = String::from_utf8(bytes).map_err(|_| ReadFault::Odd("not UTF-8"))?;
    Ok((text, identity(&stat)))
}

/// Renames, never onto something that is there.
///
/// Where the file system cannot promise that for folders, a plain rename is
/// used, which replaces nothing but an empty folder; for files, a second name
/// is made and the first removed.
pub(crate) fn rename_new(dir: BorrowedFd<'_>, from: &str, to: &str) -> Result<(), Errno> {
    let flags = rustix::fs::RenameFlags::NOREPLACE;
    match rustix::fs::renameat_with(dir, from, dir, to, flags) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            if is_folder(&look(dir, from)?) {
                return rustix::fs::renameat(dir, from, dir, to);
            }
            rustix::fs::linkat(dir, from, dir, to, AtFlags::empty())?;
            rustix::fs::unlinkat(dir, from, AtFlags::empty())
        }
        other => other,
    }
}

/// Writes a new file under a name that must be free, and flushes it. On any
/// error nothing of that name is left.
pub(crate) fn write_new(dir: BorrowedFd<'_>, name: &str, bytes: &[u8], mode: Mode) -> Result<(), Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(dir, name, flags, Mode::RUSR | Mode::WUSR)?;
    let written = fill(&file, bytes)
        .and_then(|()| rustix::fs::fchmod(&file, mode))
        .and_then(|()| rustix::fs::fsync(&file));
    if written.is_err() {
        let _ = rustix::fs::unlinkat(dir, name, AtFlags::empty());
    }
    written
}

fn fill(file: &OwnedFd, mut bytes: &[u8]) -> Result<(), Errno> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_fresh_with_and_without_randomness() {
        assert_ne!(fresh_id(), fresh_id());
        assert_ne!(unique(), unique());
        assert!(crate::model::permit::is_id(&fresh_id()));
    }

    #[test]
    fn nothing_is_replaced_and_only_small_plain_files_are_read() {
        let root = tempfile::tempdir().unwrap();
        let dir = open_path(root.path()).unwrap();
        let dir = dir.as_fd();
        let mode = Mode::RUSR | Mode::WUSR;
        write_new(dir, "a", b"1", mode).unwrap();
        write_new(dir, "b", b"2", mode).unwrap();
        assert_eq!(write_new(dir, "a", b"3", mode), Err(Errno::EXIST));
        assert_eq!(rename_new(dir, "a", "b"), Err(Errno::EXIST));
        assert_eq!(read_text(dir, "b").unwrap().0, "2");
        write_new(dir, "large", &vec![b'x'; PERMIT_MAX + 1], mode).unwrap();
        assert!(read_text(dir, "large").is_err());
        std::os::unix::fs::symlink("b", root.path().join("link")).unwrap();
        assert!(read_text(dir, "link").is_err());
        std::fs::hard_link(root.path().join("a"), root.path().join("twin")).unwrap();
        assert!(read_text(dir, "a").is_err());
        rustix::fs::mknodat(dir, "fifo", FileType::Fifo, mode, 0).unwrap();
        assert!(read_text(dir, "fifo").is_err());
    }
}
