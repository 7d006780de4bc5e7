//! Why an archive is refused as a whole: one word for each reason, and how a
//! reason travels up through readers.
//!
//! What is wrong with the *name or kind* of an entry is said in the words of
//! every other source ([`Fault`]). Here stands what only an archive can do:
//! say one thing in two places, so that two tools read two things.

use crate::model::limits::Fault;
use crate::model::text;
use crate::system::fetch::FetchError;
use std::fmt;
use std::io;

macro_rules! reasons {
    ($($name:ident $code:literal $summary:literal;)*) => {
        /// A stable reason for which an archive is refused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason { $(#[doc = $summary] $name,)* }

        impl Reason {
            /// Every reason, in the order of `docs/archives.md`.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The stable code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// What it says, without its values.
            #[must_use]
            pub const fn summary(self) -> &'static str {
                match self { $(Self::$name => $summary,)* }
            }
        }
    };
}

reasons! {
    Empty "archive-empty" "no files in it";
    Truncated "archive-truncated" "it ends in the middle";
    Bomb "archive-bomb" "it unpacks to far more than honest files do";
    Deflate "archive-deflate" "its compressed data is malformed";
    Duplicate "archive-duplicate" "two entries of one name, of which tools keep either";
    FileAsFolder "archive-file-as-folder" "one entry is a file where another needs a folder";
    FileSlash "archive-file-slash" "a file whose name ends in a slash, or a folder that is called a file";
    FolderData "archive-folder-data" "a folder with data of its own";
    LinkAsFolder "archive-link-as-folder" "one entry is a link where another needs a folder: it is written where the link leads";
    LinkCard "archive-link-card" "a link called SKILL.md: some tools follow it, some take its target for the card";
    LinkTarget "archive-link-target" "a link whose target is not a plain path inside of the archive";
    LinkData "archive-link-data" "a link with data of its own";
    Colon "archive-colon" "a colon in a name, which some systems read as a drive or a stream";
    Version "archive-version" "a name that ends in `;` and a number, which `unzip` cuts off";
    MixedDot "archive-mixed-dot" "some names begin with `./` and others do not";
    GzipHeader "gzip-header" "no gzip header as programs that pack folders write it";
    GzipChecksum "gzip-checksum" "the data does not have the checksum or length it should";
    GzipTrailing "gzip-trailing" "bytes after the one compressed stream, which some tools read and some do not";
    TarFormat "tar-format" "not a POSIX or GNU tar header";
    TarChecksum "tar-checksum" "a header that does not have its checksum";
    TarNumber "tar-number" "a number that is not plain octal digits";
    TarReserved "tar-reserved" "bytes that every common program leaves zero are not";
    TarType "tar-type" "an entry of a type that only some tools know";
    TarSparse "tar-sparse" "a sparse file, whose size is not the size of its data";
    TarPax "tar-pax" "a malformed extended header";
    TarPaxKey "tar-pax-key" "an extended header with a key that may change how the entry is read";
    TarPaxConflict "tar-pax-conflict" "the extended header and the header do not agree";
    TarGlobal "tar-pax-global" "an extended header for all entries, other than the commit that `git archive` writes";
    TarLongName "tar-long-name" "a GNU long name that is malformed or not needed";
    TarTwoNames "tar-two-names" "more than one extended header for one entry";
    TarDangling "tar-dangling" "an extended header that no entry follows";
    TarAppleDouble "tar-appledouble" "a `._` file, which macOS takes for a property of the file of that name";
    TarEnd "tar-end" "it does not end with two empty blocks";
    TarTrailing "tar-trailing" "data after the end marker";
    ZipEnd "zip-end" "its last 22 bytes are not the end record of one complete archive";
    ZipZip64 "zip-zip64" "zip64 fields, which repeat what stands elsewhere";
    ZipDirectory "zip-directory" "a malformed central directory";
    ZipTiling "zip-tiling" "entries that overlap, leave gaps or stand in another order than their directory";
    ZipLocal "zip-local" "the header before the data and the central directory do not agree";
    ZipFlags "zip-flags" "encryption or another feature that only some tools know";
    ZipMethod "zip-method" "another compression than none and deflate";
    ZipVersion "zip-version" "made for or by a system whose attributes are not known";
    ZipMode "zip-mode" "attributes that tools read differently";
    ZipComment "zip-comment" "a comment, in which another archive can hide";
    ZipExtra "zip-extra" "an extra field that is malformed or may change how the entry is read";
    ZipUnicodePath "zip-unicode-path" "a second name in an extra field";
    ZipEncoding "zip-encoding" "a name beyond ASCII that is not marked as UTF-8, or whose mark some tools do not see";
    ZipDescriptor "zip-descriptor" "the record after the data is missing or does not agree with the directory";
    ZipData "zip-data" "the data does not have the checksum or size it should";
}

/// A reason with the place and the values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Odd {
    /// The reason.
    pub reason: Reason,
    /// The entry, escaped, or the place in the file; empty for all of it.
    pub at: String,
    /// Both values, where there are two; may be empty.
    pub detail: String,
}

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.at.is_empty() {
            write!(f, "{}: ", self.at)?;
        }
        f.write_str(self.reason.summary())?;
        if !self.detail.is_empty() {
            write!(f, " ({})", self.detail)?;
        }
        write!(f, " [{}]", self.reason.code())
    }
}

/// Why the reading of an archive stopped.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("{0}")]
    Odd(Odd),
    #[error("{0}")]
    Entry(Fault),
    #[error("more than {0}")]
    TooLarge(String),
    #[error("stopped on request")]
    Cancelled,
    #[error("it took more than {0} s")]
    Late(f32),
    /// Not an error: the caller has what it wants.
    #[error("BUG: the end of a pass was taken for an error")]
    Enough,
    #[error("{0}")]
    Io(io::Error),
}

/// A reason at an entry, by its raw name.
pub(super) fn odd(reason: Reason, name: &[u8], detail: impl Into<String>) -> Trouble {
    let at = format!("`{}`", text::escape_short(&text::escape_bytes(name), 200));
    Trouble::Odd(Odd { reason, at, detail: detail.into() })
}

/// A reason at a place in the file.
pub(super) fn odd_at(reason: Reason, byte: u64, detail: impl Into<String>) -> Trouble {
    Trouble::Odd(Odd { reason, at: format!("byte {byte}"), detail: detail.into() })
}

/// A reason of the archive as a whole.
pub(super) fn odd_all(reason: Reason, detail: impl Into<String>) -> Trouble {
    Trouble::Odd(Odd { reason, at: String::new(), detail: detail.into() })
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        error.downcast::<Self>().unwrap_or_else(Self::Io)
    }
}

impl From<Trouble> for io::Error {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Io(error) => error,
            other => Self::other(other),
        }
    }
}

impl Trouble {
    /// The same as an error of the archive `what`.
    pub(super) fn of(self, what: &str) -> FetchError {
        let what = what.to_owned();
        match self {
            Self::Odd(odd) => FetchError::Archive { what, odd },
            Self::Entry(fault) => FetchError::Refused(vec![fault]),
            Self::TooLarge(limit) => FetchError::TooLarge { what, limit },
            Self::Cancelled => FetchError::Cancelled,
            Self::Late(_) | Self::Enough => FetchError::Unreachable { what, why: self.to_string() },
            Self::Io(source) => FetchError::Io { what, source },
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_unique_and_plain() {
        let codes: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        assert!(
            codes
                .iter()
                .all(|code| code.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-'))
        );
    }

    #[test]
    fn a_reason_survives_a_reader_and_shows_no_raw_bytes() {
        let through = Trouble::from(io::Error::from(odd(Reason::Colon, b"a\x1b[2J:b", "")));
        let text = through.to_string();
        assert!(matches!(through, Trouble::Odd(_)) && !text.chars().any(char::is_control), "{text}");
        assert!(text.contains("[archive-colon]"), "{text}");
    }
}
