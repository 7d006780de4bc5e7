//! Whether another account can swap what lies at a path.
//!
//! Attack: another local account renames a folder above the home or above a
//! placement and puts its own in place. So every folder on the way must be
//! ours or root's and closed to others; a sticky one is fine, since there an
//! entry can be renamed by its owner alone, and each entry is looked at too.

use std::fmt;
use std::path::{Path, PathBuf};

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

/// Checks every folder above a path. Links on the way are followed, as the
/// system will follow them; callers that must not pass links check that
/// themselves.
///
/// # Errors
/// [`AncestorFault`], the first from the path upwards.
pub fn check(path: &Path) -> Result<(), AncestorFault> {
    let ours = rustix::process::geteuid().as_raw();
    for folder in path.ancestors().skip(1) {
        let stat = rustix::fs::stat(folder).map_err(|error| AncestorFault::Io(error.into()))?;
        let (owner, mode) = (stat.st_uid, stat.st_mode & 0o7777);
        let sticky = mode & 0o1000 != 0;
        let others_write = mode & 0o002 != 0 || (mode & 0o020 != 0 && !is_private(stat.st_gid));
        if (owner != ours && owner != 0) || (others_write && !sticky) {
            return Err(AncestorFault::Foreign(Foreign { folder: folder.to_owned(), owner, mode }));
        }
    }
    Ok(())
}

/// Asked only where a group may write, since it reads the account database.
fn is_private(group: u32) -> bool {
    super::account::private_group() == Some(group)
}
