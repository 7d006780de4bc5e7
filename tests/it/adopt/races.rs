//! Two at once: whatever wins, no original is lost, nothing is live that a kill
//! said it had stopped, and nothing of a home that goes.

use super::{CLAUDE, all, digest, enable_over, evidence, log, one, yes};
use skill_trust::model::record::{Outcome, Record};
use skill_trust::ops::place::Place;
use skill_trust::ops::session::{Depth, Session};
use skill_trust::ops::uninstall::{self, Request};
use skill_trust::ops::{Nobody, clear, enable, stop};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// How often each race is run; more by hand.
fn rounds() -> u64 {
    std::env::var("RACES").ok().and_then(|number| number.parse().ok()).unwrap_or(12)
}

/// Another moment in each round, spread over about twenty milliseconds.
fn wait(round: u64) {
    thread::sleep(Duration::from_micros(round * 7919 % 20_000));
}

/// The folders in an agent's folder that have a card, hidden ones too.
fn live(folder: &Path) -> Vec<String> {
    let Ok(names) = fs::read_dir(folder) else { return Vec::new() };
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| folder.join(name).join("SKILL.md").exists()).collect()
}

#[test]
fn attack_a_kill_while_an_original_is_replaced() {
    for round in 0..rounds() {
        let (account, world) = one();
        let folder = account.path(".claude/skills");
        fs::write(folder.join("pdf/own.md"), "a person's own\n").unwrap();
        let (inode, was) = (folder.join("pdf").metadata().unwrap().ino(), digest(&folder.join("pdf")));
        let unmanaged = round % 2 == 0;
        let (placed, cleared, killed) = thread::scope(|scope| {
            let place = scope.spawn(|| enable_over(&world, "pdf", &mut yes()));
            wait(round);
            let killed = stop::kill_all(&world, None);
            let cleared = unmanaged.then(|| clear::clear_unmanaged(&world));
            (place.join().unwrap(), cleared, killed)
        });
        let told = format!("round {round}: {placed:?}\n{killed:?}\n{cleared:?}");
        assert!(killed.report.is_held() && killed.report.failures.is_empty(), "{told}");
        // The original is in one place, as it was.
        let all = [vec![folder.join("pdf")], evidence(&account)].concat();
        let is_it = |path: &&std::path::PathBuf| path.metadata().is_ok_and(|about| about.ino() == inode);
        let found: Vec<_> = all.iter().filter(is_it).collect();
        assert_eq!(found.len(), 1, "{told}");
        assert_eq!(digest(found[0]), was, "{told}");
        // What is live is the original, and only if nobody said that nothing is.
        let live = live(&folder);
        if found[0].starts_with(&folder) {
            assert_eq!(live, ["pdf"], "{told}");
            assert!(!cleared.is_some_and(|cleared| cleared.is_done()), "{told}");
        } else {
            assert!(live.is_empty(), "{live:?} {told}");
            drop(Session::open_to_narrow(&world, Depth::All).unwrap());
            assert!(log(&account).contains(&*found[0].to_string_lossy()), "{told}");
        }
        let marks = fs::read_dir(&world.home).unwrap().map(|entry| entry.unwrap().file_name());
        assert!(!marks.into_iter().any(|name| name.to_string_lossy().starts_with("aside.")), "{told}");
    }
}

#[test]
fn attack_a_copy_is_placed_while_the_home_goes() {
    for round in 0..rounds() {
        let (account, world) = one();
        fs::create_dir(account.path("other")).unwrap();
        let place = Place::Folder(account.path("other"));
        let request = Request { hand_over: false, export: None, folder: account.path(""), config: false };
        let (placed, left) = thread::scope(|scope| {
            let place = scope.spawn(|| enable::enable(&world, "pdf", &place));
            wait(round);
            let left = uninstall::plan(&world, &request).and_then(|plan| {
                let phrase = plan.phrase();
                uninstall::leave(&world, &plan, "", Some(&phrase), &mut Nobody)
            });
            (place.join().unwrap(), left)
        });
        let told = format!("round {round}: {placed:?}\n{left:?}");
        match left {
            Ok(left) => {
                assert!(left.strays.is_empty() && !world.home.exists(), "{told}");
                assert!(live(&account.path("other")).is_empty(), "{told}");
                let log = fs::read_dir(account.path("")).unwrap().map(|entry| entry.unwrap().path());
                let log = log.into_iter().find(|path| path.extension().is_some_and(|end| end == "jsonl"));
                let text = fs::read_to_string(log.unwrap()).unwrap();
                let of = |event: &str| {
                    let records = text.lines().filter_map(|line| Record::parse(line.as_bytes()).ok());
                    records.filter(|record| record.event == event && record.decision == Outcome::Done).count()
                };
                assert_eq!(
                    (of("enable"), of("disable")),
                    (usize::from(placed.is_ok()), usize::from(placed.is_ok())),
                    "{told}"
                );
            }
            // It was not as shown, or busy: a whole home.
            Err(_) => {
                assert!(placed.is_ok(), "{told}");
                drop(Session::open(&world, Depth::All).unwrap());
                assert_eq!(live(&account.path("other")), ["pdf"], "{told}");
            }
        }
    }
}

/// Attack: what is adopted during a kill is there to be trusted, and nothing of it is placed.
#[test]
fn attack_an_adoption_during_a_kill() {
    for round in 0..rounds() {
        let (account, world) = one();
        account.skill(".claude/skills/second");
        thread::scope(|scope| {
            let adopted = scope.spawn(|| all(&world));
            wait(round);
            let killed = stop::kill_all(&world, None);
            assert!(killed.report.is_held());
            adopted.join().unwrap()
        });
        let place = Place::Agent(CLAUDE.to_owned());
        assert!(enable::enable(&world, "second", &place).is_err(), "round {round}");
        assert_eq!(live(&account.path(".claude/skills")).len(), 2, "round {round}");
    }
}
