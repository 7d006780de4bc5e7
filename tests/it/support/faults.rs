//! What the fault tests stand on: a home with skills and agents' folders that
//! can be put back to any prepared moment, the real program under `strace`,
//! and a look at everything that must hold afterwards.
//!
//! Two readings of the outcome are kept apart. [`Bed::look`] is the library's:
//! it recovers, verifies the whole chain and reads every row. [`replay`] is
//! this file's own: it works the states out from the lines of the log alone.
//! They must agree, whatever was done to the program.

use rustix::fs::Mode;
use skill_trust::model::code::Code;
use skill_trust::model::lifecycle::State;
use skill_trust::model::record::Actor;
use skill_trust::ops::World;
use skill_trust::ops::session::{Depth, Session};
use skill_trust::system::account::Account;
use skill_trust::system::clock::Clock;
use skill_trust::system::kill::{KillState, kill_state};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The real program.
pub(crate) const SKILLS: &str = env!("CARGO_BIN_EXE_skills");
/// The checker that was written from the documentation alone.
const CHECKER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/checker/audit_check.py");

/// System calls that change something, make it last, or exclude somebody.
const CHANGING: &[&str] = &[
    "write",
    "pwrite64",
    "writev",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "rmdir",
    "mkdir",
    "mkdirat",
    "chmod",
    "fchmod",
    "fchmodat",
    "fchmodat2",
    "fsync",
    "fdatasync",
    "sync_file_range",
    "ftruncate",
    "flock",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "fallocate",
];

/// Another account database, given as `$0`, for the command that follows.
pub(crate) const AS_ACCOUNT: &str = r#"mount --bind "$0" /etc/passwd && exec "$@""#;

/// A place to break things in.
pub(crate) struct Bed {
    _dir: Option<tempfile::TempDir>,
    /// Everything is below this: the home, the agents' folders, the sources.
    pub(crate) root: PathBuf,
    /// What was prepared lies here.
    kept: PathBuf,
    /// Whether the program runs with an account whose folder is [`Bed::account`].
    with_account: std::sync::atomic::AtomicBool,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Exit code; none if a signal ended it.
    pub(crate) code: Option<i32>,
    /// The signal that ended it.
    pub(crate) signal: Option<i32>,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn of(output: &std::process::Output) -> Self {
        Self {
            code: output.status.code(),
            signal: output.status.signal(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Whether the program said that it is done.
    pub(crate) fn acknowledged(&self) -> bool {
        self.code == Some(0)
    }

    /// Panics unless it is done.
    pub(crate) fn done(self) -> Self {
        assert!(self.acknowledged(), "{self:?}");
        self
    }
}

/// One system call of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    /// Its name.
    pub(crate) name: String,
    /// Which one of that name, from 1.
    pub(crate) nth: usize,
    /// Whether it changes something.
    pub(crate) changes: bool,
}

/// Everything that can be said about a home and the folders it serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct View {
    /// State and places of each revision.
    pub(crate) rows: BTreeMap<String, String>,
    /// Standing narrow kills.
    pub(crate) holds: BTreeSet<String>,
    /// Whether a kill of everything is in force.
    pub(crate) held: bool,
    /// Folders in which an agent finds a card.
    pub(crate) live: BTreeSet<String>,
}

impl View {
    /// Where the ledger says copies are.
    pub(crate) fn placed(&self) -> BTreeSet<String> {
        let places = self.rows.values().filter_map(|row| row.strip_prefix("enabled "));
        places.flat_map(|places| places.split(' ').map(str::to_owned)).collect()
    }
}

/// [`View`] and what goes with it.
#[derive(Debug)]
pub(crate) struct Looked {
    /// What there is.
    pub(crate) view: View,
    /// Kill epoch.
    pub(crate) epoch: u64,
    /// `SIZE:ROOT`.
    pub(crate) head: String,
}

impl Bed {
    /// A place in memory where there is one: it is faster, and a kill needs no
    /// disk to go wrong.
    pub(crate) fn new() -> Self {
        let fast = Path::new("/dev/shm");
        let dir = tempfile::tempdir_in(fast).or_else(|_| tempfile::tempdir()).unwrap();
        let mut bed = Self::at(dir.path());
        bed._dir = Some(dir);
        bed
    }

    /// A place in a folder that is there.
    pub(crate) fn at(dir: &Path) -> Self {
        let dir = fs::canonicalize(dir).unwrap();
        let bed =
            Self { _dir: None, root: dir.join("work"), kept: dir.join("kept"), with_account: false.into() };
        folder(&bed.root);
        folder(&bed.kept);
        for name in ["demo", "other"] {
            bed.source(name, "echo one\n");
        }
        bed
    }

    /// Writes the source of a skill, over an earlier version of it.
    pub(crate) fn source(&self, name: &str, script: &str) {
        let dir = self.root.join("src").join(name);
        fs::create_dir_all(dir.join("scripts")).unwrap();
        let card = format!("---\nname: {name}\ndescription: A skill for the fault tests.\n---\n\n# {name}\n");
        fs::write(dir.join("SKILL.md"), card).unwrap();
        fs::write(dir.join("scripts/run.sh"), script).unwrap();
        fs::set_permissions(dir.join("scripts/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// An agent's folder.
    pub(crate) fn agent(&self, which: &str) -> String {
        self.root.join(format!("agent-{which}")).to_string_lossy().into_owned()
    }

    /// A path below the root, as text.
    pub(crate) fn path(&self, below: &str) -> String {
        self.root.join(below).to_string_lossy().into_owned()
    }

    /// From now on the program runs with an account of its own, whose folder is
    /// below the root and whose Claude Code reads the agent's folder `a`. False
    /// where the machine allows no mount of our own.
    pub(crate) fn account(&self) -> bool {
        let below = self.root.join("account/.claude");
        fs::create_dir_all(&below).unwrap();
        let _ = std::os::unix::fs::symlink(self.agent("a"), below.join("skills"));
        let line = format!("person:x:0:0::{}:/bin/sh\n", self.path("account"));
        fs::write(self.kept.join("passwd"), line).unwrap();
        self.with_account.store(true, Ordering::SeqCst);
        // In a user's own name space `/` is nobody's, and no place for a home.
        let works = is_root() && self.wrapped("true").output().is_ok_and(|output| output.status.success());
        self.with_account.store(works, Ordering::SeqCst);
        works
    }

    /// A program, run where that account is.
    fn wrapped(&self, program: &str) -> Command {
        if !self.with_account.load(Ordering::SeqCst) {
            return Command::new(program);
        }
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", AS_ACCOUNT]);
        command.arg(self.kept.join("passwd")).arg(program);
        command
    }

    /// The program with an empty environment, not yet run.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.wrapped(SKILLS);
        command.arg("--home").arg(self.home()).args(args).env_clear().stdin(Stdio::null());
        if self.with_account.load(Ordering::SeqCst) {
            command.env("PATH", path());
        }
        command
    }

    /// Runs the program.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::of(&self.command(args).output().unwrap())
    }

    fn strace(&self, options: &[&str], args: &[&str]) -> Ran {
        let mut command = self.wrapped("strace");
        command.args(["-f", "-qq"]).args(options).arg(SKILLS).arg("--home").arg(self.home()).args(args);
        command.env_clear().env("PATH", path()).stdin(Stdio::null());
        Ran::of(&command.output().expect("strace runs: the fault tests need it"))
    }

    /// Runs the program with one fault: `fault` as strace writes it behind
    /// `inject=CALL:`.
    pub(crate) fn run_with(&self, call: &str, fault: &str, args: &[&str]) -> Ran {
        let inject = format!("inject={call}:{fault}");
        let trace = format!("trace={call}");
        self.strace(&["-o", "/dev/null", "-e", &trace, "-e", &inject], args)
    }

    /// As [`Bed::run_with`], with the fault in the program's first thread alone and
    /// not in what it starts.
    pub(crate) fn run_alone(&self, call: &str, fault: &str, args: &[&str]) -> Ran {
        let (inject, trace) = (format!("inject={call}:{fault}"), format!("trace={call}"));
        let mut command = self.wrapped("strace");
        command.args(["-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject, SKILLS, "--home"]);
        command.arg(self.home()).args(args).env_clear().env("PATH", path()).stdin(Stdio::null());
        Ran::of(&command.output().expect("strace runs: the fault tests need it"))
    }

    /// The system calls of a run from the first that names this place; before
    /// that nothing can go wrong for good. Those of other threads are left
    /// out: they wait for signals and deadlines.
    pub(crate) fn trace(&self, args: &[&str]) -> (Ran, Vec<Call>) {
        let file = self.kept.join("trace");
        let ran = self.strace(&["-y", "-s", "0", "-o", &file.to_string_lossy()], args);
        let text = fs::read_to_string(&file).unwrap();
        let root = self.root.to_string_lossy().into_owned();
        let (mut counts, mut calls, mut main, mut begun) = (BTreeMap::new(), Vec::new(), None, false);
        for line in text.lines() {
            let Some((pid, rest)) = line.split_once(' ') else { continue };
            let Some((name, rest)) = rest.trim_start().split_once('(') else { continue };
            let is_name = name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_');
            if !is_name || *main.get_or_insert(pid) != pid {
                continue;
            }
            let nth = counts.entry(name.to_owned()).or_insert(0_usize);
            *nth += 1;
            let ours = rest.contains(&root);
            begun |= ours && name != "execve";
            let creates = name.starts_with("open") && (rest.contains("O_CREAT") || rest.contains("O_TRUNC"));
            let changes = CHANGING.contains(&name) || creates;
            if begun && name != "exit_group" {
                calls.push(Call { name: name.to_owned(), nth: *nth, changes });
            }
        }
        (ran, calls)
    }

    /// The lines of the last trace.
    pub(crate) fn traced(&self) -> String {
        fs::read_to_string(self.kept.join("trace")).unwrap()
    }

    /// Keeps everything as it is now under a name.
    pub(crate) fn keep(&self, name: &str) {
        let kept = self.kept.join(name);
        clear(&kept);
        copy(&self.root, &kept);
    }

    /// Puts everything back as it was kept.
    pub(crate) fn restore(&self, name: &str) {
        clear(&self.root);
        copy(&self.kept.join(name), &self.root);
    }

    /// Installs a skill from its source; the digest.
    pub(crate) fn install(&self, name: &str) -> String {
        let ran = self.run(&["install", &self.path(&format!("src/{name}"))]).done();
        let digest = ran.out.split_whitespace().find(|word| word.starts_with("sha256:"));
        digest.unwrap_or_else(|| panic!("no digest in {ran:?}")).to_owned()
    }

    pub(crate) fn trust(&self, name: &str, digest: &str) {
        self.run(&["trust", &exact(name, digest), "--digest", digest]).done();
    }

    pub(crate) fn enable(&self, name: &str, agent: &str) {
        self.run(&["enable", name, "--dir", &self.agent(agent)]).done();
    }

    /// Installs, trusts and enables; the digest.
    pub(crate) fn enabled(&self, name: &str, agent: &str) -> String {
        let digest = self.install(name);
        self.trust(name, &digest);
        self.enable(&exact(name, &digest), agent);
        digest
    }

    /// The world in which the library looks at this home.
    pub(crate) fn world(&self) -> World {
        let account = Account::ours();
        World {
            home: self.home(),
            account_home: None,
            config: None,
            policy_files: Vec::new(),
            clock: Clock::System,
            actor: Actor { uid: account.uid, user: account.name, via: "library".to_owned() },
            patience: Duration::from_secs(10),
            ends: false,
            agent: None,
        }
    }

    /// Recovers and looks at everything, the whole chain verified, the whole
    /// state proven, and both compared with what the log alone says.
    pub(crate) fn look(&self) -> Result<Looked, String> {
        let world = self.world();
        let session = match Session::open(&world, Depth::All) {
            Ok(session) => session,
            // There is nothing yet, and nothing may have come of it.
            Err(stop) if stop.code == Code::HomeMissing => return Ok(self.nothing()),
            Err(stop) => return Err(format!("recovery: {stop:?}")),
        };
        session.log.verify(&session.ledger).map_err(|fault| format!("the log: {fault}"))?;
        let all = session.ledger.revisions().map_err(|fault| format!("the ledger: {fault}"))?;
        let mut rows = BTreeMap::new();
        let mut states = BTreeMap::new();
        for row in &all {
            let mut text = row.lifecycle.state().as_str().to_owned();
            for place in row.lifecycle.placements() {
                text.push(' ');
                text.push_str(&place.path);
            }
            rows.insert(row.revision.file_name(), text);
            states.insert(row.revision.file_name(), row.lifecycle.state());
        }
        let log = fs::read_to_string(self.log()).map_err(|error| error.to_string())?;
        let replayed = replay(&log)?;
        if replayed != states {
            return Err(format!("the ledger has {states:?}, the log says {replayed:?}"));
        }
        let view = View {
            rows,
            holds: session.ledger.brakes().holds.iter().map(|hold| hold.scope.to_string()).collect(),
            held: matches!(kill_state(session.home.dir()), KillState::Killed(_)),
            live: self.live(),
        };
        let head = session.ledger.head().text();
        Ok(Looked { view, epoch: session.ledger.brakes().epoch, head })
    }

    fn nothing(&self) -> Looked {
        let view = View { rows: BTreeMap::new(), holds: BTreeSet::new(), held: false, live: self.live() };
        Looked { view, epoch: 0, head: String::new() }
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.home().join("audit/audit.jsonl")
    }

    /// Every folder below the agents' folders in which a card can be opened by
    /// a name that some agent would look for, hidden folders included.
    pub(crate) fn live(&self) -> BTreeSet<String> {
        let mut out = BTreeSet::new();
        for which in ["a", "b"] {
            cards(Path::new(&self.agent(which)), 3, &mut out);
        }
        out
    }

    /// Asks the gate for a skill; whether it allowed, and its whole answer.
    pub(crate) fn gate(&self, skill: &str) -> (bool, Ran) {
        let ran = self.run(&["gate", skill, "--json"]);
        let said = ran.out.contains("\"decision\":\"allow\"");
        (ran.acknowledged() && said, ran)
    }

    /// Whether a kill of everything has had its first effect.
    pub(crate) fn has_hold(&self) -> bool {
        let names = fs::read_dir(self.home()).into_iter().flatten().flatten();
        names.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with("killed."))
    }
}

/// `NAME@` and enough of a digest.
pub(crate) fn exact(name: &str, digest: &str) -> String {
    format!("{name}@{}", &digest["sha256:".len()..][..16])
}

pub(crate) fn path() -> String {
    std::env::var("PATH").unwrap_or_default()
}

/// Whether this runs as root, who passes every mode.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// All of them for an ordinary account, a third for root: the whole sweep in
/// both passes would take twice the time and say the same.
pub(crate) fn thinned(calls: Vec<Call>, dice: &mut Dice) -> Vec<Call> {
    let count = if is_root() { calls.len().div_ceil(3) } else { calls.len() };
    dice.some(calls, count)
}

/// First and last, and at most so many in between.
pub(crate) fn drawn(mut calls: Vec<Call>, most: usize, dice: &mut Dice) -> Vec<Call> {
    if calls.len() <= most + 2 {
        return calls;
    }
    let last = calls.split_off(calls.len() - 1);
    let between = calls.split_off(1);
    [calls, dice.some(between, most), last].concat()
}

fn folder(path: &Path) {
    fs::create_dir_all(path).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
}

fn cards(dir: &Path, depth: usize, out: &mut BTreeSet<String>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_card = entry.file_name().to_string_lossy().eq_ignore_ascii_case("SKILL.md");
        if is_card && fs::File::open(&path).is_ok() {
            out.insert(dir.to_string_lossy().into_owned());
        } else if depth > 0 && path.is_dir() {
            cards(&path, depth - 1, out);
        }
    }
}

/// The state of every revision, worked out from the log's lines alone.
pub(crate) fn replay(log: &str) -> Result<BTreeMap<String, State>, String> {
    let mut states = BTreeMap::new();
    for line in log.lines() {
        let record: serde_json::Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let text = |field: &str| record[field].as_str().unwrap_or_default();
        let (Some(name), Some(digest)) = (record["skill"].as_str(), text("digest").strip_prefix("sha256:"))
        else {
            continue;
        };
        if text("decision") != "done" {
            continue;
        }
        let key = format!("{name}@{digest}");
        let was = states.get(&key).copied();
        let left = record["placements"].as_array().is_some_and(|places| !places.is_empty());
        let one_of_several =
            text("reason").starts_with("withdrawn from") || text("reason").starts_with("replaced by");
        let now = match (text("event"), was) {
            ("remove", _) => {
                states.remove(&key);
                continue;
            }
            ("install", None) => State::Installed,
            ("trust", Some(State::Installed)) => State::Trusted,
            ("enable", Some(_)) => State::Enabled,
            ("disable", Some(State::Enabled)) if one_of_several && left => State::Enabled,
            ("disable" | "kill", Some(State::Enabled)) => State::Trusted,
            ("untrust" | "drift" | "expire" | "unmet" | "revoke", Some(_)) => State::Installed,
            (_, Some(same)) => same,
            (event, None) => return Err(format!("`{event}` of {key}, which is not there")),
        };
        states.insert(key, now);
    }
    Ok(states)
}

/// Copies a tree with its modes. Not with `cp`: starting it would take longer.
fn copy(from: &Path, to: &Path) {
    let mode = fs::symlink_metadata(from).unwrap().permissions().mode() & 0o7777;
    fs::create_dir(to).unwrap();
    let opened = opened(from, mode);
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().unwrap().is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&path).unwrap(), &to).unwrap();
        } else if entry.file_type().unwrap().is_dir() {
            copy(&path, &to);
        } else {
            let mode = fs::symlink_metadata(&path).unwrap().permissions().mode() & 0o7777;
            let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&to).unwrap();
            std::io::copy(&mut fs::File::open(&path).unwrap(), &mut file).unwrap();
            file.set_permissions(fs::Permissions::from_mode(mode)).unwrap();
        }
    }
    if opened {
        fs::set_permissions(from, fs::Permissions::from_mode(mode)).unwrap();
    }
    fs::set_permissions(to, fs::Permissions::from_mode(mode)).unwrap();
}

/// An original: a folder or link in the agent's folder that is not ours, and
/// what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Foreign {
    /// Where it lies.
    pub(crate) path: PathBuf,
    holds: String,
}

impl Bed {
    /// Everything in the agent's folder that is not one of these.
    pub(crate) fn foreign(&self, ours: &BTreeSet<String>) -> Vec<Foreign> {
        let entries = fs::read_dir(self.agent("a")).into_iter().flatten().flatten().map(|entry| entry.path());
        let others = entries.filter(|path| !ours.contains(&*path.to_string_lossy()));
        others.map(|path| Foreign { holds: holds(&path), path }).collect()
    }

    /// Where an original is, whole: at its place, beside it, in the evidence.
    pub(crate) fn whole(&self, original: &Foreign) -> Vec<PathBuf> {
        let in_folder = |folder: PathBuf| fs::read_dir(folder).into_iter().flatten().flatten();
        let all = in_folder(self.agent("a").into()).chain(in_folder(self.home().join("evidence")));
        let all = all.map(|entry| entry.path()).filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            *path == original.path || name.contains("original-")
        });
        all.filter(|path| holds(path) == original.holds).collect()
    }
}

/// All names, modes and bytes of a folder; the text of a link.
fn holds(path: &Path) -> String {
    let about = fs::symlink_metadata(path).unwrap();
    if about.is_symlink() {
        return format!("-> {}", fs::read_link(path).unwrap().display());
    }
    if !about.is_dir() {
        return format!("{:o} {}", about.permissions().mode(), fs::read_to_string(path).unwrap_or_default());
    }
    let mut names: Vec<_> =
        fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    names.sort();
    let inner = names.iter().map(|path| format!("{:?} {}\n", path.file_name().unwrap(), holds(path)));
    format!("{:o}\n{}", about.permissions().mode(), inner.collect::<String>())
}

/// Opens a folder up that its owner closed to himself.
fn opened(dir: &Path, mode: u32) -> bool {
    let closed = mode & 0o500 != 0o500;
    if closed {
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).unwrap();
    }
    closed
}

/// Removes a tree whatever its modes are.
pub(crate) fn clear(dir: &Path) {
    let Ok(stat) = fs::symlink_metadata(dir) else { return };
    if !stat.is_dir() {
        fs::remove_file(dir).unwrap();
        return;
    }
    rustix::fs::chmod(dir, Mode::RWXU).unwrap();
    for entry in fs::read_dir(dir).unwrap() {
        clear(&entry.unwrap().path());
    }
    fs::remove_dir(dir).unwrap();
}

impl Drop for Bed {
    fn drop(&mut self) {
        clear(&self.root);
        clear(&self.kept);
    }
}

/// Logs for the second program, checked all at once at the end.
pub(crate) struct Logs {
    dir: tempfile::TempDir,
    list: String,
    count: usize,
}

impl Logs {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        Self { dir, list: String::new(), count: 0 }
    }

    /// Takes a copy of a log that must end in this head.
    pub(crate) fn take(&mut self, bed: &Bed, head: &str) {
        if head.is_empty() {
            return;
        }
        self.count += 1;
        let file = self.dir.path().join(self.count.to_string());
        fs::copy(bed.log(), &file).unwrap();
        let line = serde_json::json!({ "logs": [file], "head": head });
        self.list.push_str(&format!("{line}\n"));
    }

    /// What the second program finds wrong; none, said aloud, without Python.
    pub(crate) fn check(self) -> Vec<String> {
        let list = self.dir.path().join("list");
        fs::write(&list, &self.list).unwrap();
        let mut command = Command::new("python3");
        command.arg("-I").arg(CHECKER).arg("--batch").arg(&list).env_clear().env("PATH", path());
        let Ok(output) = command.output() else {
            eprintln!("SKIPPED: the independent checker needs python3");
            return Vec::new();
        };
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let bad = text.lines().filter(|line| !line.contains("\"ok\": true") && !line.contains("\"ok\":true"));
        let mut bad: Vec<_> = bad.map(|line| format!("the second program: {line}")).collect();
        if text.lines().count() != self.count {
            bad.push(format!("the second program answered {} of {}", text.lines().count(), self.count));
        }
        bad
    }
}

/// A fixed sequence of numbers, so that a sample is the same every time.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    /// Below `end`.
    pub(crate) fn roll(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    /// At most so many of them, in order.
    pub(crate) fn some<T>(&mut self, mut all: Vec<T>, most: usize) -> Vec<T> {
        while all.len() > most {
            let at = self.roll(all.len());
            all.remove(at);
        }
        all
    }
}
