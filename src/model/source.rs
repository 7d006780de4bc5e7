//! Where a skill comes from: as typed ([`SourceSpec`]) and as found
//! ([`Source`], pinned to a commit, to the bytes of an archive, or to nothing
//! but its own bytes).
//!
//! A typed source becomes an argument of libraries and, for ssh, of another
//! program, so everything is parsed into fields here and odd forms are
//! refused: leading dashes (option injection), `ext::` and other transports,
//! control characters, user names and passwords in https addresses (they
//! would be recorded), `http://` and `git://` (anyone on the way may change
//! what arrives).

mod found;
mod spelling;

pub use found::{Source, SourceKind};
pub use spelling::covers;

use super::path::EntryPath;
use super::text;
use spelling::{one_number, split_port};
use std::path::PathBuf;

/// Where a site publishes the index of its skills.
pub const INDEX: &str = ".well-known/agent-skills/index.json";

/// Longest source in bytes: it must fit into a record beside everything else.
const LENGTH_MAX: usize = 2048;

/// What a person typed, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceSpec {
    /// A git repository somewhere else.
    Git {
        /// `https://…`, `ssh://…` or `file:///…`, cleaned.
        url: String,
        /// Branch, tag or full commit id; the default branch if none.
        reference: Option<String>,
        /// The folder inside the repository to look in.
        path: Option<EntryPath>,
    },
    /// A folder here; if it is a work tree, its repository at its commit.
    Folder(PathBuf),
    /// An archive here.
    Archive {
        /// The file.
        path: PathBuf,
        /// How it is read.
        format: Format,
    },
    /// A site that publishes an index of its skills at a well-known place:
    /// `https://host`.
    Site {
        /// Scheme, host and port.
        url: String,
    },
    /// An archive somewhere else: an `https://` address whose path ends as an
    /// archive's name does.
    WebArchive {
        /// `https://…`, cleaned.
        url: String,
        /// How it is read.
        format: Format,
    },
}

/// How an archive is read: as its name says, and as nothing else.
///
/// Attack: a file that is a zip for one reader and a tar for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A tar, compressed by gzip.
    TarGz,
    /// A zip.
    Zip,
}

impl Format {
    /// The format that a file's name tells.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        if name.ends_with(".tar.gz") || name.ends_with(".tgz") {
            Some(Self::TarGz)
        } else {
            name.ends_with(".zip").then_some(Self::Zip)
        }
    }
}

/// Why a typed source is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSource {
    /// Nothing, or control characters.
    #[error(
        "a source is a repository address, `owner/repo`, a folder or an archive; this is empty or holds control characters"
    )]
    Unprintable,
    /// More than a record has room for.
    #[error("a source of more than {LENGTH_MAX} bytes")]
    TooLong,
    /// Would be read as an option by some program.
    #[error("a source cannot start with a dash")]
    LeadingDash,
    /// A transport that we do not speak.
    #[error("`{0}` is not a way we fetch; use https://, ssh://, file://, a folder or an archive")]
    Transport(String),
    /// A name or password in the address.
    #[error("an address must not hold a user name or password: it would be recorded")]
    Credentials,
    /// A folder here is named like a repository elsewhere.
    #[error("`{0}` is a folder here, and could be {1}; write `./{0}` or the whole address")]
    TwoMeanings(String, String),
    /// An archive in a folder here is named like a repository elsewhere.
    #[error("`{0}` could be an archive here or {1}; write `./{0}` or the whole address")]
    ArchiveOrRepository(String, String),
    /// Query, fragment, missing host and the like.
    #[error("the address is malformed: {0}")]
    Malformed(&'static str),
    /// A number as a host, in one of the many forms it has.
    ///
    /// Attack: `127.1`, `0x7f.1` and `2130706433` are one machine; a rule or a kill
    /// that names it in one form would pass over the others.
    #[error("the host `{0}` is a number in a form of its own; write {1}")]
    Number(String, String),
    /// A reference git itself would not take.
    #[error("`{0}` is not a branch, tag or commit name")]
    Reference(String),
    /// A path inside the repository that is not clean.
    #[error("the path inside the repository is refused: {0}")]
    Path(super::path::NameFault),
}

/// Whether git would take this as a branch, tag or commit name, narrowed to
/// what never needs quoting. See git-check-ref-format(1).
#[must_use]
pub fn is_reference(name: &str) -> bool {
    let plain = |c: u8| c.is_ascii_alphanumeric() || b"-_./+@#=".contains(&c);
    (1..=200).contains(&name.len())
        && name.bytes().all(plain)
        && !name.starts_with(['-', '/', '.'])
        && !name.ends_with(['/', '.'])
        && !name.ends_with(".lock")
        && !["..", "//", "@{", "/."].iter().any(|bad| name.contains(bad))
        && name != "@"
}

impl SourceSpec {
    /// Reads a typed source. `is_folder` tells whether a folder of that name
    /// exists, which decides what `a/b` means.
    ///
    /// # Errors
    /// [`BadSource`], before anything is contacted.
    pub fn parse(typed: &str, is_folder: impl Fn(&str) -> bool) -> Result<Self, BadSource> {
        if typed.is_empty() || typed.chars().any(text::is_hidden) {
            return Err(BadSource::Unprintable);
        }
        if typed.starts_with('-') {
            return Err(BadSource::LeadingDash);
        }
        if typed.len() > LENGTH_MAX {
            return Err(BadSource::TooLong);
        }
        if let Some((scheme, rest)) = typed.split_once("://") {
            return Self::parse_url(scheme, rest);
        }
        if let Some((transport, _)) = typed.split_once("::") {
            return Err(BadSource::Transport(format!("{transport}::")));
        }
        if typed.starts_with(['/', '.', '~']) {
            return Ok(if is_folder(typed) { Self::Folder(PathBuf::from(typed)) } else { Self::here(typed) });
        }
        if is_folder(typed) {
            // Attack: a project holds a folder named like a repository that people
            // install from, and is the working folder when somebody does.
            return match Self::parse_short(typed) {
                Ok(Self::Git { url, .. }) => Err(BadSource::TwoMeanings(typed.to_owned(), url)),
                Ok(_) | Err(_) => Ok(Self::Folder(PathBuf::from(typed))),
            };
        }
        if Format::of(typed).is_some() && !typed.contains(':') {
            // Attack: somebody who means `downloads/pdf.zip` gets the repository
            // `pdf.zip` of whoever took the name `downloads`.
            return match Self::parse_short(typed) {
                Ok(Self::Git { url, .. }) => Err(BadSource::ArchiveOrRepository(typed.to_owned(), url)),
                _ => Ok(Self::here(typed)),
            };
        }
        if let Some((user_host, path)) = typed.split_once(':') {
            // The short ssh form: user@host:path.
            let good_host = user_host.contains('@') && !user_host.contains('/');
            return if good_host {
                Self::parse_url("ssh", &format!("{user_host}/{path}"))
            } else {
                Err(BadSource::Transport(format!("{user_host}:")))
            };
        }
        Self::parse_short(typed)
    }

    /// A file or folder here: an archive if its name says so.
    #[must_use]
    pub fn here(path: &str) -> Self {
        match Format::of(path) {
            Some(format) => Self::Archive { path: PathBuf::from(path), format },
            None => Self::Folder(PathBuf::from(path)),
        }
    }

    /// The address it is at, as it will be recorded; none for what is here.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        match self {
            Self::Git { url, .. } | Self::WebArchive { url, .. } | Self::Site { url } => {
                Some(url.as_str()).filter(|url| !url.starts_with("file://"))
            }
            Self::Folder(_) | Self::Archive { .. } => None,
        }
    }

    /// An archive as it was recorded: at an address, or here.
    #[must_use]
    pub fn archive(location: &str) -> Self {
        match Format::of(location) {
            Some(format) if location.starts_with("https://") => {
                Self::WebArchive { url: location.to_owned(), format }
            }
            _ => Self::here(location),
        }
    }

    /// `owner/repo[/path][@ref]`, meaning the host most skills are published on.
    fn parse_short(typed: &str) -> Result<Self, BadSource> {
        let (place, reference) = match typed.split_once('@') {
            None => (typed, None),
            Some((place, reference)) => (place, Some(checked_reference(reference)?)),
        };
        let mut parts = place.splitn(3, '/');
        let (Some(owner), Some(repo)) = (parts.next(), parts.next()) else {
            return Err(BadSource::Malformed("no such folder, and not owner/repo"));
        };
        let plain = |c: u8| c.is_ascii_alphanumeric() || b"-_.".contains(&c);
        let good = |part: &str| !part.is_empty() && !part.starts_with(['-', '.']) && part.bytes().all(plain);
        if !good(owner) || !good(repo) {
            return Err(BadSource::Malformed("owner and repository are letters, digits, `-`, `_` and `.`"));
        }
        let path = match parts.next() {
            None | Some("") => None,
            Some(path) => {
                Some(EntryPath::parse(path.trim_end_matches('/').as_bytes()).map_err(BadSource::Path)?)
            }
        };
        let repo = without_git(repo)?;
        Ok(Self::Git { url: format!("https://github.com/{owner}/{repo}"), reference, path })
    }

    fn parse_url(scheme: &str, rest: &str) -> Result<Self, BadSource> {
        let scheme = scheme.to_ascii_lowercase();
        if !["https", "ssh", "file"].contains(&scheme.as_str()) {
            return Err(BadSource::Transport(format!("{scheme}://")));
        }
        if rest.contains(['?', '#', '\\', ' ', '%', '"', '\'', '`', '$', ';', '&', '|', '<', '>']) {
            return Err(BadSource::Malformed("query, fragment, escape or shell characters"));
        }
        let (host, path) = match rest.split_once('/') {
            Some(parts) => parts,
            // Only a site is named by its host alone.
            None if scheme == "https" => (rest, ""),
            None => return Err(BadSource::Malformed("no path")),
        };
        let is_site = scheme == "https" && (path.is_empty() || path == INDEX);
        if !is_site && path.is_empty()
            || is_site && host.is_empty()
            || path.split('/').any(|part| part == ".." || part == ".")
        {
            return Err(BadSource::Malformed("empty path, or one with dots"));
        }
        // One place has one spelling: what is allowed and bound goes by it.
        if !is_site && path.trim_end_matches('/').split('/').any(str::is_empty) {
            return Err(BadSource::Malformed("a doubled slash"));
        }
        if scheme == "file" {
            return match host {
                "" => Ok(Self::Git { url: format!("file:///{path}"), reference: None, path: None }),
                _ => Err(BadSource::Malformed("file:// takes no host")),
            };
        }
        let (user, host) = match host.rsplit_once('@') {
            None => (None, host),
            Some((user, host)) => (Some(user), host),
        };
        let plain = |c: u8| c.is_ascii_alphanumeric() || b"-_.".contains(&c);
        match (scheme.as_str(), user) {
            ("https", Some(_)) => return Err(BadSource::Credentials),
            (_, Some(user)) if user.contains(':') => return Err(BadSource::Credentials),
            (_, Some(user)) if user.is_empty() || user.starts_with('-') || !user.bytes().all(plain) => {
                return Err(BadSource::Malformed("odd user name"));
            }
            _ => {}
        }
        let (name, port) = split_port(host)?;
        if name.is_empty() || name.starts_with('-') || name.starts_with('.') || name.ends_with('.') {
            return Err(BadSource::Malformed("odd host name"));
        }
        let port = if scheme == "https" && port == ":443" { "" } else { port };
        let bracketed = name.starts_with('[') && name.ends_with(']');
        if !bracketed && !name.bytes().all(plain) {
            return Err(BadSource::Malformed("odd host name"));
        }
        let path = path.trim_end_matches('/');
        if path.starts_with('-') {
            return Err(BadSource::LeadingDash);
        }
        let host = name.to_ascii_lowercase();
        one_number(&host)?;
        if is_site {
            return Ok(Self::Site { url: format!("https://{host}{port}") });
        }
        // A repository whose name ends like this is written with `.git` behind it.
        if let Some(format) = Format::of(path).filter(|_| scheme == "https") {
            return Ok(Self::WebArchive { url: format!("https://{host}{port}/{path}"), format });
        }
        let path = if scheme == "https" { without_git(path)? } else { path };
        let user = user.map_or(String::new(), |user| format!("{user}@"));
        Ok(Self::Git { url: format!("{scheme}://{user}{host}{port}/{path}"), reference: None, path: None })
    }

    /// The same source at another reference, as `--rev` asks.
    ///
    /// # Errors
    /// [`BadSource::Reference`], also for a folder or archive, which has no other.
    pub fn at(self, reference: &str) -> Result<Self, BadSource> {
        match self {
            Self::Git { url, path, .. } => {
                Ok(Self::Git { url, path, reference: Some(checked_reference(reference)?) })
            }
            Self::Folder(_) | Self::Archive { .. } | Self::WebArchive { .. } | Self::Site { .. } => {
                Err(BadSource::Reference(text::escape_short(reference, 60)))
            }
        }
    }
}

/// A repository's path without the ending that makes no difference.
///
/// Attack: `https://h/acme/...git` is allowed and recorded as
/// `https://h/acme/..`, which is another place once it is fetched.
fn without_git(path: &str) -> Result<&str, BadSource> {
    let Some(shorter) = path.strip_suffix(".git") else { return Ok(path) };
    match shorter.rsplit('/').next() {
        None | Some("" | "." | "..") => {
            Err(BadSource::Malformed("no name, or one of dots alone, before `.git`"))
        }
        Some(name) if name.ends_with(".git") => Err(BadSource::Malformed("`.git` twice at its end")),
        Some(_) => Ok(shorter),
    }
}

fn checked_reference(reference: &str) -> Result<String, BadSource> {
    if is_reference(reference) {
        Ok(reference.to_owned())
    } else {
        Err(BadSource::Reference(text::escape_short(reference, 60)))
    }
}

#[cfg(test)]
mod tests;
