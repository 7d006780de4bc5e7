//! `policy`: which rules are in force and where each comes from.

use super::super::context::{Context, Ended, absolute};
use super::super::render::{self, Tone, paint};
use serde_json::{Value, json};
use skill_trust::model::code::{Exit, Stop};
use skill_trust::model::text;
use skill_trust::ops::rules::{self, Line, Unused};
use std::path::PathBuf;

/// Show the rules in force, and check a policy file
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Two files count: /etc/skill-trust/policy.toml, which wins, and the account's own in\n\
    .config/skill-trust/policy.toml. The policy of a followed trust root can only tighten them.\n\
    docs/reference/policy.md has every key.\n\n\
    Examples:\n  skills policy show\n  skills policy check ./policy.toml\n\nSee also: skills doctor"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Every key, its value in force and the file or trust root it comes from
    #[command(
        after_help = "What two files say of one key is shown twice; what does not count is marked.\n\n\
        Examples:\n  skills policy show\n  skills policy show --json"
    )]
    Show,
    /// Whether a file could be a policy; changes and uses nothing
    #[command(after_help = "Exit codes: 0 it could, 1 it cannot be read, 3 it is none.\n\n\
        Examples:\n  skills policy check ./policy.toml")]
    Check {
        /// The file
        file: PathBuf,
    },
}

/// Runs `policy`.
pub(crate) fn run(context: &mut Context, args: Args) -> Ended {
    match args.command {
        Command::Show => show(context),
        Command::Check { file } => {
            let file = absolute(&file)?;
            let (lines, useless) = rules::check(&context.world, &file)?;
            let shown = text::escape(&file.to_string_lossy());
            let count = render::count(lines.len(), "rule");
            context.say(&format!("{}  {shown}: {count}", paint(Tone::Good, "valid")))?;
            table(context, &lines)?;
            unused(context, &useless)?;
            let document = json!({ "file": shown, "settings": documents(&lines), "unused_exceptions": exceptions(&useless) });
            context.json("policy-check/1", document)?;
            Ok(Exit::Done)
        }
    }
}

fn show(context: &mut Context) -> Ended {
    let found = rules::show(&context.world)?;
    table(context, &found.lines)?;
    unused(context, &found.unused)?;
    context.say("")?;
    for (file, there) in &found.files {
        context.say(&format!("file     {file}{}", if *there { "" } else { "  (not there)" }))?;
    }
    if let Some(digest) = found.digest {
        context.say(&format!("digest   {digest}"))?;
    }
    let file = |(file, there): &(String, bool)| json!({ "path": file, "there": there });
    let files: Vec<_> = found.files.iter().map(file).collect();
    let unused = exceptions(&found.unused);
    let document = json!({ "settings": documents(&found.lines), "files": files, "digest": found.digest, "unused_exceptions": unused });
    context.json("policy/1", document)?;
    Ok(Exit::Done)
}

fn table(context: &mut Context, lines: &[Line]) -> Result<(), Stop> {
    if lines.is_empty() {
        return Ok(());
    }
    let row = |line: &Line| {
        let from = match (&line.file, line.holds) {
            (None, _) => "(default)".to_owned(),
            (Some(file), true) => file.clone(),
            (Some(file), false) => format!("{file}  (does not count)"),
        };
        vec![line.key.to_owned(), line.value.clone(), from]
    };
    let rows: Vec<_> = lines.iter().map(row).collect();
    context.say(&render::table(&["KEY", "VALUE", "FROM"], &rows, context.out.width()))
}

/// Exceptions that free from nothing here, so that they go.
fn unused(context: &mut Context, all: &[Unused]) -> Result<(), Stop> {
    if !all.is_empty() {
        context.say(&format!(
            "\n{}",
            paint(Tone::Careful, "Exceptions that free from nothing here, and can go:")
        ))?;
    }
    all.iter().try_for_each(|one| {
        context.say(&format!("  {} for {} in {}: {}", one.rule, one.digest.short(), one.file, one.why))
    })
}

fn exceptions(all: &[Unused]) -> Vec<Value> {
    let one =
        |one: &Unused| json!({ "rule": one.rule, "digest": one.digest, "file": one.file, "why": one.why });
    all.iter().map(one).collect()
}

fn documents(lines: &[Line]) -> Vec<Value> {
    let one =
        |line: &Line| json!({ "key": line.key, "value": line.value, "file": line.file, "holds": line.holds });
    lines.iter().map(one).collect()
}
