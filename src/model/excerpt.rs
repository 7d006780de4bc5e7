//! What stands where a finding stands: the lines of its place, cut to what a
//! person can take in, where the place ends, and a print of it that is the same
//! when the lines around it move.

use super::digest::sha256;
use super::finding::Place;
use super::text;
use serde::Serialize;
use std::borrow::Cow;
use std::ops::Range;

/// Lines of a place that are kept.
pub const LINES_MAX: usize = 3;
/// Bytes of a line kept before and behind the marked part, and of that part.
///
/// Attack: a line of a megabyte, so that an excerpt is the whole file.
pub const AROUND_MAX: usize = 400;
/// Bytes of a marked text that count for its print.
const MARKED_MAX: usize = 4_096;

/// A line of a file, or a window of one that is long. Not escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number, from 1.
    pub number: usize,
    /// What is kept of it, without its end.
    pub text: String,
    /// The part of `text` that is meant, in bytes.
    pub marked: Range<usize>,
    /// Whether the line goes on to the left and to the right.
    pub cut: (bool, bool),
}

/// The lines of a place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Excerpt {
    /// The first ones.
    pub lines: Vec<Line>,
    /// How many more there are.
    pub more: usize,
}

/// A place with both ends, in lines and characters (code points) from 1; the end
/// is one behind the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Region {
    /// First byte.
    pub start: usize,
    /// One behind the last byte.
    pub end: usize,
    /// Line of the first character.
    pub line: usize,
    /// Its column.
    pub column: usize,
    /// Line of the end.
    pub end_line: usize,
    /// Its column.
    pub end_column: usize,
}

/// A file with the beginnings of its lines, for many places in it.
///
/// Attack: a file of a megabyte with something in each of its lines, so that all
/// of it is gone through for each place.
#[derive(Debug)]
pub struct Text<'a> {
    text: Cow<'a, str>,
    starts: Vec<usize>,
}

impl<'a> Text<'a> {
    /// Finds the lines; what is no text has none.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        let text = text::with_stand_ins(bytes).unwrap_or_default();
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// The place with both its ends; `None` where it means the file as a whole,
    /// or where the file is no text.
    #[must_use]
    pub fn region(&self, place: &Place) -> Option<Region> {
        if place.end == 0 || place.start >= self.text.len() {
            return None;
        }
        let (start, end) = self.clamped(place);
        let (line, column) = self.position(start);
        let (end_line, end_column) = self.position(end);
        Some(Region { start, end, line, column, end_line, end_column })
    }

    /// The lines that a place stands in.
    #[must_use]
    pub fn excerpt(&self, place: &Place) -> Option<Excerpt> {
        let region = self.region(place)?;
        // An end behind a line's end means that line, and not the next one.
        let behind = region.end > region.start && region.end_column == 1;
        let last = if behind { region.end_line - 1 } else { region.end_line };
        let shown = (region.line..=last).take(LINES_MAX);
        let lines = shown.filter_map(|number| {
            let (at, end) = self.line(number)?;
            let marked = region.start.clamp(at, end) - at..region.end.clamp(at, end) - at;
            Some(window(number, &self.text[at..end], marked))
        });
        Some(Excerpt { lines: lines.collect(), more: (last + 1 - region.line).saturating_sub(LINES_MAX) })
    }

    /// The marked text, its lines without the white space around them; cut.
    #[must_use]
    pub fn marked(&self, place: &Place) -> String {
        let (start, end) = self.clamped(place);
        let cut = self.text.floor_char_boundary(end.min(start + MARKED_MAX));
        self.text[start..cut].lines().map(str::trim).collect::<Vec<_>>().join("\n")
    }

    /// A print of what was found: by rule, file, the marked text, and which of
    /// several like it this is.
    ///
    /// The same when lines above are added or taken away; another one when the
    /// text itself changes.
    #[must_use]
    pub fn print(&self, rule: &str, path: &str, place: &Place, nth: usize) -> String {
        let parts = [rule, path, &self.marked(place), &nth.to_string()];
        let parts = parts.map(|part| format!("{}:{part}", part.len()));
        let print = sha256(&parts.each_ref().map(String::as_bytes));
        print.hex().chars().take(32).collect()
    }

    /// The place that another program named by lines and columns, in units of
    /// UTF-16 or of code points, from 1. `None` if the file has no such line.
    #[must_use]
    pub fn placed(
        &self,
        from: (usize, Option<usize>),
        to: (usize, Option<usize>),
        utf16: bool,
    ) -> Option<Place> {
        let start = self.at(from.0, from.1.unwrap_or(1), utf16)?;
        let last = to.0.max(from.0);
        let end = match to.1 {
            Some(column) => self.at(last, column, utf16)?,
            None => self.line(last)?.1,
        };
        let (line, column) = self.position(start);
        Some(Place { start, end: end.max(start), line, column })
    }

    /// The place at the nearest boundaries of characters.
    fn clamped(&self, place: &Place) -> (usize, usize) {
        let start = self.text.floor_char_boundary(place.start.min(self.text.len()));
        let end = self.text.ceil_char_boundary(place.end.clamp(start, self.text.len()));
        (start, end)
    }

    /// Line and column of a byte.
    fn position(&self, at: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= at);
        let first = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        (line, 1 + self.text[first..at].chars().count())
    }

    /// The bytes of a line, without its end.
    fn line(&self, number: usize) -> Option<(usize, usize)> {
        let start = *self.starts.get(number.checked_sub(1)?)?;
        let end = self.starts.get(number).map_or(self.text.len(), |next| next - 1);
        let line = &self.text[start..end];
        Some((start, start + line.strip_suffix('\r').unwrap_or(line).len()))
    }

    /// The byte of a column; the line's end where it is shorter.
    fn at(&self, line: usize, column: usize, utf16: bool) -> Option<usize> {
        let (start, end) = self.line(line)?;
        let mut left = column.checked_sub(1)?;
        for (at, c) in self.text[start..end].char_indices() {
            if left == 0 {
                return Some(start + at);
            }
            left = left.saturating_sub(if utf16 { c.len_utf16() } else { 1 });
        }
        Some(end)
    }
}

/// A line, cut where it is long.
fn window(number: usize, line: &str, marked: Range<usize>) -> Line {
    let (start, end) = (marked.start.min(line.len()), marked.end.clamp(marked.start, line.len()));
    let from = line.ceil_char_boundary(start.saturating_sub(AROUND_MAX).min(line.len()));
    let to = line.floor_char_boundary(end.min(start + AROUND_MAX).saturating_add(AROUND_MAX).min(line.len()));
    let marked = start.max(from) - from..end.min(to).max(from) - from;
    Line { number, text: line[from..to].to_owned(), marked, cut: (from > 0, to < line.len()) }
}

/// Covers a secret: all of the place but its first four letters and what is
/// white, byte for byte, so that no place moves.
pub fn cover(bytes: &mut [u8], place: &Place) {
    let end = place.end.min(bytes.len());
    let start = place.start.min(end);
    for byte in bytes[start..end].iter_mut().skip(4).filter(|byte| byte.is_ascii_graphic()) {
        *byte = b'*';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(bytes: &[u8], place: &Place) -> Option<Region> {
        Text::new(bytes).region(place)
    }

    fn excerpt(bytes: &[u8], place: &Place) -> Option<Excerpt> {
        Text::new(bytes).excerpt(place)
    }

    fn fingerprint(rule: &str, path: &str, bytes: &[u8], place: &Place, nth: usize) -> String {
        Text::new(bytes).print(rule, path, place, nth)
    }

    fn place(start: usize, end: usize) -> Place {
        Place { start, end, line: 0, column: 0 }
    }

    #[test]
    fn both_ends_are_told_in_characters() {
        let text = "é\nab日本x\nz".as_bytes();
        // `é` is two bytes, the break one, `ab` two, each of the next two three.
        let found = region(text, &place(5, 11)).unwrap();
        assert_eq!((found.line, found.column, found.end_line, found.end_column), (2, 3, 2, 5));
        assert_eq!((found.start, found.end), (5, 11));
        let across = region(text, &place(11, 14)).unwrap();
        assert_eq!((across.line, across.column, across.end_line, across.end_column), (2, 5, 3, 2));
    }

    #[test]
    fn a_whole_file_and_what_is_no_text_have_no_region() {
        assert_eq!(region(b"abc", &place(0, 0)), None);
        assert_eq!(region(b"\xff\0", &place(0, 1)), None);
        assert_eq!(region(b"", &place(3, 9)), None);
        assert_eq!(excerpt(b"\xff\0", &place(0, 1)), None);
        // A byte that is no text is one of a line all the same.
        let odd = excerpt(b"# \xff\nls | sh\n", &place(9, 11)).unwrap();
        assert_eq!((odd.lines[0].number, odd.lines[0].text.as_str()), (2, "ls | sh"));
    }

    #[test]
    fn attack_no_place_is_out_of_bounds() {
        for text in ["", "a", "é", "日\n本", "\n\n", "a\r\nb\r\n", "🙂x"] {
            for start in 0..text.len() + 3 {
                for end in 0..text.len() + 3 {
                    let place = place(start, end);
                    let _ = region(text.as_bytes(), &place);
                    let _ = fingerprint("r", "p", text.as_bytes(), &place, 0);
                    for line in excerpt(text.as_bytes(), &place).into_iter().flat_map(|found| found.lines) {
                        assert!(
                            line.text.get(line.marked.clone()).is_some(),
                            "{text:?} {start} {end} {line:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn the_lines_of_a_place_are_marked_each() {
        let text = "one\n  two\r\nthree\nfour\nfive\n";
        let found = excerpt(text.as_bytes(), &place(6, 24)).unwrap();
        let shown: Vec<_> =
            found.lines.iter().map(|line| (line.number, &line.text[line.marked.clone()])).collect();
        assert_eq!(shown, [(2, "two"), (3, "three"), (4, "four")]);
        assert_eq!(found.more, 1);
        // Up to the end of a line, its break included: that line alone.
        let found = excerpt(text.as_bytes(), &place(0, 4)).unwrap();
        assert_eq!((found.lines.len(), found.more), (1, 0));
    }

    #[test]
    fn attack_a_line_without_end_is_a_window() {
        let long = format!("{}MARK{}", "é".repeat(5_000), "x".repeat(1 << 20));
        let found = excerpt(long.as_bytes(), &place(10_000, 10_004)).unwrap();
        let line = &found.lines[0];
        assert_eq!(&line.text[line.marked.clone()], "MARK");
        assert_eq!(line.cut, (true, true));
        assert!(line.text.len() <= 3 * AROUND_MAX, "{}", line.text.len());
        // All of it marked: its beginning is shown.
        let found = excerpt(long.as_bytes(), &place(0, long.len())).unwrap();
        assert!(found.lines[0].text.len() <= 2 * AROUND_MAX);
        assert_eq!(found.lines[0].cut, (false, true));
    }

    #[test]
    fn a_print_stays_when_lines_move_and_changes_with_the_text() {
        let print = |text: &str, part: &str| {
            let start = text.find(part).unwrap();
            fingerprint("exec.fetch", "a.sh", text.as_bytes(), &place(start, start + part.len()), 0)
        };
        let first = print("x\ncurl a | sh\n", "curl a | sh");
        assert_eq!(first.len(), 32);
        assert_eq!(print("x\n\n# new\n    curl a | sh\n", "curl a | sh"), first);
        assert_ne!(print("x\ncurl b | sh\n", "curl b | sh"), first);
        let text = b"curl a | sh";
        assert_ne!(fingerprint("exec.fetch", "b.sh", text, &place(0, 11), 0), first);
        assert_ne!(fingerprint("exec.fetch", "a.sh", text, &place(0, 11), 1), first);
        assert_eq!(fingerprint("exec.fetch", "a.sh", text, &place(0, 11), 0), first);
    }

    #[test]
    fn attack_a_secret_is_not_shown_once_more() {
        let mut text = "key = ghp_é1234 56\nx".to_owned().into_bytes();
        cover(&mut text, &place(6, 19));
        assert_eq!(String::from_utf8(text).unwrap(), "key = ghp_é**** **\nx");
        let mut short = b"ab".to_vec();
        cover(&mut short, &place(1, 99));
        cover(&mut short, &place(50, 99));
        assert_eq!(short, b"ab");
    }

    #[test]
    fn columns_of_others_are_utf16_or_code_points() {
        let text = "a\n🙂bc d\n".as_bytes();
        let at =
            |from, to, utf16| Text::new(text).placed(from, to, utf16).map(|place| (place.start, place.end));
        assert_eq!(at((2, Some(3)), (2, Some(5)), true), Some((6, 8)));
        assert_eq!(at((2, Some(2)), (2, Some(4)), false), Some((6, 8)));
        assert_eq!(at((2, None), (2, None), true), Some((2, 10)));
        assert_eq!(at((2, Some(99)), (2, None), true), Some((10, 10)));
        for nowhere in [(0, None), (9, None), (2, Some(0))] {
            assert_eq!(at(nowhere, nowhere, true), None, "{nowhere:?}");
        }
    }
}
