//! What a kill does not reach: skills that agents load and nobody manages.
//! Named after every kill; moved aside by `kill --unmanaged`, after everything
//! that is managed is stopped, recorded and told.

use super::World;
use super::session::{Depth, Session};
use super::unmanaged::{self, Lying};
use crate::model::code::Stop;
use crate::model::record::Outcome;
use crate::system::home::Home;
pub use crate::system::originals::Moved;
use crate::system::originals::{self, Original};
use crate::system::permit;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Everything that a kill does not reach: skills that agents load and that are
/// not ours, as the agents name them. What is ours is told by the permits, so
/// that this needs no ledger.
#[must_use]
pub fn still_live(world: &World) -> Vec<String> {
    let (found, _) = unmanaged::lying(world, &placed(world));
    let paths: BTreeSet<_> = found.iter().flat_map(names_of).collect();
    paths.into_iter().map(|path| shown(path)).collect()
}

/// Every name of a folder below agents' folders.
fn names_of(lying: &Lying) -> impl Iterator<Item = &PathBuf> {
    [&lying.path].into_iter().chain(&lying.also)
}

fn shown(path: &Path) -> String {
    crate::model::text::escape_bytes(path.as_os_str().as_bytes())
}

/// What a kill did with what nobody manages.
#[derive(Debug, Default)]
pub struct Cleared {
    /// What was moved aside.
    pub moved: Vec<Moved>,
    /// What agents still load, and why.
    pub left: Vec<(PathBuf, String)>,
    /// What may be back after a power cut, and why.
    pub unflushed: Vec<(PathBuf, String)>,
    /// Whether some folder could not be searched.
    pub cut: bool,
    /// Why it is not recorded, if so.
    pub pending: Option<Stop>,
    /// Whether no later command can record it either: nothing in the home says
    /// where it is.
    pub forgotten: bool,
}

impl Cleared {
    /// Whether it can be said that no agent loads anything that is not managed,
    /// and that it is known where everything is.
    ///
    /// Attack by bad luck: a disk on which nothing can be written takes record and
    /// mark alike, and a script that reads "done" loses a person's work.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.left.is_empty() && self.unflushed.is_empty() && !self.cut && !self.forgotten
    }
}

/// How often agents' folders are searched: moving a folder may show another.
const PASSES: usize = 3;

/// Moves aside what agents load and nobody manages. Comes after a kill and
/// needs neither ledger nor home: without one, things stay beside their place,
/// closed. What agents still load at the end is what is told, whatever was done.
///
/// Attack: a link in an agent's folder leads to a person's own work, which
/// would be moved away from there. Of a link, and of what lies behind one, the
/// link is moved.
#[must_use]
pub fn clear_unmanaged(world: &World) -> Cleared {
    let home = Home::open(&world.home).ok();
    let ours = placed(world);
    let (mut moved, mut marks) = (Vec::new(), Vec::new());
    let mut failed: BTreeMap<PathBuf, String> = BTreeMap::new();
    let (mut lost, mut unmarked) = (false, false);
    for _ in 0..PASSES {
        let (found, _) = unmanaged::lying(world, &ours);
        let entries: Vec<_> =
            entries(world, &found).into_iter().filter(|entry| !failed.contains_key(entry)).collect();
        if entries.is_empty() {
            break;
        }
        let moves: Vec<_> = entries.iter().map(|entry| (originals::fresh_id(), entry.clone())).collect();
        // Written down first, where it can be: a full disk does not stop a kill.
        if let Some(home) = &home {
            let (written, whole) = originals::announce_all(home, &moves);
            marks.extend(written);
            unmarked |= !whole;
        }
        for (id, entry) in moves {
            match Original::look(&entry) {
                // What was beneath something that went with it is gone.
                Ok(None) => {}
                Ok(Some(original)) => match originals::take(home.as_ref(), &original, &id) {
                    Ok(one) => moved.push(one),
                    Err(fault) => {
                        // Neither there nor known to be elsewhere: recovery looks.
                        lost |= !original.is_there();
                        failed.insert(entry, fault.to_string());
                    }
                },
                Err(fault) => drop(failed.insert(entry, fault.to_string())),
            }
        }
    }
    let (found, cut) = unmanaged::lying(world, &ours);
    let why = |path: &PathBuf| {
        let entry = originals_entry(world, path);
        failed.get(&entry).cloned().unwrap_or_else(|| "it appeared meanwhile".to_owned())
    };
    let left = found.iter().flat_map(names_of).map(|path| (path.clone(), why(path))).collect();
    let unflushed = |one: &Moved| Some((one.original.path.clone(), one.unflushed.clone()?));
    let unflushed = moved.iter().filter_map(unflushed).collect();
    let mut cleared = Cleared { moved, left, unflushed, cut, pending: None, forgotten: false };
    cleared.pending = record_cleared(world, &cleared.moved).err();
    cleared.forgotten = cleared.pending.is_some() && unmarked;
    if let (None, Some(home), false) = (&cleared.pending, &home, lost) {
        for mark in marks {
            let _ = mark.done(home);
        }
    }
    cleared
}

/// What would be moved: an entry itself, or the link that leads to it.
fn entries(world: &World, found: &[Lying]) -> BTreeSet<PathBuf> {
    found.iter().flat_map(names_of).map(|path| originals_entry(world, path)).collect()
}

fn originals_entry(world: &World, path: &Path) -> PathBuf {
    super::originals::behind(world, path).unwrap_or_else(|| path.to_owned())
}

/// What [`clear_unmanaged`] would move.
#[must_use]
pub fn would_clear(world: &World) -> Vec<PathBuf> {
    let (found, _) = unmanaged::lying(world, &placed(world));
    entries(world, &found).into_iter().collect()
}

fn record_cleared(world: &World, moved: &[Moved]) -> Result<(), Stop> {
    if moved.is_empty() {
        return Ok(());
    }
    let mut session = Session::open_to_narrow(world, Depth::All)?;
    let draft = |one: &Moved| {
        let (from, at) = (shown(&one.original.path), shown(&one.at));
        // Attack: a path so long that the record is cut. Where it is comes first.
        let reason =
            format!("not managed, moved aside: at {at} is what lay at {from}; back with: {}", one.back());
        session.draft("kill", Outcome::Done, reason)
    };
    let drafts: Vec<_> = moved.iter().map(draft).collect();
    session.commit(|_| Ok(drafts)).map(drop)
}

/// The placements that permits name.
fn placed(world: &World) -> BTreeSet<PathBuf> {
    let Ok(home) = Home::open(&world.home) else { return BTreeSet::new() };
    let revisions = permit::list(&home).unwrap_or_default();
    let permits = revisions.iter().filter_map(|revision| permit::read_skill(&home, revision).ok().flatten());
    permits.flat_map(|permit| permit.placements).map(|place| PathBuf::from(place.path)).collect()
}
