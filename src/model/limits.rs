//! What may stand in a skill at all: limits, and the faults that break them.

use super::path::NameFault;
use serde::Serialize;
use std::fmt;

/// Upper bounds for one skill. Policy may raise them up to [`Limits::CEILING`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Files.
    pub files: u64,
    /// Bytes of all files together.
    pub total: u64,
    /// Bytes of one file.
    pub file: u64,
    /// Components of a path.
    pub depth: usize,
    /// Bytes of a path.
    pub path: usize,
}

impl Limits {
    /// What holds unless policy says otherwise.
    pub const DEFAULT: Self = Self { files: 5_000, total: 64 << 20, file: 16 << 20, depth: 16, path: 512 };
    /// What no policy can exceed.
    pub const CEILING: Self = Self { files: 50_000, total: 1 << 30, file: 256 << 20, depth: 32, path: 1024 };
}

/// A rule that an entry broke, with the value found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// A symbolic link.
    Link,
    /// A file with more than one name; the count.
    HardLink(u64),
    /// A FIFO, socket or device; which.
    Special(&'static str),
    /// Set-id or sticky bit; the mode.
    SetId(u32),
    /// A bad name.
    Name(NameFault),
    /// A submodule in a git tree.
    Submodule,
    /// A git mode that git itself would not write; the mode.
    GitMode(u32),
    /// A folder without files.
    EmptyFolder,
    /// Two names that fold to one; the other.
    Collision(String),
    /// More files than the limit.
    TooManyFiles(u64),
    /// More bytes than the limit in all.
    TooManyBytes(u64),
    /// A file over the limit; its size and the limit.
    FileTooLarge(u64, u64),
    /// A path with too many components; the limit.
    TooDeep(usize),
    /// A path with too many bytes; the limit.
    PathTooLong(usize),
    /// So many faults that the rest was not looked at; how many were kept.
    TooManyFaults(usize),
    /// No `SKILL.md` at the top; the other spelling that stands there, if any.
    NoSkillFile(Option<String>),
    /// A placed or stored entry with another mode than we wrote: found, written.
    Mode(u32, u32),
    /// A placed or stored entry of another account: found, ours.
    Owner(u32, u32),
    /// The folder lies on another file system inside the skill (a mount).
    OtherFileSystem,
    /// The folder is not there.
    Missing,
    /// Another account could swap it: the folder above and why, in words.
    Swappable(String),
    /// Something else stands where the folder should be.
    NotAFolder,
    /// It could not be read; the system's words.
    Unreadable(String),
    /// Its size changed while it was read.
    ChangedWhileRead,
}

impl Rule {
    /// One of each but the faults of names, with values as they may be: for pages and explanations.
    #[must_use]
    pub fn examples() -> Vec<Self> {
        let limits = Limits::DEFAULT;
        vec![
            Self::Link,
            Self::HardLink(2),
            Self::Special("FIFO"),
            Self::SetId(0o4755),
            Self::Submodule,
            Self::GitMode(0o100_664),
            Self::EmptyFolder,
            Self::Collision("other-name".to_owned()),
            Self::NoSkillFile(None),
            Self::Mode(0o644, 0o444),
            Self::Owner(1001, 1000),
            Self::OtherFileSystem,
            Self::Missing,
            Self::NotAFolder,
            Self::Swappable("another account can rename `/srv/shared`".to_owned()),
            Self::Unreadable("permission denied".to_owned()),
            Self::ChangedWhileRead,
            Self::TooManyFiles(limits.files),
            Self::TooManyBytes(limits.total),
            Self::FileTooLarge(limits.file + 1, limits.file),
            Self::TooDeep(limits.depth),
            Self::PathTooLong(limits.path),
            Self::TooManyFaults(100),
        ]
    }

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Link => "entry-link",
            Self::HardLink(_) => "entry-hard-link",
            Self::Special(_) => "entry-special-file",
            Self::SetId(_) => "entry-set-id",
            Self::Name(fault) => fault.code(),
            Self::Submodule => "entry-submodule",
            Self::GitMode(_) => "entry-git-mode",
            Self::EmptyFolder => "entry-empty-folder",
            Self::Collision(_) => "entry-collision",
            Self::TooManyFiles(_) => "limit-files",
            Self::TooManyBytes(_) => "limit-bytes",
            Self::FileTooLarge(..) => "limit-file",
            Self::TooDeep(_) => "limit-depth",
            Self::PathTooLong(_) => "limit-path",
            Self::TooManyFaults(_) => "limit-faults",
            Self::NoSkillFile(_) => "entry-no-skill-file",
            Self::Mode(..) => "entry-mode",
            Self::Owner(..) => "entry-owner",
            Self::OtherFileSystem => "entry-mount",
            Self::Missing => "entry-missing",
            Self::Swappable(_) => "entry-swappable",
            Self::NotAFolder => "entry-not-a-folder",
            Self::Unreadable(_) => "entry-unreadable",
            Self::ChangedWhileRead => "entry-changed-while-read",
        }
    }

    /// Whether it tells of trouble reading rather than of the entry itself:
    /// then nothing is known, and no state may change because of it.
    #[must_use]
    pub const fn is_trouble(&self) -> bool {
        matches!(self, Self::Swappable(_) | Self::Unreadable(_) | Self::ChangedWhileRead)
    }

    /// Whether reading stopped there, so that a file that was not seen may
    /// still exist.
    #[must_use]
    pub const fn ends_the_walk(&self) -> bool {
        matches!(self, Self::TooManyFiles(_) | Self::TooManyBytes(_) | Self::TooManyFaults(_))
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link => f.write_str("a symbolic link; skills hold plain files only"),
            Self::HardLink(count) => {
                write!(f, "a file with {count} names; it could be changed through another")
            }
            Self::Special(kind) => write!(f, "a {kind}; skills hold plain files only"),
            Self::SetId(mode) => write!(f, "set-id or sticky bit (mode {mode:04o})"),
            Self::Name(fault) => write!(f, "{fault}"),
            Self::Submodule => f.write_str("a submodule; its bytes are somewhere else"),
            Self::GitMode(mode) => write!(f, "git mode {mode:o}, which is neither 100644 nor 100755"),
            Self::EmptyFolder => f.write_str("an empty folder, which the digest cannot cover"),
            Self::Collision(other) => write!(f, "some systems take it for `{other}`"),
            Self::TooManyFiles(limit) => write!(f, "more than {limit} files"),
            Self::TooManyBytes(limit) => write!(f, "more than {limit} bytes in all"),
            Self::FileTooLarge(size, limit) => write!(f, "{size} bytes, more than {limit}"),
            Self::TooDeep(limit) => write!(f, "more than {limit} folders deep"),
            Self::PathTooLong(limit) => write!(f, "a path of more than {limit} bytes"),
            Self::TooManyFaults(kept) => write!(f, "more than {kept} faults; the rest was not read"),
            Self::NoSkillFile(None) => f.write_str("no `SKILL.md` at the top"),
            Self::NoSkillFile(Some(other)) => {
                write!(f, "no `SKILL.md` at the top; `{other}` is not its name")
            }
            Self::Mode(found, wanted) => write!(f, "mode {found:04o}, written as {wanted:04o}"),
            Self::Owner(found, wanted) => write!(f, "belongs to account {found}, not {wanted}"),
            Self::OtherFileSystem => f.write_str("another file system is mounted here"),
            Self::Missing => f.write_str("is gone"),
            Self::Swappable(why) => f.write_str(why),
            Self::NotAFolder => f.write_str("something else stands where the folder should be"),
            Self::Unreadable(why) => write!(f, "cannot be read: {why}"),
            Self::ChangedWhileRead => f.write_str("changed while it was read"),
        }
    }
}

/// An entry that cannot stand in a skill, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Its path, escaped; `.` for the skill as a whole.
    pub path: String,
    /// The rule.
    pub rule: Rule,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {} [{}]", self.path, self.rule, self.rule.code())
    }
}

impl Serialize for Fault {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut out = serializer.serialize_struct("Fault", 3)?;
        out.serialize_field("code", self.rule.code())?;
        out.serialize_field("path", &self.path)?;
        out.serialize_field("reason", &self.rule.to_string())?;
        out.end()
    }
}
