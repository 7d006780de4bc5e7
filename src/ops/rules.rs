//! `policy show` and `policy check`: which rules are in force, which file or
//! trust root each comes from, and whether a file could be one. Both only look.

use super::{World, broken_policy, layers};
use crate::model::code::{Code, Stop};
use crate::model::digest::Digest;
use crate::model::text;
use crate::policy::config::{KEYS, Policy};
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
}

/// Gathers.
///
/// # Errors
/// [`Code::PolicyBroken`].
pub fn show(world: &World) -> Result<Rules, Stop> {
    let policy = layers::in_force(world)?;
    let there = |path: &Path| (text::escape(&path.to_string_lossy()), path.symlink_metadata().is_ok());
    let files = world.policy_files.iter().map(|path| there(path)).collect();
    Ok(Rules { lines: lines(&policy), files, digest: policy.digest })
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

/// Reads a file as if it were the only policy; says what it would set.
///
/// # Errors
/// [`Code::Io`] if it cannot be read, [`Code::PolicyBroken`] with what is wrong.
pub fn check(path: &Path) -> Result<Vec<Line>, Stop> {
    let name = path.to_string_lossy();
    let content = policy_file::read_draft(path).map_err(|why| {
        let what = format!("{}: {why}", text::escape(&name));
        Stop::new(Code::Io, what, "name a file that can be read: skills policy check FILE")
    })?;
    let policy = Policy::read(&[(&name, content)]).map_err(|why| broken_policy(&why))?;
    Ok(lines(&policy).into_iter().filter(|line| line.file.is_some()).collect())
}
