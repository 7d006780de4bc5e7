//! From parsed fields to a card: each field of the specification with its
//! shape, everything else kept as an extension.

use super::fault::{CardFault, CardNote, CardRule, NoteKind};
use super::scan::Key;
use super::tree::{Field, Node, Value};
use super::{COMPATIBILITY_MAX, Card, DESCRIPTION_MAX, RISKY_KEYS, is_text, joins};
use crate::model::skill::SkillName;
use crate::model::text;
use std::collections::BTreeMap;

/// Turns parsed fields into a card, collecting what is wrong or worth telling.
pub(super) struct Reader<'a> {
    pub(super) keys: &'a [Key<'a>],
    pub(super) faults: Vec<CardFault>,
    pub(super) notes: Vec<CardNote>,
}

impl Reader<'_> {
    pub(super) fn card(mut self, fields: Vec<Field>, body_line: usize) -> Result<Card, Vec<CardFault>> {
        let mut card = Card {
            raw_name: None,
            name: Err("there is no `name`".to_owned()),
            description: String::new(),
            license: None,
            compatibility: None,
            version: None,
            allowed_tools: Vec::new(),
            metadata: BTreeMap::new(),
            extensions: Vec::new(),
            notes: Vec::new(),
            body_line,
        };
        // The keys of both passes agree by now, one for one.
        let comments: Vec<bool> = self.keys.iter().map(|key| key.comment).collect();
        for ((key, line, node), comment) in fields.into_iter().zip(comments) {
            self.field(&mut card, (key, line, node), comment);
        }
        if card.raw_name.is_none() {
            self.notes.push(CardNote::new(1, NoteKind::Name, ""));
        }
        let described = self.keys.iter().any(|key| key.key == "description");
        if !described {
            self.faults.push(CardFault::new(1, CardRule::NoDescription, ""));
        }
        if !self.faults.is_empty() {
            self.faults.sort();
            return Err(self.faults);
        }
        card.version = card.version.or_else(|| card.metadata.get("version").cloned());
        self.notes.sort();
        card.notes = self.notes;
        Ok(card)
    }

    fn field(&mut self, card: &mut Card, (key, line, node): Field, comment: bool) {
        match key.as_str() {
            "name" | "description" if comment => {
                self.faults.push(CardFault::new(line, CardRule::CommentInText, &key));
            }
            "name" => self.name(card, line, &node),
            "description" => self.description(card, line, &node),
            "license" => card.license = self.text(card, key, line, node),
            "compatibility" => {
                card.compatibility = self.text(card, key, line, node);
                if card.compatibility.as_ref().is_some_and(|text| text.chars().count() > COMPATIBILITY_MAX) {
                    self.notes.push(CardNote::new(line, NoteKind::LongCompatibility, ""));
                }
            }
            "version" => card.version = self.text(card, key, line, node),
            "allowed-tools" => self.tools(card, key, line, node),
            "metadata" => self.metadata(card, key, line, node),
            _ => self.extension(card, key, line, &node, NoteKind::Extension),
        }
        if comment {
            self.notes.push(CardNote::new(line, NoteKind::Comment, ""));
        }
    }

    /// Text that every reader takes for text, or a fault.
    fn strict(&mut self, line: usize, key: &str, node: &Node) -> Option<String> {
        let rule = match &node.value {
            Value::Text(text) => return Some(text.clone()),
            Value::Plain(text) if is_text(text) => return Some(text.clone()),
            Value::Plain(text) => CardFault::new(line, CardRule::NotText, &format!("{key}: {text}")),
            Value::List(_) | Value::Map(_) => CardFault::new(line, CardRule::NotScalar, key),
        };
        self.faults.push(rule);
        None
    }

    fn name(&mut self, card: &mut Card, line: usize, node: &Node) {
        let Some(name) = self.strict(line, "name", node) else { return };
        let rest = self.keys.iter().find(|key| key.key == "name").map_or("", |key| key.rest);
        let bare = ['"', '\'']
            .iter()
            .find_map(|quote| rest.strip_prefix(*quote)?.strip_suffix(*quote))
            .unwrap_or(rest);
        // Attack: `"p\x64f"`, `|`, or a second line: a line reader sees another name.
        if bare != name {
            self.faults.push(CardFault::new(line, CardRule::NameForm, rest));
            return;
        }
        self.check_decoded(line, &name);
        card.name = SkillName::parse(&name).map_err(|error| {
            self.notes.push(CardNote::new(line, NoteKind::Name, &name));
            format!("`{}`: {error}", text::escape_short(&name, 80))
        });
        card.raw_name = Some(name);
    }

    fn description(&mut self, card: &mut Card, line: usize, node: &Node) {
        let empty = matches!(&node.value, Value::Plain(text) if text.is_empty());
        let text = if empty { Some(String::new()) } else { self.strict(line, "description", node) };
        let Some(text) = text else { return };
        self.check_decoded(line, &text);
        card.description = text.trim().to_owned();
        match card.description.chars().count() {
            0 => self.faults.push(CardFault::new(line, CardRule::NoDescription, "")),
            // Noted, not refused: well-known skills exceed it and clients load them.
            count if count > DESCRIPTION_MAX => {
                self.notes.push(CardNote::new(
                    line,
                    NoteKind::LongDescription,
                    &format!("{count} characters"),
                ));
            }
            _ => {}
        }
    }

    /// Refuses what an escape such as `"\u202e"` brought in after the file
    /// itself was found clean.
    fn check_decoded(&mut self, line: usize, text: &str) {
        let chars: Vec<char> = text.chars().collect();
        let bad = |at: &usize| {
            !matches!(chars[*at], '\n' | '\t') && text::is_hidden(chars[*at]) && !joins(&chars, *at)
        };
        if let Some(at) = (0..chars.len()).find(bad) {
            let around: String = chars.iter().skip(at.saturating_sub(12)).take(25).collect();
            self.faults.push(CardFault::new(line, CardRule::Hidden, &around));
        }
    }

    /// Optional text; other shapes are kept as an extension.
    fn text(&mut self, card: &mut Card, key: String, line: usize, node: Node) -> Option<String> {
        match node.value {
            Value::Text(text) => {
                self.check_decoded(line, &text);
                Some(text.trim().to_owned())
            }
            Value::Plain(text) => {
                if !is_text(&text) {
                    self.notes.push(CardNote::new(line, NoteKind::Untyped, &format!("{key}: {text}")));
                }
                Some(text)
            }
            Value::List(_) | Value::Map(_) => {
                self.extension(card, key, line, &node, NoteKind::Shape);
                None
            }
        }
    }

    fn tools(&mut self, card: &mut Card, key: String, line: usize, node: Node) {
        self.notes.push(CardNote::new(line, NoteKind::Risky, &key));
        match &node.value {
            Value::Text(text) | Value::Plain(text) => {
                self.check_decoded(line, text);
                if text.contains(',') {
                    self.notes.push(CardNote::new(line, NoteKind::ToolsForm, text));
                }
                card.allowed_tools = split_tools(text);
            }
            Value::List(items) if items.iter().all(|item| scalar(item).is_some()) => {
                self.notes.push(CardNote::new(line, NoteKind::ToolsForm, ""));
                for tool in items.iter().filter_map(scalar) {
                    self.check_decoded(line, tool);
                    card.allowed_tools.push(tool.trim().to_owned());
                }
            }
            Value::List(_) | Value::Map(_) => self.extension(card, key, line, &node, NoteKind::Shape),
        }
    }

    fn metadata(&mut self, card: &mut Card, key: String, line: usize, node: Node) {
        let Value::Map(entries) = node.value else {
            return self.extension(card, key, line, &node, NoteKind::Shape);
        };
        for (key, node) in entries {
            self.check_decoded(node.line, &key);
            match node.value {
                Value::Text(text) => {
                    self.check_decoded(node.line, &text);
                    card.metadata.insert(key, text);
                }
                Value::Plain(text) => {
                    if !is_text(&text) {
                        self.notes.push(CardNote::new(
                            node.line,
                            NoteKind::Untyped,
                            &format!("{key}: {text}"),
                        ));
                    }
                    card.metadata.insert(key, text);
                }
                Value::List(_) | Value::Map(_) => {
                    self.extension(card, format!("metadata.{key}"), node.line, &node, NoteKind::Shape);
                }
            }
        }
    }

    fn extension(&mut self, card: &mut Card, key: String, line: usize, node: &Node, kind: NoteKind) {
        let kind = if RISKY_KEYS.contains(&key.as_str()) { NoteKind::Risky } else { kind };
        self.notes.push(CardNote::new(line, kind, &key));
        self.nested(line, &key, node);
        let mut json = String::new();
        write_json(&node.value, &mut json);
        card.extensions.push((key, json));
    }

    /// Looks for hidden text and risky keys inside an extension: what a client
    /// installs stands at `metadata.openclaw.install` and the like.
    fn nested(&mut self, line: usize, path: &str, node: &Node) {
        match &node.value {
            Value::Text(text) | Value::Plain(text) => self.check_decoded(line, text),
            Value::List(items) => items.iter().for_each(|item| self.nested(item.line, path, item)),
            Value::Map(entries) => {
                for (key, inner) in entries {
                    self.check_decoded(inner.line, key);
                    let path = format!("{path}.{key}");
                    if RISKY_KEYS.contains(&key.as_str()) {
                        self.notes.push(CardNote::new(inner.line, NoteKind::Risky, &path));
                    }
                    self.nested(inner.line, &path, inner);
                }
            }
        }
    }
}

fn scalar(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Text(text) | Value::Plain(text) => Some(text),
        Value::List(_) | Value::Map(_) => None,
    }
}

/// Splits at white space and commas outside round brackets: `Bash(git add:*)`
/// is one tool.
fn split_tools(text: &str) -> Vec<String> {
    let mut depth = 0_usize;
    let cut = |c: char| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && (c.is_whitespace() || c == ',')
    };
    text.split(cut).filter(|tool| !tool.is_empty()).map(str::to_owned).collect()
}

/// Writes compact JSON. Unquoted numbers, `true`, `false` and `null` stay
/// exactly as written; all else is a string.
fn write_json(value: &Value, out: &mut String) {
    let string = |text: &str| serde_json::Value::from(text).to_string();
    match value {
        Value::Text(text) => out.push_str(&string(text)),
        Value::Plain(text) => {
            let json: Result<serde_json::Value, _> = serde_json::from_str(text);
            match json {
                Ok(_) => out.push_str(text),
                Err(_) => out.push_str(&string(text)),
            }
        }
        Value::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_json(&item.value, out);
            }
            out.push(']');
        }
        Value::Map(entries) => {
            out.push('{');
            for (at, (key, item)) in entries.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                out.push_str(&string(key));
                out.push(':');
                write_json(&item.value, out);
            }
            out.push('}');
        }
    }
}
