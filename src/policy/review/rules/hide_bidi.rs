//! `hide.bidi`

use super::super::page::{Hit, Page};
use super::unseen::{Run, Unseen, hit, runs, tier, told};
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "hide.bidi",
    title: "characters that turn the direction of reading",
    weight: Weight::of_commands(Tier::Block, Tier::Confirm, Some(Tier::Warn)),
    owasp: &["AST01", "AST04"],
    what: "A mark that makes the text behind it be drawn in the other direction, where no text of such a script stands. In a word of a command it BLOCKs; one that turns a whole stretch is to be confirmed in code and a warning elsewhere.",
    why: "What a person reads is not what runs: the letters stand in another order (Boucher and Anderson, Trojan Source, 2021).",
    instead: "Delete it.",
    limits: "Marks in a line that has Hebrew, Arabic or another script of that direction are left alone, overrides excepted.",
    bad: "```sh\ncp file\u{202e}gpj.sh out/\n```\n",
    alike: "\u{200f}שלום\u{200f} (text) and \u{2067}مرحبا\u{2069} are fine.\n",
    look: Look::Page(look),
};

fn look(page: &Page<'_>) -> Vec<Hit> {
    let mut all = Vec::new();
    let (mut line, mut turned) = (0..0, false);
    for run in runs(page.text, Unseen::Direction) {
        if run.start >= line.end {
            line = line_around(page.text, run.start);
            turned = page.text.get(line.clone()).is_some_and(|line| line.chars().any(is_turned));
        }
        if turned && !overrides(page.text, &run) {
            continue;
        }
        let elsewhere =
            if page.is_code(run.start) && !turned && !is_mark(&run) { Tier::Confirm } else { Tier::Warn };
        let tier = if turned { Tier::Warn } else { tier(page, &run, elsewhere) };
        all.push(hit(&run, tier, format!("holds {}, which turns the direction of reading", told(&run))));
    }
    all
}

fn line_around(text: &str, at: usize) -> std::ops::Range<usize> {
    let start = text.get(..at).and_then(|text| text.rfind('\n')).map_or(0, |at| at + 1);
    let end = text.get(at..).and_then(|text| text.find('\n')).map_or(text.len(), |more| at + more);
    start..end
}

/// Whether a letter is read from right to left.
const fn is_turned(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{5ff}' | '\u{620}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

/// A mark that turns nothing but what stands beside it.
const fn is_mark(run: &Run) -> bool {
    matches!(run.first, '\u{61c}' | '\u{200e}' | '\u{200f}')
}

fn overrides(text: &str, run: &Run) -> bool {
    text.get(run.start..run.end).is_some_and(|text| text.contains(['\u{202d}', '\u{202e}']))
}
