//! `publish`: keys of one's own, and what is signed with them.

use super::super::context::{Context, Ended};

mod keys;
mod sign;
mod state;

/// For authors and reviewers: make keys, sign skills, attest, review
#[derive(Debug, clap::Args)]
#[command(after_help = "docs/publishing.md is a page for authors: what is covered, and what is refused.\n\n\
    Examples:\n  skills publish keys generate release\n  skills publish sign ./pdf-forms --key release\n  \
    skills publish review pdf-forms --key ana --criteria safe-to-run\n\nSee also: skills verify")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make and show the keys of this account
    #[command(after_help = "Examples:\n  skills publish keys generate release\n  skills publish keys list")]
    Keys {
        #[command(subcommand)]
        command: keys::Command,
    },
    /// Sign a skill in your own folder
    #[command(
        after_help = "It writes skill.oms.sig, or skill.intoto.json with its .sig, into the folder. Whatever a signature\n\
        would not cover, or nobody could install, is refused before anything is written.\n\n\
        With --agent an ssh-agent signs, and the key stays in it. Name its socket: the variable\n\
        SSH_AUTH_SOCK is not read, since a project's environment could point it at another one.\n\n\
        Examples:\n  skills publish sign ./pdf-forms --key release\n  skills publish sign ./pdf-forms --key bundles --as oms\n  \
        skills publish sign ./pdf-forms --agent \"$SSH_AUTH_SOCK\" --key ~/.ssh/id_ed25519.pub\n  \
        skills publish sign ./pdf-forms --key release --replace --dry-run"
    )]
    Sign(sign::Args),
    /// Sign, for others, that a skill is trusted here now
    #[command(
        after_help = "A SLSA verification summary in a DSSE envelope. Only what this home's gate would let be enabled\n\
        now is attested, and it is recorded before it is handed out.\n\n\
        Examples:\n  skills publish attest pdf-forms --key ci --out pdf-forms.vsa.json\n  skills publish attest ./pdf-forms --key ci --dry-run"
    )]
    Attest(state::AttestArgs),
    /// Sign what you found when you read a skill
    #[command(
        after_help = "A review in a DSSE envelope, about exactly these bytes. It is recorded before it is handed out.\n\n\
        Examples:\n  skills publish review pdf-forms --key ana --criteria safe-to-read,safe-to-run --until 365d\n  \
        skills publish review pdf-forms --key ana --criteria safe-to-run --violation --finding \"uploads the home folder\" --out warning.json"
    )]
    Review(state::ReviewArgs),
}

/// Runs `publish`.
pub(crate) fn run(context: &mut Context, args: Args) -> Ended {
    match args.command {
        Command::Keys { command } => keys::run(context, command),
        Command::Sign(args) => sign::run(context, args),
        Command::Attest(args) => state::attest(context, args),
        Command::Review(args) => state::review(context, args),
    }
}
