//! All evidence about one folder, before all verifiers.
//!
//! ```text
//! Beliefs    what followed trust roots say: anchors, keys, allowed signers, revocations
//! Evidence   the folder as our own walk saw it, the signatures in it, what git gave
//!    │ examine: pure
//!    ▼
//! Seen       one answer for each piece of evidence, and for each root that says yes
//! ```
//!
//! How many different people that is, at the least, is counted where a policy
//! demands a number: `policy::config`.
//!
//! The order is fixed: OMS bundle, statement, commit, tag, and then files whose
//! name says that they are a signature of a kind that is not evaluated here.
//! What is not there is not in the list, but for a commit: it is there, and
//! `unsigned`.
//!
//! A root is asked by itself, with its own keys and anchors, and with the
//! revocations of all. Where several say yes, each has its line; where none
//! does, there is one line with the answer that is nearest to a no. Anchors
//! count only for the sources of their namespaces.
//!
//! Attacks: the bytes of a signature are read twice, and the second time they
//! are others; so they are held against the walk. Nothing covers a bundle's own
//! mode, so it must not be executable. A key that a root knows and restricts is
//! never one that first use may pin, in whatever form it comes.

mod ask;
mod beliefs;
mod names;

pub use beliefs::{Anchored, Beliefs, stamp_anchor};
pub use names::{Names, names};

use super::Subject;
use super::git::folder::GitFolder;
use super::verdict::{Evidenced, Method, Verdict};
use crate::model::digest::Hasher;
use crate::model::git_proof::GitProof;
use crate::model::manifest::Manifest;
use crate::model::source::Source;
use crate::model::text;
use crate::model::time::Timestamp;

/// What is there about one folder.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// Where it came from.
    pub source: &'a Source,
    /// The folder, as our own walk saw it.
    pub subject: &'a Subject,
    /// The same walk, as the digest is made of it: the digests without the
    /// bundle, and without the pair, are taken from here.
    pub manifest: &'a Manifest,
    /// The bytes of [`SIGNATURE_FILE`](super::oms::SIGNATURE_FILE), if it is there.
    pub bundle: Option<&'a [u8]>,
    /// The bytes of the statement, the first of [`INSIDE`](super::ssh::statement::INSIDE).
    pub statement: Option<&'a [u8]>,
    /// The bytes of its signature, the second.
    pub statement_signature: Option<&'a [u8]>,
    /// A statement that lies beside the folder, or was brought from elsewhere, and
    /// its signature.
    pub beside: Option<(&'a [u8], &'a [u8])>,
    /// What git says, if the folder came from there.
    pub git: Option<Git<'a>>,
    /// When our own ledger saw these bytes first.
    pub first_seen: Option<Timestamp>,
    /// What time it is.
    pub now: Timestamp,
}

/// What git says of a folder.
#[derive(Debug, Clone, Copy)]
pub struct Git<'a> {
    /// Raw objects, as they were fetched.
    pub proof: &'a GitProof,
    /// The folder's bytes, hashed in both ways.
    pub folder: &'a GitFolder,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// To which kind of evidence.
    pub method: Method,
    /// What was found. Only a valid one counts.
    pub verdict: Verdict,
    /// The trust root by whose keys, if one knows the signer.
    pub root: Option<String>,
}

/// Judges all of it.
#[must_use]
pub fn examine(beliefs: &Beliefs, evidence: &Evidence<'_>) -> Vec<Seen> {
    let asked = ask::Asked::new(beliefs, evidence);
    let mut seen = asked.bundle();
    seen.extend(asked.statement());
    seen.extend(asked.beside());
    seen.extend(asked.git());
    seen.extend(names(evidence.manifest).other.into_iter().map(|(path, what)| Seen {
        method: Method::Other,
        verdict: Verdict::Unsupported(format!("{what}, `{}`", text::escape_short(&path, 120))),
        root: None,
    }));
    if let Err(why) = one_walk(evidence) {
        for one in &mut seen {
            (one.verdict, one.root) = (Verdict::Invalid(why.to_owned()), None);
        }
    }
    seen
}

/// Attack, or a fault of ours: what is compared with the signature is one
/// folder, and what the digest is of is another.
fn one_walk(evidence: &Evidence<'_>) -> Result<(), &'static str> {
    let (subject, manifest) = (evidence.subject, evidence.manifest);
    let entries = manifest.entries().iter().map(|entry| (entry.path.as_str(), entry.executable));
    let mut files: Vec<_> = subject.files.iter().map(|file| (file.path.as_str(), file.executable)).collect();
    files.sort_unstable();
    let mut entries: Vec<_> = entries.collect();
    entries.sort_unstable();
    let same = subject.digest == manifest.digest() && files == entries;
    if same { Ok(()) } else { Err("the folder changed while it was read; read it again") }
}

impl Evidence<'_> {
    /// When the signature is known to have been there. A time that is still to
    /// come is nobody's memory.
    fn at(&self) -> Evidenced {
        let seen = self.first_seen.filter(|time| *time <= self.now);
        seen.map_or(Evidenced::Now(self.now), Evidenced::FirstSeen)
    }

    /// A file of the folder, if it is there: what was read is what was walked.
    fn file<'b>(&self, path: &str, bytes: Option<&'b [u8]>) -> Result<Option<&'b [u8]>, Verdict> {
        let invalid = |why: String| Err(Verdict::Invalid(why));
        match (self.manifest.get(path), bytes) {
            (None, None) => Ok(None),
            (None, Some(_)) => invalid(format!("`{path}` was read and is not in the folder")),
            (Some(entry), None) => invalid(format!(
                "`{path}` has {} bytes, more than any signature, and was not read",
                entry.size
            )),
            (Some(entry), Some(bytes)) => {
                let mut hasher = Hasher::git_object("blob", bytes.len() as u64);
                hasher.update(bytes);
                if entry.sha256 != hasher.finish() {
                    return invalid(format!("`{path}` changed while it was read; read it again"));
                }
                if entry.executable {
                    return invalid(format!(
                        "`{path}` is executable, which nothing covers; chmod -x it and ask again"
                    ));
                }
                Ok(Some(bytes))
            }
        }
    }
}
