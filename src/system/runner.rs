//! Runs the steps of a confirmed plan: the one place that starts a program on a
//! skill's behalf.
//!
//! A [`ConfirmedPlan`] comes in by value. Only the ledger makes one, from a
//! consent that it used up, so what was run once cannot be run again.
//!
//! Each step is the plan's words as they were shown, its first one replaced by
//! the program's full path; no shell, no standard input, an environment of a few
//! fixed names, a process group of its own. The group is killed when its time is
//! over, when somebody says stop, and when its first process has ended: what
//! stays behind in the background is not waited for.
//!
//! Of the output the end is kept, the rest counted; all of it is hashed.

use super::ledger::ConfirmedPlan;
use super::programs::Program;
use super::sandbox::{self, Inside, Sandbox};
use super::tools::Bench;
use crate::model::consent::Where;
use crate::model::dependency::Step;
use crate::model::digest::{Digest, Hasher};
use rustix::process::{Pid, Resource, Rlimit, Signal, WaitId, WaitIdOptions};
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, PipeReader, Read as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

/// How much of a step's output is kept, from its end.
pub const KEPT: usize = 64 * 1024;
/// How often is looked whether to go on.
const LOOK: Duration = Duration::from_millis(200);
/// The longest pause between two looks at the process.
const TICK: Duration = Duration::from_millis(25);
/// How long output is still waited for when the process has ended.
const DRAIN: Duration = Duration::from_millis(500);
/// The longest file that a step may write.
const FILE_MAX: u64 = 8 << 30;

/// Where the steps are run.
#[derive(Debug)]
pub enum Place {
    /// In there.
    Sandbox(Sandbox),
    /// On the machine itself.
    Host,
}

impl Place {
    /// As a consent names it.
    #[must_use]
    pub const fn name(&self) -> Where {
        match self {
            Self::Sandbox(_) => Where::Bubblewrap,
            Self::Host => Where::Host,
        }
    }
}

/// What goes with a plan to where it is run.
#[derive(Debug)]
pub struct Site {
    /// Where.
    pub place: Place,
    /// Its folders.
    pub bench: Bench,
    /// The programs that the plan names.
    pub programs: Vec<Program>,
    /// What PATH says there.
    pub path: Vec<PathBuf>,
    /// The longest time of one step.
    pub timeout: Duration,
}

/// Somebody who watches a run and may stop it.
pub trait Watch {
    /// A step begins; from 1.
    fn begins(&mut self, number: usize, of: usize, step: &Step);
    /// The newest line of its output; not escaped.
    fn line(&mut self, line: &str);
    /// Why not to go on, if so. Asked several times a second.
    fn stop(&mut self) -> Option<Halt>;
}

/// Why a run is stopped from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Halt {
    /// A kill, or that the skill lost its trust; in words.
    Killed(String),
    /// The person, or the system, asked for the program's end.
    Interrupted,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with this code.
    Exited(i32),
    /// By this signal, which was not ours.
    Signalled(i32),
    /// It took too long.
    TimedOut,
    /// It was stopped.
    Halted(Halt),
    /// It could not be begun, or was lost sight of: the system's words.
    Lost(String),
}

/// A step that was begun, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepEnd {
    /// Which one; from 1.
    pub number: usize,
    /// How it ended.
    pub ending: Ending,
    /// How long it took.
    pub took: Duration,
    /// The end of its output, at most [`KEPT`] bytes; neither escaped nor redacted.
    pub tail: Vec<u8>,
    /// How many bytes it wrote in all.
    pub bytes: u64,
    /// SHA-256 of all that it wrote.
    pub sha256: Digest,
}

impl StepEnd {
    /// Whether it did what it was to do.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.ending == Ending::Exited(0)
    }
}

/// Runs the steps in order, up to the first that fails.
///
/// ```
/// use skill_trust::system::ledger::ConfirmedPlan;
/// use skill_trust::system::runner::{Site, StepEnd, Watch, run};
/// fn with_one(once: ConfirmedPlan, site: &Site, watch: &mut dyn Watch) -> Vec<StepEnd> {
///     run(once, site, watch)
/// }
/// ```
///
/// ```compile_fail
/// use skill_trust::model::dependency::Plan;
/// use skill_trust::system::runner::{Site, StepEnd, Watch, run};
/// fn without_a_consent(plan: Plan, site: &Site, watch: &mut dyn Watch) -> Vec<StepEnd> {
///     run(plan, site, watch)
/// }
/// ```
#[must_use]
pub fn run(confirmed: ConfirmedPlan, site: &Site, watch: &mut dyn Watch) -> Vec<StepEnd> {
    let steps = &confirmed.plan().steps;
    let mut ends = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let number = at + 1;
        let began = Instant::now();
        let mut output = Output::default();
        let ending = if let Some(halt) = watch.stop() {
            Ending::Halted(halt)
        } else if confirmed.run().place != site.place.name() {
            Ending::Lost("BUG: confirmed for another place".to_owned())
        } else {
            watch.begins(number, steps.len(), step);
            one(step, site, &mut output, watch).unwrap_or_else(|error| Ending::Lost(error.to_string()))
        };
        ends.push(output.end(number, ending, began.elapsed()));
        if ends.last().is_none_or(|end| !end.is_done()) {
            break;
        }
    }
    ends
}

fn one(step: &Step, site: &Site, output: &mut Output, watch: &mut dyn Watch) -> io::Result<Ending> {
    let (reader, writer) = io::pipe()?;
    let mut inside = prepared(step, site)?;
    let command = &mut inside.command;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer).process_group(0);
    let limits = Limits::lower();
    let child = command.spawn();
    drop(limits);
    // Our ends of the pipe, and of the filter: else its end is never seen.
    drop(inside);
    let mut child = child?;
    let lines = lines_of(reader);
    let why = watched(&child, &lines, output, site.timeout, watch);
    kill_group(&child);
    let status = child.wait()?;
    output.drain(&lines);
    Ok(why.unwrap_or_else(|| ending(status)))
}

fn ending(status: ExitStatus) -> Ending {
    match (status.code(), status.signal()) {
        (Some(code), _) => Ending::Exited(code),
        (None, Some(signal)) => Ending::Signalled(signal),
        (None, None) => Ending::Lost("it ended in no known way".to_owned()),
    }
}

/// The command of a step, with nothing of our environment.
fn prepared(step: &Step, site: &Site) -> io::Result<Inside> {
    let lost = |what: &str| io::Error::new(io::ErrorKind::NotFound, what.to_owned());
    let (name, words) = step.argv.split_first().ok_or_else(|| lost("the step has no words"))?;
    let program = site.programs.iter().find(|program| program.name == *name);
    let program = &program.ok_or_else(|| lost("its program was not looked for"))?.path;
    let env = environment(step, site);
    match &site.place {
        Place::Sandbox(sandbox) => sandbox.command(&site.bench, program, words, &env),
        Place::Host => {
            let mut command = Command::new(program);
            command.args(words).env_clear().envs(&env).current_dir(&site.bench.home);
            Ok(Inside::bare(command))
        }
    }
}

/// The names that every step has, and its own.
fn environment(step: &Step, site: &Site) -> BTreeMap<String, String> {
    let (home, tmp) = match site.place {
        Place::Sandbox(_) => (sandbox::HOME.to_owned(), "/tmp".to_owned()),
        Place::Host => {
            (site.bench.home.to_string_lossy().into_owned(), site.bench.tmp.to_string_lossy().into_owned())
        }
    };
    let folders: Vec<_> = site.path.iter().map(|folder| folder.to_string_lossy()).collect();
    let mut env = step.env.clone();
    let fixed = [
        ("PATH", folders.join(":")),
        ("HOME", home),
        ("TMPDIR", tmp),
        ("LANG", "C.UTF-8".to_owned()),
        ("TERM", "dumb".to_owned()),
    ];
    // Last: a step does not choose where its programs come from.
    env.extend(fixed.map(|(name, value)| (name.to_owned(), value)));
    env
}

/// Waits for the first process to end; why it is not waited for any longer, if so.
fn watched(
    child: &Child,
    lines: &Receiver<Vec<u8>>,
    output: &mut Output,
    timeout: Duration,
    watch: &mut dyn Watch,
) -> Option<Ending> {
    let began = Instant::now();
    let mut looked = began;
    loop {
        match lines.recv_timeout(TICK) {
            Ok(bytes) => {
                if let Some(line) = output.take(&bytes) {
                    watch.line(&line);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            // It closed its output and goes on.
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(TICK),
        }
        match has_ended(child) {
            Ok(true) => return None,
            Ok(false) => {}
            Err(error) => return Some(Ending::Lost(error.to_string())),
        }
        if began.elapsed() >= timeout {
            return Some(Ending::TimedOut);
        }
        if looked.elapsed() >= LOOK {
            looked = Instant::now();
            if let Some(halt) = watch.stop() {
                return Some(Ending::Halted(halt));
            }
        }
    }
}

/// Whether it has ended. It is not reaped by this: as long as it is not, its
/// number is nobody else's, and its group can be killed by it.
fn has_ended(child: &Child) -> io::Result<bool> {
    let pid = Pid::from_child(child);
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    match rustix::process::waitid(WaitId::Pid(pid), options) {
        Ok(status) => Ok(status.is_some()),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The first process is the group's leader. In a sandbox it takes all others with it.
fn kill_group(child: &Child) {
    let _ = rustix::process::kill_process_group(Pid::from_child(child), Signal::KILL);
}

/// Reads what comes, a bounded part ahead of who takes it.
fn lines_of(mut reader: PipeReader) -> Receiver<Vec<u8>> {
    let (sender, receiver) = sync_channel(16);
    std::thread::spawn(move || {
        let mut buffer = vec![0; 8 * 1024];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => {
                    let bytes = buffer.get(..count).unwrap_or_default().to_vec();
                    if sender.send(bytes).is_err() {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    });
    receiver
}

/// The output of a step so far.
#[derive(Default)]
struct Output {
    hasher: Option<Hasher>,
    tail: VecDeque<u8>,
    bytes: u64,
}

impl Output {
    /// Takes a part; the last whole line in it.
    fn take(&mut self, part: &[u8]) -> Option<String> {
        self.hasher.get_or_insert_with(Hasher::new).update(part);
        self.bytes += part.len() as u64;
        self.tail.extend(part);
        let over = self.tail.len().saturating_sub(KEPT);
        self.tail.drain(..over);
        let mut lines = part.split(|byte| matches!(byte, b'\n' | b'\r'));
        let line = lines.rfind(|line| !line.trim_ascii().is_empty())?;
        Some(String::from_utf8_lossy(line.get(..line.len().min(400)).unwrap_or_default()).into_owned())
    }

    /// Takes what is left. Attack: something outside of the group keeps the
    /// output open for ever.
    fn drain(&mut self, lines: &Receiver<Vec<u8>>) {
        let until = Instant::now() + DRAIN;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            match lines.recv_timeout(left) {
                Ok(bytes) => {
                    self.take(&bytes);
                }
                Err(_) => return,
            }
        }
    }

    fn end(self, number: usize, ending: Ending, took: Duration) -> StepEnd {
        let sha256 = self.hasher.unwrap_or_default().finish();
        StepEnd { number, ending, took, tail: self.tail.into(), bytes: self.bytes, sha256 }
    }
}

/// Lowered limits of our own, which the next program inherits, and put back.
struct Limits(Vec<(Resource, Rlimit)>);

impl Limits {
    fn lower() -> Self {
        let wanted = [(Resource::Core, 0), (Resource::Fsize, FILE_MAX)];
        let mut before = Vec::new();
        for (what, most) in wanted {
            let now = rustix::process::getrlimit(what);
            let current = Some(now.current.map_or(most, |current| current.min(most)));
            let lowered = Rlimit { current, maximum: now.maximum };
            if rustix::process::setrlimit(what, lowered).is_ok() {
                before.push((what, now));
            }
        }
        Self(before)
    }
}

impl Drop for Limits {
    fn drop(&mut self) {
        for (what, before) in self.0.drain(..) {
            let _ = rustix::process::setrlimit(what, before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::digest::sha256;

    #[test]
    fn the_end_is_kept_and_all_of_it_is_hashed() {
        let mut output = Output::default();
        let all: Vec<u8> = (0..200_000_u32).map(|at| b'a' + u8::try_from(at % 26).unwrap()).collect();
        for part in all.chunks(777) {
            output.take(part);
        }
        let end = output.end(1, Ending::Exited(0), Duration::ZERO);
        assert_eq!((end.bytes, end.sha256), (200_000, sha256(&[&all])));
        assert_eq!(end.tail, all[all.len() - KEPT..]);
        let none = Output::default().end(1, Ending::TimedOut, Duration::ZERO);
        assert_eq!((none.bytes, none.sha256, none.is_done()), (0, sha256(&[]), false));
    }

    #[test]
    fn the_newest_line_is_shown_however_it_ends() {
        let mut output = Output::default();
        assert_eq!(output.take(b"one\ntwo\n").as_deref(), Some("two"));
        assert_eq!(output.take(b"10%\r20%\r").as_deref(), Some("20%"));
        assert_eq!(output.take(b"\n \n"), None);
    }
}
