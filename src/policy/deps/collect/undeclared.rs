//! What a text installs and nothing declares.

use super::command::packages;
use super::{File, declared};
use crate::model::dependency::NeedKind;
use crate::model::finding::{Context, Place};
use crate::policy::review::asks::{Does, of_files};
use std::collections::{BTreeMap, BTreeSet};

/// A package that a text installs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undeclared {
    /// By which manager.
    pub by: String,
    /// Its name; not escaped.
    pub name: String,
    /// The file.
    pub path: String,
    /// Where in it.
    pub place: Place,
    /// What kind of text it stands in.
    pub context: Context,
}

/// Every package that a text installs and nothing declares; each once, where it
/// is likeliest to be run.
#[must_use]
pub fn undeclared(files: &[File<'_>]) -> Vec<Undeclared> {
    let said = declared(files);
    let named = ["package", "packages", "formula", "cask", "module", "crate", "name", "pkg", "gem"];
    let mut known: BTreeSet<(&str, String)> = BTreeSet::new();
    for one in &said.wanted {
        let names = named.iter().filter_map(|word| one.words.get(*word)).flatten();
        known.extend(names.map(|name| (family(&one.kind), plain(name))));
    }
    // A program that must be there is declared, whichever system brings it.
    for need in said.needs.iter().filter(|need| need.kind == NeedKind::Program) {
        known.extend(need.any_of.iter().map(|name| ("system", plain(name))));
    }
    let mut found: BTreeMap<(&str, String), Undeclared> = BTreeMap::new();
    for done in of_files(files) {
        let Does::Installs(installs) = &done.does else { continue };
        for (kind, name) in packages(installs) {
            let key = (family(kind), plain(&name));
            let less = found.get(&key).is_some_and(|one| rank(one.context) >= rank(done.context));
            if known.contains(&key) || less {
                continue;
            }
            let by = installs.manager.clone();
            let (path, place, context) = (done.path.clone(), done.place, done.context);
            found.insert(key, Undeclared { by, name, path, place, context });
        }
    }
    found.into_values().collect()
}

/// How likely a text is to be run.
const fn rank(context: Context) -> u8 {
    match context {
        Context::Prose | Context::Inline | Context::File => 0,
        _ => 1,
    }
}

/// Kinds under which one name is one package.
fn family(kind: &str) -> &'static str {
    match kind.to_ascii_lowercase().as_str() {
        "pip" | "pip3" | "python" | "uv" | "uvx" | "pipx" | "conda" => "python",
        "npm" | "node" | "pnpm" | "yarn" | "bun" => "npm",
        "cargo" | "crate" | "rust" => "cargo",
        "gem" | "ruby" => "gem",
        "go" | "golang" => "go",
        _ => "system",
    }
}

/// A name without its version, as its registry compares names.
fn plain(name: &str) -> String {
    let body = name.get(1..).unwrap_or_default();
    let end = body.find(['@', '=', '<', '>', '[', ' ']).map_or(name.len(), |at| at + 1);
    let last = name.get(..end).unwrap_or(name);
    last.to_ascii_lowercase().replace(['_', '.'], "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(files: &[(&str, &str)]) -> Vec<(String, usize, bool)> {
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| File { path, bytes: text.as_bytes(), executable: false })
            .collect();
        let told = |one: Undeclared| (one.name, one.place.line, rank(one.context) > 0);
        undeclared(&files).into_iter().map(told).collect()
    }

    const HEAD: &str = "---\nname: a\nmetadata: {x: {install: [{kind: pip, package: One_A}], requires: {bins: [jq]}}}\n---\n";

    #[test]
    fn what_is_declared_anywhere_is_not_told() {
        let text = format!("{HEAD}```sh\npip install one-a==1 two three\napt-get install jq bat\n```\n");
        let list = ("requirements.txt", "three>=1\n");
        let found = names(&[("SKILL.md", &text), list]);
        assert_eq!(found, [("two".to_owned(), 6, true), ("bat".to_owned(), 7, true)]);
    }

    #[test]
    fn a_name_is_told_once_where_it_is_run() {
        let text =
            "---\nname: a\n---\nRun `pip install one`.\n\n```sh\npip install one\npip install one\n```\n";
        assert_eq!(names(&[("SKILL.md", text)]), [("one".to_owned(), 7, true)]);
        let text = "---\nname: a\n---\nRun `pip install one`.\n";
        assert_eq!(names(&[("SKILL.md", text)]), [("one".to_owned(), 4, false)]);
    }

    #[test]
    fn attack_a_declared_name_of_another_registry_covers_nothing() {
        let text = format!("{HEAD}```sh\nnpm install One_A jq\n```\n");
        let found: Vec<_> = names(&[("SKILL.md", &text)]).into_iter().map(|one| one.0).collect();
        assert_eq!(found, ["jq", "One_A"]);
    }
}
