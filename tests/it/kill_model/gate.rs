//! The gate, step by step.

use super::actors::Actor;
use super::world::{Card, Look, Looked, Mutant, Path, Set, World};

/// The gate, asked about one revision.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Gate {
    pub(super) at: GateAt,
    folder: usize,
    look: Look,
    home: Option<u8>,
    permit: Set,
    /// Kills that had returned when it was asked.
    before: Set,
    /// Kills that were in force when it hashed.
    at_hash: Set,
    started: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum GateAt {
    State,
    Permit,
    Ledger,
    Hash,
    Lock,
    Recheck,
    Answer,
}

impl Gate {
    pub(crate) fn actor(folder: usize) -> Actor {
        Actor::Gate(Self {
            at: GateAt::State,
            folder,
            look: Look::default(),
            home: None,
            permit: 0,
            before: 0,
            at_hash: 0,
            started: false,
        })
    }

    pub(super) fn step(&mut self, world: &mut World) -> bool {
        let revision = world.owner[self.folder];
        if !self.started {
            self.started = true;
            self.before = world.seen.returned & !world.seen.excused;
        }
        self.at = match self.at {
            // step: read the kill state
            GateAt::State => match self.look.step(world) {
                Looked::NotYet => GateAt::State,
                Looked::Denied => return true,
                Looked::Clear(id) => {
                    self.home = Some(id);
                    GateAt::Permit
                }
            },
            GateAt::Permit => {
                self.permit = world.plain[revision];
                if self.permit & (1 << self.folder) == 0 {
                    return true;
                }
                GateAt::Ledger
            }
            GateAt::Ledger => {
                if world.ledger & (1 << revision) == 0 {
                    return true;
                }
                GateAt::Hash
            }
            GateAt::Hash => {
                if world.at(Path::Final(self.folder)) != Some(self.folder)
                    || world.card[self.folder] != Card::Live
                {
                    return true;
                }
                self.look = Look::default();
                self.at_hash = world.seen.held & !world.seen.excused;
                if world.mutant == Mutant::NoRecheck { GateAt::Answer } else { GateAt::Lock }
            }
            GateAt::Lock => {
                world.locked = true;
                GateAt::Recheck
            }
            GateAt::Recheck => match self.look.step(world) {
                Looked::NotYet => GateAt::Recheck,
                Looked::Clear(id) if Some(id) == self.home && world.plain[revision] == self.permit => {
                    GateAt::Answer
                }
                _ => {
                    world.locked = false;
                    return true;
                }
            },
            GateAt::Answer => {
                world.locked = false;
                world.seen.allowed = true;
                if self.before & !world.seen.excused != 0 {
                    world.fault("the gate allowed what was asked after a kill had returned");
                }
                if self.at_hash & !world.seen.excused != 0 {
                    world.fault("the gate allowed bytes that it read while a kill was in force");
                }
                return true;
            }
        };
        false
    }
}
