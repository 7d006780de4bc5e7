//! What the trust roots that are followed revoke: gathered from the ledger, and
//! asked by install, trust, enable and status.
//!
//! What cannot be read denies: a list that is gone may be the one that names
//! these bytes.

use super::session::ledger_stop;
use crate::model::code::{Code, Stop};
use crate::model::followed::{self, Followed};
use crate::model::lifecycle::RevisionRow;
use crate::model::provenance::Told;
use crate::model::text;
use crate::model::time::Timestamp;
use crate::policy::config::Policy;
use crate::system::ledger::Ledger;
#[cfg(feature = "provenance")]
use crate::{
    model::{
        digest::Digest,
        provenance::Voucher,
        skill::SkillName,
        tuf::{advisory::Advisory, layout::Place, lists},
    },
    policy::provenance::{
        verdict::Evidenced,
        withdrawn::{self, Asked, Feed, Withdrawn, advisory},
    },
};

/// Publishers with the keys of their anchors.
#[cfg(feature = "provenance")]
pub type Anchors = std::collections::BTreeMap<String, std::collections::BTreeSet<Digest>>;

/// The trust roots that are followed, by name.
///
/// # Errors
/// [`Code::LedgerDamaged`].
pub fn followed(ledger: &Ledger) -> Result<Vec<Followed>, Stop> {
    let body = ledger.memory(followed::KEY).map_err(|fault| ledger_stop(&fault))?;
    followed::parse(body.as_deref()).map_err(|why| damaged(&why))
}

/// What is remembered of trust roots does not hold together.
#[must_use]
pub fn damaged(why: &str) -> Stop {
    let what = format!("what is remembered of trust roots is damaged: {}", text::escape_short(why, 300));
    Stop::new(Code::LedgerDamaged, what, "run: skills doctor (nothing new is trusted meanwhile)")
}

/// A revocation that covers a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Covered {
    /// Whether trust that was given ends, or only none is given anew.
    pub narrows: bool,
    /// Which root, what and why; escaped.
    pub why: String,
    /// The way on, with its command; escaped.
    pub next: String,
    /// The advisory that says so, if one does.
    pub advisory: Option<Told>,
}

#[cfg(feature = "provenance")]
impl Covered {
    fn of(row: &RevisionRow, found: Withdrawn) -> Self {
        let says = format!("who says so: skills roots list {}", found.root);
        let fixed =
            found.advisory.as_ref().map(|told| told.fixed.join(" or ")).filter(|fixed| !fixed.is_empty());
        let next = match fixed {
            Some(fixed) => format!("it is fixed in {fixed}: skills update {}; {says}", row.revision.name),
            None => format!("look for another version of it; {says}"),
        };
        Self { narrows: found.narrows, why: found.why, next, advisory: found.advisory }
    }
}

/// Everything that the followed roots revoke.
#[derive(Debug, Default)]
pub struct Lists {
    #[cfg(feature = "provenance")]
    feeds: Vec<Feed>,
    #[cfg(feature = "provenance")]
    first_seen_counts: bool,
}

impl Lists {
    /// Reads them. The policy says what our own record is worth against a date
    /// of compromise.
    ///
    /// # Errors
    /// [`Stop`] if one of them cannot be read.
    #[cfg(feature = "provenance")]
    pub fn read(ledger: &Ledger, policy: &Policy) -> Result<Self, Stop> {
        let feeds = followed(ledger)?.iter().map(|root| feed(ledger, root)).collect::<Result<_, _>>()?;
        Ok(Self { feeds, first_seen_counts: policy.first_seen_counts })
    }

    /// Reads them, if there are none: this build cannot read what they say.
    ///
    /// # Errors
    /// [`Stop`] if a trust root is followed.
    #[cfg(not(feature = "provenance"))]
    pub fn read(ledger: &Ledger, _: &Policy) -> Result<Self, Stop> {
        if followed(ledger)?.is_empty() {
            return Ok(Self::default());
        }
        let what = "trust roots are followed here, and this build cannot read what they revoke";
        Err(Stop::new(Code::LedgerNewer, what, "use the whole program"))
    }

    /// What covers a revision: as it was trusted, or as it would be now. Of one
    /// that is not trusted, those count who had signed it when it was.
    #[cfg(feature = "provenance")]
    #[must_use]
    pub fn covers(&self, row: &RevisionRow, now: Timestamp) -> Option<Covered> {
        let signers = evidenced(row, now);
        let (source, version) = (row.source.identity(), row.version.as_deref());
        let first_seen_counts = self.first_seen_counts;
        let digest = &row.revision.digest;
        let asked = Asked { digest, source, version, signers: &signers, first_seen_counts };
        let listed = withdrawn::judge(&self.feeds, &asked);
        let seen = advisory::Seen { digest, names: names(row), source: &row.source, version, now };
        // What ends trust counts before what only keeps it from being given.
        let found = match listed {
            Some(found) if found.narrows => Some(found),
            milder => advisory::judge(&self.feeds, &seen).or(milder),
        };
        found.map(|found| Covered::of(row, found))
    }

    /// As [`refuse`], by lists that were read already.
    ///
    /// # Errors
    /// [`Code::Revoked`].
    pub fn refuse(&self, row: &RevisionRow, now: Timestamp) -> Result<(), Stop> {
        let found = self.covers(row, now).filter(|found| found.narrows || row.lifecycle.pin().is_none());
        let Some(Covered { why, next, .. }) = found else { return Ok(()) };
        Err(Stop::new(Code::Revoked, format!("{}: {why}", row.revision), next))
    }

    /// Nothing: there are none.
    #[cfg(not(feature = "provenance"))]
    #[must_use]
    pub fn covers(&self, _: &RevisionRow, _: Timestamp) -> Option<Covered> {
        None
    }
}

/// Who signed, and since when each of them is known to have: by an authority's
/// stamps, if all that they signed has one; else by our own record of the
/// decision, as long as it stands.
///
/// Attack: the publisher's stamp of January, and a review that a stolen key made
/// in April: the stamp says nothing of the review.
#[cfg(feature = "provenance")]
fn evidenced(row: &RevisionRow, now: Timestamp) -> Vec<(String, Evidenced)> {
    let Some(pin) = row.last_pin() else { return Vec::new() };
    let ours = row.lifecycle.pin().map_or(Evidenced::Now(now), |pin| Evidenced::FirstSeen(pin.at));
    let unstamped = pin.provenance.unstamped_signers();
    let at = |signer: &String| {
        let signed = |one: &&Voucher| one.signer == *signer || one.key == *signer;
        let last = pin.provenance.vouched.iter().filter(signed).map(|one| one.at).max();
        last.filter(|_| !unstamped.contains(signer)).map_or(ours, Evidenced::Stamped)
    };
    pin.provenance.signers().into_iter().map(|signer| (signer.clone(), at(&signer))).collect()
}

/// The names that a skill has: here, and in its card.
///
/// Attack: an advisory names a skill, so it is installed `--as` another.
#[cfg(feature = "provenance")]
fn names(row: &RevisionRow) -> Vec<SkillName> {
    let card = row.card_name.as_deref().and_then(|name| SkillName::parse(name).ok());
    [Some(row.revision.name.clone()), card].into_iter().flatten().collect()
}

/// Refuses what is revoked.
///
/// # Errors
/// [`Code::Revoked`]; [`Stop`] if it cannot be told.
pub fn refuse(ledger: &Ledger, policy: &Policy, row: &RevisionRow, now: Timestamp) -> Result<(), Stop> {
    Lists::read(ledger, policy)?.refuse(row, now)
}

/// What one root revokes.
#[cfg(feature = "provenance")]
fn feed(ledger: &Ledger, root: &Followed) -> Result<Feed, Stop> {
    let mut feed = Feed { root: root.name.clone(), ..Feed::default() };
    for kept in root.targets.iter().filter(|kept| Place::of(&kept.path) == Place::Revocations) {
        let gone = || damaged(&format!("the revocations of `{}` are gone or were changed", root.name));
        let bytes = ledger.blob(&kept.bytes).map_err(|fault| ledger_stop(&fault))?.ok_or_else(gone)?;
        feed.list = lists::revocations(&bytes).map_err(|why| damaged(&why.to_string()))?;
    }
    feed.publishers = anchors(ledger, &root.name)?;
    feed.advisories = advisories(ledger, root)?;
    Ok(feed)
}

/// The advisories of one root.
#[cfg(feature = "provenance")]
fn advisories(ledger: &Ledger, root: &Followed) -> Result<Vec<Advisory>, Stop> {
    let mut all = Vec::new();
    for kept in &root.targets {
        let Place::Advisory(id) = Place::of(&kept.path) else { continue };
        let bytes = ledger.blob(&kept.bytes).map_err(|fault| ledger_stop(&fault))?;
        let shown = text::escape_short(&kept.path, 120);
        let gone = || damaged(&format!("`{shown}` of `{}` is gone or was changed", root.name));
        // It was kept by a version that did not read it, and may be the one that names these bytes.
        let odd = |why: &str| {
            let what = format!("trust root `{}`: `{shown}` cannot be read here: {why}", root.name);
            let next = format!("ask its owner to publish it anew, then: skills roots refresh {}", root.name);
            Stop::new(Code::RootRefused, what, next)
        };
        all.push(Advisory::read(id, &bytes.ok_or_else(gone)?).map_err(|why| odd(&why.to_string()))?);
    }
    Ok(all)
}

/// Where the keys of a root's anchors are remembered, also of those that it
/// lists no longer.
///
/// Attack: a publisher is revoked, and the anchor taken off the list in the
/// same release; nobody could tell any more which signers were its.
#[must_use]
pub fn anchors_key(root: &str) -> String {
    format!("anchors/{root}")
}

/// The keys of a root's anchors, by publisher: a line for each, the key's
/// SHA-256 before the publisher.
///
/// # Errors
/// [`Code::LedgerDamaged`].
#[cfg(feature = "provenance")]
pub fn anchors(ledger: &Ledger, root: &str) -> Result<Anchors, Stop> {
    let body = ledger.memory(&anchors_key(root)).map_err(|fault| ledger_stop(&fault))?;
    let mut all = Anchors::new();
    for line in body.as_deref().unwrap_or_default().lines() {
        let bad = || damaged("the anchors that were seen");
        let (hex, publisher) = line.split_once(' ').ok_or_else(bad)?;
        let key = Digest::from_hex(hex).map_err(|_| bad())?;
        all.entry(publisher.to_owned()).or_default().insert(key);
    }
    Ok(all)
}

/// As they are remembered.
#[cfg(feature = "provenance")]
#[must_use]
pub fn anchors_text(all: &Anchors) -> String {
    let lines = all.iter().flat_map(|(publisher, keys)| keys.iter().map(move |key| (key, publisher)));
    lines.map(|(key, publisher)| format!("{} {publisher}\n", key.hex())).collect()
}
