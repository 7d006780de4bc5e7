//! `install`, `update`, `remove`.

use super::super::complete;
use super::super::context::{Context, Ended};
use super::super::render::{self, Tone, paint};
use super::first_use;
use super::found;
use indicatif::{ProgressBar, ProgressStyle};
use skill_trust::model::code::{Code, Exit, Stop};
use skill_trust::model::digest::Digest;
use skill_trust::model::skill::{Revision, SkillName};
use skill_trust::model::source::{BadSource, SourceKind, SourceSpec};
use skill_trust::model::text;
use skill_trust::ops::install::{self, Arrival, Offer, Opened, Purpose, Selection};
use skill_trust::ops::judged;
use skill_trust::ops::pick::{self, Pick};
use skill_trust::ops::remove;
use skill_trust::ops::trust;
use skill_trust::ops::update;
use skill_trust::system::fetch::{FetchOptions, Progress};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Fetch skills into the store; nothing is enabled
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  skills install anthropics/skills --list\n  skills install anthropics/skills --skill pdf\n  \
    skills install ./my-skill\n  skills install ./pack.zip --list\n  skills install https://git.example/team/skills --rev v1.2 --all\n\nSee also: skills review, skills trust"
)]
pub(crate) struct Args {
    /// https://…, ssh://…, file://…, owner/repo[/path][@ref], a folder, a .tar.gz, .tgz or .zip file or
    /// https address, or https://host for what a site publishes
    source: String,
    /// Take this skill, by its name or its folder; may be repeated
    #[arg(long, value_name = "NAME", conflicts_with = "all")]
    skill: Vec<String>,
    /// Take every skill that is there
    #[arg(long)]
    all: bool,
    /// Only show which skills are there
    #[arg(long)]
    list: bool,
    /// Branch, tag or commit
    #[arg(long, value_name = "REF")]
    rev: Option<String>,
    /// The digest the skill must have
    #[arg(long, value_name = "sha256:…", conflicts_with = "all")]
    digest: Option<String>,
    /// Give the skill another name here; its bytes never change
    #[arg(long = "as", value_name = "NAME", conflicts_with = "all")]
    rename: Option<String>,
    /// Show what would be taken, change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs `install`.
pub(crate) fn run(context: &mut Context, args: Args) -> Ended {
    let spec = parse_source(&args.source, args.rev.as_deref())?;
    let selection = Selection {
        names: args.skill,
        all: args.all,
        rename: args.rename.as_deref().map(parse_name).transpose()?,
        digest: args.digest.as_deref().map(parse_digest).transpose()?,
    };
    let purpose = if args.list || args.dry_run { Purpose::Look } else { Purpose::Take };
    let opened = open(context, &spec, purpose)?;
    if args.list {
        return list(context, &opened);
    }
    let picked = match opened.select(&selection) {
        Err(stop) if purpose == Purpose::Take => return Err(opened.refused(&context.world, stop)),
        picked => picked?,
    };
    if selection.rename.is_some() && picked.len() != 1 {
        return Err(Stop::new(Code::Usage, "--as names one skill", "pick it with --skill NAME"));
    }
    if args.dry_run {
        for offer in &picked {
            context.say(&format!("would take {}", offer.title))?;
        }
        let titles: Vec<_> = picked.iter().map(|offer| offer.title.as_str()).collect();
        context.json("install-plan/1", serde_json::json!({ "source": opened.source(), "skills": titles }))?;
        return Ok(Exit::Done);
    }
    let arrivals = opened.take(&context.world, &picked, &selection)?;
    show(context, &opened, &arrivals)
}

/// Reads a typed source with `--rev`.
pub(crate) fn parse_source(typed: &str, rev: Option<&str>) -> Result<SourceSpec, Stop> {
    let refuse = |bad: BadSource| {
        let shown = text::escape_short(typed, 100);
        Stop::new(
            Code::SourceRefused,
            format!("`{shown}`: {}", text::escape(&bad.to_string())),
            "skills install --help shows the forms",
        )
    };
    let spec = SourceSpec::parse(typed, |name| Path::new(name).is_dir()).map_err(refuse)?;
    match rev {
        None => Ok(spec),
        Some(rev) => spec.at(rev).map_err(refuse),
    }
}

/// Reads a name given with `--as`.
pub(crate) fn parse_name(typed: &str) -> Result<SkillName, Stop> {
    SkillName::parse(typed).map_err(|why| {
        Stop::new(
            Code::Usage,
            format!("`{}`: {why}", text::escape_short(typed, 64)),
            "example: --as pdf-forms-2",
        )
    })
}

/// Reads a full digest.
pub(crate) fn parse_digest(typed: &str) -> Result<Digest, Stop> {
    Digest::parse(typed).map_err(|why| {
        let shown = text::escape_short(typed, 80);
        Stop::new(
            Code::Usage,
            format!("`{shown}`: {why}"),
            "copy all of it: a shorter form is never accepted here",
        )
    })
}

/// Reaches a source, with a progress bar on a terminal and Ctrl-C heard.
pub(crate) fn open(context: &Context, spec: &SourceSpec, purpose: Purpose) -> Result<Opened, Stop> {
    let mut options = FetchOptions { offline: context.globals.offline, ..FetchOptions::default() };
    let flag = Arc::clone(&options.interrupt);
    // A second handler in one process is refused; the first one serves.
    let _ = ctrlc::set_handler(move || flag.store(true, Ordering::SeqCst));
    let bar = if context.globals.quiet { ProgressBar::hidden() } else { ProgressBar::no_length() };
    if let Ok(style) = ProgressStyle::with_template("{spinner} fetching  {msg}") {
        bar.set_style(style);
    }
    let shown = bar.clone();
    options.progress = Some(Arc::new(move |progress: Progress| {
        shown.set_message(format!(
            "{}  {}/{} objects",
            render::human_size(progress.bytes),
            progress.objects,
            progress.of
        ));
        shown.tick();
    }));
    let opened = install::open(&context.world, spec, &options, purpose);
    bar.finish_and_clear();
    opened
}

fn list(context: &mut Context, opened: &Opened) -> Ended {
    show_source(context, opened)?;
    let row = |offer: &Offer| {
        let folder = offer.found.path.as_ref().map_or("(root)", |path| path.as_str()).to_owned();
        let about = match &offer.card {
            Ok(card) => text::escape_short(&card.description, 200),
            Err(faults) => format!("refused: {}", faults.first().map_or("", String::as_str)),
        };
        vec![offer.title.clone(), folder, about]
    };
    let rows: Vec<_> = opened.offers.iter().map(row).collect();
    if rows.is_empty() {
        let next = render::commands(&opened.elsewhere());
        context.say(&format!("no folder with a SKILL.md is there\nnext: {next}"))?;
    }
    let table = render::table(&["NAME", "FOLDER", "ABOUT"], &rows, context.out.width());
    context.say(&table)?;
    if let [first, _, ..] = rows.as_slice() {
        // Attack: a name that is a command of a shell, in a line that is copied.
        let name = text::shell_word(first.first().map_or("", String::as_str));
        context.say(&render::commands(&format!(
            "\nNext:  the same with --skill {name} (may be repeated) or --all in place of --list"
        )))?;
    }
    let skills: Vec<_> = rows
        .iter()
        .map(|row| serde_json::json!({ "name": row[0], "folder": row[1], "about": row[2] }))
        .collect();
    context.json(
        "source/1",
        serde_json::json!({ "source": opened.source(), "skills": skills, "unsearched": opened.faults, "links": opened.links }),
    )?;
    Ok(Exit::Done)
}

fn show_source(context: &mut Context, opened: &Opened) -> Result<(), Stop> {
    let source = opened.source();
    let place = match (source.kind, &source.reference) {
        (SourceKind::Git, Some(reference)) => format!("{source}  ({})", text::escape(reference)),
        _ => source.to_string(),
    };
    context.say(&format!("source   {place}"))?;
    for note in opened.notes() {
        context.note(&format!("note     {note}"))?;
    }
    if opened.links > 0 && context.globals.verbose {
        let (count, s) = (opened.links, if opened.links == 1 { "" } else { "s" });
        context.note(&format!("passed over: {count} symbolic link{s} outside of every skill"))?;
    }
    for fault in opened.faults.iter().take(10) {
        context.note(&format!("not searched: {fault}"))?;
    }
    Ok(())
}

fn show(context: &mut Context, opened: &Opened, arrivals: &[Arrival]) -> Ended {
    show_source(context, opened)?;
    let mut exit = Exit::Done;
    let mut documents = Vec::new();
    let one = arrivals.len() == 1;
    for arrival in arrivals {
        match &arrival.outcome {
            Ok((row, new)) => {
                let word = if *new { "stored" } else { "known " };
                let size = render::human_size(row.bytes);
                context.say(&format!(
                    "{}   {:<24} {}  {}, {size}  ({})",
                    paint(Tone::Good, word),
                    row.revision.name.as_str(),
                    row.revision.digest.short(),
                    render::files_of(row.files),
                    row.lifecycle.state()
                ))?;
                let findings = told(context, &row.revision, one)?;
                documents.push(serde_json::json!({ "name": row.revision.name, "digest": row.revision.digest, "state": row.lifecycle.state(), "new": new, "files": row.files, "bytes": row.bytes, "findings": findings }));
            }
            Err(stop) => {
                if one {
                    return Err(stop.clone());
                }
                exit = exit.max(stop.code.exit());
                context.note(&format!(
                    "{}  {:<24} [{}] {}",
                    paint(Tone::Bad, "refused"),
                    arrival.title,
                    stop.code,
                    stop.what
                ))?;
                documents.push(serde_json::json!({ "title": arrival.title, "code": stop.code, "error": stop.what, "next": stop.next }));
            }
        }
    }
    let stored: Vec<_> = arrivals.iter().filter_map(|arrival| arrival.outcome.as_ref().ok()).collect();
    context.json(
        "install/1",
        serde_json::json!({ "source": opened.source(), "notes": opened.notes(), "links": opened.links, "skills": documents }),
    )?;
    match stored.as_slice() {
        [] => {}
        many if first_use::is_offered(context) => {
            if let [(row, _)] = many {
                context.say(&format!("digest   {}", row.revision.digest))?;
            }
            context.say("\nNothing is enabled by installing.")?;
            let rows: Vec<_> = many.iter().map(|(row, _)| row.clone()).collect();
            first_use::offer(context, opened.source().identity(), &rows)?;
        }
        [(row, _)] => {
            let full = row.revision.digest;
            context.say(&format!("digest   {full}"))?;
            let mut next = format!("\nNothing is enabled. Next:  skills review {}", row.revision);
            if trust::would_be_granted(&context.world, &row.revision) {
                next.push_str(&format!(
                    "\nOr, as the policy grants:  skills trust {} --by-policy",
                    row.revision
                ));
            }
            context.say(&render::commands(&next))?;
        }
        many => {
            context.say(&render::commands(&format!(
                "\n{} stored, {} refused. Nothing is enabled. Next:  skills status",
                many.len(),
                arrivals.len() - many.len()
            )))?;
            let rows: Vec<_> = many.iter().map(|(row, _)| row.revision.clone()).collect();
            if let Some(line) = first_use::by_policy(context, opened.source().identity(), &rows) {
                context.say(&line)?;
            }
        }
    }
    Ok(exit)
}

/// What the rules found in what arrived: a line for people, all for programs. Of
/// several a line is said where there is something to say.
fn told(context: &mut Context, revision: &Revision, one: bool) -> Result<serde_json::Value, Stop> {
    match judged::look(&context.world, revision) {
        Ok(told) => {
            if one || !told.judgement.findings.is_empty() || !told.judgement.excepted.is_empty() {
                context.say(&format!("found    {}", found::line(&told)))?;
            }
            Ok(found::document(&told))
        }
        // It is stored all the same; nobody can trust what cannot be looked at.
        Err(stop) => {
            context.note(&format!("found    cannot be told: {}", stop.what))?;
            Ok(serde_json::Value::Null)
        }
    }
}

/// Fetch newer revisions beside the old ones
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The old revision stays as it is until you trust and enable the new one.\n\nExamples:\n  skills update pdf-forms\n  skills update"
)]
pub(crate) struct UpdateArgs {
    /// Skills to update; all if none is named
    #[arg(add = complete::any())]
    names: Vec<String>,
    /// Only show what has a newer revision
    #[arg(long, visible_alias = "check")]
    dry_run: bool,
}

/// Runs `update`: each source is reached once.
pub(crate) fn update(context: &mut Context, args: UpdateArgs) -> Ended {
    let wanted = update::plan(&context.world, &args.names)?;
    let mut exit = Exit::Done;
    let mut documents = Vec::new();
    for group in &wanted {
        let purpose = if args.dry_run { Purpose::Look } else { Purpose::Take };
        let opened = match open(context, &group.spec, purpose) {
            Ok(opened) => opened,
            Err(stop) => {
                context.out.stop(&stop).map_err(|error| {
                    Stop::new(Code::Io, error.to_string(), "look where the output goes, then run it again")
                })?;
                exit = exit.max(stop.code.exit());
                continue;
            }
        };
        for news in update::take(&context.world, group, &opened, args.dry_run)? {
            match news.outcome {
                Ok(None) => context.say(&format!("same     {}", news.name))?,
                Ok(Some(digest)) => {
                    let word = if args.dry_run { "waiting" } else { "stored " };
                    context.say(&format!(
                        "{}  {}  {} -> {}",
                        paint(Tone::Careful, word),
                        news.name,
                        news.before.short(),
                        digest.short()
                    ))?;
                    let revision = Revision { name: news.name.clone(), digest };
                    let findings =
                        if args.dry_run { serde_json::Value::Null } else { told(context, &revision, false)? };
                    documents.push(serde_json::json!({ "name": news.name, "before": news.before, "digest": digest, "stored": !args.dry_run, "findings": findings }));
                }
                Err(stop) => {
                    exit = exit.max(stop.code.exit());
                    context.out.stop(&stop).map_err(|error| {
                        Stop::new(
                            Code::Io,
                            error.to_string(),
                            "look where the output goes, then run it again",
                        )
                    })?;
                }
            }
        }
    }
    if args.names.is_empty() {
        adopted(context)?;
    }
    if !documents.is_empty() && !args.dry_run {
        context
            .say(&render::commands("\nThe old revisions stay as they are. Next:  skills review --updates"))?;
        if super::trust_set::granted(context, Pick::Updates) > 0 {
            context
                .say(&render::commands("Or, as the policy grants:  skills trust --updates --by-policy"))?;
        }
    }
    context.json("update/1", serde_json::json!({ "updates": documents }))?;
    Ok(exit)
}

/// What was adopted is not among the lines above, and why.
fn adopted(context: &mut Context) -> Result<(), Stop> {
    let rows = pick::look(&context.world, &Pick::Adopted, |_| true).unwrap_or_default();
    let names: std::collections::BTreeSet<_> = rows.iter().map(|row| &row.revision.name).collect();
    if names.is_empty() {
        return Ok(());
    }
    let many = render::count(names.len(), "skill");
    let was = if names.len() == 1 { "was adopted and has" } else { "were adopted and have" };
    context.say(&format!(
        "{many} {was} no source to ask; a copy from one is installed under another name: --as NAME"
    ))
}

/// Forget a skill that is not enabled
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Its events stay in the audit log.\n\nExamples:\n  skills remove pdf-forms\n  skills remove pdf-forms@0123456789ab"
)]
pub(crate) struct RemoveArgs {
    /// NAME or NAME@DIGEST
    #[arg(required = true, add = complete::any())]
    skills: Vec<String>,
    /// Show what would be removed, change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs `remove`.
pub(crate) fn remove(context: &mut Context, args: RemoveArgs) -> Ended {
    let mut removed = Vec::new();
    for typed in &args.skills {
        let row = if args.dry_run {
            remove::remove_plan(&context.world, typed)?
        } else {
            remove::remove(&context.world, typed)?
        };
        context.say(&format!(
            "{}  {}",
            if args.dry_run { "would remove" } else { "removed" },
            row.revision
        ))?;
        removed.push(row.revision);
    }
    context.json("remove/1", serde_json::json!({ "removed": removed, "dry_run": args.dry_run }))?;
    Ok(Exit::Done)
}
