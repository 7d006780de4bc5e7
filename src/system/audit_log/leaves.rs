//! Reading all of the log beside the ledger's own lines, copying nothing.

use super::LogFault;
use crate::model::record::LINE_MAX;
use std::io::Read;

/// Bytes read at a time.
const BUFFER: usize = 64 << 10;

/// The log from its start. Each line is looked at where it was read to, with a
/// zero byte before it: that is what its leaf hash is over, in one piece.
#[derive(Debug)]
pub(super) struct Leaves<R> {
    file: R,
    bytes: Vec<u8>,
    /// What was read and not yet taken; never at 0, where the first zero byte goes.
    unread: std::ops::Range<usize>,
}

impl<R: Read> Leaves<R> {
    pub(super) fn new(file: R) -> Self {
        Self { file, bytes: vec![0; BUFFER], unread: 1..1 }
    }

    /// Takes the next line, if it is this one with a line end: a zero byte, then
    /// the line. None if it is another, or there is none.
    pub(super) fn next(&mut self, line: &[u8]) -> Result<Option<&[u8]>, LogFault> {
        let length = line.len() + 1;
        if line.len() > LINE_MAX || !self.holds(length).map_err(LogFault::Read)? {
            return Ok(None);
        }
        let start = self.unread.start;
        let end = start + line.len();
        if !same(&self.bytes[start..end], line) || self.bytes[end] != b'\n' {
            return Ok(None);
        }
        // The byte before is the line end of the line before, which was taken.
        self.bytes[start - 1] = 0;
        self.unread.start += length;
        Ok(Some(&self.bytes[start - 1..end]))
    }

    /// Whether so many bytes can be had; reads until they are there.
    fn holds(&mut self, length: usize) -> std::io::Result<bool> {
        if self.unread.len() < length {
            self.bytes.copy_within(self.unread.clone(), 1);
            self.unread = 1..self.unread.len() + 1;
        }
        while self.unread.len() < length {
            match self.file.read(&mut self.bytes[self.unread.end..]) {
                Ok(0) => return Ok(false),
                Ok(read) => self.unread.end += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

/// Whether both are the same. Some C libraries, musl's among them, compare byte
/// by byte, which would cost as much as the hashing.
fn same(left: &[u8], right: &[u8]) -> bool {
    let (lefts, left_end) = left.as_chunks::<16>();
    let (rights, right_end) = right.as_chunks::<16>();
    left.len() == right.len() && lefts.iter().zip(rights).all(|(a, b)| a == b) && left_end == right_end
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time, as a file may.
    struct Few<'a>(&'a [u8], usize);

    impl Read for Few<'_> {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            let count = out.len().min(self.1);
            self.0.read(&mut out[..count])
        }
    }

    #[test]
    fn every_line_comes_behind_a_zero_byte_wherever_the_pieces_end() {
        let lines: Vec<_> = (0..200_usize).map(|at| at.to_string().repeat(at * 37 % 5000)).collect();
        let log: String = lines.iter().map(|line| format!("{line}\n")).collect();
        assert!(log.len() > 2 * BUFFER);
        for few in [1000, 4096, usize::MAX] {
            let mut leaves = Leaves::new(Few(log.as_bytes(), few));
            for line in &lines {
                let leaf = leaves.next(line.as_bytes()).unwrap().unwrap();
                assert_eq!(leaf, [b"\0", line.as_bytes()].concat());
            }
            assert!(leaves.next(b"").unwrap().is_none());
        }
    }

    #[test]
    fn one_byte_more_less_or_other_is_not_the_same() {
        for length in 0..70 {
            let left: Vec<u8> = (0..length).collect();
            assert!(same(&left, &left.clone()));
            assert!(!same(&left, &[&left[..], b"x"].concat()) && !same(&[&left[..], b"x"].concat(), &left));
            for at in 0..left.len() {
                let mut right = left.clone();
                right[at] ^= 0x80;
                assert!(!same(&left, &right));
            }
        }
    }

    #[test]
    fn another_line_a_longer_one_and_none_are_refused() {
        for log in ["", "a", "ab", "ab\r\n", "abc\n", "\nab\n", "aB\n", "ab\0"] {
            assert!(Leaves::new(log.as_bytes()).next(b"ab").unwrap().is_none(), "{log:?}");
        }
        let long = "x".repeat(LINE_MAX + 1);
        assert!(Leaves::new(format!("{long}\n").as_bytes()).next(long.as_bytes()).unwrap().is_none());
        assert!(Leaves::new(&b"ab\n"[..]).next(b"ab").unwrap().is_some());
    }
}
