//! `skills kill --all` when everything around it is broken.
//!
//! The laws: what can be withdrawn is withdrawn, at once; exit 0 and KILLED
//! only if access is withdrawn for good, else NOT KILLED and exit 1; and the
//! gate denies afterwards in every case.

use crate::support::faults::{Bed, Ran, SKILLS, clear, is_root, path};
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const KILL: &[&str] = &["kill", "--all"];

/// A home with two skills enabled.
fn bed() -> Bed {
    let bed = Bed::new();
    bed.enabled("demo", "a");
    bed.enabled("other", "b");
    bed
}

/// KILLED with nothing left, or NOT KILLED and said so; then the gate denies.
fn judge(what: &str, bed: &Bed, ran: &Ran) {
    let said = format!("{}{}", ran.out, ran.err);
    match ran.code {
        Some(0) => {
            assert!(bed.live().is_empty(), "{what}: acknowledged, and an agent finds {:?}", bed.live());
            assert!(bed.has_hold(), "{what}: acknowledged without a hold: {ran:?}");
            assert!(said.contains("KILLED") && !said.contains("NOT KILLED"), "{what}: {ran:?}");
        }
        Some(1) => assert!(said.contains("NOT KILLED"), "{what}: {ran:?}"),
        _ => panic!("{what}: {ran:?}"),
    }
    denies(what, bed);
}

fn denies(what: &str, bed: &Bed) {
    for skill in ["demo", "other"] {
        let (allowed, ran) = bed.gate(skill);
        assert!(!allowed && ran.code != Some(0), "{what}: the gate of {skill}: {ran:?}");
    }
}

/// One of our own files, broken in one way.
fn broken(what: &str, damage: impl FnOnce(&Bed)) -> Ran {
    let bed = bed();
    damage(&bed);
    let ran = bed.run(KILL);
    judge(what, &bed, &ran);
    assert_eq!(ran.code, Some(0), "{what}: kill needs none of it: {ran:?}");
    ran
}

#[test]
fn a_broken_ledger_or_log_does_not_stop_a_kill() {
    let database = ["ledger.db", "ledger.db-wal", "ledger.db-shm"];
    let each = |bed: &Bed, change: &dyn Fn(&std::path::Path)| {
        for name in database {
            change(&bed.home().join(name));
        }
    };
    let rubbish: Vec<u8> = (0..20_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    broken("ledger of random bytes", |bed| each(bed, &|file| fs::write(file, &rubbish).unwrap()));
    broken("empty ledger", |bed| each(bed, &|file| fs::write(file, "").unwrap()));
    broken("no ledger", |bed| each(bed, &|file| drop(fs::remove_file(file))));
    broken("a folder for a ledger", |bed| {
        each(bed, &|file| drop(fs::remove_file(file)));
        fs::create_dir(bed.home().join("ledger.db")).unwrap();
    });
    broken("no log", |bed| fs::remove_file(bed.log()).unwrap());
    broken("a folder for a log", |bed| {
        fs::remove_file(bed.log()).unwrap();
        fs::create_dir(bed.log()).unwrap();
    });
    broken("an edited log", |bed| fs::write(bed.log(), &rubbish).unwrap());
    broken("a folder for a lock", |bed| {
        let _ = fs::remove_file(bed.home().join("lock"));
        fs::create_dir(bed.home().join("lock")).unwrap();
    });
    broken("no evidence, store or staging", |bed| {
        for name in ["evidence", "store", "staging"] {
            clear(&bed.home().join(name));
        }
    });
    broken("closed folders", |bed| {
        for name in ["permits", "audit"] {
            let closed = fs::Permissions::from_mode(0o000);
            fs::set_permissions(bed.home().join(name), closed).unwrap();
        }
    });
}

/// Holds the lock and the database, as something that hangs would.
const HOLDER: &str = "
import fcntl, os, sqlite3, sys, time
home = sys.argv[1]
lock = os.open(home + '/lock', os.O_RDWR | os.O_CREAT, 0o600)
fcntl.flock(lock, fcntl.LOCK_EX)
base = sqlite3.connect(home + '/ledger.db', isolation_level=None)
base.execute('PRAGMA locking_mode = EXCLUSIVE')
base.execute('BEGIN EXCLUSIVE')
print('held', flush=True)
time.sleep(60)
";

#[test]
fn a_kill_waits_for_nobody_before_access_is_withdrawn() {
    let bed = bed();
    let mut holder = Command::new("python3")
        .args(["-I", "-c", HOLDER])
        .arg(bed.home())
        .env_clear()
        .env("PATH", path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = [0; 5];
    holder.stdout.as_mut().unwrap().read_exact(&mut said).unwrap();
    let start = Instant::now();
    let kill = bed.command(KILL).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while !bed.live().is_empty() && start.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(2));
    }
    let withdrawn = start.elapsed();
    let ran = Ran::of(&kill.wait_with_output().unwrap());
    let answered = start.elapsed();
    eprintln!("kill beside a hanging lock: withdrawn after {withdrawn:.1?}, answered after {answered:.1?}");
    // On a slow machine each takes longer; the one that waits for the lock is the later by far.
    assert!(withdrawn + Duration::from_secs(2) < answered, "withdrawn {withdrawn:?}, answered {answered:?}");
    assert!(answered < Duration::from_secs(45), "answered after {answered:?}");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.contains("not recorded yet"), "{ran:?}");
    judge("locked by another", &bed, &ran);
    holder.kill().unwrap();
    holder.wait().unwrap();
    // Nobody has to ask for it: the next command records what was done.
    let looked = bed.look().unwrap();
    assert!(looked.view.held && looked.view.rows.values().all(|row| row == "trusted"), "{looked:?}");
}

/// Runs a script in a mount namespace of its own, where it is root.
pub(crate) fn apart(script: &str, args: &[&str]) -> Option<Ran> {
    let flags = if is_root() { "-m" } else { "-Urm" };
    let mut probe = Command::new("unshare");
    let probe = probe.args([flags, "true"]).env_clear().env("PATH", path()).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        eprintln!("NOT RUN: this account may not have a mount namespace of its own");
        return None;
    }
    let mut command = Command::new("unshare");
    command.args([flags, "sh", "-euc", script, "sh", SKILLS]).args(args);
    command.env_clear().env("PATH", path()).stdin(Stdio::null());
    Some(Ran::of(&command.output().unwrap()))
}

/// A skill enabled in a small file system, which is then filled.
const FULL: &str = r#"
skills=$1; at=$2; options=$3; how=$4
mount -t tmpfs -o "mode=0700,$options" none "$at"
mkdir -p "$at/src/demo"
printf -- '---\nname: demo\ndescription: A skill for the fault tests.\n---\n' > "$at/src/demo/SKILL.md"
digest=$("$skills" --home "$at/home" install "$at/src/demo" | grep -o 'sha256:[0-9a-f]*' | tail -1)
"$skills" --home "$at/home" trust demo --digest "$digest" > /dev/null
"$skills" --home "$at/home" enable demo --dir "$at/agent" > /dev/null 2>&1
test -f "$at/agent/demo/SKILL.md"
if test "$how" = bytes; then
    cat /dev/zero > "$at/fill" 2> /dev/null || true
    cat /dev/zero >> "$at/fill" 2> /dev/null || true
    ! { echo more > "$at/more"; } 2> /dev/null || ! test -s "$at/more"
else
    n=0; while touch "$at/fill$n" 2> /dev/null; do n=$((n + 1)); done
    ! touch "$at/more" 2> /dev/null
fi
code=0; "$skills" --home "$at/home" kill --all || code=$?
echo "kill exit $code"
find "$at/agent" -iname SKILL.md | sed 's/^/live /'
ls "$at/home" | grep '^killed\.' || true
code=0; "$skills" --home "$at/home" gate demo --json || code=$?
echo "gate exit $code"
"#;

#[test]
fn a_full_disk_does_not_stop_a_kill() {
    if !is_root() {
        // In a user namespace the folders above belong to nobody, so no home
        // can be made there.
        eprintln!("NOT RUN: a small file system needs root; the other pass of the tests runs it");
        return;
    }
    for (options, how) in [("size=2m", "bytes"), ("size=8m,nr_inodes=120", "inodes")] {
        let dir = tempfile::tempdir().unwrap();
        let Some(ran) = apart(FULL, &[&dir.path().to_string_lossy(), options, how]) else { return };
        assert!(ran.out.contains("kill exit 0") && ran.out.contains("killed."), "{how}: {ran:?}");
        assert!(!ran.out.contains("live ") && ran.out.contains("KILLED"), "{how}: {ran:?}");
        let gate = ran.out.lines().find(|line| line.starts_with("gate exit"));
        assert!(gate.is_some_and(|line| line != "gate exit 0"), "{how}: {ran:?}");
        assert!(!ran.out.contains("\"decision\":\"allow\""), "{how}: {ran:?}");
    }
}

/// The home read-only, the agents' folders not.
const READ_ONLY: &str = r#"
skills=$1; home=$2
ls /root > /dev/null 2>&1 || mount -t tmpfs none /root
mount --bind "$home" "$home"
mount -o remount,bind,ro "$home"
code=0; "$skills" --home "$home" kill --all || code=$?
echo "kill exit $code"
code=0; "$skills" --home "$home" gate demo --json || code=$?
echo "gate exit $code"
"#;

#[test]
fn on_a_read_only_home_a_kill_withdraws_what_it_can_and_says_not_killed() {
    let bed = bed();
    let Some(ran) = apart(READ_ONLY, &[&bed.home().to_string_lossy()]) else { return };
    assert!(ran.out.contains("kill exit 1") && ran.err.contains("NOT KILLED"), "{ran:?}");
    assert!(!ran.out.contains("gate exit 0") && !ran.out.contains("\"decision\":\"allow\""), "{ran:?}");
    assert!(bed.live().is_empty(), "the copies are elsewhere and can be withdrawn: {:?}", bed.live());
}

#[test]
fn a_home_closed_to_its_owner_is_killed_all_the_same() {
    for mode in [0o500, 0o000] {
        let bed = bed();
        fs::set_permissions(bed.home(), fs::Permissions::from_mode(mode)).unwrap();
        let ran = bed.run(KILL);
        judge(&format!("home of mode {mode:o}"), &bed, &ran);
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
}

#[test]
fn an_agents_folder_that_is_read_only_is_named() {
    if is_root() {
        eprintln!("NOT RUN: root passes every mode; the other pass of the tests runs it");
        return;
    }
    let bed = bed();
    fs::set_permissions(bed.agent("a"), fs::Permissions::from_mode(0o555)).unwrap();
    let ran = bed.run(KILL);
    judge("agent's folder of mode 555", &bed, &ran);
    // Its card could be renamed inside its own folder: it is no longer live.
    let found = bed.live();
    assert!(found.is_empty() || (ran.code == Some(1) && ran.err.contains("agent-a")), "{ran:?} {found:?}");
    fs::set_permissions(bed.agent("a"), fs::Permissions::from_mode(0o755)).unwrap();
    bed.look().unwrap();
    assert!(bed.live().is_empty(), "tried again until it is gone: {:?}", bed.live());
}

#[test]
fn few_descriptors_make_a_kill_fail_loudly_or_not_at_all() {
    let bed = bed();
    bed.keep("enabled");
    let mut table = Vec::new();
    for most in 3..=16 {
        bed.restore("enabled");
        let mut command = Command::new("prlimit");
        command.arg(format!("--nofile={most}")).arg(SKILLS).arg("--home").arg(bed.home()).args(KILL);
        let output = command.env_clear().env("PATH", path()).stdin(Stdio::null()).output().unwrap();
        let ran = Ran::of(&output);
        if ran.err.contains("error while loading") {
            // The program itself could not be started.
            continue;
        }
        judge(&format!("{most} descriptors"), &bed, &ran);
        table.push((most, ran.code.unwrap_or(-1)));
    }
    eprintln!("descriptors and exit codes: {table:?}");
    assert!(table.iter().any(|(_, code)| *code == 0), "with enough of them it is done");
}

/// Runs the kill with its standard streams as a shell leaves them.
fn streams(bed: &Bed, redirect: &str) -> Option<i32> {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("exec \"$@\" {redirect}")).arg("sh").arg(SKILLS).arg("--home");
    command.arg(bed.home()).args(KILL).env_clear().env("PATH", path());
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().code()
}

#[test]
fn closed_and_broken_streams_do_not_stop_a_kill() {
    let bed = bed();
    bed.keep("enabled");
    let all = ["<&- >&- 2>&-", ">&-", "2>&-", "<&-", ">/dev/full", "2>/dev/full", ">/dev/full 2>/dev/full"];
    for redirect in all {
        bed.restore("enabled");
        let code = streams(&bed, redirect);
        // Access is withdrawn; who cannot be told is another matter.
        assert_eq!(code, Some(0), "{redirect}");
        assert!(bed.live().is_empty() && bed.has_hold(), "{redirect}: {code:?} {:?}", bed.live());
        denies(redirect, &bed);
        let looked = bed.look().unwrap();
        assert!(looked.view.held && looked.view.rows.values().all(|row| row == "trusted"), "{looked:?}");
    }
    // A reader that went away.
    bed.restore("enabled");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = bed.command(KILL).stdout(writer).stderr(Stdio::null()).status().unwrap();
    assert!(status.success() && bed.live().is_empty() && bed.has_hold(), "{status:?}");
    denies("a broken pipe", &bed);
}

#[test]
fn a_signal_during_a_kill_never_leaves_it_lifted() {
    let bed = bed();
    bed.keep("enabled");
    let (_, calls) = bed.trace(KILL);
    let calls: Vec<_> = calls.into_iter().filter(|call| call.changes).collect();
    let (mut points, mut ended) = (0, 0);
    for signal in ["TERM", "INT", "HUP"] {
        for call in &calls {
            bed.restore("enabled");
            let ran = bed.run_with(&call.name, &format!("signal={signal}:when={}", call.nth), KILL);
            let point = format!("SIG{signal} at {} {}", call.name, call.nth);
            points += 1;
            ended += usize::from(ran.signal.is_some());
            if ran.code == Some(0) {
                judge(&point, &bed, &ran);
            } else if bed.has_hold() {
                denies(&point, &bed);
            }
            // Whatever it left, the same command again stops it all.
            bed.run(KILL).done();
            assert!(bed.live().is_empty(), "{point}: {:?}", bed.live());
            denies(&point, &bed);
            bed.look().unwrap_or_else(|why| panic!("{point}: {why}"));
        }
    }
    eprintln!("signals during a kill: {points} points, {ended} ended it, 0 violations");
}

#[test]
fn a_small_address_space_makes_a_kill_fail_loudly_or_not_at_all() {
    let bed = bed();
    bed.keep("enabled");
    let mut done = 0;
    for megabytes in [24_u64, 48, 96, 192, 384] {
        bed.restore("enabled");
        let mut command = Command::new("prlimit");
        command.arg(format!("--as={}", megabytes << 20)).arg(SKILLS).arg("--home").arg(bed.home()).args(KILL);
        command.env_clear().env("PATH", path()).stdin(Stdio::null()).process_group(0);
        let ran = Ran::of(&command.output().unwrap());
        // It may not even start; but then it says nothing of having killed.
        if ran.code == Some(0) {
            done += 1;
            judge(&format!("{megabytes} MB"), &bed, &ran);
        } else {
            assert!(!ran.out.contains("KILLED") || ran.err.contains("NOT KILLED"), "{megabytes}: {ran:?}");
        }
    }
    assert!(done > 0, "with enough of it it is done");
}
