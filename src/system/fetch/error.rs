//! Why nothing was fetched.

use super::shown;
use crate::model::limits::Fault;
#[cfg(feature = "git")]
use crate::model::text;
use std::io;
use std::path::Path;

/// What went wrong. Every text in it is escaped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Entries that cannot stand in a skill, all of them.
    #[error("{}", refusal(.0))]
    Refused(Vec<Fault>),
    /// No answer, or one that is no good.
    #[error("`{what}` cannot be reached: {why}")]
    Unreachable {
        /// The address.
        what: String,
        /// The other side's or the system's words.
        why: String,
    },
    /// A rule forbids an address on the way.
    #[error("`{what}` may not be used: {why}")]
    Forbidden {
        /// The address that was asked for.
        what: String,
        /// Where it leads, and the rule.
        why: String,
    },
    /// No such branch, tag or commit.
    #[error("`{what}` has no `{wanted}`: {why}")]
    Reference {
        /// The source.
        what: String,
        /// What was asked for.
        wanted: String,
        /// What was looked for.
        why: String,
    },
    /// A name that means two things; a moved meaning would go unseen.
    #[error("`{wanted}` is both `{}` and `{}`; give one of these in full", .both[0], .both[1])]
    Ambiguous {
        /// What was asked for.
        wanted: String,
        /// The two things it names.
        both: [String; 2],
    },
    /// The folder asked for is not in the source.
    #[error("`{what}` has no folder `{path}`")]
    Missing {
        /// The source, with its commit.
        what: String,
        /// The folder.
        path: String,
    },
    /// Not a repository or folder that we can read.
    #[error("`{what}` is no source: {why}")]
    NotARepository {
        /// The source.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// A repository of this machine that could be a trap.
    #[error("the repository at `{what}` is not read: {why}")]
    Distrusted {
        /// The repository.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// Objects that are missing, malformed, or not what their name says.
    #[error("`{what}` is broken: {why}")]
    Broken {
        /// The source.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// An archive that tools may read differently, or that is malformed.
    #[cfg(feature = "archives")]
    #[error("`{what}` is not taken: {odd}")]
    Archive {
        /// The archive.
        what: String,
        /// Where, why, and the values.
        odd: super::archive::Odd,
    },
    /// More than we take.
    #[error("`{what}` is too large: more than {limit}")]
    TooLarge {
        /// The source.
        what: String,
        /// The limit, with its unit.
        limit: String,
    },
    /// The interrupt flag was set.
    #[error("stopped on request; nothing was kept")]
    Cancelled,
    /// It would take the network.
    #[error("`{what}` needs the network, and `--offline` is set")]
    Offline {
        /// The source.
        what: String,
    },
    /// This build lacks the part.
    #[error("this build cannot fetch `{what}`: it was made without `{feature}`")]
    NotBuiltIn {
        /// The source.
        what: String,
        /// The cargo feature.
        feature: &'static str,
    },
    /// The system said no, here.
    #[error("{what}: {source}")]
    Io {
        /// The file or folder.
        what: String,
        /// The system's words.
        source: io::Error,
    },
}

fn refusal(faults: &[Fault]) -> String {
    let shown = faults.iter().take(3).map(ToString::to_string).collect::<Vec<_>>().join("; ");
    match faults.len() {
        0..=3 => shown,
        more => format!("{shown}; and {} more", more - 3),
    }
}

impl FetchError {
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { what: shown(path), source }
    }

    /// Finds again the error that travelled inside a [`std::io::Read`].
    #[cfg(feature = "git")]
    pub(super) fn from_read(what: &str, error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(own) => own,
            Err(error) => {
                let why = format!("the connection was lost: {}", text::escape_short(&error.to_string(), 300));
                Self::Unreachable { what: what.to_owned(), why }
            }
        }
    }
}
