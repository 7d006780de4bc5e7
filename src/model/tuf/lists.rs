//! The two lists that take trust away: `revocations.json` and
//! `kill-orders.json`.
//!
//! ```json
//! {"format":1,"revocations":[
//!   {"signer":"key:…","kind":"compromised","since":"2026-10-01T00:00:00Z","why":"stolen laptop"},
//!   {"digest":"sha256:…","kind":"malicious","why":"sends files away"},
//!   {"source":"https://git.example/acme/tools","versions":"<1.4.2","kind":"yanked","why":"…"},
//!   {"publisher":"acme","kind":"retired","why":"…"}]}
//!
//! {"format":1,"order":7,"orders":[{"digest":"sha256:…","why":"…"},{"all":true,"why":"…"}]}
//! ```
//!
//! Both may only lower trust, so being strict costs nothing but attention: a
//! list with one entry that is not understood is refused as a whole, and that
//! is said. Attack: an entry made unreadable on purpose, so that a reader who
//! skips what it does not know never learns of it.

use super::Malformed;
use super::json::{Value, need, only};
use crate::model::digest::Digest;
use crate::model::signer::SignerId;
use crate::model::skill::SkillName;
use crate::model::text;
use crate::model::time::Timestamp;
use std::collections::BTreeMap;

/// The one form of both lists.
const FORMAT: u64 = 1;
/// Most entries of a list.
const ENTRIES_MAX: usize = 10_000;
/// Longest reason, in bytes.
const WHY_MAX: usize = 1_000;

/// What an entry is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A key or certificate.
    Signer(SignerId),
    /// A skill's content.
    Digest(Digest),
    /// A source, or its versions in a range.
    Source {
        /// As `Source::identity` writes it.
        place: String,
        /// Versions; none: all.
        versions: Option<semver::VersionReq>,
    },
    /// A delegated role.
    Publisher(String),
    /// A skill by name; in kill orders alone.
    Skill(SkillName),
    /// Everything; in kill orders alone.
    All,
}

/// Why something is revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A signer or publisher that is no longer used.
    Retired,
    /// A signer or publisher whose key somebody else may have.
    Compromised,
    /// Content that must not be newly trusted.
    Yanked,
    /// Content that must not run.
    Malicious,
}

/// One entry of `revocations.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// What.
    pub subject: Subject,
    /// Why.
    pub kind: Kind,
    /// Since when; none: always. For signers and publishers alone.
    pub since: Option<Timestamp>,
    /// For people; as it was written, not escaped.
    pub why: String,
}

/// One entry of `kill-orders.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KillOrder {
    /// What is to be stopped.
    pub subject: Subject,
    /// For people; as it was written, not escaped.
    pub why: String,
}

/// All of `kill-orders.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KillOrders {
    /// Grows with every change; see `policy::provenance::tuf`.
    pub order: u64,
    /// What is to be stopped.
    pub orders: Vec<KillOrder>,
}

/// Reads `revocations.json`.
///
/// # Errors
/// [`Malformed`] if anything in it is not understood.
pub fn revocations(bytes: &[u8]) -> Result<Vec<Revocation>, Malformed> {
    let value = Value::parse(bytes)?;
    let map = value.members("the list")?;
    only(map, &["format", "revocations"], "the list")?;
    entries(map, "revocations")?.iter().map(revocation).collect()
}

/// Reads `kill-orders.json`.
///
/// # Errors
/// [`Malformed`] if anything in it is not understood.
pub fn kill_orders(bytes: &[u8]) -> Result<KillOrders, Malformed> {
    let value = Value::parse(bytes)?;
    let map = value.members("the list")?;
    only(map, &["format", "order", "orders"], "the list")?;
    let orders = entries(map, "orders")?.iter().map(|value| {
        let map = value.members("an order")?;
        let subject = subject(map, &["why"])?;
        if matches!(subject, Subject::Publisher(_)) {
            return Err(Malformed::new("an order names no publisher; name its signers or sources"));
        }
        Ok(KillOrder { subject, why: why(map)? })
    });
    let orders = orders.collect::<Result<_, _>>()?;
    Ok(KillOrders { order: need(map, "order")?.number("`order`", 1)?, orders })
}

fn entries<'a>(map: &'a BTreeMap<String, Value>, name: &str) -> Result<&'a [Value], Malformed> {
    let format = need(map, "format")?.number("`format`", 1)?;
    if format != FORMAT {
        return Err(Malformed(format!("the list has format {format}; this program reads {FORMAT}")));
    }
    let list = need(map, name)?.elements(name)?;
    if list.len() > ENTRIES_MAX {
        return Err(Malformed(format!("{} entries; at most {ENTRIES_MAX} are read", list.len())));
    }
    Ok(list)
}

fn revocation(value: &Value) -> Result<Revocation, Malformed> {
    let map = value.members("a revocation")?;
    let subject = subject(map, &["kind", "since", "why"])?;
    let kind = match need(map, "kind")?.text("`kind`")? {
        "retired" => Kind::Retired,
        "compromised" => Kind::Compromised,
        "yanked" => Kind::Yanked,
        "malicious" => Kind::Malicious,
        odd => return Err(Malformed(format!("`{}` is no kind of revocation", text::escape_short(odd, 80)))),
    };
    let since = map.get("since").map(|since| since.time("`since`")).transpose()?;
    let about_keys = matches!(subject, Subject::Signer(_) | Subject::Publisher(_));
    let fits = match kind {
        Kind::Retired | Kind::Compromised => about_keys,
        Kind::Yanked | Kind::Malicious => {
            since.is_none() && matches!(subject, Subject::Digest(_) | Subject::Source { .. })
        }
    };
    if !fits {
        return Err(Malformed::new(
            "signers and publishers are `retired` or `compromised`, perhaps `since`; digests and sources are `yanked` or `malicious`",
        ));
    }
    Ok(Revocation { subject, kind, since, why: why(map)? })
}

/// The one subject of an entry, which has no other members than `others`.
fn subject(map: &BTreeMap<String, Value>, others: &[&str]) -> Result<Subject, Malformed> {
    let one =
        || Malformed::new("an entry names one of `signer`, `digest`, `source`, `publisher`, `skill`, `all`");
    let mut names = map.keys().filter(|name| !others.contains(&name.as_str()) && *name != "versions");
    let (Some(name), None) = (names.next(), names.next()) else { return Err(one()) };
    let value = &map[name];
    if map.contains_key("versions") && name != "source" {
        return Err(Malformed::new("only a source has `versions`"));
    }
    let shown = || text::escape_short(value.as_text().unwrap_or("?"), 120);
    Ok(match name.as_str() {
        "signer" => Subject::Signer(
            SignerId::parse(value.text("`signer`")?)
                .map_err(|bad| Malformed(format!("`{}`: {bad}", shown())))?,
        ),
        "digest" => Subject::Digest(
            Digest::parse(value.text("`digest`")?)
                .map_err(|bad| Malformed(format!("`{}`: {bad}", shown())))?,
        ),
        "source" => Subject::Source { place: named(value, "`source`")?, versions: versions(map)? },
        "publisher" => Subject::Publisher(named(value, "`publisher`")?),
        "skill" => Subject::Skill(
            SkillName::parse(value.text("`skill`")?)
                .map_err(|bad| Malformed(format!("`{}`: {bad}", shown())))?,
        ),
        "all" if value.flag("`all`")? => Subject::All,
        _ => return Err(one()),
    })
}

fn versions(map: &BTreeMap<String, Value>) -> Result<Option<semver::VersionReq>, Malformed> {
    let Some(value) = map.get("versions") else { return Ok(None) };
    let range = value.text("`versions`")?;
    let bad =
        || Malformed(format!("`{}` is no range of versions such as `<1.4.2`", text::escape_short(range, 80)));
    semver::VersionReq::parse(range).map(Some).map_err(|_| bad())
}

fn named(value: &Value, what: &str) -> Result<String, Malformed> {
    let text = value.text(what)?;
    let good = (1..=512).contains(&text.len()) && !text.chars().any(|c| text::is_hidden(c) || c == ' ');
    if good {
        Ok(text.to_owned())
    } else {
        Err(Malformed(format!("{what} is empty, too long or holds odd characters")))
    }
}

fn why(map: &BTreeMap<String, Value>) -> Result<String, Malformed> {
    let why = need(map, "why")?.text("`why`")?;
    if why.len() > WHY_MAX {
        Err(Malformed(format!("`why` is longer than {WHY_MAX} bytes")))
    } else {
        Ok(why.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "key:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const DIGEST: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    fn list(entry: &str) -> Result<Vec<Revocation>, Malformed> {
        revocations(format!(r#"{{"format":1,"revocations":[{entry}]}}"#).as_bytes())
    }

    fn orders(entry: &str) -> Result<KillOrders, Malformed> {
        kill_orders(format!(r#"{{"format":1,"order":7,"orders":[{entry}]}}"#).as_bytes())
    }

    #[test]
    fn every_kind_of_entry_is_read() {
        let entry =
            format!(r#"{{"signer":"{KEY}","kind":"compromised","since":"2026-10-01T00:00:00Z","why":"x"}}"#);
        let read = &list(&entry).unwrap()[0];
        assert_eq!(read.subject, Subject::Signer(SignerId::parse(KEY).unwrap()));
        assert_eq!(
            (read.kind, read.since.unwrap().to_string()),
            (Kind::Compromised, "2026-10-01T00:00:00Z".into())
        );
        let entry = format!(r#"{{"digest":"{DIGEST}","kind":"malicious","why":""}}"#);
        assert_eq!(list(&entry).unwrap()[0].subject, Subject::Digest(Digest::parse(DIGEST).unwrap()));
        let entry = r#"{"source":"https://git.example/a","versions":"<1.4.2","kind":"yanked","why":""}"#;
        let Subject::Source { place, versions } = list(entry).unwrap().remove(0).subject else { panic!() };
        assert_eq!(place, "https://git.example/a");
        assert!(versions.unwrap().matches(&semver::Version::new(1, 4, 1)));
        assert!(list(r#"{"publisher":"acme","kind":"retired","why":""}"#).is_ok());
        assert_eq!(list("").unwrap(), []);
        let read = orders(r#"{"all":true,"why":"x"},{"skill":"pdf","why":"y"}"#).unwrap();
        assert_eq!((read.order, read.orders.len(), &read.orders[0].subject), (7, 2, &Subject::All));
    }

    #[test]
    fn attack_an_entry_that_is_not_understood_refuses_the_list() {
        for entry in [
            "1".to_owned(),
            "{}".to_owned(),
            format!(r#"{{"signer":"{KEY}","kind":"compromised"}}"#),
            format!(r#"{{"signer":"{KEY}","kind":"suspended","why":""}}"#),
            format!(r#"{{"signer":"{KEY}","kind":"malicious","why":""}}"#),
            format!(r#"{{"signer":"{KEY}","digest":"{DIGEST}","kind":"retired","why":""}}"#),
            format!(r#"{{"signer":"{KEY}","kind":"retired","unless":"x","why":""}}"#),
            format!(r#"{{"signer":"{KEY}","kind":"retired","since":"soon","why":""}}"#),
            format!(r#"{{"signer":"{KEY}","kind":"retired","versions":"1","why":""}}"#),
            format!(r#"{{"digest":"{DIGEST}","kind":"retired","why":""}}"#),
            format!(r#"{{"digest":"{DIGEST}","kind":"yanked","since":"2026-10-01T00:00:00Z","why":""}}"#),
            format!(r#"{{"digest":"{}","kind":"yanked","why":""}}"#, &DIGEST[..20]),
            r#"{"source":"","kind":"yanked","why":""}"#.to_owned(),
            r#"{"source":"a b","kind":"yanked","why":""}"#.to_owned(),
            r#"{"source":"a","versions":"new","kind":"yanked","why":""}"#.to_owned(),
            r#"{"skill":"pdf","kind":"yanked","why":""}"#.to_owned(),
            r#"{"all":true,"kind":"malicious","why":""}"#.to_owned(),
        ] {
            assert!(list(&entry).is_err(), "{entry}");
        }
        for text in [
            r#"{"revocations":[]}"#,
            r#"{"format":2,"revocations":[]}"#,
            r#"{"format":1,"revocations":[],"x":1}"#,
        ] {
            assert!(revocations(text.as_bytes()).is_err(), "{text}");
        }
        for entry in
            [r#"{"all":false,"why":""}"#, r#"{"publisher":"a","why":""}"#, r#"{"all":true}"#, r#"{"why":""}"#]
        {
            assert!(orders(entry).is_err(), "{entry}");
        }
        for order in ["0", "-1", "1.5", "\"7\""] {
            let text = format!(r#"{{"format":1,"order":{order},"orders":[]}}"#);
            assert!(kill_orders(text.as_bytes()).is_err(), "{order}");
        }
    }
}
