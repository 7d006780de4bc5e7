//! Reading a folder: the one place where a skill's bytes are looked at.
//!
//! One handle of the folder; every open is relative to it and follows nothing;
//! each byte is read once into one buffer and hashed there. What is returned
//! was read during the call: there is no cache and no map of a file, since a
//! change of the same size and times through a shared mapping goes unseen by
//! both. Everything wrong is collected, not just the first thing, within
//! bounds. What a fault means is decided elsewhere.
//!
//! Invariant: a file stands in the manifest only with the hash of bytes that
//! this call read to their end. Attack: swapping in a link, FIFO or device,
//! growing a file while it is read, a second name to write through.

mod names;
mod open;
mod walk;

pub(crate) use open::{folder_at, kind};
pub use open::{leads_nowhere, open_folder};

use crate::model::digest::{Digest, Hasher};
use crate::model::limits::{Fault, Limits, Rule};
use crate::model::manifest::{Entry, Manifest};
use crate::model::path::EntryPath;
use crate::model::text;
use names::Names;
use std::io;
use std::ops::ControlFlow::Continue;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use walk::{Walk, drain, not_a_file, rule_of, size_of};

/// Bytes read at a time.
const BUFFER: usize = 128 << 10;

/// Most skills have no more files, so their list need not grow.
const USUAL: usize = 24;

/// Faults kept before the rest is left unread.
pub const FAULTS_MAX: usize = 1_000;

/// What is demanded of a folder.
#[derive(Debug, Clone, Copy)]
pub struct Checks {
    /// Upper bounds, enforced while walking.
    pub limits: Limits,
    /// Exactly what we wrote, for copies of ours; none for a source folder,
    /// where only set-id and sticky bits are refused.
    pub strict: Option<Strict>,
}

/// Modes and owner of a copy of ours. Any other bit is a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strict {
    /// Mode of a file.
    pub file: u32,
    /// Mode of an executable file.
    pub program: u32,
    /// Mode of a folder.
    pub folder: u32,
    /// Mode of the top folder.
    pub root: u32,
    /// The account it belongs to.
    pub owner: u32,
}

impl Strict {
    /// A copy in an agent's folder.
    #[must_use]
    pub const fn placement(owner: u32) -> Self {
        Self { file: 0o444, program: 0o555, folder: 0o555, root: 0o555, owner }
    }

    /// An object in our store.
    #[must_use]
    pub const fn stored(owner: u32) -> Self {
        Self { file: 0o400, program: 0o500, folder: 0o500, root: 0o500, owner }
    }

    /// The same with another mode of the top folder, for a copy that is still
    /// being moved to its place.
    #[must_use]
    pub const fn with_root(mut self, mode: u32) -> Self {
        self.root = mode;
        self
    }
}

/// What a folder holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observed {
    /// The files that could be read, hashed.
    pub manifest: Manifest,
    /// Everything that breaks a rule.
    pub faults: Vec<Fault>,
}

impl Observed {
    /// Whether it holds exactly the bytes of a digest and nothing is wrong.
    #[must_use]
    pub fn is(&self, digest: &Digest) -> bool {
        self.faults.is_empty() && self.manifest.digest() == *digest
    }

    /// The first fault that tells of trouble reading. With one, nothing is
    /// known about the folder and no state may change because of it.
    #[must_use]
    pub fn trouble(&self) -> Option<&Fault> {
        self.faults.iter().find(|fault| fault.rule.is_trouble())
    }
}

/// One step of a file handed to a sink.
#[derive(Debug, Clone, Copy)]
pub enum Piece<'a> {
    /// It begins; its size in bytes.
    Start(u64),
    /// The next bytes, the very ones that are hashed.
    Bytes(&'a [u8]),
    /// It ended with the announced size.
    End,
}

/// Takes the bytes of a folder: path, whether executable, piece.
pub type Sink<'a> = dyn FnMut(&EntryPath, bool, Piece<'_>) -> io::Result<()> + 'a;

/// Reads folders; keeps its buffers for the next one.
#[derive(Debug)]
pub struct Reader {
    bytes: Vec<u8>,
    names: Names,
}

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

impl Reader {
    /// A reader with its buffers.
    #[must_use]
    pub fn new() -> Self {
        Self { bytes: vec![0; BUFFER], names: Names::new() }
    }

    /// Reads and hashes all of a folder.
    pub fn read(&mut self, root: BorrowedFd<'_>, checks: &Checks) -> Observed {
        self.walk(root, None, checks, None).0
    }

    /// As [`Reader::read`], with a handle that was opened for this and never
    /// read from; so no second one is needed.
    pub fn read_own(&mut self, root: &OwnedFd, checks: &Checks) -> Observed {
        self.walk(root.as_fd(), Some(root), checks, None).0
    }

    /// As [`Reader::read`], handing the hashed bytes to a sink. A file with a
    /// fault may have been handed over in part: with any fault, throw the copy
    /// away.
    ///
    /// # Errors
    /// The sink's error; reading ends there.
    pub fn copy(
        &mut self,
        root: BorrowedFd<'_>,
        checks: &Checks,
        sink: &mut Sink<'_>,
    ) -> io::Result<Observed> {
        match self.walk(root, None, checks, Some(sink)) {
            (_, Some(error)) => Err(error),
            (observed, None) => Ok(observed),
        }
    }

    fn walk(
        &mut self,
        root: BorrowedFd<'_>,
        fresh: Option<&OwnedFd>,
        checks: &Checks,
        sink: Option<&mut Sink<'_>>,
    ) -> (Observed, Option<io::Error>) {
        self.names.forget(0);
        let mut walk = Walk {
            checks,
            bytes: &mut self.bytes,
            names: &mut self.names,
            sink,
            broken: None,
            entries: Vec::with_capacity(USUAL),
            faults: Vec::new(),
            total: 0,
            depth: 0,
            device: None,
        };
        let _ = walk.root(root, fresh);
        let Walk { entries, mut faults, broken, .. } = walk;
        // A listing that names one entry twice changed under us, or lies.
        let manifest = Manifest::new(entries).unwrap_or_else(|twice| {
            faults.push(Fault { path: text::escape(&twice.0), rule: Rule::ChangedWhileRead });
            Manifest::default()
        });
        (Observed { manifest, faults }, broken)
    }
}

/// Reads and hashes all of one folder. For several, keep a [`Reader`].
#[must_use]
pub fn read(root: BorrowedFd<'_>, checks: &Checks) -> Observed {
    Reader::new().read(root, checks)
}

/// Reads and hashes all of one folder and hands the hashed bytes to a sink.
///
/// # Errors
/// See [`Reader::copy`].
pub fn copy(root: BorrowedFd<'_>, checks: &Checks, sink: &mut Sink<'_>) -> io::Result<Observed> {
    Reader::new().copy(root, checks, sink)
}

/// Reads one file that the manifest of a folder names, and returns its bytes
/// only if they are those of the manifest.
///
/// # Errors
/// The fault: over `cap` bytes, a link or special file on the way, other bytes
/// ([`Rule::ChangedWhileRead`]), or unreadable.
pub fn read_entry(root: BorrowedFd<'_>, entry: &Entry, cap: u64) -> Result<Vec<u8>, Fault> {
    let bytes = read_file(root, &entry.path, cap)?;
    let mut hasher = Hasher::git_object("blob", bytes.len() as u64);
    hasher.update(&bytes);
    if hasher.finish() == entry.sha256 {
        Ok(bytes)
    } else {
        Err(Fault { path: entry.path.to_string(), rule: Rule::ChangedWhileRead })
    }
}

/// Reads one file below a folder, following nothing on the way.
///
/// # Errors
/// The fault: over `cap` bytes, a link or special file on the way, its size
/// changed, or unreadable.
pub fn read_file(root: BorrowedFd<'_>, path: &EntryPath, cap: u64) -> Result<Vec<u8>, Fault> {
    let fault = |rule| Fault { path: path.to_string(), rule };
    let mut dir: Option<OwnedFd> = None;
    let mut components = path.components().peekable();
    while let Some(name) = components.next() {
        let here = dir.as_ref().map_or(root, |dir| dir.as_fd());
        if components.peek().is_some() {
            dir = Some(folder_at(here, name).map_err(|error| fault(rule_of(error)))?);
            continue;
        }
        let file = open::file_at(here, name).map_err(|error| fault(rule_of(error)))?;
        let stat = rustix::fs::fstat(&file).map_err(|error| fault(rule_of(error)))?;
        if let Some(rule) = not_a_file(kind(&stat)) {
            return Err(fault(rule));
        }
        let size = size_of(&stat);
        if size > cap {
            return Err(fault(Rule::FileTooLarge(size, cap)));
        }
        let mut out = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        let mut buffer = vec![0; BUFFER];
        let keep = &mut |bytes: &[u8]| {
            out.extend_from_slice(bytes);
            Continue(())
        };
        return match drain(&file, size, &mut buffer, keep) {
            Ok(_) => Ok(out),
            Err(rule) => Err(fault(rule)),
        };
    }
    Err(fault(Rule::Unreadable("an empty path".to_owned())))
}

#[cfg(test)]
mod tests;
