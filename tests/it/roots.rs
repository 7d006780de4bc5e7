//! A trust root kept by commands: the real program writes, python-tuf and our
//! own client read. People are accounts with keys of their own; what they
//! share is one folder.

mod commands;
mod crash;
mod people;
mod refusals;

use crate::support::sandbox::{Output, PROGRAM, Sandbox};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use skill_trust::model::digest::sha256;
use skill_trust::model::time::Timestamp;
use skill_trust::ops::World;
use skill_trust::ops::own_keys::{self, Kind};
use skill_trust::ops::roots::{self, Ended, Ground};
use skill_trust::policy::provenance::tuf::{Client, Memory, Request};
use skill_trust::system::clock::Clock;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// People, and a folder that they share.
pub(super) struct Bench {
    pub(super) sandbox: Sandbox,
}

impl Bench {
    /// These people with a key each, named as they are; none where this
    /// machine allows no account database of our own.
    pub(super) fn new(people: &[&str]) -> Option<Self> {
        let bench = Self { sandbox: Sandbox::new() };
        for (at, name) in people.iter().enumerate() {
            fs::create_dir(bench.account(name)).unwrap();
            // The second person's is of the other kind.
            let kind = if at == 1 { Kind::P256 } else { Kind::Ed25519 };
            own_keys::generate(&bench.world(name), name, kind).unwrap();
            fs::copy(bench.key_file(name, "pub"), bench.path(&format!("{name}.pub"))).unwrap();
        }
        let works = crate::unmanaged::with_account(&bench.sandbox.at("work"), &["true"]).is_some();
        works.then_some(bench)
    }

    pub(super) fn account(&self, person: &str) -> PathBuf {
        self.sandbox.at(&format!("work/{person}"))
    }

    pub(super) fn key_file(&self, person: &str, ending: &str) -> PathBuf {
        self.account(person).join(format!(".config/skill-trust/keys/{person}.{ending}"))
    }

    pub(super) fn world(&self, person: &str) -> World {
        let mut world = self.sandbox.world(Timestamp::from_unix(0));
        world.clock = Clock::System;
        world.config = Some(self.account(person).join(".config/skill-trust"));
        world.home = self.account(person).join(".local/share/skill-trust");
        world
    }

    /// A path in the place where everybody works.
    pub(super) fn path(&self, below: &str) -> PathBuf {
        self.sandbox.at(&format!("work/{below}"))
    }

    pub(super) fn arg(&self, below: &str) -> String {
        self.path(below).to_str().unwrap().to_owned()
    }

    pub(super) fn write(&self, below: &str, text: impl AsRef<[u8]>) -> String {
        fs::write(self.path(below), text).unwrap();
        self.arg(below)
    }

    /// Runs a command as somebody, behind other words such as `strace …`.
    pub(super) fn run_behind(&self, person: &str, before: &[&str], args: &[&str]) -> Output {
        let all = [before, &[PROGRAM, "--no-input"], args].concat();
        let output = crate::unmanaged::with_account(&self.account(person), &all).unwrap();
        Output::from(output, args)
    }

    /// `skills roots VERB FOLDER …` as somebody.
    pub(super) fn roots(&self, person: &str, verb: &str, rest: &[&str]) -> Output {
        let folder = self.arg("team");
        self.run_behind(person, &[], &[&["roots", verb, folder.as_str()], rest].concat())
    }

    /// What `show` says, as a document.
    pub(super) fn shown(&self, person: &str) -> Value {
        let output = self.roots(person, "show", &["--json"]);
        output.ok().json()
    }

    /// Signs what `show` says is pending, by its digest.
    pub(super) fn sign(&self, person: &str) -> Output {
        let digest = self.shown(person)["digest"].as_str().unwrap().to_owned();
        self.roots(person, "sign", &["--key", person, "--digest", &digest])
    }

    pub(super) fn team(&self) -> PathBuf {
        self.path("team")
    }
}

/// All files of a published folder by their paths, as a client could get them.
pub(super) fn files(team: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(dir: &Path, name: &str, out: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(dir).into_iter().flatten() {
            let entry = entry.unwrap();
            let name = format!("{name}/{}", entry.file_name().to_str().unwrap());
            if entry.path().is_dir() {
                walk(&entry.path(), &name, out);
            } else {
                out.insert(name, fs::read(entry.path()).unwrap());
            }
        }
    }
    let mut out = BTreeMap::new();
    for folder in ["metadata", "targets"] {
        walk(&team.join(folder), folder, &mut out);
    }
    out
}

/// What python-tuf says when it follows the folder from its first root.
pub(super) fn python(team: &Path, targets: &[&str]) -> Vec<Value> {
    let files = files(team);
    let root = BASE64.encode(&files["metadata/1.root.json"]);
    let files: BTreeMap<_, _> = files.into_iter().map(|(name, bytes)| (name, BASE64.encode(bytes))).collect();
    let now = Clock::System.now().unix();
    let one =
        |target: &&str| json!({"do": "client", "root": root, "files": files, "now": now, "target": target});
    crate::tuf::interop::ask(&targets.iter().map(one).collect::<Vec<_>>())
}

/// Both readers find the target with this content.
pub(super) fn found(team: &Path, target: &str, content: &[u8]) {
    let answer = &python(team, &[target])[0];
    assert_eq!(answer["is"], "found", "{target}: {answer}");
    assert_eq!(answer["bytes"], BASE64.encode(content), "{target}");
    let mut reader = Reader::new(team);
    let mut client = reader.refresh().unwrap();
    let found = roots::find(&mut client, target, &mut reader).unwrap().unwrap();
    assert!(found.check(content).is_ok(), "{target}");
}

/// Both readers refresh, and know no such target.
pub(super) fn none(team: &Path, target: &str) {
    assert_eq!(python(team, &[target])[0]["is"], "none", "{target}");
    let mut reader = Reader::new(team);
    let mut client = reader.refresh().unwrap();
    assert!(roots::find(&mut client, target, &mut reader).unwrap().is_none(), "{target}");
}

/// Our own client over a copy of the folder.
pub(super) struct Reader {
    pub(super) files: BTreeMap<String, Vec<u8>>,
    pub(super) memory: Memory,
}

impl Reader {
    pub(super) fn new(team: &Path) -> Self {
        let files = files(team);
        let root = &files["metadata/1.root.json"];
        Self { memory: Memory::bootstrap(root, sha256(&[root])).unwrap(), files }
    }

    pub(super) fn refresh(&mut self) -> Result<Client, Ended> {
        roots::refresh(self.memory.clone(), Clock::System.now(), self)
    }
}

impl Ground for Reader {
    fn fetch(&mut self, request: &Request) -> std::io::Result<Option<Vec<u8>>> {
        Ok(self.files.get(&format!("metadata/{}", request.name)).cloned())
    }

    fn cached(&mut self, _: &str, _: u64) -> Option<Vec<u8>> {
        None
    }

    fn keep(&mut self, memory: &Memory, _: &str, _: &[u8]) -> std::io::Result<()> {
        self.memory = memory.clone();
        Ok(())
    }
}
