//! `doctor`: is the installation itself sound?
//!
//! Looks at what every answer rests on and says of each thing what was found
//! and what should be. `--fix` sets modes of our own files and clears what
//! dead processes left; everything else takes a person.

use super::look::{self, Look};
use super::session::{Depth, Session, ledger_stop, log_stop};
use super::{World, facts, layers};
use crate::model::code::{Code, Exit, Stop};
use crate::model::text;
use crate::policy::gate::Brake;
use crate::system::checkpoint::CheckpointKey;
use crate::system::home::Home;
use crate::system::inspect::{self, Kind};
use crate::system::ledger::Ledger;
use crate::system::placement::{self, Trustees};
use crate::system::strays;
use std::path::{Path, PathBuf};

/// The way out of damage.
const RESTORE: &str =
    "keep the home as it is, restore all of it from one backup; `skills kill --all` works meanwhile";

/// What the caller knows of its surroundings.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Folders in which programs are looked for, in order.
    pub path: Vec<PathBuf>,
    /// This program.
    pub program: Option<PathBuf>,
    /// Repair what can be repaired.
    pub fix: bool,
}

/// How it stands with one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Worth knowing.
    Warn,
    /// Wrong.
    Bad,
    /// Wrong, and nothing is allowed because of it.
    Damaged,
}

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What it is about.
    pub about: &'static str,
    /// How it stands.
    pub level: Level,
    /// What was found, escaped.
    pub found: String,
    /// What to do; empty if nothing.
    pub next: String,
    /// Whether this call repaired it.
    pub fixed: bool,
}

impl Check {
    fn new(about: &'static str, level: Level, found: impl AsRef<str>, next: impl Into<String>) -> Self {
        Self { about, level, found: text::escape(found.as_ref()), next: next.into(), fixed: false }
    }

    fn ok(about: &'static str, found: impl AsRef<str>) -> Self {
        Self::new(about, Level::Ok, found, "")
    }

    fn stop(about: &'static str, stop: &Stop) -> Self {
        let level = if stop.code.exit() == Exit::Damaged { Level::Damaged } else { Level::Bad };
        // Whoever reads this has asked the doctor already.
        let next = match stop.next.strip_prefix("run: skills doctor") {
            None => stop.next.clone(),
            Some(_) => RESTORE.to_owned(),
        };
        Self::new(about, level, &stop.what, next)
    }
}

/// The exit code that checks lead to.
#[must_use]
pub fn exit(checks: &[Check]) -> Exit {
    match checks.iter().map(|check| check.level).max() {
        Some(Level::Damaged) => Exit::Damaged,
        Some(Level::Bad) => Exit::Failed,
        Some(Level::Warn | Level::Ok) | None => Exit::Done,
    }
}

/// Checks everything.
#[must_use]
pub fn doctor(world: &World, around: &Surroundings) -> Vec<Check> {
    let mut checks = Vec::new();
    checks.push(Check::ok("sqlite", format!("version {}", Ledger::sqlite_version())));
    if world.home.symlink_metadata().is_ok() {
        modes(world, around.fix, &mut checks);
        file_system(world, &mut checks);
    }
    match look::look(world, Depth::All) {
        Look::Nothing(None) => {
            let found = format!("none yet at {}", world.home.display());
            checks.push(Check::new("home", Level::Ok, found, "made by: skills install SOURCE"));
        }
        Look::Nothing(Some(home)) => {
            checks.push(Check::ok("home", format!("{}, nothing recorded yet", world.home.display())));
            kill_state(&home, &mut checks);
        }
        Look::Part(part) => {
            checks.push(Check::stop("home", &part.stop));
            if let Some(home) = &part.home {
                kill_state(home, &mut checks);
            }
        }
        Look::Whole(session) => whole(&session, around.fix, &mut checks),
    }
    policy(world, &mut checks);
    key(world, &mut checks);
    program(around, &mut checks);
    if let Some(agent) = world.agent {
        let found = format!("this runs under {agent}: nothing that lets more run is taken from here");
        checks.push(Check::new(
            "agent",
            Level::Warn,
            found,
            "use a terminal of your own for trust and enable",
        ));
    }
    checks
}

fn modes(world: &World, fix: bool, checks: &mut Vec<Check>) {
    let odd = match inspect::modes(&world.home) {
        Ok(odd) => odd,
        Err(error) => {
            checks.push(Check::new("modes", Level::Bad, error.to_string(), ""));
            return;
        }
    };
    if odd.is_empty() {
        checks.push(Check::ok("modes", "folders 0700, files 0600, all ours"));
    }
    for one in odd {
        let at = one.path.display();
        let what = match one.never {
            Some(why) => format!("{at}: {why}"),
            None => format!("{at} has mode {:04o}; it should be {:04o}", one.mode, one.wanted),
        };
        // What others may write, they may have written: the home itself then denies.
        let level = if one.never.is_some() || one.mode & 0o022 != 0 { Level::Bad } else { Level::Warn };
        let mut check = Check::new("modes", level, what, "");
        match (one.never, fix) {
            (Some(_), _) => "look into it; nobody but us should write here".clone_into(&mut check.next),
            (None, false) => "skills doctor --fix".clone_into(&mut check.next),
            (None, true) => match inspect::repair(&one) {
                Ok(()) => (check.fixed, check.level) = (true, Level::Ok),
                Err(error) => check.next = format!("could not be repaired: {error}"),
            },
        }
        checks.push(check);
    }
}

fn file_system(world: &World, checks: &mut Vec<Check>) {
    let about = "disk";
    checks.push(match inspect::file_system(&world.home) {
        Ok(Kind::Local(name)) => Check::ok(about, name),
        Ok(Kind::Passing(name)) => {
            Check::new(about, Level::Warn, format!("{name}: gone when the machine stops"), "use another home")
        }
        Ok(Kind::Served(name)) => {
            let found = format!("{name}: locks and flushes are only as good as its server");
            Check::new(about, Level::Warn, found, "put the home on a local disk")
        }
        Ok(Kind::Unknown(number)) => {
            Check::new(about, Level::Warn, format!("a file system we do not know (0x{number:x})"), "")
        }
        Err(error) => Check::new(about, Level::Bad, error.to_string(), ""),
    });
}

/// A home in agreement: what the session's opening did not look at.
fn whole(session: &Session<'_>, fix: bool, checks: &mut Vec<Check>) {
    checks.push(Check::ok("home", session.home.path().to_string_lossy()));
    let integrity = session.ledger.check_integrity().and_then(|()| session.ledger.revisions());
    match &integrity {
        Ok(rows) => checks.push(Check::ok("ledger", format!("sound, {} revisions", rows.len()))),
        Err(fault) => checks.push(Check::stop("ledger", &ledger_stop(fault))),
    }
    let head = session.ledger.head();
    checks.push(match session.log.verify(&session.ledger) {
        Ok(verified) => {
            Check::ok("log", format!("{} records, chained and as in the ledger", verified.records))
        }
        Err(fault) => Check::stop("log", &log_stop(&fault)),
    });
    match facts::checkpoint(session) {
        Ok(None) => {}
        Ok(Some(size)) => checks.push(Check::ok("checkpoint", format!("of {size} records, continued"))),
        Err(stop) => checks.push(Check::stop("checkpoint", &stop)),
    }
    let now = session.world.clock.now();
    checks.push(if now < head.time {
        let found = format!("it is {now}, and the last record is of {}", head.time);
        let next =
            "set the clock; if it is right now, and the records are wrong: skills doctor --lower-clock";
        Check::new("clock", Level::Bad, found, next)
    } else {
        Check::ok("clock", format!("{now}, after the last record"))
    });
    kill_state(&session.home, checks);
    for hold in &session.ledger.brakes().holds {
        let found = format!("{} is held (record {})", hold.scope, hold.seq);
        checks.push(Check::new("kill", Level::Warn, found, "skills release --help"));
    }
    leftovers(&session.home, fix, checks);
    for row in integrity.unwrap_or_default() {
        for place in row.lifecycle.placements() {
            let folder = Path::new(&place.path).parent().unwrap_or(Path::new("/"));
            if let Err(fault) = placement::check_target(folder, &row.revision.name, Trustees::ours()) {
                let found = format!("{}: {fault}", row.revision);
                let next = format!("make it safe, or: skills disable {}", row.revision);
                checks.push(Check::new("placement", Level::Bad, found, next));
            }
        }
    }
}

fn kill_state(home: &Home, checks: &mut Vec<Check>) {
    match facts::brake(home) {
        Brake::Clear { epoch } => checks.push(Check::ok("kill", format!("none in force, epoch {epoch}"))),
        Brake::Stopped(why) => {
            checks.push(Check::new("kill", Level::Warn, why, "look into it, then: skills release --all"));
        }
    }
}

fn leftovers(home: &Home, fix: bool, checks: &mut Vec<Check>) {
    let about = "leftovers";
    let swept = if fix { strays::sweep(home) } else { Ok(0) };
    if let Err(why) = &swept {
        checks.push(Check::new(about, Level::Bad, why, ""));
    }
    let swept = swept.unwrap_or(0);
    if swept > 0 {
        let mut check = Check::ok(about, format!("{swept} folders of dead processes cleared away"));
        check.fixed = true;
        checks.push(check);
    }
    checks.push(match strays::staged(home) {
        Ok(0) => Check::ok(about, "nothing is staged"),
        Ok(count) => {
            let found = format!("{count} folders in staging: of a running install, or of one that died");
            Check::new(about, Level::Warn, found, "skills doctor --fix clears those of dead processes")
        }
        Err(error) => Check::new(about, Level::Bad, error.to_string(), ""),
    });
    match strays::find(home) {
        Ok(all) => checks.extend(all.iter().take(20).map(|stray| {
            Check::new(
                "strays",
                Level::Warn,
                format!("not ours: {stray}"),
                "it grants nothing; look what it is",
            )
        })),
        Err(error) => checks.push(Check::new("strays", Level::Bad, error.to_string(), "")),
    }
}

fn policy(world: &World, checks: &mut Vec<Check>) {
    let about = "policy";
    // Of a home that cannot be read other lines tell; here, of the rules alone.
    let in_force = world.policy().and_then(|files| match layers::in_force(world) {
        Err(stop) if stop.code != Code::PolicyBroken => Ok(files),
        found => found,
    });
    #[cfg(feature = "review")]
    let in_force = in_force.and_then(|policy| super::judged::known_rules(&policy).map(|()| policy));
    match in_force {
        Err(stop) => checks.push(Check::stop(about, &stop)),
        Ok(policy) => checks.push(Check::ok(
            about,
            match policy.digest {
                None => "no policy file; the defaults hold".to_owned(),
                Some(digest) => format!("readable and valid, digest {}", digest.short()),
            },
        )),
    }
    for path in world.policy_files.iter().filter(|path| path.symlink_metadata().is_ok()) {
        match inspect::changeable(path) {
            Ok(None) => {}
            Ok(Some(why)) => {
                checks.push(Check::new(about, Level::Bad, why, "chmod go-w, or give it to its right owner"));
            }
            Err(error) => {
                checks.push(Check::new(about, Level::Bad, format!("{}: {error}", path.display()), ""));
            }
        }
    }
}

fn key(world: &World, checks: &mut Vec<Check>) {
    let Some(config) = &world.config else { return };
    checks.push(match CheckpointKey::open(config) {
        Ok(None) => Check::ok("key", "no checkpoint key yet; made by: skills audit checkpoint"),
        Ok(Some(_)) => Check::ok("key", "the checkpoint key is private to this account"),
        Err(fault) => {
            Check::new("key", Level::Bad, fault.to_string(), "make it 0600 in a folder 0700, or move it away")
        }
    });
}

/// Whether `skills`, typed, is this program.
fn program(around: &Surroundings, checks: &mut Vec<Check>) {
    let Some(own) = &around.program else { return };
    let found = around.path.iter().map(|folder| folder.join("skills")).find(|path| inspect::is_program(path));
    let about = "program";
    checks.push(match found {
        Some(first) if inspect::is_same(&first, own) => Check::ok(about, own.to_string_lossy()),
        Some(first) => {
            let what = format!("`skills` on PATH is {}, this is {}", first.display(), own.display());
            let next = "hooks and scripts: use the full path, or the name skill-trust";
            Check::new(about, Level::Warn, what, next)
        }
        None => Check::new(about, Level::Warn, format!("{} is not on PATH", own.display()), ""),
    });
}
