//! The archive's file: opened once, read by position, never by its name again.
//!
//! Attack: another file is moved to the name between the check and the use.
//! What a file *holds* can still change under an open descriptor; for that
//! every file that is handed out is hashed in both passes.

use super::reason::Trouble;
use crate::model::digest::{Digest, Hasher};
use crate::model::limits::{Fault, Rule};
use crate::system::fetch::folder::open_below;
use crate::system::fetch::{FetchError, FetchOptions, shown};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A regular file that was opened, and how long it was then.
pub(super) struct Pinned {
    file: File,
    len: u64,
    options: FetchOptions,
    started: Instant,
}

impl Pinned {
    /// Opens a file by its real path, which is returned. Links on the way are
    /// resolved once, the last part is then no link.
    pub(super) fn open(typed: &Path, options: &FetchOptions) -> Result<(Self, PathBuf), FetchError> {
        let real = std::fs::canonicalize(typed).map_err(|error| FetchError::io(typed, error))?;
        let failed = |error| FetchError::io(&real, error);
        let (Some(folder), Some(name)) = (real.parent(), real.file_name()) else {
            return Err(not_a_file(&real));
        };
        let file = open_below(folder, [OsStr::new(name)]).map_err(failed)?;
        // Attack: a FIFO that is never written to; it opens at once and is no file.
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(not_a_file(&real));
        }
        let pinned = Self::of(file, options).map_err(failed)?;
        Ok((pinned, real))
    }

    /// A regular file that is open already.
    pub(super) fn of(file: File, options: &FetchOptions) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self { file, len, options: options.clone(), started: Instant::now() })
    }

    /// Its length when it was opened.
    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    /// Reads exactly this many bytes.
    pub(super) fn read_at(&self, at: u64, out: &mut [u8]) -> Result<(), Trouble> {
        self.check()?;
        self.file.read_exact_at(out, at).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => changed(),
            _ => Trouble::Io(error),
        })
    }

    /// The bytes from `at` to `end`, hashed on the way.
    pub(super) fn section(&self, at: u64, end: u64) -> Section<'_> {
        Section { pinned: self, at, end, hasher: Hasher::new() }
    }

    /// Whether to go on.
    fn check(&self) -> Result<(), Trouble> {
        if self.options.interrupt.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(Trouble::Cancelled);
        }
        if self.started.elapsed() > self.options.total {
            return Err(Trouble::Late(self.options.total.as_secs_f32()));
        }
        Ok(())
    }
}

fn not_a_file(real: &Path) -> FetchError {
    FetchError::NotARepository { what: shown(real), why: "named like an archive, and not a file".to_owned() }
}

/// The archive is not what it was.
pub(super) fn changed() -> Trouble {
    Trouble::Entry(Fault { path: ".".to_owned(), rule: Rule::ChangedWhileRead })
}

/// A part of the file, read from front to back.
pub(super) struct Section<'a> {
    pinned: &'a Pinned,
    at: u64,
    end: u64,
    hasher: Hasher,
}

impl Section<'_> {
    /// The SHA-256 of what was read and `more`; only if all was read.
    pub(super) fn digest(&self, more: &[u8]) -> Result<Digest, Trouble> {
        if self.at != self.end {
            return Err(changed());
        }
        let mut hasher = self.hasher.clone();
        hasher.update(more);
        Ok(hasher.finish())
    }
}

impl Read for Section<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.pinned.check()?;
        let most = usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(out.len());
        let n = self.pinned.file.read_at(&mut out[..most], self.at)?;
        if n == 0 && most > 0 {
            return Err(changed().into());
        }
        self.hasher.update(&out[..n]);
        self.at += n as u64;
        Ok(n)
    }
}
