//! Path patterns of delegations (section 4.5, PATHPATTERN).
//!
//! `*` stands for any characters of one part of a path and `?` for one; neither
//! matches a slash. Nothing else is special.
//!
//! Attack: `[`, `]`, `\` and `**` mean other paths to other readers, and a
//! delegation must mean the same to all of them. So they are refused. Whoever
//! wants several levels writes one pattern for each.

use crate::model::text;

/// Longest pattern in bytes.
const LENGTH_MAX: usize = 512;

/// A pattern for target paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

/// A text that is no pattern, or one that could be read in two ways.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the pattern `{0}` is not taken: only `*` and `?` are wildcards, each within one part of the path; `**`, `[`, `]` and `\\` mean different things to different readers"
)]
pub struct BadPattern(String);

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`BadPattern`] if it is empty, too long, or could be read in two ways.
    pub fn parse(text: &str) -> Result<Self, BadPattern> {
        let odd = text.is_empty()
            || text.len() > LENGTH_MAX
            || text.contains(['[', ']', '\\'])
            || text.contains("**")
            || text.chars().any(text::is_hidden);
        if odd { Err(BadPattern(text::escape_short(text, 120))) } else { Ok(Self(text.to_owned())) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it matches a path: part for part, cases told apart.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let (pattern, path): (Vec<_>, Vec<_>) = (self.0.split('/').collect(), path.split('/').collect());
        pattern.len() == path.len()
            && pattern.iter().zip(path).all(|(pattern, part)| part_matches(pattern, part))
    }
}

/// Matches one part, in at most pattern times text steps.
fn part_matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<_>, Vec<_>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where the last star stood, and how much of the text it took.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => (p, t) = (p + 1, t + 1),
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    (p, t) = (at + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(pattern: &str, path: &str) -> bool {
        Pattern::parse(pattern).unwrap().matches(path)
    }

    #[test]
    fn the_examples_of_the_specification() {
        for (pattern, path, wanted) in [
            ("targets/*.tgz", "targets/foo.tgz", true),
            ("targets/*.tgz", "targets/bar.tgz", true),
            ("targets/*.tgz", "targets/foo.txt", false),
            ("foo-version-?.tgz", "foo-version-2.tgz", true),
            ("foo-version-?.tgz", "foo-version-a.tgz", true),
            ("foo-version-?.tgz", "foo-version-alpha.tgz", false),
            ("*.tgz", "foo.tgz", true),
            ("*.tgz", "targets/foo.tgz", false),
            ("foo.tgz", "foo.tgz", true),
            ("foo.tgz", "foo-tgz", false),
            ("*", "", true),
            ("?", "", false),
            ("?", "é", true),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXbXbX", false),
            ("*", "a/b", false),
            ("a/*", "a", false),
            ("A", "a", false),
            ("*/*", "a/b", true),
            ("*/*", "a/b/c", false),
        ] {
            assert_eq!(matches(pattern, path), wanted, "{pattern} {path}");
        }
    }

    #[test]
    fn attack_a_pattern_that_means_more_to_another_reader() {
        for text in ["", "a/**", "**", "a[bc]", "a]", "a\\*", "a\u{202e}b", "a\nb", &"a".repeat(600)] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn attack_a_pattern_made_to_take_for_ever() {
        let pattern = "*a".repeat(100);
        assert!(!matches(&pattern, &"a".repeat(99)));
        assert!(!matches(&format!("{pattern}b"), &"a".repeat(5_000)));
    }

    proptest! {
        #[test]
        fn as_the_plain_definition_has_it(pattern in "[ab?*/]{1,8}", path in "[ab/]{0,8}") {
            fn slow(pattern: &[u8], text: &[u8]) -> bool {
                match (pattern, text) {
                    ([], []) => true,
                    ([b'*', rest @ ..], _) if slow(rest, text) => true,
                    ([b'*', ..], [c, rest @ ..]) if *c != b'/' => slow(pattern, rest),
                    ([b'?', p @ ..], [c, t @ ..]) if *c != b'/' => slow(p, t),
                    ([a, p @ ..], [b, t @ ..]) if a == b && *a != b'?' && *a != b'*' => slow(p, t),
                    _ => false,
                }
            }
            if let Ok(read) = Pattern::parse(&pattern) {
                prop_assert_eq!(read.matches(&path), slow(pattern.as_bytes(), path.as_bytes()));
            }
        }
    }
}
