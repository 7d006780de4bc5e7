//! `repair`: after drift.

use super::super::context::{Context, Ended};
use super::super::render::{Tone, commands, paint};
use super::enable_told;
use super::install::parse_digest;
use super::verify::difference;
use serde_json::json;
use skill_trust::model::code::{Code, Exit, Stop};
use skill_trust::model::digest::Digest;
use skill_trust::model::lifecycle::{Lifecycle, RevisionRow};
use skill_trust::model::text;
use skill_trust::ops::enable;
use skill_trust::ops::place::{self, Now, Spot};
use skill_trust::ops::provenance::Accepted;
use skill_trust::ops::repair::{self, Drifted, Found};
use skill_trust::ops::trust::{self, TermsRequest, TrustRequest};
use skill_trust::ops::{Answer, Ask, Question};
use std::os::unix::ffi::OsStrExt as _;

/// After drift: see what changed, decide about the old bytes again, place anew
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Two decisions, each asked for itself: trust in the OLD bytes, from the verified stored copy; then placing them where they were.\n\
    The copy that drifted stays in the evidence. To keep what changed instead, it has to be installed and trusted as a revision of its own.\n\
    Without a terminal, name the old digest in full: that is the trust decision, and the commands that place it are printed.\n\n\
    Examples:\n  skills repair pdf-forms\n  skills repair pdf-forms --dry-run\n  skills repair pdf-forms --digest sha256:<64 hex digits>\n\nSee also: skills status, skills trust, skills enable"
)]
pub(crate) struct Args {
    /// NAME or NAME@DIGEST
    skill: String,
    /// The old bytes, in full; then trust is not asked for
    #[arg(long, value_name = "sha256:…")]
    digest: Option<String>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Show what drifted, decide nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs `repair`.
pub(crate) fn run(context: &mut Context, args: Args) -> Ended {
    let digest = args.digest.as_deref().map(parse_digest).transpose()?;
    let drifted = match repair::look(&context.world, &args.skill, args.dry_run)? {
        Found::Drifted(drifted) => drifted,
        Found::Sound(row) => return sound(context, &row),
    };
    let shown = describe(&drifted);
    if args.dry_run {
        context.say(&shown.join("\n"))?;
        context.json("repair-plan/1", document(&drifted, &[]))?;
        return Ok(Exit::Done);
    }
    let mut person = context.person();
    // What drifted is shown before the digest, on the terminal that is asked.
    if digest.is_some() || drifted.row.lifecycle.pin().is_some() {
        context.say(&shown.join("\n"))?;
    }
    if let Err(stop) = grant(context, &drifted, digest, args.note, &shown, person.as_mut()) {
        if stop.code == Code::PersonNeeded {
            context.say(&shown.join("\n"))?;
        }
        return Err(stop);
    }
    place_again(context, &drifted, person.as_mut())
}

fn sound(context: &mut Context, row: &RevisionRow) -> Ended {
    let places = row.lifecycle.placements().len();
    context.say(&format!(
        "{}  {}: {places} copies and the stored one hold the trusted bytes",
        paint(Tone::Good, "sound"),
        row.revision
    ))?;
    if places == 0 {
        context.say(&format!("It is placed nowhere. Next:  skills enable {} --agent …", row.revision))?;
    }
    context.json(
        "repair/1",
        json!({ "name": row.revision.name, "digest": row.revision.digest, "drifted": false }),
    )?;
    Ok(Exit::Done)
}

/// The first decision: trust in the old digest, as `trust` takes it.
fn grant(
    context: &mut Context,
    drifted: &Drifted,
    digest: Option<Digest>,
    note: Option<String>,
    shown: &[String],
    person: &mut dyn Ask,
) -> Result<(), Stop> {
    let Lifecycle::Installed { former } = &drifted.row.lifecycle else {
        return context.say(&format!("already trusted again  {}", drifted.row.revision));
    };
    // What was to end, ends when it was to end.
    let expires = former.as_ref().and_then(|pin| pin.until).map(|until| until.to_string());
    let request = TrustRequest {
        skill: drifted.row.revision.file_name(),
        digest,
        by_policy: false,
        // It was trusted as it is, and a later decision about others takes nothing from that.
        accepted: Accepted { older: true, new_signer: true },
        // What blocks is overridden by `trust` alone; then this goes on with placing.
        despite: Vec::new(),
        terms: TermsRequest { expires, note },
    };
    let plan = trust::plan(&context.world, &request);
    let mut plan = plan.map_err(|stop| trust::record(&context.world, &request, stop))?;
    plan.verb = "repair";
    let mut shown = shown.to_vec();
    shown.push(String::new());
    shown.push(format!("stored   verified: it holds the old bytes, from {}", drifted.row.source));
    if let Some(until) = plan.terms.until {
        shown.push(format!("ends     {until}, as before"));
    }
    let found = super::found::question(plan.judged.told(), &plan.row.revision);
    // Where nobody is asked, it is said all the same.
    if digest.is_some() {
        found.iter().try_for_each(|line| context.say(line))?;
    }
    shown.extend(found);
    let pin = trust::trust(&context.world, &plan, &shown.join("\n"), person)?;
    context.say(&format!("{}  {}  (record {})", paint(Tone::Good, "trusted"), drifted.row.revision, pin.seq))
}

/// The second decision: placing, where it was.
fn place_again(context: &mut Context, drifted: &Drifted, person: &mut dyn Ask) -> Ended {
    let revision = &drifted.row.revision;
    let free = |spot: &&Spot| spot.now == Now::Free;
    let open: Vec<_> = drifted.spots.iter().filter(free).collect();
    let mut placed = Vec::new();
    let mut failed = None;
    for spot in drifted.spots.iter().filter(|spot| !free(spot)) {
        for line in in_the_way(drifted, spot) {
            context.say(&line)?;
        }
        if spot.now != Now::Same {
            failed = Some(Exit::Refused);
        }
    }
    for path in drifted.still_found() {
        let path = text::escape_bytes(path.as_os_str().as_bytes());
        let what = paint(Tone::Bad, "STILL THERE");
        context.fault(&format!(
            "{what}  {path}: the changed copy could not be taken away; an agent may find it"
        ))?;
        context.fault(&commands("next: make its folder writable, then: skills doctor"))?;
        failed = Some(Exit::Failed);
    }
    let mut answer = Answer::No;
    if !open.is_empty() {
        let list: Vec<_> = open.iter().map(|spot| format!("  {}", text::escape(&spot.path))).collect();
        let shown = format!("\nIt was placed here:\n{}", list.join("\n"));
        answer = person.ask(&shown, &Question::Confirm("Place the old bytes there again?".to_owned()));
    }
    for spot in &open {
        if answer != Answer::Yes {
            continue;
        }
        match enable_told::again(context, revision, spot)? {
            Ok(path) => placed.push(path),
            Err(stop) => failed = failed.or(Some(stop.code.exit())),
        }
    }
    if answer != Answer::Yes && !open.is_empty() {
        context.say("Not placed. It is trusted; place it with:")?;
        for spot in &open {
            context.say(&format!("  {}", place::enable_command(revision, &spot.place)))?;
        }
    }
    // A no to a question that was asked is a refusal, as it is of trust; nobody to ask is none.
    if let (Answer::No, [first, ..]) = (answer, open.as_slice()) {
        let next = place::enable_command(revision, &first.place);
        let stop = Stop::new(Code::Declined, "nothing was placed: the answer was no", next);
        return Err(enable::refused(&context.world, &[&revision.file_name()], stop));
    }
    context.json("repair/1", document(drifted, &placed))?;
    Ok(failed.unwrap_or(Exit::Done))
}

/// What is in the way at a place, and the commands that clear it.
fn in_the_way(drifted: &Drifted, spot: &Spot) -> Vec<String> {
    let path = text::escape(&spot.path);
    let revision = &drifted.row.revision;
    let again = place::enable_command(revision, &spot.place);
    match &spot.now {
        Now::Free | Now::Same => vec![format!("already there  {path}")],
        Now::Other(other) => vec![
            format!("{}  {path}: {other} is there now", paint(Tone::Careful, "not placed")),
            format!("  in its place again:  {again}"),
        ],
        Now::Taken(what) => vec![
            format!("{}  {path}: {what} is there that is not ours", paint(Tone::Careful, "not placed")),
            format!("  look what it is, then:  {}", repair::out_of_the_way(&spot.path)),
            format!("  and:  {again}"),
        ],
        Now::Leads(elsewhere) => vec![
            format!(
                "{}  {path}: its folder leads to {} now",
                paint(Tone::Careful, "not placed"),
                text::escape(&elsewhere.to_string_lossy())
            ),
            format!("  if that is as it should be:  {again}"),
        ],
    }
}

fn describe(drifted: &Drifted) -> Vec<String> {
    let row = &drifted.row;
    let mut lines = vec![format!("skill    {}", paint(Tone::Strong, row.revision.name.as_str()))];
    lines.push(format!("pinned   {}", row.revision.digest));
    lines.push(match drifted.found {
        Some(found) if found != row.revision.digest => format!("found    {found}"),
        Some(_) => "found    the same bytes, but not as we wrote them".to_owned(),
        None => "found    nothing that could be hashed".to_owned(),
    });
    lines.push(match drifted.record {
        Some((seq, time)) => format!("drifted  record {seq}, {time}"),
        None => "drifted  now; not recorded by this look".to_owned(),
    });
    let whose = if drifted.in_store { "of the stored copy, which was brought again since" } else { "" };
    lines.push(format!("why      {}", drifted.reason));
    lines.push(format!("\nWhat differs {whose}").trim_end().to_owned() + ":");
    for one in &drifted.differences {
        let note = one.by_product.map_or(String::new(), |what| format!("   (a by-product: {what})"));
        lines.push(format!("  {}{note}", difference(&one.reason)));
    }
    if drifted.cut {
        lines.push("  … and more than the record had room for".to_owned());
    }
    if drifted.differences.is_empty() {
        lines.push("  nothing per file: the record has no list".to_owned());
    }
    let explained = drifted.differences.iter().filter(|one| one.by_product.is_some()).count();
    if explained > 0 {
        let all = explained == drifted.differences.len() && !drifted.cut;
        let how_many = if all { "All of it looks".to_owned() } else { format!("{explained} of these look") };
        lines.push(format!("{how_many} like a by-product of some program. It denies all the same: what made it will make it again."));
    }
    lines.push(String::new());
    if drifted.kept.is_empty() {
        lines.push("No drifted copy is left: it was gone, or was not ours to move.".to_owned());
    }
    for kept in &drifted.kept {
        lines.push(format!("it lies in  {}", text::escape(&kept.to_string_lossy())));
    }
    lines
}

fn document(drifted: &Drifted, placed: &[String]) -> serde_json::Value {
    let differences: Vec<_> = drifted
        .differences
        .iter()
        .map(|one| json!({ "difference": one.reason, "by_product": one.by_product }))
        .collect();
    let kept: Vec<_> = drifted.kept.iter().map(|path| text::escape(&path.to_string_lossy())).collect();
    let places: Vec<_> = drifted.spots.iter().map(|spot| text::escape(&spot.path)).collect();
    json!({
        "name": drifted.row.revision.name, "digest": drifted.row.revision.digest, "drifted": true,
        "record": drifted.record.map(|(seq, _)| seq), "found": drifted.found, "differences": differences,
        "complete": !drifted.cut, "in_store": drifted.in_store, "kept": kept, "places": places,
        "placed": placed, "enable": drifted.commands(),
    })
}
