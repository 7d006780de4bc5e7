//! A run of a dependency plan whose process is gone: nobody will say any more how
//! it ended, so that is what is written down. What it had started is on record
//! since before the first step; in a sandbox all of it died with the process.

use crate::model::code::{Code, Stop};
use crate::model::consent::End;
use crate::model::record::Outcome;
use crate::ops::session::{Session, ledger_stop};
use crate::system::tools;

/// Ends a run that is on record as begun and that no living process is about.
///
/// # Errors
/// [`Stop`].
pub(super) fn run(session: &mut Session<'_>) -> Result<(), Stop> {
    let Some(run) = session.ledger.dependency_run().map_err(|fault| ledger_stop(&fault))? else {
        return Ok(());
    };
    let busy = tools::is_busy(&session.home);
    if busy.map_err(|error| Stop::new(Code::Io, error.to_string(), "run: skills doctor"))? {
        return Ok(());
    }
    let reason = format!(
        "unknown: the process was stopped; plan {}, begun by record {}: each of its steps ({}) may have been run",
        run.plan, run.seq, run.steps
    );
    let mut draft = session.draft("deps-ended", Outcome::Done, reason);
    draft.codes = vec!["unknown".to_owned()];
    draft.skill = Some(run.revision.name.clone());
    draft.digest = Some(run.revision.digest);
    session.commit(|txn| {
        txn.end_run(&run, End::Unknown).map_err(|fault| ledger_stop(&fault))?;
        Ok(vec![draft])
    })?;
    tools::clear_work(&session.home);
    Ok(())
}
