//! Whether a text is JSON in RFC 8785 form, told without building anything.
//!
//! Attack: a line with white space, a repeated key or an escaped letter says
//! one thing to one reader and something else to another. Reading a record and
//! writing it again tells too (`Record::parse` does), at ten times the cost;
//! a million records are checked with this, in one pass that also hands out
//! what is wanted of them.
//!
//! Numbers are integers only, as in our records. Names must ascend by bytes.

/// Deepest nesting that is looked into.
const DEPTH: usize = 16;

/// Whether this is one canonical value and nothing else.
#[must_use]
pub fn is_canonical(text: &str) -> bool {
    let mut scan = Scan { rest: text.as_bytes() };
    scan.value(0) && scan.rest.is_empty()
}

/// Whether this is one canonical object and nothing else. Calls `each` for its
/// members in order, with what stands between the name's quotes and with the
/// value as it is written; until the end is reached, that may be the beginning
/// of something that is not canonical.
#[must_use]
pub fn members<'a>(text: &'a str, each: impl FnMut(&'a [u8], &'a [u8])) -> bool {
    let mut scan = Scan { rest: text.as_bytes() };
    scan.object(0, each) && scan.rest.is_empty()
}

struct Scan<'a> {
    rest: &'a [u8],
}

impl<'a> Scan<'a> {
    fn take(&mut self, byte: u8) -> bool {
        match self.rest {
            [first, rest @ ..] if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn value(&mut self, depth: usize) -> bool {
        match self.rest.first() {
            Some(b'"') => self.string().is_some(),
            Some(b'-' | b'0'..=b'9') => self.integer(),
            Some(b'{') => depth < DEPTH && self.object(depth, |_, _| {}),
            Some(b'[') => depth < DEPTH && self.array(depth),
            _ => [&b"true"[..], b"false", b"null"].iter().any(|word| self.word(word)),
        }
    }

    fn word(&mut self, word: &[u8]) -> bool {
        let rest = self.rest.strip_prefix(word);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn object(&mut self, depth: usize, mut each: impl FnMut(&'a [u8], &'a [u8])) -> bool {
        if !self.take(b'{') {
            return false;
        }
        if self.take(b'}') {
            return true;
        }
        let mut before: Option<&[u8]> = None;
        loop {
            let Some(name) = self.string() else { return false };
            // Most differ in their first byte, which is found sooner without a call.
            if before.is_some_and(|before| before.iter().ge(name)) || !self.take(b':') {
                return false;
            }
            let value = self.rest;
            if !self.value(depth + 1) {
                return false;
            }
            each(name, &value[..value.len() - self.rest.len()]);
            before = Some(name);
            if !self.take(b',') {
                return self.take(b'}');
            }
        }
    }

    fn array(&mut self, depth: usize) -> bool {
        if !self.take(b'[') {
            return false;
        }
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

    /// What stands between the quotes. Inlined, as a record is mostly strings: a
    /// call for each would cost a fifth of the whole.
    #[inline(always)]
    fn string(&mut self) -> Option<&'a [u8]> {
        let [b'"', text @ ..] = self.rest else { return None };
        let mut at = 0;
        loop {
            at += plain(&text[at..]);
            match text.get(at)? {
                b'"' => {
                    self.rest = &text[at + 1..];
                    return Some(&text[..at]);
                }
                b'\\' => at += escape(&text[at + 1..])?,
                _ => return None,
            }
        }
    }

    fn integer(&mut self) -> bool {
        let negative = self.take(b'-');
        let count = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.rest.split_at(count);
        self.rest = rest;
        match digits {
            [] => false,
            [one] => !negative || *one != b'0',
            [first, ..] => *first != b'0',
        }
    }
}

/// How many bytes from the start stand for themselves: no quote, backslash or
/// control character. Eight at a time, since most of a record is such text.
fn plain(text: &[u8]) -> usize {
    let (words, rest) = text.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let found = special(u64::from_le_bytes(*word));
        if found != 0 {
            return at * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    words.len() * 8 + rest.iter().position(special).unwrap_or(rest.len())
}

/// The top bit of the lowest byte that does not stand for itself, and perhaps
/// bits above it: subtracting borrows from a byte only above one that is found.
const fn special(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    let control = word.wrapping_sub(ONES * 0x20);
    let quote = (word ^ (ONES * b'"' as u64)).wrapping_sub(ONES);
    let backslash = (word ^ (ONES * b'\\' as u64)).wrapping_sub(ONES);
    (control | quote | backslash) & !word & (ONES << 7)
}

/// Length, backslash included, of the one way there is to escape a character,
/// and only of what must be escaped. `rest` is what follows the backslash.
fn escape(rest: &[u8]) -> Option<usize> {
    match rest {
        [b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't', ..] => Some(2),
        [b'u', b'0', b'0', b'0', b'8' | b'9' | b'a' | b'c' | b'd', ..] => None,
        [b'u', b'0', b'0', b'0' | b'1', b'0'..=b'9' | b'a'..=b'f', ..] => Some(6),
        _ => None,
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

    #[test]
    fn what_must_be_escaped_is_found_at_every_place_and_nothing_else_is() {
        for length in 0..40 {
            for at in 0..=length {
                for byte in 0..=255_u8 {
                    let mut text = vec![b'\xc3'; length];
                    text.insert(at, byte);
                    let wanted = if matches!(byte, b'"' | b'\\' | 0..0x20) { at } else { length + 1 };
                    assert_eq!(plain(&text), wanted, "{byte} at {at} of {length}");
                    // Two of them: the first counts, whatever the other is.
                    text.push(b'"');
                    assert_eq!(plain(&text), wanted, "{byte} at {at} of {length}");
                }
            }
        }
    }

    #[test]
    fn members_come_as_they_are_written() {
        let text = r#"{"a":[1,{"x":"y"}],"b":-7,"c":"d\"e","f":{}}"#;
        let mut seen = Vec::new();
        assert!(members(text, |name, value| seen.push((name, value))));
        let wanted: [(&[u8], &[u8]); 4] =
            [(b"a", br#"[1,{"x":"y"}]"#), (b"b", b"-7"), (b"c", br#""d\"e""#), (b"f", b"{}")];
        assert_eq!(seen, wanted);
        for text in ["[]", "1", "", "{\"a\":1}x", "{\"a\":1", r#"{"b":1,"a":1}"#] {
            assert!(!members(text, |_, _| {}), "{text}");
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
