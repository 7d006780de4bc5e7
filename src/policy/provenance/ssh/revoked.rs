//! Whom we let sign no longer: what `ssh-keygen -Y verify -r` takes, a plain
//! list of public keys or a binary [`Krl`].
//!
//! A key in the list takes every signature of its own with it, those of its
//! certificates, and those of every certificate that it issued as an
//! authority. Such lists know no times: what they name counts for nothing, at
//! any time. `provenance::revocation` has the entries with a time.

use super::Fault;
use super::cert::Identity;
use super::key;
use super::krl::{self, Krl};
use super::wire::Reader;
use std::collections::BTreeSet;

/// A list that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RevokedKeys {
    /// Blobs of bare keys.
    Plain(BTreeSet<Vec<u8>>),
    /// The binary form.
    Krl(Box<Krl>),
}

impl RevokedKeys {
    /// Reads either form.
    ///
    /// # Errors
    /// [`Fault`]. A line that is not understood makes the whole list an error:
    /// it may name the key in question.
    pub fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        if bytes.starts_with(krl::MAGIC) {
            return Krl::parse(bytes).map(|list| Self::Krl(Box::new(list)));
        }
        if bytes.len() > krl::KRL_MAX {
            return Err(Fault::form("a list of revoked keys of more than 64 MiB"));
        }
        let mut keys = BTreeSet::new();
        for (at, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let read = read_line(line)
                .map_err(|fault| fault.of(&format!("the list of revoked keys, line {}", at + 1)));
            keys.extend(read?);
        }
        Ok(Self::Plain(keys))
    }

    /// Why this signer is revoked, if it is.
    #[must_use]
    pub fn revokes(&self, identity: &Identity) -> Option<String> {
        match self {
            Self::Krl(list) => list.revokes(identity),
            Self::Plain(keys) if keys.contains(identity.key().blob()) => {
                Some("the key stands in it".to_owned())
            }
            Self::Plain(keys) => match identity {
                Identity::Certificate(cert) if keys.contains(cert.authority.blob()) => {
                    Some("the authority's key stands in it".to_owned())
                }
                _ => None,
            },
        }
    }

    /// What is worth knowing about the list.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        match self {
            Self::Krl(list) => list.notes(),
            Self::Plain(_) => &[],
        }
    }
}

fn read_line(line: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
    let line = std::str::from_utf8(line).map_err(|_| Fault::form("not UTF-8"))?;
    let mut words = line.split([' ', '\t', '\r']).filter(|word| !word.is_empty());
    match (words.next(), words.next()) {
        (None, _) => Ok(None),
        (Some(first), _) if first.starts_with('#') => Ok(None),
        (Some(name), Some(base64)) => {
            let blob = key::from_base64(base64)?;
            if Reader::new(&blob).text()? != name {
                return Err(Fault::form("the word before the key names another kind than the key"));
            }
            key::bare_blob(&blob)
        }
        (Some(_), None) => Err(Fault::form("no key where one should be")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::key::PublicKey;
    use super::*;

    fn key(seed: u8) -> PublicKey {
        let secret = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]);
        PublicKey::ed25519(secret.verifying_key().as_bytes()).unwrap()
    }

    #[test]
    fn a_plain_list_names_keys() {
        let text =
            format!("# old laptop\n\n  {} ana's\r\nssh-rsa AAAAB3NzaC1yc2EAAAABAwAAAAEB\n", key(1).to_text());
        let list = RevokedKeys::parse(text.as_bytes()).unwrap();
        assert!(list.revokes(&Identity::from(key(1))).is_some());
        assert!(list.revokes(&Identity::from(key(2))).is_none());
        assert_eq!(RevokedKeys::parse(b"").unwrap(), RevokedKeys::Plain(BTreeSet::new()));
    }

    #[test]
    fn a_line_that_is_not_understood_makes_the_whole_list_an_error() {
        for line in [
            "ssh-ed25519",
            "ssh-ed25519 AAAA",
            "ssh-ed25519 AAAAB3NzaC1yc2EAAAABAwAAAAEB",
            "x \u{1}",
            "SSHKRL\n\0",
        ] {
            let text = format!("{}\n{line}\n", key(1).to_text());
            let why = RevokedKeys::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(why.contains("line 2"), "{why}");
        }
        assert!(RevokedKeys::parse(b"\xff\n").is_err());
        assert!(RevokedKeys::parse(b"SSHKRL\n\0").is_err());
    }
}
