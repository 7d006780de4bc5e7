//! Consents to dependency plans: given, used up once, and what was begun.
//!
//! ```text
//! give_consent ─▶ remembered, with its record
//! spend_consent ─▶ forgotten, the run remembered, with the record that it was begun
//!     └▶ Spent ─▶ confirmed(), after the commit ─▶ ConfirmedPlan ─▶ the runner
//! end_run ─▶ the run forgotten, its end remembered, with its record
//! ```
//!
//! All of it lies in what the ledger remembers, so it is part of the state that
//! every record commits to. Attack: the row of a consent that was used up is put
//! back; then ledger and log no longer agree, and nothing is granted.

use super::{Ledger, LedgerFault, Txn};
use crate::model::consent::{Consent, End, Last, Run};
use crate::model::dependency::Plan;
use crate::model::skill::Revision;
use crate::model::time::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The one run that was begun and has not ended.
const RUN: &str = "deps/run";

fn consent_key(revision: &Revision) -> String {
    format!("deps/consent/{}", revision.file_name())
}

fn last_key(revision: &Revision) -> String {
    format!("deps/last/{}", revision.file_name())
}

fn write(value: &impl Serialize) -> Result<String, LedgerFault> {
    serde_json::to_string(value).map_err(|error| LedgerFault::Damaged(error.to_string()))
}

fn read<T: DeserializeOwned>(body: Option<String>) -> Result<Option<T>, LedgerFault> {
    let read = |body: String| {
        serde_json::from_str(&body)
            .map_err(|error| LedgerFault::Damaged(format!("what is remembered of dependencies: {error}")))
    };
    body.map(read).transpose()
}

/// Why there is no consent to what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unspent {
    /// There is none: it was never given, or is used up.
    None,
    /// The one that is there says something else.
    Other,
    /// It was for another plan, or the plan is for other bytes.
    Plan,
    /// Its time is over.
    Expired,
    /// Another run has not ended.
    Running,
}

/// A consent that is used up in a transaction that may still fail.
#[derive(Debug)]
pub struct Spent {
    plan: Plan,
    run: Run,
}

/// A plan that somebody confirmed, whose consent is used up and whose beginning
/// is on record. There is no other way to run a step, and each one is run once:
/// it cannot be copied, read from a text or made by hand.
///
/// ```
/// use skill_trust::system::ledger::ConfirmedPlan;
/// fn look(once: &ConfirmedPlan) -> &skill_trust::model::dependency::Plan {
///     once.plan()
/// }
/// ```
///
/// ```compile_fail
/// use skill_trust::system::ledger::ConfirmedPlan;
/// fn forge(plan: skill_trust::model::dependency::Plan, run: skill_trust::model::consent::Run) -> ConfirmedPlan {
///     ConfirmedPlan { plan, run }
/// }
/// ```
///
/// ```compile_fail
/// use skill_trust::system::ledger::ConfirmedPlan;
/// fn twice(once: &ConfirmedPlan) -> ConfirmedPlan {
///     once.clone()
/// }
/// ```
#[derive(Debug)]
pub struct ConfirmedPlan {
    plan: Plan,
    run: Run,
}

impl ConfirmedPlan {
    /// What is to be run.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// As what it is on record.
    #[must_use]
    pub const fn run(&self) -> &Run {
        &self.run
    }
}

impl Txn<'_> {
    /// Keeps a consent, in place of one for the same revision.
    ///
    /// # Errors
    /// [`LedgerFault`].
    pub fn give_consent(&mut self, consent: &Consent) -> Result<(), LedgerFault> {
        self.remember(&consent_key(&consent.revision), &write(consent)?)
    }

    /// Uses a consent up: it is forgotten, and the run is remembered as begun by
    /// the first record of this transaction.
    ///
    /// # Errors
    /// [`LedgerFault`]; inside, why there is no such consent. Then nothing was changed.
    pub fn spend_consent(
        &mut self,
        consent: &Consent,
        plan: Plan,
        what: Vec<String>,
        now: Timestamp,
    ) -> Result<Result<Spent, Unspent>, LedgerFault> {
        let kept: Option<Consent> = read(self.memory(&consent_key(&consent.revision))?)?;
        let digest = plan.digest().map_err(|error| LedgerFault::Damaged(error.to_string()))?;
        let no = match kept {
            None => Some(Unspent::None),
            Some(kept) if kept != *consent => Some(Unspent::Other),
            Some(_) if digest != consent.plan || plan.skill != consent.revision.digest => Some(Unspent::Plan),
            Some(_) if consent.until <= now => Some(Unspent::Expired),
            Some(_) if self.memory(RUN)?.is_some() => Some(Unspent::Running),
            Some(_) => None,
        };
        if let Some(no) = no {
            return Ok(Err(no));
        }
        let run = Run {
            revision: consent.revision.clone(),
            plan: digest,
            place: consent.place,
            seq: self.next_seq(),
            at: now,
            steps: plan.steps.len() as u64,
        };
        self.forget(&consent_key(&consent.revision))?;
        self.remember(RUN, &write(&run)?)?;
        let last = Last { run: run.clone(), end: End::Running, what };
        self.remember(&last_key(&consent.revision), &write(&last)?)?;
        Ok(Ok(Spent { plan, run }))
    }

    /// The run has ended; false if it is not the one that was begun.
    ///
    /// # Errors
    /// [`LedgerFault`].
    pub fn end_run(&mut self, run: &Run, end: End) -> Result<bool, LedgerFault> {
        if read::<Run>(self.memory(RUN)?)?.as_ref() != Some(run) {
            return Ok(false);
        }
        self.forget(RUN)?;
        let key = last_key(&run.revision);
        if let Some(last) = read::<Last>(self.memory(&key)?)?.filter(|last| last.run == *run) {
            self.remember(&key, &write(&Last { end, ..last })?)?;
        }
        Ok(true)
    }

    /// Forgets a yes to a revision that is removed, and the steps of its last run.
    /// That there was one stays. Attack: the same bytes are installed and trusted
    /// again, and the command line of that run would be taken for a new one.
    ///
    /// # Errors
    /// [`LedgerFault`].
    pub fn forget_dependencies(&mut self, revision: &Revision) -> Result<(), LedgerFault> {
        let (consent, last) = (consent_key(revision), last_key(revision));
        if self.memory(&consent)?.is_some() {
            self.forget(&consent)?;
        }
        if let Some(run) = read::<Last>(self.memory(&last)?)? {
            self.remember(&last, &write(&Last { what: Vec::new(), ..run })?)?;
        }
        Ok(())
    }
}

impl Ledger {
    /// The run that was begun and has not ended.
    ///
    /// # Errors
    /// [`LedgerFault`].
    pub fn dependency_run(&self) -> Result<Option<Run>, LedgerFault> {
        if !self.may_remember(RUN) {
            return Ok(None);
        }
        read(self.memory(RUN)?)
    }

    /// The last run for a revision.
    ///
    /// # Errors
    /// [`LedgerFault`].
    pub fn last_dependency_run(&self, revision: &Revision) -> Result<Option<Last>, LedgerFault> {
        read(self.memory(&last_key(revision))?)
    }

    /// The token for a run, if it is on record as begun: the commit is behind us.
    ///
    /// # Errors
    /// [`LedgerFault::Damaged`] if it is not.
    pub fn confirmed(&self, spent: Spent) -> Result<ConfirmedPlan, LedgerFault> {
        let Spent { plan, run } = spent;
        if self.dependency_run()?.as_ref() == Some(&run) && self.event(run.seq)?.is_some() {
            return Ok(ConfirmedPlan { plan, run });
        }
        Err(LedgerFault::Damaged("BUG: a run that is not on record".into()))
    }
}
