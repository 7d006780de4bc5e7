//! `persist.systemd`

use super::super::shell::machine::Event;
use super::argv;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "persist.systemd",
    title: "has systemd start something by itself",
    weight: Weight::of_commands(Tier::Confirm, Tier::Warn, None),
    owasp: &["AST01", "AST03"],
    what: "A unit comes into one of systemd's folders, a unit of a user is enabled, or a user's units are kept running without a login.",
    why: "It starts with the machine and again whenever it ends.",
    instead: "Tell people what it would be, and let them set it up.",
    limits: "Enabling a service that a package brought, as `systemctl enable nginx`, is left alone.",
    bad: "```sh\ncp sync.service ~/.config/systemd/user/\nsystemctl --user enable --now sync.service\n```\n",
    alike: "```sh\nsystemctl status nginx\nsudo systemctl enable nginx\n```\n",
    look: Look::Event(|event, _| match event {
        Event::Call { name, argv, .. } if name == "systemctl" => {
            let on = argv::has(argv, &["--user"]) && argv::has(argv, &["enable", "reenable", "link"]);
            on.then(|| {
                format!(
                    "enables `{}` for a user",
                    argv::shown(argv::operands(argv).nth(1).unwrap_or("a unit"))
                )
            })
        }
        Event::Call { name, argv, .. } if name == "loginctl" && argv::has(argv, &["enable-linger"]) => {
            Some("keeps a user's units running without a login".to_owned())
        }
        Event::Write { path, .. }
            if path.text.contains("/systemd/system") || path.text.contains("/systemd/user") =>
        {
            Some(format!("writes `{}`", argv::shown(&path.text)))
        }
        _ => None,
    }),
};
