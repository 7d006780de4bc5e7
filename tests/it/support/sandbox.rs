//! A sealed place to run the real program in.
//!
//! Everything lives below one temporary folder: the home (always given by
//! `--home`), folders that agents would read, and sources. The program gets no
//! environment but `PATH`, no standard input and no controlling terminal, so
//! it behaves the same under a person's shell, in CI and below an agent.
//!
//! A [`Snapshot`] is all that lasts: ledger rows and holds, audit records, and
//! the files of the home and the agents' folders. [`diff`] of two of them is
//! text that a test compares with what the author worked out by hand. Digests
//! are replaced by the names given with [`Sandbox::call`], random ids by `ID`.

use skill_trust::model::digest::Digest;
use skill_trust::model::record::{Actor, Record};
use skill_trust::model::time::Timestamp;
use skill_trust::ops::World;
use skill_trust::system::clock::Clock;
use skill_trust::system::home::Home;
use skill_trust::system::ledger::Ledger;
use skill_trust::system::tree;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_skills");

/// A home, agents' folders and sources of one test.
pub(crate) struct Sandbox {
    top: PathBuf,
    names: RefCell<BTreeMap<String, String>>,
    dir: TempDir,
}

impl Sandbox {
    /// A new one, in the system's temporary folder.
    pub(crate) fn new() -> Self {
        Self::within(&std::env::temp_dir())
    }

    /// A new one in memory where the machine has such a place: for tests that
    /// flush thousands of times and are not about flushing.
    pub(crate) fn fast() -> Self {
        let memory = Path::new("/dev/shm");
        let usable = tempfile::tempdir_in(memory).is_ok();
        if usable { Self::within(memory) } else { Self::new() }
    }

    fn within(parent: &Path) -> Self {
        let dir = tempfile::tempdir_in(parent).unwrap();
        let top = dir.path().canonicalize().unwrap();
        for folder in ["a", "b", "sources", "work"] {
            fs::create_dir(top.join(folder)).unwrap();
            chmod(&top.join(folder), 0o755);
        }
        Self { top, names: RefCell::default(), dir }
    }

    /// One in memory, with `one` installed, `two` trusted, `three` enabled in `a/`.
    pub(crate) fn in_three_states() -> Self {
        let sandbox = Self::fast();
        let one = sandbox.skill("one").make();
        sandbox.run(&["install", one.to_str().unwrap()]).ok();
        for name in ["two", "three"] {
            let folder = sandbox.skill(name).make();
            sandbox.trusted(&folder, name);
        }
        sandbox.run(&["enable", "three", "--dir", &sandbox.arg("a")]).ok();
        sandbox
    }

    /// The folder that holds everything.
    pub(crate) fn top(&self) -> &Path {
        &self.top
    }

    /// A path below it.
    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.top.join(path)
    }

    /// The same as text, for a command line.
    pub(crate) fn arg(&self, path: &str) -> String {
        self.at(path).to_str().unwrap().to_owned()
    }

    /// Where the program's home is, or will be.
    pub(crate) fn home(&self) -> PathBuf {
        self.at("home")
    }

    /// Names a digest for snapshots.
    pub(crate) fn call(&self, name: &str, digest: &Digest) {
        self.names.borrow_mut().insert(digest.hex(), name.to_owned());
    }

    /// A world for calling the library on this home, at a fixed second.
    pub(crate) fn world(&self, now: Timestamp) -> World {
        World {
            home: self.home(),
            account_home: Some(self.at("work")),
            config: None,
            policy_files: Vec::new(),
            clock: Clock::Fixed(now),
            actor: Actor { uid: 0, user: "tester".to_owned(), via: "library".to_owned() },
            patience: Duration::from_secs(5),
            ends: false,
            agent: None,
        }
    }

    /// The program with these arguments and this home, not started yet.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let home = self.arg("home");
        self.bare(&[&["--home", home.as_str()], args].concat())
    }

    /// The program with exactly these arguments, not started yet.
    pub(crate) fn bare(&self, args: &[&str]) -> Command {
        let mut command = detached();
        command.args(args).env_clear().env("PATH", path()).current_dir(self.at("work"));
        command.stdin(Stdio::null());
        command
    }

    /// Runs the program with this home and waits for its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        Output::of(&mut self.command(args), args)
    }

    /// As [`Sandbox::run`], with some environment.
    pub(crate) fn run_in(&self, environment: &[(&str, &str)], args: &[&str]) -> Output {
        Output::of(self.command(args).envs(environment.iter().copied()), args)
    }

    /// As [`Sandbox::run`], with bytes on standard input.
    pub(crate) fn feed(&self, input: &[u8], args: &[&str]) -> Output {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        // A program that refuses early does not read it all.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = Output::from(child.wait_with_output().unwrap(), args);
        writer.join().unwrap();
        output
    }

    /// Begins a skill's folder of that name in `sources/`.
    pub(crate) fn skill(&self, name: &str) -> Skill<'_> {
        let card = format!("---\nname: {name}\ndescription: For tests.\n---\nUse it.\n");
        Skill {
            sandbox: self,
            folder: self.at("sources").join(name),
            files: BTreeMap::from([("SKILL.md".to_owned(), (card.into_bytes(), false))]),
        }
    }

    /// Begins a git repository of that name in `sources/`.
    pub(crate) fn repo(&self, name: &str) -> Repo {
        let work = self.at("sources").join(name);
        fs::create_dir(&work).unwrap();
        let repo = Repo { work, home: self.at("work") };
        repo.git(&["init", "-q", "-b", "main"]);
        repo
    }

    /// The exact bytes of the folder, as the product's digest.
    pub(crate) fn digest(&self, folder: &Path) -> Digest {
        let open = tree::open_folder(folder).unwrap();
        tree::read(
            open.as_fd(),
            &tree::Checks { limits: skill_trust::model::limits::Limits::DEFAULT, strict: None },
        )
        .manifest
        .digest()
    }

    /// Installs a folder and trusts it by its digest, which is named `name`.
    pub(crate) fn trusted(&self, folder: &Path, name: &str) -> Digest {
        let digest = self.digest(folder);
        self.call(name, &digest);
        self.run(&["install", folder.to_str().unwrap()]).ok();
        let skill = folder.file_name().unwrap().to_str().unwrap();
        self.run(&["trust", skill, "--digest", &digest.to_string()]).ok();
        digest
    }

    /// What lasts, as it is now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        if self.home().exists() {
            self.ledger_lines(&mut snapshot);
        }
        for folder in ["a", "b", "home"] {
            self.file_lines(&self.at(folder), &mut snapshot.state);
        }
        snapshot.state.sort();
        snapshot
    }

    fn ledger_lines(&self, snapshot: &mut Snapshot) {
        let home = Home::open(&self.home()).unwrap();
        let Ok(ledger) = Ledger::open(&home) else {
            snapshot.state.push("ledger cannot be opened".to_owned());
            return;
        };
        for row in ledger.revisions().unwrap() {
            let places: Vec<_> = row.lifecycle.placements().iter().map(|place| place.path.clone()).collect();
            let line =
                format!("row {} {} {}", row.revision.file_name(), row.lifecycle.state(), places.join(" "));
            snapshot.state.push(self.readable(&line));
        }
        let brakes = ledger.brakes();
        if brakes.epoch > 0 {
            snapshot.state.push(format!("epoch {}", brakes.epoch));
        }
        snapshot.state.extend(brakes.hold.iter().map(|_| "held".to_owned()));
        let holds = brakes.holds.iter().map(|hold| self.readable(&format!("hold {}", hold.scope)));
        snapshot.state.extend(holds);
        ledger
            .each_event(1, |event| {
                let record = Record::parse(event.line.as_bytes()).unwrap();
                snapshot.records.push(self.record_line(&record));
                true
            })
            .unwrap();
        let log = fs::read_to_string(self.home().join("audit/audit.jsonl")).unwrap();
        assert_eq!(log.lines().count(), snapshot.records.len(), "the log has as many lines as the ledger");
    }

    fn record_line(&self, record: &Record) -> String {
        let mut line = format!("{} {}", record.event, serde_json::to_value(record.decision).unwrap());
        line.retain(|c| c != '"');
        for code in &record.codes {
            line.push_str(&format!(" [{code}]"));
        }
        match (&record.skill, &record.digest) {
            (Some(skill), Some(digest)) => line.push_str(&format!(" {skill}@{}", digest.hex())),
            (Some(skill), None) => line.push_str(&format!(" {skill}")),
            (None, _) => {}
        }
        self.readable(&line)
    }

    /// One line per entry: path and mode. The ledger's and the log's own files
    /// change with every record and are left out, a store object is one line.
    fn file_lines(&self, folder: &Path, lines: &mut Vec<String>) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries {
            let path = entry.unwrap().path();
            let shown = path.strip_prefix(&self.top).unwrap().to_str().unwrap();
            if shown.starts_with("home/ledger.db") || shown.starts_with("home/audit/") || shown == "home/lock"
            {
                continue;
            }
            let depth = shown.matches('/').count();
            let meta = path.symlink_metadata().unwrap();
            let mode = meta.permissions().mode() & 0o7777;
            let slash = if meta.is_dir() { "/" } else { "" };
            let bucket = depth == 2 && shown.starts_with("home/store/");
            if !bucket {
                lines.push(self.readable(&format!("{shown}{slash} {mode:04o}")));
            }
            let whole = depth == 3 && shown.starts_with("home/store/") || shown.starts_with("home/evidence/");
            if meta.is_dir() && !whole {
                self.file_lines(&path, lines);
            }
        }
    }

    /// Digests by name, other long hex numbers as `ID`, paths without the top.
    fn readable(&self, line: &str) -> String {
        let mut line = line.replace(&format!("{}/", self.top.display()), "");
        for (hex, name) in self.names.borrow().iter() {
            line = line.replace(&format!("{}/{hex}", &hex[..2]), name);
            line = line.replace(&format!("sha256:{hex}"), name).replace(hex, name);
        }
        let mut out = String::new();
        let mut rest = line.trim_end();
        while !rest.is_empty() {
            let run = rest.bytes().take_while(|c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase()).count();
            let (taken, after) = rest.split_at(run.max(rest.chars().next().map_or(1, char::len_utf8)));
            out.push_str(if run >= 16 { "ID" } else { taken });
            rest = after;
        }
        out
    }

    /// Asserts that nothing is left in `staging/` or beside placements.
    pub(crate) fn is_tidy(&self) {
        let staging: Vec<_> = fs::read_dir(self.home().join("staging")).unwrap().collect();
        assert!(staging.is_empty(), "{staging:?}");
        for folder in ["a", "b"] {
            for entry in fs::read_dir(self.at(folder)).unwrap() {
                let name = entry.unwrap().file_name();
                assert!(!name.to_str().unwrap().starts_with('.'), "{name:?} was left in {folder}");
            }
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // Placements and store objects cannot be removed as they are.
        open_up(self.dir.path());
    }
}

/// Makes every folder below writable again.
fn open_up(folder: &Path) {
    let _ = fs::set_permissions(folder, fs::Permissions::from_mode(0o700));
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_up(&entry.path());
        }
    }
}

/// Sets a mode.
pub(crate) fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Writes one byte more into a file that was made read-only, and gives its
/// mode back: what an attacker, or an editor, would do.
pub(crate) fn tamper(file: &Path) {
    let mode = file.metadata().unwrap().permissions().mode();
    chmod(file, 0o600);
    fs::OpenOptions::new().append(true).open(file).unwrap().write_all(b"!").unwrap();
    chmod(file, mode & 0o7777);
}

/// The program in a session of its own, so that no terminal of the tester's is
/// ever asked.
fn detached() -> Command {
    let setsid = Path::new("/usr/bin/setsid");
    if setsid.exists() {
        let mut command = Command::new(setsid);
        command.arg(PROGRAM);
        return command;
    }
    let mut command = Command::new("python3");
    command.args(["-Ic", "import os,sys\nos.setsid()\nos.execv(sys.argv[1], sys.argv[1:])", PROGRAM]);
    command
}

fn path() -> std::ffi::OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

/// How a run ended.
#[must_use]
#[derive(Debug)]
pub(crate) struct Output {
    /// The exit code; -1 for a signal.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
    line: String,
}

impl Output {
    /// Runs a command to its end.
    pub(crate) fn of(command: &mut Command, args: &[&str]) -> Self {
        Self::from(command.output().unwrap(), args)
    }

    /// From what was collected.
    pub(crate) fn from(output: std::process::Output, args: &[&str]) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            line: args.join(" "),
        }
    }

    /// Asserts exit code 0.
    pub(crate) fn ok(self) -> Said {
        self.code(0)
    }

    /// Asserts an exit code.
    pub(crate) fn code(self, expected: i32) -> Said {
        assert_eq!(
            self.code, expected,
            "exit code of `skills {}`\nstdout: {}\nstderr: {}",
            self.line, self.stdout, self.stderr
        );
        Said(self)
    }
}

/// A run whose exit code was looked at; more may be.
#[derive(Debug)]
pub(crate) struct Said(pub(crate) Output);

impl Said {
    /// Asserts that a text is on either stream.
    pub(crate) fn says(self, text: &str) -> Self {
        let Self(Output { stdout, stderr, line, .. }) = &self;
        assert!(
            stdout.contains(text) || stderr.contains(text),
            "`{text}` is not said by `skills {line}`\nstdout: {stdout}\nstderr: {stderr}"
        );
        self
    }

    /// Standard output as one JSON document with a `schema` of ours.
    pub(crate) fn json(&self) -> serde_json::Value {
        let document: serde_json::Value = serde_json::from_str(&self.0.stdout)
            .unwrap_or_else(|error| panic!("`skills {}`: {error}\n{}", self.0.line, self.0.stdout));
        let schema = document["schema"].as_str().unwrap_or_default();
        assert!(schema.starts_with("skill-trust/"), "`skills {}`: {document}", self.0.line);
        document
    }
}

/// A skill's folder in the making.
#[must_use]
pub(crate) struct Skill<'a> {
    sandbox: &'a Sandbox,
    folder: PathBuf,
    files: BTreeMap<String, (Vec<u8>, bool)>,
}

impl Skill<'_> {
    /// Adds a file, or replaces one.
    pub(crate) fn file(mut self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.files.insert(path.to_owned(), (content.as_ref().to_vec(), false));
        self
    }

    /// Adds a program.
    pub(crate) fn program(mut self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.files.insert(path.to_owned(), (content.as_ref().to_vec(), true));
        self
    }

    /// Puts it somewhere else below the sandbox.
    pub(crate) fn into_folder(mut self, path: &str) -> Self {
        self.folder = self.sandbox.at(path);
        self
    }

    /// Writes it anew: what was in the folder is gone.
    pub(crate) fn make(self) -> PathBuf {
        let _ = fs::remove_dir_all(&self.folder);
        for (path, (content, executable)) in &self.files {
            let file = self.folder.join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, content).unwrap();
            chmod(&file, if *executable { 0o755 } else { 0o644 });
        }
        self.folder
    }
}

/// A git repository, made by the real git without any configuration.
pub(crate) struct Repo {
    /// Its work tree.
    pub(crate) work: PathBuf,
    home: PathBuf,
}

impl Repo {
    /// Runs git in it and returns what it says.
    pub(crate) fn git(&self, args: &[&str]) -> String {
        let mut command = Command::new("git");
        command.args(args).current_dir(&self.work).env_clear().env("PATH", path()).env("HOME", &self.home);
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("LC_ALL", "C");
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "A").env(format!("GIT_{who}_EMAIL"), "a@example.org");
            command.env(format!("GIT_{who}_DATE"), "2026-01-02T03:04:05Z");
        }
        let done = command.output().unwrap();
        assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().trim_end().to_owned()
    }

    /// Writes a file into its work tree.
    pub(crate) fn write(&self, path: &str, content: &str) {
        let file = self.work.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }

    /// Commits everything and returns the commit.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.work.display())
    }
}

/// What lasts at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// Rows, holds and files, sorted.
    pub(crate) state: Vec<String>,
    /// Audit records, in order.
    pub(crate) records: Vec<String>,
}

/// What changed: new records (`>`), then state that went (`-`) and came (`+`).
pub(crate) fn diff(before: &Snapshot, after: &Snapshot) -> String {
    assert!(after.records.starts_with(&before.records), "records were rewritten");
    let mut lines: Vec<_> =
        after.records[before.records.len()..].iter().map(|line| format!("> {line}")).collect();
    let minus = |from: &[String], what: &[String]| {
        let mut left = what.to_vec();
        from.iter()
            .filter(|line| match left.iter().position(|other| other == *line) {
                Some(at) => {
                    left.remove(at);
                    false
                }
                None => true,
            })
            .cloned()
            .collect::<Vec<_>>()
    };
    lines.extend(minus(&before.state, &after.state).iter().map(|line| format!("- {line}")));
    lines.extend(minus(&after.state, &before.state).iter().map(|line| format!("+ {line}")));
    lines.join("\n")
}

/// Tells a story: after each step, what changed is compared with what the
/// author expected.
pub(crate) struct Story<'a> {
    sandbox: &'a Sandbox,
    before: Snapshot,
}

impl<'a> Story<'a> {
    /// Begins with things as they are.
    pub(crate) fn of(sandbox: &'a Sandbox) -> Self {
        Self { sandbox, before: sandbox.snapshot() }
    }

    /// Asserts what changed since the last step; indentation does not count.
    pub(crate) fn changed(&mut self, expected: &str) {
        let now = self.sandbox.snapshot();
        let changed = diff(&self.before, &now);
        let expected: Vec<_> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        assert_eq!(changed, expected.join("\n"), "\n--- what changed ---\n{changed}\n");
        self.before = now;
    }

    /// Asserts that nothing changed, not even by a record.
    pub(crate) fn unchanged(&mut self) {
        self.changed("");
    }
}
