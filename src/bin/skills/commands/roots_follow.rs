//! `roots add`, `list`, `refresh`, `remove`: the side of who follows one.

use super::super::context::{Context, Ended, absolute};
use super::super::render::{self, Tone, commands, paint};
use serde_json::{Value, json};
use skill_trust::model::code::{Code, Exit, Stop};
use skill_trust::model::digest::Digest;
use skill_trust::model::followed::{Followed, Standing};
use skill_trust::model::source::SourceSpec;
use skill_trust::model::text;
use skill_trust::model::time::Timestamp;
use skill_trust::ops::roots::carry::{self, Answered, Carried, Ordered};
use skill_trust::ops::roots::follow::{self, Plan, Request, Shown};
use skill_trust::ops::roots::may::May;
use skill_trust::system::fetch::FetchOptions;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What is said where there is none.
const NOBODY: &str = "no trust root is followed\nnext: skills roots add NAME ORIGIN --pin sha256:…";

/// What is done about roots that are followed.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Follow a trust root, pinned by the SHA-256 of its first root
    #[command(
        after_help = "Its owner tells you the SHA-256 of the first root by another way than the files come: it is \
        `sha256sum metadata/1.root.json`. At a terminal you type the root's name; a script states the pin.\n\n\
        ORIGIN is a folder, a git repository as `install` takes one, or https://HOST/PATH/ with a slash at its end.\n\n\
        Examples:\n  skills roots add team ./team-root --pin sha256:<64 hex digits>\n  \
        skills roots add team acme/trust --pin sha256:<64 hex digits>\n  \
        skills roots add team https://trust.example/acme/ --pin sha256:<64 hex digits>\n\nSee also: skills roots list"
    )]
    Add {
        /// What it is called here: lower-case letters, digits and `-`
        name: String,
        /// Where it is
        origin: String,
        /// SHA-256 of its first root, all 64 digits
        #[arg(long, value_name = "HEX")]
        pin: Option<String>,
        /// Fetch, verify and show it; follow nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Show what is followed and how fresh it is
    #[command(
        after_help = "Examples:\n  skills roots list\n  skills roots list team\n  skills roots list --json\n\nSee also: skills roots refresh"
    )]
    List {
        /// One root, with what it may do
        name: Option<String>,
    },
    /// Ask for what is new, and carry out what is revoked or ordered to stop
    #[command(
        after_help = "Kill orders, revocations and advisories of every followed root are carried out, also those that an earlier \
        refresh could not. Exit code 1 if something is NOT KILLED, 5 if what came is not believed, 8 if a root cannot be reached.\n\n\
        Examples:\n  skills roots refresh\n  skills roots refresh team\n\nSee also: skills roots list"
    )]
    Refresh {
        /// These; all of them if none is named
        names: Vec<String>,
        /// Show what would be asked, change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Stop following a trust root
    #[command(
        after_help = "What it revokes stops counting; a kill that it ordered stands until it is released.\n\n\
        Examples:\n  skills roots remove team\n  skills roots remove team --phrase team\n\nSee also: skills roots add"
    )]
    Remove {
        /// Its name
        name: String,
        /// Its name again, where there is no terminal
        #[arg(long, value_name = "NAME")]
        phrase: Option<String>,
        /// Show what would stop counting, change nothing
        #[arg(long)]
        dry_run: bool,
    },
}

/// Runs it.
pub(crate) fn run(context: &mut Context, command: Command) -> Ended {
    match command {
        Command::Add { name, origin, pin, dry_run } => {
            let request = request(name, &origin, pin.as_deref())?;
            add(context, &request, dry_run)
        }
        Command::List { name } => list(context, name.as_deref()),
        Command::Refresh { names, dry_run } => refresh(context, &names, dry_run),
        Command::Remove { name, phrase, dry_run } => remove(context, &name, phrase.as_deref(), dry_run),
    }
}

/// Attack: somebody who has no pin asks the server for one.
fn request(name: String, origin: &str, pin: Option<&str>) -> Result<Request, Stop> {
    let next = format!(
        "ask its owner, by another way than the files come, for the output of: sha256sum metadata/1.root.json; then: skills roots add {} {} --pin HEX",
        text::shell_word(&name),
        text::shell_word(origin)
    );
    let Some(pin) = pin else {
        let what = "a trust root is followed only with the SHA-256 of its first root (--pin)";
        return Err(Stop::new(Code::Usage, what, next));
    };
    let hex = pin.strip_prefix("sha256:").unwrap_or(pin).to_ascii_lowercase();
    let pin = Digest::from_hex(&hex).map_err(|_| {
        let what =
            format!("`{}` is not a SHA-256: 64 hexadecimal digits, all of them", text::escape_short(pin, 80));
        Stop::new(Code::Usage, what, next)
    })?;
    // Wherever it is asked from later, a folder stays the same one.
    let spec = SourceSpec::parse(origin, |name| Path::new(name).is_dir());
    let origin = match spec {
        Ok(SourceSpec::Folder(path) | SourceSpec::Archive { path, .. }) => {
            absolute(&path)?.to_str().map(str::to_owned).ok_or_else(|| {
                Stop::new(Code::SourceRefused, "the folder's name is not UTF-8", "rename the folder")
            })?
        }
        Ok(_) => origin.to_owned(),
        Err(bad) if !origin.ends_with('/') => {
            let what = format!("`{}`: {}", text::escape_short(origin, 100), text::escape(&bad.to_string()));
            return Err(Stop::new(Code::SourceRefused, what, "skills roots add --help shows the forms"));
        }
        Err(_) => origin.to_owned(),
    };
    Ok(Request { name, origin, pin })
}

/// How to fetch, with Ctrl-C heard.
fn options(context: &Context) -> FetchOptions {
    let options = FetchOptions { offline: context.globals.offline, ..FetchOptions::default() };
    let flag = Arc::clone(&options.interrupt);
    // A second handler in one process is refused; the first one serves.
    let _ = ctrlc::set_handler(move || flag.store(true, Ordering::SeqCst));
    options
}

fn add(context: &mut Context, request: &Request, dry_run: bool) -> Ended {
    let options = options(context);
    let plan = match follow::plan(&context.world, request, &options) {
        Err(stop) if !dry_run => return Err(follow::record(&context.world, &request.name, stop)),
        plan => plan?,
    };
    let shown = plan_words(&plan, context.now());
    if dry_run {
        context.say(&shown)?;
        context.json("roots-plan/1", json!({ "name": request.name, "origin": request.origin, "pin": request.pin.hex(), "may": may(&plan.may) }))?;
        return Ok(Exit::Done);
    }
    let mut person = context.person();
    let (root, carried) = follow::add(&context.world, &plan, &shown, person.as_mut())?;
    context.say(&format!(
        "{}  {}  {}",
        paint(Tone::Good, "following"),
        root.name,
        text::escape(&root.origin)
    ))?;
    for line in plan.may.lines() {
        context.say(&format!("  {line}"))?;
    }
    for fault in &plan.haul.faults {
        context.fault(&format!("{}  {fault}", paint(Tone::Careful, "missing")))?;
    }
    carry_words(context, &carried)?;
    context.say(&commands("\nKeep it fresh with:  skills roots refresh"))?;
    context.json(
        "roots-add/1",
        json!({ "root": document(&root), "may": may(&plan.may), "carried": carried_document(&carried) }),
    )?;
    Ok(carried_exit(&carried).unwrap_or(Exit::Done))
}

fn plan_words(plan: &Plan, now: Timestamp) -> String {
    let Request { name, origin, pin } = &plan.request;
    let fresh = plan.haul.fresh_until.map_or_else(
        || "stale: something of it is missing".to_owned(),
        |until| format!("fresh until {until} ({})", render::age(until, now)),
    );
    let mut lines = vec![
        format!("trust root   {name}"),
        format!("from         {}", text::escape(origin)),
        format!("pinned by    {}", pin.hex()),
        format!("root ends    {} ({})", plan.root_ends, render::age(plan.root_ends, now)),
        fresh_line(&fresh),
        "From now on, on its word:".to_owned(),
    ];
    lines.extend(plan.may.lines().into_iter().map(|line| format!("  {line}")));
    lines.extend(plan.haul.faults.iter().map(|fault| format!("  missing: {fault}")));
    lines.push(
        "It may change all of this with every refresh, and order what is to be stopped here.".to_owned(),
    );
    lines.join("\n")
}

fn fresh_line(fresh: &str) -> String {
    format!("state        {fresh}")
}

/// What a root is good for, in words.
pub(crate) fn standing_words(standing: Standing) -> String {
    match standing {
        Standing::Fresh => "fresh".to_owned(),
        Standing::Stale { since: Some(since) } => {
            format!("stale since {since}: what is trusted stays, nothing new is granted on its word")
        }
        Standing::Stale { since: None } => {
            "stale, something of it is missing: what is trusted stays, nothing new is granted on its word"
                .to_owned()
        }
        Standing::Expired { since } => format!("expired {since}: nothing is granted on its word"),
    }
}

fn list(context: &mut Context, name: Option<&str>) -> Ended {
    let roots = follow::list(&context.world, name)?;
    let now = context.now();
    if roots.is_empty() {
        context.say(&commands(NOBODY))?;
    }
    let mut damaged = false;
    for (at, shown) in roots.iter().enumerate() {
        if at > 0 {
            context.say("")?;
        }
        one_root(context, shown, now)?;
        damaged |= shown.damage.is_some();
    }
    let documents: Vec<_> = roots.iter().map(shown_document).collect();
    context.json("roots/1", json!({ "roots": documents }))?;
    Ok(if damaged { Code::LedgerDamaged.exit() } else { Exit::Done })
}

fn one_root(context: &mut Context, shown: &Shown, now: Timestamp) -> Result<(), Stop> {
    let root = &shown.root;
    let tone = if shown.standing == Standing::Fresh { Tone::Good } else { Tone::Careful };
    context.say(&format!("{}  {}", paint(tone, &root.name), standing_words(shown.standing)))?;
    let mut rows = vec![
        ("from", text::escape(&root.origin)),
        ("pinned by", root.pin.hex()),
        ("followed", format!("{} ({})", root.added, render::age(root.added, now))),
        ("last news", format!("{} ({})", root.refreshed, render::age(root.refreshed, now))),
        (
            "fresh until",
            root.fresh_until
                .map_or_else(|| "not fresh".to_owned(), |at| format!("{at} ({})", render::age(at, now))),
        ),
        ("root ends", format!("{} ({})", root.root_ends, render::age(root.root_ends, now))),
    ];
    rows.extend(
        shown.may.lines().into_iter().enumerate().map(|(at, line)| (if at == 0 { "may" } else { "" }, line)),
    );
    if root.kill_order > 0 {
        rows.push(("carried out", format!("kill orders up to number {}", root.kill_order)));
    }
    for (what, value) in rows {
        context.say(&format!("  {what:<12} {value}"))?;
    }
    if let Some(damage) = &shown.damage {
        context.fault(&format!("  {}  {damage}", paint(Tone::Bad, "DAMAGED")))?;
    }
    Ok(())
}

fn refresh(context: &mut Context, names: &[String], dry_run: bool) -> Ended {
    if dry_run {
        let mut roots = follow::list(&context.world, None)?;
        roots.retain(|shown| names.is_empty() || names.contains(&shown.root.name));
        if roots.is_empty() {
            context.say(&commands(NOBODY))?;
        }
        for shown in &roots {
            context.say(&format!("would ask  {}  {}", shown.root.name, text::escape(&shown.root.origin)))?;
        }
        let list: Vec<_> = roots.iter().map(shown_document).collect();
        context.json("roots-refresh-plan/1", json!({ "roots": list }))?;
        return Ok(Exit::Done);
    }
    let options = options(context);
    let (answers, carried) = carry::refresh(&context.world, names, &options)?;
    if answers.is_empty() {
        context.say(&commands(NOBODY))?;
    }
    let now = context.now();
    for answer in &answers {
        answered(context, answer, now)?;
    }
    carry_words(context, &carried)?;
    let documents: Vec<_> = answers.iter().map(answer_document).collect();
    context.json("roots-refresh/1", json!({ "roots": documents, "carried": carried_document(&carried) }))?;
    let missed = answers.iter().find_map(|answer| answer.stop.as_ref().map(|stop| stop.code.exit()));
    let lacking = answers.iter().any(|answer| !answer.faults.is_empty()).then_some(Code::RootRefused.exit());
    Ok(carried_exit(&carried).or(missed).or(lacking).unwrap_or(Exit::Done))
}

fn answered(context: &mut Context, answer: &Answered, now: Timestamp) -> Result<(), Stop> {
    let root = &answer.root;
    let standing = standing_words(root.standing(now));
    match &answer.stop {
        None => {
            let word = if answer.changed { "news     " } else { "no news  " };
            context.say(&format!("{} {}  {standing}", paint(Tone::Good, word), root.name))?;
        }
        Some(stop) => {
            let word = paint(Tone::Careful, "kept as it was");
            context.fault(&format!("{word}  {}  [{}] {}", root.name, stop.code, stop.what))?;
            context.fault(&format!("  it is {standing}\n  next: {}", commands(&stop.next)))?;
        }
    }
    for line in answer.policy.lines() {
        context.say(&format!("  policy     {line}"))?;
    }
    for fault in &answer.faults {
        context.fault(&format!("  {}  {fault}", paint(Tone::Careful, "missing")))?;
    }
    Ok(())
}

/// What was stopped and narrowed; loudly what was not.
fn carry_words(context: &mut Context, carried: &Carried) -> Result<(), Stop> {
    for order in &carried.orders {
        order_words(context, order)?;
    }
    for one in &carried.narrowed {
        context.say(&format!("{}  {}  {}", paint(Tone::Bad, "REVOKED"), one.row.revision, one.found.why))?;
        context.say(&commands(&format!("  next: {}", one.found.next)))?;
        for place in one.row.lifecycle.placements() {
            context.say(&format!("  taken away  {}", text::escape(&place.path)))?;
        }
        for (path, why) in &one.failures {
            let word = paint(Tone::Bad, "NOT TAKEN AWAY");
            context.fault(&format!("  {word}  {}: {why} (the gate denies it)", text::escape(path)))?;
        }
    }
    for (row, why) in &carried.warned {
        context.fault(&format!(
            "{}  {}  {why}; it stays trusted, and is not trusted anew",
            paint(Tone::Careful, "warning"),
            row.revision
        ))?;
    }
    for stop in &carried.stops {
        let word = paint(Tone::Bad, "NOT CARRIED OUT");
        context.fault(&format!("{word}  [{}] {}\n  next: {}", stop.code, stop.what, commands(&stop.next)))?;
    }
    Ok(())
}

fn order_words(context: &mut Context, order: &Ordered) -> Result<(), Stop> {
    let what = order.scope.as_ref().map_or_else(|| "everything".to_owned(), ToString::to_string);
    let by = format!("by kill order {} of trust root `{}`: {}", order.number, order.root, order.why);
    let report = &order.killed.report;
    if order.is_done() {
        context.say(&format!("{}  {what}  {by}", paint(Tone::Bad, "KILLED")))?;
    } else {
        context.fault(&format!("{}  {what}  {by}", paint(Tone::Bad, "NOT KILLED")))?;
        if order.scope.is_none() && !report.is_held() {
            context.fault(&format!("  hold not stored: {}", text::escape(&report.held.to_string())))?;
        }
    }
    for stopped in &report.stopped {
        for path in &stopped.paths {
            context.say(&format!("  stopped  {}  {}", stopped.revision, text::escape(path)))?;
        }
    }
    for failure in &report.failures {
        let word = paint(Tone::Bad, "NOT STOPPED");
        context.fault(&format!(
            "  {word}  {}: {}",
            text::escape(&failure.what),
            text::escape(&failure.why)
        ))?;
    }
    if let Some(stop) = &order.killed.pending {
        context.fault(&format!("  not recorded yet: {}; the next refresh tries again", stop.what))?;
    }
    let lift = order.scope.as_ref().map_or_else(|| "--all".to_owned(), skill_trust::ops::stop::scope_words);
    context.say(&commands(&format!("  lift it with:  skills release {lift}")))
}

fn carried_exit(carried: &Carried) -> Option<Exit> {
    if carried.orders.iter().any(|order| !order.is_done()) {
        return Some(Exit::Failed);
    }
    let stopped = carried.stops.first().map(|stop| stop.code.exit());
    stopped.or_else(|| (!carried.is_done()).then_some(Exit::Failed))
}

fn remove(context: &mut Context, name: &str, phrase: Option<&str>, dry_run: bool) -> Ended {
    let plan = match follow::remove_plan(&context.world, name) {
        Err(stop) if !dry_run => return Err(follow::record(&context.world, name, stop)),
        plan => plan?,
    };
    let mut lines = vec![format!(
        "trust root `{name}` from {} is forgotten. What stops counting:",
        text::escape(&plan.root.origin)
    )];
    lines.extend(plan.may.lines().into_iter().map(|line| format!("  {line}")));
    lines.push("What it revokes may be trusted again, and what its policy asks is asked no longer. Skills trusted on its word stay trusted, and a kill it ordered stands.".to_owned());
    let shown = lines.join("\n");
    if dry_run {
        context.say(&shown)?;
        context.json("roots-remove-plan/1", shown_document(&plan))?;
        return Ok(Exit::Done);
    }
    let mut person = context.person();
    follow::remove(&context.world, &plan, &shown, phrase, person.as_mut())?;
    context.say(&format!("{}  {name}; what it revokes stops counting", paint(Tone::Good, "forgotten")))?;
    context.json("roots-remove/1", json!({ "name": name }))?;
    Ok(Exit::Done)
}

fn document(root: &Followed) -> Value {
    let targets: Vec<_> = root
        .targets
        .iter()
        .map(|one| json!({ "path": text::escape(&one.path), "sha256": one.bytes.hex() }))
        .collect();
    json!({
        "name": root.name, "origin": text::escape(&root.origin), "pin": root.pin.hex(), "added": root.added, "news": root.refreshed,
        "fresh_until": root.fresh_until, "root_ends": root.root_ends, "kill_order": root.kill_order, "targets": targets,
    })
}

fn may(may: &May) -> Value {
    let anchors: Vec<_> = may.anchors.iter().map(|one| json!({ "publisher": one.publisher, "terms": one.terms.as_ref().ok(), "fault": one.terms.as_ref().err() })).collect();
    let stampers: Vec<_> = may.stampers.iter().map(|one| json!({ "name": one.publisher, "terms": one.terms.as_ref().ok(), "fault": one.terms.as_ref().err() })).collect();
    json!({
        "anchors": anchors, "stamp_anchors": stampers, "signers": may.signers, "revocations": may.revocations, "kill_order": may.orders.as_ref().map(|(number, _)| number),
        "orders": may.orders.as_ref().map(|(_, orders)| orders), "advisories": may.advisories, "policy": may.policy, "policy_asks": may.asks, "policy_ignored": may.ignored, "reviews": may.reviews, "faults": may.faults,
    })
}

fn shown_document(shown: &Shown) -> Value {
    let mut one = document(&shown.root);
    one["may"] = may(&shown.may);
    one["state"] = json!(state(shown.standing));
    one["damage"] = json!(shown.damage);
    one
}

fn answer_document(answer: &Answered) -> Value {
    let stop =
        answer.stop.as_ref().map(|stop| json!({ "code": stop.code, "error": stop.what, "next": stop.next }));
    json!({ "root": document(&answer.root), "changed": answer.changed,
        "policy": { "asks": answer.policy.asks, "no_longer": answer.policy.gone, "ignored": answer.policy.ignored }, "missing": answer.faults, "stop": stop })
}

const fn state(standing: Standing) -> &'static str {
    match standing {
        Standing::Fresh => "fresh",
        Standing::Stale { .. } => "stale",
        Standing::Expired { .. } => "expired",
    }
}

fn carried_document(carried: &Carried) -> Value {
    let order = |one: &Ordered| {
        let scope = one.scope.as_ref().map_or_else(|| "everything".to_owned(), ToString::to_string);
        json!({ "root": one.root, "number": one.number, "scope": scope, "why": one.why, "killed": one.is_done() })
    };
    let narrowed = |one: &carry::Narrowed| json!({ "name": one.row.revision.name, "digest": one.row.revision.digest, "why": one.found.why, "next": one.found.next, "advisory": one.found.advisory, "failures": one.failures });
    let warned = |(row, why): &(skill_trust::model::lifecycle::RevisionRow, String)| json!({ "name": row.revision.name, "digest": row.revision.digest, "why": why });
    json!({
        "orders": carried.orders.iter().map(order).collect::<Vec<_>>(),
        "revoked": carried.narrowed.iter().map(narrowed).collect::<Vec<_>>(),
        "warned": carried.warned.iter().map(warned).collect::<Vec<_>>(),
        "not_carried_out": carried.stops.iter().map(|stop| json!({ "code": stop.code, "error": stop.what, "next": stop.next })).collect::<Vec<_>>(),
    })
}
