//! `publish attest` and `publish review`: signed for others, recorded here.

use super::{Author, arg, marks, skill, tool};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use skill_trust::model::code::{Code, Stop};
use skill_trust::model::digest::{Digest, sha256};
use skill_trust::model::time::Timestamp;
use skill_trust::ops::own_keys::{self, Kind};
use skill_trust::ops::publish::state::{self, Made, Opinion, Request};
use std::fs;

fn author() -> Author {
    let author = Author::new();
    own_keys::generate(&author.world, "ana", Kind::Ed25519).unwrap();
    author
}

fn request(skill: &str) -> Request {
    Request { skill: skill.to_owned(), key: "ana".to_owned(), out: None, dry_run: false }
}

fn opinion() -> Opinion {
    Opinion { criteria: vec!["safe-to-run".to_owned()], ..Opinion::default() }
}

fn attest(author: &Author, skill: &str) -> Result<Made, Stop> {
    state::attest(&author.world, &request(skill))
}

/// The last record of the log.
fn last(author: &Author) -> Value {
    let log = fs::read_to_string(author.sandbox.home().join("audit/audit.jsonl")).unwrap();
    serde_json::from_str(log.lines().last().unwrap()).unwrap()
}

fn records(author: &Author) -> usize {
    fs::read_to_string(author.sandbox.home().join("audit/audit.jsonl")).map_or(0, |log| log.lines().count())
}

/// The payload, if OpenSSL takes the one signature as that of `ana`.
fn checked(author: &Author, envelope: &str) -> Value {
    let envelope: Value = serde_json::from_str(envelope).unwrap();
    let (kind, payload) = (envelope["payloadType"].as_str().unwrap(), envelope["payload"].as_str().unwrap());
    assert_eq!((kind, envelope["signatures"].as_array().unwrap().len()), ("application/vnd.in-toto+json", 1));
    let body = STANDARD.decode(payload).unwrap();
    // DSSE, "Pre-Authentication Encoding".
    let signed = [format!("DSSEv1 {} {kind} {} ", kind.len(), body.len()).as_bytes(), &body].concat();
    let signature = STANDARD.decode(envelope["signatures"][0]["sig"].as_str().unwrap()).unwrap();
    let (message, sig) = (author.sandbox.at("message"), author.sandbox.at("sig"));
    fs::write(&message, signed).unwrap();
    fs::write(&sig, signature).unwrap();
    tool(
        "openssl",
        &[
            "pkeyutl",
            "-verify",
            "-rawin",
            "-pubin",
            "-inkey",
            arg(&author.key("ana.pub")),
            "-in",
            arg(&message),
            "-sigfile",
            arg(&sig),
        ],
    );
    serde_json::from_slice(&body).unwrap()
}

fn trusted(author: &Author) -> Digest {
    author.sandbox.trusted(&skill(author, "pdf-forms"), "D")
}

#[test]
fn what_is_trusted_here_is_attested_and_openssl_takes_it() {
    let author = author();
    let digest = trusted(&author);
    let out = author.sandbox.at("pdf-forms.vsa.json");
    let made =
        state::attest(&author.world, &Request { out: Some(out.clone()), ..request("pdf-forms") }).unwrap();
    let envelope = fs::read_to_string(&out).unwrap();
    assert_eq!(made.envelope.as_deref(), Some(envelope.as_str()));
    let statement = checked(&author, &envelope);
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(statement["predicateType"], "https://slsa.dev/verification_summary/v1");
    assert_eq!(statement["subject"][0]["digest"]["gitTree"], digest.hex());
    let predicate = &statement["predicate"];
    assert_eq!(predicate["verificationResult"], "PASSED");
    assert_eq!(predicate["verifier"]["id"], made.signer.to_string());
    assert_eq!(predicate["timeVerified"], "2027-01-15T08:00:00Z");
    let source = author.sandbox.at("sources/pdf-forms");
    assert_eq!(predicate["resourceUri"], format!("file://{}", source.display()));
    assert!(predicate["policy"]["digest"]["sha256"].is_string());
    let record = last(&author);
    assert_eq!((record["event"].as_str(), record["decision"].as_str()), (Some("publish"), Some("done")));
    assert_eq!(record["digest"], digest.to_string());
    assert!(record["reason"].as_str().unwrap().contains(&sha256(&[envelope.as_bytes()]).hex()), "{record}");
    assert_eq!(record["seq"].as_u64(), made.record);
    // An enabled one, and one named by a folder that holds its bytes.
    author.sandbox.run(&["enable", "pdf-forms", "--dir", &author.sandbox.arg("a")]).ok();
    attest(&author, "pdf-forms").unwrap();
    attest(&author, arg(&source)).unwrap();
    author.sandbox.run(&["audit", "verify"]).ok();
}

#[test]
fn what_the_gate_would_not_allow_is_not_attested() {
    let author = author();
    let folder = skill(&author, "pdf-forms");
    let refused = |typed: &str, code: Code, recorded: bool| {
        let before = records(&author);
        let stop = attest(&author, typed).unwrap_err();
        assert_eq!(stop.code, code, "{typed}: {stop:?}");
        assert_eq!(records(&author) - before, usize::from(recorded), "{typed}: {stop:?}");
        if recorded {
            assert_eq!(last(&author)["decision"], "refused");
            assert_eq!(last(&author)["event"], "publish");
        }
    };
    refused("pdf-forms", Code::HomeMissing, false);
    author.sandbox.run(&["install", arg(&folder)]).ok();
    refused("pdf-forms", Code::NotTrusted, true);
    refused("other", Code::NotInstalled, true);
    refused(arg(&folder), Code::NotTrusted, true);
    refused("No Name", Code::Usage, false);
    let digest = author.sandbox.digest(&folder);
    author
        .sandbox
        .run(&["trust", "pdf-forms", "--digest", &digest.to_string(), "--expires", "2027-02-01"])
        .ok();
    attest(&author, "pdf-forms").unwrap();
    let mut later = Author { sandbox: author.sandbox, world: author.world };
    let (now, clock) = (later.world.clock, Timestamp::parse("2027-02-02T00:00:00Z").unwrap());
    // Only looked at: the home's clock must not run ahead.
    later.world.clock = skill_trust::system::clock::Clock::Fixed(clock);
    let trial = state::attest(&later.world, &Request { dry_run: true, ..request("pdf-forms") });
    assert_eq!(trial.unwrap_err().code, Code::Expired);
    later.world.clock = now;
    // The stored bytes were changed.
    let hex = digest.hex();
    let stored = later.sandbox.home().join("store").join(&hex[..2]).join(&hex).join("SKILL.md");
    crate::support::sandbox::tamper(&stored);
    let stop = attest(&later, "pdf-forms").unwrap_err();
    assert_eq!(stop.code, Code::Drift, "{stop:?}");
    assert_eq!(
        state::review(&later.world, &request("pdf-forms"), &opinion()).unwrap_err().code,
        Code::DigestMismatch
    );
}

#[test]
fn a_kill_ends_attestations_and_leaves_warnings() {
    let author = author();
    trusted(&author);
    author.sandbox.run(&["kill", "pdf-forms"]).ok();
    assert_eq!(attest(&author, "pdf-forms").unwrap_err().code, Code::Held);
    let positive = state::review(&author.world, &request("pdf-forms"), &opinion());
    assert_eq!(positive.unwrap_err().code, Code::Held);
    let findings = vec!["uploads the home folder".to_owned()];
    let warning = Opinion { violation: true, findings, ..opinion() };
    let made = state::review(&author.world, &request("pdf-forms"), &warning).unwrap();
    let statement = checked(&author, &made.envelope.unwrap());
    assert_eq!(statement["predicate"]["result"], "violation");
    assert_eq!(statement["predicate"]["findings"][0], "uploads the home folder");
}

#[test]
fn a_review_says_what_was_typed_about_exactly_these_bytes() {
    let author = author();
    let folder = skill(&author, "pdf-forms");
    author.sandbox.run(&["install", arg(&folder)]).ok();
    let opinion = Opinion {
        criteria: vec!["safe-to-run".to_owned(), "safe-to-read".to_owned()],
        until: Some("30d".to_owned()),
        ..Opinion::default()
    };
    let made = state::review(&author.world, &request("pdf-forms"), &opinion).unwrap();
    let statement = checked(&author, &made.envelope.unwrap());
    assert_eq!(statement["predicateType"], "https://skill-trust/review/v1");
    assert_eq!(statement["subject"][0]["digest"]["gitTree"], author.sandbox.digest(&folder).hex());
    let predicate = &statement["predicate"];
    assert_eq!(predicate["criteria"], serde_json::json!(["safe-to-read", "safe-to-run"]));
    assert_eq!(
        (&predicate["result"], &predicate["made"]),
        (&"positive".into(), &"2027-01-15T08:00:00Z".into())
    );
    assert_eq!(predicate["until"], "2027-02-14T08:00:00Z");
    assert_eq!(last(&author)["event"], "publish");
    for bad in [
        Opinion { criteria: Vec::new(), ..Opinion::default() },
        Opinion { criteria: vec!["Safe".to_owned()], ..Opinion::default() },
        Opinion { violation: true, ..self::opinion() },
        Opinion { findings: vec!["a\u{1b}[2J".to_owned()], ..self::opinion() },
        Opinion { until: Some("soon".to_owned()), ..self::opinion() },
        Opinion { until: Some("2020-01-01".to_owned()), ..self::opinion() },
    ] {
        let before = records(&author);
        let stop = state::review(&author.world, &request("pdf-forms"), &bad).unwrap_err();
        assert_eq!(stop.code, Code::Usage, "{bad:?}: {stop:?}");
        assert!(!stop.what.contains('\u{1b}'));
        assert_eq!(records(&author), before);
    }
}

#[test]
fn a_trial_and_an_agent_sign_nothing_and_no_file_is_overwritten() {
    let mut author = author();
    trusted(&author);
    let (out, before) = (author.sandbox.at("out.json"), records(&author));
    let trial = Request { out: Some(out.clone()), dry_run: true, ..request("pdf-forms") };
    let made = state::attest(&author.world, &trial).unwrap();
    assert_eq!((made.envelope, made.record), (None, None));
    state::review(&author.world, &trial, &opinion()).unwrap();
    assert!(!out.exists() && records(&author) == before);
    fs::write(&out, "kept").unwrap();
    let over = Request { out: Some(out.clone()), ..request("pdf-forms") };
    assert_eq!(state::attest(&author.world, &over).unwrap_err().code, Code::Usage);
    assert_eq!((fs::read_to_string(&out).unwrap().as_str(), records(&author)), ("kept", before));
    author.world.agent = Some("an agent");
    assert_eq!(attest(&author, "pdf-forms").unwrap_err().code, Code::AgentEnvironment);
    let review = state::review(&author.world, &request("pdf-forms"), &opinion());
    assert_eq!(review.unwrap_err().code, Code::AgentEnvironment);
    assert_eq!(records(&author), before + 2, "as with trust, the refusals are on record");
}

#[test]
fn nothing_secret_is_in_an_envelope_the_log_or_what_is_said() {
    let author = author();
    trusted(&author);
    let line = ["publish", "review", "pdf-forms", "--key", "ana", "--criteria", "safe-to-run,safe-to-read"];
    let Some(output) = author.run(&line) else { return };
    let said = output.code(0);
    checked(&author, said.0.stdout.trim());
    let json =
        author.run(&["publish", "attest", "pdf-forms", "--key", "ana", "--json"]).unwrap().code(0).json();
    checked(&author, json["envelope"].as_str().unwrap());
    let mut text = format!("{}{}{json}", said.0.stdout, said.0.stderr);
    text += &fs::read_to_string(author.sandbox.home().join("audit/audit.jsonl")).unwrap();
    for mark in marks(&author.key("ana.key")) {
        assert!(!text.to_lowercase().contains(&mark.to_lowercase()), "{mark}");
    }
    let home = fs::read_dir(author.sandbox.home()).unwrap();
    assert!(home.into_iter().all(|entry| entry.unwrap().file_name() != "keys"));
}
