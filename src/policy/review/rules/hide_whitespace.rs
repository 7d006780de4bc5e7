//! `hide.whitespace`

use super::super::page::{Hit, Page};
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

/// So far to the right no window reaches.
const WIDE: usize = 200;
/// So many lines no window shows.
const TALL: usize = 60;

pub(super) static RULE: Rule = Rule {
    id: "hide.whitespace",
    title: "text that is pushed out of sight",
    weight: Weight::of_commands(Tier::Confirm, Tier::Confirm, Some(Tier::Warn)),
    owasp: &["AST01"],
    what: "Text behind more than 200 spaces in its line, or below more than 60 empty lines.",
    why: "Who scrolls through a file does not see it; what reads the file does.",
    instead: "Close the gap.",
    limits: "Cells of tables are left alone, as is what stands that far to the right because it is nested or long.",
    bad: "```sh\necho ok                                                                                                                                                                                                                        ; ./more.sh\n```\n",
    alike: "| name                                                                                                                                                                                                                          | text |\n|---|---|\n\n\n\nEnd.\n",
    look: Look::Page(look),
};

fn look(page: &Page<'_>) -> Vec<Hit> {
    let (mut all, mut at, mut empty) = (Vec::new(), 0, 0);
    for line in page.text.split_inclusive('\n') {
        let trimmed = line.trim_end();
        if trimmed.is_empty() {
            empty += 1;
            at += line.len();
            continue;
        }
        let tier = if page.is_code(at) { Tier::Confirm } else { Tier::Warn };
        if empty > TALL && at > empty {
            all.push(Hit::new(at, at + trimmed.len(), tier, format!("text below {empty} empty lines")));
        }
        empty = 0;
        if trimmed.len() > WIDE && !trimmed.trim_start().starts_with(['|', '+', '│', '║']) {
            all.extend(gap(trimmed).map(|(from, count)| {
                Hit::new(at + from, at + trimmed.len(), tier, format!("text behind {count} spaces"))
            }));
        }
        at += line.len();
    }
    all
}

/// The first wide gap in a line: where the text behind it begins, and how wide it is.
/// One at the start must be wider by far: that is how nested text looks.
fn gap(line: &str) -> Option<(usize, usize)> {
    let (mut width, mut seen) = (0, false);
    for (at, c) in line.char_indices() {
        if c == '\t' {
            width += 4;
        } else if c.is_whitespace() || c == '\u{2800}' {
            width += 1;
        } else {
            if width > WIDE && (seen || width > 2 * WIDE) && !matches!(c, '|' | '"' | '│' | '\\') {
                return Some((at, width));
            }
            (width, seen) = (0, true);
        }
    }
    None
}
