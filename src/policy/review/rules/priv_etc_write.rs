//! `priv.etc-write`

use super::super::shell::machine::Event;
use super::argv;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "priv.etc-write",
    title: "changes the settings of the whole machine",
    weight: Weight::of_commands(Tier::Warn, Tier::Note, None),
    owasp: &["AST03"],
    what: "A file under `/etc` is written, changed in place, or put there.",
    why: "It changes the machine for everybody and for good.",
    instead: "Show the change and let people make it.",
    limits: "Tables of `cron`, units of systemd, `sudoers` and sources of packages have rules of their own.",
    bad: "```sh\necho '127.0.0.1 api.example.com' | sudo tee -a /etc/hosts\n```\n",
    alike: "```sh\ncat /etc/hosts\ncp /etc/hosts ./hosts.copy\n```\n",
    look: Look::Event(|event, _| match event {
        Event::Write { path, .. }
            if path.text.starts_with("/etc/") && !OTHERS.iter().any(|head| path.text.starts_with(head)) =>
        {
            Some(format!("writes `{}`", argv::shown(&path.text)))
        }
        _ => None,
    }),
};

/// What other rules speak of.
const OTHERS: &[&str] = &[
    "/etc/cron",
    "/etc/systemd/",
    "/etc/sudoers",
    "/etc/apt/",
    "/etc/yum.repos.d/",
    "/etc/profile",
    "/etc/bash.bashrc",
    "/etc/zsh",
    "/etc/doas.conf",
];
