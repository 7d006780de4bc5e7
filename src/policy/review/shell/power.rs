//! PowerShell, as far as a review asks: what is fetched or decoded and then run.
//!
//! No parser of the language: statements are lines and what stands between
//! semicolons, names of variables and files are followed from one to the next, and
//! a statement that calls a plain program is read as a shell would read it.

use super::super::code::{Act, Program};
use super::tree::Span;
use super::value::{Origin, Value};
use std::collections::BTreeMap;

/// What brings bytes in. In lower case.
const FETCHES: &[&str] = &[
    "irm",
    "iwr",
    "invoke-restmethod",
    "invoke-webrequest",
    "downloadstring",
    "downloadfile",
    "downloaddata",
    "start-bitstransfer",
    "webclient",
    "curl",
    "wget",
];
/// What decodes.
const DECODES: &[&str] = &["frombase64string", "-bxor", "gzipstream", "deflatestream"];
/// What runs a text.
const RUNS: &[&str] = &["iex", "invoke-expression", "scriptblock", "invokescript"];
/// What starts a file, as a word of its own.
const STARTS: &[&str] =
    &["&", ".", "start-process", "saps", "start", "invoke-item", "ii", "powershell", "pwsh", "msiexec"];

/// What prints: a text that it is given is no command.
const PRINTS: &[&str] = &["write-host ", "write-output ", "write-verbose ", "write-warning ", "echo "];

/// Names of variables and files that are remembered.
const MOST_NAMES: usize = 256;

/// Longest text that is looked at.
const LONGEST: usize = 256 * 1024;

/// Whether an option of the program is followed by a word that belongs to it. Any beginning of its name will do.
pub(super) fn takes_value(option: &str) -> bool {
    const VALUED: &[&str] = &[
        "windowstyle",
        "executionpolicy",
        "ep",
        "ex",
        "version",
        "psconsolefile",
        "inputformat",
        "outputformat",
        "configurationname",
        "workingdirectory",
        "wd",
        "settingsfile",
        "custompipename",
    ];
    let name = option.trim_start_matches(['-', '/']).to_ascii_lowercase();
    !name.is_empty() && option.starts_with(['-', '/']) && VALUED.iter().any(|full| full.starts_with(&name))
}

/// What a text of PowerShell does.
#[must_use]
pub fn acts(text: &str) -> Program {
    let cut = text.len() > LONGEST;
    let text = &text[..text.floor_char_boundary(LONGEST)];
    let (mut held, mut all) = (BTreeMap::new(), Vec::new());
    let mut at = 0;
    for statement in text.split_inclusive(['\n', ';']) {
        let span = Span {
            start: at + (statement.len() - statement.trim_start().len()),
            end: at + statement.trim_end().len(),
        };
        at += statement.len();
        let line = statement.trim().trim_end_matches(';');
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.starts_with(|c: char| c.is_ascii_alphabetic()) && !line.contains(['{', '`']) {
            // A shell knows no such names.
            let truth = ["$true", "$True", "$false", "$False"].iter();
            let line = truth.fold(line.to_owned(), |line, name| line.replace(name, &format!("'{name}'")));
            all.push((Act::Shell(Value::known(line)), span));
        }
        if let Some(what) = run_by(line, &mut held) {
            all.push((Act::Run(what), span));
        }
    }
    Program { acts: all, cut: cut || held.len() >= MOST_NAMES, work: 0 }
}

/// What a statement runs that was fetched or decoded; what it sets is remembered.
fn run_by(line: &str, held: &mut BTreeMap<String, Value>) -> Option<Value> {
    let mut low = line.to_lowercase();
    if PRINTS.iter().any(|word| low.starts_with(word)) {
        low = without_quoted(&low);
    }
    let words: Vec<&str> = low.split(|c: char| !(c.is_alphanumeric() || "-_$.\\/:&~%".contains(c))).collect();
    let has = |list: &[&str]| {
        list.iter()
            .any(|one| words.iter().any(|word| word == one || word.rsplit(['.', ':']).next() == Some(one)))
    };
    let mut value = Value::unknown();
    if has(FETCHES) {
        value = value.and(Origin::Fetched);
    }
    if has(DECODES) || low.contains("-bxor") {
        value = value.and(Origin::Decoded);
    }
    if let Some(at) = line.find("http") {
        let url =
            line[at..].split(|c: char| c.is_whitespace() || "'\")];|".contains(c)).next().unwrap_or_default();
        value.from.urls.insert(url.chars().take(300).collect());
    }
    for (name, earlier) in held.iter() {
        if words
            .iter()
            .any(|word| file_name(word) == name || word == name || word.split('.').next() == Some(name))
        {
            value.from.add(&earlier.from);
        }
    }
    if value.from.kinds.is_empty() {
        return None;
    }
    let starts = words
        .first()
        .is_some_and(|word| STARTS.contains(word) || word.starts_with(".\\") || word.starts_with("./"));
    if has(RUNS) || starts && !has(FETCHES) {
        return Some(value);
    }
    if held.len() >= MOST_NAMES {
        return None;
    }
    if let Some((name, _)) = low.split_once('=').filter(|(name, _)| name.trim().starts_with('$')) {
        held.insert(name.trim().to_owned(), value.clone());
    }
    let behind = words
        .iter()
        .position(|word| matches!(*word, "-outfile" | "-o" | "-destination"))
        .and_then(|at| words.get(at + 1));
    let stored = behind.copied().or_else(|| {
        has(&["downloadfile"]).then(|| words.iter().rfind(|word| word.contains('.')).copied()).flatten()
    });
    if let Some(name) = stored.map(file_name).filter(|name| !name.is_empty()) {
        held.insert(name.to_owned(), value);
    }
    None
}

fn without_quoted(line: &str) -> String {
    let mut open = None;
    let outside = |c: &char| {
        let inside = open.is_some();
        match open {
            Some(mark) if mark == *c => open = None,
            None if matches!(c, '"' | '\'') => open = Some(*c),
            _ => {}
        }
        !inside && open.is_none()
    };
    line.chars().filter(outside).collect()
}

fn file_name(path: &str) -> &str {
    path.rsplit(['\\', '/']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::value::Origin;
    use super::{Act, acts};

    fn run(text: &str) -> Vec<Origin> {
        let values = acts(text).acts.into_iter().filter_map(|(act, _)| match act {
            Act::Run(value) => Some(value),
            Act::Shell(_) => None,
        });
        values.flat_map(|value| value.from.kinds).collect()
    }

    #[test]
    fn what_is_fetched_and_run_is_found_in_its_spellings() {
        for text in [
            "iex (irm https://example.com/x)",
            "IEX(New-Object Net.WebClient).DownloadString('https://example.com/x')",
            "$s = Invoke-RestMethod https://example.com/x\nInvoke-Expression $s",
            "$w = New-Object System.Net.WebClient; $t = $w.DownloadString('https://example.com'); iex $t",
            "& ([scriptblock]::Create((irm https://example.com/x)))",
            "iwr https://example.com/x.ps1 -OutFile x.ps1; & .\\x.ps1",
            "(New-Object Net.WebClient).DownloadFile('https://example.com/a.exe', \"$env:TEMP\\a.exe\")\nStart-Process $env:TEMP\\a.exe",
        ] {
            assert_eq!(run(text), [Origin::Fetched], "{text}");
        }
        assert_eq!(
            run("iex ([Text.Encoding]::UTF8.GetString([Convert]::FromBase64String('aQ==')))"),
            [Origin::Decoded]
        );
    }

    #[test]
    fn what_is_fetched_and_kept_is_left_alone() {
        for text in [
            "iwr https://example.com/x.json -OutFile x.json; Get-Content x.json | ConvertFrom-Json",
            "$r = Invoke-RestMethod https://example.com/x\nWrite-Host $r.name",
            "Get-Process | Where-Object { $_.CPU -gt 1 }\n& .\\build.ps1",
        ] {
            assert!(run(text).is_empty(), "{text}");
        }
    }
}
