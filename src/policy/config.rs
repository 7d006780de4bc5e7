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
//! min-age  = "3d"        # from our own first sight of the bytes to trust in them
//! early    = []          # digests that this file's min-age does not wait for
//! expires  = "90d"       # when a decision ends that names no end
//! max-days = 365         # every trust decision ends by then
//! note     = "required"  # a decision says why
//! first-seen-counts = false  # against a date of compromise only time stamps count, not our own record
//!
//! [enable]
//! agents = ["claude-code"]  # where `enable` places when no place is named
//!
//! [network]
//! internal = ["git.example.org"]  # hosts that need no public address
//!
//! [deps]
//! programs = ["/opt/node/bin"]  # where installers are, beside the system's folders
//!
//! [[require]]        # see `require`: who must vouch, and how many
//! for        = "https://github.com/acme/"
//! signatures = 1
//!
//! [review]           # see `review`: what a rule weighs, and which bytes are excepted
//! severity = { "exec.fetch" = "block" }
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
//!
//! How two files become one is said of each key in [`KEYS`], which is also the
//! reference page. What a followed trust root adds is in [`layer`].

pub mod age;
mod keys;
pub mod layer;
mod raw;
pub mod require;
pub mod review;

pub use keys::{KEYS, Key};

use crate::model::digest::{Digest, sha256};
use crate::model::limits::Limits;
use crate::model::provenance::Provenance;
use crate::model::time::Timestamp;
use crate::model::{agent, source, text};
use age::Age;
use raw::Raw;
use require::Require;

/// The rules in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Lists of source prefixes; a source must match one of each list.
    allow: Vec<Vec<String>>,
    /// Source prefixes that are never used.
    deny: Vec<String>,
    /// How old a revision must be, as each file has it.
    ages: Vec<Age>,
    /// Seconds after which a trust decision ends that names no end.
    pub expires: Option<i64>,
    /// Days after which every trust decision ends.
    pub max_days: Option<u32>,
    /// Whether a trust decision must say why.
    pub note_required: bool,
    /// Whether our own record is witness enough against a date of compromise.
    pub first_seen_counts: bool,
    /// The agents that `enable` places for when none is named.
    pub agents: Vec<&'static str>,
    /// Hosts that may have an address that is not public.
    pub internal: Vec<String>,
    /// Folders in which installers are looked for first; absolute, plain paths.
    pub programs: Vec<String>,
    /// What is demanded of who vouches, block by block.
    requires: Vec<Require>,
    /// How much findings weigh, and what is excepted.
    pub findings: review::Findings,
    /// What one skill may hold.
    pub limits: Limits,
    /// Seconds an allow may be used.
    pub valid_for: u64,
    /// Digest of the files it came from; none if there were none.
    pub digest: Option<Digest>,
    /// All that was said, and by which file.
    settings: Vec<Setting>,
}

/// What one file says of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The key, as in [`KEYS`].
    pub key: &'static str,
    /// The value, as it is written in a file.
    pub value: String,
    /// The file.
    pub file: String,
    /// False if another file's value counts instead.
    pub holds: bool,
}

impl Policy {
    /// Without any file.
    pub const DEFAULT: Self = Self {
        allow: Vec::new(),
        deny: Vec::new(),
        ages: Vec::new(),
        expires: None,
        max_days: None,
        note_required: false,
        first_seen_counts: true,
        agents: Vec::new(),
        internal: Vec::new(),
        programs: Vec::new(),
        requires: Vec::new(),
        findings: review::Findings::SILENT,
        limits: Limits::DEFAULT,
        valid_for: 60,
        digest: None,
        settings: Vec::new(),
    };

    /// For looking only, where no policy can be read: nothing of ours speaks for
    /// a signature.
    #[must_use]
    pub fn silent() -> Self {
        Self { first_seen_counts: false, ..Self::DEFAULT }
    }

    /// Reads the files' texts, the one that wins first.
    ///
    /// # Errors
    /// Which file, where in it, and what is wrong.
    pub fn read(files: &[(&str, String)]) -> Result<Self, String> {
        let mut policy = Self::DEFAULT;
        for (name, text) in files {
            let raw = parse(text).map_err(|why| format!("{name}: {why}"))?;
            policy.add(raw, name).map_err(|why| format!("{name}: {why}"))?;
            policy.count_in(text);
        }
        Ok(policy)
    }

    /// Lets a text count in what records name the policy by.
    fn count_in(&mut self, text: &str) {
        let before = self.digest.unwrap_or(Digest::ZERO);
        self.digest = Some(sha256(&[before.as_bytes(), text.as_bytes()]));
    }

    /// All that the files say, in their order.
    #[must_use]
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }

    /// The file whose value of a key counts; none if no file has the key.
    #[must_use]
    pub fn file_of(&self, key: &str) -> Option<&str> {
        let found = self.settings.iter().find(|setting| setting.key == key && setting.holds)?;
        Some(&found.file)
    }

    /// Adds a later file: it tightens what is there, and sets only what is not
    /// set yet.
    fn add(&mut self, raw: Raw, file: &str) -> Result<(), String> {
        let sources = raw.sources.unwrap_or_default();
        if sources.allow.iter().flatten().chain(&sources.deny).any(|prefix| prefix.is_empty()) {
            return Err("an empty prefix in [sources] would match everything".to_owned());
        }
        if let Some(allow) = sources.allow {
            self.say("sources.allow", quoted(&allow), file, false);
            self.allow.push(allow);
        }
        if !sources.deny.is_empty() {
            self.say("sources.deny", quoted(&sources.deny), file, false);
            self.deny.extend(sources.deny);
        }
        self.add_trust(raw.trust.unwrap_or_default(), file)?;
        if let Some(ids) = raw.enable.unwrap_or_default().agents {
            let agents = ids.iter().map(|id| known(id)).collect::<Result<Vec<_>, _>>()?;
            if agents.is_empty() {
                return Err("[enable] agents = []: name an agent, or leave the line out".to_owned());
            }
            if self.first("enable.agents", quoted(&ids), file) {
                self.agents = agents;
            }
        }
        if let Some(hosts) = raw.network.unwrap_or_default().internal {
            if let Some(odd) = hosts.iter().find(|host| !is_host(host)) {
                let odd = text::escape_short(odd, 80);
                return Err(format!(
                    "[network] internal: `{odd}` is no host; write its name or number alone"
                ));
            }
            if self.first("network.internal", quoted(&hosts), file) {
                self.internal = hosts;
            }
        }
        if let Some(folders) = raw.deps.unwrap_or_default().programs {
            if let Some(odd) = folders.iter().find(|folder| !is_plain_path(folder)) {
                let odd = text::escape_short(odd, 80);
                return Err(format!("[deps] programs: `{odd}` must be a full path without `..` and `:`"));
            }
            if self.first("deps.programs", quoted(&folders), file) {
                self.programs = folders;
            }
        }
        for block in raw.require.unwrap_or_default() {
            let block = Require::read(block, file)?;
            for (key, value) in block.settings() {
                self.say(key, value, file, false);
            }
            self.requires.push(block);
        }
        self.add_review(raw.review.unwrap_or_default(), file)?;
        let small = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
        let top = Limits::CEILING;
        let limits = raw.limits.unwrap_or_default();
        if let Some(value) = self.number("limits.files", limits.files, top.files, file)? {
            self.limits.files = value;
        }
        if let Some(value) = self.number("limits.total", limits.total, top.total, file)? {
            self.limits.total = value;
        }
        if let Some(value) = self.number("limits.file", limits.file, top.file, file)? {
            self.limits.file = value;
        }
        if let Some(value) = self.number("limits.depth", limits.depth, top.depth as u64, file)? {
            self.limits.depth = small(value);
        }
        if let Some(value) = self.number("limits.path", limits.path, top.path as u64, file)? {
            self.limits.path = small(value);
        }
        let valid_for = raw.gate.unwrap_or_default().valid_for;
        if let Some(value) = self.number("gate.valid-for", valid_for, 3600, file)? {
            self.valid_for = value;
        }
        Ok(())
    }

    fn add_review(&mut self, raw: raw::RawReview, file: &str) -> Result<(), String> {
        for one in &raw.except {
            let told = |text: &str| format!("\"{}\"", text::escape_short(text, 200));
            self.say("review.except.rule", told(&one.rule), file, false);
            self.say("review.except.digest", told(&one.digest), file, false);
            self.say("review.except.why", told(&one.why), file, false);
            if let Some(until) = &one.until {
                self.say("review.except.until", told(until), file, false);
            }
        }
        if let Some(written) = self.findings.add(raw, file)? {
            self.say("review.severity", written, file, false);
        }
        Ok(())
    }

    fn add_trust(&mut self, trust: raw::RawTrust, file: &str) -> Result<(), String> {
        let mut age = Age { file: text::escape(file), least: 0, early: Vec::new(), apart: false };
        if let Some(typed) = &trust.min_age {
            age.least = age::span("min-age", typed)?;
            self.say("trust.min-age", format!("\"{typed}\""), file, false);
        }
        for typed in &trust.early {
            let why = |why| format!("[trust] early: `{}`: {why}", text::escape_short(typed, 80));
            age.early.push(Digest::parse(typed).map_err(why)?);
        }
        if !trust.early.is_empty() {
            self.say("trust.early", quoted(&trust.early), file, false);
        }
        self.ages.push(age);
        if let Some(typed) = &trust.expires {
            let span = age::span("expires", typed)?;
            let wins = self.expires.is_none_or(|earlier| span < earlier);
            if self.say("trust.expires", format!("\"{typed}\""), file, wins) {
                self.expires = Some(span);
            }
        }
        if let Some(days) = trust.max_days {
            let wins = self.max_days.is_none_or(|earlier| days < earlier);
            if self.say("trust.max-days", days.to_string(), file, wins) {
                self.max_days = Some(days);
            }
        }
        match trust.first_seen_counts {
            None => {}
            Some(false) => {
                self.say("trust.first-seen-counts", "false".to_owned(), file, self.first_seen_counts);
                self.first_seen_counts = false;
            }
            Some(true) => {
                self.first("trust.first-seen-counts", "true".to_owned(), file);
            }
        }
        match trust.note.as_deref() {
            None => {}
            Some("required") => {
                self.say("trust.note", "\"required\"".to_owned(), file, !self.note_required);
                self.note_required = true;
            }
            Some("optional") => {
                self.first("trust.note", "\"optional\"".to_owned(), file);
            }
            Some(other) => {
                let shown = text::escape_short(other, 40);
                return Err(format!("[trust] note = \"{shown}\": must be \"required\" or \"optional\""));
            }
        }
        Ok(())
    }

    /// Takes down what a file says; returns what `over` is, for the caller to
    /// act on. With it the earlier values of that key no longer count.
    fn say(&mut self, key: &'static str, value: String, file: &str, over: bool) -> bool {
        let single = KEYS.iter().any(|known| known.name == key && !known.adds);
        if single && over {
            self.settings.iter_mut().filter(|said| said.key == key).for_each(|said| said.holds = false);
        }
        let file = text::escape(file);
        self.settings.push(Setting { key, value, file, holds: over || !single });
        over
    }

    /// As [`Policy::say`], where the first file that says it is the one that counts.
    fn first(&mut self, key: &'static str, value: String, file: &str) -> bool {
        let first = !self.settings.iter().any(|said| said.key == key);
        self.say(key, value, file, first)
    }

    fn number(
        &mut self,
        key: &'static str,
        value: Option<u64>,
        ceiling: u64,
        file: &str,
    ) -> Result<Option<u64>, String> {
        match within(key, value, ceiling)? {
            None => Ok(None),
            Some(value) => Ok(self.first(key, value.to_string(), file).then_some(value)),
        }
    }

    /// Whether skills of a source may be used; else the rule that forbids it.
    ///
    /// # Errors
    /// The rule, in words.
    pub fn check_source(&self, identity: &str) -> Result<(), String> {
        // What is forbidden is forbidden in every spelling; what is allowed, in one.
        let denies = |prefix: &&String| covers(prefix, identity) || source::covers(prefix, identity);
        if let Some(prefix) = self.deny.iter().find(denies) {
            // A followed trust root may have written it.
            return Err(format!("[sources] deny = {}", quoted(std::slice::from_ref(prefix))));
        }
        match self.allow.iter().find(|list| !list.iter().any(|prefix| covers(prefix, identity))) {
            Some(list) => Err(format!("[sources] allow = {}", quoted(list))),
            None => Ok(()),
        }
    }
}

impl Policy {
    /// Whether who vouches for a skill of that source meets every demand.
    ///
    /// # Errors
    /// What is missing, in words.
    pub fn check_provenance(
        &self,
        source: &str,
        provenance: &Provenance,
        now: Timestamp,
    ) -> Result<(), String> {
        self.requires
            .iter()
            .filter(|block| block.is_about(source))
            .try_for_each(|block| block.met(provenance, now))
    }

    /// The file whose demand is met and a decision; every other demand is met too.
    ///
    /// # Errors
    /// Why nothing is granted.
    pub fn grants(&self, source: &str, provenance: &Provenance, now: Timestamp) -> Result<&str, String> {
        self.check_provenance(source, provenance, now)?;
        let mut blocks = self.requires.iter().filter(|block| block.grant && block.is_about(source));
        let found = blocks.next().map(|block| block.file.as_str());
        found.ok_or_else(|| {
            "no policy file grants trust to this source: [[require]] with `grant = true`".to_owned()
        })
    }
}

/// A text as it is written, with nothing in it believed yet.
fn parse(text: &str) -> Result<Raw, String> {
    toml::from_str(text).map_err(|error| error.message().to_owned())
}

/// A number that may be from 1 to the ceiling.
fn within(key: &str, value: Option<u64>, ceiling: u64) -> Result<Option<u64>, String> {
    match value {
        Some(value) if value == 0 || value > ceiling => {
            let name = key.split_once('.').map_or(key, |(_, name)| name);
            Err(format!("{name} = {value}: must be 1 to {ceiling}"))
        }
        value => Ok(value),
    }
}

/// Whether a prefix covers an address, at a component's border: `…/acme` must
/// not cover `…/acme-evil`.
fn covers(prefix: &str, identity: &str) -> bool {
    // A site's own address ends without the `/` that its prefix has.
    if prefix.strip_suffix('/') == Some(identity) {
        return true;
    }
    let Some(rest) = identity.strip_prefix(prefix) else { return false };
    rest.is_empty() || prefix.ends_with('/') || rest.starts_with('/')
}

/// A path from the root that names one folder in one way. A colon would end it in a PATH.
fn is_plain_path(path: &str) -> bool {
    let parts = path.strip_prefix('/').map(|rest| rest.split('/'));
    !path.contains([':', '\0'])
        && parts.is_some_and(|mut parts| parts.all(|part| !matches!(part, "" | "." | "..")))
}

/// A host's name or number as it stands in an address: no scheme, port, path
/// or pattern, which would match nothing and be believed to match.
fn is_host(text: &str) -> bool {
    let plain = |c: u8| c.is_ascii_alphanumeric() || b"-_.:".contains(&c);
    !text.is_empty()
        && text.bytes().all(plain)
        && (!text.contains(':') || text.parse::<std::net::Ipv6Addr>().is_ok())
}

fn known(id: &str) -> Result<&'static str, String> {
    agent::by_id(id).map(|agent| agent.id).ok_or_else(|| {
        let all: Vec<_> = agent::AGENTS.iter().map(|agent| agent.id).collect();
        format!(
            "[enable] agents: `{}` is no agent we know; one of: {}",
            text::escape_short(id, 40),
            all.join(", ")
        )
    })
}

/// A list as it is written in a file, harmless to show.
fn quoted(list: &[String]) -> String {
    let each: Vec<_> = list.iter().map(|one| format!("\"{}\"", text::escape_short(one, 200))).collect();
    format!("[{}]", each.join(", "))
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
    fn a_later_file_can_only_tighten_what_our_own_record_is_worth() {
        let file = |value: &str| format!("[trust]\nfirst-seen-counts = {value}\n");
        let (yes, no) = (file("true"), file("false"));
        for (files, counts, whose) in [
            (&[][..], true, None),
            (&[yes.as_str()], true, Some("a")),
            (&[no.as_str()], false, Some("a")),
            (&[no.as_str(), yes.as_str()], false, Some("a")),
            (&[yes.as_str(), no.as_str()], false, Some("b")),
            (&[no.as_str(), no.as_str()], false, Some("a")),
            (&[yes.as_str(), yes.as_str()], true, Some("a")),
        ] {
            let names = ["a", "b"].into_iter().zip(files);
            let policy =
                Policy::read(&names.map(|(name, text)| (name, (*text).to_owned())).collect::<Vec<_>>());
            let policy = policy.unwrap();
            assert_eq!(policy.first_seen_counts, counts, "{files:?}");
            assert_eq!(policy.file_of("trust.first-seen-counts"), whose, "{files:?}");
        }
        assert!(read(&["[trust]\nfirst-seen-counts = \"false\""]).is_err());
        assert!(!Policy::silent().first_seen_counts);
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
        let policy = read(&["[sources]\nallow = [\"https://h/\"]"]).unwrap();
        assert!(policy.check_source("https://h").is_ok());
        assert!(policy.check_source("https://h.example").is_err());
    }
}
