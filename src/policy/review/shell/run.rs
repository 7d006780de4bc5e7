//! Follows texts that are run: by an interpreter, by the shell itself, or by another
//! language whose program stands in the text.

use super::super::code::{self, Act, Program};
use super::budget::READ;
use super::call::joined;
use super::known::{self, Language};
use super::machine::{Event, How, Machine, NESTED, STEPS};
use super::power;
use super::read;
use super::tree::{Fault, Script, Span};
use super::value::{Origin, UNKNOWN, Value};

impl Machine {
    /// A script that is run for another command, at that command's place.
    pub(super) fn inner(&mut self, script: &Script, input: &Value, span: Span) -> Value {
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

    pub(super) fn interpret(
        &mut self,
        language: Language,
        argv: &[Value],
        input: Value,
        span: Span,
    ) -> Value {
        let mut rest = argv.get(1..).unwrap_or_default().iter();
        while let Some(word) = rest.next() {
            let text = word.text.as_str();
            if language == Language::PowerShell && is_encoded(text) {
                // `-enc <payload>` of a text about such commands: nothing stands there.
                let Some(what) = rest.next() else { return Value::unknown() };
                return self.run(language, How::Argument, super::tools::utf16(what), input, span);
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
                if matches!(text, "-o" | "-O" | "--rcfile" | "--init-file" | "-W" | "-X" | "-r" | "--require")
                    || language == Language::PowerShell && power::takes_value(text)
                {
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
    pub(super) fn run(
        &mut self,
        language: Language,
        how: How,
        what: Value,
        input: Value,
        span: Span,
    ) -> Value {
        if what.text.is_empty() && what.from.kinds.is_empty() {
            return input.with_text(UNKNOWN);
        }
        let what = if is_own_program(language, &what) { Value::known(what.text) } else { what };
        self.tell(Event::Run { language, how, what: what.clone() }, span);
        // Attack: a long text that is run over and over; reading it is work too.
        self.steps += what.text.len() / if language == Language::Shell { 64 } else { 16 };
        if self.steps >= STEPS {
            self.trace.cut = true;
            return Value::unknown();
        }
        // What stands behind the longest text that is kept was not seen.
        self.trace.cut |= what.is_cut();
        if language != Language::Shell {
            self.inline(language, &what, &input, span);
            return super::tools::inline_output(&what, &input);
        }
        let mut out = self.text(&what.text, &input, span);
        out.from.add(&what.from);
        out
    }

    /// A text of commands inside of another one.
    fn text(&mut self, text: &str, input: &Value, span: Span) -> Value {
        if !self.spend(READ * text.len()) {
            return Value::unknown();
        }
        let reading = read::read(text);
        // Faults of a text that is not in the file have no place there; this one must not be lost.
        self.trace.cut |= reading.faults.iter().any(|(fault, _)| *fault == Fault::Deep);
        self.inner(&reading.script, input, span)
    }

    /// Follows a whole program in another language than the shell's.
    pub fn program(&mut self, language: Language, text: &str) {
        self.budget.read += text.len();
        self.acts(language, text, None);
    }

    /// What a program would do, told at its own places or all at one.
    fn acts(&mut self, language: Language, text: &str, place: Option<Span>) {
        if !self.spend(READ * text.len()) {
            return;
        }
        let Program { acts, cut, work } = code::acts(language, text);
        self.trace.cut |= cut;
        self.spend(work);
        if let Some(at) = runs_an_answer(text) {
            let span = place.unwrap_or(Span { start: at, end: at });
            let what = Value::unknown().and(Origin::Fetched);
            self.tell(Event::Run { language, how: How::Argument, what }, span);
        }
        for (act, span) in acts {
            let span = place.unwrap_or(span);
            match act {
                Act::Run(what) => self.tell(Event::Run { language, how: How::Argument, what }, span),
                Act::Shell(what) => {
                    let known = what.text.chars().any(|c| c != UNKNOWN && !c.is_whitespace());
                    let text = what.text.clone();
                    self.trace.cut |= what.is_cut();
                    if !what.from.kinds.is_empty() {
                        self.tell(Event::Run { language: Language::Shell, how: How::Argument, what }, span);
                    }
                    self.steps += 1 + text.len() / 64;
                    if known && self.steps < STEPS {
                        // Each begins where the program runs.
                        self.hold("PWD", Vec::new());
                        self.text(&text, &Value::unknown(), span);
                    }
                    self.trace.cut |= self.steps >= STEPS;
                }
            }
        }
    }

    /// What a program in another language that stands in a command would do.
    fn inline(&mut self, language: Language, what: &Value, input: &Value, span: Span) {
        self.acts(language, &what.text, Some(span));
        if language == Language::Other {
            self.commands_in(what, span);
        }
        if !input.from.kinds.is_empty() && runs_its_input(&what.text) {
            self.tell(Event::Run { language, how: How::Argument, what: input.clone() }, span);
        }
    }
}

/// Whether a program of another language stands here, and what was fetched or decoded
/// is only put into it as data: `python3 -c "print('$answer')"`.
fn is_own_program(language: Language, what: &Value) -> bool {
    let own = what.text.chars().filter(|c| *c != UNKNOWN && !c.is_whitespace()).count();
    let given = ["exec(", "eval(", "system("].iter().any(|word| {
        what.text
            .match_indices(word)
            .any(|(at, _)| what.text[at + word.len()..].chars().take(8).any(|c| c == UNKNOWN))
    });
    !matches!(language, Language::Shell | Language::PowerShell) && own > 16 && !given
}

/// Where an answer is evaluated that has no parentheses around it, or comes later:
/// `eval URI.open(…)`, `fetch(…).then(eval)`.
fn runs_an_answer(program: &str) -> Option<usize> {
    let asks = ["URI.open", "open(\"http", "open('http", "get(\"http", "get('http", "Net::HTTP", "LWP::"];
    let bare = program.match_indices("eval ").find(|(at, _)| {
        let behind = &program[*at..program.floor_char_boundary(at + 80)];
        asks.iter().any(|word| behind.contains(word))
    });
    let later = || {
        let fetched =
            program.contains("fetch(") || program.contains(".get('http") || program.contains(".get(\"http");
        let ways = [".then(eval", ".then(Function", "eval(await ", "new Function(await "];
        ways.iter().filter(|_| fetched).find_map(|way| program.find(way))
    };
    bare.map(|(at, _)| at).or_else(later)
}

/// `exec(sys.stdin.read())` and its like.
fn runs_its_input(program: &str) -> bool {
    ["exec(", "eval(", "eval ", "system(", "Function("].iter().any(|word| {
        program.match_indices(word).any(|(at, _)| {
            let behind = &program[at..program.floor_char_boundary(at + 80)];
            ["stdin", "STDIN", "<>", "readFileSync(0", "php://input"]
                .iter()
                .any(|input| behind.contains(input))
        })
    })
}

fn is_encoded(option: &str) -> bool {
    let low = option.to_ascii_lowercase();
    matches!(low.as_str(), "-e" | "-ec" | "-enc") || (low.len() > 3 && "-encodedcommand".starts_with(&low))
}

/// The names under which a program's own input can be opened.
pub(super) fn is_input(path: &str) -> bool {
    matches!(path, "/dev/stdin" | "/dev/fd/0" | "/proc/self/fd/0" | "/proc/$$/fd/0")
}
