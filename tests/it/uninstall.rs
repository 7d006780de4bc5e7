//! The end of a home: nothing is left live that the gate denies, nothing is
//! removed that is not ours, and the log outlives it.

use crate::support::pty::Pty;
use crate::support::sandbox::{PROGRAM, Sandbox, Story, chmod, tamper};
use skill_trust::model::code::Code;
use skill_trust::model::digest::Digest;
use skill_trust::model::time::Timestamp;
use skill_trust::ops::uninstall::{self, Request};
use skill_trust::ops::{Nobody, World, audit};
use skill_trust::system::clock::Clock;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;
use std::process::Command;

/// `notes` in `a/`, `pdf` in `a/` and `b/`, `plain` trusted.
fn three() -> (Sandbox, Digest) {
    let sandbox = Sandbox::new();
    for name in ["notes", "pdf", "plain"] {
        sandbox.trusted(&sandbox.skill(name).program("run.sh", "echo\n").make(), name);
    }
    for (skill, folder) in [("notes", "a"), ("pdf", "a"), ("pdf", "b")] {
        sandbox.run(&["enable", skill, "--dir", &sandbox.arg(folder)]).ok();
    }
    let digest = sandbox.digest(&sandbox.at("a/pdf"));
    (sandbox, digest)
}

const REMOVE: &str = "remove 3 skills";
const OVER: &str = "hand over 2 of 3 skills";

fn mode(path: &Path) -> u32 {
    path.symlink_metadata().unwrap().mode() & 0o7777
}

/// The exported log, checked by the program that was written from its page alone.
fn checked(log: &Path) -> String {
    let checker = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checker/audit_check.py");
    let done = Command::new("python3").arg("-I").arg(checker).arg(log).output().unwrap();
    assert!(
        done.status.success(),
        "{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
    fs::read_to_string(log).unwrap()
}

#[test]
fn removing_takes_every_copy_away_and_leaves_the_log() {
    let (sandbox, _) = three();
    let log = sandbox.at("work/log.jsonl");
    let mut story = Story::of(&sandbox);
    let told = sandbox.run(&["uninstall", "--remove", "--dry-run", "--json"]).ok().json();
    assert_eq!(told["phrase"], REMOVE);
    let fates: Vec<_> =
        told["skills"].as_array().unwrap().iter().map(|skill| skill["fate"].as_str().unwrap()).collect();
    assert_eq!(fates, ["taken-away", "taken-away", "removed"]);
    story.unchanged();
    let args = ["uninstall", "--remove", "--phrase", REMOVE, "--export", log.to_str().unwrap()];
    sandbox.run(&args).ok().says("uninstalled");
    assert!(!sandbox.home().exists());
    for folder in ["a", "b"] {
        assert_eq!(fs::read_dir(sandbox.at(folder)).unwrap().count(), 0, "{folder}");
    }
    let text = checked(&log);
    assert_eq!(text.matches("\"event\":\"disable\"").count(), 2);
    assert!(text.lines().last().unwrap().contains("\"event\":\"uninstall\""), "{text}");
    assert_eq!(mode(&log), 0o600);
    // Nothing is left to remember: a new home begins anew.
    sandbox.run(&["gate", "pdf"]).code(3).says("home-missing");
    sandbox.run(&["uninstall", "--remove"]).code(3).says("nothing to uninstall");
    sandbox.run(&["install", &sandbox.arg("sources/pdf")]).ok();
    sandbox.run(&["gate", "pdf"]).code(3).says("not-trusted");
}

#[test]
fn what_is_handed_over_is_an_ordinary_folder_with_nothing_of_ours() {
    let (sandbox, digest) = three();
    let log = sandbox.at("work/log.jsonl");
    sandbox.run(&["uninstall", "--hand-over", "--phrase", OVER, "--export", log.to_str().unwrap()]).ok();
    assert!(!sandbox.home().exists());
    for copy in ["a/pdf", "b/pdf", "a/notes"] {
        let copy = sandbox.at(copy);
        assert_eq!(
            (mode(&copy), mode(&copy.join("SKILL.md")), mode(&copy.join("run.sh"))),
            (0o755, 0o644, 0o755)
        );
        let mut names: Vec<_> =
            fs::read_dir(&copy).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["SKILL.md", "run.sh"]);
    }
    assert_eq!(sandbox.digest(&sandbox.at("a/pdf")), digest);
    assert_eq!(fs::read_dir(sandbox.at("a")).unwrap().count(), 2, "nothing beside them");
    let text = checked(&log);
    assert_eq!(text.matches("handed over: its copies").count(), 2, "{text}");
}

#[test]
fn only_the_phrase_typed_by_a_person_does_it() {
    let (sandbox, _) = three();
    let mut story = Story::of(&sandbox);
    let home = sandbox.arg("home");
    for typed in ["\r", "y\r", "remove 2 skills\r", "remove 3 skills \r", "\u{3}"] {
        let args = ["--home", home.as_str(), "uninstall", "--remove"];
        let mut pty =
            Pty::start(Path::new(PROGRAM), &args, &[("TERM", "dumb")], &sandbox.at("work"), (40, 200));
        let shown = pty.wait_for("Type `remove 3 skills` to do it: ");
        assert!(shown.contains("taken away") && shown.contains("exported first to"), "{shown}");
        pty.send(typed);
        assert_eq!(pty.finish().1, 1, "{typed:?}");
        story.changed("> uninstall refused [declined]");
    }
    sandbox.run(&["uninstall", "--remove", "--phrase", OVER]).code(1).says("the phrase is");
    sandbox
        .feed(b"remove 3 skills\n", &["uninstall", "--remove"])
        .code(4)
        .says("--phrase \"remove 3 skills\"");
    for how in ["--remove", "--hand-over"] {
        let phrase = if how == "--remove" { REMOVE } else { OVER };
        sandbox.run_in(&[("CLAUDECODE", "1")], &["uninstall", how, "--phrase", phrase]).code(4).says("agent");
    }
    sandbox.run(&["uninstall"]).code(2);
    sandbox.run(&["uninstall", "--remove", "--hand-over"]).code(2);
    sandbox.run(&["gate", "--all"]).ok();
    assert_eq!(fs::read_dir(sandbox.at("work")).unwrap().count(), 0, "no log was left by a refusal");
    let args = ["--home", home.as_str(), "uninstall", "--remove"];
    let mut pty = Pty::start(Path::new(PROGRAM), &args, &[("TERM", "dumb")], &sandbox.at("work"), (40, 200));
    pty.wait_for("to do it: ");
    pty.send("remove 3 skills\r");
    let (shown, code) = pty.finish();
    assert_eq!(code, 0, "{shown}");
    assert!(!sandbox.home().exists());
    let log = fs::read_dir(sandbox.at("work")).unwrap().next().unwrap().unwrap().path();
    checked(&log);
}

#[test]
fn under_a_kill_nothing_is_handed_over_and_removing_goes_on() {
    let (sandbox, _) = three();
    sandbox.run(&["kill", "--all"]).ok();
    let over = sandbox.run(&["uninstall", "--hand-over", "--phrase", OVER]);
    over.code(6).says("skills uninstall --remove");
    sandbox.run(&["uninstall", "--remove", "--phrase", REMOVE]).ok();
    assert!(!sandbox.home().exists() && !sandbox.at("a/pdf").exists());
    // One that is held alone is not handed over; the others are.
    let (sandbox, _) = three();
    let source = sandbox.arg("sources/notes");
    sandbox.run(&["kill", "--source", &source]).ok();
    sandbox.run(&["uninstall", "--hand-over", "--phrase", "hand over 1 of 3 skills"]).ok();
    assert!(sandbox.at("a/pdf").exists() && !sandbox.at("a/notes").exists());
}

/// Attack: a copy that was changed is left live because nobody looked again.
#[test]
fn what_the_gate_denies_is_taken_away_and_not_handed_over() {
    let (sandbox, _) = three();
    tamper(&sandbox.at("b/pdf/SKILL.md"));
    let log = sandbox.at("work/log.jsonl");
    let told =
        sandbox.run(&["uninstall", "--hand-over", "--dry-run"]).ok().says("not handed over").says("drift");
    assert!(told.0.stdout.contains("handed over  notes@"), "{told:?}");
    let args = [
        "uninstall",
        "--hand-over",
        "--phrase",
        "hand over 1 of 3 skills",
        "--export",
        log.to_str().unwrap(),
    ];
    sandbox.run(&args).ok();
    assert!(sandbox.at("a/notes/SKILL.md").exists());
    assert!(!sandbox.at("a/pdf").exists() && !sandbox.at("b/pdf").exists());
    assert!(checked(&log).contains("\"event\":\"drift\""));
}

/// Attack: the copy changes while the phrase is being typed.
#[test]
fn a_copy_that_changes_while_the_question_is_open_stops_it() {
    let (sandbox, _) = three();
    let home = sandbox.arg("home");
    let args = ["--home", home.as_str(), "uninstall", "--hand-over"];
    let mut pty = Pty::start(Path::new(PROGRAM), &args, &[("TERM", "dumb")], &sandbox.at("work"), (40, 200));
    pty.wait_for("to do it: ");
    tamper(&sandbox.at("a/pdf/SKILL.md"));
    pty.send("hand over 2 of 3 skills\r");
    let (shown, code) = pty.finish();
    assert_eq!(code, 1, "{shown}");
    assert!(shown.contains("something changed after this was shown"), "{shown}");
    sandbox.run(&["gate", "notes"]).ok();
    sandbox.run(&["gate", "pdf"]).code(5);
}

/// Marks a home as an uninstall does that is cut short after its mark.
fn half(sandbox: &Sandbox, over: &[(&str, &Digest)]) {
    let mut text = "skill-trust uninstall 1\nconfig keep\n".to_owned();
    for (path, digest) in over {
        let name = path.rsplit('/').next().unwrap();
        let folder = sandbox.at(path);
        let staged = folder.with_file_name(format!(".{name}.skill-trust-0123456789abcdef0123456789abcdef"));
        text += &format!(
            "over {name}@{}\nstaged {}\nfinal {}\n",
            digest.hex(),
            staged.display(),
            folder.display()
        );
    }
    let mark = sandbox.home().join("uninstalling");
    fs::write(&mark, text + "end\n").unwrap();
    chmod(&mark, 0o600);
}

#[test]
fn a_half_removed_home_allows_nothing_and_is_gone_on_with() {
    let (sandbox, digest) = three();
    half(&sandbox, &[("a/pdf", &digest), ("b/pdf", &digest)]);
    for args in [
        &["gate", "notes"][..],
        &["gate", "--all"],
        &["install", &sandbox.arg("sources/pdf")],
        &["enable", "plain", "--dir", "a"],
        &["verify"],
        &["audit", "verify"],
    ] {
        let ran = sandbox.run(args);
        assert!(
            ran.code != 0 && (ran.stdout.contains("uninstall") || ran.stderr.contains("uninstall")),
            "{args:?}: {ran:?}"
        );
    }
    sandbox.run(&["status"]).code(7).says("skills uninstall");
    sandbox.run(&["uninstall", "--remove", "--dry-run"]).ok().says("was begun");
    sandbox.run_in(&[("CLAUDECODE", "1")], &["uninstall"]).code(4);
    assert!(sandbox.home().exists());
    sandbox.run(&["uninstall"]).ok().says("going on");
    assert!(!sandbox.home().exists());
    assert_eq!((mode(&sandbox.at("a/pdf")), mode(&sandbox.at("b/pdf/SKILL.md"))), (0o755, 0o644));
    // What the mark does not name is not left live either.
    assert!(!sandbox.at("a/notes").exists());
}

/// Attack: between the mark and going on, a copy is changed, or killed, or
/// replaced. It is not handed over.
#[test]
fn going_on_hands_over_only_what_is_still_what_was_verified() {
    let cut = || {
        let (sandbox, digest) = three();
        // `notes` is placed too, and was withdrawn before the mark, as it would be.
        sandbox.run(&["disable", "notes"]).ok();
        half(&sandbox, &[("a/pdf", &digest), ("b/pdf", &digest)]);
        (sandbox, digest)
    };
    let (sandbox, _) = cut();
    tamper(&sandbox.at("a/pdf/run.sh"));
    sandbox.run(&["uninstall"]).code(1).says("was changed or gone; taken away");
    assert!(
        !sandbox.at("a/pdf").exists() && sandbox.at("b/pdf/SKILL.md").exists() && !sandbox.home().exists()
    );

    let (sandbox, _) = cut();
    assert!(sandbox.run(&["kill", "--all"]).stdout.contains("KILLED"));
    sandbox.run(&["uninstall"]).code(1);
    assert!(!sandbox.at("a/pdf").exists() && !sandbox.at("b/pdf").exists() && !sandbox.home().exists());

    // A narrow kill that was itself cut short after it took the permit.
    let (sandbox, digest) = cut();
    let permit = sandbox.home().join(format!("permits/pdf@{}", digest.hex()));
    fs::rename(&permit, permit.with_file_name(format!("pdf@{}.killed", digest.hex()))).unwrap();
    sandbox.run(&["uninstall"]).code(1);
    assert!(!sandbox.at("a/pdf").exists() && !sandbox.at("b/pdf").exists());

    // A link in its place is not followed, and what it leads to stays as it is.
    let (sandbox, _) = cut();
    let away = sandbox.at("work/away");
    chmod(&sandbox.at("a/pdf"), 0o755);
    fs::rename(sandbox.at("a/pdf"), &away).unwrap();
    symlink(&away, sandbox.at("a/pdf")).unwrap();
    sandbox.run(&["uninstall"]).code(1);
    assert_eq!(mode(&away.join("SKILL.md")), 0o444);
    assert!(sandbox.at("a/pdf").symlink_metadata().unwrap().file_type().is_symlink());
}

#[test]
fn a_mark_that_is_not_ours_is_no_decision() {
    for text in ["", "rubbish\n", "skill-trust uninstall 1\nconfig keep\n"] {
        let (sandbox, _) = three();
        let mark = sandbox.home().join("uninstalling");
        fs::write(&mark, text).unwrap();
        chmod(&mark, 0o600);
        sandbox.run(&["uninstall", "--remove", "--phrase", REMOVE]).code(7).says("half-removed");
        sandbox.run(&["gate", "pdf"]).code(7);
        fs::remove_file(&mark).unwrap();
        sandbox.run(&["gate", "pdf"]).ok();
    }
}

/// Attack by bad luck: a person kept something in the home. It is theirs.
#[test]
fn strays_are_told_and_kept() {
    for stray in ["mine.txt", "permits/mine", "store/mine", "evidence/mine", "trust-roots/mine", "audit/mine"]
    {
        let (sandbox, _) = three();
        let file = sandbox.home().join(stray);
        fs::write(&file, "mine\n").unwrap();
        let mut story = Story::of(&sandbox);
        sandbox
            .run(&["uninstall", "--remove", "--phrase", REMOVE])
            .code(3)
            .says("what is not ours")
            .says("mine");
        story.unchanged();
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine\n", "{stray}");
        fs::remove_file(&file).unwrap();
        sandbox.run(&["uninstall", "--remove", "--phrase", REMOVE]).ok();
    }
    // One that came after the mark keeps the home, and the mark.
    let (sandbox, _) = three();
    for skill in ["notes", "pdf"] {
        sandbox.run(&["disable", skill]).ok();
    }
    half(&sandbox, &[]);
    let file = sandbox.home().join("mine.txt");
    fs::write(&file, "mine\n").unwrap();
    sandbox.run(&["uninstall"]).code(1).says("NOT FINISHED").says("mine.txt");
    sandbox.run(&["gate", "pdf"]).code(7);
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine\n");
    fs::remove_file(&file).unwrap();
    sandbox.run(&["uninstall"]).ok();
    assert!(!sandbox.home().exists());
}

/// Attack: links in the home that lead to what is the person's.
#[test]
fn no_link_is_followed_out_of_the_home() {
    let (sandbox, _) = three();
    let mine = sandbox.at("work/mine");
    fs::create_dir(&mine).unwrap();
    fs::write(mine.join("file"), "mine\n").unwrap();
    for skill in ["notes", "pdf"] {
        sandbox.run(&["disable", skill]).ok();
    }
    for name in ["trust-roots", "staging"] {
        fs::remove_dir(sandbox.home().join(name)).unwrap();
        symlink(&mine, sandbox.home().join(name)).unwrap();
    }
    symlink(&mine, sandbox.home().join("evidence/store-link")).unwrap();
    half(&sandbox, &[]);
    sandbox.run(&["uninstall"]).ok();
    assert!(!sandbox.home().exists());
    assert_eq!(fs::read_to_string(mine.join("file")).unwrap(), "mine\n");
}

#[test]
fn the_log_goes_where_nothing_is_and_nothing_goes() {
    let (sandbox, _) = three();
    let there = sandbox.at("work/there");
    fs::write(&there, "mine\n").unwrap();
    symlink("/etc/nowhere", sandbox.at("work/link")).unwrap();
    let mut story = Story::of(&sandbox);
    for (to, says) in [
        (sandbox.arg("work/there"), "nothing is written over"),
        (sandbox.arg("work/link"), "nothing is written over"),
        (sandbox.arg("home/log.jsonl"), "lies in what is removed"),
        (sandbox.arg("home/audit/log.jsonl"), "lies in what is removed"),
        (sandbox.arg("nowhere/log.jsonl"), "no such folder"),
    ] {
        sandbox.run(&["uninstall", "--remove", "--phrase", REMOVE, "--export", &to]).code(2).says(says);
    }
    story.unchanged();
    assert_eq!(fs::read_to_string(&there).unwrap(), "mine\n");
    // A log that was changed is no log to export: nothing goes.
    let log = sandbox.home().join("audit/audit.jsonl");
    let text = fs::read_to_string(&log).unwrap();
    fs::write(&log, text.replacen("notes", "nodes", 1)).unwrap();
    sandbox.run(&["uninstall", "--remove", "--phrase", REMOVE]).code(7);
    assert!(sandbox.home().exists() && sandbox.at("a/pdf").exists());
}

/// A world whose configuration is the sandbox's own.
fn world(sandbox: &Sandbox) -> World {
    let now = Clock::System.now();
    World { config: Some(sandbox.at("work/config")), ..sandbox.world(Timestamp::from_unix(now.unix())) }
}

#[test]
fn keys_and_policy_stay_unless_they_are_named() {
    for config in [false, true] {
        let (sandbox, _) = three();
        let world = world(&sandbox);
        fs::create_dir(sandbox.at("work/config")).unwrap();
        chmod(&sandbox.at("work/config"), 0o700);
        audit::checkpoint(&world).unwrap();
        fs::write(sandbox.at("work/config/policy.toml"), "").unwrap();
        fs::write(sandbox.at("work/config/mine"), "mine\n").unwrap();
        let request = Request { hand_over: false, export: None, folder: sandbox.at("b"), config };
        let plan = uninstall::plan(&world, &request).unwrap();
        let inside = Request { folder: sandbox.at("work/config"), ..request.clone() };
        assert_eq!(
            uninstall::plan(&world, &inside).is_err(),
            config,
            "the log is not written into what goes"
        );
        let left = uninstall::leave(&world, &plan, "", Some(REMOVE), &mut Nobody).unwrap();
        assert!(!sandbox.home().exists());
        assert_eq!(left.config_left, if config { vec!["mine"] } else { Vec::new() });
        assert_eq!(sandbox.at("work/config/keys/checkpoint.key").exists(), !config);
        assert_eq!(sandbox.at("work/config/policy.toml").exists(), !config);
        assert!(sandbox.at("work/config/mine").exists());
    }
}

#[test]
fn a_home_in_which_nothing_was_recorded_goes_too() {
    let sandbox = Sandbox::new();
    sandbox.run(&["kill", "--all"]).code(1);
    fs::create_dir(sandbox.home()).unwrap();
    chmod(&sandbox.home(), 0o700);
    assert_eq!(sandbox.run(&["kill", "--all"]).code, 1);
    sandbox.run(&["uninstall", "--remove"]).code(4).says("remove 0 skills");
    // Attack by bad luck: it becomes a whole home between the showing and the yes.
    let (other, now) = (Sandbox::new(), world(&sandbox));
    fs::create_dir(other.home()).unwrap();
    chmod(&other.home(), 0o700);
    let asked = Request { hand_over: false, export: None, folder: other.at("work"), config: false };
    let theirs = World { home: other.home(), ..now };
    let plan = uninstall::plan(&theirs, &asked).unwrap();
    other.run(&["install", other.skill("pdf").make().to_str().unwrap()]).ok();
    let stop = uninstall::leave(&theirs, &plan, "", Some("remove 0 skills"), &mut Nobody).unwrap_err();
    assert_eq!(stop.code, Code::Declined);
    other.run(&["verify"]).ok();
    sandbox.run(&["uninstall", "--remove", "--phrase", "remove 0 skills"]).ok();
    assert!(!sandbox.home().exists());
    let world = world(&sandbox);
    let request = Request { hand_over: true, export: None, folder: sandbox.at("work"), config: false };
    assert_eq!(uninstall::plan(&world, &request).unwrap_err().code, Code::HomeMissing);
}

/// Attack: so many copies that the mark cannot name them, which is found out
/// when the log has told of a hand-over already.
#[test]
fn attack_more_copies_than_a_mark_can_name() {
    let sandbox = Sandbox::new();
    let mut folder = sandbox.at("far");
    (0..12).for_each(|_| folder.push("n".repeat(240)));
    for place in ["1", "2"] {
        fs::create_dir_all(folder.join(place)).unwrap();
    }
    for name in ["one", "two", "three", "four", "five", "six"] {
        sandbox.trusted(&sandbox.skill(name).make(), name);
        for place in ["1", "2"] {
            sandbox.run(&["enable", name, "--dir", folder.join(place).to_str().unwrap()]).ok();
        }
    }
    let mut story = Story::of(&sandbox);
    sandbox.run(&["uninstall", "--hand-over", "--dry-run"]).code(2).says("too many copies").says("--remove");
    story.unchanged();
    sandbox.run(&["gate", "six"]).ok();
}

/// Attack by bad luck: the configuration is a link, as people's dotfiles have
/// it, and a home that is half gone can never go.
#[test]
fn attack_a_linked_configuration_keeps_a_home_half_gone() {
    let (sandbox, _) = three();
    fs::create_dir(sandbox.at("work/dotfiles")).unwrap();
    fs::write(sandbox.at("work/dotfiles/policy.toml"), "").unwrap();
    symlink("dotfiles", sandbox.at("work/config")).unwrap();
    let world = world(&sandbox);
    let request = Request { hand_over: false, export: None, folder: sandbox.at("b"), config: true };
    let plan = uninstall::plan(&world, &request).unwrap();
    let left = uninstall::leave(&world, &plan, "", Some(REMOVE), &mut Nobody).unwrap();
    assert_eq!(left.config_left, ["all of it, which is a link"]);
    assert!(!sandbox.home().exists() && sandbox.at("work/dotfiles/policy.toml").exists());
}

/// Attack by bad luck: the export fails after the log has told of a hand-over,
/// and the log goes on as if copies that are managed were nobody's.
#[test]
fn attack_a_failed_export_leaves_an_untrue_record() {
    if nix::unistd::geteuid().is_root() {
        eprintln!("NOT RUN: root lists every folder; the other pass runs it");
        return;
    }
    let (sandbox, _) = three();
    let folder = sandbox.at("work/closed");
    fs::create_dir(&folder).unwrap();
    // The file can be made, and its folder not be opened to be flushed.
    chmod(&folder, 0o300);
    let log = folder.join("log.jsonl");
    let args = ["uninstall", "--hand-over", "--phrase", OVER, "--export", log.to_str().unwrap()];
    sandbox.run(&args).code(1).says("nothing else");
    let text = fs::read_to_string(sandbox.home().join("audit/audit.jsonl")).unwrap();
    let last = text.lines().last().unwrap();
    assert!(
        text.contains("handed over: its copies") && last.contains("not uninstalled; what is left"),
        "{last}"
    );
    assert!(!log.exists());
    sandbox.run(&["gate", "pdf"]).ok();
}

/// A home with an original that was moved aside for a copy of `notes`.
fn with_an_original() -> (Sandbox, std::path::PathBuf) {
    let sandbox = Sandbox::new();
    sandbox.trusted(&sandbox.skill("notes").make(), "notes");
    let mine = sandbox.skill("notes").file("mine.md", "by hand\n").into_folder("a/notes").make();
    let digest = sandbox.digest(&mine).to_string();
    sandbox.run(&["enable", "notes", "--dir", &sandbox.arg("a"), "--replace", &digest]).ok();
    let kept = sandbox.home().with_file_name("home-originals");
    (sandbox, kept)
}

/// What a person had put there by hand, and let us move aside, may have no
/// other copy: it must not go with the home.
#[test]
fn originals_leave_the_home_before_it_goes() {
    for way in ["--remove", "--hand-over"] {
        let (sandbox, kept) = with_an_original();
        let plan = sandbox.run(&["uninstall", way, "--dry-run", "--json"]).ok().json();
        assert_eq!(plan["originals"]["count"], 1);
        assert_eq!(plan["originals"]["to"], kept.to_str().unwrap());
        let phrase = plan["phrase"].as_str().unwrap().to_owned();
        let log = sandbox.arg("work/log.jsonl");
        let said =
            sandbox.run(&["uninstall", way, "--phrase", &phrase, "--export", &log, "--json"]).ok().json();
        let at = Path::new(said["originals"][0].as_str().unwrap()).to_owned();
        assert!(at.starts_with(&kept) && !sandbox.home().exists(), "{said}");
        assert!(at.file_name().unwrap().to_str().unwrap().starts_with("notes-"), "{at:?}");
        assert_eq!(fs::read_to_string(at.join("mine.md")).unwrap(), "by hand\n");
        assert!(checked(Path::new(&log)).contains("1 originals go to"), "the log says where");
    }
}

/// Attack: the folder that originals go to is a link into an agent's folder.
#[test]
fn attack_originals_follow_no_link_and_the_home_stays_until_they_are_safe() {
    let (sandbox, kept) = with_an_original();
    fs::create_dir(sandbox.at("agent")).unwrap();
    let log = sandbox.arg("work/log.jsonl");
    let args = ["uninstall", "--remove", "--phrase", "remove 1 skills", "--export", &log];
    let mut story = Story::of(&sandbox);
    for (what, says) in [("link", "a link or a file"), ("file", "a link or a file"), ("closed", "ermission")]
    {
        match what {
            "link" => symlink(sandbox.at("agent"), &kept).unwrap(),
            "file" => fs::write(&kept, "").unwrap(),
            _ if nix::unistd::geteuid().is_root() => continue,
            _ => {
                fs::create_dir(&kept).unwrap();
                chmod(&kept, 0o500);
            }
        }
        let code = if what == "closed" { 1 } else { 3 };
        sandbox.run(&args).code(code).says("what was moved aside once goes to").says(says);
        sandbox.run(&["uninstall", "--remove", "--dry-run"]).code(code).says(says);
        if kept.is_dir() && !kept.is_symlink() { fs::remove_dir(&kept) } else { fs::remove_file(&kept) }
            .unwrap();
        story.unchanged();
    }
    sandbox.run(&["gate", "notes"]).ok();
    // It comes after the mark: nothing leads anywhere, and it is gone on with.
    half(&sandbox, &[]);
    symlink(sandbox.at("agent"), &kept).unwrap();
    let said = sandbox.run(&["uninstall"]).code(1);
    assert!(said.0.stderr.contains("what was moved aside once cannot be brought to"), "{}", said.0.stderr);
    assert_eq!(fs::read_dir(sandbox.at("agent")).unwrap().count(), 0);
    assert_eq!(sandbox.run(&["gate", "notes"]).code, 7, "a half removed home allows nothing");
    fs::remove_file(&kept).unwrap();
    sandbox.run(&["uninstall"]).ok().says("1 original, in");
    assert_eq!((fs::read_dir(&kept).unwrap().count(), sandbox.home().exists()), (1, false));
}

/// An uninstall that was cut short after the originals had left tells of them
/// when it is gone on with, and not of those of a home before.
#[test]
fn going_on_tells_of_the_originals_that_an_earlier_run_moved() {
    let (sandbox, kept) = with_an_original();
    fs::create_dir(&kept).unwrap();
    chmod(&kept, 0o700);
    fs::create_dir(kept.join("older-1")).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(50));
    half(&sandbox, &[]);
    let evidence = sandbox.home().join("evidence");
    let names = fs::read_dir(&evidence).unwrap().map(|entry| entry.unwrap().file_name());
    let name =
        names.map(|name| name.into_string().unwrap()).find(|name| name.starts_with("original-")).unwrap();
    fs::rename(evidence.join(&name), kept.join("notes-1")).unwrap();
    let said = sandbox.run(&["uninstall", "--json"]).ok().json();
    assert_eq!(said["originals"], serde_json::json!([kept.join("notes-1")]), "{said}");
    assert!(!sandbox.home().exists() && kept.join("notes-1/mine.md").exists());
}

/// What was placed for an agent by name is handed over like any other copy: the
/// mark does not say for whom a copy was made.
#[test]
fn a_copy_for_an_agent_is_handed_over_too() {
    let sandbox = Sandbox::new();
    sandbox.trusted(&sandbox.skill("notes").make(), "notes");
    let project = sandbox.arg("b");
    sandbox.run(&["enable", "notes", "--agent", "claude-code", "--project", &project]).ok();
    let log = sandbox.arg("work/log.jsonl");
    let plan = sandbox.run(&["uninstall", "--hand-over", "--dry-run", "--json"]).ok().json();
    let phrase = plan["phrase"].as_str().unwrap().to_owned();
    sandbox.run(&["-q", "uninstall", "--hand-over", "--phrase", &phrase, "--export", &log]).ok();
    assert!(sandbox.at("b/.claude/skills/notes/SKILL.md").exists() && !sandbox.home().exists());
}

/// Attack by bad luck: everything of ours is gone, and the folder itself cannot
/// go. It stays marked, so that what the refusal says to type goes on with it.
#[test]
fn a_home_whose_folder_cannot_go_is_gone_on_with() {
    if nix::unistd::geteuid().is_root() {
        eprintln!("NOT RUN: root removes folders everywhere; the other pass runs it");
        return;
    }
    let (sandbox, _) = three();
    let log = sandbox.arg("work/log.jsonl");
    let top = sandbox.home().parent().unwrap().to_owned();
    let before = mode(&top);
    chmod(&top, 0o500);
    let args = ["uninstall", "--remove", "--phrase", REMOVE, "--export", &log];
    let said = sandbox.run(&args);
    let mark = fs::read_to_string(sandbox.home().join("uninstalling"));
    let again = sandbox.run(&["uninstall"]);
    chmod(&top, before);
    said.code(1).says("then again: skills uninstall");
    again.code(1).says("then again: skills uninstall");
    assert_eq!(mark.unwrap(), "skill-trust uninstall 1\nconfig keep\nend\n");
    assert_eq!(fs::read_dir(sandbox.home()).unwrap().count(), 1, "nothing but the mark");
    sandbox.run(&["uninstall"]).ok().says("uninstalled");
    assert!(!sandbox.home().exists());
}
