//! What other scanners found, beside what we find.

use crate::support::sandbox::Sandbox;
use serde_json::json;
use std::fs;

/// `work/demo`, in whose script the fixture finds something, and the fixture.
fn demo() -> (Sandbox, String) {
    let sandbox = Sandbox::fast();
    let script =
        "import subprocess\n\nsubprocess.call(\"ls\", shell=True)\n# 🙂\n\"🙂\";eval(input())  # nosec\n";
    sandbox.skill("demo").into_folder("work/demo").file("scripts/a.py", script).make();
    let file = sandbox.at("work/other.sarif");
    fs::write(&file, include_str!("other.sarif")).unwrap();
    let file = file.to_str().unwrap().to_owned();
    (sandbox, file)
}

#[test]
fn results_of_others_stand_where_they_say() {
    let (sandbox, file) = demo();
    let said = sandbox.run(&["scan", "demo", "--import", &file, "-v"]).code(0).0.stdout;
    let wanted = "\
CONFIRM  Snake-Check:S102  evaluates input
    --> demo/scripts/a.py:5:5
    |
  5 | \"🙂\";eval(input())  # nosec
    |      ^^^^^^^^^^^^^
    why       another scanner says so; nothing of it was checked here
";
    assert!(said.contains(wanted), "{said}");
    let wanted = "\
NOTE  Snake-Check:S101  a shell is started
    --> demo/scripts/a.py:3:1
    |
  3 | subprocess.call(\"ls\", shell=True)
    | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
";
    assert!(said.contains(wanted), "{said}");
    let wanted = "\
CONFIRM  Snake-Check:S102  in a file of somebody else
    --> `../../etc/passwd` is no file that was looked at

WARN  Snake-Check:S103  of no file
    --> names no file

taken in 4 results, by Snake Check, from ";
    assert!(said.contains(wanted), "{said}");
    assert!(!said.contains("all is well") && !said.contains("root:"), "{said}");
}

#[test]
fn they_count_and_never_block() {
    let (sandbox, file) = demo();
    for (least, code) in [("block", 0), ("confirm", 10), ("never", 0)] {
        sandbox.run(&["scan", "demo", "--import", &file, "--fail-on", least]).code(code);
    }
    // A result that stands nowhere is not lost: it alone makes a failure.
    let lost = r#"{"version":"2.1.0","runs":[{"results":[{"level":"error","message":{"text":"m"},
        "locations":[{"physicalLocation":{"artifactLocation":{"uri":"gone.py"}}}]}]}]}"#;
    fs::write(sandbox.at("work/lost.sarif"), lost).unwrap();
    sandbox.run(&["scan", "demo", "--import", "lost.sarif", "--fail-on", "confirm"]).code(10);
    // One that its tool gave up on is no whole look.
    let failed =
        r#"{"version":"2.1.0","runs":[{"results":[],"invocations":[{"executionSuccessful":false}]}]}"#;
    fs::write(sandbox.at("work/failed.sarif"), failed).unwrap();
    sandbox
        .run(&["scan", "demo", "--import", "failed.sarif"])
        .code(5)
        .says("it says itself that it did not finish");
}

#[test]
fn they_are_in_every_form() {
    let (sandbox, file) = demo();
    let import = ["--import", file.as_str()];
    let document = sandbox.run(&[&["scan", "demo", "--json"], &import[..]].concat()).code(0).json();
    let schema = jsonschema::validator_for(&crate::reference::scans::schema()).unwrap();
    assert!(schema.is_valid(&document), "{document}");
    assert_eq!(document["tiers"], json!({ "block": 0, "confirm": 2, "warn": 1, "note": 1 }));
    assert_eq!(document["looked_at"][0]["elsewhere"].as_array().unwrap().len(), 2);
    let log: serde_json::Value = serde_json::from_str(
        &sandbox.run(&[&["scan", "demo", "--format", "sarif"], &import[..]].concat()).code(0).0.stdout,
    )
    .unwrap();
    let ids: Vec<_> = log["runs"][0]["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["ruleId"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["Snake-Check:S102", "Snake-Check:S101", "Snake-Check:S102", "Snake-Check:S103"]);
    let lines =
        sandbox.run(&[&["scan", "demo", "--format", "github"], &import[..]].concat()).code(0).0.stdout;
    assert_eq!(
        lines.lines().next().unwrap(),
        "::warning file=demo/scripts/a.py,line=5,endLine=5,col=5,endColumn=18,title=CONFIRM Snake-Check%3AS102::evaluates input"
    );
}

#[test]
fn the_same_results_stand_in_a_stored_copy() {
    let (sandbox, _) = demo();
    sandbox.run(&["install", &sandbox.arg("work/demo")]).ok();
    let file = sandbox.at("work/stored.sarif");
    fs::write(&file, include_str!("other.sarif").replace("demo/scripts", "scripts")).unwrap();
    fs::rename(sandbox.at("work/demo"), sandbox.at("work/away")).unwrap();
    let said = sandbox.run(&["scan", "demo", "--import", "stored.sarif"]).code(0).0.stdout;
    assert!(said.contains("    --> scripts/a.py:5:5\n"), "{said}");
}

#[test]
fn attack_what_is_no_sarif_is_refused_before_anything_is_said() {
    let (sandbox, _) = demo();
    let deep = format!(r#"{{"version":"2.1.0","runs":{}"#, "[".repeat(100_000));
    let large = " ".repeat((4 << 20) + 1);
    let twice = r#"{"version":"2.1.0","runs":[],"runs":[{}]}"#;
    for (name, text) in [
        ("deep", deep.as_str()),
        ("large", &large),
        ("twice", twice),
        ("empty", ""),
        ("old", r#"{"version":"1.0.0","runs":[]}"#),
    ] {
        fs::write(sandbox.at("work/bad"), text).unwrap();
        let said =
            sandbox.run(&["scan", "demo", "--import", "bad"]).code(2).says("bad cannot be taken in: ").0;
        assert_eq!(said.stdout, "", "{name}");
    }
    fs::write(sandbox.at("work/bad"), b"\xff").unwrap();
    sandbox.run(&["scan", "demo", "--import", "bad"]).code(2).says("it is not UTF-8");
    super::fifo(&sandbox.at("work/pipe"));
    sandbox.run(&["scan", "demo", "--import", "pipe"]).code(2).says("it is no regular file");
    sandbox.run(&["scan", "demo", "--import", "gone"]).code(2);
    sandbox.run(&["scan", "demo", "demo", "--import", "bad"]).code(2).says("name one folder with --import");
}

#[test]
fn attack_words_of_others_are_escaped_everywhere() {
    let (sandbox, _) = demo();
    let evil = r"x\n::error::y\u001b[2J\u202e##[error]z, a=b::c%0A";
    let text = format!(
        r#"{{"version":"2.1.0","runs":[{{"tool":{{"driver":{{"name":"{evil}"}}}},"results":[
            {{"ruleId":"{evil}","level":"error","message":{{"text":"{evil}"}},"locations":[{{"physicalLocation":{{"artifactLocation":{{"uri":"demo/SKILL.md"}},"region":{{"startLine":900}}}}}}]}},
            {{"ruleId":"{evil}","level":"error","message":{{"text":"{evil}"}},"locations":[{{"physicalLocation":{{"artifactLocation":{{"uri":"{}"}}}}}}]}}]}}]}}"#,
        evil.replace("%0A", "")
    );
    fs::write(sandbox.at("work/evil"), text).unwrap();
    for form in ["plain", "json", "sarif", "github"] {
        let said = sandbox.run(&["scan", "demo", "--import", "evil", "--format", form]).code(0).0;
        let all = format!("{}{}", said.stdout, said.stderr);
        assert!(!all.chars().any(|c| c != '\n' && skill_trust::model::text::is_hidden(c)), "{all:?}");
        for line in all.lines() {
            let is_ours = form == "github" && line.starts_with("::warning ");
            assert!(is_ours || !line.trim_start().starts_with("::"), "{form}: {line}");
            assert!(form != "plain" || !line.contains("##["), "{form}: {line}");
        }
        assert!(form != "github" || said.stdout.lines().count() == 2, "{all}");
        assert!(
            form != "plain" || said.stdout.contains("at line 900, which the file does not have"),
            "{all}"
        );
    }
}
