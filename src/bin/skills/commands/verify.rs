//! `verify`: of everything here, of one skill, or of any folder.

use super::super::complete;
use super::super::context::{Context, Ended, absolute};
use super::super::render::{self, Tone, paint};
use serde_json::{Value, json};
use skill_trust::model::code::{Exit, Stop};
use skill_trust::model::lifecycle::DriftReason;
use skill_trust::model::text;
use skill_trust::ops::verify::{self, FolderReport, Problem, Verification};
use std::path::Path;

/// Hash everything again and check ledger and log against each other
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Drift that is found is acted upon: the copy is taken away, trust is withdrawn, both are recorded.\n\
    A folder is only looked at, and needs nothing to be installed.\n\n\
    Exit codes: 0 sound, 5 drift or other bytes, 7 ledger or log damaged.\n\n\
    Examples:\n  skills verify\n  skills verify pdf-forms\n  skills verify --dry-run\n  skills verify ./my-skill\n\nSee also: skills status, skills audit verify"
)]
pub(crate) struct Args {
    /// NAME or NAME@DIGEST, or the path of a folder (with a slash, or no skill's name)
    #[arg(value_name = "NAME|PATH", add = complete::any())]
    what: Option<String>,
    /// Only look: act on nothing that is found
    #[arg(long)]
    dry_run: bool,
}

/// Runs `verify`.
pub(crate) fn run(context: &mut Context, args: Args) -> Ended {
    if let Some(what) = &args.what
        && (what.contains('/') || (Path::new(what).is_dir() && !verify::is_installed(&context.world, what)))
    {
        return folder(context, Path::new(what));
    }
    let found = if args.dry_run {
        verify::plan(&context.world, args.what.as_deref())?
    } else {
        verify::verify(&context.world, args.what.as_deref())?
    };
    for problem in &found.problems {
        tell(context, problem)?;
    }
    for stray in &found.strays {
        context.say(&format!("{}  {stray}", paint(Tone::Careful, "stray")))?;
    }
    summary(context, &found)?;
    context.json("verify/1", document(&found))?;
    Ok(exit(&found))
}

/// What was looked at, and how it stands.
fn summary(context: &mut Context, found: &Verification) -> Result<(), Stop> {
    let mut parts = vec![
        render::count(found.revisions, "revision"),
        format!(
            "{} and {} hashed",
            render::count(found.objects, "stored folder"),
            render::count(found.placements, "placement")
        ),
    ];
    if let Some(records) = found.records {
        parts.push(format!(
            "{} in ledger and log alike",
            render::count(usize::try_from(records).unwrap_or(usize::MAX), "record")
        ));
    }
    if let Some(size) = found.checkpoint {
        parts.push(format!("the checkpoint of {size} is continued"));
    }
    let word = match found.problems.len() {
        0 => paint(Tone::Good, "sound"),
        count => paint(Tone::Bad, &render::count(count, "problem")),
    };
    context.say(&format!("{word}  {}", parts.join("; ")))?;
    match &found.head {
        None => Ok(()),
        Some(head) => context.say(&format!("head   {head}")),
    }
}

/// Damage outranks drift: nothing else can be relied on then.
fn exit(found: &Verification) -> Exit {
    let codes: Vec<_> = found.problems.iter().map(|problem| problem.stop.code.exit()).collect();
    match codes.iter().max() {
        None => Exit::Done,
        Some(_) if codes.contains(&Exit::Damaged) => Exit::Damaged,
        Some(Exit::Busy) => Exit::Busy,
        Some(_) => Exit::Drift,
    }
}

fn tell(context: &mut Context, problem: &Problem) -> Result<(), Stop> {
    let stop = &problem.stop;
    context.say(&format!("{}  [{}] {}", paint(Tone::Bad, "bad"), stop.code, text::escape(&stop.what)))?;
    for difference in problem.differences.iter().take(20) {
        context.say(&format!("       {}", self::difference(difference)))?;
    }
    if problem.differences.len() > 20 {
        context.say(&format!("       and {} more", problem.differences.len() - 20))?;
    }
    if problem.declared {
        context.say("       trust is withdrawn and every copy of it taken away; recorded")?;
    }
    if stop.next.is_empty() {
        Ok(())
    } else {
        context.say(&format!("     next: {}", render::commands(&text::escape(&stop.next))))
    }
}

/// One difference in words, escaped.
pub(crate) fn difference(reason: &DriftReason) -> String {
    let shown = match reason {
        DriftReason::Added { path } => format!("+ {path}"),
        DriftReason::Removed { path } => format!("- {path}"),
        DriftReason::Content { path, was, now } => format!("~ {path}: {} -> {}", was.short(), now.short()),
        DriftReason::Mode { path, was, now } => format!("~ {path}: mode {was} -> {now}"),
        DriftReason::Refused { path, rule } => format!("! {path}: {rule}"),
        DriftReason::Missing { path } => format!("- {path} (all of it)"),
        DriftReason::DigestOnly { was, now } => format!("~ digest {} -> {}", was.short(), now.short()),
    };
    text::escape(&shown)
}

fn document(found: &Verification) -> Value {
    let problems: Vec<_> = found
        .problems
        .iter()
        .map(|problem| {
            json!({
                "name": problem.revision.as_ref().map(|revision| &revision.name),
                "digest": problem.revision.as_ref().map(|revision| revision.digest),
                "code": problem.stop.code, "error": problem.stop.what, "next": problem.stop.next,
                "declared": problem.declared, "differences": problem.differences,
            })
        })
        .collect();
    json!({
        "sound": found.problems.is_empty(), "revisions": found.revisions, "objects": found.objects,
        "placements": found.placements, "records": found.records, "head": found.head,
        "checkpoint": found.checkpoint, "problems": problems, "strays": found.strays,
    })
}

/// A folder by its path: nothing is installed, asked or written.
fn folder(context: &mut Context, path: &Path) -> Ended {
    let path = absolute(path)?;
    let found = verify::folder(&context.world, &path)?;
    let shown = text::escape(&path.to_string_lossy());
    context.say(&format!("folder   {shown}"))?;
    context.say(&format!("digest   {}", found.digest))?;
    let count = found.manifest.entries().len();
    context.say(&format!(
        "holds    {}, {}",
        render::count(count, "file"),
        render::human_size(found.manifest.bytes())
    ))?;
    if context.globals.verbose {
        for entry in found.manifest.entries() {
            let mode = if entry.executable { "100755" } else { "100644" };
            context.say(&format!("  {mode} {} {:>9} {}", entry.sha256.hex(), entry.size, entry.path))?;
        }
    }
    for fault in &found.faults {
        context.say(&format!("{}  {}", paint(Tone::Bad, "refused"), text::escape(&fault.to_string())))?;
    }
    known(context, &found)?;
    let differs = found.placed.as_ref().is_some_and(|revision| revision.digest != found.digest);
    let known: Vec<_> = found
        .known
        .iter()
        .map(|(revision, state)| json!({ "name": revision.name, "digest": revision.digest, "state": state }))
        .collect();
    context.json(
        "folder/1",
        json!({
            "path": path.to_string_lossy(), "digest": found.digest, "files": found.manifest,
            "bytes": found.manifest.bytes(), "faults": found.faults, "known": known, "placed": found.placed,
        }),
    )?;
    Ok(if found.faults.is_empty() && !differs { Exit::Done } else { Exit::Drift })
}

fn known(context: &mut Context, found: &FolderReport) -> Result<(), Stop> {
    for (revision, state) in &found.known {
        context.say(&format!("known    {revision}, {state}"))?;
    }
    if found.known.is_empty() {
        context.say("known    no: nothing with this digest is installed here")?;
    }
    if let Some(revision) = found.placed.as_ref().filter(|revision| revision.digest != found.digest) {
        let head = paint(Tone::Bad, "drifted");
        let run = render::commands(&format!("run: skills verify {revision}"));
        context.say(&format!("{head}  we placed {revision} here; {run}"))?;
    }
    Ok(())
}
