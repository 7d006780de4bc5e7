//! The kill protocol, walked through in every order in which its steps can
//! fall.
//!
//! `world` is the disk, `actors` are the programs as the code has them, step by
//! step. The walk takes every actor's next step in every state, lets whoever
//! holds the lock die at any point, and looks at the invariants in *every*
//! state, not only at the end: a program that never comes to its next step is a
//! program that was killed.
//!
//! A model that finds nothing may be blind, so the protocol is also walked with
//! one thing wrong at a time, and each must be found out.

mod actors;
mod enable;
mod gate;
mod kill;
mod release;
mod world;

use actors::{Actor, Outcome, held_before};
use enable::Enable;
use gate::Gate;
use kill::Kill;
use release::Release;
use std::collections::HashMap;
use std::hash::{Hash as _, Hasher};
use world::{Card, Loc, Mutant, Watcher, World};

/// What a walk came to.
#[derive(Debug, Default)]
struct Walk {
    states: usize,
    /// Ways from the start to an end; as a float, since there are many.
    ways: f64,
    fault: Option<&'static str>,
    /// The way to the fault, last step first.
    trace: Vec<String>,
    placed: bool,
    released: bool,
    allowed: bool,
}

type Node = (World, Vec<Actor>);

/// A state's name in the memory: 128 bits of a quick hash. Two states of the
/// few millions sharing one is less likely than the machine's failing.
#[derive(Clone, Copy)]
struct Name(u64, u64);

impl Hasher for Name {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }
    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.1 = (self.1.rotate_left(29) ^ word ^ (self.0 >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    }
    fn write_u8(&mut self, word: u8) {
        self.write_u64(word.into());
    }
    fn write_u16(&mut self, word: u16) {
        self.write_u64(word.into());
    }
    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }
    fn write_isize(&mut self, word: isize) {
        self.write_u64(word as u64);
    }
}

fn name_of(node: &Node) -> (u64, u64) {
    let mut name = Name(1, 2);
    node.hash(&mut name);
    (name.0, name.1)
}

fn walk(world: World, actors: Vec<Actor>) -> Walk {
    let mut walk = Walk::default();
    let mut memo = HashMap::new();
    walk.ways = visit((world, actors), &mut memo, &mut walk);
    walk.states = memo.len();
    walk
}

fn visit(node: Node, memo: &mut HashMap<(u64, u64), f64>, walk: &mut Walk) -> f64 {
    let name = name_of(&node);
    if let Some(ways) = memo.get(&name) {
        return *ways;
    }
    let seen = &node.0.seen;
    walk.placed |= seen.placed;
    walk.released |= seen.released;
    walk.allowed |= seen.allowed;
    if seen.fault.is_some() {
        walk.fault = seen.fault;
        memo.insert(name, 1.0);
        return 1.0;
    }
    let mut ways = 0.0;
    if node.1.iter().all(|actor| *actor == Actor::Done) {
        let mut world = node.0.clone();
        world.check_end();
        walk.fault = world.seen.fault;
    }
    for i in 0..node.1.len() {
        let (mut world, mut actors) = node.clone();
        if matches!(actors[i].step(&mut world), Outcome::Blocked) {
            continue;
        }
        world.check();
        ways += visit((world, actors), memo, walk);
        if walk.fault.is_some() {
            walk.trace.push(node.1[i].where_it_is());
            return ways;
        }
        if node.1[i].locks() {
            let (mut world, mut actors) = node.clone();
            actors[i] = Actor::Done;
            world.locked = false;
            ways += visit((world, actors), memo, walk);
        }
    }
    let ways = if ways == 0.0 { 1.0 } else { ways };
    memo.insert(name, ways);
    ways
}

/// How the two folders of the world relate.
#[derive(Clone, Copy)]
enum Start {
    /// Folder 1 is to be enabled; folder 0 does not exist.
    Fresh,
    /// Folder 0 is enabled; folder 1, of another revision, takes its path.
    Swap,
    /// Folder 0 is enabled; folder 1, of the same revision, goes elsewhere.
    Add,
}

fn start(mutant: Mutant, start: Start) -> World {
    let enabled = !matches!(start, Start::Fresh);
    World {
        mutant,
        permit: Some(0),
        holds: 0,
        plain: [u16::from(enabled), 0],
        pending: [0, 0],
        place: if matches!(start, Start::Add) { [0, 1] } else { [0, 0] },
        owner: if matches!(start, Start::Add) { [0, 0] } else { [0, 1] },
        loc: [if enabled { Loc::Final } else { Loc::Nowhere }, Loc::Nowhere],
        card: [if enabled { Card::Live } else { Card::None }, Card::None],
        aside: [0, 1],
        ledger: u16::from(enabled),
        locked: false,
        seen: Watcher::default(),
    }
}

fn held(mut world: World) -> World {
    held_before(&mut world);
    // That kill was finished: nothing of it is left.
    world.plain = [0, 0];
    if world.loc[0] != Loc::Nowhere {
        world.loc[0] = Loc::Aside;
        world.card[0] = Card::Gone;
    }
    world
}

/// All scenarios, each with a name.
fn scenarios(mutant: Mutant) -> Vec<(&'static str, World, Vec<Actor>)> {
    use Start::{Add, Fresh, Swap};
    let (fresh, swap, add) = (start(mutant, Fresh), start(mutant, Swap), start(mutant, Add));
    let old = held(fresh.clone());
    let mut late = add.clone();
    let halfway = Kill::halfway(0, &mut late);
    let (kill, second) = (Kill::actor(0), Kill::actor(1));
    let (narrow, enable, release) = (Kill::narrow(), Enable::actor(), Release::actor());
    vec![
        ("kill, enable", fresh.clone(), vec![kill.clone(), enable.clone()]),
        ("kill, enable in place of another", swap.clone(), vec![kill.clone(), enable.clone()]),
        ("kill, enable of one more", add.clone(), vec![kill.clone(), enable.clone()]),
        ("narrow kill, enable of one more", add.clone(), vec![narrow.clone(), enable.clone()]),
        ("kill, narrow kill", add.clone(), vec![kill.clone(), narrow.clone()]),
        ("kill, narrow kill, enable of one more", add, vec![kill.clone(), narrow, enable.clone()]),
        ("narrow kill, narrow kill", start(mutant, Add), vec![Kill::narrow(), Kill::narrow()]),
        ("kill, release", swap.clone(), vec![kill.clone(), release.clone()]),
        ("kill, release of an earlier", old.clone(), vec![kill.clone(), release.clone()]),
        ("kill, release, enable", fresh.clone(), vec![kill.clone(), release.clone(), enable.clone()]),
        (
            "kill, release of an earlier, enable",
            old.clone(),
            vec![kill.clone(), release.clone(), enable.clone()],
        ),
        ("kill, kill, release", swap.clone(), vec![kill.clone(), second.clone(), release.clone()]),
        (
            "kill, kill, release of an earlier",
            old.clone(),
            vec![kill.clone(), second.clone(), release.clone()],
        ),
        ("kill, gate", swap.clone(), vec![kill.clone(), Gate::actor(0)]),
        ("kill, enable, gate", fresh.clone(), vec![kill.clone(), enable.clone(), Gate::actor(1)]),
        ("kill, release, gate", swap, vec![kill.clone(), release.clone(), Gate::actor(0)]),
        (
            "kill, release of an earlier, enable, gate",
            old,
            vec![kill.clone(), release.clone(), enable.clone(), Gate::actor(1)],
        ),
        ("kill, kill, release, enable", fresh, vec![kill, second.clone(), release.clone(), enable.clone()]),
        ("kill halfway, kill, release, enable", late, vec![halfway, second, release, enable]),
    ]
}

#[test]
fn every_interleaving_keeps_the_promises() {
    let (mut placed, mut released, mut allowed) = (false, false, false);
    let (mut states, mut ways) = (0, 0.0);
    for (name, world, actors) in scenarios(Mutant::None) {
        let walk = walk(world, actors);
        assert_eq!(walk.fault, None, "{name}, last step first: {:#?}", walk.trace);
        println!("{name}: {} states, {:.3e} interleavings", walk.states, walk.ways);
        placed |= walk.placed;
        released |= walk.released;
        allowed |= walk.allowed;
        states += walk.states;
        ways += walk.ways;
    }
    println!("in all: {states} states, {ways:.3e} interleavings");
    assert!(placed && released && allowed, "the walk never came to the good ends");
}

#[test]
fn every_wrong_protocol_is_found_out() {
    use Mutant as M;
    let mutants = [
        M::CheckBeforePermit,
        M::IgnorePending,
        M::FinalBeforeStaged,
        M::NoRehold,
        M::NoSecondRead,
        M::OneListing,
        M::NoSecondPass,
        M::UnlinkFirst,
        M::UnlinkAll,
        M::ReleaseUnfinished,
        M::NoRecheck,
        M::CardFromStart,
        M::NoOwnCheck,
    ];
    let mut blind = Vec::new();
    for mutant in mutants {
        let found = scenarios(mutant).into_iter().find_map(|(name, world, actors)| {
            walk(world, actors).fault.map(|fault| format!("{mutant:?}: {name}: {fault}"))
        });
        match found {
            Some(found) => println!("{found}"),
            None => blind.push(mutant),
        }
    }
    assert_eq!(blind, [], "the model does not see these");
}

/// The steps named in a text.
fn steps(text: &str) -> std::collections::BTreeSet<&str> {
    text.lines().filter_map(|line| line.trim().strip_prefix("// step: ")).collect()
}

/// A step of the code that the model leaves out, or the other way round, is a
/// model of something else.
#[test]
fn the_model_has_the_steps_of_the_code() {
    let code = [
        include_str!("../../src/system/kill.rs"),
        include_str!("../../src/system/kill/hold.rs"),
        include_str!("../../src/system/kill/state.rs"),
        include_str!("../../src/system/kill/sweep.rs"),
        include_str!("../../src/system/permit.rs"),
        include_str!("../../src/system/permit/release.rs"),
        include_str!("../../src/system/placement/staged.rs"),
        include_str!("../../src/system/placement/withdraw.rs"),
    ]
    .join("\n");
    let model = [
        include_str!("kill_model/enable.rs"),
        include_str!("kill_model/gate.rs"),
        include_str!("kill_model/kill.rs"),
        include_str!("kill_model/release.rs"),
        include_str!("kill_model/world.rs"),
    ]
    .join("\n");
    let mut code = steps(&code);
    // Flushing changes nothing that another process could see.
    assert!(code.remove("kill flushes the home"));
    assert_eq!(code, steps(&model));
}
