//! Whoever is at work: one of four programs, each in a file of its own, step by
//! step as the code has it. Every comment `step:` is found in the code too.

use super::enable::{Enable, EnableAt};
use super::gate::{Gate, GateAt};
use super::kill::Kill;
use super::release::{Release, ReleaseAt};
use super::world::{OLD_HOLD, World};

/// What an actor's step led to.
pub(crate) enum Outcome {
    /// It cannot go on now.
    Blocked,
    Stepped,
}

/// Somebody at work.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Actor {
    Kill(Kill),
    Enable(Enable),
    Release(Release),
    Gate(Gate),
    Done,
}

impl Actor {
    /// One step.
    pub(crate) fn step(&mut self, world: &mut World) -> Outcome {
        let (outcome, done) = match self {
            Self::Kill(kill) => (Outcome::Stepped, kill.step(world)),
            Self::Enable(Enable { at: EnableAt::Lock, .. })
            | Self::Release(Release { at: ReleaseAt::Lock, .. })
            | Self::Gate(Gate { at: GateAt::Lock, .. })
                if world.locked =>
            {
                (Outcome::Blocked, false)
            }
            Self::Enable(enable) => (Outcome::Stepped, enable.step(world)),
            Self::Release(release) => (Outcome::Stepped, release.step(world)),
            Self::Gate(gate) => (Outcome::Stepped, gate.step(world)),
            Self::Done => (Outcome::Blocked, false),
        };
        if done {
            *self = Self::Done;
        }
        outcome
    }

    /// For the trace of a fault.
    pub(crate) fn where_it_is(&self) -> String {
        match self {
            Self::Kill(kill) if kill.narrow => format!("narrow kill: {:?} {:?}", kill.at, kill.withdraw),
            Self::Kill(kill) => format!("kill {}: {:?} {:?}", kill.number, kill.at, kill.withdraw),
            Self::Enable(enable) => format!("enable: {:?} {:?}", enable.at, enable.withdraw),
            Self::Release(release) => format!("release: {:?}", release.at),
            Self::Gate(gate) => format!("gate: {:?}", gate.at),
            Self::Done => "nobody".to_owned(),
        }
    }

    /// Whether it holds the lock, and so may leave it by dying.
    pub(crate) fn locks(&self) -> bool {
        match self {
            Self::Enable(enable) => enable.at != EnableAt::Lock,
            Self::Release(release) => !matches!(release.at, ReleaseAt::Show | ReleaseAt::Lock),
            Self::Gate(gate) => matches!(gate.at, GateAt::Recheck | GateAt::Answer),
            Self::Kill(_) | Self::Done => false,
        }
    }
}

/// The hold of an earlier kill, and nothing else.
pub(crate) fn held_before(world: &mut World) {
    world.permit = None;
    world.holds = 1 << OLD_HOLD;
}
