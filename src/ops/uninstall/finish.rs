//! After the mark: copies handed over, everything of ours removed. Each step
//! can be taken again, and is by whoever goes on with it.

use super::{Left, io};
use crate::model::code::{Code, Stop};
use crate::model::lifecycle::Placement;
use crate::model::skill::Revision;
use crate::model::text;
use crate::ops::session::home_stop;
use crate::ops::{World, apply, facts};
use crate::policy::gate::Brake;
use crate::system::home::Home;
use crate::system::kill;
use crate::system::leaving::{self, Decided};
use crate::system::lock::Lock;
use crate::system::originals;
use crate::system::permit;
use crate::system::tree::{Checks, Reader};
use std::path::Path;

/// Goes on with an uninstall that was cut short: what was decided stands in
/// the mark.
///
/// # Errors
/// [`Stop`].
pub fn resume(world: &World) -> Result<Left, Stop> {
    world.no_agent("skills uninstall")?;
    let home = Home::open_leaving(&world.home).map_err(|fault| home_stop(&fault))?;
    let lock = Lock::take(&home, world.patience)
        .map_err(|fault| Stop::new(Code::Busy, fault.to_string(), "try again"))?;
    let decided = leaving::decided(&home).map_err(|error| {
        let next = "look at it; nothing is allowed from this home while it is there";
        Stop::new(Code::HalfRemoved, error.to_string(), next)
    })?;
    let decided = decided
        .ok_or_else(|| Stop::new(Code::HomeMissing, "it was finished meanwhile", "nothing is left to do"))?;
    finish(world, &home, lock, &decided)
}

/// Everything after the mark. Each step can be taken again.
pub(super) fn finish(world: &World, home: &Home, lock: Lock, decided: &Decided) -> Result<Left, Stop> {
    let mut left = Left::default();
    let mut revisions: Vec<_> = decided.over.iter().map(|(revision, _)| revision).collect();
    revisions.dedup();
    for revision in revisions {
        let places = decided.over.iter().filter(|(of, _)| of == revision).map(|(_, place)| place);
        hand_over(home, revision, &places.collect::<Vec<_>>(), &mut left)?;
    }
    // What the mark does not name was withdrawn before it was made. Should a
    // permit still be here, its copies are ours, and go.
    if home.has("permits").map_err(|error| io(&error))?
        && let Some(failure) = kill::finish(&world.home).failures.first()
    {
        let what = format!("{}: {}", text::escape(&failure.what), text::escape(&failure.why));
        return Err(Stop::new(Code::Io, what, "move it away by hand, then: skills uninstall"));
    }
    if let (true, Some(config)) = (decided.config, &world.config) {
        left.config_left = leaving::remove_config(config).map_err(|error| {
            let what = format!("{}: {error}", text::escape(&config.to_string_lossy()));
            Stop::new(Code::Io, what, "then again: skills uninstall")
        })?;
    }
    left.originals = originals::part(home).map_err(|error| {
        let to = text::escape(&originals::parting(home.path()).to_string_lossy());
        let what = format!("what was moved aside once cannot be brought to {to}: {error}");
        Stop::new(Code::Io, what, "nothing of it was removed; look what is there, then: skills uninstall")
    })?;
    left.strays = leaving::remove_home(home).map_err(|error| io(&error))?;
    drop(lock);
    Ok(left)
}

/// While its permit is there, a copy is ours: it must be exactly as we wrote it,
/// with no kill in force, or it goes. Without its permit it is the person's
/// already, and only its modes may be left to set.
fn hand_over(home: &Home, revision: &Revision, places: &[&Placement], left: &mut Left) -> Result<(), Stop> {
    let limits = crate::model::limits::Limits::CEILING;
    let permit = format!("permits/{}", revision.file_name());
    let has = home.has(&permit).map_err(|error| io(&error))?;
    // A narrow kill leaves its permit under another name, and may have been cut
    // short before the copy was gone.
    let killed = is_pending(home, revision)?;
    let ours = has || killed;
    let stopped = killed || matches!(facts::brake(home), Brake::Stopped(_));
    let mut kept = Vec::new();
    for place in places {
        let path = text::escape(&place.path);
        let hashed = if ours {
            facts::hash_placement(&mut Reader::new(), &place.path, limits)
        } else {
            facts::hash_folder(&place.path, &Checks { limits, strict: None })
        };
        match (ours, stopped, hashed.is(&revision.digest)) {
            (true, false, true) | (false, _, true) => kept.push(place),
            (false, _, false) => {
                left.not_over.push((path, "it is not what was handed over, and was left as it is".to_owned()))
            }
            (true, _, _) => {
                take_away(home, revision, place)?;
                let why = if stopped { "a kill came" } else { "it was changed or gone" };
                left.not_over.push((path, format!("{why}; taken away")));
            }
        }
    }
    if has {
        leaving::drop_permit(home, revision).map_err(|error| io(&error))?;
    }
    // Attack: a kill after the look above, which found no permit to go by any more.
    let late = ours && matches!(facts::brake(home), Brake::Stopped(_));
    for place in kept {
        let path = text::escape(&place.path);
        if late {
            take_away(home, revision, place)?;
            left.not_over.push((path, "a kill came; taken away".to_owned()));
            continue;
        }
        match leaving::loosen(Path::new(&place.path)) {
            Ok(()) => left.over.push(path),
            Err(error) => left.not_over.push((path, format!("its modes could not be set: {error}"))),
        }
    }
    Ok(())
}

fn take_away(home: &Home, revision: &Revision, place: &Placement) -> Result<(), Stop> {
    let mut failures = apply::Failures::new();
    apply::withdraw_place(home, place, revision, &mut failures);
    if apply::any_left(std::slice::from_ref(place)) {
        let what = format!("{} could not be taken away", text::escape(&place.path));
        return Err(Stop::new(Code::Io, what, "move it away by hand, then: skills uninstall"));
    }
    Ok(())
}

/// Whether a permit of a revision was renamed by something that narrows. Once
/// the permits are gone, so is the question.
fn is_pending(home: &Home, revision: &Revision) -> Result<bool, Stop> {
    if !home.has("permits").map_err(|error| io(&error))? {
        return Ok(false);
    }
    let pending = permit::pending_of(home, revision);
    pending.map(|all| !all.is_empty()).map_err(|fault| io(&std::io::Error::other(fault.to_string())))
}
