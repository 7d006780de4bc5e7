//! `hide.tag-characters`

use super::unseen::{Unseen, hit, runs, tier};
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;
use crate::model::text;

pub(super) static RULE: Rule = Rule {
    id: "hide.tag-characters",
    title: "text in letters that nothing draws",
    weight: Weight::of_commands(Tier::Block, Tier::Confirm, Some(Tier::Confirm)),
    owasp: &["AST01", "AST04"],
    what: "Tag characters, U+E0000 to U+E007F: a second alphabet without a shape. Three or more are to be confirmed, with what they spell.",
    why: "Models read them as the letters that they stand for; people see nothing at all. They have no use but this one, and flags of regions.",
    instead: "Delete them.",
    limits: "Flags of regions are left alone.",
    bad: "A note.\u{e0072}\u{e0075}\u{e006e}\u{e0020}\u{e0069}\u{e0074}\n",
    alike: "From Scotland 🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}.\n",
    look: Look::Page(|page| {
        let found = runs(page.text, Unseen::Tag);
        let found = found.iter().map(|run| {
            let elsewhere = if run.count >= 3 { Tier::Confirm } else { Tier::Warn };
            let spelt = text::escape_short(&run.spelt, 120);
            hit(
                run,
                tier(page, run, elsewhere),
                format!("holds {} letters that nobody sees: `{spelt}`", run.count),
            )
        });
        found.collect()
    }),
};
