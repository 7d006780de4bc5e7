//! The gate: may this revision be used, or switched on, now?
//!
//! One pure function over facts that were gathered in the same call. It is
//! asked by `gate`, by `enable` and by `status`; there is no second opinion.
//!
//! Allow is the last line of the function and needs every fact to be there:
//! whatever could not be established is a fact that says so, and denies. The
//! [`Evidence`] of an allow can be made here alone, and names the bytes.
//!
//! What must agree for `load` (any one changed alone denies):
//!
//! ```text
//!   ledger row ──── state, pin, placements, until
//!        │
//!   enable event ── hash, digest, placements, until   (ledger, by seq)
//!        │
//!   log line ────── the same bytes at the recorded offset
//!        │
//!   skill permit ── seq, hash, digest, placements, epoch, until   (a file)
//!        │
//!   folders ─────── bytes hashed in this call; modes, owner, links checked
//! ```

use super::config::Policy;
use crate::model::code::Code;
use crate::model::decision::Question;
use crate::model::digest::Digest;
use crate::model::lifecycle::{Event, Hold, Lifecycle, Pin, Placement, RevisionRow};
use crate::model::limits::{Fault, Rule};
use crate::model::permit::SkillPermit;
use crate::model::record::{Outcome, Record};
use crate::model::skill::Revision;
use crate::model::time::Timestamp;

/// State of the home-wide brake as found on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Brake {
    /// The home permit is there, well-formed, of this epoch; no `killed.*`.
    Clear {
        /// Its epoch.
        epoch: u64,
    },
    /// Anything else, in words. Doubt is a kill.
    Stopped(String),
}

/// A folder that was hashed in this call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hashed {
    /// Its path, as text.
    pub path: String,
    /// The digest of what was read; none if it could not be read as a skill.
    pub digest: Option<Digest>,
    /// What was found wrong with it.
    pub faults: Vec<Fault>,
}

impl Hashed {
    /// Whether it holds exactly these bytes and nothing else.
    #[must_use]
    pub fn is(&self, digest: &Digest) -> bool {
        self.digest.as_ref() == Some(digest) && self.faults.is_empty()
    }
}

/// A record as ledger and log both have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// The record.
    pub record: Record,
    /// Its hash.
    pub hash: Digest,
}

/// Everything the gate looks at.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// What is asked.
    pub question: Question,
    /// The home-wide brake.
    pub brake: &'a Brake,
    /// The kill epoch that the ledger knows.
    pub epoch: u64,
    /// Standing narrow kills.
    pub holds: &'a [Hold],
    /// The revision's row.
    pub row: &'a RevisionRow,
    /// The skill permit; none if missing or malformed. `load` only.
    pub permit: Option<&'a SkillPermit>,
    /// The record named by the permit (`load`) or by the pin (`enable`), or of
    /// what was withdrawn the one that says why, if ledger and log agree on it.
    pub proven: Option<&'a Proven>,
    /// The folders hashed: every placement (`load`) or the store copy (`enable`).
    pub folders: &'a [Hashed],
    /// The folder that the caller named, hashed too.
    pub named: Option<&'a Hashed>,
    /// Why no followed trust root lets anything new be switched on, if so. `enable` only.
    pub ended: Option<&'a str>,
    /// The policy in force.
    pub policy: &'a Policy,
    /// Now, never earlier than the last record.
    pub now: Timestamp,
}

/// Proof that the gate allowed: can only be made by [`decide`].
#[derive(Debug, PartialEq, Eq)]
pub struct Evidence {
    revision: Revision,
    pin: u64,
    paths: Vec<String>,
}

impl Evidence {
    /// Which revision.
    #[must_use]
    pub const fn revision(&self) -> &Revision {
        &self.revision
    }

    /// The record of the trust decision it rests on.
    #[must_use]
    pub const fn pin(&self) -> u64 {
        self.pin
    }

    /// The folders that were hashed.
    #[must_use]
    pub fn paths(&self) -> &[String] {
        &self.paths
    }
}

/// A no, with its code and reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct No {
    /// The rule.
    pub code: Code,
    /// Why, with both values.
    pub reason: String,
}

fn no(code: Code, reason: impl Into<String>) -> Result<Evidence, No> {
    Err(No { code, reason: reason.into() })
}

/// Decides.
///
/// # Errors
/// The first rule that says no. Order: brakes, state, agreement of the
/// witnesses, policy and time, bytes.
pub fn decide(facts: &Facts<'_>) -> Result<Evidence, No> {
    check_brakes(facts)?;
    let revision = &facts.row.revision;
    let (pin, placements) = check_state(facts)?;
    match facts.question {
        Question::Load => check_load_witnesses(facts, pin, placements)?,
        Question::Enable => check_trust_witness(facts, pin)?,
    }
    check_policy(facts, pin)?;
    check_folders(facts, placements)?;
    let paths = facts.folders.iter().map(|folder| folder.path.clone()).collect();
    Ok(Evidence { revision: revision.clone(), pin: pin.seq, paths })
}

fn check_brakes(facts: &Facts<'_>) -> Result<(), No> {
    let epoch = match facts.brake {
        Brake::Stopped(why) => return no(Code::HeldAll, why.clone()).map(drop),
        Brake::Clear { epoch } => *epoch,
    };
    if epoch != facts.epoch {
        let reason = format!("the home permit is of epoch {epoch}, the ledger of {}", facts.epoch);
        return no(Code::EpochDiffers, reason).map(drop);
    }
    let row = facts.row;
    match facts.holds.iter().find(|hold| row.is_covered(&hold.scope)) {
        Some(hold) => {
            no(Code::Held, format!("held by a kill of {} (record {})", hold.scope, hold.seq)).map(drop)
        }
        None => Ok(()),
    }
}

fn check_state<'a>(facts: &Facts<'a>) -> Result<(&'a Pin, &'a [Placement]), No> {
    let row = facts.row;
    let pin = match (&row.lifecycle, facts.question) {
        (Lifecycle::Installed { former: None }, _) => {
            return Err(No {
                code: Code::NotTrusted,
                reason: "nobody has decided to trust these bytes".into(),
            });
        }
        (Lifecycle::Installed { former: Some(pin) }, _) => return Err(withdrawn(facts, pin)),
        (Lifecycle::Trusted { .. }, Question::Load) => {
            return Err(No { code: Code::NotEnabled, reason: "trusted, but placed nowhere".into() });
        }
        (Lifecycle::Trusted { pin } | Lifecycle::Enabled { pin, .. }, _) => pin,
    };
    if pin.digest != row.revision.digest || pin.name != row.revision.name {
        return Err(No { code: Code::LedgerDamaged, reason: "the pin is not of this revision".into() });
    }
    Ok((pin, row.lifecycle.placements()))
}

/// Why trust was withdrawn, by the record that did it. It is a no in any case;
/// of a revocation and a warning the code is theirs, since deciding anew is no
/// way out of them.
fn withdrawn(facts: &Facts<'_>, pin: &Pin) -> No {
    let (row, mut code) = (facts.row, Code::NotTrusted);
    let mut reason = format!("the trust given at {} was withdrawn", pin.at);
    let by = facts.proven.map(|proven| &proven.record).filter(|record| {
        let of_it = record.skill.as_ref() == Some(&row.revision.name);
        of_it && record.digest == Some(row.revision.digest) && record.seq == row.seq
    });
    let Some(record) = by else { return No { code, reason } };
    if record.event == Event::Revoke.as_str() {
        let warned = record.codes.iter().any(|code| code == Code::Violation.as_str());
        code = if warned { Code::Violation } else { Code::Revoked };
    }
    if record.event != Event::Untrust.as_str() {
        reason = format!("{reason}: {}", record.reason);
    }
    No { code, reason }
}

fn check_load_witnesses(facts: &Facts<'_>, pin: &Pin, placements: &[Placement]) -> Result<(), No> {
    let differs =
        |what: &str| no(Code::PermitDiffers, format!("{what} differs between permit, ledger and log"));
    let Some(permit) = facts.permit else {
        return no(Code::PermitMissing, "the skill's permit is missing or malformed").map(drop);
    };
    let Some(Proven { record, hash }) = facts.proven else {
        return no(Code::PermitDiffers, "the record that enabled it is not in ledger and log alike")
            .map(drop);
    };
    if permit.epoch != facts.epoch || record.epoch != facts.epoch {
        let reason = format!("enabled in epoch {}, now it is {}", permit.epoch, facts.epoch);
        return no(Code::EpochDiffers, reason).map(drop);
    }
    let mut permitted = permit.placements.clone();
    permitted.sort();
    let revision = &facts.row.revision;
    let agree = [
        ("the revision", permit.revision == *revision),
        ("the source", permit.source == facts.row.source.identity()),
        ("the signers", permit.signers == pin.provenance.signers()),
        ("the number of the record", permit.seq == record.seq && facts.row.seq == record.seq),
        ("the hash of the record", permit.hash == *hash),
        ("what was recorded", placed_by(record)),
        ("the name", record.skill.as_ref() == Some(&revision.name)),
        ("the digest", record.digest == Some(revision.digest)),
        ("the trust decision", record.pin == Some(pin.seq)),
        ("the end of trust", permit.until == pin.until && record.until == pin.until),
        ("the placements", permitted == placements && record.placements == placements),
    ];
    match agree.iter().find(|(_, same)| !same) {
        Some((what, _)) => differs(what).map(drop),
        None => Ok(()),
    }
}

/// Whether a record is one that leaves a revision placed: its enable, or the
/// disable of one of its several places, which names those that are left.
fn placed_by(record: &Record) -> bool {
    let event = match record.event.as_str() {
        "enable" => true,
        "disable" => !record.placements.is_empty(),
        _ => false,
    };
    event && record.decision == Outcome::Done
}

fn check_trust_witness(facts: &Facts<'_>, pin: &Pin) -> Result<(), No> {
    let Some(Proven { record, .. }) = facts.proven else {
        return no(Code::PermitDiffers, "the trust decision is not in ledger and log alike").map(drop);
    };
    let agree = record.seq == pin.seq
        && record.event == "trust"
        && record.decision == Outcome::Done
        && record.skill.as_ref() == Some(&pin.name)
        && record.digest == Some(pin.digest)
        && record.until == pin.until;
    if agree {
        Ok(())
    } else {
        no(Code::PermitDiffers, "the trust decision differs from its record").map(drop)
    }
}

fn check_policy(facts: &Facts<'_>, pin: &Pin) -> Result<(), No> {
    if let Some(until) = pin.until
        && facts.now >= until
    {
        return no(Code::Expired, format!("trust ended at {until}; it is {}", facts.now)).map(drop);
    }
    if let Some(days) = facts.policy.max_days {
        let end = Timestamp::from_unix(pin.at.unix().saturating_add(i64::from(days) * 86_400));
        if facts.now >= end {
            let reason = format!("policy ends trust after {days} days, at {end}; it is {}", facts.now);
            return no(Code::Expired, reason).map(drop);
        }
    }
    if let Some(why) = facts.ended {
        return no(Code::RootExpired, why).map(drop);
    }
    // Of what is placed already nothing is taken away: it is a rule about deciding.
    if facts.question == Question::Enable
        && let Err(young) = facts.policy.check_age(&pin.digest, facts.row.installed, facts.now)
    {
        return no(Code::TooYoung, young.to_string()).map(drop);
    }
    let source = facts.row.source.identity();
    if let Err(rule) = facts.policy.check_source(source) {
        return no(Code::PolicyUnmet, format!("the source is not allowed by {rule}")).map(drop);
    }
    match facts.policy.check_provenance(source, &pin.provenance, facts.now) {
        Ok(()) => Ok(()),
        Err(why) => no(Code::PolicyUnmet, why).map(drop),
    }
}

fn check_folders(facts: &Facts<'_>, placements: &[Placement]) -> Result<(), No> {
    if facts.folders.is_empty() {
        return no(Code::NoFolder, "no folder was hashed").map(drop);
    }
    let wanted = &facts.row.revision.digest;
    if facts.question == Question::Load {
        let hashed: Vec<_> = facts.folders.iter().map(|folder| folder.path.as_str()).collect();
        let placed: Vec<_> = placements.iter().map(|placement| placement.path.as_str()).collect();
        if hashed != placed {
            return no(Code::PermitDiffers, "not every placement was hashed").map(drop);
        }
    }
    for folder in facts.folders {
        if !folder.is(wanted) {
            return no(bytes_code(folder, Code::Drift), differs(folder, wanted)).map(drop);
        }
    }
    let Some(named) = facts.named else { return Ok(()) };
    if !named.is(wanted) {
        return no(bytes_code(named, Code::PathDiffers), differs(named, wanted)).map(drop);
    }
    let known = placements.iter().any(|placement| placement.path == named.path);
    if facts.question == Question::Load && !known {
        return no(Code::PathUnknown, format!("{} is no placement of this skill", named.path)).map(drop);
    }
    Ok(())
}

/// Trouble reading is not drift: nothing is known then, so nothing changes.
fn bytes_code(folder: &Hashed, otherwise: Code) -> Code {
    let mut rules = folder.faults.iter().map(|fault| &fault.rule);
    if rules.clone().any(|rule| matches!(rule, Rule::Swappable(_))) {
        return Code::TargetUnsafe;
    }
    if rules.any(Rule::is_trouble) { Code::Unreadable } else { otherwise }
}

fn differs(folder: &Hashed, wanted: &Digest) -> String {
    let more = match folder.faults.len() {
        0 | 1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    match (folder.faults.first(), folder.digest) {
        (Some(fault), _) => format!("{}: {fault}{more}", folder.path),
        (None, Some(found)) => {
            format!("{} holds {}, trusted is {}", folder.path, found.short(), wanted.short())
        }
        (None, None) => format!("{} could not be read", folder.path),
    }
}

#[cfg(test)]
mod tests;
