//! A repository of this machine, which may be a trap.
//!
//! Whoever can hand us a folder can hand us a `.git` in it. Opened as a
//! repository, it could name programs (`core.fsmonitor`, `core.hooksPath`,
//! `filter.*`, `core.sshCommand`, `uploadpack.packObjectsHook`), pull in files
//! (`include.path`, a FIFO that never ends among them), borrow the objects of
//! another repository (`alternates`, `commondir`, links), or point its work
//! tree elsewhere (`core.worktree`). So it is not opened: no configuration,
//! hook, index, attribute or replacement is read. We read `HEAD`, one
//! reference and the objects, each only where it is a real file or folder of
//! our own account, reached without links; objects by id, with their bytes
//! hashed. A `.git` *file* is believed only if the place it names points back.
//!
//! What remains: index files of packs are read by libgit2, and a file that is
//! cut short while it is mapped ends the process. Both take the same account.

use super::folder;
use super::git::{self, Id, Objects};
use super::remote::{Choice, choose};
use super::snapshot::Snapshot;
use super::{FetchError, shown};
use crate::model::limits::Rule;
use crate::model::path::{EntryPath, NameFault};
use crate::model::source::{Source, SourceKind};
use rustix::io::Errno;
use std::collections::HashMap;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Bytes of a reference, a `.git` file and the like.
const SMALL: u64 = 4 << 10;
/// Bytes of the list of packed references.
const PACKED_REFS: u64 = 64 << 20;
/// Files an object folder may have.
const OBJECT_FILES: u64 = 4_000_000;
/// Uncommitted changes that are counted before the counting stops.
const CHANGES: u64 = 10_000;

/// Where the parts of a repository lie.
struct Layout {
    /// The work tree, or the repository itself if it has none.
    root: PathBuf,
    /// The folder with `HEAD`.
    git: PathBuf,
    /// The folder with references and objects.
    common: PathBuf,
}

/// Opens a repository for `file://`, without its work tree's changes.
pub(super) fn open(
    path: &Path,
    reference: Option<&str>,
    inside: Option<&EntryPath>,
) -> Result<Snapshot, FetchError> {
    let root = fs::canonicalize(path).or_else(|error| {
        // As git does: the name of a bare repository may lack its ending.
        let mut longer = path.as_os_str().to_owned();
        longer.push(".git");
        fs::canonicalize(longer).map_err(|_| FetchError::io(path, error))
    })?;
    let layout = Layout::find(&root)?;
    layout.snapshot(reference, inside)
}

/// Takes a folder inside a work tree as it is in the commit of `HEAD`; none if
/// that has no such folder. `root` holds the `.git`.
pub(super) fn at_head(
    root: &Path,
    folder: &Path,
    inside: Option<&EntryPath>,
) -> Result<Option<Snapshot>, FetchError> {
    let layout = Layout::find(root)?;
    let mut snapshot = match layout.snapshot(None, inside) {
        Ok(snapshot) => snapshot,
        Err(FetchError::Missing { .. } | FetchError::Reference { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    if let Some(note) = changes(&snapshot, folder, inside)? {
        snapshot.note(note);
    }
    Ok(Some(snapshot))
}

impl Layout {
    fn find(root: &Path) -> Result<Self, FetchError> {
        let dot_git = root.join(".git");
        let (git, linked) = match fs::symlink_metadata(&dot_git) {
            Ok(found) if found.is_dir() => (dot_git, false),
            Ok(found) if found.is_file() => (target_of(&dot_git)?, true),
            Ok(_) => return Err(distrusted(root, "its `.git` is neither a folder nor a file")),
            Err(_) => (root.to_owned(), false),
        };
        our_folder(root, root)?;
        our_folder(root, &git)?;
        let common =
            match read_small(&git, "commondir", SMALL).map_err(|error| FetchError::io(&git, error))? {
                None => git.clone(),
                // Attack: a plain `.git` folder that borrows another repository.
                Some(_) if !linked => {
                    return Err(distrusted(root, "it borrows another repository (`commondir`)"));
                }
                Some(name) => fs::canonicalize(git.join(name.trim_end()))
                    .map_err(|error| FetchError::io(&git, error))?,
            };
        if linked {
            points_back(root, &git, &common)?;
        }
        our_folder(root, &common)?;
        let layout = Self { root: root.to_owned(), git, common };
        if layout.common.join("reftable").exists() {
            let why = "it keeps references as reftable, which is not read yet".to_owned();
            return Err(FetchError::NotARepository { what: shown(root), why });
        }
        Ok(layout)
    }

    fn snapshot(&self, reference: Option<&str>, inside: Option<&EntryPath>) -> Result<Snapshot, FetchError> {
        let what = shown(&self.root);
        let chosen = choose(reference, &what, &|name| self.lookup(name))?;
        let objects = self.objects(&what)?;
        let id = match chosen {
            Choice::Listed(id) => id,
            Choice::Commit(id) if objects.has(id) => id,
            Choice::Commit(id) => {
                let why = "no such commit".to_owned();
                return Err(FetchError::Reference { what, wanted: id.to_string(), why });
            }
        };
        let location = self.root.to_str().ok_or_else(|| FetchError::NotARepository {
            what: what.clone(),
            why: "its path is not UTF-8 and cannot be recorded".to_owned(),
        })?;
        let source = Source {
            commit: None,
            kind: SourceKind::Git,
            location: format!("file://{location}"),
            path: inside.cloned(),
            reference: reference.map(str::to_owned),
        };
        Snapshot::new(objects, id, source, Vec::new())
    }

    /// The object of a reference by its full name.
    fn lookup(&self, name: &str) -> Result<Option<Id>, FetchError> {
        let what = || shown(&self.root);
        let mut name = name.to_owned();
        // `HEAD` names a branch; a chain of names has an end.
        for _ in 0..5 {
            if !(name == "HEAD" || name.starts_with("refs/") && crate::model::source::is_reference(&name)) {
                return Err(FetchError::Broken {
                    what: what(),
                    why: "a reference with an odd name".to_owned(),
                });
            }
            let folder = if name == "HEAD" { &self.git } else { &self.common };
            let loose = read_small(folder, &name, SMALL);
            let Some(text) = loose.map_err(|error| FetchError::io(&folder.join(&name), error))? else {
                return self.lookup_packed(&name);
            };
            let text = text.trim_end();
            match text.strip_prefix("ref:") {
                Some(next) => name = next.trim_start().to_owned(),
                None => return self.id(&name, text).map(Some),
            }
        }
        Err(FetchError::Broken { what: what(), why: "references that name each other".to_owned() })
    }

    fn lookup_packed(&self, name: &str) -> Result<Option<Id>, FetchError> {
        let packed = read_small(&self.common, "packed-refs", PACKED_REFS);
        let packed = packed.map_err(|error| FetchError::io(&self.common.join("packed-refs"), error))?;
        let hit = packed.as_deref().unwrap_or_default().lines().find_map(|line| {
            let (hex, found) = line.split_once(' ')?;
            (found == name).then(|| hex.to_owned())
        });
        hit.map(|hex| self.id(name, &hex)).transpose()
    }

    fn id(&self, name: &str, hex: &str) -> Result<Id, FetchError> {
        git::id(hex).ok_or_else(|| {
            let why = if hex.len() == 64 {
                "its object names are SHA-256, which is not read yet".to_owned()
            } else {
                format!("`{name}` holds no commit")
            };
            FetchError::NotARepository { what: shown(&self.root), why }
        })
    }

    /// The objects, after a look at every file that will be opened.
    fn objects(&self, what: &str) -> Result<Objects, FetchError> {
        let folder = self.common.join("objects");
        our_folder(&self.root, &folder)?;
        for borrowed in ["info/alternates", "info/http-alternates"] {
            if fs::symlink_metadata(folder.join(borrowed)).is_ok() {
                let why = format!("it borrows objects of another repository (`objects/{borrowed}`)");
                return Err(distrusted(&self.root, &why));
            }
        }
        let mut files = 0;
        let mut list = |folder: &Path, below: &mut Vec<PathBuf>| -> Result<(), FetchError> {
            for entry in fs::read_dir(folder).map_err(|error| FetchError::io(folder, error))? {
                let entry = entry.map_err(|error| FetchError::io(folder, error))?;
                let kind = entry.file_type().map_err(|error| FetchError::io(folder, error))?;
                files += 1;
                if files > OBJECT_FILES {
                    let limit = format!("{OBJECT_FILES} object files");
                    return Err(FetchError::TooLarge { what: what.to_owned(), limit });
                }
                if kind.is_dir() {
                    below.push(entry.path());
                } else if !kind.is_file() {
                    // Attack: a FIFO as an object, so that the read never
                    // ends; a link, so that it reads what is not its own.
                    let why = format!("`{}` is neither a file nor a folder", shown(&entry.path()));
                    return Err(distrusted(&self.root, &why));
                }
            }
            Ok(())
        };
        let (mut below, mut deeper) = (Vec::new(), Vec::new());
        list(&folder, &mut below)?;
        for folder in &below {
            list(folder, &mut deeper)?;
        }
        Objects::over(&folder, what)
    }
}

fn distrusted(root: &Path, why: &str) -> FetchError {
    FetchError::Distrusted { what: shown(root), why: why.to_owned() }
}

/// Reads a small text below a folder without following links; none if it is
/// not there.
fn read_small(folder: &Path, name: &str, most: u64) -> io::Result<Option<String>> {
    let file = match folder::open_below(folder, name.split('/').map(str::as_ref)) {
        Ok(file) => file,
        Err(error) if matches!(Errno::from_io_error(&error), Some(Errno::NOENT | Errno::NOTDIR)) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    if file.metadata()?.is_dir() {
        // `refs/heads/x` while only `refs/heads/x/y` is there.
        return Ok(None);
    }
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut text = String::new();
    if file.take(most + 1).read_to_string(&mut text)? as u64 > most {
        return Err(io::Error::other(format!("more than {most} bytes")));
    }
    Ok(Some(text))
}

/// Where a `.git` file says that the repository is.
fn target_of(dot_git: &Path) -> Result<PathBuf, FetchError> {
    let root = dot_git.parent().unwrap_or(dot_git);
    let text = read_small(root, ".git", SMALL).map_err(|error| FetchError::io(dot_git, error))?;
    let text = text.unwrap_or_default();
    let named = text.strip_prefix("gitdir:").map(str::trim);
    let named = named.ok_or_else(|| distrusted(root, "its `.git` file names no repository"))?;
    fs::canonicalize(root.join(named)).map_err(|error| FetchError::io(dot_git, error))
}

/// Attack: a `.git` file in a downloaded folder that names a repository the
/// person keeps elsewhere, so that what is shown and taken is not what came.
fn points_back(root: &Path, git: &Path, common: &Path) -> Result<(), FetchError> {
    let modules = |above: &Path| git.starts_with(above.join(".git/modules"));
    // A submodule's repository lies in that of the work tree around it, and
    // borrows from nobody.
    let submodule = git == common && root.ancestors().skip(1).any(modules);
    let backlink = read_small(git, "gitdir", SMALL).map_err(|error| FetchError::io(git, error))?;
    let worktree = backlink.is_some_and(|text| {
        let back = fs::canonicalize(git.join(text.trim_end()));
        git.starts_with(common.join("worktrees")) && back.is_ok_and(|back| back == root.join(".git"))
    });
    if submodule || worktree {
        return Ok(());
    }
    Err(distrusted(root, "its `.git` file names a repository that does not point back"))
}

/// Attack: a repository another account planted above the folder that we were
/// given, as in `/tmp/.git`.
fn our_folder(root: &Path, folder: &Path) -> Result<(), FetchError> {
    let found = match fs::symlink_metadata(folder) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let why = format!("there is no `{}`", shown(folder));
            return Err(FetchError::NotARepository { what: shown(root), why });
        }
        Err(error) => return Err(FetchError::io(folder, error)),
    };
    let ours = rustix::process::geteuid().as_raw();
    if !found.is_dir() {
        return Err(distrusted(root, &format!("`{}` is not a folder of its own", shown(folder))));
    }
    if found.uid() != ours {
        let why = format!("`{}` belongs to account {}, not to {ours}", shown(folder), found.uid());
        return Err(distrusted(root, &why));
    }
    Ok(())
}

/// Compares the work tree with the commit, by our own hashing: git's `status`
/// would run the filters and monitors that the repository names. A file that
/// git would convert (line ends) counts as changed, an ignored one as new.
fn changes(
    snapshot: &Snapshot,
    folder: &Path,
    inside: Option<&EntryPath>,
) -> Result<Option<String>, FetchError> {
    let mut committed: HashMap<EntryPath, (bool, u64, Id)> = HashMap::new();
    for (path, executable, size, id) in snapshot.files(inside)? {
        committed.insert(path, (executable, size, id));
    }
    let walked = folder::walk(folder, None, &folder::SEARCH)?;
    let (mut modified, mut fresh) = (0_u64, 0_u64);
    for file in &walked.files {
        match committed.remove(&file.path) {
            None => fresh += 1,
            Some((executable, size, id)) => {
                let same = executable == file.executable
                    && size == file.size
                    && (modified >= CHANGES || hash(folder, &file.path, size)? == Some(id));
                modified += u64::from(!same);
            }
        }
    }
    // Links, odd names and the like are not taken from the commit either; the
    // repository itself and folders without files are nothing git would keep.
    let kept = |rule: &Rule| !matches!(rule, Rule::Name(NameFault::DotGit) | Rule::EmptyFolder);
    fresh += walked.faults.iter().filter(|fault| kept(&fault.rule)).count() as u64;
    let deleted = committed.len() as u64;
    let all = modified + fresh + deleted;
    if all == 0 {
        return Ok(None);
    }
    let (verb, change) = if all == 1 { ("is", "change") } else { ("are", "changes") };
    Ok(Some(format!(
        "{all} uncommitted {change} {verb} not included: {modified} modified, {fresh} not in the commit, {deleted} deleted"
    )))
}

fn hash(folder: &Path, path: &EntryPath, size: u64) -> Result<Option<Id>, FetchError> {
    let place = folder.join(path.as_str());
    let read = || -> io::Result<Vec<u8>> {
        let file = folder::open_below(folder, path.components().map(str::as_ref))?;
        let mut bytes = Vec::new();
        file.take(size + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    Ok(git::blob_id(&read().map_err(|error| FetchError::io(&place, error))?))
}
