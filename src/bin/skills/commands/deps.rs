//! `deps`: what a skill asks to have installed, and what exactly would be run.

use super::super::complete;
use super::super::context::{Context, Ended, absolute};
use super::super::render::{self, Tone, paint};
use serde_json::{Value, json};
use skill_trust::model::code::{Code, Exit, Stop};
use skill_trust::model::dependency::{AskedAt, Need, NeedKind, Plan, Refused, Risk, Scope, Step};
use skill_trust::model::text;
use skill_trust::ops::deps;
use skill_trust::ops::verify;
use std::collections::BTreeSet;
use std::path::Path;

/// See what a skill asks to have installed
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A skill may ask for programs and packages. Nothing of that is installed by installing, trusting or\n\
    enabling it. docs/dependencies.md says what is collected, and what is refused.\n\n\
    Examples:\n  skills deps plan pdf-forms\n\nSee also: skills review"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show what exactly would be run for a skill, what is refused, and why
    #[command(
        after_help = "Nothing is run, changed or recorded. The plan has a digest: the same bytes of the skill have the\n\
        same plan on every machine with this operating system, and another byte has another one.\n\n\
        Exit codes: 0 shown, 2 there is no such skill or folder, 5 the stored copy is not the recorded one.\n\n\
        Examples:\n  skills deps plan pdf-forms\n  skills deps plan ./my-skill\n  skills deps plan pdf-forms --allow dep.tap\n  \
        skills deps plan pdf-forms --json"
    )]
    Plan(PlanArgs),
    /// Run exactly the plan that is shown, once it was confirmed
    Install(super::deps_install::Args),
}

/// Arguments of `deps plan`.
#[derive(Debug, clap::Args)]
pub(crate) struct PlanArgs {
    /// NAME or NAME@DIGEST, or the path of a folder (with a slash, or no skill's name)
    #[arg(value_name = "NAME|PATH", add = complete::any())]
    what: String,
    /// Plan this too although it is refused otherwise: dep.git, dep.tap and the like, as the plan names them
    #[arg(long, value_name = "SCOPE", value_delimiter = ',', value_parser = scope)]
    allow: Vec<Scope>,
}

/// A scope that a person may allow, by its name.
pub(crate) fn scope(typed: &str) -> Result<Scope, String> {
    let names: Vec<_> =
        Scope::ALL.iter().filter(|scope| scope.may_be_allowed()).map(|scope| scope.name()).collect();
    match Scope::of(typed) {
        Some(scope) if scope.may_be_allowed() => Ok(scope),
        Some(_) => {
            Err(format!("this is never run by us, do it by hand; what may be allowed: {}", names.join(", ")))
        }
        None => Err(format!("what may be allowed: {}", names.join(", "))),
    }
}

/// Runs `deps`.
pub(crate) fn run(context: &mut Context, args: Args) -> Ended {
    match args.command {
        Command::Plan(args) => plan(context, &args),
        Command::Install(args) => super::deps_install::run(context, args),
    }
}

fn plan(context: &mut Context, args: &PlanArgs) -> Ended {
    let allowed: BTreeSet<Scope> = args.allow.iter().copied().collect();
    let path = Path::new(&args.what);
    let is_path =
        args.what.contains('/') || (path.is_dir() && !verify::is_installed(&context.world, &args.what));
    let (title, name, plan) = if is_path {
        let path = absolute(path)?;
        let plan = deps::prepare_folder(&context.world, &path, &allowed)?;
        (text::escape(&path.to_string_lossy()), None, plan)
    } else {
        let prepared = deps::prepare_allowing(&context.world, &args.what, &allowed)?;
        let revision = prepared.row.revision;
        (revision.to_string(), Some(revision), prepared.plan)
    };
    let next = match &name {
        Some(revision) if !plan.steps.is_empty() => {
            // The plan's digest has the place in it, and a yes the run before: that page knows both.
            let allow: String =
                plan.allowed.iter().map(|scope| format!(" --allow {}", scope.name())).collect();
            format!("skills deps install {revision}{allow} --dry-run")
        }
        None if !plan.steps.is_empty() => format!("skills install {}", text::shell_word(&args.what)),
        _ => String::new(),
    };
    show(context, &title, &plan)?;
    if !next.is_empty() {
        context.say(&format!("next      {}", render::commands(&next)))?;
    }
    let name = name.map(|revision| revision.name);
    context.json("deps-plan/1", document(&plan, name.as_ref().map(ToString::to_string), &next)?)?;
    Ok(Exit::Done)
}

/// The digest that a person says yes to.
fn digest(plan: &Plan) -> Result<String, Stop> {
    let digest = plan.digest().map_err(|error| Stop::new(Code::Io, error.to_string(), "run it again"))?;
    Ok(digest.to_string())
}

/// The document of `--json`: what the digest is of, and the digest.
pub(crate) fn document(plan: &Plan, name: Option<String>, next: &str) -> Result<Value, Stop> {
    Ok(json!({ "name": name, "plan": plan, "digest": digest(plan)?, "next": next }))
}

/// Shows a plan to a person. Everything of the author is escaped here or was before.
pub(crate) fn show(context: &mut Context, title: &str, plan: &Plan) -> Result<(), Stop> {
    context.say(&format!("skill     {}", paint(Tone::Strong, title)))?;
    if plan.is_empty() {
        return context.say("asks for  nothing: no program, no package, no setting");
    }
    let refused = plan.refused.len();
    let mut parts = vec![render::count(plan.steps.len(), "step")];
    let found = plan.steps.iter().filter(|step| step.risks.contains(&Risk::Undeclared)).count();
    parts.extend((found > 0).then(|| format!("{found} of them only found in its text")));
    parts.extend((refused > 0).then(|| format!("{refused} refused")));
    context.say(&format!("asks for  {}", parts.join(", ")))?;
    for scope in &plan.allowed {
        let told = format!("{}: what would be refused otherwise is planned here", scope.name());
        context.say(&format!("allowed   {}", paint(Tone::Careful, &told)))?;
    }
    for (at, step) in plan.steps.iter().enumerate() {
        self::step(context, at + 1, step)?;
    }
    for one in &plan.refused {
        self::refused(context, one)?;
    }
    needs(context, &plan.needs)?;
    for listed in &plan.listed {
        let hashes = if listed.hashes { ", each with its digest (a step cannot carry it)" } else { "" };
        let count = render::count(listed.packages, "package");
        let path = text::escape_short(&listed.path, 200);
        context.say(&format!("list      {path}: {}, {count}{hashes}", text::escape(&listed.what)))?;
    }
    context.say("")?;
    context.say(&format!("plan      {}", digest(plan)?))
}

fn step(context: &mut Context, number: usize, step: &Step) -> Result<(), Stop> {
    let argv: Vec<_> = step.argv.iter().map(|word| text::shell_word(word)).collect();
    context.say("")?;
    context.say(&format!("step {number:<4} {}", paint(Tone::Strong, &argv.join(" "))))?;
    for (name, value) in &step.env {
        context.say(&format!("  with    {name}={}", text::shell_word(value)))?;
    }
    let asked: Vec<_> = step.asked.iter().collect();
    context.say(&format!("  from    {}", places(&asked)))?;
    for risk in &step.risks {
        context.say(&format!("  risk    {}", paint(Tone::Careful, risk.words())))?;
    }
    Ok(())
}

/// Places, the first few of many.
fn places(asked: &[&AskedAt]) -> String {
    let mut shown: Vec<_> = asked.iter().take(4).map(|at| place(at)).collect();
    if asked.len() > shown.len() {
        shown.push(format!("{} more", asked.len() - shown.len()));
    }
    shown.join(", ")
}

fn place(at: &AskedAt) -> String {
    let path = text::escape_short(&at.path, 120);
    if at.line == 0 { path } else { format!("{path}:{}", at.line) }
}

fn refused(context: &mut Context, one: &Refused) -> Result<(), Stop> {
    context.say("")?;
    let head = format!("{}  {}", one.scope.name(), text::escape_short(&one.kind, 40));
    context.say(&format!("refused   {}", paint(Tone::Bad, &head)))?;
    context.say(&format!("  why     {}", text::escape(&one.why)))?;
    context.say(&format!("  from    {}", places(&one.asked.iter().collect::<Vec<_>>())))?;
    if !one.allow.is_empty() {
        let allow: Vec<_> = one.allow.iter().map(|scope| format!("--allow {}", scope.name())).collect();
        context.say(&format!("  allow   {} makes it a step", allow.join(" ")))?;
    }
    Ok(())
}

fn needs(context: &mut Context, needs: &[Need]) -> Result<(), Stop> {
    if needs.is_empty() {
        return Ok(());
    }
    context.say("")?;
    for need in needs {
        let names: Vec<_> = need.any_of.iter().take(8).map(|name| text::escape_short(name, 80)).collect();
        let kind = match need.kind {
            NeedKind::Program => "program",
            NeedKind::Setting => "setting",
            NeedKind::Config => "gateway setting",
            NeedKind::Server => "server",
            NeedKind::AtUse => "package",
            NeedKind::Other => "in its words",
        };
        let by = match (need.kind, need.brought_by) {
            (NeedKind::Program, Some(installer)) => format!("a step of {} brings it", installer.name()),
            (NeedKind::AtUse, _) => "fetched and started anew at each use".to_owned(),
            (NeedKind::Program, None) => "no step brings it: it has to be there already".to_owned(),
            _ => "you give it, or not".to_owned(),
        };
        let names = names.join(" or ");
        context.say(&format!("needs     {kind} {names}: {by} ({})", place(&need.asked)))?;
    }
    Ok(())
}
