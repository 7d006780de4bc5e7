//! The signed head of the audit log, `audit/checkpoint`, and the key that
//! signs it.
//!
//! A checkpoint lets somebody without our ledger see that records were cut off
//! or rewritten. It is an extra: no record waits for it, no decision needs it,
//! and `kill` never touches it. The forms are in `model::note` and in
//! `docs/audit-log.md`.
//!
//! The key is made at first use and lies under the account's config folder,
//! outside the home: who restores an old home does not get an old key with it.
//! One key serves every home of the account; each home signs under its own
//! name, so that a checkpoint of one is no checkpoint of another.
//!
//! Invariant: `audit/checkpoint` is absent or whole, and never replaced by one
//! that names fewer records.

use super::home::Home;
use super::key_folder::{self, FolderFault, Temporary};
use crate::model::digest::Digest;
use crate::model::note::{self, NoteFault, Signer, TreeHead, Verifier};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};

/// The checkpoint's name in the folder `audit`.
pub const NAME: &str = "checkpoint";
/// The key's name in that folder.
const KEY: &str = "checkpoint.key";
/// The name that the stored key carries; a home signs under its origin.
const KEY_NAME: &str = "skill-trust";
/// Longest key file in bytes.
const KEY_MAX: u64 = 1024;

/// Why a checkpoint or its key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointFault {
    /// A folder or file that others could read or change, or that is no plain
    /// one.
    #[error("{path} is not safe to keep a key in: {what}")]
    Unsafe {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The key file or the checkpoint does not read as one.
    #[error("{path}: {source}")]
    Note {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: NoteFault,
    },
    /// Signed by the right key, for another log.
    #[error("the checkpoint is for {found}, not for {wanted}")]
    Origin {
        /// The origin in it.
        found: String,
        /// Ours.
        wanted: String,
    },
    /// The stored checkpoint does not lead to the one asked for.
    #[error("the stored checkpoint names {old} records; one for {new} cannot follow it")]
    Backwards {
        /// Records in the stored one.
        old: u64,
        /// Records in the one asked for.
        new: u64,
    },
    /// Not 32 lower-case hex digits.
    #[error("a home's id is 32 lower-case hex digits")]
    HomeId,
    /// The system said no.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
}

fn io<E: Into<std::io::Error>>(path: &Path) -> impl Fn(E) -> CheckpointFault + '_ {
    move |error| CheckpointFault::Io { path: path.to_owned(), source: error.into() }
}

impl From<FolderFault> for CheckpointFault {
    fn from(fault: FolderFault) -> Self {
        match fault {
            FolderFault::Unsafe { path, what } => Self::Unsafe { path, what },
            FolderFault::Io { path, source } => Self::Io { path, source },
        }
    }
}

/// The account's checkpoint key.
#[derive(Debug)]
pub struct CheckpointKey(Signer);

impl CheckpointKey {
    /// Opens `<config>/keys/checkpoint.key`, or makes it if it is not there.
    /// Missing folders are made 0700.
    ///
    /// # Errors
    /// [`CheckpointFault::Unsafe`] for a folder or file that is a link, is not
    /// ours, or has another mode than 0700 (`keys`) and 0600 (the file), or a
    /// config folder that others can write; also any error of the system. A
    /// file that is there and unusable is never replaced.
    pub fn open_or_make(config: &Path) -> Result<Self, CheckpointFault> {
        let folder = key_folder::open_or_make(config)?;
        let path = config.join(key_folder::NAME).join(KEY);
        if let Some(key) = read_key(&folder, &path)? {
            return Ok(key);
        }
        make_key(&folder, &path)?;
        // Read back: another process may have been first, and its key is the key.
        read_key(&folder, &path)?.ok_or_else(|| io(&path)(Errno::NOENT))
    }

    /// Opens the key only if it is there.
    ///
    /// # Errors
    /// As [`CheckpointKey::open_or_make`]; a missing folder is no error.
    pub fn open(config: &Path) -> Result<Option<Self>, CheckpointFault> {
        let path = config.join(key_folder::NAME);
        match rustix::fs::lstat(&path) {
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(io(&path)(error)),
            Ok(_) => read_key(&key_folder::open_or_make(config)?, &path.join(KEY)),
        }
    }

    /// The key as the home with this id signs with it: named by the home's
    /// origin, `skill-trust/` and the id.
    ///
    /// # Errors
    /// [`CheckpointFault::HomeId`].
    pub fn signer(&self, home_id: &str) -> Result<Signer, CheckpointFault> {
        let origin = note::origin(home_id).ok_or(CheckpointFault::HomeId)?;
        self.0.named(&origin).map_err(|_| CheckpointFault::HomeId)
    }
}

fn read_key(folder: &OwnedFd, path: &Path) -> Result<Option<CheckpointKey>, CheckpointFault> {
    let Some(bytes) = key_folder::read(folder, KEY, path, KEY_MAX)? else { return Ok(None) };
    let text = String::from_utf8(bytes).map_err(|_| io(path)(std::io::ErrorKind::InvalidData))?;
    let signer = Signer::parse(text.strip_suffix('\n').unwrap_or(&text));
    let signer = signer.map_err(|source| CheckpointFault::Note { path: path.to_owned(), source })?;
    Ok(Some(CheckpointKey(signer)))
}

fn make_key(folder: &OwnedFd, path: &Path) -> Result<(), CheckpointFault> {
    let signer = Signer::from_seed(KEY_NAME, &key_folder::random(path)?)
        .map_err(|source| CheckpointFault::Note { path: path.to_owned(), source })?;
    // Another process may have been first: its key is the key.
    key_folder::add(folder, KEY, path, format!("{}\n", signer.secret_text()).as_bytes())?;
    Ok(())
}

/// A stored checkpoint whose signature was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// What it says.
    pub head: TreeHead,
    /// Signatures by keys that we do not know, a witness's for instance.
    pub unknown: usize,
}

impl Checkpoint {
    /// Reads and checks the home's checkpoint; none if there is none.
    ///
    /// # Errors
    /// [`CheckpointFault`]: unreadable, forged, signed by nobody known, or
    /// made for another home.
    pub fn read(home: &Home, key: &Verifier) -> Result<Option<Self>, CheckpointFault> {
        let path = home.path().join("audit").join(NAME);
        let folder = home.folder("audit").map_err(io(&path))?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&folder, NAME, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(io(&path)(error)),
        };
        // Its mode is no secret; only a file that could block or be someone else's is refused.
        key_folder::check(file.as_fd(), &path, FileType::RegularFile, 0o022, 0)?;
        let mut bytes = Vec::new();
        File::from(file).take(note::NOTE_MAX as u64 + 1).read_to_end(&mut bytes).map_err(io(&path))?;
        let bad = |source| CheckpointFault::Note { path: path.clone(), source };
        let opened = note::open(&bytes, &[key]).map_err(bad)?;
        let head = TreeHead::parse(&opened.text).map_err(bad)?;
        if head.origin != key.id().name {
            let wanted = key.id().name.clone();
            return Err(CheckpointFault::Origin { found: head.origin, wanted });
        }
        Ok(Some(Self { head, unknown: opened.unknown }))
    }

    /// Signs a head and makes it the home's checkpoint. The caller holds the
    /// home's lock and has checked that the log of `size` records extends the
    /// stored checkpoint's; that the size does not shrink is checked here.
    ///
    /// # Errors
    /// [`CheckpointFault`]; the stored checkpoint is then what it was. One
    /// that cannot be read or verified is evidence and is not replaced.
    pub fn write(home: &Home, key: &Signer, size: u64, root: &Digest) -> Result<Self, CheckpointFault> {
        let path = home.path().join("audit").join(NAME);
        if let Some(old) = Self::read(home, key.verifier())? {
            let old = old.head;
            if old.size > size || (old.size == size && old.root != *root) {
                return Err(CheckpointFault::Backwards { old: old.size, new: size });
            }
        }
        let head = TreeHead { origin: key.verifier().id().name.clone(), size, root: *root };
        let text =
            key.sign(&head.text()).map_err(|source| CheckpointFault::Note { path: path.clone(), source })?;
        let folder = home.folder("audit").map_err(io(&path))?;
        let temporary = Temporary::write(&folder, NAME, &path, text.as_bytes())?;
        rustix::fs::renameat(&folder, &temporary.name, &folder, NAME).map_err(io(&path))?;
        // The temporary name is gone; dropping it removes nothing.
        drop(temporary);
        rustix::fs::fsync(&folder).map_err(io(&path))?;
        Ok(Self { head, unknown: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::digest::sha256;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    const ID: &str = "0123456789abcdef0123456789abcdef";
    const OTHER: &str = "ffffffffffffffffffffffffffffffff";

    struct Place {
        _root: tempfile::TempDir,
        config: PathBuf,
        home: Home,
    }

    fn place() -> Place {
        let root = tempfile::tempdir().unwrap();
        let home = Home::create(&root.path().join("home")).unwrap();
        Place { config: root.path().join("config/skill-trust"), home, _root: root }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_key_is_made_once_and_kept_private() {
        let place = place();
        assert!(CheckpointKey::open(&place.config).unwrap().is_none());
        assert!(!place.config.exists(), "looking makes nothing");
        let made = CheckpointKey::open_or_make(&place.config).unwrap();
        let again = CheckpointKey::open_or_make(&place.config).unwrap();
        let opened = CheckpointKey::open(&place.config).unwrap().unwrap();
        assert_eq!(made.0.secret_text(), again.0.secret_text());
        assert_eq!(made.0.secret_text(), opened.0.secret_text());
        assert_eq!(mode(&place.config), 0o700);
        assert_eq!(mode(&place.config.join("keys")), 0o700);
        assert_eq!(mode(&place.config.join("keys/checkpoint.key")), 0o600);
        assert_eq!(fs::read_dir(place.config.join("keys")).unwrap().count(), 1);
        let elsewhere = CheckpointKey::open_or_make(&place.config.join("other")).unwrap();
        assert_ne!(made.0.secret_text(), elsewhere.0.secret_text());
        assert!(matches!(made.signer("x"), Err(CheckpointFault::HomeId)));
    }

    #[test]
    fn a_key_that_others_could_have_touched_is_refused() {
        let place = place();
        CheckpointKey::open_or_make(&place.config).unwrap();
        let (keys, file) = (place.config.join("keys"), place.config.join("keys/checkpoint.key"));
        let refused = |path: &Path| match CheckpointKey::open_or_make(&place.config) {
            Err(CheckpointFault::Unsafe { path: at, .. }) => assert_eq!(at, path),
            other => panic!("{other:?}"),
        };
        for (path, bad, good) in [
            (&file, 0o640, 0o600),
            (&file, 0o604, 0o600),
            (&file, 0o400, 0o600),
            (&file, 0o4600, 0o600),
            (&keys, 0o750, 0o700),
            (&keys, 0o1700, 0o700),
            (&place.config, 0o720, 0o700),
            (&place.config, 0o702, 0o700),
        ] {
            set_mode(path, bad);
            refused(path);
            assert!(CheckpointKey::open(&place.config).is_err());
            set_mode(path, good);
        }
        let aside = keys.join("aside");
        fs::rename(&file, &aside).unwrap();
        symlink(&aside, &file).unwrap();
        refused(&file);
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        refused(&file);
        fs::remove_dir(&file).unwrap();
        fs::rename(&aside, &file).unwrap();
        CheckpointKey::open_or_make(&place.config).unwrap();
        let moved = place.config.join("moved");
        fs::rename(&keys, &moved).unwrap();
        symlink(&moved, &keys).unwrap();
        refused(&keys);
    }

    #[test]
    fn another_accounts_key_is_refused() {
        let place = place();
        CheckpointKey::open_or_make(&place.config).unwrap();
        let file = place.config.join("keys/checkpoint.key");
        if std::os::unix::fs::chown(&file, Some(12_345), None).is_err() {
            eprintln!("skipped: only the superuser can give a file away");
            return;
        }
        let fault = CheckpointKey::open_or_make(&place.config).unwrap_err();
        assert!(fault.to_string().contains("account 12345"), "{fault}");
    }

    #[test]
    fn a_damaged_key_is_refused_and_never_replaced() {
        let place = place();
        let key = CheckpointKey::open_or_make(&place.config).unwrap();
        let file = place.config.join("keys/checkpoint.key");
        let secret = key.0.secret_text();
        for bad in ["", "\n", &secret[..30], &format!("{secret}\n\n"), &"x".repeat(5000)] {
            fs::write(&file, bad).unwrap();
            let fault = CheckpointKey::open_or_make(&place.config).unwrap_err();
            assert!(matches!(fault, CheckpointFault::Note { .. }), "{fault}");
            assert_eq!(fs::read_to_string(&file).unwrap(), bad);
        }
    }

    #[test]
    fn what_is_signed_is_read_and_nothing_else() {
        let place = place();
        let key = CheckpointKey::open_or_make(&place.config).unwrap();
        let (ours, other) = (key.signer(ID).unwrap(), key.signer(OTHER).unwrap());
        assert_eq!(Checkpoint::read(&place.home, ours.verifier()).unwrap(), None);
        let written = Checkpoint::write(&place.home, &ours, 3, &sha256(&[b"r"])).unwrap();
        assert_eq!(written.head.origin, format!("skill-trust/{ID}"));
        assert_eq!(Checkpoint::read(&place.home, ours.verifier()).unwrap(), Some(written));
        let audit = place.home.path().join("audit");
        assert_eq!(fs::read_dir(&audit).unwrap().count(), 1, "no temporary file is left");
        // Another home of the same account signs under another name.
        let fault = Checkpoint::read(&place.home, other.verifier()).unwrap_err();
        assert!(matches!(fault, CheckpointFault::Note { source: NoteFault::Unknown(1), .. }), "{fault}");
        // Right key, another origin in the text.
        let file = audit.join(NAME);
        let foreign = TreeHead { origin: other.verifier().id().name.clone(), size: 3, root: sha256(&[b"r"]) };
        fs::write(&file, ours.sign(&foreign.text()).unwrap()).unwrap();
        let fault = Checkpoint::read(&place.home, ours.verifier()).unwrap_err();
        assert!(matches!(fault, CheckpointFault::Origin { .. }), "{fault}");
        // A witness's signature beside ours.
        let witness = Signer::from_seed("witness.example/w", &[9; 32]).unwrap();
        let head = TreeHead { origin: ours.verifier().id().name.clone(), ..foreign };
        let (note, cosigned) = (ours.sign(&head.text()).unwrap(), witness.sign(&head.text()).unwrap());
        fs::write(&file, format!("{note}{}\n", cosigned.lines().last().unwrap())).unwrap();
        assert_eq!(Checkpoint::read(&place.home, ours.verifier()).unwrap().unwrap().unknown, 1);
        // Any changed byte of the note.
        for at in 0..note.len() {
            let mut bytes = note.as_bytes().to_vec();
            bytes[at] ^= 1;
            fs::write(&file, &bytes).unwrap();
            assert!(Checkpoint::read(&place.home, ours.verifier()).is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_checkpoint_only_grows() {
        let place = place();
        let key = CheckpointKey::open_or_make(&place.config).unwrap().signer(ID).unwrap();
        let (a, b) = (sha256(&[b"a"]), sha256(&[b"b"]));
        Checkpoint::write(&place.home, &key, 5, &a).unwrap();
        Checkpoint::write(&place.home, &key, 5, &a).unwrap();
        for (size, root) in [(5, b), (4, a), (0, b)] {
            let fault = Checkpoint::write(&place.home, &key, size, &root).unwrap_err();
            assert!(matches!(fault, CheckpointFault::Backwards { old: 5, .. }), "{fault}");
        }
        Checkpoint::write(&place.home, &key, 6, &b).unwrap();
        // What cannot be verified is evidence.
        let file = place.home.path().join("audit").join(NAME);
        fs::write(&file, "forged").unwrap();
        assert!(Checkpoint::write(&place.home, &key, 9, &b).is_err());
        assert_eq!(fs::read_to_string(&file).unwrap(), "forged");
    }

    #[test]
    fn many_at_once_agree_on_one_key() {
        let place = place();
        let secrets: Vec<_> = std::thread::scope(|scope| {
            let make = || CheckpointKey::open_or_make(&place.config).map(|key| key.0.secret_text());
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap().unwrap()).collect()
        });
        assert!(secrets.windows(2).all(|pair| pair[0] == pair[1]));
    }
}
