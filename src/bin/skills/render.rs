//! What people see: colour, width, tables, and the last guard against text
//! that a skill's author wrote to be seen as ours.
//!
//! Results go to standard output, everything else to standard error. A reader
//! that goes away (`skills status | head -1`) is no failure. Functions that
//! build text are pure; only [`Out`] writes.
//!
//! Invariant: every table cell and every line is escaped here again, so that a
//! forgotten [`text::escape`] elsewhere shows as `\u{1b}` and does no harm.

use super::layout;
use super::pager::Pager;
use super::table;
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use skill_trust::model::code::Stop;
use skill_trust::model::text;
use skill_trust::model::time::Timestamp;
use skill_trust::policy::marks::Mark;
use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write};

/// Columns when nobody knows.
const WIDTH_UNKNOWN: u16 = 80;
/// Narrower than this no table can be read; it is laid out at this width.
const WIDTH_MIN: u16 = 40;

/// What `--color` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set or the terminal is dumb.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Where text goes that people read.
pub(crate) struct Out {
    stdout: AutoStream<Box<Sink>>,
    stderr: AutoStream<Box<Sink>>,
    width: u16,
    /// Which of the two is a terminal: its lines are broken to fit.
    fits: (bool, bool),
    coloured: bool,
    rows: u16,
    pager: Option<Pager>,
}

type Sink = dyn Write + Send;

impl Out {
    /// The process's own streams. `no_color` says whether `NO_COLOR` is set to
    /// anything but nothing, `term` is `TERM`.
    pub(crate) fn standard(color: Color, no_color: bool, term: Option<&str>) -> Self {
        let plain = no_color || term == Some("dumb");
        let (stdout, stderr) = (io::stdout(), io::stderr());
        let choose = |terminal| choice(color, plain, terminal);
        let fits = (stdout.is_terminal(), stderr.is_terminal());
        let (out, err) = (choose(fits.0), choose(fits.1));
        let size = rustix::termios::tcgetwinsize(&stdout).or_else(|_| rustix::termios::tcgetwinsize(&stderr));
        let (rows, width) = size.map_or((0, 0), |size| (size.ws_row, size.ws_col));
        Self { fits, rows, ..Self::new(Box::new(stdout), out, Box::new(stderr), err, width) }
    }

    fn new(stdout: Box<Sink>, out: ColorChoice, stderr: Box<Sink>, err: ColorChoice, width: u16) -> Self {
        let width = if width == 0 { WIDTH_UNKNOWN } else { width.max(WIDTH_MIN) };
        let coloured = out != ColorChoice::Never;
        let (stdout, stderr) = (stream(stdout, out), stream(stderr, err));
        Self { stdout, stderr, width, fits: (false, false), coloured, rows: 0, pager: None }
    }

    /// Columns of standard output.
    pub(crate) fn width(&self) -> u16 {
        self.width
    }

    /// Columns of the terminal that standard output is, if it is one.
    pub(crate) fn columns(&self) -> Option<usize> {
        self.fits.0.then_some(usize::from(self.width))
    }

    /// From here on, what is longer than the screen goes through a pager.
    pub(crate) fn page(&mut self, term: Option<&str>) {
        if self.fits.0 && self.rows > 0 {
            self.pager = Pager::new(self.rows, self.width, term, self.coloured);
        }
    }

    /// Shows what the pager holds, and waits until the person has read it.
    ///
    /// # Errors
    /// Whatever the stream reports, but for a reader that went away.
    pub(crate) fn page_end(&mut self) -> io::Result<()> {
        match self.pager.take().and_then(Pager::finish) {
            Some(held) => self.write(&held),
            None => Ok(()),
        }
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        forgiving(self.stdout.write_all(text.as_bytes()).and_then(|()| self.stdout.flush()))
    }

    /// Waits so long, or until whoever reads standard output goes away; says
    /// whether it is still there.
    pub(crate) fn wait_for_reader(&self, time: std::time::Duration) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let stdout = io::stdout();
        // Nothing is asked for: an error or a hang-up is always reported.
        let mut fds = [PollFd::new(&stdout, PollFlags::empty())];
        let nanos = i64::from(time.subsec_nanos());
        let time = Timespec { tv_sec: i64::try_from(time.as_secs()).unwrap_or(1), tv_nsec: nanos };
        let _ = poll(&mut fds, Some(&time));
        !fds[0].revents().intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL)
    }

    /// Writes a result and a line end to standard output.
    ///
    /// # Errors
    /// Whatever the stream reports, but for a reader that went away.
    pub(crate) fn say(&mut self, text: &str) -> io::Result<()> {
        let shown = guarded(text);
        let shown = if self.fits.0 { layout::fit(&shown, self.width.into()) } else { shown };
        match &mut self.pager {
            Some(pager) => pager.take(&shown),
            None => self.write(&format!("{shown}\n")),
        }
    }

    /// Writes a line to standard output for programs to read: never broken,
    /// and nothing is rewritten but control and invisible characters.
    ///
    /// # Errors
    /// Whatever the stream reports, but for a reader that went away.
    pub(crate) fn raw(&mut self, line: &str) -> io::Result<()> {
        let line: Vec<_> = line.split('\n').map(text::escape).collect();
        self.write(&format!("{}\n", line.join("\n")))
    }

    /// Writes a remark and a line end to standard error.
    ///
    /// # Errors
    /// Whatever the stream reports, but for a reader that went away.
    pub(crate) fn note(&mut self, text: &str) -> io::Result<()> {
        let shown = guarded(text);
        let shown = if self.fits.1 { layout::fit(&shown, self.width.into()) } else { shown };
        forgiving(writeln!(self.stderr, "{shown}").and_then(|()| self.stderr.flush()))
    }

    /// Writes why something was not done to standard error.
    ///
    /// # Errors
    /// Whatever the stream reports, but for a reader that went away.
    pub(crate) fn stop(&mut self, stop: &Stop) -> io::Result<()> {
        self.note(&self::stop(stop))
    }
}

fn stream(raw: Box<Sink>, choice: ColorChoice) -> AutoStream<Box<Sink>> {
    match choice {
        ColorChoice::Never => AutoStream::never(raw),
        _ => AutoStream::always_ansi(raw),
    }
}

/// Whether a stream gets colour. The person's word beats the environment's.
fn choice(color: Color, plain: bool, terminal: bool) -> ColorChoice {
    match color {
        Color::Always => ColorChoice::AlwaysAnsi,
        Color::Auto if terminal && !plain => ColorChoice::AlwaysAnsi,
        Color::Auto | Color::Never => ColorChoice::Never,
    }
}

/// A pipe whose reader has gone is not our failure.
fn forgiving(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// What a piece of text means; each has one colour and never colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Refused, failed, drifted.
    Bad,
    /// Needs a look.
    Careful,
    /// As it should be.
    Good,
    /// Beside the point.
    Faint,
    /// A heading.
    Strong,
    /// To be copied: never broken in two.
    Copy,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Self::Bad => AnsiColor::Red.on_default().bold(),
            Self::Careful => AnsiColor::Yellow.on_default(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Faint => Style::new().dimmed(),
            Self::Strong => Style::new().bold(),
            Self::Copy => AnsiColor::Cyan.on_default(),
        }
    }
}

/// Text in a tone; what is hidden in it is made visible first.
pub(crate) fn paint(tone: Tone, shown: &str) -> String {
    let style = tone.style();
    format!("{style}{}{style:#}", text::reveal(shown))
}

/// The text with the commands in it marked as what a person copies. For text
/// of ours: what a skill's author wrote is not asked to be copied.
pub(crate) fn commands(shown: &str) -> String {
    let mut out = String::new();
    let mut rest = shown;
    while let Some(at) = command_start(rest) {
        let (before, from) = rest.split_at(at);
        let (command, after) = from.split_at(command_end(from));
        out.push_str(before);
        out.push_str(&paint(Tone::Copy, command));
        rest = after;
    }
    out + rest
}

fn command_start(text: &str) -> Option<usize> {
    let begins = |at: usize| {
        let before = text[..at].chars().next_back();
        let after = text[at + "skills ".len()..].chars().next();
        before.is_none_or(|c| c.is_whitespace() || c == '`')
            && after.is_some_and(|c| c.is_ascii_lowercase() || c == '-')
    };
    // `three skills are there` is no command.
    let known = |at: usize| !text[at..].starts_with("skills are ");
    text.match_indices("skills ").map(|(at, _)| at).find(|at| begins(*at) && known(*at))
}

/// Where prose goes on; never inside quotes.
fn command_end(text: &str) -> usize {
    let prose = ["\n", "`", "; ", ", ", " (", " clears ", " shows ", " works ", " says "];
    let mut quoted = false;
    for (at, c) in text.char_indices() {
        if c == '\'' || c == '"' {
            quoted = !quoted;
        }
        if !quoted && prose.iter().any(|end| text[at..].starts_with(end)) {
            return at;
        }
    }
    text.len()
}

/// The same without colours, for where there are none.
pub(crate) fn plain(shown: &str) -> String {
    anstream::adapter::strip_str(shown).to_string()
}

/// Makes hidden characters visible, but for line ends and the escape
/// sequences that [`paint`] writes.
///
/// Attack: a sequence of a skill's own that happens to be one of ours can
/// colour its text, or keep it from being broken, and nothing more: it moves
/// nothing and hides nothing.
pub(crate) fn guarded(shown: &str) -> Cow<'_, str> {
    if shown.split('\n').all(text::is_plain) {
        return Cow::Borrowed(shown);
    }
    let tones = [Tone::Bad, Tone::Careful, Tone::Good, Tone::Faint, Tone::Strong, Tone::Copy];
    let ours: Vec<String> =
        tones.iter().flat_map(|tone| [format!("{}", tone.style()), format!("{:#}", tone.style())]).collect();
    let mut out = String::with_capacity(shown.len());
    let mut rest = shown;
    while !rest.is_empty() {
        let end = rest.find(['\u{1b}', '\n']).unwrap_or(rest.len());
        let (between, after) = rest.split_at(end);
        out.push_str(&text::reveal(between));
        let kept = match ours.iter().find(|own| after.starts_with(own.as_str())) {
            Some(own) => own.len(),
            None => usize::from(after.starts_with('\n')),
        };
        let (kept, after) = after.split_at(kept);
        out.push_str(kept);
        rest = after;
        if kept.is_empty()
            && let Some(other) = after.strip_prefix('\u{1b}')
        {
            out.push_str(&text::escape("\u{1b}"));
            rest = other;
        }
    }
    Cow::Owned(out)
}

/// The lines that tell why something was not done.
pub(crate) fn stop(stop: &Stop) -> String {
    let head = paint(Tone::Bad, &format!("error[{}]", stop.code));
    let lines = |text: &str| text.lines().map(text::reveal).collect::<Vec<_>>().join("\n  ");
    let mut out = format!("{head}: {}", lines(&stop.what));
    if !stop.next.is_empty() {
        out.push_str(&format!("\n{}: {}", paint(Tone::Good, "next"), commands(&lines(&stop.next))));
    }
    out
}

/// A table without borders, at most `width` columns; empty without rows.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>], width: u16) -> String {
    table::table(header, rows, width.max(WIDTH_MIN).into())
}

/// One file of a review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileRow {
    /// Where it lies.
    pub(crate) path: String,
    /// Its size in bytes.
    pub(crate) size: u64,
    /// What to look for.
    pub(crate) marks: Vec<Mark>,
}

/// The file list of a review, in the order given: letters, size, path, words.
pub(crate) fn files(rows: &[FileRow], width: u16) -> String {
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let letters =
                row.marks.iter().map(|mark| mark.letter().to_string()).collect::<Vec<_>>().join(" ");
            let words = row.marks.iter().map(|mark| mark.words()).collect::<Vec<_>>().join(", ");
            vec![letters, human_size(row.size), row.path.clone(), words]
        })
        .collect();
    table(&["MARKS", "SIZE", "FILE", "WHAT"], &cells, width)
}

/// A number of things, `1 file` or `2 files`.
pub(crate) fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// A number of files.
pub(crate) fn files_of(number: u64) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), "file")
}

/// A size in the unit in which it has at most four digits.
pub(crate) fn human_size(bytes: u64) -> String {
    let units = [(1_u64 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.iter().find(|(size, _)| bytes >= *size) {
        None => format!("{bytes} B"),
        Some((size, unit)) if bytes / size < 10 => {
            format!("{}.{} {unit}", bytes / size, bytes % size * 10 / size)
        }
        Some((size, unit)) => format!("{} {unit}", bytes / size),
    }
}

/// How long ago, or how far ahead, in one unit.
pub(crate) fn age(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.unix().saturating_sub(then.unix());
    let length = seconds.unsigned_abs();
    let units =
        [(365 * 86_400, "year"), (30 * 86_400, "month"), (86_400, "day"), (3_600, "hour"), (60, "minute")];
    let Some((size, unit)) = units.iter().find(|(size, _)| length >= *size) else {
        return if seconds < 0 { "in a moment".to_owned() } else { "just now".to_owned() };
    };
    let count = length / size;
    let plural = if count == 1 { "" } else { "s" };
    if seconds < 0 { format!("in {count} {unit}{plural}") } else { format!("{count} {unit}{plural} ago") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skill_trust::model::code::Code;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Gone;

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }

    fn written(choice: ColorChoice, text: &str) -> String {
        let kept = Kept::default();
        let mut out = Out::new(Box::new(kept.clone()), choice, Box::new(Gone), ColorChoice::Never, 0);
        out.say(text).unwrap();
        out.note("nobody reads this").unwrap();
        assert_eq!(out.width(), 80);
        String::from_utf8(kept.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn colour_follows_the_person_then_the_environment_then_the_stream() {
        let on = ColorChoice::AlwaysAnsi;
        assert_eq!(choice(Color::Auto, false, true), on);
        assert_eq!(choice(Color::Auto, true, true), ColorChoice::Never);
        assert_eq!(choice(Color::Auto, false, false), ColorChoice::Never);
        assert_eq!(choice(Color::Always, true, false), on);
        assert_eq!(choice(Color::Never, false, true), ColorChoice::Never);
        let painted = paint(Tone::Good, "ok");
        assert_eq!(written(ColorChoice::Never, &painted), "ok\n");
        assert_eq!(written(on, &painted), "\u{1b}[32mok\u{1b}[0m\n");
    }

    #[test]
    fn foreign_sequences_are_shown_not_obeyed() {
        for choice in [ColorChoice::Never, ColorChoice::AlwaysAnsi] {
            let shown = written(choice, "a\u{1b}[2K\u{1b}]52;c;eA==\u{7}\rb\u{202e}c\n\u{9b}1A");
            assert_eq!(shown, "a\\u{1b}[2K\\u{1b}]52;c;eA==\\u{7}\\u{d}b\\u{202e}c\n\\u{9b}1A\n");
        }
    }

    #[test]
    fn a_stop_says_what_and_what_next() {
        let plain = |stop: &Stop| written(ColorChoice::Never, &self::stop(stop));
        let full = Stop::new(Code::NotTrusted, "`pdf` is installed, not trusted", "skills trust pdf");
        assert_eq!(
            plain(&full),
            "error[not-trusted]: `pdf` is installed, not trusted\nnext: skills trust pdf\n"
        );
        let bare = Stop::new(Code::Io, "one\ntwo", "");
        assert_eq!(plain(&bare), "error[io]: one\n  two\n");
    }

    #[test]
    fn a_file_has_letters_and_words() {
        let row = |path: &str, marks: &[Mark]| FileRow {
            path: path.to_owned(),
            size: 2_048,
            marks: marks.to_vec(),
        };
        let rows = [
            row("SKILL.md", &[Mark::Hooks]),
            row("a.sh", &[Mark::Executable, Mark::Network]),
            row("b.sh", &[Mark::Executable]),
            row("README.md", &[]),
        ];
        let shown = files(&rows, 100);
        let expected = "MARKS  SIZE     FILE       WHAT\n\
                        H      2.0 KiB  SKILL.md   runs commands by itself\n\
                        X N    2.0 KiB  a.sh       executable, network\n\
                        X      2.0 KiB  b.sh       executable\n       2.0 KiB  README.md";
        assert_eq!(shown, expected, "\n{shown}");
    }

    #[test]
    fn sizes_and_ages_in_words() {
        for (bytes, words) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_536, "1.5 KiB"),
            (38 << 10, "38 KiB"),
            (u64::MAX, "17179869183 GiB"),
        ] {
            assert_eq!(human_size(bytes), words);
        }
        let now = Timestamp::from_unix(1_000_000_000);
        for (seconds, words) in [
            (0, "just now"),
            (60, "1 minute ago"),
            (7_200, "2 hours ago"),
            (3 * 86_400, "3 days ago"),
            (-86_400, "in 1 day"),
            (-5, "in a moment"),
            (800 * 86_400, "2 years ago"),
        ] {
            assert_eq!(age(Timestamp::from_unix(now.unix() - seconds), now), words);
        }
    }
}
