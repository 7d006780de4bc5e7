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

/// What keeps something from being a step. Its name stands in plans and on
/// command lines: it is never reused for something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// A file at an address instead of a name.
    Url,
    /// A repository instead of a name.
    Git,
    /// Another index or registry than the public one.
    Index,
    /// A tap that is not Homebrew's own.
    Tap,
    /// Scripts of packages run while they are installed.
    Scripts,
    /// What is installed is built from its source first.
    Build,
    /// It asks for the rights of root.
    Root,
    /// It asks to change what belongs to the system's own package manager.
    System,
    /// A command in the author's own words.
    Shell,
    /// A download that is run.
    Fetch,
    /// A download.
    Download,
    /// A folder or file on the machine.
    Path,
    /// A value that is not surely a name or a version.
    Value,
    /// An option that nothing is known of.
    Option,
    /// An installer that nothing is known of.
    Kind,
    /// What cannot be read.
    Unreadable,
    /// More than a plan holds.
    Many,
}

impl Scope {
    /// Every one.
    pub const ALL: &[Self] = &[
        Self::Url,
        Self::Git,
        Self::Index,
        Self::Tap,
        Self::Scripts,
        Self::Build,
        Self::Root,
        Self::System,
        Self::Shell,
        Self::Fetch,
        Self::Download,
        Self::Path,
        Self::Value,
        Self::Option,
        Self::Kind,
        Self::Unreadable,
        Self::Many,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Url => "dep.url",
            Self::Git => "dep.git",
            Self::Index => "dep.index",
            Self::Tap => "dep.tap",
            Self::Scripts => "dep.scripts",
            Self::Build => "dep.build",
            Self::Root => "dep.root",
            Self::System => "dep.system",
            Self::Shell => "dep.shell",
            Self::Fetch => "dep.fetch",
            Self::Download => "dep.download",
            Self::Path => "dep.path",
            Self::Value => "dep.value",
            Self::Option => "dep.option",
            Self::Kind => "dep.kind",
            Self::Unreadable => "dep.unreadable",
            Self::Many => "dep.many",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|scope| scope.name() == name)
    }

    /// Whether a person may allow it: there is an argument vector for it. A line
    /// for a shell never has one.
    #[must_use]
    pub const fn may_be_allowed(self) -> bool {
        matches!(
            self,
            Self::Url
                | Self::Git
                | Self::Index
                | Self::Tap
                | Self::Scripts
                | Self::Build
                | Self::Root
                | Self::System
        )
    }
}

impl Serialize for Scope {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
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
    /// A range of versions.
    Range,
    /// It is asked for the whole account.
    Global,
    /// Another step brings the same program.
    Choice,
    /// A file at an address.
    Url,
    /// A repository.
    Git,
    /// Another index or registry.
    Index,
    /// Built from its source.
    Build,
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
            Self::Range => "a range of versions: the newest one in it comes",
            Self::Choice => "another step brings the same program: one of them is enough",
            Self::Global => "asked for the whole account; here it goes into a folder of its own",
            Self::Url => "whatever lies at that address is installed: no registry stands behind it",
            Self::Git => "whatever the repository holds is installed: no registry stands behind it",
            Self::Index => "whoever runs that index decides what every name means",
            Self::Build => "built from its source: programs of the package run while it is installed",
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
    /// What keeps it out.
    pub scope: Scope,
    /// Why; escaped.
    pub why: String,
    /// What a person would have to allow for it to become a step; empty if nothing makes it one.
    pub allow: BTreeSet<Scope>,
    /// Where it is asked for.
    pub asked: BTreeSet<AskedAt>,
}

/// What sort of thing has to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NeedKind {
    /// A program.
    Program,
    /// A setting in the environment: often a secret.
    Setting,
    /// A setting of the gateway.
    Config,
    /// A server that tools come from.
    Server,
    /// What a command of it fetches and starts at each use, as `npx` does.
    #[serde(rename = "at-use")]
    AtUse,
    /// Anything else, in the author's words.
    Other,
}

/// What has to be there for the skill to work. Nothing is installed for saying so.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Need {
    /// What sort of thing.
    pub kind: NeedKind,
    /// Its name; of several, any one will do. Not escaped.
    pub any_of: Vec<String>,
    /// Who brings it, of the steps of this plan; none if it has to be there already.
    pub brought_by: Option<Installer>,
    /// Where it is said.
    pub asked: AskedAt,
}

/// A file of the skill that lists packages.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Listed {
    /// The file.
    pub path: String,
    /// What it is, for people.
    pub what: String,
    /// How many packages it asks for.
    pub packages: usize,
    /// Whether it fixes every version with its digest.
    pub hashes: bool,
}

/// Everything that a skill's files say of what it needs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Collected {
    /// What is to be installed.
    pub wanted: Vec<Wanted>,
    /// What is refused before it is looked at closer.
    pub refused: Vec<Refused>,
    /// What has to be there.
    pub needs: Vec<Need>,
    /// Files that list packages.
    pub listed: Vec<Listed>,
}

/// Everything that would be run for one revision, and what would not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The content that it is for. Another content has another plan.
    pub skill: Digest,
    /// What a person allowed that is refused otherwise.
    pub allowed: BTreeSet<Scope>,
    /// In the order in which they would be run.
    pub steps: Vec<Step>,
    /// What is left out.
    pub refused: Vec<Refused>,
    /// What has to be there.
    pub needs: Vec<Need>,
    /// Files of it that list packages.
    pub listed: Vec<Listed>,
}

impl Plan {
    /// Whether the skill asks for nothing at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.refused.is_empty() && self.needs.is_empty() && self.listed.is_empty()
    }
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
