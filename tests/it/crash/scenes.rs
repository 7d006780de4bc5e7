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
    Scene { name: "drift", prepare: drift, also: &[] },
    Scene { name: "disable", prepare: disable, also: &[] },
    Scene { name: "disable one of two", prepare: disable_one, also: &["trusted"] },
    Scene { name: "untrust", prepare: untrust, also: &[] },
    Scene { name: "untrust for good", prepare: untrust_never, also: &["installed"] },
    Scene { name: "remove", prepare: remove, also: &[] },
    Scene { name: "kill everything", prepare: kill_all, also: &[] },
    Scene { name: "kill everything again", prepare: kill_again, also: &[] },
    Scene { name: "kill by name", prepare: kill_name, also: &["trusted"] },
    Scene { name: "release everything", prepare: release_all, also: &[] },
    Scene { name: "release by name", prepare: release_name, also: &[] },
    Scene { name: "adopt everything", prepare: adopt_all, also: &[] },
    Scene { name: "enable over a folder", prepare: enable_over_folder, also: &[] },
    Scene { name: "enable over a link", prepare: enable_over_link, also: &[] },
    Scene { name: "kill with the unmanaged", prepare: kill_unmanaged, also: &[] },
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

fn drift(bed: &Bed) -> Vec<String> {
    neighbour(bed);
    demo(bed);
    let file = format!("{}/demo/scripts/run.sh", bed.agent("a"));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(&file, "echo drift\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o555)).unwrap();
    words(["gate", "demo", "--json"])
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

/// Puts a skill of somebody else's into the agent's folder.
fn original(bed: &Bed, path: &str, name: &str) {
    let folder = bed.path(path);
    fs::create_dir_all(format!("{folder}/notes")).unwrap();
    let card = format!("---\nname: {name}\ndescription: Lies at {path}\n---\nB\n");
    fs::write(format!("{folder}/SKILL.md"), card).unwrap();
    fs::write(format!("{folder}/notes/n.md"), "notes\n").unwrap();
}

fn link(bed: &Bed, name: &str) {
    original(bed, &format!("dot/{name}"), name);
    std::os::unix::fs::symlink(format!("../dot/{name}"), format!("{}/{name}", bed.agent("a"))).unwrap();
}

/// Whether the scenes with an account of their own can be played here.
pub(crate) fn accounts() -> bool {
    let works = Bed::new().account();
    if !works {
        eprintln!("NOT RUN: no mount of our own on this machine");
    }
    works
}

fn adopt_all(bed: &Bed) -> Vec<String> {
    neighbour(bed);
    original(bed, "agent-a/first", "first");
    link(bed, "second");
    assert!(bed.account());
    words(["adopt", "--all"])
}

/// The digest of what lies at a path, by the program itself.
fn stated(bed: &Bed, agent: &str) -> Vec<String> {
    let refused = bed.run(&["enable", "demo", "--dir", agent]);
    let digest = refused.err.split_once("--replace ").map(|(_, after)| after.trim().to_owned());
    let digest = digest.unwrap_or_else(|| panic!("{refused:?}"));
    words(["enable", "demo", "--dir", agent, "--replace", &digest])
}

fn enable_over_folder(bed: &Bed) -> Vec<String> {
    neighbour(bed);
    let digest = bed.install("demo");
    bed.trust("demo", &digest);
    original(bed, "agent-a/demo", "demo");
    stated(bed, &bed.agent("a"))
}

fn enable_over_link(bed: &Bed) -> Vec<String> {
    neighbour(bed);
    let digest = bed.install("demo");
    bed.trust("demo", &digest);
    link(bed, "demo");
    stated(bed, &bed.agent("a"))
}

fn kill_unmanaged(bed: &Bed) -> Vec<String> {
    neighbour(bed);
    demo(bed);
    original(bed, "agent-a/first", "first");
    link(bed, "second");
    assert!(bed.account());
    words(["kill", "--all", "--unmanaged"])
}
