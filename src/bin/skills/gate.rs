//! `skills gate`: the door that gateways call.
//!
//! Every way out is an answer in the caller's form: a wrong argument, a panic
//! (whatever the build does with panics), a signal, the deadline and a broken
//! output are all denies with a non-zero exit. Only `decision: allow` together
//! with exit code 0 is a yes.
//!
//! No parser's default exit code can decide here: the arguments are read by
//! hand, without anything that a full command line brings along.

use nix::sys::signal::{SigSet, Signal};
use skill_trust::model::code::{Code, Exit, Stop};
use skill_trust::model::decision::{Decision, GateAnswer, GateRequest, Question};
use skill_trust::model::text;
use skill_trust::ops::{World, gate};
use std::ffi::OsString;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Longest request on standard input, in bytes.
const REQUEST_MAX: u64 = 64 * 1024;
/// Answer by then, unless the caller names another time.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long the end of an answer under way is waited for once it is late.
const GRACE: Duration = Duration::from_secs(1);
/// Set by whoever answers first; there is one answer.
static ANSWERED: AtomicBool = AtomicBool::new(false);
/// Set once the answer is written, or could not be.
static WRITTEN: AtomicBool = AtomicBool::new(false);
/// Whether the answer is JSON; set before anything can fail.
static JSON: AtomicBool = AtomicBool::new(false);
/// Whether the answer is a list; set before anything can fail.
static ALL: AtomicBool = AtomicBool::new(false);
/// The question, as soon as it is known: a deny of it names it.
static ASKED: OnceLock<GateRequest> = OnceLock::new();

/// Help text.
const HELP: &str = "\
May this skill be used, or switched on, now?

Usage: skills gate NAME [--question load|enable] [--path DIR] [--head SIZE:ROOT] [--json]
       skills gate --all [--head SIZE:ROOT] [--json]
       skills gate < request.json

Options:
  --question Q    `load` (default): may this enabled skill be used?  `enable`: may this trusted skill be switched on?
  --path DIR      the folder you are about to use; it is hashed and compared too
  --head S:R      the last audit head you saw; the log must continue it
  --gateway NAME  who asks, for the record
  --deadline MS   answer by then (default 10000)
  --all           every enabled skill: for a gateway's start
  --json          the answer as JSON (always so for a request on standard input)
  --home DIR      another home

Exit codes: 0 allow · 3 deny · 5 drift · 6 held by a kill · 7 ledger or log damaged · 9 busy; all but 0 are a no.

Examples:
  skills gate pdf-forms
  echo '{\"schema\":\"skill-trust/gate-request/1\",\"skill\":\"pdf-forms\"}' | skills gate
  skills gate --all --json
";

/// Whether the command is `gate`: the first word that is no global option.
pub(crate) fn is_asked(args: &[OsString]) -> bool {
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.to_str() {
            Some("--home" | "--color") => drop(rest.next()),
            Some(option) if option.starts_with('-') => {}
            Some(word) => return word == "gate",
            None => return false,
        }
    }
    false
}

/// What was asked for on the command line.
#[derive(Debug, Default)]
struct Args {
    home: Option<PathBuf>,
    json: bool,
    all: bool,
    help: bool,
    name: Option<String>,
    question: Option<Question>,
    path: Option<String>,
    head: Option<String>,
    gateway: Option<String>,
    deadline: Option<u64>,
}

/// Answers and ends.
pub(crate) fn main(args: &[OsString]) -> ExitCode {
    let mut parsed = Args::default();
    let understood = parse(args, &mut parsed);
    // What was understood before a mistake still tells what the caller reads.
    let named = parsed.name.is_some() || parsed.all || parsed.help;
    JSON.store(!named || args.iter().any(|arg| arg == "--json"), Ordering::SeqCst);
    ALL.store(parsed.all, Ordering::SeqCst);
    std::panic::set_hook(Box::new(|_| {
        give_up(&Stop::new(Code::Internal, "a bug: the gate failed in a way it should not", "report it"));
    }));
    match understood.and_then(|()| run(parsed)) {
        Ok(code) => code,
        Err(stop) => answer_one(&gate::deny(asked(), &stop)),
    }
}

/// The question, or one without a name.
fn asked() -> &'static GateRequest {
    ASKED.get_or_init(|| gate::bare_request(""))
}

/// Fills in what is understood, up to the first mistake.
fn parse(args: &[OsString], out: &mut Args) -> Result<(), Stop> {
    let usage = |what: String| Stop::new(Code::Usage, what, "run: skills gate --help");
    let mut words = 0;
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let arg = arg.to_str().ok_or_else(|| usage("an argument is not UTF-8".to_owned()))?;
        let (arg, mut joined) = match arg.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option, Some(value)),
            _ => (arg, None),
        };
        let mut value = || {
            let value = joined.take().or_else(|| rest.next().and_then(|value| value.to_str()));
            value.map(str::to_owned).ok_or_else(|| usage(format!("{arg} needs a value")))
        };
        match arg {
            "--home" => out.home = Some(PathBuf::from(value()?)),
            "--color" => drop(value()?),
            "--path" => out.path = Some(value()?),
            "--head" => out.head = Some(value()?),
            "--gateway" => out.gateway = Some(value()?),
            "--deadline" => {
                let typed = value()?;
                let shown = text::escape_short(&typed, 20);
                out.deadline = Some(
                    typed.parse().map_err(|_| usage(format!("`{shown}` is no number of milliseconds")))?,
                );
            }
            "--question" => {
                out.question = Some(match value()?.as_str() {
                    "load" => Question::Load,
                    "enable" => Question::Enable,
                    other => {
                        return Err(usage(format!("`{}` is no question", text::escape_short(other, 20))));
                    }
                });
            }
            "--json" => out.json = true,
            "--all" => out.all = true,
            "-h" | "--help" => out.help = true,
            "--offline" | "--no-input" | "-q" | "-v" | "--quiet" | "--verbose" => {}
            option if option.starts_with('-') && option != "-" => {
                return Err(usage(format!("`{}` is no option of gate", text::escape_short(option, 40))));
            }
            _ if words == 0 => words = 1,
            word if out.name.is_none() => out.name = Some(word.to_owned()),
            word => return Err(usage(format!("`{}` is one word too many", text::escape_short(word, 40)))),
        }
        if joined.is_some() {
            return Err(usage(format!("{arg} takes no value")));
        }
    }
    if out.all && (out.name.is_some() || out.path.is_some() || out.question.is_some()) {
        return Err(usage("--all takes neither a name nor a path nor a question".to_owned()));
    }
    Ok(())
}

fn run(args: Args) -> Result<ExitCode, Stop> {
    if args.help {
        // Help is no answer to a question; it allows nothing.
        return Ok(if write_out(HELP) { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let signals = hold_signals();
    if args.all {
        watch(signals, args.deadline.map_or(DEADLINE, Duration::from_millis));
        let mut world = world_at(args.home)?;
        world.patience = args.deadline.map_or(world.patience, patience);
        return Ok(answer_all(&gate::ask_all(&world, args.gateway.as_deref(), args.head.as_deref())?));
    }
    let request = match args.name {
        Some(name) => GateRequest {
            question: args.question.unwrap_or_default(),
            path: args.path,
            head: args.head,
            gateway: args.gateway,
            deadline_ms: args.deadline,
            ..gate::bare_request(&name)
        },
        None => {
            // Nobody knows yet how long the caller will wait.
            let reading = watch(signals, args.deadline.map_or(DEADLINE, Duration::from_millis));
            let request = read_request()?;
            reading.store(true, Ordering::SeqCst);
            request
        }
    };
    let deadline = request.deadline_ms.or(args.deadline);
    watch(signals, deadline.map_or(DEADLINE, Duration::from_millis));
    let mut world = world_at(args.home)?;
    world.patience = deadline.map_or(world.patience, patience);
    Ok(answer_one(&gate::ask(&world, ASKED.get_or_init(|| request))))
}

/// The world, gathered only once the deadline runs: an account database behind
/// a network that does not answer must end in a deny too.
fn world_at(home: Option<PathBuf>) -> Result<World, Stop> {
    let mut world = World::usual("gate");
    world.ends = true;
    if let Some(home) = home {
        let absolute = std::path::absolute(&home);
        world.home = absolute.map_err(|error| {
            Stop::new(Code::Usage, format!("--home: {error}"), "name the home by its full path")
        })?;
    }
    Ok(world)
}

/// How long to wait for the lock, so that time is left to say that it is busy.
fn patience(deadline: u64) -> Duration {
    Duration::from_millis(deadline) * 3 / 4
}

fn read_request() -> Result<GateRequest, Stop> {
    let next = "send one JSON object, or name a skill: skills gate NAME";
    let usage = |what: String| Stop::new(Code::Usage, what, next);
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        return Err(usage("no skill was named, and nobody will type a request".to_owned()));
    }
    let mut bytes = Vec::new();
    stdin
        .take(REQUEST_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| usage(format!("the request cannot be read: {error}")))?;
    if bytes.len() as u64 > REQUEST_MAX {
        return Err(usage(format!("the request is longer than {REQUEST_MAX} bytes")));
    }
    serde_json::from_slice(&bytes).map_err(|error| {
        usage(format!("the request is not as its schema says: {}", text::escape(&error.to_string())))
    })
}

/// Blocks the signals here and in every thread to come; the watcher takes them.
fn hold_signals() -> SigSet {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT] {
        signals.add(signal);
    }
    let _ = signals.thread_block();
    signals
}

/// Waits in the background for the deadline or a signal, then denies. The
/// deadline, but no signal, is forgotten once the flag returned is set.
fn watch(signals: SigSet, deadline: Duration) -> Arc<AtomicBool> {
    let over = Arc::new(AtomicBool::new(false));
    let forgotten = Arc::clone(&over);
    let spawned = std::thread::Builder::new().stack_size(64 * 1024).spawn(move || {
        let stop = if signalled(&signals, deadline) {
            Stop::new(Code::Cancelled, "interrupted by a signal", "ask again")
        } else if forgotten.load(Ordering::SeqCst) {
            return;
        } else {
            Stop::new(Code::Deadline, format!("no answer within {} ms", deadline.as_millis()), "ask again")
        };
        give_up(&stop);
    });
    if spawned.is_err() {
        give_up(&Stop::new(
            Code::Internal,
            "the deadline cannot be watched",
            "free resources, then ask again",
        ));
    }
    over
}

/// True for a signal, false when the time is over.
#[cfg(target_os = "linux")]
fn signalled(signals: &SigSet, deadline: Duration) -> bool {
    use nix::sys::signalfd::{SfdFlags, SignalFd};
    let Ok(file) = SignalFd::with_flags(signals, SfdFlags::SFD_CLOEXEC) else {
        std::thread::sleep(deadline);
        return false;
    };
    let mut wait = [rustix::event::PollFd::new(&file, rustix::event::PollFlags::IN)];
    let timeout = rustix::event::Timespec {
        tv_sec: i64::try_from(deadline.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: deadline.subsec_nanos().into(),
    };
    rustix::event::poll(&mut wait, Some(&timeout)).is_ok_and(|ready| ready > 0)
}

/// Elsewhere the signal's own default ends us with a non-zero status.
#[cfg(not(target_os = "linux"))]
fn signalled(signals: &SigSet, deadline: Duration) -> bool {
    let _ = signals.thread_unblock();
    std::thread::sleep(deadline);
    false
}

/// Denies from wherever we are, unless an answer was given, and ends.
#[expect(
    clippy::exit,
    reason = "a panic or a signal must end in a deny, whatever the build does with panics"
)]
fn give_up(stop: &Stop) {
    match answer(&gate::deny(asked(), stop)) {
        Some(code) => std::process::exit(i32::from(code)),
        // An answer that nobody takes is late as well: half of it is no answer.
        None if !written_in_time() => std::process::exit(Exit::Failed as i32),
        None => {}
    }
}

/// Waits a little for an answer that is being written.
fn written_in_time() -> bool {
    let start = Instant::now();
    while !WRITTEN.load(Ordering::SeqCst) {
        if start.elapsed() > GRACE {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    true
}

fn answer_one(given: &GateAnswer) -> ExitCode {
    ExitCode::from(answer(given).unwrap_or_else(too_late))
}

/// Another thread denies: it must come to its end before the process does.
fn too_late() -> u8 {
    let _ = written_in_time();
    Exit::Failed as u8
}

/// Writes the one answer; none if another was given already.
fn answer(given: &GateAnswer) -> Option<u8> {
    if ANSWERED.swap(true, Ordering::SeqCst) {
        return None;
    }
    let written = if JSON.load(Ordering::SeqCst) {
        let document = match ALL.load(Ordering::SeqCst) {
            true => list(std::slice::from_ref(given)),
            false => serde_json::to_string(given).unwrap_or_default(),
        };
        write_out(&(document + "\n"))
    } else {
        write_out(&fitted(&human(given)))
    };
    let code = match (given.decision, given.codes.first()) {
        (Decision::Allow, None) => Exit::Done,
        (_, Some(code)) => code.exit(),
        (_, None) => Exit::Refused,
    };
    // An allow that did not arrive is no allow.
    Some(if written || code != Exit::Done { code as u8 } else { Exit::Failed as u8 })
}

fn answer_all(given: &[GateAnswer]) -> ExitCode {
    if ANSWERED.swap(true, Ordering::SeqCst) {
        return ExitCode::from(too_late());
    }
    let written = if JSON.load(Ordering::SeqCst) {
        write_out(&(list(given) + "\n"))
    } else if given.is_empty() {
        write_out("nothing is enabled\n")
    } else {
        write_out(&fitted(&given.iter().map(human).collect::<String>()))
    };
    let denied = given.iter().find(|answer| answer.decision != Decision::Allow);
    let code =
        denied.map_or(Exit::Done, |answer| answer.codes.first().map_or(Exit::Refused, |code| code.exit()));
    ExitCode::from(if written { code as u8 } else { Exit::Failed as u8 })
}

fn list(given: &[GateAnswer]) -> String {
    serde_json::json!({ "schema": "skill-trust/gate-answers/1", "answers": given }).to_string()
}

fn human(given: &GateAnswer) -> String {
    match given.decision {
        Decision::Allow => {
            let paths: Vec<_> = given.paths.iter().map(|path| text::escape(path)).collect();
            format!("allow  {}  {}\n", given.skill, paths.join("  "))
        }
        Decision::Deny | Decision::Ask => {
            let code = given.codes.first().map_or("", |code| code.as_str());
            let next =
                if given.remedy.is_empty() { String::new() } else { format!("  next: {}\n", given.remedy) };
            format!("deny   {}  [{code}] {}\n{next}", given.skill, given.reason)
        }
    }
}

/// For a person at a terminal: no line is broken by it.
#[cfg(feature = "cli")]
fn fitted(text: &str) -> String {
    let size = rustix::termios::tcgetwinsize(std::io::stdout());
    let columns = size.map_or(0, |size| usize::from(size.ws_col));
    if columns > 0 { super::layout::fit(text, columns).into_owned() } else { text.to_owned() }
}

#[cfg(not(feature = "cli"))]
fn fitted(text: &str) -> String {
    text.to_owned()
}

fn write_out(text: &str) -> bool {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok();
    WRITTEN.store(true, Ordering::SeqCst);
    written
}
