//! `[[require]]`: what a policy demands of who vouches for a skill.
//!
//! ```toml
//! [[require]]
//! for        = "https://github.com/acme/"  # left out: every source
//! signatures = 1                           # by this many distinct signers and keys
//! signers    = ["root:team"]               # only these count; left out: whoever a followed trust root names
//! reviews    = 2                           # by this many distinct people
//! criteria   = ["safe-to-run"]             # each review for all of these
//! attested   = 1                           # summaries by this many distinct verifiers
//! verifiers  = ["ci@acme.example"]         # only these count
//! grant      = true                        # who meets all this is trusted without a typed answer
//! ```
//!
//! Every block whose `for` covers the source must be met, from whatever file.
//! A grant therefore never lets through what another block stops.

use super::{covers, quoted, raw};
use crate::model::provenance::{Provenance, Voucher};
use crate::model::text;
use crate::model::time::Timestamp;
use std::collections::BTreeSet;

/// One block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Require {
    /// The file it stands in.
    pub file: String,
    /// The sources it is about; none: all.
    pub prefix: Option<String>,
    /// Distinct signers, each with a key of their own.
    pub signatures: u32,
    /// Those who count; empty: whoever a followed trust root names.
    pub signers: Vec<String>,
    /// Distinct people.
    pub reviews: u32,
    /// What each review must be for.
    pub criteria: Vec<String>,
    /// Distinct verifiers.
    pub attested: u32,
    /// Those who count; empty: whoever a followed trust root names.
    pub verifiers: Vec<String>,
    /// Whether meeting it is a decision to trust.
    pub grant: bool,
}

/// Most of anything that can be demanded.
const MOST: u32 = 100;

impl Require {
    pub(super) fn read(raw: raw::RawRequire, file: &str) -> Result<Self, String> {
        let count = |name: &str, value: Option<u32>| match value {
            None => Ok(0),
            Some(value @ 1..=MOST) => Ok(value),
            Some(value) => Err(format!("[[require]] {name} = {value}: must be 1 to {MOST}")),
        };
        let signatures = count("signatures", raw.signatures)?;
        let reviews = count("reviews", raw.reviews)?;
        let attested = count("attested", raw.attested)?;
        if signatures + reviews + attested == 0 {
            return Err("a [[require]] demands nothing: add `signatures`, `reviews` or `attested`".to_owned());
        }
        let useless = [
            ("signers", raw.signers.is_empty() || signatures > 0, "signatures"),
            ("criteria", raw.criteria.is_empty() || reviews > 0, "reviews"),
            ("verifiers", raw.verifiers.is_empty() || attested > 0, "attested"),
        ];
        if let Some((name, _, count)) = useless.iter().find(|(_, fits, _)| !fits) {
            return Err(format!("[[require]] {name} without `{count}` demands nothing of them"));
        }
        if raw.source.as_deref().is_some_and(str::is_empty) {
            return Err("[[require]] for = \"\": name a source, or leave it out for every source".to_owned());
        }
        for signer in &raw.signers {
            check_signer(signer)?;
        }
        let fits = |one: &&String| one.is_empty() || one.chars().any(text::is_hidden);
        if raw.criteria.iter().chain(&raw.verifiers).any(|one| fits(&one)) {
            return Err("[[require]] criteria and verifiers are words that can be seen".to_owned());
        }
        Ok(Self {
            file: text::escape(file),
            prefix: raw.source,
            signatures,
            signers: raw.signers,
            reviews,
            criteria: raw.criteria,
            attested,
            verifiers: raw.verifiers,
            grant: raw.grant,
        })
    }

    /// What it says, key by key, as `policy show` has it.
    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        let number = |value: u32| (value > 0).then(|| value.to_string());
        let list = |list: &[String]| (!list.is_empty()).then(|| quoted(list));
        let all = [
            (
                "require.for",
                self.prefix.as_deref().map(|text| format!("\"{}\"", text::escape_short(text, 200))),
            ),
            ("require.signatures", number(self.signatures)),
            ("require.signers", list(&self.signers)),
            ("require.reviews", number(self.reviews)),
            ("require.criteria", list(&self.criteria)),
            ("require.attested", number(self.attested)),
            ("require.verifiers", list(&self.verifiers)),
            ("require.grant", self.grant.then(|| "true".to_owned())),
        ];
        all.into_iter().filter_map(|(key, value)| value.map(|value| (key, value))).collect()
    }

    /// What it says, in one line as it could be written.
    pub(super) fn line(&self) -> String {
        let settings = self.settings();
        let plain = |key: &str| key.trim_start_matches("require.").to_owned();
        let each: Vec<_> = settings.iter().map(|(key, value)| format!("{} = {value}", plain(key))).collect();
        format!("[[require]] {}", each.join(", "))
    }

    /// Whether it is about a source. In every spelling: a demand that another
    /// spelling escapes is none.
    #[must_use]
    pub fn is_about(&self, source: &str) -> bool {
        let Some(prefix) = &self.prefix else { return true };
        covers(prefix, source) || crate::model::source::covers(prefix, source)
    }

    /// Whether what is there meets it at that time.
    ///
    /// # Errors
    /// What is missing, in words, with both values.
    pub fn met(&self, provenance: &Provenance, now: Timestamp) -> Result<(), String> {
        let signed = self.signatures_of(provenance);
        if signed < self.signatures {
            let by = if self.signers.is_empty() {
                "somebody whom a followed trust root names".to_owned()
            } else {
                format!("one of {}", quoted(&self.signers))
            };
            return Err(
                self.unmet(&format!("{} by {by}; {signed} there", amount(self.signatures, "signature")))
            );
        }
        let reviews: BTreeSet<_> = provenance
            .reviews
            .iter()
            .filter(|one| now < one.until && self.criteria.iter().all(|word| one.criteria.contains(word)))
            .map(|one| &one.who)
            .collect();
        if reviews.len() < self.reviews as usize {
            let criteria = match self.criteria.as_slice() {
                [] => String::new(),
                words => format!(" for {}", quoted(words)),
            };
            let what = format!(
                "reviews by {}{criteria} that have not ended; {} there",
                amount(self.reviews, "person"),
                reviews.len()
            );
            return Err(self.unmet(&what));
        }
        let attested: BTreeSet<_> = provenance
            .attested
            .iter()
            .filter(|one| self.verifiers.is_empty() || self.verifiers.contains(&one.who))
            .map(|one| &one.who)
            .collect();
        if attested.len() < self.attested as usize {
            let by = if self.verifiers.is_empty() {
                String::new()
            } else {
                format!(" among {}", quoted(&self.verifiers))
            };
            let what =
                format!("summaries by {}{by}; {} there", amount(self.attested, "verifier"), attested.len());
            return Err(self.unmet(&what));
        }
        Ok(())
    }

    fn unmet(&self, wanted: &str) -> String {
        let about = match &self.prefix {
            None => String::new(),
            Some(prefix) => format!(" for \"{}\"", text::escape_short(prefix, 200)),
        };
        format!("{} requires{about} {wanted}", self.file)
    }

    /// How many different people that is, at the least: what shares a signer or
    /// a key, directly or by way of others, is one.
    ///
    /// Attack: one key that stands bare in one list and is certified in another,
    /// or one signer with two keys, counted as two.
    fn signatures_of(&self, provenance: &Provenance) -> u32 {
        let mut voices: Vec<BTreeSet<&str>> = Vec::new();
        for one in provenance.vouched.iter().filter(|one| self.counts(one)) {
            let mut voice = BTreeSet::from([one.signer.as_str(), one.key.as_str()]);
            let (same, others): (Vec<_>, Vec<_>) =
                voices.into_iter().partition(|other| !other.is_disjoint(&voice));
            voice.extend(same.into_iter().flatten());
            voices = others;
            voices.push(voice);
        }
        u32::try_from(voices.len()).unwrap_or(u32::MAX)
    }

    fn counts(&self, one: &Voucher) -> bool {
        let named = |wanted: &String| {
            *wanted == one.signer
                || *wanted == one.key
                || wanted.strip_prefix("root:").is_some_and(|root| root == one.root)
        };
        self.signers.is_empty() || self.signers.iter().any(named)
    }
}

fn amount(count: u32, what: &str) -> String {
    match (count, what) {
        (1, _) => format!("1 {what}"),
        (_, "person") => format!("{count} people"),
        _ => format!("{count} {what}s"),
    }
}

fn check_signer(signer: &str) -> Result<(), String> {
    let root = signer.strip_prefix("root:").is_some_and(|name| {
        !name.is_empty() && name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
    });
    if root || crate::model::signer::SignerId::parse(signer).is_ok() {
        return Ok(());
    }
    let shown = text::escape_short(signer, 120);
    Err(format!(
        "[[require]] signers: `{shown}` is no signer; write key:…, cert:…, ssh:…, ssh-ca:… or root:NAME"
    ))
}

#[cfg(test)]
mod tests {
    use super::super::Policy;
    use super::*;
    use crate::model::digest::sha256;
    use crate::model::provenance::{Attested, Reviewed, Witness};
    use crate::model::signer::SignerId;

    fn key(seed: &str) -> String {
        SignerId::key(&sha256(&[seed.as_bytes()])).to_string()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_unix(second)
    }

    fn voucher(signer: &str, with: &str, root: &str) -> Voucher {
        Voucher {
            at: at(0),
            key: with.to_owned(),
            method: "OMS bundle".to_owned(),
            root: root.to_owned(),
            signer: signer.to_owned(),
            witness: Witness::Now,
        }
    }

    fn review(who: &str, until: i64, criteria: &[&str]) -> Reviewed {
        let criteria = criteria.iter().map(|word| (*word).to_owned()).collect();
        Reviewed { criteria, keys: vec![key(who)], until: at(until), who: who.to_owned() }
    }

    fn policy(text: &str) -> Policy {
        Policy::read(&[("p", text.to_owned())]).unwrap()
    }

    #[test]
    fn attack_one_voice_counted_twice() {
        let policy = policy("[[require]]\nsignatures = 2\n");
        let check = |vouched: Vec<Voucher>| {
            policy.check_provenance("/s", &Provenance { vouched, ..Provenance::default() }, at(5)).is_ok()
        };
        let (a, b) = (key("a"), key("b"));
        assert!(check(vec![voucher(&a, &a, "team"), voucher(&b, &b, "team")]));
        for twice in [
            vec![],
            vec![voucher(&a, &a, "team")],
            vec![voucher(&a, &a, "team"), voucher(&a, &a, "other")],
            vec![voucher(&a, &a, "team"), voucher("cert:x", &a, "team")],
            vec![voucher("ssh-ca:x", &a, "team"), voucher("ssh-ca:x", &b, "team")],
            vec![
                voucher(&a, &a, "team"),
                voucher(&b, &b, "team"),
                voucher("ssh-ca:x", &a, "team"),
                voucher("ssh-ca:x", &b, "team"),
            ],
        ] {
            assert!(!check(twice.clone()), "{twice:?}");
        }
    }

    #[test]
    fn only_who_is_named_counts_and_a_root_names_its_own() {
        let (a, b) = (key("a"), key("b"));
        let provenance = |who: &str, root: &str| Provenance {
            vouched: vec![voucher(who, who, root)],
            strangers: vec![b.clone()],
            ..Provenance::default()
        };
        let by_key = policy(&format!("[[require]]\nsignatures = 1\nsigners = [\"{a}\"]\n"));
        assert!(by_key.check_provenance("/s", &provenance(&a, "team"), at(0)).is_ok());
        let why = by_key.check_provenance("/s", &provenance(&b, "team"), at(0)).unwrap_err();
        assert!(
            why.contains("p requires 1 signature") && why.contains(&a) && why.contains("0 there"),
            "{why}"
        );
        let by_root = policy("[[require]]\nsignatures = 1\nsigners = [\"root:team\"]\n");
        assert!(by_root.check_provenance("/s", &provenance(&b, "team"), at(0)).is_ok());
        assert!(by_root.check_provenance("/s", &provenance(&a, "teams"), at(0)).is_err());
    }

    #[test]
    fn a_demand_is_about_its_sources_in_every_spelling() {
        let policy = policy("[[require]]\nfor = \"https://github.com/acme\"\nsignatures = 1\n");
        let none = Provenance::default();
        for (source, met) in [
            ("https://github.com/acme/x", false),
            ("ssh://git@github.com/Acme/x.git", false),
            ("https://github.com/acme-evil/x", true),
            ("/local", true),
        ] {
            assert_eq!(policy.check_provenance(source, &none, at(0)).is_ok(), met, "{source}");
        }
    }

    #[test]
    fn reviews_are_by_distinct_people_for_all_criteria_and_end() {
        let policy = policy("[[require]]\nreviews = 2\ncriteria = [\"safe-to-run\"]\n");
        let check = |reviews: Vec<Reviewed>| {
            policy.check_provenance("/s", &Provenance { reviews, ..Provenance::default() }, at(50)).is_ok()
        };
        let run = &["safe-to-run", "safe-to-read"][..];
        assert!(check(vec![review("ana", 60, run), review("ben", 51, run)]));
        assert!(!check(vec![review("ana", 60, run), review("ana", 70, run)]));
        assert!(!check(vec![review("ana", 60, run), review("ben", 50, run)]));
        assert!(!check(vec![review("ana", 60, run), review("ben", 60, &["safe-to-read"])]));
    }

    #[test]
    fn a_grant_counts_only_where_every_block_is_met() {
        let a = key("a");
        let policy = policy(
            "[[require]]\nfor = \"/s\"\nsignatures = 1\ngrant = true\n\n[[require]]\nattested = 1\nverifiers = [\"ci\"]\n",
        );
        let mut provenance = Provenance { vouched: vec![voucher(&a, &a, "t")], ..Provenance::default() };
        assert!(policy.grants("/s/x", &provenance, at(0)).unwrap_err().contains("1 verifier among [\"ci\"]"));
        provenance.attested.push(Attested { keys: Vec::new(), who: "ci".to_owned() });
        assert_eq!(policy.grants("/s/x", &provenance, at(0)).unwrap(), "p");
        assert!(policy.grants("/other", &provenance, at(0)).unwrap_err().contains("no policy file grants"));
    }

    #[test]
    fn what_demands_nothing_or_nobody_is_an_error() {
        for (text, why) in [
            ("for = \"/s\"", "demands nothing"),
            ("grant = true", "demands nothing"),
            ("signatures = 0", "must be 1"),
            ("signatures = 1\nfor = \"\"", "leave it out"),
            ("reviews = 1\nsigners = [\"root:team\"]", "signers without `signatures`"),
            ("signatures = 1\nsigners = [\"acme\"]", "no signer"),
            ("signatures = 1\nsigners = [\"root:\"]", "no signer"),
            ("signatures = 1\ncriteria = [\"x\"]", "without `reviews`"),
            ("signatures = 1\nsignature = 2", "unknown field"),
        ] {
            let read = Policy::read(&[("p", format!("[[require]]\n{text}\n"))]);
            assert!(read.unwrap_err().contains(why), "{text}");
        }
    }
}
