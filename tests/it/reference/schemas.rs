//! The schemas of the gate's question and answer, and real answers held
//! against them.

use super::check;
use super::records::Played;
use serde_json::{Value, json};
use skill_trust::model::code::Code;
use skill_trust::model::decision::{ANSWER_SCHEMA, GateAnswer, GateRequest, REQUEST_SCHEMA};
use skill_trust::model::lifecycle::State;

const DIGEST: &str = "^sha256:[0-9a-f]{64}$";
const HEAD: &str = "^[0-9]{1,16}:[0-9a-f]{64}$";

/// What the types cannot say: the tag, the words of an open list, the forms.
fn finish(mut schema: Value, title: &str, tag: &str) -> Value {
    schema["title"] = json!(title);
    schema["additionalProperties"] = json!(false);
    let properties = &mut schema["properties"];
    properties["schema"]["const"] = json!(tag);
    properties["head"]["pattern"] = json!(HEAD);
    schema
}

fn request() -> Value {
    let schema = serde_json::to_value(schemars::schema_for!(GateRequest)).unwrap();
    finish(schema, "A question to the gate", REQUEST_SCHEMA)
}

fn answer() -> Value {
    let schema = serde_json::to_value(schemars::schema_for!(GateAnswer)).unwrap();
    let mut schema = finish(schema, "The gate's answer", ANSWER_SCHEMA);
    let properties = &mut schema["properties"];
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    properties["codes"]["items"] = json!({ "type": "string", "enum": codes });
    properties["digest"]["pattern"] = json!(DIGEST);
    let states = [State::Installed, State::Trusted, State::Enabled].map(State::as_str);
    properties["state"] = json!({
        "description": properties["state"]["description"],
        "enum": [states[0], states[1], states[2], Value::Null],
    });
    schema
}

fn pretty(schema: &Value) -> String {
    format!("{}\n", serde_json::to_string_pretty(schema).unwrap())
}

#[test]
fn the_schema_of_requests_is_the_types() {
    check("schema/gate-request.json", &pretty(&request()));
}

#[test]
fn the_schema_of_answers_is_the_types() {
    check("schema/gate-answer.json", &pretty(&answer()));
}

#[test]
fn every_answer_of_the_program_fits_its_schema() {
    let played = Played::new();
    let schema = jsonschema::validator_for(&answer()).unwrap();
    assert!(played.answers.len() >= 6);
    for answer in &played.answers {
        assert!(
            schema.is_valid(answer),
            "{answer}: {:?}",
            schema.validate(answer).map_err(|error| error.to_string())
        );
    }
    let decisions: Vec<_> =
        played.answers.iter().map(|answer| answer["decision"].as_str().unwrap()).collect();
    assert!(decisions.contains(&"allow") && decisions.contains(&"deny"), "{decisions:?}");
    let mut wrong = played.answers[0].clone();
    wrong["more"] = json!(1);
    assert!(!schema.is_valid(&wrong));
}

#[test]
fn a_request_that_fits_is_answered_and_one_that_does_not_is_denied() {
    let schema = jsonschema::validator_for(&request()).unwrap();
    let tag = REQUEST_SCHEMA;
    let fits = [
        json!({ "schema": tag, "skill": "pdf" }),
        json!({ "schema": tag, "skill": "pdf", "question": "enable", "deadline_ms": 5000 }),
    ];
    let wrong = [
        json!({ "skill": "pdf" }),
        json!({ "schema": tag }),
        json!({ "schema": tag, "skill": "pdf", "more": 1 }),
        json!({ "schema": tag, "skill": "pdf", "question": "maybe" }),
        json!({ "schema": "skill-trust/gate-request/2", "skill": "pdf" }),
        json!({ "schema": tag, "skill": 1 }),
        json!([]),
    ];
    let home = tempfile::tempdir().unwrap();
    let codes = |request: &Value| super::records::ask(home.path(), &request.to_string())["codes"].clone();
    for request in &fits {
        assert!(schema.is_valid(request), "{request}");
        assert_ne!(codes(request), json!(["usage"]), "{request}");
    }
    for request in &wrong {
        assert!(!schema.is_valid(request), "{request}");
        assert_eq!(codes(request), json!(["usage"]), "{request}");
    }
}
