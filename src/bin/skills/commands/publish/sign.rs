//! `publish sign`.

use super::super::super::context::{Context, Ended, absolute};
use super::super::super::render::{Tone, count, paint};
use serde_json::json;
use skill_trust::model::code::Exit;
use skill_trust::model::text;
use skill_trust::ops::publish::sign::{self, Form, Request};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The skill's own folder, as you author it
    #[arg(value_name = "PATH")]
    folder: PathBuf,
    /// A key of yours by its name; with --agent `ssh:SHA256:…` or a .pub file
    #[arg(long, value_name = "NAME")]
    key: String,
    /// Which form; else the one that the key makes: p256 oms, ed25519 statement
    #[arg(long = "as", value_name = "FORM")]
    form: Option<WhichForm>,
    /// Let the ssh-agent at this socket sign; SSH_AUTH_SOCK is not read
    #[arg(long, value_name = "SOCKET")]
    agent: Option<PathBuf>,
    /// Replace a signature by a key of yours over other bytes
    #[arg(long)]
    replace: bool,
    /// Show what would be signed, write nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum WhichForm {
    /// skill.oms.sig, an `OpenSSF` Model Signing bundle
    Oms,
    /// skill.intoto.json and its SSH signature
    Statement,
}

/// Runs `publish sign`.
pub(crate) fn run(context: &mut Context, args: Args) -> Ended {
    let form = args.form.map(|form| match form {
        WhichForm::Oms => Form::Oms,
        WhichForm::Statement => Form::Statement,
    });
    let (agent, replace, dry_run) =
        (args.agent.map(|socket| absolute(&socket)).transpose()?, args.replace, args.dry_run);
    let request = Request { path: absolute(&args.folder)?, key: args.key, form, agent, replace, dry_run };
    let signed = sign::sign(&context.world, &request)?;
    let (word, tone) = match (signed.already, dry_run) {
        (true, _) => ("already signed", Tone::Faint),
        (false, true) => ("would sign", Tone::Strong),
        (false, false) => ("signed", Tone::Good),
    };
    context.say(&format!("{}  {}", paint(tone, word), signed.name))?;
    context.say(&format!(
        "  digest   {}  (without the signature)",
        paint(Tone::Copy, &signed.digest.to_string())
    ))?;
    context.say(&format!(
        "  covers   {}: names, bytes and the executable bit of each",
        count(signed.files, "file")
    ))?;
    if let Some(version) = &signed.version {
        context.say(&format!("  version  {}", text::escape(version)))?;
    }
    context.say(&format!("  by       {}", paint(Tone::Copy, signed.signer.as_str())))?;
    let written: Vec<_> = signed.written.iter().map(|path| text::escape(&path.to_string_lossy())).collect();
    for path in &written {
        let verb = if signed.replaced { "replaces" } else { "file" };
        context.say(&format!("  {verb:<8} {path}"))?;
    }
    if signed.form == Form::Statement && !signed.already {
        context.say("Others check it with your `ssh line`: skills publish keys list, or ssh-add -L")?;
    }
    let document = json!({
        "name": signed.name.as_str(), "form": signed.form.as_str(), "digest": signed.digest.to_string(),
        "files": signed.files, "version": signed.version, "signer": signed.signer.as_str(), "written": written,
        "replaced": signed.replaced, "already": signed.already, "dry_run": dry_run,
    });
    context.json("publish-sign/1", document)?;
    Ok(Exit::Done)
}
