//! What we believe, as followed trust roots say it.
//!
//! ```text
//! anchors/<publisher>.pem   a certificate or a bare key; from when to when, for which sources
//! stamp-anchors/<name>.pem  who stamps times; from when to when, for signatures by whom the same root lists
//! allowed_signers           OpenSSH keys, for every source, root by root
//! revocations.json          signers and publishers; of any root, against all of them
//! ```
//!
//! Trust is taken from one root at a time; distrust is one list. Attack: a key
//! that one root revoked is still listed by another, which has not heard of it.

use super::super::keys::{PublicKey, Window};
use super::super::oms::KnownKey;
use super::super::revocation::{Entry, Revocations};
use super::super::ssh::allowed_signers::AllowedSigners;
use super::super::tuf;
use super::super::x509::{Anchor, AnchorFault};
use crate::model::signer::SignerId;
use crate::model::text;
use crate::model::tuf::Value;
use crate::model::tuf::layout::{AnchorTerms, Place, StampTerms};
use crate::model::tuf::lists;
use std::collections::{BTreeMap, BTreeSet};

/// What a trust root listed as an anchor of a publisher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchored<T> {
    /// The root that brought it.
    pub root: String,
    /// The publisher, as that root calls it.
    pub publisher: String,
    /// When and for which sources it counts.
    pub terms: AnchorTerms,
    /// Certificate or key, with the window of the terms.
    pub what: T,
}

/// Everything that is believed; by default nothing and nobody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beliefs {
    /// Certificates.
    pub anchors: Vec<Anchored<Anchor>>,
    /// Bare keys.
    pub keys: Vec<Anchored<KnownKey>>,
    /// OpenSSH keys and authorities, by the root that lists them.
    pub allowed: BTreeMap<String, AllowedSigners>,
    /// Signers that any root revoked; the feed names the root.
    pub revocations: Revocations,
    /// Publishers that a root revoked: root, name, and the entry, which holds
    /// for each of their anchors.
    pub publishers: Vec<(String, String, Entry)>,
    /// Authorities that stamp times, each with the root that lists it.
    ///
    /// Attack: a root with an authority of its own stamps yesterday's date on
    /// what the stolen key of another root's publisher signs today. So a stamp
    /// counts under the root that lists who gave it, and under no other.
    pub stamp_anchors: Vec<(String, Anchor)>,
    /// Whether our own first-seen time is witness enough against a compromise.
    pub first_seen_counts: bool,
    /// Roots whose revocations could not be read, and so count for nothing.
    pub muted: BTreeMap<String, String>,
}

impl Beliefs {
    /// Takes in one target of a trust root, verified against that root before.
    ///
    /// Kill orders, advisories, policies and reviews are no beliefs about
    /// signers: they are read elsewhere, and here nothing comes of them.
    ///
    /// # Errors
    /// Why it is not taken, for people. A list of revocations that is not
    /// understood mutes its root: nobody knows whom it would have named.
    pub fn add_target(
        &mut self,
        root: &str,
        place: Place<'_>,
        bytes: &[u8],
        custom: Option<&Value>,
    ) -> Result<(), String> {
        match place {
            Place::Anchor(publisher) => self.add_anchor(root, publisher, bytes, custom),
            Place::StampAnchor(name) => self.add_stamp_anchor(root, name, bytes, custom),
            // Attack, or a mistake: `namespaces` beside a list that knows none, and
            // its keys would sign for every source all the same.
            Place::AllowedSigners if custom.is_some() => {
                Err("`allowed_signers` has a `custom`, which might restrict it and is not understood"
                    .to_owned())
            }
            Place::AllowedSigners => {
                let list = AllowedSigners::parse(bytes).map_err(|fault| fault.to_string())?;
                self.allowed.insert(root.to_owned(), list);
                Ok(())
            }
            Place::Revocations => self.add_revocations(root, bytes).inspect_err(|why| {
                self.muted.insert(root.to_owned(), why.clone());
            }),
            Place::KillOrders | Place::Advisory(_) | Place::Policy | Place::Review(_) | Place::Other => {
                Ok(())
            }
        }
    }

    fn add_anchor(
        &mut self,
        root: &str,
        publisher: &str,
        bytes: &[u8],
        custom: Option<&Value>,
    ) -> Result<(), String> {
        let name = text::escape_short(publisher, 80);
        let terms = AnchorTerms::read(custom).map_err(|why| format!("the anchor `{name}`: {why}"))?;
        let pem = std::str::from_utf8(bytes).map_err(|_| format!("the anchor `{name}` is not text"))?;
        let window = Window { from: Some(terms.start), until: terms.end };
        let (root, publisher) = (root.to_owned(), publisher.to_owned());
        match Anchor::from_pem(pem) {
            Ok(mut what) => {
                what.window = window;
                self.anchors.push(Anchored { root, publisher, terms, what });
            }
            Err(AnchorFault::NotPem) => {
                let key = PublicKey::from_pem(pem).map_err(|fault| {
                    format!("the anchor `{name}` is neither one certificate nor one key: {fault}")
                })?;
                let what = KnownKey { key, window };
                self.keys.push(Anchored { root, publisher, terms, what });
            }
            Err(fault) => return Err(format!("the anchor `{name}`: {fault}")),
        }
        Ok(())
    }

    fn add_stamp_anchor(
        &mut self,
        root: &str,
        name: &str,
        bytes: &[u8],
        custom: Option<&Value>,
    ) -> Result<(), String> {
        let name = text::escape_short(name, 80);
        let said = |why: String| format!("the stamp anchor `{name}`: {why}");
        let terms = StampTerms::read(custom).map_err(|why| said(why.to_string()))?;
        let mut what = stamp_anchor(bytes).map_err(said)?;
        what.window = Window { from: Some(terms.start), until: terms.end };
        self.stamp_anchors.push((root.to_owned(), what));
        Ok(())
    }

    fn add_revocations(&mut self, root: &str, bytes: &[u8]) -> Result<(), String> {
        let list = lists::revocations(bytes).map_err(|why| format!("the revocations: {why}"))?;
        let feed = format!("the trust root `{root}`");
        self.revocations.merge(tuf::signers(&list, &feed));
        let named = tuf::publishers(&list, &feed);
        self.publishers.extend(named.into_iter().map(|(name, entry)| (root.to_owned(), name, entry)));
        Ok(())
    }

    /// The roots that can say anything about a signer, by name.
    #[must_use]
    pub fn roots(&self) -> BTreeSet<&str> {
        self.all_roots().into_iter().filter(|root| !self.muted.contains_key(*root)).collect()
    }

    /// The same with the muted ones.
    pub(super) fn all_roots(&self) -> BTreeSet<&str> {
        let anchors = self.anchors.iter().map(|one| one.root.as_str());
        let keys = self.keys.iter().map(|one| one.root.as_str());
        anchors.chain(keys).chain(self.allowed.keys().map(String::as_str)).collect()
    }

    /// Every revocation there is: those of signers, and for each revoked
    /// publisher those of the keys and certificates that its root lists for it.
    ///
    /// Attack: the publisher is revoked, and its key goes on under another
    /// root, or as a key of OpenSSH.
    #[must_use]
    pub fn all_revocations(&self) -> Revocations {
        let mut all = self.revocations.clone();
        for (root, publisher, entry) in &self.publishers {
            let mut add = |id: SignerId| all.add(id, entry.clone());
            for one in self.anchors.iter().filter(|one| one.root == *root && one.publisher == *publisher) {
                one.what.names().into_iter().for_each(&mut add);
            }
            for one in self.keys.iter().filter(|one| one.root == *root && one.publisher == *publisher) {
                one.what.key.names().into_iter().for_each(&mut add);
            }
        }
        all
    }

    /// Whether any root lists this key, in whatever form and for whatever.
    pub(super) fn knows(&self, key: &SignerId) -> bool {
        self.keys.iter().any(|one| one.what.key.names().contains(key))
            || self.anchors.iter().any(|one| one.what.names().contains(key))
            || self.stamp_anchors.iter().any(|(_, one)| one.names().contains(key))
            || self.allowed.values().flat_map(AllowedSigners::keys).any(|one| one.names().contains(key))
    }
}

/// Reads the certificate of an authority that stamps times.
///
/// # Errors
/// Why none of its stamps could ever count, for people.
pub fn stamp_anchor(bytes: &[u8]) -> Result<Anchor, String> {
    let pem = std::str::from_utf8(bytes).map_err(|_| "it is not text".to_owned())?;
    let anchor = Anchor::from_pem(pem).map_err(|fault| fault.to_string())?;
    anchor.may_stamp().map_err(|verdict| verdict.to_string())?;
    Ok(anchor)
}
