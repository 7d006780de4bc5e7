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
    // Where only root's own files keep their owner, a home is not safe to the program.
    let makes_home = screen.stage != "none"
        || (screen.args.first() == Some(&"adopt") && !screen.args.contains(&"--dry-run"));
    if screen.account.is_some() && makes_home && !nix::unistd::geteuid().is_root() {
        eprintln!("NOT RUN: {} needs root to have an account of its own", screen.name);
        return None;
    }
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
        if line.starts_with("{\"schema\":") {
            continue;
        }
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
    // Behind the gutter an author's text is cut wherever the row ends.
    for line in shown.lines.iter().filter(|line| line.get(6..8) != Some("| ")) {
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
        // On a slow machine, of a later minute. The longer numbers first.
        let minutes = (2..60).rev().map(|count| format!("{count} minutes ago"));
        let row = minutes.fold(row, |row, ago| row.replace(&ago, "just now"));
        // The second in which something happened.
        let row = match row.rfind('T').filter(|at| row[*at..].ends_with('Z') && row.len() - at == 10) {
            Some(at) => row[..at].to_owned(),
            None => row,
        };
        // How long the drill took is never the same twice.
        let row = if row.contains("  after ") && row.contains(" ms") {
            row.chars().filter(|c| !c.is_ascii_digit() && *c != '.').collect()
        } else {
            row
        };
        // The clock's own row: when it is, and nothing else of it.
        match row.split_once(", after the last record") {
            Some((before, after)) => {
                let start = before.rfind(' ').map_or(0, |at| at + 1);
                assert!(is_time(&before[start..]), "{row}");
                format!("{}NOW, after the last record{after}", &before[..start])
            }
            None => row,
        }
    };
    rows.iter().map(ago).collect()
}

/// `2026-01-31T12:00:00Z`; without its hour, which was cut off above.
fn is_time(text: &str) -> bool {
    text.len() >= 10 && text.chars().all(|c| c.is_ascii_digit() || "-:TZ".contains(c))
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

/// A screen of its own, for what the table cannot say.
fn alone(stages: &Stages, stage: &str, args: &[&str], columns: usize, answers: &[(&str, &str)]) -> Shown {
    stages.restore(stage);
    let args: Vec<_> = args.iter().map(|arg| fill(arg, stages)).collect();
    let program = stages.program(&args, None).unwrap();
    let folder = stages.sandbox.at("work");
    Emulator::start().run(&Run { program: &program, folder: &folder, columns, rows: 24, answers })
}

/// Its keys reach it, it shows the text and nothing else, and what decides is
/// on the screen after it.
#[test]
fn what_is_longer_than_the_screen_goes_through_a_pager() {
    if !std::path::Path::new("/usr/bin/less").exists() {
        return eprintln!("NOT RUN: this machine has no /usr/bin/less");
    }
    let stages = Stages::new();
    let review = ["review", "hostile", "--color", "always"];
    let bait = stages.sandbox.arg("work/hacked");
    // Ctrl-C, a shell, an editor, another file: refused, and what follows is taken for a search.
    let keys = format!("\u{3}!>{bait}\r\rv:e /etc/passwd\r\r");
    let answers = [("MARKS", keys.as_str()), ("EVIL", "\r\rq")];
    let shown = alone(&stages, "installed", &review, 100, &answers);
    assert_eq!(shown.exit, 0);
    let last = shown.rows.iter().rev().find(|row| !row.is_empty()).unwrap();
    assert!(last.starts_with("Next:    skills trust hostile@"), "{:#?}", shown.rows);
    assert!(shown.rows.iter().any(|row| row.contains(&stages.hostile)), "{:#?}", shown.rows);
    assert!(
        !shown.rows.iter().any(|row| row.starts_with(EVIL) || row.contains("root:")),
        "{:#?}",
        shown.rows
    );
    assert!(!std::path::Path::new(&bait).exists());
    // What fits needs none.
    let shown = alone(&stages, "installed", &["review", "{long}"], 100, &[]);
    assert!(shown.rows[0].starts_with("skill    "), "{:#?}", shown.rows);
}

/// The attack: an agent or a project's `.env` names a program in `PAGER`.
#[test]
fn no_variable_names_the_pager_or_gives_it_orders() {
    let stages = Stages::new();
    stages.restore("installed");
    let bait = stages.sandbox.arg("work/hacked");
    let script = stages.sandbox.at("work/less");
    std::fs::write(&script, format!("#!/bin/sh\ntouch {bait}\n")).unwrap();
    crate::support::sandbox::chmod(&script, 0o755);
    let script = script.to_str().unwrap();
    let mut program: Vec<String> =
        ["env", "-i", "TERM=screen-256color"].iter().map(|word| (*word).to_owned()).collect();
    for name in ["PAGER", "SKILLS_PAGER", "GIT_PAGER", "MANPAGER", "VISUAL", "EDITOR", "SHELL", "LESSEDIT"] {
        program.push(format!("{name}={script}"));
    }
    program.push(format!("LESSOPEN=|{script} %s"));
    program.push(format!("LESSCLOSE={script} %s %s"));
    program.push(format!("LESS=+!touch {bait}"));
    program.push(format!("PATH={}:/usr/bin:/bin", stages.sandbox.arg("work")));
    program.push(format!("HOME={}", stages.sandbox.arg("work")));
    program.push(crate::support::sandbox::PROGRAM.to_owned());
    program.extend(["--home".to_owned(), stages.sandbox.arg("home")]);
    program.extend(["review", "hostile"].map(str::to_owned));
    let folder = stages.sandbox.at("work");
    let paged = std::path::Path::new("/usr/bin/less").exists();
    let answers: &[(&str, &str)] = if paged { &[("MARKS", "v!x\rq")] } else { &[] };
    let run = Run { program: &program, folder: &folder, columns: 100, rows: 60, answers };
    assert_eq!(Emulator::start().run(&run).exit, 0);
    assert!(!std::path::Path::new(&bait).exists());
}

#[test]
fn side_by_side_needs_120_columns_and_says_so() {
    let stages = Stages::new();
    let review = ["review", "{newrev}", "--side-by-side", "--no-pager"];
    let shown = alone(&stages, "update", &review, 119, &[]).rows.join("\n");
    assert!(shown.contains("side by side needs a terminal of 120 columns, this one has 119"), "{shown}");
    assert!(shown.contains("    4 | -     print(name)\n    5 | +     print(name, flush=True)"), "{shown}");
    let shown = alone(&stages, "update", &review, 120, &[]);
    let row = shown.rows.iter().find(|row| row.contains("print(name)")).unwrap();
    assert_eq!(row, &format!("{:<60}    5 | +     print(name, flush=True)", "    4 | -     print(name)"));
    assert!(shown.lines == shown.rows, "{:#?}", shown.rows);
}

/// `skills review x | head -1`: quiet, and as if everything had been read.
#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let stages = Stages::new();
    stages.restore("killed");
    for (args, code) in [
        (&["review", "hostile"][..], 0),
        (&["status", "-v"], 0),
        (&["audit", "show"], 0),
        (&["doctor"], 0),
        (&["verify"], 0),
        (&["--help"], 0),
        (&["review", "no-such"], 3),
    ] {
        let mut command = stages.sandbox.command(args);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Closed at once: not one line is read.
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(code), "{args:?}: {said}");
        assert!(code != 0 || said.is_empty(), "{args:?}: {said}");
    }
}

#[test]
fn a_closed_error_stream_changes_no_exit_code() {
    let stages = Stages::new();
    for (args, code) in
        [(&["review", "no-such"][..], 3), (&["--home", "", "status"], 2), (&["--nonsense"], 2)]
    {
        stages.restore("installed");
        let mut command = stages.sandbox.command(args);
        let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
        drop(child.stderr.take());
        assert_eq!(child.wait().unwrap().code(), Some(code), "{args:?}");
    }
}

/// Screens that a person read line by line: `fixtures/screens/COLUMNS-NAME.txt`.
const READ: &[(usize, &str)] = &[
    (80, "review-update"),
    (120, "review-beside"),
    (80, "trust-update"),
    (80, "review-files"),
    (80, "install-list"),
    (80, "review-blocked"),
    (80, "trust-despite-no"),
    (80, "status-override"),
];

/// Without what differs from machine to machine: the folder and the account.
fn anywhere(rows: &[String], stages: &Stages) -> String {
    let rows = timeless(rows);
    let top = stages.sandbox.top().to_str().unwrap();
    let id = std::process::Command::new("id").arg("-un").output().unwrap().stdout;
    let by = format!(" by {}", String::from_utf8(id).unwrap().trim());
    let mut text: Vec<_> = rows.iter().map(|row| row.replace(&by, "").replace(top, "TOP")).collect();
    while text.last().is_some_and(String::is_empty) {
        text.pop();
    }
    text.join("\n") + "\n"
}

#[test]
fn the_screens_that_were_read_are_as_they_were() {
    let (emulator, stages) = (Emulator::start(), Stages::new());
    let mut faults = Vec::new();
    for (columns, name) in READ {
        let screen = SCREENS.iter().find(|screen| screen.name == *name).unwrap();
        let shown = show(&emulator, &stages, screen, *columns, "never").unwrap();
        let file = format!("{}/fixtures/screens/{columns}-{name}.txt", env!("CARGO_MANIFEST_DIR"));
        let (found, read) =
            (anywhere(&shown.rows, &stages), std::fs::read_to_string(&file).unwrap_or_default());
        if found != read {
            faults.push(format!("{file} was:\n{read}\nand is now; read it before you keep it:\n{found}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_screen_has_a_name_of_its_own_and_a_stage_that_exists() {
    let mut names: Vec<_> = SCREENS.iter().map(|screen| screen.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), SCREENS.len());
    assert!(SCREENS.iter().all(|screen| stage::STAGES.contains(&screen.stage)));
}
