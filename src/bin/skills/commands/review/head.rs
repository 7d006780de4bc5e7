//! What stands before the files: what is decided about, how much there is to
//! read, what is new to look for, what the author says, and the list.

use super::super::super::context::Context;
use super::super::super::render::{self, FileRow, Tone, paint};
use skill_trust::model::card::{Card, RISKY_KEYS};
use skill_trust::model::code::Stop;
use skill_trust::model::text;
use skill_trust::ops::review::{Change, FileView, Review};

/// Most files named for one thing to look for.
const NAMED_MAX: usize = 5;

/// Shows all of it; `files` are all of them in the order of the list.
pub(super) fn show(context: &mut Context, review: &Review, files: &[&FileView]) -> Result<(), Stop> {
    let row = &review.row;
    line(context, "skill", &paint(Tone::Strong, &row.revision.to_string()))?;
    line(context, "source", &row.source.to_string())?;
    line(context, "state", row.lifecycle.state().as_str())?;
    revoked(context, review)?;
    if let Some(pin) = row.lifecycle.pin().filter(|pin| !pin.despite.is_empty()) {
        let words = super::super::trust::despite(&pin.despite);
        line(context, "override", &format!("trusted {words}, by {}", text::escape(&pin.by.user)))?;
    }
    super::super::found::head(&review.found).iter().try_for_each(|line| context.say(line))?;
    for told in super::super::trust::vouching(&review.findings.lines) {
        context.say(&told)?;
    }
    compared(context, review)?;
    line(context, "to read", &cost(review))?;
    news(context, review, files)?;
    match &review.card {
        // An update's card that did not change was read before.
        Ok(_) if review.base.is_some() && !files.iter().any(|view| is_card(view) && view.is_news()) => {}
        Ok(card) => self::card(context, card)?,
        Err(faults) => {
            for fault in faults {
                line(context, "card", &paint(Tone::Bad, fault))?;
            }
        }
    }
    list(context, review, files)
}

/// Before anything is read: whether it may be trusted at all.
fn revoked(context: &mut Context, review: &Review) -> Result<(), Stop> {
    let (why, next) = match &review.revoked {
        Ok(None) => return Ok(()),
        Ok(Some(found)) => (&found.why, &found.next),
        Err(stop) => (&stop.what, &stop.next),
    };
    line(context, "revoked", &paint(Tone::Bad, why))?;
    line(context, "", &render::commands(next))
}

fn is_card(view: &FileView) -> bool {
    view.entry.path.as_str() == "SKILL.md"
}

fn line(context: &mut Context, key: &str, value: &str) -> Result<(), Stop> {
    if value.is_empty() { Ok(()) } else { context.say(&format!("{key:<8} {value}")) }
}

fn compared(context: &mut Context, review: &Review) -> Result<(), Stop> {
    if let Some(why) = &review.no_base {
        line(context, "against", &paint(Tone::Careful, &format!("nothing: {why}")))?;
    }
    let Some(base) = &review.base else { return Ok(()) };
    let when = base.pin.as_ref().map_or_else(String::new, |pin| {
        format!(", trusted {} by {}", render::age(pin.at, context.now()), text::escape(&pin.by.user))
    });
    line(context, "against", &format!("{}{when}", base.row.revision))
}

/// What a person is asked to read, in words.
fn cost(review: &Review) -> String {
    let news: Vec<_> = review.files.iter().filter(|view| view.is_news()).collect();
    let (added, removed) = news.iter().fold((0, 0), |sum, view| (sum.0 + view.lines.0, sum.1 + view.lines.1));
    let mut parts = vec![render::count(news.len(), "file")];
    if review.base.is_some() {
        let count = |change, word: &str| {
            let count = news.iter().filter(|view| view.change == change).count();
            (count > 0).then(|| format!("{count} {word}"))
        };
        let changes = [(Change::Changed, "changed"), (Change::Added, "new"), (Change::Removed, "removed")];
        let changes: Vec<_> = changes.into_iter().filter_map(|(change, word)| count(change, word)).collect();
        if !changes.is_empty() {
            parts[0].push_str(&format!(" ({})", changes.join(", ")));
        }
        parts.push(format!("{} added, {removed} removed", render::count(added, "line")));
    } else {
        parts.push(render::count(added, "line"));
    }
    let programs = news.iter().filter(|view| {
        let was = view.was.as_ref().is_some_and(|was| was.executable);
        view.entry.executable && !was && view.change != Change::Removed
    });
    let word = if review.base.is_some() { "new executable" } else { "executable" };
    parts.extend(Some(programs.count()).filter(|count| *count > 0).map(|count| render::count(count, word)));
    let binary = news.iter().filter(|view| !view.is_text).count();
    parts.extend(Some(binary).filter(|count| *count > 0).map(|count| format!("{count} not text")));
    parts.join(", ")
}

/// What an update brings that was not there when last trusted, riskiest first.
fn news(context: &mut Context, review: &Review, files: &[&FileView]) -> Result<(), Stop> {
    if review.base.is_none() {
        return Ok(());
    }
    let mut marks: Vec<_> = files.iter().flat_map(|view| view.fresh.iter().copied()).collect();
    marks.sort();
    marks.dedup();
    for mark in &marks {
        let all: Vec<_> = files.iter().filter(|view| view.fresh.contains(mark)).collect();
        let mut named: Vec<_> =
            all.iter().take(NAMED_MAX).map(|view| text::reveal(view.entry.path.as_str())).collect();
        if all.len() > NAMED_MAX {
            named.push(format!("and {} more", all.len() - NAMED_MAX));
        }
        let head = paint(Tone::Bad, &format!("new: {}", mark.words()));
        context.say(&format!("!        {head}: {}", named.join(", ")))?;
    }
    if !marks.is_empty() {
        return Ok(());
    }
    // That it was there does not say that anybody was shown it.
    let words = if review.found.to_read().iter().any(|(_, known)| *known) {
        "nothing that was not there before; what is found above is to be read all the same"
    } else {
        "nothing to look for that was not there before"
    };
    line(context, "new", words)
}

/// What an author wrote about the skill.
fn card(context: &mut Context, card: &Card) -> Result<(), Stop> {
    // Padding tells nothing here; the file itself is shown as it is.
    let prose = |text: &str| {
        text::reveal(&text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "))
    };
    let optional = |text: &Option<String>| prose(text.as_deref().unwrap_or_default());
    line(context, "name", &optional(&card.raw_name))?;
    line(context, "says", &prose(&card.description))?;
    line(context, "version", &optional(&card.version))?;
    line(context, "license", &optional(&card.license))?;
    line(context, "needs", &optional(&card.compatibility))?;
    if !card.allowed_tools.is_empty() {
        line(context, "tools", &paint(Tone::Careful, &card.allowed_tools.join(" ")))?;
    }
    for (key, value) in &card.metadata {
        line(context, "meta", &prose(&format!("{key}: {value}")))?;
    }
    for (key, value) in &card.extensions {
        let shown = format!("{key}: {value}");
        let risky = key.split('.').any(|part| RISKY_KEYS.contains(&part));
        let shown = if risky { paint(Tone::Careful, &format!("{shown}  [risky]")) } else { prose(&shown) };
        line(context, "also", &shown)?;
    }
    for note in &card.notes {
        line(context, "note", &text::reveal(&note.to_string()))?;
    }
    Ok(())
}

/// The files; of an update those that are not as they were.
fn list(context: &mut Context, review: &Review, files: &[&FileView]) -> Result<(), Stop> {
    let shown = files.iter().filter(|view| view.is_news());
    let rows: Vec<_> = shown
        .map(|view| FileRow {
            path: view.entry.path.to_string(),
            size: view.entry.size,
            marks: view.marks.clone(),
        })
        .collect();
    let table = render::files(&rows, context.out.width());
    if !table.is_empty() {
        context.say(&format!("\n{table}"))?;
    }
    let same = files.len() - rows.len();
    if same == 0 {
        return Ok(());
    }
    let (are, command) =
        (if same == 1 { "is" } else { "are" }, format!("skills review {} --full", review.row.revision));
    let all = render::commands(&format!("see all: {command}"));
    context.say(&format!("\n{} {are} as before, not shown; {all}", render::count(same, "file")))
}
