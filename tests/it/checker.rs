//! The audit log against `docs/audit-log.md`: a second program, written from
//! that page alone, must pass what we write and find whatever is done to it.

#![allow(clippy::unwrap_used, reason = "a test stops where something is wrong")]

use skill_trust::model::digest::{Digest, sha256};
use skill_trust::model::lifecycle::{DriftReason, Placement};
use skill_trust::model::merkle::Frontier;
use skill_trust::model::note::{Signer, TreeHead, Verifier, open, origin};
use skill_trust::model::path::EntryPath;
use skill_trust::model::record::{Actor, Draft, Outcome, Place, Record, leaf_hash};
use skill_trust::model::skill::SkillName;
use skill_trust::model::source::{Source, SourceKind};
use skill_trust::model::time::Timestamp;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const CHECKER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/checker/audit_check.py");
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/audit-log.md");
const RECORDS: usize = 200;
const HOME_ID: &str = "0123456789abcdef0123456789abcdef";
const OTHER_ID: &str = "fedcba9876543210fedcba9876543210";

/// Runs the checker; none, said aloud, where there is no Python 3.
fn checker(args: &[&str]) -> Option<(i32, String)> {
    match Command::new("python3").arg("-I").arg(CHECKER).args(args).env_clear().env("PATH", path()).output() {
        Ok(output) => {
            assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
            Some((output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap()))
        }
        Err(error) => {
            eprintln!("SKIPPED: the independent checker needs python3: {error}");
            None
        }
    }
}

fn path() -> String {
    std::env::var("PATH").unwrap_or_default()
}

fn actor(via: &str) -> Actor {
    Actor { uid: 1000, user: "ana".into(), via: via.into() }
}

fn name(text: &str) -> SkillName {
    SkillName::parse(text).unwrap()
}

fn git() -> Source {
    Source {
        commit: Some("5f0c3a1e9b7d24680ace13579bdf02468ace1357".into()),
        kind: SourceKind::Git,
        location: "https://git.example/acme/skills".into(),
        path: Some(EntryPath::parse(b"skills/pdf-forms").unwrap()),
        reference: Some("v1.2".into()),
    }
}

fn places() -> Vec<Placement> {
    let at = |agent: Option<&str>, folder: &str| Placement {
        agent: agent.map(str::to_owned),
        path: format!("{folder}/pdf-forms"),
        staged: format!("{folder}/.pdf-forms.staged"),
    };
    vec![at(Some("claude-code"), "/home/ana/.claude/skills"), at(None, "/srv/Ünïcode skills")]
}

/// A draft of every shape in turn.
fn draft(n: usize) -> Draft {
    let new = |via, event: &str, how, why: &str| Draft::new(actor(via), event, how, format!("{why} ({n})"));
    let bytes = Some(sha256(&[b"bytes", &n.to_le_bytes()]));
    let mut draft = match n % 10 {
        _ if n == 0 => return new("cli", "home", Outcome::Done, "the home was made"),
        1 => Draft { source: Some(git()), ..new("cli", "install", Outcome::Done, "its bytes arrived") },
        2 => Draft {
            note: Some("read it; \"fine\" \\ für jetzt \u{1F642} 日本".into()),
            until: Some(Timestamp::from_unix(1_900_000_000)),
            set: bytes,
            ..new("cli", "trust", Outcome::Done, "somebody decided")
        },
        3 => Draft { placements: places(), ..new("cli", "enable", Outcome::Done, "placed") },
        4 => Draft { policy: bytes, ..new("gate", "gate", Outcome::Allow, "") },
        5 => Draft {
            codes: vec!["drift".into(), "held-all".into()],
            ..new("gate", "gate", Outcome::Deny, "the bytes are not the trusted ones")
        },
        6 => Draft {
            differences: vec![
                DriftReason::Added { path: "scripts/\\u{202e}x.sh".into() },
                DriftReason::Removed { path: "b".into() },
                DriftReason::Refused { path: "c".into(), rule: "link".into() },
                DriftReason::Missing { path: "/srv/pdf-forms".into() },
            ],
            found: Some(sha256(&[b"found"])),
            ..new("gate", "drift", Outcome::Done, "other bytes")
        },
        7 => Draft { hold: Some(HOME_ID.into()), ..new("cli", "kill", Outcome::Done, "stopped") },
        8 => Draft { hold: Some("name pdf-forms".into()), ..new("cli", "release", Outcome::Refused, "no") },
        9 => new("recovery", "recover", Outcome::Done, "one line was written again"),
        _ => {
            let source =
                Source { commit: None, kind: SourceKind::Folder, path: None, reference: None, ..git() };
            Draft { source: Some(source), ..new("library", "untrust", Outcome::Done, "withdrawn") }
        }
    };
    if (1..=6).contains(&(n % 10)) {
        draft.skill = Some(name("pdf-forms"));
        draft.digest = bytes;
        draft.pin = (n > 2).then_some(3);
    }
    draft
}

/// Puts records into their places in the chain.
fn chain(records: impl IntoIterator<Item = Record>) -> Vec<String> {
    let mut prev = Digest::ZERO;
    let mut lines = Vec::new();
    for mut record in records {
        record.prev = prev;
        // Too long for ours to write; the checker must say so too.
        let line = record.line().unwrap_or_else(|_| serde_json::to_string(&record).unwrap());
        prev = leaf_hash(line.as_bytes());
        lines.push(line);
    }
    lines
}

fn records(home: &str) -> Vec<Record> {
    let place = |n: usize| Place {
        seq: n as u64 + 1,
        prev: Digest::ZERO,
        time: Timestamp::from_unix(1_795_219_200 + 7 * (n as i64 / 3)),
        epoch: n as u64 / 50,
        state: sha256(&[home.as_bytes(), &n.to_le_bytes()]),
    };
    (0..RECORDS).map(|n| draft(n).finish(place(n))).collect()
}

fn frontier(lines: &[String]) -> Frontier {
    let mut frontier = Frontier::default();
    for line in lines {
        frontier.push(leaf_hash(line.as_bytes()));
    }
    frontier
}

fn head(lines: &[String]) -> String {
    let frontier = frontier(lines);
    format!("{}:{}", frontier.size(), frontier.root().hex())
}

fn text(lines: &[String]) -> String {
    lines.iter().flat_map(|line| [line, "\n"]).collect()
}

/// What a case must come to: fine, or a fault at a line; `*` is any fault anywhere.
type Want = Option<(usize, &'static str)>;

/// Many logs, checked in one run of the checker.
struct Batch {
    folder: tempfile::TempDir,
    list: String,
    wants: Vec<(String, Want)>,
}

impl Batch {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), list: String::new(), wants: Vec::new() }
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Adds a log; `more` holds `head`, or `checkpoint` and `key`.
    fn add(&mut self, what: String, log: &str, more: &[(&str, &str)], want: Want) {
        let path = self.file(&format!("{}.jsonl", self.wants.len()), log.as_bytes());
        let mut item = serde_json::json!({ "logs": [path] });
        for (key, value) in more {
            item[key] = (*value).into();
        }
        self.list += &format!("{item}\n");
        self.wants.push((what, want));
    }

    /// Runs the checker and compares every answer; returns how many there were.
    fn run(self) -> usize {
        let list = self.file("list", self.list.as_bytes());
        let Some((_, answers)) = checker(&["--batch", list.to_str().unwrap()]) else { return 0 };
        assert_eq!(answers.lines().count(), self.wants.len());
        for ((what, want), answer) in self.wants.iter().zip(answers.lines()) {
            let found: serde_json::Value = serde_json::from_str(answer).unwrap();
            match want {
                None => assert_eq!(found["ok"], true, "{what}: {answer}"),
                Some((_, "*")) => assert_eq!(found["ok"], false, "{what}: {answer}"),
                Some((line, fault)) => {
                    assert_eq!(found["ok"], false, "{what}: {answer}");
                    assert_eq!(
                        (&found["line"], &found["fault"]),
                        (&(*line).into(), &(*fault).into()),
                        "{what}: {answer}"
                    );
                }
            }
        }
        self.wants.len()
    }
}

fn with<T: Clone>(all: &[T], change: impl FnOnce(&mut Vec<T>)) -> Vec<T> {
    let mut all = all.to_vec();
    change(&mut all);
    all
}

/// Changes one digit of a line's state digest: a line as good as any other.
fn edited(line: &str) -> String {
    let at = line.find("\"state\":\"").unwrap() + 9;
    let digit = if line.as_bytes()[at] == b'0' { "1" } else { "0" };
    format!("{}{digit}{}", &line[..at], &line[at + 1..])
}

#[test]
fn the_checker_knows_its_signatures() {
    let Some(answer) = checker(&["--self-test"]) else { return };
    assert_eq!(answer, (0, "ok\n".into()));
}

#[test]
fn every_line_changed_in_every_way_is_found() {
    let all = records("ours");
    let (lines, foreign) = (chain(all.clone()), chain(records("theirs")));
    assert!(lines.iter().all(|line| Record::parse(line.as_bytes()).is_ok()));
    let head = head(&lines);
    let known: &[(&str, &str)] = &[("head", &head)];
    let mut batch = Batch::new();
    batch.add("clean".into(), &text(&lines), known, None);
    for at in 0..RECORDS {
        let (n, last) = (at + 1, at + 1 == RECORDS);
        // Only what the chain cannot see is given the head.
        let more = if last { known } else { &[] };
        let mut add = |what: &str, log: Vec<String>, more: &[(&str, &str)], want: (usize, &'static str)| {
            batch.add(format!("{what} {n}"), &text(&log), more, Some(want));
        };
        let edit = with(&lines, |lines| lines[at] = edited(&lines[at]));
        add("edit", edit, more, if last { (n, "root") } else { (n + 1, "prev") });
        let removed = with(&lines, |lines| _ = lines.remove(at));
        let gone = if last {
            "truncated"
        } else if at == 0 {
            "first"
        } else {
            "seq"
        };
        add("remove", removed, more, (n, gone));
        if !last {
            let swapped = with(&lines, |lines| lines.swap(at, at + 1));
            add("reorder", swapped, &[], (n, if at == 0 { "first" } else { "seq" }));
            add("truncate after", lines[..n].to_vec(), known, (n + 1, "truncated"));
        }
        let repeated = with(&lines, |lines| lines.insert(at, lines[at].clone()));
        add("repeat", repeated, &[], (n + 1, if at == 0 { "first" } else { "seq" }));
        let spliced = with(&lines, |lines| lines[at] = foreign[at].clone());
        add("splice", spliced, &[], if at == 0 { (2, "prev") } else { (n, "prev") });
        let spaced = with(&lines, |lines| lines[at] = lines[at].replacen(':', ": ", 1));
        add("respell", spaced, &[], (n, "canonical"));
        let rewritten = chain(with(&all, |all| all[at].state = sha256(&[b"other"])));
        add("rewrite from", rewritten, known, (RECORDS, "root"));
        let torn = format!("{}{}", text(&lines[..at]), &lines[at][..lines[at].len() / 2]);
        batch.add(format!("tear {n}"), &torn, &[], Some((n, "torn")));
        // What a log alone cannot show, and the page says so.
        batch.add(format!("cut after {n}"), &text(&lines[..n]), &[], None);
    }
    let count = batch.run();
    assert!(count == 0 || count > 1_900, "{count}");
}

#[test]
fn rules_hold_even_where_every_hash_fits() {
    let all = records("ours");
    let mut batch = Batch::new();
    let mut add = |what: &str, at: usize, fault: &'static str, change: &dyn Fn(&mut Record)| {
        let lines = chain(with(&all, |all| change(&mut all[at])));
        batch.add(format!("{what} {at}"), &text(&lines), &[], Some((at + 1, fault)));
    };
    for at in (1..RECORDS).step_by(7) {
        add("time", at, "time", &|record| record.time = Timestamp::from_unix(0));
        add("seq", at, "seq", &|record| record.seq += 1);
        add("home", at, "first", &|record| (record.event, record.decision) = ("home".into(), Outcome::Done));
        add("event", at, "field", &|record| record.event = "Not a word".into());
        add("format", at, "format", &|record| record.format = 2);
        add("pin", at, "field", &|record| record.pin = Some(at as u64 + 2));
        add("number", at, "canonical", &|record| record.epoch = 1 << 53);
        add("size", at, "line", &|record| record.hold = Some("x".repeat(16_384)));
        add("decision", at, "field", &|record| {
            record.decision = if record.event == "gate" { Outcome::Done } else { Outcome::Allow };
        });
    }
    for at in (51..RECORDS).step_by(7) {
        add("epoch", at, "epoch", &|record| record.epoch = 0);
    }
    batch.add("nothing".into(), "", &[], Some((1, "truncated")));
    batch.run();
}

#[test]
fn lines_that_two_readers_could_read_differently_are_refused() {
    let line = &chain(records("ours"))[0];
    let mut batch = Batch::new();
    for (from, to, fault) in [
        ("{\"actor\"", "\u{feff}{\"actor\"", "canonical"),
        ("{\"actor\"", " {\"actor\"", "canonical"),
        ("\"seq\":1", "\"seq\":1.0", "canonical"),
        ("\"seq\":1", "\"seq\":01", "canonical"),
        ("\"seq\":1", "\"seq\":1,\"seq\":1", "canonical"),
        ("\"seq\":1", "\"seq\":\"1\"", "field"),
        ("\"seq\":1", "\"seq\":1,\"set\":null", "canonical"),
        ("\"seq\":1", "\"seq\":1,\"skill\":\"A\"", "field"),
        ("\"uid\":1000", "\"uid\":4294967296", "field"),
        ("\"user\":\"ana\"", "\"user\":\"\\u0061na\"", "canonical"),
        ("\"user\":\"ana\"", "\"user\":\"\\ud800\"", "canonical"),
        ("\"user\":\"ana\",\"via\":\"cli\"", "\"via\":\"cli\",\"user\":\"ana\"", "canonical"),
        ("\"version\"", "\"vendor\":\"1\",\"version\"", "field"),
        ("\"codes\":[],", "", "field"),
        ("\"decision\":\"done\"", "\"decision\":\"refused\"", "field"),
        ("T00:00:00Z", "T24:00:00Z", "field"),
        ("T00:00:00Z", "T00:00:00.0Z", "field"),
        ("11-21T", "02-30T", "field"),
    ] {
        let bad = line.replacen(from, to, 1);
        assert_ne!(&bad, line, "{from}");
        batch.add(bad.clone(), &format!("{bad}\n"), &[], Some((1, fault)));
        // Ours leaves it to the ledger which event ends in which decision.
        assert!(Record::parse(bad.as_bytes()).is_err() || from.contains("decision"), "{bad}");
    }
    batch.add("return".into(), &format!("{line}\r\n"), &[], Some((1, "canonical")));
    batch.add("empty line".into(), &format!("{line}\n\n"), &[], Some((2, "line")));
    batch.run();
}

#[test]
fn checkpoints_forged_in_any_way_are_found() {
    let (lines, foreign) = (chain(records("ours")), chain(records("theirs")));
    let signer = |id: &str, seed: u8| Signer::from_seed(&origin(id).unwrap(), &[seed; 32]).unwrap();
    let (ours, thief, sister) = (signer(HOME_ID, 1), signer(HOME_ID, 2), signer(OTHER_ID, 1));
    let sign = |signer: &Signer, lines: &[String]| {
        let origin = signer.verifier().id().name.clone();
        let tree = frontier(lines);
        signer.sign(&TreeHead { origin, size: tree.size(), root: tree.root() }.text()).unwrap()
    };
    let (early, whole) = (&lines[..150], &lines[..]);
    let good = sign(&ours, early);
    let key = ours.verifier().to_string();
    let witness = Signer::from_seed("witness.example/w", &[3; 32]).unwrap();
    let cosigned =
        witness.sign(good.split("\n\n").next().map(|text| format!("{text}\n")).unwrap().as_str()).unwrap();
    let cosigned = format!("{good}{}\n", cosigned.lines().last().unwrap());
    let rewritten = chain(with(&records("ours"), |all| all[120].reason = "nothing happened".into()));
    let mut batch = Batch::new();
    let mut add = |what: &str, log: &[String], note: &str, key: &str, want: Want| {
        let file = batch.file(&format!("{}.note", batch.wants.len()), note.as_bytes());
        batch.add(what.into(), &text(log), &[("checkpoint", file.to_str().unwrap()), ("key", key)], want);
    };
    add("good", whole, &good, &key, None);
    add("cosigned", whole, &cosigned, &key, None);
    add("as long as the log", early, &good, &key, None);
    add("too short a log", &lines[..149], &good, &key, Some((150, "truncated")));
    add("rewritten log", &rewritten, &good, &key, Some((150, "root")));
    add("another home's log", &foreign, &good, &key, Some((150, "root")));
    add("another key", whole, &sign(&thief, early), &key, Some((0, "forged")));
    add("another key, rewritten log", &rewritten, &sign(&thief, &rewritten), &key, Some((0, "forged")));
    add("another home's note", &foreign, &sign(&sister, &foreign), &key, Some((0, "forged")));
    let tree = frontier(early);
    let foreign_origin = TreeHead { origin: origin(OTHER_ID).unwrap(), size: 150, root: tree.root() };
    let mixed = ours.sign(&foreign_origin.text()).unwrap();
    add("another origin", whole, &mixed, &key, Some((0, "checkpoint")));
    add("size", whole, &good.replace("\n150\n", "\n149\n"), &key, Some((0, "forged")));
    let extended = ours.sign(&format!("{}more\n", good.split("\n\n").next().unwrap())).unwrap();
    add("extension", whole, &extended, &key, Some((0, "checkpoint")));
    let twice = format!("{good}{}\n", good.lines().last().unwrap());
    add("signed twice", whole, &twice, &key, Some((0, "checkpoint")));
    add("trailing text", whole, &format!("{good}x\n"), &key, Some((0, "checkpoint")));
    add("no signature", whole, good.split('\u{2014}').next().unwrap(), &key, Some((0, "checkpoint")));
    add("bad key", whole, &good, &key.replace("+", "++"), Some((0, "checkpoint")));
    let size = batch.run();
    assert!(size == 0 || size == 16);
    // Both programs refuse every one-bit change of a note.
    let (verifier, good) = (Verifier::parse(&key).unwrap(), sign(&ours, &lines[..3]));
    let mut batch = Batch::new();
    for at in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[at] ^= 1;
        assert!(open(&bytes, &[&verifier]).is_err(), "byte {at}");
        let file = batch.file(&format!("{at}.note"), &bytes);
        let more = [("checkpoint", file.to_str().unwrap()), ("key", key.as_str())];
        batch.add(format!("byte {at}"), &text(&lines[..3]), &more, Some((0, "*")));
    }
    batch.run();
}

#[test]
fn segments_read_as_one_log() {
    let lines = chain(records("ours"));
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, lines: &[String]| {
        let path = folder.path().join(name);
        fs::write(&path, text(lines)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (a, b) = (write("1.jsonl", &lines[..70]), write("audit.jsonl", &lines[70..]));
    let head = head(&lines);
    let Some(found) = checker(&[&a, &b, "--head", &head]) else { return };
    assert_eq!(found, (0, format!("ok: 200 records, head {head}\n")));
    let (code, said) = checker(&[&b]).unwrap();
    assert!(code == 5 && said.starts_with("bad: line 1: first:"), "{said}");
    let (code, said) = checker(&[&a, &b, "--head", "200:00"]).unwrap();
    assert!(code == 5 && said.starts_with("bad: line 0: head:"), "{said}");
}

/// What the checker accepts as a line, ours must read. Ours reads more in one
/// thing: it does not ask whether a word is spelled as words are.
#[test]
fn both_readers_agree_about_every_changed_byte() {
    let lines = chain(records("ours"));
    let folder = tempfile::tempdir().unwrap();
    let (mut list, mut ours) = (String::new(), Vec::new());
    for line in [&lines[0], &lines[1], &lines[2], &lines[3], &lines[6], &lines[7]] {
        let bytes = line.as_bytes();
        let flips = (0..bytes.len()).map(|at| with(bytes, |bytes| bytes[at] ^= 1));
        let cuts = (0..bytes.len()).map(|at| with(bytes, |bytes| _ = bytes.remove(at)));
        for changed in flips.chain(cuts).filter(|changed| !changed.contains(&b'\n')) {
            let path = folder.path().join(ours.len().to_string());
            fs::write(&path, [&changed[..], b"\n"].concat()).unwrap();
            list += &format!("{}\n", serde_json::json!({ "logs": [path] }));
            ours.push((Record::parse(&changed).is_ok(), changed));
        }
    }
    let path = folder.path().join("list");
    fs::write(&path, list).unwrap();
    let Some((_, answers)) = checker(&["--batch", path.to_str().unwrap()]) else { return };
    assert_eq!(answers.lines().count(), ours.len());
    for ((ours, bytes), answer) in ours.iter().zip(answers.lines()) {
        let found: serde_json::Value = serde_json::from_str(answer).unwrap();
        let fault = found["fault"].as_str().unwrap_or("none");
        let theirs = !["line", "canonical", "format", "field"].contains(&fault);
        let word = ["`event`", "`actor`", "`placements`"].iter().any(|field| answer.contains(field));
        let line = String::from_utf8_lossy(bytes);
        assert!(*ours == theirs || (*ours && word), "{ours} {theirs} {answer} {line}");
    }
}

/// Ours must write every kind of difference as the page says.
#[test]
fn every_kind_of_difference_is_canonical() {
    let mut all = records("ours");
    let (was, now) = (sha256(&[b"was"]), sha256(&[b"now"]));
    all[6].differences = vec![
        DriftReason::Content { path: "a".into(), was, now },
        DriftReason::Mode { path: "a".into(), was: "444".into(), now: "555".into() },
        DriftReason::DigestOnly { was, now },
    ];
    let mut batch = Batch::new();
    batch.add("differences".into(), &text(&chain(all)), &[], None);
    batch.run();
}

/// The block of the page after this marker.
fn block(page: &str, what: &str) -> String {
    let (_, rest) = page.split_once(&format!("<!-- example: {what} -->\n```\n")).unwrap();
    rest.split_once("```\n").unwrap().0.to_owned()
}

/// The example of the page: three records.
fn example() -> Vec<String> {
    let digest = sha256(&[b"an example"]);
    let install = Draft {
        skill: Some(name("pdf-forms")),
        digest: Some(digest),
        source: Some(git()),
        ..Draft::new(actor("cli"), "install", Outcome::Done, "its bytes arrived")
    };
    let gate = Draft {
        skill: Some(name("pdf-forms")),
        digest: Some(digest),
        codes: vec!["not-trusted".into()],
        ..Draft::new(
            actor("gate"),
            "gate",
            Outcome::Deny,
            "nobody has decided to trust `pdf-forms` \u{2013} yet",
        )
    };
    let home = Draft::new(actor("cli"), "home", Outcome::Done, "the home was made");
    chain([home, install, gate].into_iter().enumerate().map(|(n, draft)| {
        let time = Timestamp::from_unix(1_795_219_200 + 60 * n as i64);
        let state = sha256(&[b"state", &[n as u8]]);
        let place = Place { seq: n as u64 + 1, prev: Digest::ZERO, time, epoch: 0, state };
        Record { version: "0.1.0".into(), ..draft.finish(place) }
    }))
}

#[test]
fn the_pages_example_is_true() {
    let page = fs::read_to_string(PAGE).unwrap();
    let lines = example();
    let hashes: Vec<_> = lines.iter().map(|line| leaf_hash(line.as_bytes()).hex()).collect();
    let tree = frontier(&lines);
    let seed: [u8; 32] = std::array::from_fn(|n| n as u8);
    let signer = Signer::from_seed(&origin(HOME_ID).unwrap(), &seed).unwrap();
    let note = TreeHead { origin: origin(HOME_ID).unwrap(), size: 3, root: tree.root() };
    let note = signer.sign(&note.text()).unwrap();
    for (what, right) in [
        ("log", text(&lines)),
        ("hashes", text(&hashes)),
        ("head", format!("{}\n", head(&lines))),
        ("checkpoint", note.clone()),
        ("key", format!("{}\n", signer.verifier())),
    ] {
        assert_eq!(block(&page, what), right, "the page's example `{what}` should read:\n{right}");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| -> String {
        let path: &Path = &folder.path().join(name);
        fs::write(path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (log, note) = (file("audit.jsonl", &block(&page, "log")), file("checkpoint", &note));
    let key = signer.verifier().to_string();
    let args = [&log, "--checkpoint", &note, "--key", &key, "--head", &head(&lines)];
    let Some((code, said)) = checker(&args) else { return };
    assert_eq!(code, 0, "{said}");
}
