//! Recovery: what a crash or a kill left behind becomes a record, before
//! anything else is decided.
//!
//! | found | it means | what happens |
//! |---|---|---|
//! | no home permit, no kill, one record | crash while the home was made | the home permit is made |
//! | `killed.ID` that the ledger does not know | a kill that could not record itself | recorded; epoch + 1; every enabled revision trusted |
//! //! | `placing` | crash during enable | the copies are withdrawn; recorded if it was committed |
//! | `permits/REVISION.REASON` | crash during a narrowing step | the step's copies are withdrawn and it is recorded |
//!
//! Nothing here ever completes a placement or makes a skill permit. Every step
//! may be interrupted and taken again.

use super::apply::{self, Failures};
use super::session::{Depth, Session, ledger_stop};
use crate::model::code::{Code, Stop};
use crate::model::lifecycle::{Event, RevisionRow, State};
use crate::model::permit::SkillPermit;
use crate::model::record::Outcome;
use crate::model::skill::Revision;
use crate::policy::transition::{Input, Step, step};
use crate::system::home::Home;
use crate::system::kill::{self, KillState};
use crate::system::permit::{self, Pending, Reason};

/// Brings everything that is found into the ledger.
///
/// # Errors
/// [`Stop`]: then nothing may be decided.
pub fn run(session: &mut Session<'_>, depth: Depth) -> Result<(), Stop> {
    home_kill(session)?;
    interrupted_enable(session)?;
    if depth == Depth::All {
        let all = permit::pending(&session.home).map_err(|error| io(&error))?;
        settle(session, &all)?;
    }
    Ok(())
}

/// The pending record of one revision, for the gate.
///
/// # Errors
/// [`Stop`].
pub fn revision(session: &mut Session<'_>, revision: &Revision) -> Result<(), Stop> {
    let all = permit::pending_of(&session.home, revision).map_err(|error| io(&error))?;
    settle(session, &all)
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

/// A permit stands although the ledger still knows of a kill: somebody put an
/// old permit back, or a release stopped half way. Its epoch tells: only a
/// release makes a permit of the ledger's epoch, and it records itself first.
fn settle_release(session: &Session<'_>, epoch: u64) -> Result<(), Stop> {
    let brakes = session.ledger.brakes();
    match &brakes.hold {
        Some(_) => Err(Stop::new(
            Code::RolledBack,
            format!("a home permit of epoch {epoch} is here although the recorded kill was never lifted"),
            "run: skills kill --all, then: skills release",
        )),
        None => Ok(()),
    }
}

/// Writes a home-wide kill into ledger and log, with everything it stopped.
///
/// # Errors
/// [`Stop`].
pub fn record_kill(session: &mut Session<'_>, id: &str) -> Result<(), Stop> {
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
    let _ = kill::finish(&session.world.home);
    let all = permit::pending(&session.home).map_err(|error| io(&error))?;
    settle(session, &all)
}

/// An enable that was under way when its process ended. The mark is removed
/// by the enable itself when the copy is in place.
///
/// # Errors
/// [`Stop`].
pub fn interrupted_enable(session: &mut Session<'_>) -> Result<(), Stop> {
    let Some(revision) = permit::placing(&session.home).map_err(|error| io(&error))? else { return Ok(()) };
    let permit = permit::read_skill(&session.home, &revision).map_err(|error| io(&error))?;
    let row = session.ledger.revision(&revision).map_err(|fault| ledger_stop(&fault))?;
    let enabled = row.filter(|row| row.lifecycle.state() == State::Enabled);
    let unfinished = permit.as_ref().is_some_and(|permit| !is_settled(permit, enabled.as_ref()));
    if unfinished {
        let file = permit::withdraw(&session.home, &revision, Reason::Aborted).map_err(|error| io(&error))?;
        let failures = withdraw_permitted(&session.home, permit.as_ref(), &revision);
        if let Some(row) = &enabled {
            apply::record_narrowing(session, row, Event::Disable, &failures, |draft| {
                "an enable was interrupted before the copy was in place; withdrawn"
                    .clone_into(&mut draft.reason);
            })?;
        }
        if file.is_some() {
            apply::clear(session, &revision)?;
        }
    }
    permit::end_placing(&session.home).map_err(|error| io(&error))
}

/// Whether an enable got as far as its last step: its record is the row's, and
/// no staged copy is left.
fn is_settled(permit: &SkillPermit, row: Option<&RevisionRow>) -> bool {
    let Some(row) = row else { return false };
    let staged_left =
        permit.placements.iter().any(|place| std::path::Path::new(&place.staged).symlink_metadata().is_ok());
    permit.seq == row.seq && !staged_left
}

fn withdraw_permitted(home: &Home, permit: Option<&SkillPermit>, revision: &Revision) -> Failures {
    let mut failures = Failures::new();
    for place in permit.iter().flat_map(|permit| &permit.placements) {
        apply::withdraw_place(home, place, revision, &mut failures);
    }
    failures
}

/// Records what is pending, then clears all of it with one flush. Whatever is
/// not cleared because of a crash is found again, and recorded already.
fn settle(session: &mut Session<'_>, all: &[Pending]) -> Result<(), Stop> {
    for pending in all {
        one_pending(session, pending)?;
    }
    if all.is_empty() {
        return Ok(());
    }
    permit::clear_pending(&session.home, all).map_err(|error| io(&error))
}

/// A permit that was renamed and whose record is missing.
fn one_pending(session: &mut Session<'_>, pending: &Pending) -> Result<(), Stop> {
    // An unknown reason comes from a newer version: the least is that it was stopped.
    let event = pending.reason.map_or(Event::Kill, Reason::event);
    let mut failures = withdraw_permitted(&session.home, pending.permit.as_ref(), &pending.revision);
    let row = session.ledger.revision(&pending.revision).map_err(|fault| ledger_stop(&fault))?;
    if let Some(row) = row.filter(|row| row.lifecycle.state() == State::Enabled) {
        for place in row.lifecycle.placements() {
            apply::withdraw_place(&session.home, place, &row.revision, &mut failures);
        }
        apply::record_narrowing(session, &row, event, &failures, |draft| {
            draft.reason = format!("{}; found withdrawn", draft.reason);
        })?;
    }
    Ok(())
}
