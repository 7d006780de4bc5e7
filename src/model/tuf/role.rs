//! What every metadata file says, and the two small ones: timestamp and
//! snapshot (sections 4.2 to 4.4 and 4.6).

use super::hashes::Hashes;
use super::json::{Value, need};
use super::key::KeyId;
use super::{Malformed, Metadata};
use crate::model::text;
use crate::model::time;
use std::collections::{BTreeMap, BTreeSet};

/// The major version of the specification that we speak.
const MAJOR: &str = "1";

/// Version and end of a metadata file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// At least 1.
    pub version: u64,
    /// From this second on it counts no more.
    pub expires: time::Timestamp,
}

impl Head {
    pub(super) fn read(map: &BTreeMap<String, Value>, wanted: &str) -> Result<Self, Malformed> {
        let kind = need(map, "_type")?.text("`_type`")?;
        if kind != wanted {
            return Err(Malformed(format!(
                "it is of type `{}`, not `{wanted}`",
                text::escape_short(kind, 40)
            )));
        }
        let spec = need(map, "spec_version")?.text("`spec_version`")?;
        let parts: Vec<_> = spec.split('.').collect();
        let plain = |part: &&str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit());
        // Two parts are of before 1.0.0's second edition; python-tuf takes them too.
        if !(2..=3).contains(&parts.len()) || !parts.iter().all(plain) || parts[0] != MAJOR {
            let spec = text::escape_short(spec, 40);
            return Err(Malformed(format!(
                "it follows version `{spec}` of the specification, not {MAJOR}.x"
            )));
        }
        Ok(Self {
            version: need(map, "version")?.number("`version`", 1)?,
            expires: need(map, "expires")?.time("`expires`")?,
        })
    }
}

/// Whose signatures a role needs, and how many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Key ids, none twice.
    pub keyids: BTreeSet<KeyId>,
    /// How many different keys; at least 1. May be more than there are keys:
    /// then nothing is ever signed enough.
    pub threshold: u64,
}

impl Role {
    pub(super) fn read(map: &BTreeMap<String, Value>) -> Result<Self, Malformed> {
        let mut keyids = BTreeSet::new();
        for id in need(map, "keyids")?.elements("`keyids`")? {
            let id = KeyId::read(id)?;
            if keyids.contains(&id) {
                return Err(Malformed(format!("the key {id} stands twice in one role")));
            }
            keyids.insert(id);
        }
        Ok(Self { keyids, threshold: need(map, "threshold")?.number("`threshold`", 1)? })
    }
}

/// What is said about another metadata file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetaFile {
    /// Its version.
    pub version: u64,
    /// Its length in bytes, if listed.
    pub length: Option<u64>,
    /// Its hashes, if listed.
    pub hashes: Option<Hashes>,
}

impl MetaFile {
    fn read(value: &Value) -> Result<Self, Malformed> {
        let map = value.members("an entry of `meta`")?;
        Ok(Self {
            version: need(map, "version")?.number("`version`", 1)?,
            length: map.get("length").map(|length| length.number("`length`", 0)).transpose()?,
            hashes: map.get("hashes").map(|hashes| Hashes::read(hashes, "`hashes`")).transpose()?,
        })
    }

    /// Whether these bytes can be it, as far as length and hashes are listed.
    #[must_use]
    pub fn fits(&self, bytes: &[u8]) -> bool {
        self.length.is_none_or(|length| length == bytes.len() as u64)
            && self.hashes.as_ref().is_none_or(|hashes| hashes.fit(bytes))
    }
}

/// Which snapshot is the newest.
#[derive(Debug, Clone)]
pub struct Timestamp {
    /// Version and end.
    pub head: Head,
    /// The snapshot.
    pub snapshot: MetaFile,
}

impl Metadata for Timestamp {
    const TYPE: &'static str = "timestamp";

    fn read(map: &BTreeMap<String, Value>) -> Result<Self, Malformed> {
        let head = Head::read(map, Self::TYPE)?;
        let meta = need(map, "meta")?.members("`meta`")?;
        // "MUST only include a description of the snapshot.json file" (4.6).
        if meta.len() != 1 {
            return Err(Malformed(format!("`meta` describes {} files, not snapshot.json alone", meta.len())));
        }
        Ok(Self { head, snapshot: MetaFile::read(need(meta, "snapshot.json")?)? })
    }

    fn head(&self) -> Head {
        self.head
    }
}

/// Which version every targets file has.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Version and end.
    pub head: Head,
    /// By role name and `.json`.
    pub meta: BTreeMap<String, MetaFile>,
}

impl Snapshot {
    /// What is said about a role's file.
    #[must_use]
    pub fn of(&self, role: &str) -> Option<&MetaFile> {
        self.meta.get(&format!("{role}.json"))
    }
}

impl Metadata for Snapshot {
    const TYPE: &'static str = "snapshot";

    fn read(map: &BTreeMap<String, Value>) -> Result<Self, Malformed> {
        let head = Head::read(map, Self::TYPE)?;
        let meta = need(map, "meta")?.members("`meta`")?.iter();
        let meta = meta.map(|(name, file)| Ok((name.clone(), MetaFile::read(file)?)));
        Ok(Self { head, meta: meta.collect::<Result<_, _>>()? })
    }

    fn head(&self) -> Head {
        self.head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timestamp(text: &str) -> Result<Timestamp, Malformed> {
        Timestamp::read(Value::parse(text.as_bytes()).unwrap().members("")?)
    }

    const GOOD: &str = r#"{"_type":"timestamp","spec_version":"1.0.34","version":3,"expires":"2030-01-01T00:00:00Z","meta":{"snapshot.json":{"version":7,"length":0}},"x":{"y":[]}}"#;

    #[test]
    fn unknown_members_do_not_disturb() {
        let read = timestamp(GOOD).unwrap();
        assert_eq!((read.head.version, read.snapshot.version, read.snapshot.length), (3, 7, Some(0)));
        assert!(read.snapshot.fits(b"") && !read.snapshot.fits(b"x"));
    }

    #[test]
    fn every_other_form_is_refused() {
        for (from, to) in [
            (r#""_type":"timestamp""#, r#""_type":"snapshot""#),
            (r#""_type":"timestamp","#, ""),
            ("1.0.34", "2.0.0"),
            ("1.0.34", "1"),
            ("1.0.34", "1.0.0.0"),
            ("1.0.34", "1..0"),
            ("1.0.34", "1.0.x"),
            (r#""1.0.34""#, "1"),
            (r#""version":3"#, r#""version":0"#),
            (r#""version":3"#, r#""version":-1"#),
            (r#""version":3"#, r#""version":"3""#),
            (r#""version":3"#, r#""version":true"#),
            (r#""version":3,"#, ""),
            ("2030-01-01T00:00:00Z", "2030-01-01"),
            ("2030-01-01T00:00:00Z", "2030-02-30T00:00:00Z"),
            ("2030-01-01T00:00:00Z", "2030-01-01T00:00:00+00:00"),
            ("snapshot.json", "Snapshot.json"),
            (r#""version":7"#, r#""version":0"#),
            (r#""length":0"#, r#""length":-1"#),
            (r#""length":0"#, r#""hashes":{}"#),
            (r#""meta":{"#, r#""meta":{"root.json":{"version":1},"#),
            (r#""meta":{"snapshot.json":{"version":7,"length":0}}"#, r#""meta":[]"#),
        ] {
            let text = GOOD.replace(from, to);
            assert_ne!(text, GOOD, "{from}");
            assert!(timestamp(&text).is_err(), "{text}");
        }
        assert!(timestamp(&GOOD.replace("1.0.34", "1.0")).is_ok());
    }
}
