//! What an uninstall would do, and whether it can: gathered and checked, nothing
//! changed. What a person is shown and what is done later both come from here.

use super::{Fate, Leave, Request, What, io};
use crate::model::code::{Code, Stop};
use crate::model::decision::Question as Asked;
use crate::model::lifecycle::{Placement, RevisionRow, State};
use crate::model::skill::Revision;
use crate::model::text;
use crate::ops::session::{Depth, Session, home_stop, ledger_stop, real};
use crate::ops::{World, facts, gate};
use crate::policy::gate::Brake;
use crate::system::audit_log::AuditLog;
use crate::system::home::Home;
use crate::system::leaving::{self, Decided};
use crate::system::ledger::Ledger;
use crate::system::originals;
use crate::system::strays;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

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
pub(super) fn is_empty(home: &Home) -> bool {
    !Ledger::exists(home).unwrap_or(true) && !AuditLog::has_records(home).unwrap_or(true)
}

pub(super) fn open<'w>(world: &'w World, request: &Request) -> Result<Session<'w>, Stop> {
    if request.hand_over {
        Session::open(world, Depth::All)
    } else {
        Session::open_to_narrow(world, Depth::All)
    }
}

pub(super) fn gather(session: &Session<'_>, request: &Request, for_good: bool) -> Result<Leave, Stop> {
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
    let mut rows = session.ledger.revisions().map_err(|fault| ledger_stop(&fault))?;
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

pub(super) fn copies(fate: &Fate) -> impl Iterator<Item = (Revision, Placement)> {
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
pub(super) fn no_strays(home: &Home, for_good: bool) -> Result<(), Stop> {
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
            let id = session.ledger.home_id().map_err(|fault| ledger_stop(&fault))?;
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
