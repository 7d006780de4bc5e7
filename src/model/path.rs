//! Names of entries inside a skill.
//!
//! An [`EntryPath`] is a relative path whose every component two machines, two
//! file systems and two tools read alike. What could be read differently is
//! refused by name of the rule, never repaired. Whether two *good* names
//! collide is a question about a list and answered by `policy::entry`.
//!
//! Links do not appear: a skill has none, so nothing here resolves anything.

use super::text;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Longest component that common file systems can hold, in bytes.
pub const COMPONENT_MAX: usize = 255;

/// A relative path of one or more clean components, joined by `/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryPath(String);

/// Why a name cannot stand in a skill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum NameFault {
    /// No bytes at all, or two separators in a row.
    #[error("an empty name")]
    Empty,
    /// Not valid UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// Valid UTF-8 in another normalisation form than NFC.
    #[error("not in Unicode form NFC, so that some systems see another name")]
    NotNfc,
    /// A control, format, direction, separator, filler or private character.
    #[error("holds a hidden or control character")]
    Hidden,
    /// A backslash: a separator on other systems.
    #[error("holds a backslash, which other systems read as a folder")]
    Backslash,
    /// `.` or `..`.
    #[error("`.` or `..`, which leave the folder")]
    Dots,
    /// Starts at the root or at a drive.
    #[error("an absolute path")]
    Absolute,
    /// Ends in a dot or in white space; some systems drop these.
    #[error("ends in a dot or a space, which some systems drop")]
    TrailingDot,
    /// `CON`, `nul.txt` and the like.
    #[error("a reserved device name on Windows")]
    Device,
    /// `.git` in any case, or its short form: the folder would become a repository.
    #[error("a `.git` entry")]
    DotGit,
    /// A component of more than [`COMPONENT_MAX`] bytes.
    #[error("longer than 255 bytes")]
    TooLong,
}

impl NameFault {
    /// Every one.
    pub const ALL: &[Self] = &[
        Self::Empty,
        Self::NotUtf8,
        Self::NotNfc,
        Self::Hidden,
        Self::Backslash,
        Self::Dots,
        Self::Absolute,
        Self::TrailingDot,
        Self::Device,
        Self::DotGit,
        Self::TooLong,
    ];

    /// The stable code of the fault.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "name-empty",
            Self::NotUtf8 => "name-not-utf8",
            Self::NotNfc => "name-not-nfc",
            Self::Hidden => "name-hidden-character",
            Self::Backslash => "name-backslash",
            Self::Dots => "name-dots",
            Self::Absolute => "name-absolute",
            Self::TrailingDot => "name-trailing-dot",
            Self::Device => "name-device",
            Self::DotGit => "name-dot-git",
            Self::TooLong => "name-too-long",
        }
    }
}

/// Checks one component as a directory listing or a git tree gives it.
///
/// # Errors
/// The first [`NameFault`] that applies.
pub fn check_component(raw: &[u8]) -> Result<&str, NameFault> {
    if raw.is_empty() {
        return Err(NameFault::Empty);
    }
    let name = std::str::from_utf8(raw).map_err(|_| NameFault::NotUtf8)?;
    if name == "." || name == ".." {
        return Err(NameFault::Dots);
    }
    if name.contains('/') {
        return Err(NameFault::Absolute);
    }
    if name.contains('\\') {
        return Err(NameFault::Backslash);
    }
    // Plain ASCII, as nearly all names are, has one form only.
    if name.is_ascii() {
        if name.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(NameFault::Hidden);
        }
    } else if name.chars().any(text::is_hidden) {
        return Err(NameFault::Hidden);
    } else if !is_nfc(name) {
        return Err(NameFault::NotNfc);
    }
    if raw.len() > COMPONENT_MAX {
        return Err(NameFault::TooLong);
    }
    if name.ends_with('.') || name.ends_with(char::is_whitespace) {
        return Err(NameFault::TrailingDot);
    }
    // Attack: on systems that fold case or keep short names, `.GIT` and
    // `git~1` open the same folder, whose config names programs to run.
    // A colon begins the name of a stream of the same file there.
    let stem = name.split(':').next().unwrap_or(name).trim_end_matches(['.', ' ']);
    if stem.eq_ignore_ascii_case(".git") || stem.eq_ignore_ascii_case("git~1") {
        return Err(NameFault::DotGit);
    }
    if is_device(name) {
        return Err(NameFault::Device);
    }
    Ok(name)
}

fn is_nfc(name: &str) -> bool {
    match is_nfc_quick(name.chars()) {
        IsNormalized::Yes => true,
        IsNormalized::No => false,
        IsNormalized::Maybe => name.nfc().eq(name.chars()),
    }
}

/// Windows opens the device whatever the extension, and takes superscript
/// digits for digits.
fn is_device(name: &str) -> bool {
    let stem = name.split(['.', ':']).next().unwrap_or(name).trim_end();
    let is = |name: &&str| stem.eq_ignore_ascii_case(name);
    if ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"].iter().any(is) {
        return true;
    }
    let Some((port, number)) = stem.split_at_checked(3) else { return false };
    (port.eq_ignore_ascii_case("COM") || port.eq_ignore_ascii_case("LPT"))
        && matches!(number, "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "¹" | "²" | "³")
}

fn starts_at_a_drive(raw: &[u8]) -> bool {
    matches!(raw, [letter, b':', ..] if letter.is_ascii_alphabetic())
}

impl EntryPath {
    /// Reads a whole relative path.
    ///
    /// # Errors
    /// The fault of the first bad component.
    pub fn parse(raw: &[u8]) -> Result<Self, NameFault> {
        if raw.first() == Some(&b'/') {
            return Err(NameFault::Absolute);
        }
        if starts_at_a_drive(raw) {
            return Err(NameFault::Absolute);
        }
        let mut path = String::with_capacity(raw.len());
        for component in raw.split(|byte| *byte == b'/') {
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(check_component(component)?);
        }
        Ok(Self(path))
    }

    /// A component below this path, or at the root for `None`.
    ///
    /// # Errors
    /// The fault of the component.
    pub fn join(parent: Option<&Self>, component: &[u8]) -> Result<Self, NameFault> {
        let name = check_component(component)?;
        match parent {
            None if starts_at_a_drive(component) => Err(NameFault::Absolute),
            None => Ok(Self(name.to_owned())),
            Some(parent) => Ok(Self([&parent.0, "/", name].concat())),
        }
    }

    /// The path as text; clean by construction.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The components from the top.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// The last component.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// How many components it has.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.components().count()
    }
}

impl fmt::Display for EntryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for EntryPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for EntryPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(text.as_bytes()).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_by_its_name() {
        let cases: &[(&[u8], NameFault)] = &[
            (b"", NameFault::Empty),
            (b"a//b", NameFault::Empty),
            (b"a/", NameFault::Empty),
            (b"a\xff", NameFault::NotUtf8),
            ("e\u{301}".as_bytes(), NameFault::NotNfc),
            ("x\u{202e}y".as_bytes(), NameFault::Hidden),
            (b"x\ny", NameFault::Hidden),
            (b"x\x1b[2Ky", NameFault::Hidden),
            (b"a\\b", NameFault::Backslash),
            (b"../x", NameFault::Dots),
            (b"a/./b", NameFault::Dots),
            (b"/etc/passwd", NameFault::Absolute),
            (b"C:x", NameFault::Absolute),
            (b"x.", NameFault::TrailingDot),
            (b"x ", NameFault::TrailingDot),
            (b"a/CON", NameFault::Device),
            (b"nul.txt", NameFault::Device),
            (b"Lpt3.log", NameFault::Device),
            (".git".as_bytes(), NameFault::DotGit),
            (b"a/.GiT/config", NameFault::DotGit),
            (b"GIT~1", NameFault::DotGit),
            (b".git:x", NameFault::DotGit),
            (b"a/git~1 :x", NameFault::DotGit),
        ];
        for (raw, fault) in cases {
            assert_eq!(EntryPath::parse(raw), Err(*fault), "{}", text::escape_bytes(raw));
        }
        assert_eq!(EntryPath::parse("x".repeat(256).as_bytes()), Err(NameFault::TooLong));
    }

    #[test]
    fn a_component_is_judged_as_a_path_of_one_is() {
        let parent = EntryPath::parse(b"a/b").unwrap();
        for name in ["x", "C:x", "CON", "com¹.txt", "e\u{301}", "x\u{7f}y", "x.", "日本語", "..", "", "aé:c"]
        {
            let (root, below) =
                (EntryPath::join(None, name.as_bytes()), EntryPath::join(Some(&parent), name.as_bytes()));
            assert_eq!(root, EntryPath::parse(name.as_bytes()), "{name}");
            assert_eq!(below, EntryPath::parse(format!("a/b/{name}").as_bytes()), "{name}");
        }
    }

    #[test]
    fn ordinary_names_pass() {
        for name in
            ["SKILL.md", ".gitignore", "a/b c/d.py", "日本語.md", "console.js", "com10", "-rf", "ab:c"]
        {
            assert_eq!(EntryPath::parse(name.as_bytes()).unwrap().as_str(), name);
        }
    }
}
