//! Publishing: new snapshot and timestamp over what is signed by enough, tried
//! out with the client that others use, and only then written.
//!
//! ```text
//! same root       new files under new names, the timestamp last: until it is renamed
//!                 into place every reader sees the old release whole
//! another root    all of metadata/ at once (`Space::replace_metadata`): a timestamp of
//!                 a key that goes is void under the new root, one of a key that
//!                 comes is void under the old one
//! ```
//!
//! Files of older releases stay: somebody may be reading them.

use super::super::World;
use super::drive::{self, Ground};
use super::keys::Signer;
use super::team::{Team, io, typed};
use crate::model::code::{Code, Stop};
use crate::model::digest::sha256;
use crate::model::time::Timestamp;
use crate::model::tuf::publish::{Draft, Seal};
use crate::model::tuf::{Malformed, Role, Root, SecretKey, Targets, Trusted, Unverified, file_of};
use crate::policy::provenance::tuf::{Memory, Request, Standing};
use crate::system::publishing::Space;
use crate::system::roots::METADATA;
use std::collections::BTreeMap;

/// Days that a timestamp counts, if nothing else is said: how long a server
/// that shows an old release is believed.
pub(super) const TIMESTAMP_DAYS: i64 = 14;
/// Days that a snapshot counts.
pub(super) const SNAPSHOT_DAYS: i64 = 90;
/// Days that a root and targets count.
pub(super) const YEAR: i64 = 365;

/// What is to be published.
pub(super) struct Next {
    /// A root, if there is a new one.
    pub(super) root: Option<Trusted<Root>>,
    /// The top-level targets, if there are new ones.
    pub(super) targets: Option<Vec<u8>>,
    /// Until when the timestamp counts.
    pub(super) until: Timestamp,
}

/// Whether these are enough for a role, each counted once.
pub(super) fn enough(role: &Role, signers: &[Signer]) -> bool {
    signers.iter().filter(|signer| signer.is_of(role)).count() as u64 >= role.threshold
}

/// Which online role cannot be signed with these keys.
pub(super) fn missing(root: &Root, signers: &[Signer]) -> Option<(&'static str, u64)> {
    let online = [("snapshot", &root.snapshot), ("timestamp", &root.timestamp)];
    online.into_iter().find(|(_, role)| !enough(role, signers)).map(|(name, role)| (name, role.threshold))
}

/// The keys of a role; those of the root before sign along, so that who read
/// the old root a moment ago can use the new files.
fn keys_of<'a>(signers: &'a [Signer], new: &Role, old: &Role) -> Vec<&'a SecretKey> {
    let of = |signer: &&Signer| signer.is_of(new) || signer.is_of(old);
    signers.iter().filter(of).map(|signer| &signer.key).collect()
}

/// Publishes; what it is was checked by the caller, who has found no role
/// [`missing`].
pub(super) fn publish(world: &World, team: &mut Team, signers: &[Signer], next: Next) -> Result<u64, Stop> {
    let now = world.clock.now();
    let stop = |bad: Malformed| Stop::new(Code::Internal, format!("BUG: {bad}"), "");
    let old = team.root.get();
    let root = next.root.as_ref().map_or(old, Trusted::get);
    let mut roles = team.roles.clone();
    if let (Some(bytes), Some(slot)) = (&next.targets, roles.first_mut()) {
        slot.1.clone_from(bytes);
    }
    let end = |days: i64| Timestamp::from_unix(now.unix() + days * 86_400);
    let seal = Seal {
        version: team.snapshot.get().head.version.max(team.timestamp.get().head.version) + 1,
        // A snapshot that ended before its timestamp would make that one useless.
        snapshot_expires: end(SNAPSHOT_DAYS).max(next.until),
        timestamp_expires: next.until,
        snapshot_keys: &keys_of(signers, &root.snapshot, &old.snapshot),
        timestamp_keys: &keys_of(signers, &root.timestamp, &old.timestamp),
    };
    let mut files = seal.release(&roles).map_err(stop)?;
    let new_root = next
        .root
        .as_ref()
        .map(|root| (file_of("root", Some(root.get().head.version)), root.bytes().to_vec()));
    let swap = new_root.is_some();
    files.splice(0..0, new_root);
    write(team, &files, swap, now)?;
    for (role, done) in [("root", swap), ("targets", next.targets.is_some())] {
        if done {
            team.drop_draft(role)?;
        }
    }
    Ok(seal.version)
}

/// A new timestamp over the snapshot that is there.
pub(super) fn stamp(world: &World, team: &Team, signers: &[Signer], until: Timestamp) -> Result<u64, Stop> {
    let stop = |bad: Malformed| Stop::new(Code::Internal, format!("BUG: {bad}"), "");
    let version = team.timestamp.get().head.version + 1;
    let mut draft = Draft::timestamp(version, until, team.snapshot.bytes()).map_err(stop)?;
    let role = &team.root.get().timestamp;
    for signer in signers.iter().filter(|signer| signer.is_of(role)) {
        draft = draft.sign(&signer.key).map_err(stop)?;
    }
    let files = [(file_of("timestamp", None), draft.to_bytes())];
    write(team, &files, false, world.clock.now())?;
    Ok(version)
}

fn write(team: &Team, files: &[(String, Vec<u8>)], swap: bool, now: Timestamp) -> Result<(), Stop> {
    rehearse(&team.space, &team.first, files, now).map_err(|why| {
        let what = format!("not published: with these files a client would say: {why}");
        let next = format!("see what is there: skills roots show {}", typed(&team.path));
        Stop::new(Code::SourceBroken, what, next)
    })?;
    if swap {
        let replaced = team.space.replace_metadata(files);
        return replaced.map_err(io(&team.path, "the metadata cannot be replaced all at once"));
    }
    for (name, bytes) in files {
        let put = team.space.put(&format!("{METADATA}/{name}"), bytes);
        put.map_err(io(&team.path, &format!("{name} cannot be written")))?;
    }
    Ok(())
}

/// The folder with files that are not in it yet.
struct Rehearsal<'a> {
    space: &'a Space,
    files: BTreeMap<&'a str, &'a [u8]>,
}

impl Ground for Rehearsal<'_> {
    fn fetch(&mut self, request: &Request) -> std::io::Result<Option<Vec<u8>>> {
        if let Some(bytes) = self.files.get(request.name.as_str()) {
            return Ok(Some(bytes.to_vec()));
        }
        self.space.read(&format!("{METADATA}/{}", request.name), request.max)
    }

    fn cached(&mut self, _: &str, _: u64) -> Option<Vec<u8>> {
        None
    }

    fn keep(&mut self, _: &Memory, _: &str, _: &[u8]) -> std::io::Result<()> {
        Ok(())
    }
}

/// Reads it all as a client that knows the first root alone: nothing is
/// published that nobody could follow.
pub(super) fn rehearse(
    space: &Space,
    first: &[u8],
    files: &[(String, Vec<u8>)],
    now: Timestamp,
) -> Result<(), String> {
    let files = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let mut ground = Rehearsal { space, files };
    let memory = Memory::bootstrap(first, sha256(&[first])).map_err(|fault| fault.to_string())?;
    let mut client = drive::refresh(memory, now, &mut ground).map_err(|ended| ended.to_string())?;
    let standing = client.memory().standing(now).map_err(|fault| fault.to_string())?;
    match standing {
        Standing::Fresh { .. } => {}
        Standing::Stale { role, since: Some(since) } => return Err(format!("the {role} ended {since}")),
        Standing::Stale { role, since: None } => return Err(format!("there is no {role}")),
        Standing::RootExpired { since } => return Err(format!("the root ended {since}")),
    }
    // A path that nobody lists: everybody who may speak for it is asked.
    drive::find(&mut client, "anchors/x.pem", &mut ground).map_err(|ended| ended.to_string())?;
    Ok(())
}

/// The first release, into a folder that has no metadata.
pub(super) fn first(
    space: &Space,
    path: &std::path::Path,
    files: &[(String, Vec<u8>)],
    now: Timestamp,
) -> Result<(), Stop> {
    let root = files.iter().find(|(name, _)| name == "1.root.json").map_or(&[][..], |(_, bytes)| bytes);
    rehearse(space, root, files, now)
        .map_err(|why| Stop::new(Code::Internal, format!("BUG: a client would say: {why}"), ""))?;
    space.replace_metadata(files).map_err(io(path, "the metadata cannot be written"))
}

/// A draft of the targets, if enough have signed it under this root.
pub(super) fn enough_signed(root: &Root, bytes: &[u8]) -> bool {
    Unverified::<Targets>::parse(bytes).is_ok_and(|file| file.verify(&root.keys, &root.targets).is_ok())
}
