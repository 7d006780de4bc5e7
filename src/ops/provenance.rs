//! Who vouches for a revision, as far as what is here can tell.
//!
//! ```text
//!   followed roots ─▶ beliefs ─┐
//!   stored copy ─▶ its files, its signatures ─┤
//!   git objects kept at install ──────────────┼─▶ examine ─▶ what was seen
//!   reviews and summaries ────────────────────┘                │
//!   lineage: highest version, last signers ──────────▶ Vouching ┴▶ what counts
//! ```
//!
//! Offline: what is asked lies in the home. `review`, `show` and the trust
//! prompt show it in words; `trust` writes what counts into the pin, where the
//! gate holds the policy's demands against it.
//!
//! What a stale root says is seen and does not count for anything new; under an
//! expired one nothing is granted at all.

#[cfg(feature = "provenance")]
mod read;
#[cfg(feature = "provenance")]
pub mod statement;

use super::revoked::followed;
use super::session::ledger_stop;
use crate::model::code::{Code, Stop};
use crate::model::followed::{Followed, Standing};
use crate::model::lifecycle::{HoldScope, RevisionRow};
use crate::model::provenance::{Lineage, Provenance};
use crate::model::text;
use crate::model::time::Timestamp;
use crate::policy::config::Policy;
use crate::system::home::Home;
use crate::system::ledger::Ledger;

/// One line for people: what it is about, and the words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// `signed`, `reviewed`, `attested`, `signer`, `version`, `root`.
    pub label: &'static str,
    /// Escaped.
    pub words: String,
    /// Whether it speaks for the skill, says nothing of it, or against it.
    pub tone: Tone,
}

/// How a line is meant; never told by colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// It counts.
    For,
    /// It is told, and counts for nothing.
    Plain,
    /// It is a reason to look twice, or stops.
    Against,
}

/// All that is found.
#[derive(Debug, Clone, Default)]
pub struct Vouching {
    /// What counts.
    pub provenance: Provenance,
    /// In words, in a fixed order.
    pub lines: Vec<Line>,
    /// What changed about who signs, since the last decision.
    pub signer_change: Option<String>,
    /// The highest version that was trusted, if this one is lower.
    pub older_than: Option<String>,
    /// Why nothing is granted at all.
    pub stops: Option<Stop>,
    lineage: Option<Lineage>,
}

/// Which unusual things a person has said yes to, by name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Accepted {
    /// A version lower than the highest that was trusted.
    pub older: bool,
    /// Another signer than before, or none where there was one.
    pub new_signer: bool,
}

fn damaged(why: &str) -> Stop {
    Stop::new(Code::LedgerDamaged, format!("what is remembered cannot be read: {why}"), "run: skills doctor")
}

/// Why no root allows anything new to be granted: one of them has ended.
///
/// # Errors
/// [`Stop`]: also when it cannot be told.
pub fn check_roots(ledger: &Ledger, now: Timestamp) -> Result<(), Stop> {
    followed(ledger)?.iter().try_for_each(|root| match root.standing(now) {
        Standing::Expired { since } => Err(expired(root, since)),
        Standing::Fresh | Standing::Stale { .. } => Ok(()),
    })
}

fn expired(root: &Followed, since: Timestamp) -> Stop {
    let what =
        format!("the trust root `{}` ended at {since}: what it revoked since is not known here", root.name);
    let next =
        format!("run: skills roots refresh {0}; or stop following it: skills roots remove {0}", root.name);
    Stop::new(Code::RootExpired, what, next)
}

/// What the followed roots say, as of one moment: read once for however many
/// revisions are asked about.
pub struct Heard {
    roots: Vec<Followed>,
    /// What the policy says of our own record, see [`Policy::first_seen_counts`].
    #[cfg(feature = "provenance")]
    first_seen_counts: bool,
    #[cfg(feature = "provenance")]
    said: read::Said,
}

/// Reads what the followed roots say.
///
/// # Errors
/// [`Stop`] when it cannot be told.
pub fn hear(ledger: &Ledger, policy: &Policy, now: Timestamp) -> Result<Heard, Stop> {
    let roots = followed(ledger)?;
    #[cfg(not(feature = "provenance"))]
    let _ = (now, policy);
    Ok(Heard {
        #[cfg(feature = "provenance")]
        said: read::said(ledger, &roots, now)?,
        #[cfg(feature = "provenance")]
        first_seen_counts: policy.first_seen_counts,
        roots,
    })
}

/// Looks for everything about one revision.
///
/// # Errors
/// [`Stop`] when it cannot be told; then nothing is granted.
pub fn find(
    home: &Home,
    ledger: &Ledger,
    policy: &Policy,
    row: &RevisionRow,
    now: Timestamp,
) -> Result<Vouching, Stop> {
    find_in(home, ledger, &hear(ledger, policy, now)?, row, now)
}

/// As [`find`], by what was heard already.
///
/// # Errors
/// [`Stop`] when it cannot be told; then nothing is granted.
pub fn find_in(
    home: &Home,
    ledger: &Ledger,
    heard: &Heard,
    row: &RevisionRow,
    now: Timestamp,
) -> Result<Vouching, Stop> {
    let mut findings = Vouching::default();
    for root in &heard.roots {
        match root.standing(now) {
            Standing::Fresh => {}
            Standing::Stale { since } => {
                let since = since
                    .map_or_else(|| "was never complete".to_owned(), |time| format!("is stale since {time}"));
                let words = format!(
                    "`{0}` {since}: what it says counts for nothing new; run: skills roots refresh {0}",
                    root.name
                );
                findings.lines.push(Line { label: "root", words, tone: Tone::Against });
            }
            Standing::Expired { since } => {
                let stop = expired(root, since);
                findings.lines.push(Line { label: "root", words: stop.what.clone(), tone: Tone::Against });
                findings.stops.get_or_insert(stop);
            }
        }
    }
    look(home, ledger, row, heard, now, &mut findings)?;
    let key = Lineage::key(&row.revision.name, row.source.identity());
    let body = ledger.memory(&key).map_err(|fault| ledger_stop(&fault))?;
    findings.lineage = Lineage::parse(body.as_deref()).map_err(|why| damaged(&why))?;
    if let Some(lineage) = &findings.lineage {
        findings.signer_change = lineage.signer_change(&findings.provenance);
        findings.older_than = lineage.is_older(row.version.as_deref());
    }
    if let Some(change) = &findings.signer_change {
        findings.lines.push(Line {
            label: "signer",
            words: format!("CHANGED: {change}"),
            tone: Tone::Against,
        });
    }
    if let Some(higher) = &findings.older_than {
        let words = format!("{} is lower than {higher}, which was trusted before", version(row));
        findings.lines.push(Line { label: "version", words, tone: Tone::Against });
    }
    Ok(findings)
}

#[cfg(feature = "provenance")]
use read::look;

/// Without the feature no signature is read, and so nobody vouches.
#[cfg(not(feature = "provenance"))]
fn look(
    _: &Home,
    _: &Ledger,
    _: &RevisionRow,
    _: &Heard,
    _: Timestamp,
    findings: &mut Vouching,
) -> Result<(), Stop> {
    let words = "not checked: this build reads no signatures (feature `provenance`)".to_owned();
    findings.lines.push(Line { label: "signed", words, tone: Tone::Plain });
    Ok(())
}

fn version(row: &RevisionRow) -> String {
    row.version.as_ref().map_or_else(|| "no version".to_owned(), |version| text::escape_short(version, 64))
}

impl Vouching {
    /// Whether it may be trusted, whoever decides.
    ///
    /// # Errors
    /// [`Stop`]: a warning, a hold on a signer, an older version, another
    /// signer, a demand that is not met.
    pub fn check(
        &self,
        ledger: &Ledger,
        policy: &Policy,
        row: &RevisionRow,
        accepted: Accepted,
        now: Timestamp,
    ) -> Result<(), Stop> {
        let revision = &row.revision;
        if let Some(stop) = &self.stops {
            return Err(stop.clone());
        }
        let signers = self.provenance.signers();
        let holds = &ledger.brakes().holds;
        let held = |scope: &HoldScope| {
            matches!(scope, HoldScope::Signer(_)) && scope.covers(revision, row.source.identity(), &signers)
        };
        if let Some(hold) = holds.iter().find(|hold| held(&hold.scope)) {
            let what = format!("{revision}: held by a kill of {} (record {})", hold.scope, hold.seq);
            return Err(Stop::new(
                Code::Held,
                what,
                "a person looks into it; the release that lifts it is named by: skills status",
            ));
        }
        if let (Some(higher), false) = (&self.older_than, accepted.older) {
            let what = format!(
                "{revision}: version {} is lower than {higher}, which was trusted from this source",
                version(row)
            );
            let next = format!("if the older one is meant, say so: skills trust {revision} --older");
            return Err(Stop::new(Code::Older, what, next));
        }
        if let (Some(change), false) = (&self.signer_change, accepted.new_signer) {
            let next = format!(
                "ask its author by another way; if the change is right: skills trust {revision} --new-signer"
            );
            return Err(Stop::new(Code::SignerChanged, format!("{revision}: {change}"), next));
        }
        policy.check_provenance(row.source.identity(), &self.provenance, now).map_err(|why| {
            let next = format!(
                "see who vouches: skills status {revision}; which demands there are: skills policy show"
            );
            Stop::new(Code::PolicyUnmet, format!("{revision}: {why}"), next)
        })
    }

    /// What is to be remembered of the source once this is trusted: key and body.
    ///
    /// # Errors
    /// Only a bug's.
    pub fn lineage(&self, row: &RevisionRow) -> Result<(String, String), Stop> {
        let next = Lineage::after(self.lineage.as_ref(), row.version.as_deref(), &self.provenance);
        let body = next.text().map_err(|why| Stop::new(Code::Internal, format!("BUG: {why}"), ""))?;
        Ok((Lineage::key(&row.revision.name, row.source.identity()), body))
    }

    /// What the record of a decision says of it; empty if there is nothing to say.
    #[must_use]
    pub fn recorded(&self) -> String {
        let mut out = String::new();
        for one in &self.provenance.vouched {
            out.push_str(&format!("; signed by {} ({}, trust root {})", one.signer, one.method, one.root));
        }
        for one in &self.provenance.reviews {
            out.push_str(&format!("; reviewed by {}", text::escape_short(&one.who, 120)));
        }
        for one in &self.provenance.attested {
            out.push_str(&format!("; attested by {}", text::escape_short(&one.who, 120)));
        }
        if let Some(change) = &self.signer_change {
            out.push_str(&format!("; although {change}"));
        }
        if let Some(higher) = &self.older_than {
            out.push_str(&format!("; although {higher} was trusted before"));
        }
        out
    }
}
