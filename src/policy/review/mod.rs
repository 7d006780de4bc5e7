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
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use unit::{Kind, Lines, Unit};

/// Largest file that is read as text.
pub const LARGEST: usize = 1024 * 1024;

/// In how many languages a file is looked at that is run as a program, beside what it
/// is by its name.
const LANGUAGES: usize = 2;

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
    let mut walk = Walk::default();
    for file in &order {
        walk.begin(file);
        walk.look_at(file, depth);
    }
    walk.look_at_programs(&order);
    let mut all = walk.report.all;
    all.sort_by(|a, b| {
        let key = |one: &Finding| (one.path.clone(), one.place.start, one.rule.clone(), one.message.clone());
        (b.tier, key(a)).cmp(&(a.tier, key(b)))
    });
    all.dedup_by(|b, a| {
        (&a.path, &a.rule, a.place.line, &a.message) == (&b.path, &b.rule, b.place.line, &b.message)
    });
    (all, walk.machine.budget)
}

/// Files as they are looked at, one behind the other.
#[derive(Default)]
struct Walk {
    machine: Machine,
    /// Words of all programs.
    words: BTreeSet<String>,
    report: Report,
    /// Names of files that some text has run as a program, and what by.
    programs: BTreeSet<(String, Language)>,
    /// Files that were looked at as programs of a language.
    known: BTreeSet<(String, Language)>,
}

impl Walk {
    fn begin(&mut self, file: &File<'_>) {
        self.report.path = file.path.to_owned();
        self.report.said.clear();
        self.report.told.clear();
        self.report.counts.clear();
    }

    /// One file: its pieces, what they would do, and what the rules say of it.
    fn look_at(&mut self, file: &File<'_>, depth: usize) {
        for rule in RULES {
            if let Look::File(look) = rule.look {
                for message in look(file) {
                    self.report.tell(rule, Context::File, BEGIN, message, None);
                }
            }
        }
        let Some(whole) = text_of(file.bytes) else { return };
        let lines = Lines::new(&whole);
        let units = extract::units(file.path, file.executable, &whole);
        look_at_page(&Page::new(file, &whole, &units, depth), &lines, &mut self.report);
        for unit in &units {
            self.look_at_unit(file, unit, &whole, &lines);
        }
    }

    /// Files that some text of the skill has run as a program, whatever they are called.
    /// Attack: commands in `data.txt`, and `bash data.txt`.
    fn look_at_programs(&mut self, files: &[&File<'_>]) {
        // A program may name another one: each file is looked at once for each language.
        // Attack: a long file that has itself run in every one.
        let mut counts = BTreeMap::<&str, usize>::new();
        while let Some((name, language)) = self.programs.pop_first() {
            for file in files.iter().filter(|file| base(file.path) == name) {
                if !self.known.insert((file.path.to_owned(), language)) {
                    continue;
                }
                self.begin(file);
                let count = counts.entry(file.path).or_default();
                *count += 1;
                if *count > LANGUAGES {
                    let message = "it is run as a program of more languages than are looked at".to_owned();
                    self.report.tell(rules::unreadable(), Context::File, BEGIN, message, None);
                    continue;
                }
                match text_of(file.bytes) {
                    Some(whole) => {
                        let unit = Unit::at(Context::Script, Kind::Code(language), &whole, 0);
                        self.look_at_unit(file, &unit, &whole, &Lines::new(&whole));
                    }
                    None => {
                        let message = "it is run as a program, and is none that can be read".to_owned();
                        self.report.tell(rules::unreadable(), Context::File, BEGIN, message, None);
                    }
                }
            }
        }
    }

    fn look_at_unit(&mut self, file: &File<'_>, unit: &Unit, whole: &str, lines: &Lines<'_>) {
        if let Kind::Code(language) = unit.kind {
            self.words.extend(unit.text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase));
            // A file of commands in texts has to be looked at again as what it is not.
            if unit.text.len() == whole.len() {
                self.known.insert((file.path.to_owned(), language));
            }
        }
        let mut seen = Vec::new();
        let mut followed = follow(unit, &mut self.machine, &mut seen);
        followed.cut |= unit.cut;
        // These are told as a shell would have it, and are none.
        if matches!(page::ending(file.path).as_str(), "ps1" | "psm1" | "psd1" | "bat" | "cmd" | "fish") {
            followed.faults.retain(|(fault, _)| *fault == Fault::Deep);
        }
        self.programs.extend(seen.iter().filter_map(|(event, _)| program_file(event)));
        let warns = cited::is_warning(unit, whole);
        let place = |span: Span| {
            lines.place(unit.origin(span.start), unit.origin(span.end.max(span.start + 1) - 1) + 1)
        };
        for rule in RULES {
            match rule.look {
                Look::Event(look) => {
                    for (event, span) in &seen {
                        let around = Around { text: &unit.text, words: &self.words };
                        if let Some(message) = look(event, &around) {
                            let reads_as = match event {
                                Event::Run { what, .. } => rewritten(what, &unit.text),
                                _ => None,
                            };
                            let cited = warns || cited::is_printed(unit, *span);
                            self.report.tell_of(rule, unit.context, cited, place(*span), message, reads_as);
                        }
                    }
                }
                Look::Text(look) => {
                    for (span, message) in look(unit) {
                        self.report.tell(rule, unit.context, place(span), message, None);
                    }
                }
                Look::Followed(look) => {
                    for (span, message) in look(unit, &followed) {
                        self.report.tell(rule, unit.context, place(span), message, None);
                    }
                }
                Look::Page(_) | Look::File(_) => {}
            }
        }
    }
}

/// The place of what is said of a file as a whole.
const BEGIN: Place = Place { start: 0, end: 0, line: 1, column: 1 };

/// The name of a file.
fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The file that a command has run as a program, and what it is then written in.
fn program_file(event: &Event) -> Option<(String, Language)> {
    let Event::Call { name, argv, .. } = event else { return None };
    let language = match name.as_str() {
        "." | "source" => Language::Shell,
        name => shell::known::interpreter(name)?,
    };
    let file = argv.iter().skip(1).find(|word| !word.text.starts_with('-'))?;
    let file = base(&file.text);
    let plain =
        !file.is_empty() && file.len() < 256 && !file.contains(|c: char| c.is_whitespace() || c.is_control());
    plain.then(|| (file.to_owned(), language))
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
    /// Which rules said what of which lines of the file that is looked at.
    said: BTreeSet<(&'static str, Tier, usize, String)>,
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
        if *count >= MOST_TOLD || !self.said.insert((rule.id, tier, place.line, message.clone())) {
            return;
        }
        *count += 1;
        let (rule, path) = (rule.id.to_owned(), self.path.clone());
        self.all.push(Finding { rule, tier, context, path, place, message, reads_as });
    }
}

/// A file as text, if it is one and not too large.
#[must_use]
pub fn text_of(bytes: &[u8]) -> Option<Cow<'_, str>> {
    text::with_stand_ins(bytes).filter(|_| bytes.len() <= LARGEST)
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
