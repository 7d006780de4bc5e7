//! Where the reader of shell text is, how deep, and what it still owes.
//!
//! Everything here goes forward only, so that reading takes time in proportion to
//! the text. Attack: a text of which each byte makes a reader look through the
//! rest of it. Whatever has to be known of what stands further on, as which
//! parenthesis closes which, is found out once for the whole text.

use super::redirects::Pending;
use super::tree::{Fault, Script, Span, Word};
use std::collections::BTreeSet;

/// How deep compound commands, substitutions and braces are followed.
pub(super) const DEPTH: usize = 40;
/// Faults that are told of one text; what comes behind them is read all the same.
const FAULTS: usize = 256;

/// The reader of one text, or of a text inside of another.
pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    pub(super) depth: usize,
    /// How many `$(`, `<(` and `(` are open.
    pub(super) parens: usize,
    /// Here-documents that were announced, and begin behind the line's end.
    pub(super) pending: Vec<Pending>,
    pub(super) faults: BTreeSet<(Fault, usize)>,
    /// Where it stands in the text around it, if it is a part that was unescaped.
    pub(super) outer: Option<Span>,
    /// For each `(` the `)` that closes it, quotes not asked; made when first needed.
    pairs: Option<Vec<(usize, usize)>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, depth: usize) -> Self {
        let (pending, faults) = (Vec::new(), BTreeSet::new());
        Self { text, at: 0, depth, parens: 0, pending, faults, outer: None, pairs: None }
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    /// Goes on by bytes that are known to be there.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.at = (self.at + bytes).min(self.text.len());
    }

    pub(super) fn eat(&mut self, c: char) -> bool {
        let is = self.peek() == Some(c);
        if is {
            self.bump();
        }
        is
    }

    pub(super) fn take_while(&mut self, test: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|c| !test(c)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    pub(super) fn fault(&mut self, fault: Fault) {
        self.told(fault, self.outer.map_or(self.at, |outer| outer.start));
    }

    /// Attack: hundreds of small faults, so that the one that hides something is one too many.
    fn told(&mut self, fault: Fault, at: usize) {
        let deep = |(fault, _): &(Fault, usize)| *fault == Fault::Deep;
        if self.faults.len() < FAULTS || fault == Fault::Deep && !self.faults.iter().any(deep) {
            self.faults.insert((fault, at));
        }
    }

    /// One level down, if there is one left.
    pub(super) fn deeper(&mut self) -> bool {
        if self.depth >= DEPTH {
            self.fault(Fault::Deep);
            return false;
        }
        self.depth += 1;
        true
    }

    pub(super) fn shallower(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Where something stands that began at this byte and ends here.
    pub(super) fn span(&self, start: usize) -> Span {
        self.outer.unwrap_or(Span { start, end: self.at })
    }

    /// Blanks, comments, and lines that go on.
    pub(super) fn blanks(&mut self) {
        loop {
            self.take_while(|c| matches!(c, ' ' | '\t' | '\r'));
            if self.rest().starts_with("\\\n") {
                self.skip(2);
            } else if self.rest().starts_with("\\\r\n") {
                self.skip(3);
            } else if self.rest().starts_with('#') {
                self.take_while(|c| c != '\n');
            } else {
                return;
            }
        }
    }

    /// Blanks and ends of lines.
    pub(super) fn gap(&mut self) {
        self.blanks();
        while self.newline() {
            self.blanks();
        }
    }

    /// A list inside, up to the closing parenthesis.
    pub(super) fn inner(&mut self) -> Script {
        if !self.deeper() {
            return Script::default();
        }
        self.parens += 1;
        let script = self.script(&[], Some(')'));
        if !self.eat(')') {
            self.fault(Fault::Open);
        }
        self.parens -= 1;
        self.shallower();
        script
    }

    /// A text of its own that stands in this one, unescaped.
    pub(super) fn within(&mut self, text: &str, span: Span) -> Script {
        self.apart(text, span, |reader| reader.script(&[], None)).unwrap_or_default()
    }

    /// A text of its own that is no commands, but in which values are put in.
    pub(super) fn expanding_within(&mut self, text: &str, span: Span) -> Word {
        self.apart(text, span, |reader| reader.expanding()).unwrap_or_else(|| Word::literal(text))
    }

    fn apart<T>(&mut self, text: &str, span: Span, read: impl FnOnce(&mut Reader<'_>) -> T) -> Option<T> {
        if !self.deeper() {
            return None;
        }
        let mut reader = Reader::new(text, self.depth);
        reader.outer = Some(self.outer.unwrap_or(span));
        let out = read(&mut reader);
        for (fault, at) in reader.faults {
            self.told(fault, at);
        }
        self.shallower();
        Some(out)
    }

    /// Where the parenthesis is closed that opens at this byte, quotes not asked.
    pub(super) fn pair(&mut self, open: usize) -> Option<usize> {
        let text = self.text;
        let pairs = self.pairs.get_or_insert_with(|| pairs_of(text));
        let index = pairs.binary_search_by_key(&open, |(open, _)| *open).ok()?;
        pairs.get(index).map(|(_, close)| *close)
    }
}

fn pairs_of(text: &str) -> Vec<(usize, usize)> {
    let (mut open, mut all) = (Vec::new(), Vec::new());
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => open.push(at),
            b')' => all.extend(open.pop().map(|from| (from, at))),
            _ => {}
        }
    }
    all.sort_unstable();
    all
}
