//! `repair`: after drift, what is needed for a person to decide again: what
//! differed per file, where the drifted copy lies now, whether the stored copy
//! still holds the old bytes, and where they were placed.
//!
//! Nothing here grants anything. Drift that nobody had noticed yet is declared
//! first, as the gate would. What follows are two decisions of their own, each
//! with its own question: trust in the OLD digest, then placing.
//!
//! Where the copies were is read from the record of the drift, and only if
//! ledger and log agree on it to the byte. The drifted copy in `evidence/` is
//! shown, compared, and never taken for anything.

use super::place::{self, Spot};
use super::session::{Depth, Session, ledger_stop};
use super::{World, apply, facts, gate, refusals};
use crate::model::code::{Code, Stop};
use crate::model::decision::Question;
use crate::model::digest::Digest;
use crate::model::lifecycle::{DriftReason, Event, Lifecycle, Placement, RevisionRow, State};
use crate::model::manifest::Entry;
use crate::model::path::EntryPath;
use crate::model::record::{Outcome, Record};
use crate::model::text;
use crate::model::time::Timestamp;
use crate::policy::drift;
use crate::policy::gate::No;
use crate::system::placement::{self, ASIDE};
use crate::system::store::Store;
use crate::system::tree;
use std::ffi::OsStr;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Larger files are not compared for their line ends.
const TEXT_MAX: u64 = 1 << 20;

/// What a look found.
#[derive(Debug)]
pub enum Found {
    /// Every copy and the stored one hold the trusted bytes.
    Sound(Box<RevisionRow>),
    /// It drifted.
    Drifted(Box<Drifted>),
}

/// A revision that drifted, and what is left of it.
#[derive(Debug)]
pub struct Drifted {
    /// Its row now: installed; or trusted, if that was decided since.
    pub row: RevisionRow,
    /// Number and time of the record; none if it was not recorded (`--dry-run`).
    pub record: Option<(u64, Timestamp)>,
    /// In the record's words.
    pub reason: String,
    /// The digest that was found, where one could be worked out.
    pub found: Option<Digest>,
    /// Per file.
    pub differences: Vec<Difference>,
    /// Whether the record had no room for all of them.
    pub cut: bool,
    /// Whether it was the stored copy that had changed.
    pub in_store: bool,
    /// Where the copies lie that were taken away.
    pub kept: Vec<PathBuf>,
    /// Where it was.
    pub spots: Vec<Spot>,
}

/// One difference, with what explains it. Nothing excuses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What differs.
    pub reason: DriftReason,
    /// What leaves such things behind without anybody's intent.
    pub by_product: Option<&'static str>,
}

impl Drifted {
    /// Copies that should be gone and that an agent may still find: what lies
    /// beside its old place, hidden, and keeps its `SKILL.md`, since that could
    /// not be renamed. In the home's evidence, where no agent looks, it is no
    /// longer hidden, and nothing that anybody has to see to.
    #[must_use]
    pub fn still_found(&self) -> Vec<&Path> {
        let beside = |path: &&PathBuf| {
            path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(ASIDE.as_bytes()))
        };
        let card = |path: &&PathBuf| path.join("SKILL.md").symlink_metadata().is_ok();
        self.kept.iter().filter(beside).filter(card).map(PathBuf::as_path).collect()
    }

    /// What to type to place it again, one command for each place.
    #[must_use]
    pub fn commands(&self) -> Vec<String> {
        self.spots.iter().map(|spot| place::enable_command(&self.row.revision, &spot.place)).collect()
    }
}

/// Looks. Unless it is only a look, drift that was not noticed yet is declared
/// and recorded, and so is a refusal.
///
/// # Errors
/// [`Stop`]: nothing drifted that could be repaired, or the stored copy is
/// damaged too, with the command that brings it again.
pub fn look(world: &World, typed: &str, only_look: bool) -> Result<Found, Stop> {
    let mut session = Session::open_to_narrow(world, Depth::All)?;
    let mut draft = session.draft(Event::Trust.as_str(), Outcome::Refused, "");
    draft.skill = facts::parse_ref(typed).ok().map(|wanted| wanted.name);
    let looked = find(&session, typed).and_then(|row| {
        draft.skill = Some(row.revision.name.clone());
        draft.digest = Some(row.revision.digest);
        looked(&mut session, row, only_look)
    });
    match looked {
        Err(stop) if !only_look && stop.code != Code::Usage => Err(session.refuse(draft, stop)),
        done => done,
    }
}

/// The revision that is meant: of several, the one that lost its trust, or the
/// one that is in use.
fn find(session: &Session<'_>, typed: &str) -> Result<RevisionRow, Stop> {
    let wanted = facts::parse_ref(typed)?;
    let fell = |row: &RevisionRow| matches!(row.lifecycle, Lifecycle::Installed { former: Some(_) });
    let any = facts::revisions(session, &wanted.name)?.iter().any(fell);
    facts::resolve(&session.ledger, typed, |row| match any {
        true => fell(row),
        false => row.lifecycle.state() == State::Enabled,
    })
}

fn looked(session: &mut Session<'_>, row: RevisionRow, only_look: bool) -> Result<Found, Stop> {
    let revision = row.revision.clone();
    if row.lifecycle.pin().is_some()
        && let Some((no, question)) = unnoticed(session, &row)?
    {
        if only_look {
            return seen(session, row, question, &no).map(Found::Drifted);
        }
        apply::narrow_if_still(session, &row, question, Event::Drift, &no)?;
    }
    let now = session.ledger.revision(&revision).map_err(|fault| ledger_stop(&fault))?;
    let row =
        now.ok_or_else(|| Stop::new(Code::NotInstalled, "it was removed meanwhile", "run: skills status"))?;
    if row.lifecycle.state() == State::Enabled {
        stored(session, &row)?;
        return Ok(Found::Sound(Box::new(row)));
    }
    let Some(record) = last_drift(session, &row)? else {
        if row.lifecycle.pin().is_some() {
            return Ok(Found::Sound(Box::new(row)));
        }
        return Err(not_drifted(&row));
    };
    ended(session, &row)?;
    stored(session, &row)?;
    drifted(session, row, &record).map(Box::new).map(Found::Drifted)
}

/// Drift that nobody has noticed; anything else that denies is no drift, and
/// is told.
fn unnoticed(session: &Session<'_>, row: &RevisionRow) -> Result<Option<(No, Question)>, Stop> {
    let enabled = row.lifecycle.state() == State::Enabled;
    let question = if enabled { Question::Load } else { Question::Enable };
    let folders = gate::observe(session, row, question);
    match gate::decide_now(session, row, question, &folders, None)? {
        Ok(_) => Ok(None),
        Err(no) if no.code == Code::Drift => Ok(Some((no, question))),
        Err(no) if no.code == Code::Unreadable => {
            let what = format!("{}: {}; trouble reading is not drift yet", row.revision, no.reason);
            let next =
                format!("make it readable, or: skills disable {0}, then: skills enable {0}", row.revision);
            Err(Stop::new(no.code, what, next))
        }
        Err(no) => {
            let next = gate::remedy(no.code, &row.revision).replace("a person runs: ", "");
            Err(Stop::new(no.code, format!("{}: {}", row.revision, no.reason), next))
        }
    }
}

/// For `--dry-run`: the differences as they are now, nothing recorded.
fn seen(session: &Session<'_>, row: RevisionRow, question: Question, no: &No) -> Result<Box<Drifted>, Stop> {
    let folders = gate::observe(session, &row, question);
    let bad = folders.iter().find(|folder| !folder.is(&row.revision.digest));
    let differences = match bad {
        Some(bad) => apply::differences(session, &row, &bad.path, question)?,
        None => Vec::new(),
    };
    let kept: Vec<_> = bad.iter().map(|bad| PathBuf::from(&bad.path)).collect();
    Ok(Box::new(Drifted {
        record: None,
        reason: no.reason.clone(),
        found: bad.and_then(|bad| bad.digest),
        differences: explained(session, &row, differences, &kept),
        cut: false,
        in_store: question == Question::Enable,
        spots: place::spots(session, &row.revision, row.lifecycle.placements())?,
        kept,
        row,
    }))
}

/// The record of the drift that nothing has come after: no placing, and no
/// person who took the trust back.
fn last_drift(session: &Session<'_>, row: &RevisionRow) -> Result<Option<Record>, Stop> {
    let hex = row.revision.digest.hex();
    let mut last = None;
    session
        .ledger
        .each_event(1, |event| {
            // Of very many lines few are of this revision; only these are parsed.
            let about =
                event.line.contains(&hex).then(|| Record::parse(event.line.as_bytes()).ok()).flatten();
            let Some(record) = about.filter(|record| {
                record.skill.as_ref() == Some(&row.revision.name)
                    && record.digest == Some(row.revision.digest)
                    && record.decision == Outcome::Done
            }) else {
                return true;
            };
            match record.event.as_str() {
                "drift" if !record.placements.is_empty() || last.is_none() => last = Some(record),
                "enable" | "untrust" | "revoke" | "remove" | "expire" | "unmet" => last = None,
                _ => {}
            }
            true
        })
        .map_err(|fault| ledger_stop(&fault))?;
    let Some(record) = last else { return Ok(None) };
    match facts::proven(&session.ledger, &session.log, record.seq)? {
        Some(proven) if proven.record == record => Ok(Some(record)),
        _ => {
            let what = format!("record {} is not in ledger and log alike", record.seq);
            Err(Stop::new(Code::Tampered, what, "run: skills audit verify"))
        }
    }
}

fn not_drifted(row: &RevisionRow) -> Stop {
    let revision = &row.revision;
    let what = match &row.lifecycle {
        Lifecycle::Installed { former: Some(pin) } => {
            format!("{revision} did not drift: the trust given at {} was withdrawn or ended", pin.at)
        }
        _ => format!("{revision} did not drift: nobody has decided to trust it"),
    };
    Stop::new(Code::NotTrusted, what, format!("skills review {revision}, then: skills trust {revision}"))
}

/// A repair gives back what there was, and no more: a trust that has reached
/// its end meanwhile is a new decision.
fn ended(session: &Session<'_>, row: &RevisionRow) -> Result<(), Stop> {
    let Lifecycle::Installed { former: Some(pin) } = &row.lifecycle else { return Ok(()) };
    match pin.until {
        Some(until) if until <= session.now => {
            let revision = &row.revision;
            let what = format!("the trust in {revision} ended at {until}; it is {}", session.now);
            Err(Stop::new(
                Code::Expired,
                what,
                format!("skills review {revision}, then: skills trust {revision}"),
            ))
        }
        _ => Ok(()),
    }
}

/// The stored copy holds the old bytes, or there is nothing to repair from.
fn stored(session: &Session<'_>, row: &RevisionRow) -> Result<(), Stop> {
    let digest = &row.revision.digest;
    let stored = facts::hash_store(&session.home, digest, session.policy.limits);
    if stored.is(digest) {
        return Ok(());
    }
    let stop = refusals::store_differs(row, &stored);
    Err(Stop::new(stop.code, stop.what, refusals::install_again(row)))
}

fn drifted(session: &Session<'_>, row: RevisionRow, record: &Record) -> Result<Drifted, Stop> {
    let kept = kept(session, &row, &record.placements);
    let in_store = record.reason.contains(&facts::store_path(&session.home, &row.revision.digest))
        || record.reason.starts_with("the stored copy");
    Ok(Drifted {
        record: Some((record.seq, record.time)),
        reason: record.reason.clone(),
        found: record.found,
        differences: explained(session, &row, record.differences.clone(), &kept),
        cut: record.codes.iter().any(|code| code == "cut"),
        in_store,
        spots: place::spots(session, &row.revision, &record.placements)?,
        kept,
        row,
    })
}

/// The copies that were taken away: in `evidence/`, or beside their place on
/// another file system.
fn kept(session: &Session<'_>, row: &RevisionRow, placements: &[Placement]) -> Vec<PathBuf> {
    let asides = placements.iter().filter_map(|place| placement::aside_of(&row.revision.name, place));
    let there = |path: &PathBuf| path.symlink_metadata().is_ok();
    asides
        .filter_map(|aside| {
            let name = aside.file_name()?.to_str()?.trim_start_matches('.').to_owned();
            Some(session.home.path().join("evidence").join(name)).filter(there).or(Some(aside).filter(there))
        })
        .collect()
}

/// What leaves such differences behind, where it is known. An explanation from
/// a name is a hint; one from the bytes was compared.
fn explained(
    session: &Session<'_>,
    row: &RevisionRow,
    differences: Vec<DriftReason>,
    kept: &[PathBuf],
) -> Vec<Difference> {
    let object = Store::new(&session.home).and_then(|store| store.open(&row.revision.digest)).ok();
    let copies: Vec<_> = kept.iter().filter_map(|path| tree::open_folder(path).ok()).collect();
    let by_product = |reason: &DriftReason| match reason {
        DriftReason::Added { path } | DriftReason::Refused { path, .. } | DriftReason::Mode { path, .. } => {
            drift::by_product(path)
        }
        DriftReason::Content { path, was, now } => {
            let object = object.as_ref()?;
            let only = copies.iter().any(|copy| line_ends(object, copy, path, was, now).unwrap_or(false));
            only.then_some("line ends only").or_else(|| drift::by_product(path))
        }
        _ => None,
    };
    differences.into_iter().map(|reason| Difference { by_product: by_product(&reason), reason }).collect()
}

/// Whether two files are the same but for their line ends; both are hashed, so
/// that a copy which was changed again since is compared with nothing.
fn line_ends(object: &OwnedFd, copy: &OwnedFd, path: &str, was: &Digest, now: &Digest) -> Option<bool> {
    let entry = |path: &str, sha256: &Digest| {
        let path = EntryPath::parse(path.as_bytes()).ok()?;
        Some(Entry { path, executable: false, size: 0, sha256: *sha256 })
    };
    let old = tree::read_entry(object.as_fd(), &entry(path, was)?, TEXT_MAX).ok()?;
    // A withdrawn card has another name, so that no agent finds it.
    let names = [path.to_owned(), format!("{path}.withdrawn")];
    let new =
        names.iter().find_map(|name| tree::read_entry(copy.as_fd(), &entry(name, now)?, TEXT_MAX).ok())?;
    Some(drift::line_ends_only(&old, &new))
}

/// A path of the person's for what lies at a place and is not ours.
#[must_use]
pub fn out_of_the_way(path: &str) -> String {
    let path = Path::new(path).as_os_str();
    let name = Path::new(path).file_name().unwrap_or_default();
    let word = |text: &OsStr| text::shell_bytes(text.as_bytes());
    format!("mv -n {} ~/{}.moved", word(path), word(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Attack: the printed command paints over itself, or names another folder
    /// than the one that is there.
    #[test]
    fn the_way_out_names_the_very_bytes() {
        assert_eq!(out_of_the_way("/a b/x"), "mv -n '/a b/x' ~/x.moved");
        assert_eq!(out_of_the_way("/a\u{202e}b/x"), "mv -n $'/a\\342\\200\\256b/x' ~/x.moved");
    }
}
