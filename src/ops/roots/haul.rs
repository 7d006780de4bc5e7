//! Fetching from a trust root: everything that is new and verified, in memory.
//!
//! Nothing lasting is changed here, and no lock is held: a server may be slow.
//! What comes out is kept by `follow`, in one transaction.
//!
//! Attack: a mirror that hands out new metadata and withholds the one list that
//! would stop a skill. A file that does not come keeps its older bytes, and the
//! root counts as stale until it comes.

use super::{Ended, Ground, drive, policies};
use crate::model::code::{Code, Stop};
use crate::model::digest::{Digest, sha256};
use crate::model::followed::KeptTarget;
use crate::model::source::SourceSpec;
use crate::model::text;
use crate::model::time::Timestamp;
use crate::model::tuf::advisory::Advisory;
use crate::model::tuf::layout::Place;
use crate::model::tuf::lists;
use crate::ops::install::fetch_stop;
use crate::policy::provenance::keys::PublicKey;
use crate::policy::provenance::tuf::{Client, Fault, Found, Memory, ROOT_MAX, ROOTS_MAX, Request, Standing};
use crate::policy::provenance::x509::Anchor;
use crate::system::fetch::FetchOptions;
use crate::system::roots::{Cache, Origin};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

/// Most files of one root that are kept.
const FILES_MAX: usize = 4_096;
/// Most bytes that they have together.
const BYTES_MAX: u64 = 64 << 20;

/// Where a root lies, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A folder of this machine, as it lies there.
    Folder(PathBuf),
    /// A git repository, resolved anew each time.
    Git(SourceSpec),
    /// An https address, ending in a slash.
    Web(String),
}

impl Address {
    /// Reads it. A folder is named by its full path; an https address that ends
    /// in a slash is a folder on a web server, any other one a repository.
    ///
    /// # Errors
    /// [`Code::SourceRefused`].
    pub fn parse(typed: &str) -> Result<Self, Stop> {
        let refuse = |why: &str| {
            let what = format!("`{}` is no place of a trust root: {why}", text::escape_short(typed, 200));
            let next = "name a folder, a git repository as `install` takes one, or https://HOST/PATH/ with a slash at its end";
            Stop::new(Code::SourceRefused, what, next)
        };
        if typed.starts_with('/') {
            let plain = !typed.chars().any(text::is_hidden);
            return if plain {
                Ok(Self::Folder(PathBuf::from(typed)))
            } else {
                Err(refuse("characters that do not show"))
            };
        }
        let web = typed.strip_prefix("https://").filter(|rest| rest.ends_with('/'));
        let spec = SourceSpec::parse(typed.trim_end_matches('/'), |_| false);
        match (spec.map_err(|bad| refuse(&text::escape(&bad.to_string())))?, web) {
            (SourceSpec::Site { url } | SourceSpec::Git { url, .. }, Some(_))
            | (SourceSpec::Site { url }, None) => Ok(Self::Web(format!("{url}/"))),
            (spec @ SourceSpec::Git { .. }, None) => Ok(Self::Git(spec)),
            _ => Err(refuse("an archive has no history to follow")),
        }
    }

    /// Reaches it. `scratch` is an empty folder that the caller deletes.
    ///
    /// # Errors
    /// [`Code::SourceUnreachable`] and what fetching a skill says.
    pub fn open(&self, scratch: &Path, options: &FetchOptions) -> Result<Origin, Stop> {
        match self {
            Self::Folder(path) => Origin::folder(path).map_err(|error| {
                let what = format!("{}: {error}", text::escape(&path.to_string_lossy()));
                Stop::new(Code::SourceUnreachable, what, "check the path; a link is not followed")
            }),
            Self::Git(spec) => Origin::fetched(spec, scratch, options).map_err(|error| fetch_stop(&error)),
            Self::Web(base) => Origin::web(base, options).map_err(|error| fetch_stop(&error)),
        }
    }
}

/// What was kept before, and how to read it.
pub struct Had<'a> {
    /// The files.
    pub targets: &'a [KeptTarget],
    /// Bytes by their digest.
    pub read: &'a dyn Fn(&Digest) -> Option<Vec<u8>>,
    /// The cache, if there is one.
    pub cache: Option<&'a Cache>,
}

/// What came.
#[derive(Debug)]
pub struct Haul {
    /// All that was verified, to be remembered.
    pub memory: Memory,
    /// Metadata for the cache, by name.
    pub cache: BTreeMap<String, Vec<u8>>,
    /// The files of the root from now on; with their bytes where those are new.
    pub files: Vec<(KeptTarget, Option<Vec<u8>>)>,
    /// Keys of the anchors among them, by publisher.
    pub anchors: Vec<(String, Digest)>,
    /// Until then all of it counts; none if something was missing.
    pub fresh_until: Option<Timestamp>,
    /// The highest number of kill orders that was seen before this.
    pub order_seen: u64,
    /// What was missing or not believed, besides; escaped.
    pub faults: Vec<String>,
    /// Why the policy that it lists now cannot be used, if so; escaped. It is
    /// among `faults` too.
    pub policy_fault: Option<String>,
    /// Why the refresh did not come to its end, if so.
    pub ended: Option<Stop>,
}

/// Metadata as it comes, and the cache.
struct Table<'a> {
    origin: &'a Origin,
    cache: Option<&'a Cache>,
    new: BTreeMap<String, Vec<u8>>,
}

impl Ground for Table<'_> {
    fn fetch(&mut self, request: &Request) -> io::Result<Option<Vec<u8>>> {
        self.origin.metadata(&request.name, request.max)
    }

    fn cached(&mut self, name: &str, max: u64) -> Option<Vec<u8>> {
        let new = self.new.get(name).cloned();
        new.or_else(|| self.cache?.get(name, max).ok().flatten())
    }

    fn keep(&mut self, _: &Memory, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.new.insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }
}

/// Why a refresh ended, in the product's words.
#[must_use]
pub fn ended_stop(ended: &Ended) -> Stop {
    match ended {
        Ended::Fault(Fault::Damaged { why }) => crate::ops::revoked::damaged(why),
        Ended::Fault(fault @ Fault::Expired { .. }) => Stop::new(
            Code::RootRefused,
            fault.to_string(),
            "ask its owner to publish anew, then: skills roots refresh",
        ),
        Ended::Fault(fault) => {
            let next = "nothing of it was taken; ask its owner, by another way than this came";
            Stop::new(Code::RootRefused, fault.to_string(), next)
        }
        Ended::Io(error) => {
            let what = text::escape_short(&error.to_string(), 400);
            Stop::new(
                Code::SourceUnreachable,
                what,
                "check the address and the connection, then: skills roots refresh",
            )
        }
    }
}

/// Finds the first root by its pin among those that are published.
///
/// # Errors
/// [`Code::RootRefused`] if none has it; [`Code::SourceUnreachable`].
pub fn first(origin: &Origin, pin: Digest) -> Result<Memory, Stop> {
    let read = |name: &str| origin.metadata(name, ROOT_MAX).map_err(|error| ended_stop(&Ended::Io(error)));
    let mut found = None;
    for version in 1..=ROOTS_MAX {
        let Some(bytes) = read(&format!("{version}.root.json"))? else { break };
        if sha256(&[&bytes]) == pin {
            return Memory::bootstrap(&bytes, pin).map_err(|fault| ended_stop(&Ended::Fault(fault)));
        }
        found = found.or(Some(bytes));
    }
    // Whoever keeps one file alone keeps it under this name.
    if found.is_none() {
        found = read("root.json")?;
    }
    let Some(bytes) = found else {
        let what = "no trust root lies there: it has no metadata/1.root.json";
        let next = "check the address; a web server's folder ends in a slash, a repository does not";
        return Err(Stop::new(Code::RootRefused, what, next));
    };
    Memory::bootstrap(&bytes, pin).map_err(|fault| ended_stop(&Ended::Fault(fault)))
}

/// Asks for all that is new.
#[must_use]
pub fn haul(memory: Memory, now: Timestamp, origin: &Origin, had: &Had<'_>) -> Haul {
    let mut table = Table { origin, cache: had.cache, new: BTreeMap::new() };
    let kept = |had: &Had<'_>| had.targets.iter().map(|one| (one.clone(), None)).collect();
    let stopped = |memory: Memory, cache, ended: &Ended| Haul {
        order_seen: memory.kill_order(),
        memory,
        cache,
        files: kept(had),
        anchors: Vec::new(),
        fresh_until: None,
        faults: Vec::new(),
        policy_fault: None,
        ended: Some(ended_stop(ended)),
    };
    let mut client = match Client::refresh(memory.clone(), now) {
        Ok(client) => client,
        Err(fault) => return stopped(memory, BTreeMap::new(), &Ended::Fault(fault)),
    };
    if let Err(ended) = drive(&mut client, &mut table) {
        return stopped(client.memory().clone(), table.new, &ended);
    }
    let order_seen = client.memory().kill_order();
    let mut files = Files {
        client,
        table,
        had,
        files: Vec::new(),
        anchors: Vec::new(),
        faults: Vec::new(),
        policy_fault: None,
        until: None,
    };
    files.all();
    let Files { client, table, files, anchors, faults, policy_fault, until, .. } = files;
    let fresh_until = match client.memory().standing(now) {
        Ok(Standing::Fresh { until: end }) if faults.is_empty() => {
            Some(until.map_or(end, |until| end.min(until)))
        }
        _ => None,
    };
    let memory = client.memory().clone();
    Haul {
        memory,
        cache: table.new,
        files,
        anchors,
        fresh_until,
        order_seen,
        faults,
        policy_fault,
        ended: None,
    }
}

/// The files, one after the other.
struct Files<'a> {
    client: Client,
    table: Table<'a>,
    had: &'a Had<'a>,
    files: Vec<(KeptTarget, Option<Vec<u8>>)>,
    anchors: Vec<(String, Digest)>,
    faults: Vec<String>,
    policy_fault: Option<String>,
    until: Option<Timestamp>,
}

/// What stops comes first, so that no number of other files keeps it away.
fn rank(path: &str) -> u8 {
    match Place::of(path) {
        Place::KillOrders => 0,
        Place::Revocations => 1,
        Place::Advisory(_) => 2,
        Place::Policy => 3,
        Place::AllowedSigners => 4,
        Place::Anchor(_) | Place::StampAnchor(_) => 5,
        Place::Review(_) | Place::Other => 6,
    }
}

impl Files<'_> {
    fn all(&mut self) {
        let walked =
            self.client.walk().map_err(Ended::Fault).and_then(|()| drive(&mut self.client, &mut self.table));
        let (mut paths, faults) = self.client.listed();
        let whole = walked.is_ok() && faults.is_empty();
        self.faults.extend(faults.iter().map(ToString::to_string));
        self.faults.extend(walked.err().map(|ended| ended.to_string()));
        paths.retain(|path| Place::of(path) != Place::Other);
        paths.sort_by_key(|path| rank(path));
        if paths.len() > FILES_MAX {
            self.faults.push(format!("it lists {} files; {FILES_MAX} are kept", paths.len()));
            paths.truncate(FILES_MAX);
        }
        let (mut seen, mut bytes) = (BTreeSet::new(), 0);
        for path in paths {
            seen.insert(path.clone());
            match self.one(&path, BYTES_MAX.saturating_sub(bytes)) {
                Ok(length) => bytes += length,
                Err(why) => {
                    let fault = format!("`{}`: {why}", text::escape_short(&path, 120));
                    if Place::of(&path) == Place::Policy {
                        self.policy_fault = Some(fault.clone());
                    }
                    self.faults.push(fault);
                    self.stay(&path);
                }
            }
        }
        // A role that could not be read may still list what it listed.
        for kept in self.had.targets.iter().filter(|kept| !whole && !seen.contains(&kept.path)) {
            self.files.push((kept.clone(), None));
        }
        self.files.sort_by(|a, b| a.0.path.cmp(&b.0.path));
    }

    /// What was kept under a path stays.
    fn stay(&mut self, path: &str) {
        let kept = self.had.targets.iter().find(|kept| kept.path == path);
        self.files.extend(kept.map(|kept| (kept.clone(), None)));
    }

    /// Takes one file; its length.
    fn one(&mut self, path: &str, room: u64) -> Result<u64, String> {
        let found =
            super::find(&mut self.client, path, &mut self.table).map_err(|ended| ended.to_string())?;
        // Listed by a role that may not speak for it.
        let Some(found) = found else { return Ok(0) };
        if found.max > room {
            return Err(format!("all files together are larger than {BYTES_MAX} bytes"));
        }
        let (bytes, new) = self.bytes(&found)?;
        match Place::of(path) {
            Place::Revocations => drop(lists::revocations(&bytes).map_err(|why| why.to_string())?),
            Place::KillOrders => {
                drop(self.client.take_kill_orders(&found, &bytes).map_err(|fault| fault.to_string())?);
            }
            Place::Advisory(id) => drop(Advisory::read(id, &bytes).map_err(|why| why.to_string())?),
            Place::Anchor(publisher) => {
                self.anchors.extend(anchor_key(&bytes).map(|key| (publisher.to_owned(), key)));
            }
            // What this version does not understand leaves the older one in force.
            Place::Policy => drop(policies::read(&bytes).map_err(|why| not_understood(&why))?),
            _ => {}
        }
        let custom =
            found.file.custom.as_ref().map(|custom| String::from_utf8_lossy(&custom.to_json()).into_owned());
        let kept = KeptTarget { bytes: sha256(&[&bytes]), custom, path: path.to_owned() };
        let length = bytes.len() as u64;
        self.until = Some(self.until.map_or(found.until, |until| until.min(found.until)));
        self.files.push((kept, new.then_some(bytes)));
        Ok(length)
    }

    /// The bytes of a file that was found, and whether they are new.
    fn bytes(&self, found: &Found) -> Result<(Vec<u8>, bool), String> {
        let kept = self.had.targets.iter().find(|kept| kept.path == found.path);
        let kept =
            kept.and_then(|kept| (self.had.read)(&kept.bytes)).filter(|bytes| found.check(bytes).is_ok());
        if let Some(bytes) = kept {
            return Ok((bytes, false));
        }
        let bytes = self.table.origin.target(&found.place, found.max);
        let bytes = bytes.map_err(|error| text::escape_short(&error.to_string(), 300))?;
        let bytes = bytes.ok_or("it is listed, and not there")?;
        found.check(&bytes).map_err(|fault| fault.to_string())?;
        Ok((bytes, true))
    }
}

/// Why a new policy is not taken.
fn not_understood(why: &str) -> String {
    let why = text::escape_short(why, 300);
    format!("this version does not understand it, and the rules that were in force stay as they were: {why}")
}

/// The key of an anchor, by the SHA-256 of its SubjectPublicKeyInfo.
fn anchor_key(pem: &[u8]) -> Option<Digest> {
    let text = std::str::from_utf8(pem).ok()?;
    let key = PublicKey::from_pem(text).ok().map(|key| key.fingerprint());
    key.or_else(|| Anchor::from_pem(text).ok().map(|anchor| *anchor.spki()))
}
