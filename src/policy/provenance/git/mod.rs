//! Commits and tags that were signed with an OpenSSH key: a signature over a
//! commit says something about each folder in it.
//!
//! ```text
//! signature ── over ──▶ commit ── names ──▶ root tree ──▶ … ──▶ the folder's tree
//!                          ▲                                          ║ equal
//!            tag ── names ─┘              SHA-1 of the folder's bytes, by our own hashing
//!                                         SHA-256 of the same bytes: the skill's digest
//! ```
//!
//! Every object on the way is given as bytes, and its hash must be the name
//! under which the one before it called for it. No repository is asked.
//!
//! Git's times are no evidence and are not read: whoever stole a key commits
//! under any date. And a signed commit does not say that it is the newest; an
//! older one stays signed. Which revision may follow which is the ledger's to
//! say.

pub mod folder;
pub mod object;

use super::ssh::judge::{Beliefs, Judged, weigh};
use super::verdict::{Method, Verdict};
use crate::model::digest::Digest;
use crate::model::git_proof::GitProof;
use crate::model::source::Source;
use crate::model::text;
use folder::GitFolder;
use object::{Armour, Commit, Id, Signature, Tag, Target, folder_in};

/// What git signs for.
pub const NAMESPACE: &str = "git";
/// Tags that may stand before a commit.
const TAGS_MAX: usize = 8;

/// A skill's folder that came from git: what is claimed of it, and what we
/// found ourselves.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// Objects as they were fetched.
    pub proof: &'a GitProof,
    /// The source as recorded: commit, folder, and the name that was asked for.
    pub source: &'a Source,
    /// The folder's bytes, hashed.
    pub folder: &'a GitFolder,
    /// The digest that the answer is for.
    pub digest: Digest,
}

/// Judges the signature of the commit itself.
#[must_use]
pub fn verify_commit(claim: &Claim<'_>, beliefs: &Beliefs<'_>) -> Verdict {
    let commit = match Commit::parse(&claim.proof.commit) {
        Ok(commit) => commit,
        Err(fault) => return fault.into(),
    };
    let judged = evaluate(commit.signature.as_ref(), commit.other_signature, beliefs);
    let bound = judged.and_then(|signed| leads_to_folder(claim, &commit).map(|()| signed));
    match bound {
        Ok(signed) => signed.vouch(Method::Commit),
        Err(verdict) => verdict,
    }
}

/// Judges the signature of the tag that was asked for by name.
#[must_use]
pub fn verify_tag(claim: &Claim<'_>, beliefs: &Beliefs<'_>) -> Verdict {
    let Some(raw) = claim.proof.tags.first() else { return Verdict::Unsigned };
    let tag = match Tag::parse(raw) {
        Ok(tag) => tag,
        Err(fault) => return fault.into(),
    };
    let judged = evaluate(tag.signature.as_ref(), tag.other_signature, beliefs);
    let bound = judged.and_then(|signed| {
        is_the_one_asked_for(&tag, claim.source)?;
        let commit = tags_lead_to_commit(claim.proof, tag.target)?;
        leads_to_folder(claim, &commit).map(|()| signed)
    });
    match bound {
        Ok(mut signed) => {
            signed.note(format!("the tag is `{}`", text::escape_short(&tag.name, 120)));
            signed.vouch(Method::Tag)
        }
        Err(verdict) => verdict,
    }
}

fn evaluate(signature: Option<&Signature>, other: bool, beliefs: &Beliefs<'_>) -> Result<Judged, Verdict> {
    let Some(signature) = signature else { return Err(Verdict::Unsigned) };
    match signature.armour {
        Armour::Pgp => return Err(Verdict::Unsupported("an OpenPGP signature".to_owned())),
        Armour::Cms => return Err(Verdict::Unsupported("an X.509 (CMS) signature".to_owned())),
        Armour::Ssh => {}
    }
    let mut signed = weigh(&signature.text, &signature.payload, NAMESPACE, beliefs)?;
    if other {
        signed.note("it has a second signature, for its SHA-256 form, which was not looked at".to_owned());
    }
    Ok(signed)
}

/// Attack: the reference `v2` is moved to the signed tag `v1`, and an old
/// release is delivered under a new name.
fn is_the_one_asked_for(tag: &Tag, source: &Source) -> Result<(), Verdict> {
    let asked = source.reference.as_deref().map(|asked| asked.strip_prefix("refs/tags/").unwrap_or(asked));
    if asked == Some(tag.name.as_str()) {
        return Ok(());
    }
    let (asked, name) =
        (text::escape_short(asked.unwrap_or("HEAD"), 120), text::escape_short(&tag.name, 120));
    Err(Verdict::Invalid(format!("the tag behind `{asked}` was made as `{name}`")))
}

fn wrong(why: impl Into<String>) -> Verdict {
    Verdict::Invalid(why.into())
}

fn named(kind: &str, bytes: &[u8], id: Id) -> Result<(), Verdict> {
    let found = Id::of(kind, bytes).map_err(|why| wrong(format!("a {kind} of the commit: {why}")))?;
    if found == id {
        return Ok(());
    }
    Err(wrong(format!("the {kind} {id} is called for, and what was given is {found}")))
}

fn tags_lead_to_commit(proof: &GitProof, mut target: Target) -> Result<Commit, Verdict> {
    if proof.tags.len() > TAGS_MAX {
        return Err(wrong(format!("more than {TAGS_MAX} tags, one of the other")));
    }
    for raw in &proof.tags[1..] {
        let Target::Tag(id) = target else { return Err(wrong("a tag that no tag calls for")) };
        named("tag", raw, id)?;
        target = Tag::parse(raw)?.target;
    }
    let Target::Commit(id) = target else { return Err(wrong("a tag that leads to no commit")) };
    named("commit", &proof.commit, id)?;
    Ok(Commit::parse(&proof.commit)?)
}

/// From the commit to the folder, and the folder is the one in question.
fn leads_to_folder(claim: &Claim<'_>, commit: &Commit) -> Result<(), Verdict> {
    let recorded = claim.source.commit.as_deref().and_then(|hex| Id::from_hex(hex.as_bytes()));
    named("commit", &claim.proof.commit, recorded.ok_or_else(|| wrong("the source names no commit"))?)?;
    if claim.folder.digest() != claim.digest {
        let (ours, asked) = (claim.folder.digest(), claim.digest);
        return Err(wrong(format!("the bytes that were hashed are {ours}, and {asked} was asked about")));
    }
    let components: Vec<_> = claim.source.path.iter().flat_map(|path| path.components()).collect();
    if components.len() != claim.proof.trees.len() {
        return Err(wrong("there is not one tree for each part of the path"));
    }
    let mut tree = commit.tree;
    for (component, raw) in components.iter().zip(&claim.proof.trees) {
        named("tree", raw, tree)?;
        tree = folder_in(raw, component)?;
    }
    let ours = claim.folder.tree();
    if tree == ours {
        return Ok(());
    }
    let place = claim.source.path.as_ref().map_or_else(|| "its root".to_owned(), |path| format!("`{path}`"));
    Err(wrong(format!("the commit has the tree {tree} at {place}, and this folder is {ours}")))
}
