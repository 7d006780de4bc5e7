//! Names that a person takes for one another.
//!
//! A skill named almost like a trusted one is read as that one: `pdf-forms`
//! and `pdf-froms`, `docx` and `d0cx`, `paypal` with a Cyrillic `а`. The pairs
//! found here are shown; no decision rests on them.
//!
//! Two names are alike if they differ, and
//! - have one skeleton: letters of other scripts that look Latin, digits that
//!   look like letters, `rn` for `m`, case, compatibility forms and separators
//!   do not count (after Unicode TS 39, cut down to what names use); or
//! - are one slip of the finger apart: one letter more, less or other, or two
//!   that changed places, in names of six letters or more. A digit more or
//!   other is no slip: those are numbered names.

use super::entry::fold;
use std::collections::{BTreeMap, BTreeSet};

/// Shortest name in which one other letter is taken for a slip.
const SLIP_MIN: usize = 6;

/// What is left of a name when looks are all that counts.
#[must_use]
pub fn skeleton(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in fold(name).chars() {
        match c {
            '-' | '_' | '.' | ' ' => {}
            '0' | 'о' | 'ο' => out.push('o'),
            '1' | 'і' | 'ι' | 'ı' | '|' => out.push('l'),
            'i' => out.push('l'),
            '5' | 'ѕ' => out.push('s'),
            'а' | 'α' => out.push('a'),
            'е' => out.push('e'),
            'р' | 'ρ' => out.push('p'),
            'с' | 'ϲ' => out.push('c'),
            'у' | 'γ' => out.push('y'),
            'х' | 'χ' => out.push('x'),
            'ј' => out.push('j'),
            'һ' => out.push('h'),
            'ԁ' => out.push('d'),
            'ԛ' => out.push('q'),
            'ԝ' => out.push('w'),
            'ν' | 'ѵ' => out.push('v'),
            'κ' | 'к' => out.push('k'),
            'τ' | 'т' => out.push('t'),
            'м' => out.push('m'),
            other => out.push(other),
        }
    }
    out.replace("rn", "m").replace("vv", "w").replace("cl", "d")
}

/// Whether two names that differ are one slip apart.
fn is_slip(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().min(b.len()) < SLIP_MIN {
        return false;
    }
    let front = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let rest = (&a[front..], &b[front..]);
    let back = rest.0.iter().rev().zip(rest.1.iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&rest.0[..rest.0.len() - back], &rest.1[..rest.1.len() - back]);
    let letters = |all: &[char]| all.iter().all(|c| c.is_alphabetic());
    match (a, b) {
        ([x], []) | ([], [x]) => x.is_alphabetic(),
        ([_], [_]) => letters(a) && letters(b),
        ([w, x], [y, z]) => w == z && x == y && letters(a),
        _ => false,
    }
}

/// For each name the other names that it could be taken for.
#[must_use]
pub fn alike<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let names: BTreeSet<&str> = names.into_iter().collect();
    let mut out: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    // Names that could be alike share a key: their skeleton, or themselves with
    // one letter less. So nothing is compared with everything.
    let mut near: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for name in &names {
        let mut keys = BTreeSet::from([format!("={}", skeleton(name)), (*name).to_owned()]);
        let cut = |at: usize, c: char| format!("{}{}", &name[..at], &name[at + c.len_utf8()..]);
        keys.extend(name.char_indices().map(|(at, c)| cut(at, c)));
        for key in keys {
            near.entry(key).or_default().push(name);
        }
    }
    for (key, group) in &near {
        for (at, a) in group.iter().enumerate() {
            for b in &group[at + 1..] {
                if key.starts_with('=') || is_slip(a, b) {
                    out.entry(a).or_default().insert(b);
                    out.entry(b).or_default().insert(a);
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_that_are_and_are_not_alike() {
        let cases = [
            ("pdf-forms", "pdf-froms", true),
            ("pdf-forms", "pdf-form", true),
            ("pdf-forms", "pdfforms", true),
            ("pdf-forms", "pdf_forms", true),
            ("pdf-forms", "pdf-farms", true),
            ("docx", "d0cx", true),
            ("paypal", "p\u{430}ypal", true),
            ("modern", "modem", true),
            ("skill-lint", "ski11-1int", true),
            ("Notes", "notes", true),
            ("docx", "pptx", false),
            ("docx", "doc", false),
            ("step-one-1", "step-one-2", false),
            ("lesson-1", "lesson-12", false),
            ("create-issue", "update-issue", false),
            ("git-notes", "git-votes-x", false),
        ];
        for (a, b, expected) in cases {
            let found = alike([a, b]);
            assert_eq!(found.get(a).is_some_and(|others| others.contains(b)), expected, "{a} {b}");
            assert_eq!(found.get(b).is_some_and(|others| others.contains(a)), expected, "{b} {a}");
        }
    }

    #[test]
    fn a_name_is_not_alike_to_itself() {
        assert!(alike(["pdf-forms", "pdf-forms"]).is_empty());
        assert!(alike([]).is_empty());
    }

    #[test]
    fn thousands_of_names_are_no_trouble() {
        let names: Vec<_> = (0..5_000).map(|at| format!("skill-number-{at}")).collect();
        assert!(alike(names.iter().map(String::as_str)).is_empty());
    }
}
