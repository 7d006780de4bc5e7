//! `status`: the list, and the evidence about one skill.

use super::super::complete;
use super::super::context::{Context, Ended};
use super::super::render::{self, Tone, paint};
use super::enable::place_hint;
use super::unmanaged;
use serde_json::{Value, json};
use skill_trust::model::code::{Code, Exit, Stop};
use skill_trust::model::followed::Standing;
use skill_trust::model::lifecycle::{Lifecycle, Pin, State};
use skill_trust::model::text;
use skill_trust::model::time::Timestamp;
use skill_trust::ops::judged::{self, Told};
use skill_trust::ops::revoked::Covered;
use skill_trust::ops::status::{self, Skill, Status, StatusRequest};
use skill_trust::ops::trust;
use std::path::Path;

/// Show every skill, where it stands and who can load it
#[derive(Debug, Default, clap::Args)]
#[command(
    after_help = "Every copy is hashed for this; nothing is changed and nothing is made. What it finds wrong is \
    acted upon by `skills verify`. Exit code 0 unless the home itself is damaged.\n\n\
    Examples:\n  skills status\n  skills status pdf-forms -v\n  skills status pdf-forms --history\n\nSee also: skills verify, skills review"
)]
pub(crate) struct Args {
    /// NAME or NAME@DIGEST: the evidence about it
    #[arg(add = complete::any())]
    skill: Option<String>,
    /// Every record about it
    #[arg(long, requires = "skill")]
    history: bool,
}

/// Runs `status`.
pub(crate) fn run(context: &mut Context, args: Args) -> Ended {
    let request = StatusRequest { skill: args.skill, history: args.history };
    let found = status::status(&context.world, &request)?;
    brakes(context, &found)?;
    // Only of what was asked for: the list stays fast.
    let mut told = Vec::new();
    if request.skill.is_some() {
        told = found.skills.iter().map(|skill| judged::look(&context.world, &skill.row.revision)).collect();
        for (skill, told) in found.skills.iter().zip(&told) {
            evidence(context, skill, told, &found)?;
        }
        history(context, &found)?;
    } else {
        list(context, &found)?;
        roots(context, &found)?;
        unmanaged::show(context, &found.unmanaged)?;
        next(context, &found)?;
    }
    context.json("status/1", document(context, &found, &told))?;
    let Some(problem) = &found.problem else { return Ok(Exit::Done) };
    if !context.globals.json {
        context.out.stop(problem).map_err(|error| {
            Stop::new(Code::Io, error.to_string(), "look where the output goes, then run it again")
        })?;
    }
    Ok(problem.code.exit())
}

/// The kills in force, first and with the way out.
fn brakes(context: &mut Context, found: &Status) -> Result<(), Stop> {
    if let Some(why) = &found.stopped {
        let head = paint(Tone::Bad, "STOPPED");
        context.say(&format!("{head}  {}: nothing may be used", text::escape(why)))?;
        context.say(&render::commands("         lift it with: skills release --all\n"))?;
    }
    for hold in &found.holds {
        let head = paint(Tone::Bad, "HELD");
        let words = skill_trust::ops::stop::scope_words(&hold.scope);
        context.say(&format!("{head}  {} (record {})", hold.scope, hold.seq))?;
        context.say(&render::commands(&format!("      lift it with: skills release {words}")))?;
    }
    if found.holds.is_empty() { Ok(()) } else { context.say("") }
}

fn list(context: &mut Context, found: &Status) -> Result<(), Stop> {
    let now = context.now();
    let home = context.world.account_home.clone();
    let rows: Vec<_> = found
        .skills
        .iter()
        .map(|skill| {
            let row = &skill.row;
            vec![
                row.revision.name.to_string(),
                row.lifecycle.state().to_string(),
                row.revision.digest.short(),
                places(skill, home.as_deref()),
                notes(skill, found, now).join("; "),
            ]
        })
        .collect();
    let table = render::table(&["NAME", "STATE", "DIGEST", "WHERE", "NOTE"], &rows, context.out.width());
    if !table.is_empty() {
        context.say(&table)?;
    }
    for skill in &found.skills {
        for (what, next) in troubles(skill, found) {
            let head = paint(Tone::Careful, &skill.row.revision.to_string());
            let next = render::commands(&text::escape(&next));
            context.say(&format!("\n{head}: {}\n  next: {next}", text::escape(&what)))?;
        }
    }
    if !found.permits.is_empty() {
        context
            .say("The ledger cannot be read. Permits that lie in the home, all of them denied meanwhile:")?;
    }
    for permit in &found.permits {
        for place in &permit.placements {
            context.say(&format!("  {}  {}", permit.revision, text::escape(&place.path)))?;
        }
    }
    Ok(())
}

/// One line, and only where a trust root is not fresh.
fn roots(context: &mut Context, found: &Status) -> Result<(), Stop> {
    let word = |standing: &Standing| match standing {
        Standing::Fresh => "fresh",
        Standing::Stale { .. } => "stale",
        Standing::Expired { .. } => "expired",
    };
    let all: Vec<_> =
        found.roots.iter().map(|(name, standing)| format!("{name} is {}", word(standing))).collect();
    if all.is_empty() {
        return Ok(());
    }
    let head = paint(Tone::Careful, "trust roots");
    context.say(&render::commands(&format!("\n{head}: {}; next: skills roots refresh", all.join(", "))))
}

/// Agents, or folders where no agent was named.
fn places(skill: &Skill, home: Option<&Path>) -> String {
    let place = |place: &skill_trust::model::lifecycle::Placement| match &place.agent {
        Some(agent) => agent.clone(),
        None => {
            place.path.rsplit_once('/').map_or_else(String::new, |(folder, _)| unmanaged::short(home, folder))
        }
    };
    let all: Vec<_> = skill.row.lifecycle.placements().iter().map(place).collect();
    if all.is_empty() { "-".to_owned() } else { all.join(", ") }
}

/// What a person should know about a revision, the most important first.
fn notes(skill: &Skill, found: &Status, now: Timestamp) -> Vec<String> {
    let mut notes = Vec::new();
    let lifecycle = &skill.row.lifecycle;
    notes.extend(verdict(skill, found));
    // A record that says so is told already.
    let told = skill.last.as_ref().is_some_and(|record| record.event == "revoke");
    let revoked = skill.revoked.as_ref().filter(|_| !told);
    notes.extend(revoked.map(|one| if one.narrows { "revoked" } else { "yanked" }.to_owned()));
    if skill.differing().is_some() && skill.no.as_ref().is_some_and(|no| no.code != Code::Drift) {
        notes.push("its bytes are not the right ones".to_owned());
    }
    if let Some(pin) = lifecycle.pin() {
        if !pin.despite.is_empty() {
            notes.push(format!("OVERRIDE of BLOCK by {}", pin.despite.join(", ")));
        }
        notes.push(format!("trusted {} by {}", render::age(pin.at, now), text::escape(&pin.by.user)));
        notes.extend(pin.until.filter(|until| *until > now).map(|until| {
            let left = render::age(until, now);
            format!("trust ends {left}")
        }));
    }
    if skill.newer.is_some() {
        notes.push("a newer one waits".to_owned());
    }
    notes
}

fn verdict(skill: &Skill, found: &Status) -> Option<String> {
    let Some(no) = &skill.no else {
        return Some(
            match skill.row.lifecycle.state() {
                State::Enabled => "verified now",
                State::Trusted => "verified now, placed nowhere",
                State::Installed => "installed",
            }
            .to_owned(),
        );
    };
    if found.problem.is_some() {
        return skill.differing().is_none().then(|| "bytes as recorded, not usable".to_owned());
    }
    Some(match (&skill.row.lifecycle, no.code) {
        (Lifecycle::Installed { former: None }, Code::HeldAll | Code::Held) => "held, not trusted".to_owned(),
        (Lifecycle::Installed { former: Some(pin) }, Code::HeldAll | Code::Held) => {
            format!("held; {}", withdrawn(skill, pin))
        }
        (_, Code::HeldAll | Code::Held) => "held".to_owned(),
        (Lifecycle::Installed { former: None }, Code::NotTrusted) => "not trusted yet".to_owned(),
        (Lifecycle::Installed { former: Some(pin) }, Code::NotTrusted | Code::Revoked | Code::Violation) => {
            withdrawn(skill, pin)
        }
        (_, Code::Drift) => "drifted".to_owned(),
        (_, Code::Expired) => "trust ended".to_owned(),
        (_, Code::PolicyUnmet) => "the policy is not met".to_owned(),
        (_, Code::TooYoung) => "trusted, too young to be enabled".to_owned(),
        (_, code) => format!("not usable: {code}"),
    })
}

/// What a person should do something about, each with its command. Apart from
/// the table, which would break a command in two.
fn troubles(skill: &Skill, found: &Status) -> Vec<(String, String)> {
    let revision = &skill.row.revision;
    let mut all = Vec::new();
    let fine = [Code::NotTrusted, Code::Revoked, Code::Violation, Code::Held, Code::HeldAll];
    if found.problem.is_none() {
        let no = skill.no.as_ref().filter(|no| !fine.contains(&no.code));
        let differing =
            || skill.differing().map(|folder| format!("{} is not what it should be", folder.path));
        let what = no.map(|no| no.reason.clone()).or_else(differing);
        all.extend(what.map(|what| (what, format!("skills verify {revision}"))));
    }
    all.extend(skill.revoked.as_ref().map(|one| {
        let trusted = skill.row.lifecycle.pin().is_some();
        // Remembered, and not carried out: something broke off in between.
        let next = if trusted && one.narrows { "skills roots refresh".to_owned() } else { one.next.clone() };
        (one.why.clone(), next)
    }));
    if has_drifted(skill) && found.problem.is_none() {
        all.push(("it drifted".to_owned(), format!("skills repair {revision}")));
    }
    all.extend(skill.newer.as_ref().map(|newer| {
        let next = format!("skills review {newer}");
        (format!("newer revision waiting: {newer}"), next)
    }));
    all
}

/// Whether drift is what took its trust away.
fn has_drifted(skill: &Skill) -> bool {
    matches!(skill.row.lifecycle, Lifecycle::Installed { former: Some(_) })
        && skill.last.as_ref().is_some_and(|record| record.event == "drift")
}

/// Why it is no longer trusted, by the record that withdrew it.
fn withdrawn(skill: &Skill, pin: &Pin) -> String {
    let by = text::escape(&pin.by.user);
    let event = skill.last.as_ref().map_or("", |record| record.event.as_str());
    match event {
        "drift" => {
            let count = skill.last.as_ref().map_or(0, |record| record.differences.len());
            format!("drifted, disabled: {} from what {by} trusted", render::count(count, "difference"))
        }
        "expire" => format!("the trust that {by} gave has ended"),
        "unmet" => "trust withdrawn: the policy is no longer met".to_owned(),
        "revoke" => "trust withdrawn: revoked".to_owned(),
        _ => format!("trust withdrawn, {by} had given it"),
    }
}

fn next(context: &mut Context, found: &Status) -> Result<(), Stop> {
    if found.problem.is_some() || !found.skills.is_empty() {
        return Ok(());
    }
    let home = text::escape(&context.world.home.to_string_lossy());
    if found.unmanaged.skills.is_empty() {
        context.say("No agent that we know loads any skill from this account's folders.")?;
    }
    let what = if found.exists {
        format!("Nothing is installed ({home}).")
    } else {
        format!("Nothing is managed here yet, and nothing was made (it would be {home}).")
    };
    context.say(&format!("\n{what}"))?;
    // Where agents load something already, the next step stands above.
    let adopted = found.unmanaged.skills.is_empty();
    context.say(&render::commands(if adopted {
        "Next:  skills install SOURCE, or see it played: skills tour"
    } else {
        "See it played first, in a throw-away home:  skills tour"
    }))
}

/// One line of evidence; with a key of eight letters a digest fits 80 columns.
fn line(context: &mut Context, key: &str, value: &str) -> Result<(), Stop> {
    if value.is_empty() { Ok(()) } else { context.say(&format!("{key:<8} {value}")) }
}

fn evidence(
    context: &mut Context,
    skill: &Skill,
    told: &Result<Told, Stop>,
    found: &Status,
) -> Result<(), Stop> {
    let (row, now) = (&skill.row, context.now());
    line(context, "skill", &paint(Tone::Strong, row.revision.name.as_str()))?;
    line(context, "state", row.lifecycle.state().as_str())?;
    line(context, "digest", &row.revision.digest.to_string())?;
    line(context, "source", &row.source.to_string())?;
    line(context, "commit", &text::escape(row.source.commit.as_deref().unwrap_or_default()))?;
    line(context, "version", &text::escape(row.version.as_deref().unwrap_or_default()))?;
    line(context, "in card", &text::escape(row.card_name.as_deref().unwrap_or_default()))?;
    line(context, "holds", &format!("{}, {}", render::files_of(row.files), render::human_size(row.bytes)))?;
    line(context, "arrived", &format!("{} ({})", row.installed, render::age(row.installed, now)))?;
    match &skill.findings {
        Some(Ok(findings)) => {
            for told in super::trust::vouching(&findings.lines) {
                context.say(&told)?;
            }
        }
        Some(Err(stop)) => line(context, "signed", &paint(Tone::Bad, &format!("cannot be told: {stop}")))?,
        None => {}
    }
    match told {
        Ok(told) => line(context, "found", &super::found::line(told))?,
        Err(stop) => line(context, "found", &paint(Tone::Bad, &format!("cannot be told: {stop}")))?,
    }
    let pin = match &row.lifecycle {
        Lifecycle::Installed { former } => former.as_ref().map(|pin| ("not now; was trusted ", pin)),
        Lifecycle::Trusted { pin } | Lifecycle::Enabled { pin, .. } => Some(("", pin)),
    };
    if let Some((word, pin)) = pin {
        decision(context, word, pin, now)?;
    }
    for folder in &skill.folders {
        let sound = match (folder.is(&row.revision.digest), folder.faults.first(), folder.digest) {
            (true, ..) => paint(Tone::Good, "sound"),
            (_, Some(fault), _) => paint(Tone::Bad, &fault.to_string()),
            (_, None, found) => {
                let found = found.map_or_else(|| "nothing readable".to_owned(), |digest| digest.short());
                paint(Tone::Bad, &format!("holds {found}"))
            }
        };
        let key = if row.lifecycle.state() == State::Enabled { "placed" } else { "stored" };
        line(context, key, &format!("{sound}  {}", text::escape(&folder.path)))?;
    }
    match &skill.permit {
        Some(Ok(permit)) => line(context, "permit", &format!("there, for record {}", permit.seq))?,
        Some(Err(why)) => line(context, "permit", &paint(Tone::Bad, &text::escape(why)))?,
        None => {}
    }
    let verdict = match &skill.no {
        None if row.lifecycle.state() == State::Enabled => paint(Tone::Good, "may be used now"),
        None => paint(Tone::Good, "may be enabled"),
        Some(no) => format!("{}  {} [{}]", paint(Tone::Bad, "no"), text::escape(&no.reason), no.code),
    };
    line(context, "verdict", &verdict)?;
    if let Some(one) = &skill.revoked {
        let word = if one.narrows { "" } else { "no new trust; " };
        line(context, "revoked", &format!("{word}{}", one.why))?;
        line(context, "", &render::commands(&one.next))?;
    }
    rest(context, skill)?;
    advice(context, skill, found)
}

fn decision(context: &mut Context, word: &str, pin: &Pin, now: Timestamp) -> Result<(), Stop> {
    let by = format!("{} ({}) by {}", pin.at, render::age(pin.at, now), text::escape(&pin.by.user));
    line(context, "trusted", &format!("{word}{by}, record {}", pin.seq))?;
    if !pin.despite.is_empty() {
        line(context, "override", &super::trust::despite(&pin.despite))?;
    }
    line(context, "because", &text::escape(pin.note.as_deref().unwrap_or_default()))?;
    let until = pin.until.map(|until| format!("{until} ({})", render::age(until, now)));
    line(context, "until", &until.unwrap_or_default())
}

fn rest(context: &mut Context, skill: &Skill) -> Result<(), Stop> {
    if let Some(last) = &skill.last {
        let what = format!("#{} {} {}: {}", last.seq, last.time, last.event, text::escape(&last.reason));
        line(context, "last", &what)?;
        for difference in &last.differences {
            context.say(&format!("           {}", super::verify::difference(difference)))?;
        }
    }
    if let Some(manifest) = skill.manifest.as_ref().filter(|_| context.globals.verbose) {
        let rows: Vec<_> = manifest
            .entries()
            .iter()
            .map(|entry| {
                let mode = if entry.executable { "100755" } else { "100644" };
                let size = render::human_size(entry.size);
                vec![mode.to_owned(), size, entry.sha256.short(), entry.path.to_string()]
            })
            .collect();
        let table = render::table(&["MODE", "SIZE", "SHA-256", "FILE"], &rows, context.out.width());
        context.say(&format!("\n{table}\n"))?;
    }
    Ok(())
}

fn advice(context: &mut Context, skill: &Skill, found: &Status) -> Result<(), Stop> {
    let revision = &skill.row.revision;
    if let Some(newer) = &skill.newer {
        line(context, "waiting", &render::commands(&format!("{newer}: skills review {newer}")))?;
    }
    let next = match &skill.no {
        _ if found.problem.is_some() => String::new(),
        None if skill.row.lifecycle.state() == State::Enabled => String::new(),
        None => format!("skills enable {revision}{}", place_hint(context)),
        Some(no) if no.code == Code::NotTrusted && has_drifted(skill) => format!("skills repair {revision}"),
        Some(no) if no.code == Code::NotTrusted => format!("skills review {revision}"),
        Some(no) if matches!(no.code, Code::Revoked | Code::Violation) => {
            format!("skills update {}", skill.row.revision.name)
        }
        Some(no) if matches!(no.code, Code::HeldAll | Code::Held) => "skills release --help".to_owned(),
        Some(_) => format!("skills verify {revision}"),
    };
    line(context, "next", &render::commands(&next))?;
    let asked = skill.no.as_ref().is_some_and(|no| no.code == Code::NotTrusted) && found.problem.is_none();
    if asked && trust::would_be_granted(&context.world, revision) {
        let way = format!("skills trust {revision} --by-policy, as the policy grants");
        line(context, "or", &render::commands(&way))?;
    }
    context.say("")
}

fn history(context: &mut Context, found: &Status) -> Result<(), Stop> {
    let columns = context.out.columns();
    found.history.iter().try_for_each(|record| context.say(&super::audit::line(record, columns)))
}

fn document(context: &Context, found: &Status, told: &[Result<Told, Stop>]) -> Value {
    let now = context.now();
    let mut told = told.iter();
    let skills: Vec<_> =
        found.skills.iter().map(|skill| one(skill, told.next(), &notes(skill, found, now))).collect();
    let unmanaged: Vec<_> = found.unmanaged.skills.iter().map(unmanaged::document).collect();
    let permits: Vec<_> = found
        .permits
        .iter()
        .map(|permit| json!({ "name": permit.revision.name, "digest": permit.revision.digest, "placements": permit.placements }))
        .collect();
    let problem = found.problem.as_ref();
    json!({
        "home": context.world.home.to_string_lossy(), "exists": found.exists, "stopped": found.stopped,
        "holds": found.holds, "skills": skills, "permits": permits, "unmanaged": unmanaged, "unmanaged_cut": found.unmanaged.cut,
        "history": found.history, "stale_roots": found.roots.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        "problem": problem.map(|stop| json!({ "code": stop.code, "error": stop.what, "next": stop.next })),
    })
}

fn one(skill: &Skill, told: Option<&Result<Told, Stop>>, notes: &[String]) -> Value {
    let row = &skill.row;
    let former = match &row.lifecycle {
        Lifecycle::Installed { former } => former.as_ref(),
        Lifecycle::Trusted { .. } | Lifecycle::Enabled { .. } => None,
    };
    let folders: Vec<_> = skill
        .folders
        .iter()
        .map(|folder| json!({ "path": folder.path, "digest": folder.digest, "sound": folder.is(&row.revision.digest), "faults": folder.faults }))
        .collect();
    json!({
        "name": row.revision.name, "digest": row.revision.digest, "state": row.lifecycle.state(),
        "usable": skill.no.is_none() && row.lifecycle.state() == State::Enabled,
        "may_enable": skill.no.is_none() && row.lifecycle.state() == State::Trusted,
        "code": skill.no.as_ref().map(|no| no.code), "reason": skill.no.as_ref().map(|no| &no.reason),
        "source": row.source, "version": row.version, "card_name": row.card_name,
        "installed": row.installed, "files": row.files, "bytes": row.bytes,
        "pin": row.lifecycle.pin(), "former_pin": former, "placements": row.lifecycle.placements(),
        "folders": folders, "newer": skill.newer, "last": skill.last, "manifest": skill.manifest,
        "findings": told.and_then(|told| told.as_ref().ok()).map(super::found::document),
        "overridden": row.lifecycle.pin().map_or(&[][..], |pin| &pin.despite),
        "notes": notes, "revoked": skill.revoked.as_ref().map(revocation),
        "provenance": skill.findings.as_ref().and_then(|found| found.as_ref().ok()).map(super::trust::provenance),
    })
}

/// What revokes a revision, as JSON.
pub(super) fn revocation(one: &Covered) -> Value {
    json!({ "narrows": one.narrows, "why": one.why, "next": one.next, "advisory": one.advisory })
}
