//! `adopt`: one table at the end, riskiest first, with counts.

use super::super::context::{Context, Ended, absolute};
use super::super::render::{self, Tone, paint};
use super::install::parse_name;
use super::unmanaged::{self, short};
use serde_json::json;
use skill_trust::model::code::{Exit, Stop};
use skill_trust::model::text;
use skill_trust::ops::adopt::{self, Adoption, Adoptions, Outcome, Request, Which};
use skill_trust::ops::unmanaged::Adopted;
use std::path::PathBuf;

/// Take in skills that agents load already
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Their bytes are copied into the store as they lie; nothing is asked, and the originals stay as they are,\n\
    live, until `skills enable` replaces them. Exit code 3 if one of them was refused; the others are taken.\n\n\
    Examples:\n  skills adopt --all\n  skills adopt --all --agent claude-code --dry-run\n  skills adopt ~/.claude/skills/pdf-forms\n  \
    skills adopt ~/.agents/skills/pdf-forms --as pdf-forms-2\n\nSee also: skills status, skills review --adopted, skills trust --adopted, skills enable --adopted"
)]
pub(crate) struct Args {
    /// The skill's folder, or a link to it
    #[arg(required_unless_present = "all")]
    path: Option<PathBuf>,
    /// Every skill that agents load and nobody manages
    #[arg(long, conflicts_with = "path")]
    all: bool,
    /// Only what this agent loads, for example claude-code
    #[arg(long, value_name = "AGENT", requires = "all")]
    agent: Option<String>,
    /// Give the skill another name here; its bytes never change
    #[arg(long = "as", value_name = "NAME", conflicts_with = "all")]
    rename: Option<String>,
    /// Show what would be taken, change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs `adopt`.
pub(crate) fn run(context: &mut Context, args: Args) -> Ended {
    let which = match &args.path {
        Some(path) => Which::At(absolute(path)?),
        None => Which::All(args.agent),
    };
    let rename = args.rename.as_deref().map(parse_name).transpose()?;
    let one = matches!(which, Which::At(_));
    let done = adopt::adopt(&context.world, &Request { which, rename, dry: args.dry_run })?;
    // For one skill the refusal is the answer, with its own exit code.
    if let (true, [Adoption { outcome: Outcome::Refused(stop), .. }]) = (one, done.skills.as_slice()) {
        return Err(stop.clone());
    }
    show(context, &done)?;
    context.json(if args.dry_run { "adopt-plan/1" } else { "adopt/1" }, document(&done))?;
    let refused = done.skills.iter().any(|one| matches!(one.outcome, Outcome::Refused(_)));
    Ok(if refused { Exit::Refused } else { Exit::Done })
}

fn show(context: &mut Context, done: &Adoptions) -> Result<(), Stop> {
    if done.cut {
        let what = "Not all folders of the agents could be searched: a skill may be missing here.";
        context.say(&format!("{}\n", paint(Tone::Bad, what)))?;
    }
    if done.skills.is_empty() {
        return context.say("Nothing to adopt: agents load nothing here that is not managed.");
    }
    let home = context.world.account_home.clone();
    let row = |one: &Adoption| {
        let (word, digest) = match &one.outcome {
            Outcome::Taken(revision) => ("adopted", revision.digest.short()),
            Outcome::Known(revision) => ("known", revision.digest.short()),
            Outcome::Would(revision) => ("would adopt", revision.digest.short()),
            Outcome::Refused(_) => ("refused", "-".to_owned()),
        };
        let marks: Vec<_> = one.skill.marks.iter().map(|mark| mark.words()).collect();
        let path = short(home.as_deref(), &one.skill.path.to_string_lossy());
        vec![path, word.to_owned(), digest, marks.join(", ")]
    };
    let rows: Vec<_> = done.skills.iter().map(row).collect();
    let table = render::table(&["LIES AT", "NOW", "DIGEST", "LOOK FOR"], &rows, context.out.width());
    context.say(&table)?;
    for one in &done.skills {
        let folder = one.skill.path.file_name().unwrap_or_default();
        if !matches!(one.outcome, Outcome::Refused(_)) && folder != name(one).as_str() {
            let path = short(home.as_deref(), &one.skill.path.to_string_lossy());
            context.say(&format!("{path} is called {} here", name(one)))?;
        }
        if let Some(claim) = one.skill.claim.as_ref().filter(|_| context.globals.verbose) {
            let revision = claim.revision.as_deref().map(|at| format!(" at {at}")).unwrap_or_default();
            context.say(&format!(
                "{}: {} says it is from {}{revision}",
                name(one),
                claim.tool,
                claim.source
            ))?;
        }
        if let Some(Adopted::Changed(before)) = &one.skill.adopted {
            context.say(&format!("{}: changed since it was adopted as {before}", name(one)))?;
        }
    }
    for one in &done.skills {
        if let Outcome::Refused(stop) = &one.outcome {
            let path = short(home.as_deref(), &one.skill.path.to_string_lossy());
            let head = paint(Tone::Bad, "refused");
            context.say(&format!(
                "\n{head}  {path}  [{}] {}\n  next: {}",
                stop.code,
                stop.what,
                render::commands(&stop.next)
            ))?;
        }
    }
    counts(context, done)
}

fn name(one: &Adoption) -> String {
    match &one.outcome {
        Outcome::Taken(revision) | Outcome::Known(revision) | Outcome::Would(revision) => {
            revision.name.to_string()
        }
        Outcome::Refused(_) => text::escape_short(&one.skill.name, 64),
    }
}

fn counts(context: &mut Context, done: &Adoptions) -> Result<(), Stop> {
    let count = |is: fn(&Outcome) -> bool| done.skills.iter().filter(|one| is(&one.outcome)).count();
    let taken = count(|outcome| matches!(outcome, Outcome::Taken(_)));
    let known = count(|outcome| matches!(outcome, Outcome::Known(_)));
    let would = count(|outcome| matches!(outcome, Outcome::Would(_)));
    let refused = count(|outcome| matches!(outcome, Outcome::Refused(_)));
    if would > 0 || (taken == 0 && known == 0) {
        return context
            .say(&format!("\n{would} would be adopted, {known} known already, {refused} refused."));
    }
    context.say(&format!("\n{taken} adopted, {known} known already, {refused} refused."))?;
    context.say(&render::commands(
        "The originals are as they were, and live. Nothing is trusted.\nNext:  skills review --adopted",
    ))
}

fn document(done: &Adoptions) -> serde_json::Value {
    let one = |one: &Adoption| {
        let mut document = json!({ "found": unmanaged::document(&one.skill) });
        let (word, revision, stop) = match &one.outcome {
            Outcome::Taken(revision) => ("adopted", Some(revision), None),
            Outcome::Known(revision) => ("known", Some(revision), None),
            Outcome::Would(revision) => ("would-adopt", Some(revision), None),
            Outcome::Refused(stop) => ("refused", None, Some(stop)),
        };
        document["outcome"] = word.into();
        if let Some(revision) = revision {
            document["name"] = json!(revision.name);
            document["digest"] = json!(revision.digest);
        }
        if let Some(stop) = stop {
            document["code"] = json!(stop.code);
            document["error"] = json!(stop.what);
            document["next"] = json!(stop.next);
        }
        document
    };
    json!({ "skills": done.skills.iter().map(one).collect::<Vec<_>>(), "cut": done.cut })
}
