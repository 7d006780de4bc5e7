//! Advisories: the targets `advisories/<id>.json`, in the form of OSV 1.x.
//!
//! ```json
//! {"schema_version":"1.6.0","id":"SKA-1","modified":"2026-11-20T09:00:00Z","summary":"sends form data away",
//!  "affected":[
//!   {"package":{"ecosystem":"Agent Skills","name":"https://git.example/acme/tools"},
//!    "ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"1.4.2"}]}],"versions":["2.0.0"]},
//!   {"ranges":[{"type":"GIT","repo":"https://git.example/acme/tools","events":[{"introduced":"…40 digits…"}]}]}],
//!  "database_specific":{"severity":"HIGH","skill_digests":["sha256:…"]}}
//! ```
//!
//! OSV has no ecosystem for skills, so [`ECOSYSTEM`] is ours: a package is
//! called as a source is addressed, or as a skill is named; its versions are
//! semantic ones. Entries about other ecosystems are nothing to us.
//!
//! What decides is read strictly, and one part of it that is not understood
//! refuses the file; what informs may be anything. A publisher is told more
//! ([`Advisory::to_publish`]). Attack, or a slip: `verisons` makes an entry one
//! about every version, and `affectd` one about none.

use super::Malformed;
use super::json::{Value, need, only};
use crate::model::digest::Digest;
use crate::model::provenance::Told;
use crate::model::skill::SkillName;
use crate::model::text;
use crate::model::time::Timestamp;
use semver::Version;
use std::collections::{BTreeMap, BTreeSet};

/// What skills are called among the ecosystems; letters in either case.
pub const ECOSYSTEM: &str = "Agent Skills";
/// The member of `database_specific` that lists contents.
pub const DIGESTS: &str = "skill_digests";
/// Most entries of a list; most versions and digests are ten times as many.
const LIST_MAX: usize = 1_000;
/// Most characters that are kept of what is for people alone.
const WORDS_MAX: usize = 1_000;
/// Longest text that decides, in bytes.
const NAME_MAX: usize = 512;

type Members = BTreeMap<String, Value>;

/// An advisory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advisory {
    /// Its id, which its file is named by.
    pub id: String,
    /// For people; as it was written, not escaped, and cut.
    pub summary: String,
    /// What its database calls its severity; for people, not escaped. Decides nothing.
    pub severity: Option<String>,
    /// When it was last changed.
    pub modified: Option<Timestamp>,
    /// From when on it takes nothing away.
    pub withdrawn: Option<Timestamp>,
    /// Contents that it covers, from wherever they came.
    pub digests: BTreeSet<Digest>,
    /// Packages that it covers; those of other ecosystems left out.
    pub affected: Vec<Affected>,
}

/// What an entry is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Package {
    /// Skills of this name, from wherever they came.
    Skill(SkillName),
    /// What came from this place, or from inside it.
    Place(String),
}

/// One entry of `affected`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Affected {
    /// About these: its package, or without one the repositories of its ranges.
    pub packages: Vec<Package>,
    /// Ranges of versions.
    pub ranges: Vec<Range>,
    /// Ranges of commits.
    pub commits: Vec<Commits>,
    /// Single versions, tags and commits, as they were written.
    pub versions: Vec<String>,
}

/// A range of versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// In order; of two at one version, what takes in stands where it takes in more.
    pub events: Vec<(Event, Option<Version>)>,
    /// Versions from the highest of these on are not meant; none: no limit.
    pub limit: Option<Version>,
}

/// What happens at a version. The order is that of two at the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// From here on it is not affected.
    Fixed,
    /// From here on it is; without a version from the start.
    Introduced,
    /// After this it is not.
    LastAffected,
}

/// A range of commits: the ends alone, since no history is at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commits {
    /// Which repository; as it was written, not escaped.
    pub repo: String,
    /// Named as affected.
    pub affected: BTreeSet<String>,
    /// Named as fixed.
    pub fixed: BTreeSet<String>,
}

impl Advisory {
    /// Reads the file of an id.
    ///
    /// # Errors
    /// [`Malformed`] if anything in it that decides is not understood.
    pub fn read(id: &str, bytes: &[u8]) -> Result<Self, Malformed> {
        let value = Value::parse(bytes)?;
        let map = value.members("an advisory")?;
        let own = named(need(map, "id")?, "`id`")?;
        if own != id {
            let (own, id) = (text::escape_short(&own, 80), text::escape_short(id, 80));
            return Err(Malformed(format!("its id is `{own}`, its name says `{id}`")));
        }
        if let Some(form) = get(map, "schema_version") {
            let form = form.text("`schema_version`")?;
            if !form.starts_with("1.") {
                let form = text::escape_short(form, 40);
                return Err(Malformed(format!("its form is OSV {form}; this program reads 1")));
            }
        }
        let specific = get(map, "database_specific").map(|all| all.members("`database_specific`"));
        let specific = specific.transpose()?;
        let digests = specific.and_then(|all| get(all, DIGESTS)).map_or(Ok(BTreeSet::new()), digests)?;
        let severity = specific.and_then(|all| get(all, "severity")).and_then(Value::as_text);
        let summary = get(map, "summary").and_then(Value::as_text).unwrap_or_default();
        Ok(Self {
            id: own,
            summary: cut(summary),
            severity: severity.map(cut),
            modified: time(map, "modified")?,
            withdrawn: time(map, "withdrawn")?,
            digests,
            affected: affected(map)?,
        })
    }

    /// Reads it as its publisher has it, who learns of every slip. `before` is
    /// what stands there now.
    ///
    /// # Errors
    /// [`Malformed`] if clients would not take it, or would take it for less or
    /// for more than it was meant to be.
    pub fn to_publish(id: &str, bytes: &[u8], before: Option<&[u8]>) -> Result<Self, Malformed> {
        let read = Self::read(id, bytes)?;
        slips(&Value::parse(bytes)?)?;
        let modified = read.modified.ok_or_else(|| Malformed::new("`modified` is missing"))?;
        if read.summary.trim().is_empty() {
            return Err(Malformed::new("`summary` is missing: it is what people are shown"));
        }
        if read.withdrawn.is_none() && read.digests.is_empty() && read.affected.is_empty() {
            return Err(Malformed(format!(
                "it covers no skill: no entry has the ecosystem `{ECOSYSTEM}` or a GIT range without a package, and `database_specific` has no `{DIGESTS}`"
            )));
        }
        let old = before.filter(|old| *old != bytes).and_then(|old| Self::read(id, old).ok()?.modified);
        match old {
            Some(old) if modified <= old => Err(Malformed(format!(
                "its `modified` is {modified}, and clients have seen {old}: each change needs a later one"
            ))),
            _ => Ok(read),
        }
    }

    /// In words, for a root that lists it and what it names as fixed.
    #[must_use]
    pub fn told(&self, root: &str, fixed: Vec<String>) -> Told {
        // Attack: a summary that ends its own quotes and goes on in our words.
        let words = |text: &str, max| text::escape_short(&text.replace('"', "'"), max);
        Told {
            root: root.to_owned(),
            id: words(&self.id, 80),
            summary: words(&self.summary, 200),
            severity: self.severity.as_deref().map(|word| words(word, 40)),
            fixed,
        }
    }

    /// Whether it takes nothing away any more.
    #[must_use]
    pub fn is_withdrawn(&self, now: Timestamp) -> bool {
        self.withdrawn.is_some_and(|since| since <= now)
    }
}

/// A member; `null` is as good as none.
fn get<'a>(map: &'a Members, name: &str) -> Option<&'a Value> {
    map.get(name).filter(|value| **value != Value::Null)
}

fn list<'a>(map: &'a Members, name: &str, max: usize) -> Result<&'a [Value], Malformed> {
    let Some(value) = get(map, name) else { return Ok(&[]) };
    let list = value.elements(&format!("`{name}`"))?;
    if list.len() > max {
        return Err(Malformed(format!("`{name}` has {} entries; at most {max} are read", list.len())));
    }
    Ok(list)
}

fn cut(words: &str) -> String {
    words.chars().take(WORDS_MAX).collect()
}

fn named(value: &Value, what: &str) -> Result<String, Malformed> {
    let name = value.text(what)?;
    let good = (1..=NAME_MAX).contains(&name.len()) && !name.chars().any(|c| text::is_hidden(c) || c == ' ');
    if good {
        Ok(name.to_owned())
    } else {
        Err(Malformed(format!("{what} is empty, too long or holds odd characters")))
    }
}

/// RFC 3339 in UTC, as OSV wants it; parts of a second are passed over.
fn time(map: &Members, name: &str) -> Result<Option<Timestamp>, Malformed> {
    let Some(value) = get(map, name) else { return Ok(None) };
    let bad = || Malformed(format!("`{name}` is not a time such as 2027-01-31T12:00:00Z"));
    let text = value.text(&format!("`{name}`"))?;
    let whole = match text.split_once('.') {
        None => text.to_owned(),
        Some((whole, rest)) => {
            let parts = rest.strip_suffix('Z').filter(|parts| (1..=9).contains(&parts.len()));
            let parts = parts.filter(|parts| parts.bytes().all(|c| c.is_ascii_digit()));
            format!("{whole}{}", parts.map(|_| "Z").ok_or_else(bad)?)
        }
    };
    Timestamp::parse_exact(whole.as_bytes()).map(Some).ok_or_else(bad)
}

fn digests(value: &Value) -> Result<BTreeSet<Digest>, Malformed> {
    let all = value.elements(&format!("`{DIGESTS}`"))?;
    if all.len() > 10 * LIST_MAX {
        return Err(Malformed(format!("more than {} digests", 10 * LIST_MAX)));
    }
    let one = |value: &Value| {
        let text = value.text("a digest")?;
        Digest::parse(text).map_err(|bad| Malformed(format!("`{}`: {bad}", text::escape_short(text, 120))))
    };
    all.iter().map(one).collect()
}

fn affected(map: &Members) -> Result<Vec<Affected>, Malformed> {
    let all = list(map, "affected", LIST_MAX)?.iter().map(entry);
    Ok(all.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// One entry; none if it is about another ecosystem.
fn entry(value: &Value) -> Result<Option<Affected>, Malformed> {
    let map = value.members("an entry of `affected`")?;
    let package = get(map, "package").map(package).transpose()?;
    if package == Some(None) {
        return Ok(None);
    }
    let mut out =
        Affected { packages: Vec::new(), ranges: Vec::new(), commits: Vec::new(), versions: Vec::new() };
    for range in list(map, "ranges", LIST_MAX)? {
        let map = range.members("a range")?;
        match need(map, "type")?.text("`type`")? {
            // Versions of our ecosystem are semantic ones.
            "SEMVER" | "ECOSYSTEM" => out.ranges.push(versions(map)?),
            "GIT" => out.commits.push(commits(map)?),
            odd => {
                let odd = text::escape_short(odd, 40);
                return Err(Malformed(format!("`{odd}` is no type of range: SEMVER, ECOSYSTEM or GIT")));
            }
        }
    }
    for one in list(map, "versions", 10 * LIST_MAX)? {
        let one = one.text("a version")?;
        if one.is_empty() || one.len() > NAME_MAX {
            return Err(Malformed::new("a version is empty or too long"));
        }
        out.versions.push(one.to_owned());
    }
    out.packages = match package.flatten() {
        Some(package) => vec![package],
        None => out.commits.iter().map(|range| Package::Place(range.repo.clone())).collect(),
    };
    if out.packages.is_empty() {
        return Err(Malformed::new("an entry of `affected` has neither a package nor a repository"));
    }
    Ok(Some(out))
}

/// What a package is; none in another ecosystem.
fn package(value: &Value) -> Result<Option<Package>, Malformed> {
    let map = value.members("`package`")?;
    let ecosystem = need(map, "ecosystem")?.text("`ecosystem`")?;
    if !ecosystem.eq_ignore_ascii_case(ECOSYSTEM) {
        return Ok(None);
    }
    let name = named(need(map, "name")?, "`name`")?;
    match SkillName::parse(&name) {
        Ok(name) => Ok(Some(Package::Skill(name))),
        Err(_) => place(name).map(|place| Some(Package::Place(place))),
    }
}

/// A place as sources are recorded. `owner/repo` would be read as a folder.
fn place(name: String) -> Result<String, Malformed> {
    let short = name.split_once(':').is_some_and(|(host, _)| host.contains('@') && !host.contains('/'));
    if name.contains("://") || name.starts_with('/') || short {
        return Ok(name);
    }
    let name = text::escape_short(&name, 120);
    Err(Malformed(format!(
        "`{name}` is neither a skill's name nor a whole address such as https://git.example/acme/tools"
    )))
}

/// The events of a range, each with its one name and value.
fn events(map: &Members) -> Result<Vec<(&str, &str)>, Malformed> {
    let all = list(map, "events", LIST_MAX)?;
    let one = |value| {
        let map = Value::members(value, "an event")?;
        let mut members = map.iter();
        let (Some((name, value)), None) = (members.next(), members.next()) else {
            return Err(Malformed::new("an event has one member"));
        };
        Ok((name.as_str(), value.text("an event")?))
    };
    let events = all.iter().map(one).collect::<Result<Vec<_>, _>>()?;
    let has = |wanted: &str| events.iter().any(|(name, _)| *name == wanted);
    if !has("introduced") {
        return Err(Malformed::new("a range has no `introduced`"));
    }
    if has("fixed") && has("last_affected") {
        return Err(Malformed::new("a range has `fixed` or `last_affected`, not both"));
    }
    Ok(events)
}

fn unknown(name: &str) -> Malformed {
    let name = text::escape_short(name, 40);
    Malformed(format!("`{name}` is no event: introduced, fixed, last_affected or limit"))
}

fn versions(map: &Members) -> Result<Range, Malformed> {
    let mut range = Range { events: Vec::new(), limit: None };
    let (mut limits, mut endless) = (Vec::new(), false);
    for (name, value) in events(map)? {
        let version = || {
            let bad = Malformed(format!("`{}` is no semantic version", text::escape_short(value, 80)));
            Version::parse(value.strip_prefix('v').unwrap_or(value)).map_err(|_| bad)
        };
        match name {
            "introduced" if value == "0" => range.events.push((Event::Introduced, None)),
            "introduced" => range.events.push((Event::Introduced, Some(version()?))),
            "fixed" => range.events.push((Event::Fixed, Some(version()?))),
            "last_affected" => range.events.push((Event::LastAffected, Some(version()?))),
            "limit" if value == "*" => endless = true,
            "limit" => limits.push(version()?),
            odd => return Err(unknown(odd)),
        }
    }
    range.limit = limits.into_iter().filter(|_| !endless).max_by(Version::cmp_precedence);
    range.events.sort_by(|(a, one), (b, other)| {
        let by_version = match (one, other) {
            (Some(one), Some(other)) => one.cmp_precedence(other),
            (one, other) => one.is_some().cmp(&other.is_some()),
        };
        by_version.then(a.cmp(b))
    });
    Ok(range)
}

fn commits(map: &Members) -> Result<Commits, Malformed> {
    let repo = place(named(need(map, "repo")?, "`repo`")?)?;
    let mut range = Commits { repo, affected: BTreeSet::new(), fixed: BTreeSet::new() };
    for (name, value) in events(map)? {
        let commit = || {
            let bad = || Malformed(format!("`{}` is no whole commit id", text::escape_short(value, 80)));
            as_commit(value).ok_or_else(bad)
        };
        match name {
            "introduced" if value == "0" => {}
            "introduced" | "last_affected" => drop(range.affected.insert(commit()?)),
            "fixed" => drop(range.fixed.insert(commit()?)),
            // The history behind it is not at hand: more is covered.
            "limit" => {}
            odd => return Err(unknown(odd)),
        }
    }
    Ok(range)
}

/// A whole commit id, in small letters.
#[must_use]
pub fn as_commit(text: &str) -> Option<String> {
    let whole = matches!(text.len(), 40 | 64) && text.bytes().all(|c| c.is_ascii_hexdigit());
    whole.then(|| text.to_ascii_lowercase())
}

/// Members that OSV does not have where they would decide.
fn slips(value: &Value) -> Result<(), Malformed> {
    const TOP: &[&str] = &[
        "schema_version",
        "id",
        "modified",
        "published",
        "withdrawn",
        "aliases",
        "upstream",
        "related",
        "summary",
        "details",
        "severity",
        "affected",
        "references",
        "credits",
        "database_specific",
    ];
    const ENTRY: &[&str] =
        &["package", "severity", "ranges", "versions", "ecosystem_specific", "database_specific"];
    let map = value.members("an advisory")?;
    only(map, TOP, "an advisory")?;
    for entry in list(map, "affected", LIST_MAX)? {
        let map = entry.members("an entry of `affected`")?;
        only(map, ENTRY, "an entry of `affected`")?;
        if let Some(package) = get(map, "package") {
            only(package.members("`package`")?, &["ecosystem", "name", "purl"], "`package`")?;
        }
        for range in list(map, "ranges", LIST_MAX)? {
            only(range.members("a range")?, &["type", "repo", "events", "database_specific"], "a range")?;
        }
        for inner in ["ecosystem_specific", "database_specific"] {
            if let Some(Value::Map(map)) = get(map, inner)
                && map.contains_key(DIGESTS)
            {
                return Err(Malformed(format!(
                    "`{DIGESTS}` stands in an entry; it counts only in the `database_specific` of the advisory"
                )));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
