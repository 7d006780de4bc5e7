//! One gzip member, and nothing after it.
//!
//! Attack: a second member, or bytes after the first. GNU gzip and Python read
//! on, others stop, and each has another archive in hand. Header fields that
//! programs which pack folders do not write (extra data, a comment, a header
//! checksum) are refused as well: tools differ in whether they look at them.
//! The original's name is taken, since gzip and Python write it and no tar
//! reader looks at it.
//!
//! See: RFC 1952.

use super::inflate::{Crc, Inflate};
use super::reason::{Reason, Trouble, odd_all, odd_at};
use std::io::{self, BufRead, Read};

const NAME: u8 = 8;
/// Longest name of the original, in bytes.
const NAME_MAX: usize = 1024;

/// Reads what a gzip file of one member unpacks to.
pub(super) struct Gunzip<R> {
    inflate: Inflate<R>,
    crc: Crc,
    size: u64,
    checked: bool,
}

impl<R: BufRead> Gunzip<R> {
    /// Reads the header.
    pub(super) fn new(mut source: R) -> Result<Self, Trouble> {
        let mut head = [0; 10];
        fill(&mut source, &mut head)?;
        let [a, b, method, flags, ..] = head;
        if [a, b, method] != [0x1f, 0x8b, 8] {
            let detail = format!("it begins with {a:02x} {b:02x} {method:02x}, not 1f 8b 08");
            return Err(odd_at(Reason::GzipHeader, 0, detail));
        }
        if flags & !NAME != 0 {
            let detail = format!("flags {flags:#04x}; only a name ({NAME:#04x}) is taken");
            return Err(odd_at(Reason::GzipHeader, 3, detail));
        }
        if flags == NAME {
            let mut name = Vec::new();
            source.by_ref().take(NAME_MAX as u64).read_until(0, &mut name)?;
            if name.last() != Some(&0) {
                return Err(odd_at(Reason::GzipHeader, 10, "a name without an end"));
            }
        }
        Ok(Self { inflate: Inflate::new(source), crc: Crc::new(), size: 0, checked: false })
    }

    /// What follows the member: nothing, once all was read.
    pub(super) fn into_source(self) -> R {
        self.inflate.into_source()
    }

    fn check(&mut self) -> Result<(), Trouble> {
        let mut tail = [0; 8];
        let at = self.inflate.consumed();
        let source = self.inflate.source();
        fill(source, &mut tail)?;
        let [a, b, c, d, e, f, g, h] = tail;
        let (crc, size) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
        if crc != self.crc.value() || u64::from(size) != self.size & 0xffff_ffff {
            let detail = format!(
                "checksum {:08x} and {} bytes; it says {crc:08x} and {size}",
                self.crc.value(),
                self.size
            );
            return Err(odd_at(Reason::GzipChecksum, at, detail));
        }
        if !source.fill_buf()?.is_empty() {
            return Err(odd_at(Reason::GzipTrailing, at, ""));
        }
        Ok(())
    }
}

/// Reads all of `out`.
pub(super) fn fill(source: &mut dyn Read, out: &mut [u8]) -> Result<(), Trouble> {
    source.read_exact(out).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => odd_all(Reason::Truncated, "in a header or trailer"),
        _ => error.into(),
    })
}

impl<R: BufRead> Read for Gunzip<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.inflate.read(out)?;
        self.crc.update(&out[..n]);
        self.size += n as u64;
        if n == 0 && !out.is_empty() && !self.checked {
            self.check()?;
            self.checked = true;
        }
        Ok(n)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    /// `abc`, stored, in a gzip member.
    fn member() -> Vec<u8> {
        let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 3, 0, 0xfc, 0xff];
        out.extend(b"abc");
        let mut crc = Crc::new();
        crc.update(b"abc");
        out.extend(crc.value().to_le_bytes());
        out.extend(3_u32.to_le_bytes());
        out
    }

    fn reason(bytes: &[u8]) -> Result<Vec<u8>, Reason> {
        let read = || {
            let mut out = Vec::new();
            Gunzip::new(bytes)?.read_to_end(&mut out)?;
            Ok(out)
        };
        read().map_err(|trouble: Trouble| match trouble {
            Trouble::Odd(odd) => odd.reason,
            other => panic!("{other}"),
        })
    }

    #[test]
    fn one_member_with_or_without_a_name() {
        assert_eq!(reason(&member()).unwrap(), b"abc");
        let mut named = member();
        named[3] = NAME;
        named.splice(10..10, *b"x.tar\0");
        assert_eq!(reason(&named).unwrap(), b"abc");
    }

    #[test]
    fn attack_anything_after_the_member() {
        for more in [&b"\0"[..], b"x", &member()] {
            assert_eq!(reason(&[member(), more.to_vec()].concat()), Err(Reason::GzipTrailing));
        }
    }

    #[test]
    fn attack_every_flipped_bit_and_every_cut() {
        let good = member();
        for at in (0..good.len() * 8).filter(|at| !(32..80).contains(at)) {
            let mut bad = good.clone();
            bad[at / 8] ^= 1 << (at % 8);
            // Three unused bits stand before the length of a stored block.
            let unused = (83..88).contains(&at);
            assert_eq!(reason(&bad).is_ok(), unused, "bit {at}");
        }
        for cut in 0..good.len() {
            assert_eq!(reason(&good[..cut]), Err(Reason::Truncated), "{cut}");
        }
    }
}
