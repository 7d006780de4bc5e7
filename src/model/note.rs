//! Signed notes and the log heads inside them: C2SP `signed-note` with
//! Ed25519 (signature type 1) and C2SP `tlog-checkpoint`, without extension
//! lines. `docs/audit-log.md` says the same for others.
//!
//! A note is a text, a blank line, and signature lines. Its text counts for
//! nothing until a key that we already know has signed it, so the only way to
//! the text is [`open`]. Signatures of unknown keys are counted and otherwise
//! ignored, which is what lets a witness add its own.
//!
//! This is the only file that names the signature crate. It verifies with
//! `verify_strict` alone: a small-order key would make one signature fit many
//! texts.

use super::digest::{Digest, sha256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use std::fmt;

/// Longest note in bytes that is read.
pub const NOTE_MAX: usize = 256 * 1024;

/// Most signature lines that are read, as in Go's `sumdb/note`.
pub const SIGNATURES_MAX: usize = 100;

/// What every origin of ours begins with; 32 hex digits of the home's id follow.
pub const ORIGIN_PREFIX: &str = "skill-trust/";

/// The signature type byte of plain Ed25519.
const ED25519: u8 = 1;

/// Why a note, a key or a head is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteFault {
    /// Not the form of a note; which part.
    #[error("not a signed note: {0}")]
    Form(&'static str),
    /// Not the text form of a key; which part.
    #[error("not a key: {0}")]
    Key(&'static str),
    /// Not the text of a checkpoint; which line.
    #[error("not a checkpoint: {0}")]
    Head(&'static str),
    /// A known key's signature does not fit the text.
    #[error("the signature of {0} is forged or damaged")]
    Forged(KeyId),
    /// A known key has signed twice.
    #[error("{0} has signed twice")]
    Twice(KeyId),
    /// No known key has signed.
    #[error("none of {0} signatures is by a known key")]
    Unknown(usize),
    /// Two of the keys to check with share name and hash.
    #[error("two keys are called {0}")]
    Ambiguous(KeyId),
}

/// A key's name and short hash, written `NAME+hex8`. It finds a key; it proves
/// nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId {
    /// The key's name.
    pub name: String,
    /// First 4 bytes of SHA-256(name, newline, type, public key).
    pub hash: [u8; 4],
}

impl KeyId {
    fn of(name: &str, typed_key: &[u8]) -> Self {
        let [a, b, c, d, ..] = *sha256(&[name.as_bytes(), b"\n", typed_key]).as_bytes();
        Self { name: name.to_owned(), hash: [a, b, c, d] }
    }

    fn hash_hex(&self) -> String {
        self.hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", super::text::escape_short(&self.name, 80), self.hash_hex())
    }
}

/// Whether the specification allows this as a key's name.
fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c == '+' || c < ' ')
}

/// Reads `hex8+base64` after the name, checks the type byte and returns the
/// hash as written and the 33 bytes.
fn key_parts(text: &str) -> Result<(&str, [u8; 33]), NoteFault> {
    let (hash, key) = text.split_once('+').ok_or(NoteFault::Key("three parts are expected"))?;
    let bytes = BASE64.decode(key).map_err(|_| NoteFault::Key("the last part is not base64"))?;
    let typed: [u8; 33] = bytes.try_into().map_err(|_| NoteFault::Key("not of 33 bytes"))?;
    if typed[0] != ED25519 {
        return Err(NoteFault::Key("not of the Ed25519 type"));
    }
    Ok((hash, typed))
}

fn body(typed: &[u8; 33]) -> [u8; 32] {
    let [_, key @ ..] = *typed;
    key
}

fn typed(key: &[u8; 32]) -> Vec<u8> {
    [&[ED25519][..], key].concat()
}

/// A public key to check notes with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verifier {
    id: KeyId,
    key: VerifyingKey,
}

impl Verifier {
    /// Reads `NAME+hex8+base64`.
    ///
    /// # Errors
    /// [`NoteFault::Key`]: bad form, a hash that is not the key's, another
    /// type, a point not on the curve, not in its one encoding, or of small
    /// order.
    pub fn parse(text: &str) -> Result<Self, NoteFault> {
        let (name, rest) = text.split_once('+').ok_or(NoteFault::Key("three parts are expected"))?;
        if !is_key_name(name) {
            return Err(NoteFault::Key("the name is empty or holds spaces"));
        }
        let (hash, typed) = key_parts(rest)?;
        let verifier = Self::of(name, &body(&typed))?;
        if verifier.id.hash_hex() != hash {
            return Err(NoteFault::Key("the hash is not that of name and key"));
        }
        Ok(verifier)
    }

    fn of(name: &str, bytes: &[u8; 32]) -> Result<Self, NoteFault> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| NoteFault::Key("not a point on the curve"))?;
        // Attack: small-order keys fit many texts; a second encoding is a second name for one key.
        if key.is_weak() || key.to_edwards().compress().to_bytes() != *bytes {
            return Err(NoteFault::Key("a weak or oddly encoded point"));
        }
        Ok(Self { id: KeyId::of(name, &typed(bytes)), key })
    }

    /// Name and hash.
    #[must_use]
    pub const fn id(&self) -> &KeyId {
        &self.id
    }

    /// Whether a signature, 64 bytes, is this key's over the text.
    fn signed(&self, text: &str, signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.key.verify_strict(text.as_bytes(), &signature).is_ok())
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = BASE64.encode(typed(self.key.as_bytes()));
        write!(f, "{}+{}+{key}", self.id.name, self.id.hash_hex())
    }
}

/// A private key to sign notes with. Its secret is wiped when dropped.
pub struct Signer {
    key: SigningKey,
    verifier: Verifier,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.verifier.id)
    }
}

impl Signer {
    /// A key from 32 secret random bytes.
    ///
    /// # Errors
    /// [`NoteFault::Key`] for a name with spaces or `+`.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, NoteFault> {
        if !is_key_name(name) {
            return Err(NoteFault::Key("the name is empty or holds spaces or `+`"));
        }
        let key = SigningKey::from_bytes(seed);
        let verifier = Verifier::of(name, key.verifying_key().as_bytes())?;
        Ok(Self { key, verifier })
    }

    /// Reads `PRIVATE+KEY+NAME+hex8+base64`, the form of Go's `sumdb/note`.
    ///
    /// # Errors
    /// [`NoteFault::Key`]; no part of the secret is in the message.
    pub fn parse(text: &str) -> Result<Self, NoteFault> {
        let rest = text.strip_prefix("PRIVATE+KEY+").ok_or(NoteFault::Key("not a private key"))?;
        let (name, rest) = rest.split_once('+').ok_or(NoteFault::Key("five parts are expected"))?;
        let (hash, typed) = key_parts(rest)?;
        let signer = Self::from_seed(name, &body(&typed))?;
        if signer.verifier.id.hash_hex() != hash {
            return Err(NoteFault::Key("the hash is not that of name and key"));
        }
        Ok(signer)
    }

    /// The text form that [`Signer::parse`] reads. It is the secret itself.
    #[must_use]
    pub fn secret_text(&self) -> String {
        let id = &self.verifier.id;
        let key = BASE64.encode(typed(self.key.as_bytes()));
        format!("PRIVATE+KEY+{}+{}+{key}", id.name, id.hash_hex())
    }

    /// The same secret under another name; its hash, and so its public text,
    /// is another too.
    ///
    /// # Errors
    /// As [`Signer::from_seed`].
    pub fn named(&self, name: &str) -> Result<Self, NoteFault> {
        Self::from_seed(name, self.key.as_bytes())
    }

    /// The public half.
    #[must_use]
    pub const fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The note: text, blank line, signature line.
    ///
    /// # Errors
    /// [`NoteFault::Form`] for a text that no note can hold.
    pub fn sign(&self, text: &str) -> Result<String, NoteFault> {
        check_text(text)?;
        let id = &self.verifier.id;
        let signature = self.key.sign(text.as_bytes()).to_bytes();
        let line = BASE64.encode([&id.hash[..], &signature].concat());
        Ok(format!("{text}\n\u{2014} {} {line}\n", id.name))
    }
}

fn check_text(text: &str) -> Result<(), NoteFault> {
    if !text.ends_with('\n') {
        return Err(NoteFault::Form("the text does not end in a newline"));
    }
    if text.chars().any(|c| c < ' ' && c != '\n') {
        return Err(NoteFault::Form("control characters"));
    }
    Ok(())
}

/// A note whose text at least one known key has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The signed text, its last newline included.
    pub text: String,
    /// The known keys that signed it, in the note's order.
    pub signers: Vec<KeyId>,
    /// Signatures by keys that we do not know.
    pub unknown: usize,
}

/// Reads a note and checks every signature by one of `keys`.
///
/// # Errors
/// [`NoteFault`]: also when one known key's signature is good and another's
/// is not.
pub fn open(note: &[u8], keys: &[&Verifier]) -> Result<Note, NoteFault> {
    if note.len() > NOTE_MAX {
        return Err(NoteFault::Form("too long"));
    }
    let note = std::str::from_utf8(note).map_err(|_| NoteFault::Form("not UTF-8"))?;
    // The last blank line divides; the text may hold blank lines of its own.
    let at = note.rfind("\n\n").ok_or(NoteFault::Form("no blank line before the signatures"))?;
    let (text, lines) = (&note[..=at], &note[at + 2..]);
    check_text(text)?;
    let lines = lines.strip_suffix('\n').ok_or(NoteFault::Form("the last line does not end"))?;
    if lines.split('\n').count() > SIGNATURES_MAX {
        return Err(NoteFault::Form("too many signatures"));
    }
    let mut out = Note { text: text.to_owned(), signers: Vec::new(), unknown: 0 };
    for line in lines.split('\n') {
        let (id, signature) = signature_line(line)?;
        let mut known = keys.iter().filter(|key| key.id == id);
        let Some(key) = known.next() else {
            out.unknown += 1;
            continue;
        };
        if known.next().is_some() {
            return Err(NoteFault::Ambiguous(id));
        }
        if out.signers.contains(&id) {
            return Err(NoteFault::Twice(id));
        }
        if !key.signed(text, &signature) {
            return Err(NoteFault::Forged(id));
        }
        out.signers.push(id);
    }
    if out.signers.is_empty() { Err(NoteFault::Unknown(out.unknown)) } else { Ok(out) }
}

/// Reads `— NAME base64` into the key's id and the bytes after its hash.
fn signature_line(line: &str) -> Result<(KeyId, Vec<u8>), NoteFault> {
    const FAULT: NoteFault = NoteFault::Form("a line after the blank line is not a signature");
    let (name, code) = line.strip_prefix("\u{2014} ").and_then(|rest| rest.split_once(' ')).ok_or(FAULT)?;
    let bytes = BASE64.decode(code).map_err(|_| FAULT)?;
    let (hash, signature) = bytes.split_first_chunk::<4>().ok_or(FAULT)?;
    if !is_key_name(name) || name.chars().any(|c| c < ' ') || signature.is_empty() {
        return Err(FAULT);
    }
    Ok((KeyId { name: name.to_owned(), hash: *hash }, signature.to_vec()))
}

/// The head of a log: what a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeHead {
    /// Which log.
    pub origin: String,
    /// Number of records.
    pub size: u64,
    /// Root of the Merkle tree over them.
    pub root: Digest,
}

/// The origin of the home with this id; none unless it is 32 lower-case hex
/// digits.
#[must_use]
pub fn origin(home_id: &str) -> Option<String> {
    super::permit::is_id(home_id).then(|| format!("{ORIGIN_PREFIX}{home_id}"))
}

impl TreeHead {
    /// The text to sign: origin, size, root, each on its line.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(self.root.as_bytes()))
    }

    /// Reads the text of a note.
    ///
    /// # Errors
    /// [`NoteFault::Head`]; extension lines count as an error, since nobody
    /// could check what they say.
    pub fn parse(text: &str) -> Result<Self, NoteFault> {
        let mut lines = text.split('\n');
        let mut next = || lines.next().unwrap_or_default();
        let (origin, number, code, end) = (next(), next(), next(), next());
        if !is_key_name(origin) {
            return Err(NoteFault::Head("the first line is no origin"));
        }
        let size: u64 = number.parse().map_err(|_| NoteFault::Head("the second line is no size"))?;
        if size.to_string() != number {
            return Err(NoteFault::Head("the size has a sign or leading zeros"));
        }
        let root = BASE64.decode(code).ok().and_then(|root| <[u8; 32]>::try_from(root).ok());
        let root = root.ok_or(NoteFault::Head("the third line is no root"))?;
        if !end.is_empty() || lines.next().is_some() || !text.ends_with('\n') {
            return Err(NoteFault::Head("lines after the root"));
        }
        Ok(Self { origin: origin.to_owned(), size, root: Digest::from_bytes(root) })
    }
}

#[cfg(test)]
mod tests;
