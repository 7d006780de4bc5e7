//! Why a step was not taken. What was trusted before stays as it was.

use crate::model::digest::Digest;
use crate::model::time::Timestamp;
use crate::model::tuf::{Malformed, TooFewSignatures};

/// Why a step was not taken. Every text in it is escaped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The first root is not the one that was pinned.
    #[error(
        "this is not the root that was pinned: its bytes hash to {found}, not to {pinned}; compare the pin with its owner, by another way than this file came"
    )]
    Pin {
        /// What came.
        found: Digest,
        /// What the user gave.
        pinned: Digest,
    },
    /// Not metadata of that kind.
    #[error("the {role} metadata is malformed: {why}")]
    Malformed {
        /// Which role.
        role: String,
        /// Which part.
        why: Malformed,
    },
    /// Arbitrary software (5.3.4, 5.4.2, 5.5.3, 5.6.3).
    #[error("the {role} metadata is not signed by those who may: {why}")]
    Signatures {
        /// Which role.
        role: String,
        /// How many are missing.
        why: TooFewSignatures,
    },
    /// Older than what was seen (5.3.5, 5.4.3, 5.5.5).
    #[error("a rollback: {what} has version {found}, after version {trusted} was trusted here")]
    Rollback {
        /// What is older.
        what: String,
        /// Its version.
        found: u64,
        /// What was trusted.
        trusted: u64,
    },
    /// A role that was listed is gone (5.5.5).
    #[error("a rollback: the snapshot no longer lists `{role}`, which it listed before")]
    Gone {
        /// Which role.
        role: String,
    },
    /// Another version than its name or its list says (5.3.5, 5.5.4, 5.6.4).
    #[error("the {role} metadata has version {found}, and {wanted} was asked for")]
    Version {
        /// Which role.
        role: String,
        /// What it says.
        found: u64,
        /// What was listed.
        wanted: u64,
    },
    /// Other bytes than were listed: mix and match (5.5.2, 5.6.2, 5.7.3).
    #[error("{what} is not the file that is listed: its length or a hash differs")]
    Mismatch {
        /// What.
        what: String,
    },
    /// Over: a freeze, or a publisher who forgot (5.3.10, 5.4.4, 5.5.6, 5.6.5).
    #[error(
        "the {role} metadata ended {since}, and it is {now}: its owner must publish anew, or somebody keeps it from you"
    )]
    Expired {
        /// Which role.
        role: String,
        /// When.
        since: Timestamp,
        /// The time of the refresh.
        now: Timestamp,
    },
    /// Endless data (5.3.3, 5.4.1, 5.5.1, 5.6.1, 5.7.3).
    #[error("{what} is longer than {max} bytes")]
    TooLong {
        /// What.
        what: String,
        /// How long it may be.
        max: u64,
    },
    /// Not there.
    #[error("there is no {what}")]
    Missing {
        /// Its file name.
        what: String,
    },
    /// A delegated role that the snapshot does not list.
    #[error("the role `{role}` is delegated to, but the snapshot does not list it")]
    NotListed {
        /// Which role.
        role: String,
    },
    /// A search that led through too many roles.
    #[error("the search for `{path}` was ended after {max} roles")]
    TooManyRoles {
        /// The target.
        path: String,
        /// How many are asked.
        max: usize,
    },
    /// A path that is never looked for.
    #[error("`{path}` is no path of a target: parts between single slashes, no dots alone, nothing hidden")]
    Path {
        /// The target.
        path: String,
    },
    /// Kill orders with a number that was used for others.
    #[error("the kill orders number {order} differ from those of that number that were seen before")]
    SameOrder {
        /// Their number.
        order: u64,
    },
    /// What was remembered does not hold together.
    #[error(
        "what is remembered of this trust root is damaged ({why}); nothing is believed on its word: pin the root anew"
    )]
    Damaged {
        /// Which part.
        why: String,
    },
    /// Nothing was refreshed yet, or the last refresh was not whole.
    #[error("nothing of this trust root is at hand yet: refresh it first")]
    Incomplete,
    /// Asked for at the wrong time; a mistake of the caller.
    #[error("that was not asked for")]
    Unasked,
}
