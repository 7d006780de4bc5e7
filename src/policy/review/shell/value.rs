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
        let room = LONGEST.saturating_sub(self.text.len());
        if text.len() <= room {
            self.text.push_str(text);
        } else if !self.is_cut() {
            self.text.push_str(&text[..text.floor_char_boundary(room)]);
            self.text.push(UNKNOWN);
            // No longer than a character was left: it is cut all the same.
            while self.text.len() < LONGEST {
                self.text.push(UNKNOWN);
            }
        }
    }

    /// Whether it was longer than what is followed.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.text.len() >= LONGEST && self.text.ends_with(UNKNOWN)
    }

    /// Bytes that it takes to keep it.
    #[must_use]
    pub fn size(&self) -> usize {
        let named = self.from.urls.iter().chain(&self.from.paths).map(String::len).sum::<usize>();
        64 + self.text.len() + named
    }

    /// The same origins, and the text with another in the place of a part of it: each, or the first.
    #[must_use]
    pub fn replaced(&self, old: &str, new: &str, all: bool) -> Self {
        let mut out = self.with_text("");
        // Attack: a text of one letter that a long text is put in for, at each place.
        let mut parts = self.text.splitn(if all { usize::MAX } else { 2 }, old);
        out.push_text(parts.next().unwrap_or_default());
        for part in parts.take_while(|_| !old.is_empty()) {
            if out.is_cut() {
                break;
            }
            out.push_text(new);
            out.push_text(part);
        }
        if old.is_empty() { self.clone() } else { out }
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, UNKNOWN, Value};

    #[test]
    fn a_text_that_grows_is_cut_and_says_so() {
        let mut value = Value::known("é".repeat(LONGEST / 2 - 1));
        value.push_text("a");
        assert!(!value.is_cut() && value.is_known());
        value.push_text("éé");
        assert!(value.is_cut() && value.text.starts_with('é') && value.text.ends_with(UNKNOWN));
        let before = value.text.len();
        value.push_text("more");
        assert_eq!(value.text.len(), before);
        assert!(before <= LONGEST + 8);
    }

    #[test]
    fn a_letter_that_a_long_text_stands_for_fills_no_memory() {
        let long = "x".repeat(LONGEST);
        let out = Value::known(&long).replaced("x", &long, true);
        assert!(out.is_cut() && out.text.len() <= LONGEST + 8);
        assert_eq!(Value::known("a.b.c").replaced(".", "", true).text, "abc");
        assert_eq!(Value::known("a.b.c").replaced(".", "-", false).text, "a-b.c");
        assert_eq!(Value::known("abc").replaced("", "-", true).text, "abc");
    }
}
