//! Attestations: a verifier, most often a machine, says that certain bytes
//! passed a policy. A SLSA Verification Summary (VSA), version 1, in a DSSE
//! envelope.
//!
//! ```text
//! form        one reading, small; members beyond the specification only under URIs, as it allows
//! signature   by a key of a verifier on our own list
//! pair        the name of that line is the `verifier.id`: nobody speaks for another verifier
//! statement   of exactly this digest, for this resource and policy, if these are asked for
//! latest      of each verifier the last word alone; `FAILED` is a word, and never counts
//! levels      those that are asked for; SLSA_BUILD_LEVEL_3 holds 2 and 1
//! time        not after now; window and revocation of the key
//! ```
//!
//! Attack: the `PASSED` of last month is shown, and the `FAILED` of yesterday
//! beside it is what the verifier says now. If it is there, it is what counts.
//! If somebody holds it back, nobody can tell: a verifier that must be able to
//! take its word back retires its key, or signs its list anew.

use super::people::{Hand, People, Standing};
use super::review::{ENVELOPES_MAX, Ignored, Presented, open};
use super::revocation::Revocations;
use super::statement::Statement;
use crate::model::digest::Digest;
use crate::model::signer::SignerId;
use crate::model::text;
use crate::model::time::Timestamp;
use std::collections::BTreeMap;

mod form;
pub use form::{Answer, Attestation, BadAttestation, Level, PREDICATE_TYPE, Policy};

/// What is asked of attestations.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// About these bytes.
    pub digest: Digest,
    /// For this resource and no other; none: for any.
    pub resource: Option<&'a str>,
    /// Against this policy, by its SHA-256; none: against any.
    pub policy: Option<Digest>,
    /// All of these levels, or higher ones.
    pub levels: &'a [Level],
    /// Who is revoked.
    pub revocations: &'a Revocations,
    /// Whether our own first-seen time is witness enough against a compromise.
    pub first_seen_counts: bool,
    /// The time.
    pub now: Timestamp,
}

/// The last word of a verifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What it says.
    pub attestation: Attestation,
    /// By which key.
    pub key: SignerId,
}

/// What verifiers say about some bytes. Made by [`attestations`] alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttestOutcome {
    digest: Digest,
    passed: BTreeMap<String, Told>,
    failed: BTreeMap<String, Told>,
    ignored: Vec<Ignored>,
}

impl AttestOutcome {
    /// About which bytes.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The verifiers that say `PASSED` and count, by their id.
    #[must_use]
    pub const fn passed(&self) -> &BTreeMap<String, Told> {
        &self.passed
    }

    /// The verifiers whose last word is `FAILED`; for people, never counted.
    #[must_use]
    pub const fn failed(&self) -> &BTreeMap<String, Told> {
        &self.failed
    }

    /// What counts for nothing, and why.
    #[must_use]
    pub fn ignored(&self) -> &[Ignored] {
        &self.ignored
    }
}

/// Judges attestations: which verifiers say that exactly these bytes passed.
#[must_use]
pub fn attestations(presented: &[Presented<'_>], verifiers: &People, asked: &Asked<'_>) -> AttestOutcome {
    let mut outcome = AttestOutcome {
        digest: asked.digest,
        passed: BTreeMap::new(),
        failed: BTreeMap::new(),
        ignored: Vec::new(),
    };
    if presented.len() > ENVELOPES_MAX {
        let why = format!("{} attestations are there, and at most {ENVELOPES_MAX} are read", presented.len());
        outcome.ignored.push(Ignored { number: ENVELOPES_MAX + 1, why });
        return outcome;
    }
    let mut last: BTreeMap<String, (usize, Told)> = BTreeMap::new();
    for (at, one) in presented.iter().enumerate() {
        let number = at + 1;
        let mut ignore = |why| outcome.ignored.push(Ignored { number, why });
        match open(one.bytes, verifiers).and_then(|(payload, hands)| Ok((read(&payload, asked)?, hands))) {
            Err(why) => ignore(why),
            Ok((attestation, hands)) => {
                for hand in hands {
                    match may_say(&attestation, hand, one, asked) {
                        Err(why) => ignore(why),
                        Ok(verifier) => keep(&mut last, verifier, number, &attestation, hand),
                    }
                }
            }
        }
    }
    for (verifier, (number, told)) in last {
        match (told.attestation.answer, told.attestation.lacks(asked.levels)) {
            (Answer::Failed, _) => drop(outcome.failed.insert(verifier, told)),
            (Answer::Passed, Some(level)) => {
                let verifier = text::escape_short(&verifier, 80);
                outcome.ignored.push(Ignored { number, why: format!("{verifier} does not say {level}") });
            }
            (Answer::Passed, None) => drop(outcome.passed.insert(verifier, told)),
        }
    }
    outcome
}

/// The attestation, if it is one, and of what is asked about.
fn read(payload: &[u8], asked: &Asked<'_>) -> Result<Attestation, String> {
    let statement = Statement::read(payload)?;
    let attestation = Attestation::of(&statement).map_err(|fault| fault.to_string())?;
    if attestation.digest != asked.digest {
        return Err(format!("it is about {}, and this is {}", attestation.digest, asked.digest));
    }
    // Attack: what passed for a test environment, shown for the real one.
    if let Some(resource) = asked.resource.filter(|resource| *resource != attestation.resource) {
        let (found, wanted) =
            (text::escape_short(&attestation.resource, 120), text::escape_short(resource, 120));
        return Err(format!("it is for the resource {found}, and {wanted} is asked for"));
    }
    if let Some(policy) = asked.policy.filter(|policy| *policy != attestation.policy.sha256) {
        return Err(format!(
            "it is against the policy {}, and {policy} is asked for",
            attestation.policy.sha256
        ));
    }
    Ok(attestation)
}

/// The verifier, if this key may speak for it, now.
fn may_say<'a>(
    attestation: &Attestation,
    hand: Hand<'a>,
    one: &Presented<'_>,
    asked: &Asked<'_>,
) -> Result<&'a str, String> {
    let verifier = hand.person()?;
    if verifier != attestation.verifier {
        let said = text::escape_short(&attestation.verifier, 120);
        return Err(format!("it is said to be by {said}, and signed by the key of {}", hand.names()));
    }
    hand.counts(
        one.at,
        Standing { revocations: asked.revocations, first_seen_counts: asked.first_seen_counts },
    )?;
    // A failure of tomorrow is one all the same: it only takes away.
    if attestation.answer == Answer::Passed && attestation.verified > asked.now {
        let (then, now) = (attestation.verified, asked.now);
        return Err(format!("verified {then}, and it is {now}: one of the two clocks is wrong"));
    }
    Ok(verifier)
}

/// Keeps the later one; of two of the same second the failure.
fn keep(
    last: &mut BTreeMap<String, (usize, Told)>,
    verifier: &str,
    number: usize,
    attestation: &Attestation,
    hand: Hand<'_>,
) {
    let rank = |one: &Attestation| (one.verified, one.answer == Answer::Failed);
    if last.get(verifier).is_none_or(|(_, held)| rank(&held.attestation) < rank(attestation)) {
        let told = Told { attestation: attestation.clone(), key: hand.key() };
        last.insert(verifier.to_owned(), (number, told));
    }
}
