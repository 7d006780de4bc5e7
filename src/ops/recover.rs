//! Recovery: what a crash or a kill left behind becomes a record, before
//! anything else is decided.
//!
//! | found | it means | what happens |
//! |---|---|---|
//! | no home permit, no kill, one record | crash while the home was made | the home permit is made |
//! | `killed.ID` that the ledger does not know | a kill that could not record itself | recorded; epoch + 1; every enabled revision trusted |
//! | `aside.ID` | crash while an original was replaced or moved aside | where it is now is recorded |
//! | `placing` | crash during enable | the copies are withdrawn; recorded if it was committed |
//! | a run of dependencies without an end, and nobody's lock | crash during `deps install` | its end is recorded as unknown |
//! | `permits/REVISION.REASON` | crash during a narrowing step | the step's copies are withdrawn and it is recorded |
//!
//! Nothing here ever completes a placement or makes a skill permit. Every step
//! may be interrupted and taken again.

mod deps;

use super::apply::{self, Failures};
use super::originals;
use super::session::{Depth, Session, ledger_stop};
use crate::model::code::{Code, Stop};
use crate::model::lifecycle::{Event, Placement, RevisionRow, State};
use crate::model::permit::SkillPermit;
use crate::model::record::Outcome;
use crate::model::skill::Revision;
use crate::policy::transition::{Input, Step, step};
use crate::system::kill::{self, KillState};
use crate::system::permit::{self, Pending, Reason};
use crate::system::placement;
use std::path::Path;

/// Brings everything that is found into the ledger.
///
/// # Errors
/// [`Stop`]: then nothing may be decided.
pub fn run(session: &mut Session<'_>, depth: Depth) -> Result<(), Stop> {
    home_kill(session)?;
    interrupted_enable(session)?;
    if depth == Depth::All {
        originals::recover(session)?;
        deps::run(session)?;
        finish_kill(session)?;
        let all = permit::pending(&session.home).map_err(|error| io(&error))?;
        settle(session, all)?;
    }
    Ok(())
}

/// The pending record of one revision, for the gate.
///
/// # Errors
/// [`Stop`].
pub fn revision(session: &mut Session<'_>, revision: &Revision) -> Result<(), Stop> {
    let all = permit::pending_of(&session.home, revision).map_err(|error| io(&error))?;
    settle(session, all)
}

fn io(error: &impl std::fmt::Display) -> Stop {
    Stop::new(Code::Io, format!("the permits: {error}"), "run: skills doctor")
}

fn home_kill(session: &mut Session<'_>) -> Result<(), Stop> {
    match kill::kill_state(session.home.dir()) {
        KillState::Clear(permit) => settle_release(session, permit.epoch),
        KillState::NoPermit if session.ledger.head().size == 1 => {
            permit::create_home(&session.home, session.ledger.brakes().epoch)
                .map(drop)
                .map_err(|error| io(&error))
        }
        KillState::NoPermit | KillState::Doubt(_) => Ok(()),
        KillState::Killed(ids) => {
            let hold = ids.join(",");
            if session.ledger.brakes().hold.as_ref() == Some(&hold) {
                Ok(())
            } else {
                record_kill(session, &hold)
            }
        }
    }
}

/// A kill that could not take everything away left permits behind. Nothing is
/// written while the home is held, so any permit there is such a one.
fn finish_kill(session: &Session<'_>) -> Result<(), Stop> {
    let held = matches!(kill::kill_state(session.home.dir()), KillState::Killed(_));
    if held && !permit::list(&session.home).map_err(|error| io(&error))?.is_empty() {
        let _ = kill::finish(&session.world.home);
    }
    Ok(())
}

/// A permit stands although the ledger still knows of a kill: somebody put an
/// old permit back, or a release stopped half way. Its epoch tells: only a
/// release makes a permit of the ledger's epoch, and it records itself first.
fn settle_release(session: &Session<'_>, epoch: u64) -> Result<(), Stop> {
    let brakes = session.ledger.brakes();
    match &brakes.hold {
        Some(_) => Err(Stop::new(
            Code::RolledBack,
            format!("a home permit of epoch {epoch} is here although the recorded kill was never lifted"),
            "run: skills kill --all, then: skills release --all",
        )),
        None => Ok(()),
    }
}

/// Writes a home-wide kill into ledger and log, with everything it stopped.
///
/// # Errors
/// [`Stop`].
pub fn record_kill(session: &mut Session<'_>, id: &str) -> Result<(), Stop> {
    session.ledger.make_room().map_err(|fault| ledger_stop(&fault))?;
    let rows = session.ledger.revisions().map_err(|fault| ledger_stop(&fault))?;
    let enabled: Vec<_> = rows.into_iter().filter(|row| row.lifecycle.state() == State::Enabled).collect();
    let mut first =
        session.draft("kill", Outcome::Done, format!("everything stopped; {} were enabled", enabled.len()));
    first.hold = Some(id.to_owned());
    let mut drafts = vec![first];
    for row in &enabled {
        let mut draft = session.draft("kill", Outcome::Done, "stopped by a kill");
        draft.skill = Some(row.revision.name.clone());
        draft.digest = Some(row.revision.digest);
        draft.placements = row.lifecycle.placements().to_vec();
        drafts.push(draft);
    }
    let id = id.to_owned();
    session.commit(move |txn| {
        for (at, row) in enabled.iter().enumerate() {
            if let Step::To(next) = step(Some(&row.lifecycle), false, &Input::Plain(Event::Kill)) {
                let seq = txn.next_seq() + 1 + at as u64;
                txn.put(&RevisionRow { lifecycle: *next, seq, ..row.clone() })
                    .map_err(|fault| ledger_stop(&fault))?;
            }
        }
        let epoch = txn.brakes().epoch + 1;
        txn.set_epoch(epoch, Some(id));
        Ok(drafts)
    })?;
    // A kill cut short is finished before its pending names are cleared.
    finish_kill(session)?;
    // Since that commit nothing is enabled: no pending name has an event left
    // to record, and no place is another revision's. So the ledger is not asked
    // once for each.
    let mut all = permit::pending(&session.home).map_err(|error| io(&error))?;
    all.retain(|pending| {
        let mut left = false;
        for place in there(pending.permit.as_ref()) {
            apply::withdraw_place(&session.home, place, &pending.revision, &mut Failures::new());
            left |= placement::is_left(place);
        }
        !left
    });
    clear(session, &all)
}

/// A change of placements that was under way when its process ended: an
/// enable, or the disable of one place of several. The mark is removed by the
/// change itself when it is complete.
///
/// # Errors
/// [`Stop`].
pub fn interrupted_enable(session: &mut Session<'_>) -> Result<(), Stop> {
    let Some(revisions) = permit::placing(&session.home).map_err(|error| io(&error))? else { return Ok(()) };
    for revision in &revisions {
        interrupted(session, revision)?;
    }
    permit::end_placing(&session.home).map_err(|error| io(&error))
}

fn interrupted(session: &mut Session<'_>, revision: &Revision) -> Result<(), Stop> {
    let permit = permit::read_skill(&session.home, revision).map_err(|error| io(&error))?;
    let row = session.ledger.revision(revision).map_err(|fault| ledger_stop(&fault))?;
    let enabled = row.filter(|row| row.lifecycle.state() == State::Enabled);
    if permit.as_ref().is_none_or(|permit| is_settled(permit, enabled.as_ref())) {
        return Ok(());
    }
    let file = permit::withdraw(&session.home, revision, Reason::Aborted).map_err(|error| io(&error))?;
    let mut failures = withdraw_permitted(session, permit.as_ref(), revision)?;
    if let Some(row) = &enabled {
        for place in row.lifecycle.placements() {
            apply::withdraw_place(&session.home, place, revision, &mut failures);
        }
        apply::record_narrowing(session, row, Event::Disable, &failures, |draft| {
            "interrupted before every copy was in place; withdrawn".clone_into(&mut draft.reason);
        })?;
    }
    let places = permit.iter().flat_map(|permit| &permit.placements);
    let mut left = false;
    for place in places {
        left |= apply::any_left(std::slice::from_ref(place)) && !is_anothers(session, revision, &place.path)?;
    }
    if file.is_some() && !left {
        apply::clear(session, revision)?;
    }
    Ok(())
}

/// Whether an enable got as far as its last step: its record is the row's, no
/// staged copy is left, and every copy is in place.
fn is_settled(permit: &SkillPermit, row: Option<&RevisionRow>) -> bool {
    let there = |path: &str| Path::new(path).symlink_metadata().is_ok();
    let placed = |place: &Placement| there(&place.path) && !there(&place.staged);
    row.is_some_and(|row| permit.seq == row.seq) && permit.placements.iter().all(placed)
}

/// The placements of a permit of which anything is there at all.
fn there(permit: Option<&SkillPermit>) -> impl Iterator<Item = &Placement> {
    permit.into_iter().flat_map(|permit| &permit.placements).filter(|place| !placement::is_gone(place))
}

/// Withdraws what a permit names. What stands at a place is left alone if it
/// is another revision's: an enable that was to replace it had not come to it.
fn withdraw_permitted(
    session: &Session<'_>,
    permit: Option<&SkillPermit>,
    revision: &Revision,
) -> Result<Failures, Stop> {
    let mut failures = Failures::new();
    for place in there(permit) {
        let place = if is_anothers(session, revision, &place.path)? {
            Placement { path: place.staged.clone(), ..place.clone() }
        } else {
            place.clone()
        };
        apply::withdraw_place(&session.home, &place, revision, &mut failures);
    }
    Ok(failures)
}

/// Whether another revision of the skill is enabled at a path, by the ledger
/// and by its permit.
fn is_anothers(session: &Session<'_>, revision: &Revision, path: &str) -> Result<bool, Stop> {
    let rows = session.ledger.revisions_named(&revision.name).map_err(|fault| ledger_stop(&fault))?;
    let there = |places: &[Placement]| places.iter().any(|place| place.path == path);
    let mut others = rows.iter().filter(|row| row.revision != *revision && there(row.lifecycle.placements()));
    Ok(others.any(|row| {
        let permit = permit::read_skill(&session.home, &row.revision).ok().flatten();
        permit.is_some_and(|permit| there(&permit.placements))
    }))
}

/// Records what is pending, then clears it with one flush. What is not cleared
/// because of a crash is found again, and is recorded already; what still lies
/// where it was stays pending, and is tried again.
fn settle(session: &mut Session<'_>, all: Vec<Pending>) -> Result<(), Stop> {
    let mut done = Vec::with_capacity(all.len());
    for pending in all {
        if one_pending(session, &pending)? {
            done.push(pending);
        }
    }
    clear(session, &done)
}

fn clear(session: &Session<'_>, done: &[Pending]) -> Result<(), Stop> {
    if done.is_empty() {
        return Ok(());
    }
    permit::clear_pending(&session.home, done).map_err(|error| io(&error))
}

/// A permit that was renamed and whose record is missing. False while a copy of
/// it is still where it was.
fn one_pending(session: &mut Session<'_>, pending: &Pending) -> Result<bool, Stop> {
    // An unknown reason comes from a newer version: the least is that it was stopped.
    let event = pending.reason.map_or(Event::Kill, Reason::event);
    let mut failures = withdraw_permitted(session, pending.permit.as_ref(), &pending.revision)?;
    let row = session.ledger.revision(&pending.revision).map_err(|fault| ledger_stop(&fault))?;
    if let Some(row) = row.filter(|row| row.lifecycle.state() == State::Enabled) {
        for place in row.lifecycle.placements() {
            apply::withdraw_place(&session.home, place, &row.revision, &mut failures);
        }
        apply::record_narrowing(session, &row, event, &failures, |draft| {
            draft.reason = format!("{}; found withdrawn", draft.reason);
        })?;
    }
    for place in there(pending.permit.as_ref()) {
        if placement::is_left(place) && !is_anothers(session, &pending.revision, &place.path)? {
            return Ok(false);
        }
    }
    Ok(true)
}
