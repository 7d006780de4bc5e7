//! `publish attest` and `publish review`.

use super::super::super::context::{Context, Ended, absolute};
use super::super::super::render::{Tone, paint};
use serde_json::json;
use skill_trust::model::code::{Exit, Stop};
use skill_trust::model::text;
use skill_trust::ops::publish::state::{self, Made, Opinion, Request};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(crate) struct AttestArgs {
    /// NAME or NAME@DIGEST, or a folder with a slash in it
    #[arg(value_name = "NAME|PATH")]
    skill: String,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ReviewArgs {
    /// NAME or NAME@DIGEST
    #[arg(value_name = "NAME")]
    skill: String,
    /// What you looked for, such as safe-to-run; may be given several times
    #[arg(long = "criteria", value_name = "WORD", required = true, value_delimiter = ',')]
    criteria: Vec<String>,
    /// It does what it must not: a warning, which does not end
    #[arg(long, requires = "finding")]
    violation: bool,
    /// What you found; may be given several times
    #[arg(long, value_name = "TEXT")]
    finding: Vec<String>,
    /// When somebody should look again: 365d, or a date
    #[arg(long, value_name = "WHEN", default_value = state::UNTIL)]
    until: String,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
struct Common {
    /// A key of yours of kind ed25519, by its name
    #[arg(long, value_name = "NAME")]
    key: String,
    /// Write the envelope to this new file; else it is printed
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Show what would be signed; sign, record and write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Common {
    fn request(self, skill: String) -> Result<Request, Stop> {
        let out = self.out.map(|out| absolute(&out)).transpose()?;
        Ok(Request { skill, key: self.key, out, dry_run: self.dry_run })
    }
}

/// Runs `publish attest`.
pub(crate) fn attest(context: &mut Context, args: AttestArgs) -> Ended {
    let request = args.common.request(args.skill)?;
    let made = state::attest(&context.world, &request)?;
    tell(context, "publish-attest/1", &request, &made)
}

/// Runs `publish review`.
pub(crate) fn review(context: &mut Context, args: ReviewArgs) -> Ended {
    let request = args.common.request(args.skill)?;
    let (criteria, findings, until) = (args.criteria, args.finding, Some(args.until));
    let opinion = Opinion { criteria, violation: args.violation, findings, until };
    let made = state::review(&context.world, &request, &opinion)?;
    tell(context, "publish-review/1", &request, &made)
}

/// To standard error where the envelope itself goes to standard output.
fn tell(context: &mut Context, schema: &str, request: &Request, made: &Made) -> Ended {
    let word = if request.dry_run { "would sign" } else { "signed" };
    let out = request.out.as_ref().map(|out| text::escape(&out.to_string_lossy()));
    let mut lines = vec![
        format!("{}  {}", paint(Tone::Good, word), made.revision),
        format!("  digest  {}", paint(Tone::Copy, &made.revision.digest.to_string())),
        format!("  says    {}", made.says),
        format!("  by      {}", paint(Tone::Copy, made.signer.as_str())),
    ];
    lines.extend(made.until.map(|until| format!("  until   {until}")));
    lines.extend(out.as_ref().map(|out| format!("  file    {out}")));
    lines.extend(made.record.map(|record| format!("  record  {record}")));
    let printed = made.envelope.as_ref().filter(|_| request.out.is_none() && !context.globals.json);
    for line in lines {
        if printed.is_some() { context.note(&line)? } else { context.say(&line)? }
    }
    if let Some(envelope) = printed {
        context.raw(envelope)?;
    }
    let document = json!({
        "skill": made.revision.to_string(), "digest": made.revision.digest.to_string(), "says": made.says,
        "signer": made.signer.as_str(), "until": made.until.map(|until| until.to_string()), "file": out,
        "record": made.record, "envelope": made.envelope, "dry_run": request.dry_run,
    });
    context.json(schema, document)?;
    Ok(Exit::Done)
}
