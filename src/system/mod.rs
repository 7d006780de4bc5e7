//! Disk, SQLite, git, http, clock, processes: how, never whether. Imports
//! `model` only.

pub mod account;
pub mod ancestors;
pub mod audit_log;
pub mod checkpoint;
pub mod clock;
pub mod fetch;
pub mod home;
pub mod inspect;
pub mod kill;
pub mod leaving;
pub mod ledger;
pub mod lock;
pub mod originals;
pub mod permit;
pub mod placement;
pub mod policy_file;
#[cfg(feature = "provenance")]
pub mod publishing;
pub mod regular;
pub mod rehearsal;
#[cfg(feature = "provenance")]
pub mod roots;
pub mod store;
pub mod strays;
pub mod tree;
