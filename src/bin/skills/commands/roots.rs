//! `roots`: trust roots, as who follows one sees them.

use super::super::context::{Context, Ended};
use super::roots_follow;

/// Follow trust roots: who may sign for skills, what is revoked
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A trust root is what a team publishes: whose signatures count, what is revoked, what must stop at \
    once. docs/following-trust-roots.md tells the whole story.\n\n\
    Examples:\n  skills roots list\n  skills roots refresh\n\nSee also: skills status, skills kill"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    #[command(flatten)]
    Follow(roots_follow::Command),
}

/// Runs `roots`.
pub(crate) fn run(context: &mut Context, args: Args) -> Ended {
    match args.command {
        Command::Follow(command) => roots_follow::run(context, command),
    }
}
