//! Front matter: what a gateway is told to install, and hooks that an agent runs.
//!
//! Moltis and OpenClaw read lists named `install` below `metadata`, as YAML or as
//! JSON inside of it. A gateway builds the command itself, and so does this: the
//! same rules then look at it as at any other. `kind: shell` is a raw command.

use super::super::code::quoted;
use super::super::markdown::is_command;
use super::super::shell::known::Language;
use super::super::unit::{Kind, Unit};
use super::fields::{Field, of_yaml};
use crate::model::finding::Context;
use std::collections::BTreeMap;

const SHELL: Kind = Kind::Code(Language::Shell);

/// The pieces of a front matter that begins at this byte of its file.
pub(super) fn units(text: &str, start: usize) -> Vec<Unit> {
    let mut whole = Unit::at(Context::Prose, Kind::Words, text, start);
    let mut all = commands(&of_yaml(&mut whole));
    all.insert(0, whole);
    all
}

/// What these fields have an installer or an agent run.
pub(super) fn commands(fields: &[Field]) -> Vec<Unit> {
    let mut objects: BTreeMap<usize, Vec<&Field>> = BTreeMap::new();
    for field in fields {
        objects.entry(field.object).or_default().push(field);
    }
    let mut all = Vec::new();
    for object in objects.values() {
        if object.iter().any(|field| field.below("install") || field.key().eq_ignore_ascii_case("install")) {
            all.extend(installs(object));
        } else if object.iter().any(|field| field.below("hooks")) {
            let commands = object.iter().filter(|field| field.key() == "command");
            all.extend(commands.map(|field| as_command(field, Context::Script)));
        }
    }
    all
}

/// One entry of an install list.
fn installs(object: &[&Field]) -> Vec<Unit> {
    let get = |names: &[&str]| object.iter().copied().find(|field| names.contains(&field.key()));
    let raw = |name: &str| matches!(name, "command" | "cmd" | "run" | "script" | "shell" | "sh");
    let mut all: Vec<Unit> = object
        .iter()
        .filter(|field| raw(field.key()) || field.key() == "install" && is_command(&field.value.text))
        .map(|field| as_command(field, Context::Install))
        .collect();
    let kind = get(&["kind", "type", "method"]).map_or("", |field| field.value.text.as_str());
    let (before, names): (&str, &[&str]) = match kind {
        "brew" => ("brew install ", &["formula", "package", "name", "cask"]),
        "node" | "npm" => ("npm install -g ", &["package", "module", "name"]),
        "go" => ("go install ", &["module", "package", "name"]),
        "uv" => ("uv tool install ", &["package", "module", "name"]),
        "pip" | "pipx" => ("pip install ", &["package", "module", "name"]),
        "cargo" => ("cargo install ", &["package", "crate", "module", "name"]),
        "apt" => ("apt-get install -y ", &["package", "name"]),
        "download" => ("curl -fsSLO ", &["url"]),
        _ => return all,
    };
    if let Some(field) = get(&["tap"]).filter(|_| kind == "brew") {
        all.push(built("brew tap ", field));
    }
    all.extend(get(names).map(|field| built(before, field)));
    all
}

fn as_command(field: &Field, context: Context) -> Unit {
    field.value.taken_for(context, SHELL)
}

/// A command that ends in this text, as one word: an installer starts programs without a shell.
fn built(before: &str, field: &Field) -> Unit {
    let mut unit = Unit::new(Context::Install, SHELL);
    let plain = |c: char| c.is_ascii_alphanumeric() || "@/._-:=+~^<>%?&#,".contains(c);
    let text = &field.value.text;
    let is_plain = text.chars().all(|c| plain(c) && !"<>&#?~".contains(c));
    unit.put(before, &field.value);
    unit.put(&if is_plain { text.clone() } else { quoted(text) }, &field.value);
    unit.put("\n", &field.value);
    unit
}
