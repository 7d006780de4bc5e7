//! `disable`: copies are taken away from one agent, or from all.
//!
//! The effect comes first, as with everything that narrows. A revision that
//! keeps other places keeps a permit that names the rest of them, so that a
//! kill finds what is left at every moment.

use super::place::{Place, placing, swap_out};
use super::session::{Depth, Session, ledger_stop, real};
use super::{World, apply, facts, refusals};
use crate::model::code::{Code, Stop};
use crate::model::lifecycle::{Event, RevisionRow, State};
use crate::model::record::Outcome;
use crate::model::text;
use crate::policy::transition::Input;
use crate::system::permit;
use std::path::Path;

/// What a disable did.
#[derive(Debug)]
pub struct Disabled {
    /// The row before it.
    pub row: RevisionRow,
    /// The copies that were taken away.
    pub paths: Vec<String>,
    /// What could not be.
    pub failures: apply::Failures,
}

/// Takes a revision out of one place or all.
///
/// # Errors
/// [`Stop`].
pub fn disable(world: &World, typed: &str, place: Option<&Place>) -> Result<Disabled, Stop> {
    let place = place.map(|place| placing(world, place)).transpose()?;
    let mut session = Session::open_to_narrow(world, Depth::All)?;
    let row = match facts::resolve(&session.ledger, typed, |row| row.lifecycle.state() == State::Enabled) {
        Ok(row) => row,
        Err(stop) => {
            let mut draft = session.draft(Event::Disable.as_str(), Outcome::Refused, "");
            draft.skill = facts::parse_ref(typed).ok().map(|wanted| wanted.name);
            return Err(session.refuse(draft, stop));
        }
    };
    let all = row.lifecycle.placements();
    let Some(place) = place else {
        let paths = all.iter().map(|place| place.path.clone()).collect();
        let failures = apply::narrow(&mut session, &row, Event::Disable, |_| {})?;
        return Ok(Disabled { row, paths, failures });
    };
    // As it is recorded; or as it is typed, where a folder became a link since.
    let spelled = |folder: &Path| folder.join(row.revision.name.as_str()).to_string_lossy().into_owned();
    let known = |path: &String| all.iter().any(|there| there.path == *path);
    let wanted = Some(spelled(&place.folder)).filter(known).unwrap_or_else(|| spelled(&real(&place.folder)));
    if !known(&wanted) {
        let list: Vec<_> = all.iter().map(|there| there.path.as_str()).collect();
        let what = format!("{} is not enabled at {}", row.revision, text::escape(&wanted));
        let next = if list.is_empty() {
            "run: skills status".to_owned()
        } else {
            format!("it is enabled at: {}", list.join(", "))
        };
        let mut draft = session.draft(Event::Disable.as_str(), Outcome::Refused, "");
        draft.skill = Some(row.revision.name.clone());
        draft.digest = Some(row.revision.digest);
        return Err(session.refuse(draft, Stop::new(Code::NotEnabled, what, next)));
    }
    if all.len() == 1 {
        let failures = apply::narrow(&mut session, &row, Event::Disable, |_| {})?;
        return Ok(Disabled { row, paths: vec![wanted], failures });
    }
    disable_one(&mut session, row, wanted)
}

/// One place of several: the permit names the rest, then the copy goes.
fn disable_one(session: &mut Session<'_>, row: RevisionRow, path: String) -> Result<Disabled, Stop> {
    let next = apply::next(&row, false, &Input::Disable(Some(path.clone())))
        .map_err(|code| refusals::step_refused(&row, code, None))?
        .ok_or_else(|| Stop::new(Code::Internal, "BUG: disable changed nothing", ""))?;
    let mut draft = session.draft(Event::Disable.as_str(), Outcome::Done, format!("withdrawn from {path}"));
    draft.skill = Some(row.revision.name.clone());
    draft.digest = Some(row.revision.digest);
    draft.pin = row.lifecycle.pin().map(|pin| pin.seq);
    draft.until = row.lifecycle.pin().and_then(|pin| pin.until);
    draft.placements = next.placements().to_vec();
    let changed = RevisionRow { lifecycle: next, ..row.clone() };
    let for_permit = changed.clone();
    let place = path.clone();
    let io = |fault: permit::PermitFault| Stop::new(Code::Io, fault.to_string(), "run: skills doctor");
    permit::begin_placing(&session.home, &[&row.revision]).map_err(io)?;
    let outcome = session.commit_with(
        move |txn| {
            txn.put(&RevisionRow { seq: txn.next_seq(), ..changed }).map_err(|fault| ledger_stop(&fault))?;
            Ok(vec![draft])
        },
        move |home, records| swap_out(home, &for_permit, &place, records.first()),
    );
    if let Err(stop) = outcome {
        // Half done is all of it withdrawn; done and not logged is done.
        super::recover::interrupted_enable(session)?;
        return Err(stop);
    }
    permit::end_placing(&session.home).map_err(io)?;
    Ok(Disabled { row, paths: vec![path], failures: apply::Failures::new() })
}

/// What `disable` would take away.
///
/// # Errors
/// [`Stop`].
pub fn disable_plan(world: &World, typed: &str) -> Result<RevisionRow, Stop> {
    let session = Session::open_to_narrow(world, Depth::All)?;
    facts::resolve(&session.ledger, typed, |row| row.lifecycle.state() == State::Enabled)
}
