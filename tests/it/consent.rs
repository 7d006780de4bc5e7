//! What it takes to say yes, on a real terminal with a person before it; and
//! what an agent, a pipe or a skill's own text can do about it: nothing.

use crate::support::pty::Pty;
use crate::support::sandbox::{PROGRAM, Sandbox, Story, tamper};
use skill_trust::model::agent::{AGENTS, SHARED_MARKS};
use skill_trust::model::digest::Digest;
use std::path::Path;

/// A sandbox with `pdf` installed, its digest named `A`.
fn installed() -> (Sandbox, Digest) {
    let sandbox = Sandbox::new();
    let pdf = sandbox.skill("pdf").make();
    let digest = sandbox.digest(&pdf);
    sandbox.call("A", &digest);
    sandbox.run(&["install", pdf.to_str().unwrap()]).ok();
    (sandbox, digest)
}

/// The program on a terminal.
fn terminal(sandbox: &Sandbox, args: &[&str]) -> Pty {
    terminal_in(sandbox, &[("TERM", "xterm-256color")], args)
}

fn terminal_in(sandbox: &Sandbox, environment: &[(&str, &str)], args: &[&str]) -> Pty {
    let home = sandbox.arg("home");
    let args = [&["--home", home.as_str()], args].concat();
    Pty::start(Path::new(PROGRAM), &args, environment, &sandbox.at("work"), (24, 80))
}

/// The end of the question that `trust` asks.
const ASKED: &str = "to trust exactly these bytes: ";

/// Asserts that a terminal got nothing but text, line ends and the colours
/// that are ours.
fn is_plain(shown: &str) {
    let mut rest = shown.to_owned();
    for ours in
        ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[2m", "\u{1b}[31m", "\u{1b}[32m", "\u{1b}[33m", "\u{1b}[36m"]
    {
        rest = rest.replace(ours, "");
    }
    let odd = rest.chars().find(|c| match c {
        '\r' | '\n' => false,
        c => skill_trust::model::text::is_hidden(*c),
    });
    assert_eq!(odd, None, "the terminal was sent {odd:?} in:\n{}", rest.escape_debug());
}

#[test]
fn the_name_typed_is_trust_in_the_digest_shown() {
    let (sandbox, digest) = installed();
    let mut story = Story::of(&sandbox);
    let mut pty = terminal(&sandbox, &["trust", "pdf"]);
    let question = pty.wait_for(ASKED);
    assert!(question.contains(&digest.to_string()), "{question}");
    assert!(!question.contains("u{1b}"), "our own colours are no text of the question: {question}");
    assert!(question.contains("nothing of this name was trusted here"), "{question}");
    pty.send("pdf\r");
    let (shown, code) = pty.finish();
    assert_eq!(code, 0, "{shown}");
    is_plain(&shown);
    assert!(shown.contains("Not enabled yet"), "trust and enable are never one answer: {shown}");
    story.changed("> trust done pdf@A\n- row pdf@A installed\n+ row pdf@A trusted");
}

#[test]
fn whatever_is_not_exactly_the_name_is_no() {
    let (sandbox, _) = installed();
    let mut story = Story::of(&sandbox);
    for (typed, what) in [
        ("\r", "the enter key"),
        ("\u{4}", "the end of input"),
        ("\u{3}", "the interrupt key"),
        ("pdf\u{3}", "the name and the interrupt key"),
        ("pdf\u{4}\u{4}", "the name without an end of line"),
        ("y\r", "y"),
        ("yes\r", "yes"),
        ("PDF\r", "other letters"),
        ("pdf \r", "a trailing space"),
        (" pdf\r", "a leading space"),
        ("pdf\t\r", "a trailing tab"),
        ("pdf-forms\r", "another skill"),
        ("p\u{434}f\r", "a letter of another script"),
        ("pdf\u{200b}\r", "a letter that does not show"),
        ("\u{1b}[Apdf\r", "a key before it"),
        ("\u{1b}[200~pdf\u{1b}[201~\r", "a bracketed paste"),
    ] {
        let mut pty = terminal(&sandbox, &["trust", "pdf"]);
        pty.wait_for(ASKED);
        pty.send(typed);
        let (shown, code) = pty.finish();
        assert_eq!(code, 1, "{what}: {shown}");
        assert!(shown.contains("declined"), "{what}: {shown}");
        story.changed("> trust refused [declined] pdf@A");
    }
    // A slip that was corrected is no slip.
    let mut pty = terminal(&sandbox, &["trust", "pdf"]);
    pty.wait_for(ASKED);
    pty.send("pdq\u{7f}f\r");
    assert_eq!(pty.finish().1, 0);
}

#[test]
fn what_was_typed_before_the_question_is_thrown_away() {
    let (sandbox, _) = installed();
    let mut story = Story::of(&sandbox);
    // The program is started by a shell that waits until the answer lies there.
    let script =
        format!("echo ready; read go; exec {PROGRAM} --home {} trust pdf", sandbox.home().to_str().unwrap());
    let mut pty = Pty::start(Path::new("/bin/sh"), &["-c", &script], &[], &sandbox.at("work"), (24, 80));
    pty.wait_for("ready");
    pty.send("go\rpdf\rpdf\rpdf\r");
    pty.wait_for(ASKED);
    // Had an answer been taken, nobody would be waiting now.
    pty.send("no\r");
    let (shown, code) = pty.finish();
    assert_eq!(code, 1, "{shown}");
    story.changed("> trust refused [declined] pdf@A");
}

#[test]
fn a_resized_window_is_no_answer() {
    let (sandbox, _) = installed();
    let mut pty = terminal(&sandbox, &["trust", "pdf"]);
    pty.wait_for(ASKED);
    for (rows, columns) in [(5, 20), (50, 200), (24, 80)] {
        pty.resize(rows, columns);
        pty.signal(28);
    }
    pty.send("pdf\r");
    assert_eq!(pty.finish().1, 0);
}

#[test]
fn bytes_that_changed_under_the_question_are_not_trusted() {
    let (sandbox, digest) = installed();
    let mut story = Story::of(&sandbox);
    let hex = digest.hex();
    let mut pty = terminal(&sandbox, &["trust", "pdf"]);
    pty.wait_for(ASKED);
    tamper(&sandbox.home().join("store").join(&hex[..2]).join(&hex).join("SKILL.md"));
    pty.send("pdf\r");
    let (shown, code) = pty.finish();
    assert_eq!(code, 5, "{shown}");
    story.changed("> trust refused [digest-mismatch] pdf@A");
}

#[test]
fn what_happened_under_the_question_counts() {
    let (sandbox, _) = installed();
    // Killed meanwhile.
    let mut pty = terminal(&sandbox, &["trust", "pdf"]);
    pty.wait_for(ASKED);
    sandbox.run(&["kill", "--all"]).ok();
    let mut story = Story::of(&sandbox);
    pty.send("pdf\r");
    assert_eq!(pty.finish().1, 6);
    story.changed("> trust refused [held] pdf@A");
    // Killed again while the release was being asked for.
    let mut pty = terminal(&sandbox, &["release", "--all"]);
    pty.wait_for("to lift it: ");
    sandbox.run(&["kill", "--all"]).ok();
    pty.send("release epoch 1\r");
    let (shown, code) = pty.finish();
    assert_eq!(code, 6, "{shown}");
    assert!(shown.contains("another kill came"), "{shown}");
    sandbox.run(&["gate", "--all"]).code(6).says("held-all");
    // Removed meanwhile.
    sandbox.run(&["release", "--all", "--phrase", "release epoch 2"]).ok();
    let mut pty = terminal(&sandbox, &["trust", "pdf"]);
    pty.wait_for(ASKED);
    sandbox.run(&["remove", "pdf"]).ok();
    pty.send("pdf\r");
    assert_eq!(pty.finish().1, 3);
}

#[test]
fn a_release_wants_its_phrase() {
    let (sandbox, _) = installed();
    sandbox.run(&["kill", "--all"]).ok();
    let mut story = Story::of(&sandbox);
    for typed in ["\r", "y\r", "release\r", "release epoch 0\r", "release epoch 1 \r", "\u{3}", "\u{4}"] {
        let mut pty = terminal(&sandbox, &["release", "--all"]);
        pty.wait_for("to lift it: ");
        pty.send(typed);
        let (shown, code) = pty.finish();
        assert_eq!(code, 1, "{typed:?}: {shown}");
        story.changed("> release refused [declined]");
    }
    sandbox.run(&["release", "--all", "--phrase", "release epoch 2"]).code(1);
    story.changed("> release refused [declined]");
    let said = sandbox.run(&["release", "--all"]).code(4).says("person-needed");
    story.changed("> release refused [person-needed]");
    assert!(said.0.stderr.contains("release --all --phrase \"release epoch 1\""), "{}", said.0.stderr);
    let mut pty = terminal(&sandbox, &["release", "--all"]);
    pty.wait_for("the kill of everything, epoch 1");
    pty.wait_for("to lift it: ");
    pty.send("release epoch 1\r");
    let (shown, code) = pty.finish();
    assert_eq!(code, 0, "{shown}");
    is_plain(&shown);
    // A narrow kill has a phrase of its own, and its command says for what.
    sandbox.run(&["kill", "pdf"]).ok();
    sandbox.run(&["release", "pdf"]).code(4).says("skills release pdf --phrase \"release name pdf\"");
    sandbox.run(&["release", "pdf", "--phrase", "release name pdf"]).ok();
}

#[test]
fn nobody_at_a_terminal_gets_a_command_that_works() {
    let (sandbox, digest) = installed();
    let mut story = Story::of(&sandbox);
    let said = sandbox.run(&["trust", "pdf"]).code(4).says("person-needed");
    story.changed("> trust refused [person-needed] pdf@A");
    let command = said.0.stderr.lines().find_map(|line| line.strip_prefix("next: ")).unwrap();
    assert_eq!(command, format!("skills trust pdf --digest {digest}"));
    let words: Vec<_> = command.split(' ').skip(1).collect();
    sandbox.run(&words).ok();
    story.changed("> trust done pdf@A\n- row pdf@A installed\n+ row pdf@A trusted");
    // Input that is piped in is not a person, nor is `--no-input` one.
    sandbox.run(&["untrust", "pdf"]).ok();
    sandbox.feed(b"pdf\npdf\n", &["trust", "pdf"]).code(4).says("person-needed");
    let (shown, code) = terminal(&sandbox, &["trust", "pdf", "--no-input"]).finish();
    assert_eq!(code, 4, "{shown}");
    assert!(!shown.contains("Type the skill's name"), "{shown}");
}

/// Text of an author who wants to be taken for us.
const HOSTILE: &str =
    "\u{1b}[2K\u{1b}[1A\u{1b}]0;owned\u{7}\u{1b}]52;c;eA==\u{7}\u{202e}gpj\u{200b}\u{9b}31m";

#[test]
fn text_of_a_skill_never_reaches_the_terminal_raw() {
    let sandbox = Sandbox::new();
    // YAML knows escapes of its own: the file holds plain text, the card does not.
    let quoted: String = HOSTILE.chars().map(|c| format!("\\u{:04x}", c as u32)).collect();
    let card = |name: &str, about: &str| format!("---\nname: {name}\ndescription: {about}\n---\nUse it.\n");
    let about = format!("\"Reads {quoted} files.\"");
    sandbox.skill("pdf").file("SKILL.md", card("pdf", &about)).make();
    sandbox.skill("named").file("SKILL.md", card(&format!("\"a{quoted}\""), "Named.")).make();
    sandbox.skill("raw").file("SKILL.md", card("raw", &format!("Raw {HOSTILE}."))).make();
    let odd = format!("sources/odd/x{HOSTILE}");
    sandbox.skill("odd").into_folder(&odd).make();
    sandbox.skill("entry").file(&format!("x{HOSTILE}.md"), "x").make();
    let hostile_folder = sandbox.arg(&odd);
    let all = sandbox.arg("sources");
    let (a, none) = (sandbox.arg("a"), format!("no{HOSTILE}"));
    let mut shown = Vec::new();
    for args in [
        &["install", &all, "--list"][..],
        &["install", &all],
        &["install", &all, "--all"],
        &["install", &all, "--skill", &none],
        &["install", &hostile_folder],
        &["install", &all, "--skill", "pdf", "--as", &none],
        &["install", &all, "--skill", "named", "--as", "other"],
        &["trust", &none],
        &["trust", "pdf", "--digest", &none],
        &["trust", "pdf", "--digest", HOSTILE, "--note", HOSTILE],
        &["enable", &none, "--dir", &a],
        &["enable", "pdf", "--agent", HOSTILE],
        &["enable", "pdf", "--dir", &format!("{a}/{HOSTILE}")],
        &["disable", &none],
        &["untrust", &none],
        &["remove", &none],
        &["kill", "--source", HOSTILE, "--note", HOSTILE],
        &["kill", &none],
        &["release", "--source", HOSTILE, "--phrase", HOSTILE],
        &["gate", &none],
        &["gate", "pdf", "--path", HOSTILE],
        &["gate", "pdf", "--gateway", HOSTILE],
        &["gate", "--gateway", "x", &format!("--{HOSTILE}")],
        &["--json", "gate", &none],
        &["--json", "trust", &none],
        &["update", &none],
        &[&none],
        &["install", "--skill"],
        &["install", &format!("--{HOSTILE}")],
    ] {
        let (text, _) = terminal(&sandbox, args).finish();
        assert!(!text.is_empty(), "{args:?}");
        is_plain(&text);
        shown.push(text);
    }
    // A card with such text is refused altogether, so no question ever shows it.
    assert!(sandbox.snapshot().state.iter().all(|line| !line.starts_with("row ")));
    // It was there to be seen, made visible.
    assert!(shown[0].contains("\\u{1b}") && shown[0].contains("\\u{202e}"), "{}", shown[0]);
    let log = std::fs::read_to_string(sandbox.home().join("audit/audit.jsonl")).unwrap();
    assert!(log.lines().all(|line| !line.chars().any(skill_trust::model::text::is_hidden)));
}

#[test]
fn under_an_agent_nothing_widens_and_everything_narrows() {
    let (sandbox, digest) = installed();
    let digest = digest.to_string();
    let source = sandbox.arg("sources/pdf");
    let (a, b) = (sandbox.arg("a"), sandbox.arg("b"));
    sandbox.run(&["trust", "pdf", "--digest", &digest]).ok();
    sandbox.run(&["enable", "pdf", "--dir", &a]).ok();
    let marks: Vec<_> = AGENTS.iter().flat_map(|agent| agent.marks).chain(SHARED_MARKS).copied().collect();
    assert!(marks.len() > 15);
    for (at, mark) in marks.iter().enumerate() {
        let environment = [(*mark, "1")];
        let state = sandbox.snapshot().state;
        let mut widening = vec![
            vec!["enable", "pdf", "--dir", &b],
            vec!["trust", "pdf", "--digest", &digest],
            vec!["install", &source],
        ];
        // The rest is one piece of code for all marks.
        if at == 0 {
            widening.push(vec!["trust", "pdf"]);
            widening.push(vec!["install", &source, "--list"]);
            widening.push(vec!["update"]);
        }
        for args in widening {
            let said = sandbox.run_in(&environment, &args);
            // One that would be refused by any means says so alike.
            assert_eq!(said.code, 4, "{mark} {args:?}: {}", said.stderr);
        }
        assert_eq!(sandbox.snapshot().state, state, "{mark}");
        sandbox.run_in(&environment, &["gate", "pdf"]).ok();
        sandbox.run_in(&environment, &["status"]).ok();
    }
    // An empty variable is no mark.
    sandbox.run_in(&[("CLAUDECODE", "")], &["enable", "pdf", "--dir", &b]).ok();
    let agent = [("CLAUDECODE", "1")];
    // On a terminal too, and before anything is asked.
    let (shown, code) = terminal_in(&sandbox, &agent, &["trust", "pdf"]).finish();
    assert_eq!(code, 4, "{shown}");
    assert!(!shown.contains("Type the skill's name"), "{shown}");
    sandbox.run_in(&agent, &["disable", "pdf", "--dir", &b]).ok();
    sandbox.run_in(&agent, &["kill", "pdf"]).ok();
    sandbox.run_in(&agent, &["kill", "--all"]).ok();
    for args in [&["release", "--all"][..], &["release", "--all", "--phrase", "release epoch 1"]] {
        sandbox.run_in(&agent, args).code(4).says("agent-environment");
    }
    sandbox.run_in(&agent, &["release", "pdf", "--phrase", "release name pdf"]).code(4).says("");
    sandbox.run_in(&agent, &["untrust", "pdf", "--never"]).ok();
    sandbox.run_in(&agent, &["remove", "pdf"]).ok();
    sandbox.run_in(&agent, &["gate", "pdf"]).code(6).says("deny");
}
