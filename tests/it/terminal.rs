//! Every prompt and table in a real terminal emulator, at 80 and 200 columns,
//! with and without colour, on homes in every condition and on skills whose
//! names and text are made to harm.
//!
//! [`SCREENS`](screens::SCREENS) is a table: a line of it is a screen. What must
//! hold is the same for all of them and stands in [`look`]. With `SCREENS_TO`
//! naming a folder, each screen is also written there, to be read.

mod emulator;
mod screens;
mod stage;

use emulator::{Emulator, Run, Shown};
use screens::{SCREENS, Screen};
use stage::{EVIL, Stages};

/// Rows of the emulated screen; longer output scrolls off and is read all the same.
const ROWS: usize = 50;

/// What stands for something in arguments and in what is looked for.
fn fill(word: &str, stages: &Stages) -> String {
    let short = |digest: &str| digest["sha256:".len()..][..12].to_owned();
    word.replace("{old}", &stages.old)
        .replace("{oldrev}", &format!("pdf-forms@{}", short(&stages.old)))
        .replace("{new}", &stages.new)
        .replace("{newrev}", &format!("pdf-forms@{}", short(&stages.new)))
        .replace("{hostile}", &stages.hostile)
        .replace("{top}", stages.sandbox.top().to_str().unwrap())
        .replace("{long}", stage::LONG)
}

/// One screen, as it is shown with these flags; none where this machine cannot.
fn show(emulator: &Emulator, stages: &Stages, screen: &Screen, columns: usize, color: &str) -> Option<Shown> {
    stages.restore(screen.stage);
    let mut args = vec!["--color".to_owned(), color.to_owned()];
    args.extend(screen.args.iter().map(|arg| fill(arg, stages)));
    let program = stages.program(&args, screen.account)?;
    let folder = stages.sandbox.at("work");
    let answers: Vec<_> = screen.answers.iter().map(|(text, keys)| (fill(text, stages), *keys)).collect();
    let answers: Vec<_> = answers.iter().map(|(text, keys)| (text.as_str(), *keys)).collect();
    let run = Run { program: &program, folder: &folder, columns, rows: ROWS, answers: &answers };
    Some(emulator.run(&run))
}

/// What must hold of every screen.
fn look(screen: &Screen, stages: &Stages, shown: &Shown, columns: usize, color: &str) {
    let all = shown.rows.join("\n");
    let bad = |what: &str| -> ! { panic!("{} at {columns}, colour {color}: {what}\n{all}", screen.name) };
    if shown.exit != screen.exit {
        bad(&format!("exit code {}, not {}", shown.exit, screen.exit));
    }
    // Nothing but colours of ours reaches the terminal.
    let raw = String::from_utf8(shown.raw.clone()).unwrap_or_else(|_| bad("not text"));
    let plain = without_colours(&raw);
    if let Some(c) = plain.chars().find(|c| c.is_control() && !"\r\n".contains(*c)) {
        bad(&format!("a raw {c:?} was written"));
    }
    if plain.replace("\r\n", "").contains('\r') {
        bad("a row was written over");
    }
    if color == "never" && raw.contains('\u{1b}') {
        bad("colour all the same");
    }
    if let Some(c) = plain.chars().find(|c| "\u{202e}\u{200b}\u{feff}\u{e0041}\u{430}\u{a0}".contains(*c)) {
        bad(&format!("U+{:04X} was written", c as u32));
    }
    // The terminal breaks no row by itself, but for a long command alone on its own.
    for line in shown.lines.iter().filter(|line| !shown.rows.contains(line)) {
        let copied = line.trim_start();
        let whole = screen.whole.iter().any(|start| copied.starts_with(start));
        if !(copied.starts_with("skills ") || whole) || line.len() - copied.len() > 2 {
            bad(&format!("broken by the terminal: {line}"));
        }
    }
    if let Some(row) = shown.rows.iter().find(|row| row.trim_start().starts_with("\\u{a}")) {
        bad(&format!("a line end of ours was written out: {row}"));
    }
    // What an author wrote begins no row.
    if let Some(row) = shown.rows.iter().find(|row| row.starts_with(EVIL)) {
        bad(&format!("begins a row: {row}"));
    }
    for line in &shown.lines {
        for (at, found) in line.match_indices("sha256:") {
            let hex = line[at + found.len()..].chars().take_while(char::is_ascii_hexdigit).count();
            // `sha256:` alone, `sha256:…` in a usage, and `sha256:00` in hostile text.
            let meant = matches!(&line[at + found.len()..].get(..hex), Some("" | "00"));
            if hex != 64 && !meant {
                bad(&format!("a digest is broken: {line}"));
            }
        }
    }
    for copy in screen.copy {
        let copy = fill(copy, stages);
        if !shown.lines.iter().any(|line| line.contains(&copy)) {
            bad(&format!("not whole on one line: {copy}"));
        }
    }
    for says in screen.says {
        let says = fill(says, stages);
        if !all.contains(&says) {
            bad(&format!("not said: {says}"));
        }
    }
    for (row, cursor) in &shown.asked {
        let asks = row.trim_end().ends_with("[y/N]") || row.trim_end().ends_with(':');
        if !asks || *cursor != row.trim_end().chars().count() + 1 {
            bad(&format!("asked with the cursor at {cursor} of: {row}"));
        }
    }
}

fn without_colours(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("\u{1b}[") {
        out.push_str(&rest[..at]);
        let after = &rest[at + 2..];
        let end = after.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(after.len());
        if after[end..].starts_with('m') {
            rest = &after[end + 1..];
        } else {
            out.push('\u{1b}');
            rest = &rest[at + 1..];
        }
    }
    out + rest
}

/// Text as two runs share it: they may lie on either side of a full minute.
fn timeless(rows: &[String]) -> Vec<String> {
    let ago = |row: &String| {
        let row = row.replace("1 minute ago", "just now");
        if row.contains(", after the last record") { String::new() } else { row }
    };
    rows.iter().map(ago).collect()
}

fn keep(screen: &Screen, columns: usize, shown: &Shown) {
    let Some(folder) = std::env::var_os("SCREENS_TO") else { return };
    let folder = std::path::Path::new(&folder);
    std::fs::create_dir_all(folder).unwrap();
    let ruler = "-".repeat(columns);
    let text = format!(
        "skills {}\n{ruler}\n{}\n{ruler}\nexit {}\n",
        screen.args.join(" "),
        shown.rows.join("\n"),
        shown.exit
    );
    std::fs::write(folder.join(format!("{columns}-{}.txt", screen.name)), text).unwrap();
}

fn every_screen(columns: usize) {
    let (emulator, stages) = (Emulator::start(), Stages::new());
    let mut faults = Vec::new();
    for screen in SCREENS {
        let seen = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let Some(plain) = show(&emulator, &stages, screen, columns, "never") else { return };
            keep(screen, columns, &plain);
            look(screen, &stages, &plain, columns, "never");
            let Some(coloured) = show(&emulator, &stages, screen, columns, "always") else { return };
            look(screen, &stages, &coloured, columns, "always");
            assert_eq!(
                timeless(&plain.rows),
                timeless(&coloured.rows),
                "{}: the text depends on the colour",
                screen.name
            );
        }));
        faults.extend(seen.is_err().then_some(screen.name));
    }
    assert!(faults.is_empty(), "at {columns} columns: {faults:?}");
}

#[test]
fn every_screen_at_80_columns() {
    every_screen(80);
}

#[test]
fn every_screen_at_200_columns() {
    every_screen(200);
}
