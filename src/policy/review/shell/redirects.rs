//! `<`, `>`, and their kin; here-documents, which are announced in one line and
//! stand behind its end.

use super::cursor::Reader;
use super::tree::{Fault, Redirect, Span, Way, Word};
use std::cell::OnceCell;
use std::rc::Rc;

/// A here-document whose lines are still to come.
pub(super) struct Pending {
    /// The line that ends it.
    end: String,
    /// Whether tabs before each line go.
    tabs: bool,
    /// Whether nothing is put in.
    literal: bool,
    /// Where its text is wanted.
    target: Rc<OnceCell<Word>>,
}

const OPERATORS: &[(&str, Way)] = &[
    ("<<<", Way::Here),
    ("<<-", Way::Here),
    ("&>>", Way::Append),
    ("<<", Way::Here),
    (">>", Way::Append),
    ("<&", Way::Copy),
    (">&", Way::Copy),
    ("&>", Way::Out),
    ("<>", Way::In),
    (">|", Way::Out),
    ("<", Way::In),
    (">", Way::Out),
];

impl Reader<'_> {
    /// Takes a redirection, if one stands here.
    pub(super) fn redirect(&mut self, redirects: &mut Vec<Redirect>) -> bool {
        let rest = self.rest();
        let digits = descriptor(rest);
        let fd = rest[..digits].parse().ok();
        let behind = &rest[digits..];
        let found = OPERATORS.iter().find(|(operator, _)| behind.starts_with(operator));
        let Some((operator, way)) = found.copied() else { return false };
        // `<(` and `>(` begin a word; a number is one unless it stands right before.
        if (operator.len() == 1 && behind[1..].starts_with('(')) || (digits > 0 && operator.starts_with('&'))
        {
            return false;
        }
        self.skip(digits + operator.len());
        self.take_while(|c| c == ' ' || c == '\t');
        while self.rest().starts_with("\\\n") {
            self.skip(2);
            self.take_while(|c| c == ' ' || c == '\t');
        }
        let (target, start) = (Rc::new(OnceCell::new()), self.at);
        let Some(word) = self.word() else {
            // `>` before an operator, as in `<name> | more` of a template, leads nowhere.
            return true;
        };
        if matches!(operator, "<<" | "<<-") {
            let raw = &self.text[start..self.at];
            let literal = raw.contains(['\'', '"', '\\']);
            let (end, tabs) = (without_quotes(raw), operator == "<<-");
            self.pending.push(Pending { end, tabs, literal, target: Rc::clone(&target) });
            redirects.push(Redirect { fd, way, target });
            return true;
        }
        let numbers = |text: String| text.chars().all(|c| c.is_ascii_digit() || c == '-');
        let copies = way == Way::Copy && word.text().is_some_and(numbers);
        let way = if way == Way::Copy && !copies { Way::Out } else { way };
        let _ = target.set(word);
        redirects.push(Redirect { fd, way, target });
        true
    }

    /// Goes over a line's end, and reads what was announced to stand behind it.
    pub(super) fn newline(&mut self) -> bool {
        let returns = self.at > 0 && self.text.as_bytes().get(self.at - 1) == Some(&b'\r');
        if !self.eat('\n') {
            return false;
        }
        for here in std::mem::take(&mut self.pending) {
            self.here(&here, returns);
        }
        true
    }

    /// The text of one; `returns` if lines end here as other systems end them.
    fn here(&mut self, here: &Pending, returns: bool) {
        let start = self.at;
        let (mut body, mut found) = (String::new(), false);
        while self.at < self.text.len() && !found {
            let rest = self.rest();
            let length = rest.find('\n').map_or(rest.len(), |at| at + 1);
            let whole = &rest[..length];
            let line = if here.tabs { whole.trim_start_matches('\t') } else { whole };
            let bare = line.strip_suffix('\n').unwrap_or(line);
            let bare = if returns { bare.strip_suffix('\r').unwrap_or(bare) } else { bare };
            found = bare == here.end;
            if !found && self.parens > 0 && closes(bare, &here.end) {
                // `$(cat <<E` … `E)`: shells end it there.
                self.at += whole.len() - line.len() + here.end.len();
                found = true;
                break;
            }
            self.at += length;
            if !found {
                body.push_str(line);
            }
        }
        if !found {
            self.fault(Fault::Open);
        }
        let span = Span { start, end: self.at };
        let word = if here.literal { Word::literal(body) } else { self.expanding_within(&body, span) };
        let _ = here.target.set(word);
    }
}

/// How many bytes a number, or a name in braces, before a redirection takes.
fn descriptor(rest: &str) -> usize {
    if rest.starts_with('{') {
        let end = rest.bytes().take(64).position(|c| c == b'}').map_or(0, |at| at + 1);
        let name = rest.get(1..end.saturating_sub(1)).unwrap_or_default();
        let is = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        return if is && rest[end..].starts_with(['<', '>']) { end } else { 0 };
    }
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    if digits < 8 { digits } else { 0 }
}

/// Whether a line is the end of a here-document with a closing parenthesis behind it.
fn closes(line: &str, end: &str) -> bool {
    !end.is_empty() && line.strip_prefix(end).is_some_and(|behind| behind.starts_with(')'))
}

/// A delimiter as it stands, without its quotes: nothing in it is put in.
fn without_quotes(raw: &str) -> String {
    let (mut out, mut quote, mut chars) = (String::new(), None, raw.chars());
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None | Some('"'), '\\') => out.extend(chars.next().filter(|c| *c != '\n')),
            (_, c) => out.push(c),
        }
    }
    out
}
