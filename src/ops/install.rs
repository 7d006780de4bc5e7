//! `install` and `update`: bytes arrive in the store; nothing more.
//!
//! ```text
//!   source ─▶ resolved ─▶ card ─▶ staged ─▶ manifest, entry rules ─▶ digest
//!             no lock, nothing outside staging                        │
//!   lock ─▶ name bound to its source? held? ─▶ store ─▶ record ◀──────┘
//! ```
//!
//! Nothing from a skill runs. Each skill of a repository is judged by itself:
//! one that is refused does not stop the others, and is recorded.

mod open;

pub use open::{Offer, Opened, Purpose, fetch_stop, open};
pub(super) use open::{offer, record};

use super::session::{Depth, Session, ledger_stop};
use super::{World, apply, layers, refusals, revoked};
use crate::model::card::Card;
use crate::model::code::{Code, Stop};
use crate::model::digest::Digest;
use crate::model::git_proof::GitProof;
use crate::model::lifecycle::{Event, Lifecycle, RevisionRow};
use crate::model::limits::Limits;
use crate::model::manifest::Manifest;
use crate::model::provenance::{Kept, KeptGit};
use crate::model::record::Outcome;
use crate::model::skill::{Revision, SkillName};
use crate::model::source::{Source, SourceKind};
use crate::model::text;
use crate::policy::entry;
use crate::policy::transition::Input;
use crate::system::fetch;
use crate::system::ledger::Txn;
use crate::system::store::{Promoted, Staged, Staging, Store};
use crate::system::tree;
use std::sync::atomic::Ordering;

/// Which skills of a source.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// By name in the card or by the folder's path; empty for the only one.
    pub names: Vec<String>,
    /// All of them.
    pub all: bool,
    /// Another name for the one skill.
    pub rename: Option<SkillName>,
    /// The digest that the one skill must have.
    pub digest: Option<Digest>,
}

/// What became of one skill.
#[derive(Debug)]
pub struct Arrival {
    /// Its name as far as known, escaped.
    pub title: String,
    /// Its row and whether it is new, or why it was refused.
    pub outcome: Result<(RevisionRow, bool), Stop>,
}

impl Opened {
    /// Takes the picked skills in, one by one.
    ///
    /// # Errors
    /// [`Stop`] when nothing can be recorded; refusals of single skills are in
    /// the answer.
    pub fn take(
        &self,
        world: &World,
        picked: &[&Offer],
        selection: &Selection,
    ) -> Result<Vec<Arrival>, Stop> {
        let policy = layers::in_force(world)?;
        let staged: Vec<_> = picked.iter().map(|offer| (*offer, self.stage(offer, &policy.limits))).collect();
        let mut session = Session::open(world, Depth::All)?;
        let mut arrivals = Vec::new();
        for (offer, staged) in staged {
            let source = self.origin.source_of(&offer.found);
            let outcome = staged
                .and_then(|staged| {
                    let proof = self.origin.proof(&offer.found).ok().flatten();
                    admit(&mut session, offer, &source, staged, selection, Extra { note: None, proof })
                })
                .map_err(|stop| refuse(&mut session, &source, offer, stop));
            arrivals.push(Arrival { title: offer.title.clone(), outcome });
        }
        Ok(arrivals)
    }

    /// The digest that a skill would have, without keeping it.
    ///
    /// # Errors
    /// [`Stop`], as [`Opened::take`] would refuse it.
    pub fn digest(&self, world: &World, offer: &Offer) -> Result<Digest, Stop> {
        let staged = self.stage(offer, &layers::in_force(world)?.limits)?;
        Ok(staged.manifest().digest())
    }

    /// Copies one skill into staging and checks its entries as a whole.
    fn stage(&self, offer: &Offer, limits: &Limits) -> Result<Staged, Stop> {
        if self.interrupt.load(Ordering::SeqCst) {
            return Err(Stop::new(
                Code::Cancelled,
                "interrupted; nothing was changed",
                "run it again when you like",
            ));
        }
        let card = offer.card.as_ref().map_err(|faults| {
            let what = format!("`{}`: the card is refused: {}", offer.title, faults.join("; "));
            Stop::new(
                Code::CardRefused,
                what,
                "ask its author to correct SKILL.md, or correct a copy of your own",
            )
        })?;
        debug_assert!(card.body_line > 0);
        let home = self.home.as_ref().ok_or_else(|| {
            Stop::new(Code::HomeMissing, "there is no home here yet", "run: skills install SOURCE")
        })?;
        let mut staging = Staging::new(home, *limits).map_err(|fault| refusals::store_stop(&fault))?;
        let mut fault = None;
        let copied = self.origin.copy(&offer.found, limits, &mut |path, executable, _, bytes| {
            staging.add(path, executable, bytes).map_err(|why| {
                let text = why.to_string();
                fault = Some(why);
                std::io::Error::other(text)
            })
        });
        if let Some(fault) = fault {
            return Err(refusals::store_stop(&fault));
        }
        copied.map_err(|error| fetch_stop(&error))?;
        let staged = staging.finish().map_err(|fault| refusals::store_stop(&fault))?;
        let faults = entry::check(staged.manifest(), limits);
        if !faults.is_empty() {
            return Err(refusals::entries_stop(&faults));
        }
        // Attack: a folder whose card is another one when its bytes are copied
        // than it was when its name was read from it.
        if !is_same_card(&staged, &offer.found.card, limits) {
            let what = format!("`{}`: its SKILL.md changed while it was read", offer.title);
            return Err(Stop::new(Code::SourceBroken, what, "install it again when nobody writes there"));
        }
        Ok(staged)
    }
}

/// Whether the staged `SKILL.md` begins with the bytes that were parsed, or is
/// them: of a longer one only the beginning was handed out.
fn is_same_card(staged: &Staged, card: &[u8], limits: &Limits) -> bool {
    let entry = staged.manifest().get(fetch::CARD);
    let bytes = entry.and_then(|entry| tree::read_entry(staged.dir(), entry, limits.file).ok());
    bytes.is_some_and(|bytes| bytes.get(..fetch::CARD_BYTES).unwrap_or(&bytes) == card)
}

/// What comes along with a skill.
#[derive(Debug, Default)]
pub(super) struct Extra {
    /// For the record.
    pub(super) note: Option<String>,
    /// What git says of it, for who checks signatures later and offline.
    pub(super) proof: Option<GitProof>,
}

/// Keeps git's objects beside the bytes they lead to.
fn keep_proof(txn: &mut Txn<'_>, digest: &Digest, proof: &GitProof) -> Result<(), Stop> {
    let fault = |fault| ledger_stop(&fault);
    let broken = |why: String| Stop::new(Code::LedgerDamaged, why, "run: skills doctor");
    let mut all = |list: &[Vec<u8>]| list.iter().map(|one| txn.keep_blob(one)).collect::<Result<Vec<_>, _>>();
    let (tags, trees) = (all(&proof.tags).map_err(fault)?, all(&proof.trees).map_err(fault)?);
    let commit = txn.keep_blob(&proof.commit).map_err(fault)?;
    let key = Kept::key(digest);
    let mut kept = Kept::parse(txn.memory(&key).map_err(fault)?.as_deref()).map_err(broken)?;
    kept.git = Some(KeptGit { commit, tags, trees });
    txn.remember(&key, &kept.text().map_err(broken)?).map_err(fault)
}

/// Under the lock: name, hold, digest; then store and record, with a note.
pub(super) fn admit(
    session: &mut Session<'_>,
    offer: &Offer,
    source: &Source,
    staged: Staged,
    selection: &Selection,
    extra: Extra,
) -> Result<(RevisionRow, bool), Stop> {
    let card =
        offer.card.as_ref().map_err(|_| Stop::new(Code::Internal, "BUG: staged without a card", ""))?;
    let name = chosen_name(offer, card, selection)?;
    let manifest = staged.manifest().clone();
    let digest = manifest.digest();
    if let Some(wanted) = selection.digest
        && wanted != digest
    {
        let what = format!("`{name}` has digest {digest}, you asked for {wanted}");
        return Err(Stop::new(
            Code::DigestMismatch,
            what,
            "review what is there now before naming its digest",
        ));
    }
    bound(session, &name, source, selection)?;
    let revision = Revision { name, digest };
    let holds = &session.ledger.brakes().holds;
    if let Some(hold) = holds.iter().find(|hold| hold.scope.covers(&revision, source.identity(), &[])) {
        let what = format!("{revision}: held by a kill of {} (record {})", hold.scope, hold.seq);
        return Err(Stop::new(
            Code::Held,
            what,
            "a person looks into it; the release that lifts it is named by: skills status",
        ));
    }
    if let crate::policy::gate::Brake::Stopped(why) = super::facts::brake(&session.home) {
        return Err(Stop::new(
            Code::HeldAll,
            why,
            "nothing widens while held; a person runs: skills release --all",
        ));
    }
    let mut known = session.ledger.revision(&revision).map_err(|fault| ledger_stop(&fault))?;
    let arriving = arriving(session, card, source, &manifest, revision.clone());
    let coming = known.as_ref().unwrap_or(&arriving);
    revoked::refuse(&session.ledger, &session.policy, coming, session.now)?;
    let store = Store::new(&session.home).map_err(|fault| refusals::store_stop(&fault))?;
    let promoted = store.promote(staged, &digest).map_err(|fault| refusals::store_stop(&fault))?;
    if let Some(row) = known.as_ref().filter(|row| row.lifecycle.pin().is_some())
        && promoted != Promoted::AlreadyThere
    {
        // Bringing the right bytes again does not undo that they were changed.
        apply::narrow(session, row, Event::Drift, |draft| {
            "the stored copy had been changed or was gone; it was put anew".clone_into(&mut draft.reason);
        })?;
        known = session.ledger.revision(&revision).map_err(|fault| ledger_stop(&fault))?;
    }
    let row = known.clone().unwrap_or(arriving);
    let new = known.is_none();
    // The step function has the last word, as everywhere.
    let state = known.as_ref().map(|row| &row.lifecycle);
    if let crate::policy::transition::Step::Refused(code) =
        crate::policy::transition::step(state, false, &Input::Plain(Event::Install))
    {
        return Err(Stop::new(code, code.summary(), "run: skills status"));
    }
    let reason = match (new, source.kind) {
        (true, SourceKind::Adopted) => "adopted: taken in as it lay there",
        (true, _) => "installed",
        (false, _) => "already installed; the stored copy was verified",
    };
    let mut draft = session.draft(Event::Install.as_str(), Outcome::Done, reason);
    draft.skill = Some(row.revision.name.clone());
    draft.digest = Some(digest);
    draft.source = Some(source.clone());
    draft.note = extra.note;
    let mut row = row;
    session.commit(|txn| {
        if new {
            row.seq = txn.next_seq();
            row.arrived = row.seq;
            txn.put(&row).map_err(|fault| ledger_stop(&fault))?;
        }
        txn.keep_manifest(&manifest).map_err(|fault| ledger_stop(&fault))?;
        if let Some(proof) = &extra.proof {
            keep_proof(txn, &digest, proof)?;
        }
        Ok(vec![draft])
    })?;
    Ok((row, new))
}

/// The row of a revision that was never here.
fn arriving(
    session: &Session<'_>,
    card: &Card,
    source: &Source,
    manifest: &Manifest,
    revision: Revision,
) -> RevisionRow {
    RevisionRow {
        lifecycle: Lifecycle::Installed { former: None },
        card_name: card
            .raw_name
            .clone()
            .filter(|raw| *raw != revision.name.as_str())
            .map(|raw| text::escape_short(&raw, 64)),
        version: card.version.as_ref().map(|version| text::escape_short(version, 64)),
        source: source.clone(),
        arrived: 0,
        installed: session.now,
        files: manifest.entries().len() as u64,
        bytes: manifest.bytes(),
        seq: 0,
        revision,
    }
}

fn chosen_name(offer: &Offer, card: &Card, selection: &Selection) -> Result<SkillName, Stop> {
    if let Some(name) = &selection.rename {
        return Ok(name.clone());
    }
    card.name.clone().map_err(|why| {
        let what = format!("`{}`: {why}", offer.title);
        Stop::new(Code::CardRefused, what, "give it a name of your own: --as NAME (the bytes never change)")
    })
}

/// The folder on disk that a skill lies in, where its source is a plain folder.
fn folder_of(source: &Source) -> Option<std::path::PathBuf> {
    let top = std::path::Path::new(&source.location);
    let inside = source.path.as_ref().map_or_else(|| top.to_owned(), |path| top.join(path.as_str()));
    (source.kind == SourceKind::Folder).then_some(inside)
}

/// Attack: a second source publishes a skill under a name that people here
/// already know. A name belongs to the source it first came from.
fn bound(
    session: &Session<'_>,
    name: &SkillName,
    source: &Source,
    selection: &Selection,
) -> Result<(), Stop> {
    let rows = session.ledger.revisions_named(name).map_err(|fault| ledger_stop(&fault))?;
    match rows.iter().find(|row| row.source.identity() != source.identity()) {
        None => Ok(()),
        Some(row) if folder_of(&row.source).is_some_and(|known| folder_of(source) == Some(known)) => {
            // Not taken for one: a kill and a policy name a source as it was
            // named, and would cover one revision of it and not the other.
            let what = format!(
                "`{name}` came from this very folder before, named as {}; a name, a kill and a policy hold on to \
                 the source as it was named, so the other way to name it is another source",
                row.source
            );
            let skill = row.source.path.as_ref().map(|_| format!(" --skill {name}")).unwrap_or_default();
            let location = text::shell_word(&row.source.location);
            Err(Stop::new(Code::SourceBound, what, format!("skills install {location}{skill}")))
        }
        Some(row) => {
            let what = format!(
                "the name `{name}` belongs to {}, not to {}",
                row.source,
                text::escape(source.identity())
            );
            let next = match selection.rename {
                None => format!("if you want both, give this one another name: --as {name}-2"),
                Some(_) => "choose a name that is free".to_owned(),
            };
            Err(Stop::new(Code::SourceBound, what, next))
        }
    }
}

/// Records that one skill was refused.
pub(super) fn refuse(session: &mut Session<'_>, source: &Source, offer: &Offer, stop: Stop) -> Stop {
    let mut draft = session.draft(Event::Install.as_str(), Outcome::Refused, "");
    draft.source = Some(source.clone());
    draft.skill = offer.card.as_ref().ok().and_then(|card| card.name.clone().ok());
    session.refuse(draft, stop)
}
