//! Looking at a home that may be whole, damaged, read-only or not there.
//!
//! Commands that show need more than [`Session`]'s yes or no: a person with a
//! damaged home wants to see what is left of it. Nothing that was found
//! without a session ever grants anything.
//!
//! Also hashing many folders at once. It happens without the lock: a gate must
//! not wait for a look at a thousand skills.

use super::World;
use super::facts;
use super::session::{Depth, Session, home_stop};
use crate::model::code::Stop;
use crate::policy::gate::Hashed;
use crate::system::audit_log::AuditLog;
use crate::system::home::{Home, HomeFault};
use crate::system::ledger::Ledger;
use crate::system::tree::{Checks, Reader};
use std::sync::atomic::{AtomicUsize, Ordering};

/// From so many folders on, several threads hash.
const PARALLEL: usize = 32;

/// What is to be seen.
pub enum Look<'w> {
    /// No home, or one in which nothing was ever recorded.
    Nothing(Option<Home>),
    /// Everything, in agreement, recovered.
    Whole(Box<Session<'w>>),
    /// A home that cannot be relied on.
    Part(Box<Part>),
}

/// What is left of a home.
pub struct Part {
    /// The home, if it could be opened.
    pub home: Option<Home>,
    /// The ledger, if it agrees with itself.
    pub ledger: Option<Ledger>,
    /// Why there is no more.
    pub stop: Stop,
}

/// Looks. Makes no home and writes nothing into an empty one; an existing home
/// is recovered as by every command.
#[must_use]
pub fn look(world: &World, depth: Depth) -> Look<'_> {
    let home = match Home::open(&world.home) {
        Ok(home) => home,
        Err(HomeFault::Missing(_)) => return Look::Nothing(None),
        Err(fault) => {
            return Look::Part(Box::new(Part { home: None, ledger: None, stop: home_stop(&fault) }));
        }
    };
    if !Ledger::exists(&home).unwrap_or(true) && !AuditLog::has_records(&home).unwrap_or(true) {
        return Look::Nothing(Some(home));
    }
    match Session::open(world, depth) {
        Ok(session) => Look::Whole(Box::new(session)),
        Err(stop) => {
            let ledger = Ledger::open(&home).ok();
            Look::Part(Box::new(Part { home: Some(home), ledger, stop }))
        }
    }
}

/// A folder to hash, and how it must look.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its path.
    pub path: String,
    /// What is demanded of it.
    pub checks: Checks,
}

/// Hashes folders, in the order given. Many are shared out among as many
/// threads as the machine has.
#[must_use]
pub fn hash(jobs: &[Job]) -> Vec<Hashed> {
    hash_on(jobs, std::thread::available_parallelism().map_or(1, usize::from))
}

/// As [`hash`], with at most so many threads.
#[must_use]
pub fn hash_on(jobs: &[Job], threads: usize) -> Vec<Hashed> {
    if jobs.len() <= PARALLEL || threads <= 1 {
        let mut reader = Reader::new();
        return jobs.iter().map(|job| facts::hash_with(&mut reader, &job.path, &job.checks)).collect();
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut reader = Reader::new();
        let mut done = Vec::new();
        while let Some((at, job)) = take(&next, jobs) {
            done.push((at, facts::hash_with(&mut reader, &job.path, &job.checks)));
        }
        done
    };
    let mut all: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.min(jobs.len())).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    });
    all.sort_by_key(|(at, _)| *at);
    if all.len() == jobs.len() {
        return all.into_iter().map(|(_, hashed)| hashed).collect();
    }
    // A thread died, so some are missing; alone it shows which.
    let mut reader = Reader::new();
    jobs.iter().map(|job| facts::hash_with(&mut reader, &job.path, &job.checks)).collect()
}

fn take<'j>(next: &AtomicUsize, jobs: &'j [Job]) -> Option<(usize, &'j Job)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    jobs.get(at).map(|job| (at, job))
}
