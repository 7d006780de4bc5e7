//! The records of a zip file: what each may say, and that both headers of an
//! entry say the same.

use super::gzip::fill;
use super::list::Kind;
use super::reason::{Reason, Trouble, odd, odd_at};
use crate::model::limits::Rule;
use crate::system::fetch::fault_at;
use std::io::Read;

/// Bytes of the end record.
pub(super) const END: usize = 22;
/// Longest comment that is taken: a commit, of 40 or 64 digits.
pub(super) const COMMIT_MAX: usize = 64;
/// Method: as it is.
pub(super) const STORED: u16 = 0;
/// Method: deflate.
pub(super) const DEFLATED: u16 = 8;
/// Flag: a record with the sizes stands after the data.
pub(super) const DESCRIBED: u16 = 1 << 3;
/// Flag: the name is UTF-8.
const UTF8: u16 = 1 << 11;
/// Flags: how hard deflate tried.
const EFFORT: u16 = 0b110;
const CENTRAL: usize = 46;
const LOCAL: usize = 30;
/// The version that zip64 and newer needs is above this.
const VERSION: u16 = 20;

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).map_or(0, |two| u16::from_le_bytes([two[0], two[1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |four| u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
}

/// The end record.
pub(super) struct End {
    /// Where it begins.
    pub(super) at: u64,
    pub(super) entries: u16,
    /// Bytes of the directory, and where that begins.
    pub(super) size: u64,
    pub(super) start: u64,
}

impl End {
    /// Finds it in the last bytes of a file of `len` bytes: right at the end,
    /// or before a commit.
    pub(super) fn find(last: &[u8], len: u64) -> Result<Self, Trouble> {
        let is_commit = |text: &[u8]| text.iter().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(c));
        for comment in [0, 40, COMMIT_MAX] {
            let from = last.len().checked_sub(END + comment);
            let Some((end, text)) = from.map(|from| last[from..].split_at(END)) else { break };
            if end.starts_with(b"PK\x05\x06") && is_commit(text) {
                return Self::parse(end, comment, len - (END + comment) as u64);
            }
        }
        let detail = "no end record there: something is appended, a comment, or it is cut";
        Err(odd_at(Reason::ZipEnd, len.saturating_sub(END as u64), detail))
    }

    fn parse(end: &[u8], comment: usize, at: u64) -> Result<Self, Trouble> {
        let wrong = |detail: String| Err(odd_at(Reason::ZipEnd, at, detail));
        if usize::from(u16_at(end, 20)) != comment {
            return Err(odd_at(Reason::ZipComment, at, format!("of {} bytes", u16_at(end, 20))));
        }
        let (entries, size, start) = (u16_at(end, 10), u32_at(end, 12), u32_at(end, 16));
        if u16_at(end, 4) != 0 || u16_at(end, 6) != 0 || u16_at(end, 8) != entries {
            return wrong("it tells of more than one disk".to_owned());
        }
        if entries == u16::MAX || size == u32::MAX || start == u32::MAX {
            return Err(odd_at(Reason::ZipZip64, at, ""));
        }
        let (size, start) = (u64::from(size), u64::from(start));
        if start + size != at {
            return wrong(format!("its directory ends at byte {}, not here", start + size));
        }
        Ok(Self { at, entries, size, start })
    }
}

/// What the central directory says of an entry.
#[derive(Debug)]
pub(super) struct Central<'a> {
    pub(super) name: &'a [u8],
    pub(super) kind: Kind,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc: u32,
    pub(super) packed: u64,
    pub(super) size: u64,
    pub(super) offset: u64,
    needed: u16,
    time: u32,
}

impl<'a> Central<'a> {
    /// Reads the record at the beginning of `bytes`, and tells how long it is.
    pub(super) fn parse(bytes: &'a [u8], at: u64) -> Result<(Self, usize), Trouble> {
        let cut = || odd_at(Reason::ZipDirectory, at, "a record is cut off or missing");
        let head = bytes.get(..CENTRAL).filter(|head| head.starts_with(b"PK\x01\x02")).ok_or_else(cut)?;
        let [named, extra, comment] = [28, 30, 32].map(|at| usize::from(u16_at(head, at)));
        let name = bytes.get(CENTRAL..CENTRAL + named).ok_or_else(cut)?;
        let extra = bytes.get(CENTRAL + named..CENTRAL + named + extra).ok_or_else(cut)?;
        if comment != 0 {
            return Err(odd(Reason::ZipComment, name, format!("of {comment} bytes")));
        }
        if u16_at(head, 34) != 0 || u16_at(head, 36) > 1 {
            return Err(odd(Reason::ZipDirectory, name, "another disk, or unknown attributes"));
        }
        check_extra(extra, name, true)?;
        let made = u16_at(head, 4);
        // Attack: Info-ZIP looks at the mark of UTF-8 where it reads the extra
        // field, and converts names from MS-DOS where there is none.
        if made >> 8 == 0 && extra.is_empty() && !name.is_ascii() {
            return Err(odd(Reason::ZipEncoding, name, "made on MS-DOS, without an extra field"));
        }
        let central = Self {
            name,
            kind: kind(name, made, u32_at(head, 38))?,
            flags: u16_at(head, 8),
            method: u16_at(head, 10),
            crc: u32_at(head, 16),
            packed: u64::from(u32_at(head, 20)),
            size: u64::from(u32_at(head, 24)),
            offset: u64::from(u32_at(head, 42)),
            needed: u16_at(head, 6),
            time: u32_at(head, 12),
        };
        central.check()?;
        Ok((central, CENTRAL + named + extra.len()))
    }

    fn check(&self) -> Result<(), Trouble> {
        let refuse = |reason, detail: String| Err(odd(reason, self.name, detail));
        let most = u64::from(u32::MAX);
        if [self.packed, self.size, self.offset].contains(&most) {
            return refuse(Reason::ZipZip64, String::new());
        }
        // The upper half repeats the system: 7-Zip writes Unix there.
        if self.needed & 0xff > VERSION || !matches!(self.needed >> 8, 0 | 3) {
            return refuse(Reason::ZipVersion, format!("needs version {}", self.needed));
        }
        // Info-ZIP says how hard it tried also of what it then stored.
        if self.flags & !(DESCRIBED | UTF8 | EFFORT) != 0 {
            return refuse(Reason::ZipFlags, format!("flags {:#06x}", self.flags));
        }
        match self.method {
            // Attack: a reader from the front cannot tell where the data ends.
            STORED if self.flags & DESCRIBED != 0 => {
                return refuse(Reason::ZipFlags, "stored, and its size only behind it".to_owned());
            }
            STORED if self.packed != self.size => {
                return refuse(Reason::ZipData, format!("stored, {} bytes and {}", self.packed, self.size));
            }
            STORED | DEFLATED => {}
            other => return refuse(Reason::ZipMethod, format!("method {other}")),
        }
        // Attack: bytes that one reader takes for UTF-8 and another for the
        // character set of its own system.
        if self.flags & UTF8 == 0 && !self.name.is_ascii() {
            return refuse(Reason::ZipEncoding, String::new());
        }
        Ok(())
    }
}

/// What an entry is, by its name and by its attributes, which must not differ.
fn kind(name: &[u8], made: u16, attributes: u32) -> Result<Kind, Trouble> {
    const FOLDER: u32 = 0x10;
    // Read-only, hidden, system, archive, normal, macOS's own mark, and 7-Zip's
    // of a mode in the upper half: of files and folders alike.
    const PLAIN: u32 = 0xc0a7;
    let odd_mode = |detail: String| Err(odd(Reason::ZipMode, name, detail));
    let unix = match made >> 8 {
        3 => true,
        // MS-DOS, which Python and Java write as well, and NTFS.
        0 | 10 => false,
        other => return Err(odd(Reason::ZipVersion, name, format!("made on system {other}"))),
    };
    let (mode, dos) = (attributes >> 16, attributes & 0xffff);
    if dos & !(FOLDER | PLAIN) != 0 {
        return odd_mode(format!("attributes {dos:#06x}"));
    }
    let slash = name.ends_with(b"/");
    let refuse = |rule| Err(Trouble::Entry(fault_at(None, name, rule)));
    match (mode & 0o170_000, slash) {
        // Info-ZIP makes a link of it whatever the system, libarchive of Unix alone.
        (0o120_000, _) if !unix => return odd_mode(format!("mode {mode:o}, not made on Unix")),
        (0o120_000, true) => return odd_mode("a link whose name ends in a slash".to_owned()),
        (0o120_000, false) if dos & FOLDER != 0 => return odd_mode("a link and a folder".to_owned()),
        (0o120_000, false) => {}
        (0o010_000, _) => return refuse(Rule::Special("FIFO")),
        (0o140_000, _) => return refuse(Rule::Special("socket")),
        (0o020_000 | 0o060_000, _) => return refuse(Rule::Special("device")),
        // No type at all is what Python writes for an entry from memory.
        (0o040_000 | 0, true) | (0o100_000 | 0, false) => {}
        _ => return odd_mode(format!("mode {mode:o}, and its name says otherwise")),
    }
    if mode & 0o7000 != 0 {
        return refuse(Rule::SetId(mode & 0o7777));
    }
    if slash {
        return Ok(Kind::Folder);
    }
    if mode & 0o170_000 == 0o120_000 {
        return Ok(Kind::Link);
    }
    if dos & FOLDER != 0 {
        return odd_mode("a folder whose name does not end in a slash".to_owned());
    }
    // Attack: Info-ZIP believes these bits of any system, libarchive of Unix
    // alone, so that a program is one for half of the readers.
    if !unix && mode & 0o111 != 0 {
        return odd_mode(format!("mode {mode:o}, not made on Unix"));
    }
    // Attack: 7-Zip takes these bits of an entry of a known type alone.
    if mode & 0o170_000 == 0 && mode & 0o111 != 0 {
        return odd_mode(format!("mode {mode:o}, and no type of file"));
    }
    Ok(Kind::File { executable: mode & 0o100 != 0 })
}

/// Extra fields: times, owners, and the mark of Java, each once and in the form
/// that every program writes. What is between them must be nothing.
fn check_extra(mut extra: &[u8], name: &[u8], central: bool) -> Result<(), Trouble> {
    let mut seen = Vec::new();
    while !extra.is_empty() {
        let (id, size) = (u16_at(extra, 0), usize::from(u16_at(extra, 2)));
        let Some(body) = extra.get(4..4 + size) else {
            return Err(odd(Reason::ZipExtra, name, "it does not fit"));
        };
        match id {
            0x0001 => return Err(odd(Reason::ZipZip64, name, "")),
            0x7075 => return Err(odd(Reason::ZipUnicodePath, name, "")),
            _ if is_harmless(id, body, central) && !seen.contains(&id) => seen.push(id),
            _ => {
                let detail = format!("field {id:#06x} of {size} bytes, unknown, malformed or twice");
                return Err(odd(Reason::ZipExtra, name, detail));
            }
        }
        extra = &extra[4 + size..];
    }
    Ok(())
}

/// Attack: a malformed field, for which libarchive refuses what others take.
fn is_harmless(id: u16, body: &[u8], central: bool) -> bool {
    match (id, body) {
        // Times: which, then those; in the directory the first alone.
        (0x5455, [which @ 0..=7, times @ ..]) => {
            times.len() == 4 * which.count_ones() as usize || (central && which & 1 == 1 && times.len() == 4)
        }
        // Owner and group, each with its length.
        (0x7875, [1, 4, _, _, _, _, 4, _, _, _, _]) => true,
        // Times and owner, and owner, as they once were.
        (0x5855, body) => matches!(body.len(), 8 | 12),
        (0x7855, body) => matches!(body.len(), 0 | 4),
        // NTFS: nothing, then one field with three times.
        (0x000a, [_, _, _, _, 1, 0, 24, 0, times @ ..]) => times.len() == 24,
        // Java's: this is a jar.
        (0xcafe, []) => true,
        _ => false,
    }
}

/// What stands before the data.
pub(super) struct Local {
    head: [u8; LOCAL],
    name: Vec<u8>,
}

impl Local {
    /// Reads it and its length.
    pub(super) fn read(source: &mut dyn Read, central: &Central<'_>) -> Result<(Self, u64), Trouble> {
        let mut head = [0; LOCAL];
        fill(source, &mut head)?;
        if !head.starts_with(b"PK\x03\x04") {
            return Err(odd(Reason::ZipLocal, central.name, "no header there"));
        }
        // Both lengths are of two bytes, so at most 64 KiB each.
        let mut name = vec![0; usize::from(u16_at(&head, 26))];
        let mut extra = vec![0; usize::from(u16_at(&head, 28))];
        fill(source, &mut name)?;
        fill(source, &mut extra)?;
        check_extra(&extra, central.name, false)?;
        let size = (LOCAL + name.len() + extra.len()) as u64;
        Ok((Self { head, name }, size))
    }

    /// Attack: a reader from the front is told another name, method or size
    /// than one that starts from the directory.
    pub(super) fn agrees(&self, central: &Central<'_>) -> Result<(), Trouble> {
        let differs = |what: &str, local: u64, directory: u64| {
            let detail = format!("{what} {local:#x}, and {directory:#x} in the directory");
            Err(odd(Reason::ZipLocal, central.name, detail))
        };
        if self.name != central.name {
            let detail = format!("name `{}`", crate::model::text::escape_bytes(&self.name));
            let detail = crate::model::text::escape_short(&detail, 200);
            return Err(odd(Reason::ZipLocal, central.name, detail));
        }
        for (what, at, wanted) in
            [("version", 4, central.needed), ("flags", 6, central.flags), ("method", 8, central.method)]
        {
            let found = u16_at(&self.head, at);
            if found != wanted {
                return differs(what, found.into(), wanted.into());
            }
        }
        for (what, at, wanted) in [
            ("time", 10, u64::from(central.time)),
            ("checksum", 14, central.crc.into()),
            ("packed size", 18, central.packed),
            ("size", 22, central.size),
        ] {
            let found = u64::from(u32_at(&self.head, at));
            // With a record behind the data, what is not known yet is zero here.
            let later = found == 0 && at > 10 && central.flags & DESCRIBED != 0;
            if found != wanted && !later {
                return differs(what, found, wanted);
            }
        }
        Ok(())
    }
}
