//! `deps plan`, as a person and as a script would call it. Nothing of it is ever run.

use crate::support::sandbox::{PROGRAM, Sandbox, Story};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

const CARD: &str = "---\nname: forms\ndescription: Fills forms\nmetadata: {\"openclaw\":{\"requires\":{\"bins\":[\"jq\",\"git\"],\"env\":[\"API_KEY\"]},\"install\":[{\"kind\":\"npm\",\"package\":\"left-pad@1.3.0\"},{\"kind\":\"brew\",\"formula\":\"acme/tap/tool\"},{\"kind\":\"shell\",\"command\":\"touch /tmp/ran; sh x\"}]}}\n---\n\n# Forms\n\n```sh\npip install requests\n```\n";

fn schema() -> Value {
    serde_json::from_str(include_str!("../../schema/deps-plan.json")).unwrap()
}

#[test]
fn a_person_sees_the_exact_commands_what_is_refused_and_the_next_command() {
    let sandbox = Sandbox::new();
    let folder = sandbox.skill("forms").file("SKILL.md", CARD).make();
    let _ = sandbox.run(&["install", folder.to_str().unwrap()]).ok();
    let mut story = Story::of(&sandbox);
    let said = sandbox.run(&["deps", "plan", "forms"]).ok();
    for line in [
        "asks for  2 steps, 1 of them only found in its text, 2 refused",
        "step 1    npm install --global --prefix /skill-tools --ignore-scripts --no-audit --no-fund -- left-pad@1.3.0",
        "  from    SKILL.md:4",
        "step 2    python3 -m pip --isolated --no-input install --only-binary :all: --target /skill-tools/python -- requests",
        "  from    SKILL.md:10",
        "  risk    no version: whatever is newest comes",
        "  risk    not declared by the skill; found in its text",
        "refused   dep.tap  brew",
        "  allow   --allow dep.tap makes it a step",
        "refused   dep.shell  shell",
        "needs     program git: no step brings it: it has to be there already (SKILL.md:4)",
        "needs     setting API_KEY: you give it, or not (SKILL.md:4)",
    ] {
        assert!(said.0.stdout.lines().any(|one| one == line), "no `{line}` in:\n{}", said.0.stdout);
    }
    let revision = said.0.stdout.lines().find_map(|line| line.strip_prefix("skill     ")).unwrap();
    assert!(
        said.0.stdout.ends_with(&format!("next      skills deps install {revision} --dry-run\n")),
        "{}",
        said.0.stdout
    );
    story.unchanged();
}

#[test]
fn the_document_fits_its_schema_and_has_the_digest_of_the_screen() {
    let sandbox = Sandbox::new();
    let folder = sandbox.skill("forms").file("SKILL.md", CARD).make();
    let _ = sandbox.run(&["install", folder.to_str().unwrap()]).ok();
    let shown = sandbox.run(&["deps", "plan", "forms"]).ok().0.stdout;
    let document = sandbox.run(&["deps", "plan", "forms", "--json"]).ok().json();
    let validator = jsonschema::validator_for(&schema()).unwrap();
    assert!(validator.is_valid(&document), "{document}: {:?}", validator.validate(&document).err());
    assert!(shown.contains(document["digest"].as_str().unwrap()));
    assert_eq!(document["name"], "forms");
    assert_eq!(document["plan"]["steps"][0]["argv"][0], "npm");
    let mut wrong = document.clone();
    wrong["plan"]["steps"][0]["more"] = json!(1);
    assert!(!validator.is_valid(&wrong));
}

#[test]
fn a_folder_needs_no_home_and_has_the_same_plan() {
    let sandbox = Sandbox::new();
    let folder = sandbox.skill("forms").file("SKILL.md", CARD).make();
    let digest = |what: &str| sandbox.run(&["deps", "plan", what, "--json"]).ok().json()["digest"].clone();
    let of_folder = digest(folder.to_str().unwrap());
    assert!(!sandbox.home().exists(), "no home is made for looking");
    let _ = sandbox.run(&["install", folder.to_str().unwrap()]).ok();
    assert_eq!(digest("forms"), of_folder);
    // A folder that nobody can write to is as good.
    let locked = folder.join("SKILL.md");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o444)).unwrap();
    assert_eq!(digest(folder.to_str().unwrap()), of_folder);
}

#[test]
fn a_byte_of_the_skill_and_an_allowed_scope_are_other_plans() {
    let sandbox = Sandbox::new();
    let folder = sandbox.skill("forms").file("SKILL.md", CARD).make();
    let path = folder.to_str().unwrap();
    let digest = |more: &[&str]| {
        let words = [&["deps", "plan", path, "--json"], more].concat();
        sandbox.run(&words).ok().json()["digest"].clone()
    };
    let first = digest(&[]);
    assert_eq!(digest(&[]), first);
    let allowed = digest(&["--allow", "dep.tap"]);
    assert_ne!(allowed, first);
    assert_ne!(digest(&["--allow", "dep.git"]), first, "what is allowed is part of what is agreed to");
    fs::write(folder.join("SKILL.md"), format!("{CARD} ")).unwrap();
    assert_ne!(digest(&[]), first);
}

#[test]
fn what_is_never_run_cannot_be_allowed() {
    let sandbox = Sandbox::new();
    let folder = sandbox.skill("forms").file("SKILL.md", CARD).make();
    for scope in ["dep.shell", "dep.fetch", "dep.value", "dep.option", "dep.everything", "", "*"] {
        let said = sandbox.run(&["deps", "plan", folder.to_str().unwrap(), "--allow", scope]).code(2);
        assert!(
            said.0.stderr.contains("what may be allowed: dep.url, dep.git"),
            "{scope}: {}",
            said.0.stderr
        );
    }
    let said = sandbox.run(&["deps", "plan", folder.to_str().unwrap(), "--allow", "dep.tap"]).ok();
    assert!(said.0.stdout.contains("brew install --formula -- acme/tap/tool"), "{}", said.0.stdout);
    assert!(said.0.stdout.contains("allowed   dep.tap"), "{}", said.0.stdout);
}

#[test]
fn a_skill_that_needs_nothing_says_so() {
    let sandbox = Sandbox::new();
    let folder = sandbox.skill("plain").make();
    let said = sandbox.run(&["deps", "plan", folder.to_str().unwrap()]).ok();
    assert!(said.0.stdout.contains("asks for  nothing"), "{}", said.0.stdout);
    assert!(!said.0.stdout.contains("next"), "{}", said.0.stdout);
}

#[test]
fn attack_names_that_paint_over_the_screen() {
    let sandbox = Sandbox::new();
    let card = "---\nname: forms\ndescription: b\nmetadata:\n  o:\n    requires: {bins: [\"a\\e[2Kb\", \"c\\u202ed\"]}\n    install: [{kind: \"x\\e[2Ky\", package: z}, {kind: npm, package: \"p\\nstep 9    rm -rf /\"}]\n---\nText\n";
    let folder = sandbox.skill("forms").file("SKILL.md", card).make();
    let said = sandbox.run(&["deps", "plan", folder.to_str().unwrap()]).ok();
    assert!(!said.0.stdout.contains(['\u{1b}', '\u{202e}']), "{:?}", said.0.stdout);
    assert!(said.0.stdout.contains("\\u{1b}[2K") && said.0.stdout.contains("\\u{202e}"), "{}", said.0.stdout);
    assert!(!said.0.stdout.lines().any(|line| line.starts_with("step ")), "{}", said.0.stdout);
    let said = sandbox.run(&["deps", "plan", folder.to_str().unwrap(), "--json"]).ok();
    assert!(!said.0.stdout.contains(['\u{1b}', '\u{202e}']), "{:?}", said.0.stdout);
}

#[test]
fn attack_nothing_of_a_plan_is_run() {
    let sandbox = Sandbox::new();
    let folder = sandbox.skill("forms").file("SKILL.md", CARD).make();
    // Programs of these names that would leave a mark.
    let bin = sandbox.at("work/bin");
    fs::create_dir(&bin).unwrap();
    let mark = sandbox.at("work/ran");
    for name in ["npm", "brew", "python3", "sh", "touch"] {
        let program = bin.join(name);
        fs::write(&program, format!("#!/bin/sh\n: > {}\n", mark.display())).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let output = Command::new(PROGRAM)
        .env_clear()
        .env("PATH", &bin)
        .args(["--home", &sandbox.arg("home"), "deps", "plan", folder.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(output.status.success());
    assert!(!mark.exists());
}

#[test]
fn a_stored_copy_that_was_changed_has_no_plan() {
    let sandbox = Sandbox::new();
    let folder = sandbox.skill("forms").file("SKILL.md", CARD).make();
    let _ = sandbox.run(&["install", folder.to_str().unwrap()]).ok();
    let stored = walk(&sandbox.home()).into_iter().find(|path| path.ends_with("SKILL.md")).unwrap();
    crate::support::sandbox::tamper(&stored);
    sandbox.run(&["deps", "plan", "forms"]).code(5).says("store");
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() { all.extend(walk(&path)) } else { all.push(path) }
    }
    all
}
