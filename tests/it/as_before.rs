//! What a kill took away comes back where it was: only when it was lifted, only
//! when a person says so, and each copy only by a decision of its own.

use crate::support::pty::Pty;
use crate::support::sandbox::{PROGRAM, Sandbox, Story, chmod};
use skill_trust::model::digest::Digest;
use skill_trust::model::time::Timestamp;
use skill_trust::ops::place::Place;
use skill_trust::ops::{Nobody, as_before, enable, stop};
use std::fs;
use std::path::Path;

/// `notes` in `a/`, `pdf` in `a/` and `b/`; named `N` and `P`.
fn three() -> (Sandbox, Digest, Digest) {
    let sandbox = Sandbox::new();
    let (notes, pdf) = (sandbox.skill("notes").make(), sandbox.skill("pdf").make());
    let digests = (sandbox.trusted(&notes, "N"), sandbox.trusted(&pdf, "P"));
    for (skill, folder) in [("notes", "a"), ("pdf", "a"), ("pdf", "b")] {
        sandbox.run(&["enable", skill, "--dir", &sandbox.arg(folder)]).ok();
    }
    (sandbox, digests.0, digests.1)
}

fn killed_and_released(sandbox: &Sandbox, epoch: u64) {
    sandbox.run(&["kill", "--all"]).ok();
    sandbox
        .run(&["release", "--all", "--phrase", &format!("release epoch {epoch}")])
        .ok()
        .says("--as-before");
}

fn terminal(sandbox: &Sandbox) -> Pty {
    let home = sandbox.arg("home");
    let args = ["--home", home.as_str(), "enable", "--as-before"];
    Pty::start(Path::new(PROGRAM), &args, &[("TERM", "dumb")], &sandbox.at("work"), (40, 200))
}

fn plan(sandbox: &Sandbox, args: &[&str]) -> serde_json::Value {
    sandbox.run(&[&["enable", "--as-before", "--dry-run", "--json"], args].concat()).ok().json()
}

/// `NAME FOLDER` of what would be placed, and `NAME FOLDER CODE` of the rest.
fn told(sandbox: &Sandbox, plan: &serde_json::Value) -> Vec<String> {
    let top = format!("{}/", sandbox.top().display());
    let items = plan["items"].as_array().unwrap().iter();
    let line = |item: &serde_json::Value| {
        let code = item["code"].as_str().map(|code| format!(" {code}")).unwrap_or_default();
        format!("{}{code}", item["path"].as_str().unwrap().replace(&top, ""))
    };
    let mut all: Vec<_> = items.map(line).collect();
    all.sort();
    all
}

#[test]
fn everything_comes_back_where_it_was_after_one_yes() {
    let (sandbox, ..) = three();
    killed_and_released(&sandbox, 1);
    let mut story = Story::of(&sandbox);
    assert_eq!(told(&sandbox, &plan(&sandbox, &[])), ["a/notes", "a/pdf", "b/pdf"]);
    story.unchanged();
    for no in ["\r", "n\r", "\u{3}", "place\r"] {
        let mut pty = terminal(&sandbox);
        let shown = pty.wait_for("Place these 3 copies again? [y/N] ");
        assert!(shown.contains("the kill of everything, epoch 1"), "{shown}");
        pty.send(no);
        assert_eq!(pty.finish().1, 1, "{no:?}");
        story.changed("> enable refused [declined]");
    }
    let mut pty = terminal(&sandbox);
    pty.wait_for("again? [y/N] ");
    pty.send("y\r");
    let (shown, code) = pty.finish();
    assert_eq!(code, 0, "{shown}");
    story.changed(
        "> enable done notes@N
         > enable done pdf@P
         > enable done pdf@P
         - row notes@N trusted
         - row pdf@P trusted
         + a/notes/ 0555
         + a/notes/SKILL.md 0444
         + a/pdf/ 0555
         + a/pdf/SKILL.md 0444
         + b/pdf/ 0555
         + b/pdf/SKILL.md 0444
         + home/permits/notes@N 0600
         + home/permits/pdf@P 0600
         + row notes@N enabled a/notes
         + row pdf@P enabled a/pdf b/pdf",
    );
    sandbox.run(&["gate", "--all"]).ok();
    // A second time there is nothing left to do, and that is no failure.
    let mut story = Story::of(&sandbox);
    sandbox.run(&["enable", "--as-before"]).ok().says("it is there already");
    sandbox.run(&["enable", "--as-before", "--json"]).ok();
    story.unchanged();
    sandbox.is_tidy();
}

#[test]
fn a_script_states_the_release_and_nothing_else_says_yes() {
    let (sandbox, ..) = three();
    killed_and_released(&sandbox, 1);
    let record = plan(&sandbox, &[])["record"].as_u64().unwrap();
    let command = format!("skills enable --as-before --record {record}");
    sandbox.feed(b"y\n", &["enable", "--as-before"]).code(4).says(&command);
    sandbox.run(&["enable", "--as-before", "--record", "3"]).code(2).says("is not a release").says(&command);
    let number = record.to_string();
    sandbox.run_in(&[("CLAUDECODE", "1")], &["enable", "--as-before", "--record", &number]).code(4);
    assert!(!sandbox.at("a/pdf").exists());
    sandbox.run(&["enable", "--as-before", "--record", &number]).ok();
    sandbox.run(&["gate", "--all"]).ok();
}

#[test]
fn what_may_not_come_back_is_told_with_its_reason_and_the_way_on() {
    let sandbox = Sandbox::new();
    for name in ["banned", "dated", "fine", "gone", "loose", "stored", "taken"] {
        let skill = sandbox.skill(name).make();
        let digest = sandbox.digest(&skill).to_string();
        sandbox.run(&["install", skill.to_str().unwrap()]).ok();
        let mut trust = vec!["trust", name, "--digest", &digest];
        let soon =
            Timestamp::from_unix(skill_trust::system::clock::Clock::System.now().unix() + 12).to_string();
        if name == "dated" {
            trust.extend(["--expires", &soon]);
        }
        sandbox.run(&trust).ok();
        sandbox.run(&["enable", name, "--dir", &sandbox.arg("a")]).ok();
    }
    killed_and_released(&sandbox, 1);
    sandbox.run(&["untrust", "banned", "--never"]).ok();
    sandbox.run(&["remove", "gone"]).ok();
    sandbox.run(&["untrust", "loose"]).ok();
    let hex = sandbox.digest(&sandbox.at("sources/stored")).hex();
    crate::support::sandbox::tamper(
        &sandbox.home().join("store").join(&hex[..2]).join(&hex).join("SKILL.md"),
    );
    fs::create_dir(sandbox.at("a/taken")).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(13));
    let told = told(&sandbox, &plan(&sandbox, &[]));
    assert_eq!(
        told,
        [
            "a/banned held",
            "a/dated expired",
            "a/fine",
            "a/gone not-installed",
            "a/loose not-trusted",
            "a/stored drift",
            "a/taken target-taken"
        ]
    );
    let record = plan(&sandbox, &[])["record"].to_string();
    let said = sandbox.run(&["enable", "--as-before", "--record", &record]).code(3);
    let said = said
        .says("skills trust loose@")
        .says("move it away, then: skills enable taken@")
        .says("6 not placed");
    assert!(
        said.0.stdout.contains("skills install ") && said.0.stdout.contains("enabled  fine@"),
        "{said:?}"
    );
    let live: Vec<_> = fs::read_dir(sandbox.at("a")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(live.len(), 2, "{live:?}");
    assert!(sandbox.at("a/fine/SKILL.md").exists() && !sandbox.at("a/taken/SKILL.md").exists());
}

#[test]
fn two_kills_and_one_release_bring_back_what_the_first_took() {
    let (sandbox, ..) = three();
    sandbox.run(&["kill", "--all"]).ok();
    sandbox.run(&["kill", "--all", "--note", "again"]).ok();
    sandbox.run(&["enable", "--as-before"]).code(6).says("release --all");
    sandbox.run(&["release", "--all", "--phrase", "release epoch 2"]).ok();
    assert_eq!(told(&sandbox, &plan(&sandbox, &[])), ["a/notes", "a/pdf", "b/pdf"]);
    let first = plan(&sandbox, &[])["record"].to_string();
    sandbox.run(&["enable", "--as-before", "--record", &first]).ok();
    // A later kill is another story: what was disabled before it stays so.
    sandbox.run(&["disable", "notes"]).ok();
    killed_and_released(&sandbox, 3);
    assert_eq!(told(&sandbox, &plan(&sandbox, &[])), ["a/pdf", "b/pdf"]);
    // The earlier one can still be named; what came back since is not offered.
    let earlier = told(&sandbox, &plan(&sandbox, &["--record", &first]));
    assert_eq!(earlier, ["a/notes not-enabled", "a/pdf not-enabled", "b/pdf not-enabled"]);
}

#[test]
fn a_narrow_release_brings_back_what_its_own_kill_took() {
    let (sandbox, ..) = three();
    sandbox.run(&["kill", "pdf"]).ok();
    sandbox.run(&["kill", "notes"]).ok();
    sandbox.run(&["release", "pdf", "--phrase", "release name pdf"]).ok();
    let found = plan(&sandbox, &[]);
    assert_eq!(told(&sandbox, &found), ["a/pdf", "b/pdf"]);
    assert_eq!(found["kill"], "the kill of name pdf");
    sandbox.run(&["enable", "--as-before", "--record", &found["record"].to_string()]).ok();
    sandbox.run(&["gate", "pdf"]).ok();
    sandbox.run(&["gate", "notes"]).code(6);
    // By its source, and with another hold still standing on one of two.
    let source = sandbox.arg("sources/pdf");
    sandbox.run(&["kill", "--source", &source]).ok();
    sandbox.run(&["kill", "pdf"]).ok();
    sandbox.run(&["release", "--source", &source, "--phrase", &format!("release source {source}")]).ok();
    assert_eq!(told(&sandbox, &plan(&sandbox, &[])), ["a/pdf held", "b/pdf held"]);
    // Nothing of it is a kill of everything's, or the other way round.
    sandbox.run(&["release", "pdf", "--phrase", "release name pdf"]).ok();
    killed_and_released(&sandbox, 1);
    assert_eq!(told(&sandbox, &plan(&sandbox, &[])), Vec::<String>::new());
}

/// Attack: places are added where a program of this account can write: a
/// permit of the kill's, evidence, a folder beside. None of them is read.
#[test]
fn a_forged_permit_adds_no_place() {
    let (sandbox, _, pdf) = three();
    let permit = sandbox.home().join("permits").join(format!("pdf@{}", pdf.hex()));
    let text =
        fs::read_to_string(&permit).unwrap().replace("/a/pdf", "/work/pdf").replace("/a/.pdf", "/work/.pdf");
    killed_and_released(&sandbox, 1);
    for name in [format!("pdf@{}.killed", pdf.hex()), format!("pdf@{}", pdf.hex())] {
        let file = sandbox.home().join("permits").join(name);
        fs::write(&file, &text).unwrap();
        chmod(&file, 0o600);
        assert_eq!(told(&sandbox, &plan(&sandbox, &[])), ["a/notes", "a/pdf", "b/pdf"]);
    }
}

/// Attack: a line of the log says that a kill took a copy from somewhere else.
#[test]
fn a_changed_log_places_nothing() {
    let (sandbox, ..) = three();
    killed_and_released(&sandbox, 1);
    let log = sandbox.home().join("audit/audit.jsonl");
    let text = fs::read_to_string(&log).unwrap();
    let from = sandbox.arg("b/pdf");
    fs::write(&log, text.replacen(&from, &from.replace("/b/", "/c/"), 1)).unwrap();
    sandbox.run(&["enable", "--as-before", "--dry-run"]).code(7).says("tampered");
}

/// Attack by bad luck: another kill comes while the question is open.
#[test]
fn a_kill_while_the_question_is_open_wins() {
    let (sandbox, ..) = three();
    killed_and_released(&sandbox, 1);
    let mut pty = terminal(&sandbox);
    pty.wait_for("again? [y/N] ");
    sandbox.run(&["kill", "--all"]).ok();
    pty.send("y\r");
    let (shown, code) = pty.finish();
    assert_eq!(code, 6, "{shown}");
    assert!(!sandbox.at("a/pdf").exists() && !sandbox.at("b/pdf").exists(), "{shown}");
}

/// Attack: the agent's folder becomes a link, so that "where it was" is a
/// place that nobody chose.
#[test]
fn a_folder_that_leads_elsewhere_now_is_told() {
    let (sandbox, ..) = three();
    killed_and_released(&sandbox, 1);
    fs::rename(sandbox.at("b"), sandbox.at("c")).unwrap();
    std::os::unix::fs::symlink(sandbox.at("c"), sandbox.at("b")).unwrap();
    let told = told(&sandbox, &plan(&sandbox, &[]));
    assert_eq!(told, ["a/notes", "a/pdf", "b/pdf target-unsafe"]);
}

#[test]
fn one_agent_alone_and_none_that_we_do_not_know() {
    let (sandbox, ..) = three();
    let now = Timestamp::from_unix(skill_trust::system::clock::Clock::System.now().unix());
    let world = sandbox.world(now);
    enable::enable(&world, "notes", &Place::Agent("codex".to_owned())).unwrap();
    assert!(stop::kill_all(&world, None).pending.is_none());
    let lifted = stop::release_plan(&world, None).unwrap();
    stop::release(&world, &lifted, "", Some("release epoch 1"), &mut Nobody).unwrap();
    let all = as_before::plan(&world, None, &[]).unwrap();
    assert_eq!(all.open().count(), 4);
    let codex = as_before::plan(&world, None, &["codex".to_owned()]).unwrap();
    let items: Vec<_> = codex.open().collect();
    assert_eq!(items.len(), 1);
    // Placed for the agent again, not merely into its folder.
    assert_eq!(items[0].spot.place, Place::Agent("codex".to_owned()));
    assert!(as_before::plan(&world, None, &["no-such".to_owned()]).is_err());
    let none = Sandbox::new();
    none.run(&["install", none.skill("pdf").make().to_str().unwrap()]).ok();
    none.run(&["enable", "--as-before"]).code(2).says("no kill was lifted");
}
