//! The author's own folder, read as a source is read.
//!
//! What we would refuse to install is refused here first: an author learns it
//! before the users do. Beside that, what no signature covers.

use super::super::{World, refusals};
use crate::model::card::Card;
use crate::model::code::{Code, Stop};
use crate::model::digest::Hasher;
use crate::model::manifest::Manifest;
use crate::model::text;
use crate::policy::entry;
use crate::policy::provenance::{Subject, SubjectFile};
use crate::system::signature_file::{self, LEFT_OVER};
use crate::system::tree::{self, Checks, Piece};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Most bytes of a signature file that are looked at.
const SIGNATURE_MAX: u64 = 4 << 20;

/// A skill in its author's folder.
#[derive(Debug)]
pub struct Folder {
    /// Where it lies.
    pub path: PathBuf,
    /// What it is, for foreign formats.
    pub subject: Subject,
    /// Its files.
    pub manifest: Manifest,
    /// The version that its card states; not escaped.
    pub version: Option<String>,
    handle: OwnedFd,
}

/// Reads it.
///
/// # Errors
/// [`Code::EntryRefused`], [`Code::CardRefused`] for what we would not install;
/// [`Code::NotSigned`] for what a signature would not cover; [`Code::Usage`]
/// for what is no folder of the author's.
pub fn read(world: &World, path: &Path) -> Result<Folder, Stop> {
    let shown = text::escape(&path.to_string_lossy());
    let handle = tree::open_folder(path).map_err(|error| {
        Stop::new(Code::Usage, format!("{shown}: {error}"), "name the skill's own folder, which is no link")
    })?;
    authors(world, path, &shown, handle.as_fd())?;
    let limits = world.policy()?.limits;
    let (mut files, mut hasher) = (Vec::new(), Hasher::new());
    let observed =
        tree::copy(handle.as_fd(), &Checks { limits, strict: None }, &mut |path, executable, piece| {
            match piece {
                Piece::Start(_) => hasher = Hasher::new(),
                Piece::Bytes(bytes) => hasher.update(bytes),
                Piece::End => {
                    let sha256 = std::mem::replace(&mut hasher, Hasher::new()).finish();
                    files.push(SubjectFile { path: path.to_string(), sha256, executable });
                }
            }
            Ok(())
        });
    let observed =
        observed.map_err(|error| Stop::new(Code::Io, format!("{shown}: {error}"), "try it again"))?;
    let mut faults = observed.faults;
    faults.extend(entry::check(&observed.manifest, &limits));
    if !faults.is_empty() {
        let mut stop = refusals::entries_stop(&faults);
        stop.what = format!("{shown}: {}", stop.what);
        "nobody could install this: take them out; from a repository, export it first: git archive HEAD | tar -x -C FOLDER"
            .clone_into(&mut stop.next);
        return Err(stop);
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let (name, version) = card(handle.as_fd(), &observed.manifest, &shown, limits.file)?;
    let folder = Folder {
        path: path.to_owned(),
        subject: Subject { name, digest: observed.manifest.digest(), files },
        manifest: observed.manifest,
        version,
        handle,
    };
    covered(&folder, &shown)?;
    Ok(folder)
}

/// Attack: a signature in the home or in a placement would be drift of what
/// others trusted, made by our own hand.
fn authors(world: &World, path: &Path, shown: &str, handle: BorrowedFd<'_>) -> Result<(), Stop> {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let home = world.home.canonicalize().unwrap_or_else(|_| world.home.clone());
    let next = "sign the folder that you author, before it is installed anywhere";
    if real.starts_with(&home) || home.starts_with(&real) {
        let what = format!("{shown} is in the home {}, or holds it", text::escape(&home.to_string_lossy()));
        return Err(Stop::new(Code::NotSigned, what, next));
    }
    if !signature_file::is_writable(handle).unwrap_or(false) {
        let what = format!("{shown} is read-only, as the copies are that are placed for agents");
        return Err(Stop::new(Code::NotSigned, what, next));
    }
    Ok(())
}

fn card(
    handle: BorrowedFd<'_>,
    manifest: &Manifest,
    shown: &str,
    most: u64,
) -> Result<(crate::model::skill::SkillName, Option<String>), Stop> {
    let refused = |why: String| {
        let what = format!("{shown}: {why}");
        Stop::new(Code::CardRefused, what, "correct SKILL.md, then sign again")
    };
    let entry = manifest.get(entry::SKILL_FILE).ok_or_else(|| refused("there is no SKILL.md".to_owned()))?;
    let bytes = tree::read_entry(handle, entry, most).map_err(|fault| refused(fault.to_string()))?;
    let card = Card::parse(&bytes).map_err(|faults| {
        refused(faults.iter().take(5).map(ToString::to_string).collect::<Vec<_>>().join("; "))
    })?;
    let name = card.name.map_err(refused)?;
    Ok((name, card.version))
}

/// What is part of the skill, and stands in no signature.
fn covered(folder: &Folder, shown: &str) -> Result<(), Stop> {
    let not = |what: String, next: String| Err(Stop::new(Code::NotSigned, what, next));
    let entries = folder.manifest.entries().iter().map(|entry| entry.path.as_str());
    for path in entries.clone() {
        if path.starts_with(LEFT_OVER) {
            let what =
                format!("{shown}: `{}` is left over from a signing that was cut off", text::escape(path));
            return not(what, "remove that file, then sign again".to_owned());
        }
    }
    for path in entries {
        let mode = signature_file::odd_mode(folder.handle.as_fd(), path);
        let mode = mode.map_err(|error| Stop::new(Code::Io, format!("{shown}: {error}"), "try it again"))?;
        if let Some(mode) = mode {
            let what = format!(
                "{shown}: `{}` has mode {mode:04o}: others may execute it and its owner may not, and a signature covers \
                 only whether its owner may",
                text::escape(path)
            );
            return not(what, "make it 0644 or 0755, then sign again".to_owned());
        }
    }
    Ok(())
}

impl Folder {
    /// The folder, opened.
    #[must_use]
    pub fn handle(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }

    /// The bytes of a signature file, as the manifest has them; none if it is
    /// not there.
    ///
    /// # Errors
    /// [`Code::Io`].
    pub fn bytes(&self, name: &str) -> Result<Option<Vec<u8>>, Stop> {
        let Some(entry) = self.manifest.get(name) else { return Ok(None) };
        let bytes = tree::read_entry(self.handle(), entry, SIGNATURE_MAX);
        bytes
            .map(Some)
            .map_err(|fault| Stop::new(Code::Io, fault.to_string(), "run it again when nobody writes there"))
    }
}
