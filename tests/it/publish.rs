//! What authors do: keys of their own, and signatures made with them. Judged
//! by OpenSSL, `ssh-keygen`, `ssh-agent` and the OMS reference, never by our
//! own reader alone.

mod keys;

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
