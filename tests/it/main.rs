//! Everything that is tested from outside the library, in one program.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod digest;
mod drift_unit;
