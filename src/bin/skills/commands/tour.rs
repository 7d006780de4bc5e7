//! `tour`: the whole story, played for real in a throw-away home.
//!
//! Every command is this same program, run again with a home of its own and an
//! empty environment; what is shown is what it said. Each step knows how it
//! must end, so a tour that reaches its end is also a test that passed.
//!
//! Nothing of the account's own is touched: home, agent's folder and upstream
//! repository lie in one temporary folder, which is removed at the end, after
//! a failure and after Ctrl-C too.

mod story;
#[cfg(feature = "git")]
mod upstream;

use super::super::context::{Context, Ended, absolute};
use super::super::render::{Tone, paint};
use skill_trust::model::code::{Code, Exit, Stop};
use skill_trust::model::digest::Digest;
use skill_trust::model::text;
use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use story::{Act, Chapter, Fact, STORY};

/// Play the whole story in a throw-away home
#[derive(Debug, Default, clap::Args)]
#[command(
    after_help = "Installs, reviews, trusts, enables, edits, updates, kills and releases a skill, in a temporary folder that is \
    removed at the end. Nothing of yours is touched. Exits 1 if any step ends otherwise than it must.\n\n\
    Examples:\n  skills tour\n  skills tour owner/repo --skill pdf\n  skills tour ./my-skill"
)]
pub(crate) struct Args {
    /// Play with this source instead of the two bundled skills
    source: Option<String>,
    /// The skill to follow; else the first that is there
    #[arg(long, value_name = "NAME", requires = "source")]
    skill: Option<String>,
    /// Leave the temporary folder there, to look around in
    #[arg(long)]
    keep: bool,
}

/// Runs `tour`.
pub(crate) fn run(context: &mut Context, args: Args) -> Ended {
    let began = Instant::now();
    let scratch = Scratch::new(args.keep)?;
    let source = match &args.source {
        Some(typed) if Path::new(typed).exists() => {
            absolute(Path::new(typed))?.to_string_lossy().into_owned()
        }
        Some(typed) => typed.clone(),
        None => bundled(&scratch.upstream())?,
    };
    let mut tour = Tour::new(context, &scratch, source, args.source.is_none())?;
    tour.facts.name = match args.skill {
        Some(name) => name,
        None => tour.first_skill()?,
    };
    let mut proven = Vec::new();
    for (at, chapter) in STORY.iter().enumerate() {
        if chapter.needs_upstream && args.source.is_some() {
            tour.context.say(&format!(
                "\n{}. {}: left out; this source is not ours to commit to",
                at + 1,
                chapter.title
            ))?;
            continue;
        }
        tour.chapter(at + 1, chapter)?;
        proven.push(chapter.proves);
    }
    let commands = std::mem::take(&mut tour.commands);
    context.say(&format!("\n{}", paint(Tone::Strong, "What you have seen")))?;
    for line in &proven {
        context.say(&format!("  {}  {line}", paint(Tone::Good, "ok")))?;
    }
    let seconds = began.elapsed().as_secs_f32();
    let place = text::escape(&scratch.path().to_string_lossy());
    let fate = if args.keep { "stays there" } else { "is gone now" };
    context.say(&format!(
        "\n{} commands, each ended as it must, {seconds:.1} s. {place} {fate}.",
        commands.len()
    ))?;
    context.say("Next:  skills status, to see what your agents load today")?;
    context.json("tour/1", serde_json::json!({ "commands": commands, "proven": proven }))?;
    Ok(Exit::Done)
}

#[cfg(feature = "git")]
fn bundled(folder: &Path) -> Result<String, Stop> {
    upstream::make(folder).map_err(|error| failed(format!("the bundled repository: {}", error.message())))?;
    Ok(format!("file://{}", folder.display()))
}

#[cfg(not(feature = "git"))]
fn bundled(_: &Path) -> Result<String, Stop> {
    Err(Stop::new(
        Code::Usage,
        "this build has no git, so it brings no repository along",
        "skills tour ./a-folder",
    ))
}

fn failed(what: impl Into<String>) -> Stop {
    Stop::new(Code::Internal, what, "")
}

/// What the tour has met so far.
#[derive(Debug, Default)]
struct Facts {
    source: String,
    folder: String,
    name: String,
    old: Option<Digest>,
    new_short: String,
    new: Option<Digest>,
}

impl Facts {
    /// A command's word with what stands for something filled in.
    fn fill(&self, word: &str) -> String {
        let full = |digest: Option<Digest>| digest.map(|digest| digest.to_string()).unwrap_or_default();
        let old_short = self.old.map(|digest| digest.short()).unwrap_or_default();
        match word {
            "{source}" => self.source.clone(),
            "{folder}" => self.folder.clone(),
            "{name}" => self.name.clone(),
            "{old}" => full(self.old),
            "{new}" => full(self.new),
            "{oldrev}" => format!("{}@{old_short}", self.name),
            "{newrev}" => format!("{}@{}", self.name, self.new_short),
            word => word.to_owned(),
        }
    }

    /// Reads a fact from an output; false if it is not there.
    fn learn(&mut self, fact: Fact, output: &str) -> bool {
        let digest = || output.split_whitespace().find_map(|word| Digest::parse(word).ok());
        match fact {
            Fact::Old => self.old = digest(),
            Fact::New => self.new = digest(),
            Fact::NewShort => {
                let after = output.split_once("-> ").map_or("", |(_, after)| after);
                self.new_short = after.chars().take_while(char::is_ascii_hexdigit).collect();
            }
        }
        match fact {
            Fact::Old => self.old.is_some(),
            Fact::New => self.new.is_some(),
            Fact::NewShort => self.new_short.len() >= 12,
        }
    }
}

/// A tour under way.
struct Tour<'a> {
    context: &'a mut Context,
    scratch: &'a Scratch,
    facts: Facts,
    commands: Vec<serde_json::Value>,
    /// What runs at this moment, for Ctrl-C to end.
    running: Arc<Mutex<Option<Child>>>,
    interrupted: Arc<AtomicBool>,
}

impl<'a> Tour<'a> {
    fn new(
        context: &'a mut Context,
        scratch: &'a Scratch,
        source: String,
        bundled: bool,
    ) -> Result<Self, Stop> {
        let running = Arc::new(Mutex::new(None));
        let interrupted = Arc::new(AtomicBool::new(false));
        let (child, flag) = (Arc::clone(&running), Arc::clone(&interrupted));
        let heard = ctrlc::set_handler(move || {
            flag.store(true, Ordering::SeqCst);
            let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = child.as_mut().map(Child::kill);
        });
        heard.map_err(|error| failed(format!("Ctrl-C cannot be heard: {error}")))?;
        let folder = scratch.agent().to_string_lossy().into_owned();
        context.say(&format!(
            "Everything below really runs, in {}, with an empty environment.\n\
             Left out of each line: --home {} --no-input",
            text::escape(&scratch.path().to_string_lossy()),
            text::escape(&scratch.home().to_string_lossy())
        ))?;
        if bundled {
            context.say("The upstream repository was made a moment ago; it holds two skills.")?;
        }
        let facts = Facts { source, folder, ..Facts::default() };
        Ok(Self { context, scratch, facts, commands: Vec::new(), running, interrupted })
    }

    /// The skill to follow where none was named.
    fn first_skill(&mut self) -> Result<String, Stop> {
        #[cfg(feature = "git")]
        if self.facts.source == format!("file://{}", self.scratch.upstream().display()) {
            return Ok(upstream::SKILL.to_owned());
        }
        let words = ["install", &self.facts.source, "--list", "--json"].map(str::to_owned);
        let (_, output) = self.execute(&words, false)?;
        let found = output.lines().find_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let said = |key: &str| found.as_ref().and_then(|found| found[key].as_str());
        // It answered a program; a person is told the same as a person is.
        if let (Some(code), Some(what)) = (said("code"), said("error")) {
            let code = Code::ALL.iter().find(|one| one.as_str() == code).copied().unwrap_or(Code::NoSkill);
            return Err(Stop::new(code, what, said("next").unwrap_or_default()));
        }
        let name = found.as_ref().and_then(|found| found["skills"][0]["name"].as_str());
        name.map(str::to_owned).ok_or_else(|| {
            let source = text::escape_short(&self.facts.source, 100);
            Stop::new(
                Code::NoSkill,
                format!("`{source}` offers no skill: {}", output.trim()),
                "name another source",
            )
        })
    }

    fn chapter(&mut self, number: usize, chapter: &Chapter) -> Result<(), Stop> {
        let title = format!("{number}. {}", chapter.title);
        self.context.say(&format!("\n{}\n{}", paint(Tone::Strong, &title), chapter.tells))?;
        chapter.acts.iter().try_for_each(|act| self.act(*act))
    }

    fn act(&mut self, act: Act) -> Result<(), Stop> {
        if self.interrupted.load(Ordering::SeqCst) {
            return Err(Stop::new(Code::Cancelled, "interrupted; the tour is over", "skills tour"));
        }
        match act {
            Act::Run(command, exit) => self.step(command, exit).map(drop),
            Act::Learn(command, fact) => {
                let output = self.step(command, Exit::Done)?;
                let learnt = self.facts.learn(fact, &output);
                if learnt {
                    Ok(())
                } else {
                    Err(failed(format!("`skills {command}` did not say its digest")))
                }
            }
            Act::EditCopy => {
                let file = self.copy().join("SKILL.md");
                self.tell(&format!(
                    "somebody changes the last byte of {}",
                    text::escape(&file.to_string_lossy())
                ))?;
                edit_last_byte(&file)
            }
            Act::EditLog => {
                let file = self.scratch.home().join("audit/audit.jsonl");
                self.tell(&format!(
                    "somebody changes one byte of {}",
                    text::escape(&file.to_string_lossy())
                ))?;
                edit_log(&file)
            }
            Act::Publish => self.publish(),
            Act::Gone => {
                let copy = self.copy();
                let shown = text::escape(&copy.to_string_lossy());
                if copy.join("SKILL.md").symlink_metadata().is_ok() {
                    return Err(failed(format!("{shown} is still there")));
                }
                self.tell(&format!("the agent's folder holds no `{}`", text::escape(&self.facts.name)))
            }
        }
    }

    fn publish(&mut self) -> Result<(), Stop> {
        self.tell("upstream, somebody commits a change to the skill")?;
        #[cfg(feature = "git")]
        upstream::publish(&self.scratch.upstream())
            .map_err(|error| failed(format!("the second commit: {}", error.message())))?;
        Ok(())
    }

    fn tell(&mut self, what: &str) -> Result<(), Stop> {
        self.context.say(&format!("\n{}", paint(Tone::Careful, &format!("# {what}"))))
    }

    /// The copy in the agent's folder.
    fn copy(&self) -> PathBuf {
        self.scratch.agent().join(&self.facts.name)
    }

    /// Runs one command of the story and checks how it ends.
    fn step(&mut self, command: &str, wanted: Exit) -> Result<String, Stop> {
        let words: Vec<_> = story::words(command).iter().map(|word| self.facts.fill(word)).collect();
        let quote = |word: &String| {
            if word.contains(char::is_whitespace) { format!("\"{word}\"") } else { word.clone() }
        };
        let typed = words.iter().map(quote).collect::<Vec<_>>().join(" ");
        let line = format!("$ skills {typed}");
        self.context.say(&format!("\n{}", paint(Tone::Strong, &line)))?;
        let (found, output) = self.execute(&words, true)?;
        let wanted = i32::from(wanted as u8);
        self.commands.push(serde_json::json!({ "command": format!("skills {typed}"), "exit": found }));
        if self.interrupted.load(Ordering::SeqCst) {
            return Err(Stop::new(Code::Cancelled, "interrupted; the tour is over", "skills tour"));
        }
        if found != Some(wanted) {
            let found = found.map_or_else(|| "killed by a signal".to_owned(), |code| format!("exit {code}"));
            return Err(failed(format!(
                "`skills {typed}` ended with {found}; the story needs exit {wanted}"
            )));
        }
        if wanted != 0 {
            self.context.say(&format!("[exit {wanted}]"))?;
        }
        Ok(output)
    }

    /// Runs the program once more; both of its outputs, in the order written.
    fn execute(&mut self, words: &[String], show: bool) -> Result<(Option<i32>, String), Stop> {
        let io = |error: std::io::Error| failed(format!("the program cannot be run again: {error}"));
        let (reader, writer) = std::io::pipe().map_err(io)?;
        let mut command = Command::new(std::env::current_exe().map_err(io)?);
        command.arg("--home").arg(self.scratch.home()).arg("--no-input");
        if self.context.globals.offline {
            command.arg("--offline");
        }
        command.args(words).env_clear().stdin(Stdio::null());
        command.stdout(writer.try_clone().map_err(io)?).stderr(writer);
        let child = command.spawn().map_err(io)?;
        // Our own copies of the pipe's end go with it; else it would never end.
        drop(command);
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
        let mut output = String::new();
        let mut reader = BufReader::new(reader);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).map_err(io)? > 0 {
            let shown = String::from_utf8_lossy(&line).into_owned();
            if show {
                self.context.say(shown.trim_end_matches('\n'))?;
            }
            output.push_str(&shown);
            line.clear();
        }
        let child = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        let status = child.map(|mut child| child.wait()).transpose().map_err(io)?;
        Ok((status.and_then(|status| status.code()), output))
    }
}

/// Changes the last byte, as whoever owns the file can.
fn edit_last_byte(file: &Path) -> Result<(), Stop> {
    let edit = || {
        let mut bytes = fs::read(file)?;
        if let Some(last) = bytes.last_mut() {
            *last ^= 1;
        }
        // The mode is put back: the byte alone must be enough.
        let mode = fs::metadata(file)?.permissions();
        fs::set_permissions(file, Permissions::from_mode(0o644))?;
        fs::write(file, bytes)?;
        fs::set_permissions(file, mode)
    };
    edit().map_err(|error| failed(format!("{}: {error}", file.display())))
}

/// Changes one byte in the middle of the log: the first record's reason.
fn edit_log(file: &Path) -> Result<(), Stop> {
    let edit = || {
        let mut bytes = fs::read(file)?;
        let found = bytes.windows(10).position(|window| window == b"\"reason\":\"");
        if let Some(byte) = found.and_then(|at| bytes.get_mut(at + 10)) {
            *byte ^= 1;
        }
        fs::write(file, bytes)
    };
    edit().map_err(|error| failed(format!("{}: {error}", file.display())))
}

/// The temporary folder with everything in it.
struct Scratch(Option<tempfile::TempDir>, PathBuf);

impl Scratch {
    fn new(keep: bool) -> Result<Self, Stop> {
        let io = |error: std::io::Error| {
            Stop::new(Code::Io, format!("no temporary folder: {error}"), "free space")
        };
        let made = tempfile::Builder::new().prefix("skills-tour-").tempdir().map_err(io)?;
        // Some systems reach their temporary folder through a link.
        let path = made.path().canonicalize().map_err(io)?;
        let kept = if keep {
            let _ = made.keep();
            None
        } else {
            Some(made)
        };
        let scratch = Self(kept, path);
        fs::create_dir(scratch.agent()).map_err(io)?;
        Ok(scratch)
    }

    fn path(&self) -> &Path {
        &self.1
    }

    fn home(&self) -> PathBuf {
        self.1.join("home")
    }

    fn agent(&self) -> PathBuf {
        self.1.join("agent")
    }

    fn upstream(&self) -> PathBuf {
        self.1.join("upstream.git")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(made) = self.0.take() {
            thaw(&self.1);
            let _ = made.close();
        }
    }
}

/// Makes folders writable again: the store and the copies are read-only.
fn thaw(folder: &Path) {
    let _ = fs::set_permissions(folder, Permissions::from_mode(0o700));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        // Of the entry itself: a link is never followed out of here.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            thaw(&entry.path());
        }
    }
}
