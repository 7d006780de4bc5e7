//! The first act of a kill: the home permit gets another name.

use super::{Held, KILLED};
use crate::system::placement::leaf;
use rustix::fs::Mode;
use rustix::io::Errno;
use std::os::fd::BorrowedFd;

/// How often the two names are tried while others keep renaming them.
const ROUNDS: usize = 64;
/// How often in a row neither is seen before that is believed.
const ABSENT: usize = 3;

/// Takes the home permit away, or gives an earlier hold a fresh name.
///
/// Attack by bad luck: a release that is under way. It writes the new permit
/// before it removes the hold it was shown, so one of the two names is there
/// at any time, though not at the time of both looks: hence the rounds.
pub(super) fn hold(dir: BorrowedFd<'_>) -> Held {
    let to = format!("{KILLED}{}", leaf::fresh_id());
    let (mut absent, mut seen, mut why) = (0, false, None);
    for _ in 0..ROUNDS {
        // step: kill renames the home permit
        match rename(dir, "permit", &to) {
            Ok(()) => return Held::Renamed { to },
            Err(Errno::NOENT) => {}
            Err(error) => why = Some(error),
        }
        // step: kill lists the holds
        let holds: Vec<String> = match leaf::names(dir) {
            Ok(names) => names.into_iter().filter(|name| name.starts_with(KILLED)).collect(),
            Err(error) => {
                why = Some(error);
                Vec::new()
            }
        };
        seen |= !holds.is_empty();
        for from in &holds {
            // step: kill renames an earlier hold
            match rename(dir, from, &to) {
                Ok(()) => return Held::Rehold { from: from.clone(), to },
                // Released, or renamed by another kill, meanwhile.
                Err(Errno::NOENT) => {}
                Err(error) => why = Some(error),
            }
        }
        if why.is_some() {
            break;
        }
        absent = if holds.is_empty() { absent + 1 } else { 0 };
        if absent == ABSENT {
            break;
        }
    }
    create(dir, to, seen || why.is_some(), why)
}

/// A home that is ours but closed to us is opened up: kill tolerates it.
fn rename(dir: BorrowedFd<'_>, from: &str, to: &str) -> Result<(), Errno> {
    match rustix::fs::renameat(dir, from, dir, to) {
        Err(Errno::ACCESS) => {
            rustix::fs::fchmod(dir, Mode::RWXU)?;
            rustix::fs::renameat(dir, from, dir, to)
        }
        other => other,
    }
}

fn create(dir: BorrowedFd<'_>, to: String, had_permit: bool, why: Option<Errno>) -> Held {
    // step: kill creates a hold
    match leaf::write_new(dir, &to, b"", Mode::RUSR | Mode::WUSR) {
        Ok(()) => Held::Created { to, had_permit },
        Err(error) => Held::NotStored(why.unwrap_or(error).to_string()),
    }
}
