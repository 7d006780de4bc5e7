//! The content-addressed store: `store/<aa>/<digest>/`, folders 0500, files
//! 0400 or 0500.
//!
//! Invariant: whatever stands under the name of a digest was complete, synced
//! and hashed to that digest when it got the name; it is never written to
//! again. Being in the store means nothing: only a digest that somebody
//! trusted counts, and whoever uses an object hashes it anew.
//!
//! Getting there: staged folder (0700, so that it can be moved between
//! folders), moved next to its place under a passing name, its mode fixed, and
//! one rename to the digest. A crash leaves a passing name, which
//! [`sweep_staging`] clears away, and never half an object.

mod removal;
mod staging;

pub(crate) use removal::remove as remove_folder;
pub use removal::sweep_staging;
pub use staging::{Staged, Staging};

use super::home::Home;
use super::tree::{self, Checks, Observed, Strict};
use crate::model::digest::Digest;
use crate::model::limits::{Fault, Limits};
use rustix::fs::{AtFlags, Mode, RenameFlags};
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

/// The store of a home.
#[derive(Debug)]
pub struct Store<'h> {
    home: &'h Home,
    dir: OwnedFd,
}

/// Why something could not be stored or fetched from the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreFault {
    /// The system said no.
    #[error("{at}: {source}")]
    Io {
        /// Where, relative to the home; clean text.
        at: String,
        /// The system's words.
        source: io::Error,
    },
    /// The bytes to store could not be got.
    #[error("reading `{path}` from its source: {source}")]
    Source {
        /// The entry.
        path: String,
        /// The source's words.
        source: io::Error,
    },
    /// It breaks a rule; all that were found.
    #[error("{} rules broken, first {}", .0.len(), .0.first().map(Fault::to_string).unwrap_or_default())]
    Refused(Vec<Fault>),
    /// Other bytes than were named.
    #[error("the bytes have digest {found}, not {wanted}")]
    Differs {
        /// As named.
        wanted: Digest,
        /// As staged.
        found: Digest,
    },
    /// No such object.
    #[error("{0} is not in the store")]
    Missing(Digest),
}

impl StoreFault {
    fn io(at: impl Into<String>) -> impl FnOnce(Errno) -> Self {
        let at = at.into();
        move |error| Self::Io { at, source: error.into() }
    }
}

/// What [`Store::promote`] found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Promoted {
    /// The object is new.
    Stored,
    /// A sound object was already there.
    AlreadyThere,
    /// A damaged object was there; it now lies in `evidence/` under this name.
    Replaced(String),
}

impl<'h> Store<'h> {
    /// Opens the store of a home.
    ///
    /// # Errors
    /// [`StoreFault::Io`].
    pub fn new(home: &'h Home) -> Result<Self, StoreFault> {
        let dir = home.folder("store").map_err(|source| StoreFault::Io { at: "store".to_owned(), source })?;
        Ok(Self { home, dir })
    }

    /// Where an object lies, whether or not it exists. For people and for
    /// answers; we ourselves go by handles.
    #[must_use]
    pub fn path(&self, digest: &Digest) -> PathBuf {
        self.home.path().join(at(digest))
    }

    /// Opens an object's folder. Nothing about its content is known by that.
    ///
    /// # Errors
    /// [`StoreFault::Missing`], [`StoreFault::Io`].
    pub fn open(&self, digest: &Digest) -> Result<OwnedFd, StoreFault> {
        let hex = digest.hex();
        let opened = tree::folder_at(&self.dir, &hex[..2]).and_then(|shelf| tree::folder_at(shelf, &hex));
        opened.map_err(|error| match error {
            Errno::NOENT => StoreFault::Missing(*digest),
            other => StoreFault::io(at(digest))(other),
        })
    }

    /// Hashes an object; it is sound if the answer [`Observed::is`] the digest.
    ///
    /// # Errors
    /// [`StoreFault::Missing`], [`StoreFault::Io`].
    pub fn verify(&self, digest: &Digest) -> Result<Observed, StoreFault> {
        Ok(tree::read(self.open(digest)?.as_fd(), &Self::checks()))
    }

    /// The checks that an object has to pass.
    #[must_use]
    pub fn checks() -> Checks {
        let owner = rustix::process::geteuid().as_raw();
        Checks { limits: Limits::CEILING, strict: Some(Strict::stored(owner)) }
    }

    /// Puts a staged folder under its digest. A sound object that is already
    /// there stays; a damaged one is moved to `evidence/` first.
    ///
    /// # Errors
    /// [`StoreFault::Differs`] if the staged bytes are not those of `digest`;
    /// [`StoreFault::Io`]. The staged folder is removed then.
    pub fn promote(&self, staged: Staged, digest: &Digest) -> Result<Promoted, StoreFault> {
        let found = staged.manifest().digest();
        if found != *digest {
            return Err(StoreFault::Differs { wanted: *digest, found });
        }
        let shelf = self.shelf(digest)?;
        let mut evidence = None;
        let mut staging = staged.into_staging();
        staging.move_to(shelf, &at(digest))?;
        // Twice: another process may put the same object there in between.
        for _ in 0..2 {
            match self.verify(digest) {
                Ok(there) if there.is(digest) => return Ok(Promoted::AlreadyThere),
                Err(StoreFault::Missing(_)) => {}
                Ok(_) | Err(_) => evidence = Some(self.set_aside(digest)?),
            }
            if staging.settle_as(&digest.hex(), &at(digest))? {
                return Ok(evidence.map_or(Promoted::Stored, Promoted::Replaced));
            }
        }
        Err(StoreFault::io(at(digest))(Errno::EXIST))
    }

    /// Moves an object to `evidence/`, as it is, and returns its name there.
    ///
    /// # Errors
    /// [`StoreFault::Missing`], [`StoreFault::Io`].
    pub fn set_aside(&self, digest: &Digest) -> Result<String, StoreFault> {
        let hex = digest.hex();
        let fault = || StoreFault::io(at(digest));
        let shelf = self.shelf(digest)?;
        let evidence = self
            .home
            .folder("evidence")
            .map_err(|source| StoreFault::Io { at: "evidence".to_owned(), source })?;
        let name = format!("store-{hex}-{}", fresh_name());
        // A folder can be moved to another only while we may write to it.
        let opened = removal::make_writable(shelf.as_fd(), hex.as_ref()).map_err(|error| match error {
            Errno::NOENT => StoreFault::Missing(*digest),
            other => fault()(other),
        })?;
        rename_new(&shelf, &hex, &evidence, &name).map_err(fault())?;
        if let Some((dir, mode)) = opened {
            rustix::fs::fchmod(&dir, mode).map_err(fault())?;
        }
        rustix::fs::fsync(&evidence).map_err(StoreFault::io("evidence"))?;
        rustix::fs::fsync(&shelf).map_err(fault())?;
        Ok(name)
    }

    /// Removes an object; false if there was none.
    ///
    /// # Errors
    /// [`StoreFault::Io`].
    pub fn remove(&self, digest: &Digest) -> Result<bool, StoreFault> {
        let hex = digest.hex();
        let shelf = self.shelf(digest)?;
        // First out of its name, so that a crash leaves no half object under it.
        let passing = fresh_name();
        match rename_new(&shelf, &hex, &shelf, &passing) {
            Err(Errno::NOENT) => return Ok(false),
            done => done.map_err(StoreFault::io(at(digest)))?,
        }
        rustix::fs::fsync(&shelf).map_err(StoreFault::io(at(digest)))?;
        removal::remove(shelf.as_fd(), passing.as_ref()).map_err(StoreFault::io(at(digest)))?;
        Ok(true)
    }

    /// All digests under which something stands, sorted.
    ///
    /// # Errors
    /// [`StoreFault::Io`].
    pub fn list(&self) -> Result<Vec<Digest>, StoreFault> {
        let mut all = Vec::new();
        for shelf in removal::names(self.dir.as_fd()).map_err(StoreFault::io("store"))? {
            let Ok(dir) = tree::folder_at(&self.dir, &shelf) else { continue };
            let Some(prefix) = shelf.to_str().filter(|name| name.len() == 2) else { continue };
            let names = removal::names(dir.as_fd()).map_err(StoreFault::io(format!("store/{prefix}")))?;
            let hex = names.iter().filter_map(|name| name.to_str());
            all.extend(
                hex.filter(|hex| hex.starts_with(prefix)).filter_map(|hex| Digest::from_hex(hex).ok()),
            );
        }
        all.sort();
        Ok(all)
    }

    /// The folder that holds the objects of the same first two digits.
    fn shelf(&self, digest: &Digest) -> Result<OwnedFd, StoreFault> {
        let shelf = &digest.hex()[..2];
        let fault = || StoreFault::io(format!("store/{shelf}"));
        match rustix::fs::mkdirat(&self.dir, shelf, Mode::RWXU) {
            Ok(()) => rustix::fs::fsync(&self.dir).map_err(fault())?,
            Err(Errno::EXIST) => {}
            Err(error) => return Err(fault()(error)),
        }
        tree::folder_at(&self.dir, shelf).map_err(fault())
    }
}

fn at(digest: &Digest) -> String {
    let hex = digest.hex();
    format!("store/{}/{hex}", &hex[..2])
}

/// A name that nothing has. Not a secret: the folders that hold it are ours
/// alone; and never 64 digits, so never an object's.
fn fresh_name() -> String {
    use std::hash::{BuildHasher as _, Hasher as _};
    let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
    format!("{:x}.{random:016x}", std::process::id())
}

/// Renames without replacing anything.
fn rename_new(from: impl AsFd, old: &str, to: impl AsFd, new: &str) -> rustix::io::Result<()> {
    match rustix::fs::renameat_with(&from, old, &to, new, RenameFlags::NOREPLACE) {
        // Not every file system knows the flag. A plain rename of a folder
        // replaces at most an empty folder, which is no object.
        Err(Errno::NOSYS | Errno::INVAL | Errno::NOTSUP) => {
            match rustix::fs::statat(&to, new, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => rustix::fs::renameat(from, old, to, new),
                Ok(_) => Err(Errno::EXIST),
                Err(error) => Err(error),
            }
        }
        done => done,
    }
}

#[cfg(test)]
mod tests;
