//! A kill played on a copy: it tells what would happen, and nothing happens.

use crate::support::faults::{Bed, is_root};
use crate::support::sandbox::{Sandbox, chmod};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// `notes` in `a/`, `pdf` in `a/` and `b/`.
fn three() -> Sandbox {
    let sandbox = Sandbox::new();
    for (skill, folders) in [("notes", &["a"][..]), ("pdf", &["a", "b"])] {
        sandbox.trusted(&sandbox.skill(skill).file("more/x.md", "x\n").make(), skill);
        for folder in folders {
            sandbox.run(&["enable", skill, "--dir", &sandbox.arg(folder)]).ok();
        }
    }
    sandbox
}

/// Everything below a folder: inode, mode, times, bytes.
fn all(folder: &Path, out: &mut BTreeMap<PathBuf, String>) {
    let meta = folder.symlink_metadata().unwrap();
    let bytes = if meta.is_file() { fs::read(folder).ok() } else { None };
    let times = (meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec());
    let what =
        format!("{} {:o} {} {} {times:?} {bytes:?}", meta.ino(), meta.mode(), meta.uid(), meta.nlink());
    out.insert(folder.to_owned(), what);
    if meta.is_dir() {
        fs::read_dir(folder).into_iter().flatten().flatten().for_each(|entry| all(&entry.path(), out));
    }
}

fn everything(sandbox: &Sandbox) -> BTreeMap<PathBuf, String> {
    let mut out = BTreeMap::new();
    all(sandbox.top(), &mut out);
    out
}

/// Runs a drill with a temporary folder of its own, outside of what is looked
/// at; nothing may be changed and nothing left.
fn drilled(sandbox: &Sandbox, code: i32) -> serde_json::Value {
    let tmp = tempfile::tempdir().unwrap();
    let before = everything(sandbox);
    let said = sandbox
        .run_in(&[("TMPDIR", tmp.path().to_str().unwrap())], &["kill", "--drill", "--json"])
        .code(code);
    let after = everything(sandbox);
    for (path, was) in &before {
        assert_eq!(Some(was), after.get(path), "{} was changed", path.display());
    }
    assert_eq!(before.len(), after.len());
    assert_eq!(fs::read_dir(tmp.path()).unwrap().count(), 0, "something was left behind");
    said.json()
}

#[test]
fn it_tells_what_would_be_withdrawn_and_how_fast() {
    let sandbox = three();
    let told = drilled(&sandbox, 0);
    assert_eq!(told["would_stop"], true);
    assert_eq!((&told["permits"], told["placements"].as_array().unwrap().len()), (&serde_json::json!(2), 3));
    assert_eq!(told["placements"][0], sandbox.arg("a/notes"));
    let (denied, complete) =
        (told["denied_after_us"].as_u64().unwrap(), told["complete_after_us"].as_u64().unwrap());
    assert!(denied <= complete && complete < 10_000_000, "{told}");
    sandbox.run(&["kill", "--drill"]).ok().says("WOULD STOP EVERYTHING MANAGED").says("nothing is recorded");
    // And so it is: the real one does what was told.
    let real = sandbox.run(&["kill", "--all", "--json"]).ok().json();
    let paths = real["stopped"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|stopped| stopped["paths"].as_array().unwrap().clone());
    let mut paths: Vec<_> = paths.filter(|path| !path.as_str().unwrap().contains(".skill-trust-")).collect();
    paths.sort_by_key(ToString::to_string);
    assert_eq!(serde_json::json!(paths), told["placements"]);
    // Under a kill there is nothing left to take away, and the hold holds.
    let told = drilled(&sandbox, 0);
    assert_eq!((&told["in_force"], &told["permits"]), (&serde_json::json!(true), &serde_json::json!(0)));
}

#[test]
fn an_agent_may_drill_and_a_home_that_is_not_there_cannot() {
    let sandbox = three();
    sandbox.run_in(&[("CLAUDECODE", "1")], &["kill", "--drill"]).ok();
    let none = Sandbox::new();
    none.run(&["kill", "--drill"]).code(3).says("home-missing");
    assert!(!none.home().exists());
    sandbox.run(&["kill", "--drill", "--dry-run"]).code(2);
    sandbox.run(&["kill", "pdf", "--drill"]).code(2);
}

/// The drill needs what the kill needs: nothing.
#[test]
fn without_ledger_log_and_store_it_is_the_same() {
    let sandbox = three();
    for name in ["ledger.db", "audit/audit.jsonl", "lock"] {
        fs::remove_file(sandbox.home().join(name)).unwrap();
    }
    fs::rename(sandbox.home().join("store"), sandbox.at("work/store")).unwrap();
    assert_eq!(drilled(&sandbox, 0)["placements"].as_array().unwrap().len(), 3);
}

/// Attack: permits whose paths lead away. A kill refuses them; the drill's copy
/// of them must not lead out of the copy either, and the drill says so.
#[test]
fn a_permit_that_leads_away_moves_nothing() {
    let sandbox = three();
    let outside = sandbox.at("work/pdf");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("SKILL.md"), "mine\n").unwrap();
    let permits = sandbox.home().join("permits");
    let file = fs::read_dir(&permits)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_string_lossy().contains("pdf@"))
        .unwrap();
    let text = fs::read_to_string(&file).unwrap();
    let first = sandbox.arg("a/pdf");
    for (path, stops) in [
        (format!("{}/a/../work/pdf", sandbox.top().display()), false),
        (format!("{}/work/..", sandbox.top().display()), false),
        ("pdf".to_owned(), false),
        (String::new(), false),
        ("/".to_owned(), false),
        (sandbox.arg("work"), false),
        // Of ours, and of that name: a kill would take it.
        (outside.to_str().unwrap().to_owned(), true),
    ] {
        fs::write(&file, text.replace(&format!("final {first}\n"), &format!("final {path}\n"))).unwrap();
        let told = drilled(&sandbox, i32::from(!stops));
        assert_eq!(told["would_stop"], stops, "{path}: {told}");
        assert!(outside.join("SKILL.md").exists(), "{path}");
    }
    // Not a permit at all, or one that cannot be read as text.
    for bytes in [&b""[..], b"rubbish", b"\xff\xfe"] {
        fs::write(&file, bytes).unwrap();
        let told = drilled(&sandbox, 1);
        assert!(
            told["failures"]
                .as_array()
                .unwrap()
                .iter()
                .any(|one| one["what"].as_str().unwrap().contains("pdf@")),
            "{told}"
        );
    }
}

#[test]
fn what_stands_at_a_place_and_is_not_ours_is_told() {
    let sandbox = three();
    let copy = sandbox.at("b/pdf");
    chmod(&copy, 0o755);
    fs::rename(&copy, sandbox.at("work/away")).unwrap();
    // Gone: nothing to stop there.
    assert_eq!(drilled(&sandbox, 0)["would_stop"], true);
    symlink(sandbox.at("work/away"), &copy).unwrap();
    let told = drilled(&sandbox, 1);
    let said = &told["failures"][0];
    assert!(said["what"].as_str().unwrap().contains(copy.to_str().unwrap()), "{told}");
    assert!(!told.to_string().contains("skills-drill-"), "paths are the real ones: {told}");
    fs::remove_file(&copy).unwrap();
    // A copy that was opened up, with a second card: still nothing a kill misses.
    fs::create_dir(&copy).unwrap();
    fs::write(copy.join("skill.md"), "x").unwrap();
    fs::create_dir(copy.join("SKILL.md.withdrawn")).unwrap();
    assert_eq!(drilled(&sandbox, 0)["would_stop"], true);
}

/// What the copy cannot show is looked for at the real places.
#[test]
fn a_folder_that_nothing_can_be_renamed_in_is_told() {
    if !is_root() {
        eprintln!("SKIPPED: chattr is root's");
        return;
    }
    let sandbox = three();
    let marked = |sign: &str, path: &Path| {
        Command::new("chattr")
            .arg(sign)
            .arg(path)
            .stderr(std::process::Stdio::null())
            .status()
            .is_ok_and(|done| done.success())
    };
    for path in [sandbox.at("b"), sandbox.at("b/pdf"), sandbox.home(), sandbox.home().join("permits")] {
        if !marked("+i", &path) {
            eprintln!("SKIPPED: this file system knows no immutable folders");
            return;
        }
        let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drilled(&sandbox, 1)));
        assert!(marked("-i", &path));
        let told = told.unwrap();
        let found =
            told["failures"].as_array().unwrap().iter().find(|one| one["what"] == path.to_str().unwrap());
        assert!(found.is_some_and(|one| one["why"].as_str().unwrap().contains("immutable")), "{told}");
    }
    assert_eq!(drilled(&sandbox, 0)["would_stop"], true);
}

/// The same by a file system that is read-only there, which an ordinary account
/// can have too.
#[test]
fn a_folder_on_a_read_only_file_system_is_told() {
    let sandbox = three();
    let script = r#"mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@""#;
    let mut ran = 0;
    for path in [sandbox.at("b"), sandbox.home()] {
        let mut command = Command::new("unshare");
        command.arg("--mount").args((!is_root()).then_some("--map-root-user"));
        command.args(["sh", "-c", script]).arg(&path).arg(crate::support::faults::SKILLS);
        command.arg("--home").arg(sandbox.home()).args(["kill", "--drill", "--json"]);
        command.env_clear().env("PATH", crate::support::faults::path());
        let done = command.output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        if done.stdout.is_empty() && (said.contains("unshare:") || said.contains("mount:")) {
            eprintln!("NOT RUN: no mount of our own here: {said}");
            continue;
        }
        let told: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
        assert_eq!((done.status.code(), &told["would_stop"]), (Some(1), &serde_json::json!(false)), "{told}");
        let found =
            told["failures"].as_array().unwrap().iter().find(|one| one["what"] == path.to_str().unwrap());
        assert!(found.is_some_and(|one| one["why"].as_str().unwrap().contains("Read-only")), "{told}");
        ran += 1;
    }
    // Of the two passes one is root's, and root can.
    assert!(ran == 2 || !is_root(), "the drill was not tried on anything that stops a kill");
}

/// Attack by bad luck: the temporary folder is inside the home.
#[test]
fn it_never_copies_into_the_home() {
    let sandbox = three();
    let before = everything(&sandbox);
    let inside = sandbox.home().join("staging");
    sandbox
        .run_in(&[("TMPDIR", inside.to_str().unwrap())], &["kill", "--drill"])
        .code(7)
        .says("inside the home");
    assert_eq!(before, everything(&sandbox));
}

/// Attack: a temporary folder whose name paints over the refusal that names it.
#[test]
fn attack_a_temporary_folder_of_an_evil_name() {
    let sandbox = three();
    for (place, code) in [(sandbox.at("no\u{1b}[2J\u{202e}such"), 1), (sandbox.home().join("x\u{1b}[2J"), 7)]
    {
        if code == 7 {
            fs::create_dir(&place).unwrap();
        }
        let said = sandbox.run_in(&[("TMPDIR", place.to_str().unwrap())], &["kill", "--drill"]).code(code).0;
        assert!(!said.stderr.contains(['\u{1b}', '\u{202e}']), "{said:?}");
        assert!(said.stderr.contains("TMPDIR=/tmp"), "{said:?}");
    }
}

/// Every call that changes something names the copy, by path or by handle.
#[test]
fn every_call_that_changes_something_is_in_the_copy() {
    let bed = Bed::new();
    bed.enabled("demo", "a");
    bed.enable("demo", "b");
    let trace = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-y", "-s", "400", "-o"]).arg(trace.path());
    command.args(["-e", "trace=file,desc"]).arg(crate::support::faults::SKILLS);
    command.arg("--home").arg(bed.home()).args(["kill", "--drill"]);
    let done = command.env_clear().env("PATH", crate::support::faults::path()).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    let changing = [
        "rename",
        "unlink",
        "rmdir",
        "mkdir",
        "chmod",
        "chown",
        "link",
        "symlink",
        "truncate",
        "utime",
        "setxattr",
        "fallocate",
        "mknod",
        "fsync",
        "fdatasync",
        "pwrite",
        "writev",
    ];
    let (mut count, mut opened) = (0, 0);
    for line in fs::read_to_string(trace.path()).unwrap().lines() {
        let call = line.split_once(' ').unwrap().1.trim_start();
        let name = call.split('(').next().unwrap_or_default();
        // The rest of a call whose beginning was judged.
        if call.starts_with("<...") {
            continue;
        }
        let opens = name.starts_with("open")
            && ["O_CREAT", "O_TRUNC", "O_WRONLY", "O_RDWR"].iter().any(|flag| call.contains(flag));
        // `readlink` reads.
        let changes = changing.iter().any(|word| name.contains(word)) && !name.starts_with("readlink");
        let writes = name == "write"
            && !call.contains("pipe:")
            && !call.starts_with("write(1<")
            && !call.starts_with("write(2<");
        if !(changes || opens || writes) || call.contains("/dev/null") {
            continue;
        }
        opened += usize::from(opens);
        count += 1;
        assert!(call.contains("skills-drill-"), "outside the copy: {call}");
        // What is written may name the source; where it is written may not.
        let place = if name == "write" { call.split(", \"").next().unwrap() } else { call };
        assert!(!place.contains(bed.root.to_str().unwrap()), "{call}");
    }
    assert!(
        count > 20 && opened > 3,
        "{count} changing calls, {opened} of them opening: the trace was not read"
    );
}
