//! `trust` and `untrust`.

use super::super::complete;
use super::super::context::{Context, Ended};
use super::super::render::{self, Tone, paint};
use super::found;
use super::install::parse_digest;
use skill_trust::model::code::{Code, Exit, Stop};
use skill_trust::model::time::Timestamp;
use skill_trust::ops::provenance::{Accepted, Line, Tone as Meant, Vouching};
use skill_trust::ops::trust::{self, TermsRequest, TrustPlan, TrustRequest};
use std::path::PathBuf;

/// Decide that exactly these bytes may be used
#[derive(Debug, Default, clap::Args)]
#[command(
    after_help = "The decision belongs to the bytes: any later change withdraws it.\nWithout a terminal, name the reviewed bytes in full: \
    --digest sha256:…\n\nExamples:\n  skills trust pdf-forms\n  skills trust pdf-forms --expires 90d --note \"read all three files\"\n  \
    skills trust pdf-forms --digest sha256:<64 hex digits>\n  skills trust --from acme/skills\n  skills trust --updates\n  skills trust --updates --by-policy\n  \
    skills trust pdf-forms --despite exec.decode --note \"unpacks its own test data\"\n\nSee also: skills review, skills enable"
)]
pub(crate) struct Args {
    /// NAME or NAME@DIGEST; several are decided with one answer
    #[arg(required_unless_present_any = ["from", "updates", "adopted", "set"], add = complete::undecided())]
    pub(super) skills: Vec<String>,
    /// Everything undecided that came from this source
    #[arg(long, value_name = "SOURCE", conflicts_with = "skills")]
    pub(super) from: Option<String>,
    /// Every update that waits
    #[arg(long, conflicts_with_all = ["skills", "from"])]
    pub(super) updates: bool,
    /// Everything undecided that was adopted
    #[arg(long, conflicts_with_all = ["skills", "from", "updates"])]
    pub(super) adopted: bool,
    /// The reviewed set, as --print-set printed it; with --digest
    #[arg(long, value_name = "FILE", conflicts_with_all = ["skills", "from", "updates", "adopted"], requires = "digest")]
    pub(super) set: Option<PathBuf>,
    /// Print the set and nothing else, for --set on another machine; change nothing
    #[arg(long, conflicts_with_all = ["set", "dry_run", "json"])]
    pub(super) print_set: bool,
    /// The reviewed bytes or set, in full; then nothing is asked
    #[arg(long, value_name = "sha256:…")]
    digest: Option<String>,
    /// Trust what the policy grants, where all it demands is met; nothing is asked, the rest is listed
    #[arg(long, conflicts_with_all = ["digest", "set", "print_set"])]
    pub(super) by_policy: bool,
    /// Take a version lower than one that was trusted from this source
    #[arg(long, conflicts_with_all = ["from", "updates", "adopted", "set"])]
    pub(super) older: bool,
    /// Take another signer than before, with --digest or --by-policy
    #[arg(long, conflicts_with_all = ["from", "updates", "adopted", "set"])]
    pub(super) new_signer: bool,
    /// Override a rule that blocks it, for exactly these bytes; each one named, with --note
    #[arg(long, value_name = "RULE", requires = "note", conflicts_with_all = ["from", "updates", "adopted", "set", "by_policy"])]
    pub(super) despite: Vec<String>,
    /// When it ends: 90d, 2027-01-31, or a time
    #[arg(long, value_name = "WHEN")]
    expires: Option<String>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Show what would be trusted, change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

impl Args {
    /// A decision about these, without options.
    pub(super) fn of(skills: Vec<String>) -> Self {
        Self { skills, ..Self::default() }
    }
}

/// Runs `trust`.
pub(crate) fn run(context: &mut Context, mut args: Args) -> Ended {
    let digest = args.digest.as_deref().map(parse_digest).transpose()?;
    let terms = TermsRequest { expires: args.expires.take(), note: args.note.take() };
    if args.skills.len() != 1 || args.print_set {
        // What a person accepts of one skill is not taken for the others' too.
        if args.older || args.new_signer {
            return Err(Stop::new(
                Code::Usage,
                "--older and --new-signer accept something of one skill, not of several",
                "decide about it alone: skills trust NAME, with that option",
            ));
        }
        if !args.despite.is_empty() {
            return Err(Stop::new(
                Code::Usage,
                "--despite overrides rules for one skill's bytes, not for several",
                "decide about it alone: skills trust NAME --despite RULE --note \"WHY\"",
            ));
        }
        return super::trust_set::run(context, args, digest, &terms);
    }
    let accepted = Accepted { older: args.older, new_signer: args.new_signer };
    let by_policy = args.by_policy;
    let (skill, named) = (args.skills.swap_remove(0), args.despite);
    let request = TrustRequest { skill, digest, by_policy, accepted, despite: named, terms };
    let plan = match trust::plan(&context.world, &request) {
        Err(stop) if !args.dry_run => return Err(trust::record(&context.world, &request, stop)),
        planned => planned?,
    };
    let shown = describe(context, &plan);
    if args.dry_run {
        context.say(&format!("{shown}\ndigest   {}", plan.row.revision.digest))?;
        context.json("trust-plan/1", document(&plan))?;
        return Ok(Exit::Done);
    }
    // Where nobody is asked, what would stand before the question is said all the same.
    if (digest.is_some() || by_policy) && found::is_said(plan.judged.told()) {
        found::question(plan.judged.told(), &plan.row.revision)
            .iter()
            .try_for_each(|line| context.say(line))?;
    }
    let mut person = context.person();
    let pin = trust::trust(&context.world, &plan, &shown, person.as_mut())?;
    let revision = &plan.row.revision;
    let until = pin.until.map_or(String::new(), |until| format!(" until {until}"));
    let over = if pin.despite.is_empty() { String::new() } else { format!("  {}", despite(&pin.despite)) };
    context.say(&format!("{}  {revision}{until}{over}", paint(Tone::Good, "trusted")))?;
    let place = super::enable::place_hint(context);
    let next = format!("Not enabled yet. Next:  skills enable {}{place}", revision.name);
    context.say(&render::commands(&next))?;
    let mut document = document(&plan);
    if let Some(document) = document.as_object_mut() {
        document.insert("record".to_owned(), pin.seq.into());
    }
    context.json("trust/1", document)?;
    Ok(Exit::Done)
}

/// What is shown before the question, which names the digest itself.
fn describe(context: &Context, plan: &TrustPlan) -> String {
    let row = &plan.row;
    let mut lines = vec![format!("skill    {}", paint(Tone::Strong, row.revision.name.as_str()))];
    lines.push(format!("source   {}", row.source));
    lines.push(format!("holds    {}, {}", render::files_of(row.files), render::human_size(row.bytes)));
    lines.push(format!("arrived  {}", render::age(row.installed, context.now())));
    lines.push(match &plan.before {
        None => "before   nothing of this name was trusted here".to_owned(),
        Some(digest) => {
            let see = render::commands(&format!("see: skills review {}", row.revision));
            format!("before   {} is trusted; {see}", digest.short())
        }
    });
    if let Some(until) = plan.terms.until {
        lines.push(ends(until, plan.terms.why.as_deref()));
    }
    lines.extend(vouching(&plan.findings.lines));
    if let Some(file) = &plan.granted {
        lines.push(format!("granted  by {file}"));
    }
    lines.extend(found::question(plan.judged.told(), &row.revision));
    if !plan.despite.is_empty() {
        lines.push(format!("override {}", despite(&plan.despite)));
    }
    lines.join("\n")
}

/// That rules are overridden, in words.
pub(super) fn despite(rules: &[String]) -> String {
    paint(Tone::Bad, &format!("despite BLOCK by {}", rules.join(", ")))
}

/// Who vouches, line by line.
pub(super) fn vouching(lines: &[Line]) -> Vec<String> {
    let one = |line: &Line| {
        let words = match line.tone {
            Meant::For => paint(Tone::Good, &line.words),
            Meant::Plain => line.words.clone(),
            Meant::Against => paint(Tone::Bad, &line.words),
        };
        format!("{:<8} {words}", line.label)
    };
    lines.iter().map(one).collect()
}

/// When a decision ends, and who says so if it was not typed.
pub(super) fn ends(until: Timestamp, why: Option<&str>) -> String {
    let why = why.map_or(String::new(), |why| format!("  ({why})"));
    format!("ends     {until}{why}")
}

fn document(plan: &TrustPlan) -> serde_json::Value {
    serde_json::json!({
        "name": plan.row.revision.name, "digest": plan.row.revision.digest, "source": plan.row.source,
        "until": plan.terms.until, "before": plan.before, "granted": plan.granted,
        "provenance": provenance(&plan.findings),
        "findings": found::document(plan.judged.told()), "despite": plan.despite,
    })
}

/// What was found of who vouches, for programs.
pub(super) fn provenance(findings: &Vouching) -> serde_json::Value {
    let lines: Vec<_> = findings
        .lines
        .iter()
        .map(|line| serde_json::json!({ "about": line.label, "says": line.words }))
        .collect();
    serde_json::json!({
        "counts": findings.provenance, "lines": lines,
        "signer_change": findings.signer_change, "older_than": findings.older_than,
    })
}

/// Withdraw trust
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Its copies are taken away from every agent.\n\nExamples:\n  skills untrust pdf-forms\n  skills untrust pdf-forms --never --note \"mines coins\""
)]
pub(crate) struct UntrustArgs {
    /// NAME or NAME@DIGEST
    #[arg(add = complete::trusted())]
    skill: String,
    /// These bytes must not come back, under any name
    #[arg(long)]
    never: bool,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Show what would be withdrawn, change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs `untrust`.
pub(crate) fn untrust(context: &mut Context, args: UntrustArgs) -> Ended {
    if args.dry_run {
        let row = trust::untrust_plan(&context.world, &args.skill)?;
        context.say(&format!("would withdraw trust from {} ({})", row.revision, row.lifecycle.state()))?;
        context.json(
            "untrust-plan/1",
            serde_json::json!({ "name": row.revision.name, "digest": row.revision.digest }),
        )?;
        return Ok(Exit::Done);
    }
    let (row, failures) = trust::untrust(&context.world, &args.skill, args.never, args.note.as_deref())?;
    context.say(&format!("trust withdrawn  {}", row.revision))?;
    let places: Vec<_> = row.lifecycle.placements().iter().map(|place| place.path.clone()).collect();
    for path in &places {
        context.say(&format!("taken away       {path}"))?;
    }
    super::enable::warn(context, &failures)?;
    context.json("untrust/1", serde_json::json!({ "name": row.revision.name, "digest": row.revision.digest, "withdrawn": places, "failures": failures, "never": args.never }))?;
    Ok(if failures.is_empty() { Exit::Done } else { Exit::Failed })
}
