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
mod cited;
pub mod code;
pub mod extract;
pub mod hosts;
pub mod markdown;
pub mod page;
pub mod rules;
pub mod secrets;
pub mod shell;
pub mod unit;

#[cfg(test)]
mod hostile;

use crate::model::finding::{Context, Finding, Place, Tier};
use crate::model::text;
use page::Page;
use rules::{Around, Followed, Look, RULES, Rule};
use shell::budget::Budget;
use shell::known::Language;
use shell::machine::{Event, Machine};
use shell::read;
use shell::tree::{Fault, Span};
use shell::value::Value;
use std::collections::{BTreeMap, BTreeSet};
use unit::{Kind, Lines, Unit};

/// Largest file that is read as text.
pub const LARGEST: usize = 1024 * 1024;

/// Findings of one rule at one tier in one file; more say nothing more.
const MOST_TOLD: usize = 200;

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
    let mut all = scan_from(files, 0).0;
    rules::dep_undeclared::add(files, &mut all);
    all
}

/// As [`scan`], of a text that came out of that many others; with what that took.
fn scan_from(files: &[File<'_>], depth: usize) -> (Vec<Finding>, Budget) {
    let mut order: Vec<&File<'_>> = files.iter().collect();
    order.sort_by_key(|file| (file.path != "SKILL.md", file.path));
    let (mut machine, mut words, mut report) = (Machine::default(), BTreeSet::new(), Report::default());
    for file in order {
        report.path = file.path.to_owned();
        report.said.clear();
        report.told.clear();
        report.counts.clear();
        look_at(file, depth, &mut machine, &mut words, &mut report);
    }
    let mut all = report.all;
    all.sort_by(|a, b| {
        (b.tier, &a.path, a.place.start, &a.rule).cmp(&(a.tier, &b.path, b.place.start, &b.rule))
    });
    all.dedup_by(|b, a| a.path == b.path && a.rule == b.rule && a.place.line == b.place.line);
    (all, machine.budget)
}

/// One file: its pieces, what they would do, and what the rules say of it.
fn look_at(
    file: &File<'_>,
    depth: usize,
    machine: &mut Machine,
    words: &mut BTreeSet<String>,
    report: &mut Report,
) {
    for rule in RULES {
        if let Look::File(look) = rule.look {
            for message in look(file) {
                let place = Place { start: 0, end: 0, line: 1, column: 1 };
                report.tell(rule, Context::File, place, message, None);
            }
        }
    }
    let Some(whole) = readable(file.bytes) else { return };
    let lines = Lines::new(whole);
    let units = extract::units(file.path, file.executable, whole);
    look_at_page(&Page::new(file, whole, &units, depth), &lines, report);
    for unit in units {
        if matches!(unit.kind, Kind::Code(_)) {
            words.extend(unit.text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase));
        }
        let mut seen = Vec::new();
        let mut followed = follow(&unit, machine, &mut seen);
        // These are told as a shell would have it, and are none.
        if matches!(page::ending(file.path).as_str(), "ps1" | "psm1" | "psd1" | "bat" | "cmd" | "fish") {
            followed.faults.retain(|(fault, _)| *fault == Fault::Deep);
        }
        let warns = cited::is_warning(&unit, whole);
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
                            let cited = warns || cited::is_printed(&unit, *span);
                            report.tell_of(rule, unit.context, cited, place(*span), message, reads_as);
                        }
                    }
                }
                Look::Text(look) => {
                    for (span, message) in look(&unit) {
                        report.tell(rule, unit.context, place(span), message, None);
                    }
                }
                Look::Followed(look) => {
                    for (span, message) in look(&unit, &followed) {
                        report.tell(rule, unit.context, place(span), message, None);
                    }
                }
                Look::Page(_) | Look::File(_) => {}
            }
        }
    }
}

/// What the rules say of a whole text: the heaviest first, and not more than anybody reads.
fn look_at_page(page: &Page<'_>, lines: &Lines<'_>, report: &mut Report) {
    for rule in RULES {
        let Look::Page(look) = rule.look else { continue };
        let mut hits = look(page);
        hits.sort_by_key(|hit| (std::cmp::Reverse(hit.tier), hit.span));
        for hit in hits.into_iter().take(page::MOST) {
            let (context, _) = page.area(hit.span.start);
            if let Some(tier) = rule.weight.of(context) {
                let place = lines.place(hit.span.start, hit.span.end);
                let tier = tier.min(hit.tier);
                report.add(rule, tier, context, place, hit.message, hit.reads_as);
            }
        }
    }
}

/// What a text that is run comes to, where that does not stand there as it is.
fn rewritten(what: &Value, around: &str) -> Option<String> {
    let text = what.text.trim();
    (what.is_known() && !text.is_empty() && !around.contains(text)).then(|| text::escape_short(text, 400))
}

/// Findings as they come.
#[derive(Default)]
struct Report {
    all: Vec<Finding>,
    /// The file that is looked at.
    path: String,
    /// Which rules were found in which lines of the file that is looked at.
    said: BTreeSet<(&'static str, Tier, usize)>,
    /// What was said of what would happen, by rule.
    told: BTreeMap<(&'static str, bool), BTreeSet<(Context, String)>>,
    /// How often each.
    counts: BTreeMap<(&'static str, Tier), usize>,
}

impl Report {
    fn tell(
        &mut self,
        rule: &Rule,
        context: Context,
        place: Place,
        message: String,
        reads_as: Option<String>,
    ) {
        self.tell_of(rule, context, false, place, message, reads_as);
    }

    /// The same, of what may only be shown as a warning.
    fn tell_of(
        &mut self,
        rule: &Rule,
        context: Context,
        cited: bool,
        place: Place,
        message: String,
        reads_as: Option<String>,
    ) {
        // What a program that was fetched does next is the same news each time.
        let told = self.told.entry((rule.id, cited)).or_default();
        if told.len() < MOST_TOLD && !told.insert((context, message.clone())) {
            return;
        }
        if let Some(tier) = rule.weight.of(context) {
            let tier = if cited { tier.min(Tier::Confirm) } else { tier };
            self.add(rule, tier, context, place, message, reads_as);
        }
    }

    /// Attack: a file of nothing but findings, which fill the memory of whoever keeps them.
    fn add(
        &mut self,
        rule: &Rule,
        tier: Tier,
        context: Context,
        place: Place,
        message: String,
        reads_as: Option<String>,
    ) {
        let count = self.counts.entry((rule.id, tier)).or_default();
        if *count >= MOST_TOLD || !self.said.insert((rule.id, tier, place.line)) {
            return;
        }
        *count += 1;
        let (rule, path) = (rule.id.to_owned(), self.path.clone());
        self.all.push(Finding { rule, tier, context, path, place, message, reads_as });
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
    let mut faults = BTreeSet::new();
    if language == Language::Shell {
        let reading = read::read(&unit.text);
        machine.follow(&reading.script);
        faults = reading.faults;
    } else {
        machine.program(language, &unit.text);
    }
    let trace = machine.take();
    seen.extend(trace.events);
    Followed { faults, cut: trace.cut }
}

/// The heaviest of these.
#[must_use]
pub fn heaviest(findings: &[Finding]) -> Option<Tier> {
    findings.iter().map(|finding| finding.tier).max()
}
