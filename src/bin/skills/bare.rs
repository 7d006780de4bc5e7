//! The program without its command line: `gate` and `kill --all` alone.

use skill_trust::ops::{World, stop};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// `[--home DIR] kill --all`, else the usage.
pub(crate) fn main(args: &[OsString]) -> ExitCode {
    let mut world = World::usual("cli");
    let mut words = Vec::new();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match (arg.to_str(), rest.len()) {
            (Some("--home"), 1..) => world.home = rest.next().map(PathBuf::from).unwrap_or_default(),
            (word, _) => words.push(word.unwrap_or_default()),
        }
    }
    if words != ["kill", "--all"] {
        eprintln!("this build knows: gate NAME, gate --all, kill --all");
        return ExitCode::from(2);
    }
    let killed = stop::kill_all(&world, None);
    if killed.report.is_held() {
        eprintln!("killed");
        ExitCode::SUCCESS
    } else {
        eprintln!("NOT KILLED");
        ExitCode::FAILURE
    }
}
