//! Follows texts that are run: by an interpreter, by the shell itself, or by another
//! language whose program stands in the text.

use super::super::code::{self, Act};
use super::call::joined;
use super::known::{self, Language};
use super::machine::{Event, How, Machine, NESTED, STEPS};
use super::read;
use super::tree::{Script, Span};
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
                if matches!(
                    text,
                    "-o" | "-O"
                        | "--rcfile"
                        | "--init-file"
                        | "-W"
                        | "-X"
                        | "-r"
                        | "--require"
                        | "-ExecutionPolicy"
                ) {
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
        if language != Language::Shell {
            self.program_text(language, &what, &input, span);
            return super::tools::inline_output(&what, &input);
        }
        let reading = read::read(&what.text);
        let mut out = self.inner(&reading.script, &input, span);
        out.from.add(&what.from);
        out
    }

    /// What a program of another language that stands here would do.
    pub(super) fn program_text(&mut self, language: Language, what: &Value, input: &Value, span: Span) {
        for (act, _) in code::acts(language, &what.text) {
            match act {
                Act::Run(what) => self.tell(Event::Run { language, how: How::Argument, what }, span),
                Act::Shell(what) if !what.from.kinds.is_empty() => {
                    self.tell(Event::Run { language: Language::Shell, how: How::Argument, what }, span);
                }
                Act::Shell(what) => {
                    self.inner(&read::read(&what.text).script, &Value::unknown(), span);
                }
            }
        }
        if runs_an_answer(&what.text) {
            let what = Value::unknown().and(Origin::Fetched);
            self.tell(Event::Run { language, how: How::Argument, what }, span);
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

/// `eval URI.open(…)`, `.then(eval)`: an answer is evaluated without parentheses around it.
fn runs_an_answer(program: &str) -> bool {
    let asks = ["URI.open", "open(\"http", "open('http", "get(\"http", "get('http", "Net::HTTP", "LWP::"];
    let bare = program.match_indices("eval ").any(|(at, _)| {
        let behind = &program[at..program.floor_char_boundary(at + 80)];
        asks.iter().any(|word| behind.contains(word))
    });
    bare || program.contains("fetch(")
        && [".then(eval", ".then(Function", "eval(await "].iter().any(|word| program.contains(word))
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
