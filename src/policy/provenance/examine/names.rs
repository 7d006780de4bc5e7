//! Which files of a folder are evidence, by their names alone.

use super::super::oms::SIGNATURE_FILE;
use super::super::ssh::sig::ARMOUR_MAX;
use super::super::ssh::statement::{INSIDE, STATEMENT_MAX};
use crate::model::json::EVIDENCE_MAX;
use crate::model::manifest::Manifest;

/// What a folder's names say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    /// Files that verifiers read, and the most bytes they take of each: what is
    /// longer need not be read, and is given as missing.
    pub read: Vec<(&'static str, u64)>,
    /// Files that look like signatures of other kinds: path, and which kind.
    pub other: Vec<(String, &'static str)>,
}

/// Endings of signatures that are not evaluated here.
const OTHER: &[(&str, &str)] = &[
    (".asc", "an OpenPGP signature"),
    (".minisig", "a minisign signature"),
    (".sigstore", "a Sigstore bundle"),
    (".sigstore.json", "a Sigstore bundle"),
    (".p7s", "a CMS signature"),
    (".sig", "a signature whose kind its name does not say"),
];

/// Looks through the names at the top of a folder.
#[must_use]
pub fn names(folder: &Manifest) -> Names {
    let most = |path: &str| match path {
        SIGNATURE_FILE => EVIDENCE_MAX as u64,
        path if path == INSIDE[0] => STATEMENT_MAX as u64,
        _ => ARMOUR_MAX as u64,
    };
    let known = [SIGNATURE_FILE, INSIDE[0], INSIDE[1]];
    let read = known.into_iter().filter(|path| folder.get(path).is_some());
    let mut found = Names { read: read.map(|path| (path, most(path))).collect(), other: Vec::new() };
    for entry in folder.entries() {
        let path = entry.path.as_str();
        let small = path.to_ascii_lowercase();
        if path.contains('/') || known.contains(&path) {
            continue;
        }
        if let Some((_, what)) = OTHER.iter().find(|(ending, _)| small.ends_with(ending)) {
            found.other.push((path.to_owned(), what));
        }
    }
    found
}
