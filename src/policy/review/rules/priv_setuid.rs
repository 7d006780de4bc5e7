//! `priv.setuid`

use super::super::shell::machine::Event;
use super::argv;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "priv.setuid",
    title: "has a program run as another account than who starts it",
    weight: Weight::of_commands(Tier::Confirm, Tier::Warn, None),
    owasp: &["AST03"],
    what: "A program gets the set-user-id or set-group-id bit, or a capability of the administrator.",
    why: "Whoever may start it acts with rights that are not theirs.",
    instead: "Start it through `sudo`, so that it is asked for and logged.",
    limits: "Modes that only a run would tell are not seen. Folders with the set-group-id bit alone are left alone.",
    bad: "```sh\nchmod u+s ./helper\n```\n",
    alike: "```sh\nchmod +x ./helper\nchmod 0755 ./helper\nchmod 2775 shared\n```\n",
    look: Look::Event(|event, _| match event {
        Event::Call { name, argv, .. } if matches!(name.as_str(), "chmod" | "setcap") => {
            let mode = argv::operands(argv).next().unwrap_or_default();
            let set = match name.as_str() {
                "setcap" => ["cap_setuid", "cap_sys_admin", "cap_dac_override", "cap_setgid"]
                    .iter()
                    .any(|cap| mode.contains(cap)),
                _ => {
                    mode.contains("u+s")
                        || mode.contains("+s") && !mode.contains("g+s")
                        || mode.len() == 4
                            && mode.starts_with(['4', '6'])
                            && mode.chars().all(|c| c.is_digit(8))
                }
            };
            set.then(|| format!("calls `{name} {}`", argv::shown(mode)))
        }
        _ => None,
    }),
};
