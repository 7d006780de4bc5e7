//! Real repositories in a temporary folder, made by the real git with a clean
//! environment.

use skill_trust::model::git_proof::GitProof;
use skill_trust::model::limits::Limits;
use skill_trust::model::source::SourceSpec;
use skill_trust::system::fetch::{self, FetchError, FetchOptions, Found, Listing, Origin};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

pub(crate) const CARD: &str = "---\nname: pdf\ndescription: Reads PDF files.\n---\nRead them.\n";

/// A repository, a home for git, and room for scratch folders.
pub(crate) struct Repo {
    pub(crate) dir: TempDir,
    pub(crate) work: PathBuf,
}

/// Path, executable, content.
pub(crate) type Files = BTreeMap<String, (bool, Vec<u8>)>;

impl Repo {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        fs::create_dir(top.join("home")).unwrap();
        let repo = Self { work: top.join("repo"), dir };
        fs::create_dir(&repo.work).unwrap();
        repo.git(&["init", "-q", "-b", "main"]);
        repo
    }

    /// One commit with a skill at the root: a card and a program.
    pub(crate) fn with_skill() -> Self {
        let repo = Self::new();
        repo.write("SKILL.md", CARD);
        repo.write("scripts/run.sh", "#!/bin/sh\necho hello\n");
        repo.executable("scripts/run.sh");
        repo.commit("first");
        repo
    }

    pub(crate) fn top(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap()
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new("git");
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.top().join("home"));
        for (name, value) in [("GIT_CONFIG_NOSYSTEM", "1"), ("LC_ALL", "C")] {
            command.env(name, value);
        }
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "A").env(format!("GIT_{who}_EMAIL"), "a@example.org");
            command.env(format!("GIT_{who}_DATE"), "2026-01-02T03:04:05Z");
        }
        command.current_dir(&self.work);
        command
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        self.git_with(arguments, b"")
    }

    pub(crate) fn git_with(&self, arguments: &[&str], input: &[u8]) -> String {
        let mut command = self.command();
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let done = child.wait_with_output().unwrap();
        assert!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().trim_end().to_owned()
    }

    pub(crate) fn write(&self, path: &str, content: &str) {
        let place = self.work.join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, content).unwrap();
    }

    pub(crate) fn executable(&self, path: &str) {
        fs::set_permissions(self.work.join(path), fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    pub(crate) fn file_url(&self) -> String {
        format!("file://{}", self.work.display())
    }

    pub(crate) fn blob(&self, content: &[u8]) -> String {
        self.git_with(&["hash-object", "-w", "--stdin"], content)
    }

    /// Writes a tree object of exactly these rows, in this order.
    pub(crate) fn tree(&self, rows: &[(&str, &[u8], &str)]) -> String {
        let mut raw = Vec::new();
        for (mode, name, id) in rows {
            raw.extend_from_slice(mode.as_bytes());
            raw.push(b' ');
            raw.extend_from_slice(name);
            raw.push(0);
            raw.extend((0..40).step_by(2).map(|at| u8::from_str_radix(&id[at..at + 2], 16).unwrap()));
        }
        self.git_with(&["hash-object", "-t", "tree", "-w", "--literally", "--stdin"], &raw)
    }

    /// Makes the tree the content of the branch `main`.
    pub(crate) fn publish(&self, tree: &str) {
        let commit = self.git(&["commit-tree", tree, "-m", "tree"]);
        self.git(&["update-ref", "refs/heads/main", &commit]);
    }
}

/// Opens a typed source in a scratch folder that lives as long as the test.
pub(crate) fn open(typed: &str) -> Result<Box<dyn Origin>, FetchError> {
    open_with(typed, None, &FetchOptions::default())
}

pub(crate) fn open_at(typed: &str, reference: &str) -> Result<Box<dyn Origin>, FetchError> {
    open_with(typed, Some(reference), &FetchOptions::default())
}

pub(crate) fn open_with(
    typed: &str,
    reference: Option<&str>,
    options: &FetchOptions,
) -> Result<Box<dyn Origin>, FetchError> {
    let mut spec = SourceSpec::parse(typed, |name| Path::new(name).is_dir()).unwrap();
    if let Some(reference) = reference {
        spec = spec.at(reference).unwrap();
    }
    open_spec(&spec, options)
}

pub(crate) fn open_spec(spec: &SourceSpec, options: &FetchOptions) -> Result<Box<dyn Origin>, FetchError> {
    // Objects are read from the scratch folder until the origin is dropped;
    // it lies in the system's temporary folder.
    let scratch = tempfile::Builder::new().prefix("scratch").tempdir().unwrap();
    let origin = fetch::open(spec, scratch.path(), options)?;
    Ok(Box::new(Kept { origin, _scratch: scratch }))
}

/// An origin with its scratch folder.
struct Kept {
    origin: Box<dyn Origin>,
    _scratch: TempDir,
}

impl Origin for Kept {
    fn source(&self) -> &skill_trust::model::source::Source {
        self.origin.source()
    }
    fn notes(&self) -> &[String] {
        self.origin.notes()
    }
    fn skills(&self) -> Result<Listing, FetchError> {
        self.origin.skills()
    }
    fn proof(&self, skill: &Found) -> Result<Option<GitProof>, FetchError> {
        self.origin.proof(skill)
    }
    fn source_of(&self, skill: &Found) -> skill_trust::model::source::Source {
        self.origin.source_of(skill)
    }
    fn copy(&self, skill: &Found, limits: &Limits, out: fetch::Sink<'_>) -> Result<(), FetchError> {
        self.origin.copy(skill, limits, out)
    }
}

pub(crate) fn copy_within(origin: &dyn Origin, skill: &Found, limits: &Limits) -> Result<Files, FetchError> {
    let mut files = Files::new();
    origin.copy(skill, limits, &mut |path, executable, size, content| {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        assert_eq!(bytes.len() as u64, size);
        files.insert(path.to_string(), (executable, bytes));
        Ok(())
    })?;
    Ok(files)
}

/// The files of the only skill.
pub(crate) fn only(origin: &dyn Origin) -> Result<Files, FetchError> {
    let listing = origin.skills()?;
    assert_eq!(listing.skills.len(), 1, "{listing:?}");
    copy_within(origin, &listing.skills[0], &Limits::DEFAULT)
}

/// The folders of the skills, `.` for the root.
pub(crate) fn places(origin: &dyn Origin) -> Vec<String> {
    let found = origin.skills().unwrap().skills;
    found.iter().map(|skill| skill.path.as_ref().map_or(".".to_owned(), ToString::to_string)).collect()
}

/// The error of an opening that must fail.
pub(crate) fn fails<T>(result: Result<T, FetchError>) -> FetchError {
    match result {
        Ok(_) => panic!("it should have been refused"),
        Err(error) => error,
    }
}
