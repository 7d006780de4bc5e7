//! The four programs, step by step as the code has them. Every comment
//! `step:` is found in the code too.

use super::world::{Card, Loc, Look, Looked, Mutant, OLD_HOLD, Path, Set, Withdraw, World};

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

/// `kill::kill_all`, and `kill::kill_matching` for revision 0.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Kill {
    number: u8,
    narrow: bool,
    passes: u8,
    at: KillAt,
    todo: Set,
    absent: u8,
    seen: Set,
    /// Permits and pending records to go through: 0, 1 plain, 2, 3 pending.
    queue: Set,
    found: Set,
    read: Set,
    withdraw: Withdraw,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum KillAt {
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
    pub(crate) fn new(number: u8) -> Actor {
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

    fn step(&mut self, world: &mut World) -> bool {
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

/// `enable`: of folder 1, beside or in place of folder 0.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Enable {
    at: EnableAt,
    look: Look,
    withdraw: Withdraw,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum EnableAt {
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
    pub(crate) fn new() -> Actor {
        let withdraw = Withdraw::of(0, Mutant::None);
        Actor::Enable(Self { at: EnableAt::Lock, look: Look::default(), withdraw })
    }

    fn step(&mut self, world: &mut World) -> bool {
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

/// `permit::release_home`, from the moment a person is shown the holds.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Release {
    at: ReleaseAt,
    shown: Set,
    todo: Set,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum ReleaseAt {
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
    pub(crate) fn new() -> Actor {
        Actor::Release(Self { at: ReleaseAt::Show, shown: 0, todo: 0 })
    }

    fn step(&mut self, world: &mut World) -> bool {
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

/// The gate, asked about one revision.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Gate {
    at: GateAt,
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
enum GateAt {
    State,
    Permit,
    Ledger,
    Hash,
    Lock,
    Recheck,
    Answer,
}

impl Gate {
    pub(crate) fn new(folder: usize) -> Actor {
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

    fn step(&mut self, world: &mut World) -> bool {
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

/// The hold of an earlier kill, and nothing else.
pub(crate) fn held_before(world: &mut World) {
    world.permit = None;
    world.holds = 1 << OLD_HOLD;
}
