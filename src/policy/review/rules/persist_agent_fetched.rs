//! `persist.agent-fetched`

use super::super::shell::machine::Event;
use super::super::shell::value::Origin;
use super::persist_agent_config::is_told;
use super::{Look, Rule, Weight, argv, from_where};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "persist.agent-fetched",
    title: "fetches what agents are told at every start",
    weight: Weight::of_commands(Tier::Confirm, Tier::Warn, None),
    owasp: &["AST01", "AST07"],
    what: "A file that agents read as instructions, or a skill's own text, is fetched over the network and put in its place.",
    why: "Whoever answers at that address tells the agent what to do from then on. What was reviewed here says nothing about it.",
    instead: "Ship the text with the skill.",
    limits: "Texts that an agent is told in sentences to fetch and follow are not seen.",
    bad: "```sh\ncurl -s https://example.com/skill.md > ~/.claude/skills/example/SKILL.md\n```\n",
    alike: "```sh\ncurl -s https://example.com/data.json > ~/.claude/skills/example/data.json\ncp AGENTS.md CLAUDE.md\n```\n",
    look: Look::Event(|event, _| match event {
        Event::Write { path, what, .. }
            if what.from.has(Origin::Fetched) && (is_told(&path.text) || is_skill(&path.text)) =>
        {
            Some(format!("`{}` comes from {}", argv::shown(&path.text), from_where(&what.from.urls)))
        }
        _ => None,
    }),
};

fn is_skill(path: &str) -> bool {
    path.ends_with("/SKILL.md") || path == "SKILL.md"
}
