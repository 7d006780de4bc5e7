//! `${…}`: a value, and what is done with it.
//!
//! POSIX.1-2024, section 2.6.2, with what bash adds. Every word in it is kept,
//! also where its result is not asked: a shell runs what it substitutes.

use super::cursor::Reader;
use super::tree::{Fault, Op, Piece, Span, Word};
use super::words::{Pieces, is_name};

impl Reader<'_> {
    /// Behind `${`.
    pub(super) fn braced(&mut self, quoted: bool, pieces: &mut Pieces) {
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
        let mut aside = Vec::new();
        let mut op = if self.eat('[') {
            let index = self.until(&[']', '}'], quoted, quoted);
            self.eat(']');
            let known = index.text().or_else(|| only_name(&index).map(str::to_owned));
            // `${a[i]}` and `${a[$i]}` are asked by the name; anything more only runs.
            aside.push(index);
            known.map_or_else(|| Op::Other(Vec::new()), Op::Index)
        } else {
            self.operation(quoted)
        };
        // What stands behind an index is not followed, but for what it runs.
        let rest = self.until(&['}'], quoted, quoted);
        if !self.eat('}') {
            self.fault(Fault::Open);
        }
        self.shallower();
        let more = !rest.pieces.is_empty() && rest.text().is_none_or(|text| !text.is_empty());
        if more && matches!(op, Op::Index(_)) {
            op = Op::Other(Vec::new());
        }
        if more {
            aside.push(rest);
        }
        if pointer && op == Op::Value {
            op = Op::Pointer;
        }
        let runs = aside.iter().any(|word| !only_values(word));
        if length || runs {
            // What it comes to is not known; what it runs is.
            let before = std::mem::replace(&mut op, Op::Other(aside));
            if let Op::Other(words) = &mut op {
                words.extend(words_of(before));
            }
        }
        pieces.0.push(Piece::Name { name, op, quoted });
    }

    /// What stands behind the name in braces.
    fn operation(&mut self, quoted: bool) -> Op {
        let rest = self.rest();
        // In double quotes single ones mean themselves, but in patterns they quote.
        let take = |skip: usize, reader: &mut Self, stops: &[char], pattern: bool| {
            reader.skip(skip);
            reader.until(stops, quoted, quoted && !pattern)
        };
        match rest.as_bytes() {
            [b':', b'-' | b'=', ..] => Op::Default(take(2, self, &['}'], false)),
            [b'-' | b'=', ..] => Op::Default(take(1, self, &['}'], false)),
            [b':', b'+', ..] => Op::Instead(take(2, self, &['}'], false)),
            [b'+', ..] => Op::Instead(take(1, self, &['}'], false)),
            [b':', b'?', ..] => Op::Demand(take(2, self, &['}'], false)),
            [b'?', ..] => Op::Demand(take(1, self, &['}'], false)),
            [b':', ..] => {
                let from = take(1, self, &[':', '}'], false);
                let count = self.rest().starts_with(':').then(|| take(1, self, &['}'], false));
                Op::Slice(from, count)
            }
            [b'#' | b'%', ..] => {
                let end = rest.starts_with('%');
                let twice = usize::from(rest.starts_with("##") || rest.starts_with("%%"));
                Op::Trim { end, pattern: take(1 + twice, self, &['}'], true) }
            }
            [b'/', ..] => {
                let all = rest.starts_with("//");
                let old = take(1 + usize::from(all), self, &['/', '}'], true);
                let more = self.rest().starts_with('/');
                let new = if more { take(1, self, &['}'], true) } else { Word::default() };
                Op::Replace { all, old, new }
            }
            [b'^', ..] => Op::Case(true),
            [b',', ..] => Op::Case(false),
            [b'@', ..] => Op::Other(Vec::new()),
            _ => Op::Value,
        }
    }

    /// Pieces up to one of these characters, which is left. `plain`: single quotes mean themselves.
    pub(super) fn until(&mut self, stops: &[char], quoted: bool, plain: bool) -> Word {
        let start = self.at;
        let mut pieces = Pieces::default();
        while let Some(c) = self.peek() {
            match c {
                c if stops.contains(&c) => break,
                // In double quotes a double quote inside braces only groups.
                '"' if quoted => self.double(&mut pieces),
                '\'' if plain => {
                    self.bump();
                    pieces.plain(c);
                }
                '$' if plain && self.rest().starts_with("$'") => {
                    self.bump();
                    pieces.plain(c);
                }
                '<' | '>' if !quoted && self.rest().get(1..2) == Some("(") => {
                    self.process(c == '<', &mut pieces)
                }
                c => self.piece(c, &mut pieces),
            }
        }
        Word { pieces: pieces.0, span: Span { start, end: self.at } }
    }
}

/// The name, if a word is the value of one and nothing else.
fn only_name(word: &Word) -> Option<&str> {
    match word.pieces.as_slice() {
        [Piece::Name { name, op: Op::Value, .. }] => Some(name),
        _ => None,
    }
}

/// Whether a word runs nothing to be known.
fn only_values(word: &Word) -> bool {
    word.pieces
        .iter()
        .all(|piece| matches!(piece, Piece::Plain(_) | Piece::Quoted(_) | Piece::Name { op: Op::Value, .. }))
}

fn words_of(op: Op) -> Vec<Word> {
    match op {
        Op::Default(word) | Op::Instead(word) | Op::Demand(word) | Op::Trim { pattern: word, .. } => {
            vec![word]
        }
        Op::Slice(from, count) => std::iter::once(from).chain(count).collect(),
        Op::Replace { old, new, .. } => vec![old, new],
        Op::Other(words) => words,
        Op::Value | Op::Index(_) | Op::Case(_) | Op::Pointer => Vec::new(),
    }
}
