//! Tar, read strictly: POSIX ustar headers and GNU's, of files, folders and
//! symbolic links.
//!
//! ```text
//!   [g: the commit, once, first]  ( [x: path, times | L: long name]  header  data )*  end
//! ```
//!
//! A tar is a list of blocks that each reader walks with its own idea of where
//! the next header lies and what the entry is called. So a header must be such
//! that there is one idea: plain octal numbers, nothing in unused bytes, a size
//! in one place, a name in one place besides the shortened one.
//!
//! Attack: a size in an extended header that one reader obeys and another does
//! not (CVE-2025-62518): what is data for one holds headers for the other. The
//! same for a link's target, so it stands in the header: one that needs `K` or
//! an extended header is longer than any that is taken, or foreign.
//!
//! See: POSIX.1-2017, pax; the GNU tar manual, appendix "Tar Internals".

use super::gzip::fill;
use super::list::Kind;
use super::pax;
use super::reason::{Reason, Trouble, odd, odd_all, odd_at};
use crate::model::limits::Rule;
use crate::system::fetch::fault_at;
use std::io::{self, Read};

const BLOCK: usize = 512;
/// Zeros that may follow the end marker: room for the block factors in use.
const PADDING: u64 = 1 << 20;
/// Longest name in a GNU long name, with its end.
const LONG: u64 = 4096;

/// An entry as it stands in the archive.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    /// The name, not checked.
    pub(super) name: &'a [u8],
    /// What it is.
    pub(super) kind: Kind,
    /// Bytes of data; of a link, of its target.
    pub(super) size: u64,
}

/// Called for each entry with its data.
pub(super) type Each<'a> = &'a mut dyn FnMut(&Entry<'_>, &mut dyn Read) -> Result<(), Trouble>;

/// The two kinds of header, which differ in what the last fields mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Posix,
    Gnu,
}

/// One header block whose numbers and unused bytes are good.
struct Header {
    format: Format,
    name: Vec<u8>,
    target: Vec<u8>,
    mode: u32,
    size: u64,
    kind: u8,
}

/// What stood before a header and belongs to it.
#[derive(Default)]
struct Ahead {
    pax: Option<pax::Records>,
    long: Option<Vec<u8>>,
}

/// Reads a whole archive, to the last byte of `source`.
pub(super) fn read(source: &mut dyn Read, each: Each<'_>) -> Result<(), Trouble> {
    let (mut at, mut ahead, mut first) = (0_u64, Ahead::default(), true);
    loop {
        let mut block = [0; BLOCK];
        // An archive that ends here has no end marker.
        fill(source, &mut block).map_err(|trouble| match trouble {
            Trouble::Odd(cut) if cut.reason == Reason::Truncated => odd_at(Reason::TarEnd, at, "none"),
            other => other,
        })?;
        if block == [0; BLOCK] {
            if ahead.pax.is_some() || ahead.long.is_some() {
                return Err(odd_at(Reason::TarDangling, at, ""));
            }
            return end(source, at + BLOCK as u64);
        }
        let header = Header::parse(&block, at)?;
        let here = at;
        at += BLOCK as u64 + header.size.next_multiple_of(BLOCK as u64);
        match header.kind {
            b'g' if first => pax::check_global(&body(source, &header, pax::MAX, here)?, here)?,
            b'g' => return Err(odd_at(Reason::TarGlobal, here, "not at the beginning")),
            b'x' | b'L' if ahead.pax.is_some() || ahead.long.is_some() => {
                return Err(odd_at(Reason::TarTwoNames, here, ""));
            }
            b'x' => ahead.pax = Some(pax::parse(&body(source, &header, pax::MAX, here)?, here)?),
            b'L' => ahead.long = Some(long_name(&body(source, &header, LONG, here)?, &header, here)?),
            _ => entry(source, &header, std::mem::take(&mut ahead), each)?,
        }
        first = false;
    }
}

/// Hands out one file or folder.
fn entry(source: &mut dyn Read, header: &Header, ahead: Ahead, each: Each<'_>) -> Result<(), Trouble> {
    // Attack: two targets; the other readers take the one we do not.
    if let Some(target) = ahead.pax.as_ref().and_then(|pax| pax.link.as_ref()) {
        if header.kind != b'2' {
            return Err(odd(Reason::TarPaxKey, &header.name, "`linkpath`, and it is no link"));
        }
        if *target != header.target {
            return Err(odd(Reason::TarPaxConflict, &header.name, "two targets of a link"));
        }
    }
    let name = full_name(header, ahead)?;
    // Attack: on macOS it is unpacked as a property, so there is a file less.
    if name.rsplit(|c| *c == b'/').next().is_some_and(|last| last.starts_with(b"._")) {
        return Err(odd(Reason::TarAppleDouble, &name, ""));
    }
    let refuse = |rule| Err(Trouble::Entry(fault_at(None, &name, rule)));
    let kind = match header.kind {
        b'0' => Kind::File { executable: header.mode & 0o100 != 0 },
        b'5' => Kind::Folder,
        b'1' => return refuse(Rule::HardLink(2)),
        b'2' => Kind::Link,
        b'3' | b'4' => return refuse(Rule::Special("device")),
        b'6' => return refuse(Rule::Special("FIFO")),
        b'S' => return Err(odd(Reason::TarSparse, &name, "")),
        other => {
            let detail = format!("type {:?}", char::from(other));
            return Err(odd(Reason::TarType, &name, detail));
        }
    };
    if header.mode & 0o7000 != 0 {
        return refuse(Rule::SetId(header.mode));
    }
    if kind == Kind::Link {
        // Attack: some readers skip so many bytes, and others read on at once.
        if header.size != 0 {
            return Err(odd(Reason::LinkData, &name, format!("{} bytes", header.size)));
        }
        let size = header.target.len() as u64;
        return each(&Entry { name: &name, kind, size }, &mut header.target.as_slice());
    }
    let mut data = Data { source, left: header.size };
    each(&Entry { name: &name, kind, size: header.size }, &mut data)?;
    io::copy(&mut data, &mut io::sink())?;
    padding(source, header.size, &name)
}

/// The name of an entry; a shortened one in the header must be harmless, since
/// some readers know no other.
fn full_name(header: &Header, ahead: Ahead) -> Result<Vec<u8>, Trouble> {
    let (pax, long) = (ahead.pax.unwrap_or_default(), ahead.long);
    if let Some(size) = pax.size
        && size != header.size
    {
        let detail = format!("size {size} and {}", header.size);
        return Err(odd(Reason::TarPaxConflict, &header.name, detail));
    }
    let Some(full) = pax.path.or(long.clone()) else { return Ok(header.name.clone()) };
    let up = |part: &[u8]| part == b"..";
    if header.name.starts_with(b"/") || header.name.split(|c| *c == b'/').any(up) {
        return Err(odd(Reason::TarPaxConflict, &header.name, "a shortened name that leads elsewhere"));
    }
    if long.is_some() && (header.format != Format::Gnu || !full.starts_with(&header.name)) {
        return Err(odd(Reason::TarLongName, &full, "the header has another name"));
    }
    Ok(full)
}

/// GNU's long name: the name and one zero byte.
fn long_name(body: &[u8], header: &Header, at: u64) -> Result<Vec<u8>, Trouble> {
    let wrong = |why: &str| Err(odd_at(Reason::TarLongName, at, why));
    match body.split_last() {
        _ if header.format != Format::Gnu || header.name != b"././@LongLink" => wrong("an odd header"),
        Some((0, name)) if name.contains(&0) => wrong("a zero byte in it"),
        Some((0, name)) if name.len() < 100 => wrong("it would fit into the header"),
        Some((0, name)) => Ok(name.to_vec()),
        _ => wrong("no end"),
    }
}

/// The data of an extended header, which is held in memory.
fn body(source: &mut dyn Read, header: &Header, most: u64, at: u64) -> Result<Vec<u8>, Trouble> {
    if header.size > most {
        return Err(Trouble::TooLarge(format!("{most} bytes of an extended header, at byte {at}")));
    }
    let mut out = Vec::new();
    Data { source, left: header.size }.read_to_end(&mut out)?;
    padding(source, header.size, &header.name)?;
    Ok(out)
}

/// The rest of the last block. Attack: bytes that no tool shows.
fn padding(source: &mut dyn Read, size: u64, name: &[u8]) -> Result<(), Trouble> {
    let mut rest = [0; BLOCK];
    let rest = &mut rest[..(size.next_multiple_of(BLOCK as u64) - size) as usize];
    fill(source, rest)?;
    if rest.iter().any(|byte| *byte != 0) {
        return Err(odd(Reason::TarReserved, name, "behind its data"));
    }
    Ok(())
}

/// After one empty block: another, then zeros to the end. Attack: a second
/// archive behind the first, which `tar --ignore-zeros` and others read.
fn end(source: &mut dyn Read, at: u64) -> Result<(), Trouble> {
    let (mut buffer, mut seen) = ([0; 8 * BLOCK], 0_u64);
    loop {
        let n = match source.read(&mut buffer) {
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        if buffer[..n].iter().any(|byte| *byte != 0) {
            return Err(odd_at(Reason::TarTrailing, at + seen, ""));
        }
        seen += n as u64;
        if seen > PADDING {
            return Err(odd_at(Reason::TarTrailing, at + seen, format!("more than {PADDING} zeros")));
        }
        if n == 0 {
            break;
        }
    }
    if seen < BLOCK as u64 || seen % BLOCK as u64 != 0 {
        return Err(odd_at(Reason::TarEnd, at, format!("{} bytes of zeros", BLOCK as u64 + seen)));
    }
    Ok(())
}

/// The data of one entry; an archive that ends within is cut.
struct Data<'a> {
    source: &'a mut dyn Read,
    left: u64,
}

impl Read for Data<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(out.len());
        let n = self.source.read(&mut out[..most])?;
        if n == 0 && most > 0 {
            return Err(odd_all(Reason::Truncated, format!("{} bytes of data are missing", self.left)).into());
        }
        self.left -= n as u64;
        Ok(n)
    }
}

impl Header {
    fn parse(block: &[u8; BLOCK], at: u64) -> Result<Self, Trouble> {
        let field = |from: usize, len: usize| &block[from..from + len];
        let wrong = |reason, detail: &str| Err(odd_at(reason, at, detail));
        let format = match field(257, 8) {
            b"ustar\x0000" => Format::Posix,
            b"ustar  \0" => Format::Gnu,
            other => return wrong(Reason::TarFormat, &format!("magic {other:02x?}")),
        };
        let number = |name: &str, from, len| {
            let raw = field(from, len);
            octal(raw).ok_or_else(|| odd_at(Reason::TarNumber, at, format!("{name} is {raw:02x?}")))
        };
        let written = number("the checksum", 148, 8)?;
        let sum = block.iter().enumerate().fold(0_u64, |sum, (at, byte)| {
            sum + u64::from(if (148..156).contains(&at) { b' ' } else { *byte })
        });
        if sum != written {
            return wrong(Reason::TarChecksum, &format!("{sum:o}, not {written:o}"));
        }
        // Read for their form alone.
        for (name, from, len) in [("the owner", 108, 8), ("the group", 116, 8), ("the time", 136, 12)] {
            number(name, from, len)?;
        }
        for from in [329, 337] {
            if field(from, 8) != [0; 8] && number("a device", from, 8)? != 0 {
                return wrong(Reason::TarReserved, "a device number");
            }
        }
        let (mode, size) = (number("the mode", 100, 8)?, number("the size", 124, 12)?);
        // 7-Zip writes the kind of entry there as well; it must be the kind.
        let typed = match block[156] {
            b'0' => 0o100_000,
            b'2' => 0o120_000,
            b'5' => 0o040_000,
            _ => 0,
        };
        if mode & !0o7777 != 0 && mode & !0o7777 != typed {
            return wrong(Reason::TarNumber, &format!("mode {mode:o}"));
        }
        // Attack: GNU keeps times where POSIX keeps the beginning of the name,
        // and Python reads it as a name all the same.
        let unused = if format == Format::Gnu { field(345, 167) } else { field(500, 12) };
        if unused.iter().any(|byte| *byte != 0) {
            return wrong(Reason::TarReserved, "at the end of the header");
        }
        let kind = block[156];
        let target = text(field(157, 100), at)?.to_vec();
        if !matches!(kind, b'1' | b'2') && !target.is_empty() {
            return wrong(Reason::TarReserved, "the name of a link that is none");
        }
        let mut name = Vec::new();
        if format == Format::Posix {
            name.extend_from_slice(text(field(345, 155), at)?);
        }
        if !name.is_empty() {
            name.push(b'/');
        }
        name.extend_from_slice(text(field(0, 100), at)?);
        let mode = u32::try_from(mode).unwrap_or(u32::MAX);
        Ok(Self { format, name, target, mode, size, kind })
    }
}

/// A text up to its first zero byte. Attack: what stands behind it is seen by
/// readers that count on the whole field.
fn text(field: &[u8], at: u64) -> Result<&[u8], Trouble> {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    let (text, rest) = field.split_at(end);
    if rest.iter().any(|byte| *byte != 0) {
        return Err(odd_at(Reason::TarReserved, at, "behind the end of a name"));
    }
    Ok(text)
}

/// Octal digits and at least one zero byte or space, nothing else. Attack:
/// base-256, signs and leading spaces are read by some tools only, and a field
/// without an end runs into the next for others.
fn octal(field: &[u8]) -> Option<u64> {
    let digits = field.iter().take_while(|c| (b'0'..=b'7').contains(*c)).count();
    let (digits, rest) = field.split_at(digits);
    if digits.is_empty() || rest.is_empty() || rest.iter().any(|c| ![0, b' '].contains(c)) {
        return None;
    }
    digits.iter().try_fold(0_u64, |sum, c| sum.checked_mul(8)?.checked_add(u64::from(c - b'0')))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_common_programs_write_them() {
        let cases: &[(&[u8], u64)] = &[
            (b"0000644\0", 0o644),
            (b"000644 \0", 0o644),
            (b"00000000005\0", 5),
            (b"00000000005 ", 5),
            (b"012345\0 ", 0o12345),
            (b"0\0\0\0\0\0\0\0", 0),
        ];
        for (field, value) in cases {
            assert_eq!(octal(field), Some(*value), "{field:02x?}");
        }
    }

    #[test]
    fn attack_numbers_that_readers_read_differently() {
        let cases: &[&[u8]] = &[
            b"\0\0\0\0\0\0\0\0",
            b"        ",
            b"  00644\0",
            b"-000644\0",
            b"+000644\0",
            b"0x00644\0",
            b"0000648\0",
            b"00000644",
            b"0000644x",
            b"0006\x0044\0",
            b"\x80\0\0\0\0\0\0\x05",
            b"\xff\xff\xff\xff\xff\xff\xff\xff",
            b"",
        ];
        for field in cases {
            assert_eq!(octal(field), None, "{field:02x?}");
        }
        assert_eq!(octal(b"7777777777777777777777777777777777\0"), None);
    }

    #[test]
    fn attack_bytes_behind_the_end_of_a_name() {
        assert_eq!(text(b"ab\0\0", 0).unwrap(), b"ab");
        assert_eq!(text(b"abcd", 0).unwrap(), b"abcd");
        assert!(text(b"ab\0c", 0).is_err());
    }
}
