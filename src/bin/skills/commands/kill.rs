//! `kill` and `release`.

use super::super::complete;
use super::super::context::{Context, Ended};
use super::super::render::{Tone, commands, paint};
use super::install::parse_digest;
use skill_trust::model::code::{Code, Exit, Stop};
use skill_trust::model::lifecycle::HoldScope;
use skill_trust::model::skill::SkillName;
use skill_trust::model::text;
use skill_trust::ops::clear::{self, Cleared, Moved};
use skill_trust::ops::pick;
use skill_trust::ops::stop::{self, Killed};
use std::os::unix::ffi::OsStrExt as _;

/// Stop skills now: the emergency brake
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Works with a broken ledger, a full disk and no network, asks nothing, and stays until a person lifts it.\n\n\
    Examples:\n  skills kill --all\n  skills kill --all --note INC-204\n  skills kill --all --unmanaged\n  skills kill --drill\n  skills kill pdf-forms\n  \
    skills kill --source https://github.com/acme/skills\n\nSee also: skills release"
)]
pub(crate) struct Args {
    #[command(flatten)]
    covered: Covered,
    /// Then move aside what agents load and nobody manages, too
    #[arg(long, requires = "all")]
    unmanaged: bool,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Show what is enabled and would be stopped, change nothing
    #[arg(long)]
    dry_run: bool,
    /// Play a kill of everything on a copy, measure it, change nothing
    #[arg(long, group = "Covered", conflicts_with_all = ["dry_run", "note"])]
    drill: bool,
}

/// What a kill covers: exactly one of these.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Covered {
    /// Everything
    #[arg(long)]
    all: bool,
    /// Every revision of this skill, and every digest it ever had
    #[arg(add = complete::any())]
    skill: Option<String>,
    /// Everything from this source and from all beneath it: with `https://HOST`,
    /// everything at that host
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// Everything signed by this signer
    #[arg(long, value_name = "SIGNER")]
    signer: Option<String>,
    /// Exactly these bytes, under any name
    #[arg(long, value_name = "sha256:…")]
    digest: Option<String>,
}

impl Covered {
    /// The scope; none for everything.
    fn scope(&self) -> Result<Option<HoldScope>, Stop> {
        if let Some(name) = &self.skill {
            let name = SkillName::parse(name).map_err(|why| {
                let what = format!("`{}`: {why}", text::escape_short(name, 64));
                Stop::new(Code::Usage, what, "everything: skills kill --all")
            })?;
            return Ok(Some(HoldScope::Name(name)));
        }
        if let Some(source) = &self.source {
            return Ok(Some(HoldScope::Source(pick::source(source))));
        }
        if let Some(digest) = &self.digest {
            return parse_digest(digest).map(HoldScope::Digest).map(Some);
        }
        Ok(self.signer.clone().map(HoldScope::Signer))
    }
}

/// Runs `kill`.
pub(crate) fn run(context: &mut Context, args: Args) -> Ended {
    if args.drill {
        return super::drill::run(context);
    }
    let scope = args.covered.scope()?;
    if args.dry_run {
        return dry_run(context, scope.as_ref(), args.unmanaged);
    }
    let killed = match &scope {
        None => stop::kill_all(&context.world, args.note.as_deref()),
        Some(scope) => stop::kill_scope(&context.world, scope, args.note.as_deref()),
    };
    show(context, scope.as_ref(), &killed, args.unmanaged)
}

fn dry_run(context: &mut Context, scope: Option<&HoldScope>, unmanaged: bool) -> Ended {
    let rows = match stop::would_stop(&context.world, scope) {
        // What nobody manages is moved without a home as well.
        Err(stop) if unmanaged && stop.code == Code::HomeMissing => Vec::new(),
        rows => rows?,
    };
    for row in &rows {
        for place in row.lifecycle.placements() {
            context.say(&format!("would stop  {}  {}", row.revision, text::escape(&place.path)))?;
        }
    }
    if rows.is_empty() {
        context.say("nothing is enabled that it covers; the hold would stand all the same")?;
    }
    let list: Vec<_> = rows.iter().map(|row| &row.revision).collect();
    let entries = if unmanaged { clear::would_clear(&context.world) } else { Vec::new() };
    for path in &entries {
        let what = if path.is_symlink() { "the link " } else { "" };
        context
            .say(&format!("would move aside  {what}{}", text::escape_bytes(path.as_os_str().as_bytes())))?;
    }
    if unmanaged && entries.is_empty() {
        context.say("nothing that is not managed is loaded by an agent here")?;
    }
    let entries: Vec<_> = entries.iter().map(|path| path.to_string_lossy()).collect();
    context.json("kill-plan/1", serde_json::json!({ "would_stop": list, "would_move": entries }))?;
    Ok(Exit::Done)
}

/// Says what was stopped, what was not, and what stays live. Whether access was
/// withdrawn comes first and alone decides the exit code: a full or closed
/// output changes nothing of it, and is no reason to keep the rest back.
fn show(context: &mut Context, scope: Option<&HoldScope>, killed: &Killed, unmanaged: bool) -> Ended {
    let report = &killed.report;
    let stopped_all = report.failures.is_empty();
    // A narrow kill's hold lives in the ledger alone.
    let hold = if scope.is_some() { killed.pending.is_none() } else { report.is_held() };
    let done = stopped_all && hold;
    let what = scope.map_or_else(|| "everything".to_owned(), ToString::to_string);
    let home = text::escape(&context.world.home.to_string_lossy());
    let user = context.world.actor.user.clone();
    if done {
        tell(context, &format!("{}  {what}  (home {home}, account {user})", paint(Tone::Good, "KILLED")));
    } else {
        let text = format!("{}  {what}  (home {home}, account {user})", paint(Tone::Bad, "NOT KILLED"));
        if context.out.note(&text).is_err() {
            let _ = context.out.say(&text);
        }
        if !hold {
            let why = killed
                .pending
                .as_ref()
                .filter(|_| scope.is_some())
                .map_or_else(|| report.held.to_string(), |stop| stop.what.clone());
            warn(context, &format!("hold not stored: {}", text::escape(&why)));
        }
    }
    for stopped in &report.stopped {
        for path in &stopped.paths {
            tell(context, &format!("stopped  {}  {}", stopped.revision, text::escape(path)));
        }
    }
    for failure in &report.failures {
        warn(
            context,
            &format!(
                "{}  {}: {}",
                paint(Tone::Bad, "NOT STOPPED"),
                text::escape(&failure.what),
                text::escape(&failure.why)
            ),
        );
    }
    if let Some(stop) = &killed.pending {
        warn(context, &format!("not recorded yet: {}", stop.what));
        warn(context, "the next command that can will record it");
    }
    if let (Some(scope), Some(0)) = (scope, killed.known) {
        let none = paint(Tone::Bad, "NOTHING HERE IS COVERED");
        warn(
            context,
            &format!("{none}  no installed skill is of {scope}; look at the spelling: skills status"),
        );
    }
    // What is managed is stopped, recorded and told by now.
    let cleared = unmanaged.then(|| clear::clear_unmanaged(&context.world));
    if let Some(cleared) = &cleared {
        show_cleared(context, cleared);
    }
    let live = clear::still_live(&context.world);
    if cleared.is_none() && !live.is_empty() {
        tell(context, &format!("\nNot ours, and still live ({}):", live.len()));
        for path in live.iter().take(20) {
            tell(context, &format!("  {path}"));
        }
        if scope.is_none() {
            tell(context, "Move them aside too:  skills kill --all --unmanaged");
        }
    }
    tell(context, "\nAgents that are running may still hold a skill's text: restart them.");
    if done {
        tell(
            context,
            &commands(&format!(
                "Lift it with:  skills release {}",
                scope.map_or_else(|| "--all".to_owned(), stop::scope_words)
            )),
        );
    }
    let paths: Vec<_> = report.stopped.iter().map(|stopped| serde_json::json!({ "name": stopped.revision.name, "digest": stopped.revision.digest, "paths": stopped.paths })).collect();
    let failures: Vec<_> = report
        .failures
        .iter()
        .map(|failure| serde_json::json!({ "what": failure.what, "why": failure.why }))
        .collect();
    let done = done && cleared.as_ref().is_none_or(Cleared::is_done);
    let _ = context.json("kill/1", serde_json::json!({
        "unmanaged": cleared.as_ref().map(cleared_document), "killed": stopped_all && hold, "scope": what, "home": home, "account": user, "stopped": paths, "failures": failures,
        "recorded": killed.pending.is_none(), "epoch": killed.epoch, "still_live": live, "known": killed.known,
    }));
    Ok(if done { Exit::Done } else { Exit::Failed })
}

/// What was moved aside, each with its way back, and loudly what was not.
fn show_cleared(context: &mut Context, cleared: &Cleared) {
    if !cleared.moved.is_empty() {
        tell(context, &format!("\nNot ours, moved aside ({}):", cleared.moved.len()));
    }
    for one in &cleared.moved {
        let from = text::escape_bytes(one.original.path.as_os_str().as_bytes());
        let at = text::escape_bytes(one.at.as_os_str().as_bytes());
        tell(context, &format!("  {from}\n    is at      {at}\n    back with  {}", one.back()));
    }
    for (path, why) in &cleared.left {
        let path = text::escape_bytes(path.as_os_str().as_bytes());
        warn(context, &format!("{}  {path}: {}", paint(Tone::Bad, "STILL LIVE:"), text::escape(why)));
    }
    for (path, why) in &cleared.unflushed {
        let path = text::escape_bytes(path.as_os_str().as_bytes());
        let what = "MAY BE BACK AFTER A POWER CUT:";
        warn(context, &format!("{}  {path}: {}", paint(Tone::Bad, what), text::escape(why)));
    }
    if cleared.cut {
        let what = "STILL LIVE: not all folders could be searched; a skill may be left";
        warn(context, &paint(Tone::Bad, what));
    }
    if cleared.moved.is_empty() && cleared.is_done() {
        tell(context, "\nNothing else is loaded by an agent here.");
    }
    if let Some(stop) = &cleared.pending {
        warn(context, &format!("what was moved aside is not recorded yet: {}", stop.what));
        if cleared.forgotten {
            let what = "NOT RECORDED: no later command knows where it is; keep what is said here";
            warn(context, &paint(Tone::Bad, what));
        }
    }
}

fn cleared_document(cleared: &Cleared) -> serde_json::Value {
    let moved = |one: &Moved| serde_json::json!({ "from": one.original.path.to_string_lossy(), "at": one.at.to_string_lossy(), "back": one.back() });
    let left = |(path, why): &(std::path::PathBuf, String)| serde_json::json!({ "path": path.to_string_lossy(), "why": why });
    serde_json::json!({
        "moved": cleared.moved.iter().map(moved).collect::<Vec<_>>(),
        "left": cleared.left.iter().map(left).collect::<Vec<_>>(), "cut": cleared.cut, "unflushed": cleared.unflushed.iter().map(left).collect::<Vec<_>>(), "recorded": cleared.pending.is_none(),
    })
}

/// Says it, if need be on the other stream.
fn tell(context: &mut Context, text: &str) {
    if context.say(text).is_err() {
        let _ = context.note(text);
    }
}

fn warn(context: &mut Context, text: &str) {
    if context.note(text).is_err() {
        let _ = context.say(text);
    }
}

/// Lift a kill
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Everything comes back as trusted at most; nothing is enabled by it.\n`--all` lifts the kill of everything, no narrow one.\n\n\
    Examples:\n  skills release --all\n  skills release pdf-forms\n  skills release --all --phrase \"release epoch 1\""
)]
pub(crate) struct ReleaseArgs {
    #[command(flatten)]
    covered: Covered,
    /// The phrase, where there is no terminal
    #[arg(long, value_name = "TEXT")]
    phrase: Option<String>,
    /// Show what would be lifted, change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs `release`.
pub(crate) fn release(context: &mut Context, args: ReleaseArgs) -> Ended {
    let scope = args.covered.scope()?;
    let plan = stop::release_plan(&context.world, scope.as_ref())?;
    let mut shown = vec!["This lifts:".to_owned()];
    if let Some((_, epoch)) = &plan.home {
        shown.push(format!("  the kill of everything, epoch {epoch}"));
    }
    shown.extend(plan.holds.iter().map(|hold| format!("  the kill of {hold}")));
    shown.push("Everything comes back as trusted at most; nothing is enabled.".to_owned());
    let shown = shown.join("\n");
    if args.dry_run {
        context.say(&shown)?;
        context.json(
            "release-plan/1",
            serde_json::json!({ "phrase": stop::phrase(&plan), "holds": plan.holds }),
        )?;
        return Ok(Exit::Done);
    }
    let mut person = context.person();
    let epoch = stop::release(&context.world, &plan, &shown, args.phrase.as_deref(), person.as_mut())?;
    context.say(&format!("{}  epoch {epoch}; nothing is enabled", paint(Tone::Good, "released")))?;
    let next = "Next:  skills status, then skills enable --as-before, or skills enable NAME --agent …";
    context.say(&commands(next))?;
    context.json("release/1", serde_json::json!({ "epoch": epoch }))?;
    Ok(Exit::Done)
}
