//! `priv.sudoers`

use super::super::shell::machine::Event;
use super::argv;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "priv.sudoers",
    title: "gives somebody the rights of the administrator for good",
    weight: Weight::of_commands(Tier::Confirm, Tier::Warn, None),
    owasp: &["AST03"],
    what: "The table of `sudo` is changed, or an account joins a group that may become root.",
    why: "From then on everything that runs as that account can become root.",
    instead: "Start the one command through `sudo`, and let people answer it.",
    limits: "Changes by `visudo` in an editor cannot be seen before they are made.",
    bad: "```sh\necho 'me ALL=(ALL) NOPASSWD: ALL' | sudo tee /etc/sudoers.d/me\n```\n",
    alike: "```sh\nsudo -l\nsudo cat /etc/sudoers\nsudo usermod -aG video me\n```\n",
    look: Look::Event(|event, _| match event {
        Event::Write { path, .. }
            if path.text.starts_with("/etc/sudoers") || path.text == "/etc/doas.conf" =>
        {
            Some(format!("writes `{}`", argv::shown(&path.text)))
        }
        Event::Call { name, argv, .. }
            if matches!(name.as_str(), "usermod" | "gpasswd" | "adduser" | "dseditgroup" | "net") =>
        {
            let groups = ["sudo", "wheel", "admin", "root"];
            let into =
                argv.iter().skip(1).any(|word| word.text.split(',').any(|group| groups.contains(&group)));
            let adds = argv.iter().any(|word| matches!(word.text.as_str(), "-aG" | "-a" | "-G" | "-Ga"))
                || name == "adduser";
            (into && adds).then(|| "puts an account into a group that may become root".to_owned())
        }
        _ => None,
    }),
};
