//! Changes to a copy, as `fixtures/attacks/*/change.toml` writes them down.

use crate::support::scene::{Snapshot, chmod, remove};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which rights a copy has: file, program, folder.
pub(crate) type Modes = [u32; 3];
/// In an agent's folder.
pub(crate) const PLACED: Modes = [0o444, 0o555, 0o555];
/// In the store.
pub(crate) const STORED: Modes = [0o400, 0o500, 0o500];

/// One attack, as its file has it.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Attack {
    /// Steps, each a word of [`step`] and what it needs. `$` stands for each of `each`.
    pub(crate) steps: Vec<Vec<String>>,
    /// What `$` stands for, one after the other.
    #[serde(default)]
    pub(crate) each: Vec<String>,
    /// The list in the record, in the words of [`line`].
    pub(crate) differences: Vec<String>,
    /// The list for a stored copy, where it differs.
    #[serde(default)]
    pub(crate) stored_differences: Vec<String>,
    /// Only the superuser can do this.
    #[serde(default)]
    pub(crate) root: bool,
    /// An ordinary account can no longer read it: denied, and nothing changes.
    #[serde(default)]
    pub(crate) unreadable: bool,
    /// What stands there is not ours to move; a person does.
    #[serde(default)]
    pub(crate) foreign: bool,
}

impl Attack {
    /// Every single change it stands for, with its differences.
    pub(crate) fn cases(&self, modes: Modes) -> Vec<(Vec<Vec<String>>, Vec<String>)> {
        let values = if self.each.is_empty() { vec![String::new()] } else { self.each.clone() };
        let stored = modes == STORED && !self.stored_differences.is_empty();
        let differences = if stored { &self.stored_differences } else { &self.differences };
        let case = |value: &String| {
            let steps =
                self.steps.iter().map(|step| step.iter().map(|word| word.replace('$', value)).collect());
            let lines = differences.iter().map(|line| fill(&line.replace('$', value), modes));
            (steps.collect(), lines.collect())
        };
        values.iter().map(case).collect()
    }
}

/// `{file^0022}` is the mode of a file with those bits flipped.
fn fill(line: &str, modes: Modes) -> String {
    let words = line.split(' ').map(|word| {
        let Some(word) = word.strip_prefix('{').and_then(|word| word.strip_suffix('}')) else {
            return word.to_owned();
        };
        let (kind, bits) = word.split_once('^').unwrap_or((word, "0"));
        let mode = match kind {
            "file" => modes[0],
            "program" => modes[1],
            "folder" => modes[2],
            other => panic!("no kind: {other}"),
        };
        format!("{:04o}", mode ^ octal(bits))
    });
    words.collect::<Vec<_>>().join(" ")
}

fn octal(text: &str) -> u32 {
    u32::from_str_radix(text, 8).unwrap()
}

/// Takes one step in a copy at `top`; `outside` is a folder beside it, `older`
/// the bytes of an earlier revision. Folders are opened for it and closed after.
pub(crate) fn step(top: &Path, outside: &Path, older: &Snapshot, step: &[String], modes: Modes) {
    let words: Vec<&str> = step.iter().map(String::as_str).collect();
    let folders = folders(top);
    if words[0] != "chmod" {
        folders.iter().for_each(|(path, _)| chmod(path, 0o700));
    }
    act(top, outside, older, &words, modes);
    for (path, mode) in folders.iter().rev() {
        if words[0] != "chmod" && path.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
            chmod(path, *mode);
        }
    }
}

fn folders(path: &Path) -> Vec<(PathBuf, u32)> {
    let Ok(meta) = path.symlink_metadata() else { return Vec::new() };
    if !meta.is_dir() {
        return Vec::new();
    }
    let mut out = vec![(path.to_owned(), meta.mode() & 0o7777)];
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        out.extend(folders(&entry.path()));
    }
    out
}

fn act(top: &Path, outside: &Path, older: &Snapshot, words: &[&str], modes: Modes) {
    let at = |path: &str| if path == "." { top.to_owned() } else { top.join(path) };
    match *words {
        ["flip", path, at_byte] => edit(&at(path), |bytes| {
            let index = place(at_byte, bytes.len());
            bytes[index] ^= 0x20;
        }),
        ["append", path, text] => edit(&at(path), |bytes| bytes.extend_from_slice(text.as_bytes())),
        ["cut", path, count] => edit(&at(path), |bytes| {
            let keep = bytes.len() - count.parse::<usize>().unwrap();
            bytes.truncate(keep);
        }),
        ["empty", path] => edit(&at(path), Vec::clear),
        ["crlf", path] => edit(&at(path), |bytes| {
            *bytes = String::from_utf8(bytes.clone()).unwrap().replace('\n', "\r\n").into_bytes();
        }),
        ["swap", a, b] => {
            let (first, second) = (fs::read(at(a)).unwrap(), fs::read(at(b)).unwrap());
            edit(&at(a), |bytes| bytes.clone_from(&second));
            edit(&at(b), |bytes| bytes.clone_from(&first));
        }
        ["splice", a, b, count] => {
            let count: usize = count.parse().unwrap();
            let mut moved = Vec::new();
            edit(&at(b), |bytes| moved = bytes.drain(..count).collect());
            edit(&at(a), |bytes| bytes.extend_from_slice(&moved));
        }
        ["add", path, text] => {
            let path = at(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            chmod(&path, modes[0]);
            close_new(top, path.parent().unwrap(), modes[2]);
        }
        ["add-not-utf8", prefix] => {
            let name = [prefix.as_bytes(), b"\xff\xfe"].concat();
            let path = top.join(std::ffi::OsStr::from_bytes(&name));
            fs::write(&path, "x").unwrap();
            chmod(&path, modes[0]);
        }
        ["folder", path] => {
            fs::create_dir(at(path)).unwrap();
            chmod(&at(path), modes[2]);
        }
        ["remove", path] => remove(&at(path)),
        ["clear"] => fs::read_dir(top).unwrap().for_each(|entry| remove(&entry.unwrap().path())),
        ["rename", from, to] => {
            fs::rename(at(from), at(to)).unwrap();
            if at(to).is_dir() {
                chmod(&at(to), modes[2]);
            }
        }
        ["chmod", path, bits] => {
            let path = at(path);
            let mode = path.metadata().unwrap().mode() & 0o7777;
            let bits = bits.strip_prefix('^').unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode ^ octal(bits))).unwrap();
        }
        ["link", path, target] => symlink(target, at(path)).unwrap(),
        ["fifo", path] => {
            assert!(Command::new("mkfifo").arg("-m").arg("444").arg(at(path)).status().unwrap().success());
        }
        ["linked-away", path] => {
            let real = outside.join("moved");
            remove(&real);
            fs::rename(at(path), &real).unwrap();
            symlink(&real, at(path)).unwrap();
        }
        ["second-name-outside", path] => {
            remove(&outside.join("second"));
            fs::hard_link(at(path), outside.join("second")).unwrap();
        }
        ["second-name", path, to] => fs::hard_link(at(path), at(to)).unwrap(),
        ["hard-link-from-outside", path] => {
            let other = outside.join("other");
            remove(&other);
            fs::write(&other, "x").unwrap();
            chmod(&other, modes[0]);
            fs::hard_link(&other, at(path)).unwrap();
        }
        ["same-stat-flip", path, at_byte] => {
            let before = at(path).metadata().unwrap();
            edit(&at(path), |bytes| {
                let index = place(at_byte, bytes.len());
                bytes[index] ^= 0x20;
            });
            let time = |seconds, nanos| Timespec { tv_sec: seconds, tv_nsec: nanos };
            let times = Timestamps {
                last_access: time(before.atime(), before.atime_nsec()),
                last_modification: time(before.mtime(), before.mtime_nsec()),
            };
            rustix::fs::utimensat(CWD, at(path), &times, AtFlags::empty()).unwrap();
            let after = at(path).metadata().unwrap();
            assert_eq!((before.len(), before.mtime_nsec()), (after.len(), after.mtime_nsec()));
        }
        ["mapped-flip", path, at_byte] => mapped(&at(path), at_byte.parse().unwrap()),
        ["owner", path, uid] => std::os::unix::fs::chown(at(path), Some(uid.parse().unwrap()), None).unwrap(),
        ["older"] => {
            fs::read_dir(top).unwrap().for_each(|entry| remove(&entry.unwrap().path()));
            for (path, bytes) in older.files().filter(|(path, _)| path.starts_with("agent/notes")) {
                let to = top.join(path.components().skip(2).collect::<PathBuf>());
                fs::create_dir_all(to.parent().unwrap()).unwrap();
                fs::write(&to, bytes).unwrap();
                chmod(&to, if bytes.starts_with(b"#!") { modes[1] } else { modes[0] });
            }
            folders(top).iter().skip(1).rev().for_each(|(path, _)| chmod(path, modes[2]));
        }
        ref other => panic!("no such step: {other:?}"),
    }
}

/// New folders on the way get the mode that ours have.
fn close_new(top: &Path, folder: &Path, mode: u32) {
    let mut here = folder.to_owned();
    while here != top && here.starts_with(top) {
        if here.metadata().unwrap().mode() & 0o7777 != mode
            && here.metadata().unwrap().mode() & 0o7777 != 0o700
        {
            chmod(&here, mode);
        }
        here = here.parent().unwrap().to_owned();
    }
}

fn place(at: &str, len: usize) -> usize {
    match at.parse::<i64>().unwrap() {
        number if number < 0 => len - usize::try_from(-number).unwrap(),
        number => usize::try_from(number).unwrap(),
    }
}

fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mode = path.metadata().unwrap().mode() & 0o7777;
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    chmod(path, 0o600);
    fs::write(path, bytes).unwrap();
    chmod(path, mode);
}

/// Writes through a shared mapping that was made while the file could still be
/// written, as a process does that held it open; then puts the times back.
fn mapped(path: &Path, at: usize) {
    const SCRIPT: &str = "\
import mmap, os, sys
path, at = sys.argv[1], int(sys.argv[2])
before = os.stat(path)
os.chmod(path, 0o600)
with open(path, 'r+b') as file:
    os.chmod(path, before.st_mode & 0o7777)
    with mmap.mmap(file.fileno(), 0) as view:
        view[at] ^= 0x20
        view.flush()
os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
after = os.stat(path)
assert (before.st_ino, before.st_size, before.st_mtime_ns, before.st_mode) == \\
    (after.st_ino, after.st_size, after.st_mtime_ns, after.st_mode)
";
    let python = crate::support::scene::python();
    let done = Command::new(python).arg("-c").arg(SCRIPT).arg(path).arg(at.to_string()).status().unwrap();
    assert!(done.success());
}
