//! What could be typed next, for the shells. The only door to clap_complete.
//!
//! The scripts that `generate completions` prints call the program back with
//! the words typed so far: `skills __complete SHELL INDEX -- WORDS…`. It prints
//! one candidate a line and ends with 0, whatever happens: somebody is in the
//! middle of a line, and an error there would only be in the way.
//!
//! Attack: clap's own way is a variable of the environment that turns every
//! command into a completion. Whoever sets it, in a project's `.env`, would have
//! `skills kill --all` print a script and do nothing. Here no variable does anything.
//!
//! Attack: a candidate is printed into a terminal by the shell. Names come from
//! the ledger and are names of skills; files in the current folder can be called
//! anything. What holds a hidden character is no candidate.

use clap::Command;
use clap_complete::engine::{self, ArgValueCompleter, CompletionCandidate};
use skill_trust::model::agent::AGENTS;
use skill_trust::model::lifecycle::{RevisionRow, State};
use skill_trust::model::text;
use skill_trust::ops::{World, explain, pick};
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::OnceLock;

/// The first argument that asks for candidates.
const ASKED: &str = "__complete";
/// Most candidates that are printed; a longer list helps nobody.
const MOST: usize = 200;
/// The home that was named on the line being typed.
static HOME: OnceLock<PathBuf> = OnceLock::new();

/// A shell that we have a script for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Shell {
    /// Bash 3.2 or newer.
    Bash,
    /// Zsh.
    Zsh,
    /// Fish.
    Fish,
}

impl Shell {
    /// The script, to be loaded by the shell's own start file.
    pub(crate) const fn script(self) -> &'static str {
        match self {
            Self::Bash => include_str!("complete/skills.bash"),
            Self::Zsh => include_str!("complete/skills.zsh"),
            Self::Fish => include_str!("complete/skills.fish"),
        }
    }
}

/// Answers a shell, if one asks; `arguments` without the program.
pub(crate) fn main(arguments: &[OsString], command: impl FnOnce() -> Command) -> Option<ExitCode> {
    let (asked, rest) = arguments.split_first()?;
    if asked != ASKED {
        return None;
    }
    // A panic is no candidate either, and says nothing.
    std::panic::set_hook(Box::new(|_| {}));
    let rest = rest.to_vec();
    let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| answer(&rest, command())));
    let lines = found.ok().flatten().unwrap_or_default();
    let _ = std::io::stdout().write_all(lines.as_bytes());
    Some(ExitCode::SUCCESS)
}

/// The lines for a shell; none for a question that is none of ours.
fn answer(rest: &[OsString], mut command: Command) -> Option<String> {
    let [shell, index, dashes, words @ ..] = rest else { return None };
    let shell = <Shell as clap::ValueEnum>::from_str(shell.to_str()?, false).ok()?;
    let index: usize = index.to_str()?.parse().ok()?;
    if dashes != "--" {
        return None;
    }
    // Attack: an index that no line has would make as many words.
    if index > words.len() {
        return None;
    }
    let mut words = words.to_vec();
    let (mut index, mut typed) = (index, 0);
    if shell == Shell::Bash {
        (words, index, typed) = rejoin(words, index);
    }
    // The word being typed may not be there yet.
    words.truncate(index + 1);
    words.resize(index + 1, OsString::new());
    let home = words.iter().position(|word| word == "--home").and_then(|at| words.get(at + 1));
    if let Some(home) = home.and_then(|home| std::path::absolute(home).ok()) {
        let _ = HOME.set(home);
    }
    // A second name is understood; offered is the first. The process ends with them.
    command = command.mut_subcommands(|below| {
        let names = below.get_visible_aliases().map(|name| -> &'static str { name.to_owned().leak() });
        let names: Vec<_> = names.collect();
        below.visible_alias(None::<&'static str>).aliases(names)
    });
    let here = std::env::current_dir().ok();
    let found = engine::complete(&mut command, words, index, here.as_deref()).ok()?;
    let lines = found.iter().filter_map(|candidate| line(shell, candidate, typed));
    Some(lines.take(MOST).collect())
}

/// Bash breaks words at `@` and `=`. Puts such words together again; returns
/// how many bytes of the word in question bash keeps to itself.
fn rejoin(words: Vec<OsString>, index: usize) -> (Vec<OsString>, usize, usize) {
    let mut out: Vec<OsString> = Vec::new();
    let (mut at, mut kept, mut glue) = (index, 0, false);
    for (number, word) in words.into_iter().enumerate() {
        let breaks = word == "@" || word == "=";
        match out.last_mut() {
            Some(last) if number > 1 && (breaks || glue) => {
                let before = last.len();
                last.push(&word);
                if number == index {
                    kept = if breaks { last.len() } else { before };
                }
            }
            _ => out.push(word),
        }
        if number == index {
            at = out.len() - 1;
        }
        glue = breaks;
    }
    (out, at, kept)
}

/// A candidate as a shell takes it, without the first `typed` bytes.
fn line(shell: Shell, candidate: &CompletionCandidate, typed: usize) -> Option<String> {
    let value = candidate.get_value().to_str()?;
    let help =
        candidate.get_help().map(|help| help.to_string().lines().next().unwrap_or_default().to_owned());
    let help = help.filter(|help| !help.chars().any(text::is_hidden)).unwrap_or_default();
    if candidate.is_hide_set() || value.is_empty() || value.chars().any(text::is_hidden) {
        return None;
    }
    let value = value.get(typed..)?;
    Some(match shell {
        Shell::Bash => format!("{value}\n"),
        Shell::Zsh if help.is_empty() => format!("{}\n", value.replace(':', "\\:")),
        Shell::Zsh => format!("{}:{help}\n", value.replace(':', "\\:")),
        Shell::Fish if help.is_empty() => format!("{value}\n"),
        Shell::Fish => format!("{value}\t{help}\n"),
    })
}

/// Completes skills that a command takes.
fn skills(fits: fn(State) -> bool) -> ArgValueCompleter {
    ArgValueCompleter::new(move |typed: &OsStr| {
        let mut world = World::usual("cli");
        if let Some(home) = HOME.get() {
            world.home.clone_from(home);
        }
        let mut rows = pick::known(&world);
        rows.retain(|row| fits(row.lifecycle.state()));
        names(&rows, &typed.to_string_lossy())
    })
}

/// Names; once an `@` is typed, the revisions of that name.
fn names(rows: &[RevisionRow], typed: &str) -> Vec<CompletionCandidate> {
    let all: BTreeSet<String> = if typed.contains('@') {
        rows.iter().map(|row| row.revision.to_string()).collect()
    } else {
        rows.iter().map(|row| row.revision.name.to_string()).collect()
    };
    all.into_iter().filter(|name| name.starts_with(typed)).map(CompletionCandidate::new).collect()
}

/// Any skill here.
pub(crate) fn any() -> ArgValueCompleter {
    skills(|_| true)
}

/// Skills that nobody decided about.
pub(crate) fn undecided() -> ArgValueCompleter {
    skills(|state| state == State::Installed)
}

/// Skills that are trusted, enabled somewhere or not.
pub(crate) fn trusted() -> ArgValueCompleter {
    skills(|state| state != State::Installed)
}

/// Skills that agents load.
pub(crate) fn enabled() -> ArgValueCompleter {
    skills(|state| state == State::Enabled)
}

/// Rules and codes, with what they are.
pub(crate) fn ids() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let typed = typed.to_string_lossy();
        let rules = explain::rules().into_iter().map(|rule| (rule.id, rule.title.to_owned()));
        let codes = explain::codes().into_iter().map(|code| (code.code, code.what));
        let fits = rules.chain(codes).filter(|(id, _)| id.starts_with(&*typed));
        fits.map(|(id, what)| CompletionCandidate::new(id).help(Some(what.into()))).collect()
    })
}

/// The agents we know, with what people call them.
pub(crate) fn agents() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let typed = typed.to_string_lossy();
        let fits = AGENTS.iter().filter(|agent| agent.id.starts_with(&*typed));
        fits.map(|agent| CompletionCandidate::new(agent.id).help(Some(agent.title.into()))).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn what_bash_breaks_is_put_together_again() {
        let joined = |line: &str, index| {
            let (words, at, kept) = rejoin(words(line), index);
            let words: Vec<_> = words.into_iter().map(|word| word.into_string().unwrap()).collect();
            (words.join(" "), at, kept)
        };
        let same = |line: &str, at, kept| (line.to_owned(), at, kept);
        assert_eq!(joined("skills trust pdf", 2), same("skills trust pdf", 2, 0));
        assert_eq!(joined("skills trust pdf @", 3), same("skills trust pdf@", 2, 4));
        assert_eq!(joined("skills trust pdf @ 12", 4), same("skills trust pdf@12", 2, 4));
        assert_eq!(joined("skills enable a @ 1 b", 5), same("skills enable a@1 b", 3, 0));
        assert_eq!(joined("skills enable x --agent = co", 5), same("skills enable x --agent=co", 3, 8));
        assert_eq!(joined("@", 0), same("@", 0, 0));
    }

    #[test]
    fn attack_a_candidate_with_hidden_characters_is_none() {
        for bad in ["a\u{1b}[2J", "a\nb", "a\u{202e}b", "a\tb", ""] {
            for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
                assert_eq!(line(shell, &CompletionCandidate::new(bad), 0), None, "{bad:?}");
            }
        }
        let candidate = CompletionCandidate::new("a:b").help(Some("good\u{202e}".into()));
        assert_eq!(line(Shell::Zsh, &candidate, 0).as_deref(), Some("a\\:b\n"));
        let candidate = CompletionCandidate::new("codex").help(Some("Codex".into()));
        assert_eq!(line(Shell::Zsh, &candidate, 0).as_deref(), Some("codex:Codex\n"));
        assert_eq!(line(Shell::Fish, &candidate, 0).as_deref(), Some("codex\tCodex\n"));
        assert_eq!(line(Shell::Bash, &candidate, 3).as_deref(), Some("ex\n"));
    }
}
