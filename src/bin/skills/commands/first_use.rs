//! What a person does after an install: review, then trust, then enable.
//!
//! On a terminal `install` ends by offering each of them, as a question of its
//! own whose answer is No unless yes is said. A yes runs the command, no more:
//! `trust` shows what it always shows, wants the name typed and hashes again,
//! and its answer enables nothing. A no ends it, with the command for later.
//!
//! Nothing is offered to a pipe, a script or an agent: an offer is a question,
//! and a question waits.

use super::super::{context::Context, render};
use super::{enable, review, trust, trust_set};
use skill_trust::model::agent::AGENTS;
use skill_trust::model::code::Stop;
use skill_trust::model::lifecycle::{RevisionRow, State};
use skill_trust::model::skill::Revision;
use skill_trust::model::text;
use skill_trust::ops::pick::{self, Pick};
use skill_trust::ops::trust::set::{self, SetRequest};
use skill_trust::ops::trust::{TermsRequest, TrustRequest};
use skill_trust::ops::{self, Answer, Question};
use std::io::IsTerminal as _;
use std::path::Path;

/// Whether there is somebody who would want to be asked.
pub(super) fn is_offered(context: &Context) -> bool {
    let flags = &context.globals;
    let silent = flags.no_input || flags.json || flags.quiet || context.world.agent.is_some();
    !silent && std::io::stdin().is_terminal() && std::io::stdout().is_terminal() && context.has_terminal()
}

/// Offers what comes next for the revisions that arrived from a source.
pub(super) fn offer(context: &mut Context, source: &str, arrived: &[RevisionRow]) -> Result<(), Stop> {
    let names = |state: State| -> Vec<Revision> {
        let rows = arrived.iter().filter(|row| row.lifecycle.state() == state);
        rows.map(|row| row.revision.clone()).collect()
    };
    let undecided = names(State::Installed);
    let mut trusted = names(State::Trusted);
    if !undecided.is_empty() {
        if let Some(line) = by_policy(context, source, &undecided) {
            context.say(&line)?;
        }
        let later = Later::of(&undecided, source);
        if !review_and_trust(context, &undecided, &later)? {
            return Ok(());
        }
        // What dropped out of a set is not among them.
        trusted.extend(undecided.into_iter().filter(|revision| is_trusted(context, revision)));
    }
    if trusted.is_empty() { Ok(()) } else { place(context, &trusted) }
}

/// The way on that asks nobody, where the policy would take it.
pub(super) fn by_policy(context: &Context, source: &str, revisions: &[Revision]) -> Option<String> {
    let line = match revisions {
        [one] => {
            let granted = ops::trust::would_be_granted(&context.world, one);
            granted
                .then(|| format!("The policy grants it; without a question:  skills trust {one} --by-policy"))
        }
        many => {
            let (count, from) =
                (trust_set::granted(context, Pick::Names(typed(many))), text::shell_word(source));
            let them = if count == many.len() { "them".to_owned() } else { format!("{count} of them") };
            (count > 0).then(|| {
                format!(
                    "The policy grants {them}; without a question:  skills trust --from {from} --by-policy"
                )
            })
        }
    };
    line.map(|line| render::commands(&line))
}

/// The words for one revision or several, and the commands for later.
struct Later {
    them: String,
    review: String,
    trust: String,
}

impl Later {
    fn of(revisions: &[Revision], source: &str) -> Self {
        match revisions {
            [one] => Self {
                them: one.to_string(),
                review: format!("skills review {one}"),
                trust: format!("skills trust {one}"),
            },
            many => {
                let from = text::shell_word(source);
                Self {
                    them: format!("these {}", many.len()),
                    review: format!("skills review --from {from}"),
                    trust: format!("skills trust --from {from}"),
                }
            }
        }
    }
}

/// True if something may be trusted now.
fn review_and_trust(context: &mut Context, revisions: &[Revision], later: &Later) -> Result<bool, Stop> {
    if !yes(context, &format!("Review {} now?", later.them), &later.review)? {
        return Ok(false);
    }
    if let Err(stop) = review::run(context, review::Args::of(typed(revisions))) {
        return refused(context, &stop, &later.review).map(|()| false);
    }
    // Before the question: nobody is asked for what would be refused.
    if let Err(stop) = can_be_trusted(context, revisions) {
        context.say(&format!("\nNot to be trusted now: {}", stop.what))?;
        context.say(&format!("Next:  {}", stop.next))?;
        return Ok(false);
    }
    let typed_next = if revisions.len() == 1 { "its name is" } else { "number and source are" };
    let question = format!("Trust {} now? ({typed_next} asked for next)", later.them);
    if !yes(context, &question, &later.trust)? {
        return Ok(false);
    }
    match trust::run(context, trust::Args::of(typed(revisions))) {
        Ok(_) => Ok(true),
        Err(stop) => refused(context, &stop, &later.trust).map(|()| false),
    }
}

fn can_be_trusted(context: &Context, revisions: &[Revision]) -> Result<(), Stop> {
    let terms = TermsRequest::default();
    match revisions {
        [one] => {
            let request = TrustRequest { skill: one.file_name(), terms, ..TrustRequest::default() };
            ops::trust::plan(&context.world, &request).map(drop)
        }
        many => {
            let request = SetRequest::Picked(Pick::Names(typed(many)));
            set::plan(&context.world, &request, &terms).map(drop)
        }
    }
}

fn is_trusted(context: &Context, revision: &Revision) -> bool {
    let found = pick::look(&context.world, &Pick::Names(vec![revision.file_name()]), |_| true);
    found.is_ok_and(|rows| rows.iter().all(|row| row.lifecycle.state() == State::Trusted))
}

/// Offers to enable: where an older revision is, else where the policy says,
/// else for each agent that this account seems to use.
fn place(context: &mut Context, revisions: &[Revision]) -> Result<(), Stop> {
    let names: Vec<_> = revisions.iter().map(Revision::to_string).collect();
    let later = format!("skills enable {}{}", names.join(" "), enable::place_hint(context));
    let them = if let [one] = names.as_slice() { one.clone() } else { format!("these {}", names.len()) };
    let mut offers = Vec::new();
    if let [one] = revisions
        && let Some(old) = in_use(context, one)
    {
        let places = old.lifecycle.placements();
        let agents = places.iter().filter_map(|place| place.agent.clone()).collect();
        let folder = |path: &str| Path::new(path).parent().map(Path::to_owned);
        let dirs = places.iter().filter(|place| place.agent.is_none());
        let dirs = dirs.filter_map(|place| folder(&place.path)).collect();
        offers.push((format!("Enable {them} in place of {} now?", old.revision), agents, dirs));
    } else if enable::place_hint(context).is_empty() {
        offers.push((format!("Enable {them} for the agents of the policy now?"), Vec::new(), Vec::new()));
    } else {
        for (id, title) in agents_here(context) {
            offers.push((format!("Enable {them} for {title} now?"), vec![id], Vec::new()));
        }
    }
    let mut placed = offers.is_empty();
    if placed {
        context.say(&format!("No agent that we know has a folder here. Next:  {later}"))?;
    }
    for (question, agents, dirs) in offers {
        if !ask(context, &question) {
            continue;
        }
        placed = true;
        if let Err(stop) = enable::run(context, enable::Args::of(typed(revisions), agents, dirs)) {
            refused(context, &stop, &later)?;
        }
    }
    if placed { Ok(()) } else { context.say(&format!("Next:  {later}")) }
}

/// The revision of the same name that agents load now.
fn in_use(context: &Context, revision: &Revision) -> Option<RevisionRow> {
    let enabled = |row: &RevisionRow| row.lifecycle.state() == State::Enabled;
    let picked = Pick::Names(vec![revision.name.to_string()]);
    let rows = pick::look(&context.world, &picked, enabled).ok()?;
    rows.into_iter().find(|row| enabled(row) && row.revision != *revision)
}

/// The agents whose own folder is there, by id and title.
fn agents_here(context: &Context) -> Vec<(String, &'static str)> {
    let Some(home) = &context.world.account_home else { return Vec::new() };
    let is_here = |folder: &str| Path::new(folder).parent().is_some_and(|above| home.join(above).is_dir());
    let here = AGENTS.iter().filter(|agent| is_here(agent.place));
    here.map(|agent| (agent.id.to_owned(), agent.title)).collect()
}

fn typed(revisions: &[Revision]) -> Vec<String> {
    revisions.iter().map(Revision::file_name).collect()
}

fn ask(context: &Context, question: &str) -> bool {
    context.person().ask("", &Question::Confirm(format!("\n{question}"))) == Answer::Yes
}

/// Asks; after a no says what to type later.
fn yes(context: &mut Context, question: &str, later: &str) -> Result<bool, Stop> {
    let said = ask(context, question);
    if !said {
        context.say(&format!("Next:  {later}"))?;
    }
    Ok(said)
}

/// The install is done whatever became of the offer.
fn refused(context: &mut Context, stop: &Stop, later: &str) -> Result<(), Stop> {
    let shown = context.out.stop(stop);
    if shown.is_ok() && stop.next.is_empty() { context.say(&format!("Next:  {later}")) } else { Ok(()) }
}
