//! Asking programs that nobody here wrote: Python libraries behind a small
//! script, which answers one line of JSON with another.
//!
//! `scripts/interop-tools` installs them; `scripts/test` calls it.

use serde_json::Value;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// Asks a script below `tests/it`, many questions at once.
pub(crate) fn ask(script: &str, requests: &[Value]) -> Vec<Value> {
    let here = env!("CARGO_MANIFEST_DIR");
    let python = format!("{here}/target/interop/venv/bin/python");
    assert!(std::path::Path::new(&python).exists(), "{script}: run scripts/interop-tools first");
    let mut child = Command::new(python)
        .args(["-I", "-B", &format!("{here}/tests/it/{script}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let lines: String = requests.iter().map(|request| format!("{request}\n")).collect();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), requests.len());
    answers
}
