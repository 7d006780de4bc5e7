//! From what a skill asks for to what exactly would be run: pure, total, and
//! never a line for a shell.
//!
//! ```text
//! kind and words of the author ─▶ installer, name, version   each by a strict rule
//!                              ─▶ arguments from a template  a dash ends the options, values come last
//!                              ─▶ risks, told beside the step
//! what does not fit            ─▶ refused, with the reason; never passed on
//! ```
//!
//! Scripts of packages are off wherever an installer can do without them. What
//! leads elsewhere than to an installer's own packages is refused until a person
//! allows it by name ([`denied`]); a line for a shell never becomes a step.

mod argv;
#[cfg(feature = "review")]
pub mod collect;
pub mod denied;
mod package;
pub mod redact;
pub mod values;

use crate::model::dependency::{
    Collected, Installer, Need, NeedKind, Plan, Refused, Risk, Scope, Step, Wanted,
};
use crate::model::digest::Digest;
use package::{Denial, Package};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// Most steps of a plan.
pub const STEPS_MAX: usize = 64;
/// Most refusals that are told.
pub const REFUSED_MAX: usize = 256;

/// Where things are put: folders of our own, as the sandbox sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// What is installed, and its programs below `bin`.
    pub tools: String,
}

impl Default for Folders {
    /// One path on every machine, so that a skill has one plan on all of them.
    fn default() -> Self {
        Self { tools: "/skill-tools".to_owned() }
    }
}

/// What is being put together.
struct Making<'a> {
    folders: &'a Folders,
    allowed: &'a BTreeSet<Scope>,
    steps: BTreeMap<(Installer, Vec<String>), Step>,
    /// By kind, scope and reason: what stands in many places is told once.
    refused: BTreeMap<(String, Scope, String), Refused>,
    /// What each step installs.
    names: BTreeMap<(Installer, Vec<String>), String>,
    /// Names that the skill declares.
    declared: BTreeSet<(Installer, String)>,
    /// Programs, and the steps that bring them.
    brings: BTreeMap<String, BTreeSet<(Installer, Vec<String>)>>,
}

/// Plans everything that is asked for on this operating system (`linux`, `macos`).
#[must_use]
pub fn plan(
    skill: Digest,
    collected: &Collected,
    os: &str,
    folders: &Folders,
    allowed: &BTreeSet<Scope>,
) -> Plan {
    let allowed: BTreeSet<_> = allowed.iter().copied().filter(|scope| scope.may_be_allowed()).collect();
    let mut making = Making {
        folders,
        allowed: &allowed,
        steps: BTreeMap::new(),
        refused: BTreeMap::new(),
        names: BTreeMap::new(),
        declared: BTreeSet::new(),
        brings: BTreeMap::new(),
    };
    // Attack: hundreds of odd paths, so that the download that is run is no longer told.
    let odd = |one: &&Refused| matches!(one.scope, Scope::Path | Scope::Value | Scope::Option | Scope::Kind);
    let (last, first): (Vec<_>, Vec<_>) = collected.refused.iter().partition(odd);
    first.into_iter().chain(last).for_each(|one| making.refused(one.clone()));
    for one in &collected.wanted {
        if one.os.is_empty() || one.os.iter().any(|name| same_os(name, os)) {
            making.add(one);
        }
    }
    making.fold();
    // What the skill declares in one place is not undeclared for standing in another,
    // be it without its version.
    let declared = |key: &(Installer, Vec<String>), step: &Step| {
        step.asked.iter().any(|at| at.declared)
            || making.names.get(key).is_some_and(|name| {
                let name = name.split(' ').next().unwrap_or_default();
                making.declared.contains(&(key.0, name.to_owned()))
            })
    };
    let undeclared: Vec<_> =
        making.steps.iter().filter(|(key, step)| !declared(key, step)).map(|(key, _)| key.clone()).collect();
    for key in undeclared {
        if let Some(step) = making.steps.get_mut(&key) {
            step.risks.insert(Risk::Undeclared);
        }
    }
    let choices = making.brings.values().filter(|steps| steps.len() > 1).flatten();
    for key in choices {
        if let Some(step) = making.steps.get_mut(key) {
            step.risks.insert(Risk::Choice);
        }
    }
    let brings = making.brings;
    let needs: BTreeSet<_> = collected.needs.iter().map(|need| with_installer(need, &brings)).collect();
    // What is declared comes first; each in the order of its arguments.
    let mut steps: Vec<_> = making.steps.into_values().collect();
    steps.sort_by_key(|step| step.risks.contains(&Risk::Undeclared));
    Plan {
        skill,
        steps,
        refused: making.refused.into_values().collect(),
        needs: needs.into_iter().collect(),
        listed: collected.listed.clone(),
        allowed,
    }
}

impl Making<'_> {
    fn add(&mut self, one: &Wanted) {
        for asking in package::asked(one) {
            let step = asking
                .package
                .and_then(|package| Ok((argv::step(&package, &one.at, self.folders)?, package)));
            match step {
                Err(denial) => self.refuse(one, denial, BTreeSet::new()),
                Ok((step, package)) => {
                    let missing: BTreeSet<_> = asking
                        .denials
                        .iter()
                        .map(|denial| denial.scope)
                        .filter(|scope| !self.allowed.contains(scope))
                        .collect();
                    match asking.denials.into_iter().find(|denial| missing.contains(&denial.scope)) {
                        Some(denial) => self.refuse(one, denial, missing),
                        None => self.take(one, &package, step),
                    }
                }
            }
        }
    }

    fn take(&mut self, one: &Wanted, package: &Package, step: Step) {
        let name = package.name.as_str();
        let full = self.steps.len() >= STEPS_MAX;
        let key = (step.installer, step.argv.clone());
        match self.steps.entry(key.clone()) {
            Entry::Occupied(mut known) => {
                known.get_mut().asked.extend(step.asked);
                known.get_mut().risks.extend(step.risks);
            }
            Entry::Vacant(_) if full => {
                let why = format!("a plan has at most {STEPS_MAX} steps");
                return self.refuse(one, Denial::new(Scope::Many, why), BTreeSet::new());
            }
            Entry::Vacant(place) => {
                place.insert(step);
            }
        }
        if !name.is_empty() {
            let plain = name.to_ascii_lowercase().replace('_', "-");
            self.declared.extend(one.at.declared.then(|| (key.0, plain.clone())));
            let extras: String = package.extras.iter().map(|extra| format!(" {extra}")).collect();
            self.names.insert(key.clone(), plain + &extras);
        }
        let last = name.rsplit('/').next().unwrap_or(name);
        let bins = one.words.get("bins").into_iter().flatten().map(String::as_str);
        for bin in bins.chain([last]).filter(|bin| !bin.is_empty()) {
            self.brings.entry(bin.to_owned()).or_default().insert(key.clone());
        }
    }

    /// A name without a version beside the same one with it, or with a range, is one
    /// step: the narrower.
    fn fold(&mut self) {
        let plain = |step: &Step| {
            let other = [Risk::Url, Risk::Git, Risk::Index, Risk::Build, Risk::Root];
            step.installer == Installer::Apt || !other.iter().any(|risk| step.risks.contains(risk))
        };
        let loose = |step: &Step| step.risks.contains(&Risk::Unpinned);
        let keys: Vec<_> = self.names.keys().cloned().collect();
        for key in keys {
            let Some(step) = self.steps.get(&key).filter(|step| loose(step) && plain(step)) else { continue };
            let same = |other: &(Installer, Vec<String>)| {
                *other != key && other.0 == key.0 && self.names.get(other) == self.names.get(&key)
            };
            let mut narrower =
                self.steps.iter().filter(|(other, step)| same(other) && !loose(step) && plain(step));
            let (Some((into, _)), None) = (narrower.next(), narrower.next()) else { continue };
            let (into, asked) = (into.clone(), step.asked.clone());
            self.steps.remove(&key);
            for brought in self.brings.values_mut() {
                if brought.remove(&key) {
                    brought.insert(into.clone());
                }
            }
            if let Some(step) = self.steps.get_mut(&into) {
                step.asked.extend(asked);
            }
        }
    }

    fn refuse(&mut self, one: &Wanted, denial: Denial, allow: BTreeSet<Scope>) {
        let Denial { scope, why } = denial;
        let asked = BTreeSet::from([one.at.clone()]);
        self.refused(Refused { kind: one.kind.clone(), scope, why, allow, asked });
    }

    fn refused(&mut self, one: Refused) {
        let full = self.refused.len() >= REFUSED_MAX;
        match self.refused.entry((one.kind.clone(), one.scope, one.why.clone())) {
            Entry::Occupied(mut known) => known.get_mut().asked.extend(one.asked),
            Entry::Vacant(place) if !full => {
                place.insert(one);
            }
            Entry::Vacant(_) => {
                let why = format!("more than {REFUSED_MAX} things are refused; the rest is not told");
                let kind = "more".to_owned();
                let more = Refused { kind: kind.clone(), scope: Scope::Many, why: why.clone(), ..one };
                let key = (kind, Scope::Many, why);
                self.refused.entry(key).or_insert(Refused { allow: BTreeSet::new(), ..more });
            }
        }
    }
}

fn with_installer(need: &Need, brings: &BTreeMap<String, BTreeSet<(Installer, Vec<String>)>>) -> Need {
    let found = need.any_of.iter().find_map(|name| brings.get(name)).and_then(BTreeSet::first);
    let found = found.map(|(installer, _)| *installer);
    Need { brought_by: found.filter(|_| need.kind == NeedKind::Program), ..need.clone() }
}

fn same_os(name: &str, os: &str) -> bool {
    let name = name.to_lowercase();
    name == os || (os == "macos" && matches!(name.as_str(), "darwin" | "mac" | "osx"))
}

#[cfg(test)]
mod tests;
