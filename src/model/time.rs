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
    fn text_and_value_agree() {
        let at = Timestamp::from_unix(1_795_219_200);
        assert_eq!(at.to_string(), "2026-11-21T00:00:00Z");
        assert_eq!(Timestamp::parse("2026-11-21T00:00:00Z"), Ok(at));
        assert_eq!(Timestamp::parse_end("2026-11-21", at), Ok(at));
        assert_eq!(Timestamp::parse_end("2d", at).unwrap().unix(), at.unix() + 172_800);
        assert_eq!(Timestamp::parse_end("soon", at), Err(NotATime));
    }
}
