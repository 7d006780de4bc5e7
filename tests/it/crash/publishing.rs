//! What authors and reviewers do, cut off at every step: keys made, skills
//! signed, statements signed for others.
//!
//! The laws, for each point:
//!
//! - A secret key is whole or absent, and no file among the keys was ever for
//!   others to read, whatever the umask: each is made as its owner's alone.
//! - Each signature file is whole, or absent, or the older one; with `retval=0`
//!   every read in turn comes to its end too early, and nothing is signed by it.
//! - An envelope that was handed out is in the log; the home verifies.
//! - The author's folder is otherwise what it was, but for a left-over that the
//!   next run names.
//! - The same again, as it is told to do, ends as if nothing had happened.

use super::judge::conclude;
use crate::publish::all;
use crate::support::faults::{Bed, Call, Dice, Ran, drawn};
use skill_trust::model::digest::sha256;
use skill_trust::ops::World;
use skill_trust::ops::own_keys::{self, Kind};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Most points taken of each sort.
const MOST: usize = 48;
/// How the name of a file begins while it is written.
const LEFT_OVER: &str = ".skill-signature.";
/// Calls that tell what is there; each fails in turn too.
const TELLING: &[&str] =
    &["openat", "openat2", "read", "pread64", "getdents64", "newfstatat", "fstat", "statx"];

/// Modes and bytes by path.
type Things = BTreeMap<PathBuf, (u32, Vec<u8>)>;

/// A command, and what it is to leave.
struct Work {
    name: &'static str,
    prepare: fn(&Bed) -> Vec<String>,
    law: fn(&Press, &Ran) -> Result<(), String>,
}

/// One command under test.
struct Press {
    bed: Bed,
    args: Vec<String>,
    calls: Vec<Call>,
    /// The author's folder and what was handed out.
    before: Things,
    after: Things,
}

fn config(bed: &Bed) -> PathBuf {
    bed.root.join("account/.config/skill-trust")
}

fn world(bed: &Bed) -> World {
    World { config: Some(config(bed)), ..bed.world() }
}

fn things(bed: &Bed) -> Things {
    let folders = ["src", "out"].map(|name| bed.root.join(name));
    let there = folders.iter().filter(|folder| folder.exists()).flat_map(|folder| all(folder));
    there.map(|(path, mode, bytes)| (path, (mode, bytes))).collect()
}

fn is_left_over(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(LEFT_OVER))
}

impl Press {
    fn new(work: &Work) -> Option<Self> {
        let bed = Bed::new();
        if !bed.account() {
            eprintln!("NOT RUN: no mount of our own on this machine");
            return None;
        }
        fs::create_dir(bed.root.join("out")).unwrap();
        let args = (work.prepare)(&bed);
        bed.keep("start");
        let before = things(&bed);
        let mut press = Self { bed, args, calls: Vec::new(), after: before.clone(), before };
        let (ran, calls) = press.bed.trace(&press.args());
        assert!(ran.acknowledged(), "{}: {ran:?}", work.name);
        press.calls = calls;
        press.after = things(&press.bed);
        (work.law)(&press, &ran).unwrap_or_else(|why| panic!("{}, without a fault: {why}", work.name));
        Some(press)
    }

    fn args(&self) -> Vec<&str> {
        self.args.iter().map(String::as_str).collect()
    }

    fn again(&self) -> Ran {
        self.bed.run(&self.args())
    }

    /// Every secret is for its owner alone, half written ones too.
    fn secrets(&self) -> Result<(), String> {
        let config = config(&self.bed);
        for (path, mode, _) in if config.exists() { all(&config) } else { Vec::new() } {
            let among = path.strip_prefix(config.join("keys")).is_ok();
            if among && mode & 0o077 != 0 {
                return Err(format!("{} is {mode:o}", path.display()));
            }
        }
        Ok(())
    }

    /// What is neither as before nor as after, left-overs aside.
    fn otherwise(&self) -> Result<(), String> {
        let now = things(&self.bed);
        let known = |path: &PathBuf| {
            let is = now.get(path);
            is == self.before.get(path) || is == self.after.get(path)
        };
        let paths = now.keys().chain(self.before.keys()).chain(self.after.keys());
        match paths.filter(|path| !is_left_over(path)).find(|path| !known(path)) {
            Some(path) => Err(format!("{} is neither as before nor as after", path.display())),
            None => Ok(()),
        }
    }
}

fn points(calls: &[Call]) -> Vec<(String, String)> {
    let mut dice = Dice::new(77);
    let (changing, quiet): (Vec<_>, Vec<_>) = calls.iter().cloned().partition(|call| call.changes);
    let telling: Vec<_> =
        calls.iter().filter(|call| TELLING.contains(&call.name.as_str())).cloned().collect();
    let reads: Vec<_> = calls.iter().filter(|call| call.name == "read").cloned().collect();
    let mut out = Vec::new();
    let mut each = |calls: Vec<Call>, faults: &[&str]| {
        for (call, fault) in calls.iter().flat_map(|call| faults.iter().map(move |fault| (call, fault))) {
            out.push((call.name.clone(), format!("{fault}:when={}", call.nth)));
        }
    };
    each(drawn(changing.clone(), MOST, &mut dice), &["signal=KILL"]);
    each(drawn(quiet, MOST / 4, &mut dice), &["signal=KILL"]);
    let failing = changing.into_iter().filter(|call| call.name != "flock").collect();
    each(drawn(failing, MOST, &mut dice), &["error=EIO", "error=ENOSPC"]);
    each(drawn(telling, MOST, &mut dice), &["error=EIO"]);
    each(drawn(reads, MOST, &mut dice), &["retval=0"]);
    out
}

fn sweep(work: &Work) {
    let Some(press) = Press::new(work) else { return };
    let (mut killed, mut done, mut violations) = (0, 0, Vec::new());
    let points = points(&press.calls);
    for (call, fault) in &points {
        press.bed.restore("start");
        let ran = press.bed.run_with(call, fault, &press.args());
        killed += usize::from(ran.signal == Some(9));
        done += usize::from(ran.acknowledged());
        let odd = ran.code == Some(101) || ran.code.is_none() && ran.signal != Some(9);
        let odd = odd.then(|| Err("it ended oddly".to_owned()));
        let found = odd.unwrap_or_else(|| press.secrets().and_then(|()| (work.law)(&press, &ran)));
        if let Err(why) = found {
            violations.push(format!("{}: {call} {fault}: {why}; it said {ran:?}", work.name));
        }
    }
    let kills = points.iter().filter(|(_, fault)| fault.starts_with("signal")).count();
    assert!(killed * 20 >= kills * 19, "{}: {killed} of {kills} kills were reached", work.name);
    eprintln!("  {}: {} points, {killed} killed, {done} acknowledged", work.name, points.len());
    conclude(work.name, points.len(), &violations);
}

// ---- keys ----

fn make_key(bed: &Bed, name: &str, kind: Kind) {
    own_keys::generate(&world(bed), name, kind).unwrap();
}

fn key_files(bed: &Bed) -> [Option<Vec<u8>>; 2] {
    ["release.key", "release.pub"].map(|name| fs::read(config(bed).join("keys").join(name)).ok())
}

fn key_law(press: &Press, ran: &Ran) -> Result<(), String> {
    press.otherwise()?;
    let [secret, public] = key_files(&press.bed);
    let whole = || own_keys::load(&world(&press.bed), "release", Kind::Ed25519, "").map(drop);
    match (&secret, &public) {
        (None, Some(_)) => return Err("a public half of nothing".to_owned()),
        (None, None) if ran.acknowledged() => return Err("acknowledged, and there is no key".to_owned()),
        (Some(_), None) if ran.acknowledged() => return Err("acknowledged, and half of it".to_owned()),
        (None, None) => {}
        (Some(_), _) => whole().map_err(|stop| format!("a key that is none: {stop:?}"))?,
    }
    let again = press.again();
    let taken = secret.is_some() && public.is_some();
    let told = again.err.contains("is there already, and a key is never replaced");
    if again.acknowledged() == taken || told != taken {
        return Err(format!("and again: {again:?}"));
    }
    let [now, now_public] = key_files(&press.bed);
    if secret.is_some() && secret != now || now_public.is_none() {
        return Err("another key than before".to_owned());
    }
    press.secrets()?;
    whole().map_err(|stop| format!("after a second run: {stop:?}"))
}

/// The program's own umask would hide it: what is asked for is looked at.
#[test]
fn every_file_among_the_keys_is_private_from_its_first_byte() {
    let press = Press::new(&Work {
        name: "publish keys generate",
        prepare: |_| ["publish", "keys", "generate", "release"].map(str::to_owned).to_vec(),
        law: |_, _| Ok(()),
    });
    let Some(press) = press else { return };
    let trace = press.bed.traced();
    let made: Vec<_> =
        trace.lines().filter(|line| line.contains("O_CREAT") && line.contains("/keys/")).collect();
    assert!(made.len() == 2 && made.iter().all(|line| line.contains(", 0600) = ")), "{made:#?}");
    let folders: Vec<_> =
        trace.lines().filter(|line| line.contains("mkdir") && line.ends_with("= 0")).collect();
    assert!(folders.len() >= 2 && folders.iter().all(|line| line.contains(", 0700) = ")), "{folders:#?}");
}

#[test]
fn a_key_cut_off_while_it_is_made_is_whole_or_absent_and_nobody_elses_to_read() {
    sweep(&Work {
        name: "publish keys generate",
        prepare: |_| ["publish", "keys", "generate", "release"].map(str::to_owned).to_vec(),
        law: key_law,
    });
}

// ---- signatures ----

fn sign(bed: &Bed) -> Vec<String> {
    ["publish", "sign", &bed.path("src/demo"), "--key", "release"].map(str::to_owned).to_vec()
}

fn sign_statement(bed: &Bed) -> Vec<String> {
    make_key(bed, "release", Kind::Ed25519);
    sign(bed)
}

fn sign_bundle(bed: &Bed) -> Vec<String> {
    make_key(bed, "release", Kind::P256);
    sign(bed)
}

/// Signed for the bytes of before.
fn replacing(bed: &Bed, first: fn(&Bed) -> Vec<String>) -> Vec<String> {
    let mut args = first(bed);
    bed.run(&args.iter().map(String::as_str).collect::<Vec<_>>()).done();
    bed.source("demo", "echo two\n");
    args.push("--replace".to_owned());
    args
}

fn sign_law(press: &Press, ran: &Ran) -> Result<(), String> {
    press.otherwise()?;
    if ran.acknowledged() && things(&press.bed) != press.after {
        return Err("acknowledged, and it is not as after".to_owned());
    }
    if !ran.acknowledged() && ran.signal.is_none() && ran.err.trim().is_empty() {
        return Err("it failed and said nothing".to_owned());
    }
    // As a person would: what it says, then once more.
    let mut again = press.again();
    let left: Vec<_> = things(&press.bed).into_keys().filter(|path| is_left_over(path)).collect();
    if let [left] = left.as_slice() {
        let name = left.file_name().unwrap().to_string_lossy().into_owned();
        if again.acknowledged() || !again.err.contains(&name) || !again.err.contains("remove that file") {
            return Err(format!("{name} is left over, and again: {again:?}"));
        }
        fs::remove_file(left).unwrap();
        again = press.again();
    }
    if !again.acknowledged() || things(&press.bed) != press.after {
        return Err(format!("again: {again:?}"));
    }
    Ok(())
}

#[test]
fn a_statement_cut_off_is_whole_or_absent_and_signing_again_completes_it() {
    sweep(&Work { name: "publish sign, a statement", prepare: sign_statement, law: sign_law });
}

#[test]
fn a_statement_cut_off_while_it_replaces_an_older_one_is_completed_by_signing_again() {
    sweep(&Work {
        name: "publish sign --replace, a statement",
        prepare: |bed| replacing(bed, sign_statement),
        law: sign_law,
    });
}

#[test]
fn a_bundle_cut_off_is_whole_or_absent_or_the_older_one() {
    sweep(&Work { name: "publish sign, a bundle", prepare: sign_bundle, law: sign_law });
    sweep(&Work {
        name: "publish sign --replace, a bundle",
        prepare: |bed| replacing(bed, sign_bundle),
        law: sign_law,
    });
}

/// Attack: what looks like a signing that was cut off is somebody's work. A
/// statement in other words, and a stranger's signature over these very words or
/// over others, stay what they are, whatever was typed.
#[test]
fn attack_a_strangers_signature_is_no_half_of_ours() {
    let bed = Bed::new();
    if !bed.account() {
        eprintln!("NOT RUN: no mount of our own on this machine");
        return;
    }
    let (statement, signature) =
        (bed.path("src/demo/skill.intoto.json"), bed.path("src/demo/skill.intoto.json.sig"));
    let by = |key: &str, rest: &[&str]| {
        bed.run(&[&["publish", "sign", &bed.path("src/demo"), "--key", key], rest].concat())
    };
    let refused = |what: &str, name: &str| {
        let before = things(&bed);
        let ran = by("release", &["--replace"]);
        let told =
            ran.err.contains(&format!("`{name}` is there already, and is no signature of a key of yours"));
        assert!(ran.code == Some(3) && told && things(&bed) == before, "{what}: {ran:?}");
    };
    make_key(&bed, "release", Kind::Ed25519);
    make_key(&bed, "stranger", Kind::Ed25519);
    by("stranger", &[]).done();
    for ending in ["key", "pub"] {
        fs::remove_file(config(&bed).join(format!("keys/stranger.{ending}"))).unwrap();
    }
    let (words, theirs) = (fs::read(&statement).unwrap(), fs::read(&signature).unwrap());
    refused("their signature of the very statement", "skill.intoto.json.sig");
    // The words of the half that would be completed, to the byte, or it is none of ours.
    fs::remove_file(&signature).unwrap();
    fs::write(&statement, [&words[..], b" "].concat()).unwrap();
    refused("a statement with a blank more", "skill.intoto.json");
    fs::remove_file(&statement).unwrap();
    fs::write(&signature, &theirs).unwrap();
    refused("a signature alone", "skill.intoto.json.sig");
    // Void, since the folder has changed, and all the same theirs.
    fs::remove_file(&signature).unwrap();
    bed.source("demo", "echo two\n");
    by("release", &[]).done();
    fs::write(&signature, &theirs).unwrap();
    refused("their void signature beside our statement", "skill.intoto.json.sig");
    // Our statement alone is a half of ours, and is completed without being asked to replace.
    fs::remove_file(&signature).unwrap();
    let said = by("release", &[]).done();
    assert!(said.out.contains(&signature) && !said.out.contains("replaces"), "{said:?}");
    assert!(by("release", &[]).done().out.contains("already"));
}

// ---- statements for others ----

fn said(bed: &Bed, verb: &str, rest: &[&str]) -> Vec<String> {
    make_key(bed, "ana", Kind::Ed25519);
    let digest = bed.install("demo");
    bed.trust("demo", &digest);
    let line = ["publish", verb, "demo", "--key", "ana"];
    line.iter().chain(rest).map(|word| (*word).to_owned()).collect()
}

fn attest(bed: &Bed) -> Vec<String> {
    said(bed, "attest", &["--out", &bed.path("out/demo.json")])
}

fn attest_aloud(bed: &Bed) -> Vec<String> {
    said(bed, "attest", &[])
}

fn review(bed: &Bed) -> Vec<String> {
    said(bed, "review", &["--criteria", "safe-to-run", "--out", &bed.path("out/demo.json")])
}

/// The envelope that was handed out: by the file, or on standard output.
fn handed_out(press: &Press, ran: &Ran) -> Option<String> {
    match press.args.iter().any(|word| word == "--out") {
        true => fs::read_to_string(press.bed.path("out/demo.json")).ok(),
        false => Some(ran.out.clone()).filter(|out| !out.is_empty()),
    }
}

/// Whole, and named by a record.
fn recorded(press: &Press, envelope: &str) -> Result<(), String> {
    let read: serde_json::Value =
        serde_json::from_str(envelope).map_err(|why| format!("half an envelope: {why}: {envelope}"))?;
    if read["signatures"].as_array().is_none_or(Vec::is_empty) {
        return Err(format!("unsigned: {envelope}"));
    }
    let log = fs::read_to_string(press.bed.log()).unwrap_or_default();
    // On standard output a line's end follows it.
    let hashes = [envelope, envelope.trim_end()].map(|text| sha256(&[text.as_bytes()]).hex());
    let named = |line: &str| {
        line.contains("\"event\":\"publish\"") && hashes.iter().any(|hash| line.contains(hash.as_str()))
    };
    if log.lines().any(named) { Ok(()) } else { Err("handed out, and no record names it".to_owned()) }
}

fn said_law(press: &Press, ran: &Ran) -> Result<(), String> {
    // The envelope's time is that of the run: it is judged for itself.
    let bare = |things: Things| -> Things {
        let out = press.bed.root.join("out/demo.json");
        things.into_iter().filter(|(path, _)| *path != out && !is_left_over(path)).collect()
    };
    if bare(things(&press.bed)) != bare(press.before.clone()) {
        return Err("something else was changed".to_owned());
    }
    press.bed.look()?;
    let envelope = handed_out(press, ran);
    if ran.acknowledged() && envelope.is_none() {
        return Err("acknowledged, and nothing was handed out".to_owned());
    }
    if let Some(envelope) = &envelope {
        recorded(press, envelope)?;
        let out = press.bed.root.join("out/demo.json");
        let mode = out.exists().then(|| out.metadata().unwrap().permissions().mode() & 0o777);
        if mode.is_some_and(|mode| mode != 0o644) {
            return Err(format!("mode {mode:?}"));
        }
    }
    let again = press.again();
    let there = envelope.is_some() && press.args.iter().any(|word| word == "--out");
    let told = again.err.contains("is there already, and is not overwritten");
    if there == again.acknowledged() || there != told {
        return Err(format!("and again: {again:?}"));
    }
    if there && handed_out(press, &again) != envelope {
        return Err("another envelope than before".to_owned());
    }
    recorded(press, &handed_out(press, &again).unwrap_or_default())?;
    let verified = press.bed.run(&["audit", "verify"]);
    if verified.acknowledged() { Ok(()) } else { Err(format!("{verified:?}")) }
}

#[test]
fn an_attestation_cut_off_is_handed_out_whole_and_recorded_or_not_at_all() {
    sweep(&Work { name: "publish attest --out", prepare: attest, law: said_law });
}

#[test]
fn an_attestation_that_is_printed_is_on_record_before_it_is_seen() {
    sweep(&Work { name: "publish attest", prepare: attest_aloud, law: said_law });
}

#[test]
fn a_review_cut_off_is_handed_out_whole_and_recorded_or_not_at_all() {
    sweep(&Work { name: "publish review --out", prepare: review, law: said_law });
}
