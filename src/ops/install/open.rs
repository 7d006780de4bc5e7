//! A source, reached: what is in it, and which of that is meant. Nothing of it
//! is in the store yet; all lies in a scratch folder that goes with it.
//!
//! What is named by an address is judged by the policy before anybody is
//! contacted, every address on the way too, and what was found once more.

use super::Selection;
use crate::model::card::Card;
use crate::model::code::{Code, Stop};
use crate::model::lifecycle::Event;
use crate::model::limits::Fault;
use crate::model::record::Outcome;
use crate::model::source::{Source, SourceKind, SourceSpec};
use crate::model::text;
use crate::ops::session::{Depth, Session, home_stop};
use crate::ops::{World, layers, refusals};
use crate::system::fetch::{self, FetchError, FetchOptions, Found, Origin};
use crate::system::home::Home;
use crate::system::store::sweep_staging;
use crate::system::tree;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

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
    pub(super) origin: Box<dyn Origin>,
    /// The skills in it.
    pub offers: Vec<Offer>,
    /// Places that were not searched.
    pub faults: Vec<Fault>,
    /// Symbolic links outside of every skill, which were passed over.
    pub links: u64,
    pub(super) interrupt: Arc<AtomicBool>,
    /// None only when we look and there is no home yet.
    pub(super) home: Option<Home>,
    _lock: OwnedFd,
    _scratch: tempfile::TempDir,
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
    let policy = layers::in_force(world)?;
    let rules = policy.clone();
    let options = FetchOptions {
        internal_hosts: policy.internal.clone(),
        // Redirects, and what a site's index names, are known only on the way.
        allowed: Some(Arc::new(move |address| rules.check_source(address))),
        ..options.clone()
    };
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
    Home::open(&world.home).map(Some).map_err(|fault| home_stop(&fault))
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
pub(in crate::ops) fn offer(found: Found) -> Offer {
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
}

impl Opened {
    /// Records that nothing in the source is what was asked for. A selection
    /// that only needs to be said more clearly is no refusal.
    pub fn refused(&self, world: &World, stop: Stop) -> Stop {
        if stop.code == Code::NoSkill { record(world, Some(self.source()), stop) } else { stop }
    }
}

/// Records a refusal that came before any skill was looked at.
pub(in crate::ops) fn record(world: &World, source: Option<&Source>, stop: Stop) -> Stop {
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
        FetchError::Forbidden { .. } => {
            Stop::new(Code::PolicyUnmet, what, "a person changes the policy file, or uses another source")
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
