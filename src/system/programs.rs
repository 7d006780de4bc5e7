//! Which program an installer's name means: looked for in fixed folders, never
//! by anybody's PATH.
//!
//! Attack: a folder that the skill, a project or another account can write to
//! stands first on the person's PATH, with an `npm` of its own in it.

use super::ancestors;
use super::regular;
use crate::model::digest::{Digest, Hasher};
use crate::model::text;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Where programs are looked for in a sandbox, and what its PATH says.
pub const SANDBOX: &[&str] = &["/usr/local/bin", "/usr/bin", "/bin"];
/// The same on the machine itself: installers of the system are in `sbin`, and Homebrew
/// in a folder of its own.
pub const HOST: &[&str] = &[
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
    "/opt/homebrew/bin",
    "/home/linuxbrew/.linuxbrew/bin",
];

/// A program that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// As the plan names it.
    pub name: String,
    /// Where it is; links are not resolved.
    pub path: PathBuf,
    /// SHA-256 of the file at the end of all links.
    pub sha256: Digest,
}

/// Finds a program.
///
/// # Errors
/// Why there is none that may be run.
pub fn find(name: &str, folders: &[PathBuf]) -> Result<Program, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "+-._".contains(c);
    if name.is_empty() || name.starts_with(['.', '-']) || !name.chars().all(plain) {
        return Err(format!("`{}` is no name of a program", text::escape_short(name, 40)));
    }
    for folder in folders {
        let path = folder.join(name);
        if path.symlink_metadata().is_err() {
            continue;
        }
        let sha256 = check(&path).map_err(|why| format!("{}: {why}", shown(&path)))?;
        return Ok(Program { name: name.to_owned(), path, sha256 });
    }
    let list: Vec<_> = folders.iter().map(|folder| shown(folder)).collect();
    Err(format!("there is no `{name}` in {}", list.join(", ")))
}

/// Whether a folder may be searched for programs.
///
/// # Errors
/// Why not.
pub fn check_folder(folder: &Path) -> Result<(), String> {
    ancestors::check(&folder.join("program")).map_err(|fault| fault.to_string())?;
    let there = std::fs::metadata(folder).map_err(|error| error.to_string())?;
    if !there.is_dir() {
        return Err("it is no folder".to_owned());
    }
    // Attack: in a sticky folder nobody swaps what is there, and anybody adds a `node`.
    let mode = there.mode() & 0o7777;
    if mode & 0o1000 != 0 && mode & 0o022 != 0 {
        return Err(format!("it has mode {mode:04o}: others could put programs into it"));
    }
    Ok(())
}

/// Of these folders the ones that may be searched, and stand on a step's PATH.
#[must_use]
pub fn closed(folders: &[&str]) -> Vec<PathBuf> {
    folders.iter().map(PathBuf::from).filter(|folder| check_folder(folder).is_ok()).collect()
}

/// The usual folder that has such a program, and why it is not among those that are searched.
#[must_use]
pub fn left_out(name: &str, searched: &[PathBuf]) -> Option<String> {
    let others = HOST.iter().map(Path::new).filter(|folder| !searched.iter().any(|one| one == folder));
    let has = |folder: &&Path| folder.join(name).symlink_metadata().is_ok();
    let mut open = others.filter(has).filter_map(|folder| Some((folder, check_folder(folder).err()?)));
    open.next().map(|(folder, why)| format!("{} is left out: {why}", shown(folder)))
}

/// A file that nobody but us and root can change, and its bytes.
fn check(path: &Path) -> Result<Digest, String> {
    ancestors::check(path).map_err(|fault| fault.to_string())?;
    let real = std::fs::canonicalize(path).map_err(|error| error.to_string())?;
    ancestors::check(&real).map_err(|fault| fault.to_string())?;
    let opened = regular::open(&real).map_err(|error| error.to_string())?;
    let Some((mut file, stat)) = opened else { return Err("it is no regular file".to_owned()) };
    let (owner, mode) = (stat.st_uid, stat.st_mode & 0o7777);
    let ours = [0, rustix::process::geteuid().as_raw()].contains(&owner);
    if !ours || mode & 0o022 != 0 {
        return Err(format!("it belongs to account {owner} with mode {mode:04o}: others can change it"));
    }
    if mode & 0o111 == 0 {
        return Err("it cannot be executed".to_owned());
    }
    let (mut hasher, mut buffer) = (Hasher::new(), vec![0; 64 * 1024]);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(count) => hasher.update(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.to_string()),
        }
    }
}

fn shown(path: &Path) -> String {
    text::escape(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::digest::sha256;
    use std::os::unix::fs::PermissionsExt;

    fn script(path: &Path, mode: u32) {
        std::fs::write(path, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_first_folder_that_has_it_decides() {
        let root = tempfile::tempdir().unwrap();
        let folders = [root.path().join("a"), root.path().join("b")];
        folders.iter().for_each(|folder| std::fs::create_dir(folder).unwrap());
        assert!(find("npm", &folders).unwrap_err().contains("there is no `npm` in"));
        script(&folders[1].join("npm"), 0o755);
        let found = find("npm", &folders).unwrap();
        assert_eq!((found.path, found.sha256), (folders[1].join("npm"), sha256(&[b"#!/bin/sh\n"])));
        // One that may not be run is no reason to take the next.
        script(&folders[0].join("npm"), 0o644);
        assert!(find("npm", &folders).unwrap_err().contains("cannot be executed"));
    }

    #[test]
    fn attack_a_program_that_somebody_else_can_change_or_name() {
        let root = tempfile::tempdir().unwrap();
        let folders = [root.path().join("a")];
        std::fs::create_dir(&folders[0]).unwrap();
        for mode in [0o757, 0o775] {
            script(&folders[0].join("npm"), mode);
            assert!(find("npm", &folders).unwrap_err().contains("others can change it"), "{mode:o}");
        }
        script(&folders[0].join("npm"), 0o755);
        std::fs::set_permissions(&folders[0], PermissionsExt::from_mode(0o777)).unwrap();
        assert!(find("npm", &folders).unwrap_err().contains("others could swap"));
        assert!(check_folder(&folders[0]).unwrap_err().contains("others could swap"));
        std::fs::set_permissions(&folders[0], PermissionsExt::from_mode(0o755)).unwrap();
        assert_eq!(check_folder(&folders[0]), Ok(()));
        assert!(check_folder(&folders[0].join("npm")).is_err());
        let given = folders.each_ref().map(|folder| folder.to_str().unwrap());
        assert_eq!(closed(&given), folders);
        for mode in [0o777, 0o1777, 0o1775] {
            std::fs::set_permissions(&folders[0], PermissionsExt::from_mode(mode)).unwrap();
            assert_eq!(closed(&given), Vec::<PathBuf>::new(), "{mode:o}");
        }
        for name in ["", "../npm", "/bin/sh", ".", "-n", "a b", "n\u{202e}pm"] {
            assert!(find(name, &folders).unwrap_err().contains("no name of a program"), "{name}");
        }
    }
}
