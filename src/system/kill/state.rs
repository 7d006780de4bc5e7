//! Whether a kill is in force, for the gate and for enable.

use super::KILLED;
use crate::model::permit::HomePermit;
use crate::system::placement::leaf::{self, ReadFault};
use rustix::io::Errno;
use std::os::fd::BorrowedFd;

/// The answer. Everything but [`KillState::Clear`] is a deny.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KillState {
    /// No kill is in force, by this permit.
    Clear(HomePermit),
    /// One is: the ids of what it left, sorted. To be shown before a release.
    Killed(Vec<String>),
    /// The home has neither permit nor hold.
    NoPermit,
    /// It cannot be told, for this reason.
    Doubt(String),
}

impl KillState {
    /// The permit, if nothing is held.
    #[must_use]
    pub fn clear(self) -> Option<HomePermit> {
        match self {
            Self::Clear(permit) => Some(permit),
            Self::Killed(_) | Self::NoPermit | Self::Doubt(_) => None,
        }
    }
}

/// Reads the kill state of an open home: the holds first, then the permit.
///
/// A listing may miss a hold that another kill is renaming at that moment, so
/// one look is not enough for a decision. Gate and enable have a second thing
/// to go by (the gate looks again under the lock, and enable has written the
/// permit that this kill goes on to list); the model has no third.
#[must_use]
pub fn kill_state(home: BorrowedFd<'_>) -> KillState {
    // step: read the kill state
    match look(home) {
        Ok(state) => state,
        Err(why) => KillState::Doubt(why.to_string()),
    }
}

fn look(home: BorrowedFd<'_>) -> Result<KillState, ReadFault> {
    let held = holds(home)?;
    if !held.is_empty() {
        return Ok(KillState::Killed(held));
    }
    let text = match leaf::read_text(home, "permit") {
        Ok((text, _)) => text,
        Err(ReadFault::System(Errno::NOENT)) => return absent(home),
        Err(fault) => return Err(fault),
    };
    Ok(match HomePermit::parse(&text) {
        Some(permit) => KillState::Clear(permit),
        None => KillState::Doubt("the home permit is not well-formed".to_owned()),
    })
}

/// No permit: a kill may have come between the two looks.
fn absent(home: BorrowedFd<'_>) -> Result<KillState, ReadFault> {
    let holds = holds(home)?;
    Ok(if holds.is_empty() { KillState::NoPermit } else { KillState::Killed(holds) })
}

/// What follows `killed.` in every name that begins so. Whatever else it is:
/// it denies.
fn holds(home: BorrowedFd<'_>) -> Result<Vec<String>, ReadFault> {
    let mut ids: Vec<String> =
        leaf::names(home)?.iter().filter_map(|name| name.strip_prefix(KILLED).map(str::to_owned)).collect();
    ids.sort();
    Ok(ids)
}
