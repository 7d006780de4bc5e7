//! Keys, signatures and lists made by the real `ssh-keygen`, and one question
//! put to it and to us.

use skill_trust::model::time::Timestamp;
use skill_trust::policy::provenance::revocation::Revocations;
use skill_trust::policy::provenance::ssh::allowed_signers::AllowedSigners;
use skill_trust::policy::provenance::ssh::judge::{Beliefs, Signed, judge};
use skill_trust::policy::provenance::ssh::revoked::RevokedKeys;
use skill_trust::policy::provenance::verdict::{Evidenced, Verdict};
use std::cell::Cell;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// The four kinds of keys that `ssh-keygen` makes without a device: what we
/// call the file, and its arguments.
pub(crate) const KINDS: [(&str, &[&str]); 4] = [
    ("ed25519", &["-t", "ed25519"]),
    ("p256", &["-t", "ecdsa", "-b", "256"]),
    ("p384", &["-t", "ecdsa", "-b", "384"]),
    ("p521", &["-t", "ecdsa", "-b", "521"]),
];

/// A moment in the middle of 2026.
pub(crate) const NOON: &str = "2026-06-15T12:00:00Z";

pub(crate) struct Bench {
    dir: TempDir,
    count: Cell<usize>,
}

/// One question.
#[derive(Clone)]
pub(crate) struct Case<'a> {
    pub(crate) allowed: String,
    pub(crate) signature: &'a [u8],
    pub(crate) message: &'a [u8],
    pub(crate) namespace: &'a str,
    pub(crate) principal: &'a str,
    pub(crate) at: Timestamp,
    pub(crate) revoked: Option<Vec<u8>>,
    pub(crate) zone: &'a str,
}

impl<'a> Case<'a> {
    /// Signed by `ana`, for `file`, at noon, nothing revoked.
    pub(crate) fn new(allowed: String, signature: &'a [u8], message: &'a [u8]) -> Self {
        let at = Timestamp::parse(NOON).unwrap();
        let (namespace, principal, zone) = ("file", "ana", "UTC0");
        Self { allowed, signature, message, namespace, principal, at, revoked: None, zone }
    }

    /// Our answer.
    pub(crate) fn ours(&self) -> Result<Signed, Verdict> {
        self.ours_with(&Revocations::default())
    }

    pub(crate) fn ours_with(&self, revocations: &Revocations) -> Result<Signed, Verdict> {
        let allowed = AllowedSigners::parse(self.allowed.as_bytes())?;
        let revoked: Vec<_> = match &self.revoked {
            None => Vec::new(),
            Some(bytes) => vec![RevokedKeys::parse(bytes)?],
        };
        let beliefs = Beliefs {
            allowed: &allowed,
            revoked: &revoked,
            revocations,
            at: Evidenced::FirstSeen(self.at),
            first_seen_counts: false,
            principal: Some(self.principal),
        };
        judge(self.signature, self.message, self.namespace, &beliefs)
    }
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), count: Cell::new(0) }
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn arg(&self, name: &str) -> String {
        self.at(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> String {
        fs::write(self.at(name), bytes).unwrap();
        self.arg(name)
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.at(name)).unwrap()
    }

    fn run(&self, zone: &str, arguments: &[&str], input: &[u8]) -> Output {
        let mut command = Command::new("ssh-keygen");
        command.args(arguments).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        command.env("HOME", self.dir.path()).env("TZ", zone).current_dir(self.dir.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("ssh-keygen, of openssh-client");
        // It may answer before it has read all.
        let _ = child.stdin.take().unwrap().write_all(input);
        child.wait_with_output().unwrap()
    }

    /// Runs `ssh-keygen`, which must succeed.
    pub(crate) fn keygen(&self, arguments: &[&str]) -> String {
        let done = self.run("UTC0", arguments, b"");
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    /// Makes a key; answers its public line without comment.
    pub(crate) fn key(&self, name: &str, kind: &[&str]) -> String {
        let path = self.arg(name);
        self.keygen(&[&["-q", "-N", "", "-C", "somebody", "-f", &path], kind].concat());
        self.public(name)
    }

    /// The public line of a key or certificate, without comment.
    pub(crate) fn public(&self, name: &str) -> String {
        let text = fs::read_to_string(self.at(&format!("{name}.pub"))).unwrap();
        text.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
    }

    /// Signs with the key, or with its certificate if `NAME-cert` is named.
    pub(crate) fn sign(&self, name: &str, namespace: &str, message: &[u8], more: &[&str]) -> Vec<u8> {
        let file = format!("message-{}", self.next());
        let path = self.write(&file, message);
        let key = match name.strip_suffix("-cert") {
            // The private key lies beside the certificate's file.
            Some(_) => self.arg(&format!("{name}.pub")),
            None => self.arg(name),
        };
        self.keygen(&[&["-q", "-Y", "sign", "-f", &key, "-n", namespace][..], more, &[&path]].concat());
        self.read(&format!("{file}.sig"))
    }

    /// Certifies a key; the certificate is `NAME-cert`.
    pub(crate) fn certify(&self, authority: &str, name: &str, more: &[&str]) {
        let (authority, key) = (self.arg(authority), self.arg(&format!("{name}.pub")));
        self.keygen(&[&["-q", "-s", &authority, "-I", "an id"][..], more, &[&key]].concat());
    }

    fn next(&self) -> usize {
        self.count.set(self.count.get() + 1);
        self.count.get()
    }

    /// The answer of `ssh-keygen`.
    pub(crate) fn theirs(&self, case: &Case<'_>) -> bool {
        let at = case.at.to_string();
        let at: String = at.chars().filter(char::is_ascii_digit).collect();
        let time = format!("-Overify-time={at}Z");
        let allowed = self.write("question.allowed", case.allowed.as_bytes());
        let signature = self.write("question.sig", case.signature);
        let mut arguments = vec![
            "-Y",
            "verify",
            "-f",
            &allowed,
            "-I",
            case.principal,
            "-n",
            case.namespace,
            "-s",
            &signature,
            &time,
        ];
        let revoked = case.revoked.as_ref().map(|bytes| self.write("question.revoked", bytes));
        arguments.extend(revoked.iter().flat_map(|path| ["-r", path]));
        self.run(case.zone, &arguments, case.message).status.success()
    }

    /// Both answers, which must be the same, and this one.
    #[track_caller]
    pub(crate) fn both(&self, label: &str, case: &Case<'_>, valid: bool) {
        assert_eq!(self.theirs(case), valid, "ssh-keygen: {label}\n{}", case.allowed);
        let ours = case.ours();
        assert_eq!(ours.is_ok(), valid, "ours: {label}: {ours:?}\n{}", case.allowed);
    }

    /// Both answers are the same, whatever they are.
    #[track_caller]
    pub(crate) fn agree(&self, label: &str, case: &Case<'_>) -> bool {
        let (theirs, ours) = (self.theirs(case), case.ours());
        assert_eq!(ours.is_ok(), theirs, "{label}: ours {ours:?}, ssh-keygen {theirs}\n{}", case.allowed);
        theirs
    }

    /// We say no wherever `ssh-keygen` does; answers whether we say yes.
    #[track_caller]
    pub(crate) fn not_more_lenient(&self, label: &str, case: &Case<'_>) -> bool {
        let ours = case.ours().is_ok();
        assert!(!ours || self.theirs(case), "{label}: ssh-keygen refuses, and we do not\n{}", case.allowed);
        ours
    }

    /// `ssh-keygen` says yes, and we say no with this reason.
    #[track_caller]
    pub(crate) fn stricter(&self, why: &str, case: &Case<'_>, said: &str) {
        assert!(self.theirs(case), "no longer stricter: {why}");
        let text = case.ours().expect_err(why).to_string();
        assert!(text.contains(said), "{why}: {text}, not {said}");
    }
}

/// Numbers that look random and are the same in each run.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        // Knuth's MMIX constants; the upper bits are the better ones.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    pub(crate) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

/// Makes a private file of these bytes.
pub(crate) fn private(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}
