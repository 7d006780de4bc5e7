//! The JSON document: `schema/scan.json` says what each part is.

use super::{Looked, View, counts};
use serde_json::{Value, json};
use skill_trust::model::finding::Tier;
use skill_trust::model::limits::Fault;
use skill_trust::ops::scan::{Excepted, Scanned, Told, Unused, is_unread};

/// All of it.
pub(super) fn document(all: &[Looked], view: View) -> Value {
    let reached = |tier: Tier| view.fail_on.is_some_and(|least| tier >= least);
    let counted: serde_json::Map<_, _> =
        counts(all).iter().map(|(tier, count)| (tier.name().to_lowercase(), json!(count))).collect();
    json!({
        "fail_on": view.fail_on,
        "reached": all.iter().flat_map(|looked| looked.scan.tiers()).any(reached),
        "complete": all.iter().all(|looked| looked.scan.is_complete()),
        "shown_from": view.min,
        "tiers": counted,
        "looked_at": all.iter().map(|looked| one(looked, view)).collect::<Vec<_>>(),
    })
}

fn one(looked: &Looked, view: View) -> Value {
    let scan = &looked.scan;
    let elsewhere: Vec<_> = scan
        .elsewhere
        .iter()
        .filter(|other| other.tier >= view.min)
        .map(|other| {
            json!({ "rule": other.rule, "tier": other.tier, "path": other.path, "message": other.message })
        })
        .collect();
    let imported: Vec<_> = scan
        .imported
        .iter()
        .map(|one| {
            json!({
                "file": one.file, "tools": one.tools, "results": one.results, "left_off": one.left_off,
                "failed_runs": one.failed,
            })
        })
        .collect();
    json!({
        "named": looked.named, "folder": looked.is_folder,
        "skills": scan.skills.iter().map(|skill| self::skill(skill, view)).collect::<Vec<_>>(),
        "faults": scan.faults.iter().map(fault).collect::<Vec<_>>(), "links": scan.links, "imported": imported, "elsewhere": elsewhere,
        "policy_problem": scan.problem.as_ref().map(|stop| &stop.what),
    })
}

fn skill(skill: &Scanned, view: View) -> Value {
    let told = skill.told.iter().filter(|told| told.finding.tier >= view.min);
    json!({
        "path": skill.path, "name": skill.name, "digest": skill.digest, "files": skill.files,
        "bytes": skill.bytes, "faults": skill.faults.iter().map(fault).collect::<Vec<_>>(), "card": skill.card,
        "findings": told.map(finding).collect::<Vec<_>>(),
        "excepted": skill.excepted.iter().map(excepted).collect::<Vec<_>>(),
        "unused_exceptions": skill.unused.iter().map(unused).collect::<Vec<_>>(),
    })
}

/// What the policy excepts: the finding, by whom it does not count, and why.
fn excepted(one: &Excepted) -> Value {
    let finding = &one.finding;
    json!({
        "rule": finding.rule, "tier": finding.tier, "path": finding.path, "line": finding.place.line,
        "message": finding.message, "file": one.file, "why": one.why, "until": one.until,
    })
}

fn unused(one: &Unused) -> Value {
    json!({ "rule": one.except.rule, "file": one.except.file, "reason": one.why })
}

fn fault(fault: &Fault) -> Value {
    json!({
        "code": fault.rule.code(), "path": fault.path, "reason": fault.rule.to_string(),
        "unread": is_unread(fault),
    })
}

fn finding(told: &Told) -> Value {
    let finding = &told.finding;
    let lines: Vec<_> = told.excerpt.iter().flat_map(|excerpt| &excerpt.lines).collect();
    let lines: Vec<_> = lines
        .iter()
        .map(|line| {
            json!({
                "line": line.number, "text": line.text, "marked": [line.marked.start, line.marked.end],
                "cut": [line.cut.0, line.cut.1],
            })
        })
        .collect();
    json!({
        "rule": finding.rule, "tier": finding.tier, "context": finding.context, "path": finding.path,
        "region": told.region, "message": finding.message, "reads_as": finding.reads_as,
        "lines": lines, "print": told.print, "foreign": told.is_foreign,
        "by": told.own.as_ref().map(|(own, file)| json!({ "rule": own, "file": file })),
    })
}
