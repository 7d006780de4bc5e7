//! The folder in which a team keeps its trust root, as its publisher writes it.
//!
//! ```text
//! FOLDER/metadata/    what clients read
//! FOLDER/targets/     files under their hash; one that nothing names does no harm
//! FOLDER/drafts/      what still lacks signatures
//! ```
//!
//! Everything in it may have come from somebody else, by `git pull` or by a
//! share. Attack: a link in place of a folder or file, so that publishing
//! overwrites a file elsewhere. Every path is opened part by part below the
//! folder's handle and no link is followed; a file is written beside its name
//! and renamed into place.
//!
//! What is published is for everybody to read: files are 0644 and folders 0755
//! whatever the umask. No secret is ever written here.

use super::roots::{METADATA, read_below};
use crate::model::path::EntryPath;
use rustix::fs::{AtFlags, Dir, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::{Error, Result, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

/// The folder of what still lacks signatures.
pub const DRAFTS: &str = "drafts";
/// How long another process that works on the folder is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// Where metadata that replaces all of it at once is gathered, among the drafts.
const NEXT: &str = "next-metadata";
/// A file that is being written. No name of a role's file, which ends in `.json`.
const PART: &str = ".part";

const FILE: Mode = Mode::from_raw_mode(0o644);
const FOLDER: Mode = Mode::from_raw_mode(0o755);
const OPEN: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A publisher's folder.
#[derive(Debug)]
pub struct Space {
    folder: OwnedFd,
}

impl Space {
    /// Opens a folder that a person named; a link there is theirs.
    ///
    /// # Errors
    /// The system's.
    pub fn open(path: &Path) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { folder: rustix::fs::open(path, flags, Mode::empty())? })
    }

    /// Opens a folder, and makes it, not those above it, where it is missing.
    ///
    /// # Errors
    /// The system's.
    pub fn create(path: &Path) -> Result<Self> {
        match rustix::fs::mkdir(path, FOLDER) {
            Ok(()) => {
                let space = Self::open(path)?;
                rustix::fs::fchmod(&space.folder, FOLDER)?;
                Ok(space)
            }
            Err(Errno::EXIST) => Self::open(path),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes the folder for this process until the handle is closed; false if
    /// another one has it.
    ///
    /// # Errors
    /// The system's.
    pub fn lock(&self) -> Result<bool> {
        super::lock::wait(self.folder.as_fd(), PATIENCE)
    }

    /// A file; none if there is none. At most `max` bytes and one more.
    ///
    /// # Errors
    /// The system's; a link or anything but a regular file is an error.
    pub fn read(&self, place: &str, max: u64) -> Result<Option<Vec<u8>>> {
        read_below(&self.folder, &parts(place)?, max)
    }

    /// The names in one of its folders, sorted; none if it is missing. What is
    /// no text is left out.
    ///
    /// # Errors
    /// The system's.
    pub fn list(&self, folder: &str) -> Result<Vec<String>> {
        match rustix::fs::openat(&self.folder, folder, OPEN, Mode::empty()) {
            Ok(folder) => names(&folder),
            Err(Errno::NOENT) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes a file, whole or not at all, with the folders above it.
    ///
    /// # Errors
    /// The system's.
    pub fn put(&self, place: &str, bytes: &[u8]) -> Result<()> {
        let parts = parts(place)?;
        let Some((name, folders)) = parts.split_last() else { return Ok(()) };
        let mut here = self.folder.try_clone()?;
        for part in folders {
            here = below(&here, part)?;
        }
        write(&here, name, bytes)
    }

    /// Takes a file away; it may be missing.
    ///
    /// # Errors
    /// The system's.
    pub fn drop_file(&self, place: &str) -> Result<()> {
        let parts = parts(place)?;
        let Some((name, folders)) = parts.split_last() else { return Ok(()) };
        let mut here = self.folder.try_clone()?;
        for part in folders {
            here = match rustix::fs::openat(&here, *part, OPEN, Mode::empty()) {
                Ok(next) => next,
                Err(Errno::NOENT) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
        }
        absent(rustix::fs::unlinkat(&here, *name, AtFlags::empty()))?;
        Ok(rustix::fs::fsync(&here)?)
    }

    /// Publishes files beside all the metadata that is there, all of them at
    /// once: a copy of the folder is made among the drafts and the two change
    /// places. For what has no good order, as a root that takes keys away: the
    /// timestamp there before is void under it, the one after void without it.
    ///
    /// # Errors
    /// The system's; also where a file system cannot exchange two folders. Then
    /// nothing was published.
    pub fn replace_metadata(&self, files: &[(String, Vec<u8>)]) -> Result<()> {
        let drafts = below(&self.folder, DRAFTS)?;
        clear(&drafts)?;
        let next = below(&drafts, NEXT)?;
        let now = match rustix::fs::openat(&self.folder, METADATA, OPEN, Mode::empty()) {
            Ok(now) => Some(now),
            Err(Errno::NOENT) => None,
            Err(error) => return Err(error.into()),
        };
        for name in now.as_ref().map_or(Ok(Vec::new()), names)? {
            let Some(now) = &now else { continue };
            if files.iter().any(|(new, _)| *new == name) || name == PART {
                continue;
            }
            let bytes = read_below(now, &[&name], u64::MAX - 1)?.unwrap_or_default();
            write(&next, &name, &bytes)?;
        }
        for (name, bytes) in files {
            write(&next, name, bytes)?;
        }
        let flags = if now.is_some() { RenameFlags::EXCHANGE } else { RenameFlags::NOREPLACE };
        rustix::fs::renameat_with(&drafts, NEXT, &self.folder, METADATA, flags)?;
        rustix::fs::fsync(&self.folder)?;
        rustix::fs::fsync(&drafts)?;
        clear(&drafts)
    }
}

/// A place below the folder, part by part.
fn parts(place: &str) -> Result<Vec<&str>> {
    if EntryPath::parse(place.as_bytes()).is_err() {
        return Err(Error::other("a name that no file of a trust root can have"));
    }
    Ok(place.split('/').collect())
}

/// Opens a folder in a folder, and makes it where it is missing.
fn below(folder: &OwnedFd, name: &str) -> Result<OwnedFd> {
    let made = rustix::fs::mkdirat(folder, name, FOLDER);
    if !matches!(made, Ok(()) | Err(Errno::EXIST)) {
        made?;
    }
    let opened = rustix::fs::openat(folder, name, OPEN, Mode::empty())?;
    if made.is_ok() {
        rustix::fs::fchmod(&opened, FOLDER)?;
        rustix::fs::fsync(folder)?;
    }
    Ok(opened)
}

fn write(folder: &OwnedFd, name: &str, bytes: &[u8]) -> Result<()> {
    absent(rustix::fs::unlinkat(folder, PART, AtFlags::empty()))?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::openat(folder, PART, flags, FILE)?);
    file.write_all(bytes)?;
    rustix::fs::fchmod(&file, FILE)?;
    file.sync_all()?;
    rustix::fs::renameat(folder, PART, folder, name)?;
    Ok(rustix::fs::fsync(folder)?)
}

/// The folder of gathered metadata and the files in it; it has no folders.
fn clear(drafts: &OwnedFd) -> Result<()> {
    let next = match rustix::fs::openat(drafts, NEXT, OPEN, Mode::empty()) {
        Ok(next) => next,
        Err(Errno::NOENT) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for entry in Dir::read_from(&next)? {
        let name = entry?.file_name().to_owned();
        if ![&b"."[..], b".."].contains(&name.to_bytes()) {
            absent(rustix::fs::unlinkat(&next, &name, AtFlags::empty()))?;
        }
    }
    absent(rustix::fs::unlinkat(drafts, NEXT, AtFlags::REMOVEDIR))
}

fn absent(done: rustix::io::Result<()>) -> Result<()> {
    match done {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn names(folder: impl AsFd) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let name = entry?.file_name().to_str().map(str::to_owned).unwrap_or_default();
        if !["", ".", ".."].contains(&name.as_str()) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn what_is_published_can_be_read_by_everybody() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("team");
        let space = Space::create(&path).unwrap();
        space.put("targets/anchors/ff.acme.pem", b"one").unwrap();
        space.put("targets/anchors/ff.acme.pem", b"two").unwrap();
        assert_eq!(space.read("targets/anchors/ff.acme.pem", 9).unwrap().unwrap(), b"two");
        assert_eq!(space.list("targets/anchors").unwrap(), ["ff.acme.pem"]);
        assert_eq!(space.list("none").unwrap(), Vec::<String>::new());
        for (below, wanted) in [
            ("", 0o755),
            ("targets", 0o755),
            ("targets/anchors", 0o755),
            ("targets/anchors/ff.acme.pem", 0o644),
        ] {
            assert_eq!(mode(&path.join(below)), wanted, "{below}");
        }
        space.drop_file("targets/anchors/ff.acme.pem").unwrap();
        space.drop_file("none/none").unwrap();
        assert_eq!(space.read("targets/anchors/ff.acme.pem", 9).unwrap(), None);
    }

    #[test]
    fn all_metadata_is_replaced_at_once_and_the_rest_stays() {
        let root = tempfile::tempdir().unwrap();
        let space = Space::create(&root.path().join("team")).unwrap();
        let file = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
        space.replace_metadata(&[file("1.root.json", "one")]).unwrap();
        // What a crash left is no obstacle.
        space.put("drafts/next-metadata/junk", b"").unwrap();
        space.put("drafts/root.json", b"draft").unwrap();
        space.replace_metadata(&[file("2.root.json", "two"), file("timestamp.json", "stamp")]).unwrap();
        assert_eq!(space.list(METADATA).unwrap(), ["1.root.json", "2.root.json", "timestamp.json"]);
        assert_eq!(space.read("metadata/1.root.json", 9).unwrap().unwrap(), b"one");
        assert_eq!(space.list(DRAFTS).unwrap(), ["root.json"]);
        assert_eq!(mode(&root.path().join("team/metadata")), 0o755);
        assert_eq!(mode(&root.path().join("team/metadata/1.root.json")), 0o644);
    }

    #[test]
    fn attack_a_link_in_the_folder_leads_nowhere() {
        let root = tempfile::tempdir().unwrap();
        let (path, aim) = (root.path().join("team"), root.path().join("aim"));
        let space = Space::create(&path).unwrap();
        std::fs::create_dir(&aim).unwrap();
        std::fs::write(aim.join("timestamp.json"), b"mine").unwrap();
        symlink(&aim, path.join("metadata")).unwrap();
        symlink(&aim, path.join("drafts")).unwrap();
        assert!(space.put("metadata/timestamp.json", b"x").is_err());
        assert!(space.read("metadata/timestamp.json", 9).is_err());
        assert!(space.drop_file("metadata/timestamp.json").is_err());
        assert!(space.replace_metadata(&[("x.json".to_owned(), Vec::new())]).is_err());
        std::fs::create_dir(path.join("targets")).unwrap();
        symlink(aim.join("timestamp.json"), path.join("targets/.part")).unwrap();
        symlink(aim.join("timestamp.json"), path.join("targets/a")).unwrap();
        space.put("targets/a", b"x").unwrap();
        assert_eq!(std::fs::read(aim.join("timestamp.json")).unwrap(), b"mine");
        assert_eq!(std::fs::read_dir(&aim).unwrap().count(), 1);
        for place in ["", "/a", "../a", "targets/../../a", "a//b", "targets/a\0"] {
            assert!(space.put(place, b"").is_err() && space.read(place, 1).is_err(), "{place}");
        }
    }

    #[test]
    fn two_do_not_publish_at_once() {
        let root = tempfile::tempdir().unwrap();
        let (one, other) = (Space::open(root.path()).unwrap(), Space::open(root.path()).unwrap());
        assert!(one.lock().unwrap() && !other.lock().unwrap());
        drop(one);
        assert!(other.lock().unwrap());
    }
}
