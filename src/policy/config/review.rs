//! What a policy says of findings: how much a rule weighs, and which bytes are
//! excepted from one.
//!
//! ```toml
//! [review]
//! severity = { "exec.fetch" = "block", "dep.global" = "note" }
//!
//! [[review.except]]             # for exactly these bytes; any change voids it
//! rule   = "exec.decode"
//! digest = "sha256:…"
//! why    = "unpacks its own test data, read by two of us"
//! until  = "2027-01-31"         # optional
//! ```
//!
//! The stronger file's weight is the least that counts; without one, an own
//! file may also lower what a rule weighs. An exception frees from a rule's own
//! weight and from its own file's, and from those that its file wins over:
//! never from a stronger file's, never from a trust root's.
//!
//! Attack: a followed trust root, whose keys are stolen, makes a rule weigh
//! less, or excepts the bytes that it is about to publish.
//!
//! Rule ids are only looked at for their form here: a build without the rules
//! reads the same files. Whether there is such a rule is asked where rules are.

use super::raw::{RawExcept, RawReview};
use crate::model::digest::Digest;
use crate::model::finding::Tier;
use crate::model::text;
use crate::model::time::Timestamp;

/// Longest id of a rule, in bytes.
const ID_MAX: usize = 64;

/// How much a file says that a rule weighs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weighs {
    /// The rule's id.
    pub rule: String,
    /// What it weighs, in every kind of text.
    pub tier: Tier,
    /// The file; escaped.
    pub file: String,
    /// The file's place in the order, the one that wins first.
    rank: usize,
    /// Whether it can only make a rule heavier, and no file's exception frees from it.
    pub(super) apart: bool,
}

/// Bytes that a rule does not count for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Except {
    /// The rule's id.
    pub rule: String,
    /// Exactly these bytes.
    pub digest: Digest,
    /// Why; escaped.
    pub why: String,
    /// From then on it no longer counts.
    pub until: Option<Timestamp>,
    /// The file; escaped.
    pub file: String,
    rank: usize,
}

/// What all files say, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    pub(super) weights: Vec<Weighs>,
    excepts: Vec<Except>,
    files: usize,
}

impl Findings {
    /// Where no file says anything.
    pub const SILENT: Self = Self { weights: Vec::new(), excepts: Vec::new(), files: 0 };

    /// Every rule that is named, with the file that names it.
    pub fn named(&self) -> impl Iterator<Item = (&str, &str)> {
        let weights = self.weights.iter().map(|one| (one.rule.as_str(), one.file.as_str()));
        weights.chain(self.excepts.iter().map(|one| (one.rule.as_str(), one.file.as_str())))
    }

    /// Every exception.
    #[must_use]
    pub fn excepts(&self) -> &[Except] {
        &self.excepts
    }

    /// What a finding of a rule weighs that by itself weighs `own`, and the file
    /// that says so if it is another weight.
    #[must_use]
    pub fn tier(&self, rule: &str, own: Tier) -> (Tier, Option<&str>) {
        let (mut tier, mut by, mut said) = (own, None, false);
        for one in self.weights.iter().filter(|one| one.rule == rule) {
            if (!one.apart && !said) || one.tier > tier {
                (tier, by) = (one.tier, Some(one.file.as_str()));
            }
            said |= !one.apart;
        }
        (tier, by.filter(|_| tier != own))
    }

    /// The file that makes a rule less than it is by itself: of all that may, the
    /// strongest. Others may have made it heavier again.
    #[must_use]
    pub fn lowers(&self, rule: &str, own: Tier) -> Option<&str> {
        let first = self.weights.iter().find(|one| one.rule == rule && !one.apart)?;
        (first.tier < own).then_some(first.file.as_str())
    }

    /// The file that an exception cannot free from.
    #[must_use]
    pub fn above(&self, except: &Except) -> Option<&str> {
        let stronger = |one: &&Weighs| one.rule == except.rule && (one.apart || one.rank < except.rank);
        self.weights.iter().find(stronger).map(|one| one.file.as_str())
    }

    /// Adds what one file says. Returns its weights as they are written in a file.
    pub(super) fn add(&mut self, raw: RawReview, file: &str) -> Result<Option<String>, String> {
        let RawReview { severity, except } = raw;
        let (rank, file) = (self.files, text::escape(file));
        self.files += 1;
        let mut written = Vec::new();
        for (rule, word) in severity.iter().flatten() {
            let tier = tier(word).ok_or_else(|| {
                let word = text::escape_short(word, 40);
                format!("[review] severity: `{word}`: must be \"block\", \"confirm\", \"warn\" or \"note\"")
            })?;
            let rule = id("[review] severity", rule)?;
            written.push(format!("\"{rule}\" = \"{word}\""));
            self.weights.push(Weighs { rule, tier, file: file.clone(), rank, apart: false });
        }
        for one in except {
            self.excepts.push(read(one, &file, rank)?);
        }
        Ok(severity.map(|_| format!("{{ {} }}", written.join(", "))))
    }
}

/// The tier that a word names.
fn tier(word: &str) -> Option<Tier> {
    Tier::ALL.iter().copied().find(|tier| tier.name().to_ascii_lowercase() == word)
}

/// An id in its form, which shows nothing but itself.
fn id(of: &str, typed: &str) -> Result<String, String> {
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
    };
    if typed.len() <= ID_MAX && typed.contains('.') && typed.split('.').all(part) {
        return Ok(typed.to_owned());
    }
    let shown = text::escape_short(typed, 80);
    Err(format!("{of}: `{shown}` is no rule's id; one is written as \"exec.fetch\""))
}

fn read(raw: RawExcept, file: &str, rank: usize) -> Result<Except, String> {
    let RawExcept { rule, digest, why, until } = raw;
    let of = "[[review.except]]";
    let rule = id(of, &rule)?;
    let bad = |why| format!("{of} digest: `{}`: {why}", text::escape_short(&digest, 80));
    let digest = Digest::parse(&digest).map_err(bad)?;
    if !text::says(&why) {
        return Err(format!("{of} for \"{rule}\": `why` must say why"));
    }
    let end = |typed: &String| {
        // A span would begin anew with every reading.
        let fixed = Some(typed).filter(|typed| !typed.ends_with('d'));
        let at = fixed.and_then(|typed| Timestamp::parse_end(typed, Timestamp::from_unix(0)).ok());
        at.ok_or_else(|| {
            let typed = text::escape_short(typed, 40);
            format!("{of} until: `{typed}`: must be a date or a time, as \"2027-01-31\"")
        })
    };
    let until = until.as_ref().map(end).transpose()?;
    let why = text::escape_short(&why, 300);
    Ok(Except { rule, digest, why, until, file: file.to_owned(), rank })
}

#[cfg(test)]
mod tests {
    use super::super::Policy;

    fn read(text: &str) -> Result<Policy, String> {
        Policy::read(&[("/p", text.to_owned())])
    }

    fn except(rule: &str, digest: &str, why: &str, more: &str) -> String {
        format!("[[review.except]]\nrule = \"{rule}\"\ndigest = \"{digest}\"\nwhy = \"{why}\"\n{more}\n")
    }

    #[test]
    fn what_could_mean_nothing_or_anything_is_refused() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, why) in [
            ("[review]\nseverity = { \"exec.fetch\" = \"BLOCK\" }".to_owned(), "must be \"block\""),
            ("[review]\nseverity = { \"exec.fetch\" = \"off\" }".to_owned(), "must be \"block\""),
            ("[review]\nseverity = { \"exec.fetch\" = 1 }".to_owned(), "invalid type"),
            ("[review]\nseverity = { \"exec.*\" = \"warn\" }".to_owned(), "is no rule's id"),
            ("[review]\nseverity = { \"\" = \"warn\" }".to_owned(), "is no rule's id"),
            ("[review]\nseverity = { \"exec.\\u202e\" = \"warn\" }".to_owned(), "is no rule's id"),
            ("[review]\nignore = [\"exec.fetch\"]".to_owned(), "unknown field"),
            (except("exec.fetch", "sha256:aaaa", "read", ""), "digest"),
            (except("exec.fetch", &digest, " - ", ""), "must say why"),
            // A letter to Unicode, and nothing to the eye.
            (except("exec.fetch", &digest, "\\u3164", ""), "must say why"),
            (except("exec.fetch", &digest, "\\u200b", ""), "must say why"),
            (except("EXEC", &digest, "read", ""), "is no rule's id"),
            (except("exec.fetch", &digest, "read", "until = \"90d\""), "must be a date or a time"),
            (except("exec.fetch", &digest, "read", "until = \"soon\""), "must be a date or a time"),
            (except("exec.fetch", &digest, "read", "from = \"2027-01-31\""), "unknown field"),
            (format!("[[review.except]]\nrule = \"exec.fetch\"\ndigest = \"{digest}\"\n"), "missing field"),
        ] {
            let said = read(&text).unwrap_err();
            assert!(said.contains(why) && !said.contains('\u{202e}'), "{text}: {said}");
        }
        read(&except("exec.fetch", &digest, "read", "until = \"2027-01-31\"")).unwrap();
        read(&except("exec.fetch", &digest, "read", "until = \"2027-01-31T08:00:00Z\"")).unwrap();
    }

    #[test]
    fn all_that_is_said_is_shown_and_counts_in_the_digest() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let text = format!(
            "[review]\nseverity = {{ \"exec.fetch\" = \"warn\" }}\n{}",
            except("exec.decode", &digest, "x\\u001b[2Ky", "")
        );
        let policy = read(&text).unwrap();
        let said: Vec<_> = policy.settings().iter().map(|said| (said.key, said.value.as_str())).collect();
        let quoted = format!("\"{digest}\"");
        assert_eq!(
            said,
            [
                ("review.except.rule", "\"exec.decode\""),
                ("review.except.digest", quoted.as_str()),
                ("review.except.why", "\"x\\u{1b}[2Ky\""),
                ("review.severity", "{ \"exec.fetch\" = \"warn\" }"),
            ]
        );
        assert_eq!(policy.findings.excepts()[0].why, "x\\u{1b}[2Ky");
        assert_ne!(policy.digest, read("").unwrap().digest);
        let named: Vec<_> = policy.findings.named().collect();
        assert_eq!(named, [("exec.fetch", "/p"), ("exec.decode", "/p")]);
    }

    /// A rule whose id could not be written would be one that nobody can weigh.
    #[cfg(feature = "review")]
    #[test]
    fn every_rule_can_be_named() {
        for rule in crate::policy::review::rules::RULES {
            assert_eq!(super::id("", rule.id), Ok(rule.id.to_owned()));
        }
    }
}
