//! The lifecycle of a revision, as data with its evidence inside.
//!
//! A trusted revision without a pin cannot be written down, nor an enabled one
//! without a placement. Nothing here has a default: no missing field and no
//! unreadable row ever grants anything. Which event leads where is decided by
//! `policy::transition`.

use super::digest::Digest;
use super::provenance::Provenance;
use super::record::Actor;
use super::skill::{Revision, SkillName};
use super::source::Source;
use super::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a revision stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Lifecycle {
    /// Its bytes are in the store; nobody vouches for them now.
    Installed {
        /// The last trust decision, kept as evidence after it was withdrawn.
        former: Option<Pin>,
    },
    /// Somebody decided that exactly these bytes may be used.
    Trusted {
        /// That decision.
        pin: Pin,
    },
    /// Agents may load exactly these bytes from these places.
    Enabled {
        /// The decision it rests on.
        pin: Pin,
        /// At least one place.
        placements: Placements,
    },
}

impl Lifecycle {
    /// The state's one word.
    #[must_use]
    pub const fn state(&self) -> State {
        match self {
            Self::Installed { .. } => State::Installed,
            Self::Trusted { .. } => State::Trusted,
            Self::Enabled { .. } => State::Enabled,
        }
    }

    /// The trust decision in force.
    #[must_use]
    pub const fn pin(&self) -> Option<&Pin> {
        match self {
            Self::Installed { .. } => None,
            Self::Trusted { pin } | Self::Enabled { pin, .. } => Some(pin),
        }
    }

    /// Where it is placed; empty unless enabled.
    #[must_use]
    pub fn placements(&self) -> &[Placement] {
        match self {
            Self::Installed { .. } | Self::Trusted { .. } => &[],
            Self::Enabled { placements, .. } => placements.all(),
        }
    }
}

/// The words for the three states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// See [`Lifecycle::Installed`].
    Installed,
    /// See [`Lifecycle::Trusted`].
    Trusted,
    /// See [`Lifecycle::Enabled`].
    Enabled,
}

impl State {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::Trusted => "trusted",
            Self::Enabled => "enabled",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A recorded trust decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// When it was given.
    pub at: Timestamp,
    /// Who gave it.
    pub by: Actor,
    /// The rules that blocked these bytes, each overridden by name; sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub despite: Vec<String>,
    /// The bytes.
    pub digest: Digest,
    /// The skill.
    pub name: SkillName,
    /// Why, in that person's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Who vouched for the bytes, as it was verified then.
    pub provenance: Provenance,
    /// Sequence number of the record of this decision.
    pub seq: u64,
    /// The digest of the set it was decided in, if several were decided at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set: Option<Digest>,
    /// Where they came from.
    pub source: Source,
    /// From then on it no longer counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The version that the card claimed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// A verified copy in an agent's folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placement {
    /// The agent it was placed for; none for a folder given by path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Absolute path of the copy; its last component is the skill's name.
    pub path: String,
    /// Absolute path it was built at, beside the final one.
    pub staged: String,
}

/// One or more placements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Placement>", into = "Vec<Placement>")]
pub struct Placements(Vec<Placement>);

impl Placements {
    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[Placement] {
        &self.0
    }
}

impl TryFrom<Vec<Placement>> for Placements {
    type Error = &'static str;
    fn try_from(mut all: Vec<Placement>) -> Result<Self, Self::Error> {
        all.sort();
        if all.is_empty() {
            return Err("an enabled revision has at least one placement");
        }
        if all.windows(2).any(|pair| pair[0].path == pair[1].path) {
            return Err("two placements at one path");
        }
        Ok(Self(all))
    }
}

impl From<Placements> for Vec<Placement> {
    fn from(placements: Placements) -> Self {
        placements.0
    }
}

/// Everything the ledger knows of one revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevisionRow {
    /// Which.
    pub revision: Revision,
    /// Where it stands.
    pub lifecycle: Lifecycle,
    /// Where it came from.
    pub source: Source,
    /// The name in the card, where `--as` gave another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card_name: Option<String>,
    /// The version that the card claims.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Sequence number of the record with which it arrived. Which of two came
    /// later is told by this: a clock has whole seconds, and is turned back.
    pub arrived: u64,
    /// When it was first installed.
    pub installed: Timestamp,
    /// Number of files.
    pub files: u64,
    /// Bytes in all.
    pub bytes: u64,
    /// Sequence number of the event that made this row what it is.
    pub seq: u64,
}

impl RevisionRow {
    /// Whoever signed it, as far as a decision found out; one that was withdrawn too.
    #[must_use]
    pub fn signers(&self) -> Vec<String> {
        self.last_pin().map(|pin| pin.provenance.signers()).unwrap_or_default()
    }

    /// The last decision, one that was withdrawn too.
    #[must_use]
    pub const fn last_pin(&self) -> Option<&Pin> {
        match &self.lifecycle {
            Lifecycle::Installed { former } => former.as_ref(),
            Lifecycle::Trusted { pin } | Lifecycle::Enabled { pin, .. } => Some(pin),
        }
    }

    /// Whether a hold of that scope covers it.
    #[must_use]
    pub fn is_covered(&self, scope: &HoldScope) -> bool {
        scope.covers(&self.revision, self.source.identity(), &self.signers())
    }
}

/// Of several revisions the one that arrived last.
#[must_use]
pub fn newest<'a>(rows: impl IntoIterator<Item = &'a RevisionRow>) -> Option<&'a RevisionRow> {
    rows.into_iter().max_by_key(|row| row.arrived)
}

/// What a hold covers. A hold on everything is not a row: it is the home
/// permit gone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "scope", content = "value", deny_unknown_fields)]
pub enum HoldScope {
    /// Every revision of a skill.
    Name(SkillName),
    /// Exactly these bytes, under any name.
    Digest(Digest),
    /// Everything from a source or from inside it, in every spelling.
    Source(String),
    /// Everything a signer signed.
    Signer(String),
}

impl HoldScope {
    /// Its kind and its value, as stored.
    #[must_use]
    pub fn parts(&self) -> (&'static str, String) {
        match self {
            Self::Name(name) => ("name", name.to_string()),
            Self::Digest(digest) => ("digest", digest.to_string()),
            Self::Source(source) => ("source", source.clone()),
            Self::Signer(signer) => ("signer", signer.clone()),
        }
    }

    /// The reverse of [`HoldScope::parts`]; none for an unknown kind or a bad value.
    #[must_use]
    pub fn from_parts(scope: &str, value: &str) -> Option<Self> {
        match scope {
            "name" => SkillName::parse(value).ok().map(Self::Name),
            "digest" => Digest::parse(value).ok().map(Self::Digest),
            "source" => Some(Self::Source(value.to_owned())),
            "signer" => Some(Self::Signer(value.to_owned())),
            _ => None,
        }
    }

    /// Whether it covers a revision from that source with those signers.
    #[must_use]
    pub fn covers(&self, revision: &Revision, source: &str, signers: &[String]) -> bool {
        match self {
            Self::Name(name) => *name == revision.name,
            Self::Digest(digest) => *digest == revision.digest,
            Self::Source(held) => held == source || super::source::covers(held, source),
            Self::Signer(signer) => signers.contains(signer),
        }
    }
}

impl fmt::Display for HoldScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "name {name}"),
            Self::Digest(digest) => write!(f, "digest {digest}"),
            Self::Source(source) => write!(f, "source {}", super::text::escape(source)),
            Self::Signer(signer) => write!(f, "signer {}", super::text::escape(signer)),
        }
    }
}

/// A standing narrow kill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// What it covers.
    #[serde(flatten)]
    pub scope: HoldScope,
    /// Sequence number of the kill's record.
    pub seq: u64,
}

/// What can happen to a revision. The events of the lifecycle table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// Its bytes arrived.
    Install,
    /// A person decided for its bytes.
    Trust,
    /// A person withdrew that.
    Untrust,
    /// It gets one more place.
    Enable,
    /// It loses one place, or all.
    Disable,
    /// Its bytes on disk are no longer those pinned.
    Drift,
    /// The pin's end has passed.
    Expire,
    /// The policy it was trusted under is no longer met.
    Unmet,
    /// A revocation names it.
    Revoke,
    /// It was stopped.
    Kill,
    /// The stop was lifted.
    Release,
    /// It is to be forgotten.
    Remove,
}

impl Event {
    /// All events, in the order of the table.
    pub const ALL: [Self; 12] = [
        Self::Install,
        Self::Trust,
        Self::Enable,
        Self::Disable,
        Self::Untrust,
        Self::Drift,
        Self::Expire,
        Self::Unmet,
        Self::Revoke,
        Self::Kill,
        Self::Release,
        Self::Remove,
    ];

    /// Whether the event can let more run.
    #[must_use]
    pub const fn widens(self) -> bool {
        matches!(self, Self::Install | Self::Trust | Self::Enable | Self::Release)
    }

    /// The word in records and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Trust => "trust",
            Self::Untrust => "untrust",
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::Drift => "drift",
            Self::Expire => "expire",
            Self::Unmet => "unmet",
            Self::Revoke => "revoke",
            Self::Kill => "kill",
            Self::Release => "release",
            Self::Remove => "remove",
        }
    }
}

/// One way in which observed bytes differ from the manifest, with both values.
/// Fields stand in byte order of their names: records are canonical JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum DriftReason {
    /// A file that was not there.
    Added {
        /// Its path, escaped.
        path: String,
    },
    /// A file that is gone.
    Removed {
        /// Its path.
        path: String,
    },
    /// Other bytes.
    Content {
        /// SHA-256 blob id as found.
        now: Digest,
        /// The path.
        path: String,
        /// SHA-256 blob id as pinned.
        was: Digest,
    },
    /// Executable bit or, in a placement, any mode bit.
    Mode {
        /// Octal mode as found.
        now: String,
        /// The path.
        path: String,
        /// Octal mode as pinned.
        was: String,
    },
    /// Something that cannot stand in a skill at all: a link, a FIFO, a
    /// `.git`, a bad name, an empty folder, a foreign owner.
    Refused {
        /// The path, escaped.
        path: String,
        /// The rule it breaks.
        rule: String,
    },
    /// The whole folder is gone.
    Missing {
        /// Its path, escaped.
        path: String,
    },
    /// The manifest to compare with is lost; only the digests are known.
    DigestOnly {
        /// As found.
        now: Digest,
        /// As pinned.
        was: Digest,
    },
}
