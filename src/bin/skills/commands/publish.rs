//! `publish`: keys of one's own, and what is signed with them.

use super::super::context::{Context, Ended};

mod keys;

/// For authors and reviewers: make keys, sign skills
#[derive(Debug, clap::Args)]
#[command(after_help = "docs/publishing.md is a page for authors.\n\n\
    Examples:\n  skills publish keys generate release\n\nSee also: skills verify")]
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
}

/// Runs `publish`.
pub(crate) fn run(context: &mut Context, args: Args) -> Ended {
    match args.command {
        Command::Keys { command } => keys::run(context, command),
    }
}
