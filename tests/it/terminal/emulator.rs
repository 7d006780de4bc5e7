//! A real terminal emulator: tmux, with a server, a socket and settings of its
//! own. What is asserted is what a person would see, not what was written.
//!
//! It is set up to obey: a program may change the title, the window's name and
//! the clipboard. Whoever gets a sequence through, succeeds.

use crate::support::faults;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Longest time that any single step may take; machines under load are slow.
const PATIENCE: Duration = Duration::from_secs(60);
/// Printed after the program's end, by us.
const END: &str = "~end~of~screen~";
/// The title that no program may change.
const TITLE: &str = "title-as-it-was";

const SETTINGS: &str = "set -g history-limit 200000\nset -g set-clipboard on\nset -g allow-rename on\n\
    set -g allow-passthrough on\nset -g automatic-rename off\nset -g default-terminal screen-256color\n\
    set -g escape-time 0\nset -g status off\n";

/// A tmux server.
pub(super) struct Emulator {
    folder: tempfile::TempDir,
    runs: std::cell::Cell<u32>,
}

/// What a run left on the screen.
pub(super) struct Shown {
    /// The rows as they stand, above the screen's top too.
    pub(super) rows: Vec<String>,
    /// The same, where a row that the terminal itself broke is one.
    pub(super) lines: Vec<String>,
    /// Every byte that the program wrote.
    pub(super) raw: Vec<u8>,
    /// Its exit code.
    pub(super) exit: i32,
    /// The last row when an answer was awaited, and the cursor's column.
    pub(super) asked: Vec<(String, usize)>,
}

/// What is started, and what a person types: when this is on the screen, that.
pub(super) struct Run<'a> {
    pub(super) program: &'a [String],
    pub(super) folder: &'a Path,
    pub(super) columns: usize,
    pub(super) rows: usize,
    pub(super) answers: &'a [(&'a str, &'a str)],
}

impl Emulator {
    /// Starts one.
    pub(super) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("settings"), SETTINGS).unwrap();
        let emulator = Self { folder, runs: std::cell::Cell::new(0) };
        emulator.tmux(&[
            "-f",
            &emulator.path("settings"),
            "new-session",
            "-d",
            "-s",
            "base",
            "sleep",
            "1000",
        ]);
        emulator
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn tmux(&self, args: &[&str]) -> String {
        let mut command = sealed("tmux");
        command.args(["-u", "-S", &self.path("socket")]).args(args).stdin(Stdio::null());
        let output = command.output().expect("tmux runs");
        assert!(output.status.success(), "tmux {args:?}: {output:?}");
        String::from_utf8(output.stdout).expect("tmux shows text")
    }

    /// Runs a program to its end before a person.
    pub(super) fn run(&self, run: &Run<'_>) -> Shown {
        self.runs.set(self.runs.get() + 1);
        let name = format!("s{}", self.runs.get());
        let target = format!("{name}:0.0");
        let (columns, rows) = (run.columns.to_string(), run.rows.to_string());
        let mark = |what: &str| PathBuf::from(self.path(&format!("{name}.{what}")));
        // It waits until every byte is listened to.
        let script = "trap : INT; while ! [ -e \"$0.go\" ]; do sleep 0.01; done; \"$@\"; echo $? >\"$0.exit\"; \
            printf '%s' ~end~of~screen~; exec sleep 600";
        let stem = self.path(&name);
        let folder = run.folder.to_str().unwrap();
        let mut args = vec!["new-session", "-d", "-s", &name, "-x", &columns, "-y", &rows, "-c", folder];
        args.extend(["sh", "-c", script, &stem]);
        args.extend(run.program.iter().map(String::as_str));
        self.tmux(&args);
        self.tmux(&["select-pane", "-t", &target, "-T", TITLE]);
        self.tmux(&["pipe-pane", "-t", &target, &format!("exec cat >'{stem}.raw'")]);
        fs::write(mark("go"), "").unwrap();
        let mut asked = Vec::new();
        for (text, keys) in run.answers {
            self.wait(&target, text);
            let cursor = self.tmux(&["display-message", "-p", "-t", &target, "#{cursor_y} #{cursor_x}"]);
            let (row, column) = cursor.trim().split_once(' ').unwrap();
            let screen = self.tmux(&["capture-pane", "-p", "-N", "-t", &target]);
            let row = screen.lines().nth(row.parse().unwrap()).unwrap_or_default().to_owned();
            asked.push((row, column.parse().unwrap()));
            self.tmux(&["send-keys", "-t", &target, "-l", keys]);
        }
        self.wait(&target, END);
        let exit = fs::read_to_string(mark("exit")).unwrap().trim().parse().unwrap();
        let raw = self.raw(&mark("raw"));
        let shown = Shown {
            rows: self.capture(&target, &[]),
            lines: self.capture(&target, &["-J"]),
            raw,
            exit,
            asked,
        };
        let state = self.tmux(&["display-message", "-p", "-t", &target, "#{pane_title} #{window_name}"]);
        assert_eq!(state.trim(), format!("{TITLE} sh"), "the program changed the title");
        assert_eq!(self.tmux(&["list-buffers"]), "", "the program changed the clipboard");
        let modes = "#{alternate_on}#{insert_flag}#{mouse_any_flag}#{origin_flag}#{scroll_region_upper}#{cursor_flag}";
        let modes = self.tmux(&["display-message", "-p", "-t", &target, modes]);
        assert_eq!(modes.trim(), "000001", "the program left the terminal in another state");
        self.tmux(&["kill-session", "-t", &name]);
        shown
    }

    /// All bytes that were written before the end.
    fn raw(&self, file: &Path) -> Vec<u8> {
        let end = Instant::now() + PATIENCE;
        loop {
            let bytes = fs::read(file).unwrap_or_default();
            if let Some(raw) = bytes.strip_suffix(END.as_bytes()) {
                return raw.to_vec();
            }
            assert!(
                Instant::now() < end,
                "not all that was written came: {}",
                String::from_utf8_lossy(&bytes)
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn wait(&self, target: &str, text: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            let screen = self.tmux(&["capture-pane", "-p", "-J", "-S", "-", "-t", target]);
            if screen.contains(text) {
                return;
            }
            assert!(Instant::now() < end, "`{text}` never came; the terminal shows:\n{screen}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The rows up to the end, which must begin one: a program ends its lines.
    fn capture(&self, target: &str, more: &[&str]) -> Vec<String> {
        let args = [&["capture-pane", "-p", "-S", "-", "-t", target], more].concat();
        let screen = self.tmux(&args);
        let rows = screen.lines().map(|row| row.trim_end().to_owned());
        let rows: Vec<_> = rows.take_while(|row| !row.starts_with(END)).collect();
        assert!(screen.contains(&format!("\n{END}")), "the last line has no end:\n{screen}");
        rows
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let mut command = sealed("tmux");
        let _ = command.args(["-S", &self.path("socket"), "kill-server"]).output();
    }
}

/// A command without any environment but what text needs.
fn sealed(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", faults::path()).env("LC_ALL", "C.UTF-8");
    command
}
