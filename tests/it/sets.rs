//! Many skills under control with few commands and one typed answer, and
//! nothing risky slipping in among them.

use crate::support::pty::Pty;
use crate::support::sandbox::{PROGRAM, Repo, Sandbox};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// A repository with thirty harmless skills.
fn thirty(sandbox: &Sandbox) -> (Repo, String) {
    let repo = sandbox.repo("many");
    for at in 1..=30 {
        write(sandbox, at, "first");
    }
    repo.commit("thirty skills");
    let address = format!("file://{}", sandbox.arg("sources/many"));
    (repo, address)
}

fn name(at: usize) -> String {
    format!("skill-{at:02}")
}

fn write(sandbox: &Sandbox, at: usize, body: &str) {
    let folder = sandbox.at("sources/many").join(name(at));
    fs::create_dir_all(&folder).unwrap();
    let card = format!("---\nname: {}\ndescription: For tests.\n---\nThe {body} body of {at}.\n", name(at));
    fs::write(folder.join("SKILL.md"), card).unwrap();
    fs::write(folder.join("notes.md"), format!("Notes, {body}.\n")).unwrap();
}

fn add(sandbox: &Sandbox, at: usize, file: &str, content: &str, mode: u32) {
    let path = sandbox.at("sources/many").join(name(at)).join(file);
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Types an answer to the question that a command asks on a terminal.
fn answered(sandbox: &Sandbox, args: &[&str], typed: &str) -> (String, i32) {
    let home = sandbox.arg("home");
    let args = [&["--home", home.as_str()], args].concat();
    let environment = [("TERM", "xterm"), ("NO_COLOR", "1")];
    let mut pty = Pty::start(Path::new(PROGRAM), &args, &environment, &sandbox.at("work"), (60, 100));
    pty.wait_for("revisions: ");
    pty.send(typed);
    pty.finish()
}

/// Name and state of every revision.
fn states(sandbox: &Sandbox) -> Vec<(String, String)> {
    let status: Value = sandbox.run(&["status", "--json"]).ok().json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let skills = status["skills"].as_array().unwrap();
    skills.iter().map(|skill| (text(&skill["name"]), text(&skill["state"]))).collect()
}

fn count(sandbox: &Sandbox, state: &str) -> usize {
    states(sandbox).iter().filter(|(_, found)| found == state).count()
}

fn set_digest(sandbox: &Sandbox, args: &[&str]) -> String {
    let args = [&["trust"], args, &["--dry-run", "--json"]].concat();
    let plan: Value = sandbox.run(&args).ok().json();
    plan["set"].as_str().unwrap().to_owned()
}

/// Installs all of it; the file that states the set, and its digest.
fn stated(sandbox: &Sandbox, address: &str) -> (String, String) {
    sandbox.run(&["install", address, "--all"]).ok();
    let set = sandbox.arg("work/set");
    fs::write(&set, sandbox.run(&["trust", "--from", address, "--print-set"]).ok().0.stdout).unwrap();
    (set, set_digest(sandbox, &["--from", address]))
}

#[test]
fn thirty_skills_in_four_commands_and_one_answer_and_twenty_updates_likewise() {
    let sandbox = Sandbox::new();
    let (repo, address) = thirty(&sandbox);
    let phrase = |count: usize| format!("{count} from {}\r", address.strip_prefix("file://").unwrap());
    let agent = sandbox.arg("a");

    sandbox.run(&["install", &address, "--all"]).ok();
    let review = sandbox.run(&["review", "--from", &address]).ok();
    assert!(
        review.0.stdout.contains("The first body of 30.") && review.0.stdout.contains("skills trust --from"),
        "{}",
        review.0.stdout
    );
    let (shown, code) = answered(&sandbox, &["trust", "--from", &address], &phrase(30));
    assert_eq!(code, 0, "{shown}");
    sandbox.run(&["enable", "--from", &address, "--dir", &agent]).ok();
    assert_eq!(count(&sandbox, "enabled"), 30);
    sandbox.run(&["gate", "--all"]).ok();

    for at in 1..=20 {
        write(&sandbox, at, "second");
    }
    repo.commit("twenty updates");
    sandbox.run(&["update"]).ok();
    let review = sandbox.run(&["review", "--updates"]).ok();
    assert_eq!(review.0.stdout.matches("The second body of").count(), 20, "{}", review.0.stdout);
    assert_eq!(
        review.0.stdout.matches("The first body of").count(),
        20,
        "as a difference: {}",
        review.0.stdout
    );
    let (shown, code) = answered(&sandbox, &["trust", "--updates"], &phrase(20));
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("2 files, +2 -2"), "{shown}");
    sandbox.run(&["enable", "--updates"]).ok();
    for at in 1..=30 {
        let body = fs::read_to_string(sandbox.at("a").join(name(at)).join("SKILL.md")).unwrap();
        assert_eq!(body.contains("second body"), at <= 20, "{at}");
    }
    sandbox.run(&["gate", "--all"]).ok();
    // One pin and one record each, all of them naming the set.
    let log = fs::read_to_string(sandbox.home().join("audit/audit.jsonl")).unwrap();
    let trusts = log.lines().filter(|line| line.contains("\"event\":\"trust\""));
    assert_eq!(trusts.clone().count(), 50);
    assert_eq!(trusts.filter(|line| line.contains("trusted in a set of 20: sha256:")).count(), 20);
}

#[test]
fn what_is_risky_drops_out_and_stays_undecided() {
    let sandbox = Sandbox::new();
    let (repo, address) = thirty(&sandbox);
    add(&sandbox, 3, "notes.md", "Status: !`git status`\n", 0o644);
    add(&sandbox, 5, "hidden.md", "text\u{202e}txet\n", 0o644);
    repo.commit("two of them are not harmless");
    sandbox.run(&["install", &address, "--all"]).ok();
    let typed = format!("28 from {}\r", address.strip_prefix("file://").unwrap());
    let (shown, code) = answered(&sandbox, &["trust", "--from", &address], &typed);
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("each to be decided alone"), "{shown}");
    assert!(shown.contains("runs commands by itself") && shown.contains("hidden or look-alike"), "{shown}");
    let left: Vec<_> = states(&sandbox).into_iter().filter(|(_, state)| state == "installed").collect();
    assert_eq!(left.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["skill-03", "skill-05"]);
    // Nothing but risky ones is no set; and a machine cannot slip one in.
    let said = sandbox.run(&["trust", "skill-03", "skill-05", "--dry-run"]);
    assert_eq!(said.code, 4, "{}", said.stderr);
}

/// An executable that an update brings is decided alone; one that was there is
/// not new.
#[test]
fn an_update_that_brings_an_executable_is_decided_alone() {
    let sandbox = Sandbox::new();
    let (repo, address) = thirty(&sandbox);
    add(&sandbox, 1, "old.sh", "#!/bin/sh\necho old\n", 0o755);
    repo.commit("an executable from the start");
    let (set, digest) = stated(&sandbox, &address);
    sandbox.run(&["trust", "--set", &set, "--digest", &digest]).ok();
    assert_eq!(count(&sandbox, "trusted"), 30);
    add(&sandbox, 1, "old.sh", "#!/bin/sh\necho changed\n", 0o755);
    add(&sandbox, 2, "new.sh", "#!/bin/sh\necho new\n", 0o755);
    add(&sandbox, 3, "notes.md", "now executable\n", 0o755);
    repo.commit("updates");
    sandbox.run(&["update"]).ok();
    let plan = sandbox.run(&["trust", "--updates", "--dry-run", "--json"]).ok();
    let plan = plan.json();
    let names = |part: &str| -> Vec<String> {
        plan[part].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((names("members"), names("alone")), (vec![name(1)], vec![name(2), name(3)]));
    assert_eq!(plan["alone"][0]["alone"], "new executable: new.sh");
}

#[test]
fn whatever_is_not_number_and_source_is_no() {
    let sandbox = Sandbox::new();
    let (_, address) = thirty(&sandbox);
    sandbox.run(&["install", &address, "--all"]).ok();
    let place = address.strip_prefix("file://").unwrap();
    for typed in [
        "\r",
        "y\r",
        "30\r",
        "skill-01\r",
        &format!("29 from {place}\r"),
        &format!("30  from {place}\r"),
        "\u{3}",
        "\u{4}",
    ] {
        let (shown, code) = answered(&sandbox, &["trust", "--from", &address], typed);
        assert_eq!(code, 1, "{typed:?}: {shown}");
    }
    assert_eq!(count(&sandbox, "installed"), 30);
    let said = sandbox.run(&["trust", "--from", &address]);
    assert_eq!(said.code, 4, "nobody is there: {}", said.stderr);
    let said = sandbox.run_in(&[("CLAUDECODE", "1")], &["trust", "--from", &address]);
    assert_eq!(said.code, 4, "an agent is nobody: {}", said.stderr);
    assert_eq!(count(&sandbox, "installed"), 30);
}

/// All or nothing: one stored copy that changed refuses the whole set.
#[test]
fn a_set_with_one_changed_copy_is_refused_as_a_whole() {
    let sandbox = Sandbox::new();
    let (_, address) = thirty(&sandbox);
    let (set, digest) = stated(&sandbox, &address);
    let status: Value = sandbox.run(&["status", "--json"]).ok().json();
    let stored = status["skills"][17]["folders"][0]["path"].as_str().unwrap().to_owned();
    let file = Path::new(&stored).join("notes.md");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&file, "Other notes.\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).unwrap();
    let said = sandbox.run(&["trust", "--set", &set, "--digest", &digest]);
    assert_eq!(said.code, 5, "{}", said.stderr);
    assert_eq!(count(&sandbox, "trusted"), 0);
}

#[test]
fn a_stated_set_must_be_the_one_that_was_reviewed() {
    let sandbox = Sandbox::new();
    let (_, address) = thirty(&sandbox);
    let (set, digest) = stated(&sandbox, &address);
    let text = fs::read_to_string(&set).unwrap();
    let other = sandbox.arg("work/other");
    let shorter: String = text.lines().take(30).map(|line| format!("{line}\n")).collect();
    let unknown = text.replacen("sha256:", "sha256:0", 1).replacen("0\n", "\n", 1);
    for (bad, code) in
        [(&shorter, 5), (&text.replace("set 1", "set 2"), 2), (&text.trim_end().to_owned(), 2), (&unknown, 2)]
    {
        fs::write(&other, bad).unwrap();
        let said = sandbox.run(&["trust", "--set", &other, "--digest", &digest]);
        assert_eq!(said.code, code, "{bad}{}", said.stderr);
    }
    assert_eq!(count(&sandbox, "trusted"), 0);
    // A set that names bytes which are not here.
    let gone = text.lines().last().unwrap().to_owned();
    let foreign = text.replace(&gone, &format!("skill-30 sha256:{}", "ab".repeat(32)));
    fs::write(&other, &foreign).unwrap();
    let digest_of = skill_trust::model::digest::sha256(&[foreign.as_bytes()]).to_string();
    assert_eq!(sandbox.run(&["trust", "--set", &other, "--digest", &digest_of]).code, 3);
    sandbox.run(&["trust", "--set", &set, "--digest", &digest]).ok();
    assert_eq!(count(&sandbox, "trusted"), 30);
}

#[test]
fn picking_by_source_means_exactly_that_source() {
    let sandbox = Sandbox::new();
    let (_, address) = thirty(&sandbox);
    sandbox.run(&["install", &address, "--skill", "skill-01", "--skill", "skill-02"]).ok();
    let folder = sandbox.skill("other").make();
    sandbox.run(&["install", folder.to_str().unwrap()]).ok();
    let plan = |args: &[&str]| -> usize {
        let args = [&["trust"], args, &["--dry-run", "--json"]].concat();
        let plan: Value = sandbox.run(&args).ok().json();
        plan["members"].as_array().unwrap().len()
    };
    assert_eq!(plan(&["--from", &address]), 2);
    assert_eq!(plan(&["skill-01", "skill-02", "other"]), 3);
    let longer = format!("{address}-of-another");
    let said = sandbox.run(&["trust", "--from", &longer]);
    assert_eq!(said.code, 3);
    assert!(
        said.stderr.contains("nothing is installed from") && said.stderr.contains("sources here:"),
        "{}",
        said.stderr
    );
    let said = sandbox.run(&["trust", "--updates"]);
    assert!(said.code == 3 && said.stderr.contains("no update is waiting"), "{}", said.stderr);
}

/// Attack: what a person withdrew comes back among thirty others, or vouches
/// for the parts that an update keeps.
#[test]
fn what_was_withdrawn_neither_rides_along_nor_vouches() {
    let sandbox = Sandbox::new();
    let (repo, address) = thirty(&sandbox);
    add(&sandbox, 1, "notes.md", "Status: !`git status`\n", 0o644);
    repo.commit("one runs commands by itself");
    sandbox
        .run(&["install", &address, "--skill", "skill-01", "--skill", "skill-02", "--skill", "skill-03"])
        .ok();
    let trust = |name: &str| {
        let digest = sandbox.digest(&sandbox.at("sources/many").join(name)).to_string();
        sandbox.run(&["trust", name, "--digest", &digest]).ok();
    };
    trust("skill-01");
    trust("skill-02");
    sandbox.run(&["untrust", "skill-01"]).ok();
    sandbox.run(&["untrust", "skill-02"]).ok();
    let alone = || -> Vec<String> {
        let plan = sandbox.run(&["trust", "--from", &address, "--dry-run", "--json"]).ok().json();
        plan["alone"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(alone(), ["skill-01", "skill-02"]);
    // An update that changes another file of what was withdrawn.
    add(&sandbox, 1, "more.md", "More.\n", 0o644);
    repo.commit("an update of it");
    sandbox.run(&["install", &address, "--skill", "skill-01"]).ok();
    assert_eq!(alone(), ["skill-01", "skill-02"], "its commands are looked at again");
}

/// Attack by bad luck: the older revision that an update replaced is trusted
/// still, and comes back when everything from the source is enabled again.
#[test]
fn enabling_a_source_again_brings_no_older_revision_back() {
    let sandbox = Sandbox::new();
    let (repo, address) = thirty(&sandbox);
    let agent = sandbox.arg("a");
    let state = |which: &str| {
        let (set, digest) = (sandbox.arg(which), set_digest(&sandbox, &["--from", &address]));
        fs::write(&set, sandbox.run(&["trust", "--from", &address, "--print-set"]).ok().0.stdout).unwrap();
        sandbox.run(&["trust", "--set", &set, "--digest", &digest]).ok();
        sandbox.run(&["enable", "--from", &address, "--dir", &agent]).ok();
    };
    sandbox.run(&["install", &address, "--skill", "skill-01", "--skill", "skill-02"]).ok();
    state("work/first");
    write(&sandbox, 1, "second");
    repo.commit("an update");
    sandbox.run(&["update"]).ok();
    state("work/second");
    for _ in 0..2 {
        sandbox.run(&["enable", "--from", &address, "--dir", &agent]).ok();
        let body = fs::read_to_string(sandbox.at("a/skill-01/SKILL.md")).unwrap();
        assert!(body.contains("second body"), "{body}");
    }
    // In another folder the older one; taking the source away takes both.
    let old = states(&sandbox).into_iter().filter(|(name, state)| name == "skill-01" && state == "trusted");
    assert_eq!(old.count(), 1);
    sandbox.run(&["disable", "--from", &address]).ok();
    assert_eq!(count(&sandbox, "enabled"), 0);
    assert_eq!(sandbox.run(&["disable", "--from", &address]).code, 3);
}
