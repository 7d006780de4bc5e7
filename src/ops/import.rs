//! `review --add`: what others signed about a skill that is here is kept.
//!
//! ```text
//! file ─▶ lock ─▶ judged by the lists of followed roots ─▶ a warning: trust ends
//!      ─▶ kept and recorded, together (event `import`)
//! ```
//!
//! A warning is taken from anybody who hands it over, an agent too: it only
//! takes away. Its effect comes first; a crash leaves less allowed than was,
//! and the same command goes on. Anything else may let more be trusted, by a
//! grant of the policy, and is taken from a person alone.

use super::provenance::statement::{self, Told};
use super::session::{Depth, Session, ledger_stop};
use super::{World, apply, facts};
use crate::model::code::{Code, Stop};
use crate::model::digest::sha256;
use crate::model::lifecycle::{Event, RevisionRow};
use crate::model::provenance::Kept;
use crate::model::record::{Draft, Outcome};
use crate::model::text;
use crate::policy::provenance::review::ENVELOPE_MAX;
use crate::system::regular;
use std::path::Path;

/// The event.
pub const EVENT: &str = "import";

/// What was kept.
#[derive(Debug)]
pub struct Imported {
    /// About which revision, as it was before.
    pub row: RevisionRow,
    /// What it says.
    pub told: Told,
    /// The record; none if nothing changed.
    pub record: Option<u64>,
    /// What lost trust by it, as it was before.
    pub narrowed: Vec<RevisionRow>,
    /// Copies that could not be withdrawn.
    pub failures: apply::Failures,
}

/// Keeps a statement.
///
/// # Errors
/// [`Code::NotSigned`] for what counts for nothing; a refusal is recorded.
pub fn import(world: &World, skill: &str, file: &Path, dry_run: bool) -> Result<Imported, Stop> {
    let shown = text::escape(&file.to_string_lossy());
    let bytes = regular::read_unlinked(file, ENVELOPE_MAX as u64).map_err(|why| {
        Stop::new(
            Code::Usage,
            format!("{shown}: {why}"),
            "name the file that `skills publish review --out FILE` wrote",
        )
    })?;
    let mut session = Session::open_to_narrow(world, Depth::All)?;
    let (row, judged) = find(&session, skill, &bytes)?;
    let command =
        format!("skills review {} --add {}", row.revision, text::shell_word(&file.to_string_lossy()));
    let judged =
        judged.and_then(|told| if told.narrows { Ok(told) } else { world.no_agent(&command).map(|()| told) });
    let mut draft = session.draft(EVENT, Outcome::Done, "");
    draft.skill = Some(row.revision.name.clone());
    draft.digest = Some(row.revision.digest);
    let told = match judged {
        Ok(told) => told,
        Err(stop) if dry_run => return Err(stop),
        Err(stop) => return Err(session.refuse(draft, stop)),
    };
    let mut done = Imported { row, told, record: None, narrowed: Vec::new(), failures: Vec::new() };
    if dry_run {
        return Ok(done);
    }
    narrow(&mut session, &mut done)?;
    if !done.told.already {
        keep(&mut session, &mut done, draft, &bytes)?;
    }
    Ok(done)
}

/// The revision of that name that it is about, or why it is about none.
fn find(session: &Session<'_>, skill: &str, bytes: &[u8]) -> Result<(RevisionRow, Result<Told, Stop>), Stop> {
    let wanted = facts::parse_ref(skill)?;
    let rows = session.ledger.revisions_named(&wanted.name).map_err(|fault| ledger_stop(&fault))?;
    let rows: Vec<_> = if wanted.prefix.is_none() && rows.len() > 1 {
        rows
    } else {
        vec![facts::resolve(&session.ledger, skill, |_| false)?]
    };
    let mut judged = rows.into_iter().map(|row| {
        let told = statement::judge(&session.ledger, &row, bytes, session.now);
        (row, told)
    });
    let first = judged.next().ok_or_else(|| Stop::new(Code::Internal, "BUG: no revision", ""))?;
    if first.1.is_ok() {
        return Ok(first);
    }
    Ok(judged.find(|(_, told)| told.is_ok()).unwrap_or(first))
}

/// Takes trust from the bytes that are warned of, under whatever name.
fn narrow(session: &mut Session<'_>, done: &mut Imported) -> Result<(), Stop> {
    let Some(why) = done.told.warns.clone() else { return Ok(()) };
    let rows = session.ledger.revisions().map_err(|fault| ledger_stop(&fault))?;
    let digest = done.row.revision.digest;
    for row in rows.into_iter().filter(|row| row.revision.digest == digest && row.lifecycle.pin().is_some()) {
        let failures = apply::narrow(session, &row, Event::Revoke, |draft| {
            draft.codes = vec![Code::Violation.as_str().to_owned()];
            draft.reason =
                format!("{why}{}", draft.reason.strip_prefix("a revocation names it").unwrap_or_default());
        })?;
        done.failures.extend(failures);
        done.narrowed.push(row);
    }
    Ok(())
}

fn keep(session: &mut Session<'_>, done: &mut Imported, draft: Draft, bytes: &[u8]) -> Result<(), Stop> {
    let Told { kind, says, by, key, until, .. } = &done.told;
    let reason = format!("{kind} by {by} ({key}): {says}; envelope {}", sha256(&[bytes]));
    let draft = Draft { reason, until: *until, source: Some(done.row.source.clone()), ..draft };
    let memory = Kept::key(&done.row.revision.digest);
    let broken = |why: String| Stop::new(Code::LedgerDamaged, why, "run: skills doctor");
    let records = session.commit(|txn| {
        let fault = |fault| ledger_stop(&fault);
        let mut kept = Kept::parse(txn.memory(&memory).map_err(fault)?.as_deref()).map_err(broken)?;
        kept.envelopes.push(txn.keep_blob(bytes).map_err(fault)?);
        txn.remember(&memory, &kept.text().map_err(broken)?).map_err(fault)?;
        Ok(vec![draft])
    })?;
    done.record = records.last().map(|record| record.seq);
    Ok(())
}
