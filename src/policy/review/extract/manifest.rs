//! Manifests in JSON: the scripts of a package, hooks, and servers to be started.

use super::super::code::quoted;
use super::super::shell::known::Language;
use super::super::unit::{Kind, Unit};
use super::fields::of_json;
use super::front;
use crate::model::finding::Context;

/// Scripts that a package manager runs without being asked for them.
const ALONE: &[&str] = &[
    "preinstall",
    "install",
    "postinstall",
    "prepare",
    "preprepare",
    "postprepare",
    "prepublish",
    "dependencies",
    "pre-install-cmd",
    "post-install-cmd",
    "pre-update-cmd",
    "post-update-cmd",
    "post-autoload-dump",
];

/// The commands of a JSON file.
pub(super) fn units(name: &str, text: &str) -> Vec<Unit> {
    let mut whole = Unit::at(Context::Prose, Kind::Data, text, 0);
    let fields = of_json(&mut whole);
    let mut all = vec![whole];
    let package = matches!(name, "package.json" | "composer.json" | "deno.json");
    for field in fields.iter().filter(|field| package && field.below("scripts") && field.keys.len() < 4) {
        let names = field.keys.iter().any(|key| ALONE.contains(&key.as_str()));
        let context = if names { Context::Script } else { Context::Call };
        all.push(field.value.taken_for(context, Kind::Code(Language::Shell)));
    }
    if !package {
        all.extend(front::commands(&fields));
        all.extend(servers(&fields));
    }
    all
}

/// `{"command": "sh", "args": ["-c", …]}` below `mcpServers`.
fn servers(fields: &[super::fields::Field]) -> Vec<Unit> {
    let mut all: Vec<Unit> = Vec::new();
    for field in fields.iter().filter(|field| field.below("mcpServers")) {
        if field.key() == "command" {
            let mut unit = Unit::new(Context::Call, Kind::Code(Language::Shell));
            unit.put(&field.value.text, &field.value);
            all.push(unit);
        } else if let (true, Some(unit)) = (field.key() == "args", all.last_mut()) {
            unit.put(" ", &field.value);
            unit.put(&quoted(&field.value.text), &field.value);
        }
    }
    all
}
