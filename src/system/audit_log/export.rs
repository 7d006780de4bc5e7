//! A copy of the log outside the home, checked by reading it back.

use super::{Chain, FILE, LogFault};
use crate::model::record::LINE_MAX;
use crate::system::home::Home;
use crate::system::ledger::Head;
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::fd::AsFd as _;
use std::path::Path;

/// A file for an export: new, empty, ours alone.
///
/// # Errors
/// The system's; also if something of that name is there.
pub fn begin(to: &Path) -> std::io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(to, flags, Mode::RUSR | Mode::WUSR)?))
}

/// Fills the file with the log, makes it last, and reads all of it back: it
/// must chain from its first line to the very head that the ledger has.
///
/// # Errors
/// [`LogFault`]: then the file is no export, and nothing may be removed.
pub fn fill(home: &Home, file: &mut File, to: &Path, head: &Head) -> Result<(), LogFault> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let log = rustix::fs::openat(home.dir(), FILE, flags, Mode::empty())
        .map_err(|error| LogFault::Read(error.into()))?;
    std::io::copy(&mut File::from(log), file).map_err(LogFault::Write)?;
    file.sync_all().map_err(LogFault::Write)?;
    let parent = to.parent().unwrap_or(Path::new("/"));
    File::open(parent).and_then(|parent| parent.sync_all()).map_err(LogFault::Write)?;
    check(to, head)
}

/// Removes a file that did not become an export.
///
/// # Errors
/// The system's.
pub fn discard(to: &Path) -> std::io::Result<()> {
    std::fs::remove_file(to)
}

fn check(path: &Path, head: &Head) -> Result<(), LogFault> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| LogFault::Read(error.into()))?;
    let length = rustix::fs::fstat(file.as_fd()).map_err(|error| LogFault::Read(error.into()))?.st_size;
    let mut reader = BufReader::new(File::from(file));
    let mut chain = Chain::default();
    loop {
        let mut line = Vec::new();
        let limit = LINE_MAX as u64 + 1;
        reader.by_ref().take(limit).read_until(b'\n', &mut line).map_err(LogFault::Read)?;
        match line.pop() {
            None => break,
            Some(b'\n') => chain.step(&line)?,
            Some(_) => return Err(differs(head, "it ends inside a line")),
        }
    }
    if u64::try_from(length).ok() != Some(head.bytes) || chain.size() != head.size {
        return Err(differs(head, "it is not as long as the log"));
    }
    if chain.root() == head.frontier.root() {
        Ok(())
    } else {
        Err(differs(head, "its Merkle root is not the ledger's"))
    }
}

fn differs(head: &Head, why: &str) -> LogFault {
    LogFault::Broken { seq: head.size, why: format!("the exported file is not the log: {why}") }
}
