//! `persist.launchd`

use super::super::shell::machine::Event;
use super::argv;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "persist.launchd",
    title: "has macOS start something by itself",
    weight: Weight::of_commands(Tier::Confirm, Tier::Warn, None),
    owasp: &["AST01", "AST03"],
    what: "A file comes into a folder `LaunchAgents` or `LaunchDaemons`, or `launchctl` loads one.",
    why: "It starts with every login and again whenever it ends, without being seen.",
    instead: "Tell people what it would be, and let them set it up.",
    limits: "Login items that a program adds through the system's own calls are not seen.",
    bad: "```sh\ncp com.example.agent.plist ~/Library/LaunchAgents/\nlaunchctl load ~/Library/LaunchAgents/com.example.agent.plist\n```\n",
    alike: "```sh\nlaunchctl list | grep example\nls ~/Library/LaunchAgents\n```\n",
    look: Look::Event(|event, _| match event {
        Event::Call { name, argv, .. } if name == "launchctl" => {
            let verb = argv::operands(argv).next().unwrap_or_default();
            matches!(verb, "load" | "bootstrap" | "submit" | "enable")
                .then(|| format!("calls `launchctl {verb}`"))
        }
        Event::Write { path, .. }
            if path.text.contains("/LaunchAgents") || path.text.contains("/LaunchDaemons") =>
        {
            Some(format!("writes `{}`", argv::shown(&path.text)))
        }
        _ => None,
    }),
};
