//! The command line: what can be typed, and which file does it.

use super::commands::{adopt, audit, doctor, enable, install, kill, review, status, tour, trust, verify};
use super::context::{Context, Globals};
use super::render;
use clap::{Parser, Subcommand};
use skill_trust::model::code::{Code, Exit, Stop};
use skill_trust::model::text;
use std::io::Write as _;
use std::process::ExitCode;

/// Decides which third-party agent skills may run on this machine
#[derive(Debug, Parser)]
#[command(name = "skills", version, propagate_version = true, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 done · 1 failed · 2 usage · 3 refused · 4 a person is needed · 5 drift · 6 held by \
    a kill · 7 ledger or log damaged · 8 source unreachable · 9 busy\n\nStart here:  skills tour"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show every skill, where it stands and who can load it
    #[command(visible_aliases = ["list", "ls", "show"])]
    Status(status::Args),
    /// Fetch skills into the store; nothing is enabled
    #[command(visible_alias = "add")]
    Install(install::Args),
    /// Read a skill before trusting it
    Review(review::Args),
    /// Compare two revisions
    Diff(review::DiffArgs),
    /// Decide that exactly these bytes may be used
    Trust(trust::Args),
    /// Place a trusted skill where agents load it
    Enable(enable::Args),
    /// Take a skill away from agents
    Disable(enable::DisableArgs),
    /// Fetch newer revisions beside the old ones
    Update(install::UpdateArgs),
    /// Forget a skill that is not enabled
    #[command(visible_alias = "rm")]
    Remove(install::RemoveArgs),
    /// Take in skills that agents load already
    Adopt(adopt::Args),
    /// Stop skills now: the emergency brake
    Kill(kill::Args),
    /// Lift a kill
    Release(kill::ReleaseArgs),
    /// Ask whether a skill may be used now (for gateways)
    Gate,
    /// Withdraw trust
    Untrust(trust::UntrustArgs),
    /// Hash everything again and check ledger and log against each other
    Verify(verify::Args),
    /// Read and check the audit log
    Audit(audit::Args),
    /// Check the installation itself
    Doctor(doctor::Args),
    /// Play the whole story in a throw-away home
    Tour(tour::Args),
}

/// Parses, runs, reports.
pub(crate) fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            print_error(&error);
            if error.use_stderr() && std::env::args_os().any(|arg| arg == "--json") {
                let what = error.to_string();
                let what = what.lines().next().unwrap_or_default().trim_start_matches("error: ");
                let document = serde_json::json!({
                    "schema": "skill-trust/error/1", "code": Code::Usage,
                    "error": text::escape(what), "next": "run: skills --help",
                });
                let _ = writeln!(std::io::stdout(), "{document}");
            }
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Exit::Usage as u8));
        }
    };
    let mut context = match Context::new(cli.globals) {
        Ok(context) => context,
        Err(stop) => {
            eprintln!("{}", render::stop(&stop));
            return ExitCode::from(stop.code.exit() as u8);
        }
    };
    let command = cli.command.unwrap_or_else(|| Command::Status(status::Args::default()));
    match run(&mut context, command) {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(stop) => report(&mut context, &stop),
    }
}

/// Help and version as they are. A mistake repeats what was typed, which may
/// come from a file's name: plain, and with hidden characters made visible.
fn print_error(error: &clap::Error) {
    if !error.use_stderr() {
        let _ = error.print();
        return;
    }
    for line in error.to_string().lines() {
        let _ = writeln!(std::io::stderr(), "{}", text::escape(line));
    }
}

fn run(context: &mut Context, command: Command) -> Result<Exit, Stop> {
    match command {
        Command::Status(args) => status::run(context, args),
        Command::Install(args) => install::run(context, args),
        Command::Review(args) => review::run(context, args),
        Command::Diff(args) => review::diff(context, args),
        Command::Trust(args) => trust::run(context, args),
        Command::Enable(args) => enable::run(context, args),
        Command::Disable(args) => enable::disable(context, args),
        Command::Update(args) => install::update(context, args),
        Command::Remove(args) => install::remove(context, args),
        Command::Adopt(args) => adopt::run(context, args),
        Command::Kill(args) => kill::run(context, args),
        Command::Release(args) => kill::release(context, args),
        // `gate` never gets here: it is taken before the command line is parsed.
        Command::Gate => Ok(Exit::Refused),
        Command::Untrust(args) => trust::untrust(context, args),
        Command::Verify(args) => verify::run(context, args),
        Command::Audit(args) => audit::run(context, args),
        Command::Doctor(args) => doctor::run(context, args),
        Command::Tour(args) => tour::run(context, args),
    }
}

fn report(context: &mut Context, stop: &Stop) -> ExitCode {
    let document = serde_json::json!({ "code": stop.code, "error": stop.what, "next": stop.next });
    let _ = context.json("error/1", document);
    let _ = context.out.stop(stop);
    ExitCode::from(stop.code.exit() as u8)
}
