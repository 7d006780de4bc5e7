//! The pre-scan: what a line reader sees in a front matter, and every form of
//! YAML that one reader follows and another does not.
//!
//! It runs before the YAML parser, in one pass over at most 64 KiB, and is
//! deliberately narrower than YAML. It finds the top-level keys the way simple
//! clients do (a word at the left edge, a colon, the rest of the line); the
//! caller compares them with what the YAML parser found.
//!
//! Attack: a card whose `name:` or `hooks:` stands inside a quoted text for
//! one reader and at the top level for another, or whose value is copied in
//! by an alias, is reviewed as one thing and loaded as another.

use super::fault::{CardFault, CardRule};
use std::collections::BTreeSet;

/// A top-level key as a line reader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key<'a> {
    /// Line in the file, from 1.
    pub(super) line: usize,
    /// The word before the colon.
    pub(super) key: &'a str,
    /// The rest of the line, trimmed.
    pub(super) rest: &'a str,
    /// Whether a comment follows unquoted text.
    pub(super) comment: bool,
}

/// What the scan found.
#[derive(Debug, Default)]
pub(super) struct Scanned<'a> {
    /// Top-level keys in order.
    pub(super) keys: Vec<Key<'a>>,
    /// Forms that are refused.
    pub(super) faults: Vec<CardFault>,
}

/// What the previous line left open.
#[derive(Clone, Copy)]
enum Open {
    /// Nothing.
    Nothing,
    /// A block scalar (`|`, `>`) below a node at this column.
    Block(usize),
    /// Unquoted text below a node at this column.
    Plain(usize),
    /// A quoted text.
    Quoted(char),
    /// A flow collection.
    Flow(Flow),
}

/// Inside `[...]` or `{...}`.
#[derive(Clone, Copy)]
struct Flow {
    depth: usize,
    quote: Option<char>,
    /// Whether the next character that is not white space begins a node.
    fresh: bool,
}

struct Scan<'a> {
    out: Scanned<'a>,
    open: Open,
    line: usize,
    /// Column of the key or dash whose value may stand on the next lines.
    parent: usize,
    /// Top-level keys so far, in lower case.
    known: BTreeSet<String>,
}

/// Scans the lines of a front matter; the first is line `first` of the file.
pub(super) fn scan(front: &str, first: usize) -> Scanned<'_> {
    let mut scan =
        Scan { out: Scanned::default(), open: Open::Nothing, line: first, parent: 0, known: BTreeSet::new() };
    for (at, text) in front.lines().enumerate() {
        scan.line = first + at;
        scan.take_line(text);
    }
    scan.out
}

/// A key that every reader takes for the same word.
fn is_plain_key(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && key.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_.".contains(&c))
}

/// Byte position of the colon that ends a key in unquoted text.
fn key_end(text: &str) -> Option<usize> {
    let mut colons = text.match_indices(':');
    let at = colons.find(|(at, _)| matches!(text.as_bytes().get(at + 1), None | Some(b' ' | b'\t')))?.0;
    let comment = comment_start(text);
    if comment.is_some_and(|comment| comment < at) { None } else { Some(at) }
}

/// Byte position of a comment after unquoted text.
fn comment_start(text: &str) -> Option<usize> {
    [" #", "\t#"].iter().filter_map(|mark| text.find(mark)).min()
}

/// Byte position after the closing quote, if the text has one.
fn quote_end(text: &str, quote: char) -> Option<usize> {
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && quote == '"' {
            chars.next();
        } else if c == quote {
            if quote == '\'' && chars.peek().is_some_and(|(_, next)| *next == '\'') {
                chars.next();
            } else {
                return Some(at + c.len_utf8());
            }
        }
    }
    None
}

impl<'a> Scan<'a> {
    fn fault(&mut self, rule: CardRule, found: &str) {
        self.out.faults.push(CardFault::new(self.line, rule, found));
    }

    fn take_line(&mut self, text: &'a str) {
        let body = text.trim_start_matches([' ', '\t']);
        let indent = text.len() - body.len();
        if text[..indent].contains('\t') && !body.is_empty() {
            self.fault(CardRule::TabIndent, body);
        }
        if is_fence(body) {
            self.fault(CardRule::Fence, body);
        }
        if body.is_empty() {
            return;
        }
        match self.open {
            Open::Block(parent) if indent > parent => return,
            Open::Plain(parent) if indent > parent => return self.plain(body, parent),
            Open::Quoted(_) | Open::Flow(_) if indent == 0 => self.fault(CardRule::Unindented, body),
            _ => {}
        }
        match self.open {
            Open::Quoted(quote) => self.quoted(body, quote),
            Open::Flow(flow) => self.flow(body, flow),
            Open::Nothing | Open::Block(_) | Open::Plain(_) => {
                self.open = Open::Nothing;
                self.node(body, indent);
            }
        }
    }

    /// A line on which something new begins.
    fn node(&mut self, body: &'a str, indent: usize) {
        let (mut body, mut column) = (body, indent);
        while let Some(rest) =
            body.strip_prefix('-').filter(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
        {
            let inner = rest.trim_start();
            self.parent = column;
            column += body.len() - inner.len();
            body = inner;
        }
        let top = indent == 0 && column == 0;
        if body.is_empty() || body.starts_with('#') {
            return;
        }
        if body == "?" || body.starts_with("? ") || body.starts_with("?\t") {
            return self.fault(CardRule::ComplexKey, body);
        }
        if top && body.starts_with('%') {
            return self.fault(CardRule::Directive, body);
        }
        if self.refuses_indicator(body) {
            return;
        }
        let quoted = body.chars().next().filter(|c| matches!(c, '"' | '\''));
        let end = match quoted {
            Some(quote) => quote_end(&body[1..], quote)
                .map(|end| end + 1)
                .filter(|end| body[*end..].trim_start().starts_with(':')),
            None if body.starts_with(['[', '{', '|', '>']) => None,
            None => key_end(body),
        };
        match end {
            Some(end) => self.key(body, end, column, top),
            None if top => self.fault(CardRule::Unindented, body),
            None => self.value(body, self.parent),
        }
    }

    fn key(&mut self, body: &'a str, end: usize, column: usize, top: bool) {
        let key = body[..end].trim_end();
        let rest = body[end..].trim_start();
        let rest = rest.strip_prefix(':').unwrap_or(rest).trim();
        if key == "<<" {
            return self.fault(CardRule::MergeKey, body);
        }
        self.parent = column;
        if !top {
            return self.value(rest, column);
        }
        // `on:` is the key `true` to a reader of YAML 1.1.
        if !is_plain_key(key) || !super::is_text(key) || key.len() != end {
            self.fault(CardRule::OddKey, body);
        }
        if !self.known.insert(key.to_ascii_lowercase()) {
            self.fault(CardRule::DuplicateKey, key);
        }
        let plain = !rest.starts_with(['"', '\'', '|', '>', '[', '{', '#']);
        let comment = plain && comment_start(rest).is_some();
        self.out.keys.push(Key { line: self.line, key, rest, comment });
        self.value(rest, column);
    }

    /// Refuses what may not begin a node; says whether it did.
    fn refuses_indicator(&mut self, text: &str) -> bool {
        let rule = match text.as_bytes().first() {
            Some(b'&') => CardRule::Anchor,
            Some(b'*') => CardRule::Alias,
            Some(b'!') => CardRule::Tag,
            _ => return false,
        };
        self.fault(rule, text);
        true
    }

    /// The value of a node whose key or dash stands at `parent`.
    fn value(&mut self, text: &str, parent: usize) {
        self.open = match text.chars().next() {
            None | Some('#') => Open::Nothing,
            Some('|' | '>') => Open::Block(parent),
            Some(quote @ ('"' | '\'')) => return self.quoted(&text[1..], quote),
            Some('[' | '{') => return self.flow(text, Flow { depth: 0, quote: None, fresh: true }),
            Some('&' | '*' | '!') => {
                self.refuses_indicator(text);
                Open::Plain(parent)
            }
            Some(_) => return self.plain(text, parent),
        };
    }

    fn plain(&mut self, text: &str, parent: usize) {
        self.open = Open::Plain(parent);
        if text.starts_with('#') {
            return;
        }
        if key_end(text).is_some() {
            self.fault(CardRule::ColonInText, text);
        }
    }

    fn quoted(&mut self, text: &str, quote: char) {
        self.open = match quote_end(text, quote) {
            Some(_) => Open::Nothing,
            None => Open::Quoted(quote),
        };
    }

    /// Walks one line of a flow collection.
    fn flow(&mut self, text: &str, mut flow: Flow) {
        let mut rest = text;
        let mut carried = flow.quote.is_some();
        while let Some(c) = rest.chars().next() {
            if let Some(quote) = flow.quote {
                match quote_end(rest, quote) {
                    None => break,
                    Some(end) => rest = &rest[end..],
                }
                flow.quote = None;
                flow.fresh = false;
                // In `"key":value` the colon needs no space after it.
                if let Some(after) = rest.trim_start().strip_prefix(':') {
                    if carried {
                        self.fault(CardRule::ComplexKey, text);
                    }
                    rest = after;
                    flow.fresh = true;
                }
                carried = false;
                continue;
            }
            let next = &rest[c.len_utf8()..];
            match c {
                ' ' | '\t' if next.starts_with('#') => break,
                ' ' | '\t' => {}
                '[' | '{' => (flow.depth, flow.fresh) = (flow.depth + 1, true),
                ']' | '}' => (flow.depth, flow.fresh) = (flow.depth.saturating_sub(1), false),
                ',' => flow.fresh = true,
                ':' if next.is_empty() || next.starts_with([' ', '\t', ',', ']', '}', '[', '{']) => {
                    flow.fresh = true
                }
                '"' | '\'' if flow.fresh => flow.quote = Some(c),
                _ => {
                    if flow.fresh {
                        self.flow_token(rest);
                    }
                    flow.fresh = false;
                }
            }
            rest = next;
            if flow.depth == 0 {
                self.open = Open::Nothing;
                if rest.trim_start().starts_with(':') {
                    self.fault(CardRule::ComplexKey, text);
                }
                return;
            }
        }
        self.open = Open::Flow(flow);
    }

    /// The beginning of an unquoted text inside a flow collection.
    fn flow_token(&mut self, rest: &str) {
        if self.refuses_indicator(rest) {
            return;
        }
        if rest.starts_with("? ") || rest.starts_with(':') {
            self.fault(CardRule::ComplexKey, rest);
        } else if rest.strip_prefix("<<").is_some_and(|after| after.trim_start().starts_with(':')) {
            self.fault(CardRule::MergeKey, rest);
        }
    }
}

/// A line that some reader takes for the end of the front matter or of a
/// document: three or more dashes, or three dots, whatever the indentation.
fn is_fence(body: &str) -> bool {
    let body = body.trim_end();
    let dashes = body.len() >= 3 && body.bytes().all(|c| c == b'-');
    dashes
        || body == "..."
        || body.starts_with("--- ")
        || body.starts_with("---\t")
        || body.starts_with("... ")
}
