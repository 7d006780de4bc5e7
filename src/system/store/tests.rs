use super::*;
use crate::model::limits::Rule;
use crate::model::path::EntryPath;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

struct Sandbox {
    base: tempfile::TempDir,
    home: Home,
}

fn sandbox() -> Sandbox {
    let base = tempfile::tempdir().unwrap();
    let home = Home::create(&base.path().join("home")).unwrap();
    Sandbox { base, home }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // So that an ordinary account can clear its temporary folder.
        for folder in ["store", "evidence"].map(|name| self.home.folder(name).unwrap()) {
            for name in removal::names(folder.as_fd()).unwrap() {
                let _ = removal::remove(folder.as_fd(), &name);
            }
        }
    }
}

impl Sandbox {
    fn staging(&self) -> Staging {
        Staging::new(&self.home, Limits::DEFAULT).unwrap()
    }

    fn store(&self) -> Store<'_> {
        Store::new(&self.home).unwrap()
    }

    fn staged(&self) -> Staged {
        let mut staging = self.staging();
        put(&mut staging, "SKILL.md", false, b"# Hello\n").unwrap();
        put(&mut staging, "scripts/a/run.sh", true, b"#!/bin/sh\n").unwrap();
        put(&mut staging, "scripts/b", false, &vec![3; 200_000]).unwrap();
        put(&mut staging, "scripts/a/later", false, b"").unwrap();
        staging.finish().unwrap()
    }

    fn stored(&self) -> Digest {
        let staged = self.staged();
        let digest = staged.manifest().digest();
        assert_eq!(self.store().promote(staged, &digest).unwrap(), Promoted::Stored);
        digest
    }

    fn inside(&self, folder: &str) -> usize {
        std::fs::read_dir(self.home.path().join(folder)).unwrap().count()
    }
}

fn put(staging: &mut Staging, path: &str, executable: bool, mut bytes: &[u8]) -> Result<(), StoreFault> {
    staging.add(&EntryPath::parse(path.as_bytes()).unwrap(), executable, &mut bytes)
}

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn rules(result: Result<(), StoreFault>) -> Vec<&'static str> {
    match result.unwrap_err() {
        StoreFault::Refused(faults) => faults.iter().map(|fault| fault.rule.code()).collect(),
        other => panic!("{other}"),
    }
}

#[test]
fn what_is_promoted_is_sound_and_has_our_modes() {
    let sandbox = sandbox();
    let digest = sandbox.stored();
    let store = sandbox.store();
    assert!(store.verify(&digest).unwrap().is(&digest));
    assert_eq!(store.list().unwrap(), [digest]);
    let path = store.path(&digest);
    for (name, want) in [
        ("", 0o500),
        ("scripts", 0o500),
        ("scripts/a", 0o500),
        ("SKILL.md", 0o400),
        ("scripts/b", 0o400),
        ("scripts/a/later", 0o400),
        ("scripts/a/run.sh", 0o500),
    ] {
        assert_eq!(mode(&path.join(name)), want, "{name}");
    }
    assert_eq!(sandbox.inside("staging"), 0);
}

#[test]
fn many_files_are_stored_like_few() {
    let sandbox = sandbox();
    let mut staging = sandbox.staging();
    for at in 0..200 {
        put(&mut staging, &format!("d{}/f{at}", at % 7), false, at.to_string().as_bytes()).unwrap();
    }
    let staged = staging.finish().unwrap();
    let digest = staged.manifest().digest();
    sandbox.store().promote(staged, &digest).unwrap();
    assert!(sandbox.store().verify(&digest).unwrap().is(&digest));
}

#[test]
fn a_copied_folder_has_the_digest_of_its_source() {
    let sandbox = sandbox();
    let source = sandbox.base.path().join("source");
    std::fs::create_dir_all(source.join("x/y")).unwrap();
    std::fs::write(source.join("SKILL.md"), "hi").unwrap();
    std::fs::write(source.join("x/y/z"), vec![1; 400_000]).unwrap();
    chmod(&source.join("x/y/z"), 0o775);
    let mut staging = sandbox.staging();
    let dir = tree::open_folder(&source).unwrap();
    let checks = Checks { limits: Limits::DEFAULT, strict: None };
    let observed = staging.copy_from(dir.as_fd(), &checks).unwrap();
    assert_eq!(observed.faults, []);
    assert_eq!(*staging.finish().unwrap().manifest(), observed.manifest);
}

#[test]
fn other_bytes_than_named_are_not_promoted() {
    let sandbox = sandbox();
    let error = sandbox.store().promote(sandbox.staged(), &Digest::ZERO).unwrap_err();
    assert!(matches!(error, StoreFault::Differs { .. }));
    assert_eq!(sandbox.store().list().unwrap(), []);
    assert_eq!(sandbox.inside("staging"), 0);
}

#[test]
fn the_same_object_twice_is_stored_once() {
    let sandbox = sandbox();
    let digest = sandbox.stored();
    let again = sandbox.store().promote(sandbox.staged(), &digest).unwrap();
    assert_eq!(again, Promoted::AlreadyThere);
    assert_eq!((sandbox.inside("staging"), sandbox.inside("evidence")), (0, 0));
    assert_eq!(sandbox.inside(&format!("store/{}", &digest.hex()[..2])), 1);
}

#[test]
fn a_damaged_object_becomes_evidence_and_is_replaced() {
    let sandbox = sandbox();
    let digest = sandbox.stored();
    let path = sandbox.store().path(&digest);
    let damages: [&dyn Fn(); 4] = [
        &|| {
            chmod(&path.join("SKILL.md"), 0o600);
            std::fs::write(path.join("SKILL.md"), "# Hellp\n").unwrap();
            chmod(&path.join("SKILL.md"), 0o400);
        },
        &|| chmod(&path, 0o700),
        &|| chmod(&path, 0o000),
        &|| {
            let aside = path.with_file_name("x");
            std::fs::rename(&path, &aside).unwrap();
            symlink("x", &path).unwrap();
        },
    ];
    for (at, damage) in damages.iter().enumerate() {
        damage();
        let Promoted::Replaced(name) = sandbox.store().promote(sandbox.staged(), &digest).unwrap() else {
            panic!("damage {at} was not seen");
        };
        assert!(sandbox.store().verify(&digest).unwrap().is(&digest));
        assert!(sandbox.home.path().join("evidence").join(name).symlink_metadata().is_ok());
        assert_eq!(sandbox.inside("evidence"), at + 1);
    }
}

#[test]
fn removing_and_setting_aside_leave_no_object() {
    let sandbox = sandbox();
    let store = sandbox.store();
    let digest = sandbox.stored();
    assert!(store.remove(&digest).unwrap());
    assert!(!store.remove(&digest).unwrap());
    assert!(matches!(store.verify(&digest), Err(StoreFault::Missing(_))));
    assert!(matches!(store.set_aside(&digest), Err(StoreFault::Missing(_))));
    assert_eq!(sandbox.inside(&format!("store/{}", &digest.hex()[..2])), 0);
    sandbox.stored();
    let name = store.set_aside(&digest).unwrap();
    let kept = sandbox.home.path().join("evidence").join(name);
    assert_eq!(mode(&kept), 0o500, "evidence stays as it was");
    let checks = Store::checks();
    assert!(tree::read(tree::open_folder(&kept).unwrap().as_fd(), &checks).is(&digest));
}

#[test]
fn staging_never_writes_over_or_through_anything() {
    let sandbox = sandbox();
    let mut staging = sandbox.staging();
    put(&mut staging, "a/b", false, b"1").unwrap();
    assert_eq!(rules(put(&mut staging, "a/b", false, b"2")), ["entry-collision"]);
    assert_eq!(rules(put(&mut staging, "a", false, b"2")), ["entry-collision"]);
    assert_eq!(rules(put(&mut staging, "a/b/c", false, b"2")), ["entry-collision"]);
    let outside = sandbox.base.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    let folder = std::fs::read_dir(sandbox.home.path().join("staging")).unwrap().next().unwrap();
    let folder = folder.unwrap().path();
    symlink(&outside, folder.join("link")).unwrap();
    symlink(outside.join("new"), folder.join("dangling")).unwrap();
    assert_eq!(rules(put(&mut staging, "link/x", false, b"2")), ["entry-collision"]);
    assert_eq!(rules(put(&mut staging, "dangling", false, b"2")), ["entry-collision"]);
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
    let StoreFault::Refused(faults) = staging.finish().unwrap_err() else { panic!() };
    assert!(faults.iter().all(|fault| fault.rule == Rule::Link));
    assert!(outside.exists(), "removing the staging folder follows no link");
    assert_eq!(sandbox.inside("staging"), 0);
}

#[test]
fn limits_stop_the_writing() {
    let sandbox = sandbox();
    let limits = Limits { files: 2, total: 100_000, file: 90_000, depth: 2, path: 10 };
    let fresh = || Staging::new(&sandbox.home, limits).unwrap();
    assert_eq!(rules(put(&mut fresh(), "a/b/c", false, b"")), ["limit-depth"]);
    assert_eq!(rules(put(&mut fresh(), "12345678901", false, b"")), ["limit-path"]);
    assert_eq!(rules(put(&mut fresh(), "a", false, &vec![0; 90_001])), ["limit-file"]);
    let mut staging = fresh();
    put(&mut staging, "a", false, &vec![0; 90_000]).unwrap();
    assert_eq!(rules(put(&mut staging, "b", false, &vec![0; 10_001])), ["limit-bytes"]);
    assert_eq!(rules(put(&mut staging, "c", false, b"")), ["limit-files"]);
    let endless = &mut io::repeat(0);
    assert!(fresh().add(&EntryPath::parse(b"a").unwrap(), false, endless).is_err());
}

#[test]
fn a_source_that_breaks_off_leaves_nothing() {
    struct Broken;
    impl io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("cut"))
        }
    }
    let sandbox = sandbox();
    let mut staging = sandbox.staging();
    let error = staging.add(&EntryPath::parse(b"x/y").unwrap(), false, &mut Broken).unwrap_err();
    assert!(matches!(error, StoreFault::Source { .. }));
    drop(staging);
    assert_eq!(sandbox.inside("staging"), 0);
}

#[test]
fn only_what_dead_processes_left_is_swept() {
    let sandbox = sandbox();
    let digest = sandbox.stored();
    let alive = sandbox.staging();
    let left = sandbox.home.path().join("staging/dead");
    std::fs::create_dir_all(left.join("deep/er")).unwrap();
    std::fs::write(left.join("deep/er/file"), "x").unwrap();
    let outside = sandbox.base.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("precious"), "x").unwrap();
    symlink(&outside, left.join("deep/link")).unwrap();
    chmod(&left.join("deep/er"), 0o500);
    chmod(&left.join("deep"), 0o500);
    let passing = sandbox.store().path(&digest).with_file_name("1.passing");
    std::fs::create_dir(&passing).unwrap();
    symlink(&outside, sandbox.home.path().join("staging/link")).unwrap();
    assert_eq!(sweep_staging(&sandbox.home).unwrap(), 2);
    assert!(!left.exists() && !passing.exists());
    assert!(outside.join("precious").exists());
    assert!(sandbox.store().verify(&digest).unwrap().is(&digest));
    drop(alive.finish().unwrap());
}

#[test]
fn sweeping_while_others_stage_harms_nobody() {
    let sandbox = sandbox();
    let home = &sandbox.home;
    std::thread::scope(|scope| {
        let sweeper = scope.spawn(|| {
            for _ in 0..200 {
                sweep_staging(home).unwrap();
            }
        });
        while !sweeper.is_finished() {
            let mut staging = Staging::new(home, Limits::DEFAULT).unwrap();
            put(&mut staging, "a/b", false, b"1").unwrap();
            assert_eq!(staging.finish().unwrap().manifest().entries().len(), 1);
        }
    });
}

#[test]
fn a_listing_names_objects_only() {
    let sandbox = sandbox();
    let digest = sandbox.stored();
    let shelf = sandbox.store().path(&digest).parent().unwrap().to_owned();
    std::fs::create_dir(shelf.join("passing")).unwrap();
    let elsewhere = if digest.hex().starts_with("00") { "11" } else { "00" };
    std::fs::create_dir(shelf.join(elsewhere.repeat(32))).unwrap();
    std::fs::write(sandbox.home.path().join("store/stray"), "").unwrap();
    assert_eq!(sandbox.store().list().unwrap(), [digest]);
}
