//! `guard.agent-settings`

use super::super::shell::tree::Span;
use super::super::unit::Kind;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "guard.agent-settings",
    title: "settings under which an agent asks nobody",
    weight: Weight::of_commands(Tier::Confirm, Tier::Warn, None),
    owasp: &["AST03"],
    what: "A settings text of an agent allows every tool or every command, or sets the mode in which nobody is asked.",
    why: "Whatever that agent reads may then run commands here.",
    instead: "List the commands that are needed, each with its arguments.",
    limits: "Only spellings of the best-known agents are found.",
    bad: "```json\n{ \"permissions\": { \"allow\": [\"*\"] } }\n```\n",
    alike: "```json\n{ \"permissions\": { \"allow\": [\"Bash(npm test)\", \"Read(*)\"] }, \"Action\": \"*\" }\n```\n",
    look: Look::Text(|unit| if unit.kind == Kind::Words { Vec::new() } else { found(&unit.text) }),
};

/// Settings without their blanks.
const LOOSE: &[&str] = &[
    "\"permissions\":{\"allow\":[\"*\"",
    "\"allow\":[\"Bash(*)\"",
    "\"allow\":[\"Bash\"",
    "\"defaultMode\":\"bypassPermissions\"",
    "\"permissionMode\":\"bypassPermissions\"",
    "\"permission_mode\":\"bypassPermissions\"",
    "approval_policy=\"never\"",
    "sandbox_mode=\"danger-full-access\"",
];

fn found(text: &str) -> Vec<(Span, String)> {
    if !text.contains("allow")
        && !text.contains("bypass")
        && !text.contains("approval_policy")
        && !text.contains("danger")
    {
        return Vec::new();
    }
    let mut places = Vec::new();
    let mut packed = String::new();
    for (at, c) in text.char_indices().filter(|(_, c)| !c.is_whitespace()) {
        packed.push(c);
        places.extend(std::iter::repeat_n(at, c.len_utf8()));
    }
    let mut all = Vec::new();
    for loose in LOOSE {
        for (at, _) in packed.match_indices(loose) {
            let start = places.get(at).copied().unwrap_or(0);
            let end = places.get(at + loose.len() - 1).copied().unwrap_or(start) + 1;
            all.push((Span { start, end }, format!("settings `{loose}` let an agent act without asking")));
        }
    }
    all
}
