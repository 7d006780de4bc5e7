//! Attacks on the core's logic, each under its own name.

use crate::support::faults::{Bed, Ran, SKILLS};
use crate::support::scene::Scene;
use skill_trust::model::code::Code;
use skill_trust::model::decision::{Decision, Question};
use skill_trust::model::lifecycle::HoldScope;
use skill_trust::model::skill::SkillName;
use skill_trust::ops::disable;
use skill_trust::ops::{Nobody, stop};
use skill_trust::system::home::Home;
use skill_trust::system::lock::Lock;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

fn mode(path: impl AsRef<Path>, bits: u32) {
    fs::set_permissions(path, Permissions::from_mode(bits)).unwrap();
}

fn refused(ran: Ran, code: &str) -> Ran {
    assert!(!ran.acknowledged() && ran.err.contains(code), "{code}: {ran:?}");
    ran
}

/// Run in some folder, for relative paths.
fn run_in(bed: &Bed, folder: &str, args: &[&str]) -> Ran {
    let output = bed.command(args).current_dir(folder).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { code: output.status.code(), signal: None, out: text(&output.stdout), err: text(&output.stderr) }
}

#[test]
fn a_source_killed_in_another_spelling_is_killed() {
    let bed = Bed::new();
    let source = bed.path("src/demo");
    let spelled = [
        source.clone(),
        format!("{source}/"),
        format!("file://{source}"),
        bed.path("src/../src/demo"),
        bed.path("link"),
        bed.path("src"),
        "./demo".to_owned(),
    ];
    bed.enabled("demo", "a");
    bed.enabled("other", "a");
    bed.keep("enabled");
    for typed in spelled {
        bed.restore("enabled");
        symlink(&source, bed.path("link")).unwrap();
        let ran = run_in(&bed, &bed.path("src"), &["kill", "--source", &typed]).done();
        assert!(ran.out.contains("stopped  demo"), "{typed}: {ran:?}");
        assert!(!bed.gate("demo").0, "{typed}");
        assert!(!bed.live().contains(&format!("{}/demo", bed.agent("a"))), "{typed}");
        assert_eq!(bed.gate("other").0, !typed.ends_with("src"), "{typed}");
    }
}

#[test]
fn a_kill_with_a_slip_of_the_pen_says_that_it_covers_nothing() {
    let bed = Bed::new();
    bed.enabled("demo", "a");
    for slip in [&["kill", "dem0"][..], &["kill", "--source", "acme/demo"], &["kill", "--signer", "ana"]] {
        assert!(bed.run(slip).done().err.contains("NOTHING HERE IS COVERED"), "{slip:?}");
    }
    assert!(!bed.run(&["kill", "demo"]).done().err.contains("NOTHING"));
}

#[test]
fn nothing_is_placed_in_the_home_in_another_copy_or_around_the_home() {
    let bed = Bed::new();
    bed.enabled("demo", "a");
    let digest = bed.install("other");
    bed.trust("other", &digest);
    symlink(bed.home().join("evidence"), bed.path("aside")).unwrap();
    let inside = ["home", "home/staging", "home/store/aa", "home/evidence", "home/permits/deep", "aside"];
    for folder in inside.iter().chain(&["agent-a/demo", "agent-a/demo/scripts", ".", "agent-a/../"]) {
        let args = ["enable", "other", "--dir", &bed.path(folder)];
        refused(bed.run(&args), "target-unsafe");
        refused(bed.run(&[&args[..], &["--dry-run"]].concat()), "target-unsafe");
    }
    assert!(bed.gate("demo").0);
    bed.enable("other", "a");
    assert!(bed.gate("other").0);
}

#[test]
fn a_hostile_umask_leaves_a_home_that_works() {
    for umask in ["0777", "0177", "0277", "0000"] {
        let bed = Bed::new();
        let ran = |args: &[&str]| {
            let shell = "umask \"$0\" && exec \"$@\"";
            let mut command = Command::new("/bin/sh");
            command.args(["-c", shell, umask, SKILLS, "--home"]).arg(bed.home()).args(args).env_clear();
            assert!(command.output().unwrap().status.success(), "{umask} {args:?}");
        };
        let source = bed.path("src/demo");
        ran(&["install", &source]);
        let digest = bed.install("demo");
        ran(&["trust", "demo", "--digest", &digest]);
        ran(&["enable", "demo", "--dir", &bed.agent("a")]);
        ran(&["gate", "demo"]);
        assert!(bed.gate("demo").0);
        let modes = ["", "lock", "permit", "ledger.db", "audit/audit.jsonl"];
        for (file, wanted) in modes.into_iter().zip([0o700, 0o600, 0o600, 0o600, 0o600]) {
            let found = fs::metadata(bed.home().join(file)).unwrap().permissions().mode() & 0o7777;
            assert_eq!(found, wanted, "{umask} {file}");
        }
    }
}

#[test]
fn nothing_is_made_where_no_home_may_be() {
    let bed = Bed::new();
    let open = bed.path("open");
    fs::create_dir(&open).unwrap();
    mode(&open, 0o777);
    let mut command = Command::new(SKILLS);
    command.args(["--home", &format!("{open}/deep/home"), "install", &bed.path("src/demo")]).env_clear();
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    assert_eq!(fs::read_dir(&open).unwrap().count(), 0);
}

#[test]
fn a_link_through_a_folder_where_others_can_rename_is_no_way() {
    use skill_trust::system::ancestors::{AncestorFault, check};
    let bed = Bed::new();
    let (open, ours) = (bed.path("open"), bed.path("open/ours"));
    fs::create_dir_all(&ours).unwrap();
    symlink(&ours, bed.path("direct")).unwrap();
    symlink("open/ours/../../direct", bed.path("twice")).unwrap();
    symlink("loop", bed.path("loop")).unwrap();
    let ways = [bed.path("open/ours/x"), bed.path("direct/x"), bed.path("twice/x")];
    assert!(ways.iter().all(|way| check(Path::new(way)).is_ok()));
    mode(&open, 0o777);
    for way in &ways {
        assert!(matches!(check(Path::new(way)), Err(AncestorFault::Foreign(_))), "{way}");
    }
    assert!(matches!(check(Path::new(&bed.path("loop/x"))), Err(AncestorFault::Io(_))));
}

#[test]
fn an_agents_folder_that_became_a_link_is_found_and_is_checked_again() {
    let bed = Bed::new();
    bed.enabled("demo", "a");
    let (agent, moved) = (bed.agent("a"), bed.path("open/ours"));
    fs::create_dir(bed.path("open")).unwrap();
    fs::rename(&agent, &moved).unwrap();
    symlink(&moved, &agent).unwrap();
    assert!(bed.gate("demo").0);
    mode(bed.path("open"), 0o777);
    let (allowed, ran) = bed.gate("demo");
    assert!(!allowed && ran.out.contains("target-unsafe"), "{ran:?}");
    mode(bed.path("open"), 0o755);
    bed.run(&["disable", "demo", "--dir", &agent]).done();
    assert!(!Path::new(&moved).join("demo").exists());
}

#[test]
fn a_project_whose_name_is_a_command_stays_a_word() {
    let bed = Bed::new();
    let digest = bed.install("demo");
    bed.trust("demo", &digest);
    let project = bed.path("x';touch pwned;'");
    let folder = format!("{project}/it's mine");
    fs::create_dir_all(format!("{project}/.git/info")).unwrap();
    fs::create_dir(&folder).unwrap();
    let ran = refused(bed.run(&["enable", "demo", "--dir", &folder]), "target-tracked");
    let command = ran.err.lines().find_map(|line| line.strip_prefix("next: ")).unwrap();
    let status = Command::new("/bin/sh").args(["-c", command]).current_dir(&bed.root).status().unwrap();
    assert!(status.success() && !bed.root.join("pwned").exists(), "{command}");
    bed.run(&["enable", "demo", "--dir", &folder]).done();
}

#[test]
fn a_source_whose_real_path_would_write_another_line_is_refused() {
    let bed = Bed::new();
    for (at, name) in ["line\nbreak", "turn\u{202e}ed", "escape\u{9b}"].into_iter().enumerate() {
        let real = bed.root.join(name);
        fs::rename(bed.path("src/demo"), &real).unwrap();
        let link = bed.path(&format!("link-{at}"));
        symlink(&real, &link).unwrap();
        refused(bed.run(&["install", &link]), "source-refused");
        refused(run_in(&bed, &link, &["install", "."]), "source-refused");
        let log = fs::read_to_string(bed.log()).unwrap();
        assert!(!log.chars().any(|c| c != '\n' && skill_trust::model::text::is_hidden(c)), "{name:?}");
        fs::rename(&real, bed.path("src/demo")).unwrap();
    }
}

#[test]
fn a_kill_between_what_was_shown_and_what_was_typed_stands() {
    let bed = Bed::new();
    bed.enabled("demo", "a");
    let world = bed.world();
    let scope = HoldScope::Name(SkillName::parse("demo").unwrap());
    let release = |plan: &stop::ReleasePlan| {
        stop::release(&world, plan, "", Some(&stop::phrase(plan)), &mut Nobody).map_err(|stop| stop.code)
    };
    bed.run(&["kill", "demo"]).done();
    let shown = stop::release_plan(&world, Some(&scope)).unwrap();
    bed.run(&["kill", "demo", "--note", "worse than thought"]).done();
    assert_eq!(release(&shown), Err(Code::Held));
    let shown = stop::release_plan(&world, Some(&scope)).unwrap();
    bed.run(&["kill", "--source", &bed.path("src/other")]).done();
    assert!(release(&shown).is_ok(), "another kill is none of its business");
    assert_eq!(stop::release_plan(&world, Some(&scope)).unwrap_err().code, Code::Usage);
}

#[test]
fn bytes_that_two_kills_hold_are_not_freed_by_one_release() {
    let bed = Bed::new();
    let source = bed.path("src/demo");
    let digest = bed.install("demo");
    for name in ["twin", "third"] {
        bed.run(&["install", &source, "--as", name]).done();
    }
    let lift = |name: &str| bed.run(&["release", name, "--phrase", &format!("release name {name}")]).done();
    let trust = || bed.run(&["trust", "third", "--digest", &digest]);
    bed.run(&["kill", "demo"]).done();
    bed.run(&["kill", "twin"]).done();
    lift("demo");
    refused(trust(), "held");
    lift("twin");
    trust().done();
}

#[test]
fn a_ban_outlives_the_release_of_an_earlier_kill() {
    let bed = Bed::new();
    let digest = bed.enabled("demo", "a");
    bed.run(&["kill", "demo"]).done();
    bed.run(&["untrust", "demo", "--never"]).done();
    bed.run(&["release", "demo", "--phrase", "release name demo"]).done();
    refused(bed.run(&["trust", "demo", "--digest", &digest]), "held");
    // Nor does the ban's own release lift a later kill of the name.
    bed.run(&["kill", "demo"]).done();
    bed.run(&["release", "--digest", &digest, "--phrase", &format!("release digest {digest}")]).done();
    refused(bed.run(&["trust", "demo", "--digest", &digest]), "held");
}

#[test]
fn a_policy_that_cannot_be_read_denies_and_keeps_nobody_from_withdrawing() {
    let bed = Bed::new();
    for name in ["demo", "other"] {
        bed.enabled(name, "a");
    }
    let broken = bed.root.join("policy.toml");
    fs::write(&broken, "[sources\nallow = \u{1b}").unwrap();
    let mut world = bed.world();
    world.policy_files = vec![broken];
    let asked = skill_trust::ops::gate::ask(&world, &skill_trust::ops::gate::bare_request("demo"));
    assert_eq!(asked.codes, [Code::PolicyBroken]);
    assert!(!asked.reason.contains('\u{1b}'), "{asked:?}");
    disable::disable(&world, "demo", None).unwrap();
    let killed = stop::kill_scope(&world, &HoldScope::Name(SkillName::parse("other").unwrap()), None);
    assert!(killed.pending.is_none() && killed.report.failures.is_empty(), "{killed:?}");
    skill_trust::ops::trust::untrust(&world, "other", true, None).unwrap();
    assert!(bed.live().is_empty());
}

#[test]
fn a_card_swapped_between_its_reading_and_the_copying_is_not_taken() {
    use skill_trust::model::source::SourceSpec;
    use skill_trust::ops::install::{self, Purpose, Selection};
    let bed = Bed::new();
    let world = bed.world();
    let spec = SourceSpec::Folder(bed.path("src/demo").into());
    let opened = install::open(&world, &spec, &Default::default(), Purpose::Take).unwrap();
    let card = bed.path("src/demo/SKILL.md");
    let text = fs::read_to_string(&card).unwrap();
    fs::write(&card, text.replace("name: demo", "name: evil")).unwrap();
    let picked = opened.select(&Selection::default()).unwrap();
    let mut arrivals = opened.take(&world, &picked, &Selection::default()).unwrap();
    let refusal = arrivals.pop().unwrap().outcome.unwrap_err();
    assert_eq!(refusal.code, Code::SourceBroken, "{refusal:?}");
    assert_eq!(fs::read_dir(bed.home().join("staging")).unwrap().count(), 1, "the scratch folder alone");
}

/// An enable has committed and not yet shown its copy when the gate looks; it
/// shows it before the gate's turn comes. That is no drift: the answer is no,
/// nothing is withdrawn, and the next one is yes.
#[test]
fn a_copy_that_appears_between_two_looks_is_no_drift() {
    let scene = Scene::new();
    let revision = scene.install(&[("SKILL.md", false, b"---\nname: late\ndescription: x\n---\nB\n")]);
    scene.trust(&revision, None);
    let copy = scene.enable(&revision);
    let aside = copy.with_file_name("aside");
    let home = Home::open(&scene.world.home).unwrap();
    let lock = Lock::take(&home, Duration::from_secs(5)).unwrap();
    fs::rename(&copy, &aside).unwrap();
    let answer = std::thread::scope(|scope| {
        let asked = scope.spawn(|| scene.ask(&revision, Question::Load));
        // It has looked without the lock, and waits for its turn: it has the lock's file open too.
        let file = scene.world.home.join("lock");
        let open = || {
            let links = fs::read_dir("/proc/self/fd").unwrap().flatten();
            links.filter(|link| fs::read_link(link.path()).is_ok_and(|to| to == file)).count()
        };
        while open() < 2 && !asked.is_finished() {
            std::thread::sleep(Duration::from_millis(2));
        }
        fs::rename(&aside, &copy).unwrap();
        drop(lock);
        asked.join().unwrap()
    });
    assert_eq!((answer.decision, &answer.codes[..]), (Decision::Deny, &[Code::Busy][..]));
    assert_eq!(scene.ask(&revision, Question::Load).decision, Decision::Allow);
}
