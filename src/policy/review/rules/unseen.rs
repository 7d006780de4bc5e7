//! Characters that nobody sees, as three rules ask for them.

use super::super::page::{Hit, Page};
use crate::model::card::is_honest_joiner;
use crate::model::finding::{Context, Tier};
use crate::model::text::is_hidden;

/// Of which kind a character is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unseen {
    /// It takes no room.
    Zero,
    /// It changes the direction of reading.
    Direction,
    /// It spells in letters of its own that nothing draws.
    Tag,
}

/// The kind, if it is one. Line breaks, private use and terminal codes are none.
const fn kind(c: char) -> Option<Unseen> {
    match c {
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            Some(Unseen::Direction)
        }
        '\u{e0000}'..='\u{e007f}' => Some(Unseen::Tag),
        '\u{ad}'
        | '\u{34f}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200d}'
        | '\u{2060}'..='\u{2064}'
        | '\u{206a}'..='\u{206f}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0100}'..='\u{e01ef}' => Some(Unseen::Zero),
        _ => None,
    }
}

/// Some in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    /// First byte.
    pub start: usize,
    /// One behind the last.
    pub end: usize,
    /// How many.
    pub count: usize,
    /// The first of them.
    pub first: char,
    /// What tags spell.
    pub spelt: String,
}

/// All runs of a kind that have no honest use where they stand.
#[must_use]
pub(super) fn runs(text: &str, sought: Unseen) -> Vec<Run> {
    let mut all: Vec<Run> = Vec::new();
    if text.is_ascii() {
        return all;
    }
    let (mut before, mut flag, mut chars) = (None, 0_usize, text.char_indices().peekable());
    while let Some((at, c)) = chars.next() {
        let after = chars.peek().map(|(_, c)| *c);
        // Attack: a whole text behind a flag. The longest region has six letters, and an end.
        let of_flag = matches!(c, '\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}' | '\u{e007f}');
        flag = if c == '\u{1f3f4}' {
            8
        } else if of_flag {
            flag.saturating_sub(1)
        } else {
            0
        };
        let honest = || match sought {
            Unseen::Zero => {
                at == 0 && c == '\u{feff}'
                    || is_honest_joiner(before, c, after)
                    || is_layout(before, c, after)
            }
            Unseen::Tag => flag > 0,
            Unseen::Direction => false,
        };
        if kind(c) == Some(sought) && !honest() {
            let spelt =
                char::from_u32((c as u32).wrapping_sub(0xe0000)).filter(|c| !c.is_control() && c.is_ascii());
            match all.last_mut().filter(|run| run.end == at) {
                Some(run) => {
                    run.end = at + c.len_utf8();
                    run.count += 1;
                    run.spelt.extend(spelt);
                }
                None => all.push(Run {
                    start: at,
                    end: at + c.len_utf8(),
                    count: 1,
                    first: c,
                    spelt: spelt.into_iter().collect(),
                }),
            }
        }
        before = Some(c);
    }
    all
}

/// What sets lines and letters and hides nothing: one variation mark alone, a
/// soft hyphen in a word, a place for a line to break in scripts without spaces.
fn is_layout(before: Option<char>, c: char, after: Option<char>) -> bool {
    let letter = |c: Option<char>| c.is_some_and(char::is_alphabetic);
    let foreign = |c: Option<char>| c.is_some_and(|c| !c.is_ascii() && !is_hidden(c));
    let alone =
        |c: Option<char>| c.is_none_or(|c| !matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}'));
    match c {
        '\u{fe00}'..='\u{fe0f}' => alone(before) && alone(after),
        '\u{e0100}'..='\u{e01ef}' => {
            before.is_some_and(|c| ('\u{2e80}'..='\u{3ffff}').contains(&c)) && alone(after)
        }
        '\u{ad}' => letter(before) && letter(after),
        '\u{200b}' | '\u{2060}' | '\u{200c}' | '\u{180b}'..='\u{180f}' => foreign(before) && foreign(after),
        _ => false,
    }
}

/// How heavy a run is where it stands: what a shell takes for part of a word weighs most.
#[must_use]
pub(super) fn tier(page: &Page<'_>, run: &Run, elsewhere: Tier) -> Tier {
    match page.area(run.start).0 {
        Context::Prose | Context::File => elsewhere,
        _ => match page.command_word(run.start) {
            Some(word) if word.first || bare(page, word.span.start, word.span.end) => Tier::Block,
            Some(_) => Tier::Confirm.min(elsewhere.max(Tier::Warn)),
            None => elsewhere,
        },
    }
}

/// Whether a word is neither quoted nor a long text.
fn bare(page: &Page<'_>, start: usize, end: usize) -> bool {
    let word = page.text.get(start..end).unwrap_or_default();
    word.len() < 4096 && !word.contains(['"', '\'', '`', ' '])
}

/// A run in words.
#[must_use]
pub(super) fn told(run: &Run) -> String {
    let name = format!("U+{:04X}", run.first as u32);
    if run.count == 1 { name } else { format!("{} characters from {name} on", run.count) }
}

/// A hit at a run.
#[must_use]
pub(super) fn hit(run: &Run, tier: Tier, message: String) -> Hit {
    Hit::new(run.start, run.end, tier, message)
}
