//! The signed list against the folder, file by file.

use super::SIGNATURE_FILE;
use super::predicate::Predicate;
use crate::model::digest::{Digest, Hasher};
use crate::model::text;
use crate::policy::provenance::statement::Statement;
use crate::policy::provenance::{Subject, SubjectFile};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What the reference leaves out on its own, and what its Go sibling does beside it.
pub(in crate::policy::provenance) const IGNORED: &[&str] =
    &[".git", ".gitattributes", ".github", ".gitignore", ".gitmodules"];

/// Most names in one answer.
const NAMES_MAX: usize = 50;

/// How far the list goes.
pub(super) struct Told {
    /// Files here that are not in the list; escaped.
    pub(super) uncovered: Vec<String>,
    /// What is worth knowing; escaped.
    pub(super) notes: Vec<String>,
}

/// Compares; an error says what was signed differently.
pub(super) fn compare(
    statement: &Statement,
    predicate: &Predicate,
    subject: &Subject,
    bare: &Digest,
) -> Result<Told, String> {
    let here: BTreeMap<_, _> = files(subject).map(|file| (file.path.as_str(), file)).collect();
    let mut root = Hasher::new();
    for resource in &predicate.resources {
        root.update(resource.digest.as_bytes());
    }
    same(
        "root digest",
        statement.digest("sha256")?.ok_or("the statement has no root digest")?,
        root.finish(),
    )?;
    for resource in &predicate.resources {
        let name = text::escape_short(resource.name.as_str(), 120);
        let file =
            here.get(resource.name.as_str()).ok_or_else(|| format!("`{name}` was signed and is not here"))?;
        same(&format!("`{name}`"), resource.digest, file.sha256)?;
    }
    // Without this, the commonest fault would be told as a difference of two trees.
    let listed: std::collections::BTreeSet<_> =
        predicate.resources.iter().map(|one| one.name.as_str()).collect();
    let uncovered: Vec<_> = here.keys().copied().filter(|path| !listed.contains(path)).collect();
    if !uncovered.is_empty() {
        return Ok(Told { uncovered: names(&uncovered), notes: Vec::new() });
    }
    let mut notes = digests(statement, subject, bare)?;
    let unsigned = modes(predicate, &here)?;
    if statement.name != subject.name.as_str() {
        let other = text::escape_short(&statement.name, 80);
        notes.push(format!("it was signed under the name `{other}`, not `{}`", subject.name));
    }
    if predicate.followed_links {
        notes.push("its signer followed links; here there are none".to_owned());
    }
    let own = |entry: &&String| entry.as_str() != SIGNATURE_FILE && !IGNORED.contains(&entry.as_str());
    let left_out: Vec<_> = predicate.ignored.iter().filter(own).map(String::as_str).collect();
    if !left_out.is_empty() {
        let list = names(&left_out).join("`, `");
        notes.push(format!("its signer left out `{list}`; every file that is here is signed all the same"));
    }
    if !is_sorted(predicate) {
        notes.push("its files are listed in an order of their own".to_owned());
    }
    if !unsigned.is_empty() && !names_the_tree(statement) {
        notes.push(format!("executable, which is not signed: {}", names(&unsigned).join(", ")));
    }
    Ok(Told { uncovered: Vec::new(), notes })
}

fn files(subject: &Subject) -> impl Iterator<Item = &SubjectFile> {
    subject.files.iter().filter(|file| file.path != SIGNATURE_FILE)
}

fn same(what: &str, signed: Digest, here: Digest) -> Result<(), String> {
    if signed == here { Ok(()) } else { Err(format!("{what} was signed as {signed}, and is {here}")) }
}

fn names(paths: &[&str]) -> Vec<String> {
    let mut out: Vec<_> = paths.iter().take(NAMES_MAX).map(|path| text::escape_short(path, 120)).collect();
    if paths.len() > NAMES_MAX {
        out.push(format!("{} more", paths.len() - NAMES_MAX));
    }
    out
}

/// The digests of the whole that a signer may have added.
fn digests(statement: &Statement, subject: &Subject, bare: &Digest) -> Result<Vec<String>, String> {
    if let Some(signed) = statement.digest("dirHash")? {
        same("the dirHash", signed, dir_hash(subject))?;
    }
    // Forty digits are git's SHA-1, which is computed elsewhere.
    if statement.digests.iter().any(|(kind, hex)| kind == "gitTree" && hex.len() == 40) {
        return Ok(vec!["it names a SHA-1 tree of git, which is not compared".to_owned()]);
    }
    if let Some(signed) = statement.digest("gitTree")? {
        same("the tree, modes included,", signed, *bare)?;
    }
    Ok(Vec::new())
}

/// Go's `h1` over the files: SHA-256 of one line for each, sorted by name.
pub(in crate::policy::provenance) fn dir_hash(subject: &Subject) -> Digest {
    let mut lines: Vec<_> = files(subject).collect();
    lines.sort_by(|a, b| a.path.cmp(&b.path));
    let mut hasher = Hasher::new();
    for file in lines {
        // Writing to a hasher never fails.
        let _ = writeln!(hasher, "{}  {}", file.sha256.hex(), file.path);
    }
    hasher.finish()
}

/// By code points, as the specification has it, or by components, as the reference does.
fn is_sorted(predicate: &Predicate) -> bool {
    let by_name = predicate.resources.is_sorted_by(|a, b| a.name.as_str() < b.name.as_str());
    by_name || predicate.resources.is_sorted_by(|a, b| a.name.components().lt(b.name.components()))
}

/// Whether the statement binds modes by the digest of the whole.
fn names_the_tree(statement: &Statement) -> bool {
    statement.digests.iter().any(|(kind, hex)| kind == "gitTree" && hex.len() == 64)
}

/// The executable files whose mode is not listed; an error names one that was
/// signed with the other mode.
///
/// Attack: `chmod +x` on a signed text file makes a program that nobody signed.
fn modes<'a>(predicate: &'a Predicate, here: &BTreeMap<&str, &SubjectFile>) -> Result<Vec<&'a str>, String> {
    let word = |executable: bool| if executable { "executable" } else { "not executable" };
    let mut unsigned = Vec::new();
    for resource in &predicate.resources {
        let path = resource.name.as_str();
        match (resource.executable, here.get(path).is_some_and(|file| file.executable)) {
            (Some(signed), now) if signed != now => {
                let name = text::escape_short(path, 120);
                return Err(format!("`{name}` was signed as {}, and is {}", word(signed), word(now)));
            }
            (None, true) => unsigned.push(path),
            _ => {}
        }
    }
    Ok(unsigned)
}
