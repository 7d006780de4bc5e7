//! Points in time as OpenSSH writes them: `YYYYMMDD`, `YYYYMMDDHHMM` or
//! `YYYYMMDDHHMMSS`, and `Z` or `UTC` behind it.
//!
//! Without `Z`, OpenSSH means the time zone of the machine that reads. Here
//! the same list must mean the same everywhere, and nothing asks the machine:
//! such a time is taken to be the *narrower* one of all zones, from UTC-12 to
//! UTC+14. So nothing counts here that does not count for `ssh-keygen` in
//! every zone.

use crate::model::time::Timestamp;

/// Hours that the westernmost zone is behind UTC: there a beginning is last.
const WEST: i64 = 12;
/// Hours that the easternmost zone is ahead of UTC: there an end is first.
const EAST: i64 = 14;

/// A time in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListTime {
    at: Timestamp,
    utc: bool,
}

impl ListTime {
    /// Reads it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let short = |tail: &str| {
            let cut = text.len().checked_sub(tail.len())?;
            text.get(cut..).filter(|end| end.eq_ignore_ascii_case(tail)).and(text.get(..cut))
        };
        let (digits, utc) = match short("Z").or_else(|| short("UTC")) {
            Some(digits) => (digits, true),
            None => (text, false),
        };
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let part = |from: usize| digits.get(from..from + 2).unwrap_or("00");
        if !matches!(digits.len(), 8 | 12 | 14) {
            return None;
        }
        let exact =
            format!("{}-{}-{}T{}:{}:{}Z", digits.get(..4)?, part(4), part(6), part(8), part(10), part(12));
        let at = Timestamp::parse_exact(exact.as_bytes())?;
        // OpenSSH takes nothing before 1970, and 1970 itself for "not set".
        (at.unix() > 0).then_some(Self { at, utc })
    }

    /// The first second, if it is a beginning.
    #[must_use]
    pub fn as_begin(self) -> Timestamp {
        self.moved(WEST)
    }

    /// The last second, if it is an end.
    #[must_use]
    pub fn as_end(self) -> Timestamp {
        self.moved(-EAST)
    }

    fn moved(self, hours: i64) -> Timestamp {
        if self.utc { self.at } else { Timestamp::from_unix(self.at.unix() + hours * 3600) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_openssh_and_no_other() {
        let read = |text: &str| ListTime::parse(text).map(|time| time.as_begin().to_string());
        for (text, shown) in [
            ("20260131Z", "2026-01-31T00:00:00Z"),
            ("20260131z", "2026-01-31T00:00:00Z"),
            ("202601310102UTC", "2026-01-31T01:02:00Z"),
            ("20260131010203utc", "2026-01-31T01:02:03Z"),
            ("20240229Z", "2024-02-29T00:00:00Z"),
        ] {
            assert_eq!(read(text).as_deref(), Some(shown), "{text}");
        }
        let bad = [
            "",
            "Z",
            "UTC",
            "2026Z",
            "2026013Z",
            "2026013101Z",
            "20260230Z",
            "20250229Z",
            "20261301Z",
            "202601312400Z",
            "20260131 Z",
            "2026-01-31",
            "+2026013Z",
            "20260131ZZ",
            "20260131+01",
            "19700101Z",
            "19691231Z",
            "2026０131Z",
        ];
        for text in bad {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_without_zone_is_the_narrower_of_all_zones() {
        let (with, without) = (ListTime::parse("20260601Z").unwrap(), ListTime::parse("20260601").unwrap());
        assert_eq!(with.as_begin(), with.as_end());
        assert_eq!(without.as_begin().to_string(), "2026-06-01T12:00:00Z");
        assert_eq!(without.as_end().to_string(), "2026-05-31T10:00:00Z");
    }
}
