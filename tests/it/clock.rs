//! A clock that ran ahead, and the one way back.

use crate::support::scene::{START, Scene, SkillFile, typed};
use skill_trust::model::code::Code;
use skill_trust::model::decision::{Decision, Question};
use skill_trust::model::lifecycle::State;
use skill_trust::ops::session::{Depth, Session};
use skill_trust::ops::{Nobody, clock, enable, pick, status, update};

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

/// Four revisions of one skill in the same second, or under a clock that goes
/// back, with decisions in between: which came last is the order they came in.
#[test]
fn the_newest_revision_is_the_last_that_came_whatever_the_clock_says() {
    for step in [0, -3_600] {
        let mut scene = Scene::new();
        scene.at(START);
        let bodies: Vec<_> =
            (0..4).map(|at| format!("---\nname: a\ndescription: x\n---\nRevision {at}\n")).collect();
        let revisions: Vec<_> = (0_i64..)
            .zip(&bodies)
            .map(|(at, body)| {
                scene.at(START + at * step);
                if at > 0 && step != 0 {
                    let plan = clock::plan(&scene.world).unwrap();
                    clock::lower(&scene.world, &plan, "", Some(&plan.phrase()), &mut Nobody).unwrap();
                }
                scene.install(&[("SKILL.md", false, body.as_bytes())])
            })
            .collect();
        // What was decided about last is not what came last.
        scene.trust(&revisions[2], None);
        scene.trust(&revisions[0], None);
        scene.enable(&revisions[0]);
        let groups = update::plan(&scene.world, &[]).unwrap();
        let compared: Vec<_> = groups.iter().flat_map(|group| &group.rows).map(|row| &row.revision).collect();
        assert_eq!(compared, [&revisions[3]], "update, {step}");
        let known = pick::known(&scene.world);
        let row = |at: usize| known.iter().find(|row| row.revision == revisions[at]).unwrap();
        assert_eq!(pick::newer(&known, row(0)).as_ref(), Some(&revisions[3]), "waits, {step}");
        assert_eq!(pick::newer(&known, row(2)).as_ref(), Some(&revisions[3]), "waits, {step}");
        let waiting = pick::look(&scene.world, &pick::Pick::Updates, pick::is_undecided).unwrap();
        assert_eq!(waiting.iter().map(|row| &row.revision).collect::<Vec<_>>(), [&revisions[3]], "{step}");
        let found = status::status(&scene.world, &status::StatusRequest::default()).unwrap();
        let order: Vec<_> = found.skills.iter().map(|skill| &skill.row.revision).collect();
        assert_eq!(order, [0, 2, 3, 1].map(|at| &revisions[at]), "by state, then the newest; {step}");
        // Of the trusted ones the newer is enabled in place of the older: it was
        // trusted before, and so the older was meant.
        let stop = enable::updates(&scene.world).unwrap_err();
        assert!(stop.what.contains("was enabled after"), "{stop:?}");
        scene.trust(&revisions[3], None);
        let updates = enable::updates(&scene.world).unwrap();
        assert_eq!(updates.len(), 1);
        assert_eq!(updates[0].0.revision, revisions[3], "enable --updates, {step}");
    }
}
