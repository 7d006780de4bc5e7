//! Every single change to a folder that we wrote shows, whatever was changed.

use skill_trust::model::digest::Digest;
use skill_trust::model::lifecycle::DriftReason;
use skill_trust::model::limits::Limits;
use skill_trust::model::manifest::Manifest;
use skill_trust::model::path::EntryPath;
use skill_trust::policy::drift;
use skill_trust::system::home::Home;
use skill_trust::system::store::{Staging, Store};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

struct Object {
    _base: tempfile::TempDir,
    home: Home,
    digest: Digest,
    pinned: Manifest,
    path: PathBuf,
}

const FILES: &[(&str, bool, &[u8])] = &[
    ("SKILL.md", false, b"---\nname: x\n---\nHello\n"),
    ("docs/deep/page.md", false, b"a\nb\n"),
    ("docs/other.md", false, b""),
    ("scripts/run.sh", true, b"#!/bin/sh\necho hi\n"),
];

fn object() -> Object {
    let base = tempfile::tempdir().unwrap();
    let home = Home::create(&base.path().join("home")).unwrap();
    let mut staging = Staging::new(&home, Limits::DEFAULT).unwrap();
    for &(path, executable, bytes) in FILES {
        staging.add(&EntryPath::parse(path.as_bytes()).unwrap(), executable, &mut &*bytes).unwrap();
    }
    let staged = staging.finish().unwrap();
    let (pinned, digest) = (staged.manifest().clone(), staged.manifest().digest());
    let store = Store::new(&home).unwrap();
    store.promote(staged, &digest).unwrap();
    let path = store.path(&digest);
    Object { _base: base, home, digest, pinned, path }
}

impl Object {
    /// The reasons, as short lines.
    fn reasons(&self) -> Vec<String> {
        let observed = Store::new(&self.home).unwrap().verify(&self.digest).unwrap();
        let reasons = drift::compare(&self.pinned, &observed.manifest, &observed.faults);
        assert_eq!(reasons.is_empty(), observed.is(&self.digest));
        reasons.iter().map(line).collect()
    }

    /// Changes something inside and puts the folders' modes back.
    fn change(&self, change: impl FnOnce(&Path)) -> Vec<String> {
        let folders = ["", "docs", "docs/deep", "scripts"].map(|folder| self.path.join(folder));
        let is_folder = |path: &&PathBuf| path.symlink_metadata().is_ok_and(|meta| meta.is_dir());
        folders.iter().for_each(|folder| chmod(folder, 0o700));
        change(&self.path);
        folders.iter().rev().filter(is_folder).for_each(|folder| chmod(folder, 0o500));
        self.reasons()
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        // So that an ordinary account can clear its temporary folder.
        for folder in ["", "docs", "docs/deep", "scripts"].map(|folder| self.path.join(folder)) {
            let _ = std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700));
        }
    }
}

fn line(reason: &DriftReason) -> String {
    match reason {
        DriftReason::Added { path } => format!("added {path}"),
        DriftReason::Removed { path } => format!("removed {path}"),
        DriftReason::Content { path, was, now } => {
            assert_ne!(was, now);
            format!("content {path}")
        }
        DriftReason::Mode { path, was, now } => format!("mode {path} {was} {now}"),
        DriftReason::Refused { path, rule } => format!("{rule} {path}"),
        DriftReason::Missing { path } => format!("missing {path}"),
        DriftReason::DigestOnly { .. } => "digest".to_owned(),
    }
}

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Rewrites a file in place and puts its mode back.
fn rewrite(path: &Path, bytes: &[u8]) {
    let mode = std::fs::metadata(path).unwrap().mode();
    chmod(path, 0o600);
    std::fs::write(path, bytes).unwrap();
    chmod(path, mode);
}

#[test]
fn an_untouched_object_has_no_drift() {
    assert_eq!(object().reasons(), [""; 0]);
    assert_eq!(object().change(|_| {}), [""; 0]);
}

#[test]
fn every_byte_of_every_file_counts() {
    let object = object();
    for (path, _, bytes) in FILES {
        for at in 0..bytes.len() {
            let mut other = bytes.to_vec();
            other[at] ^= 1;
            let reasons = object.change(|root| rewrite(&root.join(path), &other));
            assert_eq!(reasons, [format!("content {path}")], "byte {at}");
        }
        object.change(|root| rewrite(&root.join(path), bytes));
    }
    assert_eq!(object.reasons(), [""; 0]);
}

#[test]
fn every_mode_bit_of_every_entry_counts() {
    let object = object();
    for path in ["", "docs", "docs/deep", "SKILL.md", "docs/other.md", "scripts/run.sh"] {
        let good = std::fs::metadata(object.path.join(path)).unwrap().mode() & 0o7777;
        for bit in 0..12 {
            let mode = good ^ (1 << bit);
            let store = Store::new(&object.home).unwrap();
            let opened = store.open(&object.digest).unwrap();
            chmod(&object.path.join(path), mode);
            // By the handle, since we may no longer open what lost its bits.
            let checks = Store::checks();
            let observed = skill_trust::system::tree::read(std::os::fd::AsFd::as_fd(&opened), &checks);
            chmod(&object.path.join(path), good);
            let reasons = drift::compare(&object.pinned, &observed.manifest, &observed.faults);
            let shown = if path.is_empty() { "." } else { path };
            let want = format!("mode {shown} {good:04o} {mode:04o}");
            // 0400 and 0500 are both ours: then the digest tells them apart.
            let by_digest = if good == 0o400 { "100644 100755" } else { "100755 100644" };
            let either = [want, format!("mode {shown} {by_digest}")];
            let told = reasons.iter().map(line).any(|got| either.contains(&got));
            assert!(told, "{either:?}: {reasons:?}");
        }
    }
}

#[test]
fn each_kind_of_change_has_its_reason() {
    type Change = (&'static str, fn(&Path), &'static [&'static str]);
    let changes: &[Change] = &[
        (
            "renamed",
            |p| std::fs::rename(p.join("SKILL.md"), p.join("skill.md")).unwrap(),
            &["removed SKILL.md", "added skill.md"],
        ),
        (
            "added",
            |p| {
                std::fs::write(p.join("new"), "x").unwrap();
                chmod(&p.join("new"), 0o400);
            },
            &["added new"],
        ),
        ("removed", |p| std::fs::remove_file(p.join("docs/other.md")).unwrap(), &["removed docs/other.md"]),
        ("longer", |p| rewrite(&p.join("docs/other.md"), b"\0"), &["content docs/other.md"]),
        (
            "line ends",
            |p| rewrite(&p.join("docs/deep/page.md"), b"a\r\nb\r\n"),
            &["content docs/deep/page.md"],
        ),
        ("made executable", |p| chmod(&p.join("SKILL.md"), 0o500), &["mode SKILL.md 100644 100755"]),
        (
            "no longer executable",
            |p| chmod(&p.join("scripts/run.sh"), 0o400),
            &["mode scripts/run.sh 100755 100644"],
        ),
        (
            "link to the same bytes",
            |p| {
                let aside = p.parent().unwrap().join("aside");
                std::fs::rename(p.join("SKILL.md"), &aside).unwrap();
                symlink(&aside, p.join("SKILL.md")).unwrap();
            },
            &["entry-link SKILL.md"],
        ),
        (
            "folder turned link",
            |p| {
                let aside = p.parent().unwrap().join("aside");
                std::fs::rename(p.join("docs/deep"), &aside).unwrap();
                symlink(&aside, p.join("docs/deep")).unwrap();
            },
            &["entry-link docs/deep", "removed docs/deep/page.md"],
        ),
        (
            "second name outside",
            |p| {
                std::fs::hard_link(p.join("SKILL.md"), p.parent().unwrap().join("other")).unwrap();
            },
            &["entry-hard-link SKILL.md"],
        ),
        (
            "FIFO",
            |p| {
                std::fs::remove_file(p.join("SKILL.md")).unwrap();
                mkfifo(&p.join("SKILL.md"));
            },
            &["entry-special-file SKILL.md"],
        ),
        (
            "empty folder",
            |p| {
                std::fs::create_dir(p.join("docs/empty")).unwrap();
                chmod(&p.join("docs/empty"), 0o500);
            },
            &["entry-empty-folder docs/empty"],
        ),
        (
            "nested repository",
            |p| {
                std::fs::create_dir(p.join("docs/.git")).unwrap();
                std::fs::write(p.join("docs/.git/config"), "[core]\n").unwrap();
            },
            &["name-dot-git docs/.git"],
        ),
        (
            "name that is no text",
            |p| {
                std::fs::write(p.join(OsStr::from_bytes(b"x\xff")), "").unwrap();
            },
            &["name-not-utf8 x\\x{ff}"],
        ),
        (
            "hidden by a direction mark",
            |p| {
                std::fs::write(p.join("a\u{202e}b"), "").unwrap();
            },
            &["name-hidden-character a\\u{202e}b"],
        ),
        (
            "all at once",
            |p| {
                std::fs::remove_dir_all(p.join("docs")).unwrap();
                std::fs::remove_dir_all(p.join("scripts")).unwrap();
                std::fs::remove_file(p.join("SKILL.md")).unwrap();
            },
            &[
                "removed SKILL.md",
                "removed docs/deep/page.md",
                "removed docs/other.md",
                "removed scripts/run.sh",
            ],
        ),
    ];
    for (what, change, want) in changes {
        assert_eq!(object().change(change), *want, "{what}");
    }
}

#[test]
fn a_change_that_keeps_size_and_times_shows() {
    let object = object();
    let reasons = object.change(|root| {
        let path = root.join("SKILL.md");
        let before = std::fs::metadata(&path).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[20] ^= 1;
        rewrite(&path, &bytes);
        let times = std::fs::FileTimes::new()
            .set_modified(before.modified().unwrap())
            .set_accessed(before.accessed().unwrap());
        std::fs::File::open(&path).unwrap().set_times(times).unwrap();
        let after = std::fs::metadata(&path).unwrap();
        assert_eq!((after.len(), after.modified().unwrap()), (before.len(), before.modified().unwrap()));
    });
    assert_eq!(reasons, ["content SKILL.md"]);
}

#[test]
fn an_object_of_another_account_shows() {
    if !rustix::process::geteuid().is_root() {
        return; // Only root can give a file away.
    }
    let object = object();
    let reasons =
        object.change(|root| std::os::unix::fs::chown(root.join("SKILL.md"), Some(12345), None).unwrap());
    assert_eq!(reasons, ["entry-owner SKILL.md"]);
}

fn mkfifo(path: &Path) {
    let mode = rustix::fs::Mode::from_raw_mode(0o400);
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
}
