//! Whether a text is JSON in RFC 8785 form, told without building anything.
//!
//! Attack: a line with white space, a repeated key or an escaped letter says
//! one thing to one reader and something else to another. Reading a record and
//! writing it again tells too (`Record::parse` does), at ten times the cost;
//! a million records are checked with this.
//!
//! Numbers are integers only, as in our records. Names must ascend by bytes.

/// Deepest nesting that is looked into.
const DEPTH: usize = 16;

/// Whether this is one canonical value and nothing else.
#[must_use]
pub fn is_canonical(text: &str) -> bool {
    let mut scan = Scan { text: text.as_bytes(), at: 0 };
    scan.value(0) && scan.at == text.len()
}

struct Scan<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn value(&mut self, depth: usize) -> bool {
        match self.peek() {
            Some(b'{') => depth < DEPTH && self.object(depth),
            Some(b'[') => depth < DEPTH && self.array(depth),
            Some(b'"') => self.string().is_some(),
            Some(b'-' | b'0'..=b'9') => self.integer(),
            _ => ["true", "false", "null"].iter().any(|word| self.word(word)),
        }
    }

    fn word(&mut self, word: &str) -> bool {
        let there = self.text[self.at..].starts_with(word.as_bytes());
        self.at += if there { word.len() } else { 0 };
        there
    }

    fn object(&mut self, depth: usize) -> bool {
        self.at += 1;
        if self.take(b'}') {
            return true;
        }
        let mut before: Option<&[u8]> = None;
        loop {
            let Some(name) = self.string() else { return false };
            if before.is_some_and(|before| before >= name) || !self.take(b':') || !self.value(depth + 1) {
                return false;
            }
            before = Some(name);
            if !self.take(b',') {
                return self.take(b'}');
            }
        }
    }

    fn array(&mut self, depth: usize) -> bool {
        self.at += 1;
        if self.take(b']') {
            return true;
        }
        loop {
            if !self.value(depth + 1) {
                return false;
            }
            if !self.take(b',') {
                return self.take(b']');
            }
        }
    }

    /// What stands between the quotes.
    fn string(&mut self) -> Option<&'a [u8]> {
        if !self.take(b'"') {
            return None;
        }
        let start = self.at;
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(&self.text[start..self.at - 1]);
                }
                b'\\' => self.escape()?,
                0..0x20 => return None,
                _ => self.at += 1,
            }
        }
    }

    /// The one way there is to escape a character, and only what must be.
    fn escape(&mut self) -> Option<()> {
        let rest = self.text.get(self.at + 1..)?;
        match rest.first()? {
            b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 2,
            b'u' => {
                let [b'0', b'0', high @ (b'0' | b'1'), low @ (b'0'..=b'9' | b'a'..=b'f')] =
                    *rest.get(1..5)?
                else {
                    return None;
                };
                if high == b'0' && matches!(low, b'8' | b'9' | b'a' | b'c' | b'd') {
                    return None;
                }
                self.at += 6;
            }
            _ => return None,
        }
        Some(())
    }

    fn integer(&mut self) -> bool {
        let negative = self.take(b'-');
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        match self.at - start {
            0 => false,
            1 => !negative || self.text[start] != b'0',
            _ => self.text[start] != b'0',
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    #[test]
    fn what_says_the_same_in_another_way_is_not_canonical() {
        for text in
            ["{}", "[]", "0", "-1", "10", "null", "true", "\"\\u001f\\n\"", r#"{"a":[1,{"b":"é"}],"b":""}"#]
        {
            assert!(is_canonical(text), "{text}");
        }
        for text in [
            "",
            " {}",
            "{} ",
            "{ }",
            "[1, 2]",
            "[1,]",
            "[,1]",
            "{\"a\" :1}",
            "{\"a\":1,}",
            r#"{"b":1,"a":1}"#,
            r#"{"a":1,"a":1}"#,
            "01",
            "-0",
            "1.0",
            "1e3",
            "+1",
            "-",
            "tru",
            "nullnull",
            "\"\\u0041\"",
            "\"\\/\"",
            "\"\\u000a\"",
            "\"\\u001F\"",
            "\"\\u00\"",
            "\"\n\"",
            "\"",
            "{\"a\":}",
            "[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]",
        ] {
            assert!(!is_canonical(text), "{text}");
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[\\x00-\\x7f]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[a-z\"\\\\é\\n]{0,4}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_serde_writes_of_plain_names_is_canonical(value in any_value()) {
            // serde_json sorts names by bytes before escaping; ours have nothing to escape.
            let text = serde_json::to_string(&value).unwrap();
            prop_assume!(!text.contains("\\n\":") && !text.contains("\\\\\":") && !text.contains("\\\"\":"));
            let escaped_name = text.contains("\\\\") || text.contains("\\\"") || text.contains("\\n");
            prop_assert!(is_canonical(&text) || escaped_name, "{}", text);
        }

        #[test]
        fn a_text_with_one_byte_changed_is_other_json_or_not_canonical(
            value in any_value(), at in any::<prop::sample::Index>(), byte in 0_u8..128,
        ) {
            let text = serde_json::to_string(&value).unwrap();
            let mut bytes = text.clone().into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(other) = String::from_utf8(bytes)
                && other != text && is_canonical(&other)
            {
                prop_assert_ne!(serde_json::from_str::<Value>(&other).ok(), Some(value));
            }
        }
    }
}
