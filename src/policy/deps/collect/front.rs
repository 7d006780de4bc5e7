//! Install entries and requirements in the front matter of a `SKILL.md`.
//!
//! ```text
//! metadata.openclaw.install: [{kind: brew, formula: jq, bins: [jq]}]   OpenClaw, Moltis and their former names
//! install: {pip: [a, b]}                                              lists by kind
//! requires: {bins: [..], anyBins: [..], env: [..], config: [..]}      what must be there
//! dependencies: [a, b]                                                in the author's words
//! ```
//!
//! A gateway reads one name of these; here all are read, wherever they stand
//! above or below `metadata`, since another gateway may read the other.

use super::spec::named;
use super::{at, command, refused};
use crate::model::card::front::{Said, Saying, front};
use crate::model::dependency::{AskedAt, Collected, Need, NeedKind, Scope, Wanted};
use crate::model::text;
use std::collections::BTreeMap;

/// Deepest map that is looked into.
const DEEPEST: usize = 8;

/// Reads the front matter of a file.
pub(super) fn collect(path: &str, text: &str, all: &mut Collected) {
    let (fields, unread) = front(text);
    for block in unread {
        let named = ["metadata", "install", "requires", "dependencies", "bins", "env"];
        if named.iter().any(|name| block.key.to_lowercase().starts_with(name)) {
            let why = format!(
                "`{}` of the front matter cannot be read: what it asks for is not known",
                text::escape_short(&block.key, 40)
            );
            all.refused.push(refused("front matter", Scope::Unreadable, why, at(path, block.line, true)));
        }
    }
    let top = Said { line: 2, value: Saying::Map(fields) };
    look_into(path, &top, true, 0, all);
}

fn look_into(path: &str, map: &Said, top: bool, depth: usize, all: &mut Collected) {
    let Saying::Map(fields) = &map.value else { return };
    for (key, said) in fields {
        match key.to_lowercase().as_str() {
            "install" | "installs" | "installation" => install(path, said, all),
            "requires" | "requirements" => requires(path, said, all),
            "bins" | "anybins" | "env" | "environment" | "dependencies" | "deps" | "packages" => {
                need(path, key, said, all);
            }
            // A structure in quotes that is none.
            name if name.starts_with("metadata") && unread_structure(said) => {
                let why =
                    format!("`{}` is no JSON: what it asks for is not known", text::escape_short(key, 40));
                all.refused.push(refused("front matter", Scope::Unreadable, why, at(path, said.line, true)));
            }
            name if depth < DEEPEST && (!top || name.starts_with("metadata") || is_gateway(name)) => {
                look_into(path, said, false, depth + 1, all);
            }
            _ => {}
        }
    }
}

/// Names that gateways read below `metadata`, and that authors put on top too.
fn is_gateway(name: &str) -> bool {
    matches!(name, "openclaw" | "moltis" | "moltbot" | "clawdbot" | "clawdis" | "clawdhub" | "clawhub")
}

fn unread_structure(said: &Said) -> bool {
    matches!(&said.value, Saying::Text(text) if text.trim_start().starts_with(['{', '[']))
}

fn install(path: &str, said: &Said, all: &mut Collected) {
    match &said.value {
        Saying::List(items) => items.iter().for_each(|item| install(path, item, all)),
        Saying::Text(text) if text.trim().is_empty() || text.trim() == "null" => {}
        Saying::Text(text) => {
            let words = BTreeMap::from([("command".to_owned(), vec![text.clone()])]);
            push(wanted("shell", words, Vec::new(), at(path, said.line, true)), all);
        }
        Saying::Map(fields) if is_entry(fields) => push(entry(path, said, fields), all),
        // `{pip: [a, b]}`, and lists under names of systems.
        Saying::Map(fields) => {
            for (kind, below) in fields {
                match &below.value {
                    Saying::Map(_) => install(path, below, all),
                    _ => {
                        for (line, text) in below.texts() {
                            let words = named(kind, text);
                            all.wanted.push(wanted(kind, words, Vec::new(), at(path, line, true)));
                        }
                    }
                }
            }
        }
    }
}

/// An entry; of a command in it also what is known of what it installs.
fn push(one: Wanted, all: &mut Collected) {
    let commands = ["command", "cmd", "run", "script", "shell", "sh", "instructions", "install"];
    for word in commands.iter().filter_map(|word| one.words.get(*word)).flatten() {
        command::of_entry(word, &one.os, &one.at, all);
    }
    all.wanted.push(one);
}

fn is_entry(fields: &[(String, Said)]) -> bool {
    let known = [
        "kind", "type", "method", "command", "run", "script", "package", "formula", "module", "url", "crate",
    ];
    fields.iter().any(|(key, _)| known.contains(&key.as_str()))
}

/// What says what an entry is, and not what it installs.
const ABOUT: &[&str] = &["id", "label", "kind", "type", "method", "description", "os", "platforms", "note"];

fn entry(path: &str, said: &Said, fields: &[(String, Said)]) -> Wanted {
    let first = |name: &str| {
        fields
            .iter()
            .find(|(key, _)| key == name)
            .and_then(|(_, said)| said.texts().first().map(|(_, text)| *text))
    };
    let kind = first("kind").or_else(|| first("type")).or_else(|| first("method"));
    let kind = kind.unwrap_or(if first("command").or_else(|| first("run")).is_some() { "shell" } else { "" });
    let os = ["os", "platforms"]
        .iter()
        .filter_map(|name| said.get(name))
        .flat_map(Said::texts)
        .map(|(_, text)| text.to_owned())
        .collect();
    let mut words: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, value) in fields.iter().filter(|(key, _)| !ABOUT.contains(&key.as_str())) {
        let texts: Vec<String> = value.texts().into_iter().map(|(_, text)| text.to_owned()).collect();
        let texts = if texts.is_empty() && matches!(value.value, Saying::Map(_)) {
            // Attack: what changes the command, in a map where a word is expected.
            vec!["{…}".to_owned()]
        } else {
            texts
        };
        if !texts.is_empty() {
            words.entry(key.to_ascii_lowercase()).or_default().extend(texts);
        }
    }
    for word in ["package", "packages", "formula", "module", "crate", "name"] {
        let Some([one]) = words.get(word).map(Vec::as_slice) else { continue };
        let split = named(kind, &one.clone());
        if split.len() > 1 {
            words.remove(word);
            words.extend(split);
            break;
        }
    }
    wanted(kind, words, os, at(path, said.line, true))
}

fn wanted(kind: &str, words: BTreeMap<String, Vec<String>>, os: Vec<String>, at: AskedAt) -> Wanted {
    Wanted { kind: kind.to_owned(), words, os, at }
}

fn requires(path: &str, said: &Said, all: &mut Collected) {
    match &said.value {
        Saying::Map(fields) => fields.iter().for_each(|(key, said)| need(path, key, said, all)),
        _ => need(path, "requires", said, all),
    }
}

fn need(path: &str, key: &str, said: &Said, all: &mut Collected) {
    let kind = match key.to_ascii_lowercase().as_str() {
        "bins" | "bin" | "binaries" | "anybins" | "commands" | "tools" => NeedKind::Program,
        "env" | "environment" | "envs" => NeedKind::Setting,
        "config" => NeedKind::Config,
        "mcp" | "servers" => NeedKind::Server,
        _ => NeedKind::Other,
    };
    let mut push = |any_of: Vec<String>, line: usize| {
        if !any_of.is_empty() && all.needs.len() < 1000 {
            all.needs.push(Need { kind, any_of, brought_by: None, asked: at(path, line, true) });
        }
    };
    let own = |text: &str| text.to_owned();
    match &said.value {
        _ if key.eq_ignore_ascii_case("anybins") => {
            push(said.texts().into_iter().map(|(_, text)| own(text)).collect(), said.line);
        }
        Saying::Map(fields) => fields.iter().for_each(|(name, said)| push(vec![own(name)], said.line)),
        _ => {
            for (line, text) in said.texts().into_iter().filter(|(_, text)| !text.is_empty()) {
                push(vec![own(text)], line);
            }
        }
    }
}
