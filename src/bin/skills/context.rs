//! What a command gets: the world, the flags that all commands share, and
//! where to write and ask. The only reader of the environment.

use super::layout;
use super::prompt::{self, Terminal};
use super::render::{self, Color, Out};
use skill_trust::model::agent;
use skill_trust::model::code::{Code, Exit, Stop};
use skill_trust::model::text;
use skill_trust::ops::{self, Ask, Question, World};
use skill_trust::system::clock::Clock;
use std::path::PathBuf;

/// Flags of every command.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Globals {
    /// Use another home; no environment variable can
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    /// One JSON document on standard output; everything else on standard error
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
    /// Contact nobody
    #[arg(long, global = true)]
    pub(crate) offline: bool,
    /// Ask nothing: what needs a person exits 4
    #[arg(long, global = true)]
    pub(crate) no_input: bool,
    /// Say more
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// Say only results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
}

/// What a command works with.
pub(crate) struct Context {
    /// The world.
    pub(crate) world: World,
    /// The shared flags.
    pub(crate) globals: Globals,
    /// Where to write.
    pub(crate) out: Out,
}

/// How a command ends: done with some exit code, or stopped.
pub(crate) type Ended = Result<Exit, Stop>;

impl Context {
    /// Builds it from flags, account and environment.
    pub(crate) fn new(globals: Globals) -> Result<Self, Stop> {
        let mut world = World::usual("cli");
        if let Some(home) = &globals.home {
            world.home = absolute(home)?;
        }
        world.agent = detect_agent();
        if world.home.as_os_str().is_empty() {
            let what = "this account has no home folder in the account database";
            return Err(Stop::new(Code::Usage, what, "name a home: --home DIR"));
        }
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let term = std::env::var("TERM").ok();
        let out = Out::standard(globals.color, no_color, term.as_deref());
        Ok(Self { world, globals, out })
    }

    /// Now, as the world has it.
    pub(crate) fn now(&self) -> skill_trust::model::time::Timestamp {
        let clock: Clock = self.world.clock;
        clock.now()
    }

    /// Writes a result for people; nothing with `--json`.
    pub(crate) fn say(&mut self, text: &str) -> Result<(), Stop> {
        if self.globals.json { Ok(()) } else { self.out.say(text).map_err(|error| output_stop(&error)) }
    }

    /// Writes a remark to standard error, unless quiet.
    pub(crate) fn note(&mut self, text: &str) -> Result<(), Stop> {
        if self.globals.quiet { Ok(()) } else { self.out.note(text).map_err(|error| output_stop(&error)) }
    }

    /// Writes what went wrong to standard error, quiet or not: `-q` leaves
    /// results and errors.
    pub(crate) fn fault(&mut self, text: &str) -> Result<(), Stop> {
        self.out.note(text).map_err(|error| output_stop(&error))
    }

    /// Writes the one JSON document, if it was asked for. `schema` is the part
    /// after `skill-trust/`.
    pub(crate) fn json(&mut self, schema: &str, document: serde_json::Value) -> Result<(), Stop> {
        if !self.globals.json {
            return Ok(());
        }
        let mut tagged = serde_json::json!({ "schema": format!("skill-trust/{schema}") });
        if let (Some(to), serde_json::Value::Object(from)) = (tagged.as_object_mut(), document) {
            to.extend(from);
        }
        self.out.raw(&visible_json(&tagged.to_string())).map_err(|error| output_stop(&error))
    }

    /// Writes a line of a stream of JSON documents, as it is.
    pub(crate) fn raw(&mut self, line: &str) -> Result<(), Stop> {
        self.out.raw(line).map_err(|error| output_stop(&error))
    }

    /// From here on, what is longer than the screen goes through a pager: on a
    /// terminal, with a person before it who may be asked for keys.
    pub(crate) fn page(&mut self) {
        if self.world.agent.is_none() && !self.globals.no_input && !self.globals.json {
            let term = std::env::var("TERM").ok();
            self.out.page(term.as_deref());
        }
    }

    /// Shows what is left of it, and waits until it was read.
    pub(crate) fn page_end(&mut self) -> Result<(), Stop> {
        self.out.page_end().map_err(|error| output_stop(&error))
    }

    /// The folders in which programs are looked for, and this program.
    pub(crate) fn program(&self) -> (Vec<PathBuf>, Option<PathBuf>) {
        let path = std::env::var_os("PATH").unwrap_or_default();
        (std::env::split_paths(&path).collect(), std::env::current_exe().ok())
    }

    /// Whether there is a terminal to ask at.
    pub(crate) fn has_terminal(&self) -> bool {
        Terminal::open().is_ok()
    }

    /// Somebody to ask, if there is a terminal and asking is allowed.
    pub(crate) fn person(&self) -> Box<dyn Ask> {
        match (self.globals.no_input, Terminal::open()) {
            (false, Ok(terminal)) => Box::new(Person(terminal)),
            _ => Box::new(ops::Nobody),
        }
    }
}

/// JSON text in which every hidden character is a JSON escape. The same value
/// to a program, and harmless in a terminal; they stand inside strings only.
pub(crate) fn visible_json(json: &str) -> String {
    if !json.chars().any(text::is_hidden) {
        return json.to_owned();
    }
    let mut out = String::with_capacity(json.len() + 64);
    for c in json.chars() {
        if text::is_hidden(c) {
            let mut units = [0; 2];
            out.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    out
}

fn output_stop(error: &std::io::Error) -> Stop {
    Stop::new(
        Code::Io,
        format!("the output cannot be written: {error}"),
        "look where the output goes, then run it again",
    )
}

/// A typed path as an absolute one, without resolving links.
pub(crate) fn absolute(path: &std::path::Path) -> Result<PathBuf, Stop> {
    std::path::absolute(path).map_err(|error| {
        Stop::new(Code::Usage, format!("{}: {error}", path.display()), "name it by its full path")
    })
}

/// The agent in whose environment we run. A speed bump, not a wall: the wall
/// is that an agent has no terminal to type a name at.
fn detect_agent() -> Option<&'static str> {
    let set = |mark: &str| std::env::var_os(mark).is_some_and(|value| !value.is_empty());
    let known = agent::AGENTS.iter().find(|agent| agent.marks.iter().any(|mark| set(mark)));
    let shared = || agent::SHARED_MARKS.iter().any(|mark| set(mark)).then_some("an agent");
    known.map(|agent| agent.title).or_else(shared)
}

/// A person at the controlling terminal.
struct Person(Terminal);

impl Ask for Person {
    fn ask(&mut self, shown: &str, question: &Question) -> ops::Answer {
        let columns = self.0.columns();
        // Questions have no colours: the terminal that is asked may not be the one written to.
        let fit = |text: &str| render::plain(&layout::fit(&render::guarded(text), columns));
        let shown = if shown.is_empty() { String::new() } else { format!("{}\n", fit(shown)) };
        let rule = match question {
            Question::Confirm(_) => "",
            Question::Type { .. } => "Only the exact words are a yes; Enter alone is a no.\n",
        };
        if self.0.tell(&format!("{shown}{rule}")).is_err() {
            return ops::Answer::No;
        }
        let answer = match question {
            Question::Confirm(text) => self.0.confirm(&fit(text)),
            Question::Type { prompt, expected } => self.0.typed(&fit(&format!("{prompt}:")), expected),
        };
        match answer {
            prompt::Answer::Yes => ops::Answer::Yes,
            prompt::Answer::No => ops::Answer::No,
        }
    }
}
