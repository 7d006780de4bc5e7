//! `kill --unmanaged`: what nobody manages is moved aside, never followed and
//! never deleted, and what stays live is said.

use super::{PROGRAM, all, as_person, evidence, log, program};
use crate::unmanaged::Account;
use skill_trust::ops::clear;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;
use std::process::Command;

/// Runs a command that was printed, as a person pastes it.
fn paste(command: &str) {
    let done = Command::new("bash").args(["-c", command]).output().unwrap();
    assert!(done.status.success(), "{command}: {}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn everything_goes_links_as_links_and_comes_back_by_the_printed_commands() {
    let account = Account::new();
    account.skill(".claude/skills/plain");
    account.skill(".claude/skills/group/inner");
    account.skill("work/own/deep");
    account.skill("dot/linked");
    symlink("../../work/own", account.path(".claude/skills/collection")).unwrap();
    symlink("../../dot/linked", account.path(".claude/skills/linked")).unwrap();
    // Another agent reaches the first by a link of its own, which sorts before it.
    fs::create_dir_all(account.path(".agents/skills")).unwrap();
    symlink("../../.claude/skills/plain", account.path(".agents/skills/plain")).unwrap();
    account.skill(".claude/skills/ev\u{1b}[2Kil");
    let world = account.world();
    all(&world);
    let before = crate::unmanaged::everything(&account.path("dot"));
    let own = account.path("work/own/deep").metadata().unwrap().ino();
    let inner = account.path(".claude/skills/group/inner").metadata().unwrap().ino();

    let cleared = clear::clear_unmanaged(&world);
    assert!(cleared.left.is_empty() && cleared.pending.is_none() && !cleared.cut, "{cleared:#?}");
    let from: Vec<_> = cleared.moved.iter().map(|one| one.original.path.clone()).collect();
    assert_eq!(from.len(), 6, "{from:?}");
    assert!(clear::still_live(&world).is_empty());
    // Nothing behind a link was touched.
    assert_eq!(account.path("work/own/deep").metadata().unwrap().ino(), own);
    assert!(crate::unmanaged::everything(&account.path("dot")) == before);
    assert_eq!(evidence(&account).len(), 6);
    for one in &cleared.moved {
        assert!(log(&account).contains(&*one.at.to_string_lossy()), "{one:?}");
        assert!(!one.back().chars().any(skill_trust::model::text::is_hidden), "{}", one.back());
    }
    // Again: nothing to do, nothing recorded.
    let lines = log(&account).lines().count();
    assert!(clear::clear_unmanaged(&world).moved.is_empty() && log(&account).lines().count() == lines);
    for one in &cleared.moved {
        paste(&one.back());
    }
    assert_eq!(account.path(".claude/skills/group/inner").metadata().unwrap().ino(), inner);
    assert_eq!(fs::read_link(account.path(".claude/skills/linked")).unwrap(), Path::new("../../dot/linked"));
    assert_eq!(clear::still_live(&world).len(), 6);
}

#[test]
fn it_needs_no_home_and_no_ledger() {
    let account = Account::new();
    account.skill(".claude/skills/plain");
    account.skill("dot/linked");
    symlink("../../dot/linked", account.path(".claude/skills/linked")).unwrap();
    let world = account.world();
    let cleared = clear::clear_unmanaged(&world);
    assert!(cleared.left.is_empty() && cleared.moved.len() == 2, "{cleared:#?}");
    // It lies beside its place, closed, and no agent finds a card in it.
    let beside = cleared.moved.iter().find(|one| one.original.path.ends_with("plain")).unwrap();
    assert_eq!(beside.at.metadata().unwrap().mode() & 0o7777, 0o400);
    assert!(cleared.pending.is_some() && clear::still_live(&world).is_empty());
    assert!(!world.home.exists());
    for one in &cleared.moved {
        paste(&one.back());
    }
    assert_eq!(fs::read_link(account.path(".claude/skills/linked")).unwrap(), Path::new("../../dot/linked"));
    assert!(account.path(".claude/skills/plain/SKILL.md").exists());
    // A damaged ledger stops nothing either; it is recorded nowhere, and said.
    all(&world);
    fs::write(world.home.join("ledger.db"), "not a database").unwrap();
    let cleared = clear::clear_unmanaged(&world);
    assert!(cleared.left.is_empty() && cleared.moved.len() == 2 && cleared.pending.is_some());
    let mark = fs::read_dir(&world.home).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(mark.filter(|name| name.to_string_lossy().starts_with("aside.")).count(), 1, "for recovery");
}

/// The agent's folder is on another file system than the home.
#[test]
fn on_another_file_system_it_stays_beside_its_place_closed() {
    let account = Account::new();
    account.skill(".claude/skills/plain");
    account.skill("dot/linked");
    symlink(account.path("dot/linked"), account.path(".claude/skills/linked")).unwrap();
    let mut world = account.world();
    let Ok(memory) = tempfile::tempdir_in("/dev/shm") else { return };
    if memory.path().metadata().unwrap().dev() == account.root.path().metadata().unwrap().dev() {
        eprintln!("NOT RUN: one file system for both");
        return;
    }
    world.home = memory.path().canonicalize().unwrap().join("home");
    all(&world);
    let cleared = clear::clear_unmanaged(&world);
    assert!(cleared.left.is_empty() && cleared.pending.is_none(), "{cleared:#?}");
    for one in &cleared.moved {
        assert_eq!(one.beside, one.original.path.ends_with("plain"), "{one:?}");
    }
    assert!(clear::still_live(&world).is_empty());
    for one in &cleared.moved {
        paste(&one.back());
    }
    assert_eq!(clear::still_live(&world).len(), 2);
}

/// The real command, on a read-only folder: loud, exit code 1, and the rest is
/// moved all the same.
#[test]
fn what_cannot_be_moved_is_said_loudly_and_the_exit_code_tells() {
    let account = Account::new();
    account.skill(".claude/skills/stuck");
    account.skill(".agents/skills/loose");
    all(&account.world());
    let folder = account.path(".claude/skills");
    let script = "mount --bind \"$0\" \"$0\" && mount -o remount,ro,bind \"$0\" && shift 0 && exec \"$@\"";
    let folder = folder.to_str().unwrap();
    let command = ["sh", "-c", script, folder, PROGRAM, "kill", "--all", "--unmanaged"];
    let Some(output) = as_person(&account, &command) else { return };
    let (said, loud) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{said}{loud}");
    assert!(said.contains("KILLED  everything") && !loud.contains("NOT KILLED"), "{said}{loud}");
    assert!(loud.contains("STILL LIVE:") && loud.contains("skills/stuck"), "{loud}");
    assert!(said.contains("back with  mv ") && !account.path(".agents/skills/loose").exists(), "{said}");
    assert!(account.path(".claude/skills/stuck/SKILL.md").exists());
    // Where it can be written again, the same command does the rest.
    let again = program(&account, &["kill", "--all", "--unmanaged", "--json"]).unwrap();
    let document: serde_json::Value = serde_json::from_slice(&again.stdout).unwrap();
    assert!(again.status.success(), "{document}");
    assert_eq!(document["unmanaged"]["moved"].as_array().unwrap().len(), 1, "{document}");
    assert_eq!(document["still_live"], serde_json::json!([]), "{document}");
}

#[test]
fn a_dry_run_names_all_of_it_and_moves_nothing() {
    let account = Account::new();
    account.skill(".claude/skills/plain");
    let before = crate::unmanaged::everything(&account.path(".claude"));
    let command = [PROGRAM, "kill", "--all", "--unmanaged", "--dry-run"];
    let Some(output) = as_person(&account, &command) else { return };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("would move aside"), "{said}");
    assert!(crate::unmanaged::everything(&account.path(".claude")) == before);
    assert!(!account.world().home.exists());
}

/// One search for one question: what `status` finds in depth, a kill names too.
#[test]
fn a_kill_names_what_lies_as_deep_as_agents_look() {
    let account = Account::new();
    account.skill(".claude/skills/1/2/3/4/deep");
    account.skill(".claude/skills/1/2/3/4/5/too-deep");
    let live = clear::still_live(&account.world());
    assert_eq!(live.len(), 1, "{live:?}");
    assert!(live[0].ends_with("/deep"));
}
