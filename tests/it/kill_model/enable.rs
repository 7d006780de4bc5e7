//! Enable, step by step.

use super::actors::Actor;
use super::world::{Card, Loc, Look, Looked, Mutant, Path, Withdraw, World};

/// `enable`: of folder 1, beside or in place of folder 0.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Enable {
    pub(super) at: EnableAt,
    look: Look,
    pub(super) withdraw: Withdraw,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum EnableAt {
    Lock,
    Stage,
    Permit,
    Check,
    CheckPending,
    Copy,
    Commit,
    Record,
    Swap,
    SwapPermit,
    Own,
    Show,
    Publish,
    Disarm,
    AbortFolder,
    AbortPermit,
    Unlock,
}

impl Enable {
    pub(crate) fn actor() -> Actor {
        let withdraw = Withdraw::of(0, Mutant::None);
        Actor::Enable(Self { at: EnableAt::Lock, look: Look::default(), withdraw })
    }

    pub(super) fn step(&mut self, world: &mut World) -> bool {
        let revision = world.owner[1];
        let early = world.mutant == Mutant::CheckBeforePermit;
        self.at = match self.at {
            EnableAt::Lock => {
                world.locked = true;
                EnableAt::Stage
            }
            // step: enable makes the staged folder
            EnableAt::Stage => {
                world.loc[1] = Loc::Staged;
                if early { EnableAt::Check } else { EnableAt::Permit }
            }
            // step: enable writes the skill permit
            EnableAt::Permit => {
                if world.pending[revision] != 0 && world.mutant != Mutant::IgnorePending {
                    self.abort(world)
                } else {
                    world.plain[revision] |= 0b10;
                    if early { EnableAt::CheckPending } else { EnableAt::Check }
                }
            }
            // step: enable checks the kill state
            EnableAt::Check => match self.look.step(world) {
                Looked::NotYet => EnableAt::Check,
                Looked::Denied => self.abort(world),
                Looked::Clear(_) => {
                    world.seen.enable_excused = world.seen.excused;
                    if early { EnableAt::Permit } else { EnableAt::CheckPending }
                }
            },
            EnableAt::CheckPending => {
                if world.mutant != Mutant::IgnorePending
                    && (world.pending[revision] != 0 || world.plain[revision] == 0)
                {
                    self.abort(world)
                } else {
                    EnableAt::Copy
                }
            }
            // step: enable writes the card under its hidden name
            EnableAt::Copy => {
                let from_start = world.mutant == Mutant::CardFromStart;
                world.card[1] = if from_start { Card::Live } else { Card::Hidden };
                EnableAt::Commit
            }
            EnableAt::Commit => {
                world.ledger |= 1 << revision;
                EnableAt::Record
            }
            EnableAt::Record => {
                if world.place[0] == world.place[1] && revision == 1 && world.loc[0] == Loc::Final {
                    self.withdraw = Withdraw::path(Path::Final(0));
                    EnableAt::Swap
                } else {
                    EnableAt::Own
                }
            }
            EnableAt::Swap => {
                if self.withdraw.done() {
                    EnableAt::SwapPermit
                } else {
                    self.withdraw.step(world);
                    EnableAt::Swap
                }
            }
            EnableAt::SwapPermit => {
                world.pending[0] |= world.plain[0];
                world.plain[0] = 0;
                EnableAt::Own
            }
            // step: enable checks that the staged folder is its own
            EnableAt::Own => {
                let own = world.loc[1] == Loc::Staged || world.mutant == Mutant::NoOwnCheck;
                if own { EnableAt::Show } else { EnableAt::Disarm }
            }
            // step: enable gives the card its name
            EnableAt::Show => match world.card[1] {
                Card::Hidden => {
                    world.card[1] = Card::Live;
                    EnableAt::Publish
                }
                Card::Live if world.mutant == Mutant::CardFromStart => EnableAt::Publish,
                _ => EnableAt::Disarm,
            },
            // step: enable renames staged to final
            EnableAt::Publish => {
                if world.loc[1] == Loc::Staged && world.at(Path::Final(1)).is_none() {
                    world.loc[1] = Loc::Final;
                    world.seen.placed = true;
                    EnableAt::Unlock
                } else {
                    EnableAt::Disarm
                }
            }
            EnableAt::Disarm => {
                if matches!(world.card[1], Card::Hidden | Card::Live) {
                    world.card[1] = Card::Gone;
                }
                self.abort(world)
            }
            EnableAt::AbortFolder => {
                if self.withdraw.done() {
                    EnableAt::AbortPermit
                } else {
                    self.withdraw.step(world);
                    EnableAt::AbortFolder
                }
            }
            EnableAt::AbortPermit => {
                world.pending[revision] |= world.plain[revision];
                world.plain[revision] = 0;
                world.ledger &= !(1 << revision);
                EnableAt::Unlock
            }
            EnableAt::Unlock => {
                world.locked = false;
                return true;
            }
        };
        false
    }

    fn abort(&mut self, world: &World) -> EnableAt {
        self.withdraw = Withdraw::of(world.plain[world.owner[1]] | 0b10, Mutant::None);
        EnableAt::AbortFolder
    }
}
