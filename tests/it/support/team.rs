//! A team that publishes a trust root into a folder, with our own publishing
//! code and by the machine's clock: what the real program is to follow.

use skill_trust::model::digest::{Digest, sha256};
use skill_trust::model::time::Timestamp;
use skill_trust::model::tuf::publish::{
    DelegationPlan, Draft, FilePlan, RootPlan, Seal, Signers, target_name,
};
use skill_trust::model::tuf::{Pattern, SecretKey, Value};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const DAY: i64 = 86_400;

/// A key by its number.
fn key(number: u8) -> SecretKey {
    SecretKey::ed25519(&[number; 32])
}

fn by(number: u8) -> Signers {
    Signers { keys: vec![key(number).public().unwrap()], threshold: 1 }
}

fn signed(draft: Draft, number: u8) -> Vec<u8> {
    draft.sign(&key(number)).unwrap().to_bytes()
}

/// A role that somebody else speaks for: name, key, paths, files.
pub(crate) type Delegate = (String, u8, Vec<String>, BTreeMap<String, Vec<u8>>);

/// The team.
pub(crate) struct Team {
    /// `metadata/` and `targets/` are below it.
    pub(crate) folder: PathBuf,
    /// What it lists: bytes and `custom`, by path.
    pub(crate) files: BTreeMap<String, (Vec<u8>, Option<String>)>,
    /// Roles that others speak for.
    pub(crate) roles: Vec<Delegate>,
    /// The newest release.
    pub(crate) version: u64,
    /// For how many days a timestamp counts.
    pub(crate) days: i64,
    /// The second from which times are counted.
    pub(crate) now: i64,
    number: u8,
    targets_key: u8,
    root: Vec<u8>,
}

impl Team {
    /// A first root for a year; nothing is listed, and nothing released yet.
    /// `number` tells teams apart.
    pub(crate) fn new(folder: &Path, number: u8) -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        Self::at(folder, number, i64::try_from(now).unwrap())
    }

    pub(crate) fn at(folder: &Path, number: u8, now: i64) -> Self {
        let (files, roles) = (BTreeMap::new(), Vec::new());
        let folder = folder.to_owned();
        let mut team = Self {
            folder,
            files,
            roles,
            version: 0,
            days: 7,
            now,
            number,
            targets_key: number + 3,
            root: Vec::new(),
        };
        team.root = signed(Draft::first_root(&team.plan(), team.until(365)).unwrap(), number);
        team.write("metadata/1.root.json", &team.root);
        team
    }

    fn plan(&self) -> RootPlan {
        let number = self.number;
        RootPlan {
            root: by(number),
            timestamp: by(number + 1),
            snapshot: by(number + 2),
            targets: by(self.targets_key),
        }
    }

    fn until(&self, days: i64) -> Timestamp {
        Timestamp::from_unix(self.now + days * DAY)
    }

    fn write(&self, place: &str, bytes: &[u8]) {
        let path = self.folder.join(place);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// SHA-256 of the first root.
    pub(crate) fn pin(&self) -> String {
        sha256(&[&fs::read(self.folder.join("metadata/1.root.json")).unwrap()]).hex()
    }

    pub(crate) fn origin(&self) -> String {
        self.folder.to_string_lossy().into_owned()
    }

    /// Lists a file.
    pub(crate) fn list(&mut self, path: &str, bytes: &[u8]) -> &mut Self {
        self.files.insert(path.to_owned(), (bytes.to_vec(), None));
        self
    }

    /// Lists an anchor for sources below a place.
    pub(crate) fn anchor(&mut self, publisher: &str, pem: &str, namespace: &str) -> &mut Self {
        let custom =
            format!(r#"{{"namespaces":["{namespace}"],"validFor":{{"start":"2026-01-01T00:00:00Z"}}}}"#);
        self.files.insert(format!("anchors/{publisher}.pem"), (pem.as_bytes().to_vec(), Some(custom)));
        self
    }

    /// Revokes: entries as JSON.
    pub(crate) fn revoke(&mut self, entries: &[String]) -> &mut Self {
        let text = format!(r#"{{"format":1,"revocations":[{}]}}"#, entries.join(","));
        self.list("revocations.json", text.as_bytes())
    }

    /// Orders: entries as JSON.
    pub(crate) fn order(&mut self, number: u64, entries: &[String]) -> &mut Self {
        let text = format!(r#"{{"format":1,"order":{number},"orders":[{}]}}"#, entries.join(","));
        self.list("kill-orders.json", text.as_bytes())
    }

    /// Publishes all of it as the next release.
    pub(crate) fn release(&mut self) -> &mut Self {
        self.version += 1;
        let custom = |text: &Option<String>| text.as_ref().map(|text| Value::parse(text.as_bytes()).unwrap());
        let files: Vec<_> = self
            .files
            .iter()
            .map(|(path, (bytes, text))| FilePlan { path, bytes, custom: custom(text) })
            .collect();
        let delegations: Vec<_> = self
            .roles
            .iter()
            .map(|(name, number, paths, _)| DelegationPlan {
                name: name.clone(),
                signers: by(*number),
                paths: paths.iter().map(|path| Pattern::parse(path).unwrap()).collect(),
                terminating: false,
            })
            .collect();
        let draft = Draft::targets(self.version, self.until(30), &files, &delegations).unwrap();
        let mut all = vec![("targets".to_owned(), signed(draft, self.targets_key))];
        for (name, number, _, files) in &self.roles {
            let plans: Vec<_> =
                files.iter().map(|(path, bytes)| FilePlan { path, bytes, custom: None }).collect();
            let draft = Draft::targets(self.version, self.until(30), &plans, &[]).unwrap();
            all.push((name.clone(), signed(draft, *number)));
        }
        let seal = Seal {
            version: self.version,
            snapshot_expires: self.until(20),
            timestamp_expires: self.until(self.days),
            snapshot_keys: &[&key(self.number + 2)],
            timestamp_keys: &[&key(self.number + 1)],
        };
        let lists = self.files.iter().map(|(path, (bytes, _))| (path, bytes));
        for (path, bytes) in lists.chain(self.roles.iter().flat_map(|role| role.3.iter())) {
            self.write(&format!("targets/{}", target_name(path, bytes)), bytes);
        }
        for (name, bytes) in seal.release(&all).unwrap() {
            self.write(&format!("metadata/{name}"), &bytes);
        }
        self
    }

    /// Publishes a new root with another key for targets.
    pub(crate) fn rotate_targets(&mut self, number: u8) -> &mut Self {
        self.targets_key = number;
        let draft = Draft::next_root(&self.root, &self.plan(), self.until(365)).unwrap();
        self.root = signed(draft, self.number);
        let version =
            (2..).find(|at| !self.folder.join(format!("metadata/{at}.root.json")).exists()).unwrap();
        self.write(&format!("metadata/{version}.root.json"), &self.root.clone());
        self
    }
}

/// A digest as an entry of a list.
pub(crate) fn digest_entry(digest: &str, kind: &str, why: &str) -> String {
    assert!(Digest::parse(digest).is_ok());
    format!(r#"{{"digest":"{digest}","kind":"{kind}","why":"{why}"}}"#)
}
