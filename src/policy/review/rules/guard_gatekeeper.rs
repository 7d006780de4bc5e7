//! `guard.gatekeeper`

use super::super::shell::machine::Event;
use super::argv;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "guard.gatekeeper",
    title: "switches off what looks at programs before they start",
    weight: Weight::of_commands(Tier::Confirm, Tier::Warn, None),
    owasp: &["AST01"],
    what: "`spctl` is told to let everything pass or to let a program pass, `csrutil` to disable, or `LSQuarantine` to be false.",
    why: "From then on macOS starts what nobody signed, from anywhere, for this and every other program.",
    instead: "Sign and notarise the program; tell people to open it once by hand.",
    limits: "Asking for an assessment (`spctl --assess`, `--status`) is left alone.",
    bad: "```sh\nsudo spctl --master-disable\n```\n",
    alike: "```sh\nspctl --assess --verbose /Applications/Helper.app\ncsrutil status\n```\n",
    look: Look::Event(|event, _| match event {
        Event::Call { name, argv, .. } if matches!(name.as_str(), "spctl" | "csrutil" | "defaults") => {
            let words: Vec<&str> = argv.iter().skip(1).map(|word| word.text.as_str()).collect();
            let off = match name.as_str() {
                "spctl" => argv::has(argv, &["--master-disable", "--global-disable", "--disable", "--add"]),
                "csrutil" => words.first() == Some(&"disable"),
                _ => words.first() == Some(&"write") && words.contains(&"LSQuarantine"),
            };
            off.then(|| format!("calls `{}`", argv::shown(&format!("{name} {}", words.join(" ")))))
        }
        _ => None,
    }),
};
