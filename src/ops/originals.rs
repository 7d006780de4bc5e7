//! What somebody else put where a skill of ours is to lie: looked at, shown,
//! agreed to, moved aside, and put back where that fails.
//!
//! The order, and what a crash leaves at each step:
//!
//! ```text
//!   looked at and hashed                no lock; a person sees path, digest, difference
//!   agreed                              [`Agreed`]: the only thing that lets it be moved
//!   lock; looked at and hashed again    changed: refused
//!   mark                                names it; recovery will say what became of it
//!   one rename into the evidence        crash: nothing is there, nothing is allowed,
//!   hashed once more                           the original is whole in the evidence
//!   staged, permit, copy, commit, log   as every enable; the record says where it went
//!   one rename staged → final           crash before: recovery takes our copy away
//!   mark removed
//! ```
//!
//! It moves before the permit is written: a kill or a recovery that finds the
//! permit would take whatever lies at the final path for our copy. So there is
//! never a moment at which somebody else's bytes lie where the permit points,
//! and never two live copies of which one is believed to be the other.
//!
//! If the enable fails after the move, the original goes back only while its
//! place is free and no kill is in force. Attack: `kill --unmanaged` looks while
//! the original is in the evidence, and it would be live again afterwards.

use super::session::{Session, ledger_stop, open_ledger};
use super::unmanaged::{self, Adopted, Ours};
use super::{Answer, Ask, Question, World, facts, place::Place};
use crate::model::agent::{self, AGENTS};
use crate::model::code::{Code, Stop};
use crate::model::digest::Digest;
use crate::model::lifecycle::RevisionRow;
use crate::model::limits::Limits;
use crate::model::manifest::Manifest;
use crate::model::skill::Revision;
use crate::model::text;
use crate::policy::drift;
use crate::policy::gate::Brake;
use crate::system::home::Home;
use crate::system::originals::{self, Kind, Mark, MoveFault, Moved, Original};
use crate::system::tree::{self, Checks, Observed};
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Something that is not ours, where a revision is to be placed.
#[derive(Debug, Clone)]
pub struct InTheWay {
    /// What is to be placed.
    pub revision: Revision,
    /// The folder it is to be placed in.
    pub folder: PathBuf,
    /// Where a link leads; none for a folder.
    pub leads: Option<PathBuf>,
    /// How many entries differ from the revision; none if it cannot be read.
    pub differ: Option<usize>,
    /// The git work tree around it.
    pub work_tree: Option<PathBuf>,
    /// Other names under which agents reach it.
    pub also: Vec<PathBuf>,
    original: Original,
    seen: Option<Observed>,
}

impl InTheWay {
    /// Looks at a path and reads what is there; none if nothing is.
    ///
    /// # Errors
    /// [`Code::TargetTaken`] for what cannot be moved aside.
    pub fn look(path: &Path, revision: &Revision, pinned: Option<&Manifest>) -> Result<Option<Self>, Stop> {
        let found = Original::look(path).map_err(|fault| taken(path, &fault))?;
        let Some(original) = found else { return Ok(None) };
        if let Some(owner) = original.foreign() {
            return Err(taken(path, &MoveFault::Foreign(owner)));
        }
        let seen = read(&original.path);
        let differ = seen.as_ref().map(|seen| match pinned {
            Some(pinned) => drift::compare(pinned, &seen.manifest, &seen.faults).len(),
            None => usize::from(!seen.is(&revision.digest)),
        });
        let leads = match &original.kind {
            Kind::Folder => None,
            Kind::Link(text) => Some(std::fs::canonicalize(&original.path).unwrap_or_else(|_| text.clone())),
        };
        let folder = original.path.parent().unwrap_or(Path::new("/")).to_owned();
        let work_tree = folder
            .ancestors()
            .find(|above| above.join(".git").symlink_metadata().is_ok())
            .map(Path::to_owned);
        let revision = revision.clone();
        Ok(Some(Self { revision, folder, leads, differ, work_tree, also: Vec::new(), original, seen }))
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.original.path
    }

    /// Its digest; none if it is no sound skill, or a link to nowhere.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        sound(self.seen.as_ref())
    }

    /// How many of its entries no skill may hold.
    #[must_use]
    pub fn faults(&self) -> usize {
        self.seen.as_ref().map_or(0, |seen| seen.faults.len())
    }

    /// Whether it is a link.
    #[must_use]
    pub fn is_link(&self) -> bool {
        matches!(self.original.kind, Kind::Link(_))
    }

    /// The command that states it without a terminal, where it has a digest.
    fn command(&self) -> Option<String> {
        // One of another name is found by `--adopted` alone.
        let own = self.path().file_name().is_some_and(|name| name == self.revision.name.as_str());
        let folder = own.then(|| text::shell_bytes(self.folder.as_os_str().as_bytes()))?;
        Some(format!("skills enable {} --dir {folder} --replace {}", self.revision, self.digest()?))
    }
}

fn sound(seen: Option<&Observed>) -> Option<Digest> {
    seen.filter(|seen| seen.faults.is_empty()).map(|seen| seen.manifest.digest())
}

/// All of a folder, or of the one that a link leads to.
fn read(path: &Path) -> Option<Observed> {
    let folder = tree::open_folder(&std::fs::canonicalize(path).ok()?).ok()?;
    Some(tree::read(folder.as_fd(), &Checks { limits: Limits::DEFAULT, strict: None }))
}

fn shown(path: &Path) -> String {
    text::escape_bytes(path.as_os_str().as_bytes())
}

fn taken(path: &Path, fault: &MoveFault) -> Stop {
    let what = format!("{} is not ours and is not moved: {fault}", shown(path));
    let next = match fault {
        MoveFault::Foreign(_) => "that account moves it away, or name another folder: --dir PATH",
        MoveFault::Changed => "look at what is there now: enable again",
        _ => "move it away, then enable again",
    };
    let code = if matches!(fault, MoveFault::Io { .. }) { Code::Io } else { Code::TargetTaken };
    Stop::new(code, what, next)
}

/// A person's yes, or a digest stated in full, for exactly what was looked at.
/// Only [`agree`] and [`state`] make one.
#[derive(Debug, Clone)]
pub struct Agreed {
    original: Original,
    seen: Option<Observed>,
}

impl Agreed {
    /// What may be moved.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.original.path
    }

    /// Its digest, where it has one.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        sound(self.seen.as_ref())
    }

    fn is_still_so(&self) -> bool {
        let now = Original::look(self.path()).ok().flatten();
        now.as_ref() == Some(&self.original) && read(self.path()) == self.seen
    }
}

/// Asks once for all of them.
///
/// # Errors
/// [`Code::Declined`]; [`Code::PersonNeeded`] with the commands that state them.
pub fn agree(world: &World, all: &[InTheWay], shown: &str, ask: &mut dyn Ask) -> Result<Vec<Agreed>, Stop> {
    world.no_agent("skills enable …")?;
    let prompt = match all {
        [] => return Ok(Vec::new()),
        [one] => format!("Move it aside and place {} there?", one.revision),
        many => format!("Move these {} aside and place the copies?", many.len()),
    };
    match ask.ask(shown, &Question::Confirm(prompt)) {
        Answer::Yes => Ok(all
            .iter()
            .map(|one| Agreed { original: one.original.clone(), seen: one.seen.clone() })
            .collect()),
        Answer::No => {
            Err(Stop::new(Code::Declined, "not enabled: what lies there stays", "another place: --dir PATH"))
        }
        Answer::Nobody => {
            let what = match all {
                [one] => {
                    format!("{} is not ours, and lies where it is to be placed", self::shown(one.path()))
                }
                many => format!("{} skills that are not ours lie where these are to be placed", many.len()),
            };
            let commands: Vec<_> = all.iter().filter_map(InTheWay::command).take(20).collect();
            let next = if commands.is_empty() {
                "a person enables it at a terminal, or moves what lies there away".to_owned()
            } else {
                format!("a person at a terminal, or by stating what lies there: {}", commands.join("; "))
            };
            Err(Stop::new(Code::PersonNeeded, what, next))
        }
    }
}

/// What a machine states: the digest of what lies there, in full.
///
/// # Errors
/// [`Code::DigestMismatch`] if other bytes lie there.
pub fn state(world: &World, one: &InTheWay, digest: &Digest) -> Result<Agreed, Stop> {
    world.no_agent("skills enable …")?;
    if one.digest() == Some(*digest) {
        return Ok(Agreed { original: one.original.clone(), seen: one.seen.clone() });
    }
    let found =
        one.digest().map_or_else(|| "nothing that has a digest".to_owned(), |found| found.to_string());
    let what = format!("{} holds {found}, you stated {digest}", shown(one.path()));
    Err(Stop::new(Code::DigestMismatch, what, "look at it, then state what lies there"))
}

/// An original that is out of the way, until the enable has come to its end.
pub(super) struct Aside {
    moved: Moved,
    mark: Mark,
    digest: Option<Digest>,
}

/// Where an original is after an enable.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Where it lay.
    pub from: PathBuf,
    /// Where it is.
    pub at: PathBuf,
    /// Its digest, where it has one.
    pub digest: Option<Digest>,
    /// The command that brings it back.
    pub back: String,
}

/// Moves it, under the lock, if it still is what was agreed to.
pub(super) fn take(session: &Session<'_>, agreed: &Agreed) -> Result<Aside, Stop> {
    let path = agreed.path();
    // Attack: other bytes are put there while the question waits for its answer.
    if !agreed.is_still_so() {
        return Err(taken(path, &MoveFault::Changed));
    }
    let io = |error: std::io::Error| Stop::new(Code::Io, format!("the home: {error}"), "run: skills doctor");
    let id = originals::fresh_id();
    let mark = originals::announce(&session.home, &[(id.clone(), path.to_owned())]).map_err(io)?;
    if !mark.flushed {
        mark.done(&session.home).map_err(io)?;
        return Err(io(std::io::Error::other("it cannot be written down what is to be moved")));
    }
    let moved = match originals::take(Some(&session.home), &agreed.original, &id) {
        Ok(moved) => moved,
        Err(fault) => {
            // What is not where it was is recovery's to name.
            if agreed.original.is_there() || matches!(fault, MoveFault::Changed) {
                mark.done(&session.home).map_err(io)?;
            }
            return Err(taken(path, &fault));
        }
    };
    let aside = Aside { moved, mark, digest: agreed.digest() };
    if let Some(why) = &aside.moved.unflushed {
        let what = format!("{} was moved aside and that could not be flushed: {why}", shown(path));
        let mut stop = Stop::new(Code::Io, what, "free space, then enable again");
        stop.what.push_str(&aside.put_back(session));
        return Err(stop);
    }
    // And between that look and the move. What stayed beside its place is closed,
    // and of a link nothing but the link was moved.
    let whole = agreed.original.kind == Kind::Folder && !aside.moved.beside;
    if whole && read(&aside.moved.at) != agreed.seen {
        let mut stop = taken(path, &MoveFault::Changed);
        stop.what.push_str(&aside.put_back(session));
        return Err(stop);
    }
    Ok(aside)
}

impl Aside {
    /// For the record of what took its place.
    pub(super) fn words(&self) -> String {
        let digest = self.digest.map_or_else(|| "no sound skill".to_owned(), |digest| digest.to_string());
        let (from, at) = (shown(&self.moved.original.path), shown(&self.moved.at));
        format!("kept at {at} is what lay there before, {from} ({digest})")
    }

    pub(super) fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// It is recorded where it is. A mark that cannot be removed is recorded
    /// once more by the next command.
    pub(super) fn done(self, home: &Home) -> Kept {
        let _ = self.mark.done(home);
        let (from, back) = (self.moved.original.path.clone(), self.moved.back());
        Kept { from, at: self.moved.at, digest: self.digest, back }
    }

    /// Puts it back, if that lets nothing spring to life that a kill stopped;
    /// in words that go into the refusal and so into its record.
    pub(super) fn put_back(self, session: &Session<'_>) -> String {
        let (home, from) = (&session.home, shown(&self.moved.original.path));
        let clear = || matches!(facts::brake(home), Brake::Clear { .. });
        let kept = |why: &str| {
            let at = shown(&self.moved.at);
            format!("; what lay at {from} is kept at {at}, since {why}; back with: {}", self.moved.back())
        };
        if !clear() {
            let words = kept("a kill is in force");
            let _ = self.mark.done(home);
            return words;
        }
        if let Err(fault) = self.moved.put_back(home) {
            let words = kept(&fault.to_string());
            let _ = self.mark.done(home);
            return words;
        }
        // A kill that came meanwhile may have looked before it was back.
        if !clear()
            && let Ok(Some(again)) = Original::look(&self.moved.original.path)
            && let Ok(moved) = originals::take(Some(home), &again, &originals::fresh_id())
        {
            let _ = self.mark.done(home);
            let at = shown(&moved.at);
            return format!(
                "; what lay at {from} is kept at {at}, since a kill came; back with: {}",
                moved.back()
            );
        }
        let _ = self.mark.done(home);
        format!("; what lay at {from} is there again")
    }

    /// It stays where it is, and recovery records where.
    pub(super) fn leave(self) -> String {
        let at = shown(&self.moved.at);
        format!(
            "; what lay at {} is kept at {at}; back with: {}",
            shown(&self.moved.original.path),
            self.moved.back()
        )
    }
}

/// Records where originals are that a process moved and did not come to record.
///
/// # Errors
/// [`Stop`].
pub(super) fn recover(session: &mut Session<'_>) -> Result<(), Stop> {
    let io = |error: std::io::Error| Stop::new(Code::Io, format!("the home: {error}"), "run: skills doctor");
    for left in originals::left(&session.home).map_err(io)? {
        let mut drafts = Vec::new();
        for (id, from) in &left.moves {
            if let Some((at, back)) = originals::moved(&session.home, id, from).map_err(io)? {
                // Where it is comes first: a record that is too long loses its end.
                let (at, from) = (shown(&at), shown(from));
                let reason = format!("moved aside: found at {at} is what lay at {from}; back with: {back}");
                drafts.push(session.draft("recover", crate::model::record::Outcome::Done, reason));
            }
        }
        if !drafts.is_empty() {
            session.commit(|_| Ok(drafts))?;
        }
        left.done(&session.home).map_err(io)?;
    }
    Ok(())
}

/// One adopted skill, and where its original lies.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The revision, trusted.
    pub revision: Revision,
    /// Where it is to be placed.
    pub place: Place,
    /// The original there.
    pub path: PathBuf,
    /// Other names of the original.
    pub also: Vec<PathBuf>,
}

/// What can be replaced, and what cannot yet, each with the way on.
pub type AdoptedPlaces = (Vec<Wanted>, Vec<(PathBuf, Stop)>);

/// Where the originals of adopted skills lie now, found by looking: of one
/// name links first, so that what they lead to is still what was adopted.
///
/// # Errors
/// [`Stop`].
pub fn adopted(world: &World) -> Result<AdoptedPlaces, Stop> {
    let home = Home::open(&world.home).map_err(|fault| super::session::home_stop(&fault))?;
    let rows = open_ledger(&home)?.revisions().map_err(|fault| ledger_stop(&fault))?;
    let ours = Ours::of(rows);
    let (mut wanted, mut left) = (Vec::new(), Vec::new());
    for skill in unmanaged::find(world, &ours).skills {
        let paths: Vec<_> = [&skill.path].into_iter().chain(&skill.also).cloned().collect();
        let revision = match &skill.adopted {
            Some(Adopted::As(revision)) => revision,
            Some(Adopted::Changed(revision)) => {
                let what = format!("changed since it was adopted as {revision}");
                let next = super::adopt_command(&skill.path);
                left.push((skill.path.clone(), Stop::new(Code::DigestMismatch, what, next)));
                continue;
            }
            _ => continue,
        };
        if !is_pinned(&ours.rows, revision) {
            let what = format!("adopted as {revision}, which is not trusted");
            let next = format!("skills review {revision}, then: skills trust {revision}");
            left.push((skill.path.clone(), Stop::new(Code::NotTrusted, what, next)));
            continue;
        }
        for path in &paths {
            match behind(world, path) {
                None => wanted.push(Wanted {
                    revision: revision.clone(),
                    place: place_of(world, path),
                    path: path.clone(),
                    also: paths.iter().filter(|other| *other != path).cloned().collect(),
                }),
                Some(link) => {
                    let what = format!("lies behind the link {}, and is not followed there", shown(&link));
                    let next = format!("move that link away, then: skills enable {revision} --agent NAME");
                    left.push((path.clone(), Stop::new(Code::TargetTaken, what, next)));
                }
            }
        }
    }
    let own_name = |one: &Wanted| one.path.file_name().is_some_and(|name| name == one.revision.name.as_str());
    // What lies under the skill's own name goes first: its place is the copy's.
    wanted.sort_by_key(|one| (!own_name(one), !one.path.is_symlink()));
    Ok((wanted, left))
}

fn is_pinned(rows: &[RevisionRow], revision: &Revision) -> bool {
    rows.iter().any(|row| row.revision == *revision && row.lifecycle.pin().is_some())
}

/// The agent's folder that a path lies in, without resolving links.
fn top<'a>(world: &World, path: &'a Path) -> Option<(PathBuf, &'a Path)> {
    let account = world.account_home.as_deref()?;
    agent::folders().into_iter().find_map(|folder| {
        let top = account.join(folder);
        let rest = path.strip_prefix(&top).ok()?;
        Some((top, rest))
    })
}

/// The first link on the way from an agent's folder to an entry, which is
/// neither of the two.
#[must_use]
pub fn behind(world: &World, path: &Path) -> Option<PathBuf> {
    let (mut here, rest) = top(world, path)?;
    let above: Vec<_> = rest.parent()?.components().collect();
    above.into_iter().find_map(|part| {
        here.push(part);
        here.is_symlink().then(|| here.clone())
    })
}

/// The agent whose folder it is, or the folder.
fn place_of(world: &World, path: &Path) -> Place {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let account = world.account_home.as_deref().unwrap_or(Path::new("/"));
    let own = AGENTS.iter().find(|agent| account.join(agent.place) == folder);
    own.map_or_else(|| Place::Folder(folder.to_owned()), |agent| Place::Agent(agent.id.to_owned()))
}
