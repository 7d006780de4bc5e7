//! The tour ends as it must, and leaves nothing behind.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

fn tour(temp: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skills"));
    command.arg("tour").args(args).env_clear().env("TMPDIR", temp).stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> (tempfile::TempDir, Output) {
    let temp = tempfile::tempdir().unwrap();
    let output = tour(temp.path(), args).output().unwrap();
    (temp, output)
}

fn left(temp: &Path) -> usize {
    std::fs::read_dir(temp).unwrap().count()
}

#[test]
fn the_whole_story_ends_as_it_must_and_leaves_nothing() {
    let (temp, output) = run(&[]);
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{shown}{}", String::from_utf8_lossy(&output.stderr));
    for line in [
        "$ skills install file://",
        "allow  release-notes@",
        "[drift]",
        "$ skills kill --all --note drill",
        "KILLED  everything",
        "$ skills release --all --phrase \"release epoch 1\"",
        "What you have seen",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    assert_eq!(left(temp.path()), 0);
}

#[test]
fn as_json_it_is_one_document() {
    let (_temp, output) = run(&["--json"]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["schema"], "skill-trust/tour/1");
    assert!(document["commands"].as_array().unwrap().len() > 30);
    assert_eq!(document["proven"].as_array().unwrap().len(), 6);
}

#[test]
fn any_source_can_be_played_with() {
    let skill = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/skills/meeting-notes");
    let (temp, output) = run(&[skill]);
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{shown}{}", String::from_utf8_lossy(&output.stderr));
    assert!(shown.contains("left out") && shown.contains("allow  meeting-notes@"), "{shown}");
    assert_eq!(left(temp.path()), 0);
}

#[test]
fn a_source_without_a_skill_fails_and_leaves_nothing() {
    let empty = tempfile::tempdir().unwrap();
    let (temp, output) = run(&[empty.path().to_str().unwrap()]);
    assert!(!output.status.success());
    assert_eq!(left(temp.path()), 0);
}

/// What the program said to itself as JSON is said to a person in words.
#[test]
fn a_source_that_is_not_there_is_told_like_any_other() {
    let (_temp, output) = run(&["/no/such/folder"]);
    let said =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(8), "{said}");
    assert!(said.contains("error[source-unreachable]: /no/such/folder: "), "{said}");
    assert!(said.contains("next: check the path") && !said.contains("\"schema\""), "{said}");
}

#[test]
fn an_interrupted_tour_leaves_nothing() {
    use rustix::process::{Pid, Signal, kill_process};
    let (mut interrupted, mut waits) = (0, [5, 20, 60].iter().cycle().take(30));
    while interrupted < 3 {
        let wait = *waits.next().expect("it always ended before it could be interrupted");
        let temp = tempfile::tempdir().unwrap();
        let mut child = tour(temp.path(), &[]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        // The first line is written once Ctrl-C is heard.
        let mut first = [0];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut first).unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let output = child.wait_with_output().unwrap();
        // On a busy machine it may have come to its end before this thread woke up.
        assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
        interrupted += usize::from(output.status.code() == Some(1));
        assert_eq!(left(temp.path()), 0);
    }
}
