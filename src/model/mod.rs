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
#[cfg(feature = "review")]
pub mod excerpt;
pub mod finding;
pub mod followed;
pub mod git_proof;
#[cfg(any(feature = "provenance", feature = "review"))]
#[cfg_attr(not(feature = "provenance"), allow(dead_code, reason = "parts that only provenance asks for"))]
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
#[cfg(feature = "review")]
pub mod sarif;
pub mod set;
pub mod signer;
pub mod skill;
pub mod source;
pub mod text;
pub mod time;
#[cfg(feature = "provenance")]
pub mod tuf;
