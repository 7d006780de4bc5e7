//! `hide.extension`

use super::super::File;
use super::super::markdown::is_command;
use super::super::page::ending;
use super::hide_binary::{executable, is_text};
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

/// Endings of what is no text.
const OPAQUE: &[&str] = &[
    "png", "jpg", "jpeg", "gif", "webp", "bmp", "ico", "tiff", "pdf", "zip", "gz", "tgz", "xz", "bz2", "7z",
    "rar", "ttf", "otf", "woff", "woff2", "mp3", "mp4", "wav", "ogg", "docx", "xlsx", "pptx",
];
/// Endings of what is read and not run.
const READ: &[&str] = &[
    "json", "csv", "tsv", "log", "xml", "toml", "ini", "cfg", "conf", "dat", "bib", "css", "svg", "license",
    "lock", "rst",
];

pub(super) static RULE: Rule = Rule {
    id: "hide.extension",
    title: "a file that is not what its ending says",
    weight: Weight { run: None, fence: None, inline: None, prose: None, file: Some(Tier::Confirm) },
    owasp: &["AST01", "AST04"],
    what: "A script named as a picture, an archive, a document or a list; a program or an archive named as text.",
    why: "The ending is why nobody opens it.",
    instead: "Name it by what it is.",
    limits: "A script named `.txt` is read as the script that it is. Text that stands in for a large file is left alone. One format of pictures in place of another is no matter.",
    bad: "Logo.\n=== assets/logo.png ===\n#!/bin/sh\necho hi\n",
    alike: "Logo.\n=== assets/logo.png ===\nversion https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n=== notes.txt ===\nhello\n",
    look: Look::File(|file| told(file).into_iter().collect()),
};

fn told(file: &File<'_>) -> Option<String> {
    let ending = ending(file.path);
    let format = executable(file).filter(|format| *format != "by its ending");
    let known = OPAQUE.contains(&ending.as_str())
        || READ.contains(&ending.as_str())
        || matches!(ending.as_str(), "md" | "txt" | "sh" | "py" | "js" | "ts");
    if let Some(format) = format.filter(|_| known) {
        return Some(format!("named `.{ending}` and is executable code: {format}"));
    }
    let archive = [&b"PK\x03\x04"[..], b"\x1f\x8b\x08", b"7z\xbc\xaf", b"Rar!", b"\xfd7zXZ", b"BZh9"]
        .iter()
        .any(|mark| file.bytes.starts_with(mark));
    if archive
        && (READ.contains(&ending.as_str())
            || matches!(ending.as_str(), "md" | "txt" | "png" | "jpg" | "jpeg" | "gif" | "sh" | "py" | "js"))
    {
        return Some(format!("named `.{ending}` and is an archive"));
    }
    let text = std::str::from_utf8(file.bytes).ok().filter(|_| is_text(file.bytes))?;
    let script = text.starts_with("#!/") || text.starts_with("@echo off") || text.starts_with("<?php");
    let opaque = OPAQUE.contains(&ending.as_str());
    if opaque && !text.starts_with("version https://git-lfs") && text.len() > 8 {
        let what = if script || text.lines().take(200).any(is_command) { "a script" } else { "text" };
        return Some(format!("named `.{ending}` and is {what}"));
    }
    (script && READ.contains(&ending.as_str())).then(|| format!("named `.{ending}` and is a script"))
}
