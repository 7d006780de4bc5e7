//! The refresh of the four top-level roles (5.3 to 5.6.6).

use super::memory::{Held, Opened, parse, text, unsigned};
use super::search::Search;
use super::{Fault, Memory, ROOT_MAX, ROOTS_MAX, SNAPSHOT_MAX, TARGETS_MAX, TIMESTAMP_MAX};
use crate::model::time;
use crate::model::tuf::{
    Head, Keys, MetaFile, Metadata, Role, Root, Snapshot, Targets, Timestamp, Trusted, file_of,
};

/// A file that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its name at the repository, one component.
    pub name: String,
    /// Its name in a cache; none: a cache has nothing to say about it.
    pub cached: Option<String>,
    /// Most bytes that are taken.
    pub max: u64,
}

/// Where a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Root,
    Timestamp,
    Snapshot,
    Targets,
    /// All four are there.
    Current,
    /// A delegated role is wanted.
    Search,
    Failed,
}

/// One refresh, and then any number of searches.
#[derive(Debug)]
pub struct Client {
    pub(super) memory: Memory,
    now: time::Timestamp,
    /// Whether ends count: not where what is at hand is used offline.
    ends: bool,
    pub(super) root: Trusted<Root>,
    timestamp: Option<Trusted<Timestamp>>,
    pub(super) snapshot: Option<Trusted<Snapshot>>,
    pub(super) targets: Option<Trusted<Targets>>,
    pub(super) stage: Stage,
    roots: usize,
    pub(super) kept: Option<(String, Vec<u8>)>,
    pub(super) search: Search,
}

impl Client {
    /// Begins a refresh at a time, which stays the same to its end (5.1).
    ///
    /// # Errors
    /// [`Fault::Damaged`].
    pub fn refresh(memory: Memory, now: time::Timestamp) -> Result<Self, Fault> {
        let Opened { root, timestamp, snapshot } = memory.open()?;
        Ok(Self {
            memory,
            now,
            ends: true,
            root,
            timestamp,
            snapshot,
            targets: None,
            stage: Stage::Root,
            roots: 0,
            kept: None,
            search: Search::default(),
        })
    }

    /// Takes what is at hand, without a refresh: signatures and hashes are
    /// checked, and ends are left to [`Memory::standing`].
    ///
    /// # Errors
    /// [`Fault::Expired`] for an expired root, which counts for nothing at all;
    /// [`Fault::Incomplete`] if the last refresh was not whole.
    pub fn recall(memory: Memory, now: time::Timestamp) -> Result<Self, Fault> {
        let mut client = Self::refresh(memory, now)?;
        client.check_end("root", client.root.get().head)?;
        client.ends = false;
        client.adopt_snapshot();
        if client.stage == Stage::Targets { Ok(client) } else { Err(Fault::Incomplete) }
    }

    /// The file that is wanted next; nothing when it is done.
    #[must_use]
    pub fn wants(&self) -> Option<Request> {
        let consistent = self.root.get().consistent;
        let versioned = |version: u64| consistent.then_some(version);
        match self.stage {
            Stage::Root => {
                let name = file_of("root", self.root.get().head.version.checked_add(1));
                Some(Request { name, cached: None, max: ROOT_MAX })
            }
            Stage::Timestamp => {
                Some(Request { name: file_of("timestamp", None), cached: None, max: TIMESTAMP_MAX })
            }
            Stage::Snapshot => {
                let listed = &self.timestamp.as_ref()?.get().snapshot;
                let max = listed.length.unwrap_or(SNAPSHOT_MAX).min(SNAPSHOT_MAX);
                Some(Request { name: file_of("snapshot", versioned(listed.version)), cached: None, max })
            }
            Stage::Targets => self.wants_targets("targets"),
            Stage::Search => self.wants_targets(&self.search.wanted()?.name),
            Stage::Current | Stage::Failed => None,
        }
    }

    fn wants_targets(&self, role: &str) -> Option<Request> {
        // A snapshot that does not list it is found out by `give`.
        let listed = self.snapshot.as_ref()?.get().of(role);
        let version = listed.filter(|_| self.root.get().consistent).map(|listed| listed.version);
        let max = listed.and_then(|listed| listed.length).unwrap_or(TARGETS_MAX).min(TARGETS_MAX);
        Some(Request { name: file_of(role, version), cached: Some(file_of(role, None)), max })
    }

    /// Offers what a cache has. Whether it was good; if not, nothing happened,
    /// and the file is still wanted.
    ///
    /// # Errors
    /// What a search meets behind a file that was good.
    pub fn offer(&mut self, bytes: &[u8]) -> Result<bool, Fault> {
        if self.wants().is_none_or(|request| bytes.len() as u64 > request.max) {
            return Ok(false);
        }
        match self.stage {
            Stage::Targets => Ok(self.take_targets(bytes).is_ok()),
            Stage::Search => match self.check_delegated(bytes) {
                Ok(next) => match self.take_delegated(&next) {
                    Err(fault) if self.search.is_walk() => self.pass_over(fault).map(|()| true),
                    taken => taken.map(|()| true).inspect_err(|_| self.end_search()),
                },
                Err(_) => Ok(false),
            },
            _ => Ok(false),
        }
    }

    /// Gives what the repository has; nothing if it has no such file.
    ///
    /// # Errors
    /// Why it is not trusted. The refresh ends with that; [`Client::memory`] has
    /// what was verified before. A failed search ends alone.
    pub fn give(&mut self, bytes: Option<&[u8]>) -> Result<(), Fault> {
        let Some(request) = self.wants() else { return Err(Fault::Unasked) };
        let (stage, what) = (self.stage, request.name);
        self.kept = None;
        let taken = match (stage, bytes) {
            (_, Some(bytes)) if bytes.len() as u64 > request.max => {
                Err(Fault::TooLong { what, max: request.max })
            }
            (Stage::Root, Some(bytes)) => self.take_root(bytes),
            (Stage::Root, None) => self.last_root(),
            (_, None) => Err(Fault::Missing { what }),
            (Stage::Timestamp, Some(bytes)) => self.take_timestamp(bytes),
            (Stage::Snapshot, Some(bytes)) => self.take_snapshot(bytes),
            (Stage::Targets, Some(bytes)) => self.take_targets(bytes),
            (Stage::Search, Some(bytes)) => {
                self.check_delegated(bytes).and_then(|next| self.take_delegated(&next))
            }
            (Stage::Current | Stage::Failed, _) => Err(Fault::Unasked),
        };
        match taken {
            // One role that cannot be read keeps nobody from reading the others.
            Err(fault) if stage == Stage::Search && self.search.is_walk() => return self.pass_over(fault),
            Err(_) if stage == Stage::Search => self.end_search(),
            Err(_) => self.stage = Stage::Failed,
            Ok(()) => {}
        }
        taken
    }

    /// Nothing was found; the refresh stays as it is (5.6.7).
    fn end_search(&mut self) {
        self.stage = Stage::Current;
        self.search = Search::default();
    }

    /// What is to be remembered now: everything in it was verified.
    #[must_use]
    pub const fn memory(&self) -> &Memory {
        &self.memory
    }

    /// What the last step made trusted, and its name in a cache. The memory is
    /// kept first.
    #[must_use]
    pub fn kept(&self) -> Option<(&str, &[u8])> {
        self.kept.as_ref().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }

    /// Whether the refresh came to its end.
    #[must_use]
    pub const fn is_current(&self) -> bool {
        matches!(self.stage, Stage::Current | Stage::Search)
    }

    /// A file must end after the time of the refresh.
    pub(super) fn check_end(&self, role: &str, head: Head) -> Result<(), Fault> {
        if self.ends && head.expires <= self.now {
            let role = crate::model::text::escape_short(role, 80);
            return Err(Fault::Expired { role, since: head.expires, now: self.now });
        }
        Ok(())
    }

    /// 5.3.3 to 5.3.9, for one root.
    fn take_root(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let trusted = self.root.get();
        let next = parse::<Root>(bytes, "root")?.verify_next(trusted).map_err(|why| unsigned("root", why))?;
        let (found, version) = (next.get().head.version, trusted.head.version);
        if found <= version {
            return Err(Fault::Rollback { what: "the root".to_owned(), found, trusted: version });
        }
        if found != version + 1 {
            return Err(Fault::Version { role: "root".to_owned(), found, wanted: version + 1 });
        }
        self.forget(&next);
        self.memory.root = text(&next);
        self.memory.root_digest = next.digest();
        self.kept = Some((file_of("root", None), next.bytes().to_vec()));
        self.root = next;
        self.roots += 1;
        if self.roots >= ROOTS_MAX { self.last_root() } else { Ok(()) }
    }

    /// 5.3.11, in the same step that takes the new root: a crash between the two
    /// would leave versions that an attacker had driven up.
    ///
    /// Rotated means that a key of the role is gone. A key that was added, or
    /// another threshold, is no recovery; then only what the new root's keys no
    /// longer sign enough is forgotten.
    fn forget(&mut self, next: &Trusted<Root>) {
        let (old, new) = (self.root.get(), next.get());
        let lost = |of: fn(&Root) -> &Role| !old.contents(of(old)).is_subset(&new.contents(of(new)));
        let rotated = lost(|root| &root.timestamp) || lost(|root| &root.snapshot);
        let keep_timestamp =
            self.timestamp.as_ref().is_some_and(|file| still(file, "timestamp", new, &new.timestamp));
        let keep_snapshot =
            self.snapshot.as_ref().is_some_and(|file| still(file, "snapshot", new, &new.snapshot));
        if rotated || !keep_timestamp {
            (self.timestamp, self.memory.timestamp) = (None, None);
        }
        if rotated || !keep_snapshot {
            (self.snapshot, self.memory.snapshot) = (None, None);
        }
        if lost(|root| &root.targets) {
            self.memory.kill = None;
        }
    }

    /// 5.3.10.
    fn last_root(&mut self) -> Result<(), Fault> {
        self.check_end("root", self.root.get().head)?;
        self.stage = Stage::Timestamp;
        Ok(())
    }

    /// 5.4.
    fn take_timestamp(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let root = self.root.get();
        let next = parse::<Timestamp>(bytes, "timestamp")?
            .verify(&root.keys, &root.timestamp)
            .map_err(|why| unsigned("timestamp", why))?;
        if let Some(old) = self.timestamp.as_ref().map(Trusted::get) {
            let (found, trusted) = (next.get().head.version, old.head.version);
            if found < trusted {
                return Err(Fault::Rollback { what: "the timestamp".to_owned(), found, trusted });
            }
            if found == trusted {
                // The new one is dropped, whatever it says. We go on with the old
                // one: the last refresh may have broken off after it (5.4.3.1).
                self.check_end("timestamp", old.head)?;
                self.adopt_snapshot();
                return Ok(());
            }
            let (found, trusted) = (next.get().snapshot.version, old.snapshot.version);
            if found < trusted {
                let what = "the snapshot named by the timestamp".to_owned();
                return Err(Fault::Rollback { what, found, trusted });
            }
        }
        self.check_end("timestamp", next.get().head)?;
        self.memory.timestamp = Some(text(&next));
        self.kept = Some((file_of("timestamp", None), next.bytes().to_vec()));
        self.timestamp = Some(next);
        self.adopt_snapshot();
        Ok(())
    }

    /// Goes on with the snapshot of the memory, if it is the one that is named.
    fn adopt_snapshot(&mut self) {
        let fits =
            self.timestamp.as_ref().zip(self.snapshot.as_ref()).is_some_and(|(timestamp, snapshot)| {
                let listed = &timestamp.get().snapshot;
                listed.fits(snapshot.bytes())
                    && listed.version == snapshot.get().head.version
                    && self.check_end("snapshot", snapshot.get().head).is_ok()
            });
        self.stage = if fits { Stage::Targets } else { Stage::Snapshot };
    }

    /// 5.5.
    fn take_snapshot(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let Some(timestamp) = &self.timestamp else { return Err(Fault::Unasked) };
        let root = self.root.get();
        let listed = &timestamp.get().snapshot;
        let next: Trusted<Snapshot> = listed_file(bytes, "snapshot", listed, &root.keys, &root.snapshot)?;
        if let Some(old) = self.snapshot.as_ref().map(Trusted::get) {
            no_older(old, next.get())?;
        }
        self.check_end("snapshot", next.get().head)?;
        // Attack: role after role, each listed once, until the memory is full.
        self.memory.held.retain(|role, _| next.get().of(role).is_some());
        self.memory.snapshot = Some(text(&next));
        self.kept = Some((file_of("snapshot", None), next.bytes().to_vec()));
        self.snapshot = Some(next);
        self.stage = Stage::Targets;
        Ok(())
    }

    /// 5.6.1 to 5.6.6.
    fn take_targets(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let root = self.root.get();
        let next = self.targets_file(bytes, "targets", &root.keys, &root.targets)?;
        self.hold("targets", &next);
        self.targets = Some(next);
        self.stage = Stage::Current;
        Ok(())
    }

    /// A targets file, as the snapshot lists it and as these keys sign it.
    pub(super) fn targets_file(
        &self,
        bytes: &[u8],
        name: &str,
        keys: &Keys,
        role: &Role,
    ) -> Result<Trusted<Targets>, Fault> {
        let not_listed = || Fault::NotListed { role: crate::model::text::escape_short(name, 80) };
        let listed =
            self.snapshot.as_ref().and_then(|snapshot| snapshot.get().of(name)).ok_or_else(not_listed)?;
        let next: Trusted<Targets> = listed_file(bytes, name, listed, keys, role)?;
        self.check_end(name, next.get().head)?;
        Ok(next)
    }

    pub(super) fn hold(&mut self, role: &str, file: &Trusted<Targets>) {
        let Head { version, expires } = file.get().head;
        self.memory.held.insert(role.to_owned(), Held { version, digest: file.digest(), expires });
        self.kept = Some((file_of(role, None), file.bytes().to_vec()));
    }
}

/// Whether a file that was trusted is still signed enough under another root.
fn still<T: Metadata>(file: &Trusted<T>, name: &str, root: &Root, role: &Role) -> bool {
    parse::<T>(file.bytes(), name).is_ok_and(|again| again.verify(&root.keys, role).is_ok())
}

/// A file that another one lists: hashes before signatures, then the version
/// (5.5.2 to 5.5.4, 5.6.2 to 5.6.4).
fn listed_file<T: Metadata>(
    bytes: &[u8],
    name: &str,
    listed: &MetaFile,
    keys: &Keys,
    role: &Role,
) -> Result<Trusted<T>, Fault> {
    let shown = crate::model::text::escape_short(name, 80);
    if !listed.fits(bytes) {
        return Err(Fault::Mismatch { what: format!("the {shown} metadata") });
    }
    let next = parse::<T>(bytes, name)?.verify(keys, role).map_err(|why| unsigned(name, why))?;
    let (found, wanted) = (next.get().head().version, listed.version);
    if found == wanted { Ok(next) } else { Err(Fault::Version { role: shown, found, wanted }) }
}

/// 5.5.5: no role is older than it was, and none is gone; nor is the snapshot
/// itself older, where a timestamp that said so was forgotten.
fn no_older(old: &Snapshot, new: &Snapshot) -> Result<(), Fault> {
    let (found, trusted) = (new.head.version, old.head.version);
    if found < trusted {
        return Err(Fault::Rollback { what: "the snapshot".to_owned(), found, trusted });
    }
    for (name, was) in &old.meta {
        let shown = crate::model::text::escape_short(name, 80);
        match new.meta.get(name) {
            None => return Err(Fault::Gone { role: shown }),
            Some(is) if is.version < was.version => {
                return Err(Fault::Rollback {
                    what: format!("`{shown}`"),
                    found: is.version,
                    trusted: was.version,
                });
            }
            Some(_) => {}
        }
    }
    Ok(())
}
