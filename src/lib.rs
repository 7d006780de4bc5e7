//! Decides which third-party agent skills may run on a machine.

pub mod model;
pub mod ops;
pub mod policy;
pub mod system;
