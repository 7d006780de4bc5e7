//! Marks in the file list of a review: where to look first.
//!
//! A mark is a hint, not a finding: cheap, without context, and wrong in both
//! directions. No decision rests on one. They are computed from the bytes that
//! were hashed, never from a file name alone where bytes can tell.

mod own;

use crate::model::card::{Card, NoteKind, is_honest_joiner};
use crate::model::text;
use serde::Serialize;

/// Something about a file that a person should know before reading it.
/// Ordered from the riskiest to the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// The rules found something in it that a person has to know of.
    Findings,
    /// Registers hooks, or runs commands while its text is expanded.
    Hooks,
    /// Hidden characters, or words that mix look-alike letters.
    Unicode,
    /// May be executed, or says with which program.
    Executable,
    /// Asks to use tools without being asked about.
    Tools,
    /// Holds words that reach for the network.
    Network,
    /// Writes into the folder it lies in, which it must not.
    Writes,
    /// Not text.
    Binary,
    /// Was not there when last trusted.
    Added,
    /// Differs from when last trusted.
    Changed,
    /// Was there when last trusted.
    Removed,
}

impl Mark {
    /// Every mark, riskiest first.
    pub const ALL: &[Self] = &[
        Self::Findings,
        Self::Hooks,
        Self::Unicode,
        Self::Executable,
        Self::Tools,
        Self::Network,
        Self::Writes,
        Self::Binary,
        Self::Added,
        Self::Changed,
        Self::Removed,
    ];

    /// The letter in the list.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Findings => 'F',
            Self::Hooks => 'H',
            Self::Unicode => 'U',
            Self::Executable => 'X',
            Self::Tools => 'T',
            Self::Network => 'N',
            Self::Writes => 'W',
            Self::Binary => 'B',
            Self::Added => '+',
            Self::Changed => '~',
            Self::Removed => '-',
        }
    }

    /// The words beside it: a letter or a colour alone tells nothing.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Findings => "findings",
            Self::Hooks => "runs commands by itself",
            Self::Unicode => "hidden or look-alike characters",
            Self::Executable => "executable",
            Self::Tools => "asks for tools",
            Self::Network => "network",
            Self::Writes => "writes into its own folder",
            Self::Binary => "binary",
            Self::Added => "new",
            Self::Changed => "changed",
            Self::Removed => "removed",
        }
    }
}

/// Words that mean the network wherever they stand.
const NETWORK_WORDS: &[&str] = &[
    "aiohttp",
    "axios",
    "curl",
    "dgram",
    "ftplib",
    "httpx",
    "invoke-restmethod",
    "invoke-webrequest",
    "iwr",
    "ncat",
    "netcat",
    "paramiko",
    "reqwest",
    "rsync",
    "scp",
    "sendbeacon",
    "sftp",
    "smtplib",
    "socat",
    "socket",
    "urllib",
    "urlopen",
    "websocket",
    "wget",
    "xmlhttprequest",
];

/// The marks of one file, riskiest first. The caller adds the ones that
/// compare with an earlier revision.
#[must_use]
pub fn marks(path: &str, executable: bool, bytes: &[u8]) -> Vec<Mark> {
    let is_card = path.rsplit('/').next().is_some_and(|file| file.eq_ignore_ascii_case("SKILL.md"));
    let card = if is_card { Card::parse(bytes).ok() } else { None };
    let mut marks = marks_beside(path, executable, bytes, card.as_ref());
    let content = std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
    if content.is_some_and(own::writes) {
        marks.push(Mark::Writes);
        marks.sort();
    }
    marks
}

/// As [`marks`], where the file's card was parsed already; none if it is no
/// card, or a bad one. Without [`Mark::Writes`], which takes longest: for
/// looking at everything that lies on a machine.
#[must_use]
pub fn marks_beside(path: &str, executable: bool, bytes: &[u8], card: Option<&Card>) -> Vec<Mark> {
    let file = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let prose = [".md", ".mdx", ".txt", ".rst", ".adoc"].iter().any(|end| file.ends_with(end));
    // A byte order mark at the start hides nothing; in a card it is a fault.
    let text = std::str::from_utf8(bytes).ok().map(|text| text.strip_prefix('\u{feff}').unwrap_or(text));
    let content = text.filter(|text| !text.as_bytes().contains(&0));
    let mut marks = Vec::new();
    let mut add = |mark, holds: bool| {
        if holds {
            marks.push(mark);
        }
    };
    let (asks, hooks) = if file == "skill.md" { card_marks(bytes, card) } else { (false, false) };
    let hook_file = file == "hooks.json" || path.starts_with("hooks/") || path.contains("/hooks/");
    add(Mark::Hooks, hooks || hook_file || (prose && content.is_some_and(runs_while_expanded)));
    add(Mark::Unicode, is_deceptive(path) || content.is_some_and(is_deceptive));
    add(Mark::Executable, executable || bytes.starts_with(b"#!"));
    add(Mark::Tools, asks);
    add(Mark::Network, has_word(bytes) || (!prose && has_code(bytes)));
    add(Mark::Binary, content.is_none());
    marks
}

/// Whether a card asks for tools, and whether it runs something by itself. A
/// card that cannot be read is searched for the words.
fn card_marks(bytes: &[u8], card: Option<&Card>) -> (bool, bool) {
    let starts = |line: &[u8], keys: &[&str]| {
        let line = line.trim_ascii_start().to_ascii_lowercase();
        keys.iter().any(|key| line.starts_with(key.as_bytes()))
    };
    let any = |keys: &[&str]| bytes.split(|c| *c == b'\n').take(2_000).any(|line| starts(line, keys));
    let Some(card) = card else {
        return (any(&["allowed-tools", "\"allowed-tools"]), any(&["hooks", "\"hooks", "command-dispatch"]));
    };
    let risky = |word: &str| {
        let about = card.notes.iter().filter(|note| note.kind == NoteKind::Risky);
        about.into_iter().any(|note| note.about.split('.').any(|part| part == word))
    };
    (
        !card.allowed_tools.is_empty() || risky("allowed-tools") || risky("tools"),
        risky("hooks") || risky("command-dispatch"),
    )
}

/// Whether a Markdown text has commands that a client runs while it expands
/// the text, before any model or person sees it: an exclamation mark directly
/// before code, inline or fenced.
fn runs_while_expanded(content: &str) -> bool {
    if !content.as_bytes().contains(&b'!') {
        return false;
    }
    let inline = content.match_indices("!`").any(|(at, _)| {
        // `cmd!` inside code ends in the same two characters, and so does `!`
        // quoted as code; only white space or a line start comes before a command.
        content[..at].chars().next_back().is_none_or(|c| c.is_whitespace() || "(:,>\"'".contains(c))
            && content[at + 2..].chars().next().is_some_and(|c| c != '`' && !c.is_whitespace())
    });
    inline || content.lines().any(|line| line.trim_start().starts_with("```!"))
}

/// Whether text holds a hidden character out of place, or a word that mixes
/// Latin letters with Cyrillic or Greek ones.
fn is_deceptive(content: &str) -> bool {
    if content.is_ascii() {
        let layout = |c: u8| (c == b'\n') | (c == b'\r') | (c == b'\t') | (c == 0xc);
        // All of it, without stopping at the first: that can be done many bytes at a time.
        return content.bytes().fold(false, |found, c| found | (c.is_ascii_control() & !layout(c)));
    }
    let mut before = None;
    let mut scripts = 0_u8;
    let mut chars = content.chars().peekable();
    while let Some(c) = chars.next() {
        let layout = matches!(c, '\n' | '\r' | '\t' | '\u{c}');
        if !layout && text::is_hidden(c) && !is_honest_joiner(before, c, chars.peek().copied()) {
            return true;
        }
        scripts = match c {
            'a'..='z' | 'A'..='Z' => scripts | 1,
            _ if text::is_lookalike(c) => scripts | 2,
            _ if c.is_alphanumeric() => scripts,
            _ => 0,
        };
        if scripts == 3 {
            return true;
        }
        before = Some(c);
    }
    false
}

/// For each letter, the lengths of the network words that begin with it, as
/// bits: most words of a text are told from them by this alone.
const LENGTHS: [u32; 26] = {
    let mut lengths = [0; 26];
    let mut at = 0;
    while at < NETWORK_WORDS.len() {
        let word = NETWORK_WORDS[at].as_bytes();
        lengths[(word[0] - b'a') as usize] |= 1 << word.len();
        at += 1;
    }
    lengths
};

/// Which bytes are part of a word.
const WORD: [bool; 256] = {
    let mut word = [false; 256];
    let mut c: u8 = 0;
    while c < 128 {
        word[c as usize] = c.is_ascii_alphanumeric() || c == b'-';
        c += 1;
    }
    word
};

/// Whether a network word stands alone somewhere, in any case of letters.
fn has_word(bytes: &[u8]) -> bool {
    bytes.split(|c| !WORD[usize::from(*c)]).any(|word| {
        let Some(letter) = word.first().map(u8::to_ascii_lowercase).filter(u8::is_ascii_lowercase) else {
            return false;
        };
        word.len() < 32
            && LENGTHS[usize::from(letter - b'a')] & (1 << word.len()) != 0
            && NETWORK_WORDS.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
    })
}

/// Whether a piece of code that means the network is there, in any case of
/// letters; in prose they are mere links. Found by their last byte.
fn has_code(bytes: &[u8]) -> bool {
    bytes.iter().enumerate().any(|(at, byte)| {
        let pieces: &[&str] = match byte {
            b'/' => &["http://", "https://", "ftp://", "ws://", "wss://", "/dev/tcp/"],
            b'(' => &["fetch("],
            b'.' => &["requests."],
            _ => return false,
        };
        let ends = |piece: &&str| {
            at + 1 >= piece.len() && bytes[at + 1 - piece.len()..=at].eq_ignore_ascii_case(piece.as_bytes())
        };
        pieces.iter().any(ends)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters(path: &str, executable: bool, bytes: &[u8]) -> String {
        marks(path, executable, bytes).into_iter().map(Mark::letter).collect()
    }

    #[test]
    fn words_are_sorted_for_the_search() {
        assert!(NETWORK_WORDS.is_sorted());
        assert!(NETWORK_WORDS.iter().all(|word| word.len() < 32 && word.as_bytes()[0].is_ascii_lowercase()));
        assert!(Mark::ALL.is_sorted());
    }

    #[test]
    fn each_mark_by_its_smallest_file() {
        let card = |front: &str| format!("---\nname: a\ndescription: x\n{front}---\nbody\n");
        let cases: &[(&str, bool, &[u8], &str)] = &[
            ("a.py", false, b"print(1)\n", ""),
            ("a.py", true, b"print(1)\n", "X"),
            ("a", false, b"#!/bin/sh\n", "X"),
            ("a.sh", false, b"CURL -s x\n", "N"),
            ("a.sh", false, b"curly braces\n", ""),
            ("a.js", false, b"await fetch('x')\n", "N"),
            ("a.py", false, b"u = 'https://x'\n", "N"),
            ("a.md", false, b"see https://x\n", ""),
            ("a.md", false, b"run `wget x`\n", "N"),
            ("a.md", false, b"Status: !`git status`\n", "H"),
            ("a.md", false, b"```!\ngit status\n```\n", "H"),
            ("a.md", false, b"use `!` and `vec!`\n", ""),
            ("hooks/hooks.json", false, b"{}", "H"),
            ("a.png", false, b"\x89PNG\0", "B"),
            ("a.bin", false, b"\xff\xfe", "B"),
            ("a.txt", false, "a\u{202e}b".as_bytes(), "U"),
            ("a.txt", false, "p\u{430}ypal".as_bytes(), "U"),
            ("p\u{430}ypal.txt", false, b"", "U"),
            ("a.txt", false, "привет мир, 日本 ☕\u{fe0f} µm πr Δx".as_bytes(), ""),
            ("a.txt", false, b"tab\there\r\n", ""),
            ("a.txt", false, b"bell\x07", "U"),
            ("a.xsd", false, b"\xef\xbb\xbf<x/>", ""),
            ("a.xsd", false, b"<x/>\xef\xbb\xbf", "U"),
            ("a.py", false, b"REQUESTS.get(u)", "N"),
            ("a.sh", false, b"cat </dev/tcp/h/1", "N"),
            ("a.md", false, "“wget”".as_bytes(), "N"),
            ("a.sh", false, b"wget -O SKILL.md x\n", "NW"),
            ("a.bin", false, b"echo > SKILL.md\0", "B"),
        ];
        for (path, executable, bytes, expected) in cases {
            assert_eq!(
                letters(path, *executable, bytes),
                *expected,
                "{path} {}",
                String::from_utf8_lossy(bytes)
            );
        }
        assert_eq!(letters("SKILL.md", false, card("").as_bytes()), "");
        assert_eq!(letters("SKILL.md", false, card("allowed-tools: Read\n").as_bytes()), "T");
        assert_eq!(letters("x/SKILL.md", false, card("hooks:\n  Stop: [x]\n").as_bytes()), "H");
        assert_eq!(letters("SKILL.md", false, card("hooks: *x\nallowed-tools: y\n").as_bytes()), "HT");
    }
}
