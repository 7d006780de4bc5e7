//! Points in time: whole seconds since 1970-01-01T00:00:00Z, written as
//! RFC 3339 in UTC. The only file that names the calendar crate.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A second on the UTC time line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A text that is neither a date nor a point in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a date such as 2027-01-31, a time such as 2027-01-31T12:00:00Z, or a span such as 90d")]
pub struct NotATime;

impl Timestamp {
    /// Seconds since 1970, clamped to the years that RFC 3339 can write.
    #[must_use]
    pub fn from_unix(seconds: i64) -> Self {
        Self(seconds.clamp(-62_135_596_800, 253_402_207_200))
    }

    /// Seconds since 1970.
    #[must_use]
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339.
    ///
    /// # Errors
    /// [`NotATime`] for anything else.
    pub fn parse(text: &str) -> Result<Self, NotATime> {
        let at: jiff::Timestamp = text.parse().map_err(|_| NotATime)?;
        Ok(Self::from_unix(at.as_second()))
    }

    /// Reads the one form in which a time is written here, to the byte:
    /// `YYYY-MM-DDTHH:MM:SSZ`, a day that exists. By hand, as a million of them
    /// are read in a row.
    #[must_use]
    pub fn parse_exact(text: &[u8]) -> Option<Self> {
        let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', clock @ .., b'Z'] = text else { return None };
        let [h1, h2, b':', n1, n2, b':', s1, s2] = clock else { return None };
        let digits = [y1, y2, y3, y4, m1, m2, d1, d2, h1, h2, n1, n2, s1, s2];
        if !digits.iter().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let number =
            |digits: &[&u8]| digits.iter().fold(0, |number, digit| number * 10 + i64::from(**digit - b'0'));
        let (year, month, day) = (number(&digits[..4]), number(&digits[4..6]), number(&digits[6..8]));
        let (hour, minute, second) = (number(&digits[8..10]), number(&digits[10..12]), number(&digits[12..]));
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            2 => 28 + i64::from(leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        if year == 0 || day == 0 || day > days || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        // Counted from 1 March, so that the day of a leap year comes last.
        let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
        let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1;
        // 1970-01-01 is day 719,468 of that count.
        let unix = (days - 719_468) * 86_400 + hour * 3600 + minute * 60 + second;
        // The calendar ends a little before its last year does.
        Some(Self::from_unix(unix)).filter(|at| at.0 == unix)
    }

    /// Reads what a person types for an end: a date (its first second, UTC),
    /// a time, or a span of days `90d` counted from `now`.
    ///
    /// # Errors
    /// [`NotATime`] for anything else.
    pub fn parse_end(text: &str, now: Self) -> Result<Self, NotATime> {
        if let Some(days) = text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok()) {
            return Ok(Self::from_unix(now.0.saturating_add(i64::from(days) * 86_400)));
        }
        match text.parse::<jiff::civil::Date>() {
            Ok(_) if text.len() == 10 => Self::parse(&format!("{text}T00:00:00Z")),
            _ => Self::parse(text),
        }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.0) {
            Ok(at) => write!(f, "{at}"),
            Err(_) => write!(f, "{}s", self.0),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exact_form_is_read_as_the_calendar_reads_it() {
        let step = 86_400 * 13 + 3_677;
        for unix in (-62_135_596_800..253_402_207_200).step_by(step) {
            let at = Timestamp::from_unix(unix);
            assert_eq!(Timestamp::parse_exact(at.to_string().as_bytes()), Some(at), "{at}");
        }
        for year in [1, 4, 100, 400, 1900, 2000, 2023, 2024, 9999] {
            for (month, day) in (0..=13).flat_map(|month| (0..=32).map(move |day| (month, day))) {
                let text = format!("{year:04}-{month:02}-{day:02}T23:59:59Z");
                assert_eq!(Timestamp::parse_exact(text.as_bytes()), Timestamp::parse(&text).ok(), "{text}");
            }
        }
        for text in [
            "",
            "2026-11-21",
            "2026-11-21T00:00:00",
            "2026-11-21T00:00:00z",
            "2026-11-21t00:00:00Z",
            "2026-11-21 00:00:00Z",
            "2026-11-21T00:00:00.0Z",
            "2026-11-21T00:00Z",
            "2026-11-21T00:00:00+00:00",
            "2026-11-21T24:00:00Z",
            "2026-11-21T00:60:00Z",
            "2026-11-21T00:00:60Z",
            "2026-1a-21T00:00:00Z",
            "+026-11-21T00:00:00Z",
            "0000-11-21T00:00:00Z",
            "2026-11-21T00:00:00Z ",
        ] {
            assert_eq!(Timestamp::parse_exact(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn text_and_value_agree() {
        let at = Timestamp::from_unix(1_795_219_200);
        assert_eq!(at.to_string(), "2026-11-21T00:00:00Z");
        assert_eq!(Timestamp::parse("2026-11-21T00:00:00Z"), Ok(at));
        assert_eq!(Timestamp::parse_end("2026-11-21", at), Ok(at));
        assert_eq!(Timestamp::parse_end("2d", at).unwrap().unix(), at.unix() + 172_800);
        assert_eq!(Timestamp::parse_end("soon", at), Err(NotATime));
    }
}
