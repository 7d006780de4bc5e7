//! `meta.too-much`

use super::super::shell::tree::{Fault, Span};
use super::super::unit::Unit;
use super::{Followed, Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "meta.too-much",
    title: "commands that were not followed to their end",
    weight: Weight::of_commands(Tier::Confirm, Tier::Confirm, Some(Tier::Confirm)),
    owasp: &["AST08"],
    what: "Reading or following a text came to a limit: too many steps, too much text, or one in another too deep.",
    why: "What stands behind the limit was not looked at. That must not pass for clean.",
    instead: "Write it shorter, and without loops inside of loops over long lists.",
    limits: "Nobody but a machine writes such a text.",
    bad: "```sh\nx='1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16'\nfor a in $x; do for b in $x; do for c in $x; do for d in $x; do echo $a; echo $d; done; done; done; done\n```\n",
    alike: "```sh\nfor a in 1 2 3; do for b in 1 2 3; do echo $a $b; done; done\n```\n",
    look: Look::Followed(told),
};

fn told(unit: &Unit, followed: &Followed) -> Vec<(Span, String)> {
    let last = unit.text.len().saturating_sub(1);
    let at = |at: usize| {
        let start = unit.text.floor_char_boundary(at.min(last));
        Span { start, end: (start + 1).min(unit.text.len()) }
    };
    let deep = followed.faults.iter().find(|(fault, _)| *fault == Fault::Deep);
    match deep {
        Some((_, place)) => vec![(at(*place), "nested deeper than is followed".to_owned())],
        None if followed.cut => vec![(at(0), "too much to follow to its end".to_owned())],
        None => Vec::new(),
    }
}
