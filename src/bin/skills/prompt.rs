//! Asking a person.
//!
//! Questions go to the controlling terminal and answers come from there, never
//! from standard input: a pipe, a file or an agent that feeds our input is not
//! a person. What was typed before the question is thrown away. The answer is
//! No unless the person typed exactly what was asked for; an end of input, an
//! interrupt, an error and a line that is too long are all No.
//!
//! Attack: text from a skill that carries cursor movements could paint another
//! question over ours. Callers escape such text; [`Terminal`] escapes once
//! more whatever hidden character is left, line ends excepted.
//!
//! The terminal stays in line mode, so that a person can correct a slip and no
//! crash leaves it unusable. Only the interrupt key is taken as an ordinary
//! end of line while we wait, and given back afterwards.

use rustix::fs::{Mode, OFlags};
use rustix::termios::{self, LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios};
use skill_trust::model::text;
use std::fs::File;
use std::io::{self, Read as _, Write as _};

/// What a person said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Exactly what was asked for.
    Yes,
    /// Anything else.
    No,
}

/// There is no controlling terminal, so nobody can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoTerminal;

/// Longest answer in bytes; the kernel's own limit for a line is the same.
const LINE_MAX: usize = 4096;

/// The interrupt key's byte.
const INTERRUPT: u8 = 3;

/// One line from a person.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// Text without its line end.
    Text(String),
    /// The end of input, an unreadable line, or too long a line.
    Nothing,
    /// The interrupt key.
    Interrupt,
}

/// What [`Terminal`] needs of a terminal; a script in tests.
pub(crate) trait Device {
    /// Gets ready to ask: from here on the interrupt key is an answer, and what
    /// was typed and not yet read is thrown away.
    fn drain(&mut self) -> io::Result<()>;
    /// Writes text and shows it at once.
    fn show(&mut self, text: &str) -> io::Result<()>;
    /// Waits for one line.
    fn line(&mut self) -> io::Result<Line>;
    /// How many columns it has, if it knows.
    fn columns(&self) -> Option<u16> {
        None
    }
}

/// A terminal with a person before it.
#[derive(Debug)]
pub(crate) struct Terminal<D = Tty> {
    device: D,
}

impl Terminal {
    /// Opens the controlling terminal.
    ///
    /// # Errors
    /// [`NoTerminal`] if the process has none.
    pub(crate) fn open() -> Result<Self, NoTerminal> {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let tty = rustix::fs::open("/dev/tty", flags, Mode::empty()).map_err(|_| NoTerminal)?;
        if !termios::isatty(&tty) {
            return Err(NoTerminal);
        }
        Ok(Self { device: Tty { file: File::from(tty), asking: None } })
    }
}

impl<D: Device> Terminal<D> {
    /// Shows text without asking anything.
    pub(crate) fn tell(&mut self, text: &str) -> io::Result<()> {
        self.device.show(&guarded(text))
    }

    /// Columns of the terminal; 80 where it does not know.
    pub(crate) fn columns(&self) -> usize {
        self.device.columns().filter(|columns| *columns > 0).map_or(80, usize::from)
    }

    /// Asks a question that `y` or `yes` answers with yes.
    pub(crate) fn confirm(&mut self, question: &str) -> Answer {
        match self.ask(&format!("{question} [y/N] ")) {
            Some(answer) if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") => Answer::Yes,
            _ => Answer::No,
        }
    }

    /// Asks for a text to be typed exactly. Nothing equals an empty one.
    pub(crate) fn typed(&mut self, prompt: &str, expected: &str) -> Answer {
        match self.ask(&format!("{prompt} ")) {
            Some(answer) if !expected.is_empty() && answer == expected => Answer::Yes,
            _ => Answer::No,
        }
    }

    fn ask(&mut self, prompt: &str) -> Option<String> {
        // Attack: `y` typed ahead, or pasted with the command, by someone who
        // has not seen the question. If that cannot be thrown away, it is No.
        self.device.drain().ok()?;
        self.device.show(&guarded(prompt)).ok()?;
        match self.device.line() {
            Ok(Line::Text(text)) => Some(text),
            Ok(Line::Interrupt) => {
                let _ = self.device.show("\nInterrupted; nothing was changed.\n");
                None
            }
            Ok(Line::Nothing) | Err(_) => {
                let _ = self.device.show("\n");
                None
            }
        }
    }
}

/// The text with every hidden and look-alike character made visible, line ends
/// excepted.
fn guarded(shown: &str) -> String {
    shown.split('\n').map(text::reveal).collect::<Vec<_>>().join("\n")
}

/// The controlling terminal.
#[derive(Debug)]
pub(crate) struct Tty {
    file: File,
    asking: Option<Asking>,
}

impl Device for Tty {
    fn drain(&mut self) -> io::Result<()> {
        // Before the question is shown: an interrupt in between would end the
        // process before the refusal is recorded.
        self.asking = None;
        self.asking = Some(Asking::begin(&self.file)?);
        Ok(termios::tcflush(&self.file, QueueSelector::IFlush)?)
    }

    fn show(&mut self, text: &str) -> io::Result<()> {
        self.file.write_all(text.as_bytes())?;
        self.file.flush()
    }

    fn columns(&self) -> Option<u16> {
        termios::tcgetwinsize(&self.file).ok().map(|size| size.ws_col)
    }

    fn line(&mut self) -> io::Result<Line> {
        let _asking = match self.asking.take() {
            Some(asking) => asking,
            None => Asking::begin(&self.file)?,
        };
        let mut bytes = Vec::new();
        loop {
            let mut byte = [0];
            match (&self.file).read(&mut byte) {
                Ok(0) => return Ok(Line::Nothing),
                Ok(_) if byte[0] == INTERRUPT => return Ok(Line::Interrupt),
                Ok(_) if byte[0] == b'\n' => break,
                Ok(_) if bytes.len() == LINE_MAX => return Ok(Line::Nothing),
                Ok(_) => bytes.push(byte[0]),
                // A resized window interrupts the call, not the person.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(String::from_utf8(bytes).map_or(Line::Nothing, Line::Text))
    }
}

/// The terminal's settings while a question is open; given back when dropped.
#[derive(Debug)]
struct Asking {
    tty: File,
    before: Termios,
}

impl Asking {
    /// Line mode with echo, whatever a crashed program left behind; the
    /// interrupt key ends the line instead of the process, so that the
    /// settings are given back and the person reads that nothing happened.
    fn begin(tty: &File) -> io::Result<Self> {
        let tty = tty.try_clone()?;
        let before = termios::tcgetattr(&tty)?;
        let mut now = before.clone();
        now.local_modes.insert(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ECHOE);
        now.local_modes.remove(LocalModes::ISIG);
        now.input_modes.insert(termios::InputModes::ICRNL);
        now.special_codes[SpecialCodeIndex::VEOL] = INTERRUPT;
        termios::tcsetattr(&tty, OptionalActions::Now, &now)?;
        Ok(Self { tty, before })
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let _ = termios::tcsetattr(&self.tty, OptionalActions::Now, &self.before);
    }
}

#[cfg(test)]
pub(crate) mod script {
    //! A terminal that follows a script.

    use super::{Device, Line, Terminal};
    use std::collections::VecDeque;
    use std::io;

    /// Answers in order, then nothing; keeps what was shown.
    #[derive(Debug, Default)]
    pub(crate) struct Script {
        /// Answers to come.
        pub(crate) lines: VecDeque<Line>,
        /// Lines typed before the question.
        pub(crate) ahead: VecDeque<Line>,
        /// All that was shown.
        pub(crate) shown: String,
        /// Whether throwing away typed input fails.
        pub(crate) stuck: bool,
    }

    impl Device for Script {
        fn drain(&mut self) -> io::Result<()> {
            if self.stuck {
                return Err(io::ErrorKind::Other.into());
            }
            self.ahead.clear();
            Ok(())
        }

        fn show(&mut self, text: &str) -> io::Result<()> {
            self.shown.push_str(text);
            Ok(())
        }

        fn line(&mut self) -> io::Result<Line> {
            Ok(self.ahead.pop_front().or_else(|| self.lines.pop_front()).unwrap_or(Line::Nothing))
        }
    }

    impl Terminal<Script> {
        /// A terminal whose person answers with these lines.
        pub(crate) fn answering(lines: &[&str]) -> Self {
            let lines = lines.iter().map(|line| Line::Text((*line).to_owned())).collect();
            Self { device: Script { lines, ..Script::default() } }
        }

        /// The script, to look at or change.
        pub(crate) fn script(&mut self) -> &mut Script {
            &mut self.device
        }
    }
}

#[cfg(test)]
#[path = "../../../tests/it/support/pty.rs"]
#[allow(dead_code)]
mod pty;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        for yes in ["y", "Y", "yes", "YES", " yes "] {
            assert_eq!(Terminal::answering(&[yes]).confirm("go?"), Answer::Yes, "{yes}");
        }
        for no in ["", "n", "no", "ye", "yes please", "yy", "\u{435}s", "1", "true"] {
            assert_eq!(Terminal::answering(&[no]).confirm("go?"), Answer::No, "{no}");
        }
    }

    #[test]
    fn the_end_of_input_and_the_interrupt_key_are_no() {
        assert_eq!(Terminal::answering(&[]).confirm("go?"), Answer::No);
        let mut terminal = Terminal::answering(&[]);
        terminal.script().lines.push_back(Line::Interrupt);
        assert_eq!(terminal.typed("type pdf:", "pdf"), Answer::No);
        assert!(terminal.script().shown.ends_with("\nInterrupted; nothing was changed.\n"));
    }

    #[test]
    fn a_typed_answer_is_exact() {
        assert_eq!(Terminal::answering(&["pdf"]).typed("name:", "pdf"), Answer::Yes);
        for no in ["PDF", "pdf ", " pdf", "pd", "y", ""] {
            assert_eq!(Terminal::answering(&[no]).typed("name:", "pdf"), Answer::No, "{no}");
        }
        assert_eq!(Terminal::answering(&[""]).typed("name:", ""), Answer::No);
    }

    #[test]
    fn what_was_typed_before_the_question_is_thrown_away() {
        let mut terminal = Terminal::answering(&[]);
        terminal.script().ahead.push_back(Line::Text("y".to_owned()));
        assert_eq!(terminal.confirm("go?"), Answer::No);
        let mut terminal = Terminal::answering(&["y"]);
        terminal.script().stuck = true;
        assert_eq!(terminal.confirm("go?"), Answer::No);
        assert_eq!(terminal.script().shown, "");
    }

    #[test]
    fn nothing_hidden_reaches_the_terminal() {
        let mut terminal = Terminal::answering(&["y"]);
        terminal.tell("a\u{1b}[2K\r\u{202e}b\n").unwrap();
        let _ = terminal.confirm("evil\u{9b}?\nreally?");
        assert_eq!(terminal.script().shown, "a\\u{1b}[2K\\u{d}\\u{202e}b\nevil\\u{9b}?\nreally? [y/N] ");
    }

    /// Set for the program that [`on_a_terminal`] starts.
    const CHILD: &str = "SKILLS_PROMPT_CHILD";

    /// The other half of the tests below: runs on the terminal that
    /// [`on_a_terminal`] makes. On its own it has nothing to say.
    #[test]
    fn child() {
        if std::env::var_os(CHILD).is_none() {
            return;
        }
        let Ok(mut terminal) = Terminal::open() else { return println!("no terminal") };
        let modes = |terminal: &Terminal| {
            let now = termios::tcgetattr(&terminal.device.file).unwrap();
            (now.local_modes, now.input_modes, now.special_codes[SpecialCodeIndex::VEOL])
        };
        let before = modes(&terminal);
        println!("ready");
        // Until the answer typed ahead has arrived.
        while rustix::io::ioctl_fionread(&terminal.device.file).unwrap() == 0 {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        let answers = (terminal.confirm("go?"), terminal.typed("name:", "pdf"));
        println!("answers {answers:?}, as before: {}", before == modes(&terminal));
    }

    /// The answers to `go?` and `name:`, as [`child`] prints them, and all that was shown.
    fn on_a_terminal(first: &str, second: &str) -> String {
        let program = std::env::current_exe().unwrap();
        let arguments = ["--exact", "prompt::tests::child", "--nocapture"];
        let mut pty =
            pty::Pty::start(&program, &arguments, &[(CHILD, "1")], std::path::Path::new("/"), (24, 80));
        pty.wait_for("ready");
        pty.send("y\r");
        pty.wait_for("go? [y/N] ");
        pty.send(first);
        pty.wait_for("name: ");
        pty.send(second);
        let shown = pty.wait_for("as before: true");
        assert_eq!(pty.finish().1, 0);
        shown
    }

    #[test]
    fn a_person_answers_at_a_real_terminal() {
        assert!(on_a_terminal("y\r", "pdf\r").contains("answers (Yes, Yes)"));
        // A slip corrected with the erase key; then nothing but Enter.
        assert!(on_a_terminal("yx\u{7f}\r", "\r").contains("answers (Yes, No)"));
    }

    #[test]
    fn the_interrupt_key_and_the_end_key_are_no_and_leave_the_terminal_as_it_was() {
        let shown = on_a_terminal("\u{4}", "pd\u{3}");
        assert!(shown.contains("Interrupted; nothing was changed."), "{shown}");
        assert!(shown.contains("answers (No, No)"), "{shown}");
        // The answer typed ahead counts for neither.
        assert!(on_a_terminal("\r", "pdf\u{3}").contains("answers (No, No)"));
    }

    #[test]
    fn without_a_terminal_nobody_is_asked() {
        let program = std::env::current_exe().unwrap();
        let output = std::process::Command::new("setsid")
            .arg("--wait")
            .arg(program)
            .args(["--exact", "prompt::tests::child", "--nocapture"])
            .env(CHILD, "1")
            .stdin(std::process::Stdio::null())
            .output();
        // Part of util-linux; elsewhere the other tests must do.
        let Ok(output) = output else { return };
        assert!(String::from_utf8_lossy(&output.stdout).contains("no terminal"));
    }
}
