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
    pub fn from_hex(hex: &str) -> Result<Self, NotADigest> {
        let raw: &[u8; 64] = hex.as_bytes().try_into().map_err(|_| NotADigest)?;
        let mut out = [0; 32];
        for (byte, pair) in out.iter_mut().zip(raw.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Ok(Self(out))
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
        // By hand: formatting each byte costs many times as much, and every call
        // of the gate writes dozens of digests.
        const DIGITS: [char; 16] =
            ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
        let mut out = String::with_capacity(64);
        for byte in self.0 {
            out.push(DIGITS[usize::from(byte >> 4)]);
            out.push(DIGITS[usize::from(byte & 15)]);
        }
        out
    }

    /// The first 12 hex digits, for people; never compared.
    #[must_use]
    pub fn short(&self) -> String {
        self.hex()[..12].to_owned()
    }
}

fn nibble(c: u8) -> Result<u8, NotADigest> {
    match c {
        b'0'..=b'9' => Ok(c - b'0'),
        b'a'..=b'f' => Ok(c - b'a' + 10),
        _ => Err(NotADigest),
    }
}

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
        let mut hasher = Self::new();
        hasher.update(format!("{kind} {size}\0").as_bytes());
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

/// The SHA-256 of the parts one after the other.
#[must_use]
pub fn sha256(parts: &[&[u8]]) -> Digest {
    let mut hasher = Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
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
    }
}
