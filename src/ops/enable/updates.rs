//! `enable --updates`: which trusted revisions wait to take an older one's place.

use super::super::World;
use super::super::place::Place;
use super::super::session::{Depth, Session, ledger_stop};
use super::prefer;
use crate::model::code::{Code, Stop};
use crate::model::lifecycle::{Event, Placement, RevisionRow, State, newest};
use crate::model::record::{Outcome, Record};
use std::path::Path;

/// Newer revisions that are trusted and placed nowhere, with every place in
/// which an older one of their name is. Where a person enabled the older one
/// after the newer was trusted, they have decided, and the newer is no update.
///
/// # Errors
/// [`Stop`]; [`Code::NotTrusted`] if there is none.
pub fn updates(world: &World) -> Result<Vec<(RevisionRow, Vec<Place>)>, Stop> {
    let session = Session::open(world, Depth::All)?;
    let all = session.ledger.revisions().map_err(|fault| ledger_stop(&fault))?;
    let mut out: Vec<(RevisionRow, Vec<Place>)> = Vec::new();
    let mut kept = Vec::new();
    for old in all.iter().filter(|row| row.lifecycle.state() == State::Enabled) {
        let newer = all
            .iter()
            .filter(|row| row.revision.name == old.revision.name && prefer(row) && row.arrived > old.arrived);
        let Some(new) = newest(newer) else { continue };
        if rolled_back(&session, old, new)? {
            kept.push(format!("{} was enabled after {} was trusted", old.revision, new.revision));
            continue;
        }
        let place = |placement: &Placement| match &placement.agent {
            Some(agent) => Place::Agent(agent.clone()),
            None => Place::Folder(Path::new(&placement.path).parent().unwrap_or(Path::new("/")).to_owned()),
        };
        out.push((new.clone(), old.lifecycle.placements().iter().map(place).collect()));
    }
    if let (true, Some(why)) = (out.is_empty(), kept.first()) {
        let what = format!("no trusted update is waiting to be placed: {why}, and stays");
        return Err(Stop::new(Code::NotTrusted, what, "to place it all the same, name it: skills status"));
    }
    if out.is_empty() {
        return Err(Stop::new(
            Code::NotTrusted,
            "no trusted update is waiting to be placed",
            "skills review --updates, then: skills trust --updates",
        ));
    }
    Ok(out)
}

/// Whether the older revision was enabled after the newer was trusted. By the
/// numbers of the records: a clock can be turned back.
fn rolled_back(session: &Session<'_>, old: &RevisionRow, new: &RevisionRow) -> Result<bool, Stop> {
    let Some(pin) = new.lifecycle.pin().filter(|pin| old.seq > pin.seq) else { return Ok(false) };
    let mut found = false;
    // What made the row as it is may be the loss of one of several places.
    let is_enable = |record: &Record| {
        let of_old =
            record.skill.as_ref() == Some(&old.revision.name) && record.digest == Some(old.revision.digest);
        of_old && record.event == Event::Enable.as_str() && record.decision == Outcome::Done
    };
    let look = session.ledger.each_event(pin.seq + 1, |event| {
        found = Record::parse(event.line.as_bytes()).is_ok_and(|record| is_enable(&record));
        !found && event.seq < old.seq
    });
    look.map_err(|fault| ledger_stop(&fault))?;
    Ok(found)
}
