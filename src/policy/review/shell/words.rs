//! Reads words: everything between two blanks or operators of a shell text.
//!
//! Grammar of POSIX.1-2024, Shell Command Language, sections 2.2 and 2.6, with
//! what bash adds (`$'…'`, `$"…"`, `<(…)`, `${name:from:count}` and its like).
//! Nothing fails: what has no end goes to the end of the text, and is told.

use super::cursor::{DEPTH, Reader};
use super::tree::{Fault, Op, Piece, Span, Word};
use std::rc::Rc;

/// Characters that end a word outside of quotes.
pub(super) fn ends_word(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | ';' | '|' | '&' | '<' | '>' | '(' | ')')
}

pub(super) fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Pieces as they are put together.
#[derive(Default)]
pub(super) struct Pieces(pub(super) Vec<Piece>);

impl Pieces {
    pub(super) fn plain(&mut self, c: char) {
        match self.0.last_mut() {
            Some(Piece::Plain(text)) => text.push(c),
            _ => self.0.push(Piece::Plain(c.to_string())),
        }
    }

    pub(super) fn quoted(&mut self, c: char) {
        match self.0.last_mut() {
            Some(Piece::Quoted(text)) => text.push(c),
            _ => self.0.push(Piece::Quoted(c.to_string())),
        }
    }
}

impl Reader<'_> {
    /// A word, from where it begins; `None` where an operator or the end stands.
    pub(super) fn word(&mut self) -> Option<Word> {
        let start = self.at;
        let mut pieces = Pieces::default();
        while let Some(c) = self.peek() {
            match c {
                '<' | '>' if self.rest().get(1..2) == Some("(") => self.process(c == '<', &mut pieces),
                '(' if self.at > start && self.pattern(&mut pieces) => {}
                c if ends_word(c) => break,
                c => self.piece(c, &mut pieces),
            }
        }
        let span = Span { start, end: self.at };
        (self.at > start).then_some(Word { pieces: pieces.0, span })
    }

    /// `@(a|b)` and its like, if one opens here: text, but for what it substitutes.
    fn pattern(&mut self, pieces: &mut Pieces) -> bool {
        let before = self.text.get(self.at - 1..self.at).unwrap_or_default();
        let Some(close) = self.pair(self.at) else { return false };
        let inside = self.text.get(self.at..=close).unwrap_or_default();
        // A `!` in a command's place is taken before any word is read.
        let marked = matches!(before, "@" | "?" | "*" | "+" | "!");
        if !marked || inside.len() > 1000 || inside.contains('\n') || !self.deeper() {
            return false;
        }
        while self.at <= close {
            match self.peek() {
                Some(c @ ('<' | '>')) if self.rest().get(1..2) == Some("(") => self.process(c == '<', pieces),
                Some(c) => self.piece(c, pieces),
                None => break,
            }
        }
        self.shallower();
        true
    }

    /// One step outside of quotes.
    pub(super) fn piece(&mut self, c: char, pieces: &mut Pieces) {
        match c {
            '\\' => {
                self.bump();
                match self.bump() {
                    Some('\n') | None => {}
                    Some(c) => pieces.quoted(c),
                }
            }
            '\'' => self.single(pieces),
            '"' => self.double(pieces),
            '$' if self.rest().starts_with("$'") => self.ansi(pieces),
            '$' if self.rest().starts_with("$\"") => {
                self.bump();
                self.double(pieces);
            }
            '$' => self.dollar(false, pieces),
            '`' => self.backtick(false, pieces),
            c => {
                self.bump();
                pieces.plain(c);
            }
        }
    }

    fn single(&mut self, pieces: &mut Pieces) {
        self.bump();
        pieces.0.push(Piece::Quoted(String::new()));
        loop {
            match self.bump() {
                Some('\'') => return,
                Some(c) => pieces.quoted(c),
                None => return self.fault(Fault::Open),
            }
        }
    }

    pub(super) fn double(&mut self, pieces: &mut Pieces) {
        self.bump();
        pieces.0.push(Piece::Quoted(String::new()));
        loop {
            match self.peek() {
                Some('"') => {
                    self.bump();
                    return;
                }
                Some(c) => self.inside(c, "$`\"\\", pieces),
                None => return self.fault(Fault::Open),
            }
        }
    }

    /// One step inside of double quotes, or of a here-document's text.
    fn inside(&mut self, c: char, escaped: &str, pieces: &mut Pieces) {
        match c {
            '\\' => {
                self.bump();
                match self.peek() {
                    Some('\n') => {
                        self.bump();
                    }
                    Some(next) if escaped.contains(next) => {
                        self.bump();
                        pieces.quoted(next);
                    }
                    _ => pieces.quoted('\\'),
                }
            }
            '$' => self.dollar(true, pieces),
            '`' => self.backtick(true, pieces),
            c => {
                self.bump();
                pieces.quoted(c);
            }
        }
    }

    /// Text in which only `$`, backticks and backslashes mean something.
    pub(super) fn expanding(&mut self) -> Word {
        let start = self.at;
        let mut pieces = Pieces(vec![Piece::Quoted(String::new())]);
        while let Some(c) = self.peek() {
            self.inside(c, "$`\\", &mut pieces);
        }
        Word { pieces: pieces.0, span: Span { start, end: self.at } }
    }

    /// `$'…'`
    fn ansi(&mut self, pieces: &mut Pieces) {
        self.bump();
        self.bump();
        pieces.0.push(Piece::Quoted(String::new()));
        let start = self.at;
        loop {
            match self.bump() {
                Some('\'') => break,
                Some('\\') => {
                    self.bump();
                }
                Some(_) => {}
                None => {
                    self.fault(Fault::Open);
                    break;
                }
            }
        }
        let raw = self.text[start..self.at].strip_suffix('\'').unwrap_or(&self.text[start..self.at]);
        for c in super::escapes::unescape(raw, true).chars() {
            pieces.quoted(c);
        }
    }

    pub(super) fn dollar(&mut self, quoted: bool, pieces: &mut Pieces) {
        let rest = self.rest();
        if rest.starts_with("$((") && self.arithmetic(3, pieces) {
            return;
        }
        if rest.starts_with("$(") {
            self.skip(2);
            let script = self.inner();
            pieces.0.push(Piece::Output { script: Rc::new(script), quoted });
            return;
        }
        if rest.starts_with("${") {
            self.skip(2);
            return if self.rest().starts_with([' ', '\t', '\n', '|']) {
                self.here_output(quoted, pieces);
            } else {
                self.braced(quoted, pieces);
            };
        }
        self.bump();
        let name: String = match self.peek() {
            Some(c) if c.is_ascii_digit() || "@*#?-$!".contains(c) => {
                self.bump();
                c.to_string()
            }
            Some(c) if is_name(c) => self.take_while(is_name).to_owned(),
            _ if quoted => return pieces.quoted('$'),
            _ => return pieces.plain('$'),
        };
        pieces.0.push(Piece::Name { name, op: Op::Value, quoted });
    }

    /// `${ …; }` and `${| …; }`: what these commands print, run by the same shell.
    fn here_output(&mut self, quoted: bool, pieces: &mut Pieces) {
        self.eat('|');
        if !self.deeper() {
            return;
        }
        let script = self.script(&[], Some('}'));
        if !self.eat('}') {
            self.fault(Fault::Open);
        }
        self.shallower();
        pieces.0.push(Piece::Output { script: Rc::new(script), quoted });
    }

    /// `((…))` behind a `$` or alone: whether it is one. Commands inside still run.
    ///
    /// It is one if what opens as `((` closes as `))`, as bash decides it.
    pub(super) fn arithmetic(&mut self, skip: usize, pieces: &mut Pieces) -> bool {
        let (outer, inner) = (self.pair(self.at + skip - 2), self.pair(self.at + skip - 1));
        let end = match (outer, inner) {
            (Some(outer), Some(inner)) if outer == inner + 1 => inner,
            _ => return false,
        };
        if !self.deeper() {
            return false;
        }
        self.skip(skip);
        while self.at < end {
            match self.peek() {
                Some(c @ ('$' | '`')) => self.inside(c, "", pieces),
                Some(_) => {
                    self.bump();
                }
                None => break,
            }
        }
        if self.at == end {
            self.skip(2);
        }
        self.shallower();
        pieces.0.push(Piece::Unknown);
        true
    }

    /// The commands of an arithmetic at a command's place.
    pub(super) fn arithmetic_word(&mut self) -> Option<Word> {
        let (start, mut pieces) = (self.at, Pieces::default());
        self.arithmetic(2, &mut pieces)
            .then_some(Word { pieces: pieces.0, span: Span { start, end: self.at } })
    }

    fn backtick(&mut self, quoted: bool, pieces: &mut Pieces) {
        self.bump();
        if self.depth >= DEPTH {
            // Read on as flat text: what is not followed is not passed over either.
            return self.fault(Fault::Deep);
        }
        let start = self.at;
        let mut inner = String::new();
        loop {
            match self.bump() {
                Some('`') => break,
                Some('\\') => match self.bump() {
                    Some(c) if "$`\\".contains(c) || (quoted && c == '"') => inner.push(c),
                    Some(c) => inner.extend(['\\', c]),
                    None => {}
                },
                Some(c) => inner.push(c),
                None => {
                    self.fault(Fault::Open);
                    break;
                }
            }
        }
        let script = self.within(&inner, Span { start, end: self.at });
        pieces.0.push(Piece::Output { script: Rc::new(script), quoted });
    }

    pub(super) fn process(&mut self, read: bool, pieces: &mut Pieces) {
        self.skip(2);
        let script = self.inner();
        pieces.0.push(Piece::Process { script: Rc::new(script), read });
    }
}
