//! Who vouches for a skill, and is it enough?
//!
//! Each kind of evidence has a verifier of its own, which takes bytes, what we
//! believe (keys, anchors, allowed signers, revocations) and the time, and
//! answers with one [`verdict::Verdict`]. All of them work in the same order:
//!
//! ```text
//! form        strict: one reading only, nothing unknown, nothing twice
//! signer      known to us, by our own list; what a bundle brings along proves nothing
//! signature   over exactly the bytes that are read afterwards
//! time        key or certificate valid when the signature is known to have been there
//! revocation  see `revocation`
//! subject     always after the signature: name and every file of the folder in question
//! coverage    what is not covered is named, and then it is not valid
//! ```
//!
//! The subject is a folder as our own walk saw it, never as the evidence
//! describes it.

#[cfg(feature = "provenance")]
pub mod attestation;
#[cfg(feature = "provenance")]
pub mod bundle;
#[cfg(feature = "provenance")]
pub mod dsse;
#[cfg(feature = "provenance")]
pub mod emit;
#[cfg(feature = "provenance")]
pub mod examine;
#[cfg(feature = "provenance")]
pub mod git;
#[cfg(feature = "provenance")]
pub mod keys;
#[cfg(feature = "provenance")]
pub mod oms;
#[cfg(feature = "provenance")]
pub mod people;
#[cfg(feature = "provenance")]
pub mod review;
pub mod revocation;
#[cfg(feature = "provenance")]
pub mod seal;
#[cfg(feature = "provenance")]
pub mod sha1;
#[cfg(feature = "provenance")]
pub mod ssh;
#[cfg(feature = "provenance")]
pub mod stamp;
#[cfg(feature = "provenance")]
pub mod statement;
#[cfg(feature = "provenance")]
pub mod tuf;
pub mod verdict;
#[cfg(feature = "provenance")]
pub mod withdrawn;
#[cfg(feature = "provenance")]
pub mod x509;

use crate::model::digest::Digest;
use crate::model::skill::SkillName;

/// One file of the folder, with the digests that foreign formats want.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectFile {
    /// Its path inside the skill.
    pub path: String,
    /// Plain SHA-256 of its bytes.
    pub sha256: Digest,
    /// Whether the owner may execute it.
    pub executable: bool,
}

/// The folder that evidence is asked about, as our own walk saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The skill's name, from its card or as a person gave it.
    pub name: SkillName,
    /// Its digest.
    pub digest: Digest,
    /// Every file, sorted by path.
    pub files: Vec<SubjectFile>,
}
