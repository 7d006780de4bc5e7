//! Thousands of damaged archives, ours against every other reader of this
//! machine.
//!
//! Where ours takes an archive, all others must have taken it, with the same
//! files. Where ours refuses what all others agree on, nobody is harmed; these
//! are counted by reason. `ARCHIVES_CASES=10000` makes more of them, and with
//! `UPDATE_REFERENCE=1` the table in `docs/archives.md` is written. With
//! `ARCHIVES_SEED=1` they are others; with `ARCHIVES_TAKEN_ONLY=1` nobody else
//! is asked about what ours refuses, which is many times faster.

use super::damage::{Dice, damaged_tar, damaged_zip, items, parts};
use super::make::{code, gzip, read, tar, zip};
use skill_trust::model::source::Format;
use skill_trust::system::fetch::FetchOptions;
use skill_trust::system::fetch::archive::{Kind, Member, members};
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
    /// Archives of different bytes among them.
    different: usize,
    readers: Vec<String>,
}

/// What became of one archive.
#[derive(Clone)]
enum Verdict {
    Taken,
    Differ,
    None,
    Alone(String),
    /// Refused by ours, and the others were not asked.
    Refused,
}

fn compare(kind: &str, cases: usize, make: fn(&mut Dice) -> (&'static str, Vec<u8>)) -> Counts {
    let dir = tempfile::tempdir_in(if Path::new("/dev/shm").is_dir() { "/dev/shm" } else { "/tmp" }).unwrap();
    let (mut dice, mut readers, mut counts) = (Dice(seed()), Readers::start(), Counts::default());
    // Damage is often the same damage; the same bytes are read once.
    let mut known: BTreeMap<String, Verdict> = BTreeMap::new();
    for case in 0..cases {
        let (how, bytes) = make(&mut dice);
        counts.cases += 1;
        let sum = sha256(&bytes);
        let verdict = known.get(&sum).cloned().unwrap_or_else(|| {
            let path = dir.path().join(format!("case.{kind}"));
            fs::write(&path, &bytes).unwrap();
            judge(&path, &bytes, &mut readers, &mut counts, &format!("case {case}, {how}"))
        });
        match &verdict {
            Verdict::Taken => counts.taken += 1,
            Verdict::Differ => counts.differ += 1,
            Verdict::None => counts.none += 1,
            Verdict::Alone(code) => *counts.alone.entry(code.clone()).or_default() += 1,
            Verdict::Refused => {}
        }
        known.insert(sum, verdict);
    }
    counts.different = known.len();
    counts
}

/// One archive, by ours and the others; stops where ours takes what another
/// reads differently.
fn judge(path: &Path, bytes: &[u8], readers: &mut Readers, counts: &mut Counts, case: &str) -> Verdict {
    let ours = members_of(path);
    // Perl knows no names of extended headers and cuts them off.
    let no_perl = bytes.windows(6).any(|part| part == b" path=");
    let relevant = |trees: Trees| -> Trees {
        trees.into_iter().filter(|(name, _)| !(no_perl && name.starts_with("perl"))).collect()
    };
    if ours.is_err() && std::env::var_os("ARCHIVES_TAKEN_ONLY").is_some() {
        return Verdict::Refused;
    }
    let mut others = relevant(readers.ask(if ours.is_ok() { "all" } else { "quick" }, path));
    let ours = match ours {
        Ok(ours) => ours,
        Err(code) => {
            if agreed(&others) {
                others = relevant(readers.ask("all", path));
            }
            return match agreed(&others) {
                true => Verdict::Alone(code),
                false if others.values().all(Result::is_err) => Verdict::None,
                false => Verdict::Differ,
            };
        }
    };
    counts.readers = others.keys().cloned().collect();
    let unlike: Vec<_> = others.iter().filter(|(name, tree)| !is_same(name, &ours, tree)).collect();
    let keep = std::env::temp_dir().join("archives-differ").join(path.file_name().unwrap());
    if !unlike.is_empty() {
        fs::create_dir_all(keep.parent().unwrap()).unwrap();
        fs::write(&keep, bytes).unwrap();
    }
    assert!(unlike.is_empty(), "{case}, kept as {}: ours {ours:?}, others {unlike:?}", keep.display());
    // What is handed out is what was listed.
    for (path, (executable, bytes)) in read(path.to_str().unwrap()).unwrap_or_default() {
        let sum = sha256(&bytes) + if executable { "+x" } else { "" };
        assert_eq!(ours.get(&path), Some(&sum), "{case}, {path}");
    }
    Verdict::Taken
}

/// What our readers list, in the form of the others; or the code of the refusal.
fn members_of(path: &Path) -> Result<BTreeMap<String, String>, String> {
    let format = Format::of(path.to_str().unwrap()).unwrap();
    let all = members(path, format, &FetchOptions::default()).map_err(|error| code(&error))?;
    let value = |member: &Member| match member.kind {
        Kind::File { executable: true } => member.digest.hex() + "+x",
        Kind::Link => "link:".to_owned() + &member.digest.hex(),
        Kind::File { .. } | Kind::Folder => member.digest.hex(),
    };
    Ok(all.iter().map(|member| (member.path.to_string(), value(member))).collect())
}

/// Readers that know neither modes nor links and write plain files.
fn is_modeless(reader: &str) -> bool {
    reader.starts_with("java") || reader == "python zipfile"
}

/// A tree as those see it.
fn modeless(tree: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let plain = |value: &String| value.trim_end_matches("+x").trim_start_matches("link:").to_owned();
    tree.iter().map(|(path, value)| (path.clone(), plain(value))).collect()
}

/// Whether a reader made of an archive what ours did.
fn is_same(
    reader: &str,
    ours: &BTreeMap<String, String>,
    theirs: &Result<BTreeMap<String, String>, String>,
) -> bool {
    let Ok(theirs) = theirs else { return false };
    if is_modeless(reader) { modeless(ours) == modeless(theirs) } else { ours == theirs }
}

/// Whether all readers made the same of an archive.
fn agreed(trees: &Trees) -> bool {
    let Some((_, Ok(first))) = trees.iter().find(|tree| !is_modeless(tree.0)).or_else(|| trees.iter().next())
    else {
        return false;
    };
    trees.iter().all(|(reader, tree)| is_same(reader, first, tree))
}

fn sha256(bytes: &[u8]) -> String {
    skill_trust::model::digest::sha256(&[bytes]).hex()
}

/// What the dice begin with, unless `ARCHIVES_SEED` says so.
const SEED: u64 = 0x5eed_0fa1_1a5c;

fn seed() -> u64 {
    std::env::var("ARCHIVES_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(SEED)
}

fn cases() -> usize {
    std::env::var("ARCHIVES_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(600)
}

fn table(title: &str, counts: &Counts) -> String {
    let mut out = format!(
        "### {title}\n\n{} damaged archives, {} of them different, read by ours and by {}.\n\n| | archives |\n|---|---|\n",
        counts.cases,
        counts.different,
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
    println!("{text}");
    if std::env::var_os("UPDATE_REFERENCE").is_none() || cases() < 10_000 || seed() != SEED {
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

/// Whether enough was taken, and enough refused that others read differently.
fn is_a_comparison(counts: &Counts) -> bool {
    let differ = std::env::var_os("ARCHIVES_TAKEN_ONLY").is_some() || counts.differ > counts.cases / 10;
    counts.taken > counts.cases / 50 && differ
}

#[test]
fn undamaged_archives_are_taken_by_all() {
    let dir = tempfile::tempdir().unwrap();
    let mut readers = Readers::start();
    for (name, bytes) in [("a.tgz", gzip(&tar(&items()))), ("a.zip", zip(&parts()))] {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        let others = readers.ask("all", &path);
        let names: Vec<_> = others.keys().collect();
        assert!(names.len() >= 2, "{names:?}");
        let listed = members_of(&path).unwrap();
        for (reader, tree) in &others {
            assert!(is_same(reader, &listed, tree), "{reader}: {tree:?}, ours {listed:?}");
        }
        // The link is inside of the skill here, which is that skill's fault.
        assert_eq!(read(path.to_str().unwrap()), Err("entry-link".to_owned()));
        assert!(listed["CLAUDE.md"].starts_with("link:") && listed["run.sh"].ends_with("+x"));
        println!("{name}: {names:?}");
    }
}

#[test]
fn attack_damaged_tars_that_readers_read_differently() {
    let counts = compare("tar.gz", cases(), damaged_tar);
    publish("Tar", &counts);
    assert!(is_a_comparison(&counts), "{}", table("Tar", &counts));
}

#[test]
fn attack_damaged_zips_that_readers_read_differently() {
    let counts = compare("zip", cases(), damaged_zip);
    publish("Zip", &counts);
    assert!(is_a_comparison(&counts), "{}", table("Zip", &counts));
}
