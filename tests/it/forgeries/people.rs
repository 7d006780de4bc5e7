//! One person counted twice: as a key, as a reviewer.

use super::{Forge, SIGNED, arg};
use crate::support::sandbox::chmod;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

impl Forge {
    /// A work tree with `demo` in it, signed by a bundle and committed with a
    /// signature by OpenSSH.
    fn committed(&self, key: &str) -> PathBuf {
        let folder = self.demo("repo", "1.0.0");
        self.sign(&folder, "acme");
        self.commit(key);
        folder
    }

    fn commit(&self, key: &str) {
        let work = self.bench.path("repo");
        if !work.join(".git").exists() {
            self.git(&["init", "-q", "-b", "main"]);
        }
        self.git(&["add", "-A"]);
        let (key, sign) = (format!("user.signingkey={}", self.ssh(key)), ["-c", "gpg.format=ssh"]);
        self.git(&[&sign, &["-c", &key, "commit", "-q", "-S", "-m", "x"][..]].concat());
    }

    /// Ana's key for bundles in a form that `ssh-keygen` signs with; any other is new.
    fn ssh(&self, key: &str) -> String {
        let copy = self.yard.arg(&format!("{key}.ssh"));
        if !std::path::Path::new(&copy).exists() {
            let keygen = |args: &[&str]| {
                let made = Command::new("ssh-keygen").args(args).output().unwrap();
                assert!(made.status.success(), "{made:?}");
                made.stdout
            };
            if key == "acme" {
                fs::copy(self.key("acme.key"), &copy).unwrap();
                chmod(std::path::Path::new(&copy), 0o600);
                fs::write(format!("{copy}.pub"), keygen(&["-y", "-f", &copy])).unwrap();
            } else {
                keygen(&["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", &copy]);
            }
        }
        copy
    }

    /// Its line for a list of signers of commits.
    fn ssh_line(&self, key: &str) -> String {
        let public = fs::read_to_string(format!("{}.pub", self.ssh(key))).unwrap();
        format!("{key}@example.org namespaces=\"git\" {}\n", public.trim())
    }

    pub(super) fn git(&self, args: &[&str]) -> String {
        let mut command = Command::new("git");
        command.args(args).current_dir(self.bench.path("repo")).env_clear();
        command.env("PATH", crate::support::faults::path()).env("HOME", self.yard.0.path());
        command.env("GIT_CONFIG_NOSYSTEM", "1");
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "A").env(format!("GIT_{who}_EMAIL"), "a@example.org");
        }
        let done = command.output().unwrap();
        assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }
}

/// One key under a bundle and under the commit, in two roots: four answers, one voice.
#[test]
fn attack_one_key_in_two_methods_and_two_roots() {
    let Some(forge) = Forge::new() else { return };
    let sources = forge.pattern("repo*");
    let source = format!("file://{}", forge.bench.arg("repo"));
    let anchor = forge.key("acme.pub");
    let folder = forge.committed("acme");
    let list = forge.bench.write("list", forge.ssh_line("acme") + &forge.ssh_line("other"));
    forge.set("allowed_signers", &list, &[]);
    forge.set("anchors/acme.pem", &anchor, &["--for", &sources, "--for", &source]);
    // The same in a second root.
    let second = forge.bench.arg("second");
    forge
        .run(&[
            "roots",
            "init",
            &second,
            "--key",
            "ana",
            // By the same key in the same second it would be the very same root.
            "--expires",
            "200d",
            "--anchor",
            &anchor,
            "--for",
            &sources,
            "--for",
            &source,
            "--signers",
            &list,
        ])
        .ok();
    assert!(forge.follow("second"));
    forge.policy("[[require]]\nsignatures = 2\ngrant = true\n");
    forge.run(&["install", arg(&folder)]).ok();
    let seen = forge.seen("demo");
    assert_eq!(seen.vouched(), 4, "{:#?}", seen.lines);
    let why = forge.denied("demo", &[], "policy-unmet");
    assert!(why.contains("2 signatures") && why.contains("1 there"), "{why}");
    forge.run(&["remove", "demo"]).ok();
    // The honest twin: the commit is somebody else's.
    fs::write(folder.join("../x"), "x").unwrap();
    forge.commit("other");
    forge.run(&["install", arg(&folder)]).ok();
    forge.run(&["trust", "demo", "--by-policy"]).ok();
}

/// A commit's signature counts for its own tree: brought to another it is none.
#[test]
fn attack_the_signature_of_another_commit() {
    let Some(forge) = Forge::new() else { return };
    fs::create_dir(forge.bench.path("repo")).unwrap();
    let folder = forge.demo("repo", "1.0.0");
    forge.commit("other");
    let list = forge.bench.write("list", forge.ssh_line("other"));
    forge.set("allowed_signers", &list, &[]);
    let signed = forge.git(&["cat-file", "commit", "HEAD"]);
    // The same commit with its signature, and another tree below it.
    fs::write(folder.join("SKILL.md"), "---\nname: demo\ndescription: evil\n---\nx\n").unwrap();
    forge.git(&["add", "-A"]);
    let tree = forge.git(&["write-tree"]);
    let old = signed.lines().next().unwrap();
    let forged = signed.replacen(old, &format!("tree {}", tree.trim()), 1);
    let place = forge.bench.path("repo/.git/forged");
    fs::write(&place, forged).unwrap();
    let made = forge.git(&["hash-object", "-t", "commit", "-w", ".git/forged"]);
    fs::remove_file(place).unwrap();
    let honest = forge.git(&["rev-parse", "HEAD"]);
    forge.git(&["reset", "-q", "--hard", made.trim()]);
    forge.refused(&folder, "policy-unmet", "the signature does not fit key and content");
    forge.git(&["reset", "-q", "--hard", honest.trim()]);
    forge.granted(&folder);
}

const REVIEWED: &str = "[[require]]\nreviews = 2\ncriteria = [\"safe-to-run\"]\ngrant = true\n";

impl Forge {
    /// A review by one of Ana's keys.
    pub(super) fn review(&self, skill: &str, key: &str, more: &[&str]) -> Value {
        let out = self.yard.arg("review.json");
        let _ = fs::remove_file(&out);
        let words = ["publish", "review", skill, "--key", key, "--criteria", "safe-to-run", "--out", &out];
        self.run(&[&words, more].concat()).ok();
        serde_json::from_slice(&fs::read(&out).unwrap()).unwrap()
    }

    pub(super) fn reviewed(&self, name: &str, envelope: &Value) {
        let file = self.bench.write(name, envelope.to_string());
        self.set(&format!("reviews/{name}"), &file, &[]);
    }

    /// Ana and Ben may review, each with a key; both keys are on this machine.
    pub(super) fn reviewers(&self) {
        self.run(&["publish", "keys", "generate", "ben"]).ok();
        let line = |who: &str, key: &str| {
            let allowed = self.allowed("ana", key);
            let at = allowed.find("ssh-ed25519").unwrap();
            format!("{who} namespaces=\"skill-review@v1\" {}\n", &allowed[at..])
        };
        let list = [
            line("ana@example.org", "ana"),
            line("ana@example.org", "release"),
            line("ben@example.org", "ben"),
        ];
        let list = self.bench.write("list", list.concat());
        self.set("allowed_signers", &list, &[]);
    }
}

#[test]
fn attack_one_reviewer_counted_twice() {
    let Some(forge) = Forge::new() else { return };
    forge.reviewers();
    forge.policy(REVIEWED);
    let folder = forge.demo("pub", "1.0.0");
    forge.run(&["install", arg(&folder)]).ok();
    let mut one = forge.review("demo", "ana", &[]);
    // The same signature twice in one envelope, under one name and under two.
    let first = one["signatures"][0].clone();
    one["signatures"].as_array_mut().unwrap().push(first);
    forge.reviewed("twice", &one);
    forge.denied("demo", &[], "policy-unmet");
    one["signatures"][1]["keyid"] = "another".into();
    forge.reviewed("renamed", &one);
    forge.denied("demo", &[], "policy-unmet");
    // Another key of the same person.
    let own = forge.review("demo", "ana", &[]);
    forge.reviewed("own", &own);
    forge.reviewed("second-key", &forge.review("demo", "release", &[]));
    let why = forge.denied("demo", &[], "policy-unmet");
    assert!(why.contains("2 people") && why.contains("1 there"), "{why}");
    // The honest twin: somebody else.
    forge.reviewed("ben", &forge.review("demo", "ben", &[]));
    assert_eq!(forge.seen("demo").counts["reviews"].as_array().unwrap().len(), 2);
    forge.run(&["trust", "demo", "--by-policy"]).ok();
}

/// A right review of other bytes says nothing of these.
#[test]
fn attack_a_review_of_something_else() {
    let Some(forge) = Forge::new() else { return };
    forge.reviewers();
    forge.policy(&REVIEWED.replace('2', "1"));
    let folder = forge.demo("pub", "0.9.0");
    forge.run(&["install", arg(&folder)]).ok();
    forge.reviewed("of-another", &forge.review("demo", "ben", &[]));
    forge.run(&["remove", "demo"]).ok();
    let folder = forge.demo("pub", "1.0.0");
    forge.run(&["install", arg(&folder)]).ok();
    assert!(forge.seen("demo").counts.get("reviews").is_none());
    forge.denied("demo", &[], "policy-unmet");
    forge.reviewed("of-this", &forge.review("demo", "ben", &[]));
    forge.run(&["trust", "demo", "--by-policy"]).ok();
}

/// A warning stops even what is signed, whoever decides.
#[test]
fn a_warning_stops_what_is_signed() {
    let Some(forge) = Forge::new() else { return };
    forge.reviewers();
    forge.policy(SIGNED);
    let folder = forge.demo("pub", "1.0.0");
    forge.sign(&folder, "acme");
    forge.run(&["install", arg(&folder)]).ok();
    forge.reviewed("warning", &forge.review("demo", "ben", &["--violation", "--finding", "mines coins"]));
    forge.denied("demo", &["--new-signer", "--older"], "violation");
    let digest = forge.bench.sandbox.digest(&folder).to_string();
    forge.run(&["trust", "demo", "--digest", &digest]).code(3).says("violation");
    forge.bench.roots("ana", "unset", &["reviews/warning"]).ok();
    forge.publish();
    forge.run(&["trust", "demo", "--by-policy"]).ok();
}
