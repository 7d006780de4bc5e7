//! `--dry-run`: taken by whatever changes something, and nothing is changed.

use crate::support::sandbox::{Sandbox, Story, tamper};
use skill_trust::model::time::Timestamp;
use skill_trust::ops::World;
use skill_trust::ops::gate;
use skill_trust::system::clock::Clock;

/// `one` installed, `two` trusted, `three` enabled, and a newer `three` waiting.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::in_three_states();
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
    let theirs = sandbox.skill("theirs").into_folder("work/theirs").make();
    let theirs = theirs.to_str().unwrap();
    let mut story = Story::of(&sandbox);
    let rows = [
        (&["install", &one][..], 0, "would take one"),
        (&["adopt", theirs], 0, "theirs"),
        (&["review", "one", "--add", &file], 3, "no trust root is followed"),
        (&["publish", "review", "one", "--key", "none-such", "--criteria", "safe-to-run"], 3, "no-key"),
        (&["roots", "refresh"], 0, ""),
        (&["trust", "one"], 0, "digest   sha256:"),
        (&["trust", "--from", &one], 0, "set      sha256:"),
        (&["trust", "--set", &file, "--digest", &digest], 0, "set      sha256:"),
        (&["trust", "none-such"], 3, "not-installed"),
        (&["untrust", "two"], 0, "would withdraw trust from two@"),
        (&["untrust", "two", "--never"], 0, "would withdraw trust from two@"),
        (&["enable", "two", "--dir", &b], 0, "would place two@"),
        (&["enable", "one", "--dir", &b], 3, "not-trusted"),
        (&["enable", "--as-before"], 2, "no kill was lifted"),
        (&["deps", "install", "two"], 0, "asks for nothing that could be installed"),
        (&["disable", "three"], 0, "would take away"),
        (&["update"], 0, "waiting"),
        (&["remove", "one"], 0, "would remove  one@"),
        (&["remove", "three"], 3, "still-enabled"),
        (&["repair", "three"], 0, "sound"),
        (&["repair", "one"], 3, "did not drift"),
        (&["kill", "--all"], 0, "would stop  three@"),
        (&["kill", "three"], 0, "would stop  three@"),
        (&["kill", "--source", &one], 0, "nothing is enabled that it covers"),
        (&["release", "--all"], 2, "nothing is held here"),
        (&["release", "three"], 2, "nothing is held here"),
        (&["verify"], 0, "sound  3 revisions"),
        (&["audit", "checkpoint"], 0, "would sign"),
        (&["doctor", "--fix"], 0, "nothing is staged"),
        (&["doctor", "--lower-clock"], 2, "nothing needs to be lowered"),
        (&["publish", "keys", "generate", "no-such-key"], 0, "would make  no-such-key"),
        (&["roots", "remove", "team"], 3, "root-unknown"),
        (&["uninstall", "--remove"], 0, "taken away   three@"),
        (&["uninstall", "--hand-over"], 0, "handed over  three@"),
    ];
    for (args, code, said) in rows {
        let args = [args, &["--dry-run"]].concat();
        let run = sandbox.run(&args);
        assert_eq!(run.code, code, "{args:?}: {run:?}");
        assert!(format!("{}{}", run.stdout, run.stderr).contains(said), "{args:?}: {run:?}");
        story.unchanged();
    }
    // Every command that knows the option has a row.
    let page = include_str!("../../docs/reference/cli.md");
    let (mut name, mut knows) = ("", std::collections::BTreeSet::new());
    for line in page.lines() {
        name = line.strip_prefix("## skills ").unwrap_or(name);
        if line.trim_start().starts_with("--dry-run") {
            knows.insert(name);
        }
    }
    let rows: std::collections::BTreeSet<_> = rows.iter().map(|(args, ..)| args[0]).collect();
    let lacks: Vec<_> = knows.iter().filter(|name| !rows.contains(name.split(' ').next().unwrap())).collect();
    assert!(lacks.is_empty() && knows.len() > 12, "{lacks:?} of {knows:?}");
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

/// A folder for a home, in which nothing was begun: what only looks leaves
/// nothing in it, not even a lock.
#[test]
fn an_empty_home_stays_empty() {
    let sandbox = Sandbox::fast();
    std::fs::create_dir(sandbox.home()).unwrap();
    crate::support::sandbox::chmod(&sandbox.home(), 0o700);
    let pdf = sandbox.skill("pdf").make();
    for args in [
        &["install", pdf.to_str().unwrap()][..],
        &["adopt", pdf.to_str().unwrap()],
        &["trust", "pdf"],
        &["untrust", "pdf"],
        &["enable", "pdf", "--dir", &sandbox.arg("a")],
        &["enable", "--as-before"],
        &["disable", "pdf"],
        &["update"],
        &["remove", "pdf"],
        &["repair", "pdf"],
        &["kill", "--all"],
        &["kill", "pdf"],
        &["release", "--all"],
        &["verify"],
        &["audit", "checkpoint"],
        &["doctor", "--fix"],
        &["doctor", "--lower-clock"],
        &["uninstall", "--remove"],
    ] {
        let args = [args, &["--dry-run"]].concat();
        let run = sandbox.run(&args);
        let left: Vec<_> =
            std::fs::read_dir(sandbox.home()).unwrap().map(|one| one.unwrap().file_name()).collect();
        assert!(left.is_empty(), "{args:?} left {left:?}: {run:?}");
    }
    // And it can still be begun.
    sandbox.run(&["install", pdf.to_str().unwrap()]).ok();
}

/// What is only tried out ends as what is done, and tells what is held instead.
#[test]
fn a_release_of_what_is_not_held_is_no_empty_list() {
    let sandbox = sandbox();
    for line in [&["release", "--all"][..], &["release", "three"]] {
        for more in [&["--dry-run"][..], &["--phrase", "release epoch 0"], &["--json", "--dry-run"]] {
            sandbox.run(&[line, more].concat()).code(2).says("nothing is held here");
        }
    }
    sandbox.run(&["kill", "three"]).ok();
    sandbox.run(&["kill", "--source", "https://git.example/acme"]).ok();
    let all = sandbox.run(&["release", "--all", "--dry-run"]).code(2);
    all.says("no kill of everything is in force; held is name three").says("skills release three");
    sandbox.run(&["release", "one", "--dry-run"]).code(2).says("no kill of name one is in force");
    sandbox.run(&["release", "three", "--dry-run"]).ok().says("the kill of name three");
    sandbox.run(&["kill", "--all"]).ok();
    sandbox.run(&["release", "--all", "--dry-run"]).ok().says("the kill of everything, epoch 1");
}
