//! Changing lasting state: the only place that does.
//!
//! Narrowing has its effect first: the permit is renamed to
//! `permits/REVISION.REASON`, which is the pending record; then the copies are
//! withdrawn; then ledger and log; then the pending name is cleared. A crash
//! anywhere leaves less allowed than recorded, and recovery records it.
//!
//! Widening has its record first and its effect last: one rename.

use super::facts;
use super::gate;
use super::session::{Session, ledger_stop};
use crate::model::code::{Code, Stop};
use crate::model::decision::Question;
use crate::model::lifecycle::{Event, Lifecycle, Placement, RevisionRow};
use crate::model::record::{Draft, Outcome};
use crate::model::skill::Revision;
use crate::policy::drift;
use crate::policy::gate::No;
use crate::policy::transition::{self, Input, Step};
use crate::system::home::Home;
use crate::system::permit::{self, Reason};
use crate::system::placement;
use crate::system::tree;
use std::path::Path;

/// A failed withdrawal: path and the system's words.
pub type Failures = Vec<(String, String)>;

/// Takes a narrowing step with all its effects and records it.
///
/// Returns what could not be withdrawn; the step stands all the same, since
/// the permit is gone.
///
/// # Errors
/// [`Stop`]; the permit is withdrawn even then.
pub fn narrow(
    session: &mut Session<'_>,
    row: &RevisionRow,
    event: Event,
    fill: impl FnOnce(&mut Draft),
) -> Result<Failures, Stop> {
    let mut failures = Failures::new();
    let pending = permit::withdraw(&session.home, &row.revision, reason(event)).map_err(|error| {
        Stop::new(Code::Io, format!("the permit of {}: {error}", row.revision), "run: skills doctor")
    })?;
    for place in row.lifecycle.placements() {
        withdraw_place(&session.home, place, &row.revision, &mut failures);
    }
    record_narrowing(session, row, event, &failures, fill)?;
    if pending.is_some() && !any_left(row.lifecycle.placements()) {
        clear(session, &row.revision)?;
    }
    Ok(failures)
}

/// Whether a copy that should be gone is still there. Then the pending name
/// stays, and every session tries again until it is gone.
#[must_use]
pub fn any_left(places: &[Placement]) -> bool {
    places.iter().any(placement::is_left)
}

/// The name that a narrowing event leaves pending.
const fn reason(event: Event) -> Reason {
    match event {
        Event::Untrust => Reason::Untrusted,
        Event::Drift => Reason::Drift,
        Event::Expire => Reason::Expired,
        Event::Unmet => Reason::Unmet,
        Event::Revoke => Reason::Revoked,
        Event::Kill => Reason::Killed,
        Event::Install | Event::Trust | Event::Enable | Event::Release | Event::Disable | Event::Remove => {
            Reason::Disabled
        }
    }
}

/// Clears the pending names of a revision once its event is durable.
///
/// # Errors
/// [`Stop`]; the next session clears them.
pub fn clear(session: &Session<'_>, revision: &Revision) -> Result<(), Stop> {
    permit::pending_of(&session.home, revision)
        .and_then(|pending| permit::clear_pending(&session.home, &pending))
        .map_err(|fault| Stop::new(Code::Io, fault.to_string(), "run: skills doctor"))
}

/// Withdraws the staged and then the final copy of a placement.
pub fn withdraw_place(home: &Home, place: &Placement, revision: &Revision, failures: &mut Failures) {
    let (mut aside, faults) = placement::withdraw(&revision.name, place);
    // A kill moved it no further than beside its place.
    let killed = placement::aside_of(&revision.name, place).filter(|path| path.symlink_metadata().is_ok());
    aside.extend(killed.filter(|path| !aside.contains(path)));
    for folder in aside {
        // What cannot be moved to the evidence stays where it is, harmless.
        let _ = placement::collect(home, &folder);
    }
    failures.extend(
        faults.into_iter().map(|fault| (place.path.clone(), crate::model::text::escape(&fault.to_string()))),
    );
}

/// Writes the step into ledger and log.
///
/// # Errors
/// [`Stop`].
pub fn record_narrowing(
    session: &mut Session<'_>,
    row: &RevisionRow,
    event: Event,
    failures: &Failures,
    fill: impl FnOnce(&mut Draft),
) -> Result<(), Stop> {
    let input = if event == Event::Disable { Input::Disable(None) } else { Input::Plain(event) };
    let next = transition::step(Some(&row.lifecycle), false, &input);
    let mut draft = session.draft(event.as_str(), Outcome::Done, reason_of(event));
    draft.skill = Some(row.revision.name.clone());
    draft.digest = Some(row.revision.digest);
    draft.pin = row.lifecycle.pin().map(|pin| pin.seq);
    draft.placements = row.lifecycle.placements().to_vec();
    if !failures.is_empty() {
        let list: Vec<_> = failures.iter().map(|(path, why)| format!("{path}: {why}")).collect();
        draft.reason = format!("{}; could not be withdrawn: {}", draft.reason, list.join("; "));
    }
    fill(&mut draft);
    let row = row.clone();
    session.commit(move |txn| {
        if let Step::To(lifecycle) = next {
            let changed = RevisionRow { lifecycle: *lifecycle, seq: txn.next_seq(), ..row };
            txn.put(&changed).map_err(|fault| ledger_stop(&fault))?;
        }
        Ok(vec![draft])
    })?;
    Ok(())
}

const fn reason_of(event: Event) -> &'static str {
    match event {
        Event::Disable => "disabled; every placement withdrawn",
        Event::Untrust => "trust withdrawn",
        Event::Drift => "the bytes on disk are no longer the trusted ones",
        Event::Expire => "the trust decision reached its end",
        Event::Unmet => "the policy is no longer met",
        Event::Revoke => "a revocation names it",
        Event::Kill => "stopped by a kill",
        Event::Install => "installed",
        Event::Trust => "trusted",
        Event::Enable => "enabled",
        Event::Release => "released",
        Event::Remove => "removed",
    }
}

/// Declares what the gate noticed, if it is still so under the lock. Drift is
/// hashed a second time here, and never declared because of trouble reading.
///
/// # Errors
/// [`Stop`].
pub fn narrow_if_still(
    session: &mut Session<'_>,
    row: &RevisionRow,
    question: Question,
    event: Event,
    no: &No,
) -> Result<bool, Stop> {
    let codes = vec![no.code.as_str().to_owned()];
    if event != Event::Drift {
        narrow(session, row, event, |draft| draft.codes = codes)?;
        return Ok(true);
    }
    let folders = gate::observe(session, row, question);
    let differs = |folder: &&crate::policy::gate::Hashed| !folder.is(&row.revision.digest);
    let Some(bad) = folders.iter().find(differs) else { return Ok(false) };
    if bad.faults.iter().any(|fault| fault.rule.is_trouble()) {
        return Ok(false);
    }
    let differences = differences(session, row, &bad.path, question)?;
    let (found, reason) = (bad.digest, no.reason.clone());
    narrow(session, row, event, |draft| {
        draft.codes = codes;
        draft.found = found;
        draft.differences = differences;
        draft.reason = reason;
    })?;
    Ok(true)
}

/// Per file, how a folder differs from the manifest that was kept.
///
/// # Errors
/// [`Stop`].
pub fn differences(
    session: &Session<'_>,
    row: &RevisionRow,
    path: &str,
    question: Question,
) -> Result<Vec<crate::model::lifecycle::DriftReason>, Stop> {
    use crate::model::lifecycle::DriftReason;
    use std::os::fd::AsFd as _;
    let checks = match question {
        Question::Load => facts::placement_checks(session.policy.limits),
        Question::Enable => facts::store_checks(session.policy.limits),
    };
    let folder = match tree::open_folder(Path::new(path)) {
        Ok(folder) => folder,
        Err(error) => {
            let (path, rule) = (crate::model::text::escape(path), facts::unopened(path, &error));
            return Ok(vec![match rule {
                crate::model::limits::Rule::Missing => DriftReason::Missing { path },
                other => DriftReason::Refused { path, rule: other.code().to_owned() },
            }]);
        }
    };
    let observed = tree::read(folder.as_fd(), &checks);
    let pinned = session.ledger.manifest(&row.revision.digest).map_err(|fault| ledger_stop(&fault))?;
    Ok(match pinned {
        Some(pinned) => drift::compare(&pinned, &observed.manifest, &observed.faults),
        None => {
            vec![DriftReason::DigestOnly { was: row.revision.digest, now: observed.manifest.digest() }]
        }
    })
}

/// The lifecycle a row would have after an event, or the refusal.
///
/// # Errors
/// The code of the refusal.
pub fn next(row: &RevisionRow, held: bool, input: &Input) -> Result<Option<Lifecycle>, Code> {
    match transition::step(Some(&row.lifecycle), held, input) {
        Step::To(next) => Ok(Some(*next)),
        Step::Same | Step::Gone => Ok(None),
        Step::Refused(code) => Err(code),
    }
}
