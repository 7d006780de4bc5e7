//! One enable, all checks done: the copy is made, recorded and put in place.
//!
//! Enabling is placing, and its order is the one that was walked by exhaustive
//! interleaving (`tests/it/kill_model.rs`):
//!
//! ```text
//!   an original that lies there moved aside    see `ops/originals.rs`
//!   staged folder made beside the target
//!   records sealed              their number and hash are known now
//!   skill permit written        names staged and final: a kill finds both
//!   kill state checked          a kill from here on finds the permit
//!   bytes copied and compared
//!   what is swapped out withdrawn
//!   commit, log                 the records are true
//!   one rename staged → final   fails if a kill took the staged folder
//! ```

use super::Enabled;
use crate::model::code::{Code, Stop};
use crate::model::lifecycle::{Event, Lifecycle, Placement, Placements, RevisionRow};
use crate::model::path::EntryPath;
use crate::model::permit::SkillPermit;
use crate::model::record::{Draft, Outcome};
use crate::ops::originals::{self, Agreed, Aside};
use crate::ops::place::swap_out;
use crate::ops::session::{Session, ledger_stop};
use crate::ops::{apply, facts, recover, refusals};
use crate::policy::gate::Evidence;
use crate::policy::transition::Input;
use crate::system::home::Home;
use crate::system::permit::{self, Blocked};
use crate::system::placement::{self, PublishFault, Staged, Target};
use crate::system::store::Store;
use crate::system::tree::{self, Piece};
use std::os::fd::AsFd as _;

/// One enable, all checks done.
pub(super) struct Work {
    pub(super) row: RevisionRow,
    pub(super) target: Target,
    pub(super) agent: Option<String>,
    pub(super) swapped: Option<RevisionRow>,
    pub(super) agreed: Option<Agreed>,
    pub(super) draft: Draft,
}

impl Work {
    pub(super) fn run(
        mut self,
        session: &mut Session<'_>,
        evidence: &Evidence,
        readers: Vec<&'static str>,
    ) -> Result<Enabled, Stop> {
        let io = |fault: permit::PermitFault| Stop::new(Code::Io, fault.to_string(), "run: skills doctor");
        let place_stop = |fault: placement::PlaceFault| {
            Stop::new(Code::Io, fault.to_string(), "free space, or name another folder")
        };
        let changed: Vec<_> = self.swapped.iter().map(|old| &old.revision).collect();
        permit::begin_placing(&session.home, &[&[evidence.revision()], &changed[..]].concat()).map_err(io)?;
        let aside = match self.agreed.as_ref().map(|agreed| originals::take(session, agreed)).transpose() {
            Ok(aside) => aside,
            Err(stop) => {
                permit::end_placing(&session.home).map_err(io)?;
                return Err(session.refuse(self.draft, stop));
            }
        };
        describe(&mut self.draft, aside.as_ref());
        let mut staged = match Staged::begin(&self.target, &placement::fresh_id()) {
            Ok(staged) => staged,
            Err(fault) => return Err(self.failed(session, None, aside, place_stop(fault))),
        };
        let place = Placement {
            agent: self.agent.clone(),
            path: staged.path().to_owned(),
            staged: staged.staged_path().to_owned(),
        };
        let done = match self.commit(session, &place, &mut staged) {
            Ok(done) => done,
            Err(stop) => return Err(self.failed(session, Some(staged), aside, stop)),
        };
        if let Some(old) = &self.swapped
            && let Err(stop) = apply::clear(session, &old.revision)
        {
            return Err(told(stop, aside));
        }
        if let Err(fault) = staged.publish() {
            return Err(self.unpublished(session, staged, aside, &done, &fault));
        }
        if let Err(fault) = permit::end_placing(&session.home) {
            return Err(told(io(fault), aside));
        }
        let kept = aside.map(|aside| aside.done(&session.home));
        let path = place.path;
        Ok(Enabled { row: done, path, readers, swapped: self.swapped, kept, new: true })
    }

    /// Everything up to and including the records.
    fn commit(
        &self,
        session: &mut Session<'_>,
        place: &Placement,
        staged: &mut Staged,
    ) -> Result<RevisionRow, Stop> {
        let next = apply::next(&self.row, false, &Input::Enable(place.clone()))
            .map_err(|code| refusals::step_refused(&self.row, code, None))?
            .ok_or_else(|| Stop::new(Code::Internal, "BUG: enable changed nothing", ""))?;
        let (old_row, old_draft) = self.swap(session, &place.path)?;
        let epoch = session.ledger.brakes().epoch;
        let limits = session.policy.limits;
        let mut draft = self.draft.clone();
        draft.placements = next.placements().to_vec();
        draft.pin = next.pin().map(|pin| pin.seq);
        draft.until = next.pin().and_then(|pin| pin.until);
        let mut row = RevisionRow { lifecycle: next, ..self.row.clone() };
        let mut drafts = vec![draft];
        drafts.extend(old_draft);
        let kept_row = old_row.clone();
        let permit_row = self.row.clone();
        let placements = row.lifecycle.placements().to_vec();
        let pin = row.lifecycle.pin().cloned();
        session.commit_with(
            |txn| {
                row.seq = txn.next_seq();
                txn.put(&row).map_err(|fault| ledger_stop(&fault))?;
                if let Some(mut old) = old_row {
                    old.seq = txn.next_seq() + 1;
                    txn.put(&old).map_err(|fault| ledger_stop(&fault))?;
                }
                Ok(drafts)
            },
            |home, records| {
                let io =
                    |fault: permit::PermitFault| Stop::new(Code::Io, fault.to_string(), "run: skills doctor");
                let (record, event) = &records[0];
                let permit = SkillPermit {
                    revision: permit_row.revision.clone(),
                    source: permit_row.source.identity().to_owned(),
                    signers: pin.as_ref().map(|pin| pin.provenance.signers()).unwrap_or_default(),
                    epoch,
                    seq: record.seq,
                    hash: event.hash,
                    until: record.until,
                    placements,
                };
                permit::write_skill(home, &permit).map_err(io)?;
                permit::check_clear(home, &permit).map_err(|blocked| blocked_stop(&blocked))?;
                // step: enable copies
                copy(home, &permit_row, staged, limits)?;
                if let Some(old) = &kept_row {
                    swap_out(home, old, &place.path, records.get(1))?;
                }
                Ok(())
            },
        )?;
        Ok(row)
    }

    /// Row and record of the revision that loses its place, if one does.
    fn swap(&self, session: &Session<'_>, path: &str) -> Result<(Option<RevisionRow>, Option<Draft>), Stop> {
        let Some(old) = &self.swapped else { return Ok((None, None)) };
        let lifecycle = apply::next(old, false, &Input::Disable(Some(path.to_owned())))
            .map_err(|code| refusals::step_refused(old, code, None))?
            .ok_or_else(|| Stop::new(Code::Internal, "BUG: the swapped revision is not there", ""))?;
        let mut draft = session.draft(
            Event::Disable.as_str(),
            Outcome::Done,
            format!("replaced by {}", self.row.revision),
        );
        draft.skill = Some(old.revision.name.clone());
        draft.digest = Some(old.revision.digest);
        draft.pin = old.lifecycle.pin().map(|pin| pin.seq);
        draft.until = old.lifecycle.pin().and_then(|pin| pin.until);
        draft.placements = lifecycle.placements().to_vec();
        Ok((Some(RevisionRow { lifecycle, ..old.clone() }), Some(draft)))
    }

    /// Takes back what a failed enable had prepared. What another placement of
    /// this revision rests on was overwritten, so it is withdrawn as well: less
    /// is allowed than before, never more. The original goes back last: until
    /// then whatever lies at its place is taken for our copy.
    fn failed(
        self,
        session: &mut Session<'_>,
        staged: Option<Staged>,
        aside: Option<Aside>,
        mut stop: Stop,
    ) -> Stop {
        let _ = staged.map(Staged::abandon);
        if let Err(worse) = recover::interrupted_enable(session) {
            return told(worse, aside);
        }
        let back = aside.map(|aside| aside.put_back(session));
        stop.what.push_str(back.as_deref().unwrap_or_default());
        if stop.code != Code::RecordPending {
            return session.refuse(self.draft, stop);
        }
        // The record that stands says where the original went.
        if let Some(back) = back {
            let _ = session.note("recover", back.trim_start_matches("; "));
        }
        stop
    }

    /// The record stands and the copy is not in place.
    fn unpublished(
        &self,
        session: &mut Session<'_>,
        staged: Staged,
        aside: Option<Aside>,
        row: &RevisionRow,
        fault: &PublishFault,
    ) -> Stop {
        let staged_path = staged.staged_path().to_owned();
        let _ = staged.abandon();
        let reason = format!("withdrawn before it was in place: {fault}");
        let row = match fault {
            PublishFault::Occupied(path) => without(row, path, &staged_path),
            _ => row.clone(),
        };
        let narrowed =
            apply::narrow(session, &row, Event::Disable, |draft| draft.reason = reason).and_then(|_| {
                permit::end_placing(&session.home)
                    .map_err(|fault| Stop::new(Code::Io, fault.to_string(), "run: skills doctor"))
            });
        if let Err(stop) = narrowed {
            return told(stop, aside);
        }
        let back = aside.map(|aside| aside.put_back(session));
        let mut stop = match fault {
            PublishFault::Withdrawn => Stop::new(Code::HeldAll, fault.to_string(), "run: skills status"),
            PublishFault::Occupied(_) => {
                Stop::new(Code::TargetTaken, fault.to_string(), "move it away, then enable again")
            }
            _ => Stop::new(Code::Io, fault.to_string(), "enable again"),
        };
        if let Some(back) = back {
            stop.what.push_str(&back);
            return session.refuse(self.draft.clone(), stop);
        }
        stop
    }
}

/// The row with a place at which our copy never was: what somebody else put
/// there meanwhile is not ours to withdraw.
fn without(row: &RevisionRow, path: &str, staged: &str) -> RevisionRow {
    let mut row = row.clone();
    if let Lifecycle::Enabled { placements, .. } = &mut row.lifecycle {
        let never = |mut place: Placement| {
            if place.path == path {
                staged.clone_into(&mut place.path);
            }
            place
        };
        if let Ok(kept) =
            Placements::try_from(placements.all().iter().cloned().map(never).collect::<Vec<_>>())
        {
            *placements = kept;
        }
    }
    row
}

/// What stopped an enable half way, in the product's words.
fn blocked_stop(blocked: &Blocked) -> Stop {
    match blocked {
        Blocked::Held(_) => Stop::new(
            Code::HeldAll,
            "a kill came while it was being enabled",
            "a person runs: skills release --all",
        ),
        Blocked::Epoch { .. } => Stop::new(Code::EpochDiffers, blocked.to_string(), "run: skills status"),
        Blocked::Narrowed(_) | Blocked::Gone => {
            Stop::new(Code::Held, blocked.to_string(), "run: skills status")
        }
        Blocked::Fault(_) => Stop::new(Code::Io, blocked.to_string(), "run: skills doctor"),
    }
}

/// Copies the stored bytes into the staged folder: the very bytes that are
/// hashed on the way, compared at the end.
fn copy(
    home: &Home,
    row: &RevisionRow,
    staged: &mut Staged,
    limits: crate::model::limits::Limits,
) -> Result<(), Stop> {
    let store = Store::new(home).map_err(|fault| refusals::store_stop(&fault))?;
    let object = store.open(&row.revision.digest).map_err(|fault| refusals::store_stop(&fault))?;
    let mut bytes = Vec::new();
    let mut sink = |path: &EntryPath, executable: bool, piece: Piece<'_>| {
        match piece {
            Piece::Start(_) => bytes.clear(),
            Piece::Bytes(part) => bytes.extend_from_slice(part),
            Piece::End => staged
                .write(path, executable, &bytes)
                .map_err(|fault| std::io::Error::other(fault.to_string()))?,
        }
        Ok(())
    };
    let observed = tree::copy(object.as_fd(), &facts::store_checks(limits), &mut sink)
        .map_err(|error| Stop::new(Code::Io, error.to_string(), "free space, or name another folder"))?;
    if !observed.is(&row.revision.digest) {
        let what = format!("the stored copy of {} changed while it was copied", row.revision);
        return Err(Stop::new(Code::DigestMismatch, what, refusals::again_from(row)));
    }
    staged
        .seal()
        .map_err(|fault| Stop::new(Code::Io, fault.to_string(), "free space, or name another folder"))
}

/// What the record says of an original: where it lay and is, and its digest
/// where that is another than the one placed.
pub(super) fn describe(draft: &mut Draft, aside: Option<&Aside>) {
    let Some(aside) = aside else { return };
    draft.reason = format!("{}, {}", draft.reason, aside.words());
    draft.found = aside.digest().filter(|found| draft.digest != Some(*found));
}

/// Nothing is put back after this stop; it says where the original is, and
/// recovery records it.
pub(super) fn told(mut stop: Stop, aside: Option<Aside>) -> Stop {
    stop.what.push_str(&aside.map_or_else(String::new, Aside::leave));
    stop
}
