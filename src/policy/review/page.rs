//! A whole file that is text, with its pieces, for rules that look at how it is
//! written and not at what it would do.
//!
//! What costs time is found out once for all rules, and only if one asks: the
//! words of its sentences, and where the words of its commands stand.

use super::File;
use super::rules::phrase::Words;
use super::shell::known::Language;
use super::shell::read;
use super::shell::tree::{Body, Command, Script, Span, Word};
use super::unit::{Kind, Unit};
use crate::model::finding::{Context, Finding, Tier};
use std::cell::OnceCell;

/// How often a text that comes out of a text is looked at again.
pub const DEPTH: usize = 3;
/// How much of such a text is looked at, in one file.
pub const DECODED: usize = 64 * 1024;
/// Findings of one rule in one file; more say nothing more.
pub const MOST: usize = 40;

/// Something that a rule found in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Where, in bytes of the file.
    pub span: Span,
    /// How heavy, as far as the rule's weight allows it there.
    pub tier: Tier,
    /// In words.
    pub message: String,
    /// What it comes to once it is decoded.
    pub reads_as: Option<String>,
}

impl Hit {
    /// One that stands there as it is.
    #[must_use]
    pub fn new(start: usize, end: usize, tier: Tier, message: impl Into<String>) -> Self {
        Self { span: Span { start, end }, tier, message: message.into(), reads_as: None }
    }
}

/// A word of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandWord {
    /// Where it stands in the file.
    pub span: Span,
    /// Whether it is what is called.
    pub first: bool,
}

/// See the head of this file.
#[derive(Debug)]
pub struct Page<'a> {
    /// The file.
    pub file: &'a File<'a>,
    /// Its text.
    pub text: &'a str,
    /// Its pieces.
    pub units: &'a [Unit],
    /// How many texts it came out of.
    pub depth: usize,
    /// Where code stands: first byte, one behind the last, of which kind.
    areas: Vec<(usize, usize, Context, Kind)>,
    words: OnceCell<Vec<(usize, Words)>>,
    commands: OnceCell<Vec<CommandWord>>,
}

impl<'a> Page<'a> {
    /// A file, its text and its pieces.
    #[must_use]
    pub fn new(file: &'a File<'a>, text: &'a str, units: &'a [Unit], depth: usize) -> Self {
        let code = units.iter().filter(|unit| unit.context != Context::Prose && !unit.text.is_empty());
        let mut areas: Vec<_> = code
            .map(|unit| (unit.origin(0), unit.origin(unit.text.len() - 1) + 1, unit.context, unit.kind))
            .collect();
        areas.sort_unstable_by_key(|area| area.0);
        Self { file, text, units, depth, areas, words: OnceCell::new(), commands: OnceCell::new() }
    }

    /// Where the text behind the front matter begins.
    #[must_use]
    pub fn body(&self) -> usize {
        let mut at = 0;
        for (index, line) in self.text.split_inclusive('\n').enumerate() {
            at += line.len();
            match line.trim_end() {
                "---" if index > 0 => return at,
                "---" => {}
                _ if index == 0 => return 0,
                _ => {}
            }
        }
        0
    }

    /// What kind of text stands at this byte.
    #[must_use]
    pub fn area(&self, at: usize) -> (Context, Kind) {
        let index = self.areas.partition_point(|area| area.0 <= at);
        match self.areas.get(index.wrapping_sub(1)) {
            Some((_, end, context, kind)) if at < *end => (*context, *kind),
            _ => (Context::Prose, Kind::Words),
        }
    }

    /// Whether code stands at this byte: what an agent or a machine takes literally.
    #[must_use]
    pub fn is_code(&self, at: usize) -> bool {
        self.area(at).0 != Context::Prose
    }

    /// The ending of its name, in lower case.
    #[must_use]
    pub fn ending(&self) -> String {
        ending(self.file.path)
    }

    /// The words of its sentences, each with the piece that they stand in.
    pub fn words(&self) -> impl Iterator<Item = (&Unit, &Words)> {
        let all = self.words.get_or_init(|| {
            let wanted = |unit: &Unit| unit.context == Context::Prose && unit.text.len() > 8;
            let units = self.units.iter().enumerate().filter(|(_, unit)| wanted(unit));
            units.map(|(index, unit)| (index, Words::new(&unit.text))).collect()
        });
        all.iter().filter_map(|(index, words)| Some((self.units.get(*index)?, words)))
    }

    /// Where the words of its commands stand, in their order.
    pub fn commands(&self) -> &[CommandWord] {
        self.commands.get_or_init(|| {
            let mut all = Vec::new();
            for unit in self.units.iter().filter(|unit| unit.kind == Kind::Code(Language::Shell)) {
                let mut words = Vec::new();
                in_script(&read::read(&unit.text).script, &mut words);
                all.extend(words.into_iter().map(|(span, first)| {
                    let end = unit.origin(span.end.max(span.start + 1) - 1) + 1;
                    CommandWord { span: Span { start: unit.origin(span.start), end }, first }
                }));
            }
            all.sort_unstable_by_key(|word| word.span.start);
            all
        })
    }

    /// The word of a command that stands at this byte.
    #[must_use]
    pub fn command_word(&self, at: usize) -> Option<CommandWord> {
        let all = self.commands();
        let index = all.partition_point(|word| word.span.start <= at);
        all.get(index.checked_sub(1)?).copied().filter(|word| at < word.span.end)
    }

    /// What a review of a text says that comes out of this one; nothing if that is nested too deep.
    #[must_use]
    pub fn inner(&self, path: &str, text: &str) -> Vec<Finding> {
        if self.depth >= DEPTH {
            return Vec::new();
        }
        let file = File { path, bytes: text.as_bytes(), executable: false };
        super::scan_from(&[file], self.depth + 1).0
    }
}

/// The ending of a file's name, in lower case.
#[must_use]
pub fn ending(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or(String::new(), |(_, ending)| ending.to_lowercase())
}

/// The words of every command. How deep commands are nested is bounded by their reader.
fn in_script(script: &Script, words: &mut Vec<(Span, bool)>) {
    for Command { body, .. } in script.0.iter().flat_map(|pipeline| &pipeline.stages) {
        match body {
            Body::Simple { words: all, .. } => {
                let span = |(index, word): (usize, &Word)| (word.span, index == 0);
                words.extend(all.iter().enumerate().map(span));
            }
            Body::Group(inner) => in_script(inner, words),
            Body::For { items, body, .. } => {
                words.extend(items.iter().map(|word| (word.span, false)));
                in_script(body, words);
            }
            Body::Function { body, .. } => in_script(body, words),
        }
    }
}
