//! The part of `status` about skills that agents load and nobody manages.

use super::super::context::Context;
use super::super::render::{self, Tone, paint};
use serde_json::{Value, json};
use skill_trust::model::code::Stop;
use skill_trust::model::text;
use skill_trust::ops::unmanaged::{self, Adopted, Findings, Relation, Unmanaged};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Shows them, by the folder they lie in and the agents that read it.
pub(super) fn show(context: &mut Context, findings: &Findings) -> Result<(), Stop> {
    if findings.cut {
        let what = "Not all folders of the agents could be searched: a skill may be missing here.";
        context.say(&format!("\n{}", paint(Tone::Bad, what)))?;
    }
    let found = &findings.skills;
    if found.is_empty() {
        return Ok(());
    }
    let home = context.world.account_home.clone();
    let home = home.as_deref();
    let head = paint(Tone::Careful, "Loaded by agents, managed by nobody");
    context.say(&format!("\n{head} ({}):", render::count(found.len(), "skill")))?;
    let mut folders: BTreeMap<(&Path, &[&str]), Vec<&Unmanaged>> = BTreeMap::new();
    for skill in found {
        let folder = skill.path.parent().unwrap_or(Path::new(""));
        folders.entry((folder, &skill.agents)).or_default().push(skill);
    }
    for ((folder, agents), skills) in folders {
        let folder = paint(Tone::Strong, &short(home, &folder.to_string_lossy()));
        context.say(&format!("\n{folder}  read by {}", agents.join(", ")))?;
        for skill in skills {
            one(context, home, skill)?;
        }
    }
    closing(context, found)
}

/// A path below the account's folder as people write it.
pub(super) fn short(home: Option<&Path>, path: &str) -> String {
    let home = home.map(|home| home.to_string_lossy().trim_end_matches('/').to_owned());
    let below = home.as_deref().and_then(|home| path.strip_prefix(home)).filter(|rest| rest.starts_with('/'));
    text::escape(&below.map_or_else(|| path.to_owned(), |rest| format!("~{rest}")))
}

/// Folders named that hold the same bytes: twenty copies of one skill are not
/// listed twenty times twenty.
const TWINS_TOLD: usize = 2;

fn one(context: &mut Context, home: Option<&Path>, skill: &Unmanaged) -> Result<(), Stop> {
    let mut words = vec![render::count(skill.files, "file")];
    words.extend(skill.marks.iter().map(|mark| mark.words().to_owned()));
    context.say(&format!("  {:<24}  {}", paint(Tone::Strong, &skill.name), words.join(", ")))?;
    let mut more = |what: String| context.say(&format!("      {what}"));
    if let Some(claim) = &skill.claim {
        let revision =
            claim.revision.as_deref().map(|revision| format!(" at {revision}")).unwrap_or_default();
        more(format!("{} says it is from {}{revision}", claim.tool, claim.source))?;
    }
    if let Some(real) = &skill.real {
        more(format!("a link leads to {}", short(home, &real.to_string_lossy())))?;
    }
    for also in &skill.also {
        more(format!("agents reach it as {} too", short(home, &also.to_string_lossy())))?;
    }
    let careful = |what: &str| paint(Tone::Careful, &format!("! {what}"));
    match &skill.adopted {
        Some(Adopted::As(revision)) => more(format!("adopted as {revision}, not yet replaced"))?,
        Some(Adopted::Known(revision)) => {
            more(format!("the same bytes as {revision}, which is managed here; this copy is not"))?;
        }
        Some(Adopted::Changed(revision)) => {
            more(careful(&format!("changed since it was adopted as {revision}")))?;
        }
        None => {}
    }
    if let Some(problem) = &skill.card {
        more(careful(&format!("its card: {problem}")))?;
    }
    if skill.faults > 0 {
        more(careful(&format!("not a sound skill: {}", render::count(skill.faults, "fault"))))?;
    }
    let twins = |relation: &&Relation| matches!(relation, Relation::SameBytes { .. });
    let told = TWINS_TOLD + usize::from(skill.relations.iter().filter(twins).count() == TWINS_TOLD + 1);
    let rest = skill.relations.iter().filter(twins).count().saturating_sub(told);
    let same = skill.relations.iter().filter(twins).take(told);
    for relation in same.chain(skill.relations.iter().filter(|relation| !twins(relation))) {
        let (what, tone) = match relation {
            Relation::SameBytes { path } => (format!("the same bytes lie in {}", short(home, path)), false),
            Relation::Shadows { path, agents } => {
                let agents = agents.join(", ");
                (format!("other bytes of this name: {}; read by {agents} too", short(home, path)), true)
            }
            Relation::NamedAsOurs => ("a skill that is managed here has this name".to_owned(), true),
            Relation::LooksLike { name } => (format!("its name looks like `{}`", text::escape(name)), true),
        };
        more(if tone { careful(&what) } else { what })?;
    }
    if rest > 0 { more(format!("and in {rest} other places")) } else { Ok(()) }
}

/// What to look at first, and what can be done today.
fn closing(context: &mut Context, found: &[Unmanaged]) -> Result<(), Stop> {
    let names: BTreeSet<_> =
        found.iter().filter(|skill| skill.look_first()).map(|skill| skill.name.as_str()).collect();
    if !names.is_empty() {
        let first: Vec<_> = names.iter().take(8).copied().collect();
        let more = names.len().saturating_sub(first.len());
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        context.say(&format!("\nLook first at: {}{more}", first.join(", ")))?;
    }
    // A name that is taken is refused by --all; what resolves it is said here.
    let new = found.iter().filter(|skill| matches!(skill.adopted, None | Some(Adopted::Changed(_))));
    let (taken, free): (Vec<_>, Vec<_>) =
        new.partition(|skill| skill.relations.contains(&Relation::NamedAsOurs) && skill.adopted.is_none());
    if !free.is_empty() {
        let what = "Next, take them in as they are, which changes and trusts nothing:  skills adopt --all";
        context.say(&render::commands(what))?;
    }
    for skill in taken.iter().take(TWINS_TOLD) {
        let path = text::shell_word(&skill.path.to_string_lossy());
        let what = format!("Take it in under a name of its own:  skills adopt {path} --as NAME");
        context.say(&render::commands(&what))?;
    }
    if found.iter().any(|skill| matches!(skill.adopted, Some(Adopted::As(_)))) {
        let what = "What is adopted stays as it is until it is replaced:  skills trust --adopted, then: skills enable --adopted";
        context.say(what)?;
    }
    if context.globals.verbose {
        let titles = found.iter().flat_map(|skill| skill.agents.iter().copied()).collect();
        context.say("\nTo switch one off in the agent itself:")?;
        for (title, how) in unmanaged::switches(&titles) {
            context.say(&format!("  {title:<12} {how}"))?;
        }
    } else {
        context.say("How each agent switches one off by itself: skills status -v")?;
    }
    Ok(())
}

/// One of them as JSON.
pub(super) fn document(skill: &Unmanaged) -> Value {
    let adopted = skill.adopted.as_ref().map(|adopted| {
        let (how, revision) = match adopted {
            Adopted::As(revision) => ("as", revision),
            Adopted::Known(revision) => ("known", revision),
            Adopted::Changed(revision) => ("changed", revision),
        };
        json!({ "how": how, "name": revision.name, "digest": revision.digest })
    });
    let also: Vec<_> = skill.also.iter().map(|path| path.to_string_lossy()).collect();
    json!({
        "adopted": adopted, "also": also,
        "name": skill.name, "path": skill.path.to_string_lossy(),
        "real": skill.real.as_ref().map(|path| path.to_string_lossy()), "agents": skill.agents,
        "digest": skill.digest, "card_problem": skill.card, "claim": skill.claim, "marks": skill.marks,
        "files": skill.files, "faults": skill.faults, "relations": skill.relations,
    })
}
