//! One file per command: its arguments, whose comments are its help, and how
//! it shows what the use case answered.

pub(crate) mod adopt;
pub(crate) mod audit;
pub(crate) mod doctor;
pub(crate) mod enable;
mod enable_over;
pub(crate) mod install;
pub(crate) mod kill;
pub(crate) mod review;
pub(crate) mod status;
pub(crate) mod tour;
pub(crate) mod trust;
mod trust_set;
mod unmanaged;
pub(crate) mod verify;
