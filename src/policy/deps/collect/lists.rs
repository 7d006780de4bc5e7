//! Files that list packages, by their names.
//!
//! A list of libraries that a build brings (crates, modules of Go) is noted and
//! makes no step: nothing installs a library of those by its name. What in it
//! leads elsewhere is refused all the same.

use super::command::listed;
use super::spec::{Words, named, word};
use super::{at, refused, tables};
use crate::model::card::front::{Saying, inner};
use crate::model::dependency::{Collected, Listed, Scope, Wanted};
use crate::model::json::Value;
use crate::model::text;
use std::cell::Cell;

/// Most packages that are taken from one file.
const MOST: usize = 200;
/// Most that is taken from all files.
const MOST_IN_ALL: usize = 5_000;
/// How often the line of a name is looked for in one file: a plan has no more steps.
const LOOKS: usize = 64;
/// Largest list.
const LARGEST: usize = 1 << 20;

/// Looks at one file.
pub(super) fn collect(path: &str, text: &str, all: &mut Collected) {
    let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
    let mut list = List { path, text, all, packages: 0, hashed: 0, looks: Cell::new(LOOKS) };
    if text.len() > LARGEST && list.is_list(&name) {
        list.refuse(
            "list",
            Scope::Unreadable,
            "larger than 1 MiB: what it asks for is not known".to_owned(),
            0,
        );
        return;
    }
    let what = match name.as_str() {
        "package.json" => list.npm(),
        "environment.yml" | "environment.yaml" => list.conda(),
        "gemfile" => list.gemfile(),
        "brewfile" => list.brewfile(),
        "go.mod" => list.go(),
        "pyproject.toml" => tables::pyproject(&mut list),
        "pipfile" => tables::pipfile(&mut list),
        "cargo.toml" => tables::cargo(&mut list),
        ".npmrc" | ".yarnrc" | ".yarnrc.yml" | "pip.conf" | "pip.ini" | "uv.toml" | "bunfig.toml" => {
            list.settings()
        }
        "setup.py" => Some("a program that runs when the folder is installed with pip".to_owned()),
        _ if name.contains("requirements") && (name.ends_with(".txt") || name.ends_with(".in")) => {
            list.requirements()
        }
        _ if name.ends_with(".py") => tables::script(&mut list),
        _ => list.lock(&name),
    };
    let (packages, hashes) = (list.packages, list.packages > 0 && list.hashed == list.packages);
    if let Some(what) = what {
        all.listed.push(Listed { path: path.to_owned(), what, packages, hashes });
    }
}

/// A file that is looked at, and what was found in it.
pub(super) struct List<'a> {
    pub(super) path: &'a str,
    pub(super) text: &'a str,
    all: &'a mut Collected,
    packages: usize,
    hashed: usize,
    /// How often a line may still be looked for: it takes a look at all of the text.
    looks: Cell<usize>,
}

impl List<'_> {
    /// Whether a name is looked at here; lock files are only counted.
    fn is_list(&self, name: &str) -> bool {
        matches!(name, "package.json" | "gemfile" | "brewfile" | "go.mod" | "pyproject.toml" | "pipfile")
            || matches!(name, "environment.yml" | "environment.yaml" | "cargo.toml")
            || name.contains("requirements")
            || name.ends_with(".py") && self.text.contains("# /// script")
    }

    /// A package of this kind on this line.
    pub(super) fn want(&mut self, kind: &str, words: Words, line: usize) {
        self.packages += 1;
        if self.packages == MOST + 1 || self.packages <= MOST && self.all.wanted.len() == MOST_IN_ALL {
            let why = "more packages than anybody reads; the rest is not looked at".to_owned();
            self.all.refused.push(refused(kind, Scope::Many, why, at(self.path, 0, true)));
        }
        if self.packages <= MOST && self.all.wanted.len() <= MOST_IN_ALL {
            let at = at(self.path, line, true);
            self.all.wanted.push(Wanted { kind: kind.to_owned(), words, os: Vec::new(), at });
        }
    }

    /// A package that a build brings: it counts, and makes no step.
    pub(super) fn count(&mut self) {
        self.packages += 1;
    }

    /// What is refused on this line.
    pub(super) fn refuse(&mut self, kind: &str, scope: Scope, why: String, line: usize) {
        if self.all.refused.len() < MOST_IN_ALL {
            self.all.refused.push(refused(kind, scope, why, at(self.path, line, true)));
        }
    }

    /// The file cannot be read as what its name says.
    pub(super) fn unreadable(&mut self, kind: &str) -> Option<String> {
        let why = "the file cannot be read: what it asks for is not known".to_owned();
        self.refuse(kind, Scope::Unreadable, why, 0);
        None
    }

    /// The first line that has a text, in quotes or at its begin.
    pub(super) fn line_of(&self, name: &str) -> usize {
        let Some(left) = self.looks.get().checked_sub(1) else { return 0 };
        self.looks.set(left);
        let quoted = format!("\"{name}\"");
        let found =
            self.text.lines().position(|line| line.contains(&quoted) || line.trim_start().starts_with(name));
        found.map_or(0, |at| at + 1)
    }

    fn npm(&mut self) -> Option<String> {
        let Ok(Value::Map(package)) = Value::evidence(self.text.as_bytes()) else {
            return self.unreadable("npm");
        };
        for section in ["dependencies", "optionalDependencies"] {
            for (name, version) in package.get(section).and_then(Value::as_map).into_iter().flatten() {
                let line = self.line_of(name);
                let version = version.as_text().unwrap_or("{…}");
                self.want("npm", listed("npm", name, version), line);
            }
        }
        for (name, script) in package.get("scripts").and_then(Value::as_map).into_iter().flatten() {
            let alone = ["preinstall", "install", "postinstall", "prepare", "preprepare", "postprepare"];
            if alone.contains(&name.as_str()) {
                let why = format!(
                    "`{}`: npm would run this by itself when the folder is installed; it is never run",
                    text::escape_short(script.as_text().unwrap_or_default(), 120)
                );
                let line = self.line_of(name);
                self.refuse(name, Scope::Shell, why, line);
            }
        }
        let count = |section: &str| {
            package.get(section).and_then(Value::as_map).map_or(0, std::collections::BTreeMap::len)
        };
        Some(match count("devDependencies") {
            0 => "npm's list of packages".to_owned(),
            more => format!("npm's list of packages; {more} more for development are left out"),
        })
    }

    fn requirements(&mut self) -> Option<String> {
        let mut whole = String::new();
        let mut first = 0;
        let lines: Vec<&str> = self.text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            if whole.is_empty() {
                first = at + 1;
            }
            match line.strip_suffix('\\') {
                Some(begun) if at + 1 < lines.len() => {
                    whole.push_str(begun);
                    whole.push(' ');
                    continue;
                }
                _ => whole.push_str(line),
            }
            let taken = std::mem::take(&mut whole);
            self.requirement(&taken, first);
        }
        Some("pip's list of packages".to_owned())
    }

    /// One requirement. Options behind it other than hashes stay part of its name, which is refused then.
    fn requirement(&mut self, line: &str, number: usize) {
        let line = match line.find(" #").or_else(|| line.trim_start().starts_with('#').then_some(0)) {
            Some(at) => line[..at].trim(),
            None => line.trim(),
        };
        if line.is_empty() {
            return;
        }
        if !line.starts_with('-') {
            let mut words: Vec<&str> = line.split_whitespace().collect();
            let before = words.len();
            words.retain(|word| !word.starts_with("--hash="));
            self.hashed += usize::from(words.len() < before);
            return self.want("pip", named("pip", &words.join(" ")), number);
        }
        let (option, value) = line.split_once([' ', '=']).unwrap_or((line, ""));
        let value = value.trim();
        let (scope, why) = match option {
            // A list of the skill's own is collected where it lies.
            "-r" | "--requirement" | "-c" | "--constraint" if !value.contains("://") => return,
            "-r" | "--requirement" | "-c" | "--constraint" => {
                (Scope::Url, "a list of packages at an address")
            }
            "-i" | "--index-url" | "--extra-index-url" | "-f" | "--find-links" | "--no-index" => {
                (Scope::Index, "every package of this file would come from there")
            }
            "-e" | "--editable" => (Scope::Path, "a folder or repository that is installed as it lies"),
            "--no-binary" => (Scope::Build, "packages would be built from their sources"),
            "--require-hashes" | "--only-binary" | "--prefer-binary" => return,
            _ => (Scope::Option, "an option for every package of this file"),
        };
        let why = format!("`{}`: {why}", text::escape_short(line, 120));
        self.refuse("pip", scope, why, number);
    }

    fn conda(&mut self) -> Option<String> {
        let Some(root) = inner(self.text, 1) else { return self.unreadable("conda") };
        for channel in root.get("channels").map(crate::model::card::front::Said::texts).unwrap_or_default() {
            let public = ["conda-forge", "defaults", "nodefaults", "bioconda", "pytorch", "nvidia"];
            if !public.contains(&channel.1) {
                let why = format!(
                    "the channel `{}`: whoever runs it decides what every name means",
                    text::escape_short(channel.1, 80)
                );
                self.refuse("conda", Scope::Index, why, channel.0);
            }
        }
        let Some(Saying::List(items)) = root.get("dependencies").map(|said| &said.value) else {
            return Some("conda's list of packages".to_owned());
        };
        for item in items {
            for (line, text) in
                item.get("pip").map(crate::model::card::front::Said::texts).unwrap_or_default()
            {
                self.requirement(text, line);
            }
            for (line, text) in item.texts() {
                self.want("conda", Words::from([("package".to_owned(), word(text))]), line);
            }
        }
        Some("conda's list of packages".to_owned())
    }

    fn gemfile(&mut self) -> Option<String> {
        for (at, line) in self.text.lines().enumerate() {
            let line = line.trim();
            let strings = strings(line);
            match (line.split([' ', '(']).next().unwrap_or_default(), strings.as_slice()) {
                ("source", [url, ..]) if *url != "https://rubygems.org" => {
                    let why = format!(
                        "the source `{}`: whoever runs it decides what every name means",
                        text::escape_short(url, 80)
                    );
                    self.refuse("gem", Scope::Index, why, at + 1);
                }
                ("gem", [name, rest @ ..]) => {
                    let mut words = Words::from([("package".to_owned(), word(name))]);
                    for (key, long) in
                        [("git:", "git"), ("github:", "git"), ("path:", "path"), ("source:", "index")]
                    {
                        if line.contains(key) {
                            words.insert(long.to_owned(), word(rest.last().unwrap_or(&"")));
                        }
                    }
                    if let Some(version) = rest.first().filter(|_| words.len() == 1) {
                        let exact = version.starts_with(|c: char| c.is_ascii_digit());
                        let key = if exact { "version" } else { "range" };
                        words.insert(key.to_owned(), word(&version.replace(' ', "")));
                    }
                    self.want("gem", words, at + 1);
                }
                ("eval_gemfile" | "instance_eval" | "eval", _) => {
                    let why = format!("`{}`: a program in a list of packages", text::escape_short(line, 80));
                    self.refuse("gem", Scope::Shell, why, at + 1);
                }
                _ => {}
            }
        }
        Some("bundler's list of packages".to_owned())
    }

    fn brewfile(&mut self) -> Option<String> {
        for (at, line) in self.text.lines().enumerate() {
            let line = line.trim();
            let strings = strings(line);
            let Some(name) = strings.first() else { continue };
            match line.split(' ').next().unwrap_or_default() {
                "brew" => {
                    let mut words = Words::from([("formula".to_owned(), word(name))]);
                    if line.contains("args:") {
                        words.insert("args".to_owned(), word(line));
                    }
                    self.want("brew", words, at + 1);
                }
                "cask" => self.want("brew", Words::from([("cask".to_owned(), word(name))]), at + 1),
                "tap" => {
                    let why = format!(
                        "the tap `{}`: nobody but its owner looks at what a formula of it does",
                        text::escape_short(name, 80)
                    );
                    self.refuse("brew", Scope::Tap, why, at + 1);
                }
                "mas" | "vscode" | "whalebrew" => {
                    self.want(line.split(' ').next().unwrap_or_default(), Words::new(), at + 1);
                }
                _ => {}
            }
        }
        Some("brew's list of packages".to_owned())
    }

    fn go(&mut self) -> Option<String> {
        let mut block = String::new();
        for (at, line) in self.text.lines().enumerate() {
            let line = line.split("//").next().unwrap_or_default().trim();
            let (verb, rest) = match block.as_str() {
                "" => line.split_once([' ', '\t']).unwrap_or((line, "")),
                open => (open, line),
            };
            let (verb, rest) = (verb.to_owned(), rest.trim());
            match (verb.as_str(), rest) {
                (_, ")") => block.clear(),
                (verb, "(") => block = verb.to_owned(),
                ("require", rest) if !rest.is_empty() => self.count(),
                ("replace", rest) if !rest.is_empty() => {
                    let local = rest.rsplit("=>").next().unwrap_or_default().trim().starts_with(['.', '/']);
                    let scope = if local { Scope::Path } else { Scope::Index };
                    let why = format!(
                        "`replace {}`: another module under the same name",
                        text::escape_short(rest, 120)
                    );
                    self.refuse("go", scope, why, at + 1);
                }
                _ => {}
            }
        }
        Some("Go's list of modules: they come when the program is built".to_owned())
    }

    /// Settings of an installer that lie in the folder: where packages come from.
    fn settings(&mut self) -> Option<String> {
        let points = |line: &&str| {
            let line = line.trim().to_ascii_lowercase();
            let known = [
                "registry",
                "index-url",
                "index_url",
                "index =",
                "extra-index",
                "find-links",
                "trusted-host",
                "_auth",
            ];
            !line.starts_with(['#', ';']) && known.iter().any(|word| line.contains(word))
        };
        let lines = self.text.lines().enumerate().filter(|(_, line)| points(line));
        let found: Vec<_> =
            lines.take(MOST).map(|(at, line)| (at + 1, text::escape_short(line.trim(), 120))).collect();
        for (line, shown) in found {
            let why = format!("`{shown}`: {}", super::super::denied::of(Scope::Index).why);
            self.refuse("setting", Scope::Index, why, line);
        }
        None
    }

    fn lock(&mut self, name: &str) -> Option<String> {
        let (who, mark) = match name {
            "package-lock.json" | "npm-shrinkwrap.json" => ("npm", "\"integrity\""),
            "yarn.lock" => ("yarn", "integrity "),
            "pnpm-lock.yaml" => ("pnpm", "integrity:"),
            "bun.lock" => ("bun", "sha512-"),
            "uv.lock" => ("uv", "sha256:"),
            "poetry.lock" => ("poetry", "sha256:"),
            "pipfile.lock" => ("pipenv", "sha256:"),
            "cargo.lock" => ("cargo", "checksum ="),
            "go.sum" => ("Go", "h1:"),
            "gemfile.lock" => ("bundler", "sha256="),
            _ => return None,
        };
        self.packages = self.text.lines().filter(|line| line.contains(mark)).count();
        self.hashed = self.packages;
        Some(format!("lock file of {who}; a step installs by name and does not read it"))
    }
}

/// The texts in quotes on a line.
fn strings(line: &str) -> Vec<&str> {
    let (mut all, mut rest) = (Vec::new(), line.split(" #").next().unwrap_or(line));
    while let Some(at) = rest.find(['"', '\'']) {
        let quote = if rest[at..].starts_with('"') { '"' } else { '\'' };
        let Some(end) = rest[at + 1..].find(quote) else { break };
        all.push(&rest[at + 1..at + 1 + end]);
        rest = &rest[at + 2 + end..];
    }
    all
}
