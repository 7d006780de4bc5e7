//! Changes that know nothing of any format: every file and folder removed,
//! emptied, cut, grown, flipped, renamed, copied, replaced, or put back.

use super::Change;
use crate::support::scene::{Dice, Node, Snapshot, chmod, open_up, remove};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// A part of the state: its name, and which paths belong to it.
pub(super) type Part = (&'static str, fn(&Path) -> bool);

fn below(path: &Path, top: &str) -> bool {
    path.starts_with(top)
}

/// The parts. Each is changed alone.
pub(super) const PARTS: [Part; 7] = [
    ("ledger", |path| path.to_string_lossy().starts_with("home/ledger.db")),
    ("log", |path| below(path, "home/audit")),
    ("permits", |path| {
        let text = path.to_string_lossy();
        below(path, "home/permits") || text == "home/permit" || text.starts_with("home/killed.")
    }),
    ("store", |path| below(path, "home/store")),
    ("placements", |path| below(path, "agent")),
    ("evidence", |path| below(path, "home/evidence") || below(path, "home/staging")),
    ("marks", |path| below(path, "home/placing") || below(path, "home/lock")),
];

pub(super) fn changes<'a>(now: &'a Snapshot, old: &'a [Snapshot], dice: &mut Dice) -> Vec<Change<'a>> {
    let mut out: Vec<Change<'a>> = Vec::new();
    for (path, node) in &now.0 {
        match node {
            Node::File(_, bytes) => file(&mut out, path, bytes, dice),
            Node::Folder(_) => folder(&mut out, path),
        }
    }
    flips(&mut out, now, dice);
    parts(&mut out, now, old);
    single(&mut out, now, old);
    out
}

/// Makes a file writable and its folder too, and puts both modes back after.
pub(super) fn rewrite(path: &Path, bytes: &[u8]) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let Ok(meta) = path.metadata() else { return false };
    let mode = meta.permissions().mode() & 0o7777;
    chmod(path, 0o600);
    fs::write(path, bytes).unwrap();
    chmod(path, mode);
    true
}

/// Does something in a folder that may be closed, and closes it again.
fn inside(folder: &Path, act: impl FnOnce()) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = folder.metadata().unwrap().permissions().mode() & 0o7777;
    chmod(folder, 0o700);
    act();
    if folder.is_dir() {
        chmod(folder, mode);
    }
    true
}

fn file<'a>(out: &mut Vec<Change<'a>>, path: &'a Path, bytes: &'a [u8], dice: &mut Dice) {
    let named = |what: &str| format!("{what} {}", path.display());
    let mut add = |what: &str, act: Box<dyn Fn(&Path) -> bool + 'a>| out.push((named(what), act));
    let parent = path.parent().unwrap();
    add("remove", Box::new(move |base| inside(&base.join(parent), || remove(&base.join(path)))));
    add("empty", Box::new(move |base| rewrite(&base.join(path), b"")));
    let half = bytes.len() / 2;
    add("halve", Box::new(move |base| rewrite(&base.join(path), &bytes[..half])));
    if !bytes.is_empty() {
        add(
            "cut the last byte of",
            Box::new(move |base| rewrite(&base.join(path), &bytes[..bytes.len() - 1])),
        );
        for at in [0, bytes.len() - 1, dice.below(bytes.len()), dice.below(bytes.len())] {
            add(
                &format!("flip byte {at} of"),
                Box::new(move |base| {
                    let mut other = bytes.to_vec();
                    other[at] ^= 1;
                    rewrite(&base.join(path), &other)
                }),
            );
        }
    }
    add("append to", Box::new(move |base| rewrite(&base.join(path), &[bytes, b"x\n"].concat())));
    add("append zeros to", Box::new(move |base| rewrite(&base.join(path), &[bytes, &[0; 64]].concat())));
    let aside = PathBuf::from(format!("{}.bak", path.display()));
    let copy = aside.clone();
    add(
        "rename",
        Box::new(move |base| {
            inside(&base.join(parent), || fs::rename(base.join(path), base.join(&aside)).unwrap())
        }),
    );
    add(
        "copy",
        Box::new(move |base| {
            inside(&base.join(parent), || assert!(fs::copy(base.join(path), base.join(&copy)).is_ok()))
        }),
    );
    add(
        "make a folder of",
        Box::new(move |base| {
            inside(&base.join(parent), || {
                remove(&base.join(path));
                fs::create_dir(base.join(path)).unwrap();
            })
        }),
    );
    add(
        "put a link to the same bytes for",
        Box::new(move |base| {
            inside(&base.join(parent), || {
                let real = base.join("real");
                remove(&real);
                fs::rename(base.join(path), &real).unwrap();
                symlink(&real, base.join(path)).unwrap();
            })
        }),
    );
    add(
        "give a second name to",
        Box::new(move |base| {
            let second = base.join("second");
            remove(&second);
            fs::hard_link(base.join(path), second).is_ok()
        }),
    );
    add(
        "take all rights from",
        Box::new(move |base| {
            chmod(&base.join(path), 0);
            true
        }),
    );
}

fn folder<'a>(out: &mut Vec<Change<'a>>, path: &'a Path) {
    let mut add = |what: &str, act: Box<dyn Fn(&Path) -> bool + 'a>| {
        out.push((format!("{what} the folder {}", path.display()), act));
    };
    let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) else {
        add(
            "open to all",
            Box::new(move |base| {
                chmod(&base.join(path), 0o777);
                true
            }),
        );
        return;
    };
    add("remove", Box::new(move |base| inside(&base.join(parent), || remove(&base.join(path)))));
    add(
        "empty",
        Box::new(move |base| {
            inside(&base.join(path), || {
                for entry in fs::read_dir(base.join(path)).unwrap() {
                    remove(&entry.unwrap().path());
                }
            })
        }),
    );
    add(
        "rename",
        Box::new(move |base| {
            inside(&base.join(parent), || {
                open_up(&base.join(path));
                fs::rename(base.join(path), base.join(format!("{}.bak", path.display()))).unwrap();
            })
        }),
    );
    add(
        "put a link for",
        Box::new(move |base| {
            inside(&base.join(parent), || {
                let real = base.join("real");
                remove(&real);
                chmod(&base.join(path), 0o700);
                fs::rename(base.join(path), &real).unwrap();
                symlink(&real, base.join(path)).unwrap();
            })
        }),
    );
    add(
        "open to all",
        Box::new(move |base| {
            chmod(&base.join(path), 0o777);
            true
        }),
    );
}

/// Bits and runs of bytes changed anywhere in ledger and log.
fn flips<'a>(out: &mut Vec<Change<'a>>, now: &'a Snapshot, dice: &mut Dice) {
    let big = now.files().filter(|(path, _)| {
        let text = path.to_string_lossy();
        text.starts_with("home/ledger.db") || text.ends_with("audit.jsonl")
    });
    for (path, bytes) in big.filter(|(_, bytes)| !bytes.is_empty()) {
        for _ in 0..60 {
            let (at, bit, run) = (dice.below(bytes.len()), dice.below(8), [1, 1, 4, 64, 4096][dice.below(5)]);
            let change: Box<dyn Fn(&Path) -> bool> = Box::new(move |base| {
                let mut other = bytes.to_vec();
                let end = (at + run).min(other.len());
                for byte in &mut other[at..end] {
                    *byte ^= 1 << bit;
                }
                rewrite(&base.join(path), &other)
            });
            out.push((format!("flip {run} bytes at {at}, bit {bit}, of {}", path.display()), change));
        }
    }
}

/// Each part as a whole, as it was at each earlier moment, or gone.
fn parts<'a>(out: &mut Vec<Change<'a>>, now: &'a Snapshot, old: &'a [Snapshot]) {
    let clear = |base: &Path, now: &Snapshot, which: fn(&Path) -> bool| {
        for path in now.0.keys().rev().filter(|path| which(path) && path.components().count() > 1) {
            let full = base.join(path);
            if full.symlink_metadata().is_ok() {
                inside(full.parent().unwrap(), || remove(&full));
            }
        }
    };
    for (name, which) in PARTS {
        out.push((
            format!("remove all of the {name}"),
            Box::new(move |base| {
                clear(base, now, which);
                true
            }),
        ));
        for (step, old) in old.iter().enumerate() {
            let same = |a: &Snapshot, b: &Snapshot| {
                let of = |all: &Snapshot| {
                    all.0.clone().into_iter().filter(|(path, _)| which(path)).collect::<Vec<_>>()
                };
                of(a) == of(b)
            };
            if same(old, now) {
                continue;
            }
            out.push((
                format!("put the {name} of step {step} back"),
                Box::new(move |base| {
                    clear(base, now, which);
                    old.write(base, which);
                    true
                }),
            ));
            out.push((
                format!("put the {name} of step {step} over what is there"),
                Box::new(move |base| {
                    let tops: Vec<_> = now.0.keys().filter(|path| which(path)).collect();
                    tops.iter().for_each(|path| open_up(&base.join(path)));
                    old.write(base, which);
                    true
                }),
            ));
        }
    }
}

/// Each single file as it was at each earlier moment.
fn single<'a>(out: &mut Vec<Change<'a>>, now: &'a Snapshot, old: &'a [Snapshot]) {
    let mut seen = std::collections::BTreeSet::new();
    for (step, old) in old.iter().enumerate() {
        for (path, bytes) in old.files() {
            if now.bytes(path) == Some(bytes) || !seen.insert((path, bytes)) {
                continue;
            }
            out.push((
                format!("put {} of step {step} back", path.display()),
                Box::new(move |base| {
                    let parent = base.join(path.parent().unwrap());
                    fs::create_dir_all(&parent).is_ok()
                        && inside(&parent, || old.write(base, |other| other == path))
                }),
            ));
        }
    }
}
