//! What the targets of one of our trust roots are called, and what an anchor
//! is good for.
//!
//! ```text
//! anchors/<publisher>.pem   a publisher's certificate or key; custom says since when and for which sources
//! stamp-anchors/<name>.pem  a certificate of who stamps times (RFC 3161); custom says since when
//! allowed_signers           OpenSSH keys, in ssh-keygen's own form
//! revocations.json          see `lists`
//! kill-orders.json          see `lists`
//! advisories/<id>.json      OSV
//! policy.toml               the team's policy
//! reviews/<name>            signed reviews
//! ```
//!
//! A file of another name may be there; it has no meaning here.

use super::Malformed;
use super::json::{Value, need, only};
use super::pattern::Pattern;
use crate::model::time::Timestamp;
use std::collections::BTreeMap;

/// What a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// A publisher's anchor; the publisher.
    Anchor(&'a str),
    /// An anchor of an authority that stamps times; its name.
    StampAnchor(&'a str),
    /// OpenSSH keys.
    AllowedSigners,
    /// Who and what is revoked.
    Revocations,
    /// What is to be stopped at once.
    KillOrders,
    /// An advisory; its id.
    Advisory(&'a str),
    /// A policy.
    Policy,
    /// A review; its name.
    Review(&'a str),
    /// Nothing of ours.
    Other,
}

impl<'a> Place<'a> {
    /// What a target path means.
    #[must_use]
    pub fn of(path: &'a str) -> Self {
        let one = |name: Option<&'a str>| name.filter(|name| !name.is_empty());
        match path.split_once('/') {
            None => match path {
                "allowed_signers" => Self::AllowedSigners,
                "revocations.json" => Self::Revocations,
                "kill-orders.json" => Self::KillOrders,
                "policy.toml" => Self::Policy,
                _ => Self::Other,
            },
            Some((_, name)) if name.contains('/') => Self::Other,
            Some(("anchors", name)) => one(name.strip_suffix(".pem")).map_or(Self::Other, Self::Anchor),
            Some(("stamp-anchors", name)) => {
                one(name.strip_suffix(".pem")).map_or(Self::Other, Self::StampAnchor)
            }
            Some(("advisories", name)) => one(name.strip_suffix(".json")).map_or(Self::Other, Self::Advisory),
            Some(("reviews", name)) => one(Some(name)).map_or(Self::Other, Self::Review),
            Some(_) => Self::Other,
        }
    }
}

/// When and for what an anchor counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnchorTerms {
    /// Not before.
    pub start: Timestamp,
    /// Not from then on.
    pub end: Option<Timestamp>,
    /// Sources it may sign for, at least one.
    pub namespaces: Vec<Pattern>,
}

impl AnchorTerms {
    /// Reads the `custom` of an anchor.
    ///
    /// # Errors
    /// [`Malformed`] if it is missing or holds anything that we do not know: it
    /// might be a restriction.
    pub fn read(custom: Option<&Value>) -> Result<Self, Malformed> {
        let missing = || Malformed::new("an anchor needs `custom` with `validFor` and `namespaces`");
        let map = custom.ok_or_else(missing)?.members("`custom`")?;
        only(map, &["validFor", "namespaces"], "`custom` of an anchor")?;
        let StampTerms { start, end } = StampTerms::valid_for(map)?;
        let list = need(map, "namespaces")?.elements("`namespaces`")?;
        let read =
            |one: &Value| Pattern::parse(one.text("a namespace")?).map_err(|bad| Malformed(bad.to_string()));
        let namespaces = list.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        if namespaces.is_empty() {
            return Err(Malformed::new("an anchor without namespaces signs for nothing"));
        }
        Ok(Self { start, end, namespaces })
    }

    /// Whether it counts at that time.
    #[must_use]
    pub fn holds_at(&self, time: Timestamp) -> bool {
        self.start <= time && self.end.is_none_or(|end| time < end)
    }

    /// Whether it may sign for a source.
    #[must_use]
    pub fn covers(&self, source: &str) -> bool {
        self.namespaces.iter().any(|pattern| pattern.matches(source))
    }
}

/// When the stamps of an authority count: those that it gave inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StampTerms {
    /// Not before.
    pub start: Timestamp,
    /// Not from then on.
    pub end: Option<Timestamp>,
}

impl StampTerms {
    /// Reads the `custom` of a stamp anchor. It has no namespaces: an authority
    /// says when, not what.
    ///
    /// # Errors
    /// As [`AnchorTerms::read`].
    pub fn read(custom: Option<&Value>) -> Result<Self, Malformed> {
        let missing = || Malformed::new("a stamp anchor needs `custom` with `validFor`");
        let map = custom.ok_or_else(missing)?.members("`custom`")?;
        only(map, &["validFor"], "`custom` of a stamp anchor")?;
        Self::valid_for(map)
    }

    fn valid_for(map: &BTreeMap<String, Value>) -> Result<Self, Malformed> {
        let times = need(map, "validFor")?.members("`validFor`")?;
        only(times, &["start", "end"], "`validFor`")?;
        let start = need(times, "start")?.time("`start`")?;
        let end = times.get("end").map(|end| end.time("`end`")).transpose()?;
        if end.is_some_and(|end| end <= start) {
            return Err(Malformed::new("`validFor` ends before it starts"));
        }
        Ok(Self { start, end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_means_one_thing() {
        for (path, wanted) in [
            ("anchors/acme.pem", Place::Anchor("acme")),
            ("stamp-anchors/acme.pem", Place::StampAnchor("acme")),
            ("stamp-anchors/.pem", Place::Other),
            ("stamp-anchors/acme.crt", Place::Other),
            ("stamp-anchors/a/b.pem", Place::Other),
            ("stamp_anchors/acme.pem", Place::Other),
            ("allowed_signers", Place::AllowedSigners),
            ("revocations.json", Place::Revocations),
            ("kill-orders.json", Place::KillOrders),
            ("advisories/SKA-1.json", Place::Advisory("SKA-1")),
            ("policy.toml", Place::Policy),
            ("reviews/ana.dsse", Place::Review("ana.dsse")),
            ("anchors/.pem", Place::Other),
            ("anchors/acme.txt", Place::Other),
            ("anchors/a/b.pem", Place::Other),
            ("x/revocations.json", Place::Other),
            ("Revocations.json", Place::Other),
            ("", Place::Other),
        ] {
            assert_eq!(Place::of(path), wanted, "{path}");
        }
    }

    #[test]
    fn an_anchor_counts_in_its_time_and_for_its_sources() {
        let read = |text: &str| AnchorTerms::read(Some(&Value::parse(text.as_bytes()).unwrap()));
        let good = r#"{"validFor":{"start":"2026-01-01T00:00:00Z","end":"2027-01-01T00:00:00Z"},"namespaces":["git.example/acme/*"]}"#;
        let terms = read(good).unwrap();
        let at = |text: &str| Timestamp::parse(text).unwrap();
        assert!(!terms.holds_at(at("2025-12-31T23:59:59Z")));
        assert!(terms.holds_at(at("2026-01-01T00:00:00Z")));
        assert!(!terms.holds_at(at("2027-01-01T00:00:00Z")));
        assert!(terms.covers("git.example/acme/tools") && !terms.covers("git.example/acme/a/b"));
        for (from, to) in [
            (r#","end":"2027-01-01T00:00:00Z""#, r#","end":"2025-01-01T00:00:00Z""#),
            (r#""start":"2026-01-01T00:00:00Z","#, ""),
            (r#""start""#, r#""from":1,"start""#),
            (r#"{"validFor""#, r#"{"onlyOn":"linux","validFor""#),
            (r#"["git.example/acme/*"]"#, "[]"),
            (r#"["git.example/acme/*"]"#, r#"["git.example/**"]"#),
        ] {
            assert_ne!(good.replace(from, to), good);
            assert!(read(&good.replace(from, to)).is_err(), "{to}");
        }
        assert!(AnchorTerms::read(None).is_err());
    }

    #[test]
    fn a_stamp_anchor_has_a_time_and_nothing_else() {
        let read = |text: &str| StampTerms::read(Some(&Value::parse(text.as_bytes()).unwrap()));
        let good = r#"{"validFor":{"start":"2026-01-01T00:00:00Z","end":"2027-01-01T00:00:00Z"}}"#;
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let wanted = StampTerms { start: at("2026-01-01T00:00:00Z"), end: Some(at("2027-01-01T00:00:00Z")) };
        assert_eq!(read(good).unwrap(), wanted);
        let open = good.replace(r#","end":"2027-01-01T00:00:00Z""#, "");
        assert_eq!(read(&open).unwrap(), StampTerms { end: None, ..wanted });
        for (from, to) in [
            (r#","end":"2027-01-01T00:00:00Z""#, r#","end":"2026-01-01T00:00:00Z""#),
            (r#""start":"2026-01-01T00:00:00Z","#, ""),
            (r#""start""#, r#""from":1,"start""#),
            // What might restrict it, and is not understood here.
            (r#"{"validFor""#, r#"{"namespaces":["git.example/acme/*"],"validFor""#),
            (r#"{"validFor""#, r#"{"onlyFor":"acme","validFor""#),
        ] {
            assert_ne!(good.replace(from, to), good);
            assert!(read(&good.replace(from, to)).is_err(), "{to}");
        }
        assert!(StampTerms::read(None).is_err());
    }
}
