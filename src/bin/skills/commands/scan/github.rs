//! Annotations: one line each, as the runner of GitHub's workflows reads them
//! from what a step prints.
//!
//! ```text
//! ::error file=a/b.sh,line=3,col=1,endLine=3,endColumn=9,title=exec.fetch::words
//! ```
//!
//! Attack: a file's name or a text that holds a line break, so that the rest of
//! it is a command of its own; or a `,` or `::`, so that it is another field.

use super::{Looked, View, not_whole};
use skill_trust::model::excerpt::Region;
use skill_trust::model::finding::Tier;
use skill_trust::model::text;
use skill_trust::ops::scan::is_unread;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::path::Path;

/// The lines, the heaviest first: no more than ten of a kind are shown for a step.
pub(super) fn lines(all: &[Looked], view: View) -> Vec<String> {
    let mut out = Vec::new();
    // The policy is one for all that was named.
    let about: BTreeSet<_> = all.iter().flat_map(|looked| not_whole(&looked.scan)).collect();
    for (tier, title, words) in &about {
        out.push((Reverse(*tier), line(kind(*tier), None, None, title, words)));
    }
    for looked in all {
        let scan = &looked.scan;
        for fault in &scan.faults {
            out.push((Reverse(Tier::Block), line("error", None, None, "not searched", &fault.to_string())));
        }
        for skill in &scan.skills {
            let file = looked.path(&skill.folder, "SKILL.md");
            for fault in &skill.faults {
                let (tier, title) = if is_unread(fault) {
                    (Tier::Block, "not looked at")
                } else {
                    (Tier::Confirm, "refused")
                };
                out.push((Reverse(tier), line(kind(tier), Some(&file), None, title, &fault.to_string())));
            }
            for told in skill.told.iter().filter(|told| told.finding.tier >= view.min) {
                let finding = &told.finding;
                let file = looked.path(&skill.folder, &finding.path);
                let mut words = finding.message.clone();
                if let Some(reads_as) = &finding.reads_as {
                    words.push_str(&format!("\nreads as: {reads_as}"));
                }
                let title = format!("{} {}", finding.tier.name(), finding.rule);
                let line = line(kind(finding.tier), Some(&file), told.region.as_ref(), &title, &words);
                out.push((Reverse(finding.tier), line));
            }
        }
        for other in scan.elsewhere.iter().filter(|other| other.tier >= view.min) {
            let title = format!("{} {}", other.tier.name(), other.rule);
            let path = other.path.as_deref().unwrap_or("no file");
            let words = format!("{} (it names {path}, which was not looked at)", other.message);
            out.push((Reverse(other.tier), line(kind(other.tier), None, None, &title, &words)));
        }
    }
    out.sort_by_key(|(tier, _)| *tier);
    out.into_iter().map(|(_, line)| line).collect()
}

/// The three kinds that there are, for our four.
const fn kind(tier: Tier) -> &'static str {
    match tier {
        Tier::Block => "error",
        Tier::Confirm => "warning",
        Tier::Warn | Tier::Note => "notice",
    }
}

fn line(kind: &str, file: Option<&Path>, region: Option<&Region>, title: &str, words: &str) -> String {
    let mut fields = Vec::new();
    if let Some(file) = file {
        // A path is compared with what lies there: no letter of it is written out
        // but those that nobody would see.
        let file = text::escape_bytes(file.as_os_str().as_encoded_bytes());
        fields.push(format!("file={}", field(&file)));
        let (line, end) = region.map_or((1, 1), |region| (region.line, region.end_line));
        fields.push(format!("line={line},endLine={end}"));
        // Columns are understood in a single line alone.
        if let Some(region) = region.filter(|region| region.line == region.end_line) {
            fields.push(format!("col={},endColumn={}", region.column, region.end_column));
        }
    }
    fields.push(format!("title={}", property(title)));
    format!("::{kind} {}::{}", fields.join(","), data(words))
}

/// The words behind the second `::`.
fn data(words: &str) -> String {
    let lines: Vec<_> = words.split('\n').map(text::reveal).collect();
    encoded(&lines.join("\n"))
}

/// The value of a field before it, for people.
fn property(value: &str) -> String {
    data(value).replace(':', "%3A").replace(',', "%2C")
}

/// The same of what programs read, which is escaped already.
fn field(value: &str) -> String {
    encoded(value).replace(':', "%3A").replace(',', "%2C")
}

/// What would end a line or begin an escape.
fn encoded(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How the runner reads a line, by its documentation.
    fn read(line: &str) -> (String, Vec<(String, String)>, String) {
        let un = |text: &str| {
            let text = text.replace("%2C", ",").replace("%3A", ":").replace("%0A", "\n");
            text.replace("%0D", "\r").replace("%25", "%")
        };
        let (head, words) = line.strip_prefix("::").unwrap().split_once("::").unwrap();
        let (kind, fields) = head.split_once(' ').unwrap();
        let field =
            |field: &str| field.split_once('=').map(|(name, value)| (name.to_owned(), un(value))).unwrap();
        (kind.to_owned(), fields.split(',').map(field).collect(), un(words))
    }

    #[test]
    fn a_line_is_read_as_it_was_meant() {
        let region = Region { start: 0, end: 4, line: 3, column: 2, end_line: 3, end_column: 6 };
        let made = line("error", Some(Path::new("a b/c.sh")), Some(&region), "BLOCK exec.fetch", "runs `x`");
        assert_eq!(
            made,
            "::error file=a b/c.sh,line=3,endLine=3,col=2,endColumn=6,title=BLOCK exec.fetch::runs `x`"
        );
        let across = Region { end_line: 5, ..region };
        let made = line("notice", Some(Path::new("c")), Some(&across), "t", "w");
        assert_eq!(made, "::notice file=c,line=3,endLine=5,title=t::w");
    }

    #[test]
    fn a_file_is_named_as_it_lies_there() {
        let path = "\u{434}\u{43e}\u{43a}s/p\u{430}y \u{e9}.sh";
        let made = line("error", Some(Path::new(path)), None, "p\u{430}y", "p\u{430}y");
        assert_eq!(made, format!("::error file={path},line=1,endLine=1,title=p\\u{{430}}y::p\\u{{430}}y"));
    }

    #[test]
    fn attack_no_text_makes_a_second_command_or_another_field() {
        for evil in [
            "a\n::add-mask::x",
            "a\r\n::stop-commands::x",
            "a\r::error::x",
            "a,line=9,title=all is well",
            "a::b",
            "100%0A::error::x",
            "%25%0A",
            "\u{1b}[2Jx",
            "a\u{2028}::error::x",
            "##[error]x",
        ] {
            let made = line("error", Some(Path::new(evil)), None, evil, evil);
            assert_eq!(made.lines().count(), 1, "{made:?}");
            assert!(!made.contains('\r') && !made.chars().any(text::is_hidden), "{made:?}");
            let (kind, fields, words) = read(&made);
            let names: Vec<_> = fields.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(
                (kind.as_str(), names),
                ("error", vec!["file", "line", "endLine", "title"]),
                "{made:?}"
            );
            let as_shown: Vec<_> = evil.split('\n').map(text::reveal).collect();
            assert_eq!(words, as_shown.join("\n"), "{made:?}");
        }
    }
}
