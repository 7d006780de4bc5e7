//! Who vouched for the bytes of a trust decision, as it was verified then.
//!
//! It stands in the pin, so that the gate can ask again, without reading a
//! signature, whether the policy's demands are still met, and so that a
//! revocation finds exactly what rests on what it takes away.

use super::digest::Digest;
use super::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// By whose word a signature is known to have been there at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Witness {
    /// A time stamp authority's (RFC 3161).
    Stamped,
    /// Our own ledger's: it had these bytes then.
    FirstSeen,
    /// Nobody's: it was there when it was looked at.
    Now,
}

/// A signature that counts: by somebody whom a followed trust root names, over
/// exactly these bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Voucher {
    /// Since when it is known to have been there.
    pub at: Timestamp,
    /// The key that made it, in the one form that is equal in every encoding.
    pub key: String,
    /// How it was given, in words.
    pub method: String,
    /// The trust root that names its signer.
    pub root: String,
    /// Who signed.
    pub signer: String,
    /// By whose word it was there at that time.
    pub witness: Witness,
}

/// A review that counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reviewed {
    /// What it was reviewed for.
    pub criteria: Vec<String>,
    /// The keys it was signed with.
    pub keys: Vec<String>,
    /// When it ends.
    pub until: Timestamp,
    /// The person.
    pub who: String,
}

/// A verifier's summary that counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attested {
    /// The keys it was signed with.
    pub keys: Vec<String>,
    /// The verifier.
    pub who: String,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Verifiers' summaries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attested: Vec<Attested>,
    /// Reviews by people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reviews: Vec<Reviewed>,
    /// Keys whose signature is right, and whom no followed trust root names.
    /// They satisfy nothing; that they change is noticed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strangers: Vec<String>,
    /// Signatures that count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vouched: Vec<Voucher>,
}

impl Provenance {
    /// Everybody and every key it rests on or mentions, sorted: what a kill or a
    /// revocation of a signer is compared with.
    #[must_use]
    pub fn signers(&self) -> Vec<String> {
        let vouched = self.vouched.iter().flat_map(|one| [&one.signer, &one.key]);
        let reviewed = self.reviews.iter().flat_map(|one| &one.keys);
        let attested = self.attested.iter().flat_map(|one| &one.keys);
        let all: BTreeSet<_> = vouched.chain(reviewed).chain(attested).chain(&self.strangers).collect();
        all.into_iter().cloned().collect()
    }

    /// Those of them of whom something rests on no authority's time stamp.
    #[must_use]
    pub fn unstamped_signers(&self) -> BTreeSet<String> {
        let vouched = self.vouched.iter().filter(|one| one.witness != Witness::Stamped).cloned().collect();
        let rest = Self { vouched, ..self.clone() };
        rest.signers().into_iter().collect()
    }

    /// The keys that signed the bytes themselves, known or not, sorted: who the
    /// publisher is, as far as one can tell. Each is written as a stranger's would
    /// be, so that following a root that names it is no change of signer.
    #[must_use]
    pub fn publisher_keys(&self) -> Vec<String> {
        let own = |one: &Voucher| as_a_stranger(&one.signer, &one.key).to_owned();
        let all: BTreeSet<_> = self.vouched.iter().map(own).chain(self.strangers.iter().cloned()).collect();
        all.into_iter().collect()
    }
}

/// How a key would be written if nobody named it: an OpenSSH key as such, every
/// other one by itself.
#[must_use]
pub fn as_a_stranger<'a>(signer: &'a str, key: &'a str) -> &'a str {
    if signer.starts_with("ssh:") { signer } else { key }
}

/// What git says of some bytes, as objects that are kept by their digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptGit {
    /// The commit.
    pub commit: Digest,
    /// The tags on the way to it.
    pub tags: Vec<Digest>,
    /// The trees from its root down.
    pub trees: Vec<Digest>,
}

/// What is kept about some bytes besides themselves.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// Signed statements that were imported.
    pub envelopes: Vec<Digest>,
    /// Where they came from git: from where they were installed last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git: Option<KeptGit>,
}

impl Kept {
    /// Where it is remembered.
    #[must_use]
    pub fn key(digest: &Digest) -> String {
        format!("evidence/{}", digest.hex())
    }

    /// Reads what is remembered.
    ///
    /// # Errors
    /// A sentence.
    pub fn parse(body: Option<&str>) -> Result<Self, String> {
        let read = |body| serde_json::from_str(body).map_err(|error| format!("kept evidence: {error}"));
        body.map_or_else(|| Ok(Self::default()), read)
    }

    /// What is to be remembered.
    ///
    /// # Errors
    /// Only a bug's.
    pub fn text(&self) -> Result<String, String> {
        serde_json::to_string(self).map_err(|error| error.to_string())
    }
}

/// What was trusted of one name from one source, and never forgotten: against
/// an older version brought again, and another signer in place of the first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lineage {
    /// The highest version that was trusted, if any was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub highest: Option<String>,
    /// Who signed what was trusted last: its publisher keys; empty if nobody.
    pub signers: Vec<String>,
}

impl Lineage {
    /// Where it is remembered. No name holds a `/`.
    #[must_use]
    pub fn key(name: &super::skill::SkillName, source: &str) -> String {
        let digest = super::digest::sha256(&[source.as_bytes()]);
        format!("lineage/{name}/{}", digest.hex())
    }

    /// Reads what is remembered; none was never trusted.
    ///
    /// # Errors
    /// A sentence.
    pub fn parse(body: Option<&str>) -> Result<Option<Self>, String> {
        let read = |body| serde_json::from_str(body).map_err(|error| format!("a lineage: {error}"));
        body.map(read).transpose()
    }

    /// What is to be remembered.
    ///
    /// # Errors
    /// Only a bug's.
    pub fn text(&self) -> Result<String, String> {
        serde_json::to_string(self).map_err(|error| error.to_string())
    }

    /// The lineage once this was trusted too.
    #[must_use]
    pub fn after(before: Option<&Self>, version: Option<&str>, provenance: &Provenance) -> Self {
        let parsed = |text: Option<&str>| text.and_then(|text| semver::Version::parse(text).ok());
        let highest = before.and_then(|before| before.highest.as_deref());
        let highest = match (parsed(highest), parsed(version)) {
            (Some(high), Some(now)) => Some(if now.cmp_precedence(&high).is_gt() { now } else { high }),
            (high, now) => high.or(now),
        };
        Self { highest: highest.map(|version| version.to_string()), signers: provenance.publisher_keys() }
    }

    /// The highest version, if this one is lower.
    ///
    /// Attack: an old release with a known hole, rightly signed when it was
    /// new. No signature tells; only memory does.
    #[must_use]
    pub fn is_older(&self, version: Option<&str>) -> Option<String> {
        let high = semver::Version::parse(self.highest.as_deref()?).ok()?;
        let now = version.and_then(|version| semver::Version::parse(version).ok());
        match now {
            Some(now) if now.cmp_precedence(&high).is_ge() => None,
            // A version that vanishes is not a higher one.
            _ => Some(high.to_string()),
        }
    }

    /// What changed about who signs, in words; none if nothing did.
    #[must_use]
    pub fn signer_change(&self, provenance: &Provenance) -> Option<String> {
        let now = provenance.publisher_keys();
        if now == self.signers || (self.signers.is_empty() && now.is_empty()) {
            return None;
        }
        let list = |keys: &[String]| keys.join(", ");
        if now.is_empty() {
            return Some(format!(
                "it was signed by {} and no signature on it can be checked now",
                list(&self.signers)
            ));
        }
        if self.signers.is_empty() {
            return Some(format!("it was unsigned and is signed by {} now", list(&now)));
        }
        let kept = now.iter().any(|key| self.signers.contains(key));
        let verb = if kept { "signers were" } else { "signer was" };
        Some(format!("the {verb} {} and now {}", list(&self.signers), list(&now)))
    }
}

/// An advisory that covers a skill, in words; all of it escaped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// The root that lists it.
    pub root: String,
    /// Its id.
    pub id: String,
    /// What it says in short.
    pub summary: String,
    /// How its database calls its severity, if it does.
    pub severity: Option<String>,
    /// Versions or commits that it names as fixed, the nearest first.
    pub fixed: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(keys: &[&str]) -> Provenance {
        Provenance { strangers: keys.iter().map(|key| (*key).to_owned()).collect(), ..Provenance::default() }
    }

    #[test]
    fn the_highest_version_only_grows() {
        let none = Provenance::default();
        let mut now = Lineage::after(None, None, &none);
        assert_eq!(now.highest, None);
        assert_eq!(now.is_older(None), None);
        for (version, highest, older) in [
            ("1.0.0", "1.0.0", None),
            ("1.2.0-rc.1", "1.2.0-rc.1", None),
            ("1.2.0", "1.2.0", None),
            ("1.1.9", "1.2.0", Some("1.2.0")),
            ("1.2.0+build", "1.2.0", None),
            ("1.2.0-rc.2", "1.2.0", Some("1.2.0")),
            ("newest", "1.2.0", Some("1.2.0")),
            ("10.0.0", "10.0.0", None),
        ] {
            assert_eq!(now.is_older(Some(version)).as_deref(), older, "{version}");
            now = Lineage::after(Some(&now), Some(version), &none);
            assert_eq!(now.highest.as_deref(), Some(highest), "{version}");
        }
        assert_eq!(now.is_older(None).as_deref(), Some("10.0.0"), "a version that vanishes");
        let again = Lineage::parse(Some(&now.text().unwrap())).unwrap().unwrap();
        assert_eq!(again, now);
        assert!(Lineage::parse(Some("{}")).is_err());
    }

    #[test]
    fn a_stranger_who_is_listed_later_is_no_other_signer() {
        let first = signed(&["ssh:SHA256:abc"]);
        let voucher = Voucher {
            at: Timestamp::from_unix(0),
            key: "key:0123".to_owned(),
            method: "ssh statement".to_owned(),
            root: "team".to_owned(),
            signer: "ssh:SHA256:abc".to_owned(),
            witness: Witness::FirstSeen,
        };
        let listed = Provenance { vouched: vec![voucher.clone()], ..Provenance::default() };
        assert_eq!(Lineage::after(None, None, &first).signer_change(&listed), None);
        assert_eq!(Lineage::after(None, None, &listed).signer_change(&first), None);
        // A certificate is told by its key, as a stranger's is.
        let certified = Voucher { signer: "cert:0123/acme".to_owned(), ..voucher };
        let listed = Provenance { vouched: vec![certified], ..Provenance::default() };
        assert_eq!(Lineage::after(None, None, &signed(&["key:0123"])).signer_change(&listed), None);
    }

    #[test]
    fn every_change_of_signers_is_one() {
        let lineage = |keys: &[&str]| Lineage::after(None, None, &signed(keys));
        for (before, after, words) in [
            (&[][..], &[][..], None),
            (&["key:a"], &["key:a"], None),
            (&["key:a"], &[], Some("it was signed by key:a and no signature on it can be checked now")),
            (&[], &["key:a"], Some("it was unsigned and is signed by key:a now")),
            (&["key:a"], &["key:b"], Some("the signer was key:a and now key:b")),
            (&["key:a"], &["key:a", "key:b"], Some("the signers were key:a and now key:a, key:b")),
        ] {
            assert_eq!(
                lineage(before).signer_change(&signed(after)).as_deref(),
                words,
                "{before:?} {after:?}"
            );
        }
    }

    #[test]
    fn attack_a_signer_of_whom_one_signature_is_stamped_passes_for_stamped() {
        let one = |signer: &str, key: &str, witness| Voucher {
            at: Timestamp::from_unix(1),
            key: key.to_owned(),
            method: "OMS bundle".to_owned(),
            root: "team".to_owned(),
            signer: signer.to_owned(),
            witness,
        };
        let reviewed = Reviewed {
            criteria: Vec::new(),
            keys: vec!["key:r".to_owned()],
            until: Timestamp::from_unix(9),
            who: "ana".to_owned(),
        };
        let mut all = signed(&["key:s"]);
        all.reviews.push(reviewed);
        all.attested.push(Attested { keys: vec!["key:v".to_owned()], who: "ci".to_owned() });
        all.vouched.push(one("cert:a", "key:a", Witness::Stamped));
        all.vouched.push(one("cert:b", "key:b", Witness::Stamped));
        all.vouched.push(one("ssh:b", "key:b", Witness::FirstSeen));
        let unstamped = all.unstamped_signers();
        let wanted = ["key:b", "key:r", "key:s", "key:v", "ssh:b"].map(str::to_owned);
        assert_eq!(unstamped, BTreeSet::from(wanted));
    }
}
