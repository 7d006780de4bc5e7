//! `roots show`.

use super::super::context::{Context, Ended};
use super::super::render::{self, Tone, paint};
use serde_json::json;
use skill_trust::model::code::{Exit, Stop};
use skill_trust::model::time::Timestamp;
use skill_trust::ops::roots::show::{self, RoleShown, Shown};
use skill_trust::ops::roots::team::typed;
use std::path::Path;

/// Runs `roots show`.
pub(super) fn run(context: &mut Context, folder: &Path) -> Ended {
    let shown = show::show(folder)?;
    context.say(&format!("pin      sha256:{}  (the first root; what others are given)", shown.pin.hex()))?;
    for role in &shown.roles {
        roles(context, role)?;
    }
    context.say("")?;
    if shown.targets.is_empty() {
        context.say("no targets: who follows this root believes nobody through it yet")?;
    }
    for target in &shown.targets {
        let size = render::human_size(target.bytes);
        let line = [target.path.as_str(), &size, &target.terms];
        context.say(line.join("  ").trim_end())?;
    }
    for role in &shown.delegated {
        context.say(&format!("delegated to the role {role}, which this program publishes as it lies"))?;
    }
    pending(context, folder, &shown)?;
    context.json("roots-show/1", document(&shown))?;
    Ok(Exit::Done)
}

fn roles(context: &mut Context, role: &RoleShown) -> Result<(), Stop> {
    let end = ends(role.until, context.now());
    context.say(&format!(
        "{:<9} {} of {} must sign; version {}, {end}",
        role.name,
        role.threshold,
        render::count(role.keys.len(), "key"),
        role.version
    ))?;
    for (id, kind) in &role.keys {
        context.say(&format!("            {}  {kind}", &id.as_str()[..12]))?;
    }
    Ok(())
}

fn ends(until: Timestamp, now: Timestamp) -> String {
    let days = (until.unix() - now.unix()) / 86_400;
    match until <= now {
        true => paint(Tone::Bad, &format!("ended {until}")),
        false if days < 7 => paint(Tone::Careful, &format!("until {until}, {days} days from now")),
        false => format!("until {until}"),
    }
}

fn pending(context: &mut Context, folder: &Path, shown: &Shown) -> Result<(), Stop> {
    let Some(stake) = shown.stake else { return Ok(()) };
    context.say("\nWaits for signatures:")?;
    for line in &shown.changes {
        context.say(&format!("  {line}"))?;
    }
    context.say(&format!("digest   {stake}"))?;
    context.say(&render::commands(&format!("Next:  skills roots sign {} --key NAME", typed(folder))))
}

fn document(shown: &Shown) -> serde_json::Value {
    let role = |role: &RoleShown| {
        let keys: Vec<_> =
            role.keys.iter().map(|(id, kind)| json!({ "id": id.as_str(), "kind": kind })).collect();
        json!({
            "name": role.name, "threshold": role.threshold, "keys": keys, "version": role.version,
            "until": role.until,
        })
    };
    let targets = shown.targets.iter();
    let targets: Vec<_> = targets
        .map(|target| json!({ "path": target.path, "bytes": target.bytes, "terms": target.terms }))
        .collect();
    json!({
        "pin": format!("sha256:{}", shown.pin.hex()), "roles": shown.roles.iter().map(role).collect::<Vec<_>>(),
        "targets": targets, "delegated": shown.delegated, "pending": shown.changes, "digest": shown.stake,
    })
}
