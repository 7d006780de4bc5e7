//! Who signed: one line of text that stands for a signer, in pins, permits,
//! policy files and `kill --signer`.
//!
//! ```text
//! key:<64 hex>                  a bare public key: SHA-256 of its DER SubjectPublicKeyInfo
//! cert:<64 hex>/<subject>       a certificate: SHA-256 of our anchor's SubjectPublicKeyInfo, and the leaf's subject
//! ssh:SHA256:<43 base64>        an OpenSSH key, as `ssh-keygen -l` prints it
//! ssh-ca:SHA256:<43 base64>/<principal>   an OpenSSH certificate: the authority's key, and the principal
//! ```
//!
//! Subject and principal are percent-encoded but for letters, digits and
//! `.-_@=+,`, so that an id has no space, no control character and one
//! spelling.
//!
//! Attack: two authorities that both certify `CN=acme` are two signers, since
//! the id begins with the authority's key; and a leaf that is renewed under the
//! same authority stays the same signer, since the leaf's own key is not in it.

use super::digest::Digest;
use std::fmt;

/// Longest id, in bytes.
const MAX: usize = 400;

/// A signer's id, checked to have one spelling.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SignerId(String);

/// Text that is no signer's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a signer: `key:` and 64 hex digits, `cert:` and 64 hex digits and `/SUBJECT`, `ssh:SHA256:…`, or `ssh-ca:SHA256:…/PRINCIPAL`"
)]
pub struct NotASigner;

impl SignerId {
    /// A bare key, by the SHA-256 of its DER SubjectPublicKeyInfo (RFC 5280, 4.1.2.7).
    #[must_use]
    pub fn key(spki: &Digest) -> Self {
        Self(format!("key:{}", spki.hex()))
    }

    /// A leaf certificate's subject below one of our anchors.
    ///
    /// # Errors
    /// [`NotASigner`] if the subject is empty or too long.
    pub fn certificate(anchor_spki: &Digest, subject: &str) -> Result<Self, NotASigner> {
        Self::parse(&format!("cert:{}/{}", anchor_spki.hex(), encode(subject)))
    }

    /// An OpenSSH key, by the SHA-256 of its public key blob.
    #[must_use]
    pub fn ssh(blob: &Digest) -> Self {
        Self(format!("ssh:{}", fingerprint(blob)))
    }

    /// A principal certified by an OpenSSH authority.
    ///
    /// # Errors
    /// [`NotASigner`] if the principal is empty or too long.
    pub fn ssh_authority(authority_blob: &Digest, principal: &str) -> Result<Self, NotASigner> {
        Self::parse(&format!("ssh-ca:{}/{}", fingerprint(authority_blob), encode(principal)))
    }

    /// Reads an id.
    ///
    /// # Errors
    /// [`NotASigner`] for any other text, and for another spelling of an id.
    pub fn parse(text: &str) -> Result<Self, NotASigner> {
        let named = |rest: &str, is_key: fn(&str) -> bool| {
            rest.split_once('/').is_some_and(|(key, name)| is_key(key) && is_encoded(name))
        };
        let good = text.len() <= MAX
            && match text.split_once(':') {
                Some(("key", rest)) => is_hex(rest),
                Some(("cert", rest)) => named(rest, is_hex),
                Some(("ssh", rest)) => is_fingerprint(rest),
                Some(("ssh-ca", rest)) => {
                    // Base64 has slashes too: the fingerprint is of fixed length.
                    rest.get(..50).is_some_and(is_fingerprint)
                        && rest.get(50..).and_then(|rest| rest.strip_prefix('/')).is_some_and(is_encoded)
                }
                _ => false,
            };
        if good { Ok(Self(text.to_owned())) } else { Err(NotASigner) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SignerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// As `ssh-keygen -l` prints it: base64 without padding.
#[must_use]
pub fn fingerprint(blob: &Digest) -> String {
    use base64::Engine as _;
    format!("SHA256:{}", base64::engine::general_purpose::STANDARD_NO_PAD.encode(blob.as_bytes()))
}

fn is_hex(text: &str) -> bool {
    Digest::from_hex(text).is_ok_and(|digest| digest.hex() == text)
}

fn is_fingerprint(text: &str) -> bool {
    use base64::Engine as _;
    let Some(body) = text.strip_prefix("SHA256:") else { return false };
    let bytes = base64::engine::general_purpose::STANDARD_NO_PAD.decode(body);
    // Strict decoding: no other spelling of the same bytes.
    bytes.is_ok_and(|bytes| bytes.len() == 32)
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".-_@=+,".contains(&byte)
}

fn encode(text: &str) -> String {
    use fmt::Write as _;
    let mut out = String::new();
    for byte in text.bytes() {
        if is_plain(byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Not empty, and exactly what [`encode`] makes of what it stands for.
fn is_encoded(text: &str) -> bool {
    let (mut bytes, mut decoded) = (text.as_bytes(), Vec::new());
    while let [first, rest @ ..] = bytes {
        bytes = if *first == b'%' {
            let hex = rest.get(..2).and_then(|two| std::str::from_utf8(two).ok());
            let Some(byte) = hex.and_then(|two| u8::from_str_radix(two, 16).ok()) else { return false };
            decoded.push(byte);
            &rest[2..]
        } else {
            decoded.push(*first);
            rest
        };
    }
    String::from_utf8(decoded).is_ok_and(|decoded| !decoded.is_empty() && encode(&decoded) == text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::digest::sha256;

    #[test]
    fn every_kind_is_read_back_as_it_was_written() {
        let digest = sha256(&[b"some key"]);
        let all = [
            SignerId::key(&digest),
            SignerId::certificate(&digest, "CN=Acme Signing, O=Acme/Tools %").unwrap(),
            SignerId::ssh(&digest),
            SignerId::ssh_authority(&digest, "ana@example.org").unwrap(),
        ];
        for id in all {
            assert_eq!(SignerId::parse(id.as_str()), Ok(id.clone()));
            assert!(id.as_str().bytes().all(|byte| byte.is_ascii_graphic()), "{id}");
        }
        assert_eq!(
            SignerId::certificate(&Digest::ZERO, "CN=a b").unwrap().as_str(),
            format!("cert:{}/CN=a%20b", "0".repeat(64))
        );
    }

    #[test]
    fn a_second_spelling_is_no_id() {
        let hex = "a".repeat(64);
        let bad = [
            String::new(),
            "key:".to_owned(),
            format!("key:{}", "A".repeat(64)),
            format!("key:{hex} "),
            format!("cert:{hex}"),
            format!("cert:{hex}/"),
            format!("cert:{hex}/a b"),
            format!("cert:{hex}/a%2"),
            format!("cert:{hex}/%41"),
            format!("cert:{hex}/%2f"),
            format!("cert:{hex}/%FF"),
            format!("ssh:SHA256:{}", "A".repeat(42)),
            format!("ssh:SHA256:{}B", "A".repeat(42)),
            format!("ssh:SHA256:{}=", "A".repeat(43)),
            format!("ssh-ca:SHA256:{}", "A".repeat(43)),
            format!("gpg:{hex}"),
            format!("cert:{hex}/{}", "a".repeat(400)),
        ];
        for text in bad {
            assert_eq!(SignerId::parse(&text), Err(NotASigner), "{text}");
        }
    }
}
