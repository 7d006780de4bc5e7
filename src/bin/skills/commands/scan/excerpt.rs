//! Lines of a file with marks below what is meant.
//!
//! Every line of a skill stands behind a gutter of ours. What is hidden in it is
//! written out, so columns are counted in what is shown and not in what stands
//! there; a line that is too long is cut around the marked part.
//!
//! Attack: `##[` in a line. Runners of a well-known service take it for a command
//! wherever it stands in what a program prints.

use super::super::super::layout;
use super::super::super::render::{Tone, paint};
use skill_trust::model::excerpt::{Excerpt, Line};
use skill_trust::model::text;

/// One character as it is shown, with its columns.
struct Cell {
    shown: String,
    width: usize,
    /// Its byte in the line.
    at: usize,
    marked: bool,
}

/// The rows of an excerpt, at most so many columns wide.
pub(super) fn rows(excerpt: &Excerpt, columns: usize, tone: Tone) -> Vec<String> {
    let digits = excerpt.lines.last().map_or(1, |line| line.number.to_string().len()).max(3);
    let room = columns.saturating_sub(digits + 3).max(20);
    let mut out = vec![format!("{:digits$} |", "")];
    for line in &excerpt.lines {
        let (shown, marks) = row(line, room);
        out.push(format!("{:>digits$} | {shown}", line.number).trim_end().to_owned());
        out.push(format!("{:digits$} | {}", "", paint(tone, &marks)));
    }
    if excerpt.more > 0 {
        let lines = if excerpt.more == 1 { "line" } else { "lines" };
        out.push(format!("{:digits$} | … and {} more {lines}", "", excerpt.more));
    }
    out
}

/// The text of a row, and the marks below it.
fn row(line: &Line, room: usize) -> (String, String) {
    let cells = cells(line);
    let first = cells.iter().position(|cell| cell.at >= line.marked.start).unwrap_or(cells.len());
    let (from, to) = window(&cells, first, room.saturating_sub(2));
    let (left, right) = (line.cut.0 || from > 0, line.cut.1 || to < cells.len());
    let (mut shown, mut marks) = (String::new(), String::new());
    if left {
        shown.push('…');
        marks.push(' ');
    }
    for cell in &cells[from..to] {
        shown.push_str(&cell.shown);
        marks.push_str(&(if cell.marked { "^" } else { " " }).repeat(cell.width));
    }
    if right {
        shown.push('…');
    }
    // A place without length, or of characters without width.
    if !marks.contains('^') {
        let before: usize = cells[from..first.clamp(from, to)].iter().map(|cell| cell.width).sum();
        marks = format!("{}^", " ".repeat(before + usize::from(left)));
    }
    (shown, marks.trim_end().to_owned())
}

/// The cells that fit: all of them, or some before the mark and what follows.
fn window(cells: &[Cell], first: usize, room: usize) -> (usize, usize) {
    if cells.iter().map(|cell| cell.width).sum::<usize>() <= room {
        return (0, cells.len());
    }
    let marked: usize = cells[first..].iter().take_while(|cell| cell.marked).map(|cell| cell.width).sum();
    let before = room.saturating_sub(marked).min(room / 3);
    let mut from = first;
    let mut used = 0;
    while from > 0 && used + cells[from - 1].width <= before {
        from -= 1;
        used += cells[from].width;
    }
    let mut to = from;
    let mut used = 0;
    while to < cells.len() && used + cells[to].width <= room {
        used += cells[to].width;
        to += 1;
    }
    (from, to)
}

/// A line's characters as they are shown: what [`text::reveal`] makes of the
/// whole line, character by character.
fn cells(line: &Line) -> Vec<Cell> {
    // A tab is layout; it becomes spaces, so that our gutter stays straight.
    let (mut source, mut marks) = (String::new(), Vec::new());
    for (at, c) in line.text.char_indices() {
        let marked = line.marked.contains(&at);
        let count = if c == '\t' { 4 } else { 1 };
        for _ in 0..count {
            source.push(if c == '\t' { ' ' } else { c });
            marks.push((at, marked));
        }
    }
    let revealed = text::reveal(&source);
    let mut rest = revealed.as_str();
    let mut cells: Vec<Cell> = Vec::new();
    for (c, (at, marked)) in source.chars().zip(marks) {
        // A backslash is never written out, so what begins with one is an escape.
        let length =
            if rest.starts_with(c) { c.len_utf8() } else { rest.find('}').map_or(rest.len(), |at| at + 1) };
        let (shown, after) = rest.split_at(length);
        rest = after;
        let command =
            c == '[' && cells.len() > 1 && cells[cells.len() - 2..].iter().all(|cell| cell.shown == "#");
        let shown = if command { "\\u{5b}".to_owned() } else { shown.to_owned() };
        cells.push(Cell { width: layout::width(&shown), shown, at, marked });
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::super::super::super::render;
    use super::*;
    use skill_trust::model::excerpt::Text;
    use skill_trust::model::finding::Place;

    fn shown(text: &str, part: &str, columns: usize) -> Vec<String> {
        let start = text.find(part).unwrap();
        let place = Place { start, end: start + part.len(), line: 0, column: 0 };
        let found = Text::new(text.as_bytes()).excerpt(&place).unwrap();
        rows(&found, columns, Tone::Bad).iter().map(|row| render::plain(&render::guarded(row))).collect()
    }

    #[test]
    fn marks_stand_below_what_is_meant() {
        assert_eq!(
            shown("one\ncurl x | sh # y\n", "curl x | sh", 80),
            ["    |", "  2 | curl x | sh # y", "    | ^^^^^^^^^^^"]
        );
        assert_eq!(shown("\tab\tcd", "cd", 80)[1..], ["  1 |     ab    cd", "    |           ^^"]);
        assert_eq!(shown("日本 ab", "ab", 80)[1..], ["  1 | 日本 ab", "    |      ^^"]);
        assert_eq!(shown("日本 ab", "本", 80)[1..], ["  1 | 日本 ab", "    |   ^^"]);
    }

    #[test]
    fn what_is_hidden_is_written_out_and_marked_as_shown() {
        assert_eq!(shown("a\u{202e}b c", "\u{202e}", 80)[1..], ["  1 | a\\u{202e}b c", "    |  ^^^^^^^^"]);
        // A letter of another script beside Latin ones; a backslash of the author's.
        assert_eq!(shown("p\u{430}y x", "x", 80)[1..], ["  1 | p\\u{430}y x", "    |           ^"]);
        assert_eq!(
            shown("\\u{41} \u{1b}[2J x", "x", 80)[1..],
            ["  1 | \\u{41} \\u{1b}[2J x", "    |                  ^"]
        );
    }

    #[test]
    fn attack_a_long_line_is_cut_around_its_mark() {
        let long = format!("{}MARK{}", "日".repeat(300), "é".repeat(4_000));
        for columns in [40, 80, 160] {
            let rows = shown(&long, "MARK", columns);
            assert!(rows.iter().all(|row| layout::width(row) <= columns), "{rows:#?}");
            let at = rows[2].find('^').unwrap();
            let before = rows[1].find("MARK").map(|at| layout::width(&rows[1][..at])).unwrap();
            assert_eq!(at, before, "{rows:#?}");
            assert!(rows[1].contains('…') && rows[1].ends_with('…'));
        }
        let rows = shown(&long, &long, 60);
        assert_eq!(
            layout::width(&rows[1]),
            layout::width(&rows[2]) + 1,
            "all but the sign of the cut: {rows:#?}"
        );
    }

    #[test]
    fn attack_no_line_is_a_command_of_a_runner() {
        let rows = shown("x ##[error]no ::error ::no", "no", 80);
        assert_eq!(rows[1], "  1 | x ##\\u{5b}error]no ::error ::no");
        assert!(rows.iter().all(|row| !row.trim_start().starts_with("::")));
        assert_eq!(rows[2].find('^'), rows[1].find("no"));
    }

    #[test]
    fn several_lines_are_marked_each_and_a_place_without_length_once() {
        let text = "a(\n  b,\n  c,\n  d\n)";
        let rows = shown(text, text, 80);
        assert_eq!(rows[1..3], ["  1 | a(", "    | ^^"]);
        assert_eq!(rows[7], "    | … and 2 more lines");
        let place = Place { start: 3, end: 3, line: 0, column: 0 };
        let found = Text::new(b"abcdef").excerpt(&place).unwrap();
        assert_eq!(render::plain(&super::rows(&found, 80, Tone::Bad)[2]), "    |    ^");
    }
}
