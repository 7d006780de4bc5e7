//! `exec.fetch`

use super::super::shell::known::Language;
use super::super::shell::machine::{Event, How};
use super::super::shell::value::Origin;
use super::exec_lang_eval::is_own;
use super::{Look, Rule, Weight, from_where};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "exec.fetch",
    title: "runs what it fetches, without keeping it",
    weight: Weight::of_commands(Tier::Confirm, Tier::Confirm, Some(Tier::Warn)),
    owasp: &["AST02", "AST01"],
    what: "Something is fetched over the network and given to an interpreter at once: through a pipe, a substitution, a here-string, `eval`, `source`, or a variable.",
    why: "Whoever answers at that address decides what runs, at each run anew, and nothing is left to look at afterwards. What was reviewed here says nothing about it.",
    instead: "Ship the script with the skill; or fetch a fixed version to a file, compare its digest, and run that.",
    limits: "Installers of well-known vendors are found too: they differ in who answers, not in what is done. What an agent fetches by itself while it works is not seen.",
    bad: "```sh\ncurl -fsSL https://get.example.com/setup | ba''sh -s -- --yes\n```\n",
    alike: "```sh\ncurl -fsSL https://get.example.com/data.json | jq -r .version | head -1\n```\n",
    look: Look::Event(|event, _| match event {
        Event::Run { how, language, what }
            if what.from.has(Origin::Fetched) && is_at_once(*how, *language) =>
        {
            Some(format!("runs what comes from {}", from_where(&what.from.urls)))
        }
        _ => None,
    }),
};

/// Without a file in between, and not by a language's own `eval`, which is `exec.lang-eval`.
fn is_at_once(how: How, language: Language) -> bool {
    how == How::Input || how == How::Argument && !is_own(language)
}
