//! Reading a policy file.
//!
//! Attack: whoever can write the file, or rename a folder above it, makes the
//! policy; a FIFO or a device in its place never ends; a link that leads
//! nowhere looks like a file that is not there, and a rule that cannot be read
//! must not be no rule.

use super::{ancestors, regular};
use std::io::ErrorKind;
use std::path::Path;

/// Longest policy file, in bytes.
const SIZE_MAX: u64 = 256 * 1024;

/// The file's text; none if there is no such file.
///
/// # Errors
/// Why it cannot be relied on.
pub fn read(path: &Path) -> Result<Option<String>, String> {
    let (file, stat) = match regular::open(path) {
        Ok(Some(opened)) => opened,
        Ok(None) => return Err("it is no regular file".to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let dangling = path.symlink_metadata().is_ok();
            return if dangling { Err("it is a link that leads nowhere".to_owned()) } else { Ok(None) };
        }
        Err(error) => return Err(error.to_string()),
    };
    let (owner, mode) = (stat.st_uid, stat.st_mode & 0o7777);
    let ours = [0, rustix::process::geteuid().as_raw()].contains(&owner);
    let group = mode & 0o020 != 0 && super::account::private_group() != Some(stat.st_gid);
    if !ours || mode & 0o002 != 0 || group {
        return Err(format!("it belongs to account {owner} with mode {mode:04o}: others can change it"));
    }
    ancestors::check(path).map_err(|fault| fault.to_string())?;
    regular::text(file, SIZE_MAX).map(Some)
}

/// The text of a file that is to become a policy, and is none yet: whoever owns
/// it, and whoever can change it.
///
/// # Errors
/// Why there is none.
pub fn read_draft(path: &Path) -> Result<String, String> {
    regular::read(path, SIZE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{FileType, Mode};
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn mode(path: &Path, bits: u32) {
        std::fs::set_permissions(path, PermissionsExt::from_mode(bits)).unwrap();
    }

    #[test]
    fn attack_something_else_in_place_of_the_policy() {
        let root = tempfile::tempdir().unwrap();
        let (path, aim) = (root.path().join("policy.toml"), root.path().join("aim"));
        assert_eq!(read(&path), Ok(None));
        symlink(&aim, &path).unwrap();
        assert!(read(&path).unwrap_err().contains("nowhere"));
        std::fs::write(&aim, "x").unwrap();
        mode(&aim, 0o644);
        assert_eq!(read(&path), Ok(Some("x".to_owned())));
        mode(&aim, 0o646);
        assert!(read(&path).unwrap_err().contains("others can change it"));
        mode(&aim, 0o600);
        std::fs::write(&aim, vec![b' '; 300 * 1024]).unwrap();
        assert!(read(&path).unwrap_err().contains("longer"));
        mode(root.path(), 0o777);
        assert!(read(&aim).unwrap_err().contains("others could swap"));
        mode(root.path(), 0o700);
        std::fs::remove_file(&path).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        assert!(read(&path).unwrap_err().contains("no regular file"));
        assert!(read(Path::new("/dev/zero")).unwrap_err().contains("no regular file"));
    }
}
