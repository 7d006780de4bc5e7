//! The program killed, and its system calls failed, at every point of every
//! command that changes something; then the next command, then everything
//! that must hold.
//!
//! The laws, for each point:
//!
//! - Acknowledged (exit 0) means done: the state is the one after.
//! - Otherwise each revision is as before or as after, and nothing else.
//! - No state without its record, no record without its state: the chain
//!   verifies, the state's digest is the last record's, the states worked out
//!   from the log alone are the ledger's, and a second program agrees.
//! - What an agent can load is what the ledger says is placed, and the gate
//!   allows exactly that; while a kill is in force, nothing.
//! - A fault is never taken for tampering.
//! - Recovery may itself be killed at any point; and run twice it does nothing
//!   the second time.
//!
//! `SKILLS_SWEEP=full` kills before every single system call. Without it, it
//! is every call that changes something and a fixed sample of the others,
//! between two of which the disk is the same. An ordinary account takes all
//! of these; root, whom no mode stops, a third, and the power cuts.

mod errors;
#[cfg(feature = "provenance")]
mod imports;
pub(crate) mod judge;
mod kills;
mod loud;
#[cfg(feature = "provenance")]
mod publishing;
pub(crate) mod scenes;
