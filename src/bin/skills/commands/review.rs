//! `review`: a skill's text before a person, with nothing hidden in it.
//!
//! What has to be known first stands first: what it is compared with, how much
//! there is to read, what is new to look for. Then the files, riskiest first,
//! through a pager where they are longer than the screen; last, and outside of
//! the pager, the digest and the command that decides.

#[cfg(feature = "provenance")]
mod add;
mod body;
mod head;

use super::super::complete;
use super::super::context::{Context, Ended};
use super::super::render;
use super::enable::place_hint;
use body::Body;
use serde_json::{Value, json};
use skill_trust::model::code::{Code, Exit, Stop};
use skill_trust::model::lifecycle::State;
use skill_trust::model::text;
use skill_trust::ops::judged;
use skill_trust::ops::pick::{self, Pick};
use skill_trust::ops::review::{self, Change, FileView, Review, ReviewRequest, as_text};

/// Read a skill before trusting it
#[derive(Debug, Default, clap::Args)]
#[command(
    after_help = "Shows the bytes in the store, hashed while they are read. Hidden and look-alike characters are \
    written out, and `!` marks their lines. After a first trust only the difference to it is shown.\n\
    On a terminal, what is longer than the screen goes through /usr/bin/less; PAGER is not asked.\n\n\
    Examples:\n  skills review pdf-forms\n  skills review pdf-forms --files\n  skills review pdf-forms --file scripts/fill.py\n  \
    skills review pdf-forms --full\n  skills review pdf-forms --against pdf-forms@0123456789ab\n  skills review --updates --side-by-side\n  \
    skills review pdf-forms --add ana.review.json\n\nSee also: skills trust, skills publish review"
)]
pub(crate) struct Args {
    /// NAME or NAME@DIGEST; several if you like
    #[arg(required_unless_present_any = ["from", "updates", "adopted"], add = complete::any())]
    skills: Vec<String>,
    /// Everything undecided that came from this source
    #[arg(long, value_name = "SOURCE", conflicts_with = "skills")]
    from: Option<String>,
    /// Every update that waits, as differences
    #[arg(long, conflicts_with_all = ["skills", "from"])]
    updates: bool,
    /// Everything undecided that was adopted
    #[arg(long, conflicts_with_all = ["skills", "from", "updates"])]
    adopted: bool,
    /// Only the list of files
    #[arg(long, conflicts_with = "file")]
    files: bool,
    /// Only this file, all of it
    #[arg(long, value_name = "PATH", conflicts_with_all = ["from", "updates", "adopted"])]
    file: Option<String>,
    /// Everything, not only what changed since the last trust
    #[arg(long, conflicts_with = "against")]
    full: bool,
    /// Compare with this revision
    #[arg(long, value_name = "NAME@DIGEST", add = complete::any(), conflicts_with_all = ["from", "updates", "adopted"])]
    against: Option<String>,
    /// Keep this review or attestation that somebody else signed about it
    #[cfg(feature = "provenance")]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from", "updates", "adopted", "files", "file", "full", "against"])]
    add: Vec<std::path::PathBuf>,
    /// With --add: show what it says, keep nothing
    #[cfg(feature = "provenance")]
    #[arg(long, requires = "add")]
    dry_run: bool,
    #[command(flatten)]
    view: View,
}

impl Args {
    /// A review of these, without options.
    pub(super) fn of(skills: Vec<String>) -> Self {
        Self { skills, ..Self::default() }
    }
}

/// How it is shown.
#[derive(Debug, Default, Clone, Copy, clap::Args)]
struct View {
    /// Before and after beside each other; from 120 columns
    #[arg(long)]
    side_by_side: bool,
    /// Write it all at once, however long
    #[arg(long)]
    no_pager: bool,
}

/// Columns from which two texts beside each other can be read.
const SIDE_BY_SIDE_MIN: usize = 120;

/// Runs `review`.
pub(crate) fn run(context: &mut Context, args: Args) -> Ended {
    #[cfg(feature = "provenance")]
    if !args.add.is_empty() {
        return add::run(context, &args);
    }
    let picked = match (&args.from, args.updates) {
        _ if args.adopted => Some(Pick::Adopted),
        (Some(source), _) => Some(Pick::From(source.clone())),
        (None, true) => Some(Pick::Updates),
        (None, false) => None,
    };
    let skills = match picked {
        None => args.skills.clone(),
        Some(picked) => {
            let rows = pick::look(&context.world, &picked, pick::is_undecided)?;
            rows.iter().map(|row| row.revision.file_name()).collect()
        }
    };
    if skills.len() > 1 && context.globals.json {
        let stop = Stop::new(Code::Usage, "one review is one JSON document", "name one skill with --json");
        return Err(stop);
    }
    let body = body(context, args.view)?;
    if !args.view.no_pager {
        context.page();
    }
    let shown = all(context, &args, &body, &skills);
    context.page_end()?;
    context.say(&shown?)?;
    let (first, all) = match (&args.from, args.updates) {
        _ if skills.len() < 2 => return Ok(Exit::Done),
        _ if args.adopted => ("--adopted".to_owned(), skills.len()),
        (Some(source), _) => (format!("--from {}", text::shell_word(source)), skills.len()),
        (None, true) => ("--updates".to_owned(), skills.len()),
        (None, false) => (args.skills.join(" "), skills.len()),
    };
    let all = render::commands(&format!("\nNext, about these {all} together: skills trust {first}"));
    context.say(&all)?;
    Ok(Exit::Done)
}

/// Compare two revisions
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Shows what B has and A has not, as a review of B against A. Both are hashed while they are read.\n\n\
    Examples:\n  skills diff pdf-forms@0123456789ab pdf-forms@ba9876543210\n\nSee also: skills review --against"
)]
pub(crate) struct DiffArgs {
    /// NAME or NAME@DIGEST: before
    #[arg(add = complete::any())]
    a: String,
    /// NAME or NAME@DIGEST: after
    #[arg(add = complete::any())]
    b: String,
    #[command(flatten)]
    view: View,
}

/// Runs `diff`.
pub(crate) fn diff(context: &mut Context, args: DiffArgs) -> Ended {
    run(context, Args { skills: vec![args.b], against: Some(args.a), view: args.view, ..Args::default() })
}

/// How files are shown here.
fn body(context: &mut Context, view: View) -> Result<Body, Stop> {
    let columns = context.out.columns();
    let wide = columns.is_some_and(|columns| columns >= SIDE_BY_SIDE_MIN);
    if view.side_by_side && !wide {
        let have =
            columns.map_or_else(|| "there is no terminal".to_owned(), |have| format!("this one has {have}"));
        context.note(&format!(
            "side by side needs a terminal of {SIDE_BY_SIDE_MIN} columns, {have}; shown one below the other"
        ))?;
    }
    Ok(Body { columns, beside: view.side_by_side && wide })
}

/// Shows each; returns the last one's end, which a pager does not take away.
fn all(context: &mut Context, args: &Args, body: &Body, skills: &[String]) -> Result<String, Stop> {
    let mut end = String::new();
    for (at, skill) in skills.iter().enumerate() {
        if at > 0 {
            context.say(&format!("{end}\n\n{}\n", "─".repeat(72)))?;
        }
        end = one(context, args, body, skill, skills.len() > 1)?;
    }
    Ok(end)
}

/// Shows one but for its end.
fn one(context: &mut Context, args: &Args, body: &Body, skill: &str, many: bool) -> Result<String, Stop> {
    let request = ReviewRequest {
        skill: skill.to_owned(),
        full: args.full || args.file.is_some(),
        against: args.against.clone(),
    };
    let review = review::open(&context.world, &request)?;
    let revision = &review.row.revision;
    if context.globals.json {
        let document = document(&review, args.files, args.file.as_deref())?;
        context.json("review/1", document)?;
        return Ok(String::new());
    }
    if let Some(path) = &args.file {
        let view = review.file(path)?;
        body.whole(context, &review, view)?;
        return Ok(format!(
            "\n{revision}; all of it: {}",
            render::commands(&format!("skills review {revision}"))
        ));
    }
    let files = riskiest_first(&review);
    head::show(context, &review, &files)?;
    if !args.files {
        for view in &files {
            body.show(context, &review, view)?;
        }
    }
    let digest = format!("\ndigest   {}", revision.digest);
    // Of several, what to do next is said once, at the end of all.
    Ok(if many { digest } else { format!("{digest}\n{}", next(context, &review)) })
}

/// In the order of the list.
fn riskiest_first(review: &Review) -> Vec<&FileView> {
    let mut order: Vec<_> = review.files.iter().collect();
    order.sort_by(|a, b| a.risk().cmp(&b.risk()));
    order
}

fn revoked(review: &Review) -> Value {
    match &review.revoked {
        Ok(found) => found.as_ref().map_or(Value::Null, super::status::revocation),
        Err(stop) => json!({ "code": stop.code, "error": stop.what, "next": stop.next }),
    }
}

fn next(context: &Context, review: &Review) -> String {
    let revision = &review.row.revision;
    if let (State::Installed, Ok(Some(found))) = (review.row.lifecycle.state(), &review.revoked) {
        return render::commands(&format!("It is revoked, no trust is given; {}", found.next));
    }
    let blocking = review.found.judgement.blocking();
    if let (State::Installed, Some(first)) = (review.row.lifecycle.state(), blocking.first()) {
        let explain = format!("Not to be trusted as it is; what the rule is about:  skills explain {first}");
        let all_the_same = judged::command(revision, &blocking);
        return render::commands(&format!(
            "{explain}\nTo trust exactly these bytes all the same:  {all_the_same}"
        ));
    }
    render::commands(&match review.row.lifecycle.state() {
        State::Installed => format!("Next:    skills trust {revision}"),
        State::Trusted => {
            format!("Trusted already. Next:  skills enable {revision}{}", place_hint(context))
        }
        State::Enabled => "Trusted and enabled already.".to_owned(),
    })
}

fn document(review: &Review, list_only: bool, only: Option<&str>) -> Result<Value, Stop> {
    let mut files = Vec::new();
    let wanted: Vec<_> = match only {
        Some(path) => vec![review.file(path)?],
        None => riskiest_first(review),
    };
    for view in wanted {
        let content = if list_only || !view.is_text || view.change == Change::Removed {
            None
        } else {
            as_text(&review.read(view)?).map(str::to_owned)
        };
        files.push(json!({
            "path": view.entry.path, "executable": view.entry.executable, "size": view.entry.size,
            "sha256": view.entry.sha256, "marks": view.marks, "fresh": view.fresh, "text": view.is_text, "change": view.change,
            "lines_added": view.lines.0, "lines_removed": view.lines.1, "content": content,
        }));
    }
    let card = match &review.card {
        Ok(card) => json!({
            "name": card.raw_name, "description": card.description, "license": card.license,
            "compatibility": card.compatibility, "version": card.version, "allowed_tools": card.allowed_tools,
            "metadata": card.metadata, "extensions": card.extensions, "notes": card.notes,
        }),
        Err(faults) => json!({ "faults": faults }),
    };
    let row = &review.row;
    Ok(json!({
        "name": row.revision.name, "digest": row.revision.digest, "state": row.lifecycle.state(),
        "source": row.source, "card": card, "files": files,
        "findings": super::found::document(&review.found), "overridden": review.row.lifecycle.pin().map(|pin| &pin.despite),
        "provenance": super::trust::provenance(&review.findings), "revoked": revoked(review),
        "base": review.base.as_ref().map(|base| &base.row.revision), "not_compared": review.no_base,
    }))
}
