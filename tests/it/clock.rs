//! A clock that ran ahead, and the one way back.

use crate::support::scene::{START, Scene, SkillFile, typed};
use skill_trust::model::code::Code;
use skill_trust::model::decision::{Decision, Question};
use skill_trust::model::lifecycle::State;
use skill_trust::ops::session::{Depth, Session};
use skill_trust::ops::{Nobody, clock, status};

const A: &[SkillFile<'static>] = &[("SKILL.md", false, b"---\nname: a\ndescription: x\n---\nA\n")];
const B: &[SkillFile<'static>] = &[("SKILL.md", false, b"---\nname: b\ndescription: x\n---\nB\n")];
const C: &[SkillFile<'static>] = &[("SKILL.md", false, b"---\nname: c\ndescription: x\n---\nC\n")];
/// Seven years, in which a clock was wrong.
const AHEAD: i64 = START + 7 * 366 * 86_400;

/// The floor, and whether the whole chain is sound.
fn floor(scene: &Scene) -> (i64, bool) {
    let session = Session::open(&scene.world, Depth::End).unwrap();
    (session.ledger.head().time.unix(), session.log.verify(&session.ledger).is_ok())
}

#[test]
fn a_lowered_clock_is_recorded_and_ends_what_is_dated() {
    let mut scene = Scene::new();
    let (lasting, dated) = (scene.install(A), scene.install(B));
    scene.trust(&lasting, None);
    scene.trust(&dated, Some("3650d"));
    scene.enable(&lasting);
    scene.enable(&dated);
    // A decision under a clock that is years ahead.
    scene.at(AHEAD);
    assert_eq!(scene.ask(&lasting, Question::Load).decision, Decision::Allow);
    let late = scene.install(C);
    scene.trust(&late, None);
    scene.at(START + 60);
    assert_eq!(floor(&scene), (AHEAD, true));
    let plan = clock::plan(&scene.world).unwrap();
    let mut ends: Vec<_> = plan.ends.iter().map(|row| row.revision.name.to_string()).collect();
    ends.sort();
    assert_eq!(ends, ["b", "c"], "what has an end, and what is of a later time");

    for (phrase, code) in [(None, Code::PersonNeeded), (Some("lower"), Code::Declined)] {
        let stop = clock::lower(&scene.world, &plan, "", phrase, &mut Nobody).unwrap_err();
        assert_eq!(stop.code, code);
    }
    // The refusals were recorded, at the old floor, and nothing else happened.
    assert_eq!(floor(&scene), (AHEAD, true));
    assert_eq!(scene.ask(&dated, Question::Load).decision, Decision::Allow);

    let plan = clock::plan(&scene.world).unwrap();
    let phrase = plan.phrase();
    let failures = clock::lower(&scene.world, &plan, "", Some(&phrase), &mut Nobody).unwrap();
    assert!(failures.is_empty());
    assert_eq!(floor(&scene), (START + 60, true));
    assert_eq!(scene.ask(&lasting, Question::Load).decision, Decision::Allow);
    for ended in [&dated, &late] {
        assert_eq!(scene.ask(ended, Question::Enable).codes, [Code::NotTrusted]);
    }
    let found = status::status(&scene.world, &status::StatusRequest::default()).unwrap();
    let enabled = found.skills.iter().filter(|skill| skill.row.lifecycle.state() == State::Enabled);
    assert_eq!(enabled.count(), 1);
    assert!(!scene.agent().join("b").exists(), "its copy is taken away");
    // A new end is meant by the clock of today.
    scene.trust(&dated, Some("1d"));
    scene.enable(&dated);
    assert_eq!(scene.ask(&dated, Question::Load).decision, Decision::Allow);
    scene.at(START + 2 * 86_400);
    assert_eq!(scene.ask(&dated, Question::Load).codes, [Code::Expired]);
    assert!(floor(&scene).1);
}

#[test]
fn a_clock_that_is_not_behind_is_not_lowered_and_no_agent_lowers_one() {
    let mut scene = Scene::new();
    let a = scene.install(A);
    assert_eq!(clock::plan(&scene.world).unwrap_err().code, Code::Usage);
    scene.at(AHEAD);
    scene.trust(&a, None);
    scene.at(START);
    let plan = clock::plan(&scene.world).unwrap();
    // Something was decided after the plan was shown.
    scene.ask(&a, Question::Enable);
    scene.install(B);
    scene.at(AHEAD + 10);
    scene.ask(&a, Question::Enable);
    scene.at(START);
    let stop = clock::lower(&scene.world, &plan, "", Some(&plan.phrase()), &mut Nobody).unwrap_err();
    assert_eq!(stop.code, Code::Declined);
    let plan = clock::plan(&scene.world).unwrap();
    scene.world.agent = Some("Claude Code");
    let stop = clock::lower(&scene.world, &plan, "", Some(&plan.phrase()), &mut Nobody).unwrap_err();
    assert_eq!(stop.code, Code::AgentEnvironment);
    assert_eq!(floor(&scene), (AHEAD + 10, true));
    assert_eq!(scene.ask(&a, Question::Enable).decision, Decision::Allow, "{}", typed(&a));
}
