//! Placements on real files: where one may be made, how it is made and taken
//! away.

use crate::kill_files::yard::{self, Yard, entry, fill, names, skill};
use skill_trust::model::lifecycle::Placement;
use skill_trust::system::placement::{
    self, Collected, PlaceFault, PublishFault, Staged, TargetFault, Trustees, WithdrawFault, check_target,
};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

fn bits(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn made_taken_and_collected() {
    if !yard::as_ordinary_account("placement_files::made_taken_and_collected") {
        return;
    }
    let yard = Yard::new();
    let (mut staged, permit) = yard.stage("pdf");
    assert!(matches!(staged.seal(), Err(PlaceFault::NoCard)));
    fill(&mut staged);
    assert!(matches!(staged.write(&entry("SKILL.md"), false, b"again"), Err(PlaceFault::Io { .. })));
    // Before it is published there is nothing that an agent would load.
    assert_eq!(yard.cards(), [] as [&Path; 0]);
    staged.publish().unwrap();
    let folder = yard.agent.join("pdf");
    assert_eq!(names(&folder), ["SKILL.md", "scripts"]);
    assert_eq!((bits(&folder), bits(&folder.join("scripts"))), (0o555, 0o555));
    assert_eq!((bits(&folder.join("SKILL.md")), bits(&folder.join("scripts/run.sh"))), (0o444, 0o555));
    assert_eq!(names(&yard.agent), ["pdf"]);

    let (aside, faults) = placement::withdraw(&skill("pdf"), &permit.placements[0]);
    assert!(faults.is_empty() && aside.len() == 1, "{faults:?}");
    assert_eq!(yard.cards(), [] as [&Path; 0]);
    let (nothing, faults) = placement::withdraw(&skill("pdf"), &permit.placements[0]);
    assert!(faults.is_empty() && nothing.is_empty(), "{faults:?}");
    assert_eq!(bits(&aside[0]), 0o400);
    let Collected::Moved(name) = placement::collect(&yard.home, &aside[0]) else { panic!() };
    let kept = yard.home.path().join("evidence").join(name);
    assert_eq!(names(&kept), ["SKILL.md.withdrawn", "scripts"]);
    assert!(names(&yard.agent).is_empty());
    assert!(matches!(placement::collect(&yard.home, &aside[0]), Collected::Left(_)));
    assert!(matches!(placement::collect(&yard.home, &kept), Collected::Left(_)));
}

#[test]
fn nothing_is_replaced() {
    let yard = Yard::new();
    std::fs::create_dir_all(yard.agent.join("pdf")).unwrap();
    std::fs::write(yard.agent.join("pdf/SKILL.md"), "theirs").unwrap();
    let (mut staged, _) = yard.stage("pdf");
    fill(&mut staged);
    assert!(matches!(staged.publish(), Err(PublishFault::Occupied(_))));
    assert!(staged.abandon().unwrap().is_some());
    assert_eq!(yard.cards(), [yard.agent.join("pdf/SKILL.md")]);
    assert_eq!(std::fs::read(yard.agent.join("pdf/SKILL.md")).unwrap(), b"theirs");
}

#[test]
fn a_staged_folder_that_was_taken_stays_taken() {
    let yard = Yard::new();
    for replaced in [false, true] {
        let (mut staged, permit) = yard.stage("pdf");
        fill(&mut staged);
        assert_eq!(placement::withdraw(&skill("pdf"), &permit.placements[0]).0.len(), 1);
        if replaced {
            std::fs::create_dir(staged.staged_path()).unwrap();
        }
        assert!(matches!(staged.publish(), Err(PublishFault::Withdrawn)));
        assert!(!yard.agent.join("pdf").exists());
        assert_eq!(yard.cards(), [] as [&Path; 0]);
    }
}

#[test]
fn a_skill_cannot_keep_its_card() {
    let yard = Yard::new();
    let (mut staged, permit) = yard.stage("pdf");
    for path in ["SKILL.md", "SKILL.md.withdrawn/x", "sub/SKILL.md"] {
        staged.write(&entry(path), false, b"x").unwrap();
    }
    staged.seal().unwrap();
    staged.publish().unwrap();
    // A running skill adds another spelling.
    mode(&yard.agent.join("pdf"), 0o755);
    std::fs::write(yard.agent.join("pdf/skill.MD"), "x").unwrap();
    let (aside, faults) = placement::withdraw(&skill("pdf"), &permit.placements[0]);
    assert!(faults.is_empty(), "{faults:?}");
    mode(&aside[0], 0o700);
    let left = names(&aside[0]);
    assert!(left.iter().all(|name| !name.eq_ignore_ascii_case("SKILL.md")), "{left:?}");
    assert_eq!(left.len(), 4);
}

#[test]
fn a_folder_that_cannot_be_moved_is_disarmed_and_said() {
    if !yard::as_ordinary_account("placement_files::a_folder_that_cannot_be_moved_is_disarmed_and_said") {
        return;
    }
    let yard = Yard::new();
    let permit = yard.place("pdf");
    mode(&yard.agent, 0o555);
    let (aside, faults) = placement::withdraw(&skill("pdf"), &permit.placements[0]);
    mode(&yard.agent, 0o755);
    assert!(aside.is_empty());
    assert!(matches!(&faults[..], [WithdrawFault::Incomplete { live: false, .. }]), "{faults:?}");
    let folder = yard.agent.join("pdf");
    assert_eq!(bits(&folder), 0o400);
    mode(&folder, 0o700);
    assert_eq!(names(&folder), ["SKILL.md.withdrawn", "scripts"]);
    assert_eq!(yard.cards(), [] as [&Path; 0]);
}

#[test]
fn a_path_of_another_name_is_not_touched() {
    let yard = Yard::new();
    let permit = yard.place("pdf");
    let forged = Placement { path: permit.placements[0].path.clone(), ..permit.placements[0].clone() };
    let (aside, faults) = placement::withdraw(&skill("docx"), &forged);
    assert!(aside.is_empty() && faults.len() == 2);
    assert!(faults.iter().all(|fault| matches!(fault, WithdrawFault::Foreign { .. })));
    assert_eq!(yard.cards().len(), 1);
}

/// A folder of ours that nobody else can reach into.
fn ground() -> (tempfile::TempDir, std::path::PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let real = std::fs::canonicalize(root.path()).unwrap();
    (root, real)
}

fn check(dir: &Path) -> Result<placement::Target, TargetFault> {
    check_target(dir, &skill("pdf"), Trustees::ours())
}

#[test]
fn targets_that_others_can_reach_into() {
    let (_root, real) = ground();
    let deep = real.join("a/b/c");
    std::fs::create_dir_all(&deep).unwrap();
    assert_eq!(check(&deep).unwrap().path(), deep.join("pdf").to_str().unwrap());
    for part in ["a", "a/b", "a/b/c"] {
        for bad in [0o777, 0o775, 0o757] {
            mode(&real.join(part), bad);
            let fault = check(&deep).unwrap_err();
            assert!(
                matches!(&fault, TargetFault::Unsafe { path, .. } if *path == real.join(part)),
                "{fault}"
            );
        }
        mode(&real.join(part), 0o1777);
        check(&deep).unwrap();
        mode(&real.join(part), 0o755);
    }
    use std::os::unix::fs::MetadataExt as _;
    mode(&deep, 0o775);
    let private_group = Some(deep.metadata().unwrap().gid());
    check_target(&deep, &skill("pdf"), Trustees { private_group, ..Trustees::ours() }).unwrap();
    if yard::is_root() {
        // Sticky, but the entry on the way is another account's.
        mode(&real.join("a"), 0o1777);
        std::os::unix::fs::chown(real.join("a/b"), Some(65534), None).unwrap();
        assert!(matches!(check(&deep), Err(TargetFault::Unsafe { owner: 65534, .. })));
    }
}

#[test]
fn links_are_resolved_once_and_checked() {
    let (_root, real) = ground();
    std::fs::create_dir_all(real.join("dotfiles/skills")).unwrap();
    std::fs::create_dir(real.join("agent")).unwrap();
    symlink("../dotfiles/skills", real.join("agent/skills")).unwrap();
    let target = check(&real.join("agent/skills")).unwrap();
    assert!(target.is_linked());
    assert_eq!(Path::new(&target.folder()), real.join("dotfiles/skills"));
    // A folder that the link leads through.
    mode(&real.join("dotfiles"), 0o777);
    assert!(matches!(check(&real.join("agent/skills")), Err(TargetFault::Unsafe { .. })));
    mode(&real.join("dotfiles"), 0o755);
    // A folder that holds the link.
    mode(&real.join("agent"), 0o777);
    assert!(matches!(check(&real.join("agent/skills")), Err(TargetFault::Unsafe { .. })));
    symlink("loop", real.join("loop")).unwrap();
    assert!(matches!(check(&real.join("loop/x")), Err(TargetFault::Links(_))));
    std::fs::write(real.join("file"), "x").unwrap();
    assert!(matches!(check(&real.join("file")), Err(TargetFault::NotAFolder(_))));
}

#[test]
fn paths_that_do_not_show_are_refused() {
    use std::os::unix::ffi::OsStrExt as _;
    let (_root, real) = ground();
    for bad in [b"a\nb".as_slice(), b"a\xff", "a\u{202e}b".as_bytes(), b"a\x1b[0m"] {
        let fault = check(&real.join(std::ffi::OsStr::from_bytes(bad))).unwrap_err();
        assert!(matches!(fault, TargetFault::Hidden(_)), "{fault}");
    }
    std::fs::create_dir(real.join("x\u{202e}")).unwrap();
    symlink("x\u{202e}", real.join("plain")).unwrap();
    assert!(matches!(check(&real.join("plain")), Err(TargetFault::Hidden(_))));
    assert!(matches!(check(Path::new("a/b")), Err(TargetFault::NotPlain(_))));
    assert!(matches!(check(&real.join("none/../x")), Err(TargetFault::NotPlain(_))));
}

#[test]
fn missing_folders_are_made_one_by_one() {
    let (_root, real) = ground();
    let target = check(&real.join("a/b")).unwrap();
    assert_eq!(target.missing(), ["a", "b"]);
    assert!(!real.join("a").exists());
    let id = placement::fresh_id();
    assert!(matches!(Staged::begin(&target, "../x"), Err(PlaceFault::BadId(_))));
    let staged = Staged::begin(&target, &id).unwrap();
    assert_eq!((bits(&real.join("a")), bits(&real.join("a/b"))), (0o755, 0o755));
    assert!(placement::is_staged_name(&skill("pdf"), &names(&real.join("a/b"))[0]));
    staged.abandon().unwrap();
    // Somebody was faster, with a folder that is open to all.
    let target = check(&real.join("c/d")).unwrap();
    std::fs::create_dir(real.join("c")).unwrap();
    mode(&real.join("c"), 0o777);
    assert!(matches!(Staged::begin(&target, &id), Err(PlaceFault::Target(TargetFault::Unsafe { .. }))));
    // The folder was changed for another.
    std::fs::create_dir(real.join("e")).unwrap();
    let target = check(&real.join("e")).unwrap();
    std::fs::create_dir(real.join("f")).unwrap();
    std::fs::rename(real.join("f"), real.join("e")).unwrap();
    assert!(matches!(Staged::begin(&target, &id), Err(PlaceFault::Target(TargetFault::Changed(_)))));
}

#[test]
fn in_a_work_tree_only_where_git_ignores_it() {
    let (_root, real) = ground();
    yard::run("git", &["init", "-q", real.to_str().unwrap()]);
    let folder = real.join(".claude/skills");
    let Err(TargetFault::InWorkTree { root, exclude_line, exclude_file }) = check(&folder) else { panic!() };
    assert_eq!((root, exclude_line.as_str()), (real.clone(), "/.claude/skills/pdf/"));
    std::fs::create_dir_all(folder.join("pdf")).unwrap();
    std::fs::write(folder.join("pdf/SKILL.md"), "x").unwrap();
    assert!(!git_ignores(&real));
    std::fs::write(&exclude_file, format!("{exclude_line}\n")).unwrap();
    check(&folder).unwrap();
    // git means the same.
    assert!(git_ignores(&real));
    std::fs::write(real.join(".gitignore"), "!.claude/skills/pdf/\n").unwrap();
    assert!(matches!(check(&folder), Err(TargetFault::InWorkTree { .. })));
    assert!(!git_ignores(&real));
}

fn git_ignores(root: &Path) -> bool {
    std::process::Command::new("git")
        .args(["-C", root.to_str().unwrap(), "check-ignore", "-q", ".claude/skills/pdf/SKILL.md"])
        .status()
        .unwrap()
        .success()
}
