//! Folders, subjects, and the two foreign programs.

use skill_trust::model::digest::{Digest, Hasher, sha256};
use skill_trust::model::manifest::{Entry, Manifest};
use skill_trust::model::path::EntryPath;
use skill_trust::model::skill::SkillName;
use skill_trust::model::time::Timestamp;
use skill_trust::policy::provenance::keys::{PublicKey, SecretKey, Window};
use skill_trust::policy::provenance::oms::{Beliefs, KnownKey, verify};
use skill_trust::policy::provenance::revocation::Revocations;
use skill_trust::policy::provenance::verdict::{Evidenced, Verdict};
use skill_trust::policy::provenance::x509::Anchor;
use skill_trust::policy::provenance::{Subject, SubjectFile};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// The second at which everything here is judged.
pub(super) const NOW: &str = "2026-11-21T12:00:00Z";

/// The files of the skill that is signed.
pub(super) const FILES: &[(&str, &str)] = &[
    ("SKILL.md", "---\nname: pdf-forms\ndescription: Fills forms\n---\nWords\n"),
    ("scripts/run.sh", "#!/bin/sh\necho\n"),
    // The reference sorts by components, the specification by code points.
    ("scripts-old/x", "x\n"),
];

/// A place for one test.
pub(crate) struct Yard(pub(crate) TempDir);

impl Yard {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A path below it.
    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    /// The same for a command line.
    pub(crate) fn arg(&self, path: &str) -> String {
        self.at(path).to_str().unwrap().to_owned()
    }

    /// Writes a file, and the folders above it.
    pub(super) fn write(&self, path: &str, text: &str) {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        fs::write(self.at(path), text).unwrap();
    }

    /// The skill, in the folder `<name>/pdf-forms`.
    pub(super) fn skill(&self, name: &str) -> PathBuf {
        let top = format!("{name}/pdf-forms");
        for (path, text) in FILES {
            self.write(&format!("{top}/{path}"), text);
        }
        chmod(&self.at(&format!("{top}/scripts/run.sh")), 0o755);
        self.at(&top)
    }

    /// A new key by OpenSSL: its PEM in `<name>.key`, its public half in `<name>.pub`.
    pub(crate) fn key(&self, name: &str, curve: &str) -> (SecretKey, PublicKey) {
        let (secret, public) = (self.arg(&format!("{name}.key")), self.arg(&format!("{name}.pub")));
        openssl(&["ecparam", "-name", curve, "-genkey", "-noout", "-out", &secret]);
        openssl(&["ec", "-in", &secret, "-pubout", "-out", &public]);
        let secret = SecretKey::from_pem(&fs::read_to_string(secret).unwrap()).unwrap();
        (secret, PublicKey::from_pem(&fs::read_to_string(public).unwrap()).unwrap())
    }
}

pub(super) fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Runs OpenSSL; it must succeed.
pub(crate) fn openssl(args: &[&str]) {
    let (right, said) = ask_openssl(args);
    assert!(right, "openssl {}: {said}", args.join(" "));
}

/// Runs OpenSSL: whether it succeeded, and what it said.
pub(super) fn ask_openssl(args: &[&str]) -> (bool, String) {
    let mut command = Command::new("openssl");
    command.args(args).env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").stdin(Stdio::null());
    let output = command.output().expect("openssl runs; install it first (apt-get install openssl)");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// The reference's answers to questions, in their order: `ok`, or `refused: …`.
pub(crate) fn reference(yard: &Yard, questions: &[Vec<String>]) -> Vec<String> {
    let python = concat!(env!("CARGO_MANIFEST_DIR"), "/target/interop/venv/bin/python");
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/oms/reference.py");
    assert!(Path::new(python).exists(), "the reference tool is not there; run first: scripts/interop-tools");
    let mut child = Command::new(python)
        .args(["-B", "-I", program])
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", yard.0.path())
        .current_dir(yard.0.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    for question in questions {
        writeln!(input, "{}", serde_json::to_string(question).unwrap()).unwrap();
    }
    drop(input);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the reference tool ended early: {said}");
    let answers: Vec<_> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(answers.len(), questions.len(), "{said}");
    answers
}

/// A question: the words of a command line of the reference.
pub(crate) fn cli(words: &[&str]) -> Vec<String> {
    [&["cli"], words].concat().into_iter().map(str::to_owned).collect()
}

/// A folder as our walk would see it, by other code; and its digest without the bundle.
pub(crate) fn subject(folder: &Path) -> (Subject, Digest) {
    let (mut files, mut entries, mut paths) = (Vec::new(), Vec::new(), Vec::new());
    walk(folder, &mut paths);
    for path in paths {
        let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
        let bytes = fs::read(&path).unwrap();
        let executable = fs::metadata(&path).unwrap().permissions().mode() & 0o100 != 0;
        let mut blob = Hasher::git_object("blob", bytes.len() as u64);
        blob.update(&bytes);
        // `.git` is no name in a skill; the walk refuses such a folder before anybody asks.
        if let Ok(path) = EntryPath::parse(name.as_bytes()) {
            entries.push(Entry { path, executable, size: bytes.len() as u64, sha256: blob.finish() });
        }
        files.push(SubjectFile { path: name, sha256: sha256(&[&bytes]), executable });
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let manifest = Manifest::new(entries).unwrap();
    let name = SkillName::parse(folder.file_name().unwrap().to_str().unwrap()).unwrap();
    (Subject { name, digest: manifest.digest(), files }, manifest.digest_without(&["skill.oms.sig"]))
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let (path, kind) = entry.map(|entry| (entry.path(), entry.file_type().unwrap())).unwrap();
        if kind.is_dir() {
            walk(&path, found);
        } else {
            assert!(kind.is_file(), "{path:?}");
            found.push(path);
        }
    }
}

/// Our verdict on the bundle that lies beside or in a folder.
pub(super) fn ours(bundle: &Path, folder: &Path, keys: &[PublicKey], anchors: &[Anchor]) -> Verdict {
    let (subject, bare) = subject(folder);
    let keys: Vec<_> = keys.iter().map(|key| KnownKey { key: key.clone(), window: Window::ALWAYS }).collect();
    let revocations = Revocations::default();
    let beliefs = Beliefs {
        keys: &keys,
        anchors,
        stamp_anchors: &[],
        revocations: &revocations,
        first_seen_counts: false,
    };
    let now = Evidenced::Now(Timestamp::parse(NOW).unwrap());
    verify(&fs::read(bundle).unwrap(), &subject, &bare, &beliefs, now)
}
