//! A pager for what is longer than the screen.
//!
//! Attacks: `PAGER`, `LESSOPEN`, `LESSKEYIN` and the like name programs, and an
//! agent or a project's `.env` can set them; a program found on `PATH` can be
//! anybody's. So one program is taken from one place, if it is the system's
//! own, with an environment of our making: its secure mode has no shell, no
//! editor, no other files and no log. It never breaks lines, so that a window
//! made narrower later moves no text to the left edge either.
//!
//! It starts with the first line that no longer fits the screen. Without it, or
//! where it says that it failed, everything is written as if nobody had asked
//! for a pager. Attack by bad luck: an older one knows an option not, shows
//! nothing, and a person is asked whether to trust what they did not see.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::process::{Child, Command, Stdio};

/// Where the pager lies.
const LESS: &str = "/usr/bin/less";

/// Holds text back until it is longer than the screen, then hands it on.
#[derive(Debug)]
pub(crate) struct Pager {
    /// All of it.
    text: String,
    /// How much of it the pager has.
    given: usize,
    /// Rows that are still free.
    free: usize,
    command: Option<Command>,
    running: Option<Child>,
    coloured: bool,
}

impl Pager {
    /// One for a screen of that size; none where it must not or cannot run.
    pub(crate) fn new(rows: u16, columns: u16, term: Option<&str>, coloured: bool) -> Option<Self> {
        let term = term.filter(|term| is_terminal_name(term))?;
        if !is_the_systems(LESS) {
            return None;
        }
        let mut command = Command::new(LESS);
        // -S: never break a line; -X: leave on the screen what was read.
        command.args(["-S", "-X", "-M"]);
        // Whoever never met it must find the way on and out.
        command.args(["-Pslines %lt-%lb  (space goes on, b back, / searches, q ends)"]);
        // -R passes colours on, and nothing else; without colours nothing is.
        command.args(coloured.then_some("-R"));
        command.env_clear().env("TERM", term).env("LESSSECURE", "1").env("LESSHISTFILE", "-");
        command.env("LESSCHARSET", "utf-8").env("LC_ALL", "C.UTF-8");
        command.env("LINES", rows.to_string()).env("COLUMNS", columns.to_string());
        command.current_dir("/").stdin(Stdio::piped());
        let free = usize::from(rows).saturating_sub(1);
        Some(Self { text: String::new(), given: 0, free, command: Some(command), running: None, coloured })
    }

    /// Takes one or more lines.
    ///
    /// # Errors
    /// Never: a person who left the pager has read enough.
    pub(crate) fn take(&mut self, lines: &str) -> std::io::Result<()> {
        let shown = if self.coloured { lines.to_owned() } else { super::render::plain(lines) };
        let rows = shown.split('\n').count();
        self.text.push_str(&shown);
        self.text.push('\n');
        if rows <= self.free && self.running.is_none() {
            self.free -= rows;
            return Ok(());
        }
        self.free = 0;
        if let Some(mut command) = self.command.take() {
            // The interrupt key is the pager's while it runs.
            let _ = ctrlc::set_handler(|| {});
            self.running = command.spawn().ok();
        }
        if let Some(input) = self.running.as_mut().and_then(|child| child.stdin.as_mut()) {
            let _ = input.write_all(&self.text.as_bytes()[self.given..]);
            self.given = self.text.len();
        }
        Ok(())
    }

    /// Waits for the pager; returns everything if it did not show it.
    pub(crate) fn finish(mut self) -> Option<String> {
        let shown = self.running.take().is_some_and(|mut child| {
            drop(child.stdin.take());
            child.wait().is_ok_and(|status| status.success())
        });
        Some(self.text).filter(|text| !shown && !text.is_empty())
    }
}

/// Whether `TERM` is a name and not something to be looked up in a place of
/// somebody's choosing.
fn is_terminal_name(term: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "+-._".contains(c);
    !term.is_empty()
        && term.len() <= 64
        && term != "dumb"
        && !term.starts_with('.')
        && term.chars().all(plain)
}

/// Whether a program is a plain file of root's that nobody else can write.
fn is_the_systems(path: &str) -> bool {
    let ours = |meta: &fs::Metadata| meta.uid() == 0 && meta.mode() & 0o022 == 0;
    // It may be a link to where the distribution keeps it.
    let Ok(real) = fs::canonicalize(path) else { return false };
    real.ancestors().all(|above| fs::metadata(above).is_ok_and(|meta| ours(&meta)))
        && fs::metadata(&real).is_ok_and(|meta| meta.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_name_is_no_path() {
        assert!(
            ["xterm-256color", "tmux-256color", "screen.xterm"].iter().all(|term| is_terminal_name(term))
        );
        assert!(
            !["", "dumb", "../x", ".hidden", "a/b", "a b", "\u{1b}"]
                .iter()
                .any(|term| is_terminal_name(term))
        );
    }

    #[test]
    fn only_a_program_that_nobody_else_can_write_is_the_systems() {
        let folder = tempfile::tempdir().unwrap();
        let mine = folder.path().join("less");
        fs::copy("/bin/sh", &mine).unwrap();
        // Below a temporary folder, which everybody can write.
        assert!(!is_the_systems(mine.to_str().unwrap()));
        assert!(!is_the_systems("/nowhere/less"));
        assert!(!is_the_systems("/usr/bin"));
    }

    #[test]
    fn what_fits_the_screen_is_held_and_given_back() {
        let Some(mut pager) = Pager::new(24, 80, Some("xterm"), false) else { return };
        pager.take("one\ntwo").unwrap();
        assert_eq!(pager.finish().as_deref(), Some("one\ntwo\n"));
    }

    #[test]
    fn attack_a_pager_that_fails_keeps_the_review_from_the_person() {
        for (program, shown) in [("/bin/false", false), ("/nowhere/less", false), ("/bin/cat", true)] {
            let mut command = Command::new(program);
            command.stdin(Stdio::piped()).stdout(Stdio::null());
            let mut pager = Pager {
                text: String::new(),
                given: 0,
                free: 1,
                command: Some(command),
                running: None,
                coloured: false,
            };
            for line in ["one", "two", "three"] {
                pager.take(line).unwrap();
            }
            assert_eq!(pager.finish(), (!shown).then(|| "one\ntwo\nthree\n".to_owned()), "{program}");
        }
    }

    #[test]
    fn no_pager_without_a_terminal_that_can_move_back() {
        assert!(Pager::new(24, 80, None, true).is_none());
        assert!(Pager::new(24, 80, Some("dumb"), true).is_none());
    }
}
