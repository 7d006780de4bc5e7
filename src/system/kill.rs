//! Kill: takes permits and placements away, whatever else is broken.
//!
//! This is a leaf of the program. It uses std, rustix and the text forms of
//! `model`; it opens no database, takes no lock, parses no configuration,
//! waits for nothing and creates no file in a home that ever had a permit. A
//! rename works on a full disk, where creating a file does not. What cannot be
//! done is reported and the rest goes on.
//!
//! # Order
//!
//! 1. The home permit, or the `killed.<id>` that an earlier kill left, gets a
//!    fresh name `killed.<id>`; the folder is flushed. From here on every gate
//!    denies, and a release that was shown the earlier id fails.
//! 2. The permits are listed, and of each the staged, *then* the final
//!    placement is taken away. In the other order an enable could publish
//!    between the two looks.
//! 3. The permit is renamed to `NAME@HEX.killed`, which is the record that is
//!    pending. It comes last so that a kill that is itself killed leaves the
//!    permit for the next one to find. If the file renamed is not the one that
//!    was read (an enable wrote it anew meanwhile), it is read and its
//!    placements are taken away too.
//! 4. The folder is listed again, at least once and until nothing new is in
//!    it: another kill may have renamed a permit past the listing, and
//!    returning before its placement is gone would be a lie. For that reason pending records are
//!    gone through as well.
//!
//! A narrow kill ([`kill_matching`]) leaves the home permit alone, so the
//! rename of the skill permit *is* the effect and comes first.
//!
//! An enable that is under way loses against any of this: see
//! `placement::Staged` and `permit::check_clear`. Each `step:` is one step of
//! the model in `tests/it/kill_model.rs`, which walks all interleavings.

mod hold;
mod state;
mod sweep;

pub use state::{KillState, kill_state};

use crate::model::permit::SkillPermit;
use crate::model::skill::Revision;
use crate::system::placement::leaf;
use rustix::io::Errno;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How the name of a home permit that a kill took away begins.
pub const KILLED: &str = "killed.";

/// What became of the home permit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// It was there and was renamed.
    Renamed {
        /// New name.
        to: String,
    },
    /// An earlier kill had taken it; the hold got a fresh name, so that a
    /// release under way fails.
    Rehold {
        /// Name the earlier kill had left.
        from: String,
        /// New name.
        to: String,
    },
    /// There was neither: a hold was created. Either this home never had a
    /// permit, and something else is running the skills, or the permit could
    /// not be renamed.
    Created {
        /// Its name.
        to: String,
        /// Whether a permit or an earlier hold was seen.
        had_permit: bool,
    },
    /// Nothing could be stored, for this reason.
    NotStored(String),
    /// A narrow kill does not touch it.
    NotAsked,
}

impl std::fmt::Display for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Renamed { .. } => f.write_str("the home permit was taken away"),
            Self::Rehold { .. } => f.write_str("an earlier kill's hold was renewed"),
            Self::Created { had_permit: true, .. } => {
                f.write_str("the home permit could not be taken away; a hold was made beside it")
            }
            Self::Created { had_permit: false, .. } => {
                f.write_str("this home never had a permit, so nothing was enabled from it; a hold was made")
            }
            Self::NotStored(why) => write!(f, "nothing could be stored: {why}"),
            Self::NotAsked => f.write_str("the home permit was left alone"),
        }
    }
}

/// A revision that was enabled and no longer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// Which.
    pub revision: Revision,
    /// Paths at which it was placed, or being placed.
    pub paths: Vec<String>,
    /// Where those folders are now.
    pub aside: Vec<PathBuf>,
}

/// Something that a kill could not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The file or folder.
    pub what: String,
    /// Why not.
    pub why: String,
}

/// What a kill did.
#[derive(Debug)]
pub struct KillReport {
    /// The home.
    pub home: PathBuf,
    /// The account it belongs to, if it could be opened.
    pub account: Option<u32>,
    /// What became of the home permit.
    pub held: Held,
    /// Whether the hold, or the narrow kill's renames, reached the disk.
    pub synced: bool,
    /// How long it took until every gate denied; a narrow kill has no such moment.
    pub denied_after: Option<Duration>,
    /// What was stopped.
    pub stopped: Vec<Stopped>,
    /// What could not be done.
    pub failures: Vec<Failure>,
}

impl KillReport {
    fn new(home: &Path) -> Self {
        Self {
            home: home.to_owned(),
            account: None,
            held: Held::NotAsked,
            synced: false,
            denied_after: None,
            stopped: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Whether the home's access is withdrawn for good: only then may anybody
    /// be told KILLED.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.synced && matches!(self.held, Held::Renamed { .. } | Held::Rehold { .. })
    }

    fn fail(&mut self, what: impl Into<String>, why: impl std::fmt::Display) {
        self.failures.push(Failure { what: what.into(), why: why.to_string() });
    }

    fn open(&mut self) -> Result<OwnedFd, Errno> {
        let dir = leaf::open_path(&self.home)?;
        self.account = rustix::fs::fstat(&dir).ok().map(|stat| stat.st_uid);
        Ok(dir)
    }

    fn sync(&mut self, dir: BorrowedFd<'_>, what: &str) {
        match rustix::fs::fsync(dir) {
            Ok(()) => self.synced = true,
            Err(error) => self.fail(what, error),
        }
    }
}

/// Stops everything this home enabled, and holds it until a person releases it.
///
/// The home's owner and mode do not matter, as long as it can be opened; a
/// link in its place is refused, since it could lead to somebody else's.
#[must_use]
pub fn kill_all(home: &Path) -> KillReport {
    let start = Instant::now();
    let mut report = KillReport::new(home);
    let dir = match report.open() {
        Ok(dir) => dir,
        Err(error) => {
            report.held = Held::NotStored(error.to_string());
            report.fail(home.display().to_string(), error);
            return report;
        }
    };
    report.held = hold::hold(dir.as_fd());
    // step: kill flushes the home
    report.sync(dir.as_fd(), "flushing the home");
    report.denied_after = report.is_held().then(|| start.elapsed());
    sweep::all(dir.as_fd(), &mut report);
    report
}

/// Stops what is enabled and matches, with nothing but the permits.
///
/// A standing hold on what is not enabled is the ledger's. A caller that
/// records one calls this again afterwards: an enable that held the lock
/// meanwhile may have written its permit after the first listing.
#[must_use]
pub fn kill_matching(home: &Path, matches: &dyn Fn(&SkillPermit) -> bool) -> KillReport {
    let mut report = KillReport::new(home);
    match report.open() {
        Ok(dir) => sweep::matching(dir.as_fd(), matches, &mut report),
        Err(error) => report.fail(home.display().to_string(), error),
    }
    report
}

/// Finishes a kill that was itself cut short: everything after the hold.
/// Release demands it.
#[must_use]
pub fn finish(home: &Path) -> KillReport {
    let mut report = KillReport::new(home);
    match report.open() {
        Ok(dir) => sweep::all(dir.as_fd(), &mut report),
        Err(error) => report.fail(home.display().to_string(), error),
    }
    report
}
