//! The program `skills`.
//!
//! `gate` is looked for first and by hand: it must answer in every build, cost
//! nothing that it does not need, and turn every mistake into a deny. All else
//! goes to the command line parser.

use std::process::ExitCode;

mod gate;

#[cfg(feature = "cli")]
mod cli;
#[cfg(feature = "cli")]
mod commands;
#[cfg(feature = "cli")]
mod complete;
#[cfg(feature = "cli")]
mod context;
#[cfg(feature = "cli")]
mod layout;
#[cfg(feature = "cli")]
mod pager;
#[cfg(feature = "cli")]
mod prompt;
#[cfg(feature = "cli")]
mod render;
#[cfg(feature = "cli")]
mod table;

#[cfg(not(feature = "cli"))]
mod bare;

/// Runs the program.
pub(crate) fn main() -> ExitCode {
    // Attack: a hostile umask would leave a home that nobody can open again.
    // All that is ours is private; copies for agents get their modes by name.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    if gate::is_asked(&args) {
        return gate::main(&args);
    }
    #[cfg(feature = "cli")]
    return cli::main(&args);
    #[cfg(not(feature = "cli"))]
    return bare::main(&args);
}
