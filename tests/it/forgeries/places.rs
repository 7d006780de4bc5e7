//! Where a signature counts, and what a policy demands of it later.

use super::{Forge, SIGNED, arg};

/// A publisher signs for the sources of its namespaces and no others.
#[test]
fn attack_a_publisher_outside_of_its_namespace() {
    let Some(forge) = Forge::new() else { return };
    let folder = forge.demo("elsewhere", "1.0.0");
    forge.sign(&folder, "acme");
    forge.refused(&folder, "policy-unmet", "signed: ");
    // A place whose name only begins like it.
    let folder = forge.demo("pub/deeper", "1.0.0");
    forge.sign(&folder, "acme");
    forge.refused(&folder, "policy-unmet", "signed: ");
    let folder = forge.demo("pub", "1.0.0");
    forge.sign(&folder, "acme");
    forge.granted(&folder);
}

#[test]
fn attack_nobody_signed_and_a_stranger_did() {
    let Some(forge) = Forge::new() else { return };
    let folder = forge.demo("pub", "1.0.0");
    forge.refused(&folder, "policy-unmet", "signed: no");
    let digest = forge.bench.sandbox.digest(&folder).to_string();
    forge.run(&["install", arg(&folder)]).ok();
    forge.run(&["trust", "demo", "--digest", &digest]).code(3).says("requires 1 signature");
    forge.run(&["remove", "demo"]).ok();
    forge.bench.run_behind("eve", &[], &["publish", "sign", arg(&folder), "--key", "eve"]).ok();
    forge.refused(&folder, "policy-unmet", "whom no followed trust root names");
    let folder = forge.demo("pub", "1.0.0");
    forge.sign(&folder, "acme");
    forge.granted(&folder);
}

/// The demand came later: the gate asks again, denies, and takes it away.
#[test]
fn a_policy_that_demands_more_later_ends_what_does_not_meet_it() {
    let Some(forge) = Forge::new() else { return };
    let agent = forge.bench.sandbox.arg("a");
    let folder = forge.demo("pub", "1.0.0");
    forge.sign(&folder, "acme");
    forge.granted(&folder);
    forge.run(&["enable", "demo", "--dir", &agent]).ok();
    forge.run(&["gate", "demo"]).ok();
    // A demand that it meets changes nothing, one that it does not meet ends it.
    let named = |id: &str| format!("[[require]]\nsignatures = 1\nsigners = [\"{id}\"]\n");
    forge.policy(&(SIGNED.to_owned() + &named(&forge.id("ana", "acme"))));
    forge.run(&["gate", "demo"]).ok();
    forge.policy(&(SIGNED.to_owned() + &named(&forge.id("eve", "eve"))));
    forge.run(&["gate", "demo"]).code(3).says("policy-unmet");
    assert!(!forge.bench.sandbox.at("a/demo").exists(), "it is withdrawn");
    let stopped = forge.run(&["enable", "demo", "--dir", &agent]);
    assert_ne!(stopped.code, 0, "{stopped:?}");
}
