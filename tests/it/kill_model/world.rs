//! What is on the disk, as far as the kill protocol sees it, and the steps
//! that all actors share: taking a placement away, and reading the kill state.

/// Where a folder is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Loc {
    Nowhere,
    Staged,
    Final,
    Aside,
}

/// What is in a folder that an agent could load.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Card {
    None,
    /// Under the name with the folder's own random part.
    Hidden,
    Live,
    Gone,
}

/// A set of small numbers.
pub(crate) type Set = u16;

/// Bit of the hold that is there at the start.
pub(crate) const OLD_HOLD: u8 = 0;

/// A change to the protocol that must be found out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Mutant {
    None,
    /// Enable looks for a kill before it writes its permit, not after.
    CheckBeforePermit,
    /// Enable does not look for a narrow kill's record.
    IgnorePending,
    /// Kill looks at the final path first.
    FinalBeforeStaged,
    /// Kill leaves an earlier hold under its name.
    NoRehold,
    /// Kill renames the permit but not whatever an enable wrote meanwhile.
    NoSecondRead,
    /// Kill lists the permits once.
    OneListing,
    /// What was moved aside is not looked through again.
    NoSecondPass,
    /// Release unlinks before it writes.
    UnlinkFirst,
    /// Release unlinks every hold.
    UnlinkAll,
    /// Release does not mind permits that the kill has not come to.
    ReleaseUnfinished,
    /// The gate does not look again under the lock.
    NoRecheck,
    /// The card has its name from the start.
    CardFromStart,
    /// Enable publishes without looking whether the folder is still its own.
    NoOwnCheck,
}

/// The disk, the lock, and what an all-knowing watcher remembers.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct World {
    pub(crate) mutant: Mutant,
    /// Id of the home permit.
    pub(crate) permit: Option<u8>,
    /// Ids of the `killed.*`.
    pub(crate) holds: Set,
    /// Of each revision, the folders its permit names; 0 for no permit.
    pub(crate) plain: [Set; 2],
    /// The same for its pending records, together.
    pub(crate) pending: [Set; 2],
    /// Which path each folder is meant for.
    pub(crate) place: [u8; 2],
    /// Which revision each folder is of.
    pub(crate) owner: [usize; 2],
    pub(crate) loc: [Loc; 2],
    pub(crate) card: [Card; 2],
    /// Under which folder's name each was moved aside.
    pub(crate) aside: [usize; 2],
    /// Revisions whose enabling is in the ledger.
    pub(crate) ledger: Set,
    pub(crate) locked: bool,
    pub(crate) seen: Watcher,
}

/// What happened, for the invariants alone; no actor reads it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Watcher {
    /// Kills of everything whose first act is done.
    pub(crate) held: Set,
    /// Kills that have returned.
    pub(crate) returned: Set,
    /// Kills that a release lifted which had seen them.
    pub(crate) excused: Set,
    /// Kills whose first act came after the release was shown the holds.
    pub(crate) after_show: Set,
    pub(crate) shown: bool,
    /// Kills that were done when the release was shown the holds.
    pub(crate) held_at_show: Set,
    /// Kills excused when the enable made sure that it may go on.
    pub(crate) enable_excused: Set,
    /// Narrow kills of a revision that have returned.
    pub(crate) narrow_returned: Set,
    /// The first thing that went wrong.
    pub(crate) fault: Option<&'static str>,
    // What must have been reached, lest the walk be empty.
    pub(crate) placed: bool,
    pub(crate) released: bool,
    pub(crate) allowed: bool,
}

impl World {
    pub(crate) fn at(&self, target: Path) -> Option<usize> {
        match target {
            Path::Staged(folder) => (self.loc[folder] == Loc::Staged).then_some(folder),
            Path::Final(folder) => {
                (0..2).find(|i| self.loc[*i] == Loc::Final && self.place[*i] == self.place[folder])
            }
        }
    }

    pub(crate) fn fault(&mut self, what: &'static str) {
        self.seen.fault.get_or_insert(what);
    }

    /// What must hold when everybody is done or dead.
    pub(crate) fn check_end(&mut self) {
        for folder in 0..2 {
            if self.card[folder] == Card::Live
                && self.loc[folder] == Loc::Final
                && self.plain[self.owner[folder]] & (1 << folder) == 0
            {
                self.fault("a placement is left that no permit names");
            }
        }
    }

    /// Invariants of every single state: a crash of everybody else changes
    /// nothing about them.
    pub(crate) fn check(&mut self) {
        let unexcused = self.seen.held & !self.seen.excused;
        if unexcused != 0 && self.permit.is_some() && self.holds == 0 {
            self.fault("a kill is in force and nothing on disk says so");
        }
        if self.seen.after_show != 0 && self.holds == 0 {
            self.fault("a release swallowed a kill it was not shown");
        }
        for folder in 0..2 {
            if self.card[folder] != Card::Live {
                continue;
            }
            let allowed = if folder == 1 { self.seen.enable_excused } else { 0 };
            if self.seen.returned & !self.seen.excused & !allowed != 0
                || (self.seen.returned & !allowed != 0 && self.loc[folder] == Loc::Final)
            {
                self.fault("a kill has returned and a SKILL.md is still there");
            }
            if self.seen.narrow_returned & (1 << self.owner[folder]) != 0 {
                self.fault("a narrow kill has returned and a SKILL.md is still there");
            }
        }
    }
}

/// A path that a permit names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Path {
    Staged(usize),
    Final(usize),
}

impl Path {
    fn folder(self) -> usize {
        match self {
            Self::Staged(folder) | Self::Final(folder) => folder,
        }
    }
}

/// Taking away what is at some paths, in this order.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Withdraw {
    paths: Vec<Path>,
    at: u8,
    dir: usize,
}

impl Withdraw {
    pub(crate) fn of(folders: Set, mutant: Mutant) -> Self {
        let mut paths = Vec::new();
        for folder in (0..2).filter(|folder| folders & (1 << folder) != 0) {
            let mut both = [Path::Final(folder), Path::Staged(folder)];
            if mutant != Mutant::FinalBeforeStaged {
                both.reverse();
            }
            // The last is taken first.
            paths.extend(both);
        }
        paths.reverse();
        Self { paths, at: 0, dir: 0 }
    }

    pub(crate) fn path(path: Path) -> Self {
        Self { paths: vec![path], at: 0, dir: 0 }
    }

    pub(crate) fn done(&self) -> bool {
        self.paths.is_empty()
    }

    /// One step.
    pub(crate) fn step(&mut self, world: &mut World) {
        let Some(path) = self.paths.last().copied() else { return };
        self.at = match self.at {
            // step: withdraw opens the folder
            0 => match world.at(path) {
                Some(dir) => {
                    self.dir = dir;
                    1
                }
                // Another kill may have moved it and not be through with it.
                None => {
                    match (0..2).find(|i| world.loc[*i] == Loc::Aside && world.aside[*i] == path.folder()) {
                        Some(dir) if world.mutant != Mutant::NoSecondPass => {
                            self.dir = dir;
                            4
                        }
                        _ => return self.next(),
                    }
                }
            },
            // step: withdraw renames the hidden card
            1 | 4 => {
                if world.card[self.dir] == Card::Hidden && self.dir == path.folder() {
                    world.card[self.dir] = Card::Gone;
                }
                self.at + 1
            }
            // step: withdraw renames the live card
            2 | 5 => {
                if world.card[self.dir] == Card::Live {
                    world.card[self.dir] = Card::Gone;
                }
                if self.at == 5 {
                    return self.next();
                }
                3
            }
            // step: withdraw moves the folder aside
            _ => {
                if let Some(moved) = world.at(path) {
                    world.loc[moved] = Loc::Aside;
                    world.aside[moved] = path.folder();
                    self.dir = moved;
                }
                if world.mutant == Mutant::NoSecondPass {
                    return self.next();
                }
                4
            }
        };
    }

    fn next(&mut self) {
        self.paths.pop();
        self.at = 0;
    }
}

/// Reading the kill state: the holds, then the permit. A listing may miss a
/// hold that is renamed while it runs, so it is two looks.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Look {
    at: u8,
}

/// What a look came to.
pub(crate) enum Looked {
    NotYet,
    Clear(u8),
    Denied,
}

impl Look {
    pub(crate) fn step(&mut self, world: &World) -> Looked {
        let half = if self.at == 0 { world.holds & !0b11 } else { world.holds & 0b11 };
        if self.at == 2 {
            return world.permit.map_or(Looked::Denied, Looked::Clear);
        }
        if half != 0 {
            return Looked::Denied;
        }
        self.at += 1;
        Looked::NotYet
    }
}
