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
use crate::system::home::Home;
use crate::system::placement::leaf;
use rustix::fs::{Mode, OFlags};
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

/// Moves every original out of the home; returns where each is that was moved
/// now. Can be taken again.
///
/// # Errors
/// The system's, and what is at the place and is no folder of ours.
pub fn part(home: &Home) -> io::Result<Vec<PathBuf>> {
    let names = kept(home)?;
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let place = parting(home.path());
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
    Ok(all)
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
