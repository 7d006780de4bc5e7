//! The repository that the tour installs from: made in process, with a fixed
//! author and time, so that everyone who takes the tour sees the same commits.

use git2::{FileMode, ObjectType, Oid, Repository, RepositoryInitOptions, Signature, Time};
use std::path::Path;

/// Path, executable, bytes.
type File = (&'static str, bool, &'static str);

macro_rules! fixture {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/skills/", $path))
    };
}

/// What the repository holds first.
const FIRST: &[File] = &[
    ("meeting-notes/SKILL.md", false, fixture!("meeting-notes/SKILL.md")),
    ("release-notes/SKILL.md", false, fixture!("release-notes/SKILL.md")),
    ("release-notes/scripts/commits.sh", true, fixture!("release-notes/scripts/commits.sh")),
];

/// What it holds after its second commit.
const SECOND: &[File] = &[
    ("meeting-notes/SKILL.md", false, fixture!("meeting-notes/SKILL.md")),
    ("release-notes/SKILL.md", false, fixture!("release-notes-next/SKILL.md")),
    ("release-notes/scripts/commits.sh", true, fixture!("release-notes-next/scripts/commits.sh")),
    ("release-notes/scripts/people.sh", true, fixture!("release-notes-next/scripts/people.sh")),
];

/// The skill that the tour follows.
pub(super) const SKILL: &str = "release-notes";

/// 2026-01-05T09:00:00Z; each commit is a day later.
const START: i64 = 1_767_603_600;

/// Makes the repository with its first commit.
pub(super) fn make(folder: &Path) -> Result<(), git2::Error> {
    let mut options = RepositoryInitOptions::new();
    // Attack: a template of the account's own could bring hooks or settings.
    options.bare(true).initial_head("main").external_template(false);
    let repo = Repository::init_opts(folder, &options)?;
    commit(&repo, FIRST, "Two skills", 0).map(drop)
}

/// Adds the second commit.
pub(super) fn publish(folder: &Path) -> Result<(), git2::Error> {
    let repo = Repository::open_bare(folder)?;
    commit(&repo, SECOND, "Release notes name the contributors", 1).map(drop)
}

fn commit(repo: &Repository, files: &[File], message: &str, day: i64) -> Result<Oid, git2::Error> {
    let tree = repo.find_tree(tree(repo, files)?)?;
    let who = Signature::new("Tour", "tour@example.org", &Time::new(START + day * 86_400, 0))?;
    let parent = match repo.head() {
        Ok(head) => Some(head.peel_to_commit()?),
        Err(_) => None,
    };
    repo.commit(Some("HEAD"), &who, &who, message, &tree, &parent.iter().collect::<Vec<_>>())
}

/// The tree of sorted paths, folder by folder.
fn tree(repo: &Repository, files: &[File]) -> Result<Oid, git2::Error> {
    let mut builder = repo.treebuilder(None)?;
    let mut rest = files;
    while let Some(&(path, executable, bytes)) = rest.first() {
        let Some((folder, _)) = path.split_once('/') else {
            let mode = if executable { FileMode::BlobExecutable } else { FileMode::Blob };
            builder.insert(path, repo.odb()?.write(ObjectType::Blob, bytes.as_bytes())?, mode.into())?;
            rest = &rest[1..];
            continue;
        };
        let below =
            |file: &File| file.0.split_once('/').filter(|(name, _)| *name == folder).map(|(_, tail)| tail);
        let inside: Vec<File> = rest.iter().map_while(|file| Some((below(file)?, file.1, file.2))).collect();
        builder.insert(folder, tree(repo, &inside)?, FileMode::Tree.into())?;
        rest = &rest[inside.len()..];
    }
    builder.write()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyone_gets_the_same_commits() {
        let heads = || {
            let place = tempfile::tempdir().unwrap();
            make(place.path()).unwrap();
            let head = || {
                let repo = Repository::open_bare(place.path()).unwrap();
                repo.head().unwrap().target().unwrap().to_string()
            };
            let first = head();
            publish(place.path()).unwrap();
            (first, head())
        };
        let (first, second) = heads();
        assert_eq!((first.clone(), second.clone()), heads());
        assert_ne!(first, second);
        assert!(FIRST.is_sorted() && SECOND.is_sorted());
    }
}
