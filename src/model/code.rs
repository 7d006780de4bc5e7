//! The stable codes of everything that can be refused or can fail, each with
//! the exit code it leads to. Codes are part of the interface: they stand in
//! records, answers and messages, and are never renamed.

use serde::{Serialize, Serializer};
use std::fmt;

/// Exit codes of the program. The gateway may import them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Done, or allowed.
    Done = 0,
    /// It failed.
    Failed = 1,
    /// Wrong usage.
    Usage = 2,
    /// Refused by policy or state.
    Refused = 3,
    /// A person is needed.
    Person = 4,
    /// Verification failed, or drift.
    Drift = 5,
    /// Held by a kill.
    Held = 6,
    /// Ledger or log damaged, rolled back, or a record pending.
    Damaged = 7,
    /// The source cannot be reached.
    Unreachable = 8,
    /// Busy; try again.
    Busy = 9,
    /// `scan` found something at or above its threshold.
    Findings = 10,
}

impl Exit {
    /// Every exit code, in order.
    pub const ALL: &[Self] = &[
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::Refused,
        Self::Person,
        Self::Drift,
        Self::Held,
        Self::Damaged,
        Self::Unreachable,
        Self::Busy,
        Self::Findings,
    ];

    /// One sentence for the reference page.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Done => "Done, or allowed.",
            Self::Failed => "It failed.",
            Self::Usage => "Wrong usage.",
            Self::Refused => "Refused by policy or state.",
            Self::Person => "A person is needed.",
            Self::Drift => "Verification failed, or drift.",
            Self::Held => "Held by a kill.",
            Self::Damaged => "Ledger or log damaged, rolled back, or a record pending.",
            Self::Unreachable => "The source cannot be reached.",
            Self::Busy => "Busy; try again.",
            Self::Findings => "`scan` found something at or above its threshold.",
        }
    }
}

macro_rules! codes {
    ($($name:ident $text:literal $exit:ident $summary:literal;)*) => {
        /// A stable code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $(#[doc = $summary] $name,)* }

        impl Code {
            /// Every code, in the order of the reference page.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// As written in records and answers.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The exit code it leads to.
            #[must_use]
            pub const fn exit(self) -> Exit {
                match self { $(Self::$name => Exit::$exit,)* }
            }

            /// One sentence for the reference page.
            #[must_use]
            pub const fn summary(self) -> &'static str {
                match self { $(Self::$name => $summary,)* }
            }
        }
    };
}

codes! {
    Usage "usage" Usage "The command or request cannot be understood.";
    Ambiguous "ambiguous" Usage "The name means several revisions.";
    Internal "internal" Failed "A bug: the program failed in a way it should not.";
    Io "io" Failed "The operating system reported an error.";
    Deadline "deadline" Failed "The answer did not come within the time allowed.";
    NotKilled "not-killed" Failed "The kill could not withdraw access, or could not be made to last.";
    Cancelled "cancelled" Failed "Interrupted; nothing was changed.";
    Declined "declined" Failed "The answer was no; nothing was changed.";
    NotInstalled "not-installed" Refused "No such skill or revision is installed.";
    NotTrusted "not-trusted" Refused "Nobody has decided to trust these bytes.";
    NotEnabled "not-enabled" Refused "Trusted, but placed nowhere.";
    StillEnabled "still-enabled" Refused "It must be disabled first.";
    Expired "expired" Refused "The trust decision has reached its end.";
    PolicyUnmet "policy-unmet" Refused "The policy does not allow it.";
    Blocked "blocked" Refused "The rules found in it what keeps a skill from being trusted.";
    TooYoung "too-young" Refused "The policy wants the revision to have been here longer first.";
    PolicyBroken "policy-broken" Refused "A policy file cannot be read or understood.";
    Revoked "revoked" Refused "A trust root that is followed revokes it, in a list or by an advisory.";
    RootExpired "root-expired" Refused "A trust root has ended, and nothing is granted until it is refreshed.";
    Violation "violation" Refused "Somebody who may review it warns of it.";
    Older "older" Refused "A higher version was trusted from this source.";
    SignerChanged "signer-changed" Refused "Somebody else signs it than before.";
    RootRefused "root-refused" Drift "What a trust root publishes is not what may be believed.";
    RootKnown "root-known" Refused "A trust root of that name, or with that pin, is followed already.";
    RootUnknown "root-unknown" Refused "No trust root of that name is followed.";
    SourceBound "source-bound" Refused "The name belongs to another source.";
    DigestMismatch "digest-mismatch" Drift "The bytes are not those that were named.";
    EntryRefused "entry-refused" Refused "The skill holds entries that no skill may hold.";
    CardRefused "card-refused" Refused "The SKILL.md front matter breaks the specification.";
    NoSkill "no-skill" Refused "No SKILL.md where one is expected.";
    Choose "choose" Usage "Several skills are there; say which.";
    TargetUnsafe "target-unsafe" Refused "The folder to place into could be changed by someone else.";
    TargetTaken "target-taken" Refused "Something that is not ours is already there.";
    TargetTracked "target-tracked" Refused "The folder lies in a git work tree that does not ignore it.";
    NoFolder "no-folder" Refused "There was no folder to hash.";
    PathUnknown "path-unknown" Refused "The named folder is not a placement of this skill.";
    PathDiffers "path-differs" Drift "The named folder does not hold the trusted bytes.";
    Drift "drift" Drift "The bytes on disk are no longer the trusted ones.";
    Unreadable "unreadable" Drift "Bytes that must be hashed cannot be read.";
    Verify "verify" Drift "Verification found a difference.";
    Held "held" Held "A kill covers this skill.";
    HeldAll "held-all" Held "A kill covers everything.";
    EpochDiffers "epoch-differs" Held "It was enabled before the last kill.";
    PermitMissing "permit-missing" Damaged "The skill's permit is missing or unreadable.";
    PermitDiffers "permit-differs" Damaged "Permit, ledger and log do not agree.";
    HomeMissing "home-missing" Refused "There is no home here yet.";
    HomeUnsafe "home-unsafe" Damaged "The home has the wrong owner, mode, place or file system.";
    HalfRemoved "half-removed" Damaged "An uninstall has begun here and was not finished.";
    LedgerMissing "ledger-missing" Damaged "The log exists and the ledger does not.";
    LedgerDamaged "ledger-damaged" Damaged "The ledger cannot be read, or does not agree with itself.";
    LedgerNewer "ledger-newer" Damaged "The ledger was written by a newer version.";
    RolledBack "rolled-back" Damaged "The log is ahead of the ledger, or the head is behind the one named.";
    Tampered "tampered" Damaged "The log does not say what the ledger says.";
    RecordPending "record-pending" Damaged "Committed to the ledger, not yet in the log.";
    ReadOnly "read-only" Damaged "The home cannot be written, so no decision can be recorded.";
    ClockBack "clock-back" Refused "The clock is behind the last record.";
    PersonNeeded "person-needed" Person "Only a person at a terminal, or the reviewed digest, can decide this.";
    AgentEnvironment "agent-environment" Person "Run by an agent: nothing that widens is taken from here.";
    SourceRefused "source-refused" Refused "The source's form is not accepted.";
    SourceUnreachable "source-unreachable" Unreachable "The source cannot be reached.";
    SourceBroken "source-broken" Refused "The source was reached and is not sound.";
    NoKey "no-key" Refused "There is no such secret key, or its file is none.";
    KeyUnsafe "key-unsafe" Refused "A secret key or its folder could be read or changed by someone else.";
    KeyTaken "key-taken" Refused "The name is another key's, and a key is never replaced.";
    NotSigned "not-signed" Refused "A signature would not cover everything, or not hold.";
    NoConsent "no-consent" Refused "Nobody said yes to exactly this plan, or that yes is used up or too old.";
    NoSandbox "no-sandbox" Refused "No sandbox here can hold an installer.";
    NeedsHost "needs-host" Refused "The plan has steps that no sandbox can hold.";
    NoProgram "no-program" Refused "An installer that the plan names is not there, or others can change it.";
    StepFailed "step-failed" Failed "A step of a plan failed, took too long or was stopped.";
    Busy "busy" Busy "Another process holds the lock.";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Why something was not done: refused or failed, with the way on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Stop {
    /// The stable code; decides the exit code.
    pub code: Code,
    /// What was refused or failed, and why, with both values; escaped.
    pub what: String,
    /// What to do next, with the exact command; empty if there is nothing.
    pub next: String,
}

/// The way on from a bug.
const BUG: &str = "please report it, with the command and with what `skills doctor` says";

impl Stop {
    /// A stop with the way on; a bug has one of its own.
    #[must_use]
    pub fn new(code: Code, what: impl Into<String>, next: impl Into<String>) -> Self {
        let mut next = next.into();
        if code == Code::Internal && next.is_empty() {
            BUG.clone_into(&mut next);
        }
        Self { code, what: what.into(), next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn exit_codes_count_up() {
        let numbers: Vec<_> = Exit::ALL.iter().map(|exit| usize::from(*exit as u8)).collect();
        assert_eq!(numbers, (0..Exit::ALL.len()).collect::<Vec<_>>());
    }

    #[test]
    fn codes_are_unique_and_plain() {
        let texts: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
        assert!(texts.iter().all(|text| text.bytes().all(|c| c.is_ascii_lowercase() || c == b'-')));
    }
}
