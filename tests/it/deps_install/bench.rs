//! A trusted skill that needs something, and installers that are none: scripts
//! in a folder of their own, which the policy names.

use crate::support::scene::{Scene, chmod, typed};
use serde_json::Value;
use skill_trust::model::code::Stop;
use skill_trust::model::consent::Consent;
use skill_trust::model::dependency::{Scope, Step};
use skill_trust::model::skill::Revision;
use skill_trust::ops::Nobody;
use skill_trust::ops::deps::install::{self, Halt, Ready, Report, Request, Watch};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// Writes down its words and its environment, each exactly as it came.
pub(super) const WRITES_DOWN: &str = r#"#!/bin/sh
to=/skill-tools
for word in "$@"; do printf '%s\0' "$word"; done > "$to/words.$(basename "$0")"
cat "/proc/$$/environ" > "$to/env.$(basename "$0")"
"#;

/// One npm package with a version.
pub(super) const NPM: &str = r#"{"kind":"node","package":"left-pad","version":"1.3.0"}"#;

pub(super) struct Bench {
    pub(super) scene: Scene,
    pub(super) revision: Revision,
}

impl Bench {
    /// A trusted skill with these install entries, and an `npm` of this text.
    pub(super) fn new(entries: &str, npm: &str) -> Self {
        let scene = Scene::new();
        fs::create_dir(scene.base().join("bin")).unwrap();
        let policy = format!("[deps]\nprograms = [\"{}/bin\"]\n", scene.base().display());
        fs::write(scene.base().join("policy.toml"), policy).unwrap();
        let revision = install(&scene, entries, "");
        scene.trust(&revision, None);
        let bench = Self { scene, revision };
        bench.stub("npm", npm);
        bench
    }

    /// Another text for an installer.
    pub(super) fn stub(&self, name: &str, text: &str) {
        let path = self.scene.base().join("bin").join(name);
        fs::write(&path, text).unwrap();
        chmod(&path, 0o755);
    }

    /// Other bytes of the same skill, installed beside the old ones.
    pub(super) fn another(&self, entries: &str) -> Revision {
        install(&self.scene, entries, "other\n")
    }

    /// The very same bytes, installed once more.
    pub(super) fn same_again(&self, entries: &str) -> Revision {
        install(&self.scene, entries, "")
    }

    pub(super) fn request(&self) -> Request {
        Request {
            skill: typed(&self.revision),
            allow: BTreeSet::new(),
            only: BTreeSet::new(),
            on_host: false,
            plan: None,
            after: None,
            timeout: Duration::from_secs(30),
        }
    }

    pub(super) fn allowing(&self, scopes: &[Scope]) -> Request {
        Request { allow: scopes.iter().copied().collect(), ..self.request() }
    }

    pub(super) fn look(&self, request: &Request) -> Result<Ready, Stop> {
        install::look(&self.scene.world, request)
    }

    /// What is ready, with its digest given in full.
    pub(super) fn given(&self, request: &Request) -> Ready {
        let digest = self.look(request).unwrap().digest;
        self.look(&Request { plan: Some(digest), ..request.clone() }).unwrap()
    }

    pub(super) fn consent(&self, ready: &Ready) -> Result<Consent, Stop> {
        install::consent(&self.scene.world, ready, "", &mut Nobody)
    }

    /// Runs with a consent; what it leads to.
    pub(super) fn run(&self, ready: &Ready, consent: &Consent) -> Result<Report, Stop> {
        let started = install::start(&self.scene.world, ready, consent)?;
        install::run(&self.scene.world, started, &mut Patient::default())
    }

    /// Everything in one: looked at, given, run.
    pub(super) fn install(&self) -> Report {
        let ready = self.given(&self.request());
        let consent = self.consent(&ready).unwrap();
        self.run(&ready, &consent).unwrap()
    }

    pub(super) fn tools(&self) -> PathBuf {
        self.shelf().join("tools")
    }

    pub(super) fn shelf(&self) -> PathBuf {
        self.scene.base().join("home/deps").join(self.revision.digest.hex())
    }

    /// Whether an installer was started at all: ours write this down first.
    pub(super) fn ran(&self) -> bool {
        fs::read_dir(self.tools()).is_ok_and(|mut all| all.next().is_some())
    }

    /// The records of dependencies, in order.
    pub(super) fn records(&self) -> Vec<Value> {
        let log = fs::read_to_string(self.scene.base().join("home/audit/audit.jsonl")).unwrap();
        let all = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        all.filter(|record| record["event"].as_str().unwrap().starts_with("deps-")).collect()
    }

    /// Each as `event decision codes`.
    pub(super) fn told(&self) -> Vec<String> {
        let one = |record: &Value| {
            let codes: Vec<_> =
                record["codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap()).collect();
            let words = [record["event"].as_str().unwrap(), record["decision"].as_str().unwrap()];
            [&words[..], &codes].concat().join(" ")
        };
        self.records().iter().map(one).collect()
    }
}

fn install(scene: &Scene, entries: &str, text: &str) -> Revision {
    let card = format!(
        "---\nname: demo\ndescription: Needs a thing.\nmetadata: {{\"openclaw\": {{\"install\": [{entries}]}}}}\n---\n\n# demo\n{text}"
    );
    scene.install(&[("SKILL.md", false, card.as_bytes())])
}

/// Somebody who watches, and says stop after so many looks.
#[derive(Default)]
pub(super) struct Patient {
    pub(super) looks: usize,
    pub(super) stop_at: Option<usize>,
    pub(super) steps: Vec<Vec<String>>,
    pub(super) lines: Vec<String>,
}

impl Watch for Patient {
    fn begins(&mut self, number: usize, of: usize, step: &Step) {
        assert!(number <= of);
        self.steps.push(step.argv.clone());
    }

    fn line(&mut self, line: &str) {
        self.lines.push(line.to_owned());
    }

    fn stop(&mut self) -> Option<Halt> {
        self.looks += 1;
        self.stop_at.filter(|at| self.looks >= *at).map(|_| Halt::Interrupted)
    }
}

/// Whether a sandbox can be made here. Where it cannot, that is said, and the
/// refusal is what is tested.
pub(super) fn possible() -> bool {
    let bench = Bench::new(NPM, WRITES_DOWN);
    let works = bench.look(&bench.request()).is_ok();
    if !works {
        eprintln!("NOT RUN: no bubblewrap on this machine");
    }
    works
}
