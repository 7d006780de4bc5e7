//! A root that grew old: by the library, at a fixed second, on the home that the
//! real program made.

use super::Forge;
use skill_trust::model::code::Code;
use skill_trust::model::decision::Decision;
use skill_trust::ops::place::Place;
use skill_trust::ops::trust::{self, TrustRequest};
use skill_trust::ops::{Nobody, World, enable, gate};
use skill_trust::system::clock::Clock;

const DAY: i64 = 86_400;

/// Ana's home, so many days from now.
fn later(forge: &Forge, days: i64) -> World {
    let mut world = forge.bench.world("ana");
    let now = Clock::System.now().unix();
    world.clock = Clock::Fixed(skill_trust::model::time::Timestamp::from_unix(now + days * DAY));
    world.policy_files = vec![forge.bench.path("ana/.config/skill-trust/policy.toml")];
    world
}

fn asked(by_policy: bool, skill: &str) -> TrustRequest {
    TrustRequest { skill: skill.to_owned(), by_policy, ..TrustRequest::default() }
}

/// One enabled skill, and `next` beside it, signed and undecided.
fn scene() -> Option<(Forge, String, String)> {
    let forge = Forge::new()?;
    let folder = forge.demo("pub", "1.0.0");
    forge.sign(&folder, "acme");
    forge.granted(&folder);
    forge.run(&["enable", "demo", "--dir", &forge.bench.sandbox.arg("a")]).ok();
    let enabled = name(&forge);
    let folder = forge.demo("pub", "1.1.0");
    forge.sign(&folder, "acme");
    forge.run(&["install", super::arg(&folder)]).ok();
    let next = name(&forge);
    Some((forge, enabled, next))
}

/// What lies in the folder now, in full.
fn name(forge: &Forge) -> String {
    format!("demo@{}", &forge.bench.sandbox.digest(&forge.bench.path("pub/demo")).hex()[..16])
}

#[test]
fn under_a_stale_root_nothing_new_is_granted_and_what_was_stays() {
    let Some((forge, enabled, next)) = scene() else { return };
    let soon = later(&forge, 10);
    assert!(trust::plan(&soon, &asked(true, &next)).is_ok(), "the honest twin: fresh");
    let world = later(&forge, 20);
    let stop = trust::plan(&world, &asked(true, &next)).unwrap_err();
    assert_eq!(stop.code, Code::PolicyUnmet, "{stop:?}");
    assert_eq!(gate::ask(&world, &gate::bare_request(&enabled)).decision, Decision::Allow);
    // Whoever signed it is who they were, only nobody vouches for them now.
    forge.policy("");
    let digest = Some(forge.bench.sandbox.digest(&forge.bench.path("pub/demo")));
    let person = trust::plan(&world, &TrustRequest { digest, ..asked(false, &next) }).unwrap();
    assert_eq!(person.findings.signer_change, None);
    assert!(person.findings.provenance.vouched.is_empty());
}

/// Attack: what a person was shown is no longer so when the answer comes.
#[test]
fn attack_who_vouches_changes_while_the_question_is_open() {
    let Some((forge, _, next)) = scene() else { return };
    forge.policy("");
    let digest = Some(forge.bench.sandbox.digest(&forge.bench.path("pub/demo")));
    let request = TrustRequest { digest, ..asked(false, &next) };
    let plan = trust::plan(&later(&forge, 10), &request).unwrap();
    assert_eq!(plan.findings.provenance.vouched.len(), 1);
    let stop = trust::trust(&later(&forge, 20), &plan, "", &mut Nobody).unwrap_err();
    assert_eq!(stop.code, Code::Busy, "{stop:?}");
    assert!(stop.what.contains("changed while it was decided"), "{stop:?}");
    let again = trust::plan(&later(&forge, 20), &request).unwrap();
    assert!(trust::trust(&later(&forge, 20), &again, "", &mut Nobody).is_ok(), "the honest twin");
}

/// Attack: the newest release is hidden until the root is stale, and a warning
/// that is here already goes with it.
#[test]
fn attack_a_root_is_made_stale_to_silence_a_warning() {
    let Some((forge, _, next)) = scene() else { return };
    forge.reviewers();
    forge.policy("");
    let warning = forge.review(&next, "ben", &["--violation", "--finding", "mines coins"]);
    forge.reviewed("warning", &warning);
    let digest = Some(forge.bench.sandbox.digest(&forge.bench.path("pub/demo")));
    let accepted = TrustRequest { digest, ..asked(false, &next) };
    for days in [0, 20] {
        let stop = trust::plan(&later(&forge, days), &accepted).unwrap_err();
        assert_eq!(stop.code, Code::Violation, "{days}: {stop:?}");
    }
    forge.bench.roots("ana", "unset", &["reviews/warning"]).ok();
    forge.publish();
    assert!(trust::plan(&later(&forge, 20), &accepted).is_ok());
}

#[test]
fn under_an_expired_root_nothing_is_granted_and_what_runs_goes_on() {
    let Some((forge, enabled, next)) = scene() else { return };
    let world = later(&forge, 400);
    let stop = trust::plan(&world, &asked(true, &next)).unwrap_err();
    assert_eq!(stop.code, Code::RootExpired, "{stop:?}");
    let digest = Some(forge.bench.sandbox.digest(&forge.bench.path("pub/demo")));
    let person = TrustRequest { digest, ..asked(false, &next) };
    assert_eq!(trust::plan(&world, &person).unwrap_err().code, Code::RootExpired);
    assert_eq!(gate::ask(&world, &gate::bare_request(&enabled)).decision, Decision::Allow);
    let stop = enable::enable(&world, &enabled, &Place::Folder(forge.bench.sandbox.at("b"))).unwrap_err();
    assert_eq!(stop.code, Code::RootExpired, "{stop:?}");
}
