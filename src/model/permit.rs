//! The two permits: small files that must be there for anything to be allowed.
//!
//! `kill` works by renaming them, and must be able to read a skill permit with
//! nothing but the standard library when everything else is broken. Hence a
//! line format of its own: `key value`, one per line, in fixed order, ended by
//! `end`. A file cut short by a full disk has no `end` and permits nothing.
//!
//! Paths are written as they are; a path with a line break is refused before
//! it gets here.

use super::digest::Digest;
use super::lifecycle::Placement;
use super::skill::{Revision, SkillName};
use super::time::Timestamp;
use std::fmt::Write as _;

/// First line of a home permit.
const HOME: &str = "skill-trust home permit 1";
/// First line of a skill permit.
const SKILL: &str = "skill-trust skill permit 1";

/// The home permit: its presence says that no kill is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomePermit {
    /// How many kills this home has seen.
    pub epoch: u64,
    /// Random, so that an old permit is not the new one.
    pub id: String,
}

/// Whether a text is an id of ours: 32 lower-case hex digits.
#[must_use]
pub fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c))
}

impl HomePermit {
    /// The file's text.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{HOME}\nepoch {}\nid {}\nend\n", self.epoch, self.id)
    }

    /// Reads it; anything unexpected is no permit.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = Lines::new(text, HOME)?;
        let permit = Self { epoch: lines.number("epoch")?, id: lines.value("id")?.to_owned() };
        (is_id(&permit.id) && lines.ends()).then_some(permit)
    }
}

/// A skill permit: what was enabled, by which record, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkillPermit {
    /// Which bytes.
    pub revision: Revision,
    /// Identity of the source it came from.
    pub source: String,
    /// Who signed it.
    pub signers: Vec<String>,
    /// Kill epoch it was enabled in.
    pub epoch: u64,
    /// Sequence number of the record that enabled it.
    pub seq: u64,
    /// Hash of that record.
    pub hash: Digest,
    /// When the trust it rests on ends.
    pub until: Option<Timestamp>,
    /// Its placements; staged and final path of each.
    pub placements: Vec<Placement>,
}

impl SkillPermit {
    /// The file's text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = format!(
            "{SKILL}\nname {}\ndigest {}\nsource {}\n",
            self.revision.name, self.revision.digest, self.source
        );
        for signer in &self.signers {
            let _ = writeln!(out, "signer {signer}");
        }
        let _ = writeln!(out, "epoch {}\nseq {}\nhash {}", self.epoch, self.seq, self.hash);
        if let Some(until) = self.until {
            let _ = writeln!(out, "until {}", until.unix());
        }
        for placement in &self.placements {
            let agent = placement.agent.as_deref().unwrap_or("-");
            let _ = writeln!(out, "agent {agent}\nstaged {}\nfinal {}", placement.staged, placement.path);
        }
        out.push_str("end\n");
        out
    }

    /// Reads it; anything unexpected is no permit.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = Lines::new(text, SKILL)?;
        let name = SkillName::parse(lines.value("name")?).ok()?;
        let digest = Digest::parse(lines.value("digest")?).ok()?;
        let source = lines.value("source")?.to_owned();
        let mut signers = Vec::new();
        while let Some(signer) = lines.value("signer") {
            signers.push(signer.to_owned());
        }
        let (epoch, seq) = (lines.number("epoch")?, lines.number("seq")?);
        let hash = Digest::parse(lines.value("hash")?).ok()?;
        let until = match lines.value("until") {
            None => None,
            Some(text) => {
                let until = Timestamp::from_unix(text.parse().ok()?);
                // One spelling per number here too, and none beyond the years there are.
                Some((until.unix().to_string() == text).then_some(until)?)
            }
        };
        let mut placements = Vec::new();
        while let Some(agent) = lines.value("agent") {
            let agent = (agent != "-").then(|| agent.to_owned());
            let (staged, path) = (lines.value("staged")?.to_owned(), lines.value("final")?.to_owned());
            placements.push(Placement { agent, path, staged });
        }
        let revision = Revision { name, digest };
        lines.ends().then_some(Self { revision, source, signers, epoch, seq, hash, until, placements })
    }
}

struct Lines<'a>(std::iter::Peekable<std::str::Split<'a, char>>);

impl<'a> Lines<'a> {
    fn new(text: &'a str, first: &str) -> Option<Self> {
        let mut lines = text.split('\n').peekable();
        (lines.next()? == first).then_some(Self(lines))
    }

    /// The value of the next line, if it has this key.
    fn value(&mut self, key: &str) -> Option<&'a str> {
        let value = self.0.peek()?.strip_prefix(key)?.strip_prefix(' ')?;
        self.0.next();
        Some(value)
    }

    /// A plain decimal: one spelling per number.
    fn number(&mut self, key: &str) -> Option<u64> {
        let text = self.value(key)?;
        let number: u64 = text.parse().ok()?;
        (number.to_string() == text).then_some(number)
    }

    fn ends(mut self) -> bool {
        self.0.next() == Some("end") && self.0.next() == Some("") && self.0.next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::digest::sha256;

    fn sample() -> SkillPermit {
        SkillPermit {
            revision: Revision { name: SkillName::parse("pdf").unwrap(), digest: sha256(&[b"x"]) },
            source: "https://h/x y".into(),
            signers: vec!["ana".into(), "ben".into()],
            epoch: 3,
            seq: 9,
            hash: sha256(&[b"y"]),
            until: Some(Timestamp::from_unix(5)),
            placements: vec![
                Placement { agent: Some("codex".into()), path: "/a b/pdf".into(), staged: "/a b/.s".into() },
                Placement { agent: None, path: "/c/pdf".into(), staged: "/c/.s".into() },
            ],
        }
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        assert_eq!(SkillPermit::parse(&sample().text()), Some(sample()));
        let home = HomePermit { epoch: 7, id: "0123456789abcdef0123456789abcdef".into() };
        assert_eq!(HomePermit::parse(&home.text()), Some(home));
    }

    #[test]
    fn an_end_has_one_spelling() {
        let text = sample().text();
        for odd in ["until +5\n", "until 05\n", "until -0\n", "until 9223372036854775807\n"] {
            let odd = text.replace("until 5\n", odd);
            assert_ne!(odd, text);
            assert_eq!(SkillPermit::parse(&odd), None, "{odd}");
        }
    }

    #[test]
    fn a_permit_cut_at_any_byte_permits_nothing() {
        let text = sample().text();
        for end in 0..text.len() {
            assert_eq!(SkillPermit::parse(&text[..end]), None, "cut at {end}");
        }
        assert_eq!(SkillPermit::parse(&format!("{text}x")), None);
    }
}
