//! Where the skills below a folder lie, as it lies there: every folder with a
//! `SKILL.md`, at any depth, and nothing below such a folder.
//!
//! Names on the way to a skill may be anything that a file system takes: a
//! checkout is looked at as it is. Nothing is followed and no `.git` is entered.
//!
//! Attack: a skill put where a search gives up. Whatever could not be looked into
//! is said, and nobody may take what was found for all there is.

use super::tree::{folder_at, kind};
use crate::model::limits::{Fault, Rule};
use crate::model::path::NameFault;
use crate::model::text;
use rustix::fs::{AtFlags, Dir, FileType};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

/// The file that makes a folder a skill.
const CARD: &str = "SKILL.md";
/// Entries looked at before a search ends.
const MOST: usize = 1_000_000;
/// Folders deep.
const DEEP: usize = 64;
/// Faults kept.
const FAULTS: usize = 1_000;

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Below {
    /// Folders of skills, from the top, by their bytes; empty for the top itself.
    pub skills: Vec<PathBuf>,
    /// What could hide a skill; paths escaped.
    pub faults: Vec<Fault>,
    /// Symbolic links that were passed over.
    pub links: usize,
    seen: usize,
}

/// Looks for skills.
#[must_use]
pub fn skills(top: BorrowedFd<'_>) -> Below {
    let mut out = Below::default();
    match folder_of(top) {
        Ok(top) => look(&top, Path::new(""), 0, &mut out),
        Err(error) => out.fault(Path::new(""), unreadable(error)),
    }
    out.skills.sort();
    out.faults.sort_by(|a, b| a.path.cmp(&b.path));
    out
}

/// Opens a folder that was found; nothing on the way is followed.
///
/// # Errors
/// The fault.
pub fn open(top: BorrowedFd<'_>, below: &Path) -> Result<OwnedFd, Fault> {
    let opened = folder_of(top).and_then(|mut at| {
        for name in below.components() {
            at = folder_at(&at, name.as_os_str())?;
        }
        Ok(at)
    });
    opened.map_err(|error| Fault { path: shown(below), rule: unreadable(error) })
}

fn folder_of(top: BorrowedFd<'_>) -> rustix::io::Result<OwnedFd> {
    rustix::io::fcntl_dupfd_cloexec(top, 0)
}

impl Below {
    fn fault(&mut self, path: &Path, rule: Rule) {
        if self.faults.len() < FAULTS {
            self.faults.push(Fault { path: shown(path), rule });
        } else if self.faults.len() == FAULTS {
            self.faults.push(Fault { path: ".".to_owned(), rule: Rule::TooManyFaults(FAULTS) });
        }
    }
}

fn look(folder: &OwnedFd, path: &Path, depth: usize, out: &mut Below) {
    let names = match names(folder, MOST.saturating_sub(out.seen)) {
        Ok(names) => names,
        Err(error) => return out.fault(path, unreadable(error)),
    };
    out.seen = out.seen.saturating_add(names.len());
    if out.seen >= MOST {
        return out.fault(path, Rule::TooManyFiles(MOST as u64));
    }
    // What is no plain file is shown with the skill, as what it is.
    if names.iter().any(|name| name == CARD) {
        out.skills.push(path.to_owned());
        return;
    }
    for name in names {
        let here = path.join(&name);
        if name == ".git" {
            continue;
        }
        match rustix::fs::statat(folder, name.as_os_str(), AtFlags::SYMLINK_NOFOLLOW).map(|stat| kind(&stat))
        {
            Ok(FileType::Directory) if depth >= DEEP => out.fault(&here, Rule::TooDeep(DEEP)),
            Ok(FileType::Directory) => match folder_at(folder, &name) {
                // Depth is limited, so is this recursion.
                Ok(below) => look(&below, &here, depth + 1, out),
                Err(error) => out.fault(&here, unreadable(error)),
            },
            Ok(FileType::Symlink) => out.links += 1,
            Ok(_) => {}
            Err(error) => out.fault(&here, unreadable(error)),
        }
    }
}

/// The names in a folder, in order.
fn names(folder: &OwnedFd, most: usize) -> rustix::io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder.as_fd())?.take(most.saturating_add(2)) {
        let name = entry?.file_name().to_bytes().to_vec();
        if name != b"." && name != b".." {
            names.push(OsString::from_vec(name));
        }
    }
    names.sort();
    Ok(names)
}

fn unreadable(error: Errno) -> Rule {
    match error {
        Errno::LOOP => Rule::Link,
        Errno::NOTDIR => Rule::NotAFolder,
        Errno::XDEV => Rule::OtherFileSystem,
        Errno::NAMETOOLONG => Rule::Name(NameFault::TooLong),
        other => Rule::Unreadable(std::io::Error::from(other).to_string()),
    }
}

fn shown(path: &Path) -> String {
    let path: &OsStr = path.as_os_str();
    if path.is_empty() { ".".to_owned() } else { text::escape_bytes(path.as_encoded_bytes()) }
}

#[cfg(test)]
mod tests {
    use super::super::tree::open_folder;
    use super::*;
    use std::fs;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;

    fn found(top: &Path) -> Below {
        let folder = open_folder(top).unwrap();
        skills(folder.as_fd())
    }

    fn skill(top: &Path, path: &str) {
        fs::create_dir_all(top.join(path)).unwrap();
        fs::write(top.join(path).join(CARD), "x").unwrap();
    }

    #[test]
    fn skills_are_found_at_any_depth_and_in_order() {
        let dir = tempfile::tempdir().unwrap();
        for path in ["b", "a/x/y", "a/x/y/inner", ".git/hooks", "z/.git", ".hidden/one"] {
            skill(dir.path(), path);
        }
        let found = found(dir.path());
        assert_eq!(found.skills, [".hidden/one", "a/x/y", "b"].map(PathBuf::from));
        assert_eq!((found.faults.len(), found.links), (0, 0));
    }

    #[test]
    fn the_top_itself_may_be_one() {
        let dir = tempfile::tempdir().unwrap();
        skill(dir.path(), "");
        skill(dir.path(), "below");
        assert_eq!(found(dir.path()).skills, [PathBuf::new()]);
        let folder = open_folder(dir.path()).unwrap();
        assert!(open(folder.as_fd(), Path::new("")).is_ok());
        assert!(open(folder.as_fd(), Path::new("below")).is_ok());
        assert!(open(folder.as_fd(), Path::new("none")).is_err());
    }

    #[test]
    fn attack_links_are_counted_and_not_followed() {
        let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        skill(outside.path(), "secret");
        symlink(outside.path(), dir.path().join("link")).unwrap();
        symlink("..", dir.path().join("up")).unwrap();
        let found = found(dir.path());
        assert_eq!((found.skills.len(), found.links), (0, 2));
        let folder = open_folder(dir.path()).unwrap();
        let refused = open(folder.as_fd(), Path::new("link/secret")).unwrap_err().rule;
        assert!(matches!(refused, Rule::Link | Rule::NotAFolder), "{refused:?}");
    }

    #[test]
    fn attack_a_card_that_is_a_link_or_a_folder_does_not_hide_its_skill() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a")).unwrap();
        symlink("/etc/passwd", dir.path().join("a").join(CARD)).unwrap();
        fs::create_dir_all(dir.path().join("b").join(CARD)).unwrap();
        assert_eq!(found(dir.path()).skills, ["a", "b"].map(PathBuf::from));
    }

    #[test]
    fn attack_a_folder_of_any_name_is_entered_and_shown_escaped() {
        let dir = tempfile::tempdir().unwrap();
        let name = OsStr::from_bytes(b"x\n\x1b[2J\xff");
        fs::create_dir_all(dir.path().join(name).join("s")).unwrap();
        fs::write(dir.path().join(name).join("s").join(CARD), "x").unwrap();
        let found = found(dir.path());
        assert_eq!(found.skills, [Path::new(name).join("s")]);
        assert_eq!(shown(&found.skills[0]), "x\\u{a}\\u{1b}[2J\\x{ff}/s");
    }

    #[test]
    fn attack_what_is_too_deep_is_said() {
        let dir = tempfile::tempdir().unwrap();
        skill(dir.path(), &"d/".repeat(DEEP + 1));
        let found = found(dir.path());
        assert!(found.skills.is_empty());
        assert_eq!(found.faults.iter().map(|fault| &fault.rule).collect::<Vec<_>>(), [&Rule::TooDeep(DEEP)]);
    }
}
