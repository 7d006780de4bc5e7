//! The policies of followed trust roots: a layer each over the policy files,
//! from what the ledger remembers.
//!
//! ```text
//! roots add, refresh, remove ─▶ one row, proven by the state digest ─▶ every decision
//! ```
//!
//! Nothing is read from a cache or fetched: an account without a network, or
//! with an emptied cache, has the same rules. A layer can only tighten
//! ([`crate::policy::config::layer`]); one that is remembered and cannot be read
//! denies.
//!
//! Attack: the row is changed or deleted in the ledger's file. Its bucket is
//! then not what the head says, and nothing is decided.

use super::session::{ledger_stop, open_ledger};
use super::{World, broken_policy};
use crate::model::code::{Code, Stop};
use crate::model::followed::{self, KeptPolicy, POLICIES};
use crate::policy::config::Policy;
use crate::system::home::{Home, HomeFault};
use crate::system::ledger::Ledger;

/// The policies that are remembered.
///
/// # Errors
/// [`Code::LedgerDamaged`].
pub fn kept(ledger: &Ledger) -> Result<Vec<KeptPolicy>, Stop> {
    if !ledger.may_remember(POLICIES) {
        return Ok(Vec::new());
    }
    let body = ledger.memory(POLICIES).map_err(|fault| ledger_stop(&fault))?;
    followed::parse_policies(body.as_deref()).map_err(|why| {
        let what = crate::model::text::escape_short(&why, 300);
        Stop::new(Code::LedgerDamaged, what, "run: skills doctor (nothing is allowed meanwhile)")
    })
}

/// The files' policy with the layers over it.
///
/// # Errors
/// [`Code::PolicyBroken`] for one that this version cannot read.
pub fn over(mut files: Policy, ledger: &Ledger) -> Result<Policy, Stop> {
    for layer in kept(ledger)? {
        files.tighten(&layer.name, &layer.text).map_err(|why| Stop {
            next: format!(
                "use the version of skills that took it in; or stop following it: skills roots remove {}",
                layer.name
            ),
            ..broken_policy(&why)
        })?;
    }
    Ok(files)
}

/// All rules in force, where no ledger is open: those of the files alone if
/// there is no home yet.
///
/// # Errors
/// [`Code::PolicyBroken`]; [`Stop`] if home or ledger cannot be read.
pub fn in_force(world: &World) -> Result<Policy, Stop> {
    let files = world.policy()?;
    let home = match Home::open(&world.home) {
        Ok(home) => home,
        Err(HomeFault::Missing(_)) => return Ok(files),
        Err(fault) => return Err(super::session::home_stop(&fault)),
    };
    if !Ledger::exists(&home).unwrap_or(true) {
        return Ok(files);
    }
    over(files, &open_ledger(&home)?)
}
