//! Whatever is changed in one part of the state alone: a deny stays a deny,
//! and an allow stays that very allow or becomes a deny.
//!
//! A story is played up to some state. Then one part of it (the ledger, the
//! log, the permits, the store or the placements) is changed in some way, the
//! gate is asked both of its questions, twice, and everything is put back for
//! the next change. Some changes are the plain ones of accidents and clumsy
//! hands; others know the formats as well as we do and make all digests of
//! that part fit.
//!
//! What no single machine can tell, namely all parts put back together, is
//! tested for what it is at the end.

mod files;
mod log;
mod permits;
mod sql;

use crate::support::scene::{Dice, START, Scene, SkillFile, Snapshot, typed};
use skill_trust::model::code::Code;
use skill_trust::model::decision::{Decision, GateAnswer, Question};
use skill_trust::model::digest::Digest;
use skill_trust::model::lifecycle::HoldScope;
use skill_trust::model::skill::Revision;
use skill_trust::ops::disable;
use skill_trust::ops::remove;
use skill_trust::ops::{Nobody, gate, stop, trust};
use std::path::Path;

const A: &[SkillFile<'static>] = &[
    ("SKILL.md", false, b"---\nname: notes\ndescription: Takes notes\n---\nThe first body.\n"),
    ("scripts/run.sh", true, b"#!/bin/sh\necho one\n"),
];
const B: &[SkillFile<'static>] = &[
    ("SKILL.md", false, b"---\nname: notes\ndescription: Takes notes\n---\nThe second body.\n"),
    ("scripts/run.sh", true, b"#!/bin/sh\necho two\n"),
];
const OTHER: &[SkillFile<'static>] =
    &[("SKILL.md", false, b"---\nname: other\ndescription: Something else\n---\nBody.\n")];

/// A change: what it does, and the doing. False if there was nothing to do.
type Change<'a> = (String, Box<dyn Fn(&Path) -> bool + 'a>);

/// A story told so far.
struct Story {
    scene: Scene,
    /// The state after each step, for putting back.
    old: Vec<Snapshot>,
    /// A second skill, enabled all along.
    other: Revision,
}

impl Story {
    fn new() -> Self {
        let scene = Scene::new();
        let other = scene.install(OTHER);
        scene.trust(&other, None);
        scene.enable(&other);
        let mut story = Self { scene, old: Vec::new(), other };
        story.keep();
        story
    }

    fn keep(&mut self) {
        self.old.push(Snapshot::take(&self.scene.base()));
    }

    fn install(&mut self, files: &[SkillFile<'_>]) -> Revision {
        let revision = self.scene.install(files);
        self.keep();
        revision
    }

    fn trusted(&mut self, files: &[SkillFile<'_>], expires: Option<&str>) -> Revision {
        let revision = self.install(files);
        self.scene.trust(&revision, expires);
        self.keep();
        revision
    }

    fn enabled(&mut self, files: &[SkillFile<'_>], expires: Option<&str>) -> Revision {
        let revision = self.trusted(files, expires);
        self.scene.enable(&revision);
        self.keep();
        self.scene.ask(&revision, Question::Load);
        self.keep();
        revision
    }
}

/// What the gate may say yes to: these bytes, at these places.
type Yes = Option<(Option<Digest>, Vec<String>)>;

fn yes(answer: &GateAnswer) -> Yes {
    (answer.decision == Decision::Allow).then(|| (answer.digest, answer.paths.clone()))
}

const QUESTIONS: [Question; 2] = [Question::Load, Question::Enable];

/// Plays a story, makes every change and compares. `load` and `enable` say
/// what the gate answers before any change.
fn no_change_widens(
    name: &str,
    (load, enable): (bool, bool),
    tell: impl FnOnce(&mut Story) -> Revision,
) -> usize {
    let mut story = Story::new();
    let subject = tell(&mut story);
    let base = story.scene.base();
    let now = Snapshot::take(&base);
    let before = QUESTIONS.map(|question| {
        let answer = story.scene.ask(&subject, question);
        now.put(&base);
        yes(&answer)
    });
    assert_eq!((before[0].is_some(), before[1].is_some()), (load, enable), "{name}: the story itself");

    let mut dice = Dice::new(name);
    let mut changes = files::changes(&now, &story.old, &mut dice);
    changes.extend(log::changes(&now, &mut dice));
    changes.extend(permits::changes(&now, &story.old, &[&subject, &story.other]));
    changes.extend(sql::changes(&now, &story.old));
    let mut made = 0;
    for (what, change) in &changes {
        now.put(&base);
        if !change(&base) {
            continue;
        }
        made += 1;
        let card = story.scene.agent().join("notes/SKILL.md");
        let live = card.symlink_metadata().is_ok();
        for round in 1..=2 {
            for (question, before) in QUESTIONS.iter().zip(&before) {
                let answer = story.scene.ask(&subject, *question);
                let now = yes(&answer);
                assert!(
                    now.is_none() || now == *before,
                    "{name}: {what}: {question:?} in round {round} gives {answer:?}"
                );
            }
        }
        assert!(live || card.symlink_metadata().is_err(), "{name}: {what}: placed something");
    }
    made
}

const DENY: (bool, bool) = (false, false);
const ONLY_ENABLE: (bool, bool) = (false, true);
const ALLOW: (bool, bool) = (true, true);
/// Changes that each of the fifteen stories must at least have seen.
const LEAST: usize = 600;

macro_rules! stories {
    ($($law:ident: $expected:expr, $tell:expr;)*) => {$(
        #[test]
        fn $law() {
            let made = no_change_widens(stringify!($law), $expected, $tell);
            assert!(made >= LEAST, "only {made} changes were made");
        }
    )*};
}

stories! {
    what_nobody_trusted_stays_denied: DENY, |story| story.install(A);

    what_is_not_placed_is_never_loaded: ONLY_ENABLE, |story| story.trusted(A, None);

    what_was_disabled_stays_disabled: ONLY_ENABLE, |story| {
        let revision = story.enabled(A, None);
        disable::disable(&story.scene.world, &typed(&revision), None).unwrap();
        revision
    };

    what_was_untrusted_stays_untrusted: DENY, |story| {
        let revision = story.enabled(A, None);
        trust::untrust(&story.scene.world, &typed(&revision), false, None).unwrap();
        revision
    };

    what_expired_stays_expired: DENY, |story| {
        let revision = story.enabled(A, Some("1d"));
        story.scene.at(START + 2 * 86_400);
        story.scene.ask(&revision, Question::Load);
        revision
    };

    an_end_that_nobody_noticed_counts_all_the_same: DENY, |story| {
        let revision = story.enabled(A, Some("1d"));
        story.scene.at(START + 2 * 86_400);
        revision
    };

    a_clock_put_back_gains_nothing: DENY, |story| {
        let revision = story.enabled(A, Some("1d"));
        story.scene.at(START + 2 * 86_400);
        let other = story.other.clone();
        story.scene.ask(&other, Question::Load);
        story.scene.at(START + 60);
        revision
    };

    what_kill_all_stopped_stays_stopped: DENY, |story| {
        let revision = story.enabled(A, None);
        assert!(stop::kill_all(&story.scene.world, None).pending.is_none());
        revision
    };

    what_was_killed_by_name_stays_held: DENY, |story| {
        let revision = story.enabled(A, None);
        let scope = HoldScope::Name(revision.name.clone());
        assert!(stop::kill_scope(&story.scene.world, &scope, None).pending.is_none());
        revision
    };

    what_drifted_stays_withdrawn: DENY, |story| {
        let revision = story.enabled(A, None);
        let card = story.scene.agent().join("notes/SKILL.md");
        crate::support::scene::chmod(&card, 0o644);
        story.keep();
        story.scene.ask(&revision, Question::Load);
        revision
    };

    what_was_released_is_not_enabled: ONLY_ENABLE, |story| {
        let revision = story.enabled(A, None);
        let world = &story.scene.world;
        assert!(stop::kill_all(world, None).pending.is_none());
        story.old.push(Snapshot::take(&story.scene.base()));
        let plan = stop::release_plan(world, None).unwrap();
        stop::release(world, &plan, "", Some(&stop::phrase(&plan)), &mut Nobody).unwrap();
        revision
    };

    what_was_replaced_does_not_come_back: ONLY_ENABLE, |story| {
        let first = story.enabled(A, None);
        story.enabled(B, None);
        first
    };

    what_policy_forbids_stays_forbidden: DENY, |story| {
        let revision = story.enabled(A, None);
        let policy = story.scene.base().join("policy.toml");
        std::fs::write(policy, "[sources]\nallow = [\"https://nowhere.example/\"]\n").unwrap();
        revision
    };

    what_was_removed_stays_unknown: DENY, |story| {
        let revision = story.enabled(A, None);
        disable::disable(&story.scene.world, &typed(&revision), None).unwrap();
        story.keep();
        remove::remove(&story.scene.world, &typed(&revision)).unwrap();
        revision
    };

    what_is_allowed_is_allowed_as_it_was_or_not_at_all: ALLOW, |story| story.enabled(A, None);
}

/// Everything of an earlier moment, put back together, is that earlier moment:
/// no file on this machine can tell. Somebody who remembers the head can.
#[test]
fn all_parts_put_back_together_are_found_out_by_whoever_remembers_the_head() {
    let mut story = Story::new();
    let revision = story.enabled(A, None);
    let base = story.scene.base();
    let then = Snapshot::take(&base);
    let earlier = story.scene.ask(&revision, Question::Load).head.unwrap();
    trust::untrust(&story.scene.world, &typed(&revision), false, None).unwrap();
    let remembered = story.scene.ask(&revision, Question::Load).head.unwrap();

    then.put(&base);
    assert_eq!(story.scene.ask(&revision, Question::Load).decision, Decision::Allow, "the documented limit");
    then.put(&base);
    for question in QUESTIONS {
        let mut request = gate::bare_request(&typed(&revision));
        request.question = question;
        request.head = Some(remembered.clone());
        let answer = gate::ask(&story.scene.world, &request);
        assert_eq!((answer.decision, answer.codes), (Decision::Deny, vec![Code::RolledBack]));
        // A head from before the moment that was put back is continued by it.
        request.head = Some(earlier.clone());
        then.put(&base);
        story.scene.ask(&revision, Question::Load);
        assert_eq!(gate::ask(&story.scene.world, &request).decision, Decision::Allow);
    }
}

/// A head that never was is no head, and one that is not understood is no yes.
#[test]
fn a_head_that_is_not_ours_denies() {
    let mut story = Story::new();
    let revision = story.enabled(A, None);
    let head = story.scene.ask(&revision, Question::Load).head.unwrap();
    let (size, root) = head.split_once(':').unwrap();
    let other_root = root.replace(&root[..1], if root.starts_with('0') { "1" } else { "0" });
    let bigger = format!("{}:{root}", size.parse::<u64>().unwrap() + 1);
    for bad in [
        format!("{size}:{other_root}"),
        bigger,
        format!("0:{root}"),
        format!("{}:{root}", u64::MAX),
        format!("1:{root}"),
        root.to_owned(),
        format!("{size}:"),
        format!("-1:{root}"),
        String::new(),
    ] {
        let mut request = gate::bare_request(&typed(&revision));
        request.head = Some(bad.clone());
        let answer = gate::ask(&story.scene.world, &request);
        assert_eq!(answer.decision, Decision::Deny, "{bad}");
        assert!(answer.codes == [Code::RolledBack] || answer.codes == [Code::Usage], "{bad}: {answer:?}");
    }
    let mut request = gate::bare_request(&typed(&revision));
    request.head = Some(head);
    assert_eq!(gate::ask(&story.scene.world, &request).decision, Decision::Allow);
}

/// Whoever may write the ledger may write a whole transaction into it, as this
/// program does, so that it looks like one that a crash kept from the log. A
/// change that no command announced is not believed, and the log stays as it is.
#[test]
fn a_whole_forged_transaction_denies_and_does_not_reach_the_log() {
    let mut story = Story::new();
    let revision = story.trusted(A, None);
    story.scene.enable(&revision);
    let enabled = Snapshot::take(&story.scene.base());
    trust::untrust(&story.scene.world, &typed(&revision), false, None).unwrap();
    let base = story.scene.base();
    let log = || std::fs::read(base.join("home/audit/audit.jsonl")).unwrap();
    let before = log();
    for event in ["enable", "trust", "gate"] {
        let then = Snapshot::take(&base);
        assert!(sql::forge_event(&base, &enabled, event));
        for question in [Question::Load, Question::Enable] {
            let answer = story.scene.ask(&revision, question);
            assert_eq!(
                (answer.decision, &answer.codes[..]),
                (Decision::Deny, &[Code::Tampered][..]),
                "{event}"
            );
        }
        assert!(log() == before, "{event}: the log was written to");
        then.put(&base);
    }
    assert_eq!(story.scene.ask(&revision, Question::Enable).codes, [Code::NotTrusted]);
}

/// A forged record that changes nothing cannot be told from a gate's answer
/// that a crash kept from the log. It stands there for everybody to see, and no
/// more follows from it.
#[test]
fn a_forged_record_without_a_change_changes_nothing() {
    let mut story = Story::new();
    let revision = story.trusted(A, None);
    trust::untrust(&story.scene.world, &typed(&revision), false, None).unwrap();
    let base = story.scene.base();
    assert!(sql::forge_event(&base, &Snapshot::take(&base), "trust"));
    for question in [Question::Load, Question::Enable] {
        assert_eq!(story.scene.ask(&revision, question).codes, [Code::NotTrusted]);
    }
    let log = std::fs::read_to_string(base.join("home/audit/audit.jsonl")).unwrap();
    assert!(log.contains("\"reason\":\"forged\""));
}

/// Attack: a clock lowered by a forged record would revive what has expired.
#[test]
fn a_forged_lowered_clock_denies() {
    let mut story = Story::new();
    let revision = story.trusted(A, Some("1d"));
    story.scene.at(START + 2 * 86_400);
    assert_eq!(story.scene.ask(&revision, Question::Load).decision, Decision::Deny);
    let base = story.scene.base();
    assert!(sql::forge_event(&base, &Snapshot::take(&base), "clock"));
    for question in [Question::Load, Question::Enable] {
        assert_eq!(story.scene.ask(&revision, question).codes, [Code::Tampered]);
    }
}

/// Attack: the row before the forged one repeats an old line under a new
/// number, so that the old state passes for the one before.
#[test]
fn an_old_line_repeated_before_a_forged_one_denies() {
    let mut story = Story::new();
    let revision = story.trusted(A, None);
    let trusted = Snapshot::take(&story.scene.base());
    trust::untrust(&story.scene.world, &typed(&revision), false, None).unwrap();
    let base = story.scene.base();
    assert!(sql::forge_after_repeat(&base, &trusted));
    for question in [Question::Load, Question::Enable] {
        assert_eq!(story.scene.ask(&revision, question).codes, [Code::Tampered]);
    }
}

/// Others commit while we read: that is no damage, and never was.
#[test]
fn a_ledger_that_changes_while_it_is_read_is_not_called_damaged() {
    let mut story = Story::new();
    let revision = story.enabled(A, None);
    let (scene, done) = (&story.scene, std::sync::atomic::AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..400 {
                disable::disable(&scene.world, &typed(&revision), None).unwrap();
                scene.enable(&revision);
            }
            done.store(true, std::sync::atomic::Ordering::SeqCst);
        });
        while !done.load(std::sync::atomic::Ordering::SeqCst) {
            let answer = scene.ask(&revision, Question::Load);
            let damaged =
                answer.codes.iter().any(|code| code.exit() == skill_trust::model::code::Exit::Damaged);
            assert!(!damaged, "{answer:?}");
        }
    });
}

/// A gate call is a process that makes one commit and ends. However many there
/// were, the next one has as little to read.
#[test]
fn the_write_ahead_log_stays_short_over_many_short_calls() {
    let mut story = Story::new();
    let revision = story.enabled(A, None);
    let wal = story.scene.world.home.join("ledger.db-wal");
    for _ in 0..200 {
        assert_eq!(story.scene.ask(&revision, Question::Load).decision, Decision::Allow);
        let length = wal.metadata().map_or(0, |meta| meta.len());
        assert!(length < 96 * (4096 + 24), "{length} bytes");
    }
}
