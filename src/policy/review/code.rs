//! Programs in Python, JavaScript and their kin, as far as a review asks: which
//! commands they start, and whether they run what they fetched or decoded.
//!
//! ```text
//! lex    tokens: texts with what is put in, names, signs
//! eval   expressions from left to right: names by assignment and import, texts joined
//! calls  what is called, by the name that it resolves to;  names: the table of these
//! val    what expressions come to
//! ```
//!
//! No parser of these languages: statements are read one after the other, branches
//! and functions as they stand, and a name is what it was last set to. So
//! `from os import system as s; s(…)`, `getattr(os, 'sys' + 'tem')(…)` and
//! `__import__('os').system(…)` come to the same act. What hides behind more is
//! not seen, and the reference page says so.

mod calls;
mod eval;
mod lex;
mod names;
mod val;

use super::shell::known::Language;
use super::shell::tree::Span;
use super::shell::value::Value;

/// Something that a program does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Gives a text to a shell.
    Shell(Value),
    /// Runs a text in its own language.
    Run(Value),
}

/// What was found out about a program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Program {
    /// What it does, in the order in which it stands, and where.
    pub acts: Vec<(Act, Span)>,
    /// Whether something was not followed to its end.
    pub cut: bool,
    /// Bytes that were taken out of its names on the way.
    pub work: usize,
}

/// What a program does, in the order in which it stands.
#[must_use]
pub fn acts(language: Language, text: &str) -> Program {
    if language == Language::PowerShell {
        return super::shell::power::acts(text);
    }
    let mut program = eval::acts(language, text);
    if matches!(language, Language::Ruby | Language::Perl | Language::Php) {
        program.acts.extend(ticked(text));
    }
    program
}

/// Commands in backticks, as Ruby, Perl and PHP have them.
fn ticked(text: &str) -> Vec<(Act, Span)> {
    let (mut all, mut at) = (Vec::new(), 0);
    for line in text.split_inclusive('\n') {
        if let Some((before, rest)) = line.split_once('`')
            && let Some((inner, _)) = rest.split_once('`')
        {
            let start = at + before.len();
            all.push((Act::Shell(Value::known(inner)), Span { start, end: start + inner.len() + 2 }));
        }
        at += line.len();
    }
    all
}

/// A text as one word of a shell, whatever is in it.
#[must_use]
pub fn quoted(text: &str) -> String {
    let plain =
        |c: char| c.is_ascii_alphanumeric() || "/._-+:@,=%^".contains(c) || c == super::shell::value::UNKNOWN;
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests;
