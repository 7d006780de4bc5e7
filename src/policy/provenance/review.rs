//! Reviews: people say, each with an own key, that they read a skill's bytes
//! and what they found.
//!
//! ```text
//! {"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"pdf-forms","digest":{"gitTree":"<64 hex>"}}],
//!  "predicateType":"https://skill-trust/review/v1","predicate":{
//!    "criteria":["safe-to-read","safe-to-run"],"result":"positive","findings":[],
//!    "made":"2026-11-21T10:00:00Z","until":"2027-05-21T00:00:00Z"}}
//! ```
//!
//! in a DSSE envelope. Who reviewed is said by the signature alone. In this
//! order each envelope is judged, and what fails is told and counts for nothing:
//!
//! ```text
//! form        one reading, nothing unknown, small
//! signature   by a key of somebody on our own list
//! statement   read only now: a review, and of exactly this digest
//! violation   stops, however many were positive, and does not end
//! positive    of all criteria that were asked for, made before now, not at its end
//! person      one key, one person; window; revocation
//! ```
//!
//! Reviewers' own lists are never read: whom they believe is not whom we do.

use super::dsse::{Envelope, IN_TOTO};
use super::people::{Hand, People, Standing};
use super::revocation::Revocations;
use super::seal::{SIGNATURES_MAX, ToSign, list, object, word};
use super::statement::Statement;
use super::verdict::Evidenced;
use crate::model::digest::Digest;
use crate::model::json::Value;
use crate::model::skill::SkillName;
use crate::model::text;
use crate::model::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

mod form;
pub use form::{BadReview, Criterion, FINDINGS_MAX, Finding, PREDICATE_TYPE, Review, Word};

/// Most envelopes that are looked at, for one digest.
pub const ENVELOPES_MAX: usize = 128;
/// Most bytes of one envelope: the longest review that can be written has 90,000.
pub const ENVELOPE_MAX: usize = 128 << 10;

/// An envelope as it was found.
#[derive(Debug, Clone, Copy)]
pub struct Presented<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// When it is known to have been there.
    pub at: Evidenced,
}

/// What is asked of reviews.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// About these bytes.
    pub digest: Digest,
    /// A review counts if it is of all of these.
    pub criteria: &'a BTreeSet<Criterion>,
    /// Who is revoked.
    pub revocations: &'a Revocations,
    /// Whether our own first-seen time is witness enough against a compromise.
    pub first_seen_counts: bool,
    /// The time.
    pub now: Timestamp,
}

/// A positive review that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Positive {
    /// What it says.
    pub review: Review,
    /// By which key.
    pub key: crate::model::signer::SignerId,
}

/// A review that stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// By whom, for people; escaped.
    pub who: String,
    /// What it says.
    pub review: Review,
    /// By which key.
    pub key: crate::model::signer::SignerId,
}

/// An envelope, or a signature on one, that counts for nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// Which of those that were presented, from 1.
    pub number: usize,
    /// Why; escaped.
    pub why: String,
}

/// What reviews say about some bytes. Made by [`reviews`] alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewOutcome {
    digest: Digest,
    people: BTreeMap<String, Positive>,
    violations: Vec<Violation>,
    ignored: Vec<Ignored>,
    unread: usize,
}

/// Why reviews stop, whatever is asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// Not all were read: the one that stops may be among the rest.
    #[error(
        "{0} reviews are there, and at most {ENVELOPES_MAX} are read; take away those that are not needed"
    )]
    TooMany(usize),
    /// Somebody warns.
    #[error("{}", warned(.0))]
    Violated(Vec<Violation>),
}

fn warned(violations: &[Violation]) -> String {
    let one = |violation: &Violation| {
        let findings: Vec<_> = violation.review.findings.iter().map(Finding::to_string).collect();
        let what = if findings.is_empty() { "nothing more is said".to_owned() } else { findings.join("; ") };
        format!("{} found a violation on {}: {what}", violation.who, violation.review.made)
    };
    violations.iter().map(one).collect::<Vec<_>>().join(". ")
}

impl ReviewOutcome {
    /// About which bytes.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The distinct people whose positive review counts, by name as it stands
    /// in our list.
    #[must_use]
    pub const fn people(&self) -> &BTreeMap<String, Positive> {
        &self.people
    }

    /// The warnings. One stops, whatever the count.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// What counts for nothing, and why.
    #[must_use]
    pub fn ignored(&self) -> &[Ignored] {
        &self.ignored
    }

    /// Whether anything stops, even where no review is asked for.
    ///
    /// # Errors
    /// [`Stopped::Violated`] or [`Stopped::TooMany`].
    pub fn stops(&self) -> Result<(), Stopped> {
        if !self.violations.is_empty() {
            return Err(Stopped::Violated(self.violations.clone()));
        }
        if self.unread > 0 { Err(Stopped::TooMany(self.unread)) } else { Ok(()) }
    }
}

/// Judges reviews: who of `people` vouches for exactly these bytes, and who
/// warns.
#[must_use]
pub fn reviews(presented: &[Presented<'_>], people: &People, asked: &Asked<'_>) -> ReviewOutcome {
    let mut outcome = ReviewOutcome {
        digest: asked.digest,
        people: BTreeMap::new(),
        violations: Vec::new(),
        ignored: Vec::new(),
        unread: 0,
    };
    // Attack: so many that a time limit hides the one that stops.
    if presented.len() > ENVELOPES_MAX {
        outcome.unread = presented.len();
        return outcome;
    }
    for (at, one) in presented.iter().enumerate() {
        let number = at + 1;
        match open(one.bytes, people).and_then(|(payload, hands)| Ok((read(&payload, asked)?, hands))) {
            Err(why) => outcome.ignored.push(Ignored { number, why }),
            Ok((review, hands)) => {
                for hand in hands {
                    if let Err(why) = outcome.take(&review, hand, one.at, asked) {
                        outcome.ignored.push(Ignored { number, why });
                    }
                }
            }
        }
    }
    outcome
}

/// The payload of an envelope, and which of these people signed it: at least
/// one. Whether they may is not yet asked.
pub(super) fn open<'a>(bytes: &[u8], people: &'a People) -> Result<(Vec<u8>, Vec<Hand<'a>>), String> {
    if bytes.len() > ENVELOPE_MAX {
        return Err(format!("{} bytes; an envelope has at most {ENVELOPE_MAX}", bytes.len()));
    }
    let json = Value::evidence(bytes).map_err(|fault| format!("{fault}"))?;
    let envelope = Envelope::read(&json)?;
    if envelope.payload_type() != IN_TOTO {
        let quoted = text::escape_short(envelope.payload_type(), 80);
        return Err(format!("the payload is a `{quoted}`, not a `{IN_TOTO}`"));
    }
    let count = envelope.signatures().len();
    if count > SIGNATURES_MAX {
        return Err(format!("{count} signatures; a statement has at most {SIGNATURES_MAX}"));
    }
    let hands = people.hands(&envelope);
    if hands.is_empty() {
        return Err("nobody on our list signed it, or it was changed afterwards".to_owned());
    }
    Ok((envelope.payload().to_vec(), hands))
}

/// The review, if it is one, and of these bytes.
fn read(payload: &[u8], asked: &Asked<'_>) -> Result<Review, String> {
    let statement = Statement::read(payload)?;
    let review = Review::of(&statement).map_err(|fault| fault.to_string())?;
    // Attack: a good review of one skill, shown for another of the same name.
    if review.digest != asked.digest {
        return Err(format!("it is about {}, and this is {}", review.digest, asked.digest));
    }
    Ok(review)
}

impl ReviewOutcome {
    fn take(
        &mut self,
        review: &Review,
        hand: Hand<'_>,
        at: Evidenced,
        asked: &Asked<'_>,
    ) -> Result<(), String> {
        let standing =
            Standing { revocations: asked.revocations, first_seen_counts: asked.first_seen_counts };
        let (review, key) = (review.clone(), hand.key());
        if review.word == Word::Violation {
            let told = |why| format!("a violation that does not stop: {why}");
            hand.warned(review.made, at, standing).map_err(told)?;
            self.violations.push(Violation { who: hand.names(), review, key });
            return Ok(());
        }
        let name = hand.person()?;
        hand.counts(at, standing)?;
        counts_now(&review, asked).map_err(|why| format!("by {}: {why}", text::escape_short(name, 80)))?;
        // Of two by one person the one that lasts longer is kept; they count once.
        let held = self.people.get(name).map(|held| held.review.until);
        if held.is_none_or(|until| until < review.until) {
            self.people.insert(name.to_owned(), Positive { review, key });
        }
        Ok(())
    }
}

fn counts_now(review: &Review, asked: &Asked<'_>) -> Result<(), String> {
    if review.made > asked.now {
        return Err(format!("made {}, and it is {}: one of the two clocks is wrong", review.made, asked.now));
    }
    if review.until <= asked.now {
        return Err(format!("it ended {}, and it is {}", review.until, asked.now));
    }
    let missing: Vec<_> = asked.criteria.difference(&review.criteria).map(Criterion::as_str).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("not reviewed for {}", missing.join(", "))) }
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "statement {}: {}", self.number, self.why)
    }
}
