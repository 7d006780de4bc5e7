//! Takes a Markdown text apart: fenced and indented code, code inside of
//! sentences, the sentences, and HTML, which people do not see and models read.
//!
//! CommonMark 0.31 as `pulldown-cmark` reads it. What a fence says it holds is a
//! claim; one that says nothing is taken for commands if it begins like some.

use super::extract::{prose, windows};
use super::shell::known::{self, Language};
use super::unit::{Kind, Unit};
use crate::model::finding::Context;
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// All pieces of a text whose first byte is this one of its file. In a `skill`'s
/// own text, commands marked by `!` are run by agents before they read it.
#[must_use]
pub fn units(text: &str, start: usize, skill: bool) -> Vec<Unit> {
    let mut all = Vec::new();
    let mut words = Unit::new(Context::Prose, Kind::Words);
    let mut block: Option<(Unit, String)> = None;
    let mut page: Option<Unit> = None;
    let mut tagged: Option<Unit> = None;
    for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
        let at = start + range.start;
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                let language = match kind {
                    CodeBlockKind::Fenced(info) => {
                        info.split([' ', ',', '{', ':']).next().unwrap_or("").to_lowercase()
                    }
                    CodeBlockKind::Indented => String::new(),
                };
                block = Some((Unit::new(Context::Fence, Kind::Data), language));
            }
            Event::End(TagEnd::CodeBlock) => {
                if let Some((unit, language)) = block.take() {
                    all.extend(fenced(unit, &language, skill));
                }
            }
            Event::Text(piece) => {
                if let Some((unit, _)) = &mut block {
                    unit.push(&piece, at);
                    continue;
                }
                words.push(&piece, at);
                if let Some(unit) = &mut tagged {
                    unit.push(&piece, at);
                }
            }
            Event::Code(piece) => {
                let mut unit = aligned(&piece, &text[range.clone()], at);
                let before = text[..range.start].strip_suffix('!');
                if skill && before.is_some_and(|before| !before.ends_with(char::is_alphanumeric)) {
                    unit.context = Context::Script;
                    unit.kind = Kind::Code(Language::Shell);
                } else if is_command(&piece) {
                    unit.kind = Kind::Code(Language::Shell);
                }
                words.push(&piece, unit.origin(0));
                all.push(unit);
            }
            Event::Start(Tag::HtmlBlock) => page = Some(Unit::new(Context::Prose, Kind::Words)),
            Event::End(TagEnd::HtmlBlock) => {
                if let Some(unit) = page.take() {
                    all.extend(prose::html(&unit, Context::Prose));
                }
            }
            Event::Html(piece) => {
                all.push(Unit::at(Context::Prose, Kind::Words, &piece, at));
                if let Some(page) = &mut page {
                    page.push(&piece, at);
                }
            }
            Event::InlineHtml(piece) => {
                let low = piece.to_ascii_lowercase();
                if ["<code", "<kbd", "<samp"].iter().any(|tag| low.starts_with(tag)) {
                    tagged = Some(Unit::new(Context::Inline, Kind::Data));
                } else if let Some(mut unit) = tagged.take_if(|_| low.starts_with("</")) {
                    if is_command(&unit.text) {
                        unit.kind = Kind::Code(Language::Shell);
                    }
                    all.push(unit);
                }
                all.push(Unit::at(Context::Prose, Kind::Words, &piece, at));
            }
            Event::SoftBreak | Event::HardBreak => words.push("\n", at),
            Event::End(_) if block.is_none() && ends_words(&event) && !words.text.is_empty() => {
                let words = std::mem::replace(&mut words, Unit::new(Context::Prose, Kind::Words));
                all.extend(prose::commands(&words));
                all.push(words);
            }
            _ => {}
        }
    }
    if !words.text.is_empty() {
        all.extend(prose::commands(&words));
        all.push(words);
    }
    all
}

/// A block of code by what it says it is, or by how it begins.
fn fenced(mut unit: Unit, language: &str, skill: bool) -> Vec<Unit> {
    if language == "!" && skill {
        unit.context = Context::Script;
    }
    unit.kind = kind_of(language, &unit.text);
    match unit.kind {
        Kind::Code(Language::Shell) if matches!(language, "bat" | "batch" | "dos") => {
            vec![windows::batch(&unit)]
        }
        Kind::Code(Language::Shell) => vec![without_prompts(unit, language)],
        Kind::Code(Language::PowerShell) => vec![windows::power(&unit), unit],
        _ => vec![unit],
    }
}

/// A span of code as it is shown, each character tied to the one it stands for:
/// a table has `\|` where a `|` is shown, and an end of a line is a blank.
fn aligned(piece: &str, source: &str, start: usize) -> Unit {
    let mut unit = Unit::new(Context::Inline, Kind::Data);
    let begin = source.find(|c: char| c != '`').unwrap_or(0);
    // A blank behind the backticks is not shown unless there is nothing else.
    let begin =
        if source[begin..].starts_with([' ', '\n']) && !piece.starts_with(' ') { begin + 1 } else { begin };
    let (mut from, mut at) = (0, begin);
    for (index, c) in piece.char_indices() {
        let here = source.get(at..).unwrap_or_default();
        let same = here.starts_with(c) || c == ' ' && here.starts_with(['\n', '\r']);
        if !same && here.starts_with('\\') && here[1..].starts_with(c) {
            unit.push(&piece[from..index], start + (at - (index - from)));
            (from, at) = (index, at + 1);
        }
        at += c.len_utf8();
    }
    unit.push(&piece[from..], start + at.saturating_sub(piece.len() - from));
    unit
}

fn ends_words(event: &Event<'_>) -> bool {
    matches!(
        event,
        Event::End(
            TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::Item | TagEnd::TableCell | TagEnd::BlockQuote(_)
        )
    )
}

fn kind_of(language: &str, text: &str) -> Kind {
    match language {
        "!" | "bat" | "batch" | "dos" | "sh" | "bash" | "zsh" | "shell" | "console" | "terminal"
        | "shellscript" | "shell-session" | "sh-session" | "fish" | "command" | "cmd" | "ksh" => {
            Kind::Code(Language::Shell)
        }
        "python" | "py" | "python3" => Kind::Code(Language::Python),
        "js" | "javascript" | "ts" | "typescript" | "jsx" | "tsx" | "mjs" | "node" => {
            Kind::Code(Language::JavaScript)
        }
        "ruby" | "rb" => Kind::Code(Language::Ruby),
        "perl" | "pl" => Kind::Code(Language::Perl),
        "php" => Kind::Code(Language::Php),
        "powershell" | "ps1" | "pwsh" | "ps" => Kind::Code(Language::PowerShell),
        "" | "text" | "txt" | "plain" | "plaintext" if text.lines().any(is_command) => {
            Kind::Code(Language::Shell)
        }
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
    let sentence = matches!(
        name,
        "find" | "make" | "test" | "time" | "watch" | "open" | "host" | "install" | "go" | "sort" | "cat"
    );
    let operand = rest.starts_with(['-', '/', '.', '~', '"', '\'', '$', '|', '<', '>'])
        || rest.contains(['=', '/', '.']);
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
    "npm",
    "npx",
    "pnpm",
    "yarn",
    "pip",
    "pip3",
    "pipx",
    "uv",
    "uvx",
    "brew",
    "apt",
    "apt-get",
    "git",
    "go",
    "cargo",
    "docker",
    "export",
    "source",
    "eval",
    "chmod",
    "chown",
    "mkdir",
    "rm",
    "cp",
    "mv",
    "ln",
    "cd",
    "echo",
    "printf",
    "cat",
    "base64",
    "tar",
    "unzip",
    "7z",
    "xattr",
    "spctl",
    "open",
    "find",
    "make",
    "crontab",
    "launchctl",
    "systemctl",
    "gem",
    "dnf",
    "yum",
    "apk",
    "pacman",
    "snap",
    "winget",
    "choco",
    "scoop",
    "iex",
    "alias",
    "tee",
    "openssl",
    "ssh",
    "kubectl",
    "helm",
    "gh",
    "terraform",
    "skills",
    "clawhub",
    "composer",
    "dotnet",
    "conda",
    "mamba",
    "poetry",
    "corepack",
    "install",
    "test",
];

/// Prompts are taken away; where there are some in a transcript, the other lines are what was printed.
fn without_prompts(unit: Unit, language: &str) -> Unit {
    let prompt = |line: &str| {
        let inner = line.trim_start();
        let skipped = line.len() - inner.len();
        ["$ ", "% ", "> ", "# "]
            .iter()
            .take(if transcript(language) { 4 } else { 2 })
            .find_map(|mark| inner.starts_with(mark).then_some(skipped + mark.len()))
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
