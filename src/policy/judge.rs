//! What findings come to here: each with the weight that the policy gives it,
//! and apart from them what the policy excepts, for exactly these bytes.
//!
//! ```text
//!   findings ─▶ excepted, for this digest, by a rule's id? ─ yes ─▶ apart, with the reason
//!                    │ no
//!                    └─▶ what the policy makes them weigh ─▶ counted, and why it differs
//! ```
//!
//! Nothing is dropped: what does not count is still shown, and by whom it was
//! said not to. An exception that frees from nothing is told, so that it goes.
//!
//! Attack: an exception is written for bytes that were read, and the next
//! revision puts other commands under the same rule. Another digest is not
//! excepted from anything.

use super::config::review::{Except, Findings};
use crate::model::digest::Digest;
use crate::model::finding::{Finding, Tier};
use crate::model::time::Timestamp;

/// A finding as it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weighed {
    /// With the tier that counts here.
    pub finding: Finding,
    /// The tier that the rule gives it.
    pub own: Tier,
    /// The file or trust root that makes it another one; escaped.
    pub by: Option<String>,
    /// The file that makes it less than the rule does, where it counts as less,
    /// whoever made it heavier again; escaped.
    pub lowered: Option<String>,
}

impl Weighed {
    /// The heavier of what it counts as and what the rule says: the policy makes
    /// less of a finding, and never makes it unseen.
    #[must_use]
    pub fn weight(&self) -> Tier {
        self.finding.tier.max(self.own)
    }
}

/// A finding that does not count for these bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excepted {
    /// As it would count.
    pub finding: Finding,
    /// The tier that the rule gives it.
    pub own: Tier,
    /// Why not; escaped.
    pub why: String,
    /// Until when.
    pub until: Option<Timestamp>,
    /// The file that says so; escaped.
    pub file: String,
}

impl Excepted {
    /// As [`Weighed::weight`]. Attack: a rule is made less and excepted too, and
    /// then nobody is told that it blocks.
    #[must_use]
    pub fn weight(&self) -> Tier {
        self.finding.tier.max(self.own)
    }
}

/// An exception that frees from nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unused {
    /// The exception.
    pub except: Except,
    /// Why it is of no use.
    pub why: String,
}

/// What findings come to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Judgement {
    /// What counts, the heaviest first.
    pub findings: Vec<Weighed>,
    /// What does not.
    pub excepted: Vec<Excepted>,
    /// Exceptions for these bytes that free from nothing.
    pub unused: Vec<Unused>,
}

impl Judgement {
    /// The heaviest tier that counts.
    #[must_use]
    pub fn heaviest(&self) -> Option<Tier> {
        self.findings.iter().map(|one| one.finding.tier).max()
    }

    /// Whether a person is needed: something counts as CONFIRM or more.
    #[must_use]
    pub fn needs_a_person(&self) -> bool {
        self.heaviest() >= Some(Tier::Confirm)
    }

    /// The rules that keep these bytes from being trusted, by their ids.
    #[must_use]
    pub fn blocking(&self) -> Vec<String> {
        let blocks = self.findings.iter().filter(|one| one.finding.tier == Tier::Block);
        let mut rules: Vec<_> = blocks.map(|one| one.finding.rule.clone()).collect();
        rules.sort();
        rules.dedup();
        rules
    }

    /// How many there are of each tier, the heaviest first; none of zero.
    #[must_use]
    pub fn counts(&self) -> Vec<(Tier, usize)> {
        let count = |tier: Tier| self.findings.iter().filter(|one| one.finding.tier == tier).count();
        Tier::ALL.iter().map(|tier| (*tier, count(*tier))).filter(|(_, count)| *count > 0).collect()
    }
}

/// Judges the findings of bytes with this digest.
#[must_use]
pub fn judge(all: Vec<Finding>, rules: &Findings, digest: &Digest, now: Timestamp) -> Judgement {
    let mut judged = Judgement::default();
    let about: Vec<&Except> = rules.excepts().iter().filter(|one| one.digest == *digest).collect();
    for except in &about {
        let hit = all.iter().any(|finding| finding.rule == except.rule);
        let why = useless(except, rules, now)
            .or_else(|| (!hit).then(|| "the rule finds nothing in these bytes".to_owned()));
        judged.unused.extend(why.map(|why| Unused { except: (*except).clone(), why }));
    }
    for mut finding in all {
        let own = finding.tier;
        let (tier, by) = rules.tier(&finding.rule, own);
        finding.tier = tier;
        let frees = |one: &&&Except| one.rule == finding.rule && useless(one, rules, now).is_none();
        match about.iter().find(frees) {
            Some(one) => judged.excepted.push(Excepted {
                own,
                why: one.why.clone(),
                until: one.until,
                file: one.file.clone(),
                finding,
            }),
            None => {
                let lowered = rules.lowers(&finding.rule, own).filter(|_| tier < own).map(str::to_owned);
                judged.findings.push(Weighed { by: by.map(str::to_owned), own, lowered, finding });
            }
        }
    }
    // Stable: of one tier they stay by file and place.
    judged.findings.sort_by_key(|one| std::cmp::Reverse(one.finding.tier));
    judged
}

/// Why an exception frees from nothing, whatever was found.
#[must_use]
pub fn useless(except: &Except, rules: &Findings, now: Timestamp) -> Option<String> {
    if let Some(until) = except.until.filter(|until| *until <= now) {
        return Some(format!("it ended at {until}"));
    }
    rules
        .above(except)
        .map(|file| format!("{file} says what the rule weighs, and no exception frees from that"))
}

#[cfg(test)]
mod tests;
