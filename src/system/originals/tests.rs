use super::*;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

fn bed() -> (tempfile::TempDir, Home, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let top = root.path().canonicalize().unwrap();
    let home = Home::create(&top.join("home")).unwrap();
    let agent = top.join("agent");
    std::fs::create_dir_all(agent.join("x")).unwrap();
    std::fs::write(agent.join("x/SKILL.md"), "card").unwrap();
    (root, home, agent)
}

#[test]
fn a_folder_goes_whole_and_comes_back_whole() {
    let (_root, home, agent) = bed();
    std::fs::set_permissions(agent.join("x"), std::fs::Permissions::from_mode(0o555)).unwrap();
    let before = agent.join("x").metadata().unwrap();
    let original = Original::look(&agent.join("x")).unwrap().unwrap();
    let moved = take(Some(&home), &original, &fresh_id()).unwrap();
    let kept = moved.at.metadata().unwrap();
    assert_eq!((kept.ino(), kept.mode(), kept.mtime()), (before.ino(), before.mode(), before.mtime()));
    assert!(!moved.beside && !agent.join("x").exists() && moved.at.join("SKILL.md").exists());
    std::fs::create_dir(agent.join("x")).unwrap();
    assert!(matches!(moved.put_back(&home), Err(MoveFault::Taken)));
    std::fs::remove_dir(agent.join("x")).unwrap();
    moved.put_back(&home).unwrap();
    assert_eq!(agent.join("x").metadata().unwrap().ino(), before.ino());
}

#[test]
fn without_a_home_a_folder_stays_beside_closed_and_a_link_as_text() {
    let (_root, home, agent) = bed();
    let original = Original::look(&agent.join("x")).unwrap().unwrap();
    let moved = take(None, &original, &fresh_id()).unwrap();
    assert_eq!(moved.at.metadata().unwrap().mode() & 0o7777, 0o400);
    std::fs::set_permissions(&moved.at, std::fs::Permissions::from_mode(0o700)).unwrap();
    assert!(moved.beside && !moved.at.join("SKILL.md").exists());
    moved.put_back(&home).unwrap();
    assert_eq!(std::fs::read_to_string(agent.join("x/SKILL.md")).unwrap(), "card");
    symlink("../else where", agent.join("link")).unwrap();
    let original = Original::look(&agent.join("link")).unwrap().unwrap();
    let moved = take(None, &original, &fresh_id()).unwrap();
    assert_eq!(std::fs::read_to_string(&moved.at).unwrap(), "../else where");
    assert!(agent.join("link").symlink_metadata().is_err());
    moved.put_back(&home).unwrap();
    assert_eq!(std::fs::read_link(agent.join("link")).unwrap(), Path::new("../else where"));
}

/// The command that is told brings it back whatever its card was called, and
/// where it had none.
#[test]
fn the_command_names_every_card_that_was_hidden() {
    for cards in [&["SKILL.md"][..], &["skill.md"], &["SKILL.md", "Skill.MD"], &[]] {
        let (_root, home, agent) = bed();
        std::fs::remove_file(agent.join("x/SKILL.md")).unwrap();
        for card in cards {
            std::fs::write(agent.join("x").join(card), *card).unwrap();
        }
        std::fs::write(agent.join("x/more.md"), "more").unwrap();
        let original = Original::look(&agent.join("x")).unwrap().unwrap();
        let moved = take(None, &original, &fresh_id()).unwrap();
        assert!(cards.iter().all(|card| !moved.at.join(card).exists()));
        // Also as recovery tells it.
        let found = super::moved(&home, &moved.id, &original.path).unwrap();
        assert_eq!(found, Some((moved.at.clone(), moved.back())));
        let done = std::process::Command::new("sh").args(["-c", &moved.back()]).status().unwrap();
        assert!(done.success(), "{}", moved.back());
        assert!(
            cards.iter().all(|card| std::fs::read_to_string(agent.join("x").join(card)).unwrap() == *card)
        );
        assert_eq!(std::fs::read_dir(agent.join("x")).unwrap().count(), cards.len() + 1);
    }
}

/// Cut short between the text that is kept and the link that goes: nothing
/// was moved, and nothing is said to have been.
#[test]
fn a_link_that_is_still_there_was_not_moved() {
    let (_root, home, agent) = bed();
    let (link, id) = (agent.join("link"), fresh_id());
    symlink("../else where", &link).unwrap();
    let kept = agent.join(format!("{BESIDE}{id}"));
    std::fs::write(&kept, "../else where").unwrap();
    assert_eq!(moved(&home, &id, &link).unwrap(), None);
    // Another link came to its place: what was there is kept as text alone.
    std::fs::remove_file(&link).unwrap();
    symlink("../other", &link).unwrap();
    assert_eq!(moved(&home, &id, &link).unwrap().map(|(at, _)| at), Some(kept.clone()));
    std::fs::remove_file(&link).unwrap();
    assert_eq!(moved(&home, &id, &link).unwrap().map(|(at, _)| at), Some(kept));
}

/// Attack: another folder is put at the path after a person said yes.
#[test]
fn what_is_not_what_was_looked_at_stays() {
    let (_root, home, agent) = bed();
    let original = Original::look(&agent.join("x")).unwrap().unwrap();
    std::fs::rename(agent.join("x"), agent.join("y")).unwrap();
    std::fs::create_dir(agent.join("x")).unwrap();
    assert!(matches!(take(Some(&home), &original, &fresh_id()), Err(MoveFault::Changed)));
    assert!(agent.join("x").exists() && agent.join("y/SKILL.md").exists());
}

#[test]
fn attack_so_many_originals_that_no_mark_can_name_them() {
    let (_root, home, _) = bed();
    let path = |at: usize| PathBuf::from(format!("/{at}/{}", "n".repeat(200)));
    let moves: Moves = (0..1_000).map(|at| (fresh_id(), path(at))).collect();
    assert!(announce(&home, &moves).is_err(), "a mark that is not read again");
    let (marks, whole) = announce_all(&home, &moves);
    assert!(whole);
    assert!(marks.len() > 1 && left(&home).unwrap().is_empty());
    drop(marks);
    // A program that another test starts holds every lock for the moment until it is that program.
    let all = || -> Moves { left(&home).unwrap().into_iter().flat_map(|left| left.moves).collect() };
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while all().len() < moves.len() && std::time::Instant::now() < until {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let mut found = all();
    let mut wanted = moves;
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted);
    // One that cannot be read is not taken away as if it named nothing.
    let odd = home.path().join(format!("{MARK}odd"));
    std::fs::write(&odd, vec![b'x'; 100_000]).unwrap();
    assert!(left(&home).unwrap().iter().all(|left| !left.moves.is_empty()) && odd.exists());
}

#[test]
fn a_mark_is_found_once_its_process_is_gone() {
    let (_root, home, agent) = bed();
    let odd = PathBuf::from(OsString::from_vec(b"/a\nb\xff c".to_vec()));
    let moves = vec![(fresh_id(), agent.join("x")), (fresh_id(), odd)];
    let mark = announce(&home, &moves).unwrap();
    assert!(left(&home).unwrap().is_empty(), "it lives");
    drop(mark);
    let found = left(&home).unwrap().pop().unwrap();
    assert_eq!(found.moves, moves);
    assert_eq!(moved(&home, &moves[0].0, &moves[0].1).unwrap(), None);
    found.done(&home).unwrap();
    assert!(left(&home).unwrap().is_empty());
}
