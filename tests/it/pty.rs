//! The terminal harness itself, tried with a shell.

use crate::support::pty::Pty;
use std::path::Path;

fn shell(script: &str) -> Pty {
    let environment = [("LC_ALL", "C.UTF-8")];
    Pty::start(Path::new("/bin/sh"), &["-c", script], &environment, Path::new("/"), (24, 80))
}

#[test]
fn a_program_reads_from_its_controlling_terminal() {
    let mut pty = shell("printf 'name? '; read x </dev/tty; echo got $x; exit 7");
    assert_eq!(pty.wait_for("name? "), "name? ");
    pty.send("ana\r");
    pty.wait_for("got ana");
    let (shown, code) = pty.finish();
    assert_eq!((shown.as_str(), code), ("name? ana\r\ngot ana\r\n", 7));
}

#[test]
fn the_window_can_be_resized() {
    let mut pty = shell("stty size; read x; stty size");
    pty.wait_for("24 80");
    pty.resize(50, 132);
    pty.send("\r");
    pty.wait_for("50 132");
    assert_eq!(pty.finish().1, 0);
}

#[test]
fn keys_that_signal_and_signals_arrive() {
    let mut pty = shell("echo ready; read x; echo not reached");
    pty.wait_for("ready");
    pty.send("\u{3}");
    let (shown, code) = pty.finish();
    assert!(code != 0 && !shown.contains("not reached"), "{code} {shown}");
    let mut pty = shell("trap 'echo caught; exit 5' TERM; echo ready; while :; do sleep 0.01; done");
    pty.wait_for("ready");
    pty.signal(15);
    pty.wait_for("caught");
    assert_eq!(pty.finish().1, 5);
}
