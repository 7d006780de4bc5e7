//! `priv.sudo`

use super::super::shell::machine::Event;
use super::argv;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "priv.sudo",
    title: "asks for the rights of the administrator",
    weight: Weight::of_commands(Tier::Note, Tier::Note, None),
    owasp: &["AST03"],
    what: "A command is started through `sudo`, `doas` or their like.",
    why: "It may then change the whole machine.",
    instead: "Say what needs it and why, and keep it to that.",
    limits: "What a program asks for by itself is not seen.",
    bad: "```sh\nsudo systemctl restart nginx\n```\n",
    alike: "```sh\necho \"run this with sudo\"\n```\n",
    look: Look::Event(|event, _| match event {
        Event::Call { name, argv, .. } if matches!(name.as_str(), "sudo" | "doas" | "pkexec" | "gsudo") => {
            let what: Vec<&str> = argv.iter().skip(1).take(4).map(|word| word.text.as_str()).collect();
            Some(format!("starts `{}` through `{name}`", argv::shown(&what.join(" "))))
        }
        _ => None,
    }),
};
