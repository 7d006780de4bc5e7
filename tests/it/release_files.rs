//! The home permit and its release on real files.

use crate::kill_files::yard::{Yard, fill, names, revision};
use skill_trust::system::kill::{KillState, finish, kill_all, kill_state};
use skill_trust::system::permit::{
    self, PermitFault, Reason, ReleaseFault, create_home, last_epoch, release_home,
};

fn shown(yard: &Yard) -> Vec<String> {
    match kill_state(yard.home.dir()) {
        KillState::Killed(ids) => ids,
        other => panic!("{other:?}"),
    }
}

fn is_held(yard: &Yard) -> bool {
    matches!(kill_state(yard.home.dir()), KillState::Killed(_))
}

#[test]
fn what_was_shown_is_lifted() {
    let yard = Yard::new();
    assert!(matches!(release_home(&yard.home, &[], 2), Err(ReleaseFault::NotHeld)));
    assert!(matches!(create_home(&yard.home, 2), Err(ReleaseFault::NotNew)));
    assert!(kill_all(yard.home.path()).is_held());
    assert!(matches!(create_home(&yard.home, 2), Err(ReleaseFault::NotNew)));
    let ids = shown(&yard);
    assert!(matches!(release_home(&yard.home, &ids, 1), Err(ReleaseFault::Epoch { new: 1, seen: 1 })));
    assert!(matches!(release_home(&yard.home, &["x".into()], 2), Err(ReleaseFault::KilledAgain)));
    let permit = release_home(&yard.home, &ids, 2).unwrap();
    assert_eq!(kill_state(yard.home.dir()), KillState::Clear(permit));
    assert_eq!(last_epoch(&yard.home).unwrap(), 2);
    assert!(names(yard.home.path()).iter().all(|name| !name.starts_with('.')));
}

#[test]
fn a_kill_after_the_showing_wins() {
    let yard = Yard::new();
    assert!(kill_all(yard.home.path()).is_held());
    let ids = shown(&yard);
    assert!(kill_all(yard.home.path()).is_held());
    assert!(matches!(release_home(&yard.home, &ids, 2), Err(ReleaseFault::KilledAgain)));
    assert!(is_held(&yard));
    release_home(&yard.home, &shown(&yard), 2).unwrap();
}

#[test]
fn a_crashed_release_is_held_and_can_be_released() {
    let yard = Yard::new();
    let home = yard.home.path();
    let text = std::fs::read_to_string(home.join("permit")).unwrap();
    assert!(kill_all(home).is_held());
    // It had written its permit, and half of another.
    std::fs::write(home.join("permit"), text.replace("epoch 1", "epoch 2")).unwrap();
    std::fs::write(home.join(".new-x"), "half").unwrap();
    assert!(is_held(&yard));
    assert!(matches!(release_home(&yard.home, &shown(&yard), 2), Err(ReleaseFault::Epoch { .. })));
    // A kill takes the new permit and leaves the old hold.
    assert!(kill_all(home).is_held());
    assert_eq!(shown(&yard).len(), 2);
    release_home(&yard.home, &shown(&yard), 3).unwrap();
    assert!(names(home).iter().all(|name| !name.starts_with('.')));
}

#[test]
fn a_kill_that_was_cut_short_is_finished_first() {
    let yard = Yard::new();
    yard.place("pdf");
    let home = yard.home.path();
    std::fs::rename(home.join("permit"), home.join("killed.0")).unwrap();
    assert!(matches!(release_home(&yard.home, &shown(&yard), 2), Err(ReleaseFault::Unfinished(_))));
    let report = finish(home);
    assert_eq!((report.stopped.len(), report.failures.len()), (1, 0));
    assert!(yard.cards().is_empty());
    // And recorded.
    assert!(matches!(release_home(&yard.home, &shown(&yard), 2), Err(ReleaseFault::Unfinished(_))));
    permit::clear_pending(&yard.home, &permit::pending(&yard.home).unwrap()).unwrap();
    release_home(&yard.home, &shown(&yard), 2).unwrap();
}

#[test]
fn an_earlier_epoch_enables_nothing() {
    let yard = Yard::new();
    let old = yard.permit_for("pdf", vec![]);
    assert!(kill_all(yard.home.path()).is_held());
    release_home(&yard.home, &shown(&yard), 2).unwrap();
    permit::write_skill(&yard.home, &old).unwrap();
    assert!(matches!(
        permit::check_clear(&yard.home, &old),
        Err(permit::Blocked::Epoch { home: 2, permit: 1 })
    ));
}

#[test]
fn releases_and_kills_at_the_same_time() {
    let yard = Yard::new();
    assert!(kill_all(yard.home.path()).is_held());
    for round in 0_u64..150 {
        let ids = shown(&yard);
        let epoch = last_epoch(&yard.home).unwrap() + 1;
        let (released, report) = std::thread::scope(|scope| {
            let kill = scope.spawn(|| {
                std::thread::sleep(std::time::Duration::from_micros(round % 50 * 20));
                kill_all(yard.home.path())
            });
            (release_home(&yard.home, &ids, epoch), kill.join().unwrap())
        });
        assert!(report.is_held(), "round {round}: {report:?}, {released:?}");
        assert!(is_held(&yard), "round {round}: {report:?}, {released:?}");
    }
}

#[test]
fn permits_are_written_whole_or_not() {
    let yard = Yard::new();
    let good = yard.place("pdf");
    assert_eq!(permit::read_skill(&yard.home, &good.revision).unwrap(), Some(good.clone()));
    assert_eq!(permit::list(&yard.home).unwrap(), std::slice::from_ref(&good.revision));
    for bad in ["a\nb", "a\rb", "x\nend\n"] {
        let mut permit = good.clone();
        permit.source = bad.into();
        assert!(matches!(permit::write_skill(&yard.home, &permit), Err(PermitFault::Unwritable(_))));
        let mut permit = good.clone();
        permit.placements[0].path = bad.into();
        assert!(matches!(permit::write_skill(&yard.home, &permit), Err(PermitFault::Unwritable(_))));
    }
    let mut large = good.clone();
    large.signers = vec!["x".repeat(70_000)];
    assert!(matches!(permit::write_skill(&yard.home, &large), Err(PermitFault::Unwritable(_))));
    assert_eq!(yard.permits().len(), 1);

    let file = permit::withdraw(&yard.home, &good.revision, Reason::Drift).unwrap().unwrap();
    assert_eq!(yard.permits(), [file]);
    assert_eq!(permit::withdraw(&yard.home, &good.revision, Reason::Drift).unwrap(), None);
    let pending = permit::pending(&yard.home).unwrap();
    assert_eq!((pending[0].reason, pending[0].permit.as_ref()), (Some(Reason::Drift), Some(&good)));
    permit::clear_pending(&yard.home, &pending).unwrap();
    permit::clear_pending(&yard.home, &pending).unwrap();
    assert!(yard.permits().is_empty());
}

#[test]
fn what_a_crash_left_half_made_is_found() {
    let yard = Yard::new();
    let (mut staged, permit) = yard.stage("pdf");
    fill(&mut staged);
    let permits = yard.home.path().join("permits");
    std::fs::rename(permits.join(revision("pdf").file_name()), permits.join(".new-1")).unwrap();
    std::fs::write(permits.join(".new-2"), "half").unwrap();
    assert_eq!(permit::clear_unfinished(&yard.home).unwrap(), [permit]);
    assert!(yard.permits().is_empty());
}
