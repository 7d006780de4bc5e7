//! `persist.autostart`

use super::super::shell::machine::Event;
use super::{Look, Rule, Weight, argv};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "persist.autostart",
    title: "has the desktop start something at every login",
    weight: Weight::of_commands(Tier::Confirm, Tier::Warn, None),
    owasp: &["AST01", "AST03"],
    what: "A program comes into the registry's `Run` keys, into a folder of programs that start by themselves, or among the login items.",
    why: "It starts with every login, long after the skill is gone.",
    instead: "Tell people what it would be, and let them set it up.",
    limits: "What a program sets up by the system's own calls is not seen.",
    bad: "```sh\ncp helper.desktop ~/.config/autostart/\n```\n",
    alike: "```sh\nls ~/.config/autostart\nreg query HKCU\\\\Software\\\\Microsoft\n```\n",
    look: Look::Event(|event, _| match event {
        Event::Write { path, .. }
            if path.text.contains("/.config/autostart") || path.text.contains("/Programs/Startup") =>
        {
            Some(format!("writes `{}`", argv::shown(&path.text)))
        }
        Event::Call { name, argv, .. }
            if matches!(name.as_str(), "reg" | "osascript" | "new-itemproperty" | "set-itemproperty") =>
        {
            let text: Vec<String> = argv.iter().skip(1).map(|word| word.text.to_lowercase()).collect();
            let text = text.join(" ");
            let key = text.contains("currentversion")
                && text.split(['\\', '/', ' ', '"']).any(|part| matches!(part, "run" | "runonce"));
            let item = text.contains("make") && text.contains("login item");
            let adds = name != "reg" || text.starts_with("add");
            ((key && adds) || item).then(|| format!("`{name}` adds what starts at every login"))
        }
        _ => None,
    }),
};
