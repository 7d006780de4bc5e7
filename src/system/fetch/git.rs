//! The object database, and the only door to libgit2.
//!
//! libgit2 is used for two things: turning a pack into an indexed pack, and
//! reading objects by id. It never opens a *repository*: no configuration of
//! the system, the account or the repository is looked for, so `insteadOf`,
//! proxies, hooks, filters, fsmonitor, attributes, alternates of ours,
//! submodules and large-file pointers have nowhere to act. Its transports are
//! not used either: the protocol is in `wire`.
//!
//! Invariant: an object is used only if its bytes hash to its id (checked by
//! libgit2 on every read, with the SHA-1 that detects known collisions) and
//! only after its header showed a size within the cap.
//!
//! What remains: a pack can name a delta base that inflates far beyond what
//! arrived. Time is cut by the clocks in `watch`; memory only by the system.

use super::watch::Budget;
use super::{FetchError, Progress};
use crate::model::text;
use git2::{Indexer, ObjectType, Odb, OdbObject};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

/// The name of an object.
pub(super) type Id = git2::Oid;

/// The kinds of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A commit.
    Commit,
    /// A folder.
    Tree,
    /// A file.
    Blob,
    /// An annotated tag.
    Tag,
}

/// Reads 40 hex digits.
pub(super) fn id(hex: &str) -> Option<Id> {
    let digits = hex.len() == 40 && hex.bytes().all(|c| c.is_ascii_hexdigit());
    if digits { Id::from_str(hex).ok() } else { None }
}

/// Reads 20 raw bytes.
pub(super) fn id_of_bytes(raw: &[u8]) -> Option<Id> {
    Id::from_bytes(raw).ok()
}

/// The id a file of these bytes has, computed without filters.
pub(super) fn blob_id(bytes: &[u8]) -> Option<Id> {
    Id::hash_object(ObjectType::Blob, bytes).ok()
}

/// An object that was read; its bytes are `data()`.
pub(super) type Object<'a> = OdbObject<'a>;

/// Objects of one repository, read-only.
pub(super) struct Objects {
    odb: Odb<'static>,
    what: String,
}

impl Objects {
    /// Reads objects in `folder`, which has loose objects and packs as in
    /// `.git/objects`. `what` names the source in messages.
    pub(super) fn over(folder: &Path, what: &str) -> Result<Self, FetchError> {
        git2::opts::strict_hash_verification(true);
        git2::opts::strict_object_creation(true);
        let broken =
            |why: &str| FetchError::Broken { what: what.to_owned(), why: text::escape_short(why, 300) };
        let path = folder.to_str().ok_or_else(|| broken("a path that is not UTF-8"))?;
        let odb = Odb::new().map_err(|error| broken(error.message()))?;
        odb.add_disk_alternate(path).map_err(|error| broken(error.message()))?;
        Ok(Self { odb, what: what.to_owned() })
    }

    /// Whether the object is there.
    pub(super) fn has(&self, id: Id) -> bool {
        self.odb.exists(id)
    }

    /// Kind and size in bytes, from the object's header alone.
    pub(super) fn header(&self, id: Id) -> Result<(Kind, u64), FetchError> {
        let (size, kind) = self.odb.read_header(id).map_err(|error| self.broken(id, error.message()))?;
        let kind = match kind {
            ObjectType::Commit => Kind::Commit,
            ObjectType::Tree => Kind::Tree,
            ObjectType::Blob => Kind::Blob,
            ObjectType::Tag => Kind::Tag,
            ObjectType::Any => return Err(self.broken(id, "an object of no kind")),
        };
        Ok((kind, size as u64))
    }

    /// The object, if it is of this kind and has at most `max` bytes.
    pub(super) fn read(&self, id: Id, kind: Kind, max: u64) -> Result<Object<'_>, FetchError> {
        let (found, size) = self.header(id)?;
        if found != kind {
            return Err(self.broken(id, &format!("a {found:?} where a {kind:?} should be")));
        }
        if size > max {
            let what = format!("{} (object {id})", self.what);
            return Err(FetchError::TooLarge { what, limit: format!("{max} bytes in one object") });
        }
        let object = self.odb.read(id).map_err(|error| self.broken(id, error.message()))?;
        // Attack: a loose object whose header and content tell different
        // sizes or kinds.
        if object.data().len() as u64 != size {
            return Err(self.broken(id, "its header names another size"));
        }
        Ok(object)
    }

    /// An error about an object.
    pub(super) fn broken(&self, id: Id, why: &str) -> FetchError {
        let why = format!("object {id}: {}", text::escape_short(why, 300));
        FetchError::Broken { what: self.what.clone(), why }
    }

    /// How the source is named in messages.
    pub(super) fn what(&self) -> &str {
        &self.what
    }
}

/// Takes in a pack and indexes it in `folder`, which becomes an object folder.
pub(super) fn receive(
    pack: &mut dyn Read,
    folder: &Path,
    what: &str,
    budget: &Arc<Budget>,
) -> Result<Objects, FetchError> {
    let packs = folder.join("pack");
    std::fs::create_dir_all(&packs).map_err(|error| FetchError::io(&packs, error))?;
    let broken = |why: &str| FetchError::Broken { what: what.to_owned(), why: text::escape_short(why, 300) };

    let mut head = [0; 12];
    pack.read_exact(&mut head).map_err(|error| FetchError::from_read(what, error))?;
    let count = match head {
        [b'P', b'A', b'C', b'K', 0, 0, 0, 2 | 3, rest @ ..] => u32::from_be_bytes(rest),
        _ => return Err(broken("what arrived is no pack")),
    };
    // Attack: a header that announces four billion objects makes the index's
    // tables that large before the first object is there.
    if count > budget.max_objects() {
        return Err(FetchError::TooLarge {
            what: what.to_owned(),
            limit: format!("{} objects", budget.max_objects()),
        });
    }

    // No connectivity check: a shallow pack lacks the parents of its commit.
    // A missing object is found when it is read.
    let mut indexer = Indexer::new(None, &packs, 0o600, false).map_err(|error| broken(error.message()))?;
    let clock = Arc::clone(budget);
    // Also called between deltas, where a small pack may cost much time.
    indexer.progress(move |stats| {
        clock.tell(Progress {
            bytes: clock.received(),
            objects: stats.indexed_objects() as u64,
            of: stats.total_objects() as u64,
        });
        clock.check().is_ok()
    });
    let failed = |why: &str| budget.check().err().unwrap_or_else(|| broken(why));
    indexer.write_all(&head).map_err(|error| failed(&error.to_string()))?;
    let mut buffer = vec![0; 64 << 10];
    loop {
        match pack.read(&mut buffer).map_err(|error| FetchError::from_read(what, error))? {
            0 => break,
            n => indexer.write_all(&buffer[..n]).map_err(|error| failed(&error.to_string()))?,
        }
    }
    indexer.commit().map_err(|error| failed(error.message()))?;
    Objects::over(folder, what)
}
