//! What only a look at all files together can tell: names that collide on
//! some systems, totals, and whether it is a skill at all.
//!
//! What one entry can break by itself is found where it is read; here the
//! limits are checked again, so that a manifest from anywhere (an archive, a
//! git tree, a file) meets the same rules. Names are compared more widely than
//! any one file system does, since a skill goes to all of them.

use crate::model::limits::{Fault, Limits, Rule};
use crate::model::manifest::Manifest;
use caseless::Caseless as _;
use std::collections::BTreeMap;
use unicode_normalization::UnicodeNormalization as _;

/// The file that makes a folder a skill.
pub const SKILL_FILE: &str = "SKILL.md";

/// Everything that breaks a rule about the files as a list, in path order.
#[must_use]
pub fn check(manifest: &Manifest, limits: &Limits) -> Vec<Fault> {
    let mut faults = over_limits(manifest, limits);
    faults.extend(collisions(manifest));
    faults.extend(no_skill_file(manifest));
    faults.sort_by(|a, b| (&a.path, a.rule.code()).cmp(&(&b.path, b.rule.code())));
    faults
}

/// Limits, of each file and of all together.
fn over_limits(manifest: &Manifest, limits: &Limits) -> Vec<Fault> {
    let whole = |rule| Fault { path: ".".to_owned(), rule };
    let mut faults = Vec::new();
    if manifest.entries().len() as u64 > limits.files {
        faults.push(whole(Rule::TooManyFiles(limits.files)));
    }
    let total = manifest.entries().iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.size));
    if total > limits.total {
        faults.push(whole(Rule::TooManyBytes(limits.total)));
    }
    for entry in manifest.entries() {
        let mut fault = |rule| faults.push(Fault { path: entry.path.to_string(), rule });
        if entry.size > limits.file {
            fault(Rule::FileTooLarge(entry.size, limits.file));
        }
        if entry.path.depth() > limits.depth {
            fault(Rule::TooDeep(limits.depth));
        }
        if entry.path.as_str().len() > limits.path {
            fault(Rule::PathTooLong(limits.path));
        }
    }
    faults
}

/// Different names in one folder, of files or folders, that fold to one.
///
/// Attack: `SKILL.md` is reviewed and `skill.MD` wins on a system that folds
/// case, or a folder is merged with another.
fn collisions(manifest: &Manifest) -> Vec<Fault> {
    let files = manifest.entries().iter().map(|entry| entry.path.as_str());
    let mut seen: BTreeMap<(&str, String), &str> = BTreeMap::new();
    let mut faults = Vec::new();
    for path in manifest.folders().into_iter().chain(files) {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        match seen.entry((folder, fold(name))) {
            std::collections::btree_map::Entry::Vacant(free) => {
                free.insert(path);
            }
            std::collections::btree_map::Entry::Occupied(taken) => {
                faults
                    .push(Fault { path: path.to_owned(), rule: Rule::Collision((*taken.get()).to_owned()) });
            }
        }
    }
    faults
}

/// The form in which two names are one on some system: upper-cased, since some
/// file systems compare so, then folded and decomposed for compatibility.
///
/// See: The Unicode Standard, section 3.13, D146 (compatibility caseless match).
#[must_use]
pub fn fold(name: &str) -> String {
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    let upper = name.nfd().flat_map(char::to_uppercase);
    upper.default_case_fold().nfkd().default_case_fold().nfkd().collect()
}

/// Exactly one `SKILL.md` at the top, spelled so. Attack: an agent on a system
/// that folds case loads `skill.md`, which no review here showed as the skill.
fn no_skill_file(manifest: &Manifest) -> Option<Fault> {
    if manifest.get(SKILL_FILE).is_some() {
        return None;
    }
    let wanted = fold(SKILL_FILE);
    let other = manifest
        .entries()
        .iter()
        .map(|entry| entry.path.as_str())
        .find(|path| !path.contains('/') && fold(path) == wanted);
    Some(Fault { path: ".".to_owned(), rule: Rule::NoSkillFile(other.map(str::to_owned)) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::digest::Digest;
    use crate::model::manifest::Entry;
    use crate::model::path::EntryPath;
    use proptest::prelude::*;

    fn sized(files: &[(&str, u64)]) -> Manifest {
        let entry = |(path, size): &(&str, u64)| Entry {
            path: EntryPath::parse(path.as_bytes()).unwrap(),
            executable: false,
            size: *size,
            sha256: Digest::ZERO,
        };
        Manifest::new(files.iter().map(entry).collect()).unwrap()
    }

    fn files(paths: &[&str]) -> Manifest {
        sized(&paths.iter().map(|path| (*path, 1)).collect::<Vec<_>>())
    }

    fn found(paths: &[&str]) -> Vec<(String, &'static str)> {
        let faults = check(&files(paths), &Limits::DEFAULT);
        faults.into_iter().map(|fault| (fault.path, fault.rule.code())).collect()
    }

    fn at(path: &str, code: &'static str) -> Vec<(String, &'static str)> {
        vec![(path.to_owned(), code)]
    }

    #[test]
    fn an_ordinary_skill_breaks_nothing() {
        assert_eq!(found(&["SKILL.md", "a/b", "a/c", "b/a", "b/b", "日本.md"]), []);
    }

    #[test]
    fn names_that_fold_to_one_collide_at_every_level() {
        for (one, two) in [
            ("README", "readme"),
            ("a/x/README", "a/x/Readme"),
            ("straße", "STRASSE"),
            ("ﬁle", "file"),
            ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
            ("ſ", "s"),
            ("①", "1"),
            ("ı", "i"),
            ("Ａ", "a"),
        ] {
            let later = one.max(two);
            assert_eq!(found(&["SKILL.md", one, two]), at(later, "entry-collision"));
        }
    }

    #[test]
    fn folders_collide_with_folders_and_with_files() {
        assert_eq!(found(&["SKILL.md", "Lib/x", "lib/y"]), at("lib", "entry-collision"));
        assert_eq!(found(&["SKILL.md", "Lib", "lib/y"]), at("Lib", "entry-collision"));
        assert_eq!(found(&["SKILL.md", "a/x", "b/X"]), []);
    }

    #[test]
    fn three_names_of_one_kind_are_two_faults() {
        assert_eq!(found(&["SKILL.md", "a", "A", "b", "B", "ab", "aB", "AB"]).len(), 4);
    }

    #[test]
    fn a_skill_has_its_file_at_the_top_and_spelled_so() {
        for paths in [&[][..], &["x"], &["sub/SKILL.md"], &["SKILL.md/x"]] {
            assert_eq!(found(paths), at(".", "entry-no-skill-file"), "{paths:?}");
        }
        let faults = check(&files(&["skill.MD"]), &Limits::DEFAULT);
        assert_eq!(faults[0].rule, Rule::NoSkillFile(Some("skill.MD".to_owned())));
        assert_eq!(found(&["SKILL.md", "skill.md"]), at("skill.md", "entry-collision"));
    }

    #[test]
    fn limits_hold_for_a_manifest_from_anywhere() {
        let limits = Limits { files: 2, total: 10, file: 6, depth: 2, path: 8 };
        let codes = |files: &[(&str, u64)]| {
            check(&sized(files), &limits).iter().map(|fault| fault.rule.code()).collect::<Vec<_>>()
        };
        assert_eq!(codes(&[("SKILL.md", 6), ("a/b", 4)]), [""; 0]);
        assert_eq!(codes(&[("SKILL.md", 7)]), ["limit-file"]);
        assert_eq!(codes(&[("SKILL.md", 6), ("a", 5)]), ["limit-bytes"]);
        assert_eq!(codes(&[("SKILL.md", 1), ("a", 1), ("b", 1)]), ["limit-files"]);
        assert_eq!(codes(&[("SKILL.md", 1), ("a/b/c", 1)]), ["limit-depth"]);
        assert_eq!(codes(&[("SKILL.md", 1), ("123456789", 1)]), ["limit-path"]);
        let huge = [("SKILL.md", u64::MAX), ("a", u64::MAX)];
        assert!(codes(&huge).contains(&"limit-bytes"), "sizes that overflow are still too many");
    }

    proptest! {
        #[test]
        fn folding_is_stable_and_case_does_not_change_it(name in "[a-zA-Z0-9äöüßéÄÖÜİıſΣσςάΆÅ①ﬁǅＡａ가-힣]{0,12}") {
            let folded = fold(&name);
            prop_assert_eq!(&fold(&folded), &folded);
            prop_assert_eq!(fold(&name.to_uppercase()), fold(&name));
            let nfc: String = name.nfc().collect();
            prop_assert_eq!(fold(&nfc), folded);
        }
    }
}
