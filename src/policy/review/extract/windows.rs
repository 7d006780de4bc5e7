//! PowerShell and batch files, told in the words of the shell that is followed here.
//!
//! No reader of these languages: their pipelines, calls and names are put into the
//! form that the shell's reader knows, each byte tied to the file. So a chain as
//! `iwr … | iex` or `iex (New-Object Net.WebClient).DownloadString('…')` comes to
//! the same event as `curl … | sh`. What hides behind more than that is not seen.

use super::super::shell::known::Language;
use super::super::unit::{Kind, Unit};

/// Words that a shell says otherwise; letters in any case.
const WORDS: &[(&str, &str)] = &[
    ("invoke-webrequest", "iwr"),
    ("invoke-restmethod", "irm"),
    ("invoke-expression", "iex"),
    ("start-bitstransfer", "iwr"),
    ("start-process", "command"),
    ("invoke-item", "command"),
    ("-filepath", ""),
    ("-usebasicparsing", ""),
    ("-useb", ""),
    ("-uri", ""),
    ("-source", ""),
    ("-destination", "-OutFile"),
];

/// Methods, the call that they come to, and what the comma of their arguments comes to.
const METHODS: &[(&str, &str, &str)] = &[
    ("downloadstring(", "iwr ", " "),
    ("downloaddata(", "iwr ", " "),
    ("downloadfile(", "iwr ", " -OutFile "),
    ("openread(", "iwr ", " "),
    ("frombase64string(", "basenc -d <<< ", " "),
    ("scriptblock]::create(", "iex ", " "),
    ("getstring(", "cat <<< ", " "),
];

/// How far a name or an argument is looked for.
const NEAR: usize = 200;

/// What a parenthesis that is open has to be closed with, and what its commas are.
struct Open {
    close: &'static str,
    comma: &'static str,
}

/// PowerShell as a shell would say it.
pub(in super::super) fn power(unit: &Unit) -> Unit {
    let text = unit.text.as_str();
    let low = text.to_ascii_lowercase();
    let mut out = Unit::new(unit.context, Kind::Code(Language::Shell));
    let mut open: Vec<Open> = Vec::new();
    // Whether a command's name is to come; where a value that is set ends.
    let (mut at, mut begins, mut sets) = (0, true, None::<usize>);
    while let Some(c) = text[at..].chars().next() {
        let (rest, place) = (&text[at..], unit.origin(at));
        let before = text[..at].chars().next_back().unwrap_or('\n');
        if sets == Some(open.len()) && matches!(c, '\n' | ';') {
            out.push(")", place);
            sets = None;
        }
        let mut say = |shown: &str| out.push(shown, place);
        if c == '(' && calls(&low, at) {
            say(" ");
            begins = false;
        }
        let length = if let Some((length, shown, comma)) = method(&low, at, before) {
            say(if begins { "{ " } else { "$(" });
            say(shown);
            open.push(Open { close: if begins { "; }" } else { ")" }, comma });
            begins = false;
            length
        } else if c == '$' && begins && assigned(rest).is_some() {
            let (name, length) = assigned(rest).unwrap_or(("x", 1));
            say(name);
            say("=");
            begins = !rest[length..].starts_with(['"', '\'', '$', '@']);
            if begins {
                say("$(");
                sets = sets.or(Some(open.len()));
            }
            length
        } else {
            match c {
                '#' if before.is_whitespace() => rest.find('\n').unwrap_or(rest.len()),
                '\'' | '"' => {
                    begins = false;
                    let length = quoted(unit, at, c, &mut out);
                    length + joined(&rest[length.min(rest.len())..])
                }
                '`' => {
                    let next = rest[1..].chars().next();
                    1 + next.filter(|c| matches!(c, '\n' | '\r')).map_or(0, char::len_utf8)
                }
                '\\' => {
                    say("/");
                    1
                }
                '&' if begins && !rest.starts_with("&&") => 1,
                '(' => {
                    say(if begins { "{ " } else { "$(" });
                    open.push(Open { close: if begins { "; }" } else { ")" }, comma: "," });
                    begins = true;
                    1
                }
                ')' => {
                    say(open.pop().map_or("", |open| open.close));
                    begins = false;
                    1
                }
                ',' => {
                    say(open.last().map_or(",", |open| open.comma));
                    1
                }
                '{' | '}' => {
                    say(if c == '{' { "{ " } else { "; }" });
                    begins = true;
                    1
                }
                _ => {
                    let known = if before.is_whitespace() || "(|;{=`".contains(before) {
                        word(&low[at..])
                    } else {
                        None
                    };
                    let (shown, length) = known.unwrap_or((&rest[..c.len_utf8()], c.len_utf8()));
                    say(shown);
                    begins = matches!(c, '\n' | ';' | '|') || begins && c.is_whitespace();
                    length
                }
            }
        };
        at += length.max(1);
        while !text.is_char_boundary(at) {
            at += 1;
        }
    }
    if sets.is_some() {
        out.push(")", unit.origin(text.len().saturating_sub(1)));
    }
    out.push("\n", unit.origin(text.len().saturating_sub(1)));
    out
}

/// A method's call that begins here, with the object it is asked of.
fn method(low: &str, at: usize, before: char) -> Option<(usize, &'static str, &'static str)> {
    let rest = &low[at..];
    let joined = before.is_alphanumeric() && !calls(low, at);
    if joined || "_.]:$".contains(before) || !rest.starts_with(['(', '[', '$']) {
        return None;
    }
    let near = &rest[..rest.floor_char_boundary(NEAR)];
    let (mut depth, mut found) = (0_usize, None);
    for (index, c) in near.char_indices() {
        match c {
            '(' => {
                let name = &near[..=index];
                found = METHODS
                    .iter()
                    .find(|(method, ..)| name.ends_with(method) && depth == 0)
                    .map(|one| (index + 1, one));
                if found.is_some() {
                    break;
                }
                depth += 1;
            }
            ')' => depth = depth.checked_sub(1)?,
            '\n' | ';' | '|' | '{' => return None,
            ' ' | '=' | ',' if depth == 0 => return None,
            _ => {}
        }
    }
    found.map(|(length, (_, shown, comma))| (length, *shown, *comma))
}

/// How long `+` is with its blanks, if another text is joined behind it.
fn joined(rest: &str) -> usize {
    let near = &rest[..rest.floor_char_boundary(NEAR)];
    let Some(behind) = near.trim_start_matches(' ').strip_prefix('+') else { return 0 };
    let behind = behind.trim_start_matches(' ');
    if behind.starts_with(['"', '\'', '$']) { near.len() - behind.len() } else { 0 }
}

/// Whether the name of what runs a text stands right before this byte, as in `iex(…)`.
fn calls(low: &str, at: usize) -> bool {
    low[..at].ends_with("iex") || low[..at].ends_with("invoke-expression")
}

/// `$name =`: the name, and how long it is up to the value.
fn assigned(rest: &str) -> Option<(&str, usize)> {
    let inner = &rest[1..];
    let end = inner
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|end| *end > 0 && *end < NEAR)?;
    let behind = inner[end..].trim_start_matches(' ').strip_prefix('=')?;
    let value = behind.trim_start_matches([' ', '\t']);
    (!behind.starts_with('=')).then_some((&inner[..end], rest.len() - value.len()))
}

fn word(low: &str) -> Option<(&'static str, usize)> {
    WORDS.iter().find_map(|(name, shown)| {
        let behind = low.strip_prefix(name)?;
        behind.starts_with(|c: char| !(c.is_alphanumeric() || c == '-')).then_some((*shown, name.len()))
    })
}

/// A quoted text as a shell quotes it; how long it is with its quotes.
fn quoted(unit: &Unit, at: usize, mark: char, out: &mut Unit) -> usize {
    let text = &unit.text[at..];
    let (mut here, place) = (1, unit.origin(at));
    out.push(mark.encode_utf8(&mut [0; 4]), place);
    while let Some(c) = text[here..].chars().next() {
        let next = text[here + c.len_utf8()..].chars().next();
        let place = unit.origin(at + here);
        let shown: &str = match c {
            _ if c == mark && next == Some(mark) => {
                here += 1;
                if mark == '"' { "\\\"" } else { "'\\''" }
            }
            _ if c == mark => {
                out.push(mark.encode_utf8(&mut [0; 4]), place);
                return here + 1;
            }
            '\\' if mark == '"' => "/",
            '\\' => "/",
            '`' if mark == '"' => "",
            _ => &text[here..here + c.len_utf8()],
        };
        out.push(shown, place);
        here += c.len_utf8();
    }
    text.len()
}

/// A batch file as a shell would say it: `%NAME%`, `^` at a line's end, `set`, `rem`.
pub(in super::super) fn batch(unit: &Unit) -> Unit {
    let text = unit.text.as_str();
    let mut out = Unit::new(unit.context, Kind::Code(Language::Shell));
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let inner = line.trim_start_matches([' ', '\t', '@']);
        let low: String = inner.chars().take(8).flat_map(char::to_lowercase).collect();
        let start = at + (line.len() - inner.len());
        at += line.len();
        if low.starts_with("rem ")
            || low.starts_with("::")
            || low.starts_with(':')
            || low.starts_with("echo off")
        {
            continue;
        }
        let (inner, start) = match low.starts_with("set ") {
            true => (&inner[4..], start + 4),
            false => (inner, start),
        };
        let mut rest = inner;
        while let Some(c) = rest.chars().next() {
            let place = unit.origin(start + (inner.len() - rest.len()));
            let variable = rest.strip_prefix('%').and_then(|name| name.split_once('%')).map(|(name, _)| name);
            let (shown, length) = match (c, variable) {
                ('%', Some(name))
                    if !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') =>
                {
                    (format!("${{{name}}}"), name.len() + 2)
                }
                ('^', _) => {
                    let ends = rest[1..].trim_start_matches('\r').starts_with('\n');
                    (String::new(), if ends { rest.find('\n').map_or(1, |at| at + 1) } else { 1 })
                }
                ('\\', _) => ("/".to_owned(), 1),
                ('\'', _) => ("\\'".to_owned(), 1),
                (c, _) => (c.to_string(), c.len_utf8()),
            };
            out.push(&shown, place);
            rest = &rest[length.min(rest.len())..];
        }
    }
    out
}
