//! `enable --as-before`: what a kill took away, after that kill was lifted.
//!
//! Nothing springs back to life: a release enables nothing, and this only says
//! what was where, and what would be allowed again now. Every copy is then
//! placed by an `enable` of its own, with the gate's own decision.
//!
//! Where things were is read from the records of the kills alone, after the
//! whole chain was checked against the log. Attack: whoever can write permits
//! or evidence adds a place of theirs, and a person who places forty copies
//! "as before" does not see it among them.

use super::place::{self, Now, Spot};
use super::session::{Depth, Session, ledger_stop, log_stop};
use super::{Answer, Ask, Question, World, facts, gate, refusals};
use crate::model::code::{Code, Stop};
use crate::model::decision::Question as Asked;
use crate::model::digest::Digest;
use crate::model::lifecycle::{Event, HoldScope, Placement, RevisionRow};
use crate::model::permit::is_id;
use crate::model::record::{Outcome, Record};
use crate::model::skill::Revision;
use crate::model::text;
use crate::model::time::Timestamp;
use crate::policy::gate::Brake;
use crate::system::placement::{self, Trustees};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What would be placed again.
#[derive(Debug)]
pub struct AsBefore {
    /// Number of the release's record.
    pub record: u64,
    /// When it was lifted.
    pub time: Timestamp,
    /// Which kill it lifted, in words.
    pub kill: String,
    /// Every copy that was taken away.
    pub items: Vec<Item>,
    /// The release before it, if there is one.
    pub earlier: Option<u64>,
}

/// A copy that a kill took away.
#[derive(Debug)]
pub struct Item {
    /// Of which revision.
    pub revision: Revision,
    /// Where it was.
    pub spot: Spot,
    /// Whether it may be placed there again; if not, why and what then.
    pub verdict: Result<(), Stop>,
}

impl AsBefore {
    /// Those that would be placed.
    pub fn open(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| item.verdict.is_ok())
    }

    /// The scriptable form.
    #[must_use]
    pub fn command(&self) -> String {
        format!("skills enable --as-before --record {}", self.record)
    }
}

/// Gathers; changes nothing.
///
/// # Errors
/// [`Stop`]: no kill was lifted, another is in force, or the log is not whole.
pub fn plan(world: &World, record: Option<u64>, agents: &[String]) -> Result<AsBefore, Stop> {
    for agent in agents {
        place::placing(world, &place::Place::Agent(agent.clone()))?;
    }
    let session = Session::open(world, Depth::All)?;
    if let Brake::Stopped(why) = facts::brake(&session.home) {
        return Err(Stop::new(Code::HeldAll, why, "look into it, then: skills release --all"));
    }
    session.log.verify(&session.ledger).map_err(|fault| log_stop(&fault))?;
    let history = History::read(&session)?;
    let (at, release) = history.release(record)?;
    let earlier = history.0[..at].iter().rev().find(|record| is_release(record)).map(|record| record.seq);
    let taken = match scope_of(release) {
        None => history.by_home_kills(at),
        Some(scope) => history.by_narrow_kills(at, &covered(&session, scope)?),
    };
    let mut items = Vec::new();
    for (revision, placements) in taken {
        let row = session.ledger.revision(&revision).map_err(|fault| ledger_stop(&fault))?;
        let wanted = |place: &&Placement| {
            agents.is_empty() || place.agent.as_ref().is_some_and(|agent| agents.contains(agent))
        };
        let placements: Vec<_> = placements.iter().filter(wanted).cloned().collect();
        for spot in place::spots(&session, &revision, &placements)? {
            let since = history.placed_since(release.seq, &revision, &spot.path);
            let verdict = verdict(&session, &revision, row.as_ref(), &spot, since)?;
            items.push(Item { revision: revision.clone(), spot, verdict });
        }
    }
    let kill = scope_of(release).map_or_else(
        || format!("the kill of everything, epoch {}", release.epoch),
        |scope| format!("the kill of {scope}"),
    );
    Ok(AsBefore { record: release.seq, time: release.time, kill, items, earlier })
}

/// The records of kills, releases and placings, in order.
struct History(Vec<Record>);

impl History {
    fn read(session: &Session<'_>) -> Result<Self, Stop> {
        let mut all = Vec::new();
        session
            .ledger
            .each_event(1, |event| {
                // Canonical lines: an event is written in one way only.
                let words = ["\"event\":\"kill\"", "\"event\":\"release\"", "\"event\":\"enable\""];
                if words.iter().any(|word| event.line.contains(word)) {
                    let record = Record::parse(event.line.as_bytes()).ok();
                    all.extend(record.filter(|record| record.decision == Outcome::Done));
                }
                true
            })
            .map_err(|fault| ledger_stop(&fault))?;
        Ok(Self(all))
    }

    /// The release that is meant: the last, or the one of that number.
    fn release(&self, number: Option<u64>) -> Result<(usize, &Record), Stop> {
        let last = self.0.iter().rposition(is_release);
        let at = match number {
            None => last,
            Some(number) => self.0.iter().position(|record| is_release(record) && record.seq == number),
        };
        if let Some(found) = at.and_then(|at| Some((at, self.0.get(at)?))) {
            return Ok(found);
        }
        let next = match last.and_then(|at| self.0.get(at)) {
            Some(last) => {
                format!("the last one is record {}: skills enable --as-before --record {0}", last.seq)
            }
            None => "to place a skill: skills enable NAME --agent …".to_owned(),
        };
        let what = number.map_or_else(
            || "no kill was lifted here, so nothing was taken away by one".to_owned(),
            |number| format!("record {number} is not a release"),
        );
        Err(Stop::new(Code::Usage, what, next))
    }

    /// What the kills of everything took away that this release lifted: all
    /// since the one before it.
    fn by_home_kills(&self, release: usize) -> Taken {
        let mut taken = Taken::new();
        let before = self.0[..release].iter().rposition(|record| is_release(record) && is_home(record));
        let mut inside = false;
        for record in &self.0[before.map_or(0, |at| at + 1)..release] {
            inside = match () {
                () if record.event != Event::Kill.as_str() => false,
                // The head of a batch; what it stopped follows in the same transaction.
                () if is_home(record) => true,
                () => inside && record.hold.is_none() && take(&mut taken, record),
            };
        }
        taken
    }

    /// What the kills of a scope took away since it was lifted last.
    fn by_narrow_kills(&self, release: usize, scopes: &BTreeSet<HoldScope>) -> Taken {
        let mut taken = Taken::new();
        let lifted = &self.0[release].hold;
        let before =
            self.0[..release].iter().rposition(|record| is_release(record) && record.hold == *lifted);
        let mut inside = false;
        for record in &self.0[before.map_or(0, |at| at + 1)..release] {
            if record.event != Event::Kill.as_str() {
                inside = false;
            } else if is_home(record) {
                inside = true;
            } else if record.hold.is_some() {
                inside = false;
            } else if !inside && covers(scopes, record) {
                take(&mut taken, record);
            }
        }
        taken
    }

    /// The record that placed it there again since, if one did.
    fn placed_since(&self, release: u64, revision: &Revision, path: &str) -> Option<u64> {
        let mut since = self.0.iter().filter(|record| {
            record.seq > release
                && record.event == Event::Enable.as_str()
                && of(record).as_ref() == Some(revision)
        });
        since.find(|record| record.placements.iter().any(|place| place.path == path)).map(|record| record.seq)
    }
}

/// Revisions and where they were.
type Taken = BTreeMap<Revision, Vec<Placement>>;

/// False if the record is not one of a revision that was stopped.
fn take(taken: &mut Taken, record: &Record) -> bool {
    let Some(revision) = of(record) else { return false };
    let places = taken.entry(revision).or_default();
    for place in &record.placements {
        if !places.iter().any(|known| known.path == place.path) {
            places.push(place.clone());
        }
    }
    true
}

fn of(record: &Record) -> Option<Revision> {
    Some(Revision { name: record.skill.clone()?, digest: record.digest? })
}

fn is_release(record: &Record) -> bool {
    record.event == Event::Release.as_str() && record.hold.is_some()
}

/// Whether a kill or a release is of everything: it names home permits.
fn is_home(record: &Record) -> bool {
    record.skill.is_none() && record.hold.as_ref().is_some_and(|hold| hold.split(',').all(is_id))
}

/// What a release lifted; none for everything.
fn scope_of(release: &Record) -> Option<HoldScope> {
    let (kind, value) = release.hold.as_ref()?.split_once(' ')?;
    HoldScope::from_parts(kind, value)
}

/// A scope; a name's with every digest that the name ever had.
fn covered(session: &Session<'_>, scope: HoldScope) -> Result<BTreeSet<HoldScope>, Stop> {
    let mut all = BTreeSet::new();
    if let HoldScope::Name(name) = &scope {
        let mark = format!("\"skill\":\"{name}\"");
        session
            .ledger
            .each_event(1, |event| {
                if event.line.contains(&mark) {
                    let digest: Option<Digest> =
                        Record::parse(event.line.as_bytes()).ok().and_then(|record| record.digest);
                    all.extend(digest.map(HoldScope::Digest));
                }
                true
            })
            .map_err(|fault| ledger_stop(&fault))?;
    }
    // Sources and signers are the row's to say: a kill's record does not name them.
    let rows = session.ledger.revisions().map_err(|fault| ledger_stop(&fault))?;
    let is = |row: &&RevisionRow| row.is_covered(&scope);
    all.extend(rows.iter().filter(is).map(|row| HoldScope::Digest(row.revision.digest)));
    all.insert(scope);
    Ok(all)
}

fn covers(scopes: &BTreeSet<HoldScope>, record: &Record) -> bool {
    of(record).is_some_and(|revision| scopes.iter().any(|scope| scope.covers(&revision, "", &[])))
}

/// Whether a copy may be placed where it was.
fn verdict(
    session: &Session<'_>,
    revision: &Revision,
    row: Option<&RevisionRow>,
    spot: &Spot,
    since: Option<u64>,
) -> Result<Result<(), Stop>, Stop> {
    let again = place::enable_command(revision, &spot.place);
    let no = |code, what: String, next: String| Ok(Err(Stop::new(code, what, next)));
    let Some(row) = row else {
        return no(Code::NotInstalled, "it was removed since".to_owned(), "skills install SOURCE".to_owned());
    };
    match &spot.now {
        Now::Free => {}
        Now::Same => return no(Code::TargetTaken, "it is there already".to_owned(), String::new()),
        Now::Other(other) => return no(Code::TargetTaken, format!("{other} is there now"), again),
        Now::Taken(what) => {
            let what = format!("{what} is there that is not ours");
            return no(Code::TargetTaken, what, format!("move it away, then: {again}"));
        }
        Now::Leads(elsewhere) => {
            let what = format!("its folder leads to {} now", text::escape(&elsewhere.to_string_lossy()));
            return no(Code::TargetUnsafe, what, again);
        }
    }
    if let Some(since) = since {
        let what = format!("it was placed there again (record {since}) and taken away since");
        return no(Code::NotEnabled, what, again);
    }
    let folders = gate::observe(session, row, Asked::Enable);
    if let Err(denied) = gate::decide_now(session, row, Asked::Enable, &folders, None)? {
        let next = match denied.code {
            Code::Drift => refusals::install_again(row),
            code => gate::remedy(code, revision).replace("a person runs: ", ""),
        };
        return no(denied.code, denied.reason, next);
    }
    let folder = Path::new(&spot.path).parent().unwrap_or(Path::new("/"));
    let trustees = Trustees { private_group: crate::system::account::private_group(), ..Trustees::ours() };
    match placement::check_target(folder, &revision.name, trustees) {
        Ok(_) => Ok(Ok(())),
        Err(fault) => no(Code::TargetUnsafe, text::escape(&fault.to_string()), again),
    }
}

/// Asks whether to place them all; a script states the release by its number.
///
/// # Errors
/// [`Stop`]; a refusal is recorded.
pub fn consent(
    world: &World,
    plan: &AsBefore,
    shown: &str,
    stated: Option<u64>,
    ask: &mut dyn Ask,
) -> Result<(), Stop> {
    let count = plan.open().count();
    let agreed = world.no_agent("skills enable --as-before").and_then(|()| {
        if stated == Some(plan.record) {
            return Ok(());
        }
        let question = match count {
            1 => "Place this copy again?".to_owned(),
            count => format!("Place these {count} copies again?"),
        };
        match ask.ask(shown, &Question::Confirm(question)) {
            Answer::Yes => Ok(()),
            Answer::No => Err(Stop::new(
                Code::Declined,
                "nothing was placed: the answer was no",
                "later: skills enable --as-before",
            )),
            Answer::Nobody => {
                let what =
                    "placing what a kill took away needs a person at a terminal, or the release's number";
                Err(Stop::new(Code::PersonNeeded, what, plan.command()))
            }
        }
    });
    let Err(stop) = agreed else { return Ok(()) };
    let mut session = Session::open(world, Depth::All)?;
    let draft = session.draft(Event::Enable.as_str(), Outcome::Refused, "");
    Err(session.refuse(draft, stop))
}
