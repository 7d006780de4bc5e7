//! JSON from others, read one way only, and the canonical form of metadata.
//!
//! Attack: a file that says `"name": "a", "name": "b"` is read as `a` by one
//! program and as `b` by another; each then checks what the other does not use.
//! So whatever has two readings is refused: a name twice in one object, also
//! when one of the two is written with escapes, bytes after the value, half of a
//! surrogate pair, a byte order mark, and what is nested too deeply.
//!
//! There are two ways in. [`Value::parse`] is for what has a canonical form, and
//! takes integers alone. [`Value::evidence`] is for what strangers sign, where
//! other people's members may hold any number: none is ever computed with.
//!
//! Signatures of metadata cover the canonical form (OLPC "canonical JSON",
//! section 4.1 of the TUF specification): no white space, names sorted by code
//! point, in strings nothing but `"` and `\` escaped, integers alone.

use super::text;
use super::time::Timestamp;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

/// Most bytes of evidence: a bundle over 5,000 files with long names is half of that.
pub const EVIDENCE_MAX: usize = 4 << 20;

/// Bytes that are not what was asked for; which part, with what it quotes
/// escaped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub String);

impl Malformed {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

/// A value that was read, or that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A number that is no integer of 64 bits; in evidence alone.
    Number(String),
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
        Reader { any_number: false, depth: 127 }.read(bytes)
    }

    /// The same of at most [`EVIDENCE_MAX`] bytes, with any number that fits
    /// into a double, and nesting up to 24.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn evidence(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > EVIDENCE_MAX {
            return Err(Malformed::new("larger than 4 MiB"));
        }
        Reader { any_number: true, depth: 24 }.read(bytes)
    }

    /// The canonical form, which is what signatures cover.
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        let mut out = String::new();
        self.write(&mut out);
        out.into_bytes()
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
            Self::Int(number) => out.push_str(&number.to_string()),
            Self::Number(number) => out.push_str(number),
            Self::Text(text) => quote(text, out),
            Self::List(list) => {
                out.push('[');
                for (at, value) in list.iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    value.write(out);
                }
                out.push(']');
            }
            Self::Map(map) => {
                out.push('{');
                for (at, (name, value)) in map.iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    quote(name, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    /// The text form, for files.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        self.to_string().into_bytes()
    }

    /// An object of these members.
    #[must_use]
    pub fn object<const N: usize>(members: [(&str, Value); N]) -> Self {
        Self::Map(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// The member of that name, if this is an object that has it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.as_map()?.get(name)
    }

    /// The text of a string.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The elements of an array.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Self]> {
        if let Self::List(list) = self { Some(list) } else { None }
    }

    /// The members of an object.
    #[must_use]
    pub const fn as_map(&self) -> Option<&BTreeMap<String, Self>> {
        if let Self::Map(map) = self { Some(map) } else { None }
    }

    /// The first member that is not among `known`.
    #[must_use]
    pub fn unknown(&self, known: &[&str]) -> Option<&str> {
        self.as_map()?.keys().map(String::as_str).find(|name| !known.contains(name))
    }

    /// The members of an object; `what` names it in the message.
    pub(super) fn members(&self, what: &str) -> Result<&BTreeMap<String, Self>, Malformed> {
        self.as_map().ok_or_else(|| Malformed(format!("{what} is not an object")))
    }

    /// The elements of an array.
    pub(super) fn elements(&self, what: &str) -> Result<&[Self], Malformed> {
        self.as_list().ok_or_else(|| Malformed(format!("{what} is not a list")))
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

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

/// Like the canonical form, but with control characters escaped, as JSON wants
/// them.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        self.write(&mut out);
        // Control characters stand in strings alone.
        out.chars().try_for_each(|c| match c {
            '\0'..='\u{1f}' => write!(f, "\\u{:04x}", u32::from(c)),
            _ => write!(f, "{c}"),
        })
    }
}

/// One value, and everything in it.
#[derive(Clone, Copy)]
struct Reader {
    any_number: bool,
    depth: usize,
}

impl Reader {
    fn read(self, bytes: &[u8]) -> Result<Value, Malformed> {
        let mut text = serde_json::Deserializer::from_slice(bytes);
        let value = self.deserialize(&mut text).and_then(|value| text.end().map(|()| value));
        value.map_err(|error| {
            Malformed(format!("not JSON with one reading: {}", text::escape(&error.to_string())))
        })
    }

    fn inner<E: Error>(self) -> Result<Self, E> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| E::custom("nested too deeply"))?;
        Ok(Self { depth, ..self })
    }

    fn number<E: Error>(self, text: String, why: &str) -> Result<Value, E> {
        if self.any_number { Ok(Value::Number(text)) } else { Err(E::custom(why)) }
    }
}

impl<'de> DeserializeSeed<'de> for Reader {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
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
        i64::try_from(number)
            .map(Value::Int)
            .or_else(|_| self.number(number.to_string(), "an integer beyond 64 bits"))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        // With an exponent, so that it is never the text of an integer.
        self.number(format!("{number:e}"), "a number that is no plain integer")
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let (inner, mut list) = (self.inner()?, Vec::new());
        while let Some(value) = access.next_element_seed(inner)? {
            list.push(value);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let (inner, mut map) = (self.inner()?, BTreeMap::new());
        while let Some(name) = access.next_key::<String>()? {
            if map.contains_key(&name) {
                let name = text::escape_short(&name, 80);
                return Err(A::Error::custom(format!("a name twice in one object: `{name}`")));
            }
            map.insert(name, access.next_value_seed(inner)?);
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

    /// What is no JSON, or has two readings, is refused at both ways in.
    #[test]
    fn what_is_not_json_is_refused() {
        let texts: &[&str] = &[
            "",
            " ",
            "\u{feff}{}",
            "{} {}",
            "{}x",
            "{\"a\":1,}",
            "[1,]",
            "[,1]",
            "{a:1}",
            "{\"a\" 1}",
            "'a'",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "-",
            "tru",
            "nul",
            "NaN",
            "Infinity",
            "\"",
            "\"\n\"",
            "\"\u{1}\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u123g\"",
            "\"\\u+123\"",
            "\"\\ud800\"",
            "\"\\udc00\"",
            "\"\\ud800\\u0041\"",
            "\"\\ud800x\"",
            "\"\\udc00\\ud800\"",
            "/**/1",
            "[1 2]",
            "{",
            "[",
        ];
        for text in texts {
            assert!(Value::evidence(text.as_bytes()).is_err(), "{text}");
            assert!(Value::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Value::evidence(b"\"\xff\"").is_err());
    }

    #[test]
    fn what_is_too_large_or_too_deep_is_refused() {
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert!(Value::evidence(nested(24).as_bytes()).is_ok());
        let why = Value::evidence(nested(25).as_bytes()).unwrap_err().to_string();
        assert!(why.contains("nested too deeply"), "{why}");
        assert!(Value::parse(nested(127).as_bytes()).is_ok());
        assert!(Value::parse(nested(128).as_bytes()).is_err());
        let spaced = |length| [b"[", vec![b' '; length - 2].as_slice(), b"]"].concat();
        assert!(Value::evidence(&spaced(EVIDENCE_MAX)).is_ok());
        assert!(Value::evidence(&spaced(EVIDENCE_MAX + 1)).is_err());
    }

    #[test]
    fn evidence_may_hold_any_number_and_none_is_an_integer_by_its_spelling() {
        let value = Value::evidence(
            "\r\n\t {\"a\": [1, -0, 1.5e+3, 1e0, \"\\u00e9\\/\\ud83d\\ude00é\"], \"b\": {}, \"c\": [null, true, false, []]} ".as_bytes(),
        );
        assert_eq!(
            value.unwrap().to_string(),
            r#"{"a":[1,-0e0,1.5e3,1e0,"é/😀é"],"b":{},"c":[null,true,false,[]]}"#
        );
        for number in ["9223372036854775808", "18446744073709551616", "1.0", "0.1", "-0"] {
            let read = Value::evidence(number.as_bytes()).unwrap();
            assert!(matches!(read, Value::Number(_)), "{number}: {read:?}");
            assert_eq!(Value::evidence(read.to_string().as_bytes()), Ok(read));
        }
        // A number that is infinite to most readers.
        assert!(Value::evidence(b"1e999").is_err());
    }

    #[test]
    fn a_name_twice_is_refused_however_it_is_spelt_and_however_deep() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"b":2,"\u0061":1}"#,
            r#"[{"x":{"/":1,"\/":2}}]"#,
            "{\"é\":1,\"\\u00E9\":2}",
        ] {
            let why = Value::evidence(text.as_bytes()).unwrap_err().to_string();
            assert!(why.contains("a name twice in one object"), "{text}: {why}");
        }
        // The lenient reader that most programs use takes the last one.
        assert!(serde_json::from_str::<serde_json::Value>(r#"{"a":1,"a":1}"#).is_ok());
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
            prop_assert_eq!(Value::evidence(&value.to_json()), Ok(value.clone()));
            prop_assert_eq!(Value::parse(&value.to_json()), Ok(value.clone()));
            let other: serde_json::Value = serde_json::from_slice(&value.to_json()).unwrap();
            prop_assert_eq!(Value::parse(other.to_string().as_bytes()), Ok(value));
        }

        #[test]
        fn what_metadata_may_say_evidence_may_say(bytes in proptest::collection::vec(prop::sample::select(b"{}[]\",:\\u0dD8e1-. tn".to_vec()), 0..24)) {
            let (narrow, wide) = (Value::parse(&bytes), Value::evidence(&bytes));
            prop_assert!(narrow.is_err() || narrow == wide);
            // Whatever is taken here another reader takes too, and another number is the same one.
            if let Ok(wide) = wide {
                prop_assert!(serde_json::from_slice::<serde_json::Value>(&bytes).is_ok());
                prop_assert_eq!(Value::evidence(&wide.to_json()), Ok(wide));
            }
        }

        #[test]
        fn two_values_never_share_a_canonical_form(one in any_value(), other in any_value()) {
            prop_assert_eq!(one.canonical() == other.canonical(), one == other);
        }
    }
}
