//! What of a plan is not done unless a person allowed it by its name.
//!
//! In a sandbox the code of a package can reach nothing of the person's. On the
//! machine itself it can reach everything, so there each such step is named.

use crate::model::consent::{Scope, Where};
use crate::model::dependency::{Plan, Risk, Step};
use std::collections::BTreeSet;

/// What has to be allowed by name for this plan, there.
#[must_use]
pub fn scopes(plan: &Plan, place: Where) -> BTreeSet<Scope> {
    plan.steps.iter().flat_map(|step| step.risks.iter()).filter_map(|risk| scope(*risk, place)).collect()
}

/// The steps that no sandbox can hold.
#[must_use]
pub fn beyond(plan: &Plan) -> Vec<&Step> {
    plan.steps.iter().filter(|step| step.installer.needs_host()).collect()
}

const fn scope(risk: Risk, place: Where) -> Option<Scope> {
    match (risk, place) {
        (Risk::RunsOnInstall, Where::Host) => Some(Scope::RunsOnInstall),
        (Risk::ThirdPartyTap, _) => Some(Scope::ThirdPartyTap),
        (Risk::System, _) => Some(Scope::System),
        (Risk::Root, _) => Some(Scope::Root),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::dependency::Installer;
    use crate::model::digest::Digest;
    use std::collections::BTreeMap;

    fn plan(installer: Installer, risks: &[Risk]) -> Plan {
        let step = Step {
            installer,
            argv: Vec::new(),
            env: BTreeMap::new(),
            risks: risks.iter().copied().collect(),
            asked: BTreeSet::new(),
        };
        Plan { skill: Digest::ZERO, steps: vec![step], refused: Vec::new() }
    }

    #[test]
    fn on_the_machine_itself_more_has_a_name() {
        let cargo = plan(Installer::Cargo, &[Risk::Unpinned, Risk::RunsOnInstall, Risk::Undeclared]);
        assert!(scopes(&cargo, Where::Bubblewrap).is_empty() && beyond(&cargo).is_empty());
        assert_eq!(scopes(&cargo, Where::Host), BTreeSet::from([Scope::RunsOnInstall]));
        let apt = plan(Installer::Apt, &[Risk::System, Risk::Root, Risk::RunsOnInstall]);
        assert_eq!(
            scopes(&apt, Where::Host),
            BTreeSet::from([Scope::RunsOnInstall, Scope::System, Scope::Root])
        );
        assert_eq!(beyond(&apt).len(), 1);
        let tap = plan(Installer::Brew, &[Risk::ThirdPartyTap]);
        assert_eq!(scopes(&tap, Where::Bubblewrap), BTreeSet::from([Scope::ThirdPartyTap]));
    }
}
