//! A home, an agent's folder and skills, driven through the library.
//!
//! Everything lies below one folder, so that all of it can be kept as a
//! [`Snapshot`] and put back, byte for byte and mode for mode.

use skill_trust::model::decision::{GateAnswer, Question};
use skill_trust::model::digest::Digest;
use skill_trust::model::record::Actor;
use skill_trust::model::skill::Revision;
use skill_trust::model::source::SourceSpec;
use skill_trust::model::time::Timestamp;
use skill_trust::ops::enable;
use skill_trust::ops::install::{self, Purpose, Selection};
use skill_trust::ops::place::Place;
use skill_trust::ops::trust::{self, TrustRequest};
use skill_trust::ops::{Nobody, World, gate};
use skill_trust::system::clock::Clock;
use skill_trust::system::fetch::FetchOptions;
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// When the scenes play, unless they say otherwise.
pub(crate) const START: i64 = 1_800_000_000;

/// A file of a skill: path, whether executable, bytes.
pub(crate) type SkillFile<'a> = (&'a str, bool, &'a [u8]);

/// Everything of one test.
pub(crate) struct Scene {
    base: tempfile::TempDir,
    /// The world that the library acts in.
    pub(crate) world: World,
}

impl Scene {
    /// An empty one. In memory where that is possible: a test that makes
    /// thousands of decisions waits for thousands of flushes otherwise.
    pub(crate) fn new() -> Self {
        let shm = Path::new("/dev/shm");
        let base = tempfile::tempdir_in(shm).or_else(|_| tempfile::tempdir()).unwrap();
        let path = base.path().canonicalize().unwrap();
        let mut world = World::usual("library");
        world.home = path.join("home");
        world.account_home = None;
        world.config = None;
        world.policy_files = vec![path.join("policy.toml")];
        world.clock = Clock::Fixed(Timestamp::from_unix(START));
        world.actor = Actor { uid: 7, user: "ana".into(), via: "library".into() };
        world.patience = Duration::from_secs(10);
        fs::create_dir(path.join("agent")).unwrap();
        Self { base, world }
    }

    /// The folder that everything lies in.
    pub(crate) fn base(&self) -> PathBuf {
        self.base.path().canonicalize().unwrap()
    }

    /// The agent's folder.
    pub(crate) fn agent(&self) -> PathBuf {
        self.base().join("agent")
    }

    /// Moves the clock.
    pub(crate) fn at(&mut self, unix: i64) {
        self.world.clock = Clock::Fixed(Timestamp::from_unix(unix));
    }

    /// Installs a skill of these files.
    pub(crate) fn install(&self, files: &[SkillFile<'_>]) -> Revision {
        let source = self.base().join("source");
        open_up(&source);
        let _ = fs::remove_dir_all(&source);
        write_skill(&source, files);
        let opened =
            install::open(&self.world, &SourceSpec::Folder(source), &FetchOptions::default(), Purpose::Take)
                .unwrap();
        let selection = Selection::default();
        let picked = opened.select(&selection).unwrap();
        let arrivals = opened.take(&self.world, &picked, &selection).unwrap();
        arrivals.into_iter().next().unwrap().outcome.unwrap().0.revision
    }

    /// Trusts it by its digest.
    pub(crate) fn trust(&self, revision: &Revision, expires: Option<&str>) {
        let request = TrustRequest {
            skill: typed(revision),
            digest: Some(revision.digest),
            terms: trust::TermsRequest { expires: expires.map(str::to_owned), note: None },
            ..TrustRequest::default()
        };
        let plan = trust::plan(&self.world, &request).unwrap();
        trust::trust(&self.world, &plan, "", &mut Nobody).unwrap();
    }

    /// Enables it in the agent's folder; returns where it is.
    pub(crate) fn enable(&self, revision: &Revision) -> PathBuf {
        let done = enable::enable(&self.world, &typed(revision), &Place::Folder(self.agent())).unwrap();
        done.path.into()
    }

    /// Asks the gate.
    pub(crate) fn ask(&self, revision: &Revision, question: Question) -> GateAnswer {
        let mut request = gate::bare_request(&typed(revision));
        request.question = question;
        gate::ask(&self.world, &request)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        open_up(&self.base());
    }
}

/// A revision as one types it, in full.
pub(crate) fn typed(revision: &Revision) -> String {
    revision.file_name()
}

/// Writes a skill's files, as its author has them.
pub(crate) fn write_skill(folder: &Path, files: &[SkillFile<'_>]) {
    for (path, executable, bytes) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        chmod(&path, if *executable { 0o755 } else { 0o644 });
    }
}

/// Sets a mode.
pub(crate) fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Makes every folder below writable, so that an ordinary account can clear it.
pub(crate) fn open_up(path: &Path) {
    let Ok(meta) = path.symlink_metadata() else { return };
    if !meta.is_dir() {
        return;
    }
    chmod(path, 0o700);
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        open_up(&entry.path());
    }
}

/// A file or folder with its mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    /// A folder.
    Folder(u32),
    /// A file and its bytes.
    File(u32, Vec<u8>),
}

/// Home and agent's folder at one moment, by path relative to the base.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Snapshot(pub(crate) BTreeMap<PathBuf, Node>);

impl Snapshot {
    /// Takes one.
    pub(crate) fn take(base: &Path) -> Self {
        let mut out = Self::default();
        for top in ["agent", "home"] {
            out.add(base, Path::new(top));
        }
        out
    }

    fn add(&mut self, base: &Path, path: &Path) {
        let full = base.join(path);
        let Ok(meta) = full.symlink_metadata() else { return };
        let mode = meta.permissions().mode() & 0o7777;
        if meta.is_dir() {
            self.0.insert(path.to_owned(), Node::Folder(mode));
            let closed = mode & 0o700 != 0o700;
            if closed {
                chmod(&full, 0o700);
            }
            for entry in fs::read_dir(&full).unwrap() {
                self.add(base, &path.join(entry.unwrap().file_name()));
            }
            if closed {
                chmod(&full, mode);
            }
        } else if meta.is_file() {
            self.0.insert(path.to_owned(), Node::File(mode, fs::read(&full).unwrap()));
        }
    }

    /// Puts everything back as it was.
    pub(crate) fn put(&self, base: &Path) {
        for top in ["agent", "home"] {
            remove(&base.join(top));
        }
        self.write(base, |_| true);
    }

    /// Writes what `which` picks; folders that are missing are made.
    pub(crate) fn write(&self, base: &Path, which: impl Fn(&Path) -> bool) {
        let picked: Vec<_> = self.0.iter().filter(|(path, _)| which(path)).collect();
        for (path, node) in &picked {
            let full = base.join(path);
            match node {
                Node::Folder(_) => {
                    fs::create_dir_all(&full).unwrap();
                    chmod(&full, 0o700);
                }
                Node::File(mode, bytes) => {
                    let _ = fs::create_dir_all(full.parent().unwrap());
                    let _ = fs::remove_file(&full);
                    fs::write(&full, bytes).unwrap();
                    chmod(&full, *mode);
                }
            }
        }
        for (path, node) in picked.iter().rev() {
            if let Node::Folder(mode) = node {
                chmod(&base.join(path), *mode);
            }
        }
    }

    /// The bytes of a file.
    pub(crate) fn bytes(&self, path: impl AsRef<Path>) -> Option<&[u8]> {
        match self.0.get(path.as_ref()) {
            Some(Node::File(_, bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// Every file.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        self.0.iter().filter_map(|(path, node)| match node {
            Node::File(_, bytes) => Some((path.as_path(), bytes.as_slice())),
            Node::Folder(_) => None,
        })
    }
}

/// Removes whatever is there.
pub(crate) fn remove(path: &Path) {
    open_up(path);
    let Ok(meta) = path.symlink_metadata() else { return };
    if meta.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
}

/// Numbers that look random and are the same in every run.
pub(crate) struct Dice(u64);

impl Dice {
    /// From any text.
    pub(crate) fn new(seed: &str) -> Self {
        let hash: Digest = skill_trust::model::digest::sha256(&[seed.as_bytes()]);
        Self(u64::from_be_bytes(hash.as_bytes()[..8].try_into().unwrap()))
    }

    /// Below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % end as u64).unwrap()
    }
}

/// Python, for what safe Rust cannot do.
pub(crate) fn python() -> PathBuf {
    ["/usr/bin/python3", "/usr/local/bin/python3"]
        .map(PathBuf::from)
        .into_iter()
        .find(|path| path.exists())
        .unwrap_or_else(|| "python3".into())
}
