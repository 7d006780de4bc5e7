//! A session: home, lock, ledger and log, opened together and in agreement.
//!
//! Whoever changes lasting state goes through here. Opening takes the lock,
//! compares ledger and log, and lets recovery turn everything that a crash or
//! a kill left behind into records, before anything else is decided.
//!
//! Committing has one order: announcement, ledger, log, acknowledgement. After the ledger's
//! commit a failed append is "committed, record pending" (exit 7): nothing is
//! placed and nothing allowed, and the next session appends the exact bytes.

use super::{World, layers, recover};
use crate::model::agent::AGENTS;
use crate::model::code::{Code, Stop};
use crate::model::record::{CLOCK, Draft, Outcome, Record};
use crate::model::text;
use crate::model::time::Timestamp;
use crate::policy::config::Policy;
use crate::system::audit_log::{self, AuditLog, LogFault, Settled};
use crate::system::home::{Home, HomeFault};
use crate::system::ledger::{EventRow, Ledger, LedgerFault, Txn};
use crate::system::lock::{Lock, LockFault};
use std::path::{Path, PathBuf};

/// Home, lock, ledger and log in agreement.
pub struct Session<'a> {
    /// The world it acts in.
    pub world: &'a World,
    /// The home.
    pub home: Home,
    /// The ledger.
    pub ledger: Ledger,
    /// The log.
    pub log: AuditLog,
    /// The policy in force.
    pub policy: Policy,
    /// Now, once for all, never earlier than the last record.
    pub now: Timestamp,
    /// Set when a commit or an append failed: ledger and log must be compared
    /// again before anything else is committed.
    doubt: bool,
    lock: Lock,
}

/// How much recovery looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The end of the log and the home-wide brake: constant time, for the gate.
    End,
    /// Every permit too, for commands.
    All,
}

impl<'a> Session<'a> {
    /// Opens the home, making it if there is none.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn open_or_create(world: &'a World) -> Result<Self, Stop> {
        let policy = world.policy()?;
        outside_agents(world)?;
        let home = Home::create(&world.home).map_err(|fault| home_stop(&fault))?;
        let lock = take_lock(&home, world)?;
        let io = |error: std::io::Error| Stop::new(Code::Io, error.to_string(), "run: skills doctor");
        if !Ledger::exists(&home).map_err(io)? && !AuditLog::has_records(&home).map_err(io)? {
            Self::first(world, &home)?;
        }
        let ledger = open_ledger(&home)?;
        let policy = layers::over(policy, &ledger)?;
        Self::with(world, home, ledger, lock, policy, Depth::All)
    }

    /// Opens an existing home.
    ///
    /// # Errors
    /// [`Stop`]; [`Code::HomeMissing`] if there is none.
    pub fn open(world: &'a World, depth: Depth) -> Result<Self, Stop> {
        let files = world.policy()?;
        Self::open_under(world, depth, |ledger| layers::over(files, ledger))
    }

    /// As [`Session::open`], for what can only let less run: a policy that
    /// cannot be read denies, and must not keep anybody from withdrawing.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn open_to_narrow(world: &'a World, depth: Depth) -> Result<Self, Stop> {
        let files = world.policy().unwrap_or(Policy::DEFAULT);
        Self::open_under(world, depth, |ledger| Ok(layers::over(files.clone(), ledger).unwrap_or(files)))
    }

    fn open_under(
        world: &'a World,
        depth: Depth,
        policy: impl FnOnce(&Ledger) -> Result<Policy, Stop>,
    ) -> Result<Self, Stop> {
        let home = Home::open(&world.home).map_err(|fault| home_stop(&fault))?;
        // A lock would be all there is in a home that nobody has begun, and would
        // be left by what only looks.
        let io = |error: std::io::Error| Stop::new(Code::Io, error.to_string(), "run: skills doctor");
        if !home.has("lock").map_err(io)? && !Ledger::exists(&home).map_err(io)? {
            open_ledger(&home)?;
        }
        let lock = take_lock(&home, world)?;
        let ledger = open_ledger(&home)?;
        let policy = policy(&ledger)?;
        Self::with(world, home, ledger, lock, policy, depth)
    }

    /// Goes on under the lock with a home and a ledger that were opened
    /// without it.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn join(world: &'a World, home: Home, mut ledger: Ledger, depth: Depth) -> Result<Self, Stop> {
        let files = world.policy()?;
        let lock = take_lock(&home, world)?;
        ledger.refresh().map_err(|fault| ledger_stop(&fault))?;
        let policy = layers::over(files, &ledger)?;
        Self::with(world, home, ledger, lock, policy, depth)
    }

    fn with(
        world: &'a World,
        home: Home,
        ledger: Ledger,
        lock: Lock,
        policy: Policy,
        depth: Depth,
    ) -> Result<Self, Stop> {
        let log = AuditLog::open(&home, &ledger).map_err(|fault| log_stop(&fault))?;
        let settled = log.settle(&home, &ledger).map_err(|fault| log_stop(&fault))?;
        let now = world.clock.now().max(ledger.head().time);
        let mut session = Self { world, home, ledger, log, policy, now, doubt: false, lock };
        if let Settled::Appended { records, torn } = settled
            && torn > 0
        {
            let reason = format!("{torn} torn bytes moved aside, {records} records appended again");
            session.note("recover", reason)?;
        }
        recover::run(&mut session, depth)?;
        Ok(session)
    }

    /// Makes log and ledger, with its first record, of a new home. The home
    /// permit comes from recovery, once both are there.
    fn first(world: &World, home: &Home) -> Result<(), Stop> {
        AuditLog::create(home).map_err(|fault| log_stop(&fault))?;
        let draft = Draft::new(world.actor.clone(), "home", Outcome::Done, "home created");
        Ledger::create(home, world.clock.now(), draft).map_err(|fault| ledger_stop(&fault))
    }

    /// Frees the lock and lets go of the rest. Where the process ends, nothing is
    /// lost by not closing it: every commit was flushed, and a ledger makes no
    /// checkpoint when it is closed.
    pub fn leave(self) {
        let Self { world, home, ledger, log, lock, .. } = self;
        drop(lock);
        world.done_with((home, ledger, log));
    }

    /// Ends a home's last session: ledger and log are closed, the lock is kept.
    #[must_use]
    pub fn end(self) -> (Home, Lock) {
        (self.home, self.lock)
    }

    /// A draft of this session's actor under its policy.
    #[must_use]
    pub fn draft(&self, event: &str, decision: Outcome, reason: impl Into<String>) -> Draft {
        let mut draft = Draft::new(self.world.actor.clone(), event, decision, reason);
        draft.policy = self.policy.digest;
        draft
    }

    /// Records something that changes no state.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn note(&mut self, event: &str, reason: impl Into<String>) -> Result<Record, Stop> {
        let draft = self.draft(event, Outcome::Done, reason);
        let mut records = self.commit(|_| Ok(vec![draft]))?;
        records.pop().ok_or_else(|| Stop::new(Code::Internal, "BUG: nothing was recorded", ""))
    }

    /// Lets time go back to what the clock says now, by a record that says so.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn lower_clock(&mut self) -> Result<Record, Stop> {
        let (floor, now) = (self.ledger.head().time, self.world.clock.now());
        self.now = now;
        let reason = format!("a person lowered the clock from {floor} to {now}");
        let draft = self.draft(CLOCK, Outcome::Done, reason);
        let mut records = self.commit(|txn| {
            txn.lower_floor(now);
            Ok(vec![draft])
        })?;
        records.pop().ok_or_else(|| Stop::new(Code::Internal, "BUG: nothing was recorded", ""))
    }

    /// Records that something was refused, and hands the refusal on.
    pub fn refuse(&mut self, mut draft: Draft, stop: Stop) -> Stop {
        draft.decision = Outcome::Refused;
        draft.codes = vec![stop.code.as_str().to_owned()];
        draft.reason.clone_from(&stop.what);
        match self.commit(|_| Ok(vec![draft])) {
            Ok(_) => stop,
            // What could not be recorded is refused all the same.
            Err(worse) => worse,
        }
    }

    /// Changes and records in one transaction, then the log.
    ///
    /// # Errors
    /// [`Stop`]; [`Code::RecordPending`] when only the log is behind.
    pub fn commit(
        &mut self,
        build: impl FnOnce(&mut Txn<'_>) -> Result<Vec<Draft>, Stop>,
    ) -> Result<Vec<Record>, Stop> {
        self.commit_with(build, |_, _| Ok(()))
    }

    /// As [`Session::commit`], with a step between the moment the records are
    /// fixed and the moment they are true. If it fails nothing was recorded.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn commit_with(
        &mut self,
        build: impl FnOnce(&mut Txn<'_>) -> Result<Vec<Draft>, Stop>,
        between: impl FnOnce(&Home, &[(Record, EventRow)]) -> Result<(), Stop>,
    ) -> Result<Vec<Record>, Stop> {
        if self.doubt {
            self.settle_again()?;
        }
        let mut txn = self.ledger.begin().map_err(|fault| ledger_stop(&fault))?;
        let drafts = build(&mut txn)?;
        let sealed = txn.seal(self.now, drafts).map_err(|fault| ledger_stop(&fault))?;
        if let Some(last) = sealed.change() {
            audit_log::announce(&self.home, &last).map_err(|fault| log_stop(&fault))?;
        }
        between(&self.home, sealed.records())?;
        // From here on it may have happened whatever is reported.
        self.doubt = true;
        let rows = sealed.commit().map_err(|fault| ledger_stop(&fault))?;
        append(&self.log, &rows)?;
        self.doubt = false;
        Ok(rows.into_iter().map(|(record, _)| record).collect())
    }
}

/// A home inside a folder that an agent scans would put every stored skill
/// before that agent.
fn outside_agents(world: &World) -> Result<(), Stop> {
    let Some(account) = &world.account_home else { return Ok(()) };
    let reads =
        AGENTS.iter().flat_map(|agent| agent.reads.iter().map(move |folder| (agent, account.join(folder))));
    let home = real(&world.home);
    for (agent, folder) in reads {
        if world.home.starts_with(&folder) || home.starts_with(real(&folder)) {
            let what = format!(
                "{} is inside {}, where {} looks for skills",
                world.home.display(),
                folder.display(),
                agent.title
            );
            return Err(Stop::new(Code::HomeUnsafe, text::escape(&what), "name another home: --home DIR"));
        }
    }
    Ok(())
}

/// A path without links; of what is not there yet, the part that is.
#[must_use]
pub fn real(path: &Path) -> PathBuf {
    let found = path.ancestors().find_map(|above| Some((above, std::fs::canonicalize(above).ok()?)));
    let Some((above, real)) = found else { return path.to_owned() };
    match path.strip_prefix(above) {
        Ok(rest) if rest.as_os_str().is_empty() => real,
        Ok(rest) => real.join(rest),
        Err(_) => path.to_owned(),
    }
}

fn append(log: &AuditLog, rows: &[(Record, EventRow)]) -> Result<(), Stop> {
    let lines: Vec<_> = rows.iter().map(|(_, row)| row.clone()).collect();
    log.append(&lines).map_err(|fault| pending_stop(&fault))
}

impl Session<'_> {
    /// After a failed flush neither handle can be believed: the log is opened
    /// anew, and must hold everything before one more record is committed. A
    /// second transaction on top of missing lines would look like a log that
    /// somebody had shortened.
    fn settle_again(&mut self) -> Result<(), Stop> {
        self.ledger.refresh().map_err(|fault| ledger_stop(&fault))?;
        self.log = AuditLog::open(&self.home, &self.ledger).map_err(|fault| log_stop(&fault))?;
        self.log.settle(&self.home, &self.ledger).map_err(|fault| match fault {
            LogFault::Write(_) => pending_stop(&fault),
            other => log_stop(&other),
        })?;
        self.doubt = false;
        Ok(())
    }
}

fn pending_stop(fault: &LogFault) -> Stop {
    Stop::new(
        Code::RecordPending,
        format!("committed, record pending: {fault}"),
        "free space or make the home writable; the next command completes the log",
    )
}

fn take_lock(home: &Home, world: &World) -> Result<Lock, Stop> {
    Lock::take(home, world.patience).map_err(|fault| match fault {
        LockFault::Busy(_) => {
            Stop::new(Code::Busy, fault.to_string(), "try again, or look for a process that hangs")
        }
        LockFault::Io(ref error) if error.kind() == std::io::ErrorKind::ReadOnlyFilesystem => {
            Stop::new(Code::ReadOnly, fault.to_string(), "make the home writable")
        }
        LockFault::Io(_) => Stop::new(Code::Io, fault.to_string(), "run: skills doctor"),
    })
}

/// Opens the ledger of a home, telling a missing one from a new home.
///
/// # Errors
/// [`Stop`].
pub fn open_ledger(home: &Home) -> Result<Ledger, Stop> {
    Ledger::open(home).map_err(|fault| {
        let orphaned = matches!(fault, LedgerFault::Missing) && AuditLog::has_records(home).unwrap_or(true);
        if orphaned {
            return Stop::new(
                Code::LedgerMissing,
                "the log has records and the ledger is gone: it was deleted or lost",
                "restore ledger.db from the same moment as the log; `skills kill --all` works meanwhile",
            );
        }
        ledger_stop(&fault)
    })
}

/// A ledger's fault in the product's words.
#[must_use]
pub fn ledger_stop(fault: &LedgerFault) -> Stop {
    let what = format!("the ledger: {fault}");
    match fault {
        LedgerFault::Missing => {
            Stop::new(Code::HomeMissing, "there is no ledger here yet", "run: skills install SOURCE")
        }
        LedgerFault::Newer { .. } => {
            Stop::new(Code::LedgerNewer, what, "use the newer version of this program")
        }
        LedgerFault::Busy => Stop::new(Code::Busy, what, "try again"),
        LedgerFault::TooLong(_) => Stop::new(Code::Usage, what, "use shorter paths or a shorter note"),
        LedgerFault::ReadOnly(_) => Stop::new(Code::ReadOnly, what, "make the home writable"),
        LedgerFault::Damaged(_) | LedgerFault::Unsafe(_) | LedgerFault::Sqlite(_) => {
            Stop::new(Code::LedgerDamaged, what, "run: skills doctor (nothing is allowed meanwhile)")
        }
    }
}

/// A log's fault in the product's words.
#[must_use]
pub fn log_stop(fault: &LogFault) -> Stop {
    let code = match fault {
        LogFault::Ahead { .. } => Code::RolledBack,
        LogFault::Missing(_) | LogFault::Unsafe | LogFault::Shortened { .. } => Code::Tampered,
        LogFault::Edited { .. } | LogFault::Broken { .. } | LogFault::Unannounced { .. } => Code::Tampered,
        LogFault::Write(error) if error.kind() == std::io::ErrorKind::ReadOnlyFilesystem => Code::ReadOnly,
        LogFault::Write(_) | LogFault::Read(_) => Code::Io,
        LogFault::Ledger(fault) => return ledger_stop(fault),
    };
    Stop::new(
        code,
        fault.to_string(),
        "run: skills doctor (nothing is allowed meanwhile; keep both files as they are)",
    )
}

/// A home's fault in the product's words.
#[must_use]
pub fn home_stop(fault: &HomeFault) -> Stop {
    match fault {
        HomeFault::Missing(_) => {
            Stop::new(Code::HomeMissing, fault.to_string(), "run: skills install SOURCE")
        }
        HomeFault::Mode { path, .. } => {
            let fix = format!(
                "if nobody else could write there: chmod 700 {}",
                text::shell_word(&path.to_string_lossy())
            );
            Stop::new(Code::HomeUnsafe, fault.to_string(), fix)
        }
        HomeFault::Io { .. } => Stop::new(Code::Io, fault.to_string(), "run: skills doctor"),
        HomeFault::Leaving(_) => {
            Stop::new(Code::HalfRemoved, fault.to_string(), "a person goes on with: skills uninstall")
        }
        _ => Stop::new(Code::HomeUnsafe, fault.to_string(), "name a home of your own: --home DIR"),
    }
}
