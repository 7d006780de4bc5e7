//! For authors and reviewers: signing a skill in the author's own folder, and
//! saying something signed about a skill that is here.
//!
//! ```text
//! sign     the author's folder ─▶ a bundle or a statement inside of it
//! attest   a revision trusted here ─▶ a verification summary
//! review   a revision that is here ─▶ a review, positive or a warning
//! ```
//!
//! Signing needs no home. Attesting and reviewing are decisions: each is a
//! record before its envelope is handed out.

pub mod folder;
pub mod sign;
pub mod state;
