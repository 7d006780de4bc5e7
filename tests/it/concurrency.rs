//! Many processes at once, with and without random kills; and races of kill
//! against everything that lets something run.

use crate::support::faults::{Bed, Dice, Logs, Ran};
use skill_trust::model::decision::Decision;
use skill_trust::ops::disable;
use skill_trust::ops::enable;
use skill_trust::ops::place::Place;
use skill_trust::ops::{Nobody, World, gate, stop};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const PROCESSES: usize = 16;
const DECISIONS: usize = 50;
const SKILLS: &[&str] = &["alpha", "beta", "gamma", "delta"];
/// Races in all.
const ROUNDS: usize = 1_000;
/// Races in one home: a release reads the whole log.
const IN_ONE_HOME: usize = 40;

/// One command and how it ended; none if it was killed.
struct Said {
    event: &'static str,
    skill: &'static str,
    ran: Option<Ran>,
}

fn skills(bed: &Bed) -> BTreeMap<&'static str, String> {
    let mut digests = BTreeMap::new();
    for name in SKILLS {
        bed.source(name, &format!("echo {name}\n"));
        let digest = bed.install(name);
        bed.trust(name, &digest);
        digests.insert(*name, digest);
    }
    digests
}

/// One process's decisions, one after the other, each a run of the program.
fn decide(bed: &Bed, digests: &BTreeMap<&str, String>, seed: u64, kills: bool) -> Vec<Said> {
    let mut dice = Dice::new(seed);
    let mut said = Vec::new();
    for _ in 0..DECISIONS {
        let skill = SKILLS[dice.roll(SKILLS.len())];
        let agent = bed.agent("a");
        let (event, args): (_, Vec<&str>) = match dice.roll(8) {
            0..3 => ("gate", vec!["gate", skill, "--json"]),
            3 => ("trust", vec!["trust", skill, "--digest", &digests[skill]]),
            4 => ("untrust", vec!["untrust", skill]),
            5 | 6 => ("enable", vec!["enable", skill, "--dir", &agent]),
            _ => ("disable", vec!["disable", skill]),
        };
        let ran = if kills && dice.roll(4) == 0 {
            killed(bed, &args, Duration::from_micros(dice.roll(12_000) as u64))
        } else {
            Some(bed.run(&args))
        };
        said.push(Said { event, skill, ran });
    }
    said
}

/// Runs and kills; what it said if it was done before.
fn killed(bed: &Bed, args: &[&str], after: Duration) -> Option<Ran> {
    let mut child = bed.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(after);
    let _ = child.kill();
    Some(Ran::of(&child.wait_with_output().unwrap())).filter(|ran| ran.code.is_some())
}

fn crowd(kills: bool) {
    let bed = Bed::new();
    let digests = skills(&bed);
    let start = Instant::now();
    let said: Vec<Said> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..PROCESSES)
            .map(|at| {
                let (bed, digests) = (&bed, &digests);
                scope.spawn(move || decide(bed, digests, at as u64 + 7, kills))
            })
            .collect();
        all.into_iter().flat_map(|one| one.join().unwrap()).collect()
    });
    let took = start.elapsed();
    let mut wrong = Vec::new();
    let looked = bed.look().unwrap();
    if looked.view.live != looked.view.placed() {
        wrong.push(format!(
            "an agent finds {:?}, the ledger has {:?}",
            looked.view.live,
            looked.view.placed()
        ));
    }
    let log = std::fs::read_to_string(bed.log()).unwrap();
    let records: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    answers(&said, &records, &mut wrong);
    counts(&said, &records, &mut wrong);
    let mut logs = Logs::new();
    logs.take(&bed, &looked.head);
    wrong.extend(logs.check());
    let dead = said.iter().filter(|said| said.ran.is_none()).count();
    let done = said.iter().filter(|said| said.ran.as_ref().is_some_and(Ran::acknowledged)).count();
    let busy = said.iter().filter(|said| said.ran.as_ref().is_some_and(|ran| ran.code == Some(9))).count();
    eprintln!(
        "{PROCESSES} processes x {DECISIONS} decisions in {took:.1?}: {done} acknowledged, {busy} busy, {dead} killed, \
         {} records, {} violations",
        records.len(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // On a slow machine most find the lock taken for too long: some must not have.
    assert!(kills == (dead > 0) && done > PROCESSES * DECISIONS / 16);
}

/// No answer blames the home, and each of the gate's is one record, once.
fn answers(said: &[Said], records: &[serde_json::Value], wrong: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for one in said {
        let Some(ran) = &one.ran else { continue };
        // Done, refused, a person needed, busy: nothing else can come of this.
        if !matches!(ran.code, Some(0 | 3 | 4 | 9)) {
            wrong.push(format!("{} {}: {ran:?}", one.event, one.skill));
        }
        if one.event != "gate" {
            continue;
        }
        let answer: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        let Some(seq) = answer["seq"].as_u64() else { continue };
        let record = &records[usize::try_from(seq).unwrap() - 1];
        let same = record["event"] == "gate"
            && record["decision"] == answer["decision"]
            && record["skill"] == one.skill
            && seen.insert(seq);
        if !same {
            wrong.push(format!("answer {answer} is not record {record}"));
        }
    }
}

/// Each acknowledged decision is one record; each record of a decision is an
/// acknowledged one, or that of a process that was killed.
fn counts(said: &[Said], records: &[serde_json::Value], wrong: &mut Vec<String>) {
    // What was done before the crowd came.
    let before = |event: &str| usize::from(event == "trust");
    for skill in SKILLS {
        for event in ["trust", "untrust", "enable", "disable"] {
            let of = |said: &&Said| said.skill == *skill && said.event == event;
            let acknowledged = said.iter().filter(of).filter_map(|said| said.ran.as_ref());
            let acknowledged = acknowledged.filter(|ran| ran.acknowledged()).count() + before(event);
            let dead = said.iter().filter(of).filter(|said| said.ran.is_none()).count();
            let is = |record: &&serde_json::Value| {
                let reason = record["reason"].as_str().unwrap_or_default();
                let found = reason.contains("found withdrawn") || reason.contains("interrupted");
                record["event"] == event
                    && record["skill"] == *skill
                    && record["decision"] == "done"
                    && !found
            };
            let recorded = records.iter().filter(is).count();
            // Recovery's record of a killed process says how it was found.
            let recovered = records.iter().filter(|record| record["event"] == event).count();
            if recorded > acknowledged + dead
                || recovered < acknowledged
                || (dead == 0 && recorded != acknowledged)
            {
                wrong.push(format!(
                    "{event} {skill}: {acknowledged} acknowledged, {dead} killed, {recorded} recorded"
                ));
            }
        }
    }
}

#[test]
fn sixteen_processes_lose_no_decision_and_tear_none() {
    crowd(false);
}

#[test]
fn random_kills_among_sixteen_processes_lose_no_decision() {
    crowd(true);
}

/// One race: what may go wrong in it.
struct Race<'a> {
    bed: &'a Bed,
    world: World,
    round: usize,
    /// Set when the kill has returned.
    killed: AtomicBool,
    wrong: std::sync::Mutex<Vec<String>>,
}

impl Race<'_> {
    fn wrong(&self, why: impl Into<String>) {
        self.wrong.lock().unwrap().push(format!("round {}: {}", self.round, why.into()));
    }

    fn place(&self) -> Place {
        Place::Folder(PathBuf::from(self.bed.agent("a")))
    }

    fn gate(&self) {
        let late = self.killed.load(Ordering::SeqCst);
        let answer = gate::ask(&self.world, &gate::bare_request("demo"));
        if late && answer.decision == Decision::Allow {
            self.wrong("the gate allowed after a kill had returned");
        }
        if answer
            .codes
            .iter()
            .any(|code| matches!(code.as_str(), "rolled-back" | "tampered" | "ledger-damaged" | "drift"))
        {
            self.wrong(format!("the gate said {:?}: {}", answer.codes, answer.reason));
        }
    }

    fn kill(&self) {
        if self.round.is_multiple_of(8) {
            let ran = self.bed.run(&["kill", "--all"]);
            if !ran.acknowledged() {
                self.wrong(format!("{ran:?}"));
            }
        } else {
            let killed = stop::kill_all(&self.world, None);
            if !killed.report.is_held() || !killed.report.failures.is_empty() {
                self.wrong(format!("not killed: {:?}", killed.report));
            }
        }
        self.killed.store(true, Ordering::SeqCst);
        self.gate();
    }

    fn enable(&self) {
        // Lost or won; what counts is what is left of it at the end.
        let _ = enable::enable(&self.world, "demo", &self.place());
        let _ = disable::disable(&self.world, "demo", None);
        let _ = enable::enable(&self.world, "demo", &self.place());
    }

    /// What must be so when everybody is done.
    fn end(&self) {
        if !self.bed.has_hold() {
            self.wrong("a release swallowed a kill that came after it was shown what it lifts");
        }
        let live = self.bed.live();
        if !live.is_empty() {
            self.wrong(format!("after a kill an agent finds {live:?}"));
        }
    }
}

fn race(bed: &Bed, round: usize, dice: &mut Dice) -> Vec<String> {
    let world = bed.world();
    let plan = stop::release_plan(&world, None).unwrap();
    let phrase = stop::phrase(&plan);
    // Every other race begins open, with the skill enabled now and then.
    let open = round.is_multiple_of(2);
    if open {
        stop::release(&world, &plan, "", Some(&phrase), &mut Nobody).unwrap();
        if round.is_multiple_of(4) {
            enable::enable(&world, "demo", &Place::Folder(PathBuf::from(bed.agent("a")))).unwrap();
        }
    }
    let race =
        Race { bed, world, round, killed: AtomicBool::new(false), wrong: std::sync::Mutex::new(Vec::new()) };
    let barrier = Barrier::new(4);
    let mut delay = || Duration::from_micros(dice.roll(4_000) as u64);
    let waits = [delay(), delay(), delay(), delay()];
    let begin = |at: usize| {
        barrier.wait();
        std::thread::sleep(waits[at]);
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            begin(0);
            race.kill();
        });
        scope.spawn(|| {
            begin(1);
            race.enable();
        });
        scope.spawn(|| {
            begin(2);
            (0..3).for_each(|_| race.gate());
        });
        scope.spawn(|| {
            begin(3);
            if open {
                race.gate();
            } else {
                // What it was shown is from before the kill, so it may win
                // against nothing but the kill before that.
                let _ = stop::release(&race.world, &plan, "", Some(&phrase), &mut Nobody);
            }
        });
    });
    race.end();
    race.wrong.into_inner().unwrap()
}

#[test]
fn nothing_is_allowed_or_placed_after_a_kill_returned_whoever_races_it() {
    let bed = Bed::new();
    let digest = bed.install("demo");
    bed.trust("demo", &digest);
    bed.run(&["kill", "--all"]).done();
    bed.keep("held");
    let (mut dice, mut wrong, mut logs) = (Dice::new(1_000), Vec::new(), Logs::new());
    for round in 0..ROUNDS {
        if round % IN_ONE_HOME == 0 {
            bed.restore("held");
        }
        wrong.extend(race(&bed, round, &mut dice));
        if round % IN_ONE_HOME == IN_ONE_HOME - 1 {
            match bed.look() {
                Ok(looked) => logs.take(&bed, &looked.head),
                Err(why) => wrong.push(format!("round {round}: {why}")),
            }
        }
        if wrong.len() > 20 {
            break;
        }
    }
    wrong.extend(logs.check());
    eprintln!("races: {ROUNDS} rounds, {} violations", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
