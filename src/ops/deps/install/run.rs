//! A consent used up, and the steps run.

use super::{
    ENDED, Ready, STARTED, digest, draft, find_programs, joined, no_sandbox, picked, place, row_now, search,
    told,
};
use crate::model::code::{Code, Stop};
use crate::model::consent::{Consent, End, Run, Where};
use crate::model::dependency::Step;
use crate::model::lifecycle::State;
use crate::model::record::{Draft, Outcome};
use crate::model::skill::Revision;
use crate::model::text;
use crate::ops::deps::planned;
use crate::ops::session::{Depth, Session, home_stop, ledger_stop, open_ledger};
use crate::ops::{World, facts, findings};
use crate::policy::deps::redact::redact;
use crate::policy::gate::Brake;
use crate::system::home::Home;
use crate::system::ledger::{ConfirmedPlan, LedgerFault, Unspent};
use crate::system::runner::{self, Ending, Halt, Place, Site, StepEnd, Watch};
use crate::system::tools::{self, Turn};
use std::time::{Duration, Instant};

/// How often ledger and trust are looked at during a run; the kill's own mark is
/// looked at several times a second.
const LEDGER: Duration = Duration::from_secs(1);
/// How often the end is tried to be put on record while others hold the lock.
const TRIES: usize = 6;

/// A run that is on record as begun.
#[derive(Debug)]
pub struct Started {
    confirmed: ConfirmedPlan,
    site: Site,
    turn: Turn,
    /// What is on record.
    pub run: Run,
}

/// How it went.
#[derive(Debug)]
pub struct Report {
    /// What was run.
    pub run: Run,
    /// Step by step, as far as it came.
    pub steps: Vec<StepEnd>,
    /// All in all.
    pub end: End,
    /// Number of the record that says so.
    pub record: u64,
}

/// Looks at everything again, tries the sandbox, uses the consent up.
///
/// # Errors
/// [`Stop`]; a refusal is recorded, and nothing was run.
pub fn start(world: &World, ready: &Ready, consent: &Consent) -> Result<Started, Stop> {
    let mut session = Session::open(world, Depth::All)?;
    let mut draft = draft(&session, STARTED, ready);
    let made = world.no_agent(&ready.command()).and_then(|()| site(&mut session, ready));
    let (turn, site) = match made {
        Ok(made) => made,
        Err(stop) => return Err(session.refuse(draft, stop)),
    };
    let what = told(&ready.plan);
    draft.reason = format!(
        "plan {} begun {}; steps: {}, with at most {} s each",
        ready.digest,
        ready.place,
        ready.plan.steps.len(),
        site.timeout.as_secs()
    );
    let programs = ready.programs.iter().map(|program| {
        format!("{} is {} {}", program.name, text::escape(&program.path.to_string_lossy()), program.sha256)
    });
    draft.note = Some(joined(&what.iter().cloned().chain(programs).collect::<Vec<_>>()));
    let (now, plan) = (session.now, ready.plan.clone());
    let (mut spent, begun) = (None, draft.clone());
    let committed = session.commit(|txn| {
        let used = txn.spend_consent(consent, plan, what, now).map_err(|fault| ledger_stop(&fault))?;
        spent = Some(used.map_err(|why| unspent(why, ready))?);
        Ok(vec![begun])
    });
    let confirmed = match (committed, spent) {
        (Err(stop), _) if stop.code == Code::NoConsent || stop.code == Code::Busy => {
            tools::clear_work(&session.home);
            return Err(session.refuse(draft, stop));
        }
        (Err(stop), _) => return Err(stop),
        (Ok(_), None) => return Err(Stop::new(Code::Internal, "BUG: begun without a consent", "")),
        (Ok(_), Some(spent)) => session.ledger.confirmed(spent).map_err(|fault| ledger_stop(&fault))?,
    };
    let run = confirmed.run().clone();
    Ok(Started { confirmed, site, turn, run })
}

/// What the run needs, each of it looked at again.
fn site(session: &mut Session<'_>, ready: &Ready) -> Result<(Turn, Site), Stop> {
    let io = |error: std::io::Error| {
        Stop::new(Code::Io, format!("the tools' folder: {error}"), "run: skills doctor")
    };
    let row = row_now(session, &ready.row.revision)?;
    let held = findings::stored(&session.home, &row)?;
    let whole = planned(row.revision.digest, &held, &ready.request.allow, &ready.folders());
    let (plan, _) = picked(whole, &ready.request.only)?;
    if digest(&plan)? != ready.digest {
        let what = format!("the plan for {} is another one now than the one that was shown", row.revision);
        return Err(Stop::new(Code::NoConsent, what, format!("look again: {}", ready.command())));
    }
    let place = place(&session.policy, ready.place == Where::Host)?;
    let account = session.world.account_home.as_deref();
    let path = search(&session.policy, &session.home, account, ready.place)?;
    let programs = find_programs(&ready.plan, &path)?;
    if programs != ready.programs {
        let what = "a program that the plan names is another one now than the one that was shown";
        return Err(Stop::new(Code::NoConsent, what, format!("look again: {}", ready.command())));
    }
    let Some(turn) = tools::take_turn(&session.home).map_err(io)? else {
        return Err(Stop::new(
            Code::Busy,
            "something else is being installed",
            "try again when that is done",
        ));
    };
    let bench = tools::lay_out(&session.home, &row.revision.digest, ready.place, &turn).map_err(io)?;
    if let Place::Sandbox(sandbox) = &place
        && let Err(why) = sandbox.probe(&session.home, &bench)
    {
        tools::clear_work(&session.home);
        return Err(no_sandbox(&why));
    }
    Ok((turn, Site { place, bench, programs, path, timeout: ready.request.timeout }))
}

fn unspent(why: Unspent, ready: &Ready) -> Stop {
    let what = match why {
        Unspent::None => "nobody said yes to it, or that yes is used up",
        Unspent::Other => "the yes that is there was to something else, or somebody else's",
        Unspent::Plan => "the yes was to another plan",
        Unspent::Expired => "the yes is too old",
        Unspent::Running => "something else is being installed",
    };
    let code = if why == Unspent::Running { Code::Busy } else { Code::NoConsent };
    Stop::new(code, format!("{}: {what}", ready.row.revision), format!("look again: {}", ready.command()))
}

/// Runs what was started, and puts on record how it ended.
///
/// # Errors
/// [`Stop`] when the end could not be recorded; what was started is on record
/// all the same, and the next command adds that its end is unknown.
pub fn run(world: &World, started: Started, watch: &mut dyn Watch) -> Result<Report, Stop> {
    let Started { confirmed, site, turn, run } = started;
    let home = Home::open(&world.home).map_err(|fault| home_stop(&fault))?;
    let mut guard = Guard { watch, home: &home, revision: &run.revision, looked: None };
    let steps = runner::run(confirmed, &site, &mut guard);
    tools::clear_work(&home);
    let end = if steps.iter().all(StepEnd::is_done) { End::Done } else { End::Failed };
    let mut tries = 0;
    let record = loop {
        tries += 1;
        match ended(world, &run, end, &steps) {
            Err(stop) if stop.code == Code::Busy && tries < TRIES => {}
            other => break other?,
        }
    };
    // Held to here: who finds it free knows that nobody will say how this ended.
    drop(turn);
    Ok(Report { run, steps, end, record })
}

fn ended(world: &World, run: &Run, end: End, steps: &[StepEnd]) -> Result<u64, Stop> {
    let mut session = Session::open_to_narrow(world, Depth::All)?;
    let mut draft = end_draft(&session, run);
    let lines: Vec<_> = steps.iter().map(line).collect();
    let done = steps.iter().filter(|step| step.is_done()).count();
    draft.reason = format!("plan {}: {done} of {} done", run.plan, run.steps);
    if end != End::Done {
        draft.codes = vec![code(steps).to_owned()];
    }
    draft.note = Some(joined(&lines));
    let records = session.commit(|txn| {
        txn.end_run(run, end).map_err(|fault: LedgerFault| ledger_stop(&fault))?;
        Ok(vec![draft])
    })?;
    Ok(records.last().map_or(0, |record| record.seq))
}

fn end_draft(session: &Session<'_>, run: &Run) -> Draft {
    let mut draft = session.draft(ENDED, Outcome::Done, "");
    draft.skill = Some(run.revision.name.clone());
    draft.digest = Some(run.revision.digest);
    draft
}

/// The code of the step that was the last.
fn code(steps: &[StepEnd]) -> &'static str {
    match steps.last().map(|step| &step.ending) {
        Some(Ending::Halted(Halt::Killed(_))) => Code::Held.as_str(),
        Some(Ending::Halted(Halt::Interrupted)) => Code::Cancelled.as_str(),
        Some(Ending::TimedOut) => Code::Deadline.as_str(),
        _ => Code::StepFailed.as_str(),
    }
}

/// A step's end in words.
#[must_use]
pub fn line(step: &StepEnd) -> String {
    let how = match &step.ending {
        Ending::Exited(code) => format!("exit {code}"),
        Ending::Signalled(signal) => format!("ended by signal {signal}"),
        Ending::TimedOut => "took too long and was stopped".to_owned(),
        Ending::Halted(Halt::Killed(why)) => format!("stopped: {}", text::escape_short(why, 200)),
        Ending::Halted(Halt::Interrupted) => "stopped: interrupted".to_owned(),
        Ending::Lost(why) => format!("could not be run: {}", text::escape_short(why, 200)),
    };
    let StepEnd { number, bytes, sha256, .. } = step;
    format!("step {number}: {how} after {} ms, output {bytes} bytes {sha256}", step.took.as_millis())
}

/// Whoever watches, and everything that withdraws the right to go on.
struct Guard<'a> {
    watch: &'a mut dyn Watch,
    home: &'a Home,
    revision: &'a Revision,
    looked: Option<Instant>,
}

impl Watch for Guard<'_> {
    fn begins(&mut self, number: usize, of: usize, step: &Step) {
        self.watch.begins(number, of, step);
    }

    fn line(&mut self, line: &str) {
        self.watch.line(line);
    }

    fn stop(&mut self) -> Option<Halt> {
        if let Brake::Stopped(why) = facts::brake(self.home) {
            return Some(Halt::Killed(why));
        }
        if self.looked.is_none_or(|looked| looked.elapsed() >= LEDGER) {
            if let Some(why) = self.withdrawn() {
                return Some(Halt::Killed(why));
            }
            self.looked = Some(Instant::now());
        }
        self.watch.stop()
    }
}

impl Guard<'_> {
    /// What in the ledger withdraws the right, in words.
    fn withdrawn(&self) -> Option<String> {
        let ledger = match open_ledger(self.home) {
            Err(stop) if stop.code == Code::Busy => return None,
            Err(stop) => return Some(stop.what),
            Ok(ledger) => ledger,
        };
        let row = match ledger.revision(self.revision) {
            Err(LedgerFault::Busy) => return None,
            Err(fault) => return Some(fault.to_string()),
            Ok(None) => return Some("it was removed".to_owned()),
            Ok(Some(row)) => row,
        };
        if row.lifecycle.state() == State::Installed {
            return Some("it is not trusted any more".to_owned());
        }
        let hold = ledger.brakes().holds.iter().find(|hold| row.is_covered(&hold.scope))?;
        Some(format!("held by a kill of {} (record {})", hold.scope, hold.seq))
    }
}

/// The last lines of a step's output, fit to be shown: escaped, and without what
/// looks like a secret.
#[must_use]
pub fn tail(step: &StepEnd, most: usize) -> Vec<String> {
    let whole = redact(&String::from_utf8_lossy(&step.tail));
    let lines: Vec<_> = whole.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let from = lines.len().saturating_sub(most);
    lines.into_iter().skip(from).map(|line| text::escape_short(line, 400)).collect()
}

/// One line of output while it comes, fit to be shown.
#[must_use]
pub fn live(line: &str) -> String {
    text::escape_short(&redact(line), 100)
}

/// Why a run did not do everything, if so.
///
/// # Errors
/// The stop, with what is known of the step that was the last.
pub fn verdict(report: &Report) -> Result<(), Stop> {
    let Some(last) = report.steps.last().filter(|_| report.end != End::Done) else { return Ok(()) };
    let code = match &last.ending {
        Ending::Halted(Halt::Killed(_)) => Code::Held,
        Ending::Halted(Halt::Interrupted) => Code::Cancelled,
        Ending::TimedOut => Code::Deadline,
        _ => Code::StepFailed,
    };
    let next =
        format!("what it left is in the tools' folder; record {} has all that is known", report.record);
    Err(Stop::new(code, line(last), next))
}
