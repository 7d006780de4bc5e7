//! Follows a call: aliases and functions, what stands in front of a program, what a
//! shell does itself, and then the program, as far as it is known.

use super::super::code;
use super::budget::READ;
use super::known::{self, Language, Wrapper};
use super::machine::{CALLS, Event, How, Machine, NESTED};
use super::read;
use super::run::is_input;
use super::tree::{Body, Command, Fault, Span};
use super::value::{Origin, UNKNOWN, Value};

/// How often a function that calls itself is followed in itself.
const AGAIN: usize = 3;

impl Machine {
    /// Fields become a call: aliases and functions first.
    pub(super) fn start(&mut self, argv: Vec<Value>, input: Value, span: Span) -> Value {
        let Some(first) = argv.first() else { return Value::default() };
        if let Some(text) = self.aliases.get(&first.text).cloned() {
            if self.nested >= NESTED {
                self.trace.cut = true;
                return Value::unknown();
            }
            // Attack: a long alias that is called over and over; reading it is work too.
            self.steps += text.len() / 64;
            if !self.spend(READ * text.len()) {
                return Value::unknown();
            }
            let reading = read::read(&text);
            self.trace.cut |= reading.faults.iter().any(|(fault, _)| *fault == Fault::Deep);
            let simple = match reading.script.0.as_slice() {
                [pipeline] => match pipeline.stages.as_slice() {
                    [Command { body: Body::Simple { words, .. }, redirects, .. }] if redirects.is_empty() => {
                        Some(words.clone())
                    }
                    _ => None,
                },
                _ => None,
            };
            let Some(words) = simple else { return self.inner(&reading.script, &input, span) };
            let mut all = self.fields(&words);
            let same = all.first().is_some_and(|word| word.text == first.text);
            all.extend(argv.into_iter().skip(1));
            if same {
                return self.call(all, input, span, Vec::new());
            }
            // What an alias stands for may be an alias or a function.
            self.nested += 1;
            let out = self.start(all, input, span);
            self.nested -= 1;
            return out;
        }
        if let Some(body) = self.functions.get(&first.text).cloned() {
            let again = self.active.iter().filter(|name| **name == first.text).count();
            if again >= AGAIN || self.active.len() >= CALLS {
                // One that calls itself has been followed already; a long chain has not.
                self.trace.cut |= again < AGAIN;
                return Value::unknown();
            }
            self.active.push(first.text.clone());
            let args = std::mem::replace(&mut self.args, argv[1..].to_vec());
            let out = self.script(&body, &input);
            self.active.pop();
            self.args = args;
            return out;
        }
        self.call(argv, input, span, Vec::new())
    }

    /// A program is called, through whatever stands before it.
    fn call(&mut self, argv: Vec<Value>, input: Value, span: Span, through: Vec<String>) -> Value {
        let Some(first) = argv.first() else { return Value::default() };
        let name = program(&first.text);
        self.tell(
            Event::Call {
                name: name.clone(),
                argv: argv.clone(),
                through: through.clone(),
                input: input.clone(),
            },
            span,
        );
        if let Some(wrapper) = known::wrapper(&name) {
            if through.len() < 8 {
                return self.wrapped(wrapper, &name, argv, input, span, through);
            }
            // Attack: a shell behind nine `sudo`, where nobody follows any more.
            self.trace.cut = true;
        }
        if let Some(out) = self.builtin(&name, &argv, &input, span) {
            return out;
        }
        if let Some(out) = self.by_others(&name, &argv, &input, span) {
            return out;
        }
        if let Some(language) = known::interpreter(&name) {
            return self.interpret(language, &argv, input, span);
        }
        if let Some(fetch) = known::fetcher(&name) {
            return self.fetched(fetch, &name, &argv, input, span);
        }
        if let Some((what, to)) = super::net::by_other(self, &name, &argv, &input) {
            self.sent(&name, what, to, span);
            return Value::unknown();
        }
        if let Some(out) = super::tools::output(self, &name, &argv, &input, span) {
            return out;
        }
        if let Some(out) = super::secrets::passed_on(self, &name, &argv, &input, span) {
            return out;
        }
        if let Some(inner) = given_to_find(&name, &argv) {
            if through.len() >= 8 {
                self.trace.cut = true;
                return Value::unknown();
            }
            let through = through.into_iter().chain([name]).collect();
            return self.call(inner, input, span, through);
        }
        self.started(&first.text, span);
        self.by_windows(&name, &argv, span);
        input.with_text(UNKNOWN)
    }

    /// Programs of Windows that run what an address holds, and `start`.
    fn by_windows(&mut self, name: &str, argv: &[Value], span: Span) {
        let operands = argv.get(1..).unwrap_or_default();
        match name {
            "mshta" | "regsvr32" | "rundll32" | "msiexec" | "wscript" | "cscript" => {
                let address = |word: &&Value| word.text.contains("://");
                if let Some(word) = operands.iter().find(address) {
                    let mut what = Value::unknown().and(Origin::Fetched);
                    let at = word.text.find("http").unwrap_or(0);
                    what.from.urls.insert(word.text[at..].chars().take(300).collect());
                    self.tell(Event::Run { language: Language::Other, how: How::Started, what }, span);
                }
            }
            "start" => operands.iter().for_each(|word| self.started(&word.text, span)),
            _ => {}
        }
    }

    /// A file that this text brought is started, if it is one.
    fn started(&mut self, path: &str, span: Span) {
        if !path.contains('/') && !self.files.contains_key(path) {
            return;
        }
        let what = self.brought(path).unwrap_or_default();
        if !what.from.kinds.is_empty() || what.text.starts_with("#!") {
            self.tell(Event::Run { language: Language::Other, how: How::Started, what }, span);
        }
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
        let (mut pattern, mut between) = (None, None);
        while let Some(option) = rest.next_if(|word| {
            (word.text.starts_with('-') && word.text.len() > 1) || (name == "env" && is_setting(&word.text))
        }) {
            if name == "env" && (option.text.starts_with("-S") || option.text == "--split-string") {
                let text = option.text.trim_start_matches("-S").trim_start_matches("--split-string");
                return self.split(option.with_text(text), rest.collect(), input, span);
            }
            if option.text.starts_with("-I") || option.text.starts_with("-i") && name == "xargs" {
                pattern = Some(option.text[2..].to_owned()).filter(|text| !text.is_empty());
            }
            if let Some((setting, value)) =
                option.text.split_once('=').filter(|_| !option.text.starts_with('-'))
            {
                self.set_aloud(setting, option.with_text(value), span);
            }
            if matches!(option.text.as_str(), "-0" | "--null") || is_bundle_of(&option.text, '0') {
                between = Some("\0".to_owned());
            } else if let Some(mark) = option.text.strip_prefix("--delimiter=") {
                between = Some(mark.to_owned());
            }
            if known::takes_value(name, &option.text) {
                let value = rest.next().map(|value| value.text);
                match option.text.as_str() {
                    "-I" => pattern = value,
                    "-d" => between = value,
                    _ => {}
                }
            }
        }
        let skip = if let Wrapper::Words(count) = wrapper { count } else { 0 };
        let mut inner: Vec<Value> = rest.skip(skip).collect();
        if wrapper == Wrapper::Input {
            with_input(&mut inner, pattern.as_deref(), between.as_deref(), &input);
        }
        if inner.is_empty() {
            return match name {
                // `sudo -s`: a shell of its own.
                "sudo" | "doas" => self.run(Language::Shell, How::Input, input, Value::default(), span),
                "env" => Value::unknown().and(Origin::Environment),
                _ => Value::unknown(),
            };
        }
        through.push(name.to_owned());
        self.call(inner, input, span, through)
    }

    /// `env -S 'sh -c' TEXT`: the first text is split into words, what stands behind is not.
    fn split(&mut self, text: Value, mut behind: Vec<Value>, input: Value, span: Span) -> Value {
        let mut text = text;
        if text.text.trim().is_empty() && !behind.is_empty() {
            text = behind.remove(0);
        }
        for word in &behind {
            text.push_text(" ");
            text.push(&word.with_text(code::quoted(&word.text)));
        }
        self.run(Language::Shell, How::Argument, text, input, span)
    }

    /// What a shell does itself.
    fn builtin(&mut self, name: &str, argv: &[Value], input: &Value, span: Span) -> Option<Value> {
        let rest = argv.get(1..).unwrap_or_default();
        match name {
            "eval" | "iex" | "invoke-expression" => {
                let what = if rest.is_empty() { input.clone() } else { joined(rest) };
                let language = if name == "eval" { Language::Shell } else { Language::PowerShell };
                Some(self.run(language, How::Argument, what, input.clone(), span))
            }
            "source" | "." => {
                let path = rest.first()?;
                let brought = || self.brought(&path.text).unwrap_or_default();
                let what = if is_input(&path.text) { input.clone() } else { brought() };
                Some(self.run(Language::Shell, How::File, what, Value::default(), span))
            }
            "trap" => {
                Some(self.run(Language::Shell, How::Argument, rest.first()?.clone(), Value::default(), span))
            }
            "export" | "declare" | "local" | "readonly" | "typeset" | "set" | "alias" => {
                Some(self.declared(name, rest, span))
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
            "cd" | "pushd" => {
                let to = rest.iter().find(|word| !word.text.starts_with('-') && !word.text.is_empty());
                match to.filter(|to| to.is_known()).map(|to| self.placed_at(to.clone())) {
                    Some(folder) => self.set("PWD", folder),
                    None => self.hold("PWD", Vec::new()),
                }
                Some(Value::default())
            }
            "popd" | "shift" | "unset" | "true" | "false" | ":" | "test" | "[" | "[[" | "exit" | "return"
            | "wait" | "sleep" | "mkdir" | "touch" => Some(Value::default()),
            _ => None,
        }
    }

    /// `export`, `declare`, `set`, `alias` and their kin: what they set, and what they print.
    fn declared(&mut self, name: &str, rest: &[Value], span: Span) -> Value {
        for word in rest {
            match word.text.split_once('=') {
                Some((left, right)) if name == "alias" => self.set_alias(left, right),
                Some((left, right)) => self.set_aloud(left, word.with_text(right), span),
                None => {}
            }
        }
        if name == "set" && rest.first().is_some_and(|word| word.text == "--") {
            self.set_arguments(rest[1..].to_vec());
        }
        let lists = match name {
            "export" | "declare" | "typeset" => {
                rest.iter().all(|word| matches!(word.text.as_str(), "-p" | "-x" | "-xp"))
            }
            "set" => rest.is_empty(),
            _ => false,
        };
        if lists { Value::unknown().and(Origin::Environment) } else { Value::default() }
    }

    /// Sets a variable, and tells it.
    fn set_aloud(&mut self, name: &str, value: Value, span: Span) {
        self.tell(Event::Set { name: name.to_owned(), value: value.clone() }, span);
        self.run_later(name, &value, span);
        self.set(name, value);
    }
}

/// The command that `find` is told to run.
fn given_to_find(name: &str, argv: &[Value]) -> Option<Vec<Value>> {
    if !matches!(name, "find" | "fd") {
        return None;
    }
    let starts = |word: &Value| matches!(word.text.as_str(), "-exec" | "-execdir" | "-ok" | "-x" | "--exec");
    let at = argv.iter().position(starts)?;
    let behind = argv.get(at + 1..)?;
    Some(behind.iter().take_while(|word| !matches!(word.text.as_str(), ";" | "+")).cloned().collect())
}

/// The words that `xargs` makes of its input, in their place.
fn with_input(inner: &mut Vec<Value>, pattern: Option<&str>, between: Option<&str>, input: &Value) {
    let Some(pattern) = pattern else { return inner.extend(words_of(input, between)) };
    for word in inner {
        if word.text.contains(pattern) {
            *word = word.replaced(pattern, input.text.trim(), true);
            word.from.add(&input.from);
        }
    }
}

/// The name of a program: no folder, no case, no ending; a pattern for the first that it fits.
fn program(text: &str) -> String {
    let name = text.rsplit(['/', '\\']).next().unwrap_or_default().to_lowercase();
    let name = name.strip_suffix(".exe").unwrap_or(&name).to_owned();
    // `**[Strength]**` is no pattern for a program: what stands in brackets counts for one letter.
    let (mut letters, mut inside) = (0, false);
    for c in name.chars() {
        inside = c == '[' || inside && c != ']';
        letters += usize::from(c == ']' || !inside && c.is_ascii_alphanumeric());
    }
    if !name.contains(['?', '*', '[']) || letters < 2 || (letters < 3 && !text.contains('/')) {
        return name;
    }
    known::PATTERNED
        .iter()
        .find(|known| super::tools::fits(&name, known))
        .map_or(name, |known| (*known).to_owned())
}

fn is_setting(text: &str) -> bool {
    text.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

pub(super) fn joined(words: &[Value]) -> Value {
    let mut out = Value::default();
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            out.push_text(" ");
        }
        out.push(word);
    }
    out
}

/// Words as `xargs` reads them: up to a mark, or up to a blank that is not quoted.
fn words_of(value: &Value, between: Option<&str>) -> Vec<Value> {
    if let Some(mark) =
        between.map(|mark| super::escapes::unescape(mark, true)).filter(|mark| !mark.is_empty())
    {
        let parts = value.text.split(mark.as_str()).filter(|part| !part.is_empty());
        return parts.take(64).map(|part| value.with_text(part)).collect();
    }
    let (mut all, mut now, mut open, mut chars) = (Vec::new(), None::<String>, None, value.text.chars());
    while let Some(c) = chars.next().filter(|_| all.len() < 64) {
        match (open, c) {
            (Some(mark), c) if mark == c => open = None,
            (None, '"' | '\'') => {
                open = Some(c);
                now.get_or_insert_default();
            }
            (None, '\\') => now.get_or_insert_default().extend(chars.next()),
            (None, c) if c.is_whitespace() => all.extend(now.take().map(|word| value.with_text(word))),
            (_, c) => now.get_or_insert_default().push(c),
        }
    }
    all.extend(now.map(|word| value.with_text(word)));
    all
}

/// Whether a letter is one of several behind one dash: `-r0`.
fn is_bundle_of(option: &str, letter: char) -> bool {
    option.len() < 6
        && !option.starts_with("--")
        && option.contains(letter)
        && option.chars().skip(1).all(|c| c == letter || "rtpx".contains(c))
}
