//! A home and an agent's folder to play in, and ways to run a test again where
//! the system is short of something.

use skill_trust::model::digest::{Digest, sha256};
use skill_trust::model::lifecycle::Placement;
use skill_trust::model::path::EntryPath;
use skill_trust::model::permit::SkillPermit;
use skill_trust::model::skill::{Revision, SkillName};
use skill_trust::system::home::Home;
use skill_trust::system::permit;
use skill_trust::system::placement::{self, PlaceFault, Staged, Target, Trustees};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A home with a permit of epoch 1, and an agent's folder.
pub(crate) struct Yard {
    pub(crate) home: Home,
    pub(crate) agent: PathBuf,
    _root: Option<tempfile::TempDir>,
}

impl Yard {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut yard = Self::at(&root.path().join("home"), &root.path().join("agent/skills"));
        yard._root = Some(root);
        yard
    }

    pub(crate) fn at(home: &Path, agent: &Path) -> Self {
        std::fs::create_dir_all(agent.parent().unwrap()).unwrap();
        let home = Home::create(home).unwrap();
        permit::create_home(&home, 1).unwrap();
        Self { home, agent: agent.to_owned(), _root: None }
    }

    pub(crate) fn target(&self, name: &str) -> Target {
        placement::check_target(&self.agent, &skill(name), Trustees::ours()).unwrap()
    }

    /// A staged folder and a permit that names it.
    pub(crate) fn stage(&self, name: &str) -> (Staged, SkillPermit) {
        let (target, id) = (self.target(name), placement::fresh_id());
        let permit = self.permit_for(name, vec![(target.path(), target.staged_path(&id))]);
        let staged = Staged::begin(&target, &id).unwrap();
        permit::write_skill(&self.home, &permit).unwrap();
        permit::check_clear(&self.home, &permit).unwrap();
        (staged, permit)
    }

    /// A permit that names these final and staged paths.
    pub(crate) fn permit_for(&self, name: &str, places: Vec<(String, String)>) -> SkillPermit {
        let placements =
            places.into_iter().map(|(path, staged)| Placement { agent: None, path, staged }).collect();
        SkillPermit {
            revision: revision(name),
            source: "file:///x".into(),
            signers: vec![],
            epoch: permit::last_epoch(&self.home).unwrap(),
            seq: 1,
            hash: Digest::ZERO,
            until: None,
            placements,
        }
    }

    /// A skill placed where the agent looks.
    pub(crate) fn place(&self, name: &str) -> SkillPermit {
        let (mut staged, permit) = self.stage(name);
        fill(&mut staged);
        staged.publish().unwrap();
        assert!(self.agent.join(name).join("SKILL.md").is_file());
        permit
    }

    /// Every file below the agent's folder that is called `SKILL.md`.
    pub(crate) fn cards(&self) -> Vec<PathBuf> {
        let mut cards = Vec::new();
        search(&self.agent, &mut cards);
        cards
    }

    /// Names in the home's `permits/`, sorted.
    pub(crate) fn permits(&self) -> Vec<String> {
        names(&self.home.path().join("permits"))
    }
}

pub(crate) fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn search(dir: &Path, cards: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.map(Result::unwrap) {
        if entry.file_name() == "SKILL.md" {
            cards.push(entry.path());
        } else if entry.file_type().unwrap().is_dir() {
            search(&entry.path(), cards);
        }
    }
}

pub(crate) fn fill(staged: &mut Staged) {
    try_fill(staged).unwrap();
}

pub(crate) fn try_fill(staged: &mut Staged) -> Result<(), PlaceFault> {
    for (path, executable) in [("SKILL.md", false), ("scripts/run.sh", true)] {
        staged.write(&entry(path), executable, b"text")?;
    }
    staged.seal()
}

pub(crate) fn entry(path: &str) -> EntryPath {
    EntryPath::parse(path.as_bytes()).unwrap()
}

pub(crate) fn skill(name: &str) -> SkillName {
    SkillName::parse(name).unwrap()
}

pub(crate) fn revision(name: &str) -> Revision {
    Revision { name: skill(name), digest: sha256(&[name.as_bytes()]) }
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

const INSIDE: &str = "SKILL_TRUST_TEST_INSIDE";

/// To an account with a name space of its own the system's folders belong to
/// nobody it trusts, `/` first of all. So it gets a root of its own, with
/// everything of the system in it.
const OWN_ROOT: &str = r#"
    root=$(mktemp -d) && mount -t tmpfs -o mode=755 tmpfs "$root" || exit 1
    for here in /*; do
        if [ -L "$here" ]; then
            cp -P "$here" "$root$here"
        elif [ -d "$here" ]; then
            mkdir "$root$here" && mount --rbind "$here" "$root$here" 2>/dev/null
        fi
    done
    PATH=$PATH:/usr/sbin:/sbin
    exec chroot "$root" "$@"
"#;

/// Runs this one test again with mounts of its own; true inside.
pub(crate) fn with_own_mounts(test: &str) -> bool {
    let wrapper: &[&str] =
        if is_root() { &["unshare", "-m"] } else { &["unshare", "-Urm", "sh", "-c", OWN_ROOT, "own-root"] };
    let inside = again(test, wrapper);
    if inside {
        mount(Path::new("/tmp"), "mode=1777");
    }
    inside
}

/// Runs this one test again as an account that is not root; true inside, and
/// at once where it already is one.
pub(crate) fn as_ordinary_account(test: &str) -> bool {
    !is_root() || again(test, &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
}

/// Runs this one test again with few descriptors; true inside.
pub(crate) fn with_few_descriptors(test: &str) -> bool {
    again(test, &["prlimit", "--nofile=40:40"])
}

fn again(test: &str, wrapper: &[&str]) -> bool {
    if std::env::var(INSIDE).as_deref() == Ok(test) {
        return true;
    }
    let output = Command::new(wrapper[0])
        .args(&wrapper[1..])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads", "1"])
        .env(INSIDE, test)
        .output()
        .unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{wrapper:?}: {text}");
    false
}

/// A file system in memory, of this size.
pub(crate) fn mount(dir: &Path, options: &str) {
    std::fs::create_dir_all(dir).unwrap();
    run("mount", &["-t", "tmpfs", "-o", options, "tmpfs", dir.to_str().unwrap()]);
}

pub(crate) fn run(program: &str, args: &[&str]) {
    let output = Command::new(program).args(args).output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}
