//! One question, put to every root.

use super::super::git::{self, Claim};
use super::super::oms::{self, SIGNATURE_FILE};
use super::super::revocation::Revocations;
use super::super::ssh::allowed_signers::AllowedSigners;
use super::super::ssh::judge;
use super::super::ssh::statement::{self, INSIDE, Place};
use super::super::verdict::{Evidenced, Method, Verdict};
use super::{Beliefs, Evidence, Git, Seen};
use crate::model::tuf::layout::AnchorTerms;

/// Whose keys are asked.
#[derive(Debug, Clone, Copy)]
enum Scope<'a> {
    /// Nobody's: only what came along is looked at.
    Nobody,
    /// Those of a root that may speak for this source.
    Root(&'a str),
    /// Those of a root whatever its terms say. Never for a yes: only to learn
    /// whether somebody who seems new is known here for something else.
    Listed(&'a str),
}

impl Scope<'_> {
    const fn root(&self) -> Option<&str> {
        match self {
            Self::Nobody => None,
            Self::Root(root) | Self::Listed(root) => Some(root),
        }
    }
}

/// What the verifiers are asked with.
pub(super) struct Asked<'a> {
    beliefs: &'a Beliefs,
    evidence: &'a Evidence<'a>,
    revocations: Revocations,
    at: Evidenced,
}

impl<'a> Asked<'a> {
    pub(super) fn new(beliefs: &'a Beliefs, evidence: &'a Evidence<'a>) -> Self {
        Self { beliefs, evidence, revocations: beliefs.all_revocations(), at: evidence.at() }
    }

    pub(super) fn bundle(&self) -> Vec<Seen> {
        let bytes = match self.evidence.file(SIGNATURE_FILE, self.evidence.bundle) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Vec::new(),
            Err(verdict) => return vec![Seen { method: Method::Oms, verdict, root: None }],
        };
        let bare = self.evidence.manifest.digest_without(&[SIGNATURE_FILE]);
        self.each_root(Method::Oms, |scope| {
            let counts = |root: &str, terms: &AnchorTerms| {
                let here = scope.root() == Some(root);
                here && (matches!(scope, Scope::Listed(_)) || terms.covers(self.evidence.source.identity()))
            };
            let anchors = self.beliefs.anchors.iter().filter(|one| counts(&one.root, &one.terms));
            let keys = self.beliefs.keys.iter().filter(|one| counts(&one.root, &one.terms));
            let stampers = self.beliefs.stamp_anchors.iter();
            let stampers = stampers.filter(|(root, _)| scope.root() == Some(root.as_str()));
            let beliefs = oms::Beliefs {
                keys: &keys.map(|one| one.what.clone()).collect::<Vec<_>>(),
                anchors: &anchors.map(|one| one.what.clone()).collect::<Vec<_>>(),
                stamp_anchors: &stampers.map(|(_, one)| one.clone()).collect::<Vec<_>>(),
                revocations: &self.revocations,
                first_seen_counts: self.beliefs.first_seen_counts,
            };
            oms::verify(bytes, self.evidence.subject, &bare, &beliefs, self.at)
        })
    }

    pub(super) fn statement(&self) -> Vec<Seen> {
        let alone = |verdict| vec![Seen { method: Method::Statement, verdict, root: None }];
        let file = |at: usize, bytes| self.evidence.file(INSIDE[at], bytes);
        let both = (file(0, self.evidence.statement), file(1, self.evidence.statement_signature));
        match both {
            (Err(verdict), _) | (_, Err(verdict)) => alone(verdict),
            (Ok(None), Ok(None)) => Vec::new(),
            (Ok(Some(_)), Ok(None)) => alone(Verdict::Unsigned),
            (Ok(None), Ok(Some(_))) => {
                alone(Verdict::Invalid(format!("`{}` without `{}`", INSIDE[1], INSIDE[0])))
            }
            (Ok(Some(statement)), Ok(Some(signature))) => self.pair(statement, signature, Place::Inside),
        }
    }

    pub(super) fn beside(&self) -> Vec<Seen> {
        let pair = self.evidence.beside;
        pair.map(|(statement, signature)| self.pair(statement, signature, Place::Beside)).unwrap_or_default()
    }

    fn pair(&self, statement: &[u8], signature: &[u8], place: Place) -> Vec<Seen> {
        let (name, folder) = (&self.evidence.subject.name, self.evidence.manifest);
        self.each_root(Method::Statement, |scope| {
            self.ssh(scope, place == Place::Inside, |beliefs| {
                statement::verify(statement, signature, place, name, folder, beliefs)
            })
        })
    }

    pub(super) fn git(&self) -> Vec<Seen> {
        let Some(Git { proof, folder }) = self.evidence.git else { return Vec::new() };
        let (source, digest) = (self.evidence.source, self.evidence.subject.digest);
        let claim = Claim { proof, source, folder, digest };
        // Attack: bytes that were here before the theft come again with a commit
        // that the stolen key made today. What we remember is when we had the bytes,
        // not this commit over them.
        let commit = |scope: Scope<'_>| self.ssh(scope, false, |beliefs| git::verify_commit(&claim, beliefs));
        let mut seen = self.each_root(Method::Commit, commit);
        if !proof.tags.is_empty() {
            let tag = |scope: Scope<'_>| self.ssh(scope, false, |beliefs| git::verify_tag(&claim, beliefs));
            seen.extend(self.each_root(Method::Tag, tag));
        }
        seen
    }

    /// `inside`: whether the signature is part of the bytes that were seen.
    fn ssh(
        &self,
        scope: Scope<'_>,
        inside: bool,
        verify: impl Fn(&judge::Beliefs<'_>) -> Verdict,
    ) -> Verdict {
        let nobody = AllowedSigners::default();
        let allowed = scope.root().and_then(|root| self.beliefs.allowed.get(root)).unwrap_or(&nobody);
        verify(&judge::Beliefs {
            allowed,
            revoked: &[],
            revocations: &self.revocations,
            at: self.at,
            first_seen_counts: inside && self.beliefs.first_seen_counts,
            principal: None,
        })
    }

    /// Every yes with its root; else the one answer that is nearest to a no.
    fn each_root(&self, method: Method, verify: impl Fn(Scope<'_>) -> Verdict) -> Vec<Seen> {
        let roots = self.beliefs.roots();
        let mut seen: Vec<_> = roots
            .iter()
            .map(|root| Seen { method, verdict: verify(Scope::Root(root)), root: Some((*root).to_owned()) })
            .collect();
        if seen.iter().any(|one| one.verdict.vouched().is_some()) {
            seen.retain(|one| one.verdict.vouched().is_some());
            return seen;
        }
        if seen.is_empty() {
            seen.push(Seen { method, verdict: verify(Scope::Nobody), root: None });
        }
        seen.sort_by_key(|one| rank(&one.verdict));
        seen.truncate(1);
        for one in &mut seen {
            if !knows(&one.verdict) {
                one.root = None;
            }
            self.not_known_otherwise(&mut one.verdict, &verify);
        }
        seen
    }

    /// Attack: an anchor for `https://git.example/acme/*` certifies a signer of
    /// another source, who is then pinned there on first use; a key whose window
    /// is over comes again in a certificate of its own making; and a root is
    /// made unreadable, so that all it knew are new.
    fn not_known_otherwise(&self, verdict: &mut Verdict, verify: impl Fn(Scope<'_>) -> Verdict) {
        let Verdict::UnknownSigner { who, key: pinned @ Some(_) } = verdict else { return };
        let new = |verdict: &Verdict| matches!(verdict, Verdict::UnknownSigner { key: Some(_), .. });
        let listed = self.beliefs.all_roots();
        let known = pinned.as_ref().is_some_and(|key| self.beliefs.knows(key))
            || listed.iter().any(|root| !new(&verify(Scope::Listed(root))));
        if known {
            *pinned = None;
            who.push_str("; it is known here, but not for this");
        }
    }
}

/// Whether a root had to know the signer to come to this answer.
const fn knows(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Valid(_) | Verdict::Expired { .. } | Verdict::Incomplete { .. })
}

/// How near to a no, from 0.
const fn rank(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Invalid(_) => 0,
        Verdict::Revoked { .. } => 1,
        Verdict::Expired { .. } => 2,
        Verdict::Incomplete { .. } => 3,
        Verdict::Unsupported(_) => 4,
        Verdict::UnknownSigner { key: None, .. } => 5,
        Verdict::UnknownSigner { key: Some(_), .. } => 6,
        Verdict::Unsigned => 7,
        Verdict::Valid(_) => 8,
    }
}
