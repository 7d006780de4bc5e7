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

use super::known::{self, Fetch, Language, Wrapper};
use super::read;
use super::tree::{Assign, Assigned, Body, Command, Redirect, Script, Span, Way};
use super::value::{Origin, UNKNOWN, Value};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Commands that are followed in one text, those of loops and decoded texts included.
const STEPS: usize = 20_000;
/// How often a text that is run may itself run a text.
const NESTED: usize = 6;

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
    vars: BTreeMap<String, Vec<Value>>,
    aliases: BTreeMap<String, String>,
    functions: BTreeMap<String, Rc<Script>>,
    files: BTreeMap<String, Value>,
    args: Vec<Value>,
    trace: Trace,
    steps: usize,
    nested: usize,
    calls: usize,
    /// Where the command of the outermost text stands while an inner text is followed.
    place: Option<Span>,
}

impl Machine {
    /// Follows one text more. What earlier ones set and wrote still stands:
    /// what is written in one place and run in another comes together here.
    pub fn follow(&mut self, script: &Script) {
        self.script(script, &Value::default());
    }

    /// What was found out so far, which is then forgotten; names and files stay.
    pub fn take(&mut self) -> Trace {
        self.steps = 0;
        std::mem::take(&mut self.trace)
    }

    fn tell(&mut self, event: Event, span: Span) {
        let span = self.place.unwrap_or(span);
        if self.trace.events.len() < STEPS && self.trace.events.last() != Some(&(event.clone(), span)) {
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
        self.vars.get(name).and_then(|list| list.first()).filter(|value| value.is_known()).map(|value| value.text.clone())
    }

    pub(super) fn list(&self, name: &str) -> Vec<Value> {
        self.vars.get(name).cloned().unwrap_or_default()
    }

    pub(super) fn arguments(&self) -> Vec<Value> {
        self.args.clone()
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
            self.files.insert(name.clone(), value);
        } else {
            // What will be written into it is not known yet; its commands are.
            self.script(script, &Value::unknown());
        }
        Value::known(name)
    }

    fn script(&mut self, script: &Script, input: &Value) -> Value {
        let mut out = Value::default();
        for pipeline in &script.0 {
            let mut passed = input.clone();
            for command in &pipeline.stages {
                if self.steps >= STEPS {
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
                }
                let argv = self.fields(words);
                if argv.is_empty() && assigns.is_empty() { input } else { self.start(argv, input, command.span) }
            }
            Body::Group(script) => self.script(script, &input),
            Body::For { name, items, body } => {
                let items = if items.is_empty() { self.args.clone() } else { self.fields(items) };
                let mut out = Value::default();
                for item in items.into_iter().take(16) {
                    self.vars.insert(name.clone(), vec![item]);
                    out.push(&self.script(body, &input));
                }
                out
            }
            Body::Function { name, body } => {
                self.functions.insert(name.clone(), Rc::new(body.clone()));
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
                continue;
            }
            if redirect.fd.is_some_and(|fd| fd != 1) || matches!(path.text.as_str(), "/dev/stdout" | "/dev/tty" | "-") {
                continue;
            }
            let what = std::mem::take(&mut left);
            self.write(path, what, redirect.way == Way::Append, span);
        }
        left
    }

    pub(super) fn write(&mut self, path: Value, what: Value, append: bool, span: Span) {
        if !matches!(path.text.as_str(), "/dev/null" | "") {
            let mut held = if append { self.files.get(&plain_path(&path.text)).cloned() } else { None }.unwrap_or_default();
            held.push(&what);
            self.files.insert(plain_path(&path.text), held);
            self.tell(Event::Write { path, what, append }, span);
        }
    }

    /// What a file holds, as far as this text wrote it.
    pub(super) fn file(&self, path: &str) -> Value {
        self.files.get(&plain_path(path)).cloned().unwrap_or_else(Value::unknown)
    }

    /// Whether this text brought that file: itself, or unpacked it out of what it brought.
    fn brought(&self, path: &str) -> Option<Value> {
        let known = self.files.get(&plain_path(path)).cloned();
        known.or_else(|| self.files.get("*").filter(|_| !path.starts_with('/') && !path.starts_with('$')).cloned())
    }

    pub(super) fn assign(&mut self, assign: &Assign) {
        let mut values = match &assign.value {
            Assigned::One(word) => vec![self.one(word)],
            Assigned::List(words) => self.fields(words),
        };
        if let Some(index) = assign.index.as_ref().and_then(|index| index.parse::<usize>().ok()).filter(|at| *at < 1024) {
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
        self.vars.insert(assign.name.clone(), values);
    }

    pub(super) fn set(&mut self, name: &str, value: Value) {
        self.vars.insert(name.to_owned(), vec![value]);
    }

    pub(super) fn set_arguments(&mut self, args: Vec<Value>) {
        self.args = args;
    }

    pub(super) fn set_alias(&mut self, name: &str, text: &str) {
        self.aliases.insert(name.to_owned(), text.to_owned());
    }

    /// What was unpacked out of an archive, whose names are not known.
    pub(super) fn unpacked(&mut self, what: Value) {
        if !what.from.kinds.is_empty() {
            self.files.insert("*".to_owned(), what);
        }
    }

    /// Fields become a call: aliases and functions first.
    fn start(&mut self, argv: Vec<Value>, input: Value, span: Span) -> Value {
        let Some(first) = argv.first() else { return Value::default() };
        if let Some(text) = self.aliases.get(&first.text).cloned().filter(|_| self.nested < NESTED) {
            let reading = read::read(&text);
            let simple = match reading.script.0.as_slice() {
                [pipeline] => match pipeline.stages.as_slice() {
                    [Command { body: Body::Simple { words, .. }, redirects, .. }] if redirects.is_empty() => Some(words.clone()),
                    _ => None,
                },
                _ => None,
            };
            let Some(words) = simple else { return self.inner(&reading.script, &input, span) };
            let mut all = self.fields(&words);
            all.extend(argv.into_iter().skip(1));
            return self.call(all, input, span, Vec::new());
        }
        if let Some(body) = self.functions.get(&first.text).cloned().filter(|_| self.nested < NESTED) {
            let args = std::mem::replace(&mut self.args, argv[1..].to_vec());
            self.nested += 1;
            let out = self.script(&body, &input);
            self.nested -= 1;
            self.args = args;
            return out;
        }
        self.call(argv, input, span, Vec::new())
    }

    /// A script that is run for another command, at that command's place.
    fn inner(&mut self, script: &Script, input: &Value, span: Span) -> Value {
        if self.nested >= NESTED {
            self.trace.cut = true;
            return Value::unknown();
        }
        let outer = self.place;
        self.place = Some(outer.unwrap_or(span));
        self.nested += 1;
        let out = self.script(script, input);
        self.nested -= 1;
        self.place = outer;
        out
    }

    /// A program is called, through whatever stands before it.
    fn call(&mut self, argv: Vec<Value>, input: Value, span: Span, through: Vec<String>) -> Value {
        let Some(first) = argv.first() else { return Value::default() };
        let name = program(&first.text);
        self.tell(
            Event::Call { name: name.clone(), argv: argv.clone(), through: through.clone(), input: input.clone() },
            span,
        );
        if let Some(wrapper) = known::wrapper(&name)
            && through.len() < 8
        {
            return self.wrapped(wrapper, &name, argv, input, span, through);
        }
        if let Some(out) = self.builtin(&name, &argv, &input, span) {
            return out;
        }
        if let Some(language) = known::interpreter(&name) {
            return self.interpret(language, &argv, input, span);
        }
        if let Some(fetch) = known::fetcher(&name) {
            return self.fetched(fetch, &name, &argv, input, span);
        }
        if let Some(out) = super::tools::output(self, &name, &argv, &input, span) {
            return out;
        }
        if matches!(name.as_str(), "find" | "fd")
            && let Some(at) = argv.iter().position(|word| matches!(word.text.as_str(), "-exec" | "-execdir" | "-ok" | "-x" | "--exec"))
            && through.len() < 8
        {
            let inner: Vec<Value> =
                argv[at + 1..].iter().take_while(|word| !matches!(word.text.as_str(), ";" | "+")).cloned().collect();
            let through = through.into_iter().chain([name]).collect();
            return self.call(inner, input, span, through);
        }
        if let Some(what) = Some(&first.text).filter(|text| text.contains('/') || self.files.contains_key(*text)) {
            let what = self.brought(what).unwrap_or_default();
            if !what.from.kinds.is_empty() || what.text.starts_with("#!") {
                self.tell(Event::Run { language: Language::Other, how: How::Started, what }, span);
            }
        }
        input.with_text(UNKNOWN)
    }

    fn wrapped(
        &mut self,
        wrapper: Wrapper,
        name: &str,
        argv: Vec<Value>,
        input: Value,
        span: Span,
        mut through: Vec<String>,
    ) -> Value {
        let mut rest = argv.into_iter().skip(1).peekable();
        let mut pattern = None;
        while let Some(option) = rest.next_if(|word| {
            (word.text.starts_with('-') && word.text.len() > 1) || (name == "env" && is_setting(&word.text))
        }) {
            let split = name == "env" && (option.text.starts_with("-S") || option.text == "--split-string");
            if split {
                let mut text = option.text.trim_start_matches("-S").trim_start_matches("--split-string").to_owned();
                text.push(' ');
                for word in rest.by_ref() {
                    text.push_str(&word.text);
                    text.push(' ');
                }
                return self.run(Language::Shell, How::Argument, option.with_text(text), input, span);
            }
            if option.text.starts_with("-I") || option.text.starts_with("-i") && name == "xargs" {
                pattern = Some(option.text[2..].to_owned()).filter(|text| !text.is_empty());
            }
            if let Some((setting, value)) = option.text.split_once('=').filter(|_| !option.text.starts_with('-')) {
                let value = option.with_text(value);
                let setting = setting.to_owned();
                self.set(&setting, value);
            }
            if known::takes_value(name, &option.text) {
                let value = rest.next();
                if option.text == "-I" {
                    pattern = value.map(|value| value.text);
                }
            }
        }
        if let Wrapper::Words(count) = wrapper {
            for _ in 0..count {
                rest.next();
            }
        }
        let mut inner: Vec<Value> = rest.collect();
        if wrapper == Wrapper::Input {
            match &pattern {
                Some(pattern) => {
                    for word in &mut inner {
                        if word.text.contains(pattern.as_str()) {
                            let text = word.text.replace(pattern.as_str(), input.text.trim());
                            word.from.add(&input.from);
                            word.text = text;
                        }
                    }
                }
                None => inner.extend(words_of(&input)),
            }
        }
        if inner.is_empty() {
            // `sudo -s`, `env` alone.
            let shell = matches!(name, "sudo" | "doas");
            return if shell { self.run(Language::Shell, How::Input, input, Value::default(), span) } else { Value::unknown() };
        }
        through.push(name.to_owned());
        self.call(inner, input, span, through)
    }

    /// What a shell does itself.
    fn builtin(&mut self, name: &str, argv: &[Value], input: &Value, span: Span) -> Option<Value> {
        let rest = argv.get(1..).unwrap_or_default();
        match name {
            "eval" | "iex" | "invoke-expression" => {
                let mut what = joined(rest);
                if rest.is_empty() {
                    what = input.clone();
                }
                let language = if name == "eval" { Language::Shell } else { Language::PowerShell };
                Some(self.run(language, How::Argument, what, input.clone(), span))
            }
            "source" | "." => {
                let path = rest.first()?;
                let what = if is_input(&path.text) { input.clone() } else { self.brought(&path.text).unwrap_or_default() };
                Some(self.run(Language::Shell, How::File, what, Value::default(), span))
            }
            "trap" => Some(self.run(Language::Shell, How::Argument, rest.first()?.clone(), Value::default(), span)),
            "export" | "declare" | "local" | "readonly" | "typeset" | "set" | "alias" => {
                for word in rest {
                    if let Some((left, right)) = word.text.split_once('=') {
                        match name {
                            "alias" => self.set_alias(left, right),
                            _ => self.set(left, word.with_text(right)),
                        }
                    }
                }
                if name == "set" && rest.first().is_some_and(|word| word.text == "--") {
                    self.set_arguments(rest[1..].to_vec());
                }
                Some(Value::default())
            }
            "read" | "mapfile" | "readarray" => {
                for word in rest.iter().filter(|word| !word.text.starts_with('-')) {
                    self.set(&word.text, input.clone());
                }
                if !rest.iter().any(|word| !word.text.starts_with('-')) {
                    self.set(if name == "read" { "REPLY" } else { "MAPFILE" }, input.clone());
                }
                Some(Value::default())
            }
            "cd" | "pushd" | "popd" | "shift" | "unset" | "true" | "false" | ":" | "test" | "[" | "[[" | "exit" | "return"
            | "wait" | "sleep" | "mkdir" | "touch" => Some(Value::default()),
            _ => None,
        }
    }

    fn interpret(&mut self, language: Language, argv: &[Value], input: Value, span: Span) -> Value {
        let mut rest = argv.get(1..).unwrap_or_default().iter();
        while let Some(word) = rest.next() {
            let text = word.text.as_str();
            if language == Language::PowerShell && is_encoded(text) {
                let what = rest.next().cloned().unwrap_or_default();
                return self.run(language, How::Argument, super::tools::utf16(&what), input, span);
            }
            if known::inline_option(language, text) {
                let what = match language {
                    Language::PowerShell => joined(&rest.cloned().collect::<Vec<_>>()),
                    _ => rest.next().cloned().unwrap_or_default(),
                };
                return self.run(language, How::Argument, what, input, span);
            }
            if text == "-s" || text == "-" || is_input(text) {
                return self.run(language, How::Input, input, Value::default(), span);
            }
            if language == Language::Python && text == "-m" || matches!(text, "--version" | "-V" | "--help") {
                let module = rest.next().map_or("", |word| &word.text).to_owned();
                return super::tools::module(&module, rest.as_slice(), &input);
            }
            if text.starts_with('-') || (language == Language::JavaScript && matches!(text, "run" | "exec")) {
                if matches!(text, "-o" | "-O" | "--rcfile" | "--init-file" | "-W" | "-X" | "-r" | "--require" | "-ExecutionPolicy") {
                    rest.next();
                }
                continue;
            }
            let what = self.brought(text).unwrap_or_default();
            return self.run(language, How::File, what, input, span);
        }
        self.run(language, How::Input, input, Value::default(), span)
    }

    /// A text is run: told, and followed if it is a shell's.
    fn run(&mut self, language: Language, how: How, what: Value, input: Value, span: Span) -> Value {
        if what.text.is_empty() && what.from.kinds.is_empty() {
            return input.with_text(UNKNOWN);
        }
        self.tell(Event::Run { language, how, what: what.clone() }, span);
        if language != Language::Shell {
            return super::tools::inline_output(&what, &input);
        }
        let reading = read::read(&what.text);
        let mut out = self.inner(&reading.script, &input, span);
        out.from.add(&what.from);
        out
    }

    fn fetched(&mut self, fetch: Fetch, name: &str, argv: &[Value], input: Value, span: Span) -> Value {
        let mut value = Value::unknown().and(if fetch == Fetch::Dns { Origin::Dns } else { Origin::Fetched });
        let (mut file, mut named, mut url) = (None, fetch == Fetch::File, None);
        let mut rest = argv.iter().skip(1).peekable();
        while let Some(word) = rest.next() {
            let text = word.text.as_str();
            value.from.add(&word.from);
            let attached = |short: &str| text.strip_prefix(short).filter(|rest| !rest.is_empty() && !text.starts_with("--"));
            if known::output_option(name, text) {
                file = rest.next().cloned();
            } else if let Some((option, path)) = text.split_once('=').filter(|(option, _)| known::output_option(name, option)) {
                let _ = option;
                file = Some(word.with_text(path));
            } else if let Some(path) = attached(if name.starts_with("wget") { "-O" } else { "-o" }) {
                file = Some(word.with_text(path));
            } else if name == "curl" && (text == "--remote-name" || is_short(text, 'O')) {
                named = true;
            } else if is_short(text, if name.starts_with("wget") { 'O' } else { 'o' }) && text.len() > 2 {
                // `-fsSLo file`, `-qO-`
                let letter = if name.starts_with("wget") { 'O' } else { 'o' };
                let behind = text.split_once(letter).map_or("", |(_, behind)| behind);
                file = if behind.is_empty() { rest.next().cloned() } else { Some(word.with_text(behind)) };
            } else if !text.starts_with('-') && url.is_none() && (text.contains('.') || text.contains('/') || text.contains(UNKNOWN)) {
                url = Some(text.to_owned());
            }
        }
        if let Some(url) = &url {
            value.from.urls.insert(url.chars().take(300).collect());
        }
        let _ = input;
        let file = file.or_else(|| {
            let url = url.as_deref()?.split(['?', '#']).next()?.trim_end_matches('/');
            named.then(|| Value::known(url.rsplit('/').next().unwrap_or("index.html")))
        });
        match file {
            Some(path) if !matches!(path.text.as_str(), "-" | "/dev/stdout") => {
                self.write(path, value, false, span);
                Value::default()
            }
            _ => value,
        }
    }
}

/// The name of a program: no folder, no case, no ending; a pattern for the first that it fits.
fn program(text: &str) -> String {
    let name = text.rsplit(['/', '\\']).next().unwrap_or_default().to_lowercase();
    let name = name.strip_suffix(".exe").unwrap_or(&name).to_owned();
    let letters = name.chars().filter(char::is_ascii_alphanumeric).count();
    if !name.contains(['?', '*', '[']) || letters < 2 || (letters < 3 && !text.contains('/')) {
        return name;
    }
    known::PATTERNED.iter().find(|known| super::tools::fits(&name, known)).map_or(name, |known| (*known).to_owned())
}

fn is_setting(text: &str) -> bool {
    text.split_once('=').is_some_and(|(name, _)| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
}

fn is_short(text: &str, letter: char) -> bool {
    text.starts_with('-') && !text.starts_with("--") && text.contains(letter)
}

fn is_encoded(option: &str) -> bool {
    let low = option.to_ascii_lowercase();
    matches!(low.as_str(), "-e" | "-ec" | "-enc") || (low.len() > 3 && "-encodedcommand".starts_with(&low))
}

/// The names under which a program's own input can be opened.
fn is_input(path: &str) -> bool {
    matches!(path, "/dev/stdin" | "/dev/fd/0" | "/proc/self/fd/0" | "/proc/$$/fd/0")
}

fn plain_path(path: &str) -> String {
    path.trim_start_matches("./").to_owned()
}

fn joined(words: &[Value]) -> Value {
    let mut out = Value::default();
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            out.push_text(" ");
        }
        out.push(word);
    }
    out
}

fn words_of(value: &Value) -> Vec<Value> {
    value.text.split_whitespace().take(64).map(|word| value.with_text(word)).collect()
}
