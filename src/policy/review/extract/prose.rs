//! Commands outside of code: in sentences, and in HTML.

use super::super::markdown::is_command;
use super::super::shell::known::{self, Language};
use super::super::unit::{Kind, Unit};
use super::fields::push;
use crate::model::finding::Context;

const SHELL: Kind = Kind::Code(Language::Shell);

/// Commands that stand in sentences without any mark, as in `run: curl … | sh`:
/// from a known program's name to the end of the line.
pub(in super::super) fn commands(words: &Unit) -> Vec<Unit> {
    let mut all = Vec::new();
    let mut at = 0;
    for line in words.text.split_inclusive('\n') {
        if let Some(from) = begin(line) {
            let mut unit = Unit::new(Context::Prose, SHELL);
            push(&mut unit, words, at + from, at + line.len());
            all.push(unit);
        }
        at += line.len();
    }
    all
}

/// Where in a line a command begins that fetches and runs, or decodes and runs.
fn begin(line: &str) -> Option<usize> {
    // Only where something comes to be run is more said than a sentence says.
    if !line.contains(['|', '`', '$', ';', '&', '(']) && !line.contains(" -c ") && !line.contains(" -e") {
        return None;
    }
    let mut at = 0;
    for word in line.split_inclusive([' ', '\t', ':', '"', '(']) {
        let name = word.trim_end_matches([' ', '\t', ':', '"', '(', '\n']);
        let reaches = known::fetcher(name).is_some()
            && !matches!(name, "get" | "fetch" | "http" | "https" | "links" | "host");
        let runs = known::interpreter(name).is_some() || matches!(name, "eval" | "iex" | "sudo" | "base64");
        // A sentence of nothing but names of programs is not looked through for each.
        let rest = &line[at + word.len()..];
        let behind = rest[..rest.floor_char_boundary(300)].trim_start();
        let operand = behind.starts_with(['-', '<', '"', '\'', '$', '/', '~']) || behind.contains("://");
        if (reaches || runs) && operand && word.ends_with([' ', '\t']) {
            return Some(at);
        }
        at += word.len();
    }
    None
}

/// `<pre>` and `<code>` blocks, and scripts, of an HTML text.
pub(in super::super) fn html(whole: &Unit, script: Context) -> Vec<Unit> {
    let text = whole.text.as_str();
    let low = text.to_ascii_lowercase();
    let (mut all, mut at) = (Vec::new(), 0);
    while let Some(found) = low[at..].find('<') {
        at += found;
        let tag = ["pre", "code", "kbd", "samp", "script", "textarea"].into_iter().find(|tag| {
            low[at + 1..].strip_prefix(tag).is_some_and(|rest| rest.starts_with(['>', ' ', '\n', '\t']))
        });
        let Some(tag) = tag else {
            at += 1;
            continue;
        };
        let Some(begin) = low[at..].find('>').map(|end| at + end + 1) else { break };
        let closing = format!("</{tag}");
        let end = low[begin..].find(&closing).map_or(text.len(), |end| begin + end);
        if tag == "script" {
            let mut unit = Unit::new(script, Kind::Code(Language::JavaScript));
            push(&mut unit, whole, begin, end);
            all.push(unit);
        } else {
            let context = if tag == "pre" { Context::Fence } else { Context::Inline };
            let unit = without_tags(whole, begin, end, context);
            all.push(unit);
        }
        at = end.max(at + 1);
    }
    for unit in &mut all {
        if unit.kind == Kind::Data && unit.text.lines().any(is_command) {
            unit.kind = SHELL;
        }
    }
    all
}

/// Text between tags, with its entities read.
fn without_tags(whole: &Unit, begin: usize, end: usize, context: Context) -> Unit {
    const ENTITIES: &[(&str, &str)] = &[
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&apos;", "'"),
        ("&nbsp;", " "),
        ("&#124;", "|"),
        ("&vert;", "|"),
    ];
    let mut unit = Unit::new(context, Kind::Data);
    let mut at = begin;
    while at < end {
        let rest = &whole.text[at..end];
        if rest.starts_with('<')
            && rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!')
        {
            at += rest.find('>').map_or(rest.len(), |close| close + 1);
        } else if let Some((entity, shown)) = ENTITIES.iter().find(|(entity, _)| rest.starts_with(entity)) {
            unit.push(shown, whole.origin(at));
            at += entity.len();
        } else {
            let c = rest.chars().next().map_or(1, char::len_utf8);
            let length = rest[c..].find(['<', '&']).map_or(rest.len(), |next| next + c);
            push(&mut unit, whole, at, at + length);
            at += length;
        }
    }
    unit.push("\n", whole.origin(end.saturating_sub(1)));
    unit
}
