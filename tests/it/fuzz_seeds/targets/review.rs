//! Files of skills, as a review and the dependency gate take them apart. The
//! first byte says under which name the rest lies in the skill.

use skill_trust::model::digest::Digest;
use skill_trust::model::finding::Finding;
use skill_trust::model::text;
use skill_trust::policy::deps::{Folders, collect, plan};
use skill_trust::policy::review::shell::machine::{Event, Machine, Trace};
use skill_trust::policy::review::shell::read::read;
use skill_trust::policy::review::{File, extract, scan};
use std::collections::BTreeSet;

/// Names that are read in different ways.
pub(crate) const NAMES: &[&str] = &[
    "SKILL.md",
    "scripts/run.sh",
    "scripts/fill.py",
    "index.js",
    "package.json",
    "Makefile",
    "Dockerfile",
    ".github/workflows/ci.yml",
    "notes.ipynb",
    "setup.ps1",
    "setup.bat",
    "page.html",
    "logo.svg",
    "settings.json",
    "pyproject.toml",
    "requirements.txt",
    "run",
    "Cargo.toml",
    "go.mod",
    "Gemfile",
    "Brewfile",
    "environment.yml",
    "Pipfile",
    "config.yaml",
];

/// The name, and the text that lies there.
fn named(data: &[u8]) -> (&'static str, String) {
    let (first, rest) = data.split_first().unwrap_or((&0, &[]));
    (NAMES[usize::from(*first) % NAMES.len()], String::from_utf8_lossy(rest).into_owned())
}

/// Pieces: each byte of one is a byte of the file, and there are not more than
/// a few times as many.
pub(crate) fn pieces(data: &[u8]) {
    let (name, whole) = named(data);
    let units = extract::units(name, name == "run", &whole);
    assert_eq!(units, extract::units(name, name == "run", &whole), "two readings");
    let mut bytes = 0;
    for unit in &units {
        bytes += unit.text.len();
        for at in 0..unit.text.len() {
            assert!(unit.origin(at) < whole.len().max(1), "{at} of {unit:?} in {whole:?}");
        }
    }
    assert!(bytes <= 16 * whole.len() + 4096, "{bytes} out of {}", whole.len());
}

/// A shell text: it is read to its end, once and for all; what it would do is
/// bounded, and the same for words that are quoted otherwise.
pub(crate) fn shell(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let reading = read(&text);
    assert_eq!(reading, read(&text), "two readings");
    assert!(reading.faults.iter().all(|(_, at)| *at <= text.len()), "{:?}", reading.faults);
    let first = followed(&text);
    assert_eq!(first, followed(&text), "two ways");
    for (_, span) in &first.events {
        assert!(span.start <= span.end && span.end <= text.len(), "{span:?} in {text:?}");
    }
    quoted(data);
}

fn followed(text: &str) -> Trace {
    let mut machine = Machine::default();
    machine.follow(&read(text).script);
    machine.take()
}

/// Plain words in a pipeline, and the same with quotes put into each in two ways.
fn quoted(data: &[u8]) {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./:,+".contains(byte);
    let words = data.split(|byte| !plain(byte)).filter(|word| !word.is_empty()).take(12);
    // None of these is a reserved word or an assignment.
    let words: Vec<_> = words.map(|word| format!("x{}", String::from_utf8_lossy(word))).collect();
    let joined = |quote: &dyn Fn(&str) -> String| {
        let all = words.iter().enumerate();
        let all = all.map(|(at, word)| format!("{}{}", if at % 4 == 3 { "| " } else { "" }, quote(word)));
        all.collect::<Vec<_>>().join(" ")
    };
    let calls = |line: &str| -> Vec<(String, Vec<String>)> {
        let events = followed(line).events.into_iter();
        let calls = events.filter_map(|(event, _)| match event {
            Event::Call { name, argv, .. } => {
                Some((name, argv.into_iter().map(|word| word.text.to_string()).collect()))
            }
            _ => None,
        });
        calls.collect()
    };
    let as_it_is = calls(&joined(&str::to_owned));
    for quote in [
        &(|word: &str| format!("{}''{}", &word[..1], &word[1..])) as &dyn Fn(&str) -> String,
        &|word: &str| format!("\\{word}"),
        &|word: &str| format!("\"{word}\""),
        &|word: &str| format!("$'{word}'"),
        &|word: &str| format!("{}\\\n{}", &word[..1], &word[1..]),
    ] {
        let line = joined(quote);
        assert_eq!(as_it_is, calls(&line), "{line:?}");
    }
}

/// A whole file: every finding stands in it, all are in order, none shows
/// anything that hides once it is escaped, and it is the same review twice.
pub(crate) fn review(data: &[u8]) {
    let (name, whole) = named(data);
    let file = File { path: name, bytes: whole.as_bytes(), executable: name == "run" };
    let found = scan(&[file]);
    assert_eq!(found, scan(&[file]), "two reviews");
    let key = |one: &Finding| (std::cmp::Reverse(one.tier), one.place.start);
    assert!(found.is_sorted_by_key(key), "{found:?}");
    for one in &found {
        let place = one.place;
        assert!(place.start <= place.end && place.end <= whole.len(), "{one:?}");
        assert!(whole.is_char_boundary(place.start) && whole.is_char_boundary(place.end), "{one:?}");
        assert!(place.line >= 1 && place.column >= 1 && one.path == name, "{one:?}");
        super::shown(&text::escape(&one.message));
    }
}

/// What a file asks to have installed: a step is a program and its words, and
/// nothing of the author's is an option or ends a word.
pub(crate) fn wanted(data: &[u8]) {
    let (name, whole) = named(data);
    let file = File { path: name, bytes: whole.as_bytes(), executable: name == "run" };
    let digest = Digest::from_bytes([7; 32]);
    let all = || plan(digest, &collect::collect(&[file]), "linux", &Folders::default(), &BTreeSet::new());
    let planned = all();
    assert_eq!(planned, all(), "two plans");
    for step in &planned.steps {
        let last = step.argv.iter().position(|word| word == "--");
        for (at, word) in step.argv.iter().enumerate() {
            assert!(
                !word.is_empty() && word.is_ascii() && !word.contains(|c: char| c.is_control()),
                "{step:?}"
            );
            assert!(last.is_none_or(|last| at <= last) || !word.starts_with('-'), "{step:?}");
        }
    }
}
