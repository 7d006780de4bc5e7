//! What is known of a text at the point where a shell would use it.

use std::collections::BTreeSet;

/// Stands in a text for what only a run would tell.
pub const UNKNOWN: char = '\u{fffc}';

/// Longest text that is followed, in bytes. What is longer is cut, and unknown from there.
pub const LONGEST: usize = 64 * 1024;

/// How a text came about. Several may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// It came over the network.
    Fetched,
    /// It came out of base64 or another encoding that hides what it says.
    Decoded,
    /// It was put together from pieces: reversed, translated, escaped.
    Built,
    /// It came in a DNS answer.
    Dns,
    /// It came out of an archive that was opened with a password.
    Locked,
    /// It was read from where keys and passwords lie: see [`Origins::paths`].
    Secret,
    /// It was read from a project's settings, which may hold passwords: `.env`.
    Settings,
    /// It is the whole environment of a process.
    Environment,
}

/// All origins of a text, and from which addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins {
    /// Which hold.
    pub kinds: BTreeSet<Origin>,
    /// From where, as far as it stands there; at most eight.
    pub urls: BTreeSet<String>,
    /// Which files of keys, passwords and settings are in it; at most eight.
    pub paths: BTreeSet<String>,
}

impl Origins {
    /// Takes in those of another text.
    pub fn add(&mut self, other: &Self) {
        self.kinds.extend(other.kinds.iter().copied());
        for (mine, theirs) in [(&mut self.urls, &other.urls), (&mut self.paths, &other.paths)] {
            for one in theirs {
                if mine.len() < 8 {
                    mine.insert(one.clone());
                }
            }
        }
    }

    /// Whether this one holds.
    #[must_use]
    pub fn has(&self, kind: Origin) -> bool {
        self.kinds.contains(&kind)
    }
}

/// A text with its origins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Value {
    /// What it says, [`UNKNOWN`] where that is not known.
    pub text: String,
    /// Where it comes from.
    pub from: Origins,
}

impl Value {
    /// Text that stands there.
    #[must_use]
    pub fn known(text: impl Into<String>) -> Self {
        Self { text: text.into(), from: Origins::default() }
    }

    /// Text that only a run would tell.
    #[must_use]
    pub fn unknown() -> Self {
        Self::known(UNKNOWN.to_string())
    }

    /// The same origins, another text.
    #[must_use]
    pub fn with_text(&self, text: impl Into<String>) -> Self {
        Self { text: text.into(), from: self.from.clone() }
    }

    /// The same text, one origin more.
    #[must_use]
    pub fn and(mut self, kind: Origin) -> Self {
        self.from.kinds.insert(kind);
        self
    }

    /// Whether all of it is known.
    #[must_use]
    pub fn is_known(&self) -> bool {
        !self.text.contains(UNKNOWN)
    }

    /// Puts another behind this one.
    pub fn push(&mut self, other: &Self) {
        self.push_text(&other.text);
        self.from.add(&other.from);
    }

    /// Puts text behind this one.
    pub fn push_text(&mut self, text: &str) {
        if self.text.len() + text.len() <= LONGEST {
            self.text.push_str(text);
        } else if !self.text.ends_with(UNKNOWN) {
            self.text.push(UNKNOWN);
        }
    }
}
