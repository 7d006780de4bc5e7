//! Programs in Python, JavaScript and their kin, as far as a review asks: which
//! commands they start, and whether they run what they fetched or decoded.
//!
//! No parser of these languages: calls are found by name, their arguments by
//! quotes and parentheses, and names that stand for a text, or for what came over
//! the network, are followed from line to line. What hides behind anything more
//! is not seen, and the reference page says so.

use super::shell::known::Language;
use super::shell::tree::Span;
use super::shell::value::{Origin, UNKNOWN, Value};
use std::collections::BTreeMap;

/// Something that a program does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Gives a text to a shell.
    Shell(Value),
    /// Runs a text in its own language.
    Run(Value),
}

/// Longest argument list that is looked at.
const LONGEST: usize = 16 * 1024;

/// Functions that start a program.
const STARTS: &[&str] = &[
    "os.system",
    "os.popen",
    "os.execl",
    "os.execlp",
    "os.execv",
    "os.execvp",
    "os.spawnl",
    "os.spawnlp",
    "subprocess.run",
    "subprocess.call",
    "subprocess.check_call",
    "subprocess.check_output",
    "subprocess.Popen",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
    "create_subprocess_shell",
    "create_subprocess_exec",
    "pty.spawn",
    "execSync",
    "spawnSync",
    "execFileSync",
    "execFile",
    "spawn",
    "execa",
    "child_process.exec",
    "cp.exec",
    "shell_exec",
    "passthru",
    "proc_open",
    "popen",
    "IO.popen",
    "Open3.capture2",
    "Open3.capture3",
    "system",
    "exec",
    "run_command",
];
/// Functions that run a text in their own language.
const RUNS: &[&str] = &[
    "exec",
    "eval",
    "Function",
    "vm.runInNewContext",
    "vm.runInThisContext",
    "marshal.loads",
    "instance_eval",
    "class_eval",
    "compile",
    "builtins.exec",
    "builtins.eval",
    "__builtins__.exec",
    "window.eval",
    "globalThis.eval",
];
const FETCHES: &[&str] = &[
    "urlopen",
    "requests.get",
    "requests.post",
    "requests.request",
    "httpx.get",
    "urlretrieve",
    "http.client",
    "aiohttp",
    "fetch(",
    "axios",
    "https.get",
    "http.get",
    "Net::HTTP",
    "URI.open",
    "open-uri",
    "LWP::",
    "HTTP::Tiny",
    "file_get_contents('http",
    "file_get_contents(\"http",
    "curl_exec",
    "DownloadString",
    "DownloadFile",
    "Invoke-WebRequest",
    "Invoke-RestMethod",
    "WebClient",
    "recv(",
];
const DECODES: &[&str] = &[
    "b64decode",
    "b32decode",
    "b85decode",
    "a85decode",
    "fromhex",
    "unhexlify",
    "codecs.decode",
    "zlib.decompress",
    "decode64",
    "unpack('m",
    "unpack(\"m",
    "decode_base64",
    "MIME::Base64",
    "base64_decode",
    "gzinflate",
    "str_rot13",
    "'base64')",
    "\"base64\")",
    "'hex')",
    "\"hex\")",
    "atob(",
    "FromBase64String",
    "fromCharCode",
];

/// What a program does, in the order in which it stands.
#[must_use]
pub fn acts(language: Language, text: &str) -> Vec<(Act, Span)> {
    let mut names = BTreeMap::new();
    let mut all = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        remember(line, &mut names);
        for (position, _) in line.match_indices('(') {
            let name = called(&line[..position]);
            if name.is_empty() {
                continue;
            }
            let open = at + position;
            let arguments = inside(&text[open + 1..]);
            let span = Span { start: open - name.len(), end: (open + 2 + arguments.len()).min(text.len()) };
            if is_one(name, STARTS) && !(name == "exec" && language == Language::Python) {
                all.push((Act::Shell(command(arguments, &names)), span));
            }
            if RUNS.contains(&name) && language != Language::Shell {
                all.push((Act::Run(told(arguments, &names)), span));
            }
        }
        if matches!(language, Language::Ruby | Language::Perl | Language::Php)
            && let Some((before, rest)) = line.split_once('`')
            && let Some((inner, _)) = rest.split_once('`')
        {
            let start = at + before.len();
            all.push((Act::Shell(Value::known(inner)), Span { start, end: start + inner.len() + 2 }));
        }
        at += line.len();
    }
    all.retain(|(act, _)| match act {
        Act::Shell(_) => true,
        Act::Run(value) => !value.from.kinds.is_empty(),
    });
    all
}

/// The name that stands before a parenthesis, with dots.
fn called(before: &str) -> &str {
    let start =
        before.rfind(|c: char| !(c.is_ascii_alphanumeric() || "_.:$".contains(c))).map_or(0, |at| at + 1);
    before.get(start..).unwrap_or_default()
}

fn is_one(name: &str, names: &[&str]) -> bool {
    names.iter().any(|one| {
        name == *one || name.strip_suffix(one).is_some_and(|rest| one.len() > 4 && rest.ends_with('.'))
    })
}

/// Everything up to the parenthesis that closes.
fn inside(text: &str) -> &str {
    let (mut depth, mut quote, mut escaped) = (0_usize, None, false);
    for (at, c) in text.char_indices() {
        if at > LONGEST {
            return &text[..at];
        }
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')') if depth == 0 => return &text[..at],
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    text
}

/// Names that are set in a line.
fn remember(line: &str, names: &mut BTreeMap<String, Value>) {
    let Some((left, right)) = line.split_once('=') else { return };
    if right.starts_with('=') || left.ends_with(['!', '<', '>', '=']) {
        return;
    }
    let left = left.trim_end_matches([' ', '+', ':', '\t']);
    let name = left.rsplit(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next().unwrap_or_default();
    if !name.is_empty() && name.len() < 80 && names.len() < 4096 {
        let value = told(right.trim(), names);
        names.insert(name.to_owned(), value);
    }
}

/// What an expression comes to: its quoted texts and the names in it, and where they come from.
fn told(expression: &str, names: &BTreeMap<String, Value>) -> Value {
    let expression = &expression[..expression.floor_char_boundary(LONGEST)];
    let mut out = Value::default();
    for piece in pieces(expression) {
        match piece {
            Part::Text(text) => out.push_text(&text),
            Part::Name(name) => match names.get(name) {
                Some(value) => out.push(value),
                None => out.push_text(&UNKNOWN.to_string()),
            },
        }
    }
    if FETCHES.iter().any(|word| expression.contains(word)) {
        out = out.and(Origin::Fetched);
    }
    if DECODES.iter().any(|word| expression.contains(word)) {
        out = out.and(Origin::Decoded);
    }
    if !out.from.kinds.is_empty() {
        out.text = UNKNOWN.to_string();
    }
    out
}

/// The text that a call gives to a shell: its first argument, or a list put together.
fn command(arguments: &str, names: &BTreeMap<String, Value>) -> Value {
    let trimmed = arguments.trim_start();
    if let Some(list) = trimmed.strip_prefix('[') {
        let end = list.find(']').unwrap_or(list.len());
        return words(&list[..end], names);
    }
    let first = first_argument(trimmed);
    let mut value = told(first, names);
    // spawn("sh", ["-c", …])
    if let Some((_, list)) = trimmed[first.len()..].split_once('[')
        && trimmed[first.len()..].trim_start_matches([',', ' ', '\n']).starts_with('[')
    {
        let rest = words(&list[..list.find(']').unwrap_or(list.len())], names);
        value.push_text(" ");
        value.push(&rest);
    }
    value
}

fn words(list: &str, names: &BTreeMap<String, Value>) -> Value {
    let mut out = Value::default();
    let mut rest = list;
    while !rest.trim().is_empty() {
        let one = first_argument(rest);
        let value = told(one, names);
        if !out.text.is_empty() {
            out.push_text(" ");
        }
        out.push(&value.with_text(crate::model::text::shell_word(&value.text)));
        rest = rest[one.len()..].trim_start_matches(',');
        if one.is_empty() {
            break;
        }
    }
    out
}

/// Up to the comma that ends an argument.
fn first_argument(text: &str) -> &str {
    let (mut depth, mut quote, mut escaped) = (0_usize, None, false);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 && at > 0 => return &text[..at],
            _ => {}
        }
    }
    text
}

enum Part<'a> {
    Text(String),
    Name(&'a str),
}

/// Quoted texts, and names outside of them.
fn pieces(expression: &str) -> Vec<Part<'_>> {
    let (mut all, mut rest) = (Vec::new(), expression);
    while let Some(c) = rest.chars().next() {
        if matches!(c, '"' | '\'' | '`') {
            let triple = rest.starts_with("\"\"\"") || rest.starts_with("'''");
            let mark = if triple { 3 } else { 1 };
            let (text, length) = quoted(&rest[mark..], &rest[..mark]);
            all.push(Part::Text(text));
            rest = &rest[(mark + length).min(rest.len())..];
        } else if c.is_ascii_alphabetic() || c == '_' {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
            let behind = rest[end..].chars().next();
            // A prefix of a text, a function, a field: no name of a value.
            let prefix = end <= 2 && matches!(behind, Some('"' | '\''));
            if !prefix && !matches!(behind, Some('(' | '=')) {
                all.push(Part::Name(&rest[..end]));
            }
            rest = &rest[end..];
        } else {
            rest = &rest[c.len_utf8()..];
        }
    }
    all
}

/// A quoted text up to its mark: what it says, and how many bytes it takes with the mark.
fn quoted(text: &str, mark: &str) -> (String, usize) {
    let (mut out, mut at) = (String::new(), 0);
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with(mark) {
            return (super::shell::escapes::unescape(&out, true), at + mark.len());
        }
        let c = rest.chars().next().unwrap_or(' ');
        if c == '\\' {
            let next = rest[1..].chars().next().unwrap_or(' ');
            out.push('\\');
            out.push(next);
            at += 1 + next.len_utf8();
            continue;
        }
        if mark == "`" && rest.starts_with("${")
            || c == '{' && rest[1..].starts_with(|c: char| c.is_ascii_alphabetic()) && mark != "`"
        {
            let end = rest.find('}').map_or(rest.len(), |end| end + 1);
            // A value that is put in; a shell's own `${name}` has a dollar before it.
            if !(mark != "`" && out.ends_with('$')) {
                out.push(UNKNOWN);
                at += end;
                continue;
            }
        }
        out.push(c);
        at += c.len_utf8();
    }
    (out, text.len())
}
