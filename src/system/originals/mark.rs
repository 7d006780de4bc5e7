//! Marks in the home: which originals are about to move, so that a move that
//! is cut short is named by the next command.
//!
//! One line each: the id, and the path in hexadecimal, since a path may hold
//! anything. The mark is locked while its process lives.

use crate::system::home::Home;
use crate::system::placement::leaf;
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

/// How the name of a mark in the home begins.
pub const MARK: &str = "aside.";

/// The mark of moves under way; its lock tells that its process lives.
#[derive(Debug)]
pub struct Mark {
    name: String,
    /// Whether a power cut leaves it.
    pub flushed: bool,
    _lock: OwnedFd,
}

/// Moves that a mark names: the id of each, and where the original lay.
pub type Moves = Vec<(String, PathBuf)>;

/// Writes down what is about to move. A mark that could not be flushed is left
/// all the same: a kill moves on, and any other crash than a power cut keeps it.
///
/// # Errors
/// The system's; then there is no mark.
pub fn announce(home: &Home, moves: &Moves) -> io::Result<Mark> {
    use std::io::Write as _;
    let name = format!("{MARK}{}", leaf::fresh_id());
    let text: String = moves.iter().map(|(id, path)| format!("{id} {}\n", hex(path))).collect();
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(home.dir(), name.as_str(), flags, Mode::RUSR | Mode::WUSR)?;
    rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    let mut file = std::fs::File::from(file);
    if let Err(error) = file.write_all(text.as_bytes()) {
        let _ = rustix::fs::unlinkat(home.dir(), name.as_str(), AtFlags::empty());
        return Err(error);
    }
    let flushed = file.sync_all().is_ok() && rustix::fs::fsync(home.dir()).is_ok();
    Ok(Mark { name, flushed, _lock: file.into() })
}

fn lock(home: &Home, name: &str) -> Result<Option<OwnedFd>, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::openat(home.dir(), name, flags, Mode::empty())?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error),
    }
}

fn hex(path: &Path) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    for byte in path.as_os_str().as_bytes() {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

fn unhex(text: &str) -> Option<PathBuf> {
    let pairs = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = pairs.map(byte).collect();
    bytes.filter(|bytes| bytes.first() == Some(&b'/')).map(|bytes| OsString::from_vec(bytes).into())
}

impl Mark {
    /// Removes it: everything is recorded.
    ///
    /// # Errors
    /// The system's; then recovery records it once more.
    pub fn done(self, home: &Home) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(home.dir(), self.name.as_str(), AtFlags::empty())?)
    }
}

/// A mark whose process is gone.
#[derive(Debug)]
pub struct Left {
    mark: Mark,
    /// What it names.
    pub moves: Moves,
}

impl Left {
    /// Removes it: everything is recorded.
    ///
    /// # Errors
    /// The system's.
    pub fn done(self, home: &Home) -> io::Result<()> {
        self.mark.done(home)
    }
}

/// The marks that ended processes left.
///
/// # Errors
/// The system's.
pub fn left(home: &Home) -> io::Result<Vec<Left>> {
    let mut out = Vec::new();
    for name in leaf::names(home.dir())?.into_iter().filter(|name| name.starts_with(MARK)) {
        let lock = match lock(home, &name) {
            Err(Errno::NOENT) | Ok(None) => continue,
            lock => lock?,
        };
        // One that cannot be read names nothing, and goes.
        let text = leaf::read_text(home.dir(), &name).map(|(text, _)| text).unwrap_or_default();
        let one = |line: &str| {
            let (id, path) = line.split_once(' ')?;
            Some((crate::model::permit::is_id(id).then(|| id.to_owned())?, unhex(path)?))
        };
        if let Some(lock) = lock {
            out.push(Left {
                mark: Mark { name, flushed: true, _lock: lock },
                moves: text.lines().filter_map(one).collect(),
            });
        }
    }
    Ok(out)
}
