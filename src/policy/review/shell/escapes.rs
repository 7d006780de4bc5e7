//! Backslash escapes as `$'…'`, `printf` and `echo -e` read them.

/// The text behind its escapes: C's, octal, `\xHH`, `\uHHHH`, `\UHHHHHHHH`.
///
/// Bytes above 127 that make no UTF-8 become U+FFFD. With `quotes`, `\'`, `\"`
/// and `\?` are these characters, as inside of `$'…'`.
#[must_use]
pub fn unescape(text: &str, quotes: bool) -> String {
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at + 1..];
        let Some(c) = rest.chars().next() else {
            out.push(b'\\');
            return String::from_utf8_lossy(&out).into_owned();
        };
        rest = &rest[c.len_utf8()..];
        let simple = match c {
            'a' => Some(7),
            'b' => Some(8),
            'e' | 'E' => Some(27),
            'f' => Some(12),
            'n' => Some(b'\n'),
            'r' => Some(b'\r'),
            't' => Some(b'\t'),
            'v' => Some(11),
            '\\' => Some(b'\\'),
            '\'' | '"' | '?' if quotes => u8::try_from(c).ok(),
            _ => None,
        };
        if let Some(byte) = simple {
            out.push(byte);
            continue;
        }
        let (radix, most) = match c {
            'x' => (16, 2),
            'u' => (16, 4),
            'U' => (16, 8),
            '0'..='7' => (8, 3),
            _ => (0, 0),
        };
        let digits_from = if radix == 8 { &text[text.len() - rest.len() - 1..] } else { rest };
        // `\0101` has four digits for printf and echo.
        let most = if radix == 8 && c == '0' && !quotes { 4 } else { most };
        let count = digits_from.chars().take(most).take_while(|c| c.is_digit(radix.max(2))).count();
        match u32::from_str_radix(&digits_from[..count], radix.max(2)) {
            Ok(code) if radix != 0 && count > 0 => {
                if matches!(c, 'u' | 'U') {
                    out.extend(char::from_u32(code).unwrap_or('\u{fffd}').to_string().as_bytes());
                } else {
                    out.push(u8::try_from(code & 0xff).unwrap_or_default());
                }
                rest = &digits_from[count..];
            }
            _ => {
                out.push(b'\\');
                out.extend(c.to_string().as_bytes());
            }
        }
    }
    out.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&out).into_owned()
}
