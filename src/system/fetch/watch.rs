//! The byte cap, the clocks and the interrupt of everything from outside.
//!
//! What is read from a server or a program is read by a thread of its own and
//! handed over in pieces, so that a stalled read cannot hold up the answer to
//! Ctrl-C or outlast its time. Attack: an endless pack, a byte a minute, or a
//! server that accepts and then says nothing.

use super::{FetchError, FetchOptions, Progress};
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

/// How often the interrupt flag is looked at while nothing arrives.
const LOOK: Duration = Duration::from_millis(100);

/// What one fetch may use, counted over all its requests.
pub(super) struct Budget {
    options: FetchOptions,
    what: String,
    started: Instant,
    received: AtomicU64,
}

impl Budget {
    /// Starts the clock.
    pub(super) fn new(what: &str, options: &FetchOptions) -> Arc<Self> {
        Arc::new(Self {
            options: options.clone(),
            what: what.to_owned(),
            started: Instant::now(),
            received: AtomicU64::new(0),
        })
    }

    /// The options it was made with.
    pub(super) const fn options(&self) -> &FetchOptions {
        &self.options
    }

    /// Most objects of a pack.
    pub(super) const fn max_objects(&self) -> u32 {
        self.options.max_objects
    }

    /// Bytes so far.
    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Tells whoever wants to know.
    pub(super) fn tell(&self, progress: Progress) {
        if let Some(tell) = &self.options.progress {
            tell(progress);
        }
    }

    /// Whether to go on.
    pub(super) fn check(&self) -> Result<(), FetchError> {
        if self.options.interrupt.load(Ordering::Relaxed) {
            return Err(FetchError::Cancelled);
        }
        if self.started.elapsed() > self.options.total {
            return Err(self.late(self.options.total, "for all of it"));
        }
        if self.received() > self.options.max_bytes {
            let limit = format!("{} bytes in transfer", self.options.max_bytes);
            return Err(FetchError::TooLarge { what: self.what.clone(), limit });
        }
        Ok(())
    }

    fn late(&self, limit: Duration, of_what: &str) -> FetchError {
        let why = format!("it took more than {} s {of_what}", limit.as_secs_f32());
        FetchError::Unreachable { what: self.what.clone(), why }
    }
}

/// A stream from outside, within a [`Budget`]. Errors travel as
/// [`FetchError`] inside [`io::Error`].
pub(super) struct Watched {
    pieces: Receiver<Result<Vec<u8>, FetchError>>,
    piece: Vec<u8>,
    at: usize,
    ended: bool,
    budget: Arc<Budget>,
}

impl Watched {
    /// Opens the stream in a thread of its own and reads from it. If the
    /// reader goes away, the thread ends with its next piece.
    pub(super) fn start<R, F>(budget: &Arc<Budget>, open: F) -> Self
    where
        R: Read,
        F: FnOnce() -> Result<R, FetchError> + Send + 'static,
    {
        let (sender, pieces) = sync_channel(4);
        let what = budget.what.clone();
        std::thread::spawn(move || {
            let mut stream = match open() {
                Ok(stream) => stream,
                Err(error) => return drop(sender.send(Err(error))),
            };
            let mut buffer = vec![0; 64 << 10];
            loop {
                let piece = match stream.read(&mut buffer) {
                    Ok(n) => Ok(buffer[..n].to_vec()),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => Err(FetchError::from_read(&what, error)),
                };
                // An empty piece is the end.
                let last = piece.as_ref().map_or(true, Vec::is_empty);
                if sender.send(piece).is_err() || last {
                    return;
                }
            }
        });
        Self { pieces, piece: Vec::new(), at: 0, ended: false, budget: Arc::clone(budget) }
    }

    fn next_piece(&mut self) -> Result<Vec<u8>, FetchError> {
        let since = Instant::now();
        loop {
            self.budget.check()?;
            match self.pieces.recv_timeout(LOOK) {
                Ok(piece) => return piece,
                Err(RecvTimeoutError::Disconnected) => {
                    let why = "the connection was lost".to_owned();
                    return Err(FetchError::Unreachable { what: self.budget.what.clone(), why });
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            let idle = self.budget.options.idle;
            if since.elapsed() > idle {
                return Err(self.budget.late(idle, "for the next byte"));
            }
        }
    }
}

impl Read for Watched {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at == self.piece.len() && !self.ended && !out.is_empty() {
            self.piece = self.next_piece().map_err(io::Error::other)?;
            self.at = 0;
            self.ended = self.piece.is_empty();
            self.budget.received.fetch_add(self.piece.len() as u64, Ordering::Relaxed);
            self.budget.check().map_err(io::Error::other)?;
        }
        let n = (&self.piece[self.at..]).read(out)?;
        self.at += n;
        Ok(n)
    }
}
