//! Everything that is tested from outside the library, in one program, so that
//! it links once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

/// Holes in the logic, each tried for real.
mod attacks;
/// An independent checker, in another language, finds every forgery.
mod checker;
mod crash;
/// The digest is git's.
mod digest;
/// Every single change to a stored folder is seen.
mod drift;
mod drift_unit;
/// Git trees and repositories made to harm.
mod hostile_git;
/// Kill on real files, with everything it could want missing.
mod kill_files;
/// All interleavings of kill, enable, release and gate.
mod kill_model;
/// Where a placement may be made, how it is made and taken away.
mod placement_files;
/// The terminal harness itself.
mod pty;
/// The home permit and its release.
mod release_files;
/// Folders, repositories, https and ssh.
mod sources;
mod state_mutations;
mod views;

mod support {
    //! What the tests stand on.
    pub(crate) mod faults;
    pub(crate) mod pty;
    pub(crate) mod scene;
}
