//! What the rules found, for people and for programs: the same words wherever
//! somebody decides. Nothing of a skill reaches a terminal unescaped.

use super::super::render::{self, Tone, paint};
use serde_json::{Value, json};
use skill_trust::model::finding::{Context, Finding, Tier};
use skill_trust::model::skill::Revision;
use skill_trust::model::text;
use skill_trust::ops::judged::{Excepted, Told, Weighed};

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
fn one((weighed, known): (&Weighed, bool)) -> Vec<String> {
    let finding = &weighed.finding;
    let pad = " ".repeat(8_usize.saturating_sub(finding.tier.name().len()));
    let mut lines = vec![format!("  {}{pad} {}", painted(finding.tier), place(finding))];
    if known {
        // Not that somebody read it there: the policy of then may have made it less.
        lines.push("           also in the revision trusted last".to_owned());
    }
    lines.push(format!("           {}", text::escape_short(&finding.message, 300)));
    if let Some(reads_as) = &finding.reads_as {
        lines.push(format!("           reads as: {}", text::escape_short(reads_as, 160)));
    }
    if let Some(says) = weight(weighed) {
        lines.push(format!("           {}", paint(Tone::Careful, &says)));
    }
    lines
}

/// Who makes it weigh something else than the rule does, in words.
fn weight(weighed: &Weighed) -> Option<String> {
    let (file, own, tier) = (weighed.by.as_ref()?, weighed.own.name(), weighed.finding.tier.name());
    let less = weighed.lowered.as_ref().filter(|lowered| *lowered != file);
    let less = less.map_or(String::new(), |lowered| format!("; {lowered} says less"));
    Some(format!("the rule says {own}{less}; {file} says {tier}"))
}

/// Whether a question has to show it: what counts as CONFIRM or more, and what
/// would, if a file did not make it less.
fn is_asked(weighed: &Weighed) -> bool {
    weighed.weight() >= Tier::Confirm
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
        lines.push(format!("           {}{until}, by {}: {}", full(one), one.file, one.why));
    }
    if all.len() > most {
        lines.push(format!("  and {} more excepted", all.len() - most));
    }
    lines
}

/// What an excepted one would count as, and what the rule says if that is another.
fn full(excepted: &Excepted) -> String {
    let (tier, own) = (excepted.finding.tier, excepted.own);
    if tier == own {
        return own.name().to_owned();
    }
    format!("{}, the rule says {}", tier.name(), painted(own))
}

/// Of a member of a set: its counts, and each rule that the policy makes less or
/// excepts, once. All else that a person must read is not decided in a set.
///
/// Attack: two commands that block ride in among thirty, for the policy made
/// them notes, and whoever types the answer is told of none.
pub(super) fn in_set(told: &Told, revision: &Revision) -> Vec<String> {
    let asked = told.judgement.findings.iter().filter(|weighed| is_asked(weighed));
    let mut rules: Vec<_> =
        asked
            .filter_map(|weighed| Some(format!("{}: {}", weighed.finding.rule, weight(weighed)?)))
            .chain(told.judgement.excepted.iter().map(|one| {
                format!("{}: {}, excepted by {}: {}", one.finding.rule, full(one), one.file, one.why)
            }))
            .collect();
    rules.sort();
    rules.dedup();
    let see = render::commands(&format!("see: skills review {revision}"));
    let mut lines = vec![format!("found    {revision}: {}; {see}", counts(told))];
    lines.extend(rules.iter().map(|rule| format!("           {}", paint(Tone::Careful, rule))));
    lines
}

/// The policy that could not be gone by.
fn problem(told: &Told) -> Option<String> {
    let stop = told.problem.as_ref()?;
    let what = paint(Tone::Bad, &format!("not weighed by the policy: {}", stop.what));
    Some(format!("         {what}"))
}

/// Before a question: at most five, what blocks and what is new first; the rest is counted.
pub(super) fn question(told: &Told, revision: &Revision) -> Vec<String> {
    let mut lines = vec![format!("found    {}", counts(told))];
    lines.extend(problem(told));
    let asked: Vec<_> = told.to_read().into_iter().filter(|(weighed, _)| is_asked(weighed)).collect();
    lines.extend(asked.iter().take(ASKED).flat_map(|shown| one(*shown)));
    if asked.len() > ASKED {
        let more = format!("  and {} more: skills review {revision}", asked.len() - ASKED);
        lines.push(render::commands(&more));
    }
    lines.extend(as_before(told));
    lines.extend(excepted(told, ASKED));
    lines
}

/// The light ones that an update keeps.
fn as_before(told: &Told) -> Option<String> {
    let count = told.as_before();
    (count > 0).then(|| format!("  {count} of WARN and NOTE as in the revision trusted last"))
}

/// At the head of a review: everything heavy, the light ones by their rules.
pub(super) fn head(told: &Told) -> Vec<String> {
    let mut lines = vec![format!("found    {}", counts(told))];
    lines.extend(problem(told));
    let to_read = told.to_read();
    for tier in Tier::ALL {
        let of = to_read.iter().copied().filter(|(weighed, _)| weighed.finding.tier == *tier);
        let (full, folded): (Vec<_>, Vec<_>) = of.partition(|(weighed, _)| is_asked(weighed));
        lines.extend(full.iter().take(SHOWN).flat_map(|shown| one(*shown)));
        if full.len() > SHOWN {
            // Of an update only the files that changed are below.
            let old = full.iter().skip(SHOWN).any(|(_, known)| *known);
            let place = if old { "in the files, all of them with --full" } else { "in the files below" };
            lines.push(format!("  and {} more of {}, {place}", full.len() - SHOWN, tier.name()));
        }
        if !folded.is_empty() {
            lines.push(fold(*tier, &folded.iter().map(|(weighed, _)| &weighed.finding).collect::<Vec<_>>()));
        }
    }
    lines.extend(as_before(told));
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

/// One line: the counts, and the heaviest in words. What the policy would have
/// made heavier is missing where it could not be gone by.
pub(super) fn line(told: &Told) -> String {
    let unweighed = paint(Tone::Bad, "not weighed by the policy");
    let problem = told.problem.as_ref().map_or(String::new(), |_| format!("; {unweighed}"));
    let Some(first) = told.judgement.findings.first() else { return counts(told) + &problem };
    let says = text::escape_short(&first.finding.message, 120);
    format!("{}; {}: {says}{problem}", counts(told), place(&first.finding))
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
        // What a person has to read is nothing to leave out as being known.
        let as_before = *known && !is_asked(one);
        let more =
            json!({ "own_tier": one.own, "by": one.by, "lowered_by": one.lowered, "as_before": as_before });
        with(of(&one.finding), more)
    });
    let excepted = told.judgement.excepted.iter().map(|one| {
        let more = json!({ "own_tier": one.own, "why": one.why, "until": one.until, "file": one.file });
        with(of(&one.finding), more)
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
