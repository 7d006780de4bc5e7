//! The command itself: a person at a terminal, a script, and what they are told.

use super::crash::bed;
use crate::support::faults::{AS_ACCOUNT, Bed, SKILLS};
use crate::support::pty::Pty;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

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

/// The program, begun by a shell that does this first; `$0` is the folder.
fn begun_by(bed: &Bed, script: &str, folder: &Path, words: &[&str]) -> Output {
    let inner = bed.command(words);
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &format!("{script}; exec \"$@\"")]).arg(folder);
    command.arg(inner.get_program()).args(inner.get_args());
    command.env_clear().env("PATH", crate::support::faults::path()).stdin(Stdio::null());
    command.output().unwrap()
}

/// Where the one skill's programs lie.
fn tools(bed: &Bed) -> PathBuf {
    let all = fs::read_dir(bed.home().join("deps")).unwrap().map(|one| one.unwrap().path().join("tools"));
    let all: Vec<_> = all.filter(|path| path.is_dir()).collect();
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].clone()
}

/// Attack: a shell, or an agent, left a folder open in what it starts. A sandbox hides
/// paths; what is open already it would hand on.
#[test]
fn attack_a_folder_that_was_left_open_leads_out_of_the_sandbox() {
    let npm = "#!/bin/sh\nls /proc/self/fd > /skill-tools/open\ncat /proc/self/fd/9/secret > /skill-tools/got\n\
        echo planted > /proc/self/fd/9/planted\ncat <&8 >> /skill-tools/got\n:\n";
    let Some((bed, args)) = bed(npm) else { return };
    let folder = bed.root.join("mine");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("secret"), "mine").unwrap();
    let words: Vec<_> = args.iter().map(String::as_str).collect();
    let left = r#"exec 9<"$0" 8<"$0/secret" || exit 99"#;
    // That it is left open is what is tested.
    let mut there = Command::new("sh");
    there.args(["-c", &format!("{left}; cat /proc/self/fd/9/secret")]).arg(&folder);
    assert_eq!(there.output().unwrap().stdout, b"mine");
    let ran = begun_by(&bed, left, &folder, &words);
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    let tools = tools(&bed);
    assert_eq!(fs::read_to_string(tools.join("got")).unwrap(), "");
    // `ls` itself opens the folder that it lists.
    assert_eq!(fs::read_to_string(tools.join("open")).unwrap(), "0\n1\n2\n3\n");
    assert!(!folder.join("planted").exists());
}

/// Attack: `/usr/local/bin` is open to a group, as some systems have it, and a step
/// starts what lies there by its name.
#[test]
fn attack_a_usual_folder_of_programs_that_others_can_write_to() {
    let Some((bed, args)) = bed("#!/bin/sh\nprintf %s \"$PATH\" > /skill-tools/path\nplant\n") else {
        return;
    };
    let folder = bed.root.join("group");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("plant"), "#!/bin/sh\necho x > /skill-tools/planted\n").unwrap();
    for (path, mode) in [(folder.join("plant"), 0o755), (folder.clone(), 0o775)] {
        fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }
    // Root's own group has nobody else in it; this one may.
    std::os::unix::fs::chown(&folder, None, Some(50)).unwrap();
    let words: Vec<_> = args.iter().map(String::as_str).collect();
    let over = r#"mount --bind "$0" /usr/local/bin || exit 99"#;
    let ran = begun_by(&bed, over, &folder, &words);
    assert_eq!(ran.status.code(), Some(1), "{}", String::from_utf8_lossy(&ran.stderr));
    let tools = tools(&bed);
    let path = fs::read_to_string(tools.join("path")).unwrap();
    assert!(path.ends_with(":/usr/bin:/bin") && !path.contains("/usr/local/bin"), "{path}");
    assert!(!tools.join("planted").exists());
    // Closed to others it is searched, and the same command is found.
    fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).unwrap();
    let seq = bed.run(&["deps", "install", "demo", "--dry-run", "--json"]).done().out;
    let seq: Value = serde_json::from_str(&seq).unwrap();
    let after = seq["after"].to_string();
    let ran = begun_by(&bed, over, &folder, &[&words[..], &["--after", &after]].concat());
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(tools.join("planted").exists());
}

/// A way on that is named is one that works: another revision, a run before.
#[test]
fn what_a_plan_names_next_works_also_after_a_run() {
    let Some((bed, args)) = bed("#!/bin/sh\nmkdir -p /skill-tools/bin\n") else { return };
    let words: Vec<_> = args.iter().map(String::as_str).collect();
    let done = bed.run(&words).done();
    let bin = done.out.lines().find_map(|line| line.strip_prefix("programs  ")).unwrap();
    assert!(Path::new(bin).is_dir(), "{done:?}");
    let shown = bed.run(&["deps", "plan", "demo"]).done().out;
    let next = shown.lines().last().unwrap().strip_prefix("next      skills ").unwrap().to_owned();
    let shown = bed.run(&next.split(' ').collect::<Vec<_>>()).done().out;
    let line = |head: &str| shown.lines().find_map(|line| line.strip_prefix(head)).unwrap().to_owned();
    let script = line("a script  skills ");
    assert!(script.starts_with(&line("next      skills ")) && script.contains(" --after "), "{shown}");
    bed.run(&script.split(' ').collect::<Vec<_>>()).done();
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
    assert!(!ran.out.contains("programs"), "there are none: {ran:?}");
}

/// One document also of what failed, with the steps.
#[test]
fn a_script_is_told_which_step_failed() {
    let Some((bed, args)) = bed("#!/bin/sh\nexit 3\n") else { return };
    let mut words: Vec<_> = args.iter().map(String::as_str).collect();
    words.push("--json");
    let ran = bed.run(&words);
    assert_eq!((ran.code, ran.out.lines().count()), (Some(1), 1), "{ran:?}");
    let told: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&told["schema"], &told["end"]), (&"skill-trust/deps-install/1".into(), &"failed".into()));
    assert_eq!(told["problem"]["code"], "step-failed", "{told}");
    let how = told["steps"][0]["how"].as_str().unwrap();
    assert!(how.starts_with("step 1: exit 3 after") && told["problem"]["error"] == how, "{told}");
    assert!(told["began"].as_u64().unwrap() < told["record"].as_u64().unwrap(), "{told}");
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
    assert_eq!(done["problem"], Value::Null);
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
