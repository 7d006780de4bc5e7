//! `verify`: everything hashed again, everything compared with everything.
//!
//! ```text
//!   lock ─▶ ledger file, state tree, whole log, checkpoint
//!   ─────────────────────────────────────────────────────── lock given back
//!   hash every store object and every placement, in parallel
//!   ─────────────────────────────────────────────────────── lock again
//!   each revision: the gate's decision over those hashes
//!   drift, an end of trust, a policy not met: hashed once more, declared
//!   names that nobody accounts for
//! ```
//!
//! A folder by its path needs no home: it is hashed by the rules for what
//! comes in, and compared with what is known here, if anything is.

use super::look::{self, Job, Look, Part};
use super::session::{Depth, Session, ledger_stop, log_stop};
use super::{World, apply, facts, gate, layers, refusals};
use crate::model::code::{Code, Stop};
use crate::model::decision::Question;
use crate::model::digest::Digest;
use crate::model::lifecycle::{DriftReason, Event, RevisionRow, State};
use crate::model::limits::{Fault, Limits};
use crate::model::manifest::Manifest;
use crate::model::skill::Revision;
use crate::policy::gate::{Hashed, No};
use crate::system::home::Home;
use crate::system::store::Store;
use crate::system::strays;
use crate::system::tree::{self, Checks};
use std::collections::BTreeSet;
use std::os::fd::AsFd as _;
use std::path::Path;

/// What a verification looked at and found.
#[derive(Debug, Default)]
pub struct Verification {
    /// Revisions looked at.
    pub revisions: usize,
    /// Store objects hashed.
    pub objects: usize,
    /// Placements hashed.
    pub placements: usize,
    /// Records of the log checked; none if it could not be.
    pub records: Option<u64>,
    /// Head of the log, `SIZE:ROOT`.
    pub head: Option<String>,
    /// Records that the checkpoint vouches for; none if there is none.
    pub checkpoint: Option<u64>,
    /// Everything that is wrong.
    pub problems: Vec<Problem>,
    /// Files of nobody's in the home's folders.
    pub strays: Vec<String>,
}

/// Something that is wrong.
#[derive(Debug)]
pub struct Problem {
    /// Which revision it is about.
    pub revision: Option<Revision>,
    /// What is wrong, and the way on.
    pub stop: Stop,
    /// Whether it was declared and recorded by this call: the copies are gone.
    pub declared: bool,
    /// Per file, how the bytes differ.
    pub differences: Vec<DriftReason>,
}

impl Problem {
    fn of(revision: Option<&Revision>, stop: Stop) -> Self {
        Self { revision: revision.cloned(), stop, declared: false, differences: Vec::new() }
    }
}

/// Verifies everything, or one skill.
///
/// # Errors
/// [`Code::HomeMissing`], [`Code::NotInstalled`], [`Code::Usage`]; what is
/// found wrong is in the answer.
pub fn verify(world: &World, skill: Option<&str>) -> Result<Verification, Stop> {
    run(world, skill, true)
}

/// As [`verify`], and acts on nothing that it finds.
///
/// # Errors
/// [`Stop`].
pub fn plan(world: &World, skill: Option<&str>) -> Result<Verification, Stop> {
    run(world, skill, false)
}

fn run(world: &World, skill: Option<&str>, act: bool) -> Result<Verification, Stop> {
    let wanted = skill.map(facts::parse_ref).transpose()?;
    let mut out = Verification::default();
    let (rows, jobs, objects) = match look::look(world, Depth::All) {
        Look::Nothing(_) => {
            let what = format!("there is no home at {}", world.home.display());
            return Err(Stop::new(Code::HomeMissing, what, "run: skills install SOURCE"));
        }
        Look::Part(part) => return damaged(&part, out),
        Look::Whole(session) => {
            if wanted.is_none() {
                chain(&session, &mut out);
            }
            let all = session.ledger.revisions().map_err(|fault| ledger_stop(&fault))?;
            let objects = if wanted.is_none() { extra_objects(&session.home, &all)? } else { Vec::new() };
            let rows: Vec<_> = all
                .into_iter()
                .filter(|row| wanted.as_ref().is_none_or(|wanted| wanted.matches(&row.revision)))
                .collect();
            let jobs = jobs(&session.home, &rows, &objects, session.policy.limits);
            (rows, jobs, objects)
        }
    };
    if let Some(wanted) = wanted.as_ref().filter(|_| rows.is_empty()) {
        let what = format!("no revision `{wanted}` is installed");
        return Err(Stop::new(Code::NotInstalled, what, "run: skills status"));
    }
    let hashed = look::hash(&jobs);
    match look::look(world, Depth::End) {
        Look::Whole(mut session) => {
            judge(&mut session, &rows, &hashed, act, &mut out)?;
            extra(&objects, &hashed, &mut out);
            if wanted.is_none() {
                account(&session, &mut out)?;
            }
        }
        Look::Part(part) => out.problems.push(Problem::of(None, part.stop)),
        Look::Nothing(_) => {
            let stop = Stop::new(Code::LedgerMissing, "the ledger vanished meanwhile", "run: skills doctor");
            out.problems.push(Problem::of(None, stop));
        }
    }
    Ok(out)
}

/// Ledger, log and checkpoint; each fault is a problem, none an end.
fn chain(session: &Session<'_>, out: &mut Verification) {
    if let Err(fault) = session.ledger.check_integrity() {
        out.problems.push(Problem::of(None, ledger_stop(&fault)));
    }
    match session.log.verify(&session.ledger) {
        Ok(verified) => {
            out.records = Some(verified.records);
            out.head = Some(session.ledger.head().text());
        }
        Err(fault) => out.problems.push(Problem::of(None, log_stop(&fault))),
    }
    match facts::checkpoint(session) {
        Ok(size) => out.checkpoint = size,
        Err(stop) => out.problems.push(Problem::of(None, stop)),
    }
}

/// Store objects that no revision accounts for.
fn extra_objects(home: &Home, rows: &[RevisionRow]) -> Result<Vec<Digest>, Stop> {
    let known: BTreeSet<_> = rows.iter().map(|row| row.revision.digest).collect();
    let store = Store::new(home).and_then(|store| store.list());
    let listed = store.map_err(|fault| refusals::store_stop(&fault))?;
    Ok(listed.into_iter().filter(|digest| !known.contains(digest)).collect())
}

/// The store copy and the placements of each row, then the extra objects.
fn jobs(home: &Home, rows: &[RevisionRow], objects: &[Digest], limits: Limits) -> Vec<Job> {
    let stored = |digest: &Digest| Job {
        path: facts::store_path(home, digest),
        checks: facts::store_checks(Limits::CEILING),
    };
    let mut jobs = Vec::new();
    for row in rows {
        jobs.push(stored(&row.revision.digest));
        jobs.extend(
            row.lifecycle
                .placements()
                .iter()
                .map(|place| Job { path: place.path.clone(), checks: facts::placement_checks(limits) }),
        );
    }
    jobs.extend(objects.iter().map(stored));
    jobs
}

/// Each revision as of now, by the gate's decision.
fn judge(
    session: &mut Session<'_>,
    rows: &[RevisionRow],
    hashed: &[Hashed],
    act: bool,
    out: &mut Verification,
) -> Result<(), Stop> {
    let mut at = 0;
    for row in rows {
        let count = row.lifecycle.placements().len();
        let (stored, placed) = (&hashed[at], &hashed[at + 1..at + 1 + count]);
        at += 1 + count;
        out.revisions += 1;
        out.objects += 1;
        out.placements += count;
        let now = session.ledger.revision(&row.revision).map_err(|fault| ledger_stop(&fault))?;
        // What changed meanwhile was looked at by whoever changed it.
        if now.as_ref() == Some(row) {
            one(session, row, (stored, placed), act, out)?;
        }
    }
    Ok(())
}

fn one(
    session: &mut Session<'_>,
    row: &RevisionRow,
    (stored, placed): (&Hashed, &[Hashed]),
    act: bool,
    out: &mut Verification,
) -> Result<(), Stop> {
    let enabled = row.lifecycle.state() == State::Enabled;
    let (question, folders) =
        if enabled { (Question::Load, placed.to_vec()) } else { (Question::Enable, vec![stored.clone()]) };
    let no = gate::decide_now(session, row, question, &folders, None)?.err();
    let mut told = false;
    // Decided, and by whom: nothing is wrong with the bytes.
    let decided =
        [Code::NotTrusted, Code::Revoked, Code::Violation, Code::TooYoung, Code::Held, Code::HeldAll];
    if let Some(no) = no.filter(|no| !decided.contains(&no.code)) {
        told = !enabled && matches!(no.code, Code::Drift | Code::Unreadable);
        out.problems.push(declare(session, row, question, &no, act)?);
    }
    if !stored.is(&row.revision.digest) && !told {
        out.problems.push(Problem::of(Some(&row.revision), refusals::store_differs(row, stored)));
    }
    Ok(())
}

/// Declares what a verdict calls for, if it is still so at a second look.
fn declare(
    session: &mut Session<'_>,
    row: &RevisionRow,
    question: Question,
    no: &No,
    act: bool,
) -> Result<Problem, Stop> {
    let event = match no.code {
        Code::Drift => Some(Event::Drift),
        Code::Expired => Some(Event::Expire),
        Code::PolicyUnmet => Some(Event::Unmet),
        _ => None,
    };
    let mut differences = Vec::new();
    let mut declared = false;
    if let Some(event) = event {
        if event == Event::Drift {
            let folders = gate::observe(session, row, question);
            if let Some(bad) = folders.iter().find(|folder| !folder.is(&row.revision.digest)) {
                differences = apply::differences(session, row, &bad.path, question)?;
            }
        }
        declared = act && apply::narrow_if_still(session, row, question, event, no)?;
    }
    let revision = &row.revision;
    let next = match no.code {
        Code::Drift if question == Question::Load => {
            format!("see what differs, and decide again: skills repair {revision}")
        }
        Code::Drift => format!("{}, then: skills trust {revision}", refusals::again_from(row)),
        other => gate::remedy(other, revision),
    };
    let stop = Stop::new(no.code, format!("{revision}: {}", no.reason), next);
    Ok(Problem { revision: Some(revision.clone()), stop, declared, differences })
}

/// Objects of nobody's: named, and checked all the same.
fn extra(objects: &[Digest], hashed: &[Hashed], out: &mut Verification) {
    let first = hashed.len().saturating_sub(objects.len());
    for (digest, found) in objects.iter().zip(&hashed[first..]) {
        out.objects += 1;
        out.strays.push(format!("store: {digest} belongs to no revision"));
        if !found.is(digest) {
            let what = format!("the stored object {digest} does not hold those bytes");
            let stop = Stop::new(Code::Verify, what, "no revision uses it; it may be moved away");
            out.problems.push(Problem::of(None, stop));
        }
    }
}

/// Permits against rows, and names that nobody accounts for.
fn account(session: &Session<'_>, out: &mut Verification) -> Result<(), Stop> {
    let io = |error: &dyn std::fmt::Display| Stop::new(Code::Io, error.to_string(), "run: skills doctor");
    let permits = crate::system::permit::list(&session.home).map_err(|fault| io(&fault))?;
    for revision in &permits {
        let row = session.ledger.revision(revision).map_err(|fault| ledger_stop(&fault))?;
        if row.is_none_or(|row| row.lifecycle.state() != State::Enabled) {
            let what = format!("{revision} has a permit and is not enabled");
            let stop = Stop::new(Code::PermitDiffers, what, format!("skills kill {}", revision.name));
            out.problems.push(Problem::of(Some(revision), stop));
        }
    }
    out.strays.extend(strays::find(&session.home).map_err(|error| io(&error))?);
    Ok(())
}

/// Without agreement of ledger and log: what still can be compared is, and
/// nothing is declared.
fn damaged(part: &Part, mut out: Verification) -> Result<Verification, Stop> {
    out.problems.push(Problem::of(None, part.stop.clone()));
    let (Some(home), Some(ledger)) = (&part.home, &part.ledger) else { return Ok(out) };
    let rows = match ledger.check_integrity().and_then(|()| ledger.revisions()) {
        Ok(rows) => rows,
        Err(fault) => {
            out.problems.push(Problem::of(None, ledger_stop(&fault)));
            return Ok(out);
        }
    };
    let jobs = jobs(home, &rows, &[], Limits::CEILING);
    let mut hashed = look::hash(&jobs).into_iter();
    for row in &rows {
        out.revisions += 1;
        for (at, found) in hashed.by_ref().take(1 + row.lifecycle.placements().len()).enumerate() {
            if at == 0 {
                out.objects += 1;
            } else {
                out.placements += 1;
            }
            if !found.is(&row.revision.digest) {
                let what = format!("{}: {} does not hold {}", row.revision, found.path, row.revision.digest);
                let stop = Stop::new(Code::Verify, what, "mend the home first: skills doctor");
                out.problems.push(Problem::of(Some(&row.revision), stop));
            }
        }
    }
    Ok(out)
}

/// A folder that was hashed by its path.
#[derive(Debug)]
pub struct FolderReport {
    /// Its digest, over what could be read.
    pub digest: Digest,
    /// Its files.
    pub manifest: Manifest,
    /// What no skill may hold.
    pub faults: Vec<Fault>,
    /// Revisions of that digest that are known here.
    pub known: Vec<(Revision, State)>,
    /// The revision that we placed there, if we did.
    pub placed: Option<Revision>,
}

/// Hashes any folder; changes nothing and needs no home.
///
/// # Errors
/// [`Stop`] when it cannot be opened.
pub fn folder(world: &World, path: &Path) -> Result<FolderReport, Stop> {
    let shown = crate::model::text::escape(&path.to_string_lossy());
    let opened = tree::open_folder(path).map_err(|error| {
        Stop::new(Code::Usage, format!("{shown}: {error}"), "name a folder that is no link")
    })?;
    // A broken policy must not keep anyone from hashing a folder.
    let limits = layers::in_force(world).map_or(Limits::DEFAULT, |policy| policy.limits);
    let rows = rows_here(world);
    let text = path.to_string_lossy();
    let placed = rows.iter().find(|row| row.lifecycle.placements().iter().any(|place| place.path == text));
    // A copy of ours is read-only by design; a source folder may have any modes.
    let strict = placed.and_then(|_| facts::placement_checks(limits).strict);
    let observed = tree::read(opened.as_fd(), &Checks { limits, strict });
    let digest = observed.manifest.digest();
    let mut faults = observed.faults;
    faults.extend(crate::policy::entry::check(&observed.manifest, &limits));
    let known = rows.iter().filter(|row| row.revision.digest == digest);
    Ok(FolderReport {
        digest,
        faults,
        known: known.map(|row| (row.revision.clone(), row.lifecycle.state())).collect(),
        placed: placed.map(|row| row.revision.clone()),
        manifest: observed.manifest,
    })
}

/// What is known here, without the lock; nothing if there is no sound home.
fn rows_here(world: &World) -> Vec<RevisionRow> {
    let home = Home::open(&world.home).ok();
    let ledger = home.and_then(|home| crate::system::ledger::Ledger::open(&home).ok());
    ledger.and_then(|ledger| ledger.revisions().ok()).unwrap_or_default()
}

/// Whether a name is installed here; a folder of that name is not meant then.
#[must_use]
pub fn is_installed(world: &World, typed: &str) -> bool {
    let Ok(wanted) = facts::parse_ref(typed) else { return false };
    rows_here(world).iter().any(|row| wanted.matches(&row.revision))
}
