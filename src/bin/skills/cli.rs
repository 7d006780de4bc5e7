//! The command line: what can be typed, and which file does it.

use super::commands::{
    adopt, audit, deps, doctor, enable, generate, install, kill, policy, repair, review, status, tour, trust,
    uninstall, verify,
};
#[cfg(feature = "provenance")]
use super::commands::{publish, roots};
use super::context::{Context, Globals};
use super::{complete, layout, render};
use clap::{CommandFactory as _, Parser, Subcommand};
use skill_trust::model::code::{Code, Exit, Stop};
use skill_trust::model::text;
use std::ffi::OsString;
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
    /// See what a skill asks to have installed
    Deps(deps::Args),
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
    /// After drift: see what changed, decide about the old bytes again, place anew
    Repair(repair::Args),
    /// Withdraw trust
    Untrust(trust::UntrustArgs),
    /// Hash everything again and check ledger and log against each other
    Verify(verify::Args),
    /// Keep a trust root: whom others should believe, what is revoked
    #[cfg(feature = "provenance")]
    Roots(roots::Args),
    /// Read and check the audit log
    Audit(audit::Args),
    /// Show the rules in force, and check a policy file
    Policy(policy::Args),
    /// Check the installation itself
    Doctor(doctor::Args),
    /// For authors and reviewers: make keys, sign skills, attest, review
    #[cfg(feature = "provenance")]
    Publish(publish::Args),
    /// Play the whole story in a throw-away home
    Tour(tour::Args),
    /// Print completions, manual pages and schemas
    Generate(generate::Args),
    /// End this home: skills removed or handed over, the log exported
    Uninstall(uninstall::Args),
}

/// The whole command line, as clap has it.
pub(crate) fn command() -> clap::Command {
    Cli::command()
}

/// Parses, runs, reports. The arguments come without the program's name.
pub(crate) fn main(arguments: &[OsString]) -> ExitCode {
    if let Some(done) = complete::main(arguments, command) {
        return done;
    }
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
            // Not `eprintln!`, which panics when nobody reads.
            let _ = writeln!(std::io::stderr(), "{}", render::plain(&render::guarded(&render::stop(&stop))));
            return ExitCode::from(stop.code.exit() as u8);
        }
    };
    let command = cli.command.unwrap_or_else(|| Command::Status(status::Args::default()));
    match run(&mut context, command) {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(stop) => report(&mut context, &stop),
    }
}

/// Help and version as they are, coloured as was asked. A mistake repeats what
/// was typed, which may come from a file's name: plain, and with hidden
/// characters made visible.
fn print_error(error: &clap::Error) {
    if !error.use_stderr() {
        let words: Vec<_> = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect();
        let never = words.iter().any(|word| word == "--color=never")
            || words.windows(2).any(|pair| pair[0] == "--color" && pair[1] == "never");
        let _ = if never { write!(std::io::stdout(), "{error}") } else { error.print() };
        return;
    }
    let size = rustix::termios::tcgetwinsize(std::io::stderr());
    let columns = size.map_or(0, |size| usize::from(size.ws_col));
    let shown = error.to_string();
    let hint = hint(error);
    // That a flag can be a value helps nobody who looks for a yes.
    let useless = |line: &str| line.trim_start().starts_with("tip: to pass");
    let replaced = !hint.is_empty() && shown.lines().any(useless);
    let mut lines: Vec<_> = shown
        .lines()
        .flat_map(|line| if replaced && useless(line) { hint.lines().collect() } else { vec![line] })
        .collect();
    if !replaced && !hint.is_empty() {
        lines.push("");
        lines.extend(hint.lines());
    }
    for line in lines {
        let line = render::guarded(line);
        let line = if columns > 0 { layout::fit(&line, columns) } else { line };
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}

/// What a person meant who typed what is not there.
fn hint(error: &clap::Error) -> String {
    use clap::error::{ContextKind, ContextValue, ErrorKind};
    let said = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    };
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let yes = ["--yes", "-y", "--force", "-f", "--no-confirm"];
            let typed = said(ContextKind::InvalidArg);
            if !typed.iter().any(|arg| yes.contains(&arg.as_str())) {
                return String::new();
            }
            "  No flag answers for a person. At a terminal the question is asked; without one,\n  `trust` takes --digest with the reviewed bytes in full: skills trust --help".to_owned()
        }
        ErrorKind::MissingRequiredArgument
            if said(ContextKind::InvalidArg).iter().any(|arg| arg.starts_with("<SKILLS>")) =>
        {
            "Name a skill, as it stands in: skills status".to_owned()
        }
        _ => String::new(),
    }
}

fn run(context: &mut Context, command: Command) -> Result<Exit, Stop> {
    match command {
        Command::Status(args) => status::run(context, args),
        Command::Install(args) => install::run(context, args),
        Command::Review(args) => review::run(context, args),
        Command::Diff(args) => review::diff(context, args),
        Command::Trust(args) => trust::run(context, args),
        Command::Deps(args) => deps::run(context, args),
        Command::Enable(args) => enable::run(context, args),
        Command::Disable(args) => enable::disable(context, args),
        Command::Update(args) => install::update(context, args),
        Command::Remove(args) => install::remove(context, args),
        Command::Adopt(args) => adopt::run(context, args),
        Command::Kill(args) => kill::run(context, args),
        Command::Release(args) => kill::release(context, args),
        // `gate` never gets here: it is taken before the command line is parsed.
        Command::Gate => Ok(Exit::Refused),
        Command::Repair(args) => repair::run(context, args),
        Command::Untrust(args) => trust::untrust(context, args),
        Command::Verify(args) => verify::run(context, args),
        #[cfg(feature = "provenance")]
        Command::Roots(args) => roots::run(context, args),
        Command::Audit(args) => audit::run(context, args),
        Command::Policy(args) => policy::run(context, args),
        Command::Doctor(args) => doctor::run(context, args),
        #[cfg(feature = "provenance")]
        Command::Publish(args) => publish::run(context, args),
        Command::Tour(args) => tour::run(context, args),
        Command::Generate(args) => generate::run(context, args),
        Command::Uninstall(args) => uninstall::run(context, args),
    }
}

fn report(context: &mut Context, stop: &Stop) -> ExitCode {
    let document = serde_json::json!({ "code": stop.code, "error": stop.what, "next": stop.next });
    let _ = context.json("error/1", document);
    let _ = context.out.stop(stop);
    ExitCode::from(stop.code.exit() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Commands that change nothing, so that there is nothing to try out.
    const READS: &[&str] = &[
        "skills status",
        "skills diff",
        "skills deps plan",
        "skills audit show",
        "skills audit tail",
        "skills audit verify",
        "skills policy show",
        "skills roots show",
        "skills policy check",
        #[cfg(feature = "provenance")]
        "skills publish keys list",
        "skills roots list",
        "skills generate completions",
        "skills generate man",
        "skills generate schema",
        // In a temporary folder of its own.
        "skills tour",
        // For gateways: every call is a decision on record.
        "skills gate",
    ];

    /// Every command with its name in full; one that has commands below it too.
    fn all() -> Vec<(String, clap::Command)> {
        let (mut found, mut todo) = (Vec::new(), vec![("skills".to_owned(), command())]);
        while let Some((name, command)) = todo.pop() {
            let below = command.get_subcommands().filter(|below| below.get_name() != "help");
            todo.extend(below.map(|below| (format!("{name} {}", below.get_name()), below.clone())));
            found.push((name, command));
        }
        found
    }

    /// The lines below `Examples:`.
    fn examples(help: &str) -> Vec<String> {
        let lines = help.lines().skip_while(|line| line.trim() != "Examples:").skip(1);
        lines.take_while(|line| line.starts_with("  ")).map(|line| line.trim().to_owned()).collect()
    }

    /// The words of the call of `skills` in a line for a shell, with digits where
    /// a reader puts their own.
    fn words(line: &str) -> Vec<String> {
        let line = line.replace("<64 hex digits>", &"0".repeat(64));
        let from = line.find("skills ").unwrap();
        let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
        for c in line[from..].chars() {
            match c {
                '"' => quoted = !quoted,
                '|' | '>' | ')' if !quoted => break,
                ' ' if !quoted => words.extend((!word.is_empty()).then(|| std::mem::take(&mut word))),
                c => word.push(c),
            }
        }
        words.extend((!word.is_empty()).then_some(word));
        words
    }

    #[test]
    fn every_command_has_examples_and_each_can_be_typed() {
        for (name, command) in
            all().into_iter().filter(|(name, _)| *name != "skills" && *name != "skills gate")
        {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let examples = examples(&help);
            assert!(!examples.is_empty(), "`{name} --help` has no examples");
            for example in examples {
                let words = words(&example);
                let typed = words.join(" ");
                assert!(
                    format!("{typed} ").starts_with(&format!("{name} ")),
                    "`{name} --help` shows `{example}`"
                );
                let parsed = Cli::try_parse_from(&words);
                assert!(parsed.is_ok(), "`{example}`: {}", parsed.unwrap_err());
            }
        }
    }

    #[test]
    fn the_words_of_an_example_are_the_shells() {
        assert_eq!(words("source <(skills a \"b c\" --d) | less"), ["skills", "a", "b c", "--d"]);
        assert_eq!(words("skills a > file"), ["skills", "a"]);
    }

    #[test]
    fn whatever_changes_something_can_be_tried_out() {
        let commands = all();
        for (name, command) in commands.iter().filter(|(_, command)| !command.has_subcommands()) {
            let has = command.get_arguments().any(|arg| arg.get_long() == Some("dry-run"));
            assert_ne!(has, READS.contains(&name.as_str()), "`{name}`: --dry-run, or a place in READS");
        }
        for name in READS {
            assert!(commands.iter().any(|(known, _)| known == name), "{name}");
        }
    }
}
