//! Extended headers of tar, of which three keys mean nothing and three are
//! held against the header.
//!
//! Taken: `path`, which stands in for a name that does not fit; the times,
//! which nobody here uses; `size` and, for a link, `linkpath` where they repeat
//! the header. Everything else may change how another reader sees the entry (a
//! sparse map, another character set), so it is refused by its key.
//!
//! `git archive`, and so every download of a forge, begins with an extended
//! header for *all* entries that holds `comment=` and the commit. That very
//! form is taken and nothing is concluded from it: no reader changes an entry
//! because of a comment. Any other one is refused, since it gives names and
//! sizes to entries that do not show them.

use super::reason::{Reason, Trouble, odd_at};

/// Bytes of one extended header.
pub(super) const MAX: u64 = 64 << 10;

/// What an extended header says that matters.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Records {
    /// The whole name.
    pub(super) path: Option<Vec<u8>>,
    /// The size.
    pub(super) size: Option<u64>,
    /// The target of a link.
    pub(super) link: Option<Vec<u8>>,
}

/// Key and value.
type Record<'a> = (&'a [u8], &'a [u8]);

/// The records, each `length key=value` and a line end. The length counts all
/// of it. Attack: lengths that overlap, or with zeros or signs in front.
fn records(mut body: &[u8], at: u64) -> Result<Vec<Record<'_>>, Trouble> {
    let mut out: Vec<Record<'_>> = Vec::new();
    let wrong = |why: &str| odd_at(Reason::TarPax, at, why);
    while !body.is_empty() {
        let space = body.iter().take(8).position(|c| *c == b' ').ok_or_else(|| wrong("no length"))?;
        let length = number(&body[..space]).ok_or_else(|| wrong("an odd length"))?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let record = body.get(space + 1..length).ok_or_else(|| wrong("a length that does not fit"))?;
        let record = record.strip_suffix(b"\n").ok_or_else(|| wrong("a record without its end"))?;
        let equals = record.iter().position(|c| *c == b'=').ok_or_else(|| wrong("no value"))?;
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        if out.iter().any(|(other, _)| *other == key) {
            return Err(wrong("one key twice"));
        }
        if value.iter().any(|c| [0, b'\n'].contains(c)) {
            return Err(wrong("a zero byte or a line end in a value"));
        }
        out.push((key, value));
        body = &body[length..];
    }
    if out.is_empty() {
        return Err(wrong("no records"));
    }
    Ok(out)
}

/// Decimal digits without zeros in front.
fn number(digits: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(digits).ok()?;
    let plain = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    text.parse().ok().filter(|_| plain && (text == "0" || !text.starts_with('0')))
}

/// Seconds, as times are written: digits, a fraction, perhaps before 1970.
/// Attack: more of them than a reader can set, which refuses what others take.
fn is_time(value: &[u8]) -> bool {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    let mut parts = digits.splitn(2, |c| *c == b'.');
    let plain = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    let seconds = digits.iter().take_while(|c| c.is_ascii_digit()).count();
    seconds <= 11 && digits.len() <= 40 && parts.all(plain)
}

/// Reads the extended header of one entry.
pub(super) fn parse(body: &[u8], at: u64) -> Result<Records, Trouble> {
    let mut found = Records::default();
    for (key, value) in records(body, at)? {
        match key {
            b"path" => found.path = Some(value.to_vec()),
            b"linkpath" => found.link = Some(value.to_vec()),
            b"size" => {
                let odd = || odd_at(Reason::TarPax, at, "an odd size");
                found.size = Some(number(value).ok_or_else(odd)?);
            }
            b"mtime" | b"atime" | b"ctime" if is_time(value) => {}
            b"mtime" | b"atime" | b"ctime" => return Err(odd_at(Reason::TarPax, at, "an odd time")),
            other => {
                let key = crate::model::text::escape_bytes(other);
                let key = crate::model::text::escape_short(&key, 60);
                return Err(odd_at(Reason::TarPaxKey, at, format!("`{key}`")));
            }
        }
    }
    Ok(found)
}

/// Whether a header for all entries is the one that `git archive` writes.
pub(super) fn check_global(body: &[u8], at: u64) -> Result<(), Trouble> {
    let records = records(body, at)?;
    let is_commit = |value: &[u8]| {
        [40, 64].contains(&value.len())
            && value.iter().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(c))
    };
    match records.as_slice() {
        [(b"comment", value)] if is_commit(value) => Ok(()),
        _ => Err(odd_at(Reason::TarGlobal, at, "")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    fn reason<T>(result: Result<T, Trouble>) -> Option<Reason> {
        match result.err()? {
            Trouble::Odd(odd) => Some(odd.reason),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn what_common_programs_write_is_taken() {
        let found = parse(b"20 path=long/name/x\n30 mtime=1789000000.123456789\n", 0);
        assert_eq!(found.unwrap(), Records { path: Some(b"long/name/x".to_vec()), ..Records::default() });
        assert_eq!(parse(b"14 linkpath=a\n", 0).unwrap().link, Some(b"a".to_vec()));
        assert_eq!(parse(b"10 size=0\n", 0).unwrap().size, Some(0));
        check_global(b"52 comment=0123456789abcdef0123456789abcdef01234567\n", 0).unwrap();
    }

    #[test]
    fn everything_else_has_its_reason() {
        let cases: &[(&[u8], Reason)] = &[
            (b"", Reason::TarPax),
            (b"x", Reason::TarPax),
            (b"8 path=a\n", Reason::TarPax),
            (b"010 path=a\n", Reason::TarPax),
            (b"+9 path=ab\n", Reason::TarPax),
            (b"12 path=ab\n", Reason::TarPax),
            (b"999999999 path=ab\n", Reason::TarPax),
            (b"1 path=ab\n", Reason::TarPax),
            (b"10 path=a", Reason::TarPax),
            (b"10 pathxab\n", Reason::TarPax),
            (b"10 path=a\n10 path=b\n", Reason::TarPax),
            (b"10 path=\0\n", Reason::TarPax),
            (b"12 size=+12\n", Reason::TarPax),
            (b"22 mtime=999999999999\n", Reason::TarPax),
            (b"11 size=01\n", Reason::TarPax),
            (b"11 mtime=x\n", Reason::TarPax),
            (b"14 uid=400000\n", Reason::TarPaxKey),
            (b"22 GNU.sparse.major=1\n", Reason::TarPaxKey),
            (b"21 hdrcharset=BINARY\n", Reason::TarPaxKey),
        ];
        for (body, wanted) in cases {
            assert_eq!(reason(parse(body, 0)), Some(*wanted), "{:?}", String::from_utf8_lossy(body));
        }
        for body in [&b"10 path=a\n"[..], b"15 comment=abc\n", b"10 path=a\n15 comment=abc\n"] {
            assert_eq!(reason(check_global(body, 0)), Some(Reason::TarGlobal));
        }
    }
}
