//! `enable` and `disable`: verified copies in agents' folders, placed and
//! taken away.
//!
//! What is asked for is worked out and checked here; `work` does it, in an order
//! that no kill and no crash can get between.

mod updates;
mod work;

pub use updates::updates;

use super::originals::{self, Agreed, InTheWay, Kept};
use super::place::{Place, Placing, placing};
use super::session::{Depth, Session, ledger_stop, real};
use super::{World, apply, facts, gate, refusals, revoked};
use crate::model::code::{Code, Stop};
use crate::model::decision::Question;
use crate::model::lifecycle::{Event, RevisionRow, State};
use crate::model::record::{Draft, Outcome};
use crate::model::text;
use crate::policy::gate::Evidence;
use crate::system::home::Home;
use crate::system::placement::{self, Target, TargetFault, Trustees};
use std::path::Path;
use work::{Work, describe, told};

/// What an enable did.
#[derive(Debug)]
pub struct Enabled {
    /// The row after it.
    pub row: RevisionRow,
    /// The copy.
    pub path: String,
    /// Who reads the folder.
    pub readers: Vec<&'static str>,
    /// The revision that was there before.
    pub swapped: Option<RevisionRow>,
    /// What somebody else had put there, and where it is now.
    pub kept: Option<Kept>,
    /// False if it was there already.
    pub new: bool,
}

/// Whether a revision may be enabled at a place, by the same decision as the
/// gate's; changes nothing. For `--dry-run`.
///
/// # Errors
/// [`Stop`].
pub fn plan(world: &World, typed: &str, place: &Place) -> Result<(RevisionRow, Placing), Stop> {
    let session = Session::open(world, Depth::All)?;
    let row = facts::resolve(&session.ledger, typed, prefer)?;
    let placing = placing(world, place)?;
    allowed(&session, &row)?;
    aim(&session, &placing, &row)?;
    Ok((row, placing))
}

/// What lies where a revision is to be placed and is not ours; with `lying`,
/// an original beside it under another name. Changes and records nothing: what
/// is refused is refused again, and recorded, by [`enable`].
///
/// # Errors
/// [`Stop`].
pub fn in_the_way(
    world: &World,
    typed: &str,
    place: &Place,
    lying: Option<&Path>,
) -> Result<Option<InTheWay>, Stop> {
    let home = Home::open(&world.home).map_err(|fault| super::session::home_stop(&fault))?;
    let ledger = super::session::open_ledger(&home)?;
    let row = facts::resolve(&ledger, typed, prefer)?;
    let target = placement::check_target(&placing(world, place)?.folder, &row.revision.name, trustees())
        .map_err(|fault| target_stop(&fault))?;
    let path = target.path();
    let rows = ledger.revisions_named(&row.revision.name).map_err(|fault| ledger_stop(&fault))?;
    let ours = |path: &Path| {
        let mut all = rows.iter().flat_map(|row| row.lifecycle.placements());
        all.any(|place| Path::new(&place.path) == path)
    };
    let path = lying.unwrap_or(Path::new(&path));
    if ours(path) {
        return Ok(None);
    }
    let pinned = ledger.manifest(&row.revision.digest).map_err(|fault| ledger_stop(&fault))?;
    InTheWay::look(path, &row.revision, pinned.as_ref())
}

/// Records that an original is not moved, for one skill or for several at once.
pub fn refused(world: &World, typed: &[&str], stop: Stop) -> Stop {
    match Session::open(world, Depth::All) {
        Ok(mut session) => {
            let mut draft = session.draft(Event::Enable.as_str(), Outcome::Refused, "");
            if let [typed] = typed
                && let Ok(row) = facts::resolve(&session.ledger, typed, prefer)
            {
                draft.skill = Some(row.revision.name);
                draft.digest = Some(row.revision.digest);
            }
            session.refuse(draft, stop)
        }
        Err(_) => stop,
    }
}

fn trustees() -> Trustees {
    Trustees { private_group: crate::system::account::private_group(), ..Trustees::ours() }
}

fn prefer(row: &RevisionRow) -> bool {
    row.lifecycle.state() == State::Trusted
}

/// Places a trusted revision.
///
/// # Errors
/// [`Stop`]; a refusal is recorded.
pub fn enable(world: &World, typed: &str, place: &Place) -> Result<Enabled, Stop> {
    enable_over(world, typed, place, None)
}

/// As [`enable`], in place of what somebody agreed to have moved aside.
///
/// # Errors
/// [`Stop`]; a refusal is recorded, and the original is where it was or is
/// named with its new place.
pub fn enable_over(
    world: &World,
    typed: &str,
    place: &Place,
    agreed: Option<&Agreed>,
) -> Result<Enabled, Stop> {
    let placing = placing(world, place)?;
    let mut session = Session::open(world, Depth::All)?;
    let mut draft = session.draft(Event::Enable.as_str(), Outcome::Done, "enabled");
    draft.skill = facts::parse_ref(typed).ok().map(|wanted| wanted.name);
    let row = match facts::resolve(&session.ledger, typed, prefer) {
        Ok(row) => row,
        Err(stop) => return Err(session.refuse(draft, stop)),
    };
    draft.skill = Some(row.revision.name.clone());
    draft.digest = Some(row.revision.digest);
    let command = format!("skills enable {}", row.revision);
    let unrevoked = || revoked::refuse(&session.ledger, &session.policy, &row, session.now);
    let checked = world.no_agent(&command).and_then(|()| unrevoked()).and_then(|()| allowed(&session, &row));
    let checked = checked.and_then(|evidence| {
        let target = aim(&session, &placing, &row)?;
        Ok((evidence, target))
    });
    let (evidence, target) = match checked {
        Ok(checked) => checked,
        Err(stop) => {
            declare(&mut session, &row, &stop)?;
            return Err(session.refuse(draft, stop));
        }
    };
    let path = target.path();
    if row.lifecycle.placements().iter().any(|there| there.path == path) {
        still_there(&mut session, &row, &draft)?;
        "already enabled there, nothing changed".clone_into(&mut draft.reason);
        // A second original of the same name, under another folder's name.
        let aside = match agreed.map(|agreed| originals::take(&session, agreed)).transpose() {
            Ok(aside) => aside,
            Err(stop) => return Err(session.refuse(draft, stop)),
        };
        describe(&mut draft, aside.as_ref());
        if let Err(stop) = session.commit(|_| Ok(vec![draft])) {
            return Err(told(stop, aside));
        }
        let kept = aside.map(|aside| aside.done(&session.home));
        return Ok(Enabled { row, path, readers: placing.readers, swapped: None, kept, new: false });
    }
    let swapped = match occupant(&session, &row, &target, agreed) {
        Ok(swapped) => swapped,
        Err(stop) => return Err(session.refuse(draft, stop)),
    };
    let work = Work { row, target, agent: placing.agent, swapped, agreed: agreed.cloned(), draft };
    work.run(&mut session, &evidence, placing.readers)
}

/// The folder, checked, and apart from everything else of ours.
///
/// Attack by bad luck: a copy in our own staging is cleared away with the rest
/// of it; one inside another copy makes that one drift; and an agent that reads
/// a folder around the home finds every stored skill, trusted or not.
fn aim(session: &Session<'_>, placing: &Placing, row: &RevisionRow) -> Result<Target, Stop> {
    let target = placement::check_target(&placing.folder, &row.revision.name, trustees())
        .map_err(|fault| target_stop(&fault))?;
    let folder = target.folder();
    let refuse = |why: &str| {
        let what = format!("{} {why}", text::escape(&folder));
        Err(Stop::new(Code::TargetUnsafe, what, "name another folder: --dir PATH"))
    };
    let path = Path::new(&folder);
    let home = real(session.home.path());
    if path.starts_with(&home) {
        return refuse("is inside the home, which is no place for agents");
    }
    if home.starts_with(path) {
        return refuse("is around the home: an agent that reads it would find every stored skill");
    }
    let rows = session.ledger.revisions().map_err(|fault| ledger_stop(&fault))?;
    for other in &rows {
        let mut places = other.lifecycle.placements().iter();
        if places.any(|place| path.starts_with(&place.path) || path.starts_with(&place.staged)) {
            return refuse(&format!("is inside the copy of {}, which would then be drift", other.revision));
        }
    }
    Ok(target)
}

/// The gate's own answer to `enable`.
fn allowed(session: &Session<'_>, row: &RevisionRow) -> Result<Evidence, Stop> {
    let folders = gate::observe(session, row, Question::Enable);
    match gate::decide_now(session, row, Question::Enable, &folders, None)? {
        Ok(evidence) => Ok(evidence),
        Err(no) if no.code == Code::Drift => Err(refusals::store_differs(row, &folders[0])),
        Err(no) => {
            let next = gate::remedy(no.code, &row.revision).replace("a person runs: ", "");
            Err(Stop::new(no.code, format!("{}: {}", row.revision, no.reason), next))
        }
    }
}

/// "Already enabled" is said of a copy only after it was hashed: one that was
/// changed or taken away by hand is drift, whoever notices first.
fn still_there(session: &mut Session<'_>, row: &RevisionRow, draft: &Draft) -> Result<(), Stop> {
    let folders = gate::observe(session, row, Question::Load);
    let Err(no) = gate::decide_now(session, row, Question::Load, &folders, None)? else { return Ok(()) };
    if no.code == Code::Drift {
        apply::narrow_if_still(session, row, Question::Load, Event::Drift, &no)?;
    }
    let what = format!("{}: {}", row.revision, no.reason);
    let next = gate::remedy(no.code, &row.revision);
    Err(session.refuse(draft.clone(), Stop::new(no.code, what, next)))
}

/// What the check noticed and the lifecycle must follow.
fn declare(session: &mut Session<'_>, row: &RevisionRow, stop: &Stop) -> Result<(), Stop> {
    let event = match stop.code {
        Code::DigestMismatch => Event::Drift,
        Code::Expired => Event::Expire,
        Code::PolicyUnmet => Event::Unmet,
        Code::Revoked => Event::Revoke,
        _ => return Ok(()),
    };
    if row.lifecycle.pin().is_some() {
        let no = crate::policy::gate::No { code: stop.code, reason: stop.what.clone() };
        apply::narrow_if_still(session, row, Question::Enable, event, &no)?;
    }
    Ok(())
}

/// Who is at the final path: nobody, another revision of this skill of ours,
/// or something that is not ours, which is refused unless somebody agreed that
/// exactly that is moved aside.
fn occupant(
    session: &Session<'_>,
    row: &RevisionRow,
    target: &Target,
    agreed: Option<&Agreed>,
) -> Result<Option<RevisionRow>, Stop> {
    let path = target.path();
    // What was agreed to lies in this very folder, or it is no matter of this enable.
    if let Some(agreed) = agreed
        && agreed.path().parent() != Some(Path::new(&target.folder()))
    {
        let what =
            format!("{} does not lie in {}", text::escape(&agreed.path().to_string_lossy()), target.folder());
        return Err(Stop::new(Code::TargetTaken, what, "enable again"));
    }
    let rows = facts::revisions(session, &row.revision.name)?;
    let there =
        rows.into_iter().find(|other| other.lifecycle.placements().iter().any(|place| place.path == path));
    let covered = agreed.is_some_and(|agreed| agreed.path() == Path::new(&path));
    if there.is_none() && !covered && Path::new(&path).symlink_metadata().is_ok() {
        let what = format!("{path} is already there and is not ours");
        return Err(Stop::new(Code::TargetTaken, what, "move it away, then enable again"));
    }
    Ok(there)
}

/// A folder's fault in the product's words.
#[must_use]
pub fn target_stop(fault: &TargetFault) -> Stop {
    let what = text::escape(&fault.to_string());
    match fault {
        TargetFault::InWorkTree { exclude_line, exclude_file, .. } => {
            // Attack: a project with a folder `x';curl …|sh;'` makes a person paste it.
            let line = text::shell_word(exclude_line);
            let file = text::shell_word(&exclude_file.to_string_lossy());
            Stop::new(Code::TargetTracked, what, format!("printf '%s\\n' {line} >> {file}"))
        }
        TargetFault::Io { .. } => Stop::new(Code::Io, what, "name another folder: --dir PATH"),
        _ => Stop::new(Code::TargetUnsafe, what, "name a folder that only you can write to: --dir PATH"),
    }
}
