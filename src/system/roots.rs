//! Where the metadata of trust roots is read from, and where it is cached.
//!
//! Bytes only: whether they are believed is for `policy::provenance::tuf`. So
//! nothing here checks a signature, and nothing here is relied on: a cache
//! that is deleted, replaced or old costs a fetch.
//!
//! Attack: a name in metadata that leads out of the folder, a link or a FIFO
//! in place of a file, a file without end. Every name is opened part by part
//! below a folder's handle, without following links, and read up to a cap.

use super::fetch::{self, FetchError, FetchOptions, Found};
use super::home::Home;
use crate::model::limits::Limits;
use crate::model::path::EntryPath;
use crate::model::source::SourceSpec;
use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Error, Read as _, Result, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// Folders of metadata and of targets in a repository, as publishers have them.
pub const METADATA: &str = "metadata";
/// The folder of targets.
pub const TARGETS: &str = "targets";

/// What a repository of metadata may hold, when all of it is read at once.
const LIMITS: Limits = Limits { files: 20_000, total: 256 << 20, file: 16 << 20, depth: 16, path: 512 };

/// A repository of metadata: a folder with `metadata/` and `targets/`.
pub enum Origin {
    /// A folder of this machine.
    Folder(OwnedFd),
    /// A folder of one commit of a git repository, read at once.
    Commit {
        /// Which commit.
        commit: String,
        /// Its files by path.
        files: BTreeMap<String, Vec<u8>>,
    },
    /// What lies below an https address.
    Web(Box<dyn fetch::Files>),
}

impl std::fmt::Debug for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Folder(_) => "Folder",
            Self::Commit { .. } => "Commit",
            Self::Web(_) => "Web",
        })
    }
}

impl Origin {
    /// Opens a folder.
    ///
    /// # Errors
    /// The system's; a link counts as no folder.
    pub fn folder(path: &Path) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Self::Folder(rustix::fs::open(path, flags, Mode::empty())?))
    }

    /// Fetches a git repository, or what else `spec` names, and reads the folder
    /// in it. `scratch` is an empty folder that the caller deletes.
    ///
    /// # Errors
    /// As fetching a skill.
    pub fn fetched(
        spec: &SourceSpec,
        scratch: &Path,
        options: &FetchOptions,
    ) -> std::result::Result<Self, FetchError> {
        let origin = fetch::open(spec, scratch, options)?;
        let commit = origin.source().commit.clone().unwrap_or_default();
        let all = Found { path: origin.source().path.clone(), card: Vec::new() };
        let mut files = BTreeMap::new();
        origin.copy(&all, &LIMITS, &mut |path, _, size, content| {
            let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
            content.read_to_end(&mut bytes)?;
            files.insert(path.as_str().to_owned(), bytes);
            Ok(())
        })?;
        Ok(Self::Commit { commit, files })
    }

    /// What lies below an `https://` address that ends in a slash; nothing is
    /// contacted yet.
    ///
    /// # Errors
    /// As fetching a skill.
    pub fn web(base: &str, options: &FetchOptions) -> std::result::Result<Self, FetchError> {
        fetch::files(base, options).map(Self::Web)
    }

    /// A metadata file by its name, one component; none if there is none. At
    /// most `max` bytes and one more, so that a reader can tell.
    ///
    /// # Errors
    /// The system's; a link or anything but a regular file is an error.
    pub fn metadata(&self, name: &str, max: u64) -> Result<Option<Vec<u8>>> {
        self.read(&[METADATA, name], max)
    }

    /// A target file by its place below the folder of targets.
    ///
    /// # Errors
    /// As [`Origin::metadata`].
    pub fn target(&self, place: &str, max: u64) -> Result<Option<Vec<u8>>> {
        let parts: Vec<_> = [TARGETS].into_iter().chain(place.split('/')).collect();
        self.read(&parts, max)
    }

    fn read(&self, parts: &[&str], max: u64) -> Result<Option<Vec<u8>>> {
        let path = parts.join("/");
        // No dots alone, no empty parts, no backslashes, nothing hidden.
        if EntryPath::parse(path.as_bytes()).is_err() {
            return Err(Error::other("a name that no file of a repository can have"));
        }
        match self {
            Self::Folder(folder) => read_below(folder, parts, max),
            Self::Web(files) => files.get(&path, max).map_err(|error| match error {
                FetchError::Io { source, .. } => source,
                other => Error::other(other),
            }),
            Self::Commit { files, .. } => {
                let most = usize::try_from(max).unwrap_or(usize::MAX).saturating_add(1);
                Ok(files.get(&path).map(|bytes| bytes[..bytes.len().min(most)].to_vec()))
            }
        }
    }
}

/// Reads a file part by part below a folder, following no link.
pub(super) fn read_below(folder: &OwnedFd, parts: &[&str], max: u64) -> Result<Option<Vec<u8>>> {
    let Some((name, folders)) = parts.split_last() else { return Ok(None) };
    let mut here = folder.try_clone()?;
    for part in folders {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        here = match rustix::fs::openat(&here, *part, flags, Mode::empty()) {
            Ok(next) => next,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
    }
    read_at(&here, name, max)
}

fn read_at(folder: impl AsFd, name: &str, max: u64) -> Result<Option<Vec<u8>>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match rustix::fs::openat(folder, name, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode) != FileType::RegularFile {
        return Err(Error::other("it is no regular file"));
    }
    let mut bytes = Vec::new();
    File::from(file).take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Verified metadata of one trust root below `trust-roots/NAME` of the home:
/// files 0600 in a folder 0700, each replaced in one step.
#[derive(Debug)]
pub struct Cache {
    folder: OwnedFd,
}

/// Whether this may be the name of a trust root: letters, digits and `-`.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    (1..=64).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('-')
}

impl Cache {
    /// Opens the cache of a trust root, and makes it where it is missing.
    ///
    /// # Errors
    /// The system's; a folder that is not ours or open to others is an error.
    pub fn open(home: &Home, name: &str) -> Result<Self> {
        if !is_name(name) {
            return Err(Error::other("no name of a trust root: lower-case letters, digits and `-`"));
        }
        let all = home.folder("trust-roots")?;
        match rustix::fs::mkdirat(&all, name, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = rustix::fs::openat(&all, name, flags, Mode::empty())?;
        let stat = rustix::fs::fstat(&folder)?;
        if stat.st_uid != rustix::process::geteuid().as_raw() || stat.st_mode & 0o7777 != 0o700 {
            return Err(Error::other(
                "the cache is not ours alone; remove it, it comes back with the next refresh",
            ));
        }
        Ok(Self { folder })
    }

    /// Removes the cache of a trust root that is no longer followed: the files
    /// in it, and then the folder, unless something of another kind lies there.
    ///
    /// # Errors
    /// The system's.
    pub fn drop_all(home: &Home, name: &str) -> Result<()> {
        let cache = Self::open(home, name)?;
        for entry in rustix::fs::Dir::read_from(&cache.folder)? {
            let entry = entry?;
            if ![c".", c".."].contains(&entry.file_name()) {
                rustix::fs::unlinkat(&cache.folder, entry.file_name(), AtFlags::empty())?;
            }
        }
        Ok(rustix::fs::unlinkat(home.folder("trust-roots")?, name, AtFlags::REMOVEDIR)?)
    }

    /// A file of it; none if there is none. At most `max` bytes and one more.
    ///
    /// # Errors
    /// The system's; anything but a regular file is an error.
    pub fn get(&self, name: &str, max: u64) -> Result<Option<Vec<u8>>> {
        check_component(name)?;
        read_at(&self.folder, name, max)
    }

    /// Writes a file, whole or not at all.
    ///
    /// # Errors
    /// The system's.
    pub fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        check_component(name)?;
        // Not the name of any role's file: those end in `.json`.
        let temporary = "new.part";
        match rustix::fs::unlinkat(&self.folder, temporary, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file =
            File::from(rustix::fs::openat(&self.folder, temporary, flags, Mode::RUSR | Mode::WUSR)?);
        file.write_all(bytes)?;
        file.sync_all()?;
        rustix::fs::renameat(&self.folder, temporary, &self.folder, name)?;
        Ok(rustix::fs::fsync(&self.folder)?)
    }
}

fn check_component(name: &str) -> Result<()> {
    match crate::model::path::check_component(name.as_bytes()) {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::other("a name that no file of a cache can have")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    fn home() -> (tempfile::TempDir, Home) {
        let root = tempfile::tempdir().unwrap();
        let home = Home::create(&root.path().join("home")).unwrap();
        (root, home)
    }

    #[test]
    fn a_cache_gives_back_what_was_put_and_is_closed_to_others() {
        let (root, home) = home();
        let cache = Cache::open(&home, "team").unwrap();
        assert_eq!(cache.get("root.json", 100).unwrap(), None);
        cache.put("root.json", b"one").unwrap();
        cache.put("root.json", b"two").unwrap();
        cache.put("%2E%2E%2Fx.json", b"x").unwrap();
        assert_eq!(cache.get("root.json", 100).unwrap().unwrap(), b"two");
        assert_eq!(cache.get("root.json", 1).unwrap().unwrap(), b"tw", "one more than the cap");
        let folder = root.path().join("home/trust-roots/team");
        assert_eq!(folder.metadata().unwrap().mode() & 0o7777, 0o700);
        assert_eq!(folder.join("root.json").metadata().unwrap().mode() & 0o7777, 0o600);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2, "nothing temporary is left");
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(Cache::open(&home, "team").unwrap_err().to_string().contains("not ours alone"));
        for name in ["", "..", "a/b", "A", "-a", &"a".repeat(65)] {
            assert!(Cache::open(&home, name).is_err(), "{name}");
        }
    }

    #[test]
    fn attack_a_file_left_by_a_crash_or_planted_is_no_obstacle() {
        let (root, home) = home();
        let cache = Cache::open(&home, "team").unwrap();
        let folder = root.path().join("home/trust-roots/team");
        std::fs::write(root.path().join("aim"), b"aim").unwrap();
        symlink(root.path().join("aim"), folder.join("new.part")).unwrap();
        symlink(root.path().join("aim"), folder.join("root.json")).unwrap();
        assert!(cache.get("root.json", 100).is_err(), "a link is not followed");
        cache.put("root.json", b"mine").unwrap();
        assert_eq!(std::fs::read(root.path().join("aim")).unwrap(), b"aim");
        assert_eq!(cache.get("root.json", 100).unwrap().unwrap(), b"mine");
        for name in ["..", ".", "a/b", "", "a\0"] {
            assert!(cache.put(name, b"").is_err() && cache.get(name, 1).is_err(), "{name}");
        }
    }

    #[test]
    fn attack_names_and_links_that_lead_out_of_a_folder() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("repository");
        std::fs::create_dir_all(folder.join("metadata")).unwrap();
        std::fs::create_dir_all(folder.join("targets/a")).unwrap();
        std::fs::write(root.path().join("secret"), b"secret").unwrap();
        std::fs::write(folder.join("targets/a/b"), b"ab").unwrap();
        symlink(root.path().join("secret"), folder.join("metadata/timestamp.json")).unwrap();
        symlink("/dev", folder.join("targets/dev")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, folder.join("targets/fifo"), FileType::Fifo, Mode::RUSR, 0)
            .unwrap();
        let origin = Origin::folder(&folder).unwrap();
        assert_eq!(origin.target("a/b", 10).unwrap().unwrap(), b"ab");
        assert_eq!(origin.target("a/c", 10).unwrap(), None);
        assert_eq!(origin.metadata("2.root.json", 10).unwrap(), None);
        assert!(origin.metadata("timestamp.json", 10).is_err());
        for place in ["../../secret", "/etc/passwd", "a/../a/b", "a//b", ".", "", "dev/zero", "fifo", "a"] {
            assert!(origin.target(place, 10).is_err(), "{place}");
        }
        symlink(&folder, root.path().join("link")).unwrap();
        assert!(Origin::folder(&root.path().join("link")).is_err());
    }
}
