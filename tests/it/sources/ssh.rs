//! Ssh, with a stand-in for the program that writes down how it was called.

use super::repo::{Repo, fails, only, open_at, open_with};
use skill_trust::system::fetch::{FetchError, FetchOptions};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// A `PATH` whose first folder has a `ssh` of this body. `$REPO` is replaced.
pub(crate) fn stub(repo: &Repo, body: &str) -> FetchOptions {
    let bin = repo.top().join("bin");
    fs::create_dir_all(&bin).unwrap();
    let log = repo.top().join("log");
    let script = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$@\" > {log}\nenv | sort > {log}.env\npwd > {log}.pwd\n{body}\n",
        log = log.display(),
    );
    fs::write(bin.join("ssh"), script).unwrap();
    fs::set_permissions(bin.join("ssh"), fs::Permissions::from_mode(0o755)).unwrap();
    let mut path = OsString::from(bin);
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());
    let brief = Duration::from_secs(20);
    FetchOptions { search_path: Some(path), idle: brief, total: brief, ..FetchOptions::default() }
}

/// A stand-in that serves the repository.
pub(crate) fn serving(repo: &Repo) -> FetchOptions {
    let config = "safe.directory=*";
    stub(repo, &format!("exec git -c {config} upload-pack {}", repo.work.join(".git").display()))
}

fn logged(repo: &Repo, name: &str) -> String {
    fs::read_to_string(repo.top().join(name)).unwrap()
}

#[test]
fn a_repository_arrives_over_ssh_without_its_history() {
    let repo = Repo::with_skill();
    repo.write("later.txt", "x");
    let head = repo.commit("second");
    let options = serving(&repo);
    let origin = open_with("git@host.example:team/skills.git", None, &options).unwrap();
    assert_eq!(origin.source().commit.as_deref(), Some(head.as_str()));
    assert_eq!(origin.source().location, "ssh://git@host.example/team/skills.git");
    let local = super::open(&repo.file_url()).unwrap();
    assert_eq!(only(origin.as_ref()).unwrap(), only(local.as_ref()).unwrap());

    let words = "-o\nBatchMode=yes\n-o\nStrictHostKeyChecking=yes\n-T\n--\ngit@host.example\n\
                 git-upload-pack '/team/skills.git'\n";
    assert_eq!(logged(&repo, "log"), words);
    assert_eq!(logged(&repo, "log.pwd"), "/\n");
    for line in logged(&repo, "log.env").lines() {
        let name = line.split('=').next().unwrap();
        let shell = ["PWD", "_", "SHLVL", "OLDPWD"];
        let kept = ["HOME", "PATH", "LANG", "USER", "LOGNAME", "SSH_AUTH_SOCK"];
        assert!(kept.contains(&name) || shell.contains(&name), "{line}");
    }
    open_with("ssh://me@host.example:2222/x", None, &options).unwrap();
    assert!(logged(&repo, "log").contains("-T\n-p\n2222\n--\nme@host.example\ngit-upload-pack '/x'\n"));
}

#[test]
fn references_mean_the_same_over_the_wire() {
    let repo = Repo::with_skill();
    let first = repo.git(&["rev-parse", "HEAD"]);
    repo.git(&["tag", "-a", "-m", "two", "v1"]);
    repo.git(&["tag", "main"]);
    repo.write("later.txt", "x");
    let second = repo.commit("second");
    repo.write("third.txt", "x");
    let third = repo.commit("third");
    let options = serving(&repo);
    let url = "ssh://host.example/x";
    let commit = |reference: &str, options: &FetchOptions| {
        open_with(url, Some(reference), options).map(|origin| {
            assert!(only(origin.as_ref()).is_ok());
            (origin.source().commit.clone().unwrap(), origin.notes().to_vec())
        })
    };
    assert_eq!(commit("v1", &options).unwrap(), (first.clone(), vec![]));
    assert_eq!(commit(&third, &options).unwrap(), (third.clone(), vec![]));
    // The server does not give out commits by id: searched in what it lists.
    assert_eq!(commit(&second, &options).unwrap(), (second.clone(), vec![]));
    let nowhere = "0123456789012345678901234567890123456789";
    assert!(matches!(fails(commit(nowhere, &options)), FetchError::Reference { .. }));
    assert!(matches!(fails(commit("main", &options)), FetchError::Ambiguous { .. }));
    assert!(matches!(fails(commit("no-such", &options)), FetchError::Reference { .. }));

    // It does: then a commit of a fork could come under this address.
    repo.git(&["config", "uploadpack.allowReachableSHA1InWant", "true"]);
    let (found, notes) = commit(&second, &options).unwrap();
    assert_eq!(found, second);
    assert!(notes[0].contains("fork"), "{notes:?}");
    assert!(open_at(&repo.file_url(), &second).unwrap().notes().is_empty());
}

#[test]
fn what_ssh_says_reaches_the_person_escaped() {
    let repo = Repo::with_skill();
    let options = stub(&repo, "printf 'Host key \\033[2Jverification failed.\\n' >&2; exit 255");
    let error = fails(open_with("ssh://host.example/x", None, &options));
    assert!(matches!(error, FetchError::Unreachable { .. }));
    assert!(error.to_string().contains("ssh says: Host key \\u{1b}[2Jverification failed."), "{error}");
    let noise = stub(&repo, "head -c 3000000 /dev/zero | tr '\\0' 'x' >&2; exit 1");
    assert!(fails(open_with("ssh://host.example/x", None, &noise)).to_string().len() < 1200);
    let nothing = FetchOptions { search_path: Some("bin:.".into()), ..FetchOptions::default() };
    let error = fails(open_with("ssh://host.example/x", None, &nothing));
    assert!(error.to_string().contains("no `ssh` program"), "{error}");
}

#[test]
fn a_silent_or_endless_server_is_cut_off() {
    let repo = Repo::with_skill();
    let pid = repo.top().join("pid");
    let silent = format!("sleep 60 & echo $! > {}; wait", pid.display());
    let options = FetchOptions { idle: Duration::from_millis(1500), ..stub(&repo, &silent) };
    let started = Instant::now();
    let error = fails(open_with("ssh://host.example/x", None, &options));
    assert!(error.to_string().contains("1.5 s for the next byte"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(30));
    // What ssh itself started is gone too.
    let child = fs::read_to_string(&pid).unwrap();
    let stat = Path::new("/proc").join(child.trim()).join("stat");
    // Killed is not yet gone on a busy machine.
    let gone = || fs::read_to_string(&stat).map_or(true, |state| state.contains(") Z "));
    let waited = Instant::now();
    while !gone() {
        assert!(waited.elapsed() < Duration::from_secs(20), "it still runs");
        std::thread::sleep(Duration::from_millis(10));
    }

    let endless = stub(
        &repo,
        "while :; do printf '0040%s refs/heads/x%06d\\n' \
        1111111111111111111111111111111111111111 1 || exit; done",
    );
    let options = FetchOptions { max_bytes: 100_000, ..endless };
    assert!(matches!(fails(open_with("ssh://host.example/x", None, &options)), FetchError::TooLarge { .. }));

    let drip = stub(&repo, "while :; do printf 1 || exit; sleep 0.05; done");
    let options = FetchOptions { total: Duration::from_millis(1500), ..drip };
    let error = fails(open_with("ssh://host.example/x", None, &options));
    assert!(error.to_string().contains("1.5 s for all of it"), "{error}");
}

#[test]
fn the_interrupt_flag_ends_a_transfer_at_once() {
    let repo = Repo::with_skill();
    let interrupt = Arc::new(AtomicBool::new(false));
    let options = FetchOptions { interrupt: Arc::clone(&interrupt), ..stub(&repo, "exec sleep 60") };
    let started = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(200));
            interrupt.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        assert!(matches!(fails(open_with("ssh://host.example/x", None, &options)), FetchError::Cancelled));
    });
    assert!(started.elapsed() < Duration::from_secs(40));
}

#[test]
fn a_pack_over_the_limits_is_not_taken() {
    let repo = Repo::with_skill();
    let options = FetchOptions { max_objects: 2, ..serving(&repo) };
    let error = fails(open_with("ssh://host.example/x", None, &options));
    assert!(error.to_string().contains("2 objects"), "{error}");
    let options = FetchOptions { max_bytes: 600, ..serving(&repo) };
    let error = fails(open_with("ssh://host.example/x", None, &options));
    assert!(matches!(error, FetchError::TooLarge { .. }), "{error}");
}
