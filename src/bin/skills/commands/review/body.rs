//! The files themselves.
//!
//! Every line of a skill stands behind a gutter of ours, and on a terminal so
//! does what is left of a line that is too long for one row: no line of a skill
//! can pass for one of our own. A row without a number goes on with the line
//! above.

use super::super::super::context::Context;
use super::super::super::layout;
use super::super::super::render::{self, Tone, paint};
use similar::{ChangeTag, TextDiff};
use skill_trust::model::code::Stop;
use skill_trust::model::text;
use skill_trust::ops::review::{Change, FileView, Review, as_text};

/// Columns of a number, a mark, a bar and a space.
const GUTTER: usize = 8;

/// How files are shown.
pub(super) struct Body {
    /// Columns of the terminal; none where the text goes elsewhere.
    pub(super) columns: Option<usize>,
    /// Before and after beside each other.
    pub(super) beside: bool,
}

/// One line of a skill, ready to be shown.
struct Line {
    number: usize,
    /// Whether anything in it had to be written out.
    hidden: bool,
    text: String,
}

impl Line {
    fn new(number: usize, line: &str, crlf: bool) -> Self {
        let line = line.strip_suffix('\n').unwrap_or(line);
        let line = if crlf { line.strip_suffix('\r').unwrap_or(line) } else { line };
        // A tab is layout; it becomes spaces, so that our gutter stays straight.
        let line = line.replace('\t', "    ");
        let text = text::reveal(&line);
        Self { number, hidden: text != line, text }
    }

    /// Its rows, each behind the gutter and a sign.
    fn rows(&self, sign: &str, columns: Option<usize>) -> Vec<String> {
        let mark = if self.hidden { '!' } else { ' ' };
        let room = columns.map(|columns| columns.saturating_sub(GUTTER + sign.len()));
        let pieces = room.map_or_else(|| vec![self.text.clone()], |room| layout::cut(&self.text, room));
        let row = |(at, piece): (usize, &String)| match at {
            0 => format!("{:>5}{mark}| {sign}{piece}", self.number),
            _ => format!("     {mark}| {sign}{piece}"),
        };
        pieces.iter().enumerate().map(row).collect()
    }
}

impl Body {
    /// One file: the difference where there is one, all of it where there is
    /// no base, nothing where it is the same.
    pub(super) fn show(&self, context: &mut Context, review: &Review, view: &FileView) -> Result<(), Stop> {
        match view.change {
            Change::Same if review.base.is_some() => Ok(()),
            Change::Same | Change::Added => self.whole(context, review, view),
            Change::Removed => {
                title(context, view, "removed")?;
                context.say("  it was there when last trusted, and is gone")
            }
            Change::Changed => self.difference(context, review, view),
        }
    }

    /// All of a file.
    pub(super) fn whole(&self, context: &mut Context, review: &Review, view: &FileView) -> Result<(), Stop> {
        title(context, view, if view.change == Change::Added { "new" } else { "" })?;
        let bytes = review.read(view)?;
        let Some(content) = as_text(&bytes) else { return binary(context, view) };
        let crlf = line_ends(context, content)?;
        let lines: Vec<_> = content.split_inclusive('\n').collect();
        // Few large writes: a file may have a hundred thousand lines.
        for (at, chunk) in lines.chunks(500).enumerate() {
            let numbered = chunk.iter().enumerate();
            let rows: Vec<_> = numbered
                .flat_map(|(in_chunk, line)| {
                    Line::new(at * 500 + in_chunk + 1, line, crlf).rows("", self.columns)
                })
                .collect();
            context.say(&rows.join("\n"))?;
        }
        if content.is_empty() { context.say("  (empty)") } else { Ok(()) }
    }

    fn difference(&self, context: &mut Context, review: &Review, view: &FileView) -> Result<(), Stop> {
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
            for op in group {
                let changes: Vec<_> = diff.iter_changes(op).collect();
                let line = |change: &similar::Change<&str>, new: bool| {
                    let index = if new { change.new_index() } else { change.old_index() };
                    Line::new(
                        index.or(change.old_index()).map_or(0, |index| index + 1),
                        change.value(),
                        false,
                    )
                };
                match self.columns.filter(|_| self.beside) {
                    Some(columns) => beside(&changes, line, columns, &mut shown),
                    None => self.below(&changes, line, &mut shown),
                }
            }
        }
        if shown.is_empty() { Ok(()) } else { context.say(&shown.join("\n")) }
    }

    /// One row for each line, signed.
    fn below(
        &self,
        changes: &[similar::Change<&str>],
        line: impl Fn(&similar::Change<&str>, bool) -> Line,
        shown: &mut Vec<String>,
    ) {
        for change in changes {
            let (sign, tone) = sign(change.tag());
            let rows = line(change, true).rows(sign, self.columns);
            shown.extend(rows.into_iter().map(|row| match tone {
                Some(tone) => paint(tone, &row),
                None => row,
            }));
        }
    }
}

const fn sign(tag: ChangeTag) -> (&'static str, Option<Tone>) {
    match tag {
        ChangeTag::Equal => ("  ", None),
        ChangeTag::Delete => ("- ", Some(Tone::Bad)),
        ChangeTag::Insert => ("+ ", Some(Tone::Good)),
    }
}

/// Before on the left, after on the right; a line that has no partner stands alone.
fn beside(
    changes: &[similar::Change<&str>],
    line: impl Fn(&similar::Change<&str>, bool) -> Line,
    columns: usize,
    shown: &mut Vec<String>,
) {
    let half = (columns - 1) / 2;
    let side = |tags: [ChangeTag; 2], new: bool| -> Vec<(Vec<String>, Option<Tone>)> {
        let of = changes.iter().filter(|change| tags.contains(&change.tag()));
        of.map(|change| {
            let (sign, tone) = sign(change.tag());
            (line(change, new).rows(sign, Some(half)), tone)
        })
        .collect()
    };
    let left = side([ChangeTag::Equal, ChangeTag::Delete], false);
    let right = side([ChangeTag::Equal, ChangeTag::Insert], true);
    for at in 0..left.len().max(right.len()) {
        let (before, after) = (left.get(at), right.get(at));
        let rows = |side: Option<&(Vec<String>, Option<Tone>)>| side.map_or(0, |(rows, _)| rows.len());
        for row in 0..rows(before).max(rows(after)) {
            let cell = |side: Option<&(Vec<String>, Option<Tone>)>| {
                let (rows, tone) = side?;
                let text = rows.get(row)?;
                let pad = " ".repeat(half.saturating_sub(layout::width(text)));
                Some((tone.map_or_else(|| text.clone(), |tone| paint(tone, text)), pad))
            };
            let (text, pad) = cell(before).unwrap_or_else(|| (String::new(), " ".repeat(half)));
            let right = cell(after).map_or_else(String::new, |(text, _)| text);
            shown.push(format!("{text}{pad} {right}").trim_end().to_owned());
        }
    }
}

fn title(context: &mut Context, view: &FileView, word: &str) -> Result<(), Stop> {
    let word = if word.is_empty() { String::new() } else { format!("{word}, ") };
    let size = render::human_size(view.entry.size);
    let program = if view.entry.executable { ", executable" } else { "" };
    let head = paint(Tone::Strong, &format!("== {}", view.entry.path));
    context.say(&format!("\n{head}  ({word}{size}{program})"))
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
