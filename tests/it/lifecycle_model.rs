//! The lifecycle against a model of it.
//!
//! Random commands run through the library on a real home, with real folders
//! and a clock that the test moves. Beside them runs a model that was written
//! from the words of the design alone: a few flags per revision, no code of the
//! product. After every step the states, the placements and what lies on disk
//! must be as the model says, and every answer of the gate too.
//!
//! Beyond agreement these laws are checked on their own, without the model:
//! an allow is said only for bytes on disk that have the allowed digest, after
//! a trust of that digest that nothing has withdrawn since, and never between a
//! kill and its release; nothing live lies in an agent's folder but what is
//! enabled; every command leaves a record; the log verifies at the end.

use crate::support::sandbox::{Sandbox, chmod, tamper};
use proptest::prelude::*;
use skill_trust::model::code::Code;
use skill_trust::model::decision::{Decision, Question};
use skill_trust::model::digest::Digest;
use skill_trust::model::lifecycle::{HoldScope, Lifecycle};
use skill_trust::model::skill::{Revision, SkillName};
use skill_trust::model::source::SourceSpec;
use skill_trust::model::time::Timestamp;
use skill_trust::ops::disable;
use skill_trust::ops::install::{self, Purpose, Selection};
use skill_trust::ops::place;
use skill_trust::ops::remove;
use skill_trust::ops::{Nobody, World, enable, gate, stop, trust};
use skill_trust::system::audit_log::AuditLog;
use skill_trust::system::clock::Clock;
use skill_trust::system::fetch::FetchOptions;
use skill_trust::system::home::Home;
use skill_trust::system::ledger::Ledger;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// How many contents the one skill has.
const CONTENTS: usize = 3;
/// The folders of two agents.
const FOLDERS: [&str; 2] = ["a", "b"];
const DAY: i64 = 86_400;

/// A command, or something that happens to the files by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Install(usize),
    Trust { rev: usize, days: Option<u8> },
    Untrust(usize),
    Ban(usize),
    Enable { rev: usize, folder: usize },
    Disable { rev: usize, folder: Option<usize> },
    Remove(usize),
    Gate { rev: usize, question: Question },
    EditPlacement(usize),
    RestorePlacement(usize),
    TakePlacementAway(usize),
    PutPlacementBack(usize),
    EditStore(usize),
    RestoreStore(usize),
    KillAll,
    KillName,
    KillDigest(usize),
    ReleaseAll,
    ReleaseName,
    ReleaseDigest(usize),
    Days(u8),
}

fn step() -> impl Strategy<Value = Step> {
    use Step as S;
    // Two of the contents, mostly the first, so that sequences get somewhere.
    let rev = || prop_oneof![6 => Just(0), 3 => Just(1), 1 => Just(2)];
    let folder = || 0..FOLDERS.len();
    let days = proptest::option::weighted(0.15, 1_u8..4);
    prop_oneof![
        6 => rev().prop_map(S::Install),
        30 => (rev(), days).prop_map(|(rev, days)| S::Trust { rev, days }),
        2 => rev().prop_map(S::Untrust),
        1 => rev().prop_map(S::Ban),
        40 => (rev(), folder()).prop_map(|(rev, folder)| S::Enable { rev, folder }),
        10 => (rev(), proptest::option::of(folder())).prop_map(|(rev, folder)| S::Disable { rev, folder }),
        2 => rev().prop_map(S::Remove),
        30 => rev().prop_map(|rev| S::Gate { rev, question: Question::Load }),
        5 => rev().prop_map(|rev| S::Gate { rev, question: Question::Enable }),
        6 => folder().prop_map(S::EditPlacement),
        6 => folder().prop_map(S::RestorePlacement),
        3 => folder().prop_map(S::TakePlacementAway),
        3 => folder().prop_map(S::PutPlacementBack),
        3 => rev().prop_map(S::EditStore),
        3 => rev().prop_map(S::RestoreStore),
        2 => Just(S::KillAll),
        2 => Just(S::KillName),
        2 => rev().prop_map(S::KillDigest),
        12 => Just(S::ReleaseAll),
        12 => Just(S::ReleaseName),
        12 => rev().prop_map(S::ReleaseDigest),
        3 => (1_u8..3).prop_map(S::Days),
    ]
}

/// Where a revision stands, in the model's words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Stand {
    #[default]
    Absent,
    Installed,
    /// Until that second, if it ends, and in those folders: none means trusted.
    Trusted {
        until: Option<i64>,
        folders: BTreeSet<usize>,
    },
}

/// How a copy of ours looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Copy {
    #[default]
    None,
    Sound,
    Edited,
    /// Moved elsewhere by hand, sound or edited.
    Away {
        edited: bool,
    },
}

/// The model.
#[derive(Debug, Clone, Default)]
struct Model {
    now: i64,
    stands: [Stand; CONTENTS],
    stored: [Copy; CONTENTS],
    placed: [Copy; FOLDERS.len()],
    ever: BTreeSet<usize>,
    held_all: bool,
    held_name: bool,
    /// Digests held because the name was.
    held_along: BTreeSet<usize>,
    held_digest: BTreeSet<usize>,
}

impl Model {
    fn held(&self, rev: usize) -> bool {
        self.held_all || self.held_name || self.held_along.contains(&rev) || self.held_digest.contains(&rev)
    }

    fn folders(&self, rev: usize) -> BTreeSet<usize> {
        match &self.stands[rev] {
            Stand::Trusted { folders, .. } => folders.clone(),
            _ => BTreeSet::new(),
        }
    }

    fn expired(&self, rev: usize) -> bool {
        matches!(self.stands[rev], Stand::Trusted { until: Some(until), .. } if self.now >= until)
    }

    /// Its placements go; it stays trusted.
    fn withdraw(&mut self, rev: usize) {
        if let Stand::Trusted { folders, .. } = &mut self.stands[rev] {
            for folder in std::mem::take(folders) {
                self.placed[folder] = Copy::None;
            }
        }
    }

    /// Its trust goes too.
    fn fall(&mut self, rev: usize) {
        self.withdraw(rev);
        if self.stands[rev] != Stand::Absent {
            self.stands[rev] = Stand::Installed;
        }
    }

    /// Takes a step; whether it is done or allowed, where that can be said.
    fn take(&mut self, step: Step) -> Option<bool> {
        Some(match step {
            Step::Install(rev) => {
                if self.held(rev) {
                    return Some(false);
                }
                if self.stands[rev] == Stand::Absent {
                    self.stands[rev] = Stand::Installed;
                } else if self.stored[rev] != Copy::Sound {
                    self.fall(rev);
                }
                self.stored[rev] = Copy::Sound;
                self.ever.insert(rev);
                true
            }
            Step::Trust { rev, days } => self.trust(rev, days),
            Step::Untrust(rev) | Step::Ban(rev) => {
                if self.stands[rev] == Stand::Absent {
                    return Some(false);
                }
                if matches!(step, Step::Ban(_)) {
                    self.hold_digest(rev);
                }
                self.fall(rev);
                true
            }
            Step::Enable { rev, folder } => self.enable(rev, folder),
            Step::Disable { rev, folder } => {
                let there = self.folders(rev);
                match folder {
                    _ if self.stands[rev] == Stand::Absent => false,
                    None => {
                        self.withdraw(rev);
                        true
                    }
                    Some(folder) if there.contains(&folder) => {
                        self.leave(rev, folder);
                        true
                    }
                    Some(_) => false,
                }
            }
            Step::Remove(rev) => {
                let gone = self.stands[rev] != Stand::Absent && self.folders(rev).is_empty();
                if gone {
                    self.stands[rev] = Stand::Absent;
                    self.stored[rev] = Copy::None;
                }
                gone
            }
            Step::Gate { rev, question: Question::Load } => self.may_load(rev),
            Step::Gate { rev, question: Question::Enable } => self.may_enable(rev),
            Step::KillAll => {
                self.held_all = true;
                (0..CONTENTS).for_each(|rev| self.withdraw(rev));
                true
            }
            Step::KillName => {
                self.held_name = true;
                let along: BTreeSet<_> = self.ever.difference(&self.held_digest).copied().collect();
                self.held_along.extend(along);
                (0..CONTENTS).for_each(|rev| self.withdraw(rev));
                true
            }
            Step::KillDigest(rev) => {
                self.hold_digest(rev);
                self.withdraw(rev);
                true
            }
            Step::ReleaseAll => std::mem::take(&mut self.held_all),
            Step::ReleaseName => {
                self.held_along = if self.held_name { BTreeSet::new() } else { self.held_along.clone() };
                std::mem::take(&mut self.held_name)
            }
            Step::ReleaseDigest(rev) => self.held_digest.remove(&rev) | self.held_along.remove(&rev),
            _ => {
                self.by_hand(step);
                return None;
            }
        })
    }

    fn by_hand(&mut self, step: Step) {
        let swap = |copy: &mut Copy, from: Copy, to: Copy| {
            if *copy == from {
                *copy = to;
            }
        };
        match step {
            Step::EditPlacement(folder) => swap(&mut self.placed[folder], Copy::Sound, Copy::Edited),
            Step::RestorePlacement(folder) => swap(&mut self.placed[folder], Copy::Edited, Copy::Sound),
            Step::EditStore(rev) => swap(&mut self.stored[rev], Copy::Sound, Copy::Edited),
            Step::RestoreStore(rev) => swap(&mut self.stored[rev], Copy::Edited, Copy::Sound),
            Step::TakePlacementAway(folder) => match self.placed[folder] {
                Copy::Sound => self.placed[folder] = Copy::Away { edited: false },
                Copy::Edited => self.placed[folder] = Copy::Away { edited: true },
                Copy::None | Copy::Away { .. } => {}
            },
            Step::PutPlacementBack(folder) => match self.placed[folder] {
                Copy::Away { edited: false } => self.placed[folder] = Copy::Sound,
                Copy::Away { edited: true } => self.placed[folder] = Copy::Edited,
                _ => {}
            },
            Step::Days(days) => self.now += i64::from(days) * DAY,
            _ => unreachable!("a command"),
        }
    }

    fn hold_digest(&mut self, rev: usize) {
        self.held_along.remove(&rev);
        self.held_digest.insert(rev);
    }

    fn trust(&mut self, rev: usize, days: Option<u8>) -> bool {
        let until = days.map(|days| self.now + i64::from(days) * DAY);
        let sound = self.stored[rev] == Copy::Sound;
        if self.held(rev) || !sound {
            return false;
        }
        match &self.stands[rev] {
            Stand::Absent => return false,
            Stand::Trusted { until: same, .. } if *same == until => {}
            Stand::Trusted { folders, .. } if !folders.is_empty() => return false,
            Stand::Installed | Stand::Trusted { .. } => {
                self.stands[rev] = Stand::Trusted { until, folders: BTreeSet::new() };
            }
        }
        true
    }

    /// The placement in one folder goes.
    fn leave(&mut self, rev: usize, folder: usize) {
        if let Stand::Trusted { folders, .. } = &mut self.stands[rev] {
            folders.remove(&folder);
            self.placed[folder] = Copy::None;
        }
    }

    fn may_enable(&mut self, rev: usize) -> bool {
        let trusted = matches!(self.stands[rev], Stand::Trusted { .. });
        if self.held(rev) || !trusted {
            return false;
        }
        if self.expired(rev) || self.stored[rev] != Copy::Sound {
            self.fall(rev);
            return false;
        }
        true
    }

    fn may_load(&mut self, rev: usize) -> bool {
        let folders = self.folders(rev);
        if self.held(rev) || folders.is_empty() {
            return false;
        }
        if self.expired(rev) || folders.iter().any(|folder| self.placed[*folder] != Copy::Sound) {
            self.fall(rev);
            return false;
        }
        true
    }

    fn enable(&mut self, rev: usize, folder: usize) -> bool {
        if !self.may_enable(rev) {
            return false;
        }
        if self.folders(rev).contains(&folder) {
            return self.may_load(rev);
        }
        for other in 0..CONTENTS {
            if self.folders(other).contains(&folder) {
                self.leave(other, folder);
            }
        }
        if let Stand::Trusted { folders, .. } = &mut self.stands[rev] {
            folders.insert(folder);
        }
        self.placed[folder] = Copy::Sound;
        true
    }
}

/// The product, driven the same way.
struct Real {
    sandbox: Sandbox,
    world: World,
    source: PathBuf,
    digests: Vec<Digest>,
}

impl Real {
    fn new() -> Self {
        let sandbox = Sandbox::fast();
        let world = sandbox.world(Timestamp::parse("2030-01-01T00:00:00Z").unwrap());
        let source = sandbox.at("sources/pdf");
        let mut real = Self { sandbox, world, source, digests: Vec::new() };
        for rev in 0..CONTENTS {
            real.write(rev);
            real.digests.push(real.sandbox.digest(&real.source));
        }
        real
    }

    fn write(&self, rev: usize) {
        self.sandbox.skill("pdf").file("content.md", format!("content {rev}\n")).make();
    }

    fn revision(&self, rev: usize) -> Revision {
        Revision { name: SkillName::parse("pdf").unwrap(), digest: self.digests[rev] }
    }

    fn typed(&self, rev: usize) -> String {
        self.revision(rev).to_string()
    }

    fn placement(&self, folder: usize) -> PathBuf {
        self.sandbox.at(FOLDERS[folder]).join("pdf")
    }

    fn stored(&self, rev: usize) -> PathBuf {
        let hex = self.digests[rev].hex();
        self.sandbox.home().join("store").join(&hex[..2]).join(hex)
    }

    fn ledger(&self) -> Ledger {
        Ledger::open(&Home::open(&self.sandbox.home()).unwrap()).unwrap()
    }

    /// Takes a step. Ok is done or allowed; the code is the product's.
    fn take(&mut self, step: Step) -> Result<(), Code> {
        let world = self.world.clone();
        let code = |stop: skill_trust::model::code::Stop| stop.code;
        match step {
            Step::Install(rev) => {
                self.write(rev);
                let spec = SourceSpec::Folder(self.source.clone());
                let opened =
                    install::open(&world, &spec, &FetchOptions::default(), Purpose::Take).map_err(code)?;
                let selection = Selection::default();
                let picked = opened.select(&selection).map_err(code)?;
                let mut arrivals = opened.take(&world, &picked, &selection).map_err(code)?;
                arrivals.pop().unwrap().outcome.map(drop).map_err(code)
            }
            Step::Trust { rev, days } => {
                let request = trust::TrustRequest {
                    skill: "pdf".to_owned(),
                    digest: Some(self.digests[rev]),
                    terms: trust::TermsRequest { expires: days.map(|days| format!("{days}d")), note: None },
                    ..trust::TrustRequest::default()
                };
                let plan = trust::plan(&world, &request)
                    .map_err(|stop| trust::record(&world, &request, stop).code)?;
                trust::trust(&world, &plan, "", &mut Nobody).map(drop).map_err(code)
            }
            Step::Untrust(rev) => trust::untrust(&world, &self.typed(rev), false, None)
                .map(|(_, failures)| assert!(failures.is_empty(), "{failures:?}"))
                .map_err(code),
            Step::Ban(rev) => trust::untrust(&world, &self.typed(rev), true, None).map(drop).map_err(code),
            Step::Enable { rev, folder } => {
                let place = place::Place::Folder(self.sandbox.at(FOLDERS[folder]));
                enable::enable(&world, &self.typed(rev), &place).map(drop).map_err(code)
            }
            Step::Disable { rev, folder } => {
                let place = folder.map(|folder| place::Place::Folder(self.sandbox.at(FOLDERS[folder])));
                disable::disable(&world, &self.typed(rev), place.as_ref())
                    .map(|done| assert!(done.failures.is_empty(), "{:?}", done.failures))
                    .map_err(code)
            }
            Step::Remove(rev) => remove::remove(&world, &self.typed(rev)).map(drop).map_err(code),
            Step::Gate { rev, question } => {
                let request = skill_trust::model::decision::GateRequest {
                    question,
                    ..gate::bare_request(&self.typed(rev))
                };
                let answer = gate::ask(&world, &request);
                match answer.decision {
                    Decision::Allow => {
                        assert_eq!(answer.digest, Some(self.digests[rev]));
                        self.bytes_are(&answer.paths, rev);
                        Ok(())
                    }
                    _ => Err(answer.codes[0]),
                }
            }
            Step::KillAll => {
                let killed = stop::kill_all(&world, None);
                assert!(killed.report.is_held() && killed.pending.is_none(), "{killed:?}");
                Ok(())
            }
            Step::KillName => self.kill(HoldScope::Name(SkillName::parse("pdf").unwrap())),
            Step::KillDigest(rev) => self.kill(HoldScope::Digest(self.digests[rev])),
            Step::ReleaseAll => self.release(None),
            Step::ReleaseName => self.release(Some(HoldScope::Name(SkillName::parse("pdf").unwrap()))),
            Step::ReleaseDigest(rev) => self.release(Some(HoldScope::Digest(self.digests[rev]))),
            _ => {
                self.by_hand(step);
                Ok(())
            }
        }
    }

    fn by_hand(&mut self, step: Step) {
        // Content that is one byte longer than ours is edited.
        let is_edited = |file: &PathBuf| std::fs::read(file).is_ok_and(|bytes| bytes.ends_with(b"!"));
        let edit = |folder: PathBuf| {
            let file = folder.join("content.md");
            if file.exists() && !is_edited(&file) {
                tamper(&file);
            }
        };
        let restore = |folder: PathBuf| {
            let file = folder.join("content.md");
            if is_edited(&file) {
                let bytes = std::fs::read(&file).unwrap();
                let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
                chmod(&file, 0o600);
                std::fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
                chmod(&file, mode & 0o7777);
            }
        };
        let shift = |from: PathBuf, to: PathBuf| {
            if from.exists() && !to.exists() {
                chmod(&from, 0o755);
                std::fs::rename(&from, &to).unwrap();
                chmod(&to, 0o555);
            }
        };
        let aside = |folder: usize| self.sandbox.at("work").join(format!("aside-{folder}"));
        match step {
            Step::EditPlacement(folder) => edit(self.placement(folder)),
            Step::RestorePlacement(folder) => restore(self.placement(folder)),
            Step::EditStore(rev) => edit(self.stored(rev)),
            Step::RestoreStore(rev) => restore(self.stored(rev)),
            Step::TakePlacementAway(folder) => shift(self.placement(folder), aside(folder)),
            Step::PutPlacementBack(folder) => shift(aside(folder), self.placement(folder)),
            Step::Days(days) => {
                let Clock::Fixed(now) = self.world.clock else { unreachable!() };
                let later = Timestamp::from_unix(now.unix() + i64::from(days) * DAY);
                self.world.clock = Clock::Fixed(later);
            }
            _ => unreachable!("a command"),
        }
    }

    /// What was moved away by hand and is wanted back no more.
    fn forget_aside(&self, folder: usize) {
        let aside = self.sandbox.at("work").join(format!("aside-{folder}"));
        if aside.exists() {
            chmod(&aside, 0o755);
            std::fs::remove_dir_all(aside).unwrap();
        }
    }

    fn kill(&self, scope: HoldScope) -> Result<(), Code> {
        let killed = stop::kill_scope(&self.world, &scope, None);
        assert!(killed.report.failures.is_empty() && killed.pending.is_none(), "{killed:?}");
        Ok(())
    }

    fn release(&self, scope: Option<HoldScope>) -> Result<(), Code> {
        let plan = stop::release_plan(&self.world, scope.as_ref()).map_err(|stop| stop.code)?;
        let phrase = stop::phrase(&plan);
        stop::release(&self.world, &plan, "", Some(&phrase), &mut Nobody).map(drop).map_err(|stop| stop.code)
    }

    /// Law: an allow names folders that hold exactly the allowed bytes.
    fn bytes_are(&self, paths: &[String], rev: usize) {
        assert!(!paths.is_empty());
        for path in paths {
            assert_eq!(self.sandbox.digest(path.as_ref()), self.digests[rev], "{path}");
        }
    }

    /// Every card below the agents' folders: what an agent would load.
    fn live(&self) -> BTreeSet<PathBuf> {
        fn search(folder: &std::path::Path, found: &mut BTreeSet<PathBuf>) {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.file_type().unwrap().is_dir() {
                    true => search(&entry.path(), found),
                    false if entry.file_name() == "SKILL.md" => {
                        found.insert(entry.path());
                    }
                    false => {}
                }
            }
        }
        let mut found = BTreeSet::new();
        FOLDERS.iter().for_each(|folder| search(&self.sandbox.at(folder), &mut found));
        found
    }

    fn agrees(&self, model: &Model) {
        self.sandbox.is_tidy();
        let ledger = self.ledger();
        for rev in 0..CONTENTS {
            let row = ledger.revision(&self.revision(rev)).unwrap();
            let stand = row.map_or(Stand::Absent, |row| match &row.lifecycle {
                Lifecycle::Installed { .. } => Stand::Installed,
                Lifecycle::Trusted { pin } | Lifecycle::Enabled { pin, .. } => {
                    assert_eq!(pin.digest, self.digests[rev]);
                    let folder = |path: &str| {
                        (0..FOLDERS.len())
                            .find(|folder| self.placement(*folder).to_str() == Some(path))
                            .expect("a placement where we placed")
                    };
                    let folders =
                        row.lifecycle.placements().iter().map(|place| folder(&place.path)).collect();
                    Stand::Trusted { until: pin.until.map(Timestamp::unix), folders }
                }
            });
            assert_eq!(stand, model.stands[rev], "revision {rev}");
        }
        let brakes = ledger.brakes();
        let held =
            |rev: &usize| brakes.holds.iter().any(|hold| hold.scope == HoldScope::Digest(self.digests[*rev]));
        let digests: BTreeSet<_> = (0..CONTENTS).filter(held).collect();
        assert_eq!(digests, &model.held_along | &model.held_digest, "digests held");
        let name = brakes.holds.iter().any(|hold| matches!(hold.scope, HoldScope::Name(_)));
        assert_eq!((name, brakes.hold.is_some()), (model.held_name, model.held_all), "name and home held");
        let live: BTreeSet<_> = (0..FOLDERS.len())
            .filter(|folder| matches!(model.placed[*folder], Copy::Sound | Copy::Edited))
            .map(|folder| self.placement(folder).join("SKILL.md"))
            .collect();
        assert_eq!(self.live(), live, "what agents would load");
    }
}

/// Laws that need no model: what was trusted, and what was withdrawn since.
#[derive(Default)]
struct Laws {
    granted: BTreeMap<usize, bool>,
}

impl Laws {
    fn after(&mut self, step: Step, done: bool, model: &Model) {
        match step {
            Step::Trust { rev, .. } if done => drop(self.granted.insert(rev, true)),
            Step::Untrust(rev) | Step::Ban(rev) | Step::Remove(rev) if done => {
                self.granted.insert(rev, false);
            }
            Step::EditPlacement(_) | Step::EditStore(_) | Step::Days(_) => {}
            Step::Gate { rev, .. } if done => {
                assert_eq!(self.granted.get(&rev), Some(&true), "allowed without a trust that stands");
                assert!(!model.held(rev), "allowed between a kill and its release");
            }
            Step::Gate { rev, .. } if matches!(model.stands[rev], Stand::Installed) => {
                self.granted.insert(rev, false);
            }
            _ => {}
        }
    }
}

/// Whether a command that is not done is no event at all: nothing to lift.
fn is_no_event(step: Step) -> bool {
    matches!(step, Step::ReleaseAll | Step::ReleaseName | Step::ReleaseDigest(_))
}

fn play(steps: &[Step]) {
    let mut real = Real::new();
    let Clock::Fixed(now) = real.world.clock else { unreachable!() };
    let mut model = Model { now: now.unix(), ..Model::default() };
    let mut laws = Laws::default();
    for step in (0..CONTENTS).map(Step::Install).chain([Step::Trust { rev: 0, days: None }]) {
        assert!(real.take(step).is_ok());
        model.take(step);
        laws.after(step, true, &model);
    }
    let mut size = real.ledger().head().size;
    for (at, step) in steps.iter().enumerate() {
        let expected = model.take(*step);
        let found = real.take(*step);
        // A folder that another placement took is not put back by hand.
        for folder in 0..FOLDERS.len() {
            if !matches!(model.placed[folder], Copy::Away { .. }) {
                real.forget_aside(folder);
            }
        }
        if let Some(expected) = expected {
            assert_eq!(found.is_ok(), expected, "step {at} {step:?}: {found:?}\n{model:#?}");
            let records = real.ledger().head().size - size;
            let none = is_no_event(*step) && !expected;
            assert_eq!(records == 0, none, "step {at} {step:?} left {records} records");
            size += records;
        }
        laws.after(*step, found.is_ok(), &model);
        real.agrees(&model);
    }
    // At the end every answer, and the whole log.
    for rev in 0..CONTENTS {
        for question in [Question::Enable, Question::Load] {
            let step = Step::Gate { rev, question };
            let (expected, found) = (model.take(step), real.take(step));
            assert_eq!(expected, Some(found.is_ok()), "{step:?} at the end: {found:?}");
        }
    }
    real.agrees(&model);
    let (home, ledger) = (Home::open(&real.sandbox.home()).unwrap(), real.ledger());
    let verified = AuditLog::open(&home, &ledger).unwrap().verify(&ledger).unwrap();
    assert_eq!(verified.records, ledger.head().size);
    ledger.check_integrity().unwrap();
}

#[test]
fn sequences_that_once_went_wrong() {
    use Step as S;
    let gate = S::Gate { rev: 0, question: Question::Load };
    let enable = |folder| S::Enable { rev: 0, folder };
    for steps in [
        // What is left after one of two placements went is still usable.
        vec![enable(0), enable(1), S::Disable { rev: 0, folder: Some(0) }, gate],
        vec![enable(0), enable(1), S::Trust { rev: 1, days: None }, S::Enable { rev: 1, folder: 0 }, gate],
        // A digest killed for itself is not released with its name.
        vec![S::KillName, S::KillDigest(0), S::ReleaseName, S::Trust { rev: 0, days: None }, enable(0)],
        vec![S::KillName, S::Ban(0), S::ReleaseName, S::Install(0)],
        // Nor a name with one of its digests.
        vec![S::KillName, S::ReleaseDigest(0), S::Install(0), S::ReleaseName, enable(0), gate],
        // Killed twice is released once, whatever came between.
        vec![S::KillName, S::KillName, S::ReleaseName, enable(0), gate],
        vec![S::KillAll, S::KillAll, S::ReleaseAll, enable(0), gate],
        // A copy that was changed or taken away is not "already enabled".
        vec![enable(0), S::EditPlacement(0), enable(0), S::RestorePlacement(0), gate],
        vec![enable(0), S::TakePlacementAway(0), enable(0), S::PutPlacementBack(0), gate],
        // The right bytes brought again do not undo that they were changed.
        vec![enable(0), S::EditStore(0), S::Install(0), gate],
    ] {
        play(&steps);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_commands_leaves_the_lifecycle(steps in proptest::collection::vec(step(), 8..80)) {
        play(&steps);
    }
}
