//! Pure decisions: same input, same answer. No files, no clock, no
//! environment. Imports `model` only.

pub mod alike;
pub mod config;
pub mod deps;
pub mod drift;
pub mod entry;
pub mod gate;
pub mod judge;
pub mod marks;
pub mod provenance;
#[cfg(feature = "review")]
pub mod review;
pub mod transition;
