//! What the rules and the policy say of a stored revision, before anybody
//! decides about it.
//!
//! ```text
//!   store copy ─▶ hashed whole, then file by file ─▶ rules ─▶ policy ─▶ [`Judged`]
//!                                                                          │
//!               plan: shown; under the lock: once more, and the same ◀─────┘
//!                                                                          ▼
//!                                                      BLOCK? ─▶ each rule named ─▶ pin
//! ```
//!
//! [`Judged`] is made by [`judge`] alone, and no pin is made without one: a
//! decision that forgets to look does not compile. A build without the rules
//! has no decisions about trust.
//!
//! The gate does not look again: the bytes are those that were judged, and a
//! policy that was made stricter since shows where somebody reads.
//!
//! Attack: the bytes are harmless when they are looked at and others when they
//! are pinned. Both looks hash what they look at, and it is one digest.

use super::findings::{self, Held};
use super::session::{home_stop, ledger_stop, open_ledger};
use super::{World, layers};
use crate::model::code::{Code, Stop};
use crate::model::digest::Digest;
use crate::model::finding::{Context, Finding, Tier};
use crate::model::lifecycle::RevisionRow;
use crate::model::skill::Revision;
use crate::model::text;
use crate::model::time::Timestamp;
use crate::policy::config::Policy;
use crate::policy::judge::{self, Judgement};
use crate::policy::review::rules::{self, RULES};
use crate::system::home::Home;
use crate::system::ledger::Ledger;
use std::cmp::Reverse;
use std::collections::BTreeSet;

pub use crate::policy::judge::{Excepted, Weighed};

/// Most findings that a refusal names.
const NAMED: usize = 3;

/// What is said of a revision to whoever looks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told {
    /// What counts, and what is excepted.
    pub judgement: Judgement,
    /// Of each that counts: whether it is in the revision trusted last too, as
    /// the rules are now; nobody knows what it weighed when that was trusted.
    pub known: Vec<bool>,
    /// Why the policy's own weights could not be gone by, if so.
    pub problem: Option<Stop>,
}

impl Told {
    /// What a person has to read, each with whether it was there before: what is
    /// CONFIRM or heavier, as it counts or by the rule itself, and whatever is
    /// new. What is BLOCK comes first, then what is new, the heaviest first.
    ///
    /// Attack: it was a NOTE or excepted when the revision before was trusted, so
    /// that nobody was shown it, and the update makes of it a number.
    #[must_use]
    pub fn to_read(&self) -> Vec<(&Weighed, bool)> {
        let all = self.judgement.findings.iter().zip(self.known.iter().copied());
        let mut shown: Vec<_> = all.filter(|(one, known)| !known || one.weight() >= Tier::Confirm).collect();
        shown.sort_by_key(|(one, known)| (one.weight() != Tier::Block, *known, Reverse(one.weight())));
        shown
    }

    /// What was not there before.
    pub fn news(&self) -> impl Iterator<Item = &Weighed> {
        let all = self.judgement.findings.iter().zip(&self.known);
        all.filter(|(_, known)| !**known).map(|(one, _)| one)
    }

    /// How many light ones are as they were in the revision trusted last.
    #[must_use]
    pub fn as_before(&self) -> usize {
        self.judgement.findings.len() - self.to_read().len()
    }

    /// Why nobody decides this for somebody else: the heaviest that counts, if
    /// it is CONFIRM or more.
    #[must_use]
    pub fn heavy(&self) -> Option<String> {
        let first = self.judgement.findings.first().filter(|_| self.judgement.needs_a_person())?;
        let heavy = self.judgement.findings.iter().filter(|one| one.finding.tier >= Tier::Confirm).count();
        let more = if heavy > 1 { format!(", and {} more", heavy - 1) } else { String::new() };
        Some(format!("{} {}{more}", first.finding.tier.name(), place_of(&first.finding)))
    }
}

/// The store copy of one digest was scanned and judged. Only [`judge`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    digest: Digest,
    told: Told,
}

impl Judged {
    /// The bytes that were looked at.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// What was found.
    #[must_use]
    pub const fn told(&self) -> &Told {
        &self.told
    }
}

/// Looks at the store copy, by the policy as it is.
///
/// # Errors
/// [`Code::DigestMismatch`] where the copy is not sound, [`Code::PolicyBroken`]
/// for a rule that the policy names and that there is not.
pub fn judge(
    home: &Home,
    ledger: &Ledger,
    policy: &Policy,
    row: &RevisionRow,
    now: Timestamp,
) -> Result<Judged, Stop> {
    known_rules(policy)?;
    Ok(Judged { digest: row.revision.digest, told: told(home, ledger, policy, row, now)? })
}

/// As [`judge`], for who only looks: a policy that names no rule keeps nobody
/// from reading.
///
/// # Errors
/// [`Code::DigestMismatch`].
pub fn told(
    home: &Home,
    ledger: &Ledger,
    policy: &Policy,
    row: &RevisionRow,
    now: Timestamp,
) -> Result<Told, Stop> {
    let held = findings::stored(home, row)?;
    let mut judgement = judge::judge(findings::of(&held), &policy.findings, &row.revision.digest, now);
    let mut before = before(home, ledger, row)?;
    let mut was_there = |finding: &Finding| {
        let at = before.iter().position(|old| *old == Essence::of(&held, finding));
        at.map(|at| before.swap_remove(at)).is_some()
    };
    let known = judgement.findings.iter().map(|one| was_there(&one.finding)).collect();
    // Only now: what is compared is what was found, and what is shown has no keys in it.
    findings::hush(&findings::secrets(&held), &mut judgement);
    Ok(Told { judgement, known, problem: known_rules(policy).err() })
}

/// As [`told`], of a revision that is installed, by the rules in force.
///
/// # Errors
/// [`Stop`].
pub fn look(world: &World, revision: &Revision) -> Result<Told, Stop> {
    let home = Home::open(&world.home).map_err(|fault| home_stop(&fault))?;
    let ledger = open_ledger(&home)?;
    let row = ledger.revision(revision).map_err(|fault| ledger_stop(&fault))?;
    let row = row.ok_or_else(|| {
        Stop::new(Code::NotInstalled, format!("{revision} is not installed"), "run: skills status")
    })?;
    let now = world.clock.now().max(ledger.head().time);
    match world.policy().and_then(|files| layers::over(files, &ledger)) {
        Ok(policy) => told(&home, &ledger, &policy, &row, now),
        Err(stop) => {
            let told = told(&home, &ledger, &Policy::silent(), &row, now)?;
            Ok(Told { problem: Some(stop), ..told })
        }
    }
}

/// Every rule that the policy names is one.
///
/// # Errors
/// [`Code::PolicyBroken`], with the nearest that there is.
pub fn known_rules(policy: &Policy) -> Result<(), Stop> {
    let unknown = policy.findings.named().find(|(id, _)| rules::rule(id).is_none());
    let Some((id, file)) = unknown else { return Ok(()) };
    let what = format!("{file}: [review] names the rule `{id}`, and there is none");
    if let Some(root) = file.strip_prefix("trust root ") {
        // Taken in by a version that knew it.
        let next =
            format!("use that version of skills again; or stop following it: skills roots remove {root}");
        return Err(Stop::new(Code::PolicyBroken, what, next));
    }
    Err(Stop::new(Code::PolicyBroken, what, format!("did you mean `{}`? correct it in {file}", nearest(id))))
}

/// The first rule that a trust root's policy names and that there is not.
#[must_use]
pub fn unknown_rule(text: &str) -> Option<String> {
    let mut policy = Policy::DEFAULT;
    policy.tighten("self", text).ok()?;
    let unknown = policy.findings.named().find(|(id, _)| rules::rule(id).is_none())?;
    Some(unknown.0.to_owned())
}

/// The rule whose id is most like it.
fn nearest(id: &str) -> &'static str {
    let beginning = |rule: &str| id.bytes().zip(rule.bytes()).take_while(|(a, b)| a == b).count();
    let like = |rule: &&&rules::Rule| (text::is_near(id, rule.id), beginning(rule.id));
    RULES.iter().max_by_key(like).map_or("exec.fetch", |rule| rule.id)
}

/// What makes a finding the same one in another revision.
///
/// Attack: an update keeps a line that was read and accepted, and changes what
/// it works on. A finding is an old one only if the whole script, or the whole
/// block of lines it stands in, is; of a file that is not kept to its end, all of it.
#[derive(PartialEq, Eq)]
struct Essence {
    rule: String,
    context: Context,
    path: String,
    message: String,
    reads_as: Option<String>,
    text: Vec<u8>,
    whole: Option<Digest>,
    executable: bool,
}

impl Essence {
    fn of(held: &[Held], finding: &Finding) -> Self {
        let file = held.iter().find(|file| file.path == finding.path);
        let bytes = file.map_or(&[][..], |file| &file.bytes);
        let text = match finding.context {
            Context::Prose | Context::Inline | Context::Fence => {
                block(bytes, finding.place.start, finding.place.end)
            }
            Context::Call | Context::Script | Context::Install | Context::File => bytes,
        };
        Self {
            rule: finding.rule.clone(),
            context: finding.context,
            path: finding.path.clone(),
            message: finding.message.clone(),
            reads_as: finding.reads_as.clone(),
            text: text.to_vec(),
            whole: file.and_then(|file| file.whole),
            executable: file.is_some_and(|file| file.executable),
        }
    }
}

/// The lines around some bytes, up to the next empty ones.
fn block(bytes: &[u8], start: usize, end: usize) -> &[u8] {
    let (start, end) = (start.min(bytes.len()), end.clamp(start.min(bytes.len()), bytes.len()));
    let empty = |at: &usize| bytes.get(*at) == Some(&b'\n') && bytes.get(at + 1) == Some(&b'\n');
    let from = (0..start).rev().find(empty).map_or(0, |at| at + 2);
    let to = (end..bytes.len()).find(empty).unwrap_or(bytes.len());
    bytes.get(from.min(to)..to).unwrap_or_default().trim_ascii_end()
}

/// What was found in the revision of this name that was trusted last and still
/// is: what was withdrawn vouches for nothing.
fn before(home: &Home, ledger: &Ledger, row: &RevisionRow) -> Result<Vec<Essence>, Stop> {
    let rows = ledger.revisions_named(&row.revision.name).map_err(|fault| ledger_stop(&fault))?;
    let others = rows.iter().filter(|other| other.revision != row.revision);
    let last =
        others.filter_map(|other| Some((other.lifecycle.pin()?.seq, other))).max_by_key(|(seq, _)| *seq);
    // One whose copy is not sound says nothing; then everything is new.
    let held = last.and_then(|(_, other)| findings::stored(home, other).ok());
    Ok(held.map_or_else(Vec::new, |held| {
        findings::of(&held).iter().map(|finding| Essence::of(&held, finding)).collect()
    }))
}

/// Whether these bytes may be trusted: nothing blocks, or each rule that does
/// is named, and it is `reasoned`: the note as it was typed says something.
/// The rules, for the pin.
///
/// # Errors
/// [`Code::Blocked`]; [`Code::Usage`] for a name too many, or without a reason.
pub fn allow(
    judged: &Judged,
    revision: &Revision,
    despite: &[String],
    reasoned: bool,
) -> Result<Vec<String>, Stop> {
    let blocking = judged.told.judgement.blocking();
    if let Some(odd) = despite.iter().find(|rule| !blocking.contains(rule)) {
        let list = if blocking.is_empty() { "nothing does".to_owned() } else { blocking.join(", ") };
        let what = format!("`{}` does not block {revision}: {list}", text::escape_short(odd, 80));
        let next = format!("name what blocks it, and nothing else: skills review {revision}");
        return Err(Stop::new(Code::Usage, what, next));
    }
    let missing: Vec<_> = blocking.iter().filter(|rule| !despite.contains(rule)).collect();
    if !missing.is_empty() {
        return Err(blocked(judged, revision, &blocking));
    }
    if !blocking.is_empty() && !reasoned {
        let what = format!("to trust {revision} despite {} is a decision that says why", blocking.join(", "));
        return Err(Stop::new(Code::Usage, what, command(revision, &blocking)));
    }
    Ok(blocking)
}

fn blocked(judged: &Judged, revision: &Revision, blocking: &[String]) -> Stop {
    let all: Vec<_> = judged.told.judgement.findings.iter().map(|one| &one.finding).collect();
    let blocks: Vec<_> = all.into_iter().filter(|finding| finding.tier == Tier::Block).collect();
    let mut named: Vec<_> = blocks.iter().take(NAMED).map(|finding| place_of(finding)).collect();
    if blocks.len() > named.len() {
        named.push(format!("and {} more", blocks.len() - named.len()));
    }
    let what = format!(
        "{revision} is kept from being trusted, for it holds what hardly any honest skill does: {}",
        named.join("; ")
    );
    let explain = blocking.first().map_or("RULE", String::as_str);
    let next = format!(
        "read it: skills review {revision}; what the rule is about: skills explain {explain}; \
         to trust exactly these bytes all the same: {}",
        command(revision, blocking)
    );
    Stop::new(Code::Blocked, what, next)
}

/// The command that trusts, each rule that blocks overridden.
#[must_use]
pub fn command(revision: &Revision, blocking: &[String]) -> String {
    if blocking.is_empty() {
        return format!("skills trust {revision}");
    }
    let despite: String = blocking.iter().map(|rule| format!(" --despite {rule}")).collect();
    format!("skills trust {revision}{despite} --note \"WHY\"")
}

/// Rule, place and what it says, harmless to show.
#[must_use]
pub fn place_of(finding: &Finding) -> String {
    let path = text::escape_short(&finding.path, 120);
    let says = text::escape_short(&finding.message, 300);
    match finding.context {
        Context::File => format!("{} in {path}: {says}", finding.rule),
        _ => format!("{} in {path}:{}: {says}", finding.rule, finding.place.line),
    }
}

/// What a record says of BLOCK that was overridden by a person, or that the
/// policy excepted or made less; nothing where there is none.
#[must_use]
pub fn recorded(told: &Told, despite: &[String]) -> String {
    let mut said = BTreeSet::new();
    for one in told.judgement.excepted.iter().filter(|one| one.weight() == Tier::Block) {
        said.insert(format!(", BLOCK by {} excepted by {}", one.finding.rule, one.file));
    }
    for one in told.judgement.findings.iter().filter(|one| one.own == Tier::Block) {
        let (rule, tier) = (&one.finding.rule, one.finding.tier.name());
        // Who made it heavier again is not to blame that it no longer blocks.
        match (&one.lowered, &one.by) {
            (Some(file), Some(by)) if file != by => {
                said.insert(format!(", BLOCK by {rule} lowered by {file}, made {tier} again by {by}"));
            }
            (Some(file), _) => {
                said.insert(format!(", BLOCK by {rule} made {tier} by {file}"));
            }
            (None, _) => {}
        }
    }
    let head = match despite {
        [] => String::new(),
        rules => format!(", despite BLOCK by {}", rules.join(", ")),
    };
    said.into_iter().fold(head, |text, more| text + &more)
}

/// The policy decides about nothing in which something was found.
///
/// # Errors
/// [`Code::PersonNeeded`].
pub fn by_policy(told: &Told, revision: &Revision) -> Result<(), Stop> {
    let Some(heavy) = told.heavy() else { return Ok(()) };
    let what = format!("{revision}: a person decides about it, and about it alone: {heavy}");
    let next = format!("a person decides: skills review {revision}, then: skills trust {revision}");
    Err(Stop::new(Code::PersonNeeded, what, next))
}

/// What was shown is what is decided on: the same bytes have the same findings,
/// and the policy must not have changed while the question was open.
///
/// # Errors
/// [`Code::Busy`].
pub fn same(shown: &Told, now: &Told, revision: &Revision) -> Result<(), Stop> {
    if shown == now {
        return Ok(());
    }
    let what = format!("what counts of the findings in {revision} changed while it was decided");
    Err(Stop::new(Code::Busy, what, format!("look again: skills review {revision}, then decide")))
}
