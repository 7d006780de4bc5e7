//! The transcripts of `docs/transcripts`, replayed: each command is run on a
//! real terminal, each answer is typed, and all that is shown must be what the
//! page says. `UPDATE_REFERENCE=1` writes the pages; then a person reads them.

use crate::reference::check;
use crate::support::pty::Pty;
use crate::support::sandbox::PROGRAM;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Where it is played; of this length everywhere, so that columns and line
/// breaks do not depend on the machine's temporary folder.
const LENGTH: usize = 32;
/// What the pages say instead; as long as the real one.
const SHOWN: &str = "/home/ana/one-hour-thirty-skills";

/// A folder with a name of fixed length, and what happened in it so far.
struct Stage {
    top: PathBuf,
    page: String,
    _dir: TempDir,
}

/// What is typed once a text is shown.
type Typed<'a> = &'a [(&'a str, &'a str)];

impl Stage {
    fn new(title: &str, about: &str) -> Self {
        assert_eq!(SHOWN.len(), LENGTH);
        let dir = tempfile::tempdir_in("/var/tmp").unwrap();
        let base = dir.path().canonicalize().unwrap();
        let room = LENGTH.checked_sub(base.to_str().unwrap().len() + 1).expect("a short path");
        let top = base.join("x".repeat(room));
        fs::create_dir(&top).unwrap();
        let page = format!("# {title}\n\n{about}\n");
        Self { top, page, _dir: dir }
    }

    fn say(&mut self, text: &str) {
        let _ = write!(self.page, "\n{text}\n");
    }

    /// Runs a command on a terminal, 100 columns wide.
    fn run(&mut self, line: &str, typed: Typed<'_>) {
        let real = line.replace("~", self.top.to_str().unwrap());
        let home = self.top.join("home");
        let mut args = vec!["--home", home.to_str().unwrap()];
        args.extend(real.split(' ').skip(1));
        self.play(line, Path::new(PROGRAM), &args, typed, 0);
    }

    /// The same as an account whose own folder this is; false where this
    /// machine lets nobody mount.
    fn run_at_home(&mut self, line: &str, typed: Typed<'_>, ends: u32) -> bool {
        let (program, before) = match own_account(&self.top) {
            Some(found) => found,
            None => return false,
        };
        let real = line.replace("~", self.top.to_str().unwrap());
        let mut args: Vec<_> = before.iter().map(String::as_str).collect();
        args.push(PROGRAM);
        args.extend(real.split(' ').skip(1));
        self.play(line, &program, &args, typed, ends);
        true
    }

    fn play(&mut self, line: &str, program: &Path, args: &[&str], typed: Typed<'_>, ends: u32) {
        let environment = [("TERM", "xterm"), ("NO_COLOR", "1"), ("LC_ALL", "C.UTF-8")];
        let mut pty = Pty::start(program, args, &environment, &self.top, (400, 100));
        for (shown, answer) in typed {
            pty.wait_for(shown);
            pty.send(answer);
        }
        let (text, code) = pty.finish();
        let shown = self.readable(&text);
        assert_eq!(code, ends, "{line}\n{shown}");
        let _ = write!(self.page, "\n```text\n$ {line}\n{}\n```\n", shown.trim_end());
    }

    /// As a person saw it at the end: without what was overwritten, and with
    /// what differs from run to run replaced.
    fn readable(&self, text: &str) -> String {
        let account = format!(" by {}", skill_trust::system::account::Account::ours().name);
        let text = text.replace(self.top.to_str().unwrap(), SHOWN).replace(&account, " by ana");
        let mut out = String::new();
        for line in text.split("\r\n") {
            let line = without_escapes(line);
            let last = line.rsplit('\r').find(|part| !part.is_empty()).unwrap_or_default();
            out.push_str(last.trim_end());
            out.push('\n');
        }
        without_times(&out)
    }

    fn file(&self, path: &str, content: &str) {
        let file = self.top.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, content).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    }

    fn git(&self, folder: &str, args: &[&str]) {
        let mut command = Command::new("git");
        command.args(args).current_dir(self.top.join(folder)).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", &self.top);
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("LC_ALL", "C");
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "A").env(format!("GIT_{who}_EMAIL"), "a@example.org");
            command.env(format!("GIT_{who}_DATE"), "2026-01-02T03:04:05Z");
        }
        let done = command.output().unwrap();
        assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    }

    fn commit(&self, folder: &str, message: &str) {
        self.git(folder, &["add", "-A"]);
        self.git(folder, &["commit", "-q", "-m", message]);
    }

    fn end(self, path: &str) {
        check(path, &self.page);
    }
}

/// Without terminal control; a line that was cleared and written anew counts
/// as it was written last.
fn without_escapes(line: &str) -> String {
    let (mut out, mut rest) = (String::new(), line);
    while let Some(at) = rest.find('\u{1b}') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let body = after.strip_prefix('[').unwrap_or(after);
        let end = body.find(|c: char| c.is_ascii_alphabetic()).map_or(body.len(), |end| end + 1);
        // Erasing, or moving to another column.
        if body[..end].ends_with(['K', 'J', 'G']) {
            out.push('\r');
        }
        rest = &body[end..];
    }
    out + rest
}

/// Dates and times as `2026-01-02` and `03:04:05`.
fn without_times(text: &str) -> String {
    let shape = |text: &str, shape: &str| {
        text.len() >= shape.len()
            && text.bytes().zip(shape.bytes()).all(
                |(c, like)| {
                    if like == b'0' { c.is_ascii_digit() } else { c == like }
                },
            )
    };
    let (mut out, mut rest) = (String::new(), text);
    while let Some(first) = rest.chars().next() {
        let (taken, put) = if shape(rest, "0000-00-00") {
            (10, "2026-01-02")
        } else if shape(rest, "00:00:00") {
            (8, "03:04:05")
        } else {
            (first.len_utf8(), &rest[..first.len_utf8()])
        };
        out.push_str(put);
        rest = &rest[taken..];
    }
    out
}

fn skill(stage: &Stage, at: usize, body: &str) {
    let name = format!("skill-{at:02}");
    let card = format!("---\nname: {name}\ndescription: For tests.\n---\nThe {body} body of {at}.\n");
    stage.file(&format!("many/{name}/SKILL.md"), &card);
    stage.file(&format!("many/{name}/notes.md"), &format!("Notes, {body}.\n"));
}

#[test]
fn thirty_skills_and_a_weeks_updates() {
    let mut stage = Stage::new(
        "Thirty skills, and a week's updates",
        "A repository with thirty skills comes under control with four commands and one typed answer; a week \
         later twenty of them have changed, and that is four commands and one answer again. Played on a real \
         terminal by `tests/it/transcripts.rs`; only path, dates and times are replaced.",
    );
    fs::create_dir(stage.top.join("many")).unwrap();
    stage.git("many", &["init", "-q", "-b", "main"]);
    for at in 1..=30 {
        skill(&stage, at, "first");
    }
    stage.commit("many", "thirty skills");
    let source = format!("{}/many", stage.top.display());
    stage.say("## The first hour");
    stage.run("skills install file://~/many --all", &[]);
    stage.run("skills review --from file://~/many", &[]);
    let phrase = |count: usize| format!("{count} from {source}\r");
    stage.run("skills trust --from file://~/many", &[("revisions: ", &phrase(30))]);
    stage.run("skills enable --from file://~/many --dir ~/agent", &[]);

    for at in 1..=20 {
        skill(&stage, at, "second");
    }
    stage.commit("many", "twenty updates");
    stage.say("## A week later");
    stage.run("skills update", &[]);
    stage.run("skills review --updates", &[]);
    stage.run("skills trust --updates", &[("revisions: ", &phrase(20))]);
    stage.run("skills enable --updates", &[]);
    stage.end("docs/transcripts/thirty-skills.md");
}
