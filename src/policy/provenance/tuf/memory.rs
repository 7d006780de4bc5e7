//! What is remembered of a trust root between two runs.
//!
//! It holds the exact bytes that were verified, not conclusions from them: on
//! each use they are read and their signatures counted again, so a row that was
//! edited by hand is damage and no trust. The ledger keeps it; a cache does not.

use super::Fault;
use crate::model::digest::{Digest, sha256};
use crate::model::time;
use crate::model::tuf::{
    Malformed, Metadata, Root, Snapshot, Timestamp, TooFewSignatures, Trusted, Unverified,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The one form of it.
const FORMAT: u8 = 1;

/// What was seen of a targets file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// Its version.
    pub version: u64,
    /// The SHA-256 of its bytes.
    pub digest: Digest,
    /// When it ends.
    pub expires: time::Timestamp,
}

/// The highest kill orders that were seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KillMark {
    pub(super) order: u64,
    pub(super) digest: Digest,
}

/// What is remembered. Made by [`Memory::bootstrap`] and by the steps of a
/// [`super::Client`] alone, or read back from where it was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    format: u8,
    /// What the user gave for the first root.
    pin: Digest,
    pub(super) root: String,
    pub(super) root_digest: Digest,
    pub(super) timestamp: Option<String>,
    pub(super) snapshot: Option<String>,
    pub(super) held: BTreeMap<String, Held>,
    pub(super) kill: Option<KillMark>,
}

/// Memory, read and verified.
pub(super) struct Opened {
    pub(super) root: Trusted<Root>,
    pub(super) timestamp: Option<Trusted<Timestamp>>,
    pub(super) snapshot: Option<Trusted<Snapshot>>,
}

/// What the metadata at hand is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Everything counts, until then.
    Fresh {
        /// The first end of the four files.
        until: time::Timestamp,
    },
    /// What is trusted stays; nothing new is granted on a publisher's word.
    Stale {
        /// The role whose file ended, or is not there.
        role: &'static str,
        /// When; none if it was never there.
        since: Option<time::Timestamp>,
    },
    /// Nothing is granted.
    RootExpired {
        /// When.
        since: time::Timestamp,
    },
}

impl Standing {
    /// Whether something new may be granted on a publisher's word.
    #[must_use]
    pub const fn grants(&self) -> bool {
        matches!(self, Self::Fresh { .. })
    }
}

impl Memory {
    /// Begins with a first root, whose SHA-256 the user gave (5.2).
    ///
    /// Its end does not matter yet: the next step looks for newer ones.
    ///
    /// # Errors
    /// [`Fault::Pin`] for any other bytes, even well signed ones: arbitrary
    /// installation. Others if it is no root that signed itself.
    pub fn bootstrap(bytes: &[u8], pin: Digest) -> Result<Self, Fault> {
        let found = sha256(&[bytes]);
        if found != pin {
            return Err(Fault::Pin { found, pinned: pin });
        }
        if bytes.len() as u64 > super::ROOT_MAX {
            return Err(Fault::TooLong { what: "the root".to_owned(), max: super::ROOT_MAX });
        }
        let root = parse::<Root>(bytes, "root")?.verify_pinned().map_err(|why| unsigned("root", why))?;
        Ok(Self {
            format: FORMAT,
            pin,
            root: text(&root),
            root_digest: found,
            timestamp: None,
            snapshot: None,
            held: BTreeMap::new(),
            kill: None,
        })
    }

    /// Reads it all again.
    pub(super) fn open(&self) -> Result<Opened, Fault> {
        let damaged = |why: String| Fault::Damaged { why };
        if self.format != FORMAT {
            return Err(damaged(format!("it has format {}, and this program knows {FORMAT}", self.format)));
        }
        if sha256(&[self.root.as_bytes()]) != self.root_digest {
            return Err(damaged("the root is not that of its digest".to_owned()));
        }
        let again = |fault: Fault| damaged(fault.to_string());
        let root = parse::<Root>(self.root.as_bytes(), "root").map_err(again)?;
        let root = root.verify_pinned().map_err(|why| again(unsigned("root", why)))?;
        let keys = &root.get().keys;
        let timestamp = self.timestamp.as_ref().map(|bytes| {
            let read = parse::<Timestamp>(bytes.as_bytes(), "timestamp")?;
            read.verify(keys, &root.get().timestamp).map_err(|why| unsigned("timestamp", why))
        });
        let snapshot = self.snapshot.as_ref().map(|bytes| {
            let read = parse::<Snapshot>(bytes.as_bytes(), "snapshot")?;
            read.verify(keys, &root.get().snapshot).map_err(|why| unsigned("snapshot", why))
        });
        let (timestamp, snapshot) =
            (timestamp.transpose().map_err(again)?, snapshot.transpose().map_err(again)?);
        Ok(Opened { root, timestamp, snapshot })
    }

    /// What it is good for at a time.
    ///
    /// # Errors
    /// [`Fault::Damaged`].
    pub fn standing(&self, now: time::Timestamp) -> Result<Standing, Fault> {
        let Opened { root, timestamp, snapshot } = self.open()?;
        let root = root.get().head.expires;
        if root <= now {
            return Ok(Standing::RootExpired { since: root });
        }
        let (Some(timestamp), snapshot) = (timestamp, snapshot) else {
            return Ok(Standing::Stale { role: "timestamp", since: None });
        };
        // A refresh that broke off left a timestamp that names what did not come.
        let snapshot = snapshot.filter(|snapshot| {
            let listed = &timestamp.get().snapshot;
            listed.fits(snapshot.bytes()) && listed.version == snapshot.get().head.version
        });
        let targets = snapshot.as_ref().and_then(|snapshot| {
            let listed = snapshot.get().of("targets")?;
            self.held.get("targets").filter(|held| held.version == listed.version)
        });
        let ends = [
            ("timestamp", Some(timestamp.get().head.expires)),
            ("snapshot", snapshot.map(|snapshot| snapshot.get().head.expires)),
            ("targets", targets.map(|held| held.expires)),
        ];
        let mut until = root;
        for (role, end) in ends {
            match end {
                Some(end) if end > now => until = until.min(end),
                since => return Ok(Standing::Stale { role, since }),
            }
        }
        Ok(Standing::Fresh { until })
    }

    /// When the trusted root ends.
    ///
    /// # Errors
    /// [`Fault::Damaged`].
    pub fn root_ends(&self) -> Result<time::Timestamp, Fault> {
        Ok(self.open()?.root.get().head.expires)
    }

    /// As it is kept.
    ///
    /// # Errors
    /// Only a bug's.
    pub fn to_text(&self) -> Result<String, Fault> {
        serde_json::to_string(self).map_err(|error| Fault::Damaged { why: error.to_string() })
    }

    /// Reads what was kept, and verifies all of it again.
    ///
    /// # Errors
    /// [`Fault::Damaged`].
    pub fn from_text(bytes: &[u8]) -> Result<Self, Fault> {
        let read: Self = serde_json::from_slice(bytes).map_err(|error| Fault::Damaged {
            why: crate::model::text::escape_short(&error.to_string(), 200),
        })?;
        read.open()?;
        Ok(read)
    }

    /// The pin it began with.
    #[must_use]
    pub const fn pin(&self) -> Digest {
        self.pin
    }

    /// The trusted root's bytes.
    #[must_use]
    pub fn root(&self) -> &[u8] {
        self.root.as_bytes()
    }

    /// The trusted root's SHA-256.
    #[must_use]
    pub const fn root_digest(&self) -> Digest {
        self.root_digest
    }

    /// The version of each role's trusted metadata.
    ///
    /// # Errors
    /// [`Fault::Damaged`].
    pub fn versions(&self) -> Result<BTreeMap<String, u64>, Fault> {
        let Opened { root, timestamp, snapshot } = self.open()?;
        let mut all: BTreeMap<_, _> =
            self.held.iter().map(|(role, held)| (role.clone(), held.version)).collect();
        all.insert("root".to_owned(), root.get().head.version);
        all.extend(timestamp.map(|found| ("timestamp".to_owned(), found.get().head.version)));
        all.extend(snapshot.map(|found| ("snapshot".to_owned(), found.get().head.version)));
        Ok(all)
    }

    /// The number of the newest kill orders that were seen; 0 for none.
    #[must_use]
    pub fn kill_order(&self) -> u64 {
        self.kill.as_ref().map_or(0, |mark| mark.order)
    }
}

/// The bytes as text: they were read as JSON, so they are UTF-8.
pub(super) fn text<T>(trusted: &Trusted<T>) -> String {
    String::from_utf8_lossy(trusted.bytes()).into_owned()
}

pub(super) fn parse<T: Metadata>(bytes: &[u8], role: &str) -> Result<Unverified<T>, Fault> {
    let role = || crate::model::text::escape_short(role, 80);
    Unverified::parse(bytes).map_err(|why: Malformed| Fault::Malformed { role: role(), why })
}

pub(super) fn unsigned(role: &str, why: TooFewSignatures) -> Fault {
    Fault::Signatures { role: crate::model::text::escape_short(role, 80), why }
}
