//! Text that came from somebody else.
//!
//! Names, descriptions, paths and messages out of a skill, a repository or a
//! request are written by the party we are judging. Such text may hold
//! terminal escapes, direction marks or line breaks made to forge what a
//! person, a log reader or a model sees.
//!
//! Invariant: nothing from outside is printed, logged or put into an answer
//! except through [`escape`], which is total, reversible by eye, and leaves
//! ordinary letters of every script alone.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a character can move the cursor, reorder, join or hide text, and
/// is therefore never shown raw.
///
/// Covers the Unicode general categories Cc, Cf, Co, Zl and Zp, the default
/// ignorable code points that are not in Cf (fillers, variation selectors,
/// the grapheme joiner), the blank braille cell and non-characters.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}'
        | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}'
        | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{2800}' | '\u{3164}' | '\u{e000}'..='\u{f8ff}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
        | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{10ffff}')
        || (c as u32) & 0xfffe == 0xfffe
}

/// Returns the text with every hidden character and every backslash that
/// could be mistaken for an escape written as `\u{hex}`.
///
/// Attack: a file named `x\x1b[2Ky` would otherwise erase the line that says
/// what it is.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) {
            let _ = write!(out, "\\u{{{:x}}}", c as u32);
        } else {
            out.push(c);
        }
    }
    out
}

/// Whether a text says anything to whoever reads it: a letter or digit that is seen.
///
/// Asked of what was typed, never of what [`escape`] made of it: a tab is
/// `\u{9}` there, with a letter and a digit. And a filler is a letter to Unicode.
#[must_use]
pub fn says(typed: &str) -> bool {
    typed.chars().any(|c| c.is_alphanumeric() && !is_hidden(c))
}

/// As [`escape`], at most `max` characters, the cut marked with `…`.
#[must_use]
pub fn escape_short(text: &str, max: usize) -> String {
    let full = escape(text);
    if full.chars().count() <= max {
        return full;
    }
    full.chars().take(max.saturating_sub(1)).chain(['…']).collect()
}

/// Whether one is what a person may have meant who typed the other: at most two
/// letters are missing, too many, or others, in names that are longer than that.
#[must_use]
pub fn is_near(one: &str, other: &str) -> bool {
    let (one, other): (Vec<_>, Vec<_>) = (one.chars().take(64).collect(), other.chars().take(64).collect());
    let allowed = 2.min(one.len().min(other.len()).saturating_sub(1));
    let mut above: Vec<usize> = (0..=other.len()).collect();
    for (row, a) in one.iter().enumerate() {
        let mut here = vec![row + 1];
        for (column, b) in other.iter().enumerate() {
            let (left, up) = (here[column] + 1, above[column + 1] + 1);
            here.push(left.min(up).min(above[column] + usize::from(a != b)));
        }
        above = here;
    }
    above.last().is_some_and(|steps| *steps <= allowed)
}

/// As [`escape`], as one word of a command that a person may paste into a shell.
#[must_use]
pub fn shell_word(text: &str) -> String {
    let word = escape(text);
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@,=".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word;
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// As [`escape`], with what passes for something else written out too: Cyrillic
/// and Greek letters inside a word of Latin ones, spaces that are no space to a
/// program, and combining marks that are piled up or stand on nothing.
///
/// Attacks: `p\u{430}ypal` reads as another name; forty marks on one letter
/// paint over the lines above and below it.
#[must_use]
pub fn reveal(text: &str) -> String {
    if text.is_ascii() {
        return escape(text);
    }
    let mut out = String::with_capacity(text.len());
    // As if a pile stood before the text: a first mark would sit on what we wrote.
    let mut pile = MARKS_MAX;
    for word in text.split_inclusive(|c: char| !c.is_alphanumeric() && !is_mark(c)) {
        let latin = word.bytes().any(|byte| byte.is_ascii_alphabetic());
        for c in word.chars() {
            pile = if is_mark(c) { pile + 1 } else { 0 };
            if is_hidden(c) || is_odd_space(c) || pile > MARKS_MAX || (latin && is_lookalike(c)) {
                let _ = write!(out, "\\u{{{:x}}}", c as u32);
            } else {
                out.push(c);
            }
        }
    }
    out
}

/// Whether [`reveal`] shows a text as it is.
#[must_use]
pub fn is_plain(text: &str) -> bool {
    let visible = |c: u8| (0x20..0x7f).contains(&c);
    text.bytes().all(visible) || (!text.chars().any(is_hidden) && reveal(text) == text)
}

/// Whether a character looks like a space and is none. The wide one of East
/// Asian text is told by its width.
const fn is_odd_space(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}')
}

/// Marks on one letter that languages need.
const MARKS_MAX: usize = 3;

/// Whether a character is drawn over the one before it, in the blocks that fit
/// every letter. Marks of single scripts are left alone.
const fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// Whether a letter can pass for a Latin one, or stands among such letters:
/// all of Cyrillic, and Greek without the letters that science borrows.
#[must_use]
pub const fn is_lookalike(c: char) -> bool {
    matches!(c, '\u{400}'..='\u{52f}' | 'α' | 'ι' | 'κ' | 'ν' | 'ο' | 'ρ' | 'τ' | 'υ' | 'χ')
}

/// As [`shell_word`], for any bytes, exactly: what cannot be shown is written
/// as `$'\ooo'`, which bash, zsh and ksh take for these very bytes.
///
/// Attack: a folder whose name paints over the command that moves it back.
#[must_use]
pub fn shell_bytes(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(is_hidden) => shell_word(text),
        _ => {
            let mut out = String::from("$'");
            for &byte in bytes {
                if byte.is_ascii_alphanumeric() || b"/._-+:@,= ".contains(&byte) {
                    out.push(char::from(byte));
                } else {
                    let _ = write!(out, "\\{byte:03o}");
                }
            }
            out + "'"
        }
    }
}

/// Returns bytes that should be text, with what is not UTF-8 as `\x{hex}`.
#[must_use]
pub fn escape_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(&escape(chunk.valid()));
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{{{byte:02x}}}");
        }
    }
    out
}

/// Bytes as text, if they have no byte 0: UTF-8, and a stand-in for each byte that is
/// none, so that a place in the text is one in the bytes.
///
/// Attack: one such byte in a comment, so that nothing is looked at; a shell takes it
/// for a letter of a word, and so is the stand-in one.
#[must_use]
pub fn with_stand_ins(bytes: &[u8]) -> Option<Cow<'_, str>> {
    if bytes.contains(&0) {
        return None;
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some(Cow::Borrowed(text));
    }
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(std::iter::repeat_n('_', chunk.invalid().len()));
    }
    Some(Cow::Owned(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_escapes_and_direction_marks_become_visible() {
        assert_eq!(escape("a\u{1b}[2Kb"), "a\\u{1b}[2Kb");
        assert_eq!(escape("a\u{202e}b\u{200b}"), "a\\u{202e}b\\u{200b}");
        assert_eq!(escape("line\nbreak"), "line\\u{a}break");
        assert_eq!(escape("tag\u{e0041}"), "tag\\u{e0041}");
    }

    #[test]
    fn attack_a_reason_is_one_character_that_nobody_sees() {
        for nothing in ["", " ", "\t", "\u{200b}", "\u{202e}", "\u{3164}", "\u{115f}\u{ffa0}", " … - ", "\\"]
        {
            assert!(!says(nothing), "{nothing:?}");
        }
        for why in ["x", "7", "für Tests", "日本語", "\u{200b}read"] {
            assert!(says(why), "{why:?}");
        }
        assert!(says(&escape("\t")), "why the escaped text is never asked");
    }

    #[test]
    fn letters_of_every_script_stay() {
        for text in ["Grüße", "日本語", "नमस्ते", "עברית", "naïve café", "🙂"] {
            assert_eq!(escape(text), text);
        }
    }

    #[test]
    fn no_output_holds_a_hidden_character() {
        for c in (0..=0x10_ffff_u32).filter_map(char::from_u32) {
            let shown = escape(&c.to_string());
            assert!(!shown.chars().any(is_hidden), "U+{:04X}", c as u32);
        }
    }

    #[test]
    fn look_alike_letters_and_piles_of_marks_are_written_out() {
        assert_eq!(reveal("p\u{430}ypal b\u{1b}"), "p\\u{430}ypal b\\u{1b}");
        assert_eq!(reveal("Ωmega \u{3bf}k"), "Ωmega \\u{3bf}k");
        for honest in ["привет мир", "µm πr", "e\u{301}", "日本語 ok", "Viê\u{323}t", "ελληνικά", "a-б"]
        {
            assert_eq!(reveal(honest), honest);
            assert!(is_plain(honest), "{honest}");
        }
        let pile = format!("x{}", "\u{301}".repeat(9));
        assert_eq!(reveal(&pile), format!("x\u{301}\u{301}\u{301}{}", "\\u{301}".repeat(6)));
        assert_eq!(reveal("\u{338}x"), "\\u{338}x", "it would strike out what we wrote before it");
        assert_eq!(reveal("rm\u{a0}-rf\u{3000}x"), "rm\\u{a0}-rf\u{3000}x");
        assert!(!is_plain("a\nb") && !is_plain("p\u{430}ypal"));
    }

    #[test]
    fn a_word_of_a_command_is_one_word() {
        assert_eq!(shell_word("/a/b-c.d"), "/a/b-c.d");
        assert_eq!(shell_word("/a b"), "'/a b'");
        assert_eq!(shell_word("x';id;'"), r"'x'\'';id;'\'''");
        assert_eq!(shell_word("$(id)\n"), r"'$(id)\u{a}'");
        assert_eq!(shell_word(""), "''");
    }

    #[test]
    fn cut_text_says_that_it_is_cut() {
        assert_eq!(escape_short("abcdef", 4), "abc…");
        assert_eq!(escape_short("abcd", 4), "abcd");
        assert_eq!(escape_bytes(b"a\xffb"), "a\\x{ff}b");
    }

    #[test]
    fn a_byte_that_is_no_text_moves_nothing() {
        for (bytes, text) in [
            (&b"ab\xff\xfec"[..], Some("ab__c")),
            (b"caf\xe9 \xe2\x82", Some("caf_ __")),
            ("é✔".as_bytes(), Some("é✔")),
            (b"", Some("")),
            (b"a\0b", None),
        ] {
            let shown = with_stand_ins(bytes);
            assert_eq!(shown.as_deref(), text);
            assert!(shown.is_none_or(|shown| shown.len() == bytes.len()));
        }
    }
}
