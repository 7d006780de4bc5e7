//! What a skill consists of, and the digest that stands for all of it.
//!
//! # The digest
//!
//! The digest of a folder is the id of the **git tree object in SHA-256
//! object format** that holds the folder: names in git's order, mode 100755
//! where the owner may execute, else 100644. Anyone can recompute it:
//!
//! ```sh
//! env -i PATH="$PATH" GIT_DIR="$(mktemp -d)" GIT_WORK_TREE=. GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null sh -c 'cd "$0" && git init -q --template= --object-format=sha256 && mkdir -p "$GIT_DIR/info" && echo "* -text -eol -ident -filter !working-tree-encoding" >"$GIT_DIR/info/attributes" && git -c core.fileMode=true add -A -f . && git write-tree' FOLDER
//! ```
//!
//! The empty environment keeps a person's own git settings out of it, and
//! `info/attributes`, which wins over every `.gitattributes`, keeps the
//! skill's out. Attack: a `.gitattributes` with `text` or `ident` would
//! otherwise let git hash other bytes than those on disk.
//!
//! It covers names, bytes and the executable bit, and leaves nothing out. It
//! does not cover what git cannot say: empty folders (refused where a skill
//! comes in) and further mode bits (fixed by us where a skill is placed).
//!
//! The SHA-256 of a file in the manifest is its git blob id, so that each byte
//! is hashed once: SHA-256 over `blob`, a space, the size in decimal, a NUL
//! and the bytes.

use super::digest::{Digest, Hasher};
use super::path::EntryPath;
use serde::{Deserialize, Serialize};
use std::borrow::Borrow;
use std::collections::BTreeSet;

/// One regular file of a skill. Folders follow from the paths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Where it lies.
    pub path: EntryPath,
    /// Whether the owner may execute it.
    pub executable: bool,
    /// Length in bytes.
    pub size: u64,
    /// Git blob id in SHA-256 format.
    pub sha256: Digest,
}

/// The files of a skill, sorted by path, no path twice.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<Entry>", into = "Vec<Entry>")]
pub struct Manifest(Vec<Entry>);

/// A list of entries that is no tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` stands twice in the manifest, or as a file and as a folder")]
pub struct NotATree(pub String);

impl Manifest {
    /// Sorts the entries and checks that they form a tree.
    ///
    /// # Errors
    /// [`NotATree`] when a path stands twice or is both file and folder.
    pub fn new(mut entries: Vec<Entry>) -> Result<Self, NotATree> {
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        if let Some(pair) = entries.windows(2).find(|pair| pair[0].path == pair[1].path) {
            return Err(NotATree(pair[0].path.to_string()));
        }
        let manifest = Self(entries);
        match manifest.file_and_folder() {
            Some(both) => Err(NotATree(both.to_owned())),
            None => Ok(manifest),
        }
    }

    /// A path that is a file and a folder. Looks each folder up once, when the
    /// first of its files comes by.
    fn file_and_folder(&self) -> Option<&str> {
        let mut last = "";
        for entry in &self.0 {
            let path = entry.path.as_str();
            let same = path.bytes().zip(last.bytes()).take_while(|(a, b)| a == b).count();
            let mut new = path.match_indices('/').map(|(at, _)| at).filter(|at| *at >= same);
            if let Some(at) = new.find(|at| self.get(&path[..*at]).is_some()) {
                return Some(&path[..at]);
            }
            last = path;
        }
        None
    }

    /// The entries in path order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// The entry at a path.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Entry> {
        let at = self.0.binary_search_by(|entry| entry.path.as_str().cmp(path)).ok()?;
        self.0.get(at)
    }

    /// Every folder below the root, parents first.
    #[must_use]
    pub fn folders(&self) -> BTreeSet<&str> {
        let parents = self.0.iter().flat_map(|entry| {
            let path = entry.path.as_str();
            path.match_indices('/').map(|(at, _)| &path[..at])
        });
        parents.collect()
    }

    /// All bytes together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.iter().map(|entry| entry.size).sum()
    }

    /// The digest of the whole folder.
    #[must_use]
    pub fn digest(&self) -> Digest {
        tree_id(&self.0, 0)
    }

    /// The digest of the folder without some files, for a signature that lies
    /// inside what it signs.
    #[must_use]
    pub fn digest_without(&self, left_out: &[&str]) -> Digest {
        let kept = self.0.iter().filter(|entry| !left_out.contains(&entry.path.as_str()));
        tree_id(&kept.collect::<Vec<_>>(), 0)
    }
}

impl TryFrom<Vec<Entry>> for Manifest {
    type Error = NotATree;
    fn try_from(entries: Vec<Entry>) -> Result<Self, NotATree> {
        Self::new(entries)
    }
}

impl From<Manifest> for Vec<Entry> {
    fn from(manifest: Manifest) -> Self {
        manifest.0
    }
}

/// The id of the tree object of the entries below a common prefix of
/// `prefix` bytes. Path order keeps the entries of one folder together.
fn tree_id(entries: &[impl Borrow<Entry>], prefix: usize) -> Digest {
    struct Row<'a> {
        name: &'a str,
        mode: &'static str,
        id: Digest,
    }
    let mut rows: Vec<Row<'_>> = Vec::with_capacity(entries.len());
    let mut rest = entries;
    while let Some(first) = rest.first().map(Borrow::borrow) {
        let below = &first.path.as_str()[prefix..];
        match below.split_once('/') {
            None => {
                let mode = if first.executable { "100755" } else { "100644" };
                rows.push(Row { name: below, mode, id: first.sha256 });
                rest = &rest[1..];
            }
            Some((name, _)) => {
                let end = prefix + name.len() + 1;
                let same = |entry: &Entry| {
                    let path = entry.path.as_str();
                    path.len() > end && path[prefix..].starts_with(name) && path.as_bytes()[end - 1] == b'/'
                };
                let count = rest.iter().take_while(|entry| same((*entry).borrow())).count();
                rows.push(Row { name, mode: "40000", id: tree_id(&rest[..count], end) });
                rest = &rest[count..];
            }
        }
    }
    // Git compares a folder's name as if a slash followed it, which is the
    // order of whole paths, in which the entries already stand.
    let size: usize = rows.iter().map(|row| row.mode.len() + 1 + row.name.len() + 1 + 32).sum();
    let mut hasher = Hasher::git_object("tree", size as u64);
    for row in &rows {
        hasher.update(row.mode.as_bytes());
        hasher.update(b" ");
        hasher.update(row.name.as_bytes());
        hasher.update(b"\0");
        hasher.update(row.id.as_bytes());
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str, executable: bool) -> Entry {
        let mut hasher = Hasher::git_object("blob", path.len() as u64);
        hasher.update(path.as_bytes());
        let path = EntryPath::parse(path.as_bytes()).unwrap();
        Entry { size: path.as_str().len() as u64, sha256: hasher.finish(), path, executable }
    }

    #[test]
    fn the_empty_tree_has_gits_well_known_id() {
        assert_eq!(
            Manifest::default().digest().hex(),
            "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321"
        );
    }

    #[test]
    fn neighbours_that_sort_between_a_folder_and_its_files_are_kept_apart() {
        // `a-b` and `a.b` sort before `a/…` in bytes, and after `a` alone.
        let all = ["a/x", "a-b", "a.b", "a/y/z", "a0", "ab/x"];
        let manifest = Manifest::new(all.iter().map(|path| entry(path, false)).collect()).unwrap();
        let reversed = Manifest::new(all.iter().rev().map(|path| entry(path, false)).collect()).unwrap();
        assert_eq!(manifest.digest(), reversed.digest());
        assert_eq!(manifest.folders().into_iter().collect::<Vec<_>>(), ["a", "a/y", "ab"]);
    }

    #[test]
    fn the_executable_bit_is_part_of_the_digest() {
        let plain = Manifest::new(vec![entry("x", false)]).unwrap();
        let exec = Manifest::new(vec![entry("x", true)]).unwrap();
        assert_ne!(plain.digest(), exec.digest());
    }

    #[test]
    fn twice_is_no_tree() {
        assert!(Manifest::new(vec![entry("x", false), entry("x", true)]).is_err());
        assert!(Manifest::new(vec![entry("x", false), entry("x/y", false)]).is_err());
    }

    #[test]
    fn leaving_a_file_out_equals_never_having_had_it() {
        let with = Manifest::new(vec![entry("SKILL.md", false), entry("skill.sig", false)]).unwrap();
        let without = Manifest::new(vec![entry("SKILL.md", false)]).unwrap();
        assert_eq!(with.digest_without(&["skill.sig"]), without.digest());
    }
}
