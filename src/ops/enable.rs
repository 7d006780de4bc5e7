//! `enable` and `disable`: verified copies in agents' folders, placed and
//! taken away.
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

mod updates;

pub use updates::updates;

use super::originals::{self, Agreed, Aside, InTheWay, Kept};
use super::place::{Place, Placing, placing, swap_out};
use super::session::{Depth, Session, ledger_stop, real};
use super::{World, apply, facts, gate, refusals, revoked};
use crate::model::code::{Code, Stop};
use crate::model::decision::Question;
use crate::model::lifecycle::{Event, Lifecycle, Placement, Placements, RevisionRow, State};
use crate::model::path::EntryPath;
use crate::model::permit::SkillPermit;
use crate::model::record::{Draft, Outcome};
use crate::model::text;
use crate::policy::gate::Evidence;
use crate::policy::transition::Input;
use crate::system::home::Home;
use crate::system::permit::{self, Blocked};
use crate::system::placement::{self, PublishFault, Staged, Target, TargetFault, Trustees};
use crate::system::store::Store;
use crate::system::tree::{self, Piece};
use std::os::fd::AsFd as _;
use std::path::Path;

/// What an enable did.
#[derive(Debug)]
pub struct Enabled {
    /// The row after it.
    pub row: RevisionRow,
    /// The copy.
    pub path: String,
    /// Who reads the folder.
    pub readers: Vec<&'static str>,
    /// The revision that was there before.
    pub swapped: Option<RevisionRow>,
    /// What somebody else had put there, and where it is now.
    pub kept: Option<Kept>,
    /// False if it was there already.
    pub new: bool,
}

/// Whether a revision may be enabled at a place, by the same decision as the
/// gate's; changes nothing. For `--dry-run`.
///
/// # Errors
/// [`Stop`].
pub fn plan(world: &World, typed: &str, place: &Place) -> Result<(RevisionRow, Placing), Stop> {
    let session = Session::open(world, Depth::All)?;
    let row = facts::resolve(&session.ledger, typed, prefer)?;
    let placing = placing(world, place)?;
    allowed(&session, &row)?;
    aim(&session, &placing, &row)?;
    Ok((row, placing))
}

/// What lies where a revision is to be placed and is not ours; with `lying`,
/// an original beside it under another name. Changes and records nothing: what
/// is refused is refused again, and recorded, by [`enable`].
///
/// # Errors
/// [`Stop`].
pub fn in_the_way(
    world: &World,
    typed: &str,
    place: &Place,
    lying: Option<&Path>,
) -> Result<Option<InTheWay>, Stop> {
    let home = Home::open(&world.home).map_err(|fault| super::session::home_stop(&fault))?;
    let ledger = super::session::open_ledger(&home)?;
    let row = facts::resolve(&ledger, typed, prefer)?;
    let target = placement::check_target(&placing(world, place)?.folder, &row.revision.name, trustees())
        .map_err(|fault| target_stop(&fault))?;
    let path = target.path();
    let rows = ledger.revisions_named(&row.revision.name).map_err(|fault| ledger_stop(&fault))?;
    let ours = |path: &Path| {
        let mut all = rows.iter().flat_map(|row| row.lifecycle.placements());
        all.any(|place| Path::new(&place.path) == path)
    };
    let path = lying.unwrap_or(Path::new(&path));
    if ours(path) {
        return Ok(None);
    }
    let pinned = ledger.manifest(&row.revision.digest).map_err(|fault| ledger_stop(&fault))?;
    InTheWay::look(path, &row.revision, pinned.as_ref())
}

/// Records that an original is not moved, for one skill or for several at once.
pub fn refused(world: &World, typed: &[&str], stop: Stop) -> Stop {
    match Session::open(world, Depth::All) {
        Ok(mut session) => {
            let mut draft = session.draft(Event::Enable.as_str(), Outcome::Refused, "");
            if let [typed] = typed
                && let Ok(row) = facts::resolve(&session.ledger, typed, prefer)
            {
                draft.skill = Some(row.revision.name);
                draft.digest = Some(row.revision.digest);
            }
            session.refuse(draft, stop)
        }
        Err(_) => stop,
    }
}

fn trustees() -> Trustees {
    Trustees { private_group: crate::system::account::private_group(), ..Trustees::ours() }
}

fn prefer(row: &RevisionRow) -> bool {
    row.lifecycle.state() == State::Trusted
}

/// Places a trusted revision.
///
/// # Errors
/// [`Stop`]; a refusal is recorded.
pub fn enable(world: &World, typed: &str, place: &Place) -> Result<Enabled, Stop> {
    enable_over(world, typed, place, None)
}

/// As [`enable`], in place of what somebody agreed to have moved aside.
///
/// # Errors
/// [`Stop`]; a refusal is recorded, and the original is where it was or is
/// named with its new place.
pub fn enable_over(
    world: &World,
    typed: &str,
    place: &Place,
    agreed: Option<&Agreed>,
) -> Result<Enabled, Stop> {
    let placing = placing(world, place)?;
    let mut session = Session::open(world, Depth::All)?;
    let mut draft = session.draft(Event::Enable.as_str(), Outcome::Done, "enabled");
    draft.skill = facts::parse_ref(typed).ok().map(|wanted| wanted.name);
    let row = match facts::resolve(&session.ledger, typed, prefer) {
        Ok(row) => row,
        Err(stop) => return Err(session.refuse(draft, stop)),
    };
    draft.skill = Some(row.revision.name.clone());
    draft.digest = Some(row.revision.digest);
    let command = format!("skills enable {}", row.revision);
    let unrevoked = || revoked::refuse(&session.ledger, &row, session.now);
    let checked = world.no_agent(&command).and_then(|()| unrevoked()).and_then(|()| allowed(&session, &row));
    let checked = checked.and_then(|evidence| {
        let target = aim(&session, &placing, &row)?;
        Ok((evidence, target))
    });
    let (evidence, target) = match checked {
        Ok(checked) => checked,
        Err(stop) => {
            declare(&mut session, &row, &stop)?;
            return Err(session.refuse(draft, stop));
        }
    };
    let path = target.path();
    if row.lifecycle.placements().iter().any(|there| there.path == path) {
        still_there(&mut session, &row, &draft)?;
        "already enabled there, nothing changed".clone_into(&mut draft.reason);
        // A second original of the same name, under another folder's name.
        let aside = match agreed.map(|agreed| originals::take(&session, agreed)).transpose() {
            Ok(aside) => aside,
            Err(stop) => return Err(session.refuse(draft, stop)),
        };
        describe(&mut draft, aside.as_ref());
        session.commit(|_| Ok(vec![draft]))?;
        let kept = aside.map(|aside| aside.done(&session.home));
        return Ok(Enabled { row, path, readers: placing.readers, swapped: None, kept, new: false });
    }
    let swapped = match occupant(&session, &row, &target, agreed) {
        Ok(swapped) => swapped,
        Err(stop) => return Err(session.refuse(draft, stop)),
    };
    let work = Work { row, target, agent: placing.agent, swapped, agreed: agreed.cloned(), draft };
    work.run(&mut session, &evidence, placing.readers)
}

/// What the record says of an original: where it lay and is, and its digest
/// where that is another than the one placed.
fn describe(draft: &mut Draft, aside: Option<&Aside>) {
    let Some(aside) = aside else { return };
    draft.reason = format!("{}, {}", draft.reason, aside.words());
    draft.found = aside.digest().filter(|found| draft.digest != Some(*found));
}

/// The folder, checked, and apart from everything else of ours.
///
/// Attack by bad luck: a copy in our own staging is cleared away with the rest
/// of it; one inside another copy makes that one drift; and an agent that reads
/// a folder around the home finds every stored skill, trusted or not.
fn aim(session: &Session<'_>, placing: &Placing, row: &RevisionRow) -> Result<Target, Stop> {
    let target = placement::check_target(&placing.folder, &row.revision.name, trustees())
        .map_err(|fault| target_stop(&fault))?;
    let folder = target.folder();
    let refuse = |why: &str| {
        let what = format!("{} {why}", text::escape(&folder));
        Err(Stop::new(Code::TargetUnsafe, what, "name another folder: --dir PATH"))
    };
    let path = Path::new(&folder);
    let home = real(session.home.path());
    if path.starts_with(&home) {
        return refuse("is inside the home, which is no place for agents");
    }
    if home.starts_with(path) {
        return refuse("is around the home: an agent that reads it would find every stored skill");
    }
    let rows = session.ledger.revisions().map_err(|fault| ledger_stop(&fault))?;
    for other in &rows {
        let mut places = other.lifecycle.placements().iter();
        if places.any(|place| path.starts_with(&place.path) || path.starts_with(&place.staged)) {
            return refuse(&format!("is inside the copy of {}, which would then be drift", other.revision));
        }
    }
    Ok(target)
}

/// The gate's own answer to `enable`.
fn allowed(session: &Session<'_>, row: &RevisionRow) -> Result<Evidence, Stop> {
    let folders = gate::observe(session, row, Question::Enable);
    match gate::decide_now(session, row, Question::Enable, &folders, None)? {
        Ok(evidence) => Ok(evidence),
        Err(no) if no.code == Code::Drift => Err(refusals::store_differs(row, &folders[0])),
        Err(no) => {
            let next = gate::remedy(no.code, &row.revision).replace("a person runs: ", "");
            Err(Stop::new(no.code, format!("{}: {}", row.revision, no.reason), next))
        }
    }
}

/// "Already enabled" is said of a copy only after it was hashed: one that was
/// changed or taken away by hand is drift, whoever notices first.
fn still_there(session: &mut Session<'_>, row: &RevisionRow, draft: &Draft) -> Result<(), Stop> {
    let folders = gate::observe(session, row, Question::Load);
    let Err(no) = gate::decide_now(session, row, Question::Load, &folders, None)? else { return Ok(()) };
    if no.code == Code::Drift {
        apply::narrow_if_still(session, row, Question::Load, Event::Drift, &no)?;
    }
    let what = format!("{}: {}", row.revision, no.reason);
    let next = gate::remedy(no.code, &row.revision);
    Err(session.refuse(draft.clone(), Stop::new(no.code, what, next)))
}

/// What the check noticed and the lifecycle must follow.
fn declare(session: &mut Session<'_>, row: &RevisionRow, stop: &Stop) -> Result<(), Stop> {
    let event = match stop.code {
        Code::DigestMismatch => Event::Drift,
        Code::Expired => Event::Expire,
        Code::PolicyUnmet => Event::Unmet,
        Code::Revoked => Event::Revoke,
        _ => return Ok(()),
    };
    if row.lifecycle.pin().is_some() {
        let no = crate::policy::gate::No { code: stop.code, reason: stop.what.clone() };
        apply::narrow_if_still(session, row, Question::Enable, event, &no)?;
    }
    Ok(())
}

/// Who is at the final path: nobody, another revision of this skill of ours,
/// or something that is not ours, which is refused unless somebody agreed that
/// exactly that is moved aside.
fn occupant(
    session: &Session<'_>,
    row: &RevisionRow,
    target: &Target,
    agreed: Option<&Agreed>,
) -> Result<Option<RevisionRow>, Stop> {
    let path = target.path();
    // What was agreed to lies in this very folder, or it is no matter of this enable.
    if let Some(agreed) = agreed
        && agreed.path().parent() != Some(Path::new(&target.folder()))
    {
        let what =
            format!("{} does not lie in {}", text::escape(&agreed.path().to_string_lossy()), target.folder());
        return Err(Stop::new(Code::TargetTaken, what, "enable again"));
    }
    let rows = facts::revisions(session, &row.revision.name)?;
    let there =
        rows.into_iter().find(|other| other.lifecycle.placements().iter().any(|place| place.path == path));
    let covered = agreed.is_some_and(|agreed| agreed.path() == Path::new(&path));
    if there.is_none() && !covered && Path::new(&path).symlink_metadata().is_ok() {
        let what = format!("{path} is already there and is not ours");
        return Err(Stop::new(Code::TargetTaken, what, "move it away, then enable again"));
    }
    Ok(there)
}

/// A folder's fault in the product's words.
#[must_use]
pub fn target_stop(fault: &TargetFault) -> Stop {
    let what = text::escape(&fault.to_string());
    match fault {
        TargetFault::InWorkTree { exclude_line, exclude_file, .. } => {
            // Attack: a project with a folder `x';curl …|sh;'` makes a person paste it.
            let line = text::shell_word(exclude_line);
            let file = text::shell_word(&exclude_file.to_string_lossy());
            Stop::new(Code::TargetTracked, what, format!("printf '%s\\n' {line} >> {file}"))
        }
        TargetFault::Io { .. } => Stop::new(Code::Io, what, "name another folder: --dir PATH"),
        _ => Stop::new(Code::TargetUnsafe, what, "name a folder that only you can write to: --dir PATH"),
    }
}

/// One enable, all checks done.
struct Work {
    row: RevisionRow,
    target: Target,
    agent: Option<String>,
    swapped: Option<RevisionRow>,
    agreed: Option<Agreed>,
    draft: Draft,
}

impl Work {
    fn run(
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
        if let Some(old) = &self.swapped {
            apply::clear(session, &old.revision)?;
        }
        if let Err(fault) = staged.publish() {
            return Err(self.unpublished(session, staged, aside, &done, &fault));
        }
        permit::end_placing(&session.home).map_err(io)?;
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
                    signers: pin.as_ref().map(|pin| pin.signers.clone()).unwrap_or_default(),
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
        if let Err(mut worse) = super::recover::interrupted_enable(session) {
            worse.what.push_str(&aside.map_or_else(String::new, Aside::leave));
            return worse;
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
        if let Err(mut stop) = narrowed {
            stop.what.push_str(&aside.map_or_else(String::new, Aside::leave));
            return stop;
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
        return Err(Stop::new(Code::DigestMismatch, what, format!("install it again from {}", row.source)));
    }
    staged
        .seal()
        .map_err(|fault| Stop::new(Code::Io, fault.to_string(), "free space, or name another folder"))
}
