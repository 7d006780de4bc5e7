//! Whether another account can swap what lies at a path.
//!
//! Attack: another local account renames a folder above the home or above a
//! placement and puts its own in place. So every folder on the way must be
//! ours or root's and closed to others; a sticky one is fine, since there an
//! entry can be renamed by its owner alone, and each entry is looked at too.

use rustix::fs::{FileType, Stat};
use std::ffi::OsString;
use std::fmt;
use std::path::{Component, Path, PathBuf};

/// A folder in which another account can rename things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// The folder.
    pub folder: PathBuf,
    /// Its owner.
    pub owner: u32,
    /// Its permission bits.
    pub mode: u32,
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let folder = crate::model::text::escape(&self.folder.to_string_lossy());
        let (owner, mode) = (self.owner, self.mode);
        write!(
            f,
            "{folder} belongs to account {owner} with mode {mode:04o}: others could swap what is below it"
        )
    }
}

/// Why a path is not safe, or cannot be told to be.
#[derive(Debug, thiserror::Error)]
pub enum AncestorFault {
    /// Somebody else may change what lies there.
    #[error("{0}")]
    Foreign(Foreign),
    /// The system said no.
    #[error("{0}")]
    Io(std::io::Error),
}

/// Most links that are followed on the way.
const LINKS_MAX: usize = 32;

/// Checks every folder above a path, and those that links on the way lead
/// through: who may rename there chooses where the link ends.
///
/// # Errors
/// [`AncestorFault`], the first from the root on.
pub fn check(path: &Path) -> Result<(), AncestorFault> {
    let io = |error: rustix::io::Errno| AncestorFault::Io(error.into());
    let Some(above) = path.parent() else { return Ok(()) };
    let mut here = PathBuf::from("/");
    check_entry(&here, &rustix::fs::lstat(&here).map_err(io)?)?;
    let mut todo = parts(above);
    let mut links = 0;
    while let Some(part) = todo.pop() {
        if part == ".." {
            here.pop();
            continue;
        }
        let next = here.join(&part);
        let stat = rustix::fs::lstat(&next).map_err(io)?;
        check_entry(&next, &stat)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
            here = next;
            continue;
        }
        links += 1;
        if links > LINKS_MAX {
            return Err(io(rustix::io::Errno::LOOP));
        }
        let to = std::fs::read_link(&next).map_err(AncestorFault::Io)?;
        if to.is_absolute() {
            here = PathBuf::from("/");
        }
        todo.extend(parts(&to));
    }
    Ok(())
}

/// The parts of a path, the last one first.
fn parts(path: &Path) -> Vec<OsString> {
    let named = path.components().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    named.map(|part| part.as_os_str().to_owned()).rev().collect()
}

/// A folder must be ours or root's and closed to others, a link ours or root's.
fn check_entry(entry: &Path, stat: &Stat) -> Result<(), AncestorFault> {
    let ours = rustix::process::geteuid().as_raw();
    let (owner, mode) = (stat.st_uid, stat.st_mode & 0o7777);
    let link = FileType::from_raw_mode(stat.st_mode) == FileType::Symlink;
    let sticky = mode & 0o1000 != 0;
    let others_write = mode & 0o002 != 0 || (mode & 0o020 != 0 && !is_private(stat.st_gid));
    if (owner != ours && owner != 0) || (!link && others_write && !sticky) {
        return Err(AncestorFault::Foreign(Foreign { folder: entry.to_owned(), owner, mode }));
    }
    Ok(())
}

/// Asked only where a group may write, since it reads the account database.
fn is_private(group: u32) -> bool {
    super::account::private_group() == Some(group)
}
