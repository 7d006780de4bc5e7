//! SARIF 2.1.0, held against what of the standard we use: its section 3, written
//! down here as a schema that allows nothing else.

use super::pack;
use crate::support::sandbox::Sandbox;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;

fn object(required: &[&str], properties: Value) -> Value {
    json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": false })
}

/// The objects that we write, by the sections of the standard that define them.
fn schema() -> Value {
    let (text, count, one) = (
        json!({ "type": "string" }),
        json!({ "type": "integer", "minimum": 0 }),
        json!({ "type": "integer", "minimum": 1 }),
    );
    let words = object(&["text"], json!({ "text": text })); // 3.11, 3.12
    let level = json!({ "enum": ["none", "note", "warning", "error"] }); // 3.27.10
    // 3.4: a relative reference when a base is named, as RFC 3986 has it.
    let uri = json!({ "type": "string", "pattern": "^[A-Za-z0-9._~%-][A-Za-z0-9._~%/-]*$" });
    let location = object(&["uri", "uriBaseId"], json!({ "uri": uri, "uriBaseId": text }));
    let region = object(
        &["startLine"],
        json!({
            "startLine": one, "startColumn": one, "endLine": one, "endColumn": one,
            "byteOffset": count, "byteLength": count,
        }),
    ); // 3.30
    let place = |region_too: bool| {
        let properties = json!({ "artifactLocation": location, "region": region });
        let required: &[&str] =
            if region_too { &["artifactLocation", "region"] } else { &["artifactLocation"] };
        let physical = object(required, properties); // 3.29
        json!({ "type": "array", "minItems": 1, "items": object(&["physicalLocation"], json!({ "physicalLocation": physical })) })
    };
    let bag = json!({ "type": "object" }); // 3.8
    let rule = object(
        &["id", "shortDescription", "defaultConfiguration", "properties"],
        json!({
            "id": text, "shortDescription": words, "fullDescription": words, "help": words,
            "defaultConfiguration": object(&["level"], json!({ "level": level })),
            "properties": object(&["tags"], json!({ "tags": { "type": "array", "items": text, "uniqueItems": true } })),
        }),
    ); // 3.49
    let result = object(
        &["ruleId", "ruleIndex", "level", "message"],
        json!({
            "ruleId": text, "ruleIndex": count, "level": level, "message": words, "locations": place(true),
            "partialFingerprints": { "type": "object", "additionalProperties": text }, "properties": bag,
        }),
    ); // 3.27
    let notification = object(
        &["message"],
        json!({
            "level": level, "message": words, "locations": place(false),
            "descriptor": object(&["id"], json!({ "id": text })),
        }),
    ); // 3.58
    let driver = object(
        &["name", "rules"],
        json!({ "name": text, "semanticVersion": text, "rules": { "type": "array", "items": rule, "uniqueItems": true } }),
    ); // 3.19
    let invocation = object(
        &["executionSuccessful"],
        json!({
            "executionSuccessful": { "type": "boolean" },
            "toolExecutionNotifications": { "type": "array", "items": notification },
        }),
    ); // 3.20
    let base = object(&["description"], json!({ "description": words }));
    let run = object(
        &["tool", "results", "columnKind"],
        json!({
            "tool": object(&["driver"], json!({ "driver": driver })),
            "invocations": { "type": "array", "items": invocation },
            "originalUriBaseIds": { "type": "object", "additionalProperties": base },
            "columnKind": { "enum": ["utf16CodeUnits", "unicodeCodePoints"] },
            "artifacts": { "type": "array", "items": object(&["location"], json!({ "location": location })), "uniqueItems": true },
            "results": { "type": "array", "items": result },
        }),
    ); // 3.14
    object(
        &["version", "runs"],
        json!({
            "$schema": text, "version": { "const": "2.1.0" }, "runs": { "type": "array", "items": run },
        }),
    ) // 3.13
}

pub(super) fn sarif(sandbox: &Sandbox, args: &[&str], code: i32) -> Value {
    let said = sandbox.run(&[&["scan", "--format", "sarif"], args].concat()).code(code).0;
    let log: Value = serde_json::from_str(&said.stdout).unwrap();
    let schema = jsonschema::validator_for(&schema()).unwrap();
    let faults: Vec<_> =
        schema.iter_errors(&log).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
    assert!(faults.is_empty(), "{faults:#?}\n{log}");
    hangs_together(&log);
    log
}

/// What a schema cannot say: indices lead to what they name, and every base is there.
fn hangs_together(log: &Value) {
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let ids: BTreeSet<_> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), rules.len(), "a rule stands once");
    let artifacts: BTreeSet<_> = run["artifacts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["location"]["uri"].as_str().unwrap())
        .collect();
    for result in run["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        for place in result["locations"].as_array().into_iter().flatten() {
            let at = &place["physicalLocation"]["artifactLocation"];
            assert!(artifacts.contains(at["uri"].as_str().unwrap()), "{at}");
            assert!(run["originalUriBaseIds"].get(at["uriBaseId"].as_str().unwrap()).is_some());
        }
    }
}

#[test]
fn every_answer_is_of_the_standard() {
    let sandbox = pack();
    let top = sandbox.arg("sources/pack");
    let log = sarif(&sandbox, &[&top], 10);
    let run = &log["runs"][0];
    let found: Vec<_> = run["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            format!(
                "{} {} {}",
                one["level"].as_str().unwrap(),
                one["ruleId"].as_str().unwrap(),
                one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            "error exec.decode a/evil/SKILL.md",
            "error hide.bidi a/evil/scripts/run.sh",
            "warning hide.encoded-blob a/evil/SKILL.md",
            "warning exec.fetch a/evil/SKILL.md",
            "warning exec.fetch a/evil/SKILL.md",
        ]
    );
    // Byte 8 of the file, and one character of three bytes.
    assert_eq!(
        run["results"][1]["locations"][0]["physicalLocation"]["region"],
        json!({ "startLine": 1, "startColumn": 8, "endLine": 1, "endColumn": 9, "byteOffset": 7, "byteLength": 3 })
    );
    let fetch = run["tool"]["driver"]["rules"]
        .as_array()
        .unwrap()
        .iter()
        .find(|rule| rule["id"] == "exec.fetch")
        .unwrap();
    assert_eq!(fetch["properties"]["tags"], json!(["security", "AST02", "AST01"]));
    assert_eq!(fetch["defaultConfiguration"]["level"], "warning");
    assert!(!log.to_string().contains(sandbox.top().to_str().unwrap()), "no path of the machine");
    // A file as a whole, a clean skill, a stored one, and one that is not whole.
    let binary = sandbox.skill("binary").file("bin/x", b"\x7fELF\x02\x01\x01\0\0\0\0\0").make();
    let log = sarif(&sandbox, &[binary.to_str().unwrap()], 0);
    let place = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(place["region"], json!({ "startLine": 1 }));
    assert_eq!(place["artifactLocation"]["uri"], "bin/x");
    sarif(&sandbox, &[&sandbox.arg("sources/pack/good")], 0);
    sandbox.run(&["install", &sandbox.arg("sources/pack/a/evil")]).ok();
    let log = sarif(&sandbox, &["evil"], 10);
    assert_eq!(log["runs"][0]["artifacts"][0]["location"]["uri"], "SKILL.md");
    fs::write(binary.join("a\nb"), "x").unwrap();
    let log = sarif(&sandbox, &[binary.to_str().unwrap(), "-v"], 5);
    assert_eq!(log["runs"][0]["invocations"][0]["executionSuccessful"], false);
}

/// What a reader of these documents knows a finding by.
#[test]
fn a_print_stays_when_lines_move_and_when_the_folder_does() {
    let sandbox = pack();
    let prints = |path: &str| -> Vec<(String, String)> {
        let log = sarif(&sandbox, &[&sandbox.arg(path)], 10);
        let results = log["runs"][0]["results"].as_array().unwrap().clone();
        let mut all: Vec<_> = results
            .iter()
            .map(|one| {
                let print = one["partialFingerprints"]["skillTrust/v1"].as_str().unwrap();
                (one["ruleId"].as_str().unwrap().to_owned(), print.to_owned())
            })
            .collect();
        all.sort();
        all
    };
    let first = prints("sources/pack");
    assert_eq!(first.len(), first.iter().collect::<BTreeSet<_>>().len(), "each its own: {first:?}");
    assert_eq!(prints("sources/pack/a/evil"), first);
    let file = sandbox.at("sources/pack/a/evil/SKILL.md");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("# Setup", "# Setup\n\nMore words.\n\nAnd more.")).unwrap();
    assert_eq!(prints("sources/pack"), first);
    fs::write(&file, text.replace("base64 -d | sh", "base64 -d | bash")).unwrap();
    let changed = prints("sources/pack");
    let same = changed.iter().filter(|print| first.contains(print)).count();
    assert_eq!((changed.len(), same), (5, 3), "the two that stand at `sh` are others now");
}

#[test]
fn the_schema_refuses_what_is_not_of_the_standard() {
    let schema = jsonschema::validator_for(&schema()).unwrap();
    let good = sarif(&pack_of_one(), &["one"], 0);
    assert!(schema.is_valid(&good));
    for (path, value) in [
        ("/version", json!("2.0.0")),
        ("/runs/0/columnKind", json!("bytes")),
        ("/runs/0/results/0/level", json!("fatal")),
        ("/runs/0/results/0/message", json!("text")),
        ("/runs/0/results/0/locations/0/physicalLocation/region/startLine", json!(0)),
        ("/runs/0/results/0/locations/0/physicalLocation/artifactLocation/uri", json!("/etc/passwd")),
    ] {
        let mut wrong = good.clone();
        *wrong.pointer_mut(path).unwrap_or_else(|| panic!("{path}: {good}")) = value;
        assert!(!schema.is_valid(&wrong), "{path}");
    }
}

/// One skill with one finding, in the folder that we run in.
fn pack_of_one() -> Sandbox {
    let sandbox = Sandbox::fast();
    let card = "---\nname: one\ndescription: d\n---\n```sh\nnpx -y cowsay hi\n```\n";
    sandbox.skill("one").into_folder("work/one").file("SKILL.md", card).make();
    sandbox
}
