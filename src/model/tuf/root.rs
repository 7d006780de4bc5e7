//! The root: which keys count for which role (section 4.3).

use super::json::{Value, need};
use super::key::Keys;
use super::role::{Head, Role};
use super::{Malformed, Metadata, TOP_LEVEL};
use crate::model::digest::Digest;
use crate::model::text;
use std::collections::{BTreeMap, BTreeSet};

/// A root.
#[derive(Debug, Clone)]
pub struct Root {
    /// Version and end.
    pub head: Head,
    /// Whether files are named by version and hash (6.2).
    pub consistent: bool,
    /// Every key, by id.
    pub keys: Keys,
    /// Who signs the next root, and this one.
    pub root: Role,
    /// Who signs timestamps.
    pub timestamp: Role,
    /// Who signs snapshots.
    pub snapshot: Role,
    /// Who signs the top-level targets.
    pub targets: Role,
}

impl Root {
    /// The keys of a role by content, without those that we cannot evaluate.
    #[must_use]
    pub fn contents(&self, role: &Role) -> BTreeSet<Digest> {
        role.keyids.iter().filter_map(|id| self.keys.get(id)?.content()).collect()
    }
}

impl Metadata for Root {
    const TYPE: &'static str = "root";

    fn read(map: &BTreeMap<String, Value>) -> Result<Self, Malformed> {
        let head = Head::read(map, Self::TYPE)?;
        let roles = need(map, "roles")?.members("`roles`")?;
        // `mirrors` is a role of the specification, which we have no use for.
        if let Some(odd) = roles.keys().find(|name| !TOP_LEVEL.contains(&name.as_str()) && *name != "mirrors")
        {
            return Err(Malformed(format!(
                "`roles` has `{}`, which is no role",
                text::escape_short(odd, 80)
            )));
        }
        let role = |name: &str| Role::read(need(roles, name)?.members("a role")?);
        Ok(Self {
            head,
            consistent: map
                .get("consistent_snapshot")
                .map_or(Ok(false), |flag| flag.flag("`consistent_snapshot`"))?,
            keys: Keys::read(need(map, "keys")?)?,
            root: role("root")?,
            timestamp: role("timestamp")?,
            snapshot: role("snapshot")?,
            targets: role("targets")?,
        })
    }

    fn head(&self) -> Head {
        self.head
    }
}
