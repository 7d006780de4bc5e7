//! For people: what was looked at, then what was found, the heaviest first, each
//! with the lines it stands in; last, what that comes to.

use super::super::super::context::Context;
use super::super::super::render::{self, Tone, paint};
use super::{Looked, View, counts, excerpt};
use skill_trust::model::code::Stop;
use skill_trust::model::finding::Tier;
use skill_trust::model::text;
use skill_trust::ops::explain;
use skill_trust::ops::scan::{Imported, Scan, Scanned, Told, is_unread};
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// Skills without anything to show that are listed all the same.
const CLEAN_LISTED: usize = 20;

/// Shows all of it.
pub(super) fn show(context: &mut Context, all: &[Looked], view: View) -> Result<(), Stop> {
    let mut told = BTreeSet::new();
    for looked in all {
        let order = order(&looked.scan);
        match looked.scan.skills.as_slice() {
            [only] => head(context, looked, only)?,
            _ => list(context, looked, &order, view)?,
        }
        for skill in &order {
            let several = looked.scan.skills.len() > 1;
            one(context, looked, skill, several, view, &mut told)?;
        }
        around(context, looked, view)?;
    }
    for line in summary(all, view) {
        say(context, &line)?;
    }
    Ok(())
}

/// A line, in which nothing is a command of a runner: see `excerpt`.
fn say(context: &mut Context, line: &str) -> Result<(), Stop> {
    context.say(&line.replace("##[", "##\\u{5b}"))
}

/// The tone of a tier; its word stands beside it.
fn tone(tier: Tier) -> Tone {
    match tier {
        Tier::Block => Tone::Bad,
        Tier::Confirm => Tone::Careful,
        Tier::Warn => Tone::Strong,
        Tier::Note => Tone::Faint,
    }
}

/// The skills, riskiest first.
fn order(scan: &Scan) -> Vec<&Scanned> {
    let mut all: Vec<_> = scan.skills.iter().collect();
    all.sort_by_key(|skill| {
        let counts = Tier::ALL.iter().map(|tier| skill.count(*tier)).collect::<Vec<_>>();
        (Reverse(counts), Reverse(skill.faults.len()), &skill.folder)
    });
    all
}

fn head(context: &mut Context, looked: &Looked, skill: &Scanned) -> Result<(), Stop> {
    say(context, &format!("skill    {}", text::escape(&skill.name)))?;
    if looked.is_folder {
        say(context, &format!("folder   {}", looked.shown(&skill.folder, "")))?;
    }
    say(context, &format!("digest   {}", paint(Tone::Copy, &skill.digest.to_string())))?;
    let files = render::count(skill.files, "file");
    say(context, &format!("read     {files}, {}", render::human_size(skill.bytes)))
}

/// Many skills: one line each.
fn list(context: &mut Context, looked: &Looked, order: &[&Scanned], view: View) -> Result<(), Stop> {
    let is_shown = |skill: &Scanned| skill.worst() >= Some(view.min) || !skill.faults.is_empty();
    let (loud, quiet): (Vec<_>, Vec<_>) = order.iter().copied().partition(|skill| is_shown(skill));
    let listed =
        if view.verbose { quiet.len() } else { quiet.len().min(CLEAN_LISTED.saturating_sub(loud.len())) };
    let row = |skill: &&Scanned| {
        let mut row: Vec<_> = Tier::ALL.iter().map(|tier| number(skill.count(*tier))).collect();
        row.push(number(skill.unread().count()));
        row.extend([looked.shown(&skill.folder, ""), skill.digest.short()]);
        row
    };
    let rows: Vec<_> = loud.iter().chain(&quiet[..listed]).map(row).collect();
    let header = ["BLOCK", "CONFIRM", "WARN", "NOTE", "UNREAD", "SKILL", "DIGEST"];
    if !rows.is_empty() {
        say(context, &render::table(&header, &rows, u16::try_from(view.columns).unwrap_or(u16::MAX)))?;
    }
    match quiet.len() - listed {
        0 => Ok(()),
        more => {
            let skills = render::count(more, "more skill");
            say(context, &format!("and {skills} with nothing at {} or above; -v lists them", view.min.name()))
        }
    }
}

/// A number in a table, in which most are none.
fn number(count: usize) -> String {
    if count == 0 { "-".to_owned() } else { count.to_string() }
}

/// What was found in a skill.
fn one(
    context: &mut Context,
    looked: &Looked,
    skill: &Scanned,
    several: bool,
    view: View,
    told: &mut BTreeSet<String>,
) -> Result<(), Stop> {
    let shown: Vec<_> = skill.told.iter().filter(|told| told.finding.tier >= view.min).collect();
    let by_policy = !skill.excepted.is_empty() || !skill.unused.is_empty();
    let said = !shown.is_empty() || !skill.faults.is_empty() || !skill.card.is_empty() || by_policy;
    if several && said {
        let title = paint(Tone::Strong, &format!("== {}", looked.shown(&skill.folder, "")));
        say(context, &format!("\n{title}  {}", skill.name))?;
        say(context, &format!("   {}", paint(Tone::Copy, &skill.digest.to_string())))?;
    }
    for fault in &skill.faults {
        let (tone, word) = if is_unread(fault) { (Tone::Bad, "unread ") } else { (Tone::Careful, "refused") };
        say(context, &format!("{}  {}", paint(tone, word), text::escape(&fault.to_string())))?;
    }
    for fault in &skill.card {
        say(context, &format!("{}  {fault}", paint(Tone::Careful, "card   ")))?;
    }
    for one in shown {
        finding(context, looked, skill, one, view, told)?;
    }
    self::by_policy(context, looked, skill)
}

/// What the policy excepts for exactly these bytes, and what it does so in vain.
fn by_policy(context: &mut Context, looked: &Looked, skill: &Scanned) -> Result<(), Stop> {
    for one in &skill.excepted {
        let finding = &one.finding;
        let head = paint(Tone::Faint, &format!("excepted  {} {}", finding.tier.name(), finding.rule));
        let until = one.until.map_or(String::new(), |until| format!(", until {until}"));
        let place = format!("{}:{}", looked.shown(&skill.folder, &finding.path), finding.place.line);
        say(context, &format!("\n{head}  {place}"))?;
        say(context, &format!("    by        {}{until}: {}", one.file, one.why))?;
    }
    for one in &skill.unused {
        let head = paint(Tone::Careful, &format!("unused    the exception from {}", one.except.rule));
        say(context, &format!("\n{head}  in {}: {}", one.except.file, one.why))?;
    }
    Ok(())
}

fn finding(
    context: &mut Context,
    looked: &Looked,
    skill: &Scanned,
    one: &Told,
    view: View,
    told: &mut BTreeSet<String>,
) -> Result<(), Stop> {
    let finding = &one.finding;
    let tone = tone(finding.tier);
    let head = paint(tone, &format!("{}  {}", finding.tier.name(), finding.rule));
    say(context, &format!("\n{head}  {}", text::escape(&finding.message)))?;
    let path = looked.shown(&skill.folder, &finding.path);
    let place = match &one.region {
        Some(region) => format!("{path}:{}:{}", region.line, region.column),
        None => format!("{path}  (the file as a whole)"),
    };
    say(context, &format!("    --> {place}"))?;
    if let Some(excerpt) = &one.excerpt {
        say(context, &excerpt::rows(excerpt, view.columns, tone).join("\n"))?;
    }
    if let Some((own, by)) = &one.own {
        say(
            context,
            &format!("    weight    {} by {by}; {} by the rule itself", finding.tier.name(), own.name()),
        )?;
    }
    if let Some(reads_as) = &finding.reads_as {
        say(context, &format!("    reads as  {}", text::escape_short(reads_as, 400)))?;
    }
    // What a rule means is said once.
    if !told.insert(finding.rule.clone()) {
        return Ok(());
    }
    match explain::rule(&finding.rule) {
        Some(about) => {
            say(context, &format!("    why       {}", about.why))?;
            let command = paint(Tone::Copy, &format!("skills explain {}", about.id));
            say(context, &format!("    more      {command}"))
        }
        None => say(context, "    why       another scanner says so; nothing of it was checked here"),
    }
}

/// What stands in no skill: places that were not searched, and results of others.
fn around(context: &mut Context, looked: &Looked, view: View) -> Result<(), Stop> {
    if let Some(stop) = &looked.scan.problem {
        let head = paint(Tone::Bad, "policy  ");
        say(context, &format!("{head}  not gone by, every rule weighs what it says itself: {}", stop.what))?;
        if !stop.next.is_empty() {
            say(context, &format!("next      {}", render::commands(&stop.next)))?;
        }
    }
    for fault in &looked.scan.faults {
        let fault = text::escape(&fault.to_string());
        say(context, &format!("{}  {fault}", paint(Tone::Bad, "not searched")))?;
    }
    for other in looked.scan.elsewhere.iter().filter(|other| other.tier >= view.min) {
        let head = paint(tone(other.tier), &format!("{}  {}", other.tier.name(), other.rule));
        say(context, &format!("\n{head}  {}", text::escape(&other.message)))?;
        let place = match &other.path {
            Some(path) => format!("`{path}` is no file that was looked at"),
            None => "names no file".to_owned(),
        };
        say(context, &format!("    --> {place}"))?;
    }
    for imported in &looked.scan.imported {
        say(context, &self::imported(imported))?;
    }
    Ok(())
}

/// What was taken from another scanner's file.
fn imported(imported: &Imported) -> String {
    let tools = if imported.tools.is_empty() { "no tool".to_owned() } else { imported.tools.join(", ") };
    let mut line = format!(
        "\ntaken in {}, by {tools}, from {}",
        render::count(imported.results, "result"),
        imported.file
    );
    if imported.left_off > 0 {
        line.push_str(&format!("; {} more were too many", imported.left_off));
    }
    if imported.failed > 0 {
        line.push_str("; it says itself that it did not finish");
    }
    line
}

/// What it comes to.
pub(super) fn summary(all: &[Looked], view: View) -> Vec<String> {
    let counts = counts(all);
    let part = |shown: bool| {
        let of = counts.iter().filter(|(tier, count)| *count > 0 && (*tier >= view.min) == shown);
        of.map(|(tier, count)| format!("{count} {}", tier.name())).collect::<Vec<_>>().join(", ")
    };
    let skills = || all.iter().flat_map(|looked| &looked.scan.skills);
    let files = skills().map(|skill| skill.files).sum();
    let looked = format!("{}, {}", render::count(skills().count(), "skill"), render::count(files, "file"));
    let more = if view.min_given { "a lower --min" } else { "-v" };
    let found = match (part(true), part(false)) {
        (shown, folded) if shown.is_empty() && folded.is_empty() => "nothing was found".to_owned(),
        (shown, folded) if folded.is_empty() => shown,
        (shown, folded) if shown.is_empty() => {
            format!("nothing at {} or above; below it {folded} ({more} shows them)", view.min.name())
        }
        (shown, folded) => format!("{shown}; below that {folded} ({more} shows them)"),
    };
    let reached = |tier: &Tier| view.fail_on.is_some_and(|least| *tier >= least);
    let failed = counts.iter().any(|(tier, count)| *count > 0 && reached(tier));
    let word = if failed { paint(Tone::Bad, "found") } else { paint(Tone::Strong, "looked at") };
    let mut out = vec![String::new(), format!("{word}  {looked}: {found}")];
    let links: usize = all.iter().map(|looked| looked.scan.links).sum();
    if links > 0 {
        let are = if links == 1 { "link outside of skills was" } else { "links outside of skills were" };
        out.push(format!("links      {links} {are} not followed"));
    }
    let unread: usize = skills().map(|skill| skill.unread().count()).sum();
    let places: usize = all.iter().map(|looked| looked.scan.faults.len()).sum();
    if unread + places > 0 {
        let head = paint(Tone::Bad, "not whole");
        let places = render::count(unread + places, "place");
        out.push(format!("{head}  {places} could not be looked at, and nothing is known of what is there"));
    }
    if all.iter().any(|looked| looked.scan.problem.is_some()) {
        let head = paint(Tone::Bad, "not whole");
        out.push(format!(
            "{head}  the policy could not be gone by, so this is not what it says of these skills"
        ));
    }
    if all.iter().any(|looked| !looked.scan.imported.iter().all(Imported::is_whole)) {
        let head = paint(Tone::Bad, "not whole");
        out.push(format!("{head}  another scanner did not finish, or found too much"));
    }
    out
}
