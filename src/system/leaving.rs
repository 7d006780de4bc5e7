//! The end of a home: the mark that says so, copies handed over, everything of
//! ours removed.
//!
//! Order: the mark is made before anything goes, and is the last to go. While
//! it is there, no gate and no command opens the home, so that none can take a
//! half of it for a whole one; `uninstall` reads in it what was decided, and
//! goes on. A kill needs no open home, and works to the end.
//!
//! Removing follows no link, leaves the file system it began on alone, and
//! takes names that we make and no others. Attack: a link in the home, to the
//! person's own folder. Originals were brought out of the evidence before; one
//! that has come since is a person's own skill, is not removed, and keeps the home.

use super::home::{FOLDERS, Home, LEAVING};
use super::kill::KILLED;
use super::originals;
use super::placement::leaf;
use super::store::remove_folder;
use super::strays::FILES;
use super::tools;
use crate::model::lifecycle::Placement;
use crate::model::skill::Revision;
use crate::model::text;
use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::fmt::Write as _;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;

/// First line of the mark.
const FIRST: &str = "skill-trust uninstall 1";
/// Deeper than any skill may be.
const DEPTH: usize = 64;
/// The configuration that is ours.
const CONFIG: &[&str] = &["policy.toml", "keys/checkpoint.key"];

/// What was decided, as the mark says it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decided {
    /// Whether the configuration goes too.
    pub config: bool,
    /// Copies that become ordinary folders.
    pub over: Vec<(Revision, Placement)>,
}

impl Decided {
    fn text(&self) -> String {
        let mut out = format!("{FIRST}\nconfig {}\n", if self.config { "remove" } else { "keep" });
        for (revision, place) in &self.over {
            let _ =
                writeln!(out, "over {}\nstaged {}\nfinal {}", revision.file_name(), place.staged, place.path);
        }
        out.push_str("end\n");
        out
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix("end\n")?.lines();
        (lines.next()? == FIRST).then_some(())?;
        let config = match lines.next()? {
            "config remove" => true,
            "config keep" => false,
            _ => return None,
        };
        let mut over = Vec::new();
        while let Some(line) = lines.next() {
            let revision = Revision::from_file_name(line.strip_prefix("over ")?)?;
            let staged = lines.next()?.strip_prefix("staged ")?.to_owned();
            let path = lines.next()?.strip_prefix("final ")?.to_owned();
            over.push((revision, Placement { agent: None, path, staged }));
        }
        Some(Self { config, over })
    }
}

/// Whether a mark can say it.
///
/// # Errors
/// Why not.
pub fn check(decided: &Decided) -> io::Result<()> {
    let text = decided.text();
    // A mark names the copies, not for whom they were made.
    let mut said = decided.clone();
    said.over.iter_mut().for_each(|(_, place)| place.agent = None);
    if Decided::parse(&text).as_ref() == Some(&said) && text.len() <= leaf::PERMIT_MAX {
        return Ok(());
    }
    Err(io::Error::other("too many copies, or a path with a line end, cannot be written down"))
}

/// Marks a home. From here on nothing else opens it.
///
/// # Errors
/// The system's; then there is no mark.
pub fn mark(home: &Home, decided: &Decided) -> io::Result<()> {
    check(decided)?;
    let text = decided.text();
    let new = format!("{LEAVING}.new");
    unlink(home.dir(), &new)?;
    leaf::write_new(home.dir(), &new, text.as_bytes(), Mode::RUSR | Mode::WUSR)?;
    leaf::rename_new(home.dir(), &new, LEAVING)?;
    Ok(rustix::fs::fsync(home.dir())?)
}

/// Takes the mark back, before anything was done.
///
/// # Errors
/// The system's.
pub fn unmark(home: &Home) -> io::Result<()> {
    unlink(home.dir(), LEAVING)?;
    Ok(rustix::fs::fsync(home.dir())?)
}

/// What was decided; none if the home is not marked.
///
/// # Errors
/// The system's, and a mark that is not as we write it.
pub fn decided(home: &Home) -> io::Result<Option<Decided>> {
    if !home.has(LEAVING)? {
        return Ok(None);
    }
    let (text, _) = leaf::read_text(home.dir(), LEAVING).map_err(io::Error::other)?;
    let broken = || io::Error::other(format!("{LEAVING} is not as we write it"));
    Decided::parse(&text).map(Some).ok_or_else(broken)
}

/// Removes a revision's permit for good: its copies are nobody's of ours now.
///
/// # Errors
/// The system's.
pub fn drop_permit(home: &Home, revision: &Revision) -> io::Result<()> {
    let permits = home.folder("permits")?;
    unlink(permits.as_fd(), &revision.file_name())?;
    Ok(rustix::fs::fsync(&permits)?)
}

/// Makes a copy an ordinary folder: 0755, files 0644 or 0755. Safe to repeat.
///
/// # Errors
/// The system's; what is not a plain file or folder of ours is refused.
pub fn loosen(path: &Path) -> io::Result<()> {
    let folder = rustix::fs::open(path, leaf::FOLDER, Mode::empty())?;
    Ok(loosen_at(&folder, 0)?)
}

fn loosen_at(folder: &OwnedFd, depth: usize) -> Result<(), Errno> {
    let stat = rustix::fs::fstat(folder)?;
    if depth > DEPTH {
        return Err(Errno::LOOP);
    }
    if !leaf::is_ours(&stat) {
        return Err(Errno::PERM);
    }
    rustix::fs::fchmod(folder, Mode::from_raw_mode(0o755))?;
    for name in leaf::names(folder.as_fd())? {
        let found = leaf::look(folder, &name)?;
        if leaf::is_folder(&found) {
            loosen_at(&rustix::fs::openat(folder, name.as_str(), leaf::FOLDER, Mode::empty())?, depth + 1)?;
            continue;
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::openat(folder, name.as_str(), flags, Mode::empty())?;
        let stat = rustix::fs::fstat(&file)?;
        let plain = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && stat.st_nlink == 1;
        if !plain || !leaf::is_ours(&stat) {
            return Err(Errno::PERM);
        }
        let mode = if stat.st_mode & 0o100 != 0 { 0o755 } else { 0o644 };
        rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
    }
    Ok(())
}

/// Removes the configuration that is ours; returns what else is in its folder.
/// A link in its place leads to what somebody keeps elsewhere, and stays: it is
/// no reason for a home that is half gone to stay so for ever.
///
/// # Errors
/// The system's.
pub fn remove_config(config: &Path) -> io::Result<Vec<String>> {
    let folder = match rustix::fs::open(config, leaf::FOLDER, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(Vec::new()),
        Err(Errno::NOTDIR | Errno::LOOP) => return Ok(vec!["all of it, which is a link".to_owned()]),
        opened => opened?,
    };
    for name in CONFIG {
        match name.split_once('/') {
            None => unlink(folder.as_fd(), name)?,
            Some((inside, name)) => {
                match rustix::fs::openat(&folder, inside, leaf::FOLDER, Mode::empty()) {
                    Ok(inner) => unlink(inner.as_fd(), name)?,
                    Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => continue,
                    Err(error) => return Err(error.into()),
                }
                // What else is in it stays, and it with that.
                let _ = rustix::fs::unlinkat(&folder, inside, AtFlags::REMOVEDIR);
            }
        }
    }
    let mut left = leaf::names(folder.as_fd())?;
    left.sort();
    if left.is_empty() {
        rustix::fs::rmdir(config)?;
    }
    Ok(left.iter().map(|name| text::escape(name)).collect())
}

/// Removes everything of ours in a marked home, the mark last, and the home.
/// Returns the names that are not ours, originals among them; while there are
/// any, or while the folder itself cannot go, the mark stays.
///
/// # Errors
/// The system's; the mark stays, and it can be tried again.
pub fn remove_home(home: &Home) -> io::Result<Vec<String>> {
    let mut strays = Vec::new();
    for name in leaf::names(home.dir())? {
        let ours = [KILLED, originals::MARK].iter().any(|mark| name.starts_with(mark));
        let file = FILES.contains(&name.as_str()) || ours || name == format!("{LEAVING}.new");
        // The lock is held, and others wait for it, until there is no home.
        if name == LEAVING || name == "lock" {
            continue;
        }
        if file {
            unlink(home.dir(), &name)?;
        } else if name == "evidence" {
            strays.extend(remove_evidence(home)?);
        } else if FOLDERS.contains(&name.as_str()) || name == tools::FOLDER {
            remove_folder(home.dir(), name.as_ref())?;
        } else {
            strays.push(text::escape(&name));
        }
    }
    rustix::fs::fsync(home.dir())?;
    if !strays.is_empty() {
        strays.sort();
        return Ok(strays);
    }
    let decided = decided(home)?;
    unlink(home.dir(), "lock")?;
    unlink(home.dir(), LEAVING)?;
    if let Err(error) = rustix::fs::rmdir(home.path()) {
        return stays(home, decided.as_ref(), error);
    }
    if let Some(parent) = home.path().parent() {
        let parent =
            rustix::fs::open(parent, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
        parent.and_then(rustix::fs::fsync)?;
    }
    Ok(strays)
}

/// The folder itself could not go: it is marked again, so that it is gone on
/// with, unless another process has begun a home in it since.
fn stays(home: &Home, decided: Option<&Decided>, error: Errno) -> io::Result<Vec<String>> {
    let mut names = leaf::names(home.dir())?;
    if names.iter().any(|name| FILES.contains(&name.as_str()) || FOLDERS.contains(&name.as_str())) {
        return Ok(Vec::new());
    }
    if let Some(decided) = decided {
        mark(home, decided)?;
    }
    if names.is_empty() {
        return Err(error.into());
    }
    names.sort();
    Ok(names.iter().map(|name| text::escape(name)).collect())
}

/// Removes the evidence, each name of ours in it by itself, and the folder only
/// once it is empty; returns the originals in it.
///
/// Attack by bad luck: a `kill --unmanaged` that opened the home before it was
/// marked moves an original in here while we remove.
fn remove_evidence(home: &Home) -> io::Result<Vec<String>> {
    let evidence = home.folder("evidence")?;
    for name in leaf::names(evidence.as_fd())? {
        if !name.starts_with(originals::KEPT) {
            remove_folder(evidence.as_fd(), name.as_ref())?;
        }
    }
    match rustix::fs::unlinkat(home.dir(), "evidence", AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(Vec::new()),
        Err(Errno::NOTEMPTY | Errno::EXIST) => {
            let kept = originals::kept(home)?;
            // Something else came in; with the mark in place it is looked at again.
            if kept.is_empty() {
                return Err(Errno::NOTEMPTY.into());
            }
            Ok(kept.iter().map(|name| format!("evidence/{}", text::escape(name))).collect())
        }
        Err(error) => Err(error.into()),
    }
}

/// Removes a file, or a link itself. What is already gone is no error.
fn unlink(dir: BorrowedFd<'_>, name: &str) -> Result<(), Errno> {
    match rustix::fs::unlinkat(dir, name, AtFlags::empty()) {
        Err(Errno::NOENT) => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::digest::Digest;
    use crate::model::skill::SkillName;

    #[test]
    fn a_mark_says_what_was_decided_and_nothing_else_is_one() {
        let revision = Revision { name: SkillName::parse("pdf").unwrap(), digest: Digest::ZERO };
        let place = Placement { agent: None, path: "/a/pdf".into(), staged: "/a/.pdf.x".into() };
        for over in [Vec::new(), vec![(revision, place)]] {
            let decided = Decided { config: !over.is_empty(), over };
            let text = decided.text();
            assert_eq!(Decided::parse(&text), Some(decided));
            for cut in 0..text.len() {
                assert_eq!(Decided::parse(&text[..cut]), None, "cut at {cut}");
            }
        }
        for bad in ["", "end\n", "skill-trust uninstall 1\nconfig perhaps\nend\n"] {
            assert_eq!(Decided::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn loosening_follows_nothing_and_stops_at_what_is_not_ours() {
        let root = tempfile::tempdir().unwrap();
        let outside = root.path().join("outside");
        std::fs::write(&outside, "x").unwrap();
        rustix::fs::chmod(&outside, Mode::from_raw_mode(0o400)).unwrap();
        let mode = || std::os::unix::fs::MetadataExt::mode(&outside.symlink_metadata().unwrap()) & 0o777;
        for make in [
            (|outside: &Path, at: &Path| std::os::unix::fs::symlink(outside, at)) as fn(&Path, &Path) -> _,
            |outside, at| std::fs::hard_link(outside, at),
        ] {
            let copy = root.path().join("copy");
            std::fs::create_dir(&copy).unwrap();
            make(&outside, &copy.join("SKILL.md")).unwrap();
            assert!(loosen(&copy).is_err());
            assert_eq!(mode(), 0o400);
            std::fs::remove_dir_all(&copy).unwrap();
        }
        std::os::unix::fs::symlink(root.path(), root.path().join("link")).unwrap();
        assert!(loosen(&root.path().join("link")).is_err());
    }
}
