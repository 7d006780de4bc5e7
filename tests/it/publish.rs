//! What authors do: keys of their own, and signatures made with them. Judged
//! by OpenSSL, `ssh-keygen`, `ssh-agent` and the OMS reference, never by our
//! own reader alone.

mod agent;
mod keys;
mod sign;
mod state;

use crate::support::sandbox::{Output, Sandbox};
use skill_trust::model::time::Timestamp;
use skill_trust::ops::World;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A fixed second: 2027-01-15.
pub(super) const NOW: i64 = 1_800_000_000;

/// An account of its own, with a config folder in its sandbox.
pub(super) struct Author {
    pub(super) sandbox: Sandbox,
    pub(super) world: World,
}

impl Author {
    pub(super) fn new() -> Self {
        let sandbox = Sandbox::new();
        let mut world = sandbox.world(Timestamp::from_unix(NOW));
        world.config = Some(sandbox.at("work/.config/skill-trust"));
        Self { sandbox, world }
    }

    /// A file of the keys' folder.
    pub(super) fn key(&self, file: &str) -> PathBuf {
        self.sandbox.at("work/.config/skill-trust/keys").join(file)
    }

    /// The real program, as an account whose folder is `work`; none where
    /// mounts are not allowed.
    pub(super) fn run(&self, args: &[&str]) -> Option<Output> {
        let home = self.sandbox.arg("home");
        let all = [&[crate::support::sandbox::PROGRAM, "--home", home.as_str()], args].concat();
        let output = crate::unmanaged::with_account(&self.sandbox.at("work"), &all)?;
        // Inside of a user name space the folder `/` is nobody's, and no home is opened below it.
        if String::from_utf8_lossy(&output.stderr).contains("/ belongs to account 65534") {
            eprintln!("NOT RUN: a home needs the superuser's own mounts: {args:?}");
            return None;
        }
        Some(Output::from(output, args))
    }
}

/// Runs a foreign program that must succeed; its output.
pub(super) fn tool(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {args:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// As an argument.
pub(super) fn arg(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Everything that a file could be recognised by: its base64 lines, and the
/// secret itself in hex and base64.
pub(super) fn marks(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let mut marks: Vec<_> =
        text.lines().filter(|line| !line.starts_with('-')).map(|line| line[..20].to_owned()).collect();
    let hex = tool("openssl", &["pkey", "-in", arg(file), "-text", "-noout"]);
    let secret = hex.split("priv:").nth(1).unwrap().split("pub:").next().unwrap();
    let bytes: String = secret.chars().filter(char::is_ascii_hexdigit).collect();
    assert_eq!(bytes.len(), 64, "{hex}");
    marks.push(bytes[..32].to_owned());
    marks.push(bytes[32..].to_owned());
    marks
}

/// Everything below a folder: paths, modes and bytes.
pub(super) fn all(folder: &Path) -> Vec<(PathBuf, u32, Vec<u8>)> {
    use std::os::unix::fs::PermissionsExt as _;
    let (mut found, mut todo) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(path) = todo.pop() {
        let meta = std::fs::symlink_metadata(&path).unwrap();
        let bytes = if meta.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
        if meta.is_dir() {
            todo.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        found.push((path, meta.permissions().mode(), bytes));
    }
    found.sort();
    found
}

/// The skill that authors here write, with modes of its own whatever the umask.
pub(super) fn skill(author: &Author, name: &str) -> PathBuf {
    let card =
        format!("---\nname: {name}\ndescription: Fills forms\nmetadata:\n  version: 1.2.0\n---\nWords\n");
    let folder = author
        .sandbox
        .skill(name)
        .file("SKILL.md", card)
        .program("scripts/run.sh", "#!/bin/sh\necho\n")
        .make();
    for (file, mode) in [("SKILL.md", 0o644), ("scripts/run.sh", 0o755)] {
        crate::support::sandbox::chmod(&folder.join(file), mode);
    }
    folder
}

/// The digest of a folder without some files, by stock git.
pub(super) fn by_git(folder: &Path, without: &[&str]) -> String {
    let scratch = tempfile::tempdir().unwrap();
    let copy = scratch.path().join("copy");
    tool("cp", &["-a", arg(folder), arg(&copy)]);
    without.iter().for_each(|file| drop(std::fs::remove_file(copy.join(file))));
    let line = "cd \"$0\" && git init -q --template= --object-format=sha256 && git -c core.fileMode=true add -A -f . && git write-tree";
    let output = Command::new("sh")
        .args(["-c", line, arg(&copy)])
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("GIT_DIR", scratch.path().join("git"))
        .env("GIT_WORK_TREE", ".")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
