//! Forgeries, each before the real program on a real home: a root of our own
//! keeping is followed, evidence is made by foreign programs or by `publish`,
//! and a policy grants what is signed. Each test has the forgery and its honest
//! twin: the one is refused with its code, the other is trusted.

mod by_policy;
mod chains;
mod clock;
mod copies;
mod folder;
mod lineage;
mod people;
mod places;

use crate::oms::tools::{Yard, cli, reference};
use crate::roots::Bench;
use crate::support::sandbox::{Output, chmod};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Who is signed for is trusted, nobody else.
pub(super) const SIGNED: &str = "[[require]]\nsignatures = 1\ngrant = true\n";

/// Ana keeps the root, has keys `acme` (bundles) and `release` (statements), and
/// follows her root in a home of her own. Eve has a key that nobody names.
pub(super) struct Forge {
    pub(super) bench: Bench,
    pub(super) yard: Yard,
}

/// How a revision stands.
pub(super) struct Seen {
    /// What is said of who vouches, each line as `about: words`.
    pub(super) lines: Vec<String>,
    /// What counts.
    pub(super) counts: Value,
}

impl Forge {
    /// None where this machine allows no account database of our own, or no home.
    pub(super) fn new() -> Option<Self> {
        let bench = Bench::new(&["ana", "eve"])?;
        let forge = Self { bench, yard: Yard::new() };
        fs::create_dir(forge.bench.path("pub")).unwrap();
        forge.run(&["publish", "keys", "generate", "acme", "--kind", "p256"]).ok();
        forge.run(&["publish", "keys", "generate", "release"]).ok();
        let list = forge.bench.write("allowed_signers", format!("{}\n", forge.allowed("ana", "release")));
        let (anchor, ours) = (forge.key("acme.pub"), forge.pattern("pub/*"));
        forge
            .bench
            .roots("ana", "init", &["--key", "ana", "--anchor", &anchor, "--for", &ours, "--signers", &list])
            .ok();
        if !forge.follow("team") {
            return None;
        }
        forge.policy(SIGNED);
        Some(forge)
    }

    /// Follows the root in a folder; false where no home can be made.
    pub(super) fn follow(&self, folder: &str) -> bool {
        let pin = skill_trust::model::digest::sha256(&[&fs::read(
            self.bench.path(folder).join("metadata/1.root.json"),
        )
        .unwrap()]);
        let output = self.run(&["roots", "add", folder, &self.bench.arg(folder), "--pin", &pin.to_string()]);
        // Inside of a user name space the folder `/` is nobody's, and no home is opened below it.
        if output.stderr.contains("/ belongs to account 65534") {
            eprintln!("NOT RUN: a home needs the superuser's own mounts");
            return false;
        }
        output.ok();
        true
    }

    /// The program, as Ana.
    pub(super) fn run(&self, args: &[&str]) -> Output {
        self.bench.run_behind("ana", &[], args)
    }

    /// A file of Ana's keys.
    pub(super) fn key(&self, file: &str) -> String {
        self.bench.arg(&format!("ana/.config/skill-trust/keys/{file}"))
    }

    pub(super) fn pattern(&self, below: &str) -> String {
        self.bench.arg(below)
    }

    /// The line of a person's key for a list of signers.
    pub(super) fn allowed(&self, person: &str, key: &str) -> String {
        self.listed(person, key)["allowed_signers"].as_str().unwrap().to_owned()
    }

    /// What `publish keys list` says of a key.
    pub(super) fn listed(&self, person: &str, key: &str) -> Value {
        let told = self.bench.run_behind(person, &[], &["publish", "keys", "list", "--json"]).ok().json();
        let all = told["keys"].as_array().unwrap();
        all.iter().find(|one| one["name"] == key).unwrap_or_else(|| panic!("{told}")).clone()
    }

    /// A key as policies and revocations name it.
    pub(super) fn id(&self, person: &str, key: &str) -> String {
        self.listed(person, key)["id"]
            .as_str()
            .unwrap_or_else(|| panic!("{}", self.listed(person, key)))
            .to_owned()
    }

    pub(super) fn policy(&self, text: &str) {
        self.bench.write("ana/.config/skill-trust/policy.toml", text);
        chmod(&self.bench.path("ana/.config/skill-trust/policy.toml"), 0o600);
    }

    /// Changes a target of the root, signs and publishes it, and takes it over.
    pub(super) fn set(&self, target: &str, file: &str, more: &[&str]) {
        self.bench.roots("ana", "set", &[&[target, file], more].concat()).ok();
        self.publish();
    }

    /// Signs what is drafted, and takes it over.
    pub(super) fn publish(&self) {
        self.bench.sign("ana").ok();
        self.run(&["roots", "refresh"]).ok();
    }

    /// The skill `demo` of a version, written anew in the folder `<place>/demo`.
    pub(super) fn demo(&self, place: &str, version: &str) -> PathBuf {
        let top = self.bench.path(place).join("demo");
        let _ = fs::remove_dir_all(&top);
        fs::create_dir_all(top.join("scripts")).unwrap();
        let card = format!(
            "---\nname: demo\ndescription: Fills forms\nmetadata:\n  version: {version}\n---\nWords\n"
        );
        for (file, text, mode) in
            [("SKILL.md", card.as_str(), 0o644), ("scripts/run.sh", "#!/bin/sh\necho\n", 0o755)]
        {
            fs::write(top.join(file), text).unwrap();
            chmod(&top.join(file), mode);
        }
        top
    }

    /// Signs a folder with one of Ana's keys.
    pub(super) fn sign(&self, folder: &Path, key: &str) {
        self.run(&["publish", "sign", arg(folder), "--key", key]).ok();
    }

    /// Signs a folder with the reference's command line, which leaves out what it is told to.
    pub(super) fn by_reference(&self, folder: &Path, more: &[&str]) {
        let (key, bundle) = (self.key("acme.key"), folder.join("skill.oms.sig"));
        let words = ["sign", "key", "--private_key", &key, "--signature", arg(&bundle)];
        let question = cli(&[&words, more, &[arg(folder)]].concat());
        assert_eq!(reference(&self.yard, &[question]), ["ok"]);
        chmod(&bundle, 0o644);
    }

    /// What is found of an installed revision.
    pub(super) fn seen(&self, name: &str) -> Seen {
        let told = self.run(&["status", name, "--json"]).ok().json();
        let text = told.to_string();
        let found = find(&told, "provenance").unwrap_or_else(|| panic!("{text}"));
        let lines = found["lines"].as_array().unwrap().iter();
        let lines = lines
            .map(|line| format!("{}: {}", line["about"].as_str().unwrap(), line["says"].as_str().unwrap()));
        Seen { lines: lines.collect(), counts: found["counts"].clone() }
    }

    /// Installs what must not be granted: no signature counts, a line says so with
    /// these words, and the policy's grant is refused with the code.
    pub(super) fn refused(&self, folder: &Path, code: &str, words: &str) {
        self.run(&["install", arg(folder)]).ok();
        let seen = self.seen("demo");
        assert_eq!(seen.vouched(), 0, "{:#?}", seen.lines);
        assert!(seen.lines.iter().any(|line| line.contains(words)), "no `{words}` in {:#?}", seen.lines);
        self.denied("demo", &[], code);
        self.run(&["remove", "demo"]).ok();
    }

    /// The policy's grant is refused with this code, and nothing is trusted.
    pub(super) fn denied(&self, skill: &str, more: &[&str], code: &str) -> String {
        let output = self.run(&[&["trust", skill, "--by-policy", "--json"], more].concat());
        let document: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        assert_eq!(document["code"], code, "{output:?}");
        let Output { code: exit, .. } = output;
        assert_ne!(exit, 0);
        document["error"].as_str().unwrap().to_owned()
    }

    /// Installs what is granted, and trusts it so.
    pub(super) fn granted(&self, folder: &Path) -> Seen {
        self.run(&["install", arg(folder)]).ok();
        let seen = self.seen("demo");
        assert!(seen.vouched() > 0, "{:#?}", seen.lines);
        self.run(&["trust", "demo", "--by-policy"]).ok().says("trusted");
        seen
    }

    /// The reason in the last record.
    pub(super) fn record(&self) -> Value {
        let log = self.bench.path("ana/.local/share/skill-trust/audit/audit.jsonl");
        serde_json::from_str(fs::read_to_string(log).unwrap().lines().last().unwrap()).unwrap()
    }
}

impl Seen {
    pub(super) fn vouched(&self) -> usize {
        self.counts["vouched"].as_array().map_or(0, Vec::len)
    }
}

/// The first member of that name, however deep.
fn find(value: &Value, name: &str) -> Option<Value> {
    match value {
        Value::Object(all) => match all.get(name) {
            Some(found) if !found.is_null() => Some(found.clone()),
            _ => all.values().find_map(|one| find(one, name)),
        },
        Value::Array(all) => all.iter().find_map(|one| find(one, name)),
        _ => None,
    }
}

pub(super) fn arg(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Takes a file of one folder into another.
pub(super) fn carry(file: &str, from: &Path, to: &Path) {
    fs::copy(from.join(file), to.join(file)).unwrap();
    chmod(&to.join(file), 0o644);
}
