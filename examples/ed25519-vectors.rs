//! Ed25519 vectors of others, at each of our doors: `scripts/conformance-ed25519`
//! holds the answers against OpenSSL's.
//!
//! Reads a line of three words each, key, message and signature in hex;
//! answers a line of four, `yes` or `no`: whether it is taken as a signature of
//! provenance (`keys`), of OpenSSH (`ssh`), of TUF metadata (`tuf`), and whether
//! the key is taken for signed notes (`note`), whose messages are no free bytes.

use skill_trust::model::digest::sha256;
use skill_trust::model::note::Verifier;
use skill_trust::model::tuf::{self, Value};
use skill_trust::policy::provenance::{dsse, keys, ssh};
use std::io::{self, BufRead as _, Write as _};

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let words: Option<Vec<_>> = line.split(' ').map(unhex).collect();
        let Some([key, message, signature]) = words.as_deref() else {
            return Err(io::Error::other(format!("not three words of hex: {line}")));
        };
        let answers = [
            provenance(key, message, signature),
            openssh(key, message, signature),
            metadata(key, message, signature),
            note(key),
        ];
        writeln!(out, "{}", answers.map(|yes| if yes { "yes" } else { "no" }).join(" "))?;
    }
    Ok(())
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.len() / 2;
    (text.len().is_multiple_of(2) && text.is_ascii())
        .then(|| (0..pairs).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()).collect())?
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// DSSE envelopes, and whatever else names a key by its SPKI.
fn provenance(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    // RFC 8410.
    let spki = [b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", key].concat();
    keys::PublicKey::from_spki(&spki).is_ok_and(|key| key.verify(message, signature).is_ok())
}

/// Statements, commits, tags and certificates.
fn openssh(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let body = ssh::wire::Writer::new().string(b"ssh-ed25519").string(signature).finish();
    let (Ok(key), Ok(signature)) = (key.try_into(), ssh::key::Signature::parse(&body)) else { return false };
    ssh::key::PublicKey::ed25519(key).is_ok_and(|key| key.verify(&signature, message).is_ok())
}

/// Trust roots.
fn metadata(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let text = |text: &str| Value::Text(text.to_owned());
    let object = Value::object([
        ("keytype", text("ed25519")),
        ("scheme", text("ed25519")),
        ("keyval", Value::object([("public", Value::Text(hex(key)))])),
    ]);
    tuf::PublicKey::read(&object).is_ok_and(|key| key.signed(message, &hex(signature)))
}

/// Checkpoints of the log.
fn note(key: &[u8]) -> bool {
    let typed = [&[1], key].concat();
    let hash = sha256(&[b"vector", b"\n", &typed]).hex();
    Verifier::parse(&format!("vector+{}+{}", &hash[..8], dsse::encode(&typed))).is_ok()
}
