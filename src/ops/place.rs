//! Where skills are placed: agents and folders as typed, who reads them, and
//! taking one place away from a revision that keeps others.

use super::session::{Session, ledger_stop, real};
use super::{World, apply};
use crate::model::agent::{self, Agent};
use crate::model::code::{Code, Stop};
use crate::model::lifecycle::{Lifecycle, Placement, RevisionRow};
use crate::model::permit::SkillPermit;
use crate::model::record::Record;
use crate::model::skill::Revision;
use crate::model::text;
use crate::system::home::Home;
use crate::system::ledger::EventRow;
use crate::system::permit::{self, Reason};
use std::path::{Path, PathBuf};

/// Where to place, as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// An agent's own folder.
    Agent(String),
    /// Any folder.
    Folder(PathBuf),
}

/// A place, worked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placing {
    /// The agent, if one was named.
    pub agent: Option<String>,
    /// The folder.
    pub folder: PathBuf,
    /// Every known agent that reads this folder.
    pub readers: Vec<&'static str>,
}

/// Works out a place.
///
/// # Errors
/// [`Code::Usage`] for an agent that is not known, with those that are.
pub fn placing(world: &World, place: &Place) -> Result<Placing, Stop> {
    let (agent, folder) = match place {
        Place::Folder(folder) => (None, folder.clone()),
        Place::Agent(id) => {
            let folder = known(id)?.place;
            let home = world.account_home.as_ref().ok_or_else(|| {
                Stop::new(
                    Code::Usage,
                    "the account has no home folder in the account database",
                    "name the folder: --dir PATH",
                )
            })?;
            (Some(id.clone()), home.join(folder))
        }
    };
    let readers = readers(world, &folder);
    Ok(Placing { agent, folder, readers })
}

/// The agent of that id.
///
/// # Errors
/// [`Code::Usage`] with those that are known.
pub fn known(id: &str) -> Result<&'static Agent, Stop> {
    agent::by_id(id).ok_or_else(|| {
        let known: Vec<_> = agent::AGENTS.iter().map(|agent| agent.id).collect();
        let what = format!("`{}` is no agent we know", text::escape_short(id, 40));
        Stop::new(Code::Usage, what, format!("one of: {}; or --dir PATH", known.join(", ")))
    })
}

/// An agent's folder in a project: that of a folder named, or the project that
/// lies around it, as far up as its repository's root.
///
/// # Errors
/// [`Code::Usage`] for an agent that is not known.
pub fn in_project(id: &str, inside: &Path) -> Result<Place, Stop> {
    let agent = known(id)?;
    let root = inside.ancestors().find(|above| above.join(".git").symlink_metadata().is_ok());
    Ok(Place::Folder(root.unwrap_or(inside).join(agent.project)))
}

/// Every known agent that reads a folder: by itself, or when it is run in the
/// project that the folder belongs to.
#[must_use]
pub fn readers(world: &World, folder: &Path) -> Vec<&'static str> {
    let resolved = real(folder);
    let home = world.account_home.as_deref();
    let own = |read: &&str| home.is_some_and(|home| real(&home.join(read)) == resolved);
    // A plain `skills` is a project's folder only where no agent's own is meant.
    let project = |read: &&str| match read.split_once('/') {
        Some(_) => resolved.ends_with(read),
        None => resolved.ends_with(read) && !resolved.parent().is_some_and(is_hidden),
    };
    let reads = |agent: &&Agent| agent.reads.iter().any(own) || agent.project_reads.iter().any(project);
    agent::AGENTS.iter().filter(reads).map(|agent| agent.title).collect()
}

fn is_hidden(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// A place where a copy was, and what is there now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// How to say where.
    pub place: Place,
    /// The copy's path, as it was recorded.
    pub path: String,
    /// What is there.
    pub now: Now,
}

/// What is at a place where a copy was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Now {
    /// Nothing.
    Free,
    /// This very revision.
    Same,
    /// Another revision of ours.
    Other(Revision),
    /// Something that is not ours: in words.
    Taken(&'static str),
    /// The folder leads elsewhere: a link was put on the way.
    Leads(PathBuf),
}

/// Places where copies of a revision were, and what is there now.
///
/// # Errors
/// [`Stop`] when the ledger cannot be read.
pub fn spots(
    session: &Session<'_>,
    revision: &Revision,
    placements: &[Placement],
) -> Result<Vec<Spot>, Stop> {
    let rows = session.ledger.revisions_named(&revision.name).map_err(|fault| ledger_stop(&fault))?;
    let now = |placement: &Placement| {
        let path = Path::new(&placement.path);
        let parent = path.parent().unwrap_or(Path::new("/"));
        let there =
            |row: &&RevisionRow| row.lifecycle.placements().iter().any(|at| at.path == placement.path);
        let meta = path.symlink_metadata();
        match (real(parent), rows.iter().find(there), meta) {
            // Attack: a link in place of the agent's folder makes "where it was"
            // another place.
            (elsewhere, _, _) if elsewhere != parent => Now::Leads(elsewhere),
            (_, Some(row), _) if row.revision == *revision => Now::Same,
            (_, Some(row), _) => Now::Other(row.revision.clone()),
            (_, None, Err(_)) => Now::Free,
            (_, None, Ok(meta)) if meta.file_type().is_symlink() => Now::Taken("a link"),
            (_, None, Ok(meta)) if meta.is_dir() => Now::Taken("a folder"),
            (_, None, Ok(_)) => Now::Taken("a file"),
        }
    };
    let spot = |placement: &Placement| Spot {
        place: back(session.world, placement),
        path: placement.path.clone(),
        now: now(placement),
    };
    Ok(placements.iter().map(spot).collect())
}

/// How to say where a copy was: for its agent, where that agent's folder is
/// still the one it was placed in, else by the folder.
fn back(world: &World, placement: &Placement) -> Place {
    let parent = Path::new(&placement.path).parent().unwrap_or(Path::new("/"));
    if let Some(agent) = &placement.agent {
        let place = Place::Agent(agent.clone());
        if placing(world, &place).is_ok_and(|placing| real(&placing.folder) == parent) {
            return place;
        }
    }
    Place::Folder(parent.to_owned())
}

/// The command that places a revision there.
#[must_use]
pub fn enable_command(revision: &Revision, place: &Place) -> String {
    match place {
        Place::Agent(agent) => format!("skills enable {revision} --agent {agent}"),
        Place::Folder(folder) => {
            format!("skills enable {revision} --dir {}", text::shell_word(&folder.to_string_lossy()))
        }
    }
}

/// Takes the old revision out of the place. Its permit goes first, or is
/// written anew without that place: cut short after that, recovery takes the
/// rest away and records it. In the other order a copy would be gone that the
/// permit still names, which looks like drift. A kill finds what is left by
/// the permit or by what became of it, at every moment.
pub(super) fn swap_out(
    home: &Home,
    old: &RevisionRow,
    path: &str,
    record: Option<&(Record, EventRow)>,
) -> Result<(), Stop> {
    let io = |fault: permit::PermitFault| Stop::new(Code::Io, fault.to_string(), "run: skills doctor");
    let permit = permit::read_skill(home, &old.revision).map_err(io)?;
    let all = permit.iter().flat_map(|permit| permit.placements.clone());
    let places: Vec<_> = all.filter(|place| place.path == path).collect();
    match (&old.lifecycle, permit, record) {
        (Lifecycle::Enabled { placements, .. }, Some(permit), Some((record, event))) => {
            let kept = SkillPermit {
                seq: record.seq,
                hash: event.hash,
                placements: placements.all().to_vec(),
                ..permit
            };
            permit::write_skill(home, &kept).map_err(io)?;
        }
        _ => permit::withdraw(home, &old.revision, Reason::Disabled).map(drop).map_err(io)?,
    }
    let mut failures = apply::Failures::new();
    for place in &places {
        apply::withdraw_place(home, place, &old.revision, &mut failures);
    }
    match failures.first() {
        None => Ok(()),
        Some((path, why)) => {
            Err(Stop::new(Code::Io, format!("{path}: {why}"), "move it away by hand, then try again"))
        }
    }
}
