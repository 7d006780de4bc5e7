//! What a person should know of a skill's text before trusting it.
//!
//! ```text
//! files -> units (commands, code, sentences; with the way back to their bytes)
//!       -> a shell machine that follows them in order, one for the whole skill:
//!          what is written in one place and run in another comes together
//!       -> rules, each looking at what would happen, at a text, or at a file
//!       -> findings, by file and place; the same ones for the same bytes
//! ```
//!
//! A brake, not a detector of malware: a finding says what a text would do. What
//! BLOCKs is what hardly any honest skill does. What cannot be read is CONFIRM.

pub mod asks;
pub mod code;
pub mod extract;
pub mod hosts;
pub mod markdown;
pub mod page;
pub mod rules;
pub mod shell;
pub mod unit;

use crate::model::finding::{Context, Finding, Place, Tier};
use crate::model::text;
use code::Act;
use page::Page;
use rules::{Around, Followed, Look, RULES, Rule};
use shell::known::Language;
use shell::machine::{Event, How, Machine};
use shell::read;
use shell::tree::Span;
use shell::value::{UNKNOWN, Value};
use std::collections::BTreeSet;
use unit::{Kind, Lines, Unit};

/// Largest file that is read as text.
pub const LARGEST: usize = 1024 * 1024;

/// A file of a skill.
#[derive(Debug, Clone, Copy)]
pub struct File<'a> {
    /// Its path in the skill's folder.
    pub path: &'a str,
    /// What it holds.
    pub bytes: &'a [u8],
    /// Whether it may be executed.
    pub executable: bool,
}

/// Looks at all files of a skill.
#[must_use]
pub fn scan(files: &[File<'_>]) -> Vec<Finding> {
    let mut all = scan_from(files, 0);
    rules::dep_undeclared::add(files, &mut all);
    all
}

/// As [`scan`], of a text that came out of that many others.
fn scan_from(files: &[File<'_>], depth: usize) -> Vec<Finding> {
    let mut order: Vec<&File<'_>> = files.iter().collect();
    order.sort_by_key(|file| (file.path != "SKILL.md", file.path));
    let (mut machine, mut words, mut all) = (Machine::default(), BTreeSet::new(), Vec::new());
    for file in order {
        look_at(file, depth, &mut machine, &mut words, &mut all);
    }
    all.sort_by(|a, b| {
        (b.tier, &a.path, a.place.start, &a.rule).cmp(&(a.tier, &b.path, b.place.start, &b.rule))
    });
    all.dedup_by(|b, a| a.path == b.path && a.rule == b.rule && a.place.line == b.place.line);
    all
}

/// One file: its pieces, what they would do, and what the rules say of it.
fn look_at(
    file: &File<'_>,
    depth: usize,
    machine: &mut Machine,
    words: &mut BTreeSet<String>,
    all: &mut Vec<Finding>,
) {
    for rule in RULES {
        if let Look::File(look) = rule.look {
            for message in look(file) {
                tell(
                    rule,
                    Context::File,
                    file.path,
                    Place { start: 0, end: 0, line: 1, column: 1 },
                    message,
                    None,
                    all,
                );
            }
        }
    }
    let Some(whole) = readable(file.bytes) else { return };
    let lines = Lines::new(whole);
    let units = extract::units(file.path, file.executable, whole);
    look_at_page(&Page::new(file, whole, &units, depth), &lines, all);
    for unit in units {
        if matches!(unit.kind, Kind::Code(_)) {
            words.extend(unit.text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase));
        }
        let mut seen = Vec::new();
        let mut followed = follow(&unit, machine, &mut seen);
        // These are told as a shell would have it, and are none.
        if matches!(page::ending(file.path).as_str(), "ps1" | "psm1" | "psd1" | "bat" | "cmd" | "fish") {
            followed.faults.clear();
        }
        for rule in RULES {
            let place = |span: Span| {
                lines.place(unit.origin(span.start), unit.origin(span.end.max(span.start + 1) - 1) + 1)
            };
            match rule.look {
                Look::Event(look) => {
                    for (event, span) in &seen {
                        if let Some(message) = look(event, &Around { text: &unit.text, words }) {
                            let reads_as = match event {
                                Event::Run { what, .. } => rewritten(what, &unit.text),
                                _ => None,
                            };
                            tell(rule, unit.context, file.path, place(*span), message, reads_as, all);
                        }
                    }
                }
                Look::Text(look) => {
                    for (span, message) in look(&unit) {
                        tell(rule, unit.context, file.path, place(span), message, None, all);
                    }
                }
                Look::Followed(look) => {
                    for (span, message) in look(&unit, &followed) {
                        tell(rule, unit.context, file.path, place(span), message, None, all);
                    }
                }
                Look::Page(_) | Look::File(_) => {}
            }
        }
    }
}

/// What the rules say of a whole text: the heaviest first, and not more than anybody reads.
fn look_at_page(page: &Page<'_>, lines: &Lines<'_>, all: &mut Vec<Finding>) {
    for rule in RULES {
        let Look::Page(look) = rule.look else { continue };
        let mut hits = look(page);
        hits.sort_by_key(|hit| (std::cmp::Reverse(hit.tier), hit.span));
        for hit in hits.into_iter().take(page::MOST) {
            let (context, _) = page.area(hit.span.start);
            if let Some(tier) = rule.weight.of(context) {
                let place = lines.place(hit.span.start, hit.span.end);
                tell(rule, context, page.file.path, place, hit.message, hit.reads_as, all);
                if let Some(told) = all.last_mut() {
                    told.tier = tier.min(hit.tier);
                }
            }
        }
    }
}

/// What a text that is run comes to, where that does not stand there as it is.
fn rewritten(what: &Value, around: &str) -> Option<String> {
    let text = what.text.trim();
    (what.is_known() && !text.is_empty() && !around.contains(text)).then(|| text::escape_short(text, 400))
}

fn tell(
    rule: &Rule,
    context: Context,
    path: &str,
    place: Place,
    message: String,
    reads_as: Option<String>,
    all: &mut Vec<Finding>,
) {
    if let Some(tier) = rule.weight.of(context) {
        all.push(Finding {
            rule: rule.id.to_owned(),
            tier,
            context,
            path: path.to_owned(),
            place,
            message,
            reads_as,
        });
    }
}

/// A file as text, if it is one and not too large.
fn readable(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    (bytes.len() <= LARGEST && !text.contains('\0')).then_some(text)
}

/// Follows one piece; what it would do is put behind what was seen.
fn follow(unit: &Unit, machine: &mut Machine, seen: &mut Vec<(Event, Span)>) -> Followed {
    let Kind::Code(language) = unit.kind else { return Followed::default() };
    if language == Language::Shell {
        let reading = read::read(&unit.text);
        machine.follow(&reading.script);
        let trace = machine.take();
        for (event, span) in trace.events {
            // `python3 -c '…'`: a program inside of a command.
            if let Event::Run { language, how: How::Argument | How::Input, what } = &event
                && *language != Language::Shell
            {
                program(*language, &what.text.clone(), Some(span), machine, seen);
            }
            seen.push((event, span));
        }
        return Followed { faults: reading.faults, cut: trace.cut };
    }
    let cut = program(language, &unit.text, None, machine, seen);
    Followed { cut, ..Followed::default() }
}

/// Follows a program in another language than the shell's, at its own places or
/// all at one. Whether something was not followed to its end.
fn program(
    language: Language,
    text: &str,
    place: Option<Span>,
    machine: &mut Machine,
    seen: &mut Vec<(Event, Span)>,
) -> bool {
    let mut cut = false;
    for (act, span) in code::acts(language, text) {
        let span = place.unwrap_or(span);
        match act {
            Act::Run(what) => seen.push((Event::Run { language, how: How::Argument, what }, span)),
            Act::Shell(what) => {
                let known = what.text.chars().any(|c| c != UNKNOWN && !c.is_whitespace());
                let text = what.text.clone();
                if !what.from.kinds.is_empty() {
                    seen.push((Event::Run { language: Language::Shell, how: How::Argument, what }, span));
                }
                if known {
                    machine.follow(&read::read(&text).script);
                    let trace = machine.take();
                    cut |= trace.cut;
                    seen.extend(trace.events.into_iter().map(|(event, _)| (event, span)));
                }
            }
        }
    }
    cut
}

/// The heaviest of these.
#[must_use]
pub fn heaviest(findings: &[Finding]) -> Option<Tier> {
    findings.iter().map(|finding| finding.tier).max()
}
