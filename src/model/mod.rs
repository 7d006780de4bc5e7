//! Plain data and the parsing of its own text forms. No files, no clock, no
//! environment, no randomness; imports nothing else of ours.

pub mod address;
pub mod agent;
pub mod canonical;
pub mod card;
pub mod claim;
pub mod code;
pub mod consent;
pub mod decision;
pub mod dependency;
pub mod digest;
pub mod finding;
pub mod followed;
pub mod git_proof;
#[cfg(feature = "provenance")]
pub mod json;
pub mod lifecycle;
pub mod limits;
pub mod manifest;
pub mod merkle;
pub mod note;
pub mod path;
pub mod permit;
pub mod provenance;
pub mod record;
pub mod set;
pub mod signer;
pub mod skill;
pub mod source;
pub mod text;
pub mod time;
#[cfg(feature = "provenance")]
pub mod tuf;
