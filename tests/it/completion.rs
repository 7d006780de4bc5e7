//! What the shells are told could be typed: read only, quiet, harmless to show.

use crate::support::sandbox::{Output, PROGRAM, Sandbox};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is offered for the last word of a line, in a shell's form.
fn complete(sandbox: &Sandbox, shell: &str, line: &[&str]) -> Vec<String> {
    let home = sandbox.arg("home");
    let words = [&["skills", "--home", home.as_str()], line].concat();
    let index = (words.len() - 1).to_string();
    let args = [&["__complete", shell, index.as_str(), "--"], words.as_slice()].concat();
    let said = Output::of(&mut sandbox.bare(&args), &args).ok();
    assert_eq!(said.0.stderr, "", "{line:?}");
    said.0.stdout.lines().map(str::to_owned).filter(|line| !line.starts_with('-')).collect()
}

/// Every file below a folder with its bytes; without the index that SQLite
/// keeps for processes that read at the same time, which is nobody's data.
fn bytes(folder: &Path, into: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            into.insert(path.clone(), Vec::new());
            bytes(&path, into);
        } else if !path.ends_with("ledger.db-shm") {
            into.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
}

#[test]
fn each_command_offers_the_skills_that_it_takes() {
    let sandbox = Sandbox::in_three_states();
    for (command, offered) in [
        ("trust", &["one"][..]),
        ("enable", &["three", "two"]),
        ("untrust", &["three", "two"]),
        ("disable", &["three"]),
        ("review", &["one", "three", "two"]),
        ("status", &["one", "three", "two"]),
        ("remove", &["one", "three", "two"]),
        ("kill", &["one", "three", "two"]),
    ] {
        assert_eq!(complete(&sandbox, "bash", &[command, ""]), offered, "{command}");
    }
    assert_eq!(complete(&sandbox, "bash", &["scan", "t"]), ["three", "two"]);
    assert_eq!(complete(&sandbox, "bash", &["explain", "exec.fetch.r"]), ["exec.fetch.raw-ip"]);
    assert_eq!(complete(&sandbox, "bash", &["explain", "entry-l"]), ["entry-link"]);
    assert_eq!(complete(&sandbox, "bash", &["review", "t"]), ["three", "two"]);
    assert_eq!(complete(&sandbox, "bash", &["review", "one", "tw"]), ["two"]);
    assert_eq!(complete(&sandbox, "bash", &["review", "x"]), Vec::<String>::new());
    assert_eq!(complete(&sandbox, "bash", &["enable", "two", "--agent", "co"]), ["codex", "copilot"]);
    assert_eq!(complete(&sandbox, "fish", &["enable", "two", "--agent", "cod"]), ["codex\tCodex"]);
    assert_eq!(complete(&sandbox, "zsh", &["enable", "two", "--agent", "cod"]), ["codex:Codex"]);
    assert_eq!(complete(&sandbox, "bash", &["unt"]), ["untrust"]);
    let commands = complete(&sandbox, "bash", &[""]);
    assert!(commands.contains(&"status".to_owned()) && !commands.contains(&"ls".to_owned()), "{commands:?}");
    assert_eq!(complete(&sandbox, "bash", &["rm", "o"]), ["one"], "a second name is understood");
    let revisions = complete(&sandbox, "fish", &["review", "one@"]);
    assert_eq!((revisions.len(), revisions[0].len()), (1, "one@".len() + 12), "{revisions:?}");
    // As bash breaks it.
    let rest = complete(&sandbox, "bash", &["review", "one", "@"]);
    assert_eq!(rest, [revisions[0].trim_start_matches("one@")]);
}

#[test]
fn completing_changes_nothing_and_makes_no_home() {
    let sandbox = Sandbox::in_three_states();
    let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
    bytes(&sandbox.home(), &mut before);
    for command in ["trust", "enable", "disable", "review", "kill"] {
        complete(&sandbox, "bash", &[command, ""]);
    }
    bytes(&sandbox.home(), &mut after);
    let changed: Vec<_> = before.keys().filter(|path| after.get(*path) != before.get(*path)).collect();
    assert!(changed.is_empty() && before.len() == after.len(), "{changed:?}");
    let empty = Sandbox::fast();
    assert_eq!(complete(&empty, "bash", &["trust", ""]), Vec::<String>::new());
    assert!(!empty.home().exists());
}

#[test]
fn whatever_is_wrong_nothing_is_said() {
    let sandbox = Sandbox::in_three_states();
    for args in [
        &["__complete"][..],
        &["__complete", "bash"],
        &["__complete", "bash", "1", "skills", ""],
        &["__complete", "tcsh", "1", "--", "skills", ""],
        &["__complete", "bash", "-1", "--", "skills", ""],
        &["__complete", "bash", "99999999999999999999", "--", "skills"],
        &["__complete", "bash", "0", "--"],
        &["__complete", "bash", "3", "--", "skills", "nonsense", "--what", ""],
        &["__complete", "fish", "2", "--", "skills", "--home"],
    ] {
        let said = Output::of(&mut sandbox.bare(args), args).ok();
        assert_eq!(said.0.stderr, "", "{args:?}");
    }
    fs::write(sandbox.home().join("ledger.db"), "no ledger at all").unwrap();
    assert_eq!(complete(&sandbox, "bash", &["trust", ""]), Vec::<String>::new());
}

#[test]
fn attack_an_index_without_end_takes_no_memory() {
    let sandbox = Sandbox::fast();
    let args = ["__complete", "bash", "18446744073709551615", "--", "skills", ""];
    let said = Output::of(&mut sandbox.bare(&args), &args).ok();
    assert_eq!((said.0.stdout.as_str(), said.0.stderr.as_str()), ("", ""));
}

#[test]
fn attack_a_file_whose_name_moves_the_cursor_is_not_offered() {
    let sandbox = Sandbox::fast();
    for name in ["plain.toml", "evil\u{1b}[2J.toml", "evil\u{202e}lmot", "two\nlines"] {
        fs::write(sandbox.at("work").join(name), "").unwrap();
    }
    assert_eq!(complete(&sandbox, "bash", &["policy", "check", ""]), [".", "plain.toml"]);
}

#[test]
fn attack_a_variable_that_turns_commands_into_completions() {
    let sandbox = Sandbox::in_three_states();
    let environment = [("COMPLETE", "bash"), ("_CLAP_COMPLETE_INDEX", "1"), ("_CLAP_IFS", "\n")];
    sandbox.run_in(&environment, &["kill", "--all"]).ok();
    sandbox.run(&["gate", "three"]).code(6);
}

#[test]
fn bash_takes_the_script_and_completes_with_it() {
    let sandbox = Sandbox::in_three_states();
    let script = Output::of(&mut sandbox.bare(&["generate", "completions", "bash"]), &[]).ok().0.stdout;
    let file = sandbox.at("work/skills.bash");
    fs::write(&file, script).unwrap();
    let home = sandbox.arg("home");
    let ask = |words: &str, index: usize| {
        let line = format!(
            "source {}; COMP_WORDS=(skills --home {home} {words}); COMP_CWORD={index}; _skills skills; \
             printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            file.display()
        );
        let mut bash = Command::new("/bin/bash");
        bash.args(["--norc", "-c", &line]).env_clear().env("PATH", Path::new(PROGRAM).parent().unwrap());
        let output = bash.output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(ask("enable t", 4), "three\ntwo\n");
    assert_eq!(ask("enable two --agent cla", 6), "claude-code\n");
    assert_eq!(ask("trust nothing-like-it", 4), "\n");
}

/// Attack: a project has a `skills` of its own, and the Tab key alone runs it.
#[test]
fn attack_a_program_in_the_project_is_run_by_the_tab_key() {
    let sandbox = Sandbox::in_three_states();
    let script = Output::of(&mut sandbox.bare(&["generate", "completions", "bash"]), &[]).ok().0.stdout;
    fs::write(sandbox.at("work/script"), script).unwrap();
    fs::write(sandbox.at("work/skills"), "#!/bin/sh\n: > ran\necho evil\n").unwrap();
    fs::set_permissions(sandbox.at("work/skills"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    let line = format!(
        "source ./script; COMP_WORDS=(./skills --home {} enable t); COMP_CWORD=4; _skills ./skills; \
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        sandbox.arg("home")
    );
    let mut bash = Command::new("/bin/bash");
    bash.args(["--norc", "-c", &line]).env_clear().env("PATH", Path::new(PROGRAM).parent().unwrap());
    let output = bash.current_dir(sandbox.at("work")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "three\ntwo\n");
    assert!(!sandbox.at("work/ran").exists());
    // The other shells' scripts, which may not be here, name the program without its folder too.
    for (shell, named) in
        [("zsh", "command \"${words[1]:t}\" __complete"), ("fish", "command $program __complete")]
    {
        let script = Output::of(&mut sandbox.bare(&["generate", "completions", shell]), &[]).ok().0.stdout;
        assert!(script.contains(named), "{script}");
    }
}

#[test]
fn pages_and_schemas_are_printed() {
    let sandbox = Sandbox::fast();
    let print = |args: &[&str]| sandbox.run(&[&["generate"], args].concat()).ok().0.stdout;
    for (words, said) in [
        (&["man"][..], "skills \\-"),
        (&["man", "trust"], "Decide that"),
        (&["man", "audit", "show"], "oldest"),
    ] {
        let page = print(words);
        assert!(page.contains(".TH") && page.contains(said), "{words:?}: {page}");
    }
    sandbox.run(&["generate", "man", "nonsense"]).code(2).says("no command `nonsense`");
    for name in ["gate-request", "gate-answer", "record"] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schema/{name}.json"));
        assert_eq!(print(&["schema", name]).trim_end(), fs::read_to_string(file).unwrap().trim_end());
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(print(&["completions", shell]).contains(&format!("__complete {shell}")));
    }
    assert!(!sandbox.home().exists());
}
