//! What a skill needs to have installed, and what exactly would be run for it.
//!
//! ```text
//! Wanted   as the skill says it: a kind, and words of its author
//! Step     what would be run: a program and its arguments, never a line for a shell
//! Plan     all steps for one revision; its digest is what a person says yes to
//! ```
//!
//! A plan is data. Nothing here runs anything, and nothing runs without a consent
//! that names the plan's digest.

use super::digest::{Digest, sha256};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Who installs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Installer {
    /// Debian's packages.
    Apt,
    /// Homebrew's formulae.
    Brew,
    /// Rust's crates.
    Cargo,
    /// Ruby's gems.
    Gem,
    /// Go's modules.
    Go,
    /// JavaScript's packages.
    Npm,
    /// Python's packages, as libraries.
    Pip,
    /// Python's packages, as programs of their own.
    Uv,
}

impl Installer {
    /// Every one.
    pub const ALL: &[Self] =
        &[Self::Apt, Self::Brew, Self::Cargo, Self::Gem, Self::Go, Self::Npm, Self::Pip, Self::Uv];

    /// Its name, which is that of its program where there is one.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Apt => "apt",
            Self::Brew => "brew",
            Self::Cargo => "cargo",
            Self::Gem => "gem",
            Self::Go => "go",
            Self::Npm => "npm",
            Self::Pip => "pip",
            Self::Uv => "uv",
        }
    }

    /// Whether it can only install into the system itself, and so not inside of a sandbox.
    #[must_use]
    pub const fn needs_host(self) -> bool {
        matches!(self, Self::Apt | Self::Brew)
    }
}

/// Where in a skill something is asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct AskedAt {
    /// The file.
    pub path: String,
    /// The line, from 1; 0 if it is about the file as a whole.
    pub line: usize,
    /// Whether the skill declares it, or a text of it merely does it.
    pub declared: bool,
}

/// What a skill asks for, in its author's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// `brew`, `node`, `shell` …
    pub kind: String,
    /// What is said of it: `package`, `formula`, `module`, `version`, `url`, `command` …; of a list each.
    pub words: BTreeMap<String, Vec<String>>,
    /// Operating systems it is for; all if none is named.
    pub os: Vec<String>,
    /// Where.
    pub at: AskedAt,
}

/// Why a step is worth a second look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// Nothing says which version comes.
    Unpinned,
    /// Programs of the package run while it is installed.
    RunsOnInstall,
    /// From a tap that is not Homebrew's own.
    ThirdPartyTap,
    /// It goes into the system, not into a folder of its own.
    System,
    /// It wants the rights of root.
    Root,
    /// The skill does not declare it; a text of it does it.
    Undeclared,
}

impl Risk {
    /// In words, for the plan.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Unpinned => "no version: whatever is newest comes",
            Self::RunsOnInstall => "the package runs code of its own while it is installed",
            Self::ThirdPartyTap => "from a tap that somebody keeps by himself",
            Self::System => "installs into the system, no sandbox can hold it",
            Self::Root => "needs the rights of root",
            Self::Undeclared => "not declared by the skill; found in its text",
        }
    }
}

/// One thing that would be run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Step {
    /// By whom.
    pub installer: Installer,
    /// The program and its arguments, each as it is given.
    pub argv: Vec<String>,
    /// Names that are set for it, beside what every step has.
    pub env: BTreeMap<String, String>,
    /// Why it is worth a second look.
    pub risks: BTreeSet<Risk>,
    /// Where it is asked for.
    pub asked: BTreeSet<AskedAt>,
}

/// What is asked for and is not done, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Refused {
    /// The kind, as the skill says it; not escaped.
    pub kind: String,
    /// Why; escaped.
    pub why: String,
    /// Where it is asked for.
    pub asked: AskedAt,
}

/// Everything that would be run for one revision, and what would not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The content that it is for. Another content has another plan.
    pub skill: Digest,
    /// In the order in which they would be run.
    pub steps: Vec<Step>,
    /// What is left out.
    pub refused: Vec<Refused>,
}

impl Plan {
    /// The plan as one text: what its digest is of.
    ///
    /// # Errors
    /// Never, but for a lack of memory.
    pub fn text(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// What a person says yes to: a byte of the skill or of any argument is another plan.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub fn digest(&self) -> Result<Digest, serde_json::Error> {
        Ok(sha256(&[b"skill-trust dependency plan v1\n", self.text()?.as_bytes()]))
    }
}
