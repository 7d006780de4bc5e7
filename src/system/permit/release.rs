//! The home permit: making it for a new home, and making it anew in a release.
//!
//! A release lifts exactly the holds that a person was shown. It writes the
//! new permit *first*: from then on, at every point at which it may be
//! interrupted, a hold or nothing but the finished release is there. In the
//! other order a kill could find neither name, and would have to create a
//! file, which fails on a full disk.
//!
//! Against a kill at the same time: it renames either the new permit or a
//! hold. A hold renamed is one that the release no longer finds, so it fails.
//! A permit renamed is a hold again under an id nobody was shown.

use super::{UNFINISHED, leaf, list, pending};
use crate::model::permit::HomePermit;
use crate::system::home::Home;
use crate::system::kill::{KILLED, KillState, kill_state};
use rustix::fs::{AtFlags, Mode};
use rustix::io::Errno;

/// Why a home was not released, or got no permit.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseFault {
    /// There is nothing to lift.
    #[error("no kill is in force")]
    NotHeld,
    /// It already has a permit, or is held.
    #[error("this home already has a permit, or is held by a kill")]
    NotNew,
    /// What holds is not what was shown: there was another kill.
    #[error("another kill came after these were shown")]
    KilledAgain,
    /// The kill has not been finished or recorded; these files say so.
    #[error("the kill is not finished: {0:?} still wait for it")]
    Unfinished(Vec<String>),
    /// The new epoch does not lie after all that were.
    #[error("epoch {new} does not follow epoch {seen}")]
    Epoch {
        /// As asked.
        new: u64,
        /// Found in a hold or a permit.
        seen: u64,
    },
    /// The state cannot be told.
    #[error("the kill state cannot be told: {0}")]
    Doubt(String),
    /// The system said no.
    #[error("{name}: {source}")]
    Io {
        /// File in the home.
        name: String,
        /// The system's words.
        source: std::io::Error,
    },
}

fn io(name: &str) -> impl Fn(Errno) -> ReleaseFault + '_ {
    move |error| ReleaseFault::Io { name: name.to_owned(), source: error.into() }
}

/// Gives a new home its permit. Under the lock.
///
/// # Errors
/// [`ReleaseFault::NotNew`] for a home that has one or is held.
pub fn create_home(home: &Home, epoch: u64) -> Result<HomePermit, ReleaseFault> {
    match kill_state(home.dir()) {
        KillState::NoPermit => {}
        KillState::Clear(_) | KillState::Killed(_) => return Err(ReleaseFault::NotNew),
        KillState::Doubt(why) => return Err(ReleaseFault::Doubt(why)),
    }
    let permit = write(home, epoch)?;
    confirm(home, permit)
}

/// Lifts the holds `shown` (ids as [`KillState::Killed`] gave them) and opens
/// the home under `epoch`. Under the lock, after the kill was finished
/// (`kill::finish`) and its records are in the ledger.
///
/// # Errors
/// [`ReleaseFault`]; the home is still held then, whatever failed.
pub fn release_home(home: &Home, shown: &[String], epoch: u64) -> Result<HomePermit, ReleaseFault> {
    // step: release checks what was shown
    match kill_state(home.dir()) {
        KillState::Killed(ids) if same(&ids, shown) => {}
        KillState::Killed(_) => return Err(ReleaseFault::KilledAgain),
        KillState::Clear(_) | KillState::NoPermit => return Err(ReleaseFault::NotHeld),
        KillState::Doubt(why) => return Err(ReleaseFault::Doubt(why)),
    }
    check_finished(home)?;
    let seen = last_epoch(home)?;
    if seen >= epoch {
        return Err(ReleaseFault::Epoch { new: epoch, seen });
    }
    // step: release removes a permit that a crashed release left
    match rustix::fs::unlinkat(home.dir(), "permit", AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => return Err(io("permit")(error)),
    }
    let permit = write(home, epoch)?;
    let lifted = lift(home, shown).and_then(|()| confirm(home, permit.clone()));
    if lifted.is_err() {
        // Whatever failed, and however much was lifted: what we wrote becomes
        // a hold. If a kill has it already, it is one.
        // step: release turns its permit into a hold
        let hold = format!("{KILLED}{}", permit.id);
        let _ = rustix::fs::renameat(home.dir(), "permit", home.dir(), hold.as_str());
        let _ = rustix::fs::fsync(home.dir());
    }
    lifted
}

/// The highest epoch that any permit or hold in the home speaks of. The next
/// release takes a higher one, also after a release that failed, so that no
/// epoch is ever used twice.
///
/// # Errors
/// [`ReleaseFault::Io`].
pub fn last_epoch(home: &Home) -> Result<u64, ReleaseFault> {
    let names = leaf::names(home.dir()).map_err(io("the home"))?;
    let seen = names.iter().filter(|name| name.starts_with(KILLED) || *name == "permit").filter_map(|name| {
        let (text, _) = leaf::read_text(home.dir(), name).ok()?;
        HomePermit::parse(&text).map(|permit| permit.epoch)
    });
    Ok(seen.max().unwrap_or(0))
}

fn same(found: &[String], shown: &[String]) -> bool {
    let mut shown = shown.to_vec();
    shown.sort();
    found == shown
}

/// A kill that was cut short must not be lifted before it has done its work:
/// placements that it did not come to would live on under no permit.
fn check_finished(home: &Home) -> Result<(), ReleaseFault> {
    let doubt = |fault: super::PermitFault| ReleaseFault::Doubt(fault.to_string());
    // step: release checks that the kill is finished
    let mut left: Vec<String> =
        list(home).map_err(doubt)?.iter().map(crate::model::skill::Revision::file_name).collect();
    left.extend(pending(home).map_err(doubt)?.into_iter().map(|pending| pending.file));
    if left.is_empty() { Ok(()) } else { Err(ReleaseFault::Unfinished(left)) }
}

/// Writes a permit under the name that must be free, and makes it last.
fn write(home: &Home, epoch: u64) -> Result<HomePermit, ReleaseFault> {
    let names = leaf::names(home.dir()).map_err(io("the home"))?;
    for name in names.iter().filter(|name| name.starts_with(UNFINISHED)) {
        rustix::fs::unlinkat(home.dir(), name.as_str(), AtFlags::empty()).map_err(io(name))?;
    }
    let permit = HomePermit { epoch, id: leaf::fresh_id() };
    let new = format!("{UNFINISHED}{}", permit.id);
    let mode = Mode::RUSR | Mode::WUSR;
    leaf::write_new(home.dir(), &new, permit.text().as_bytes(), mode).map_err(io("permit"))?;
    // step: release writes the new permit
    if let Err(error) = leaf::rename_new(home.dir(), &new, "permit") {
        let _ = rustix::fs::unlinkat(home.dir(), new.as_str(), AtFlags::empty());
        return Err(io("permit")(error));
    }
    rustix::fs::fsync(home.dir()).map_err(io("permit"))?;
    Ok(permit)
}

/// Removes exactly the holds that were shown, each of which must be there.
fn lift(home: &Home, shown: &[String]) -> Result<(), ReleaseFault> {
    for id in shown {
        let name = format!("{KILLED}{id}");
        // step: release unlinks a hold it was shown
        match rustix::fs::unlinkat(home.dir(), name.as_str(), AtFlags::empty()) {
            Ok(()) => {}
            Err(Errno::NOENT) => return Err(ReleaseFault::KilledAgain),
            Err(error) => return Err(io(&name)(error)),
        }
    }
    rustix::fs::fsync(home.dir()).map_err(io("the home"))
}

/// Looks once more: nobody may be told that the home is open when a kill came
/// meanwhile.
fn confirm(home: &Home, permit: HomePermit) -> Result<HomePermit, ReleaseFault> {
    // step: release confirms
    match kill_state(home.dir()) {
        KillState::Clear(found) if found == permit => Ok(permit),
        KillState::Clear(_) | KillState::Killed(_) | KillState::NoPermit => Err(ReleaseFault::KilledAgain),
        KillState::Doubt(why) => Err(ReleaseFault::Doubt(why)),
    }
}
