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

pub use finish::resume;

use super::phrase::Phrase;
use super::session::{Depth, Session, home_stop, log_stop, real};
use super::{Ask, World, apply, facts, gate};
use crate::model::code::{Code, Stop};
use crate::model::decision::Question as Asked;
use crate::model::lifecycle::{Event, Placement, RevisionRow, State};
use crate::model::record::Outcome;
use crate::model::skill::Revision;
use crate::model::text;
use crate::policy::gate::Brake;
use crate::system::audit_log::{AuditLog, export};
use crate::system::home::Home;
use crate::system::leaving::{self, Decided};
use crate::system::ledger::Ledger;
use crate::system::lock::Lock;
use crate::system::originals;
use crate::system::permit;
use crate::system::placement;
use crate::system::strays;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

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

/// Gathers and checks; changes nothing.
///
/// # Errors
/// [`Stop`] with what a person has to decide first.
pub fn plan(world: &World, request: &Request) -> Result<Leave, Stop> {
    let config = world.config.clone().filter(|config| config.symlink_metadata().is_ok());
    let home = Home::open(&world.home).map_err(|fault| match home_stop(&fault) {
        stop if stop.code == Code::HomeMissing => {
            Stop::new(stop.code, stop.what, "there is nothing to uninstall")
        }
        stop => stop,
    })?;
    if is_empty(&home) {
        no_strays(&home, false)?;
        return Ok(Leave {
            request: request.clone(),
            fates: Vec::new(),
            export: None,
            originals: kept(&home)?,
            config,
        });
    }
    drop(home);
    let session = open(world, request)?;
    gather(&session, request, false)
}

/// Whether nothing was ever recorded in a home.
fn is_empty(home: &Home) -> bool {
    !Ledger::exists(home).unwrap_or(true) && !AuditLog::has_records(home).unwrap_or(true)
}

fn open<'w>(world: &'w World, request: &Request) -> Result<Session<'w>, Stop> {
    if request.hand_over {
        Session::open(world, Depth::All)
    } else {
        Session::open_to_narrow(world, Depth::All)
    }
}

fn gather(session: &Session<'_>, request: &Request, for_good: bool) -> Result<Leave, Stop> {
    if let (true, Brake::Stopped(why)) = (request.hand_over, facts::brake(&session.home)) {
        let what = format!("{why}, and a copy that is handed over would be live under it");
        return Err(Stop::new(
            Code::HeldAll,
            what,
            "take everything away instead: skills uninstall --remove",
        ));
    }
    facts::checked(session)?;
    no_strays(&session.home, for_good)?;
    let export = export_path(session, request)?;
    let mut rows = session.ledger.revisions().map_err(|fault| super::session::ledger_stop(&fault))?;
    rows.sort_by(|one, other| one.revision.cmp(&other.revision));
    let fate = |row: RevisionRow| {
        let what = match (row.lifecycle.state(), request.hand_over) {
            (State::Installed | State::Trusted, _) => What::Forgotten,
            (State::Enabled, false) => What::Withdrawn,
            (State::Enabled, true) => allowed(session, &row)?,
        };
        Ok(Fate { row, what })
    };
    let fates: Vec<Fate> = rows.into_iter().map(fate).collect::<Result<_, Stop>>()?;
    can_be_marked(&fates, request)?;
    let config = session.world.config.clone().filter(|config| config.symlink_metadata().is_ok());
    let originals = kept(&session.home)?;
    Ok(Leave { request: request.clone(), fates, export: Some(export), originals, config })
}

/// The originals that a home keeps, and where they go: they are the person's,
/// and often the only copy there is.
fn kept(home: &Home) -> Result<Option<(usize, PathBuf)>, Stop> {
    let count = originals::kept(home).map_err(|error| io(&error))?.len();
    if count == 0 {
        return Ok(None);
    }
    let to = originals::parting(home.path());
    // Found out after the mark, it would leave a home half gone until somebody clears the way.
    originals::can_part(home).map_err(|error| {
        let what =
            format!("what was moved aside once goes to {}: {error}", text::escape(&to.to_string_lossy()));
        let code = if error.raw_os_error().is_some() { Code::Io } else { Code::TargetTaken };
        let from = text::shell_bytes(home.path().join("evidence").as_os_str().as_bytes());
        let next = format!("clear that place, or take them out yourself: {from}/original-*; then again");
        Stop::new(code, what, next)
    })?;
    Ok(Some((count, to)))
}

/// Before anything is asked or changed: whether what is to be handed over can
/// be written down. Else copies would be gone and the log would tell of a
/// hand-over that never came.
fn can_be_marked(fates: &[Fate], request: &Request) -> Result<(), Stop> {
    let over = fates.iter().filter(|fate| fate.what == What::HandedOver).flat_map(copies).collect();
    leaving::check(&Decided { config: request.config, over }).map_err(|error| {
        let next = "disable some, or take all away: skills uninstall --remove";
        Stop::new(Code::Usage, format!("the hand-over: {error}"), next)
    })
}

fn copies(fate: &Fate) -> impl Iterator<Item = (Revision, Placement)> {
    fate.row.lifecycle.placements().iter().map(|place| (fate.row.revision.clone(), place.clone()))
}

/// The gate's own answer to `load`.
fn allowed(session: &Session<'_>, row: &RevisionRow) -> Result<What, Stop> {
    let folders = gate::observe(session, row, Asked::Load);
    Ok(match gate::decide_now(session, row, Asked::Load, &folders, None)? {
        Ok(_) => What::HandedOver,
        Err(no) => What::Denied(no.code, no.reason),
    })
}

/// What we did not write is somebody's: it is not ours to remove, and the home
/// cannot go while it is there. Nor while an install is at work in it: what a
/// dead one left is cleared away first.
fn no_strays(home: &Home, for_good: bool) -> Result<(), Stop> {
    let io = |error: String| Stop::new(Code::Io, error, "run: skills doctor");
    let mut found = strays::find(home).map_err(|error| io(error.to_string()))?;
    let count = found.len();
    found.truncate(10);
    if count > 0 {
        let more = if count > 10 { format!(" and {} more", count - 10) } else { String::new() };
        let what = format!("in the home lies what is not ours: {}{more}", found.join(", "));
        let path = text::shell_word(&home.path().to_string_lossy());
        return Err(Stop::new(
            Code::TargetTaken,
            what,
            format!("look what it is, and move it out of {path}"),
        ));
    }
    if !for_good || !home.has("staging").map_err(|error| io(error.to_string()))? {
        return Ok(());
    }
    strays::sweep(home).map_err(io)?;
    match strays::staged(home) {
        Ok(0) => Ok(()),
        Ok(_) => Err(Stop::new(Code::Busy, "an install is under way", "try again when it has ended")),
        Err(error) => Err(io(error.to_string())),
    }
}

/// The file that the log goes to: new, and not in anything that goes.
fn export_path(session: &Session<'_>, request: &Request) -> Result<PathBuf, Stop> {
    let path = match &request.export {
        Some(path) => path.clone(),
        None => {
            let id = session.ledger.home_id().map_err(|fault| super::session::ledger_stop(&fault))?;
            let size = session.ledger.head().size;
            request.folder.join(format!("skills-audit-{}-{size}.jsonl", id.get(..8).unwrap_or(&id)))
        }
    };
    let shown = text::escape(&path.to_string_lossy());
    let refuse = |why: &str| {
        let what = format!("the log cannot be exported to {shown}: {why}");
        Err(Stop::new(Code::Usage, what, "name a file: --export FILE"))
    };
    let folder = path.parent().unwrap_or(Path::new("/"));
    let inside = real(folder);
    let config = session.world.config.as_ref().filter(|_| request.config);
    if path.symlink_metadata().is_ok() {
        return refuse("something is there already, and nothing is written over");
    }
    if !folder.is_dir() {
        return refuse("there is no such folder");
    }
    if inside.starts_with(real(session.home.path()))
        || config.is_some_and(|config| inside.starts_with(real(config)))
    {
        return refuse("it lies in what is removed");
    }
    Ok(path)
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
