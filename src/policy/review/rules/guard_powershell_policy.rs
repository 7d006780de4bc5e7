//! `guard.powershell-policy`

use super::super::shell::machine::Event;
use super::argv;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "guard.powershell-policy",
    title: "has PowerShell run scripts that it would refuse",
    weight: Weight::of_commands(Tier::Warn, Tier::Note, None),
    owasp: &["AST01"],
    what: "The execution policy is set to `Bypass` or `Unrestricted`, for one call or for good.",
    why: "The policy is what keeps a script that was fetched from being started by mistake.",
    instead: "Sign the script, or use `RemoteSigned`.",
    limits: "Policies set in the registry by other means are not seen.",
    bad: "```sh\npowershell -NoProfile -ExecutionPolicy Bypass -File setup.ps1\n```\n",
    alike: "```sh\npwsh -NoProfile -File setup.ps1\nGet-ExecutionPolicy -List\n```\n",
    look: Look::Event(|event, _| match event {
        Event::Call { name, argv, .. }
            if matches!(name.as_str(), "powershell" | "pwsh" | "set-executionpolicy") =>
        {
            let loose = |text: &str| matches!(text.to_ascii_lowercase().as_str(), "bypass" | "unrestricted");
            let option = |text: &str| {
                let low = text.to_ascii_lowercase();
                low == "-ep" || low.len() > 2 && "-executionpolicy".starts_with(&low)
            };
            let given = argv
                .windows(2)
                .find(|pair| option(&pair[0].text) && loose(&pair[1].text))
                .map(|pair| &pair[1]);
            let set = (name == "set-executionpolicy")
                .then(|| argv.iter().skip(1).find(|word| loose(&word.text)))
                .flatten();
            given.or(set).map(|word| format!("sets the execution policy to `{}`", argv::shown(&word.text)))
        }
        _ => None,
    }),
};
