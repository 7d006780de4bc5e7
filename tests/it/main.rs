//! Tests of the program and of what touches disk, processes and networks.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod hostile_git;
mod sources;
