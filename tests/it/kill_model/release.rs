//! Release, step by step.

use super::actors::Actor;
use super::world::{Card, Loc, Mutant, Set, World};

/// `permit::release_home`, from the moment a person is shown the holds.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Release {
    pub(super) at: ReleaseAt,
    shown: Set,
    todo: Set,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum ReleaseAt {
    Show,
    Lock,
    Same,
    Finished,
    Leftover,
    Write,
    Lift,
    Confirm,
    TakeBack,
    Unlock,
}

/// Id of the permit that the release writes, and of the hold it becomes when
/// the release fails.
const NEW_PERMIT: u8 = 1;

impl Release {
    pub(crate) fn actor() -> Actor {
        Actor::Release(Self { at: ReleaseAt::Show, shown: 0, todo: 0 })
    }

    pub(super) fn step(&mut self, world: &mut World) -> bool {
        let first = world.mutant == Mutant::UnlinkFirst;
        self.at = match self.at {
            ReleaseAt::Show => {
                self.shown = world.holds;
                self.todo = self.shown;
                world.seen.shown = true;
                world.seen.held_at_show = world.seen.held;
                if self.shown == 0 {
                    return true;
                }
                ReleaseAt::Lock
            }
            ReleaseAt::Lock => {
                world.locked = true;
                ReleaseAt::Same
            }
            // step: release checks what was shown
            ReleaseAt::Same => {
                if world.holds == self.shown {
                    ReleaseAt::Finished
                } else {
                    ReleaseAt::Unlock
                }
            }
            // step: release checks that the kill is finished
            // What is pending was recorded before, and withdrawn again.
            ReleaseAt::Finished => {
                if world.plain != [0, 0] && world.mutant != Mutant::ReleaseUnfinished {
                    ReleaseAt::Unlock
                } else {
                    for folder in 0..2 {
                        if world.pending[world.owner[folder]] & (1 << folder) != 0
                            && world.loc[folder] != Loc::Nowhere
                        {
                            world.loc[folder] = Loc::Aside;
                            world.card[folder] = Card::Gone;
                        }
                    }
                    world.pending = [0, 0];
                    ReleaseAt::Leftover
                }
            }
            // step: release removes a permit that a crashed release left
            ReleaseAt::Leftover => {
                world.permit = None;
                if first { ReleaseAt::Lift } else { ReleaseAt::Write }
            }
            // step: release writes the new permit
            ReleaseAt::Write => {
                world.permit = Some(NEW_PERMIT);
                if first { ReleaseAt::Confirm } else { ReleaseAt::Lift }
            }
            ReleaseAt::Lift => self.lift(world),
            // step: release confirms
            ReleaseAt::Confirm => {
                if world.holds == 0 && world.permit == Some(NEW_PERMIT) {
                    world.seen.released = true;
                    if world.card.contains(&Card::Live) {
                        world.fault("a release opened a home in which something was still placed");
                    }
                    ReleaseAt::Unlock
                } else {
                    ReleaseAt::TakeBack
                }
            }
            // step: release turns its permit into a hold
            ReleaseAt::TakeBack => {
                if world.permit.take().is_some() {
                    world.holds |= 1 << NEW_PERMIT;
                }
                ReleaseAt::Unlock
            }
            ReleaseAt::Unlock => {
                world.locked = false;
                return true;
            }
        };
        false
    }

    // step: release unlinks a hold it was shown
    fn lift(&mut self, world: &mut World) -> ReleaseAt {
        let mut one = self.todo & self.todo.wrapping_neg();
        if world.mutant == Mutant::UnlinkAll {
            one = world.holds;
            self.todo = 0;
        }
        if world.holds & one == 0 {
            return ReleaseAt::TakeBack;
        }
        world.holds &= !one;
        self.todo &= !one;
        if self.todo != 0 {
            return ReleaseAt::Lift;
        }
        if world.holds == 0 {
            world.seen.excused |= world.seen.held_at_show;
        }
        if world.mutant == Mutant::UnlinkFirst { ReleaseAt::Write } else { ReleaseAt::Confirm }
    }
}
