//! Originals that `enable` replaces: with consent, whole, and with a way back.

use super::{CLAUDE, Yes, all, digest, enable_over, evidence, log, one, trust_adopted, yes};
use crate::support::faults::Bed;
use crate::unmanaged::Account;
use skill_trust::model::code::Code;
use skill_trust::ops::place::Place;
use skill_trust::ops::{Nobody, enable, originals};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;

#[test]
fn a_replaced_original_is_in_the_evidence_as_it_was() {
    let (account, world) = one();
    let path = account.path(".claude/skills/pdf");
    let (before, was) = (path.metadata().unwrap(), digest(&path));
    let done = enable_over(&world, "pdf", &mut yes()).unwrap();
    let kept = done.kept.unwrap();
    let after = kept.at.metadata().unwrap();
    assert_eq!((after.ino(), after.mode(), after.mtime()), (before.ino(), before.mode(), before.mtime()));
    assert_eq!((digest(&kept.at), kept.digest), (was, Some(was)));
    assert_eq!(evidence(&account), std::slice::from_ref(&kept.at));
    // Ours is there now, and is another folder.
    assert_ne!(path.metadata().unwrap().ino(), before.ino());
    assert_eq!(digest(&path), was);
    let log = log(&account);
    let record = log.lines().last().unwrap();
    assert!(record.contains(&kept.at.to_string_lossy()[..]) && record.contains(&was.to_string()), "{record}");
    // No mark is left.
    let names = fs::read_dir(&world.home).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!names.into_iter().any(|name| name.to_string_lossy().starts_with("aside.")));
}

#[test]
fn an_original_with_other_bytes_is_recorded_with_both_digests() {
    let (account, world) = one();
    let path = account.path(".claude/skills/pdf");
    fs::write(path.join("more.md"), "more").unwrap();
    let found = enable::in_the_way(&world, "pdf", &Place::Agent(CLAUDE.to_owned()), None).unwrap().unwrap();
    assert_eq!(found.differ, Some(1));
    let other = digest(&path);
    let done = enable_over(&world, "pdf", &mut yes()).unwrap();
    let log = log(&account);
    let record = log.lines().last().unwrap();
    assert!(record.contains(&format!("\"found\":\"{other}\"")), "{record}");
    assert!(record.contains(&format!("\"digest\":\"{}\"", done.row.revision.digest)), "{record}");
}

/// Attack: a link in the agent's folder leads to a person's own work.
#[test]
fn of_a_link_only_the_link_is_moved() {
    let account = Account::new();
    account.skill("dot/pdf");
    fs::create_dir_all(account.path(".claude/skills")).unwrap();
    symlink("../../dot/pdf", account.path(".claude/skills/pdf")).unwrap();
    let world = account.world();
    all(&world);
    trust_adopted(&world);
    let before = account.path("dot/pdf").metadata().unwrap();
    let kept = enable_over(&world, "pdf", &mut yes()).unwrap().kept.unwrap();
    assert_eq!(fs::read_link(&kept.at).unwrap(), Path::new("../../dot/pdf"));
    let after = account.path("dot/pdf").metadata().unwrap();
    assert_eq!((before.ino(), before.mtime()), (after.ino(), after.mtime()));
    assert!(!account.path(".claude/skills/pdf").is_symlink() && account.path(".claude/skills/pdf").is_dir());
}

#[test]
fn a_link_to_nowhere_is_shown_and_moved_with_consent() {
    let (account, world) = one();
    let path = account.path(".claude/skills/pdf");
    fs::remove_dir_all(&path).unwrap();
    symlink("nowhere", &path).unwrap();
    assert_eq!(enable_over(&world, "pdf", &mut Nobody).unwrap_err().code, Code::PersonNeeded);
    assert_eq!(fs::read_link(&path).unwrap(), Path::new("nowhere"));
    let kept = enable_over(&world, "pdf", &mut yes()).unwrap().kept.unwrap();
    assert_eq!((fs::read_link(&kept.at).unwrap().as_path(), kept.digest), (Path::new("nowhere"), None));
}

#[test]
fn without_consent_it_stays_and_without_a_terminal_the_command_is_named() {
    let (account, world) = one();
    let path = account.path(".claude/skills/pdf");
    let was = digest(&path);
    let stop = enable_over(&world, "pdf", &mut Nobody).unwrap_err();
    assert_eq!(stop.code, Code::PersonNeeded);
    assert!(stop.next.contains(&format!("--replace {was}")), "{}", stop.next);
    assert!(evidence(&account).is_empty() && path.join("SKILL.md").exists());
    // The library alone never replaces.
    let place = Place::Agent(CLAUDE.to_owned());
    assert_eq!(enable::enable(&world, "pdf", &place).unwrap_err().code, Code::TargetTaken);
    let found = enable::in_the_way(&world, "pdf", &place, None).unwrap().unwrap();
    let wrong = skill_trust::model::digest::Digest::ZERO;
    assert_eq!(originals::state(&world, &found, &wrong).unwrap_err().code, Code::DigestMismatch);
    let agreed = originals::state(&world, &found, &was).unwrap();
    enable::enable_over(&world, "pdf", &place, Some(&agreed)).unwrap();
    assert_eq!(evidence(&account).len(), 1);
}

/// Attack: other bytes, another folder, another link are put there while the
/// question waits for its answer.
#[test]
fn what_changes_between_the_question_and_the_answer_is_not_moved() {
    type Change = fn(&Path);
    let changes: [Change; 5] = [
        |path| fs::write(path.join("SKILL.md"), "---\nname: pdf\ndescription: y\n---\nB\n").unwrap(),
        |path| fs::write(path.join("more"), "x").unwrap(),
        |path| {
            // The same bytes in another folder.
            let old = path.with_file_name("old");
            fs::rename(path, &old).unwrap();
            fs::create_dir(path).unwrap();
            fs::copy(old.join("SKILL.md"), path.join("SKILL.md")).unwrap();
        },
        |path| {
            fs::rename(path, path.with_file_name("old")).unwrap();
            symlink("old", path).unwrap();
        },
        |path| fs::rename(path, path.with_file_name("old")).unwrap(),
    ];
    for change in changes {
        let (account, world) = one();
        let path = account.path(".claude/skills/pdf");
        let stop = enable_over(&world, "pdf", &mut Yes(|| change(&path))).unwrap_err();
        assert_eq!(stop.code, Code::TargetTaken, "{}", stop.what);
        assert!(stop.what.contains("changed after it was looked at"), "{}", stop.what);
        assert!(evidence(&account).is_empty());
        assert!(log(&account).lines().last().unwrap().contains("target-taken"));
    }
}

#[test]
fn two_folders_of_the_same_bytes_and_links_between_agents_are_all_replaced() {
    let account = Account::new();
    let card = "---\nname: docx\ndescription: x\n---\nB\n";
    account.write(".claude/skills/d0cx/SKILL.md", card);
    account.write(".claude/skills/docx/SKILL.md", card);
    fs::create_dir_all(account.path(".agents/skills")).unwrap();
    symlink("../../.claude/skills/docx", account.path(".agents/skills/docx")).unwrap();
    symlink("../../.claude/skills/d0cx", account.path(".agents/skills/other")).unwrap();
    let world = account.world();
    assert_eq!(all(&world).skills.len(), 2);
    trust_adopted(&world);
    let (wanted, left) = originals::adopted(&world).unwrap();
    assert_eq!((wanted.len(), left.len()), (4, 0), "{wanted:?}");
    for one in &wanted {
        let name = one.revision.file_name();
        let found = enable::in_the_way(&world, &name, &one.place, Some(&one.path)).unwrap().unwrap();
        let agreed = originals::agree(&world, &[found], "", &mut yes()).unwrap();
        enable::enable_over(&world, &name, &one.place, agreed.first()).unwrap();
    }
    assert_eq!(evidence(&account).len(), 4);
    for folder in [".claude/skills", ".agents/skills"] {
        let names: Vec<_> =
            fs::read_dir(account.path(folder)).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["docx"], "{folder}");
        assert!(!account.path(folder).join("docx").is_symlink());
    }
    assert!(originals::adopted(&world).unwrap().0.is_empty());
}

/// Attack: the agent's folder holds a link to a folder of several skills, and
/// replacing one of them would move what the link leads to.
#[test]
fn what_lies_behind_a_link_is_named_and_not_replaced() {
    let account = Account::new();
    account.skill("work/own/deep");
    fs::create_dir_all(account.path(".claude/skills")).unwrap();
    symlink("../../work/own", account.path(".claude/skills/group")).unwrap();
    let world = account.world();
    all(&world);
    trust_adopted(&world);
    let (wanted, left) = originals::adopted(&world).unwrap();
    assert!(wanted.is_empty(), "{wanted:?}");
    assert!(left[0].1.what.contains("skills/group") && left[0].1.code == Code::TargetTaken, "{left:?}");
}

#[test]
fn what_changed_since_it_was_adopted_is_said_and_not_replaced() {
    let (account, world) = one();
    fs::write(account.path(".claude/skills/pdf/more"), "x").unwrap();
    let (wanted, left) = originals::adopted(&world).unwrap();
    assert!(wanted.is_empty() && left[0].1.what.contains("changed since it was adopted"), "{left:?}");
    assert!(left[0].1.next.starts_with("skills adopt "), "{left:?}");
    // Adopted again, it is a revision beside the first, of the same source.
    assert_eq!(super::outcome(&all(&world), "pdf"), "taken pdf");
}

/// The call of a run that `pick` finds, failed with an error.
fn failing(scene: &str, call: impl Fn(&[crate::support::faults::Call]) -> (String, usize)) -> (Bed, String) {
    let bed = Bed::new();
    let args = (crate::crash::scenes::named(scene).prepare)(&bed);
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    bed.keep("start");
    let (_, calls) = bed.trace(&args);
    let (name, nth) = call(&calls);
    bed.restore("start");
    let ran = bed.run_with(&name, &format!("error=EIO:when={nth}"), &args);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    (bed, ran.err)
}

fn last(calls: &[crate::support::faults::Call], name: &str) -> (String, usize) {
    (name.to_owned(), calls.iter().filter(|call| call.name == name).map(|call| call.nth).max().unwrap())
}

/// An enable that fails after the original was moved: at the very rename that
/// would publish the copy.
#[test]
fn an_enable_that_fails_puts_the_original_back() {
    for scene in ["enable over a folder", "enable over a link"] {
        let (bed, said) = failing(scene, |calls| last(calls, "renameat2"));
        assert!(said.contains("is there again"), "{scene}: {said}");
        let place = format!("{}/demo", bed.agent("a"));
        assert!(fs::read_to_string(format!("{place}/SKILL.md")).unwrap().contains("Lies at"), "{scene}");
        let kept = fs::read_dir(bed.home().join("evidence")).unwrap().map(|entry| entry.unwrap().file_name());
        let kept: Vec<_> = kept.filter(|name| name.to_string_lossy().starts_with("original-")).collect();
        assert!(kept.is_empty(), "{scene}: {kept:?}");
        assert!(fs::read_to_string(bed.log()).unwrap().contains("is there again"));
        let looked = bed.look().unwrap();
        assert!(looked.view.rows.values().any(|row| row == "trusted"), "{looked:?}");
    }
}

/// Whichever call fails: the original lies where it lay, or the refusal says
/// where it is. Nobody looks for it in the evidence by himself.
#[test]
fn whatever_fails_after_the_move_tells_where_the_original_is() {
    let bed = Bed::new();
    let args = (crate::crash::scenes::named("enable over a folder").prepare)(&bed);
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    bed.keep("start");
    let (_, calls) = bed.trace(&args);
    let changing: Vec<_> = calls.into_iter().filter(|call| call.changes).collect();
    let place = std::path::PathBuf::from(bed.agent("a")).join("demo/SKILL.md");
    let (mut told, mut faults) = (0, Vec::new());
    for call in changing.iter().rev().take(50) {
        bed.restore("start");
        let ran = bed.run_with(&call.name, &format!("error=EIO:when={}", call.nth), &args);
        let there = fs::read_to_string(&place).is_ok_and(|text| text.contains("Lies at"));
        let names =
            fs::read_dir(bed.home().join("evidence")).unwrap().map(|entry| entry.unwrap().file_name());
        let kept = names.map(|name| name.into_string().unwrap()).find(|name| name.starts_with("original-"));
        let said = kept.is_some_and(|kept| {
            ran.err.contains(&format!("is kept at {}/evidence/{kept}", bed.home().display()))
        });
        told += usize::from(said);
        // What cannot be written to the terminal is in the log all the same.
        let mute = ran.err.contains("the output cannot be written");
        if ran.code != Some(0) && !there && !said && !mute {
            faults.push(format!("{} {}: {ran:?}", call.name, call.nth));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(told > 0, "no call failed between the move and the end");
}

/// Runs the enable with the call delayed that follows the original's move, and
/// does something meanwhile.
fn meanwhile(act: impl FnOnce(&Bed, &Path) + Send) -> (Bed, crate::support::faults::Ran) {
    let bed = Bed::new();
    let args = (crate::crash::scenes::named("enable over a folder").prepare)(&bed);
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    bed.keep("start");
    let (_, calls) = bed.trace(&args);
    // The staged folder is the last that is made.
    let (name, nth) = last(&calls, "mkdirat");
    // Its inner folders come after it: `notes` is not in what is placed, `scripts` is.
    let nth = nth - 1;
    bed.restore("start");
    let place = std::path::PathBuf::from(bed.agent("a")).join("demo");
    let ran = std::thread::scope(|scope| {
        let run = scope.spawn(|| bed.run_with(&name, &format!("delay_enter=6000000:when={nth}"), &args));
        let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while place.exists() && std::time::Instant::now() < end {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        assert!(!place.exists(), "the original was never moved");
        act(&bed, &place);
        run.join().unwrap()
    });
    (bed, ran)
}

/// Attack: `kill --unmanaged` looks while the original is in the evidence; if
/// the enable that fails put it back, it would be live after the kill.
#[test]
fn after_a_kill_a_failed_enable_does_not_put_the_original_back() {
    let (bed, ran) = meanwhile(|bed, _| {
        let _ = skill_trust::system::kill::kill_all(&bed.home());
    });
    assert_ne!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.contains("is kept at") && ran.err.contains("a kill is in force"), "{ran:?}");
    assert!(!Path::new(&bed.agent("a")).join("demo").exists());
    assert!(bed.live().is_empty(), "{:?}", bed.live());
    let at = ran.err.split("is kept at ").nth(1).unwrap().split(',').next().unwrap().to_owned();
    assert!(Path::new(&at).join("SKILL.md").exists(), "{at}");
    assert!(bed.look().unwrap().view.held && fs::read_to_string(bed.log()).unwrap().contains(&at));
}

/// Attack by bad luck: another tool installs the skill anew while the place is
/// free. It is not ours: neither replaced nor withdrawn.
#[test]
fn what_another_tool_puts_into_the_gap_stays_and_the_original_is_named() {
    let (bed, ran) = meanwhile(|_, place| {
        fs::create_dir(place).unwrap();
        fs::write(place.join("SKILL.md"), "somebody else's").unwrap();
    });
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.err.contains("is kept at") && ran.err.contains("something lies there"), "{ran:?}");
    let place = Path::new(&bed.agent("a")).join("demo/SKILL.md");
    assert_eq!(fs::read_to_string(place).unwrap(), "somebody else's");
    let looked = bed.look().unwrap();
    assert!(looked.view.rows.values().any(|row| row == "trusted"), "{looked:?}");
}
