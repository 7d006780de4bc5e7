//! The tree of one commit, read object by object and never checked out.
//!
//! Trees are parsed here, byte by byte, because libraries tidy up: they round
//! odd modes, merge twins, and drop what they cannot name. Everything that git
//! itself would not write is refused with its reason.

use super::folder::is_link;
use super::git::{self, Id, Kind, Objects};
use super::{CARD, CARD_BYTES, FAULTS, FetchError, Found, Listing, Origin, SEARCHED, Sink};
use super::{fault, fault_at, hides_a_skill, misshapen, over};
use crate::model::git_proof::GitProof;
use crate::model::limits::{Fault, Limits, Rule};
use crate::model::path::EntryPath;
use crate::model::source::Source;
use crate::model::text;
use std::collections::HashSet;

/// Most bytes of a tree.
const OBJECT_MAX: u64 = 16 << 20;
/// Most bytes of a commit or a tag; these are kept.
const COMMIT_MAX: u64 = 4 << 20;
/// Tags that may stand before a commit.
const TAGS: usize = 8;

/// One row of a tree, as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row<'a> {
    /// The mode, of which only five values are good.
    pub(super) mode: u32,
    /// The name, not checked.
    pub(super) name: &'a [u8],
    /// The object.
    pub(super) id: Id,
}

const FOLDER: u32 = 0o40_000;
const FILE: u32 = 0o100_644;
const PROGRAM: u32 = 0o100_755;
const LINK: u32 = 0o120_000;
const SUBMODULE: u32 = 0o160_000;

/// Splits a tree object into its rows. The order is git's: by name, a folder
/// as if a slash followed.
pub(super) fn rows(mut bytes: &[u8]) -> Result<Vec<Row<'_>>, &'static str> {
    let key = |row: &Row<'_>| [row.name, if row.mode == FOLDER { b"/" } else { b"" }].concat();
    let mut out: Vec<Row<'_>> = Vec::new();
    while !bytes.is_empty() {
        let space = bytes.iter().take(8).position(|c| *c == b' ').ok_or("a row without a mode")?;
        let digits = std::str::from_utf8(&bytes[..space]).map_err(|_| "a mode that is no number")?;
        if digits.starts_with('0') || !digits.bytes().all(|c| (b'0'..=b'7').contains(&c)) {
            return Err("a mode that is not a plain octal number");
        }
        let mode = u32::from_str_radix(digits, 8).map_err(|_| "a mode that is no number")?;
        bytes = &bytes[space + 1..];
        let end = bytes.iter().position(|c| *c == 0).ok_or("a row without an end")?;
        let raw = bytes.get(end + 1..end + 21).ok_or("a row that is cut off")?;
        let id = git::id_of_bytes(raw).ok_or("a row without an object")?;
        let row = Row { mode, name: &bytes[..end], id };
        bytes = &bytes[end + 21..];
        // Attack: twins out of order hide from readers that search by halves.
        if out.last().is_some_and(|last| key(last) > key(&row)) {
            return Err("its rows are not in git's order");
        }
        out.push(row);
    }
    Ok(out)
}

/// A file that a skill will have.
struct Planned {
    path: EntryPath,
    executable: bool,
    size: u64,
    id: Id,
}

/// A commit whose objects are at hand.
pub(super) struct Snapshot {
    objects: Objects,
    root: Id,
    commit: Vec<u8>,
    tags: Vec<Vec<u8>>,
    source: Source,
    notes: Vec<String>,
}

impl Snapshot {
    /// Takes a commit, or the commit behind a tag. The source gets the commit.
    pub(super) fn new(
        objects: Objects,
        tip: Id,
        source: Source,
        notes: Vec<String>,
    ) -> Result<Self, FetchError> {
        let (mut id, mut tags) = (tip, Vec::new());
        for _ in 0..=TAGS {
            let (kind, prefix) = match objects.header(id)?.0 {
                Kind::Tag => (Kind::Tag, "object "),
                Kind::Commit => (Kind::Commit, "tree "),
                Kind::Tree | Kind::Blob => return Err(objects.broken(id, "not a commit")),
            };
            let object = objects.read(id, kind, COMMIT_MAX)?;
            let named = object.data().strip_prefix(prefix.as_bytes()).and_then(|rest| rest.get(..40));
            let named = named.and_then(|hex| std::str::from_utf8(hex).ok()).and_then(git::id);
            let named = named.ok_or_else(|| objects.broken(id, "it names no object"))?;
            let raw = object.data().to_vec();
            drop(object);
            if kind == Kind::Commit {
                let source = Source { commit: Some(id.to_string()), ..source };
                let snapshot = Self { objects, root: named, commit: raw, tags, source, notes };
                snapshot.tree_at(snapshot.source.path.as_ref())?;
                return Ok(snapshot);
            }
            tags.push(raw);
            id = named;
        }
        Err(objects.broken(tip, "tags of tags without end"))
    }

    /// Adds a note.
    pub(super) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// The tree of a folder, from the root of the repository.
    pub(super) fn tree_at(&self, path: Option<&EntryPath>) -> Result<Id, FetchError> {
        self.way_to(path, &mut |_| ())
    }

    /// As [`Self::tree_at`]; `each` gets the trees that are passed.
    fn way_to(&self, path: Option<&EntryPath>, each: &mut dyn FnMut(&[u8])) -> Result<Id, FetchError> {
        let mut id = self.root;
        for component in path.into_iter().flat_map(EntryPath::components) {
            let object = self.objects.read(id, Kind::Tree, OBJECT_MAX)?;
            each(object.data());
            let rows = rows(object.data()).map_err(|why| self.objects.broken(id, why))?;
            let mut hits = rows.iter().filter(|row| row.name == component.as_bytes());
            match (hits.next(), hits.next()) {
                (Some(row), None) if row.mode == FOLDER => id = row.id,
                (Some(_), Some(_)) => return Err(self.objects.broken(id, "two entries of one name")),
                _ => {
                    let path = path.map_or_else(String::new, ToString::to_string);
                    return Err(FetchError::Missing { what: self.objects.what().to_owned(), path });
                }
            }
        }
        Ok(id)
    }

    /// Calls `each` for the rows of one tree.
    fn each_row(
        &self,
        id: Id,
        path: Option<&EntryPath>,
        each: &mut dyn FnMut(&Row<'_>) -> Result<(), FetchError>,
    ) -> Result<usize, FetchError> {
        let object = self.objects.read(id, Kind::Tree, OBJECT_MAX)?;
        let rows = rows(object.data()).map_err(|why| {
            let place = path.map_or_else(|| "the root".to_owned(), |path| format!("`{path}`"));
            self.objects.broken(id, &format!("the tree of {place}: {why}"))
        })?;
        rows.iter().try_for_each(&mut *each)?;
        Ok(rows.len())
    }

    /// The files below a folder, with their faults: the whole plan of a copy.
    fn plan(&self, top: Id, limits: &Limits) -> Result<(Vec<Planned>, Vec<Fault>), FetchError> {
        let (mut files, mut faults): (Vec<Planned>, Vec<Fault>) = (Vec::new(), Vec::new());
        let (mut total, mut open) = (0_u64, vec![(None::<EntryPath>, top)]);
        // Attack: ten folders that each hold the same folder ten times, ten
        // levels deep, are a small pack and ten thousand million files; or no
        // file at all, only folders.
        let mut rows_left = limits.files.saturating_mul(4).saturating_add(FAULTS as u64);
        while let Some((folder, id)) = open.pop() {
            if faults.len() >= FAULTS || files.len() as u64 > limits.files || rows_left == 0 {
                break;
            }
            let mut names = HashSet::new();
            let count = self.each_row(id, folder.as_ref(), &mut |row| {
                if files.len() as u64 > limits.files || faults.len() >= FAULTS || rows_left == 0 {
                    return Ok(());
                }
                rows_left -= 1;
                if rows_left == 0 {
                    faults.push(fault(None, Rule::TooManyFiles(limits.files)));
                }
                if !names.insert(row.name.to_vec()) {
                    let twin = Rule::Collision(text::escape_bytes(row.name));
                    faults.push(fault_at(folder.as_ref(), row.name, twin));
                    return Ok(());
                }
                let path = match checked(folder.as_ref(), row, limits) {
                    Ok(path) => path,
                    Err(found) => {
                        faults.push(found);
                        return Ok(());
                    }
                };
                if row.mode == FOLDER {
                    open.push((Some(path), row.id));
                    return Ok(());
                }
                let size = match self.objects.header(row.id)? {
                    (Kind::Blob, size) => size,
                    _ => return Err(self.objects.broken(row.id, "not a file where one should be")),
                };
                total = total.saturating_add(size);
                faults.extend(over(limits, &path, size, files.len() as u64 + 1, total));
                files.push(Planned { path, executable: row.mode == PROGRAM, size, id: row.id });
                Ok(())
            })?;
            if count == 0 {
                faults.push(fault(folder.as_ref(), Rule::EmptyFolder));
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        faults.sort_by(|a, b| a.path.cmp(&b.path));
        Ok((files, faults))
    }

    /// Every file below a folder of the repository with id and executable bit,
    /// as far as their names and modes are good.
    pub(super) fn files(
        &self,
        path: Option<&EntryPath>,
    ) -> Result<Vec<(EntryPath, bool, u64, Id)>, FetchError> {
        let limits = Limits { files: SEARCHED, total: u64::MAX, file: u64::MAX, ..Limits::CEILING };
        let (files, _) = self.plan(self.tree_at(path)?, &limits)?;
        Ok(files.into_iter().map(|file| (file.path, file.executable, file.size, file.id)).collect())
    }

    fn card(&self, path: &EntryPath, id: Id) -> Result<Result<Vec<u8>, Fault>, FetchError> {
        let (_, size) = self.objects.header(id)?;
        let most = Limits::DEFAULT.file;
        if size > most {
            return Ok(Err(fault(Some(path), Rule::FileTooLarge(size, most))));
        }
        let object = self.objects.read(id, Kind::Blob, most)?;
        let data = object.data();
        Ok(Ok(data[..data.len().min(CARD_BYTES)].to_vec()))
    }

    /// Looks into one folder: its card if it is a skill, else its folders.
    fn look(
        &self,
        folder: Option<&EntryPath>,
        id: Id,
        out: &mut Listing,
    ) -> Result<(u64, Vec<(EntryPath, Id)>), FetchError> {
        let (mut below, mut card, mut faults) = (Vec::new(), None, Vec::new());
        let count = self.each_row(id, folder, &mut |row| {
            let is_file = !matches!(row.mode, FOLDER | LINK | SUBMODULE);
            match EntryPath::join(folder, row.name) {
                // A card of an odd mode makes a skill, which `copy` refuses.
                Ok(path) if is_file && row.name == CARD.as_bytes() => card = Some((path, row.id)),
                _ => match checked(folder, row, &Limits::CEILING) {
                    Ok(path) if row.mode == FOLDER => below.push((path, row.id)),
                    Ok(_) => {}
                    Err(found) => faults.push(found),
                },
            }
            Ok(())
        })?;
        if let Some((path, id)) = card {
            below.clear();
            match self.card(&path, id)? {
                Ok(card) => out.skills.push(Found { path: folder.cloned(), card }),
                Err(found) => out.faults.push(found),
            }
        } else {
            out.links += faults.iter().filter(|fault| is_link(fault) && !hides_a_skill(fault)).count() as u64;
            let room = FAULTS.saturating_sub(out.faults.len());
            out.faults.extend(faults.into_iter().filter(hides_a_skill).take(room));
        }
        Ok((count as u64, below))
    }
}

/// The path of a row, if its name, its mode and its place are good.
fn checked(folder: Option<&EntryPath>, row: &Row<'_>, limits: &Limits) -> Result<EntryPath, Fault> {
    let path =
        EntryPath::join(folder, row.name).map_err(|why| fault_at(folder, row.name, Rule::Name(why)))?;
    let rule = match row.mode {
        FOLDER | FILE | PROGRAM => misshapen(limits, &path),
        LINK => Some(Rule::Link),
        SUBMODULE => Some(Rule::Submodule),
        other => Some(Rule::GitMode(other)),
    };
    match rule {
        None => Ok(path),
        Some(rule) => Err(fault(Some(&path), rule)),
    }
}

impl Origin for Snapshot {
    fn source(&self) -> &Source {
        &self.source
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }

    fn proof(&self, skill: &Found) -> Result<Option<GitProof>, FetchError> {
        let mut trees = Vec::new();
        self.way_to(skill.path.as_ref(), &mut |tree| trees.push(tree.to_vec()))?;
        Ok(Some(GitProof { tags: self.tags.clone(), commit: self.commit.clone(), trees }))
    }

    fn skills(&self) -> Result<Listing, FetchError> {
        let mut out = Listing::default();
        let base = self.source.path.clone();
        let mut open = vec![(base.clone(), self.tree_at(base.as_ref())?)];
        let mut seen = 0_u64;
        while let Some((folder, id)) = open.pop() {
            let (count, below) = self.look(folder.as_ref(), id, &mut out)?;
            open.extend(below.into_iter().map(|(path, id)| (Some(path), id)));
            // One for the folder itself: empty folders are no free ride.
            seen += count + 1;
            if seen > SEARCHED {
                let limit = format!("{SEARCHED} entries to search; name a folder in it");
                return Err(FetchError::TooLarge { what: self.objects.what().to_owned(), limit });
            }
        }
        out.skills.sort_by(|a, b| a.path.cmp(&b.path));
        out.faults.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(out)
    }

    fn copy(&self, skill: &Found, limits: &Limits, out: Sink<'_>) -> Result<(), FetchError> {
        let (files, faults) = self.plan(self.tree_at(skill.path.as_ref())?, limits)?;
        if !faults.is_empty() {
            return Err(FetchError::Refused(faults));
        }
        for file in files {
            let object = self.objects.read(file.id, Kind::Blob, file.size)?;
            let mut bytes = object.data();
            out(&file.path, file.executable, file.size, &mut bytes)
                .map_err(|source| FetchError::Io { what: file.path.to_string(), source })?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    fn tree(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let row = |(mode, name): &(&str, &[u8])| [mode.as_bytes(), b" ", name, b"\0", &[7; 20]].concat();
        entries.iter().flat_map(row).collect()
    }

    #[test]
    fn rows_come_as_they_are() {
        let bytes = tree(&[("100644", b"a"), ("40000", b"a-"), ("40000", b"a"), ("100777", b"\xff")]);
        let found = rows(&bytes).unwrap();
        assert_eq!(found.iter().map(|row| row.mode).collect::<Vec<_>>(), [FILE, FOLDER, FOLDER, 0o100_777]);
        assert_eq!(found[3].name, b"\xff");
        assert_eq!(rows(b"").unwrap(), []);
    }

    #[test]
    fn malformed_trees_are_refused_with_a_reason() {
        let good = tree(&[("100644", b"a")]);
        let cases: &[(&[u8], &str)] = &[
            (&tree(&[("100644", b"b"), ("100644", b"a")]), "order"),
            (&tree(&[("40000", b"a"), ("100644", b"a-")]), "order"),
            (&tree(&[("040000", b"a")]), "octal"),
            (&tree(&[("", b"a")]), "no number"),
            (&tree(&[("10064x", b"a")]), "octal"),
            (&tree(&[("100000000644", b"a")]), "without a mode"),
            (&good[..good.len() - 1], "cut off"),
            (&good[..6], "without a mode"),
            (b"100644 a", "without an end"),
        ];
        for (bytes, said) in cases {
            let why = rows(bytes).unwrap_err();
            assert!(why.contains(said), "{why}, not {said}");
        }
        for cut in 0..good.len() {
            assert_eq!(rows(&good[..cut]).is_ok(), cut == 0, "{cut}");
        }
    }
}
