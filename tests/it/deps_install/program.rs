//! The command itself: a person at a terminal, a script, and what they are told.

use super::crash::bed;
use crate::support::faults::{AS_ACCOUNT, SKILLS};
use crate::support::pty::Pty;
use serde_json::Value;
use std::fs;
use std::path::Path;

const SAYS: &str =
    "#!/bin/sh\necho fetching; printf '\\033]0;owned\\007\\033[2Jcleared\\n' >&2; echo NPM_TOKEN=hunter2\n";

/// A person sees the plan, types its first digits, and exactly that is run.
#[test]
fn a_person_types_the_plans_first_digits() {
    let Some((bed, args)) = bed("#!/bin/sh\nprintf x > /skill-tools/ran\n") else { return };
    let digits = args[4]["sha256:".len()..][..12].to_owned();
    // What `Bed` does for its own commands.
    let (home, passwd) =
        (bed.home().to_string_lossy().into_owned(), bed.root.parent().unwrap().join("kept/passwd"));
    let passwd = passwd.to_string_lossy().into_owned();
    let path = crate::support::faults::path();
    let begin = || {
        let words =
            ["--mount", "sh", "-c", AS_ACCOUNT, &passwd, SKILLS, "--home", &home, "deps", "install", "demo"];
        let environment = [("PATH", path.as_str()), ("TERM", "xterm")];
        Pty::start(Path::new("/usr/bin/unshare"), &words, &environment, Path::new("/"), (40, 120))
    };
    let mut pty = begin();
    let shown = pty.wait_for("without a blank:");
    assert!(shown.contains("npm install --global --prefix /skill-tools --ignore-scripts"), "{shown}");
    assert!(shown.contains("in a sandbox") && shown.contains(&args[4]), "{shown}");
    pty.send("yes\r");
    let (shown, code) = pty.finish();
    assert_eq!(code, 1, "{shown}");
    assert!(shown.contains("nothing was run: the digest was not typed"), "{shown}");
    assert!(!bed.home().join("deps").exists());
    let mut pty = begin();
    pty.wait_for("without a blank:");
    pty.send(&format!("{digits}\r"));
    let (shown, code) = pty.finish();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("1 step for demo@"), "{shown}");
    // Once more it is asked anew, and told what was before.
    let mut pty = begin();
    let shown = pty.wait_for("without a blank:");
    assert!(shown.contains("every step done"), "{shown}");
    pty.send("\u{4}");
    assert_ne!(pty.finish().1, 0);
}

/// Attack: an installer's output paints over the terminal, or shows a token.
#[test]
fn what_an_installer_says_is_shown_escaped_and_without_secrets() {
    let Some((bed, args)) = bed(&format!("{SAYS}exit 3\n")) else { return };
    let words: Vec<_> = args.iter().map(String::as_str).collect();
    let ran = bed.run(&words);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.err.contains("cleared") && !ran.err.contains('\u{1b}') && !ran.err.contains('\u{7}'),
        "{ran:?}"
    );
    assert!(ran.err.contains("NPM_TOKEN=[redacted]") && !ran.err.contains("hunter2"), "{ran:?}");
    assert!(ran.err.contains("[step-failed]") && ran.err.contains("step 1: exit 3 after"), "{ran:?}");
    let log = fs::read_to_string(bed.log()).unwrap();
    assert!(!log.contains("hunter2") && !log.contains("cleared"), "the log has no output: {log}");
}

#[test]
fn a_script_gets_documents_and_a_dry_run_changes_nothing() {
    let Some((bed, args)) = bed("#!/bin/sh\n:\n") else { return };
    let before = fs::read_to_string(bed.log()).unwrap();
    let told = bed.run(&["deps", "install", "demo", "--dry-run", "--json"]).done().out;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["schema"], "skill-trust/deps-install-plan/1");
    assert_eq!((told["digest"].as_str().unwrap(), &told["after"]), (args[4].as_str(), &0.into()));
    assert_eq!(told["programs"][0]["path"], format!("{}/npm", bed.path("bin")));
    assert_eq!(fs::read_to_string(bed.log()).unwrap(), before);
    assert!(!bed.home().join("deps").exists());
    let mut words: Vec<_> = args.iter().map(String::as_str).collect();
    words.push("--json");
    let done: Value = serde_json::from_str(&bed.run(&words).done().out).unwrap();
    assert_eq!(
        (&done["end"], &done["steps"][0]["argv"]),
        (&"done".into(), &told["plan"]["steps"][0]["argv"])
    );
    let again = bed.run(&words);
    let error: Value = serde_json::from_str(&again.out).unwrap();
    assert_eq!((again.code, &error["code"]), (Some(3), &"no-consent".into()), "{again:?}");
    // The way on that it names works.
    let next = error["next"].as_str().unwrap().split("skills ").nth(1).unwrap().to_owned();
    bed.run(&next.split(' ').collect::<Vec<_>>()).done();
    for odd in [
        &["--after", "3"][..],
        &["--timeout", "0"],
        &["--plan", "sha256:12"],
        &["--allow", "dep.shell"],
        &["--yes"],
    ] {
        assert_eq!(bed.run(&[&["deps", "install", "demo"], odd].concat()).code, Some(2), "{odd:?}");
    }
    let nobody = bed.run(&["--no-input", "deps", "install", "demo"]);
    assert_eq!(nobody.code, Some(4), "{nobody:?}");
    assert_eq!(bed.run(&["--offline", "deps", "install", "demo"]).code, Some(2));
    bed.run(&["doctor"]).done();
    bed.run(&["kill", "--all"]).done();
    let held = bed.run(&["deps", "install", "demo"]);
    assert_eq!(held.code, Some(6), "{held:?}");
}
