//! `deps install`: the plan shown, a yes to its digest, then exactly that.

use super::super::complete;
use super::super::context::{Context, Ended};
use super::super::render::{self, Tone, paint};
use super::deps::{document, scope};
use super::install::parse_digest;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use skill_trust::model::code::{Code, Exit, Stop};
use skill_trust::model::consent::{End, Where};
use skill_trust::model::dependency::{Scope, Step};
use skill_trust::model::text;
use skill_trust::ops::deps::install::{self, Halt, Ready, Report, Request, StepEnd, Watch};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How many lines of a failed step's output are shown.
const TAIL: usize = 30;

/// Run exactly the plan that is shown, once it was confirmed
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The skill must be trusted. A yes belongs to the plan's digest, is good for one run and for 15 minutes. Each\n\
    step runs in a sandbox of bubblewrap: of your files it sees none, and what it installs lies in the home's\n\
    folder deps/. Scripts name the whole digest, as `deps plan` prints it. docs/installing-dependencies.md says\n\
    what a step can reach, and what not.\n\n\
    Exit codes: 0 every step done, 1 a step failed, 3 refused, 4 a person is needed, 5 another plan, 6 stopped by a kill.\n\n\
    Examples:\n  skills deps install pdf-forms --dry-run\n  skills deps install pdf-forms\n  \
    skills deps install pdf-forms --only 1,3\n  \
    skills deps install pdf-forms --plan sha256:<64 hex digits>\n\nSee also: skills deps plan, skills review"
)]
pub(crate) struct Args {
    /// NAME or NAME@DIGEST
    #[arg(add = complete::any())]
    skill: String,
    /// The plan's digest, in full; then nothing is asked
    #[arg(long, value_name = "sha256:…")]
    plan: Option<String>,
    /// With --plan, to run a plan once more: the record that began the run before
    #[arg(long, value_name = "RECORD", requires = "plan")]
    after: Option<u64>,
    /// Plan this too although it is refused otherwise; then the whole digest is typed
    #[arg(long, value_name = "SCOPE", value_delimiter = ',', value_parser = scope)]
    allow: Vec<Scope>,
    /// Only these steps, by their numbers in the plan with the same --allow; they have a digest of their own
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    only: Vec<usize>,
    /// Run it on this machine itself, without a sandbox: a step can reach everything of yours
    #[arg(long)]
    on_host: bool,
    /// The longest time of one step, in minutes
    #[arg(long, value_name = "MINUTES", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=240))]
    timeout: u64,
    /// Show the plan and where it would be run, run nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs `deps install`.
pub(crate) fn run(context: &mut Context, args: Args) -> Ended {
    let request = Request {
        skill: args.skill,
        allow: args.allow.into_iter().collect(),
        only: args.only.into_iter().collect(),
        on_host: args.on_host,
        plan: args.plan.as_deref().map(parse_digest).transpose()?,
        after: args.after,
        timeout: Duration::from_secs(args.timeout * 60),
    };
    let ready = match install::look(&context.world, &request) {
        Err(stop) if !args.dry_run => return Err(install::record(&context.world, &request, stop)),
        looked => looked?,
    };
    if ready.plan.steps.is_empty() {
        return nothing(context, &ready);
    }
    let shown = describe(&ready);
    if args.dry_run {
        context.say(&shown)?;
        context.json("deps-install-plan/1", plan_document(&ready)?)?;
        // Shown in any case; then what would become of it.
        install::check(&context.world, &ready)?;
        context.say(&format!("next      {}", render::commands(&ready.command())))?;
        context.say(&format!("a script  {}", render::commands(&ready.scriptable())))?;
        return Ok(Exit::Done);
    }
    if context.globals.offline {
        let next = format!("without --offline: {}", ready.command());
        return Err(Stop::new(
            Code::Usage,
            "installers fetch what they install, and --offline forbids it",
            next,
        ));
    }
    let mut person = context.person();
    let consent = install::consent(&context.world, &ready, &shown, person.as_mut())?;
    let started = install::start(&context.world, &ready, &consent)?;
    context.note(&format!(
        "record {} began {}",
        started.run.seq,
        render::count(ready.plan.steps.len(), "step")
    ))?;
    let mut watching = Watching::new(context);
    let report = install::run(&context.world, started, &mut watching)?;
    watching.bar.finish_and_clear();
    finish(context, &ready, &report)
}

fn nothing(context: &mut Context, ready: &Ready) -> Ended {
    let refused = ready.plan.refused.len();
    context.json("deps-install-plan/1", plan_document(ready)?)?;
    if refused == 0 {
        context.say(&format!("{}  asks for nothing that could be installed", ready.row.revision))?;
        return Ok(Exit::Done);
    }
    let what = format!("{}: all that it asks for is refused, {refused} in all", ready.row.revision);
    Err(Stop::new(Code::PolicyUnmet, what, format!("see why: skills deps plan {}", ready.row.revision)))
}

/// All that a yes is said to.
fn describe(ready: &Ready) -> String {
    let mut out = format!("skill     {}\n", paint(Tone::Strong, &ready.row.revision.to_string()));
    let place = match ready.place {
        Where::Bubblewrap => "in a sandbox: no file of yours, no right, the network".to_owned(),
        Where::Host => {
            paint(Tone::Careful, "on this machine itself: every step can reach everything of yours")
        }
    };
    let tools = text::escape(&ready.tools.to_string_lossy());
    let _ = write!(out, "runs      {place}\ninto      {tools}");
    if ready.place == Where::Bubblewrap {
        out.push_str(", which is /skill-tools in there");
    }
    out.push('\n');
    for program in &ready.programs {
        let path = text::escape(&program.path.to_string_lossy());
        let _ = writeln!(out, "program   {} is {path}", program.name);
    }
    let whole = ready.plan.steps.len() + ready.without.len();
    for (at, (step, number)) in ready.plan.steps.iter().zip(ready.numbers()).enumerate() {
        let _ = writeln!(out, "\nstep {:<4} {}", at + 1, paint(Tone::Strong, &words(step)));
        if !ready.without.is_empty() {
            let _ = writeln!(out, "  is      step {number} of the {whole} that the whole plan has");
        }
        for (name, value) in &step.env {
            let _ = writeln!(out, "  with    {name}={}", text::shell_word(value));
        }
        for risk in &step.risks {
            let _ = writeln!(out, "  risk    {}", paint(Tone::Careful, risk.words()));
        }
    }
    if !ready.without.is_empty() {
        out.push('\n');
    }
    for (number, step) in &ready.without {
        let _ = writeln!(out, "not run   step {number} of the whole plan: {}", words(step));
    }
    for scope in &ready.plan.allowed {
        let _ = writeln!(out, "\nallowed   {}", paint(Tone::Careful, scope.name()));
    }
    let refused = ready.plan.refused.len();
    if refused > 0 {
        let see = render::commands(&format!("see: skills deps plan {}", ready.row.revision));
        let _ = writeln!(out, "\nleft out  {refused} of what it asks for; {see}");
    }
    if let Some(last) = &ready.last {
        let how = match last.end {
            End::Done => "every step done",
            End::Failed => "a step failed",
            End::Running | End::Unknown => "how it ended is unknown",
        };
        let _ = writeln!(out, "\nbefore    {}, record {}: {how}", last.run.at, last.run.seq);
    }
    let _ = write!(out, "\nplan      {}", ready.digest);
    out
}

fn words(step: &Step) -> String {
    let words: Vec<_> = step.argv.iter().map(|word| text::shell_word(word)).collect();
    words.join(" ")
}

fn plan_document(ready: &Ready) -> Result<Value, Stop> {
    let name = ready.row.revision.name.to_string();
    let mut document = document(&ready.plan, Some(name), &ready.scriptable())?;
    if let Some(fields) = document.as_object_mut() {
        let programs: Vec<_> = ready
            .programs
            .iter()
            .map(|one| json!({ "name": one.name, "path": text::escape(&one.path.to_string_lossy()), "sha256": one.sha256 }))
            .collect();
        fields.insert("where".to_owned(), json!(ready.place));
        fields.insert("tools".to_owned(), json!(text::escape(&ready.tools.to_string_lossy())));
        fields.insert("programs".to_owned(), json!(programs));
        fields.insert("after".to_owned(), json!(ready.after()));
        fields.insert("only".to_owned(), json!(ready.numbers()));
    }
    Ok(document)
}

fn finish(context: &mut Context, ready: &Ready, report: &Report) -> Ended {
    let steps: Vec<_> = report.steps.iter().map(|step| step_document(ready, step)).collect();
    let verdict = install::verdict(report);
    if let (Err(_), Some(last)) = (&verdict, report.steps.last()) {
        let lines = install::tail(last, TAIL);
        context.fault(&format!("the end of its output ({} bytes in all):", last.bytes))?;
        for line in lines {
            context.fault(&format!("  {line}"))?;
        }
    }
    let problem = verdict.err();
    // One document, also of what failed: the steps, and what the error would say.
    let told =
        problem.as_ref().map(|stop| json!({ "code": stop.code, "error": stop.what, "next": stop.next }));
    let document = json!({
        "name": ready.row.revision.name, "skill": ready.row.revision.digest, "digest": ready.digest,
        "where": ready.place, "end": report.end, "began": report.run.seq, "record": report.record, "steps": steps,
        "tools": text::escape(&ready.tools.to_string_lossy()), "problem": told,
    });
    context.json("deps-install/1", document)?;
    match problem {
        Some(stop) if context.globals.json => return Ok(stop.code.exit()),
        Some(stop) => return Err(stop),
        None => {}
    }
    let done = render::count(report.steps.len(), "step");
    context.say(&format!("{}  {done} for {}", paint(Tone::Good, "installed"), ready.row.revision))?;
    let escaped = |path: &Path| text::escape(&path.to_string_lossy());
    context.say(&format!("into      {}", escaped(&ready.tools)))?;
    let programs = ready.tools.join("bin");
    // A step may have left a link in its place.
    if programs.symlink_metadata().is_ok_and(|there| there.is_dir()) {
        context.say(&format!("programs  {}", escaped(&programs)))?;
    }
    Ok(Exit::Done)
}

fn step_document(ready: &Ready, step: &StepEnd) -> Value {
    let argv = ready.plan.steps.get(step.number - 1).map(|step| &step.argv);
    json!({
        "number": step.number, "argv": argv, "how": install::line(step), "milliseconds": step.took.as_millis() as u64,
        "bytes": step.bytes, "sha256": step.sha256,
    })
}

/// The line that says what is being done, and Ctrl-C.
struct Watching {
    bar: ProgressBar,
    stop: Arc<AtomicBool>,
}

impl Watching {
    fn new(context: &Context) -> Self {
        let bar = if context.globals.quiet { ProgressBar::hidden() } else { ProgressBar::no_length() };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}  {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        // A second handler in one process is refused; the first one serves.
        let _ = ctrlc::set_handler(move || flag.store(true, Ordering::SeqCst));
        Self { bar, stop }
    }
}

impl Watch for Watching {
    fn begins(&mut self, number: usize, of: usize, step: &Step) {
        self.bar.set_prefix(format!("step {number} of {of}: {}", step.installer.name()));
        self.bar.set_message(String::new());
    }

    fn line(&mut self, line: &str) {
        self.bar.set_message(render::plain(&install::live(line)));
    }

    fn stop(&mut self) -> Option<Halt> {
        self.stop.load(Ordering::SeqCst).then_some(Halt::Interrupted)
    }
}
