//! `publish keys`: make and list the account's own keys.

use super::super::super::context::{Context, Ended};
use super::super::super::render::{Tone, paint};
use serde_json::{Value, json};
use skill_trust::model::code::{Exit, Stop};
use skill_trust::model::text;
use skill_trust::ops::own_keys::{self, About, Kind};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Make a key; nothing secret is printed
    #[command(
        after_help = "Two files in the account's .config/skill-trust/keys: NAME.key, for this account alone, and NAME.pub\n\
        to hand out. There is no second copy and no passphrase: the file is the key.\n\n\
        Examples:\n  skills publish keys generate release\n  skills publish keys generate bundles --kind p256"
    )]
    Generate {
        /// Its name: lower-case letters, digits and `-`
        name: String,
        /// For statements, reviews and trust roots, or for OMS bundles
        #[arg(long, value_name = "KIND", default_value = "ed25519")]
        kind: WhichKind,
        /// Show what would be made, change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Show the keys: ids, and the lines that others need
    #[command(after_help = "Examples:\n  skills publish keys list\n  skills publish keys list --json")]
    List,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum WhichKind {
    /// Statements, reviews, attestations, trust roots
    Ed25519,
    /// OMS bundles
    P256,
}

impl From<WhichKind> for Kind {
    fn from(kind: WhichKind) -> Self {
        match kind {
            WhichKind::Ed25519 => Self::Ed25519,
            WhichKind::P256 => Self::P256,
        }
    }
}

/// Runs `publish keys`.
pub(crate) fn run(context: &mut Context, command: Command) -> Ended {
    match command {
        Command::Generate { name, kind, dry_run } => generate(context, &name, kind.into(), dry_run),
        Command::List => list(context),
    }
}

fn generate(context: &mut Context, name: &str, kind: Kind, dry_run: bool) -> Ended {
    context
        .world
        .no_agent(&format!("skills publish keys generate {} --kind {kind}", text::shell_word(name)))?;
    if dry_run {
        own_keys::could_generate(&context.world, name, kind)?;
        context.say(&format!("would make  {name}  ({kind})"))?;
        context.json("publish-key-plan/1", json!({ "name": name, "kind": kind.as_str() }))?;
        return Ok(Exit::Done);
    }
    let made = own_keys::generate(&context.world, name, kind)?;
    context.say(&format!("{}     {}", paint(Tone::Good, "made"), made.name))?;
    tell(context, &made)?;
    context.json("publish-key/1", document(&made))?;
    Ok(Exit::Done)
}

fn list(context: &mut Context) -> Ended {
    let all = own_keys::list(&context.world)?;
    let (mut keys, mut unusable) = (Vec::new(), Vec::new());
    for (name, found) in &all {
        match found {
            Ok(about) => {
                context.say(&paint(Tone::Strong, name))?;
                tell(context, about)?;
                keys.push(document(about));
            }
            Err(stop) => {
                context.fault(&format!(
                    "{name}\n  {}  {}\n  next      {}",
                    paint(Tone::Bad, "unusable"),
                    stop.what,
                    stop.next
                ))?;
                unusable
                    .push(json!({ "name": name, "code": stop.code, "error": stop.what, "next": stop.next }));
            }
        }
    }
    if all.is_empty() {
        context.say("no keys; one is made by: skills publish keys generate NAME")?;
    }
    let bad = unusable.len();
    context.json("publish-keys/1", json!({ "keys": keys, "unusable": unusable }))?;
    Ok(if bad == 0 { Exit::Done } else { Exit::Refused })
}

/// The lines below a name.
fn tell(context: &mut Context, about: &About) -> Result<(), Stop> {
    let path = text::escape(&about.public.0.to_string_lossy());
    context.say(&format!("  kind      {}", about.kind))?;
    context.say(&format!("  id        {}", paint(Tone::Copy, about.id.as_str())))?;
    if let (Some(ssh), Some(allowed)) = (&about.ssh, &about.allowed) {
        context.say(&format!("            {}", paint(Tone::Copy, ssh.as_str())))?;
        context.say(&format!("  ssh line  {}", paint(Tone::Copy, allowed)))?;
    }
    let missing = if about.public.1 {
        String::new()
    } else {
        format!("  {}", paint(Tone::Careful, "missing: the same `generate` writes it again"))
    };
    context.say(&format!("  public    {path}{missing}"))
}

fn document(about: &About) -> Value {
    json!({
        "name": about.name, "kind": about.kind, "id": about.id.as_str(),
        "ssh": about.ssh.as_ref().map(ToString::to_string), "allowed_signers": about.allowed,
        "public": text::escape(&about.public.0.to_string_lossy()), "public_there": about.public.1,
    })
}
