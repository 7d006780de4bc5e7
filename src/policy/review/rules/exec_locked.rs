//! `exec.locked`

use super::super::shell::machine::Event;
use super::super::shell::value::Origin;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "exec.locked",
    title: "runs what came out of an archive with a password",
    weight: Weight::of_commands(Tier::Block, Tier::Warn, None),
    owasp: &["AST01"],
    what: "What was unpacked with a password on the command line is started, sourced, or given to an interpreter.",
    why: "The password kept every scanner from looking at what runs.",
    instead: "Ship the files as they are.",
    limits: "Which file of the archive is started is not known: any that is named by a relative path counts.",
    bad: "```sh\nunzip -P helper helper.zip\n./helper --init\n```\n",
    alike: "```sh\nunzip helper.zip\n./helper --init\n```\n",
    look: Look::Event(|event, _| match event {
        Event::Run { what, .. } if what.from.has(Origin::Locked) => {
            Some("runs what came out of an archive that was opened with a password".to_owned())
        }
        _ => None,
    }),
};
