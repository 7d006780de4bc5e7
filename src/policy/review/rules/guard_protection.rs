//! `guard.protection`

use super::super::shell::machine::Event;
use super::{Look, Rule, Weight, argv};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "guard.protection",
    title: "switches off what guards the machine",
    weight: Weight::of_commands(Tier::Confirm, Tier::Warn, None),
    owasp: &["AST01", "AST03"],
    what: "A virus scanner, a firewall, the system's access control or its log is switched off, or a folder is taken out of what is scanned.",
    why: "What comes next is meant not to be seen or stopped.",
    instead: "Name the one rule or the one port that is needed.",
    limits: "Adding a rule to a firewall is left alone, and so is a switch whose value only a run would tell.",
    bad: "```sh\nsudo setenforce 0\n```\n",
    alike: "```sh\nsudo ufw allow 443/tcp\ngetenforce\nsystemctl status firewalld\n```\n",
    look: Look::Event(|event, _| match event {
        Event::Call { name, argv, .. } => {
            let words: Vec<String> = argv.iter().skip(1).map(|word| word.text.to_lowercase()).collect();
            let has = |word: &str| words.iter().any(|one| one == word);
            let guard = || words.iter().any(|one| GUARDS.contains(&one.trim_end_matches(".service")));
            let off = match name.as_str() {
                "setenforce" => has("0") || has("permissive"),
                "ufw" => has("disable"),
                "iptables" | "nft" => has("-f") && words.len() == 1 || has("flush") && has("ruleset"),
                "systemctl" => (has("stop") || has("disable") || has("mask")) && guard(),
                "set-mppreference" => {
                    words.iter().any(|one| one.starts_with("-disable")) && (has("$true") || has("1"))
                }
                "add-mppreference" => words.iter().any(|one| one.starts_with("-exclusion")),
                "netsh" => has("advfirewall") && has("off"),
                "auditctl" => has("-e") && has("0"),
                _ => false,
            };
            off.then(|| format!("calls `{}`", argv::shown(&format!("{name} {}", words.join(" ")))))
        }
        _ => None,
    }),
};

/// Services that guard a machine.
const GUARDS: &[&str] = &[
    "firewalld",
    "ufw",
    "apparmor",
    "auditd",
    "fail2ban",
    "clamav-daemon",
    "falcon-sensor",
    "wazuh-agent",
    "windefend",
];
