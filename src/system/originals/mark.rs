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

/// Writes down many moves, in as many marks as they need: those that could be
/// made, and whether they are all.
///
/// Attack by bad luck: a mark that is longer than any that is read names
/// nothing, and a thousand originals are somewhere that nobody was told.
#[must_use]
pub fn announce_all(home: &Home, moves: &Moves) -> (Vec<Mark>, bool) {
    let mut rest = moves.as_slice();
    let (mut marks, mut whole) = (Vec::new(), true);
    while !rest.is_empty() {
        let mut size = 0;
        let fits = |one: &&(String, PathBuf)| {
            size += line(one).len();
            size <= leaf::PERMIT_MAX
        };
        let (now, later) = rest.split_at(rest.iter().take_while(fits).count().max(1));
        let mark = announce(home, now).ok();
        whole &= mark.is_some();
        marks.extend(mark);
        rest = later;
    }
    (marks, whole)
}

fn line((id, path): &(String, PathBuf)) -> String {
    format!("{id} {}\n", hex(path))
}

/// Writes down what is about to move. A mark that could not be flushed is left
/// all the same: a kill moves on, and any other crash than a power cut keeps it.
///
/// # Errors
/// The system's; then there is no mark.
pub fn announce(home: &Home, moves: &[(String, PathBuf)]) -> io::Result<Mark> {
    use std::io::Write as _;
    let name = format!("{MARK}{}", leaf::fresh_id());
    let text: String = moves.iter().map(line).collect();
    if text.len() > leaf::PERMIT_MAX {
        return Err(io::Error::other("too much to be written down at once"));
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(home.dir(), name.as_str(), flags, Mode::RUSR | Mode::WUSR)?;
    let locked = rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive);
    // Attack by bad luck: recovery found it in between, empty, and took it away.
    if locked.is_err() || rustix::fs::fstat(&file)?.st_nlink == 0 {
        return Err(io::Error::other("it was taken for one that a process left"));
    }
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
        // One that cannot be read may name something, and stays.
        let Ok((text, _)) = leaf::read_text(home.dir(), &name) else { continue };
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
