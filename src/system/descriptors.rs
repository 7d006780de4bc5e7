//! What a program that is started inherits of what is open here: nothing but what
//! is handed to it.
//!
//! ```text
//! apart()                 every descriptor from 3 on is closed when a program begins
//!   └▶ Apart              nobody else here hands anything over
//!        open, spawn      what is opened now without that mark is inherited
//!   drop                  the next one's turn
//! ```
//!
//! Attack: whoever started us left a folder open, as shells and agents do. A sandbox
//! hides paths and not what is open already: a step would walk out through
//! `/proc/self/fd/9`.
//!
//! They are marked and not closed: who uses this library may need them, and so does
//! `skills` itself where a file is named as `/dev/fd/63`.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// One at a time: else one program's start marks what another is about to inherit, or
/// inherits it.
static TURN: Mutex<()> = Mutex::new(());

/// The first descriptor that is no standard one.
const FIRST: i32 = 3;

/// As long as this lives nothing is open that a program would inherit, but for what its
/// holder opens.
#[derive(Debug)]
pub(super) struct Apart {
    _turn: MutexGuard<'static, ()>,
}

/// Waits for the turn, then marks everything.
#[must_use]
pub(super) fn apart() -> Apart {
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    close_fds::set_fds_cloexec_threadsafe(FIRST, &[]);
    Apart { _turn: turn }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::{FdFlags, dup, fcntl_getfd};
    use std::os::fd::AsRawFd as _;
    use std::process::Command;

    #[test]
    fn attack_what_was_left_open_is_inherited() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), "mine").unwrap();
        let opened = std::fs::File::open(folder.path()).unwrap();
        // Unlike the first one, a second descriptor for the same is inherited.
        let left = dup(&opened).unwrap();
        assert_eq!(fcntl_getfd(&left).unwrap(), FdFlags::empty());
        let turn = apart();
        assert_eq!(fcntl_getfd(&left).unwrap(), FdFlags::CLOEXEC);
        let handed = dup(&opened).unwrap();
        let reads = |number: i32| {
            let path = format!("/dev/fd/{number}/secret");
            Command::new("cat").arg(path).output().unwrap().stdout == b"mine"
        };
        assert!(!reads(left.as_raw_fd()));
        // It would be read if it were inherited: this one is.
        assert!(!cfg!(target_os = "linux") || reads(handed.as_raw_fd()));
        drop(turn);
        // For us it stays what it was.
        assert!(rustix::fs::fstat(&left).is_ok());
    }
}
