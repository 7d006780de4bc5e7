//! `--dry-run`: taken by whatever changes something, and nothing is changed.

use crate::support::sandbox::{Sandbox, Story, tamper};
use skill_trust::model::time::Timestamp;
use skill_trust::ops::World;
use skill_trust::ops::gate;
use skill_trust::system::clock::Clock;

/// `one` installed, `two` trusted, `three` enabled, and a newer `three` waiting.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::fast();
    let one = sandbox.skill("one").make();
    sandbox.run(&["install", one.to_str().unwrap()]).ok();
    for name in ["two", "three"] {
        let folder = sandbox.skill(name).make();
        sandbox.trusted(&folder, name);
    }
    sandbox.run(&["enable", "three", "--dir", &sandbox.arg("a")]).ok();
    sandbox.skill("three").file("more.md", "more\n").make();
    sandbox
}

#[test]
fn nothing_is_changed_by_what_is_only_tried_out() {
    let sandbox = sandbox();
    let (one, b) = (sandbox.arg("sources/one"), sandbox.arg("b"));
    let set = sandbox.run(&["trust", "one", "--print-set"]).ok().0;
    let digest = set.stderr.split_whitespace().find(|word| word.starts_with("sha256:")).unwrap().to_owned();
    let file = sandbox.arg("work/set");
    std::fs::write(&file, &set.stdout).unwrap();
    let mut story = Story::of(&sandbox);
    for (args, said) in [
        (&["install", &one][..], "would take one"),
        (&["trust", "one"], "digest   sha256:"),
        (&["trust", "--from", &one], "set      sha256:"),
        (&["trust", "--set", &file, "--digest", &digest], "set      sha256:"),
        (&["untrust", "two"], "would withdraw trust from two@"),
        (&["untrust", "two", "--never"], "would withdraw trust from two@"),
        (&["enable", "two", "--dir", &b], "would place two@"),
        (&["disable", "three"], "would take away"),
        (&["update"], "waiting"),
        (&["remove", "one"], "would remove  one@"),
        (&["kill", "--all"], "three"),
        (&["kill", "three"], "three"),
        (&["verify"], "three"),
        (&["audit", "checkpoint"], "would sign"),
        (&["doctor", "--fix"], "nothing is staged"),
    ] {
        let args = [args, &["--dry-run"]].concat();
        let run = sandbox.run(&args);
        assert!(matches!(run.code, 0 | 1), "{args:?}: {run:?}");
        if args[0] != "verify" {
            assert!(format!("{}{}", run.stdout, run.stderr).contains(said), "{args:?}: {run:?}");
        }
        story.unchanged();
    }
    sandbox.run(&["kill", "--all"]).ok();
    sandbox.run(&["status"]).code(0);
    story = Story::of(&sandbox);
    sandbox.run(&["release", "--all", "--dry-run"]).ok();
    story.unchanged();
}

#[test]
fn a_repair_is_shown_before_it_is_made() {
    let sandbox = sandbox();
    let stray = sandbox.home().join("permits");
    crate::support::sandbox::chmod(&stray, 0o755);
    let mut story = Story::of(&sandbox);
    sandbox.run(&["doctor", "--fix", "--dry-run"]).ok().says("would fix").says("0755");
    story.unchanged();
    sandbox.run(&["doctor", "--fix"]).ok().says("fixed");
    story.changed("- home/permits/ 0755\n+ home/permits/ 0700");
}

#[test]
fn drift_is_shown_and_not_acted_upon() {
    let sandbox = sandbox();
    tamper(&sandbox.at("a/three/SKILL.md"));
    let mut story = Story::of(&sandbox);
    sandbox.run(&["verify", "--dry-run"]).code(5).says("three@");
    story.unchanged();
    sandbox.run(&["verify"]).code(5);
    sandbox.run(&["gate", "three"]).code(3).says("not-trusted");
}

#[test]
fn a_lowering_of_the_clock_is_shown_and_not_made() {
    let sandbox = sandbox();
    let ahead = Timestamp::from_unix(4_000_000_000);
    let world = World { clock: Clock::Fixed(ahead), ..sandbox.world(ahead) };
    let _ = gate::ask(&world, &gate::bare_request("three"));
    let mut story = Story::of(&sandbox);
    sandbox.run(&["doctor", "--lower-clock", "--dry-run"]).ok().says("The last record is of 2096");
    story.unchanged();
    sandbox.run(&["doctor", "--lower-clock"]).code(4).says("--phrase");
}
