//! Commands in the files of builds: Makefile, justfile, Dockerfile, workflows.

use super::super::shell::known::Language;
use super::super::shell::value::UNKNOWN;
use super::super::unit::{Kind, Unit};
use super::fields::of_yaml;
use crate::model::finding::Context;

const SHELL: Kind = Kind::Code(Language::Shell);

/// Recipes of a Makefile: the lines behind a tab, what stands behind `;` in the line of
/// a rule, and what `$(shell …)` runs at once.
pub(super) fn make(text: &str) -> Vec<Unit> {
    let mut unit = Unit::new(Context::Script, SHELL);
    let (mut at, mut goes_on) = (0, false);
    for line in text.split_inclusive('\n') {
        let recipe = line.starts_with('\t');
        if let Some(inner) = in_rule(line).filter(|_| !recipe && !goes_on) {
            of_make(&mut unit, inner, at + (line.len() - inner.len()));
            goes_on = line.trim_end_matches(['\r', '\n']).ends_with('\\');
            at += line.len();
            continue;
        }
        if recipe || goes_on || line.contains("$(shell") || line.contains("!=") {
            let inner =
                if recipe && !goes_on { line.trim_start_matches(['\t', ' ', '@', '-', '+']) } else { line };
            let inner = if recipe || goes_on {
                inner
            } else {
                inner.split_once('=').map_or(inner, |(_, value)| value.trim_start_matches(' '))
            };
            of_make(&mut unit, inner, at + (line.len() - inner.len()));
        }
        goes_on = (recipe || goes_on) && line.trim_end_matches(['\r', '\n']).ends_with('\\');
        at += line.len();
    }
    vec![unit]
}

/// The command in the line of a rule: `all: needed ; command`.
fn in_rule(line: &str) -> Option<&str> {
    let (rule, command) = line.split_once(';')?;
    let is_rule = rule.contains(':') && !rule.contains(['=', '#']);
    is_rule.then(|| command.trim_start_matches(['\t', ' ', '@', '-', '+']))
}

/// `$(NAME)` is a value there, `$(shell …)` a substitution, `$$` a dollar.
fn of_make(unit: &mut Unit, line: &str, start: usize) {
    let mut at = 0;
    while let Some(found) = line[at..].find('$') {
        unit.push(&line[at..at + found], start + at);
        at += found;
        let rest = &line[at..];
        let name = |open: &str| {
            let inner = rest.strip_prefix(open)?;
            let end = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
            inner[end..].starts_with([')', '}']).then(|| &inner[..end])
        };
        let (shown, length) = if rest.starts_with("$$") {
            ("$".to_owned(), 2)
        } else if rest.starts_with("$(shell ") {
            ("$(".to_owned(), 8)
        } else if let Some(name) = name("$(").or_else(|| name("${")) {
            (format!("${{{name}}}"), name.len() + 3)
        } else {
            ("$".to_owned(), 1)
        };
        unit.push(&shown, start + at);
        at += length;
    }
    unit.push(&line[at..], start + at);
}

/// Recipes of a justfile: indented lines below `name:`.
pub(super) fn just(text: &str) -> Vec<Unit> {
    let mut unit = Unit::new(Context::Script, SHELL);
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.starts_with([' ', '\t']) {
            let inner = line.trim_start().trim_start_matches(['@', '-']);
            unit.push(inner, at + (line.len() - inner.len()));
        } else if let Some((_, value)) = line.split_once('`') {
            // `name := `command``: run whenever anything is.
            let value = value.split('`').next().unwrap_or_default();
            unit.push(value, at + line.find('`').unwrap_or(0) + 1);
            unit.push("\n", at);
        }
        at += line.len();
    }
    vec![unit]
}

/// What a Dockerfile runs while it builds, and what its image starts.
pub(super) fn docker(text: &str) -> Vec<Unit> {
    let mut unit = Unit::new(Context::Script, SHELL);
    let (mut at, mut goes_on, mut until) = (0, false, None::<String>);
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        if let Some(end) = &until {
            unit.push(line, start);
            if line.trim() == end {
                until = None;
            }
            continue;
        }
        let inner = line.trim_start();
        if inner.starts_with('#') || goes_on && inner.is_empty() {
            continue;
        }
        let body = if goes_on { Some(line) } else { instruction(inner) };
        let Some(mut body) = body else { continue };
        while let Some(rest) = body.strip_prefix("--").filter(|_| !goes_on) {
            body = rest.split_once(' ').map_or("", |(_, rest)| rest).trim_start();
        }
        let from = start + (line.len() - body.len());
        goes_on = line.trim_end().ends_with('\\');
        if body.starts_with('[') {
            exec_form(&mut unit, body, from);
            continue;
        }
        if let Some((before, marker)) = body.split_once("<<").filter(|(before, _)| before.trim().is_empty()) {
            // `RUN <<EOF`: the lines are the commands.
            let _ = before;
            let end = marker.trim_start_matches('-').trim().trim_matches(['"', '\'']).to_owned();
            until = Some(end).filter(|end| !end.is_empty());
            continue;
        }
        unit.push(body, from);
    }
    vec![unit]
}

/// What stands behind `RUN` and its like; what is fetched by `ADD` is told as a fetch.
fn instruction(line: &str) -> Option<&str> {
    let (word, rest) = line.split_once([' ', '\t'])?;
    let runs = ["RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK", "ONBUILD"]
        .iter()
        .any(|one| word.eq_ignore_ascii_case(one));
    let rest = rest.trim_start();
    let rest = if word.eq_ignore_ascii_case("ONBUILD") { instruction_once(rest)? } else { rest };
    runs.then_some(rest)
}

fn instruction_once(line: &str) -> Option<&str> {
    let (word, rest) = line.split_once([' ', '\t'])?;
    word.eq_ignore_ascii_case("RUN").then(|| rest.trim_start())
}

/// `["sh", "-c", "…"]`
fn exec_form(unit: &mut Unit, body: &str, from: usize) {
    let mut list = Unit::at(Context::Prose, Kind::Data, body, from);
    for field in super::fields::of_json(&mut list) {
        unit.put(&super::super::code::quoted(&field.value.text), &field.value);
        unit.put(" ", &field.value);
    }
    unit.cut |= list.cut;
    unit.push("\n", from);
}

/// `run:` of workflows, `script:` of pipelines.
pub(super) fn workflow(text: &str) -> Vec<Unit> {
    let mut whole = Unit::at(Context::Prose, Kind::Data, text, 0);
    let mut all = Vec::new();
    for field in of_yaml(&mut whole) {
        if !matches!(field.key(), "run" | "script" | "before_script" | "after_script") {
            continue;
        }
        let mut unit = Unit::new(Context::Script, SHELL);
        let value = &field.value;
        let mut at = 0;
        // `${{ … }}` is put in before a shell reads it.
        while let Some(found) = value.text[at..].find("${{") {
            super::fields::push(&mut unit, value, at, at + found);
            let rest = &value.text[at + found..];
            unit.push(UNKNOWN.encode_utf8(&mut [0; 4]), value.origin(at + found));
            at += found + rest.find("}}").map_or(rest.len(), |end| end + 2);
        }
        super::fields::push(&mut unit, value, at, value.text.len());
        unit.push("\n", value.origin(value.text.len().saturating_sub(1)));
        all.push(unit);
    }
    all.push(whole);
    all
}
