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

use super::session::{Depth, Session, ledger_stop};
use super::{World, apply, refusals, revoked};
use crate::model::card::Card;
use crate::model::code::{Code, Stop};
use crate::model::digest::Digest;
use crate::model::lifecycle::{Event, Lifecycle, RevisionRow};
use crate::model::limits::{Fault, Limits};
use crate::model::manifest::Manifest;
use crate::model::record::Outcome;
use crate::model::skill::{Revision, SkillName};
use crate::model::source::{Source, SourceKind, SourceSpec};
use crate::model::text;
use crate::policy::entry;
use crate::policy::transition::Input;
use crate::system::fetch::{self, FetchError, FetchOptions, Found, Origin};
use crate::system::home::Home;
use crate::system::store::{Promoted, Staged, Staging, Store, sweep_staging};
use crate::system::tree;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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

/// A skill as its source offers it.
#[derive(Debug, Clone)]
pub struct Offer {
    /// Where in the source.
    pub found: Found,
    /// Its card, or what is wrong with it, escaped.
    pub card: Result<Card, Vec<String>>,
    /// The name it is listed under, escaped.
    pub title: String,
}

/// A source that was reached, in scratch space that goes when this is dropped.
pub struct Opened {
    origin: Box<dyn Origin>,
    /// The skills in it.
    pub offers: Vec<Offer>,
    /// Places that were not searched.
    pub faults: Vec<Fault>,
    /// Symbolic links outside of every skill, which were passed over.
    pub links: u64,
    interrupt: Arc<AtomicBool>,
    /// None only when we look and there is no home yet.
    home: Option<Home>,
    _lock: OwnedFd,
    _scratch: tempfile::TempDir,
}

/// What became of one skill.
#[derive(Debug)]
pub struct Arrival {
    /// Its name as far as known, escaped.
    pub title: String,
    /// Its row and whether it is new, or why it was refused.
    pub outcome: Result<(RevisionRow, bool), Stop>,
}

/// Why a source is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To see what is there: no home is made and nothing recorded.
    Look,
    /// To take skills in.
    Take,
}

/// Reaches a source and lists its skills. Makes the home if there is none,
/// unless we only look.
///
/// # Errors
/// [`Stop`]; what a person should know is recorded.
pub fn open(
    world: &World,
    spec: &SourceSpec,
    options: &FetchOptions,
    purpose: Purpose,
) -> Result<Opened, Stop> {
    let record = |source: Option<&Source>, stop: Stop| match purpose {
        Purpose::Look => stop,
        Purpose::Take => record(world, source, stop),
    };
    if let Err(stop) = world.no_agent("skills install …") {
        return Err(record(None, stop));
    }
    let home = home_for(world, purpose)?;
    let (scratch, lock) = scratch(home.as_ref())?;
    let policy = world.policy()?;
    let options = FetchOptions { internal_hosts: policy.internal.clone(), ..options.clone() };
    // What is named by an address is judged before anybody is contacted; the
    // real path of what is here is known only once it was opened.
    if let Some(address) = spec.address()
        && let Err(rule) = policy.check_source(address)
    {
        let what = format!("{} may not be used: {rule}", text::escape_short(address, 300));
        let next = "a person changes the policy file, or uses another source";
        return Err(record(None, Stop::new(Code::PolicyUnmet, what, next)));
    }
    let origin = match fetch::open(spec, scratch.path(), &options) {
        Ok(origin) => origin,
        Err(error) => return Err(record(None, fetch_stop(&error))),
    };
    if origin.source().location.chars().any(text::is_hidden) {
        // Attack: the folder typed is a link to one whose name would write
        // another line into a log, a permit or a terminal.
        let what = format!("{}: its real path holds characters that do not show", origin.source());
        let stop = Stop::new(Code::SourceRefused, what, "rename the folder");
        return Err(record(None, stop));
    }
    if let Err(rule) = policy.check_source(origin.source().identity()) {
        let what = format!("{} may not be used: {rule}", origin.source());
        let stop =
            Stop::new(Code::PolicyUnmet, what, "a person changes the policy file, or uses another source");
        return Err(record(Some(origin.source()), stop));
    }
    let listing = match origin.skills() {
        Ok(listing) => listing,
        Err(error) => return Err(record(Some(origin.source()), fetch_stop(&error))),
    };
    let offers = listing.skills.into_iter().map(offer).collect();
    let interrupt = Arc::clone(&options.interrupt);
    let (faults, links) = (listing.faults, listing.links);
    Ok(Opened { origin, offers, faults, links, interrupt, home, _lock: lock, _scratch: scratch })
}

fn home_for(world: &World, purpose: Purpose) -> Result<Option<Home>, Stop> {
    let session = match purpose {
        Purpose::Take => Session::open_or_create(world)?,
        Purpose::Look => match Session::open(world, Depth::All) {
            Err(stop) if stop.code == Code::HomeMissing => return Ok(None),
            opened => opened?,
        },
    };
    sweep_staging(&session.home).map_err(|fault| refusals::store_stop(&fault))?;
    Home::open(&world.home).map(Some).map_err(|fault| super::session::home_stop(&fault))
}

/// A private folder in staging, locked so that no sweep takes it for left
/// over; without a home, one in the system's temporary folder.
fn scratch(home: Option<&Home>) -> Result<(tempfile::TempDir, OwnedFd), Stop> {
    let io = |error: std::io::Error| {
        Stop::new(Code::Io, format!("staging: {error}"), "free space, or run: skills doctor")
    };
    let parent = home.map_or_else(std::env::temp_dir, |home| home.path().join("staging"));
    let folder = tempfile::Builder::new().prefix("fetch-").tempdir_in(parent).map_err(io)?;
    let lock = tree::open_folder(folder.path()).map_err(io)?;
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive)
        .map_err(|error| io(error.into()))?;
    Ok((folder, lock))
}

/// A skill that was found, with its card read.
pub(super) fn offer(found: Found) -> Offer {
    let card = Card::parse(&found.card).map_err(|faults| faults.iter().map(ToString::to_string).collect());
    let folder = found.path.as_ref().map_or("(root)", |path| path.as_str());
    let title = match &card {
        Ok(Card { name: Ok(name), .. }) => name.to_string(),
        Ok(Card { raw_name: Some(raw), .. }) => text::escape_short(raw, 64),
        _ => text::escape_short(folder, 64),
    };
    Offer { found, card, title }
}

impl Opened {
    /// The resolved source.
    #[must_use]
    pub fn source(&self) -> &Source {
        self.origin.source()
    }

    /// What a person should know about how it was reached.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        self.origin.notes()
    }

    /// Where the skills may be instead: a folder that is a repository without
    /// a work tree is read as a folder unless it is named as a repository.
    #[must_use]
    pub fn elsewhere(&self) -> String {
        let source = self.source();
        let folder = std::path::Path::new(&source.location);
        let bare = source.kind == SourceKind::Folder
            && folder.join("HEAD").is_file()
            && folder.join("objects").is_dir();
        if !bare {
            return "name the repository or folder that holds the skill".to_owned();
        }
        let url = text::shell_word(&format!("file://{}", source.location));
        format!("it is a git repository without its files; name it as one: skills install {url} --list")
    }

    /// Picks the skills that were asked for.
    ///
    /// # Errors
    /// [`Code::NoSkill`], [`Code::Choose`] with what is there.
    pub fn select(&self, selection: &Selection) -> Result<Vec<&Offer>, Stop> {
        let list = || {
            let mut titles: Vec<_> = self.offers.iter().take(20).map(|offer| offer.title.as_str()).collect();
            if self.offers.len() > 20 {
                titles.push("…");
            }
            titles.join(", ")
        };
        if self.offers.is_empty() {
            let what = format!("{} has no folder with a SKILL.md", self.source());
            return Err(Stop::new(Code::NoSkill, what, self.elsewhere()));
        }
        if selection.all {
            return Ok(self.offers.iter().collect());
        }
        if selection.names.is_empty() {
            return match self.offers.as_slice() {
                [one] => Ok(vec![one]),
                many => Err(Stop::new(
                    Code::Choose,
                    format!("{} skills are there: {}", many.len(), list()),
                    "add --skill NAME (more than once if you like), --all, or --list to see them",
                )),
            };
        }
        let mut picked = Vec::new();
        for name in &selection.names {
            let is = |offer: &&Offer| {
                offer.title == *name || offer.found.path.as_ref().is_some_and(|path| path.as_str() == name)
            };
            let matching: Vec<_> = self.offers.iter().filter(is).collect();
            match matching.as_slice() {
                [one] => picked.push(*one),
                [] => {
                    let what = format!(
                        "no skill `{}` is there; there are: {}",
                        text::escape_short(name, 64),
                        list()
                    );
                    return Err(Stop::new(Code::NoSkill, what, "add --list to see them"));
                }
                many => {
                    let paths: Vec<_> = many
                        .iter()
                        .filter_map(|offer| offer.found.path.as_ref())
                        .map(|path| path.as_str())
                        .collect();
                    let what = format!(
                        "{} folders claim the name `{}`: {}",
                        many.len(),
                        text::escape_short(name, 64),
                        paths.join(", ")
                    );
                    return Err(Stop::new(Code::Choose, what, "name one by its folder: --skill FOLDER"));
                }
            }
        }
        Ok(picked)
    }

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
        let policy = world.policy()?;
        let staged: Vec<_> = picked.iter().map(|offer| (*offer, self.stage(offer, &policy.limits))).collect();
        let mut session = Session::open(world, Depth::All)?;
        let mut arrivals = Vec::new();
        for (offer, staged) in staged {
            let source = self.origin.source_of(&offer.found);
            let outcome = staged
                .and_then(|staged| admit(&mut session, offer, &source, staged, selection, None))
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
        let staged = self.stage(offer, &world.policy()?.limits)?;
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

/// Under the lock: name, hold, digest; then store and record, with a note.
pub(super) fn admit(
    session: &mut Session<'_>,
    offer: &Offer,
    source: &Source,
    staged: Staged,
    selection: &Selection,
    note: Option<String>,
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
    revoked::refuse(&session.ledger, known.as_ref().unwrap_or(&arriving), session.now)?;
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
    draft.note = note;
    let mut row = row;
    session.commit(|txn| {
        if new {
            row.seq = txn.next_seq();
            txn.put(&row).map_err(|fault| ledger_stop(&fault))?;
        }
        txn.keep_manifest(&manifest).map_err(|fault| ledger_stop(&fault))?;
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

impl Opened {
    /// Records that nothing in the source is what was asked for. A selection
    /// that only needs to be said more clearly is no refusal.
    pub fn refused(&self, world: &World, stop: Stop) -> Stop {
        if stop.code == Code::NoSkill { record(world, Some(self.source()), stop) } else { stop }
    }
}

/// Records a refusal that came before any skill was looked at.
pub(super) fn record(world: &World, source: Option<&Source>, stop: Stop) -> Stop {
    match Session::open(world, Depth::All) {
        Ok(mut session) => {
            let mut draft = session.draft(Event::Install.as_str(), Outcome::Refused, "");
            draft.source = source.cloned();
            session.refuse(draft, stop)
        }
        Err(_) => stop,
    }
}

/// A source's fault in the product's words.
#[must_use]
pub fn fetch_stop(error: &FetchError) -> Stop {
    let what = error.to_string();
    match error {
        FetchError::Refused(faults) => refusals::entries_stop(faults),
        FetchError::Unreachable { .. } => {
            Stop::new(Code::SourceUnreachable, what, "check the address and the connection")
        }
        FetchError::Cancelled => {
            Stop::new(Code::Cancelled, "interrupted; nothing was changed", "run it again when you like")
        }
        FetchError::Offline { .. } => Stop::new(Code::SourceUnreachable, what, "leave out --offline"),
        FetchError::Ambiguous { .. } => Stop::new(Code::Choose, what, "name it in full with --rev"),
        FetchError::Reference { .. } | FetchError::Missing { .. } => {
            Stop::new(Code::SourceBroken, what, "look at what the source has")
        }
        FetchError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            Stop::new(Code::SourceUnreachable, what, "check the path")
        }
        #[cfg(feature = "archives")]
        FetchError::Archive { .. } => Stop::new(
            Code::SourceBroken,
            what,
            "nothing was taken from it; docs/archives.md says which form is read, and how to pack one",
        ),
        FetchError::Io { .. } => Stop::new(Code::Io, what, "free space, or run: skills doctor"),
        _ => Stop::new(Code::SourceBroken, what, "nothing was taken from it"),
    }
}
