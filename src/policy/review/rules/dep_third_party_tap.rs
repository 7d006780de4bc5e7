//! `dep.third-party-tap`

use super::super::shell::machine::Event;
use super::argv;
use super::install::install;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "dep.third-party-tap",
    title: "installs from a stranger's list of packages",
    weight: Weight::of_commands(Tier::Warn, Tier::Note, None),
    owasp: &["AST02"],
    what: "A tap, a bucket, an archive or a repository that is not the system's own is added, or a package is installed out of a tap.",
    why: "Its owner decides what every name in it means, and installing runs their code.",
    instead: "Say whose it is; install from the system's own list where there is one.",
    limits: "Who owns it is not asked: a vendor's own tap counts too.",
    bad: "```sh\nbrew install example/tap/helper\n```\n",
    alike: "```sh\nbrew install jq\nbrew tap\n```\n",
    look: Look::Event(|event, _| {
        let list = match event {
            Event::Call { name, argv, .. }
                if name == "brew" && argv::operands(argv).next() == Some("tap") =>
            {
                argv::operands(argv).nth(1)
            }
            Event::Call { name, argv, .. }
                if matches!(name.as_str(), "add-apt-repository" | "apt-add-repository") =>
            {
                argv::operands(argv).next()
            }
            Event::Call { name, argv, .. }
                if name == "scoop" && argv::operands(argv).next() == Some("bucket") =>
            {
                argv::operands(argv).nth(2)
            }
            Event::Write { path, .. }
                if path.text.starts_with("/etc/apt/sources.list")
                    || path.text.starts_with("/etc/yum.repos.d/") =>
            {
                Some(path.text.as_str())
            }
            _ => install(event).filter(|all| all.kind == "brew").and_then(|all| {
                all.packages().into_iter().find(|text| text.matches('/').count() == 2 && !text.contains(':'))
            }),
        };
        let list = list.filter(|list| !list.starts_with("homebrew/"))?;
        Some(format!("takes packages from `{}`", argv::shown(list)))
    }),
};
