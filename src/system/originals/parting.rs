//! The end of a home: originals that were moved aside into it go out of it,
//! since they are the person's and there may be no other copy of them.
//!
//! They go beside the home, to `HOME-originals`: the same disk, so that each is
//! one rename, and a folder that no agent reads, so that nothing springs to life.
//!
//! Attack: that folder is made before, as a link into an agent's folder.

use super::{Failed, KEPT, Kind, MoveFault, Original, fault, kept, rename_whole};
use crate::model::card::Card;
use crate::model::skill::SkillName;
use crate::system::home::{Home, LEAVING};
use crate::system::placement::leaf;
use rustix::fs::{Access, AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};

/// Where the originals of a home go.
#[must_use]
pub fn parting(home: &Path) -> PathBuf {
    let mut name = home.file_name().unwrap_or_default().to_owned();
    name.push("-originals");
    home.with_file_name(name)
}

/// Whether the originals of a home can go where they go, before anything is
/// begun that cannot be undone. Changes nothing.
///
/// # Errors
/// What is at the place and is no folder of ours; the system's.
pub fn can_part(home: &Home) -> io::Result<()> {
    let place = parting(home.path());
    let to = match rustix::fs::lstat(&place) {
        Err(Errno::NOENT) => place.parent().unwrap_or(Path::new("/")).to_owned(),
        Err(error) => return Err(error.into()),
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) != FileType::Directory => {
            return Err(io::Error::other("it is a link or a file, not a folder"));
        }
        Ok(stat) if !leaf::is_ours(&stat) => return Err(io::Error::other(MoveFault::Foreign(stat.st_uid))),
        Ok(_) => place,
    };
    rustix::fs::access(&to, Access::WRITE_OK | Access::EXEC_OK)?;
    if rustix::fs::stat(&to)?.st_dev != rustix::fs::fstat(home.folder("evidence")?)?.st_dev {
        return Err(io::Error::other("it is on another file system than the home"));
    }
    Ok(())
}

/// Moves every original out of the home; returns where each is now, those of an
/// earlier run of the same uninstall too. Can be taken again.
///
/// # Errors
/// The system's, and what is at the place and is no folder of ours.
pub fn part(home: &Home) -> io::Result<Vec<PathBuf>> {
    let names = kept(home)?;
    let place = parting(home.path());
    if names.is_empty() {
        return Ok(since_the_mark(home, &place));
    }
    let to = open(&place)?;
    let from = home.folder("evidence")?;
    let mut all = Vec::new();
    for name in names {
        let path = home.path().join("evidence").join(&name);
        let Some(original) = Original::look(&path).map_err(io::Error::other)? else { continue };
        let id = name.trim_start_matches(KEPT);
        let new = format!("{}-{id}", title(&original));
        rename_whole(&original, &from, OsStr::new(&name), &to, OsStr::new(&new)).map_err(|failed| {
            io::Error::other(match failed {
                Failed::OtherDisk => fault("moving it")(Errno::XDEV),
                Failed::Fault(fault) => fault,
            })
        })?;
        all.push(place.join(new));
    }
    rustix::fs::fsync(&to)?;
    rustix::fs::fsync(&from)?;
    all.extend(since_the_mark(home, &place));
    all.sort();
    all.dedup();
    Ok(all)
}

/// What came there after the home was marked: a rename sets that time. A folder
/// of this name may hold the originals of a home before this one.
fn since_the_mark(home: &Home, place: &Path) -> Vec<PathBuf> {
    let Ok(mark) = rustix::fs::statat(home.dir(), LEAVING, AtFlags::SYMLINK_NOFOLLOW) else {
        return Vec::new();
    };
    let Ok(folder) = rustix::fs::open(place, leaf::FOLDER, Mode::empty()) else { return Vec::new() };
    let came = |name: &String| {
        let stat = rustix::fs::statat(&folder, name.as_str(), AtFlags::SYMLINK_NOFOLLOW);
        stat.is_ok_and(|stat| (stat.st_ctime, stat.st_ctime_nsec) >= (mark.st_mtime, mark.st_mtime_nsec))
    };
    let mut names = leaf::names(folder.as_fd()).unwrap_or_default();
    names.retain(came);
    names.sort();
    names.into_iter().map(|name| place.join(name)).collect()
}

fn open(place: &Path) -> io::Result<OwnedFd> {
    match rustix::fs::mkdir(place, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    let folder = rustix::fs::open(place, leaf::FOLDER, Mode::empty())?;
    let stat = rustix::fs::fstat(&folder)?;
    if !leaf::is_ours(&stat) {
        return Err(io::Error::other(MoveFault::Foreign(stat.st_uid)));
    }
    // Else a power cut could keep that they left the home and lose where they went.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let parent = place.parent().unwrap_or(Path::new("/"));
    rustix::fs::fsync(rustix::fs::open(parent, flags, Mode::empty())?)?;
    Ok(folder)
}

/// What a person knows it by, if it is a plain name.
fn title(original: &Original) -> String {
    let name = match &original.kind {
        Kind::Link(text) => text.file_name().and_then(OsStr::to_str).map(str::to_owned),
        Kind::Folder => card_name(&original.path),
    };
    name.filter(|name| SkillName::parse(name).is_ok()).unwrap_or_else(|| "original".to_owned())
}

fn card_name(folder: &Path) -> Option<String> {
    let folder = rustix::fs::open(folder, leaf::FOLDER, Mode::empty()).ok()?;
    let (text, _) = leaf::read_text(folder.as_fd(), "SKILL.md").ok()?;
    Card::parse(text.as_bytes()).ok()?.name.ok().map(|name| name.to_string())
}
