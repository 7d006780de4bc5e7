//! `dep.skill-adds-skill`

use super::super::shell::machine::Event;
use super::argv;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "dep.skill-adds-skill",
    title: "brings in another skill",
    weight: Weight {
        run: Some(Tier::Warn),
        fence: Some(Tier::Note),
        inline: Some(Tier::Note),
        prose: None,
        file: None,
    },
    owasp: &["AST02", "AST09"],
    what: "A command adds a skill or a plugin to an agent: `npx skills add`, `clawhub install`, `claude plugin install`.",
    why: "The other skill's text tells the agent what to do, and nobody has looked at it.",
    instead: "Name it, and let people review and add it themselves.",
    limits: "A skill that says how it is itself installed is found too; four of five are, so that blocks of commands are only noted.",
    bad: "```sh\nnpx skills add example/more-skills\n```\n",
    alike: "```sh\nnpx skills list\nclawhub search pdf\n```\n",
    look: Look::Event(|event, _| match event {
        Event::Call { name, argv, .. } => {
            let mut words: Vec<&str> = std::iter::once(name.as_str()).chain(argv::operands(argv)).collect();
            if matches!(words.first(), Some(&("npx" | "bunx" | "pnpx")))
                || matches!(words.get(..2), Some(["pnpm", "dlx"]))
            {
                words.drain(..if words[0] == "pnpm" { 2 } else { 1 });
            }
            let first = words.first()?.split('@').next().unwrap_or_default();
            let second = words.get(1).copied().unwrap_or_default();
            let third = words.get(2).copied().unwrap_or_default();
            let adds = matches!(
                (first, second, third),
                (
                    "skills" | "skild" | "openskills" | "clawhub" | "clawdhub" | "molthub",
                    "add" | "install" | "i",
                    _
                ) | ("add-skill", _, _)
                    | (
                        "openclaw" | "clawdbot" | "moltbot",
                        "skills" | "skill" | "plugins",
                        "add" | "install"
                    )
                    | ("claude" | "copilot" | "codex", "plugin" | "plugins", "install" | "add")
                    | ("gemini", "extensions" | "skills", "install")
            );
            adds.then(|| format!("adds another skill: `{}`", argv::shown(&words.join(" "))))
        }
        _ => None,
    }),
};
