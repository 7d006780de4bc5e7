//! The commands, each with the moment at which it is run.

use crate::support::faults::{Bed, exact};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

/// A command and its moment.
pub(crate) struct Scene {
    /// For messages.
    pub(crate) name: &'static str,
    /// Makes the moment and returns the command.
    pub(crate) prepare: fn(&Bed) -> Vec<String>,
    /// States in which the skill may end up beside those before and after: a
    /// change of several steps that was cut short leaves less, never more.
    pub(crate) also: &'static [&'static str],
}

fn words<const N: usize>(all: [&str; N]) -> Vec<String> {
    all.map(str::to_owned).to_vec()
}

fn demo(bed: &Bed) -> String {
    bed.enabled("demo", "a")
}

/// Every command that changes lasting state.
pub(crate) const ALL: &[Scene] = &[
    Scene { name: "first install", prepare: first_install, also: &[] },
    Scene { name: "install", prepare: install, also: &[] },
    Scene { name: "trust", prepare: trust, also: &[] },
    Scene { name: "enable", prepare: enable, also: &[] },
    Scene { name: "enable at a second place", prepare: enable_again, also: &["trusted"] },
    Scene { name: "enable in place of another revision", prepare: swap, also: &["trusted"] },
    Scene { name: "enable as before", prepare: as_before, also: &[] },
    Scene { name: "drift", prepare: drift, also: &[] },
    Scene { name: "repair", prepare: repair, also: &["installed"] },
    Scene { name: "disable", prepare: disable, also: &[] },
    Scene { name: "disable one of two", prepare: disable_one, also: &["trusted"] },
    Scene { name: "untrust", prepare: untrust, also: &[] },
    Scene { name: "untrust for good", prepare: untrust_never, also: &["installed"] },
    Scene { name: "remove", prepare: remove, also: &[] },
    Scene { name: "uninstall, removing", prepare: uninstall_remove, also: &["trusted"] },
    Scene { name: "uninstall, handing over", prepare: uninstall_over, also: &[] },
    Scene { name: "kill everything", prepare: kill_all, also: &[] },
    Scene { name: "kill everything again", prepare: kill_again, also: &[] },
    Scene { name: "kill by name", prepare: kill_name, also: &["trusted"] },
    Scene { name: "release everything", prepare: release_all, also: &[] },
    Scene { name: "release by name", prepare: release_name, also: &[] },
];

/// The one of that name.
pub(crate) fn named(name: &str) -> &'static Scene {
    ALL.iter().find(|scene| scene.name == name).unwrap()
}

fn first_install(bed: &Bed) -> Vec<String> {
    vec!["install".to_owned(), bed.path("src/demo")]
}

/// A neighbour that no command but a kill of everything may touch.
fn neighbour(bed: &Bed) {
    bed.enabled("other", "a");
}

fn install(bed: &Bed) -> Vec<String> {
    neighbour(bed);
    vec!["install".to_owned(), bed.path("src/demo")]
}

fn trust(bed: &Bed) -> Vec<String> {
    neighbour(bed);
    let digest = bed.install("demo");
    words(["trust", "demo", "--digest", &digest])
}

fn enable(bed: &Bed) -> Vec<String> {
    neighbour(bed);
    let digest = bed.install("demo");
    bed.trust("demo", &digest);
    words(["enable", "demo", "--dir", &bed.agent("a")])
}

fn enable_again(bed: &Bed) -> Vec<String> {
    neighbour(bed);
    demo(bed);
    words(["enable", "demo", "--dir", &bed.agent("b")])
}

fn swap(bed: &Bed) -> Vec<String> {
    neighbour(bed);
    demo(bed);
    // A skill keeps its source: the new bytes come from the same folder.
    bed.source("demo", "echo two\n");
    let digest = bed.install("demo");
    bed.trust("demo", &digest);
    words(["enable", &exact("demo", &digest), "--dir", &bed.agent("a")])
}

/// Both skills were taken away by a kill that was lifted.
fn as_before(bed: &Bed) -> Vec<String> {
    demo(bed);
    bed.enabled("other", "b");
    bed.run(&["kill", "--all"]).done();
    bed.run(&["release", "--all", "--phrase", "release epoch 1"]).done();
    let told = bed.run(&["enable", "--as-before", "--dry-run", "--json"]).done().out;
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    words(["enable", "--as-before", "--record", &told["record"].to_string()])
}

fn drift(bed: &Bed) -> Vec<String> {
    drifted(bed);
    words(["gate", "demo", "--json"])
}

/// Drift that nobody has noticed yet: declared first, then trusted again.
fn repair(bed: &Bed) -> Vec<String> {
    let digest = drifted(bed);
    words(["repair", "demo", "--digest", &digest])
}

fn drifted(bed: &Bed) -> String {
    neighbour(bed);
    let digest = demo(bed);
    let file = format!("{}/demo/scripts/run.sh", bed.agent("a"));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(&file, "echo drift\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o555)).unwrap();
    digest
}

fn disable(bed: &Bed) -> Vec<String> {
    neighbour(bed);
    demo(bed);
    words(["disable", "demo"])
}

fn disable_one(bed: &Bed) -> Vec<String> {
    neighbour(bed);
    demo(bed);
    bed.enable("demo", "b");
    words(["disable", "demo", "--dir", &bed.agent("a")])
}

fn untrust(bed: &Bed) -> Vec<String> {
    neighbour(bed);
    demo(bed);
    words(["untrust", "demo"])
}

fn untrust_never(bed: &Bed) -> Vec<String> {
    neighbour(bed);
    demo(bed);
    words(["untrust", "demo", "--never"])
}

fn remove(bed: &Bed) -> Vec<String> {
    neighbour(bed);
    bed.install("demo");
    words(["remove", "demo"])
}

fn uninstall_remove(bed: &Bed) -> Vec<String> {
    neighbour(bed);
    demo(bed);
    words(["uninstall", "--remove", "--phrase", "remove 2 skills", "--export", &bed.path("log.jsonl")])
}

/// One that is handed over, and one that is forgotten.
fn uninstall_over(bed: &Bed) -> Vec<String> {
    demo(bed);
    bed.install("other");
    let phrase = "hand over 1 of 2 skills";
    words(["uninstall", "--hand-over", "--phrase", phrase, "--export", &bed.path("log.jsonl")])
}

fn kill_all(bed: &Bed) -> Vec<String> {
    neighbour(bed);
    demo(bed);
    words(["kill", "--all"])
}

fn kill_again(bed: &Bed) -> Vec<String> {
    kill_all(bed);
    bed.run(&["kill", "--all"]).done();
    words(["kill", "--all"])
}

fn kill_name(bed: &Bed) -> Vec<String> {
    neighbour(bed);
    demo(bed);
    words(["kill", "demo"])
}

fn release_all(bed: &Bed) -> Vec<String> {
    kill_again(bed);
    words(["release", "--all", "--phrase", "release epoch 1"])
}

fn release_name(bed: &Bed) -> Vec<String> {
    neighbour(bed);
    demo(bed);
    bed.run(&["kill", "demo"]).done();
    words(["release", "demo", "--phrase", "release name demo"])
}
