//! Any single change of a copy is drift, whatever was changed and however.
//!
//! The changes are data: one folder each in `fixtures/attacks/`. Each is done
//! to a placement and to the stored copy, and the program itself is asked. The
//! property at the end does some hundreds more, drawn at random.

pub(crate) mod change;

use crate::support::scene::{self, Node, Scene, SkillFile, Snapshot, chmod, open_up, remove};
use change::{Attack, Modes, PLACED, STORED};
use proptest::prelude::*;
use skill_trust::model::code::Code;
use skill_trust::model::decision::{Decision, Question};
use skill_trust::model::lifecycle::{DriftReason, Lifecycle, State};
use skill_trust::model::record::Record;
use skill_trust::model::skill::{Revision, SkillName};
use skill_trust::system::home::Home;
use skill_trust::system::ledger::Ledger;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const FILES: &[SkillFile<'static>] = &[
    ("SKILL.md", false, b"---\nname: notes\ndescription: Takes notes\n---\nHello, reader.\n"),
    (".hidden", false, b"not shown by ls\n"),
    ("notes/data.bin", false, &[7; 64]),
    ("notes/deep/page.md", false, b"a\nb\n"),
    ("run.sh", true, b"#!/bin/sh\necho hi\n"),
];
const OLDER: &[SkillFile<'static>] = &[
    ("SKILL.md", false, b"---\nname: notes\ndescription: Takes notes\n---\nAn earlier body.\n"),
    ("extra.md", false, b"Something to read.\n"),
    ("run.sh", true, b"#!/bin/sh\necho earlier\n"),
];

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs the program with nothing of this environment.
fn skills(scene: &Scene, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skills"));
    command.env_clear().arg("--home").arg(&scene.world.home).args(args);
    command.output().unwrap()
}

/// As [`skills`]; it must end with this exit code. Returns its document.
pub(crate) fn run(scene: &Scene, what: &str, args: &[&str], exit: i32) -> serde_json::Value {
    let mut all = args.to_vec();
    all.push("--json");
    // `gate` is looked for in the first place, before any option.
    let output = if args[0] == "gate" {
        let mut command = Command::new(env!("CARGO_BIN_EXE_skills"));
        command.env_clear().args(&all).arg("--home").arg(&scene.world.home).output().unwrap()
    } else {
        skills(scene, &all)
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(
        output.status.code(),
        Some(exit),
        "{what}: {args:?}: {text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_str(&text).unwrap_or_default()
}

/// A skill that the program installed, trusted and enabled, in two revisions.
pub(crate) struct Played {
    pub(crate) scene: Scene,
    pub(crate) revision: Revision,
    /// The revision before it, trusted still.
    earlier: Revision,
    /// While the earlier one was in place.
    older: Snapshot,
    /// With the later one in place.
    pub(crate) now: Snapshot,
}

pub(crate) fn play() -> Played {
    let scene = Scene::new();
    let earlier = arrive(&scene, OLDER);
    let older = Snapshot::take(&scene.base());
    let revision = arrive(&scene, FILES);
    run(&scene, "before any change", &["gate", "notes"], 0);
    let now = Snapshot::take(&scene.base());
    Played { scene, revision, earlier, older, now }
}

/// Installs, trusts and enables.
fn arrive(scene: &Scene, files: &[SkillFile<'_>]) -> Revision {
    let source = scene.base().join("source");
    let known = named(scene);
    remove(&source);
    scene::write_skill(&source, files);
    run(scene, "install", &["install", source.to_str().unwrap()], 0);
    let revision = named(scene).into_iter().find(|revision| !known.contains(revision)).unwrap();
    trust_and_enable(scene, "at first", &revision);
    revision
}

fn named(scene: &Scene) -> Vec<Revision> {
    let Ok(home) = Home::open(&scene.world.home) else { return Vec::new() };
    let Ok(ledger) = Ledger::open(&home) else { return Vec::new() };
    let rows = ledger.revisions_named(&SkillName::parse("notes").unwrap()).unwrap();
    rows.into_iter().map(|row| row.revision).collect()
}

fn trust_and_enable(scene: &Scene, what: &str, revision: &Revision) {
    let (typed, digest) = (scene::typed(revision), revision.digest.to_string());
    run(scene, what, &["trust", &typed, "--digest", &digest], 0);
    run(scene, what, &["enable", &typed, "--dir", scene.agent().to_str().unwrap()], 0);
}

pub(crate) fn attacks() -> Vec<(String, Attack)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/attacks");
    let mut out = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let text = fs::read_to_string(entry.path().join("change.toml")).unwrap();
        out.push((name.clone(), toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))));
    }
    out.sort_by(|a: &(String, Attack), b| a.0.cmp(&b.0));
    out
}

/// A difference in one line, as the fixtures have it.
pub(crate) fn line(reason: &DriftReason) -> String {
    match reason {
        DriftReason::Added { path } => format!("added {path}"),
        DriftReason::Removed { path } => format!("removed {path}"),
        DriftReason::Content { path, was, now } => {
            assert_ne!(was, now);
            format!("content {path}")
        }
        DriftReason::Mode { path, was, now } => format!("mode {path} {was} {now}"),
        DriftReason::Refused { path, rule } => format!("{rule} {path}"),
        DriftReason::Missing { path } => format!("missing {path}"),
        DriftReason::DigestOnly { .. } => "digest".to_owned(),
    }
}

/// The last record of an event.
pub(crate) fn last(scene: &Scene, event: &str) -> Option<Record> {
    let log = fs::read_to_string(scene.world.home.join("audit/audit.jsonl")).unwrap();
    let records = log.lines().map(|line| Record::parse(line.as_bytes()).unwrap());
    records.rev().find(|record| record.event == event)
}

pub(crate) fn lifecycle(scene: &Scene, revision: &Revision) -> Lifecycle {
    let home = Home::open(&scene.world.home).unwrap();
    Ledger::open(&home).unwrap().revision(revision).unwrap().unwrap().lifecycle
}

/// What a copy is, in everything that counts.
fn shape(path: &Path) -> String {
    let Ok(meta) = path.symlink_metadata() else { return "none".to_owned() };
    let mut out = format!("{:o} {} {}", meta.mode(), meta.nlink().min(2), meta.uid());
    if meta.is_file() {
        out += &format!(" {:?}", fs::read(path).ok());
    } else if meta.is_dir() {
        let mut names: Vec<_> =
            fs::read_dir(path).into_iter().flatten().flatten().map(|e| e.path()).collect();
        names.sort();
        out = format!("{:o} {}", meta.mode(), meta.uid());
        out += &names.iter().map(|path| format!(" {path:?} {{{}}}", shape(path))).collect::<String>();
    } else {
        out += &format!(" {:?}", fs::read_link(path).ok());
    }
    out
}

/// Does an attack to the copy at `top`, and calls `then` for each case of it.
pub(crate) fn each_case(
    played: &Played,
    top: &Path,
    modes: Modes,
    mut then: impl FnMut(&str, &Attack, &[String]),
) -> usize {
    let Played { scene, older, now, .. } = played;
    let base = scene.base();
    let outside = base.join("outside");
    fs::create_dir_all(&outside).unwrap();
    let mut count = 0;
    for (name, attack) in attacks() {
        if attack.root && !is_root() {
            continue;
        }
        for (steps, lines) in attack.cases(modes) {
            now.put(&base);
            let _ = fs::remove_dir_all(base.join("agent/gone"));
            let top_mode = top.parent().unwrap().metadata().unwrap().mode() & 0o7777;
            chmod(top.parent().unwrap(), 0o700);
            let before = shape(top);
            for step in &steps {
                change::step(top, &outside, older, step, modes);
            }
            chmod(top.parent().unwrap(), top_mode);
            assert!(before != shape(top), "{name}: {steps:?} changed nothing");
            let path = top.to_string_lossy();
            let mut lines: Vec<_> = lines.iter().map(|line| line.replace("TOP", &path)).collect();
            lines.sort();
            count += 1;
            then(&format!("{name} {steps:?}"), &attack, &lines);
        }
    }
    count
}

fn assert_lines(what: &str, record: &Record, wanted: &[String]) {
    let mut lines: Vec<_> = record.differences.iter().map(line).collect();
    lines.sort();
    if wanted != ["NAME"] {
        assert_eq!(lines, wanted, "{what}");
        return;
    }
    // Names that cannot be written down are shown escaped, by whichever rule.
    assert_eq!(lines.len(), 1, "{what}: {lines:?}");
    assert!(lines[0].starts_with("name-") || lines[0].starts_with("entry-"), "{what}: {lines:?}");
    assert!(lines[0].is_ascii() && !lines[0].contains('\n'), "{what}: {lines:?}");
}

#[test]
fn every_change_of_a_placement_withdraws_it_and_its_trust() {
    let played = play();
    let Played { scene, revision, earlier, now, .. } = &played;
    let (base, typed) = (scene.base(), scene::typed(revision));
    let top = scene.agent().join("notes");
    let count = each_case(&played, &top, PLACED, |what, attack, wanted| {
        if attack.unreadable && !is_root() {
            let answer = run(scene, what, &["gate", "notes"], 5);
            assert_eq!(answer["codes"], serde_json::json!(["unreadable"]), "{what}");
            assert_eq!(lifecycle(scene, revision).state(), State::Enabled, "{what}");
            assert_eq!(last(scene, "drift"), None, "{what}");
            open_up(&scene.agent());
            now.write(&base, |path| path.starts_with("agent"));
            run(scene, what, &["gate", "notes"], 0);
            return;
        }
        let answer = run(scene, what, &["gate", "notes"], 5);
        assert_eq!(answer["decision"], "deny", "{what}");
        assert_eq!(answer["codes"], serde_json::json!(["drift"]), "{what}: {answer}");
        assert_eq!(answer["state"], "installed", "{what}");
        let record = last(scene, "drift").unwrap_or_else(|| panic!("{what}: no record"));
        assert_eq!((record.skill.as_ref(), record.digest), (Some(&revision.name), Some(revision.digest)));
        assert_eq!(record.codes, ["drift"], "{what}");
        assert_lines(what, &record, wanted);

        // Withdrawn, and the decision kept as evidence.
        if !attack.foreign {
            assert!(top.symlink_metadata().is_err(), "{what}: still there");
        }
        let Lifecycle::Installed { former: Some(pin) } = lifecycle(scene, revision) else {
            panic!("{what}: {:?}", lifecycle(scene, revision));
        };
        assert_eq!(pin.digest, revision.digest);
        let permits = fs::read_dir(scene.world.home.join("permits")).unwrap();
        assert_eq!(permits.count(), 0, "{what}: a permit is left");

        // The old bytes put back restore nothing, nor does asking again.
        remove(&top);
        now.write(&base, |path| path.starts_with("agent"));
        for path in [None, top.to_str()] {
            let args = ["gate", typed.as_str(), "--path", path.unwrap_or_default()];
            let answer = run(scene, what, &args[..if path.is_some() { 4 } else { 2 }], 3);
            assert_eq!(answer["codes"], serde_json::json!(["not-trusted"]), "{what}");
        }
        run(scene, what, &["gate", &scene::typed(earlier)], 3);

        // A new decision does, once the place is free.
        remove(&top);
        trust_and_enable(scene, what, revision);
        let answer = run(scene, what, &["gate", "notes"], 0);
        assert_eq!(answer["digest"], serde_json::json!(revision.digest.to_string()), "{what}");
    });
    assert!(count >= if is_root() { 145 } else { 140 }, "only {count} changes");
}

#[test]
fn every_change_of_the_stored_copy_stops_trust_and_enable_but_not_an_intact_placement() {
    let played = play();
    let Played { scene, revision, .. } = &played;
    let (typed, digest) = (scene::typed(revision), revision.digest.to_string());
    let hex = revision.digest.hex();
    let top = scene.world.home.join("store").join(&hex[..2]).join(&hex);
    let elsewhere = scene.base().join("elsewhere");
    let elsewhere = elsewhere.to_str().unwrap();
    let count = each_case(&played, &top, STORED, |what, attack, wanted| {
        run(scene, what, &["gate", &typed], 0);
        let trouble = attack.unreadable && !is_root();
        let answer = run(scene, what, &["gate", &typed, "--question", "enable"], 5);
        let code = if trouble { "unreadable" } else { "drift" };
        assert_eq!(answer["codes"], serde_json::json!([code]), "{what}: {answer}");
        if trouble {
            assert_eq!(lifecycle(scene, revision).state(), State::Enabled, "{what}");
            return;
        }
        assert_lines(what, &last(scene, "drift").unwrap(), wanted);
        // Once it is known, nothing of that revision is loaded any more.
        run(scene, what, &["gate", &typed], 3);
        run(scene, what, &["trust", &typed, "--digest", &digest], 5);
        run(scene, what, &["enable", &typed, "--dir", elsewhere], 3);
        assert!(!Path::new(elsewhere).exists(), "{what}: placed");
    });
    assert!(count >= if is_root() { 145 } else { 140 }, "only {count} changes");
}

/// `enable` itself, before anybody asked the gate.
#[test]
fn enable_finds_a_changed_stored_copy_by_itself() {
    let played = play();
    let Played { scene, revision, .. } = &played;
    let typed = scene::typed(revision);
    let hex = revision.digest.hex();
    let top = scene.world.home.join("store").join(&hex[..2]).join(&hex);
    let elsewhere = scene.base().join("elsewhere");
    each_case(&played, &top, STORED, |what, attack, _| {
        let exit = run(scene, what, &["enable", &typed, "--dir", elsewhere.to_str().unwrap()], 5);
        assert!(!elsewhere.exists(), "{what}: placed: {exit}");
        let state = if attack.unreadable && !is_root() { State::Enabled } else { State::Installed };
        assert_eq!(lifecycle(scene, revision).state(), state, "{what}");
    });
}

#[test]
fn every_attack_says_in_two_lines_what_it_is_and_which_rule_finds_it() {
    let all = attacks();
    assert!(all.len() >= 60, "{}", all.len());
    for (name, attack) in all {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/attacks").join(&name);
        let mut files: Vec<_> =
            fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        files.sort();
        assert_eq!(files, ["README.md", "change.toml"], "{name}");
        let readme = fs::read_to_string(folder.join("README.md")).unwrap();
        let lines: Vec<_> = readme.lines().collect();
        assert_eq!(lines.len(), 2, "{name}");
        assert!(lines[1].starts_with("Rule: "), "{name}");
        assert!(!attack.steps.is_empty() && !attack.differences.is_empty(), "{name}");
        assert_eq!(attack.each.is_empty(), !format!("{:?}", attack.steps).contains('$'), "{name}");
    }
}

/// One drawn change: which entry, what, where in it.
fn any_step() -> impl Strategy<Value = Vec<String>> {
    let file = prop::sample::select(FILES.iter().map(|(path, _, _)| *path).collect::<Vec<_>>());
    let entry = prop::sample::select(vec![
        "SKILL.md",
        ".hidden",
        "notes",
        "notes/deep",
        "notes/data.bin",
        "run.sh",
        ".",
    ]);
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    prop_oneof![
        (file.clone(), 0_usize..4096).prop_map(move |(path, at)| {
            let len = FILES.iter().find(|(name, _, _)| *name == path).unwrap().2.len();
            words(&["flip", path, &(at % len).to_string()])
        }),
        (file.clone(), "[a-z\n]{1,40}").prop_map(move |(path, text)| words(&["append", path, &text])),
        (file.clone(), 1_usize..4).prop_map(move |(path, count)| words(&["cut", path, &count.to_string()])),
        file.clone().prop_map(move |path| words(&["empty", path])),
        // Whatever else, the owner may still read: that is another matter.
        (entry, 1_u32..0o10000).prop_map(move |(path, bits)| {
            words(&["chmod", path, &format!("^{:o}", bits & 0o7277 | 0o2)])
        }),
        "[a-zA-Z0-9._-]{1,12}".prop_map(move |name| words(&["add", &format!("{name}x"), "bytes"])),
        "[a-z]{1,8}/[a-z]{1,8}".prop_map(move |name| words(&["add", &format!("new-{name}"), "bytes"])),
        "[a-z]{9,12}".prop_map(move |name| words(&["folder", &name])),
        (file.clone(), "[a-z]{9,12}").prop_map(move |(from, to)| words(&["rename", from, &to])),
        (file.clone(), "[a-z/.]{1,12}").prop_map(move |(at, to)| words(&[
            "link",
            &format!("{at}-link"),
            &to
        ])),
        file.prop_map(move |path| words(&["remove", path])),
    ]
}

#[test]
fn any_change_drawn_at_random_is_drift_and_nothing_else_is() {
    let scene = Scene::new();
    let revision = scene.install(FILES);
    scene.trust(&revision, None);
    let top: PathBuf = scene.enable(&revision);
    let (base, now) = (scene.base(), Snapshot::take(&scene.base()));
    let config = ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let result = runner.run(&(prop::collection::vec(any_step(), 1..4), any::<bool>()), |(steps, load)| {
        now.put(&base);
        let before = shape(&top);
        for step in &steps {
            // A later step may find nothing left to change.
            let exists = matches!(step[0].as_str(), "add" | "folder" | "link") || top.join(&step[1]).exists();
            let taken = step[0] == "rename" && top.join(&step[2]).exists()
                || matches!(step[0].as_str(), "add" | "folder" | "link")
                    && top.join(&step[1]).symlink_metadata().is_ok();
            let short = step[0] == "cut" || step[0] == "flip";
            let small = short && top.join(&step[1]).metadata().is_ok_and(|meta| meta.len() < 4096);
            if exists
                && !taken
                && !(small && steps.len() > 1 && steps.iter().filter(|other| other[1] == step[1]).count() > 1)
            {
                change::step(&top, &base, &Snapshot::default(), step, PLACED);
            }
        }
        let changed = shape(&top) != before;
        let question = if load { Question::Load } else { Question::Enable };
        let answer = scene.ask(&revision, question);
        if question == Question::Load && changed {
            prop_assert_eq!(answer.decision, Decision::Deny, "{:?}", answer);
            prop_assert_eq!(&answer.codes, &[Code::Drift], "{:?}", answer);
            prop_assert_eq!(answer.state, Some(State::Installed));
            prop_assert!(top.symlink_metadata().is_err());
            now.write(&base, |path| path.starts_with("agent"));
            prop_assert_eq!(scene.ask(&revision, question).codes, [Code::NotTrusted]);
        } else {
            prop_assert_eq!(answer.decision, Decision::Allow, "{:?}", answer);
        }
        Ok(())
    });
    result.unwrap();
    assert!(matches!(now.0.get(Path::new("agent/notes")), Some(Node::Folder(0o555))));
}
