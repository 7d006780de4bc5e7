//! Everything that is tested from outside the library, in one program, so that
//! it links once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod checker;
mod consent;
mod digest;
mod drift_unit;
mod gate_contract;
mod hostile_git;
mod lifecycle_model;
mod pty;
mod sources;
mod stories;
mod swap;

mod support {
    //! What the tests stand on.
    pub(crate) mod pty;
    pub(crate) mod sandbox;
}
