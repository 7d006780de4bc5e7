//! The first ten minutes: what a person who never saw the program types, what
//! goes wrong then, and that the command which is printed works as printed.
//! `docs/first-ten-minutes.md` tells where each of these came from.

use crate::support::sandbox::{Repo, Sandbox, chmod};
use std::fs;

/// `one` and `two` from a repository, trusted.
fn two() -> (Sandbox, Repo) {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo("many");
    write(&repo, "A");
    repo.commit("two skills");
    let url = repo.url();
    sandbox.run(&["install", &url, "--all"]).ok();
    trust_all(&sandbox);
    (sandbox, repo)
}

fn write(repo: &Repo, body: &str) {
    for name in ["one", "two"] {
        let card = format!("---\nname: {name}\ndescription: x\n---\n{body}\n");
        repo.write(&format!("{name}/SKILL.md"), &card);
    }
}

fn trust_all(sandbox: &Sandbox) {
    let status = sandbox.run(&["status", "--json"]).ok().json();
    for skill in status["skills"].as_array().unwrap() {
        let digest = skill["digest"].as_str().unwrap();
        let name = skill["name"].as_str().unwrap();
        let named = format!("{name}@{}", &digest["sha256:".len()..]);
        let _ = sandbox.run(&["trust", &named, "--digest", digest]);
    }
}

/// The words of a printed command, without the program's name.
fn command<'a>(shown: &'a str, begins: &str) -> Vec<&'a str> {
    let line = shown.lines().map(str::trim).find(|line| line.starts_with(begins));
    line.unwrap_or_else(|| panic!("no `{begins}` in\n{shown}")).split(' ').skip(1).collect()
}

#[test]
fn of_several_the_folder_is_told_once_and_the_way_back_works_as_printed() {
    let (sandbox, repo) = two();
    let url = repo.url();
    let agent = sandbox.arg("agent");
    let said = sandbox.run(&["enable", "--from", &url, "--dir", &agent]).ok().0.stdout;
    assert_eq!(said.matches("enabled  ").count(), 2, "{said}");
    assert_eq!(said.matches("no agent we know reads this folder").count(), 1, "{said}");
    let before = fs::read(sandbox.at("agent/one/SKILL.md")).unwrap();
    write(&repo, "B");
    repo.commit("newer");
    let said = sandbox.run(&["update"]).ok().0.stdout;
    assert!(said.contains("Next:  skills review --updates"), "{said}");
    trust_all(&sandbox);
    let said = sandbox.run(&["enable", "--updates"]).ok().0.stdout;
    assert_eq!(said.matches("back with").count(), 1, "{said}");
    assert_ne!(fs::read(sandbox.at("agent/one/SKILL.md")).unwrap(), before);
    sandbox.run(&command(&said, "skills enable ")).ok();
    assert_eq!(fs::read(sandbox.at("agent/one/SKILL.md")).unwrap(), before);
}

#[test]
fn one_that_fails_does_not_stop_the_others_and_its_code_is_the_end() {
    let (sandbox, repo) = two();
    let url = repo.url();
    let agent = sandbox.arg("agent");
    fs::create_dir_all(sandbox.at("agent/one")).unwrap();
    fs::write(sandbox.at("agent/one/mine"), "mine\n").unwrap();
    // Nobody is there who could agree to move it.
    let said = sandbox.run(&["enable", "--from", &url, "--dir", &agent]);
    assert_eq!(said.code, 4, "{} {}", said.stdout, said.stderr);
    fs::remove_dir_all(sandbox.at("agent/one")).unwrap();
    fs::write(sandbox.at("agent/one"), "neither a folder nor a link\n").unwrap();
    let said = sandbox.run(&["enable", "--from", &url, "--dir", &agent]).code(3).0;
    assert!(said.stdout.contains("enabled  two@"), "{}", said.stdout);
    assert!(
        said.stderr.contains("1 of 2 not placed") && said.stderr.contains("[target-taken]"),
        "{}",
        said.stderr
    );
    assert!(sandbox.at("agent/two/SKILL.md").exists());
    let said = sandbox.run(&["enable", "--from", &url, "--dir", &agent, "--json"]).code(3).0;
    assert!(said.stdout.contains("\"code\":\"target-taken\""), "{}", said.stdout);
    fs::remove_file(sandbox.at("agent/one")).unwrap();
    // A kill stops them all: no refusal is repeated for each.
    sandbox.run(&["kill", "--all"]).ok();
    let said = sandbox.run(&["enable", "--from", &url, "--dir", &agent]);
    assert_eq!((said.code, said.stderr.matches("[held-all]").count()), (6, 1), "{}", said.stderr);
}

#[test]
fn a_review_of_several_says_what_is_next_once() {
    let (sandbox, _) = two();
    let said = sandbox.run(&["review", "one", "two", "--no-pager"]).ok().0.stdout;
    assert_eq!(said.matches("Next").count(), 1, "{said}");
    assert!(said.contains("skills trust one two"), "{said}");
}

#[test]
fn a_name_that_is_nearly_right_is_answered_with_the_right_one() {
    let (sandbox, _) = two();
    let said = sandbox.run(&["review", "onee"]).code(3).0.stderr;
    assert!(said.contains("no revision `onee` is installed; there is one"), "{said}");
    let said = sandbox.run(&["review", "something-else"]).code(3).0.stderr;
    assert!(!said.contains("there is"), "{said}");
}

#[test]
fn who_types_yes_or_nothing_is_told_what_to_type() {
    let (sandbox, _) = two();
    for flag in ["--yes", "-y", "--force"] {
        let said = sandbox.run(&["trust", "one", flag]).code(2).0.stderr;
        assert!(said.contains("No flag answers for a person") && !said.contains("as a value"), "{said}");
    }
    let said = sandbox.run(&["trust"]).code(2).0.stderr;
    assert!(said.contains("skills status"), "{said}");
    let said = sandbox.run(&["enable", "one"]).code(2).0.stderr;
    assert!(said.contains("--agent claude-code"), "{said}");
}

#[test]
fn a_repository_without_its_files_is_known_for_one() {
    let (sandbox, repo) = two();
    let (from, bare) = (repo.work.to_str().unwrap().to_owned(), sandbox.arg("bare.git"));
    let done = std::process::Command::new("git").args(["clone", "-q", "--bare", &from, &bare]).status();
    assert!(done.unwrap().success());
    let said = sandbox.run(&["install", &bare]).stderr;
    let next = format!("skills install file://{bare} --list");
    assert!(said.contains(&next), "{said}");
    let said = sandbox.run(&["install", &bare, "--list"]).ok().0.stdout;
    assert!(said.contains(&next), "{said}");
    let said = sandbox.run(&command(&next, "skills install")).ok().0.stdout;
    assert!(said.contains("--skill one"), "{said}");
}

#[test]
fn the_same_folder_under_another_name_says_so_and_how_to_go_on() {
    let sandbox = Sandbox::new();
    sandbox.skill("x").into_folder("skills/x").make();
    let (whole, part) = (sandbox.arg("skills"), sandbox.arg("skills/x"));
    sandbox.run(&["install", &part]).ok();
    let said = sandbox.run(&["install", &whole, "--all"]);
    let shown = format!("{}{}", said.stdout, said.stderr);
    assert!(shown.contains("came from this very folder before"), "{shown}");
    assert!(shown.contains(&format!("skills install {part}")), "{shown}");
    // Another folder is another source, as ever.
    sandbox.skill("x").into_folder("others/x").make();
    let said = sandbox.run(&["install", &sandbox.arg("others/x")]).stderr;
    assert!(said.contains("belongs to") && !said.contains("very folder"), "{said}");
}

#[test]
fn after_drift_every_page_names_the_same_next_step() {
    let (sandbox, _) = two();
    sandbox.run(&["enable", "one", "--dir", &sandbox.arg("agent")]).ok();
    let card = sandbox.at("agent/one/SKILL.md");
    chmod(&card, 0o644);
    fs::write(&card, "other\n").unwrap();
    let gate = sandbox.run(&["gate", "one"]).code(5).0;
    assert!(format!("{}{}", gate.stdout, gate.stderr).contains("skills repair one"));
    for args in [&["status"][..], &["status", "one"]] {
        let said = sandbox.run(args).stdout;
        assert!(said.contains("skills repair one"), "{said}");
    }
}
