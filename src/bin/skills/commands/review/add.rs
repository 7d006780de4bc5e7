//! `review --add`: what others signed is shown in words, and kept.

use super::super::super::context::{Context, Ended, absolute};
use super::super::super::render::{self, Tone, paint};
use super::Args;
use serde_json::json;
use skill_trust::model::code::{Code, Exit, Stop};
use skill_trust::model::text;
use skill_trust::ops::import::{self, Imported};

/// Keeps each file; the first that is refused ends it.
pub(super) fn run(context: &mut Context, args: &Args) -> Ended {
    let [skill] = args.skills.as_slice() else {
        let what = "a statement is about one skill";
        return Err(Stop::new(Code::Usage, what, "skills review NAME --add FILE"));
    };
    if context.globals.json && args.add.len() > 1 {
        let what = "one statement is one JSON document";
        return Err(Stop::new(Code::Usage, what, "name one file with --json"));
    }
    let mut exit = Exit::Done;
    for file in &args.add {
        let file = absolute(file)?;
        let done = import::import(&context.world, skill, &file, args.dry_run)?;
        tell(context, &done, args.dry_run)?;
        super::super::enable::warn(context, &done.failures)?;
        if !done.failures.is_empty() {
            exit = Exit::Failed;
        }
        context.json("review-add/1", document(&done, &file.to_string_lossy(), args.dry_run))?;
    }
    Ok(exit)
}

fn tell(context: &mut Context, done: &Imported, dry_run: bool) -> Result<(), Stop> {
    let (told, revision) = (&done.told, &done.row.revision);
    let word = match (told.already, dry_run) {
        (true, _) => "kept already",
        (false, true) => "would keep",
        (false, false) => "kept",
    };
    context.say(&format!("{}  a signed {} of {revision}", paint(Tone::Good, word), told.kind))?;
    let tone = if told.narrows { Tone::Bad } else { Tone::Good };
    context.say(&format!("  says    {}", paint(tone, &told.says)))?;
    context.say(&format!("  by      {}, with {}", told.by, paint(Tone::Copy, &told.key)))?;
    if let Some(until) = told.until {
        context.say(&format!("  until   {until}"))?;
    }
    if let Some(record) = done.record {
        context.say(&format!("  record  {record}"))?;
    }
    if let Some(waits) = &told.waits {
        context.say(&format!("  {}   {}", paint(Tone::Careful, "waits"), render::commands(waits)))?;
    }
    for row in &done.narrowed {
        context.say(&format!("{}  {}", paint(Tone::Bad, "trust withdrawn"), row.revision))?;
        for place in row.lifecycle.placements() {
            context.say(&format!("taken away       {}", place.path))?;
        }
    }
    let next = if told.warns.is_some() && dry_run {
        format!(
            "Kept, it ends trust in these bytes, and they are not trusted again while it stands: {revision}"
        )
    } else if told.warns.is_some() {
        format!("It is not trusted while that stands. Who vouches and who warns: skills status {revision}")
    } else {
        format!("Who vouches now: skills status {revision}")
    };
    context.say(&render::commands(&next))
}

fn document(done: &Imported, file: &str, dry_run: bool) -> serde_json::Value {
    let told = &done.told;
    json!({
        "skill": done.row.revision.to_string(), "digest": done.row.revision.digest, "file": text::escape(file),
        "kind": told.kind, "says": told.says, "by": told.by, "key": told.key, "until": told.until,
        "violation": told.warns.is_some(), "waits": told.waits, "already": told.already, "record": done.record,
        "withdrawn": done.narrowed.iter().map(|row| row.revision.to_string()).collect::<Vec<_>>(),
        "failures": done.failures, "dry_run": dry_run,
    })
}
