//! Skills that agents load and nobody manages: found, never touched.
//!
//! Looked at are the folders below the account's home that known agents read,
//! through people's links, as deep as agents search. [`lying`] is the search
//! alone, the same one for `status`, `adopt` and `kill`; [`find`] reads every
//! byte in this very call. What is risky is told by the marks of a review; where a skill
//! came from, by the claims of other tools. Both are hints. Nothing is written,
//! and no home is needed.
//!
//! ```text
//!   agents' folders ─▶ places (one per real folder) ─▶ read: digest, card, marks
//!        lock files ─▶ claims ────────────────────────┐       │
//!                                                     ▼       ▼
//!                              Unmanaged ◀── compared with one another and with
//!                                            ours: same bytes, same name, look-alike
//! ```

use super::World;
use crate::model::agent::{self, AGENTS};
use crate::model::card::{Card, CardFault};
use crate::model::claim::{self, Claim, Claims};
use crate::model::digest::Digest;
use crate::model::lifecycle::{Placement, RevisionRow, newest};
use crate::model::limits::Limits;
use crate::model::path::EntryPath;
use crate::model::skill::{Revision, SkillName};
use crate::model::source::SourceKind;
use crate::model::text;
use crate::policy::alike;
use crate::policy::marks::{self, Mark};
use crate::system::tree::{self, Checks, Observed, Piece, Reader};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

/// How deep below an agent's folder a skill may lie: as deep as agents look.
const DEPTH: usize = 5;
/// Folders looked into below all of them; a home full of links has an end.
const FOLDERS_MAX: usize = 4_000;

/// A skill in an agent's folder that is not a placement of ours. Text is
/// escaped, paths are not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmanaged {
    /// The name in its card, where it has a good one; else its folder's.
    pub name: String,
    /// Where it lies, as the agents name it.
    pub path: PathBuf,
    /// Where its bytes lie, if a link leads there.
    pub real: Option<PathBuf>,
    /// Other names under which agents reach the same folder.
    pub also: Vec<PathBuf>,
    /// The agents that read it.
    pub agents: Vec<&'static str>,
    /// What it has to do with what is managed here.
    pub adopted: Option<Adopted>,
    /// Its digest; none if it is no sound skill.
    pub digest: Option<Digest>,
    /// What is wrong with its card, the first thing.
    pub card: Option<String>,
    /// Where it came from, if another tool says so.
    pub claim: Option<Claim>,
    /// What to look for in it, riskiest first.
    pub marks: Vec<Mark>,
    /// How many files it has, as far as they can be read.
    pub files: usize,
    /// How many of its entries no skill may hold.
    pub faults: usize,
    /// What it has to do with others.
    pub relations: Vec<Relation>,
}

impl Unmanaged {
    /// Whether a person should look at it before the others.
    #[must_use]
    pub fn look_first(&self) -> bool {
        let marked = self.marks.iter().any(|mark| matches!(mark, Mark::Hooks | Mark::Unicode));
        let related = self.relations.iter().any(|relation| !matches!(relation, Relation::SameBytes { .. }));
        let changed = matches!(self.adopted, Some(Adopted::Changed(_)));
        marked || related || changed || self.card.is_some() || self.faults > 0
    }

    /// The folder that holds its bytes.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.real.as_deref().unwrap_or(&self.path)
    }
}

/// What a skill in an agent's folder has to do with a revision of ours. Told by
/// its bytes in this very call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Adopted {
    /// It was taken in from a place like this one, with the same bytes.
    As(Revision),
    /// The same bytes were installed from somewhere else.
    Known(Revision),
    /// It was taken in from here, and has other bytes now.
    Changed(Revision),
}

/// What one skill has to do with another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Relation {
    /// The same bytes lie there too.
    SameBytes {
        /// Where; **not escaped**.
        path: String,
    },
    /// Another skill of the same name is read by the same agents, which take
    /// the one or the other.
    Shadows {
        /// Where; **not escaped**.
        path: String,
        /// The agents that read both.
        agents: Vec<&'static str>,
    },
    /// A skill that is managed here has this name.
    NamedAsOurs,
    /// A name that a person could take for this one.
    LooksLike {
        /// The other name.
        name: String,
    },
}

/// What is known of the skills that are ours.
#[derive(Debug, Default)]
pub struct Ours {
    /// Their placements, which are left out.
    pub places: BTreeSet<PathBuf>,
    /// Their names, for comparing.
    pub names: BTreeSet<SkillName>,
    /// All of them.
    pub rows: Vec<RevisionRow>,
}

impl Ours {
    /// What is known by the rows of a ledger.
    #[must_use]
    pub fn of(rows: Vec<RevisionRow>) -> Self {
        let both = |place: &Placement| [place.path.clone().into(), place.staged.clone().into()];
        let places = rows.iter().flat_map(|row| row.lifecycle.placements()).flat_map(both).collect();
        Self { places, names: rows.iter().map(|row| row.revision.name.clone()).collect(), rows }
    }

    /// The newest revision of these bytes, one of that name before others.
    fn with_bytes(&self, name: &str, digest: Digest) -> Option<&RevisionRow> {
        let same = self.rows.iter().filter(|row| row.revision.digest == digest);
        same.max_by_key(|row| (row.revision.name.as_str() == name, row.arrived))
    }

    fn adopted(&self, skill: &Unmanaged) -> Option<Adopted> {
        if let Some(row) = skill.digest.and_then(|digest| self.with_bytes(&skill.name, digest)) {
            let revision = row.revision.clone();
            let own = row.source.kind == SourceKind::Adopted;
            return Some(if own { Adopted::As(revision) } else { Adopted::Known(revision) });
        }
        let from_here = |row: &&RevisionRow| {
            row.source.kind == SourceKind::Adopted && Path::new(&row.source.location) == skill.folder()
        };
        newest(self.rows.iter().filter(from_here)).map(|row| Adopted::Changed(row.revision.clone()))
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Findings {
    /// The skills, by name.
    pub skills: Vec<Unmanaged>,
    /// Whether some folder was not searched, so that a skill may be missing.
    /// Attack: thousands of empty folders before the bad one.
    pub cut: bool,
}

/// Finds them.
#[must_use]
pub fn find(world: &World, ours: &Ours) -> Findings {
    let (found, cut) = lying(world, &ours.places);
    Findings { skills: read_all(world, found, ours), cut }
}

/// The skill in one folder, whether an agent reads it or not.
#[must_use]
pub fn find_at(world: &World, folder: &Path, ours: &Ours) -> Option<Unmanaged> {
    let here = real(folder);
    let found = lying(world, &BTreeSet::new()).0.into_iter().find(|lying| lying.real == here);
    let alone =
        || Lying { real: here.clone(), path: folder.to_owned(), also: Vec::new(), agents: Vec::new() };
    read_all(world, vec![found.unwrap_or_else(alone)], ours).pop()
}

fn read_all(world: &World, found: Vec<Lying>, ours: &Ours) -> Vec<Unmanaged> {
    let account = world.account_home.as_deref().unwrap_or(Path::new("/"));
    let claims = claims(account);
    let mut reader = Reader::new();
    let mut all: Vec<_> =
        found.into_iter().map(|lying| describe(&mut reader, account, lying, &claims)).collect();
    for skill in &mut all {
        skill.adopted = ours.adopted(skill);
    }
    relate(&mut all, &ours.names);
    all.sort_by(|a, b| (&a.name, &a.path).cmp(&(&b.name, &b.path)));
    all
}

/// A folder with a `SKILL.md` that agents read. One folder may be read under
/// several names: people link them together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lying {
    /// Where it really is.
    pub real: PathBuf,
    /// Where it lies, as the agents name it.
    pub path: PathBuf,
    /// Other names of it below agents' folders.
    pub also: Vec<PathBuf>,
    /// The agents that read it.
    pub agents: Vec<&'static str>,
}

/// The search alone, without reading what is found; and whether it was cut
/// short. Left out is what really lies at one of these places.
#[must_use]
pub fn lying(world: &World, leave_out: &BTreeSet<PathBuf>) -> (Vec<Lying>, bool) {
    let Some(account) = &world.account_home else { return (Vec::new(), false) };
    let left_out: BTreeSet<PathBuf> = leave_out.iter().map(|path| real(path)).collect();
    let (found, cut) = places_of(account);
    let found = found.into_iter().filter(|(real, _)| !left_out.contains(real));
    let lying = |(real, place): (PathBuf, Place)| Lying {
        real,
        path: place.path,
        also: place.also.into_iter().collect(),
        agents: place.agents.into_iter().collect(),
    };
    (found.map(lying).collect(), cut)
}

fn real(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Where a folder is read.
struct Place {
    path: PathBuf,
    also: BTreeSet<PathBuf>,
    agents: BTreeSet<&'static str>,
}

/// The folders with a `SKILL.md`, by where they really are; and whether some
/// folder was not searched.
fn places_of(account: &Path) -> (BTreeMap<PathBuf, Place>, bool) {
    let mut places: BTreeMap<PathBuf, Place> = BTreeMap::new();
    let mut search = Search { budget: FOLDERS_MAX, ..Search::default() };
    let mut searched: BTreeMap<PathBuf, Vec<(PathBuf, PathBuf)>> = BTreeMap::new();
    for folder in agent::folders() {
        let titles: Vec<_> = agent::readers(folder).map(|agent| agent.title).collect();
        let top = account.join(folder);
        let here = real(&top);
        // Attack on patience: nine names for one folder, each searched anew.
        let skills = searched.entry(here.clone()).or_insert_with(|| {
            search.folder(&top, here, DEPTH);
            std::mem::take(&mut search.found)
        });
        for (path, real) in skills.iter() {
            let new = || Place { path: path.clone(), also: BTreeSet::new(), agents: BTreeSet::new() };
            let place = places.entry(real.clone()).or_insert_with(new);
            place.agents.extend(&titles);
            if place.path != *path {
                place.also.insert(path.clone());
            }
        }
    }
    (places, search.budget == 0 || search.unread)
}

#[derive(Default)]
struct Search {
    /// Folders that may still be looked into.
    budget: usize,
    /// Whether some folder is there and could not be looked into.
    unread: bool,
    /// The real folders on the way here: a link back up ends the search.
    seen: BTreeSet<PathBuf>,
    /// As it is named, and where it really is.
    found: Vec<(PathBuf, PathBuf)>,
}

impl Search {
    /// Folders with a `SKILL.md`, not searching inside one. `here` is where the
    /// folder really is, so that only links are followed up to their ends.
    fn folder(&mut self, folder: &Path, here: PathBuf, depth: usize) {
        if depth == 0 || self.budget == 0 || !self.seen.insert(here.clone()) {
            return;
        }
        self.budget -= 1;
        for (path, link) in self.list(folder).unwrap_or_default() {
            let card = path.join("SKILL.md").symlink_metadata();
            let leads_on =
                |search: &mut Self| search.told(path.metadata()).is_some_and(|about| about.is_dir());
            let is_folder = card.is_err() && (!link || leads_on(self));
            let is_skill = self.told(card).is_some();
            if !is_skill && !is_folder {
                continue;
            }
            let name = path.file_name().unwrap_or_default();
            let below = if link { real(&path) } else { here.join(name) };
            if is_skill {
                self.found.push((path, below));
            } else {
                self.folder(&path, below, depth - 1);
            }
        }
        self.seen.remove(&here);
    }

    /// Its folders and links, sorted, and which of them are links.
    fn list(&mut self, folder: &Path) -> Option<Vec<(PathBuf, bool)>> {
        let mut paths = Vec::new();
        for entry in self.told(std::fs::read_dir(folder))? {
            let Some(entry) = self.told(entry) else { continue };
            let kind = self.told(entry.file_type());
            if let Some(kind) = kind.filter(|kind| kind.is_dir() || kind.is_symlink()) {
                paths.push((entry.path(), kind.is_symlink()));
            }
        }
        paths.sort();
        Some(paths)
    }

    /// What was found. What is not there, leads nowhere, or is closed to this
    /// account is closed to its agents too; any other failure hides something.
    ///
    /// Attack by bad luck: a disk that fails, or too many open files, and a kill
    /// says that nothing is left.
    fn told<T>(&mut self, found: std::io::Result<T>) -> Option<T> {
        self.unread |= found.as_ref().is_err_and(|error| !tree::leads_nowhere(error));
        found.ok()
    }
}

/// What the lock files of other tools claim.
fn claims(account: &Path) -> Claims {
    let mut all = Claims::new();
    for file in claim::LOCK_FILES {
        let path = account.join(file.path);
        if let Some(bytes) = path.parent().and_then(|base| read_small(base, file.path.rsplit('/').next()?)) {
            for (skill, claim) in file.claims(&bytes) {
                all.entry(skill).or_insert(claim);
            }
        }
    }
    all
}

/// A file's bytes. Attack: a FIFO of that name, on which we would wait for ever.
fn read_small(base: &Path, name: &str) -> Option<Vec<u8>> {
    let folder = tree::open_folder(&std::fs::canonicalize(base).ok()?).ok()?;
    tree::read_file(folder.as_fd(), &EntryPath::parse(name.as_bytes()).ok()?, claim::NOTE_MAX).ok()
}

/// What reading a skill's folder tells.
#[derive(Default)]
struct Seen {
    marks: BTreeSet<Mark>,
    card: Option<Result<Card, String>>,
    origin: Option<Claim>,
}

impl Seen {
    fn file(&mut self, path: &str, executable: bool, bytes: &[u8]) {
        if path == "SKILL.md" {
            let fault = |faults: Vec<CardFault>| {
                faults.first().map(|fault| text::escape_short(&fault.to_string(), 160)).unwrap_or_default()
            };
            let card = Card::parse(bytes).map_err(fault);
            self.marks.extend(marks::marks_beside(path, executable, bytes, card.as_ref().ok()));
            self.card = Some(card);
            return;
        }
        self.marks.extend(marks::marks_beside(path, executable, bytes, None));
        if claim::ORIGINS.contains(&path) {
            self.origin = claim::origin(bytes);
        }
    }
}

fn describe(reader: &mut Reader, account: &Path, place: Lying, claims: &Claims) -> Unmanaged {
    let real = place.real.as_path();
    let folder_name = place.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut seen = Seen::default();
    let observed = read(reader, real, &mut seen);
    let card = seen.card.as_ref().and_then(|card| card.as_ref().ok());
    let named = card.and_then(|card| card.name.as_ref().ok()).map(ToString::to_string);
    let below = place.path.strip_prefix(account).ok().map(|path| path.to_string_lossy());
    let from_lock = below.and_then(|path| claims.get(path.as_ref())).or_else(|| claims.get(&folder_name));
    let claim = seen.origin.or_else(|| card.and_then(claim::from_card)).or_else(|| from_lock.cloned());
    let problem = match &seen.card {
        None => Some("it cannot be read".to_owned()),
        Some(Err(fault)) => Some(fault.clone()),
        Some(Ok(card)) => match &card.name {
            Err(why) => Some(text::escape_short(why, 160)),
            Ok(name) if name.as_str() != folder_name => {
                Some(format!("it says `{name}`, its folder `{}`", text::escape_short(&folder_name, 64)))
            }
            Ok(_) => None,
        },
    };
    let observed = observed.unwrap_or_default();
    let sound = observed.faults.is_empty() && !observed.manifest.entries().is_empty();
    Unmanaged {
        name: named.unwrap_or_else(|| text::escape_short(&folder_name, 64)),
        real: (real != place.path).then(|| real.to_owned()),
        path: place.path,
        also: place.also,
        agents: place.agents,
        adopted: None,
        digest: sound.then(|| observed.manifest.digest()),
        card: problem,
        claim: claim.map(escaped),
        marks: seen.marks.into_iter().collect(),
        files: observed.manifest.entries().len(),
        faults: if sound { 0 } else { observed.faults.len().max(1) },
        relations: Vec::new(),
    }
}

fn escaped(claim: Claim) -> Claim {
    let short = |part: &str| text::escape_short(part, 200);
    Claim { tool: claim.tool, source: short(&claim.source), revision: claim.revision.as_deref().map(short) }
}

/// Reads all of it; none if the folder cannot be opened.
fn read(reader: &mut Reader, real: &Path, seen: &mut Seen) -> Option<Observed> {
    let folder = tree::open_folder(real).ok()?;
    let mut bytes = Vec::new();
    let checks = Checks { limits: Limits::DEFAULT, strict: None };
    let sink = &mut |path: &EntryPath, executable: bool, piece: Piece<'_>| {
        match piece {
            Piece::Start(_) => bytes.clear(),
            Piece::Bytes(more) => bytes.extend_from_slice(more),
            Piece::End => seen.file(path.as_str(), executable, &bytes),
        }
        Ok(())
    };
    reader.copy(folder.as_fd(), &checks, sink).ok()
}

/// Compares all with one another, and their names with those that are ours.
fn relate(all: &mut [Unmanaged], ours: &BTreeSet<SkillName>) {
    let mut by_bytes: BTreeMap<Digest, Vec<usize>> = BTreeMap::new();
    let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, skill) in all.iter().enumerate() {
        if let Some(digest) = skill.digest {
            by_bytes.entry(digest).or_default().push(at);
        }
        by_name.entry(skill.name.clone()).or_default().push(at);
    }
    let names = by_name.keys().map(String::as_str).chain(ours.iter().map(SkillName::as_str));
    let alike = alike::alike(names);
    let mut found: Vec<(usize, Relation)> = Vec::new();
    let path = |at: usize| all[at].path.to_string_lossy().into_owned();
    for (at, skill) in all.iter().enumerate() {
        let same = skill.digest.and_then(|digest| by_bytes.get(&digest)).into_iter().flatten();
        found.extend(
            same.filter(|other| **other != at).map(|other| (at, Relation::SameBytes { path: path(*other) })),
        );
        for other in by_name[&skill.name].iter().filter(|other| **other != at) {
            let twin = &all[*other];
            let differs = skill.digest.is_none() || twin.digest != skill.digest;
            let both = |agent: &&&str| twin.agents.contains(*agent);
            let agents: Vec<_> = skill.agents.iter().filter(both).copied().collect();
            if differs && !agents.is_empty() {
                found.push((at, Relation::Shadows { path: path(*other), agents }));
            }
        }
        if skill.adopted.is_none() && ours.iter().any(|name| name.as_str() == skill.name) {
            found.push((at, Relation::NamedAsOurs));
        }
        let looks = alike.get(skill.name.as_str()).into_iter().flatten();
        found.extend(looks.map(|name| (at, Relation::LooksLike { name: (*name).to_owned() })));
    }
    for (at, relation) in found {
        all[at].relations.push(relation);
    }
}

/// How each of some agents, by title, switches a skill off by itself.
#[must_use]
pub fn switches(titles: &BTreeSet<&'static str>) -> Vec<(&'static str, &'static str)> {
    let wanted = AGENTS.iter().filter(|agent| titles.contains(agent.title));
    wanted.map(|agent| (agent.title, agent.switch_off)).collect()
}
