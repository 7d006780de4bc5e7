//! `roots`: a trust root of one's own, kept in a folder that others can read.

use super::super::context::{Context, Ended, absolute};
use super::super::render::{self, Tone, paint};
use super::install::parse_digest;
pub(crate) use super::roots_args::Args;
use super::roots_args::{Command, InitArgs, OrderArgs, RevokeArgs, Role, RotateArgs, SetArgs, SignArgs};
use super::roots_show;
use serde_json::json;
use skill_trust::model::code::{Code, Exit, Stop};
use skill_trust::model::text;
use skill_trust::model::time::Timestamp;
use skill_trust::ops::roots::change::{self, Change, Changed};
use skill_trust::ops::roots::check::Terms;
use skill_trust::ops::roots::incident::{self, About, Revoke};
use skill_trust::ops::roots::rotate::{self, RoleName};
use skill_trust::ops::roots::sign::{self, Outcome};
use skill_trust::ops::roots::team::typed;
use skill_trust::ops::roots::{init, renew};
use std::path::Path;

/// Runs `roots`.
pub(crate) fn run(context: &mut Context, args: Args) -> Ended {
    match args.command {
        Command::Follow(command) => super::roots_follow::run(context, command),
        Command::Init(args) => init(context, args),
        Command::Show { folder } => roots_show::run(context, &absolute(&folder)?),
        Command::Set(args) => set(context, args),
        Command::Unset { folder, path, dry_run } => {
            let folder = absolute(&folder)?;
            let changed = change::change(&context.world, &folder, &path, Change::Gone, dry_run)?;
            drafted(context, &folder, &changed, "goes", dry_run)
        }
        Command::Revoke(args) => revoke(context, args),
        Command::Order(args) => order(context, args),
        Command::Sign(args) => sign(context, args),
        Command::Rotate(args) => rotate(context, args),
        Command::Renew(args) => {
            let folder = absolute(&args.folder)?;
            let until = args.expires.as_deref();
            let outcome = renew::renew(&context.world, &folder, &args.keys, until, args.dry_run)?;
            settled(context, None, &outcome, "roots-renew/1", args.dry_run)
        }
        Command::Discard { folder, dry_run } => {
            let gone = sign::discard(&context.world, &absolute(&folder)?, dry_run)?;
            let word = if dry_run { "would throw away" } else { "thrown away" };
            for place in &gone {
                context.say(&format!("{word}  {place}"))?;
            }
            if gone.is_empty() {
                context.say("nothing was drafted")?;
            }
            context.json("roots-discard/1", json!({ "discarded": gone, "dry_run": dry_run }))?;
            Ok(Exit::Done)
        }
    }
}

fn init(context: &mut Context, args: InitArgs) -> Ended {
    let mut targets = Vec::new();
    if let Some(path) = &args.anchor {
        let terms = Terms { sources: args.sources, ..Terms::default() };
        targets.push((format!("anchors/{}.pem", stem(path)), init::read(path)?, terms));
    }
    if let Some(path) = &args.signers {
        targets.push(("allowed_signers".to_owned(), init::read(path)?, Terms::default()));
    }
    let folder = absolute(&args.folder)?;
    let request = init::Request { folder, key: args.key, expires: args.expires, targets };
    let made = init::init(&context.world, &request, args.dry_run)?;
    let folder = text::escape(&made.folder.to_string_lossy());
    if args.dry_run {
        context.say(&format!("would make a trust root in {folder}, until {}", made.until))?;
    } else {
        let add =
            format!("skills roots add {} {} --pin sha256:{}", made.name, typed(&made.folder), made.pin.hex());
        context.say(&format!("{}  a trust root in {folder}", paint(Tone::Good, "made")))?;
        context.say(&format!("root       until {}; then everybody needs a new one", made.until))?;
        context.say(&format!("timestamp  until {}; before that: skills roots renew", made.stamped))?;
        context.say(&format!("pin        sha256:{}", made.pin.hex()))?;
        context
            .say("\nOthers follow it with the line below: replace the folder by where you publish it, and")?;
        context.say("give them the pin by another way than the files.")?;
        context.say(&render::commands(&format!("  {add}")))?;
    }
    unrecorded(context, made.unrecorded.as_deref())?;
    let document = json!({
        "folder": folder, "pin": format!("sha256:{}", made.pin.hex()), "until": made.until,
        "timestamp_until": made.stamped, "targets": made.targets, "dry_run": args.dry_run,
    });
    context.json("roots-init/1", document)?;
    Ok(Exit::Done)
}

/// A name for an anchor, from its file's.
fn stem(path: &Path) -> String {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c.to_ascii_lowercase() } else { '-' };
    stem.chars().map(plain).collect()
}

fn when(typed: Option<&str>, context: &Context) -> Result<Option<Timestamp>, Stop> {
    let read = |typed: &str| {
        Timestamp::parse_end(typed, context.now()).map_err(|why| {
            let what = format!("`{}`: {why}", text::escape_short(typed, 40));
            Stop::new(Code::Usage, what, "example: 2026-10-01, or 2026-10-01T12:00:00Z")
        })
    };
    typed.map(read).transpose()
}

fn set(context: &mut Context, args: SetArgs) -> Ended {
    let (from, until) = (when(args.from.as_deref(), context)?, when(args.until.as_deref(), context)?);
    let (folder, file) = (absolute(&args.folder)?, absolute(&args.file)?);
    let change = Change::File(file, Terms { from, until, sources: args.sources });
    let changed = change::change(&context.world, &folder, &args.path, change, args.dry_run)?;
    let word = if changed.before { "changes" } else { "comes" };
    drafted(context, &folder, &changed, word, args.dry_run)
}

fn revoke(context: &mut Context, args: RevokeArgs) -> Ended {
    let about = match (args.signer, args.digest, args.publisher, args.source) {
        (Some(signer), ..) => About::Signer(signer),
        (_, Some(digest), ..) => About::Digest(digest),
        (_, _, Some(publisher), _) => About::Publisher(publisher),
        (_, _, _, source) => About::Source(source.unwrap_or_default(), args.versions),
    };
    let since = when(args.since.as_deref(), context)?;
    let folder = absolute(&args.folder)?;
    let request = Revoke { about, kind: args.kind, since, why: args.why };
    let changed = incident::revoke(&context.world, &folder, &request, args.dry_run)?;
    drafted(context, &folder, &changed, "gets one more entry", args.dry_run)
}

fn order(context: &mut Context, args: OrderArgs) -> Ended {
    let about = match (args.digest, args.signer, args.source, args.skill) {
        (Some(digest), ..) => About::Digest(digest),
        (_, Some(signer), ..) => About::Signer(signer),
        (_, _, Some(source), _) => About::Source(source, None),
        (_, _, _, Some(skill)) => About::Skill(skill),
        _ => About::All,
    };
    let folder = absolute(&args.folder)?;
    let (changed, number) = incident::order(&context.world, &folder, &about, &args.why, args.dry_run)?;
    drafted(context, &folder, &changed, &format!("gets order {number}"), args.dry_run)
}

/// What every change of the targets says.
fn drafted(context: &mut Context, folder: &Path, changed: &Changed, what: &str, dry: bool) -> Ended {
    let path = text::escape_short(&changed.path, 120);
    let word = if dry { "would draft" } else { "drafted" };
    context.say(&format!("{}  {path} {what}, in targets {}", paint(Tone::Good, word), changed.version))?;
    if let Some(policy) = &changed.policy {
        for line in &policy.asks {
            context.say(&format!("  holds for who follows:  {line}"))?;
        }
        for line in &policy.ignored {
            context.say(&format!("  {}  {line}", paint(Tone::Careful, "ignored by who follows:")))?;
        }
        if policy.asks.is_empty() {
            context.say("  it asks nothing of who follows")?;
        }
    }
    if changed.dropped > 0 {
        let signatures = render::count(changed.dropped, "signature");
        context.say(&format!("{signatures} under the draft before this change went with it"))?;
    }
    if !dry {
        let next = format!(
            "Nobody sees it until it is signed. Next:  skills roots sign {} --key NAME",
            typed(folder)
        );
        context.say(&render::commands(&next))?;
    }
    let document = json!({
        "target": path, "what": what, "version": changed.version, "digest": changed.digest,
        "signatures_dropped": changed.dropped, "dry_run": dry,
        "policy": changed.policy.as_ref().map(|policy| json!({ "asks": policy.asks, "ignored": policy.ignored })),
    });
    context.json("roots-draft/1", document)?;
    Ok(Exit::Done)
}

fn sign(context: &mut Context, args: SignArgs) -> Ended {
    let digest = args.digest.as_deref().map(parse_digest).transpose()?;
    let folder = absolute(&args.folder)?;
    let request = sign::Request { folder, keys: args.keys, digest, expires: args.expires };
    let plan = sign::plan(&request)?;
    let shown = format!("{}\ndigest   {}", plan.changes.join("\n"), plan.digest);
    if args.dry_run {
        context.say(&shown)?;
        context.json("roots-sign-plan/1", json!({ "changes": plan.changes, "digest": plan.digest }))?;
        return Ok(Exit::Done);
    }
    let mut person = context.person();
    let outcome = sign::sign(&context.world, &request, &plan, &shown, person.as_mut())?;
    settled(context, Some(&request.folder), &outcome, "roots-sign/1", false)
}

fn rotate(context: &mut Context, args: RotateArgs) -> Ended {
    let role = |role: &Role| match role {
        Role::Root => RoleName::Root,
        Role::Targets => RoleName::Targets,
        Role::Snapshot => RoleName::Snapshot,
        Role::Timestamp => RoleName::Timestamp,
    };
    let request = rotate::Request {
        folder: absolute(&args.folder)?,
        keys: args.keys,
        add: args.add.iter().map(|path| absolute(path)).collect::<Result<_, _>>()?,
        remove: args.remove,
        threshold: args.threshold,
        roles: args.roles.iter().map(role).collect(),
        expires: args.expires,
    };
    let (changes, outcome) = rotate::rotate(&context.world, &request, args.dry_run)?;
    for line in &changes {
        context.say(line)?;
    }
    settled(context, Some(&request.folder), &outcome, "roots-rotate/1", args.dry_run)
}

/// What was signed and published, and what is missing.
fn settled(
    context: &mut Context,
    folder: Option<&Path>,
    outcome: &Outcome,
    schema: &str,
    dry: bool,
) -> Ended {
    let published = if dry { "would publish" } else { "published" };
    for line in &outcome.signed {
        context.say(&format!("signed     {line}"))?;
    }
    for line in &outcome.released {
        context.say(&format!("{}  {line}", paint(Tone::Good, published)))?;
    }
    for line in &outcome.waits {
        context.say(&format!("{}      {}", paint(Tone::Careful, "waits"), render::commands(line)))?;
    }
    if let Some(folder) = folder.filter(|_| outcome.released.is_empty() && !dry) {
        let next = format!(
            "Not published. Hand the folder on; the next one runs:  skills roots sign {} --key NAME",
            typed(folder)
        );
        context.say(&render::commands(&next))?;
    }
    unrecorded(context, outcome.unrecorded.as_deref())?;
    let document = json!({
        "signed": outcome.signed, "published": outcome.released, "waits": outcome.waits, "dry_run": dry,
    });
    context.json(schema, document)?;
    Ok(Exit::Done)
}

/// What others read is published; that our own log does not say so is told.
fn unrecorded(context: &mut Context, why: Option<&str>) -> Result<(), Stop> {
    match why {
        Some(why) => context.fault(&format!("{}: {why}", paint(Tone::Careful, "not in the audit log"))),
        None => Ok(()),
    }
}
