//! What the rules say of a folder: read once, hashed, and looked at as a whole.
//!
//! Every file is read again as the file of a manifest that was hashed, so that
//! what is looked at is what is decided about. A file that cannot be read so is
//! an error and never a skill without findings.

use super::refusals;
use crate::model::code::{Code, Stop};
use crate::model::finding::Finding;
use crate::model::lifecycle::RevisionRow;
use crate::model::limits::Fault;
use crate::model::manifest::Manifest;
use crate::policy::gate::Hashed;
use crate::policy::review::{File, LARGEST, scan};
use crate::system::home::Home;
use crate::system::store::Store;
use crate::system::tree;
use std::os::fd::{AsFd as _, BorrowedFd};

/// A file's bytes, hashed and equal to its manifest's entry.
#[derive(Debug, Clone)]
pub struct Held {
    /// Path from the skill's folder.
    pub path: String,
    /// What it holds.
    pub bytes: Vec<u8>,
    /// Whether its owner may execute it.
    pub executable: bool,
}

/// Reads every file of a manifest.
///
/// # Errors
/// The first file that is not, or no longer, the one of the manifest.
pub fn hold(folder: BorrowedFd<'_>, manifest: &Manifest) -> Result<Vec<Held>, Fault> {
    let entries = manifest.entries().iter();
    entries
        .map(|entry| {
            Ok(Held {
                path: entry.path.as_str().to_owned(),
                bytes: kept(tree::read_entry(folder, entry, entry.size)?),
                executable: entry.executable,
            })
        })
        .collect()
}

/// What has to stay in memory of a file, once all of it was hashed: of a large
/// one that is not text the beginning, by which rules tell what it is.
fn kept(mut bytes: Vec<u8>) -> Vec<u8> {
    let is_text = |bytes: &[u8]| {
        let cut = std::str::from_utf8(bytes).map_err(|why| why.error_len());
        !bytes.contains(&0) && !matches!(cut, Err(Some(_)))
    };
    if bytes.get(..=LARGEST).is_some_and(|beginning| !is_text(beginning)) {
        bytes.truncate(LARGEST + 1);
        bytes.shrink_to_fit();
    }
    bytes
}

/// What the rules say of these files. The same findings for the same files.
#[must_use]
pub fn of(held: &[Held]) -> Vec<Finding> {
    let files: Vec<_> = held
        .iter()
        .map(|one| File { path: &one.path, bytes: &one.bytes, executable: one.executable })
        .collect();
    scan(&files)
}

/// The store copy of a revision, hashed as a whole and then file by file.
///
/// # Errors
/// [`Code::DigestMismatch`]: it is gone, or not the bytes of its digest.
pub fn stored(home: &Home, row: &RevisionRow) -> Result<Vec<Held>, Stop> {
    let digest = &row.revision.digest;
    let store = Store::new(home).map_err(|fault| refusals::store_stop(&fault))?;
    let folder = store.open(digest).map_err(|_| {
        let what = format!("the stored copy of {} is gone or cannot be opened", row.revision);
        Stop::new(Code::DigestMismatch, what, refusals::again_from(row))
    })?;
    let observed = tree::read(folder.as_fd(), &Store::checks());
    if !observed.is(digest) {
        let hashed =
            Hashed { path: String::new(), digest: Some(observed.manifest.digest()), faults: observed.faults };
        return Err(refusals::store_differs(row, &hashed));
    }
    hold(folder.as_fd(), &observed.manifest).map_err(|fault| {
        let what = format!("the stored copy of {} changed while it was read: {fault}", row.revision);
        Stop::new(Code::DigestMismatch, what, "look into it, then run: skills verify")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Attack: a text with one byte that is none far behind what is looked at is
    /// cut, so that it is taken for something else.
    #[test]
    fn only_what_is_not_text_from_its_beginning_is_cut() {
        let text = "ä".repeat(LARGEST);
        assert_eq!(kept(text.clone().into_bytes()).len(), 2 * LARGEST);
        let late = [text.as_bytes(), b"\0"].concat();
        assert_eq!(kept(late).len(), 2 * LARGEST + 1);
        let split = ["x".as_bytes(), text.as_bytes()].concat();
        assert_eq!(kept(split).len(), 2 * LARGEST + 1, "a letter across the border");
        for begin in [&b"\0"[..], b"\xff\xfe"] {
            let held = kept([begin, text.as_bytes()].concat());
            assert_eq!(held.len(), LARGEST + 1);
            assert!(held.starts_with(begin));
        }
        assert_eq!(kept(vec![0; LARGEST]).len(), LARGEST);
    }
}
