//! Everything that is tested from outside the library, in one program, so that
//! it links once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

/// The shape of the code.
mod architecture;
/// Tar and zip files as sources.
mod archives;
/// Holes in the logic, each tried for real.
mod attacks;
/// An independent checker, in another language, finds every forgery.
mod checker;
/// A clock that ran ahead, and the way back.
mod clock;
/// Every command killed at every point.
/// Many at once, and races of kill.
mod concurrency;
/// The digest is git's.
mod consent;
/// Killed, and failed, at every point of every command.
mod crash;
mod digest;
/// Every single change to a stored folder is seen.
mod drift;
mod drift_unit;
/// Git trees and repositories made to harm.
mod gate_contract;
mod hostile_git;
/// Kill when everything around it is broken.
mod kill_conditions;
/// Kill on real files, with everything it could want missing.
mod kill_files;
/// All interleavings of kill, enable, release and gate.
mod kill_model;
/// The terminal harness itself.
mod lifecycle_model;
/// Where a placement may be made, how it is made and taken away.
mod placement_files;
/// Power cuts on a real file system, for root.
mod power_cut;
/// The terminal harness itself.
mod pty;
/// What the README says is so.
mod readme;
/// Generated pages and schemas are those of the code.
mod reference;
/// The home permit and its release.
mod release_files;
/// Folders, repositories, https and ssh.
mod sources;
mod state_mutations;
mod stories;
mod swap;
/// The tour ends as it must.
mod tour;
mod views;

mod support {
    //! What the tests stand on.
    pub(crate) mod faults;
    pub(crate) mod pty;
    pub(crate) mod sandbox;
    pub(crate) mod scene;
}
