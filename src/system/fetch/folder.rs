//! A folder of this machine: as it is in the commit of the work tree around
//! it, or else as it lies there.
//!
//! Everything is opened relative to a directory handle and without following
//! links. Attack: a link in a downloaded folder that hands out a key or a
//! password file as part of a skill; a FIFO that is never written to.

use super::{CARD, CARD_BYTES, FAULTS, FetchError, Found, Listing, Origin, SEARCHED, Sink};
use super::{fault, fault_at, hides_a_skill, misshapen, over, shown};
use crate::model::limits::{Fault, Limits, Rule};
use crate::model::path::EntryPath;
use crate::model::source::{Source, SourceKind};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Limits of a search rather than of a skill.
pub(super) const SEARCH: Limits =
    Limits { files: SEARCHED, total: u64::MAX, file: u64::MAX, ..Limits::CEILING };

/// A file that was seen.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) path: EntryPath,
    pub(super) executable: bool,
    pub(super) size: u64,
}

/// What a walk saw: files by path, and what cannot stand in a skill.
#[derive(Default)]
pub(super) struct Walked {
    pub(super) files: Vec<Seen>,
    pub(super) faults: Vec<Fault>,
    total: u64,
}

/// Opens a folder: the work tree's commit if it lies in one.
pub(super) fn open(path: &Path) -> Result<Box<dyn Origin>, FetchError> {
    let real = std::fs::canonicalize(path).map_err(|error| FetchError::io(path, error))?;
    if !real.is_dir() {
        let why = "not a folder".to_owned();
        return Err(FetchError::NotARepository { what: shown(&real), why });
    }
    let mut notes = Vec::new();
    if let Some(root) = work_tree_of(&real, &mut notes)? {
        match at_head(root, &real)? {
            Some(origin) => return Ok(origin),
            None => notes.push(format!(
                "not in the commit of the repository at `{}`; taken as it lies there, without a commit to name",
                shown(root)
            )),
        }
    }
    let location = real.to_str().ok_or_else(|| FetchError::NotARepository {
        what: shown(&real),
        why: "its path is not UTF-8 and cannot be recorded".to_owned(),
    })?;
    let location = location.to_owned();
    let source = Source { commit: None, kind: SourceKind::Folder, location, path: None, reference: None };
    Ok(Box::new(Plain { folder: real, source, notes }))
}

#[cfg(feature = "git")]
fn at_head(root: &Path, folder: &Path) -> Result<Option<Box<dyn Origin>>, FetchError> {
    let inside = folder.strip_prefix(root).unwrap_or(Path::new("")).as_os_str().as_encoded_bytes();
    let inside = match inside {
        b"" => None,
        raw => Some(
            EntryPath::parse(raw)
                .map_err(|why| FetchError::Refused(vec![fault_at(None, raw, Rule::Name(why))]))?,
        ),
    };
    let snapshot = super::local::at_head(root, folder, inside.as_ref())?;
    Ok(snapshot.map(|snapshot| Box::new(snapshot) as Box<dyn Origin>))
}

#[cfg(not(feature = "git"))]
fn at_head(root: &Path, _: &Path) -> Result<Option<Box<dyn Origin>>, FetchError> {
    Err(FetchError::NotBuiltIn { what: shown(root), feature: "git" })
}

/// The nearest folder upwards with a `.git`. One that another account planted
/// on the way is passed over, and said.
fn work_tree_of<'a>(folder: &'a Path, notes: &mut Vec<String>) -> Result<Option<&'a Path>, FetchError> {
    use std::os::unix::fs::MetadataExt as _;
    for above in folder.ancestors() {
        let dot_git = above.join(".git");
        match std::fs::symlink_metadata(&dot_git) {
            Ok(found) if found.uid() == rustix::process::geteuid().as_raw() => return Ok(Some(above)),
            // Inside the folder asked for it is an entry, refused by name.
            Ok(_) => notes.push(format!("`{}` belongs to another account and is not used", shown(&dot_git))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(FetchError::io(&dot_git, error)),
        }
    }
    Ok(None)
}

/// A folder taken as it lies there.
struct Plain {
    folder: PathBuf,
    source: Source,
    notes: Vec<String>,
}

impl Plain {
    /// Opens a file of a skill, from the folder typed on.
    fn open(&self, skill: Option<&EntryPath>, file: &EntryPath) -> Result<File, FetchError> {
        let below = skill.into_iter().flat_map(EntryPath::components).chain(file.components());
        open_below(&self.folder, below.map(OsStr::new))
            .map_err(|error| FetchError::io(&self.folder.join(file.as_str()), error))
    }
}

impl Origin for Plain {
    fn source(&self) -> &Source {
        &self.source
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }

    fn skills(&self) -> Result<Listing, FetchError> {
        let walked = walk(&self.folder, None, &SEARCH)?;
        if walked.files.len() as u64 > SEARCHED {
            let limit = format!("{SEARCHED} files to search; name a folder in it");
            return Err(FetchError::TooLarge { what: shown(&self.folder), limit });
        }
        let mut out = Listing::default();
        let folders = card_folders(&walked.files);
        for (path, card) in folders.values() {
            let mut bytes = Vec::new();
            let read = self.open(None, card)?.take(CARD_BYTES as u64).read_to_end(&mut bytes);
            read.map_err(|error| FetchError::io(&self.folder.join(card.as_str()), error))?;
            out.skills.push(Found { path: path.clone(), card: bytes });
        }
        let outside = |fault: &Fault| !folders.keys().any(|folder| is_below(&fault.path, folder));
        let is_passed = |fault: &&Fault| is_link(fault) && !hides_a_skill(fault) && outside(fault);
        out.links = walked.faults.iter().filter(is_passed).count() as u64;
        out.faults =
            walked.faults.into_iter().filter(|fault| hides_a_skill(fault) && outside(fault)).collect();
        Ok(out)
    }

    fn copy(&self, skill: &Found, limits: &Limits, out: Sink<'_>) -> Result<(), FetchError> {
        let walked = walk(&self.folder, skill.path.as_ref(), limits)?;
        if !walked.faults.is_empty() {
            return Err(FetchError::Refused(walked.faults));
        }
        for seen in &walked.files {
            let failed = |source| FetchError::Io { what: seen.path.to_string(), source };
            let refused = |rule| FetchError::Refused(vec![fault(Some(&seen.path), rule)]);
            let file = self.open(skill.path.as_ref(), &seen.path)?;
            // Attack: another file put in its place after the walk.
            let stat = rustix::fs::fstat(&file).map_err(|error| failed(error.into()))?;
            if let Some(rule) = odd(&stat, device(&stat)) {
                return Err(refused(rule));
            }
            // One byte more than was seen tells of a file that grew.
            let mut exact = Exact { file: file.take(seen.size.saturating_add(1)), read: 0 };
            out(&seen.path, seen.executable, seen.size, &mut exact).map_err(failed)?;
            io::copy(&mut exact, &mut io::sink()).map_err(failed)?;
            if exact.read != seen.size {
                return Err(refused(Rule::ChangedWhileRead));
            }
        }
        Ok(())
    }
}

/// Counts what is read.
struct Exact {
    file: io::Take<File>,
    read: u64,
}

impl Read for Exact {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(out)?;
        self.read += n as u64;
        Ok(n)
    }
}

/// Whether it is a symbolic link that is meant.
pub(super) const fn is_link(fault: &Fault) -> bool {
    matches!(fault.rule, Rule::Link)
}

fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// The folders with a card by their path (`""` for the root), outermost only:
/// the folder and its card.
pub(super) fn card_folders(files: &[Seen]) -> BTreeMap<&str, (Option<EntryPath>, &EntryPath)> {
    let mut all = BTreeMap::new();
    for seen in files.iter().filter(|seen| seen.path.file_name() == CARD) {
        let folder = seen.path.as_str().rsplit_once('/').map_or("", |(folder, _)| folder);
        // Clean by construction; the empty path of the root is none.
        all.insert(folder, (EntryPath::parse(folder.as_bytes()).ok(), &seen.path));
    }
    let folders: BTreeSet<&str> = all.keys().copied().collect();
    let above = |folder: &str| folder.match_indices('/').any(|(at, _)| folders.contains(&folder[..at]));
    all.retain(|folder, _| folder.is_empty() || !(folders.contains("") || above(folder)));
    all
}

const FOLDER_FLAGS: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Opens a file or folder below a folder, one component at a time, none of
/// them a link. Never waits: a FIFO opens at once and is seen by its type.
pub(super) fn open_below<'a>(
    folder: &Path,
    components: impl IntoIterator<Item = &'a OsStr>,
) -> io::Result<File> {
    let mut at = rustix::fs::open(folder, FOLDER_FLAGS, Mode::empty())?;
    let mut components = components.into_iter().peekable();
    while let Some(name) = components.next() {
        let flags = match components.peek() {
            Some(_) => FOLDER_FLAGS,
            None => OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC,
        };
        at = rustix::fs::openat(&at, name, flags, Mode::empty())?;
    }
    Ok(File::from(at))
}

/// Walks a folder inside `root`: every regular file, and every fault. The one
/// function to replace when the reading of trees has a better home.
pub(super) fn walk(root: &Path, inside: Option<&EntryPath>, limits: &Limits) -> Result<Walked, FetchError> {
    let below = inside.into_iter().flat_map(EntryPath::components).map(OsStr::new);
    let fd = open_below(root, below).map_err(|error| FetchError::io(root, error))?.into();
    let stat = rustix::fs::fstat(&fd).map_err(|error| FetchError::io(root, error.into()))?;
    let mut out = Walked::default();
    walk_folder(&fd, None, device(&stat), limits, &mut out)?;
    out.files.sort_by(|a, b| a.path.cmp(&b.path));
    out.faults.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(out)
}

fn walk_folder(
    fd: &OwnedFd,
    folder: Option<&EntryPath>,
    device: u64,
    limits: &Limits,
    out: &mut Walked,
) -> Result<(), FetchError> {
    let trouble = |error: rustix::io::Errno| fault(folder, Rule::Unreadable(error.to_string()));
    let mut names = Vec::new();
    match Dir::read_from(fd) {
        Err(error) => out.faults.push(trouble(error)),
        Ok(entries) => {
            for entry in entries.take(SEARCHED as usize + 2) {
                match entry {
                    Ok(entry) => names.push(entry.file_name().to_bytes().to_vec()),
                    Err(error) => {
                        out.faults.push(trouble(error));
                        break;
                    }
                }
            }
        }
    }
    names.retain(|name| name != b"." && name != b"..");
    if names.is_empty() {
        out.faults.push(fault(folder, Rule::EmptyFolder));
    }
    for name in names {
        // More of them would only make the answer longer.
        if out.faults.len() >= FAULTS || out.files.len() as u64 > limits.files {
            return Ok(());
        }
        if let Err(found) = walk_entry(fd, folder, &name, device, limits, out)? {
            out.faults.push(found);
        }
    }
    Ok(())
}

fn walk_entry(
    fd: &OwnedFd,
    folder: Option<&EntryPath>,
    name: &[u8],
    device: u64,
    limits: &Limits,
    out: &mut Walked,
) -> Result<Result<(), Fault>, FetchError> {
    let trouble = |error: rustix::io::Errno| Rule::Unreadable(error.to_string());
    let path = match EntryPath::join(folder, name) {
        Ok(path) => path,
        Err(why) => return Ok(Err(fault_at(folder, name, Rule::Name(why)))),
    };
    let refuse = |rule| Ok(Err(fault(Some(&path), rule)));
    let stat = match rustix::fs::statat(fd, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(error) => return refuse(trouble(error)),
    };
    if let Some(rule) = odd(&stat, device).or_else(|| misshapen(limits, &path)) {
        return refuse(rule);
    }
    if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
        return match rustix::fs::openat(fd, name, FOLDER_FLAGS, Mode::empty()) {
            // Depth is limited above, so is this recursion.
            Ok(below) => walk_folder(&below, Some(&path), device, limits, out).map(Ok),
            Err(error) => refuse(trouble(error)),
        };
    }
    let size = u64::try_from(stat.st_size).unwrap_or(u64::MAX);
    out.total = out.total.saturating_add(size);
    let count = out.files.len() as u64 + 1;
    out.faults.extend(over(limits, &path, size, count, out.total));
    out.files.push(Seen { path, executable: stat.st_mode & 0o100 != 0, size });
    Ok(Ok(()))
}

#[allow(clippy::unnecessary_cast, reason = "narrower, or signed, on other systems")]
fn device(stat: &Stat) -> u64 {
    stat.st_dev as u64
}

#[allow(clippy::unnecessary_cast, reason = "narrower on other systems")]
fn links(stat: &Stat) -> u64 {
    stat.st_nlink as u64
}

/// What kind of entry cannot stand in a skill.
fn odd(stat: &Stat, home: u64) -> Option<Rule> {
    let mode = stat.st_mode & 0o7777;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory if device(stat) != home => Some(Rule::OtherFileSystem),
        FileType::RegularFile if stat.st_nlink > 1 => Some(Rule::HardLink(links(stat))),
        FileType::RegularFile | FileType::Directory if mode & 0o7000 != 0 => Some(Rule::SetId(mode)),
        FileType::RegularFile | FileType::Directory => None,
        FileType::Symlink => Some(Rule::Link),
        FileType::Fifo => Some(Rule::Special("FIFO")),
        FileType::Socket => Some(Rule::Special("socket")),
        _ => Some(Rule::Special("device")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn a_card_inside_a_skill_makes_no_second_skill() {
        let seen = |path: &str| Seen {
            path: EntryPath::parse(path.as_bytes()).unwrap(),
            executable: false,
            size: 0,
        };
        let found = |paths: &[&str]| {
            let files: Vec<Seen> = paths.iter().map(|path| seen(path)).collect();
            card_folders(&files).into_keys().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(
            found(&["b/SKILL.md", "a/SKILL.md", "a/x/SKILL.md", "a-b/SKILL.md", "c/skill.md"]),
            ["a", "a-b", "b"]
        );
        assert_eq!(found(&["a/SKILL.md", "SKILL.md"]), [""]);
        assert!(found(&["a/README.md"]).is_empty());
    }
}
