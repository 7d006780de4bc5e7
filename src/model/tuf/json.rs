//! JSON as metadata has it, and its canonical form.
//!
//! Signatures cover the canonical form (OLPC "canonical JSON", section 4.1 of
//! the specification): no white space, names sorted by code point, in strings
//! nothing but `"` and `\` escaped, integers alone.
//!
//! Attack: a name that stands twice means the first value to one reader and
//! the last to another, and the canonical form shows only one of them. So it
//! is refused, also when one of the two is written with escapes.

use super::Malformed;
use crate::model::text;
use crate::model::time::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

/// A value that was read, or that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Value>),
    /// An object. `BTreeMap` sorts by UTF-8 bytes, which is code point order.
    Map(BTreeMap<String, Value>),
}

impl Value {
    /// Reads exactly one value from UTF-8 without a byte order mark.
    ///
    /// # Errors
    /// [`Malformed`] for anything else: names that stand twice, fractions,
    /// exponents, integers outside of 64 bits, nesting beyond 127.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        serde_json::from_slice(bytes).map_err(|error| {
            Malformed(format!("not JSON as we take it: {}", text::escape(&error.to_string())))
        })
    }

    /// The canonical form, which is what signatures cover.
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend(b"null"),
            Self::Bool(true) => out.extend(b"true"),
            Self::Bool(false) => out.extend(b"false"),
            Self::Int(number) => out.extend(number.to_string().as_bytes()),
            Self::Text(text) => quote(text, out),
            Self::List(list) => {
                out.push(b'[');
                for (at, value) in list.iter().enumerate() {
                    out.extend(if at > 0 { b",".as_slice() } else { b"" });
                    value.write(out);
                }
                out.push(b']');
            }
            Self::Map(map) => {
                out.push(b'{');
                for (at, (name, value)) in map.iter().enumerate() {
                    out.extend(if at > 0 { b",".as_slice() } else { b"" });
                    quote(name, out);
                    out.push(b':');
                    value.write(out);
                }
                out.push(b'}');
            }
        }
    }

    /// As JSON for files: like the canonical form, but with control characters
    /// escaped, as JSON wants them.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for byte in self.canonical() {
            // Control characters stand in strings alone.
            if byte < 0x20 {
                out.extend(format!("\\u{byte:04x}").as_bytes());
            } else {
                out.push(byte);
            }
        }
        out
    }

    /// An object of these members.
    #[must_use]
    pub fn object<const N: usize>(members: [(&str, Value); N]) -> Self {
        Self::Map(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// The text of a string.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The members of an object; `what` names it in the message.
    pub(super) fn members(&self, what: &str) -> Result<&BTreeMap<String, Self>, Malformed> {
        match self {
            Self::Map(map) => Ok(map),
            _ => Err(Malformed(format!("{what} is not an object"))),
        }
    }

    /// The elements of an array.
    pub(super) fn elements(&self, what: &str) -> Result<&[Self], Malformed> {
        match self {
            Self::List(list) => Ok(list),
            _ => Err(Malformed(format!("{what} is not a list"))),
        }
    }

    /// The text of a string, or what is wrong with it.
    pub(super) fn text(&self, what: &str) -> Result<&str, Malformed> {
        self.as_text().ok_or_else(|| Malformed(format!("{what} is not a text")))
    }

    /// An integer of at least `least`.
    pub(super) fn number(&self, what: &str, least: u64) -> Result<u64, Malformed> {
        let number = match self {
            Self::Int(number) => u64::try_from(*number).ok().filter(|number| *number >= least),
            _ => None,
        };
        number.ok_or_else(|| Malformed(format!("{what} is not an integer of at least {least}")))
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, what: &str) -> Result<bool, Malformed> {
        match self {
            Self::Bool(flag) => Ok(*flag),
            _ => Err(Malformed(format!("{what} is neither true nor false"))),
        }
    }

    /// A time in the one form of section 4.2.3.
    pub(super) fn time(&self, what: &str) -> Result<Timestamp, Malformed> {
        let found = self.as_text().and_then(|text| Timestamp::parse_exact(text.as_bytes()));
        found.ok_or_else(|| Malformed(format!("{what} is not a time such as 2027-01-31T12:00:00Z")))
    }
}

/// A member that must be there.
pub(super) fn need<'a>(map: &'a BTreeMap<String, Value>, name: &str) -> Result<&'a Value, Malformed> {
    map.get(name).ok_or_else(|| Malformed(format!("`{name}` is missing")))
}

/// Refuses members that are not listed: for our own formats, where what is not
/// understood could be a restriction.
pub(super) fn only(map: &BTreeMap<String, Value>, names: &[&str], what: &str) -> Result<(), Malformed> {
    match map.keys().find(|name| !names.contains(&name.as_str())) {
        None => Ok(()),
        Some(odd) => {
            Err(Malformed(format!("{what} has `{}`, which is unknown here", text::escape_short(odd, 80))))
        }
    }
}

fn quote(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without fractions")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Int(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        i64::try_from(number).map(Value::Int).map_err(|_| E::custom("an integer beyond 64 bits"))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Value, E> {
        Err(E::custom("a number that is no plain integer"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = access.next_element()? {
            list.push(value);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = BTreeMap::new();
        while let Some((name, value)) = access.next_entry::<String, Value>()? {
            if map.contains_key(&name) {
                let name = text::escape_short(&name, 80);
                return Err(A::Error::custom(format!("`{name}` stands twice in one object")));
            }
            map.insert(name, value);
        }
        Ok(Value::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn canonical(text: &str) -> String {
        String::from_utf8(Value::parse(text.as_bytes()).unwrap().canonical()).unwrap()
    }

    #[test]
    fn the_canonical_form_is_that_of_the_specification() {
        // By hand, from the grammar at wiki.laptop.org/go/Canonical_JSON; the
        // same vectors are compared with securesystemslib in tests/it/tuf.
        for (text, wanted) in [
            (" {\"b\" : 1, \"a\":[ true,false , null ] } ", r#"{"a":[true,false,null],"b":1}"#),
            (r#"{"":0,"A":1,"a":2,"é":3,"B":4}"#, r#"{"":0,"A":1,"B":4,"a":2,"é":3}"#),
            (r#""\u0041\/\u00e9""#, "\"A/é\""),
            (r#""a\nb\tc""#, "\"a\nb\tc\""),
            (r#""\"\\\u0000""#, "\"\\\"\\\\\0\""),
            (r#""\ud83d\ude42""#, "\"🙂\""),
            ("-7", "-7"),
            ("9223372036854775807", "9223372036854775807"),
            ("{}", "{}"),
            ("[]", "[]"),
        ] {
            assert_eq!(canonical(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"x":[{"a":1,"a":2}]}"#,
            "1.0",
            "1e3",
            "-0",
            "01",
            "9223372036854775808",
            "NaN",
            "{} {}",
            "\u{feff}{}",
            r#""\ud800""#,
            "\"a\nb\"",
            "{'a':1}",
            "[1,]",
            "",
        ] {
            assert!(Value::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Value::parse(b"\"\xff\"").is_err());
        assert!(Value::parse("[".repeat(100_000).as_bytes()).is_err());
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            any::<String>().prop_map(Value::Text),
            "[\\x00-\\x7f]{0,6}".prop_map(Value::Text),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::List),
                prop::collection::btree_map(any::<String>(), inner, 0..5).prop_map(Value::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value in any_value()) {
            prop_assert_eq!(Value::parse(&value.to_json()), Ok(value));
        }

        #[test]
        fn two_values_never_share_a_canonical_form(one in any_value(), other in any_value()) {
            prop_assert_eq!(one.canonical() == other.canonical(), one == other);
        }
    }
}
