//! Kill of everything and of one revision, step by step.

use super::actors::Actor;
use super::world::{Mutant, Set, Withdraw, World};

/// `kill::kill_all`, and `kill::kill_matching` for revision 0.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Kill {
    pub(super) number: u8,
    pub(super) narrow: bool,
    passes: u8,
    pub(super) at: KillAt,
    todo: Set,
    absent: u8,
    seen: Set,
    /// Permits and pending records to go through: 0, 1 plain, 2, 3 pending.
    queue: Set,
    found: Set,
    read: Set,
    pub(super) withdraw: Withdraw,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum KillAt {
    Permit,
    Holds,
    Hold,
    ListPending,
    ListPlain,
    Read,
    Withdraw,
    Rename,
    Again,
    NarrowRename,
}

impl Kill {
    pub(crate) fn actor(number: u8) -> Actor {
        Actor::Kill(Self::at(number, KillAt::Permit))
    }

    /// One that has read the permits of this world and then stood still.
    pub(crate) fn halfway(number: u8, world: &mut World) -> Actor {
        let mut kill = Self::at(number, KillAt::Permit);
        while kill.at != KillAt::Withdraw {
            kill.step(world);
        }
        Actor::Kill(kill)
    }

    pub(crate) fn narrow() -> Actor {
        Actor::Kill(Self { narrow: true, ..Self::at(0, KillAt::ListPending) })
    }

    fn at(number: u8, at: KillAt) -> Self {
        let withdraw = Withdraw::of(0, Mutant::None);
        Self {
            number,
            narrow: false,
            passes: 0,
            at,
            todo: 0,
            absent: 0,
            seen: 0,
            queue: 0,
            found: 0,
            read: 0,
            withdraw,
        }
    }

    fn held(&mut self, world: &mut World) -> KillAt {
        world.holds |= 1 << (4 + self.number);
        world.seen.held |= 1 << self.number;
        if world.seen.shown {
            world.seen.after_show |= 1 << self.number;
        }
        KillAt::ListPending
    }

    pub(super) fn step(&mut self, world: &mut World) -> bool {
        self.at = match self.at {
            // step: kill renames the home permit
            KillAt::Permit => {
                if world.permit.take().is_some() {
                    self.held(world)
                } else {
                    KillAt::Holds
                }
            }
            // step: kill lists the holds
            KillAt::Holds => {
                self.todo = world.holds;
                if self.todo != 0 && world.mutant == Mutant::NoRehold {
                    world.seen.held |= 1 << self.number;
                    if world.seen.shown {
                        world.seen.after_show |= 1 << self.number;
                    }
                    KillAt::ListPending
                } else if self.todo != 0 {
                    self.absent = 0;
                    KillAt::Hold
                } else if self.absent == 2 {
                    // step: kill creates a hold
                    world.fault("a kill had to create a file, which a full disk refuses");
                    return true;
                } else {
                    self.absent += 1;
                    KillAt::Permit
                }
            }
            // step: kill renames an earlier hold
            KillAt::Hold => {
                let first = self.todo & self.todo.wrapping_neg();
                self.todo &= !first;
                if world.holds & first != 0 {
                    world.holds &= !first;
                    self.held(world)
                } else if self.todo == 0 {
                    KillAt::Permit
                } else {
                    KillAt::Hold
                }
            }
            // step: kill lists the permits
            // A name may pass from one look of the listing to the other.
            KillAt::ListPending => {
                self.found = bits(&world.pending) << 2;
                KillAt::ListPlain
            }
            KillAt::ListPlain => {
                self.found |= bits(&world.plain);
                self.queue = self.found & !self.seen;
                if self.narrow {
                    self.queue &= 0b0101;
                }
                if self.queue == 0 && (self.passes > 0 || world.mutant == Mutant::OneListing) {
                    return self.finish(world);
                }
                self.passes = 1;
                self.seen |= self.queue;
                KillAt::Read
            }
            // step: kill reads the permit
            KillAt::Read => {
                let Some((revision, pending)) = self.first() else {
                    if world.mutant == Mutant::OneListing {
                        return self.finish(world);
                    }
                    self.at = KillAt::ListPending;
                    return false;
                };
                self.read = if pending { world.pending[revision] } else { world.plain[revision] };
                if self.read == 0 {
                    self.queue &= self.queue - 1;
                    return false;
                }
                self.withdraw = Withdraw::of(self.read, world.mutant);
                if self.narrow && !pending { KillAt::NarrowRename } else { KillAt::Withdraw }
            }
            // Here the rename is the effect, and comes first.
            KillAt::NarrowRename => {
                let all = self.read | world.plain[0];
                self.rename(world);
                self.withdraw = Withdraw::of(all, world.mutant);
                KillAt::Again
            }
            KillAt::Withdraw => {
                if !self.withdraw.done() {
                    self.withdraw.step(world);
                    return false;
                }
                KillAt::Rename
            }
            // step: kill renames the permit
            KillAt::Rename => self.rename(world),
            KillAt::Again => {
                if !self.withdraw.done() {
                    self.withdraw.step(world);
                    return false;
                }
                KillAt::Read
            }
        };
        false
    }

    fn first(&self) -> Option<(usize, bool)> {
        (0..4).find(|i| self.queue & (1 << i) != 0).map(|i| (i & 1, i >= 2))
    }

    fn rename(&mut self, world: &mut World) -> KillAt {
        let Some((revision, pending)) = self.first() else { return KillAt::Read };
        self.queue &= self.queue - 1;
        let now = world.plain[revision];
        if pending || now == 0 {
            return KillAt::Read;
        }
        if world.pending[revision] == 0 {
            self.seen |= 1 << (2 + revision);
        }
        world.pending[revision] |= now;
        world.plain[revision] = 0;
        if now == self.read || world.mutant == Mutant::NoSecondRead {
            return KillAt::Read;
        }
        self.withdraw = Withdraw::of(now, world.mutant);
        KillAt::Again
    }

    fn finish(&self, world: &mut World) -> bool {
        if self.narrow {
            world.seen.narrow_returned |= 1;
        } else {
            world.seen.returned |= 1 << self.number;
        }
        true
    }
}

fn bits(sets: &[Set; 2]) -> Set {
    Set::from(sets[0] != 0) | Set::from(sets[1] != 0) << 1
}
