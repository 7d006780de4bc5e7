//! `meta.unreadable`

use super::super::page::ending;
use super::super::{File, LARGEST};
use super::hide_binary::{executable, is_text};
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

/// Endings of what should be text.
const TEXT: &[&str] = &[
    "md",
    "mdx",
    "markdown",
    "mdc",
    "txt",
    "rst",
    "sh",
    "bash",
    "zsh",
    "fish",
    "ksh",
    "command",
    "py",
    "pyw",
    "js",
    "mjs",
    "cjs",
    "ts",
    "mts",
    "tsx",
    "jsx",
    "rb",
    "pl",
    "pm",
    "php",
    "ps1",
    "psm1",
    "bat",
    "cmd",
    "vbs",
    "lua",
    "r",
    "go",
    "rs",
    "java",
    "c",
    "h",
    "cpp",
    "cs",
    "swift",
    "kt",
    "json",
    "yaml",
    "yml",
    "ipynb",
    "jsonc",
    "json5",
    "bats",
    "psd1",
    "mts",
    "cts",
    "xhtml",
    "mk",
    "make",
    "dockerfile",
    "containerfile",
    "toml",
    "ini",
    "cfg",
    "conf",
    "env",
    "xml",
    "html",
    "htm",
    "svg",
    "css",
    "csv",
    "tsv",
    "sql",
    "",
];
const ARCHIVES: &[&str] = &[
    "zip", "gz", "tgz", "tar", "xz", "txz", "bz2", "7z", "rar", "zst", "cab", "iso", "dmg", "pkg", "deb",
    "rpm", "skill",
];

pub(super) static RULE: Rule = Rule {
    id: "meta.unreadable",
    title: "a file that could not be looked at",
    weight: Weight { run: None, fence: None, inline: None, prose: None, file: Some(Tier::Confirm) },
    owasp: &["AST08"],
    what: "A file that should be text by its ending, by its first line or because it is run as a program, and is \
           none or is larger than 1 MiB; or an archive.",
    why: "What could not be read was not looked at. That must not pass for clean.",
    instead: "Ship text as UTF-8 and in files of a size that somebody reads, and what is in an archive as files.",
    limits: "Pictures, fonts, sound and documents are not text and are left alone. What is not UTF-8 and has no \
             byte 0 is looked at all the same, with a stand-in for each byte that is no text.",
    bad: "Notes.\n=== notes.txt ===\na\u{0}b\n",
    alike: "Notes.\n=== notes.txt ===\nab, привет\n=== picture.png ===\n\u{0}\u{1}\n",
    look: Look::File(|file| told(file).into_iter().collect()),
};

/// What is said of text in another encoding than UTF-8.
const ODD: &str = "it is not UTF-8, and bytes that are no text in it were passed over";

fn told(file: &File<'_>) -> Option<String> {
    let ending = ending(file.path);
    if executable(file).is_some() || file.bytes.is_empty() {
        return None;
    }
    let text = is_text(file.bytes);
    if ARCHIVES.contains(&ending.as_str()) && !text {
        return Some("an archive, which is not looked into".to_owned());
    }
    let program = file.bytes.starts_with(b"#!");
    if file.bytes.len() > LARGEST && (text || program || TEXT.contains(&ending.as_str())) {
        return Some(format!("it is longer than {LARGEST} bytes, and no more are looked at"));
    }
    (!text && (TEXT.contains(&ending.as_str()) || program || file.executable))
        .then(|| if file.bytes.contains(&0) { "should be text and is none" } else { ODD }.to_owned())
}
