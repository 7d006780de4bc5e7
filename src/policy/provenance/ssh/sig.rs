//! SSHSIG (PROTOCOL.sshsig): the signature that `ssh-keygen -Y sign` makes,
//! and git with `gpg.format=ssh`.
//!
//! # Armour
//!
//! Exactly this, and nothing before, between or after:
//!
//! ```text
//! -----BEGIN SSH SIGNATURE-----          and a line feed
//! lines of base64, 1 to 76 characters,   all of the length of the first but
//!                                        the last, which may be shorter; a
//!                                        line feed after each
//! -----END SSH SIGNATURE-----            and a line feed, or the end
//! ```
//!
//! `ssh-keygen` writes 70 characters a line, the specification advises 76. It
//! also accepts blanks, carriage returns and text after the end; then one
//! signature has many spellings, and a file could hold two of which each
//! reader sees another.
//!
//! # Blob
//!
//! `SSHSIG`, version 1, key or certificate, namespace, an empty reserved field,
//! `sha256` or `sha512`, signature, end. What was signed is `SSHSIG`, the
//! namespace, the reserved field, the hash's name and the hash of the message.
//! The namespace keeps a signature over a git commit from being one over a
//! statement.

use super::Fault;
use super::cert::Identity;
use super::key::{Kind, PublicKey, Signature};
use super::wire::{Reader, Writer};
use crate::model::digest::{sha256, sha512};
use crate::model::text;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};

/// The first line of the armour.
pub const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
/// The last line of the armour.
pub const END: &str = "-----END SSH SIGNATURE-----";
/// Most bytes of an armoured signature that are read. The largest honest one
/// has a certificate with 256 principals.
pub const ARMOUR_MAX: usize = 64 << 10;

const MAGIC: &[u8] = b"SSHSIG";
const LINE_MAX: usize = 76;
/// What `ssh-keygen` writes.
const LINE: usize = 70;

/// How the message is hashed before it is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// `sha256`.
    Sha256,
    /// `sha512`: what `ssh-keygen` does unasked.
    Sha512,
}

impl Hash {
    const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    fn of(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => sha256(&[message]).as_bytes().to_vec(),
            Self::Sha512 => sha512(&[message]).to_vec(),
        }
    }
}

/// The bytes over which key or agent make the signature itself.
#[must_use]
pub fn to_be_signed(namespace: &str, hash: Hash, message: &[u8]) -> Vec<u8> {
    Writer::new()
        .raw(MAGIC)
        .string(namespace.as_bytes())
        .string(b"")
        .string(hash.name().as_bytes())
        .string(&hash.of(message))
        .finish()
}

/// A signature that was read and not yet checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshSig {
    /// Who says to have made it.
    pub identity: Identity,
    /// What it is for.
    pub namespace: String,
    hash: Hash,
    signature: Signature,
}

impl SshSig {
    /// Reads the armoured form.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn parse(armour: &[u8]) -> Result<Self, Fault> {
        Self::parse_blob(&dearmour(armour)?)
    }

    /// Reads the binary form.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn parse_blob(blob: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(blob);
        if reader.take(MAGIC.len())? != MAGIC {
            return Err(Fault::form("it does not begin with SSHSIG"));
        }
        let version = reader.u32()?;
        if version != 1 {
            return Err(Fault::unsupported(&format!("SSHSIG version {version}")));
        }
        let identity = Identity::parse(reader.string()?)?;
        let namespace = reader.text()?.to_owned();
        if namespace.is_empty() {
            return Err(Fault::form("the namespace is empty"));
        }
        // It is not under the signature as other programs check it, so it must
        // say nothing.
        if !reader.string()?.is_empty() {
            return Err(Fault::form("the reserved field is not empty"));
        }
        let hash = match reader.text()? {
            "sha256" => Hash::Sha256,
            "sha512" => Hash::Sha512,
            other => return Err(Fault::unsupported(other)),
        };
        let signature = Signature::parse(reader.string()?)?;
        reader.end()?;
        Ok(Self { identity, namespace, hash, signature })
    }

    /// Checks that the key has signed this message; whether the key may is
    /// another question.
    ///
    /// # Errors
    /// [`Fault::Form`].
    pub fn verify(&self, message: &[u8]) -> Result<(), Fault> {
        self.identity.key().verify(&self.signature, &to_be_signed(&self.namespace, self.hash, message))
    }

    /// What key or agent put into it.
    #[must_use]
    pub const fn signature(&self) -> &Signature {
        &self.signature
    }
}

fn dearmour(armour: &[u8]) -> Result<Vec<u8>, Fault> {
    let odd = |why: &str| Err(Fault::form(format!("the armour: {why}")));
    if armour.len() > ARMOUR_MAX {
        return odd("more than 64 KiB");
    }
    let Ok(text) = std::str::from_utf8(armour) else { return odd("it is not text") };
    let Some(body) = text.strip_prefix(BEGIN).and_then(|rest| rest.strip_prefix('\n')) else {
        return odd("it does not begin with its first line alone");
    };
    let body = body.strip_suffix('\n').unwrap_or(body);
    let Some(body) = body.strip_suffix(END) else {
        return odd("it does not end with its last line");
    };
    let Some(body) = body.strip_suffix('\n') else { return odd("it holds nothing") };
    let lines: Vec<&str> = body.split('\n').collect();
    let width = lines.first().map_or(0, |line| line.len());
    for (at, line) in lines.iter().enumerate() {
        let last = at + 1 == lines.len();
        let fits = if last { (1..=width).contains(&line.len()) } else { line.len() == width };
        if !fits || width > LINE_MAX {
            return odd("lines of different length, an empty one, or one of more than 76 characters");
        }
    }
    match STANDARD.decode(lines.concat()) {
        Ok(blob) => Ok(blob),
        Err(_) => odd("not base64"),
    }
}

fn armour(blob: &[u8]) -> String {
    let text = STANDARD.encode(blob);
    let mut out = format!("{BEGIN}\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    out.push_str(END);
    out.push('\n');
    out
}

/// Puts together what an agent answered: the armoured form of the signature
/// that `key` made over [`to_be_signed`]. Checked before it is handed out.
///
/// # Errors
/// [`Fault`] when the agent's blob is no signature of that key over the
/// message.
pub fn assemble(
    key: &PublicKey,
    namespace: &str,
    hash: Hash,
    message: &[u8],
    agent_blob: &[u8],
) -> Result<String, Fault> {
    let blob = Writer::new()
        .raw(MAGIC)
        .u32(1)
        .string(key.blob())
        .string(namespace.as_bytes())
        .string(b"")
        .string(hash.name().as_bytes())
        .string(agent_blob)
        .finish();
    SshSig::parse_blob(&blob)?.verify(message)?;
    Ok(armour(&blob))
}

/// Signs a message with an Ed25519 key; the same key, namespace and message
/// give the same text.
///
/// # Errors
/// [`Fault`] when the namespace is empty.
pub fn sign_ed25519(secret: &[u8; 32], namespace: &str, message: &[u8]) -> Result<String, Fault> {
    let secret = SigningKey::from_bytes(secret);
    let key = PublicKey::ed25519(secret.verifying_key().as_bytes())?;
    let body = secret.sign(&to_be_signed(namespace, Hash::Sha512, message)).to_bytes();
    let blob = Writer::new().string(Kind::Ed25519.name().as_bytes()).string(&body).finish();
    assemble(&key, namespace, Hash::Sha512, message, &blob)
}

/// A namespace as it may be printed.
pub(super) fn shown(namespace: &str) -> String {
    text::escape_short(namespace, 80)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn good() -> String {
        sign_ed25519(&[1; 32], "file", b"message").unwrap()
    }

    #[test]
    fn what_is_signed_verifies_and_nothing_else() {
        let sig = SshSig::parse(good().as_bytes()).unwrap();
        assert_eq!(sig.namespace, "file");
        assert_eq!(sig.verify(b"message"), Ok(()));
        assert!(sig.verify(b"messagf").is_err());
        assert_eq!(sign_ed25519(&[1; 32], "", b"x"), Err(Fault::form("the namespace is empty")));
        // RFC 4251's strings by hand: the magic, and the four that follow.
        let bytes = to_be_signed("ab", Hash::Sha256, b"");
        assert_eq!(&bytes[..20], b"SSHSIG\0\0\0\x02ab\0\0\0\0\0\0\0\x06");
        assert_eq!(&bytes[20..30], b"sha256\0\0\0\x20");
        assert_eq!(bytes.len(), 62);
    }

    #[test]
    fn the_armour_has_one_form() {
        let good = good();
        let bad = [
            format!(" {good}"),
            format!("\n{good}"),
            format!("{good}\n"),
            format!("{good}x"),
            format!("{good}{good}"),
            good.replace('\n', "\r\n"),
            good.replacen('\n', " \n", 1),
            good.replacen("\nU1NI", "\n U1NI", 1),
            good.replacen("\nU1NI", "\n\nU1NI", 1),
            good.replacen("\n-----END", "\n\n-----END", 1),
            good.replace("SSH SIGNATURE", "SIGNED MESSAGE"),
            good.replace("-----END", "----END"),
            format!("{BEGIN}\n{END}\n"),
            format!("{BEGIN}{END}"),
            String::new(),
            format!(
                "{BEGIN}\n{}\n{END}\n",
                good.lines().skip(1).take_while(|l| *l != END).collect::<String>()
            ),
        ];
        for text in bad {
            assert!(matches!(SshSig::parse(text.as_bytes()), Err(Fault::Form(_))), "{text:?}");
        }
        assert_eq!(SshSig::parse(good.trim_end().as_bytes()), SshSig::parse(good.as_bytes()));
        assert!(SshSig::parse(format!("{good}{}", " ".repeat(ARMOUR_MAX)).as_bytes()).is_err());
    }

    #[test]
    fn any_width_up_to_76_is_read() {
        let good = good();
        let body: String = good.lines().filter(|line| !line.starts_with('-')).collect();
        for width in 1..=80 {
            let lines: Vec<_> =
                body.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).unwrap()).collect();
            let text = format!("{BEGIN}\n{}\n{END}\n", lines.join("\n"));
            assert_eq!(SshSig::parse(text.as_bytes()).is_ok(), width <= 76, "{width}");
        }
    }

    #[test]
    fn the_blob_has_one_form() {
        let key = PublicKey::ed25519(SigningKey::from_bytes(&[1; 32]).verifying_key().as_bytes()).unwrap();
        let inner = Writer::new().string(b"ssh-ed25519").string(&[0; 64]).finish();
        let make = |magic: &[u8], version, namespace: &[u8], reserved: &[u8], hash: &[u8], end: &[u8]| {
            let writer = Writer::new().raw(magic).u32(version).string(key.blob());
            writer.string(namespace).string(reserved).string(hash).string(&inner).raw(end).finish()
        };
        assert!(SshSig::parse_blob(&make(MAGIC, 1, b"n", b"", b"sha512", b"")).is_ok());
        let bad: [(Vec<u8>, &str); 9] = [
            (make(b"SSHSIX", 1, b"n", b"", b"sha512", b""), "SSHSIG"),
            (make(MAGIC, 2, b"n", b"", b"sha512", b""), "version 2"),
            (make(MAGIC, 0, b"n", b"", b"sha512", b""), "version 0"),
            (make(MAGIC, 1, b"", b"", b"sha512", b""), "namespace"),
            (make(MAGIC, 1, b"n\0m", b"", b"sha512", b""), "NUL"),
            (make(MAGIC, 1, b"n", b"x", b"sha512", b""), "reserved"),
            (make(MAGIC, 1, b"n", b"", b"sha1", b""), "sha1"),
            (make(MAGIC, 1, b"n", b"", b"SHA512", b""), "SHA512"),
            (make(MAGIC, 1, b"n", b"", b"sha512", b"\0"), "follows"),
        ];
        for (blob, said) in bad {
            let why = SshSig::parse_blob(&blob).unwrap_err().to_string();
            assert!(why.contains(said), "{why}, not {said}");
        }
    }

    #[test]
    fn what_an_agent_answers_is_checked_before_it_is_handed_out() {
        let secret = SigningKey::from_bytes(&[1; 32]);
        let key = PublicKey::ed25519(secret.verifying_key().as_bytes()).unwrap();
        let answer = |message: &[u8]| {
            let body = secret.sign(&to_be_signed("file", Hash::Sha512, message)).to_bytes();
            Writer::new().string(b"ssh-ed25519").string(&body).finish()
        };
        let made = assemble(&key, "file", Hash::Sha512, b"message", &answer(b"message"));
        assert_eq!(made, Ok(good()));
        assert!(assemble(&key, "file", Hash::Sha512, b"message", &answer(b"other")).is_err());
        assert!(assemble(&key, "file", Hash::Sha256, b"message", &answer(b"message")).is_err());
    }

    #[test]
    fn every_changed_byte_of_the_blob_is_seen() {
        let blob = dearmour(good().as_bytes()).unwrap();
        for at in 0..blob.len() {
            let mut bad = blob.clone();
            bad[at] ^= 0x20;
            let same_key = |sig: &SshSig| sig.identity == SshSig::parse_blob(&blob).unwrap().identity;
            let judged = SshSig::parse_blob(&bad).and_then(|sig| sig.verify(b"message").map(|()| sig));
            assert!(!judged.is_ok_and(|sig| same_key(&sig)), "byte {at}");
        }
    }

    proptest! {
        #[test]
        fn armour_and_back(blob in prop::collection::vec(any::<u8>(), 1..400)) {
            prop_assert_eq!(dearmour(armour(&blob).as_bytes()), Ok(blob));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = (SshSig::parse(&bytes), SshSig::parse_blob(&bytes));
            let _ = SshSig::parse_blob(&[MAGIC, &[0, 0, 0, 1], &bytes].concat());
        }
    }
}
