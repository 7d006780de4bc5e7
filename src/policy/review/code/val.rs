//! What expressions of a program come to, and what is made of that: commands out of
//! lists, texts put together, texts taken out of an encoding.

use super::super::shell::known;
use super::super::shell::value::{Origin, UNKNOWN, Value};
use super::quoted;

/// What an expression comes to.
#[derive(Debug, Clone, Default)]
pub(super) struct Val {
    pub(super) value: Value,
    /// Its name in full, if it has one.
    pub(super) path: String,
    /// Its elements, if it is a list.
    pub(super) list: Option<Vec<Value>>,
    /// The file that it writes to, if it is one.
    pub(super) file: Option<String>,
    /// Whether it begins with what stands there in quotes.
    pub(super) literal: bool,
}

impl Val {
    pub(super) fn text(value: Value) -> Self {
        Self { value, ..Self::default() }
    }

    pub(super) fn named(path: impl Into<String>) -> Self {
        Self { value: Value::unknown(), path: path.into(), ..Self::default() }
    }
}

/// Bytes that are copied with it.
pub(super) fn size(val: &Val) -> usize {
    val.value.size() + val.list.iter().flatten().map(Value::size).sum::<usize>()
}

/// Whether what came over the network or out of an encoding is itself what is run:
/// it begins the command, or stands behind an interpreter. As an argument it is data.
pub(super) fn runs_as_text(what: &Value, literal: bool) -> bool {
    let first = what.text.trim_start();
    let word = first.split_whitespace().next().unwrap_or_default();
    let name = word.rsplit('/').next().unwrap_or_default();
    !what.from.kinds.is_empty()
        && (!literal
            || first.is_empty()
            || word.starts_with(UNKNOWN)
            || known::interpreter(name).is_some()
            || name == "eval")
}

/// What is started: a text, or a program with a list of arguments.
pub(super) fn command(all: &[(String, Val)]) -> Value {
    let given =
        all.iter().find(|(name, _)| name.is_empty() || matches!(name.as_str(), "args" | "cmd" | "command"));
    let Some((_, first)) = given else { return Value::unknown() };
    if let Some(list) = &first.list {
        return words(list);
    }
    let mut out = first.value.clone();
    // spawn("sh", ["-c", …]), execlp("sh", "sh", "-c", …)
    match all.get(1).map(|(name, val)| (name.is_empty(), &val.list)) {
        Some((true, Some(list))) => {
            out.push_text(" ");
            out.push(&words(list));
        }
        Some((true, None)) if all.len() > 2 => {
            let rest: Vec<Value> = all
                .iter()
                .skip(2)
                .filter(|(name, _)| name.is_empty())
                .map(|(_, val)| val.value.clone())
                .collect();
            out.push_text(" ");
            out.push(&words(&rest));
        }
        _ => {}
    }
    out
}

pub(super) fn words(list: &[Value]) -> Value {
    let mut out = Value::default();
    for (index, value) in list.iter().enumerate() {
        if index > 0 {
            out.push_text(" ");
        }
        out.push(&value.with_text(quoted(&value.text)));
    }
    out
}

pub(super) fn joined(all: Vec<(String, Val)>) -> Value {
    let mut out = Value::default();
    for (_, val) in all {
        out.from.add(&val.value.from);
    }
    out.with_text(UNKNOWN)
}

/// The elements of a list with a text between them.
pub(super) fn join(val: &Val, between: &Value) -> Value {
    let Some(list) = &val.list else { return val.value.with_text(UNKNOWN) };
    let mut out = Value::default();
    for (index, value) in list.iter().enumerate() {
        if index > 0 && between.is_known() {
            out.push_text(&between.text);
        }
        out.push(value);
    }
    out
}

pub(super) fn put_in(format: &Value, mark: &str, values: &[Value]) -> Value {
    let mut out = format.with_text("");
    let mut values = values.iter();
    for (index, part) in format.text.split(mark).enumerate() {
        if index > 0 {
            match values.next() {
                Some(value) => out.push(value),
                None => out.push_text(UNKNOWN.encode_utf8(&mut [0; 4])),
            }
        }
        out.push_text(part);
    }
    out
}

/// A text out of base64 or hexadecimal, if that is known; where it came from in any case.
pub(super) fn decoded(what: &Value, name: &str, kind: &str) -> Value {
    use base64::Engine as _;
    let packed: String = what.text.chars().filter(|c| !c.is_whitespace()).collect();
    let bytes = match (name, kind) {
        ("fromhex" | "unhexlify", _) | (_, "hex") => {
            let digits: Vec<u32> = packed.chars().filter_map(|c| c.to_digit(16)).collect();
            Some(
                digits.chunks_exact(2).filter_map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok()).collect(),
            )
        }
        (
            "b64decode" | "atob" | "decode64" | "strict_decode64" | "base64_decode" | "decode_base64"
            | "from" | "Buffer",
            _,
        ) => base64::engine::general_purpose::STANDARD.decode(packed.as_bytes()).ok(),
        _ => None,
    };
    let text =
        bytes.filter(|_| what.is_known()).map(|bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned());
    let mut out = Value { text: String::new(), from: what.from.clone() };
    out.push_text(text.as_deref().unwrap_or("\u{fffc}"));
    out.and(Origin::Decoded)
}
