//! `generate`: completions for shells, manual pages and schemas, on standard output.

use super::super::cli;
use super::super::complete::Shell;
use super::super::context::{Context, Ended};
use clap::Command;
use skill_trust::model::code::{Code, Exit, Stop};
use skill_trust::model::text;

/// Print completions, manual pages and schemas
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  source <(skills generate completions bash)\n  skills generate man > skills.1\n  \
    skills generate man trust | man -l -\n  skills generate schema gate-answer"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// A script that completes commands, options, skills and agents
    #[command(
        after_help = "It asks this program for what could be typed: nothing is changed and nobody is contacted.\n\n\
        Examples:\n  source <(skills generate completions bash)\n  source <(skills generate completions zsh)\n  \
        skills generate completions fish > ~/.config/fish/completions/skills.fish"
    )]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// A manual page
    #[command(
        after_help = "Examples:\n  skills generate man > skills.1\n  skills generate man trust | man -l -"
    )]
    Man {
        /// The page of this command; all that is common otherwise
        command: Vec<String>,
    },
    /// The JSON Schema of a document
    #[command(after_help = "Examples:\n  skills generate schema gate-answer > gate-answer.json")]
    Schema {
        /// Which
        document: Document,
    },
}

/// Documents with a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Document {
    /// What a gateway asks.
    GateRequest,
    /// What it is answered.
    GateAnswer,
    /// A line of the audit log.
    Record,
    /// What `deps plan --json` prints.
    DepsPlan,
}

/// Runs `generate`.
pub(crate) fn run(context: &mut Context, args: Args) -> Ended {
    let printed = match args.what {
        What::Completions { shell } => shell.script().to_owned(),
        What::Man { command } => page(&command)?,
        What::Schema { document } => match document {
            Document::GateRequest => include_str!("../../../../schema/gate-request.json"),
            Document::GateAnswer => include_str!("../../../../schema/gate-answer.json"),
            Document::DepsPlan => include_str!("../../../../schema/deps-plan.json"),
            Document::Record => include_str!("../../../../schema/record.json"),
        }
        .to_owned(),
    };
    context.raw(printed.trim_end())?;
    Ok(Exit::Done)
}

/// The manual page of the program, or of a command that is named by its words.
fn page(words: &[String]) -> Result<String, Stop> {
    let mut root = cli::command();
    root.build();
    let mut found: &Command = &root;
    for word in words {
        found = found.find_subcommand(word).ok_or_else(|| {
            let what = format!("there is no command `{}`", text::escape_short(&words.join(" "), 60));
            Stop::new(Code::Usage, what, "run: skills --help")
        })?;
    }
    let mut bytes = Vec::new();
    let man = clap_mangen::Man::new(found.clone()).manual("skills").source(env!("CARGO_PKG_VERSION"));
    man.render(&mut bytes).map_err(|error| Stop::new(Code::Io, error.to_string(), "try again"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
