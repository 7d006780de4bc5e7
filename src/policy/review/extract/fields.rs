//! JSON and YAML, as far as commands stand in them: every text with the keys
//! above it, which object it belongs to, and the way back to its bytes.
//!
//! Tolerant, since gateways are: JSON may have comments, bare keys and commas at
//! the end; YAML is read by lines and their indentation, with JSON inside of it.
//! Nothing recurses. Attack: a million brackets in a package manifest.

use super::super::unit::{Kind, Unit};
use crate::model::finding::Context;

/// Most texts that are taken out of one file. Attack: twenty thousand words before the
/// command that matters. So whoever asks for texts hands in the piece that is told
/// to be cut.
const MOST: usize = 20_000;
/// Keys that are kept above a text, the innermost ones.
const KEYS: usize = 8;

/// A text in a structure.
#[derive(Debug, Clone)]
pub(super) struct Field {
    /// The keys above it, the outermost first.
    pub keys: Vec<String>,
    /// Which object it stands in: fields of one object have the same number.
    pub object: usize,
    /// The text.
    pub value: Unit,
}

impl Field {
    /// The innermost key.
    pub(super) fn key(&self) -> &str {
        self.keys.last().map_or("", String::as_str)
    }

    /// Whether one of the keys above it is this one.
    pub(super) fn below(&self, key: &str) -> bool {
        self.keys.iter().rev().skip(1).any(|one| one.eq_ignore_ascii_case(key))
    }
}

/// What stands inside of brackets: the key it has, its number, whether it is an object.
struct Frame {
    key: String,
    object: usize,
    is_object: bool,
}

/// All texts of a JSON value.
pub(super) fn of_json(unit: &mut Unit) -> Vec<Field> {
    let (all, _, cut) = json(unit, &[], 0);
    unit.cut |= cut;
    all
}

/// All texts of a JSON value below these keys, how many objects were counted, and
/// whether more stands behind the last one.
fn json(unit: &Unit, above: &[String], count: usize) -> (Vec<Field>, usize, bool) {
    let text = unit.text.as_str();
    let (mut all, mut frames, mut at, mut count) = (Vec::new(), Vec::<Frame>::new(), 0, count);
    let mut key: Option<String> = None;
    while let Some(c) = text[at..].chars().next().filter(|_| all.len() < MOST) {
        match c {
            '{' | '[' => {
                count += 1;
                frames.push(Frame {
                    key: key.take().unwrap_or_default(),
                    object: count,
                    is_object: c == '{',
                });
                at += 1;
            }
            '}' | ']' => {
                frames.pop();
                (key, at) = (None, at + 1);
            }
            '"' | '\'' => {
                let (value, length) = quoted(unit, at);
                at += length;
                let names = text[at..].trim_start().starts_with(':')
                    && frames.last().is_some_and(|frame| frame.is_object);
                if names && key.is_none() {
                    key = Some(value.text);
                    continue;
                }
                // An element of a list belongs to the list's key.
                let mut keys = above.to_vec();
                keys.extend(
                    frames
                        .iter()
                        .rev()
                        .take(KEYS)
                        .rev()
                        .map(|frame| frame.key.clone())
                        .filter(|key| !key.is_empty()),
                );
                keys.extend(key.take());
                let object = frames.last().map_or(0, |frame| frame.object);
                all.push(Field { keys, object, value });
            }
            '/' if text[at..].starts_with("//") => at += text[at..].find('\n').unwrap_or(text.len() - at),
            '/' if text[at..].starts_with("/*") => {
                at += text[at..].find("*/").map_or(text.len() - at, |end| end + 2)
            }
            c if c.is_alphabetic() || c == '_' || c == '$' => {
                let rest = &text[at..];
                let end =
                    rest.find(|c: char| !(c.is_alphanumeric() || "_$-".contains(c))).unwrap_or(rest.len());
                if rest[end..].trim_start().starts_with(':') {
                    key = Some(rest[..end].to_owned());
                }
                at += end.max(1);
            }
            ',' => (key, at) = (None, at + 1),
            c => at += c.len_utf8(),
        }
    }
    (all, count, at < text.len())
}

/// A quoted text that begins at this byte: what it says, and how long it is with its quotes.
fn quoted(unit: &Unit, at: usize) -> (Unit, usize) {
    let text = unit.text.get(at..).unwrap_or_default();
    let mark = text.chars().next().unwrap_or('"');
    let mut out = Unit::new(Context::Prose, Kind::Data);
    let mut here = 1;
    while let Some(c) = text[here..].chars().next() {
        if c == mark {
            return (out, here + 1);
        }
        let place = unit.origin(at + here);
        if c != '\\' {
            let length = text[here..].find([mark, '\\']).unwrap_or(text.len() - here).max(c.len_utf8());
            push(&mut out, unit, at + here, at + here + length);
            here += length;
            continue;
        }
        // Attack: a text that ends behind a backslash, to end whoever reads it.
        let Some(next) = text[here + 1..].chars().next() else { return (out, text.len()) };
        here += 1 + next.len_utf8();
        let digits = match next {
            'u' => 4,
            'x' => 2,
            _ => 0,
        };
        let code = text.get(here..here + digits).filter(|_| digits > 0);
        let c = match (next, code.and_then(|code| u32::from_str_radix(code, 16).ok())) {
            (_, Some(code)) => {
                here += digits;
                char::from_u32(code).unwrap_or('\u{fffd}')
            }
            ('n', _) => '\n',
            ('t', _) => '\t',
            ('r', _) => '\r',
            ('b' | 'f', _) => ' ',
            (c, _) => c,
        };
        out.push(c.encode_utf8(&mut [0; 4]), place);
    }
    (out, text.len())
}

/// A text in YAML's single quotes, in which nothing but `''` is special.
fn single(unit: &Unit, at: usize) -> (Unit, usize) {
    let text = unit.text.get(at..).unwrap_or_default();
    let mut out = Unit::new(Context::Prose, Kind::Data);
    let mut here = 1;
    while let Some(end) = text[here..].find('\'') {
        push(&mut out, unit, at + here, at + here + end);
        here += end + 1;
        if !text[here..].starts_with('\'') {
            return (out, here);
        }
        push(&mut out, unit, at + here, at + here + 1);
        here += 1;
    }
    push(&mut out, unit, at + here, at + text.len());
    (out, text.len())
}

/// Puts these bytes of a unit behind another one.
pub(super) fn push(out: &mut Unit, unit: &Unit, start: usize, end: usize) {
    if let Some(text) = unit.text.get(start..end) {
        out.push(text, unit.origin(start));
    }
}

/// A key of YAML that is open: how far it is indented, its name, its object.
struct Open {
    indent: usize,
    key: String,
    object: usize,
}

/// All texts of a YAML text, by its lines.
pub(super) fn of_yaml(whole: &mut Unit) -> Vec<Field> {
    let (all, cut) = yaml(whole);
    whole.cut |= cut;
    all
}

/// The same, and whether more stands behind the last one.
fn yaml(unit: &Unit) -> (Vec<Field>, bool) {
    let text = unit.text.as_str();
    // Brackets that have no end are looked for once; then each counts for its line.
    let mut even = true;
    let (mut all, mut open, mut count, mut at, mut cut) = (Vec::new(), Vec::<Open>::new(), 0, 0, false);
    while at < text.len() && all.len() < MOST {
        let line = line_at(text, at);
        let mut content = line.trim_start_matches([' ', '\t']);
        let mut start = at + (line.len() - content.len());
        at += line.len();
        content = content.trim_end();
        if content.is_empty() || content.starts_with('#') || content.starts_with("---") {
            continue;
        }
        let mut indent = start - (at - line.len());
        // `- key: value` is an object of its own, indented by its dash.
        while let Some(rest) =
            content.strip_prefix("- ").or_else(|| content.strip_prefix('-').filter(|rest| rest.is_empty()))
        {
            open.retain(|one| one.indent < indent || one.indent == indent && !one.key.is_empty());
            count += 1;
            open.truncate(64);
            open.push(Open { indent, key: String::new(), object: count });
            let inner = rest.trim_start();
            let skipped = content.len() - inner.len();
            (start, indent, content) = (start + skipped, indent + skipped, inner);
        }
        let (key, value) = match key_of(content) {
            Some((key, behind)) => {
                open.retain(|one| one.indent < indent);
                let above = open.last().map_or(0, |one| one.object);
                let object = if open.last().is_some_and(|one| !one.key.is_empty()) {
                    above + 1_000_000 * open.len()
                } else {
                    above
                };
                open.truncate(64);
                open.push(Open { indent, key: key.to_owned(), object });
                (true, start + behind)
            }
            None => (false, start),
        };
        let field = |value: Unit, open: &[Open]| {
            let keys = open.iter().map(|one| one.key.clone()).filter(|key| !key.is_empty()).collect();
            Field { keys, object: open.last().map_or(0, |one| one.object), value }
        };
        let shown = text.get(value..start + content.len()).unwrap_or_default();
        if shown.is_empty() && key {
            continue;
        }
        if shown.starts_with(['{', '[']) {
            // A structure of its own: to where its brackets are even, or the indentation ends.
            let found = if even { flow_end(text, value) } else { None };
            even = found.is_some();
            let end = found.unwrap_or(start + content.len());
            let mut inner = Unit::new(Context::Prose, Kind::Data);
            push(&mut inner, unit, value, end);
            let keys: Vec<String> =
                open.iter().map(|one| one.key.clone()).filter(|key| !key.is_empty()).collect();
            let (mut found, counted, more) = json(&inner, &keys, count);
            (count, cut) = (counted, cut || more);
            // `[a, b]` without quotes.
            if found.is_empty() && shown.starts_with('[') {
                found.push(field(inner, &open));
            }
            all.append(&mut found);
            at = at.max(end);
        } else if key && shown.starts_with(['|', '>']) {
            let (value, end) = block(unit, at, indent, shown.starts_with('>'));
            all.push(field(value, &open));
            at = end;
        } else if shown.starts_with(['"', '\'']) {
            let (value, length) =
                if shown.starts_with('"') { quoted(unit, value) } else { single(unit, value) };
            at = at.max(start.max(value_end(text, start + content.len() - shown.len(), length)));
            // A structure in quotes.
            if value.text.trim_start().starts_with('{') {
                let keys: Vec<String> =
                    open.iter().map(|one| one.key.clone()).filter(|key| !key.is_empty()).collect();
                let (mut found, counted, more) = json(&value, &keys, count);
                (count, cut) = (counted, cut || more);
                all.append(&mut found);
            } else {
                all.push(field(value, &open));
            }
        } else {
            let plain = shown.split(" #").next().unwrap_or(shown).trim_end();
            let mut one = Unit::new(Context::Prose, Kind::Data);
            push(&mut one, unit, value, value + plain.len());
            all.push(field(one, &open));
        }
    }
    (all, cut || at < text.len())
}

/// The end of the line in which a text of this length ends that begins here.
fn value_end(text: &str, start: usize, length: usize) -> usize {
    let end = (start + length).min(text.len());
    text.get(end..).and_then(|rest| rest.find('\n')).map_or(text.len(), |at| end + at + 1)
}

fn line_at(text: &str, at: usize) -> &str {
    let rest = text.get(at..).unwrap_or_default();
    &rest[..rest.find('\n').map_or(rest.len(), |end| end + 1)]
}

/// A key at the begin of a line, and where its value begins.
fn key_of(content: &str) -> Option<(&str, usize)> {
    if content.starts_with(['{', '[']) {
        return None;
    }
    let colon = content.match_indices(':').map(|(at, _)| at).find(|at| {
        let behind = content.as_bytes().get(at + 1);
        behind.is_none_or(|c| *c == b' ' || *c == b'\t')
    })?;
    let key = content.get(..colon)?.trim().trim_matches(['"', '\'']);
    let plain = !key.is_empty()
        && key.len() < 80
        && !key.contains(['{', '[', '|', '&', '$'])
        && key.split(' ').count() < 4;
    let behind = &content[colon + 1..];
    plain.then_some((key, colon + 1 + (behind.len() - behind.trim_start().len())))
}

/// Where brackets that open here are even again; quotes hold them off.
fn flow_end(text: &str, start: usize) -> Option<usize> {
    let (mut depth, mut quote, mut escaped) = (0_usize, None, false);
    for (at, c) in text[start..].char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some('"'), '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '{' | '[') => depth += 1,
            (None, '}' | ']') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(start + at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// A block behind `|` or `>`: its lines without their indentation, and where it ends.
/// Behind `>` the ends of lines are blanks.
fn block(unit: &Unit, from: usize, above: usize, folded: bool) -> (Unit, usize) {
    let text = unit.text.as_str();
    let (mut out, mut at, mut indent) = (Unit::new(Context::Prose, Kind::Data), from, None);
    while at < text.len() {
        let line = line_at(text, at);
        let blank = line.trim().is_empty();
        let here = line.len() - line.trim_start_matches(' ').len();
        let least = *indent.get_or_insert(if blank { 0 } else { here });
        if blank && least == 0 {
            indent = None;
        } else if !blank && here <= above {
            break;
        }
        let end = if folded && !blank { at + line.trim_end().len() } else { at + line.len() };
        push(&mut out, unit, at + here.min(least).min(line.len()), end);
        if folded && !blank {
            out.push(" ", unit.origin(end.saturating_sub(1)));
        }
        at += line.len();
    }
    (out, at)
}
