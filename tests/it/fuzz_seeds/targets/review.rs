//! The review: the pieces of a file, commands read and followed, and a whole look.
//!
//! The first byte of a file says what it is called, the rest is what it holds.

use super::sampled;
use skill_trust::policy::review::extract::units;
use skill_trust::policy::review::shell::machine::{Event, Machine};
use skill_trust::policy::review::shell::read::read;
use skill_trust::policy::review::shell::tree::{Fault, Span};
use skill_trust::policy::review::{File, scan, text_of};

/// A name of each kind of file that is taken apart in a way of its own.
pub(crate) const NAMES: &[&str] = &[
    "SKILL.md",
    "notes/a.md",
    "run.sh",
    "run.py",
    "run.js",
    "run.rb",
    "run.pl",
    "run.php",
    "run.ps1",
    "run.bat",
    "package.json",
    "a.json",
    "book.ipynb",
    "page.html",
    "page.svg",
    "Makefile",
    "justfile",
    "Dockerfile",
    ".github/workflows/a.yml",
    "notes.txt",
    "tool",
];

fn named(data: &[u8]) -> Option<(&'static str, &[u8])> {
    let (first, rest) = data.split_first()?;
    Some((NAMES[usize::from(*first) % NAMES.len()], rest))
}

/// Every piece has its place in the file, and together they are not much more than it.
pub(crate) fn pieces(data: &[u8]) {
    let Some((name, Ok(text))) = named(data).map(|(name, rest)| (name, std::str::from_utf8(rest))) else {
        return;
    };
    let all = units(name, false, text);
    for unit in &all {
        for at in (0..unit.text.len()).step_by(1 + unit.text.len() / 64) {
            let origin = unit.origin(at);
            // What a reader adds of its own at the end has its place behind it.
            assert!(origin <= text.len() + 8, "{name}: byte {at} of {unit:?} is {origin} of {}", text.len());
        }
    }
    let bytes: usize = all.iter().map(|unit| unit.text.len()).sum();
    assert!(bytes <= 8 * text.len() + 1024, "{name}: {bytes} of {}", text.len());
    if sampled(data) {
        assert_eq!(all, units(name, false, text));
    }
}

/// What follows a text is found, or it is told that something is open; what is found
/// stands in the text, and nothing is longer than is kept. Quotes, escapes and line
/// ends within words change no call.
pub(crate) fn shell(data: &[u8]) {
    if sampled(data) {
        quoted(data);
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    let text = format!("{text}\n\nmarker end\n");
    let reading = read(&text);
    if sampled(data) && reading.faults.is_empty() {
        assert!(format!("{:?}", reading.script).contains("Plain(\"marker\")"), "{text:?}");
    }
    assert!(reading.faults.iter().all(|(_, at)| *at <= text.len()), "{text:?}");
    let mut machine = Machine::default();
    machine.follow(&reading.script);
    let trace = machine.take();
    assert!(trace.events.len() <= 20_000);
    for (event, span) in &trace.events {
        assert!(span.start <= span.end && span.end <= text.len(), "{span:?} of {event:?} in {text:?}");
    }
    let deep = reading.faults.iter().any(|(fault, _)| *fault == Fault::Deep);
    assert!(deep || !text.contains(&"$(".repeat(60)) || trace.cut || !reading.faults.is_empty());
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
        let events = followed(line).into_iter();
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

fn followed(text: &str) -> Vec<(Event, Span)> {
    let mut machine = Machine::default();
    machine.follow(&read(text).script);
    machine.take().events
}

/// The same findings each time, the heaviest first, each at a place of its file; what
/// is no text and should be some is told.
pub(crate) fn look(data: &[u8]) {
    let Some((name, bytes)) = named(data) else { return };
    let other = File { path: "other.sh", bytes: b"sh run.sh\n./tool\n", executable: true };
    let file = File { path: name, bytes, executable: false };
    let found = scan(&[file, other]);
    if sampled(data) {
        assert_eq!(found, scan(&[other, file]));
    }
    assert!(found.windows(2).all(|pair| pair[0].tier >= pair[1].tier), "{found:?}");
    let text = text_of(bytes);
    for one in &found {
        let of = if one.path == name { text.clone() } else { text_of(other.bytes) };
        let Some(of) = of else {
            assert_eq!((one.place.start, one.place.end), (0, 0), "{one:?}");
            continue;
        };
        assert!(of.get(one.place.start..one.place.end).is_some(), "{one:?}");
        assert_eq!(one.place.line, of[..one.place.start].matches('\n').count() + 1, "{one:?}");
    }
    if text.is_none() && name.contains('.') && !name.ends_with("svg") {
        assert!(found.iter().any(|one| one.path == name), "{name}: {bytes:?}");
    }
}
