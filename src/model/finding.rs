//! What a review finds: a rule, how much it weighs, and where it stands.

use serde::{Deserialize, Serialize};

/// How much a finding weighs. Ordered from the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Tier {
    /// Worth knowing.
    Note,
    /// Worth a look; decides nothing.
    Warn,
    /// Shown with the question, and named in the answer.
    Confirm,
    /// Keeps a skill from being trusted, unless that is overridden for exactly these bytes.
    Block,
}

impl Tier {
    /// Every tier, the heaviest first.
    pub const ALL: &[Self] = &[Self::Block, Self::Confirm, Self::Warn, Self::Note];

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "NOTE",
            Self::Warn => "WARN",
            Self::Confirm => "CONFIRM",
            Self::Block => "BLOCK",
        }
    }
}

/// What kind of text a finding stands in: the same words weigh more where they are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Context {
    /// A sentence.
    Prose,
    /// Code inside of a sentence.
    Inline,
    /// A block of commands that an agent is likely to run.
    Fence,
    /// What a program starts: the text given to `os.system` and its like.
    Call,
    /// A script that comes with the skill, or that a package manifest starts by itself.
    Script,
    /// A command that the front matter says is to be run to install what is needed.
    Install,
    /// A file as a whole.
    File,
}

/// Where something stands in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// First byte.
    pub start: usize,
    /// One behind the last.
    pub end: usize,
    /// Line of the first byte, from 1.
    pub line: usize,
    /// Character in that line, from 1.
    pub column: usize,
}

/// Something that a rule found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Finding {
    /// The rule's stable id, as `exec.fetch.pipe`.
    pub rule: String,
    /// How much it weighs here.
    pub tier: Tier,
    /// What kind of text it stands in.
    pub context: Context,
    /// The file, from the skill's folder.
    pub path: String,
    /// Where in it.
    pub place: Place,
    /// What was found, in words, with the values that it was found by. Not escaped.
    pub message: String,
    /// What the text comes to once it is decoded or put together, if that is not what stands there.
    pub reads_as: Option<String>,
}
