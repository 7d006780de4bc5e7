//! What the verification of one piece of evidence found.
//!
//! One closed enum, and only [`Verdict::Valid`] can satisfy a policy: it holds
//! a [`Vouched`], which nothing outside of this folder can make. A verifier
//! that forgets a check has no other way to say yes.

use crate::model::signer::SignerId;
use crate::model::time::Timestamp;
use std::fmt;

/// How the evidence was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// An OpenSSF Model Signing bundle inside the folder.
    Oms,
    /// An OpenSSH signature over an in-toto statement.
    Statement,
    /// A git commit signed with an OpenSSH key, which holds the folder's tree.
    Commit,
    /// A git tag signed with an OpenSSH key, which leads to such a commit.
    Tag,
    /// A DSSE envelope over an in-toto statement.
    Dsse,
    /// A file whose name says that it is another kind of signature. No verifier
    /// answers for it, so it is never valid.
    Other,
}

impl Method {
    /// The word for people and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Oms => "OMS bundle",
            Self::Statement => "ssh statement",
            Self::Commit => "signed commit",
            Self::Tag => "signed tag",
            Self::Dsse => "DSSE envelope",
            Self::Other => "other signature",
        }
    }
}

/// When the signature is known to have been there, and by whose word. Git's
/// own times are never evidence: whoever signs chooses them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidenced {
    /// A time stamp authority that we believe (RFC 3161).
    Stamped(Timestamp),
    /// Our own ledger saw these bytes first at that time.
    FirstSeen(Timestamp),
    /// Nothing is known but that it is there now.
    Now(Timestamp),
}

impl Evidenced {
    /// The time itself.
    #[must_use]
    pub const fn time(self) -> Timestamp {
        match self {
            Self::Stamped(time) | Self::FirstSeen(time) | Self::Now(time) => time,
        }
    }
}

/// A signer that vouches for exactly the bytes that were asked about.
///
/// Can be made in `policy::provenance` alone, after signature, signer, time and
/// subject were all checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vouched {
    signer: SignerId,
    key: SignerId,
    method: Method,
    at: Evidenced,
    notes: Vec<String>,
}

impl Vouched {
    /// Only for verifiers, as their last line. Who the signer is does not say
    /// which key it was, so no verifier can leave the key out.
    #[cfg(feature = "provenance")]
    pub(super) const fn new(
        signer: SignerId,
        key: SignerId,
        method: Method,
        at: Evidenced,
        notes: Vec<String>,
    ) -> Self {
        Self { signer, key, method, at, notes }
    }

    /// The key that made the signature: `key:` and the SHA-256 of curve and
    /// point as SubjectPublicKeyInfo, in whatever encoding the key came along.
    ///
    /// Attack: one key, listed by itself, as an OpenSSH key, and certified for
    /// two principals, is four signers. Who counts people counts keys as well.
    #[must_use]
    pub const fn key(&self) -> &SignerId {
        &self.key
    }

    /// Who.
    #[must_use]
    pub const fn signer(&self) -> &SignerId {
        &self.signer
    }

    /// How.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.method
    }

    /// Since when, at the latest.
    #[must_use]
    pub const fn at(&self) -> Evidenced {
        self.at
    }

    /// What is worth knowing and does not speak against it, in words; escaped.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

/// What was found. All texts are ours, with what they quote escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Signed by somebody we know, for exactly these bytes.
    Valid(Vouched),
    /// The signature, its form or its subject is wrong.
    Invalid(String),
    /// There is none.
    Unsigned,
    /// By nobody we know. Never satisfies a policy, whatever `key` holds.
    UnknownSigner {
        /// Who it says it is, or why nobody here counts; escaped.
        who: String,
        /// The key that trust on first use may pin: it came along with the
        /// evidence, the signature is right for it, nobody revoked it, and the
        /// subject was compared and is covered. `None` when any of this is not
        /// so, and for a key that somebody here knows and restricts.
        ///
        /// `ssh:` for a signature of OpenSSH; else `key:`, of a certificate that
        /// of its leaf.
        key: Option<SignerId>,
    },
    /// Key or certificate was not valid at the time of the evidence.
    Expired {
        /// Whose.
        signer: String,
        /// With both times.
        why: String,
    },
    /// Key, certificate or publisher was revoked.
    Revoked {
        /// Whose.
        signer: String,
        /// By which entry, and since when.
        why: String,
    },
    /// A kind of signature that we do not evaluate; never counted.
    Unsupported(String),
    /// Rightly signed, but not all of it.
    Incomplete {
        /// By whom.
        signer: SignerId,
        /// What is not covered; escaped.
        uncovered: Vec<String>,
    },
}

impl Verdict {
    /// The one word, stable, for records and `--json`.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Valid(_) => "valid",
            Self::Invalid(_) => "invalid",
            Self::Unsigned => "unsigned",
            Self::UnknownSigner { .. } => "unknown-signer",
            Self::Expired { .. } => "expired",
            Self::Revoked { .. } => "revoked",
            Self::Unsupported(_) => "unsupported",
            Self::Incomplete { .. } => "incomplete",
        }
    }

    /// The voucher, which a policy asks for.
    #[must_use]
    pub const fn vouched(&self) -> Option<&Vouched> {
        match self {
            Self::Valid(vouched) => Some(vouched),
            _ => None,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Valid(vouched) => {
                write!(f, "valid: {} by {}", vouched.method.as_str(), vouched.signer)
            }
            Self::Invalid(why) => write!(f, "invalid: {why}"),
            Self::Unsigned => f.write_str("unsigned"),
            Self::UnknownSigner { who, .. } => write!(f, "signed by somebody unknown here: {who}"),
            Self::Expired { signer, why } => write!(f, "expired: {signer}: {why}"),
            Self::Revoked { signer, why } => write!(f, "revoked: {signer}: {why}"),
            Self::Unsupported(what) => write!(f, "not evaluated: {what}"),
            Self::Incomplete { signer, uncovered } => {
                write!(f, "incomplete: signed by {signer}, but not {}", uncovered.join(", "))
            }
        }
    }
}
