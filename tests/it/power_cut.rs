//! Power cuts: a real ext4 whose journal and caches are thrown away at a point
//! of a command, mounted again, and judged by the laws of a crash.
//!
//! A kill leaves what was written in the system's caches; a power cut does
//! not. What was acknowledged must be there all the same: that is what the
//! flushes are for. The control runs skip the flushes and must be caught,
//! or this test would not see.
//!
//! Mounting needs root. An ordinary user's pass says that it did not run.

use crate::crash::judge::{Judge, conclude};
use crate::crash::scenes;
use crate::support::faults::{Bed, Dice, is_root, path};
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// Points taken of each command, beside its acknowledged end.
const POINTS: usize = 20;
/// Everything that makes something last.
const FLUSHES: &str = "fsync,fdatasync,sync_file_range,syncfs,sync";
/// `EXT4_IOC_SHUTDOWN` with "do not flush the log": from there on the disk is
/// what it was. The file system is named on a line each.
const CUTTER: &str = "
import fcntl, os, struct, sys
for line in sys.stdin:
    at = os.open(line.rstrip('\\n'), os.O_RDONLY | os.O_DIRECTORY)
    fcntl.ioctl(at, 0x8004587d, struct.pack('I', 2))
    os.close(at)
    print('cut', flush=True)
";

/// A disk in a file. Each time it is mounted it is a copy in a file of its own:
/// a mount name space that another test opened in between keeps the old mount,
/// and mounting the same file again would give back that one, still cut off.
struct Disk {
    dir: tempfile::TempDir,
    /// How often it was mounted; the name of the file in use.
    turn: usize,
    mounted: bool,
    cutter: Child,
    answers: BufReader<std::process::ChildStdout>,
}

fn run(program: &str, args: &[&str]) -> Result<(), String> {
    let mut command = Command::new(program);
    let output = command.args(args).env_clear().env("PATH", format!("{}:/usr/sbin:/sbin", path())).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(format!("{program} {args:?}: {words}")) }
}

impl Disk {
    /// A fresh, mounted disk; why not, where that cannot be.
    fn new() -> Result<Self, String> {
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let mut cutter = Command::new("python3")
            .args(["-I", "-c", CUTTER])
            .env_clear()
            .env("PATH", path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("python3: {error}"))?;
        let answers = BufReader::new(cutter.stdout.take().unwrap());
        let mut disk = Self { dir, turn: 0, mounted: false, cutter, answers };
        let image = disk.file("0");
        fs::File::create(&image).unwrap().set_len(24 << 20).unwrap();
        run("mkfs.ext4", &["-q", "-F", "-J", "size=4", "-E", "lazy_itable_init=0", &image])?;
        fs::create_dir(disk.file("mnt")).unwrap();
        disk.mount_copy_of("0")?;
        Ok(disk)
    }

    fn file(&self, name: &str) -> String {
        self.dir.path().join(name).to_string_lossy().into_owned()
    }

    fn mount_copy_of(&mut self, image: &str) -> Result<(), String> {
        let last = self.turn.to_string();
        self.turn += 1;
        let next = self.file(&self.turn.to_string());
        run("cp", &["--sparse=always", &self.file(image), &next])?;
        let _ = fs::remove_file(self.file(&last));
        // Nothing reaches the disk by time alone.
        run("mount", &["-o", "loop,commit=300", &next, &self.file("mnt")])?;
        self.mounted = true;
        Ok(())
    }

    fn unmount(&mut self) {
        if std::mem::take(&mut self.mounted) {
            // A process that was killed may hold its folder for a moment longer.
            run("umount", &["-l", &self.file("mnt")]).unwrap();
        }
    }

    /// Keeps the disk as it is.
    fn keep(&mut self) {
        run("sync", &["-f", &self.file("mnt")]).unwrap();
        self.unmount();
        run("cp", &["--sparse=always", &self.file(&self.turn.to_string()), &self.file("kept")]).unwrap();
    }

    /// Puts the disk back as it was kept.
    fn restore(&mut self) {
        self.unmount();
        self.mount_copy_of("kept").unwrap();
    }

    /// The power goes, and comes back.
    fn cut(&mut self) {
        let line = format!("{}\n", self.file("mnt"));
        self.cutter.stdin.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        assert_eq!(answer, "cut\n");
        self.unmount();
        let image = self.turn.to_string();
        self.mount_copy_of(&image).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(self.cutter.stdin.take());
        let _ = self.cutter.wait();
        if self.mounted {
            let _ = run("umount", &["-l", &self.file("mnt")]);
        }
    }
}

/// What was found with the flushes, and without them.
#[derive(Default)]
struct Found {
    points: usize,
    violations: Vec<String>,
    controls: usize,
    caught: usize,
}

fn sweep(scene: &'static scenes::Scene, found: &mut Found) {
    let mut disk = Disk::new().unwrap();
    let mnt = PathBuf::from(disk.file("mnt"));
    fs::set_permissions(&mnt, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let mut judge = Judge::new(Bed::at(&mnt), scene);
    judge.bed.restore("start");
    disk.keep();
    let changing = judge.calls.iter().filter(|call| call.changes).cloned().collect();
    let mut dice = Dice::new(24);
    for call in dice.some(changing, POINTS) {
        disk.restore();
        let ran = judge.run_here(&call.name, &format!("signal=KILL:when={}", call.nth));
        disk.cut();
        judge.judge(&format!("power cut before {} {}", call.name, call.nth), &ran);
    }
    disk.restore();
    // A fault that never comes.
    let ran = judge.run_here("fsync", "error=EIO:when=9999");
    disk.cut();
    judge.judge("power cut after the answer", &ran);
    found.points += judge.points;

    let before = judge.violations.len();
    disk.restore();
    let ran = judge.run_here(FLUSHES, "retval=0");
    disk.cut();
    judge.judge("control", &ran);
    found.controls += 1;
    found.caught += usize::from(judge.violations.len() > before);
    judge.violations.truncate(before);
    judge.bed.restore("start");
    found.violations.extend(judge.end());
}

#[test]
fn what_was_acknowledged_survives_a_power_cut_and_skipped_flushes_are_caught() {
    if !is_root() {
        eprintln!("NOT RUN: power cuts need root, who can mount; the other pass of the tests runs them");
        return;
    }
    if let Err(why) = Disk::new() {
        eprintln!("NOT RUN: no loop mount of ext4 on this machine: {why}");
        return;
    }
    let mut found = Found::default();
    for scene in scenes::ALL {
        sweep(scene, &mut found);
    }
    eprintln!("controls without flushes: {} of {} were caught", found.caught, found.controls);
    assert!(found.caught > 0, "skipped flushes must be seen, or nothing is");
    conclude("power cuts", found.points, &found.violations);
}
