//! Everything that is tested from outside the library, in one program, so that
//! it links once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod architecture;
mod checker;
mod digest;
mod drift_unit;
mod hostile_git;
mod kill_model;
mod pty;
mod readme;
mod reference;
mod sources;
mod tour;

mod support {
    //! What the tests stand on.
    pub(crate) mod pty;
}
