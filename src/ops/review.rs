//! `review`: what a person reads before trusting.
//!
//! The store copy is hashed as a whole and must be the revision's digest; then
//! each file is read again when it is shown, and shown only if it is the file
//! of that manifest. Placements are never read: they are what agents see, and
//! what is decided about is what we keep.
//!
//! After a first trust of the name only the difference to the revision trusted
//! last is shown, if that one's store copy is still sound.

use super::judged::{self, Told};
use super::provenance::{self, Vouching};
use super::revoked::{Covered, Lists};
use super::session::{home_stop, ledger_stop, open_ledger};
use super::{World, facts, findings, layers};
use crate::model::card::Card;
use crate::model::code::{Code, Stop};
use crate::model::finding::Tier;
use crate::model::lifecycle::{Lifecycle, Pin, RevisionRow, State};
use crate::model::manifest::{Entry, Manifest};
use crate::model::text;
use crate::policy::config::Policy;
use crate::policy::judge::Weighed;
use crate::policy::marks::{self, Mark};
use crate::system::home::Home;
use crate::system::ledger::Ledger;
use crate::system::tree;
use std::os::fd::{AsFd as _, OwnedFd};

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct ReviewRequest {
    /// NAME or NAME@DIGEST.
    pub skill: String,
    /// Show everything, whatever was trusted before.
    pub full: bool,
    /// Compare with this revision instead of the one trusted last.
    pub against: Option<String>,
}

/// A review: an open, verified store copy, and what to compare it with.
#[derive(Debug)]
pub struct Review {
    /// The revision.
    pub row: RevisionRow,
    /// Its card, or what is wrong with it.
    pub card: Result<Card, Vec<String>>,
    /// Its files and, when compared, those that are gone; by path.
    pub files: Vec<FileView>,
    /// What it is compared with.
    pub base: Option<Base>,
    /// Why it is not compared although something was trusted before.
    pub no_base: Option<String>,
    /// Who vouches for it.
    pub findings: Vouching,
    /// What revokes it; or why that cannot be told.
    pub revoked: Result<Option<Covered>, Stop>,
    /// What the rules found in it.
    pub found: Told,
    copy: Copy,
}

/// What a review compares with.
#[derive(Debug)]
pub struct Base {
    /// The revision.
    pub row: RevisionRow,
    /// The decision about it.
    pub pin: Option<Pin>,
    copy: Copy,
}

/// An open store copy whose bytes were all hashed.
#[derive(Debug)]
struct Copy {
    folder: OwnedFd,
    manifest: Manifest,
}

/// How a file compares with the base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// The same bytes and mode; or there is nothing to compare with.
    Same,
    /// Not in the base.
    Added,
    /// Other bytes or another mode.
    Changed,
    /// Only in the base.
    Removed,
}

/// One file of a review.
#[derive(Debug, Clone)]
pub struct FileView {
    /// Path, mode, size and digest; the base's for a removed file.
    pub entry: Entry,
    /// What to look for.
    pub marks: Vec<Mark>,
    /// Whether it is text.
    pub is_text: bool,
    /// Against the base.
    pub change: Change,
    /// Before the change, if it was there.
    pub was: Option<Entry>,
    /// The marks of its content that it had not in the base; all of them
    /// where it is new or nothing is compared.
    pub fresh: Vec<Mark>,
    /// Lines added and taken away; all of them where nothing is compared, zero
    /// for what is not text.
    pub lines: (usize, usize),
}

impl FileView {
    /// Whether a person has to read it.
    #[must_use]
    pub fn is_news(&self) -> bool {
        self.was.as_ref() != Some(&self.entry)
    }

    /// Sorts the riskiest first: by what is new in it, then by its worst mark,
    /// then by how many there are, then by its path.
    #[must_use]
    pub fn risk(&self) -> (u8, u8, std::cmp::Reverse<usize>, &str) {
        let worst = |marks: &[Mark]| marks.iter().min().map_or(u8::MAX, |mark| *mark as u8);
        (
            worst(&self.fresh),
            worst(&self.marks),
            std::cmp::Reverse(self.marks.len()),
            self.entry.path.as_str(),
        )
    }
}

/// Opens a review.
///
/// # Errors
/// [`Stop`]; [`Code::DigestMismatch`] when the store copy is not sound.
pub fn open(world: &World, request: &ReviewRequest) -> Result<Review, Stop> {
    let home = Home::open(&world.home).map_err(|fault| home_stop(&fault))?;
    let ledger = open_ledger(&home)?;
    let row = facts::resolve(&ledger, &request.skill, |row| row.lifecycle.state() == State::Installed)?;
    let now = world.clock.now().max(ledger.head().time);
    // A policy that cannot be read keeps nobody from reading a skill.
    let rules = world.policy().and_then(|files| layers::over(files, &ledger));
    let problem = rules.as_ref().err().cloned();
    let policy = rules.unwrap_or_else(|_| Policy::silent());
    let told = |row: &RevisionRow| {
        let revoked = Lists::read(&ledger, &policy).map(|lists| lists.covers(row, now));
        let mut found = judged::told(&home, &ledger, &policy, row, now)?;
        found.problem = problem.or(found.problem);
        Ok((provenance::find(&home, &ledger, &policy, row, now)?, revoked, found))
    };
    read(&home, &ledger, row, request, told)
}

/// What is said of a revision: by the trust roots, who vouches for it, and whether
/// it is revoked, if that can be told; by the rules, what they found.
pub type Said = (Vouching, Result<Option<Covered>, Stop>, Told);

/// Reads one revision, with what it is told that others say.
///
/// # Errors
/// As [`open`], and what telling answers.
pub fn read(
    home: &Home,
    ledger: &Ledger,
    row: RevisionRow,
    request: &ReviewRequest,
    told: impl FnOnce(&RevisionRow) -> Result<Said, Stop>,
) -> Result<Review, Stop> {
    let copy = open_copy(home, &row)?;
    let card = card(&copy);
    let (base, no_base) = base(home, ledger, &row, request)?;
    let (findings, revoked, found) = told(&row)?;
    let mut review = Review { row, card, files: Vec::new(), base, no_base, findings, revoked, found, copy };
    review.files = review.views()?;
    review.mark_findings();
    Ok(review)
}

fn open_copy(home: &Home, row: &RevisionRow) -> Result<Copy, Stop> {
    findings::open(home, row).map(|(folder, manifest)| Copy { folder, manifest })
}

impl Copy {
    /// The bytes of a file, which are those of the manifest.
    fn read(&self, entry: &Entry) -> Result<Vec<u8>, Stop> {
        tree::read_entry(self.folder.as_fd(), entry, entry.size).map_err(|fault| {
            let what = format!("the stored copy changed while it was read: {fault}");
            Stop::new(Code::DigestMismatch, what, "look into it, then run: skills verify")
        })
    }
}

fn card(copy: &Copy) -> Result<Card, Vec<String>> {
    let entry = copy.manifest.get("SKILL.md").ok_or_else(|| vec!["there is no SKILL.md".to_owned()])?;
    let bytes = copy.read(entry).map_err(|stop| vec![stop.what])?;
    Card::parse(&bytes).map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

/// The revision to compare with, or why there is none.
fn base(
    home: &Home,
    ledger: &Ledger,
    row: &RevisionRow,
    request: &ReviewRequest,
) -> Result<(Option<Base>, Option<String>), Stop> {
    if let Some(typed) = &request.against {
        let other = facts::resolve(ledger, typed, |other| other.lifecycle.pin().is_some())?;
        let copy = open_copy(home, &other)?;
        return Ok((Some(Base { pin: decision(&other).cloned(), row: other, copy }), None));
    }
    if request.full {
        return Ok((None, None));
    }
    let rows = ledger.revisions_named(&row.revision.name).map_err(|fault| ledger_stop(&fault))?;
    let others = rows.into_iter().filter(|other| other.revision != row.revision);
    let trusted = others.filter(|other| decision(other).is_some());
    let Some(last) = trusted.max_by_key(|other| decision(other).map(|pin| pin.seq)) else {
        return Ok((None, None));
    };
    Ok(match open_copy(home, &last) {
        Ok(copy) => (Some(Base { pin: decision(&last).cloned(), row: last, copy }), None),
        Err(stop) => (None, Some(stop.what)),
    })
}

/// The decision about a revision, in force or withdrawn.
const fn decision(row: &RevisionRow) -> Option<&Pin> {
    match &row.lifecycle {
        Lifecycle::Installed { former } => former.as_ref(),
        Lifecycle::Trusted { pin } | Lifecycle::Enabled { pin, .. } => Some(pin),
    }
}

/// Text as a reviewer sees it; none for what is binary.
#[must_use]
pub fn as_text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

impl Review {
    /// The bytes of a file of this revision, hashed and equal to the manifest.
    ///
    /// # Errors
    /// [`Code::DigestMismatch`].
    pub fn read(&self, view: &FileView) -> Result<Vec<u8>, Stop> {
        match (view.change, &self.base) {
            (Change::Removed, Some(base)) => base.copy.read(&view.entry),
            _ => self.copy.read(&view.entry),
        }
    }

    /// The bytes that a changed file had in the base.
    ///
    /// # Errors
    /// [`Code::DigestMismatch`].
    pub fn read_before(&self, view: &FileView) -> Result<Vec<u8>, Stop> {
        match (&view.was, &self.base) {
            (Some(was), Some(base)) => base.copy.read(was),
            _ => Ok(Vec::new()),
        }
    }

    /// The file at a path.
    ///
    /// # Errors
    /// [`Code::Usage`], with the paths that look like it.
    pub fn file(&self, path: &str) -> Result<&FileView, Stop> {
        let found = self.files.iter().find(|view| view.entry.path.as_str() == path);
        found.ok_or_else(|| {
            let what = format!("{} has no file `{}`", self.row.revision, text::escape_short(path, 200));
            Stop::new(Code::Usage, what, format!("skills review {} --files", self.row.revision))
        })
    }

    fn views(&self) -> Result<Vec<FileView>, Stop> {
        let mut views = Vec::new();
        for entry in self.copy.manifest.entries() {
            let was = self.base.as_ref().and_then(|base| base.copy.manifest.get(entry.path.as_str()));
            views.push(self.view(entry, was)?);
        }
        for entry in self.base.iter().flat_map(|base| base.copy.manifest.entries()) {
            if self.copy.manifest.get(entry.path.as_str()).is_none() {
                views.push(self.removed(entry)?);
            }
        }
        views.sort_by(|a, b| a.entry.path.cmp(&b.entry.path));
        Ok(views)
    }

    /// Marks the files in which something was found that a person has to know of.
    fn mark_findings(&mut self) {
        let heavy = |one: &&Weighed| one.weight() >= Tier::Confirm;
        for view in self.files.iter_mut().filter(|view| view.change != Change::Removed) {
            let here = |one: &&Weighed| one.finding.path == view.entry.path.as_str();
            if self.found.judgement.findings.iter().filter(heavy).any(|one| here(&one)) {
                view.marks.insert(0, Mark::Findings);
            }
            if self.found.news().filter(heavy).any(|one| here(&one)) {
                view.fresh.insert(0, Mark::Findings);
            }
        }
    }

    fn view(&self, entry: &Entry, was: Option<&Entry>) -> Result<FileView, Stop> {
        let bytes = self.copy.read(entry)?;
        let mut marks = marks::marks(entry.path.as_str(), entry.executable, &bytes);
        let change = match (was, &self.base) {
            (_, None) => Change::Same,
            (None, Some(_)) => Change::Added,
            (Some(was), Some(_)) if was == entry => Change::Same,
            (Some(_), Some(_)) => Change::Changed,
        };
        let mut fresh = marks.clone();
        if change == Change::Same && self.base.is_some() {
            fresh.clear();
        } else if let (Some(was), Some(base)) = (was, &self.base) {
            let before = base.copy.read(was)?;
            let before = marks::marks(was.path.as_str(), was.executable, &before);
            fresh.retain(|mark| !before.contains(mark));
        }
        marks.extend(match change {
            Change::Added => Some(Mark::Added),
            Change::Changed => Some(Mark::Changed),
            Change::Same | Change::Removed => None,
        });
        let mut view = FileView {
            entry: entry.clone(),
            marks,
            is_text: as_text(&bytes).is_some(),
            change,
            was: was.cloned(),
            fresh,
            lines: (0, 0),
        };
        view.lines = match change {
            Change::Same if self.base.is_some() => (0, 0),
            Change::Removed => (0, 0),
            Change::Same | Change::Added => (as_text(&bytes).map_or(0, |text| text.lines().count()), 0),
            Change::Changed => lines_changed(&self.read_before(&view)?, &bytes),
        };
        Ok(view)
    }

    fn removed(&self, entry: &Entry) -> Result<FileView, Stop> {
        let mut view = FileView {
            entry: entry.clone(),
            marks: vec![Mark::Removed],
            is_text: false,
            change: Change::Removed,
            was: None,
            fresh: Vec::new(),
            lines: (0, 0),
        };
        let bytes = self.read(&view)?;
        if let Some(text) = as_text(&bytes) {
            view.is_text = true;
            view.lines.1 = text.lines().count();
        }
        Ok(view)
    }
}

/// Lines added and taken away, counted without their order; what is not text
/// counts as nothing.
fn lines_changed(before: &[u8], after: &[u8]) -> (usize, usize) {
    let (Some(before), Some(after)) = (as_text(before), as_text(after)) else { return (0, 0) };
    let mut balance: std::collections::HashMap<&str, (usize, usize)> = std::collections::HashMap::new();
    before.lines().for_each(|line| balance.entry(line).or_default().0 += 1);
    after.lines().for_each(|line| balance.entry(line).or_default().1 += 1);
    balance.values().fold((0, 0), |(added, removed), (was, now)| {
        (added + now.saturating_sub(*was), removed + was.saturating_sub(*now))
    })
}
