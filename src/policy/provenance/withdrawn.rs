//! Whether something is revoked by a trust root that is followed: by its bytes,
//! its source and version, a signer, or the publisher whose anchor led to one.
//! What its advisories say is judged in [`advisory`].
//!
//! ```text
//! malicious                 trust ends, and none is given
//! yanked                    trust that was given stays; none is given
//! retired, compromised      judged by when the signature is known to have been there
//! ```
//!
//! Pure: what the lists say and what is asked about come in. Doubt counts as
//! covered, since a revocation can only let less run.
//!
//! Attack: a revocation names versions below 1.4.2, so the next copy of the
//! same skill says it is `1.4.1-rc1`, `1.4` or nothing. A version that cannot be
//! compared is covered, and one before a release is covered with its neighbours.

pub mod advisory;

use super::revocation::{Entry, Kind as SignerKind, Revocations};
use super::verdict::{Evidenced, Verdict};
use crate::model::digest::Digest;
use crate::model::provenance::Told;
use crate::model::signer::SignerId;
use crate::model::source;
use crate::model::text;
use crate::model::tuf::advisory::Advisory;
use crate::model::tuf::lists::{Kind, Revocation, Subject};
use semver::{Version, VersionReq};
use std::collections::{BTreeMap, BTreeSet};

/// What one trust root revokes.
#[derive(Debug, Clone, Default)]
pub struct Feed {
    /// The root's name.
    pub root: String,
    /// Its list.
    pub list: Vec<Revocation>,
    /// Its advisories.
    pub advisories: Vec<Advisory>,
    /// The keys of each publisher's anchors, also of those that it lists no longer.
    pub publishers: BTreeMap<String, BTreeSet<Digest>>,
}

/// What is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The bytes.
    pub digest: &'a Digest,
    /// The identity of their source.
    pub source: &'a str,
    /// The version that the card claims.
    pub version: Option<&'a str>,
    /// Who signed them, and when that is known to have been so.
    pub signers: &'a [(String, Evidenced)],
    /// Whether our own record is witness enough against a compromise.
    pub first_seen_counts: bool,
}

/// A revocation that covers what was asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawn {
    /// The root that says so.
    pub root: String,
    /// Whether trust that was given ends.
    pub narrows: bool,
    /// Which root, what and why, in words; escaped.
    pub why: String,
    /// The advisory that says so, if one does.
    pub advisory: Option<Told>,
}

/// The first revocation that ends trust; else the first that keeps it from
/// being given.
#[must_use]
pub fn judge(feeds: &[Feed], asked: &Asked<'_>) -> Option<Withdrawn> {
    let all = || feeds.iter().flat_map(|feed| feed.list.iter().map(move |one| (feed, one)));
    let mut found: Vec<_> = all().filter_map(|(feed, one)| covers(feed, one, asked)).collect();
    let first = found.iter().position(|one| one.narrows).unwrap_or(0);
    (!found.is_empty()).then(|| found.swap_remove(first))
}

fn covers(feed: &Feed, one: &Revocation, asked: &Asked<'_>) -> Option<Withdrawn> {
    let said = |what: String, kind: &str| {
        let why = text::escape_short(&one.why, 300);
        let why = format!("trust root `{}` revokes {what}: {kind}; {why}", feed.root);
        Some(Withdrawn { root: feed.root.clone(), narrows: one.kind == Kind::Malicious, why, advisory: None })
    };
    let kind = if one.kind == Kind::Malicious { "malicious" } else { "yanked" };
    match &one.subject {
        Subject::Digest(digest) if digest == asked.digest => said(format!("digest {digest}"), kind),
        Subject::Source { place, versions } if source::covers(place, asked.source) => {
            let about = in_range(versions.as_ref(), asked.version)?;
            said(format!("source {}{about}", text::escape_short(place, 200)), kind)
        }
        Subject::Signer(revoked) => {
            let of = |(signer, _): &&(String, Evidenced)| signer == revoked.as_str();
            let mut known = asked.signers.iter().filter(of);
            known.find_map(|(_, at)| by_signer(feed, one, revoked, (*at, asked.first_seen_counts), ""))
        }
        Subject::Publisher(name) => {
            let keys = feed.publishers.get(name)?;
            let of = |(signer, _): &&(String, Evidenced)| keys.iter().any(|key| is_below(signer, key));
            let through = format!(" of publisher `{}`", text::escape_short(name, 80));
            asked.signers.iter().filter(of).find_map(|(signer, at)| {
                let signer = SignerId::parse(signer).ok()?;
                by_signer(feed, one, &signer, (*at, asked.first_seen_counts), &through)
            })
        }
        _ => None,
    }
}

/// Whether a signer is an anchor's key, or was certified by it.
fn is_below(signer: &str, key: &Digest) -> bool {
    let hex = key.hex();
    signer.strip_prefix("key:").is_some_and(|rest| rest == hex)
        || signer
            .strip_prefix("cert:")
            .and_then(|rest| rest.strip_prefix(&hex))
            .is_some_and(|rest| rest.starts_with('/'))
}

fn by_signer(
    feed: &Feed,
    one: &Revocation,
    signer: &SignerId,
    (at, first_seen_counts): (Evidenced, bool),
    through: &str,
) -> Option<Withdrawn> {
    let kind = match one.kind {
        Kind::Retired => SignerKind::Retired,
        Kind::Compromised => SignerKind::Compromised,
        Kind::Yanked | Kind::Malicious => return None,
    };
    let mut list = Revocations::default();
    let said = format!("trust root `{}`: {}", feed.root, one.why);
    list.add(signer.clone(), Entry { kind, since: one.since, feed: said });
    // The record of the decision is our own witness: these bytes were there
    // then, with that signer. Whether that is enough, the policy says.
    let judged = list.judge(signer, at, first_seen_counts);
    let Err(Verdict::Revoked { signer, why }) = judged else { return None };
    let why = format!("signer {signer}{through} is revoked: {why}");
    Some(Withdrawn { root: feed.root.clone(), narrows: true, why, advisory: None })
}

/// How a version lies in a range, in words; none if it does not.
fn in_range(range: Option<&VersionReq>, version: Option<&str>) -> Option<String> {
    let Some(range) = range else { return Some(String::new()) };
    let Some(version) = version else {
        return Some(format!(", versions {range} (no version is known here, so it counts as one)"));
    };
    let shown = text::escape_short(version, 40);
    match Version::parse(version.strip_prefix('v').unwrap_or(version)) {
        Err(_) => Some(format!(", versions {range} (`{shown}` cannot be compared, so it counts as one)")),
        Ok(version) if holds(range, &version) => Some(format!(", versions {range} (here {shown})")),
        Ok(_) => None,
    }
}

fn holds(range: &VersionReq, version: &Version) -> bool {
    if range.matches(version) {
        return true;
    }
    if version.pre.is_empty() {
        return false;
    }
    // It lies between the release it comes before and the one before that.
    let Version { major, minor, patch, .. } = *version;
    let below = match (major, minor, patch) {
        (0, 0, 0) => Version::new(0, 0, 0),
        (_, 0, 0) => Version::new(major - 1, u64::MAX, u64::MAX),
        (_, _, 0) => Version::new(major, minor - 1, u64::MAX),
        _ => Version::new(major, minor, patch - 1),
    };
    range.matches(&Version::new(major, minor, patch)) || range.matches(&below)
}

#[cfg(test)]
mod tests;
