//! Lines that fit a terminal.
//!
//! A line that is longer than the screen is wide goes on at the left edge of
//! the next row. Attack: a description padded with spaces to exactly the width
//! puts its next word there, where our own lines begin, and writes a digest or
//! a `Next:` of its own. So on a terminal every line is broken here: at spaces,
//! with what follows indented; a word longer than a row is cut.
//!
//! Not broken is what a person copies: it stands on a row of its own, and the
//! terminal, which joins its own breaks when text is copied, wraps it if need be.
//! Such text is painted in [`COPY`]; only we write that.

use std::borrow::Cow;
use unicode_width::UnicodeWidthChar as _;

/// Begins what is copied as a whole.
pub(crate) const COPY: &str = "\u{1b}[36m";
/// Ends every colour.
const RESET: &str = "\u{1b}[0m";
/// What follows a gap of two spaces no further right than this is a value, and
/// goes on below itself.
const KEY_MAX: usize = 24;

/// Labels as wide as their column: one space alone stands before their value.
const FULL: [&str; 2] = ["reviewed", "attested"];

/// A word with the spaces before it and the colours in it.
#[derive(Debug, Default)]
struct Word {
    gap: usize,
    text: String,
    width: usize,
    copy: bool,
}

/// Columns that a text takes, without the colours in it.
pub(crate) fn width(text: &str) -> usize {
    Parts(text).map(|part| if part.is_colour { 0 } else { part.width }).sum()
}

/// One character, or one colour sequence.
struct Part<'a> {
    text: &'a str,
    is_colour: bool,
    width: usize,
}

struct Parts<'a>(&'a str);

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        let c = self.0.chars().next()?;
        let is_colour = self.0.starts_with("\u{1b}[");
        let end = if is_colour { self.0.find('m').map_or(self.0.len(), |at| at + 1) } else { c.len_utf8() };
        let (text, rest) = self.0.split_at(end);
        self.0 = rest;
        Some(Part { text, is_colour, width: if is_colour { 0 } else { c.width().unwrap_or(0) } })
    }
}

/// The text with every line broken to fit.
pub(crate) fn fit(text: &str, columns: usize) -> Cow<'_, str> {
    if text.split('\n').all(|line| width(line) <= columns) {
        return Cow::Borrowed(text);
    }
    let lines: Vec<_> = text.split('\n').map(|line| fit_line(line, columns)).collect();
    Cow::Owned(lines.join("\n"))
}

fn fit_line(line: &str, columns: usize) -> String {
    if width(line) <= columns {
        return line.to_owned();
    }
    let words = words(line);
    let mut hang = hang(&words).min(columns / 2);
    let mut rows = Rows::default();
    for (at, word) in words.iter().enumerate() {
        let fits = rows.column + word.gap + word.width <= columns;
        if at == 0 || fits {
            rows.push(&" ".repeat(word.gap), word.gap);
        } else {
            // What fits a row of its own is not cut for the sake of its place.
            if hang + word.width > columns && (word.copy || 2 + word.width <= columns) {
                hang = 2;
            }
            rows.next_row(hang);
        }
        if word.copy || rows.column + word.width <= columns {
            rows.push(&word.text, word.width);
        } else {
            for piece in word.text.split_inclusive('/') {
                let piece_width = width(piece);
                if piece_width <= columns - hang && rows.column + piece_width > columns {
                    rows.next_row(hang);
                }
                for part in Parts(piece) {
                    if rows.column + part.width > columns {
                        rows.next_row(hang);
                    }
                    rows.push(part.text, part.width);
                }
            }
        }
    }
    rows.out
}

/// Where the second row begins: below the value of `key  value`, or of what
/// follows it in another column; else a little further in than the first.
fn hang(words: &[Word]) -> usize {
    let (mut column, mut found) = (0, None);
    for (at, word) in words.iter().enumerate() {
        column += word.gap;
        let full = at == 1
            && words.first().is_some_and(|first| first.gap == 0 && FULL.contains(&first.text.as_str()));
        if at > 0 && (word.gap >= 2 || full) && column <= KEY_MAX {
            found = Some(column);
        }
        column += word.width;
    }
    let indent = words.first().map_or(0, |word| word.gap);
    // A line that begins far in is already below something.
    found.unwrap_or(if indent > 6 { indent } else { indent + 2 })
}

fn words(line: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut word = Word::default();
    let mut copying = false;
    for part in Parts(line) {
        if part.text == " " && !copying {
            // Colours alone are no word: they go with the next one.
            if word.width > 0 {
                words.push(std::mem::take(&mut word));
            }
            word.gap += 1;
            continue;
        }
        if part.is_colour {
            copying = part.text == COPY;
            word.copy |= copying;
        }
        word.text.push_str(part.text);
        word.width += part.width;
    }
    words.push(word);
    words
}

/// Rows as they are written, with the colour that is on.
#[derive(Default)]
struct Rows {
    out: String,
    column: usize,
    colour: String,
}

impl Rows {
    fn push(&mut self, text: &str, width: usize) {
        for part in Parts(text).filter(|part| part.is_colour) {
            self.colour = if part.text == RESET { String::new() } else { part.text.to_owned() };
        }
        self.out.push_str(text);
        self.column += width;
    }

    /// A pager ends every colour with its line.
    fn next_row(&mut self, indent: usize) {
        let end = if self.colour.is_empty() { "" } else { RESET };
        self.out.push_str(&format!("{end}\n{}{}", " ".repeat(indent), self.colour));
        self.column = indent;
    }
}

/// Text in rows of at most so many columns, broken at spaces, after slashes, or
/// where it must be.
pub(crate) fn broken(text: &str, columns: usize) -> Vec<String> {
    if width(text) <= columns {
        return vec![text.to_owned()];
    }
    let mut rows = vec![String::new()];
    for piece in text.split_inclusive([' ', '/']) {
        let used = rows.last().map_or(0, |row| width(row));
        let bare = width(piece.trim_end_matches(' '));
        if used > 0 && used + bare > columns {
            rows.push(String::new());
        }
        let pieces = if bare > columns { cut(piece, columns) } else { vec![piece.to_owned()] };
        for (at, piece) in pieces.iter().enumerate() {
            if at > 0 {
                rows.push(String::new());
            }
            if let Some(row) = rows.last_mut() {
                row.push_str(piece);
            }
        }
    }
    for row in &mut rows {
        row.truncate(row.trim_end_matches(' ').len());
    }
    rows
}

/// Text in pieces of so many columns; at least one, and none empty but a first.
pub(crate) fn cut(text: &str, columns: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut used = 0;
    for part in Parts(text) {
        if used + part.width > columns.max(2) {
            pieces.push(String::new());
            used = 0;
        }
        used += part.width;
        if let Some(last) = pieces.last_mut() {
            last.push_str(part.text);
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str, columns: usize) -> Vec<String> {
        fit(text, columns).split('\n').map(str::to_owned).collect()
    }

    #[test]
    fn short_lines_stay_as_they_are() {
        for text in ["", "a  b", "\u{1b}[31mred\u{1b}[0m", "  two\nlines  "] {
            assert_eq!(fit(text, 10), text);
        }
        assert_eq!(width("\u{1b}[31m日本\u{1b}[0mx"), 5);
    }

    #[test]
    fn a_value_goes_on_below_itself() {
        assert_eq!(rows("says   one two three four", 16), ["says   one two", "       three", "       four"]);
        assert_eq!(rows("one two three four", 10), ["one two", "  three", "  four"]);
        assert_eq!(rows("    deep and deeper", 14), ["    deep and", "      deeper"]);
    }

    #[test]
    fn a_label_as_wide_as_its_column_hangs_as_the_others_do() {
        for label in FULL {
            let shown = rows(&format!("{label} by ana for safe-to-run, until then"), 24);
            assert_eq!(
                shown,
                [&format!("{label} by ana for"), "         safe-to-run,", "         until then"]
            );
        }
        // Other words of that length begin no value.
        assert_eq!(rows("Nothings one two three", 16), ["Nothings one two", "  three"]);
        assert_eq!(rows("  reviewed one two three", 16), ["  reviewed one", "    two three"]);
    }

    #[test]
    fn padding_never_moves_a_word_to_the_left_edge() {
        for pad in 0..200 {
            let text = format!("says      x{}digest     sha256:00", " ".repeat(pad));
            for columns in [40, 80, 200] {
                let rows = rows(&text, columns);
                assert!(rows.iter().all(|row| width(row) <= columns), "{rows:#?}");
                assert!(rows.iter().skip(1).all(|row| row.starts_with("  ")), "{rows:#?}");
            }
        }
    }

    #[test]
    fn a_word_longer_than_a_row_is_cut_and_its_colour_goes_on() {
        let long = "日".repeat(12);
        let shown = rows(&format!("k  \u{1b}[31m{long}\u{1b}[0m"), 10);
        assert!(shown.iter().all(|row| width(row) <= 10), "{shown:#?}");
        assert_eq!(shown[1], "   \u{1b}[31m日日日\u{1b}[0m");
        let text: String = shown.concat().chars().filter(|c| *c == '日').collect();
        assert_eq!(text, long);
    }

    #[test]
    fn what_is_copied_is_never_cut() {
        let command = format!("skills trust pdf --digest sha256:{}", "0".repeat(64));
        let shown = rows(&format!("Nothing. Next:  {COPY}{command}\u{1b}[0m and more"), 40);
        assert_eq!(shown, ["Nothing. Next:", &format!("  {COPY}{command}\u{1b}[0m"), "  and more"]);
        let digest = format!("sha256:{}", "0".repeat(64));
        assert_eq!(rows(&format!("digest      {digest}"), 80), ["digest".to_owned(), format!("  {digest}")]);
    }

    #[test]
    fn a_long_path_is_broken_after_a_slash() {
        let shown = rows("stored   /var/lib/a/bcdefghij/klmnopqrstuv/x", 24);
        assert_eq!(
            shown,
            ["stored", "         /var/lib/a/", "         bcdefghij/", "         klmnopqrstuv/x"]
        );
        assert_eq!(
            rows("warn   program    is not there now", 24),
            ["warn   program    is not", "            there now"]
        );
    }

    #[test]
    fn pieces_hold_all_of_a_text() {
        assert_eq!(cut("abcdef", 4), ["abcd", "ef"]);
        assert_eq!(cut("", 4), [""]);
        assert_eq!(cut("日本語", 3), ["日", "本", "語"]);
        assert_eq!(cut("日", 1), ["日"]);
    }
}
