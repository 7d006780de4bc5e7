//! A policy file's text as it is written, before anything of it is believed.
//! Whatever is not named here is refused.

use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    pub(super) sources: Option<RawSources>,
    pub(super) trust: Option<RawTrust>,
    pub(super) enable: Option<RawEnable>,
    pub(super) network: Option<RawNetwork>,
    pub(super) deps: Option<RawDeps>,
    pub(super) require: Option<Vec<RawRequire>>,
    pub(super) review: Option<RawReview>,
    pub(super) limits: Option<RawLimits>,
    pub(super) gate: Option<RawGate>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSources {
    pub(super) allow: Option<Vec<String>>,
    #[serde(default)]
    pub(super) deny: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawTrust {
    pub(super) min_age: Option<String>,
    #[serde(default)]
    pub(super) early: Vec<String>,
    pub(super) expires: Option<String>,
    pub(super) max_days: Option<u32>,
    pub(super) note: Option<String>,
    pub(super) first_seen_counts: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEnable {
    pub(super) agents: Option<Vec<String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNetwork {
    pub(super) internal: Option<Vec<String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDeps {
    pub(super) programs: Option<Vec<String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLimits {
    pub(super) files: Option<u64>,
    pub(super) total: Option<u64>,
    pub(super) file: Option<u64>,
    pub(super) depth: Option<u64>,
    pub(super) path: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawGate {
    pub(super) valid_for: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRequire {
    #[serde(rename = "for")]
    pub(super) source: Option<String>,
    pub(super) signatures: Option<u32>,
    #[serde(default)]
    pub(super) signers: Vec<String>,
    pub(super) reviews: Option<u32>,
    #[serde(default)]
    pub(super) criteria: Vec<String>,
    pub(super) attested: Option<u32>,
    #[serde(default)]
    pub(super) verifiers: Vec<String>,
    #[serde(default)]
    pub(super) grant: bool,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawReview {
    pub(super) severity: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub(super) except: Vec<RawExcept>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawExcept {
    pub(super) rule: String,
    pub(super) digest: String,
    pub(super) why: String,
    pub(super) until: Option<String>,
}
