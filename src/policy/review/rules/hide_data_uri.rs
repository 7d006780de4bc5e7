//! `hide.data-uri`

use super::super::page::{Hit, Page};
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

/// What browsers and viewers run.
const ACTIVE: &[&str] = &[
    "text/html",
    "text/javascript",
    "application/javascript",
    "application/x-javascript",
    "application/xhtml+xml",
    "application/x-sh",
    "text/x-sh",
    "application/x-msdownload",
    "application/vnd.microsoft.portable-executable",
    "application/hta",
    "application/java-archive",
    "application/zip",
    "application/x-shellscript",
];

pub(super) static RULE: Rule = Rule {
    id: "hide.data-uri",
    title: "a program inside of an address",
    weight: Weight::of_commands(Tier::Warn, Tier::Note, Some(Tier::Confirm)),
    owasp: &["AST01"],
    what: "A `data:` address that holds a page, a script, an archive or a program, in sentences or in code.",
    why: "It is a file that no list of files shows.",
    instead: "Ship it as a file.",
    limits: "Pictures, fonts and styles are left alone; what base64 in them comes to is `hide.encoded-blob`.",
    bad: "Open [the form](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0PiAgIDxiPmhlbGxvPC9iPg==) to go on.\n",
    alike: "![dot](data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk) and the prefix `data:text/html`.\n",
    look: Look::Page(look),
};

fn look(page: &Page<'_>) -> Vec<Hit> {
    let mut all = Vec::new();
    for (start, _) in page.text.match_indices("data:") {
        let rest = page.text.get(start + 5..).unwrap_or_default();
        let head: String = rest.chars().take(64).take_while(|c| *c != ',').collect();
        let kind = head.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let holds = rest.get(head.len() + 1..).is_some_and(|held| {
            held.bytes().take(24).filter(|c| !b"\"'`) {}$<>\n".contains(c)).count() == 24
        });
        if ACTIVE.contains(&kind.as_str()) && holds {
            let end = start + 5 + head.len();
            all.push(Hit::new(start, end, Tier::Confirm, format!("an address that holds `{kind}`")));
        }
    }
    all
}
