//! What is tried with bytes from nowhere: one function for each door through
//! which bytes of strangers come in. Each panics if an invariant breaks; that
//! nothing panics by itself is the least of them.
//!
//! Two callers: `fuzz/` with libFuzzer's bytes, `fuzz_seeds.rs` with the seeds.
//! So no files, no clock, no randomness in here, and nothing but the library's
//! public doors.

pub(crate) mod archives;
pub(crate) mod lists;
pub(crate) mod review;
pub(crate) mod signed;
pub(crate) mod ssh;
pub(crate) mod texts;
pub(crate) mod tuf;
pub(crate) mod wanted;
pub(crate) mod x509;

use skill_trust::model::digest::Digest;
use skill_trust::model::skill::SkillName;
use skill_trust::model::text;
use skill_trust::model::time::Timestamp;
use skill_trust::policy::provenance::verdict::{Evidenced, Verdict};

/// A target's body.
pub(crate) type Body = fn(&[u8]);

/// Every target by its name, in the order in which they are run.
pub(crate) const TARGETS: &[(&str, Body)] = &[
    ("bundle", signed::bundle),
    ("statement", signed::statement),
    ("metadata", tuf::metadata),
    ("allowed_signers", ssh::allowed_signers),
    ("card", texts::card),
    ("tar", archives::tar),
    ("zip", archives::zip),
    ("predicate", signed::predicate),
    ("envelope", signed::envelope),
    ("lists", lists::lists),
    ("advisory", lists::advisory),
    ("revoked", ssh::revoked),
    ("ssh_wire", ssh::wire),
    ("ssh_judge", ssh::judged),
    ("x509", x509::chain),
    ("stamp", x509::stamp),
    ("git", signed::git),
    ("record", texts::record),
    ("note", texts::note),
    ("permit", texts::permit),
    ("policy", texts::policy),
    ("request", texts::request),
    ("source", texts::source),
    ("claims", texts::claims),
    ("pieces", review::pieces),
    ("shell", review::shell),
    ("review", review::look),
    ("wanted", wanted::wanted),
];

/// The body of a target.
pub(crate) fn body(name: &str) -> Body {
    TARGETS.iter().find(|(known, _)| *known == name).map_or_else(|| panic!("no target {name}"), |one| one.1)
}

/// What a person, a log or a model is shown must hold nothing that hides,
/// moves or forges.
fn shown(text: &str) {
    if let Some(bad) = text.chars().find(|c| text::is_hidden(*c)) {
        panic!("{bad:?} is shown in {text:?}");
    }
}

/// A verdict other than valid, in all its words.
fn refused(verdict: &Verdict) {
    shown(&verdict.to_string());
    assert!(verdict.vouched().is_none(), "{verdict}");
}

/// The skill that everything signed here is about.
pub(crate) fn name() -> SkillName {
    SkillName::parse("pdf-forms").unwrap()
}

/// Its digest without what is signed inside of it.
pub(crate) const BARE: Digest = Digest::from_bytes([3; 32]);

/// When it is asked.
pub(crate) fn now() -> Evidenced {
    Evidenced::Now(Timestamp::from_unix(1_795_000_000))
}

/// One input of sixteen, always the same ones: for what costs a signature, or as much as
/// all the rest.
fn sampled(data: &[u8]) -> bool {
    data.iter().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(*byte))) >> 7 & 15 == 0
}
