//! One test program, so that it links once.

mod checker;
mod pty;

mod support {
    //! What the tests stand on.
    pub(crate) mod pty;
}
//! Everything that is tested from outside the library, in one program.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod digest;
mod drift_unit;
//! Tests of the program and of what touches disk, processes and networks.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod hostile_git;
mod sources;
