//! `deps install`: exactly the plan that was shown and confirmed.
//!
//! ```text
//! look      the plan, the programs it names, where it would be run; changes nothing
//! consent   trusted and not held? a yes to the plan's digest, typed or given; on record
//! start     all of it again, under the lock; the sandbox tried; the yes used up, on record
//! run       step by step; a kill, the clock or the person stops it; how it ended, on record
//! ```
//!
//! Between the yes and its use anything may have changed: the skill, the plan, the
//! programs, a kill. Each is looked at again where it is used up. A yes is good
//! for one run: one that is copied from an earlier run does not know its number.

mod run;

pub use crate::system::runner::{Halt, StepEnd, Watch};
pub use run::{Report, Started, line, live, run, start, tail, verdict};

use super::{Prepared, prepare_into};
use crate::model::code::{Code, Stop};
use crate::model::consent::{Consent, DIGITS, Last, SECONDS, Where};
use crate::model::decision::Question as Gate;
use crate::model::dependency::{Plan, Scope, Step};
use crate::model::digest::Digest;
use crate::model::lifecycle::{RevisionRow, State};
use crate::model::record::{Draft, Outcome};
use crate::model::skill::Revision;
use crate::model::text;
use crate::model::time::Timestamp;
use crate::ops::session::{Depth, Session, home_stop, ledger_stop, open_ledger};
use crate::ops::{Answer, Ask, Question, World, facts, gate, layers, refusals, revoked};
use crate::policy::config::Policy;
use crate::policy::deps::Folders;
use crate::system::home::Home;
use crate::system::programs::{self, Program};
use crate::system::runner::Place;
use crate::system::sandbox::Sandbox;
use crate::system::tools;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The event of a yes.
pub const CONSENT: &str = "deps-consent";
/// The event of a beginning.
pub const STARTED: &str = "deps-started";
/// The event of an end.
pub const ENDED: &str = "deps-ended";
/// Longest text about the steps in one record, in bytes before it is written.
const NOTE_MAX: usize = 6_000;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// NAME or NAME@DIGEST.
    pub skill: String,
    /// What is planned although it is refused otherwise.
    pub allow: BTreeSet<Scope>,
    /// The steps that are wanted, by their numbers in the whole plan, from 1; empty: all.
    pub only: BTreeSet<usize>,
    /// Whether no sandbox is wanted.
    pub on_host: bool,
    /// The plan's digest in full: the scriptable yes.
    pub plan: Option<Digest>,
    /// The record that began the run before, for a scriptable yes to one more.
    pub after: Option<u64>,
    /// The longest time of one step.
    pub timeout: Duration,
}

/// What would be run, where and by which programs.
#[derive(Debug, Clone)]
pub struct Ready {
    /// The revision.
    pub row: RevisionRow,
    /// The plan: of the whole one the steps that are wanted.
    pub plan: Plan,
    /// The others, with their numbers in the whole one.
    pub without: Vec<(usize, Step)>,
    /// Its digest.
    pub digest: Digest,
    /// Where.
    pub place: Where,
    /// Where what is installed will lie.
    pub tools: PathBuf,
    /// The programs that the plan names.
    pub programs: Vec<Program>,
    /// The run before, if there was one.
    pub last: Option<Last>,
    /// What was asked for.
    pub request: Request,
}

impl Ready {
    /// What is to be typed at a terminal: of a plan that a sandbox holds and that
    /// has nothing unusual in it, the first digits.
    #[must_use]
    pub fn typed(&self) -> String {
        let unusual = self.place == Where::Host || !self.plan.allowed.is_empty();
        if unusual { self.digest.to_string() } else { self.digest.hex()[..DIGITS].to_owned() }
    }

    /// Number of the record that began the run before; 0 if there was none.
    #[must_use]
    pub fn after(&self) -> u64 {
        self.last.as_ref().map_or(0, |last| last.run.seq)
    }

    /// The command that a person runs for this plan.
    #[must_use]
    pub fn command(&self) -> String {
        self.command_for(&self.request.only)
    }

    /// The same for other steps of it.
    fn command_for(&self, only: &BTreeSet<usize>) -> String {
        let mut command = format!("skills deps install {}", self.row.revision);
        if !only.is_empty() {
            let numbers: Vec<_> = only.iter().map(ToString::to_string).collect();
            command.push_str(&format!(" --only {}", numbers.join(",")));
        }
        self.plan.allowed.iter().for_each(|scope| command.push_str(&format!(" --allow {}", scope.name())));
        if self.place == Where::Host {
            command.push_str(" --on-host");
        }
        command
    }

    /// The same for a script.
    #[must_use]
    pub fn scriptable(&self) -> String {
        let after = match self.after() {
            0 => String::new(),
            seq => format!(" --after {seq}"),
        };
        format!("{} --plan {}{after}", self.command(), self.digest)
    }

    /// The numbers of its steps in the whole plan.
    #[must_use]
    pub fn numbers(&self) -> Vec<usize> {
        let all = 1..=self.plan.steps.len() + self.without.len();
        all.filter(|number| self.without.iter().all(|(other, _)| other != number)).collect()
    }

    fn folders(&self) -> Folders {
        folders(self.place, &self.tools)
    }
}

/// The wanted steps of a plan, as a plan of its own with a digest of its own, and the others.
/// So a yes to some of them is none to all, nor to others.
fn picked(mut plan: Plan, only: &BTreeSet<usize>) -> Result<(Plan, Vec<(usize, Step)>), Stop> {
    let count = plan.steps.len();
    if let Some(none) = only.iter().find(|number| !(1..=count).contains(*number)) {
        let plural = if count == 1 { "step" } else { "steps" };
        let what = format!("the plan has {count} {plural}, numbered from 1, and no step {none}");
        return Err(Stop::new(Code::Usage, what, "see: skills deps plan NAME"));
    }
    let all = plan.steps.into_iter().enumerate().map(|(at, step)| (at + 1, step));
    let wanted = |(number, _): &(usize, Step)| only.is_empty() || only.contains(number);
    let (steps, without): (Vec<_>, Vec<_>) = all.partition(wanted);
    plan.steps = steps.into_iter().map(|(_, step)| step).collect();
    Ok((plan, without))
}

fn folders(place: Where, tools: &Path) -> Folders {
    match place {
        Where::Bubblewrap => Folders::default(),
        Where::Host => Folders { tools: tools.to_string_lossy().into_owned() },
    }
}

/// The steps as one line each, for records: bounded, and escaped.
fn told(plan: &Plan) -> Vec<String> {
    let one = |argv: &Vec<String>| {
        let words: Vec<_> = argv.iter().map(|word| text::shell_word(word)).collect();
        text::escape_short(&words.join(" "), 400)
    };
    plan.steps.iter().map(|step| one(&step.argv)).collect()
}

/// Lines in one text that fits into a record.
fn joined(lines: &[String]) -> String {
    let mut out = String::new();
    for (at, line) in lines.iter().enumerate() {
        if out.len() + line.len() > NOTE_MAX {
            out.push_str(&format!("; and {} more, which the plan's digest covers", lines.len() - at));
            break;
        }
        if at > 0 {
            out.push_str("; ");
        }
        out.push_str(line);
    }
    out
}

/// Where programs are looked for, the policy's own folders first.
fn search(policy: &Policy, home: &Home, account: Option<&Path>, place: Where) -> Result<Vec<PathBuf>, Stop> {
    let mut all: Vec<PathBuf> = Vec::new();
    for folder in &policy.programs {
        let path = Path::new(folder);
        let holds = |inner: &Path| inner.starts_with(path);
        let why = if holds(home.path()) || account.is_some_and(holds) {
            Err("the home lies below it, and every step could read it".to_owned())
        } else {
            programs::check_folder(path)
        };
        why.map_err(|why| {
            let file = policy.file_of("deps.programs").unwrap_or_default();
            let what = format!("{}: {why}, by {file}: [deps] programs", text::escape(folder));
            Stop::new(Code::PolicyUnmet, what, "correct the file named above")
        })?;
        all.push(path.to_owned());
    }
    let usual = match place {
        Where::Bubblewrap => programs::SANDBOX,
        Where::Host => programs::HOST,
    };
    // Attack: a step starts `node` or `sh` by its name, and the first folder that has one is
    // open to others, as `/usr/local/bin` of a group or a Homebrew of another account.
    all.extend(programs::closed(usual));
    Ok(all)
}

fn find_programs(plan: &Plan, folders: &[PathBuf]) -> Result<Vec<Program>, Stop> {
    let names: BTreeSet<_> = plan.steps.iter().filter_map(|step| step.argv.first()).collect();
    let found = names.into_iter().map(|name| {
        programs::find(name, folders).map_err(|why| {
            let why = programs::left_out(name, folders).map_or(why.clone(), |open| format!("{why}; {open}"));
            let next = "install it for the whole machine, or name its folder in the policy: [deps] programs; what \
                lies in your own home is not looked at, since a step could change it";
            Stop::new(Code::NoProgram, why, next)
        })
    });
    found.collect()
}

fn place(policy: &Policy, on_host: bool) -> Result<Place, Stop> {
    if on_host {
        return Ok(Place::Host);
    }
    let own = policy.programs.iter().map(PathBuf::from).collect();
    Sandbox::find(own).map(Place::Sandbox).map_err(|why| no_sandbox(&why))
}

fn no_sandbox(why: &str) -> Stop {
    let next = "install bubblewrap (Debian, Ubuntu: apt install bubblewrap); without a sandbox what is installed \
        could reach everything of yours: skills deps install NAME --on-host shows that plan";
    Stop::new(Code::NoSandbox, format!("no sandbox can hold an installer here: {why}"), next)
}

/// A trusted revision is preferred; one that is not can be looked at too.
fn prefer(row: &RevisionRow) -> bool {
    row.lifecycle.state() != State::Installed
}

/// Gathers what would be run. Changes and records nothing.
///
/// # Errors
/// [`Stop`]; a plan without steps is none.
pub fn look(world: &World, request: &Request) -> Result<Ready, Stop> {
    let home = Home::open(&world.home).map_err(|fault| home_stop(&fault))?;
    let ledger = open_ledger(&home)?;
    let row = facts::resolve(&ledger, &request.skill, prefer)?;
    let policy = layers::over(world.policy()?, &ledger)?;
    let last = ledger.last_dependency_run(&row.revision).map_err(|fault| ledger_stop(&fault))?;
    let at = if request.on_host { Where::Host } else { Where::Bubblewrap };
    let tools = tools::path(home.path(), &row.revision.digest, at);
    let named = row.revision.file_name();
    let Prepared { row, plan } = prepare_into(world, &named, &request.allow, &folders(at, &tools))?;
    let (plan, without) = picked(plan, &request.only)?;
    let digest = digest(&plan)?;
    let (programs, request) = (Vec::new(), request.clone());
    let mut ready = Ready { row, plan, without, digest, place: at, tools, programs, last, request };
    if ready.plan.steps.is_empty() {
        return Ok(ready);
    }
    within(&ready)?;
    place(&policy, ready.request.on_host)?;
    let folders = search(&policy, &home, world.account_home.as_deref(), at)?;
    ready.programs = find_programs(&ready.plan, &folders)?;
    Ok(ready)
}

fn digest(plan: &Plan) -> Result<Digest, Stop> {
    plan.digest().map_err(|error| Stop::new(Code::Io, error.to_string(), "run it again"))
}

/// What was picked is run as a whole or not at all.
fn within(ready: &Ready) -> Result<(), Stop> {
    let beyond: BTreeSet<_> = ready.plan.steps.iter().map(|step| step.installer).collect();
    let beyond: Vec<_> =
        beyond.into_iter().filter(|installer| installer.needs_host()).map(|one| one.name()).collect();
    if ready.place == Where::Host || beyond.is_empty() {
        return Ok(());
    }
    let what = format!("no sandbox can hold {}: it installs into the system itself", beyond.join(" and "));
    let steps = ready.numbers().into_iter().zip(&ready.plan.steps);
    let held: BTreeSet<_> =
        steps.filter(|(_, step)| !step.installer.needs_host()).map(|(number, _)| number).collect();
    let mut next = format!(
        "do these by hand, or look at the plan without a sandbox: {} --on-host --dry-run",
        ready.command()
    );
    if !held.is_empty() {
        next.push_str(&format!("; the other steps alone: {} --dry-run", ready.command_for(&held)));
    }
    Err(Stop::new(Code::NeedsHost, what, next))
}

/// Whether it would be refused now, whoever says yes.
///
/// # Errors
/// The refusal.
pub fn check(world: &World, ready: &Ready) -> Result<(), Stop> {
    let session = Session::open(world, Depth::All)?;
    row_now(&session, &ready.row.revision).map(drop)
}

/// The row as it is, if what it needs may be installed: by the gate's own
/// decision, since what is installed is run by whoever uses the skill.
fn row_now(session: &Session<'_>, revision: &Revision) -> Result<RevisionRow, Stop> {
    let row = session.ledger.revision(revision).map_err(|fault| ledger_stop(&fault))?;
    let gone = || Stop::new(Code::NotInstalled, format!("{revision} is not installed"), "run: skills status");
    let row = row.ok_or_else(gone)?;
    revoked::refuse(&session.ledger, &session.policy, &row, session.now)?;
    let folders = gate::observe(session, &row, Gate::Enable);
    match gate::decide_now(session, &row, Gate::Enable, &folders, None)? {
        Ok(_) => Ok(row),
        Err(no) if no.code == Code::Drift => Err(match folders.first() {
            Some(stored) => refusals::store_differs(&row, stored),
            None => Stop::new(no.code, no.reason, "run: skills verify"),
        }),
        Err(no) => {
            let next = gate::remedy(no.code, revision).replace("a person runs: ", "");
            Err(Stop::new(no.code, format!("{revision}: {}", no.reason), next))
        }
    }
}

fn draft(session: &Session<'_>, event: &str, ready: &Ready) -> Draft {
    let mut draft = session.draft(event, Outcome::Done, "");
    draft.skill = Some(ready.row.revision.name.clone());
    draft.digest = Some(ready.row.revision.digest);
    draft.pin = ready.row.lifecycle.pin().map(|pin| pin.seq);
    draft
}

/// Records a refusal of what was asked for.
fn refused(world: &World, event: &str, ready: &Ready, stop: Stop) -> Stop {
    match Session::open(world, Depth::All) {
        Ok(mut session) => {
            let mut draft = draft(&session, event, ready);
            draft.note = Some(format!("plan {}, {}", ready.digest, ready.place));
            session.refuse(draft, stop)
        }
        Err(_) => stop,
    }
}

/// Records that [`look`] refused, where more than a look was asked for. What
/// cannot be understood is no event.
pub fn record(world: &World, request: &Request, stop: Stop) -> Stop {
    let Ok(wanted) = facts::parse_ref(&request.skill) else { return stop };
    if stop.code == Code::Usage || stop.code == Code::Ambiguous {
        return stop;
    }
    match Session::open(world, Depth::All) {
        Ok(mut session) => {
            let mut draft = session.draft(CONSENT, Outcome::Refused, "");
            let row = facts::resolve(&session.ledger, &request.skill, prefer).ok();
            draft.digest = row.map(|row| row.revision.digest);
            draft.skill = Some(wanted.name);
            session.refuse(draft, stop)
        }
        Err(_) => stop,
    }
}

/// Asks for a yes to this plan, and puts it on record.
///
/// # Errors
/// [`Stop`]; a refusal is recorded.
pub fn consent(world: &World, ready: &Ready, shown: &str, ask: &mut dyn Ask) -> Result<Consent, Stop> {
    if ready.plan.steps.is_empty() {
        let what = format!("{} asks for nothing that could be installed", ready.row.revision);
        return Err(Stop::new(Code::Usage, what, format!("see: skills deps plan {}", ready.row.revision)));
    }
    let first = world.no_agent(&ready.command()).and_then(|()| check(world, ready));
    if let Err(stop) = first.and_then(|()| said(ready, shown, ask)) {
        return Err(refused(world, CONSENT, ready, stop));
    }
    let mut session = Session::open(world, Depth::All)?;
    let mut draft = draft(&session, CONSENT, ready);
    let consent = row_now(&session, &ready.row.revision).and_then(|_| given(&session, ready));
    let consent = match consent {
        Ok(consent) => consent,
        Err(stop) => return Err(session.refuse(draft, stop)),
    };
    let how = if ready.request.plan.is_some() { "given in full" } else { "typed at a terminal" };
    draft.reason = format!("yes to plan {}, {}, {how}", ready.digest, ready.place);
    if !consent.scopes.is_empty() {
        let names: Vec<_> = consent.scopes.iter().map(String::as_str).collect();
        draft.reason.push_str(&format!("; allowed by name: {}", names.join(", ")));
    }
    draft.note = Some(joined(&told(&ready.plan)));
    draft.until = Some(consent.until);
    session.commit(|txn| {
        txn.give_consent(&consent).map_err(|fault| ledger_stop(&fault))?;
        Ok(vec![draft])
    })?;
    Ok(consent)
}

/// The consent as it is kept, if nothing has been run since it was decided.
fn given(session: &Session<'_>, ready: &Ready) -> Result<Consent, Stop> {
    let last = session.ledger.last_dependency_run(&ready.row.revision);
    let last = last.map_err(|fault| ledger_stop(&fault))?;
    if last.as_ref().map(|last| last.run.seq) != ready.last.as_ref().map(|last| last.run.seq) {
        let what = format!("something was installed for {} while this was decided", ready.row.revision);
        return Err(Stop::new(Code::NoConsent, what, format!("look again: {}", ready.command())));
    }
    Ok(Consent {
        revision: ready.row.revision.clone(),
        plan: ready.digest,
        place: ready.place,
        scopes: ready.plan.allowed.iter().map(|scope| scope.name().to_owned()).collect(),
        until: Timestamp::from_unix(session.now.unix().saturating_add(SECONDS)),
        after: ready.after(),
        actor: session.world.actor.clone(),
    })
}

/// What a person, or a script, said to this very plan.
fn said(ready: &Ready, shown: &str, ask: &mut dyn Ask) -> Result<(), Stop> {
    let revision = &ready.row.revision;
    if let Some(named) = ready.request.plan {
        if named != ready.digest {
            let what = format!("the plan for {revision} is {}, you named {named}", ready.digest);
            let next = format!("look at it: {} --dry-run", ready.command());
            return Err(Stop::new(Code::DigestMismatch, what, next));
        }
        return fresh(ready);
    }
    let typed = ready.typed();
    let (what, why) = if typed.starts_with("sha256:") {
        let why = match ready.place {
            Where::Host => "nothing holds these steps: they can reach everything of yours",
            Where::Bubblewrap => "the plan holds what is refused otherwise",
        };
        ("the plan's whole digest".to_owned(), why)
    } else {
        (format!("the first {DIGITS} digits of the plan's digest"), "this runs exactly what is shown above")
    };
    let prompt = format!("plan     {}\n{why}\nType {what}, without a blank", ready.digest);
    let stop = |code, what: &str, next| Err(Stop::new(code, what, next));
    match ask.ask(shown, &Question::Type { prompt, expected: typed }) {
        Answer::Yes => Ok(()),
        Answer::No => stop(Code::Declined, "nothing was run: the digest was not typed", ready.command()),
        Answer::Nobody => stop(
            Code::PersonNeeded,
            "there is nobody to ask",
            format!("a person looks at the plan and runs: {}", ready.scriptable()),
        ),
    }
}

/// Attack: the command line of an earlier run, from a shell's history or a
/// script, is run once more, and what is newest by then is installed.
fn fresh(ready: &Ready) -> Result<(), Stop> {
    let Some(last) = &ready.last else {
        return match ready.request.after {
            None | Some(0) => Ok(()),
            Some(seq) => {
                let what = format!("record {seq} began no run for {}", ready.row.revision);
                Err(Stop::new(Code::NoConsent, what, format!("look again: {}", ready.command())))
            }
        };
    };
    if ready.request.after == Some(last.run.seq) {
        return Ok(());
    }
    let what = format!(
        "a yes is good for one run, and record {} began one for {} at {}",
        last.run.seq, ready.row.revision, last.run.at
    );
    Err(Stop::new(Code::NoConsent, what, format!("if it is to be run once more: {}", ready.scriptable())))
}
