//! What a review says, written and read.

use super::{Digest, SkillName, Statement, Timestamp, ToSign, Value, list, object, text, word};
use std::collections::BTreeSet;
use std::fmt;

/// What the predicate must be. No host on the network can have this name.
pub const PREDICATE_TYPE: &str = "https://skill-trust/review/v1";
/// Most findings.
pub const FINDINGS_MAX: usize = 32;
/// Longest finding, in characters.
const FINDING_MAX: usize = 500;
/// Most criteria.
const CRITERIA_MAX: usize = 16;

/// What a review was about, such as `safe-to-run`: 1 to 64 lower-case letters,
/// digits and single inner hyphens, the first one a letter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Criterion(String);

impl Criterion {
    /// Reads one.
    ///
    /// # Errors
    /// [`BadReview`].
    pub fn parse(text: &str) -> Result<Self, BadReview> {
        let good = SkillName::parse(text).is_ok() && text.starts_with(|c: char| c.is_ascii_lowercase());
        if good {
            return Ok(Self(text.to_owned()));
        }
        let quoted = text::escape_short(text, 80);
        Err(BadReview(format!(
            "`{quoted}` is no criterion, such as safe-to-run: 1 to 64 of a-z, 0-9 and single hyphens inside, a letter first"
        )))
    }

    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One line of what was found, with nothing hidden in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding(String);

impl Finding {
    /// Takes a text.
    ///
    /// # Errors
    /// [`BadReview`] if it is empty, long, or has line breaks or hidden characters.
    pub fn parse(text: &str) -> Result<Self, BadReview> {
        let length = text.chars().count();
        if !(1..=FINDING_MAX).contains(&length) {
            return Err(BadReview(format!("a finding of {length} characters; it has 1 to {FINDING_MAX}")));
        }
        if text.chars().any(text::is_hidden) {
            let quoted = text::escape_short(text, 80);
            return Err(BadReview(format!("the finding `{quoted}` has line breaks or hidden characters")));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Escaped: whoever wrote it is not who reads it.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::reveal(&self.0))
    }
}

/// The result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// The criteria are met.
    Positive,
    /// It does what it must not.
    Violation,
}

impl Word {
    /// As it stands in the statement.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Positive => "positive",
            Self::Violation => "violation",
        }
    }
}

/// A review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// What the reviewer calls the skill. The digest alone says which it is.
    pub name: SkillName,
    /// The bytes that were read.
    pub digest: Digest,
    /// What they were read for: at least one.
    pub criteria: BTreeSet<Criterion>,
    /// The result.
    pub word: Word,
    /// What was found.
    pub findings: Vec<Finding>,
    /// When.
    pub made: Timestamp,
    /// When a positive review ends, and somebody should look again.
    pub until: Timestamp,
}

/// A review that is not in its form. The text is ours, what it quotes escaped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadReview(pub(super) String);

fn bad<T>(why: impl Into<String>) -> Result<T, BadReview> {
    Err(BadReview(why.into()))
}

impl Review {
    /// The statement, for [`crate::policy::provenance::seal::seal`].
    ///
    /// # Errors
    /// [`BadReview`], also for a violation without a finding: whoever is
    /// stopped by it must learn why.
    pub fn to_sign(&self) -> Result<ToSign, BadReview> {
        self.check()?;
        if self.word == Word::Violation && self.findings.is_empty() {
            return bad("a violation without a finding; say in a few words what was found");
        }
        let criteria = self.criteria.iter().map(|one| word(&one.0));
        let findings = self.findings.iter().map(|one| word(&one.0));
        let predicate = object([
            ("criteria", list(criteria)),
            ("result", word(self.word.as_str())),
            ("findings", list(findings)),
            ("made", word(&self.made.to_string())),
            ("until", word(&self.until.to_string())),
        ]);
        Ok(ToSign::statement(self.name.as_str(), &self.digest, PREDICATE_TYPE, predicate))
    }

    fn check(&self) -> Result<(), BadReview> {
        let (criteria, findings) = (self.criteria.len(), self.findings.len());
        if !(1..=CRITERIA_MAX).contains(&criteria) {
            return bad(format!("{criteria} criteria; a review has 1 to {CRITERIA_MAX}"));
        }
        if findings > FINDINGS_MAX {
            return bad(format!("{findings} findings; a review has at most {FINDINGS_MAX}"));
        }
        if self.until <= self.made {
            return bad(format!("it ends {}, and was made {}", self.until, self.made));
        }
        Ok(())
    }

    /// Reads a statement.
    pub(super) fn of(statement: &Statement) -> Result<Self, BadReview> {
        if statement.predicate_type != PREDICATE_TYPE {
            let quoted = text::escape_short(&statement.predicate_type, 80);
            return bad(format!("it is a `{quoted}`, not a review (`{PREDICATE_TYPE}`)"));
        }
        let digest = statement.only_git_tree().map_err(BadReview)?;
        let name = SkillName::parse(&statement.name);
        let name = name.map_err(|_| BadReview("the subject's name is no skill's name".to_owned()))?;
        let fields = &statement.predicate;
        if let Some(name) = fields.unknown(&["criteria", "result", "findings", "made", "until"]) {
            return bad(format!("an unknown member `{}`", text::escape_short(name, 80)));
        }
        let list = |name: &str| {
            let items = fields.get(name).and_then(Value::as_list);
            let texts = items.and_then(|items| items.iter().map(Value::as_text).collect::<Option<Vec<_>>>());
            texts.ok_or_else(|| BadReview(format!("`{name}` is no list of texts")))
        };
        let listed = list("criteria")?;
        let criteria =
            listed.iter().map(|text| Criterion::parse(text)).collect::<Result<BTreeSet<_>, _>>()?;
        if criteria.len() != listed.len() {
            return bad("a criterion twice");
        }
        let found = list("findings")?;
        if found.len() > FINDINGS_MAX {
            return bad(format!("{} findings; a review has at most {FINDINGS_MAX}", found.len()));
        }
        let findings = found.into_iter().map(Finding::parse).collect::<Result<_, _>>()?;
        let result = match fields.get("result").and_then(Value::as_text) {
            Some("positive") => Word::Positive,
            Some("violation") => Word::Violation,
            _ => return bad("`result` is neither `positive` nor `violation`"),
        };
        let time = |name: &str| {
            let time = fields
                .get(name)
                .and_then(Value::as_text)
                .and_then(|text| Timestamp::parse_exact(text.as_bytes()));
            time.ok_or_else(|| BadReview(format!("`{name}` is no time such as 2027-01-31T12:00:00Z")))
        };
        let review = Self {
            name,
            digest,
            criteria,
            word: result,
            findings,
            made: time("made")?,
            until: time("until")?,
        };
        review.check()?;
        Ok(review)
    }
}
