//! Names of skills and of their revisions.

use super::digest::Digest;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A skill's name by the Agent Skills specification, narrowed to ASCII:
/// 1 to 64 lower-case letters, digits and single inner hyphens.
///
/// The specification's reference validator also lets lower-case letters of
/// other scripts through; a Cyrillic `а` in `pdf-forms` would then be another
/// skill that nobody can tell apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SkillName(String);

/// A text that is no skill name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a skill's name is 1 to 64 of a-z, 0-9 and single hyphens inside")]
pub struct NotAName;

impl SkillName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`NotAName`].
    pub fn parse(text: &str) -> Result<Self, NotAName> {
        let good = (1..=64).contains(&text.len())
            && text.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-')
            && !text.contains("--");
        if good { Ok(Self(text.to_owned())) } else { Err(NotAName) }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SkillName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Serialize for SkillName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SkillName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// One skill at one digest: what the lifecycle belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revision {
    /// Which skill.
    pub name: SkillName,
    /// Which bytes.
    pub digest: Digest,
}

impl Revision {
    /// The full form `NAME@` + 64 hex digits: the name of its permit file.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}@{}", self.name, self.digest.hex())
    }

    /// Reads the full form.
    #[must_use]
    pub fn from_file_name(text: &str) -> Option<Self> {
        let (name, hex) = text.split_once('@')?;
        Some(Self { name: SkillName::parse(name).ok()?, digest: Digest::from_hex(hex).ok()? })
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}@{}", self.name, self.digest.short()))
    }
}

/// What a person types for one or several revisions: `NAME`, or `NAME@` and
/// at least 12 hex digits of the digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionRef {
    /// The skill.
    pub name: SkillName,
    /// The first hex digits of the digest, if given.
    pub prefix: Option<String>,
}

/// A text that names no revision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected NAME or NAME@DIGEST with at least 12 lower-case hex digits")]
pub struct NotARevision;

impl RevisionRef {
    /// Reads `NAME` or `NAME@hex`.
    ///
    /// # Errors
    /// [`NotARevision`].
    pub fn parse(text: &str) -> Result<Self, NotARevision> {
        let (name, prefix) = match text.split_once('@') {
            None => (text, None),
            Some((name, hex)) => (name, Some(hex.strip_prefix("sha256:").unwrap_or(hex))),
        };
        let hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        if prefix
            .is_some_and(|hex_digits| !(12..=64).contains(&hex_digits.len()) || !hex_digits.bytes().all(hex))
        {
            return Err(NotARevision);
        }
        let name = SkillName::parse(name).map_err(|_| NotARevision)?;
        Ok(Self { name, prefix: prefix.map(str::to_owned) })
    }

    /// Whether a revision is meant.
    #[must_use]
    pub fn matches(&self, revision: &Revision) -> bool {
        self.name == revision.name
            && self.prefix.as_ref().is_none_or(|prefix| revision.digest.hex().starts_with(prefix))
    }
}

impl fmt::Display for RevisionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.prefix {
            None => write!(f, "{}", self.name),
            Some(prefix) => write!(f, "{}@{prefix}", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_by_the_specification_and_nothing_else() {
        for good in ["a", "pdf-forms", "2", &"x".repeat(64)] {
            assert!(SkillName::parse(good).is_ok(), "{good}");
        }
        for bad in
            ["", "-a", "a-", "a--b", "A", "a_b", "a/b", "../x", "p\u{434}f", "a b", "a\0", &"x".repeat(65)]
        {
            assert!(SkillName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_revision_is_named_by_enough_digits() {
        let revision = Revision {
            name: SkillName::parse("pdf").unwrap(),
            digest: super::super::digest::sha256(&[b"x"]),
        };
        assert_eq!(Revision::from_file_name(&revision.file_name()), Some(revision.clone()));
        assert!(RevisionRef::parse(&revision.to_string()).unwrap().matches(&revision));
        assert!(RevisionRef::parse("pdf").unwrap().matches(&revision));
        assert!(!RevisionRef::parse("pdf@000000000000").unwrap().matches(&revision));
        assert!(RevisionRef::parse("pdf@0123").is_err());
    }
}
