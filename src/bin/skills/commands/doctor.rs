//! `doctor`.

use super::super::context::{Context, Ended};
use super::super::render::{Tone, paint};
use serde_json::json;
use skill_trust::model::text;
use skill_trust::ops::doctor::{self, Level, Surroundings};

/// Check the installation itself
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 nothing is wrong, 1 something is, 7 the home is damaged and nothing is allowed.\n\n\
    Examples:\n  skills doctor\n  skills doctor --fix\n\nSee also: skills verify, skills audit verify"
)]
pub(crate) struct Args {
    /// Set modes of our own files right, clear what dead processes left
    #[arg(long)]
    fix: bool,
}

/// Runs `doctor`.
pub(crate) fn run(context: &mut Context, args: Args) -> Ended {
    let (path, program) = context.program();
    let checks = doctor::doctor(&context.world, &Surroundings { path, program, fix: args.fix });
    for check in &checks {
        let word = match check.level {
            _ if check.fixed => paint(Tone::Good, "fixed"),
            Level::Ok => paint(Tone::Good, "ok   "),
            Level::Warn => paint(Tone::Careful, "warn "),
            Level::Bad | Level::Damaged => paint(Tone::Bad, "bad  "),
        };
        context.say(&format!("{word}  {:<10} {}", check.about, check.found))?;
        if !check.next.is_empty() {
            context.say(&format!("                  {}", text::escape(&check.next)))?;
        }
    }
    let list: Vec<_> = checks
        .iter()
        .map(|check| json!({ "about": check.about, "level": check.level, "found": check.found, "next": check.next, "fixed": check.fixed }))
        .collect();
    context.json("doctor/1", json!({ "home": context.world.home.to_string_lossy(), "checks": list }))?;
    Ok(doctor::exit(&checks))
}
