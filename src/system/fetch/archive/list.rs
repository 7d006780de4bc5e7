//! The entries of an archive as one list: whether every tool would make the
//! same tree of it.
//!
//! Invariant: no two entries meet. Each is checked against all before it, and
//! every folder that a name implies counts as an entry, so that neither order
//! nor a second mention can change what is there. Names are those of
//! [`EntryPath`], without a colon.
//!
//! One leading `./` is taken off if *all* names have it: `tar -C dir .` writes
//! it so. On some alone it is a second spelling of a name, which some tools
//! take for another entry.

use super::link;
use super::reason::{Reason, Trouble, odd};
use crate::model::limits::{Limits, Rule};
use crate::model::path::EntryPath;
use crate::system::fetch::folder::Seen;
use crate::system::fetch::{fault, fault_at, misshapen};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Entries of one archive, whatever the skills in it.
const ENTRIES: usize = 2 * Limits::CEILING.files as usize;
/// Bytes of all names and of the folders in them: a list is held in memory.
const NAMES: usize = 8 << 20;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File {
        /// Whether its owner may execute it.
        executable: bool,
    },
    /// A folder.
    Folder,
    /// A symbolic link, whose data is its target.
    Link,
}

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    File,
    Link,
    /// A folder with an entry of its own.
    Folder,
    /// A folder that only the names of others tell of.
    Implied,
}

/// The entries so far.
#[derive(Debug, Default)]
pub(super) struct List {
    /// The files, in the order of the archive.
    pub(super) files: Vec<Seen>,
    /// The folders with an entry of their own.
    pub(super) folders: Vec<EntryPath>,
    /// The symbolic links, in the order of the archive.
    pub(super) links: Vec<EntryPath>,
    places: HashMap<String, (EntryPath, Place)>,
    dotted: Option<bool>,
    root: bool,
    names: usize,
    total: u64,
}

impl List {
    /// Adds an entry by the name that stands in the archive.
    pub(super) fn add(&mut self, raw: &[u8], kind: Kind, size: u64) -> Result<(), Trouble> {
        let name = match kind {
            Kind::Folder => raw.strip_suffix(b"/").unwrap_or(raw),
            _ if raw.ends_with(b"/") => return Err(odd(Reason::FileSlash, raw, "")),
            Kind::File { .. } | Kind::Link => raw,
        };
        if kind == Kind::Folder && size != 0 {
            return Err(odd(Reason::FolderData, raw, format!("{size} bytes")));
        }
        self.bounded(raw, size)?;
        let (dotted, name) = match name.strip_prefix(b"./") {
            Some(rest) => (true, rest),
            None => (name == b".", name),
        };
        if *self.dotted.get_or_insert(dotted) != dotted {
            return Err(odd(Reason::MixedDot, raw, ""));
        }
        if dotted && name == b"." && kind == Kind::Folder {
            return match std::mem::replace(&mut self.root, true) {
                true => Err(odd(Reason::Duplicate, raw, "")),
                false => Ok(()),
            };
        }
        let path =
            EntryPath::parse(name).map_err(|why| Trouble::Entry(fault_at(None, raw, Rule::Name(why))))?;
        if name.contains(&b':') {
            return Err(odd(Reason::Colon, raw, ""));
        }
        if is_version(path.file_name()) {
            return Err(odd(Reason::Version, raw, ""));
        }
        if let Some(rule) = misshapen(&Limits::CEILING, &path) {
            return Err(Trouble::Entry(fault(Some(&path), rule)));
        }
        self.place(&path, kind)?;
        match kind {
            Kind::Folder => self.folders.push(path),
            Kind::File { executable } => self.files.push(Seen { path, executable, size }),
            Kind::Link => {
                link::check_name(&path)?;
                self.links.push(path);
            }
        }
        Ok(())
    }

    fn bounded(&mut self, raw: &[u8], size: u64) -> Result<(), Trouble> {
        self.total = self.total.saturating_add(size);
        let limits = Limits::CEILING;
        if self.files.len() + self.folders.len() + self.links.len() >= ENTRIES {
            return Err(Trouble::TooLarge(format!("{ENTRIES} entries")));
        }
        if self.names > NAMES {
            return Err(Trouble::TooLarge(format!("{NAMES} bytes of names")));
        }
        if size > limits.file {
            return Err(Trouble::Entry(fault_at(None, raw, Rule::FileTooLarge(size, limits.file))));
        }
        if self.total > limits.total {
            return Err(Trouble::TooLarge(format!("{} bytes unpacked", limits.total)));
        }
        Ok(())
    }

    /// Puts an entry where nothing else may stand, and folders above it.
    fn place(&mut self, path: &EntryPath, kind: Kind) -> Result<(), Trouble> {
        let text = path.as_str();
        for (at, _) in text.match_indices('/') {
            // A beginning of a clean path is one.
            let Ok(folder) = EntryPath::parse(&text.as_bytes()[..at]) else { continue };
            let reason = match self.put(folder, Place::Implied)? {
                Some(Place::File) => Reason::FileAsFolder,
                Some(Place::Link) => Reason::LinkAsFolder,
                Some(Place::Folder | Place::Implied) | None => continue,
            };
            return Err(odd(reason, text.as_bytes(), format!("`{}`", &text[..at])));
        }
        let new = match kind {
            Kind::Folder => Place::Folder,
            Kind::File { .. } => Place::File,
            Kind::Link => Place::Link,
        };
        let is_folder = |place| matches!(place, Place::Folder | Place::Implied);
        let Some(before) = self.put(path.clone(), new)? else { return Ok(()) };
        let reason = match (new, before) {
            (Place::Folder, Place::Implied) => return Ok(()),
            _ if is_folder(new) == is_folder(before) => Reason::Duplicate,
            _ if [new, before].contains(&Place::Link) => Reason::LinkAsFolder,
            _ => Reason::FileAsFolder,
        };
        Err(odd(reason, text.as_bytes(), ""))
    }

    /// What stood at a path before. Attack: twins that a system which folds
    /// case takes for one, in folders as in files.
    fn put(&mut self, path: EntryPath, new: Place) -> Result<Option<Place>, Trouble> {
        match self.places.entry(fold(path.as_str())) {
            Entry::Vacant(free) => {
                // Attack: few names, each of many folders, are many places.
                self.names += path.as_str().len();
                free.insert((path, new));
                Ok(None)
            }
            Entry::Occupied(taken) if taken.get().0 != path => {
                let other = taken.get().0.to_string();
                Err(Trouble::Entry(fault(Some(&path), Rule::Collision(other))))
            }
            Entry::Occupied(mut taken) => {
                let before = taken.get().1;
                if before == Place::Implied {
                    taken.get_mut().1 = new;
                }
                Ok(Some(before))
            }
        }
    }
}

/// Attack: `SKILL.md;1`, which Info-ZIP takes for a version of VMS and writes
/// over `SKILL.md`.
fn is_version(name: &str) -> bool {
    name.rsplit_once(';').is_some_and(|(_, number)| number.bytes().all(|c| c.is_ascii_digit()))
}

/// One spelling for names that differ in case alone. `policy::entry` compares
/// the files of a skill more widely; this keeps apart what lies around it.
pub(super) fn fold(path: &str) -> String {
    if path.is_ascii() { path.to_ascii_lowercase() } else { path.to_uppercase().to_lowercase() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    /// The code of the first refusal of a list of names; a slash at the end
    /// means a folder, an at sign a link.
    fn code(names: &[&str]) -> String {
        let mut list = List::default();
        for name in names {
            let (name, kind) = match name.strip_suffix('@') {
                Some(name) => (name, Kind::Link),
                None if name.ends_with('/') => (*name, Kind::Folder),
                None => (*name, Kind::File { executable: false }),
            };
            match list.add(name.as_bytes(), kind, 0) {
                Ok(()) => {}
                Err(Trouble::Odd(odd)) => return odd.reason.code().to_owned(),
                Err(Trouble::Entry(fault)) => return fault.rule.code().to_owned(),
                Err(other) => return other.to_string(),
            }
        }
        "taken".to_owned()
    }

    #[test]
    fn each_meeting_of_two_entries_has_its_reason() {
        let cases: &[(&[&str], &str)] = &[
            (&["a", "b/c", "b/d/e"], "taken"),
            (&["b/c", "b/"], "taken"),
            (&["b/", "b/c"], "taken"),
            (&["./", "./a", "./b/", "./b/c"], "taken"),
            (&["a", "a"], "archive-duplicate"),
            (&["b/", "b/"], "archive-duplicate"),
            (&["b/c", "b/", "b/"], "archive-duplicate"),
            (&["./", "./"], "archive-duplicate"),
            (&["a", "a/b"], "archive-file-as-folder"),
            (&["a/b", "a"], "archive-file-as-folder"),
            (&["a", "a/"], "archive-file-as-folder"),
            (&["a/", "a"], "archive-file-as-folder"),
            (&["a/b/c", "a/b"], "archive-file-as-folder"),
            (&["./a", "b"], "archive-mixed-dot"),
            (&["a", "./a"], "archive-mixed-dot"),
            (&["./"], "taken"),
            (&["././a"], "name-dots"),
            (&["../a"], "name-dots"),
            (&["a/../b"], "name-dots"),
            (&["/a"], "name-absolute"),
            (&["C:a"], "name-absolute"),
            (&["ab:c"], "archive-colon"),
            (&["SKILL.md;1"], "archive-version"),
            (&["a/b;"], "archive-version"),
            (&["a;1;23"], "archive-version"),
            (&["a;1/"], "archive-version"),
            (&["a;1@"], "archive-version"),
            (&["a;1x", "b;c.md"], "taken"),
            (&["a\\b"], "name-backslash"),
            (&[""], "name-empty"),
            (&["a//b"], "name-empty"),
            (&["a//"], "name-empty"),
            (&["/"], "name-empty"),
            (&["SKILL.md", "skill.md"], "entry-collision"),
            (&["A/x", "a/y"], "entry-collision"),
            (&["stra\u{df}e", "STRASSE"], "entry-collision"),
            (&["e\u{301}"], "name-not-nfc"),
            (&["x/.git/config"], "name-dot-git"),
            (&["nul"], "name-device"),
        ];
        for (names, wanted) in cases {
            assert_eq!(code(names), *wanted, "{names:?}");
        }
        let deep = "a/".repeat(40) + "b";
        assert_eq!(code(&[&deep]), "limit-depth");
    }

    #[test]
    fn attack_a_link_meets_nothing_before_or_after() {
        let cases: &[(&[&str], &str)] = &[
            (&["a@", "b@", "c/d@", "c/e"], "taken"),
            (&["./a@", "./b"], "taken"),
            (&["a@", "a/b"], "archive-link-as-folder"),
            (&["a/b", "a@"], "archive-link-as-folder"),
            (&["a@", "a/"], "archive-link-as-folder"),
            (&["a/", "a@"], "archive-link-as-folder"),
            (&["a@", "a/b/c/d"], "archive-link-as-folder"),
            (&["a/b/c/d", "a/b@"], "archive-link-as-folder"),
            (&["a@", "a/b@"], "archive-link-as-folder"),
            (&["a@", "a"], "archive-duplicate"),
            (&["a", "a@"], "archive-duplicate"),
            (&["a@", "a@"], "archive-duplicate"),
            (&["a", "a/b@"], "archive-file-as-folder"),
            (&["A@", "a/b"], "entry-collision"),
            (&["a/b", "A@"], "entry-collision"),
            (&["A@", "a/"], "entry-collision"),
            (&["A@", "a"], "entry-collision"),
            (&["x/A@", "X/b"], "entry-collision"),
            (&["stra\u{df}e@", "STRASSE/x"], "entry-collision"),
            (&["a/@"], "archive-file-slash"),
            (&["a", "./b@"], "archive-mixed-dot"),
            (&["../a@"], "name-dots"),
            (&["a/SKILL.md@"], "archive-link-card"),
            (&["a/skill.md@"], "archive-link-card"),
        ];
        for (names, wanted) in cases {
            assert_eq!(code(names), *wanted, "{names:?}");
        }
    }

    #[test]
    fn a_folder_has_no_data_and_a_file_no_slash() {
        let mut list = List::default();
        assert!(list.add(b"a/", Kind::Folder, 1).is_err());
        assert!(list.add(b"a/", Kind::File { executable: false }, 0).is_err());
        assert!(list.add(b"a", Kind::File { executable: false }, u64::MAX).is_err());
    }

    #[test]
    fn attack_more_than_the_list_can_hold() {
        let fill = |name: &dyn Fn(usize) -> String, size: u64| {
            let mut list = List::default();
            (0..1_000_000)
                .map(|n| list.add(name(n).as_bytes(), Kind::File { executable: false }, size))
                .position(|added| matches!(added, Err(Trouble::TooLarge(_))))
        };
        assert_eq!(fill(&|n| n.to_string(), 0), Some(ENTRIES));
        assert_eq!(fill(&|n| n.to_string(), Limits::CEILING.file), Some(4));
        // Few names of many folders each, which all are places.
        let deep = |n: usize| format!("{n}/").repeat(30) + "x";
        assert!(fill(&deep, 0).unwrap() < 10_000);
    }
}
