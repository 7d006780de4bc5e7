//! Phrases in sentences, as rules ask for them.
//!
//! A phrase is words in a row: `ignore|forget [all|the] previous *2 rules`, which
//! is one of `ignore` and `forget`, then any number of `all` and `the`, then
//! `previous`, then at most two words whatever they are, then `rules`. Case,
//! spaces, marks and characters that nobody sees do not count; letters that look
//! Latin count as Latin. No phrase goes beyond the end of a sentence.
//!
//! Time is linear: a word is looked up once, and what is tried from there on is bounded.

use crate::model::text::is_hidden;
use std::collections::HashMap;

/// Words of a slot that may be repeated.
const REPEATED: usize = 4;
/// How far before a phrase words are looked for that say it is an example.
const BEFORE: usize = 14;
/// How far behind it.
const BEHIND: usize = 8;

/// What text about such phrases says around them.
const TALK: &[&str] = &[
    "example",
    "examples",
    "eg",
    "such",
    "phrase",
    "phrases",
    "phrasing",
    "pattern",
    "patterns",
    "detect",
    "detects",
    "detected",
    "detection",
    "attack",
    "attacks",
    "attacker",
    "attackers",
    "injection",
    "injections",
    "inject",
    "injected",
    "payload",
    "payloads",
    "malicious",
    "jailbreak",
    "jailbreaks",
    "attempt",
    "attempts",
    "adversarial",
    "suspicious",
    "untrusted",
    "contains",
    "containing",
    "saying",
    "says",
    "flag",
    "flags",
    "looks",
    "trick",
    "tricks",
    "hijack",
    "poisoned",
    "poisoning",
    "threat",
    "threats",
    "vulnerable",
    "exfiltration",
    "smuggling",
    "rejected",
    "refuse",
    "block",
];

/// One word of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct One {
    low: (usize, usize),
    at: (usize, usize),
    /// Inside of quotation marks.
    quoted: bool,
    /// The last one of its sentence.
    last: bool,
}

/// The words of a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    low: String,
    all: Vec<One>,
}

impl Words {
    /// Takes a text apart.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let (mut words, mut quoted, mut begun) = (Self::default(), false, None);
        let mut ended = '\0';
        for (at, c) in text.char_indices() {
            let letter = c.is_alphanumeric()
                || (is_hidden(c) && !c.is_whitespace() && !c.is_control())
                || c == '\''
                || c == '’';
            if letter {
                ended = c;
                if begun.is_none() && (c == '\'' || c == '’') {
                    continue;
                }
                begun.get_or_insert((words.low.len(), at));
                words.push(c);
                continue;
            }
            words.end(&mut begun, at, quoted);
            match c {
                '"' => quoted = !quoted,
                '“' | '«' | '„' => quoted = true,
                '”' | '»' => quoted = false,
                '\n' if ended == '\n' => quoted = false,
                _ => {}
            }
            let stop = matches!(ended, '.' | '!' | '?') && c.is_whitespace()
                || c == '\n' && ended == '\n'
                || c == '|';
            if stop && let Some(word) = words.all.last_mut() {
                word.last = true;
            }
            ended = c;
        }
        words.end(&mut begun, text.len(), quoted);
        words
    }

    fn push(&mut self, c: char) {
        match c {
            'а' | 'А' => self.low.push('a'),
            'е' | 'Е' => self.low.push('e'),
            'о' | 'О' | 'ο' => self.low.push('o'),
            'р' | 'Р' => self.low.push('p'),
            'с' | 'С' => self.low.push('c'),
            'х' | 'Х' => self.low.push('x'),
            'у' | 'У' => self.low.push('y'),
            'і' | 'І' | 'ι' => self.low.push('i'),
            c if c.is_ascii() => self.low.push(c.to_ascii_lowercase()),
            c if is_hidden(c) || c == '’' => {}
            c => self.low.extend(c.to_lowercase()),
        }
        if self.low.ends_with('\'') {
            self.low.pop();
        }
    }

    fn end(&mut self, begun: &mut Option<(usize, usize)>, at: usize, quoted: bool) {
        if let Some((low, start)) = begun.take()
            && low < self.low.len()
        {
            self.all.push(One { low: (low, self.low.len()), at: (start, at), quoted, last: false });
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// The word of this number.
    #[must_use]
    pub fn word(&self, index: usize) -> &str {
        self.all.get(index).and_then(|one| self.low.get(one.low.0..one.low.1)).unwrap_or_default()
    }

    /// Where it begins.
    #[must_use]
    pub fn start(&self, index: usize) -> usize {
        self.all.get(index).map_or(0, |one| one.at.0)
    }

    /// Whether one of these stands among that many words around this one, on either side.
    #[must_use]
    pub fn near(&self, index: usize, before: usize, behind: usize, sought: &[&str]) -> bool {
        (index.saturating_sub(before)..(index + behind).min(self.count()))
            .any(|at| sought.contains(&self.word(at)))
    }

    /// Whether a phrase is quoted, or text about such phrases.
    #[must_use]
    pub fn is_talk(&self, found: &Found) -> bool {
        let around = found.first.saturating_sub(BEFORE)..(found.first + BEHIND).min(self.count());
        // `example.com` is a host.
        let host =
            |at: usize| self.word(at) == "example" && matches!(self.word(at + 1), "com" | "org" | "net");
        let mut talk = around.filter(|at| TALK.contains(&self.word(*at)) && !host(*at));
        self.all.get(found.first).is_some_and(|one| one.quoted) || talk.next().is_some()
    }
}

/// A phrase that was found: its first word, and where it stands in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Number of its first word.
    pub first: usize,
    /// First byte.
    pub start: usize,
    /// One behind the last.
    pub end: usize,
}

enum Slot {
    One(Vec<&'static str>),
    Some(Vec<&'static str>),
    Any(usize),
}

/// Phrases, by their first word.
pub struct Phrases {
    all: Vec<Vec<Slot>>,
    first: HashMap<&'static str, Vec<usize>>,
}

impl Phrases {
    /// Reads them. A phrase begins with a word that must be there.
    #[must_use]
    pub fn new(phrases: &[&'static str]) -> Self {
        let slot = |text: &'static str| {
            let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
            match (inner, text.strip_prefix('*')) {
                (Some(inner), _) => Slot::Some(inner.split('|').collect()),
                (_, Some(count)) => Slot::Any(count.parse().unwrap_or(1)),
                _ => Slot::One(text.split('|').collect()),
            }
        };
        let all: Vec<Vec<Slot>> =
            phrases.iter().map(|phrase| phrase.split_whitespace().map(slot).collect()).collect();
        let mut first: HashMap<_, Vec<_>> = HashMap::new();
        for (index, phrase) in all.iter().enumerate() {
            if let Some(Slot::One(words)) = phrase.first() {
                for word in words {
                    first.entry(*word).or_default().push(index);
                }
            }
        }
        Self { all, first }
    }

    /// Where they stand in a text, each place once.
    #[must_use]
    pub fn find(&self, words: &Words) -> Vec<Found> {
        let mut found: Vec<Found> = Vec::new();
        for first in 0..words.count() {
            let Some(phrases) = self.first.get(words.word(first)) else { continue };
            let start = words.start(first);
            if found.last().is_some_and(|last| start < last.end) {
                continue;
            }
            let last = phrases.iter().filter_map(|phrase| fits(self.all.get(*phrase)?, words, first)).max();
            if let Some(last) = last
                && let Some(one) = words.all.get(last)
            {
                found.push(Found { first, start, end: one.at.1 });
            }
        }
        found
    }
}

/// The last word of a phrase that begins at this one.
fn fits(slots: &[Slot], words: &Words, at: usize) -> Option<usize> {
    let Some((slot, rest)) = slots.split_first() else { return at.checked_sub(1) };
    // Between two words of a phrase no sentence ends.
    let goes_on =
        |at: usize| at == 0 || words.all.get(at - 1).is_some_and(|one| !one.last) && at < words.count();
    let ended = |at: usize| rest.is_empty() || goes_on(at);
    match slot {
        Slot::One(list) => {
            (list.contains(&words.word(at)) && ended(at + 1)).then(|| fits(rest, words, at + 1)).flatten()
        }
        Slot::Some(list) => {
            let many = (0..REPEATED)
                .take_while(|more| list.contains(&words.word(at + more)) && goes_on(at + more + 1))
                .count();
            (0..=many).rev().find_map(|more| fits(rest, words, at + more))
        }
        Slot::Any(most) => (0..=*most)
            .take_while(|more| *more == 0 || goes_on(at + more))
            .find_map(|more| fits(rest, words, at + more)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Phrases, Words};

    fn found(text: &str) -> Vec<&str> {
        let phrases = Phrases::new(&["ignore|forget [all|the] previous *2 rules", "do not tell"]);
        phrases.find(&Words::new(text)).into_iter().map(|found| &text[found.start..found.end]).collect()
    }

    #[test]
    fn words_in_a_row_whatever_stands_between_them() {
        assert_eq!(found("Please IGNORE  all\nthe previous rules."), ["IGNORE  all\nthe previous rules"]);
        assert_eq!(
            found("ig\u{200b}nore *previous* house and rules"),
            ["ig\u{200b}nore *previous* house and rules"]
        );
        assert_eq!(
            found("f\u{43e}rget previous rules; do - not - tell"),
            ["f\u{43e}rget previous rules", "do - not - tell"]
        );
    }

    #[test]
    fn a_phrase_ends_with_its_sentence() {
        assert!(found("Ignore all. Previous rules hold. Do not. Tell me.").is_empty());
        assert!(found("ignore previous one two three rules").is_empty());
        assert!(found("previous rules").is_empty());
        assert_eq!(
            found("forget previous a.md rules"),
            ["forget previous a.md rules"],
            "a name with a dot ends nothing"
        );
    }

    #[test]
    fn what_is_quoted_or_talked_about_is_told() {
        let talk = |text: &str| {
            let words = Words::new(text);
            Phrases::new(&["do not tell"]).find(&words).iter().all(|found| words.is_talk(found))
        };
        assert!(talk("He wrote \"do not tell\" and left"));
        assert!(talk("Attackers write: do not tell"));
        assert!(!talk("It's \"fine\". Now do not tell"));
    }
}
