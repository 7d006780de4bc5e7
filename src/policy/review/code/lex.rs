//! Tokens of Python, JavaScript and their kin: enough to follow calls.
//!
//! Texts with what is put into them, names, and single characters. Comments and
//! patterns in slashes are gone. An end of a line is a `;` outside of brackets.

use super::super::shell::escapes::unescape;
use super::super::shell::known::Language;

/// What stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A text: what stands there, and expressions that are put in.
    Text(Vec<Bit<'a>>),
    /// A name or a number.
    Name(&'a str),
    /// Anything else.
    Sign(char),
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Bit<'a> {
    Plain(String),
    /// An expression in braces.
    Put(&'a str),
}

/// A token and where it begins and ends.
pub(super) type At<'a> = (Token<'a>, usize, usize);

/// Most tokens of one text.
pub(super) const MOST: usize = 400_000;

pub(super) fn tokens(language: Language, text: &str) -> Vec<At<'_>> {
    let (mut all, mut at, mut depth): (Vec<At<'_>>, usize, usize) = (Vec::new(), 0, 0);
    let slashes = matches!(language, Language::JavaScript | Language::Php);
    while let Some(c) = text[at..].chars().next().filter(|_| all.len() < MOST) {
        let (rest, start) = (&text[at..], at);
        // Asked only where it ends what is read: a text may be one long line.
        let line = || rest.find('\n').unwrap_or(rest.len());
        match c {
            '\\' if rest[1..].starts_with('\n') => at += 2,
            '\n' => {
                at += 1;
                let next = rest.chars().take(200).find(|c| !c.is_whitespace());
                let goes_on = slashes && (next.is_some_and(|c| ".+?".contains(c)) || ends_open(&all));
                if depth == 0 && !goes_on {
                    all.push((Token::Sign(';'), start, at));
                }
            }
            '#' if !slashes => at += line(),
            '/' if slashes && rest.starts_with("//") => at += line(),
            '/' if slashes && rest.starts_with("/*") => {
                at += rest.find("*/").map_or(rest.len(), |end| end + 2)
            }
            '/' if slashes && begins_pattern(&all) => match pattern(rest) {
                Some(length) => {
                    at += length;
                    all.push((Token::Text(Vec::new()), start, at));
                }
                None => {
                    at += 1;
                    all.push((Token::Sign('/'), start, at));
                }
            },
            '"' | '\'' | '`' => {
                let (bits, length) = quoted(rest, "", language);
                at += length;
                all.push((Token::Text(bits), start, at));
            }
            c if c.is_alphanumeric() || c == '_' || c == '$' => {
                let end =
                    rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(rest.len());
                let word = &rest[..end];
                if language == Language::Python && end <= 2 && rest[end..].starts_with(['"', '\'']) {
                    let (bits, length) = quoted(&rest[end..], word, language);
                    at += end + length;
                    all.push((Token::Text(bits), start, at));
                } else {
                    at += end;
                    all.push((Token::Name(word), start, at));
                }
            }
            c => {
                at += c.len_utf8();
                match c {
                    '(' | '[' => depth += 1,
                    ')' | ']' => depth = depth.saturating_sub(1),
                    // What stands in braces is statements again.
                    '{' | '}' if slashes => depth = 0,
                    _ => {}
                }
                if !c.is_whitespace() {
                    all.push((Token::Sign(c), start, at));
                }
            }
        }
    }
    all
}

fn ends_open(all: &[At<'_>]) -> bool {
    matches!(all.last(), Some((Token::Sign('+' | '=' | ',' | '?' | '.'), ..)))
}

/// Whether a slash here begins a pattern and divides nothing.
fn begins_pattern(all: &[At<'_>]) -> bool {
    match all.last() {
        None => true,
        Some((Token::Sign(c), ..)) => !matches!(c, ')' | ']' | '}'),
        Some((Token::Name(word), ..)) => matches!(*word, "return" | "typeof" | "case" | "in" | "of"),
        Some((Token::Text(_), ..)) => false,
    }
}

/// How long a pattern in slashes is, if it ends in its line.
fn pattern(rest: &str) -> Option<usize> {
    let (mut escaped, mut class) = (false, false);
    for (at, c) in rest.char_indices().skip(1).take(300) {
        match c {
            '\n' => return None,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => class = true,
            ']' => class = false,
            '/' if !class => {
                let flags = &rest[at + 1..];
                return Some(at + 1 + flags.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(flags.len()));
            }
            _ => {}
        }
    }
    None
}

/// A text with its quotes: its parts, and its length.
fn quoted<'a>(text: &'a str, prefix: &str, language: Language) -> (Vec<Bit<'a>>, usize) {
    let python = language == Language::Python;
    let mark = match text.get(..3) {
        Some(three @ ("\"\"\"" | "'''")) if python => three,
        _ => text.get(..1).unwrap_or_default(),
    };
    let raw = prefix.contains(['r', 'R']);
    let puts = prefix.contains(['f', 'F']) || mark == "`";
    let (mut bits, mut now, mut at) = (Vec::new(), String::new(), mark.len());
    let end = |now: &mut String| {
        let text = std::mem::take(now);
        Bit::Plain(if raw { text } else { unescape(&text, true) })
    };
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if rest.starts_with(mark) {
            bits.push(end(&mut now));
            return (bits, at + mark.len());
        }
        // A text in one line ends with it, whatever its quotes say.
        if c == '\n' && mark.len() == 1 && mark != "`" && (python || language == Language::JavaScript) {
            break;
        }
        let opens = match mark {
            "`" => rest.starts_with("${"),
            _ => c == '{' && !rest.starts_with("{{"),
        };
        if c == '\\' {
            let next = rest[1..].chars().next();
            match next {
                Some('\n') if !raw => {}
                Some(next) => now.extend(['\\', next]),
                None => {}
            }
            at += 1 + next.map_or(0, char::len_utf8);
        } else if puts && opens {
            let skip = if mark == "`" { 2 } else { 1 };
            let inside = &rest[skip..];
            let length = inside.find('}').unwrap_or(inside.len());
            bits.push(end(&mut now));
            bits.push(Bit::Put(&inside[..length]));
            at += (skip + length + 1).min(rest.len());
        } else {
            let doubled = puts && mark != "`" && (rest.starts_with("{{") || rest.starts_with("}}"));
            now.push(c);
            at += if doubled { 2 } else { c.len_utf8() };
        }
    }
    bits.push(end(&mut now));
    (bits, at)
}
