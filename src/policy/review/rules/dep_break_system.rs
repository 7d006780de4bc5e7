//! `dep.break-system`

use super::argv;
use super::install::install;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "dep.break-system",
    title: "installs over the system's own packages",
    weight: Weight::of_commands(Tier::Warn, Tier::Note, None),
    owasp: &["AST02", "AST03"],
    what: "`pip` is told to install where the system's manager keeps its own (`--break-system-packages`).",
    why: "The system's tools run with what was put there, and may stop running.",
    instead: "Use a virtual environment, `pipx` or `uv tool`.",
    limits: "Installing as root without that option is not seen here.",
    bad: "```sh\npip install --break-system-packages helper\n```\n",
    alike: "```sh\npython3 -m venv .venv\n.venv/bin/pip install helper\n```\n",
    look: Look::Event(|event, _| {
        let all = install(event)?;
        let set = all.has(&["--break-system-packages"]);
        set.then(|| format!("`{}` installs over the system's own packages", argv::shown(all.manager)))
    }),
};
