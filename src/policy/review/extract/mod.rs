//! The pieces of a skill's files: what is run, what a program starts, what is said.
//!
//! ```text
//! front      what the front matter has a gateway install, and hooks
//! manifest   scripts of package.json, hooks, servers        fields   JSON and YAML
//! recipes    Makefile, justfile, Dockerfile, workflows
//! windows    PowerShell and batch files, told as a shell would
//! prose      commands in sentences and in HTML               notebook   cells
//! ```
//!
//! By a file's name and by its first line, both: a name that says Python over a
//! line that says `#!/bin/sh` is looked at as both.

pub mod fields;
mod front;
mod manifest;
mod notebook;
pub(super) mod prose;
mod recipes;
pub(super) mod windows;

use super::markdown;
use super::shell::known::{self, Language};
use super::unit::{Kind, Unit};
use crate::model::finding::Context;

/// The pieces of a file, by its name and its first line.
#[must_use]
pub fn units(path: &str, executable: bool, whole: &str) -> Vec<Unit> {
    let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let mut all = by_name(&name, ending, path, whole);
    let named = !matches!(all.as_slice(), [Unit { kind: Kind::Data | Kind::Words, .. }]);
    let first = shebang(whole);
    // A command that was found in a sentence of it is not the program.
    let whole_of =
        |unit: &Unit, language| unit.kind == Kind::Code(language) && unit.text.len() == whole.len();
    let known = all.iter().any(|unit| first.is_some_and(|language| whole_of(unit, language)));
    match first {
        Some(language) if !known && !matches!(ending, "md" | "mdx" | "markdown") => {
            all.push(code(language, whole))
        }
        None if executable && !named => all.push(code(Language::Shell, whole)),
        _ => {}
    }
    all
}

fn code(language: Language, whole: &str) -> Unit {
    Unit::at(Context::Script, Kind::Code(language), whole, 0)
}

fn by_name(name: &str, ending: &str, path: &str, whole: &str) -> Vec<Unit> {
    let build = name.split('.').next().unwrap_or_default();
    match ending {
        "md" | "mdx" | "markdown" | "mdc" => {
            let body = body_of(whole);
            let mut all = if body > 0 { front::units(&whole[..body], 0) } else { Vec::new() };
            all.extend(markdown::units(&whole[body..], body, name == "skill.md"));
            all
        }
        "sh" | "bash" | "zsh" | "command" | "ksh" | "fish" | "bats" => vec![code(Language::Shell, whole)],
        "py" | "pyw" => vec![code(Language::Python, whole)],
        "js" | "mjs" | "cjs" | "ts" | "mts" | "cts" | "tsx" | "jsx" => {
            vec![code(Language::JavaScript, whole)]
        }
        "rb" => vec![code(Language::Ruby, whole)],
        "pl" | "pm" => vec![code(Language::Perl, whole)],
        "php" => vec![code(Language::Php, whole)],
        "ps1" | "psm1" | "psd1" => {
            vec![windows::power(&code(Language::PowerShell, whole)), code(Language::PowerShell, whole)]
        }
        "bat" | "cmd" => vec![windows::batch(&code(Language::Other, whole))],
        "json" | "jsonc" | "json5" => manifest::units(name, whole),
        "ipynb" => notebook::units(whole),
        "html" | "htm" | "svg" | "xhtml" => {
            let page = Unit::at(Context::Prose, Kind::Data, whole, 0);
            let mut all = prose::html(&page, Context::Script);
            all.push(page);
            all
        }
        "mk" | "make" => recipes::make(whole),
        "yml" | "yaml" => {
            let runs = path.contains(".github/")
                || name.starts_with(".gitlab")
                || matches!(build, "action" | "taskfile");
            if runs { recipes::workflow(whole) } else { data(whole) }
        }
        "dockerfile" | "containerfile" => recipes::docker(whole),
        _ => match build {
            "makefile" | "gnumakefile" => recipes::make(whole),
            "justfile" => recipes::just(whole),
            "dockerfile" | "containerfile" => recipes::docker(whole),
            _ if matches!(ending, "txt" | "rst" | "") => {
                let words = Unit::at(Context::Prose, Kind::Words, whole, 0);
                let mut all = prose::commands(&words);
                all.push(words);
                all
            }
            _ => data(whole),
        },
    }
}

fn data(whole: &str) -> Vec<Unit> {
    vec![Unit::at(Context::Prose, Kind::Data, whole, 0)]
}

fn shebang(whole: &str) -> Option<Language> {
    let line = whole.strip_prefix("#!")?.lines().next()?;
    line.split(|c: char| c.is_whitespace() || c == '/').rev().find_map(known::interpreter)
}

/// Where the text behind the front matter begins.
pub(super) fn body_of(whole: &str) -> usize {
    if !whole.starts_with("---") {
        return 0;
    }
    let mut at = 0;
    for (index, line) in whole.split_inclusive('\n').enumerate() {
        at += line.len();
        if index > 0 && line.trim_end() == "---" {
            return at;
        }
    }
    0
}

#[cfg(test)]
mod tests;
