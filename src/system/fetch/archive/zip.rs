//! Zip, read strictly: every byte of the file belongs to one record, and every
//! fact that stands twice is the same twice.
//!
//! ```text
//!   byte 0                                              start            end - 22
//!   │ header data [descriptor] │ header data │ …        │ directory      │ end record │
//!   └ entry 1                  └ entry 2                └ entry 1, 2, …  └ [commit]
//! ```
//!
//! Some readers walk the entries from the front, some the directory from the
//! back, some look for the end record by its mark. Where these meet the same
//! bytes there is one archive; so the entries fill the file from byte 0 to the
//! directory, in its order, the directory to the end record, and that to the
//! end. One comment is taken, the commit that `git archive` and so every
//! download of a forge ends with: hexadecimal digits hold no mark. Attack: more
//! than a thousand published files that three common programs unpack to
//! different files without a word.
//!
//! See: APPNOTE.TXT 6.3.10 of PKWARE.

use super::gzip::fill;
use super::inflate::{Crc, Inflate};
use super::pinned::Pinned;
use super::reason::{Reason, Trouble, odd, odd_at};
use super::tar::{Each, Entry};
use super::zip_record::{COMMIT_MAX, Central, DEFLATED, DESCRIBED, END, End, Local, STORED};
use std::io::{self, BufRead, Read};

/// Most bytes of a directory, which is held in memory.
const DIRECTORY: u64 = 12 << 20;

/// The directory and the end record.
pub(super) struct Directory {
    /// Where it begins, which is where the entries end.
    pub(super) start: u64,
    /// The bytes from there to the end of the file.
    pub(super) bytes: Vec<u8>,
    /// Of these, the bytes of the records of entries.
    records: usize,
    entries: u16,
}

impl Directory {
    /// Reads the end of the file.
    pub(super) fn read(file: &Pinned) -> Result<Self, Trouble> {
        let len = file.len();
        let mut last = vec![0; len.min((END + COMMIT_MAX) as u64) as usize];
        file.read_at(len - last.len() as u64, &mut last)?;
        let End { at, entries, size, start } = End::find(&last, len)?;
        if size > DIRECTORY {
            return Err(Trouble::TooLarge(format!("{DIRECTORY} bytes of directory")));
        }
        // Bounded above, and by the length of the file that is there.
        let records = usize::try_from(size).unwrap_or(0);
        let mut bytes = vec![0; records + usize::try_from(len - at).unwrap_or(0)];
        file.read_at(start, &mut bytes)?;
        // Attack: a zip64 locator where the directory ends, which stands in
        // place of the end record for readers that look for it.
        let locator = records.checked_sub(20).and_then(|at| bytes.get(at..at + 4));
        if locator == Some(b"PK\x06\x07") {
            return Err(odd_at(Reason::ZipZip64, at - 20, ""));
        }
        Ok(Self { start, bytes, records, entries })
    }

    fn entries(&self) -> Result<Vec<Central<'_>>, Trouble> {
        let (mut out, mut at) = (Vec::new(), 0);
        let records = self.records;
        for _ in 0..self.entries {
            let here = self.start + at as u64;
            let (central, size) = Central::parse(&self.bytes[at..records], here)?;
            at += size;
            out.push(central);
        }
        if at != records {
            let detail = format!("{} bytes behind its {} entries", records - at, self.entries);
            return Err(odd_at(Reason::ZipDirectory, self.start + at as u64, detail));
        }
        Ok(out)
    }
}

/// Reads all entries from `source`, which begins at byte 0 and ends where the
/// directory begins.
pub(super) fn read(source: &mut dyn BufRead, directory: &Directory, each: Each<'_>) -> Result<(), Trouble> {
    let mut at = 0_u64;
    let entries = directory.entries()?;
    let ends = entries.iter().skip(1).map(|next| next.offset).chain([directory.start]);
    for (central, end) in entries.iter().zip(ends) {
        if central.offset != at {
            let detail = format!("it should begin at byte {at}, and does at {}", central.offset);
            return Err(odd(Reason::ZipTiling, central.name, detail));
        }
        let (local, size) = Local::read(source, central)?;
        local.agrees(central)?;
        let described = central.flags & DESCRIBED != 0;
        let after = at + size + central.packed + if described { 16 } else { 0 };
        if after != end {
            let detail = format!("it ends at byte {after}, and what follows begins at {end}");
            return Err(odd(Reason::ZipTiling, central.name, detail));
        }
        data(source, central, each)?;
        if described {
            descriptor(source, central)?;
        }
        at = after;
    }
    if at != directory.start {
        let detail = format!("the entries end at byte {at}, the directory begins at {}", directory.start);
        return Err(odd_at(Reason::ZipTiling, at, detail));
    }
    Ok(())
}

/// Hands out the data of one entry and holds it against the directory.
fn data(source: &mut dyn BufRead, central: &Central<'_>, each: Each<'_>) -> Result<(), Trouble> {
    let wrong = |detail: String| Err(odd(Reason::ZipData, central.name, detail));
    let entry = Entry { name: central.name, kind: central.kind, size: central.size };
    let mut packed = source.take(central.packed);
    let (crc, size) = match central.method {
        DEFLATED => {
            let mut inflate = Inflate::new(&mut packed);
            let summed = hand_out(&mut inflate, &entry, each)?;
            if inflate.consumed() != central.packed {
                let detail =
                    format!("{} bytes of data, of which {} are used", central.packed, inflate.consumed());
                return wrong(detail);
            }
            summed
        }
        _ => hand_out(&mut packed, &entry, each)?,
    };
    if (crc, size) != (central.crc, central.size) {
        return wrong(format!(
            "checksum {crc:08x} and {size} bytes; the directory says {:08x} and {}",
            central.crc, central.size
        ));
    }
    Ok(())
}

/// Gives the data to `each`, reads what it left, and sums up.
fn hand_out(from: &mut dyn Read, entry: &Entry<'_>, each: Each<'_>) -> Result<(u32, u64), Trouble> {
    // One byte more than there should be tells that there is more.
    let mut summed = Summed { from, crc: Crc::new(), size: 0, most: entry.size.saturating_add(1) };
    each(entry, &mut summed)?;
    io::copy(&mut summed, &mut io::sink())?;
    Ok((summed.crc.value(), summed.size))
}

/// Data on its way, counted and bounded.
struct Summed<'a> {
    from: &'a mut dyn Read,
    crc: Crc,
    size: u64,
    most: u64,
}

impl Read for Summed<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.most - self.size).unwrap_or(usize::MAX).min(out.len());
        let n = self.from.read(&mut out[..most])?;
        self.crc.update(&out[..n]);
        self.size += n as u64;
        Ok(n)
    }
}

/// The record behind data whose size was not known when it was written. Only
/// the form with a mark is taken: without one, a checksum can look like it.
fn descriptor(source: &mut dyn BufRead, central: &Central<'_>) -> Result<(), Trouble> {
    let mut found = [0; 16];
    fill(source, &mut found)?;
    let fields = [central.crc, central.packed as u32, central.size as u32];
    let wanted: Vec<u8> =
        b"PK\x07\x08".iter().copied().chain(fields.iter().flat_map(|field| field.to_le_bytes())).collect();
    if found != wanted.as_slice() {
        return Err(odd(Reason::ZipDescriptor, central.name, format!("{found:02x?}")));
    }
    debug_assert!(matches!(central.method, STORED | DEFLATED));
    Ok(())
}
