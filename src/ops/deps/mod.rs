//! `deps`: what a skill asks to have installed, as a plan of what exactly would be run.
//!
//! The files are read as those of the digest, collected from, and planned: the
//! same bytes have the same plan on every machine. Nothing is changed or
//! recorded here.

pub mod install;

use super::session::{home_stop, open_ledger};
use super::{World, facts, findings, layers};
use crate::model::code::{Code, Stop};
use crate::model::dependency::{Plan, Scope};
use crate::model::digest::Digest;
use crate::model::lifecycle::{RevisionRow, State};
use crate::model::limits::Limits;
use crate::model::text;
use crate::policy::deps::collect::{File, collect};
use crate::policy::deps::{Folders, plan};
use crate::system::home::Home;
use crate::system::tree::{self, Checks};
use findings::Held;
use std::collections::BTreeSet;
use std::os::fd::AsFd as _;
use std::path::Path;

/// The operating system that install entries are for.
const OS: &str = if cfg!(target_os = "macos") { "macos" } else { "linux" };

/// A plan, and the revision that it is for.
#[derive(Debug)]
pub struct Prepared {
    /// The revision.
    pub row: RevisionRow,
    /// What would be run for it.
    pub plan: Plan,
}

/// Plans for a skill that is installed. Changes and records nothing.
///
/// # Errors
/// [`Code::DigestMismatch`] when the store copy is not sound; as for every name otherwise.
pub fn prepare(world: &World, skill: &str) -> Result<Prepared, Stop> {
    prepare_allowing(world, skill, &BTreeSet::new())
}

/// As [`prepare`], with what a person allows that is refused otherwise.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_allowing(world: &World, skill: &str, allowed: &BTreeSet<Scope>) -> Result<Prepared, Stop> {
    prepare_into(world, skill, allowed, &Folders::default())
}

/// As [`prepare_allowing`], with the folders as they are where no sandbox gives
/// them their usual names. Such a plan has another digest.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_into(
    world: &World,
    skill: &str,
    allowed: &BTreeSet<Scope>,
    folders: &Folders,
) -> Result<Prepared, Stop> {
    let home = Home::open(&world.home).map_err(|fault| home_stop(&fault))?;
    let ledger = open_ledger(&home)?;
    let row = facts::resolve(&ledger, skill, |row| row.lifecycle.state() == State::Installed)?;
    let held = findings::stored(&home, &row)?;
    let plan = planned(row.revision.digest, &held, allowed, folders);
    Ok(Prepared { row, plan })
}

/// Plans for a folder that lies anywhere. Needs no home, changes nothing.
///
/// # Errors
/// [`Code::Usage`]: it is no folder, or holds what no skill may hold.
pub fn prepare_folder(world: &World, path: &Path, allowed: &BTreeSet<Scope>) -> Result<Plan, Stop> {
    let shown = text::escape(&path.to_string_lossy());
    let opened = tree::open_folder(path).map_err(|error| {
        Stop::new(Code::Usage, format!("{shown}: {error}"), "name a folder that is no link")
    })?;
    // A broken policy must not keep anyone from looking at a folder.
    let limits = layers::in_force(world).map_or(Limits::DEFAULT, |policy| policy.limits);
    let observed = tree::read(opened.as_fd(), &Checks { limits, strict: None });
    if let Some(fault) = observed.faults.first() {
        let what = format!("{shown} holds what no skill may hold: {}", text::escape(&fault.to_string()));
        let next = format!("skills verify {}", text::shell_word(&path.to_string_lossy()));
        return Err(Stop::new(Code::Usage, what, next));
    }
    let held = findings::hold(opened.as_fd(), &observed.manifest).map_err(|fault| {
        Stop::new(Code::Usage, format!("{shown} changed while it was read: {fault}"), "run it again")
    })?;
    Ok(planned(observed.manifest.digest(), &held, allowed, &Folders::default()))
}

fn planned(digest: Digest, held: &[Held], allowed: &BTreeSet<Scope>, folders: &Folders) -> Plan {
    let files: Vec<_> = held
        .iter()
        .map(|one| File { path: &one.path, bytes: &one.bytes, executable: one.executable })
        .collect();
    plan(digest, &collect(&files), OS, folders, allowed)
}
