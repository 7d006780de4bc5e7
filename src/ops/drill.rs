//! `kill --drill`: a kill of everything, played on a copy.
//!
//! The copy lies in a temporary folder and holds what a kill touches. The very
//! code of the kill runs on it; only the record in ledger and log is not
//! played, since access does not hang on it, and since it would need a second
//! ledger whose rows name the real places. What a copy cannot show, obstacles
//! at the real places, is looked for there, by calls that change nothing.
//!
//! A drill is not recorded: it changes nothing.

use super::World;
use super::session::real;
use crate::model::code::{Code, Stop};
use crate::model::text;
use crate::system::kill::{self, Held, KillState};
use crate::system::placement;
use crate::system::rehearsal::{self, Rehearsal};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What a drill showed.
#[derive(Debug)]
pub struct Drill {
    /// The home that was copied.
    pub home: PathBuf,
    /// How many skill permits would be withdrawn.
    pub permits: usize,
    /// The real paths of the copies that would be taken away.
    pub placements: Vec<String>,
    /// How long until every gate denies; none if that would not be reached.
    pub denied_after: Option<Duration>,
    /// How long until the last copy is gone.
    pub complete_after: Duration,
    /// What became of the home permit, in words.
    pub held: String,
    /// Whether a kill of everything is in force already.
    pub in_force: bool,
    /// What would not be stopped: path and why.
    pub failures: Vec<(String, String)>,
    /// Whether everything that is managed would stop.
    pub stops: bool,
}

/// Plays it. Nothing is left behind.
///
/// # Errors
/// [`Stop`] when there is no home, or no copy of it could be made.
pub fn drill(world: &World) -> Result<Drill, Stop> {
    let home = &world.home;
    if home.symlink_metadata().is_err() {
        let what = format!("there is no home at {}", text::escape(&home.to_string_lossy()));
        return Err(Stop::new(Code::HomeMissing, what, "run: skills install SOURCE"));
    }
    let scratch = scratch(home)?;
    let built = Rehearsal::build(home, &scratch).map_err(|error| {
        let what = format!("what a kill touches could not be copied: {error}");
        Stop::new(Code::Io, what, "run: skills doctor; the kill itself needs no copy: skills kill --all")
    });
    let played = built.map(|copy| play(home, &copy));
    rehearsal::clear(&scratch).map_err(|error| {
        let what = format!("{} is left behind: {error}", text::escape(&scratch.to_string_lossy()));
        Stop::new(Code::Io, what, "it holds no skill's bytes; remove it")
    })?;
    played
}

/// A fresh folder of ours, apart from the home: making one inside would change it.
fn scratch(home: &Path) -> Result<PathBuf, Stop> {
    let parent = real(&std::env::temp_dir());
    if parent.starts_with(real(home)) {
        let what = format!("the temporary folder {} is inside the home", parent.display());
        return Err(Stop::new(Code::HomeUnsafe, text::escape(&what), "name another one: TMPDIR=/tmp"));
    }
    let made = tempfile::Builder::new().prefix("skills-drill-").tempdir_in(&parent);
    made.map(tempfile::TempDir::keep).map_err(|error| {
        let why = text::escape(&error.to_string());
        Stop::new(
            Code::Io,
            format!("no temporary folder: {why}"),
            "free space, or name another one: TMPDIR=/tmp",
        )
    })
}

fn play(home: &Path, copy: &Rehearsal) -> Drill {
    let start = Instant::now();
    let report = kill::kill_all(&copy.home());
    let complete_after = start.elapsed();
    let mut failures: Vec<_> =
        report.failures.iter().map(|failure| (copy.real(&failure.what), copy.real(&failure.why))).collect();
    for place in copy.placements().iter().filter(|place| placement::is_left(place)) {
        failures.push((copy.real(&place.path), "an agent would still find it".to_owned()));
    }
    failures.extend(copy.obstacles().iter().cloned());
    for (path, why) in &mut failures {
        (*path, *why) = (text::escape(path), text::escape(why));
    }
    failures.sort();
    failures.dedup();
    let denies = match std::fs::File::open(copy.home()) {
        Ok(dir) => {
            use std::os::fd::AsFd as _;
            matches!(kill::kill_state(dir.as_fd()), KillState::Killed(_))
        }
        Err(_) => false,
    };
    let held = report.is_held() && denies;
    let mut placements: Vec<_> = copy.placements().iter().map(|place| copy.real(&place.path)).collect();
    placements.sort();
    Drill {
        home: home.to_owned(),
        permits: copy.permit_count(),
        placements,
        denied_after: report.denied_after.filter(|_| held),
        complete_after,
        held: report.held.to_string(),
        in_force: matches!(report.held, Held::Rehold { .. }),
        stops: held && failures.is_empty(),
        failures,
    }
}
