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
    ids: Vec<String>,
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
        Self { top, page, ids: Vec::new(), _dir: dir }
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
    fn run_at_home(&mut self, line: &str, typed: Typed<'_>, ends: i32) -> bool {
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

    fn play(&mut self, line: &str, program: &Path, args: &[&str], typed: Typed<'_>, ends: i32) {
        let environment = [("TERM", "xterm"), ("NO_COLOR", "1"), ("LC_ALL", "C.UTF-8")];
        let mut pty = Pty::start(program, args, &environment, &self.top, (2000, 100));
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
    fn readable(&mut self, text: &str) -> String {
        let account = format!(" by {}", skill_trust::system::account::Account::ours().name);
        let text = text.replace(self.top.to_str().unwrap(), SHOWN).replace(&account, " by ana");
        let mut out = String::new();
        for line in text.split("\r\n") {
            let line = without_escapes(line);
            let last = line.rsplit('\r').find(|part| !part.is_empty()).unwrap_or_default();
            out.push_str(last.trim_end());
            out.push('\n');
        }
        self.without_ids(&without_times(&out))
    }

    /// Random names of 32 letters as numbers, in the order in which they appear.
    fn without_ids(&mut self, text: &str) -> String {
        let mut out = String::new();
        for part in text.split_inclusive(|c: char| !c.is_ascii_hexdigit()) {
            let word = part.trim_end_matches(|c: char| !c.is_ascii_hexdigit());
            if word.len() != 32 {
                out.push_str(part);
                continue;
            }
            let known = self.ids.iter().position(|id| id == word).unwrap_or_else(|| {
                self.ids.push(word.to_owned());
                self.ids.len() - 1
            });
            let _ = write!(out, "{:032}{}", known + 1, &part[word.len()..]);
        }
        out
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

/// What runs a program as an account whose own folder is this; none where that
/// cannot be.
fn own_account(top: &Path) -> Option<(PathBuf, Vec<String>)> {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("NOT RUN: only root can give the program another account's folder; the other pass runs it");
        return None;
    }
    crate::unmanaged::with_account(top, &["true"])?;
    let passwd = top.join("../passwd");
    fs::write(&passwd, format!("ana:x:0:0::{}:/bin/sh\n", top.display())).unwrap();
    let mount = crate::support::faults::AS_ACCOUNT;
    let words = ["--mount", "sh", "-c", mount, passwd.to_str().unwrap()];
    Some((PathBuf::from("/usr/bin/unshare"), words.map(str::to_owned).to_vec()))
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
pub(crate) fn without_times(text: &str) -> String {
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
    // What comes next is typed below; the offer of it is answered with Enter.
    stage.run("skills install file://~/many --all", &[("[y/N] ", "\r")]);
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

/// A home as people have it: links into a folder of their own, one skill in two
/// places, one name with other bytes, one made by hand.
fn lived_in(stage: &Stage) {
    let skill = |path: &str, name: &str, body: &str| {
        let card = format!("---\nname: {name}\ndescription: For tests.\n---\n{body}\n");
        stage.file(&format!("{path}/SKILL.md"), &card);
    };
    skill(".claude/skills/docx", "docx", "Read and write documents.");
    stage.file(".claude/skills/docx/scripts/unpack.py", "import zipfile\n");
    skill(".agents/skills/pdf", "pdf", "Fill forms.");
    skill(".codex/skills/pdf", "pdf", "Fill forms.");
    skill(".agents/skills/planning", "planning", "Plan first.");
    skill(".codex/skills/planning", "planning", "Plan first.\nThen do it.");
    skill("dotfiles/skills/frontend", "frontend", "Make it plain.");
    skill(".claude/skills/release-notes", "release-notes", "Group by area; one line each.");
    let link = |to: &str, at: &str| std::os::unix::fs::symlink(to, stage.top.join(at)).unwrap();
    link("../../dotfiles/skills/frontend", ".claude/skills/frontend");
    link("../../.agents/skills/pdf", ".claude/skills/pdf");
    let lock = r#"{"version":3,"skills":{"pdf":{"source":"acme/skills","sourceType":"github","sourceUrl":"https://github.com/acme/skills.git","skillPath":"skills/pdf/SKILL.md","skillFolderHash":"4b825dc642cb6eb9a060e54bf8d69288fbee4904"}}}"#;
    stage.file(".agents/.skill-lock.json", lock);
}

#[test]
fn a_home_with_links_duplicates_and_hand_made_skills() {
    let mut stage = Stage::new(
        "A home that was lived in",
        "Skills of several tools, links into a folder of dotfiles, one skill in two places, one name with other \
         bytes, one made by hand: all of it taken in by `adopt --all`, decided with one typed answer, replaced \
         with one consent, stopped, brought back, and given back. Played on a real terminal by \
         `tests/it/transcripts.rs`; only path, dates, times and random names are replaced.",
    );
    lived_in(&stage);
    let card = fs::read(stage.top.join(".claude/skills/release-notes/SKILL.md")).unwrap();
    stage.say("## What is there");
    if !stage.run_at_home("skills status", &[], 0) {
        return;
    }
    stage.say("## Taking it in");
    stage.run_at_home("skills adopt --all", &[], 3);
    stage.run_at_home("skills adopt ~/.codex/skills/planning --as planning-codex", &[], 0);
    stage.run_at_home("skills review --adopted", &[], 0);
    stage.run_at_home("skills trust --adopted", &[("revisions: ", "6 from 6 sources\r")], 0);
    stage.run_at_home("skills enable --adopted", &[("place the copies? [y/N] ", "y\r")], 0);
    stage.run_at_home("skills status", &[], 0);
    stage.say("## Stopping, and bringing back");
    stage.run_at_home("skills kill --all", &[], 0);
    stage.run_at_home("skills release --all", &[("to lift it: ", "release epoch 1\r")], 0);
    stage.run_at_home("skills enable --as-before", &[("again? [y/N] ", "y\r")], 0);
    stage.say("## Leaving");
    stage.run_at_home(
        "skills uninstall --remove --export ~/log.jsonl",
        &[("to do it: ", "remove 6 skills\r")],
        0,
    );
    // The one copy there was of what was made by hand.
    let kept = stage.top.join(".local/share/skill-trust-originals");
    let mut kept = fs::read_dir(kept).unwrap().map(|entry| entry.unwrap().path());
    let notes = kept.find(|path| path.to_str().unwrap().contains("release-notes-")).unwrap();
    assert_eq!(fs::read(notes.join("SKILL.md")).unwrap(), card);
    stage.end("docs/transcripts/lived-in-home.md");
}
