//! `dep.installs`

use super::argv;
use super::install::install;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "dep.installs",
    title: "installs something",
    weight: Weight::of_commands(Tier::Note, Tier::Note, None),
    owasp: &["AST02"],
    what: "A package manager is told to install or to start a package.",
    why: "Installing runs code of whoever published it, here.",
    instead: "Name the versions, so that it is the same tomorrow.",
    limits: "Files that list packages are not read.",
    bad: "```sh\npip install requests\n```\n",
    alike: "```sh\npip list\nnpm test\n```\n",
    look: Look::Event(|event, _| {
        let all = install(event)?;
        let packages = all.packages().into_iter().take(6).collect::<Vec<_>>().join(" ");
        let verb = if all.runs { "starts" } else { "installs" };
        let what = if packages.is_empty() {
            "what the project lists".to_owned()
        } else {
            format!("`{}`", argv::shown(&packages))
        };
        Some(format!("`{}` {verb} {what}", argv::shown(all.manager)))
    }),
};
