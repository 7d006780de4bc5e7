//! `status`: what is here, where it stands, and whether it may be used now.
//!
//! The verdict is the gate's own, over bytes hashed in this call: every
//! placement of what is enabled, the store copy of the rest. Unlike the gate
//! it changes nothing: drift is shown, and declared by `verify`, `gate` or
//! `enable`. A person who looks should find things as they are.
//!
//! It needs no home and makes none. Of a damaged or read-only home it shows
//! what can be read, with the reason; then nothing counts as usable.

use super::look::{self, Job, Look, Part};
use super::pick::newer;
use super::provenance::{self, Vouching};
use super::revoked::{self, Covered, Lists};
use super::session::{Depth, Session, ledger_stop};
use super::unmanaged::{self, Findings, Ours};
use super::{World, facts, gate};
use crate::model::code::{Code, Stop};
use crate::model::decision::Question;
use crate::model::followed::Standing;
use crate::model::lifecycle::{Hold, RevisionRow, State};
use crate::model::limits::Limits;
use crate::model::manifest::Manifest;
use crate::model::permit::SkillPermit;
use crate::model::record::Record;
use crate::model::skill::{Revision, RevisionRef};
use crate::model::time::Timestamp;
use crate::policy::config::Policy;
use crate::policy::gate::{Brake, Hashed, No};
use crate::system::home::Home;
use crate::system::ledger::Ledger;
use crate::system::permit;

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct StatusRequest {
    /// NAME or NAME@DIGEST; everything if none.
    pub skill: Option<String>,
    /// With a skill: every record about it.
    pub history: bool,
}

/// All that `status` shows.
#[derive(Debug, Default)]
pub struct Status {
    /// Whether anything was ever recorded here.
    pub exists: bool,
    /// Why the rest cannot be relied on, if so.
    pub problem: Option<Stop>,
    /// The home-wide kill in force, in words.
    pub stopped: Option<String>,
    /// Standing narrow kills.
    pub holds: Vec<Hold>,
    /// Revisions by name, the one most in use first.
    pub skills: Vec<Skill>,
    /// Permits on disk, where the ledger cannot be read.
    pub permits: Vec<SkillPermit>,
    /// Skills that agents load and that are not ours; not with a name.
    pub unmanaged: Findings,
    /// Records about the skill, if asked for.
    pub history: Vec<Record>,
    /// Trust roots that are followed and not fresh.
    pub roots: Vec<(String, Standing)>,
}

/// One revision.
#[derive(Debug)]
pub struct Skill {
    /// As the ledger has it.
    pub row: RevisionRow,
    /// The folders that were hashed.
    pub folders: Vec<Hashed>,
    /// Why it may not be used or switched on; none if it may.
    pub no: Option<No>,
    /// A revision of this name that arrived later and waits for a decision.
    pub newer: Option<Revision>,
    /// The record that made it what it is.
    pub last: Option<Record>,
    /// Its permit, where it should have one.
    pub permit: Option<Result<SkillPermit, String>>,
    /// Its files.
    pub manifest: Option<Manifest>,
    /// Who vouches for it, or why that cannot be told.
    pub findings: Option<Result<Vouching, Stop>>,
    /// The revocation that covers it.
    pub revoked: Option<Covered>,
}

impl Skill {
    /// The first folder that does not hold the pinned bytes.
    #[must_use]
    pub fn differing(&self) -> Option<&Hashed> {
        self.folders.iter().find(|folder| !folder.is(&self.row.revision.digest))
    }
}

/// Gathers it.
///
/// # Errors
/// [`Code::NotInstalled`] or [`Code::Usage`] for a name that means nothing;
/// what is wrong with the home is in [`Status::problem`].
pub fn status(world: &World, request: &StatusRequest) -> Result<Status, Stop> {
    let wanted = request.skill.as_deref().map(facts::parse_ref).transpose()?;
    let mut status = match look::look(world, Depth::All) {
        Look::Nothing(home) => nothing(home.as_ref()),
        Look::Whole(session) => whole(world, *session, wanted.as_ref(), request.history)?,
        Look::Part(part) => partly(&part, wanted.as_ref(), request.history),
    };
    match &wanted {
        Some(wanted) if status.skills.is_empty() && status.problem.is_none() => {
            let what = format!("no revision `{wanted}` is installed");
            return Err(Stop::new(Code::NotInstalled, what, "run: skills status"));
        }
        Some(_) => {}
        None => status.unmanaged = unmanaged::find(world, &ours(&status)),
    }
    Ok(status)
}

fn ours(status: &Status) -> Ours {
    let mut ours = Ours::of(status.skills.iter().map(|skill| skill.row.clone()).collect());
    let permitted = status.permits.iter().flat_map(|permit| &permit.placements);
    ours.places.extend(permitted.flat_map(|place| [place.path.clone().into(), place.staged.clone().into()]));
    ours
}

fn nothing(home: Option<&Home>) -> Status {
    let stopped = home.filter(|home| facts::is_killed(home)).map(|home| stopped_words(&facts::brake(home)));
    Status { stopped: stopped.flatten(), ..Status::default() }
}

fn stopped_words(brake: &Brake) -> Option<String> {
    match brake {
        Brake::Clear { .. } => None,
        Brake::Stopped(why) => Some(why.clone()),
    }
}

/// Hashes without the lock, then judges under it.
fn whole(
    world: &World,
    session: Session<'_>,
    wanted: Option<&RevisionRef>,
    history: bool,
) -> Result<Status, Stop> {
    let all = session.ledger.revisions().map_err(|fault| ledger_stop(&fault))?;
    let rows = pick(&all, wanted);
    let jobs = jobs(&session.home, &rows, session.policy.limits);
    drop(session);
    let hashed = look::hash(&jobs);
    let session = match look::look(world, Depth::End) {
        Look::Whole(session) => session,
        Look::Part(part) => return Ok(partly(&part, wanted, history)),
        Look::Nothing(home) => return Ok(nothing(home.as_ref())),
    };
    let mut hashed = hashed.into_iter();
    let mut status = Status {
        exists: true,
        stopped: stopped_words(&facts::brake(&session.home)),
        holds: session.ledger.brakes().holds.clone(),
        ..Status::default()
    };
    let lists = match Lists::read(&session.ledger, &session.policy)
        .and_then(|lists| roots(&session, &mut status).map(|()| lists))
    {
        Ok(lists) => lists,
        Err(stop) => {
            status.problem = Some(stop);
            Lists::default()
        }
    };
    for row in rows {
        let folders: Vec<_> = hashed.by_ref().take(folder_count(&row)).collect();
        let newer = newer(&all, &row);
        if let Some(mut skill) = judge(&session, row, folders, newer, wanted.is_some())? {
            skill.revoked = lists.covers(&skill.row, session.now);
            status.skills.push(skill);
        }
    }
    if let Some(wanted) = wanted.filter(|_| history) {
        status.history = records(&session.ledger, wanted)?;
    }
    Ok(status)
}

/// Which followed roots are not fresh.
fn roots(session: &Session<'_>, status: &mut Status) -> Result<(), Stop> {
    let roots = revoked::followed(&session.ledger)?.into_iter();
    let standing = roots.map(|root| (root.standing(session.now), root.name));
    let worn = standing.filter(|(standing, _)| *standing != Standing::Fresh);
    status.roots = worn.map(|(standing, name)| (name, standing)).collect();
    Ok(())
}

/// One revision as of now; none if it was removed meanwhile.
fn judge(
    session: &Session<'_>,
    before: RevisionRow,
    folders: Vec<Hashed>,
    newer: Option<Revision>,
    closely: bool,
) -> Result<Option<Skill>, Stop> {
    let now = session.ledger.revision(&before.revision).map_err(|fault| ledger_stop(&fault))?;
    let Some(row) = now else { return Ok(None) };
    let question = question(&row);
    // What changed while it was hashed is hashed again, under the lock.
    let folders = if row == before { folders } else { gate::observe(session, &row, question) };
    let no = gate::decide_now(session, &row, question, &folders, None)?.err();
    let last = session.ledger.event(row.seq).map_err(|fault| ledger_stop(&fault))?;
    let mut skill = bare(row, folders, no, newer);
    skill.last = last.and_then(|event| Record::parse(event.line.as_bytes()).ok());
    if closely {
        look_closely(&mut skill, &session.home, &session.ledger, &session.policy, session.now)?;
    }
    Ok(Some(skill))
}

fn bare(row: RevisionRow, folders: Vec<Hashed>, no: Option<No>, newer: Option<Revision>) -> Skill {
    Skill { row, folders, no, newer, last: None, permit: None, manifest: None, findings: None, revoked: None }
}

fn look_closely(
    skill: &mut Skill,
    home: &Home,
    ledger: &Ledger,
    policy: &Policy,
    now: Timestamp,
) -> Result<(), Stop> {
    skill.findings = Some(provenance::find(home, ledger, policy, &skill.row, now));
    let digest = &skill.row.revision.digest;
    skill.manifest = ledger.manifest(digest).map_err(|fault| ledger_stop(&fault))?;
    if skill.row.lifecycle.state() == State::Enabled {
        skill.permit = Some(match permit::read_skill(home, &skill.row.revision) {
            Ok(Some(permit)) => Ok(permit),
            Ok(None) => Err("missing".to_owned()),
            Err(fault) => Err(fault.to_string()),
        });
    }
    Ok(())
}

/// What is left, with the one reason that denies all of it.
fn partly(part: &Part, wanted: Option<&RevisionRef>, history: bool) -> Status {
    let mut status = Status { exists: true, problem: Some(part.stop.clone()), ..Status::default() };
    let Some(home) = &part.home else { return status };
    status.stopped = stopped_words(&facts::brake(home));
    let rows = part.ledger.as_ref().and_then(|ledger| ledger.revisions().ok().map(|rows| (ledger, rows)));
    let Some((ledger, all)) = rows else {
        let listed = permit::list(home).unwrap_or_default();
        let permits = listed.iter().filter_map(|revision| permit::read_skill(home, revision).ok().flatten());
        status.permits =
            permits.filter(|permit| wanted.is_none_or(|w| w.matches(&permit.revision))).collect();
        return status;
    };
    status.holds.clone_from(&ledger.brakes().holds);
    let rows = pick(&all, wanted);
    let mut hashed = look::hash(&jobs(home, &rows, Limits::CEILING)).into_iter();
    for row in rows {
        let folders: Vec<_> = hashed.by_ref().take(folder_count(&row)).collect();
        let newer = newer(&all, &row);
        let no = No { code: part.stop.code, reason: part.stop.what.clone() };
        let mut skill = bare(row, folders, Some(no), newer);
        if wanted.is_some() {
            // The problem is already told; what cannot be read is left out.
            let _ = look_closely(&mut skill, home, ledger, &Policy::silent(), ledger.head().time);
        }
        status.skills.push(skill);
    }
    if let Some(wanted) = wanted.filter(|_| history) {
        status.history = records(ledger, wanted).unwrap_or_default();
    }
    status
}

/// By name; of one name the one most in use first, then the newest.
fn pick(all: &[RevisionRow], wanted: Option<&RevisionRef>) -> Vec<RevisionRow> {
    let mut rows: Vec<_> =
        all.iter().filter(|row| wanted.is_none_or(|wanted| wanted.matches(&row.revision))).cloned().collect();
    rows.sort_by_cached_key(|row| {
        let rank = std::cmp::Reverse((row.lifecycle.state(), row.arrived));
        (row.revision.name.clone(), rank)
    });
    rows
}

const fn question(row: &RevisionRow) -> Question {
    match row.lifecycle.state() {
        State::Enabled => Question::Load,
        State::Installed | State::Trusted => Question::Enable,
    }
}

fn folder_count(row: &RevisionRow) -> usize {
    match question(row) {
        Question::Load => row.lifecycle.placements().len(),
        Question::Enable => 1,
    }
}

fn jobs(home: &Home, rows: &[RevisionRow], limits: Limits) -> Vec<Job> {
    let mut jobs = Vec::new();
    for row in rows {
        match question(row) {
            Question::Load => jobs.extend(
                row.lifecycle
                    .placements()
                    .iter()
                    .map(|place| Job { path: place.path.clone(), checks: facts::placement_checks(limits) }),
            ),
            Question::Enable => jobs.push(Job {
                path: facts::store_path(home, &row.revision.digest),
                checks: facts::store_checks(limits),
            }),
        }
    }
    jobs
}

/// Every record about a skill, oldest first.
fn records(ledger: &Ledger, wanted: &RevisionRef) -> Result<Vec<Record>, Stop> {
    let mut out = Vec::new();
    ledger
        .each_event(1, |event| {
            if let Ok(record) = Record::parse(event.line.as_bytes())
                && record.skill.as_ref() == Some(&wanted.name)
                && matches_digest(wanted, &record)
            {
                out.push(record);
            }
            true
        })
        .map_err(|fault| ledger_stop(&fault))?;
    Ok(out)
}

fn matches_digest(wanted: &RevisionRef, record: &Record) -> bool {
    match (&wanted.prefix, record.digest) {
        (None, _) => true,
        (Some(prefix), Some(digest)) => digest.hex().starts_with(prefix),
        (Some(_), None) => false,
    }
}
