//! The only door to the YAML parser: front matter in, a small tree out, every
//! value with the line it stands on and the text as it was written.

use super::fault::{CardFault, CardRule};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Error, MergeKeyPolicy, NonFiniteFloatPolicy, Options, Spanned};
use std::fmt;

/// A value with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    /// Line in the file, from 1.
    pub(super) line: usize,
    /// The value.
    pub(super) value: Value,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Text in quotes or in a block: text for every reader.
    Text(String),
    /// Unquoted text exactly as written; readers may make something else of it.
    Plain(String),
    /// A list.
    List(Vec<Node>),
    /// A map in the order of the file.
    Map(Vec<(String, Node)>),
}

/// A map entry with the line of its key.
pub(super) type Field = (String, usize, Node);

/// What the parser hands out, before places are added.
enum Raw {
    Text(String),
    /// Resolved to something else than text; the spelling comes from the source.
    Typed,
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, a list or a map")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

/// Strict in every respect, and a budget that no honest card comes near.
fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_aliases: 0,
            max_anchors: 0,
            max_merge_keys: 0,
            max_documents: 1,
            max_depth: super::DEPTH_MAX,
            flow_nesting_limit: super::DEPTH_MAX,
            max_events: 20_000,
            max_nodes: 10_000,
            max_total_scalar_bytes: super::FRONT_MATTER_MAX,
            max_inclusion_depth: 0,
        },
        merge_keys: MergeKeyPolicy::Error,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    }
}

/// Parses a front matter whose first line is line `first` of the file.
pub(super) fn parse(front: &str, first: usize) -> Result<Vec<Field>, CardFault> {
    let source = Source { front, first };
    let root: Spanned<Raw> =
        serde_saphyr::from_str_with_options(front, options()).map_err(|error| source.fault(&error))?;
    let Raw::Map(entries) = root.value else {
        return Err(CardFault::new(first, CardRule::Syntax, "no `key: value` lines"));
    };
    let field = |(key, value): (Spanned<String>, Spanned<Raw>)| {
        let line = source.line(&key);
        (key.value, line, source.node(value))
    };
    Ok(entries.into_iter().map(field).collect())
}

struct Source<'a> {
    front: &'a str,
    first: usize,
}

impl Source<'_> {
    fn line<T>(&self, at: &Spanned<T>) -> usize {
        self.file_line(at.referenced.line())
    }

    fn file_line(&self, line: u64) -> usize {
        usize::try_from(line).unwrap_or(usize::MAX).max(1).saturating_add(self.first - 1)
    }

    /// The bytes of a scalar as written; none if the parser lost its place.
    fn written<T>(&self, at: &Spanned<T>) -> Option<&str> {
        let span = at.referenced.span();
        let start = usize::try_from(span.byte_offset()?).ok()?;
        let end = start.checked_add(usize::try_from(span.byte_len()?).ok()?)?;
        self.front.get(start..end)
    }

    fn node(&self, raw: Spanned<Raw>) -> Node {
        let line = self.line(&raw);
        let written = self.written(&raw);
        let value = match raw.value {
            Raw::Typed => Value::Plain(written.unwrap_or_default().trim().to_owned()),
            // Unquoted text on one line equals its spelling; all else is in
            // quotes, in a block or folded, and never typed by any reader.
            Raw::Text(text) if written == Some(text.as_str()) => Value::Plain(text),
            Raw::Text(text) => Value::Text(text),
            Raw::List(items) => Value::List(items.into_iter().map(|item| self.node(item)).collect()),
            Raw::Map(entries) => {
                Value::Map(entries.into_iter().map(|(key, value)| (key.value, self.node(value))).collect())
            }
        };
        Node { line, value }
    }

    fn fault(&self, error: &Error) -> CardFault {
        let error = error.without_snippet();
        let line = error.location().map_or(self.first, |at| self.file_line(at.line()));
        let rule = match error {
            Error::DuplicateMappingKey { .. } => CardRule::DuplicateKey,
            Error::MergeKeyNotAllowed { .. } => CardRule::MergeKey,
            Error::UnsupportedTag { .. } => CardRule::Tag,
            Error::Budget { .. } => CardRule::TooDeep,
            // The parser counts lines from the front matter; ours is in front.
            _ => {
                let words = error.to_string();
                let words = words.split_once(" at line ").map_or(words.as_str(), |(words, _)| words);
                return CardFault::new(line, CardRule::Syntax, words);
            }
        };
        CardFault::new(line, rule, self.front.lines().nth(line - self.first).unwrap_or_default())
    }
}
