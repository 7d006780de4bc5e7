//! `uninstall`.

use super::super::context::{Context, Ended, absolute};
use super::super::render::{Tone, count, paint};
use serde_json::json;
use skill_trust::model::code::{Code, Exit, Stop};
use skill_trust::model::text;
use skill_trust::ops::uninstall::{self, Fate, Leave, Left, Request, What};
use std::path::{Path, PathBuf};

/// End this home: skills removed or handed over, the log exported, nothing left behind
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The log is written to a file first, and read back. Then either every copy is taken away (--remove), or those that the gate allows\n\
    become ordinary folders that nobody watches any more (--hand-over). What was moved aside for a skill once is\n\
    given back in a folder beside the home. Keys and policy stay unless --config is given.\n\
    One that was interrupted is gone on with by: skills uninstall\n\n\
    Examples:\n  skills uninstall --remove --dry-run\n  skills uninstall --remove\n  skills uninstall --hand-over --export ~/skills-log.jsonl\n\nSee also: skills audit verify, skills disable"
)]
pub(crate) struct Args {
    /// Take every copy away from agents
    #[arg(long, conflicts_with = "hand_over")]
    remove: bool,
    /// Leave enabled copies where they are, as ordinary folders
    #[arg(long)]
    hand_over: bool,
    /// Where the log goes; a new file in the current folder if not named
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
    /// Remove keys and policy of this account too
    #[arg(long)]
    config: bool,
    /// The phrase, where there is no terminal
    #[arg(long, value_name = "TEXT")]
    phrase: Option<String>,
    /// Show what would happen to each skill, change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs `uninstall`.
pub(crate) fn run(context: &mut Context, args: Args) -> Ended {
    if uninstall::is_begun(&context.world) {
        if args.dry_run {
            context.say("an uninstall was begun here and not finished; go on with it: skills uninstall")?;
            context.json("uninstall-plan/1", json!({ "begun": true }))?;
            return Ok(Exit::Done);
        }
        context.note("going on with an uninstall that was not finished")?;
        let left = uninstall::resume(&context.world)?;
        return done(context, &left, None);
    }
    if !args.remove && !args.hand_over {
        let what = "say what becomes of the skills";
        return Err(Stop::new(
            Code::Usage,
            what,
            "skills uninstall --remove, or: skills uninstall --hand-over",
        ));
    }
    let request = Request {
        hand_over: args.hand_over,
        export: args.export.as_deref().map(absolute).transpose()?,
        folder: absolute(Path::new("."))?,
        config: args.config,
    };
    let plan = uninstall::plan(&context.world, &request)?;
    let shown = describe(context, &plan);
    if args.dry_run {
        context.say(&shown)?;
        context.json("uninstall-plan/1", document(&plan))?;
        return Ok(Exit::Done);
    }
    let mut person = context.person();
    match uninstall::leave(&context.world, &plan, &shown, args.phrase.as_deref(), person.as_mut()) {
        Ok(left) => done(context, &left, Some(&plan)),
        Err(stop) => {
            if stop.code == Code::PersonNeeded {
                context.say(&shown)?;
            }
            Err(stop)
        }
    }
}

fn describe(context: &Context, plan: &Leave) -> String {
    let home = text::escape(&context.world.home.to_string_lossy());
    let mut lines = vec![format!("home     {home}")];
    lines.push(match &plan.export {
        Some(to) => {
            format!("log      exported first to {}, and read back", text::escape(&to.to_string_lossy()))
        }
        None => "log      nothing was ever recorded".to_owned(),
    });
    if let Some(config) = &plan.config {
        let word = if plan.request.config { "removed too" } else { "kept" };
        lines.push(format!("config   {word}: {} (keys, policy)", text::escape(&config.to_string_lossy())));
    }
    for Fate { row, what } in &plan.fates {
        let revision = &row.revision;
        match what {
            What::Forgotten => {
                lines.push(format!("  removed      {revision}  ({}, placed nowhere)", row.lifecycle.state()))
            }
            What::Denied(code, why) => lines
                .push(format!("  {}  {revision}  [{code}] {why}", paint(Tone::Careful, "not handed over"))),
            What::Withdrawn | What::HandedOver => {}
        }
        let word = if *what == What::HandedOver { "handed over" } else { "taken away " };
        for place in row.lifecycle.placements() {
            lines.push(format!("  {word}  {revision}  {}", text::escape(&place.path)));
        }
    }
    if plan.fates.iter().any(|fate| fate.what == What::HandedOver) {
        lines.push("What is handed over stays live for its agents, and nobody watches it any more: no gate, no kill, no drift.".to_owned());
    }
    if let Some((kept, to)) = &plan.originals {
        lines.push(format!(
            "{} that you let us move aside {} to {}",
            count(*kept, "original"),
            if *kept == 1 { "goes" } else { "go" },
            text::escape(&to.to_string_lossy())
        ));
    }
    lines.push("The store and the evidence of earlier drifts go with the home.".to_owned());
    lines.join("\n")
}

fn done(context: &mut Context, left: &Left, plan: Option<&Leave>) -> Ended {
    for path in &left.over {
        context.say(&format!("handed over  {path}"))?;
    }
    for (path, why) in &left.not_over {
        context.fault(&format!("{}  {path}: {why}", paint(Tone::Bad, "not handed over")))?;
    }
    for path in &left.beside {
        context.note(&format!("left, closed and without a SKILL.md, on another file system: {path}"))?;
    }
    if let Some(folder) = left.originals.first().and_then(|path| path.parent()) {
        let many = count(left.originals.len(), "original");
        context.say(&format!("kept         {many}, in {}", text::escape(&folder.to_string_lossy())))?;
    }
    for name in &left.config_left {
        context.note(&format!("kept in the configuration, not ours: {name}"))?;
    }
    let home = text::escape(&context.world.home.to_string_lossy());
    let gone = left.strays.is_empty();
    if gone {
        context.say(&format!("{}  {home}", paint(Tone::Good, "uninstalled")))?;
    } else {
        context.fault(&format!("{}  {home}", paint(Tone::Bad, "NOT FINISHED")))?;
        context.fault(&format!(
            "{} not ours: {}",
            count(left.strays.len(), "name"),
            left.strays.join(", ")
        ))?;
        context.fault("move it away, then: skills uninstall")?;
    }
    let export = plan.and_then(|plan| plan.export.as_ref());
    if let Some(export) = export {
        context.say(&format!("log          {}", text::escape(&export.to_string_lossy())))?;
    }
    let not_over: Vec<_> =
        left.not_over.iter().map(|(path, why)| json!({ "path": path, "why": why })).collect();
    context.json(
        "uninstall/1",
        json!({
            "home": home, "gone": gone, "handed_over": left.over, "not_handed_over": not_over,
            "strays": left.strays, "config_left": left.config_left, "originals": left.originals, "beside": left.beside, "log": export,
        }),
    )?;
    Ok(if gone && left.not_over.is_empty() { Exit::Done } else { Exit::Failed })
}

fn document(plan: &Leave) -> serde_json::Value {
    let skill = |Fate { row, what }: &Fate| {
        let paths: Vec<_> = row.lifecycle.placements().iter().map(|place| &place.path).collect();
        let (fate, code) = match what {
            What::Forgotten => ("removed", None),
            What::Withdrawn => ("taken-away", None),
            What::Denied(code, _) => ("taken-away", Some(code)),
            What::HandedOver => ("handed-over", None),
        };
        json!({ "name": row.revision.name, "digest": row.revision.digest, "fate": fate, "code": code, "paths": paths })
    };
    let skills: Vec<_> = plan.fates.iter().map(skill).collect();
    json!({
        "begun": false, "skills": skills, "log": plan.export, "phrase": plan.phrase(),
        "originals": plan.originals.as_ref().map(|(count, to)| json!({ "count": count, "to": to })),
        "config": plan.config, "config_removed": plan.request.config,
    })
}
