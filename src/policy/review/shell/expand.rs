//! From words to arguments: what quotes, names, substitutions and braces come to.
//!
//! POSIX.1-2024, Shell Command Language, section 2.6, in its order: braces (as
//! bash), parameters and substitutions, field splitting, and no patterns, since
//! no file system is asked.

use super::braces::{MOST, braces};
use super::machine::Machine;
use super::tree::{Op, Piece, Word};
use super::value::{Origin, UNKNOWN, Value};

/// A part of a word: whether blanks in it separate fields.
struct Part {
    value: Value,
    splits: bool,
    /// `"$@"`: what stands behind begins a field of its own.
    ends: bool,
}

impl Machine {
    /// All arguments that these words come to.
    pub(super) fn fields(&mut self, words: &[Word]) -> Vec<Value> {
        let mut all = Vec::new();
        for word in words {
            let Some(words) = braces(word) else {
                self.trace.cut = true;
                return all;
            };
            for word in &*words {
                if self.is_nothing(word) {
                    continue;
                }
                let parts = self.parts(word);
                let length: usize = parts.iter().map(|part| part.value.size()).sum();
                if !self.spend(64 + length) {
                    return all;
                }
                // Each field of a part has its origins.
                all.extend(split(parts, &self.separators()));
                if all.len() > 4 * MOST {
                    self.trace.cut = true;
                    return all;
                }
            }
        }
        all
    }

    /// `"$@"` where there are no arguments: no field at all, not an empty one.
    fn is_nothing(&self, word: &Word) -> bool {
        let empty = |piece: &Piece| match piece {
            Piece::Quoted(text) => text.is_empty(),
            Piece::Name { name, op: Op::Value, .. } => name == "@" && self.has_no_arguments(),
            Piece::Name { name, op: Op::Index(index), .. } => {
                index == "@" && self.vars.get(name).is_none_or(Vec::is_empty)
            }
            _ => false,
        };
        word.pieces.iter().any(|piece| matches!(piece, Piece::Name { .. })) && word.pieces.iter().all(empty)
    }

    /// The one text that a word comes to where nothing is split.
    pub(super) fn one(&mut self, word: &Word) -> Value {
        let mut out = Value::default();
        for part in self.parts(word) {
            self.spend(32 + part.value.size());
            out.push(&part.value);
            if part.ends {
                out.push_text(" ");
            }
        }
        out
    }

    fn separators(&self) -> String {
        self.text_of("IFS").unwrap_or_else(|| " \t\n".to_owned())
    }

    fn parts(&mut self, word: &Word) -> Vec<Part> {
        let mut all = Vec::new();
        for (index, piece) in word.pieces.iter().enumerate() {
            match piece {
                Piece::Plain(text) => {
                    let home = index == 0 && (text == "~" || text.starts_with("~/"));
                    let text = if home { format!("$HOME{}", &text[1..]) } else { text.clone() };
                    all.push(Part { value: Value::known(text), splits: false, ends: false });
                }
                Piece::Quoted(text) => {
                    all.push(Part { value: Value::known(text), splits: false, ends: false })
                }
                Piece::Unknown => all.push(Part { value: Value::unknown(), splits: false, ends: false }),
                Piece::Output { script, quoted } => {
                    let mut value = self.output_of(script);
                    let length = value.text.trim_end_matches('\n').len();
                    value.text.truncate(length);
                    all.push(Part { value, splits: !quoted, ends: false });
                }
                Piece::Process { script, read } => {
                    let value = self.process(script, *read);
                    all.push(Part { value, splits: false, ends: false });
                }
                Piece::Name { name, op, quoted } => self.name(name, op, *quoted, &mut all),
            }
        }
        all
    }

    fn name(&mut self, name: &str, op: &Op, quoted: bool, all: &mut Vec<Part>) {
        let list = match op {
            Op::Value if matches!(name, "@" | "*") => Some(self.arguments()),
            Op::Index(index) if matches!(index.as_str(), "@" | "*") => Some(self.list(name)),
            _ => None,
        };
        if let Some(list) = list {
            let count = list.len();
            for (index, value) in list.into_iter().enumerate() {
                all.push(Part { value, splits: !quoted, ends: index + 1 < count });
            }
            return;
        }
        let value = self.operated(name, op);
        all.push(Part { value, splits: !quoted, ends: false });
    }

    /// A variable's value, with what is done to it.
    fn operated(&mut self, name: &str, op: &Op) -> Value {
        let value = match op {
            Op::Index(index) => {
                let index = self.text_of(index).unwrap_or_else(|| index.clone());
                return self
                    .list(name)
                    .get(index.trim_start_matches('$').parse().unwrap_or(0))
                    .cloned()
                    .unwrap_or_default();
            }
            _ => self.value_of(name).or_else(|| preset(name)),
        };
        let empty = value.as_ref().is_none_or(|value| value.text.is_empty());
        match (op, value) {
            (Op::Default(word), _) if empty => self.one(word),
            (Op::Instead(word), _) => {
                let instead = self.one(word);
                if empty { Value::default() } else { instead }
            }
            (Op::Pointer, Some(value)) => {
                let name = value.text.clone();
                self.value_of(&name).unwrap_or_else(Value::unknown)
            }
            // Whether it is set is decided by a run: what stands behind is followed.
            (Op::Default(word) | Op::Demand(word), value) => {
                self.one(word);
                value.unwrap_or_else(Value::unknown)
            }
            (Op::Other(words), value) => {
                for word in words {
                    self.one(word);
                }
                value.map_or_else(Value::unknown, |value| value.with_text(UNKNOWN))
            }
            (op, value) => self.changed(value.unwrap_or_else(Value::unknown), op),
        }
    }

    fn changed(&mut self, value: Value, op: &Op) -> Value {
        if !value.is_known() && !matches!(op, Op::Value | Op::Default(_)) {
            // What is done is not known, but what is run to do it is.
            match op {
                Op::Slice(from, count) => {
                    std::iter::once(from).chain(count).for_each(|word| drop(self.one(word)))
                }
                Op::Trim { pattern, .. } => drop(self.one(pattern)),
                Op::Replace { old, new, .. } => [old, new].into_iter().for_each(|word| drop(self.one(word))),
                _ => {}
            }
            return value;
        }
        match op {
            Op::Slice(from, count) => {
                let number =
                    |machine: &mut Self, word: &Word| machine.one(word).text.trim().parse::<i64>().ok();
                let Some(from) = number(self, from) else { return value.with_text(UNKNOWN) };
                let chars: Vec<char> = value.text.chars().collect();
                let length = i64::try_from(chars.len()).unwrap_or(i64::MAX);
                let start = if from < 0 { (length + from).max(0) } else { from.min(length) };
                let end = match count {
                    None => length,
                    Some(word) => match number(self, word) {
                        Some(count) if count >= 0 => start.saturating_add(count).min(length),
                        Some(count) => (length + count).max(start),
                        None => return value.with_text(UNKNOWN),
                    },
                };
                let range = usize::try_from(start).unwrap_or(0)..usize::try_from(end).unwrap_or(0);
                value
                    .with_text(chars.get(range).unwrap_or_default().iter().collect::<String>())
                    .and(Origin::Built)
            }
            Op::Trim { end, pattern } => {
                let pattern = self.one(pattern).text;
                let text = trimmed(&value.text, &pattern, *end);
                value.with_text(text)
            }
            Op::Replace { all, old, new } => {
                let (old, new) = (self.one(old).text, self.one(new).text);
                value.replaced(&old, &new, *all).and(Origin::Built)
            }
            Op::Case(true) => value.with_text(value.text.to_uppercase()),
            Op::Case(false) => value.with_text(value.text.to_lowercase()),
            Op::Other(_) => value.with_text(UNKNOWN),
            _ => value,
        }
    }
}

/// Names that a shell sets itself, as far as they can stand for a blank or a slash.
fn preset(name: &str) -> Option<Value> {
    Some(Value::known(match name {
        "IFS" => " \t\n",
        "HOME" => "$HOME",
        "PATH" => "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "SHELL" | "BASH" => "/bin/bash",
        "@" | "*" => "",
        _ => return None,
    }))
}

fn trimmed(text: &str, pattern: &str, end: bool) -> String {
    let cut = if end { text.strip_suffix(pattern) } else { text.strip_prefix(pattern) };
    if let Some(cut) = cut {
        return cut.to_owned();
    }
    let star = pattern
        .strip_prefix('*')
        .map(|rest| (rest, false))
        .or(pattern.strip_suffix('*').map(|rest| (rest, true)));
    match star {
        Some((mark, false)) if !end && !mark.is_empty() => {
            text.split_once(mark).map_or_else(|| text.to_owned(), |(_, rest)| rest.to_owned())
        }
        Some((mark, true)) if end && !mark.is_empty() => {
            text.rsplit_once(mark).map_or_else(|| text.to_owned(), |(rest, _)| rest.to_owned())
        }
        _ => text.to_owned(),
    }
}

/// Fields: parts that split do so at the separators, all others hold together.
fn split(parts: Vec<Part>, separators: &str) -> Vec<Value> {
    let (mut all, mut now, mut open) = (Vec::new(), Value::default(), false);
    for part in parts {
        if !part.splits {
            now.push(&part.value);
            open = true;
        } else {
            let mut fields = part.value.text.split(|c| separators.contains(c)).peekable();
            while let Some(field) = fields.next() {
                if !field.is_empty() {
                    now.push(&part.value.with_text(field));
                    open = true;
                }
                if fields.peek().is_some() && open {
                    all.push(std::mem::take(&mut now));
                    open = false;
                }
                if all.len() > 4 * MOST {
                    return all;
                }
            }
        }
        if part.ends && open {
            all.push(std::mem::take(&mut now));
            open = false;
        }
    }
    if open {
        all.push(now);
    }
    all
}
