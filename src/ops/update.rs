//! `update`: newer revisions arrive beside the old ones, which stay as they
//! are until a person trusts and enables the new.

use super::install::{Opened, Selection};
use super::session::{Depth, Session, ledger_stop};
use super::{World, pick};
use crate::model::code::{Code, Stop};
use crate::model::digest::Digest;
use crate::model::lifecycle::RevisionRow;
use crate::model::skill::SkillName;
use crate::model::source::{Source, SourceKind, SourceSpec};
use crate::model::text;
use std::collections::BTreeMap;

/// The skills that come from one source at one reference.
#[derive(Debug, Clone)]
pub struct Group {
    /// Where to look again.
    pub spec: SourceSpec,
    /// The newest known revision of each.
    pub rows: Vec<RevisionRow>,
}

/// What is new about one skill.
#[derive(Debug)]
pub struct News {
    /// The skill.
    pub name: SkillName,
    /// The newest digest known before.
    pub before: Digest,
    /// The digest found, if another; or why it was refused.
    pub outcome: Result<Option<Digest>, Stop>,
}

/// Which sources have to be looked at for these skills; all if none is named.
///
/// # Errors
/// [`Stop`].
pub fn plan(world: &World, names: &[String]) -> Result<Vec<Group>, Stop> {
    let session = Session::open(world, Depth::All)?;
    let all = session.ledger.revisions().map_err(|fault| ledger_stop(&fault))?;
    let newest = pick::newest_of_each(&all);
    for name in names {
        if !newest.iter().any(|known| known.revision.name.as_str() == name) {
            let what = format!("no skill `{}` is installed", text::escape_short(name, 64));
            return Err(Stop::new(Code::NotInstalled, what, "run: skills status"));
        }
    }
    let mut groups: BTreeMap<(String, Option<String>), Group> = BTreeMap::new();
    for row in newest {
        let name = &row.revision.name;
        if !names.is_empty() && !names.iter().any(|wanted| wanted == name.as_str()) {
            continue;
        }
        // What was adopted has no source to ask: its folder is an agent's, and
        // what lies there now is taken in by adopting it again.
        if row.source.kind == SourceKind::Adopted {
            if names.is_empty() {
                continue;
            }
            let folder = text::shell_word(&row.source.location);
            let what = format!("{name} was adopted from {}; it has no source to ask", row.source);
            return Err(Stop::new(Code::SourceRefused, what, format!("skills adopt {folder}")));
        }
        let key = (row.source.location.clone(), row.source.reference.clone());
        let group =
            groups.entry(key).or_insert_with(|| Group { spec: spec_of(&row.source), rows: Vec::new() });
        group.rows.push(row);
    }
    Ok(groups.into_values().collect())
}

/// Where a revision's source is looked at again: the branch or tag that was
/// asked for, not the commit it had then.
fn spec_of(source: &Source) -> SourceSpec {
    match source.kind {
        SourceKind::Folder | SourceKind::Adopted => SourceSpec::Folder(source.location.clone().into()),
        SourceKind::Archive => SourceSpec::archive(&source.location),
        SourceKind::Site => SourceSpec::Site { url: source.location.clone() },
        SourceKind::Git => {
            // A commit that was asked for by its id never moves.
            let reference = source.reference.clone();
            SourceSpec::Git { url: source.location.clone(), reference, path: None }
        }
    }
}

/// Looks at the skills of a group in their opened source and, unless `dry`,
/// takes the new revisions in.
///
/// # Errors
/// [`Stop`] when nothing can be recorded.
pub fn take(world: &World, group: &Group, opened: &Opened, dry: bool) -> Result<Vec<News>, Stop> {
    let mut out = Vec::new();
    for row in &group.rows {
        let name = row.revision.name.clone();
        let before = row.revision.digest;
        let same = |offer: &&super::install::Offer| match &row.source.path {
            Some(path) => offer.found.path.as_ref() == Some(path),
            None => offer.found.path.is_none(),
        };
        let Some(offer) = opened.offers.iter().find(same) else {
            let what = format!("{name} is no longer in {}", opened.source());
            let stop =
                Stop::new(Code::NoSkill, what, "look at what the source has: skills install SOURCE --list");
            out.push(News { name, before, outcome: Err(stop) });
            continue;
        };
        let outcome = if dry {
            opened.digest(world, offer).map(|digest| (digest != before).then_some(digest))
        } else {
            let rename = (row.card_name.is_some() || offer.title != name.as_str()).then(|| name.clone());
            let selection = Selection { rename, ..Selection::default() };
            let mut arrivals = opened.take(world, &[offer], &selection)?;
            let arrival =
                arrivals.pop().ok_or_else(|| Stop::new(Code::Internal, "BUG: nothing arrived", ""))?;
            arrival.outcome.map(|(row, _)| (row.revision.digest != before).then_some(row.revision.digest))
        };
        out.push(News { name, before, outcome });
    }
    Ok(out)
}
