//! Several revisions trusted with one typed answer.
//!
//! One table is shown, riskiest first, and the answer names number and source.
//! Each member gets its own pin and its own record, all in one transaction, and
//! every one of them names the digest of the set. What is risky drops out of
//! the set and is decided alone: otherwise the one bad skill would ride in on
//! twenty-nine good ones.
//!
//! A machine states the set in full: its file, and the file's digest.

use super::super::judged::{self, Told};
use super::super::pick::{self, Pick};
use super::super::provenance::{self, Accepted, Vouching};
use super::super::review::{self, Change, Review, ReviewRequest};
use super::super::session::{Depth, Session, home_stop, ledger_stop, open_ledger};
use super::super::{Answer, Ask, Question, World, apply, facts, layers, refusals};
use super::{ALREADY, Said, Terms, check, draft, pin};
use crate::model::code::{Code, Stop};
use crate::model::digest::Digest;
use crate::model::lifecycle::{Event, Lifecycle, RevisionRow};
use crate::model::record::Outcome;
use crate::model::set::{BadSet, RevisionSet};
use crate::model::text;
use crate::model::time::Timestamp;
use crate::policy::config::Policy;
use crate::policy::marks::Mark;
use crate::policy::transition::Input;
use crate::system::home::Home;
use crate::system::ledger::Ledger;
use crate::system::regular;
use std::collections::BTreeSet;
use std::path::Path;

/// Longest set that is read, in bytes.
const FILE_MAX: u64 = 1 << 20;

/// What is asked for.
#[derive(Debug, Clone)]
pub enum SetRequest {
    /// What a person picks, and answers for.
    Picked(Pick),
    /// What is picked, and the policy answers for: each that it grants.
    Granted(Pick),
    /// What a machine states, with the digest of its text.
    Stated(RevisionSet, Digest),
}

impl SetRequest {
    /// How it was typed.
    fn command(&self) -> String {
        let (pick, more) = match self {
            Self::Picked(pick) => (pick, ""),
            Self::Granted(pick) => (pick, " --by-policy"),
            Self::Stated(_, digest) => return format!("skills trust --set FILE --digest {digest}"),
        };
        let what = match pick {
            Pick::Names(names) => names.join(" "),
            Pick::From(source) => format!("--from {}", text::shell_word(source)),
            Pick::Updates => "--updates".to_owned(),
            Pick::Adopted => "--adopted".to_owned(),
        };
        format!("skills trust {what}{more}")
    }
}

/// Reads a set that a person named by its file.
///
/// # Errors
/// [`Code::Io`] for what is no file or cannot be read, [`Code::Usage`] for what
/// is no set.
pub fn read(path: &Path) -> Result<RevisionSet, Stop> {
    let shown = text::escape(&path.to_string_lossy());
    let content = regular::read(path, FILE_MAX).map_err(|why| {
        Stop::new(Code::Io, format!("{shown}: {why}"), "name a file that --print-set wrote")
    })?;
    RevisionSet::parse(&content).map_err(|bad| {
        Stop::new(Code::Usage, format!("{shown}: {bad}"), "write one with: skills trust … --print-set > FILE")
    })
}

/// One revision of a set, with what a person has to read.
#[derive(Debug, Clone)]
pub struct Member {
    /// The revision.
    pub row: RevisionRow,
    /// What to look for in the files that are new or changed, riskiest first.
    pub marks: Vec<Mark>,
    /// Files that are new, changed or gone, compared with what was trusted last.
    pub files: usize,
    /// Lines added and taken away in them.
    pub lines: (usize, usize),
    /// Whether it is compared with an earlier revision.
    pub compared: bool,
    /// Why it is decided alone, if it is.
    pub alone: Option<String>,
    /// Whether it is held or revoked, so that no decision is a way on.
    pub closed: bool,
    /// Who vouches for it.
    pub vouching: Vouching,
    /// What the rules found in it.
    pub found: Told,
    /// The file whose grant is the decision, where that was asked for.
    pub granted: Option<String>,
}

/// What is about to be trusted.
#[derive(Debug, Clone)]
pub struct SetPlan {
    /// The members, riskiest first.
    pub members: Vec<Member>,
    /// What dropped out.
    pub alone: Vec<Member>,
    /// The set.
    pub set: RevisionSet,
    /// When it ends, and why it is given.
    pub terms: Terms,
    /// What a person types: number and source.
    pub phrase: String,
    given: bool,
}

/// Records a refusal of [`plan`], where a decision was asked for. What cannot be
/// understood at all is no event, nor is that nothing waits for a decision.
pub fn record(world: &World, request: &SetRequest, stop: Stop) -> Stop {
    let named = !matches!(
        request,
        SetRequest::Picked(Pick::From(_) | Pick::Updates | Pick::Adopted)
            | SetRequest::Granted(Pick::From(_) | Pick::Updates | Pick::Adopted)
    );
    if stop.code == Code::Usage || (stop.code == Code::NotInstalled && !named) {
        return stop;
    }
    let Ok(mut session) = Session::open(world, Depth::All) else { return stop };
    let mut draft = session.draft(Event::Trust.as_str(), Outcome::Refused, "");
    draft.note = Some(match request {
        SetRequest::Stated(set, digest) => noted(set, digest),
        _ => text::escape_short(&format!("a set: {}", request.command()), 500),
    });
    session.refuse(draft, stop)
}

/// How a record names a set.
fn noted(set: &RevisionSet, digest: &Digest) -> String {
    format!("a set of {}: {digest}", set.len())
}

/// Gathers and checks; changes nothing.
///
/// # Errors
/// [`Stop`]; [`Code::PersonNeeded`] if everything drops out.
pub fn plan(world: &World, request: &SetRequest, terms: &super::TermsRequest) -> Result<SetPlan, Stop> {
    let home = Home::open(&world.home).map_err(|fault| home_stop(&fault))?;
    let ledger = open_ledger(&home)?;
    let policy = layers::over(world.policy()?, &ledger)?;
    let now = world.clock.now().max(ledger.head().time);
    let terms = super::terms(&policy, now, terms, &request.command())?;
    let rows = match request {
        SetRequest::Picked(pick) | SetRequest::Granted(pick) => {
            pick::pick(&ledger, pick, pick::is_undecided)?
        }
        SetRequest::Stated(set, given) => {
            if set.digest() != *given {
                let what = format!("the digest of that set is {}, you named {given}", set.digest());
                return Err(Stop::new(Code::DigestMismatch, what, "review it, then name its digest"));
            }
            let typed =
                set.revisions().map(|revision| format!("{}@{}", revision.name, revision.digest.hex()));
            pick::pick(&ledger, &Pick::Names(typed.collect()), |_| true)?
        }
    };
    judged::known_rules(&policy)?;
    let said = Said::read(&ledger, &policy, now)?;
    let mut members = Vec::with_capacity(rows.len());
    for row in rows {
        let mut member = member(&home, &ledger, &policy, &said, row, now)?;
        let row = &member.row;
        let young = policy.check_age(&row.revision.digest, row.installed, now).err();
        let vouched = member.vouching.check(&ledger, &policy, row, Accepted::default(), now);
        let mut earlier = young.map(|young| young.to_string()).or(vouched.err().map(|stop| bare(stop, row)));
        if let SetRequest::Granted(_) = request {
            let closed = closed(&ledger, &said, row, now);
            member.closed = closed.is_some();
            match closed.map_or_else(|| granted(&policy, &member, now), Err) {
                Ok(file) => member.granted = Some(file),
                Err(why) => earlier = earlier.or(Some(why)),
            }
        }
        member.alone = earlier.or(member.alone);
        members.push(member);
    }
    let (alone, mut members): (Vec<_>, Vec<_>) =
        members.into_iter().partition(|member| member.alone.is_some());
    let (given, by_policy) =
        (matches!(request, SetRequest::Stated(..)), matches!(request, SetRequest::Granted(_)));
    if by_policy && members.is_empty() {
        return Err(none_granted(&alone));
    }
    if let Some(first) = alone.first().filter(|_| given || members.is_empty()) {
        super::of_age(&policy, &first.row, now)?;
        let names: Vec<_> = alone.iter().map(|member| member.row.revision.name.as_str()).collect();
        let why = first.alone.clone().unwrap_or_default();
        let what = format!("decided alone, not in a set: {} ({why})", names.join(", "));
        let next = format!("skills review {0}, then: skills trust {0}", first.row.revision);
        return Err(Stop::new(Code::PersonNeeded, what, next));
    }
    // The least mark is the riskiest; nothing to look for comes last.
    members.sort_by_key(|member| {
        (member.marks.first().map_or(u8::MAX, |mark| *mark as u8), member.row.revision.name.clone())
    });
    let set =
        RevisionSet::new(members.iter().map(|member| &member.row.revision)).map_err(|bad| match bad {
            BadSet::Twice(name) => {
                Stop::new(Code::Ambiguous, format!("two revisions of `{name}` are named"), "name one of them")
            }
            other => Stop::new(Code::Usage, other.to_string(), "name fewer"),
        })?;
    let phrase = phrase(&members);
    Ok(SetPlan { members, alone, set, terms, phrase, given: given || by_policy })
}

/// Why a revision drops out, without its name, which stands before it.
fn bare(stop: Stop, row: &RevisionRow) -> String {
    let name = format!("{}: ", row.revision);
    stop.what.strip_prefix(&name).map(str::to_owned).unwrap_or(stop.what)
}

/// Why no decision about it would be taken: it is held, or revoked. What would
/// stop one member under the lock is asked before, so that it drops out and
/// does not take the others with it.
fn closed(ledger: &Ledger, said: &Said, row: &RevisionRow, now: Timestamp) -> Option<String> {
    super::holding(ledger, row).or_else(|| said.lists.refuse(row, now).err().map(|stop| bare(stop, row)))
}

/// The file whose grant a member meets; else why the policy does not decide.
fn granted(policy: &Policy, member: &Member, now: Timestamp) -> Result<String, String> {
    let row = &member.row;
    policy
        .check_source(row.source.identity())
        .map_err(|rule| format!("the source is not allowed by {rule}"))?;
    super::grant(policy, row, &member.vouching, now).map_err(|stop| bare(stop, row))
}

/// Nothing of it is decided by the policy.
fn none_granted(alone: &[Member]) -> Stop {
    let each =
        |member: &Member| format!("{}: {}", member.row.revision, member.alone.as_deref().unwrap_or_default());
    let mut all: Vec<_> = alone.iter().take(5).map(each).collect();
    if alone.len() > all.len() {
        all.push(format!("and {} more", alone.len() - all.len()));
    }
    let what = format!("the policy decides none of them: {}", text::escape(&all.join("; ")));
    let next =
        alone.first().map(|first| format!("skills review {0}, then: skills trust {0}", first.row.revision));
    Stop::new(Code::PolicyUnmet, what, next.unwrap_or_default())
}

/// Number and source, as they are typed.
fn phrase(members: &[Member]) -> String {
    let sources: BTreeSet<&str> = members.iter().map(|member| member.row.source.identity()).collect();
    let from = match sources.first() {
        Some(one) if sources.len() == 1 => short(one),
        _ => format!("{} sources", sources.len()),
    };
    format!("{} from {from}", members.len())
}

/// A source as a person would type it: without its scheme and its `.git`.
fn short(source: &str) -> String {
    let rest = source.split_once("://").map_or(source, |(_, rest)| rest);
    text::escape(rest.strip_suffix(".git").unwrap_or(rest))
}

/// Reads all that is new of one revision.
fn member(
    home: &Home,
    ledger: &Ledger,
    policy: &Policy,
    said: &Said,
    row: RevisionRow,
    now: Timestamp,
) -> Result<Member, Stop> {
    let request = ReviewRequest { skill: row.revision.file_name(), ..ReviewRequest::default() };
    let told = |row: &RevisionRow| {
        let revoked = Ok(said.lists.covers(row, now));
        let found = judged::told(home, ledger, policy, row, now)?;
        Ok((provenance::find_in(home, ledger, &said.heard, row, now)?, revoked, found))
    };
    let mut review = review::read(home, ledger, row, &request, told)?;
    // Attack: what was withdrawn would vouch for the parts that an update keeps.
    if review.base.as_ref().is_some_and(|base| base.row.lifecycle.pin().is_none()) {
        let found = std::mem::take(&mut review.found);
        let told = (std::mem::take(&mut review.findings), review.revoked, found);
        let request = ReviewRequest { full: true, ..request };
        review = review::read(home, ledger, review.row, &request, |_| Ok(told))?;
    }
    let compared = review.base.is_some();
    let fresh = || review.files.iter().filter(|view| !compared || view.change != Change::Same);
    let marks: BTreeSet<Mark> = fresh().flat_map(|view| view.marks.iter().copied()).collect();
    let lines = fresh().fold((0, 0), |sum, view| (sum.0 + view.lines.0, sum.1 + view.lines.1));
    let alone = alone(&review, &marks);
    let (marks, files) = (marks.into_iter().collect(), fresh().count());
    let Review { row, findings: vouching, found, .. } = review;
    Ok(Member { row, marks, files, lines, compared, alone, vouching, found, granted: None, closed: false })
}

/// Why a revision is not decided in a set.
fn alone(review: &Review, marks: &BTreeSet<Mark>) -> Option<String> {
    if matches!(review.row.lifecycle, Lifecycle::Installed { former: Some(_) }) {
        return Some("trust in these bytes was withdrawn before".to_owned());
    }
    if let Some(heavy) = review.found.heavy() {
        return Some(heavy);
    }
    let risky = [Mark::Hooks, Mark::Unicode].into_iter().find(|mark| marks.contains(mark));
    if let Some(mark) = risky {
        return Some(mark.words().to_owned());
    }
    let new_program = |view: &&review::FileView| {
        let was = view.was.as_ref().is_some_and(|was| was.executable);
        view.entry.executable && !was && matches!(view.change, Change::Added | Change::Changed)
    };
    if let Some(view) = review.files.iter().find(new_program) {
        return Some(format!("new executable: {}", view.entry.path));
    }
    match &review.card {
        Err(faults) => Some(faults.first().cloned().unwrap_or_default()),
        Ok(_) => review.no_base.as_ref().map(|why| format!("it cannot be compared: {why}")),
    }
}

/// Asks once, hashes everything again and pins each.
///
/// # Errors
/// [`Stop`]: then none is trusted, and one record says so.
pub fn trust(world: &World, plan: &SetPlan, shown: &str, ask: &mut dyn Ask) -> Result<u64, Stop> {
    let digest = plan.set.digest();
    let consent = world.no_agent("skills trust").and_then(|()| consent(plan, shown, ask));
    let mut session = match (Session::open(world, Depth::All), consent) {
        (Ok(session), Ok(())) => session,
        (Ok(mut session), Err(stop)) => return Err(refuse(&mut session, plan, stop)),
        (Err(_), Err(stop)) | (Err(stop), Ok(())) => return Err(stop),
    };
    let said = match Said::read(&session.ledger, &session.policy, session.now) {
        Ok(said) => said,
        Err(stop) => return Err(refuse(&mut session, plan, stop)),
    };
    let mut steps = Vec::with_capacity(plan.members.len());
    for member in &plan.members {
        match step(&session, &said, member, &plan.terms, digest) {
            Ok(step) => steps.push(step),
            Err(stop) => return Err(refuse(&mut session, plan, stop)),
        }
    }
    let reason = format!("trusted in a set of {}: {digest}", steps.len());
    let draft = |Next { row, next, findings, granted, said }: &Next| {
        let mut draft = draft(&session, row, &plan.terms);
        let by = granted.as_ref().map(|file| format!(", as {file} grants")).unwrap_or_default();
        draft.reason = match next {
            Some(_) => {
                format!("{reason}{}{by}{said}{}", super::exception(&session, row), findings.recorded())
            }
            None => ALREADY.to_owned(),
        };
        draft
    };
    let drafts: Vec<_> = steps.iter().map(draft).collect();
    session.commit(|txn| {
        for (seq, Next { row, next, findings, .. }) in (txn.next_seq()..).zip(steps) {
            let Some(mut next) = next else { continue };
            let (key, lineage) = findings.lineage(&row)?;
            txn.remember(&key, &lineage).map_err(|fault| ledger_stop(&fault))?;
            if let Lifecycle::Trusted { pin } = &mut next {
                pin.seq = seq;
            }
            txn.put(&RevisionRow { lifecycle: next, seq, ..row }).map_err(|fault| ledger_stop(&fault))?;
        }
        Ok(drafts)
    })?;
    Ok(session.ledger.head().size)
}

/// A member's step.
struct Next {
    /// The row as it is now.
    row: RevisionRow,
    /// As it will be; none if it is trusted already.
    next: Option<Lifecycle>,
    /// Who vouches.
    findings: Vouching,
    /// The file whose grant is the decision, as it is now.
    granted: Option<String>,
    /// What the policy made of what blocks, for the record.
    said: String,
}

fn step(
    session: &Session<'_>,
    said: &Said,
    member: &Member,
    terms: &Terms,
    set: Digest,
) -> Result<Next, Stop> {
    let revision = &member.row.revision;
    let row = session.ledger.revision(revision).map_err(|fault| ledger_stop(&fault))?;
    let row = row.ok_or_else(|| {
        Stop::new(Code::NotInstalled, format!("{revision} was removed meanwhile"), "run: skills status")
    })?;
    let findings = check(session, said, &row, terms, Accepted::default())?;
    if findings.provenance != member.vouching.provenance {
        let what = format!("who vouches for {revision} changed while it was decided");
        return Err(Stop::new(Code::Busy, what, "look again, and decide then"));
    }
    // Under the lock, by the policy as it is now; a set overrides nothing.
    let judged = judged::judge(&session.home, &session.ledger, &session.policy, &row, session.now)?;
    judged::by_policy(judged.told(), revision)?;
    judged::same(&member.found, judged.told(), revision)?;
    // Attack by bad luck: the policy was changed since the members were gathered.
    let grant = || super::grant(&session.policy, &row, &findings, session.now);
    let granted = member.granted.is_some().then(grant).transpose()?;
    let mut pin = pin(session, &row, terms, findings.provenance.clone(), (&judged, &[]))?;
    pin.set = Some(set);
    let held = facts::held(session, &row);
    let next = apply::next(&row, held.is_some(), &Input::Trust(Box::new(pin)));
    let next = next.map_err(|code| refusals::step_refused(&row, code, held.as_deref()))?;
    Ok(Next { row, next, findings, granted, said: judged::recorded(judged.told(), &[]) })
}

fn consent(plan: &SetPlan, shown: &str, ask: &mut dyn Ask) -> Result<(), Stop> {
    if plan.given {
        return Ok(());
    }
    let digest = plan.set.digest();
    let prompt = format!(
        "set      {digest}\nType `{}` to trust exactly these {} revisions",
        plan.phrase,
        plan.set.len()
    );
    match ask.ask(shown, &Question::Type { prompt, expected: plan.phrase.clone() }) {
        Answer::Yes => Ok(()),
        Answer::No => Err(Stop::new(
            Code::Declined,
            "not trusted: number and source were not typed",
            "type them as they are shown, or decide each alone: skills trust NAME",
        )),
        Answer::Nobody => Err(Stop::new(
            Code::PersonNeeded,
            "trusting a set needs a person at a terminal, or the set in full with its digest",
            format!("skills trust … --print-set > FILE, then: skills trust --set FILE --digest {digest}"),
        )),
    }
}

/// One record for the refused set.
fn refuse(session: &mut Session<'_>, plan: &SetPlan, stop: Stop) -> Stop {
    let mut draft = session.draft(Event::Trust.as_str(), Outcome::Refused, "");
    draft.note = Some(noted(&plan.set, &plan.set.digest()));
    session.refuse(draft, stop)
}
