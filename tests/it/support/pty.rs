//! A real terminal for tests: the program under test sees a controlling
//! terminal with a person before it.
//!
//! The terminal itself is made by `pty.py` beside this file, since a session and its
//! controlling terminal cannot be had here without unsafe code.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// Longest time that any single step may take; machines under load are slow.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program running on a terminal of its own.
pub(crate) struct Pty {
    child: Child,
    orders: ChildStdin,
    shown: Receiver<Vec<u8>>,
    /// All that the terminal has shown.
    transcript: String,
    /// Bytes that are no whole character yet.
    partial: Vec<u8>,
    /// How much of the transcript has been waited for.
    seen: usize,
}

impl Pty {
    /// Starts a program in a folder with exactly this environment.
    pub(crate) fn start(
        program: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
        folder: &Path,
        (rows, columns): (u16, u16),
    ) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/pty.py");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut child = Command::new("python3")
            .arg("-I")
            .arg(script)
            .args([rows.to_string(), columns.to_string()])
            .arg(program)
            .args(arguments)
            .env_clear()
            .env("PATH", path)
            .envs(environment.iter().copied())
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 runs");
        let orders = child.stdin.take().expect("piped");
        let mut output = child.stdout.take().expect("piped");
        let (sender, shown) = mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { child, orders, shown, transcript: String::new(), partial: Vec::new(), seen: 0 }
    }

    /// Types text, as it stands; a line ends with `\r`, as the key sends it.
    pub(crate) fn send(&mut self, text: &str) {
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        self.order(&format!("w {hex}"));
    }

    /// Resizes the window.
    pub(crate) fn resize(&mut self, rows: u16, columns: u16) {
        self.order(&format!("r {rows} {columns}"));
    }

    /// Sends a signal to the program.
    pub(crate) fn signal(&mut self, number: i32) {
        self.order(&format!("s {number}"));
    }

    fn order(&mut self, order: &str) {
        // A program that has already ended takes no orders; its exit code tells.
        let _ = writeln!(self.orders, "{order}").and_then(|()| self.orders.flush());
    }

    /// Waits until the terminal shows a text after what was last waited for,
    /// and returns all up to its end.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.transcript[self.seen..].find(text) {
                let until = self.seen + at + text.len();
                let found = self.transcript[self.seen..until].to_owned();
                self.seen = until;
                return found;
            }
            assert!(self.take(end), "`{text}` never came; the terminal shows:\n{}", self.transcript);
        }
    }

    /// Waits for the end: everything shown, and the exit code.
    pub(crate) fn finish(mut self) -> (String, i32) {
        let end = Instant::now() + PATIENCE;
        while self.take(end) {}
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return (std::mem::take(&mut self.transcript), status.code().unwrap_or(-1));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        panic!("it never ended; the terminal shows:\n{}", self.transcript);
    }

    /// Takes more output; false at its end or when time is up.
    fn take(&mut self, end: Instant) -> bool {
        let Ok(more) = self.shown.recv_timeout(end.saturating_duration_since(Instant::now())) else {
            return false;
        };
        self.partial.extend(more);
        let whole = match std::str::from_utf8(&self.partial) {
            Ok(_) => self.partial.len(),
            Err(error) => error.error_len().map_or(error.valid_up_to(), |bad| error.valid_up_to() + bad),
        };
        self.transcript.push_str(&String::from_utf8_lossy(&self.partial.drain(..whole).collect::<Vec<_>>()));
        true
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // Its terminal goes with it, and the program gets a hang-up.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
