//! Trust roots: following others' ([`drive`]) and keeping one's own.
//!
//! A publisher's trust root is a folder and nothing else: no home, no ledger,
//! no server. Everything here reads that folder ([`team`]), works out what
//! would be in it ([`change`], [`incident`], [`rotate`]), collects signatures
//! among its drafts ([`sign`]) and publishes when they are enough ([`release`]).
//! What is signed is a decision for everybody who follows the root, so none of
//! it is done in an agent's environment.

pub mod carry;
pub mod change;
pub mod check;
pub mod drive;
pub mod follow;
pub mod haul;
pub mod incident;
pub mod init;
mod keys;
pub mod may;
pub mod policies;
mod release;
pub mod renew;
pub mod rotate;
pub mod show;
pub mod sign;
pub mod team;

pub use drive::{Desk, Ended, Ground, drive, find, refresh};
