//! `roots refresh`: asking the followed roots for what is new, and carrying out
//! what they order.
//!
//! ```text
//! read the list ─▶ fetch, no lock held ─▶ lock ─▶ remembered, with its record
//!                                                   │
//!   kill orders of a higher number ◀────────────────┘   each as `kill` does it,
//!     the effect, its record, and at last the number      and NOT KILLED if not
//!   revocations ─▶ what rests on them is narrowed, one record each
//! ```
//!
//! What is carried out is read from the ledger, never from what just came: so a
//! crash anywhere leaves it to the next refresh, reachable root or not, and a
//! number is remembered only after everything under it was done.

use super::follow::{EVENT, following, keep, kept, limited, memory_of, put, scratch, unknown};
use super::haul::{self, Address, Had, Haul};
use super::policies;
use crate::model::code::{Code, Stop};
use crate::model::followed::Followed;
use crate::model::lifecycle::{Event, HoldScope, RevisionRow};
use crate::model::record::Outcome;
use crate::model::text;
use crate::model::tuf::layout::Place;
use crate::model::tuf::lists::{self, KillOrders, Subject};
use crate::ops::revoked::{Covered, Lists, damaged, followed};
use crate::ops::session::{Depth, Session, ledger_stop, open_ledger};
use crate::ops::stop::{self, Killed};
use crate::ops::{World, apply, layers};
use crate::system::fetch::FetchOptions;
use crate::system::home::Home;
use crate::system::roots::Cache;

/// How one root answered.
#[derive(Debug)]
pub struct Answered {
    /// As it is remembered now.
    pub root: Followed,
    /// Whether anything was new.
    pub changed: bool,
    /// What became another in its policy.
    pub policy: policies::Changed,
    /// What was missing or not believed, besides; escaped.
    pub faults: Vec<String>,
    /// Why it was not refreshed to the end, if so.
    pub stop: Option<Stop>,
}

/// A kill order that was carried out, or not.
#[derive(Debug)]
pub struct Ordered {
    /// The root's name.
    pub root: String,
    /// The number of its list.
    pub number: u64,
    /// What was stopped; none for everything.
    pub scope: Option<HoldScope>,
    /// Why; escaped.
    pub why: String,
    /// What came of it.
    pub killed: Killed,
}

impl Ordered {
    /// Whether it is stopped, held and recorded.
    #[must_use]
    pub fn is_done(&self) -> bool {
        let hold = self.scope.is_some() || self.killed.report.is_held();
        self.killed.report.failures.is_empty() && hold && self.killed.pending.is_none()
    }
}

/// A revision that lost trust by a revocation.
#[derive(Debug)]
pub struct Narrowed {
    /// As it was before.
    pub row: RevisionRow,
    /// What covers it.
    pub found: Covered,
    /// Copies that could not be withdrawn.
    pub failures: apply::Failures,
}

/// What was carried out.
#[derive(Debug, Default)]
pub struct Carried {
    /// Kill orders.
    pub orders: Vec<Ordered>,
    /// Revocations.
    pub narrowed: Vec<Narrowed>,
    /// Trusted revisions that must not be newly trusted, and why; escaped.
    pub warned: Vec<(RevisionRow, String)>,
    /// What kept the rest from being carried out.
    pub stops: Vec<Stop>,
}

impl Carried {
    /// Whether everything that is ordered is so.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.stops.is_empty()
            && self.orders.iter().all(Ordered::is_done)
            && self.narrowed.iter().all(|one| one.failures.is_empty())
    }
}

/// Asks the roots that are named, or all, and carries out what all of them order.
///
/// # Errors
/// [`Code::RootUnknown`] before anything is asked; [`Stop`] if the list cannot
/// be read.
pub fn refresh(
    world: &World,
    names: &[String],
    options: &FetchOptions,
) -> Result<(Vec<Answered>, Carried), Stop> {
    let roots = {
        let session = Session::open_to_narrow(world, Depth::All)?;
        followed(&session.ledger)?
    };
    for name in names {
        if roots.iter().all(|root| root.name != *name) {
            return Err(unknown(name));
        }
    }
    let options = limited(world, options);
    let mut answers = Vec::new();
    for root in roots.into_iter().filter(|root| names.is_empty() || names.contains(&root.name)) {
        answers.push(match one(world, &root, &options) {
            Ok(answered) => answered,
            Err(stop) => Answered {
                root,
                changed: false,
                policy: policies::Changed::default(),
                faults: Vec::new(),
                stop: Some(stop),
            },
        });
    }
    Ok((answers, carry_out(world)))
}

fn one(world: &World, root: &Followed, options: &FetchOptions) -> Result<Answered, Stop> {
    let haul = fetch(world, root, options)?;
    let mut session = Session::open_to_narrow(world, Depth::All)?;
    let roots = followed(&session.ledger)?;
    let there = roots.into_iter().find(|other| other.name == root.name && other.pin == root.pin);
    let before = there.ok_or_else(|| unknown(&root.name))?;
    // Attack: two refreshes at once, the slower of which began with an older
    // memory; what it would write down is a rollback.
    if before.memory != root.memory {
        let what = format!("another refresh of `{}` came first", root.name);
        return Err(Stop::new(Code::Busy, what, format!("skills roots refresh {}", root.name)));
    }
    let mut after = following(&before, &haul, session.now)?;
    after.refreshed = before.refreshed;
    // Bytes that were lost here are kept again, though nobody published anything.
    let mended = haul.files.iter().any(|(_, bytes)| bytes.is_some());
    let changed = mended || after != before;
    let had = layers::kept(&session.ledger)?;
    let root = if changed { keep(&mut session, before, &haul, reason(&root.name, &haul))? } else { before };
    let have = layers::kept(&session.ledger)?;
    let text = |all| policies::text_of(all, &root.name);
    let policy = policies::Changed::between(text(&had), text(&have));
    Ok(Answered { policy, root, changed, faults: haul.faults, stop: haul.ended })
}

fn fetch(world: &World, root: &Followed, options: &FetchOptions) -> Result<Haul, Stop> {
    let home = Home::open(&world.home).map_err(|fault| crate::ops::session::home_stop(&fault))?;
    let ledger = open_ledger(&home)?;
    let memory = memory_of(&ledger, root)?;
    let now = world.clock.now().max(ledger.head().time);
    let scratch = scratch()?;
    let origin = Address::parse(&root.origin)?.open(scratch.path(), options)?;
    let cache = Cache::open(&home, &root.name).ok();
    let read = |digest: &crate::model::digest::Digest| ledger.blob(digest).ok().flatten();
    let had = Had { targets: &root.targets, read: &read, cache: cache.as_ref() };
    Ok(haul::haul(memory, now, &origin, &had))
}

/// What the record of a refresh says.
fn reason(name: &str, haul: &Haul) -> String {
    let versions = haul.memory.versions().unwrap_or_default();
    let tops = ["root", "timestamp", "snapshot", "targets"];
    let versions: Vec<_> = tops
        .iter()
        .filter_map(|role| versions.get(*role).map(|version| format!("{role} {version}")))
        .collect();
    let new = haul.files.iter().filter(|(_, bytes)| bytes.is_some()).count();
    let mut text = format!(
        "trust root `{name}` refreshed: {}; {} files, {new} new",
        versions.join(", "),
        haul.files.len()
    );
    let missing = haul.faults.iter().cloned().chain(haul.ended.iter().map(|stop| stop.what.clone()));
    for fault in missing.take(5) {
        text.push_str("; ");
        text.push_str(&text::escape_short(&fault, 300));
    }
    text
}

/// Carries out what every followed root orders, from what is remembered.
#[must_use]
pub fn carry_out(world: &World) -> Carried {
    let mut carried = Carried::default();
    if let Err(stop) = policies::settle(world) {
        carried.stops.push(stop);
    }
    match orders(world) {
        Err(stop) => carried.stops.push(stop),
        Ok(found) => {
            for (root, orders) in found {
                match orders.map(|orders| obey(world, &root, &orders, &mut carried)) {
                    Ok(Ok(())) => {}
                    Ok(Err(stop)) | Err(stop) => carried.stops.push(stop),
                }
            }
        }
    }
    if let Err(stop) = narrow(world, &mut carried) {
        carried.stops.push(stop);
    }
    carried
}

type Found = Vec<(Followed, Result<KillOrders, Stop>)>;

/// The kill orders that are not carried out yet.
fn orders(world: &World) -> Result<Found, Stop> {
    let session = Session::open_to_narrow(world, Depth::All)?;
    let mut found = Found::new();
    for root in followed(&session.ledger)? {
        let read = kept(&session.ledger, &root, Place::KillOrders).and_then(|bytes| {
            let read = bytes.map(|bytes| lists::kill_orders(&bytes)).transpose();
            read.map_err(|why| damaged(&why.to_string()))
        });
        match read {
            Ok(Some(orders)) if orders.order > root.kill_order => found.push((root, Ok(orders))),
            Ok(_) => {}
            Err(stop) => found.push((root, Err(stop))),
        }
    }
    Ok(found)
}

/// Carries out one list; its number is remembered if all of it was done.
fn obey(world: &World, root: &Followed, orders: &KillOrders, carried: &mut Carried) -> Result<(), Stop> {
    let mut all = true;
    for order in &orders.orders {
        let why = text::escape_short(&order.why, 300);
        let note = format!("kill order {} of trust root {}: {why}", orders.order, root.name);
        let scope = match &order.subject {
            Subject::All => None,
            Subject::Skill(name) => Some(HoldScope::Name(name.clone())),
            Subject::Digest(digest) => Some(HoldScope::Digest(*digest)),
            Subject::Signer(signer) => Some(HoldScope::Signer(signer.to_string())),
            // A hold knows no versions: all of the source is held, which is more.
            Subject::Source { place, .. } => Some(HoldScope::Source(place.clone())),
            // The list's reader takes none of these.
            Subject::Publisher(_) => continue,
        };
        let killed = match &scope {
            None => stop::kill_all(world, Some(&note)),
            Some(scope) => stop::kill_scope(world, scope, Some(&note)),
        };
        let done = Ordered { root: root.name.clone(), number: orders.order, scope, why, killed };
        all &= done.is_done();
        carried.orders.push(done);
    }
    if !all {
        return Ok(());
    }
    let mut session = Session::open_to_narrow(world, Depth::All)?;
    let roots = followed(&session.ledger)?;
    let there = roots.into_iter().find(|other| other.name == root.name && other.pin == root.pin);
    let Some(mut there) = there.filter(|there| there.kill_order < orders.order) else { return Ok(()) };
    there.kill_order = orders.order;
    let count = orders.orders.len();
    let reason =
        format!("kill orders {} of trust root `{}` carried out: {count} in all", orders.order, root.name);
    let draft = session.draft(EVENT, Outcome::Done, reason);
    session.commit(|txn| {
        there.seq = txn.next_seq();
        put(txn, &there)?;
        Ok(vec![draft])
    })?;
    Ok(())
}

/// Takes trust from everything that rests on what is revoked.
fn narrow(world: &World, carried: &mut Carried) -> Result<(), Stop> {
    let mut session = Session::open_to_narrow(world, Depth::All)?;
    let lists = Lists::read(&session.ledger, &session.policy)?;
    let rows = session.ledger.revisions().map_err(|fault| ledger_stop(&fault))?;
    for row in rows.into_iter().filter(|row| row.lifecycle.pin().is_some()) {
        let Some(found) = lists.covers(&row, session.now) else { continue };
        if !found.narrows {
            carried.warned.push((row, found.why));
            continue;
        }
        let why = found.why.clone();
        let failures = apply::narrow(&mut session, &row, Event::Revoke, |draft| {
            draft.codes = vec![Code::Revoked.as_str().to_owned()];
            draft.reason =
                format!("{}{}", why, draft.reason.strip_prefix("a revocation names it").unwrap_or_default());
        })?;
        carried.narrowed.push(Narrowed { row, found, failures });
    }
    Ok(())
}
