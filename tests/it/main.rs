//! Everything that is tested from outside the library, in one program, so that
//! it links once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod checker;
mod digest;
mod drift_unit;
mod hostile_git;
mod pty;
mod sources;

mod support {
    //! What the tests stand on.
    pub(crate) mod pty;
}
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

/// Kill on real files, with everything it could want missing.
mod kill_files;
/// All interleavings of kill, enable, release and gate.
mod kill_model;
/// Where a placement may be made, how it is made and taken away.
mod placement_files;
/// The home permit and its release.
mod release_files;
