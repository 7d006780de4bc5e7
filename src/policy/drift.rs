//! How observed bytes differ from those a person pinned.
//!
//! Pure and complete: every difference is listed, not just the first, since a
//! person decides by this list. Empty if and only if the digests are equal and
//! nothing is wrong. It says how, never what follows from it; and a list that
//! tells of trouble reading (`Rule::is_trouble`) is no drift yet.

use crate::model::lifecycle::DriftReason;
use crate::model::limits::{Fault, Rule};
use crate::model::manifest::{Entry, Manifest};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// Every difference between what was pinned and what was observed, by path.
#[must_use]
pub fn compare(pinned: &Manifest, observed: &Manifest, faults: &[Fault]) -> Vec<DriftReason> {
    let mut reasons: Vec<_> = faults.iter().map(|fault| of_fault(fault, pinned)).collect();
    let faulty: BTreeMap<&str, bool> = faults.iter().fold(BTreeMap::new(), |mut all, fault| {
        *all.entry(fault.path.as_str()).or_default() |= matches!(fault.rule, Rule::Mode(..));
        all
    });
    // A file that was never reached is not known to be gone.
    let all_seen = !faults.iter().any(|fault| fault.rule.ends_the_walk());
    let (mut was, mut now) = (pinned.entries().iter().peekable(), observed.entries().iter().peekable());
    loop {
        let order = match (was.peek(), now.peek()) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(was), Some(now)) => was.path.cmp(&now.path),
        };
        match order {
            Ordering::Less => {
                // What stands there in a form that is refused is not gone.
                if let Some(entry) = was.next().filter(|entry| !faulty.contains_key(entry.path.as_str()))
                    && all_seen
                {
                    reasons.push(DriftReason::Removed { path: entry.path.to_string() });
                }
            }
            Ordering::Greater => {
                reasons.extend(now.next().map(|entry| DriftReason::Added { path: entry.path.to_string() }));
            }
            Ordering::Equal => {
                if let (Some(was), Some(now)) = (was.next(), now.next()) {
                    let mode_told = faulty.get(now.path.as_str()) == Some(&true);
                    both(was, now, mode_told, &mut reasons);
                }
            }
        }
    }
    sorted(reasons)
}

/// The differences of a file that is there before and after.
fn both(was: &Entry, now: &Entry, mode_told: bool, reasons: &mut Vec<DriftReason>) {
    let path = || now.path.to_string();
    if was.sha256 != now.sha256 {
        reasons.push(DriftReason::Content { path: path(), was: was.sha256, now: now.sha256 });
    }
    if was.executable != now.executable && !mode_told {
        let mode = |executable| if executable { "100755" } else { "100644" }.to_owned();
        reasons.push(DriftReason::Mode {
            path: path(),
            was: mode(was.executable),
            now: mode(now.executable),
        });
    }
}

fn of_fault(fault: &Fault, pinned: &Manifest) -> DriftReason {
    let path = fault.path.clone();
    let Rule::Mode(found, guessed) = fault.rule else {
        return DriftReason::Refused { path, rule: fault.rule.code().to_owned() };
    };
    // The reader judges by the execute bit that it finds; the pin knows
    // whether we wrote the file with it.
    let was = match pinned.get(&path) {
        Some(entry) if entry.executable => guessed | (guessed & 0o444) >> 2,
        Some(_) => guessed & !0o111,
        None => guessed,
    };
    DriftReason::Mode { path, was: format!("{was:04o}"), now: format!("{found:04o}") }
}

fn sorted(mut reasons: Vec<DriftReason>) -> Vec<DriftReason> {
    let mut seen = BTreeSet::new();
    reasons.retain(|reason| seen.insert(key(reason)));
    reasons.sort_by_cached_key(key);
    reasons
}

/// Path, kind and detail: the order of the list, and what makes two reasons one.
fn key(reason: &DriftReason) -> (String, u8, String) {
    let (path, rank, detail) = match reason {
        DriftReason::Missing { path } => (path.as_str(), 0, ""),
        DriftReason::DigestOnly { .. } => ("", 1, ""),
        DriftReason::Removed { path } => (path.as_str(), 2, ""),
        DriftReason::Added { path } => (path.as_str(), 3, ""),
        DriftReason::Content { path, .. } => (path.as_str(), 4, ""),
        DriftReason::Mode { path, now, .. } => (path.as_str(), 5, now.as_str()),
        DriftReason::Refused { path, rule } => (path.as_str(), 6, rule.as_str()),
    };
    (path.to_owned(), rank, detail.to_owned())
}

/// Names what a program or desktop leaves behind without anybody's intent.
/// It explains a drift; it never excuses one.
#[must_use]
pub fn by_product(path: &str) -> Option<&'static str> {
    const FOLDERS: &[(&str, &str)] = &[
        ("__pycache__", "Python's compiled code"),
        (".pytest_cache", "pytest's cache"),
        (".mypy_cache", "mypy's cache"),
        (".ruff_cache", "ruff's cache"),
        ("__MACOSX", "macOS archive leftovers"),
        (".Spotlight-V100", "the macOS search index"),
        (".Trashes", "the macOS trash"),
        (".idea", "an editor's settings"),
        (".vscode", "an editor's settings"),
    ];
    let folder = |part| FOLDERS.iter().find(|(name, _)| *name == part);
    if let Some((_, what)) = path.split('/').find_map(folder) {
        return Some(what);
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    match name {
        ".DS_Store" => return Some("the macOS Finder's notes"),
        "Thumbs.db" | "ehthumbs.db" | "desktop.ini" => return Some("the Windows Explorer's notes"),
        ".directory" => return Some("a desktop's notes"),
        _ => {}
    }
    if name.starts_with("._") {
        return Some("macOS file attributes");
    }
    if name.starts_with(".nfs") {
        return Some("a file that was removed while in use");
    }
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    match extension {
        "pyc" | "pyo" => Some("Python's compiled code"),
        "swp" | "swo" if stem.starts_with('.') => Some("an editor's recovery file"),
        _ if name.ends_with('~') || (name.len() > 2 && name.starts_with('#') && name.ends_with('#')) => {
            Some("an editor's backup")
        }
        _ => None,
    }
}

/// Whether two texts differ in nothing but `\n` against `\r\n`, as a checkout
/// on another system leaves them. It explains a drift; it never excuses one.
#[must_use]
pub fn line_ends_only(was: &[u8], now: &[u8]) -> bool {
    let lines = |text: &[u8]| -> Vec<Vec<u8>> {
        let whole = text.split(|byte| *byte == b'\n');
        whole.map(|line| line.strip_suffix(b"\r").unwrap_or(line).to_vec()).collect()
    };
    was != now && lines(was) == lines(now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::digest::{Digest, sha256};
    use crate::model::path::EntryPath;
    use proptest::prelude::*;

    fn id(content: u8) -> Digest {
        sha256(&[&[content]])
    }

    fn manifest(files: &[(&str, bool, u8)]) -> Manifest {
        let entry = |(path, executable, content): &(&str, bool, u8)| Entry {
            path: EntryPath::parse(path.as_bytes()).unwrap(),
            executable: *executable,
            size: 1,
            sha256: id(*content),
        };
        Manifest::new(files.iter().map(entry).collect()).unwrap()
    }

    fn fault(path: &str, rule: Rule) -> Fault {
        Fault { path: path.to_owned(), rule }
    }

    fn text(text: &str) -> String {
        text.to_owned()
    }

    #[test]
    fn every_difference_is_listed_in_path_order() {
        let pinned =
            manifest(&[("SKILL.md", false, 1), ("a", false, 2), ("gone", false, 3), ("run", true, 4)]);
        let now = manifest(&[("SKILL.md", false, 9), ("a", true, 2), ("new", false, 3), ("run", false, 5)]);
        let mode = |path: &str, was: &str, now: &str| DriftReason::Mode {
            path: text(path),
            was: text(was),
            now: text(now),
        };
        assert_eq!(
            compare(&pinned, &now, &[fault("z", Rule::Link)]),
            [
                DriftReason::Content { path: text("SKILL.md"), was: id(1), now: id(9) },
                mode("a", "100644", "100755"),
                DriftReason::Removed { path: text("gone") },
                DriftReason::Added { path: text("new") },
                DriftReason::Content { path: text("run"), was: id(4), now: id(5) },
                mode("run", "100755", "100644"),
                DriftReason::Refused { path: text("z"), rule: text("entry-link") },
            ]
        );
    }

    #[test]
    fn a_file_that_became_a_link_is_refused_and_not_removed() {
        let pinned = manifest(&[("SKILL.md", false, 1), ("d/a", false, 2)]);
        let now = manifest(&[("d/a", false, 2)]);
        assert_eq!(
            compare(&pinned, &now, &[fault("SKILL.md", Rule::Link)]),
            [DriftReason::Refused { path: text("SKILL.md"), rule: text("entry-link") }]
        );
    }

    #[test]
    fn a_mode_names_what_we_wrote_and_what_is_there() {
        let pinned = manifest(&[("plain", false, 1), ("run", true, 2)]);
        let now = manifest(&[("plain", true, 1), ("run", false, 2)]);
        let faults = [
            fault("plain", Rule::Mode(0o755, 0o555)),
            fault("run", Rule::Mode(0o644, 0o444)),
            fault(".", Rule::Mode(0o700, 0o555)),
        ];
        let modes: Vec<_> = compare(&pinned, &now, &faults)
            .into_iter()
            .map(|reason| match reason {
                DriftReason::Mode { path, was, now } => format!("{path} {was} {now}"),
                other => format!("{other:?}"),
            })
            .collect();
        assert_eq!(modes, [". 0555 0700", "plain 0444 0755", "run 0555 0644"]);
        let stored = compare(&pinned, &pinned, &[fault("run", Rule::Mode(0o400, 0o400))]);
        assert_eq!(stored, [DriftReason::Mode { path: text("run"), was: text("0500"), now: text("0400") }]);
    }

    #[test]
    fn what_was_not_reached_is_not_called_removed() {
        let pinned = manifest(&[("a", false, 1), ("b", false, 2)]);
        let stopped = compare(&pinned, &manifest(&[]), &[fault(".", Rule::TooManyFiles(1))]);
        assert_eq!(stopped, [DriftReason::Refused { path: text("."), rule: text("limit-files") }]);
    }

    #[test]
    fn line_ends_alone_are_told_from_any_other_change() {
        assert!(line_ends_only(b"a\nb\n", b"a\r\nb\r\n"));
        assert!(line_ends_only(b"a\r\nb\n", b"a\nb\r\n"));
        assert!(!line_ends_only(b"a\nb\n", b"a\nb\n"), "the same is no difference");
        for now in [&b"a\r\nb"[..], b"a\r\nc\r\n", b"a\rb\r", b"a\n\r\nb\n", b"a\r\r\nb\n", b""] {
            assert!(!line_ends_only(b"a\nb\n", now), "{now:?}");
        }
    }

    #[test]
    fn by_products_are_known_by_name_and_nothing_else_is() {
        for path in [
            "a/__pycache__/x.cpython-312.pyc",
            "__pycache__",
            "x/.DS_Store",
            "._SKILL.md",
            "Thumbs.db",
            ".SKILL.md.swp",
            "SKILL.md~",
            "#SKILL.md#",
            "lib.pyc",
        ] {
            assert!(by_product(path).is_some(), "{path}");
        }
        for path in ["SKILL.md", "pycache/x", "DS_Store", "scripts/run.py", "x.swp", "##", "#", ".env", "~"] {
            assert_eq!(by_product(path).is_some(), path == "~", "{path}");
        }
    }

    fn any_manifest() -> impl Strategy<Value = Manifest> {
        let name = prop::sample::select(vec!["a", "b", "a-", "a.b", "c/a", "c/b", "c/d/e", "SKILL.md", "c0"]);
        prop::collection::btree_map(name, (any::<bool>(), 0_u8..4), 0..9).prop_map(|files| {
            manifest(&files.into_iter().map(|(path, (exec, id))| (path, exec, id)).collect::<Vec<_>>())
        })
    }

    proptest! {
        #[test]
        fn nothing_differs_from_itself(a in any_manifest()) {
            prop_assert_eq!(compare(&a, &a, &[]), []);
        }

        #[test]
        fn no_reason_if_and_only_if_the_digests_are_equal(a in any_manifest(), b in any_manifest()) {
            prop_assert_eq!(compare(&a, &b, &[]).is_empty(), a.digest() == b.digest());
        }

        #[test]
        fn any_fault_is_a_reason(a in any_manifest(), at in 0_usize..9) {
            let rules = [
                Rule::Link, Rule::HardLink(2), Rule::Special("FIFO"), Rule::SetId(0o4755),
                Rule::EmptyFolder, Rule::Mode(0o600, 0o400), Rule::Owner(1, 2),
                Rule::Unreadable(String::new()), Rule::TooManyFiles(1),
            ];
            prop_assert!(!compare(&a, &a, &[fault("a", rules[at].clone())]).is_empty());
        }

        #[test]
        fn there_and_back_mirror_each_other(a in any_manifest(), b in any_manifest()) {
            let count = |reasons: &[DriftReason], added: bool| reasons.iter().filter(|reason| match reason {
                DriftReason::Added { .. } => added,
                DriftReason::Removed { .. } => !added,
                _ => false,
            }).count();
            let (there, back) = (compare(&a, &b, &[]), compare(&b, &a, &[]));
            prop_assert_eq!(there.len(), back.len());
            prop_assert_eq!(count(&there, true), count(&back, false));
        }
    }
}
