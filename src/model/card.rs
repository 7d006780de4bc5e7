//! The card: a skill's front matter, parsed.
//!
//! Clients read `SKILL.md` with many readers: strict YAML, lenient YAML with
//! repairs, and loops over lines. What they could read differently, a person
//! reviews as one thing and an agent loads as another. Invariant: a card that
//! [`Card::parse`] returns has one reading for name and description; every
//! other doubt is a [`CardNote`]. Nothing is repaired or guessed.
//!
//! The text is checked in three passes: the frame and the characters here, the
//! lines in `scan`, the YAML in `tree` (the only door to the YAML crate). The
//! top-level keys that the last two find must agree.
//!
//! Left out: whether the name fits the folder, and anything about the body.
//! Trust belongs to the raw bytes; the card is only what is shown.
//!
//! See: the Agent Skills specification, section "SKILL.md format".

mod fault;
pub mod front;
mod read;
mod scan;
#[cfg(test)]
mod tests;
mod tree;

pub use fault::{CardFault, CardNote, CardRule, NoteKind};

use super::skill::SkillName;
use super::text;
use scan::Key;
use serde::Serialize;
use std::collections::BTreeMap;

/// Most bytes between the two `---` lines.
pub const FRONT_MATTER_MAX: usize = 64 << 10;
/// Deepest nesting of lists and maps.
pub const DEPTH_MAX: usize = 8;
/// Most characters of a description, by the specification.
pub const DESCRIPTION_MAX: usize = 1024;
/// Most characters of `compatibility`, by the specification.
pub const COMPATIBILITY_MAX: usize = 500;

/// Most faults that one answer lists; a person mends the first ones first.
const FAULTS_MAX: usize = 50;

/// Keys known to change what an agent may do, or when: client extensions that
/// register commands, take other models or tools, hide the skill from the
/// person or from the model, or install things.
pub const RISKY_KEYS: &[&str] = &[
    "agent",
    "allowed-tools",
    "command",
    "command-dispatch",
    "command-tool",
    "commands",
    "context",
    "dependencies",
    "disable-model-invocation",
    "dockerfile",
    "env",
    "hooks",
    "install",
    "mcp",
    "mcp-servers",
    "mcpServers",
    "model",
    "permissions",
    "primaryEnv",
    "requires",
    "setup",
    "tools",
    "user-invocable",
];

/// A skill's front matter. All text is as the author wrote it: **not escaped**.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Card {
    /// The name as written; none if there is none.
    pub raw_name: Option<String>,
    /// The name, or why it is none; then a person may give one.
    pub name: Result<SkillName, String>,
    /// What the skill is for; trimmed, not empty; noted if over [`DESCRIPTION_MAX`] characters.
    pub description: String,
    /// The licence, if stated.
    pub license: Option<String>,
    /// What it needs, if stated.
    pub compatibility: Option<String>,
    /// `version` or `metadata.version`, as written.
    pub version: Option<String>,
    /// The tools it asks to use without being asked about.
    pub allowed_tools: Vec<String>,
    /// The texts under `metadata`.
    pub metadata: BTreeMap<String, String>,
    /// Everything else, in order: key and compact JSON; nested metadata as `metadata.KEY`.
    pub extensions: Vec<(String, String)>,
    /// What a person should know, in order of lines.
    pub notes: Vec<CardNote>,
    /// The line of the file, from 1, on which the body begins.
    pub body_line: usize,
}

/// A front matter cut out of its file.
struct Frame<'a> {
    front: &'a str,
    body: &'a str,
    body_line: usize,
}

impl Card {
    /// Parses the bytes of a `SKILL.md`.
    ///
    /// # Errors
    /// The faults found, in order of lines; at least one, at most 50. The YAML is parsed
    /// only when the lines have none.
    pub fn parse(bytes: &[u8]) -> Result<Self, Vec<CardFault>> {
        let file = std::str::from_utf8(bytes).map_err(|error| {
            let line = 1 + bytes[..error.valid_up_to()].iter().filter(|c| **c == b'\n').count();
            vec![CardFault::new(line, CardRule::NotUtf8, "")]
        })?;
        let mut notes = Vec::new();
        let frame = frame(file, &mut notes).map_err(|fault| vec![fault])?;
        // Same lines, so that numbers stay true; a lone CR is found as hidden.
        let front = frame.front.replace("\r\n", "\n");
        let mut faults = Vec::new();
        check_characters(&front, 2, &mut faults, &mut notes);
        let scanned = scan::scan(&front, 2);
        faults.extend(scanned.faults);
        if !faults.is_empty() {
            faults.sort();
            faults.truncate(FAULTS_MAX);
            return Err(faults);
        }
        let fields = tree::parse(&front, 2).map_err(|fault| vec![fault])?;
        if let Some(fault) = disagreement(&scanned.keys, &fields) {
            return Err(vec![fault]);
        }
        if frame.body.trim().is_empty() {
            notes.push(CardNote::new(frame.body_line, NoteKind::NoBody, ""));
        }
        read::Reader { keys: &scanned.keys, faults, notes }.card(fields, frame.body_line)
    }
}

/// Cuts the front matter out: between a first line `---` and the next one.
fn frame<'a>(file: &'a str, notes: &mut Vec<CardNote>) -> Result<Frame<'a>, CardFault> {
    if file.starts_with('\u{feff}') {
        return Err(CardFault::new(1, CardRule::ByteOrderMark, ""));
    }
    let first = file.lines().next().unwrap_or_default();
    let crlf = file.starts_with("---\r\n");
    if !crlf && !file.starts_with("---\n") {
        return Err(CardFault::new(1, CardRule::NoStart, first));
    }
    let ending = if crlf { "\r\n" } else { "\n" };
    let start = 3 + ending.len();
    let mut at = start;
    for (count, line) in file[start..].split_inclusive('\n').enumerate() {
        let number = count + 2;
        let text = line.strip_suffix('\n').map_or(line, |text| text.strip_suffix('\r').unwrap_or(text));
        // At the end of the file the last line may lack its end, and not have another one.
        let regular = line.strip_suffix(ending) == Some(text) || !line.ends_with('\n');
        if !regular {
            return Err(CardFault::new(number, CardRule::LineEnds, text));
        }
        if text == "---" {
            if crlf {
                notes.push(CardNote::new(1, NoteKind::CarriageReturns, ""));
            }
            let body = &file[at + line.len()..];
            return Ok(Frame { front: &file[start..at], body, body_line: number + 1 });
        }
        at += line.len();
        if at - start > FRONT_MATTER_MAX {
            return Err(CardFault::new(number, CardRule::TooLarge, ""));
        }
    }
    Err(CardFault::new(1, CardRule::NoEnd, ""))
}

/// Finds characters that nobody sees. Attack: a direction mark or tag
/// characters in a description that a person reviews and a model reads.
fn check_characters(front: &str, first: usize, faults: &mut Vec<CardFault>, notes: &mut Vec<CardNote>) {
    // Not `lines`, which would drop a CR that stands before the end.
    for (at, line) in front.split('\n').enumerate() {
        let chars: Vec<char> = line.chars().collect();
        let bad = |at: usize| chars[at] != '\t' && text::is_hidden(chars[at]);
        let hidden: Vec<usize> = (0..chars.len()).filter(|at| bad(*at)).collect();
        if let Some(worst) = hidden.iter().find(|at| !joins(&chars, **at)) {
            let around: String = chars.iter().skip(worst.saturating_sub(12)).take(25).collect();
            faults.push(CardFault::new(first + at, CardRule::Hidden, &around));
        } else if let Some(one) = hidden.first() {
            let around: String = chars.iter().skip(one.saturating_sub(2)).take(4).collect();
            notes.push(CardNote::new(first + at, NoteKind::Joiner, &around));
        }
    }
}

/// Whether an invisible character stands where honest text has it: an emoji
/// presentation mark after a symbol, a joiner between two emoji, a joiner
/// between two letters of a script that needs it.
#[must_use]
pub fn is_honest_joiner(before: Option<char>, joiner: char, after: Option<char>) -> bool {
    let symbol =
        |c: Option<char>| c.is_some_and(|c| c > '\u{a8}' && !c.is_alphanumeric() && !text::is_hidden(c));
    // Some symbols count as letters or digits: ©, ℹ, Ⓜ, 🅰 and more.
    let lettered =
        |c: char| matches!(c, '\u{a9}' | '\u{ae}' | '\u{2100}'..='\u{27bf}' | '\u{1f100}'..='\u{1f1ff}');
    let cursive =
        |c: Option<char>| c.is_some_and(|c| matches!(c, '\u{600}'..='\u{6ff}' | '\u{900}'..='\u{dff}'));
    match joiner {
        '\u{fe0f}' => after == Some('\u{20e3}') || symbol(before) || before.is_some_and(lettered),
        '\u{200d}' if cursive(before) => cursive(after),
        '\u{200d}' => (symbol(before) || before == Some('\u{fe0f}')) && symbol(after),
        '\u{200c}' => cursive(before) && cursive(after),
        _ => false,
    }
}

/// [`is_honest_joiner`] at a place in a text.
fn joins(chars: &[char], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| chars.get(at)).copied();
    is_honest_joiner(before, chars[at], chars.get(at + 1).copied())
}

/// The first top-level key that only one of the two readers sees.
fn disagreement(keys: &[Key<'_>], fields: &[tree::Field]) -> Option<CardFault> {
    let line_reader = keys.iter().map(|key| (key.key, key.line));
    let yaml = fields.iter().map(|(key, line, _)| (key.as_str(), *line));
    if line_reader.clone().eq(yaml.clone()) {
        return None;
    }
    let differs = line_reader.clone().zip(yaml.clone()).find(|(a, b)| a != b).map(|(a, _)| a);
    let extra = || line_reader.clone().nth(fields.len()).or_else(|| yaml.clone().nth(keys.len()));
    let (key, line) = differs.or_else(extra).unwrap_or(("", 2));
    Some(CardFault::new(line, CardRule::Ambiguous, key))
}

/// Whether unquoted text is text for every YAML reader, 1.1 and 1.2 alike:
/// no number, truth value, date, time or nothing.
fn is_text(plain: &str) -> bool {
    const WORDS: &[&str] = &["", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", "=", "<<"];
    let lower = plain.to_ascii_lowercase();
    if WORDS.contains(&lower.as_str()) {
        return false;
    }
    let number = lower.trim_start_matches(['+', '-']);
    let digits = number.replace('_', "");
    let all = |set: &[u8]| number.bytes().all(|c| c.is_ascii_digit() || set.contains(&c));
    let based = ["0x", "0o", "0b"].iter().any(|base| {
        digits.strip_prefix(base).is_some_and(|rest| rest.bytes().all(|c| c.is_ascii_hexdigit()))
    });
    // Versions such as 1.2.3 count as numbers here: only quotes make them
    // text without a doubt. Dates and times of day are digits and marks.
    let numeric = number.starts_with(|c: char| c.is_ascii_digit() || c == '.') && all(b"_.:-+tz e");
    let special = matches!(number, ".inf" | ".nan" | "inf" | "nan" | "infinity");
    !(based || special || numeric || digits.parse::<f64>().is_ok())
}
