//! The publisher's side: writing and signing metadata.
//!
//! Pure: versions, times and secret keys come in as arguments. A team keeps
//! the files in a folder or a repository, named as consistent snapshots name
//! them (section 6.2). Several people sign one root one after the other: each
//! opens the draft, adds a signature and hands it on; the files are done when
//! [`super::Unverified::verify_next`] says so.
//!
//! What a client would never accept cannot be written: a threshold of 0 or of
//! more than there are keys, one key twice, a weak key, a bad pattern.

use super::json::{Value, need};
use super::key::{Keys, PublicKey, SecretKey};
use super::name::{file_of, is_plain, target_file};
use super::role::Head;
use super::{Malformed, Metadata, Pattern, Root, Targets};
use crate::model::digest::{Digest, sha256};
use crate::model::text;
use crate::model::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// The version of the specification that our files name.
const SPEC: &str = "1.0.34";

/// Who signs a role, and how many of them must.
#[derive(Debug, Clone)]
pub struct Signers {
    /// Their keys.
    pub keys: Vec<PublicKey>,
    /// How many.
    pub threshold: u64,
}

/// The roles of a root.
#[derive(Debug, Clone)]
pub struct RootPlan {
    /// Who signs roots; kept offline.
    pub root: Signers,
    /// Who signs timestamps.
    pub timestamp: Signers,
    /// Who signs snapshots.
    pub snapshot: Signers,
    /// Who signs the top-level targets.
    pub targets: Signers,
}

/// A role that others may speak for.
#[derive(Debug, Clone)]
pub struct DelegationPlan {
    /// Its name.
    pub name: String,
    /// Who signs it.
    pub signers: Signers,
    /// For which paths.
    pub paths: Vec<Pattern>,
    /// Whether nobody after it is asked.
    pub terminating: bool,
}

/// A file to be listed.
#[derive(Debug, Clone)]
pub struct FilePlan<'a> {
    /// Its target path.
    pub path: &'a str,
    /// Its content.
    pub bytes: &'a [u8],
    /// What is said about it.
    pub custom: Option<Value>,
}

/// A metadata file that may still lack signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    signed: Value,
    signatures: BTreeMap<String, String>,
}

impl RootPlan {
    /// The roles of a root that is there, as a plan for the next one.
    #[must_use]
    pub fn of(root: &Root) -> Self {
        let signers = |role: &super::Role| Signers {
            keys: role.keyids.iter().filter_map(|id| root.keys.get(id).cloned()).collect(),
            threshold: role.threshold,
        };
        Self {
            root: signers(&root.root),
            timestamp: signers(&root.timestamp),
            snapshot: signers(&root.snapshot),
            targets: signers(&root.targets),
        }
    }
}

impl Draft {
    /// The first root.
    ///
    /// # Errors
    /// [`Malformed`] for a plan that no client would accept.
    pub fn first_root(plan: &RootPlan, expires: Timestamp) -> Result<Self, Malformed> {
        root(1, plan, expires)
    }

    /// The root after `previous`. To be signed by a threshold of the previous
    /// root's keys and by one of its own (5.3.4).
    ///
    /// # Errors
    /// [`Malformed`], also if `previous` is no root.
    pub fn next_root(previous: &[u8], plan: &RootPlan, expires: Timestamp) -> Result<Self, Malformed> {
        root(1 + head_of(previous, Root::TYPE)?.version, plan, expires)
    }

    /// Top-level or delegated targets.
    ///
    /// # Errors
    /// [`Malformed`] for a path that cannot be fetched, or twice in the list,
    /// and for delegations that no client would accept.
    pub fn targets(
        version: u64,
        expires: Timestamp,
        files: &[FilePlan<'_>],
        delegations: &[DelegationPlan],
    ) -> Result<Self, Malformed> {
        let mut listed = BTreeMap::new();
        for file in files {
            if listed.insert(file.path.to_owned(), entry(file)?).is_some() {
                let shown = text::escape_short(file.path, 120);
                return Err(Malformed(format!("`{shown}` is listed twice")));
            }
        }
        let mut map = common(Targets::TYPE, version, expires)?;
        map.insert("targets".to_owned(), Value::Map(listed));
        if !delegations.is_empty() {
            let mut keys = Keys::default();
            let roles = delegations.iter().map(|plan| delegation(plan, &mut keys));
            let roles = Value::List(roles.collect::<Result<_, _>>()?);
            map.insert(
                "delegations".to_owned(),
                Value::object([("keys", keys.to_value()), ("roles", roles)]),
            );
        }
        Self::checked::<Targets>(map)
    }

    /// Targets after `previous`, with files put in or, without a plan, taken
    /// out. All else stays as it is, delegations and what we do not know too.
    ///
    /// # Errors
    /// [`Malformed`], also if `previous` is no targets file.
    pub fn next_targets(
        previous: &[u8],
        version: u64,
        expires: Timestamp,
        edits: &BTreeMap<String, Option<FilePlan<'_>>>,
    ) -> Result<Self, Malformed> {
        let value = Value::parse(previous)?;
        let mut map = need(value.members("the file")?, "signed")?.members("`signed`")?.clone();
        let mut listed = need(&map, "targets")?.members("`targets`")?.clone();
        for (path, plan) in edits {
            match plan {
                Some(plan) => listed.insert(path.clone(), entry(plan)?),
                None => listed.remove(path),
            };
        }
        map.extend(common(Targets::TYPE, version, expires)?);
        map.insert("targets".to_owned(), Value::Map(listed));
        Self::checked::<Targets>(map)
    }

    /// What it says, whoever signed it: for showing a draft, and for working on
    /// it. A client never opens a draft.
    ///
    /// # Errors
    /// [`Malformed`] if it is of another kind.
    pub fn says<T: Metadata>(&self) -> Result<T, Malformed> {
        T::read(self.signed.members("`signed`")?)
    }

    /// How many signatures there are, none of them checked.
    #[must_use]
    pub fn signatures(&self) -> usize {
        self.signatures.len()
    }

    /// Whether this key has signed it.
    #[must_use]
    pub fn signed_by(&self, key: &PublicKey) -> bool {
        let signature = self.signatures.get(key.id().as_str());
        signature.is_some_and(|hex| key.signed(&self.signed.canonical(), hex))
    }

    /// SHA-256 of what signatures cover, which is what a person signs.
    #[must_use]
    pub fn digest(&self) -> Digest {
        sha256(&[&self.signed.canonical()])
    }

    /// A snapshot of all targets files, each by role name and bytes.
    ///
    /// # Errors
    /// [`Malformed`] if one is no targets file.
    pub fn snapshot(version: u64, expires: Timestamp, all: &[(String, Vec<u8>)]) -> Result<Self, Malformed> {
        let mut meta = BTreeMap::new();
        for (role, bytes) in all {
            meta.insert(format!("{role}.json"), meta_file(bytes, Targets::TYPE)?);
        }
        let mut map = common(super::Snapshot::TYPE, version, expires)?;
        map.insert("meta".to_owned(), Value::Map(meta));
        Self::checked::<super::Snapshot>(map)
    }

    /// A timestamp for a snapshot.
    ///
    /// # Errors
    /// [`Malformed`] if that is no snapshot.
    pub fn timestamp(version: u64, expires: Timestamp, snapshot: &[u8]) -> Result<Self, Malformed> {
        let mut map = common(super::Timestamp::TYPE, version, expires)?;
        let entry = meta_file(snapshot, super::Snapshot::TYPE)?;
        map.insert("meta".to_owned(), Value::object([("snapshot.json", entry)]));
        Self::checked::<super::Timestamp>(map)
    }

    /// Whatever we write, we can read.
    fn checked<T: Metadata>(map: BTreeMap<String, Value>) -> Result<Self, Malformed> {
        T::read(&map)?;
        Ok(Self { signed: Value::Map(map), signatures: BTreeMap::new() })
    }

    /// Opens a file that somebody began, with all its signatures and with what
    /// we do not know.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn open(bytes: &[u8]) -> Result<Self, Malformed> {
        let value = Value::parse(bytes)?;
        let map = value.members("the file")?;
        let mut signatures = BTreeMap::new();
        for one in need(map, "signatures")?.elements("`signatures`")? {
            let one = one.members("a signature")?;
            let text = |name: &str| need(one, name).and_then(|value| value.text(name)).map(str::to_owned);
            if signatures.insert(text("keyid")?, text("sig")?).is_some() {
                return Err(Malformed::new("a key stands twice among the signatures"));
            }
        }
        Ok(Self { signed: need(map, "signed")?.clone(), signatures })
    }

    /// Adds a signature, or replaces that of the same key.
    ///
    /// # Errors
    /// [`Malformed`] if the key has no public half that can be written.
    pub fn sign(mut self, key: &SecretKey) -> Result<Self, Malformed> {
        let id = key.public()?.id();
        self.signatures.insert(id.as_str().to_owned(), key.sign(&self.signed.canonical()));
        Ok(self)
    }

    /// The file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let text = |text: &String| Value::Text(text.clone());
        let one = |(id, hex): (&String, &String)| Value::object([("keyid", text(id)), ("sig", text(hex))]);
        let signatures = Value::List(self.signatures.iter().map(one).collect());
        let mut bytes =
            Value::object([("signatures", signatures), ("signed", self.signed.clone())]).to_json();
        bytes.push(b'\n');
        bytes
    }
}

/// What is signed online, each time anything changed or a timestamp runs out.
pub struct Seal<'a> {
    /// Version of snapshot and timestamp.
    pub version: u64,
    /// Until when the snapshot counts.
    pub snapshot_expires: Timestamp,
    /// Until when the timestamp counts.
    pub timestamp_expires: Timestamp,
    /// Who signs the snapshot.
    pub snapshot_keys: &'a [&'a SecretKey],
    /// Who signs the timestamp.
    pub timestamp_keys: &'a [&'a SecretKey],
}

impl Seal<'_> {
    /// The files of a release, by name, in the order in which they are to be
    /// written: the timestamp last, so that a reader in between sees the old
    /// release whole.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn release(&self, all: &[(String, Vec<u8>)]) -> Result<Vec<(String, Vec<u8>)>, Malformed> {
        let mut files = Vec::new();
        for (role, bytes) in all {
            let version = head_of(bytes, Targets::TYPE)?.version;
            files.push((file_of(role, Some(version)), bytes.clone()));
        }
        let mut snapshot = Draft::snapshot(self.version, self.snapshot_expires, all)?;
        for key in self.snapshot_keys {
            snapshot = snapshot.sign(key)?;
        }
        let snapshot = snapshot.to_bytes();
        let mut timestamp = Draft::timestamp(self.version, self.timestamp_expires, &snapshot)?;
        for key in self.timestamp_keys {
            timestamp = timestamp.sign(key)?;
        }
        files.push((file_of("snapshot", Some(self.version)), snapshot));
        files.push((file_of("timestamp", None), timestamp.to_bytes()));
        Ok(files)
    }
}

/// Where a target lies below the folder of targets: its hash before its name.
#[must_use]
pub fn target_name(path: &str, bytes: &[u8]) -> String {
    target_file(path, Some(&sha256(&[bytes]).hex()))
}

fn number(number: u64) -> Result<Value, Malformed> {
    i64::try_from(number).map(Value::Int).map_err(|_| Malformed::new("a number beyond 64 bits"))
}

fn common(kind: &str, version: u64, expires: Timestamp) -> Result<BTreeMap<String, Value>, Malformed> {
    let text = |text: &str| Value::Text(text.to_owned());
    Ok(BTreeMap::from([
        ("_type".to_owned(), text(kind)),
        ("spec_version".to_owned(), text(SPEC)),
        ("version".to_owned(), number(version)?),
        ("expires".to_owned(), Value::Text(expires.to_string())),
    ]))
}

fn described(bytes: &[u8]) -> Result<BTreeMap<String, Value>, Malformed> {
    let hashes = Value::object([("sha256", Value::Text(sha256(&[bytes]).hex()))]);
    Ok(BTreeMap::from([("length".to_owned(), number(bytes.len() as u64)?), ("hashes".to_owned(), hashes)]))
}

/// A file as targets list it.
fn entry(file: &FilePlan<'_>) -> Result<Value, Malformed> {
    if !is_plain(file.path) {
        let shown = text::escape_short(file.path, 120);
        return Err(Malformed(format!("`{shown}` is no path that can be fetched")));
    }
    let mut entry = described(file.bytes)?;
    entry.extend(file.custom.clone().map(|custom| ("custom".to_owned(), custom)));
    Ok(Value::Map(entry))
}

fn head_of(bytes: &[u8], kind: &str) -> Result<Head, Malformed> {
    let value = Value::parse(bytes)?;
    Head::read(need(value.members("the file")?, "signed")?.members("`signed`")?, kind)
}

fn meta_file(bytes: &[u8], kind: &str) -> Result<Value, Malformed> {
    let mut entry = described(bytes)?;
    entry.insert("version".to_owned(), number(head_of(bytes, kind)?.version)?);
    Ok(Value::Map(entry))
}

/// A role's ids and threshold; its keys go to `keys`.
fn signers(plan: &Signers, what: &str, keys: &mut Keys) -> Result<BTreeMap<String, Value>, Malformed> {
    let mut contents = BTreeSet::new();
    for key in &plan.keys {
        match key.content() {
            None => {
                return Err(Malformed(format!("{what} has a key of a kind that no client of ours counts")));
            }
            Some(content) if !contents.insert(content) => {
                return Err(Malformed(format!("{what} has one key twice")));
            }
            Some(_) => keys.add(key.clone()),
        }
    }
    let (count, threshold) = (contents.len() as u64, plan.threshold);
    if threshold == 0 || threshold > count {
        return Err(Malformed(format!(
            "{what} needs {threshold} of {count} keys: at least 1 and at most all"
        )));
    }
    let ids = plan.keys.iter().map(|key| Value::Text(key.id().as_str().to_owned())).collect();
    Ok(BTreeMap::from([
        ("keyids".to_owned(), Value::List(ids)),
        ("threshold".to_owned(), number(threshold)?),
    ]))
}

fn root(version: u64, plan: &RootPlan, expires: Timestamp) -> Result<Draft, Malformed> {
    let (mut keys, mut roles) = (Keys::default(), BTreeMap::new());
    let all = [
        ("root", &plan.root),
        ("timestamp", &plan.timestamp),
        ("snapshot", &plan.snapshot),
        ("targets", &plan.targets),
    ];
    for (name, plan) in all {
        roles.insert(name.to_owned(), Value::Map(signers(plan, name, &mut keys)?));
    }
    let mut map = common(Root::TYPE, version, expires)?;
    map.insert("consistent_snapshot".to_owned(), Value::Bool(true));
    map.insert("keys".to_owned(), keys.to_value());
    map.insert("roles".to_owned(), Value::Map(roles));
    Draft::checked::<Root>(map)
}

fn delegation(plan: &DelegationPlan, keys: &mut Keys) -> Result<Value, Malformed> {
    let mut map = signers(&plan.signers, &text::escape_short(&plan.name, 80), keys)?;
    let paths = plan.paths.iter().map(|path| Value::Text(path.as_str().to_owned())).collect();
    map.insert("name".to_owned(), Value::Text(plan.name.clone()));
    map.insert("paths".to_owned(), Value::List(paths));
    map.insert("terminating".to_owned(), Value::Bool(plan.terminating));
    Ok(Value::Map(map))
}
