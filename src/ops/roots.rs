//! Asking a trust root for what is new.
//!
//! This is the loop between the client, which decides and does nothing, and
//! what fetches, caches and remembers. The order is that of a widening step:
//! what is newly trusted is remembered first, and only then cached.

pub mod carry;
pub mod follow;
pub mod haul;
pub mod may;

use crate::model::time::Timestamp;
use crate::policy::provenance::tuf::{Client, Fault, Found, Memory, Request};
use crate::system::roots::{Cache, Origin};
use std::io;

/// What a client reads from and writes to while it runs.
pub trait Ground {
    /// A metadata file of the repository, at most `max` bytes and one more.
    ///
    /// # Errors
    /// If it cannot be told whether there is one.
    fn fetch(&mut self, request: &Request) -> io::Result<Option<Vec<u8>>>;

    /// A file of the cache; whatever goes wrong with it, it is none.
    fn cached(&mut self, name: &str, max: u64) -> Option<Vec<u8>>;

    /// Remembers what is trusted from now on, and then caches the file.
    ///
    /// # Errors
    /// If it cannot be remembered; then the step was not taken.
    fn keep(&mut self, memory: &Memory, name: &str, bytes: &[u8]) -> io::Result<()>;
}

/// Why a refresh or search ended.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// What came is not trusted.
    #[error("{0}")]
    Fault(#[from] Fault),
    /// Reading or remembering failed.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Goes on until the client wants nothing more.
///
/// # Errors
/// [`Ended`]; what was kept until then stays.
pub fn drive(client: &mut Client, ground: &mut dyn Ground) -> Result<(), Ended> {
    while let Some(request) = client.wants() {
        let cached = request.cached.as_ref().and_then(|name| ground.cached(name, request.max));
        if let Some(bytes) = cached
            && client.offer(&bytes)?
        {
            // Remembered all the same: a cache may outlive a memory.
            if let Some((name, bytes)) = client.kept() {
                ground.keep(client.memory(), name, bytes)?;
            }
            continue;
        }
        let bytes = ground.fetch(&request)?;
        client.give(bytes.as_deref())?;
        if let Some((name, bytes)) = client.kept() {
            ground.keep(client.memory(), name, bytes)?;
        }
    }
    Ok(())
}

/// Refreshes, and hands out the client for searches.
///
/// # Errors
/// [`Ended`].
pub fn refresh(memory: Memory, now: Timestamp, ground: &mut dyn Ground) -> Result<Client, Ended> {
    let mut client = Client::refresh(memory, now)?;
    drive(&mut client, ground)?;
    Ok(client)
}

/// Looks for a target; none if nobody who may lists it.
///
/// # Errors
/// [`Ended`].
pub fn find(client: &mut Client, path: &str, ground: &mut dyn Ground) -> Result<Option<Found>, Ended> {
    client.seek(path)?;
    drive(client, ground)?;
    Ok(client.found().cloned())
}

/// A repository and a cache of ours, and where the memory goes.
pub struct Desk<'a> {
    /// Where metadata comes from; none: offline.
    pub origin: Option<&'a Origin>,
    /// Where it is cached.
    pub cache: &'a Cache,
    /// Remembers durably; called before the file is cached.
    pub remember: &'a mut dyn FnMut(&Memory) -> io::Result<()>,
}

impl Ground for Desk<'_> {
    fn fetch(&mut self, request: &Request) -> io::Result<Option<Vec<u8>>> {
        self.origin.map_or(Ok(None), |origin| origin.metadata(&request.name, request.max))
    }

    fn cached(&mut self, name: &str, max: u64) -> Option<Vec<u8>> {
        self.cache.get(name, max).ok().flatten()
    }

    fn keep(&mut self, memory: &Memory, name: &str, bytes: &[u8]) -> io::Result<()> {
        (self.remember)(memory)?;
        // A cache that cannot be written costs a fetch, and nothing else.
        let _ = self.cache.put(name, bytes);
        Ok(())
    }
}

impl Desk<'_> {
    /// The bytes of a target that was found, checked.
    ///
    /// # Errors
    /// [`Ended`], also if the repository has no such file.
    pub fn target(&mut self, found: &Found) -> Result<Vec<u8>, Ended> {
        let hash = found.file.hashes.prefix().unwrap_or_default();
        let name = format!("{hash}.target");
        if let Some(bytes) = self.cached(&name, found.max)
            && found.check(&bytes).is_ok()
        {
            return Ok(bytes);
        }
        let missing = || Fault::Missing { what: crate::model::text::escape_short(&found.place, 200) };
        let bytes = self.origin.map_or(Ok(None), |origin| origin.target(&found.place, found.max))?;
        let bytes = bytes.ok_or_else(missing)?;
        found.check(&bytes)?;
        let _ = self.cache.put(&name, &bytes);
        Ok(bytes)
    }
}
