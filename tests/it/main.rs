//! One test program for everything that needs real files or more than one layer.

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
