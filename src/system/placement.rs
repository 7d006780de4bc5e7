//! Placements: verified copies in agents' folders, made and taken away.
//!
//! Three parts. [`check_target`] says whether an agent's folder is safe to
//! place in. [`Staged`] builds a copy beside its final path and publishes it
//! with one rename. [`fn@withdraw`] takes a placement away; kill uses it too.
//!
//! Invariant: a staged folder holds no `SKILL.md` before the moment it is
//! published. Some agents search hidden folders; and a kill that moved the
//! folder away must not be undone by an enable that is still writing into it
//! through its open handle. The card is therefore written under a name with a
//! random part, and renamed last.

pub(crate) mod leaf;
mod staged;
mod target;
mod withdraw;
mod worktree;

pub use staged::{PlaceFault, PublishFault, Staged};
pub use target::{Target, TargetFault, Trustees, check_target};
pub use withdraw::{ASIDE, Collected, WithdrawFault, collect, is_gone, is_left, withdraw};
pub(crate) use withdraw::{split, sync_parent, take};

use crate::model::lifecycle::Placement;
use crate::model::permit::is_id;
use crate::model::skill::SkillName;
use std::path::{Path, PathBuf};

/// A fresh id for [`staged_name`]: 32 lower-case hex digits.
#[must_use]
pub fn fresh_id() -> String {
    leaf::fresh_id()
}

/// The name of the folder in which a placement is built, beside its final one.
#[must_use]
pub fn staged_name(name: &SkillName, id: &str) -> String {
    format!(".{name}.skill-trust-{id}")
}

/// Whether a name is the staged form of this skill's name.
#[must_use]
pub fn is_staged_name(name: &SkillName, text: &str) -> bool {
    staged_id(name, text).is_some()
}

/// The id in a staged name.
fn staged_id<'a>(name: &SkillName, text: &'a str) -> Option<&'a str> {
    let id = text.strip_prefix('.')?.strip_prefix(name.as_str())?.strip_prefix(".skill-trust-")?;
    is_id(id).then_some(id)
}

/// Where a kill moves a placement that was built at `staged`, beside it.
#[must_use]
pub fn aside_of(name: &SkillName, placement: &Placement) -> Option<PathBuf> {
    let staged = Path::new(&placement.staged);
    let id = staged_id(name, staged.file_name()?.to_str()?)?;
    Some(staged.with_file_name(format!("{ASIDE}{id}")))
}

/// What the card is called in a staged folder until it is published. A skill
/// cannot ship an entry of that name: the id is random.
fn hidden_file(id: &str) -> String {
    format!("SKILL.md.{id}")
}
