use super::*;
use crate::model::digest::sha256;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

const LOOSE: Checks = Checks { limits: Limits::DEFAULT, strict: None };

fn skill() -> tempfile::TempDir {
    let base = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(base.path().join("scripts/deep")).unwrap();
    write(base.path(), "SKILL.md", b"# Hello\n", 0o644);
    write(base.path(), "scripts/run.sh", b"#!/bin/sh\n", 0o755);
    write(base.path(), "scripts/deep/data", &vec![7; 300_000], 0o600);
    base
}

fn write(base: &Path, path: &str, bytes: &[u8], mode: u32) {
    std::fs::write(base.join(path), bytes).unwrap();
    std::fs::set_permissions(base.join(path), std::fs::Permissions::from_mode(mode)).unwrap();
}

fn observe(base: &Path, checks: &Checks) -> Observed {
    read(open_folder(base).unwrap().as_fd(), checks)
}

fn faults(base: &Path) -> Vec<(String, &'static str)> {
    observe(base, &LOOSE).faults.into_iter().map(|fault| (fault.path, fault.rule.code())).collect()
}

fn limited(change: impl FnOnce(&mut Limits)) -> Checks {
    let mut limits = Limits::DEFAULT;
    change(&mut limits);
    Checks { limits, strict: None }
}

#[test]
fn a_plain_folder_has_no_faults_and_gits_blob_ids() {
    let base = skill();
    let observed = observe(base.path(), &LOOSE);
    assert_eq!(observed.faults, []);
    let entries: Vec<_> =
        observed.manifest.entries().iter().map(|e| (e.path.as_str(), e.executable, e.size)).collect();
    assert_eq!(
        entries,
        [("SKILL.md", false, 8), ("scripts/deep/data", false, 300_000), ("scripts/run.sh", true, 10)]
    );
    let blob = sha256(&[b"blob 8\0# Hello\n"]);
    assert_eq!(observed.manifest.get("SKILL.md").unwrap().sha256, blob);
    assert!(observed.is(&observed.manifest.digest()));
    assert!(!observed.is(&Digest::ZERO));
}

#[test]
fn a_handle_can_be_read_twice_and_by_one_reader() {
    let base = skill();
    let dir = open_folder(base.path()).unwrap();
    let mut reader = Reader::new();
    let first = reader.read(dir.as_fd(), &LOOSE);
    assert_eq!(first.manifest.entries().len(), 3);
    assert_eq!(reader.read(dir.as_fd(), &LOOSE), first);
    assert_eq!(read(dir.as_fd(), &LOOSE), first);
}

#[test]
fn everything_wrong_is_found_in_one_walk() {
    let base = skill();
    let at = |name: &str| base.path().join(name);
    symlink("/etc/passwd", at("link")).unwrap();
    symlink("scripts", at("linkdir")).unwrap();
    std::fs::hard_link(at("SKILL.md"), at("second")).unwrap();
    std::fs::create_dir_all(at(".git/objects")).unwrap();
    std::fs::create_dir_all(at("empty/inner")).unwrap();
    std::os::unix::net::UnixListener::bind(at("sock")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        at("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    write(base.path(), "setuid", b"", 0o4755);
    let raw = std::os::unix::ffi::OsStrExt::from_bytes(&b"bad\xff\x1b"[..]);
    std::fs::write(base.path().join::<&std::ffi::OsStr>(raw), "").unwrap();
    let mut got = faults(base.path());
    got.sort();
    let want = [
        (".git", "name-dot-git"),
        ("SKILL.md", "entry-hard-link"),
        ("bad\\x{ff}\\u{1b}", "name-not-utf8"),
        ("empty/inner", "entry-empty-folder"),
        ("link", "entry-link"),
        ("linkdir", "entry-link"),
        ("pipe", "entry-special-file"),
        ("second", "entry-hard-link"),
        ("setuid", "entry-set-id"),
        ("sock", "entry-special-file"),
    ];
    assert_eq!(got, want.map(|(path, code)| (path.to_owned(), code)));
    assert!(observe(base.path(), &LOOSE).trouble().is_none());
}

#[test]
fn each_limit_stops_at_its_value_and_not_before() {
    let base = skill();
    for (exact, over, code) in [
        (limited(|l| l.files = 3), limited(|l| l.files = 2), "limit-files"),
        (limited(|l| l.total = 300_018), limited(|l| l.total = 300_017), "limit-bytes"),
        (limited(|l| l.file = 300_000), limited(|l| l.file = 299_999), "limit-file"),
        (limited(|l| l.depth = 3), limited(|l| l.depth = 2), "limit-depth"),
        (limited(|l| l.path = 17), limited(|l| l.path = 16), "limit-path"),
    ] {
        assert_eq!(observe(base.path(), &exact).faults, [], "{code}");
        let faults = observe(base.path(), &over).faults;
        assert_eq!(faults.iter().map(|f| f.rule.code()).collect::<Vec<_>>(), [code]);
    }
}

#[test]
fn the_number_of_faults_and_of_names_is_bounded() {
    let base = tempfile::tempdir().unwrap();
    for at in 0..FAULTS_MAX + 50 {
        symlink("x", base.path().join(at.to_string())).unwrap();
    }
    let observed = observe(base.path(), &LOOSE);
    assert_eq!(observed.faults.len(), FAULTS_MAX + 1);
    assert_eq!(observed.faults.last().unwrap().rule, Rule::TooManyFaults(FAULTS_MAX));
    let observed = observe(base.path(), &limited(|l| l.files = 5));
    assert_eq!(observed.faults.len(), 1);
    assert!(observed.faults[0].rule.ends_the_walk());
}

#[test]
fn a_strict_folder_has_exactly_our_modes_and_owner() {
    let base = tempfile::tempdir().unwrap();
    let root = base.path().join("s");
    std::fs::create_dir_all(root.join("d")).unwrap();
    write(&root, "d/plain", b"x", 0o444);
    write(&root, "d/run", b"x", 0o555);
    let owner = rustix::process::geteuid().as_raw();
    let checks = Checks { limits: Limits::DEFAULT, strict: Some(Strict::placement(owner)) };
    let chmod = |path: &str, mode| {
        std::fs::set_permissions(root.join(path), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    chmod("d", 0o555);
    chmod("", 0o555);
    assert_eq!(observe(&root, &checks).faults, []);
    let dir = open_folder(&root).unwrap();
    for (path, good) in [("", 0o555), ("d", 0o555), ("d/plain", 0o444), ("d/run", 0o555)] {
        for bit in 0..12 {
            chmod(path, good ^ (1 << bit));
            let observed = read(dir.as_fd(), &checks);
            let shown = if path.is_empty() { "." } else { path };
            let named = |f: &Fault| f.path == shown && f.rule.code() == "entry-mode";
            assert!(observed.faults.iter().any(named), "{path} {bit}");
        }
        chmod(path, good);
    }
    let other = Checks { strict: Some(Strict::placement(owner + 1)), ..checks };
    let faults = observe(&root, &other).faults;
    assert_eq!(faults.len(), 4);
    assert!(faults.iter().all(|f| f.rule == Rule::Owner(owner, owner + 1)));
    let moving = Checks { strict: Some(Strict::placement(owner).with_root(0o700)), ..checks };
    assert_eq!(observe(&root, &moving).faults.len(), 1);
    chmod("", 0o700);
    chmod("d", 0o700);
}

#[test]
fn a_copy_gets_the_bytes_that_were_hashed() {
    let base = skill();
    let mut seen: Vec<(String, bool, Vec<u8>, bool)> = Vec::new();
    let observed = copy(
        open_folder(base.path()).unwrap().as_fd(),
        &LOOSE,
        &mut |path: &EntryPath, executable, piece: Piece<'_>| {
            match piece {
                Piece::Start(_) => seen.push((path.to_string(), executable, Vec::new(), false)),
                Piece::Bytes(bytes) => seen.last_mut().unwrap().2.extend_from_slice(bytes),
                Piece::End => seen.last_mut().unwrap().3 = true,
            }
            Ok(())
        },
    )
    .unwrap();
    assert_eq!(seen.len(), 3);
    for (entry, (path, executable, bytes, ended)) in observed.manifest.entries().iter().zip(&seen) {
        assert_eq!((entry.path.as_str(), entry.executable), (path.as_str(), *executable));
        let header = format!("blob {}\0", bytes.len());
        assert_eq!(entry.sha256, sha256(&[header.as_bytes(), bytes]));
        assert!(ended);
    }
}

#[test]
fn a_failing_sink_ends_the_copy() {
    let base = skill();
    let mut calls = 0;
    let error = copy(open_folder(base.path()).unwrap().as_fd(), &LOOSE, &mut |_: &EntryPath, _, _| {
        calls += 1;
        Err(io::Error::other("full"))
    });
    assert_eq!(error.unwrap_err().to_string(), "full");
    assert_eq!(calls, 1);
}

#[test]
fn a_file_that_grows_or_shrinks_while_it_is_read_is_trouble() {
    for change in [299_999_u64, 300_001, 0, 900_000] {
        let base = skill();
        let target = base.path().join("scripts/deep/data");
        let sink = &mut |path: &EntryPath, _: bool, piece: Piece<'_>| {
            if path.as_str() == "scripts/deep/data" && matches!(piece, Piece::Start(_)) {
                std::fs::OpenOptions::new().write(true).open(&target)?.set_len(change)?;
            }
            Ok(())
        };
        let observed = copy(open_folder(base.path()).unwrap().as_fd(), &LOOSE, sink).unwrap();
        assert_eq!(observed.trouble().unwrap().rule, Rule::ChangedWhileRead, "{change}");
        assert!(observed.manifest.get("scripts/deep/data").is_none());
    }
}

#[test]
fn an_entry_swapped_after_the_listing_is_never_followed() {
    let base = skill();
    let target = base.path().join("scripts/run.sh");
    let sink = &mut |path: &EntryPath, _: bool, piece: Piece<'_>| {
        if path.as_str() == "scripts/deep/data" && matches!(piece, Piece::Start(_)) {
            std::fs::remove_file(&target)?;
            symlink("/etc/passwd", &target)?;
        }
        Ok(())
    };
    let observed = copy(open_folder(base.path()).unwrap().as_fd(), &LOOSE, sink).unwrap();
    assert_eq!(observed.faults, [Fault { path: "scripts/run.sh".to_owned(), rule: Rule::Link }]);
}

#[test]
fn one_file_is_read_without_following_and_under_a_cap() {
    let base = skill();
    symlink("scripts", base.path().join("via")).unwrap();
    let dir = open_folder(base.path()).unwrap();
    let path = |text: &str| EntryPath::parse(text.as_bytes()).unwrap();
    assert_eq!(read_file(dir.as_fd(), &path("scripts/run.sh"), 10).unwrap(), b"#!/bin/sh\n");
    for (text, cap, rule) in [
        ("scripts/run.sh", 9, Rule::FileTooLarge(10, 9)),
        ("via/run.sh", 99, Rule::Link),
        ("via", 99, Rule::Link),
        ("scripts", 99, Rule::ChangedWhileRead),
        ("none", 99, Rule::ChangedWhileRead),
    ] {
        let fault = read_file(dir.as_fd(), &path(text), cap).unwrap_err();
        // Without `openat2` a link where a folder should be is "not a folder".
        let swapped = text == "via/run.sh" && fault.rule == Rule::ChangedWhileRead;
        assert!(fault.rule == rule || swapped, "{text}: {fault}");
    }
    let observed = read(dir.as_fd(), &LOOSE);
    let entry = observed.manifest.get("SKILL.md").unwrap();
    assert_eq!(read_entry(dir.as_fd(), entry, 99).unwrap(), b"# Hello\n");
    write(base.path(), "SKILL.md", b"# Hellp\n", 0o644);
    assert_eq!(read_entry(dir.as_fd(), entry, 99).unwrap_err().rule, Rule::ChangedWhileRead);
}

#[test]
fn what_cannot_be_read_is_trouble() {
    if rustix::process::geteuid().is_root() {
        return; // Modes do not bind root; the suite also runs as an ordinary account.
    }
    let base = skill();
    write(base.path(), "secret", b"x", 0o000);
    let observed = observe(base.path(), &LOOSE);
    assert!(matches!(observed.trouble().unwrap().rule, Rule::Unreadable(_)));
    let strict = Checks { strict: Some(Strict::placement(0)), ..LOOSE };
    let at_secret = |fault: &&Fault| fault.path == "secret";
    let codes: Vec<_> =
        observe(base.path(), &strict).faults.iter().filter(at_secret).map(|f| f.rule.code()).collect();
    assert_eq!(codes, ["entry-mode", "entry-owner", "entry-unreadable"]);
}
