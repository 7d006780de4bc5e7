//! The clock, and its stand-in for tests.

use crate::model::time::Timestamp;

/// Where "now" comes from. Read once per use case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// The machine's.
    System,
    /// A fixed second.
    Fixed(Timestamp),
}

impl Clock {
    /// The present second.
    #[must_use]
    pub fn now(self) -> Timestamp {
        match self {
            Self::Fixed(at) => at,
            Self::System => {
                let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
                // A clock before 1970 is no clock; the floor of the last record holds.
                let seconds = since.map_or(0, |since| since.as_secs());
                Timestamp::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX))
            }
        }
    }
}
