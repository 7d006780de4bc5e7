//! Skills that agents load and nobody manages: found, never touched.
//!
//! Only the folders below the account's home that known agents read. What is
//! risky in them is told by the marks of a review, from bytes read in this
//! very call; it is a hint, not a finding.

use super::World;
use crate::model::agent::AGENTS;
use crate::model::limits::Limits;
use crate::model::text;
use crate::policy::marks::{self, Mark};
use crate::system::tree::{self, Checks, Piece};
use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

/// A skill in an agent's folder that is not a placement of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmanaged {
    /// Its folder's name, escaped.
    pub name: String,
    /// Where it lies, as the agents name it.
    pub path: PathBuf,
    /// The agents that read it.
    pub agents: Vec<&'static str>,
    /// What to look for in it, riskiest first.
    pub marks: Vec<Mark>,
    /// How many files it has, as far as they can be read.
    pub files: usize,
    /// How many of its entries no skill may hold.
    pub faults: usize,
}

/// Finds them. `ours` are the paths of placements, which are left out.
#[must_use]
pub fn find(world: &World, ours: &BTreeSet<PathBuf>) -> Vec<Unmanaged> {
    let Some(account) = &world.account_home else { return Vec::new() };
    let ours: BTreeSet<PathBuf> = ours.iter().map(|path| real(path)).collect();
    // One folder may be read under several names: people link them together.
    let mut found: BTreeMap<PathBuf, (PathBuf, BTreeSet<&'static str>)> = BTreeMap::new();
    for agent in AGENTS {
        for folder in agent.reads {
            for path in skills_in(&account.join(folder)) {
                let real = real(&path);
                if !ours.contains(&real) {
                    found.entry(real).or_insert_with(|| (path, BTreeSet::new())).1.insert(agent.title);
                }
            }
        }
    }
    found.into_iter().map(|(real, (path, agents))| describe(&real, path, agents)).collect()
}

fn real(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn skills_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.retain(|path| path.join("SKILL.md").symlink_metadata().is_ok());
    paths.sort();
    paths
}

fn describe(real: &Path, path: PathBuf, agents: BTreeSet<&'static str>) -> Unmanaged {
    let name = path.file_name().map(|name| text::escape_short(&name.to_string_lossy(), 64));
    let mut unmanaged = Unmanaged {
        name: name.unwrap_or_default(),
        path,
        agents: agents.into_iter().collect(),
        marks: Vec::new(),
        files: 0,
        faults: 0,
    };
    let Ok(folder) = tree::open_folder(real) else {
        unmanaged.faults = 1;
        return unmanaged;
    };
    let mut all = BTreeSet::new();
    let mut bytes = Vec::new();
    let checks = Checks { limits: Limits::DEFAULT, strict: None };
    let observed = tree::copy(folder.as_fd(), &checks, &mut |path, executable, piece| {
        match piece {
            Piece::Start(_) => bytes.clear(),
            Piece::Bytes(more) => bytes.extend_from_slice(more),
            Piece::End => all.extend(marks::marks(path.as_str(), executable, &bytes)),
        }
        Ok(())
    });
    if let Ok(observed) = observed {
        unmanaged.files = observed.manifest.entries().len();
        unmanaged.faults = observed.faults.len();
    }
    unmanaged.marks = all.into_iter().collect();
    unmanaged
}
