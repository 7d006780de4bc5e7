//! What a policy adds to a decision: an age, an end, a reason, a place.

use crate::support::scene::{START, Scene, SkillFile, typed};
use skill_trust::model::code::{Code, Stop};
use skill_trust::model::decision::{Decision, Question as Ask};
use skill_trust::model::lifecycle::State;
use skill_trust::model::record::Record;
use skill_trust::model::skill::Revision;
use skill_trust::model::time::Timestamp;
use skill_trust::ops::pick::Pick;
use skill_trust::ops::place::Place;
use skill_trust::ops::review::{self, ReviewRequest};
use skill_trust::ops::session::{Depth, Session};
use skill_trust::ops::trust::set::{self, SetRequest};
use skill_trust::ops::trust::{self, TermsRequest, TrustPlan, TrustRequest};
use skill_trust::ops::{Answer, Nobody, Question, clock, enable, remove, rules};
use std::fs;

const DAY: i64 = 86_400;
const A: &[SkillFile<'static>] = &[("SKILL.md", false, b"---\nname: a\ndescription: x\n---\nA\n")];
const A2: &[SkillFile<'static>] = &[("SKILL.md", false, b"---\nname: a\ndescription: x\n---\nA fix\n")];
const B: &[SkillFile<'static>] = &[("SKILL.md", false, b"---\nname: b\ndescription: x\n---\nB\n")];

/// A scene with the texts of the machine's and the account's policy.
fn scene(machine: &str, account: &str) -> Scene {
    let mut scene = Scene::new();
    scene.world.policy_files = vec![scene.base().join("machine.toml"), scene.base().join("account.toml")];
    write(&scene, machine, account);
    scene
}

fn write(scene: &Scene, machine: &str, account: &str) {
    for (path, text) in scene.world.policy_files.iter().zip([machine, account]) {
        fs::write(path, text).unwrap();
    }
}

fn request(revision: &Revision, expires: Option<&str>, note: Option<&str>) -> TrustRequest {
    let terms = TermsRequest { expires: expires.map(str::to_owned), note: note.map(str::to_owned) };
    TrustRequest { skill: typed(revision), digest: Some(revision.digest), terms, ..TrustRequest::default() }
}

fn plan(scene: &Scene, revision: &Revision) -> Result<TrustPlan, Stop> {
    trust::plan(&scene.world, &request(revision, None, None))
}

/// As the program does it: what is refused is recorded.
fn try_trust(scene: &Scene, revision: &Revision) -> Result<(), Stop> {
    let request = request(revision, None, None);
    let plan =
        trust::plan(&scene.world, &request).map_err(|stop| trust::record(&scene.world, &request, stop))?;
    trust::trust(&scene.world, &plan, "", &mut Nobody).map(drop)
}

fn state(scene: &Scene, revision: &Revision) -> State {
    let session = Session::open(&scene.world, Depth::End).unwrap();
    session.ledger.revision(revision).unwrap().unwrap().lifecycle.state()
}

/// The last record.
fn last(scene: &Scene) -> Record {
    let session = Session::open(&scene.world, Depth::End).unwrap();
    let event = session.ledger.event(session.ledger.head().size).unwrap().unwrap();
    Record::parse(event.line.as_bytes()).unwrap()
}

fn at(unix: i64) -> Timestamp {
    Timestamp::from_unix(unix)
}

#[test]
fn a_young_revision_is_installed_and_reviewed_and_not_trusted() {
    let mut scene = scene("[trust]\nmin-age = \"3d\"\n", "");
    let a = scene.install(A);
    let shown = review::open(&scene.world, &ReviewRequest { skill: typed(&a), ..ReviewRequest::default() });
    assert!(shown.is_ok());
    scene.at(START + 3 * DAY - 1);
    let stop = try_trust(&scene, &a).unwrap_err();
    assert_eq!(stop.code, Code::TooYoung);
    for part in [
        at(START).to_string(),
        "3d old".to_owned(),
        at(START + 3 * DAY).to_string(),
        scene.world.policy_files[0].display().to_string(),
    ] {
        assert!(stop.what.contains(&part), "{part}: {}", stop.what);
    }
    assert!(stop.next.contains(&format!("early = [\"{}\"]", a.digest)), "{}", stop.next);
    assert_eq!(last(&scene).codes, ["too-young"], "the refusal is on record");
    assert_eq!(state(&scene, &a), State::Installed);
    scene.at(START + 3 * DAY);
    try_trust(&scene, &a).unwrap();
    assert_eq!(last(&scene).reason, "trusted");
    scene.enable(&a);
    assert_eq!(scene.ask(&a, Ask::Load).decision, Decision::Allow);
}

#[test]
fn what_was_trusted_before_the_rule_is_not_enabled_young_and_loses_nothing() {
    let mut scene = scene("", "");
    let (a, b) = (scene.install(A), scene.install(B));
    scene.trust(&a, None);
    scene.trust(&b, None);
    scene.enable(&b);
    write(&scene, "[trust]\nmin-age = \"3d\"\n", "");
    let stop = enable::enable(&scene.world, &typed(&a), &Place::Folder(scene.agent())).unwrap_err();
    assert_eq!(stop.code, Code::TooYoung);
    assert!(stop.what.contains(&at(START + 3 * DAY).to_string()), "{}", stop.what);
    let answer = scene.ask(&a, Ask::Enable);
    assert_eq!((answer.decision, answer.codes), (Decision::Deny, vec![Code::TooYoung]));
    assert!(answer.remedy.contains(&a.digest.to_string()), "{}", answer.remedy);
    assert_eq!(state(&scene, &a), State::Trusted, "a rule about time takes no trust away");
    assert_eq!(scene.ask(&b, Ask::Load).decision, Decision::Allow, "nor what is placed");
    scene.at(START + 3 * DAY);
    scene.enable(&a);
}

#[test]
fn attack_the_clock_is_turned_back_to_wait_less() {
    let mut scene = scene("[trust]\nmin-age = \"3d\"\n", "");
    let old = scene.install(B);
    scene.at(START - 30 * DAY);
    let a = scene.install(A);
    // A first sight is never earlier than what was recorded before it.
    for now in [START - 30 * DAY, START - 27 * DAY, START, START + 3 * DAY - 1] {
        scene.at(now);
        let stop = try_trust(&scene, &a).unwrap_err();
        assert!(stop.what.contains(&at(START).to_string()), "{}", stop.what);
    }
    scene.at(START + 3 * DAY);
    try_trust(&scene, &a).unwrap();
    try_trust(&scene, &old).unwrap();
}

#[test]
fn attack_the_clock_is_lowered_to_wait_less() {
    let mut scene = scene("[trust]\nmin-age = \"3d\"\n", "");
    scene.at(START + 900 * DAY);
    let a = scene.install(A);
    scene.at(START);
    let lower = clock::plan(&scene.world).unwrap();
    clock::lower(&scene.world, &lower, "", Some(&lower.phrase()), &mut Nobody).unwrap();
    scene.at(START + 100 * DAY);
    let stop = try_trust(&scene, &a).unwrap_err();
    assert_eq!(stop.code, Code::TooYoung);
    assert!(stop.next.contains(&format!("skills remove {a}")), "{}", stop.next);
    // What the message says is the way out, and it is no shorter one.
    remove::remove(&scene.world, &typed(&a)).unwrap();
    assert_eq!(scene.install(A), a);
    let stop = try_trust(&scene, &a).unwrap_err();
    assert!(stop.what.contains(&at(START + 103 * DAY).to_string()), "{}", stop.what);
    scene.at(START + 103 * DAY);
    try_trust(&scene, &a).unwrap();
}

#[test]
fn the_first_sight_is_kept_when_the_same_bytes_come_again() {
    let mut scene = scene("[trust]\nmin-age = \"3d\"\n", "");
    let a = scene.install(A);
    scene.at(START + 2 * DAY);
    assert_eq!(scene.install(A), a);
    let newer = scene.install(A2);
    scene.at(START + 3 * DAY);
    try_trust(&scene, &a).unwrap();
    // Each revision has its own age; that of the name is none.
    assert_eq!(try_trust(&scene, &newer).unwrap_err().code, Code::TooYoung);
    scene.at(START + 5 * DAY);
    try_trust(&scene, &newer).unwrap();
}

#[test]
fn a_fix_in_a_hurry_gets_through_by_its_digest_and_the_record_says_so() {
    let mut scene = scene("[trust]\nmin-age = \"3d\"\n", "");
    let (fix, other) = (scene.install(A), scene.install(B));
    let early = format!("early = [\"{}\"]\n", fix.digest);
    // The account cannot except from the machine's rule.
    write(&scene, "[trust]\nmin-age = \"3d\"\n", &format!("[trust]\n{early}"));
    assert_eq!(try_trust(&scene, &fix).unwrap_err().code, Code::TooYoung);
    write(&scene, &format!("[trust]\nmin-age = \"3d\"\n{early}"), "");
    try_trust(&scene, &fix).unwrap();
    let record = last(&scene);
    assert_eq!(record.reason, "trusted, before its min-age: the policy names this digest in `early`");
    assert_eq!((record.digest, record.policy.is_some()), (Some(fix.digest), true));
    scene.enable(&fix);
    assert_eq!(scene.ask(&fix, Ask::Load).decision, Decision::Allow);
    assert_eq!(try_trust(&scene, &other).unwrap_err().code, Code::TooYoung, "no other bytes");
    // Old enough, nothing is said of an exception.
    scene.at(START + 3 * DAY);
    try_trust(&scene, &other).unwrap();
    assert_eq!(last(&scene).reason, "trusted");
}

#[test]
fn the_young_drop_out_of_a_set() {
    let mut scene = scene("[trust]\nmin-age = \"3d\"\n", "");
    let old = scene.install(B);
    scene.at(START + 3 * DAY);
    let young = scene.install(A);
    let terms = TermsRequest::default();
    let both = SetRequest::Picked(Pick::Names(vec![typed(&old), typed(&young)]));
    let planned = set::plan(&scene.world, &both, &terms).unwrap();
    let names = |members: &[set::Member]| -> Vec<_> {
        members.iter().map(|member| member.row.revision.name.to_string()).collect()
    };
    assert_eq!(
        (names(&planned.members), names(&planned.alone)),
        (vec!["b".to_owned()], vec!["a".to_owned()])
    );
    assert!(planned.alone[0].alone.as_ref().unwrap().contains("first seen here"));
    // Alone, or stated by a machine, it is what it is for one.
    let alone = SetRequest::Picked(Pick::Names(vec![typed(&young)]));
    let all = skill_trust::model::set::RevisionSet::new([&old, &young]).unwrap();
    let digest = all.digest();
    for request in [alone, SetRequest::Stated(all, digest)] {
        assert_eq!(set::plan(&scene.world, &request, &terms).unwrap_err().code, Code::TooYoung);
    }
}

#[test]
fn attack_the_policy_is_tightened_while_the_question_waits() {
    /// A person during whose thinking the policy is written anew.
    struct Slow<'a>(&'a Scene, &'a str);
    impl skill_trust::ops::Ask for Slow<'_> {
        fn ask(&mut self, _: &str, _: &Question) -> Answer {
            write(self.0, self.1, "");
            Answer::Yes
        }
    }
    let scene = scene("", "");
    let a = scene.install(A);
    for (text, code) in [
        ("[trust]\nmin-age = \"1h\"\n", Code::TooYoung),
        ("[trust]\nnote = \"required\"\n", Code::PolicyUnmet),
        ("[trust]\nmin-aeg = \"1h\"\n", Code::PolicyBroken),
    ] {
        write(&scene, "", "");
        let asked = TrustRequest { digest: None, ..request(&a, None, None) };
        let plan = trust::plan(&scene.world, &asked).unwrap();
        let stop = trust::trust(&scene.world, &plan, "", &mut Slow(&scene, text)).unwrap_err();
        assert_eq!(stop.code, code, "{text}");
        write(&scene, "", "");
        assert_eq!(state(&scene, &a), State::Installed, "{text}");
    }
}

#[test]
fn an_end_comes_from_the_policy_where_none_is_named() {
    let end = |machine: &str, account: &str, expires: Option<&str>| {
        let scene = scene(machine, account);
        let a = scene.install(A);
        let plan = trust::plan(&scene.world, &request(&a, expires, None)).unwrap();
        trust::trust(&scene.world, &plan, "", &mut Nobody).unwrap();
        let until = last(&scene).until;
        assert_eq!(until, plan.terms.until, "what is shown is what is recorded");
        (until.map(|until| (until.unix() - START) / DAY), plan.terms.why.unwrap_or_default())
    };
    let expires = |span: &str| format!("[trust]\nexpires = \"{span}\"\n");
    let most = |days: u32| format!("[trust]\nmax-days = {days}\n");
    assert_eq!(end("", "", None), (None, String::new()));
    let (days, why) = end(&expires("90d"), "", None);
    assert_eq!(days, Some(90));
    assert!(why.contains("machine.toml") && why.contains("90d"), "{why}");
    // What is typed wins over the default, and not over the most.
    assert_eq!(end(&expires("90d"), "", Some("200d")), (Some(200), String::new()));
    let (days, why) = end(&format!("{}max-days = 100\n", expires("90d")), "", Some("200d"));
    assert_eq!(days, Some(100));
    assert!(why.contains("100 days at most") && why.contains(&at(START + 200 * DAY).to_string()), "{why}");
    assert_eq!(end(&most(30), &expires("90d"), None).0, Some(30));
    assert_eq!(end(&most(100), &expires("90d"), None).0, Some(90));
    // Precedence: whichever file is the tighter.
    assert_eq!(end(&expires("90d"), &expires("30d"), None).0, Some(30));
    let (days, why) = end(&expires("30d"), &expires("90d"), None);
    assert_eq!(days, Some(30));
    assert!(why.contains("machine.toml"), "{why}");
}

#[test]
fn where_a_reason_is_required_blanks_are_none() {
    for (machine, account) in [
        ("[trust]\nnote = \"required\"\n", ""),
        ("", "[trust]\nnote = \"required\"\n"),
        // Neither file can undo the other's.
        ("[trust]\nnote = \"required\"\n", "[trust]\nnote = \"optional\"\n"),
        ("[trust]\nnote = \"optional\"\n", "[trust]\nnote = \"required\"\n"),
    ] {
        let scene = scene(machine, account);
        let a = scene.install(A);
        for note in [None, Some(""), Some(" \t")] {
            let stop = trust::plan(&scene.world, &request(&a, None, note)).unwrap_err();
            assert_eq!(stop.code, Code::PolicyUnmet, "{note:?}");
            assert!(
                stop.next.contains("--note \"WHY\"") && stop.next.starts_with("skills trust a"),
                "{}",
                stop.next
            );
            let terms = TermsRequest { expires: None, note: note.map(str::to_owned) };
            let picked = SetRequest::Picked(Pick::Names(vec![typed(&a)]));
            assert_eq!(set::plan(&scene.world, &picked, &terms).unwrap_err().code, Code::PolicyUnmet);
        }
        let plan = trust::plan(&scene.world, &request(&a, None, Some("read it all"))).unwrap();
        trust::trust(&scene.world, &plan, "", &mut Nobody).unwrap();
        assert_eq!(last(&scene).note.as_deref(), Some("read it all"));
    }
    let scene = scene("[trust]\nnote = \"optional\"\n", "");
    assert!(plan(&scene, &scene.install(A)).is_ok());
}

#[test]
fn the_default_agents_are_the_machines_and_an_unknown_one_is_an_error() {
    let agents = |list: &str| format!("[enable]\nagents = [{list}]\n");
    let found = |machine: &str, account: &str| {
        let policy = scene(machine, account).world.policy().map_err(|stop| stop.code)?;
        let file = policy.file_of("enable.agents").map(|file| file.rsplit('/').next().unwrap().to_owned());
        Ok((policy.agents, file))
    };
    assert_eq!(found("", ""), Ok((vec![], None)));
    let (machine, account) = (agents("\"claude-code\", \"codex\""), agents("\"cursor\""));
    let machines = (vec!["claude-code", "codex"], Some("machine.toml".to_owned()));
    assert_eq!(found(&machine, ""), Ok(machines.clone()));
    assert_eq!(found(&machine, &account), Ok(machines));
    assert_eq!(found("", &account), Ok((vec!["cursor"], Some("account.toml".to_owned()))));
    for bad in ["", "\"claude\"", "\"claude-code\", \"\"", "7"] {
        assert_eq!(found(&agents(bad), ""), Err(Code::PolicyBroken), "{bad}");
        assert_eq!(found(&machine, &agents(bad)), Err(Code::PolicyBroken), "{bad}");
    }
}

#[test]
fn every_value_is_shown_with_its_file_and_whether_it_counts() {
    let scene = scene(
        "[trust]\nmax-days = 30\nmin-age = \"1d\"\n[enable]\nagents = [\"codex\"]\n",
        "[trust]\nmax-days = 90\nmin-age = \"2d\"\nexpires = \"10d\"\n[enable]\nagents = [\"cursor\"]\n",
    );
    let found = rules::show(&scene.world).unwrap();
    let said = |key: &str| -> Vec<_> {
        let lines = found.lines.iter().filter(|line| line.key == key);
        let name = |file: &String| file.rsplit('/').next().unwrap().trim_end_matches(".toml").to_owned();
        lines.map(|line| (line.value.clone(), line.file.as_ref().map(name), line.holds)).collect()
    };
    let line = |value: &str, file: &str, holds| (value.to_owned(), Some(file.to_owned()), holds);
    assert_eq!(said("trust.max-days"), [line("30", "machine", true), line("90", "account", false)]);
    assert_eq!(said("trust.min-age"), [line("\"1d\"", "machine", true), line("\"2d\"", "account", true)]);
    assert_eq!(said("trust.expires"), [line("\"10d\"", "account", true)]);
    assert_eq!(
        said("enable.agents"),
        [line("[\"codex\"]", "machine", true), line("[\"cursor\"]", "account", false)]
    );
    assert_eq!(said("gate.valid-for"), [("60".to_owned(), None, true)]);
    assert!(found.files.iter().all(|(_, there)| *there));
    fs::remove_file(&scene.world.policy_files[1]).unwrap();
    assert!(!rules::show(&scene.world).unwrap().files[1].1);
}

#[test]
fn a_file_is_checked_before_it_is_a_policy() {
    let sandbox = crate::support::sandbox::Sandbox::fast();
    let file = sandbox.arg("work/policy.toml");
    fs::write(&file, "[trust]\nmin-age = \"3d\"\n").unwrap();
    sandbox.run(&["policy", "check", &file]).ok().says("valid").says("trust.min-age").says("\"3d\"");
    sandbox.run(&["policy", "show"]).ok().says("trust.min-age").says("/etc/skill-trust/policy.toml");
    for (text, said) in [
        ("[trust]\nmin-aeg = \"3d\"\n", "min-aeg"),
        ("[trust]\nmin-age = \"soon\"\n", "3d"),
        ("[trust]\nmin-age = 3\n", "invalid type"),
        ("[trust]\nnote = \"yes\"\n", "optional"),
        ("[trust]\nearly = [\"sha256:12\"]\n", "early"),
        ("[enable]\nagents = [\"\\u001b[2J\"]\n", "u{1b}"),
        ("[\"\\u001b[2J\"]\n", "u{1b}"),
        ("[project]\n", "project"),
    ] {
        fs::write(&file, text).unwrap();
        let run = sandbox.run(&["policy", "check", &file]).code(3);
        assert!(!run.0.stderr.contains('\u{1b}'), "{}", run.0.stderr);
        run.says(said).says("policy-broken");
    }
    sandbox.run(&["policy", "check", &sandbox.arg("work/none.toml")]).code(1).says("No such file");
    sandbox.run(&["policy", "check", &sandbox.arg("work")]).code(1).says("no regular file");
    assert!(!sandbox.home().exists(), "looking makes no home");
}

#[test]
fn attack_a_set_that_is_no_file_is_refused_at_once() {
    let sandbox = crate::support::sandbox::Sandbox::fast();
    let fifo = sandbox.arg("work/set");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let digest = format!("sha256:{}", "0".repeat(64));
    for path in [fifo.as_str(), "/dev/zero", "/"] {
        let run = sandbox.run(&["trust", "--set", path, "--digest", &digest]).code(1);
        run.says("it is no regular file").says("--print-set");
    }
}
