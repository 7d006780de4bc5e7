//! One line of the audit log. `docs/audit-log.md` is the format's definition
//! for others; this is the same thing in types.
//!
//! A record is one JSON object on one line in RFC 8785 canonical form: the
//! fields below are declared in byte order of their names and serialised
//! without white space, every number is an integer below 2^53, and every
//! string from outside has passed [`super::text::escape`]. Its hash is the
//! RFC 6962 leaf hash of its bytes without the newline.

use super::digest::{Digest, sha256};
use super::lifecycle::{DriftReason, Placement};
use super::skill::SkillName;
use super::source::Source;
use super::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Version of the record format.
pub const FORMAT: u32 = 1;

/// Longest line in bytes, without the newline.
pub const LINE_MAX: usize = 16 * 1024;

/// Who did it, as the machine saw them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// Effective user id.
    pub uid: u32,
    /// That account's name, or its number.
    pub user: String,
    /// Which door: `cli`, `gate`, `library`, `recovery`.
    pub via: String,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The gate said yes: the permission may have been given.
    Allow,
    /// The gate said no.
    Deny,
    /// A change was made.
    Done,
    /// A change was asked for and not made.
    Refused,
}

/// What is written down. Fields in canonical order; keep it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Who.
    pub actor: Actor,
    /// Stable codes of the rules that spoke.
    pub codes: Vec<String>,
    /// How it ended.
    pub decision: Outcome,
    /// Why the pinned and the found bytes differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<DriftReason>,
    /// Of which bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The kill epoch it happened in.
    pub epoch: u64,
    /// The event's word: a lifecycle event, `gate`, or an administrative act.
    pub event: String,
    /// Format version, [`FORMAT`].
    pub format: u32,
    /// Found bytes, where they differ from `digest`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Digest>,
    /// Home permit or hold that a kill or release is about, or the held scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<String>,
    /// A person's note; of an adopted skill, what another tool claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Sequence number of the trust decision it rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<u64>,
    /// Places concerned; for `enable`, and for a `disable` that leaves some, all
    /// that hold after it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub placements: Vec<Placement>,
    /// Digest of the policy in force; none if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Digest>,
    /// Hash of the record before this one; 64 zeros before the first.
    #[serde(with = "hex")]
    pub prev: Digest,
    /// In our own words.
    pub reason: String,
    /// Gapless, from 1.
    pub seq: u64,
    /// Digest of the set it was part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<Digest>,
    /// Which skill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skill: Option<SkillName>,
    /// From where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Digest of the ledger's whole state after this record.
    #[serde(with = "hex")]
    pub state: Digest,
    /// When, never earlier than the record before.
    pub time: Timestamp,
    /// End of the trust decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Version of the program that wrote it.
    pub version: String,
}

mod hex {
    use super::Digest;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(digest: &Digest, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&digest.hex())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Digest::from_hex(text.as_bytes()).map_err(serde::de::Error::custom)
    }
}

/// What a use case knows of a record; the ledger adds the rest (`seq`, `prev`,
/// `time`, `epoch`, `state`) under the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// See [`Record::actor`].
    pub actor: Actor,
    /// See [`Record::event`].
    pub event: String,
    /// See [`Record::decision`].
    pub decision: Outcome,
    /// See [`Record::reason`].
    pub reason: String,
    /// See [`Record::codes`].
    pub codes: Vec<String>,
    /// See [`Record::skill`].
    pub skill: Option<SkillName>,
    /// See [`Record::digest`].
    pub digest: Option<Digest>,
    /// See [`Record::found`].
    pub found: Option<Digest>,
    /// See [`Record::source`].
    pub source: Option<Source>,
    /// See [`Record::placements`].
    pub placements: Vec<Placement>,
    /// See [`Record::differences`].
    pub differences: Vec<DriftReason>,
    /// See [`Record::hold`].
    pub hold: Option<String>,
    /// See [`Record::note`].
    pub note: Option<String>,
    /// See [`Record::pin`].
    pub pin: Option<u64>,
    /// See [`Record::policy`].
    pub policy: Option<Digest>,
    /// See [`Record::set`].
    pub set: Option<Digest>,
    /// See [`Record::until`].
    pub until: Option<Timestamp>,
}

impl Draft {
    /// A draft that says who, what and how it ended.
    #[must_use]
    pub fn new(actor: Actor, event: &str, decision: Outcome, reason: impl Into<String>) -> Self {
        Self {
            actor,
            event: event.to_owned(),
            decision,
            reason: reason.into(),
            codes: Vec::new(),
            skill: None,
            digest: None,
            found: None,
            source: None,
            placements: Vec::new(),
            differences: Vec::new(),
            hold: None,
            note: None,
            pin: None,
            policy: None,
            set: None,
            until: None,
        }
    }

    /// The finished record.
    #[must_use]
    pub fn finish(self, place: Place) -> Record {
        Record {
            actor: self.actor,
            codes: self.codes,
            decision: self.decision,
            differences: self.differences,
            digest: self.digest,
            epoch: place.epoch,
            event: self.event,
            format: FORMAT,
            found: self.found,
            hold: self.hold,
            note: self.note,
            pin: self.pin,
            placements: self.placements,
            policy: self.policy,
            prev: place.prev,
            reason: self.reason,
            seq: place.seq,
            set: self.set,
            skill: self.skill,
            source: self.source,
            state: place.state,
            time: place.time,
            until: self.until,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// Where in the chain a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// See [`Record::seq`].
    pub seq: u64,
    /// See [`Record::prev`].
    pub prev: Digest,
    /// See [`Record::time`].
    pub time: Timestamp,
    /// See [`Record::epoch`].
    pub epoch: u64,
    /// See [`Record::state`].
    pub state: Digest,
}

impl Record {
    /// The canonical line without its newline, at most [`LINE_MAX`] bytes. What
    /// does not fit is shortened: reason and note, then differences, then
    /// placements; `codes` then ends in `cut`. An `enable` keeps its placements,
    /// which the gate compares, or is refused. What narrows is not refused: it
    /// has happened, and would wait for its record for ever.
    ///
    /// # Errors
    /// A record whose fixed parts alone are too long; nothing is recorded then.
    pub fn line(&self) -> Result<String, String> {
        let whole = self.json()?;
        if whole.len() <= LINE_MAX {
            return Ok(whole);
        }
        let mut cut = self.clone();
        cut.codes.push("cut".to_owned());
        cut.reason = super::text::escape_short(&cut.reason, 500);
        cut.note = cut.note.map(|note| super::text::escape_short(&note, 500));
        loop {
            let json = cut.json()?;
            if json.len() <= LINE_MAX {
                return Ok(json);
            }
            if !cut.differences.is_empty() {
                cut.differences.truncate(cut.differences.len() / 2);
            } else if !cut.placements.is_empty() && self.event != "enable" {
                cut.placements.truncate(cut.placements.len() / 2);
            } else {
                return Err(format!("{} bytes do not fit into {LINE_MAX}", json.len()));
            }
        }
    }

    fn json(&self) -> Result<String, String> {
        serde_json::to_string(self).map_err(|error| error.to_string())
    }

    /// Reads a line and checks that it is the canonical form of what it says.
    ///
    /// Attack: a line with white space, a repeated key or an escaped letter
    /// says the same to one reader and something else to another.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(line: &[u8]) -> Result<Self, String> {
        if line.len() > LINE_MAX {
            return Err(format!("{} bytes, more than {LINE_MAX}", line.len()));
        }
        let record: Self = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        if record.format != FORMAT {
            return Err(format!("format {}, not {FORMAT}", record.format));
        }
        if record.json()?.as_bytes() != line {
            return Err("not in canonical form".to_owned());
        }
        Ok(record)
    }
}

/// The event of the one record that may be of an earlier time than the one
/// before: a person lowered the clock's floor.
pub const CLOCK: &str = "clock";

/// What of a record ties it to the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// See [`Record::epoch`].
    pub epoch: u64,
    /// See [`Record::prev`].
    pub prev: Digest,
    /// See [`Record::seq`].
    pub seq: u64,
    /// See [`Record::time`].
    pub time: Timestamp,
    /// Whether its event is [`CLOCK`].
    pub lowers: bool,
}

impl From<&Record> for Link {
    fn from(record: &Record) -> Self {
        let Record { epoch, prev, seq, time, .. } = *record;
        Self { epoch, prev, seq, time, lowers: record.event == CLOCK }
    }
}

impl Link {
    /// Reads a line that is known to be the ledger's own: its form and its
    /// place are checked, and the rest of it is not built. One pass and nothing
    /// allocated, as there may be millions.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(line: &[u8]) -> Result<Self, String> {
        if line.len() > LINE_MAX {
            return Err(format!("{} bytes, more than {LINE_MAX}", line.len()));
        }
        let text = std::str::from_utf8(line).map_err(|error| error.to_string())?;
        let (mut epoch, mut format, mut prev, mut seq, mut time) = (None, None, None, None, None);
        let mut lowers = false;
        let canonical = super::canonical::members(text, |name, value| match name {
            b"epoch" => epoch = integer(value),
            b"event" => lowers = quoted(value) == Some(CLOCK.as_bytes()),
            b"format" => format = integer(value),
            b"prev" => prev = quoted(value).and_then(|hex| Digest::from_hex(hex).ok()),
            b"seq" => seq = integer(value),
            b"time" => time = quoted(value).and_then(Timestamp::parse_exact),
            _ => {}
        });
        if !canonical {
            return Err("not in canonical form".to_owned());
        }
        if format != Some(u64::from(FORMAT)) {
            return Err(format!("its format is not {FORMAT}"));
        }
        let (Some(epoch), Some(prev), Some(seq), Some(time)) = (epoch, prev, seq, time) else {
            return Err("`epoch`, `prev`, `seq` or `time` is missing or cannot be read".to_owned());
        };
        Ok(Self { epoch, prev, seq, time, lowers })
    }
}

/// The value of a canonical integer.
fn integer(value: &[u8]) -> Option<u64> {
    value.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// What stands between the quotes of a string, as it is written.
fn quoted(value: &[u8]) -> Option<&[u8]> {
    value.strip_prefix(b"\"")?.strip_suffix(b"\"")
}

/// RFC 6962 leaf hash of a line without its newline.
#[must_use]
pub fn leaf_hash(line: &[u8]) -> Digest {
    sha256(&[&[0], line])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(event: &str, places: usize) -> Record {
        let place = |at: usize| {
            let path = format!("/home/ana/{}/{at}/pdf", "x".repeat(100));
            Placement { agent: None, staged: format!("{path}.staged"), path }
        };
        let actor = Actor { uid: 0, user: "ana".into(), via: "cli".into() };
        let mut draft = Draft::new(actor, event, Outcome::Done, "\u{10348}".repeat(5000));
        draft.placements = (0..places).map(place).collect();
        draft.differences = (0..places).map(|at| DriftReason::Added { path: format!("{at}") }).collect();
        let (prev, state, time) = (Digest::ZERO, Digest::ZERO, Timestamp::from_unix(0));
        draft.finish(Place { seq: 1, prev, time, epoch: 0, state })
    }

    #[test]
    fn a_link_is_what_the_whole_record_says() {
        let line = record("drift", 3).line().unwrap();
        let (whole, link) = (Record::parse(line.as_bytes()).unwrap(), Link::parse(line.as_bytes()).unwrap());
        assert_eq!(
            (link.epoch, link.prev, link.seq, link.time),
            (whole.epoch, whole.prev, whole.seq, whole.time)
        );
        for (from, to) in [
            ("\"seq\":1,", ""),
            ("\"seq\":1", "\"seq\":\"1\""),
            ("\"seq\":1", "\"seq\":-1"),
            ("\"seq\":1", "\"seq\":18446744073709551616"),
            ("\"seq\":1", "\"seq\": 1"),
            ("\"seq\":1", "\"seq\":1,\"seq\":1"),
            ("\"epoch\":0", "\"epoch\":[0]"),
            ("\"format\":1", "\"format\":2"),
            ("\"prev\":\"00", "\"prev\":\"0"),
            ("\"prev\":\"00", "\"prev\":\"0A"),
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00+00:00"),
            ("1970-01-01T00:00:00Z", "1970-02-30T00:00:00Z"),
        ] {
            assert!(line.contains(from), "{from}");
            let other = line.replace(from, to);
            assert!(Link::parse(other.as_bytes()).is_err(), "{to}");
        }
        assert!(Link::parse(&[line.as_bytes(), b" "].concat()).is_err());
        assert!(Link::parse(&[line.as_bytes(), b"\xff"].concat()).is_err());
    }

    #[test]
    fn attack_so_many_places_that_what_narrows_finds_no_room() {
        for event in ["drift", "kill", "untrust", "disable", "expire", "unmet"] {
            for places in [0, 1, 45, 50, 55, 500] {
                let line = record(event, places).line().unwrap();
                assert!(line.len() <= LINE_MAX);
                assert!(Record::parse(line.as_bytes()).unwrap().codes.contains(&"cut".to_owned()));
            }
        }
        // What the gate compares is whole, or is not enabled at all.
        assert!(record("enable", 500).line().is_err());
        let line = record("enable", 40).line().unwrap();
        assert_eq!(Record::parse(line.as_bytes()).unwrap().placements.len(), 40);
    }
}
