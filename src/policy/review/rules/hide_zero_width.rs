//! `hide.zero-width`

use super::unseen::{Unseen, hit, runs, tier, told};
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

/// So many in a row are no slip of an editor: they carry something.
const MANY: usize = 8;

pub(super) static RULE: Rule = Rule {
    id: "hide.zero-width",
    title: "characters that take no room",
    weight: Weight::of_commands(Tier::Block, Tier::Confirm, Some(Tier::Confirm)),
    owasp: &["AST01", "AST04"],
    what: "A character that nothing is drawn for: a space or joiner without width, a filler, many variation marks in a row. In a word of a command it BLOCKs; eight in a row are to be confirmed; one in a sentence is a warning.",
    why: "A person does not see it, a model reads it and a filter stumbles over it: it splits a word that a filter looks for, or carries text in its own code.",
    instead: "Delete it. Editors show such characters if they are asked to.",
    limits: "What emoji, flags and the scripts that join letters need is left alone, as are a mark at the start of a file, soft hyphens, and single variation marks.",
    bad: "```sh\ncu\u{200b}rl -o x https://example.com/x\n```\n",
    alike: "A family 👨\u{200d}👩\u{200d}👧 and a heart ❤\u{fe0f}, می\u{200c}خواهم, and a long auto\u{ad}matic word.\n\n```sh\necho \"done ✔\u{fe0f}\"\n```\n",
    look: Look::Page(|page| {
        let found = runs(page.text, Unseen::Zero);
        let found = found.iter().map(|run| {
            let elsewhere = if run.count >= MANY { Tier::Confirm } else { Tier::Warn };
            hit(run, tier(page, run, elsewhere), format!("holds {} that nobody sees", told(run)))
        });
        found.collect()
    }),
};
