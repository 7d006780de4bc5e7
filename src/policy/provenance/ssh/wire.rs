//! The wire format of SSH (RFC 4251, section 5): read strictly, written in the
//! one way it is read.
//!
//! A reader hands out slices of what it was given and never allocates by a
//! length that stands in the input. Whoever has read all fields calls
//! [`Reader::end`]: what follows the last field is an error, never ignored.

/// What is wrong with bytes that should be in SSH's wire format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireFault {
    /// Fewer bytes than the field says.
    #[error("it is cut off")]
    Short,
    /// Bytes after the last field.
    #[error("something follows its end")]
    Trailing,
    /// A text that is not UTF-8, or holds a NUL.
    #[error("a text that is not UTF-8 or holds a NUL")]
    Text,
    /// A number below zero, or with more leading zeros than needed.
    #[error("a number that is negative or not in its shortest form")]
    Number,
}

/// Reads fields from the front.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Over these bytes.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Exactly so many bytes.
    ///
    /// # Errors
    /// [`WireFault::Short`].
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], WireFault> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(WireFault::Short)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireFault> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(WireFault::Short)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// `byte`.
    ///
    /// # Errors
    /// [`WireFault::Short`].
    pub fn byte(&mut self) -> Result<u8, WireFault> {
        self.array().map(|[byte]| byte)
    }

    /// `uint32`.
    ///
    /// # Errors
    /// [`WireFault::Short`].
    pub fn u32(&mut self) -> Result<u32, WireFault> {
        self.array().map(u32::from_be_bytes)
    }

    /// `uint64`.
    ///
    /// # Errors
    /// [`WireFault::Short`].
    pub fn u64(&mut self) -> Result<u64, WireFault> {
        self.array().map(u64::from_be_bytes)
    }

    /// `string`: a length and as many bytes.
    ///
    /// # Errors
    /// [`WireFault::Short`].
    pub fn string(&mut self) -> Result<&'a [u8], WireFault> {
        let mut ahead = *self;
        let count = usize::try_from(ahead.u32()?).map_err(|_| WireFault::Short)?;
        let taken = ahead.take(count)?;
        *self = ahead;
        Ok(taken)
    }

    /// A `string` that is text. NUL ends a text for programs written in C, so
    /// that they would see another one than we do.
    ///
    /// # Errors
    /// [`WireFault::Short`], [`WireFault::Text`].
    pub fn text(&mut self) -> Result<&'a str, WireFault> {
        let text = std::str::from_utf8(self.string()?).map_err(|_| WireFault::Text)?;
        if text.contains('\0') { Err(WireFault::Text) } else { Ok(text) }
    }

    /// `mpint`, not negative: its bytes, the most significant first, without
    /// leading zeros; empty for zero.
    ///
    /// # Errors
    /// [`WireFault::Short`], [`WireFault::Number`].
    pub fn mpint(&mut self) -> Result<&'a [u8], WireFault> {
        match self.string()? {
            [] => Ok(&[]),
            [0, rest @ ..] if rest.first().is_some_and(|first| *first >= 0x80) => Ok(rest),
            bytes @ [1..=0x7f, ..] => Ok(bytes),
            _ => Err(WireFault::Number),
        }
    }

    /// Whether nothing is left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is left.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// Nothing may be left.
    ///
    /// # Errors
    /// [`WireFault::Trailing`].
    pub const fn end(&self) -> Result<(), WireFault> {
        if self.0.is_empty() { Ok(()) } else { Err(WireFault::Trailing) }
    }
}

/// Writes fields one after the other.
#[derive(Debug, Clone, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes as they are.
    #[must_use]
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// `uint32`.
    #[must_use]
    pub fn u32(self, value: u32) -> Self {
        self.raw(&value.to_be_bytes())
    }

    /// `string`. Nothing that is written here reaches the 4 GiB a string may
    /// have; a longer one would be cut, and then verifies nowhere.
    #[must_use]
    pub fn string(self, bytes: &[u8]) -> Self {
        let count = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.u32(count).raw(bytes)
    }

    /// What was written.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_come_back_in_order() {
        let bytes = Writer::new().raw(&[7]).u32(9).string(b"ab").raw(&8_u64.to_be_bytes()).finish();
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.byte(), Ok(7));
        assert_eq!(reader.u32(), Ok(9));
        assert_eq!(reader.end(), Err(WireFault::Trailing));
        assert_eq!(reader.text(), Ok("ab"));
        assert_eq!(reader.u64(), Ok(8));
        assert_eq!(reader.end(), Ok(()));
        assert_eq!(reader.byte(), Err(WireFault::Short));
    }

    #[test]
    fn numbers_have_one_form() {
        // The examples of RFC 4251, section 5, and what is no number of ours.
        let read = |bytes: &[u8]| {
            let bytes = Writer::new().string(bytes).finish();
            Reader::new(&bytes).mpint().map(<[u8]>::to_vec)
        };
        assert_eq!(read(&[]), Ok(vec![]));
        assert_eq!(read(&[0x09, 0xa3]), Ok(vec![0x09, 0xa3]));
        assert_eq!(read(&[0x00, 0x80]), Ok(vec![0x80]));
        for bad in [&[0x00][..], &[0x00, 0x7f], &[0x00, 0x00, 0x80], &[0xed, 0xcc], &[0xff]] {
            assert_eq!(read(bad), Err(WireFault::Number), "{bad:?}");
        }
    }

    #[test]
    fn a_length_beyond_the_end_takes_nothing() {
        let bytes = [0xff, 0xff, 0xff, 0xff, 1];
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.string(), Err(WireFault::Short));
        assert_eq!(reader.rest(), bytes);
    }

    proptest! {
        #[test]
        fn strings_survive_and_every_cut_is_seen(all in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 1..6)) {
            let bytes = all.iter().fold(Writer::new(), |writer, one| writer.string(one)).finish();
            let mut reader = Reader::new(&bytes);
            for one in &all {
                prop_assert_eq!(reader.string(), Ok(one.as_slice()));
            }
            prop_assert_eq!(reader.end(), Ok(()));
            for cut in 0..bytes.len() {
                let mut reader = Reader::new(&bytes[..cut]);
                let read: Result<Vec<_>, _> = all.iter().map(|_| reader.string()).collect();
                prop_assert_eq!(read, Err(WireFault::Short));
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut reader = Reader::new(&bytes);
            let (mut text, mut number) = (reader, reader);
            let _ = (text.text(), number.mpint(), reader.u64(), reader.string());
        }
    }
}
