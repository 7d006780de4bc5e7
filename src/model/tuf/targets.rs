//! Targets: files by hash, and the roles that others may speak for (4.5).

use super::hashes::Hashes;
use super::json::{Value, need};
use super::key::Keys;
use super::name::target_file;
use super::pattern::Pattern;
use super::role::{Head, Role};
use super::{Malformed, Metadata, TOP_LEVEL};
use crate::model::digest::sha256;
use crate::model::text;
use std::collections::{BTreeMap, BTreeSet};

/// Longest name of a role, in bytes; as a file it may be three times as long.
const NAME_MAX: usize = 64;

/// A file that a role names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetFile {
    /// Its length in bytes.
    pub length: u64,
    /// Its hashes.
    pub hashes: Hashes,
    /// What the publisher added; an object if it is there.
    pub custom: Option<Value>,
}

impl TargetFile {
    fn read(value: &Value) -> Result<Self, Malformed> {
        let map = value.members("a target")?;
        let custom = map.get("custom").map(|custom| custom.members("`custom`").map(|_| custom.clone()));
        Ok(Self {
            length: need(map, "length")?.number("`length`", 0)?,
            hashes: Hashes::read(need(map, "hashes")?, "`hashes`")?,
            custom: custom.transpose()?,
        })
    }

    /// Whether these bytes are the file.
    #[must_use]
    pub fn fits(&self, bytes: &[u8]) -> bool {
        self.length == bytes.len() as u64 && self.hashes.fit(bytes)
    }

    /// Where it lies below the folder of targets; nothing if consistent
    /// snapshots are used and no hash that we know can name it.
    #[must_use]
    pub fn place(&self, path: &str, consistent: bool) -> Option<String> {
        let hash = self.hashes.prefix();
        if consistent {
            hash.map(|hash| target_file(path, Some(&hash)))
        } else {
            Some(target_file(path, None))
        }
    }
}

/// For which paths a role may speak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Paths {
    /// Those that match a pattern.
    Patterns(Vec<Pattern>),
    /// Those whose SHA-256 begins so, in lower-case hex.
    HashPrefixes(Vec<String>),
}

impl Paths {
    /// Whether a path is one of them.
    #[must_use]
    pub fn cover(&self, path: &str) -> bool {
        match self {
            Self::Patterns(patterns) => patterns.iter().any(|pattern| pattern.matches(path)),
            Self::HashPrefixes(prefixes) => {
                let hash = sha256(&[path.as_bytes()]).hex();
                prefixes.iter().any(|prefix| hash.starts_with(prefix))
            }
        }
    }
}

/// A role that others may speak for.
#[derive(Debug, Clone)]
pub struct Delegation {
    /// Its name.
    pub name: String,
    /// Who signs it.
    pub role: Role,
    /// For which paths it is asked.
    pub paths: Paths,
    /// Whether nobody after it is asked for these paths.
    pub terminating: bool,
}

impl Delegation {
    fn read(value: &Value) -> Result<Self, Malformed> {
        let map = value.members("a delegated role")?;
        let name = need(map, "name")?.text("`name`")?;
        if name.is_empty() || name.len() > NAME_MAX || TOP_LEVEL.contains(&name) {
            let name = text::escape_short(name, 80);
            return Err(Malformed(format!("`{name}` is no name of a delegated role")));
        }
        let paths = match (map.get("paths"), map.get("path_hash_prefixes")) {
            (Some(paths), None) => {
                let read = |path: &Value| {
                    Pattern::parse(path.text("a pattern")?).map_err(|bad| Malformed(bad.to_string()))
                };
                Paths::Patterns(paths.elements("`paths`")?.iter().map(read).collect::<Result<_, _>>()?)
            }
            (None, Some(prefixes)) => {
                let prefixes = prefixes.elements("`path_hash_prefixes`")?.iter().map(prefix);
                Paths::HashPrefixes(prefixes.collect::<Result<_, _>>()?)
            }
            _ => return Err(Malformed::new("a delegated role has either `paths` or `path_hash_prefixes`")),
        };
        let terminating = need(map, "terminating")?.flag("`terminating`")?;
        Ok(Self { name: name.to_owned(), role: Role::read(map)?, paths, terminating })
    }
}

fn prefix(value: &Value) -> Result<String, Malformed> {
    let prefix = value.text("a hash prefix")?;
    let hex = prefix.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
    if hex && (1..=64).contains(&prefix.len()) {
        Ok(prefix.to_owned())
    } else {
        Err(Malformed(format!("`{}` is no hash prefix", text::escape_short(prefix, 80))))
    }
}

/// The roles that others may speak for, in order of priority.
#[derive(Debug, Clone, Default)]
pub struct Delegations {
    /// Their keys.
    pub keys: Keys,
    /// The roles.
    pub roles: Vec<Delegation>,
}

impl Delegations {
    fn read(value: &Value) -> Result<Self, Malformed> {
        let map = value.members("`delegations`")?;
        if map.contains_key("succinct_roles") {
            return Err(Malformed::new("`succinct_roles` (TAP 15) is not taken here"));
        }
        let roles = need(map, "roles")?.elements("`roles`")?.iter().map(Delegation::read);
        let roles = roles.collect::<Result<Vec<_>, _>>()?;
        let mut names = BTreeSet::new();
        if let Some(twin) = roles.iter().find(|role| !names.insert(&role.name)) {
            let name = text::escape_short(&twin.name, 80);
            return Err(Malformed(format!("the role `{name}` is delegated to twice")));
        }
        Ok(Self { keys: Keys::read(need(map, "keys")?)?, roles })
    }
}

/// Files by hash, and delegations.
#[derive(Debug, Clone)]
pub struct Targets {
    /// Version and end.
    pub head: Head,
    /// By path.
    pub files: BTreeMap<String, TargetFile>,
    /// Who else may speak.
    pub delegations: Delegations,
}

impl Metadata for Targets {
    const TYPE: &'static str = "targets";

    fn read(map: &BTreeMap<String, Value>) -> Result<Self, Malformed> {
        let files = need(map, "targets")?.members("`targets`")?.iter();
        let files = files.map(|(path, file)| Ok((path.clone(), TargetFile::read(file)?)));
        Ok(Self {
            head: Head::read(map, Self::TYPE)?,
            files: files.collect::<Result<_, _>>()?,
            delegations: map.get("delegations").map(Delegations::read).transpose()?.unwrap_or_default(),
        })
    }

    fn head(&self) -> Head {
        self.head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(text: &str) -> Result<Targets, Malformed> {
        Targets::read(Value::parse(text.as_bytes()).unwrap().members("")?)
    }

    const GOOD: &str = r#"{"_type":"targets","spec_version":"1.0.34","version":1,"expires":"2030-01-01T00:00:00Z","targets":{"a/b":{"length":3,"hashes":{"sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},"custom":{"k":1}}},"delegations":{"keys":{},"roles":[{"name":"acme","keyids":[],"threshold":1,"paths":["acme/*"],"terminating":true}]}}"#;

    #[test]
    fn files_and_delegations_are_read() {
        let read = targets(GOOD).unwrap();
        let file = &read.files["a/b"];
        assert!(file.fits(b"abc") && !file.fits(b"abd") && !file.fits(b"abcd"));
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(file.place("a/b", true), Some(format!("a/{hash}.b")));
        assert_eq!(file.place("a/b", false), Some("a/b".to_owned()));
        let acme = &read.delegations.roles[0];
        assert!(acme.terminating && acme.paths.cover("acme/x") && !acme.paths.cover("acme/x/y"));
    }

    #[test]
    fn hash_prefixes_cover_by_the_hash_of_the_path() {
        // SHA-256 of `abc` begins with ba7816bf.
        for (prefix, covers) in [("b", true), ("ba7816bf", true), ("ba7816be", false), ("a", false)] {
            let text =
                GOOD.replace(r#""paths":["acme/*"]"#, &format!(r#""path_hash_prefixes":["{prefix}"]"#));
            let read = targets(&text).unwrap();
            assert_eq!(read.delegations.roles[0].paths.cover("abc"), covers, "{prefix}");
        }
    }

    #[test]
    fn every_other_form_is_refused() {
        for (from, to) in [
            (r#""length":3,"#, ""),
            (r#""length":3"#, r#""length":-3"#),
            (r#""custom":{"k":1}"#, r#""custom":1"#),
            (r#""name":"acme""#, r#""name":"""#),
            (r#""name":"acme""#, r#""name":"root""#),
            (r#""name":"acme""#, r#""name":"targets""#),
            (r#""threshold":1"#, r#""threshold":0"#),
            (r#""terminating":true"#, r#""terminating":1"#),
            (r#","terminating":true"#, ""),
            (r#""paths":["acme/*"],"#, ""),
            (r#""paths":["acme/*"]"#, r#""paths":["acme/**"]"#),
            (r#""paths":["acme/*"]"#, r#""paths":"acme""#),
            (r#""paths":["acme/*"]"#, r#""paths":["acme/*"],"path_hash_prefixes":["a"]"#),
            (r#""paths":["acme/*"]"#, r#""path_hash_prefixes":[""]"#),
            (r#""paths":["acme/*"]"#, r#""path_hash_prefixes":["BA"]"#),
            (r#""keyids":[]"#, r#""keyids":["x"]"#),
            (r#""keys":{},"#, ""),
            (r#""keys":{}"#, r#""keys":{},"succinct_roles":{}"#),
            (
                r#""roles":[{"#,
                r#""roles":[{"name":"acme","keyids":[],"threshold":1,"paths":[],"terminating":false},{"#,
            ),
            (r#""targets":{"#, r#""target":{"#),
        ] {
            let text = GOOD.replace(from, to);
            assert_ne!(text, GOOD, "{from}");
            assert!(targets(&text).is_err(), "{text}");
        }
        let long = GOOD.replace(r#""name":"acme""#, &format!(r#""name":"{}""#, "a".repeat(65)));
        assert!(targets(&long).is_err());
    }
}
