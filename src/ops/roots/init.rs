//! `roots init`: a personal root in one step. One key for all roles, threshold
//! 1; it grows into a team's with `roots rotate`.

use super::super::World;
use super::super::session::real;
use super::check::{self, Terms};
use super::keys;
use super::release::{self, SNAPSHOT_DAYS, TIMESTAMP_DAYS, YEAR};
use super::team::{io, lock, outside_home, record, typed, until};
use crate::model::code::{Code, Stop};
use crate::model::digest::{Digest, sha256};
use crate::model::text;
use crate::model::time::Timestamp;
use crate::model::tuf::publish::{Draft, FilePlan, RootPlan, Seal, Signers, target_name};
use crate::model::tuf::{Malformed, Value};
use crate::system::publishing::Space;
use crate::system::roots::{METADATA, TARGETS, is_name};
use std::path::{Path, PathBuf};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// Where.
    pub folder: PathBuf,
    /// Whose key.
    pub key: String,
    /// Until when root and targets count, as typed; none: a year.
    pub expires: Option<String>,
    /// Targets that are there from the start: path, content and terms.
    pub targets: Vec<(String, Vec<u8>, Terms)>,
}

/// What was made.
#[derive(Debug, Clone)]
pub struct Made {
    /// Its folder, without links.
    pub folder: PathBuf,
    /// The SHA-256 of `1.root.json`: what others pin.
    pub pin: Digest,
    /// Until when the root counts.
    pub until: Timestamp,
    /// Until when the timestamp counts.
    pub stamped: Timestamp,
    /// A name for it, for the command that others run.
    pub name: String,
    /// The targets' paths.
    pub targets: Vec<String>,
    /// Why there is no record of it, where one should be.
    pub unrecorded: Option<String>,
}

/// Makes a trust root.
///
/// # Errors
/// [`Stop`]; then there is none.
pub fn init(world: &World, request: &Request, dry: bool) -> Result<Made, Stop> {
    let folder = &request.folder;
    world.no_agent(&format!(
        "skills roots init {} --key {}",
        typed(folder),
        text::shell_word(&request.key)
    ))?;
    outside_home(world, folder)?;
    let signers = keys::open(world, std::slice::from_ref(&request.key))?;
    let [signer] = signers.as_slice() else {
        return Err(Stop::new(Code::Internal, "BUG: one name, not one key", ""));
    };
    let now = world.clock.now();
    let ends = until(request.expires.as_deref(), YEAR, now)?;
    let stamped = until(None, TIMESTAMP_DAYS, now)?.min(ends);
    let one = Signers { keys: vec![signer.public.clone()], threshold: 1 };
    let plan = RootPlan { root: one.clone(), timestamp: one.clone(), snapshot: one.clone(), targets: one };
    let stop = |bad: Malformed| Stop::new(Code::Usage, bad.to_string(), "correct it, then run it again");
    let mut files = Vec::new();
    for (path, bytes, terms) in &request.targets {
        let refused = |why: String| {
            let what = format!("{}: {}", text::escape_short(path, 120), text::escape(&why));
            Stop::new(Code::SourceBroken, what, "correct it, then run it again; nothing was made")
        };
        check::content(path, bytes, None).map_err(refused)?;
        let custom: Option<Value> = check::custom(path, terms, now).map_err(refused)?;
        files.push(FilePlan { path, bytes, custom });
    }
    let sign = |draft: Draft| Ok(draft.sign(&signer.key)?.to_bytes());
    let root = Draft::first_root(&plan, ends).and_then(sign).map_err(stop)?;
    let targets = Draft::targets(1, ends, &files, &[]).and_then(sign).map_err(stop)?;
    let seal = Seal {
        version: 1,
        snapshot_expires: until(None, SNAPSHOT_DAYS, now)?,
        timestamp_expires: stamped,
        snapshot_keys: &[&signer.key],
        timestamp_keys: &[&signer.key],
    };
    let mut metadata = seal.release(&[("targets".to_owned(), targets)]).map_err(stop)?;
    let pin = sha256(&[&root]);
    metadata.insert(0, ("1.root.json".to_owned(), root));
    write(request, dry, &metadata, now)?;
    let folder = real(folder);
    let said = format!("made, with pin sha256:{}", pin.hex());
    let unrecorded = if dry { None } else { record(world, &folder, &said).map(|stop| stop.what) };
    let name = folder.file_name().and_then(|name| name.to_str()).filter(|name| is_name(name));
    Ok(Made {
        name: name.unwrap_or("team").to_owned(),
        folder,
        pin,
        until: ends,
        stamped,
        unrecorded,
        targets: request.targets.iter().map(|(path, ..)| path.clone()).collect(),
    })
}

/// The targets first, and then all metadata in one step: a crash in between
/// leaves files that nothing names, and no trust root.
fn write(request: &Request, dry: bool, metadata: &[(String, Vec<u8>)], now: Timestamp) -> Result<(), Stop> {
    let folder = &request.folder;
    if dry {
        return match Space::open(folder) {
            Ok(space) => empty(&space, folder),
            Err(_) => Ok(()),
        };
    }
    let space = Space::create(folder).map_err(io(folder, "it cannot be made"))?;
    lock(&space, folder)?;
    empty(&space, folder)?;
    for (path, bytes, _) in &request.targets {
        let put = space.put(&format!("{TARGETS}/{}", target_name(path, bytes)), bytes);
        put.map_err(io(folder, "a target cannot be written"))?;
    }
    release::first(&space, folder, metadata, now)
}

/// Attack, or a slip: a second `init` makes a root that nobody pinned, over one
/// that everybody follows.
fn empty(space: &Space, folder: &Path) -> Result<(), Stop> {
    let there = space.list(METADATA).map_err(io(folder, "its metadata"))?;
    if there.is_empty() {
        return Ok(());
    }
    let what = format!("{} holds a trust root already", text::escape(&folder.to_string_lossy()));
    Err(Stop::new(Code::TargetTaken, what, format!("see it: skills roots show {}", typed(folder))))
}

/// Reads a file that is to be a target.
///
/// # Errors
/// [`Stop`].
pub fn read(path: &Path) -> Result<Vec<u8>, Stop> {
    super::change::read(path)
}
