//! Deflate, streamed: the only door to the decompressor.
//!
//! The output buffer is ours and does not wrap: its first half holds the last
//! 32 KiB, so that a distance to before the first byte is seen. Attack: a
//! stream that copies from there is an error to zlib and zeros to a decoder
//! with a ring buffer, and the archive's checksum can be made to fit either.
//!
//! Invariant: memory is the same for every input; nothing is sized by a header.

use super::reason::{Reason, Trouble, odd_at};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};
use std::io::{self, BufRead, Read};

/// As far back as deflate can copy from.
const WINDOW: usize = 32 << 10;
/// Fresh output between two moves of the window.
const ROOM: usize = 64 << 10;
/// Output that no ratio is asked of.
const FREE: u64 = 1 << 20;
/// Bytes out for one byte in. Text reaches 50; deflate itself ends at 1032.
const RATIO: u64 = 200;
const FLAGS: u32 = TINFL_FLAG_HAS_MORE_INPUT | TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;

/// Reads what a deflate stream unpacks to, and of `source` exactly the stream.
pub(super) struct Inflate<R> {
    source: R,
    state: Box<DecompressorOxide>,
    buffer: Box<[u8]>,
    filled: usize,
    taken: usize,
    ended: bool,
    consumed: u64,
    produced: u64,
}

impl<R: BufRead> Inflate<R> {
    /// Starts at the next byte of `source`.
    pub(super) fn new(source: R) -> Self {
        Self {
            source,
            state: Box::default(),
            buffer: vec![0; WINDOW + ROOM].into_boxed_slice(),
            filled: 0,
            taken: 0,
            ended: false,
            consumed: 0,
            produced: 0,
        }
    }

    /// What follows the stream, once [`Read::read`] gave no more bytes.
    pub(super) const fn source(&mut self) -> &mut R {
        &mut self.source
    }

    /// As [`Self::source`], for good.
    pub(super) fn into_source(self) -> R {
        self.source
    }

    /// Bytes of the stream that were read.
    pub(super) const fn consumed(&self) -> u64 {
        self.consumed
    }

    /// Unpacks at least one byte more, or comes to the end.
    fn more(&mut self) -> Result<(), Trouble> {
        if self.filled == self.buffer.len() {
            self.buffer.copy_within(ROOM.., 0);
            (self.filled, self.taken) = (WINDOW, WINDOW);
        }
        loop {
            let input = self.source.fill_buf()?;
            let dry = input.is_empty();
            let (status, used, made) =
                decompress(&mut self.state, input, &mut self.buffer, self.filled, FLAGS);
            self.source.consume(used);
            self.filled += made;
            self.consumed += used as u64;
            self.produced += made as u64;
            if self.produced > FREE && self.produced / RATIO > self.consumed {
                let detail = format!("{} bytes from {}", self.produced, self.consumed);
                return Err(odd_at(Reason::Bomb, self.consumed, detail));
            }
            match status {
                TINFLStatus::Done => self.ended = true,
                TINFLStatus::NeedsMoreInput if made == 0 && dry => {
                    return Err(odd_at(Reason::Truncated, self.consumed, "of the compressed data"));
                }
                TINFLStatus::NeedsMoreInput if made == 0 && used > 0 => continue,
                TINFLStatus::NeedsMoreInput | TINFLStatus::HasMoreOutput if made > 0 => {}
                _ => return Err(odd_at(Reason::Deflate, self.consumed, "of the compressed data")),
            }
            return Ok(());
        }
    }
}

impl<R: BufRead> Read for Inflate<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.filled && !self.ended && !out.is_empty() {
            self.more()?;
        }
        let n = (&self.buffer[self.taken..self.filled]).read(out)?;
        self.taken += n;
        Ok(n)
    }
}

/// The CRC-32 of gzip and zip.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crc(u32);

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let mut value = at as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { value >> 1 ^ 0xedb8_8320 } else { value >> 1 };
            bit += 1;
        }
        table[at] = value;
        at += 1;
    }
    table
};

impl Crc {
    /// Of nothing.
    pub(super) const fn new() -> Self {
        Self(!0)
    }

    /// Adds bytes.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |crc, byte| crc >> 8 ^ TABLE[usize::from(crc as u8 ^ byte)]);
    }

    /// The value.
    pub(super) const fn value(self) -> u32 {
        !self.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    fn unpack(bytes: &[u8]) -> Result<Vec<u8>, Trouble> {
        let (mut out, mut inflate) = (Vec::new(), Inflate::new(bytes));
        inflate.read_to_end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn the_checksum_is_the_known_one() {
        let mut crc = Crc::new();
        crc.update(b"123456789");
        assert_eq!(crc.value(), 0xcbf4_3926);
    }

    #[test]
    fn a_stored_block_and_what_follows_it() {
        let bytes = [&[1, 3, 0, 0xfc, 0xff][..], b"abcREST"].concat();
        let mut inflate = Inflate::new(bytes.as_slice());
        let mut out = Vec::new();
        inflate.read_to_end(&mut out).unwrap();
        assert_eq!((out.as_slice(), *inflate.source(), inflate.consumed()), (&b"abc"[..], &b"REST"[..], 8));
    }

    #[test]
    fn attack_a_copy_from_before_the_first_byte() {
        // Fixed codes: one match of length 3 at distance 1, then the end.
        let bits = "1 10 0000001 00000 0000000".replace(' ', "");
        let mut bytes = vec![0_u8; bits.len().div_ceil(8)];
        for (at, bit) in bits.bytes().enumerate() {
            bytes[at / 8] |= (bit - b'0') << (at % 8);
        }
        assert!(matches!(unpack(&bytes), Err(Trouble::Odd(odd)) if odd.reason == Reason::Deflate));
    }

    #[test]
    fn every_cut_is_seen() {
        let bytes = [1, 3, 0, 0xfc, 0xff, b'a', b'b', b'c'];
        for cut in 0..bytes.len() {
            assert!(
                matches!(unpack(&bytes[..cut]), Err(Trouble::Odd(odd)) if odd.reason == Reason::Truncated),
                "{cut}"
            );
        }
    }
}
