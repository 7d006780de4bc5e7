//! `persist.ssh-keys`

use super::super::shell::machine::Event;
use super::argv;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "persist.ssh-keys",
    title: "lets somebody log in",
    weight: Weight::of_commands(Tier::Confirm, Tier::Warn, None),
    owasp: &["AST01", "AST03"],
    what: "Something is put into `authorized_keys`.",
    why: "Whoever holds the other half of that key can log in from then on.",
    instead: "Tell people which key and why, and let them add it.",
    limits: "Keys that are given to another machine, as by `ssh-copy-id`, are left alone.",
    bad: "```sh\necho \"ssh-ed25519 AAAA me\" >> ~/.ssh/authorized_keys\n```\n",
    alike: "```sh\nssh-keygen -t ed25519 -f ~/.ssh/id_work\nchmod 600 ~/.ssh/authorized_keys\n```\n",
    look: Look::Event(|event, _| match event {
        Event::Write { path, .. } if path.text.contains(".ssh/authorized_keys") => {
            Some(format!("writes `{}`", argv::shown(&path.text)))
        }
        _ => None,
    }),
};
