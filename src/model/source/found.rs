//! A source as it was found: what a record says of where bytes came from.

use crate::model::path::EntryPath;
use crate::model::text;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The kind of a resolved source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// A git repository at a commit.
    Git,
    /// A folder of this machine, taken as it was.
    Folder,
    /// An archive of this machine or at an https address, at the SHA-256 of its
    /// bytes.
    Archive,
    /// A folder that an agent loaded, taken in as it lay: never the commit of a
    /// repository around it.
    Adopted,
    /// A site's index of skills, at the SHA-256 of what it names.
    Site,
}

/// Where the bytes of a revision came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The exact commit; always there for git. Of an archive, and of what a
    /// site's index names, `sha256:` and the SHA-256 of its bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// How it was reached.
    pub kind: SourceKind,
    /// Address of the repository, or absolute path of the folder or archive.
    pub location: String,
    /// The skill's folder inside the repository or archive; none for its root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<EntryPath>,
    /// The branch, tag or commit that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

impl Source {
    /// What a name is bound to: the place, whatever the commit or the folder
    /// inside a repository.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.location
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::escape(&self.location))?;
        if let Some(path) = &self.path {
            write!(f, " {path}")?;
        }
        if let Some(commit) = &self.commit {
            let short = commit.strip_prefix("sha256:").unwrap_or(commit);
            write!(f, " at {}", short.get(..12).unwrap_or(short))?;
        }
        Ok(())
    }
}
