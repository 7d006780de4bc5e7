//! `roots set` and `roots unset`: the next targets as a draft.
//!
//! The file itself goes below `targets/` at once, under its hash: until a
//! signed list names it nobody looks for it. The draft loses the signatures it
//! had, because they were over something else.

use super::super::World;
use super::check::{self, Terms};
use super::policies;
use super::release::YEAR;
use super::team::{Team, io, typed, until};
use crate::model::code::{Code, Stop};
use crate::model::text;
use crate::model::tuf::layout::Place;
use crate::model::tuf::publish::{Draft, FilePlan, target_name};
use crate::model::tuf::{Targets, Value};
use crate::policy::config::layer::Layer;
use crate::policy::provenance::tuf::FILE_MAX;
use crate::system::regular;
use crate::system::roots::TARGETS;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What is to be done with one target.
#[derive(Debug, Clone)]
pub enum Change {
    /// It becomes this file.
    File(PathBuf, Terms),
    /// It becomes these bytes.
    Bytes(Vec<u8>),
    /// It goes.
    Gone,
}

/// What was done.
#[derive(Debug, Clone)]
pub struct Changed {
    /// The target.
    pub path: String,
    /// Whether it was there before.
    pub before: bool,
    /// SHA-256 of what was drafted; what a person signs.
    pub digest: crate::model::digest::Digest,
    /// How many signatures the draft had, which are gone.
    pub dropped: usize,
    /// The version that it will be.
    pub version: u64,
    /// Of a policy, what followers will be asked and what they will ignore.
    pub policy: Option<Layer>,
}

/// Changes one target in the draft of the next targets.
///
/// # Errors
/// [`Stop`]; then nothing was changed.
pub fn change(world: &World, folder: &Path, path: &str, change: Change, dry: bool) -> Result<Changed, Stop> {
    let command = format!("skills roots set {} {} FILE", typed(folder), text::shell_word(path));
    let mut team = Team::to_change(world, folder, &command)?;
    apply(world, &mut team, path, change, dry)
}

pub(super) fn apply(
    world: &World,
    team: &mut Team,
    path: &str,
    change: Change,
    dry: bool,
) -> Result<Changed, Stop> {
    let now = world.clock.now();
    let shown = text::escape_short(path, 120);
    let base = team.pending.targets.clone().unwrap_or_else(|| team.targets.bytes().to_vec());
    let stop = |team: &Team, bad| team.malformed("drafts/targets.json", &bad);
    let old = Draft::open(&base).and_then(|draft| Ok((draft.says::<Targets>()?, draft.signatures())));
    let (old, signed) = old.map_err(|bad| stop(team, bad))?;
    let before = old.files.contains_key(path);
    let (bytes, custom) = match change {
        Change::Gone if !before => return Err(unlisted(team, &shown)),
        Change::Gone => (None, None),
        Change::Bytes(bytes) => (Some(bytes), None),
        Change::File(file, terms) => {
            let custom = check::custom(path, &terms, now).map_err(|why| refused(&shown, &why))?;
            (Some(read(&file)?), custom)
        }
    };
    match &bytes {
        Some(bytes) => {
            let there = team.published(path)?;
            check::content(path, bytes, there.as_deref()).map_err(|why| refused(&shown, &why))?;
        }
        // Clients remember the highest number; a list that begins anew would be refused for ever.
        None if Place::of(path) == Place::KillOrders => {
            let next = "set a list with no orders and with a higher `order` instead";
            return Err(Stop::new(Code::SourceBroken, "kill-orders.json: its number would be lost", next));
        }
        None => {}
    }
    let plan = bytes.as_deref().map(|bytes| FilePlan { path, bytes, custom });
    let edits = BTreeMap::from([(path.to_owned(), plan)]);
    let version = team.targets.get().head.version + 1;
    let draft = Draft::next_targets(&base, version, until(None, YEAR, now)?, &edits);
    let draft = draft.map_err(|bad| refused(&shown, &bad.to_string()))?;
    let dropped = if team.pending.targets.is_some() { signed } else { 0 };
    if !dry {
        if let Some(bytes) = &bytes {
            let place = format!("{TARGETS}/{}", target_name(path, bytes));
            team.space.put(&place, bytes).map_err(io(&team.path, "the target cannot be written"))?;
        }
        team.keep_draft("targets", &draft)?;
    }
    let digest = if dry { draft.digest() } else { team.stake()? };
    let policy = bytes.as_deref().filter(|_| Place::of(path) == Place::Policy);
    let policy = policy.and_then(|bytes| policies::read(bytes).ok());
    Ok(Changed { path: path.to_owned(), before, digest, dropped, version, policy })
}

fn refused(shown: &str, why: &str) -> Stop {
    let what = format!("{shown}: clients would not take it: {}", text::escape(why));
    Stop::new(Code::SourceBroken, what, "correct it, then set it again; nothing was changed")
}

fn unlisted(team: &Team, shown: &str) -> Stop {
    let what = format!("{shown} is not listed");
    Stop::new(Code::Usage, what, format!("see what is: skills roots show {}", typed(&team.path)))
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, Stop> {
    use std::io::Read as _;
    let stop = |why: &str| {
        let what = format!("{}: {why}", text::escape(&path.to_string_lossy()));
        Stop::new(Code::Io, what, "name a file that can be read")
    };
    let opened = regular::open(path).map_err(|error| stop(&error.to_string()))?;
    let (file, _) = opened.ok_or_else(|| stop("it is no regular file"))?;
    let mut bytes = Vec::new();
    file.take(FILE_MAX + 1).read_to_end(&mut bytes).map_err(|error| stop(&error.to_string()))?;
    Ok(bytes)
}

/// Targets with the same content as those before, for another end or under
/// other keys.
pub(super) fn same_again(world: &World, team: &mut Team) -> Result<(), Stop> {
    let (bytes, version) = (team.targets.bytes(), team.targets.get().head.version + 1);
    let end = until(None, YEAR, world.clock.now())?;
    let none: BTreeMap<String, Option<FilePlan<'_>>> = BTreeMap::new();
    let draft = Draft::next_targets(bytes, version, end, &none);
    let draft = draft.map_err(|bad| team.malformed("its targets", &bad))?;
    team.keep_draft("targets", &draft)
}

/// A text as a member of a list of ours.
pub(super) fn text_member(name: &str, text: &str) -> (String, Value) {
    (name.to_owned(), Value::Text(text.to_owned()))
}
