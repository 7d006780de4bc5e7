//! `kill --drill`.

use super::super::context::{Context, Ended};
use super::super::render::{Tone, count, paint};
use serde_json::json;
use skill_trust::model::code::Exit;
use skill_trust::model::text;
use skill_trust::ops::clear;
use skill_trust::ops::drill;
use std::time::Duration;

/// Runs `kill --drill`.
pub(crate) fn run(context: &mut Context) -> Ended {
    // It takes moments; an interrupt in between must not leave the copy behind.
    let _ = ctrlc::set_handler(|| {});
    let drill = drill::drill(&context.world)?;
    let live = clear::still_live(&context.world);
    let home = text::escape(&drill.home.to_string_lossy());
    let word = match drill.stops {
        true => paint(Tone::Good, "WOULD STOP EVERYTHING MANAGED"),
        false => paint(Tone::Bad, "WOULD NOT STOP EVERYTHING"),
    };
    context
        .say(&format!("{word}  (home {home}; played on a copy, nothing was changed, nothing is recorded)"))?;
    if drill.in_force {
        context.say("a kill of everything is in force already; it would be renewed")?;
    }
    context.say(&format!(
        "would withdraw    {} and {}",
        count(drill.permits, "permit"),
        count(drill.placements.len(), "placement")
    ))?;
    match drill.denied_after {
        Some(after) => context.say(&format!("every gate denies  after {}", shown(after)))?,
        None => context.say(&format!("every gate denies  {}: {}", paint(Tone::Bad, "no"), drill.held))?,
    }
    context.say(&format!(
        "all copies gone    after {}, on the disk of the temporary folder",
        shown(drill.complete_after)
    ))?;
    for (path, why) in &drill.failures {
        context.fault(&format!("{}  {path}: {why}", paint(Tone::Bad, "WOULD STAY")))?;
    }
    if !live.is_empty() {
        context.say(&format!("\nNot ours, and still live after a kill ({}):", live.len()))?;
        for path in live.iter().take(20) {
            context.say(&format!("  {path}"))?;
        }
    }
    let failures: Vec<_> =
        drill.failures.iter().map(|(path, why)| json!({ "what": path, "why": why })).collect();
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    context.json(
        "kill-drill/1",
        json!({
            "would_stop": drill.stops, "home": home, "permits": drill.permits, "placements": drill.placements,
            "denied_after_us": drill.denied_after.map(micros), "complete_after_us": micros(drill.complete_after),
            "in_force": drill.in_force, "failures": failures, "still_live": live,
        }),
    )?;
    Ok(if drill.stops { Exit::Done } else { Exit::Failed })
}

fn shown(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}
