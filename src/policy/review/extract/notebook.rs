//! Notebooks: cells of code, whose lines after `!` are commands.

use super::super::shell::known::Language;
use super::super::unit::{Kind, Unit};
use super::fields::{Field, of_json, push};
use crate::model::finding::Context;

/// The cells of a notebook, in their order.
pub(super) fn units(text: &str) -> Vec<Unit> {
    let whole = Unit::at(Context::Prose, Kind::Data, text, 0);
    let fields = of_json(&whole);
    let mut all = vec![whole];
    // The kind of a cell may stand before or behind its lines: both are of one object.
    let (mut python, mut shell) = (cell(Language::Python), cell(Language::Shell));
    for field in fields.iter().filter(|field| is_source(field)) {
        lines(&field.value, &mut python, &mut shell);
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

/// Sorts lines: commands behind `!`, `%%bash` cells, and the program.
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
