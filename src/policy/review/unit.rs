//! A piece of a skill that a rule can look at: commands, code, or sentences,
//! with the way back to where each byte of it stands in its file.

use super::shell::known::Language;
use crate::model::finding::{Context, Place};

/// What a piece is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Commands, or a program, of this language.
    Code(Language),
    /// What people read.
    Words,
    /// Anything else.
    Data,
}

/// See the head of this file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Where it stands, by weight.
    pub context: Context,
    /// What it is written in.
    pub kind: Kind,
    /// Its text: what quotes, prompts and indentation around it were is gone.
    pub text: String,
    /// For each run of bytes: where it begins in the text, and where in the file, and
    /// where in the file it ends.
    runs: Vec<(usize, usize, usize)>,
    /// Whether what stands behind some limit in the file is missing from its pieces.
    pub cut: bool,
}

impl Unit {
    /// An empty piece.
    #[must_use]
    pub fn new(context: Context, kind: Kind) -> Self {
        Self { context, kind, text: String::new(), runs: Vec::new(), cut: false }
    }

    /// A piece that stands as it is from this byte of the file on.
    #[must_use]
    pub fn at(context: Context, kind: Kind, text: &str, start: usize) -> Self {
        let mut unit = Self::new(context, kind);
        unit.push(text, start);
        unit
    }

    /// Puts text behind it that stands at this byte of the file.
    pub fn push(&mut self, text: &str, start: usize) {
        let here = self.text.len();
        match self.runs.last_mut() {
            Some((unit, file, end)) if *end == start && *file + (here - *unit) == start => *end += text.len(),
            _ if text.is_empty() => {}
            _ => self.runs.push((here, start, start + text.len())),
        }
        self.text.push_str(text);
    }

    /// Puts text of a reader's own behind it, that stands for what another piece is.
    /// However long it is, its places are of those bytes.
    pub fn put(&mut self, text: &str, of: &Self) {
        if !text.is_empty() {
            self.runs.push((self.text.len(), of.origin(0), of.origin(of.text.len())));
            self.text.push_str(text);
        }
    }

    /// The same piece, taken for something else.
    #[must_use]
    pub fn taken_for(&self, context: Context, kind: Kind) -> Self {
        Self { context, kind, ..self.clone() }
    }

    /// Which byte of the file this byte of the text is.
    #[must_use]
    pub fn origin(&self, at: usize) -> usize {
        let index = self.runs.partition_point(|(unit, ..)| *unit <= at);
        match self.runs.get(index.saturating_sub(1)) {
            Some((unit, file, end)) => (file + at.saturating_sub(*unit)).min(*end),
            None => 0,
        }
    }
}

/// The lines of a file, to tell people where a byte is.
#[derive(Debug, Clone)]
pub struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
    /// How many characters begin before each [`STRIDE`] bytes.
    marks: Vec<usize>,
}

/// Bytes from one mark to the next. Attack: a file of one line, in which the
/// characters before each finding are counted from its beginning.
const STRIDE: usize = 1024;

impl<'a> Lines<'a> {
    /// Counts them.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let mut before = 0;
        let marks = text.as_bytes().chunks(STRIDE).map(|chunk| {
            let here = before;
            before += begins(chunk);
            here
        });
        let marks = marks.collect();
        Self { text, starts, marks }
    }

    /// Where these bytes are, at the nearest boundaries of characters.
    #[must_use]
    pub fn place(&self, start: usize, end: usize) -> Place {
        let start = self.text.floor_char_boundary(start.min(self.text.len()));
        let end = self.text.floor_char_boundary(end.clamp(start, self.text.len()));
        let line = self.starts.partition_point(|first| *first <= start);
        let first = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        Place { start, end, line, column: self.characters(start) - self.characters(first) + 1 }
    }

    /// How many characters begin before this byte.
    fn characters(&self, at: usize) -> usize {
        let mark = at / STRIDE;
        let before = self.marks.get(mark).copied();
        before.map_or_else(
            || begins(self.text.as_bytes()),
            |before| before + begins(&self.text.as_bytes()[mark * STRIDE..at]),
        )
    }
}

/// How many characters begin in these bytes.
fn begins(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::{Lines, STRIDE};

    #[test]
    fn a_place_is_counted_in_characters_wherever_it_stands() {
        let line = "aé\u{1f600}".repeat(STRIDE);
        let text = format!("ab\n{line}\n{line}");
        let lines = Lines::new(&text);
        for (at, _) in text.char_indices().step_by(37).chain([(text.len(), ' ')]) {
            let first = text[..at].rfind('\n').map_or(0, |end| end + 1);
            let place = lines.place(at, at + 1);
            assert_eq!(place.column, text[first..at].chars().count() + 1, "{at}");
            assert_eq!(place.line, text[..at].matches('\n').count() + 1, "{at}");
        }
    }
}
