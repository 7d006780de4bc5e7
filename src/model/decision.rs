//! The gate's question and answer.

use super::code::Code;
use super::digest::Digest;
use super::lifecycle::State;
use serde::{Deserialize, Serialize};

/// What a caller asks about a skill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub enum Question {
    /// May this enabled skill be used now?
    #[default]
    Load,
    /// May this trusted skill be switched on?
    Enable,
}

/// Allow, deny, or a person must say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub enum Decision {
    /// Yes, for exactly the digest and path in the answer.
    Allow,
    /// No.
    Deny,
    /// Not without a person.
    Ask,
}

/// One question to the gate, as JSON on standard input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct GateRequest {
    /// `skill-trust/gate-request/1`.
    pub schema: String,
    /// NAME or NAME@DIGEST.
    pub skill: String,
    /// Which question; `load` if absent.
    #[serde(default)]
    pub question: Question,
    /// The folder that the caller is about to use; hashed and compared too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The last audit head that the caller saw, `SIZE:ROOT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    /// The caller's own id for this request; echoed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The caller's name, for the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// Milliseconds after which the answer is deny.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
}

/// Schema tag of [`GateRequest`].
pub const REQUEST_SCHEMA: &str = "skill-trust/gate-request/1";
/// Schema tag of [`GateAnswer`].
pub const ANSWER_SCHEMA: &str = "skill-trust/gate-answer/1";

/// The gate's answer. Only `decision: allow` together with exit code 0 is a yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct GateAnswer {
    /// `skill-trust/gate-answer/1`.
    pub schema: &'static str,
    /// The decision.
    pub decision: Decision,
    /// As asked, escaped.
    pub skill: String,
    /// The question that was answered.
    pub question: Question,
    /// State of the revision, if it was found.
    #[cfg_attr(feature = "cli", schemars(with = "Option<String>"))]
    pub state: Option<State>,
    /// The digest of the bytes that were hashed in this call.
    #[cfg_attr(feature = "cli", schemars(with = "Option<String>"))]
    pub digest: Option<Digest>,
    /// The verified copies; load from one of these paths and no other.
    pub paths: Vec<String>,
    /// Stable codes of the rules that spoke; empty on allow.
    #[cfg_attr(feature = "cli", schemars(with = "Vec<String>"))]
    pub codes: Vec<Code>,
    /// Why, in our own words.
    pub reason: String,
    /// What a person can do about it.
    pub remedy: String,
    /// The kill epoch.
    pub epoch: Option<u64>,
    /// For how many seconds the answer may be used.
    pub valid_for: u64,
    /// Sequence number of the record of this answer.
    pub seq: Option<u64>,
    /// The audit head after it, `SIZE:ROOT`; pass it as `head` next time.
    pub head: Option<String>,
    /// As in the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}
