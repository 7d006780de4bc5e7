//! `kill` and `release`.
//!
//! The kill's first part is `system::kill`: it has already happened, with
//! nothing but the file system, when this file opens the ledger to record it.

use super::phrase::Phrase;
use super::session::{Depth, Session, ledger_stop};
use super::{Ask, World, apply, recover};
use crate::model::code::{Code, Stop};
use crate::model::lifecycle::{Event, Hold, HoldScope, RevisionRow, State};
use crate::model::permit::SkillPermit;
use crate::model::record::Outcome;
use crate::system::kill::{self, KillReport, KillState};
use crate::system::permit;
use crate::system::placement;
use std::collections::{BTreeMap, BTreeSet};

/// What a kill did, beyond the files.
#[derive(Debug)]
pub struct Killed {
    /// What the first part did.
    pub report: KillReport,
    /// Why it is not in the ledger and the log yet, if so.
    pub pending: Option<Stop>,
    /// Epoch after it, if recorded.
    pub epoch: Option<u64>,
    /// How many installed revisions a narrow kill covers, enabled or not, if
    /// that can be told: none may be a slip of the pen.
    pub known: Option<usize>,
}

/// Stops everything. The effect comes first and needs nothing; recording is
/// tried for as long as the world's patience.
#[must_use]
pub fn kill_all(world: &World, note: Option<&str>) -> Killed {
    let report = kill::kill_all(&world.home);
    let recorded = Session::open_to_narrow(world, Depth::All).and_then(|mut session| {
        collect(&session, &report);
        if let Some(note) = note {
            let note = crate::model::text::escape_short(note, 500);
            let mut draft = session.draft("kill", Outcome::Done, "reason given for the kill");
            draft.note = Some(note);
            session.commit(|_| Ok(vec![draft]))?;
        }
        Ok(session.ledger.brakes().epoch)
    });
    match recorded {
        Ok(epoch) => Killed { report, pending: None, epoch: Some(epoch), known: None },
        Err(stop) => Killed { report, pending: Some(stop), epoch: None, known: None },
    }
}

/// Stops what a scope covers, and holds it.
///
/// What is enabled is withdrawn without the ledger. The standing hold needs
/// it: without it the caller says NOT KILLED for what is not enabled.
#[must_use]
pub fn kill_scope(world: &World, scope: &HoldScope, note: Option<&str>) -> Killed {
    let covers = |permit: &SkillPermit| scope.covers(&permit.revision, &permit.source, &permit.signers);
    let mut report = kill::kill_matching(&world.home, &covers);
    let recorded = Session::open_to_narrow(world, Depth::All).and_then(|mut session| {
        hold(&mut session, scope, note)?;
        // A first enable that held the lock may have written its permit after
        // the listing; from here on the hold keeps every other one out.
        let late = kill::kill_matching(&world.home, &covers);
        report.stopped.extend(late.stopped);
        report.failures.extend(late.failures);
        recover::run(&mut session, Depth::All)?;
        collect(&session, &report);
        Ok((session.ledger.brakes().epoch, known(&session, scope).ok()))
    });
    match recorded {
        Ok((epoch, known)) => Killed { report, pending: None, epoch: Some(epoch), known },
        Err(stop) => Killed { report, pending: Some(stop), epoch: None, known: None },
    }
}

/// How many installed revisions a scope covers.
fn known(session: &Session<'_>, scope: &HoldScope) -> Result<usize, Stop> {
    let rows = session.ledger.revisions().map_err(|fault| ledger_stop(&fault))?;
    Ok(rows.iter().filter(|row| row.is_covered(scope)).count())
}

/// Moves what was withdrawn into the evidence. Never urgent: what stays where
/// it is holds no `SKILL.md`.
fn collect(session: &Session<'_>, report: &KillReport) {
    for folder in report.stopped.iter().flat_map(|stopped| &stopped.aside) {
        let _ = placement::collect(&session.home, folder);
    }
}

/// A name's hold covers every digest the name ever had, under any other name too.
fn scopes(session: &Session<'_>, scope: &HoldScope) -> Result<Vec<HoldScope>, Stop> {
    let mut all = BTreeSet::from([scope.clone()]);
    if let HoldScope::Name(name) = scope {
        session
            .ledger
            .each_event(1, |event| {
                let record = crate::model::record::Record::parse(event.line.as_bytes());
                let digest =
                    record.ok().filter(|record| record.skill.as_ref() == Some(name)).and_then(|r| r.digest);
                all.extend(digest.map(HoldScope::Digest));
                true
            })
            .map_err(|fault| ledger_stop(&fault))?;
    }
    Ok(all.into_iter().collect())
}

fn hold(session: &mut Session<'_>, scope: &HoldScope, note: Option<&str>) -> Result<(), Stop> {
    let scopes = scopes(session, scope)?;
    // Permits written by an older record may be missing here; the rows decide.
    let rows = session.ledger.revisions().map_err(|fault| ledger_stop(&fault))?;
    let covered = |row: &&RevisionRow| {
        row.lifecycle.state() == State::Enabled && scopes.iter().any(|scope| row.is_covered(scope))
    };
    for row in rows.iter().filter(covered) {
        apply::narrow(session, row, Event::Kill, |_| {})?;
    }
    let mut draft = session.draft(Event::Kill.as_str(), Outcome::Done, format!("held: {scope}"));
    draft.hold = Some(scope.to_string());
    draft.note = note.map(|note| crate::model::text::escape_short(note, 500));
    // A name's holds carry one number, its first kill's, and are lifted together.
    let standing = session.ledger.brakes().holds.iter().find(|hold| hold.scope == *scope);
    let first = standing.map(|hold| hold.seq).filter(|_| matches!(scope, HoldScope::Name(_)));
    let named = scope.clone();
    session.commit(move |txn| {
        let seq = first.unwrap_or_else(|| txn.next_seq());
        for scope in &scopes {
            let done = if *scope == named { txn.hold_anew(scope, seq) } else { txn.hold(scope, seq) };
            done.map_err(|fault| ledger_stop(&fault))?;
        }
        Ok(vec![draft])
    })?;
    Ok(())
}

/// The enabled revisions that a kill would stop.
///
/// # Errors
/// [`Stop`].
pub fn would_stop(world: &World, scope: Option<&HoldScope>) -> Result<Vec<RevisionRow>, Stop> {
    let session = Session::open_to_narrow(world, Depth::All)?;
    let mut rows = session.ledger.revisions().map_err(|fault| ledger_stop(&fault))?;
    rows.retain(|row| {
        row.lifecycle.state() == State::Enabled && scope.is_none_or(|scope| row.is_covered(scope))
    });
    Ok(rows)
}

/// What a release would lift.
#[derive(Debug, Clone)]
pub struct ReleasePlan {
    /// The home-wide kill's ids and epoch.
    pub home: Option<(Vec<String>, u64)>,
    /// The standing narrow kills; the one that was asked for first.
    pub holds: Vec<HoldScope>,
    /// Number of the last record when this was gathered: a kill after it was
    /// not shown.
    pub seen: u64,
}

/// Gathers what is held. For `release --all` the home-wide kill alone; for a
/// scope, that scope's holds.
///
/// # Errors
/// [`Stop`]; [`Code::Usage`] if nothing of it is held.
pub fn release_plan(world: &World, scope: Option<&HoldScope>) -> Result<ReleasePlan, Stop> {
    let session = Session::open(world, Depth::All)?;
    let brakes = session.ledger.brakes();
    let seen = session.ledger.head().size;
    let Some(scope) = scope else {
        let home = match kill::kill_state(session.home.dir()) {
            KillState::Killed(ids) => Some((ids, brakes.epoch)),
            KillState::Clear(_) => None,
            KillState::NoPermit => {
                let what = "the home permit is missing, and no kill is recorded that took it";
                return Err(Stop::new(
                    Code::HeldAll,
                    what,
                    "run: skills kill --all, then: skills release --all",
                ));
            }
            KillState::Doubt(why) => {
                let what = format!("the home permit cannot be relied on: {why}");
                return Err(Stop::new(
                    Code::HeldAll,
                    what,
                    "run: skills kill --all, then: skills release --all",
                ));
            }
        };
        if home.is_none() {
            return Err(not_held("no kill of everything is in force", &brakes.holds));
        }
        return Ok(ReleasePlan { home, holds: Vec::new(), seen });
    };
    let (holds, _) = lifted_with(&session, scope)?;
    if holds.is_empty() {
        return Err(not_held(&format!("no kill of {scope} is in force"), &brakes.holds));
    }
    Ok(ReleasePlan { home: None, holds, seen })
}

/// Says what is held instead, if anything is.
fn not_held(what: &str, holds: &[Hold]) -> Stop {
    // What fell with a name is lifted with it.
    let named = |seq| holds.iter().any(|hold| hold.seq == seq && matches!(hold.scope, HoldScope::Name(_)));
    let along = |hold: &&Hold| matches!(hold.scope, HoldScope::Digest(_)) && named(hold.seq);
    let own: Vec<_> = holds.iter().filter(|hold| !along(hold)).collect();
    match own.first() {
        None => Stop::new(Code::Usage, format!("nothing is held here: {what}"), "run: skills status"),
        Some(hold) => {
            let held: Vec<_> = own.iter().take(3).map(|hold| hold.scope.to_string()).collect();
            let more = if own.len() > 3 { format!(" and {} more", own.len() - 3) } else { String::new() };
            let what = format!("{what}; held is {}{more}", held.join(", "));
            Stop::new(Code::Usage, what, format!("skills release {}", scope_words(&hold.scope)))
        }
    }
}

/// Holds that another kill keeps, with that kill's number.
type Kept = Vec<(HoldScope, u64)>;

/// What falls with a scope's hold, that hold first, and what would fall with it
/// but is kept by another name's kill, with that kill's number. Nothing if the
/// scope is not held.
///
/// A name brings along the digests that were held because of it; they do not
/// bring along the name.
fn lifted_with(session: &Session<'_>, scope: &HoldScope) -> Result<(Vec<HoldScope>, Kept), Stop> {
    let standing = &session.ledger.brakes().holds;
    let Some(named) = standing.iter().find(|hold| hold.scope == *scope) else {
        return Ok((Vec::new(), Vec::new()));
    };
    let (mut lifted, mut kept) = (vec![scope.clone()], BTreeMap::new());
    if let HoldScope::Name(_) = scope {
        let others = standing.iter().filter(|hold| hold.scope != *scope);
        for other in others.filter(|hold| matches!(hold.scope, HoldScope::Name(_))) {
            kept.extend(scopes(session, &other.scope)?.into_iter().map(|scope| (scope, other.seq)));
        }
        let along = standing.iter().filter(|hold| hold.seq == named.seq && hold.scope != *scope);
        lifted.extend(along.clone().map(|hold| hold.scope.clone()).filter(|scope| !kept.contains_key(scope)));
        kept.retain(|scope, _| along.clone().any(|hold| hold.scope == *scope));
    }
    Ok((lifted, kept.into_iter().collect()))
}

/// The phrase that lifts a kill.
#[must_use]
pub fn phrase(plan: &ReleasePlan) -> String {
    match (&plan.home, plan.holds.first()) {
        (Some((_, epoch)), _) => format!("release epoch {epoch}"),
        (None, Some(scope)) => format!("release {scope}"),
        (None, None) => String::new(),
    }
}

/// A phrase as one word of a command.
fn phrase_word(phrase: &str) -> String {
    let plain = phrase.split(' ').all(|word| crate::model::text::shell_word(word) == word);
    if plain { format!("\"{phrase}\"") } else { crate::model::text::shell_word(phrase) }
}

/// What follows `skills release` to lift it. What was asked for comes first.
fn words(plan: &ReleasePlan) -> String {
    plan.holds.first().map_or_else(|| "--all".to_owned(), scope_words)
}

/// How a scope is written on the command line of `kill` and `release`.
#[must_use]
pub fn scope_words(scope: &HoldScope) -> String {
    match scope {
        HoldScope::Name(name) => name.to_string(),
        HoldScope::Digest(digest) => format!("--digest {digest}"),
        HoldScope::Source(source) => format!("--source {}", crate::model::text::shell_word(source)),
        HoldScope::Signer(signer) => format!("--signer {}", crate::model::text::shell_word(signer)),
    }
}

/// Lifts what the plan shows. Everything comes back trusted at most.
///
/// # Errors
/// [`Stop`]; a kill that came meanwhile stands.
pub fn release(
    world: &World,
    plan: &ReleasePlan,
    shown: &str,
    given: Option<&str>,
    ask: &mut dyn Ask,
) -> Result<u64, Stop> {
    let expected = phrase(plan);
    let stated = format!("skills release {} --phrase {}", words(plan), phrase_word(&expected));
    let again = format!("look again: skills release {}", words(plan));
    let needs = "a release needs a person at a terminal, or the phrase";
    let wanted = Phrase { expected, to: "to lift it", not_done: "not released", again, needs, stated };
    let consent = world
        .no_agent(&format!("skills release {}", words(plan)))
        .and_then(|()| wanted.decide(shown, given, ask));
    let mut session = Session::open(world, Depth::All)?;
    if let Err(stop) = consent {
        let draft = session.draft(Event::Release.as_str(), Outcome::Refused, "");
        return Err(session.refuse(draft, stop));
    }
    match &plan.home {
        Some((ids, epoch)) => release_home(&mut session, ids, *epoch),
        None => match still_as_shown(&session, plan) {
            Ok(kept) => release_holds(&mut session, &plan.holds, &kept),
            Err(stop) => {
                let draft = session.draft(Event::Release.as_str(), Outcome::Refused, "");
                Err(session.refuse(draft, stop))
            }
        },
    }
}

/// What another name's kill keeps, if what is held is what was shown.
///
/// Attack by bad luck: somebody kills the skill again, for a new reason, while
/// the first kill's release waits for its phrase to be typed.
fn still_as_shown(session: &Session<'_>, plan: &ReleasePlan) -> Result<Kept, Stop> {
    let again = |what: String| {
        Err(Stop::new(Code::Held, what, format!("look into it, then: skills release {}", words(plan))))
    };
    let Some(asked) = plan.holds.first() else { return Ok(Vec::new()) };
    let named: Vec<_> = plan.holds.iter().map(ToString::to_string).collect();
    let mut later = None;
    session
        .ledger
        .each_event(plan.seen + 1, |event| {
            let record = crate::model::record::Record::parse(event.line.as_bytes()).ok();
            let kill = record.filter(|record| {
                record.event == Event::Kill.as_str()
                    && record.hold.as_ref().is_some_and(|hold| named.contains(hold))
            });
            later = kill.map(|record| record.seq);
            later.is_none()
        })
        .map_err(|fault| ledger_stop(&fault))?;
    if let Some(seq) = later {
        return again(format!("another kill came (record {seq}) after this was shown"));
    }
    let (lifted, kept) = lifted_with(session, asked)?;
    if lifted == plan.holds { Ok(kept) } else { again("what is held is no longer what was shown".to_owned()) }
}

fn release_holds(
    session: &mut Session<'_>,
    holds: &[HoldScope],
    kept: &[(HoldScope, u64)],
) -> Result<u64, Stop> {
    let mut draft =
        session.draft(Event::Release.as_str(), Outcome::Done, format!("{} holds lifted", holds.len()));
    draft.hold = holds.first().map(ToString::to_string);
    session.commit(|txn| {
        for scope in holds {
            txn.lift(scope).map_err(|fault| ledger_stop(&fault))?;
        }
        for (scope, seq) in kept {
            txn.hold_anew(scope, *seq).map_err(|fault| ledger_stop(&fault))?;
        }
        Ok(vec![draft])
    })?;
    Ok(session.ledger.brakes().epoch)
}

/// The whole chain is checked before everything may run again.
fn release_home(session: &mut Session<'_>, ids: &[String], epoch: u64) -> Result<u64, Stop> {
    session.log.verify(&session.ledger).map_err(|fault| super::session::log_stop(&fault))?;
    let brakes = session.ledger.brakes();
    if brakes.epoch != epoch || brakes.hold.as_deref().unwrap_or_default() != ids.join(",") {
        let what = format!("another kill came: the epoch is {}, you were shown {epoch}", brakes.epoch);
        return Err(Stop::new(Code::HeldAll, what, "look into it, then: skills release --all"));
    }
    let mut draft = session.draft(
        Event::Release.as_str(),
        Outcome::Done,
        format!("epoch {epoch} released; nothing is enabled"),
    );
    draft.hold = Some(ids.join(","));
    session.commit(|txn| {
        txn.set_epoch(epoch, None);
        Ok(vec![draft])
    })?;
    permit::release_home(&session.home, ids, epoch).map_err(|error| {
        Stop::new(
            Code::HeldAll,
            format!("not released: {error}"),
            "another kill came, or the home cannot be written; look, then again",
        )
    })?;
    Ok(epoch)
}
