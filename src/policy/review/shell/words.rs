//! Reads words: everything between two blanks or operators of a shell text.
//!
//! Grammar of POSIX.1-2024, Shell Command Language, sections 2.2 and 2.6, with
//! what bash adds (`$'…'`, `$"…"`, `<(…)`, `${name:from:count}` and its like).
//! Nothing fails: what has no end goes to the end of the text, and is told.

use super::read::Reader;
use super::tree::{Fault, Op, Piece, Span, Word};

/// Characters that end a word outside of quotes.
pub(super) fn ends_word(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | ';' | '|' | '&' | '<' | '>' | '(' | ')')
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Pieces as they are put together.
#[derive(Default)]
pub(super) struct Pieces(Vec<Piece>);

impl Pieces {
    fn plain(&mut self, c: char) {
        match self.0.last_mut() {
            Some(Piece::Plain(text)) => text.push(c),
            _ => self.0.push(Piece::Plain(c.to_string())),
        }
    }

    fn quoted(&mut self, c: char) {
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
                c if ends_word(c) => break,
                c => self.piece(c, &mut pieces),
            }
        }
        let span = Span { start, end: self.at };
        (self.at > start).then_some(Word { pieces: pieces.0, span })
    }

    /// One step outside of quotes.
    fn piece(&mut self, c: char, pieces: &mut Pieces) {
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

    fn double(&mut self, pieces: &mut Pieces) {
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

    fn dollar(&mut self, quoted: bool, pieces: &mut Pieces) {
        let rest = self.rest();
        if rest.starts_with("$((") && self.arithmetic(3, pieces) {
            return;
        }
        if rest.starts_with("$(") {
            self.skip(2);
            let script = self.inner(')');
            pieces.0.push(Piece::Output { script, quoted });
            return;
        }
        if rest.starts_with("${") {
            self.skip(2);
            return self.braced(quoted, pieces);
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

    /// `((…))` behind a `$` or alone: whether it is one. Commands inside still run.
    pub(super) fn arithmetic(&mut self, skip: usize, pieces: &mut Pieces) -> bool {
        let Some(length) = arithmetic_end(&self.rest()[skip..]) else { return false };
        let end = self.at + skip + length;
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
        pieces.0.push(Piece::Unknown);
        true
    }

    /// The commands of an arithmetic at a command's place.
    pub(super) fn arithmetic_word(&mut self) -> Option<Word> {
        let (start, mut pieces) = (self.at, Pieces::default());
        self.arithmetic(2, &mut pieces).then(|| Word { pieces: pieces.0, span: Span { start, end: self.at } })
    }

    /// Behind `${`.
    fn braced(&mut self, quoted: bool, pieces: &mut Pieces) {
        if !self.deeper() {
            return pieces.plain('$');
        }
        let length = self.rest().starts_with('#') && !self.rest().starts_with("#}");
        let pointer = self.rest().starts_with('!');
        if length || pointer {
            self.bump();
        }
        let name = match self.peek() {
            Some(c) if is_name(c) => self.take_while(is_name).to_owned(),
            Some(c) if "@*#?-$!".contains(c) => {
                self.bump();
                c.to_string()
            }
            _ => String::new(),
        };
        let op = if self.rest().starts_with('[') {
            self.bump();
            let index = self.take_while(|c| c != ']' && c != '}' && c != '\n').to_owned();
            self.eat(']');
            Op::Index(index)
        } else {
            self.operation(quoted)
        };
        // What stands behind an index is not followed.
        let rest = self.until(&['}'], quoted);
        if !self.eat('}') {
            self.fault(Fault::Open);
        }
        self.shallower();
        let op = match op {
            _ if length => Op::Other,
            Op::Value if pointer => Op::Pointer,
            op @ Op::Index(_) if !rest.pieces.is_empty() && rest.text().is_none_or(|text| !text.is_empty()) => {
                let _ = op;
                Op::Other
            }
            op => op,
        };
        pieces.0.push(if length { Piece::Unknown } else { Piece::Name { name, op, quoted } });
    }

    /// What stands behind the name in braces.
    fn operation(&mut self, quoted: bool) -> Op {
        let rest = self.rest();
        let take = |skip: usize, reader: &mut Self, stops: &[char]| {
            reader.skip(skip);
            reader.until(stops, quoted)
        };
        match rest.as_bytes() {
            [b':', b'-' | b'=', ..] => Op::Default(take(2, self, &['}'])),
            [b'-' | b'=', ..] => Op::Default(take(1, self, &['}'])),
            [b':', b'+', ..] => Op::Instead(take(2, self, &['}'])),
            [b'+', ..] => Op::Instead(take(1, self, &['}'])),
            [b':', b'?', ..] => {
                take(2, self, &['}']);
                Op::Value
            }
            [b':', ..] => {
                let from = take(1, self, &[':', '}']);
                let count = self.rest().starts_with(':').then(|| take(1, self, &['}']));
                Op::Slice(from, count)
            }
            [b'#' | b'%', ..] => {
                let end = rest.starts_with('%');
                let twice = usize::from(rest.starts_with("##") || rest.starts_with("%%"));
                Op::Trim { end, pattern: take(1 + twice, self, &['}']) }
            }
            [b'/', ..] => {
                let all = rest.starts_with("//");
                let old = take(1 + usize::from(all), self, &['/', '}']);
                let new = if self.rest().starts_with('/') { take(1, self, &['}']) } else { Word::default() };
                Op::Replace { all, old, new }
            }
            [b'^', ..] => Op::Case(true),
            [b',', ..] => Op::Case(false),
            [b'@', ..] => Op::Other,
            _ => Op::Value,
        }
    }

    /// Pieces up to one of these characters, which is left.
    fn until(&mut self, stops: &[char], quoted: bool) -> Word {
        let start = self.at;
        let mut pieces = Pieces::default();
        while let Some(c) = self.peek() {
            if stops.contains(&c) {
                break;
            }
            if quoted && c == '"' {
                // In double quotes a double quote inside braces only groups.
                self.double(&mut pieces);
            } else if quoted && c == '\'' {
                self.bump();
                pieces.plain(c);
            } else {
                self.piece(c, &mut pieces);
            }
        }
        Word { pieces: pieces.0, span: Span { start, end: self.at } }
    }

    fn backtick(&mut self, quoted: bool, pieces: &mut Pieces) {
        self.bump();
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
        pieces.0.push(Piece::Output { script, quoted });
    }

    fn process(&mut self, read: bool, pieces: &mut Pieces) {
        self.skip(2);
        let script = self.inner(')');
        pieces.0.push(Piece::Process { script, read });
    }
}

/// Where `))` closes what was opened before; `None` if parentheses are not even.
fn arithmetic_end(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices().take(4096) {
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => return text[at..].starts_with("))").then_some(at),
            ')' => depth -= 1,
            _ => {}
        }
    }
    None
}
