//! Killed at every step of a release: what lies there is the old release or
//! the new one, python-tuf reads it, and the same command again finishes it.

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
