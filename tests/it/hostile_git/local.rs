//! Repositories of this machine that are traps.

use crate::sources::repo::{CARD, Repo, fails, only, open};
use skill_trust::system::fetch::FetchError;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::time::{Duration, Instant};

/// Writes a program that leaves a mark if anything runs it.
fn trap(repo: &Repo) -> (String, std::path::PathBuf) {
    let canary = repo.top().join("canary");
    let program = repo.top().join("trap.sh");
    fs::write(&program, format!("#!/bin/sh\ntouch {}\ncat\n", canary.display())).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    (program.display().to_string(), canary)
}

#[test]
fn the_configuration_of_a_repository_runs_nothing() {
    let repo = Repo::with_skill();
    repo.write(".gitattributes", "* filter=evil diff=evil\n");
    repo.commit("attributes");
    let (program, canary) = trap(&repo);
    for name in [
        "core.fsmonitor",
        "core.sshCommand",
        "core.editor",
        "core.pager",
        "core.gitProxy",
        "core.askPass",
        "core.alternateRefsCommand",
        "filter.evil.clean",
        "filter.evil.smudge",
        "filter.evil.process",
        "diff.evil.command",
        "diff.evil.textconv",
        "diff.external",
        "uploadpack.packObjectsHook",
        "credential.helper",
        "gpg.program",
        "ssh.variant",
    ] {
        repo.git(&["config", name, &program]);
    }
    let elsewhere = repo.top().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    for (name, value) in [
        ("core.hooksPath", repo.work.join("hooks").display().to_string()),
        ("core.worktree", elsewhere.display().to_string()),
        ("include.path", "/dev/zero".to_owned()),
        (&format!("url.{}.insteadOf", elsewhere.display()), format!("file://{}", repo.work.display())),
        ("filter.evil.required", "true".to_owned()),
        ("extensions.partialClone", "origin".to_owned()),
    ] {
        let (section, key) = name.rsplit_once('.').unwrap();
        let section =
            section.split_once('.').map_or(format!("[{section}]"), |(a, b)| format!("[{a} \"{b}\"]"));
        let mut config = fs::read_to_string(repo.work.join(".git/config")).unwrap();
        config.push_str(&format!("{section}\n\t{key} = {value}\n"));
        fs::write(repo.work.join(".git/config"), config).unwrap();
    }
    for hook in
        ["pre-commit", "post-checkout", "reference-transaction", "fsmonitor-watchman", "post-index-change"]
    {
        for folder in [repo.work.join("hooks"), repo.work.join(".git/hooks")] {
            fs::create_dir_all(&folder).unwrap();
            fs::copy(&program, folder.join(hook)).unwrap();
        }
    }
    // `include.path = /dev/zero` would never end if anything read it.
    for typed in [repo.file_url(), repo.work.display().to_string()] {
        let files = only(open(&typed).unwrap().as_ref()).unwrap();
        assert_eq!(files.len(), 3, "{typed}");
    }
    assert!(!canary.exists(), "something was run");
    fs::write(repo.work.join(".git/config"), "[[[ not a configuration \u{1}").unwrap();
    assert!(open(&repo.file_url()).is_ok());
    fs::remove_file(repo.work.join(".git/config")).unwrap();
    assert!(open(&repo.file_url()).is_ok());
}

#[test]
fn the_configuration_of_the_account_and_the_machine_changes_nothing() {
    // The account's own configuration is where libgit2 would find it by `HOME`,
    // and the system's where it would by default; the tests cannot write
    // there, so what is shown is that the rewriting of addresses, done by every
    // reader of configuration, is done by none of ours.
    let repo = Repo::with_skill();
    let decoy = Repo::new();
    decoy.write("SKILL.md", "decoy");
    decoy.commit("decoy");
    let rewrite = format!("[url \"{}\"]\n\tinsteadOf = {}\n", decoy.file_url(), repo.file_url());
    fs::write(repo.top().join("home/.gitconfig"), &rewrite).unwrap();
    let with_git = repo.git(&["ls-remote", &repo.file_url(), "HEAD"]);
    assert!(with_git.starts_with(&decoy.git(&["rev-parse", "HEAD"])), "the trap works on git itself");
    let mut config = fs::read_to_string(repo.work.join(".git/config")).unwrap();
    config.push_str(&rewrite);
    fs::write(repo.work.join(".git/config"), config).unwrap();
    let files = only(open(&repo.file_url()).unwrap().as_ref()).unwrap();
    assert_eq!(files["SKILL.md"].1, CARD.as_bytes());
}

#[test]
fn a_repository_that_borrows_or_hides_is_not_read() {
    let victim = Repo::with_skill();
    let refuse = |prepare: &dyn Fn(&Repo), said: &str| {
        let repo = Repo::with_skill();
        prepare(&repo);
        let started = Instant::now();
        for typed in [repo.file_url(), repo.work.display().to_string()] {
            let error = fails(open(&typed));
            assert!(matches!(error, FetchError::Distrusted { .. } | FetchError::Io { .. }), "{error}");
            assert!(error.to_string().contains(said), "{error}, not {said}");
        }
        assert!(started.elapsed() < Duration::from_secs(30));
    };
    let objects = victim.work.join(".git/objects");
    refuse(
        &|repo| {
            fs::write(repo.work.join(".git/objects/info/alternates"), format!("{}\n", objects.display()))
                .unwrap()
        },
        "info/alternates",
    );
    refuse(
        &|repo| {
            fs::write(repo.work.join(".git/commondir"), victim.work.join(".git").to_str().unwrap()).unwrap()
        },
        "commondir",
    );
    let relink = |place: &'static str| {
        let target = victim.work.join(".git").join(place);
        move |repo: &Repo| {
            let old = repo.work.join(".git").join(place);
            fs::rename(&old, repo.top().join("moved")).unwrap();
            symlink(&target, old).unwrap();
        }
    };
    refuse(&relink("objects"), "not a folder of its own");
    refuse(&relink("objects/pack"), "neither a file nor a folder");
    refuse(&relink("HEAD"), "HEAD");
    refuse(&relink("refs/heads/main"), "refs/heads/main");
    refuse(
        &|repo| {
            fs::rename(repo.work.join(".git"), repo.top().join("moved")).unwrap();
            symlink(victim.work.join(".git"), repo.work.join(".git")).unwrap();
        },
        "neither a folder nor a file",
    );
    let fifo = |place: &'static str| {
        move |repo: &Repo| {
            let place = repo.work.join(".git").join(place);
            let _ = fs::remove_file(&place);
            assert!(std::process::Command::new("mkfifo").arg(place).status().unwrap().success());
        }
    };
    refuse(&fifo("HEAD"), "not a regular file");
    refuse(&fifo("objects/pack/pack-1.idx"), "neither a file nor a folder");
    refuse(&fifo("objects/info/alternates"), "info/alternates");
    let endless = |repo: &Repo| fs::write(repo.work.join(".git/HEAD"), "x".repeat(1 << 20)).unwrap();
    refuse(&endless, "more than 4096 bytes");
}

#[test]
fn references_behind_a_link_are_not_there() {
    let (repo, victim) = (Repo::with_skill(), Repo::with_skill());
    fs::rename(repo.work.join(".git/refs"), repo.top().join("moved")).unwrap();
    symlink(victim.work.join(".git/refs"), repo.work.join(".git/refs")).unwrap();
    assert!(matches!(fails(open(&repo.file_url())), FetchError::Reference { .. }));
}

#[test]
fn a_head_that_leads_astray_is_refused() {
    let repo = Repo::with_skill();
    fs::write(repo.top().join("secret"), "1111111111111111111111111111111111111111").unwrap();
    for head in [
        "ref: refs/heads/../../../../secret",
        "ref: ../../secret",
        "ref: /etc/passwd",
        "ref: refs/heads/a\n\u{1b}[2J",
        "garbage \u{1b}[2J",
        "",
        &"a".repeat(64),
    ] {
        fs::write(repo.work.join(".git/HEAD"), head).unwrap();
        let error = fails(open(&repo.file_url()));
        assert!(
            matches!(error, FetchError::Broken { .. } | FetchError::NotARepository { .. }),
            "{head}: {error}"
        );
        assert!(!error.to_string().contains('\u{1b}'));
    }
    fs::write(repo.work.join(".git/HEAD"), "ref: refs/heads/loop").unwrap();
    fs::write(repo.work.join(".git/refs/heads/loop"), "ref: refs/heads/loop").unwrap();
    assert!(fails(open(&repo.file_url())).to_string().contains("name each other"));
}

#[test]
fn a_repository_of_another_account_is_not_read() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let repo = Repo::with_skill();
    chown(repo.work.join(".git"), Some(12_345), None).unwrap();
    let error = fails(open(&repo.file_url()));
    assert!(matches!(&error, FetchError::Distrusted { why, .. } if why.contains("account 12345")), "{error}");
    // As a `.git` planted above a folder it is passed over, and said.
    repo.write("mine/SKILL.md", CARD);
    let origin = open(&repo.work.join("mine").display().to_string()).unwrap();
    assert_eq!(origin.source().commit, None);
    assert!(origin.notes()[0].contains("another account"), "{:?}", origin.notes());
}

#[test]
fn bytes_that_are_not_what_their_name_says_are_refused() {
    let repo = Repo::with_skill();
    let other = repo.blob(b"something else entirely");
    let id = repo.git(&["rev-parse", "HEAD:SKILL.md"]);
    let place = |id: &str| repo.work.join(".git/objects").join(&id[..2]).join(&id[2..]);
    fs::remove_file(place(&id)).unwrap();
    let missing = fails(open(&repo.file_url()).unwrap().skills());
    assert!(matches!(missing, FetchError::Broken { .. }), "{missing}");
    fs::copy(place(&other), place(&id)).unwrap();
    let swapped = fails(open(&repo.file_url()).unwrap().skills());
    assert!(matches!(swapped, FetchError::Broken { .. }), "{swapped}");
    fs::remove_file(place(&id)).unwrap();
    fs::write(place(&id), b"not even compressed").unwrap();
    assert!(open(&repo.file_url()).unwrap().skills().is_err());
}
