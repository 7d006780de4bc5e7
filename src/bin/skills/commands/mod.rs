//! One file per command: its arguments, whose comments are its help, and how
//! it shows what the use case answered.

pub(crate) mod adopt;
mod as_before;
pub(crate) mod audit;
pub(crate) mod deps;
mod deps_install;
pub(crate) mod doctor;
mod drill;
pub(crate) mod enable;
mod enable_over;
mod enable_told;
pub(crate) mod explain;
mod first_use;
mod found;
pub(crate) mod generate;
pub(crate) mod install;
pub(crate) mod kill;
pub(crate) mod policy;
#[cfg(feature = "provenance")]
pub(crate) mod publish;
pub(crate) mod repair;
pub(crate) mod review;
#[cfg(feature = "provenance")]
pub(crate) mod roots;
#[cfg(feature = "provenance")]
mod roots_args;
#[cfg(feature = "provenance")]
pub(crate) mod roots_follow;
#[cfg(feature = "provenance")]
mod roots_show;
pub(crate) mod scan;
pub(crate) mod status;
pub(crate) mod tour;
pub(crate) mod trust;
mod trust_set;
pub(crate) mod uninstall;
mod unmanaged;
pub(crate) mod verify;
