//! The way back: an original at its place again, the command that a person
//! pastes for it, and where one is that a process moved and did not come to
//! record.

use super::{BESIDE, Failed, KEPT, Kind, MoveFault, Moved, close, fault, rename, rename_whole, reopen};
use crate::system::home::Home;
use crate::system::tree;
use rustix::fs::AtFlags;
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

impl Moved {
    /// Puts it back, if its place is free.
    ///
    /// # Errors
    /// [`MoveFault::Taken`] if it is not; anything else: it is where it was.
    pub fn put_back(&self, home: &Home) -> Result<(), MoveFault> {
        let parent = self.original.parent()?;
        let name = self.original.name();
        let taken = |doing: &'static str| {
            move |error| match error {
                Errno::EXIST | Errno::NOTEMPTY => MoveFault::Taken,
                other => fault(doing)(other),
            }
        };
        if rustix::fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
            return Err(MoveFault::Taken);
        }
        let last = self.at.file_name().unwrap_or_default();
        let there = if self.beside {
            self.original.parent()?
        } else {
            home.folder("evidence").map_err(|source| MoveFault::Io { doing: "opening it", source })?
        };
        match (&self.original.kind, self.beside) {
            (Kind::Folder, true) => {
                reopen(&there, last, &self.id, self.original.mode).map_err(fault("opening it"))?;
                if let Err(error) = rename(&there, last, &parent, name) {
                    let _ = close(&there, last, &self.id);
                    return Err(taken("moving it")(error));
                }
            }
            (Kind::Link(text), true) => {
                rustix::fs::symlinkat(text, &parent, name).map_err(taken("making the link"))?;
                rustix::fs::unlinkat(&there, last, AtFlags::empty()).map_err(fault("tidying"))?;
            }
            (kind, false) => match (rename_whole(&self.original, &there, last, &parent, name), kind) {
                (Ok(()), _) => {}
                // A link made anew is another inode, so it is not compared.
                (Err(Failed::OtherDisk | Failed::Fault(MoveFault::Changed)), Kind::Link(text)) => {
                    rustix::fs::symlinkat(text, &parent, name).map_err(taken("making the link"))?;
                    rustix::fs::unlinkat(&there, last, AtFlags::empty()).map_err(fault("tidying"))?;
                }
                (Err(Failed::OtherDisk), Kind::Folder) => return Err(fault("moving it")(Errno::XDEV)),
                (Err(Failed::Fault(fault)), _) => return Err(fault),
            },
        }
        // It is back; that a power cut could undo this lets nothing more run.
        let _ = rustix::fs::fsync(&parent);
        Ok(())
    }

    /// The command that brings it back by hand.
    #[must_use]
    pub fn back(&self) -> String {
        back(&self.at, &self.original.path, &self.id)
    }
}

/// The command that brings an original back from where it is.
fn back(at: &Path, from: &Path, id: &str) -> String {
    use crate::model::text::shell_bytes as word;
    let (now, then) = (word(at.as_os_str().as_bytes()), word(from.as_os_str().as_bytes()));
    if !at.file_name().is_some_and(|name| name.as_bytes().starts_with(BESIDE.as_bytes())) {
        // A folder that is read-only cannot get another parent, but by root.
        let closed = at.symlink_metadata().is_ok_and(|about| about.is_dir() && about.mode() & 0o200 == 0);
        if closed {
            return format!("chmod u+w {now} && mv {now} {then} && chmod u-w {then}");
        }
        return format!("mv {now} {then}");
    }
    if at.is_dir() {
        let card = |name: &OsStr| word(at.join(name).as_os_str().as_bytes());
        let cards = hidden_cards(at, id)
            .into_iter()
            .map(|(hidden, shown)| format!("mv {} {} && ", card(&hidden), card(&shown)));
        return format!("chmod 755 {now} && {}mv {now} {then}", cards.collect::<String>());
    }
    format!("ln -s \"$(cat {now})\" {then}")
}

/// The cards that [`close`] renamed, as they are called now and were before: in
/// whatever case, and none where there was none. Of a folder that cannot be
/// listed, the one that is usual.
fn hidden_cards(at: &Path, id: &str) -> Vec<(OsString, OsString)> {
    let end = format!(".{id}");
    let usual = || vec![(OsString::from(format!("SKILL.md{end}")), OsString::from("SKILL.md"))];
    let Ok(listed) = std::fs::read_dir(at) else { return usual() };
    let names = listed.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut cards: Vec<_> = names
        .filter_map(|name| {
            let card = name.strip_suffix(&end).filter(|card| card.eq_ignore_ascii_case("SKILL.md"))?;
            Some((OsString::from(&name), OsString::from(card)))
        })
        .collect();
    cards.sort();
    cards
}

/// Where an announced original is now, and the command that brings it back;
/// none if it was not moved, or was put back. One that stayed beside its place
/// is closed, if a crash left it open.
///
/// # Errors
/// The system's, when it lies there and cannot be closed.
pub fn moved(home: &Home, id: &str, from: &Path) -> io::Result<Option<(PathBuf, String)>> {
    let kept = home.path().join("evidence").join(format!("{KEPT}{id}"));
    if kept.symlink_metadata().is_ok() {
        // A link is made anew here before the old one goes.
        let twin = kept.is_symlink() && std::fs::read_link(&kept).ok() == std::fs::read_link(from).ok();
        return Ok((!twin).then(|| (kept.clone(), back(&kept, from, id))));
    }
    let last = format!("{BESIDE}{id}");
    let aside = from.with_file_name(&last);
    let Ok(about) = aside.symlink_metadata() else { return Ok(None) };
    if about.is_dir()
        && let Some(parent) = from.parent()
    {
        close(&tree::open_folder(parent)?, OsStr::new(&last), id)?;
    }
    // Of a link the text is kept before the link goes: while both are there, nothing was moved.
    if about.is_file()
        && let (Ok(text), Ok(link)) = (std::fs::read(&aside), std::fs::read_link(from))
        && text == link.as_os_str().as_bytes()
    {
        return Ok(None);
    }
    Ok(Some((aside.clone(), back(&aside, from, id))))
}
