//! Thousands of damaged archives, ours against every other reader of this
//! machine.
//!
//! Where ours takes an archive, all others must have taken it, with the same
//! files. Where ours refuses what all others agree on, nobody is harmed; these
//! are counted by reason. `ARCHIVES_CASES=10000` makes more of them, and with
//! `UPDATE_REFERENCE=1` the table in `docs/archives.md` is written.

use super::damage::{Dice, damaged_tar, damaged_zip, items, parts};
use super::make::{gzip, read, tar, zip};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

/// The other readers.
struct Readers {
    child: Child,
    answers: BufReader<ChildStdout>,
}

/// A reader's tree, path to hash, or its refusal.
type Trees = BTreeMap<String, Result<BTreeMap<String, String>, String>>;

impl Readers {
    fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/archives/readers.py");
        let mut child = Command::new("python3")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self { child, answers }
    }

    fn ask(&mut self, how: &str, path: &Path) -> Trees {
        writeln!(self.child.stdin.as_mut().unwrap(), "{how} {}", path.display()).unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let answer: BTreeMap<String, serde_json::Value> = serde_json::from_str(&line).unwrap();
        let tree = |value: serde_json::Value| match serde_json::from_value(value.clone()) {
            Ok(tree) => Ok(tree),
            Err(_) => Err(value.as_str().unwrap_or("?").to_owned()),
        };
        answer.into_iter().map(|(name, value)| (name, tree(value))).collect()
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// What the comparison counted.
#[derive(Default)]
struct Counts {
    cases: usize,
    taken: usize,
    /// Others differ among themselves, or some refuse: refused by ours.
    differ: usize,
    /// All others refuse, as ours does.
    none: usize,
    /// All others agree, and ours refuses: by its reason.
    alone: BTreeMap<String, usize>,
    by_reason: BTreeMap<String, usize>,
    readers: Vec<String>,
}

fn compare(kind: &str, cases: usize, make: fn(&mut Dice) -> (&'static str, Vec<u8>)) -> Counts {
    let dir = tempfile::tempdir_in(if Path::new("/dev/shm").is_dir() { "/dev/shm" } else { "/tmp" }).unwrap();
    let (mut dice, mut readers, mut counts) = (Dice(0x5eed_0fa1_1a5c), Readers::start(), Counts::default());
    for case in 0..cases {
        let (how, bytes) = make(&mut dice);
        let path = dir.path().join(format!("case.{kind}"));
        fs::write(&path, &bytes).unwrap();
        counts.cases += 1;
        let ours = read(path.to_str().unwrap());
        // Perl knows no names of extended headers and cuts them off.
        let no_perl = bytes.windows(6).any(|part| part == b" path=");
        let relevant = |trees: Trees| -> Trees {
            trees.into_iter().filter(|(name, _)| !(no_perl && name.starts_with("perl"))).collect()
        };
        let mut others = relevant(readers.ask(if ours.is_ok() { "all" } else { "quick" }, &path));
        if ours.is_err() && agreed(&others).is_some() {
            others = relevant(readers.ask("all", &path));
        }
        let agreed = agreed(&others);
        match ours {
            Ok(files) => {
                counts.taken += 1;
                counts.readers = others.keys().cloned().collect();
                let ours: BTreeMap<_, _> =
                    files.iter().map(|(path, file)| (path.clone(), sha256(&file.1))).collect();
                // Of one without a card at its root only the skills below are handed out.
                let part =
                    |tree: &BTreeMap<_, _>| ours.iter().all(|(path, hash)| tree.get(path) == Some(hash));
                let same =
                    agreed.is_some_and(|tree| *tree == ours || !tree.contains_key("SKILL.md") && part(tree));
                let keep = std::env::temp_dir().join(format!("archives-differ.{kind}"));
                if !same {
                    fs::write(&keep, &bytes).unwrap();
                }
                assert!(
                    same,
                    "case {case}, {how}, kept as {}: ours {ours:?}, others {others:?}",
                    keep.display()
                );
            }
            Err(code) => {
                *counts.by_reason.entry(code.clone()).or_default() += 1;
                if agreed.is_some() {
                    *counts.alone.entry(code).or_default() += 1;
                } else if others.values().all(Result::is_err) {
                    counts.none += 1;
                } else {
                    counts.differ += 1;
                }
            }
        }
    }
    counts
}

/// The tree that every reader made.
fn agreed(trees: &Trees) -> Option<&BTreeMap<String, String>> {
    let first = trees.values().next()?.as_ref().ok()?;
    trees.values().all(|tree| tree.as_ref() == Ok(first)).then_some(first)
}

fn sha256(bytes: &[u8]) -> String {
    skill_trust::model::digest::sha256(&[bytes]).hex()
}

fn cases() -> usize {
    std::env::var("ARCHIVES_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(600)
}

fn table(title: &str, counts: &Counts) -> String {
    let mut out = format!(
        "### {title}\n\n{} damaged archives, read by ours and by {}.\n\n| | archives |\n|---|---|\n",
        counts.cases,
        counts.readers.join(", ")
    );
    let alone: usize = counts.alone.values().sum();
    for (what, count) in [
        ("taken by ours: all others agree, file for file", counts.taken),
        ("taken by ours, and another reader differs", 0),
        ("refused by ours: the others differ, or some refuse", counts.differ),
        ("refused by all", counts.none),
        ("refused by ours alone", alone),
    ] {
        let _ = writeln!(out, "| {what} | {count} |");
    }
    out.push_str("\nRefused by ours alone, by reason:\n\n| reason | archives |\n|---|---|\n");
    for (reason, count) in &counts.alone {
        let _ = writeln!(out, "| `{reason}` | {count} |");
    }
    out
}

/// Writes the tables into `docs/archives.md`, where it is asked for.
fn publish(title: &str, counts: &Counts) {
    let text = table(title, counts);
    println!("{text}\nby reason: {:?}", counts.by_reason);
    if std::env::var_os("UPDATE_REFERENCE").is_none() || cases() < 10_000 {
        return;
    }
    static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/archives.md");
    let page = fs::read_to_string(&file).unwrap();
    let begin = page.find(&format!("### {title}\n")).unwrap();
    let rest = &page[begin + 4..];
    let after =
        rest.find("\n### ").or_else(|| rest.find("\n## ")).map_or(page.len(), |at| begin + 4 + at + 1);
    fs::write(
        &file,
        format!("{}{text}{}{}", &page[..begin], if after < page.len() { "\n" } else { "" }, &page[after..]),
    )
    .unwrap();
}

#[test]
fn undamaged_archives_are_taken_by_all() {
    let dir = tempfile::tempdir().unwrap();
    let mut readers = Readers::start();
    for (name, bytes) in [("a.tgz", gzip(&tar(&items()))), ("a.zip", zip(&parts()))] {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        let ours = read(path.to_str().unwrap()).unwrap();
        let others = readers.ask("all", &path);
        let names: Vec<_> = others.keys().collect();
        assert!(names.len() >= 2, "{names:?}");
        let tree = agreed(&others).unwrap_or_else(|| panic!("{others:?}"));
        assert!(ours.iter().all(|(path, file)| tree[path] == sha256(&file.1)) && ours.len() == tree.len());
        println!("{name}: {names:?}");
    }
}

#[test]
fn attack_damaged_tars_that_readers_read_differently() {
    let counts = compare("tar.gz", cases(), damaged_tar);
    publish("Tar", &counts);
    assert!(counts.taken > cases() / 50 && counts.differ > cases() / 10, "{}", table("Tar", &counts));
}

#[test]
fn attack_damaged_zips_that_readers_read_differently() {
    let counts = compare("zip", cases(), damaged_zip);
    publish("Zip", &counts);
    assert!(counts.taken > cases() / 50 && counts.differ > cases() / 10, "{}", table("Zip", &counts));
}
