//! Policy files: text in, a validated [`Policy`] out. The only door to toml.
//!
//! Two files count: the machine's (`/etc/skill-trust/policy.toml`), which
//! wins, and the account's, which can add to it but not undo it. An unknown
//! key is an error and an error denies: a misspelt rule must not be no rule.
//!
//! ```toml
//! [sources]
//! allow = ["https://github.com/acme/"]     # nothing else may be used
//! deny  = ["https://github.com/acme/old"]  # wins over allow, and in every spelling
//!
//! [trust]
//! max-days = 90      # every trust decision ends by then
//!
//! [limits]           # for one skill; up to the hard ceiling
//! files = 5000
//! total = 67108864
//! file  = 16777216
//! depth = 16
//! path  = 512
//!
//! [gate]
//! valid-for = 60     # seconds an allow may be used
//! ```

use crate::model::digest::{Digest, sha256};
use crate::model::limits::Limits;
use crate::model::source;
use serde::Deserialize;

/// The rules in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Lists of source prefixes; a source must match one of each list.
    allow: Vec<Vec<String>>,
    /// Source prefixes that are never used.
    deny: Vec<String>,
    /// Days after which every trust decision ends.
    pub max_days: Option<u32>,
    /// What one skill may hold.
    pub limits: Limits,
    /// Seconds an allow may be used.
    pub valid_for: u64,
    /// Digest of the files it came from; none if there were none.
    pub digest: Option<Digest>,
}

impl Policy {
    /// Without any file.
    pub const DEFAULT: Self = Self {
        allow: Vec::new(),
        deny: Vec::new(),
        max_days: None,
        limits: Limits::DEFAULT,
        valid_for: 60,
        digest: None,
    };

    /// Reads the files' texts, the one that wins first.
    ///
    /// # Errors
    /// Which file, where in it, and what is wrong.
    pub fn read(files: &[(&str, String)]) -> Result<Self, String> {
        let mut policy = Self::DEFAULT;
        let mut fixed = Vec::new();
        for (name, text) in files {
            let raw: Raw = toml::from_str(text).map_err(|error| format!("{name}: {}", error.message()))?;
            policy.add(raw, &mut fixed).map_err(|why| format!("{name}: {why}"))?;
            let before = policy.digest.unwrap_or(Digest::ZERO);
            policy.digest = Some(sha256(&[before.as_bytes(), text.as_bytes()]));
        }
        Ok(policy)
    }

    /// Adds a later file: it tightens lists, and sets only what is not set yet.
    fn add(&mut self, raw: Raw, fixed: &mut Vec<&'static str>) -> Result<(), String> {
        let sources = raw.sources.unwrap_or_default();
        if sources.allow.iter().flatten().chain(&sources.deny).any(|prefix| prefix.is_empty()) {
            return Err("an empty prefix in [sources] would match everything".to_owned());
        }
        self.allow.extend(sources.allow);
        self.deny.extend(sources.deny);
        if let Some(days) = raw.trust.unwrap_or_default().max_days {
            self.max_days = Some(self.max_days.map_or(days, |earlier| earlier.min(days)));
        }
        let mut set = |name: &'static str, value: Option<u64>, ceiling: u64| match value {
            Some(value) if value == 0 || value > ceiling => {
                Err(format!("{name} = {value}: must be 1 to {ceiling}"))
            }
            Some(_) if fixed.contains(&name) => Ok(None),
            Some(value) => {
                fixed.push(name);
                Ok(Some(value))
            }
            None => Ok(None),
        };
        let top = Limits::CEILING;
        let limits = raw.limits.unwrap_or_default();
        let small = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
        if let Some(value) = set("files", limits.files, top.files)? {
            self.limits.files = value;
        }
        if let Some(value) = set("total", limits.total, top.total)? {
            self.limits.total = value;
        }
        if let Some(value) = set("file", limits.file, top.file)? {
            self.limits.file = value;
        }
        if let Some(value) = set("depth", limits.depth, top.depth as u64)? {
            self.limits.depth = small(value);
        }
        if let Some(value) = set("path", limits.path, top.path as u64)? {
            self.limits.path = small(value);
        }
        if let Some(value) = set("valid-for", raw.gate.unwrap_or_default().valid_for, 3600)? {
            self.valid_for = value;
        }
        Ok(())
    }

    /// Whether skills of a source may be used; else the rule that forbids it.
    ///
    /// # Errors
    /// The rule, in words.
    pub fn check_source(&self, identity: &str) -> Result<(), String> {
        // What is forbidden is forbidden in every spelling; what is allowed, in one.
        let denies = |prefix: &&String| covers(prefix, identity) || source::covers(prefix, identity);
        if let Some(prefix) = self.deny.iter().find(denies) {
            return Err(format!("[sources] deny = \"{prefix}\""));
        }
        match self.allow.iter().find(|list| !list.iter().any(|prefix| covers(prefix, identity))) {
            Some(list) => Err(format!("[sources] allow = {list:?}")),
            None => Ok(()),
        }
    }
}

/// Whether a prefix covers an address, at a component's border: `…/acme` must
/// not cover `…/acme-evil`.
fn covers(prefix: &str, identity: &str) -> bool {
    let Some(rest) = identity.strip_prefix(prefix) else { return false };
    rest.is_empty() || prefix.ends_with('/') || rest.starts_with('/')
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    sources: Option<RawSources>,
    trust: Option<RawTrust>,
    limits: Option<RawLimits>,
    gate: Option<RawGate>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawSources {
    allow: Option<Vec<String>>,
    #[serde(default)]
    deny: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawTrust {
    max_days: Option<u32>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawLimits {
    files: Option<u64>,
    total: Option<u64>,
    file: Option<u64>,
    depth: Option<u64>,
    path: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawGate {
    valid_for: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(texts: &[&str]) -> Result<Policy, String> {
        let files: Vec<_> = texts.iter().map(|text| ("policy.toml", (*text).to_owned())).collect();
        Policy::read(&files)
    }

    #[test]
    fn no_file_is_the_default_and_an_unknown_key_is_an_error() {
        assert_eq!(read(&[]).unwrap(), Policy::DEFAULT);
        assert!(read(&["[sources]\nalow = []"]).is_err());
        assert!(read(&["[limits]\nfiles = 0"]).unwrap_err().contains("1 to"));
        assert!(read(&["[limits]\nfiles = 99999999"]).is_err());
    }

    #[test]
    fn the_account_cannot_undo_what_the_machine_says() {
        let machine = "[sources]\nallow = [\"https://h/acme\"]\n[limits]\nfiles = 10\n[trust]\nmax-days = 30";
        let account = "[sources]\nallow = [\"https://h/\"]\n[limits]\nfiles = 100\n[trust]\nmax-days = 90";
        let policy = read(&[machine, account]).unwrap();
        assert_eq!((policy.limits.files, policy.max_days), (10, Some(30)));
        assert!(policy.check_source("https://h/acme/x").is_ok());
        assert!(policy.check_source("https://h/other/x").is_err());
        assert_ne!(policy.digest, read(&[account, machine]).unwrap().digest);
    }

    #[test]
    fn a_prefix_ends_at_a_components_border() {
        let policy = read(&["[sources]\ndeny = [\"https://h/acme\"]"]).unwrap();
        assert!(policy.check_source("https://h/acme").is_err());
        assert!(policy.check_source("https://h/acme/x").is_err());
        assert!(policy.check_source("https://h/acme-good").is_ok());
        assert!(policy.check_source("ssh://git@h/Acme/x.git").is_err());
    }
}
