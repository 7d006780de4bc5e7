//! Tables without borders.
//!
//! What is short is never broken: digests, states, sizes. The widest columns
//! give way first, and what is in them goes on below itself. A name that would
//! have to be broken stands on a row of its own instead, above the rest of its
//! row: names are copied.

use super::layout;
use skill_trust::model::text;

/// Spaces between columns.
const GAP: usize = 2;
/// No column is made narrower: a short digest fits.
const COLUMN_MIN: usize = 12;
/// What is wider in the first column gets a row of its own where room is short.
const FIRST_MAX: usize = 24;

/// A table of at most so many columns of the screen; empty without rows.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>], columns: usize) -> String {
    if rows.is_empty() {
        return String::new();
    }
    // A cell is one line: a name with a line end would draw a row of its own.
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| text::reveal(cell)).collect()).collect();
    let mut widths: Vec<usize> = header.iter().map(|head| layout::width(head)).collect();
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(layout::width(cell));
        }
    }
    let room = columns.saturating_sub(GAP * widths.len().saturating_sub(1));
    if widths.iter().sum::<usize>() > room {
        if let (Some(first), Some(head)) = (widths.first_mut(), header.first()) {
            let cells = rows.iter().filter_map(|row| row.first()).map(|cell| layout::width(cell));
            let short = cells.filter(|width| *width <= FIRST_MAX).max().unwrap_or_default();
            *first = short.max(layout::width(head));
        }
        narrow(&mut widths, room);
    }
    let header: Vec<_> = header.iter().map(|head| (*head).to_owned()).collect();
    let mut lines = row_lines(&header, &widths);
    for mut row in rows {
        if let (Some(first), Some(width)) = (row.first_mut(), widths.first())
            && layout::width(first) > *width
        {
            lines.extend(layout::broken(&std::mem::take(first), columns));
        }
        lines.extend(row_lines(&row, &widths));
    }
    lines.join("\n")
}

/// Lowers the widest columns, all to one width, until the sum fits.
fn narrow(widths: &mut [usize], room: usize) {
    let mut most = widths.iter().copied().max().unwrap_or_default();
    while most > COLUMN_MIN && widths.iter().map(|width| (*width).min(most)).sum::<usize>() > room {
        most -= 1;
    }
    for width in widths.iter_mut() {
        *width = (*width).min(most);
    }
    // What is left goes to the last one: it holds words.
    let used: usize = widths.iter().sum();
    if let Some(last) = widths.last_mut() {
        *last += room.saturating_sub(used);
    }
}

fn row_lines(row: &[String], widths: &[usize]) -> Vec<String> {
    let cells: Vec<_> = row.iter().zip(widths).map(|(cell, width)| layout::broken(cell, *width)).collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or_default();
    let line = |at: usize| {
        let mut line = String::new();
        for (cell, width) in cells.iter().zip(widths) {
            let text = cell.get(at).map_or("", String::as_str);
            line.push_str(text);
            line.push_str(&" ".repeat(width.saturating_sub(layout::width(text)) + GAP));
        }
        line.trim_end().to_owned()
    };
    (0..height).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn columns_stand_below_each_other() {
        let rows = [row(&["pdf", "0123456789ab", "日本"]), row(&["a", "-", "x"])];
        assert_eq!(
            table(&["NAME", "DIGEST", "NOTE"], &rows, 80),
            "NAME  DIGEST        NOTE\npdf   0123456789ab  日本\na     -             x"
        );
        assert_eq!(table(&["NAME"], &[], 80), "");
    }

    #[test]
    fn a_table_keeps_its_rows_and_its_width() {
        let rows = [row(&["pdf", &"x".repeat(90)]), row(&["a\nfake  enabled", "\u{1b}[31m"])];
        let shown = table(&["NAME", "NOTE"], &rows, 60);
        assert!(shown.lines().all(|line| layout::width(line) <= 60), "{shown}");
        assert!(shown.contains("a\\u{a}fake") && shown.contains("\\u{1b}[31m"), "{shown}");
        assert_eq!(shown.lines().count(), 5, "{shown}");
    }

    #[test]
    fn a_digest_and_a_long_name_are_never_broken() {
        let name = "a".repeat(64);
        let rows = [row(&[
            &name,
            "installed",
            "0123456789ab",
            "/a/very/long/path/of/some/agent/skills",
            "not trusted yet; see it",
        ])];
        for columns in [72, 80, 100, 120] {
            let shown = table(&["NAME", "STATE", "DIGEST", "WHERE", "NOTE"], &rows, columns);
            assert!(shown.lines().all(|line| layout::width(line) <= columns), "{columns}:\n{shown}");
            assert!(shown.contains("0123456789ab") && shown.contains(&name), "{columns}:\n{shown}");
        }
    }

    #[test]
    fn paths_are_broken_after_a_slash() {
        let rows = [row(&["N", "/home/ana/work/project/.claude/skills"])];
        assert_eq!(table(&["A", "B"], &rows, 20), "A  B\nN  /home/ana/work/\n   project/.claude/\n   skills");
    }
}
