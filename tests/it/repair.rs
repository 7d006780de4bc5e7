//! After drift: what changed is shown, and two decisions lead back to the old
//! bytes. Every change that drift is made of can be repaired from.

use crate::drift::change::{PLACED, STORED};
use crate::drift::{Played, each_case, is_root, lifecycle, line, play, run};
use crate::support::pty::Pty;
use crate::support::sandbox::{PROGRAM, Sandbox, Story, chmod, tamper};
use crate::support::scene::{self, remove};
use skill_trust::model::digest::Digest;
use skill_trust::model::lifecycle::{DriftReason, State};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

/// `pdf`, named `A`, enabled in `a/`.
fn enabled() -> (Sandbox, Digest) {
    let sandbox = Sandbox::new();
    let pdf = sandbox.skill("pdf").program("run.sh", "echo hi\n").make();
    let digest = sandbox.trusted(&pdf, "A");
    sandbox.run(&["enable", "pdf", "--dir", &sandbox.arg("a")]).ok();
    (sandbox, digest)
}

fn terminal(sandbox: &Sandbox, args: &[&str]) -> Pty {
    let home = sandbox.arg("home");
    let args = [&["--home", home.as_str()], args].concat();
    Pty::start(Path::new(PROGRAM), &args, &[("TERM", "dumb")], &sandbox.at("work"), (40, 200))
}

const TRUST: &str = "to trust exactly these bytes: ";
const PLACE: &str = "Place the old bytes there again? [y/N] ";

/// Runs a command that the program printed.
fn printed(sandbox: &Sandbox, command: &str) -> crate::support::sandbox::Output {
    let words: Vec<_> = command.split(' ').skip(1).collect();
    assert!(command.starts_with("skills "), "{command}");
    sandbox.run(&words)
}

#[test]
fn every_drift_of_a_placement_can_be_repaired() {
    let played = play();
    let Played { scene, revision, now, .. } = &played;
    let (typed, digest) = (scene::typed(revision), revision.digest.to_string());
    let top = scene.agent().join("notes");
    let count = each_case(&played, &top, PLACED, |what, attack, wanted| {
        if attack.unreadable && !is_root() {
            // Trouble reading is not drift: nothing was withdrawn, so there is
            // nothing to repair; disabled and enabled it is whole again.
            let answer = run(scene, what, &["repair", &typed, "--digest", &digest], 5);
            assert_eq!(answer["code"], "unreadable", "{what}: {answer}");
            assert_eq!(lifecycle(scene, revision).state(), State::Enabled, "{what}");
            scene::open_up(&scene.agent());
            now.write(&scene.base(), |path| path.starts_with("agent"));
            return;
        }
        // Nobody had noticed: the repair declares it, by itself, first.
        let answer =
            run(scene, what, &["repair", &typed, "--digest", &digest], if attack.foreign { 3 } else { 0 });
        let mut lines: Vec<_> = answer["differences"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| line(&serde_json::from_value::<DriftReason>(one["difference"].clone()).unwrap()))
            .collect();
        lines.sort();
        if wanted != ["NAME"] {
            assert_eq!(lines, wanted, "{what}");
        }
        assert_eq!(lifecycle(scene, revision).state(), State::Trusted, "{what}: {answer}");
        assert_eq!(answer["placed"], serde_json::json!([]), "{what}: nothing is placed without a person");
        assert_eq!(answer["places"][0], top.to_str().unwrap(), "{what}");
        run(scene, what, &["gate", &typed], 3);
        if attack.foreign {
            // Not ours to move; a person does, as it says.
            remove(&top);
        } else {
            assert!(top.symlink_metadata().is_err(), "{what}: still there");
            let gone = ["missing", "removed-top", "renamed-top"].iter().any(|word| what.contains(word));
            let kept = answer["kept"].as_array().unwrap().len();
            assert!(
                kept == 1 || gone || lines.iter().any(|line| line.starts_with("missing")),
                "{what}: {answer}"
            );
        }
        let command = answer["enable"][0].as_str().unwrap().to_owned();
        let words: Vec<_> = command.split(' ').skip(1).collect();
        run(scene, what, &words, 0);
        let answer = run(scene, what, &["gate", &typed], 0);
        assert_eq!(answer["digest"], serde_json::json!(digest), "{what}");
    });
    assert!(count >= if is_root() { 145 } else { 140 }, "only {count} changes");
}

#[test]
fn a_damaged_stored_copy_is_brought_again_by_the_command_that_is_printed() {
    let played = play();
    let Played { scene, revision, .. } = &played;
    let (typed, digest, hex) = (scene::typed(revision), revision.digest.to_string(), revision.digest.hex());
    let top = scene.world.home.join("store").join(&hex[..2]).join(&hex);
    let mut count = 0;
    each_case(&played, &top, STORED, |what, attack, _| {
        // Each kind once is enough here: `drift` walks them all.
        count += 1;
        if count % 8 != 0 || attack.unreadable || attack.root {
            return;
        }
        run(scene, what, &["gate", &typed, "--question", "enable"], 5);
        let refused = run(scene, what, &["repair", &typed, "--digest", &digest], 5);
        assert_eq!(refused["code"], "digest-mismatch", "{what}: {refused}");
        assert_eq!(lifecycle(scene, revision).state(), State::Installed, "{what}");
        let command = refused["next"].as_str().unwrap().to_owned();
        assert!(command.ends_with(&format!("--skill notes --digest {digest}")), "{what}: {command}");
        let words: Vec<_> = command.split(' ').skip(1).collect();
        run(scene, what, &words, 0);
        let answer = run(scene, what, &["repair", &typed, "--digest", &digest], 0);
        assert_eq!(answer["in_store"], true, "{what}: {answer}");
        assert_eq!(lifecycle(scene, revision).state(), State::Trusted, "{what}");
    });
    assert!(count > 100, "{count}");
}

/// What was adopted has no source to install it from: under its name it would
/// be another one's. Adopted again, its bytes are stored again.
#[test]
fn the_stored_copy_of_an_adopted_skill_is_brought_again_by_adopting() {
    let sandbox = Sandbox::new();
    let folder = sandbox.skill("notes").into_folder("work/theirs notes").make();
    sandbox.run(&["adopt", folder.to_str().unwrap()]).ok();
    let digest = sandbox.digest(&folder);
    let (full, hex) = (digest.to_string(), digest.hex());
    sandbox.run(&["trust", "notes", "--digest", &full]).ok();
    tamper(&sandbox.home().join("store").join(&hex[..2]).join(&hex).join("SKILL.md"));
    let refused = sandbox.run(&["repair", "notes", "--digest", &full, "--json"]).code(5).json();
    let command = format!("skills adopt '{}' --as notes", folder.display());
    assert_eq!(refused["next"], command, "{refused}");
    sandbox.run(&["adopt", folder.to_str().unwrap(), "--as", "notes"]).ok();
    sandbox.run(&["repair", "notes", "--digest", &full]).ok();
    sandbox.run(&["review", "notes"]).ok().says("digest");
    assert_eq!(lifecycle_of(&sandbox, "notes"), "trusted");
}

fn lifecycle_of(sandbox: &Sandbox, name: &str) -> String {
    let status = sandbox.run(&["status", name, "--json"]).ok().json();
    status["skills"][0]["state"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn two_questions_trust_and_then_placing() {
    let (sandbox, digest) = enabled();
    let card = sandbox.at("a/pdf/SKILL.md");
    let crlf = fs::read_to_string(&card).unwrap().replace('\n', "\r\n");
    chmod(&card, 0o600);
    fs::write(&card, crlf).unwrap();
    chmod(&card, 0o444);
    sandbox.run(&["gate", "pdf"]).code(5).says("skills repair pdf");
    sandbox.run(&["status"]).code(0).says("next: skills repair pdf@");
    let mut story = Story::of(&sandbox);
    let mut pty = terminal(&sandbox, &["repair", "pdf"]);
    let shown = pty.wait_for(TRUST);
    for text in [
        "~ SKILL.md: ",
        "(a by-product: line ends only)",
        "denies all the same",
        "/home/evidence/skill-trust-withdrawn-",
    ] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    assert!(shown.contains(&digest.to_string()), "{shown}");
    pty.send("pdf\r");
    let shown = pty.wait_for(PLACE);
    assert!(shown.contains(&sandbox.arg("a/pdf")), "{shown}");
    story.changed("> trust done pdf@A\n- row pdf@A installed\n+ row pdf@A trusted");
    pty.send("y\r");
    let (shown, code) = pty.finish();
    assert_eq!(code, 0, "{shown}");
    sandbox.run(&["gate", "pdf"]).ok();
    assert_eq!(sandbox.digest(&sandbox.at("a/pdf")), digest);
    sandbox.run(&["repair", "pdf"]).ok().says("sound");
    sandbox.is_tidy();
}

#[test]
fn neither_answer_stands_for_the_other() {
    let (sandbox, _) = enabled();
    tamper(&sandbox.at("a/pdf/SKILL.md"));
    sandbox.run(&["gate", "pdf"]).code(5);
    // `y`, the digest's beginning, nothing: no trust, and the second question never comes.
    for typed in ["y\r", "yes\r", "\r", "\u{3}", "\u{4}"] {
        let mut story = Story::of(&sandbox);
        let mut pty = terminal(&sandbox, &["repair", "pdf"]);
        pty.wait_for(TRUST);
        pty.send(typed);
        let (shown, code) = pty.finish();
        assert_eq!(code, 1, "{shown}");
        assert!(!shown.contains(PLACE), "{shown}");
        story.changed("> trust refused [declined] pdf@A");
    }
    // Typed ahead, the name answers the first question's time, not the second.
    let mut pty = terminal(&sandbox, &["repair", "pdf"]);
    pty.wait_for(TRUST);
    pty.send("pdf\ry\r");
    let shown = pty.wait_for(PLACE);
    assert!(shown.contains("It was placed here"), "{shown}");
    let mut story = Story::of(&sandbox);
    pty.send("\r");
    let (shown, code) = pty.finish();
    // A no is a no to every question: as to the first.
    assert_eq!(code, 1, "{shown}");
    assert!(shown.contains("Not placed. It is trusted") && shown.contains("error[declined]"), "{shown}");
    story.changed("> enable refused [declined] pdf@A");
    assert!(!sandbox.at("a/pdf").exists());
    // Asked again, it knows where it was, and asks for the place alone.
    let mut pty = terminal(&sandbox, &["repair", "pdf"]);
    let shown = pty.wait_for(PLACE);
    assert!(!shown.contains(TRUST) && shown.contains("already trusted again"), "{shown}");
    pty.send("y\r");
    assert_eq!(pty.finish().1, 0);
    sandbox.run(&["gate", "pdf"]).ok();
}

#[test]
fn bytes_that_change_while_the_question_is_open_are_not_trusted() {
    let (sandbox, digest) = enabled();
    tamper(&sandbox.at("a/pdf/SKILL.md"));
    sandbox.run(&["gate", "pdf"]).code(5);
    let hex = digest.hex();
    let mut pty = terminal(&sandbox, &["repair", "pdf"]);
    pty.wait_for(TRUST);
    tamper(&sandbox.home().join("store").join(&hex[..2]).join(&hex).join("SKILL.md"));
    pty.send("pdf\r");
    let (shown, code) = pty.finish();
    assert_eq!(code, 5, "{shown}");
    assert!(!shown.contains(PLACE), "{shown}");
    sandbox.run(&["gate", "pdf"]).code(3).says("not-trusted");
}

#[test]
fn no_agent_no_pipe_and_no_other_digest_repairs() {
    let (sandbox, digest) = enabled();
    tamper(&sandbox.at("a/pdf/SKILL.md"));
    let full = digest.to_string();
    let mut story = Story::of(&sandbox);
    // What was not noticed is declared whoever asks; that only narrows.
    sandbox
        .run_in(&[("CLAUDECODE", "1")], &["repair", "pdf", "--digest", &full])
        .code(4)
        .says("skills repair pdf@");
    story.changed(
        "> drift done [drift] pdf@A
         > trust refused [agent-environment] pdf@A
         - a/pdf/ 0555
         - a/pdf/SKILL.md 0444
         - a/pdf/run.sh 0555
         - home/permits/pdf@A 0600
         - row pdf@A enabled a/pdf
         + home/evidence/permit-pdf@A.drift-ID 0600
         + home/evidence/skill-trust-withdrawn-ID/ 0700
         + row pdf@A installed",
    );
    let fed = sandbox.feed(b"pdf\ny\n", &["repair", "pdf"]);
    fed.code(4)
        .says("a person at a terminal")
        .says(&format!("skills repair pdf --digest {full}"))
        .says("~ SKILL.md");
    let other = format!("sha256:{}", "1".repeat(64));
    sandbox.run(&["repair", "pdf", "--digest", &other]).code(5).says("digest-mismatch");
    sandbox.run(&["repair", "pdf", "--digest", &full[..40]]).code(2);
    sandbox.run(&["repair", "nothing"]).code(3).says("not-installed");
    sandbox.run(&["gate", "pdf"]).code(3).says("not-trusted");
}

#[test]
fn a_look_changes_nothing() {
    let (sandbox, _) = enabled();
    tamper(&sandbox.at("a/pdf/run.sh"));
    let mut story = Story::of(&sandbox);
    sandbox.run(&["repair", "pdf", "--dry-run"]).ok().says("~ run.sh").says("not recorded");
    story.unchanged();
    sandbox.run(&["gate", "pdf"]).code(5);
    let mut story = Story::of(&sandbox);
    sandbox.run(&["repair", "pdf", "--dry-run"]).ok().says("~ run.sh").says("record ");
    story.unchanged();
}

#[test]
fn what_trust_refuses_repair_refuses() {
    let drifted = || {
        let (sandbox, digest) = enabled();
        tamper(&sandbox.at("a/pdf/SKILL.md"));
        sandbox.run(&["gate", "pdf"]).code(5);
        (sandbox, digest.to_string())
    };
    for (before, code, says) in [
        (&["untrust", "pdf", "--never"][..], 3, "withdrawn"),
        (&["untrust", "pdf"], 3, "withdrawn"),
        (&["kill", "pdf"], 6, "held"),
        (&["kill", "--all"], 6, "held"),
    ] {
        let (sandbox, full) = drifted();
        sandbox.run(before).ok();
        sandbox.run(&["repair", "pdf", "--digest", &full]).code(code).says(says);
        assert!(!sandbox.run(&["gate", "pdf"]).stdout.contains("allow"), "{before:?}");
        assert!(sandbox.snapshot().state.contains(&"row pdf@A installed".to_owned()), "{before:?}");
    }
    let (sandbox, full) = drifted();
    sandbox.run(&["kill", "--digest", &full]).ok();
    sandbox.run(&["repair", "pdf", "--digest", &full]).code(6).says("held");
}

#[test]
fn trust_that_was_to_end_ends_when_it_was_to_end() {
    let sandbox = Sandbox::new();
    let pdf = sandbox.skill("pdf").make();
    let digest = sandbox.digest(&pdf).to_string();
    sandbox.run(&["install", pdf.to_str().unwrap()]).ok();
    sandbox.run(&["trust", "pdf", "--digest", &digest, "--expires", "2090-01-31"]).ok();
    sandbox.run(&["enable", "pdf", "--dir", &sandbox.arg("a")]).ok();
    tamper(&sandbox.at("a/pdf/SKILL.md"));
    sandbox.run(&["repair", "pdf", "--digest", &digest]).ok();
    let shown = sandbox.run(&["status", "pdf", "--json"]).ok().json().to_string();
    assert!(shown.contains("2090-01-31") || shown.contains("2090-02-01"), "{shown}");
}

#[test]
fn a_folder_that_is_gone_a_link_in_its_place_and_another_revision_there() {
    // The agent's whole folder is gone: made anew.
    let (sandbox, _) = enabled();
    remove(&sandbox.at("a"));
    let mut pty = terminal(&sandbox, &["repair", "pdf"]);
    let shown = pty.wait_for(TRUST);
    assert!(shown.contains("No drifted copy is left"), "{shown}");
    pty.send("pdf\r");
    pty.wait_for(PLACE);
    pty.send("y\r");
    assert_eq!(pty.finish().1, 0);
    sandbox.run(&["gate", "pdf"]).ok();

    // Attack: the agent's folder becomes a link to another; "where it was"
    // would be there.
    let (sandbox, digest) = enabled();
    let elsewhere = sandbox.at("elsewhere");
    fs::rename(sandbox.at("a"), &elsewhere).unwrap();
    symlink(&elsewhere, sandbox.at("a")).unwrap();
    tamper(&elsewhere.join("pdf/SKILL.md"));
    let full = digest.to_string();
    sandbox.run(&["repair", "pdf", "--digest", &full]).code(3).says("leads to").says("--dir");
    assert!(!elsewhere.join("pdf").exists());

    // Attack: a link in place of the copy, so that an agent follows it.
    let (sandbox, digest) = enabled();
    let full = digest.to_string();
    let away = sandbox.at("away");
    fs::set_permissions(sandbox.at("a/pdf"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(sandbox.at("a/pdf"), &away).unwrap();
    symlink(&away, sandbox.at("a/pdf")).unwrap();
    let said =
        sandbox.run(&["repair", "pdf", "--digest", &full]).code(3).says("a link is there that is not ours");
    assert!(said.0.stdout.contains(&format!("mv -n {} ~/pdf.moved", sandbox.arg("a/pdf"))), "{said:?}");
    let link = sandbox.at("a/pdf");
    assert_eq!(fs::read_link(&link).unwrap(), away, "it is not ours to move");
    fs::remove_file(&link).unwrap();
    let command =
        said.0.stdout.lines().find_map(|line| line.trim().strip_prefix("and:  ").map(str::to_owned));
    printed(&sandbox, &command.unwrap()).ok();
    sandbox.run(&["gate", "pdf"]).ok();

    // Another revision took the place meanwhile: it is not swapped out unasked.
    let (sandbox, first) = enabled();
    tamper(&sandbox.at("a/pdf/SKILL.md"));
    sandbox.run(&["gate", "pdf"]).code(5);
    let pdf = sandbox.skill("pdf").file("more.md", "more\n").make();
    sandbox.trusted(&pdf, "B");
    sandbox.run(&["enable", "pdf", "--dir", &sandbox.arg("a")]).ok();
    let typed = format!("pdf@{}", first.short());
    sandbox.run(&["repair", &typed, "--digest", &first.to_string()]).code(3).says("is there now");
    assert!(sandbox.at("a/pdf/more.md").exists());
}

/// Attack: evidence is a folder that anything of this account can write. What
/// is put there under the copy's name explains nothing and places nothing.
#[test]
fn forged_evidence_explains_nothing() {
    let (sandbox, digest) = enabled();
    let card = sandbox.at("a/pdf/SKILL.md");
    let good = fs::read(&card).unwrap();
    tamper(&card);
    sandbox.run(&["gate", "pdf"]).code(5);
    // The permit's record lies there too, before it or after it.
    let kept = fs::read_dir(sandbox.home().join("evidence")).unwrap().map(|entry| entry.unwrap().path());
    let kept: Vec<PathBuf> = kept.filter(|path| path.is_dir()).collect();
    let forged = kept[0].join("SKILL.md.withdrawn");
    chmod(&forged, 0o600);
    fs::write(&forged, String::from_utf8(good).unwrap().replace('\n', "\r\n")).unwrap();
    let said = sandbox.run(&["repair", "pdf", "--dry-run"]).ok().says("~ SKILL.md");
    assert!(!said.0.stdout.contains("by-product"), "{said:?}");
    // A link of that name is shown by its name and not followed.
    remove(&kept[0]);
    symlink("/etc", &kept[0]).unwrap();
    sandbox.run(&["repair", "pdf", "--digest", &digest.to_string()]).ok();
    printed(&sandbox, &format!("skills enable pdf --dir {}", sandbox.arg("a"))).ok();
    assert_eq!(sandbox.digest(&sandbox.at("a/pdf")), digest);
}
