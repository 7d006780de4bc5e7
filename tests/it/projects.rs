//! Skills for one project alone, and two projects on two revisions.

use crate::support::sandbox::{Repo, Sandbox};
use std::fs;
use std::path::Path;

/// A project with its own repository, in which agents' folders are ignored.
fn project(sandbox: &Sandbox, name: &str, ignored: bool) -> Repo {
    let repo = sandbox.repo(name);
    repo.write("README", "A project.\n");
    if ignored {
        repo.write(".gitignore", "/.claude/skills/\n/.github/skills/\n");
    }
    repo.commit("a project");
    repo
}

fn body(path: &Path) -> String {
    fs::read_to_string(path.join("SKILL.md")).unwrap()
}

#[test]
fn two_projects_have_two_revisions_and_each_is_gated_by_its_own() {
    let sandbox = Sandbox::new();
    for name in ["one", "two"] {
        project(&sandbox, name, true);
    }
    let source = sandbox.skill("pdf").file("a.txt", "first").make();
    let first = sandbox.trusted(&source, "A");
    let place = |project: &str| sandbox.at("sources").join(project).join(".claude/skills/pdf");
    // From a folder deep inside the project.
    let inside = sandbox.arg("sources/one/deep/inside");
    fs::create_dir_all(&inside).unwrap();
    let said = sandbox.run(&["enable", "pdf", "--agent", "claude-code", "--project", &inside]).ok();
    assert!(said.0.stdout.contains("read by  Claude Code, Copilot, OpenCode, Goose"), "{}", said.0.stdout);
    fs::write(source.join("a.txt"), "second").unwrap();
    let second = sandbox.trusted(&source, "B");
    let two = sandbox.arg("sources/two");
    let typed = format!("pdf@{}", second.hex());
    sandbox.run(&["enable", &typed, "--agent", "claude-code", "--project", &two]).ok();
    for (name, digest, content) in [("one", first, "first"), ("two", second, "second")] {
        assert_eq!(fs::read_to_string(place(name).join("a.txt")).unwrap(), content);
        let typed = format!("pdf@{}", digest.hex());
        let path = place(name).to_str().unwrap().to_owned();
        sandbox.run(&["gate", &typed, "--path", &path]).ok();
        let other = if name == "one" { place("two") } else { place("one") };
        sandbox.run(&["gate", &typed, "--path", other.to_str().unwrap()]).code(5);
    }
    assert!(body(&place("one")).contains("Use it."));
    // One project's is taken away, the other's stays.
    sandbox
        .run(&["disable", &format!("pdf@{}", first.hex()), "--agent", "claude-code", "--project", &inside])
        .ok();
    assert!(!place("one").exists() && place("two").exists());
    sandbox.run(&["gate", &typed]).ok();
}

#[test]
fn a_project_that_would_commit_the_copy_is_refused() {
    let sandbox = Sandbox::new();
    project(&sandbox, "tracked", false);
    let source = sandbox.skill("pdf").make();
    sandbox.trusted(&source, "A");
    let tracked = sandbox.arg("sources/tracked");
    let said = sandbox.run(&["enable", "pdf", "--agent", "copilot", "--project", &tracked]).code(3);
    assert!(said.0.stderr.contains("target-tracked"), "{}", said.0.stderr);
    assert!(!sandbox.at("sources/tracked/.github").join("skills/pdf").exists());
    let said = sandbox.run(&["enable", "pdf", "--project", &tracked]).code(2);
    assert!(said.0.stderr.contains("--agent"), "{}", said.0.stderr);
    sandbox.run(&["enable", "pdf", "--agent", "nobody", "--project", &tracked]).code(2);
}

#[test]
fn without_a_repository_the_folder_named_is_the_project() {
    let sandbox = Sandbox::new();
    let source = sandbox.skill("pdf").make();
    sandbox.trusted(&source, "A");
    let plain = sandbox.arg("a");
    sandbox.run(&["enable", "pdf", "--agent", "openclaw", "--project", &plain]).ok();
    assert!(sandbox.at("a/.agents/skills/pdf/SKILL.md").exists());
}

#[test]
fn a_difference_is_told_for_any_two_revisions() {
    let sandbox = Sandbox::new();
    let source = sandbox.skill("pdf").file("a.txt", "first\n").make();
    let first = sandbox.trusted(&source, "A");
    fs::write(source.join("a.txt"), "second\n").unwrap();
    sandbox.run(&["install", source.to_str().unwrap()]).ok();
    let second = sandbox.digest(&source);
    let (a, b) = (format!("pdf@{}", first.hex()), format!("pdf@{}", second.hex()));
    let forth = sandbox.run(&["diff", &a, &b]).ok();
    let back = sandbox.run(&["diff", &b, &a]).ok();
    let line = |said: &str, sign: char, text: &str| {
        said.lines().any(|line| line.contains(sign) && line.contains(text))
    };
    assert!(
        line(&forth.0.stdout, '+', "second") && line(&forth.0.stdout, '-', "first"),
        "{}",
        forth.0.stdout
    );
    assert!(line(&back.0.stdout, '+', "first") && line(&back.0.stdout, '-', "second"), "{}", back.0.stdout);
    sandbox.run(&["diff", &a, "nothing"]).code(3);
}
