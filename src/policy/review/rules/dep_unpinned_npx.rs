//! `dep.unpinned-npx`

use super::argv;
use super::install::install;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "dep.unpinned-npx",
    title: "fetches and starts the newest version of a package",
    weight: Weight::of_commands(Tier::Note, Tier::Note, None),
    owasp: &["AST02", "AST07"],
    what: "`npx`, `uvx` or their like starts a package and no version is named.",
    why: "Whoever publishes it next decides what runs here.",
    instead: "Name the version: `npx helper@1.2.3`.",
    limits: "Programs that the project has installed itself are started the same way, and cannot be told apart.",
    bad: "```sh\nnpx -y helper init\n```\n",
    alike: "```sh\nnpx -y helper@1.2.3 init\nnpx --no-install tsc\n```\n",
    look: Look::Event(|event, _| {
        let all = install(event).filter(|all| {
            all.runs && matches!(all.kind, "npm" | "pip") && !all.has(&["--no-install", "--no"])
        })?;
        let package = all.packages().into_iter().next()?;
        let version =
            package.char_indices().skip(1).find(|(_, c)| *c == '@').map(|(at, _)| &package[at + 1..]);
        let fixed = version
            .is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit() || "=v^~".contains(c)));
        let plain = !package.contains("==")
            && !package.contains("://")
            && !package.starts_with(['.', '/', '$'])
            && !package.contains(':');
        (!fixed && plain)
            .then(|| format!("`{}` starts the newest `{}`", argv::shown(all.manager), argv::shown(package)))
    }),
};
