//! Reads a shell text into a tree.
//!
//! The text is what a stranger wrote, and much of it is no shell at all: console
//! transcripts, templates, half sentences. So nothing fails here. Whatever is not
//! as the grammar has it is told as a [`Fault`], and reading goes on behind it:
//! a command that follows nonsense is still found.
//!
//! Time is linear in the text and depth is bounded: nesting beyond [`DEPTH`] is
//! read as flat text and told. Attack: ten thousand braces, to exhaust the stack
//! of whoever reads them by recursion.

use super::tree::{Assign, Assigned, Body, Command, Fault, Pipeline, Redirect, Script, Span, Way, Word};
use super::words::ends_word;
use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::rc::Rc;

/// How deep compound commands, substitutions and braces are followed.
const DEPTH: usize = 40;

/// What was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// The text as a tree.
    pub script: Script,
    /// What was not as a shell would have it, each kind once per place.
    pub faults: BTreeSet<(Fault, usize)>,
}

/// Reads a whole text.
#[must_use]
pub fn read(text: &str) -> Reading {
    let mut reader = Reader::new(text, 0);
    let script = reader.script(&[], None);
    Reading { script, faults: reader.faults }
}

/// A here-document whose lines are still to come.
struct Pending {
    end: String,
    tabs: bool,
    literal: bool,
    target: Rc<OnceCell<Word>>,
}

pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    depth: usize,
    pending: Vec<Pending>,
    faults: BTreeSet<(Fault, usize)>,
    /// Where it stands in the text around it, if it is a part that was unescaped.
    outer: Option<Span>,
}

/// Words that end a part of a compound command.
const ENDS: &[&str] = &["then", "do", "done", "fi", "elif", "else", "esac", "}"];

impl<'a> Reader<'a> {
    fn new(text: &'a str, depth: usize) -> Self {
        Self { text, at: 0, depth, pending: Vec::new(), faults: BTreeSet::new(), outer: None }
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
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
        self.faults.insert((fault, self.outer.map_or(self.at, |outer| outer.start)));
    }

    pub(super) fn deeper(&mut self) -> bool {
        if self.depth >= DEPTH {
            self.fault(Fault::Deep);
            return false;
        }
        self.depth += 1;
        true
    }

    pub(super) fn shallower(&mut self) {
        self.depth -= 1;
    }

    /// A list inside, up to the closing parenthesis.
    pub(super) fn inner(&mut self, close: char) -> Script {
        if !self.deeper() {
            return Script::default();
        }
        let script = self.script(&[], Some(close));
        if !self.eat(close) {
            self.fault(Fault::Open);
        }
        self.shallower();
        script
    }

    /// A text of its own that stands in this one, unescaped.
    pub(super) fn within(&mut self, text: &str, span: Span) -> Script {
        if !self.deeper() {
            return Script::default();
        }
        let mut reader = Reader::new(text, self.depth);
        reader.outer = Some(self.outer.unwrap_or(span));
        let script = reader.script(&[], None);
        self.faults.append(&mut reader.faults);
        self.shallower();
        script
    }

    fn span(&self, start: usize) -> Span {
        self.outer.unwrap_or(Span { start, end: self.at })
    }

    fn blanks(&mut self) {
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

    /// Goes over a line's end, and reads what was announced to stand behind it.
    fn newline(&mut self) -> bool {
        if !self.eat('\n') {
            return false;
        }
        for here in std::mem::take(&mut self.pending) {
            let start = self.at;
            let mut body = String::new();
            let mut found = false;
            while self.at < self.text.len() {
                let rest = self.rest();
                let length = rest.find('\n').map_or(rest.len(), |at| at + 1);
                self.at += length;
                let mut line = &rest[..length];
                if here.tabs {
                    line = line.trim_start_matches('\t');
                }
                found = line.trim_end_matches(['\n', '\r']) == here.end;
                if found {
                    break;
                }
                body.push_str(line);
            }
            if !found {
                self.fault(Fault::Open);
            }
            let span = Span { start, end: self.at };
            let word = if here.literal { Word::literal(body) } else { self.expanding_part(&body, span) };
            let _ = here.target.set(word);
        }
        true
    }

    fn expanding_part(&mut self, text: &str, span: Span) -> Word {
        if !self.deeper() {
            return Word::literal(text);
        }
        let mut reader = Reader::new(text, self.depth);
        reader.outer = Some(self.outer.unwrap_or(span));
        let word = reader.expanding();
        self.faults.append(&mut reader.faults);
        self.shallower();
        word
    }

    /// Pipelines up to one of these words at a command's place, or a closing character.
    fn script(&mut self, ends: &[&'static str], close: Option<char>) -> Script {
        let mut all = Vec::new();
        loop {
            self.blanks();
            if self.newline() {
                continue;
            }
            let Some(c) = self.peek() else { break };
            if Some(c) == close || self.reserved(ends).is_some() {
                break;
            }
            // `;;` ends a branch, and is taken by whoever reads the branches.
            if c == ';' && close == Some(';') && self.rest().starts_with(";;") {
                break;
            }
            if matches!(c, ';' | '&' | '|') {
                self.bump();
                continue;
            }
            if c == ')' || self.reserved(ENDS).is_some() {
                self.fault(Fault::Stray);
                if self.bump() == Some(')') {
                    continue;
                }
                self.take_while(|c| !ends_word(c));
                continue;
            }
            let before = self.at;
            if let Some(pipeline) = self.pipeline() {
                all.push(pipeline);
            }
            if self.at == before {
                self.fault(Fault::Stray);
                self.bump();
            }
        }
        Script(all)
    }

    /// Which of these words stands here, alone.
    fn reserved(&self, words: &[&'static str]) -> Option<&'static str> {
        let rest = self.rest();
        words.iter().copied().find(|word| {
            rest.strip_prefix(word).is_some_and(|behind| behind.chars().next().is_none_or(ends_word))
        })
    }

    fn pipeline(&mut self) -> Option<Pipeline> {
        let start = self.at;
        let mut stages = Vec::new();
        loop {
            self.blanks();
            while self.reserved(&["!", "time", "coproc"]).is_some() {
                self.take_while(|c| !ends_word(c));
                self.blanks();
            }
            if let Some(command) = self.command() {
                stages.push(command);
            }
            self.blanks();
            if !self.rest().starts_with('|') || self.rest().starts_with("||") {
                break;
            }
            self.bump();
            self.eat('&');
            self.blanks();
            while self.newline() {
                self.blanks();
            }
        }
        let span = self.span(start);
        (!stages.is_empty()).then_some(Pipeline { stages, span })
    }

    fn command(&mut self) -> Option<Command> {
        let start = self.at;
        let mut redirects = Vec::new();
        let body = match self.compound() {
            Some(body) => {
                loop {
                    self.blanks();
                    if !self.redirect(&mut redirects) {
                        break;
                    }
                }
                body
            }
            None => self.simple(&mut redirects)?,
        };
        Some(Command { body, redirects, span: self.span(start) })
    }

    /// A compound command, if one stands here.
    fn compound(&mut self) -> Option<Body> {
        if self.rest().starts_with("((")
            && let Some(word) = self.arithmetic_word()
        {
            return Some(Body::Simple { assigns: Vec::new(), words: vec![Word::literal(":"), word] });
        }
        if self.rest().starts_with('(') {
            self.bump();
            return Some(Body::Group(self.inner(')')));
        }
        let word = self.reserved(&["{", "if", "while", "until", "for", "select", "case", "function", "[["])?;
        if word == "[[" {
            return Some(self.test());
        }
        if !self.deeper() {
            return None;
        }
        self.skip(word.len());
        let body = match word {
            "{" => Body::Group(self.parts(&["}"])),
            "if" => Body::Group(self.parts(&["then", "elif", "else", "fi"])),
            "while" | "until" => Body::Group(self.parts(&["do", "done"])),
            "case" => Body::Group(self.case()),
            "function" => {
                self.blanks();
                let name = self.take_while(|c| !ends_word(c)).to_owned();
                self.function(name)
            }
            _ => self.each(),
        };
        self.shallower();
        Some(body)
    }

    /// Lists, each up to the next of these words; the last one is the end.
    fn parts(&mut self, words: &[&'static str]) -> Script {
        let last = words.last().copied().unwrap_or_default();
        let mut all = Vec::new();
        loop {
            all.append(&mut self.script(words, Some(')')).0);
            let Some(word) = self.reserved(words) else {
                self.fault(Fault::Open);
                return Script(all);
            };
            self.skip(word.len());
            if word == last {
                return Script(all);
            }
        }
    }

    fn each(&mut self) -> Body {
        self.blanks();
        if self.rest().starts_with("((") {
            let _ = self.arithmetic_word();
            return Body::Group(self.parts(&["do", "done"]));
        }
        let name = self.take_while(|c| !ends_word(c)).to_owned();
        let mut items = Vec::new();
        self.blanks();
        while self.newline() {
            self.blanks();
        }
        if self.reserved(&["in"]).is_some() {
            self.skip(2);
            self.blanks();
            while let Some(word) = self.word() {
                items.push(word);
                self.blanks();
            }
        }
        let body = self.parts(&["do", "done"]);
        Body::For { name, items, body }
    }

    fn case(&mut self) -> Script {
        let mut all = Vec::new();
        self.blanks();
        if let Some(word) = self.word() {
            // What is looked at may run commands; nothing else of it is asked.
            let words = vec![Word::literal(":"), word];
            let span = self.span(self.at);
            let command =
                Command { body: Body::Simple { assigns: Vec::new(), words }, redirects: Vec::new(), span };
            all.push(Pipeline { stages: vec![command], span });
        }
        self.gap();
        if self.reserved(&["in"]).is_some() {
            self.skip(2);
        }
        loop {
            self.gap();
            if self.reserved(&["esac"]).is_some() {
                self.skip(4);
                return Script(all);
            }
            if self.peek().is_none() {
                self.fault(Fault::Open);
                return Script(all);
            }
            self.eat('(');
            while self.peek().is_some_and(|c| c != ')' && c != '\n') {
                if self.word().is_none() {
                    self.bump();
                }
            }
            if !self.eat(')') {
                self.fault(Fault::Open);
                return Script(all);
            }
            all.append(&mut self.script(&["esac"], Some(';')).0);
            self.take_while(|c| c == ';' || c == '&');
        }
    }

    fn gap(&mut self) {
        self.blanks();
        while self.newline() {
            self.blanks();
        }
    }

    /// `[[ … ]]`: words and operators that run nothing, but for what is substituted.
    fn test(&mut self) -> Body {
        let mut words = Vec::new();
        loop {
            self.blanks();
            match self.peek() {
                None | Some('\n') => {
                    self.fault(Fault::Open);
                    break;
                }
                Some(_) => match self.word() {
                    Some(word) => {
                        let end = word.bare() == Some("]]");
                        words.push(word);
                        if end {
                            break;
                        }
                    }
                    None => {
                        self.bump();
                    }
                },
            }
        }
        Body::Simple { assigns: Vec::new(), words }
    }

    /// Behind a function's name.
    fn function(&mut self, name: String) -> Body {
        self.blanks();
        if self.eat('(') {
            self.blanks();
            self.eat(')');
        }
        self.gap();
        let body = self.command().map_or_else(Script::default, |command| {
            let span = command.span;
            Script(vec![Pipeline { stages: vec![command], span }])
        });
        Body::Function { name, body }
    }

    fn simple(&mut self, redirects: &mut Vec<Redirect>) -> Option<Body> {
        let (mut assigns, mut words) = (Vec::new(), Vec::new());
        loop {
            self.blanks();
            if self.redirect(redirects) {
                continue;
            }
            // `>` before an operator, as in `<name> | more`, leads nowhere.
            if words.is_empty()
                && let Some(assign) = self.assignment()
            {
                assigns.push(assign);
                continue;
            }
            let Some(word) = self.word() else { break };
            if words.is_empty()
                && self.rest().trim_start_matches([' ', '\t']).starts_with("()")
                && let Some(name) = word.bare()
            {
                let name = name.to_owned();
                if self.deeper() {
                    let body = self.function(name);
                    self.shallower();
                    return Some(body);
                }
            }
            words.push(word);
        }
        (!words.is_empty() || !assigns.is_empty() || !redirects.is_empty())
            .then_some(Body::Simple { assigns, words })
    }

    fn assignment(&mut self) -> Option<Assign> {
        let rest = self.rest();
        let name_end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
        let name = &rest[..name_end];
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let mut behind = &rest[name_end..];
        let mut index = None;
        if let Some(inside) = behind.strip_prefix('[') {
            let end = inside.find(|c: char| c == ']' || c.is_whitespace())?;
            index = Some(inside[..end].to_owned());
            behind = inside[end..].strip_prefix(']')?;
        }
        let append = behind.starts_with("+=");
        behind = behind.strip_prefix("+=").or_else(|| behind.strip_prefix('='))?;
        self.at = self.text.len() - behind.len();
        let value = if self.eat('(') {
            let mut list = Vec::new();
            loop {
                self.gap();
                match self.word() {
                    Some(word) => list.push(word),
                    None if self.eat(')') => break,
                    None if self.bump().is_none() => {
                        self.fault(Fault::Open);
                        break;
                    }
                    None => self.fault(Fault::Stray),
                }
            }
            Assigned::List(list)
        } else {
            Assigned::One(self.word().unwrap_or_default())
        };
        Some(Assign { name: name.to_owned(), index, value, append })
    }

    /// Takes a redirection, if one stands here.
    fn redirect(&mut self, redirects: &mut Vec<Redirect>) -> bool {
        let rest = self.rest();
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let fd = rest[..digits].parse().ok();
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
        let behind = &rest[digits..];
        let found = OPERATORS.iter().find(|(operator, _)| behind.starts_with(operator));
        let Some((operator, way)) = found.copied() else { return false };
        // `<(` and `>(` begin a word; a number is one unless it stands right before.
        if (operator.len() == 1 && behind[1..].starts_with('(')) || (digits > 0 && operator.starts_with('&')) {
            return false;
        }
        self.skip(digits + operator.len());
        self.take_while(|c| c == ' ' || c == '\t');
        let target = Rc::new(OnceCell::new());
        match self.word() {
            Some(word) if matches!(operator, "<<" | "<<-") => {
                let literal = word.bare().is_none();
                let end = word.text().unwrap_or_default();
                self.pending.push(Pending { end, tabs: operator == "<<-", literal, target: Rc::clone(&target) });
            }
            Some(word) => {
                let copies = way == Way::Copy
                    && word.text().is_some_and(|text| text.chars().all(|c| c.is_ascii_digit() || c == '-'));
                let way = if way == Way::Copy && !copies { Way::Out } else { way };
                let _ = target.set(word);
                redirects.push(Redirect { fd, way, target });
                return true;
            }
            // A name in angle brackets, as templates have it.
            None => return true,
        }
        redirects.push(Redirect { fd, way, target });
        true
    }
}
