//! The sandbox for installers: bubblewrap, with an empty root.
//!
//! ```text
//! /usr /bin /lib…      the machine's programs, read-only
//! /etc                 certificates, name look-up, the linker's lists; an account of our own making
//! /skill-tools         what is installed: the one place that lasts
//! /skill-home /tmp     the run's own folders, removed after it
//! the network          shared: that is what an installer is for
//! ```
//!
//! Nothing else is there: not the person's home, no agent's folder, no home of
//! ours, no `/run` with its sockets, no `/var`. Processes, mounts, host name and
//! messages are the sandbox's own; no rights are kept; [`filter`] closes what the
//! shared network would leave open, and nothing that is open here is inherited
//! (`descriptors`). When we die, all of it dies.
//!
//! It is never believed to hold. Before the first step of every run a forbidden
//! act is tried inside: to read a file of our home. Only when that fails, and
//! a permitted one beside it works, is anything run.
//!
//! What it does not keep out: services that listen on the machine's own network
//! addresses, as `localhost`. No proxy is taken over from the environment.

mod filter;

use super::descriptors::{Apart, apart};
use super::home::Home;
use super::tools::Bench;
use super::{ancestors, ledger, regular};
use crate::model::text;
use rustix::fs::MemfdFlags;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Where `bwrap` may be: never looked for by anybody's PATH.
const BWRAP: &[&str] = &["/usr/bin/bwrap", "/bin/bwrap", "/run/current-system/sw/bin/bwrap"];
/// Where what is installed lies, as the steps see it.
pub const TOOLS: &str = "/skill-tools";
/// The steps' HOME.
pub const HOME: &str = "/skill-home";
/// Folders of the machine's programs. A link becomes the same link.
const SYSTEM: &[&str] =
    &["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/run/current-system/sw"];
/// What of `/etc` programs need to reach a registry.
const ETC: &[&str] = &[
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/pki/tls",
    "/etc/pki/ca-trust",
    "/etc/resolv.conf",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/ssl/cert.pem",
];

/// How long trying it may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// A sandbox that can be started; whether it holds is tried for every run.
#[derive(Debug, Clone)]
pub struct Sandbox {
    bwrap: PathBuf,
    filter: Vec<u8>,
    /// Folders of programs beside the machine's own.
    programs: Vec<PathBuf>,
}

/// A command in the sandbox, with what must stay open until it has begun. As long as this
/// lives nobody else here can start one: it is dropped as soon as it was spawned.
pub struct Inside {
    /// To be spawned.
    pub command: Command,
    _filter: Option<OwnedFd>,
    _apart: Apart,
}

impl Inside {
    /// A command in no sandbox at all.
    #[must_use]
    pub(super) fn bare(command: Command) -> Self {
        Self { command, _filter: None, _apart: apart() }
    }
}

impl Sandbox {
    /// Finds what a sandbox needs.
    ///
    /// # Errors
    /// What is missing.
    pub fn find(programs: Vec<PathBuf>) -> Result<Self, String> {
        let filter = filter::program()
            .ok_or_else(|| "no sandbox is known for this system and processor".to_owned())?;
        let bwrap = BWRAP.iter().map(Path::new).find(|path| path.symlink_metadata().is_ok());
        let bwrap = bwrap.ok_or_else(|| format!("bubblewrap is not here: no {}", BWRAP[0]))?;
        check(bwrap).map_err(|why| format!("{}: {why}", bwrap.display()))?;
        Ok(Self { bwrap: bwrap.to_owned(), filter, programs })
    }

    /// A command in it. The words are given as they are; the environment is these
    /// names and no others.
    ///
    /// # Errors
    /// The system's.
    pub fn command(
        &self,
        bench: &Bench,
        program: &Path,
        words: &[String],
        env: &BTreeMap<String, String>,
    ) -> io::Result<Inside> {
        let apart = apart();
        let filter = handed_over(&self.filter)?;
        let mut command = Command::new(&self.bwrap);
        // All name spaces, users' too: without it root would be root inside.
        command.args(["--unshare-all", "--unshare-user", "--share-net"]);
        command.args(["--die-with-parent", "--new-session", "--cap-drop", "ALL"]);
        command.args(["--hostname", "skill", "--clearenv"]);
        command.arg("--seccomp").arg(filter.as_raw_fd().to_string());
        command.args(["--ro-bind", "/usr", "/usr"]);
        for path in SYSTEM {
            match std::fs::read_link(path) {
                Ok(to) => command.arg("--symlink").arg(to).arg(path),
                Err(_) => command.args(["--ro-bind-try", path, path]),
            };
        }
        for path in ETC {
            command.args(["--ro-bind-try", path, path]);
        }
        for file in ["passwd", "group"] {
            command.arg("--ro-bind").arg(bench.work.join(file)).arg(format!("/etc/{file}"));
        }
        command.args(["--proc", "/proc", "--dev", "/dev"]);
        command.arg("--bind").arg(&bench.tmp).arg("/tmp");
        command.arg("--bind").arg(&bench.home).arg(HOME);
        command.arg("--bind").arg(&bench.tools).arg(TOOLS);
        // Last, so that nothing of the above lies over them.
        for folder in &self.programs {
            command.arg("--ro-bind").arg(folder).arg(folder);
        }
        for (name, value) in env {
            command.arg("--setenv").arg(name).arg(value);
        }
        command.args(["--remount-ro", "/", "--chdir", HOME, "--"]).arg(program).args(words);
        command.env_clear().current_dir("/").stdin(Stdio::null());
        Ok(Inside { command, _filter: Some(filter), _apart: apart })
    }

    /// Tries a forbidden act inside, and a permitted one beside it.
    ///
    /// # Errors
    /// What did not hold, or did not work.
    pub fn probe(&self, home: &Home, bench: &Bench) -> Result<(), String> {
        let words = |error: io::Error| error.to_string();
        account(bench).map_err(words)?;
        let (inside, outside) = (ledger::random_id().map_err(words)?, ledger::random_id().map_err(words)?);
        let (mark, canary) = (bench.home.join("mark"), bench.work.join("canary"));
        std::fs::write(&mark, &inside).map_err(words)?;
        std::fs::write(&canary, &outside).map_err(words)?;
        let asked: Vec<String> = [Path::new(HOME).join("mark"), canary, home.path().join("permit")]
            .iter()
            .map(|path| path.to_string_lossy().into_owned())
            .collect();
        let env = BTreeMap::from([("LC_ALL".to_owned(), "C".to_owned())]);
        let cat = Path::new("/usr/bin/cat");
        let ran = self.command(bench, cat, &asked, &env).and_then(bounded).map_err(words)?;
        std::fs::remove_file(&mark).map_err(words)?;
        let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        if !out.starts_with(&inside) {
            return Err(format!(
                "it does not work here: {}",
                text::escape_short(err.lines().next().unwrap_or_default(), 200)
            ));
        }
        if out.len() != inside.len() || ran.status.success() {
            return Err("it does not hold: a file of this home could be read in it".to_owned());
        }
        Ok(())
    }
}

/// Runs to its end, or for so long. Attack by bad luck: a mount that hangs would
/// keep the home's lock with us.
fn bounded(mut inside: Inside) -> io::Result<Output> {
    let child = inside.command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    drop(inside);
    let mut child = child?;
    let until = Instant::now() + PATIENCE;
    while child.try_wait()?.is_none() {
        if Instant::now() >= until {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::new(io::ErrorKind::TimedOut, "trying it took too long"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output()
}

/// The account as the steps see it: no name of the person's, no list of others.
fn account(bench: &Bench) -> io::Result<()> {
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    std::fs::write(bench.work.join("passwd"), format!("skill:x:{uid}:{gid}::{HOME}:/bin/sh\n"))?;
    std::fs::write(bench.work.join("group"), format!("skill:x:{gid}:\n"))
}

/// A file without a name that the next program inherits.
fn handed_over(bytes: &[u8]) -> io::Result<OwnedFd> {
    let file = rustix::fs::memfd_create("filter", MemfdFlags::empty())?;
    let mut file = File::from(file);
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file.into())
}

/// A program of the system's that nobody but root can change.
fn check(path: &Path) -> Result<(), String> {
    ancestors::check(path).map_err(|fault| fault.to_string())?;
    let opened = regular::open(path).map_err(|error| error.to_string())?;
    let Some((_, stat)) = opened else { return Err("it is no regular file".to_owned()) };
    if stat.st_uid != 0 || stat.st_mode & 0o022 != 0 {
        return Err("it is not root's alone".to_owned());
    }
    Ok(())
}
