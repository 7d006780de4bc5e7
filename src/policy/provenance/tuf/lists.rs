//! The lists of a trust root that take trust away.

use super::memory::KillMark;
use super::{Client, Fault, Found};
use crate::model::digest::sha256;
use crate::model::tuf::lists::{KillOrders, Kind, Revocation, Subject, kill_orders};
use crate::policy::provenance::revocation::{self, Revocations};

/// The target path of kill orders.
const KILL_ORDERS: &str = "kill-orders.json";

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
        if found.path != KILL_ORDERS || self.found() != Some(found) {
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
        let kind = match one.kind {
            Kind::Retired => revocation::Kind::Retired,
            Kind::Compromised => revocation::Kind::Compromised,
            Kind::Yanked | Kind::Malicious => continue,
        };
        if let Subject::Signer(signer) = &one.subject {
            let feed = format!("{feed}: {}", one.why);
            all.add(signer.clone(), revocation::Entry { kind, since: one.since, feed });
        }
    }
    all
}
