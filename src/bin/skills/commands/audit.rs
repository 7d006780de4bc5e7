//! `audit`: show, follow, check and sign the log.

use super::super::context::{Context, Ended};
use super::super::render::{Tone, paint};
use serde_json::json;
use skill_trust::model::code::{Code, Exit, Stop};
use skill_trust::model::record::Record;
use skill_trust::model::text;
use skill_trust::ops::audit::{self, Filter, Reading, Shown};

/// Read and check the audit log
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  skills audit show --last 20\n  skills audit verify\n\nSee also: skills verify"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show records, oldest first
    #[command(
        after_help = "With --json the records come as JSON Lines, byte for byte as stored.\nIt reads the file even when the ledger is broken, and says so.\n\n\
        Examples:\n  skills audit show --last 20\n  skills audit show --skill pdf-forms --since 2d\n  skills audit show --json | jq -r .event"
    )]
    Show(ShowArgs),
    /// Show the last ten records, and with -f those to come
    #[command(after_help = "Examples:\n  skills audit tail\n  skills audit tail -f --json")]
    Tail(TailArgs),
    /// Check the whole chain, ledger against log, and the checkpoint
    #[command(
        after_help = "Keep the head that it prints somewhere else: given back later with --head, it shows whether \
        everything here was put back to an older state.\n\n\
        Examples:\n  skills audit verify\n  skills audit verify --head 120:<64 hex digits>"
    )]
    Verify(VerifyArgs),
    /// Check the whole chain and sign its head
    #[command(after_help = "Examples:\n  skills audit checkpoint\n  skills audit checkpoint --key")]
    Checkpoint(CheckpointArgs),
}

#[derive(Debug, clap::Args)]
struct ShowArgs {
    /// Only about this skill: NAME or NAME@DIGEST
    #[arg(long, value_name = "NAME")]
    skill: Option<String>,
    /// Only from then on: 2027-01-31, a time, 2d or 3h ago
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Only the last N
    #[arg(long, value_name = "N")]
    last: Option<usize>,
}

#[derive(Debug, clap::Args)]
struct TailArgs {
    /// Wait for more; Ctrl-C ends it
    #[arg(short, long)]
    follow: bool,
    /// Begin with the last N
    #[arg(long, value_name = "N", default_value_t = 10)]
    last: usize,
}

#[derive(Debug, clap::Args)]
struct VerifyArgs {
    /// A head seen earlier, which the log must continue
    #[arg(long, value_name = "SIZE:ROOT")]
    head: Option<String>,
}

#[derive(Debug, clap::Args)]
struct CheckpointArgs {
    /// Only print the key that checks it
    #[arg(long)]
    key: bool,
    /// Show what would be signed, change nothing
    #[arg(long, conflicts_with = "key")]
    dry_run: bool,
}

/// Runs `audit`.
pub(crate) fn run(context: &mut Context, args: Args) -> Ended {
    match args.command {
        Command::Show(args) => show(context, args),
        Command::Tail(args) => tail(context, &args),
        Command::Verify(args) => verify(context, &args),
        Command::Checkpoint(args) => checkpoint(context, &args),
    }
}

/// Columns in which a record is one line.
const ONE_LINE: usize = 140;

/// A record, escaped: one line, or on a narrow terminal two.
pub(crate) fn line(record: &Record, columns: Option<usize>) -> String {
    let skill = match (&record.skill, record.digest) {
        (Some(name), Some(digest)) => format!("{name}@{}", digest.short()),
        (Some(name), None) => name.to_string(),
        (None, Some(digest)) => digest.short(),
        (None, None) => "-".to_owned(),
    };
    let codes =
        if record.codes.is_empty() { String::new() } else { format!("[{}] ", record.codes.join(" ")) };
    let note = record.note.as_deref().map_or_else(String::new, |note| format!(" ({note})"));
    let by = format!("{} {}", record.actor.user, record.actor.via);
    let head = format!("{:>5}  {}  {:<8} {:<8}", record.seq, record.time, record.event, word(record));
    if columns.is_some_and(|columns| columns < ONE_LINE) {
        let first = text::escape(&format!("{head} {skill}"));
        return format!(
            "{first}\n         {}",
            text::escape(format!("{codes}{}{note}  by {by}", record.reason).trim())
        );
    }
    text::escape(format!("{head} {skill:<28} {by:<12} {codes}{}{note}", record.reason).trim_end())
}

const fn word(record: &Record) -> &'static str {
    use skill_trust::model::record::Outcome;
    match record.decision {
        Outcome::Allow => "allow",
        Outcome::Deny => "deny",
        Outcome::Done => "done",
        Outcome::Refused => "refused",
    }
}

/// What showing found wrong.
#[derive(Default)]
struct Wrong {
    unread: usize,
    differ: usize,
}

/// Writes one line, as stored or for people.
fn write(context: &mut Context, shown: &Shown, wrong: &mut Wrong) -> Result<(), Stop> {
    let line = match &shown.record {
        Ok(record) => line(record, context.out.columns()),
        Err(why) => {
            wrong.unread += 1;
            let start = text::escape_short(&text::escape_bytes(&shown.line), 120);
            format!("{}  {}: {start}", paint(Tone::Bad, "not a record"), text::escape(why))
        }
    };
    let differs = shown.agrees == Some(false) && shown.record.is_ok();
    if differs {
        wrong.differ += 1;
    }
    if context.globals.json {
        // As stored: a hidden character in a line of ours is always a JSON escape already.
        return context.raw(&text::escape_bytes(&shown.line));
    }
    let mark = if differs { format!("  {}", paint(Tone::Bad, "NOT IN THE LEDGER")) } else { String::new() };
    context.say(&format!("{line}{mark}"))
}

fn show(context: &mut Context, args: ShowArgs) -> Ended {
    let filter = Filter { skill: args.skill, since: args.since };
    let mut reading = audit::read(&context.world, &filter)?;
    let mut wrong = Wrong::default();
    reading.each(args.last, |shown| write(context, shown, &mut wrong))?;
    if let Some(rest) = reading.rest()? {
        wrong.unread += 1;
        let start = text::escape_short(&text::escape_bytes(&rest), 120);
        context.note(&format!("the last line has no end: {start}"))?;
    }
    conclude(context, &reading, &wrong)
}

/// Says how far what was shown can be relied on.
fn conclude(context: &mut Context, reading: &Reading, wrong: &Wrong) -> Ended {
    if let Some(stop) = reading.unverified() {
        context.note(&format!("not verified: {}", text::escape(&stop.what)))?;
        return Ok(Exit::Damaged);
    }
    if wrong.unread + wrong.differ == 0 {
        return Ok(Exit::Done);
    }
    let what = format!("{} lines are no records, {} are not what the ledger has", wrong.unread, wrong.differ);
    context.note(&format!("{what}; run: skills audit verify"))?;
    Ok(Exit::Damaged)
}

fn tail(context: &mut Context, args: &TailArgs) -> Ended {
    let mut reading = audit::read(&context.world, &Filter::default())?;
    let mut wrong = Wrong::default();
    reading.each(Some(args.last), |shown| write(context, shown, &mut wrong))?;
    while args.follow && context.out.wait_for_reader(std::time::Duration::from_millis(500)) {
        if reading.shrank()? {
            return Err(Stop::new(
                Code::Tampered,
                "the log became shorter while it was followed",
                "keep it as it is; run: skills audit verify",
            ));
        }
        while let Some(shown) = reading.next_record()? {
            write(context, &shown, &mut wrong)?;
        }
    }
    conclude(context, &reading, &wrong)
}

fn verify(context: &mut Context, args: &VerifyArgs) -> Ended {
    let found = match audit::verify(&context.world, args.head.as_deref()) {
        Ok(found) => found,
        Err(stop) => {
            alone(context, &stop)?;
            return Err(stop);
        }
    };
    context.say(&format!(
        "{}  {} records, chained and equal in ledger and log",
        paint(Tone::Good, "sound"),
        found.records
    ))?;
    if let Some(size) = found.checkpoint {
        context.say(&format!("signed {size} of them are vouched for by the checkpoint"))?;
    }
    if found.extends == Some(true) {
        context.say("since  it continues the head that you named")?;
    }
    context.say(&format!("head   {}", found.head))?;
    let document = json!({ "records": found.records, "head": found.head, "checkpoint": found.checkpoint, "extends": found.extends });
    context.json("audit-verify/1", document)?;
    Ok(Exit::Done)
}

/// What the file says by itself, for whoever has to find out what happened.
fn alone(context: &mut Context, stop: &Stop) -> Result<(), Stop> {
    if stop.code.exit() != Exit::Damaged {
        return Ok(());
    }
    match audit::chain_alone(&context.world) {
        Ok((_, head, None)) => context.note(&format!("the log by itself is an unbroken chain, head {head}")),
        Ok((count, _, Some(why))) => {
            context.note(&format!("the log by itself holds for {count} records, then: {why}"))
        }
        Err(_) => Ok(()),
    }
}

fn checkpoint(context: &mut Context, args: &CheckpointArgs) -> Ended {
    if args.key {
        let verifier = audit::verifier(&context.world)?;
        context.raw(&verifier)?;
        context.json("checkpoint-key/1", json!({ "verifier": verifier }))?;
        return Ok(Exit::Done);
    }
    if args.dry_run {
        let head = audit::checkpoint_plan(&context.world)?;
        context.say(&format!("would sign   {head}"))?;
        context.json("checkpoint-plan/1", json!({ "head": head }))?;
        return Ok(Exit::Done);
    }
    let signed = audit::checkpoint(&context.world)?;
    let path = signed.path.to_string_lossy();
    context.say(&format!("{}   {}", paint(Tone::Good, "signed"), signed.head))?;
    context.say(&format!("path     {}", text::escape(&path)))?;
    context.say(&format!("key      {}", paint(Tone::Copy, &signed.verifier)))?;
    context.say("Keep head and key where this account cannot write: with them a put-back home shows.")?;
    context
        .json("checkpoint/1", json!({ "path": path, "head": signed.head, "verifier": signed.verifier }))?;
    Ok(Exit::Done)
}
