//! Notebooks: cells of code, whose lines after `!` are commands, and cells of commands.

use super::super::shell::known::{self, Language};
use super::super::unit::{Kind, Unit};
use super::fields::{Field, of_json, push};
use crate::model::finding::Context;

/// The cells of a notebook, in their order.
pub(super) fn units(text: &str) -> Vec<Unit> {
    let mut whole = Unit::at(Context::Prose, Kind::Data, text, 0);
    let fields = of_json(&mut whole);
    let mut all = vec![whole];
    // The kind of a cell may stand before or behind its lines: both are of one object.
    let (mut python, mut shell) = (cell(Language::Python), cell(Language::Shell));
    // The lines of a cell are texts of one list, or one text.
    let (mut list, mut written_in) = (None, None);
    for field in fields.iter().filter(|field| is_source(field)) {
        if list.replace(field.object) != Some(field.object) {
            written_in = None;
        }
        let first = field.value.text.trim_start();
        if written_in.is_none() && !first.is_empty() {
            written_in = Some(magic(first));
        }
        match written_in {
            Some(Language::Shell) => {
                let begins = field.value.text.find("%%").filter(|_| first.starts_with("%%"));
                let skipped = begins.map_or(0, |at| line_end(&field.value.text, at));
                push(&mut shell, &field.value, skipped, field.value.text.len());
                shell.push("\n", field.value.origin(field.value.text.len().saturating_sub(1)));
            }
            _ => lines(&field.value, &mut python, &mut shell),
        }
    }
    all.extend([python, shell].into_iter().filter(|unit| !unit.text.is_empty()));
    all
}

fn cell(language: Language) -> Unit {
    Unit::new(Context::Script, Kind::Code(language))
}

fn is_source(field: &Field) -> bool {
    field.key() == "source" && field.below("cells")
}

/// What a cell that begins so is written in: `%%bash`, `%%sh`, `%%script bash`.
fn magic(first: &str) -> Language {
    let line = first.lines().next().unwrap_or_default();
    let Some(line) = line.strip_prefix("%%") else { return Language::Python };
    let mut words = line.split_whitespace();
    let name = words.next().filter(|name| *name != "script").or_else(|| words.next());
    let name = name.map(|name| name.trim_start_matches('!'));
    match name {
        Some("") => Language::Shell,
        Some(name) => known::interpreter(name.rsplit('/').next().unwrap_or(name)).unwrap_or(Language::Python),
        None => Language::Python,
    }
}

/// One behind the end of the line that this byte is in.
fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |end| at + end + 1)
}

/// Sorts lines: commands behind `!`, and the program.
fn lines(value: &Unit, python: &mut Unit, shell: &mut Unit) {
    let mut at = 0;
    for line in value.text.split_inclusive('\n') {
        let inner = line.trim_start();
        let from = at + (line.len() - inner.len());
        let marked = inner
            .strip_prefix('!')
            .or_else(|| inner.strip_prefix("%sx "))
            .or_else(|| inner.strip_prefix("%pip").map(|_| &inner[1..]));
        match marked {
            Some(command) => push(shell, value, from + (inner.len() - command.len()), from + inner.len()),
            None => push(python, value, at, at + line.len()),
        }
        let out = if marked.is_some() { &mut *shell } else { &mut *python };
        if !line.ends_with('\n') {
            out.push("\n", value.origin((at + line.len()).saturating_sub(1)));
        }
        at += line.len();
    }
}
