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
mod tests {
    use super::*;

    // Vectors of golang/mod, sumdb/note/note_test.go.
    const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const PETER_SECRET: &str =
        "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const ENOCH: &str = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
    const TEXT: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n";
    const PETER_LINE: &str = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    const ENOCH_LINE: &str = "\u{2014} EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";

    fn key(text: &str) -> Verifier {
        Verifier::parse(text).unwrap()
    }

    #[test]
    fn the_go_vectors_sign_and_verify() {
        let signer = Signer::parse(PETER_SECRET).unwrap();
        assert_eq!(signer.verifier(), &key(PETER));
        assert_eq!(signer.verifier().to_string(), PETER);
        assert_eq!(signer.secret_text(), PETER_SECRET);
        assert!(!format!("{signer:?}").contains("AYEKFALV"));
        let note = format!("{TEXT}\n{PETER_LINE}");
        assert_eq!(signer.sign(TEXT).unwrap(), note);
        let opened = open(note.as_bytes(), &[&key(PETER)]).unwrap();
        assert_eq!((opened.text.as_str(), opened.signers.len(), opened.unknown), (TEXT, 1, 0));

        let both = format!("{note}{ENOCH_LINE}");
        let opened = open(both.as_bytes(), &[&key(PETER)]).unwrap();
        assert_eq!((opened.signers.len(), opened.unknown), (1, 1));
        let opened = open(both.as_bytes(), &[&key(PETER), &key(ENOCH)]).unwrap();
        assert_eq!((opened.signers.len(), opened.unknown), (2, 0));
        assert_eq!(open(both.as_bytes(), &[]), Err(NoteFault::Unknown(2)));
    }

    #[test]
    fn the_example_of_the_specification_verifies() {
        // C2SP signed-note.md, "Example".
        let spec = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
        let note = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
        let opened = open(note.as_bytes(), &[&key(spec)]).unwrap();
        assert_eq!(opened.text, "This is an example message.\n");
        // C2SP tlog-checkpoint.md, the example's text.
        let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
        let head = TreeHead::parse(text).unwrap();
        assert_eq!((head.size, head.text().as_str()), (20_852_163, text));
    }

    #[test]
    fn every_mangled_key_is_refused() {
        // As Go's TestNewVerifier and TestNewSigner: every part, every changed byte.
        for (text, accepted) in [
            (PETER, (|text| Verifier::parse(text).is_ok()) as fn(&str) -> bool),
            (PETER_SECRET, |text| Signer::parse(text).is_ok()),
        ] {
            assert!(accepted(text));
            for start in 0..text.len() {
                for end in start + 1..=text.len() {
                    assert!((start, end) == (0, text.len()) || !accepted(&text[start..end]), "{start} {end}");
                }
            }
            for at in 0..text.len() {
                let mut bytes = text.as_bytes().to_vec();
                bytes[at] += 1;
                let changed = String::from_utf8(bytes).unwrap();
                assert!(!accepted(&changed), "{changed}");
            }
        }
        // Wrong length and unknown type, each with the hash adjusted; from the same file.
        for bad in [
            "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
            "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        ] {
            assert!(Verifier::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn weak_points_and_second_encodings_are_no_keys() {
        let mut one = [0_u8; 32];
        one[0] = 1;
        let mut one_again = [0xff_u8; 32]; // p + 1
        (one_again[0], one_again[31]) = (0xee, 0x7f);
        let mut high = one_again; // p + 3: y = 3 has a point, but not in this spelling
        high[0] = 0xf0;
        let mut three = [0_u8; 32];
        three[0] = 3;
        assert!(Verifier::of("x", &three).is_ok());
        for weak in [one, one_again, [0; 32], high] {
            assert!(Verifier::of("x", &weak).is_err(), "{weak:?}");
        }
    }

    #[test]
    fn malformed_notes_are_refused() {
        let peter = key(PETER);
        let repeated = PETER_LINE.repeat(101);
        for bad in [
            String::new(),
            TEXT.to_owned(),
            format!("{TEXT}\n"),
            format!("{TEXT}{PETER_LINE}"),
            format!("{TEXT}\n{}", PETER_LINE.trim_end()),
            format!("\u{1}{TEXT}\n{PETER_LINE}"),
            format!("a\rb\n\n{PETER_LINE}"),
            format!("{TEXT}\n{}", PETER_LINE.replace("Peter", "Peter ")),
            format!("{TEXT}\n{}", PETER_LINE.replace("Peter", "Peter+")),
            format!("{TEXT}\n{PETER_LINE}Unexpected line.\n"),
            format!("{TEXT}\n{PETER_LINE}x"),
            format!("{TEXT}\n{PETER_LINE}\u{2014} a x08goA\n"),
            format!("{TEXT}\n{PETER_LINE}\u{2014} a x08gow==\n"),
            format!("{TEXT}\n{repeated}"),
            "x".repeat(NOTE_MAX + 1),
        ] {
            let fault = open(bad.as_bytes(), &[&peter]);
            assert!(matches!(fault, Err(NoteFault::Form(_))), "{fault:?}: {bad}");
        }
        assert!(open(&[b"\xff", TEXT.as_bytes()].concat(), &[&peter]).is_err());
        // Sixteen signatures must be read, says the specification.
        let sixteen = format!("{TEXT}\n{PETER_LINE}{}", ENOCH_LINE.repeat(15));
        assert_eq!(open(sixteen.as_bytes(), &[&peter]).unwrap().unknown, 15);
    }

    #[test]
    fn a_known_keys_bad_signature_spoils_the_note() {
        let (peter, enoch) = (key(PETER), key(ENOCH));
        let note = format!("{TEXT}\n{PETER_LINE}");
        let changed = note.replace("answer", "Answer");
        assert_eq!(open(changed.as_bytes(), &[&peter]), Err(NoteFault::Forged(peter.id.clone())));
        let longer = note.replace("UgYN", "UgYNABCD");
        assert_eq!(open(longer.as_bytes(), &[&peter]), Err(NoteFault::Forged(peter.id.clone())));
        let mixed = format!("{note}{}", ENOCH_LINE.replace("5n2t", "5n2u"));
        assert!(open(mixed.as_bytes(), &[&peter]).is_ok());
        assert_eq!(open(mixed.as_bytes(), &[&peter, &enoch]), Err(NoteFault::Forged(enoch.id.clone())));
        let twice = format!("{note}{PETER_LINE}");
        assert_eq!(open(twice.as_bytes(), &[&peter]), Err(NoteFault::Twice(peter.id.clone())));
        assert_eq!(open(note.as_bytes(), &[&peter, &peter]), Err(NoteFault::Ambiguous(peter.id.clone())));
        // Name or hash alone do not make a key known.
        let renamed = note.replace("PeterNeumann", "CarmenSandiego");
        assert_eq!(open(renamed.as_bytes(), &[&peter]), Err(NoteFault::Unknown(1)));
        let rehashed = note.replace("x08g", "xxxx");
        assert_eq!(open(rehashed.as_bytes(), &[&peter]), Err(NoteFault::Unknown(1)));
    }

    #[test]
    fn a_head_has_one_spelling() {
        let head = TreeHead {
            origin: origin("0123456789abcdef0123456789abcdef").unwrap(),
            size: 7,
            root: sha256(&[b"x"]),
        };
        let text = head.text();
        assert_eq!(TreeHead::parse(&text), Ok(head));
        let root = text.lines().nth(2).unwrap().to_owned();
        for bad in [
            text.replace("\n7\n", "\n07\n"),
            text.replace("\n7\n", "\n+7\n"),
            text.replace("\n7\n", "\n\n"),
            text.replace("\n7\n", "\n7 \n"),
            text.replace("\n7\n", "\n18446744073709551616\n"),
            text.replace('=', ""),
            text.replace(&root, "AAAA"),
            format!("{text}extension\n"),
            format!("{text}\n"),
            text.trim_end().to_owned(),
            format!("\n{text}"),
            text.replace("skill-trust/", "skill trust/"),
        ] {
            assert!(matches!(TreeHead::parse(&bad), Err(NoteFault::Head(_))), "{bad}");
        }
        assert_eq!(origin("0123456789ABCDEF0123456789abcdef"), None);
        assert!(Signer::from_seed("a b", &[7; 32]).is_err());
        assert!(Signer::from_seed("x", &[7; 32]).unwrap().sign("no newline").is_err());
    }
}
