//! What a verification summary says, written and read.
//!
//! Members that the specification does not have are taken in the predicate, in
//! `verifier` and in `policy`, if their name is a URI, as it allows for
//! extensions; they are not read. Any other unknown member refuses, which is
//! stricter: one that narrows what was said would be passed over.

use super::{Digest, Statement, Timestamp, text};
use crate::model::json::Value;
use crate::policy::provenance::seal::{ToSign, list, object, word};
use std::collections::BTreeMap;
use std::fmt;

/// What the predicate must be.
pub const PREDICATE_TYPE: &str = "https://slsa.dev/verification_summary/v1";
/// Longest URI and longest name of a subject, in bytes.
const URI_MAX: usize = 1024;
/// Longest level, in bytes.
const LEVEL_MAX: usize = 100;
/// Most levels.
const LEVELS_MAX: usize = 32;
/// What stands among levels for a policy that was not met.
const FAILED: &str = "FAILED";

/// The members of a predicate.
const MEMBERS: [&str; 9] = [
    "verifier",
    "timeVerified",
    "resourceUri",
    "policy",
    "inputAttestations",
    "verificationResult",
    "verifiedLevels",
    "dependencyLevels",
    "slsaVersion",
];
/// The members of in-toto's ResourceDescriptor.
const DESCRIPTOR: [&str; 7] =
    ["name", "uri", "digest", "content", "downloadLocation", "mediaType", "annotations"];

/// `PASSED` or `FAILED`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The policy was met.
    Passed,
    /// It was not.
    Failed,
}

/// What was reached, such as `SLSA_BUILD_LEVEL_2`, or a word of the verifier's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(String);

impl Level {
    /// Reads one.
    ///
    /// # Errors
    /// [`BadAttestation`]; also for a word that begins with `SLSA_` and is no
    /// level of a track.
    pub fn parse(text: &str) -> Result<Self, BadAttestation> {
        let plain = (1..=LEVEL_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        let level = Self(text.to_owned());
        if plain && text != FAILED && (!text.starts_with("SLSA_") || level.track().is_some()) {
            return Ok(level);
        }
        bad(format!("`{}` is no level, such as SLSA_BUILD_LEVEL_2", text::escape_short(text, 80)))
    }

    /// Track and number, if it is one of SLSA's.
    fn track(&self) -> Option<(&str, u8)> {
        let (track, number) = self.0.strip_prefix("SLSA_")?.split_once("_LEVEL_")?;
        let [digit @ b'0'..=b'9'] = number.as_bytes() else { return None };
        (!track.is_empty()).then_some((track, digit - b'0'))
    }

    /// Whether this one holds that one.
    #[must_use]
    pub fn holds(&self, other: &Self) -> bool {
        match (self.track(), other.track()) {
            (Some((track, high)), Some((same, low))) => track == same && high >= low,
            _ => self == other,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What the bytes were held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Where it is, or what it is called.
    pub uri: String,
    /// SHA-256 of its bytes.
    pub sha256: Digest,
}

/// A verification summary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    /// What the verifier calls the bytes. The digest alone says which they are.
    pub name: String,
    /// The bytes.
    pub digest: Digest,
    /// Who verified, a URI.
    pub verifier: String,
    /// When.
    pub verified: Timestamp,
    /// What the bytes are to be used as, a URI.
    pub resource: String,
    /// Against what.
    pub policy: Policy,
    /// The answer.
    pub answer: Answer,
    /// What was reached; nothing where it failed.
    pub levels: Vec<Level>,
}

/// An attestation that is not in its form. The text is ours, what it quotes escaped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadAttestation(String);

fn bad<T>(why: impl Into<String>) -> Result<T, BadAttestation> {
    Err(BadAttestation(why.into()))
}

impl Attestation {
    /// The statement, for [`crate::policy::provenance::seal::seal`].
    ///
    /// # Errors
    /// [`BadAttestation`].
    pub fn to_sign(&self) -> Result<ToSign, BadAttestation> {
        self.check()?;
        let (answer, levels) = match self.answer {
            Answer::Passed => ("PASSED", self.levels.iter().map(|level| word(&level.0)).collect()),
            Answer::Failed => (FAILED, vec![word(FAILED)]),
        };
        let policy = object([
            ("uri", word(&self.policy.uri)),
            ("digest", object([("sha256", word(&self.policy.sha256.hex()))])),
        ]);
        let predicate = object([
            ("verifier", object([("id", word(&self.verifier))])),
            ("timeVerified", word(&self.verified.to_string())),
            ("resourceUri", word(&self.resource)),
            ("policy", policy),
            ("verificationResult", word(answer)),
            ("verifiedLevels", list(levels)),
        ]);
        Ok(ToSign::statement(&self.name, &self.digest, PREDICATE_TYPE, predicate))
    }

    /// A level among these that is not reached.
    pub(super) fn lacks<'a>(&self, wanted: &'a [Level]) -> Option<&'a Level> {
        wanted.iter().find(|wanted| !self.levels.iter().any(|level| level.holds(wanted)))
    }

    fn check(&self) -> Result<(), BadAttestation> {
        if !(1..=URI_MAX).contains(&self.name.len()) || self.name.chars().any(text::is_hidden) {
            return bad(format!(
                "the subject's name is empty, longer than {URI_MAX} bytes, or has hidden characters"
            ));
        }
        for (what, uri) in [
            ("verifier.id", &self.verifier),
            ("resourceUri", &self.resource),
            ("policy.uri", &self.policy.uri),
        ] {
            if !is_uri(uri) {
                return bad(format!("`{what}` is `{}`, which is no URI", text::escape_short(uri, 80)));
            }
        }
        if self.levels.len() > LEVELS_MAX {
            return bad(format!("{} levels; at most {LEVELS_MAX} can be", self.levels.len()));
        }
        for (at, level) in self.levels.iter().enumerate() {
            let same = |other: &Level| match (level.track(), other.track()) {
                (Some((one, _)), Some((other, _))) => one == other,
                _ => level == other,
            };
            if self.levels[..at].iter().any(same) {
                return bad(format!("`{level}` is the second level of its track, which may have one"));
            }
        }
        if self.answer == Answer::Failed && !self.levels.is_empty() {
            return bad("it failed, and names levels that were reached");
        }
        Ok(())
    }

    /// Reads a statement.
    pub(super) fn of(statement: &Statement) -> Result<Self, BadAttestation> {
        if statement.predicate_type != PREDICATE_TYPE {
            let quoted = text::escape_short(&statement.predicate_type, 80);
            return bad(format!("it is a `{quoted}`, not a verification summary (`{PREDICATE_TYPE}`)"));
        }
        let digest = statement.git_tree().map_err(BadAttestation)?;
        let fields = &statement.predicate;
        known(fields, &MEMBERS, "predicate")?;
        let verifier = fields.get("verifier").unwrap_or(&Value::Null);
        known(verifier, &["id", "version"], "verifier")?;
        let need = |json: &Value, name: &str| {
            let text = json.get(name).and_then(Value::as_text);
            text.map(str::to_owned).ok_or_else(|| BadAttestation(format!("`{name}` is no text")))
        };
        let verified = time(&need(fields, "timeVerified")?)?;
        let answer = match fields.get("verificationResult").and_then(Value::as_text) {
            Some("PASSED") => Answer::Passed,
            Some(FAILED) => Answer::Failed,
            _ => return bad("`verificationResult` is neither `PASSED` nor `FAILED`"),
        };
        optional(fields)?;
        let attestation = Self {
            name: statement.name.clone(),
            digest,
            verifier: need(verifier, "id")?,
            verified,
            resource: need(fields, "resourceUri")?,
            policy: policy(fields)?,
            answer,
            levels: levels(fields, answer)?,
        };
        attestation.check()?;
        Ok(attestation)
    }
}

/// Refuses a member that is neither the specification's nor an extension.
fn known(json: &Value, names: &[&str], what: &str) -> Result<(), BadAttestation> {
    let members = json.as_map().ok_or_else(|| BadAttestation(format!("`{what}` is no object")))?;
    let is_extension = |name: &str| is_uri(name) && name.contains("://");
    match members.keys().find(|name| !names.contains(&name.as_str()) && !is_extension(name)) {
        None => Ok(()),
        Some(name) => bad(format!(
            "`{what}` has the unknown member `{}`; an extension's name is a URI",
            text::escape_short(name, 80)
        )),
    }
}

fn policy(fields: &Value) -> Result<Policy, BadAttestation> {
    let policy = fields.get("policy").unwrap_or(&Value::Null);
    known(policy, &DESCRIPTOR, "policy")?;
    let sha256 = policy.get("digest").and_then(|digest| digest.get("sha256")).and_then(Value::as_text);
    match (policy.get("uri").and_then(Value::as_text), sha256.map(Digest::from_hex)) {
        (Some(uri), Some(Ok(sha256))) => Ok(Policy { uri: uri.to_owned(), sha256 }),
        _ => bad("`policy` has no `uri`, or no `digest` with a `sha256` of 64 lower-case hex digits"),
    }
}

/// The levels, without the word that only repeats the failure.
fn levels(fields: &Value, answer: Answer) -> Result<Vec<Level>, BadAttestation> {
    let list = fields.get("verifiedLevels").and_then(Value::as_list);
    let list = list.ok_or_else(|| BadAttestation("`verifiedLevels` is no list".to_owned()))?;
    let texts = list.iter().map(Value::as_text).collect::<Option<Vec<_>>>();
    let texts = texts.ok_or_else(|| BadAttestation("a level is no text".to_owned()))?;
    match answer {
        // What a verifier names beside a failure was not reached for this policy.
        Answer::Failed => Ok(Vec::new()),
        Answer::Passed if texts.contains(&FAILED) => bad("it passed, and `FAILED` is among its levels"),
        Answer::Passed if texts.len() > LEVELS_MAX => bad(format!("more than {LEVELS_MAX} levels")),
        Answer::Passed => texts.into_iter().map(Level::parse).collect(),
    }
}

/// What may be left out, and is not used: in its form, if it is there.
fn optional(fields: &Value) -> Result<(), BadAttestation> {
    if let Some(inputs) = fields.get("inputAttestations") {
        let items =
            inputs.as_list().ok_or_else(|| BadAttestation("`inputAttestations` is no list".to_owned()))?;
        for item in items {
            known(item, &DESCRIPTOR, "inputAttestations")?;
            if item.get("digest").and_then(Value::as_map).is_none_or(BTreeMap::is_empty) {
                return bad("an input attestation has no digest");
            }
        }
    }
    let is_count = |value: &Value| matches!(value, Value::Int(0..));
    if let Some(levels) = fields.get("dependencyLevels")
        && !levels.as_map().is_some_and(|all| all.values().all(is_count))
    {
        return bad("`dependencyLevels` is no object of counts");
    }
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let is_version = |text: &str| text.split_once('.').is_some_and(|(a, b)| is_number(a) && is_number(b));
    if let Some(version) = fields.get("slsaVersion")
        && !version.as_text().is_some_and(is_version)
    {
        return bad("`slsaVersion` is no version such as 1.0");
    }
    Ok(())
}

/// RFC 3339 in UTC; parts of a second are cut off.
fn time(text: &str) -> Result<Timestamp, BadAttestation> {
    let whole = match text.split_once('.') {
        None => text.to_owned(),
        Some((whole, rest)) => {
            let digits = rest.strip_suffix('Z').unwrap_or_default();
            let good = (1..=9).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
            if good { format!("{whole}Z") } else { String::new() }
        }
    };
    Timestamp::parse_exact(whole.as_bytes())
        .ok_or_else(|| BadAttestation("`timeVerified` is no time such as 2027-01-31T12:00:00Z".to_owned()))
}

/// A scheme, a colon, and visible ASCII without what no URI holds.
fn is_uri(text: &str) -> bool {
    let letters = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    text.len() <= URI_MAX
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte))
        && text.split_once(':').is_some_and(|(scheme, rest)| letters(scheme) && !rest.is_empty())
}
