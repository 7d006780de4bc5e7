//! Trust roots: the attacks that the TUF specification lists (section 1.5.2),
//! each tried against our client, and other programs' word on what we write.

/// Attacks through the four top-level roles.
mod attacks;
/// Attacks through delegations.
mod delegations;
/// python-tuf and securesystemslib.
pub(crate) mod interop;
/// What is remembered, how long it counts, and kill orders.
mod memory;
/// Folders and git repositories.
mod places;
/// Writing metadata.
mod publish;
mod world;
