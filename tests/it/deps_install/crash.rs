//! The program killed, and its system calls failed, at every point of a `deps
//! install`, with an installer that is none.
//!
//! The laws, for each point:
//!
//! - An installer that was started was on record before.
//! - Every beginning has exactly one end on record once the next command has
//!   looked: what is known, or that it is unknown.
//! - Acknowledged means begun and ended on record.
//! - A yes was used at most once; the same command line says so, or runs.
//! - The chain verifies, the state is the records', a second program agrees.

use super::bench::NPM;
use crate::crash::judge::conclude;
use crate::support::faults::{Bed, Call, Dice, Logs, Ran, SKILLS, drawn, is_root};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Before how many calls it is killed, and after how many recovery is.
const POINTS: usize = 56;
const NESTED: usize = 8;

struct Press {
    bed: Bed,
    args: Vec<String>,
    /// Its steps' calls, when nothing goes wrong.
    calls: Vec<Call>,
    logs: Logs,
    violations: Vec<String>,
    points: usize,
    acknowledged: usize,
    unknown: usize,
}

/// A bed with a trusted skill, an account whose policy names a stub, and the
/// command; none where this machine allows it to no one.
pub(super) fn bed(npm: &str) -> Option<(Bed, Vec<String>)> {
    if !is_root() {
        eprintln!(
            "NOT RUN: a policy of our own needs an account of our own; root's pass of the tests runs it"
        );
        return None;
    }
    let bed = Bed::new();
    if !super::bench::possible() || !bed.account() {
        eprintln!("NOT RUN: no mount of our own, or no bubblewrap, on this machine");
        return None;
    }
    let card = format!(
        "---\nname: demo\ndescription: D.\nmetadata: {{\"openclaw\": {{\"install\": [{NPM}]}}}}\n---\n"
    );
    fs::write(bed.root.join("src/demo/SKILL.md"), card).unwrap();
    fs::create_dir_all(bed.root.join("bin")).unwrap();
    fs::write(bed.root.join("bin/npm"), npm).unwrap();
    fs::set_permissions(bed.root.join("bin/npm"), fs::Permissions::from_mode(0o755)).unwrap();
    let config = bed.root.join("account/.config/skill-trust");
    fs::create_dir_all(&config).unwrap();
    let policy = format!("[deps]\nprograms = [\"{}\"]\n", bed.path("bin"));
    fs::write(config.join("policy.toml"), policy).unwrap();
    let digest = bed.install("demo");
    bed.trust("demo", &digest);
    let plan = bed.run(&["deps", "plan", "demo", "--json"]).done().out;
    let plan: Value = serde_json::from_str(&plan).unwrap();
    let args = ["deps", "install", "demo", "--plan", plan["digest"].as_str().unwrap()];
    Some((bed, args.map(str::to_owned).to_vec()))
}

impl Press {
    fn new() -> Option<Self> {
        let (bed, args) = bed("#!/bin/sh\nprintf x >> /skill-tools/ran\n")?;
        bed.keep("start");
        let words: Vec<_> = args.iter().map(String::as_str).collect();
        let (ran, calls) = bed.trace(&words);
        ran.done();
        let (logs, violations) = (Logs::new(), Vec::new());
        Some(Self { bed, args, calls, logs, violations, points: 0, acknowledged: 0, unknown: 0 })
    }

    fn words(&self) -> Vec<&str> {
        self.args.iter().map(String::as_str).collect()
    }

    /// How often the installer ran.
    fn ran(&self) -> usize {
        let shelves = fs::read_dir(self.bed.home().join("deps")).into_iter().flatten().flatten();
        shelves.map(|shelf| fs::read(shelf.path().join("tools/ran")).map_or(0, |ran| ran.len())).sum()
    }

    fn records(&self, event: &str) -> Vec<Value> {
        let log = fs::read_to_string(self.bed.log()).unwrap_or_default();
        let all = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        all.filter(|record| record["event"] == event && record["decision"] == "done").collect()
    }

    fn judge(&mut self, point: &str, ran: &Ran) {
        self.points += 1;
        self.acknowledged += usize::from(ran.acknowledged());
        let mut found = Vec::new();
        if let Err(why) = self.laws(ran, &mut found) {
            found.push(why);
        }
        let how = ran.code.map_or_else(|| "killed".to_owned(), |code| format!("exit {code}"));
        self.violations.extend(found.into_iter().map(|why| format!("{point}: {how}: {why}")));
    }

    fn laws(&mut self, ran: &Ran, found: &mut Vec<String>) -> Result<(), String> {
        let installed = self.ran();
        let looked = self.bed.look()?;
        let again = self.bed.look()?;
        if looked.head != again.head {
            found.push("recovery did something the second time".to_owned());
        }
        self.logs.take(&self.bed, &looked.head);
        let (started, ended) = (self.records("deps-started"), self.records("deps-ended"));
        let unknown = ended.iter().filter(|end| end["codes"] == serde_json::json!(["unknown"])).count();
        self.unknown += unknown;
        if started.len() != ended.len() {
            found.push(format!("{} beginnings, {} ends", started.len(), ended.len()));
        }
        if installed > started.len() || started.len() > self.records("deps-consent").len() {
            found.push(format!("{installed} runs of {} beginnings", started.len()));
        }
        let all = (started.len(), installed, unknown);
        if ran.acknowledged() && all != (1, 1, 0) {
            found.push(format!("acknowledged, and begun, ran, unknown are {all:?}"));
        }
        if self.bed.home().join("deps/work").exists() && unknown + ended.len() > 0 {
            found.push("the run's own folder is left after its end".to_owned());
        }
        // The yes is used up, or it is not and was not used.
        let once_more = self.bed.run(&self.words());
        let refused = once_more.code == Some(3) && once_more.err.contains("[no-consent]");
        if started.is_empty() != once_more.acknowledged() || started.is_empty() == refused {
            found.push(format!("{} beginnings, and then {once_more:?}", started.len()));
        }
        let verified = self.bed.run(&["audit", "verify"]);
        if verified.acknowledged() { Ok(()) } else { Err(format!("{verified:?}")) }
    }
}

#[test]
fn a_crash_of_an_install_leaves_on_record_what_was_started_and_what_is_known() {
    let Some(mut press) = Press::new() else { return };
    let mut dice = Dice::new(1_122);
    let (changing, quiet): (Vec<_>, Vec<_>) = press.calls.iter().cloned().partition(|call| call.changes);
    let all = std::env::var_os("SKILLS_SWEEP").is_some_and(|value| value == "full");
    let most = if all { 10_000 } else { POINTS };
    let quiet = if all { quiet } else { dice.some(quiet, 12) };
    let points: Vec<_> = drawn(changing, most, &mut dice).into_iter().chain(quiet).collect();
    let mut killed = 0;
    for call in &points {
        press.bed.restore("start");
        let ran = press.bed.run_with(&call.name, &format!("signal=KILL:when={}", call.nth), &press.words());
        killed += usize::from(ran.signal == Some(9));
        press.judge(&format!("killed before {} {}", call.name, call.nth), &ran);
    }
    assert!(killed * 10 >= points.len() * 9, "only {killed} of {} points were reached", points.len());
    // Recovery, killed in its turn, of a crash while the installer ran.
    let write =
        press.calls.iter().rposition(|call| call.name == "pwrite64").map(|at| press.calls[at].clone());
    if let Some(call) = write {
        press.bed.restore("start");
        let ran = press.bed.run_with(&call.name, &format!("signal=KILL:when={}", call.nth), &press.words());
        press.bed.keep("crashed");
        let recover = ["kill", "--all", "--dry-run"];
        let (_, calls) = press.bed.trace(&recover);
        let changing = calls.into_iter().filter(|call| call.changes).collect();
        for inner in dice.some(changing, NESTED) {
            press.bed.restore("crashed");
            press.bed.run_with(&inner.name, &format!("signal=KILL:when={}", inner.nth), &recover);
            press.judge(&format!("recovery killed before {} {}", inner.name, inner.nth), &ran);
        }
    }
    eprintln!("  {} acknowledged, {} ends unknown", press.acknowledged, press.unknown);
    assert!(press.unknown > 0, "no crash fell between a beginning and its end");
    let (points, mut violations) = (press.points, std::mem::take(&mut press.violations));
    violations.extend(press.logs.check());
    conclude("crashes of deps install", points, &violations);
}

#[test]
fn an_error_in_an_install_fails_it_or_does_not_matter() {
    let Some(mut press) = Press::new() else { return };
    let mut dice = Dice::new(1_123);
    let changing: Vec<_> =
        press.calls.iter().filter(|call| call.changes && call.name != "flock").cloned().collect();
    for call in drawn(changing, 30, &mut dice) {
        for error in ["EIO", "ENOSPC"] {
            press.bed.restore("start");
            let fault = format!("error={error}:when={}", call.nth);
            let ran = press.bed.run_alone(&call.name, &fault, &press.words());
            if ran.code.is_none_or(|code| code == 101) {
                press.violations.push(format!("{error} at {} {}: {ran:?}", call.name, call.nth));
            }
            press.judge(&format!("{error} at {} {}", call.name, call.nth), &ran);
        }
    }
    let (points, mut violations) = (press.points, std::mem::take(&mut press.violations));
    violations.extend(press.logs.check());
    conclude("errors in deps install", points, &violations);
}

/// When the program is killed outright, everything that a step began dies with
/// it, also what made itself independent; and the next command says so.
#[test]
fn what_a_step_began_dies_with_the_program() {
    let script = "#!/bin/sh\nsetsid sh -c 'while :; do printf . >> /skill-tools/beat; sleep 0.05; done' &\nsleep 300\n";
    let Some((bed, args)) = bed(script) else { return };
    let words: Vec<_> = args.iter().map(String::as_str).collect();
    let mut child = bed.command(&words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let beat = || {
        let shelves = fs::read_dir(bed.home().join("deps")).into_iter().flatten().flatten();
        shelves
            .map(|shelf| fs::read(shelf.path().join("tools/beat")).map_or(0, |beat| beat.len()))
            .sum::<usize>()
    };
    let until = Instant::now() + Duration::from_secs(20);
    while beat() < 3 {
        assert!(Instant::now() < until, "it never began");
        std::thread::sleep(Duration::from_millis(20));
    }
    // While it lives, nobody takes it for dead, and nothing else is installed.
    let second = bed.run(&words);
    assert_eq!(second.code, Some(3), "{second:?}");
    assert!(!fs::read_to_string(bed.log()).unwrap().contains("deps-ended"));
    let shown = bed.run(&["remove", "demo"]);
    assert_eq!(shown.code, Some(9), "{shown:?}");
    // `unshare … sh -c 'exec …'`: the child is the program itself.
    let name = fs::read_to_string(format!("/proc/{}/cmdline", child.id())).unwrap();
    assert!(name.starts_with(SKILLS), "{name}");
    child.kill().unwrap();
    child.wait().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let before = beat();
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(beat(), before, "something still runs");
    bed.run(&["verify"]);
    bed.run(&["remove", "demo"]).done();
    let log = fs::read_to_string(bed.log()).unwrap();
    assert!(log.contains("unknown: the process was stopped; plan sha256:"), "{log}");
    assert!(!bed.home().join("deps/work").exists());
}
