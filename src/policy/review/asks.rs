//! What the text of a skill would install, and which downloads it would run:
//! for a plan, which says more of each than a finding does.
//!
//! With the kind of text that it stands in: a sentence that names a command asks
//! for less than a block of commands, a script, or a text that is given to a shell.

use super::rules::install::install;
use super::shell::machine::{Event, Machine};
use super::shell::read;
use super::shell::tree::Span;
use super::shell::value::{Origin, UNKNOWN, Value};
use super::unit::Lines;
use super::{File, extract, follow, text_of};
use crate::model::finding::{Context, Place};

/// Most that is told of one skill.
const MOST: usize = 5_000;

/// Variables by which installers are told where packages come from.
const INDEXES: &[&str] = &[
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_TRUSTED_HOST",
    "UV_INDEX_URL",
    "UV_INDEX",
    "UV_DEFAULT_INDEX",
    "UV_EXTRA_INDEX_URL",
    "NPM_CONFIG_REGISTRY",
    "GOPROXY",
    "GONOSUMDB",
    "GOFLAGS",
    "BUNDLE_MIRROR__ALL",
    "HOMEBREW_BOTTLE_DOMAIN",
];

/// Something that a text does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Does {
    /// It calls a package manager.
    Installs(Installs),
    /// It runs what came from these addresses.
    Runs(Vec<String>),
    /// It says where packages come from, for later calls: `PIP_INDEX_URL=…`, `npm config set registry …`.
    Points(String),
    /// It adds a tap, from which later calls may install.
    Taps(String),
}

/// A call of a package manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installs {
    /// The ecosystem, as the rules name it.
    pub kind: &'static str,
    /// The manager as it is called.
    pub manager: String,
    /// Whether a package is started at once, as by `npx`.
    pub runs: bool,
    /// The whole call. A word that only a run would tell has `…` in it.
    pub argv: Vec<String>,
    /// The arguments without verbs.
    pub args: Vec<String>,
    /// What is named of packages, by the rules' own reading.
    pub packages: Vec<String>,
    /// Whether it is started with other rights, as by `sudo`.
    pub root: bool,
}

/// Something done, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// The file.
    pub path: String,
    /// Where in it.
    pub place: Place,
    /// What kind of text it stands in.
    pub context: Context,
    /// What is done.
    pub does: Does,
}

impl Done {
    /// Whether it stands where an agent or a program is likely to run it.
    #[must_use]
    pub const fn is_run(&self) -> bool {
        matches!(self.context, Context::Fence | Context::Call | Context::Script)
    }
}

/// What all files of a skill would install and run, in order. The entries of a
/// front matter are left out: those are collected for themselves.
#[must_use]
pub fn of_files(files: &[File<'_>]) -> Vec<Done> {
    let mut order: Vec<&File<'_>> = files.iter().collect();
    order.sort_by_key(|file| (file.path != "SKILL.md", file.path));
    let (mut machine, mut all) = (Machine::default(), Vec::new());
    for file in order {
        let Some(whole) = text_of(file.bytes) else { continue };
        let lines = Lines::new(&whole);
        for unit in extract::units(file.path, file.executable, &whole) {
            let mut seen = Vec::new();
            follow(&unit, &mut machine, &mut seen);
            if unit.context == Context::Install {
                continue;
            }
            for (event, span) in seen {
                let Some(does) = does(&event) else { continue };
                let end = unit.origin(span.end.max(span.start + 1) - 1) + 1;
                let place = lines.place(unit.origin(span.start), end);
                if all.len() < MOST {
                    all.push(Done { path: file.path.to_owned(), place, context: unit.context, does });
                }
            }
        }
    }
    all
}

/// What one command would install and run.
#[must_use]
pub fn of_command(text: &str) -> Vec<Does> {
    let mut machine = Machine::default();
    machine.follow(&read::read(text).script);
    let events: Vec<(Event, Span)> = machine.take().events;
    events.iter().filter_map(|(event, _)| does(event)).take(MOST).collect()
}

fn does(event: &Event) -> Option<Does> {
    if let Event::Run { what, .. } = event {
        let fetched = what.from.has(Origin::Fetched);
        return fetched.then(|| Does::Runs(what.from.urls.iter().cloned().collect()));
    }
    if let Event::Set { name, value } = event {
        let named = INDEXES.iter().any(|known| known.eq_ignore_ascii_case(name));
        return named.then(|| Does::Points(format!("{name}={}", value.text.replace(UNKNOWN, "…"))));
    }
    let Event::Call { name, argv, through, .. } = event else { return None };
    let words: Vec<&str> = argv.iter().skip(1).map(|word| word.text.as_str()).collect();
    match (name.as_str(), words.as_slice()) {
        ("brew", ["tap", .., tap]) if tap.contains('/') => return Some(Does::Taps((*tap).to_owned())),
        ("npm" | "yarn" | "pnpm" | "pip" | "pip3" | "bun", ["config", rest @ ..])
            if rest.contains(&"set")
                && rest.iter().any(|word| word.contains("registry") || word.contains("index")) =>
        {
            return Some(Does::Points(format!("{name} config {}", rest.join(" ").replace(UNKNOWN, "…"))));
        }
        _ => {}
    }
    let found = install(event)?;
    let text = |word: &Value| word.text.replace(UNKNOWN, "…");
    Some(Does::Installs(Installs {
        kind: found.kind,
        manager: found.manager.to_owned(),
        runs: found.runs,
        argv: argv.iter().map(text).collect(),
        args: found.args.iter().map(|word| text(word)).collect(),
        packages: found.packages().iter().map(|one| one.replace(UNKNOWN, "…")).collect(),
        root: through.iter().any(|one| matches!(one.as_str(), "sudo" | "doas" | "su" | "pkexec" | "run0")),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages(text: &str) -> Vec<(String, bool)> {
        of_command(text)
            .into_iter()
            .filter_map(|one| match one {
                Does::Installs(one) => {
                    Some((format!("{} {}", one.manager, one.packages.join(" ")), one.root))
                }
                _ => None,
            })
            .collect()
    }

    #[test]
    fn a_command_is_read_through_what_starts_it() {
        assert_eq!(packages("sudo -E apt-get install -y jq bat"), [("apt-get jq bat".to_owned(), true)]);
        assert_eq!(packages("env A=1 pip3 install 'x==1'"), [("pip3 x==1".to_owned(), false)]);
        assert_eq!(packages("p=ab; npm i -g \"$p\"c"), [("npm abc".to_owned(), false)]);
        assert_eq!(packages("npm i $NAME"), [("npm …".to_owned(), false)]);
        assert_eq!(packages("echo npm install x"), []);
    }

    #[test]
    fn a_download_that_is_run_tells_from_where() {
        let all = of_command("curl -L https://get.example.com/x | sudo sh && x up");
        assert!(all.contains(&Does::Runs(vec!["https://get.example.com/x".to_owned()])), "{all:?}");
    }

    #[test]
    fn a_sentence_is_told_from_what_is_run() {
        let text = "---\nname: a\n---\nRun `pip install one` first.\n\n```sh\npip install two\n```\n";
        let files = [
            File { path: "SKILL.md", bytes: text.as_bytes(), executable: false },
            File { path: "a.sh", bytes: b"#!/bin/sh\n\nnpm install three\n", executable: true },
        ];
        let all = of_files(&files);
        let told: Vec<_> = all.iter().map(|one| (one.path.as_str(), one.place.line, one.is_run())).collect();
        assert_eq!(told, [("SKILL.md", 4, false), ("SKILL.md", 7, true), ("a.sh", 3, true)], "{all:?}");
    }
}
