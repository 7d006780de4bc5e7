//! `roots add`, `roots list` and `roots remove`: which trust roots this machine
//! follows.
//!
//! ```text
//! add     pin in hand ─▶ fetched and verified, nothing kept ─▶ shown ─▶ a person ─▶ one transaction
//! list    what the ledger remembers
//! remove  a person ─▶ one transaction; what was trusted on its word stays pinned,
//!         and its policy is in force no longer
//! ```
//!
//! Attack: whoever can answer in place of the root's server hands out a root of
//! its own. So nothing is believed without the SHA-256 of the first root, which
//! a person got by another way. There is no first use that is trusted blindly.

use super::Ended;
use super::carry::{self, Carried};
use super::haul::{self, Address, Had, Haul, ended_stop};
use super::may::May;
use super::policies;
use crate::model::code::{Code, Stop};
use crate::model::digest::Digest;
use crate::model::followed::{self, Followed, KEY};
use crate::model::record::{Draft, Outcome};
use crate::model::text;
use crate::model::time::Timestamp;
use crate::model::tuf::layout::Place;
use crate::ops::phrase::Phrase;
use crate::ops::revoked::{anchors, anchors_key, anchors_text, damaged, followed};
use crate::ops::session::{Depth, Session, home_stop, ledger_stop, open_ledger, real};
use crate::ops::{Answer, Ask, Question, World, facts, layers};
use crate::policy::gate::Brake;
use crate::policy::provenance::tuf::{Memory, Standing};
use crate::system::fetch::FetchOptions;
use crate::system::home::Home;
use crate::system::ledger::{Ledger, Txn};
use crate::system::roots::{Cache, is_name};
use std::path::Path;

/// The word of the records.
pub const EVENT: &str = "roots";

/// What is to be followed.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its name here.
    pub name: String,
    /// Where it is; a folder by its full path.
    pub origin: String,
    /// SHA-256 of the first root's bytes, as a person gave it.
    pub pin: Digest,
}

/// A root that was fetched and verified, and is not followed yet.
#[derive(Debug)]
pub struct Plan {
    /// What was asked for.
    pub request: Request,
    /// What it may do from now on.
    pub may: May,
    /// Everything that came.
    pub haul: Haul,
    /// When its root ends.
    pub root_ends: Timestamp,
}

/// Hosts inside may be asked where the policy names them. A policy that cannot
/// be read names none, and keeps nobody from learning what is revoked.
pub(super) fn limited(world: &World, options: &FetchOptions) -> FetchOptions {
    let mut options = options.clone();
    if let Ok(policy) = world.policy() {
        options.internal_hosts.extend(policy.internal);
    }
    options
}

/// A private scratch folder for a repository that is fetched.
///
/// # Errors
/// [`Code::Io`].
pub(super) fn scratch() -> Result<tempfile::TempDir, Stop> {
    let made = tempfile::Builder::new().prefix("skills-roots-").tempdir();
    made.map_err(|error| {
        Stop::new(Code::Io, format!("a temporary folder: {error}"), "free space in the temporary folder")
    })
}

/// Fetches and verifies; changes nothing.
///
/// # Errors
/// [`Stop`].
pub fn plan(world: &World, request: &Request, options: &FetchOptions) -> Result<Plan, Stop> {
    if !is_name(&request.name) {
        let shown = text::escape_short(&request.name, 80);
        let what =
            format!("`{shown}` is no name of a trust root: at most 64 lower-case letters, digits and `-`");
        return Err(Stop::new(Code::Usage, what, "example: skills roots add team ORIGIN --pin HEX"));
    }
    let mut now = world.clock.now();
    match Home::open(&world.home) {
        Ok(home) if Ledger::exists(&home).unwrap_or(true) => {
            let ledger = open_ledger(&home)?;
            now = now.max(ledger.head().time);
            clash(&followed(&ledger)?, request)?;
        }
        _ => {}
    }
    let address = Address::parse(&request.origin)?;
    if let Address::Folder(folder) = &address {
        apart(world, folder)?;
    }
    let scratch = scratch()?;
    let origin = address.open(scratch.path(), &limited(world, options))?;
    let memory = haul::first(&origin, request.pin)?;
    let haul = haul::haul(memory, now, &origin, &Had { targets: &[], read: &|_| None, cache: None });
    if let Some(stop) = &haul.ended {
        return Err(stop.clone());
    }
    // Whoever follows it expects its rules, and there is no older one to go by.
    if let Some(why) = &haul.policy_fault {
        let what = format!("it is not followed, since its policy would not hold here: {why}");
        let next = "ask its owner to mend it, or use a version of skills that understands it";
        return Err(Stop::new(Code::RootRefused, what, next));
    }
    let root_ends = haul.memory.root_ends().map_err(|fault| ended_stop(&Ended::Fault(fault)))?;
    Ok(Plan { request: request.clone(), may: May::of_haul(&haul), haul, root_ends })
}

/// Attack: a skill that brings a trust root along, beside the instruction to
/// follow it. And by bad luck: a root inside the home goes with it.
fn apart(world: &World, folder: &Path) -> Result<(), Stop> {
    let (here, home) = (real(folder), real(&world.home));
    let refuse = |why: &str| {
        let what = format!("{} {why}", text::escape(&folder.to_string_lossy()));
        Err(Stop::new(Code::SourceRefused, what, "keep the trust root in a folder of its own"))
    };
    if here.starts_with(&home) || home.starts_with(&here) {
        return refuse("is inside our own home, or around it");
    }
    if here.ancestors().any(|above| above.join("SKILL.md").symlink_metadata().is_ok()) {
        return refuse("is inside a skill; who signs for skills is not to come with one");
    }
    Ok(())
}

/// One name is one root, and one root has one name.
fn clash(roots: &[Followed], request: &Request) -> Result<(), Stop> {
    let known = roots.iter().find(|root| root.name == request.name || root.pin == request.pin);
    let Some(root) = known else { return Ok(()) };
    let what = if root.pin == request.pin {
        format!(
            "this trust root is followed already, as `{}`, from {}",
            root.name,
            text::escape(&root.origin)
        )
    } else {
        format!("a trust root `{}` is followed already, from {}", root.name, text::escape(&root.origin))
    };
    let next =
        format!("skills roots list {0}; to put another in its place: skills roots remove {0}", root.name);
    Err(Stop::new(Code::RootKnown, what, next))
}

/// The command that follows a root.
#[must_use]
pub fn add_command(request: &Request) -> String {
    let origin = text::shell_word(&request.origin);
    format!("skills roots add {} {origin} --pin {}", request.name, request.pin.hex())
}

/// Records that following was refused, where it was asked for.
pub fn record(world: &World, name: &str, stop: Stop) -> Stop {
    if stop.code == Code::Usage {
        return stop;
    }
    match Session::open(world, Depth::All) {
        Ok(mut session) => refuse(&mut session, name, stop),
        Err(_) => stop,
    }
}

fn refuse(session: &mut Session<'_>, name: &str, stop: Stop) -> Stop {
    let mut draft = session.draft(EVENT, Outcome::Refused, "");
    draft.note = Some(format!("trust root {}", text::escape_short(name, 80)));
    session.refuse(draft, stop)
}

/// Asks a person and follows the root; then carries out what it orders.
///
/// # Errors
/// [`Stop`]; a refusal is recorded.
pub fn add(world: &World, plan: &Plan, shown: &str, ask: &mut dyn Ask) -> Result<(Followed, Carried), Stop> {
    let request = &plan.request;
    let decided = world.no_agent(&add_command(request)).and_then(|()| consent(request, shown, ask));
    if let Err(stop) = decided {
        return Err(record(world, &request.name, stop));
    }
    let mut session = Session::open_or_create(world)?;
    let roots = followed(&session.ledger)?;
    if let Err(stop) = unheld(&session).and_then(|()| clash(&roots, request)) {
        return Err(refuse(&mut session, &request.name, stop));
    }
    let root = Followed {
        added: session.now,
        fresh_until: None,
        kill_order: 0,
        memory: Digest::ZERO,
        name: request.name.clone(),
        origin: request.origin.clone(),
        pin: request.pin,
        refreshed: session.now,
        root_ends: plan.root_ends,
        seq: 0,
        targets: Vec::new(),
    };
    let reason = format!(
        "trust root `{}` followed from {}, pinned by {}",
        request.name,
        text::escape_short(&request.origin, 300),
        request.pin.hex()
    );
    let root = keep(&mut session, root, &plan.haul, reason)?;
    drop(session);
    let carried = carry::carry_out(world);
    Ok((root, carried))
}

/// Nothing widens while everything is held.
fn unheld(session: &Session<'_>) -> Result<(), Stop> {
    match facts::brake(&session.home) {
        Brake::Clear { .. } => Ok(()),
        Brake::Stopped(why) => {
            let next = "nothing widens while held; a person runs: skills release --all";
            Err(Stop::new(Code::HeldAll, why, next))
        }
    }
}

/// On a terminal the name is typed. Without one the pin, given in full, is the
/// statement: whoever writes it down names exactly one root.
fn consent(request: &Request, shown: &str, ask: &mut dyn Ask) -> Result<(), Stop> {
    let prompt =
        format!("first root  sha256 {}\nType the root's name to follow it from now on", request.pin.hex());
    match ask.ask(shown, &Question::Type { prompt, expected: request.name.clone() }) {
        Answer::Yes | Answer::Nobody => Ok(()),
        Answer::No => {
            Err(Stop::new(Code::Declined, "not followed: its name was not typed", add_command(request)))
        }
    }
}

/// Remembers everything that came, in one transaction with its record.
///
/// # Errors
/// [`Stop`]; then nothing is remembered.
pub(super) fn keep(
    session: &mut Session<'_>,
    before: Followed,
    haul: &Haul,
    mut reason: String,
) -> Result<Followed, Stop> {
    let after = following(&before, haul, session.now)?;
    let mut anchors = anchors(&session.ledger, &before.name)?;
    for (publisher, key) in &haul.anchors {
        anchors.entry(publisher.clone()).or_default().insert(*key);
    }
    let memory = haul.memory.to_text().map_err(|fault| damaged(&fault.to_string()))?;
    let had = layers::kept(&session.ledger)?;
    let read = |digest: &Digest| {
        let new = haul.files.iter().find(|(kept, bytes)| kept.bytes == *digest && bytes.is_some());
        new.and_then(|(_, bytes)| bytes.clone()).or_else(|| session.ledger.blob(digest).ok().flatten())
    };
    let have = policies::next(had.clone(), &after, &read);
    reason.push_str(&policies::recorded(&had, &have, &after.name));
    let draft = session.draft(EVENT, Outcome::Done, reason);
    let mut kept = after.clone();
    session.commit(|txn| {
        kept.seq = txn.next_seq();
        let fault = |fault| ledger_stop(&fault);
        txn.keep_blob(memory.as_bytes()).map_err(fault)?;
        for bytes in haul.files.iter().filter_map(|(_, bytes)| bytes.as_ref()) {
            txn.keep_blob(bytes).map_err(fault)?;
        }
        // Nothing else names what one client remembers.
        if before.memory != kept.memory {
            txn.drop_blob(&before.memory).map_err(fault)?;
        }
        txn.remember(&anchors_key(&kept.name), &anchors_text(&anchors)).map_err(fault)?;
        if have != had {
            policies::remember(txn, have)?;
        }
        put(txn, &kept)?;
        Ok(vec![draft])
    })?;
    // A cache that cannot be written costs a fetch, and nothing else.
    if let Ok(cache) = Cache::open(&session.home, &kept.name) {
        for (name, bytes) in &haul.cache {
            let _ = cache.put(name, bytes);
        }
    }
    Ok(kept)
}

/// What is to be remembered after a haul. Equal to what was, but for times, if
/// nothing is new.
pub(super) fn following(before: &Followed, haul: &Haul, now: Timestamp) -> Result<Followed, Stop> {
    let memory = haul.memory.to_text().map_err(|fault| damaged(&fault.to_string()))?;
    let fault = |fault| ended_stop(&Ended::Fault(fault));
    let fresh = matches!(haul.memory.standing(now).map_err(fault)?, Standing::Fresh { .. });
    let fresh_until = match haul.ended {
        None => haul.fresh_until,
        // What was fresh stays so to its end, unless a part of it was taken back.
        Some(_) => before.fresh_until.filter(|_| fresh),
    };
    Ok(Followed {
        fresh_until,
        // Its owners end a number that was driven up by taking the key away.
        kill_order: before.kill_order.min(haul.order_seen),
        memory: crate::model::digest::sha256(&[memory.as_bytes()]),
        refreshed: if haul.ended.is_none() { now } else { before.refreshed },
        root_ends: haul.memory.root_ends().map_err(fault)?,
        targets: haul.files.iter().map(|(kept, _)| kept.clone()).collect(),
        ..before.clone()
    })
}

/// Puts one root into the list, in place of what was there under its name.
pub(super) fn put(txn: &mut Txn<'_>, root: &Followed) -> Result<(), Stop> {
    let body = txn.memory(KEY).map_err(|fault| ledger_stop(&fault))?;
    let mut roots = followed::parse(body.as_deref()).map_err(|why| damaged(&why))?;
    roots.retain(|other| other.name != root.name);
    roots.push(root.clone());
    let body = followed::text(roots).map_err(|why| Stop::new(Code::Internal, format!("BUG: {why}"), ""))?;
    txn.remember(KEY, &body).map_err(|fault| ledger_stop(&fault))
}

/// A followed root, as `list` shows it.
#[derive(Debug)]
pub struct Shown {
    /// As the ledger has it.
    pub root: Followed,
    /// What it may do.
    pub may: May,
    /// What it is good for now.
    pub standing: followed::Standing,
    /// What of it cannot be relied on, if so.
    pub damage: Option<String>,
}

/// What is followed; without a name all of it.
///
/// # Errors
/// [`Code::RootUnknown`]; [`Stop`] if it cannot be read.
pub fn list(world: &World, name: Option<&str>) -> Result<Vec<Shown>, Stop> {
    let home = match Home::open(&world.home) {
        Ok(home) => home,
        Err(crate::system::home::HomeFault::Missing(_)) if name.is_none() => return Ok(Vec::new()),
        Err(fault) => return Err(home_stop(&fault)),
    };
    let ledger = open_ledger(&home)?;
    let now = world.clock.now().max(ledger.head().time);
    let roots = followed(&ledger)?;
    let read = |digest: &Digest| ledger.blob(digest).ok().flatten();
    let mut all = Vec::new();
    for root in roots.into_iter().filter(|root| name.is_none_or(|name| name == root.name)) {
        let may = May::of(root.targets.iter(), &read);
        let damage = memory_of(&ledger, &root).err().map(|stop| stop.what);
        all.push(Shown { standing: root.standing(now), may, damage, root });
    }
    match name {
        Some(name) if all.is_empty() => Err(unknown(name)),
        _ => Ok(all),
    }
}

/// What the client of a root remembers.
///
/// # Errors
/// [`Code::LedgerDamaged`]: then nothing is believed on its word.
pub(super) fn memory_of(ledger: &Ledger, root: &Followed) -> Result<Memory, Stop> {
    let damage = |why: &str| {
        let next = format!(
            "compare its pin with its owner, then: skills roots remove {0}, and follow it anew",
            root.name
        );
        Stop { next, ..damaged(why) }
    };
    let bytes = ledger.blob(&root.memory).map_err(|fault| ledger_stop(&fault))?;
    let bytes =
        bytes.ok_or_else(|| damage(&format!("what was seen of `{}` is gone or was changed", root.name)))?;
    Memory::from_text(&bytes).map_err(|fault| damage(&fault.to_string()))
}

/// No such root.
pub(super) fn unknown(name: &str) -> Stop {
    let what = format!("no trust root `{}` is followed here", text::escape_short(name, 80));
    Stop::new(Code::RootUnknown, what, "run: skills roots list")
}

/// What stops counting with a root.
///
/// # Errors
/// [`Stop`].
pub fn remove_plan(world: &World, name: &str) -> Result<Shown, Stop> {
    list(world, Some(name))?.pop().ok_or_else(|| unknown(name))
}

/// Forgets a root: its revocations stop counting too, so more may run after it.
///
/// # Errors
/// [`Stop`]; a refusal is recorded.
pub fn remove(
    world: &World,
    plan: &Shown,
    shown: &str,
    given: Option<&str>,
    ask: &mut dyn Ask,
) -> Result<(), Stop> {
    let name = &plan.root.name;
    let command = format!("skills roots remove {name}");
    let wanted = Phrase {
        expected: name.clone(),
        to: "to stop following it",
        not_done: "still followed",
        again: command.clone(),
        needs: "a person at a terminal forgets a trust root, or a script that states its name",
        stated: format!("{command} --phrase {name}"),
    };
    if let Err(stop) = world.no_agent(&command).and_then(|()| wanted.decide(shown, given, ask)) {
        return Err(record(world, name, stop));
    }
    // Its own policy, where this version cannot read it, must not keep it.
    world.policy()?;
    let mut session = Session::open_to_narrow(world, Depth::All)?;
    let roots = followed(&session.ledger)?;
    let there = roots.iter().find(|root| root.name == *name && root.pin == plan.root.pin);
    let decided = unheld(&session).and_then(|()| there.map(drop).ok_or_else(|| unknown(name)));
    if let Err(stop) = decided {
        return Err(refuse(&mut session, name, stop));
    }
    let had = layers::kept(&session.ledger)?;
    let have: Vec<_> = had.iter().filter(|one| one.name != *name).cloned().collect();
    let mut reason = format!("trust root `{name}` is no longer followed; what it revokes stops counting");
    reason.push_str(&policies::recorded(&had, &have, name));
    let draft: Draft = session.draft(EVENT, Outcome::Done, reason);
    let rest: Vec<_> = roots.iter().filter(|root| root.name != *name).cloned().collect();
    let body = followed::text(rest).map_err(|why| Stop::new(Code::Internal, format!("BUG: {why}"), ""))?;
    session.commit(|txn| {
        let fault = |fault| ledger_stop(&fault);
        txn.remember(KEY, &body).map_err(fault)?;
        txn.forget(&anchors_key(name)).map_err(fault)?;
        if have != had {
            policies::remember(txn, have)?;
        }
        txn.drop_blob(&plan.root.memory).map_err(fault)?;
        Ok(vec![draft])
    })?;
    let _ = Cache::drop_all(&session.home, name);
    Ok(())
}

/// The bytes of a kept file of one kind.
pub(super) fn kept(ledger: &Ledger, root: &Followed, place: Place<'_>) -> Result<Option<Vec<u8>>, Stop> {
    let Some(target) = root.targets.iter().find(|target| Place::of(&target.path) == place) else {
        return Ok(None);
    };
    let gone = || damaged(&format!("`{}` of trust root `{}` is gone or was changed", target.path, root.name));
    ledger.blob(&target.bytes).map_err(|fault| ledger_stop(&fault))?.ok_or_else(gone).map(Some)
}
