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
use std::time::Duration;

/// Longest request on standard input, in bytes.
const REQUEST_MAX: u64 = 64 * 1024;
/// Answer by then, unless the caller names another time.
const DEADLINE: Duration = Duration::from_secs(10);
/// Set by whoever answers first; there is one answer.
static ANSWERED: AtomicBool = AtomicBool::new(false);
/// Whether the answer is JSON; set before anything can fail.
static JSON: AtomicBool = AtomicBool::new(false);

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
    let json = args.iter().any(|arg| arg == "--json") || !asks_by_name(args);
    JSON.store(json, Ordering::SeqCst);
    std::panic::set_hook(Box::new(|_| {
        give_up(&Stop::new(Code::Internal, "a bug: the gate failed in a way it should not", "report it"));
    }));
    match run(args) {
        Ok(code) => code,
        Err(stop) => answer_one(&gate::deny(&gate::bare_request(""), &stop)),
    }
}

/// Whether anything but options follows `gate`; else standard input is read.
fn asks_by_name(args: &[OsString]) -> bool {
    parse(args).map_or(true, |args| args.name.is_some() || args.all || args.help)
}

fn parse(args: &[OsString]) -> Result<Args, Stop> {
    let usage = |what: String| Stop::new(Code::Usage, what, "run: skills gate --help");
    let mut out = Args::default();
    let mut words = 0;
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let arg = arg.to_str().ok_or_else(|| usage("an argument is not UTF-8".to_owned()))?;
        let mut value = || {
            let value = rest.next().and_then(|value| value.to_str());
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
    }
    if out.all && (out.name.is_some() || out.path.is_some() || out.question.is_some()) {
        return Err(usage("--all takes neither a name nor a path nor a question".to_owned()));
    }
    Ok(out)
}

fn run(args: &[OsString]) -> Result<ExitCode, Stop> {
    let args = parse(args)?;
    if args.help {
        // Help is no answer to a question; it allows nothing.
        return Ok(if write_out(HELP) { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let mut world = World::usual("gate");
    if let Some(home) = args.home {
        world.home = home;
    }
    if args.all {
        watch(args.deadline.map_or(DEADLINE, Duration::from_millis));
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
            watch(args.deadline.map_or(DEADLINE, Duration::from_millis));
            read_request()?
        }
    };
    watch(request.deadline_ms.or(args.deadline).map_or(DEADLINE, Duration::from_millis));
    world.patience =
        request.deadline_ms.map_or(Duration::from_secs(5), |ms| Duration::from_millis(ms) * 3 / 4);
    Ok(answer_one(&gate::ask(&world, &request)))
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

/// Waits in the background for the deadline or a signal, then denies.
fn watch(deadline: Duration) {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT] {
        signals.add(signal);
    }
    // Blocked here and in every thread to come; the watcher takes them.
    let _ = signals.thread_block();
    let spawned = std::thread::Builder::new().stack_size(64 * 1024).spawn(move || {
        let stop = if signalled(&signals, deadline) {
            Stop::new(Code::Cancelled, "interrupted by a signal", "ask again")
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
    let code = answer(&gate::deny(&gate::bare_request(""), stop));
    if let Some(code) = code {
        std::process::exit(i32::from(code));
    }
}

fn answer_one(given: &GateAnswer) -> ExitCode {
    ExitCode::from(answer(given).unwrap_or(Exit::Failed as u8))
}

/// Writes the one answer; none if another was given already.
fn answer(given: &GateAnswer) -> Option<u8> {
    if ANSWERED.swap(true, Ordering::SeqCst) {
        return None;
    }
    let written = if JSON.load(Ordering::SeqCst) {
        write_out(&(serde_json::to_string(given).unwrap_or_default() + "\n"))
    } else {
        write_out(&human(given))
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
        return ExitCode::FAILURE;
    }
    let written = if JSON.load(Ordering::SeqCst) {
        let document = serde_json::json!({ "schema": "skill-trust/gate-answers/1", "answers": given });
        write_out(&format!("{document}\n"))
    } else if given.is_empty() {
        write_out("nothing is enabled\n")
    } else {
        write_out(&given.iter().map(human).collect::<String>())
    };
    let denied = given.iter().find(|answer| answer.decision != Decision::Allow);
    let code =
        denied.map_or(Exit::Done, |answer| answer.codes.first().map_or(Exit::Refused, |code| code.exit()));
    ExitCode::from(if written { code as u8 } else { Exit::Failed as u8 })
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

fn write_out(text: &str) -> bool {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok()
}
