//! A team's repository in a folder and in git, read through the real files.

use super::world::{World, day};
use skill_trust::model::source::SourceSpec;
use skill_trust::model::time::Timestamp;
use skill_trust::ops::roots::{self, Desk, Ended};
use skill_trust::policy::provenance::tuf::{Fault, Memory};
use skill_trust::system::fetch::FetchOptions;
use skill_trust::system::home::Home;
use skill_trust::system::roots::{Cache, Origin};
use std::path::Path;
use std::process::Command;

pub(super) fn write(world: &World, folder: &Path) {
    for (name, bytes) in &world.files {
        put(&folder.join("metadata").join(name), bytes);
    }
    for (place, bytes) in &world.targets {
        put(&folder.join("targets").join(place), bytes);
    }
}

fn put(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn read(origin: &Origin, cache: &Cache, memory: &mut Memory, at: Timestamp) -> Result<Vec<u8>, Ended> {
    let before = memory.clone();
    let mut remember = |new: &Memory| {
        *memory = new.clone();
        Ok(())
    };
    let mut desk = Desk { origin: Some(origin), cache, remember: &mut remember };
    let mut client = roots::refresh(before, at, &mut desk)?;
    let found = roots::find(&mut client, "policy.toml", &mut desk)?.unwrap();
    desk.target(&found)
}

#[test]
fn a_folder_is_a_trust_root() {
    let root = tempfile::tempdir().unwrap();
    let home = Home::create(&root.path().join("home")).unwrap();
    let cache = Cache::open(&home, "team").unwrap();
    let (folder, mut world) = (root.path().join("team"), World::new());
    write(&world, &folder);
    let origin = Origin::folder(&folder).unwrap();
    let mut memory = world.memory.clone();
    assert_eq!(read(&origin, &cache, &mut memory, day(0)).unwrap(), b"release 1");
    world.release(2);
    write(&world, &folder);
    assert_eq!(read(&origin, &cache, &mut memory, day(0)).unwrap(), b"release 2");
    assert_eq!(memory.versions().unwrap()["targets"], 2);
    // Offline, from the cache alone.
    std::fs::remove_dir_all(&folder).unwrap();
    let mut remember = |_: &Memory| Ok(());
    let mut desk = Desk { origin: None, cache: &cache, remember: &mut remember };
    let mut client = skill_trust::policy::provenance::tuf::Client::recall(memory, day(100)).unwrap();
    roots::drive(&mut client, &mut desk).unwrap();
    let found = roots::find(&mut client, "policy.toml", &mut desk).unwrap().unwrap();
    assert_eq!(desk.target(&found).unwrap(), b"release 2");
}

#[test]
fn attack_a_target_that_was_swapped_in_the_folder_or_in_the_cache() {
    let root = tempfile::tempdir().unwrap();
    let home = Home::create(&root.path().join("home")).unwrap();
    let cache = Cache::open(&home, "team").unwrap();
    let (folder, world) = (root.path().join("team"), World::new());
    write(&world, &folder);
    let origin = Origin::folder(&folder).unwrap();
    let place = world.targets.keys().next().unwrap();
    let mut memory = world.memory.clone();
    for bytes in [&b"release X"[..], b"", b"release 1 and more"] {
        put(&folder.join("targets").join(place), bytes);
        let ended = read(&origin, &cache, &mut memory, day(0)).unwrap_err();
        assert!(matches!(ended, Ended::Fault(Fault::Mismatch { .. } | Fault::TooLong { .. })), "{ended}");
    }
    put(&folder.join("targets").join(place), b"release 1");
    assert_eq!(read(&origin, &cache, &mut memory, day(0)).unwrap(), b"release 1");
    for entry in std::fs::read_dir(root.path().join("home/trust-roots/team")).unwrap() {
        std::fs::write(entry.unwrap().path(), b"swapped").unwrap();
    }
    assert_eq!(read(&origin, &cache, &mut memory, day(0)).unwrap(), b"release 1");
}

#[test]
fn a_commit_of_a_git_repository_is_a_trust_root() {
    let root = tempfile::tempdir().unwrap();
    let home = Home::create(&root.path().join("home")).unwrap();
    let cache = Cache::open(&home, "team").unwrap();
    let (folder, world) = (root.path().join("team"), World::new());
    write(&world, &folder.join("trust"));
    let git = |args: &[&str]| {
        let quiet = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"];
        let done = Command::new("git").args(quiet).args(args).current_dir(&folder).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "-A", "-f"]);
    git(&["commit", "-q", "-m", "one"]);
    let path = skill_trust::model::path::EntryPath::parse(b"trust").unwrap();
    let url = format!("file://{}", folder.display());
    let spec = SourceSpec::Git { url, reference: None, path: Some(path) };
    let scratch = tempfile::tempdir().unwrap();
    let origin = Origin::fetched(&spec, scratch.path(), &FetchOptions::default()).unwrap();
    let Origin::Commit { commit, .. } = &origin else { panic!() };
    assert_eq!(commit.len(), 40);
    let mut memory = world.memory.clone();
    assert_eq!(read(&origin, &cache, &mut memory, day(0)).unwrap(), b"release 1");
}
