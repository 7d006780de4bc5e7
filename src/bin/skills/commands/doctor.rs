//! `doctor`.

use super::super::context::{Context, Ended};
use super::super::render::{self, Tone, paint};
use serde_json::json;
use skill_trust::model::code::Exit;
use skill_trust::model::text;
use skill_trust::ops::clock;
use skill_trust::ops::doctor::{self, Level, Surroundings};

/// Check the installation itself
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 nothing is wrong, 1 something is, 7 the home is damaged and nothing is allowed.\n\n\
    Examples:\n  skills doctor\n  skills doctor --fix --dry-run\n  skills doctor --fix\n  skills doctor --lower-clock --dry-run\n\nSee also: skills verify, skills audit verify"
)]
pub(crate) struct Args {
    /// Set modes of our own files right, clear what dead processes left
    #[arg(long)]
    fix: bool,
    /// Let time go back to what the clock says; ends every dated trust
    #[arg(long, conflicts_with = "fix")]
    lower_clock: bool,
    /// Show what --fix or --lower-clock would do, change nothing
    #[arg(long)]
    dry_run: bool,
    /// The phrase that --lower-clock asks for
    #[arg(long, value_name = "TEXT", requires = "lower_clock")]
    phrase: Option<String>,
}

/// Runs `doctor`.
pub(crate) fn run(context: &mut Context, args: Args) -> Ended {
    if args.lower_clock {
        return lower_clock(context, args.phrase.as_deref(), args.dry_run);
    }
    let (path, program) = context.program();
    let checks =
        doctor::doctor(&context.world, &Surroundings { path, program, fix: args.fix && !args.dry_run });
    for check in &checks {
        let would = args.fix && args.dry_run && check.next.contains("--fix");
        let word = match check.level {
            _ if would => paint(Tone::Careful, "would fix"),
            _ if check.fixed => paint(Tone::Good, "fixed"),
            Level::Ok => paint(Tone::Good, "ok   "),
            Level::Warn => paint(Tone::Careful, "warn "),
            Level::Bad | Level::Damaged => paint(Tone::Bad, "bad  "),
        };
        context.say(&format!("{word}  {:<10} {}", check.about, check.found))?;
        if !check.next.is_empty() {
            context.say(&format!("                  {}", render::commands(&text::escape(&check.next))))?;
        }
    }
    let list: Vec<_> = checks
        .iter()
        .map(|check| json!({ "about": check.about, "level": check.level, "found": check.found, "next": check.next, "fixed": check.fixed }))
        .collect();
    context.json("doctor/1", json!({ "home": context.world.home.to_string_lossy(), "checks": list }))?;
    Ok(doctor::exit(&checks))
}

fn lower_clock(context: &mut Context, phrase: Option<&str>, dry: bool) -> Ended {
    let plan = clock::plan(&context.world)?;
    let mut shown = vec![format!("The last record is of {}; the clock says {}.", plan.floor, plan.now)];
    if plan.ends.is_empty() {
        shown.push("No trust decision ends with it.".to_owned());
    }
    for row in &plan.ends {
        shown.push(format!("Trust ends, and copies are taken away: {}", row.revision));
    }
    let names: Vec<_> = plan.ends.iter().map(|row| row.revision.clone()).collect();
    if dry {
        context.say(&shown.join("\n"))?;
        context.json("clock-plan/1", json!({ "floor": plan.floor, "now": plan.now, "ends": names }))?;
        return Ok(Exit::Done);
    }
    let mut person = context.person();
    let failures = clock::lower(&context.world, &plan, &shown.join("\n"), phrase, person.as_mut())?;
    let ended = render::count(plan.ends.len(), "dated trust decision");
    context.say(&format!("{}  to {}; {ended} ended", paint(Tone::Good, "lowered"), plan.now))?;
    super::enable::warn(context, &failures)?;
    context.json(
        "clock/1",
        json!({ "floor": plan.floor, "now": plan.now, "ended": names, "failures": failures }),
    )?;
    Ok(if failures.is_empty() { Exit::Done } else { Exit::Failed })
}
