//! `enable --as-before`.

use super::super::context::{Context, Ended};
use super::enable_told;
use serde_json::json;
use skill_trust::model::code::{Code, Exit, Stop};
use skill_trust::model::text;
use skill_trust::ops::as_before::{self, AsBefore, Item};
use skill_trust::ops::place::Now;

/// Runs `enable --as-before`.
pub(crate) fn run(context: &mut Context, agents: &[String], record: Option<u64>, dry_run: bool) -> Ended {
    let plan = as_before::plan(&context.world, record, agents)?;
    let shown = describe(&plan);
    let nothing = plan.open().next().is_none();
    if dry_run || nothing {
        context.say(&shown)?;
        let name = if dry_run { "as-before-plan/1" } else { "as-before/1" };
        context.json(name, document(&plan, &[], &[]))?;
        return Ok(if dry_run { Exit::Done } else { rest(&plan) });
    }
    if record.is_some() {
        context.say(&shown)?;
    }
    let mut person = context.person();
    if let Err(stop) = as_before::consent(&context.world, &plan, &shown, record, person.as_mut()) {
        if stop.code == Code::PersonNeeded {
            context.say(&shown)?;
        }
        return Err(stop);
    }
    place(context, &plan)
}

/// One enable for each, so that each is decided and recorded by itself.
fn place(context: &mut Context, plan: &AsBefore) -> Ended {
    let (mut placed, mut failed) = (Vec::new(), Vec::new());
    for Item { revision, spot, .. } in plan.open() {
        match enable_told::again(context, revision, spot)? {
            Ok(path) => {
                placed.push(json!({ "name": revision.name, "digest": revision.digest, "path": path }))
            }
            Err(stop) => failed.push(stop),
        }
    }
    let left = plan.items.iter().filter(|item| item.verdict.is_err()).count();
    if left > 0 {
        context.say(&format!("{left} not placed, for the reasons above"))?;
    }
    context.json("as-before/1", document(plan, &placed, &failed))?;
    Ok(failed.first().map_or_else(|| rest(plan), |stop| stop.code.exit()))
}

/// What is there already is no failure; what may not be placed is one for a
/// script too.
fn rest(plan: &AsBefore) -> Exit {
    let refused = plan.items.iter().any(|item| item.verdict.is_err() && item.spot.now != Now::Same);
    if refused { Exit::Refused } else { Exit::Done }
}

fn describe(plan: &AsBefore) -> String {
    let mut lines =
        vec![format!("Taken away by {}; lifted {} (record {})", plan.kill, plan.time, plan.record)];
    let width = plan.items.iter().map(|item| item.revision.to_string().len()).max().unwrap_or(0);
    for item in plan.open() {
        lines.push(format!(
            "  place  {:<width$}  {}",
            item.revision.to_string(),
            text::escape(&item.spot.path)
        ));
    }
    let mut first = true;
    for item in &plan.items {
        let Err(stop) = &item.verdict else { continue };
        if std::mem::take(&mut first) {
            lines.push("Not placed:".to_owned());
        }
        lines.push(format!("  {:<width$}  {}", item.revision.to_string(), text::escape(&item.spot.path)));
        lines.push(format!("    [{}] {}", stop.code, stop.what));
        if !stop.next.is_empty() {
            lines.push(format!("    next: {}", stop.next));
        }
    }
    if plan.items.is_empty() {
        lines.push("  nothing: no copy was in place".to_owned());
        if let Some(earlier) = plan.earlier {
            lines.push(format!("  the release before it:  skills enable --as-before --record {earlier}"));
        }
    }
    lines.join("\n")
}

fn document(plan: &AsBefore, placed: &[serde_json::Value], failed: &[Stop]) -> serde_json::Value {
    let item = |item: &Item| {
        let (code, why, next) = match &item.verdict {
            Ok(()) => (None, None, None),
            Err(stop) => (Some(stop.code), Some(&stop.what), Some(&stop.next)),
        };
        json!({
            "name": item.revision.name, "digest": item.revision.digest, "path": item.spot.path,
            "place": item.verdict.is_ok(), "code": code, "why": why, "next": next,
        })
    };
    let items: Vec<_> = plan.items.iter().map(item).collect();
    let failed: Vec<_> = failed.iter().map(|stop| json!({ "code": stop.code, "error": stop.what })).collect();
    json!({
        "record": plan.record, "kill": plan.kill, "items": items, "placed": placed, "failed": failed,
        "command": plan.command(),
    })
}
