//! The TUF client: which metadata of a trust root is believed, given what was
//! believed before.
//!
//! [`Client`] is a state machine over bytes. It says what it [`wants`], takes
//! what came, and after each step has a [`Memory`] in which nothing stands that
//! was not fully verified. Sections are those of the specification, 1.0.34.
//!
//! ```text
//! Memory ─▶ root N+1, N+2, …   each signed by its predecessor's threshold and its own   5.3
//!           timestamp          not older, nor naming an older snapshot                 5.4
//!           snapshot           the one named; no role older, none gone                 5.5
//!           targets            the one listed                                          5.6
//!           seek(path) ─▶ delegated roles, first come first believed                   5.6.7
//!           found ─▶ bytes of that length and those hashes                             5.7
//! ```
//!
//! Attack: whoever can delete or replace what we cached could bring an old
//! release back. So a cache is only a place to look for bytes before asking
//! for them; versions are compared with the memory, which the ledger holds.
//!
//! Stricter than the specification wants: see `docs/conformance-tuf.md`.
//!
//! [`wants`]: Client::wants

mod client;
mod fault;
mod lists;
mod memory;
mod search;

pub use client::{Client, Request};
pub use fault::Fault;
pub use lists::{publishers, signers};
pub use memory::{Held, Memory, Standing};
pub use search::Found;

/// Most bytes of a root (W in 5.3.3).
pub const ROOT_MAX: u64 = 512 << 10;
/// Most bytes of a timestamp (X in 5.4.1).
pub const TIMESTAMP_MAX: u64 = 16 << 10;
/// Most bytes of a snapshot (Y in 5.5.1).
pub const SNAPSHOT_MAX: u64 = 2 << 20;
/// Most bytes of a targets file (Z in 5.6.1).
pub const TARGETS_MAX: u64 = 4 << 20;
/// Most bytes of a file that a trust root lists.
pub const FILE_MAX: u64 = 16 << 20;
/// Most new roots in one refresh (Y in 5.3.3); the next refresh goes on.
pub const ROOTS_MAX: usize = 256;
/// Most delegated roles that one search asks (5.6.7.1).
pub const ROLES_MAX: usize = 32;
/// Most delegated roles that a walk through all of them reads.
pub const WALK_MAX: usize = 256;
