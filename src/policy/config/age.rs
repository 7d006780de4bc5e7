//! How old a revision must be before anybody can decide for it.
//!
//! Attack: a stolen account of an author publishes a poisoned update, and it is
//! trusted everywhere within the hour, before anybody has looked at it. A few
//! days later it has been found and taken down. So a policy can make everyone
//! wait, counted from the moment this home first had the bytes: the times in a
//! commit or an archive are whatever their author wrote there.
//!
//! Attack: turning the clock back, to wait less. Both times are those of our
//! own records, which never go back by themselves; after a recorded lowering a
//! first sight lies in the future, and that is no age at all.
//!
//! A fix in a hurry gets through by its digest in the `early` list of the file
//! that makes it wait, or of a stronger one: see ADR 0021.

use super::Policy;
use crate::model::digest::Digest;
use crate::model::time::Timestamp;

/// Longest span that a policy can name, in seconds: ten years. A longer one is
/// a slip, and would end beyond what a date can say.
const SPAN_MAX: i64 = 3650 * 86_400;

/// What one file says of age.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Age {
    /// The file.
    pub(super) file: String,
    /// Seconds; 0 if it says nothing.
    pub(super) least: i64,
    /// Digests that need not wait.
    pub(super) early: Vec<Digest>,
    /// Whether it is a trust root's: then its list frees from its own age
    /// alone, and nobody else's frees from it.
    pub(super) apart: bool,
}

/// A revision that is too young.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Young {
    /// When this home first had it.
    pub seen: Timestamp,
    /// How old it must be, in seconds.
    pub least: i64,
    /// From then on it is old enough.
    pub from: Timestamp,
    /// The file that says so.
    pub file: String,
    /// Whether `seen` lies in the future: the clock was lowered since.
    pub ahead: bool,
}

impl std::fmt::Display for Young {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { seen, least, from, file, .. } = self;
        let least = words(*least);
        write!(f, "first seen here {seen}; it must be {least} old by {file}, which it is from {from}")
    }
}

impl Policy {
    /// Whether a revision is old enough; else by when, and who says so.
    ///
    /// # Errors
    /// [`Young`]: of several files, the one that makes it wait longest.
    pub fn check_age(&self, digest: &Digest, seen: Timestamp, now: Timestamp) -> Result<(), Young> {
        let frees = |from: usize, at: usize| from == at || !(self.ages[from].apart || self.ages[at].apart);
        let waits = |at: usize| {
            let mut ages = self.ages[..=at].iter().enumerate();
            !ages.any(|(from, age)| frees(from, at) && age.early.contains(digest))
        };
        self.oldest(seen, now, waits)
    }

    /// Whether only an exception lets a revision through.
    #[must_use]
    pub fn is_excepted(&self, digest: &Digest, seen: Timestamp, now: Timestamp) -> bool {
        self.oldest(seen, now, |_| true).is_err() && self.check_age(digest, seen, now).is_ok()
    }

    fn oldest(&self, seen: Timestamp, now: Timestamp, waits: impl Fn(usize) -> bool) -> Result<(), Young> {
        let mut longest: Option<Young> = None;
        for (at, age) in self.ages.iter().enumerate().filter(|(at, age)| age.least > 0 && waits(*at)) {
            let from = Timestamp::from_unix(seen.unix().saturating_add(age.least));
            let later = longest.as_ref().is_none_or(|other| from > other.from);
            if now < from && later {
                let (least, file) = (age.least, self.ages[at].file.clone());
                longest = Some(Young { seen, least, from, file, ahead: seen > now });
            }
        }
        longest.map_or(Ok(()), Err)
    }
}

/// Reads `3d` or `36h`, in seconds.
pub(super) fn span(key: &str, typed: &str) -> Result<i64, String> {
    let (number, unit) = match (typed.strip_suffix('d'), typed.strip_suffix('h')) {
        (Some(number), _) => (number, 86_400),
        (None, Some(number)) => (number, 3600),
        (None, None) => ("", 0),
    };
    let plain = number.bytes().all(|c| c.is_ascii_digit()).then_some(number);
    let seconds = plain.and_then(|number| number.parse::<i64>().ok()?.checked_mul(unit));
    seconds.filter(|seconds| (1..=SPAN_MAX).contains(seconds)).ok_or_else(|| {
        let shown = crate::model::text::escape_short(typed, 40);
        format!("[trust] {key} = \"{shown}\": must be a span such as \"3d\" or \"36h\", at most \"3650d\"")
    })
}

/// A span as it is typed.
#[must_use]
pub fn words(seconds: i64) -> String {
    if seconds % 86_400 == 0 { format!("{}d", seconds / 86_400) } else { format!("{}h", seconds / 3600) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    fn at(unix: i64) -> Timestamp {
        Timestamp::from_unix(1_800_000_000 + unix)
    }

    fn digest(byte: u8) -> Digest {
        crate::model::digest::sha256(&[&[byte]])
    }

    fn policy(texts: &[String]) -> Policy {
        let names = ["/machine", "/account"];
        let files: Vec<_> = names.into_iter().zip(texts.iter().cloned()).collect();
        Policy::read(&files).unwrap()
    }

    fn min_age(span: &str) -> String {
        format!("[trust]\nmin-age = \"{span}\"\n")
    }

    #[test]
    fn a_revision_waits_to_the_second() {
        let policy = policy(&[min_age("3d")]);
        let young = policy.check_age(&digest(1), at(0), at(3 * DAY - 1)).unwrap_err();
        assert_eq!((young.seen, young.from, young.ahead), (at(0), at(3 * DAY), false));
        assert_eq!(young.file, "/machine");
        assert_eq!(policy.check_age(&digest(1), at(0), at(3 * DAY)), Ok(()));
        assert_eq!(Policy::DEFAULT.check_age(&digest(1), at(0), at(0)), Ok(()));
        let said = young.to_string();
        assert!(said.contains("3d old by /machine"), "{said}");
        assert!(said.contains("2027-01-15T08:00:00Z") && said.contains("2027-01-18T08:00:00Z"), "{said}");
    }

    #[test]
    fn of_two_files_the_longer_age_counts_whichever_it_is_in() {
        for (machine, account) in [("36h", "3d"), ("3d", "36h")] {
            let policy = policy(&[min_age(machine), min_age(account)]);
            let young = policy.check_age(&digest(1), at(0), at(2 * DAY)).unwrap_err();
            assert_eq!(young.from, at(3 * DAY), "{machine} {account}");
        }
    }

    #[test]
    fn attack_a_weaker_file_excepts_from_a_stronger_ones_age() {
        let early = |span: &str| format!("[trust]\nmin-age = \"{span}\"\nearly = [\"{}\"]\n", digest(1));
        let only = format!("[trust]\nearly = [\"{}\"]\n", digest(1));
        let stopped = policy(&[min_age("3d"), only.clone()]);
        assert_eq!(stopped.check_age(&digest(1), at(0), at(1)).unwrap_err().file, "/machine");
        assert!(!stopped.is_excepted(&digest(1), at(0), at(1)));
        // The machine's list frees from the account's age too, and no other bytes.
        for texts in [[early("3d"), min_age("9d")], [only.clone(), early("9d")], [only, min_age("9d")]] {
            let policy = policy(&texts);
            assert_eq!(policy.check_age(&digest(1), at(0), at(1)), Ok(()));
            assert!(policy.is_excepted(&digest(1), at(0), at(1)));
            assert!(!policy.is_excepted(&digest(1), at(0), at(9 * DAY)), "old enough by itself");
            assert!(policy.check_age(&digest(2), at(0), at(1)).is_err());
        }
        let own = policy(&[min_age("3d"), early("9d")]);
        assert_eq!(own.check_age(&digest(1), at(0), at(1)).unwrap_err().from, at(3 * DAY));
    }

    #[test]
    fn attack_a_first_sight_in_the_future_is_no_age() {
        let policy = policy(&[min_age("3d")]);
        let young = policy.check_age(&digest(1), at(900 * DAY), at(0)).unwrap_err();
        assert!(young.ahead);
        // Nor does a wait beyond the end of dates come round.
        let last = Timestamp::from_unix(i64::MAX);
        assert!(policy.check_age(&digest(1), last, at(0)).is_err());
    }

    #[test]
    fn a_span_is_a_plain_number_of_days_or_hours() {
        assert_eq!((span("x", "3d"), span("x", "36h")), (Ok(3 * DAY), Ok(36 * 3600)));
        for bad in [
            "",
            "d",
            "0d",
            "-1d",
            "+1d",
            "1",
            "1.5d",
            "3 d",
            "3D",
            "1w",
            "3651d",
            "99999999999999999999d",
            "\u{663}d",
        ] {
            assert!(span("x", bad).is_err(), "{bad}");
        }
        assert_eq!((words(3 * DAY), words(36 * 3600)), ("3d".to_owned(), "36h".to_owned()));
    }
}
