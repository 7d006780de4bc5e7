//! `explain`: what a rule or a code means.

use crate::model::card::{CardRule, NoteKind};
use crate::model::code::Code;
use crate::model::finding::{Context, Tier};
use crate::model::limits::Rule as EntryRule;
use crate::model::path::NameFault;
use crate::model::text;
use crate::policy::review::rules::{RULES, Rule};

/// What is known about a rule of the review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// Its stable id.
    pub id: &'static str,
    /// In one line.
    pub title: &'static str,
    /// Entries of the OWASP Agentic Skills Top 10 that it belongs to.
    pub owasp: &'static [&'static str],
    /// What is found.
    pub what: &'static str,
    /// Why that matters.
    pub why: &'static str,
    /// What an author does instead.
    pub instead: &'static str,
    /// What it does not find, or leaves alone.
    pub limits: &'static str,
    /// How much it weighs in each kind of text: at most, since some rules weigh less by themselves.
    pub weights: [Option<Tier>; 5],
}

/// The kinds of text of [`About::weights`], for people.
pub const KINDS: [&str; 5] = [
    "scripts and install commands",
    "blocks of commands",
    "code in a sentence",
    "sentences",
    "a file as a whole",
];

impl About {
    fn of(rule: &'static Rule) -> Self {
        let kinds = [Context::Script, Context::Fence, Context::Inline, Context::Prose, Context::File];
        let Rule { id, title, owasp, what, why, instead, limits, .. } = *rule;
        let weights = kinds.map(|kind| rule.weight.of(kind));
        Self { id, title, owasp, what, why, instead, limits, weights }
    }

    /// The most that it weighs anywhere.
    #[must_use]
    pub fn heaviest(&self) -> Tier {
        self.weights.iter().flatten().max().copied().unwrap_or(Tier::Note)
    }
}

/// A code of a refusal, a failure, or of what no skill may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meaning {
    /// The stable code.
    pub code: &'static str,
    /// What it means.
    pub what: String,
    /// What to do about it, where that is always the same.
    pub instead: Option<&'static str>,
    /// The exit code that it leads to by itself.
    pub exit: Option<u8>,
    /// What kind of code it is.
    pub kind: &'static str,
}

/// What something that was asked about is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A rule.
    Rule(About),
    /// A code.
    Code(Meaning),
}

/// Every rule, by id.
#[must_use]
pub fn rules() -> Vec<About> {
    RULES.iter().map(|rule| About::of(rule)).collect()
}

/// The rule of this id.
#[must_use]
pub fn rule(id: &str) -> Option<About> {
    crate::policy::review::rules::rule(id).map(About::of)
}

/// Every code: of refusals and failures, of entries, names and cards.
#[must_use]
pub fn codes() -> Vec<Meaning> {
    let mut all: Vec<_> = Code::ALL
        .iter()
        .map(|code| Meaning {
            code: code.as_str(),
            what: code.summary().to_owned(),
            instead: None,
            exit: Some(code.exit() as u8),
            kind: "refusal or failure",
        })
        .collect();
    let of = |code, what: String, instead, kind| Meaning { code, what, instead, exit: None, kind };
    all.extend(
        EntryRule::examples()
            .iter()
            .map(|rule| of(rule.code(), sentence(&rule.to_string()), Some(ENTRY), "what no skill may hold")),
    );
    all.extend(NameFault::ALL.iter().map(|fault| {
        of(
            fault.code(),
            sentence(&format!("A name in the skill: {fault}")),
            Some(ENTRY),
            "what no skill may hold",
        )
    }));
    all.extend(CardRule::ALL.iter().map(|rule| {
        of(rule.code(), sentence(rule.what()), Some(rule.advice()), "what no front matter may hold")
    }));
    all.extend(NoteKind::ALL.iter().map(|kind| {
        of(kind.code(), sentence(kind.what()), Some(kind.advice()), "taken, and shown in the review")
    }));
    all
}

/// What an author does about any entry that no skill may hold.
const ENTRY: &str = "Make it a plain file or folder of a plain name, or leave it out.";

/// Words of a table as a sentence.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    let end = if words.ends_with('.') { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

/// What an id means.
#[must_use]
pub fn find(id: &str) -> Option<Found> {
    let code = || codes().into_iter().find(|meaning| meaning.code == id).map(Found::Code);
    rule(id).map(Found::Rule).or_else(code)
}

/// Ids that a person may have meant.
#[must_use]
pub fn near(typed: &str) -> Vec<&'static str> {
    let typed = typed.to_lowercase();
    let all: Vec<_> =
        RULES.iter().map(|rule| rule.id).chain(codes().iter().map(|meaning| meaning.code)).collect();
    let last = |id: &str| id.rsplit('.').next().unwrap_or_default().to_owned();
    let by: [&dyn Fn(&str) -> bool; 3] = [
        &|id| text::is_near(id, &typed),
        &|id| id.contains('.') && last(id) == last(&typed) || typed.len() > 2 && id.starts_with(&typed),
        &|id| typed.contains('.') && id.split('.').next() == typed.split('.').next(),
    ];
    let found = by.iter().map(|fits| all.iter().copied().filter(|id| fits(id)).take(8).collect::<Vec<_>>());
    found.into_iter().find(|ids| !ids.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn an_id_means_one_thing() {
        let ids: Vec<_> =
            rules().iter().map(|rule| rule.id).chain(codes().iter().map(|code| code.code)).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
        assert!(ids.iter().all(|id| find(id).is_some()));
    }

    #[test]
    fn what_was_meant_is_offered() {
        assert_eq!(near("exec.fetsh"), ["exec.fetch"]);
        assert_eq!(near("entry-lnk"), ["entry-link"]);
        assert_eq!(near("zero-width"), ["hide.zero-width"]);
        assert!(near("hide.unknown-thing").contains(&"hide.bidi"));
        assert!(near("HIDE.BIDI").contains(&"hide.bidi"));
        assert!(near("qqqqqqqq").is_empty());
        assert!(near("").len() <= 8);
    }
}
