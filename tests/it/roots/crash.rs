//! Killed at every step of a release, and each step failed: what lies there is
//! the old release or the new one, python-tuf reads it, and the same command
//! again finishes it.

use super::{Bench, Reader, files, none, python};
use skill_trust::ops::roots;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Calls after which something is different.
const CALLS: &[&str] = &["mkdirat", "write", "fsync", "fchmod", "renameat", "renameat2", "unlinkat"];

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to)
        } else {
            fs::copy(entry.path(), &to).map(drop).unwrap()
        }
    }
}

fn restore(bench: &Bench) {
    fs::remove_dir_all(bench.team()).unwrap();
    copy(&bench.path("kept"), &bench.team());
}

/// Kills the command at every call of every kind, once each.
fn kill_everywhere(bench: &Bench, person: &str, args: &[&str], new: &str) -> usize {
    copy(&bench.team(), &bench.path("kept"));
    let (mut cuts, mut seen) = (0, BTreeMap::new());
    for call in CALLS {
        for nth in 1.. {
            restore(bench);
            let trace = format!("trace={call}");
            let inject = format!("inject={call}:signal=KILL:when={nth}");
            let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
            let output = bench.run_behind(person, &strace, args);
            if output.code == 0 {
                break;
            }
            cuts += 1;
            // What differs from what was seen is judged; the same again is the same.
            let state = files(&bench.team());
            let judged = seen.len();
            if *seen.entry(state).or_insert(judged) == judged {
                judge(bench, new, &format!("{call} {nth}"));
            }
            // And nothing stands in the way of doing it again.
            if nth % 7 == 1 {
                let again = bench.run_behind(person, &[], args);
                assert!(again.code == 0 || published(bench, new), "{call} {nth}: {}", again.code);
                judge(bench, new, &format!("{call} {nth}, again"));
                assert!(published(bench, new), "{call} {nth}");
            }
        }
    }
    assert!(seen.len() > 2, "{} states", seen.len());
    cuts
}

fn published(bench: &Bench, new: &str) -> bool {
    bench.team().join("metadata").join(new).exists() && bench.shown("ana")["digest"].is_null()
}

/// Both readers agree, and know all or nothing of it.
fn judge(bench: &Bench, new: &str, at: &str) {
    let python = &python(&bench.team(), &["policy.toml"])[0];
    let mut reader = Reader::new(&bench.team());
    let mut client = reader.refresh().unwrap_or_else(|fault| panic!("{at}: {fault}"));
    let ours = roots::find(&mut client, "policy.toml", &mut reader).unwrap();
    assert_eq!(python["is"], if ours.is_some() { "found" } else { "none" }, "{at}: {new}: {python}");
}

#[test]
fn a_release_killed_anywhere_leaves_the_old_one_or_the_new_one() {
    let Some(bench) = Bench::new(&["ana"]) else { return };
    let policy = bench.write("policy.toml", "");
    bench.roots("ana", "init", &["--key", "ana"]).ok();
    bench.roots("ana", "set", &["policy.toml", &policy]).ok();
    let digest = bench.shown("ana")["digest"].as_str().unwrap().to_owned();
    let team = bench.arg("team");
    let args = ["roots", "sign", &team, "--key", "ana", "--digest", &digest];
    let cuts = kill_everywhere(&bench, "ana", &args, "2.targets.json");
    assert!(cuts > 20, "{cuts}");
}

#[test]
fn a_rotation_killed_anywhere_leaves_the_old_root_or_the_new_one_with_all_that_fits_it() {
    let Some(bench) = Bench::new(&["ana", "ben"]) else { return };
    bench.roots("ana", "init", &["--key", "ana"]).ok();
    // Every key changes: no file of before is worth anything under the new root.
    let (ana, ben) = (bench.arg("ana.pub"), bench.arg("ben.pub"));
    bench.roots("ana", "rotate", &["--key", "ana", "--add", &ben, "--remove", &ana]).ok();
    let digest = bench.shown("ana")["digest"].as_str().unwrap().to_owned();
    let team = bench.arg("team");
    let args = ["roots", "sign", &team, "--key", "ben", "--digest", &digest];
    let cuts = kill_everywhere(&bench, "ben", &args, "2.root.json");
    assert!(cuts > 20, "{cuts}");
}

#[test]
fn an_init_killed_anywhere_leaves_no_root_or_a_whole_one() {
    let Some(bench) = Bench::new(&["ana"]) else { return };
    let team = bench.arg("team");
    let args = ["roots", "init", &team, "--key", "ana"];
    let mut cuts = 0;
    for call in CALLS {
        for nth in 1.. {
            let _ = fs::remove_dir_all(bench.team());
            let trace = format!("trace={call}");
            let inject = format!("inject={call}:signal=KILL:when={nth}");
            let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
            if bench.run_behind("ana", &strace, &args).code == 0 {
                break;
            }
            cuts += 1;
            if !bench.team().join("metadata").exists() {
                bench.run_behind("ana", &[], &args).ok();
            }
            if nth % 5 == 0 {
                none(&bench.team(), "policy.toml");
            }
        }
    }
    assert!(cuts > 20, "{cuts}");
}

/// How often a command makes each of these calls.
fn counted(bench: &Bench, args: &[&str]) -> BTreeMap<String, usize> {
    let file = bench.arg("calls");
    let trace = format!("trace={}", CALLS.join(","));
    bench.run_behind("ana", &["strace", "-f", "-qq", "-o", &file, "-e", &trace], args).ok();
    let text = fs::read_to_string(&file).unwrap();
    let mut counts = BTreeMap::new();
    for name in text.lines().filter_map(|line| line.split_once(' ')?.1.trim().split_once('(')) {
        *counts.entry(name.0.to_owned()).or_insert(0) += 1;
    }
    counts
}

/// Each call fails once with each error, and one in five from then on too. Tells
/// the judge at which point, how the command ended and what it said.
fn fail_everywhere(bench: &Bench, args: &[&str], each: &mut dyn FnMut(&str, i32)) -> usize {
    copy(&bench.team(), &bench.path("kept"));
    let mut points = 0;
    for (call, count) in counted(bench, args) {
        for nth in 1..=count {
            let stays = if nth % 5 == 1 { &["", "+"][..] } else { &[""] };
            for (error, stays) in
                ["EIO", "ENOSPC"].iter().flat_map(|error| stays.iter().map(move |s| (error, s)))
            {
                restore(bench);
                let trace = format!("trace={call}");
                let inject = format!("inject={call}:error={error}:when={nth}{stays}");
                let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
                let ran = bench.run_behind("ana", &strace, args);
                let point = format!("{error} at {call} {nth}{stays}");
                assert!((0..101).contains(&ran.code), "{point}: {}", ran.code);
                each(&point, ran.code);
                points += 1;
            }
        }
    }
    points
}

/// What everybody reads.
fn metadata(bench: &Bench) -> Vec<(String, Vec<u8>)> {
    files(&bench.team()).into_iter().filter(|(path, _)| path.starts_with("/metadata/")).collect()
}

#[test]
fn a_release_that_fails_anywhere_leaves_the_old_one_or_the_new_one() {
    let Some(bench) = Bench::new(&["ana"]) else { return };
    let policy = bench.write("policy.toml", "");
    bench.roots("ana", "init", &["--key", "ana"]).ok();
    bench.roots("ana", "set", &["policy.toml", &policy]).ok();
    let digest = bench.shown("ana")["digest"].as_str().unwrap().to_owned();
    let team = bench.arg("team");
    let args = ["roots", "sign", &team, "--key", "ana", "--digest", &digest];
    let mut seen = BTreeMap::new();
    let points = fail_everywhere(&bench, &args, &mut |point, code| {
        let known = seen.len();
        if *seen.entry(files(&bench.team())).or_insert(known) == known {
            judge(&bench, "2.targets.json", point);
        }
        assert!(code != 0 || published(&bench, "2.targets.json"), "{point}: acknowledged");
        let again = bench.run_behind("ana", &[], &args);
        assert!(again.code == 0 || published(&bench, "2.targets.json"), "{point}: {}", again.code);
    });
    assert!(points > 40 && seen.len() > 2, "{points} points, {} states", seen.len());
}

#[test]
fn a_draft_cut_off_or_failed_anywhere_changes_nothing_that_is_published() {
    let Some(bench) = Bench::new(&["ana"]) else { return };
    let policy = bench.write("policy.toml", "");
    bench.roots("ana", "init", &["--key", "ana"]).ok();
    let before = metadata(&bench);
    let team = bench.arg("team");
    let args = ["roots", "set", &team, "policy.toml", &policy];
    let mut signed = 0;
    let mut law = |point: &str, code: i32| {
        assert_eq!(metadata(&bench), before, "{point}");
        let drafted = bench.shown("ana")["digest"].as_str().map(str::to_owned);
        assert!(code != 0 || drafted.is_some(), "{point}: acknowledged, and there is no draft");
        bench.run_behind("ana", &[], &args).ok();
        let digest = bench.shown("ana")["digest"].as_str().unwrap().to_owned();
        signed += 1;
        if signed % 9 == 1 {
            bench.roots("ana", "sign", &["--key", "ana", "--digest", &digest]).ok();
            judge(&bench, "2.targets.json", point);
            assert!(published(&bench, "2.targets.json"), "{point}");
        }
    };
    let failed = fail_everywhere(&bench, &args, &mut law);
    let mut killed = 0;
    for (call, count) in counted_from_start(&bench, &args) {
        for nth in 1..=count {
            restore(&bench);
            let trace = format!("trace={call}");
            let inject = format!("inject={call}:signal=KILL:when={nth}");
            let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
            let code = bench.run_behind("ana", &strace, &args).code;
            killed += usize::from(code != 0);
            law(&format!("killed at {call} {nth}"), code);
        }
    }
    assert!(failed > 20 && killed > 10, "{failed} failed, {killed} killed");
}

fn counted_from_start(bench: &Bench, args: &[&str]) -> BTreeMap<String, usize> {
    restore(bench);
    counted(bench, args)
}

#[test]
fn an_init_that_fails_anywhere_leaves_no_root_or_a_whole_one() {
    let Some(bench) = Bench::new(&["ana"]) else { return };
    let team = bench.arg("team");
    let args = ["roots", "init", &team, "--key", "ana"];
    fs::create_dir(bench.team()).unwrap();
    let mut seen = 0;
    let points = fail_everywhere(&bench, &args, &mut |point, code| {
        let there = bench.team().join("metadata").exists();
        assert!(code != 0 || there, "{point}: acknowledged, and there is no root");
        if !there {
            bench.run_behind("ana", &[], &args).ok();
        }
        seen += 1;
        if there && seen % 3 == 0 || seen % 8 == 0 {
            none(&bench.team(), "policy.toml");
        }
    });
    assert!(points > 20, "{points}");
}
