//! `policy show` and `policy check`: which rules are in force, which file or
//! trust root each comes from, and whether a file could be one. Both only look.

use super::judged::{self, known_rules};
use super::session::open_ledger;
use super::{World, broken_policy, layers};
use crate::model::code::{Code, Stop};
use crate::model::digest::Digest;
use crate::model::text;
use crate::policy::config::review::Except;
use crate::policy::config::{KEYS, Policy};
use crate::policy::judge::useless;
use crate::system::home::Home;
use crate::system::ledger::Ledger;
use crate::system::policy_file;
use std::path::Path;

/// One value of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The key.
    pub key: &'static str,
    /// The value, as it is written in a file; what holds without one otherwise.
    pub value: String,
    /// The file; none for what holds without one.
    pub file: Option<String>,
    /// False if another file's value counts instead.
    pub holds: bool,
}

/// All that is in force.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Every key, in the order of the reference page.
    pub lines: Vec<Line>,
    /// The files that were looked for, the one that wins first, and whether
    /// each is there; escaped.
    pub files: Vec<(String, bool)>,
    /// What records name the policy by.
    pub digest: Option<Digest>,
    /// Exceptions that free from nothing here.
    pub unused: Vec<Unused>,
}

/// An exception that frees from nothing here, so that it can go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unused {
    /// The rule that it names.
    pub rule: String,
    /// The bytes.
    pub digest: Digest,
    /// The file it stands in; escaped.
    pub file: String,
    /// Why it is of no use; escaped.
    pub why: String,
}

/// Gathers.
///
/// # Errors
/// [`Code::PolicyBroken`], for a rule that there is not too.
pub fn show(world: &World) -> Result<Rules, Stop> {
    let policy = layers::in_force(world)?;
    known_rules(&policy)?;
    let there = |path: &Path| (text::escape(&path.to_string_lossy()), path.symlink_metadata().is_ok());
    let files = world.policy_files.iter().map(|path| there(path)).collect();
    Ok(Rules { lines: lines(&policy), files, digest: policy.digest, unused: unused(world, &policy) })
}

/// The exceptions that free from nothing among what is installed here.
fn unused(world: &World, policy: &Policy) -> Vec<Unused> {
    let home = Home::open(&world.home).ok();
    let ledger = home.as_ref().and_then(|home| open_ledger(home).ok());
    let here = home.as_ref().zip(ledger.as_ref());
    let all = policy.findings.excepts().iter();
    all.filter_map(|except| {
        let why = no_use(world, policy, here, except)?;
        let Except { rule, digest, file, .. } = except.clone();
        Some(Unused { rule, digest, file, why })
    })
    .collect()
}

fn no_use(world: &World, policy: &Policy, here: Option<(&Home, &Ledger)>, except: &Except) -> Option<String> {
    let missing = || Some("these bytes are not installed here".to_owned());
    let now = here.map_or(world.clock.now(), |(_, ledger)| world.clock.now().max(ledger.head().time));
    if let Some(why) = useless(except, &policy.findings, now) {
        return Some(why);
    }
    let Some((home, ledger)) = here else { return missing() };
    let rows = match ledger.revisions() {
        Ok(rows) => rows,
        Err(fault) => return Some(format!("it cannot be told: {}", text::escape(&fault.to_string()))),
    };
    let Some(row) = rows.iter().find(|row| row.revision.digest == except.digest) else { return missing() };
    match judged::told(home, ledger, policy, row, now) {
        Ok(told) => told.judgement.unused.into_iter().find(|one| one.except == *except).map(|one| one.why),
        Err(stop) => Some(format!("it cannot be told: {}", stop.what)),
    }
}

fn lines(policy: &Policy) -> Vec<Line> {
    let mut lines = Vec::new();
    for key in KEYS {
        let said: Vec<_> = policy.settings().iter().filter(|said| said.key == key.name).collect();
        if said.iter().all(|said| !said.holds) {
            lines.push(Line { key: key.name, value: key.default.to_owned(), file: None, holds: true });
        }
        lines.extend(said.into_iter().map(|said| Line {
            key: key.name,
            value: said.value.clone(),
            file: Some(said.file.clone()),
            holds: said.holds,
        }));
    }
    lines
}

/// Reads a file as if it were the only policy; says what it would set, and which
/// of its exceptions would free from nothing here.
///
/// # Errors
/// [`Code::Io`] if it cannot be read, [`Code::PolicyBroken`] with what is wrong.
pub fn check(world: &World, path: &Path) -> Result<(Vec<Line>, Vec<Unused>), Stop> {
    let name = path.to_string_lossy();
    let content = policy_file::read_draft(path).map_err(|why| {
        let what = format!("{}: {why}", text::escape(&name));
        Stop::new(Code::Io, what, "name a file that can be read: skills policy check FILE")
    })?;
    let policy = Policy::read(&[(&name, content)]).map_err(|why| broken_policy(&why))?;
    known_rules(&policy)?;
    let said = lines(&policy).into_iter().filter(|line| line.file.is_some()).collect();
    Ok((said, unused(world, &policy)))
}
