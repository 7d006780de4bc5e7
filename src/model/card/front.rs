//! A front matter as a tree, for what is asked for beside the fields of a card:
//! every value with its line, nothing judged.
//!
//! Gateways are tolerant, so this is: where the whole is no YAML, each top-level
//! block is read for itself, and only those that cannot be read are told as such.
//! JSON in quotes is a structure too; gateways read `metadata` so.

use super::tree::{self, Node, Value};

/// A value with its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Line in the file, from 1.
    pub line: usize,
    /// What stands there.
    pub value: Saying,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Saying {
    /// A text, number or truth value, as written.
    Text(String),
    /// A list.
    List(Vec<Said>),
    /// A map, in the order of the file.
    Map(Vec<(String, Said)>),
}

/// A block that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// Its first line.
    pub line: usize,
    /// Its key; empty for all of it.
    pub key: String,
}

/// The fields of a front matter, and what of it cannot be read.
#[must_use]
pub fn front(text: &str) -> (Vec<(String, Said)>, Vec<Unread>) {
    let Some(front) = cut(text) else { return (Vec::new(), Vec::new()) };
    if let Ok(fields) = tree::parse(&front, 2) {
        return (fields.into_iter().map(|(key, _, node)| (key, said(node))).collect(), Vec::new());
    }
    let (mut all, mut unread) = (Vec::new(), Vec::new());
    for (line, key, block) in blocks(&front) {
        match tree::parse(&block, line) {
            Ok(fields) => all.extend(fields.into_iter().map(|(key, _, node)| (key, said(node)))),
            Err(_) => unread.push(Unread { line, key }),
        }
    }
    (all, unread)
}

/// A JSON or YAML value in a text of its own, whose first line is this one.
#[must_use]
pub fn inner(text: &str, line: usize) -> Option<Said> {
    let fields = tree::parse(text, line).ok()?;
    let fields = fields.into_iter().map(|(key, _, node)| (key, said(node))).collect();
    Some(Said { line, value: Saying::Map(fields) })
}

/// What stands between the first two lines of dashes.
fn cut(text: &str) -> Option<String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.lines();
    if lines.next()?.trim_end() != "---" {
        return None;
    }
    let mut front = String::new();
    for line in lines {
        if line.trim_end() == "---" {
            return Some(front);
        }
        front.push_str(line);
        front.push('\n');
        if front.len() > super::FRONT_MATTER_MAX {
            return None;
        }
    }
    None
}

/// The top-level blocks: first line, key, text.
fn blocks(front: &str) -> Vec<(usize, String, String)> {
    let mut all: Vec<(usize, String, String)> = Vec::new();
    for (at, line) in front.lines().enumerate() {
        let key = line.split_once(':').map(|(key, _)| key.trim().trim_matches(['"', '\'']));
        let starts = line.starts_with(|c: char| !c.is_whitespace() && !"#-{}[]".contains(c));
        match (key.filter(|_| starts), all.last_mut()) {
            (Some(key), _) => all.push((at + 2, key.to_owned(), format!("{line}\n"))),
            (None, Some((_, _, block))) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, None) => {}
        }
    }
    all
}

fn said(node: Node) -> Said {
    let Node { line, value } = node;
    let value = match value {
        Value::Text(text) | Value::Plain(text) if text.trim_start().starts_with('{') => {
            match inner(text.trim(), line) {
                Some(said) => said.value,
                None => Saying::Text(text),
            }
        }
        Value::Text(text) | Value::Plain(text) => Saying::Text(text),
        Value::List(items) => Saying::List(items.into_iter().map(said).collect()),
        Value::Map(fields) => Saying::Map(fields.into_iter().map(|(key, node)| (key, said(node))).collect()),
    };
    Said { line, value }
}

impl Said {
    /// Its texts: itself, or those of its list.
    #[must_use]
    pub fn texts(&self) -> Vec<(usize, &str)> {
        match &self.value {
            Saying::Text(text) => vec![(self.line, text.trim())],
            Saying::List(items) => items.iter().flat_map(Self::texts).collect(),
            Saying::Map(_) => Vec::new(),
        }
    }

    /// The value of a key, if it is a map that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.value {
            Saying::Map(fields) => {
                fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, said)| said)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_at<'a>(fields: &'a [(String, Said)], path: &[&str]) -> Vec<(usize, &'a str)> {
        let (first, rest) = path.split_first().unwrap();
        let mut at = &fields.iter().find(|(key, _)| key == first).unwrap().1;
        for key in rest {
            at = at.get(key).unwrap();
        }
        at.texts()
    }

    #[test]
    fn lists_and_maps_keep_their_lines() {
        let (fields, unread) = front("---\nname: a\nmetadata:\n  x:\n    bins: [b, c]\n---\ntext\n");
        assert!(unread.is_empty());
        assert_eq!(text_at(&fields, &["metadata", "x", "bins"]), [(5, "b"), (5, "c")]);
    }

    #[test]
    fn json_in_quotes_is_a_structure() {
        let (fields, _) = front("---\nmetadata: '{\"x\":{\"bins\":[\"b\"]}}'\n---\n");
        assert_eq!(text_at(&fields, &["metadata", "x", "bins"]), [(2, "b")]);
    }

    #[test]
    fn one_bad_line_does_not_hide_what_is_asked_for() {
        let (fields, unread) = front("---\ndescription: Key words: a, b\nmetadata:\n  bins: [b]\n---\n");
        assert_eq!(text_at(&fields, &["metadata", "bins"]), [(4, "b")]);
        assert_eq!(unread, [Unread { line: 2, key: "description".to_owned() }]);
    }

    #[test]
    fn what_has_no_end_is_no_front_matter() {
        for text in ["", "---", "---\nname: a\n", "text\n---\na: b\n---\n"] {
            assert_eq!(front(text), (Vec::new(), Vec::new()), "{text}");
        }
    }

    #[test]
    fn attack_braces_without_end_in_quotes() {
        let deep = format!("---\nmetadata: '{}'\n---\n", "{a: ".repeat(5000));
        let (fields, _) = front(&deep);
        assert_eq!(fields.len(), 1, "it stays a text");
    }
}
