//! `guard.agent-permission`

use super::super::shell::machine::Event;
use super::argv;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "guard.agent-permission",
    title: "starts an agent that asks nobody",
    weight: Weight::of_commands(Tier::Confirm, Tier::Warn, None),
    owasp: &["AST03"],
    what: "A coding agent is started with the option that switches its questions or its sandbox off, such as `--dangerously-skip-permissions`, `--yolo` or `--trust-all-tools`.",
    why: "Whatever that agent reads may then run commands here, and nobody is asked.",
    instead: "Name the tools that it may use, and leave its questions on.",
    limits: "Options of agents that are not known here are not seen; nor are settings files: see `guard.agent-settings`.",
    bad: "```sh\nclaude --dangerously-skip-permissions -p \"fix the tests\"\n```\n",
    alike: "```sh\nclaude -p \"fix the tests\" --allowedTools Read,Grep\ngit grep -n yolo\n```\n",
    look: Look::Event(|event, _| match event {
        Event::Call { name, argv, .. } if !matches!(name.as_str(), "echo" | "grep" | "rg" | "printf") => {
            let words = || argv.iter().skip(1).map(|word| word.text.as_str());
            let one = words().find(|word| OFF.contains(word)).map(str::to_owned);
            let mode = argv::behind(argv, &["--permission-mode", "--approval-mode"]);
            let mode = mode.filter(|mode| matches!(*mode, "bypassPermissions" | "yolo")).map(str::to_owned);
            one.or(mode).map(|how| format!("starts `{name}` with `{}`", argv::shown(&how)))
        }
        _ => None,
    }),
};

/// Options of agents that switch their questions off.
const OFF: &[&str] = &[
    "--dangerously-skip-permissions",
    "--allow-dangerously-skip-permissions",
    "--dangerously-bypass-approvals-and-sandbox",
    "--dangerously-allow-all",
    "--yolo",
    "--trust-all-tools",
    "--allow-all-tools",
    "--yes-always",
];
