//! Whether an advisory of a trust root that is followed covers a skill.
//!
//! ```text
//! digest listed                          covered
//! an entry about its name or source:
//!   says neither ranges nor versions     covered
//!   by version, by commit                one of them affected: covered
//!                                        else one of them not affected: not
//!                                        else doubt: covered
//! ```
//!
//! Two alphabets tell the same story: versions, which a card claims, and
//! commits, of which only those that are written down can be compared, since no
//! history is at hand. What one of them tells for sure, doubt in the other does
//! not undo. Pure: what the advisories say and what is asked about come in.
//!
//! Attack: an advisory names versions below 1.4.2, so the next copy says it is
//! `1.4`, `1.4.2-rc1`, `1.4.1+mended` or nothing at all.

use super::{Feed, Withdrawn};
use crate::model::digest::Digest;
use crate::model::provenance::Told;
use crate::model::skill::SkillName;
use crate::model::source::{self, Source, SourceKind};
use crate::model::text;
use crate::model::time::Timestamp;
use crate::model::tuf::advisory::{Advisory, Affected, Event, Package, Range, as_commit};
use semver::Version;

/// Most other advisories that are named beside the first.
const OTHERS_MAX: usize = 5;
/// Most fixed versions that are named.
const FIXED_MAX: usize = 3;

/// What is asked about.
#[derive(Debug, Clone)]
pub struct Seen<'a> {
    /// The bytes.
    pub digest: &'a Digest,
    /// Every name that they have: here, and in the card.
    pub names: Vec<SkillName>,
    /// Where they came from.
    pub source: &'a Source,
    /// The version that the card claims.
    pub version: Option<&'a str>,
    /// Now; an advisory may be withdrawn by then.
    pub now: Timestamp,
}

/// The first advisory that covers it. Each of them ends trust: its severity is
/// a word, and a word that is missing or mild is no reason to let it run.
#[must_use]
pub fn judge(feeds: &[Feed], seen: &Seen<'_>) -> Option<Withdrawn> {
    let all = feeds.iter().flat_map(|feed| feed.advisories.iter().map(move |one| (feed, one)));
    let mut found = all.filter_map(|(feed, one)| Some((feed, one, covers(one, seen)?)));
    let (feed, one, cover) = found.next()?;
    let told = one.told(&feed.root, cover.by.map_or_else(Vec::new, |entry| fixed(entry, seen)));
    let mut why = format!("trust root `{}`: {} covers {}", told.root, words(&told), cover.what);
    let others: Vec<_> = found.map(|(_, other, _)| text::escape_short(&other.id, 80)).collect();
    if let Some(named) = others.get(..others.len().min(OTHERS_MAX)).filter(|named| !named.is_empty()) {
        let more = if others.len() > named.len() { " and others" } else { "" };
        why.push_str(&format!("; so do {}{more}", named.join(", ")));
    }
    Some(Withdrawn { root: feed.root.clone(), narrows: true, why, advisory: Some(told) })
}

/// `advisory SKA-1 (HIGH), "sends form data away",`
fn words(told: &Told) -> String {
    let severity = told.severity.as_ref().map_or_else(String::new, |word| format!(" ({word})"));
    let summary = if told.summary.is_empty() { String::new() } else { format!(", \"{}\",", told.summary) };
    format!("advisory {}{severity}{summary}", told.id)
}

/// What an advisory covers, in words, and by which entry.
struct Cover<'a> {
    what: String,
    by: Option<&'a Affected>,
}

fn covers<'a>(one: &'a Advisory, seen: &Seen<'_>) -> Option<Cover<'a>> {
    if one.is_withdrawn(seen.now) {
        return None;
    }
    if one.digests.contains(seen.digest) {
        return Some(Cover { what: format!("digest {}", seen.digest), by: None });
    }
    one.affected.iter().find_map(|entry| {
        let about = entry.packages.iter().find_map(|package| about(package, seen))?;
        Some(Cover { what: format!("{about}{}", within(entry, seen)?), by: Some(entry) })
    })
}

/// Whether a package is what is asked about, in words.
fn about(package: &Package, seen: &Seen<'_>) -> Option<String> {
    match package {
        Package::Skill(name) => seen.names.contains(name).then(|| format!("skill {name}")),
        Package::Place(place) => {
            let from = seen.source.identity();
            let inside = seen.source.path.as_ref().map(|path| format!("{from}/{path}"));
            let covered = [Some(from), inside.as_deref()].into_iter().flatten();
            let mut covered = covered.filter(|identity| source::covers(place, identity));
            covered.next().map(|_| format!("source {}", text::escape_short(place, 200)))
        }
    }
}

/// What an alphabet tells.
enum Says {
    Affected(String),
    Not,
    Doubt(String),
}

/// How it lies in an entry that is about it, in words; none if it does not.
fn within(entry: &Affected, seen: &Seen<'_>) -> Option<String> {
    if entry.ranges.is_empty() && entry.commits.is_empty() && entry.versions.is_empty() {
        return Some(String::new());
    }
    let both = [by_version(entry, seen), by_commit(entry, seen)];
    let mut doubt = None;
    let mut not = false;
    for says in both.into_iter().flatten() {
        match says {
            Says::Affected(how) => return Some(how),
            Says::Not => not = true,
            Says::Doubt(how) => doubt = doubt.or(Some(how)),
        }
    }
    doubt.filter(|_| !not)
}

/// What its version tells; none if the entry names no versions.
fn by_version(entry: &Affected, seen: &Seen<'_>) -> Option<Says> {
    let listed: Vec<_> = entry.versions.iter().filter(|one| as_commit(one).is_none()).collect();
    if entry.ranges.is_empty() && listed.is_empty() {
        return None;
    }
    let tag = seen.source.reference.as_deref();
    if let Some(one) = listed.iter().find(|one| [seen.version, tag].contains(&Some(one.as_str()))) {
        return Some(Says::Affected(format!(", version {}", text::escape_short(one, 40))));
    }
    let Some(version) = seen.version else {
        return Some(Says::Doubt(" (no version is known here, so it counts as affected)".to_owned()));
    };
    let shown = text::escape_short(version, 40);
    let Some(parsed) = parse(version) else {
        return Some(Says::Doubt(format!(" (`{shown}` cannot be compared, so it counts as affected)")));
    };
    // One before a release goes with its release.
    let release = Version::new(parsed.major, parsed.minor, parsed.patch);
    let is =
        |wanted: &dyn Fn(&Version) -> bool| wanted(&parsed) || (!parsed.pre.is_empty() && wanted(&release));
    if let Some(range) = entry.ranges.iter().find(|range| is(&|version| holds(range, version))) {
        return Some(Says::Affected(format!(", versions {} (here {shown})", range_words(range))));
    }
    let same = |one: &str| parse(one).is_some_and(|one| is(&|version| one.cmp_precedence(version).is_eq()));
    if listed.iter().any(|one| same(one)) {
        return Some(Says::Affected(format!(", version {shown}")));
    }
    Some(Says::Not)
}

/// What its commit tells; none if the entry names no commits that matter.
fn by_commit(entry: &Affected, seen: &Seen<'_>) -> Option<Says> {
    let listed: Vec<_> = entry.versions.iter().filter_map(|one| as_commit(one)).collect();
    if entry.commits.is_empty() && listed.is_empty() {
        return None;
    }
    let commit = seen.source.commit.as_deref().filter(|_| seen.source.kind == SourceKind::Git);
    let Some(commit) = commit.and_then(as_commit) else {
        return Some(Says::Doubt(" (no commit is known here, so it counts as affected)".to_owned()));
    };
    let shown = commit.get(..12).unwrap_or(&commit);
    let named = entry.commits.iter().any(|range| range.affected.contains(&commit));
    if named || listed.contains(&commit) {
        return Some(Says::Affected(format!(", commit {shown}")));
    }
    if entry.commits.iter().any(|range| range.fixed.contains(&commit)) {
        return Some(Says::Not);
    }
    if entry.commits.is_empty() {
        // A plain list of commits is whole; beside versions it adds to them.
        let alone = entry.ranges.is_empty() && listed.len() == entry.versions.len();
        return alone.then_some(Says::Not);
    }
    Some(Says::Doubt(format!(
        " (commit {shown} is not among those it names, and no history is at hand, so it counts as affected)"
    )))
}

fn parse(version: &str) -> Option<Version> {
    Version::parse(version.strip_prefix('v').unwrap_or(version)).ok()
}

/// Whether a version lies in a range: the order of Semantic Versioning, in
/// which what stands behind a `+` makes no difference.
fn holds(range: &Range, version: &Version) -> bool {
    let at = |other: &Version| version.cmp_precedence(other);
    if range.limit.as_ref().is_some_and(|limit| at(limit).is_ge()) {
        return false;
    }
    range.events.iter().fold(false, |inside, (event, point)| {
        let at = point.as_ref().map_or(std::cmp::Ordering::Greater, at);
        match event {
            Event::Introduced if at.is_ge() => true,
            Event::Fixed if at.is_ge() => false,
            Event::LastAffected if at.is_gt() => false,
            _ => inside,
        }
    })
}

fn range_words(range: &Range) -> String {
    let point = |point: &Option<Version>| {
        point
            .as_ref()
            .map_or_else(|| "the first".to_owned(), |version| text::escape_short(&version.to_string(), 40))
    };
    let word = |(event, at): &(Event, Option<Version>)| {
        let word = match event {
            Event::Introduced => "from",
            Event::Fixed => "before",
            Event::LastAffected => "up to",
        };
        format!("{word} {}", point(at))
    };
    text::escape_short(&range.events.iter().map(word).collect::<Vec<_>>().join(" "), 200)
}

/// What an entry names as fixed: versions above the one here, the nearest
/// first; without any, commits.
fn fixed(entry: &Affected, seen: &Seen<'_>) -> Vec<String> {
    let here = seen.version.and_then(parse);
    let ends = entry.ranges.iter().flat_map(|range| &range.events);
    let ends = ends.filter(|(event, _)| *event == Event::Fixed).filter_map(|(_, at)| at.as_ref());
    let above = |at: &&Version| here.as_ref().is_none_or(|here| at.cmp_precedence(here).is_gt());
    let mut versions: Vec<_> = ends.filter(above).collect();
    versions.sort_by(|one, other| one.cmp_precedence(other));
    versions.dedup();
    let mut all: Vec<_> =
        versions.iter().map(|version| text::escape_short(&version.to_string(), 40)).collect();
    if all.is_empty() {
        let commits = entry.commits.iter().flat_map(|range| &range.fixed);
        all = commits.map(|commit| format!("commit {}", commit.get(..12).unwrap_or(commit))).collect();
    }
    all.truncate(FIXED_MAX);
    all
}

#[cfg(test)]
mod tests;
