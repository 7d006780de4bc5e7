//! The names in a folder, sorted, without an allocation per name.
//!
//! Names of all folders on the way down lie in one buffer, used like a stack.
//! The number of names is bounded before they are kept. Attack: a folder with
//! millions of entries would otherwise fill our memory.

use rustix::fs::{AtFlags, FileType};
use std::cmp::Ordering;
use std::ffi::CStr;
use std::ops::Range;
use std::os::fd::BorrowedFd;

/// Room for the answer of one `getdents64` call.
const BLOCK: usize = 32 << 10;

#[derive(Debug)]
pub(super) struct Names {
    bytes: Vec<u8>,
    items: Vec<Item>,
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only getdents needs it"))]
    block: Vec<u8>,
}

#[derive(Debug, Clone)]
struct Item {
    name: Range<usize>,
    kind: FileType,
}

impl Names {
    pub(super) fn new() -> Self {
        Self { bytes: Vec::new(), items: Vec::new(), block: Vec::with_capacity(BLOCK) }
    }

    /// Reads and sorts the names in a folder; none if there would be more than
    /// `most` in all. The handle is read from its present position.
    pub(super) fn list(
        &mut self,
        dir: BorrowedFd<'_>,
        most: usize,
    ) -> rustix::io::Result<Option<Range<usize>>> {
        let first = self.items.len();
        if !self.collect(dir, most)? {
            return Ok(None);
        }
        for at in first..self.items.len() {
            if self.items[at].kind == FileType::Unknown {
                let stat = rustix::fs::statat(dir, self.name(at), AtFlags::SYMLINK_NOFOLLOW)?;
                self.items[at].kind = super::open::kind(&stat);
            }
        }
        let bytes = &self.bytes;
        self.items[first..].sort_unstable_by(|a, b| git_order(bytes, a, b));
        Ok(Some(first..self.items.len()))
    }

    /// The raw name of an item.
    pub(super) fn name(&self, at: usize) -> &[u8] {
        &self.bytes[self.items[at].name.clone()]
    }

    /// What the listing said that an item is.
    pub(super) fn kind(&self, at: usize) -> FileType {
        self.items[at].kind
    }

    /// Drops the items from `first` on.
    pub(super) fn forget(&mut self, first: usize) {
        if let Some(item) = self.items.get(first) {
            // Sorting moved the items, so the first of them need not lie first.
            let start = self.items[first..].iter().map(|item| item.name.start).min();
            self.bytes.truncate(start.unwrap_or(item.name.start));
            self.items.truncate(first);
        }
    }

    fn push(&mut self, name: &CStr, kind: FileType, most: usize) -> bool {
        let name = name.to_bytes();
        if name == b"." || name == b".." {
            return true;
        }
        if self.items.len() >= most {
            return false;
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(name);
        self.items.push(Item { name: start..self.bytes.len(), kind });
        true
    }

    #[cfg(target_os = "linux")]
    fn collect(&mut self, dir: BorrowedFd<'_>, most: usize) -> rustix::io::Result<bool> {
        let mut block = std::mem::take(&mut self.block);
        let mut entries = rustix::fs::RawDir::new(dir, block.spare_capacity_mut());
        let mut fits = Ok(true);
        while let Some(entry) = entries.next() {
            fits = entry.map(|entry| self.push(entry.file_name(), entry.file_type(), most));
            if fits != Ok(true) {
                break;
            }
        }
        self.block = block;
        fits
    }

    #[cfg(not(target_os = "linux"))]
    fn collect(&mut self, dir: BorrowedFd<'_>, most: usize) -> rustix::io::Result<bool> {
        self.collect_portably(dir, most)
    }

    #[cfg(any(test, not(target_os = "linux")))]
    fn collect_portably(&mut self, dir: BorrowedFd<'_>, most: usize) -> rustix::io::Result<bool> {
        for entry in rustix::fs::Dir::read_from(dir)? {
            let entry = entry?;
            if !self.push(entry.file_name(), entry.file_type(), most) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Git compares a folder's name as if a slash followed it. That is also the
/// order of whole paths, so the manifest comes out sorted.
fn git_order(bytes: &[u8], a: &Item, b: &Item) -> Ordering {
    let (left, right) = (&bytes[a.name.clone()], &bytes[b.name.clone()]);
    let common = left.len().min(right.len());
    let end = |name: &[u8], item: &Item| match name.get(common) {
        Some(byte) => *byte,
        None if item.kind == FileType::Directory => b'/',
        None => 0,
    };
    left[..common].cmp(&right[..common]).then_with(|| end(left, a).cmp(&end(right, b)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd as _;

    #[test]
    fn names_come_in_gits_order_and_both_ways_of_listing_agree() {
        let base = tempfile::tempdir().unwrap();
        for file in ["a-b", "a.b", "a0", "b"] {
            std::fs::write(base.path().join(file), "").unwrap();
        }
        std::fs::create_dir(base.path().join("a")).unwrap();
        let mut names = Names::new();
        let dir = super::super::open_folder(base.path()).unwrap();
        let range = names.list(dir.as_fd(), 9).unwrap().unwrap();
        let got: Vec<_> = range.map(|at| names.name(at).to_vec()).collect();
        assert_eq!(got, [&b"a-b"[..], b"a.b", b"a", b"a0", b"b"]);
        let mut portable = Names::new();
        assert!(portable.collect_portably(dir.as_fd(), 9).unwrap());
        let mut other: Vec<_> = (0..portable.items.len()).map(|at| portable.name(at).to_vec()).collect();
        let mut same = got;
        other.sort();
        same.sort();
        assert_eq!(other, same);
    }

    #[test]
    fn too_many_names_are_not_kept() {
        let base = tempfile::tempdir().unwrap();
        for at in 0..20 {
            std::fs::write(base.path().join(at.to_string()), "").unwrap();
        }
        let mut names = Names::new();
        let dir = super::super::open_folder(base.path()).unwrap();
        assert!(names.list(dir.as_fd(), 10).unwrap().is_none());
        assert_eq!(names.items.len(), 10);
    }

    #[test]
    fn forgetting_leaves_what_was_there_before() {
        let base = tempfile::tempdir().unwrap();
        for file in ["z", "y", "x"] {
            std::fs::write(base.path().join(file), "").unwrap();
        }
        let mut names = Names::new();
        let open = || super::super::open_folder(base.path()).unwrap();
        let outer = names.list(open().as_fd(), 99).unwrap().unwrap();
        let inner = names.list(open().as_fd(), 99).unwrap().unwrap();
        names.forget(inner.start);
        assert_eq!(outer.map(|at| names.name(at)[0]).collect::<Vec<_>>(), b"xyz");
        assert_eq!(names.bytes.len(), 3);
    }
}
