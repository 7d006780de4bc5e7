//! Kill on real files, with everything it could want missing.

pub(crate) mod yard;

use skill_trust::system::kill::{Held, KillState, kill_all, kill_matching, kill_state};
use skill_trust::system::permit::{self, Reason};
use skill_trust::system::placement::{PlaceFault, PublishFault, staged_name};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use yard::{Yard, entry, names, revision, skill, try_fill};

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn everything_stops_and_stays_stopped() {
    let yard = Yard::new();
    yard.place("placed");
    let (mut half, _) = yard.stage("half");
    half.write(&entry("SKILL.md"), false, b"x").unwrap();
    let report = kill_all(yard.home.path());
    assert!(report.is_held(), "{report:?}");
    assert_eq!(report.failures, []);
    assert_eq!(report.stopped.len(), 2);
    assert!(report.stopped.iter().all(|stopped| stopped.paths.len() == 1));
    assert_eq!(yard.cards(), [] as [&Path; 0]);
    assert!(names(&yard.agent).iter().all(|name| name.starts_with(".skill-trust-withdrawn-")));
    let records: Vec<_> =
        ["half", "placed"].map(|name| format!("{}.killed", revision(name).file_name())).into();
    assert_eq!(yard.permits(), records);
    assert!(matches!(half.publish(), Err(PublishFault::Withdrawn)));
    assert_eq!(yard.cards(), [] as [&Path; 0]);
    let pending = permit::pending(&yard.home).unwrap();
    assert!(pending.iter().all(|pending| pending.reason == Some(Reason::Killed) && pending.permit.is_some()));

    let KillState::Killed(first) = kill_state(yard.home.dir()) else { panic!() };
    let again = kill_all(yard.home.path());
    assert_eq!(
        again.held.clone(),
        Held::Rehold { from: format!("killed.{}", first[0]), to: hold(&again.held) }
    );
    assert!(again.is_held() && again.stopped.is_empty());
    let KillState::Killed(second) = kill_state(yard.home.dir()) else { panic!() };
    assert!(second.len() == 1 && first != second);
}

fn hold(held: &Held) -> String {
    match held {
        Held::Renamed { to } | Held::Rehold { to, .. } | Held::Created { to, .. } => to.clone(),
        Held::NotStored(_) | Held::NotAsked => panic!("{held:?}"),
    }
}

#[test]
fn a_home_that_never_had_a_permit_is_held_but_not_called_killed() {
    let root = tempfile::tempdir().unwrap();
    let report = kill_all(root.path());
    assert!(matches!(report.held, Held::Created { had_permit: false, .. }));
    assert!(!report.is_held());
    let home = std::fs::File::open(root.path()).unwrap();
    use std::os::fd::AsFd as _;
    assert!(matches!(kill_state(home.as_fd()), KillState::Killed(_)));
    assert!(matches!(kill_all(root.path()).held, Held::Rehold { .. }));
}

#[test]
fn a_link_in_place_of_the_home_is_refused() {
    let yard = Yard::new();
    let link = yard.agent.parent().unwrap().join("link");
    symlink(yard.home.path(), &link).unwrap();
    let report = kill_all(&link);
    assert!(matches!(report.held, Held::NotStored(_)));
    assert!(matches!(kill_state(yard.home.dir()), KillState::Clear(_)));
    assert!(matches!(kill_all(&link.join("nothing")).held, Held::NotStored(_)));
}

#[test]
fn whatever_begins_with_killed_denies() {
    use std::os::unix::ffi::OsStrExt as _;
    let yard = Yard::new();
    for raw in [b"killed.".as_slice(), b"killed.x", b"killed.\xff", b"killed.d\n"] {
        let path = yard.home.path().join(std::ffi::OsStr::from_bytes(raw));
        std::fs::create_dir(&path).unwrap();
        assert!(matches!(kill_state(yard.home.dir()), KillState::Killed(_)), "{raw:?}");
        std::fs::remove_dir(&path).unwrap();
        assert!(matches!(kill_state(yard.home.dir()), KillState::Clear(_)));
    }
    let permit = yard.home.path().join("permit");
    let text = std::fs::read_to_string(&permit).unwrap();
    for bad in ["", "x", &text[..text.len() - 1], &text.replace("epoch 1", "epoch 01")] {
        std::fs::write(&permit, bad).unwrap();
        assert!(matches!(kill_state(yard.home.dir()), KillState::Doubt(_)), "{bad}");
    }
    std::fs::rename(&permit, yard.home.path().join("elsewhere")).unwrap();
    symlink("elsewhere", &permit).unwrap();
    assert!(matches!(kill_state(yard.home.dir()), KillState::Doubt(_)));
    std::fs::remove_file(&permit).unwrap();
    assert_eq!(kill_state(yard.home.dir()), KillState::NoPermit);
}

#[test]
fn permits_that_cannot_be_read_are_named_and_renamed() {
    let yard = Yard::new();
    let permits = yard.home.path().join("permits");
    let good = yard.place("good").text();
    let file = |name: &str| permits.join(revision(name).file_name());
    std::fs::write(file("cut"), &good[..good.len() - 2]).unwrap();
    std::fs::write(file("empty"), "").unwrap();
    std::fs::write(file("other"), &good).unwrap();
    std::fs::write(file("huge"), vec![b'x'; 70_000]).unwrap();
    std::fs::create_dir(file("folder")).unwrap();
    symlink(file("good"), file("link")).unwrap();
    yard::run("mkfifo", &[file("fifo").to_str().unwrap()]);
    std::fs::write(permits.join("unrelated"), "x").unwrap();
    let report = kill_all(yard.home.path());
    assert!(report.is_held());
    assert_eq!(yard.cards(), [] as [&Path; 0]);
    let odd = ["cut", "empty", "fifo", "folder", "huge", "link", "other"];
    for name in odd {
        let name = revision(name).file_name();
        assert!(report.failures.iter().any(|failure| failure.what.contains(&name)), "{name}: {report:?}");
        assert!(
            !permits.join(&name).exists()
                && permits.join(format!("{name}.killed")).symlink_metadata().is_ok()
        );
    }
    assert_eq!(report.failures.len(), odd.len(), "{:?}", report.failures);
    assert!(permits.join("unrelated").exists());
}

#[test]
fn a_forged_permit_takes_nothing_but_placements_of_ours() {
    let yard = Yard::new();
    std::fs::create_dir_all(&yard.agent).unwrap();
    let agent = yard.agent.to_str().unwrap();
    let (other, real) = (yard.agent.join("other"), yard.agent.join("real"));
    for dir in [&other, &real] {
        std::fs::create_dir(dir).unwrap();
        std::fs::write(dir.join("SKILL.md"), "mine").unwrap();
    }
    symlink(&real, yard.agent.join("share")).unwrap();
    std::fs::create_dir(yard.agent.join("sub")).unwrap();
    std::fs::write(yard.agent.join("sub/share"), "a file").unwrap();
    let foreign = if yard::is_root() {
        let dir = yard.agent.join("foreign/share");
        std::fs::create_dir_all(&dir).unwrap();
        std::os::unix::fs::chown(&dir, Some(65534), None).unwrap();
        dir.to_str().unwrap().to_owned()
    } else {
        "/usr/share".to_owned()
    };
    let stray = format!("{agent}/{}x", staged_name(&skill("share"), &"0".repeat(32)));
    let places = [
        format!("{agent}/other"),
        format!("{agent}/share"),
        format!("{agent}/share/"),
        format!("{agent}/sub/share"),
        format!("{agent}/sub/../share"),
        format!("{agent}//share"),
        "share".to_owned(),
        stray,
        foreign.clone(),
    ];
    let absent = format!("{agent}/nowhere/share");
    let pairs = places.iter().map(|path| (path.clone(), absent.clone())).collect();
    let permit = yard.permit_for("share", pairs);
    permit::write_skill(&yard.home, &permit).unwrap();
    let report = kill_all(yard.home.path());
    assert!(report.is_held());
    for path in places {
        assert!(report.failures.iter().any(|failure| failure.what == path), "{path}: {:?}", report.failures);
    }
    assert!(report.stopped[0].paths.is_empty());
    assert!(Path::new(&foreign).is_dir() && yard.agent.join("share").is_symlink());
    assert_eq!(yard.cards().len(), 2);
}

#[test]
fn a_narrow_kill_stops_what_matches() {
    let yard = Yard::new();
    let stays = yard.place("stays");
    let goes = yard.place("goes");
    let report = kill_matching(yard.home.path(), &|permit| permit.revision.name.as_str() == "goes");
    assert!(report.synced && report.failures.is_empty() && report.held == Held::NotAsked);
    assert_eq!(report.stopped.len(), 1);
    assert_eq!(yard.cards(), [yard.agent.join("stays/SKILL.md")]);
    permit::check_clear(&yard.home, &stays).unwrap();
    assert!(permit::check_clear(&yard.home, &goes).is_err());
    // Nothing recreates the permit before the kill is recorded.
    assert!(matches!(permit::write_skill(&yard.home, &goes), Err(permit::PermitFault::Pending(_))));
    let pending = permit::pending_of(&yard.home, &goes.revision).unwrap();
    assert_eq!(pending, permit::pending(&yard.home).unwrap());
    permit::clear_pending(&yard.home, &pending).unwrap();
    permit::write_skill(&yard.home, &goes).unwrap();
}

#[test]
fn two_records_of_one_revision_do_not_hide_each_other() {
    let yard = Yard::new();
    let goes = yard.place("goes");
    let all = |_: &_| true;
    assert_eq!(kill_matching(yard.home.path(), &all).stopped.len(), 1);
    // A permit that an enable wrote at that very moment.
    std::fs::write(yard.home.path().join("permits").join(goes.revision.file_name()), goes.text()).unwrap();
    assert!(permit::check_clear(&yard.home, &goes).is_err());
    assert!(kill_matching(yard.home.path(), &all).failures.is_empty());
    let pending = permit::pending(&yard.home).unwrap();
    assert_eq!(pending.len(), 2);
    assert!(pending.iter().all(|pending| pending.reason == Some(Reason::Killed)));
    permit::clear_pending(&yard.home, &pending).unwrap();
    assert!(yard.permits().is_empty());
}

#[test]
fn on_a_full_disk() {
    if !yard::with_own_mounts("kill_files::on_a_full_disk") {
        return;
    }
    let root = tempfile::tempdir_in("/tmp").unwrap();
    for (name, options) in [("blocks", "size=512k,mode=755"), ("inodes", "size=4m,nr_inodes=120,mode=755")] {
        let disk = root.path().join(name);
        mount_and_fill(&disk, options);
    }
}

fn mount_and_fill(disk: &Path, options: &str) {
    yard::mount(disk, options);
    let yard = Yard::at(&disk.join("home"), &disk.join("agent/skills"));
    for name in ["one", "two", "three"] {
        yard.place(name);
    }
    let (mut half, _) = yard.stage("half");
    half.write(&entry("SKILL.md"), false, b"x").unwrap();
    let mut number = 0;
    let full = loop {
        let path = disk.join(format!("fill{number}"));
        if let Err(error) = std::fs::File::create(path).and_then(|mut file| file.write_all(&[0; 4096])) {
            break error;
        }
        number += 1;
    };
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    assert!(std::fs::File::create(yard.home.path().join("x")).and_then(|mut f| f.write_all(b"x")).is_err());
    let report = kill_all(yard.home.path());
    assert!(report.is_held(), "{report:?}");
    assert_eq!(report.failures, []);
    assert_eq!(report.stopped.len(), 4);
    assert_eq!(yard.cards(), [] as [&Path; 0]);
    assert!(matches!(half.publish(), Err(PublishFault::Withdrawn)));
    assert!(kill_all(yard.home.path()).is_held());
}

#[test]
fn in_a_read_only_home() {
    if !yard::with_own_mounts("kill_files::in_a_read_only_home") {
        return;
    }
    let root = tempfile::tempdir_in("/tmp").unwrap();
    let disk = root.path().join("disk");
    yard::mount(&disk, "mode=755");
    let yard = Yard::at(&disk.join("home"), &root.path().join("agent/skills"));
    let placed = yard.place("placed");
    yard::run("mount", &["-o", "remount,bind,ro", disk.to_str().unwrap()]);
    for report in [kill_all(yard.home.path()), kill_matching(yard.home.path(), &|_| true)] {
        assert!(!report.is_held());
        assert!(matches!(report.held, Held::NotStored(_) | Held::NotAsked), "{report:?}");
        assert!(report.failures.iter().any(|failure| failure.what.contains(&placed.revision.file_name())));
        assert_eq!(yard.cards(), [] as [&Path; 0]);
    }
}

#[test]
fn with_hardly_a_descriptor_left() {
    if !yard::with_few_descriptors("kill_files::with_hardly_a_descriptor_left") {
        return;
    }
    let (one, six) = (Yard::new(), Yard::new());
    for yard in [&one, &six] {
        yard.place("placed");
    }
    let mut taken = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        taken.push(file);
    }
    assert!(matches!(kill_all(one.home.path()).held, Held::NotStored(_)));
    taken.pop();
    // One is enough for the hold. What is left undone is said.
    let report = kill_all(one.home.path());
    assert!(report.is_held() && !report.failures.is_empty(), "{report:?}");
    taken.truncate(taken.len() - 5);
    assert!(kill_all(six.home.path()).is_held());
    let report = kill_all(one.home.path());
    assert!(report.is_held() && report.failures.is_empty(), "{report:?}");
    drop(taken);
    assert_eq!(one.cards().len() + six.cards().len(), 0);
}

#[test]
fn whatever_the_modes_are() {
    if !yard::as_ordinary_account("kill_files::whatever_the_modes_are") {
        return;
    }
    let yard = Yard::new();
    let home = yard.home.path();
    for (name, bits) in [("a", 0), ("b", 0o500), ("c", 0o555)] {
        yard.place(name);
        // Attack: a running skill closes its own folder.
        mode(&yard.agent.join(name), bits);
    }
    mode(&home.join("permits"), 0o500);
    mode(home, 0);
    let report = kill_all(home);
    assert!(report.is_held(), "{report:?}");
    assert_eq!(report.failures, []);
    assert_eq!(report.stopped.len(), 3);
    assert_eq!(yard.cards(), [] as [&Path; 0]);
    let closed = names(&yard.agent);
    assert_eq!(closed.len(), 3);
    for name in closed {
        // Not even its owner gets at what is in it.
        assert!(std::fs::metadata(yard.agent.join(name).join("scripts")).is_err());
    }
}

#[test]
fn an_enable_and_a_kill_at_the_same_time() {
    for round in 0_u32..60 {
        let yard = Yard::new();
        let (mut staged, permit) = yard.stage("racer");
        std::thread::scope(|scope| {
            let kill = scope.spawn(|| {
                std::thread::sleep(std::time::Duration::from_micros(u64::from(round) * 25));
                kill_all(yard.home.path())
            });
            // The fault says that it was a kill, whichever step met it.
            match try_fill(&mut staged) {
                Ok(()) => match staged.publish() {
                    Ok(()) | Err(PublishFault::Withdrawn) => {}
                    Err(fault) => panic!("{fault}"),
                },
                Err(PlaceFault::Withdrawn) => {}
                Err(fault) => panic!("{fault}"),
            }
            let report = kill.join().unwrap();
            assert!(report.is_held() && report.failures.is_empty(), "{report:?}");
        });
        assert_eq!(yard.cards(), [] as [&Path; 0], "round {round}");
        assert!(permit::check_clear(&yard.home, &permit).is_err());
    }
}
