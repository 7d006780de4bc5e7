//! What the rules found, for people and for programs: the same words wherever
//! somebody decides. Nothing of a skill reaches a terminal unescaped.

use super::super::render::{self, Tone, paint};
use serde_json::{Value, json};
use skill_trust::model::finding::{Context, Finding, Tier};
use skill_trust::model::skill::Revision;
use skill_trust::model::text;
use skill_trust::ops::judged::{Told, Weighed};

/// Most findings that a question shows.
const ASKED: usize = 5;

/// Most findings of one tier that a review shows at its head.
const SHOWN: usize = 20;

/// How many of each tier, in words.
pub(super) fn counts(told: &Told) -> String {
    let counts = told.judgement.counts();
    let excepted = told.judgement.excepted.len();
    let mut parts: Vec<_> =
        counts.iter().map(|(tier, count)| format!("{count} {}", painted(*tier))).collect();
    if excepted > 0 {
        parts.push(format!("{excepted} excepted"));
    }
    if parts.is_empty() { "nothing that the rules look for".to_owned() } else { parts.join(", ") }
}

fn painted(tier: Tier) -> String {
    match tier {
        Tier::Block => paint(Tone::Bad, tier.name()),
        Tier::Confirm => paint(Tone::Careful, tier.name()),
        Tier::Warn | Tier::Note => tier.name().to_owned(),
    }
}

/// Rule and place.
fn place(finding: &Finding) -> String {
    let path = text::escape_short(&finding.path, 120);
    match finding.context {
        Context::File => format!("{}  {path}", finding.rule),
        _ => format!("{}  {path}:{}", finding.rule, finding.place.line),
    }
}

/// One finding: what it weighs, where it is and what it says.
fn one(weighed: &Weighed) -> Vec<String> {
    let finding = &weighed.finding;
    let pad = " ".repeat(8_usize.saturating_sub(finding.tier.name().len()));
    let mut lines = vec![format!("  {}{pad} {}", painted(finding.tier), place(finding))];
    lines.push(format!("           {}", text::escape_short(&finding.message, 300)));
    if let Some(reads_as) = &finding.reads_as {
        lines.push(format!("           reads as: {}", text::escape_short(reads_as, 160)));
    }
    if let Some(file) = &weighed.by {
        let own = weighed.own.name();
        lines.push(format!(
            "           {}",
            paint(Tone::Careful, &format!("the rule says {own}; {file} says {}", finding.tier.name()))
        ));
    }
    lines
}

/// Whether a question has to show it: what counts as CONFIRM or more, and what
/// would, if a file did not make it less.
fn is_asked(weighed: &Weighed) -> bool {
    weighed.finding.tier.max(weighed.own) >= Tier::Confirm
}

/// Whether there is anything that has to be said even where nobody is asked.
pub(super) fn is_said(told: &Told) -> bool {
    told.judgement.findings.iter().any(is_asked) || !told.judgement.excepted.is_empty()
}

/// What does not count, each with the reason.
fn excepted(told: &Told, most: usize) -> Vec<String> {
    let all = &told.judgement.excepted;
    let mut lines = Vec::new();
    for one in all.iter().take(most) {
        let until = one.until.map_or(String::new(), |until| format!(" until {until}"));
        lines.push(format!("  excepted {}", place(&one.finding)));
        lines.push(format!("           {}{until}, by {}: {}", one.finding.tier.name(), one.file, one.why));
    }
    if all.len() > most {
        lines.push(format!("  and {} more excepted", all.len() - most));
    }
    lines
}

/// The policy that could not be gone by.
fn problem(told: &Told) -> Option<String> {
    let stop = told.problem.as_ref()?;
    let what = paint(Tone::Bad, &format!("not weighed by the policy: {}", stop.what));
    Some(format!("         {what}"))
}

/// Before a question: at most five, what is new first said; the rest is counted.
pub(super) fn question(told: &Told, revision: &Revision) -> Vec<String> {
    let mut lines = vec![format!("found    {}", counts(told))];
    lines.extend(problem(told));
    let fresh: Vec<_> = told.fresh().filter(|weighed| is_asked(weighed)).collect();
    lines.extend(fresh.iter().take(ASKED).flat_map(|weighed| one(weighed)));
    if fresh.len() > ASKED {
        let more = format!("  and {} more: skills review {revision}", fresh.len() - ASKED);
        lines.push(render::commands(&more));
    }
    if told.as_before() > 0 {
        lines.push(format!("  {} as in the revision trusted last", told.as_before()));
    }
    lines.extend(excepted(told, ASKED));
    lines
}

/// At the head of a review: everything heavy, the light ones by their rules.
pub(super) fn head(told: &Told) -> Vec<String> {
    let mut lines = vec![format!("found    {}", counts(told))];
    lines.extend(problem(told));
    let fresh: Vec<_> = told.fresh().collect();
    for tier in Tier::ALL {
        let of = fresh.iter().copied().filter(|weighed| weighed.finding.tier == *tier);
        let (full, folded): (Vec<&Weighed>, Vec<&Weighed>) = of.partition(|weighed| is_asked(weighed));
        lines.extend(full.iter().take(SHOWN).flat_map(|weighed| one(weighed)));
        if full.len() > SHOWN {
            lines.push(format!("  and {} more of {}, in the files below", full.len() - SHOWN, tier.name()));
        }
        if !folded.is_empty() {
            lines.push(fold(*tier, &folded.iter().map(|weighed| &weighed.finding).collect::<Vec<_>>()));
        }
    }
    if told.as_before() > 0 {
        lines.push(format!("  {} as in the revision trusted last", told.as_before()));
    }
    lines.extend(excepted(told, SHOWN));
    for unused in &told.judgement.unused {
        let line =
            format!("  the exception from {} in {}: {}", unused.except.rule, unused.except.file, unused.why);
        lines.push(paint(Tone::Careful, &line));
    }
    lines
}

/// Light ones: each rule with its first place.
fn fold(tier: Tier, all: &[&Finding]) -> String {
    let mut rules: Vec<(&str, &Finding, usize)> = Vec::new();
    for finding in all {
        match rules.iter_mut().find(|(rule, ..)| *rule == finding.rule) {
            Some((.., count)) => *count += 1,
            None => rules.push((&finding.rule, finding, 1)),
        }
    }
    let each = rules.iter().map(|(_, first, count)| {
        let more = if *count > 1 { format!(" and {} more", count - 1) } else { String::new() };
        format!("{}{more}", place(first))
    });
    let pad = " ".repeat(8_usize.saturating_sub(tier.name().len()));
    format!("  {}{pad} {}", tier.name(), each.collect::<Vec<_>>().join("; "))
}

/// One line: the counts, and the heaviest in words.
pub(super) fn line(told: &Told) -> String {
    let Some(first) = told.judgement.findings.first() else { return counts(told) };
    let says = text::escape_short(&first.finding.message, 120);
    format!("{}; {}: {says}", counts(told), place(&first.finding))
}

/// For programs.
pub(super) fn document(told: &Told) -> Value {
    let of = |finding: &Finding| {
        json!({
            "rule": finding.rule, "tier": finding.tier, "context": finding.context, "path": finding.path,
            "place": finding.place, "message": finding.message, "reads_as": finding.reads_as,
        })
    };
    let with = |mut document: Value, more: Value| {
        if let (Some(to), Value::Object(from)) = (document.as_object_mut(), more) {
            to.extend(from);
        }
        document
    };
    let findings = told.judgement.findings.iter().zip(&told.known).map(|(one, known)| {
        with(of(&one.finding), json!({ "own_tier": one.own, "by": one.by, "as_before": known }))
    });
    let excepted =
        told.judgement.excepted.iter().map(|one| {
            with(of(&one.finding), json!({ "why": one.why, "until": one.until, "file": one.file }))
        });
    let unused = told.judgement.unused.iter().map(|one| {
        json!({ "rule": one.except.rule, "digest": one.except.digest, "file": one.except.file, "why": one.why })
    });
    let counts: serde_json::Map<_, _> = told
        .judgement
        .counts()
        .iter()
        .map(|(tier, count)| (tier.name().to_owned(), (*count).into()))
        .collect();
    json!({
        "counts": counts, "findings": findings.collect::<Vec<_>>(), "excepted": excepted.collect::<Vec<_>>(),
        "unused_exceptions": unused.collect::<Vec<_>>(), "problem": told.problem.as_ref().map(|stop| &stop.what),
    })
}
