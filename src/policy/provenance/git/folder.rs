//! A folder under the name that git knows it by, from its bytes alone.
//!
//! Invariant: both digests of a [`GitFolder`] are of the same bytes. A SHA-1
//! that was taken from one reading and a SHA-256 from another would tie a
//! signature to bytes that nobody signed.

use super::object::Id;
use crate::model::digest::{Digest, Hasher};
use crate::model::manifest::{Entry, Manifest, NotATree};
use crate::model::path::EntryPath;
use crate::policy::provenance::sha1::Collision;

/// A folder's id as a git tree of the SHA-1 format, and its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GitFolder {
    tree: Id,
    digest: Digest,
}

impl GitFolder {
    /// The id of its tree object.
    #[must_use]
    pub const fn tree(&self) -> Id {
        self.tree
    }

    /// The skill's own digest of the same bytes.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }
}

/// Why a folder has no such name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotHashed {
    /// A file that was made to share its SHA-1.
    #[error("a file or folder is not followed by its SHA-1: {0}")]
    Collision(#[from] Collision),
    /// A path was added twice, or is both file and folder.
    #[error(transparent)]
    NotATree(#[from] NotATree),
}

/// Takes in the files of a folder, one after the other, in any order.
#[derive(Debug, Default)]
pub struct FolderHasher {
    entries: Vec<Entry>,
    ids: Vec<(EntryPath, bool, Id)>,
}

impl FolderHasher {
    /// An empty folder.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file.
    ///
    /// # Errors
    /// [`NotHashed::Collision`].
    pub fn add(&mut self, path: &EntryPath, executable: bool, bytes: &[u8]) -> Result<(), NotHashed> {
        let size = bytes.len() as u64;
        let mut hasher = Hasher::git_object("blob", size);
        hasher.update(bytes);
        self.ids.push((path.clone(), executable, Id::of("blob", bytes)?));
        self.entries.push(Entry { path: path.clone(), executable, size, sha256: hasher.finish() });
        Ok(())
    }

    /// All files are in.
    ///
    /// # Errors
    /// [`NotHashed`].
    pub fn finish(mut self) -> Result<GitFolder, NotHashed> {
        let digest = Manifest::new(self.entries)?.digest();
        self.ids.sort();
        Ok(GitFolder { tree: tree_of(&self.ids, 0)?, digest })
    }
}

/// The tree of the entries below a common prefix of `prefix` bytes, which stand
/// in the order of whole paths; that is git's order within each folder.
fn tree_of(entries: &[(EntryPath, bool, Id)], prefix: usize) -> Result<Id, Collision> {
    let mut bytes = Vec::new();
    let mut rest = entries;
    while let Some((path, executable, id)) = rest.first() {
        let below = &path.as_str()[prefix..];
        let (mode, name, id, count) = match below.split_once('/') {
            None => (if *executable { "100755" } else { "100644" }, below, *id, 1),
            Some((name, _)) => {
                let start = &path.as_str()[..prefix + name.len() + 1];
                let count = rest.iter().take_while(|(path, ..)| path.as_str().starts_with(start)).count();
                ("40000", name, tree_of(&rest[..count], start.len())?, count)
            }
        };
        bytes.extend([mode.as_bytes(), b" ", name.as_bytes(), b"\0", id.as_bytes()].concat());
        rest = &rest[count..];
    }
    Id::of("tree", &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str, bool)]) -> GitFolder {
        let mut hasher = FolderHasher::new();
        for (path, text, executable) in files {
            hasher.add(&EntryPath::parse(path.as_bytes()).unwrap(), *executable, text.as_bytes()).unwrap();
        }
        hasher.finish().unwrap()
    }

    #[test]
    fn the_empty_tree_has_gits_well_known_id() {
        assert_eq!(folder(&[]).tree().to_string(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
        assert_eq!(folder(&[]).digest(), Manifest::default().digest());
    }

    #[test]
    fn name_bytes_and_the_executable_bit_count_and_order_does_not() {
        let files = [("a/x", "1", false), ("a-b", "2", true), ("a.b", "3", false), ("a0", "4", false)];
        let one = folder(&files);
        let mut reversed = files;
        reversed.reverse();
        assert_eq!(folder(&reversed), one);
        for at in 0..files.len() {
            let (mut name, mut text, mut mode) = (files, files, files);
            name[at].0 = "z";
            text[at].1 = "9";
            mode[at].2 ^= true;
            for other in [name, text, mode] {
                assert_ne!(folder(&other).tree(), one.tree());
                assert_ne!(folder(&other).digest(), one.digest());
            }
        }
    }

    #[test]
    fn a_path_that_is_file_and_folder_is_no_tree() {
        let mut hasher = FolderHasher::new();
        for path in ["a", "a/b"] {
            hasher.add(&EntryPath::parse(path.as_bytes()).unwrap(), false, b"").unwrap();
        }
        assert!(hasher.finish().is_err());
    }
}
