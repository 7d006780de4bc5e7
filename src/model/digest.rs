//! The one hash of the project and the skill's content digest.
//!
//! SHA-256 everywhere. A [`Digest`] is written `sha256:` and 64 lower-case
//! hex digits; a shorter or other-cased form is never accepted where a
//! decision depends on it. This is the only file that names the hash crate.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest as _;
use std::fmt;

/// A SHA-256 value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// A text that is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a digest is `sha256:` and 64 lower-case hex digits")]
pub struct NotADigest;

impl Digest {
    /// The value that stands before the first record of a chain.
    pub const ZERO: Self = Self([0; 32]);

    /// Wraps 32 raw bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 raw bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads exactly 64 lower-case hex digits.
    ///
    /// # Errors
    /// [`NotADigest`] for anything else, upper case included.
    pub fn from_hex(hex: impl AsRef<[u8]>) -> Result<Self, NotADigest> {
        let raw: &[u8; 64] = hex.as_ref().try_into().map_err(|_| NotADigest)?;
        let (mut out, mut seen) = ([0; 32], 0);
        for (byte, [high, low]) in out.iter_mut().zip(raw.as_chunks().0) {
            let (high, low) = (NIBBLES[usize::from(*high)], NIBBLES[usize::from(*low)]);
            seen |= high | low;
            *byte = high << 4 | low;
        }
        if seen > 0xf { Err(NotADigest) } else { Ok(Self(out)) }
    }

    /// Reads `sha256:` and 64 lower-case hex digits.
    ///
    /// # Errors
    /// [`NotADigest`] for anything else.
    pub fn parse(text: &str) -> Result<Self, NotADigest> {
        Self::from_hex(text.strip_prefix("sha256:").ok_or(NotADigest)?)
    }

    /// The 64 hex digits.
    #[must_use]
    pub fn hex(&self) -> String {
        let nibbles = self.0.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
        nibbles.map(|nibble| char::from(DIGITS[usize::from(nibble)])).collect()
    }

    /// The first 12 hex digits, for people; never compared.
    #[must_use]
    pub fn short(&self) -> String {
        self.hex()[..12].to_owned()
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The value of each digit; 255 for what is none.
const NIBBLES: [u8; 256] = {
    let mut table = [u8::MAX; 256];
    let mut value = 0;
    while value < DIGITS.len() {
        table[DIGITS[value] as usize] = value as u8;
        value += 1;
    }
    table
};

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.short())
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A running SHA-256.
#[derive(Clone, Default)]
pub struct Hasher(sha2::Sha256);

impl Hasher {
    /// An empty hasher.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A hasher for a git object of this type and payload size in bytes.
    ///
    /// See: git's object format: `type`, space, decimal size, NUL, payload.
    #[must_use]
    pub fn git_object(kind: &str, size: u64) -> Self {
        use fmt::Write as _;
        let mut hasher = Self::new();
        let _ = write!(hasher, "{kind} {size}\0");
        hasher
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Ends the message.
    #[must_use]
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

/// Hashes what is written, without building it; never fails.
impl fmt::Write for Hasher {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.update(text.as_bytes());
        Ok(())
    }
}

/// The SHA-256 of the parts one after the other.
#[must_use]
pub fn sha256(parts: &[&[u8]]) -> Digest {
    let mut hasher = Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finish()
}

/// The SHA-512 of the parts one after the other: for signatures of others that
/// hash so. Nothing of ours is named by it.
#[must_use]
pub fn sha512(parts: &[&[u8]]) -> [u8; 64] {
    let mut hasher = sha2::Sha512::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// The SHA-512 in lower-case hex, for the one format that may ask for it: TUF
/// metadata of others. Nothing of ours is named by it.
#[cfg(feature = "provenance")]
#[must_use]
pub fn sha512_hex(bytes: &[u8]) -> String {
    let nibbles = sha512(&[bytes]);
    let nibbles = nibbles.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    nibbles.map(|nibble| char::from(DIGITS[usize::from(nibble)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        // FIPS 180-4 example.
        assert_eq!(sha512(&[b"a", b"bc"])[..8], [0xdd, 0xaf, 0x35, 0xa1, 0x93, 0x61, 0x7a, 0xba],);
        // FIPS 180-4 example, and git's well-known empty blob in SHA-256 format.
        assert_eq!(
            sha256(&[b"a", b"bc"]).hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(
            Hasher::git_object("blob", 0).finish().hex(),
            "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813"
        );
    }

    #[test]
    fn only_the_full_lower_case_form_is_a_digest() {
        let good = sha256(&[b"x"]);
        assert_eq!(Digest::parse(&good.to_string()), Ok(good));
        for bad in ["", "sha256:", &good.hex(), &good.to_string().to_uppercase(), &good.to_string()[..70]] {
            assert_eq!(Digest::parse(bad), Err(NotADigest), "{bad}");
        }
        assert_eq!(Digest::parse(&format!("{good} ")), Err(NotADigest));
        for at in [7, 40, 70] {
            for byte in (0..128_u8).filter(|byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
                let mut text = good.to_string().into_bytes();
                text[at] = byte;
                assert_eq!(Digest::parse(&String::from_utf8(text).unwrap()), Err(NotADigest), "{byte}");
            }
        }
    }
}
