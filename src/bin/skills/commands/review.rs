//! `review`: a skill's text before a person, with nothing hidden in it.
//!
//! Every line of a skill is printed behind a gutter of ours, so that no line
//! of it can pass for one of our own.

use super::super::context::{Context, Ended};
use super::super::render::{self, FileRow, Tone, paint};
use serde_json::{Value, json};
use similar::{ChangeTag, TextDiff};
use skill_trust::model::card::{Card, RISKY_KEYS};
use skill_trust::model::code::{Code, Exit, Stop};
use skill_trust::model::lifecycle::State;
use skill_trust::model::text;
use skill_trust::ops::pick::{self, Pick};
use skill_trust::ops::review::{self, Change, FileView, Review, ReviewRequest, as_text};

/// Read a skill before trusting it
#[derive(Debug, Default, clap::Args)]
#[command(
    after_help = "Shows the bytes in the store, hashed while they are read. Hidden characters are written out,\n\
    and `!` marks their lines. After a first trust only the difference to it is shown.\n\n\
    Examples:\n  skills review pdf-forms\n  skills review pdf-forms --files\n  skills review pdf-forms --file scripts/fill.py\n  \
    skills review pdf-forms --full | less\n  skills review pdf-forms --against pdf-forms@0123456789ab\n  skills review --updates | less\n\nSee also: skills trust"
)]
pub(crate) struct Args {
    /// NAME or NAME@DIGEST; several if you like
    #[arg(required_unless_present_any = ["from", "updates", "adopted"])]
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
    #[arg(long, value_name = "NAME@DIGEST", conflicts_with_all = ["from", "updates", "adopted"])]
    against: Option<String>,
}

/// Runs `review`.
pub(crate) fn run(context: &mut Context, args: Args) -> Ended {
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
    for (at, skill) in skills.iter().enumerate() {
        if at > 0 {
            context.say(&format!("\n{}\n", "─".repeat(72)))?;
        }
        one(context, &args, skill)?;
    }
    let (first, all) = match (&args.from, args.updates) {
        _ if skills.len() < 2 => return Ok(Exit::Done),
        _ if args.adopted => ("--adopted".to_owned(), skills.len()),
        (Some(source), _) => (format!("--from {}", text::shell_word(source)), skills.len()),
        (None, true) => ("--updates".to_owned(), skills.len()),
        (None, false) => (args.skills.join(" "), skills.len()),
    };
    context.say(&format!("\nTo decide about these {all} together: skills trust {first}"))?;
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
    a: String,
    /// NAME or NAME@DIGEST: after
    b: String,
}

/// Runs `diff`.
pub(crate) fn diff(context: &mut Context, args: DiffArgs) -> Ended {
    run(context, Args { skills: vec![args.b], against: Some(args.a), ..Args::default() })
}

fn one(context: &mut Context, args: &Args, skill: &str) -> Result<(), Stop> {
    let request = ReviewRequest {
        skill: skill.to_owned(),
        full: args.full || args.file.is_some(),
        against: args.against.clone(),
    };
    let review = review::open(&context.world, &request)?;
    if context.globals.json {
        let document = document(&review, args.files, args.file.as_deref())?;
        return context.json("review/1", document);
    }
    if let Some(path) = &args.file {
        let view = review.file(path)?;
        return whole(context, &review, view);
    }
    header(context, &review)?;
    list(context, &review)?;
    if !args.files {
        for view in riskiest_first(&review) {
            show(context, &review, view)?;
        }
    }
    context.say(&format!("\ndigest     {}", review.row.revision.digest))?;
    context.say(&next(&review))
}

fn line(context: &mut Context, key: &str, value: &str) -> Result<(), Stop> {
    if value.is_empty() { Ok(()) } else { context.say(&format!("{key:<10} {value}")) }
}

fn header(context: &mut Context, review: &Review) -> Result<(), Stop> {
    let row = &review.row;
    line(context, "skill", &paint(Tone::Strong, &row.revision.to_string()))?;
    line(context, "source", &row.source.to_string())?;
    line(context, "state", row.lifecycle.state().as_str())?;
    match &review.card {
        Ok(card) => self::card(context, card)?,
        Err(faults) => {
            for fault in faults {
                line(context, "card", &paint(Tone::Bad, fault))?;
            }
        }
    }
    if let Some(why) = &review.no_base {
        line(context, "compared", &paint(Tone::Careful, &format!("with nothing: {why}")))?;
    }
    let Some(base) = &review.base else { return Ok(()) };
    let when = base.pin.as_ref().map_or_else(String::new, |pin| {
        format!(", trusted {} by {}", render::age(pin.at, context.now()), text::escape(&pin.by.user))
    });
    line(context, "compared", &format!("with {}{when}", base.row.revision))?;
    line(context, "cost", &cost(review))
}

/// What an author wrote about the skill.
fn card(context: &mut Context, card: &Card) -> Result<(), Stop> {
    let optional = |text: &Option<String>| text::escape(text.as_deref().unwrap_or_default());
    line(context, "name", &optional(&card.raw_name))?;
    line(context, "says", &text::escape(&card.description))?;
    line(context, "version", &optional(&card.version))?;
    line(context, "license", &optional(&card.license))?;
    line(context, "needs", &optional(&card.compatibility))?;
    if !card.allowed_tools.is_empty() {
        line(context, "tools", &paint(Tone::Careful, &card.allowed_tools.join(" ")))?;
    }
    for (key, value) in &card.metadata {
        line(context, "metadata", &format!("{}: {}", text::escape(key), text::escape(value)))?;
    }
    for (key, value) in &card.extensions {
        let shown = format!("{key}: {value}");
        let risky = key.split('.').any(|part| RISKY_KEYS.contains(&part));
        let shown =
            if risky { paint(Tone::Careful, &format!("{shown}  [risky]")) } else { text::escape(&shown) };
        line(context, "extension", &shown)?;
    }
    for note in &card.notes {
        line(context, "note", &text::escape(&note.to_string()))?;
    }
    Ok(())
}

/// What a person is asked to read, in numbers.
fn cost(review: &Review) -> String {
    let count = |change| review.files.iter().filter(|view| view.change == change).count();
    let (added, removed) =
        review.files.iter().fold((0, 0), |sum, view| (sum.0 + view.lines.0, sum.1 + view.lines.1));
    let programs = review.files.iter().filter(|view| {
        let was = view.was.as_ref().is_some_and(|was| was.executable);
        view.entry.executable && !was && matches!(view.change, Change::Added | Change::Changed)
    });
    let mut parts = vec![
        format!(
            "{} changed, {} new, {} removed",
            count(Change::Changed),
            count(Change::Added),
            count(Change::Removed)
        ),
        format!("lines +{added} -{removed}"),
    ];
    let programs = programs.count();
    if programs > 0 {
        parts.push(format!("{programs} newly executable"));
    }
    parts.join("; ")
}

fn list(context: &mut Context, review: &Review) -> Result<(), Stop> {
    let rows: Vec<_> = review
        .files
        .iter()
        .map(|view| FileRow {
            path: view.entry.path.to_string(),
            size: view.entry.size,
            marks: view.marks.clone(),
        })
        .collect();
    let table = render::files(&rows, context.out.width());
    context.say(&format!("\n{table}"))
}

/// In the order of the list.
fn riskiest_first(review: &Review) -> Vec<&FileView> {
    let mut order: Vec<_> = review.files.iter().collect();
    order.sort_by_key(|view| {
        let worst = view.marks.iter().min().map_or((1, None), |mark| (0, Some(*mark)));
        (worst, std::cmp::Reverse(view.marks.len()), view.entry.path.to_string())
    });
    order
}

/// One file: the difference where there is one, all of it where there is no
/// base, nothing where it is the same.
fn show(context: &mut Context, review: &Review, view: &FileView) -> Result<(), Stop> {
    match view.change {
        Change::Same if review.base.is_some() => Ok(()),
        Change::Same | Change::Added => whole(context, review, view),
        Change::Removed => {
            title(context, view, "removed")?;
            context.say("  it was there when last trusted, and is gone")
        }
        Change::Changed => difference(context, review, view),
    }
}

fn title(context: &mut Context, view: &FileView, word: &str) -> Result<(), Stop> {
    let size = render::human_size(view.entry.size);
    let program = if view.entry.executable { ", executable" } else { "" };
    let head = paint(Tone::Strong, &format!("== {}", view.entry.path));
    context.say(&format!("\n{head}  ({word}{size}{program})", word = prefixed(word)))
}

fn prefixed(word: &str) -> String {
    if word.is_empty() { String::new() } else { format!("{word}, ") }
}

fn whole(context: &mut Context, review: &Review, view: &FileView) -> Result<(), Stop> {
    let word = if view.change == Change::Added { "new" } else { "" };
    title(context, view, word)?;
    let bytes = review.read(view)?;
    let Some(content) = as_text(&bytes) else { return binary(context, view) };
    let crlf = line_ends(context, content)?;
    let lines: Vec<_> = content.split_inclusive('\n').collect();
    // Few large writes: a file may have a hundred thousand lines.
    for (at, chunk) in lines.chunks(500).enumerate() {
        let shown: Vec<_> = chunk
            .iter()
            .enumerate()
            .map(|(in_chunk, line)| {
                let (mark, line) = visible(line, crlf);
                format!("{:>5}{mark}| {line}", at * 500 + in_chunk + 1)
            })
            .collect();
        context.say(&shown.join("\n"))?;
    }
    if content.is_empty() { context.say("  (empty)") } else { Ok(()) }
}

fn binary(context: &mut Context, view: &FileView) -> Result<(), Stop> {
    context.say(&format!("  not text: {} bytes, blob id {}", view.entry.size, view.entry.sha256))
}

/// Says once that every line ends in CR LF, and whether it is so.
fn line_ends(context: &mut Context, content: &str) -> Result<bool, Stop> {
    let lines = content.matches('\n').count();
    let crlf =
        lines > 0 && content.matches("\r\n").count() == lines && content.matches('\r').count() == lines;
    if crlf {
        context.say("  (every line ends in CR LF)")?;
    }
    Ok(crlf)
}

/// A line with everything hidden written out, and `!` if there was anything.
fn visible(line: &str, crlf: bool) -> (char, String) {
    let line = line.strip_suffix('\n').unwrap_or(line);
    let line = if crlf { line.strip_suffix('\r').unwrap_or(line) } else { line };
    // A tab is layout; it becomes spaces, so that our gutter stays straight.
    let line = line.replace('\t', "    ");
    let mark = if line.chars().any(text::is_hidden) { '!' } else { ' ' };
    (mark, text::escape(&line))
}

fn difference(context: &mut Context, review: &Review, view: &FileView) -> Result<(), Stop> {
    title(context, view, "changed")?;
    if let Some(was) = view.was.as_ref().filter(|was| was.executable != view.entry.executable) {
        let word = |executable| if executable { "executable" } else { "not executable" };
        context.say(&format!("  was {}, is {}", word(was.executable), word(view.entry.executable)))?;
    }
    let (before, after) = (review.read_before(view)?, review.read(view)?);
    let (Some(before), Some(after)) = (as_text(&before), as_text(&after)) else {
        return binary(context, view);
    };
    let diff = TextDiff::from_lines(before, after);
    let mut shown = Vec::new();
    for (at, group) in diff.grouped_ops(3).iter().enumerate() {
        if at > 0 {
            shown.push("      ...".to_owned());
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let (mark, line) = visible(change.value(), false);
            let number = change.new_index().or(change.old_index()).map_or(0, |index| index + 1);
            shown.push(match change.tag() {
                ChangeTag::Equal => format!("{number:>5}{mark}|   {line}"),
                ChangeTag::Delete => paint(Tone::Bad, &format!("{number:>5}{mark}| - {line}")),
                ChangeTag::Insert => paint(Tone::Good, &format!("{number:>5}{mark}| + {line}")),
            });
        }
    }
    if shown.is_empty() { Ok(()) } else { context.say(&shown.join("\n")) }
}

fn next(review: &Review) -> String {
    let revision = &review.row.revision;
    match review.row.lifecycle.state() {
        State::Installed => format!("Next:      skills trust {revision}"),
        State::Trusted => format!("Trusted already. Next:  skills enable {revision}"),
        State::Enabled => "Trusted and enabled already.".to_owned(),
    }
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
            "sha256": view.entry.sha256, "marks": view.marks, "text": view.is_text, "change": view.change,
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
        "base": review.base.as_ref().map(|base| &base.row.revision), "not_compared": review.no_base,
    }))
}
