//! Some steps of a plan: a plan of their own, to which alone the yes is.

use super::bench::{Bench, NPM, WRITES_DOWN, possible};
use super::crash::bed;
use skill_trust::model::code::Code;
use skill_trust::model::consent::End;
use skill_trust::ops::deps::install::{self, Request};
use std::fs;

const RIGHT: &str = r#"{"kind":"node","package":"right-pad","version":"1.0.1"}"#;
const APT: &str = r#"{"kind":"apt","package":"jq"}"#;

fn only(bench: &Bench, numbers: &[usize]) -> Request {
    Request { only: numbers.iter().copied().collect(), ..bench.request() }
}

/// The last words of each step.
fn names(plan: &skill_trust::model::dependency::Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.argv.last().unwrap().as_str()).collect()
}

/// One step for the system does not keep the others from being run in a sandbox.
#[test]
fn what_a_sandbox_can_hold_is_picked_from_a_plan_with_a_step_for_the_system() {
    if !possible() {
        return;
    }
    let bench = Bench::new(&format!("{NPM}, {APT}, {RIGHT}"), WRITES_DOWN);
    bench.stub("apt-get", "#!/bin/sh\necho x > /skill-tools/apt\n");
    let whole = skill_trust::ops::deps::prepare(&bench.scene.world, "demo").unwrap().plan;
    // Steps are sorted by installer, and apt is the first.
    assert_eq!(names(&whole), ["jq", "left-pad@1.3.0", "right-pad@1.0.1"]);
    let stop = bench.look(&bench.request()).unwrap_err();
    assert_eq!(stop.code, Code::NeedsHost);
    assert!(
        stop.next.ends_with(&format!("skills deps install {} --only 2,3 --dry-run", bench.revision)),
        "{stop:?}"
    );
    // With it among the picked it is as without picking.
    for numbers in [&[1][..], &[1, 2]] {
        assert_eq!(bench.look(&only(&bench, numbers)).unwrap_err().code, Code::NeedsHost, "{numbers:?}");
    }
    let ready = bench.given(&only(&bench, &[2, 3]));
    assert_eq!(names(&ready.plan), ["left-pad@1.3.0", "right-pad@1.0.1"]);
    assert_eq!((ready.numbers(), ready.without[0].0, ready.without.len()), (vec![2, 3], 1, 1));
    assert_ne!(ready.digest, whole.digest().unwrap());
    assert!(ready.scriptable().contains(" --only 2,3 --plan "), "{}", ready.scriptable());
    let consent = bench.consent(&ready).unwrap();
    let report = bench.run(&ready, &consent).unwrap();
    assert_eq!((report.end, report.steps.len()), (End::Done, 2), "{report:?}");
    let saw = fs::read_to_string(bench.tools().join("words.npm")).unwrap();
    assert!(saw.ends_with("right-pad@1.0.1\0"), "{saw:?}");
    assert!(!bench.tools().join("apt").exists());
    for record in &bench.records()[..2] {
        let note = record["note"].as_str().unwrap();
        assert!(note.contains("left-pad") && !note.contains("apt-get"), "{note}");
    }
}

/// Attack: a yes to one harmless step is used for another, or for all of them.
#[test]
fn attack_a_yes_to_some_steps_is_taken_for_others() {
    if !possible() {
        return;
    }
    let bench = Bench::new(&format!("{NPM}, {RIGHT}"), WRITES_DOWN);
    let one = bench.given(&only(&bench, &[1]));
    let consent = bench.consent(&one).unwrap();
    for numbers in [&[2][..], &[1, 2], &[]] {
        let other = bench.given(&only(&bench, numbers));
        assert_ne!(other.digest, one.digest, "{numbers:?}");
        let stop = install::start(&bench.scene.world, &other, &consent).unwrap_err();
        assert_eq!(stop.code, Code::NoConsent, "{numbers:?}: {stop:?}");
        // Nor does its digest fit in a script.
        let named = Request { plan: Some(one.digest), ..only(&bench, numbers) };
        let stop = bench.consent(&bench.look(&named).unwrap()).unwrap_err();
        assert_eq!(stop.code, Code::DigestMismatch, "{numbers:?}");
        // Attack: what was asked for is edited after the look.
        let mut edited = one.clone();
        edited.request.only = other.request.only;
        let stop = install::start(&bench.scene.world, &edited, &consent).unwrap_err();
        assert_eq!(stop.code, Code::NoConsent, "{numbers:?}: {stop:?}");
        assert!(!bench.ran());
    }
    assert_eq!(bench.run(&one, &consent).unwrap().steps.len(), 1);
    let saw = fs::read_to_string(bench.tools().join("words.npm")).unwrap();
    assert!(saw.ends_with("left-pad@1.3.0\0"), "{saw:?}");
    // All of them by number are the whole plan.
    let all = bench.look(&only(&bench, &[1, 2])).unwrap();
    assert_eq!(all.digest, bench.look(&bench.request()).unwrap().digest);
}

#[test]
fn a_step_that_is_not_there_is_no_step() {
    let bench = Bench::new(NPM, WRITES_DOWN);
    for numbers in [&[0][..], &[2], &[1, 2], &[usize::MAX]] {
        let request = only(&bench, numbers);
        let stop = bench.look(&request).unwrap_err();
        assert_eq!(stop.code, Code::Usage, "{numbers:?}: {stop:?}");
        assert!(stop.what.contains("the plan has 1 step"), "{stop:?}");
        install::record(&bench.scene.world, &request, stop);
    }
    assert!(bench.told().is_empty(), "what cannot be understood is no event");
}

/// A person sees which steps of which plan these are, and which are left.
#[test]
fn a_person_picks_a_step_and_sees_what_is_left() {
    let Some((bed, _)) = bed("#!/bin/sh\n:\n") else { return };
    let card = format!(
        "---\nname: demo\ndescription: D.\nmetadata: {{\"openclaw\": {{\"install\": [{APT}, {NPM}]}}}}\n---\n"
    );
    fs::write(bed.root.join("src/demo/SKILL.md"), card).unwrap();
    let digest = bed.install("demo");
    bed.trust("demo", &digest);
    let demo = crate::support::faults::exact("demo", &digest);
    let no = bed.run(&["deps", "install", &demo, "--dry-run"]);
    assert_eq!(no.code, Some(3), "{no:?}");
    let next = no.err.split("the other steps alone: skills ").nth(1).unwrap().trim().to_owned();
    let shown = bed.run(&next.split(' ').collect::<Vec<_>>()).done().out;
    for line in [
        "  is      step 2 of the 2 that the whole plan has",
        "not run   step 1 of the whole plan: apt-get install",
    ] {
        assert!(shown.lines().any(|one| one.starts_with(line)), "no `{line}` in:\n{shown}");
    }
    let script = shown.lines().find_map(|line| line.strip_prefix("a script  skills ")).unwrap();
    bed.run(&script.split(' ').collect::<Vec<_>>()).done();
    for odd in ["--only=0", "--only=3", "--only=x", "--only=-1", "--only="] {
        assert_eq!(bed.run(&["deps", "install", &demo, odd]).code, Some(2), "{odd}");
    }
}
