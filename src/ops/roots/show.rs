//! `roots show`: a publisher's folder in words.

use super::keys::short;
use super::may::Advised;
use super::policies;
use super::team::{Team, unsigned};
use crate::model::code::Stop;
use crate::model::digest::{Digest, sha256};
use crate::model::text;
use crate::model::time::Timestamp;
use crate::model::tuf::advisory::Advisory;
use crate::model::tuf::layout::{AnchorTerms, Place, StampTerms};
use crate::model::tuf::publish::Draft;
use crate::model::tuf::{KeyId, PublicKey, Role, Root, TargetFile, Targets};
use std::collections::BTreeSet;
use std::path::Path;

/// A role in words.
#[derive(Debug, Clone)]
pub struct RoleShown {
    /// Its name.
    pub name: &'static str,
    /// How many must sign.
    pub threshold: u64,
    /// Ids of the keys, and their kinds.
    pub keys: Vec<(KeyId, String)>,
    /// The version that is published.
    pub version: u64,
    /// Until when it counts.
    pub until: Timestamp,
}

/// A target in words.
#[derive(Debug, Clone)]
pub struct TargetShown {
    /// Its path, escaped.
    pub path: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// What is said beside it; empty if nothing.
    pub terms: String,
}

/// All of it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// What others pin.
    pub pin: Digest,
    /// The four roles.
    pub roles: Vec<RoleShown>,
    /// The targets of the top-level role.
    pub targets: Vec<TargetShown>,
    /// Names of delegated roles, escaped.
    pub delegated: Vec<String>,
    /// What is pending, a line each.
    pub changes: Vec<String>,
    /// What a signature would be for; none if nothing is pending.
    pub stake: Option<Digest>,
}

/// Reads a folder.
///
/// # Errors
/// [`Stop`].
pub fn show(folder: &Path) -> Result<Shown, Stop> {
    let team = Team::to_look(folder)?;
    let root = team.root.get();
    let role = |name, role: &Role, version, until| RoleShown {
        name,
        threshold: role.threshold,
        keys: role
            .keyids
            .iter()
            .map(|id| (id.clone(), root.keys.get(id).map_or_else(String::new, kind)))
            .collect(),
        version,
        until,
    };
    let (targets, snapshot, timestamp) = (team.targets.get(), team.snapshot.get(), team.timestamp.get());
    let roles = vec![
        role("root", &root.root, root.head.version, root.head.expires),
        role("targets", &root.targets, targets.head.version, targets.head.expires),
        role("snapshot", &root.snapshot, snapshot.head.version, snapshot.head.expires),
        role("timestamp", &root.timestamp, timestamp.head.version, timestamp.head.expires),
    ];
    let stake = if team.pending.is_empty() { None } else { Some(team.stake()?) };
    Ok(Shown {
        pin: sha256(&[&team.first]),
        roles,
        targets: targets.files.iter().map(|(path, file)| with_rules(&team, path, file)).collect(),
        delegated: targets.delegations.roles.iter().map(|role| text::escape_short(&role.name, 80)).collect(),
        changes: changes(&team)?,
        stake,
    })
}

fn kind(key: &PublicKey) -> String {
    use crate::model::tuf::Value;
    let Value::Map(map) = key.object() else { return String::new() };
    let kind = map.get("keytype").and_then(Value::as_text).unwrap_or("?");
    text::escape_short(kind, 20)
}

/// Reads the content of a target, if there is one.
type Read<'a> = &'a dyn Fn(&str) -> Result<Option<Vec<u8>>, Stop>;

fn target(path: &str, file: &TargetFile, read: Read<'_>) -> TargetShown {
    TargetShown { path: text::escape_short(path, 200), bytes: file.length, terms: terms(path, file, read) }
}

/// As [`target`], of a policy with what it comes to for who follows.
fn with_rules(team: &Team, path: &str, file: &TargetFile) -> TargetShown {
    let mut shown = target(path, file, &|path| team.published(path));
    if Place::of(path) == Place::Policy {
        let read = team.published(path).map_err(|stop| stop.what).map(Option::unwrap_or_default);
        shown.terms = match read.and_then(|bytes| policies::read(&bytes)) {
            Err(why) => format!("no client takes it: {}", text::escape_short(&why, 300)),
            Ok(rules) if rules.asks.is_empty() => "asks nothing of who follows".to_owned(),
            Ok(rules) => format!("who follows must have: {}", rules.asks.join("; ")),
        };
    }
    shown
}

/// What a draft changes in the rules of everybody who follows.
fn policy_changes(team: &Team, next: &Targets) -> Result<Vec<String>, Stop> {
    let old = team.targets.get();
    let paths = old.files.keys().chain(next.files.keys());
    let path = paths.into_iter().find(|path| Place::of(path) == Place::Policy);
    let Some(path) = path.filter(|path| old.files.get(*path) != next.files.get(*path)) else {
        return Ok(Vec::new());
    };
    let read = |targets| -> Result<Option<String>, Stop> {
        Ok(team.target(targets, path)?.and_then(|bytes| String::from_utf8(bytes).ok()))
    };
    let changed = policies::Changed::between(read(old)?.as_deref(), read(next)?.as_deref());
    Ok(changed.lines().iter().map(|line| format!("    {line}")).collect())
}

fn terms(path: &str, file: &TargetFile, read: Read<'_>) -> String {
    let during = |start: Timestamp, end: Option<Timestamp>| {
        format!("from {start}{}", end.map_or_else(String::new, |end| format!(" until {end}")))
    };
    let said = match Place::of(path) {
        Place::Anchor(_) => AnchorTerms::read(file.custom.as_ref()).map(|terms| {
            let sources: Vec<_> =
                terms.namespaces.iter().map(|pattern| text::escape_short(pattern.as_str(), 120)).collect();
            format!("{} for {}", during(terms.start, terms.end), sources.join(", "))
        }),
        Place::StampAnchor(_) => StampTerms::read(file.custom.as_ref())
            .map(|terms| format!("{} for time stamps", during(terms.start, terms.end))),
        Place::Advisory(id) => return advisory(id, path, read),
        _ => return String::new(),
    };
    said.unwrap_or_else(|bad| format!("no client takes it: {bad}"))
}

/// An advisory in words. Whether it may be published is checked elsewhere.
fn advisory(id: &str, path: &str, read: Read<'_>) -> String {
    match read(path).map(|bytes| bytes.map(|bytes| Advisory::read(id, &bytes))) {
        Ok(Some(Ok(read))) => Advised::of(&read).words(),
        Ok(Some(Err(bad))) => format!("no client takes it: {bad}"),
        Ok(None) => String::new(),
        Err(stop) => stop.what,
    }
}

/// What the drafts would change, a line each.
pub(super) fn changes(team: &Team) -> Result<Vec<String>, Stop> {
    let mut lines = Vec::new();
    if let Some(bytes) = &team.pending.root {
        let next: Root = unsigned(bytes).map_err(|bad| team.malformed("drafts/root.json", &bad))?;
        lines.push(format!("root {}, until {}", next.head.version, next.head.expires));
        let old = team.root.get();
        let pairs = [
            ("root", &old.root, &next.root),
            ("targets", &old.targets, &next.targets),
            ("snapshot", &old.snapshot, &next.snapshot),
            ("timestamp", &old.timestamp, &next.timestamp),
        ];
        for (name, old, next) in pairs {
            lines.extend(role_changes(name, old, next));
        }
        let roles = [(&next, &next.root), (old, &old.root)];
        lines.extend(signed_by(team, "drafts/root.json", bytes, &roles)?);
    }
    if let Some(bytes) = &team.pending.targets {
        let next: Targets = unsigned(bytes).map_err(|bad| team.malformed("drafts/targets.json", &bad))?;
        lines.push(format!("targets {}, until {}", next.head.version, next.head.expires));
        lines.extend(target_changes(team, &next));
        lines.extend(policy_changes(team, &next)?);
        if changed_delegations(team, bytes)? {
            lines.push("  delegations to other roles change: read drafts/targets.json".to_owned());
        } else if next.files == team.targets.get().files {
            lines.push("  the same files as before".to_owned());
        }
        let draft = team.pending.root.as_deref().map(unsigned::<Root>).transpose();
        let draft = draft.map_err(|bad| team.malformed("drafts/root.json", &bad))?;
        let mut roles = vec![(team.root.get(), &team.root.get().targets)];
        roles.extend(draft.as_ref().map(|root| (root, &root.targets)));
        lines.extend(signed_by(team, "drafts/targets.json", bytes, &roles)?);
    }
    Ok(lines)
}

/// Who has signed a draft, of those whose signature can count.
fn signed_by(team: &Team, what: &str, bytes: &[u8], roles: &[(&Root, &Role)]) -> Result<Vec<String>, Stop> {
    let draft = Draft::open(bytes).map_err(|bad| team.malformed(what, &bad))?;
    let ids: BTreeSet<_> = roles
        .iter()
        .flat_map(|(root, role)| role.keyids.iter().filter_map(|id| root.keys.get(id)))
        .filter(|key| draft.signed_by(key))
        .map(PublicKey::id)
        .collect();
    Ok(ids.iter().map(|id| format!("  signed by key {}", short(id))).collect())
}

/// Whether the drafted targets list the same files and roles as before.
pub(super) fn says_the_same(team: &Team) -> Result<bool, Stop> {
    let Some(bytes) = &team.pending.targets else { return Ok(false) };
    let next: Targets = unsigned(bytes).map_err(|bad| team.malformed("drafts/targets.json", &bad))?;
    Ok(next.files == team.targets.get().files && !changed_delegations(team, bytes)?)
}

fn role_changes(name: &str, old: &Role, next: &Role) -> Vec<String> {
    let come = next.keyids.difference(&old.keyids).map(|id| format!("  {name}: key {} comes", short(id)));
    let go = old.keyids.difference(&next.keyids).map(|id| format!("  {name}: key {} goes", short(id)));
    let mut lines: Vec<_> = come.chain(go).collect();
    if old.threshold != next.threshold {
        lines.push(format!("  {name}: {} must sign, instead of {}", next.threshold, old.threshold));
    }
    lines
}

fn target_changes(team: &Team, next: &Targets) -> Vec<String> {
    let old = team.targets.get();
    let mut lines = Vec::new();
    for (path, file) in &next.files {
        let word = match old.files.get(path) {
            None => "comes",
            Some(before) if before != file => "changes",
            Some(_) => continue,
        };
        let hash = file.hashes.prefix().unwrap_or_default();
        let shown = target(path, file, &|path| team.content(path));
        let terms = if shown.terms.is_empty() { String::new() } else { format!(", {}", shown.terms) };
        lines.push(format!("  {} {word}: {} bytes, sha256 {hash}{terms}", shown.path, shown.bytes));
    }
    let gone = old.files.keys().filter(|path| !next.files.contains_key(*path));
    lines.extend(gone.map(|path| format!("  {} goes", text::escape_short(path, 200))));
    lines
}

/// Attack: a draft from a pull request hands paths to another role, which the
/// list of files does not show.
fn changed_delegations(team: &Team, draft: &[u8]) -> Result<bool, Stop> {
    use crate::model::tuf::Value;
    let part = |bytes: &[u8]| {
        let value = Value::parse(bytes)?;
        let Value::Map(mut file) = value else { return Ok(None) };
        let Some(Value::Map(mut signed)) = file.remove("signed") else { return Ok(None) };
        Ok(signed.remove("delegations"))
    };
    let both = part(team.targets.bytes()).and_then(|old| Ok(old != part(draft)?));
    both.map_err(|bad| team.malformed("drafts/targets.json", &bad))
}
