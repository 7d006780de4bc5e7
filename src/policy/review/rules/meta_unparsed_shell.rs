//! `meta.unparsed-shell`

use super::super::shell::tree::{Fault, Span};
use super::super::unit::Unit;
use super::{Followed, Look, Rule, Weight};
use crate::model::finding::{Context, Tier};

pub(super) static RULE: Rule = Rule {
    id: "meta.unparsed-shell",
    title: "commands that a shell would not read so",
    weight: Weight {
        run: Some(Tier::Confirm),
        fence: Some(Tier::Note),
        inline: None,
        prose: None,
        file: None,
    },
    owasp: &["AST08"],
    what: "Something in commands has no end or no beginning, or ends where nothing began.",
    why: "What was read may then be another thing than what a shell reads, and what was not found may be there.",
    instead: "Write it so that `bash -n` has nothing to say.",
    limits: "One place is told for each piece. In blocks of commands, which are often templates, it is a note.",
    bad: "=== run.sh ===\nif true; then echo \"hi\n",
    alike: "=== run.sh ===\nif true; then echo \"hi\"; fi\n",
    look: Look::Followed(told),
};

fn told(unit: &Unit, followed: &Followed) -> Vec<(Span, String)> {
    if matches!(unit.context, Context::Call | Context::Inline | Context::Prose) {
        return Vec::new();
    }
    // What is nested too deep is `meta.too-much`.
    let plain = |(fault, _): &&(Fault, usize)| *fault != Fault::Deep;
    let Some((fault, at)) = followed.faults.iter().filter(plain).min_by_key(|(_, at)| *at) else {
        return Vec::new();
    };
    let told = match fault {
        Fault::Open => "something that begins here or before has no end",
        Fault::Stray | Fault::Deep => "something ends here that did not begin",
    };
    let at = unit.text.floor_char_boundary((*at).min(unit.text.len().saturating_sub(1)));
    vec![(Span { start: at, end: at + 1 }, told.to_owned())]
}
