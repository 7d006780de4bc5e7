//! Which revisions are meant when several are named at once: by name, by the
//! source they came from, or as the updates that wait.

use super::session::{home_stop, ledger_stop, open_ledger, real};
use super::{World, facts};
use crate::model::code::{Code, Stop};
use crate::model::lifecycle::{Lifecycle, RevisionRow, State, newest};
use crate::model::skill::{Revision, SkillName};
use crate::model::source::{SourceKind, SourceSpec};
use crate::model::text;
use crate::system::home::Home;
use crate::system::ledger::Ledger;
use std::collections::BTreeMap;
use std::path::Path;

/// What was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    /// NAME or NAME@DIGEST, each.
    Names(Vec<String>),
    /// Everything from this source, in any form that `install` takes.
    From(String),
    /// Everything newer than what is in use.
    Updates,
    /// Everything that was adopted.
    Adopted,
}

/// A source as it is recorded, from any form that `install` takes; what cannot
/// be understood stays as it was typed.
#[must_use]
pub fn source(typed: &str) -> String {
    // A folder is written with its `./`; else a folder here could hide a repository.
    match SourceSpec::parse(typed, |name| !name.contains('/') && Path::new(name).is_dir()) {
        Ok(SourceSpec::Git { url, .. } | SourceSpec::WebArchive { url, .. } | SourceSpec::Site { url }) => {
            url
        }
        Ok(SourceSpec::Folder(folder) | SourceSpec::Archive { path: folder, .. }) => {
            let folder = std::path::absolute(&folder).unwrap_or(folder);
            real(&folder).to_string_lossy().into_owned()
        }
        Err(_) => typed.trim_end_matches('/').to_owned(),
    }
}

/// The newest revision of the same name that nobody decided about and that
/// arrived after this one, where this one is in use.
#[must_use]
pub fn newer(all: &[RevisionRow], row: &RevisionRow) -> Option<Revision> {
    row.lifecycle.pin()?;
    let waits = |other: &&RevisionRow| {
        other.revision.name == row.revision.name
            && matches!(other.lifecycle, Lifecycle::Installed { former: None })
            && other.arrived > row.arrived
    };
    newest(all.iter().filter(waits)).map(|other| other.revision.clone())
}

/// The revisions that are meant and in one of these states; of one name the
/// newest, unless it was named in full. By name.
///
/// # Errors
/// [`Code::NotInstalled`] with what there is instead, and what naming one
/// revision answers.
pub fn pick(
    ledger: &Ledger,
    pick: &Pick,
    fits: impl Fn(&RevisionRow) -> bool,
) -> Result<Vec<RevisionRow>, Stop> {
    let all = || ledger.revisions().map_err(|fault| ledger_stop(&fault));
    let rows = match pick {
        Pick::Names(names) => {
            let mut rows: Vec<RevisionRow> = Vec::new();
            for typed in names {
                let row = facts::resolve(ledger, typed, &fits)?;
                if !rows.iter().any(|known| known.revision == row.revision) {
                    rows.push(row);
                }
            }
            rows
        }
        Pick::From(typed) => {
            let wanted = source(typed);
            let from: Vec<_> = all()?.into_iter().filter(|row| row.source.identity() == wanted).collect();
            if from.is_empty() {
                return Err(nothing_from(&wanted, &all()?));
            }
            let rows = waiting(&from, &fits);
            if rows.is_empty() {
                let what = format!("nothing from {} is waiting for this", text::escape_short(&wanted, 200));
                return Err(Stop::new(Code::NotInstalled, what, "run: skills status"));
            }
            rows
        }
        Pick::Adopted => {
            let mut from = all()?;
            from.retain(|row| row.source.kind == SourceKind::Adopted);
            let rows = waiting(&from, &fits);
            if rows.is_empty() {
                let (what, next) = if from.is_empty() {
                    ("nothing was adopted yet", "skills adopt --all")
                } else {
                    ("nothing that was adopted is waiting for this", "run: skills status")
                };
                return Err(Stop::new(Code::NotInstalled, what, next));
            }
            rows
        }
        Pick::Updates => {
            let all = all()?;
            let waiting: Vec<_> = all.iter().filter_map(|row| newer(&all, row)).collect();
            let rows = newest_of_each(all.iter().filter(|row| waiting.contains(&row.revision) && fits(row)));
            if rows.is_empty() {
                return Err(Stop::new(
                    Code::NotInstalled,
                    "no update is waiting",
                    "look for some: skills update",
                ));
            }
            rows
        }
    };
    Ok(rows)
}

/// Of each name the newest that fits, unless it was passed over for a newer one.
fn waiting(from: &[RevisionRow], fits: impl Fn(&RevisionRow) -> bool) -> Vec<RevisionRow> {
    let mut rows = newest_of_each(from.iter().filter(|row| fits(row)));
    rows.retain(|row| {
        let passed = |other: &RevisionRow| {
            other.revision.name == row.revision.name
                && other.lifecycle.pin().is_some()
                && other.arrived > row.arrived
        };
        !from.iter().any(passed)
    });
    rows
}

/// Of each name the revision that arrived last, by name.
pub fn newest_of_each<'a>(rows: impl IntoIterator<Item = &'a RevisionRow>) -> Vec<RevisionRow> {
    let mut names: BTreeMap<&SkillName, Vec<&RevisionRow>> = BTreeMap::new();
    for row in rows {
        names.entry(&row.revision.name).or_default().push(row);
    }
    names.into_values().filter_map(newest).cloned().collect()
}

fn nothing_from(wanted: &str, all: &[RevisionRow]) -> Stop {
    let mut known: Vec<_> = all.iter().map(|row| text::escape(row.source.identity())).collect();
    known.sort();
    known.dedup();
    known.truncate(5);
    let what = format!("nothing is installed from {}", text::escape_short(wanted, 200));
    let next = if known.is_empty() {
        "run: skills install SOURCE".to_owned()
    } else {
        format!("sources here: {}", known.join(", "))
    };
    Stop::new(Code::NotInstalled, what, next)
}

/// As [`pick`], in a home that is only looked at.
///
/// # Errors
/// [`Stop`].
pub fn look(
    world: &World,
    picked: &Pick,
    fits: impl Fn(&RevisionRow) -> bool,
) -> Result<Vec<RevisionRow>, Stop> {
    let home = Home::open(&world.home).map_err(|fault| home_stop(&fault))?;
    pick(&open_ledger(&home)?, picked, fits)
}

/// All enabled revisions from a source, several of one name too.
///
/// # Errors
/// [`Stop`]; [`Code::NotEnabled`] if there is none.
pub fn enabled_from(world: &World, typed: &str) -> Result<Vec<RevisionRow>, Stop> {
    let home = Home::open(&world.home).map_err(|fault| home_stop(&fault))?;
    let mut rows = open_ledger(&home)?.revisions().map_err(|fault| ledger_stop(&fault))?;
    let wanted = source(typed);
    let is = |row: &RevisionRow| row.source.identity() == wanted && row.lifecycle.state() == State::Enabled;
    rows.retain(is);
    if rows.is_empty() {
        let what = format!("nothing from {} is enabled", text::escape_short(&wanted, 200));
        return Err(Stop::new(Code::NotEnabled, what, "run: skills status"));
    }
    Ok(rows)
}

/// Whether a revision waits for a decision.
#[must_use]
pub fn is_undecided(row: &RevisionRow) -> bool {
    row.lifecycle.state() == State::Installed
}

/// Every revision, for showing what could be typed. Nothing is changed, nobody
/// is waited for, and whatever is wrong there is nothing to show.
#[must_use]
pub fn known(world: &World) -> Vec<RevisionRow> {
    let ledger = Home::open(&world.home).ok().and_then(|home| Ledger::open(&home).ok());
    ledger.and_then(|ledger| ledger.revisions().ok()).unwrap_or_default()
}
