//! Lowering the clock's floor.
//!
//! No record is of an earlier time than the one before it, whatever the clock
//! says: who turns it back revives no expired trust. After one decision under a
//! clock that ran years ahead, every later record would carry that date, and
//! every new trust with an end would have passed it. So a person may lower the
//! floor, by a record that says so. What was dated ends with it: its end was
//! meant by a clock that was wrong, or is being turned back to outlive it.

use super::phrase::Phrase;
use super::session::{Depth, Session, ledger_stop};
use super::{Ask, World, apply};
use crate::model::code::{Code, Stop};
use crate::model::lifecycle::{Event, RevisionRow};
use crate::model::record::{CLOCK, Outcome};
use crate::model::time::Timestamp;

/// What lowering would do.
#[derive(Debug, Clone)]
pub struct ClockPlan {
    /// The time of the last record.
    pub floor: Timestamp,
    /// What the clock says.
    pub now: Timestamp,
    /// The trust decisions that end: those with an end, or of a later time.
    pub ends: Vec<RevisionRow>,
}

impl ClockPlan {
    /// What a person types.
    #[must_use]
    pub fn phrase(&self) -> String {
        format!("lower {}", self.floor)
    }
}

/// Gathers; changes nothing.
///
/// # Errors
/// [`Stop`]; [`Code::Usage`] if the clock is not behind.
pub fn plan(world: &World) -> Result<ClockPlan, Stop> {
    gather(&Session::open_to_narrow(world, Depth::All)?)
}

fn gather(session: &Session<'_>) -> Result<ClockPlan, Stop> {
    let (floor, now) = (session.ledger.head().time, session.world.clock.now());
    if now >= floor {
        let what = format!("the clock says {now}, which is not before the last record ({floor})");
        return Err(Stop::new(Code::Usage, what, "nothing needs to be lowered"));
    }
    let mut ends = session.ledger.revisions().map_err(|fault| ledger_stop(&fault))?;
    ends.retain(|row| row.lifecycle.pin().is_some_and(|pin| pin.until.is_some() || pin.at > now));
    Ok(ClockPlan { floor, now, ends })
}

/// Asks, ends what is dated, then lowers the floor. Cut short, the trust has
/// ended and the floor stands.
///
/// # Errors
/// [`Stop`]; a refusal is recorded.
pub fn lower(
    world: &World,
    plan: &ClockPlan,
    shown: &str,
    given: Option<&str>,
    ask: &mut dyn Ask,
) -> Result<apply::Failures, Stop> {
    let consent =
        world.no_agent("skills doctor --lower-clock").and_then(|()| consent(plan, shown, given, ask));
    let mut session = Session::open_to_narrow(world, Depth::All)?;
    let checked = consent.and_then(|()| gather(&session)).and_then(|again| {
        let same = again.floor == plan.floor && again.ends == plan.ends;
        let what = "something was recorded after this was shown";
        if same {
            Ok(again)
        } else {
            Err(Stop::new(Code::Declined, what, "look again: skills doctor --lower-clock"))
        }
    });
    let plan = match checked {
        Ok(plan) => plan,
        Err(stop) => {
            let draft = session.draft(CLOCK, Outcome::Refused, "");
            return Err(session.refuse(draft, stop));
        }
    };
    let mut failures = apply::Failures::new();
    for row in &plan.ends {
        failures.extend(apply::narrow(&mut session, row, Event::Expire, |draft| {
            "the clock is being lowered, and this decision is dated".clone_into(&mut draft.reason);
        })?);
    }
    session.lower_clock()?;
    Ok(failures)
}

fn consent(plan: &ClockPlan, shown: &str, given: Option<&str>, ask: &mut dyn Ask) -> Result<(), Stop> {
    let expected = plan.phrase();
    let stated = format!("skills doctor --lower-clock --phrase \"{expected}\"");
    let again = "look again: skills doctor --lower-clock".to_owned();
    let needs = "lowering the clock needs a person at a terminal, or the phrase";
    Phrase { expected, to: "to lower it", not_done: "not lowered", again, needs, stated }
        .decide(shown, given, ask)
}
