//! Takes a Markdown text apart: fenced and indented code, code inside of
//! sentences, the sentences, and HTML, which people do not see and models read.
//!
//! CommonMark 0.31 as `pulldown-cmark` reads it. What a fence says it holds is a
//! claim; one that says nothing is taken for commands if it begins like some.

use super::shell::known::{self, Language};
use super::unit::{Kind, Unit};
use crate::model::finding::Context;
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// All pieces of a text whose first byte is this one of its file.
#[must_use]
pub fn units(text: &str, start: usize) -> Vec<Unit> {
    let mut all = Vec::new();
    let mut words = Unit::new(Context::Prose, Kind::Words);
    let mut block: Option<(Unit, String)> = None;
    for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
        let at = start + range.start;
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                let language = match kind {
                    CodeBlockKind::Fenced(info) => info.split([' ', ',', '{', ':']).next().unwrap_or("").to_lowercase(),
                    CodeBlockKind::Indented => String::new(),
                };
                block = Some((Unit::new(Context::Fence, Kind::Data), language));
            }
            Event::End(TagEnd::CodeBlock) => {
                if let Some((mut unit, language)) = block.take() {
                    unit.kind = kind_of(&language, &unit.text);
                    all.push(if unit.kind == Kind::Code(Language::Shell) { without_prompts(unit, &language) } else { unit });
                }
            }
            Event::Text(piece) => match &mut block {
                Some((unit, _)) => unit.push(&piece, at),
                None => words.push(&piece, at),
            },
            Event::Code(piece) => {
                // The source range has the backticks; the text begins behind them.
                let inside = text[range.clone()].find(&*piece).unwrap_or(0);
                let kind = if is_command(&piece) { Kind::Code(Language::Shell) } else { Kind::Data };
                all.push(Unit::at(Context::Inline, kind, &piece, at + inside));
                words.push(&piece, at + inside);
            }
            Event::Html(piece) | Event::InlineHtml(piece) => {
                all.push(Unit::at(Context::Prose, Kind::Words, &piece, at));
            }
            Event::SoftBreak | Event::HardBreak => words.push("\n", at),
            Event::End(_) if block.is_none() && ends_words(&event) && !words.text.is_empty() => {
                all.push(std::mem::replace(&mut words, Unit::new(Context::Prose, Kind::Words)));
            }
            _ => {}
        }
    }
    if !words.text.is_empty() {
        all.push(words);
    }
    all
}

fn ends_words(event: &Event<'_>) -> bool {
    matches!(
        event,
        Event::End(TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::Item | TagEnd::TableCell | TagEnd::BlockQuote(_))
    )
}

fn kind_of(language: &str, text: &str) -> Kind {
    match language {
        "sh" | "bash" | "zsh" | "shell" | "console" | "terminal" | "shellscript" | "shell-session" | "sh-session" | "fish"
        | "command" | "cmd" | "ksh" => Kind::Code(Language::Shell),
        "python" | "py" | "python3" => Kind::Code(Language::Python),
        "js" | "javascript" | "ts" | "typescript" | "jsx" | "tsx" | "mjs" | "node" => Kind::Code(Language::JavaScript),
        "ruby" | "rb" => Kind::Code(Language::Ruby),
        "perl" | "pl" => Kind::Code(Language::Perl),
        "php" => Kind::Code(Language::Php),
        "powershell" | "ps1" | "pwsh" | "ps" => Kind::Code(Language::PowerShell),
        "" | "text" | "txt" | "plain" | "plaintext" if text.lines().any(is_command) => Kind::Code(Language::Shell),
        _ => Kind::Data,
    }
}

/// Whether a line begins as a command does.
#[must_use]
pub fn is_command(line: &str) -> bool {
    let line = line.trim_start();
    let line = line.strip_prefix("$ ").unwrap_or(line);
    let first = line.split(|c: char| c.is_whitespace() || c == '|' || c == ';').next().unwrap_or_default();
    let name = first.rsplit('/').next().unwrap_or_default();
    let more = line.len() > first.len();
    let rest = line[first.len()..].trim_start();
    // `make sure`, `find out`: words that are commands too are told by what follows.
    let sentence = matches!(name, "find" | "make" | "test" | "time" | "watch" | "open" | "host" | "install" | "go" | "sort" | "cat");
    let operand = rest.starts_with(['-', '/', '.', '~', '"', '\'', '$', '|', '<', '>']) || rest.contains(['=', '/', '.']);
    first.starts_with("./")
        || line.contains("$(")
        || line.contains(" | ")
        || line.contains("&& ")
        || more
            && (!sentence || operand)
            && (known::fetcher(name).is_some()
                || known::interpreter(name).is_some()
                || known::wrapper(name).is_some_and(|_| !matches!(name, "do" | "then" | "else"))
                || STARTERS.contains(&name))
}

const STARTERS: &[&str] = &[
    "npm", "npx", "pnpm", "yarn", "pip", "pip3", "pipx", "uv", "uvx", "brew", "apt", "apt-get", "git", "go", "cargo", "docker",
    "export", "source", "eval", "chmod", "chown", "mkdir", "rm", "cp", "mv", "ln", "cd", "echo", "printf", "cat", "base64",
    "tar", "unzip", "7z", "xattr", "spctl", "open", "find", "make", "crontab", "launchctl", "systemctl", "gem", "dnf", "yum",
    "apk", "pacman", "snap", "winget", "choco", "scoop", "iex", "alias", "tee", "openssl", "ssh", "kubectl", "helm", "gh",
    "terraform", "skills", "clawhub", "composer", "dotnet", "conda", "mamba", "poetry", "corepack", "install", "test",
];

/// Prompts are taken away; where there are some in a transcript, the other lines are what was printed.
fn without_prompts(unit: Unit, language: &str) -> Unit {
    let prompt = |line: &str| {
        let inner = line.trim_start();
        let skipped = line.len() - inner.len();
        ["$ ", "% ", "> ", "# "].iter().take(if transcript(language) { 4 } else { 2 }).find_map(|mark| {
            inner.starts_with(mark).then_some(skipped + mark.len())
        })
    };
    if !unit.text.lines().any(|line| prompt(line).is_some()) {
        return unit;
    }
    let mut out = Unit::new(unit.context, unit.kind);
    let (mut at, mut goes_on) = (0, false);
    for line in unit.text.split_inclusive('\n') {
        let skip = prompt(line);
        if let Some(skip) = skip {
            out.push(&line[skip..], unit.origin(at + skip));
        } else if goes_on || !transcript(language) {
            out.push(line, unit.origin(at));
        }
        goes_on = (skip.is_some() || goes_on) && line.trim_end().ends_with('\\');
        at += line.len();
    }
    out
}

fn transcript(language: &str) -> bool {
    matches!(language, "console" | "terminal" | "shell-session" | "sh-session")
}
