//! Revoked keys and certificates, and which of their signatures still count.
//!
//! ```text
//! retired at T          signatures evidenced before T stay valid
//! compromised since T   only with evidence earlier than T from a third party;
//!                       our own first-seen time counts if the policy says so
//! without a time        nothing counts
//! ```
//!
//! Attack: whoever stole a key signs today and writes an old date beside it.
//! So the only times that count are those of [`Evidenced`], and `Now` is never
//! before anything.

use super::verdict::{Evidenced, Verdict};
use crate::model::signer::SignerId;
use crate::model::text;
use crate::model::time::Timestamp;
use std::collections::BTreeMap;

/// Why a signer is revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No longer used; nobody else has the key.
    Retired,
    /// Somebody else may have the key.
    Compromised,
}

/// One entry of a revocation list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Why.
    pub kind: Kind,
    /// Since when; none: always.
    pub since: Option<Timestamp>,
    /// Where it says so, for people.
    pub feed: String,
}

/// All that are revoked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revocations(BTreeMap<SignerId, Entry>);

impl Revocations {
    /// Adds an entry; of two about one signer the stricter stays.
    pub fn add(&mut self, signer: SignerId, entry: Entry) {
        use std::collections::btree_map::Entry as Slot;
        // `None` is earlier than any time.
        let strictness = |entry: &Entry| (entry.kind == Kind::Retired, entry.since);
        match self.0.entry(signer) {
            Slot::Vacant(slot) => {
                slot.insert(entry);
            }
            Slot::Occupied(mut slot) => {
                let there = slot.get().clone();
                let (kind_a, kind_b) = (strictness(&there), strictness(&entry));
                let feed = if kind_b < kind_a { entry.feed } else { there.feed };
                let kind = if kind_a.0 && kind_b.0 { Kind::Retired } else { Kind::Compromised };
                slot.insert(Entry { kind, since: there.since.min(entry.since), feed });
            }
        }
    }

    /// Adds all entries of another list.
    pub fn merge(&mut self, other: Self) {
        other.0.into_iter().for_each(|(signer, entry)| self.add(signer, entry));
    }

    /// Whether anything is revoked at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Judges a signature that is right in itself.
    ///
    /// `first_seen_counts` is the policy's word on whether our own ledger is
    /// witness enough against a compromise.
    ///
    /// # Errors
    /// [`Verdict::Revoked`].
    pub fn judge(&self, signer: &SignerId, at: Evidenced, first_seen_counts: bool) -> Result<(), Verdict> {
        let Some(entry) = self.0.get(signer) else { return Ok(()) };
        let witness = match (entry.kind, at) {
            (_, Evidenced::Stamped(time)) | (Kind::Retired, Evidenced::FirstSeen(time)) => Some(time),
            (Kind::Compromised, Evidenced::FirstSeen(time)) if first_seen_counts => Some(time),
            _ => None,
        };
        if let (Some(since), Some(time)) = (entry.since, witness)
            && time < since
        {
            return Ok(());
        }
        let how = match entry.kind {
            Kind::Retired => "retired",
            Kind::Compromised => "compromised",
        };
        let since = entry.since.map_or_else(|| "for all time".to_owned(), |time| format!("since {time}"));
        let seen = match at {
            Evidenced::Stamped(time) => format!("time-stamped {time}"),
            Evidenced::FirstSeen(time) => format!("first seen here {time}"),
            Evidenced::Now(_) => "without evidence of its time".to_owned(),
        };
        let why =
            format!("{how} {since} says {}; the signature is {seen}", text::escape_short(&entry.feed, 200));
        Err(Verdict::Revoked { signer: signer.to_string(), why })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::digest::sha256;

    fn signer() -> SignerId {
        SignerId::key(&sha256(&[b"k"]))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_unix(second)
    }

    fn entry(kind: Kind, since: Option<i64>) -> Entry {
        Entry { kind, since: since.map(at), feed: "a list".to_owned() }
    }

    #[test]
    fn the_table_of_times() {
        use Evidenced::{FirstSeen, Now, Stamped};
        use Kind::{Compromised, Retired};
        // kind, since, evidence, whether our own witness counts, valid
        let table = [
            (Retired, Some(100), Stamped(at(99)), false, true),
            (Retired, Some(100), Stamped(at(100)), false, false),
            (Retired, Some(100), FirstSeen(at(99)), false, true),
            (Retired, Some(100), FirstSeen(at(100)), false, false),
            (Retired, Some(100), Now(at(99)), true, false),
            (Retired, None, Stamped(at(1)), true, false),
            (Compromised, Some(100), Stamped(at(99)), false, true),
            (Compromised, Some(100), Stamped(at(100)), true, false),
            (Compromised, Some(100), FirstSeen(at(99)), false, false),
            (Compromised, Some(100), FirstSeen(at(99)), true, true),
            (Compromised, Some(100), FirstSeen(at(100)), true, false),
            (Compromised, Some(100), Now(at(99)), true, false),
            (Compromised, None, Stamped(at(1)), true, false),
        ];
        for (kind, since, evidence, counts, valid) in table {
            let mut list = Revocations::default();
            list.add(signer(), entry(kind, since));
            let judged = list.judge(&signer(), evidence, counts);
            assert_eq!(judged.is_ok(), valid, "{kind:?} {since:?} {evidence:?} {counts}");
            assert!(list.judge(&SignerId::key(&sha256(&[b"other"])), Now(at(0)), false).is_ok());
        }
    }

    #[test]
    fn a_second_entry_never_softens_the_first() {
        for (first, second) in [
            (entry(Kind::Compromised, Some(100)), entry(Kind::Retired, Some(500))),
            (entry(Kind::Retired, Some(500)), entry(Kind::Compromised, Some(100))),
            (entry(Kind::Retired, Some(100)), entry(Kind::Compromised, Some(500))),
        ] {
            let mut list = Revocations::default();
            list.add(signer(), first);
            list.add(signer(), second);
            assert!(list.judge(&signer(), Evidenced::FirstSeen(at(99)), false).is_err());
            assert!(list.judge(&signer(), Evidenced::Stamped(at(100)), false).is_err());
            assert!(list.judge(&signer(), Evidenced::Stamped(at(99)), false).is_ok());
        }
        let mut list = Revocations::default();
        list.add(signer(), entry(Kind::Retired, None));
        list.add(signer(), entry(Kind::Retired, Some(100)));
        assert!(list.judge(&signer(), Evidenced::Stamped(at(1)), false).is_err());
    }
}
