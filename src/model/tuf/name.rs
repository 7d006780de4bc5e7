//! Names of files: from what metadata calls a role or a target to what lies in
//! a folder or behind an address.

use crate::model::path::EntryPath;
use std::fmt::Write as _;

/// A name as one component of a path or address: everything but letters,
/// digits and `-._~` percent-encoded. A slash too, so that a role called
/// `../root` is a file beside the others.
#[must_use]
pub fn quote(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// The file of a role: `7.snapshot.json`, or without a version `snapshot.json`.
#[must_use]
pub fn file_of(role: &str, version: Option<u64>) -> String {
    let name = quote(role);
    version.map_or_else(|| format!("{name}.json"), |version| format!("{version}.{name}.json"))
}

/// Whether a target path can be looked for at all: parts that could stand in a
/// skill, no dots alone, no backslash, nothing hidden. Others may stand in
/// metadata and are never found.
#[must_use]
pub fn is_plain(path: &str) -> bool {
    path.len() <= 512 && EntryPath::parse(path.as_bytes()).is_ok()
}

/// Where a target lies below the folder of targets; with the hash before its
/// last part where consistent snapshots are used (5.7.3).
#[must_use]
pub(super) fn target_file(path: &str, hash: Option<&str>) -> String {
    let Some(hash) = hash else { return path.to_owned() };
    match path.rsplit_once('/') {
        Some((folder, name)) => format!("{folder}/{hash}.{name}"),
        None => format!("{hash}.{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_never_names_a_file_elsewhere() {
        assert_eq!(file_of("snapshot", Some(7)), "7.snapshot.json");
        assert_eq!(file_of("timestamp", None), "timestamp.json");
        assert_eq!(file_of("../root", Some(1)), "1...%2Froot.json");
        assert_eq!(file_of("/a b?#%", None), "%2Fa%20b%3F%23%25.json");
        assert_eq!(file_of("é\0", None), "%C3%A9%00.json");
        assert_ne!(quote("%2F"), quote("/"));
    }

    #[test]
    fn a_target_stays_below_its_folder() {
        for path in ["a", "a/b", "anchors/acme.pem", "a b"] {
            assert!(is_plain(path), "{path}");
        }
        for path in
            ["", "/a", "a/", "a//b", "..", "../a", "a/../b", ".", "a\\b", "a\0", "a\n", &"a/".repeat(600)]
        {
            assert!(!is_plain(path), "{path}");
        }
        assert_eq!(target_file("a/b", Some("ff")), "a/ff.b");
        assert_eq!(target_file("b", Some("ff")), "ff.b");
        assert_eq!(target_file("a/b", None), "a/b");
    }
}
