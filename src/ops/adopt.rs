//! `adopt`: skills that agents load today come into the store, as they lie.
//!
//! ```text
//!   found ─▶ read once: entry rules, card, digest ─▶ staged     no lock, originals untouched
//!   lock ─▶ name free or this folder's? held? ─▶ store ─▶ record: installed
//! ```
//!
//! What lies in the folder is what the agent loads, so that is what is taken:
//! never the commit of a repository around it. What another tool says about
//! where it came from is kept as that tool's claim and decides nothing.
//!
//! Each skill is judged by itself. One that is refused does not stop the
//! others, and comes with the command that resolves it. The same bytes in
//! several places are one revision; which places these are is never written
//! down but found by looking again. Nothing agents load changes by this.

use super::install::{self, Selection};
use super::session::{Depth, Session, home_stop, ledger_stop, open_ledger, real};
use super::unmanaged::{self, Adopted, Ours, Unmanaged};
use super::{World, layers, place, refusals};
use crate::model::code::{Code, Stop};
use crate::model::digest::Digest;
use crate::model::lifecycle::RevisionRow;
use crate::model::limits::Limits;
use crate::model::skill::{Revision, SkillName};
use crate::model::source::{Source, SourceKind};
use crate::model::text;
use crate::policy::entry;
use crate::system::fetch::{CARD, CARD_BYTES, Found};
use crate::system::home::Home;
use crate::system::store::{Staged, Staging, sweep_staging};
use crate::system::tree::{self, Checks};
use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

/// Which skills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The one in this folder, or where this link leads.
    At(PathBuf),
    /// Every one that agents load and nobody manages; of one agent, if named.
    All(Option<String>),
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// Which skills.
    pub which: Which,
    /// Another name for the one skill.
    pub rename: Option<SkillName>,
    /// Show what would happen; change nothing and make nothing.
    pub dry: bool,
}

/// What became of one skill.
#[derive(Debug)]
pub enum Outcome {
    /// It is in the store now.
    Taken(Revision),
    /// Its bytes were there already.
    Known(Revision),
    /// It would be taken in, under this revision.
    Would(Revision),
    /// It was not taken, and how it could be.
    Refused(Stop),
}

/// One skill and what became of it.
#[derive(Debug)]
pub struct Adoption {
    /// What was found.
    pub skill: Unmanaged,
    /// What became of it.
    pub outcome: Outcome,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Adoptions {
    /// Riskiest first.
    pub skills: Vec<Adoption>,
    /// Whether some folder could not be searched.
    pub cut: bool,
}

/// Takes them in.
///
/// # Errors
/// [`Stop`] when nothing at all can be done; refusals of single skills are in
/// the answer.
pub fn adopt(world: &World, request: &Request) -> Result<Adoptions, Stop> {
    if let Err(stop) = world.no_agent("skills adopt …") {
        return Err(if request.dry { stop } else { install::record(world, None, stop) });
    }
    let ours = Ours::of(rows(world)?);
    let (found, cut) = found(world, &request.which, &ours)?;
    let mut work = Work { world, request, names: names(&ours, &found), ours, new: BTreeMap::new() };
    let mut skills = if request.dry { work.plan(found)? } else { work.take(found)? };
    skills.sort_by_key(|adoption| risk(&adoption.skill));
    Ok(Adoptions { skills, cut })
}

/// The order of the table: the least comes first.
fn risk(skill: &Unmanaged) -> (bool, u8, String, PathBuf) {
    let mark = skill.marks.first().map_or(u8::MAX, |mark| *mark as u8);
    (!skill.look_first(), mark, skill.name.clone(), skill.path.clone())
}

/// The rows of the ledger; none where there is no home yet.
fn rows(world: &World) -> Result<Vec<RevisionRow>, Stop> {
    let home = match Home::open(&world.home).map_err(|fault| home_stop(&fault)) {
        Err(stop) if stop.code == Code::HomeMissing => return Ok(Vec::new()),
        home => home?,
    };
    match open_ledger(&home) {
        Err(stop) if stop.code == Code::HomeMissing => Ok(Vec::new()),
        ledger => ledger?.revisions().map_err(|fault| ledger_stop(&fault)),
    }
}

fn found(world: &World, which: &Which, ours: &Ours) -> Result<(Vec<Unmanaged>, bool), Stop> {
    match which {
        Which::All(agent) => {
            let title = agent.as_deref().map(place::known).transpose()?.map(|agent| agent.title);
            let mut found = unmanaged::find(world, ours);
            found.skills.retain(|skill| title.is_none_or(|title| skill.agents.contains(&title)));
            Ok((found.skills, found.cut))
        }
        Which::At(path) => {
            let shown = text::escape(&path.to_string_lossy());
            if path.join(CARD).symlink_metadata().is_err() {
                let what = format!("{shown} is no folder with a {CARD}, nor a link to one");
                let next = "name the skill's own folder; everything agents load: skills adopt --all";
                return Err(Stop::new(Code::NoSkill, what, next));
            }
            Ok((unmanaged::find_at(world, path, ours).into_iter().collect(), false))
        }
    }
}

/// Every name that is in use here.
fn names(ours: &Ours, found: &[Unmanaged]) -> BTreeSet<String> {
    let own = ours.names.iter().map(ToString::to_string);
    own.chain(found.iter().map(|skill| skill.name.clone())).collect()
}

struct Work<'a> {
    world: &'a World,
    request: &'a Request,
    ours: Ours,
    names: BTreeSet<String>,
    /// What was taken in this call.
    new: BTreeMap<Digest, Revision>,
}

/// A skill that was read.
type Read = Result<(Staged, install::Offer, Source), Stop>;

impl Work<'_> {
    /// The revision that has these very bytes already.
    fn known(&self, skill: &Unmanaged) -> Option<Revision> {
        if self.request.rename.is_some() {
            return None;
        }
        let before = match &skill.adopted {
            Some(Adopted::As(revision) | Adopted::Known(revision)) => Some(revision.clone()),
            Some(Adopted::Changed(_)) | None => None,
        };
        before.or_else(|| self.new.get(&skill.digest?).cloned())
    }

    fn take(&mut self, found: Vec<Unmanaged>) -> Result<Vec<Adoption>, Stop> {
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let session = Session::open_or_create(self.world)?;
        sweep_staging(&session.home).map_err(|fault| refusals::store_stop(&fault))?;
        let limits = session.policy.limits;
        session.leave();
        let home = Home::open(&self.world.home).map_err(|fault| home_stop(&fault))?;
        // Everything is read without the lock; of the same bytes, once.
        let mut seen = BTreeSet::new();
        let mut read: Vec<(Unmanaged, Option<Read>)> = Vec::new();
        for skill in found {
            let first = skill.digest.is_none_or(|digest| seen.insert(digest));
            let read_now = (first && self.known(&skill).is_none()).then(|| stage(&home, &skill, &limits));
            read.push((skill, read_now));
        }
        let mut session = Session::open(self.world, Depth::All)?;
        let mut out = Vec::with_capacity(read.len());
        for (skill, staged) in read {
            let outcome = match (self.known(&skill), staged) {
                (Some(revision), _) => Outcome::Known(revision),
                (None, staged) => {
                    // The first of these bytes was refused, and so are they: by its own path.
                    let staged = staged.unwrap_or_else(|| stage(&home, &skill, &limits));
                    self.admit(&mut session, &skill, staged)
                }
            };
            out.push(Adoption { skill, outcome });
        }
        session.leave();
        Ok(out)
    }

    fn admit(&mut self, session: &mut Session<'_>, skill: &Unmanaged, read: Read) -> Outcome {
        let (staged, offer, source) = match read {
            Ok(read) => read,
            Err(stop) => {
                let mut draft = session.draft("install", crate::model::record::Outcome::Refused, "");
                draft.note = Some(text::escape_short(&skill.folder().to_string_lossy(), 500));
                return Outcome::Refused(self.way_on(skill, session.refuse(draft, stop)));
            }
        };
        let rename = self.request.rename.clone();
        let selection = Selection { rename, ..Selection::default() };
        let allowed = session.policy.check_source(source.identity()).map_err(|rule| {
            let what = format!("{source} may not be used: {rule}");
            Stop::new(Code::PolicyUnmet, what, "a person changes the policy file")
        });
        let admitted =
            allowed.and_then(|()| install::admit(session, &offer, &source, staged, &selection, extra(skill)));
        match admitted {
            Ok((row, true)) => {
                self.new.insert(row.revision.digest, row.revision.clone());
                Outcome::Taken(row.revision)
            }
            Ok((row, false)) => Outcome::Known(row.revision),
            Err(stop) => {
                let stop = install::refuse(session, &source, &offer, stop);
                Outcome::Refused(self.way_on(skill, stop))
            }
        }
    }

    /// The exact command that resolves a refusal.
    fn way_on(&mut self, skill: &Unmanaged, mut stop: Stop) -> Stop {
        let again = super::adopt_command(&skill.path);
        stop.next = match stop.code {
            Code::SourceBound => format!("{again} --as {}", self.free(&skill.name)),
            // Only its name: what else is wrong with a card cannot be helped by one.
            Code::CardRefused if stop.next.contains("--as") => {
                format!("{again} --as NAME (the bytes never change)")
            }
            Code::CardRefused | Code::EntryRefused | Code::SourceBroken | Code::NoSkill => {
                format!("put that right in it, then: {again} (it stays live meanwhile)")
            }
            Code::DigestMismatch => again,
            _ => stop.next,
        };
        stop
    }

    /// A name that nothing has.
    fn free(&mut self, name: &str) -> String {
        let stem: String = name.chars().take(56).collect();
        let stem = stem.trim_end_matches('-');
        let free = (2..10_000).map(|at| format!("{stem}-{at}")).find(|name| !self.names.contains(name));
        let free = free.unwrap_or_else(|| "NAME".to_owned());
        // The next one in the list is told another.
        self.names.insert(free.clone());
        free
    }

    /// What [`Work::take`] would do, as far as it can be told without storing.
    fn plan(&mut self, found: Vec<Unmanaged>) -> Result<Vec<Adoption>, Stop> {
        let policy = layers::in_force(self.world)?;
        let mut sources: BTreeMap<String, String> = BTreeMap::new();
        for row in &self.ours.rows {
            sources.insert(row.revision.name.to_string(), row.source.location.clone());
        }
        let mut out = Vec::with_capacity(found.len());
        for skill in found {
            let outcome = match self.known(&skill) {
                Some(revision) => Outcome::Known(revision),
                None => match self.would(&skill, &policy.limits, &mut sources) {
                    Ok(revision) => {
                        self.new.insert(revision.digest, revision.clone());
                        Outcome::Would(revision)
                    }
                    Err(stop) => Outcome::Refused(self.way_on(&skill, stop)),
                },
            };
            out.push(Adoption { skill, outcome });
        }
        Ok(out)
    }

    fn would(
        &self,
        skill: &Unmanaged,
        limits: &Limits,
        sources: &mut BTreeMap<String, String>,
    ) -> Result<Revision, Stop> {
        let source = source(skill)?;
        let folder = open(skill)?;
        let observed = tree::read(folder.as_fd(), &Checks { limits: *limits, strict: None });
        if !observed.faults.is_empty() {
            return Err(refusals::entries_stop(&observed.faults));
        }
        let faults = entry::check(&observed.manifest, limits);
        if !faults.is_empty() {
            return Err(refusals::entries_stop(&faults));
        }
        let offer = offer(folder.as_fd(), &observed.manifest, limits)?;
        let name = match (&self.request.rename, offer.card) {
            (Some(name), Ok(_)) => name.clone(),
            (None, Ok(card)) => card.name.map_err(|why| {
                Stop::new(Code::CardRefused, format!("`{}`: {why}", offer.title), "--as NAME")
            })?,
            (_, Err(faults)) => return Err(card_stop(&offer.title, &faults)),
        };
        let at = sources.entry(name.to_string()).or_insert_with(|| source.location.clone());
        if *at != source.location {
            let what = format!("the name `{name}` belongs to {}, not to {source}", text::escape(at));
            return Err(Stop::new(
                Code::SourceBound,
                what,
                "give it another name: skills adopt PATH --as NAME",
            ));
        }
        Ok(Revision { name, digest: observed.manifest.digest() })
    }
}

/// Where a skill lies, as its source: the real folder.
fn source(skill: &Unmanaged) -> Result<Source, Stop> {
    let folder = real(skill.folder());
    // Attack: a folder whose name would write another line into a log, a permit
    // or a terminal.
    let location = folder.to_str().filter(|path| !path.chars().any(text::is_hidden)).ok_or_else(|| {
        let shown = text::escape_bytes(folder.as_os_str().as_bytes());
        let what = format!("{shown}: its real path holds characters that do not show, or is not UTF-8");
        Stop::new(Code::SourceRefused, what, "rename the folder, then adopt it again")
    })?;
    let location = location.to_owned();
    Ok(Source { commit: None, kind: SourceKind::Adopted, location, path: None, reference: None })
}

fn open(skill: &Unmanaged) -> Result<std::os::fd::OwnedFd, Stop> {
    let folder = real(skill.folder());
    tree::open_folder(&folder).map_err(|error| {
        let what = format!("{}: {error}", text::escape_bytes(folder.as_os_str().as_bytes()));
        Stop::new(Code::SourceBroken, what, "make it readable, or leave it; then: skills adopt --all")
    })
}

fn card_stop(title: &str, faults: &[String]) -> Stop {
    Stop::new(
        Code::CardRefused,
        format!("`{title}`: the card is refused: {}", faults.join("; ")),
        "mend its SKILL.md, then: skills adopt --all",
    )
}

fn offer(
    folder: std::os::fd::BorrowedFd<'_>,
    manifest: &crate::model::manifest::Manifest,
    limits: &Limits,
) -> Result<install::Offer, Stop> {
    let card = manifest.get(CARD).and_then(|entry| tree::read_entry(folder, entry, limits.file).ok());
    let mut card = card.ok_or_else(|| {
        Stop::new(
            Code::NoSkill,
            format!("its {CARD} cannot be read"),
            "make it readable, then: skills adopt --all",
        )
    })?;
    card.truncate(CARD_BYTES);
    Ok(install::offer(Found { path: None, card }))
}

/// Reads a folder into staging: these very bytes are checked, hashed and kept.
fn stage(home: &Home, skill: &Unmanaged, limits: &Limits) -> Read {
    let source = source(skill)?;
    let folder = open(skill)?;
    let store = |fault| refusals::store_stop(&fault);
    let mut staging = Staging::new(home, *limits).map_err(store)?;
    let checks = Checks { limits: *limits, strict: None };
    let observed = staging.copy_from(folder.as_fd(), &checks).map_err(store)?;
    if !observed.faults.is_empty() {
        return Err(refusals::entries_stop(&observed.faults));
    }
    let staged = staging.finish().map_err(store)?;
    let faults = entry::check(staged.manifest(), limits);
    if !faults.is_empty() {
        return Err(refusals::entries_stop(&faults));
    }
    // Attack by bad luck: what a person is shown in the table was another one.
    let digest = staged.manifest().digest();
    if skill.digest.is_some_and(|shown| shown != digest) {
        let what = format!("{}: it changed while it was read", skill.name);
        return Err(Stop::new(Code::DigestMismatch, what, "skills adopt --all, when nothing writes to it"));
    }
    let offer = offer(staged.dir(), staged.manifest(), limits)?;
    if let Err(faults) = &offer.card {
        return Err(card_stop(&offer.title, faults));
    }
    Ok((staged, offer, source))
}

/// What another tool says, worded as what it is.
fn extra(skill: &Unmanaged) -> install::Extra {
    install::Extra { note: claim(skill), proof: None }
}

fn claim(skill: &Unmanaged) -> Option<String> {
    let claim = skill.claim.as_ref()?;
    let revision = claim.revision.as_deref().map(|revision| format!(" at {revision}")).unwrap_or_default();
    Some(format!("{} claims it is from {}{revision}; nobody checked that", claim.tool, claim.source))
}
