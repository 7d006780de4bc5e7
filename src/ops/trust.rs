//! `trust` and `untrust`: a person decides for exact bytes, or takes it back.
//!
//! The store copy is hashed before the question is asked and again, under the
//! lock, after it was answered; the digest that was shown is the digest that
//! is pinned, or nothing is.

pub mod set;
mod terms;

pub use terms::{Terms, TermsRequest};

use super::judged::{self, Judged};
use super::session::{Depth, Session, home_stop, ledger_stop, open_ledger};
use super::{Answer, Ask, Question, World, apply, facts, layers, refusals, revoked};
use crate::model::code::{Code, Stop};
use crate::model::digest::Digest;
use crate::model::lifecycle::{Event, HoldScope, Pin, RevisionRow, State};
use crate::model::provenance::Provenance;
use crate::model::record::{Draft, Outcome};
use crate::model::skill::Revision;
use crate::model::text;
use crate::model::time::Timestamp;
use crate::ops::provenance::{self, Accepted, Heard, Vouching};
use crate::ops::revoked::Lists;
use crate::policy::config::Policy;
use crate::policy::gate::Brake;
use crate::policy::transition::Input;
use crate::system::home::Home;
use crate::system::ledger::Ledger;
use terms::{reasoned, terms};

/// The reason of a record that changed nothing.
const ALREADY: &str = "already trusted, nothing changed";

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct TrustRequest {
    /// NAME or NAME@DIGEST.
    pub skill: String,
    /// The reviewed bytes, in full: the scriptable form.
    pub digest: Option<Digest>,
    /// Whether the policy's own grant is the decision; then nobody is asked.
    pub by_policy: bool,
    /// Which unusual things are said yes to, by name.
    pub accepted: Accepted,
    /// The rules that block it and are overridden, each by its id.
    pub despite: Vec<String>,
    /// Until when, and why.
    pub terms: TermsRequest,
}

/// What is about to be trusted, for the prompt and for `--dry-run`.
#[derive(Debug, Clone)]
pub struct TrustPlan {
    /// The revision.
    pub row: RevisionRow,
    /// When it will end, and why it is given.
    pub terms: Terms,
    /// The digest trusted last for this name, if another.
    pub before: Option<Digest>,
    /// Who vouches, as of now.
    pub findings: Vouching,
    /// The command that a person is told to run: `trust` or `repair`.
    pub verb: &'static str,
    /// The file whose grant is the decision, where that was asked for.
    pub granted: Option<String>,
    /// What the rules found in these bytes.
    pub judged: Judged,
    /// The rules that block it, each overridden by name.
    pub despite: Vec<String>,
    /// Whether the bytes were named in full: then nobody is asked.
    given: bool,
    accepted: Accepted,
}

/// Records a refusal of [`plan`], where a decision was asked for and not only
/// what it would be. What cannot be understood at all is no event.
pub fn record(world: &World, request: &TrustRequest, stop: Stop) -> Stop {
    let Ok(wanted) = facts::parse_ref(&request.skill) else { return stop };
    if stop.code == Code::Usage {
        return stop;
    }
    match Session::open(world, Depth::All) {
        Ok(mut session) => {
            let mut draft = session.draft(Event::Trust.as_str(), Outcome::Refused, "");
            // Where it is clear which bytes were meant, the record names them.
            draft.digest = find(&session.ledger, request).ok().map(|row| row.revision.digest);
            draft.skill = Some(wanted.name);
            session.refuse(draft, stop)
        }
        Err(_) => stop,
    }
}

/// Finds the revision that is meant. Digests that were named in full decide;
/// among several revisions a digest that none of them has is a wrong one.
fn find(ledger: &Ledger, request: &TrustRequest) -> Result<RevisionRow, Stop> {
    let prefer = |row: &RevisionRow| match request.digest {
        Some(digest) => row.revision.digest == digest,
        None => row.lifecycle.state() == State::Installed,
    };
    facts::resolve(ledger, &request.skill, prefer).map_err(|stop| match request.digest {
        Some(given) if stop.code == Code::Ambiguous => {
            let what = format!("none of them has the digest you named, {given}: {}", stop.what);
            Stop::new(Code::DigestMismatch, what, "review what is there now before naming its digest")
        }
        _ => stop,
    })
}

/// The bytes that are named are these, or nothing else is asked about them.
///
/// Attack: whoever named the digest of what they read is told how other bytes,
/// which came since, are trusted all the same.
fn named(given: Option<Digest>, revision: &Revision) -> Result<(), Stop> {
    let Some(given) = given.filter(|given| *given != revision.digest) else { return Ok(()) };
    let what = format!("the bytes of {revision} are {}, you named {given}", revision.digest);
    Err(Stop::new(Code::DigestMismatch, what, format!("skills review {revision}")))
}

/// Gathers and checks; changes nothing.
///
/// # Errors
/// [`Stop`].
pub fn plan(world: &World, request: &TrustRequest) -> Result<TrustPlan, Stop> {
    let home = Home::open(&world.home).map_err(|fault| home_stop(&fault))?;
    let ledger = open_ledger(&home)?;
    let row = find(&ledger, request)?;
    named(request.digest, &row.revision)?;
    let policy = layers::over(world.policy()?, &ledger)?;
    let now = world.clock.now().max(ledger.head().time);
    revoked::refuse(&ledger, &policy, &row, now)?;
    of_age(&policy, &row, now)?;
    let command = match request.digest {
        None => format!("skills trust {}", row.revision),
        Some(digest) => format!("skills trust {} --digest {digest}", row.revision.name),
    };
    let terms = terms(&policy, now, &request.terms, &command)?;
    let findings = provenance::find(&home, &ledger, &policy, &row, now)?;
    // A person is shown another signer, and types the name or does not.
    let person = request.digest.is_none() && !request.by_policy;
    let accepted = Accepted { new_signer: request.accepted.new_signer || person, ..request.accepted };
    findings.check(&ledger, &policy, &row, accepted, now)?;
    let judged = judged::judge(&home, &ledger, &policy, &row, now)?;
    let despite = judged::allow(&judged, &row.revision, &request.despite, terms.reasoned)?;
    if request.by_policy {
        judged::by_policy(judged.told(), &row.revision)?;
    }
    let granted = request.by_policy.then(|| grant(&policy, &row, &findings, now)).transpose()?;
    let rows = ledger.revisions_named(&row.revision.name).map_err(|fault| ledger_stop(&fault))?;
    let latest = rows.iter().filter(|other| other.revision != row.revision);
    let before =
        latest.filter_map(|other| other.lifecycle.pin()).max_by_key(|pin| pin.seq).map(|pin| pin.digest);
    let given = request.digest.is_some();
    let verb = "trust";
    Ok(TrustPlan { row, terms, before, findings, verb, granted, judged, despite, given, accepted })
}

/// Whether `trust NAME@DIGEST --by-policy` would succeed now, without asking.
#[must_use]
pub fn would_be_granted(world: &World, revision: &Revision) -> bool {
    let skill = revision.file_name();
    let request = TrustRequest { skill, by_policy: true, ..TrustRequest::default() };
    let granted = || {
        let plan = plan(world, &request).ok()?;
        let home = Home::open(&world.home).ok()?;
        let ledger = open_ledger(&home).ok()?;
        let policy = layers::over(world.policy().ok()?, &ledger).ok()?;
        let open = matches!(facts::brake(&home), Brake::Clear { .. });
        let undecided = plan.row.lifecycle.state() == State::Installed;
        let held = holding(&ledger, &plan.row).is_some();
        Some(open && undecided && !held && policy.check_source(plan.row.source.identity()).is_ok())
    };
    world.agent.is_none() && granted().unwrap_or(false)
}

/// The narrow kill that covers a revision, in words.
fn holding(ledger: &Ledger, row: &RevisionRow) -> Option<String> {
    let hold = ledger.brakes().holds.iter().find(|hold| row.is_covered(&hold.scope))?;
    Some(format!("held by a kill of {} (record {})", hold.scope, hold.seq))
}

/// The file whose grant a revision meets.
fn grant(policy: &Policy, row: &RevisionRow, findings: &Vouching, now: Timestamp) -> Result<String, Stop> {
    let granted = policy.grants(row.source.identity(), &findings.provenance, now);
    granted.map(str::to_owned).map_err(|why| {
        let revision = &row.revision;
        let next = format!("a person decides: skills review {revision}, then: skills trust {revision}");
        Stop::new(Code::PolicyUnmet, format!("{revision}: {why}"), next)
    })
}

/// Refuses what the policy says is too young.
fn of_age(policy: &Policy, row: &RevisionRow, now: Timestamp) -> Result<(), Stop> {
    let revision = &row.revision;
    policy.check_age(&revision.digest, row.installed, now).map_err(|young| {
        let next = if young.ahead {
            format!("the clock was lowered since; skills remove {revision} and install it again: its age begins anew")
        } else {
            format!(
                "read it meanwhile: skills review {revision}; for a fix that cannot wait, in {}, under [trust]: \
                 early = [\"{}\"]",
                young.file, revision.digest
            )
        };
        Stop::new(Code::TooYoung, format!("{revision}: {young}"), next)
    })
}

/// Asks, hashes again and pins.
///
/// # Errors
/// [`Stop`]; a refusal is recorded.
pub fn trust(world: &World, plan: &TrustPlan, shown: &str, ask: &mut dyn Ask) -> Result<Pin, Stop> {
    let revision = &plan.row.revision;
    if let Err(stop) = world.no_agent(&command(plan)).and_then(|()| consent(plan, shown, ask)) {
        return Err(refuse(world, plan, stop));
    }
    let mut session = Session::open(world, Depth::All)?;
    let row = session.ledger.revision(revision).map_err(|fault| ledger_stop(&fault))?;
    let Some(row) = row else {
        return Err(Stop::new(
            Code::NotInstalled,
            format!("{revision} was removed meanwhile"),
            "run: skills status",
        ));
    };
    let mut draft = draft(&session, &row, &plan.terms);
    let said = Said::read(&session.ledger, &session.policy, session.now);
    let found = said.and_then(|said| check(&session, &said, &row, &plan.terms, plan.accepted));
    let outcome = found.and_then(|findings| {
        same(plan, &findings)?;
        let judged = judge_again(&session, plan, &row)?;
        if plan.granted.is_some() {
            judged::by_policy(judged.told(), revision)?;
            let file = grant(&session.policy, &row, &findings, session.now)?;
            draft.reason.push_str(&format!(", as {file} grants"));
        }
        draft.reason.push_str(&judged::recorded(judged.told(), &plan.despite));
        draft.reason.push_str(&findings.recorded());
        let lineage = findings.lineage(&row)?;
        let pin = pin(&session, &row, &plan.terms, findings.provenance, (&judged, &plan.despite))?;
        let held = facts::held(&session, &row);
        let input = Input::Trust(Box::new(pin));
        match apply::next(&row, held.is_some(), &input) {
            Ok(next) => Ok((next, lineage)),
            Err(code) => Err(refusals::step_refused(&row, code, held.as_deref())),
        }
    });
    let (next, lineage) = match outcome {
        Ok(outcome) => outcome,
        Err(stop) => return Err(session.refuse(draft, stop)),
    };
    let Some(mut next) = next else {
        let mut draft = draft;
        ALREADY.clone_into(&mut draft.reason);
        session.commit(|_| Ok(vec![draft]))?;
        return row
            .lifecycle
            .pin()
            .cloned()
            .ok_or_else(|| Stop::new(Code::Internal, "BUG: trusted without a pin", ""));
    };
    let mut made = None;
    session.commit(|txn| {
        let seq = txn.next_seq();
        if let crate::model::lifecycle::Lifecycle::Trusted { pin } = &mut next {
            pin.seq = seq;
            made = Some(pin.clone());
        }
        txn.put(&RevisionRow { lifecycle: next, seq, ..row }).map_err(|fault| ledger_stop(&fault))?;
        txn.remember(&lineage.0, &lineage.1).map_err(|fault| ledger_stop(&fault))?;
        Ok(vec![draft])
    })?;
    made.ok_or_else(|| Stop::new(Code::Internal, "BUG: trust led to no pin", ""))
}

/// Looks at the same bytes under the lock, by the policy as it is now: what was
/// shown is found again, and what blocks is still what was named.
fn judge_again(session: &Session<'_>, plan: &TrustPlan, row: &RevisionRow) -> Result<Judged, Stop> {
    let revision = &row.revision;
    let judged = judged::judge(&session.home, &session.ledger, &session.policy, row, session.now)?;
    judged::same(plan.judged.told(), judged.told(), revision)?;
    Ok(judged)
}

/// What was shown is what is decided on: who vouches must not have changed
/// while the question was open.
fn same(plan: &TrustPlan, now: &Vouching) -> Result<(), Stop> {
    if plan.findings.provenance == now.provenance && plan.findings.signer_change == now.signer_change {
        return Ok(());
    }
    let what = format!("who vouches for {} changed while it was decided", plan.row.revision);
    Err(Stop::new(Code::Busy, what, format!("look again: {}", command(plan))))
}

fn command(plan: &TrustPlan) -> String {
    format!("skills {} {}{}", plan.verb, plan.row.revision, overriding(plan))
}

/// The options that name what is overridden.
fn overriding(plan: &TrustPlan) -> String {
    let despite: String = plan.despite.iter().map(|rule| format!(" --despite {rule}")).collect();
    if despite.is_empty() { despite } else { format!("{despite} --note \"WHY\"") }
}

fn consent(plan: &TrustPlan, shown: &str, ask: &mut dyn Ask) -> Result<(), Stop> {
    let revision = &plan.row.revision;
    if plan.granted.is_some() || plan.given {
        return Ok(());
    }
    let full = revision.digest;
    // Of what is overridden the bytes are typed, not the name: the next revision has it too.
    let (asked, expected) = match plan.despite.as_slice() {
        [] => ("the skill's name to trust exactly these bytes".to_owned(), revision.name.to_string()),
        rules => {
            let asked = format!(
                "the digest's first 12 hex digits to trust exactly these bytes, despite {}",
                rules.join(" and ")
            );
            (asked, full.short())
        }
    };
    let prompt = format!("digest   {full}\nType {asked}");
    let typed =
        if plan.despite.is_empty() { "the name was" } else { "the digest's first 12 hex digits were" };
    match ask.ask(shown, &Question::Type { prompt, expected }) {
        Answer::Yes => Ok(()),
        Answer::No => {
            Err(Stop::new(Code::Declined, format!("not trusted: {typed} not typed"), command(plan)))
        }
        Answer::Nobody => Err(Stop::new(
            Code::PersonNeeded,
            "trust needs a person at a terminal, or the reviewed digest",
            format!("skills {} {} --digest {full}{}", plan.verb, revision.name, overriding(plan)),
        )),
    }
}

/// A refusal before the lock was taken, recorded if the home can record.
fn refuse(world: &World, plan: &TrustPlan, stop: Stop) -> Stop {
    match Session::open(world, Depth::All) {
        Ok(mut session) => {
            let draft = draft(&session, &plan.row, &plan.terms);
            session.refuse(draft, stop)
        }
        Err(_) => stop,
    }
}

fn draft(session: &Session<'_>, row: &RevisionRow, terms: &Terms) -> Draft {
    let reason = format!("trusted{}", exception(session, row));
    let mut draft = session.draft(Event::Trust.as_str(), Outcome::Done, reason);
    draft.skill = Some(row.revision.name.clone());
    draft.digest = Some(row.revision.digest);
    draft.source = Some(row.source.clone());
    draft.until = terms.until;
    draft.note.clone_from(&terms.note);
    draft
}

/// What a record says of bytes that the policy let through early.
fn exception(session: &Session<'_>, row: &RevisionRow) -> &'static str {
    let excepted = session.policy.is_excepted(&row.revision.digest, row.installed, session.now);
    if excepted { ", before its min-age: the policy names this digest in `early`" } else { "" }
}

/// What the followed roots say and revoke, read once for all members of a set.
struct Said {
    heard: Heard,
    lists: Lists,
}

impl Said {
    fn read(ledger: &Ledger, policy: &Policy, now: Timestamp) -> Result<Self, Stop> {
        Ok(Self { lists: Lists::read(ledger, policy)?, heard: provenance::hear(ledger, policy, now)? })
    }
}

/// Everything once more, under the lock and by the policy as it is now.
fn check(
    session: &Session<'_>,
    said: &Said,
    row: &RevisionRow,
    terms: &Terms,
    accepted: Accepted,
) -> Result<Vouching, Stop> {
    let revision = &row.revision;
    said.lists.refuse(row, session.now)?;
    of_age(&session.policy, row, session.now)?;
    reasoned(&session.policy, terms.reasoned, &format!("skills trust {revision}"))?;
    if let Err(rule) = session.policy.check_source(row.source.identity()) {
        let what = format!("{} may not be used: {rule}", row.source);
        return Err(Stop::new(
            Code::PolicyUnmet,
            what,
            "a person changes the policy file, or uses another source",
        ));
    }
    let stored = facts::hash_store(&session.home, &revision.digest, session.policy.limits);
    if !stored.is(&revision.digest) {
        return Err(refusals::store_differs(row, &stored));
    }
    let findings = provenance::find_in(&session.home, &session.ledger, &said.heard, row, session.now)?;
    findings.check(&session.ledger, &session.policy, row, accepted, session.now)?;
    Ok(findings)
}

/// The one place where a decision is made. It wants these very bytes judged, and
/// each rule that blocks them named.
fn pin(
    session: &Session<'_>,
    row: &RevisionRow,
    terms: &Terms,
    provenance: Provenance,
    (judged, despite): (&Judged, &[String]),
) -> Result<Pin, Stop> {
    if *judged.digest() != row.revision.digest {
        return Err(Stop::new(Code::Internal, "BUG: other bytes were judged than are decided about", ""));
    }
    let despite = judged::allow(judged, &row.revision, despite, terms.reasoned)?;
    Ok(Pin {
        at: session.now,
        by: session.world.actor.clone(),
        despite,
        digest: row.revision.digest,
        name: row.revision.name.clone(),
        note: terms.note.clone(),
        provenance,
        seq: 0,
        set: None,
        source: row.source.clone(),
        until: terms.until,
        version: row.version.clone(),
    })
}

/// Withdraws trust; with `never` the digest is banned for good.
///
/// # Errors
/// [`Stop`].
pub fn untrust(
    world: &World,
    typed: &str,
    never: bool,
    note: Option<&str>,
) -> Result<(RevisionRow, apply::Failures), Stop> {
    let mut session = Session::open_to_narrow(world, Depth::All)?;
    let trusted = |row: &RevisionRow| row.lifecycle.pin().is_some();
    let row = match facts::resolve(&session.ledger, typed, trusted) {
        Ok(row) => row,
        Err(stop) => {
            let mut draft = session.draft(Event::Untrust.as_str(), Outcome::Refused, "");
            draft.skill = facts::parse_ref(typed).ok().map(|wanted| wanted.name);
            return Err(session.refuse(draft, stop));
        }
    };
    let note = note.map(|note| text::escape_short(note, 500));
    let failures = apply::narrow(&mut session, &row, Event::Untrust, |draft| {
        draft.note = note;
        if never {
            "trust withdrawn, to be banned for good".clone_into(&mut draft.reason);
        }
    })?;
    // The effect first: a hold recorded over a copy that is still in place
    // would leave that copy to nobody, were we interrupted between the two.
    if never {
        ban(&mut session, &row)?;
    }
    Ok((row, failures))
}

/// A hold on the digest: these bytes come back under no name.
fn ban(session: &mut Session<'_>, row: &RevisionRow) -> Result<(), Stop> {
    let scope = HoldScope::Digest(row.revision.digest);
    let mut draft = session.draft(Event::Kill.as_str(), Outcome::Done, format!("banned for good: {scope}"));
    draft.skill = Some(row.revision.name.clone());
    draft.digest = Some(row.revision.digest);
    draft.hold = Some(scope.to_string());
    session.commit(move |txn| {
        let seq = txn.next_seq();
        txn.hold_anew(&scope, seq).map_err(|fault| ledger_stop(&fault))?;
        Ok(vec![draft])
    })?;
    Ok(())
}

/// What `untrust` would withdraw.
///
/// # Errors
/// [`Stop`].
pub fn untrust_plan(world: &World, typed: &str) -> Result<RevisionRow, Stop> {
    let session = Session::open_to_narrow(world, Depth::All)?;
    facts::resolve(&session.ledger, typed, |row| row.lifecycle.pin().is_some())
}
