//! What keeps an answer from being whole, and where its places are: in every form.

use super::pack;
use super::sarif::sarif;
use crate::support::sandbox::Sandbox;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

/// `work/sk`, in which nothing is found, and a home that others may look into.
fn open_home() -> Sandbox {
    let sandbox = Sandbox::fast();
    let skill = sandbox.skill("sk").into_folder("work/sk").make();
    sandbox.run(&["install", skill.to_str().unwrap()]).ok();
    fs::set_permissions(sandbox.home(), fs::Permissions::from_mode(0o755)).unwrap();
    sandbox
}

#[test]
fn a_policy_that_was_not_gone_by_is_said_in_every_form() {
    let sandbox = open_home();
    let other = "another scanner did not finish";
    let own = "not whole  the policy could not be gone by, so this is not what it says of these skills";
    let said = sandbox.run(&["scan", "./sk"]).code(5).0;
    assert!(said.stdout.contains(own) && !said.stdout.contains(other), "{}", said.stdout);
    assert!(said.stdout.contains("policy    not gone by, "), "{}", said.stdout);
    assert!(
        said.stdout.contains("\nnext      if nobody else could write there: chmod 700 "),
        "{}",
        said.stdout
    );

    let said = sandbox.run(&["scan", "./sk", "./sk", "--format", "github"]).code(5).0;
    assert!(said.stderr.contains(own) && !said.stderr.contains(other), "{}", said.stderr);
    let lines: Vec<_> = said.stdout.lines().collect();
    assert_eq!(lines.len(), 1, "once, for it is one policy: {lines:#?}");
    assert!(lines[0].starts_with("::error title=policy::not gone by, "), "{lines:#?}");
    assert!(lines[0].contains("755"), "both values: {lines:#?}");

    let log = sarif(&sandbox, &["./sk"], 5);
    let run = &log["runs"][0]["invocations"][0];
    assert_eq!(run["executionSuccessful"], false);
    let told = run["toolExecutionNotifications"].as_array().unwrap();
    assert_eq!((told.len(), &told[0]["level"]), (1, &serde_json::json!("error")));
    assert!(told[0]["message"]["text"].as_str().unwrap().starts_with("policy: not gone by, "), "{told:?}");
}

#[test]
fn another_scanner_that_did_not_finish_is_said_in_every_form() {
    let sandbox = Sandbox::fast();
    sandbox.skill("sk").into_folder("work/sk").make();
    let many = vec![r#"{"message":{"text":"m"}}"#; 5_002].join(",");
    let log = format!(
        r#"{{"version":"2.1.0","runs":[{{"tool":{{"driver":{{"name":"Other"}}}},"invocations":[{{"executionSuccessful":false}}],"results":[{many}]}}]}}"#
    );
    fs::write(sandbox.at("work/o.sarif"), log).unwrap();
    let args = ["./sk", "--import", "o.sarif"];
    let said = sandbox.run(&[&["scan", "--format", "github"], &args[..]].concat()).code(5).0;
    let about: Vec<_> = said.stdout.lines().filter(|line| line.contains("title=import")).collect();
    assert_eq!(
        about,
        [
            "::error title=import::Other did not finish, as o.sarif says itself: scan with it again",
            "::error title=import::too many results: 2 of o.sarif, by Other, are left out",
        ]
    );
    assert!(
        said.stderr.contains("not whole  another scanner did not finish, or found too much"),
        "{}",
        said.stderr
    );
    assert!(!said.stderr.contains("policy"), "{}", said.stderr);
    let log = sarif(&sandbox, &args, 5);
    let told = log["runs"][0]["invocations"][0]["toolExecutionNotifications"].as_array().unwrap();
    let told: Vec<_> = told.iter().map(|one| one["message"]["text"].as_str().unwrap()).collect();
    assert_eq!(
        told,
        [
            "import: Other did not finish, as o.sarif says itself: scan with it again",
            "import: too many results: 2 of o.sarif, by Other, are left out",
        ]
    );
}

#[test]
fn what_shows_the_rest_is_what_was_given() {
    let sandbox = pack();
    let top = sandbox.arg("sources/pack");
    for (args, wanted) in [
        (&["--min", "block"][..], "2 BLOCK; below that 3 CONFIRM (a lower --min shows them)"),
        (&["--min", "block", "-v"], "2 BLOCK; below that 3 CONFIRM (a lower --min shows them)"),
        (&["--min", "confirm"], "2 BLOCK, 3 CONFIRM\n"),
    ] {
        sandbox.run(&[&["scan", &top], args].concat()).code(10).says(wanted);
    }
}

#[test]
fn a_path_with_dots_is_from_where_we_run() {
    let sandbox = pack();
    fs::rename(sandbox.at("sources/pack"), sandbox.at("work/pack")).unwrap();
    fs::create_dir(sandbox.at("work/x")).unwrap();
    for what in ["../work/pack", "x/../pack", "pack/../../work/./pack"] {
        let said = sandbox.run(&["scan", what, "--format", "github"]).code(10).0.stdout;
        assert_eq!(said.lines().count(), 5, "{said}");
        assert!(said.lines().all(|line| line.contains(" file=pack/a/evil/")), "{what}: {said}");
        let log = sarif(&sandbox, &[what], 10);
        assert!(log.to_string().contains("\"uri\":\"pack/a/evil/SKILL.md\""), "{what}: {log}");
    }
    // What lies elsewhere is told from itself.
    fs::rename(sandbox.at("work/pack"), sandbox.at("sources/pack")).unwrap();
    let said = sandbox.run(&["scan", "../sources/pack", "--format", "github"]).code(10).0.stdout;
    assert!(said.lines().all(|line| line.contains(" file=a/evil/")), "{said}");
}

#[test]
fn attack_a_folder_of_look_alike_letters_is_named_as_it_lies_there() {
    let sandbox = pack();
    let name = "p\u{430}ck";
    fs::rename(sandbox.at("sources/pack"), sandbox.at("work").join(name)).unwrap();
    let said = sandbox.run(&["scan", ".", "--format", "github"]).code(10).0.stdout;
    assert!(said.lines().all(|line| line.contains(&format!(" file={name}/a/evil/"))), "{said}");
    // People see that it is another letter.
    sandbox.run(&["scan", "."]).code(10).says("p\\u{430}ck/a/evil");
}
