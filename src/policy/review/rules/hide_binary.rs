//! `hide.binary`

use super::super::File;
use super::super::page::ending;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "hide.binary",
    title: "a program that cannot be read",
    weight: Weight { run: None, fence: None, inline: None, prose: None, file: Some(Tier::Confirm) },
    owasp: &["AST01", "AST08"],
    what: "A file in a format of executable code: ELF, PE, Mach-O, Java classes and archives, Python bytecode, WebAssembly.",
    why: "Nobody can review it here. What a skill says about it may be true or not.",
    instead: "Ship the source, or name a package in a registry.",
    limits: "Told by the first bytes, and by the ending for archives of Java. Programs inside of archives, pictures or documents are not looked for.",
    bad: "A tool.\n=== bin/tool ===\n\u{7f}ELF\u{2}\u{1}\u{1}\u{0}\u{0}\u{0}\u{0}\u{0}",
    alike: "A list.\n=== bin/list ===\nELF\u{2}\u{1}\n=== a.txt ===\nMZ is how it begins, PE comes later.\n",
    look: Look::File(|file| {
        executable(file).map(|format| format!("a file of executable code: {format}")).into_iter().collect()
    }),
};

/// The format of executable code that a file is in.
pub(super) fn executable(file: &File<'_>) -> Option<&'static str> {
    let bytes = file.bytes;
    let ending = ending(file.path);
    let zip = bytes.starts_with(b"PK\x03\x04");
    Some(match bytes {
        [0x7f, b'E', b'L', b'F', ..] => "ELF",
        [b'M', b'Z', ..] if is_pe(bytes) => "PE",
        [0xfe, 0xed, 0xfa, 0xce | 0xcf, ..] | [0xce | 0xcf, 0xfa, 0xed, 0xfe, ..] => "Mach-O",
        [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, ..] => "Mach-O or a Java class",
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => "WebAssembly",
        [b'd', b'e', b'x', b'\n', b'0', ..] => "Dalvik",
        [b'!', b'<', b'a', b'r', b'c', b'h', b'>', ..] => "a library or package archive",
        [0x1b, b'L', b'u', b'a', ..] => "Lua bytecode",
        [_, _, 0x0d, 0x0a, ..] if matches!(ending.as_str(), "pyc" | "pyo") => "Python bytecode",
        _ if matches!(ending.as_str(), "pyc" | "pyo") => "Python bytecode",
        _ if zip
            && matches!(
                ending.as_str(),
                "jar" | "war" | "apk" | "xpi" | "vsix" | "crx" | "whl" | "egg" | "ipa"
            ) =>
        {
            "an archive of a program"
        }
        _ if matches!(
            ending.as_str(),
            "exe" | "dll" | "so" | "dylib" | "msi" | "scr" | "com" | "class" | "wasm" | "node"
        ) && !is_text(bytes) =>
        {
            "by its ending"
        }
        _ => return None,
    })
}

/// Whether it is text.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    !bytes.contains(&0) && std::str::from_utf8(bytes).is_ok()
}

fn is_pe(bytes: &[u8]) -> bool {
    let at = bytes.get(0x3c..0x40).and_then(|at| at.try_into().ok()).map(u32::from_le_bytes);
    let mark = at.and_then(|at| usize::try_from(at).ok()).and_then(|at| bytes.get(at..at.checked_add(4)?));
    mark == Some(b"PE\0\0") || bytes.len() > 64 && bytes.iter().take(256).any(|byte| *byte == 0)
}
