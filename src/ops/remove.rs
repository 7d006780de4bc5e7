//! `remove`: a revision that is not enabled is forgotten. Its events stay.
//!
//! With the last revision of some bytes goes what was installed for them.

use super::session::{Depth, Session, ledger_stop};
use super::{World, apply, facts, refusals};
use crate::model::code::{Code, Stop};
use crate::model::lifecycle::{Event, RevisionRow};
use crate::model::record::Outcome;
use crate::model::text;
use crate::policy::transition::Input;
use crate::system::store::Store;
use crate::system::tools;

/// Removes a revision that is not enabled; its events stay.
///
/// # Errors
/// [`Stop`]; a refusal is recorded.
pub fn remove(world: &World, typed: &str) -> Result<RevisionRow, Stop> {
    let mut session = Session::open(world, Depth::All)?;
    let mut draft = session.draft(Event::Remove.as_str(), Outcome::Done, "removed");
    draft.skill = facts::parse_ref(typed).ok().map(|wanted| wanted.name);
    let row = match facts::resolve(&session.ledger, typed, |_| false) {
        Ok(row) => row,
        Err(stop) => return Err(session.refuse(draft, stop)),
    };
    draft.skill = Some(row.revision.name.clone());
    draft.digest = Some(row.revision.digest);
    if let Err(code) = apply::next(&row, false, &Input::Plain(Event::Remove)) {
        let stop = refusals::step_refused(&row, code, None);
        return Err(session.refuse(draft, stop));
    }
    let run = session.ledger.dependency_run().map_err(|fault| ledger_stop(&fault))?;
    if run.is_some_and(|run| run.revision.digest == row.revision.digest) {
        let what = format!("what {} needs is being installed", row.revision);
        let stop = Stop::new(Code::Busy, what, "try again when that is done");
        return Err(session.refuse(draft, stop));
    }
    session.commit(|txn| {
        txn.forget_dependencies(&row.revision).map_err(|fault| ledger_stop(&fault))?;
        txn.remove(&row.revision).map_err(|fault| ledger_stop(&fault))?;
        Ok(vec![draft])
    })?;
    let rows = session.ledger.revisions().map_err(|fault| ledger_stop(&fault))?;
    if !rows.iter().any(|other| other.revision.digest == row.revision.digest) {
        let store = Store::new(&session.home).map_err(|fault| refusals::store_stop(&fault))?;
        store.remove(&row.revision.digest).map_err(|fault| refusals::store_stop(&fault))?;
        tools::remove(&session.home, &row.revision.digest).map_err(|error| {
            let at = tools::shelf(session.home.path(), &row.revision.digest);
            let what = format!("removed, but for what was installed for it, in {}: {error}", at.display());
            Stop::new(Code::Io, text::escape(&what), "remove that folder by hand")
        })?;
    }
    Ok(row)
}

/// What `remove` would remove.
///
/// # Errors
/// [`Stop`].
pub fn remove_plan(world: &World, typed: &str) -> Result<RevisionRow, Stop> {
    let session = Session::open(world, Depth::All)?;
    let row = facts::resolve(&session.ledger, typed, |_| false)?;
    match apply::next(&row, false, &Input::Plain(Event::Remove)) {
        Ok(_) => Ok(row),
        Err(code) => Err(refusals::step_refused(&row, code, None)),
    }
}
