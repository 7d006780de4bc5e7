//! `exec.fetch.file`

use super::super::shell::machine::{Event, How};
use super::super::shell::value::Origin;
use super::{Look, Rule, Weight, from_where};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "exec.fetch.file",
    title: "fetches a file and runs it",
    weight: Weight::of_commands(Tier::Confirm, Tier::Confirm, Some(Tier::Warn)),
    owasp: &["AST02"],
    what: "A file that was fetched, or that was unpacked out of an archive that was fetched, is started, sourced, or given to an interpreter, here or in another place of the skill.",
    why: "It is a download that runs, in two steps. Nothing says that it is the file its author meant.",
    instead: "Fetch a fixed version and compare its digest before it is run; better, install it from a registry that pins it.",
    limits: "A digest that is compared in between is not taken into account.",
    bad: "```sh\ncurl -fsSLo tool https://example.com/tool\nchmod +x tool\n```\n\nThen:\n\n```sh\n./tool --init\n```\n",
    alike: "```sh\ncurl -fsSLo data.json https://example.com/data.json\njq . data.json\n./scripts/show.sh data.json\n```\n",
    look: Look::Event(|event, _| match event {
        Event::Run { how: How::File | How::Started, what, .. } if what.from.has(Origin::Fetched) => {
            Some(format!("runs a file that came from {}", from_where(&what.from.urls)))
        }
        _ => None,
    }),
};
