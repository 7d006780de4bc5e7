//! Sources: from what a person typed to the bytes of skills, and nothing else.
//!
//! Invariant: fetching runs no program but the person's `ssh`, reads no git
//! configuration, writes only into the scratch folder it was given, and hands
//! out a skill's bytes only after every entry of that skill passed the rules
//! and limits. The commit that was found, not the name asked for, is recorded.
//!
//! Rooms: [`folder`] a folder of this machine; [`archive`] a tar or zip file
//! of this machine; `local` a repository of this
//! machine; `wire` git's protocol over `http` or `ssh`; `snapshot` the tree of
//! one commit; `git` the object database, the only door to libgit2; `watch`
//! the byte cap, the clocks and the interrupt of everything from outside.

#[cfg(feature = "archives")]
pub mod archive;
#[cfg(all(feature = "https", feature = "archives"))]
mod download;
mod error;
pub mod folder;
#[cfg(feature = "git")]
mod git;
#[cfg(feature = "https")]
mod http;
#[cfg(feature = "git")]
mod local;
#[cfg(feature = "git")]
mod remote;
#[cfg(all(feature = "https", feature = "archives"))]
mod site;
#[cfg(feature = "git")]
mod snapshot;
#[cfg(feature = "git")]
mod ssh;
#[cfg(feature = "git")]
mod watch;
#[cfg(feature = "https")]
mod web;
#[cfg(feature = "git")]
mod wire;

pub use error::FetchError;

use crate::model::git_proof::GitProof;
use crate::model::limits::{Fault, Limits, Rule};
use crate::model::path::EntryPath;
use crate::model::source::{Format, Source, SourceSpec};
use crate::model::text;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// The name of the file that makes a folder a skill, exactly so.
pub const CARD: &str = "SKILL.md";

/// Bytes of a card that are handed out: the 64 KiB a card may have, and one
/// more so that a reader can tell that there are more.
pub const CARD_BYTES: usize = (64 << 10) + 1;

/// Entries that are looked at while searching a source for skills.
const SEARCHED: u64 = 200_000;

/// Faults that are collected before the reading stops.
const FAULTS: usize = 1_000;

/// A skill that was found in a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its folder, from the root of the repository or of the folder typed;
    /// none for that root.
    pub path: Option<EntryPath>,
    /// The bytes of its `SKILL.md`, at most [`CARD_BYTES`].
    pub card: Vec<u8>,
}

/// What a search of a source found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The skills, by path.
    pub skills: Vec<Found>,
    /// Places that were not searched, and why: a skill might be there.
    pub faults: Vec<Fault>,
    /// Symbolic links outside of every skill, which were passed over.
    pub links: u64,
}

/// Takes one file of a skill: path, whether it is executable, bytes, content.
/// The content must be read to its end.
pub type Sink<'a> = &'a mut dyn FnMut(&EntryPath, bool, u64, &mut dyn Read) -> io::Result<()>;

/// A source that is reached and resolved.
pub trait Origin {
    /// The source; for git with the exact commit.
    fn source(&self) -> &Source;

    /// What a person should know about how it was reached, ready to print.
    fn notes(&self) -> &[String];

    /// Every folder with a file named exactly `SKILL.md`. What lies inside a
    /// skill's own folder is part of that skill.
    ///
    /// # Errors
    /// When the source cannot be read, or is too large to be searched.
    fn skills(&self) -> Result<Listing, FetchError>;

    /// Hands every file of a skill to `out`, in path order; those of an archive
    /// in its own. Whether two good names collide is not judged here. With an
    /// error in the answer, what was handed out is to be dropped.
    ///
    /// # Errors
    /// [`FetchError::Refused`] with all faults, before the first file is handed
    /// out; anything else when reading or `out` fails.
    fn copy(&self, skill: &Found, limits: &Limits, out: Sink<'_>) -> Result<(), FetchError>;

    /// The raw objects that lead to one of its skills, for who checks
    /// signatures of commits and tags; none where there is no commit.
    ///
    /// # Errors
    /// When an object cannot be read.
    fn proof(&self, _: &Found) -> Result<Option<GitProof>, FetchError> {
        Ok(None)
    }

    /// The source of one of its skills.
    fn source_of(&self, skill: &Found) -> Source {
        Source { path: skill.path.clone(), ..self.source().clone() }
    }
}

/// Files behind one address, for what is fetched file by file.
pub trait Files {
    /// A file by its path below the address; none if the server has none there.
    ///
    /// # Errors
    /// [`FetchError`]; [`FetchError::TooLarge`] for more than `limit` bytes.
    fn get(&self, place: &str, limit: u64) -> Result<Option<Vec<u8>>, FetchError>;
}

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that arrived.
    pub bytes: u64,
    /// Objects that were indexed.
    pub objects: u64,
    /// Objects that were announced.
    pub of: u64,
}

/// Asked with an address; says which rule forbids it.
pub type Allowed = Arc<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// How to fetch.
#[derive(Clone)]
pub struct FetchOptions {
    /// Contact nobody.
    pub offline: bool,
    /// Set by a signal handler; everything stops at the next look, at most a
    /// tenth of a second later.
    pub interrupt: Arc<AtomicBool>,
    /// Told at each step of a transfer, which is often; it must be quick.
    pub progress: Option<Arc<dyn Fn(Progress) + Send + Sync>>,
    /// Longest wait for a connection.
    pub connect: Duration,
    /// Longest wait for the next byte.
    pub idle: Duration,
    /// Longest time for all of it.
    pub total: Duration,
    /// Most bytes that may arrive.
    pub max_bytes: u64,
    /// Most objects a transfer may hold.
    pub max_objects: u32,
    /// Certificate roots to trust besides the machine's, in PEM form.
    pub extra_root_pem: Option<Vec<u8>>,
    /// Hosts that may have an address that is not public.
    pub internal_hosts: Vec<String>,
    /// Asked before an https address is contacted, a redirect's target too; none
    /// where no rule is in force.
    pub allowed: Option<Allowed>,
    /// Where to look for `ssh`; the process's own `PATH` if none.
    pub search_path: Option<OsString>,
}

impl Default for FetchOptions {
    fn default() -> Self {
        Self {
            offline: false,
            interrupt: Arc::default(),
            progress: None,
            connect: Duration::from_secs(15),
            idle: Duration::from_secs(30),
            total: Duration::from_secs(600),
            max_bytes: 512 << 20,
            max_objects: 2_000_000,
            extra_root_pem: None,
            internal_hosts: Vec::new(),
            allowed: None,
            search_path: None,
        }
    }
}

impl fmt::Debug for FetchOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchOptions").field("offline", &self.offline).finish_non_exhaustive()
    }
}

/// A path as it may be printed.
fn shown(path: &Path) -> String {
    text::escape_bytes(path.as_os_str().as_encoded_bytes())
}

fn fault(path: Option<&EntryPath>, rule: Rule) -> Fault {
    Fault { path: path.map_or_else(|| ".".to_owned(), ToString::to_string), rule }
}

/// A fault of a name that is no [`EntryPath`].
fn fault_at(parent: Option<&EntryPath>, name: &[u8], rule: Rule) -> Fault {
    let name = text::escape_bytes(name);
    Fault { path: parent.map_or_else(|| name.clone(), |parent| format!("{parent}/{name}")), rule }
}

/// Whether a skill may lie behind the fault, unseen. Links and odd files that
/// are no card are of no concern while searching.
fn hides_a_skill(fault: &Fault) -> bool {
    let card = || fault.path == CARD || fault.path.ends_with("/SKILL.md");
    match fault.rule {
        Rule::Name(_) | Rule::Submodule | Rule::TooDeep(_) | Rule::PathTooLong(_) => true,
        Rule::OtherFileSystem | Rule::Unreadable(_) => true,
        _ => card(),
    }
}

/// What is wrong with a file of this path and size after `count` files of
/// `total` bytes, all with itself; nothing if it is within the limits.
fn over(limits: &Limits, path: &EntryPath, size: u64, count: u64, total: u64) -> Vec<Fault> {
    let mut faults = Vec::new();
    if size > limits.file {
        faults.push(fault(Some(path), Rule::FileTooLarge(size, limits.file)));
    }
    // Said once, where it happens, not for each file after it.
    if count == limits.files + 1 {
        faults.push(fault(None, Rule::TooManyFiles(limits.files)));
    }
    if total > limits.total && total - size <= limits.total {
        faults.push(fault(None, Rule::TooManyBytes(limits.total)));
    }
    faults
}

/// What is wrong with the shape of a path.
fn misshapen(limits: &Limits, path: &EntryPath) -> Option<Rule> {
    if path.depth() > limits.depth {
        Some(Rule::TooDeep(limits.depth))
    } else if path.as_str().len() > limits.path {
        Some(Rule::PathTooLong(limits.path))
    } else {
        None
    }
}

/// Reaches a source and resolves it. `scratch` is an empty private folder
/// that the caller deletes, whatever happens; the origin reads from it.
///
/// # Errors
/// [`FetchError`]; nothing was written outside of `scratch`.
pub fn open(
    spec: &SourceSpec,
    scratch: &Path,
    options: &FetchOptions,
) -> Result<Box<dyn Origin>, FetchError> {
    match spec {
        SourceSpec::Folder(path) => folder::open(path),
        SourceSpec::Archive { path, format } => open_archive(path, *format, options),
        SourceSpec::WebArchive { url, format } => open_web_archive(url, *format, scratch, options),
        SourceSpec::Site { url } => open_site(url, scratch, options),
        SourceSpec::Git { url, reference, path } => {
            open_git(url, reference.as_deref(), path.as_ref(), scratch, options)
        }
    }
}

/// Files below an `https://` address that ends in a slash.
///
/// # Errors
/// [`FetchError`]; nothing was contacted.
#[cfg(all(feature = "https", feature = "archives"))]
pub fn files(base: &str, options: &FetchOptions) -> Result<Box<dyn Files>, FetchError> {
    Ok(Box::new(download::Folder::new(base, options)?))
}

/// Files below an `https://` address that ends in a slash.
///
/// # Errors
/// [`FetchError::NotBuiltIn`].
#[cfg(not(all(feature = "https", feature = "archives")))]
pub fn files(base: &str, _: &FetchOptions) -> Result<Box<dyn Files>, FetchError> {
    Err(FetchError::NotBuiltIn { what: text::escape_short(base, 300), feature: "https" })
}

#[cfg(feature = "archives")]
fn open_archive(path: &Path, format: Format, options: &FetchOptions) -> Result<Box<dyn Origin>, FetchError> {
    archive::open(path, format, options)
}

#[cfg(not(feature = "archives"))]
fn open_archive(path: &Path, _: Format, _: &FetchOptions) -> Result<Box<dyn Origin>, FetchError> {
    Err(FetchError::NotBuiltIn { what: shown(path), feature: "archives" })
}

#[cfg(all(feature = "https", feature = "archives"))]
fn open_web_archive(
    url: &str,
    format: Format,
    scratch: &Path,
    options: &FetchOptions,
) -> Result<Box<dyn Origin>, FetchError> {
    let file = download::Downloads::new(url, scratch, options)?.fetch(url, "archive", u64::MAX)?;
    archive::open_fetched(&file.path, format, url, web::notes(url, Some(&file.url)), options)
}

#[cfg(all(feature = "https", feature = "archives"))]
fn open_site(url: &str, scratch: &Path, options: &FetchOptions) -> Result<Box<dyn Origin>, FetchError> {
    site::open(url, scratch, options)
}

/// Of the two that a download takes, the one to name.
#[cfg(not(all(feature = "https", feature = "archives")))]
const LACKS: &str = if cfg!(feature = "https") { "archives" } else { "https" };

#[cfg(not(all(feature = "https", feature = "archives")))]
fn open_site(url: &str, _: &Path, _: &FetchOptions) -> Result<Box<dyn Origin>, FetchError> {
    Err(FetchError::NotBuiltIn { what: text::escape_short(url, 300), feature: LACKS })
}

#[cfg(not(all(feature = "https", feature = "archives")))]
fn open_web_archive(url: &str, _: Format, _: &Path, _: &FetchOptions) -> Result<Box<dyn Origin>, FetchError> {
    Err(FetchError::NotBuiltIn { what: text::escape_short(url, 300), feature: LACKS })
}

#[cfg(feature = "git")]
fn open_git(
    url: &str,
    reference: Option<&str>,
    path: Option<&EntryPath>,
    scratch: &Path,
    options: &FetchOptions,
) -> Result<Box<dyn Origin>, FetchError> {
    let origin = match url.strip_prefix("file://") {
        Some(folder) => local::open(Path::new(folder), reference, path)?,
        None => remote::open(url, reference, path, scratch, options)?,
    };
    Ok(Box::new(origin))
}

#[cfg(not(feature = "git"))]
fn open_git(
    url: &str,
    _: Option<&str>,
    _: Option<&EntryPath>,
    _: &Path,
    _: &FetchOptions,
) -> Result<Box<dyn Origin>, FetchError> {
    Err(FetchError::NotBuiltIn { what: text::escape_short(url, 300), feature: "git" })
}
