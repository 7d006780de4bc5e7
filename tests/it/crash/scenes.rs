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
    /// Whether all revisions change in one transaction, so that none may be
    /// ahead of another.
    pub(crate) together: bool,
}

/// A command of which each revision is as before or as after.
const fn scene(name: &'static str, prepare: fn(&Bed) -> Vec<String>) -> Scene {
    Scene { name, prepare, also: &[], together: false }
}

impl Scene {
    const fn or(self, also: &'static [&'static str]) -> Self {
        Self { also, ..self }
    }

    const fn together(self) -> Self {
        Self { together: true, ..self }
    }
}

fn words<const N: usize>(all: [&str; N]) -> Vec<String> {
    all.map(str::to_owned).to_vec()
}

fn demo(bed: &Bed) -> String {
    bed.enabled("demo", "a")
}

/// Every command that changes lasting state.
pub(crate) const ALL: &[Scene] = &[
    scene("first install", first_install),
    scene("install", install),
    scene("trust", trust),
    scene("enable", enable),
    scene("enable at a second place", enable_again).or(&["trusted"]),
    scene("enable in place of another revision", swap).or(&["trusted"]),
    scene("enable as before", as_before),
    scene("drift", drift),
    scene("repair", repair).or(&["installed"]),
    scene("disable", disable),
    scene("disable one of two", disable_one).or(&["trusted"]),
    scene("untrust", untrust),
    scene("untrust for good", untrust_never).or(&["installed"]),
    scene("remove", remove),
    scene("uninstall, removing", uninstall_remove).or(&["trusted"]),
    scene("uninstall, handing over", uninstall_over),
    scene("kill everything", kill_all),
    scene("kill everything again", kill_again),
    scene("kill by name", kill_name).or(&["trusted"]),
    scene("release everything", release_all),
    scene("release by name", release_name),
    scene("install several", install_all),
    scene("update several", update),
    scene("trust a set", trust_set).together(),
    scene("enable several", enable_several),
    scene("enable updates", enable_updates).or(&["trusted"]),
    scene("enable in a project", enable_project),
    scene("disable several", disable_several),
    scene("remove several", remove_several),
    scene("adopt everything", adopt_all),
    scene("enable over a folder", enable_over_folder),
    scene("enable over a link", enable_over_link),
    scene("kill with the unmanaged", kill_unmanaged),
    #[cfg(feature = "provenance")]
    scene("refresh with a kill order and a revocation", refresh).or(&["trusted"]),
    #[cfg(feature = "provenance")]
    scene("add a review", super::imports::positive),
    #[cfg(feature = "provenance")]
    scene("add a warning", super::imports::warning),
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

/// Three skills, none of them there yet.
fn install_all(bed: &Bed) -> Vec<String> {
    bed.source("third", "echo one\n");
    words(["install", &bed.path("src"), "--all"])
}

fn both_enabled(bed: &Bed) {
    bed.enabled("demo", "a");
    bed.enabled("other", "b");
}

fn both_changed(bed: &Bed) {
    bed.source("demo", "echo two\n");
    bed.source("other", "echo two\n");
}

fn update(bed: &Bed) -> Vec<String> {
    both_enabled(bed);
    both_changed(bed);
    words(["update"])
}

/// The set as a machine states it.
fn trust_set(bed: &Bed) -> Vec<String> {
    bed.install("demo");
    bed.install("other");
    let set = bed.run(&["trust", "demo", "other", "--print-set"]).done().out;
    let file = bed.path("set");
    fs::write(&file, set).unwrap();
    let plan: serde_json::Value =
        serde_json::from_str(&bed.run(&["trust", "demo", "other", "--dry-run", "--json"]).done().out)
            .unwrap();
    words(["trust", "--set", &file, "--digest", plan["set"].as_str().unwrap()])
}

fn enable_several(bed: &Bed) -> Vec<String> {
    for name in ["demo", "other"] {
        let digest = bed.install(name);
        bed.trust(name, &digest);
    }
    words(["enable", "demo", "other", "--dir", &bed.agent("a")])
}

fn enable_updates(bed: &Bed) -> Vec<String> {
    both_enabled(bed);
    both_changed(bed);
    for name in ["demo", "other"] {
        let digest = bed.install(name);
        bed.trust(name, &digest);
    }
    words(["enable", "--updates"])
}

fn enable_project(bed: &Bed) -> Vec<String> {
    neighbour(bed);
    let digest = bed.install("demo");
    bed.trust("demo", &digest);
    words(["enable", "demo", "--agent", "claude-code", "--project", &bed.agent("a")])
}

fn disable_several(bed: &Bed) -> Vec<String> {
    both_enabled(bed);
    words(["disable", "demo", "other"])
}

fn remove_several(bed: &Bed) -> Vec<String> {
    bed.install("demo");
    bed.install("other");
    words(["remove", "demo", "other"])
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

/// A trust root that orders one skill to be stopped, and revokes the other.
#[cfg(feature = "provenance")]
pub(crate) fn refresh(bed: &Bed) -> Vec<String> {
    use crate::support::team::{Team, digest_entry};
    demo(bed);
    let other = bed.enabled("other", "a");
    let mut team = Team::new(&bed.root.join("team"), 1);
    team.release();
    bed.run(&["roots", "add", "team", &team.origin(), "--pin", &team.pin()]).done();
    team.order(1, &[r#"{"skill":"demo","why":"it sends files away"}"#.to_owned()]);
    team.revoke(&[digest_entry(&other, "malicious", "so does this")]).release();
    words(["roots", "refresh"])
}
