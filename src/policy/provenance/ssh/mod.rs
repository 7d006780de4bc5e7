//! Signatures of OpenSSH: who made one, over what, and may they?
//!
//! ```text
//! wire             the binary form, read strictly
//! key              public keys and what they signed
//! cert             a key that an authority certified for some principals
//! sig              SSHSIG: what `ssh-keygen -Y sign` makes
//! allowed_signers  whom we let sign, for what, from when to when
//! revoked, krl     whom no longer, as `ssh-keygen -r` takes it
//! judge            all of these together, in the one order
//! statement        an in-toto statement about a skill, signed so
//! ```
//!
//! The crate that reads SSH's formats belongs to an older generation of the
//! cryptographic crates than the rest; so the formats, which are small, are
//! read here, and no curve is. `docs/provenance-ssh.md` says what is accepted,
//! and the tests let the real `ssh-keygen` and `git` judge the same input.

pub mod allowed_signers;
pub mod cert;
pub mod judge;
pub mod key;
pub mod krl;
pub mod revoked;
pub mod sig;
pub mod statement;
pub mod time;
pub mod wire;

use super::verdict::Verdict;
use crate::model::text;
use wire::WireFault;

/// Why a key, certificate, signature or list is not taken. Texts are ours, and
/// what they quote is escaped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is not what it should be.
    #[error("{0}")]
    Form(String),
    /// A kind that is known by name and not evaluated.
    #[error("{0} is not evaluated here")]
    Unsupported(String),
    /// A key with which one signature fits many messages.
    #[error("a weak Ed25519 key (of small order): one signature fits many messages")]
    Weak,
}

impl Fault {
    fn form(why: impl Into<String>) -> Self {
        Self::Form(why.into())
    }

    fn unsupported(what: &str) -> Self {
        Self::Unsupported(format!("`{}`", text::escape_short(what, 80)))
    }

    /// Says of what it is the fault.
    fn of(self, what: &str) -> Self {
        match self {
            Self::Form(why) => Self::Form(format!("{what}: {why}")),
            other => other,
        }
    }
}

impl From<WireFault> for Fault {
    fn from(fault: WireFault) -> Self {
        Self::Form(fault.to_string())
    }
}

impl From<Fault> for Verdict {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Form(_) | Fault::Weak => Self::Invalid(fault.to_string()),
            Fault::Unsupported(what) => Self::Unsupported(what),
        }
    }
}
