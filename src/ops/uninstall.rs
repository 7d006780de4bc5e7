//! `uninstall`: the end of a home, with nothing left live that the gate denies.
//!
//! ```text
//!   everything verified, strays looked for     a working home, or a refusal
//!   copies that go are withdrawn, recorded     a working home, with less enabled
//!   the log exported and read back             the same
//!   the mark                                   from here on no other command opens the home
//!   copies handed over, each hashed again
//!   originals moved out of the home: they are the person's
//!   everything of ours removed, the mark last
//! ```
//!
//! Handing over widens: a copy that nobody watches any more stays live. So only
//! what the gate allows at that moment is handed over, never under a kill, and
//! what was changed between the decision and the last look is withdrawn.

mod finish;
mod look;

pub use finish::resume;
pub use look::plan;
use look::{copies, gather, is_empty, no_strays, open};

use super::phrase::Phrase;
use super::session::{Session, home_stop, log_stop};
use super::{Ask, World, apply, facts};
use crate::model::code::{Code, Stop};
use crate::model::decision::Question as Asked;
use crate::model::lifecycle::{Event, Placement, RevisionRow};
use crate::model::record::Outcome;
use crate::model::skill::Revision;
use crate::model::text;
use crate::policy::gate::Brake;
use crate::system::audit_log::export;
use crate::system::home::Home;
use crate::system::leaving::{self, Decided};
use crate::system::lock::Lock;
use crate::system::permit;
use crate::system::placement;
use std::fmt::Write as _;
use std::path::PathBuf;

/// The word in records.
const EVENT: &str = "uninstall";

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// Enabled copies become ordinary folders, instead of being withdrawn.
    pub hand_over: bool,
    /// Where the log goes; none for a name in `folder`.
    pub export: Option<PathBuf>,
    /// The folder for the log where no file was named.
    pub folder: PathBuf,
    /// Whether keys and policy go too.
    pub config: bool,
}

/// What happens to one revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fate {
    /// Which.
    pub row: RevisionRow,
    /// What.
    pub what: What,
}

/// What happens to a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It is placed nowhere; its stored copy goes with the home.
    Forgotten,
    /// Its copies are withdrawn.
    Withdrawn,
    /// It was to be handed over, and the gate denies it: withdrawn.
    Denied(Code, String),
    /// Its copies become ordinary folders.
    HandedOver,
}

/// What an uninstall would do.
#[derive(Debug)]
pub struct Leave {
    /// What was asked for.
    pub request: Request,
    /// Each revision, by name.
    pub fates: Vec<Fate>,
    /// Where the log is exported; none if nothing was ever recorded.
    pub export: Option<PathBuf>,
    /// How many originals are kept in the home, and the folder they go to.
    pub originals: Option<(usize, PathBuf)>,
    /// The configuration, and whether it goes.
    pub config: Option<PathBuf>,
}

impl Leave {
    fn over(&self) -> usize {
        self.fates.iter().filter(|fate| fate.what == What::HandedOver).count()
    }

    /// What a person types.
    #[must_use]
    pub fn phrase(&self) -> String {
        match (self.over(), self.fates.len()) {
            (0, all) => format!("remove {all} skills"),
            (over, all) => format!("hand over {over} of {all} skills"),
        }
    }

    /// What was typed to get here.
    #[must_use]
    pub fn command(&self) -> String {
        let how = if self.request.hand_over { "--hand-over" } else { "--remove" };
        let config = if self.request.config { " --config" } else { "" };
        format!("skills uninstall {how}{config}")
    }
}

/// What an uninstall did.
#[derive(Debug, Default)]
pub struct Left {
    /// Copies that are ordinary folders now.
    pub over: Vec<String>,
    /// Copies that were to be handed over and were not, and why.
    pub not_over: Vec<(String, String)>,
    /// Names in the home that are not ours, and keep it.
    pub strays: Vec<String>,
    /// What else is in the configuration's folder.
    pub config_left: Vec<String>,
    /// Originals that were moved aside once, and where each is now.
    pub originals: Vec<PathBuf>,
    /// Withdrawn copies that could not be moved to the home's file system.
    pub beside: Vec<String>,
}

/// Whether an uninstall was begun here and not finished.
#[must_use]
pub fn is_begun(world: &World) -> bool {
    Home::open_leaving(&world.home).is_ok_and(|home| home.has(crate::system::home::LEAVING).unwrap_or(false))
}

/// Asks; withdraws, exports, marks, hands over, removes.
///
/// # Errors
/// [`Stop`]; before the mark the home works as before, with less enabled.
pub fn leave(
    world: &World,
    plan: &Leave,
    shown: &str,
    given: Option<&str>,
    ask: &mut dyn Ask,
) -> Result<Left, Stop> {
    let consent = world.no_agent(&plan.command()).and_then(|()| consent(plan, shown, given, ask));
    let Some(to) = &plan.export else {
        consent?;
        let home = Home::open(&world.home).map_err(|fault| home_stop(&fault))?;
        let lock = Lock::take(&home, world.patience)
            .map_err(|fault| Stop::new(Code::Busy, fault.to_string(), "try again"))?;
        // Attack by bad luck: an install has made a whole home of it since.
        if !is_empty(&home) {
            let what = "something was recorded here after this was shown";
            return Err(Stop::new(Code::Declined, what, format!("look again: {}", plan.command())));
        }
        no_strays(&home, true)?;
        let decided = Decided { config: plan.request.config, over: Vec::new() };
        leaving::mark(&home, &decided).map_err(|error| io(&error))?;
        return finish::finish(world, &home, lock, &decided);
    };
    let mut session = open(world, &plan.request)?;
    let again = consent.and_then(|()| as_shown(&session, plan));
    if let Err(stop) = again {
        let draft = session.draft(EVENT, Outcome::Refused, "");
        return Err(session.refuse(draft, stop));
    }
    // Before anything changes: whether the file can be made at all.
    let mut file = export::begin(to).map_err(|error| {
        let what = format!("{}: {error}", text::escape(&to.to_string_lossy()));
        Stop::new(Code::Io, what, "name another file: --export FILE")
    })?;
    let mut recorded = false;
    let exported = withdraw(&mut session, plan).and_then(|over| {
        record(&mut session, plan, &over)?;
        recorded = true;
        export::fill(&session.home, &mut file, to, session.ledger.head()).map_err(|fault| {
            let stop = log_stop(&fault);
            let next = "copies were taken away, nothing else; name another file: --export FILE";
            Stop::new(stop.code, stop.what, next)
        })?;
        Ok(over)
    });
    let marked = exported.and_then(|over| {
        let decided = Decided { config: plan.request.config, over };
        leaving::mark(&session.home, &decided).map_err(|error| io(&error))?;
        // A kill from before the mark was not seen by the check above; one from here
        // on is seen before each copy.
        if let (false, Brake::Stopped(why)) = (decided.over.is_empty(), facts::brake(&session.home)) {
            leaving::unmark(&session.home).map_err(|error| io(&error))?;
            return Err(Stop::new(Code::HeldAll, why, "look into it, then: skills uninstall --remove"));
        }
        Ok(decided)
    });
    let decided = marked.inspect_err(|stop| {
        // A mark that could not be flushed stands: it is gone on with, and the export is all that
        // tells of this home.
        if session.home.has(crate::system::home::LEAVING).unwrap_or(true) {
            return;
        }
        let _ = export::discard(to);
        // The log tells of a hand-over that did not come about.
        if recorded {
            let reason = format!("not uninstalled; what is left is managed as before: {}", stop.what);
            let _ = session.note("recover", reason);
        }
    })?;
    let (home, lock) = session.end();
    let left = finish::finish(world, &home, lock, &decided)?;
    Ok(Left { beside: beside(plan), ..left })
}

fn io(error: &std::io::Error) -> Stop {
    Stop::new(Code::Io, format!("the home: {error}"), "then again: skills uninstall")
}

fn consent(plan: &Leave, shown: &str, given: Option<&str>, ask: &mut dyn Ask) -> Result<(), Stop> {
    let expected = plan.phrase();
    let stated = format!("{} --phrase \"{expected}\"", plan.command());
    let again = "see what it would do: skills uninstall --dry-run".to_owned();
    let needs = "an uninstall needs a person at a terminal, or the phrase";
    Phrase { expected, to: "to do it", not_done: "nothing was changed", again, needs, stated }
        .decide(shown, given, ask)
}

/// What was shown is what is so now.
fn as_shown(session: &Session<'_>, plan: &Leave) -> Result<(), Stop> {
    // The default name of the export counts records: it is of the showing.
    let request = Request { export: plan.export.clone(), ..plan.request.clone() };
    let now = gather(session, &request, true)?;
    if (&now.fates, &now.originals) == (&plan.fates, &plan.originals) {
        return Ok(());
    }
    Err(Stop::new(
        Code::Declined,
        "something changed after this was shown",
        format!("look again: {}", plan.command()),
    ))
}

/// Takes away every copy that is not handed over; returns those that are.
fn withdraw(session: &mut Session<'_>, plan: &Leave) -> Result<Vec<(Revision, Placement)>, Stop> {
    let mut over = Vec::new();
    for fate in &plan.fates {
        let row = &fate.row;
        let event = match &fate.what {
            What::Forgotten => continue,
            What::HandedOver => {
                over.extend(copies(fate));
                continue;
            }
            What::Denied(Code::Drift, reason) => {
                let no = crate::policy::gate::No { code: Code::Drift, reason: reason.clone() };
                if apply::narrow_if_still(session, row, Asked::Load, Event::Drift, &no)? {
                    all_gone(row)?;
                    continue;
                }
                Event::Disable
            }
            What::Denied(Code::Expired, _) => Event::Expire,
            What::Denied(Code::PolicyUnmet, _) => Event::Unmet,
            What::Withdrawn | What::Denied(..) => Event::Disable,
        };
        apply::narrow(session, row, event, |draft| {
            draft.reason = format!("{}; the home is being uninstalled", draft.reason);
        })?;
        all_gone(row)?;
    }
    // What an earlier kill or drift could not take away is pending still.
    let pending =
        permit::pending(&session.home).map_err(|fault| io(&std::io::Error::other(fault.to_string())))?;
    match pending.first() {
        None => Ok(over),
        Some(first) => {
            let what = format!("copies of {} could not be taken away; nothing was removed", first.revision);
            Err(Stop::new(Code::Io, what, "see: skills kill --drill, then again"))
        }
    }
}

/// Withdrawn copies on another file system, which stay beside their place.
fn beside(plan: &Leave) -> Vec<String> {
    let places = plan.fates.iter().flat_map(|fate| {
        fate.row
            .lifecycle
            .placements()
            .iter()
            .filter_map(|place| placement::aside_of(&fate.row.revision.name, place))
    });
    let there = places.filter(|path| path.symlink_metadata().is_ok());
    there.map(|path| text::escape(&path.to_string_lossy())).collect()
}

/// A copy of ours that could not be taken away would stay live with nobody to
/// deny it: then nothing goes.
fn all_gone(row: &RevisionRow) -> Result<(), Stop> {
    let left = |place: &&Placement| apply::any_left(std::slice::from_ref(*place));
    match row.lifecycle.placements().iter().find(left) {
        None => Ok(()),
        Some(place) => {
            let what = format!("{} could not be taken away; nothing was removed", text::escape(&place.path));
            Err(Stop::new(Code::Io, what, "move it away by hand, then again"))
        }
    }
}

fn record(session: &mut Session<'_>, plan: &Leave, over: &[(Revision, Placement)]) -> Result<(), Stop> {
    let mut reason = format!("{} skills; the copies of {} are handed over", plan.fates.len(), plan.over());
    if let Some((count, to)) = &plan.originals {
        let _ = write!(reason, "; {count} originals go to {}", text::escape(&to.to_string_lossy()));
    }
    let mut drafts = vec![session.draft(EVENT, Outcome::Done, reason)];
    for fate in plan.fates.iter().filter(|fate| fate.what == What::HandedOver) {
        let reason = "handed over: its copies are ordinary folders from here on";
        let mut draft = session.draft(EVENT, Outcome::Done, reason);
        draft.skill = Some(fate.row.revision.name.clone());
        draft.digest = Some(fate.row.revision.digest);
        let of = over.iter().filter(|(revision, _)| *revision == fate.row.revision);
        draft.placements = of.map(|(_, place)| place.clone()).collect();
        drafts.push(draft);
    }
    session.commit(|_| Ok(drafts)).map(drop)
}
