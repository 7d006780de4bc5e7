//! What `install` offers on a terminal: each step its own question, No unless
//! yes is said, and to nobody who is not there.

use crate::support::faults::AS_ACCOUNT;
use crate::support::pty::Pty;
use crate::support::sandbox::{PROGRAM, Sandbox, chmod, tamper};
use skill_trust::model::agent::AGENTS;
use skill_trust::ops::World;
use std::path::Path;

const TYPE: &str = "to trust exactly these bytes: ";

/// A sandbox with a source of `pdf`, its digest named `A`.
fn source() -> (Sandbox, String) {
    let sandbox = Sandbox::new();
    let pdf = sandbox.skill("pdf").make();
    sandbox.call("A", &sandbox.digest(&pdf));
    (sandbox, pdf.to_str().unwrap().to_owned())
}

fn terminal(sandbox: &Sandbox, environment: &[(&str, &str)], args: &[&str]) -> Pty {
    let home = sandbox.arg("home");
    let args = [&["--home", home.as_str()], args].concat();
    let environment = [&[("TERM", "dumb")], environment].concat();
    Pty::start(Path::new(PROGRAM), &args, &environment, &sandbox.at("work"), (24, 200))
}

fn shell(sandbox: &Sandbox, line: &str) -> Pty {
    // Once: the folder that tests run in may have the word in its own name.
    let line = line.replacen("skills", &format!("{PROGRAM} --home {}", sandbox.arg("home")), 1);
    Pty::start(Path::new("/bin/sh"), &["-c", &line], &[("TERM", "dumb")], &sandbox.at("work"), (24, 200))
}

/// Answers a question.
fn answer(pty: &mut Pty, question: &str, typed: &str) -> String {
    let shown = pty.wait_for(question);
    pty.wait_for("[y/N] ");
    pty.send(typed);
    shown
}

/// Asserts that nothing but an install is on record.
fn only_installed(sandbox: &Sandbox) {
    let shown = sandbox.run(&["audit", "show"]).ok().0.stdout;
    let lines: Vec<_> = shown.lines().collect();
    assert!(lines.len() == 2 && lines[1].contains(" install  done "), "{shown}");
}

/// How many agents of the account that runs the tests will be asked about.
fn agents_here() -> usize {
    let Some(home) = World::usual("cli").account_home else { return 0 };
    AGENTS.iter().filter(|agent| home.join(agent.place).parent().is_some_and(Path::is_dir)).count()
}

#[test]
fn each_no_ends_it_with_the_command_for_later() {
    for no in ["\r", "n\r", "no\r", "yes please\r", "\u{4}", "\u{3}"] {
        let (sandbox, pdf) = source();
        let mut pty = terminal(&sandbox, &[], &["install", &pdf]);
        answer(&mut pty, "Review pdf@", no);
        let (shown, code) = pty.finish();
        assert_eq!(code, 0, "the install is done: {shown}");
        assert!(shown.contains("Next:  skills review pdf@"), "{shown}");
        assert!(!shown.contains("Trust pdf@"), "{shown}");
        only_installed(&sandbox);
    }
    let (sandbox, pdf) = source();
    let mut pty = terminal(&sandbox, &[], &["install", &pdf]);
    answer(&mut pty, "Review pdf@", "y\r");
    let review = answer(&mut pty, "Trust pdf@", "\r");
    assert!(review.contains("Use it."), "the review was shown: {review}");
    let (shown, code) = pty.finish();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("Next:  skills trust pdf@") && !shown.contains("Type the"), "{shown}");
    only_installed(&sandbox);
}

#[test]
fn a_yes_to_the_offer_is_no_trust_without_the_name() {
    for typed in ["y\r", "\r", "pdf-forms\r", "\u{3}"] {
        let (sandbox, pdf) = source();
        let mut pty = terminal(&sandbox, &[], &["install", &pdf]);
        answer(&mut pty, "Review pdf@", "y\r");
        answer(&mut pty, "Trust pdf@", "y\r");
        pty.wait_for(TYPE);
        pty.send(typed);
        let (shown, code) = pty.finish();
        assert_eq!(code, 0, "{shown}");
        assert!(shown.contains("declined") && shown.contains("next: skills trust pdf@"), "{shown}");
        assert!(!shown.contains("Enable pdf@"), "{shown}");
        sandbox.run(&["status", "pdf"]).ok().says("installed");
    }
}

#[test]
fn the_whole_way_is_four_answers_and_swaps_what_was_there() {
    let (sandbox, pdf) = source();
    sandbox.trusted(Path::new(&pdf), "A");
    sandbox.run(&["enable", "pdf", "--dir", &sandbox.arg("a")]).ok();
    sandbox.skill("pdf").file("more.md", "more\n").make();
    let digest = sandbox.digest(Path::new(&pdf));
    sandbox.call("B", &digest);
    let mut pty = terminal(&sandbox, &[], &["install", &pdf]);
    answer(&mut pty, "Review pdf@", "y\r");
    answer(&mut pty, "Trust pdf@", "y\r");
    let asked = pty.wait_for(TYPE);
    assert!(asked.contains(&digest.to_string()), "{asked}");
    pty.send("pdf\r");
    let asked = answer(&mut pty, "in place of pdf@", "y\r");
    assert!(asked.contains(&format!("Enable pdf@{}", digest.short())), "{asked}");
    let (shown, code) = pty.finish();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("enabled") && shown.contains("replaced pdf@"), "{shown}");
    assert!(sandbox.at("a/pdf/more.md").exists());
    // All of it again: there is nothing left to offer.
    let (shown, code) = terminal(&sandbox, &[], &["install", &pdf]).finish();
    assert_eq!(code, 0, "{shown}");
    assert!(!shown.contains("[y/N]"), "{shown}");
}

#[test]
fn attack_answers_typed_ahead_count_for_one_question_at_most() {
    let (sandbox, pdf) = source();
    let mut pty = terminal(&sandbox, &[], &["install", &pdf]);
    pty.wait_for("Review pdf@");
    pty.wait_for("[y/N] ");
    pty.send("y\ry\rpdf\ry\ry\r");
    answer(&mut pty, "Trust pdf@", "\r");
    let (shown, code) = pty.finish();
    assert_eq!(code, 0, "{shown}");
    sandbox.run(&["status", "pdf"]).ok().says("installed");
    assert!(!sandbox.run(&["audit", "show"]).ok().0.stdout.contains(" trust "));
}

#[test]
fn attack_the_bytes_change_while_the_name_is_typed() {
    let (sandbox, pdf) = source();
    let hex = sandbox.digest(Path::new(&pdf)).hex();
    let mut pty = terminal(&sandbox, &[], &["install", &pdf]);
    answer(&mut pty, "Review pdf@", "y\r");
    answer(&mut pty, "Trust pdf@", "y\r");
    pty.wait_for(TYPE);
    tamper(&sandbox.home().join("store").join(&hex[..2]).join(&hex).join("SKILL.md"));
    pty.send("pdf\r");
    let (shown, _) = pty.finish();
    assert!(shown.contains("error[") && !shown.contains("Enable pdf@"), "{shown}");
    let status = sandbox.run(&["status", "pdf"]);
    assert!(status.stdout.contains("installed"), "{status:?}");
}

#[test]
fn a_review_that_fails_ends_the_offer_and_not_the_install() {
    let (sandbox, pdf) = source();
    let hex = sandbox.digest(Path::new(&pdf)).hex();
    let mut pty = terminal(&sandbox, &[], &["install", &pdf]);
    pty.wait_for("Review pdf@");
    pty.wait_for("[y/N] ");
    tamper(&sandbox.home().join("store").join(&hex[..2]).join(&hex).join("SKILL.md"));
    pty.send("y\r");
    let (shown, code) = pty.finish();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("error[") && !shown.contains("Trust pdf@"), "{shown}");
}

#[test]
fn nothing_is_offered_to_who_is_not_there() {
    for args in [&["--no-input", "install"][..], &["--json", "install"], &["-q", "install"]] {
        let (sandbox, pdf) = source();
        let (shown, code) = terminal(&sandbox, &[], &[args, &[pdf.as_str()]].concat()).finish();
        assert_eq!(code, 0, "{args:?}: {shown}");
        assert!(!shown.contains("[y/N]"), "{args:?}: {shown}");
    }
    for agent in AGENTS {
        let (sandbox, pdf) = source();
        let (shown, code) = terminal(&sandbox, &[(agent.marks[0], "1")], &["install", &pdf]).finish();
        assert_eq!((code, shown.contains("[y/N]")), (4, false), "{}: {shown}", agent.id);
    }
    for line in ["skills install {} | cat", "skills install {} </dev/null", "skills install {} >out; cat out"]
    {
        let (sandbox, pdf) = source();
        let (shown, code) = shell(&sandbox, &line.replace("{}", &pdf)).finish();
        assert_eq!((code, shown.contains("[y/N]")), (0, false), "{line}: {shown}");
        assert!(shown.contains("Nothing is enabled. Next:  skills review pdf@"), "{line}: {shown}");
    }
    for flag in ["--list", "--dry-run"] {
        let (sandbox, pdf) = source();
        let (shown, code) = terminal(&sandbox, &[], &["install", &pdf, flag]).finish();
        assert_eq!((code, shown.contains("[y/N]")), (0, false), "{flag}: {shown}");
    }
    // Without any terminal the command says what it always said.
    let (sandbox, pdf) = source();
    sandbox.run(&["install", &pdf]).ok().says("Nothing is enabled. Next:  skills review pdf@");
}

#[test]
fn several_are_offered_as_a_set_and_each_agent_is_a_question() {
    let sandbox = Sandbox::new();
    let pack = sandbox.at("sources/pack");
    for name in ["one", "two"] {
        sandbox.skill(name).into_folder(&format!("sources/pack/{name}")).make();
    }
    let source = pack.to_str().unwrap();
    let mut pty = terminal(&sandbox, &[], &["install", source, "--all"]);
    answer(&mut pty, "Review these 2 now?", "\r");
    let (shown, _) = pty.finish();
    assert!(shown.contains(&format!("Next:  skills review --from {source}")), "{shown}");

    let mut pty = terminal(&sandbox, &[], &["install", source, "--all"]);
    answer(&mut pty, "Review these 2 now?", "y\r");
    answer(&mut pty, "Trust these 2 now? (number and source are asked for next)", "y\r");
    pty.wait_for("to trust exactly these 2 revisions");
    pty.send(&format!("2 from {source}\r"));
    pty.wait_for("trusted");
    for _ in 0..agents_here() {
        answer(&mut pty, "Enable these 2 for ", "\r");
    }
    let (shown, code) = pty.finish();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("Next:  skills enable one@"), "{shown}");
    sandbox.run(&["status", "one"]).ok().says("trusted");

    // Trusted before, they are offered for enabling alone.
    let mut pty = terminal(&sandbox, &[], &["install", source, "--all"]);
    for _ in 0..agents_here() {
        answer(&mut pty, "Enable these 2 for ", "n\r");
    }
    let (shown, code) = pty.finish();
    assert_eq!(code, 0, "{shown}");
    assert!(!shown.contains("Trust these") && shown.contains("Next:  skills enable one@"), "{shown}");
}

/// As [`terminal`], in an account of its own whose folder is `person/`; root's
/// alone, since a home must belong to who uses it.
fn in_account(sandbox: &Sandbox, args: &[&str]) -> Option<Pty> {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("NOT RUN: an account of its own needs root; the other pass runs it");
        return None;
    }
    let passwd = sandbox.arg("work/passwd");
    std::fs::write(&passwd, format!("person:x:0:0::{}:/bin/sh\n", sandbox.arg("person"))).unwrap();
    let home = sandbox.arg("home");
    let before = ["--mount", "sh", "-c", AS_ACCOUNT, &passwd, PROGRAM, "--home", &home];
    let args = [&before[..], args].concat();
    let environment = [("TERM", "dumb"), ("PATH", "/usr/local/bin:/usr/bin:/bin")];
    Some(Pty::start(Path::new("/usr/bin/unshare"), &args, &environment, &sandbox.at("work"), (24, 200)))
}

/// A person with these agents' folders, and `pdf` trusted and placed nowhere.
fn person(agents: &[&str]) -> (Sandbox, String) {
    let (sandbox, pdf) = source();
    std::fs::create_dir(sandbox.at("person")).unwrap();
    chmod(&sandbox.at("person"), 0o755);
    for agent in agents {
        std::fs::create_dir(sandbox.at("person").join(agent)).unwrap();
    }
    sandbox.trusted(Path::new(&pdf), "A");
    (sandbox, pdf)
}

#[test]
fn each_agent_of_the_account_is_a_question_of_its_own() {
    let (sandbox, pdf) = person(&[".claude", ".gemini"]);
    let Some(mut pty) = in_account(&sandbox, &["install", &pdf]) else { return };
    let first = answer(&mut pty, "for Claude Code now?", "n\r");
    assert!(first.contains("Enable pdf@") && !first.contains("Gemini"), "{first}");
    answer(&mut pty, "for Gemini CLI now?", "y\r");
    let (shown, code) = pty.finish();
    assert_eq!(code, 0, "{shown}");
    assert_eq!(shown.matches("[y/N]").count(), 2, "two agents, two questions: {shown}");
    assert!(sandbox.at("person/.gemini/skills/pdf/SKILL.md").exists(), "{shown}");
    assert!(!sandbox.at("person/.claude/skills").exists(), "a no places nothing: {shown}");
    // Nowhere is an agent: nothing is asked, and what to type is said.
    let (sandbox, pdf) = person(&[]);
    let (shown, code) = in_account(&sandbox, &["install", &pdf]).unwrap().finish();
    assert_eq!((code, shown.contains("[y/N]")), (0, false), "{shown}");
    assert!(shown.contains("No agent that we know has a folder here. Next:  skills enable pdf@"), "{shown}");
}

#[test]
fn the_agents_of_the_policy_are_one_question() {
    for (typed, placed) in [("\r", false), ("y\r", true)] {
        let (sandbox, pdf) = person(&[".claude", ".cursor"]);
        let config = sandbox.at("person/.config/skill-trust");
        std::fs::create_dir_all(&config).unwrap();
        let policy = "[enable]\nagents = [\"claude-code\", \"gemini\"]\n";
        std::fs::write(config.join("policy.toml"), policy).unwrap();
        let Some(mut pty) = in_account(&sandbox, &["install", &pdf]) else { return };
        answer(&mut pty, "for the agents of the policy now?", typed);
        let (shown, code) = pty.finish();
        assert_eq!(code, 0, "{shown}");
        assert_eq!(shown.matches("[y/N]").count(), 1, "one question for all of them: {shown}");
        for (agent, theirs) in [(".claude", true), (".gemini", true), (".cursor", false)] {
            let copy = sandbox.at("person").join(agent).join("skills/pdf/SKILL.md");
            assert_eq!(copy.exists(), placed && theirs, "{agent} after {typed:?}: {shown}");
        }
        // The policy says where, so what to type later does not.
        let later = format!("Next:  skills enable pdf@{}", sandbox.digest(Path::new(&pdf)).short());
        assert_eq!(shown.lines().any(|line| line.trim_end() == later), !placed, "{shown}");
    }
}
