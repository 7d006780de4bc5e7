//! Git over the person's own `ssh`.
//!
//! The program is found on `PATH` by us, in absolute folders only, and run
//! with a list of arguments, a cleared environment and no prompts. It reads
//! the person's own ssh configuration, keys and known hosts, which is what
//! makes private repositories work; an unknown host is refused, never learnt.
//!
//! Attack: a host or path that is read as an option, or by the other side's
//! shell (option injection); a `ssh` in the current folder; `GIT_SSH_COMMAND`
//! and its like out of a project's environment.

use super::FetchError;
use super::watch::{Budget, Watched};
use super::wire::Wire;
use crate::model::text;
use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Bytes kept of what ssh and the other side complain about.
const COMPLAINT: usize = 2 << 10;
/// What the environment of ssh keeps.
const KEPT: [&str; 4] = ["HOME", "SSH_AUTH_SOCK", "USER", "LOGNAME"];

/// A running ssh.
pub(super) struct Ssh {
    child: Child,
    stdin: Option<ChildStdin>,
    stream: Watched,
    complaint: Arc<Mutex<Vec<u8>>>,
    what: String,
}

impl Ssh {
    /// Starts ssh towards `ssh://[user@]host[:port]/path`.
    pub(super) fn start(url: &str, what: &str, budget: &Arc<Budget>) -> Result<Self, FetchError> {
        let arguments = arguments(url).ok_or_else(|| FetchError::NotARepository {
            what: what.to_owned(),
            why: "its ssh address is malformed".to_owned(),
        })?;
        let search = budget.options().search_path.clone().or_else(|| std::env::var_os("PATH"));
        let search = search.unwrap_or_default();
        let program = program(&search).ok_or_else(|| FetchError::Unreachable {
            what: what.to_owned(),
            why: "there is no `ssh` program on the PATH".to_owned(),
        })?;
        let mut command = Command::new(&program);
        command.args(&arguments).env_clear().env("PATH", &search).env("LANG", "C");
        for name in KEPT {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        // In a group of its own, so that what ssh starts ends with it, and
        // Ctrl-C reaches us alone.
        command.current_dir("/").process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| FetchError::io(&program, error))?;

        let complaint: Arc<Mutex<Vec<u8>>> = Arc::default();
        if let Some(stderr) = child.stderr.take() {
            let kept = Arc::clone(&complaint);
            std::thread::spawn(move || listen(stderr, &kept));
        }
        let stdin = child.stdin.take();
        let stdout = child.stdout.take();
        let lost = what.to_owned();
        let stream = Watched::start(budget, move || {
            let why = "ssh has no output".to_owned();
            stdout.ok_or(FetchError::Unreachable { what: lost, why })
        });
        Ok(Self { child, stdin, stream, complaint, what: what.to_owned() })
    }

    /// Gives ssh a moment to end; whether it did.
    fn ends_by_itself(&mut self) -> bool {
        for _ in 0..20 {
            if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

impl Wire for Ssh {
    fn advertisement(&mut self) -> Result<&mut dyn Read, FetchError> {
        Ok(&mut self.stream)
    }

    fn ask(&mut self, request: Vec<u8>) -> Result<&mut dyn Read, FetchError> {
        if let Some(mut stdin) = self.stdin.take() {
            // In a thread: the other side may not read, and we must not wait.
            // A failure shows as an answer that ends too early.
            std::thread::spawn(move || stdin.write_all(&request));
        }
        Ok(&mut self.stream)
    }

    /// Adds ssh's own words to a failure of the connection.
    fn explain(&mut self, error: FetchError) -> FetchError {
        let FetchError::Unreachable { why, .. } = error else { return error };
        // Its last words may still be on their way.
        self.ends_by_itself();
        std::thread::sleep(Duration::from_millis(20));
        let said = self.complaint.lock().unwrap_or_else(PoisonError::into_inner);
        let said = text::escape_short(&text::escape_bytes(said.trim_ascii()), 500);
        let why = if said.is_empty() { why } else { format!("{why}; ssh says: {said}") };
        FetchError::Unreachable { what: self.what.clone(), why }
    }
}

impl Drop for Ssh {
    fn drop(&mut self) {
        // Closing its input ends a well-behaved one; the group ends the rest.
        self.stdin = None;
        let id = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(id) = id.filter(|_| !self.ends_by_itself()) {
            let _ = rustix::process::kill_process_group(id, rustix::process::Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

/// Reads to the end, keeps the beginning.
fn listen(mut stderr: impl Read, kept: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 1024];
    while let Ok(n @ 1..) = stderr.read(&mut buffer) {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let room = COMPLAINT.saturating_sub(kept.len()).min(n);
        kept.extend_from_slice(&buffer[..room]);
    }
}

/// The `ssh` of the first absolute folder that has one.
fn program(search: &OsStr) -> Option<PathBuf> {
    let can_run = |path: &Path| {
        path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    // Attack: `PATH=.:…` and a repository that brings its own `ssh`.
    std::env::split_paths(search)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join("ssh"))
        .find(|path| can_run(path))
}

/// The arguments of ssh, or none for an address that the parser of sources
/// would not have let through.
fn arguments(url: &str) -> Option<Vec<OsString>> {
    let (place, path) = url.strip_prefix("ssh://")?.split_once('/')?;
    let (user, host) = match place.rsplit_once('@') {
        None => (None, place),
        Some((user, host)) => (Some(user), host),
    };
    let (host, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => host.split_once(':').map_or((host, None), |(host, port)| (host, Some(port))),
    };
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('-')
            && part.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_.:".contains(&c))
    };
    if !plain(host) || !user.is_none_or(plain) || path.is_empty() || path.starts_with('-') {
        return None;
    }
    let mut out: Vec<OsString> = Vec::new();
    for word in ["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-T"] {
        out.push(word.into());
    }
    if let Some(port) = port {
        out.extend(["-p".into(), port.parse::<u16>().ok()?.to_string().into()]);
    }
    let place = user.map_or_else(|| host.to_owned(), |user| format!("{user}@{host}"));
    // `/~name/x` means a home folder over there, as git has it.
    let path = if path.starts_with('~') { path.to_owned() } else { format!("/{path}") };
    out.extend(["--".into(), place.into(), format!("git-upload-pack {}", quoted(&path)).into()]);
    Some(out)
}

/// Quotes for the other side's shell by git's own rule: in single quotes, with
/// `'` and `!` taken out of them.
fn quoted(path: &str) -> String {
    let mut out = String::from("'");
    for c in path.chars() {
        match c {
            '\'' => out.push_str("'\\''"),
            '!' => out.push_str("'\\!'"),
            other => out.push(other),
        }
    }
    out.push('\'');
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    fn words(url: &str) -> Option<String> {
        let all = arguments(url)?;
        Some(all[5..].iter().map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn the_address_becomes_arguments() {
        let cases = [
            ("ssh://git@h.example/o/r.git", "-- git@h.example git-upload-pack '/o/r.git'"),
            ("ssh://h:2222/r", "-p 2222 -- h git-upload-pack '/r'"),
            ("ssh://[::1]:22/r", "-p 22 -- ::1 git-upload-pack '/r'"),
            ("ssh://h/~me/r", "-- h git-upload-pack '~me/r'"),
            ("ssh://h/it's!", "-- h git-upload-pack '/it'\\''s'\\!''"),
        ];
        for (url, expected) in cases {
            assert_eq!(words(url).unwrap(), expected);
        }
    }

    #[test]
    fn nothing_becomes_an_option() {
        for url in [
            "ssh://-oProxyCommand=x/r",
            "ssh://-l@h/r",
            "ssh://h/",
            "ssh://h",
            "ssh:///r",
            "ssh://h/-r",
            "ssh://h:-p/r",
            "ssh://h:x/r",
            "ssh://h;id/r",
            "ssh://$(id)@h/r",
            "https://h/r",
        ] {
            assert_eq!(words(url), None, "{url}");
        }
    }

    #[test]
    fn ssh_is_not_taken_from_where_we_stand() {
        assert_eq!(program(OsStr::new("")), None);
        assert_eq!(program(OsStr::new(".:bin::")), None);
    }
}
