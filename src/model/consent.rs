//! A yes to one plan, and what became of it.
//!
//! ```text
//! Consent   who said yes to which plan, where, with what, until when, after which run
//! Run       the consent was used up, and this was started
//! Last      the last run for a revision, and how it ended as far as is known
//! ```
//!
//! All three are plain data. What may be run is decided by the ledger's token
//! alone, which it makes from a consent that it used up.

use super::digest::Digest;
use super::record::Actor;
use super::skill::Revision;
use super::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// How many digits of the plan's digest are typed at a terminal.
pub const DIGITS: usize = 12;

/// How long a consent may wait, in seconds.
pub const SECONDS: i64 = 15 * 60;

/// Where the steps are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Where {
    /// Inside of bubblewrap.
    Bubblewrap,
    /// On the machine itself, with the account's rights.
    Host,
}

impl fmt::Display for Where {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bubblewrap => "in a sandbox of bubblewrap",
            Self::Host => "on this machine, without a sandbox",
        })
    }
}

/// A yes to exactly one plan, good for one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// For which skill, at which bytes.
    pub revision: Revision,
    /// To which plan.
    pub plan: Digest,
    /// Where it is to be run.
    #[serde(rename = "where")]
    pub place: Where,
    /// What was allowed by name; the plan says the same, and its digest covers it.
    pub scopes: BTreeSet<String>,
    /// From then on it is no yes.
    pub until: Timestamp,
    /// Number of the record that began the run before; 0 if there was none. A
    /// yes that was copied from an earlier run names an earlier number.
    pub after: u64,
    /// Who said it.
    pub actor: Actor,
}

/// A run that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// For which skill, at which bytes.
    pub revision: Revision,
    /// Which plan.
    pub plan: Digest,
    /// Where.
    #[serde(rename = "where")]
    pub place: Where,
    /// Number of the record that it was begun with.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// How many steps it has.
    pub steps: u64,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// It has not, as far as is known.
    Running,
    /// Every step was done.
    Done,
    /// A step failed, or it was stopped.
    Failed,
    /// The process was stopped, and nobody knows how far it came.
    Unknown,
}

/// The last run for a revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Last {
    /// The run.
    pub run: Run,
    /// How it ended.
    pub end: End,
    /// What was asked for, one line for each step; escaped.
    pub what: Vec<String>,
}
