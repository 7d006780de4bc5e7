//! `roots sign`: signatures by some people, one after the other, and a release
//! when they are enough.
//!
//! Attack: a draft is changed between the moment somebody reads it and the
//! moment they sign, by whoever can push to the repository that it travels in.
//! So a person decides for a digest: it is shown with the changes, and compared
//! again under the folder's lock.
//!
//! A new root and new targets are released together where they need each
//! other: targets signed by a key that goes would be void under the new root.

use super::super::{Answer, Ask, Question, World};
use super::change;
use super::keys::{self, Signer};
use super::release::{self, Next, TIMESTAMP_DAYS};
use super::show;
use super::team::{Team, record, typed, unsigned, until};
use crate::model::code::{Code, Stop};
use crate::model::digest::Digest;
use crate::model::text;
use crate::model::tuf::publish::Draft;
use crate::model::tuf::{Malformed, Root, Trusted, Unverified};
use std::path::{Path, PathBuf};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// Where.
    pub folder: PathBuf,
    /// Names of keys of this account.
    pub keys: Vec<String>,
    /// What was reviewed, in full: then nothing is asked.
    pub digest: Option<Digest>,
    /// Until when the new timestamp counts, as typed.
    pub expires: Option<String>,
}

/// What would be signed.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The changes, a line each.
    pub changes: Vec<String>,
    /// What a decision is for.
    pub digest: Digest,
}

/// How it went.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The key and what it signed.
    pub signed: Vec<String>,
    /// What was published.
    pub released: Vec<String>,
    /// What is still missing.
    pub waits: Vec<String>,
    /// Why there is no record of it, where one should be.
    pub unrecorded: Option<String>,
}

fn command(request: &Request) -> String {
    let keys: Vec<_> = request.keys.iter().map(|key| format!(" --key {}", text::shell_word(key))).collect();
    format!("skills roots sign {}{}", typed(&request.folder), keys.concat())
}

/// Looks at what is pending; changes nothing.
///
/// # Errors
/// [`Stop`], also if nothing is.
pub fn plan(request: &Request) -> Result<Plan, Stop> {
    let team = Team::to_look(&request.folder)?;
    if team.pending.is_empty() {
        let next =
            format!("a new timestamp is made by: skills roots renew {} --key NAME", typed(&request.folder));
        return Err(Stop::new(Code::Usage, "nothing waits for a signature", next));
    }
    Ok(Plan { changes: show::changes(&team)?, digest: team.stake()? })
}

/// Signs what was shown, and publishes what has enough signatures.
///
/// # Errors
/// [`Stop`]; then nothing was published.
pub fn sign(
    world: &World,
    request: &Request,
    plan: &Plan,
    shown: &str,
    ask: &mut dyn Ask,
) -> Result<Outcome, Stop> {
    let command = command(request);
    world.no_agent(&command)?;
    let signers = keys::open(world, &request.keys)?;
    consent(request, plan, shown, &command, ask)?;
    let mut team = Team::to_change(world, &request.folder, &command)?;
    let now = team.stake()?;
    if now != plan.digest {
        let what =
            format!("what is pending changed meanwhile: you were shown {}, now it is {now}", plan.digest);
        return Err(Stop::new(
            Code::DigestMismatch,
            what,
            format!("look again: skills roots show {}", typed(&team.path)),
        ));
    }
    useful(&team, &signers)?;
    settle(world, &mut team, &signers, request.expires.as_deref())
}

fn consent(
    request: &Request,
    plan: &Plan,
    shown: &str,
    command: &str,
    ask: &mut dyn Ask,
) -> Result<(), Stop> {
    if let Some(given) = request.digest {
        if given == plan.digest {
            return Ok(());
        }
        let what = format!("what is pending is {}, you named {given}", plan.digest);
        return Err(Stop::new(
            Code::DigestMismatch,
            what,
            format!("skills roots show {}", typed(&request.folder)),
        ));
    }
    let question = Question::Confirm("Sign this for everybody who follows the root?".to_owned());
    match ask.ask(shown, &question) {
        Answer::Yes => Ok(()),
        Answer::No => Err(Stop::new(Code::Declined, "not signed", command)),
        Answer::Nobody => Err(Stop::new(
            Code::PersonNeeded,
            "a signature needs a person at a terminal, or the digest of what was reviewed",
            format!("{command} --digest {}", plan.digest),
        )),
    }
}

/// Refuses a key that no role knows.
fn useful(team: &Team, signers: &[Signer]) -> Result<(), Stop> {
    let next = team.pending.root.as_deref().map(unsigned::<Root>).transpose();
    let next = next.map_err(|bad| team.malformed("drafts/root.json", &bad))?;
    for signer in signers {
        let mut roots = [Some(team.root.get()), next.as_ref()].into_iter().flatten();
        let known = roots.any(|root| {
            [&root.root, &root.targets, &root.snapshot, &root.timestamp].iter().any(|role| signer.is_of(role))
        });
        if !known {
            let what = format!(
                "the key `{}` ({}) is in no role of this root",
                signer.name,
                keys::short(&signer.public.id())
            );
            let next = format!(
                "somebody whose key is adds it: skills roots rotate {} --key THEIRS --add {}.pub",
                typed(&team.path),
                signer.name
            );
            return Err(Stop::new(Code::PolicyUnmet, what, next));
        }
    }
    Ok(())
}

/// Signs a draft with those keys that may; which they were.
fn add(
    draft: Draft,
    signers: &[Signer],
    may: impl Fn(&Signer) -> bool,
) -> Result<(Draft, Vec<String>), Stop> {
    let (mut draft, mut names) = (draft, Vec::new());
    for signer in signers.iter().filter(|signer| may(signer)) {
        let signed = draft.sign(&signer.key);
        draft = signed.map_err(|bad| Stop::new(Code::Internal, format!("BUG: {bad}"), ""))?;
        names.push(signer.name.clone());
    }
    Ok((draft, names))
}

/// Signs whatever is pending, and publishes whatever is complete.
pub(super) fn settle(
    world: &World,
    team: &mut Team,
    signers: &[Signer],
    expires: Option<&str>,
) -> Result<Outcome, Stop> {
    let mut outcome = Outcome::default();
    let next: Option<Root> = team
        .pending
        .root
        .as_deref()
        .map(unsigned)
        .transpose()
        .map_err(|bad| team.malformed("drafts/root.json", &bad))?;
    team.check_draft()?;
    if let (Some(next), Some(bytes)) = (&next, team.pending.root.clone()) {
        if !next.consistent {
            let bad = Malformed("it would end consistent snapshots, which are always used here".to_owned());
            return Err(team.malformed("drafts/root.json", &bad));
        }
        let draft = Draft::open(&bytes).map_err(|bad| team.malformed("drafts/root.json", &bad))?;
        let may = |signer: &Signer| signer.is_of(&next.root) || signer.is_of(&team.root.get().root);
        let (draft, names) = add(draft, signers, may)?;
        outcome.signed.extend(names.iter().map(|name| format!("{name}: root {}", next.head.version)));
        team.keep_draft("root", &draft)?;
        // Under another root's keys the targets have to be signed again.
        if team.pending.targets.is_none() && !release::enough_signed(next, team.targets.bytes()) {
            change::same_again(world, team)?;
        }
    }
    if let Some(bytes) = team.pending.targets.clone() {
        let draft = Draft::open(&bytes).map_err(|bad| team.malformed("drafts/targets.json", &bad))?;
        let may = |signer: &Signer| {
            signer.is_of(&team.root.get().targets)
                || next.as_ref().is_some_and(|next| signer.is_of(&next.targets))
        };
        let (draft, names) = add(draft, signers, may)?;
        let version = team.targets.get().head.version + 1;
        outcome.signed.extend(names.iter().map(|name| format!("{name}: targets {version}")));
        team.keep_draft("targets", &draft)?;
    }
    finish(world, team, signers, expires, outcome)
}

/// A root and targets with enough signatures.
type Ready = (Option<Trusted<Root>>, Option<Vec<u8>>);

/// What is complete, and what it waits for.
fn ready(team: &Team, waits: &mut Vec<String>) -> Result<Ready, Stop> {
    let mut root = None;
    if let Some(bytes) = &team.pending.root {
        let version = team.root.get().head.version + 1;
        match Unverified::<Root>::parse(bytes).map(|draft| draft.verify_next(team.root.get())) {
            Ok(Ok(next)) => root = Some(next),
            Ok(Err(few)) => waits.push(format!("root {version}: {few}")),
            Err(bad) => waits.push(format!("root {version}: {bad}")),
        }
    }
    let version = team.targets.get().head.version + 1;
    let under = |root: &Root| {
        let draft = team.pending.targets.as_deref();
        draft.filter(|bytes| release::enough_signed(root, bytes)).map(<[u8]>::to_vec)
    };
    // Said once more for the sake of a new root: it is published with that one.
    if team.pending.root.is_some() && root.is_none() && show::says_the_same(team)? {
        return Ok((None, None));
    }
    let targets = under(root.as_ref().map_or_else(|| team.root.get(), Trusted::get));
    if team.pending.targets.is_some() && targets.is_none() {
        let role = &root.as_ref().map_or_else(|| team.root.get(), Trusted::get).targets;
        waits.push(format!("targets {version}: signatures by {} of their keys are needed", role.threshold));
    }
    let stands = |root: &Root| targets.is_some() || release::enough_signed(root, team.targets.bytes());
    match root {
        Some(next) if !stands(next.get()) => {
            waits.push("the new root waits for targets that are signed under it".to_owned());
            Ok((None, under(team.root.get())))
        }
        root => Ok((root, targets)),
    }
}

fn finish(
    world: &World,
    team: &mut Team,
    signers: &[Signer],
    expires: Option<&str>,
    mut outcome: Outcome,
) -> Result<Outcome, Stop> {
    let (root, targets) = ready(team, &mut outcome.waits)?;
    if root.is_none() && targets.is_none() {
        return Ok(outcome);
    }
    if let Some((role, of)) =
        release::missing(root.as_ref().map_or_else(|| team.root.get(), Trusted::get), signers)
    {
        outcome.waits.push(format!(
            "all have signed; whoever has {} of the {role}'s keys publishes it: skills roots sign {} --key NAME",
            if of == 1 { "one".to_owned() } else { of.to_string() },
            typed(&team.path)
        ));
        return Ok(outcome);
    }
    let end = until(expires, TIMESTAMP_DAYS, world.clock.now())?;
    outcome.released.extend(root.as_ref().map(|root| format!("root {}", root.get().head.version)));
    let version = team.targets.get().head.version + 1;
    outcome.released.extend(targets.as_ref().map(|_| format!("targets {version}")));
    let sealed = release::publish(world, team, signers, Next { root, targets, until: end })?;
    outcome.released.push(format!("snapshot and timestamp {sealed}, until {end}"));
    outcome.unrecorded =
        told(record(world, &team.path, &format!("published {}", outcome.released.join(", "))));
    Ok(outcome)
}

pub(super) fn told(stop: Option<Stop>) -> Option<String> {
    stop.map(|stop| stop.what)
}

/// Throws drafts away.
///
/// # Errors
/// [`Stop`].
pub fn discard(world: &World, folder: &Path, dry: bool) -> Result<Vec<String>, Stop> {
    super::team::discard(world, folder, dry)
}
