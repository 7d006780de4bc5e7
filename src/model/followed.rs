//! A trust root that this machine follows, as the ledger remembers it.
//!
//! Everything in it was verified when it came: the metadata by the client
//! (`policy::provenance::tuf`), whose own memory is kept whole, and each file
//! by the length and hash that the metadata lists. The files themselves are
//! kept by their digest. What a root says is used from here alone; the cache
//! and the network are for the next refresh.

use super::digest::Digest;
use super::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Where all of them are remembered.
pub const KEY: &str = "roots";

/// Where the policies of all of them are remembered, side by side: the gate
/// reads this on each call, and not the list of roots, which may be long.
pub const POLICIES: &str = "policies";

/// The policy of one followed trust root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptPolicy {
    /// SHA-256 of its bytes.
    pub bytes: Digest,
    /// The root's name.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// Reads the policies that are remembered.
///
/// # Errors
/// A sentence; what cannot be read is damage, and no empty list.
pub fn parse_policies(body: Option<&str>) -> Result<Vec<KeptPolicy>, String> {
    let Some(body) = body else { return Ok(Vec::new()) };
    serde_json::from_str(body).map_err(|error| format!("the policies of trust roots: {error}"))
}

/// The policies as they are to be remembered, sorted by name.
///
/// # Errors
/// Only a bug's.
pub fn policies_text(mut policies: Vec<KeptPolicy>) -> Result<String, String> {
    policies.sort_by(|a, b| a.name.cmp(&b.name));
    serde_json::to_string(&policies).map_err(|error| error.to_string())
}

/// A file that a trust root lists, and that was fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptTarget {
    /// SHA-256 of its bytes.
    pub bytes: Digest,
    /// Its `custom`, as JSON text, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom: Option<String>,
    /// Its path among the targets.
    pub path: String,
}

/// What the metadata at hand is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// All of it counts.
    Fresh,
    /// What is trusted stays; nothing new is granted on a publisher's word.
    Stale {
        /// Since when; none if it never was fresh.
        since: Option<Timestamp>,
    },
    /// Nothing is granted.
    Expired {
        /// Since when.
        since: Timestamp,
    },
}

/// A trust root that is followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Followed {
    /// When it was first followed.
    pub added: Timestamp,
    /// Until then all of it counts; none if something was missing at the last refresh.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fresh_until: Option<Timestamp>,
    /// The highest number of its kill orders that were carried out; 0 for none.
    pub kill_order: u64,
    /// SHA-256 of what the client remembers, kept by that digest.
    pub memory: Digest,
    /// Its name on this machine.
    pub name: String,
    /// Where it is fetched from, as it was typed.
    pub origin: String,
    /// SHA-256 of the first root's bytes, as a person gave it.
    pub pin: Digest,
    /// When it was last asked with success.
    pub refreshed: Timestamp,
    /// When its root ends.
    pub root_ends: Timestamp,
    /// Sequence number of the record that made this what it is.
    pub seq: u64,
    /// What it lists, of the kinds that mean something here, by path.
    pub targets: Vec<KeptTarget>,
}

impl Followed {
    /// What it is good for at a time.
    #[must_use]
    pub fn standing(&self, now: Timestamp) -> Standing {
        if self.root_ends <= now {
            return Standing::Expired { since: self.root_ends };
        }
        match self.fresh_until {
            Some(until) if now < until => Standing::Fresh,
            since => Standing::Stale { since },
        }
    }
}

/// Reads what is remembered.
///
/// # Errors
/// A sentence; what cannot be read is damage, and no empty list.
pub fn parse(body: Option<&str>) -> Result<Vec<Followed>, String> {
    let Some(body) = body else { return Ok(Vec::new()) };
    serde_json::from_str(body).map_err(|error| format!("the followed trust roots: {error}"))
}

/// What is to be remembered, sorted by name.
///
/// # Errors
/// Only a bug's.
pub fn text(mut roots: Vec<Followed>) -> Result<String, String> {
    roots.sort_by(|a, b| a.name.cmp(&b.name));
    serde_json::to_string(&roots).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::digest::sha256;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_unix(second)
    }

    fn followed(name: &str, fresh: Option<i64>, ends: i64) -> Followed {
        Followed {
            added: at(0),
            fresh_until: fresh.map(at),
            kill_order: 0,
            memory: sha256(&[b"memory"]),
            name: name.to_owned(),
            origin: "/srv/root".to_owned(),
            pin: sha256(&[b"root"]),
            refreshed: at(0),
            root_ends: at(ends),
            seq: 1,
            targets: vec![KeptTarget {
                bytes: sha256(&[b"x"]),
                custom: None,
                path: "allowed_signers".to_owned(),
            }],
        }
    }

    #[test]
    fn an_end_counts_from_its_second_on_and_the_root_s_end_counts_first() {
        assert_eq!(followed("a", Some(10), 20).standing(at(9)), Standing::Fresh);
        assert_eq!(followed("a", Some(10), 20).standing(at(10)), Standing::Stale { since: Some(at(10)) });
        assert_eq!(followed("a", None, 20).standing(at(0)), Standing::Stale { since: None });
        assert_eq!(followed("a", Some(30), 20).standing(at(20)), Standing::Expired { since: at(20) });
    }

    #[test]
    fn policies_are_read_back_by_name_and_nothing_else_is() {
        let one = |name: &str| KeptPolicy {
            bytes: sha256(&[b"x"]),
            name: name.to_owned(),
            text: "[trust]\nmin-age = \"3d\"\n".to_owned(),
        };
        let body = policies_text(vec![one("b"), one("a")]).unwrap();
        assert_eq!(parse_policies(Some(&body)).unwrap(), [one("a"), one("b")]);
        assert!(parse_policies(None).unwrap().is_empty());
        for odd in ["", "null", "{}", &body.replace("\"text\"", "\"txt\"")] {
            assert!(parse_policies(Some(odd)).is_err(), "{odd}");
        }
    }

    #[test]
    fn what_is_remembered_is_read_back_and_nothing_else() {
        let roots = vec![followed("b", None, 20), followed("a", Some(10), 20)];
        let body = text(roots.clone()).unwrap();
        assert_eq!(parse(Some(&body)).unwrap(), [roots[1].clone(), roots[0].clone()]);
        assert!(parse(None).unwrap().is_empty());
        for odd in ["", "null", "{}", &body.replace("\"pin\"", "\"pins\"")] {
            assert!(parse(Some(odd)).is_err(), "{odd}");
        }
    }
}
