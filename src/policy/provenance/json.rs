//! JSON from strangers, read one way only.
//!
//! Attack: a statement that says `"name": "a", "name": "b"` is read as `a` by
//! one program and as `b` by another; each then checks what the other does not
//! use. So whatever has two readings is refused: a name twice in one object,
//! bytes after the value, half of a surrogate pair, a byte order mark, what is
//! nested too deeply, or what is too large to be what it should be. Escaped and
//! plain spellings of one name count as the same name.
//!
//! The tree that comes out is small and keeps order; numbers stay as they are
//! written, since none here is computed with.

use std::fmt;

/// Deepest nesting.
const DEPTH: usize = 24;

/// Most bytes of a document: a bundle over 5,000 files with long names is half of that.
pub const SIZE_MAX: usize = 4 << 20;

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it is written.
    Number(String),
    /// A text, its escapes resolved.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// An object: names and values in their order, each name once.
    Object(Vec<(String, Json)>),
}

/// Why a text is not taken, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("byte {at}: {why}")]
pub struct NotOneReading {
    /// Where, in bytes from the start.
    pub at: usize,
    /// Why.
    pub why: &'static str,
}

impl Json {
    /// Reads one document.
    ///
    /// # Errors
    /// [`NotOneReading`] for what is not JSON, or is JSON with two readings.
    pub fn parse(bytes: &[u8]) -> Result<Self, NotOneReading> {
        if bytes.len() > SIZE_MAX {
            return Err(NotOneReading { at: SIZE_MAX, why: "larger than 4 MiB" });
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|fault| NotOneReading { at: fault.valid_up_to(), why: "not UTF-8" })?;
        let mut reader = Reader { text, at: 0 };
        reader.space();
        let value = reader.value(0)?;
        reader.space();
        if reader.at == text.len() { Ok(value) } else { reader.fail("more after the end") }
    }

    /// The member of that name, if this is an object that has it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.members().and_then(|all| all.iter().find(|(key, _)| key == name)).map(|(_, value)| value)
    }

    /// The text, if this is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The items, if this is a list.
    #[must_use]
    pub fn items(&self) -> Option<&[Self]> {
        if let Self::List(items) = self { Some(items) } else { None }
    }

    /// The members, if this is an object.
    #[must_use]
    pub fn members(&self) -> Option<&[(String, Self)]> {
        if let Self::Object(members) = self { Some(members) } else { None }
    }

    /// The first name that is not among `known`.
    #[must_use]
    pub fn unknown(&self, known: &[&str]) -> Option<&str> {
        let mut names = self.members().unwrap_or_default().iter().map(|(name, _)| name.as_str());
        names.find(|name| !known.contains(name))
    }
}

/// Compact, for what we write: the same text for the same value.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(number) => f.write_str(number),
            Self::Text(text) => quote(text, f),
            Self::List(items) => {
                f.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if at == 0 { "" } else { "," })?;
                }
                f.write_str("]")
            }
            Self::Object(members) => {
                f.write_str("{")?;
                for (at, (name, value)) in members.iter().enumerate() {
                    f.write_str(if at == 0 { "" } else { "," })?;
                    quote(name, f)?;
                    write!(f, ":{value}")?;
                }
                f.write_str("}")
            }
        }
    }
}

fn quote(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            '\0'..='\u{1f}' => write!(f, "\\u{:04x}", u32::from(c))?,
            _ => write!(f, "{c}")?,
        }
    }
    f.write_str("\"")
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    const fn fail<T>(&self, why: &'static str) -> Result<T, NotOneReading> {
        Err(NotOneReading { at: self.at, why })
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Json, NotOneReading> {
        match self.peek() {
            Some(b'"') => self.string().map(Json::Text),
            Some(b'{' | b'[') if depth == DEPTH => self.fail("nested too deeply"),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => {
                let words = [("null", Json::Null), ("true", Json::Bool(true)), ("false", Json::Bool(false))];
                for (word, value) in words {
                    if self.text[self.at..].starts_with(word) {
                        self.at += word.len();
                        return Ok(value);
                    }
                }
                self.fail("no value")
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Json, NotOneReading> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.take(b']') {
            return Ok(Json::List(items));
        }
        loop {
            self.space();
            items.push(self.value(depth + 1)?);
            self.space();
            if self.take(b']') {
                return Ok(Json::List(items));
            }
            if !self.take(b',') {
                return self.fail("neither `,` nor `]`");
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, NotOneReading> {
        self.at += 1;
        let (mut members, mut seen) = (Vec::new(), std::collections::BTreeSet::new());
        self.space();
        if self.take(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            self.space();
            let name = self.string()?;
            if !seen.insert(name.clone()) {
                return self.fail("a name twice in one object");
            }
            self.space();
            if !self.take(b':') {
                return self.fail("no `:` after a name");
            }
            self.space();
            members.push((name, self.value(depth + 1)?));
            self.space();
            if self.take(b'}') {
                return Ok(Json::Object(members));
            }
            if !self.take(b',') {
                return self.fail("neither `,` nor `}`");
            }
        }
    }

    fn number(&mut self) -> Result<Json, NotOneReading> {
        let from = self.at;
        self.take(b'-');
        if !self.take(b'0') && self.digits() == 0 {
            return self.fail("no digit");
        }
        if self.take(b'.') && self.digits() == 0 {
            return self.fail("no digit after the point");
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            if self.digits() == 0 {
                return self.fail("no digit in the exponent");
            }
        }
        Ok(Json::Number(self.text[from..self.at].to_owned()))
    }

    fn digits(&mut self) -> usize {
        let from = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - from
    }

    fn string(&mut self) -> Result<String, NotOneReading> {
        if !self.take(b'"') {
            return self.fail("no text in quotes");
        }
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.find(|c: char| matches!(c, '"' | '\\' | '\0'..='\u{1f}')).unwrap_or(rest.len());
            out.push_str(&rest[..plain]);
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                Some(_) => return self.fail("a control character in a text"),
                None => return self.fail("a text without an end"),
            }
        }
    }

    fn escape(&mut self) -> Result<char, NotOneReading> {
        self.at += 1;
        let letter = self.peek();
        let c = match letter {
            Some(plain @ (b'"' | b'\\' | b'/')) => char::from(plain),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => return self.fail("no such escape"),
        };
        self.at += 1;
        Ok(c)
    }

    /// From the `u` on.
    fn unicode(&mut self) -> Result<char, NotOneReading> {
        let first = self.unit()?;
        let code = match first {
            0xd800..=0xdbff => {
                let low = if self.take(b'\\') && self.peek() == Some(b'u') { self.unit()? } else { 0 };
                if !(0xdc00..=0xdfff).contains(&low) {
                    return self.fail("half of a surrogate pair");
                }
                0x1_0000 + ((first - 0xd800) << 10) + (low - 0xdc00)
            }
            other => other,
        };
        // Only the other half of a pair is left that is no character.
        char::from_u32(code).map_or_else(|| self.fail("half of a surrogate pair"), Ok)
    }

    /// `u` and four hex digits.
    fn unit(&mut self) -> Result<u32, NotOneReading> {
        let digits = self.text.as_bytes().get(self.at + 1..self.at + 5).unwrap_or_default();
        let mut unit = 0;
        for digit in digits {
            let Some(value) = char::from(*digit).to_digit(16) else { return self.fail("no four hex digits") };
            unit = unit << 4 | value;
        }
        if digits.len() < 4 {
            return self.fail("no four hex digits");
        }
        self.at += 5;
        Ok(unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_has_one_reading_is_read() {
        let value = Json::parse("\r\n\t {\"a\": [1, -0, 1.5e+3, \"\\u00e9\\/\\ud83d\\ude00é\"], \"b\": {}, \"c\": [null, true, false, []]} ".as_bytes());
        assert_eq!(
            value.unwrap().to_string(),
            r#"{"a":[1,-0,1.5e+3,"é/😀é"],"b":{},"c":[null,true,false,[]]}"#
        );
    }

    #[test]
    fn a_name_twice_is_refused_however_it_is_spelt_and_however_deep() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"b":2,"\u0061":1}"#,
            r#"[{"x":{"/":1,"\/":2}}]"#,
            "{\"é\":1,\"\\u00E9\":2}",
        ] {
            assert_eq!(Json::parse(text.as_bytes()).unwrap_err().why, "a name twice in one object", "{text}");
        }
        // The lenient reader that most programs use takes the last one.
        assert!(serde_json::from_str::<serde_json::Value>(r#"{"a":1,"a":1}"#).is_ok());
    }

    #[test]
    fn what_is_not_json_is_refused() {
        let deep = "[".repeat(DEPTH + 1) + &"]".repeat(DEPTH + 1);
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
            &deep,
        ];
        for text in texts {
            assert!(Json::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Json::parse(b"\"\xff\"").is_err());
        assert!(Json::parse(&[b"[", vec![b' '; SIZE_MAX].as_slice(), b"]"].concat()).is_err());
        assert!(Json::parse(("[".repeat(DEPTH) + &"]".repeat(DEPTH)).as_bytes()).is_ok());
    }

    proptest! {
        #[test]
        fn whatever_we_write_is_read_back_here_and_elsewhere(text in "\\PC*", control in proptest::collection::vec(any::<char>(), 0..8)) {
            let all: String = control.iter().collect();
            let value = Json::Object(vec![(text.clone(), Json::Text(all.clone())), (format!("{text}2"), Json::List(vec![Json::Text(text.clone())]))]);
            prop_assert_eq!(&Json::parse(value.to_string().as_bytes()).unwrap(), &value);
            let other: serde_json::Value = serde_json::from_str(&value.to_string()).unwrap();
            prop_assert_eq!(other[&text].as_str(), Some(all.as_str()));
        }

        #[test]
        fn whatever_is_taken_here_another_reader_takes_too(bytes in proptest::collection::vec(prop::sample::select(b"{}[]\",:\\u0dD8e1-. tn".to_vec()), 0..24)) {
            // Other readers refuse numbers that are too large for them; here none is computed with.
            if Json::parse(&bytes).is_ok() {
                prop_assert!(serde_json::from_slice::<serde_json::Value>(&bytes).is_ok() || bytes.contains(&b'e'), "{:?}", String::from_utf8_lossy(&bytes));
            }
        }
    }
}
