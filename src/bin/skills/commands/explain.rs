//! `explain`: what a rule or a code means, and what to do about it.

use super::super::complete;
use super::super::context::{Context, Ended};
use super::super::render::{self, Tone, paint};
use serde_json::{Value, json};
use skill_trust::model::code::{Code, Exit, Stop};
use skill_trust::model::finding::Tier;
use skill_trust::model::text;
use skill_trust::ops::explain::{self, About, Found, KINDS, Meaning};

/// Say what a rule or a code means
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Rules are what `scan` finds by, codes are what refusals and failures bear. Without an id, all are listed.\n\n\
    Examples:\n  skills explain\n  skills explain exec.fetch\n  skills explain entry-link\n  skills explain drift --json\n\n\
    See also: skills scan"
)]
pub(crate) struct Args {
    /// A rule, as exec.fetch, or a code, as not-trusted
    #[arg(value_name = "ID", add = complete::ids())]
    id: Option<String>,
    /// Write it all at once, however long
    #[arg(long)]
    no_pager: bool,
}

/// Runs `explain`.
pub(crate) fn run(context: &mut Context, args: Args) -> Ended {
    let Some(id) = args.id else { return all(context, args.no_pager) };
    // As it stands in messages: `[entry-link]`.
    let id = id.trim_matches(['[', ']', '`']);
    match explain::find(id) {
        Some(Found::Rule(about)) => {
            rule(context, &about)?;
            context.json("explain/1", rule_document(&about))?;
        }
        Some(Found::Code(meaning)) => {
            code(context, &meaning)?;
            context.json("explain/1", code_document(&meaning))?;
        }
        None => return Err(unknown(id)),
    }
    Ok(Exit::Done)
}

fn unknown(id: &str) -> Stop {
    let near = explain::near(id);
    let mut what = format!("there is no rule and no code `{}`", text::escape_short(id, 60));
    if !near.is_empty() {
        what.push_str(&format!("; there is {}", near.join(", ")));
    }
    let next = match near.as_slice() {
        [only] => format!("run: skills explain {only}"),
        _ => "run: skills explain".to_owned(),
    };
    Stop::new(Code::Usage, what, next)
}

fn all(context: &mut Context, no_pager: bool) -> Ended {
    let (rules, codes) = (explain::rules(), explain::codes());
    let width = context.out.width();
    let rows: Vec<_> = rules
        .iter()
        .map(|about| vec![about.id.to_owned(), about.heaviest().name().to_owned(), about.title.to_owned()])
        .collect();
    if !no_pager {
        context.page();
    }
    context.say(&render::table(&["RULE", "AT MOST", "WHAT"], &rows, width))?;
    let rows: Vec<_> =
        codes.iter().map(|meaning| vec![meaning.code.to_owned(), meaning.what.clone()]).collect();
    context.say(&format!("\n{}", render::table(&["CODE", "WHAT"], &rows, width)))?;
    context.say(&format!("\nmore  {}", render::commands("skills explain ID")))?;
    context.page_end()?;
    let rules: Vec<_> = rules.iter().map(rule_document).collect();
    let codes: Vec<_> = codes.iter().map(code_document).collect();
    context.json("explain/1", json!({ "rules": rules, "codes": codes }))?;
    Ok(Exit::Done)
}

fn rule(context: &mut Context, about: &About) -> Result<(), Stop> {
    context.say(&format!("{}  {}", paint(Tone::Strong, about.id), about.title))?;
    let mut lines = vec![("weighs", weights(about))];
    lines.extend([
        ("what", about.what.to_owned()),
        ("why", about.why.to_owned()),
        ("instead", about.instead.to_owned()),
        ("limits", about.limits.to_owned()),
        ("tags", about.owasp.join(", ") + " (OWASP Agentic Skills Top 10)"),
    ]);
    for (label, words) in lines {
        context.say(&format!("{label:<9}{words}"))?;
    }
    Ok(())
}

/// `BLOCK in scripts and install commands, WARN in sentences`, with kinds of one
/// tier together.
fn weights(about: &About) -> String {
    let of = |tier: Tier| {
        let kinds: Vec<_> = KINDS
            .iter()
            .zip(about.weights)
            .filter(|(_, weight)| *weight == Some(tier))
            .map(|(kind, _)| *kind)
            .collect();
        match kinds.as_slice() {
            [] => None,
            ["a file as a whole"] => Some(format!("{}, of a file as a whole", tier.name())),
            kinds => Some(format!("{} in {}", tier.name(), kinds.join(", "))),
        }
    };
    Tier::ALL.iter().filter_map(|tier| of(*tier)).collect::<Vec<_>>().join("; ")
}

fn code(context: &mut Context, meaning: &Meaning) -> Result<(), Stop> {
    context.say(&format!("{}  {}", paint(Tone::Strong, meaning.code), meaning.kind))?;
    context.say(&format!("what     {}", meaning.what))?;
    if let Some(exit) = meaning.exit {
        let summary = Exit::ALL.iter().find(|one| **one as u8 == exit).map_or("", |one| one.summary());
        context.say(&format!("exit     {exit}: {summary}"))?;
    }
    match meaning.instead {
        Some(instead) => context.say(&format!("instead  {instead}")),
        None => context.say("instead  The message that bears it says what to do next, behind `next:`."),
    }
}

fn rule_document(about: &About) -> Value {
    let weights: serde_json::Map<_, _> = ["script", "fence", "inline", "prose", "file"]
        .iter()
        .zip(about.weights)
        .map(|(kind, weight)| ((*kind).to_owned(), json!(weight)))
        .collect();
    json!({
        "rule": about.id, "title": about.title, "heaviest": about.heaviest(), "weights": weights,
        "what": about.what, "why": about.why, "instead": about.instead, "limits": about.limits,
        "owasp": about.owasp,
    })
}

fn code_document(meaning: &Meaning) -> Value {
    json!({
        "code": meaning.code, "kind": meaning.kind, "what": meaning.what, "exit": meaning.exit,
        "instead": meaning.instead,
    })
}
