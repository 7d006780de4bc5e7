//! A set: several revisions that are decided about with one answer.
//!
//! Its text names every revision's bytes in full, so that a machine can state
//! what a person reviewed elsewhere, and its digest names the set in every pin
//! and record that came of it:
//!
//! ```text
//! skill-trust set 1
//! docx sha256:<64 hex digits>
//! pdf-forms sha256:<64 hex digits>
//! ```
//!
//! One spelling: lines in ascending order, each name once, one LF after each.

use super::digest::{Digest, sha256};
use super::skill::{Revision, SkillName};
use std::collections::BTreeMap;

/// The first line.
const HEAD: &str = "skill-trust set 1";
/// Most revisions of a set.
pub const SET_MAX: usize = 2_000;

/// Several revisions, at most one of each name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionSet(BTreeMap<SkillName, Digest>);

/// Why a text is no set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSet {
    /// Nothing in it.
    #[error("there is nothing in it")]
    Empty,
    /// Too many.
    #[error("a set holds at most {SET_MAX} revisions")]
    TooMany,
    /// A name twice.
    #[error("`{0}` is in it twice")]
    Twice(SkillName),
    /// Not the form.
    #[error("line {0} is not as a set is written")]
    Form(usize),
}

impl RevisionSet {
    /// A set of these.
    ///
    /// # Errors
    /// [`BadSet`].
    pub fn new<'a>(revisions: impl IntoIterator<Item = &'a Revision>) -> Result<Self, BadSet> {
        let mut all = BTreeMap::new();
        for revision in revisions {
            if all.insert(revision.name.clone(), revision.digest).is_some() {
                return Err(BadSet::Twice(revision.name.clone()));
            }
        }
        match all.len() {
            0 => Err(BadSet::Empty),
            1..=SET_MAX => Ok(Self(all)),
            _ => Err(BadSet::TooMany),
        }
    }

    /// Reads the one spelling.
    ///
    /// # Errors
    /// [`BadSet`], with the line.
    pub fn parse(text: &str) -> Result<Self, BadSet> {
        let body = text.strip_suffix('\n').ok_or(BadSet::Form(1 + text.lines().count()))?;
        let mut all = Vec::new();
        for (at, line) in body.split('\n').enumerate() {
            let wrong = BadSet::Form(at + 1);
            if at == 0 {
                if line != HEAD {
                    return Err(wrong);
                }
                continue;
            }
            let (name, digest) = line.split_once(' ').ok_or_else(|| wrong.clone())?;
            let name = SkillName::parse(name).map_err(|_| wrong.clone())?;
            let digest = Digest::parse(digest).map_err(|_| wrong.clone())?;
            all.push(Revision { name, digest });
        }
        let set = Self::new(&all)?;
        // Attack: two spellings of one set would have two digests.
        let other = set.text().lines().zip(text.lines()).position(|(one, other)| one != other);
        match other {
            Some(at) => Err(BadSet::Form(at + 1)),
            None => Ok(set),
        }
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> String {
        let lines: String = self.0.iter().map(|(name, digest)| format!("{name} {digest}\n")).collect();
        format!("{HEAD}\n{lines}")
    }

    /// SHA-256 of its text.
    #[must_use]
    pub fn digest(&self) -> Digest {
        sha256(&[self.text().as_bytes()])
    }

    /// Its revisions, by name.
    pub fn revisions(&self) -> impl Iterator<Item = Revision> + '_ {
        self.0.iter().map(|(name, digest)| Revision { name: name.clone(), digest: *digest })
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Never: a set has at least one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revision(name: &str, byte: u8) -> Revision {
        Revision { name: SkillName::parse(name).unwrap(), digest: Digest::from_bytes([byte; 32]) }
    }

    #[test]
    fn one_set_has_one_text_and_digest() {
        let set = RevisionSet::new(&[revision("b", 2), revision("a", 1)]).unwrap();
        let text = set.text();
        assert_eq!(
            text,
            format!("skill-trust set 1\na sha256:{}\nb sha256:{}\n", "01".repeat(32), "02".repeat(32))
        );
        assert_eq!(RevisionSet::parse(&text).unwrap(), set);
        assert_eq!(set.digest(), sha256(&[text.as_bytes()]));
        assert_eq!(set.revisions().collect::<Vec<_>>(), [revision("a", 1), revision("b", 2)]);
    }

    #[test]
    fn other_spellings_are_refused_with_their_line() {
        let (a, b) = (format!("a sha256:{}", "01".repeat(32)), format!("b sha256:{}", "02".repeat(32)));
        let head = HEAD;
        for (text, why) in [
            (String::new(), BadSet::Form(1)),
            (format!("{head}\n{a}"), BadSet::Form(3)),
            (format!("{head}\n"), BadSet::Empty),
            (format!("{head} \n{a}\n"), BadSet::Form(1)),
            (format!("{head}\n{b}\n{a}\n"), BadSet::Form(2)),
            (format!("{head}\n{a}\n\n"), BadSet::Form(3)),
            (format!("{head}\n{a}\r\n"), BadSet::Form(2)),
            (format!("{head}\n{}\n", a.replace(' ', "  ")), BadSet::Form(2)),
            (format!("{head}\n{}\n", a.to_uppercase()), BadSet::Form(2)),
            (format!("{head}\n{a}\n{a}\n"), BadSet::Twice(SkillName::parse("a").unwrap())),
        ] {
            assert_eq!(RevisionSet::parse(&text), Err(why), "{text:?}");
        }
    }
}
