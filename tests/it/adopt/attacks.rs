//! How one would break it, tried.

use super::{CLAUDE, Yes, all, at, digest, enable_over, evidence, one, outcome, yes};
use crate::unmanaged::Account;
use skill_trust::model::code::Code;
use skill_trust::ops::adopt::Outcome;
use skill_trust::ops::place::Place;
use skill_trust::ops::session::{Depth, Session};
use skill_trust::ops::uninstall::{self, Request};
use skill_trust::ops::{Nobody, clear, enable, originals, stop};
use skill_trust::system::home::Home;
use skill_trust::system::leaving::{self, Decided};
use skill_trust::system::originals as moving;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::process::Command;

/// Attack: another account's folder lies in ours (as root leaves them, or as
/// they are unpacked): it is not ours to move, whoever we are.
#[test]
fn another_accounts_original_is_not_moved() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("NOT RUN: only root can make another account's folder; the other pass runs it");
        return;
    }
    let (account, world) = one();
    let path = account.path(".claude/skills/pdf");
    std::os::unix::fs::chown(&path, Some(12_345), None).unwrap();
    let stop = enable_over(&world, "pdf", &mut yes()).unwrap_err();
    assert_eq!(stop.code, Code::TargetTaken);
    assert!(stop.what.contains("belongs to account 12345"), "{}", stop.what);
    let cleared = clear::clear_unmanaged(&world);
    assert!(cleared.moved.is_empty() && cleared.left[0].1.contains("12345"), "{cleared:?}");
    // A link of theirs to something of ours neither.
    fs::rename(&path, account.path("theirs")).unwrap();
    symlink("../../theirs", &path).unwrap();
    std::os::unix::fs::lchown(&path, Some(12_345), None).unwrap();
    assert_eq!(enable_over(&world, "pdf", &mut yes()).unwrap_err().code, Code::TargetTaken);
    assert!(path.is_symlink() && evidence(&account).is_empty());
}

/// Attack: it is given to another account between the answer and the move.
#[test]
fn an_owner_that_changes_meanwhile_is_seen() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let (account, world) = one();
    let path = account.path(".claude/skills/pdf");
    let chown = || std::os::unix::fs::chown(&path, Some(12_345), None).unwrap();
    let stop = enable_over(&world, "pdf", &mut Yes(chown)).unwrap_err();
    assert!(stop.what.contains("12345"), "{}", stop.what);
    assert!(path.join("SKILL.md").exists() && evidence(&account).is_empty());
}

/// Attack: the yes for one original is used for another.
#[test]
fn a_consent_counts_for_what_was_shown_and_in_its_own_folder() {
    let (account, world) = one();
    account.skill(".agents/skills/pdf");
    let claude = Place::Agent(CLAUDE.to_owned());
    let found = enable::in_the_way(&world, "pdf", &claude, None).unwrap().unwrap();
    let agreed = originals::agree(&world, &[found], "", &mut yes()).unwrap().pop().unwrap();
    let codex = Place::Agent("codex".to_owned());
    let stop = enable::enable_over(&world, "pdf", &codex, Some(&agreed)).unwrap_err();
    assert_eq!(stop.code, Code::TargetTaken);
    // Used up: the second time there is something else.
    enable::enable_over(&world, "pdf", &claude, Some(&agreed)).unwrap();
    skill_trust::ops::disable::disable(&world, "pdf", None).unwrap();
    account.skill(".claude/skills/pdf");
    let stop = enable::enable_over(&world, "pdf", &claude, Some(&agreed)).unwrap_err();
    assert!(stop.what.contains("changed"), "{}", stop.what);
    assert_eq!(evidence(&account).len(), 1);
}

/// Attack: an agent is made to type the command.
#[test]
fn under_an_agent_nothing_is_adopted_and_nothing_is_asked() {
    let (account, mut world) = one();
    account.skill(".claude/skills/new");
    world.agent = Some("Claude Code");
    let stop = at(&world, &account.path(".claude/skills/new")).unwrap_err();
    assert_eq!(stop.code, Code::AgentEnvironment);
    let stop = enable_over(&world, "pdf", &mut Yes(|| panic!("asked"))).unwrap_err();
    assert_eq!(stop.code, Code::AgentEnvironment);
    assert!(evidence(&account).is_empty());
    assert!(super::log(&account).lines().any(|line| line.contains("agent-environment")));
}

/// Attack: names that paint over the terminal, break a line of a log, or are
/// no text at all.
#[test]
fn hostile_names_are_named_and_refused_and_reach_nobody() {
    let account = Account::new();
    let names = ["ev\u{1b}[2Kil", "two\nlines", "right\u{202e}left"];
    for name in names {
        account
            .write(&format!(".claude/skills/{name}/SKILL.md"), "---\nname: good\ndescription: x\n---\nB\n");
    }
    let raw = std::os::unix::ffi::OsStrExt::from_bytes(b"bytes\xff");
    let folder = account.path(".claude/skills").join(std::path::Path::new::<std::ffi::OsStr>(raw));
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("SKILL.md"), "---\nname: good\ndescription: x\n---\nB\n").unwrap();
    let world = account.world();
    let done = all(&world);
    assert_eq!(done.skills.len(), 4);
    for one in &done.skills {
        let Outcome::Refused(stop) = &one.outcome else { panic!("{one:?}") };
        assert_eq!(stop.code, Code::SourceRefused, "{stop:?}");
        for text in [&stop.what, &stop.next, &one.skill.name] {
            assert!(!text.chars().any(skill_trust::model::text::is_hidden), "{text:?}");
        }
    }
    let log = super::log(&account);
    assert!(log.is_ascii() || !log.replace('\n', "").chars().any(skill_trust::model::text::is_hidden));
    // A kill moves them all the same.
    let cleared = clear::clear_unmanaged(&world);
    assert!(cleared.left.is_empty() && cleared.moved.len() == 4, "{cleared:?}");
}

/// Attack: the folder is swapped for another while it is adopted, or a path
/// names no skill at all.
#[test]
fn what_is_no_skill_is_refused_with_the_way_on() {
    let account = Account::new();
    account.skill(".claude/skills/pdf");
    fs::write(account.path("file"), "x").unwrap();
    symlink("nowhere", account.path("dead")).unwrap();
    symlink("round", account.path("round")).unwrap();
    for path in [".claude/skills", "file", "dead", "round", "missing"] {
        let stop = at(&account.world(), &account.path(path)).unwrap_err();
        assert_eq!(stop.code, Code::NoSkill, "{path}");
        assert!(stop.next.contains("skills adopt --all"));
    }
    assert!(!account.world().home.exists());
}

/// Attack: a policy that allows certain sources only.
#[test]
fn the_policy_on_sources_holds_for_folders_too() {
    let account = Account::new();
    account.skill(".claude/skills/pdf");
    let mut world = account.world();
    let policy = account.root.path().join("policy.toml");
    fs::write(&policy, "[sources]\nallow = [\"https://github.com/acme/\"]\n").unwrap();
    world.policy_files = vec![policy];
    assert_eq!(outcome(&all(&world), "pdf"), "refused policy-unmet");
}

/// Attack: what a kill holds comes back by being adopted.
#[test]
fn nothing_is_adopted_while_everything_is_held() {
    let (account, world) = one();
    let _ = skill_trust::system::kill::kill_all(&world.home);
    account.skill(".claude/skills/new");
    assert_eq!(outcome(&all(&world), "new"), "refused held-all");
}

/// Attack: a link whose own name paints over the question, to a folder that is
/// adopted like any other.
#[test]
fn a_link_with_a_hostile_name_is_shown_escaped_and_replaced() {
    let account = Account::new();
    account.skill("dot/pdf");
    fs::create_dir_all(account.path(".claude/skills")).unwrap();
    let name = "x\u{1b}[2K\ny";
    symlink("../../dot/pdf", account.path(".claude/skills").join(name)).unwrap();
    let world = account.world();
    all(&world);
    super::trust_adopted(&world);
    let (wanted, left) = originals::adopted(&world).unwrap();
    assert_eq!((wanted.len(), left.len()), (1, 0), "{wanted:?} {left:?}");
    let (skill, place) = (wanted[0].revision.file_name(), &wanted[0].place);
    let found = enable::in_the_way(&world, &skill, place, Some(&wanted[0].path)).unwrap().unwrap();
    let agreed = originals::agree(&world, &[found], "", &mut yes()).unwrap();
    let kept = enable::enable_over(&world, &skill, place, agreed.first()).unwrap().kept.unwrap();
    assert!(kept.at.is_symlink() && !kept.back.chars().any(skill_trust::model::text::is_hidden), "{kept:?}");
    let names: Vec<_> =
        fs::read_dir(account.path(".claude/skills")).unwrap().map(|one| one.unwrap()).collect();
    assert!(names.len() == 1 && names[0].file_name() == "pdf", "{names:?}");
}

/// Attack: the process dies between the move and everything else; the mark
/// tells the next command, once.
#[test]
fn a_move_that_was_cut_short_is_recorded_once_with_its_way_back() {
    let (account, world) = one();
    let path = account.path(".claude/skills/pdf");
    let home = Home::open(&world.home).unwrap();
    let original = skill_trust::system::originals::Original::look(&path).unwrap().unwrap();
    let id = skill_trust::system::originals::fresh_id();
    let moves = vec![(id.clone(), original.path.clone())];
    let mark = skill_trust::system::originals::announce(&home, &moves).unwrap();
    let moved = skill_trust::system::originals::take(Some(&home), &original, &id).unwrap();
    let log = || super::log(&account);
    let before = log().lines().count();
    let open = || drop(Session::open(&world, Depth::All));
    open();
    assert_eq!(log().lines().count(), before, "its process lives");
    drop(mark);
    open();
    open();
    let log = log();
    assert_eq!(log.lines().count(), before + 1);
    let record = log.lines().last().unwrap();
    assert!(record.contains("\"event\":\"recover\"") && record.contains(&moved.back()), "{record}");
    assert!(!path.exists() && moved.at.join("SKILL.md").exists());
}

fn ending(account: &Account) -> Request {
    Request { hand_over: false, export: None, folder: account.path(""), config: false }
}

/// Attack by hurry: the home goes, and with it the only copy of what was promised to be kept.
#[test]
fn attack_an_uninstall_takes_an_original_with_it() {
    let (account, world) = one();
    fs::write(account.path(".claude/skills/pdf/own.md"), "a person's own\n").unwrap();
    let kept = enable_over(&world, "pdf", &mut yes()).unwrap().kept.unwrap();
    let before = digest(&kept.at);
    let plan = uninstall::plan(&world, &ending(&account)).unwrap();
    let left = uninstall::leave(&world, &plan, "", Some(&plan.phrase()), &mut Nobody).unwrap();
    let [saved] = left.originals.as_slice() else { panic!("{left:?}") };
    assert_eq!(digest(saved), before);
    assert!(!world.home.exists() && saved.join("own.md").exists());
}

/// Attack by bad luck: a kill that opened the home before its end was decided
/// moves an original into it while it goes.
#[test]
fn attack_an_original_comes_while_the_home_goes() {
    let (account, world) = one();
    let home = Home::open(&world.home).unwrap();
    leaving::mark(&home, &Decided::default()).unwrap();
    let path = account.path(".claude/skills/pdf");
    let original = moving::Original::look(&path).unwrap().unwrap();
    let moved = moving::take(Some(&home), &original, &moving::fresh_id()).unwrap();
    // Between the moving out and the removing: what is there then is not removed.
    let name = moved.at.file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!(leaving::remove_home(&home).unwrap(), [format!("evidence/{name}")]);
    assert!(moved.at.join("SKILL.md").exists());
    let left = uninstall::resume(&world).unwrap();
    assert!(left.strays.is_empty() && !world.home.exists());
    let [saved] = left.originals.as_slice() else { panic!("{left:?}") };
    assert!(saved.join("SKILL.md").exists());
}

/// Attack: a path of which every byte is written out is longer than a record,
/// and no command that follows can record where the original is.
#[test]
fn attack_a_path_that_does_not_fit_into_a_record() {
    let (account, mut world) = one();
    let deep = ["d".repeat(250), "e".repeat(250), "f".repeat(250)].join("/");
    world.account_home = Some(account.path(&deep));
    let mut folder = account.path(&deep).join(".claude/skills");
    (0..5).for_each(|_| folder.push("\u{1b}".repeat(255)));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("SKILL.md"), "---\nname: far\ndescription: x\n---\n").unwrap();
    let killed = stop::kill_all(&world, None);
    assert!(killed.report.is_held());
    let cleared = clear::clear_unmanaged(&world);
    assert!(cleared.is_done() && cleared.pending.is_none(), "{:?}", cleared.pending);
    let at =
        cleared.moved.iter().find(|one| one.original.path.starts_with(folder.parent().unwrap())).unwrap();
    assert!(super::log(&account).contains(&*at.at.to_string_lossy()));
    // Nor does one that a dead process left stop every command.
    fs::rename(&at.at, &folder).unwrap();
    let home = Home::open(&world.home).unwrap();
    let id = moving::fresh_id();
    let mark = moving::announce(&home, &[(id.clone(), folder.clone())]).unwrap();
    moving::take(Some(&home), &moving::Original::look(&folder).unwrap().unwrap(), &id).unwrap();
    drop(mark);
    drop(Session::open(&world, Depth::All).unwrap());
    assert!(super::log(&account).contains(&format!("original-{id}")));
}

/// Attack by bad luck: a read-only folder, and the command that is said to
/// bring it back does not.
#[test]
fn attack_a_read_only_original_does_not_come_back() {
    let (account, world) = one();
    let path = account.path(".claude/skills/pdf");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o555)).unwrap();
    let before = path.metadata().unwrap();
    let cleared = clear::clear_unmanaged(&world);
    assert!(cleared.is_done() && !path.exists());
    let done = Command::new("bash").args(["-c", &cleared.moved[0].back()]).status().unwrap();
    assert!(done.success(), "{}", cleared.moved[0].back());
    let after = path.metadata().unwrap();
    assert_eq!((after.ino(), after.mode()), (before.ino(), before.mode()));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}
