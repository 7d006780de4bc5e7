//! A publisher and an attacker: a repository in memory that is written with our
//! own publishing code, and then bent as a test wants it.

use skill_trust::model::digest::sha256;
use skill_trust::model::time::Timestamp;
use skill_trust::model::tuf::publish::{DelegationPlan, Draft, FilePlan, RootPlan, Signers, target_name};
use skill_trust::model::tuf::{Pattern, SecretKey, Value, file_of};
use skill_trust::ops::roots::{self, Ended, Ground};
use skill_trust::policy::provenance::tuf::{Client, Fault, Found, Memory, Request};
use std::collections::BTreeMap;
use std::io;

/// A time; the repository is written on day 0.
pub(super) fn day(day: i64) -> Timestamp {
    Timestamp::from_unix(1_795_219_200 + day * 86_400)
}

/// A key by its number; every third one is of P-256.
pub(super) fn key(number: u8) -> SecretKey {
    if number % 3 == 2 { SecretKey::p256(&[number; 32]).unwrap() } else { SecretKey::ed25519(&[number; 32]) }
}

pub(super) fn signers(numbers: &[u8], threshold: u64) -> Signers {
    Signers { keys: numbers.iter().map(|number| key(*number).public().unwrap()).collect(), threshold }
}

/// Who signs, by number.
#[derive(Clone)]
pub(super) struct Team {
    pub(super) root: (Vec<u8>, u64),
    pub(super) timestamp: Vec<u8>,
    pub(super) snapshot: Vec<u8>,
    pub(super) targets: Vec<u8>,
}

impl Team {
    pub(super) fn plan(&self) -> RootPlan {
        RootPlan {
            root: signers(&self.root.0, self.root.1),
            timestamp: signers(&self.timestamp, 1),
            snapshot: signers(&self.snapshot, 1),
            targets: signers(&self.targets, 1),
        }
    }
}

pub(super) fn delegation(name: &str, number: u8, paths: &[&str], terminating: bool) -> DelegationPlan {
    let paths = paths.iter().map(|path| Pattern::parse(path).unwrap()).collect();
    DelegationPlan { name: name.to_owned(), signers: signers(&[number], 1), paths, terminating }
}

pub(super) fn signed(draft: Draft, keys: &[u8]) -> Vec<u8> {
    keys.iter().fold(draft, |draft, number| draft.sign(&key(*number)).unwrap()).to_bytes()
}

/// A metadata file with its `signed` part changed, and signed anew.
pub(super) fn bent(bytes: &[u8], keys: &[u8], change: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
    let mut file: serde_json::Value = serde_json::from_slice(bytes).unwrap();
    change(&mut file["signed"]);
    file["signatures"] = serde_json::json!([]);
    signed(Draft::open(&serde_json::to_vec(&file).unwrap()).unwrap(), keys)
}

/// The repository, the client's cache, and what the client remembers.
#[derive(Clone)]
pub(super) struct World {
    pub(super) team: Team,
    pub(super) files: BTreeMap<String, Vec<u8>>,
    pub(super) targets: BTreeMap<String, Vec<u8>>,
    pub(super) cache: BTreeMap<String, Vec<u8>>,
    pub(super) memory: Memory,
    pub(super) asked: Vec<String>,
    /// All targets files of the newest release, by role.
    pub(super) roles: Vec<(String, Vec<u8>)>,
}

impl World {
    /// A root by two of three, a release on day 0 for 30 days, and a client that
    /// knows the first root alone.
    pub(super) fn new() -> Self {
        let team = Team { root: (vec![1, 2, 3], 2), timestamp: vec![4], snapshot: vec![5], targets: vec![6] };
        let root = signed(Draft::first_root(&team.plan(), day(365)).unwrap(), &[1, 2]);
        let memory = Memory::bootstrap(&root, sha256(&[&root])).unwrap();
        let (files, targets) = (BTreeMap::new(), BTreeMap::new());
        let (cache, asked, roles) = (BTreeMap::new(), Vec::new(), Vec::new());
        let mut world = Self { team, files, targets, cache, memory, asked, roles };
        world.files.insert("1.root.json".to_owned(), root);
        world.release(1);
        world
    }

    pub(super) fn root(&self, version: u64) -> &[u8] {
        &self.files[&file_of("root", Some(version))]
    }

    /// Publishes a release whose one target says its number.
    pub(super) fn release(&mut self, version: u64) {
        let content = format!("release {version}");
        self.list(version, &[("policy.toml", content.as_bytes())], &[]);
        self.seal(version);
    }

    /// Writes top-level targets.
    pub(super) fn list(&mut self, version: u64, files: &[(&str, &[u8])], delegations: &[DelegationPlan]) {
        self.role("targets", version, &self.team.targets.clone(), files, delegations);
    }

    /// Writes a targets file of any role.
    pub(super) fn role(
        &mut self,
        role: &str,
        version: u64,
        keys: &[u8],
        files: &[(&str, &[u8])],
        delegations: &[DelegationPlan],
    ) {
        let plans: Vec<_> =
            files.iter().map(|(path, bytes)| FilePlan { path, bytes, custom: None::<Value> }).collect();
        let draft = Draft::targets(version, day(30), &plans, delegations).unwrap();
        let bytes = signed(draft, keys);
        for (path, content) in files {
            self.targets.insert(target_name(path, content), content.to_vec());
        }
        self.files.insert(file_of(role, Some(version)), bytes.clone());
        self.roles.retain(|(name, _)| name != role);
        self.roles.push((role.to_owned(), bytes));
    }

    /// Writes snapshot and timestamp.
    pub(super) fn seal(&mut self, version: u64) {
        let snapshot = Draft::snapshot(version, day(20), &self.roles).unwrap();
        let snapshot = signed(snapshot, &self.team.snapshot);
        self.stamp(version, &snapshot);
        self.files.insert(file_of("snapshot", Some(version)), snapshot);
    }

    pub(super) fn stamp(&mut self, version: u64, snapshot: &[u8]) {
        let timestamp = Draft::timestamp(version, day(7), snapshot).unwrap();
        self.files.insert("timestamp.json".to_owned(), signed(timestamp, &self.team.timestamp));
    }

    /// Publishes the next root for a new team.
    pub(super) fn rotate(&mut self, team: Team, keys: &[u8], expires: Timestamp) -> u64 {
        let version =
            (1..).find(|version| !self.files.contains_key(&file_of("root", Some(*version)))).unwrap();
        let draft = Draft::next_root(self.root(version - 1), &team.plan(), expires).unwrap();
        self.files.insert(file_of("root", Some(version)), signed(draft, keys));
        self.team = team;
        version
    }

    /// Changes a file of the repository.
    pub(super) fn bend(&mut self, name: &str, keys: &[u8], change: impl FnOnce(&mut serde_json::Value)) {
        let bytes = bent(&self.files[name], keys, change);
        self.files.insert(name.to_owned(), bytes);
    }

    pub(super) fn refresh(&mut self, day_number: i64) -> Result<Client, Fault> {
        self.asked.clear();
        let memory = self.memory.clone();
        unwrapped(roots::refresh(memory, day(day_number), self))
    }

    pub(super) fn find(&mut self, client: &mut Client, path: &str) -> Result<Option<Found>, Fault> {
        unwrapped(roots::find(client, path, self))
    }

    pub(super) fn target(&self, found: &Found) -> Vec<u8> {
        let bytes = &self.targets[&found.place];
        found.check(bytes).unwrap();
        bytes.clone()
    }

    /// The refresh must fail, and change nothing that is remembered.
    pub(super) fn refused(&mut self, day_number: i64) -> Fault {
        let before = self.memory.clone();
        let fault = self.refresh(day_number).map(|_| ()).unwrap_err();
        assert_eq!(self.memory, before, "a step that was refused is remembered");
        fault
    }

    pub(super) fn version(&self, role: &str) -> Option<u64> {
        self.memory.versions().unwrap().get(role).copied()
    }
}

fn unwrapped<T>(ended: Result<T, Ended>) -> Result<T, Fault> {
    ended.map_err(|ended| match ended {
        Ended::Fault(fault) => fault,
        Ended::Io(error) => panic!("{error}"),
    })
}

impl Ground for World {
    fn fetch(&mut self, request: &Request) -> io::Result<Option<Vec<u8>>> {
        self.asked.push(request.name.clone());
        let bytes = self.files.get(&request.name);
        // As every reader here: the cap, and one byte more.
        Ok(bytes.map(|bytes| bytes[..bytes.len().min(request.max as usize + 1)].to_vec()))
    }

    fn cached(&mut self, name: &str, _: u64) -> Option<Vec<u8>> {
        self.cache.get(name).cloned()
    }

    fn keep(&mut self, memory: &Memory, name: &str, bytes: &[u8]) -> io::Result<()> {
        // As the ledger does it: written down, and read again.
        let text = serde_json::to_string(memory).unwrap();
        self.memory = serde_json::from_str(&text).unwrap();
        assert_eq!(self.memory, *memory);
        self.cache.insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }
}
