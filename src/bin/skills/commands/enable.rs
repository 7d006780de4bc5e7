//! `enable` and `disable`.

use super::super::complete;
use super::super::context::{Context, Ended, absolute};
use super::super::render::{Tone, commands, paint};
use super::enable_over::{self, Want};
use super::enable_told::{self, Done};
use super::install::parse_digest;
use skill_trust::model::agent::AGENTS;
use skill_trust::model::code::{Code, Exit, Stop};
use skill_trust::model::lifecycle::RevisionRow;
use skill_trust::model::skill::Revision;
use skill_trust::model::text;
use skill_trust::ops::apply::Failures;
use skill_trust::ops::disable;
use skill_trust::ops::enable::{self, Enabled};
use skill_trust::ops::originals;
use skill_trust::ops::pick::{self, Pick};
use skill_trust::ops::place::{self, Place};
use std::path::PathBuf;

/// Place a trusted skill where agents load it
#[derive(Debug, Default, clap::Args)]
#[command(
    after_help = "A verified read-only copy is placed; nothing is linked.\nEnabling an older trusted revision is a rollback.\n\
    Without --agent and --dir: for the agents that [enable] agents of the policy names.\n\n\
    Examples:\n  skills enable pdf-forms --agent claude-code\n  skills enable pdf-forms --dir ~/work/.claude/skills\n  \
    skills enable pdf-forms@0123456789ab --agent codex\n  skills enable --from acme/skills --agent claude-code\n  skills enable pdf-forms --agent claude-code --project\n  skills enable --updates\n  skills enable --adopted\n  skills enable --as-before\n\n\
    What somebody else put there is shown, moved aside with your consent, and kept. Without a terminal it is stated in full:\n  \
    skills enable pdf-forms --agent claude-code --replace sha256:<64 hex digits>\n\nSee also: skills disable, skills adopt, skills status"
)]
pub(crate) struct Args {
    /// NAME or NAME@DIGEST; several if you like
    #[arg(required_unless_present_any = ["from", "updates", "adopted", "as_before"], add = complete::trusted())]
    skills: Vec<String>,
    /// Everything trusted that came from this source
    #[arg(long, value_name = "SOURCE", conflicts_with = "skills")]
    from: Option<String>,
    /// Every trusted update, wherever the older revision is
    #[arg(long, conflicts_with_all = ["skills", "from", "agent", "dir", "project"])]
    updates: bool,
    /// Everything trusted that was adopted; where its originals lie, unless an agent is named
    #[arg(long, conflicts_with_all = ["skills", "from", "updates"])]
    adopted: bool,
    /// Move aside the one original with this digest that lies there
    #[arg(long, value_name = "sha256:…", conflicts_with_all = ["from", "updates", "adopted"])]
    replace: Option<String>,
    /// After a release: everything the kill took away, where it was
    #[arg(long, conflicts_with_all = ["skills", "from", "updates", "adopted", "replace", "dir", "project"])]
    as_before: bool,
    /// The release that is meant, by its record; then nothing is asked
    #[arg(long, value_name = "N", requires = "as_before")]
    record: Option<u64>,
    /// For this agent, for example claude-code; may be repeated
    #[arg(long, value_name = "AGENT", add = complete::agents())]
    agent: Vec<String>,
    /// Only in the project around this folder, or around the current one
    #[arg(long, value_name = "PATH", num_args = 0..=1, default_missing_value = ".")]
    project: Option<PathBuf>,
    /// In this folder; may be repeated
    #[arg(long, value_name = "PATH")]
    dir: Vec<PathBuf>,
    /// Show what would be placed, change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Args {
    /// These, for these agents and in these folders, without options.
    pub(super) fn of(skills: Vec<String>, agent: Vec<String>, dir: Vec<PathBuf>) -> Self {
        Self { skills, agent, dir, ..Self::default() }
    }
}

fn places(agent: &[String], project: Option<&PathBuf>, dir: &[PathBuf]) -> Result<Vec<Place>, Stop> {
    let mut all = Vec::new();
    for agent in agent {
        all.push(match project {
            None => Place::Agent(agent.clone()),
            Some(inside) => place::in_project(agent, &absolute(inside)?)?,
        });
    }
    for dir in dir {
        all.push(Place::Folder(absolute(dir)?));
    }
    Ok(all)
}

/// The agents named, else those that the policy names, which is said.
fn agents(context: &mut Context, args: &Args) -> Result<Vec<String>, Stop> {
    if !args.agent.is_empty() || !args.dir.is_empty() {
        if args.agent.is_empty() && args.project.is_some() {
            let what = "--project is the project's folder for an agent, and none was named";
            return Err(Stop::new(Code::Usage, what, "add --agent NAME, or leave out --dir"));
        }
        return Ok(args.agent.clone());
    }
    let policy = context.world.policy()?;
    let Some(file) = policy.file_of("enable.agents") else { return Ok(Vec::new()) };
    context.note(&format!("for      {}: [enable] agents of {file}", policy.agents.join(", ")))?;
    Ok(policy.agents.iter().map(|id| (*id).to_owned()).collect())
}

/// What to add to `enable` so that it knows where: nothing, where the policy says.
pub(super) fn place_hint(context: &Context) -> &'static str {
    let said = context.world.policy().is_ok_and(|policy| !policy.agents.is_empty());
    if said { "" } else { " --agent claude-code" }
}

/// Originals that cannot be replaced yet, each with the way on.
type Left = Vec<(PathBuf, Stop)>;

/// What is to be placed and where; and what cannot be.
fn wanted(context: &mut Context, args: &Args) -> Result<(Vec<Want>, Left), Stop> {
    let each = |skill: &str, places: &[Place]| -> Vec<Want> {
        let want = |place: &Place| Want { skill: skill.to_owned(), place: place.clone(), lying: None };
        places.iter().map(want).collect()
    };
    if args.updates {
        let all = enable::updates(&context.world)?;
        let wants = all.iter().flat_map(|(row, places)| each(&row.revision.file_name(), places));
        return Ok((wants.collect(), Vec::new()));
    }
    // Originals lie where they lie, whatever the policy's agents are.
    if args.adopted && args.agent.is_empty() && args.dir.is_empty() && args.project.is_none() {
        let (found, left) = originals::adopted(&context.world)?;
        let want = |one: originals::Wanted| Want {
            skill: one.revision.file_name(),
            place: one.place,
            lying: Some((one.path, one.also)),
        };
        return Ok((found.into_iter().map(want).collect(), left));
    }
    let places = places(&agents(context, args)?, args.project.as_ref(), &args.dir)?;
    if places.is_empty() {
        let known: Vec<_> = AGENTS.iter().map(|agent| agent.id).collect();
        return Err(Stop::new(
            Code::Usage,
            "say where: no agent and no folder was named",
            format!(
                "add for example --agent {}; or --agent with {}; or --dir PATH; or set [enable] agents in the policy",
                known.first().unwrap_or(&""),
                known.get(1..).unwrap_or_default().join(", ")
            ),
        ));
    }
    // The newest that is trusted, placed somewhere already or not: the older
    // one that it replaced is trusted too and must not come back.
    let pinned = |picked: Pick| pick::look(&context.world, &picked, |row| row.lifecycle.pin().is_some());
    let skills = match &args.from {
        _ if args.adopted => typed(pinned(Pick::Adopted)?),
        None => args.skills.clone(),
        Some(source) => typed(pinned(Pick::From(source.clone()))?),
    };
    Ok((skills.iter().flat_map(|skill| each(skill, &places)).collect(), Vec::new()))
}

/// Revisions as they are typed.
fn typed(rows: Vec<RevisionRow>) -> Vec<String> {
    rows.iter().map(|row| row.revision.file_name()).collect()
}

/// Runs `enable`.
pub(crate) fn run(context: &mut Context, args: Args) -> Ended {
    if args.as_before {
        return super::as_before::run(context, &args.agent, args.record, args.dry_run);
    }
    let stated = args.replace.as_deref().map(parse_digest).transpose()?;
    let (wants, left) = wanted(context, &args)?;
    if args.adopted && wants.is_empty() && left.is_empty() {
        context.say("Nothing to replace: agents load no original of an adopted skill.")?;
    }
    let mut documents = Vec::new();
    let mut refused: Vec<(String, Stop)> = Vec::new();
    for (path, stop) in left {
        refused.push((text::escape(&path.to_string_lossy()), stop));
    }
    let many = wants.len() + refused.len() > 1;
    if args.dry_run {
        for want in &wants {
            match dry(context, want) {
                Ok(document) => documents.push(document),
                Err(stop) if many && may_go_on(&stop) => refused.push((named(&want.skill), stop)),
                Err(stop) => return Err(stop),
            }
        }
    } else {
        let agreed = enable_over::agreed(context, &wants, stated.as_ref())?;
        let mut all = Vec::new();
        for (want, agreed) in wants.iter().zip(agreed) {
            let done = agreed.and_then(|agreed| {
                enable::enable_over(&context.world, &want.skill, &want.place, agreed.as_ref())
            });
            match done {
                Ok(done) => {
                    enable_told::line(context, &done)?;
                    documents.push(placed(&done));
                    all.push(Done { want, placed: done });
                }
                // One of many does not stop the others, unless what stops it stops all.
                Err(stop) if many => {
                    let path = want.lying.as_ref().map(|(path, _)| text::escape(&path.to_string_lossy()));
                    let ends = !may_go_on(&stop);
                    refused.push((path.unwrap_or_else(|| named(&want.skill)), stop));
                    if ends {
                        break;
                    }
                }
                Err(stop) => return Err(stop),
            }
        }
        if !all.is_empty() {
            enable_told::end(context, &all)?;
        }
        let missing = wants.len().saturating_sub(all.len());
        if missing > 0 && many {
            // What stops all is said of the one that met it.
            context.fault(&format!("\n{missing} of {} not placed:", wants.len()))?;
        }
    }
    for (what, stop) in &refused {
        let head = paint(Tone::Bad, "refused");
        let next =
            if stop.next.is_empty() { String::new() } else { format!("\n  next: {}", commands(&stop.next)) };
        context.fault(&format!("{head}  {what}  [{}] {}{next}", stop.code, stop.what))?;
    }
    let exit = refused.first().map_or(Exit::Done, |(_, stop)| stop.code.exit());
    let one = |(what, stop): &(String, Stop)| serde_json::json!({ "what": what, "code": stop.code, "error": stop.what, "next": stop.next });
    context.json(
        if args.dry_run { "enable-plan/1" } else { "enable/1" },
        serde_json::json!({ "placements": documents, "refused": refused.iter().map(one).collect::<Vec<_>>() }),
    )?;
    Ok(exit)
}

/// As a person reads it: with the digest shortened, if all of it is there.
fn named(skill: &str) -> String {
    Revision::from_file_name(skill).map_or_else(|| text::escape_short(skill, 80), |one| one.to_string())
}

/// Whether what stopped one says nothing of the others: not a kill of
/// everything, not a damaged home, nobody asked to stop.
fn may_go_on(stop: &Stop) -> bool {
    matches!(stop.code, Code::Held) || matches!(stop.code.exit(), Exit::Refused | Exit::Drift | Exit::Person)
}

fn dry(context: &mut Context, want: &Want) -> Result<serde_json::Value, Stop> {
    let (row, placing) = enable::plan(&context.world, &want.skill, &want.place)?;
    let folder = text::escape(&placing.folder.to_string_lossy());
    context.say(&format!("would place {} in {folder}", row.revision))?;
    enable_told::readers(context, &placing.readers)?;
    let found = want.in_the_way(context)?;
    if let Some(found) = &found {
        let shown = enable_over::describe(context, found);
        context.say(&format!("{shown}\n"))?;
    }
    let found = found.map(|found| serde_json::json!({ "path": found.path().to_string_lossy(), "digest": found.digest(), "link": found.is_link() }));
    Ok(
        serde_json::json!({ "name": row.revision.name, "digest": row.revision.digest, "folder": placing.folder, "readers": placing.readers, "in_the_way": found }),
    )
}

fn placed(done: &Enabled) -> serde_json::Value {
    let swapped = done.swapped.as_ref().map(|old| old.revision.digest);
    let kept = done.kept.as_ref().map(enable_over::document);
    serde_json::json!({ "name": done.row.revision.name, "digest": done.row.revision.digest, "path": done.path, "readers": done.readers, "replaced": swapped, "kept": kept, "new": done.new })
}

/// Take a skill away from agents
#[derive(Debug, clap::Args)]
#[command(
    after_help = "It stays trusted.\n\nExamples:\n  skills disable pdf-forms\n  skills disable pdf-forms --agent codex"
)]
pub(crate) struct DisableArgs {
    /// NAME or NAME@DIGEST; several if you like
    #[arg(required_unless_present = "from", add = complete::enabled())]
    skills: Vec<String>,
    /// Everything enabled that came from this source
    #[arg(long, value_name = "SOURCE", conflicts_with = "skills")]
    from: Option<String>,
    /// Only from this agent
    #[arg(long, value_name = "AGENT", add = complete::agents())]
    agent: Option<String>,
    /// Only from the project around this folder, or around the current one
    #[arg(long, value_name = "PATH", num_args = 0..=1, default_missing_value = ".", requires = "agent")]
    project: Option<PathBuf>,
    /// Only from this folder
    #[arg(long, value_name = "PATH", conflicts_with = "agent")]
    dir: Option<PathBuf>,
    /// Show what would be taken away, change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs `disable`.
pub(crate) fn disable(context: &mut Context, args: DisableArgs) -> Ended {
    let place = places(args.agent.as_slice(), args.project.as_ref(), args.dir.as_slice())?.pop();
    let mut exit = Exit::Done;
    let mut documents = Vec::new();
    let skills = match &args.from {
        None => args.skills,
        Some(source) => typed(pick::enabled_from(&context.world, source)?),
    };
    for skill in &skills {
        if args.dry_run {
            let row = disable::disable_plan(&context.world, skill)?;
            for there in row.lifecycle.placements() {
                context.say(&format!("would take away {}", text::escape(&there.path)))?;
            }
            documents.push(serde_json::json!({ "name": row.revision.name, "digest": row.revision.digest }));
            continue;
        }
        let done = disable::disable(&context.world, skill, place.as_ref())?;
        if done.paths.is_empty() {
            context.say(&format!("{} was enabled nowhere", done.row.revision))?;
        }
        for path in &done.paths {
            context.say(&format!("disabled  {}  {}", done.row.revision, text::escape(path)))?;
        }
        warn(context, &done.failures)?;
        if !done.failures.is_empty() {
            exit = Exit::Failed;
        }
        documents.push(serde_json::json!({ "name": done.row.revision.name, "digest": done.row.revision.digest, "withdrawn": done.paths, "failures": done.failures }));
    }
    context.json(
        if args.dry_run { "disable-plan/1" } else { "disable/1" },
        serde_json::json!({ "skills": documents }),
    )?;
    Ok(exit)
}

/// Says loudly what could not be taken away.
pub(crate) fn warn(context: &mut Context, failures: &Failures) -> Result<(), Stop> {
    for (path, why) in failures {
        context.fault(&format!("{}: {}: {why}", paint(Tone::Bad, "still there"), text::escape(path)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::super::context::Globals;
    use super::super::super::render::{Color, Out};
    use super::*;
    use skill_trust::ops::World;

    /// A context under a policy of this text.
    fn context(folder: &std::path::Path, policy: &str) -> Context {
        let file = folder.join("policy.toml");
        std::fs::write(&file, policy).unwrap();
        let globals = Globals {
            home: None,
            json: false,
            color: Color::Never,
            offline: false,
            no_input: true,
            verbose: false,
            quiet: false,
        };
        let world = World { policy_files: vec![file], ..World::usual("cli") };
        Context { world, globals, out: Out::standard(Color::Never, true, None) }
    }

    #[test]
    fn the_policys_agents_are_for_when_no_place_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let mut with = context(folder.path(), "[enable]\nagents = [\"codex\", \"cursor\"]\n");
        let project = Some(PathBuf::from("."));
        let named = |agent: &[&str], dir: &[&str], project: &Option<PathBuf>| Args {
            agent: agent.iter().map(|id| (*id).to_owned()).collect(),
            dir: dir.iter().map(PathBuf::from).collect(),
            project: project.clone(),
            ..Args::default()
        };
        let none = Vec::<String>::new();
        assert_eq!(agents(&mut with, &named(&[], &[], &None)).unwrap(), ["codex", "cursor"]);
        assert_eq!(agents(&mut with, &named(&[], &[], &project)).unwrap(), ["codex", "cursor"]);
        assert_eq!(agents(&mut with, &named(&["goose"], &[], &None)).unwrap(), ["goose"]);
        assert_eq!(agents(&mut with, &named(&[], &["/srv"], &None)).unwrap(), none);
        assert_eq!(agents(&mut with, &named(&["goose"], &["/srv"], &project)).unwrap(), ["goose"]);
        assert_eq!(agents(&mut with, &named(&[], &["/srv"], &project)).unwrap_err().code, Code::Usage);
        assert_eq!(place_hint(&with), "");
        let folder = tempfile::tempdir().unwrap();
        let mut without = context(folder.path(), "");
        assert_eq!(agents(&mut without, &named(&[], &[], &project)).unwrap(), none);
        assert_eq!(place_hint(&without), " --agent claude-code");
        // A policy that cannot be read is no reason to guess.
        let mut broken = context(folder.path(), "[enable]\nagnets = []\n");
        assert_eq!(agents(&mut broken, &named(&[], &[], &None)).unwrap_err().code, Code::PolicyBroken);
    }
}
