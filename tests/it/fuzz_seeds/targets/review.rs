//! The review: the pieces of a file, commands read and followed, and a whole look.
//!
//! The first byte of a file says what it is called, the rest is what it holds.

use skill_trust::policy::review::extract::units;
use skill_trust::policy::review::shell::machine::Machine;
use skill_trust::policy::review::shell::read::read;
use skill_trust::policy::review::shell::tree::Fault;
use skill_trust::policy::review::{File, scan};

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
    assert_eq!(all, units(name, false, text));
}

/// What follows a text is found, or it is told that something is open; what is found
/// stands in the text, and nothing is longer than is kept.
pub(crate) fn shell(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let text = format!("{text}\n\nmarker end\n");
    let reading = read(&text);
    let shown = format!("{:?}", reading.script);
    assert!(shown.contains("Plain(\"marker\")") || !reading.faults.is_empty(), "{text:?}");
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

/// The same findings each time, the heaviest first, each at a place of its file; what
/// is no text and should be some is told.
pub(crate) fn look(data: &[u8]) {
    let Some((name, bytes)) = named(data) else { return };
    let other = File { path: "other.sh", bytes: b"sh run.sh\n./tool\n", executable: true };
    let file = File { path: name, bytes, executable: false };
    let found = scan(&[file, other]);
    assert_eq!(found, scan(&[other, file]));
    assert!(found.windows(2).all(|pair| pair[0].tier >= pair[1].tier), "{found:?}");
    let text = std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
    for one in &found {
        let of = if one.path == name { text } else { std::str::from_utf8(other.bytes).ok() };
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
