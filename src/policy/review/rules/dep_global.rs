//! `dep.global`

use super::argv;
use super::install::install;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "dep.global",
    title: "installs for all projects, not for one",
    weight: Weight::of_commands(Tier::Note, Tier::Note, None),
    owasp: &["AST02", "AST03"],
    what: "A package is installed globally, or as a tool for the whole account.",
    why: "It stands in the way of every project, and its programs are found under their names from then on.",
    instead: "Install it in the project, or start it from a fixed version.",
    limits: "Managers that always install for the whole system are not counted here.",
    bad: "```sh\nnpm install -g helper\n```\n",
    alike: "```sh\nnpm install helper\n```\n",
    look: Look::Event(|event, _| {
        let all = install(event)?;
        let global = match all.kind {
            "npm" => {
                all.has(&["-g", "--global", "--location=global"])
                    || all.manager == "yarn" && all.has(&["global"])
            }
            "pip" => all.manager == "pipx" && !all.runs,
            "other" => all.has(&["-g", "--global"]),
            _ => false,
        };
        global.then(|| {
            format!(
                "`{}` installs `{}` for all projects",
                argv::shown(all.manager),
                argv::shown(&all.packages().join(" "))
            )
        })
    }),
};
