//! What one signed statement says about a revision: before it is kept.
//!
//! Nothing in it is read before a signature of somebody on a followed root's
//! list was found right. What no list knows is refused: it could count for
//! nothing, and a heap of such would hide the one that does.

use super::read::{Whom, kept, said};
use crate::model::code::{Code, Stop};
use crate::model::digest::sha256;
use crate::model::lifecycle::RevisionRow;
use crate::model::text;
use crate::model::time::Timestamp;
use crate::ops::revoked::followed;
use crate::policy::provenance::dsse;
use crate::policy::provenance::review::{Criterion, ENVELOPES_MAX, Finding, Presented};
use crate::policy::provenance::verdict::Evidenced;
use crate::system::ledger::Ledger;

/// A statement by somebody on a list, about these bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// `review` or `attestation`.
    pub kind: &'static str,
    /// What it says; escaped.
    pub says: String,
    /// By whom; escaped.
    pub by: String,
    /// With which key.
    pub key: String,
    /// When it ends, if it does.
    pub until: Option<Timestamp>,
    /// The warning in words, if it is one; escaped.
    pub warns: Option<String>,
    /// Whether it can only take away.
    pub narrows: bool,
    /// Why it counts for nothing yet, though it is kept.
    pub waits: Option<String>,
    /// Whether these bytes are kept already.
    pub already: bool,
}

/// Judges the bytes of an envelope.
///
/// # Errors
/// [`Code::NotSigned`] for what counts for nothing; [`Stop`].
pub fn judge(ledger: &Ledger, row: &RevisionRow, bytes: &[u8], now: Timestamp) -> Result<Told, Stop> {
    let roots = followed(ledger)?;
    if roots.is_empty() {
        let what = "no trust root is followed here, so nobody is known whose word counts";
        return Err(Stop::new(Code::NotSigned, what, "first: skills roots add NAME ORIGIN --pin sha256:…"));
    }
    let said = said(ledger, &roots, now)?;
    let presented = [Presented { bytes, at: Evidenced::Now(now) }];
    let digest = row.revision.digest;
    let reviews = |whom| said.reviews(&presented, digest, whom, now);
    let attestations = |whom| said.attestations(&presented, digest, whom, now);
    let (reviewed, attested) = (reviews(Whom::All), attestations(Whom::All));
    let mut told = Told {
        kind: "review",
        says: String::new(),
        by: String::new(),
        key: String::new(),
        until: None,
        warns: None,
        narrows: false,
        waits: None,
        already: false,
    };
    let mut fresh = true;
    if let Some(found) = reviewed.violations().first() {
        let findings: Vec<_> = found.review.findings.iter().map(Finding::to_string).collect();
        told.says = format!("violation: {}", findings.join("; "));
        told.by.clone_from(&found.who);
        told.key = found.key.to_string();
        told.warns = reviewed.stops().err().map(|why| why.to_string());
        told.narrows = true;
    } else if let Some((who, found)) = reviewed.people().iter().next() {
        let criteria: Vec<_> = found.review.criteria.iter().map(Criterion::as_str).collect();
        told.says = format!("positive for {}", criteria.join(", "));
        told.until = Some(found.review.until);
        (told.by, told.key) = (text::escape_short(who, 120), found.key.to_string());
        fresh = !reviews(Whom::Fresh).people().is_empty();
    } else if let Some((who, found)) = attested.passed().iter().chain(attested.failed()).next() {
        told.kind = "attestation";
        told.narrows = attested.passed().is_empty();
        told.says = if told.narrows { "FAILED" } else { "PASSED" }.to_owned();
        (told.by, told.key) = (text::escape_short(who, 120), found.key.to_string());
        fresh = told.narrows || !attestations(Whom::Fresh).passed().is_empty();
    } else {
        let ignored = reviewed.ignored().iter().chain(attested.ignored()).map(|one| one.why.as_str());
        return Err(refused(row, bytes, ignored));
    }
    if !fresh {
        let words = "the trust root that lists its signer is stale; it counts once this was done: skills roots refresh";
        told.waits = Some(words.to_owned());
    }
    let there = kept(ledger, &digest)?;
    told.already = there.envelopes.contains(&sha256(&[bytes]));
    // Attack: so many that they are read no more, and nothing can be trusted.
    let count = there.envelopes.len() + said.envelopes.len();
    if count >= ENVELOPES_MAX && !told.narrows && !told.already {
        let what = format!("{count} statements are here, and at most {ENVELOPES_MAX} are read");
        return Err(Stop::new(Code::NotSigned, what, format!("skills status {}", row.revision)));
    }
    Ok(told)
}

/// Of both readers' reasons the one that says more.
fn refused<'a>(row: &RevisionRow, bytes: &[u8], ignored: impl Iterator<Item = &'a str>) -> Stop {
    let unknown = |why: &&str| why.starts_with("nobody on our list");
    let wrong_kind = |why: &&str| why.contains("predicate");
    let all: Vec<_> = ignored.collect();
    let why = all.iter().find(|why| !unknown(why) && !wrong_kind(why));
    let why = why.or_else(|| all.iter().find(|why| !unknown(why)));
    let revision = &row.revision;
    if let Some(why) = why {
        let next = format!("ask whoever made it; who counts here: skills status {revision}");
        return Stop::new(Code::NotSigned, format!("not kept: {why}"), next);
    }
    let names = dsse::named_keys(bytes);
    let names = if names.is_empty() {
        String::new()
    } else {
        format!("; it says that it was signed with {}", names.join(", "))
    };
    let what = format!(
        "not kept: nobody on the lists of the trust roots that are followed signed it, or it was changed afterwards{names}"
    );
    Stop::new(
        Code::NotSigned,
        what,
        "whoever keeps the trust root lists its signer; then: skills roots refresh",
    )
}
