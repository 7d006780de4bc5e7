//! What a skill asks to have installed. The first byte says under which name the
//! rest lies in the skill.

use super::sampled;
use skill_trust::model::digest::Digest;
use skill_trust::policy::deps::collect::File;
use skill_trust::policy::deps::{Folders, collect, plan};
use std::collections::BTreeSet;

/// Names that are read in different ways.
pub(crate) const NAMES: &[&str] = &[
    "SKILL.md",
    "scripts/run.sh",
    "scripts/fill.py",
    "index.js",
    "package.json",
    "Makefile",
    "Dockerfile",
    ".github/workflows/ci.yml",
    "notes.ipynb",
    "setup.ps1",
    "setup.bat",
    "page.html",
    "logo.svg",
    "settings.json",
    "pyproject.toml",
    "requirements.txt",
    "run",
    "Cargo.toml",
    "go.mod",
    "Gemfile",
    "Brewfile",
    "environment.yml",
    "Pipfile",
    "config.yaml",
];

/// The name, and the text that lies there.
fn named(data: &[u8]) -> (&'static str, String) {
    let (first, rest) = data.split_first().unwrap_or((&0, &[]));
    (NAMES[usize::from(*first) % NAMES.len()], String::from_utf8_lossy(rest).into_owned())
}

/// What a file asks to have installed: a step is a program and its words, and
/// nothing of the author's is an option or ends a word.
pub(crate) fn wanted(data: &[u8]) {
    let (name, whole) = named(data);
    let file = File { path: name, bytes: whole.as_bytes(), executable: name == "run" };
    let digest = Digest::from_bytes([7; 32]);
    let all = || plan(digest, &collect::collect(&[file]), "linux", &Folders::default(), &BTreeSet::new());
    let planned = all();
    if sampled(data) {
        assert_eq!(planned, all(), "two plans");
    }
    for step in &planned.steps {
        let last = step.argv.iter().position(|word| word == "--");
        for (at, word) in step.argv.iter().enumerate() {
            assert!(
                !word.is_empty() && word.is_ascii() && !word.contains(|c: char| c.is_control()),
                "{step:?}"
            );
            assert!(last.is_none_or(|last| at <= last) || !word.starts_with('-'), "{step:?}");
        }
    }
}
