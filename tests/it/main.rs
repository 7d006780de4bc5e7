//! Everything that is tested from outside the library, in one program, so that
//! it links once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

/// Skills that agents load already, taken in, replaced and cleared away.
mod adopt;
/// The shape of the code.
mod architecture;
/// Tar and zip files as sources.
mod archives;
/// What a kill took away, after its release.
mod as_before;
/// Holes in the logic, each tried for real.
mod attacks;
/// An independent checker, in another language, finds every forgery.
mod checker;
/// A clock that ran ahead, and the way back.
mod clock;
/// What the shells are told could be typed.
mod completion;
/// Many at once, and races of kill.
mod concurrency;
/// Questions to a person, on a real terminal and without one.
mod consent;
/// Every command killed, and failed, at every point.
mod crash;
/// What a skill asks to have installed.
mod deps;
/// What a skill needs, installed as it was confirmed.
mod deps_install;
/// The digest is git's.
mod digest;
/// Every single change to a stored folder is seen.
mod drift;
/// What counts as a difference, and how it is told.
mod drift_unit;
/// A kill, played on a copy.
mod drill;
/// `--dry-run` changes nothing.
mod dry_run;
/// Ed25519 is checked strictly, wherever it is checked.
mod ed25519_doors;
/// What `install` offers on a terminal.
mod first_minutes;
mod first_use;
/// Forged evidence before the real program, beside its honest twin.
mod forgeries;
/// The bodies of the fuzz targets, over their seeds.
mod fuzz_seeds;
/// The gate's answers in every form, and every way out of it.
mod gate_contract;
/// Git trees and repositories made to harm.
mod hostile_git;
/// What others signed, kept by who reads it.
#[cfg(feature = "provenance")]
mod imports;
/// Kill when everything around it is broken.
mod kill_conditions;
/// Kill on real files, with everything it could want missing.
mod kill_files;
/// All interleavings of kill, enable, release and gate.
mod kill_model;
/// Random sequences of commands against an independent model.
mod lifecycle_model;
/// Every refusal says what to do next.
mod messages;
/// OMS bundles between our code, the reference and OpenSSL.
mod oms;
/// Where a placement may be made, how it is made and taken away.
mod placement_files;
/// What a policy adds to a decision: an age, an end, a reason, a place.
mod policy_defaults;
/// Power cuts on a real file system, for root.
mod power_cut;
/// Skills for one project alone.
mod projects;
/// All evidence about one folder, before all verifiers.
#[cfg(feature = "provenance")]
mod provenance;
/// The terminal harness itself.
mod pty;
/// Keys of authors, and what is signed with them.
#[cfg(feature = "provenance")]
mod publish;
/// What the README says is so.
mod readme;
/// Generated pages and schemas are those of the code.
mod reference;
/// The home permit and its release.
mod release_files;
/// Back to the old bytes after drift.
mod repair;
/// Reviews and attestations, and who counts.
mod reviews;
/// `enable --updates` after a person went back.
mod rollback;
/// A trust root of one's own, kept by commands.
mod roots;
/// Following trust roots, with the real program on real homes.
#[cfg(feature = "provenance")]
mod roots_follow;
/// Many skills with one answer.
mod sets;
/// Folders, repositories, https and ssh.
mod sources;
/// OpenSSH signatures, judged by us, by `ssh-keygen` and by `git`.
#[cfg(feature = "provenance")]
mod ssh_signatures;
/// Whatever is changed in one part alone: no deny becomes an allow.
mod state_mutations;
/// Whole stories, as people would live them.
mod stories;
/// One revision takes another's place.
mod swap;
/// Every screen in a real terminal emulator.
mod terminal;
/// The tour ends as it must.
mod tour;
/// The transcripts of the documentation, replayed.
mod transcripts;
/// Trust roots: a TUF client of our own.
mod tuf;
/// The end of a home.
mod uninstall;
/// What agents load today, where nothing of ours exists.
mod unmanaged;
/// The commands that show and check.
mod views;
/// The walkthrough of the documentation, walked.
#[cfg(feature = "provenance")]
mod walkthrough;

mod support {
    //! What the tests stand on.
    pub(crate) mod faults;
    #[cfg(feature = "provenance")]
    pub(crate) mod interop;
    pub(crate) mod pty;
    pub(crate) mod sandbox;
    pub(crate) mod scene;
    #[cfg(feature = "provenance")]
    pub(crate) mod team;
}
