//! Programs whose output can be told from what they are given: `echo`, `printf`,
//! `base64 -d`, `rev`, `tr` and their like.
//!
//! Exact where an attack needs it to be exact, and unknown everywhere else: what
//! is not computed here keeps its origins, and loses its text.

use super::escapes::unescape;
use super::machine::Machine;
use super::tree::Span;
use super::value::{Origin, UNKNOWN, Value};
use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The output of a program that is known here; `None` for any other.
pub(super) fn output(
    machine: &mut Machine,
    name: &str,
    argv: &[Value],
    input: &Value,
    span: Span,
) -> Option<Value> {
    let rest = argv.get(1..).unwrap_or_default();
    let has = |options: &[&str]| rest.iter().any(|word| options.contains(&word.text.as_str()));
    Some(match name {
        "echo" | "print" | "write-output" => echo(rest),
        "printf" => printf(machine, rest),
        "cat" | "head" | "tail" | "tac" | "sort" | "uniq" | "tee" | "pv" | "sponge" | "dd" | "zcat"
        | "gzcat" | "bat" => {
            let out = given(machine, rest, input);
            if name == "tee" {
                for word in rest.iter().filter(|word| !word.text.starts_with('-')) {
                    machine.write(word.clone(), input.clone(), has(&["-a"]), span);
                }
                return Some(input.clone());
            }
            out
        }
        "base64" | "gbase64" if has(&["-d", "-D", "--decode", "-di", "-id", "-i -d"]) => {
            decoded(&given(machine, rest, input))
        }
        "base32" | "basenc" | "uudecode" | "ascii85" if name == "uudecode" || has(&["-d", "--decode"]) => {
            given(machine, rest, input).with_text(UNKNOWN).and(Origin::Decoded)
        }
        "openssl" if has(&["-d"]) || has(&["-decrypt"]) => {
            let known = has(&["base64", "-base64", "-a"]);
            let value = given(machine, &[], input);
            if known { decoded(&value) } else { value.with_text(UNKNOWN).and(Origin::Decoded) }
        }
        "gpg" | "gpg2" if has(&["-d", "--decrypt"]) => input.with_text(UNKNOWN).and(Origin::Decoded),
        "xxd"
            if rest.iter().any(|word| {
                word.text.starts_with("-r") || word.text == "-p -r" || word.text.ends_with("r")
            }) =>
        {
            unhex(&given(machine, rest, input))
        }
        "rev" => {
            let value = given(machine, rest, input);
            let lines: Vec<String> = value.text.lines().map(|line| line.chars().rev().collect()).collect();
            value.with_text(lines.join("\n")).and(Origin::Built)
        }
        "tr" => translate(rest, input),
        "sed"
            if rest.iter().any(|word| word.text.starts_with("-i") || word.text.starts_with("--in-place")) =>
        {
            if let Some(path) = rest.iter().rfind(|word| !word.text.starts_with('-')) {
                machine.placed(path.clone(), true, span);
            }
            Value::default()
        }
        "sed" => substitute(rest, input),
        "mv" | "cp" | "ln" | "install" => {
            let paths: Vec<&Value> = rest.iter().filter(|word| !word.text.starts_with('-')).collect();
            if let [from @ .., to] = paths.as_slice()
                && let Some(from) = from.last()
            {
                let what = machine.file(&from.text);
                if what.from.kinds.is_empty() {
                    machine.placed((*to).clone(), false, span);
                } else {
                    machine.write((*to).clone(), what, false, span);
                }
            }
            Value::default()
        }
        "tar" | "bsdtar" if packs(rest) => return None,
        "tar" | "bsdtar" | "unzip" | "7z" | "7za" | "7zz" | "unrar" | "rar" | "gunzip" | "unxz"
        | "bunzip2" => unpack(machine, name, rest, input),
        _ => return None,
    })
}

/// The files that are named, or else the input.
fn given(machine: &Machine, rest: &[Value], input: &Value) -> Value {
    let mut out = Value::default();
    let mut any = false;
    for word in rest.iter().filter(|word| !word.text.starts_with('-') && !word.text.is_empty()) {
        if word.text.chars().all(|c| c.is_ascii_digit()) {
            continue;
        }
        let held = machine.file(&word.text);
        out.push(&held);
        any = true;
    }
    if any && (!out.from.kinds.is_empty() || input.text.is_empty()) { out } else { input.clone() }
}

fn echo(rest: &[Value]) -> Value {
    let mut words = rest.iter().peekable();
    let (mut escapes, mut newline) = (false, true);
    while let Some(word) = words.next_if(|word| {
        word.text.len() > 1 && word.text.starts_with('-') && word.text[1..].chars().all(|c| "neE".contains(c))
    }) {
        escapes |= word.text.contains('e');
        newline &= !word.text.contains('n');
    }
    let mut out = Value::default();
    for (index, word) in words.enumerate() {
        if index > 0 {
            out.push_text(" ");
        }
        out.push(word);
    }
    if escapes && out.text.contains('\\') {
        out = out.with_text(unescape(&out.text, false)).and(Origin::Built);
    }
    if newline {
        out.push_text("\n");
    }
    out
}

fn printf(machine: &mut Machine, rest: &[Value]) -> Value {
    let (name, rest) = match rest {
        [option, name, rest @ ..] if option.text == "-v" => (Some(name.text.clone()), rest),
        [option, rest @ ..] if option.text == "--" => (None, rest),
        rest => (None, rest),
    };
    let Some((format, args)) = rest.split_first() else { return Value::default() };
    let mut args = args.iter();
    let mut out = Value::default();
    out.from.add(&format.from);
    let built = format.text.contains("\\x") || format.text.contains("\\0") || has_octal(&format.text);
    for round in 0..256 {
        let before = args.len();
        one_round(&unescape(&format.text, true), &mut args, &mut out);
        if args.len() == 0 || args.len() == before || round == 255 {
            break;
        }
    }
    if built {
        out = out.and(Origin::Built);
    }
    match name {
        Some(name) => {
            machine.set(&name, out);
            Value::default()
        }
        None => out,
    }
}

fn has_octal(text: &str) -> bool {
    text.as_bytes().windows(2).any(|pair| pair[0] == b'\\' && pair[1].is_ascii_digit())
}

/// One time through a format of `printf`.
fn one_round<'a>(format: &str, args: &mut impl Iterator<Item = &'a Value>, out: &mut Value) {
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        out.push_text(&rest[..at]);
        rest = &rest[at + 1..];
        let flags = rest.find(|c: char| !(c.is_ascii_digit() || "-+ #.".contains(c))).unwrap_or(rest.len());
        let Some(kind) = rest[flags..].chars().next() else { return };
        rest = &rest[flags + kind.len_utf8()..];
        match kind {
            '%' => out.push_text("%"),
            's' | 'q' => {
                if let Some(value) = args.next() {
                    out.push(value);
                }
            }
            'b' => {
                if let Some(value) = args.next() {
                    out.push(&value.with_text(unescape(&value.text, false)).and(Origin::Built));
                }
            }
            'c' => {
                if let Some(value) = args.next() {
                    out.push(&value.with_text(value.text.chars().take(1).collect::<String>()));
                }
            }
            'x' | 'X' | 'o' | 'd' | 'i' | 'u' => {
                let value = args.next().cloned().unwrap_or_default();
                let text = match (kind, value.text.trim_start_matches(['\'', '"']).parse::<i64>()) {
                    ('x', Ok(number)) => format!("{number:x}"),
                    ('X', Ok(number)) => format!("{number:X}"),
                    ('o', Ok(number)) => format!("{number:o}"),
                    (_, Ok(number)) => number.to_string(),
                    _ => UNKNOWN.to_string(),
                };
                out.push(&value.with_text(text));
            }
            _ => out.push_text(&UNKNOWN.to_string()),
        }
    }
    out.push_text(rest);
}

fn decoded(value: &Value) -> Value {
    let packed: String = value.text.chars().filter(|c| !c.is_whitespace()).collect();
    let text = match LENIENT.decode(&packed) {
        Ok(bytes) if value.is_known() => String::from_utf8_lossy(&bytes).into_owned(),
        _ => UNKNOWN.to_string(),
    };
    value.with_text(text).and(Origin::Decoded)
}

fn unhex(value: &Value) -> Value {
    let digits: Vec<u32> = value.text.chars().filter_map(|c| c.to_digit(16)).collect();
    let bytes: Vec<u8> =
        digits.chunks_exact(2).filter_map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok()).collect();
    let text =
        if value.is_known() { String::from_utf8_lossy(&bytes).into_owned() } else { UNKNOWN.to_string() };
    value.with_text(text).and(Origin::Decoded)
}

/// A PowerShell command as `-EncodedCommand` takes it.
pub(super) fn utf16(value: &Value) -> Value {
    // `-enc SQBFAFgA...`: cut short by whoever shows it, and run by nobody.
    if value.text.ends_with("...") || value.text.ends_with('…') {
        return Value::unknown();
    }
    let text = match LENIENT.decode(value.text.trim()) {
        Ok(bytes) => {
            let units: Vec<u16> =
                bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
            String::from_utf16_lossy(&units)
        }
        Err(_) => UNKNOWN.to_string(),
    };
    value.with_text(text).and(Origin::Decoded)
}

fn set_of(text: &str) -> Vec<char> {
    let text = unescape(text, true);
    let text = match text.as_str() {
        "[:lower:]" => "a-z",
        "[:upper:]" => "A-Z",
        "[:digit:]" => "0-9",
        other => other,
    };
    let chars: Vec<char> = text.chars().collect();
    let (mut all, mut at) = (Vec::new(), 0);
    while at < chars.len() {
        if at + 2 < chars.len() && chars[at + 1] == '-' && chars[at] <= chars[at + 2] {
            all.extend((chars[at]..=chars[at + 2]).take(256));
            at += 3;
        } else {
            all.push(chars[at]);
            at += 1;
        }
    }
    all
}

fn translate(rest: &[Value], input: &Value) -> Value {
    let sets: Vec<&Value> =
        rest.iter().filter(|word| !word.text.starts_with('-') || word.text.len() > 3).collect();
    let delete = rest.iter().any(|word| matches!(word.text.as_str(), "-d" | "--delete"));
    let text = match (sets.as_slice(), delete) {
        ([from], true) => {
            let from = set_of(&from.text);
            input.text.chars().filter(|c| !from.contains(c)).collect()
        }
        ([from, to], false) => {
            let (from, to) = (set_of(&from.text), set_of(&to.text));
            let change = |c: char| {
                let at = from.iter().rposition(|other| *other == c)?;
                to.get(at).or(to.last()).copied()
            };
            input.text.chars().map(|c| change(c).unwrap_or(c)).collect()
        }
        _ => UNKNOWN.to_string(),
    };
    input.with_text(text).and(Origin::Built)
}

/// `s/old/new/` with old a plain text; anything else makes the text unknown.
fn substitute(rest: &[Value], input: &Value) -> Value {
    let script = rest.iter().find(|word| !word.text.starts_with('-')).map_or("", |word| &word.text);
    let mut chars = script.chars();
    let plain = (chars.next() == Some('s')).then(|| chars.next()).flatten().and_then(|mark| {
        let parts: Vec<&str> = script[1 + mark.len_utf8()..].split(mark).collect();
        match parts.as_slice() {
            [old, new, flags] if !old.is_empty() && !old.contains(['\\', '[', '*', '.', '^', '$', '&']) => {
                Some(((*old).to_owned(), (*new).to_owned(), flags.contains('g')))
            }
            _ => None,
        }
    });
    let out = match plain {
        Some((old, new, true)) => input.replaced(&old, &new, true),
        Some((old, new, false)) => {
            let mut out = input.with_text("");
            for (index, line) in input.text.lines().enumerate() {
                out.push_text(if index > 0 { "\n" } else { "" });
                out.push_text(&Value::known(line).replaced(&old, &new, false).text);
            }
            out
        }
        None => input.with_text(UNKNOWN),
    };
    out.and(Origin::Built)
}

fn unpack(machine: &mut Machine, name: &str, rest: &[Value], input: &Value) -> Value {
    let file = rest.iter().find(|word| {
        let text = word.text.to_ascii_lowercase();
        [".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".xz", ".bz2", ".zst"]
            .iter()
            .any(|ending| text.ends_with(ending))
    });
    let mut what = file.map_or_else(|| input.clone(), |file| machine.file(&file.text)).with_text(UNKNOWN);
    let locked = match name {
        "unzip" => rest.iter().any(|word| word.text.starts_with("-P")),
        "7z" | "7za" | "7zz" | "unrar" | "rar" => {
            rest.iter().any(|word| word.text.starts_with("-p") && word.text.len() > 2)
        }
        _ => false,
    };
    if locked {
        what = what.and(Origin::Locked);
    }
    let out = rest
        .iter()
        .any(|word| matches!(word.text.as_str(), "-c" | "-p" | "-O" | "-dc" | "--stdout" | "--to-stdout"));
    if out || matches!(name, "gunzip" | "unxz" | "bunzip2") && file.is_none() {
        return what;
    }
    let folder = rest.iter().enumerate().find_map(|(at, word)| match word.text.as_str() {
        "-d" | "-C" | "--directory" | "-o" => rest.get(at + 1).map(|word| word.text.as_str()),
        text => text.strip_prefix("-o").filter(|folder| name.starts_with("7z") && !folder.is_empty()),
    });
    machine.unpacked(what, folder);
    Value::default()
}

/// Whether `tar` is told to make an archive.
fn packs(rest: &[Value]) -> bool {
    let first = rest.first().map_or("", |word| &word.text);
    rest.iter()
        .any(|word| word.text == "--create" || word.text.starts_with('-') && is_bundle(&word.text[1..], 'c'))
        || is_bundle(first, 'c')
}

fn is_bundle(letters: &str, one: char) -> bool {
    letters.len() < 8 && letters.contains(one) && letters.chars().all(|c| c.is_ascii_alphabetic())
}

/// What `python -m NAME` prints.
pub(super) fn module(name: &str, rest: &[Value], input: &Value) -> Value {
    if name == "base64" && rest.iter().any(|word| word.text == "-d") {
        return decoded(input);
    }
    input.with_text(UNKNOWN)
}

/// What an inline program prints, by what its text holds.
pub(super) fn inline_output(what: &Value, input: &Value) -> Value {
    let mut out = input.with_text(UNKNOWN);
    out.from.add(&what.from);
    let has = |words: &[&str]| words.iter().any(|word| what.text.contains(word));
    if has(&[
        "urlopen",
        "requests.get",
        "urllib",
        "http.client",
        "fetch(",
        "https.get",
        "Net::HTTP",
        "LWP::",
        "file_get_contents('http",
        "file_get_contents(\"http",
        "DownloadString",
    ]) {
        out = out.and(Origin::Fetched);
    }
    if has(&[
        "b64decode",
        "decode64",
        "decode_base64",
        "base64_decode",
        "'base64'",
        "\"base64\"",
        "atob(",
        "fromhex",
        "FromBase64String",
    ]) {
        out = out.and(Origin::Decoded);
    }
    out
}

/// Whether a name fits a pattern of `?`, `*` and `[…]`: one pass over the pattern,
/// with every place of the name that may be reached.
///
/// Attack: a hundred stars, to be tried in every way until nobody waits any more.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        rest = &rest[first.len_utf8()..];
        let Some(from) = reached.iter().position(|place| *place) else { return false };
        if first == '*' {
            reached[from..].fill(true);
            continue;
        }
        let set = rest.find(']').filter(|_| first == '[').map(|end| {
            let inside = set_of(&rest[..end]);
            rest = &rest[end + 1..];
            inside
        });
        let fit = |c: &char| set.as_ref().map_or(first == '?' || first == *c, |set| set.contains(c));
        // From the end on, so that a place is left before it is reached anew.
        for at in (0..name.len()).rev() {
            reached[at + 1] = reached[at] && fit(&name[at]);
        }
        reached[0] = false;
    }
    reached[name.len()]
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_name_fits_its_patterns() {
        for (pattern, name) in [
            ("bash", "bash"),
            ("b*h", "bash"),
            ("*", ""),
            ("**s?", "bash"),
            ("[a-c]as[h]", "bash"),
            ("ba[s]*", "bash"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("", "sh"),
            ("sh", ""),
            ("?", "sh"),
            ("s[a-g]", "sh"),
            ("*b", "sh"),
            ("s[h", "sh"),
            ("sh?", "sh"),
        ] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn attack_stars_to_be_tried_in_every_way() {
        let pattern = format!("{}{}{}", "*".repeat(200), "n".repeat(60), "*".repeat(200));
        assert!(!fits(&pattern, "systemctl"));
        assert!(!fits(&"*n".repeat(500_000), &"n".repeat(30)));
    }
}
