//! `gate`: may this skill be used, or switched on, now?
//!
//! ```text
//!   home, brakes ─▶ row ─▶ hash the folders          without the lock
//!   ──────────────────────────────────────────────────────────────────
//!   lock ─▶ recover ─▶ everything but the bytes again  under the lock
//!        ─▶ policy::gate::decide ─▶ record ─▶ log flushed ─▶ answer
//! ```
//!
//! Nothing here returns an error: what cannot be established is a deny with a
//! code. Drift is declared only after a second hash under the lock, and never
//! because something could not be read.

use super::session::{Depth, Session, home_stop, ledger_stop, open_ledger};
use super::{World, apply, facts, layers, provenance, recover};
use crate::model::code::{Code, Stop};
use crate::model::decision::{ANSWER_SCHEMA, Decision, GateAnswer, GateRequest, Question, REQUEST_SCHEMA};
use crate::model::lifecycle::{Event, Lifecycle, RevisionRow, State};
use crate::model::limits::Limits;
use crate::model::record::{Draft, Outcome, Record};
use crate::model::skill::RevisionRef;
use crate::model::text;
use crate::policy::gate::{self, Brake, Evidence, Facts, Hashed, No};
use crate::system::home::Home;
use crate::system::ledger::Ledger;
use crate::system::permit;
use crate::system::tree::Reader;

/// What is being decided about one revision, with the bytes already hashed.
struct Case {
    request: GateRequest,
    row: RevisionRow,
    folders: Vec<Hashed>,
    named: Option<Hashed>,
    /// Of how many revisions it is one, where the name alone means several.
    of: Option<usize>,
}

/// How a case ended.
struct Verdict {
    outcome: Result<Evidence, No>,
    state: State,
}

/// Answers one request.
#[must_use]
pub fn ask(world: &World, request: &GateRequest) -> GateAnswer {
    answer(world, request).unwrap_or_else(|stop| deny(request, &stop))
}

/// Answers for every enabled revision, with one lock, one transaction, one flush.
///
/// # Errors
/// [`Stop`] when nothing could be decided at all; then all are denied.
pub fn ask_all(world: &World, gateway: Option<&str>, head: Option<&str>) -> Result<Vec<GateAnswer>, Stop> {
    let (home, ledger) = open(world)?;
    let rows = ledger.revisions().map_err(|fault| ledger_stop(&fault))?;
    let enabled: Vec<_> = rows.into_iter().filter(|row| row.lifecycle.state() == State::Enabled).collect();
    let limits = layers::over(world.policy()?, &ledger)?.limits;
    let mut reader = Reader::new();
    let cases = enabled.into_iter().map(|row| {
        let mut request = bare_request(&row.revision.file_name());
        request.gateway = gateway.map(str::to_owned);
        request.head = head.map(str::to_owned);
        hash(&home, limits, &mut reader, request, row)
    });
    let cases = cases.collect::<Result<Vec<_>, _>>()?;
    world.done_with(reader);
    // Nothing enabled is no reason to say yes while everything is stopped.
    let stopped = match facts::brake(&home) {
        Brake::Stopped(why) if cases.is_empty() => Some(why),
        _ => None,
    };
    match stopped {
        None => settle(world, home, ledger, cases),
        Some(why) => Err(record_stopped(world, home, ledger, gateway, why)),
    }
}

/// A deny of everything, recorded if it can be.
fn record_stopped(world: &World, home: Home, ledger: Ledger, gateway: Option<&str>, why: String) -> Stop {
    let stop = Stop::new(Code::HeldAll, why, "a person looks into it, then runs: skills release --all");
    let recorded = Session::join(world, home, ledger, Depth::End).and_then(|mut session| {
        let mut draft = session.draft("gate", Outcome::Deny, stop.what.clone());
        draft.codes = vec![stop.code.as_str().to_owned()];
        draft.note = gateway.map(note_of);
        session.commit(|_| Ok(vec![draft]))
    });
    recorded.err().unwrap_or(stop)
}

/// A request without options.
#[must_use]
pub fn bare_request(skill: &str) -> GateRequest {
    GateRequest {
        schema: REQUEST_SCHEMA.to_owned(),
        skill: skill.to_owned(),
        question: Question::Load,
        path: None,
        head: None,
        request_id: None,
        gateway: None,
        deadline_ms: None,
    }
}

/// The answer that a stop amounts to: deny.
#[must_use]
pub fn deny(request: &GateRequest, stop: &Stop) -> GateAnswer {
    GateAnswer {
        schema: ANSWER_SCHEMA,
        decision: Decision::Deny,
        skill: text::escape_short(&request.skill, 80),
        question: request.question,
        state: None,
        digest: None,
        paths: Vec::new(),
        codes: vec![stop.code],
        reason: stop.what.clone(),
        remedy: stop.next.clone(),
        epoch: None,
        valid_for: 0,
        seq: None,
        head: None,
        request_id: request.request_id.as_deref().map(|id| text::escape_short(id, 80)),
    }
}

fn open(world: &World) -> Result<(Home, Ledger), Stop> {
    let home = Home::open(&world.home).map_err(|fault| home_stop(&fault))?;
    let ledger = open_ledger(&home)?;
    Ok((home, ledger))
}

fn answer(world: &World, request: &GateRequest) -> Result<GateAnswer, Stop> {
    if request.schema != REQUEST_SCHEMA {
        let found = text::escape_short(&request.schema, 60);
        let what = format!("the request's schema is `{found}`, not `{REQUEST_SCHEMA}`");
        return Err(Stop::new(Code::Usage, what, "send the schema that this version understands"));
    }
    let wanted = facts::parse_ref(&request.skill)?;
    let (home, ledger) = open(world)?;
    let preferred = match request.question {
        Question::Load => State::Enabled,
        Question::Enable => State::Trusted,
    };
    let resolved = facts::resolve(&ledger, &request.skill, |row| row.lifecycle.state() == preferred);
    let (row, of) = match resolved.map(|row| (row, None)).or_else(|stop| {
        let found = decided_against(&ledger, &wanted, request.question);
        found.map(|(row, of)| (row, Some(of))).ok_or(stop)
    }) {
        Ok(found) => found,
        Err(stop) => {
            // Whatever the name means: under a kill the answer is the kill.
            let stop = match facts::brake(&home) {
                Brake::Stopped(why) => Stop::new(Code::HeldAll, why, "a person runs: skills release --all"),
                Brake::Clear { .. } => stop,
            };
            return Ok(record_unknown(world, home, ledger, request, &wanted, &stop));
        }
    };
    let limits = layers::over(world.policy()?, &ledger)?.limits;
    let mut reader = Reader::new();
    let case = Case { of, ..hash(&home, limits, &mut reader, request.clone(), row)? };
    world.done_with(reader);
    let mut answers = settle(world, home, ledger, vec![case])?;
    answers.pop().ok_or_else(|| Stop::new(Code::Internal, "BUG: no answer was made", ""))
}

/// The revision whose no is told, where a name means several and none of them
/// can be allowed: the one that was decided about last, and how many there are.
///
/// Attack by guess: a name that means two leads to the one that may be used. A
/// revision that could be allowed is never chosen here, nor is any beside one
/// that could.
fn decided_against(
    ledger: &Ledger,
    wanted: &RevisionRef,
    question: Question,
) -> Option<(RevisionRow, usize)> {
    let rows = ledger.revisions_named(&wanted.name).ok().filter(|_| wanted.prefix.is_none())?;
    let could = |row: &RevisionRow| match question {
        Question::Load => row.lifecycle.state() == State::Enabled,
        Question::Enable => row.lifecycle.pin().is_some(),
    };
    if rows.iter().any(could) {
        return None;
    }
    let decided = |row: &RevisionRow| match &row.lifecycle {
        Lifecycle::Installed { former } => former.as_ref().map(|pin| (State::Installed, pin.seq)),
        lifecycle => lifecycle.pin().map(|pin| (lifecycle.state(), pin.seq)),
    };
    let count = rows.len();
    let last = rows.into_iter().filter(|row| decided(row).is_some()).max_by_key(decided)?;
    Some((last, count))
}

/// A deny for what is not installed is recorded too; if it cannot be, it is a
/// deny all the same.
fn record_unknown(
    world: &World,
    home: Home,
    ledger: Ledger,
    request: &GateRequest,
    wanted: &RevisionRef,
    stop: &Stop,
) -> GateAnswer {
    let mut answer = deny(request, stop);
    let recorded = Session::join(world, home, ledger, Depth::End).and_then(|mut session| {
        let mut draft = session.draft("gate", Outcome::Deny, stop.what.clone());
        draft.codes = vec![stop.code.as_str().to_owned()];
        draft.skill = Some(wanted.name.clone());
        draft.note = gateway_note(request);
        session.commit(|_| Ok(vec![draft]))?;
        Ok(session.ledger.head().clone())
    });
    if let Ok(head) = recorded {
        answer.seq = Some(head.size);
        answer.head = Some(head.text());
    }
    answer
}

/// Hashes what the question is about: every placement, or the store copy.
fn hash(
    home: &Home,
    limits: Limits,
    reader: &mut Reader,
    request: GateRequest,
    row: RevisionRow,
) -> Result<Case, Stop> {
    let folders = hash_folders(home, reader, request.question, &row, limits);
    let named = match &request.path {
        None => None,
        Some(path) => {
            let clean = path.starts_with('/') && !path.chars().any(text::is_hidden);
            if !clean {
                let what = format!("`{}` is not an absolute path", text::escape_short(path, 120));
                return Err(Stop::new(Code::Usage, what, "name the folder by its absolute path"));
            }
            Some(facts::hash_placement(reader, path.trim_end_matches('/'), limits))
        }
    };
    Ok(Case { request, row, folders, named, of: None })
}

fn hash_folders(
    home: &Home,
    reader: &mut Reader,
    question: Question,
    row: &RevisionRow,
    limits: Limits,
) -> Vec<Hashed> {
    match question {
        Question::Load => row
            .lifecycle
            .placements()
            .iter()
            .map(|place| facts::hash_placement(reader, &place.path, limits))
            .collect(),
        Question::Enable => vec![facts::hash_with(
            reader,
            &facts::store_path(home, &row.revision.digest),
            &facts::store_checks(limits),
        )],
    }
}

/// Under the lock: everything again but the bytes, the decision, the record.
fn settle(world: &World, home: Home, ledger: Ledger, cases: Vec<Case>) -> Result<Vec<GateAnswer>, Stop> {
    let mut session = Session::join(world, home, ledger, Depth::End)?;
    let mut verdicts = Vec::with_capacity(cases.len());
    for case in &cases {
        verdicts.push(judge(&mut session, case)?);
    }
    let drafts: Vec<_> =
        cases.iter().zip(&verdicts).map(|(case, verdict)| draft(&session, case, verdict)).collect();
    let allows = verdicts.iter().any(|verdict| verdict.outcome.is_ok());
    let records = session.commit_with(
        |_| Ok(drafts),
        // The last look before the record: a kill since the first one wins.
        |home, _| match facts::brake(home) {
            Brake::Stopped(why) if allows => {
                Err(Stop::new(Code::HeldAll, why, "a person runs: skills release --all"))
            }
            Brake::Stopped(_) | Brake::Clear { .. } => Ok(()),
        },
    )?;
    let head = session.ledger.head().text();
    let each = cases.iter().zip(&verdicts).zip(&records);
    let answers =
        each.map(|((case, verdict), record)| render(&session, case, verdict, record, &head)).collect();
    session.leave();
    Ok(answers)
}

fn judge(session: &mut Session<'_>, case: &Case) -> Result<Verdict, Stop> {
    let mut outcome = decide(session, case)?;
    let mut state = case.row.lifecycle.state();
    if let Err(no) = &mut outcome {
        let event = match no.code {
            Code::Drift => Some(Event::Drift),
            Code::Expired => Some(Event::Expire),
            Code::PolicyUnmet => Some(Event::Unmet),
            _ => None,
        };
        match event {
            None => {}
            Some(event) if apply::narrow_if_still(session, &case.row, case.request.question, event, no)? => {
                state = State::Installed;
            }
            // An enable that was at its last step came between the two looks.
            Some(_) => {
                let reason = "its bytes changed between two looks at them; ask again".to_owned();
                *no = No { code: Code::Busy, reason };
            }
        }
    }
    if let (Err(no), Some(of)) = (&mut outcome, case.of) {
        let word = match case.request.question {
            Question::Load => "enabled",
            Question::Enable => "trusted",
        };
        no.reason.push_str(&format!("; none of its {of} revisions is {word}"));
    }
    Ok(Verdict { outcome, state })
}

fn decide(session: &mut Session<'_>, case: &Case) -> Result<Result<Evidence, No>, Stop> {
    let no = |code, reason: &str| Ok(Err(No { code, reason: reason.to_owned() }));
    if let Some(head) = &case.request.head
        && !facts::extends(&session.ledger, head)?
    {
        return no(
            Code::RolledBack,
            "this log does not continue the head that was named: the home was put back",
        );
    }
    recover::revision(session, &case.row.revision)?;
    let row = session.ledger.revision(&case.row.revision).map_err(|fault| ledger_stop(&fault))?;
    if row.as_ref() != Some(&case.row) {
        // A kill that was first recorded just now is no reason to ask again.
        if let Brake::Stopped(why) = facts::brake(&session.home) {
            return no(Code::HeldAll, &why);
        }
        return no(Code::Busy, "the skill changed while it was being hashed; ask again");
    }
    decide_now(session, &case.row, case.request.question, &case.folders, case.named.as_ref())
}

/// Gathers everything but the bytes and asks the one pure function. `enable`
/// and `status` come here too.
///
/// # Errors
/// [`Stop`] when something could not be gathered: undecided, so no.
pub fn decide_now(
    session: &Session<'_>,
    row: &RevisionRow,
    question: Question,
    folders: &[Hashed],
    named: Option<&Hashed>,
) -> Result<Result<Evidence, No>, Stop> {
    let brake = facts::brake(&session.home);
    let permit = match question {
        Question::Enable => None,
        // An unreadable permit is a missing one.
        Question::Load => permit::read_skill(&session.home, &row.revision).ok().flatten(),
    };
    let witness = match (&row.lifecycle, question) {
        // What was withdrawn: by which record.
        (Lifecycle::Installed { former }, _) => former.as_ref().map(|_| row.seq),
        (_, Question::Load) => permit.as_ref().map(|permit| permit.seq),
        (_, Question::Enable) => row.lifecycle.pin().map(|pin| pin.seq),
    };
    let proven = match witness {
        None => None,
        Some(seq) => facts::proven(&session.ledger, &session.log, seq)?,
    };
    let ended = match question {
        Question::Load => None,
        Question::Enable => match provenance::check_roots(&session.ledger, session.now) {
            Err(stop) if stop.code == Code::RootExpired => Some(stop.what),
            other => other.map(|()| None)?,
        },
    };
    let brakes = session.ledger.brakes();
    Ok(gate::decide(&Facts {
        question,
        brake: &brake,
        epoch: brakes.epoch,
        holds: &brakes.holds,
        row,
        permit: permit.as_ref(),
        proven: proven.as_ref(),
        folders,
        named,
        ended: ended.as_deref(),
        policy: &session.policy,
        now: session.now,
    }))
}

/// Hashes a revision's folders for a question, outside a request.
#[must_use]
pub fn observe(session: &Session<'_>, row: &RevisionRow, question: Question) -> Vec<Hashed> {
    hash_folders(&session.home, &mut Reader::new(), question, row, session.policy.limits)
}

fn gateway_note(request: &GateRequest) -> Option<String> {
    request.gateway.as_deref().map(note_of)
}

fn note_of(gateway: &str) -> String {
    format!("gateway {}", text::escape_short(gateway, 80))
}

fn draft(session: &Session<'_>, case: &Case, verdict: &Verdict) -> Draft {
    let mut draft = match &verdict.outcome {
        Ok(_) => session.draft("gate", Outcome::Allow, "may be used as of now"),
        Err(no) => {
            let mut draft = session.draft("gate", Outcome::Deny, no.reason.clone());
            draft.codes = vec![no.code.as_str().to_owned()];
            draft
        }
    };
    draft.skill = Some(case.row.revision.name.clone());
    draft.digest = Some(case.row.revision.digest);
    draft.pin = case.row.lifecycle.pin().map(|pin| pin.seq);
    draft.note = gateway_note(&case.request);
    draft
}

fn render(session: &Session<'_>, case: &Case, verdict: &Verdict, record: &Record, head: &str) -> GateAnswer {
    let name = &case.row.revision;
    let mut answer = deny(&case.request, &Stop::new(Code::Internal, "", ""));
    answer.skill = name.to_string();
    answer.state = Some(verdict.state);
    answer.epoch = Some(session.ledger.brakes().epoch);
    answer.seq = Some(record.seq);
    answer.head = Some(head.to_owned());
    match &verdict.outcome {
        Ok(evidence) => {
            answer.decision = Decision::Allow;
            answer.digest = Some(evidence.revision().digest);
            answer.paths = evidence.paths().to_vec();
            answer.codes = Vec::new();
            "may be used as of now".clone_into(&mut answer.reason);
            answer.remedy = String::new();
            answer.valid_for = session.policy.valid_for;
        }
        Err(no) => {
            let found = case.folders.iter().chain(&case.named).find(|folder| !folder.is(&name.digest));
            answer.digest = found.and_then(|folder| folder.digest);
            answer.codes = vec![no.code];
            answer.reason = no.reason.clone();
            answer.remedy = remedy(no.code, name);
        }
    }
    answer
}

/// What a person can do about a no.
#[must_use]
pub fn remedy(code: Code, revision: &crate::model::skill::Revision) -> String {
    let name = &revision.name;
    match code {
        Code::NotTrusted | Code::Expired => {
            format!("a person runs: skills review {revision}, then: skills trust {revision}")
        }
        Code::NotEnabled | Code::PermitMissing => format!("a person runs: skills enable {revision}"),
        Code::Drift | Code::PathDiffers => {
            format!("a person runs: skills repair {name}")
        }
        Code::HeldAll => "a person looks into it, then runs: skills release --all".to_owned(),
        Code::Held => {
            "a person looks into it; the release that lifts it is named by: skills status".to_owned()
        }
        Code::EpochDiffers => format!("a person runs: skills enable {revision}"),
        Code::PathUnknown => "use the path in the answer of `load` without a path".to_owned(),
        Code::Busy => "ask again".to_owned(),
        Code::TooYoung => format!(
            "a person waits until then, or whoever keeps that policy adds, under [trust]: early = [\"{}\"]",
            revision.digest
        ),
        Code::Revoked | Code::Violation => {
            format!(
                "a person looks for another version: skills update {name}; who says so: skills status {revision}"
            )
        }
        Code::PolicyUnmet => "run: skills status; where each rule comes from: skills policy show".to_owned(),
        _ => "run: skills doctor".to_owned(),
    }
}
