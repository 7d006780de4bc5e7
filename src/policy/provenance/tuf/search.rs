//! Looking for a target through delegations (5.6.7), and checking it (5.7).
//!
//! Depth first, in the order in which roles are listed: who stands first is
//! believed first. Each role is asked only for paths that every role on the way
//! to it may speak for.
//!
//! Attack: a role that is reached on two ways was signed for one of them. So
//! its file is verified with the keys of the role that led to it, each time.

use super::client::{Client, Stage};
use super::{FILE_MAX, Fault, ROLES_MAX, WALK_MAX};
use crate::model::text;
use crate::model::time::Timestamp;
use crate::model::tuf::{Delegation, Delegations, TargetFile, Targets, Trusted, is_plain};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A role that is to be asked, and the first end on the way to it.
#[derive(Debug, Clone)]
struct Asked {
    all: Arc<Delegations>,
    at: usize,
    until: Timestamp,
}

impl Asked {
    fn delegation(&self) -> Option<&Delegation> {
        self.all.roles.get(self.at)
    }
}

/// A search under way.
#[derive(Debug, Default)]
pub(super) struct Search {
    path: String,
    /// Roles to be asked, the next one last.
    open: Vec<Asked>,
    /// The role whose file is wanted.
    wanted: Option<Asked>,
    visited: BTreeSet<String>,
    found: Option<Found>,
    /// What a walk through all roles came by; none while a path is looked for.
    seen: Option<BTreeSet<String>>,
    /// Roles that the walk could not read, and why.
    faults: Vec<Fault>,
}

impl Search {
    pub(super) const fn is_walk(&self) -> bool {
        self.seen.is_some()
    }

    pub(super) fn wanted(&self) -> Option<&Delegation> {
        self.wanted.as_ref().and_then(Asked::delegation)
    }

    /// Puts the roles that a role asks for this path before all others.
    fn descend(&mut self, targets: &Targets, until: Timestamp) {
        let all = Arc::new(targets.delegations.clone());
        let mut asked = Vec::new();
        for (at, role) in
            all.roles.iter().enumerate().filter(|(_, role)| self.is_walk() || role.paths.cover(&self.path))
        {
            asked.push(Asked { all: Arc::clone(&all), at, until });
            if role.terminating && !self.is_walk() {
                // Nobody after it, here or above, is asked (5.6.7.2.1).
                self.open.clear();
                break;
            }
        }
        self.open.extend(asked.into_iter().rev());
    }
}

/// A target that was found, and who vouches for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The role that lists it.
    pub role: String,
    /// Its path.
    pub path: String,
    /// Length, hashes and what was added.
    pub file: TargetFile,
    /// Where it lies below the folder of targets.
    pub place: String,
    /// Most bytes that are taken.
    pub max: u64,
    /// The first end of all roles on the way to it: from then on it is stale.
    pub until: Timestamp,
}

impl Found {
    /// Whether these bytes are it (5.7.3).
    ///
    /// # Errors
    /// [`Fault::TooLong`], [`Fault::Mismatch`].
    pub fn check(&self, bytes: &[u8]) -> Result<(), Fault> {
        let what = format!("`{}`", text::escape_short(&self.path, 120));
        if bytes.len() as u64 > self.max {
            return Err(Fault::TooLong { what, max: self.max });
        }
        if self.file.fits(bytes) { Ok(()) } else { Err(Fault::Mismatch { what }) }
    }
}

impl Client {
    /// Begins to look for a target; go on with [`Client::wants`] until it wants
    /// nothing, then see [`Client::found`].
    ///
    /// # Errors
    /// [`Fault::Unasked`] before the refresh is done, [`Fault::Path`] for a path
    /// that is never looked for, and as [`Client::give`].
    pub fn seek(&mut self, path: &str) -> Result<(), Fault> {
        if !self.is_current() {
            return Err(Fault::Unasked);
        }
        self.stage = Stage::Current;
        self.search = Search { path: path.to_owned(), ..Search::default() };
        if !is_plain(path) {
            return Err(Fault::Path { path: text::escape_short(path, 120) });
        }
        let Some(targets) = self.targets.take() else { return Err(Fault::Unasked) };
        let looked = self.look("targets", targets.get(), targets.get().head.expires);
        self.targets = Some(targets);
        looked
    }

    /// Begins a walk through every role that can be reached, to learn which paths
    /// there are; go on as after [`Client::seek`], then see [`Client::listed`].
    /// What a path is, and who may speak for it, is still for a search of it.
    ///
    /// # Errors
    /// [`Fault::Unasked`] before the refresh is done.
    pub fn walk(&mut self) -> Result<(), Fault> {
        if !self.is_current() {
            return Err(Fault::Unasked);
        }
        self.stage = Stage::Current;
        self.search = Search { seen: Some(BTreeSet::new()), ..Search::default() };
        let Some(targets) = self.targets.take() else { return Err(Fault::Unasked) };
        let looked = self.look("targets", targets.get(), targets.get().head.expires);
        self.targets = Some(targets);
        looked.or_else(|fault| self.pass_over(fault))
    }

    /// The paths that a walk came by, and why roles were passed over.
    #[must_use]
    pub fn listed(&self) -> (Vec<String>, Vec<Fault>) {
        let seen = self.search.seen.iter().flatten().cloned().collect();
        (seen, self.search.faults.clone())
    }

    /// Goes on with the walk after a role that cannot be read.
    pub(super) fn pass_over(&mut self, fault: Fault) -> Result<(), Fault> {
        self.search.faults.push(fault);
        self.search.wanted = None;
        loop {
            match self.next_role() {
                // Its number is used up: a walk ends there.
                Err(Fault::TooManyRoles { path, max }) => {
                    self.search.open.clear();
                    self.search.faults.push(Fault::TooManyRoles { path, max });
                }
                Err(fault) => self.search.faults.push(fault),
                Ok(()) => return Ok(()),
            }
        }
    }

    /// What the last search found.
    #[must_use]
    pub const fn found(&self) -> Option<&Found> {
        self.search.found.as_ref()
    }

    /// Looks into one role, and then for the next one to ask.
    fn look(&mut self, role: &str, targets: &Targets, until: Timestamp) -> Result<(), Fault> {
        self.stage = Stage::Current;
        self.search.wanted = None;
        let path = self.search.path.clone();
        if let Some(seen) = &mut self.search.seen {
            seen.extend(targets.files.keys().filter(|path| is_plain(path)).cloned());
        } else if let Some(file) = targets.files.get(&path) {
            let what = || format!("`{}`", text::escape_short(&path, 120));
            if file.length > FILE_MAX {
                return Err(Fault::TooLong { what: what(), max: FILE_MAX });
            }
            let place = file
                .place(&path, self.root.get().consistent)
                .ok_or_else(|| Fault::Mismatch { what: what() })?;
            let (file, max) = (file.clone(), file.length);
            self.search.found = Some(Found { role: role.to_owned(), path, file, place, max, until });
            return Ok(());
        }
        self.search.visited.insert(role.to_owned());
        self.search.descend(targets, until);
        self.next_role()
    }

    /// Finds the next role to ask.
    fn next_role(&mut self) -> Result<(), Fault> {
        self.stage = Stage::Current;
        while let Some(asked) = self.search.open.pop() {
            let Some(next) = asked.delegation() else { continue };
            if self.search.visited.contains(&next.name) {
                continue;
            }
            let (path, max) =
                if self.search.is_walk() { ("*", WALK_MAX) } else { (&*self.search.path, ROLES_MAX) };
            if self.search.visited.len() + self.search.faults.len() > max {
                return Err(Fault::TooManyRoles { path: text::escape_short(path, 120), max });
            }
            // Not even asked for: nobody vouches for any version of it.
            if self.snapshot.as_ref().is_none_or(|snapshot| snapshot.get().of(&next.name).is_none()) {
                return Err(Fault::NotListed { role: text::escape_short(&next.name, 80) });
            }
            self.search.wanted = Some(asked);
            self.stage = Stage::Search;
            break;
        }
        Ok(())
    }

    /// 5.6.2 to 5.6.5 for the role that is wanted, with the keys of the role
    /// that led to it.
    pub(super) fn check_delegated(&self, bytes: &[u8]) -> Result<Trusted<Targets>, Fault> {
        let asked = self.search.wanted.as_ref().ok_or(Fault::Unasked)?;
        let role = asked.delegation().ok_or(Fault::Unasked)?;
        self.targets_file(bytes, &role.name, &asked.all.keys, &role.role)
    }

    /// Goes on through it.
    pub(super) fn take_delegated(&mut self, next: &Trusted<Targets>) -> Result<(), Fault> {
        let Some(asked) = self.search.wanted.take() else { return Err(Fault::Unasked) };
        let Some(role) = asked.delegation() else { return Err(Fault::Unasked) };
        self.hold(&role.name, next);
        self.look(&role.name, next.get(), asked.until.min(next.get().head.expires))
    }
}
