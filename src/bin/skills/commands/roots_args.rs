//! What can be typed behind `roots`.

use std::path::PathBuf;

/// Trust roots: follow those of others, keep one of your own
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A trust root says whose signatures count, what is revoked and what must stop at once. Those of others\n\
    are followed (add, list, refresh, remove); one of your own is a folder, published in a git repository, on a\n\
    share or on any web space.\n\
    A change is drafted (set, revoke, order, rotate), signed (sign) and then published.\n\n\
    Examples:\n  skills roots init ./team-root --key ana\n  skills roots show ./team-root\n\nSee also: docs/following-trust-roots.md, docs/trust-roots.md"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    #[command(flatten)]
    Follow(super::roots_follow::Command),
    /// Make a trust root with one key for everything
    #[command(
        after_help = "Prints what others need to follow it. It grows into a team's: skills roots rotate.\n\n\
        Examples:\n  skills roots init ./team-root --key ana\n  \
        skills roots init ./team-root --key ana --signers allowed_signers\n  \
        skills roots init ./team-root --key ana --anchor ana.pub --for 'https://git.example/ana/*'"
    )]
    Init(InitArgs),
    /// Say what a folder holds, and what waits for signatures
    #[command(
        after_help = "Examples:\n  skills roots show ./team-root\n  skills roots show ./team-root --json"
    )]
    Show {
        /// The trust root
        folder: PathBuf,
    },
    /// Draft a target: an anchor, a list, a policy, an advisory, a review
    #[command(
        after_help = "PATH is anchors/NAME.pem, stamp-anchors/NAME.pem, allowed_signers, revocations.json,\n\
        kill-orders.json, advisories/ID.json, policy.toml or reviews/NAME. The file is read as clients will read it.\n\n\
        Examples:\n  skills roots set ./team-root allowed_signers ./allowed_signers\n  \
        skills roots set ./team-root anchors/acme.pem acme.pub --for 'https://git.example/acme/*' --until 2027-12-31\n  \
        skills roots set ./team-root stamp-anchors/clock.pem tsa-ca.pem --from 2026-01-01"
    )]
    Set(SetArgs),
    /// Draft the end of a target
    #[command(
        after_help = "Examples:\n  skills roots unset ./team-root anchors/acme.pem\n  skills roots unset ./team-root stamp-anchors/clock.pem"
    )]
    Unset {
        /// The trust root
        folder: PathBuf,
        /// The target
        path: String,
        /// Show what would be drafted, change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Draft a revocation: what nobody should believe or use any more
    #[command(
        after_help = "A signer or publisher is retired or compromised; a digest or source is yanked or malicious.\n\n\
        Examples:\n  skills roots revoke ./team-root --signer key:<64 hex digits> --kind compromised --since 2026-10-01 --why \"stolen laptop\"\n  \
        skills roots revoke ./team-root --source https://git.example/acme/tools --versions \"<1.4.2\" --kind yanked --why \"leaks paths\""
    )]
    Revoke(RevokeArgs),
    /// Draft a kill order: what everybody who follows should stop at once
    #[command(after_help = "Each order has a number that only grows.\n\n\
        Examples:\n  skills roots order ./team-root --digest sha256:<64 hex digits> --why \"sends files away\"\n  \
        skills roots order ./team-root --all --why \"until we know more\"")]
    Order(OrderArgs),
    /// Sign what is pending; publish it when enough have signed
    #[command(
        after_help = "Several people sign one after the other: each gets the folder, signs, and hands it on.\n\
        Without a terminal, name what was reviewed: --digest, as `skills roots show` prints it.\n\n\
        Examples:\n  skills roots sign ./team-root --key ana\n  \
        skills roots sign ./team-root --key ana --digest sha256:<64 hex digits>"
    )]
    Sign(SignArgs),
    /// Draft the next root: other keys, another threshold
    #[command(
        after_help = "It counts when enough of the old keys and enough of the new ones have signed it.\n\n\
        Examples:\n  skills roots rotate ./team-root --key ana --add ben.pub --threshold 2\n  \
        skills roots rotate ./team-root --key ana --remove 3f9a01c277de\n  \
        skills roots rotate ./team-root --key ana --add robot.pub --role timestamp --role snapshot"
    )]
    Rotate(RotateArgs),
    /// Make a new timestamp, and renew what ends soon
    #[command(after_help = "Signs no draft of anybody: it can run every night.\n\n\
        Examples:\n  skills roots renew ./team-root --key robot\n  skills roots renew ./team-root --key robot --expires 7d")]
    Renew(RenewArgs),
    /// Throw away what is drafted and not published
    #[command(after_help = "Examples:\n  skills roots discard ./team-root")]
    Discard {
        /// The trust root
        folder: PathBuf,
        /// Show what would be thrown away, change nothing
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct InitArgs {
    /// Where; made if it is missing
    pub(super) folder: PathBuf,
    /// The key that signs it, by its name
    #[arg(long, value_name = "NAME")]
    pub(super) key: String,
    /// Until when root and targets count: 365d, 2027-01-31, or a time
    #[arg(long, value_name = "WHEN")]
    pub(super) expires: Option<String>,
    /// A certificate or public key that signs skills; with --for
    #[arg(long, value_name = "FILE", requires = "sources")]
    pub(super) anchor: Option<PathBuf>,
    /// Sources that the anchor signs for, a pattern with * and ?; may be repeated
    #[arg(long = "for", value_name = "PATTERN", requires = "anchor")]
    pub(super) sources: Vec<String>,
    /// OpenSSH keys that sign skills: a file as ssh-keygen reads it
    #[arg(long, value_name = "FILE")]
    pub(super) signers: Option<PathBuf>,
    /// Show what would be made, change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct SetArgs {
    /// The trust root
    pub(super) folder: PathBuf,
    /// What it is called in the trust root
    pub(super) path: String,
    /// The file
    pub(super) file: PathBuf,
    /// An anchor, or a stamp, counts from then on: a date or a time; without it from now on
    #[arg(long, value_name = "WHEN")]
    pub(super) from: Option<String>,
    /// An anchor, or a stamp, counts until then: 90d, a date or a time
    #[arg(long, value_name = "WHEN")]
    pub(super) until: Option<String>,
    /// Sources that an anchor signs for, a pattern with * and ?; may be repeated
    #[arg(long = "for", value_name = "PATTERN")]
    pub(super) sources: Vec<String>,
    /// Show what would be drafted, change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("revoked").required(true).args(["signer", "digest", "publisher", "source"]))]
pub(super) struct RevokeArgs {
    /// The trust root
    pub(super) folder: PathBuf,
    /// A key or certificate: key:…, cert:…, ssh:… or ssh-ca:…
    #[arg(long, value_name = "ID")]
    pub(super) signer: Option<String>,
    /// A skill's content
    #[arg(long, value_name = "sha256:…")]
    pub(super) digest: Option<String>,
    /// A delegated role
    #[arg(long, value_name = "NAME")]
    pub(super) publisher: Option<String>,
    /// A source, as it is installed from
    #[arg(long, value_name = "SOURCE")]
    pub(super) source: Option<String>,
    /// These versions of the source alone: "<1.4.2"
    #[arg(long, value_name = "RANGE", requires = "source")]
    pub(super) versions: Option<String>,
    /// compromised, retired, yanked or malicious
    #[arg(long, value_name = "KIND", value_parser = ["compromised", "retired", "yanked", "malicious"])]
    pub(super) kind: String,
    /// Signatures from then on do not count: a date or a time
    #[arg(long, value_name = "WHEN")]
    pub(super) since: Option<String>,
    /// Why, for everybody who follows the root
    #[arg(long, value_name = "TEXT")]
    pub(super) why: String,
    /// Show what would be drafted, change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("ordered").required(true).args(["digest", "signer", "source", "skill", "all"]))]
pub(super) struct OrderArgs {
    /// The trust root
    pub(super) folder: PathBuf,
    /// A skill's content
    #[arg(long, value_name = "sha256:…")]
    pub(super) digest: Option<String>,
    /// What this key or certificate signed
    #[arg(long, value_name = "ID")]
    pub(super) signer: Option<String>,
    /// What came from this source
    #[arg(long, value_name = "SOURCE")]
    pub(super) source: Option<String>,
    /// A skill by name
    #[arg(long, value_name = "NAME")]
    pub(super) skill: Option<String>,
    /// Everything
    #[arg(long)]
    pub(super) all: bool,
    /// Why, for everybody who follows the root
    #[arg(long, value_name = "TEXT")]
    pub(super) why: String,
    /// Show what would be drafted, change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct SignArgs {
    /// The trust root
    pub(super) folder: PathBuf,
    /// Your key, by its name; may be repeated
    #[arg(long = "key", value_name = "NAME", required = true)]
    pub(super) keys: Vec<String>,
    /// What was reviewed, in full; then nothing is asked
    #[arg(long, value_name = "sha256:…")]
    pub(super) digest: Option<String>,
    /// Until when the new timestamp counts; 14 days without it
    #[arg(long, value_name = "WHEN")]
    pub(super) expires: Option<String>,
    /// Show what would be signed, change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct RotateArgs {
    /// The trust root
    pub(super) folder: PathBuf,
    /// A key that signs it at once, by its name; may be repeated
    #[arg(long = "key", value_name = "NAME")]
    pub(super) keys: Vec<String>,
    /// A public key that comes: NAME.pub, as its owner handed it out; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(super) add: Vec<PathBuf>,
    /// A key that goes: its id as `roots show` prints it, or its file; may be repeated
    #[arg(long, value_name = "KEYID|FILE")]
    pub(super) remove: Vec<String>,
    /// How many must sign roots and targets, or the roles named with --role
    #[arg(long, value_name = "N")]
    pub(super) threshold: Option<u64>,
    /// Only these roles; may be repeated
    #[arg(long = "role", value_name = "ROLE")]
    pub(super) roles: Vec<Role>,
    /// Until when it counts; 365 days without it
    #[arg(long, value_name = "WHEN")]
    pub(super) expires: Option<String>,
    /// Show what would be drafted, change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// A role of a root.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum Role {
    /// Who signs roots
    Root,
    /// Who signs lists of targets
    Targets,
    /// Who signs snapshots
    Snapshot,
    /// Who signs timestamps
    Timestamp,
}

#[derive(Debug, clap::Args)]
pub(super) struct RenewArgs {
    /// The trust root
    pub(super) folder: PathBuf,
    /// A key of the timestamp, by its name; may be repeated
    #[arg(long = "key", value_name = "NAME", required = true)]
    pub(super) keys: Vec<String>,
    /// Until when the new timestamp counts; 14 days without it
    #[arg(long, value_name = "WHEN")]
    pub(super) expires: Option<String>,
    /// Show what would be made, change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}
