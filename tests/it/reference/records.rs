//! A short life of one skill, played with the real program: its answers and
//! its records are what the schemas are held against.

use serde_json::{Value, json};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a played home leaves.
pub(super) struct Played {
    /// Every answer of the gate.
    pub(super) answers: Vec<Value>,
    /// Every record of the log.
    pub(super) records: Vec<Value>,
}

fn skills(home: &Path, words: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skills"));
    let output = command
        .arg("--home")
        .arg(home)
        .args(["--no-input", "--json"])
        .args(words)
        .env_clear()
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{words:?}: {error}: {text}"))
}

/// One request on standard input.
pub(super) fn ask(home: &Path, request: &str) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skills"));
    command.arg("--home").arg(home).arg("gate").env_clear().stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(request.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{request}: {error}"))
}

impl Played {
    pub(super) fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let (home, source, agent) =
            (place.path().join("home"), place.path().join("pdf"), place.path().join("agent"));
        std::fs::create_dir(&source).unwrap();
        std::fs::create_dir(&agent).unwrap();
        std::fs::write(
            source.join("SKILL.md"),
            "---\nname: pdf\ndescription: Fills forms.\n---\nFill them.\n",
        )
        .unwrap();
        let (source, agent) = (source.to_str().unwrap(), agent.to_str().unwrap());
        let mut answers = Vec::new();
        let run = |words: &[&str]| skills(&home, words);
        let gate = |answers: &mut Vec<Value>| answers.push(run(&["gate", "pdf"]));
        gate(&mut answers);
        let digest = run(&["install", source])["skills"][0]["digest"].as_str().unwrap().to_owned();
        gate(&mut answers);
        run(&["trust", "pdf", "--digest", &digest, "--expires", "90d", "--note", "read"]);
        answers.push(run(&["gate", "pdf", "--question", "enable"]));
        run(&["enable", "pdf", "--dir", agent]);
        gate(&mut answers);
        let known = json!({ "schema": "skill-trust/gate-request/1", "skill": "pdf", "request_id": "7", "gateway": "test" });
        answers.push(ask(&home, &known.to_string()));
        let copy = Path::new(agent).join("pdf/SKILL.md");
        let writable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(&copy, writable).unwrap();
        std::fs::write(&copy, "other").unwrap();
        gate(&mut answers);
        run(&["kill", "--all", "--note", "drill"]);
        gate(&mut answers);
        run(&["release", "--all", "--phrase", "release epoch 1"]);
        run(&["remove", "pdf"]);
        gate(&mut answers);
        answers.push(run(&["gate", "--nonsense"]));
        // Taken in as it lies, and over what somebody else put there.
        let other = place.path().join("other/pdf");
        std::fs::create_dir_all(&other).unwrap();
        std::fs::write(other.join("SKILL.md"), "---\nname: pdf\ndescription: x\n---\nB\n").unwrap();
        let other = other.to_str().unwrap();
        let digest = run(&["adopt", other])["skills"][0]["digest"].as_str().unwrap().to_owned();
        run(&["trust", "pdf", "--digest", &digest]);
        let folder = other.rsplit_once('/').unwrap().0;
        run(&["enable", "pdf", "--dir", folder, "--replace", &digest]);
        let log = std::fs::read_to_string(home.join("audit/audit.jsonl")).unwrap();
        let records = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        Self { answers, records }
    }
}

#[test]
fn every_record_of_the_program_fits_its_schema() {
    let text = include_str!("../../../schema/record.json");
    let text: Value = serde_json::from_str(text).unwrap();
    let schema = jsonschema::validator_for(&text).unwrap();
    let played = Played::new();
    assert!(played.records.len() >= 12, "{}", played.records.len());
    for record in &played.records {
        assert!(
            schema.is_valid(record),
            "{record}: {:?}",
            schema.validate(record).map_err(|error| error.to_string())
        );
    }
    for (field, value) in [
        ("more", json!(1)),
        ("seq", json!(0)),
        ("prev", json!("x")),
        ("event", json!("A")),
        ("format", json!(2)),
    ] {
        let mut wrong = played.records[0].clone();
        wrong[field] = value;
        assert!(!schema.is_valid(&wrong), "{field}");
    }
    let fields = text["properties"].as_object().unwrap();
    let page = include_str!("../../../docs/audit-log.md");
    for field in fields.keys() {
        assert!(page.contains(&format!("| `{field}` |")), "docs/audit-log.md does not know {field}");
    }
    for field in page.split("## Fields").nth(1).unwrap().split("Types:").next().unwrap().lines() {
        if let Some(name) = field.strip_prefix("| `").and_then(|rest| rest.split('`').next()) {
            assert!(fields.contains_key(name), "schema/record.json does not know {name}");
        }
    }
}
