//! Programs that are no shells and run commands all the same: from a program in their
//! arguments, from a setting, or from what they read.
//!
//! ```text
//! awk 'BEGIN{system("…")}'   lua -e 'os.execute("…")'   osascript -e 'do shell script "…"'
//! vim -c ':!…'   git -c core.pager='…'   tar --checkpoint-action=exec='…'   at now <<< '…'
//! make -f FILE   deno run ADDRESS   PROMPT_COMMAND='…'
//! ```
//!
//! Each gives its text to the one function that runs texts, so that a rule sees the
//! same event as for `sh -c`.

use super::known::Language;
use super::machine::{Event, How, Machine};
use super::tree::Span;
use super::value::{Origin, Value};

/// Settings whose text a shell or another program runs later.
const RUN_LATER: &[&str] = &[
    "PROMPT_COMMAND",
    "GIT_SSH_COMMAND",
    "GIT_SSH",
    "GIT_PAGER",
    "GIT_EDITOR",
    "GIT_ASKPASS",
    "GIT_PROXY_COMMAND",
    "LESSOPEN",
    "MANPAGER",
    "PAGER",
    "EDITOR",
    "VISUAL",
    "BROWSER",
    "RSYNC_RSH",
    "SUDO_ASKPASS",
    "SSH_ASKPASS",
];

/// Keys of git's configuration whose value is a command.
const GIT_KEYS: &[&str] = &[
    "core.pager",
    "core.editor",
    "core.sshcommand",
    "core.fsmonitor",
    "core.askpass",
    "core.gitproxy",
    "sequence.editor",
    "diff.external",
    "credential.helper",
];

/// Options of `tar` whose value is a command.
const TAR_OPTIONS: &[&str] =
    &["--checkpoint-action=exec=", "--to-command=", "--use-compress-program=", "--info-script="];

/// What other languages call to run a command.
const CALLS: &[&str] =
    &["system(", "os.execute(", "io.popen(", "do shell script ", "popen(", "exec(", "exec "];

impl Machine {
    /// Follows what such a program is given to run. What it prints, if it is one of these
    /// and nothing else.
    pub(super) fn by_others(
        &mut self,
        name: &str,
        argv: &[Value],
        input: &Value,
        span: Span,
    ) -> Option<Value> {
        let rest = argv.get(1..).unwrap_or_default();
        match name {
            "at" | "batch" if !names(rest, &["-f", "-l", "-r", "-c", "-d"]) => {
                self.run(Language::Shell, How::Input, input.clone(), Value::default(), span);
                Some(Value::unknown())
            }
            "awk" | "gawk" | "mawk" | "nawk" => {
                rest.iter().for_each(|word| self.commands_in(word, span));
                None
            }
            "make" | "gmake" => {
                self.made(rest, span);
                None
            }
            "vim" | "nvim" | "vi" | "ex" | "view" | "gvim" | "emacs" => {
                for word in rest {
                    let text = word.text.trim_start_matches(['+', ':', ' ']);
                    if let Some(command) = text.strip_prefix('!') {
                        self.handed(word, command, span);
                    }
                    self.commands_in(word, span);
                }
                None
            }
            "git" => {
                self.git_settings(rest, span);
                None
            }
            "tar" | "bsdtar" => {
                for word in rest {
                    let given = TAR_OPTIONS.iter().find_map(|option| word.text.strip_prefix(option));
                    if let Some(command) = given {
                        self.handed(word, command, span);
                    }
                }
                None
            }
            "openssl" if rest.first().is_some_and(|word| word.text == "s_client") => {
                Some(Value::unknown().and(Origin::Fetched))
            }
            "scp" | "rsync" => self.copied(rest, span),
            "deno" | "bun" | "bunx" | "pipx" | "tsx" => self.run_at_address(rest, span),
            _ => None,
        }
    }

    /// A command that stands in a word of another program's.
    fn handed(&mut self, word: &Value, command: &str, span: Span) {
        self.run(Language::Shell, How::Argument, word.with_text(command), Value::default(), span);
    }

    /// `make` of a file that came from elsewhere: the one that is named, or one that it
    /// takes by itself. A file out of an archive is not meant: that is how sources are built.
    fn made(&mut self, rest: &[Value], span: Span) {
        let at =
            rest.iter().position(|word| names(std::slice::from_ref(word), &["-f", "--file", "--makefile"]));
        let named = at.and_then(|at| rest.get(at + 1)).map(|word| word.text.as_str());
        let files = match &named {
            Some(file) => std::slice::from_ref(file),
            None => &["GNUmakefile", "makefile", "Makefile"],
        };
        let files: Vec<_> = files.iter().map(|file| self.file(file)).collect();
        for what in files.into_iter().filter(|what| what.from.has(Origin::Fetched)) {
            self.tell(Event::Run { language: Language::Other, how: How::File, what }, span);
        }
    }

    /// `git -c KEY=COMMAND`, and aliases that begin with an exclamation mark.
    fn git_settings(&mut self, rest: &[Value], span: Span) {
        for pair in rest.windows(2).filter(|pair| pair[0].text == "-c") {
            let Some((key, value)) = pair[1].text.split_once('=') else { continue };
            let key = key.to_ascii_lowercase();
            let alias = value.strip_prefix('!').filter(|_| key.starts_with("alias."));
            let known = Some(value).filter(|_| GIT_KEYS.contains(&key.as_str()));
            if let Some(command) = alias.or(known) {
                self.handed(&pair[1], command.trim_start_matches('!'), span);
            }
        }
    }

    /// A file is copied here from another machine.
    fn copied(&mut self, rest: &[Value], span: Span) -> Option<Value> {
        let operands: Vec<_> = rest.iter().filter(|word| !word.text.starts_with('-')).collect();
        let (to, from) = operands.split_last()?;
        let from = from.iter().find(|word| is_elsewhere(&word.text))?;
        let file = from.text.rsplit(['/', ':']).next().unwrap_or_default();
        let here = to.text.trim_end_matches('/');
        let path = match here {
            "." | ".." => file.to_owned(),
            _ if to.text.ends_with('/') => format!("{here}/{file}"),
            _ => here.to_owned(),
        };
        self.write(to.with_text(&path), fetched_from(&from.text), false, span);
        Some(Value::default())
    }

    /// A program that is named by its address. It is the first word that is no option; an
    /// address behind it is the program's own matter.
    fn run_at_address(&mut self, rest: &[Value], span: Span) -> Option<Value> {
        let mut operands = rest.iter().filter(|word| !word.text.starts_with('-'));
        let first = operands.next()?;
        let runs = matches!(first.text.as_str(), "run" | "x" | "serve");
        let word = if runs { operands.next()? } else { first };
        let address = ["https://", "http://"].iter().any(|scheme| word.text.starts_with(scheme));
        address.then(|| {
            let what = fetched_from(&word.text);
            self.tell(Event::Run { language: Language::Other, how: How::File, what }, span);
            Value::unknown()
        })
    }

    /// A setting is made: a text that something runs later is followed now.
    pub(super) fn run_later(&mut self, name: &str, value: &Value, span: Span) {
        if RUN_LATER.contains(&name) && value.text.contains([' ', '|', ';', '$', '`']) {
            self.run(Language::Shell, How::Argument, value.clone(), Value::default(), span);
        }
    }

    /// The commands in a program of another language, each a text in quotes behind one
    /// of its calls.
    pub(super) fn commands_in(&mut self, program: &Value, span: Span) {
        let mut found = Vec::new();
        for call in CALLS {
            for (at, _) in program.text.match_indices(call).take(64) {
                found.extend(quoted(&program.text[at + call.len()..]).map(|command| (at, command)));
            }
        }
        found.sort();
        for (_, command) in found {
            self.run(Language::Shell, How::Argument, program.with_text(&command), Value::default(), span);
        }
    }
}

/// Whether one of these options stands among the words.
fn names(words: &[Value], options: &[&str]) -> bool {
    words.iter().any(|word| options.contains(&word.text.as_str()))
}

/// What comes from an address, of which nothing else is known.
fn fetched_from(address: &str) -> Value {
    let mut what = Value::unknown().and(Origin::Fetched);
    what.from.urls.insert(address.chars().take(300).collect());
    what
}

/// A place on another machine, as `scp` and `rsync` name it.
fn is_elsewhere(text: &str) -> bool {
    let host = text.split(['/', ':']).next().unwrap_or_default();
    text.contains(':') && host.len() > 1 && !host.contains(['$', '{'])
}

/// The text in quotes that comes next, without what escapes them.
fn quoted(text: &str) -> Option<String> {
    let text = text.trim_start_matches([' ', '(']);
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let (mut out, mut escaped) = (String::new(), false);
    for c in text[1..].chars() {
        match c {
            _ if escaped => {
                out.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            _ if c == quote => return Some(out),
            _ => out.push(c),
        }
    }
    None
}
