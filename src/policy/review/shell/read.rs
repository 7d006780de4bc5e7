//! Reads a shell text into a tree.
//!
//! ```text
//! cursor      where the reader is, how deep, what it owes
//! read        lists, pipelines, simple commands, assignments
//! compound    if, while, for, case, [[ ]], functions
//! redirects   <, >, here-documents
//! words       quotes and the pieces of a word;  braced: ${…}
//! ```
//!
//! The text is what a stranger wrote, and much of it is no shell at all: console
//! transcripts, templates, half sentences. So nothing fails here. Whatever is not
//! as the grammar has it is told as a [`Fault`], and reading goes on behind it:
//! a command that follows nonsense is still found.
//!
//! Time is linear in the text and depth is bounded: what is nested deeper than is
//! followed is read as flat text and told. Attack: ten thousand braces, to exhaust
//! the stack of whoever reads them by recursion.

use super::cursor::Reader;
use super::tree::{
    Assign, Assigned, Body, Command, Fault, Op, Piece, Pipeline, Redirect, Script, Span, Word,
};
use super::words::ends_word;
use std::collections::BTreeSet;

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

/// Words that end a part of a compound command.
const ENDS: &[&str] = &["then", "do", "done", "fi", "elif", "else", "esac", "}"];

impl Reader<'_> {
    /// Pipelines up to one of these words at a command's place, or a closing
    /// character: `)`, or `;` for the end of a branch, which is `;;` or `;&`.
    pub(super) fn script(&mut self, ends: &[&'static str], close: Option<char>) -> Script {
        let mut all = Vec::new();
        loop {
            self.blanks();
            if self.newline() {
                continue;
            }
            let Some(c) = self.peek() else { break };
            if self.closes(c, close) || self.reserved(ends).is_some() {
                break;
            }
            if matches!(c, ';' | '&' | '|') && !self.rest().starts_with("&>") {
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

    fn closes(&self, c: char, close: Option<char>) -> bool {
        match close {
            // A branch inside of parentheses ends with them at the latest.
            Some(';') => {
                self.rest().starts_with(";;") || self.rest().starts_with(";&") || c == ')' && self.parens > 0
            }
            close => Some(c) == close,
        }
    }

    /// Which of these words stands here, alone.
    pub(super) fn reserved(&self, words: &[&'static str]) -> Option<&'static str> {
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
            while let Some(word) = self.reserved(&["!", "time", "coproc"]) {
                self.skip(word.len());
                self.blanks();
                while word == "time"
                    && let Some(option) = self.reserved(&["-p", "--"])
                {
                    self.skip(option.len());
                    self.blanks();
                }
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
            self.gap();
        }
        let span = self.span(start);
        // Most have one stage, and a text may have half a million of them.
        stages.shrink_to_fit();
        (!stages.is_empty()).then_some(Pipeline { stages, span })
    }

    pub(super) fn command(&mut self) -> Option<Command> {
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

    fn simple(&mut self, redirects: &mut Vec<Redirect>) -> Option<Body> {
        let (mut assigns, mut words) = (Vec::new(), Vec::new());
        loop {
            self.blanks();
            if self.redirect(redirects) {
                continue;
            }
            let start = self.at;
            if let Some(assign) = self.assignment(!words.is_empty()) {
                if !words.is_empty() {
                    // `declare -a NAME=(…)`: set, and named as an argument.
                    words.push(Word { span: self.span(start), ..Word::literal(assign.name.clone()) });
                }
                assigns.push(assign);
                continue;
            }
            let Some(word) = self.word() else { break };
            if words.is_empty()
                && assigns.is_empty()
                && let Some(body) = self.named(&word)
            {
                return Some(body);
            }
            words.push(word);
        }
        words.shrink_to_fit();
        (!words.is_empty() || !assigns.is_empty() || !redirects.is_empty())
            .then_some(Body::Simple { assigns, words })
    }

    /// A function, if `()` stands behind this word.
    fn named(&mut self, word: &Word) -> Option<Body> {
        let behind = self.rest().trim_start_matches([' ', '\t']).strip_prefix('(')?;
        if !behind.trim_start_matches([' ', '\t']).starts_with(')') {
            return None;
        }
        let name = word.text()?;
        if !self.deeper() {
            return None;
        }
        let body = self.function(name);
        self.shallower();
        Some(body)
    }

    /// `NAME=value` before a command; behind one, lists alone.
    fn assignment(&mut self, lists: bool) -> Option<Assign> {
        let rest = self.rest();
        let name_end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
        let name = &rest[..name_end];
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let behind = &rest[name_end..];
        let (mut index, mut run) = (None, None);
        let after = if behind.starts_with('[') {
            let end = index_end(behind)?;
            let inside = behind.get(1..end)?;
            if inside.contains(['$', '`', '(', '\\', '"', '\'']) {
                if lists {
                    return None;
                }
                self.skip(name_end + 1);
                run = Some(self.until(&[']', '\n'], false, false));
                self.eat(']');
                self.rest()
            } else {
                index = Some(inside.to_owned());
                behind.get(end + 1..)?
            }
        } else {
            behind
        };
        let append = after.starts_with("+=");
        let value = after.strip_prefix("+=").or_else(|| after.strip_prefix('='));
        if run.is_none() && (value.is_none() || lists && !value.is_some_and(|value| value.starts_with('('))) {
            return None;
        }
        let value = value.unwrap_or(after);
        self.at = self.text.len() - value.len();
        let mut value = if self.eat('(') {
            Assigned::List(self.list())
        } else {
            Assigned::One(self.word().unwrap_or_default())
        };
        // An index that has to be put together is not asked; what it runs is followed.
        if let (Some(run), Assigned::One(word)) = (run, &mut value) {
            word.pieces.push(Piece::Name { name: String::new(), op: Op::Instead(run), quoted: true });
        }
        Some(Assign { name: name.to_owned(), index, value, append })
    }

    /// Words up to the closing parenthesis.
    fn list(&mut self) -> Vec<Word> {
        let mut list = Vec::new();
        loop {
            self.gap();
            match self.word() {
                Some(word) => list.push(word),
                None if self.eat(')') => return list,
                None if self.bump().is_none() => {
                    self.fault(Fault::Open);
                    return list;
                }
                None => self.fault(Fault::Stray),
            }
        }
    }
}

/// Where the `]` stands that is followed by `=` or `+=`, near and in the same line.
fn index_end(text: &str) -> Option<usize> {
    let near = text.as_bytes().iter().take(200).take_while(|c| **c != b'\n').count();
    let near = text.get(..near)?;
    near.match_indices(']').map(|(at, _)| at).find(|at| {
        let behind = &near[at + 1..];
        behind.starts_with('=') || behind.starts_with("+=")
    })
}

/// A command that does nothing but have these words put together.
pub(super) fn only_expands(words: Vec<Word>, span: Span) -> Pipeline {
    let words = std::iter::once(Word::literal(":")).chain(words).collect();
    let body = Body::Simple { assigns: Vec::new(), words };
    Pipeline { stages: vec![Command { body, redirects: Vec::new(), span }], span }
}
