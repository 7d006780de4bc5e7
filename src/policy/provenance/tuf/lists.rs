//! The lists of a trust root that take trust away.

use super::memory::KillMark;
use super::{Client, Fault, Found};
use crate::model::digest::sha256;
use crate::model::tuf::layout::Place;
use crate::model::tuf::lists::{KillOrders, Kind, Revocation, Subject, kill_orders};
use crate::policy::provenance::revocation::{self, Revocations};

impl Client {
    /// Takes the kill orders that a search found. Their number only grows: the
    /// memory says which was the last.
    ///
    /// Attack: an older list, rightly signed when it was new, in which the one
    /// skill that matters is not yet named. A targets file that lists it would
    /// have to be older too; this holds even if its keys are stolen.
    ///
    /// # Errors
    /// [`Fault::Rollback`] for a smaller number, [`Fault::SameOrder`] for other
    /// orders under the same one, [`Fault::Malformed`] if anything in them is
    /// not understood.
    pub fn take_kill_orders(&mut self, found: &Found, bytes: &[u8]) -> Result<KillOrders, Fault> {
        if Place::of(&found.path) != Place::KillOrders || self.found() != Some(found) {
            return Err(Fault::Unasked);
        }
        found.check(bytes)?;
        let orders =
            kill_orders(bytes).map_err(|why| Fault::Malformed { role: "kill orders".to_owned(), why })?;
        let mark = KillMark { order: orders.order, digest: sha256(&[bytes]) };
        if let Some(old) = &self.memory.kill {
            if mark.order < old.order {
                let what = "the list of kill orders".to_owned();
                return Err(Fault::Rollback { what, found: mark.order, trusted: old.order });
            }
            if mark.order == old.order && mark.digest != old.digest {
                return Err(Fault::SameOrder { order: mark.order });
            }
        }
        self.memory.kill = Some(mark);
        Ok(orders)
    }
}

/// The revoked signers among revocations, as verifiers want them; `feed` says
/// to people where it stands.
#[must_use]
pub fn signers(list: &[Revocation], feed: &str) -> Revocations {
    let mut all = Revocations::default();
    for one in list {
        if let (Subject::Signer(signer), Some(entry)) = (&one.subject, entry(one, feed)) {
            all.add(signer.clone(), entry);
        }
    }
    all
}

/// The revoked publishers: what a root calls them, and the entry that then holds
/// for every key and certificate that it listed under that name.
#[must_use]
pub fn publishers(list: &[Revocation], feed: &str) -> Vec<(String, revocation::Entry)> {
    let one = |one: &Revocation| match &one.subject {
        Subject::Publisher(name) => Some((name.clone(), entry(one, feed)?)),
        _ => None,
    };
    list.iter().filter_map(one).collect()
}

fn entry(one: &Revocation, feed: &str) -> Option<revocation::Entry> {
    let kind = match one.kind {
        Kind::Retired => revocation::Kind::Retired,
        Kind::Compromised => revocation::Kind::Compromised,
        Kind::Yanked | Kind::Malicious => return None,
    };
    Some(revocation::Entry { kind, since: one.since, feed: format!("{feed}: {}", one.why) })
}
