//! `trust` for several revisions: one table, one typed answer.

use super::super::context::{Context, Ended};
use super::super::render::{self, Tone, paint};
use super::found;
use super::trust::Args;
use serde_json::json;
use skill_trust::model::code::{Code, Exit, Stop};
use skill_trust::model::digest::Digest;
use skill_trust::model::text;
use skill_trust::ops::judged;
use skill_trust::ops::pick::Pick;
use skill_trust::ops::trust::TermsRequest;
use skill_trust::ops::trust::set::{self, Member, SetPlan, SetRequest};
use std::collections::BTreeSet;

/// Runs it.
pub(super) fn run(context: &mut Context, args: Args, digest: Option<Digest>, terms: &TermsRequest) -> Ended {
    let request = request(&args, digest)?;
    let plan = match set::plan(&context.world, &request, terms) {
        // Where it was only asked what would be, nothing was refused.
        Err(stop) if !args.dry_run && !args.print_set => {
            return Err(set::record(&context.world, &request, stop));
        }
        planned => planned?,
    };
    if args.print_set {
        context.raw(plan.set.text().trim_end())?;
        context.note(&format!("to state it: skills trust --set FILE --digest {}", plan.set.digest()))?;
        return Ok(Exit::Done);
    }
    let shown = describe(context, &plan);
    if args.dry_run {
        context.say(&format!("{shown}\nset      {}", plan.set.digest()))?;
        context.json("trust-set-plan/1", document(&plan))?;
        return Ok(Exit::Done);
    }
    // Where nobody is asked, what would stand before the question is said all the same.
    if args.by_policy || digest.is_some() {
        said(&plan.members).iter().try_for_each(|line| context.say(line))?;
    }
    let mut person = context.person();
    let size = set::trust(&context.world, &plan, &shown, person.as_mut())?;
    let head = paint(Tone::Good, "trusted");
    if args.by_policy {
        // Nothing was shown before: here is what was decided, and at the end what was not.
        plan.members.iter().try_for_each(|one| context.say(&format!("{head}  {}", one.row.revision)))?;
    } else {
        context.say(&format!(
            "{head}  {}  {}",
            render::count(plan.set.len(), "revision"),
            plan.set.digest()
        ))?;
    }
    let place = super::enable::place_hint(context);
    let next = match (&args.from, args.updates) {
        _ if args.adopted => "skills enable --adopted".to_owned(),
        (Some(source), _) => format!("skills enable --from {}{place}", text::shell_word(source)),
        (None, true) => "skills enable --updates".to_owned(),
        // What dropped out is not among them; of a stated set no name was typed.
        (None, false) => {
            let names: Vec<_> = plan.set.revisions().map(|revision| revision.name.to_string()).collect();
            format!("skills enable {}{place}", names.join(" "))
        }
    };
    context.say(&render::commands(&format!("Not enabled yet. Next:  {next}")))?;
    if args.by_policy {
        dropped(&plan).iter().try_for_each(|line| context.say(line))?;
    }
    for member in plan.alone.iter().filter(|member| !member.closed) {
        let next =
            format!("Still to decide:  skills review {0}, then: skills trust {0}", member.row.revision);
        context.say(&render::commands(&next))?;
    }
    let mut document = document(&plan);
    if let Some(document) = document.as_object_mut() {
        document.insert("records".to_owned(), size.into());
    }
    context.json("trust-set/1", document)?;
    Ok(Exit::Done)
}

fn request(args: &Args, digest: Option<Digest>) -> Result<SetRequest, Stop> {
    if let (Some(path), Some(digest)) = (&args.set, digest) {
        return Ok(SetRequest::Stated(set::read(path)?, digest));
    }
    if digest.is_some() {
        let what = "--digest states one revision or, with --set, one set";
        return Err(Stop::new(Code::Usage, what, "name one skill, or the set's file with --set"));
    }
    let pick = match (&args.from, args.updates) {
        _ if args.adopted => Pick::Adopted,
        (Some(source), _) => Pick::From(source.clone()),
        (None, true) => Pick::Updates,
        (None, false) => Pick::Names(args.skills.clone()),
    };
    Ok(if args.by_policy { SetRequest::Granted(pick) } else { SetRequest::Picked(pick) })
}

/// How many of these the policy would trust, if a person asked it now.
pub(super) fn granted(context: &Context, pick: Pick) -> usize {
    if context.world.agent.is_some() {
        return 0;
    }
    let plan = set::plan(&context.world, &SetRequest::Granted(pick), &TermsRequest::default());
    plan.map_or(0, |plan| plan.members.len())
}

/// What dropped out, each with its reason.
fn dropped(plan: &SetPlan) -> Vec<String> {
    if plan.alone.is_empty() {
        return Vec::new();
    }
    let mut out = vec![format!("\n{}", paint(Tone::Careful, "Not among them, each to be decided alone:"))];
    for member in &plan.alone {
        let (why, revision) = (member.alone.as_deref().unwrap_or_default(), &member.row.revision);
        out.push(format!("  {revision}: {}", text::escape(why)));
        if member.found.judgement.needs_a_person() && !member.closed {
            let trust = judged::command(revision, &member.found.judgement.blocking());
            let next = format!("    skills review {revision}, then: {trust}");
            out.push(render::commands(&next));
        }
    }
    out
}

/// What the policy makes less or excepts, of each member of which it does.
fn said(members: &[Member]) -> Vec<String> {
    let said = members.iter().filter(|member| found::is_said(&member.found));
    said.flat_map(|member| found::in_set(&member.found, &member.row.revision)).collect()
}

/// The table, riskiest first, and what dropped out.
fn describe(context: &Context, plan: &SetPlan) -> String {
    let width = context.out.width();
    let mut out =
        vec![render::table(&["NAME", "DIGEST", "TO READ", "LOOK FOR"], &rows(&plan.members), width)];
    let said = said(&plan.members);
    if !said.is_empty() {
        out.push(String::new());
        out.extend(said);
    }
    out.extend(dropped(plan));
    let mut sources: Vec<_> =
        plan.members.iter().map(|member| text::escape(member.row.source.identity())).collect();
    sources.sort();
    sources.dedup();
    out.push(String::new());
    out.extend(sources.iter().map(|source| format!("source   {source}")));
    if let Some(until) = plan.terms.until {
        out.push(super::trust::ends(until, plan.terms.why.as_deref()));
    }
    out.push(format!("signed   {}", signed(&plan.members)));
    let files: BTreeSet<_> = plan.members.iter().filter_map(|member| member.granted.as_ref()).collect();
    out.extend(files.into_iter().map(|file| format!("granted  by {}", text::escape(file))));
    out.join("\n")
}

/// How many of them somebody vouches for whom a followed trust root names.
fn signed(members: &[Member]) -> String {
    let vouched = members.iter().filter(|member| !member.vouching.provenance.vouched.is_empty()).count();
    let by = "by somebody whom a followed trust root names";
    match (vouched, members.len()) {
        (0, _) => "none by anybody whom a followed trust root names".to_owned(),
        (some, all) if some == all => format!("all {by}"),
        (some, all) => format!("{some} of {all} {by}"),
    }
}

fn rows(members: &[Member]) -> Vec<Vec<String>> {
    let row = |member: &Member| {
        let (added, removed) = member.lines;
        let cost = if member.compared {
            format!("{}, +{added} -{removed}", render::count(member.files, "file"))
        } else {
            format!("{}, {}", render::count(member.files, "file"), render::count(added, "line"))
        };
        let marks: Vec<_> = member.marks.iter().map(|mark| mark.words()).collect();
        vec![member.row.revision.name.to_string(), member.row.revision.digest.short(), cost, marks.join(", ")]
    };
    members.iter().map(row).collect()
}

fn document(plan: &SetPlan) -> serde_json::Value {
    let one = |member: &Member| {
        json!({
            "name": member.row.revision.name, "digest": member.row.revision.digest,
            "source": member.row.source, "marks": member.marks, "files": member.files,
            "added": member.lines.0, "removed": member.lines.1, "compared": member.compared, "alone": member.alone,
            "granted": member.granted, "findings": found::document(&member.found), "provenance": super::trust::provenance(&member.vouching),
        })
    };
    json!({
        "set": plan.set.digest(), "text": plan.set.text(), "phrase": plan.phrase, "until": plan.terms.until,
        "members": plan.members.iter().map(one).collect::<Vec<_>>(),
        "alone": plan.alone.iter().map(one).collect::<Vec<_>>(),
    })
}
