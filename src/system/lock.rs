//! The one lock of a home. Whoever changes lasting state holds it; readers and
//! `kill` never need it.
//!
//! It is an advisory lock on a file that is never removed, so the system frees
//! it when its holder dies. Waiting is bounded: a holder that hangs must not
//! hang the gate, which then denies.

use rustix::fs::{FlockOperation, Mode, OFlags};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use super::home::Home;

/// The lock, held until dropped.
#[derive(Debug)]
pub struct Lock {
    _file: OwnedFd,
}

/// Why the lock was not got.
#[derive(Debug, thiserror::Error)]
pub enum LockFault {
    /// Another process held it all the time.
    #[error("another process has held the lock for {0:?}")]
    Busy(Duration),
    /// The lock file cannot be opened or locked.
    #[error("the lock: {0}")]
    Io(#[from] std::io::Error),
}

impl Lock {
    /// Waits at most `patience` for the lock.
    ///
    /// # Errors
    /// [`LockFault`].
    pub fn take(home: &Home, patience: Duration) -> Result<Self, LockFault> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(home.dir(), "lock", flags, Mode::RUSR | Mode::WUSR)
            .map_err(std::io::Error::from)?;
        if wait(file.as_fd(), patience)? { Ok(Self { _file: file }) } else { Err(LockFault::Busy(patience)) }
    }
}

/// Waits at most `patience` for an advisory lock on an open file or folder; false
/// if somebody else held it all the time.
///
/// Even a lock that nobody wants is held for a moment by every child that another
/// thread is just starting: so one look is not enough.
///
/// # Errors
/// The system's.
pub fn wait(file: BorrowedFd<'_>, patience: Duration) -> std::io::Result<bool> {
    let start = Instant::now();
    let mut pause = Duration::from_micros(200);
    loop {
        match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(true),
            Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if start.elapsed() >= patience {
            return Ok(false);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(10));
    }
}
