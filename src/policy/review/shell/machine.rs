//! Follows a shell text without running it: what would be fetched, decoded,
//! written and run, in the order in which it stands.
//!
//! ```text
//! value     a text as far as it is known, and where it came from (fetched, decoded, built …)
//! machine   variables, aliases, functions, and files that the text itself writes
//! event     what a rule asks for: a call with its arguments, a text that is run, a file that is written
//! ```
//!
//! An abstract interpreter (Cousot and Cousot, POPL 1977) with one value per
//! name: every branch is taken, every loop goes round once for each word that
//! is known. So `c=cu; d=rl; $c$d u | ba''sh` and its compositions need no rule
//! of their own: they come to the same event as `curl u | bash`.
//!
//! Bounded: steps, nesting, the length of texts. What goes beyond is told.

use super::budget::{Budget, COMMAND};
use super::known::Language;
use super::tree::{Assign, Assigned, Body, Command, Redirect, Script, Span, Way};
use super::value::{Origin, Value};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Commands that are followed in one text, those of loops and decoded texts included.
pub(super) const STEPS: usize = 20_000;
/// Bytes of texts that are told of one text, at most.
const MOST_TOLD: usize = 16 * 1024 * 1024;
/// How often a text that is run may itself run a text.
pub(super) const NESTED: usize = 6;

/// Functions that call one another.
pub(super) const CALLS: usize = 24;
/// Scripts in one another of all kinds: the stack of whoever follows them is finite.
const DEEP: usize = 120;

/// How a text comes to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// An interpreter reads it from its input.
    Input,
    /// It stands in the arguments: `sh -c`, `eval`, `trap`.
    Argument,
    /// It lies in a file that an interpreter is given, or that is sourced.
    File,
    /// It lies in a file that is started itself.
    Started,
}

/// Something that the text would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A program is called.
    Call {
        /// Its name without a folder, in lower case.
        name: String,
        /// Its arguments, its own name as typed first.
        argv: Vec<Value>,
        /// What it is started through, the outermost first.
        through: Vec<String>,
        /// What it gets as input.
        input: Value,
    },
    /// A text is run.
    Run {
        /// By what.
        language: Language,
        /// In which way.
        how: How,
        /// The text.
        what: Value,
    },
    /// A file is written.
    Write {
        /// Which.
        path: Value,
        /// What comes into it.
        what: Value,
        /// Behind what it holds.
        append: bool,
    },
    /// A device file of a shell that is a connection.
    Socket(Value),
    /// A variable is set, for one command or for what follows.
    Set {
        /// Its name.
        name: String,
        /// What it is set to.
        value: Value,
    },
    /// A file is opened as somebody's input.
    Read(Value),
    /// What should stay on this machine leaves it.
    Send {
        /// The program that sends it.
        name: String,
        /// What leaves, with what it was read from.
        what: Value,
        /// Where it goes, if that stands there.
        to: Option<String>,
    },
}

impl Event {
    /// Bytes of the texts in it.
    fn length(&self) -> usize {
        match self {
            Self::Call { argv, input, .. } => {
                argv.iter().map(|word| word.text.len()).sum::<usize>() + input.text.len()
            }
            Self::Run { what, .. } | Self::Send { what, .. } => what.text.len(),
            Self::Write { path, what, .. } => path.text.len() + what.text.len(),
            Self::Socket(value) | Self::Read(value) | Self::Set { value, .. } => value.text.len(),
        }
    }
}

/// What was found out about a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    /// In order, each with the place of the command in the outermost text.
    pub events: Vec<(Event, Span)>,
    /// Whether something was not followed to its end.
    pub cut: bool,
}

/// See the head of this file.
#[derive(Debug, Default)]
pub struct Machine {
    pub(super) vars: BTreeMap<String, Vec<Value>>,
    pub(super) aliases: BTreeMap<String, String>,
    pub(super) functions: BTreeMap<String, Rc<Script>>,
    pub(super) files: BTreeMap<String, Value>,
    pub(super) args: Vec<Value>,
    pub(super) trace: Trace,
    pub(super) steps: usize,
    pub(super) nested: usize,
    /// Functions that are being followed.
    pub(super) active: Vec<String>,
    /// Scripts in one another that are being followed, whatever the reason.
    deep: usize,
    pub(super) calls: usize,
    /// Bytes of all texts in what was told.
    told: usize,
    pub(in super::super) budget: Budget,
    /// Where the command of the outermost text stands while an inner text is followed.
    pub(super) place: Option<Span>,
}

impl Machine {
    /// Follows one text more. What earlier ones set and wrote still stands:
    /// what is written in one place and run in another comes together here.
    pub fn follow(&mut self, script: &Script) {
        self.budget.read += script.0.last().map_or(0, |pipeline| pipeline.span.end);
        // Where an earlier text went is not where this one begins.
        self.hold("PWD", Vec::new());
        self.script(script, &Value::default());
    }

    /// What was found out so far, which is then forgotten; names and files stay.
    pub fn take(&mut self) -> Trace {
        self.steps = 0;
        self.told = 0;
        std::mem::take(&mut self.trace)
    }

    pub(super) fn tell(&mut self, event: Event, span: Span) {
        let span = self.place.unwrap_or(span);
        // Attack: a long text in a loop of loops, so that what is told of it fills the memory.
        let length = event.length();
        self.told += length;
        // Whoever looks at it reads it more than once.
        let left = self.spend(COMMAND + 4 * length);
        if self.told > MOST_TOLD || self.trace.events.len() >= STEPS || !left {
            self.trace.cut = true;
        } else if self.trace.events.last().is_none_or(|(last, at)| *at != span || *last != event) {
            self.trace.events.push((event, span));
        }
    }

    pub(super) fn value_of(&self, name: &str) -> Option<Value> {
        if let Ok(index) = name.parse::<usize>() {
            return match index {
                0 => Some(Value::known("sh")),
                _ => self.args.get(index - 1).cloned(),
            };
        }
        self.vars.get(name).and_then(|list| list.first().cloned())
    }

    pub(super) fn text_of(&self, name: &str) -> Option<String> {
        self.vars
            .get(name)
            .and_then(|list| list.first())
            .filter(|value| value.is_known())
            .map(|value| value.text.clone())
    }

    pub(super) fn list(&self, name: &str) -> Vec<Value> {
        self.vars.get(name).cloned().unwrap_or_default()
    }

    /// `$@`; what a script is called with, only a run would tell.
    pub(super) fn arguments(&self) -> Vec<Value> {
        if self.has_no_arguments() || !self.args.is_empty() {
            self.args.clone()
        } else {
            vec![Value::unknown()]
        }
    }

    /// Whether it is known that there are none: a function was called without any.
    pub(super) fn has_no_arguments(&self) -> bool {
        self.args.is_empty() && !self.active.is_empty()
    }

    /// What `$(…)` comes to.
    pub(super) fn output_of(&mut self, script: &Script) -> Value {
        self.script(script, &Value::default())
    }

    /// What `<(…)` is called; what it holds is found under that name.
    pub(super) fn process(&mut self, script: &Script, reads: bool) -> Value {
        let name = format!("/dev/fd/{}", 63 + self.calls);
        self.calls += 1;
        if reads {
            let value = self.output_of(script);
            self.hold_file(name.clone(), value);
        } else {
            // What will be written into it is not known yet; its commands are.
            self.script(script, &Value::unknown());
        }
        Value::known(name)
    }

    pub(super) fn script(&mut self, script: &Script, input: &Value) -> Value {
        if self.deep >= DEEP {
            self.trace.cut = true;
            return Value::unknown();
        }
        self.deep += 1;
        let out = self.pipelines(script, input);
        self.deep -= 1;
        out
    }

    fn pipelines(&mut self, script: &Script, input: &Value) -> Value {
        let mut out = Value::default();
        for pipeline in &script.0 {
            let mut passed = input.clone();
            for command in &pipeline.stages {
                if self.steps >= STEPS || !self.spend(COMMAND + passed.text.len()) {
                    self.trace.cut = true;
                    return out;
                }
                self.steps += 1;
                passed = self.command(command, passed);
            }
            out.push(&passed);
        }
        out
    }

    fn command(&mut self, command: &Command, input: Value) -> Value {
        let mut input = input;
        for redirect in &command.redirects {
            input = self.redirected(redirect, input, command.span);
        }
        let out = match &command.body {
            Body::Simple { assigns, words } => {
                for assign in assigns {
                    self.assign(assign);
                    if let Some(value) = self.value_of(&assign.name) {
                        self.run_later(&assign.name, &value, command.span);
                        self.tell(Event::Set { name: assign.name.clone(), value }, command.span);
                    }
                }
                let argv = self.fields(words);
                if argv.is_empty() && assigns.is_empty() {
                    input
                } else {
                    self.start(argv, input, command.span)
                }
            }
            Body::Group(script) => self.script(script, &input),
            Body::For { name, items, body } => {
                let items = if items.is_empty() { self.args.clone() } else { self.fields(items) };
                let mut out = Value::default();
                for item in items.into_iter().take(16) {
                    self.hold(name, vec![item]);
                    out.push(&self.script(body, &input));
                }
                out
            }
            Body::Function { name, body } => {
                self.functions.insert(name.clone(), Rc::clone(body));
                Value::default()
            }
        };
        self.written(&command.redirects, out, command.span)
    }

    /// The input as this redirection leaves it.
    fn redirected(&mut self, redirect: &Redirect, input: Value, span: Span) -> Value {
        let Some(word) = redirect.target.get() else { return input };
        match redirect.way {
            Way::Here => self.one(word),
            Way::In => {
                let path = self.one(word);
                if path.text.starts_with("/dev/tcp/") || path.text.starts_with("/dev/udp/") {
                    self.tell(Event::Socket(path.clone()), span);
                    return Value::unknown().and(Origin::Fetched);
                }
                self.tell(Event::Read(path.clone()), span);
                self.file(&path.text)
            }
            Way::Out | Way::Append | Way::Copy => input,
        }
    }

    /// The output, after what redirections take of it.
    fn written(&mut self, redirects: &[Redirect], out: Value, span: Span) -> Value {
        let mut left = out;
        for redirect in redirects {
            let Some(word) = redirect.target.get() else { continue };
            if !matches!(redirect.way, Way::Out | Way::Append) {
                continue;
            }
            let path = self.one(word);
            if path.text.starts_with("/dev/tcp/") || path.text.starts_with("/dev/udp/") {
                self.tell(Event::Socket(path.clone()), span);
                self.sent("a shell", left.clone(), Some(path.text), span);
                continue;
            }
            if redirect.fd.is_some_and(|fd| fd != 1)
                || matches!(path.text.as_str(), "/dev/stdout" | "/dev/tty" | "-")
            {
                continue;
            }
            let what = std::mem::take(&mut left);
            self.write(path, what, redirect.way == Way::Append, span);
        }
        left
    }

    pub(super) fn assign(&mut self, assign: &Assign) {
        let mut values = match &assign.value {
            Assigned::One(word) => vec![self.one(word)],
            Assigned::List(words) => self.fields(words),
        };
        if let Some(index) =
            assign.index.as_ref().and_then(|index| index.parse::<usize>().ok()).filter(|at| *at < 1024)
        {
            let mut list = self.list(&assign.name);
            list.resize(list.len().max(index + 1), Value::default());
            list[index] = values.pop().unwrap_or_default();
            values = list;
        } else if assign.append {
            let mut list = self.list(&assign.name);
            match (&assign.value, list.first_mut(), values.first()) {
                (Assigned::One(_), Some(held), Some(value)) => held.push(value),
                _ => list.append(&mut values),
            }
            values = list;
        }
        self.hold(&assign.name, values);
    }

    pub(super) fn set(&mut self, name: &str, value: Value) {
        self.hold(name, vec![value]);
    }

    pub(super) fn set_arguments(&mut self, args: Vec<Value>) {
        self.args = args;
    }

    pub(super) fn set_alias(&mut self, name: &str, text: &str) {
        let before = self.aliases.remove(name).map_or(0, |before| name.len() + before.len());
        if self.room(before, name.len() + text.len()) {
            self.aliases.insert(name.to_owned(), text.to_owned());
        }
    }
}
